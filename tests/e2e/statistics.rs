//! The numbers of `show stat` after known traffic, beside the oracle's.

use crate::check_eq;
use crate::support::{HEAD, both, same, start};
use anyhow::{Context, Result};
use lb_testkit::client::{Client, get};
use lb_testkit::{Engine, Origin, Program, until};
use std::collections::BTreeMap;

const PROXIES: &str = "
frontend fe
    bind 127.0.0.1:{port:fe} name main
    bind 127.0.0.1:{port:second}
    option socket-stats
    http-request deny if { path /denied }
    use_backend closed if { path /closed }
    use_backend bad if { path /bad }
    default_backend app
backend bad
    http-response deny if { status 200 }
    server b1 {o1}
backend closed
    retries 1
    timeout connect 500ms
    server c1 127.0.0.1:1
backend app
    server s1 {o1}
frontend raw
    mode tcp
    option socket-stats
    bind 127.0.0.1:{port:raw}
    default_backend rawb
backend rawb
    mode tcp
    server r1 {o1}
";

/// Columns that both versions have and that do not depend on the words of pages or on time.
const COLUMNS: &[&str] = &[
    "scur",
    "stot",
    "dreq",
    "dresp",
    "ereq",
    "econ",
    "eresp",
    "wretr",
    "wredis",
    "status",
    "iid",
    "sid",
    "type",
    "lbtot",
    "hrsp_1xx",
    "hrsp_2xx",
    "hrsp_3xx",
    "hrsp_4xx",
    "hrsp_5xx",
    "hrsp_other",
    "req_tot",
    "cli_abrt",
    "srv_abrt",
    "mode",
    "conn_tot",
    "intercepted",
    "dcon",
    "dses",
    "wrew",
    "connect",
    "reuse",
    "eint",
];

fn with_traffic(engine: &Engine) -> Result<(Program, Origin)> {
    let origin = Origin::http("o1")?;
    let program = start(engine, &[("o1", &origin)], &format!("{HEAD}{PROXIES}"))?;
    for _ in 0..3 {
        check_eq!(get(program.address("fe"), "/")?.status, 200);
    }
    check_eq!(get(program.address("second"), "/")?.status, 200);
    check_eq!(get(program.address("second"), "/denied")?.status, 403);
    check_eq!(get(program.address("fe"), "/bad")?.status, 502);
    check_eq!(get(program.address("fe"), "/closed")?.status, 503);
    let mut bad = Client::connect(program.address("fe"))?;
    bad.send("GET / HTTP/1.1\r\nBad header\r\n\r\n")?;
    check_eq!(bad.response()?.status, 400);
    check_eq!(get(program.address("raw"), "/")?.status, 200);
    until("all sessions to be over", || {
        let idle = |proxy: &str| program.admin().stat(proxy, "FRONTEND", "scur").is_ok_and(|scur| scur == "0");
        (idle("fe") && idle("raw")).then_some(())
    })?;
    Ok((program, origin))
}

/// The rows of `show stat`, by proxy and name.
fn rows(program: &Program, what: &str) -> Result<BTreeMap<(String, String), BTreeMap<String, String>>> {
    let answer = program.admin().ask(what)?;
    let header = answer.lines().next().context("a header")?.trim_start_matches("# ");
    let columns: Vec<&str> = header.split(',').collect();
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        let name = (cells.first()?.to_string(), cells.get(1)?.to_string());
        Some((name, columns.iter().zip(&cells).map(|(c, v)| (c.to_string(), v.to_string())).collect()))
    };
    Ok(answer.lines().skip(1).filter(|line| !line.is_empty()).filter_map(row).collect())
}

#[test]
fn counters_are_haproxys() {
    same(|engine| {
        let (program, _origin) = with_traffic(engine)?;
        let all = rows(&program, "show stat")?;
        let kept = |row: BTreeMap<String, String>| {
            // 2.6 does not tell a listener's connections.
            let is_listener = row.get("type").is_some_and(|kind| kind == "3");
            let wanted = |column: &str| COLUMNS.contains(&column) && !(is_listener && column == "conn_tot");
            row.into_iter().filter(|(column, _)| wanted(column)).collect::<BTreeMap<_, _>>()
        };
        Ok(all.into_iter().map(|(name, row)| (name, kept(row))).collect::<Vec<_>>())
    });
}

