//! Persistence by cookie and `X-Forwarded-For`.

use crate::check_eq;
use crate::support::{both, canonical, one_backend, same, start};
use anyhow::Result;
use lb_testkit::client::Client;
use lb_testkit::{Engine, Origin, Program, Response};

/// Three origins behind a cookie line.
struct Farm {
    program: Program,
    origins: Vec<Origin>,
}

fn farm(engine: &Engine, cookie: &str) -> Result<Farm> {
    let origins: Vec<Origin> = ["w1", "w2", "w3"].into_iter().map(Origin::http).collect::<Result<_>>()?;
    let body = format!(
        "    balance roundrobin\n    {cookie}\n    server w1 {{w1}} cookie a\n    server w2 {{w2}} cookie b\n    server w3 {{w3}}"
    );
    let named: Vec<(&str, &Origin)> = ["w1", "w2", "w3"].into_iter().zip(&origins).collect();
    let program = start(engine, &named, &one_backend(&body))?;
    Ok(Farm { program, origins })
}

impl Farm {
    fn get(&self, cookie: Option<&str>) -> Result<Response> {
        let cookie = cookie.map(|c| format!("Cookie: {c}\r\n")).unwrap_or_default();
        let mut client = Client::connect(self.program.address("fe"))?;
        client.send(format!("GET /c HTTP/1.1\r\nHost: t\r\n{cookie}\r\n"))?;
        client.response()
    }

    /// The `Cookie` fields the origins received, last first.
    fn received(&self) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for origin in &self.origins {
            all.extend(origin.requests().iter().flat_map(|r| r.head.all("cookie")).map(ToOwned::to_owned));
        }
        all.sort();
        all
    }
}

#[test]
fn a_cookie_is_set_by_what_the_line_says() {
    const LINES: [&str; 6] = [
        "cookie SRV insert",
        "cookie SRV insert indirect",
        "cookie SRV insert indirect nocache",
        "cookie SRV insert indirect httponly secure",
        "cookie SRV insert domain .example.com",
        "cookie SRV insert preserve",
    ];
    same(|engine| {
        let mut seen = Vec::new();
        for line in LINES {
            let farm = farm(engine, line)?;
            seen.push((line, "without", canonical(&farm.get(None)?.head), farm.received()));
            seen.push((line, "bound", canonical(&farm.get(Some("SRV=b"))?.head), farm.received()));
            seen.push((line, "among others", canonical(&farm.get(Some("x=1; SRV=b; y=2"))?.head), farm.received()));
            seen.push((line, "unknown", canonical(&farm.get(Some("SRV=zz"))?.head), farm.received()));
        }
        Ok(seen)
    });
}

#[test]
fn a_bound_client_stays_with_its_server() {
    both(|engine| {
        let farm = farm(engine, "cookie SRV insert indirect nocache")?;
        for (value, name) in [("a", "w1"), ("b", "w2")] {
            for _ in 0..5 {
                let response = farm.get(Some(&format!("SRV={value}")))?;
                check_eq!((response.get("x-origin"), response.get("set-cookie")), (Some(name), None));
            }
        }
        Ok(())
    });
}

#[test]
fn a_drained_server_keeps_its_clients_and_one_in_maintenance_does_not() {
    both(|engine| {
        let farm = farm(engine, "cookie SRV insert indirect nocache")?;
        let admin = farm.program.admin();
        check_eq!(admin.ask("set server app/w1 state drain")?, "\n");
        check_eq!(farm.get(Some("SRV=a"))?.get("x-origin"), Some("w1"));
        for _ in 0..6 {
            let response = farm.get(None)?;
            check_eq!(response.get("x-origin") == Some("w1"), false);
        }
        check_eq!(admin.ask("set server app/w1 state maint")?, "\n");
        check_eq!(farm.get(Some("SRV=a"))?.get("x-origin") == Some("w1"), false);
        check_eq!(admin.ask("set server app/w1 state ready")?, "\n");
        check_eq!(farm.get(Some("SRV=a"))?.get("x-origin"), Some("w1"));
        Ok(())
    });
}

#[test]
fn forwarded_for_names_the_client() {
    const LINES: [&str; 4] = [
        "option forwardfor",
        "option forwardfor header X-Client",
        "option forwardfor except 127.0.0.0/8",
        "option forwardfor if-none",
    ];
    same(|engine| {
        let mut seen = Vec::new();
        for line in LINES {
            let origin = Origin::http("o1")?;
            let config = one_backend(&format!("    {line}\n    server s1 {{o1}}"));
            let program = start(engine, &[("o1", &origin)], &config)?;
            let mut client = Client::connect(program.address("fe"))?;
            client.get("/")?;
            client.send("GET / HTTP/1.1\r\nHost: t\r\nX-Forwarded-For: 10.1.2.3\r\n\r\n")?;
            client.response()?;
            let heads: Vec<_> = origin.requests().iter().map(|r| canonical(&r.head)).collect();
            seen.push((line, heads));
        }
        Ok(seen)
    });
}
