//! For tests and chores only: starts `lbd`, HAProxy and origins with faults, plays scripted peers, and
//! makes the answers of two programs comparable.
//!
//! A test names what it waits for ([`wait::until`]) and never sleeps for luck. Everything started here
//! lives on loopback ports that no other user of the crate gets, and is stopped and reaped when dropped.
//!
//! The crate knows nothing of the engine's inside: it sees programs as their users do.

pub mod admin;
pub mod client;
pub mod compare;
pub mod deploy;
pub mod engine;
pub mod http;
pub mod load;
pub mod normalise;
pub mod origin;
pub mod ports;
pub mod probes;
pub mod process;
pub mod program;
pub mod random;
pub mod reloading;
pub mod sessions;
pub mod syslog;
pub mod wait;

pub use admin::Admin;
pub use client::Client;
pub use compare::{assert_same, diff};
pub use deploy::Deploy;
pub use engine::Engine;
pub use http::Response;
pub use normalise::Normaliser;
pub use origin::{Mode, Origin};
pub use ports::{free_port, without_trials};
pub use program::{Launch, Program};
pub use reloading::{Reloading, Way};
pub use sessions::LongSessions;
pub use syslog::SyslogSink;
pub use wait::{LONG, until};
