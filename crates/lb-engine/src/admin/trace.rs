//! `trace` and `show trace`: what the engine reports of its own doings, and where to.

use crate::control::Control;
use crate::shared::Shared;
use crate::trace::{CRITERIA, Criterion, LEVELS, SOURCES, Sink, Source, SourceRow, State, Status, VERBOSITIES};
use lb_admin::{Reply, Request};
use std::fmt::Write as _;

const KEYWORDS: &str = "\
Supported commands:
  event     : list/enable/disable source-specific event reporting
  follow    : report only what concerns whom another source is held to
  level     : list/set trace reporting level
  lock      : automatic lock on thread/connection/stream/...
  pause     : pause and automatically restart after a specific event
  sink      : list/set event sinks
  start     : start immediately or after a specific event
  stop      : stop immediately or after a specific event
  verbosity : list/set trace output verbosity
";

/// `trace [<source>|0|all] [<keyword> [<argument>]]*`.
pub(super) fn run(control: &Control, request: &Request) -> Result<Reply, Reply> {
    obey(control.shared, request.args())
}

/// Does what the lines of `traces` sections say. A line that is not understood is told and passed over: it may speak of a
/// part of HAProxy that is not here.
pub(super) fn begin(control: &Control) {
    for line in &control.shared.config.traces {
        let message = match obey(control.shared, &line.words) {
            Ok(Reply::Empty) => continue,
            Err(Reply::Message(_, message)) => message,
            _ => "the line is not complete".to_owned(),
        };
        control.warning(&format!("traces [{}:{}] : {message}.", line.place.file, line.place.line));
    }
}

fn obey(shared: &'static Shared, words: &[String]) -> Result<Reply, Reply> {
    let name = words.first().map_or("", String::as_str);
    let sources: Vec<&SourceRow> = match name {
        "" => return Ok(menu()),
        "0" => {
            for row in SOURCES {
                shared.traces.set(row.source, |state| state.set_status(Status::Stopped));
            }
            return Ok(Reply::info("All traces now stopped"));
        }
        "all" => SOURCES.iter().collect(),
        name => vec![find(name)?],
    };
    let Some(first) = sources.first() else { return Ok(menu()) };
    let words = words.get(1..).unwrap_or_default();
    if words.is_empty() {
        return Ok(Reply::Raw(KEYWORDS.into()));
    }
    // All words are read before anything is changed.
    let mut changes: Vec<Change> = Vec::new();
    let mut words = words.iter().map(String::as_str);
    while let Some(keyword) = words.next() {
        let Some(argument) = words.next() else {
            return choices(shared, first, keyword).map(|text| Reply::Raw(text.into_bytes()));
        };
        if name == "all" && !["sink", "level", "follow"].contains(&keyword) {
            return Err(Reply::err(format!(
                "The source 'all' takes 'sink', 'level' and 'follow' only, not '{keyword}'."
            )));
        }
        changes.push(Change::parse(shared, first, keyword, argument)?);
    }
    for row in sources {
        shared.traces.set(row.source, |state| changes.iter().for_each(|change| change.apply(row, state)));
    }
    Ok(Reply::Empty)
}

/// `show trace [<source>]`.
pub(super) fn show(control: &Control, request: &Request) -> Result<Reply, Reply> {
    let traces = &control.shared.traces;
    let mut out = String::new();
    // Writing to a string cannot fail.
    if request.arg(0).is_empty() {
        out.push_str("Supported trace sources and states (.=stopped, w=waiting, R=running) :\n");
        for row in SOURCES {
            let state = traces.state(row.source);
            let _ = writeln!(
                out,
                " [{}] {:<10} -> {} [drp {}]  [{}]",
                letter(state.status),
                row.name,
                sink_name(&state.sink),
                state.dropped,
                row.description
            );
        }
        return Ok(Reply::Raw(out.into_bytes()));
    }
    let row = find(request.arg(0))?;
    let state = traces.state(row.source);
    let _ = write!(
        out,
        "Trace status for {}:\n  - sink: {} [{} dropped]\n  - event name   :     report    start    stop    pause\n",
        row.name,
        sink_name(&state.sink),
        state.dropped
    );
    for (bit, (name, _)) in row.events.iter().enumerate() {
        let sign = |mask: u64| if mask & (1 << bit) != 0 { '+' } else { '-' };
        let [report, start, stop, pause] = [state.report, state.start, state.stop, state.pause].map(sign);
        let _ = writeln!(out, "    {name:<12} :        {report}        {start}        {stop}       {pause}");
    }
    Ok(Reply::Raw(out.into_bytes()))
}

