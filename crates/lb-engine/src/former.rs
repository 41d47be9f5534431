//! What a former process left in files, read at start: before the root directory and the user change, and without
//! ever failing the start.

use lb_config::model::{Config, LoadState, Proxy, Server};
use lb_stats::{SavedLine, SavedServer, SavedTarget, StateFileFault, read_state_file};
use std::collections::BTreeMap;
use std::path::Path;

/// What a former process left.
#[derive(Debug, Clone, Default)]
pub struct Former {
    /// Servers by the indexes of backend and server.
    servers: BTreeMap<(usize, usize), SavedServer>,
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
        (former, warnings)
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
    // What is not a regular file might never end, or block.
    let regular = std::fs::metadata(path).map(|meta| meta.is_file());
    let bytes = match regular {
        Ok(true) => std::fs::read(path),
        Ok(false) => return Some(Vec::new()),
        Err(error) => Err(error),
    };
    bytes
        .map_err(|error| {
            let reason = error.to_string();
            let reason = reason.split(" (os error").next().unwrap_or_default();
            warnings.push(format!("{}Can't open {} '{}': {reason}", place.prefix(), place.title(), path.display()));
        })
        .ok()
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
