//! Rules that answer in a server's place, refuse, or hold a client, beside the oracle.

use crate::support::{HEAD, canonical, launch, same};
use anyhow::Context;
use lb_testkit::client::Client;
use lb_testkit::{Normaliser, Origin, SyslogSink, until};

const CONFIG: &str = "\
frontend fe
    bind 127.0.0.1:{port:fe}
    log-format \"%HP %ST %tsc %b/%s\"
    monitor-uri /up
    monitor fail if { method HEAD }
    http-request deny if { path /deny }
    http-request deny status 429 if { path /deny/status }
    http-request deny deny_status 429 if { path /deny/page }
    http-request deny status 421 content-type text/plain string stop if { path /deny/string }
    http-request deny content-type text/plain lf-string \"no %[path]\" hdr x-why \"%[src]\" if { path /deny/format }
    http-request tarpit if { path /tarpit }
    http-request tarpit status 429 hdr retry-after 9 if { path /tarpit/status }
    http-request tarpit deny_status 408 if { path /tarpit/page }
    http-request reject if { path /reject }
    http-request redirect location /x code 301 if { path /to/301 }
    http-request redirect location /x code 307 if { path /to/307 }
    http-request return if { path /return }
    http-request return status 404 if { path /return/404 }
    http-request return status 404 default-errorfiles if { path /return/page }
    http-request return status 200 errorfile {dir}/whole.http if { path /return/whole }
    http-request return content-type text/plain string text hdr a b hdr a c if { path /return/string }
    http-request return content-type text/plain lf-string \"%HM %[path] %ci\" if { path /return/format }
    http-response return status 203 content-type text/plain string late if { status 404 } { res.hdr(content-length) 7 }
    default_backend app
backend app
    http-response return status 202 content-type text/plain lf-string \"for %ci\" if { status 403 }
    http-response redirect location /%[status] code 301 if { status 500 }
    http-response deny status 418 if { status 501 }
    http-response deny deny_status 503 if { status 502 }
    http-response deny if { status 503 }
    server s1 {o1}
";

const PATHS: &[&str] = &[
    "/up",
    "/up?",
    "/deny",
    "/deny/status",
    "/deny/page",
    "/deny/string",
    "/deny/format",
    "/tarpit",
    "/tarpit/status",
    "/tarpit/page",
    "/reject",
    "/to/301",
    "/to/307",
    "/return",
    "/return/404",
    "/return/page",
    "/return/whole",
    "/return/string",
    "/return/format",
    "/status/404",
    "/status/403",
    "/status/500",
    "/status/501",
    "/status/502",
    "/status/503",
    "/",
];

#[test]
fn answers_of_rules_are_those_of_the_oracle() {
    same(|engine| {
        let log = SyslogSink::udp()?;
        let origin = Origin::http("o1")?;
        let head = HEAD
            .replace("    maxconn 500", "    maxconn 500\n    log {log} local0")
            .replace("mode http", "mode http\n    log global\n    timeout tarpit 50ms");
        let launch = launch(engine, &[("o1", &origin)])?
            .set("log", log.address())
            .file("whole.http", "HTTP/1.1 404 Not Here\r\nContent-Length: 3\r\nX-Own: 1\r\n\r\nabc")?;
        let program = launch.start(&format!("{head}{CONFIG}"))?;
        let mut seen = Vec::new();
        for path in PATHS {
            for method in ["GET", "HEAD"] {
                let mut client = Client::connect(program.address("fe"))?;
                client.send(format!("{method} {path} HTTP/1.1\r\nHost: t\r\n\r\n"))?;
                let (head, body) = if *path == "/reject" {
                    (Vec::new(), String::from_utf8(client.read_to_end()?)?)
                } else if method == "HEAD" {
                    let head = client.head().with_context(|| format!("{method} {path}"))?;
                    (canonical(&head), String::new())
                } else {
                    let response = client.response().with_context(|| format!("{method} {path}"))?;
                    (canonical(&response.head), response.text())
                };
                // Default pages are worded by each program itself, and bodies are cut from heads in ways of their own.
                let page = head.iter().any(|line| line == "content-type: text/html");
                let head: Vec<String> = head
                    .into_iter()
                    .filter(|line| !(line.starts_with("connection") || page && line.starts_with("content-length")))
                    .collect();
                seen.push((path, method, head, if page { String::new() } else { body }));
            }
        }
        // The two monitoring requests leave no line.
        let lines = until("the log", || {
            let hide = Normaliser::standard().rule("(lbd|haproxy)\\[", "[");
            let lines: Vec<String> = log.lines().iter().map(|line| hide.apply(line)).collect();
            let lines: Vec<String> = lines.into_iter().filter(|line| line.contains(" /")).collect();
            (lines.len() >= 2 * (PATHS.len() - 1)).then_some(lines)
        })?;
        Ok((seen, lines))
    });
}
