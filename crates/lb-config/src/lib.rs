//! `haproxy.cfg`: text to a checked configuration, with positions.
//!
//! The crate never reads files and knows nothing of the engine: the caller hands it the texts, the
//! environment, and a resolver for host names.

pub mod model;
