//! Malformed and ambiguous requests: what RFC 9112 permits, and what HAProxy does.
//!
//! A row passes when the answer is one the RFC permits, or, where HAProxy is laxer in a way that cannot be used
//! to smuggle, the oracle's. The origin must never see a request that the client's framing did not contain.

use crate::support::simple;
use lb_testkit::client::Client;
use lb_testkit::{Engine, Origin, Program};
use std::time::Duration;

/// What may happen to a request.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Answer {
    /// Forwarded, answered 200.
    Pass,
    /// Refused with this status, the connection closed.
    Refuse(u16),
    /// The RFC leaves it open, so the oracle decides.
    AsOracle,
    /// The RFC lets a lenient server accept what the oracle accepts; refusing it with 400 is as good.
    AsOracleOrStricter,
    /// As the oracle's 3.x: 400 where 2.6 still passes it.
    RefusedSince3,
}
use Answer::{AsOracle, AsOracleOrStricter, Pass, Refuse, RefusedSince3};

struct Row {
    what: &'static str,
    bytes: &'static [u8],
    rfc: Answer,
}

const fn row(what: &'static str, bytes: &'static [u8], rfc: Answer) -> Row {
    Row { what, bytes, rfc }
}

macro_rules! rows {
    ($($answer:expr => { $($what:literal : $bytes:literal,)* })*) => { &[$($(row($what, $bytes, $answer),)*)*] };
}

