//! Stick tables and the rules that use them.

use super::{good, shown};
use crate::model::*;
use lb_table::{DataKind, KeyType, ServerKey};

const HEAD: &str = "defaults\n mode http\n timeout client 1s\n timeout server 1s\n timeout connect 1s\n";

fn with(lines: &str) -> String {
    let lines = lines.replace(" / ", "\n ");
    format!("{HEAD}backend tt\n stick-table type string size 10\nlisten b\n bind :1\n server s 1.2.3.4:80\n {lines}\n")
}

/// The messages, each without its position and the line shown below it.
fn complaints(lines: &str) -> Vec<String> {
    let text = shown(&with(lines));
    let messages = text.lines().filter(|line| line.starts_with("[ALERT]") || line.starts_with("[WARNING]"));
    messages
        .filter_map(|line| line.split_once("] : ").map_or(line.split_once("config : "), Some))
        .map(|(_, m)| m.into())
        .collect()
}

#[test]
fn declarations() {
    let config = good(&with(
        "stick-table type binary len 20 size 1m expire 30m nopurge srvkey addr store gpc0,http_req_rate(10s) store conn_cur",
    ));
    assert_eq!(config.tables.iter().map(|t| &*t.name).collect::<Vec<_>>(), ["tt", "b"]);
    let spec = &config.tables[1].spec;
    assert_eq!((spec.key, spec.size, spec.expire_ms), (KeyType::Binary(20), 1 << 20, Some(1_800_000)));
    assert_eq!((spec.nopurge, spec.server_key), (true, ServerKey::Addr));
    let kinds: Vec<_> = spec.data.iter().map(|s| (s.kind, s.period_ms)).collect();
    assert_eq!(kinds, [(DataKind::Gpc0, 0), (DataKind::ConnCur, 0), (DataKind::HttpReqRate, 10_000)]);
    assert_eq!(config.tables[0].spec.key, KeyType::String(32));
    assert_eq!(config.proxies[1].table, Some(TableIdx(1)));
}

#[test]
fn wrong_declarations() {
    for (line, complaint) in [
        ("stick-table type ip", "stick-table: missing size."),
        ("stick-table size 10", "stick-table: missing type."),
        ("stick-table type foo size 10", "stick-table: unknown type 'foo'."),
        ("stick-table type ip size 0", "stick-table: missing size."),
        ("stick-table type ip size 10 expire", "stick-table: missing argument after 'expire'."),
        ("stick-table type ip size 10 foo", "stick-table: unknown argument 'foo'."),
        ("stick-table type ip size 10 store foo", "stick-table: unknown store option 'foo'."),
        ("stick-table type ip size 10 store conn_rate", "stick-table: missing argument to store option 'conn_rate'."),
        ("stick-table type ip size 10 store gpc0(3)", "stick-table: unexpected argument to store option 'gpc0'."),
        ("stick-table type ip size 10 store gpc(101)", "stick-table: invalid argument to store option 'gpc'."),
        (
            "stick-table type ip size 10 store gpc0,gpc(2)",
            "stick-table: simultaneous usage of 'gpc' and 'gpc[0/1]' in a same table is not permitted as 'gpc' \
             overrides 'gpc[0/1]'.",
        ),
        ("stick-table type ip size 10 srvkey foo", "stick-table: unknown server key type 'foo'."),
        ("stick-table type string len 0 size 10", "stick-table: 'len' expects a number from 1 to 65535, not '0'."),
        ("stick-table type ip size 1 store gpc0,gpc0", "stick-table: store option 'gpc0' already enabled, ignored."),
    ] {
        assert_eq!(complaints(line).first().map(String::as_str), Some(complaint), "{line}");
    }
    let twice = complaints("stick-table type ip size 10 / stick-table type ip size 10");
    assert_eq!(twice, ["stick-table name 'b' conflicts with table declared in proxy 'b' at a.cfg:11."]);
}

#[test]
fn rules_find_their_tables() {
    let config = good(&with(
        "stick-table type ip size 10 store gpc0 / tcp-request connection track-sc0 src / \
         tcp-request session track-sc1 src table b / http-request track-sc2 hdr(x) table tt / \
         http-request sc-inc-gpc0(0) / http-request sc-set-gpt(3,1) int(4) / http-response sc-add-gpc(2,0) 5 / \
         http-request deny if { sc0_http_req_rate gt 3 } or { src_get_gpc0 gt 1 } or { src,in_table(b) } / \
         stick on src / stick store-response res.hdr(x) table tt if { status 200 }",
    ));
    let proxy = &config.proxies[1];
    let stages: Vec<_> = proxy
        .tcp_request
        .iter()
        .map(|rule| match &rule.action {
            TcpAction::Track(track) => (rule.stage, track.counter, track.table.index),
            other => panic!("{other:?}"),
        })
        .collect();
    let own = Some(TableIdx(1));
    assert_eq!(stages, [(TcpStage::Connection, 0, own), (TcpStage::Session, 1, own)]);
    let HttpAction::Track(track) = &proxy.http_request[0].action else { panic!() };
    assert_eq!((track.counter, track.table.index), (2, Some(TableIdx(0))));
    let HttpAction::Count(count) = &proxy.http_request[1].action else { panic!() };
    assert!(matches!(count, Count { counter: 0, change: CountChange::Add(0, Number::Fixed(1)) }));
    let HttpAction::Count(count) = &proxy.http_request[2].action else { panic!() };
    assert!(matches!(count, Count { counter: 1, change: CountChange::Tag(3, Number::Of(_)) }));
    let HttpAction::Count(count) = &proxy.http_response[0].action else { panic!() };
    assert!(matches!(count, Count { counter: 0, change: CountChange::Add(2, Number::Fixed(5)) }));
    let sticks: Vec<_> =
        proxy.stick_rules.iter().map(|r| (r.matches, r.stores, r.stores_response, r.table.index)).collect();
    assert_eq!(sticks, [(true, true, false, own), (false, false, true, Some(TableIdx(0)))]);
    // What binds keys to servers is kept without being asked for.
    assert!(config.tables.iter().all(|table| table.spec.stores(DataKind::ServerId)));
}

