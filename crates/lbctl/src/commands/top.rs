//! `lbctl top`: the servers as they are, again and again, and keys that change the one that is marked.
//!
//! The keys are those of hatop, and letters beside them. What is drawn is read by [`crate::top`].

use std::io::IsTerminal;
use std::time::Duration;

use crate::cli::duration;
use crate::context::Context;
use crate::fan;
use crate::fault::Fault;
use crate::top;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Keys: up, down, page up, page down, home, end mark a server; Tab or 1 2 3 change the view (servers, \
                        backends and frontends, who holds the server); d drains, r or F9 makes ready, m or F10 puts into \
                        maintenance, + - and F5 to F8 change the weight, F4 restores it; q leaves.\n\nExamples:\n  lbctl \
                        top\n  lbctl top --every 500ms\n  lbctl top --once -o json"
)]
pub struct Args {
    /// How often it is looked
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "1s")]
    every: Duration,
    /// Print the servers once instead
    #[arg(long)]
    once: bool,
}

/// Runs it.
///
/// # Errors
/// [`crate::exit::Exit::Usage`] without a terminal, and that of the first exchange.
pub fn run(args: &Args, ctx: &Context) -> Result<(), Fault> {
    if args.once {
        return fan::show(ctx, super::show::all_servers);
    }
    if !(ctx.terminal && std::io::stdin().is_terminal()) {
        return Err(Fault::usage("top needs a terminal").hint("'lbctl top --once -o json' is for scripts"));
    }
    top::run(ctx, args.every)
}
