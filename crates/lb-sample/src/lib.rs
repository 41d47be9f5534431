//! Sample fetches, converters, ACLs, conditions and log formats: parsed once, evaluated against a
//! [`Context`].
//!
//! Parsing validates every word and reports what is wrong in HAProxy's wording; evaluation does no
//! I/O, reads no clock and allocates nothing for the common fetches. This crate does not know how a
//! configuration line is split into words, nor what is done with a result.

mod acl;
mod condition;
mod context;
mod error;
mod expr;
mod log_format;
mod record;
mod sample;

pub use acl::Acl;
pub use condition::Condition;
pub use context::{
    BackendNumber, Context, FrontendNumber, Needs, Nothing, Reference, ServerNumber, ServerRef, Side, Sources,
    StreamNumber, WallTime,
};
pub use error::SampleError;
pub use expr::Expr;
pub use log_format::LogFormat;
pub use record::{CookieStatus, LogRecord};
pub use sample::Sample;
