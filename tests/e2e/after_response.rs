//! `http-after-response` rules, `set-status`, `strict-mode`: the last word on what clients get.

use crate::check_eq;
use crate::support::{HEAD, both, launch, same};
use anyhow::Result;
use lb_testkit::Origin;
use lb_testkit::client::Client;

const RULES: &str = "\
frontend fe
    bind 127.0.0.1:{port:fe}
    timeout http-request 1s
    http-after-response set-header x-after fe
    http-after-response set-status 418 reason \"A teapot\" if { status 404 }
    http-after-response set-header x-last yes if { res.hdr(x-after) fe }
    http-request deny if { path /deny }
    http-request redirect location /elsewhere if { path /redirect }
    http-request return status 404 content-type text/plain string gone if { path /return }
    monitor-uri /monitor
    stats enable
    stats uri /stats
    use_backend nobody if { path /nobody }
    default_backend app
backend nobody
    http-after-response set-header x-back nobody
backend app
    cookie SRV insert
    http-after-response add-header x-back app
    http-after-response replace-header set-cookie \"(.*)\" \"\\1; SameSite=Lax\"
    http-after-response del-header x-origin unless { status 404 }
    http-response set-status 299 reason Fine if { status 200 }
    http-response strict-mode off
    server s1 {o1} cookie a
";

/// First line and the fields that rules touch.
fn seen(client: &mut Client, request: &str) -> Result<String> {
    let head = client.send(request)?.head()?;
    let mut fields: Vec<String> = head
        .fields
        .iter()
        .map(|(name, value)| format!("{}: {value}", name.to_ascii_lowercase()))
        .filter(|line| {
            ["x-after", "x-back", "x-last", "x-origin", "set-cookie"].iter().any(|name| line.starts_with(name))
        })
        .collect();
    fields.sort();
    Ok(format!("{} {fields:?}", head.start))
}

#[test]
fn rules_after_responses_see_every_answer() {
    same(|engine| {
        let origin = Origin::http("o1")?;
        let program = launch(engine, &[("o1", &origin)])?.start(&format!("{HEAD}{RULES}"))?;
        let mut all = Vec::new();
        for path in ["/", "/status/404", "/deny", "/redirect", "/return", "/monitor", "/stats;csv", "/nobody", "/abort"]
        {
            let mut client = Client::connect(program.address("fe"))?;
            all.push(seen(&mut client, &format!("GET {path} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"))?);
        }
        // What was no request has an answer of its own.
        for text in ["GARBAGE\r\n\r\n", "GET / HTTP/1.1\r\n"] {
            let mut client = Client::connect(program.address("fe"))?;
            all.push(seen(&mut client, text)?);
        }
        Ok(all)
    });
}

#[test]
fn a_connection_goes_on_after_an_answer_with_another_head() {
    both(|engine| {
        let origin = Origin::http("o1")?;
        let program = launch(engine, &[("o1", &origin)])?.start(&format!("{HEAD}{RULES}"))?;
        let mut client = Client::connect(program.address("fe"))?;
        for path in ["/size/20000", "/chunked/3x5", "/return", "/status/404", "/"] {
            check_eq!(client.get(path)?.get("x-last"), Some("yes"), "{path}");
        }
        check_eq!(origin.connections(), 1);
        Ok(())
    });
}
