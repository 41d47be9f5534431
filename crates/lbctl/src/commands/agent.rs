//! `lbctl agent`.

use lb_client::{Error, Line};

use super::TargetsFirst;
use crate::acting::Acting;
use crate::context::Context;
use crate::fault::Fault;
use crate::lines::{Told, send};

/// Arguments.
#[derive(Debug, Clone, clap::Args)]
#[command(
    after_help = "The agent's next word overwrites a forced one.\n\nExamples:\n  lbctl agent app/web1 disable\n  lbctl \
                        agent 'app/*' up"
)]
pub struct Args {
    /// Which servers.
    #[command(flatten)]
    pub targets: TargetsFirst,
    /// What to do with their agents
    #[arg(value_enum)]
    pub agent: Agent,
}

/// What can be done with an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Agent {
    /// As if it had said up
    Up,
    /// As if it had said down
    Down,
    /// Ask it again
    Enable,
    /// Do not ask it any more
    Disable,
}

/// Runs it.
///
/// # Errors
/// When a server is not there or has no agent.
pub fn run(args: &Args, ctx: &Context) -> Result<(), Fault> {
    Acting::new("Change the agent of", &args.targets.selection()).run(ctx, |one, servers, report| {
        for server in servers {
            let name = server.name.to_string();
            let (line, plan, state) = match args.agent {
                Agent::Up => (Line::words(["set", "server", &name, "agent", "up"]), "force its agent up", "agent up"),
                Agent::Down => {
                    (Line::words(["set", "server", &name, "agent", "down"]), "force its agent down", "agent down")
                }
                Agent::Enable => (Line::words(["enable", "agent", &name]), "enable its agent", "agent enabled"),
                Agent::Disable => (Line::words(["disable", "agent", &name]), "disable its agent", "agent disabled"),
            };
            // In maintenance an agent rests, and may say that it is not enabled.
            let already = match args.agent {
                Agent::Enable => server.agent_enabled,
                Agent::Disable => server.has_agent && !server.agent_enabled && !server.admin.in_maint(),
                Agent::Up | Agent::Down => false,
            };
            if already {
                report.done(one, &name, "agent", "already", state, None)?;
                continue;
            }
            let told = Told { object: &name, action: "agent", plan, state };
            if send(one, report, &line.map_err(Error::from)?, &told)? {
                crate::apply::note_change(one, &name, "agent", "", state);
            }
        }
        Ok(())
    })
}
