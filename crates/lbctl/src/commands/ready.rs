//! `lbctl ready`.

use std::time::Duration;

use lb_client::{Act, AdminWish};

use super::Targets;
use super::wait::wait_and_tell;
use crate::apply::{Report, apply, select};
use crate::cli::duration;
use crate::context::Context;
use crate::fault::Fault;
use crate::waiting::Goal;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "A server that leaves maintenance serves at once, before any check has run; --wait tells when \
                        its checks have passed.\n\nExamples:\n  lbctl ready app/web1\n  lbctl ready 'app/*' --wait \
                        --deadline 30s")]
pub struct Args {
    /// Which servers.
    #[command(flatten)]
    pub targets: Targets,
    /// Wait until its checks have passed
    #[arg(long)]
    pub wait: bool,
    /// Longest time to wait (implies --wait); for ever without
    #[arg(long, value_parser = duration, value_name = "TIME")]
    pub deadline: Option<Duration>,
}

/// Runs it.
///
/// # Errors
/// When a server is not there, is not ready afterwards, or is not up in time.
pub fn run(args: &Args, ctx: &Context) -> Result<(), Fault> {
    let servers = select(ctx, "Bring back", &args.targets.targets)?;
    let mut report = Report::default();
    let ready = apply(ctx, &mut report, &Act::State(AdminWish::Ready), &servers)?;
    let waited = if args.wait || args.deadline.is_some() {
        wait_and_tell(ctx, &mut report, Goal::Up, &ready, args.deadline)
    } else {
        Ok(())
    };
    let finished = report.finish(ctx);
    waited.and(finished)
}
