//! Sample fetches, ACLs and log formats: parsed once, evaluated against a context.

/// A named ACL.
#[derive(Debug, Clone)]
pub struct Acl;
/// An `if`/`unless` condition.
#[derive(Debug, Clone)]
pub struct Condition;
/// A log format.
#[derive(Debug, Clone)]
pub struct LogFormat;