#[test]
fn listeners_have_rows_when_asked_for() {
    both(|engine| {
        let (program, _origin) = with_traffic(engine)?;
        let listeners = rows(&program, "show stat fe 8 -1")?;
        let names: Vec<&str> = listeners.keys().map(|(_, name)| name.as_str()).collect();
        check_eq!(names, ["main", "sock-2"]);
        check_eq!(rows(&program, "show stat fe 8 2")?.len(), 1);
        let row = &listeners[&("fe".to_owned(), "main".to_owned())];
        check_eq!(row["addr"], program.address("fe").to_string());
        let bytes = |proxy: &str, name: &str, column: &str| -> Result<u64> {
            Ok(program.admin().stat(proxy, name, column)?.parse()?)
        };
        for column in ["bin", "bout", "stot"] {
            let sum = bytes("fe", "main", column)? + bytes("fe", "sock-2", column)?;
            check_eq!(sum, bytes("fe", "FRONTEND", column)?, "{column}");
        }
        Ok(())
    });
}

#[test]
fn bytes_are_told_for_both_sides() {
    let engine = Engine::subject().unwrap();
    if engine.name() != "lbd" {
        return;
    }
    let (program, _origin) = with_traffic(&engine).unwrap();
    let number = |proxy: &str, name: &str, column: &str| -> u64 {
        program.admin().stat(proxy, name, column).unwrap().parse().unwrap()
    };
    for (proxy, name) in [("fe", "FRONTEND"), ("app", "BACKEND"), ("app", "s1"), ("raw", "FRONTEND"), ("rawb", "r1")] {
        assert_eq!(number(proxy, name, "reqbin"), number(proxy, name, "bin"), "{name}");
        assert_eq!(number(proxy, name, "resbout"), number(proxy, name, "bout"), "{name}");
        for column in ["reqbout", "resbin"] {
            assert!(number(proxy, name, column) > 0, "{proxy} {name} {column}");
        }
    }
    // What passes a TCP proxy is what came; the denied request never reached a server.
    assert_eq!(number("rawb", "r1", "reqbin"), number("rawb", "r1", "reqbout"));
    assert!(number("fe", "FRONTEND", "reqbout") < number("fe", "FRONTEND", "reqbin") + 4 * 64);
    // The bad request's answer belongs to the connection, not to an exchange.
    assert!(number("fe", "FRONTEND", "h1_bytes_out") > number("fe", "FRONTEND", "bout"));
    assert_eq!(number("app", "BACKEND", "h1_total_streams"), 4);
}

/// Requests that both refuse, each wrong in one place.
const BAD: &[&str] = &[
    "GET /x y z HTTP/1.1\r\nHost: a\r\n\r\n",
    "G@T / HTTP/1.1\r\n\r\n",
    "GET /\u{1} HTTP/1.1\r\n\r\n",
    "GET / HTTP/1.1\r\nA: 1\r\nBad header\r\n\r\n",
    "GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "\r\nGET /x y HTTP/1.1\r\n\r\n",
    "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n",
];

#[test]
fn captured_requests_tell_where_they_are_wrong() {
    same(|engine| {
        let origin = Origin::http("o1")?;
        let program = start(engine, &[("o1", &origin)], &format!("{HEAD}{PROXIES}"))?;
        let mut seen = Vec::new();
        for request in BAD {
            let mut client = Client::connect(program.address("fe"))?;
            client.send(request)?;
            check_eq!(client.response()?.status, 400, "{request:?}");
            let answer = program.admin().ask("show errors fe request")?;
            let fact = |mark: &str| {
                let rest = answer.split(mark).nth(1).unwrap_or_default();
                rest.split([',', '\n']).next().unwrap_or_default().to_owned()
            };
            let dump: Vec<String> =
                answer.lines().filter(|line| line.starts_with("  0")).map(ToOwned::to_owned).collect();
            seen.push((request.to_owned(), fact("  len "), fact("error at position "), dump));
        }
        check_eq!(program.admin().ask("show errors fe response")?.lines().count(), 2);
        check_eq!(program.admin().ask("show errors app")?.lines().count(), 2);
        Ok(seen)
    });
}
