//! `lbctl show servers`.

use std::collections::HashMap;
use std::fmt::Write as _;

use lb_model::{AdminState, OpState};
use lb_stats::{ObjectKind, StatField, StatRow};

use crate::context::Context;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::output::{Cell, ColumnBy, Format, Sheet, Shown, TakeRow, Tone};
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
    state: Option<&'a State>,
}

/// What is shown of a server's line of `show servers state`: there may be ten thousand.
struct State {
    admin: AdminState,
    op: OpState,
    initial_weight: u32,
    address: Option<Box<str>>,
}

/// The states of all servers, by `backend/server`.
type States = HashMap<Box<str>, State>;

fn states(ctx: &Context) -> Result<States, Fault> {
    let mut states = States::new();
    ctx.client.each_server_state(&mut |server| {
        let address = server.address.as_deref().map(|address| format!("{address}:{}", server.port).into_boxed_str());
        let (admin, op, initial_weight) = (server.admin, server.op, server.initial_weight);
        states.insert(server.name.to_string().into_boxed_str(), State { admin, op, initial_weight, address });
    })?;
    Ok(states)
}

type ServerColumn = ColumnBy<for<'a> fn(&Row<'a>) -> Cell>;

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
        Cell::text(self.stat.get(StatField::Addr).or_else(|| self.state?.address.as_deref()))
    }

    fn role(&self) -> Cell {
        Cell::Text(if self.stat.get(StatField::Bck) == Some("1") { "backup" } else { "active" }.to_owned())
    }
}

const COLUMNS: &[ServerColumn] = &[
    ServerColumn {
        key: "server",
        heading: "SERVER",
        shown: Shown::Always,
        value: |r| Cell::Text(format!("{}/{}", r.stat.proxy(), r.stat.name())),
    },
    ServerColumn {
        key: "status",
        heading: "STATUS",
        shown: Shown::Always,
        value: |r| {
            let status = r.stat.get(StatField::Status).unwrap_or("");
            Cell::Toned(status.to_owned(), Tone::of_status(status))
        },
    },
    ServerColumn { key: "role", heading: "ROLE", shown: Shown::Wide, value: |r| r.role() },
    ServerColumn { key: "weight", heading: "WEIGHT", shown: Shown::Always, value: |r| r.number(StatField::Weight) },
    ServerColumn {
        key: "initial_weight",
        heading: "OF",
        shown: Shown::Wide,
        value: |r| Cell::number(r.state.map(|s| s.initial_weight.into())),
    },
    ServerColumn { key: "sessions", heading: "SESS", shown: Shown::Always, value: |r| r.number(StatField::Scur) },
    ServerColumn { key: "queued", heading: "QUEUE", shown: Shown::Always, value: |r| r.number(StatField::Qcur) },
    ServerColumn { key: "rate", heading: "RATE", shown: Shown::Always, value: |r| r.number(StatField::Rate) },
    ServerColumn { key: "sessions_total", heading: "TOTAL", shown: Shown::Wide, value: |r| r.number(StatField::Stot) },
    ServerColumn { key: "errors_connect", heading: "ECON", shown: Shown::Wide, value: |r| r.number(StatField::Econ) },
    ServerColumn {
        key: "errors_response",
        heading: "ERESP",
        shown: Shown::Wide,
        value: |r| r.number(StatField::Eresp),
    },
    ServerColumn { key: "check", heading: "CHECK", shown: Shown::Always, value: |r| r.check() },
    ServerColumn { key: "check_says", heading: "SAYS", shown: Shown::Data, value: |r| r.text(StatField::LastChk) },
    ServerColumn {
        key: "since_seconds",
        heading: "SINCE",
        shown: Shown::Always,
        value: |r| r.stat.number(StatField::Lastchg).map_or(Cell::Empty, Cell::Seconds),
    },
    ServerColumn { key: "address", heading: "ADDRESS", shown: Shown::Always, value: |r| r.address() },
    ServerColumn { key: "tracks", heading: "TRACKS", shown: Shown::Wide, value: |r| r.text(StatField::Tracked) },
    ServerColumn {
        key: "admin_state",
        heading: "ADMIN",
        shown: Shown::Data,
        value: |r| Cell::number(r.state.map(|s| s.admin.bits().into())),
    },
    ServerColumn {
        key: "op_state",
        heading: "OP",
        shown: Shown::Data,
        value: |r| Cell::number(r.state.map(|s| s.op as u64)),
    },
    ServerColumn {
        key: "out",
        heading: "OUT",
        shown: Shown::Data,
        value: |r| r.state.map_or(Cell::Empty, |s| Cell::Flag(s.admin.in_maint() || s.admin.in_drain())),
    },
];

