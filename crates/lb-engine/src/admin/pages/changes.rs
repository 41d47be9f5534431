//! The live part of the status page: rows of `show stat` that changed, as server-sent events.

use super::super::dump::PIECE;
use super::super::stat;
use super::{Gone, Tray};
use crate::control::Control;
use crate::orders::Scope;
use lb_stats::StatField;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::time::Duration;

/// Time between two looks.
const PERIOD: Duration = Duration::from_secs(1);

/// Sends changes until the client is gone. The first event holds the header and every row.
pub(super) async fn write(control: &Control, scope: &Scope, tray: &mut Tray<'_>) -> Result<(), Gone> {
    let hasher = RandomState::new();
    let mut seen: HashMap<u64, u64> = HashMap::new();
    let mut tick = tokio::time::interval(PERIOD);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let table = whole_table(control, scope).await;
        let mut rows = table.split(|byte| *byte == b'\n').filter(|row| !row.is_empty());
        if seen.is_empty() {
            event("columns", rows.next().into_iter(), &mut tray.batch);
        } else {
            rows.next();
        }
        let mut present = HashMap::with_capacity(seen.len());
        let mut changed = Vec::new();
        for row in rows {
            let (name, state) = (hasher.hash_one(name(row)), state(&hasher, row));
            if seen.get(&name) != Some(&state) {
                changed.push(row);
            }
            present.insert(name, state);
        }
        // A client that sees a row go away has to ask for the page anew.
        if seen.keys().any(|name| !present.contains_key(name)) {
            event("reload", [&b"rows"[..]].into_iter(), &mut tray.batch);
        }
        seen = present;
        // Without changes it still shows that the line is alive, and finds out when it is not.
        event("rows", changed.into_iter(), &mut tray.batch);
        tray.flush().await?;
    }
}

/// A row without what time alone changes: the page counts seconds by itself.
fn state(hasher: &RandomState, row: &[u8]) -> u64 {
    let mut hash = hasher.build_hasher();
    for (index, cell) in row.split(|byte| *byte == b',').enumerate() {
        // Cells before these are never quoted, so that commas are where columns end.
        if ![StatField::Lastchg, StatField::Downtime, StatField::Lastsess]
            .iter()
            .any(|f| usize::from(f.position()) == index)
        {
            cell.hash(&mut hash);
        }
    }
    hash.finish()
}

/// The first two columns.
fn name(row: &[u8]) -> &[u8] {
    let mut commas = row.iter().enumerate().filter(|(_, byte)| **byte == b',').map(|(at, _)| at);
    row.get(..commas.nth(1).unwrap_or(row.len())).unwrap_or(row)
}

fn event<'a>(kind: &str, lines: impl Iterator<Item = &'a [u8]>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(kind.as_bytes());
    let mut empty = true;
    for line in lines {
        out.extend_from_slice(b"\ndata: ");
        out.extend_from_slice(line);
        empty = false;
    }
    if empty {
        // An event without data is not delivered; this one must be.
        out.extend_from_slice(b"\ndata:");
    }
    out.extend_from_slice(b"\n\n");
}

async fn whole_table(control: &Control, scope: &Scope) -> Vec<u8> {
    let mut dump = stat::page(&[], scope.clone());
    let (mut table, mut piece) = (Vec::new(), Vec::with_capacity(PIECE * 2));
    loop {
        piece.clear();
        let more = dump.next(control, &mut piece);
        table.extend_from_slice(&piece);
        if !more {
            return table;
        }
        std::thread::yield_now();
        tokio::task::yield_now().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_framed() {
        let mut out = Vec::new();
        event("rows", [&b"a,b,1"[..], b"a,c,2"].into_iter(), &mut out);
        event("rows", std::iter::empty(), &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "event: rows\ndata: a,b,1\ndata: a,c,2\n\nevent: rows\ndata:\n\n");
        assert_eq!(name(b"app,web1,0,0"), b"app,web1");
        assert_eq!(name(b"app"), b"app");
    }

    #[test]
    fn time_alone_is_no_change() {
        let hasher = RandomState::new();
        let row = |cells: [(usize, &str); 2]| {
            let mut row = vec![""; 60];
            cells.into_iter().for_each(|(at, cell)| row[at] = cell);
            state(&hasher, row.join(",").as_bytes())
        };
        let (since, sessions) = (usize::from(StatField::Lastchg.position()), usize::from(StatField::Scur.position()));
        assert_eq!(row([(since, "1"), (sessions, "5")]), row([(since, "2"), (sessions, "5")]));
        assert_ne!(row([(since, "1"), (sessions, "5")]), row([(since, "1"), (sessions, "6")]));
    }
}
