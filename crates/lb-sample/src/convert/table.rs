//! Stick tables: what is known of a value.

use super::{Converter, row};
use crate::args::{Arg, ArgKind};
use crate::fetch::table::{index, table};
use crate::sample::Type;
use crate::{EntryQuery, Sample, Subject};
use lb_table::DataKind;

/// A number kept in the value's entry.
macro_rules! value {
    ($name:literal, $query:expr) => {
        row($name, Type::Any, Type::Int, |s, args, ctx| {
            ctx.entry_number(table(args, 0), Subject::Value(&s), $query).map(Sample::Int)
        })
        .args(&[ArgKind::Table], 0)
    };
}

/// An element of an array kept in the value's entry.
macro_rules! element {
    ($name:literal, $query:expr) => {
        row($name, Type::Any, Type::Int, |s, args, ctx| {
            let query: fn(usize) -> EntryQuery = $query;
            ctx.entry_number(table(args, 1), Subject::Value(&s), query(index(args, 0))).map(Sample::Int)
        })
        .args(&[ArgKind::Int, ArgKind::Table], 1)
    };
}

/// A time, or what to give when there is no entry.
macro_rules! time {
    ($name:literal, $query:ident) => {
        row($name, Type::Any, Type::Int, |s, args, ctx| {
            let query = EntryQuery::$query(Arg::int(args, 1));
            ctx.entry_number(table(args, 0), Subject::Value(&s), query).map(Sample::Int)
        })
        .args(&[ArgKind::Table, ArgKind::Int], 0)
    };
}

pub(super) const ROWS: &[Converter] = &[
    row("in_table", Type::Any, Type::Bool, |s, args, ctx| {
        let found = ctx.entry_number(table(args, 0), Subject::Value(&s), EntryQuery::Exists)?;
        Some(Sample::Bool(found != 0))
    })
    .args(&[ArgKind::Table], 0),
    value!("table_server_id", EntryQuery::Value(DataKind::ServerId, 0)),
    value!("table_gpt0", EntryQuery::Value(DataKind::Gpt0, 0)),
    value!("table_gpc0", EntryQuery::Value(DataKind::Gpc0, 0)),
    value!("table_gpc0_rate", EntryQuery::Value(DataKind::Gpc0Rate, 0)),
    value!("table_gpc1", EntryQuery::Value(DataKind::Gpc1, 0)),
    value!("table_gpc1_rate", EntryQuery::Value(DataKind::Gpc1Rate, 0)),
    value!("table_conn_cnt", EntryQuery::Value(DataKind::ConnCnt, 0)),
    value!("table_conn_cur", EntryQuery::Value(DataKind::ConnCur, 0)),
    value!("table_conn_rate", EntryQuery::Value(DataKind::ConnRate, 0)),
    value!("table_sess_cnt", EntryQuery::Value(DataKind::SessCnt, 0)),
    value!("table_sess_rate", EntryQuery::Value(DataKind::SessRate, 0)),
    value!("table_http_req_cnt", EntryQuery::Value(DataKind::HttpReqCnt, 0)),
    value!("table_http_req_rate", EntryQuery::Value(DataKind::HttpReqRate, 0)),
    value!("table_http_err_cnt", EntryQuery::Value(DataKind::HttpErrCnt, 0)),
    value!("table_http_err_rate", EntryQuery::Value(DataKind::HttpErrRate, 0)),
    value!("table_http_fail_cnt", EntryQuery::Value(DataKind::HttpFailCnt, 0)),
    value!("table_http_fail_rate", EntryQuery::Value(DataKind::HttpFailRate, 0)),
    value!("table_bytes_in_rate", EntryQuery::Value(DataKind::BytesInRate, 0)),
    value!("table_bytes_out_rate", EntryQuery::Value(DataKind::BytesOutRate, 0)),
    value!("table_glitch_cnt", EntryQuery::Value(DataKind::GlitchCnt, 0)),
    value!("table_glitch_rate", EntryQuery::Value(DataKind::GlitchRate, 0)),
    value!("table_kbytes_in", EntryQuery::Kilo(DataKind::BytesInCnt)),
    value!("table_kbytes_out", EntryQuery::Kilo(DataKind::BytesOutCnt)),
    value!("table_trackers", EntryQuery::Holders),
    value!("table_inc_gpc0", EntryQuery::Increment(0)),
    value!("table_inc_gpc1", EntryQuery::Increment(1)),
    value!("table_clr_gpc0", EntryQuery::Clear(0)),
    value!("table_clr_gpc1", EntryQuery::Clear(1)),
    element!("table_gpc", |at| EntryQuery::Value(DataKind::Gpc, at)),
    element!("table_gpt", |at| EntryQuery::Value(DataKind::Gpt, at)),
    element!("table_gpc_rate", |at| EntryQuery::Value(DataKind::GpcRate, at)),
    element!("table_inc_gpc", EntryQuery::Increment),
    element!("table_clr_gpc", EntryQuery::Clear),
    time!("table_idle", Idle),
    time!("table_expire", Expire),
];
