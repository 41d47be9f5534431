//! `log` lines: the target, the envelope, what is sent.

use crate::address::{self, Allow, Endpoint, Port};
use crate::cx::Cx;
use crate::line::{Fault, Line, Prefix, fault};
use crate::log_profile;
use crate::model::{ConnectAddress, LogSink, LogTarget, LogWire, Ring, RingServer, Sampling};
use crate::suggest::did_you_mean;
use lb_model::Severity;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

/// What a `log` line asks.
#[derive(Debug, Clone)]
pub(crate) enum LogLine {
    /// `log global`: the targets of the global section.
    Global,
    /// A target.
    Target(LogTarget),
    /// `no log`: forget those before.
    Clear,
}

/// Facilities; the index is syslog's number.
const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "auth2", "ftp", "ntp", "audit",
    "alert", "cron2", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
];

const FORMATS: [(&str, LogWire); 8] = [
    ("local", LogWire::Local),
    ("rfc3164", LogWire::Rfc3164),
    ("rfc5424", LogWire::Rfc5424),
    ("priority", LogWire::Priority),
    ("short", LogWire::Short),
    ("timed", LogWire::Timed),
    ("iso", LogWire::Iso),
    ("raw", LogWire::Raw),
];

/// The longest line by default.
const DEFAULT_LENGTH: usize = 1024;

/// Reads a `log` line. In `global` there is no `log global`.
pub(crate) fn log(line: &Line, in_global: bool, cx: &mut Cx<'_>) -> Result<LogLine, Fault> {
    if line.prefix == Prefix::No {
        return match line.words.get(1) {
            None => Ok(LogLine::Clear),
            Some(_) => Err(fault(1, "log : 'no log' does not expect arguments")),
        };
    }
    if line.word(1) == "global" {
        return match (in_global, line.words.get(2)) {
            (true, _) => Err(fault(1, "log : 'global' is not supported for a global syslog server")),
            (false, None) => Ok(LogLine::Global),
            (false, Some(extra)) => Err(fault(2, format!("log : unknown log facility '{}'", extra.text))),
        };
    }
    let usage = if in_global {
        "log : expects <address> and <facility> as arguments"
    } else {
        "log : expects <address> and <facility> or global as arguments"
    };
    let stream = stream(line.need(1, usage)?, cx).map_err(refused)?;
    let sink = match &stream {
        // Named when its form and its length are known.
        Some(_) => LogSink::Ring(String::new()),
        None => sink(line, line.word(1), cx).map_err(refused)?,
    };
    let (mut format, mut max_len, mut sample, mut profile) = (LogWire::Usual, DEFAULT_LENGTH, None, None);
    let mut at = 2;
    loop {
        let value = line.word(at + 1);
        match line.word(at) {
            "len" => {
                let complaint = format!("log : invalid log length '{value}', must be between 80 and 65535");
                max_len =
                    value.parse().ok().filter(|len| (80..=65_535).contains(len)).ok_or(fault(at + 1, complaint))?;
            }
            "format" => {
                let known = wire(value);
                let near = did_you_mean(value, FORMATS.map(|(name, _)| name));
                let complaint = || fault(at + 1, format!("log : unknown log format '{value}'{near}"));
                format = known.ok_or_else(complaint)?;
            }
            "sample" => sample = Some(Arc::new(sampling(value).map_err(|message| fault(at + 1, message))?)),
            "profile" => {
                let name = line.need(at + 1, "log : 'profile' expects the name of a log-profile section")?;
                profile = Some(log_profile::named(cx, name, line, at + 1));
            }
            _ => break,
        }
        at += 2;
    }
    let facility = line.need(at, usage)?;
    let number = FACILITIES.iter().position(|name| *name == facility);
    let complaint =
        || fault(at, format!("log : unknown log facility '{facility}'{}", did_you_mean(facility, FACILITIES)));
    let facility = number.and_then(|n| u8::try_from(n).ok()).ok_or_else(complaint)?;
    let max_level = level(line, at + 1, "level", Severity::Debug)?;
    let min_level = level(line, at + 2, "minimum log level", Severity::Emerg)?;
    if let Some(extra) = line.words.get(at + 3) {
        return Err(fault(at + 3, format!("log : cannot handle unexpected argument '{}'", extra.text)));
    }
    let sink = match stream {
        Some((address, port)) => LogSink::Ring(stream_ring(line, address, port, format, max_len, cx)),
        None => sink,
    };
    Ok(LogLine::Target(LogTarget { sink, format, facility, max_level, min_level, max_len, sample, profile }))
}

/// A message and what to do.
type Refused = (String, Option<String>);

fn refused((message, help): Refused) -> Fault {
    let fault = fault(1, format!("log : {message}"));
    Fault { help, ..fault }
}

