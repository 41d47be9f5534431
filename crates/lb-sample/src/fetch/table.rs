//! Stick tables: what a stream's counters track, what is known of the client's address, how full a table is.

use super::{Fetch, row};
use crate::args::{Arg, ArgKind};
use crate::place::Source;
use crate::sample::Type;
use crate::{Context, EntryQuery, Sample, Subject, TableNumber};
use lb_table::DataKind;

/// The table named at that position.
pub(crate) fn table(args: &[Arg], at: usize) -> Option<&str> {
    match args.get(at) {
        Some(Arg::Proxy(name)) => name.as_deref(),
        _ => None,
    }
}

/// A number that is an index.
pub(crate) fn index(args: &[Arg], at: usize) -> usize {
    Arg::int(args, at).and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX)
}

fn ask<'a>(ctx: &dyn Context, table: Option<&str>, subject: Subject<'_>, query: EntryQuery) -> Option<Sample<'a>> {
    ctx.entry_number(table, subject, query).map(Sample::Int)
}

/// The five fetches of one query: of the counter named by an argument, of the first three, of the client's address.
macro_rules! entry {
    (@numbered $name:expr, $counter:literal, $query:expr) => {
        row($name, Type::Int, Source::Internal, |ctx, args| {
            ask(ctx, table(args, 0), Subject::Counter($counter), $query)
        })
        .args(&[ArgKind::Table], 0)
    };
    ($sc:expr, $sc0:expr, $sc1:expr, $sc2:expr, $src:expr, $query:expr) => {
        [
            row($sc, Type::Int, Source::Internal, |ctx, args| {
                ask(ctx, table(args, 1), Subject::Counter(index(args, 0)), $query)
            })
            .args(&[ArgKind::Counter, ArgKind::Table], 1),
            entry!(@numbered $sc0, 0, $query),
            entry!(@numbered $sc1, 1, $query),
            entry!(@numbered $sc2, 2, $query),
            row($src, Type::Int, Source::Client, |ctx, args| ask(ctx, table(args, 0), Subject::Source, $query))
                .args(&[ArgKind::Table], 0),
        ]
    };
}

/// The two fetches of an element of an array.
macro_rules! element {
    ($sc:literal, $src:literal, $query:expr) => {
        [
            row($sc, Type::Int, Source::Internal, |ctx, args| {
                let query: fn(usize) -> EntryQuery = $query;
                ask(ctx, table(args, 2), Subject::Counter(index(args, 1)), query(index(args, 0)))
            })
            .args(&[ArgKind::Int, ArgKind::Counter, ArgKind::Table], 2),
            row($src, Type::Int, Source::Client, |ctx, args| {
                let query: fn(usize) -> EntryQuery = $query;
                ask(ctx, table(args, 1), Subject::Source, query(index(args, 0)))
            })
            .args(&[ArgKind::Int, ArgKind::Table], 1),
        ]
    };
}

/// A number kept in entries.
macro_rules! value {
    ($name:literal, $kind:ident) => {
        entry!(
            concat!("sc_", $name),
            concat!("sc0_", $name),
            concat!("sc1_", $name),
            concat!("sc2_", $name),
            concat!("src_", $name),
            EntryQuery::Value(DataKind::$kind, 0)
        )
    };
}

const OF_ENTRIES: &[[Fetch; 5]] = &[
    value!("get_gpt0", Gpt0),
    value!("get_gpc0", Gpc0),
    value!("get_gpc1", Gpc1),
    value!("gpc0_rate", Gpc0Rate),
    value!("gpc1_rate", Gpc1Rate),
    value!("conn_cnt", ConnCnt),
    value!("conn_cur", ConnCur),
    value!("conn_rate", ConnRate),
    value!("sess_cnt", SessCnt),
    value!("sess_rate", SessRate),
    value!("http_req_cnt", HttpReqCnt),
    value!("http_req_rate", HttpReqRate),
    value!("http_err_cnt", HttpErrCnt),
    value!("http_err_rate", HttpErrRate),
    value!("http_fail_cnt", HttpFailCnt),
    value!("http_fail_rate", HttpFailRate),
    value!("bytes_in_rate", BytesInRate),
    value!("bytes_out_rate", BytesOutRate),
    value!("glitch_cnt", GlitchCnt),
    value!("glitch_rate", GlitchRate),
    entry!(
        "sc_kbytes_in",
        "sc0_kbytes_in",
        "sc1_kbytes_in",
        "sc2_kbytes_in",
        "src_kbytes_in",
        EntryQuery::Kilo(DataKind::BytesInCnt)
    ),
    entry!(
        "sc_kbytes_out",
        "sc0_kbytes_out",
        "sc1_kbytes_out",
        "sc2_kbytes_out",
        "src_kbytes_out",
        EntryQuery::Kilo(DataKind::BytesOutCnt)
    ),
    entry!("sc_inc_gpc0", "sc0_inc_gpc0", "sc1_inc_gpc0", "sc2_inc_gpc0", "src_inc_gpc0", EntryQuery::Increment(0)),
    entry!("sc_inc_gpc1", "sc0_inc_gpc1", "sc1_inc_gpc1", "sc2_inc_gpc1", "src_inc_gpc1", EntryQuery::Increment(1)),
    entry!("sc_clr_gpc0", "sc0_clr_gpc0", "sc1_clr_gpc0", "sc2_clr_gpc0", "src_clr_gpc0", EntryQuery::Clear(0)),
    entry!("sc_clr_gpc1", "sc0_clr_gpc1", "sc1_clr_gpc1", "sc2_clr_gpc1", "src_clr_gpc1", EntryQuery::Clear(1)),
];

