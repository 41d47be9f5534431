//! `lbctl doctor`: what is wrong with a node or will be, and the command that cures it. It only looks.
//!
//! Each area is looked at by a function of its own, which adds what it finds; one that finds nothing says so, and
//! one that could not look says why.

mod configured;
mod connection;
mod process;
mod servers;
mod traffic;

use std::io::Write;
use std::path::PathBuf;

use lb_client::ServerState;
use lb_stats::{Info, StatTable};

use crate::configuration::Configuration;
use crate::context::Context;
use crate::exit::Exit;
use crate::fan;
use crate::fault::Fault;
use crate::output::{Cell, Column, Format, Palette, Sheet, Shown, Tone};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Areas: level, sockets, slots, timeouts, startup, workers, state-file, columns, checks, servers, \
                  backends, frontends, configuration, nodes.\nExit status: 1 when there is an error, 0 with warnings \
                  and notes alone.\n\nExamples:\n  lbctl doctor\n  lbctl doctor --min warning -o json\n  lbctl doctor \
                  --area checks --area backends"
)]
pub struct Args {
    /// Only these areas (repeatable)
    #[arg(long = "area", value_name = "AREA")]
    areas: Vec<String>,
    /// Leave out what is less grave
    #[arg(long, value_enum, value_name = "SEVERITY", default_value = "ok")]
    min: Severity,
    /// Its configuration, when the process behind the socket cannot be asked for it (repeatable)
    #[arg(long = "config", value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    config: Vec<PathBuf>,
}

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Severity {
    /// It was looked at, and nothing is wrong
    Ok,
    /// It could not be looked at
    Unknown,
    /// Worth knowing
    Note,
    /// It will hurt
    Warning,
    /// It hurts
    Error,
}

impl Severity {
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unknown => "unknown",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }

    const fn tone(self) -> Tone {
        match self {
            Self::Ok => Tone::Good,
            Self::Unknown | Self::Note => Tone::Plain,
            Self::Warning => Tone::Warn,
            Self::Error => Tone::Bad,
        }
    }
}

/// What there is to look at.
const AREAS: &[&str] = &[
    "level",
    "sockets",
    "slots",
    "timeouts",
    "startup",
    "workers",
    "state-file",
    "columns",
    "checks",
    "servers",
    "backends",
    "frontends",
    "configuration",
    "nodes",
];

/// One thing that was found.
#[derive(Debug, Clone)]
struct Finding {
    severity: Severity,
    area: &'static str,
    place: String,
    what: String,
    cure: Option<String>,
}

/// What was found so far.
#[derive(Debug, Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(
        &mut self,
        severity: Severity,
        area: &'static str,
        place: &str,
        what: impl Into<String>,
        cure: impl Into<String>,
    ) {
        let cure = Some(cure.into()).filter(|c| !c.is_empty());
        self.0.push(Finding { severity, area, place: place.to_owned(), what: what.into(), cure });
    }

    /// Says that an area is in order, unless something of it was found.
    fn ok(&mut self, area: &'static str, what: impl Into<String>) {
        if self.0.iter().all(|f| f.area != area) {
            self.add(Severity::Ok, area, "", what, "");
        }
    }

    /// Says why an area was not looked at.
    fn unknown(&mut self, area: &'static str, fault: &Fault) {
        self.add(
            Severity::Unknown,
            area,
            "",
            format!("not looked at: {}", fault.message),
            fault.hint.clone().unwrap_or_default(),
        );
    }
}

/// A number of things.
fn several(number: impl TryInto<u64>, word: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
}

/// What one node tells, read once.
struct Node<'a> {
    ctx: &'a Context,
    info: Info,
    stat: StatTable,
    states: Vec<ServerState>,
    configuration: Result<Configuration, Fault>,
}

impl<'a> Node<'a> {
    fn read(ctx: &'a Context, files: &[PathBuf]) -> Result<Self, Fault> {
        let info = ctx.client.info()?;
        Ok(Self {
            ctx,
            info,
            states: ctx.client.servers_state(None)?,
            stat: ctx.client.stat()?,
            configuration: match files {
                [] => Configuration::of_node(&ctx.client),
                files => Ok(Configuration::of_files(files)?),
            },
        })
    }
}

