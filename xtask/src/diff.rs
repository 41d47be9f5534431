//! The oracle beside `lbd`: the same commands and requests to both, and a report of what differs.
//!
//! Tables are compared by row and column, so that a column which only one version has is named once instead of
//! shifting every row.

use crate::chore::{cargo, root, succeed, target_dir};
use anyhow::{Context, bail};
use lb_testkit::{Client, Engine, Launch, Normaliser, Origin, Program, diff};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Arguments of `diff`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Configuration for both; `{port:fe}`, `{sock}`, `{o1}` to `{o3}` are filled in
    #[arg(long, default_value = "tests/data/diff.cfg")]
    config: PathBuf,
    /// What to send, one step a line: `admin COMMAND`, or `http BYTES` with \r \n \t \0 \xHH escapes
    #[arg(long, default_value = "tests/data/diff.steps")]
    steps: PathBuf,
    /// Only steps that contain these words
    words: Vec<String>,
    /// Another program in the place of lbd
    #[arg(long)]
    subject: Option<PathBuf>,
    /// Fail when anything differs
    #[arg(long)]
    strict: bool,
}

/// One side: a program and its origins.
struct Side {
    program: Program,
    _origins: Vec<Origin>,
    hide: Normaliser,
}

/// Sends every step to both and prints the report.
///
/// # Errors
/// When a program does not start, or with `--strict` when anything differs.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let subject = match &args.subject {
        Some(path) => Engine { path: path.clone(), is_haproxy: path.ends_with("haproxy") },
        None => {
            succeed(cargo().args(["build", "--quiet", "-p", "lbd"]))?;
            Engine { path: target_dir("debug")?.join("lbd"), is_haproxy: false }
        }
    };
    let oracle = Engine::oracle().context("haproxy is missing (apt-get install haproxy)")?;
    let config =
        std::fs::read_to_string(root().join(&args.config)).with_context(|| args.config.display().to_string())?;
    let steps = std::fs::read_to_string(root().join(&args.steps)).with_context(|| args.steps.display().to_string())?;
    let (left, right) = (Side::start(&subject, &config)?, Side::start(&oracle, &config)?);
    let (mut equal, mut different) = (0, 0);
    for step in steps.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if !args.words.iter().all(|word| step.contains(word)) {
            continue;
        }
        let (mine, theirs, notes) = common(&left.answer(step)?, &right.answer(step)?);
        match diff(&mine, &theirs) {
            None => equal += 1,
            Some(difference) => {
                different += 1;
                println!("{step}\n{}", indented(&difference));
            }
        }
        for note in notes {
            println!("    {step}: {note}\n");
        }
    }
    println!("{equal} equal, {different} different (- lbd, + haproxy)");
    if args.strict && different > 0 {
        bail!("{different} answers differ");
    }
    Ok(())
}

impl Side {
    fn start(engine: &Engine, config: &str) -> anyhow::Result<Side> {
        let origins: Vec<Origin> = ["o1", "o2", "o3"].into_iter().map(Origin::http).collect::<anyhow::Result<_>>()?;
        let mut launch = Launch::new(engine)?;
        for (name, origin) in ["o1", "o2", "o3"].iter().zip(&origins) {
            launch = launch.set(name, origin.address());
        }
        let program = launch.start(config)?;
        let mut hide = Normaliser::standard().literal(&program.dir().display().to_string(), "<dir>");
        for (name, origin) in ["o1", "o2", "o3"].iter().zip(&origins) {
            hide = hide.literal(&origin.address().port().to_string(), &format!("<{name}>"));
        }
        hide = hide.literal(&program.address("fe").port().to_string(), "<fe>");
        Ok(Side { program, _origins: origins, hide })
    }

    fn answer(&self, step: &str) -> anyhow::Result<String> {
        let (kind, text) = step.split_once(' ').unwrap_or((step, ""));
        let answer = match kind {
            "admin" => self.program.admin().ask(text)?,
            "http" => {
                let mut client = Client::connect(self.program.address("fe"))?;
                client.send(unescape(text))?;
                let response = client.response()?;
                let mut fields: Vec<String> = response
                    .head
                    .fields
                    .iter()
                    .map(|(name, value)| format!("{}: {value}", name.to_ascii_lowercase()))
                    .collect();
                fields.sort();
                format!("{}\n{}\n\n{}", response.head.start, fields.join("\n"), response.text())
            }
            "await" => {
                let words: Vec<&str> = text.split(' ').collect();
                let [proxy, object, column, value] = words.as_slice() else { bail!("await PROXY OBJECT COLUMN VALUE") };
                self.program.admin().await_stat(proxy, object, column, value)?;
                String::new()
            }
            _ => bail!("a step begins with admin, http or await: {step}"),
        };
        Ok(by_column(&self.hide.apply(&answer)))
    }
}

