//! What is written for people agrees with the tables: the examples load, the manual page has every word.

use super::{Fake, parse};
use crate::keywords::{
    ActionRow, BIND, GLOBAL, HTTP_AFTER_RESPONSE, HTTP_REQUEST, HTTP_RESPONSE, OPTIONS, PROXY, SERVER, Status,
    TCP_CONNECTION, TCP_CONTENT, TCP_SESSION,
};
use crate::proxy::TIMEOUTS;
use std::collections::BTreeSet;
use std::path::Path;

const MANUAL: &str = include_str!("../../../../man/lbd.cfg.5");

#[test]
#[expect(clippy::disallowed_methods, reason = "the examples are files of this source tree")]
fn examples_load_without_a_word() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples");
    let files: Vec<_> = directory.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    let examples: Vec<_> = files.iter().filter(|path| path.extension().is_some_and(|end| end == "cfg")).collect();
    assert!(!examples.is_empty(), "{}", directory.display());
    for path in examples {
        let outcome = parse(&std::fs::read_to_string(path).unwrap(), &Fake::default());
        let found: Vec<&str> = outcome.diagnostics.iter().map(|d| d.message.as_str()).collect();
        assert!(found.is_empty(), "{}: {found:?}", path.display());
        assert!(outcome.config.unwrap().ignored_tuning.is_empty(), "{}", path.display());
    }
}

/// The words below a heading (`.SH` or `.SS` and this text), or in a paragraph's lines that begin with it.
fn words_of(heading: &str) -> BTreeSet<String> {
    let heading_of = |line: &'static str| line.strip_prefix(".SH ").or_else(|| line.strip_prefix(".SS "));
    let below = MANUAL.lines().skip_while(|line| heading_of(line) != Some(heading)).skip(1);
    let text: Vec<&str> = below.take_while(|line| heading_of(line).is_none()).collect();
    assert!(!text.is_empty(), "{heading}");
    words(&text.join(" "))
}

fn words(roff: &str) -> BTreeSet<String> {
    let plain = roff.replace("\\fB", " ").replace("\\fR", " ").replace("\\fI", " ").replace("\\-", "-");
    let ends = |c: char| c.is_whitespace() || matches!(c, ',' | ';' | '(' | ')' | '[' | ']' | '|');
    plain.split(ends).map(|word| word.trim_end_matches(['.', ':']).to_owned()).collect()
}

/// What is missing from the words, and what they name though it is refused.
fn compare<'r, F: 'r>(
    what: &str,
    rows: impl Iterator<Item = (&'r str, &'r Status<F>)>,
    words: &BTreeSet<String>,
    wrong: &mut Vec<String>,
) {
    for (name, status) in rows {
        match (status, words.contains(name)) {
            (Status::Supported(_), false) => wrong.push(format!("{what}: {name} is missing")),
            (Status::NotYet | Status::Gone(_), true) => wrong.push(format!("{what}: {name} is refused, but named")),
            _ => {}
        }
    }
}

#[test]
fn the_manual_page_has_every_supported_word_and_no_refused_one() {
    let mut wrong = Vec::new();
    compare("global", GLOBAL.iter().map(|r| (r.name, &r.status)), &words_of("GLOBAL"), &mut wrong);
    compare("proxy", PROXY.iter().map(|r| (r.name, &r.status)), &words_of("PROXIES"), &mut wrong);
    compare("option", OPTIONS.iter().map(|r| (r.name, &r.status)), &words_of("option"), &mut wrong);
    compare("bind", BIND.iter().map(|r| (r.name, &r.status)), &words_of("bind"), &mut wrong);
    compare("server", SERVER.iter().map(|r| (r.name, &r.status)), &words_of("server, default-server"), &mut wrong);
    let sets: [(&str, &[ActionRow]); 6] = [
        ("http-request", HTTP_REQUEST),
        ("http-response", HTTP_RESPONSE),
        ("http-after-response", HTTP_AFTER_RESPONSE),
        ("tcp-request connection", TCP_CONNECTION),
        ("tcp-request session", TCP_SESSION),
        ("tcp-request content", TCP_CONTENT),
    ];
    for (set, rows) in sets {
        // A line that begins with the sets' names in bold holds their actions.
        let bold = format!("\\fB{set}\\fR");
        let line = MANUAL.lines().find(|line| line.starts_with("\\fB") && line.contains(&bold)).unwrap_or_default();
        compare(set, rows.iter().map(|r| (r.name.trim_end_matches('*'), &r.status)), &words(line), &mut wrong);
    }
    let timeouts = words_of("PROXIES");
    wrong.extend(TIMEOUTS.iter().filter(|t| !timeouts.contains(t.0)).map(|t| format!("timeout: {} is missing", t.0)));
    assert!(wrong.is_empty(), "man/lbd.cfg.5\n{}", wrong.join("\n"));
}
