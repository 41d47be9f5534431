//! The proxy engine: listeners, sessions, upstream pools, queues, checks' transport, counters, logs, admin server.
//!
//! Data threads ([`data`]) carry traffic; the control thread ([`control`]) owns server states, checks and admin
//! sockets ([`admin`]). Both meet in [`shared`].

pub mod shared;

pub mod control;

pub mod admin;

pub mod data;

mod buffer;
pub mod clock;
pub mod counters;
pub mod listen;
pub mod log;
pub mod queue;
pub mod rate;
mod stream;
mod sys;
mod timer;
#[cfg(test)]
mod testing;
