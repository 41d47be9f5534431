//! `lbctl maint`.

use lb_client::{Act, AdminWish};

use super::Targets;
use crate::acting::Acting;
use crate::context::Context;
use crate::fault::Fault;
use crate::guard::Guards;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Requests in flight finish; persistent clients go to other servers; checks stop.\n\n\
                        Examples:\n  lbctl maint app/web1\n  lbctl maint 'app/web*' --yes")]
pub struct Args {
    /// Which servers.
    #[command(flatten)]
    pub targets: Targets,
    /// What must still hold.
    #[command(flatten)]
    pub guards: Guards,
}

/// Runs it.
///
/// # Errors
/// When a server is not there, or is not in maintenance afterwards.
pub fn run(args: &Args, ctx: &Context) -> Result<(), Fault> {
    let selection = args.targets.selection()?;
    let acting = Acting { what: "Put into maintenance", selection: &selection, guards: args.guards };
    acting.apply(ctx, &Act::State(AdminWish::Maint))
}
