//! `lbctl show checks`: servers with a check or an agent.

use lb_stats::{ObjectKind, StatField, StatRow};

use crate::context::Context;
use crate::fault::Fault;
use crate::output::{Cell, Column, Sheet, Shown, Tone};
use crate::target::Target;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  lbctl show checks\n  lbctl show checks app --filter 'result!=L7OK'")]
pub struct Args {
    /// Backends, or servers as backend/server; * and ? on either side
    #[arg(
        value_name = "TARGET",
        value_parser = super::loose,
        add = clap_complete::engine::ArgValueCompleter::new(crate::complete::loose_targets)
    )]
    pub targets: Vec<Target>,
}

macro_rules! column {
    ($key:literal, $heading:literal, $shown:ident, $kind:ident, $field:ident) => {
        Column { key: $key, heading: $heading, shown: Shown::$shown, value: |r| $kind(r, StatField::$field) }
    };
}

fn text(row: &StatRow<'_>, field: StatField) -> Cell {
    Cell::text(row.get(field))
}

/// The last result: while the next check is under way it is marked by `* `.
pub fn result(row: &StatRow<'_>, field: StatField) -> Option<String> {
    row.get(field).map(|status| status.strip_prefix("* ").unwrap_or(status).to_owned())
}

fn last(row: &StatRow<'_>, field: StatField) -> Cell {
    Cell::text(result(row, field).as_deref())
}

fn number(row: &StatRow<'_>, field: StatField) -> Cell {
    Cell::number(row.number(field))
}

fn seconds(row: &StatRow<'_>, field: StatField) -> Cell {
    row.number(field).map_or(Cell::Empty, Cell::Seconds)
}

fn status(row: &StatRow<'_>, field: StatField) -> Cell {
    row.get(field).map_or(Cell::Empty, |status| Cell::Toned(status.to_owned(), Tone::of_status(status)))
}

fn columns<'a>() -> Vec<Column<StatRow<'a>>> {
    vec![
        Column {
            key: "server",
            heading: "SERVER",
            shown: Shown::Always,
            value: |r| Cell::Text(format!("{}/{}", r.proxy(), r.name())),
        },
        column!("status", "STATUS", Always, status, Status),
        column!("result", "RESULT", Always, last, CheckStatus),
        column!("code", "CODE", Always, number, CheckCode),
        column!("duration_ms", "MS", Always, number, CheckDuration),
        column!("says", "SAYS", Always, text, LastChk),
        column!("health", "HEALTH", Wide, number, CheckHealth),
        column!("rise", "RISE", Wide, number, CheckRise),
        column!("fall", "FALL", Wide, number, CheckFall),
        column!("failed", "FAILED", Always, number, Chkfail),
        column!("went_down", "DOWNS", Always, number, Chkdown),
        column!("downtime_seconds", "DOWNTIME", Always, seconds, Downtime),
        column!("since_seconds", "SINCE", Wide, seconds, Lastchg),
        column!("agent", "AGENT", Always, last, AgentStatus),
        column!("agent_says", "AGENT SAYS", Wide, text, LastAgt),
        column!("agent_duration_ms", "AGENT MS", Wide, number, AgentDuration),
    ]
}

/// What one node has.
///
/// # Errors
/// That of the exchange, or [`crate::exit::Exit::NotFound`] when a target means no server.
pub fn sheet(args: &Args, ctx: &Context) -> Result<Sheet, Fault> {
    let table = ctx.client.server_stat()?;
    let rows: Vec<StatRow<'_>> = table.rows().filter(|r| r.kind() == Some(ObjectKind::Server)).collect();
    let names: Vec<(&str, &str)> = rows.iter().map(|r| (r.proxy(), r.name())).collect();
    super::servers::all_known(&args.targets, &names, ctx)?;
    let wanted = |r: &StatRow<'_>| {
        let checked = r.get(StatField::CheckStatus).is_some() || r.get(StatField::AgentStatus).is_some();
        let named = args.targets.iter().any(|t| t.matches(r.proxy(), r.name()));
        // One that is asked for by name and has no check is shown to have none.
        if args.targets.is_empty() { checked } else { named }
    };
    let rows: Vec<StatRow<'_>> = rows.into_iter().filter(wanted).collect();
    Ok(Sheet::of(ctx.format, &columns(), &rows))
}
