//! Master-worker mode.
//!
//! The master reads no configuration of its own beyond `daemon` and `pidfile`: it starts a worker,
//! which reads, binds and serves, and it keeps a copy of the worker's listening sockets. A reload
//! (SIGUSR2 or SIGHUP) re-executes the program, so that an upgraded binary takes effect, and starts a
//! worker that inherits those sockets. Only when that one serves is the former one asked to finish;
//! when it fails, the former one never knew. Because the sockets stay open in the master all the
//! time, no connection waiting in their queues is lost.
//!
//! The master has one thread for its whole life, so it may fork at any time.

mod admin;
mod cli;
mod handover;
mod leash;
mod program;
mod worker;

pub use leash::WorkerEnd;

use crate::cli::{Args, Master as Mode};
use crate::config;
use crate::daemon::{self, Side, Waiting};
use crate::engine::Listener;
use crate::notify::notify;
use crate::pidfile::PidFile;
use crate::report::{Gravity, Report};
use crate::serve::{self, Place};
use crate::{privileges, signals, sys};
use cli::{Cli, View};
use handover::Handover;
use leash::{Message, leash};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::sys::signalfd::SignalFd;
use nix::sys::time::TimeValLike;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::{ForkResult, Pid, execv};
use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};
use worker::{Role, Worker, ending};

/// The status of a worker that SIGTERM ended: asked for, so no failure.
const TERMINATED: i32 = 128 + Signal::SIGTERM as i32;
/// The status of a worker that SIGINT ended.
const INTERRUPTED: i32 = 128 + Signal::SIGINT as i32;

/// Runs the master until its last worker is gone.
pub fn run(args: Args, report: Report) -> ExitCode {
    match Master::start(args, report) {
        Ok(mut master) => master.serve(),
        Err(code) => code,
    }
}

/// How long a master whose workers serve waits before it tries again what it cannot do without.
const RETRY_STEP: Duration = Duration::from_millis(100);

/// How long the serving worker may take to write its servers' states before a reload.
const SAVE_LIMIT: Duration = Duration::from_secs(2);

/// The two sides of starting a worker.
enum Birth {
    /// The master's: it has one more worker.
    Parent,
    /// The worker's: it has ended with this.
    Child(ExitCode),
}

struct Master {
    args: Args,
    report: Report,
    program: PathBuf,
    signals: SignalFd,
    workers: Vec<Worker>,
    listeners: Vec<Listener>,
    waiting: Option<Waiting>,
    /// Where to write this process's id once a worker serves.
    pid_file: Option<PathBuf>,
    reloads: u32,
    failed: u32,
    since_epoch_s: u64,
    /// The limit of descriptors that workers start with, if this process has raised its own.
    descriptors: Option<u64>,
    cli: Cli,
    /// Messages of the latest start or reload.
    startup_log: Vec<String>,
    reload_wanted: bool,
    /// Connections waiting for a reload to succeed or fail.
    reload_clients: Vec<OwnedFd>,
    /// `mworker-max-reloads`: how many reloads a worker may outlive.
    max_reloads: Option<u32>,
    /// Whether the former worker is terminated instead of asked to finish.
    hard: bool,
    stopping: bool,
    /// A worker serves, but the start as a whole failed.
    start_failed: bool,
    status: i32,
}

