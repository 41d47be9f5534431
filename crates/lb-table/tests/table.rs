//! Tables as their users see them: what is found, what goes, and when.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use lb_table::{DataKind, Key, KeyType, Removal, Stored, Table, TableSpec};
use std::hash::RandomState;

fn table(size: usize, expire_ms: Option<u64>, store: &str) -> Table {
    let mut spec = TableSpec { expire_ms, ..TableSpec::new(KeyType::Integer, size) };
    Stored::parse_list(store).unwrap().into_iter().for_each(|stored| spec.store(stored));
    Table::new(spec, RandomState::new())
}

fn keys(table: &Table, now_ms: u64) -> Vec<u32> {
    let entries = (0..table.parts()).flat_map(|part| table.part(part, now_ms));
    let mut keys: Vec<u32> = entries
        .map(|entry| match entry.key() {
            Key::Integer(n) => *n,
            other => panic!("{other:?}"),
        })
        .collect();
    keys.sort_unstable();
    keys
}

fn add(table: &Table, key: u32, now_ms: u64) -> bool {
    table.hold(Key::Integer(key), now_ms).is_some()
}

#[test]
fn a_full_table_drops_the_entry_touched_longest_ago() {
    let table = table(3, Some(60_000), "gpc0");
    for (key, at) in [(1, 10), (2, 20), (3, 30), (1, 40), (4, 50)] {
        assert!(add(&table, key, at));
    }
    assert_eq!((keys(&table, 50), table.used()), (vec![1, 3, 4], 3));
}

#[test]
fn held_entries_stay() {
    let table = table(2, Some(1_000), "gpc0");
    let first = table.hold(Key::Integer(1), 0).unwrap();
    let second = table.hold(Key::Integer(2), 0).unwrap();
    assert!(!add(&table, 3, 5_000));
    assert_eq!(table.remove(&Key::Integer(1)), Removal::InUse);
    table.expire(5_000, 10);
    assert_eq!(keys(&table, 5_000), [1, 2]);
    drop(second);
    assert!(add(&table, 3, 5_000));
    assert_eq!(keys(&table, 5_000), [1, 3]);
    drop(first);
    assert_eq!(table.remove(&Key::Integer(1)), Removal::Removed);
    assert_eq!(table.remove(&Key::Integer(1)), Removal::Absent);
}

#[test]
fn nopurge_refuses_until_something_expires() {
    let mut spec = TableSpec { expire_ms: Some(100), ..TableSpec::new(KeyType::Integer, 2) };
    spec.nopurge = true;
    let table = Table::new(spec, RandomState::new());
    assert!(add(&table, 1, 0) && add(&table, 2, 50));
    assert!(!add(&table, 3, 60));
    assert!(add(&table, 3, 100));
    assert_eq!(keys(&table, 100), [2, 3]);
}

#[test]
fn expired_entries_are_gone_before_anybody_drops_them() {
    let table = table(10, Some(100), "gpc0");
    table.hold(Key::Integer(1), 0).unwrap().add(DataKind::Gpc0, 0, 5, 0);
    assert_eq!(table.peek(&Key::Integer(1), 99).and_then(|e| e.value(DataKind::Gpc0, 0, 99)), Some(5));
    assert!(table.peek(&Key::Integer(1), 100).is_none());
    assert_eq!(keys(&table, 100), []);
    // A new entry of the same key begins anew.
    assert_eq!(table.hold(Key::Integer(1), 150).and_then(|e| e.value(DataKind::Gpc0, 0, 150)), Some(0));
    assert_eq!(table.used(), 1);
    table.expire(250, 10);
    assert_eq!(table.used(), 0);
}

