//! A server's command, run once whatever happens to lbctl.
//!
//! The command runs under a shell that first makes a directory, which only one can, and at the end leaves the status in a
//! file. Who resumes finds the status, or the process still at work and waits for it. Only a command that was itself
//! killed before its end runs again.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::state::Item;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::interrupt::Interrupt;
use crate::{runs, store};

/// `$1` is the directory, `$2` the command.
const WRAPPER: &str = "mkdir \"$1/run\" 2>/dev/null || exit 0\n\
                       echo $$ >\"$1/run/pid.tmp\" && mv \"$1/run/pid.tmp\" \"$1/run/pid\"\n\
                       ( eval \"$2\" ) >\"$1/log\" 2>&1 </dev/null\n\
                       echo $? >\"$1/status.tmp\" && mv \"$1/status.tmp\" \"$1/status\"";

/// How often it is looked whether the command has ended.
const LOOK: Duration = Duration::from_millis(20);
/// How long a shell may take between the directory and its number.
const GRACE: Duration = Duration::from_secs(2);

/// Puts the server into the command: `{server}`, `{backend}`, `{name}`, `{addr}` and `{port}`.
pub fn fill(template: &str, item: &Item) -> String {
    let (backend, server) = item.server.split_once('/').unwrap_or(("", &item.server));
    // Names and addresses hold nothing that a shell reads in another way.
    template
        .replace("{server}", server)
        .replace("{backend}", backend)
        .replace("{name}", &item.server)
        .replace("{addr}", &item.address)
        .replace("{port}", &item.port.to_string())
}

/// Runs the command, or waits for the one that runs, and gives its status. What it prints goes to standard error.
///
/// # Errors
/// When it cannot be started, and [`Exit::Interrupted`] by Ctrl-C, which leaves it running.
pub fn run(dir: &Path, template: &str, item: &Item) -> Result<i32, Fault> {
    std::fs::create_dir_all(dir).map_err(|e| store::failed(dir, &e))?;
    let mut interrupt = Interrupt::new()?;
    let mut log = Log { shown: 0 };
    let mut child: Option<Child> = None;
    let begun = Instant::now();
    loop {
        if let Some(status) = read_number(&dir.join("status")) {
            log.show(dir);
            return Ok(status);
        }
        log.show(dir);
        let ended = match child.as_mut() {
            Some(child) => child.try_wait().map_err(|e| store::failed(dir, &e))?.is_some(),
            None => true,
        };
        match (read_number(&dir.join("run/pid")), dir.join("run").exists()) {
            (Some(pid), _) if is_ours(pid, dir) => {}
            // The shell has its directory, and its number not yet.
            (None, true) if begun.elapsed() < GRACE => {}
            // It may have ended just now.
            (_, true) if dir.join("status").exists() => {}
            (_, true) if child.is_some() && ended => {
                return Err(Fault::new(Exit::Refused, format!("the command of {} was killed", item.server)));
            }
            (_, true) if ended => {
                // A command that was killed before its end: the machine may have been started anew.
                std::fs::remove_dir_all(dir.join("run")).map_err(|e| store::failed(dir, &e))?;
            }
            (_, false) if child.is_none() => child = Some(start(dir, template, item)?),
            _ => {}
        }
        if interrupt.sleep(LOOK) {
            return Err(Fault::new(Exit::Interrupted, format!("interrupted; the command of {} goes on", item.server)));
        }
    }
}

/// Forgets a command that failed, so that resuming runs it again. One that ended well is not run again.
///
/// # Errors
/// When its directory cannot be removed.
pub fn forget_failed(dir: &Path) -> Result<(), Fault> {
    if read_number(&dir.join("status")) == Some(0) {
        return Ok(());
    }
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(store::failed(dir, &error)),
        _ => Ok(()),
    }
}

fn start(dir: &Path, template: &str, item: &Item) -> Result<Child, Fault> {
    Command::new("/bin/sh")
        .args(["-c", WRAPPER, "sh"])
        .arg(dir)
        .arg(fill(template, item))
        .env("LBCTL_SERVER", &item.server)
        .env("LBCTL_ADDR", &item.address)
        .env("LBCTL_PORT", item.port.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // The terminal's Ctrl-C is for lbctl.
        .process_group(0)
        .spawn()
        .map_err(|e| Fault::new(Exit::Refused, format!("/bin/sh cannot be started: {e}")))
}

/// Whether a process is the shell that was started for this directory, and not another that has its number by now.
fn is_ours(pid: i32, dir: &Path) -> bool {
    let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let wanted = dir.as_os_str().as_encoded_bytes();
    runs::is_alive(pid) && words.split(|b| *b == 0).any(|word| word == wanted)
}

fn read_number(path: &Path) -> Option<i32> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// What the command has printed, shown as it comes.
struct Log {
    shown: usize,
}

impl Log {
    fn show(&mut self, dir: &Path) {
        let Ok(mut file) = File::open(dir.join("log")) else { return };
        let mut bytes = Vec::new();
        if file.read_to_end(&mut bytes).is_err() {
            return;
        }
        if let Some(more) = bytes.get(self.shown..).filter(|more| !more.is_empty()) {
            // Nobody left to show it to stops nothing.
            let _ = io::stderr().lock().write_all(more);
        }
        self.shown = bytes.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roll::state::Phase;
    use std::collections::BTreeMap;

    fn item() -> Item {
        Item {
            server: "app/web1".into(),
            address: "10.0.0.7".into(),
            port: 80,
            phase: Phase::Executing,
            before: BTreeMap::new(),
        }
    }

    #[test]
    fn words_are_filled_in() {
        assert_eq!(fill("./d {server} {addr}:{port} {name} {x}", &item()), "./d web1 10.0.0.7:80 app/web1 {x}");
    }

    #[test]
    fn it_runs_once() {
        let top = tempfile::tempdir().unwrap();
        let (dir, marks) = (top.path().join("web1"), top.path().join("marks"));
        let command = format!("echo {{server}} >> '{}'; exit 3", marks.display());
        // Two at the same time, and one afterwards.
        std::thread::scope(|scope| {
            let both: Vec<_> = (0..2).map(|_| scope.spawn(|| run(&dir, &command, &item()).unwrap())).collect();
            for one in both {
                assert_eq!(one.join().unwrap(), 3);
            }
        });
        assert_eq!(run(&dir, &command, &item()).unwrap(), 3);
        assert_eq!(std::fs::read_to_string(&marks).unwrap(), "web1\n");
        // One that failed and is forgotten runs again; so does one that was killed.
        forget_failed(&dir).unwrap();
        std::fs::create_dir_all(dir.join("run")).unwrap();
        std::fs::write(dir.join("run/pid"), "999999999").unwrap();
        assert_eq!(run(&dir, &command, &item()).unwrap(), 3);
        assert_eq!(std::fs::read_to_string(&marks).unwrap(), "web1\nweb1\n");
    }
}
