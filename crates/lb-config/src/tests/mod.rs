//! Whole configurations: what is accepted, what it means, what is refused and how that is shown.

mod captures;
mod checks;
mod effects;
mod faults;
mod guids;
mod pages;
mod process;
mod rings;
mod rules;
mod runtime;
mod seen;
mod state;
mod tables;
mod tls;
mod users;
mod values;
mod whole;

use crate::model::Config;
use crate::{Host, Outcome, Severity, Source, render};
use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::path::Path;

/// A small world: one user, one group, one host name, the files given.
#[derive(Default)]
pub(crate) struct Fake {
    pub env: BTreeMap<&'static str, &'static str>,
    pub files: BTreeMap<&'static str, &'static [u8]>,
}

impl Host for Fake {
    fn env(&self, name: &str) -> Option<String> {
        self.env.get(name).map(|value| (*value).to_owned())
    }

    fn resolve(&self, name: &str) -> Option<IpAddr> {
        (name == "web.example").then(|| "192.0.2.7".parse().unwrap())
    }

    fn user_id(&self, name: &str) -> Option<u32> {
        (name == "haproxy").then_some(101)
    }

    fn group_id(&self, name: &str) -> Option<u32> {
        (name == "haproxy").then_some(102)
    }

    fn read_file(&self, path: &Path) -> io::Result<Vec<u8>> {
        if path == Path::new("/dev/null") {
            return Ok(Vec::new());
        }
        let found = path.to_str().and_then(|path| self.files.get(path));
        found.map(|bytes| bytes.to_vec()).ok_or_else(|| io::Error::from_raw_os_error(2))
    }

    fn hostname(&self) -> String {
        "node1".to_owned()
    }
}

pub(crate) fn parse(text: &str, host: &Fake) -> Outcome {
    crate::parse(&[Source { name: "a.cfg".to_owned(), text: text.as_bytes().to_vec() }], host)
}

/// All findings as printed.
pub(crate) fn shown(text: &str) -> String {
    shown_in(text, &Fake::default())
}

pub(crate) fn shown_in(text: &str, host: &Fake) -> String {
    parse(text, host).diagnostics.iter().map(|d| render(d, 1, false)).collect()
}

/// The configuration; panics when it is refused.
pub(crate) fn good(text: &str) -> Config {
    good_in(text, &Fake::default())
}

pub(crate) fn good_in(text: &str, host: &Fake) -> Config {
    let outcome = parse(text, host);
    let alerts: String =
        outcome.diagnostics.iter().filter(|d| d.severity == Severity::Alert).map(|d| render(d, 1, false)).collect();
    outcome.config.unwrap_or_else(|| panic!("{alerts}"))
}
