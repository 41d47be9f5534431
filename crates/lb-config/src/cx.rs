//! What all handlers share: the world outside, the environment as the file changed it, the findings.

use crate::diagnostic::{Diagnostic, Severity, Sink, Site};
use crate::line::{Fault, Line};
use crate::model::{ProfileRef, Ring};
use crate::{Host, condition};
use lb_sample::{LogFormat, PatternSets, ProcessVars, Sources, UserLists};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Log formats that a file may name as variables.
const FORMAT_VARIABLES: &[(&str, &str)] = &[
    ("HAPROXY_HTTPS_LOG_FMT", LogFormat::HTTPS),
    ("HAPROXY_HTTP_CLF_LOG_FMT", LogFormat::HTTP_CLF),
    ("HAPROXY_HTTP_LOG_FMT", LogFormat::HTTP),
    ("HAPROXY_TCP_CLF_LOG_FMT", LogFormat::TCP_CLF),
    ("HAPROXY_TCP_LOG_FMT", LogFormat::TCP),
];

/// State of a parse that every handler may use.
pub(crate) struct Cx<'a> {
    pub host: &'a dyn Host,
    pub sink: Sink,
    /// `setenv`, `presetenv` and `unsetenv` so far, the latest last.
    pub environment: Vec<(String, Option<String>)>,
    current: BTreeMap<String, Option<String>>,
    /// Tuning words met, each once.
    pub ignored: Vec<String>,
    /// Variables of the process.
    pub vars: Arc<ProcessVars>,
    /// Sets of patterns.
    pub patterns: Arc<PatternSets>,
    /// User lists.
    pub users: Arc<UserLists>,
    /// File and line being read.
    pub place: (Arc<str>, u32),
    /// How many stick counters a stream has.
    pub stick_counters: usize,
    /// A section other than `global` was met.
    pub past_global: bool,
    /// Rings that `log` lines name, and where.
    pub ring_uses: Vec<(String, Site)>,
    /// Log profiles that are named, and where first.
    pub profile_uses: Vec<(String, ProfileRef, Site)>,
    /// Rings that stream targets of `log` lines make.
    pub stream_rings: Vec<Ring>,
    /// Words of server lines that no HAProxy knows, and where they stand.
    pub own_words: Vec<(&'static str, Site)>,
}

impl<'a> Cx<'a> {
    pub fn new(host: &'a dyn Host) -> Self {
        Self {
            host,
            sink: Sink::default(),
            environment: Vec::new(),
            current: BTreeMap::new(),
            ignored: Vec::new(),
            vars: Arc::default(),
            patterns: Arc::default(),
            users: Arc::default(),
            place: ("".into(), 0),
            stick_counters: 3,
            past_global: false,
            ring_uses: Vec::new(),
            profile_uses: Vec::new(),
            stream_rings: Vec::new(),
            own_words: Vec::new(),
        }
    }

    /// An environment variable's value.
    pub fn env(&self, name: &str) -> Option<String> {
        if let Some(value) = self.current.get(name) {
            return value.clone();
        }
        self.host.env(name).or_else(|| match name {
            "HAPROXY_BRANCH" => condition::COMPATIBLE_VERSION.rsplit_once('.').map(|(branch, _)| branch.to_owned()),
            _ => FORMAT_VARIABLES.iter().find(|(n, _)| *n == name).map(|(_, format)| (*format).to_owned()),
        })
    }

    pub fn set_env(&mut self, name: &str, value: Option<&str>) {
        self.environment.push((name.to_owned(), value.map(str::to_owned)));
        self.current.insert(name.to_owned(), value.map(str::to_owned));
    }

    /// Runs a parser of expressions, which may read pattern files and variables.
    pub fn with_sources<T>(&self, run: impl FnOnce(&Sources<'_>) -> T) -> T {
        let read = |path: &str| self.host.read_file(Path::new(path)).map_err(|e| reason(&e));
        let env = |name: &str| self.env(name);
        run(&Sources {
            read_file: &read,
            env: &env,
            vars: Some(&self.vars),
            patterns: Some(&self.patterns),
            users: Some(&self.users),
            place: (&self.place.0, self.place.1),
        })
    }

    /// Reports a fault of a line.
    pub fn report(&mut self, line: &Line, fault: Fault) {
        self.sink.push(fault.severity, &line.site_of(&fault), fault.message, fault.help);
    }

    pub fn warn(&mut self, site: &Site, message: impl Into<String>) {
        self.sink.warning(site, message);
    }

    /// A message that the file itself asks for: its line is not shown again.
    pub fn note(&mut self, severity: Severity, site: &Site, message: String) {
        self.sink.found.push(Diagnostic { source_line: None, ..Diagnostic::at(severity, site, message) });
    }

    /// Remembers a tuning word that has no effect here.
    pub fn ignore(&mut self, word: &str) {
        if !self.ignored.iter().any(|known| known == word) {
            self.ignored.push(word.to_owned());
        }
    }
}

/// The system's words for an error, without Rust's "(os error 2)".
pub(crate) fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}
