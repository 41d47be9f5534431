//! `lbctl log`.

use crate::context::Output;
use crate::fault::Fault;
use crate::journal::{self, Entry, utc};
use crate::output::{Cell, Column, Sheet, Shown};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The journal is a file of this host, journal.jsonl in the state directory ($LBCTL_STATE, or lbctl \
                        below $XDG_STATE_HOME); operators who share a host share it through LBCTL_STATE.\n\nExamples:\n  \
                        lbctl log\n  lbctl log -n 100 -o json\n  lbctl log app/web1"
)]
pub struct Args {
    /// Only operations that touched this object, such as app/web1; * and ? as in targets
    #[arg(value_name = "OBJECT")]
    pub object: Option<String>,
    /// How many, the last ones
    #[arg(short = 'n', long, default_value_t = 20, value_name = "N")]
    pub lines: usize,
}

/// A change with its operation.
struct Row<'a> {
    entry: &'a Entry,
    change: &'a journal::Change,
}

fn columns<'a>() -> Vec<Column<Row<'a>>> {
    vec![
        Column { key: "id", heading: "ID", shown: Shown::Always, value: |r| Cell::Number(r.entry.id) },
        Column { key: "at", heading: "AT", shown: Shown::Always, value: |r| Cell::Text(utc(r.entry.head.at)) },
        Column { key: "user", heading: "USER", shown: Shown::Always, value: |r| Cell::text(Some(&r.entry.head.user)) },
        Column { key: "on", heading: "ON", shown: Shown::Wide, value: |r| Cell::text(Some(&r.change.node)) },
        Column {
            key: "address",
            heading: "ADDRESS",
            shown: Shown::Data,
            value: |r| Cell::text(Some(&r.change.address)),
        },
        Column {
            key: "object",
            heading: "OBJECT",
            shown: Shown::Always,
            value: |r| Cell::text(Some(&r.change.object)),
        },
        Column { key: "what", heading: "WHAT", shown: Shown::Always, value: |r| Cell::text(Some(&r.change.what)) },
        Column {
            key: "before",
            heading: "BEFORE",
            shown: Shown::Always,
            value: |r| Cell::text(Some(&r.change.before)),
        },
        Column { key: "after", heading: "AFTER", shown: Shown::Always, value: |r| Cell::text(Some(&r.change.after)) },
        Column { key: "undoes", heading: "UNDOES", shown: Shown::Data, value: |r| Cell::number(r.entry.head.undoes) },
        Column {
            key: "command",
            heading: "COMMAND",
            shown: Shown::Wide,
            value: |r| Cell::text(Some(&r.entry.head.command)),
        },
        Column {
            key: "message",
            heading: "MESSAGE",
            shown: Shown::Always,
            value: |r| Cell::text(r.entry.head.message.as_deref()),
        },
    ]
}

/// Runs it.
///
/// # Errors
/// When the journal cannot be read.
pub fn run(args: &Args, out: &Output) -> Result<(), Fault> {
    let entries = journal::entries()?;
    let wanted =
        |c: &journal::Change| args.object.as_ref().is_none_or(|pattern| crate::target::glob(pattern, &c.object));
    let mut rows: Vec<Row<'_>> = Vec::new();
    for entry in &entries {
        rows.extend(entry.changes.iter().filter(|c| wanted(c)).map(|change| Row { entry, change }));
    }
    let skip = rows.len().saturating_sub(args.lines);
    let rows = rows.split_off(skip);
    Sheet::of(out.format, &columns(), &rows).print_to(out)
}
