//! `lbd` beside its models: the recorded answers of a HAProxy 3.5, and, where it is installed, a HAProxy 2.6 that gets the
//! same commands and requests. A report of what differs.
//!
//! Tables are compared by row and column, so that a column which only one version has is named once instead of
//! shifting every row.

use crate::chore::{cargo, root, succeed, target_dir};
use anyhow::{Context, bail};
use lb_stats::{InfoField, StatField};
use lb_testkit::probes::{self, hide};
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
    /// Leave the recorded answers out
    #[arg(long)]
    only_live: bool,
    /// Leave the living oracle out
    #[arg(long, conflicts_with = "only_live")]
    only_probes: bool,
    /// Show what became of each probe
    #[arg(long)]
    verbose: bool,
}

/// One side: a program and its origins.
struct Side {
    program: Program,
    _origins: Vec<Origin>,
    hide: Normaliser,
}

/// Compares and prints the report.
///
/// # Errors
/// When a program does not start, or anything differs without a reason.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let subject = match &args.subject {
        Some(path) => Engine { path: path.clone(), is_haproxy: path.ends_with("haproxy") },
        None => {
            succeed(cargo().args(["build", "--quiet", "-p", "lbd"]))?;
            Engine { path: target_dir("debug")?.join("lbd"), is_haproxy: false }
        }
    };
    let recorded = if args.only_live { 0 } else { against_recordings(args, &subject)? };
    let live = match Engine::oracle() {
        _ if args.only_probes => 0,
        Some(oracle) => against_oracle(args, &subject, &oracle)?,
        None => {
            println!("haproxy is not installed: only the recorded answers were compared");
            0
        }
    };
    if recorded + live > 0 {
        bail!("{} answers differ", recorded + live);
    }
    Ok(())
}

/// How many recorded answers are not reproduced.
fn against_recordings(args: &Args, subject: &Engine) -> anyhow::Result<usize> {
    let mut recorded = probes::recorded()?;
    recorded.retain(|probe| args.words.iter().all(|word| probe.sent.contains(word)));
    let verdicts = probes::replay(subject, &recorded)?;
    let sum = probes::summed_up(subject, &recorded, &verdicts);
    if args.verbose {
        println!("{}", sum.lines.join("\n"));
    }
    for report in &sum.different {
        println!("{}", indented(report));
    }
    println!(
        "recorded answers of 3.5: {} equal, {} equal but for absent commands, {} explained, {} different",
        sum.equal,
        sum.absent,
        sum.explained,
        sum.different.len()
    );
    Ok(sum.different.len())
}

/// How many steps end differently on both.
fn against_oracle(args: &Args, subject: &Engine, oracle: &Engine) -> anyhow::Result<usize> {
    let config =
        std::fs::read_to_string(root().join(&args.config)).with_context(|| args.config.display().to_string())?;
    let steps = std::fs::read_to_string(root().join(&args.steps)).with_context(|| args.steps.display().to_string())?;
    let (left, right) = (Side::start(subject, &config)?, Side::start(oracle, &config)?);
    let (mut equal, mut different) = (0, 0);
    let mut explained = std::collections::BTreeSet::new();
    for step in steps.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        // What is waited for is a part of every selection.
        if !step.starts_with("await ") && !args.words.iter().all(|word| step.contains(word)) {
            continue;
        }
        let (mine, theirs, only) = common(&left.answer(step)?, &right.answer(step)?);
        let unexplained: Vec<&String> = only.iter().filter(|name| !is_of_3(name)).collect();
        explained.extend(only.iter().filter(|name| is_of_3(name)).cloned());
        match diff(&mine, &theirs) {
            None if unexplained.is_empty() => equal += 1,
            difference => {
                different += 1;
                println!("{step}\n{}", indented(&difference.unwrap_or_default()));
                for name in unexplained {
                    println!("    only one of them has {name}");
                }
            }
        }
    }
    if !explained.is_empty() {
        println!("not compared, as only 3.x has them: {}", explained.into_iter().collect::<Vec<_>>().join(", "));
    }
    println!("living 2.6: {equal} equal, {different} different (- lbd, + haproxy)");
    Ok(different)
}

/// Columns and lines that came after 2.6, as the tables say.
fn is_of_3(name: &str) -> bool {
    StatField::ALL.iter().any(|field| field.name() == name && !field.is_in_2_6())
        || InfoField::ALL.iter().any(|field| field.name() == name && !field.is_in_2_6())
        // What 2.6 calls TotalSplicedBytesOut.
        || name == "TotalSplicdedBytesOut"
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
                shown(&response)
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

/// Columns and lines whose values differ between any two runs, beside those of the recorded answers.
const VARYING: [&str; 16] = [
    "ttime",
    "ttime_max",
    "rate",
    "rate_max",
    "req_rate",
    "req_rate_max",
    "conn_rate",
    "conn_rate_max",
    // 2.6 counts heads in its own form of them, not as they are on the wire.
    "bin",
    "bout",
    // How many connections are kept, and which of them count as safe to share.
    "idle_conn_cur",
    "safe_conn_cur",
    "pid",
    "Hard_maxconn",
    "MaxconnReached",
    "PoolFailed",
];

fn varies(name: &str) -> bool {
    VARYING.contains(&name) || hide::VARYING.contains(&name)
}

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
                for (name, cell) in names.iter().zip(&cells).filter(|(name, _)| !name.is_empty() && !varies(name)) {
                    out.push(format!("{row} {name} = {cell}"));
                }
                // Versions order their columns differently.
                out.get_mut(from..).unwrap_or_default().sort();
            }
            _ => match line.split_once(": ").filter(|(key, _)| is_info_key(key)) {
                Some((key, _)) if varies(key) => {}
                Some((key, value)) => out.push(format!("info {key} = {value}")),
                None => out.push(line.to_owned()),
            },
        }
    }
    out.join("\n")
}

/// A response without what each program says in its own way: the case of fields' names, the words of its own pages.
fn shown(response: &lb_testkit::Response) -> String {
    let body = response.text();
    let page = body.split_once("</h1>").filter(|(head, _)| head.starts_with("<html><body><h1>"));
    let field = |(name, value): &(String, String)| {
        let name = name.to_ascii_lowercase();
        (page.is_none() || name != "content-length").then(|| format!("{name}: {value}"))
    };
    let mut fields: Vec<String> = response.head.fields.iter().filter_map(field).collect();
    fields.sort();
    // The echo of a request shows the names of its fields.
    let body = page.map_or_else(|| body.to_ascii_lowercase(), |(head, _)| head.to_owned());
    format!("{}\n{}\n\n{body}", response.head.start, fields.join("\n"))
}

fn is_info_key(key: &str) -> bool {
    key == "TotalSplicdedBytesOut" || InfoField::ALL.iter().any(|field| field.name() == key)
}

/// The column of a line that `by_column` made.
fn column_of(line: &str) -> Option<&str> {
    line.split_once(" = ")?.0.rsplit(' ').next()
}

/// Two answers by column reduced to the columns that both have, and the names of the others.
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
    (keep(left), keep(right), mine.symmetric_difference(&theirs).cloned().collect())
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
        assert_eq!((left, notes), (right, vec!["y".to_owned()]));
        assert!(is_of_3("reqbin") && is_of_3("BootTime_ms") && !is_of_3("ssl_sess") && !is_of_3("scur"));
    }

    #[test]
    fn escapes_become_bytes() {
        assert_eq!(unescape(r"GET /\x01 HTTP/1.1\r\n\0"), b"GET /\x01 HTTP/1.1\r\n\0");
    }
}
