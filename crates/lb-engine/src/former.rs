//! What a former process left in files, read at start: before the root directory and the user change, and without
//! ever failing the start.

use crate::counters::PerThread;
use crate::shared::ProxyState;
use crate::slots::Slots;
use lb_config::model::{Config, LoadState, Proxy, Server};
use lb_stats::{
    Block, SavedLine, SavedServer, SavedTarget, StatField, StateFileFault, read_state_file, read_stats_file,
};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// What a former process left.
#[derive(Debug, Clone, Default)]
pub struct Former {
    /// Servers by the indexes of backend and server.
    servers: BTreeMap<(usize, usize), SavedServer>,
    /// Counters, by the identifier of their object.
    counters: BTreeMap<(Block, String), Vec<(StatField, u64)>>,
}

impl Former {
    /// Reads the files that a configuration names. What is wrong with them is told in warnings.
    pub fn load(config: &Config) -> (Self, Vec<String>) {
        let mut former = Self::default();
        let mut warnings = Vec::new();
        let backends = || config.proxies.iter().enumerate().filter(|(_, p)| p.kind.has_backend());
        let files = &config.global.state;
        let global = files.servers.as_deref().map(|path| files.locate(path));
        let wanted = backends().any(|(_, proxy)| proxy.load_state == LoadState::Global);
        let place = Place::Global;
        let bytes = global.as_deref().filter(|_| wanted).and_then(|path| read(path, place, &mut warnings));
        let lines = match (&bytes, &global) {
            (Some(bytes), Some(path)) => parse(bytes, path, place, &mut warnings),
            _ => Vec::new(),
        };
        let known = by_server(&lines);
        for (index, proxy) in backends() {
            match proxy.load_state {
                LoadState::None => {}
                LoadState::Global if global.is_none() => warnings.push(format!(
                    "backend '{}' configured to load server state file from global section 'server-state-file' \
                     directive. Unfortunately, 'server-state-file' is not set!",
                    proxy.name
                )),
                LoadState::Global => former.take(index, proxy, &known, &mut warnings),
                LoadState::Local => {
                    let path = files.locate(proxy.state_file.as_deref().unwrap_or(Path::new(&*proxy.name)));
                    let place = Place::Local(&proxy.name);
                    let Some(bytes) = read(&path, place, &mut warnings) else { continue };
                    let lines = parse(&bytes, &path, place, &mut warnings);
                    for line in lines.iter().filter(|line| line.backend() != &*proxy.name) {
                        warnings.push(format!(
                            "{}backend name mismatch: from server state file: '{}', from running config '{}'",
                            place.prefix(),
                            line.backend(),
                            proxy.name
                        ));
                    }
                    former.take(index, proxy, &by_server(&lines), &mut warnings);
                }
            }
        }
        if let Some(path) = &config.global.state.stats {
            former.take_counters(path, &mut warnings);
        }
        (former, warnings)
    }

    /// Reads a stats-file. The first line of an object counts.
    fn take_counters(&mut self, path: &Path, warnings: &mut Vec<String>) {
        let place = path.display();
        let Ok(bytes) = regular(path) else {
            warnings.push(format!("config: Can't load stats-file '{place}': cannot open file."));
            return;
        };
        let text = String::from_utf8_lossy(&bytes);
        let (rows, faults) = read_stats_file(&text);
        for row in rows {
            self.counters.entry((row.block, row.guid.to_owned())).or_insert(row.values);
        }
        if let Some((line, why)) = faults.first() {
            let more = match faults.len() - 1 {
                0 => String::new(),
                1 => " So is 1 more.".to_owned(),
                more => format!(" So are {more} more."),
            };
            warnings.push(format!("config: stats-file '{place}': line {line} is passed over, {why}.{more}"));
        }
    }

