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
    pub fn run(self, signals: SignalFd) -> ExitReason {
        let shared = self.shared;
        let (mailboxes, seeds): (Vec<_>, Vec<_>) = (0..shared.threads).map(thread::prepare).unzip();
        let _ = shared.mailboxes.set(mailboxes);
        let (event_sender, events) = mpsc::channel(EVENT_QUEUE);
        let _ = shared.events.set(event_sender);
        let (command_sender, commands) = mpsc::unbounded_channel();
        let mut workers = Vec::new();
        for (index, (seed, listeners)) in seeds.into_iter().zip(self.listeners).enumerate() {
            let spawned = std::thread::Builder::new().name(format!("data-{index}")).spawn(move || {
                // The control thread publishes the servers' states before the first connection is accepted.
                shared.gate.wait();
                let ended = thread::run(shared, seed, listeners);
                shared.process.alive.fetch_sub(1, Relaxed);
                ended
            });
            match spawned {
                Ok(worker) => workers.push(worker),
                Err(e) => eprintln!("[ALERT]    ({}) : cannot start data thread {index}: {e}", std::process::id()),
            }
        }
        let (signal_sender, signal_seen) = std_mpsc::channel();
        let watcher = std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || watch_signals(&signals, &command_sender, &signal_sender));
        if watcher.is_err() {
            return ExitReason::Failed;
        }
        shared.process.boot_ms.store(self.boot.elapsed().as_millis() as u64, Relaxed);
        match control::run(shared, self.admin, commands, events) {
            Ok(Stopped::Soft) => {
                for worker in workers {
                    let _ = worker.join();
                }
                ExitReason::SoftStop
            }
            Ok(Stopped::Hard) => signal_seen.try_recv().map_or(ExitReason::SoftStop, ExitReason::Signal),
            Err(e) => {
                eprintln!("[ALERT]    ({}) : {e}", std::process::id());
                ExitReason::Failed
            }
        }
    }
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
