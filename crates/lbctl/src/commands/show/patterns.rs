//! `lbctl show maps` and `lbctl show acls`.

use lb_client::{Error, Line};

use crate::context::Context;
use crate::fault::Fault;
use crate::output::{Cell, Column, Sheet, Shown};
use crate::patterns::{Kind, Patterns};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  lbctl show maps\n  lbctl show maps hosts.map\n  lbctl show maps hosts.map --filter \
                        'key~*.example.com' -o json"
)]
pub struct Maps {
    /// Show the entries of this one: its file, the end of its file's path, or #id
    #[arg(value_name = "MAP", add = clap_complete::engine::ArgValueCompleter::new(crate::complete::maps))]
    pub map: Option<String>,
}

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  lbctl show acls\n  lbctl show acls deny.acl -o csv")]
pub struct Acls {
    /// Show the entries of this one: its file, the end of its file's path, or #id
    #[arg(value_name = "ACL", add = clap_complete::engine::ArgValueCompleter::new(crate::complete::acls))]
    pub acl: Option<String>,
}

struct Row<'a> {
    id: &'a str,
    file: &'a str,
    entries: Option<u64>,
    /// Where it is used.
    says: &'a str,
}

fn columns<'a>() -> Vec<Column<Row<'a>>> {
    vec![
        Column {
            key: "name",
            heading: "NAME",
            shown: Shown::Always,
            // Without a file it has only its id.
            value: |r| Cell::Text(if r.file.is_empty() { format!("#{}", r.id) } else { r.file.to_owned() }),
        },
        Column { key: "id", heading: "ID", shown: Shown::Always, value: |r| Cell::number(r.id.parse().ok()) },
        Column { key: "entries", heading: "ENTRIES", shown: Shown::Always, value: |r| Cell::number(r.entries) },
        Column { key: "used_by", heading: "USED BY", shown: Shown::Wide, value: |r| Cell::text(Some(r.says)) },
    ]
}

/// What one node has.
///
/// # Errors
/// That of the exchange, or when there is none of that name.
pub fn sheet(kind: Kind, name: Option<&str>, ctx: &Context) -> Result<Sheet, Fault> {
    if let Some(name) = name {
        let entries = Patterns::find(&ctx.client, kind, name)?.entries()?;
        let text = |text: String| if text.is_empty() { Cell::Empty } else { Cell::Text(text) };
        return Ok(match kind {
            Kind::Map => Sheet::dynamic(
                ["key", "value"].map(str::to_owned).to_vec(),
                entries.into_iter().map(|(key, value)| vec![text(key), text(value)]).collect(),
            ),
            Kind::Acl => Sheet::dynamic(
                vec!["pattern".to_owned()],
                // What follows a blank is the pattern's too.
                entries.into_iter().map(|(key, more)| vec![text(format!("{key} {more}").trim().to_owned())]).collect(),
            ),
        });
    }
    let answer = ctx.client.ask_ok(&Line::words(["show", kind.word()]).map_err(Error::from)?)?;
    let text = answer.text();
    let rows: Vec<Row<'_>> = text.lines().filter_map(row).collect();
    Ok(Sheet::of(ctx.format, &columns(), &rows))
}

/// `6 (/etc/h.map) pattern loaded from file '…' used by map at file '…' line 17. curr_ver=0 next_ver=0 entry_cnt=2`.
fn row(line: &str) -> Option<Row<'_>> {
    let (id, rest) = line.split_once(" (")?;
    let (file, says) = rest.split_once(')')?;
    let count = says.split(' ').find_map(|word| word.strip_prefix("entry_cnt="));
    let says = says.split(". curr_ver=").next().unwrap_or(says).trim();
    let says = says.split_once("used by ").map_or(says, |(_, by)| by);
    id.bytes().all(|b| b.is_ascii_digit()).then(|| Row { id, file, entries: count.and_then(|n| n.parse().ok()), says })
}
