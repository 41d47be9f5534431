//! Users, groups and what they may see, beside the oracle.

use crate::support::{HEAD, canonical, launch, same};
use anyhow::Result;
use lb_testkit::client::Client;
use lb_testkit::{Engine, Normaliser, Program, SyslogSink, until};

const CONFIG: &str = "\
userlist people
    group ops users alice,bob
    group eng
    user alice insecure-password secret groups eng
    user bob insecure-password b:ob
    user carol insecure-password alone
    user five password $5$saltsalt$0IyaXrmV7.sGNS6tirgqHLqX/G.FBvgkYA.lpPdS5sA groups eng
    user six password $6$rounds=1000$saltsalt$LAV5VE5Y7w1d73x1mFNspYWUpazfmwv2SoepNXNKJ/otop/Zok96Hr8Q13LEv0DRY/x8v0/crpIjl8NJSAqXV/
frontend fe
    bind 127.0.0.1:{port:fe}
    http-request set-var(txn.group) http_auth_group(people)
    http-request set-var(txn.known) http_auth(people)
    http-request return status 202 if { path /eng } { http_auth_group(people) eng }
    http-request return status 204 if { path /any } { http_auth_group(people) ops eng }
    http-request auth realm \"The Ops\" if { path_beg /realm } !{ http_auth(people) }
    http-request auth unless { http_auth(people) }
    stats uri /status
    stats http-request auth realm pages unless { http_auth_group(people) ops }
    http-request return status 200 content-type text/plain string ok
";

/// The requests: path and credentials, already in base 64.
const REQUESTS: &[(&str, &str)] = &[
    ("/", ""),
    ("/realm", ""),
    ("/realm?q", "Basic !!!"),
    ("/", "Bearer YWxpY2U6c2VjcmV0"),
    ("/", "Basic YWxpY2U6c2VjcmV0"),
    ("/", "basic YWxpY2U6c2VjcmV0"),
    ("/", "Basic YWxpY2U6d3Jvbmc="),
    ("/eng", "Basic YWxpY2U6c2VjcmV0"),
    ("/any", "Basic YWxpY2U6c2VjcmV0"),
    ("/eng", "Basic Ym9iOmI6b2I="),
    ("/any", "Basic Ym9iOmI6b2I="),
    ("/any", "Basic Y2Fyb2w6YWxvbmU="),
    ("/eng", "Basic Zml2ZTpzZWNyZXQ="),
    ("/eng", "Basic Zml2ZTp3cm9uZw=="),
    ("/", "Basic c2l4OnNlY3JldA=="),
    ("/", "Basic bm9ib2R5OnNlY3JldA=="),
    ("/status", "Basic Y2Fyb2w6YWxvbmU="),
];

fn program(engine: &Engine, log: &SyslogSink) -> Result<Program> {
    let head = HEAD.replace("    maxconn 500", "    maxconn 500\n    log {log} local0").replace(
        "mode http",
        "mode http\n    log global\n    log-format \"%ST %tsc %s %[var(txn.group)] %[var(txn.known)] %HP\"",
    );
    launch(engine, &[])?.set("log", log.address()).start(&format!("{head}{CONFIG}"))
}

#[test]
fn who_is_known_comes_in_as_on_the_oracle() {
    same(|engine| {
        let log = SyslogSink::udp()?;
        let program = program(engine, &log)?;
        let mut client = Client::connect(program.address("fe"))?;
        let mut seen = Vec::new();
        for (path, credentials) in REQUESTS {
            let field = match *credentials {
                "" => String::new(),
                credentials => format!("Authorization: {credentials}\r\n"),
            };
            client.send(format!("GET {path} HTTP/1.1\r\nHost: t\r\n{field}\r\n"))?;
            let response = client.response()?;
            // The pages' words are each program's own.
            let mut head = canonical(&response.head);
            head.retain(|line| !line.starts_with("content-length"));
            seen.push((path, credentials, head));
        }
        let lines = until("the log", || {
            let hide = Normaliser::standard();
            let lines: Vec<String> = log.messages().iter().map(|line| hide.apply(line)).collect();
            let lines: Vec<String> = lines.into_iter().filter(|line| line.contains(" /")).collect();
            (lines.len() >= REQUESTS.len()).then_some(lines)
        })?;
        Ok((seen, lines))
    });
}
