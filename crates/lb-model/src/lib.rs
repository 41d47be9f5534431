//! The domain's words, shared by every crate of the workspace: server states, health-check
//! statuses, weights, durations, sizes, access levels and session termination codes.
//!
//! This crate holds vocabulary and its textual forms only. It does not read clocks, files or
//! sockets, and it imports no other crate of the workspace.

mod access;
mod check_status;
mod connection_error;
pub mod hash;
mod network;
mod proxy;
pub mod proxy_protocol;
mod server_state;
mod termination;
mod units;
mod weight;

pub use access::{Compat, Level, Severity};
pub use check_status::{CheckOutcome, CheckStatus};
pub use connection_error::{CONNECTION_ERRORS, ConnectionError};
pub use network::is_in_network;
pub use proxy::{Mode, ProxyKind, is_valid_name};
pub use server_state::{AdminState, OpState, StatusInputs, StatusWord, TrackedVia};
pub use termination::{TermCause, TermPhase, Termination};
pub use units::{SizeError, TimeError, TimeUnit, human_delay, human_time, parse_size, parse_time};
pub use weight::{MAX_WEIGHT, ParsedWeight, WeightError};
