//! `lbctl show sessions`.

use lb_client::Session;

use crate::context::Context;
use crate::fault::Fault;
use crate::output::{Cell, Column, Sheet, Shown};
use crate::target::Target;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  lbctl show sessions app/web1")]
pub struct Args {
    /// Only those on these backends or servers
    #[arg(
        value_name = "TARGET",
        value_parser = super::loose,
        add = clap_complete::engine::ArgValueCompleter::new(crate::complete::loose_targets)
    )]
    pub targets: Vec<Target>,
}

const COLUMNS: &[Column<Session>] = &[
    Column { key: "id", heading: "ID", shown: Shown::Always, value: |s| Cell::text(Some(&s.id)) },
    Column { key: "source", heading: "CLIENT", shown: Shown::Always, value: |s| Cell::text(Some(&s.source)) },
    Column { key: "frontend", heading: "FRONTEND", shown: Shown::Always, value: |s| Cell::text(Some(&s.frontend)) },
    Column { key: "backend", heading: "BACKEND", shown: Shown::Always, value: |s| Cell::text(Some(&s.backend)) },
    Column { key: "server", heading: "SERVER", shown: Shown::Always, value: |s| Cell::text(Some(&s.server)) },
    Column { key: "age", heading: "AGE", shown: Shown::Always, value: |s| Cell::text(Some(&s.age)) },
    Column { key: "proto", heading: "PROTO", shown: Shown::Wide, value: |s| Cell::text(Some(&s.proto)) },
];

/// What one node has.
///
/// # Errors
/// That of the exchange, or when no server matches; none where there are no sessions, since these come and go.
pub fn sheet(args: &Args, ctx: &Context) -> Result<Sheet, Fault> {
    let mut sessions = ctx.client.sessions()?;
    if !args.targets.is_empty() {
        sessions.retain(|s| args.targets.iter().any(|t| t.matches(&s.backend, &s.server)));
        // A name that is mistaken must not look like a server without sessions.
        if sessions.is_empty() {
            let servers = ctx.client.servers_state(None)?;
            let names: Vec<(&str, &str)> =
                servers.iter().map(|s| (s.name.backend.as_str(), s.name.server.as_str())).collect();
            super::servers::all_known(&args.targets, &names, ctx)?;
        }
    }
    Ok(Sheet::of(ctx.format, COLUMNS, &sessions))
}