/// Fails when a target means none of the servers.
///
/// # Errors
/// [`Exit::NotFound`], with the target.
pub fn all_known(targets: &[Target], servers: &[(&str, &str)], ctx: &Context) -> Result<(), Fault> {
    let known = |target: &&Target| servers.iter().any(|(backend, server)| target.matches(backend, server));
    targets.iter().find(|target| !known(target)).map_or(Ok(()), |missing| Err(unknown(missing, ctx)))
}

fn unknown(target: &Target, ctx: &Context) -> Fault {
    Fault::new(Exit::NotFound, format!("no server matches '{target}' on {}", ctx.client.address()))
        .hint("'lbctl show servers -o name' lists what there is")
}

/// What one node has.
///
/// # Errors
/// That of the exchange, or [`Exit::NotFound`] when a target means no server.
pub fn sheet(args: &Args, ctx: &Context) -> Result<Sheet, Fault> {
    let columns = columns(ctx.format);
    // The short table needs nothing of the second answer, unless this level hides the addresses.
    let mut states = match ctx.format {
        Format::Table | Format::Name => None,
        _ => Some(states(ctx)?),
    };
    loop {
        let mut sheet = Sheet::headed(&columns);
        let mut hidden = false;
        each(args, ctx, states.as_ref(), &mut |row| {
            hidden = states.is_none() && ctx.format != Format::Name && row.stat.get(StatField::Addr).is_none();
            sheet.push(columns.iter().map(|c| (c.value)(row)).collect());
            !hidden
        })?;
        if !hidden {
            return Ok(sheet);
        }
        states = Some(self::states(ctx)?);
    }
}

/// Passes the rows of every server on as they come, in a data format.
///
/// # Errors
/// That of the exchange, or of `row`.
pub fn stream(ctx: &Context, row: &mut TakeRow<'_>) -> Result<Vec<String>, Fault> {
    let columns = columns(ctx.format);
    let keys: Vec<String> = columns.iter().map(|c| c.key.to_owned()).collect();
    let states = if ctx.format == Format::Name { None } else { Some(states(ctx)?) };
    let mut cells = Vec::new();
    let mut end = Ok(());
    each(&Args { targets: Vec::new() }, ctx, states.as_ref(), &mut |server| {
        cells.clear();
        cells.extend(columns.iter().map(|c| (c.value)(server)));
        end = row(&keys, &cells);
        end.is_ok()
    })?;
    end.map(|()| keys)
}

fn columns(format: Format) -> Vec<&'static ServerColumn> {
    // A name is the first column.
    let columns = COLUMNS.iter().take(if format == Format::Name { 1 } else { COLUMNS.len() });
    columns.filter(|c| c.shown.within(format)).collect()
}

/// Passes each server that a target means on, until `take` gives `false`.
fn each(
    args: &Args,
    ctx: &Context,
    states: Option<&States>,
    take: &mut dyn FnMut(&Row<'_>) -> bool,
) -> Result<(), Fault> {
    let mut known = vec![false; args.targets.len()];
    let mut name = String::new();
    let mut more = true;
    ctx.client.each_server_stat(&mut |stat| {
        if stat.kind() != Some(ObjectKind::Server) {
            return true;
        }
        let mut wanted = known.is_empty();
        for (target, known) in args.targets.iter().zip(&mut known) {
            let matches = target.matches(stat.proxy(), stat.name());
            (wanted, *known) = (wanted || matches, *known || matches);
        }
        if wanted {
            name.clear();
            // Writing to a text does not fail.
            let _ = write!(name, "{}/{}", stat.proxy(), stat.name());
            let state = states.and_then(|states| states.get(name.as_str()));
            more = take(&Row { stat, state });
        }
        more
    })?;
    match args.targets.iter().zip(known).find(|(_, known)| more && !known) {
        Some((missing, _)) => Err(unknown(missing, ctx)),
        None => Ok(()),
    }
}
