//! Sample fetches, converters, ACLs, conditions and log formats: parsed once, evaluated against a
//! [`Context`].
//!
//! Parsing validates every word and reports what is wrong in HAProxy's wording; evaluation does no
//! I/O, reads no clock and allocates nothing for the common fetches. This crate does not know how a
//! configuration line is split into words, nor what is done with a result.
//!
//! ```
//! use lb_sample::{Acl, Condition, Nothing, Sources};
//!
//! let sources = Sources::default();
//! let acl = Acl::parse(&["five", "int(5)", "4:6"], &sources)?;
//! let condition = Condition::parse(&["if", "five", "!FALSE"], &[acl], &sources)?;
//! assert!(condition.eval(&Nothing));
//! # Ok::<(), lb_sample::SampleError>(())
//! ```

mod acl;
mod args;
mod condition;
mod context;
mod convert;
mod date;
mod error;
mod expr;
mod fetch;
mod hello;
mod log_alias;
mod log_encode;
mod log_format;
mod pattern;
mod place;
mod record;
mod rewrite;
mod sample;
pub mod secure;
mod suggest;
mod users;
mod vars;

pub use acl::Acl;
pub use condition::Condition;
pub use context::{
    BackendNumber, Context, EntryQuery, FrontendNumber, Nothing, Reference, ServerNumber, ServerRef, Side, Sources,
    StreamNumber, Subject, TableNumber, WallTime,
};
pub use date::{local_millis, mail as mail_date};
pub use error::SampleError;
pub use expr::Expr;
pub use log_format::LogFormat;
pub use pattern::{Answer, Discarded, Element, Entry, PatternError, PatternSet, PatternSets, Target, split_entry};
pub use place::{Place, Source};
pub use record::{CookieStatus, LogRecord};
pub use rewrite::Rewrite;
pub use sample::Sample;
pub use users::{Password, User, UserList, UserLists};
pub use vars::{ProcessVar, ProcessVars, Scope, VarAction, VarName, VarVerb, VarWord, Vars};