/// A stream's address, if the target is one.
fn stream(text: &str, cx: &Cx<'_>) -> Result<Option<(ConnectAddress, u16)>, Refused> {
    let expanded = address::expand(text, cx);
    if !["tcp@", "tcp4@", "tcp6@", "uxst@", "stream+"].iter().any(|prefix| expanded.starts_with(prefix)) {
        return Ok(None);
    }
    let found = match address::parse(&expanded, Allow::default(), cx).map_err(|e| (e.message, e.help))? {
        Endpoint::Ip { ip, port, .. } => (ConnectAddress::Ip(ip), port_of(port)),
        Endpoint::Unix(path) => (ConnectAddress::Unix(path), 0),
        Endpoint::Abstract(name) => (ConnectAddress::Abstract(name), 0),
        Endpoint::Fd(_) | Endpoint::Sockpair(_) => {
            return Err((format!("a descriptor is no stream to connect to: '{text}'"), None));
        }
    };
    Ok(Some(found))
}

/// The ring that feeds a stream target, and its name.
fn stream_ring(
    line: &Line,
    address: ConnectAddress,
    port: u16,
    format: LogWire,
    max_len: usize,
    cx: &mut Cx<'_>,
) -> String {
    let name = format!("ring#{}", cx.stream_rings.len() + 1);
    let server = RingServer { name: "default".to_owned(), address, port, octet_count: false };
    cx.stream_rings.push(Ring {
        description: format!("created from logserver declared into '{}' at line {}", line.file, line.number),
        format,
        max_len,
        servers: vec![server],
        ..Ring::named(&name)
    });
    name
}

fn port_of(port: Port) -> u16 {
    match port {
        Port::Range(port, _) if port != 0 => port,
        _ => 514,
    }
}

/// Reads `<ranges>:<size>`, such as `1,3-5:10`.
fn sampling(text: &str) -> Result<Sampling, String> {
    let usage = || format!("log : invalid sampling '{text}', expected <ranges>:<size> such as '1,3-5:10'");
    let (ranges, size) = text.split_once(':').ok_or_else(usage)?;
    let size: u32 = size.parse().ok().filter(|size| *size > 0).ok_or_else(usage)?;
    let mut read = Vec::new();
    for range in ranges.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (u32, u32) = (first.parse().map_err(|_| usage())?, last.parse().map_err(|_| usage())?);
        if first == 0 || last < first {
            return Err(format!("log : invalid sampling range '{range}', it must rise from 1"));
        }
        if last > size {
            return Err(format!("log : the sampling size {size} must not be below the range '{range}'"));
        }
        if read.iter().any(|(a, b)| first <= *b && *a <= last) {
            return Err(format!("log : the sampling range '{range}' overlaps another one"));
        }
        read.push((first, last));
    }
    Ok(Sampling { ranges: read, size, seen: AtomicU32::new(0) })
}

fn level(line: &Line, at: usize, what: &str, default: Severity) -> Result<Severity, Fault> {
    let word = line.word(at);
    if word.is_empty() {
        return Ok(default);
    }
    let what = if what == "level" { "log level" } else { what };
    Severity::parse(word).ok_or_else(|| {
        fault(at, format!("log : unknown optional {what} '{word}'"))
            .help(format!("levels are {}", Severity::ALL.map(Severity::as_str).join(", ")))
    })
}

/// A form of lines by its name.
pub(crate) fn wire(name: &str) -> Option<LogWire> {
    FORMATS.iter().find(|(known, _)| *known == name).map(|(_, format)| *format)
}

fn sink(line: &Line, text: &str, cx: &mut Cx<'_>) -> Result<LogSink, Refused> {
    if let Some(name) = text.strip_prefix("ring@") {
        cx.ring_uses.push((name.to_owned(), line.site(1)));
        return Ok(LogSink::Ring(name.to_owned()));
    }
    match text {
        "stdout" => return Ok(LogSink::Fd(1)),
        "stderr" => return Ok(LogSink::Fd(2)),
        _ => {}
    }
    let allow = Allow { descriptor: true, datagram: true, ..Allow::default() };
    match address::parse(text, allow, cx).map_err(|e| (e.message, e.help))? {
        Endpoint::Ip { ip, port, .. } => Ok(LogSink::Udp(ip, port_of(port))),
        Endpoint::Unix(path) => Ok(LogSink::Unix(path)),
        Endpoint::Fd(fd) => Ok(LogSink::Fd(fd)),
        Endpoint::Abstract(name) => Ok(LogSink::Abstract(name)),
        Endpoint::Sockpair(_) => Err((format!("a pair of sockets is no log target: '{text}'"), None)),
    }
}

#[cfg(test)]
mod tests {
    use super::sampling;

    #[test]
    fn a_sample_takes_the_lines_of_its_ranges() {
        let sample = sampling("1,3-4:5").unwrap();
        let taken: Vec<u32> = (1..=11).filter(|_| sample.takes_next()).collect();
        assert_eq!(taken, [1, 3, 4, 6, 8, 9, 11]);
        for bad in ["", "1", "1:0", "0:3", "4:3", "3-1:5", "1-2,2:5", "a:3"] {
            assert!(sampling(bad).is_err(), "{bad}");
        }
    }
}