impl Master {
    fn start(args: Args, report: Report) -> Result<Master, ExitCode> {
        let earlier = Handover::take();
        let resumed = earlier.is_some();
        let earlier = earlier.unwrap_or_default();
        report.set_quiet(args.quiet);
        let name = std::env::args_os().next().unwrap_or_default();
        let program = program::find(&name, std::env::var_os("PATH").as_deref()).or_else(|error| {
            // Workers that serve matter more than the next reload, which will say that this path is wrong.
            if earlier.workers.is_empty() { Err(error) } else { Ok(name.into()) }
        });
        let program = program.map_err(|error| {
            report.alert(&format!("Cannot find the path of this program: {error}."));
            ExitCode::FAILURE
        })?;
        let signals = signal_source(&report, !earlier.workers.is_empty())?;
        let mut master = Master {
            report,
            program,
            signals,
            workers: earlier.workers,
            listeners: earlier.listeners,
            waiting: None,
            pid_file: None,
            reloads: earlier.reloads,
            failed: earlier.failed,
            since_epoch_s: earlier.since_epoch_s,
            descriptors: earlier.descriptors,
            cli: Cli::default(),
            startup_log: Vec::new(),
            reload_wanted: false,
            reload_clients: earlier.clients,
            max_reloads: None,
            hard: earlier.hard,
            stopping: false,
            start_failed: false,
            status: 0,
            args,
        };
        if resumed {
            // The working directory and the old processes were dealt with by the first image.
            master.args.chdir = None;
            master.args.old.pids.clear();
            master.args.old_socket = None;
            master.cli.sockets = earlier.sockets;
            master.max_reloads = config::peek(&master.args).process.max_reloads;
        } else {
            master.first_start()?;
        }
        // It holds each worker's listening sockets, one per thread and address.
        master.descriptors = master.descriptors.or(privileges::raise_descriptors());
        match master.spawn() {
            Ok(Birth::Parent) => Ok(master),
            Ok(Birth::Child(code)) => Err(code),
            Err(reason) => {
                master.startup_log.clear();
                master.say_of_load(Gravity::Alert, &reason);
                if master.workers.is_empty() {
                    return Err(ExitCode::FAILURE);
                }
                // Workers serve on; only the reload has failed.
                master.on_failed_reload();
                Ok(master)
            }
        }
    }

    /// What only the first image does.
    fn first_start(&mut self) -> Result<(), ExitCode> {
        self.since_epoch_s = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        if let Some(directory) = self.args.chdir.take() {
            config::enter(&directory, &self.report)?;
        }
        for argument in &self.args.master_cli {
            let socket = cli::open(argument).map_err(|error| {
                self.report.alert(&format!("config : Cannot create the listener of the master CLI: {error}"));
                ExitCode::FAILURE
            })?;
            self.cli.sockets.push(socket);
        }
        let global = config::peek(&self.args);
        self.max_reloads = global.process.max_reloads;
        self.pid_file = self.args.pid_file.clone().or(global.pidfile);
        if (self.args.daemon || global.daemon) && !self.args.foreground && self.args.master != Mode::Notify {
            match daemon::daemonize(&self.report)? {
                Side::Foreground(code) => return Err(code),
                Side::Background(waiting) => self.waiting = Some(waiting),
            }
        }
        Ok(())
    }

    /// Starts a worker. In the worker this returns when that has ended. An error says why there is none.
    fn spawn(&mut self) -> Result<Birth, String> {
        let failed = |error: nix::Error| format!("Cannot start a worker: {}.", error.desc());
        let (admin, served) = if self.cli.sockets.is_empty() {
            (None, None)
        } else {
            let (admin, served) =
                admin::open().map_err(|error| format!("Cannot make the worker's admin socket: {error}."))?;
            (Some(admin), Some(served))
        };
        let (master_end, worker_end) = leash().map_err(failed)?;
        match sys::fork().map_err(failed)? {
            ForkResult::Child => {
                // What belongs to the master alone is closed here; the sockets are handed on.
                drop(master_end);
                self.workers.clear();
                self.reload_clients.clear();
                self.cli = Cli::default();
                let inherited = std::mem::take(&mut self.listeners);
                // A later worker of a background master finds the terminal gone already.
                let detach = self.waiting.take().map(Waiting::into_null);
                let descriptors = self.descriptors;
                let place = Place::Worker { leash: worker_end, inherited, admin: served, detach, descriptors };
                Ok(Birth::Child(serve::run(&self.args, Report::default(), place)))
            }
            ForkResult::Parent { child } => {
                self.startup_log.clear();
                self.say_of_load(Gravity::Notice, &format!("Initializing new worker ({child})"));
                self.workers.push(Worker {
                    pid: child,
                    role: Role::Starting,
                    leash: master_end,
                    reloads: 0,
                    since: SystemTime::now(),
                    admin,
                    pending: Vec::new(),
                    doomed: false,
                });
                Ok(Birth::Parent)
            }
        }
    }