/// Columns whose values differ between any two runs.
const VARYING: [&str; 12] = [
    "lastchg",
    "downtime",
    "check_duration",
    "lastsess",
    "qtime",
    "ctime",
    "rtime",
    "ttime",
    "ctime_max",
    "rtime_max",
    "ttime_max",
    "srv_time_since_last_change",
];

/// A table with a header line as one line a cell; other text as it is.
fn by_column(answer: &str) -> String {
    let mut out = Vec::new();
    let mut header: Option<(char, Vec<&str>)> = None;
    for line in answer.lines() {
        if let Some(names) = line.strip_prefix("# ") {
            let separator = if names.contains(',') { ',' } else { ' ' };
            header = Some((separator, names.split(separator).collect()));
            continue;
        }
        match &header {
            Some((separator, names)) if line.contains(*separator) => {
                let cells: Vec<&str> = line.split(*separator).collect();
                let names_of_row = if *separator == ',' { cells.get(..2) } else { cells.get(1..4) };
                let row = names_of_row.unwrap_or(&cells).join("/");
                let from = out.len();
                for (name, cell) in
                    names.iter().zip(&cells).filter(|(name, _)| !name.is_empty() && !VARYING.contains(name))
                {
                    out.push(format!("{row} {name} = {cell}"));
                }
                // Versions order their columns differently.
                out.get_mut(from..).unwrap_or_default().sort();
            }
            _ => out.push(line.to_owned()),
        }
    }
    out.join("\n")
}

/// The column of a line that `by_column` made.
fn column_of(line: &str) -> Option<&str> {
    line.split_once(" = ")?.0.rsplit(' ').next()
}

/// Two answers by column reduced to the columns that both have, and notes of what was left out.
fn common(left: &str, right: &str) -> (String, String, Vec<String>) {
    let columns =
        |text: &str| -> BTreeSet<String> { text.lines().filter_map(column_of).map(ToOwned::to_owned).collect() };
    let (mine, theirs) = (columns(left), columns(right));
    if mine.is_empty() || theirs.is_empty() {
        return (left.to_owned(), right.to_owned(), Vec::new());
    }
    let keep = |text: &str| -> String {
        let in_both = |line: &&str| column_of(line).is_none_or(|name| mine.contains(name) && theirs.contains(name));
        text.lines().filter(in_both).collect::<Vec<_>>().join("\n")
    };
    let list = |who: &str, only: Vec<&String>| {
        let names: Vec<&str> = only.into_iter().map(String::as_str).collect();
        (!names.is_empty()).then(|| format!("only {who} has columns {}", names.join(", ")))
    };
    let notes = [list("lbd", mine.difference(&theirs).collect()), list("haproxy", theirs.difference(&mine).collect())];
    (keep(left), keep(right), notes.into_iter().flatten().collect())
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}

fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        match bytes.next() {
            Some(b'r') => out.push(b'\r'),
            Some(b'n') => out.push(b'\n'),
            Some(b't') => out.push(b'\t'),
            Some(b'0') => out.push(0),
            Some(b'x') => {
                let digits: String = bytes.by_ref().take(2).map(char::from).collect();
                out.extend(u8::from_str_radix(&digits, 16));
            }
            Some(other) => out.push(other),
            None => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_turned_into_cells() {
        assert_eq!(
            by_column("# pxname,svname,scur,lastchg,\nfe,FRONTEND,3,9,\n"),
            "fe/FRONTEND pxname = fe\nfe/FRONTEND scur = 3\nfe/FRONTEND svname = FRONTEND"
        );
        assert_eq!(by_column("plain\ntext"), "plain\ntext");
        let (left, right, notes) = common("a/b x = 1\na/b y = 2", "a/b x = 1");
        assert_eq!((left, notes), (right, vec!["only lbd has columns y".to_owned()]));
    }

    #[test]
    fn escapes_become_bytes() {
        assert_eq!(unescape(r"GET /\x01 HTTP/1.1\r\n\0"), b"GET /\x01 HTTP/1.1\r\n\0");
    }
}
