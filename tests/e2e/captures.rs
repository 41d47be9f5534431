//! What log lines keep of messages, unique ids and levels of lines, beside the oracle.

use crate::support::{HEAD, launch, same};
use lb_testkit::client::Client;
use lb_testkit::{Normaliser, Origin, SyslogSink, free_port, until};

const CONFIG: &str = "\
frontend fe
    bind 127.0.0.1:{port:fe}
    unique-id-format %{+X}o%ci-%fi-%[path]-%rt
    unique-id-header X-Unique-ID
    log-format \"%HP %ST %tsc %CC %CS %hr %hs|%hr|%hs|%hrl|%hsl|%{+Q}hr|%{+Q}hrl|%{+Q}CC|%[capture.req.hdr(1)]|%[capture.res.hdr(0)]|\"
    declare capture request len 6
    capture request header User-Agent len 8
    capture request header X-A len 64
    capture response header Server len 5
    capture response header X-B len 64
    capture cookie SID len 12
    http-request capture req.hdr(x-c) len 5
    http-request capture path id 0
    http-request set-log-level err if { path /err }
    http-request set-log-level silent if { path /silent }
    http-request deny if { path /denied }
    http-request return status 204 if { path /own }
    http-response set-log-level crit if { status 404 }
    http-response set-header x-kept \"%[capture.req.hdr(0)],%[capture.req.hdr(1)],%[capture.req.hdr(2)],%[capture.req.hdr(3)],%[capture.req.hdr(4)],%[capture.req.method],%[capture.req.uri],%[capture.res.hdr(0)],%HM\"
    use_backend dead if { path /dead }
    default_backend app
backend app
    http-response capture res.hdr(content-length) id 1
    http-response deny if { status 410 }
    server s1 {o1}
backend dead
    server s1 127.0.0.1:{dead}
listen exact
    bind 127.0.0.1:{port:exact}
    log-format \"%HP %ST %tsc %CC %CS %hr %hs\"
    capture cookie SID= len 32
    capture response header nothing len 5
    server s1 {o1}
";

/// Paths and fields of requests.
const REQUESTS: &[(&str, &str)] = &[
    ("/", ""),
    ("/long/path?with=query", "User-Agent: agent007-and-more\r\nX-A: one\r\nX-A: two,th{r}e|e\r\nX-C: 123456789\r\n"),
    ("/cookies", "Cookie: a=1; SIDx=2; SID=3\r\nCookie: SID=4\r\n"),
    ("/long", "Cookie: b; SID=0123456789abcdef\r\n"),
    ("/bytes", "X-A: tab\there \"quoted\"\r\n"),
    ("/denied", "X-A: a\r\nCookie: SID=9\r\n"),
    ("/own", "X-A: a\r\nCookie: SID=9\r\n"),
    ("/dead", "X-A: a\r\nCookie: SID=9\r\n"),
    ("/err", ""),
    ("/silent", ""),
    ("/status/404", ""),
    ("/status/410", "Cookie: SID=9\r\n"),
];

#[test]
fn parts_of_messages_are_kept_as_on_the_oracle() {
    same(|engine| {
        let log = SyslogSink::udp()?;
        let origin = Origin::http("o1")?;
        let head = HEAD
            .replace("    maxconn 500", "    maxconn 500\n    log {log} local0")
            .replace("mode http", "mode http\n    log global\n    retries 0");
        let launch = launch(engine, &[("o1", &origin)])?.set("log", log.address()).set("dead", free_port());
        let program = launch.start(&format!("{head}{CONFIG}"))?;
        let mut seen = Vec::new();
        for name in ["fe", "exact"] {
            let address = program.address(name);
            for (path, fields) in REQUESTS {
                let mut client = Client::connect(address)?;
                client.send(format!("GET {path} HTTP/1.1\r\nHost: t\r\n{fields}\r\n"))?;
                let response = client.response()?;
                seen.push((name, path, response.status, response.get("x-kept").map(ToOwned::to_owned)));
            }
            // What is no request has nothing to keep.
            Client::connect(address)?.send("GARBAGE\r\n\r\n")?.read_to_end()?;
        }
        let ids: Vec<Option<String>> = origin
            .requests()
            .iter()
            .map(|request| {
                request.head.get("x-unique-id").map(|id| id.rsplit_once('-').map_or(id, |id| id.0).to_owned())
            })
            .collect();
        // One line is silent.
        let lines = until("the log", || {
            let hide = Normaliser::standard().rule("(lbd|haproxy)\\[", "[");
            let lines: Vec<String> = log.lines().iter().map(|line| hide.apply(line)).collect();
            let lines: Vec<String> = lines.into_iter().filter(|l| l.contains(" /") || l.contains("BADREQ")).collect();
            (lines.len() > 2 * REQUESTS.len()).then_some(lines)
        })?;
        Ok((seen, ids, lines))
    });
}

#[test]
fn one_id_serves_header_log_and_rules() {
    crate::support::both(|engine| {
        let log = SyslogSink::udp()?;
        let origin = Origin::http("o1")?;
        let head = HEAD.replace("    maxconn 500", "    maxconn 500\n    log {log} local0");
        let body = "frontend fe\n    bind 127.0.0.1:{port:fe}\n    log global\n    log-format \"id %ID %[unique-id]\"\n    \
                    unique-id-format %[uuid]\n    unique-id-header x-id\n    http-response set-header x-id %[unique-id]\n    \
                    default_backend app\nbackend app\n    server s1 {o1}\n";
        let program = launch(engine, &[("o1", &origin)])?.set("log", log.address()).start(&format!("{head}{body}"))?;
        let response = Client::connect(program.address("fe"))?.get("/")?;
        let id = response.get("x-id").unwrap_or_default().to_owned();
        crate::check_eq!(id.len(), 36);
        crate::check_eq!(origin.requests()[0].head.get("x-id"), Some(id.as_str()));
        log.await_message(&format!("id {id} {id}"))?;
        Ok(())
    });
}
