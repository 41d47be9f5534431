//! `lbctl show frontends`.

use lb_stats::{ObjectKind, StatField, StatRow};

use super::Names;
use crate::context::Context;
use crate::fault::Fault;
use crate::output::{Cell, Column, Sheet, Shown, Tone};

fn columns<'a>() -> Vec<Column<StatRow<'a>>> {
    vec![
        Column { key: "frontend", heading: "FRONTEND", shown: Shown::Always, value: |r| Cell::Text(r.proxy().into()) },
        Column {
            key: "status",
            heading: "STATUS",
            shown: Shown::Always,
            value: |r| {
                let status = r.get(StatField::Status).unwrap_or("");
                Cell::Toned(status.to_owned(), Tone::of_status(status))
            },
        },
        Column { key: "mode", heading: "MODE", shown: Shown::Always, value: |r| Cell::text(r.get(StatField::Mode)) },
        Column {
            key: "sessions",
            heading: "SESS",
            shown: Shown::Always,
            value: |r| Cell::number(r.number(StatField::Scur)),
        },
        Column {
            key: "sessions_limit",
            heading: "LIMIT",
            shown: Shown::Always,
            value: |r| Cell::number(r.number(StatField::Slim)),
        },
        Column {
            key: "rate",
            heading: "RATE",
            shown: Shown::Always,
            value: |r| Cell::number(r.number(StatField::Rate)),
        },
        Column {
            key: "sessions_total",
            heading: "TOTAL",
            shown: Shown::Always,
            value: |r| Cell::number(r.number(StatField::Stot)),
        },
        Column {
            key: "bytes_in",
            heading: "IN",
            shown: Shown::Wide,
            value: |r| Cell::number(r.number(StatField::Bin)),
        },
        Column {
            key: "bytes_out",
            heading: "OUT",
            shown: Shown::Wide,
            value: |r| Cell::number(r.number(StatField::Bout)),
        },
        Column {
            key: "requests_denied",
            heading: "DENIED",
            shown: Shown::Wide,
            value: |r| Cell::number(r.number(StatField::Dreq)),
        },
        Column {
            key: "requests_bad",
            heading: "BAD",
            shown: Shown::Wide,
            value: |r| Cell::number(r.number(StatField::Ereq)),
        },
    ]
}

/// What one node has.
///
/// # Errors
/// That of the exchange, or when a name matches nothing.
pub fn sheet(names: &Names, ctx: &Context) -> Result<Sheet, Fault> {
    let table = ctx.client.stat()?;
    let frontends = table.rows().filter(|r| r.kind() == Some(ObjectKind::Frontend));
    let rows: Vec<StatRow<'_>> = frontends.filter(|r| names.want(r.proxy())).collect();
    names.check("frontend", &rows.iter().map(|r| r.proxy().to_owned()).collect::<Vec<_>>())?;
    Ok(Sheet::of(ctx.format, &columns(), &rows))
}
