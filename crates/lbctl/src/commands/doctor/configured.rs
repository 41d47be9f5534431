//! What the configuration lacks: time-outs, state files that are both written and read; and whether it is the one that runs.

use std::path::Path;
use std::time::Duration;

use lb_config::model::{Config, LoadState, Proxy};
use lb_model::{AdminState, Mode};

use super::{Findings, Node, Severity};
use crate::process::began;

/// An admin connection that is idle for longer than this keeps one of few slots.
const LONG: Duration = Duration::from_secs(600);
/// One that is idle for less is closed before a person has typed the next command.
const SHORT: Duration = Duration::from_secs(3);
/// What the engine takes without `stats timeout`.
const USUAL: Duration = Duration::from_secs(10);
/// How exactly the beginning of a process is known.
const EXACT: Duration = Duration::from_secs(2);

/// Time-outs without which connections stay for ever.
pub fn timeouts(node: &Node<'_>, found: &mut Findings) {
    let configuration = match &node.configuration {
        Ok(configuration) => configuration,
        Err(fault) => return found.unknown("timeouts", fault),
    };
    for proxy in configuration.model.proxies.iter().filter(|p| !p.disabled) {
        let timeouts = &proxy.timeouts;
        let front = proxy.kind.has_frontend() && timeouts.client.is_none();
        let back = proxy.kind.has_backend();
        let missing: Vec<&str> = [
            ("client", front),
            ("connect", back && timeouts.connect.is_none()),
            ("server", back && timeouts.server.is_none()),
        ]
        .into_iter()
        .filter_map(|(name, missing)| missing.then_some(name))
        .collect();
        let lines = |names: &[&str]| names.iter().map(|n| format!("'timeout {n} TIME'")).collect::<Vec<_>>().join(", ");
        if !missing.is_empty() {
            let what = format!("no 'timeout {}': who is silent stays for ever", missing.join("', 'timeout "));
            let cure = format!("{} in {} or its defaults section, then a reload", lines(&missing), place(proxy));
            found.add(Severity::Warning, "timeouts", &proxy.name, what, cure);
        }
        if proxy.kind.has_frontend() && proxy.mode == Mode::Http && timeouts.http_request.is_none() {
            let what =
                "no 'timeout http-request': a client may take the client timeout for each piece of a request's head";
            let cure = format!("{} in {}, then a reload", lines(&["http-request"]), place(proxy));
            found.add(Severity::Note, "timeouts", &proxy.name, what, cure);
        }
    }
    let idle = configuration.model.global.stats_timeout.unwrap_or(USUAL);
    let cure = "'stats timeout 1m' in the global section, then a reload";
    if idle > LONG {
        let what = format!("an idle admin connection keeps its slot for {}", lb_model::human_time(idle));
        found.add(Severity::Note, "timeouts", "stats timeout", what, cure);
    } else if idle < SHORT {
        let what = format!("an admin connection is closed after {} ms: a prompt does not last", idle.as_millis());
        found.add(Severity::Warning, "timeouts", "stats timeout", what, cure);
    }
    found.ok(
        "timeouts",
        format!("every proxy has its own; idle admin connections end after {}", lb_model::human_time(idle)),
    );
}

fn place(proxy: &Proxy) -> String {
    format!("'{} {}' ({}:{})", proxy.kind.as_str(), proxy.name, proxy.place.file, proxy.place.line)
}

