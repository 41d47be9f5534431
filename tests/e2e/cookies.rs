//! Persistence by cookie and `X-Forwarded-For`.

use crate::check_eq;
use crate::support::{HEAD, both, canonical, one_backend, same, start};
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
fn cookies_are_made_from_addresses_and_a_key() {
    same(|engine| {
        let config = format!(
            "{HEAD}frontend fe
    bind 127.0.0.1:{{port:fe}}
    default_backend app
backend app
    balance roundrobin
    cookie SRV insert dynamic
    dynamic-cookie-key first
    server s1 127.0.0.1:81
    server s2 127.0.0.2:81
    server s3 [::1]:82
    server s4 127.0.0.1:83 cookie own
backend bare
    cookie SRV insert
    server s1 127.0.0.1:81
"
        );
        let program = start(engine, &[], &config)?;
        let admin = program.admin();
        let mut seen = Vec::new();
        for line in [
            "show version",
            "set dynamic-cookie-key backend app second",
            "set dynamic-cookie-key backend app",
            "set dynamic-cookie-key backend nope x",
            "set dynamic-cookie-key backend",
            "set server app/s1 addr 127.0.0.9 port 81",
            "disable dynamic-cookie backend app",
            "enable dynamic-cookie backend app",
            "enable dynamic-cookie backend",
            "enable dynamic-cookie backend nope",
            "enable dynamic-cookie backend bare",
            "set dynamic-cookie-key backend bare third",
            "disable dynamic-cookie backend bare",
        ] {
            let answer = admin.ask(line)?;
            let answer = if line.starts_with("show") { String::new() } else { answer };
            let servers = [("app", "s1"), ("app", "s2"), ("app", "s3"), ("app", "s4"), ("bare", "s1")];
            let cookies: Vec<String> =
                servers.into_iter().map(|(app, name)| admin.stat(app, name, "cookie")).collect::<Result<_>>()?;
            seen.push((line, answer, cookies));
        }
        Ok(seen)
    });
}

#[test]
fn a_made_cookie_binds_and_a_server_without_one_takes_it_away() {
    same(|engine| {
        let farm = farm(engine, "cookie SRV insert dynamic\n    dynamic-cookie-key secret")?;
        let admin = farm.program.admin();
        let made = admin.stat("app", "w3", "cookie")?;
        let mut seen = Vec::new();
        for _ in 0..3 {
            let response = farm.get(Some(&format!("SRV={made}")))?;
            seen.push((response.get("x-origin").map(str::to_owned), response.get("set-cookie").is_some()));
        }
        admin.ask("disable dynamic-cookie backend app")?;
        for server in ["w1", "w2"] {
            admin.ask(&format!("set server app/{server} state drain"))?;
        }
        let response = farm.get(Some(&format!("SRV={made}")))?;
        seen.push((response.get("set-cookie").map(str::to_owned), false));
        Ok(seen)
    });
}

#[test]
fn rules_decide_whether_persistence_counts() {
    both(|engine| {
        let farm = farm(
            engine,
            "cookie SRV insert indirect\n    ignore-persist if { path_beg /c } { hdr(x-how) ignore }\n    \
             force-persist if { hdr(x-how) force }",
        )?;
        let get = |how: &str| -> Result<Option<String>> {
            let mut client = Client::connect(farm.program.address("fe"))?;
            client.send(format!("GET /c HTTP/1.1\r\nHost: t\r\nCookie: SRV=a\r\nX-How: {how}\r\n\r\n"))?;
            Ok(client.response()?.get("x-origin").map(str::to_owned))
        };
        let admin = farm.program.admin();
        let mut others = 0;
        for _ in 0..6 {
            others += usize::from(get("ignore")?.as_deref() != Some("w1"));
        }
        check_eq!(others, 4);
        check_eq!(get("usual")?.as_deref(), Some("w1"));
        admin.ask("set server app/w1 state maint")?;
        check_eq!(get("usual")?.as_deref() == Some("w1"), false);
        check_eq!(get("force")?.as_deref(), Some("w1"));
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