    fn serve(&mut self) -> ExitCode {
        while !self.workers.is_empty() {
            if self.reload_wanted && !self.stopping && self.position(Role::Starting).is_none() {
                self.reload();
            }
            self.wait();
            while let Ok(Some(signal)) = self.signals.read_signal() {
                if let Ok(signal) = Signal::try_from(signal.ssi_signo as i32) {
                    self.on_signal(signal);
                }
            }
            self.hear();
            self.reap();
            self.serve_cli();
        }
        let status = if self.start_failed { 1 } else { self.status };
        self.report.warning(&format!("All workers exited. Exiting... ({status})"));
        ExitCode::from(u8::try_from(status).unwrap_or(1))
    }

    /// Answers the command line.
    fn serve_cli(&mut self) {
        let sockets: Vec<_> = self.cli.sockets.iter().map(|socket| (socket.name.clone(), socket.level)).collect();
        let requests = self.cli.step(View {
            now: Instant::now(),
            workers: &self.workers,
            startup_log: &self.startup_log,
            reloads: self.reloads,
            failed: self.failed,
            since_epoch_s: self.since_epoch_s,
            sockets: &sockets,
        });
        for request in requests {
            self.reload_wanted = true;
            self.hard |= request.hard;
            self.reload_clients.push(request.client);
        }
    }