/// Runs it.
///
/// # Errors
/// [`Exit::Refused`] when something is wrong, told already; that of the exchange when a node cannot be asked.
pub fn run(args: &Args, ctx: &Context) -> Result<(), Fault> {
    if let Some(area) = args.areas.iter().find(|a| !AREAS.contains(&a.as_str())) {
        let near = crate::target::nearest(area, AREAS.iter().copied());
        let near = near.map(|n| format!("did you mean '{n}'? ")).unwrap_or_default();
        let fault = Fault::usage(format!("there is no area '{area}'"));
        return Err(fault.hint(format!("{near}there are {}", AREAS.join(", "))));
    }
    let mut rows: Vec<(Option<String>, Finding)> = Vec::new();
    let mut exits = Vec::new();
    let mut states = Vec::new();
    for (one, outcome) in fan::each(ctx, |one| examine(one, &args.config)) {
        match outcome {
            Ok((found, seen)) => {
                rows.extend(found.0.into_iter().map(|finding| (one.node.clone(), finding)));
                states.push((one.node_name(), seen));
                exits.push(None);
            }
            Err(fault) if one.node.is_none() => return Err(fault),
            Err(fault) => {
                one.tell(&fault);
                exits.push(Some(fault.exit));
            }
        }
    }
    if states.len() > 1 {
        let mut found = Findings::default();
        servers::disagreeing_nodes(ctx, &states, &mut found);
        rows.extend(found.0.into_iter().map(|finding| (Some("all".to_owned()), finding)));
    }
    rows.retain(|(_, f)| f.severity >= args.min && (args.areas.is_empty() || args.areas.iter().any(|a| a == f.area)));
    // The gravest last: that is what a terminal still shows.
    rows.sort_by_key(|(_, finding)| finding.severity);
    print(ctx, &rows)?;
    let errors = rows.iter().filter(|(_, f)| f.severity == Severity::Error).count();
    match fan::verdict(&exits) {
        Ok(()) if errors > 0 => Err(Fault::told(Exit::Refused)),
        other => other,
    }
}

fn examine(one: &Context, files: &[PathBuf]) -> Result<(Findings, Vec<ServerState>), Fault> {
    let node = Node::read(one, files)?;
    let mut found = Findings::default();
    connection::level(&node, &mut found)?;
    connection::sockets(&node, &mut found)?;
    traffic::slots(&node, &mut found);
    configured::timeouts(&node, &mut found);
    process::startup(&node, &mut found);
    process::workers(&node, &mut found);
    configured::state_file(&node, &mut found);
    configured::files(&node, &mut found);
    servers::columns(&node, &mut found)?;
    servers::checks(&node, &mut found);
    servers::servers(&node, &mut found);
    traffic::backends(&node, &mut found);
    traffic::frontends(&node, &mut found);
    Ok((found, node.states))
}

type Row = (Option<String>, Finding);

fn columns(several: bool) -> Vec<Column<Row>> {
    let mut columns: Vec<Column<Row>> = vec![
        Column {
            key: "severity",
            heading: "SEVERITY",
            shown: Shown::Always,
            value: |(_, f)| Cell::Toned(f.severity.word().to_owned(), f.severity.tone()),
        },
        Column { key: "area", heading: "AREA", shown: Shown::Always, value: |(_, f)| Cell::text(Some(f.area)) },
        Column { key: "where", heading: "WHERE", shown: Shown::Always, value: |(_, f)| Cell::text(Some(&f.place)) },
        Column { key: "what", heading: "WHAT", shown: Shown::Always, value: |(_, f)| Cell::text(Some(&f.what)) },
        Column { key: "cure", heading: "CURE", shown: Shown::Always, value: |(_, f)| Cell::text(f.cure.as_deref()) },
    ];
    if several {
        let value = |(node, _): &Row| Cell::text(node.as_deref());
        columns.insert(0, Column { key: "node", heading: "NODE", shown: Shown::Always, value });
    }
    columns
}

fn print(ctx: &Context, rows: &[Row]) -> Result<(), Fault> {
    if ctx.format.is_data() || ctx.format == Format::Wide {
        return Sheet::of(ctx.format, &columns(ctx.nodes.len() > 1), rows).print(ctx);
    }
    let text = text(rows, ctx.out);
    match ctx.terminal {
        true => crate::output::page(text.as_bytes()),
        false => Ok(std::io::stdout().lock().write_all(text.as_bytes())?),
    }
}

/// A line for each finding, its cure below, and the sum.
fn text(rows: &[Row], palette: Palette) -> String {
    let mut text = String::new();
    for (node, finding) in rows {
        let node = node.as_ref().map(|n| format!("{n}: ")).unwrap_or_default();
        let severity = palette.tone(&format!("{:<8}", finding.severity.word()), finding.severity.tone());
        let place = if finding.place.is_empty() { String::new() } else { format!("{}: ", finding.place) };
        text.push_str(&format!("{severity} {node}{}: {place}{}\n", finding.area, finding.what));
        if let Some(cure) = &finding.cure {
            text.push_str(&format!("{:8} {} {cure}\n", "", palette.note("cure:")));
        }
    }
    let count = |severity| rows.iter().filter(|(_, f)| f.severity == severity).count();
    let sums = [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Note, "note")];
    let sums: Vec<String> = sums.into_iter().map(|(severity, word)| several(count(severity), word)).collect();
    text.push_str(&format!("{}\n", sums.join(", ")));
    text
}
