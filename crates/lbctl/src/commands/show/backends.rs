//! `lbctl show backends`.

use lb_stats::{ObjectKind, StatField, StatRow};

use super::Names;
use crate::context::Context;
use crate::fault::Fault;
use crate::output::{Cell, Column, Sheet, Shown, Tone};

struct Row<'a> {
    stat: StatRow<'a>,
    /// Servers of the backend, and how many of them serve or may serve.
    servers: u64,
    up: u64,
}

fn columns<'a>() -> Vec<Column<Row<'a>>> {
    vec![
        Column {
            key: "backend",
            heading: "BACKEND",
            shown: Shown::Always,
            value: |r| Cell::Text(r.stat.proxy().into()),
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
        Column {
            key: "mode",
            heading: "MODE",
            shown: Shown::Always,
            value: |r| Cell::text(r.stat.get(StatField::Mode)),
        },
        Column {
            key: "algorithm",
            heading: "BALANCE",
            shown: Shown::Wide,
            value: |r| Cell::text(r.stat.get(StatField::Algo)),
        },
        Column { key: "servers", heading: "SERVERS", shown: Shown::Always, value: |r| Cell::Number(r.servers) },
        Column { key: "servers_up", heading: "UP", shown: Shown::Always, value: |r| Cell::Number(r.up) },
        Column {
            key: "weight",
            heading: "WEIGHT",
            shown: Shown::Wide,
            value: |r| Cell::number(r.stat.number(StatField::Weight)),
        },
        Column {
            key: "sessions",
            heading: "SESS",
            shown: Shown::Always,
            value: |r| Cell::number(r.stat.number(StatField::Scur)),
        },
        Column {
            key: "queued",
            heading: "QUEUE",
            shown: Shown::Always,
            value: |r| Cell::number(r.stat.number(StatField::Qcur)),
        },
        Column {
            key: "rate",
            heading: "RATE",
            shown: Shown::Always,
            value: |r| Cell::number(r.stat.number(StatField::Rate)),
        },
        Column {
            key: "sessions_total",
            heading: "TOTAL",
            shown: Shown::Always,
            value: |r| Cell::number(r.stat.number(StatField::Stot)),
        },
    ]
}

/// What one node has.
///
/// # Errors
/// That of the exchange, or when a name matches nothing.
pub fn sheet(names: &Names, ctx: &Context) -> Result<Sheet, Fault> {
    let table = ctx.client.stat()?;
    let mut rows = Vec::new();
    let (mut servers, mut up) = (0, 0);
    // A proxy's servers come before its BACKEND row.
    for stat in table.rows() {
        match stat.kind() {
            Some(ObjectKind::Server) => {
                servers += 1;
                let status = stat.get(StatField::Status).unwrap_or("");
                up += u64::from(status.starts_with("UP") || status == "no check");
            }
            Some(ObjectKind::Backend) => {
                if names.want(stat.proxy()) {
                    rows.push(Row { stat, servers, up });
                }
                (servers, up) = (0, 0);
            }
            _ => {}
        }
    }
    names.check("backend", &rows.iter().map(|r| r.stat.proxy().to_owned()).collect::<Vec<_>>())?;
    Ok(Sheet::of(ctx.format, &columns(), &rows))
}
