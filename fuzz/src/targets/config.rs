//! The configuration parser in a small world.

use crate::corpus::Signature;
use crate::literals;
use lb_config::{Host, Severity, Source, eval_condition, parse, render};
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

/// The tests' configurations.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut texts = vec![literals::text("tests/data/probes.cfg").into_bytes()];
    texts.extend(
        ["crates/lb-config/src/tests", "crates/lb-engine/src/admin", "tests/e2e"].map(literals::below).concat(),
    );
    texts.retain(|text| text.contains(&b'\n') && text.contains(&b' '));
    // One line each of all keywords, in a section that has most of them.
    for section in ["global", "defaults", "frontend f", "backend b", "listen l"] {
        for line in literals::below("crates/lb-config/src/keywords") {
            texts.push([section.as_bytes(), b"\n    ", &line, b" 1\n"].concat());
        }
    }
    texts
}

struct World;

impl Host for World {
    fn env(&self, name: &str) -> Option<String> {
        match name {
            "HOME" => Some("/root".to_owned()),
            "PORT" => Some("80".to_owned()),
            // A value must not be read as configuration.
            "WORDS" => Some("a b\n\"c\" # d\\".to_owned()),
            _ => None,
        }
    }

    fn resolve(&self, name: &str) -> Option<IpAddr> {
        name.ends_with(".example").then_some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)))
    }

    fn user_id(&self, name: &str) -> Option<u32> {
        (name == "haproxy").then_some(101)
    }

    fn group_id(&self, name: &str) -> Option<u32> {
        (name == "haproxy").then_some(102)
    }

    fn read_file(&self, path: &Path) -> io::Result<Vec<u8>> {
        match path.to_str() {
            Some("/dev/null") => Ok(Vec::new()),
            Some(name) if name.ends_with("http") => Ok(b"HTTP/1.0 503 Gone\r\nA: b\r\n\r\nbody".to_vec()),
            Some(name) if name.ends_with("acl") => Ok(b"/a\n# comment\n10.0.0.0/8\n\xff\n".to_vec()),
            _ => Err(io::Error::from_raw_os_error(2)),
        }
    }

    fn hostname(&self) -> String {
        "node1".to_owned()
    }
}

/// Findings that an input may yield for each of its lines, and on the whole.
const MOST_FINDINGS: (usize, usize) = (16, 64);
/// The longest finding: the message's own words, and what it repeats of the line.
const LONGEST_OWN: usize = 8 << 10;

/// Runs one input.
pub fn run(input: &[u8], signature: &mut Signature) {
    let sources = [Source { name: "a.cfg".to_owned(), text: input.to_vec() }];
    let outcome = parse(&sources, &World);
    let lines: Vec<&[u8]> = input.split(|b| *b == b'\n').collect();
    let refused = outcome.diagnostics.iter().any(|found| found.severity == Severity::Alert);
    assert_eq!(outcome.config.is_none(), refused, "refused without a reason, or accepted with one");
    let most = MOST_FINDINGS.0 * lines.len() + MOST_FINDINGS.1;
    assert!(outcome.diagnostics.len() <= most, "{} findings in {} lines", outcome.diagnostics.len(), lines.len());
    signature.add(refused);
    for found in outcome.diagnostics.iter().take(64) {
        signature.add(found.severity);
        // The message without what it repeats of the input.
        signature.add(found.message.split(['\'', '"', '<', ':']).next());
    }
    for found in &outcome.diagnostics {
        let shown = render(found, 1, false);
        assert!(shown.ends_with('\n'));
        assert!(!found.message.is_empty());
        assert!(!shown.chars().any(|c| c.is_control() && c != '\n' && c != '\t'), "control characters in {shown:?}");
        let Some(line) = &found.source_line else { continue };
        assert!(found.columns.start < found.columns.end, "nothing underlined: {found:?}");
        assert!(found.columns.end <= line.chars().count() + 1, "underlined beyond the line: {found:?}");
        assert!(shown.len() <= LONGEST_OWN + 8 * line.len(), "{} bytes about {} bytes", shown.len(), line.len());
        let is_there = (found.line as usize).checked_sub(1).and_then(|index| lines.get(index));
        assert!(is_there.is_some(), "line {} of {}", found.line, lines.len());
    }
    if let Some(line) = lines.first() {
        let text = String::from_utf8_lossy(line);
        signature.add(eval_condition(&text, &World).map_err(|error| error.message.len()));
    }
}
