//! Running an engine: data threads, the control thread, and the process's signals.

use crate::bind::Bound;
use crate::control::{self, ControlCommand, EVENT_QUEUE, Stopped};
use crate::data::thread;
use nix::sys::signal::Signal;
use nix::sys::signalfd::SignalFd;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc as std_mpsc;
use tokio::sync::mpsc;

/// Why serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitReason {
    /// A soft stop, and the last session ended.
    SoftStop,
    /// This signal asked for a stop at once.
    Signal(Signal),
    /// The engine could not go on; the reason was printed.
    Failed,
}

impl Bound {
    /// Serves until told to stop. Signals are read from `signals`, so that no thread is interrupted.
    ///
    /// `on_ready` is called once every data thread can accept and the servers' states are known; when something fails
    /// before, it is not called and the reason is printed.
    ///
    /// On `SIGUSR2` the server states are written where the configuration has them written; then `on_saved` is called, also
    /// when there was nothing to write.
    pub fn run(self, signals: SignalFd, on_ready: impl FnOnce(), on_saved: impl Fn() + 'static) -> ExitReason {
        let shared = self.shared;
        let (mailboxes, seeds): (Vec<_>, Vec<_>) = (0..shared.threads).map(thread::prepare).unzip();
        let _ = shared.mailboxes.set(mailboxes);
        let (event_sender, events) = mpsc::channel(EVENT_QUEUE);
        let _ = shared.events.set(event_sender);
        let (command_sender, commands) = mpsc::unbounded_channel();
        let (started_sender, started) = std_mpsc::channel();
        let mut workers = Vec::new();
        for (index, (seed, listeners)) in seeds.into_iter().zip(self.listeners).enumerate() {
            let started = started_sender.clone();
            let spawned = std::thread::Builder::new().name(format!("data-{index}")).spawn(move || {
                thread::run(shared, seed, listeners, &started);
                shared.process.alive.fetch_sub(1, Relaxed);
            });
            match spawned {
                Ok(worker) => workers.push(worker),
                Err(e) => return failed(&format!("cannot start data thread {index}: {e}")),
            }
        }
        for start in started.iter().take(workers.len()) {
            if let Err(e) = start {
                return failed(&format!("a data thread cannot serve: {e}"));
            }
        }
        let (signal_sender, signal_seen) = std_mpsc::channel();
        let watcher = std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || watch_signals(&signals, &command_sender, &signal_sender));
        if let Err(e) = watcher {
            return failed(&format!("cannot start the thread that reads signals: {e}"));
        }
        shared.process.boot_ms.store(self.boot.elapsed().as_millis() as u64, Relaxed);
        match control::run(shared, self.admin, commands, events, on_ready, on_saved) {
            Ok(Stopped::Soft) => {
                for worker in workers {
                    let _ = worker.join();
                }
                ExitReason::SoftStop
            }
            Ok(Stopped::Hard) => signal_seen.try_recv().map_or(ExitReason::SoftStop, ExitReason::Signal),
            Err(e) => failed(&e.to_string()),
        }
    }
}

fn failed(why: &str) -> ExitReason {
    eprintln!("[ALERT]    ({}) : {why}", std::process::id());
    ExitReason::Failed
}

/// Turns signals into commands for the control thread.
fn watch_signals(
    signals: &SignalFd,
    commands: &mpsc::UnboundedSender<ControlCommand>,
    stops: &std_mpsc::Sender<Signal>,
) {
    loop {
        wait_readable(signals);
        let Ok(Some(info)) = signals.read_signal() else { continue };
        let Ok(signal) = Signal::try_from(info.ssi_signo as i32) else { continue };
        let command = match signal {
            Signal::SIGINT | Signal::SIGTERM => {
                let _ = stops.send(signal);
                ControlCommand::HardStop
            }
            Signal::SIGUSR1 => ControlCommand::SoftStop,
            Signal::SIGQUIT => ControlCommand::DumpPools,
            Signal::SIGUSR2 => ControlCommand::SaveStates,
            Signal::SIGHUP => ControlCommand::DumpServers,
            Signal::SIGTTOU => ControlCommand::PauseFrontends,
            Signal::SIGTTIN => ControlCommand::ResumeFrontends,
            _ => continue,
        };
        if commands.send(command).is_err() {
            return;
        }
    }
}

fn wait_readable(signals: &SignalFd) {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use std::os::fd::AsFd;
    let mut polled = [PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
    let _ = poll(&mut polled, PollTimeout::NONE);
}
