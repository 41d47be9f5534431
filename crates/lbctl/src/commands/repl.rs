//! `lbctl repl`.

use std::io::IsTerminal;

use super::exec;
use crate::context::Context;
use crate::fault::Fault;
use crate::repl;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "lbctl's commands and the node's own both work at the prompt; \\? lists the rest. Without a \
                        terminal it does what 'lbctl exec' does.\n\nExamples:\n  lbctl repl\n  \
                        printf 'drain app/web1\\nshow servers\\n' | lbctl repl")]
pub struct Args {}

/// Runs it.
///
/// # Errors
/// Without a terminal, that of the first line that fails.
pub fn run(_args: &Args, ctx: &Context) -> Result<(), Fault> {
    if std::io::stdin().is_terminal() && ctx.terminal {
        repl::interactive(ctx)
    } else {
        exec::run(&exec::Args::default(), ctx)
    }
}
