//! `lbctl show servers`.

use std::collections::HashMap;

use lb_client::{ServerName, ServerState};
use lb_stats::{ObjectKind, StatField, StatRow};

use crate::context::Context;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::output::{Cell, Column, Format, Sheet, Shown, Tone};
use crate::target::Target;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  lbctl show servers\n  lbctl show servers app 'tcp/db*' -o wide\n  lbctl show \
                        servers -o json")]
pub struct Args {
    /// Backends, or servers as backend/server; * and ? on either side
    #[arg(
        value_name = "TARGET",
        value_parser = super::loose,
        add = clap_complete::engine::ArgValueCompleter::new(crate::complete::loose_targets)
    )]
    pub targets: Vec<Target>,
}

struct Row<'a> {
    stat: StatRow<'a>,
    state: Option<&'a ServerState>,
}

impl Row<'_> {
    fn text(&self, field: StatField) -> Cell {
        Cell::text(self.stat.get(field))
    }

    fn number(&self, field: StatField) -> Cell {
        Cell::number(self.stat.number(field))
    }

    /// `L7OK 200 in 3ms`.
    fn check(&self) -> Cell {
        let Some(status) = super::checks::result(&self.stat, StatField::CheckStatus) else { return Cell::Empty };
        let code = self.stat.get(StatField::CheckCode).map(|c| format!(" {c}")).unwrap_or_default();
        let time = self.stat.get(StatField::CheckDuration).map(|d| format!(" in {d}ms")).unwrap_or_default();
        Cell::Text(format!("{status}{code}{time}"))
    }

    /// `show stat` hides addresses from level user, `show servers state` does not.
    fn address(&self) -> Cell {
        let from_state = || {
            let state = self.state?;
            Some(format!("{}:{}", state.address.as_deref()?, state.port))
        };
        self.stat.get(StatField::Addr).map(str::to_owned).or_else(from_state).map_or(Cell::Empty, Cell::Text)
    }

    fn role(&self) -> Cell {
        Cell::Text(if self.stat.get(StatField::Bck) == Some("1") { "backup" } else { "active" }.to_owned())
    }
}

fn columns<'a>() -> Vec<Column<Row<'a>>> {
    vec![
        Column {
            key: "server",
            heading: "SERVER",
            shown: Shown::Always,
            value: |r| Cell::Text(format!("{}/{}", r.stat.proxy(), r.stat.name())),
        },
        Column {
            key: "status",
            heading: "STATUS",
            shown: Shown::Always,
            value: |r| {
                let status = r.stat.get(StatField::Status).unwrap_or("");
                Cell::Toned(status.to_owned(), Tone::of_status(status))
            },
        },
        Column { key: "role", heading: "ROLE", shown: Shown::Wide, value: Row::role },
        Column { key: "weight", heading: "WEIGHT", shown: Shown::Always, value: |r| r.number(StatField::Weight) },
        Column {
            key: "initial_weight",
            heading: "OF",
            shown: Shown::Wide,
            value: |r| Cell::number(r.state.map(|s| s.initial_weight.into())),
        },
        Column { key: "sessions", heading: "SESS", shown: Shown::Always, value: |r| r.number(StatField::Scur) },
        Column { key: "queued", heading: "QUEUE", shown: Shown::Always, value: |r| r.number(StatField::Qcur) },
        Column { key: "rate", heading: "RATE", shown: Shown::Always, value: |r| r.number(StatField::Rate) },
        Column { key: "sessions_total", heading: "TOTAL", shown: Shown::Wide, value: |r| r.number(StatField::Stot) },
        Column { key: "errors_connect", heading: "ECON", shown: Shown::Wide, value: |r| r.number(StatField::Econ) },
        Column { key: "errors_response", heading: "ERESP", shown: Shown::Wide, value: |r| r.number(StatField::Eresp) },
        Column { key: "check", heading: "CHECK", shown: Shown::Always, value: Row::check },
        Column { key: "check_says", heading: "SAYS", shown: Shown::Data, value: |r| r.text(StatField::LastChk) },
        Column {
            key: "since_seconds",
            heading: "SINCE",
            shown: Shown::Always,
            value: |r| r.stat.number(StatField::Lastchg).map_or(Cell::Empty, Cell::Seconds),
        },
        Column { key: "address", heading: "ADDRESS", shown: Shown::Always, value: Row::address },
        Column { key: "tracks", heading: "TRACKS", shown: Shown::Wide, value: |r| r.text(StatField::Tracked) },
        Column {
            key: "admin_state",
            heading: "ADMIN",
            shown: Shown::Data,
            value: |r| Cell::number(r.state.map(|s| s.admin.bits().into())),
        },
        Column {
            key: "op_state",
            heading: "OP",
            shown: Shown::Data,
            value: |r| Cell::number(r.state.map(|s| s.op as u64)),
        },
        Column {
            key: "out",
            heading: "OUT",
            shown: Shown::Data,
            value: |r| r.state.map_or(Cell::Empty, |s| Cell::Flag(s.is_out())),
        },
    ]
}

/// Fails when a target means none of the servers.
///
/// # Errors
/// [`Exit::NotFound`], with the target.
pub fn all_known(targets: &[Target], servers: &[(&str, &str)], ctx: &Context) -> Result<(), Fault> {
    let known = |target: &&Target| servers.iter().any(|(backend, server)| target.matches(backend, server));
    let Some(missing) = targets.iter().find(|target| !known(target)) else { return Ok(()) };
    Err(Fault::new(Exit::NotFound, format!("no server matches '{missing}' on {}", ctx.client.address()))
        .hint("'lbctl show servers -o name' lists what there is"))
}

/// What one node has.
///
/// # Errors
/// That of the exchange, or [`Exit::NotFound`] when a target means no server.
pub fn sheet(args: &Args, ctx: &Context) -> Result<Sheet, Fault> {
    let table = ctx.client.server_stat()?;
    let rows: Vec<StatRow<'_>> = table.rows().filter(|r| r.kind() == Some(ObjectKind::Server)).collect();
    let names: Vec<(&str, &str)> = rows.iter().map(|r| (r.proxy(), r.name())).collect();
    all_known(&args.targets, &names, ctx)?;
    let wanted = rows
        .into_iter()
        .filter(|r| args.targets.is_empty() || args.targets.iter().any(|t| t.matches(r.proxy(), r.name())));
    let mut rows: Vec<Row<'_>> = wanted.map(|stat| Row { stat, state: None }).collect();
    // The short table needs nothing of the second answer, unless this level hides the addresses.
    let needed = !matches!(ctx.format, Format::Table | Format::Name)
        || rows.iter().any(|r| r.stat.get(StatField::Addr).is_none());
    let states: HashMap<ServerName, ServerState> = if needed && ctx.format != Format::Name {
        ctx.client.servers_state(None)?.into_iter().map(|s| (s.name.clone(), s)).collect()
    } else {
        HashMap::new()
    };
    for row in &mut rows {
        row.state = states.get(&ServerName::new(row.stat.proxy(), row.stat.name()));
    }
    Ok(Sheet::of(ctx.format, &columns(), &rows))
}
