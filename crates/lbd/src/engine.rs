//! The one place where this program meets the engine.

use lb_config::model::{Config, ListenAddress, Place, SeverityOutput, StatsSocket};
use lb_engine::{ExitReason, StartOptions};
pub use lb_engine::{Former, abstract_name};
use lb_model::Level;
use nix::sys::signal::Signal;
use nix::sys::signalfd::SignalFd;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

/// A listening socket on its way from one worker to the next.
#[derive(Debug)]
pub struct Listener {
    /// The address, for people.
    pub name: String,
    /// The socket.
    pub fd: OwnedFd,
}

/// What the engine wants to know besides the configuration.
#[derive(Debug)]
pub struct Start {
    /// Sockets that listen already.
    pub inherited: Vec<Listener>,
    /// Messages of the start so far.
    pub startup_log: Vec<String>,
    /// `-V`, `-d`.
    pub verbose: bool,
    /// What a former process left in files.
    pub former: Former,
    /// A master starts and stops this process.
    pub is_supervised: bool,
}

/// Why nothing could be bound.
#[derive(Debug)]
pub struct BindError {
    /// One message per address.
    pub messages: Vec<String>,
    /// Whether an address is in use, so that an old process may be in the way.
    pub in_use: bool,
}

/// Everything bound, nothing served.
pub struct Bound(lb_engine::Bound);

/// Why serving ended.
#[derive(Debug)]
pub enum Exit {
    /// All work is done after a soft stop.
    Done,
    /// This signal asked for it.
    Signal(Signal),
    /// The engine could not go on; it printed why.
    Failed,
}

/// An admin socket on a descriptor that listens already.
pub fn private_admin_socket(fd: &OwnedFd) -> StatsSocket {
    StatsSocket {
        address: ListenAddress::Fd(fd.as_raw_fd()),
        level: Level::Admin,
        mode: None,
        uid: None,
        gid: None,
        severity_output: SeverityOutput::None,
        expose_fd_listeners: false,
        maxconn: None,
        name: None,
        until_end: true,
        place: Place::default(),
    }
}

/// A listening socket of another process under the name that the engine finds it by; `None` when no `bind` line can
/// mean it.
pub fn named(fd: OwnedFd) -> Option<Listener> {
    let socket = fd.into();
    lb_engine::listener_name(&socket).map(|name| Listener { name, fd: socket.into() })
}

impl Listener {
    /// Another descriptor of the same socket.
    pub fn duplicate(&self) -> Option<Listener> {
        Some(Listener { name: self.name.clone(), fd: self.fd.try_clone().ok()? })
    }
}

/// Opens all listeners and admin sockets.
pub fn bind(config: Config, start: Start) -> Result<Bound, BindError> {
    let options = StartOptions {
        program: "lbd".to_owned(),
        startup_log: start.startup_log,
        inherited: start.inherited.into_iter().map(|listener| (listener.name, listener.fd)).collect(),
        verbose: start.verbose,
        former: start.former,
        is_supervised: start.is_supervised,
    };
    // The engine duplicates what it takes over; the rest is closed when `start` goes.
    lb_engine::bind(config, options).map(Bound).map_err(|errors| BindError {
        in_use: errors.iter().any(|error| error.error.source.kind() == std::io::ErrorKind::AddrInUse),
        messages: errors.iter().map(ToString::to_string).collect(),
    })
}

impl Bound {
    /// The listening sockets, for the next worker.
    pub fn listeners(&self) -> Vec<(String, BorrowedFd<'_>)> {
        self.0.listeners()
    }

    /// Serves until told to stop. Calls `on_ready` in this thread once all threads can serve; when that
    /// does not come about, the engine prints why.
    /// Calls `on_saved` when it was asked to write the servers' states, and has.
    pub fn run(self, signals: SignalFd, on_ready: impl FnOnce(), on_saved: impl Fn() + 'static) -> Exit {
        match self.0.run(signals, on_ready, on_saved) {
            ExitReason::SoftStop => Exit::Done,
            ExitReason::Signal(signal) => Exit::Signal(signal),
            ExitReason::Failed => Exit::Failed,
        }
    }
}
