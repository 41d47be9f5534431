//! The proxy engine: listeners, sessions, upstream pools, queues, checks' transport, counters, logs, admin server.
//!
//! Data threads ([`data`]) carry traffic; the control thread ([`control`]) owns server states, checks and admin
//! sockets ([`admin`]). Both meet in [`shared`].
//!
//! [`bind`] opens every socket and starts no thread, so that the caller may fork, drop privileges and chroot;
//! [`Bound::run`] then serves until told to stop.

mod acceptor;
pub mod activity;
pub mod admin;
pub mod control;
pub mod data;
pub mod shared;

mod bind;
mod buffer;
pub mod clock;
pub mod counters;
mod dynamic_cookie;
pub mod facts;
mod former;
mod kept;
mod listen;
pub mod log;
pub mod orders;
mod queue;
pub mod rate;
mod replace;
pub mod ring;
mod ring_feed;
mod run;
pub mod slots;
mod sockets;
mod sockpair;
mod socks4;
mod stream;
mod sys;
mod tables;
#[cfg(test)]
mod testing;
mod timer;
pub mod tls;
pub mod trace;

pub use bind::{Bound, StartError, StartOptions, bind};
pub use former::Former;
pub use listen::{abstract_name, name_of as listener_name};
pub use run::ExitReason;
