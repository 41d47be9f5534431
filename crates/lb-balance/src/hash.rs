//! The functions behind `hash-type`, from the crate that names them.

pub use lb_model::hash::{avalanche, crc32, djb2, sdbm, wt6};
