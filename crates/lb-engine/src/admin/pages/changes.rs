//! The live part of the status page: what changed since the last look, as server-sent events.
//!
//! `facts` holds a line for each fact, `rows` one for each row that changed: proxy, name, colour, state, reason, seconds in
//! the state and the cells, apart by tabs. `reload` says that rows came or went.

use super::cells::Row;
use super::{Gone, Tray, facts, walk};
use crate::control::Control;
use crate::orders::StatusView;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::time::Duration;

/// Time between two looks.
const PERIOD: Duration = Duration::from_secs(1);

/// Sends changes until the client is gone. The first event holds every row.
pub(super) async fn write(control: &Control, view: &StatusView, tray: &mut Tray<'_>) -> Result<(), Gone> {
    let hasher = RandomState::new();
    let mut seen: Option<HashMap<u64, u64>> = None;
    let mut tick = tokio::time::interval(PERIOD);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let mut present = HashMap::new();
        let mut changed = Vec::new();
        for proxy in walk::proxies(control, &view.scope) {
            for place in walk::places(proxy) {
                let Some(row) = walk::row(control, place, view) else { continue };
                let (name, state) = (hasher.hash_one((&row.proxy, &row.name)), state(&hasher, &row));
                if seen.as_ref().and_then(|seen| seen.get(&name)) != Some(&state) {
                    changed.push(line(&row));
                }
                present.insert(name, state);
                if present.len().is_multiple_of(ROWS_AT_ONCE) {
                    std::thread::yield_now();
                    tokio::task::yield_now().await;
                }
            }
        }
        let facts = facts::facts(control, &view.scope);
        event("facts", facts.into_iter().map(|fact| format!("{}\t{}", fact.class, fact.text)), &mut tray.batch);
        let same_rows = |seen: &HashMap<u64, u64>| {
            seen.len() == present.len() && present.keys().all(|name| seen.contains_key(name))
        };
        if !seen.as_ref().is_none_or(same_rows) {
            event("reload", std::iter::empty(), &mut tray.batch);
        }
        seen = Some(present);
        // Without changes it still shows that the line is alive, and finds out when it is not.
        event("rows", changed.into_iter(), &mut tray.batch);
        tray.flush().await?;
    }
}

/// Rows made before others get their turn.
const ROWS_AT_ONCE: usize = 64;

/// A row without what time alone changes: the page counts seconds by itself.
fn state(hasher: &RandomState, row: &Row) -> u64 {
    let mut hash = hasher.build_hasher();
    (row.class, &row.status, &row.why).hash(&mut hash);
    // The last cell is the time spent down.
    row.cells.split_last().map(|(_, cells)| cells).hash(&mut hash);
    hash.finish()
}

fn line(row: &Row) -> String {
    let since = row.since.map(|seconds| seconds.to_string()).unwrap_or_default();
    let first = [row.proxy.as_str(), &row.name, row.class, &row.status, &row.why, &since];
    let cells = row.cells.iter().map(String::as_str);
    first.into_iter().chain(cells).collect::<Vec<_>>().join("\t")
}

fn event(kind: &str, lines: impl Iterator<Item = String>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(kind.as_bytes());
    let mut empty = true;
    for line in lines {
        out.extend_from_slice(b"\ndata: ");
        out.extend_from_slice(line.as_bytes());
        empty = false;
    }
    if empty {
        // An event without data is not delivered; this one must be.
        out.extend_from_slice(b"\ndata:");
    }
    out.extend_from_slice(b"\n\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_stats::ObjectKind;

    fn row(since: u64, sessions: &str, downtime: &str) -> Row {
        Row {
            proxy: "app".to_owned(),
            name: "web1".to_owned(),
            kind: ObjectKind::Server,
            class: "up",
            status: "UP".to_owned(),
            why: String::new(),
            since: Some(since),
            cells: vec![sessions.to_owned(), downtime.to_owned()],
            legend: String::new(),
        }
    }

    #[test]
    fn events_are_framed() {
        let mut out = Vec::new();
        event("rows", [line(&row(7, "1", "3s"))].into_iter(), &mut out);
        event("rows", std::iter::empty(), &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "event: rows\ndata: app\tweb1\tup\tUP\t\t7\t1\t3s\n\nevent: rows\ndata:\n\n"
        );
    }

    #[test]
    fn time_alone_is_no_change() {
        let hasher = RandomState::new();
        let state = |row: &Row| state(&hasher, row);
        assert_eq!(state(&row(1, "5", "1s")), state(&row(2, "5", "2s")));
        assert_ne!(state(&row(1, "5", "1s")), state(&row(1, "6", "1s")));
    }
}
