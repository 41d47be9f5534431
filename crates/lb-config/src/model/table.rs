//! Stick tables and the rules that use them.

use super::Place;
use lb_sample::{Condition, Expr};
use lb_table::TableSpec;
use std::sync::Arc;

/// Index of a table in [`Config::tables`](super::Config::tables).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableIdx(pub usize);

/// A stick table.
#[derive(Debug, Clone)]
pub struct StickTable {
    /// Its name: the proxy's, or `section/name` in a `peers` section.
    pub name: Arc<str>,
    /// What it is asked to be.
    pub spec: TableSpec,
    /// Where it is declared.
    pub place: Place,
}

/// A table that a rule names.
#[derive(Debug, Clone, Default)]
pub struct TableRef {
    /// As written; `None`: the section's own.
    pub name: Option<Arc<str>>,
    /// Which one it is.
    pub index: Option<TableIdx>,
}

/// `track-sc<n> <key> [table <name>]`.
#[derive(Debug, Clone)]
pub struct Track {
    /// The counter.
    pub counter: usize,
    /// What it tracks.
    pub key: Expr,
    /// Where.
    pub table: TableRef,
}

/// `sc-inc-gpc…`, `sc-add-gpc`, `sc-set-gpt…`.
#[derive(Debug, Clone)]
pub struct Count {
    /// The counter whose entry is changed.
    pub counter: usize,
    /// How.
    pub change: CountChange,
}

/// A change to a tracked entry.
#[derive(Debug, Clone)]
pub enum CountChange {
    /// Adds to the general purpose counter of that index, and to its rate.
    Add(usize, Number),
    /// Sets the tag of that index.
    Tag(usize, Number),
}

/// A number that may have to be computed.
#[derive(Debug, Clone)]
pub enum Number {
    /// Written.
    Fixed(i64),
    /// Computed.
    Of(Expr),
}

/// `stick …`.
#[derive(Debug, Clone)]
pub struct StickRule {
    /// What is looked up or stored.
    pub key: Expr,
    /// Where.
    pub table: TableRef,
    /// The request's key is looked up.
    pub matches: bool,
    /// The request's key is stored with the server chosen.
    pub stores: bool,
    /// The response's key is stored with the server that answered.
    pub stores_response: bool,
    /// When.
    pub condition: Option<Condition>,
}
