//! `lbctl kill-sessions`.

use lb_client::{Error, Line};

use super::Targets;
use crate::acting::Acting;
use crate::context::Context;
use crate::fault::Fault;
use crate::lines::{Told, send};
use crate::workers;

/// Arguments.
#[derive(Debug, Clone, clap::Args)]
#[command(
    after_help = "Answers in flight are cut: drain first. Sessions of old workers end too where the master's socket is \
                        known.\n\nExample:\n  lbctl kill-sessions app/web1"
)]
pub struct Args {
    /// Which servers.
    #[command(flatten)]
    pub targets: Targets,
}

/// Runs it.
///
/// # Errors
/// When a server is not there, or the node refuses.
pub fn run(args: &Args, ctx: &Context) -> Result<(), Fault> {
    Acting::new("End the sessions of", &args.targets.selection()?).run(ctx, |one, servers, report| {
        for server in servers {
            let name = server.name.to_string();
            let line = Line::words(["shutdown", "sessions", "server", &name]).map_err(Error::from)?;
            let old = match (one.master(), one.dry_run) {
                (Some(master), None) => workers::kill(master, &server.name)?,
                _ => 0,
            };
            let state =
                if old == 0 { "sessions ended".to_owned() } else { format!("sessions ended, {old} on old workers") };
            let told = Told { object: &name, action: "kill-sessions", plan: "end its sessions", state: &state };
            send(one, report, &line, &told)?;
        }
        Ok(())
    })
}
