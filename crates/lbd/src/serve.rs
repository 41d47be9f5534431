//! The serving process, from its configuration to its end: alone, or as a master's worker.
//!
//! Everything that can fail happens before anyone is told that it works: read, bind, limits, pid file,
//! background, root directory, old processes told to leave, user, and only then threads.

use crate::cli::Args;
use crate::config;
use crate::daemon::{self, Side, Waiting};
use crate::engine::{self, Bound, Exit, Listener, Start};
use crate::master::WorkerEnd;
use crate::pidfile::PidFile;
use crate::report::Report;
use crate::{privileges, signals};
use lb_config::model::Config;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use std::os::fd::OwnedFd;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Who started this process.
#[derive(Debug)]
pub enum Place {
    /// The operator.
    Alone,
    /// A master.
    Worker {
        /// The line to it.
        leash: WorkerEnd,
        /// Sockets of the worker before.
        inherited: Vec<Listener>,
        /// The private admin socket by which the master's command line reaches this worker.
        admin: Option<OwnedFd>,
        /// Whether to let go of the terminal.
        detach: bool,
        /// The limit of descriptors to begin with, if the master has raised its own.
        descriptors: Option<u64>,
    },
}

/// How long old processes may take to free an address after a pause.
const PAUSE_LIMIT: Duration = Duration::from_secs(2);
/// How often the address is tried meanwhile.
const PAUSE_STEP: Duration = Duration::from_millis(10);

/// Serves until told to stop.
pub fn run(args: &Args, report: Report, mut place: Place) -> ExitCode {
    let inherited = match &mut place {
        Place::Alone => Vec::new(),
        Place::Worker { inherited, .. } => std::mem::take(inherited),
    };
    let ready = prepare(args, &report, &place, inherited);
    if let Place::Worker { leash, .. } = &place {
        for message in report.kept() {
            // A master that is gone is found out when the worker reports to be ready.
            let _ = leash.log(&message);
        }
    }
    match ready {
        Ok(ready) => serve(ready, args, &report, place),
        Err(code) => code,
    }
}

/// Everything before the threads.
struct Ready {
    bound: Bound,
    waiting: Option<Waiting>,
}

fn prepare(args: &Args, report: &Report, place: &Place, inherited: Vec<Listener>) -> Result<Ready, ExitCode> {
    let alone = matches!(place, Place::Alone);
    let alert = |text: String| {
        report.alert(&text);
        ExitCode::FAILURE
    };
    let mut config = config::load(args, report)?;
    let global = config.global.clone();
    if !config::listens(&config) {
        return Err(alert(format!("[lbd.main()] {}", lb_config::NO_LISTENER)));
    }
    config::export_environment(args, &config, !alone);
    if let Place::Worker { admin: Some(socket), .. } = place {
        config.global.stats_sockets.push(engine::private_admin_socket(socket));
    }
    if let Place::Worker { descriptors: Some(limit), .. } = place {
        privileges::restore_descriptors(*limit);
    }
    privileges::set_limits(&config, inherited.len(), args.memory_mb, report);
    config::refuse_warnings(args, report)?;
    let bound = bind(config, args, report, inherited)?;
    let mut waiting = None;
    if alone {
        let path = args.pid_file.clone().or(global.pidfile.clone());
        let background = (args.daemon || global.daemon) && !args.foreground;
        // In the foreground the starter knows the id.
        let pid_file = match path.filter(|_| background) {
            Some(path) => Some(PidFile::open(&path, report).ok_or(ExitCode::FAILURE)?),
            None => None,
        };
        if background {
            match daemon::daemonize(report)? {
                Side::Foreground(code) => return Err(code),
                Side::Background(line) => waiting = Some(line),
            }
        }
        if let Some(file) = pid_file {
            file.write();
        }
    }
    signals::block(signals::SERVING).map_err(|error| alert(format!("Cannot block signals: {}.", error.desc())))?;
    if let Place::Worker { leash, .. } = place {
        for (name, fd) in bound.listeners() {
            leash.listener(&name, fd).map_err(|error| alert(format!("Cannot reach the master: {}.", error.desc())))?;
        }
    }
    privileges::enter_root(&global).map_err(&alert)?;
    args.old.leave();
    privileges::drop_user(&global).map_err(&alert)?;
    Ok(Ready { bound, waiting })
}

/// Binds, with the old processes out of the way if they are in it.
fn bind(config: Config, args: &Args, report: &Report, inherited: Vec<Listener>) -> Result<Bound, ExitCode> {
    let start = Start { inherited, startup_log: report.kept(), verbose: args.verbose };
    let spare = (!args.old.pids.is_empty()).then(|| config.clone());
    let mut outcome = engine::bind(config, start);
    if let (Err(error), Some(spare)) = (&outcome, spare)
        && error.in_use
        && args.old.pause()
    {
        let deadline = Instant::now() + PAUSE_LIMIT;
        while outcome.as_ref().is_err_and(|error| error.in_use) && Instant::now() < deadline {
            std::thread::sleep(PAUSE_STEP);
            let start = Start { inherited: Vec::new(), startup_log: report.kept(), verbose: args.verbose };
            outcome = engine::bind(spare.clone(), start);
        }
        if outcome.is_err() {
            args.old.resume();
        }
    }
    outcome.map_err(|error| {
        for message in &error.messages {
            report.alert(message);
        }
        report.alert("[lbd.main()] Some protocols failed to start their listeners! Exiting.");
        ExitCode::FAILURE
    })
}

/// Says that all is well, serves, and ends as the parent expects it.
fn serve(ready: Ready, args: &Args, report: &Report, place: Place) -> ExitCode {
    let source = match signals::reader(signals::SERVING) {
        Ok(source) => source,
        Err(error) => {
            report.alert(&format!("Cannot read signals: {}.", error.desc()));
            return ExitCode::FAILURE;
        }
    };
    let alone = matches!(place, Place::Alone);
    if let Place::Worker { leash, detach, .. } = place {
        // A worker without a master can be neither reloaded nor found by the operator's pid file.
        let orphan = set_pdeathsig(Signal::SIGTERM).is_err();
        if detach {
            daemon::detach();
        }
        if orphan || leash.ready().is_err() {
            return ExitCode::FAILURE;
        }
    }
    if let Some(waiting) = ready.waiting {
        waiting.ready();
    }
    if args.verbose {
        println!("Using epoll() as the polling mechanism.");
    }
    match ready.bound.run(source) {
        Exit::Done => ExitCode::SUCCESS,
        Exit::Failed => ExitCode::FAILURE,
        // The operator asked for it; a master is told by which signal.
        Exit::Signal(_) if alone => ExitCode::SUCCESS,
        Exit::Signal(signal) => signals::die_of(signal),
    }
}
