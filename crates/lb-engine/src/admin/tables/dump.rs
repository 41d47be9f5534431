//! Stick tables as text, piece by piece.

use super::filter::Filter;
use crate::admin::dump::PIECE;
use crate::shared::Shared;
use crate::tables::StickTable;
use lb_table::Entry;
use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::Arc;

/// `show table` in progress.
#[derive(Debug)]
pub(in crate::admin) struct TableDump {
    shared: &'static Shared,
    /// Tables of which the heading is still to be written.
    headings: VecDeque<&'static StickTable>,
    /// What follows the heading as it is.
    tail: String,
    /// The table whose entries follow, and the next of its parts.
    contents: Option<(&'static StickTable, usize)>,
    filters: Vec<Filter>,
    /// Entries of the part at hand.
    entries: VecDeque<Arc<Entry>>,
}

impl TableDump {
    fn of(shared: &'static Shared, table: &'static StickTable) -> Self {
        Self {
            shared,
            headings: VecDeque::from([table]),
            tail: String::new(),
            contents: None,
            filters: Vec::new(),
            entries: VecDeque::new(),
        }
    }

    /// All tables without their contents. The last declared comes first, as seen on a running HAProxy.
    pub(super) fn headings(shared: &'static Shared) -> Self {
        Self {
            shared,
            headings: shared.tables.list().iter().rev().collect(),
            tail: String::new(),
            contents: None,
            filters: Vec::new(),
            entries: VecDeque::new(),
        }
    }

    /// A table of which the client may not see more.
    pub(super) fn forbidden(shared: &'static Shared, table: &'static StickTable) -> Self {
        let tail = "# contents not dumped due to insufficient privileges\n".to_owned();
        Self { tail, ..Self::of(shared, table) }
    }

    /// A table with one entry, which `uses` hold.
    pub(super) fn one(shared: &'static Shared, table: &'static StickTable, entry: &Entry, uses: u32) -> Self {
        let mut tail = String::new();
        line(table, entry, uses, shared.clock.now_ms(), &mut tail);
        Self { tail, ..Self::of(shared, table) }
    }

    /// A table with the entries that pass.
    pub(super) fn filtered(shared: &'static Shared, table: &'static StickTable, filters: Vec<Filter>) -> Self {
        Self { contents: Some((table, 0)), filters, ..Self::of(shared, table) }
    }

    /// Appends the next piece. Returns whether there is more.
    pub(in crate::admin) fn next(&mut self, out: &mut Vec<u8>) -> bool {
        let mut text = String::new();
        let now_ms = self.shared.clock.now_ms();
        while out.len() + text.len() < PIECE {
            if let Some(table) = self.headings.pop_front() {
                heading(table, &mut text);
            } else if !self.tail.is_empty() {
                text.push_str(&std::mem::take(&mut self.tail));
            } else if let Some((entry, (table, _))) = self.entries.pop_front().zip(self.contents) {
                if self.filters.iter().all(|filter| filter.passes(&entry, now_ms)) {
                    line(table, &entry, entry.uses(), now_ms, &mut text);
                }
            } else if let Some((table, part)) = self.contents.filter(|(table, part)| *part < table.table.parts()) {
                self.entries = table.table.part(part, now_ms).into();
                self.contents = Some((table, part + 1));
            } else {
                out.extend_from_slice(text.as_bytes());
                return false;
            }
        }
        out.extend_from_slice(text.as_bytes());
        true
    }
}

/// What names an entry in `ptr` forms.
pub(super) fn pointer(entry: &Entry) -> usize {
    std::ptr::from_ref(entry).addr()
}

fn heading(table: &StickTable, out: &mut String) {
    let spec = &table.config.spec;
    let (name, kind) = (&table.config.name, spec.key.as_str());
    // Writing to a string cannot fail.
    let _ = writeln!(out, "# table: {name}, type: {kind}, size:{}, used:{}", spec.size, table.table.used());
}

fn line(table: &StickTable, entry: &Entry, uses: u32, now_ms: u64, out: &mut String) {
    let key = entry.key().shown(table.config.spec.key);
    let expires_ms = entry.expires_in_ms(now_ms);
    let pointer = pointer(entry);
    let _ = write!(out, "0x{pointer:x}: key={key} use={uses} exp={expires_ms} shard=0");
    entry.print(now_ms, out);
    out.push('\n');
}
