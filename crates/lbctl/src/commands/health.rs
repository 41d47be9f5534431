//! `lbctl health`.

use lb_client::{Act, HealthWish, Line};

use super::TargetsFirst;
use crate::acting::Acting;
use crate::context::Context;
use crate::fault::Fault;
use crate::lines::{Told, send};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "The server's next checks overwrite a forced health; a tracking server follows the one it \
                        tracks.\n\nExamples:\n  lbctl health app/web1 down\n  lbctl health app/web1 disable")]
pub struct Args {
    /// Which servers.
    #[command(flatten)]
    pub targets: TargetsFirst,
    /// The health to force, or whether checks run
    #[arg(value_enum)]
    pub health: Health,
}

/// The healths there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Health {
    /// Serving
    Up,
    /// Serving, asking for no new sessions
    Stopping,
    /// Not serving
    Down,
    /// Run its checks again
    Enable,
    /// Run no more checks
    Disable,
}

/// Runs it.
///
/// # Errors
/// When a server is not there, or its health is another afterwards.
pub fn run(args: &Args, ctx: &Context) -> Result<(), Fault> {
    let wish = match args.health {
        Health::Up => HealthWish::Up,
        Health::Stopping => HealthWish::Stopping,
        Health::Down => HealthWish::Down,
        Health::Enable => return checks(args, ctx, true),
        Health::Disable => return checks(args, ctx, false),
    };
    Acting::new("Force the health of", &args.targets.selection()).apply(ctx, &Act::Health(wish))
}

fn checks(args: &Args, ctx: &Context, on: bool) -> Result<(), Fault> {
    let (verb, state) = if on { ("enable", "checks enabled") } else { ("disable", "checks disabled") };
    let what = if on { "Enable the checks of" } else { "Disable the checks of" };
    Acting::new(what, &args.targets.selection()).run(ctx, |one, servers, report| {
        for server in servers {
            let name = server.name.to_string();
            // In maintenance a check rests, and says that it is not enabled.
            if server.checked == on && !server.admin.in_maint() {
                report.done(one, &name, verb, "already", state, None)?;
                continue;
            }
            let line = Line::words([verb, "health", &name]).map_err(lb_client::Error::from)?;
            let told = Told { object: &name, action: verb, plan: &format!("{verb} its checks"), state };
            if send(one, report, &line, &told)? {
                crate::apply::note_change(
                    one,
                    &name,
                    "checks",
                    if on { "off" } else { "on" },
                    if on { "on" } else { "off" },
                );
            }
        }
        Ok(())
    })
}