fn find(name: &str) -> Result<&'static SourceRow, Reply> {
    SOURCES.iter().find(|row| row.name == name).ok_or_else(|| Reply::err(format!("No such trace source '{name}'")))
}

fn letter(status: Status) -> char {
    match status {
        Status::Stopped => '.',
        Status::Waiting => 'w',
        Status::Running => 'R',
    }
}

fn sink_name(sink: &Sink) -> &str {
    match sink {
        Sink::None => "none",
        Sink::Fd(1) => "stdout",
        Sink::Fd(_) => "stderr",
        Sink::Ring(name) => name,
    }
}

fn menu() -> Reply {
    let mut out = String::from(
        "Supported trace sources and states (.=stopped, w=waiting, R=running) :\n \
         [.] 0          : not a source, will immediately stop all traces\n",
    );
    for row in SOURCES {
        // Writing to a string cannot fail.
        let _ = writeln!(out, " [.] {:<10} : {}", row.name, row.description);
    }
    Reply::Raw(out.into_bytes())
}

/// What a source is asked to change.
enum Change {
    Sink(Sink),
    Level(crate::trace::Level),
    Verbosity(usize),
    Lock(Criterion),
    /// Another source; itself: none.
    Follow(Source),
    Status(Status),
    /// Which mask, its bits, and whether they are set.
    Events(Mask, u64, bool),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mask {
    Report,
    Start,
    Stop,
    Pause,
}

impl Change {
    fn parse(shared: &Shared, row: &SourceRow, keyword: &str, word: &str) -> Result<Self, Reply> {
        let mask = match keyword {
            "sink" => {
                return sinks(shared)
                    .into_iter()
                    .find(|(sink, _)| sink_name(sink) == word)
                    .map(|(sink, _)| Self::Sink(sink))
                    .ok_or_else(|| Reply::err("No such sink"));
            }
            "level" => {
                let level = LEVELS.iter().find(|(_, name, _)| *name == word);
                return level.map(|(level, ..)| Self::Level(*level)).ok_or_else(|| Reply::err("No such trace level"));
            }
            "verbosity" => {
                let index = VERBOSITIES.iter().position(|(name, _)| *name == word);
                return index.map(Self::Verbosity).ok_or_else(|| Reply::err("No such trace verbosity level"));
            }
            "lock" => {
                let criterion = CRITERIA.iter().find(|(_, name, _)| *name == word);
                let unknown = || Reply::err("Unsupported lock-on criterion");
                return criterion.map(|(criterion, ..)| Self::Lock(*criterion)).ok_or_else(unknown);
            }
            "follow" => return find(word).map(|other| Self::Follow(other.source)),
            "event" => Mask::Report,
            "start" => Mask::Start,
            "stop" => Mask::Stop,
            "pause" => Mask::Pause,
            _ => return Err(unknown_keyword(keyword)),
        };
        let (name, set) = match word.strip_prefix(['-', '!']) {
            Some(name) => (name, false),
            None => (word.strip_prefix('+').unwrap_or(word), true),
        };
        match (name, mask) {
            ("now", Mask::Start) => Ok(Self::Status(Status::Running)),
            ("now", Mask::Stop) => Ok(Self::Status(Status::Stopped)),
            ("now", Mask::Pause) => Ok(Self::Status(Status::Waiting)),
            ("none", _) => Ok(Self::Events(mask, u64::MAX, false)),
            ("any", _) => Ok(Self::Events(mask, u64::MAX, set)),
            (name, _) => {
                let bit = row.events.iter().position(|(known, _)| *known == name);
                bit.map(|bit| Self::Events(mask, 1 << bit, set)).ok_or_else(|| Reply::err("No such trace event"))
            }
        }
    }

