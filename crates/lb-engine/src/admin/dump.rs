//! Long answers, written piece by piece.

use super::errors::ErrorsDump;
use super::inside::fd::FdDump;
use super::patterns::PatternDump;
use super::servers::{ConnDump, StateDump};
use super::sess::SessDump;
use super::stat::StatDump;
use super::stats_file::StatsFileDump;
use super::tables::TableDump;
use crate::control::Control;

/// Bytes a piece may reach; one more object fits on top of it. After each piece the processor is offered to the data
/// threads, so this is how long a request may have to wait for a dump: some tens of microseconds.
pub(super) const PIECE: usize = 2 * 1_024;

/// Bytes gathered from pieces before they are sent.
pub(super) const BATCH: usize = 32 * 1_024;

/// An answer in progress.
#[derive(Debug)]
pub(super) enum Dump {
    /// `show stat`.
    Stat(StatDump),
    /// `dump stats-file`.
    StatsFile(StatsFileDump),
    /// `show servers state`.
    ServersState(StateDump),
    /// `show servers conn`.
    ServersConn(ConnDump),
    /// `show sess`.
    Sessions(SessDump),
    /// `show table`.
    Tables(TableDump),
    /// `show errors`.
    Errors(ErrorsDump),
    /// `show fd`.
    Descriptors(FdDump),
    /// `show acl`, `show map`.
    Patterns(PatternDump),
}

impl Dump {
    /// Appends the next piece. Returns whether there is more.
    pub async fn next(&mut self, control: &Control, out: &mut Vec<u8>) -> bool {
        match self {
            Self::Stat(dump) => dump.next(control, out),
            Self::StatsFile(dump) => dump.next(control, out),
            Self::ServersState(dump) => dump.next(control, out),
            Self::ServersConn(dump) => dump.next(control, out).await,
            Self::Sessions(dump) => dump.next(control, out).await,
            Self::Tables(dump) => dump.next(out),
            Self::Errors(dump) => dump.next(control, out),
            Self::Descriptors(dump) => dump.next(control, out),
            Self::Patterns(dump) => dump.next(out),
        }
    }
}
