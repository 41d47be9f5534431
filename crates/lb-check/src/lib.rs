//! Health checks as a pure state machine: events and time in, actions out.
//!
//! [`ServerHealth`] owns one server's operational and administrative state. Feed it check
//! results, agent replies, errors seen on traffic, operators' commands and the tracked server's
//! state; each call appends [`Action`]s to a list that the caller carries out in order:
//!
//! 1. [`Action::StateChanged`]: tell the balancer; count the backend's usable servers again.
//! 2. [`Action::Log`]: render the line with those counts. [`Action::LastServerLine`]: if the
//!    backend had usable servers before that `StateChanged` and has none after, log
//!    [`no_server_available`].
//! 3. [`Action::NotifyTrackers`]: hand this server's [`Tracked`] state to each tracking server
//!    ([`ServerHealth::tracked_changed`]), last declared first.
//!
//! [`schedule`] says when the next check runs and how long it may take, [`rules`] what a check
//! sends and how answers are judged. Time is a [`std::time::Duration`] since the engine
//! started; random numbers are arguments.
//!
//! This crate owns no socket, reads no clock and knows neither the balancer nor the
//! configuration's text.

mod action;
mod agent;
mod cause;
mod commands;
mod counter;
mod events;
mod explain;
mod log;
mod monitor;
mod params;
mod passive;
pub mod probe;
mod restore;
pub mod rules;
pub mod schedule;
mod server;
mod slowstart;
mod suspension;
mod views;

pub use action::{Action, LbView};
pub use agent::{AdminWord, AgentReply, AgentVerdict};
pub use cause::likely_cause;
pub use commands::{AdminCommand, ForcedHealth, Refused};
pub use counter::Counter;
pub use explain::{Explanation, Named};
pub use log::{BackendCounts, Cause, CheckKind, CheckSummary, LogLine, ServerNames, no_server_available};
pub use monitor::{CheckReport, CheckResult, Monitor};
pub use params::{InitState, Observe, OnError, ServerParams};
pub use passive::TrafficEvent;
pub use restore::SavedHealth;
pub use server::{ServerHealth, Tracked};
pub use suspension::{FailLimit, Suspension};