    fn apply(&self, row: &SourceRow, state: &mut State) {
        match self {
            Self::Sink(sink) => state.sink = sink.clone(),
            Self::Level(level) => state.level = *level,
            Self::Verbosity(index) => state.verbosity = *index,
            Self::Lock(criterion) => {
                state.criterion = *criterion;
                let status = state.status;
                // Whatever the trace is held to is forgotten.
                state.set_status(Status::Stopped);
                state.status = status;
            }
            Self::Follow(other) => state.follow = Some(*other).filter(|other| *other != row.source),
            Self::Status(status) => state.set_status(*status),
            Self::Events(mask, bits, set) => {
                let value = match mask {
                    Mask::Report => &mut state.report,
                    Mask::Start => &mut state.start,
                    Mask::Stop => &mut state.stop,
                    Mask::Pause => &mut state.pause,
                };
                if *set {
                    *value |= bits;
                } else {
                    *value &= !bits;
                }
                if *mask == Mask::Start && *set && state.status == Status::Stopped {
                    state.set_status(Status::Waiting);
                }
            }
        }
    }
}

fn unknown_keyword(keyword: &str) -> Reply {
    Reply::err(format!("Unknown trace keyword '{keyword}'"))
}

/// The sinks there are, with what they are.
fn sinks(shared: &Shared) -> Vec<(Sink, String)> {
    let mut sinks = vec![
        (Sink::None, "no sink".to_owned()),
        (Sink::Fd(1), "standard output (fd#1)".to_owned()),
        (Sink::Fd(2), "standard output (fd#2)".to_owned()),
    ];
    let rings = shared.logger.rings().iter();
    sinks.extend(rings.map(|ring| (Sink::Ring(ring.name.clone()), ring.description.clone())));
    sinks
}

/// What a keyword without an argument lists.
fn choices(shared: &Shared, row: &SourceRow, keyword: &str) -> Result<String, Reply> {
    let state = shared.traces.state(row.source);
    let name = row.name;
    let mut out = String::new();
    let mut list = |title: String, entries: &mut dyn Iterator<Item = (char, String, String)>| {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{title}");
        for (mark, word, what) in entries {
            let _ = writeln!(out, "  {mark} {word:<10} : {what}");
        }
    };
    let star = |current: bool| if current { '*' } else { ' ' };
    match keyword {
        "sink" => list(
            format!("Supported sinks for source {name} (*=current):"),
            &mut sinks(shared).into_iter().map(|(s, what)| (star(s == state.sink), sink_name(&s).to_owned(), what)),
        ),
        "follow" => list(
            format!("Sources that {name} may follow (*=current, itself for none):"),
            &mut (SOURCES.iter()).map(|other| {
                let current = state.follow.unwrap_or(row.source) == other.source;
                (star(current), other.name.to_owned(), other.description.to_owned())
            }),
        ),
        "level" => list(
            format!("Supported trace levels for source {name}:"),
            &mut LEVELS.iter().map(|(l, word, what)| (star(*l == state.level), (*word).to_owned(), (*what).to_owned())),
        ),
        "verbosity" => list(
            format!("Supported trace verbosities for source {name}:"),
            &mut (VERBOSITIES.iter().enumerate())
                .map(|(i, (word, what))| (star(i == state.verbosity), (*word).to_owned(), (*what).to_owned())),
        ),
        "lock" => list(
            format!("Supported lock-on criteria for source {name}:"),
            &mut CRITERIA
                .iter()
                .map(|(c, word, what)| (star(*c == state.criterion), (*word).to_owned(), (*what).to_owned())),
        ),
        "event" | "start" | "stop" | "pause" => {
            let mask = match keyword {
                "event" => state.report,
                "start" => state.start,
                "stop" => state.stop,
                _ => state.pause,
            };
            let now = (keyword != "event")
                .then(|| ('-', "now".to_owned(), "don't wait for events, immediately change the state".to_owned()));
            let masks = [("none", "disable all event types"), ("any", "enable all event types")];
            let events = row.events.iter().enumerate().map(|(bit, (word, what))| {
                (if mask & (1 << bit) != 0 { '+' } else { '-' }, (*word).to_owned(), (*what).to_owned())
            });
            let masks = masks.into_iter().map(|(word, what)| ('-', word.to_owned(), what.to_owned()));
            let title = format!("Supported events for source {name} (+=enabled, -=disabled):");
            list(title, &mut now.into_iter().chain(masks).chain(events));
        }
        _ => return Err(unknown_keyword(keyword)),
    }
    Ok(out)
}
