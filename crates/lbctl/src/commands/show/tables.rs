//! `lbctl show tables`.

use lb_client::{Error, ErrorKind, Line};

use crate::context::Context;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::output::{Cell, Column, Sheet, Shown};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  lbctl show tables\n  lbctl show tables app --sort -gpc0\n  lbctl show tables app -o \
                        json"
)]
pub struct Args {
    /// Show the entries of this one
    #[arg(value_name = "TABLE", add = clap_complete::engine::ArgValueCompleter::new(crate::complete::tables))]
    pub table: Option<String>,
}

struct Row<'a> {
    name: &'a str,
    kind: &'a str,
    size: Option<u64>,
    used: Option<u64>,
}

fn columns<'a>() -> Vec<Column<Row<'a>>> {
    vec![
        Column { key: "table", heading: "TABLE", shown: Shown::Always, value: |r| Cell::text(Some(r.name)) },
        Column { key: "type", heading: "TYPE", shown: Shown::Always, value: |r| Cell::text(Some(r.kind)) },
        Column { key: "size", heading: "SIZE", shown: Shown::Always, value: |r| Cell::number(r.size) },
        Column { key: "used", heading: "USED", shown: Shown::Always, value: |r| Cell::number(r.used) },
    ]
}

/// What one node has.
///
/// # Errors
/// That of the exchange, or [`Exit::NotFound`] when there is no such table.
pub fn sheet(table: Option<&str>, ctx: &Context) -> Result<Sheet, Fault> {
    let words = ["show", "table"].into_iter().chain(table);
    let answer = match ctx.client.ask_ok(&Line::words(words).map_err(Error::from)?) {
        Err(Error::Refused { refusal, .. }) if refusal.kind() == ErrorKind::NotFound => {
            let name = table.unwrap_or("");
            return Err(Fault::new(Exit::NotFound, format!("no stick table is named '{name}'"))
                .hint("'lbctl show tables -o name' lists what there is"));
        }
        other => other?,
    };
    let text = answer.text();
    if table.is_some() {
        return Ok(entries(&text));
    }
    let rows: Vec<Row<'_>> = text.lines().filter_map(head).collect();
    Ok(Sheet::of(ctx.format, &columns(), &rows))
}

/// `# table: app, type: ip, size:1024, used:0`.
fn head(line: &str) -> Option<Row<'_>> {
    let rest = line.strip_prefix("# table: ")?;
    let mut parts = rest.split(", ");
    let name = parts.next()?;
    let field = |key: &str| rest.split(", ").find_map(|part| part.strip_prefix(key)?.strip_prefix(':')).map(str::trim);
    let number = |key| field(key).and_then(|n| n.parse().ok());
    Some(Row { name, kind: field("type").unwrap_or(""), size: number("size"), used: number("used") })
}

/// `0x…: key=… use=… exp=… NAME=VALUE …`: a column for each name that one entry has.
fn entries(text: &str) -> Sheet {
    let mut keys = vec!["key".to_owned()];
    let mut found: Vec<Vec<(&str, &str)>> = Vec::new();
    for line in text.lines().filter(|line| line.starts_with("0x")) {
        let Some((_, rest)) = line.split_once(": ") else { continue };
        let pairs: Vec<(&str, &str)> = rest.split(' ').filter_map(|word| word.split_once('=')).collect();
        for (key, _) in &pairs {
            if !keys.iter().any(|k| k == key) {
                keys.push((*key).to_owned());
            }
        }
        found.push(pairs);
    }
    let cell = |pairs: &[(&str, &str)], key: &str| {
        let value = pairs.iter().find(|(k, _)| *k == key).map(|(_, v)| *v);
        match value.map(str::parse::<u64>) {
            Some(Ok(number)) if key != "key" => Cell::Number(number),
            _ => Cell::text(value),
        }
    };
    let rows = found.iter().map(|pairs| keys.iter().map(|key| cell(pairs, key)).collect()).collect();
    Sheet::dynamic(keys.clone(), rows)
}
