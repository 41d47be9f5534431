//! The process: what it warned of when it started, and others that a reload has left behind.

use std::collections::BTreeSet;

use lb_client::{Address, Client, Error, Line};

use super::{Findings, Node, Severity, several};
use crate::configuration::process_of;
use crate::fault::Fault;
use crate::process::Process;
use crate::workers;

/// What `show startup-logs` holds.
pub fn startup(node: &Node<'_>, found: &mut Findings) {
    let answer = Line::raw("show startup-logs").map_err(Error::from).and_then(|line| node.ctx.client.ask_ok(&line));
    let text = match answer {
        Ok(answer) => answer.text().into_owned(),
        Err(error) => return found.unknown("startup", &Fault::from(error)),
    };
    let timeouts_told = found.0.iter().any(|f| f.area == "timeouts" && f.severity > Severity::Unknown);
    for (severity, what) in messages(&text) {
        if what.contains("missing timeouts") {
            if !timeouts_told {
                found.0.retain(|f| f.area != "timeouts");
                let cure =
                    "'timeout client', 'timeout connect' and 'timeout server' in its defaults section, then a reload";
                found.add(Severity::Warning, "timeouts", "", what, cure);
            }
            continue;
        }
        found.add(severity, "startup", "", what, "");
    }
    found.ok("startup", "the process started without a warning");
}

/// Warnings and alerts, each with the lines that explain it.
fn messages(text: &str) -> Vec<(Severity, String)> {
    let mut found: Vec<(Severity, String)> = Vec::new();
    let mut within = false;
    for line in text.lines() {
        let severity = match line.split(']').next() {
            Some("[WARNING") => Some(Severity::Warning),
            Some("[ALERT") => Some(Severity::Error),
            _ => None,
        };
        match (severity, line.trim_start().strip_prefix("| ")) {
            (Some(severity), _) => {
                // `[WARNING]  (23362) : config : missing …`: the label and the process id say nothing here.
                let what = line.split_once(") : ").map_or(line, |(_, what)| what);
                let what = what.trim_start_matches("config : ").trim_start_matches("config: ");
                found.push((severity, what.trim().to_owned()));
                within = true;
            }
            (None, Some(more)) if within => {
                if let Some((_, what)) = found.last_mut() {
                    what.push(' ');
                    what.push_str(more.trim());
                }
            }
            _ => within = false,
        }
    }
    found
}

/// Processes of before a reload: they serve their sessions with the former configuration, and no command reaches them here.
pub fn workers(node: &Node<'_>, found: &mut Findings) {
    if node.info.number::<u32>("Stopping") == Some(1) {
        let what = "this process is leaving: a reload has put another in its place, and changes made here are lost";
        found.add(
            Severity::Error,
            "workers",
            &node.ctx.client.address().to_string(),
            what,
            "connect again; is this socket the new process's?",
        );
    }
    let process = process_of(&node.ctx.client);
    let near = process.as_ref().ok().and_then(Process::master_socket).map(Address::Unix);
    let master = node.ctx.master().cloned().or_else(|| near.map(|address| node.ctx.client.at(address)));
    match (master, process) {
        (Some(master), _) => match workers::old(&master) {
            Ok(old) => old.iter().for_each(|worker| old_worker(worker, found)),
            Err(error) => return found.unknown("workers", &Fault::from(error)),
        },
        (None, Ok(process)) => left_behind(&process, &Process::engines(), found),
        (None, Err(fault)) => return found.unknown("workers", &fault),
    }
    found.ok("workers", "no process of before a reload is left");
}

fn old_worker(worker: &Client, found: &mut Findings) {
    let address = worker.address().to_string();
    let what = match worker.sessions() {
        Ok(sessions) => format!("a worker of before a reload still has {}", several(sessions.len(), "session")),
        // Below operator level, or it ended meanwhile.
        Err(_) => "a worker of before a reload is still there".to_owned(),
    };
    let cure = format!("lbctl -s '{address}' show sessions; they end it, or 'hard-stop-after' in the global section");
    found.add(Severity::Warning, "workers", &address, what, cure);
}

/// Without a master's socket: other processes of the same configuration.
fn left_behind(this: &Process, engines: &[Process], found: &mut Findings) {
    let files = this.configuration();
    let masters: BTreeSet<u32> = engines.iter().map(|p| p.parent).chain([this.parent]).collect();
    let others = engines.iter().filter(|p| p.pid != this.pid && !masters.contains(&p.pid));
    for other in others.filter(|p| p.program() == this.program() && !files.is_empty() && p.configuration() == files) {
        let what =
            format!("process {} runs the same configuration: one of before a reload, or a second engine", other.pid);
        let cure =
            format!("its sessions end it; 'kill {}' ends them. A master's socket ('-S') would tell more", other.pid);
        found.add(Severity::Warning, "workers", &other.pid.to_string(), what, cure);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn startup_messages() {
        let text = "[NOTICE]   (1) : haproxy version is 2.6.12\n\
                    [WARNING]  (1) : config : missing timeouts for frontend 'web'.\n   \
                    | While not properly invalid, you\n   | will see.\n\
                    [ALERT]    (1) : sendmsg()/writev() failed in logger #1\n\n";
        assert_eq!(
            messages(text),
            [
                (
                    Severity::Warning,
                    "missing timeouts for frontend 'web'. While not properly invalid, you will see.".into()
                ),
                (Severity::Error, "sendmsg()/writev() failed in logger #1".into()),
            ]
        );
    }
}