/// Whether what operators set outlives a reload.
pub fn state_file(node: &Node<'_>, found: &mut Findings) {
    let config = match &node.configuration {
        Ok(configuration) => &configuration.model,
        Err(fault) => return found.unknown("state-file", fault),
    };
    let backends = || config.proxies.iter().filter(|p| p.kind.has_backend() && !p.disabled && !p.servers.is_empty());
    let state = &config.global.state;
    let of = |load| backends().filter(move |p| p.load_state == load);
    match &state.servers {
        None => {
            for proxy in of(LoadState::Global) {
                let what = "'load-server-state-from-file global' loads nothing: there is no 'server-state-file'";
                found.add(
                    Severity::Error,
                    "state-file",
                    &proxy.name,
                    what,
                    "'server-state-file FILE' in the global section",
                );
            }
        }
        Some(file) => {
            let file = state.locate(file);
            if of(LoadState::Global).next().is_none() {
                let what = "nothing reads it: no backend has 'load-server-state-from-file global'";
                let cure = "'load-server-state-from-file global' in the defaults section";
                found.add(Severity::Warning, "state-file", &file.display().to_string(), what, cure);
            } else if state.save.is_none() {
                written(node, &file, "show servers state", found);
            }
        }
    }
    for proxy in of(LoadState::Local) {
        let file = state.locate(proxy.state_file.as_deref().unwrap_or(Path::new(&*proxy.name)));
        written(node, &file, &format!("show servers state {}", proxy.name), found);
    }
    let any = backends().any(|p| p.load_state != LoadState::None);
    let (set, without) = (set_by_operators(node), of(LoadState::None).count());
    if any && without > 0 {
        let names: Vec<&str> = of(LoadState::None).map(|p| &*p.name).collect();
        let what = "a reload forgets their states, while it keeps others'";
        found.add(
            Severity::Note,
            "state-file",
            &names.join(" "),
            what,
            "'load-server-state-from-file global' there too",
        );
    } else if !any && set > 0 && found.0.iter().all(|f| f.area != "state-file") {
        let what = format!("{set} servers are not as configured, and a reload forgets it: there is no state file");
        let cure = "'server-state-file' and 'load-server-state-from-file global', and 'show servers state' written there before a reload";
        found.add(Severity::Warning, "state-file", "", what, cure);
    }
    let what = if any {
        "what operators set outlives a reload"
    } else {
        "there is none, and nothing that a reload would forget"
    };
    found.ok("state-file", what);
}

/// How many servers differ from their configuration by somebody's doing.
fn set_by_operators(node: &Node<'_>) -> usize {
    let differs = |s: &lb_client::ServerState| {
        let forced = s.admin.intersects(AdminState::FORCED_DRAIN.with(AdminState::FORCED_MAINT));
        let configured = s.admin.intersects(AdminState::CONFIG_MAINT);
        (forced != configured) || s.weight != s.initial_weight
    };
    node.states.iter().filter(|s| differs(s)).count()
}

/// A state file that is read at the next start: it must be there, and hold what is.
fn written(node: &Node<'_>, file: &Path, command: &str, found: &mut Findings) {
    let place = file.display().to_string();
    let cure = format!("{} > {place}, before each reload", node.ctx.suggest(&format!("raw '{command}'")));
    if !file.is_absolute() {
        return;
    }
    match std::fs::metadata(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let what = "it is not there: the next reload forgets what operators have set";
            found.add(Severity::Warning, "state-file", &place, what, cure);
        }
        Ok(metadata) if set_by_operators(node) > 0 => {
            let uptime = node.info.number::<u64>("Uptime_sec").unwrap_or(0);
            let older = metadata.modified().ok().zip(began(uptime)).is_some_and(|(written, began)| written < began);
            if older {
                let what = "it is older than this process: the next reload forgets what operators have set since";
                found.add(Severity::Note, "state-file", &place, what, cure);
            }
        }
        _ => {}
    }
}

/// Whether the files are those that run.
pub fn files(node: &Node<'_>, found: &mut Findings) {
    let configuration = match &node.configuration {
        Ok(configuration) => configuration,
        Err(fault) => return found.unknown("configuration", fault),
    };
    let place = configuration.names();
    let began = node.info.number::<u64>("Uptime_sec").and_then(began);
    if configuration.edited.zip(began).is_some_and(|(edited, began)| edited > began + EXACT) {
        let what = "it was edited after this process started: what runs is the former one, until a reload";
        found.add(Severity::Note, "configuration", &place, what, node.ctx.suggest("diff"));
    }
    for fault in configuration.faults.iter().take(MOST) {
        let line = fault.file.as_ref().map_or(place.clone(), |file| format!("{file}:{}", fault.line));
        let what =
            format!("lbctl cannot read this line and looks past it: {}", fault.message.lines().next().unwrap_or(""));
        found.add(Severity::Unknown, "configuration", &line, what, "");
    }
    let Config { proxies, .. } = &configuration.model;
    found.ok("configuration", format!("{place} is the one that runs; {} sections were read", proxies.len()));
}

/// How many lines that cannot be read are told.
const MOST: usize = 5;
