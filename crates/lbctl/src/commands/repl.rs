//! `lbctl repl`.

use std::io::IsTerminal;

use crate::context::Context;
use crate::fault::Fault;
use crate::repl;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "lbctl's commands and the node's own both work at the prompt; \\? lists the rest. Without a \
                        terminal the lines of standard input are run until one fails.\n\nExamples:\n  lbctl repl\n  \
                        printf 'drain app/web1\\nshow servers\\n' | lbctl repl")]
pub struct Args {}

/// Runs it.
///
/// # Errors
/// Without a terminal, the first line's that fails.
pub fn run(_args: &Args, ctx: &Context) -> Result<(), Fault> {
    if std::io::stdin().is_terminal() && ctx.terminal { repl::interactive(ctx) } else { repl::script(ctx) }
}
