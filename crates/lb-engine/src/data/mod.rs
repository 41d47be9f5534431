//! Data threads: each accepts, serves and ends its own connections.

mod accept;
mod connect;
pub mod http;
mod pick;
mod secure;
pub mod session;
mod stick;
mod tcp;
pub mod thread;
pub mod track;
mod tunnel;
pub(crate) mod upstream;
mod view;
