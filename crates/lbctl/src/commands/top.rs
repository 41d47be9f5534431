//! `lbctl top`: the servers as they are, again and again, and keys that change the one that is marked.
//!
//! The keys are those of hatop, and letters beside them. What is drawn is read by [`crate::top`].

use std::io::IsTerminal;
use std::time::Duration;

use crate::cli::duration;
use crate::context::Context;
use crate::fan;
use crate::fault::Fault;
use crate::target::Target;
use crate::top;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = format!("{}\nExamples:\n  lbctl top\n  lbctl top 'app*' --every 500ms\n  lbctl top --once -o json", top::keys::help())
)]
pub struct Args {
    /// Proxies, or rows as proxy/name; * and ? on either side
    #[arg(
        value_name = "TARGET",
        value_parser = super::show::loose,
        add = clap_complete::engine::ArgValueCompleter::new(crate::complete::loose_targets)
    )]
    targets: Vec<Target>,
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
        return fan::show(ctx, |one| super::show::servers_of(&args.targets, one));
    }
    if !(ctx.terminal && std::io::stdin().is_terminal()) {
        return Err(Fault::usage("top needs a terminal").hint("'lbctl top --once -o json' is for scripts"));
    }
    top::run(ctx, &args.targets, args.every)
}
