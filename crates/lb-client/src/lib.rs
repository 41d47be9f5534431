//! A client's end of an admin socket: addresses, one connection per command, answers judged and
//! read into types, and changes that are verified by reading the state back.
//!
//! It does not know terminals, command lines or output formats; those belong to `lbctl`.
//!
//! ```no_run
//! use lb_client::{Act, AdminWish, Client, ServerName};
//!
//! let client = Client::new("/run/haproxy/admin.sock".parse()?);
//! let server: ServerName = "app/web1".parse()?;
//! let before = client.server_state(&server)?;
//! client.act(&Act::State(AdminWish::Drain), &before)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod act;
mod address;
mod connection;
mod error;
mod line;
mod name;
mod node;
mod trace;
mod tunnel;
mod typed;
mod verdict;

pub use act::{Act, Acted, AdminWish, HealthWish};
pub use address::{Address, AddressError, Remote, Worker};
pub use connection::{Answer, Client, DEFAULT_TIMEOUT, MAX_ANSWER};
pub use error::{Error, ErrorKind};
pub use line::{Line, LineError, gather_payload, payload_end};
pub use name::{NameError, ServerName};
pub use trace::{Trace, Way};
pub use typed::{ServerState, Session, TypedError};
pub use verdict::{Refusal, RefusalScan, Verdict, judge};
