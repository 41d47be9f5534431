//! Data threads: each accepts, serves and ends its own connections.

mod accept;
mod announce;
pub(crate) mod announced;
mod connect;
pub mod http;
pub mod knobs;
mod pick;
mod room;
mod secure;
pub mod session;
mod stick;
mod tcp;
mod tcp_rules;
mod tell;
pub mod thread;
mod traced;
pub mod track;
mod tunnel;
pub(crate) mod upstream;
mod view;
