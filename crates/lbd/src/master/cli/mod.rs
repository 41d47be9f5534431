//! The master's command line (`-S`): its sockets, its connections, and the way to the workers' own
//! admin sockets. Served from the master's only thread, so nothing here waits: every descriptor is
//! non-blocking and polled with the master's others.

mod client;
mod commands;
mod proc;
mod socket;

pub use socket::{CommandSocket, open};

use crate::master::worker::Worker;
use crate::sys;
use client::Client;
use nix::poll::{PollFd, PollFlags};
use nix::sys::socket::{SockFlag, accept4};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Instant;

/// Most connections at a time; further ones wait in the sockets' queues.
const MAX_CLIENTS: usize = 32;

/// What the master shows its command line.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The time.
    pub now: Instant,
    /// The workers.
    pub workers: &'a [Worker],
    /// Messages of the latest start or reload.
    pub startup_log: &'a [String],
    /// How often this master has reloaded.
    pub reloads: u32,
    /// How many of these reloads failed.
    pub failed: u32,
    /// Start of the master, seconds since 1970.
    pub since_epoch_s: u64,
    /// Names and levels of the command sockets.
    pub sockets: &'a [(String, lb_model::Level)],
}

/// A reload that a connection asks for; the answer goes there once it is known.
#[derive(Debug)]
pub struct ReloadRequest {
    /// The former worker is terminated instead of asked to finish.
    pub hard: bool,
    /// The connection.
    pub client: OwnedFd,
}

/// The command line's sockets and connections.
#[derive(Debug, Default)]
pub struct Cli {
    /// Where it listens.
    pub sockets: Vec<CommandSocket>,
    clients: Vec<Client>,
}

impl Cli {
    /// Adds everything that may wake this up to `fds`.
    pub fn watch<'a>(&'a self, fds: &mut Vec<PollFd<'a>>) {
        if self.clients.len() < MAX_CLIENTS {
            fds.extend(self.sockets.iter().map(|socket| PollFd::new(socket.fd.as_fd(), PollFlags::POLLIN)));
        }
        for client in &self.clients {
            client.watch(fds);
        }
    }

    /// When the first connection will have been idle for too long.
    pub fn deadline(&self) -> Option<Instant> {
        self.clients.iter().map(Client::deadline).min()
    }

    /// Accepts, reads, answers and writes whatever is possible without waiting. Returns reloads that
    /// were asked for.
    pub fn step(&mut self, view: View<'_>) -> Vec<ReloadRequest> {
        for socket in &self.sockets {
            while self.clients.len() < MAX_CLIENTS {
                let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
                let Some(fd) = accept4(socket.fd.as_raw_fd(), flags).ok().and_then(sys::adopt) else { break };
                self.clients.push(Client::new(fd, socket.level, view.now));
            }
        }
        let mut requests = Vec::new();
        let mut kept = Vec::with_capacity(self.clients.len());
        for mut client in std::mem::take(&mut self.clients) {
            match client.step(view) {
                client::Next::Stay => kept.push(client),
                client::Next::Close => {}
                client::Next::Reload { hard } => requests.push(ReloadRequest { hard, client: client.into_fd() }),
            }
        }
        self.clients = kept;
        requests
    }
}
