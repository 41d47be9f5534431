//! When lines are logged, and by whose formats: `log-steps`, `log-profile`, `do-log`. HAProxy 2.6 has none of them: what
//! is expected is what 3.5 documents and was seen to do.

use crate::support::{HEAD, launch};
use anyhow::Result;
use lb_testkit::client::Client;
use lb_testkit::{Engine, Mode, Normaliser, Origin, SyslogSink, until};

const REQUEST: &str = "GET /size/10 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";

/// The lines of one session; nothing on the oracle.
fn lines(
    mode: &str,
    targets: &[&str],
    settings: &str,
    sections: &str,
    count: usize,
    request: &str,
) -> Result<Vec<String>> {
    let engine = Engine::subject()?;
    let log = SyslogSink::udp()?;
    let origin = if mode == "tcp" { Origin::with(Mode::Echo)? } else { Origin::http("o1")? };
    let mut head = HEAD.replace("mode http", &format!("mode {mode}"));
    for target in targets {
        head.push_str(&format!("    log {{log}} {target}\n"));
    }
    let config = format!(
        "{head}frontend fe\n    bind 127.0.0.1:{{port:fe}}\n    {settings}\n    default_backend app\nbackend app\n    \
         server s1 {{o1}}\n{sections}\n"
    );
    let program = launch(&engine, &[("o1", &origin)])?.set("log", log.address()).start(&config)?;
    let mut client = Client::connect(program.address("fe"))?;
    client.offer(request);
    if mode == "tcp" {
        client.expect(request)?.half_close()?;
    }
    client.read_to_end()?;
    let seen = until(&format!("{count} lines"), || Some(log.lines()).filter(|lines| lines.len() >= count))?;
    let hide = Normaliser::new()
        .rule(r"127\.0\.0\.1:\d+ \[.*?\]", "<who>")
        .rule(r"(<bsd>|> ?[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) ", "> ")
        .rule(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+\d\d:\d\d", "<time>")
        .rule(r"\[\d+\]", "[<pid>]")
        .rule(r" (\w+) \d+ - ", " $1 <pid> - ");
    Ok(seen.iter().map(|line| hide.apply(line.trim_end())).collect())
}

fn on_lbd() -> bool {
    !Engine::subject().unwrap().is_haproxy
}

const RAW: &[&str] = &["format raw local0"];

#[test]
fn each_step_of_an_exchange_has_a_line() {
    if !on_lbd() {
        return;
    }
    let settings = "log-format \"%OG %b/%s %ST %TR/%Tc/%Tr %r\"\n    log-steps all";
    let seen = lines("http", RAW, settings, "", 5, REQUEST).unwrap();
    let times = Normaliser::new()
        .rule(r" (\d+)/(-1|\d+)/(-1|\d+) G", " <ms>/$2/$3 G")
        .rule(r"<ms>/\d+/", "<ms>/<ms>/")
        .rule(r"<ms>/\d+ G", "<ms>/<ms> G");
    let seen: Vec<String> = seen.iter().map(|line| times.apply(line)).collect();
    assert_eq!(
        seen,
        [
            "txn_accept fe/<NOSRV> 0 -1/-1/-1 <BADREQ>",
            "txn_request app/<NOSRV> -1 <ms>/-1/-1 GET /size/10 HTTP/1.1",
            "txn_connect app/s1 -1 <ms>/<ms>/-1 GET /size/10 HTTP/1.1",
            "txn_response app/s1 200 <ms>/<ms>/<ms> GET /size/10 HTTP/1.1",
            "txn_close app/s1 200 <ms>/<ms>/<ms> GET /size/10 HTTP/1.1",
        ]
    );
}

#[test]
fn only_the_steps_that_are_named_have_lines() {
    if !on_lbd() {
        return;
    }
    let settings = "log-format \"%OG\"\n    log-steps request,response";
    assert_eq!(lines("http", RAW, settings, "", 2, REQUEST).unwrap(), ["txn_request", "txn_response"]);
    let tcp = "log-format \"%OG %b/%s\"\n    log-steps accept,connect,close";
    let seen = lines("tcp", RAW, tcp, "", 3, "hello").unwrap();
    assert_eq!(seen, ["txn_accept fe/<NOSRV>", "txn_connect app/s1", "txn_close app/s1"]);
    // What was no request is told as an error, whatever the steps.
    assert_eq!(lines("http", RAW, settings, "", 1, "GARBAGE\r\n\r\n").unwrap(), ["sess_error"]);
}

#[test]
fn a_profile_says_what_its_target_gets() {
    if !on_lbd() {
        return;
    }
    let targets = [
        "format rfc5424 profile own local0",
        "format raw local1",
        "format local profile quiet local2",
        "format raw profile missing local3",
    ];
    let sections = "\
log-profile own
    log-tag OWN
    on close format \"closed %ST\" sd \"[x@1 s=%ST]\"
    on error format \"broken %ST\"
    on any format \"any %OG\"
log-profile quiet
    on close drop
";
    let settings = "log-format \"usual %ST\"";
    let seen = lines("http", &targets, settings, sections, 3, REQUEST).unwrap();
    assert_eq!(seen, ["<134>1 <time> - OWN <pid> - [x@1 s=200] closed 200", "usual 200", "usual 200"]);
    let seen = lines("http", &targets, settings, sections, 4, "GARBAGE\r\n\r\n").unwrap();
    assert_eq!(seen[0], "<134>1 <time> - OWN <pid> - - broken 400");
    assert_eq!(seen[1], "usual 400");
    assert!(seen[2].ends_with("]: usual 400"), "{seen:?}");
    let steps = "log-format \"usual %OG\"\n    log-steps connect,close";
    let seen = lines("http", &targets[..1], steps, sections, 2, REQUEST).unwrap();
    assert_eq!(
        seen,
        ["<134>1 <time> - OWN <pid> - - any txn_connect", "<134>1 <time> - OWN <pid> - [x@1 s=200] closed 200"]
    );
}

#[test]
fn rules_of_every_set_may_log() {
    if !on_lbd() {
        return;
    }
    let settings = "log-format \"%OG %ST %HM\"\n    \
        tcp-request connection do-log\n    tcp-request session do-log\n    tcp-request content do-log\n    \
        http-request do-log\n    http-request do-log profile p if { path /size/10 }\n    \
        http-request do-log if { path /other }\n    http-response do-log\n    http-after-response do-log";
    let sections = "log-profile p\n    on http-req format \"mine %HP %OG\"\n";
    let seen = lines("http", RAW, settings, sections, 8, REQUEST).unwrap();
    assert_eq!(
        seen,
        [
            "tcp-req-conn 0 <BADREQ>",
            "tcp-req-sess 0 <BADREQ>",
            "tcp-req-cont -1 GET",
            "http-req -1 GET",
            "mine /size/10 http-req",
            "http-res -1 GET",
            "http-after-res -1 GET",
            "txn_close 200 GET",
        ]
    );
}
