//! Commands that go on in the background, and watching them.
//!
//! A run is a directory of the state directory: `log` takes what the command prints, `pid` says who it is, and
//! `exit`, written when it ends, how. Whoever watches reads these and may come and go.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::kill;
use nix::unistd::Pid;

use crate::context::Context;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::interrupt::Interrupt;
use crate::store;

/// Names the run to the command that is started for it.
const VARIABLE: &str = "LBCTL_RUN";
/// How often a watcher looks.
const LOOK: Duration = Duration::from_millis(100);

fn runs() -> Result<PathBuf, Fault> {
    store::directory("runs")
}

/// A new run's number and directory.
fn create() -> Result<(u64, PathBuf), Fault> {
    let runs = runs()?;
    let _held = store::lock(&runs.join("lock"))?;
    let listed = std::fs::read_dir(&runs).map_err(|e| store::failed(&runs, &e))?;
    let last = listed.flatten().filter_map(|e| e.file_name().to_str()?.parse::<u64>().ok()).max();
    let id = last.unwrap_or(0) + 1;
    let dir = runs.join(id.to_string());
    std::fs::create_dir(&dir).map_err(|e| store::failed(&dir, &e))?;
    Ok((id, dir))
}

/// Starts this very command line in the background, and tells how to watch it.
///
/// # Errors
/// When the run cannot be made or the program not started.
pub fn detach(ctx: &Context) -> Result<(), Fault> {
    let (id, dir) = create()?;
    let failed = |e: io::Error| store::failed(&dir, &e);
    let log = File::create(dir.join("log")).map_err(failed)?;
    let errors = log.try_clone().map_err(failed)?;
    let program = std::env::current_exe().map_err(failed)?;
    let mut command = Command::new(program);
    command
        .args(std::env::args_os().skip(1).filter(|word| word != "--detach"))
        .env(VARIABLE, &dir)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        // The terminal's Ctrl-C and its end are not for it.
        .process_group(0);
    let child = command.spawn().map_err(failed)?;
    store::replace(&dir.join("pid"), child.id().to_string().as_bytes()).map_err(failed)?;
    let watch = ctx.suggest(&format!("drain --monitor {id}"));
    writeln!(io::stdout().lock(), "{id}: goes on in the background; '{watch}' shows how it goes")?;
    Ok(())
}

/// Notes how a run ended, if this process is one.
pub fn ended(exit: Exit) {
    let Some(dir) = std::env::var_os(VARIABLE).map(PathBuf::from) else { return };
    // A watcher that finds neither this file nor the process says so.
    let _ = store::replace(&dir.join("exit"), exit.code().to_string().as_bytes());
}

/// Shows what a run prints until it ends, and ends as it does.
///
/// # Errors
/// The run's own end; [`Exit::NotFound`] when there is no such run; [`Exit::Interrupted`] by Ctrl-C, which leaves
/// the run alone.
pub fn monitor(id: u64) -> Result<(), Fault> {
    let dir = runs()?.join(id.to_string());
    let mut log = File::open(dir.join("log")).map_err(|_| {
        Fault::new(Exit::NotFound, format!("there is no run {id}"))
            .hint("--detach tells the number of the run it starts")
    })?;
    let mut interrupt = Interrupt::new()?;
    loop {
        // Looked for before the log is read: what is written before the end is shown.
        let exit = read_number(&dir.join("exit"));
        let alive = read_number(&dir.join("pid")).is_some_and(is_alive);
        let mut text = Vec::new();
        log.read_to_end(&mut text).map_err(|e| store::failed(&dir, &e))?;
        io::stdout().lock().write_all(&text)?;
        if let Some(code) = exit {
            let exit = Exit::ALL.iter().find(|e| i32::from(e.code()) == code).copied().unwrap_or(Exit::Refused);
            return if exit == Exit::Done { Ok(()) } else { Err(Fault::told(exit)) };
        }
        if !alive && read_number(&dir.join("exit")).is_none() {
            return Err(Fault::new(Exit::Refused, format!("run {id} was killed before its end")).hint(
                "the servers are as it left them: 'lbctl show servers', 'lbctl log'; the same command again goes on",
            ));
        }
        if interrupt.sleep(LOOK) {
            return Err(Fault::new(Exit::Interrupted, format!("run {id} goes on")));
        }
    }
}

fn read_number(path: &Path) -> Option<i32> {
    let mut text = String::new();
    OpenOptions::new().read(true).open(path).ok()?.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

/// Whether a process is there, a zombie of ours aside.
pub fn is_alive(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let zombie = stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('Z'));
    kill(Pid::from_raw(pid), None).is_ok() && !zombie
}
