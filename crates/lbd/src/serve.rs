//! The serving process, from its configuration to its end: alone, or as a master's worker.
//!
//! Everything that can fail happens before anyone is told that it works: read, limits, bind,
//! background, root directory, user, threads; only then the pid file is written, the old processes
//! are told to leave, and whoever waits is told that this one serves.

use crate::cli::{Args, Master};
use crate::config;
use crate::daemon::{self, Null, Side, Waiting};
use crate::engine::{self, Bound, Exit, Former, Listener, Start};
use crate::master::WorkerEnd;
use crate::old::Deputy;
use crate::pidfile::PidFile;
use crate::report::Report;
use crate::{privileges, signals, successor};
use lb_config::model::Config;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, kill};
use nix::sys::signalfd::SignalFd;
use nix::unistd::Pid;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::process::ExitCode;
use std::rc::Rc;
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
        /// How to let go of the terminal, if that is wanted.
        detach: Option<Null>,
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
    signals: SignalFd,
    waiting: Option<Waiting>,
    pid_file: Option<PidFile>,
    old: Option<Deputy>,
}

fn prepare(args: &Args, report: &Report, place: &Place, mut inherited: Vec<Listener>) -> Result<Ready, ExitCode> {
    let alone = matches!(place, Place::Alone);
    let alert = |text: String| {
        report.alert(&text);
        ExitCode::FAILURE
    };
    let mut config = config::load(args, report)?;
    let global = config.global.clone();
    if !config.has_listener() {
        return Err(alert(format!("[lbd.main()] {}", lb_config::NO_LISTENER)));
    }
    config::export_environment(args, &config, !alone);
    // A later worker has what its master keeps, and no `-x` any more.
    inherited.extend(successor::sockets(args, report)?);
    if let Place::Worker { admin: Some(socket), .. } = place {
        config.global.stats_sockets.push(engine::private_admin_socket(socket));
    }
    if let Place::Worker { descriptors: Some(limit), .. } = place {
        privileges::restore_descriptors(*limit);
    }
    privileges::set_limits(&config, inherited.len(), args.memory_mb, report)?;
    let former = config::former(&config, report);
    config::refuse_warnings(args, report)?;
    let background = alone && (args.daemon || global.daemon) && !args.foreground;
    if !background {
        // Whoever sees the socket open may send a signal: it waits until it is read. A starter that waits in the
        // foreground for its daemon is left interruptible.
        signals::block(signals::SERVING).map_err(|error| alert(format!("Cannot block signals: {}.", error.desc())))?;
    }
    let old = args.old.deputy().map_err(|error| alert(format!("Cannot fork: {}.", error.desc())))?;
    let bound = bind(config, former, args, old.as_ref(), report, inherited)?;
    let mut waiting = None;
    let mut pid_file = None;
    if alone {
        let path = args.pid_file.clone().or(global.pidfile.clone());
        // In the foreground the starter knows the id.
        if let Some(path) = path.filter(|_| background) {
            pid_file = Some(PidFile::open(&path, report).ok_or(ExitCode::FAILURE)?);
        }
        if background {
            match daemon::daemonize(report)? {
                Side::Foreground(code) => return Err(code),
                Side::Background(line) => waiting = Some(line),
            }
        }
    }
    let signals = signals::block(signals::SERVING)
        .and_then(|()| signals::reader(signals::SERVING))
        .map_err(|error| alert(format!("Cannot read signals: {}.", error.desc())))?;
    if let Place::Worker { leash, .. } = place {
        for (name, fd) in bound.listeners() {
            leash.listener(&name, fd).map_err(|error| alert(format!("Cannot reach the master: {}.", error.desc())))?;
        }
    }
    privileges::enter_root(&global).map_err(&alert)?;
    privileges::drop_user(&global, report).map_err(&alert)?;
    privileges::allow_core(&global);
    Ok(Ready { bound, signals, waiting, pid_file, old })
}

/// Binds, with the old processes out of the way if they are in it.
fn bind(
    config: Config,
    former: Former,
    args: &Args,
    old: Option<&Deputy>,
    report: &Report,
    inherited: Vec<Listener>,
) -> Result<Bound, ExitCode> {
    let spare = old.map(|deputy| {
        let sockets: Vec<Listener> = inherited.iter().filter_map(Listener::duplicate).collect();
        (deputy, config.clone(), former.clone(), sockets)
    });
    let (verbose, is_supervised) = (args.verbose, args.master != Master::None);
    let start = Start { inherited, startup_log: report.kept(), verbose, former, is_supervised };
    let mut outcome = engine::bind(config, start);
    if let (Err(error), Some((deputy, spare, former, sockets))) = (&outcome, spare)
        && error.in_use
        && deputy.pause(&args.old)
    {
        let deadline = Instant::now() + PAUSE_LIMIT;
        while outcome.as_ref().is_err_and(|error| error.in_use) && Instant::now() < deadline {
            std::thread::sleep(PAUSE_STEP);
            let startup_log = report.kept();
            let former = former.clone();
            let inherited = sockets.iter().filter_map(Listener::duplicate).collect();
            let start = Start { inherited, startup_log, verbose, former, is_supervised };
            outcome = engine::bind(spare.clone(), start);
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

/// Serves, says so once that is true, and ends as the parent expects it.
fn serve(ready: Ready, args: &Args, report: &Report, place: Place) -> ExitCode {
    let alone = matches!(place, Place::Alone);
    // A worker without a master can be neither reloaded nor found by the operator's pid file. This
    // comes after the change of user, which takes it back.
    if !alone && let Err(error) = set_pdeathsig(Signal::SIGTERM) {
        report.alert(&format!("Cannot be tied to the master: {}.", error.desc()));
        return ExitCode::FAILURE;
    }
    let Ready { bound, signals, waiting, pid_file, old } = ready;
    let mut detached = None;
    let leash = match place {
        Place::Alone => None,
        Place::Worker { leash, detach, .. } => {
            detached = detach;
            Some(Rc::new(leash))
        }
    };
    let line = leash.clone();
    let on_saved = move || {
        if let Some(leash) = &line {
            // A master that is gone is told nothing.
            let _ = leash.saved();
        }
    };
    let on_ready = || {
        if let Some(file) = pid_file {
            file.write();
        }
        if let Some(deputy) = old {
            deputy.leave(&args.old);
        }
        if args.verbose {
            // A broken pipe is no failure.
            let _ = writeln!(std::io::stdout(), "Using epoll() as the polling mechanism.");
        }
        if let Some(null) = detached {
            null.detach();
        }
        if let Some(leash) = leash
            && leash.ready().is_err()
        {
            // The master died before this worker was tied to it: as if after.
            let _ = kill(Pid::this(), Signal::SIGTERM);
        }
        if let Some(waiting) = waiting {
            waiting.ready();
        }
    };
    let exit = bound.run(signals, on_ready, on_saved);
    match exit {
        Exit::Done => ExitCode::SUCCESS,
        Exit::Failed => ExitCode::FAILURE,
        // The operator asked for it; a master is told by which signal.
        Exit::Signal(_) if alone => ExitCode::SUCCESS,
        Exit::Signal(signal) => signals::die_of(signal),
    }
}