    /// Sleeps until a signal, a word of the starting worker, or the command line.
    fn wait(&self) {
        let mut fds = vec![PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
        let starting = self.workers.iter().filter(|worker| worker.role == Role::Starting && !worker.doomed);
        // A worker that is ending hangs up shortly before its SIGCHLD comes: only its words count.
        fds.extend(starting.map(|worker| PollFd::new(worker.leash.as_fd(), PollFlags::POLLIN)));
        self.cli.watch(&mut fds);
        let timeout = self.cli.deadline().map_or(PollTimeout::NONE, |deadline| {
            let left = deadline.saturating_duration_since(Instant::now());
            // Rounded up, so that the deadline has passed after the wait.
            PollTimeout::try_from(left + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX)
        });
        // An interrupted wait is a wait.
        let _ = poll(&mut fds, timeout);
    }

    fn on_signal(&mut self, signal: Signal) {
        match signal {
            Signal::SIGUSR2 | Signal::SIGHUP => self.reload_wanted = true,
            Signal::SIGINT | Signal::SIGTERM | Signal::SIGUSR1 => {
                self.report.warning("Exiting Master process...");
                self.tell_systemd("STOPPING=1");
                if signal == Signal::SIGUSR1 {
                    self.have_states_saved();
                }
                self.stop(signal);
            }
            // The serving worker pauses, resumes or reports; SIGCHLD is looked into after every wait.
            Signal::SIGTTOU | Signal::SIGTTIN | Signal::SIGQUIT => self.signal_workers(signal),
            _ => {}
        }
    }

    fn stop(&mut self, signal: Signal) {
        self.stopping = true;
        self.signal_workers(signal);
    }

    fn stop_with_failure(&mut self) {
        self.start_failed = true;
        self.stop(Signal::SIGTERM);
    }

    fn signal_workers(&self, signal: Signal) {
        for worker in &self.workers {
            worker.signal(signal);
        }
    }

    /// Takes what the starting worker has said.
    fn hear(&mut self) {
        while let Some(at) = self.position(Role::Starting) {
            let Some(worker) = self.workers.get_mut(at).filter(|worker| !worker.doomed) else { return };
            match worker.leash.receive() {
                Some(Message::Listener(listener)) => worker.pending.push(listener),
                Some(Message::Log(text)) => self.startup_log.push(text),
                // Answers to a reload that did not wait for it.
                Some(Message::Saved) => {}
                Some(Message::Ready) => {
                    self.listeners = std::mem::take(&mut worker.pending);
                    self.on_ready(at);
                }
                Some(Message::Broken) => {
                    // Sockets that are not all kept here would lose connections at the next reload.
                    worker.doomed = true;
                    worker.signal(Signal::SIGKILL);
                    let limit = "Check the limit of open files (ulimit -n).";
                    let text = format!("Lost a listening socket on its way from the worker ({}). {limit}", worker.pid);
                    return self.say_of_load(Gravity::Alert, &text);
                }
                None => return,
            }
        }
    }

    /// A worker serves: the one before it may finish.
    fn on_ready(&mut self, at: usize) {
        for (index, worker) in self.workers.iter_mut().enumerate() {
            if index == at {
                worker.role = Role::Current;
            } else if worker.role == Role::Current {
                worker.role = Role::Former;
                worker.signal(if self.hard { Signal::SIGTERM } else { Signal::SIGUSR1 });
            }
        }
        if let Some(most) = self.max_reloads {
            for worker in self.workers.iter().filter(|worker| worker.role == Role::Former && worker.reloads > most) {
                worker.signal(Signal::SIGTERM);
            }
        }
        self.hard = false;
        self.say_of_load(Gravity::Notice, "Loading success.");
        self.answer_reload(true);
        if let Some(path) = self.pid_file.take() {
            // Not earlier: the file of a process that runs already must outlive a start that fails.
            match PidFile::open(&path, &self.report) {
                Some(file) => file.write(),
                None => return self.stop_with_failure(),
            }
        }
        self.tell_systemd(&format!("READY=1\nMAINPID={}\nSTATUS=Ready.", std::process::id()));
        if let Some(waiting) = self.waiting.take() {
            waiting.ready();
        }
    }

    /// Buries the dead.
    fn reap(&mut self) {
        while let Ok(status) = waitpid(None::<Pid>, Some(WaitPidFlag::WNOHANG)) {
            let Some((pid, code, word)) = ending(status) else {
                if status.pid().is_none() {
                    return;
                }
                continue;
            };
            // Its last words first.
            self.hear();
            if let Some(at) = self.workers.iter().position(|worker| worker.pid == pid) {
                let worker = self.workers.remove(at);
                self.on_exit(&worker, code, word);
            }
        }
    }

    fn on_exit(&mut self, worker: &Worker, code: i32, word: &str) {
        let text = match worker.role {
            Role::Starting => format!("Failed to load worker ({}) exited with code {code} ({word})", worker.pid),
            Role::Current => format!("Current worker ({}) exited with code {code} ({word})", worker.pid),
            Role::Former => format!("Former worker ({}) exited with code {code} ({word})", worker.pid),
        };
        if worker.role == Role::Starting {
            self.say_of_load(Gravity::Alert, &text);
        } else if code == 0 {
            self.report.warning(&text);
        } else {
            self.report.alert(&text);
        }
        match worker.role {
            Role::Starting if self.position(Role::Current).is_some() => {
                if !self.stopping {
                    self.on_failed_reload();
                }
            }
            Role::Starting | Role::Current => {
                self.status = match code {
                    TERMINATED => 0,
                    _ if worker.doomed => 1,
                    code => code,
                };
                if !matches!(code, 0 | TERMINATED | INTERRUPTED) && !self.stopping && !self.workers.is_empty() {
                    self.report.alert("exit-on-failure: killing every processes with SIGTERM");
                    self.stop(Signal::SIGTERM);
                }
            }
            Role::Former => {}
        }
    }

    /// Re-executes the program, which starts the next worker. Returns only when that fails.
    fn reload(&mut self) {
        self.reload_wanted = false;
        self.report.notice("Reloading lbd");
        self.tell_systemd(&format!("RELOADING=1\nMONOTONIC_USEC={}\nSTATUS=Reloading Configuration.", monotonic_us()));
        self.have_states_saved();
        for worker in &mut self.workers {
            worker.reloads += 1;
        }
        self.reloads += 1;
        let handover = Handover {
            workers: std::mem::take(&mut self.workers),
            listeners: std::mem::take(&mut self.listeners),
            sockets: std::mem::take(&mut self.cli.sockets),
            clients: std::mem::take(&mut self.reload_clients),
            hard: self.hard,
            reloads: self.reloads,
            failed: self.failed,
            since_epoch_s: self.since_epoch_s,
            descriptors: self.descriptors,
        };
        let error = match handover.store() {
            Ok(()) => exec(&self.program),
            Err(error) => error,
        };
        Handover::forget();
        (self.workers, self.listeners) = (handover.workers, handover.listeners);
        (self.cli.sockets, self.reload_clients) = (handover.sockets, handover.clients);
        self.startup_log.clear();
        self.say_of_load(Gravity::Alert, &format!("Cannot execute {}: {}.", self.program.display(), error.desc()));
        self.on_failed_reload();
    }

    /// Has the serving worker write its servers' states, which the next one, or a later start, will read: that would else
    /// begin with those of some seconds ago. A worker that does not answer holds nothing up for long.
    fn have_states_saved(&self) {
        let Some(worker) = self.position(Role::Current).and_then(|at| self.workers.get(at)) else { return };
        worker.signal(Signal::SIGUSR2);
        let deadline = Instant::now() + SAVE_LIMIT;
        loop {
            match worker.leash.receive() {
                Some(Message::Saved) => return,
                Some(_) => continue,
                None => {}
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let mut fds = [PollFd::new(worker.leash.as_fd(), PollFlags::POLLIN)];
            let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO);
            let nothing = !matches!(poll(&mut fds, timeout), Ok(1..) | Err(nix::Error::EINTR));
            let hung_up = fds[0].revents().is_some_and(|events| !events.contains(PollFlags::POLLIN));
            if nothing || hung_up || left.is_zero() {
                return;
            }
        }
    }

    fn on_failed_reload(&mut self) {
        self.failed += 1;
        self.hard = false;
        self.say_of_load(Gravity::Warning, "Loading failure!");
        self.tell_systemd("READY=1\nSTATUS=Reload failed!");
        self.answer_reload(false);
    }

    /// Says something that belongs to the messages of the start.
    fn say_of_load(&mut self, gravity: Gravity, text: &str) {
        self.report.say(gravity, text);
        self.startup_log.extend(self.report.kept().pop());
    }

    /// Tells whoever asked for the reload how it went, and hangs up.
    fn answer_reload(&mut self, success: bool) {
        let answer = format!("Success={}\n--\n{}\n", u8::from(success), self.startup_log.join("\n"));
        for client in self.reload_clients.drain(..) {
            // A client that does not take the little there is to say does not want it.
            let _ = nix::unistd::write(&client, answer.as_bytes());
        }
    }

    fn position(&self, role: Role) -> Option<usize> {
        self.workers.iter().position(|worker| worker.role == role)
    }

    fn tell_systemd(&self, state: &str) {
        if self.args.master == Mode::Notify {
            notify(state);
        }
    }
}

/// Blocks the master's signals and makes what reads them. A master whose workers serve waits until it
/// can be made: its own end would be theirs.
fn signal_source(report: &Report, serving: bool) -> Result<SignalFd, ExitCode> {
    loop {
        match signals::block(signals::MASTER).and_then(|()| signals::reader(signals::MASTER)) {
            Ok(source) => return Ok(source),
            Err(_) if serving => std::thread::sleep(RETRY_STEP),
            Err(error) => {
                report.alert(&format!("Cannot read signals: {}.", error.desc()));
                return Err(ExitCode::FAILURE);
            }
        }
    }
}

/// Starts the program anew in this process with the same words, but its name is the path: the working
/// directory or `PATH` that the name was meant for may have changed.
fn exec(program: &std::path::Path) -> nix::Error {
    let c_string = |text: std::ffi::OsString| CString::new(text.into_vec()).unwrap_or_default();
    let path = c_string(program.as_os_str().to_owned());
    let words: Vec<CString> = std::iter::once(path.clone()).chain(std::env::args_os().skip(1).map(c_string)).collect();
    match execv(&path, &words) {
        Err(error) => error,
        Ok(never) => match never {},
    }
}

/// Microseconds of the monotonic clock, which systemd wants with a reload.
fn monotonic_us() -> i64 {
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(0, |now| now.num_microseconds())
}