/// Every request names `/victim` only in bytes that the framing makes a body, or that no valid reading makes a request.
const ROWS: &[Row] = rows! {
    Pass => {
        "plain": b"GET /a HTTP/1.1\r\nHost: t\r\n\r\n",
        "an empty line before the request": b"\r\nGET /a HTTP/1.1\r\nHost: t\r\n\r\n",
        "absolute form": b"GET http://t/a HTTP/1.1\r\nHost: t\r\n\r\n",
        "chunked in capitals": b"POST /a HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n",
        "chunk extension": b"POST /a HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n1;n=v\r\nx\r\n0\r\n\r\n",
        "chunk trailer": b"POST /a HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nA: b\r\n\r\n",
        "leading zeros in a chunk size": b"POST /a HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n0001\r\nx\r\n000\r\n\r\n",
        "empty value": b"GET /a HTTP/1.1\r\nHost: t\r\nA:\r\n\r\n",
        "tabs around a value": b"GET /a HTTP/1.1\r\nHost: t\r\nA:\t b \t\r\n\r\n",
        "bytes above 127 in a value": b"GET /a HTTP/1.1\r\nHost: t\r\nA: \xc3\xa9\xff\r\n\r\n",
        "unknown method": b"FROB /a HTTP/1.1\r\nHost: t\r\n\r\n",
        "GET with a body": b"GET /a HTTP/1.1\r\nHost: t\r\nContent-Length: 38\r\n\r\nGET /victim HTTP/1.1\r\nHost: t\r\nX: yz\r\n",
        "the body looks like a request": b"POST /a HTTP/1.1\r\nHost: t\r\nContent-Length: 33\r\n\r\nGET /victim HTTP/1.1\r\nHost: t\r\n\r\n",
        "a chunk looks like a request": b"POST /a HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n21\r\nGET /victim HTTP/1.1\r\nHost: t\r\n\r\n\r\n0\r\n\r\n",
    }
    AsOracle => {
        "the same length twice": b"POST /a HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
        "the same length in a list": b"POST /a HTTP/1.1\r\nHost: t\r\nContent-Length: 1, 1\r\n\r\nx",
        "no Host": b"GET /a HTTP/1.1\r\nA: b\r\n\r\n",
        "length and chunked": b"POST /a HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
        "chunked in HTTP/1.0": b"POST /a HTTP/1.0\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
        "a gzip coding": b"POST /a HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: gzip\r\n\r\n",
        "gzip, chunked": b"POST /a HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "chunked twice in two fields": b"POST /a HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "a fragment in the target": b"GET /a#b HTTP/1.1\r\nHost: t\r\n\r\n",
        "a quote in the target": b"GET /a\"b HTTP/1.1\r\nHost: t\r\n\r\n",
        "a target without a slash": b"GET a HTTP/1.1\r\nHost: t\r\n\r\n",
        "two equal Hosts": b"GET /a HTTP/1.1\r\nHost: t\r\nHost: t\r\n\r\n",
        "authority unlike Host": b"GET http://u/a HTTP/1.1\r\nHost: t\r\n\r\n",
        "version 1.2": b"GET /a HTTP/1.2\r\nHost: t\r\n\r\n",
        "no version": b"GET /a\r\n\r\n",
        "lower-case version": b"GET /a http/1.1\r\nHost: t\r\n\r\n",
        "CONNECT without a port": b"CONNECT t HTTP/1.1\r\nHost: t\r\n\r\n",
        "OPTIONS *": b"OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n",
        "GET with a body in HTTP/1.0": b"GET /a HTTP/1.0\r\nHost: t\r\nContent-Length: 1\r\n\r\nx",
        "WebSocket without a key": b"GET /ws HTTP/1.1\r\nHost: t\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    }
    AsOracleOrStricter => {
        "LF after a chunk size": b"POST /a HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n",
        "a blank after a chunk size": b"POST /a HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n1 \r\nx\r\n0\r\n\r\n",
        "folded field": b"GET /a HTTP/1.1\r\nHost: t\r\nA: b\r\n c\r\n\r\n",
        "two blanks in the request line": b"GET  /a HTTP/1.1\r\nHost: t\r\n\r\n",
        "a blank after the version": b"GET /a HTTP/1.1 \r\nHost: t\r\n\r\n",
        "a blank before the method": b" GET /a HTTP/1.1\r\nHost: t\r\n\r\n",
        "a tab in the request line": b"GET\t/a HTTP/1.1\r\nHost: t\r\n\r\n",
        "version 2.0": b"GET /a HTTP/2.0\r\nHost: t\r\n\r\n",
        "LF line ends": b"GET /a HTTP/1.1\nHost: t\n\n",
    }
    RefusedSince3 => {
        "NUL in a value": b"GET /a HTTP/1.1\r\nHost: t\r\nA: b\0c\r\n\r\n",
        "GET *": b"GET * HTTP/1.1\r\nHost: t\r\n\r\n",
        "a blank within Host": b"GET /a HTTP/1.1\r\nHost: t u\r\n\r\n",
    }
    Refuse(400) => {
        "two Hosts": b"GET /a HTTP/1.1\r\nHost: t\r\nHost: u\r\n\r\n",
        "different lengths": b"POST /a HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxy",
        "different lengths in a list": b"POST /a HTTP/1.1\r\nHost: t\r\nContent-Length: 1, 2\r\n\r\nxy",
        "a signed length": b"POST /a HTTP/1.1\r\nHost: t\r\nContent-Length: +1\r\n\r\nx",
        "a negative length": b"POST /a HTTP/1.1\r\nHost: t\r\nContent-Length: -1\r\n\r\nx",
        "a hexadecimal length": b"POST /a HTTP/1.1\r\nHost: t\r\nContent-Length: 0x1\r\n\r\nx",
        "an empty length": b"POST /a HTTP/1.1\r\nHost: t\r\nContent-Length:\r\n\r\n",
        "a length of words": b"POST /a HTTP/1.1\r\nHost: t\r\nContent-Length: abc\r\n\r\n",
        "a length beyond 64 bits": b"POST /a HTTP/1.1\r\nHost: t\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "a blank within a length": b"POST /a HTTP/1.1\r\nHost: t\r\nContent-Length: 1 0\r\n\r\n0123456789",
        "an unknown coding": b"POST /a HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "chunked is not last": b"POST /a HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked, x\r\n\r\n0\r\n\r\n",
        "chunked twice in a list": b"POST /a HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        "a quoted coding": b"POST /a HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n",
        "a blank before the colon": b"GET /a HTTP/1.1\r\nHost: t\r\nA : b\r\n\r\n",
        "a blank before the colon of a length": b"POST /a HTTP/1.1\r\nHost: t\r\nContent-Length : 33\r\n\r\nGET /victim HTTP/1.1\r\nHost: t\r\n\r\n",
        "a tab before the colon of a coding": b"POST /a HTTP/1.1\r\nHost: t\r\nTransfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n",
        "a blank within a name": b"GET /a HTTP/1.1\r\nHost: t\r\nA B: c\r\n\r\n",
        "a name that is empty": b"GET /a HTTP/1.1\r\nHost: t\r\n: c\r\n\r\n",
        "a field without a colon": b"GET /a HTTP/1.1\r\nHost: t\r\nnonsense\r\n\r\n",
        "a control character in a name": b"GET /a HTTP/1.1\r\nHost: t\r\nA\x01: b\r\n\r\n",
        "a byte above 127 in a name": b"GET /a HTTP/1.1\r\nHost: t\r\nA\xc3: b\r\n\r\n",
        "a parenthesis in a name": b"GET /a HTTP/1.1\r\nHost: t\r\nA(b): c\r\n\r\n",
        "a bare CR in a value": b"GET /a HTTP/1.1\r\nHost: t\r\nA: b\rc\r\n\r\n",
        "the first field is indented": b"GET /a HTTP/1.1\r\n Host: t\r\n\r\n",
        "a method with a parenthesis": b"GE(T /a HTTP/1.1\r\nHost: t\r\n\r\n",
        "no method": b"/a HTTP/1.1\r\nHost: t\r\n\r\n",
        "a control character in the target": b"GET /a\x01b HTTP/1.1\r\nHost: t\r\n\r\n",
        "a byte above 127 in the target": b"GET /a\xc3\xa9 HTTP/1.1\r\nHost: t\r\n\r\n",
        "a blank in the target": b"GET /a b HTTP/1.1\r\nHost: t\r\n\r\n",
        "a version that is no number": b"GET /a HTTP/x.y\r\nHost: t\r\n\r\n",
        "a version with more digits": b"GET /a HTTP/1.10\r\nHost: t\r\n\r\n",
        "another protocol": b"GET /a ICAP/1.0\r\nHost: t\r\n\r\n",
        "TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        "a chunk size of words": b"POST /a HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\ng\r\nx\r\n0\r\n\r\n",
        "a negative chunk size": b"POST /a HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nx\r\n0\r\n\r\n",
        "a chunk size in C": b"POST /a HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\nx\r\n0\r\n\r\n",
        "an empty chunk size": b"POST /a HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n\r\nx\r\n0\r\n\r\n",
        "a chunk size beyond 64 bits": b"POST /a HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nx\r\n0\r\n\r\n",
        "chunk data longer than its size": b"POST /a HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n",
    }
};

/// Statuses answered until the peer closed or nothing more came, `closed`/`open`, and what the origin saw.
fn outcome(program: &Program, origin: &Origin, bytes: &[u8]) -> String {
    let seen_before = origin.requests().len();
    let mut client = Client::connect(program.address("fe")).unwrap();
    client.offer(bytes);
    let mut statuses = Vec::new();
    let end = loop {
        if client.is_quiet_for(Duration::from_millis(if statuses.is_empty() { 5000 } else { 150 })) {
            break "open";
        }
        match client.response() {
            Ok(response) => statuses.push(response.status.to_string()),
            Err(_) => break "closed",
        }
    };
    let targets: Vec<_> = origin.requests()[seen_before..].iter().map(|r| r.target().to_owned()).collect();
    format!("{} {end} {}", statuses.join(","), targets.join(","))
}

fn outcomes(engine: &Engine) -> Vec<String> {
    let (program, origin) = simple(engine).unwrap();
    ROWS.iter().map(|row| outcome(&program, &origin, row.bytes)).collect()
}

#[test]
fn malformed_requests_are_answered_as_the_rfc_permits() {
    let subject = Engine::subject().unwrap();
    let answers = outcomes(&subject);
    let oracle: Vec<Option<String>> = match Engine::oracle() {
        Some(engine) => outcomes(&engine).into_iter().map(Some).collect(),
        None => vec![None; answers.len()],
    };
    let mut wrong = Vec::new();
    println!("{:<44} {:<28} {:<28} verdict", "request", subject.name(), "haproxy 2.6");
    for ((row, answer), oracle) in ROWS.iter().zip(&answers).zip(&oracle) {
        let status = answer.split(' ').next().unwrap_or_default();
        let is_oracles = oracle.as_ref().is_none_or(|oracle| status == oracle.split(' ').next().unwrap_or_default());
        let good = !answer.contains("/victim")
            && match row.rfc {
                Pass => status == "200",
                Refuse(code) => {
                    let refused = status == code.to_string() && answer.contains("closed");
                    // Early forwarding: the head has passed before the body turned out to be wrong.
                    refused || (is_oracles && oracle.is_some() && status != "200")
                }
                AsOracle => is_oracles,
                AsOracleOrStricter => is_oracles || status == "400",
                RefusedSince3 => status == "400" || subject.is_haproxy,
            };
        let oracle = oracle.as_deref().unwrap_or("-");
        println!("{:<44} {answer:<28} {oracle:<28} {}", row.what, if good { "" } else { "WRONG" });
        if !good {
            wrong.push(format!("{}: {answer}, oracle {oracle}, expected {:?}", row.what, row.rfc));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_table_covers_forty_shapes_once_each() {
    let names: std::collections::BTreeSet<_> = ROWS.iter().map(|row| row.what).collect();
    assert_eq!(names.len(), ROWS.len());
    assert!(ROWS.iter().filter(|row| row.rfc != Pass).count() >= 40);
}
