//! `lbctl maint`.

use lb_client::{Act, AdminWish};

use super::Targets;
use crate::apply;
use crate::context::Context;
use crate::fault::Fault;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Requests in flight finish; persistent clients go to other servers; checks stop.\n\n\
                        Examples:\n  lbctl maint app/web1\n  lbctl maint 'app/web*' --yes")]
pub struct Args {
    /// Which servers.
    #[command(flatten)]
    pub targets: Targets,
}

/// Runs it.
///
/// # Errors
/// When a server is not there, or is not in maintenance afterwards.
pub fn run(args: &Args, ctx: &Context) -> Result<(), Fault> {
    apply::run(ctx, "Put into maintenance", &args.targets.targets, &Act::State(AdminWish::Maint))
}