#[test]
fn wrong_rules() {
    for (line, complaint) in [
        ("stick foo", "'stick' expects 'on', 'match', 'store-request' or 'store-response'."),
        ("stick on", "'stick' expects a fetch method."),
        ("stick on foo", "'stick': unknown fetch method 'foo'."),
        ("stick on src", "Proxy 'b': unable to find stick-table 'b'."),
        ("stick on src table nope", "Proxy 'b': unable to find stick-table 'nope'."),
        ("stick on src foo", "'stick': unknown keyword 'foo'."),
        (
            "stick on src table tt if foo",
            "'stick': error detected while parsing sticking condition : no such ACL : 'foo'.",
        ),
        ("http-request track-sc0 src", "Proxy 'b': unable to find table 'b' referenced by track-sc0."),
        (
            "http-request track-sc3 src table tt",
            "error detected in proxy 'b' while parsing 'http-request track-sc3' rule : 3 track-sc number exceeding 2 \
             (tune.stick-counters-1) value.",
        ),
        (
            "http-request sc-inc-gpc0(5)",
            "error detected in proxy 'b' while parsing 'http-request sc-inc-gpc0(5)' rule : invalid stick table track \
             ID. The max allowed ID is 2.",
        ),
        (
            "http-request sc-inc-gpc(0)",
            "error detected in proxy 'b' while parsing 'http-request sc-inc-gpc(0)' rule : Missing ID \
             'sc-inc-gpc(0)'. Expects sc-inc-gpc(<ID>,<Track ID>).",
        ),
        (
            "http-request deny if { src_get_gpc0 gt 1 }",
            "unable to find table 'b', referenced in an expression of proxy 'b'.",
        ),
        (
            "http-request deny if { path,table_gpc0(nope) gt 1 }",
            "unable to find table 'nope', referenced in an expression of proxy 'b'.",
        ),
        (
            "stick-table type ip size 3 / http-request track-sc0 bool(true)",
            "Proxy 'b': stick-table 'b' uses a type incompatible with the 'track-sc0' rule.",
        ),
        (
            "http-request deny if { sc_http_req_cnt(4) gt 1 }",
            "counter 4 tracks nothing: the last one is 2 (tune.stick-counters).",
        ),
    ] {
        assert_eq!(complaints(line).first().map(String::as_str), Some(complaint), "{line}");
    }
}

#[test]
fn sections_of_peers_hold_tables_and_say_what_they_do_not_do() {
    let section = "peers mates\n bind :1024\n peer a\n peer b 10.0.0.1:1024\n table t type ip size 10 store gpc0\n";
    let rest = with("stick-table type ip size 1 peers mates / http-request track-sc0 src table mates/t");
    let text = format!("{section}{rest}");
    let warning = "peers section 'mates': stick tables are not exchanged with peers (a, b). They are this process's own, \
                   and empty after a reload. Add 'disabled' to the section if that will do.";
    assert!(shown(&text).contains(warning), "{}", shown(&text));
    let quiet = format!("{section} disabled\n{rest}");
    assert_eq!(shown(&quiet), "");
    let config = good(&quiet);
    assert_eq!(config.tables.iter().map(|t| &*t.name).collect::<Vec<_>>(), ["mates/t", "tt", "b"]);
    assert_eq!(config.peers.iter().map(|name| &**name).collect::<Vec<_>>(), ["mates"]);
    for (text, complaint) in [
        (with("stick-table type ip size 1 peers nope"), "Proxy 'b': unable to find sync peers 'nope'."),
        ("peers\n".to_owned(), "missing name for peers section."),
        ("peers x\n foo\n".to_owned(), "unknown keyword 'foo' in 'peers' section"),
        ("peers x\n peer a\n peer a\n".to_owned(), "peer 'a' is in peers section 'x' already."),
        ("peers x\n table t size 3\n".to_owned(), "stick-table: missing type."),
    ] {
        assert!(shown(&text).contains(complaint), "{}", shown(&text));
    }
}

#[test]
fn more_counters_are_allowed_when_asked_for() {
    let text = format!("global\n tune.stick-counters 5\n{}", with("http-request track-sc4 src table tt"));
    assert_eq!(good(&text).global.stick_counters, Some(5));
}