    /// Gives the objects of a process that begins the counters that are known of them.
    pub fn give_counters(&self, proxies: &Slots<ProxyState>) {
        if self.counters.is_empty() {
            return;
        }
        let give = |block: Block, guid: Option<&Arc<str>>, counters: &PerThread| {
            if let Some(values) = guid.and_then(|guid| self.counters.get(&(block, guid.to_string()))) {
                counters.kept().set(values);
            }
        };
        for proxy in proxies.live() {
            let config = proxy.config.get();
            if config.kind.has_frontend() {
                give(Block::Front, config.guid.as_ref(), &proxy.front);
            }
            for listener in &proxy.listeners {
                give(Block::Front, listener.config.guid.as_ref(), &listener.counters);
            }
            for server in proxy.servers.live() {
                give(Block::Back, server.config().guid.as_ref(), &server.counters);
            }
            if config.kind.has_backend() {
                give(Block::Back, config.guid.as_ref(), &proxy.back);
            }
        }
    }

    /// What is known of a server.
    pub fn server(&self, proxy: usize, server: usize) -> Option<&SavedServer> {
        self.servers.get(&(proxy, server))
    }

    fn take(&mut self, index: usize, proxy: &Proxy, known: &ByServer<'_>, warnings: &mut Vec<String>) {
        for (server, config) in proxy.servers.iter().enumerate() {
            match known.get(&(&*proxy.name, &*config.name)).map(|line| line.read()) {
                None => {}
                Some(Ok(saved)) => {
                    if let Err(fault) = applicable(&saved, config) {
                        let name = format!("{}/{}", proxy.name, config.name);
                        warnings.push(format!("server-state partially applied for server '{name}', {fault}"));
                    }
                    self.servers.insert((index, server), saved);
                }
                Some(Err(faults)) => warnings.push(format!(
                    "server-state application failed for server '{}/{}', {}",
                    proxy.name,
                    config.name,
                    faults.join(", ")
                )),
            }
        }
    }
}

/// Whether all of a line can be applied: the own targets of checks need checks.
fn applicable(saved: &SavedServer, config: &Server) -> Result<(), String> {
    let check = saved.check_target.clone()?;
    if check != SavedTarget::default() && !config.check {
        return Err("health checks are not enabled on this server".to_owned());
    }
    let agent = saved.agent_target.clone()?;
    if agent != SavedTarget::default() && config.agent.is_none() {
        return Err("agent checks are not enabled on this server".to_owned());
    }
    Ok(())
}

/// Lines by the names of backend and server.
type ByServer<'a> = BTreeMap<(&'a str, &'a str), &'a SavedLine<'a>>;

/// The first line of a server counts.
fn by_server<'a>(lines: &'a [SavedLine<'a>]) -> ByServer<'a> {
    lines.iter().rev().map(|line| ((line.backend(), line.server()), line)).collect()
}

/// Whose file it is.
#[derive(Debug, Clone, Copy)]
enum Place<'a> {
    Global,
    Local(&'a str),
}

impl Place<'_> {
    /// What the file is called in warnings.
    fn title(self) -> &'static str {
        match self {
            Self::Global => "global server state file",
            Self::Local(_) => "server state file",
        }
    }

    /// What a warning begins with.
    fn prefix(self) -> String {
        match self {
            Self::Global => "config: ".to_owned(),
            Self::Local(name) => format!("Proxy '{name}': "),
        }
    }
}

fn read(path: &Path, place: Place<'_>, warnings: &mut Vec<String>) -> Option<Vec<u8>> {
    regular(path)
        .map_err(|error| {
            let reason = error.to_string();
            let reason = reason.split(" (os error").next().unwrap_or_default();
            warnings.push(format!("{}Can't open {} '{}': {reason}", place.prefix(), place.title(), path.display()));
        })
        .ok()
}

/// A file's content. What is not a regular file might never end, or block: it is empty.
fn regular(path: &Path) -> std::io::Result<Vec<u8>> {
    if std::fs::metadata(path)?.is_file() { std::fs::read(path) } else { Ok(Vec::new()) }
}

fn parse<'a>(bytes: &'a [u8], path: &Path, place: Place<'_>, warnings: &mut Vec<String>) -> Vec<SavedLine<'a>> {
    let (prefix, title, path) = (place.prefix(), place.title(), path.display());
    read_state_file(bytes).unwrap_or_else(|fault| {
        warnings.push(match fault {
            StateFileFault::Version => format!("{prefix}Can't get version of the {title} '{path}'."),
            StateFileFault::Line(line) => {
                format!("{prefix}corrupted {title} '{path}' at line {line}. No state is taken from it.")
            }
        });
        Vec::new()
    })
}
