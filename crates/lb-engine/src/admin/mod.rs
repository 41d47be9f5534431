//! The admin sockets: they speak the Runtime API of [`lb_admin`] and carry out its commands on [`Control`].
//!
//! - `socket`: opening, accepting, limits;
//! - `connection`: bytes in and out of one connection;
//! - `own`: what no HAProxy has, and who changed what; every command passes there;
//! - `execute`: which function runs which command;
//! - `resolve`: names to objects, with the answers for names that are none;
//! - one module per family of commands: each parses, then resolves, then acts, so that a command that fails has
//!   changed nothing;
//! - `inside`: what the engine's own machinery does;
//! - `stat_values`, `info`: the values of statistics fields, by exhaustive matches.
//!
//! Long answers are dumps ([`dump`]): written piece by piece, so that neither a slow reader nor ten thousand servers
//! hold up the control thread.

mod anon;
mod backend;
mod clear;
mod connection;
mod dump;
mod dynamic;
mod dynamic_cookie;
mod environment;
mod errors;
mod events;
mod execute;
mod frontend;
mod handover;
mod info;
mod inside;
mod libs;
mod limits;
mod nothing;
mod own;
mod pages;
mod patterns;
mod process;
mod resolve;
mod resolvers;
mod servers;
mod sess;
mod set_addr;
mod set_server;
mod shutdown;
mod socket;
mod ssl;
mod stat;
mod stat_listener;
mod stat_values;
mod stats_file;
mod switches;
mod tables;
#[cfg(test)]
mod tests;
mod trace;
mod vars;
mod wait;

pub use info::sample;
pub use pages::serve as serve_pages;
pub use servers::servers_state;
pub use socket::{BoundAdmin, Registry, listen};

/// What may be changed at run time begins as the configuration says.
pub fn begin(control: &crate::control::Control) {
    let settings = &control.shared.config.global.runtime;
    control.admin.anon_key.set(settings.anon_key);
    inside::profiling::switch(control, settings.profiling);
    trace::begin(control);
}

/// What `show pools` shows.
pub fn pools_text(control: &crate::control::Control) -> String {
    inside::pools::text(&inside::pools::all(control))
}