#[test]
fn looking_does_not_keep_alive_and_touching_does() {
    let table = table(10, Some(100), "gpc0");
    assert!(add(&table, 1, 0) && add(&table, 2, 0));
    assert!(table.peek(&Key::Integer(1), 80).is_some());
    assert!(add(&table, 2, 80));
    table.expire(120, 10);
    assert_eq!((keys(&table, 120), table.used()), (vec![2], 1));
    let entry = table.peek(&Key::Integer(2), 120).unwrap();
    assert_eq!((entry.expires_in_ms(120), entry.idle_ms(120)), (60, 40));
}

#[test]
fn arrays_stand_for_the_single_counters() {
    let table = table(10, None, "gpt(2),gpc(3),gpc_rate(2,10s)");
    let entry = table.hold(Key::Integer(5), 0).unwrap();
    entry.add(DataKind::Gpc1, 0, 4, 0);
    entry.set(DataKind::Gpt0, 0, 9, 0);
    entry.add(DataKind::GpcRate, 1, 2, 0);
    assert_eq!(entry.value(DataKind::Gpc, 1, 0), Some(4));
    assert_eq!(entry.value(DataKind::Gpc1Rate, 0, 0), Some(2));
    assert_eq!(entry.value(DataKind::Gpc, 3, 0), None);
    assert_eq!(entry.value(DataKind::ConnCnt, 0, 0), None);
    let mut line = String::new();
    entry.print(0, &mut line);
    assert_eq!(line, " gpt0=9 gpt1=0 gpc0=0 gpc1=4 gpc2=0 gpc0_rate(10000)=0 gpc1_rate(10000)=2");
}

#[test]
fn small_numbers_wrap_and_totals_do_not() {
    let table = table(10, None, "gpc0,bytes_in_cnt,conn_cur");
    let entry = table.hold(Key::Integer(5), 0).unwrap();
    let most = u64::from(u32::MAX);
    for kind in [DataKind::Gpc0, DataKind::BytesInCnt] {
        entry.set(kind, 0, most, 0);
        entry.add(kind, 0, 1, 0);
    }
    entry.subtract(DataKind::ConnCur, 1, 0);
    let read = [DataKind::Gpc0, DataKind::BytesInCnt, DataKind::ConnCur].map(|kind| entry.value(kind, 0, 0));
    assert_eq!(read, [Some(0), Some(most + 1), Some(0)]);
}

#[test]
fn a_large_table_never_holds_more_than_its_size() {
    let table = table(5_000, Some(1_000_000), "gpc0");
    assert!(table.parts() > 1);
    for key in 0..20_000 {
        assert!(add(&table, key, u64::from(key)));
        assert!(table.used() <= 5_000);
    }
    assert_eq!(keys(&table, 20_000).len(), table.used());
}

#[test]
fn threads_lose_no_count() {
    let table = table(64, Some(60_000), "gpc0,http_req_cnt");
    std::thread::scope(|scope| {
        for thread in 0..4_u32 {
            let table = &table;
            scope.spawn(move || {
                for round in 0..20_000_u32 {
                    let key = Key::Integer((round + thread) % 64);
                    let entry = table.hold(key, 0).unwrap();
                    entry.add(DataKind::Gpc0, 0, 1, 0);
                    entry.add(DataKind::HttpReqCnt, 0, 2, 0);
                }
            });
        }
    });
    let sum = |kind| -> u64 { table.part(0, 0).iter().filter_map(|entry| entry.value(kind, 0, 0)).sum() };
    assert_eq!((sum(DataKind::Gpc0), sum(DataKind::HttpReqCnt)), (80_000, 160_000));
    assert!(table.part(0, 0).iter().all(|entry| entry.uses() == 0));
}

#[test]
fn threads_that_fill_a_table_leave_no_more_than_its_size() {
    let table = table(3_000, Some(60_000), "gpc0");
    std::thread::scope(|scope| {
        for thread in 0..4_u32 {
            let table = &table;
            scope.spawn(move || (0..10_000).for_each(|n| drop(table.hold(Key::Integer(n * 4 + thread), u64::from(n)))));
        }
    });
    assert_eq!(keys(&table, 10_000).len(), table.used());
    assert!(table.used() <= 3_000);
}