/// Fetches of what entries hold.
pub(super) const ENTRIES: &[Fetch] = OF_ENTRIES.as_flattened();

const OF_ELEMENTS: &[[Fetch; 2]] = &[
    element!("sc_get_gpc", "src_get_gpc", |at| EntryQuery::Value(DataKind::Gpc, at)),
    element!("sc_get_gpt", "src_get_gpt", |at| EntryQuery::Value(DataKind::Gpt, at)),
    element!("sc_gpc_rate", "src_gpc_rate", |at| EntryQuery::Value(DataKind::GpcRate, at)),
    element!("sc_inc_gpc", "src_inc_gpc", EntryQuery::Increment),
    element!("sc_clr_gpc", "src_clr_gpc", EntryQuery::Clear),
];

/// Fetches of elements of entries' arrays.
pub(super) const ELEMENTS: &[Fetch] = OF_ELEMENTS.as_flattened();

/// A counter's fetches that are not numbers kept in its entry.
macro_rules! counter {
    ($counter:literal, $tracked:literal, $trackers:literal, $key:literal) => {
        [
            row($tracked, Type::Bool, Source::Internal, |ctx, args| {
                let found = ctx.entry_number(table(args, 0), Subject::Counter($counter), EntryQuery::Exists);
                Some(Sample::Bool(found.is_some_and(|n| n != 0)))
            })
            .args(&[ArgKind::Table], 0),
            row($trackers, Type::Int, Source::Internal, |ctx, args| {
                ask(ctx, table(args, 0), Subject::Counter($counter), EntryQuery::Holders)
            })
            .args(&[ArgKind::Table], 0),
            row($key, Type::Any, Source::Internal, |ctx, _| ctx.tracked_key($counter)),
        ]
    };
}

const OF_COUNTERS: &[[Fetch; 3]] = &[
    counter!(0, "sc0_tracked", "sc0_trackers", "sc0_key"),
    counter!(1, "sc1_tracked", "sc1_trackers", "sc1_key"),
    counter!(2, "sc2_tracked", "sc2_trackers", "sc2_key"),
    [
        row("sc_tracked", Type::Bool, Source::Internal, |ctx, args| {
            let subject = Subject::Counter(index(args, 0));
            let found = ctx.entry_number(table(args, 1), subject, EntryQuery::Exists);
            Some(Sample::Bool(found.is_some_and(|n| n != 0)))
        })
        .args(&[ArgKind::Counter, ArgKind::Table], 1),
        row("sc_trackers", Type::Int, Source::Internal, |ctx, args| {
            ask(ctx, table(args, 1), Subject::Counter(index(args, 0)), EntryQuery::Holders)
        })
        .args(&[ArgKind::Counter, ArgKind::Table], 1),
        row("sc_key", Type::Any, Source::Internal, |ctx, args| ctx.tracked_key(index(args, 0)))
            .args(&[ArgKind::Counter], 1),
    ],
];

/// Fetches of the counters themselves.
pub(super) const COUNTERS: &[Fetch] = OF_COUNTERS.as_flattened();

/// Fetches of tables.
pub(super) const TABLES: &[Fetch] = &[
    row("src_updt_conn_cnt", Type::Int, Source::Client, |ctx, args| {
        ask(ctx, table(args, 0), Subject::Source, EntryQuery::CountConnection)
    })
    .args(&[ArgKind::Table], 0),
    row("table_cnt", Type::Int, Source::Internal, |ctx, args| {
        ctx.table_number(table(args, 0), TableNumber::Used).map(Sample::Int)
    })
    .args(&[ArgKind::Table], 0),
    row("table_avl", Type::Int, Source::Internal, |ctx, args| {
        ctx.table_number(table(args, 0), TableNumber::Available).map(Sample::Int)
    })
    .args(&[ArgKind::Table], 0),
];
