//! Pages that the program serves itself: metrics and the status page.

use crate::check_eq;
use crate::support::{HEAD, both, same, start};
use anyhow::{Context, Result};
use lb_testkit::{Client, Engine, Origin, Program, Response};
use std::collections::BTreeMap;

fn program(engine: &Engine, origin: &Origin, page: &str) -> Result<Program> {
    let config = format!(
        "{HEAD}frontend fe\n    bind 127.0.0.1:{{port:fe}}\n    http-request use-service prometheus-exporter if {{ path /metrics }}\n    \
         stats uri /st\n{page}    default_backend app\n\
         backend app\n    server s1 {{o1}} check\n    server s2 {{o1}} backup\n\
         listen tcp\n    mode tcp\n    bind 127.0.0.1:{{port:tcp}}\n    server t1 {{o1}} disabled\n"
    );
    let program = start(engine, &[("o1", origin)], &config)?;
    program.admin().await_stat("app", "s1", "check_status", "L4OK")?;
    Ok(program)
}

fn ask(program: &Program, request: &str) -> Result<Response> {
    let mut client = Client::connect(program.address("fe"))?;
    client.send(request)?.response()
}

fn get(program: &Program, path: &str) -> Result<Response> {
    ask(program, &format!("GET {path} HTTP/1.1\r\nHost: lb.example\r\n\r\n"))
}

fn post(program: &Program, fields: &str, body: &str) -> Result<String> {
    let length = body.len();
    let response = ask(
        program,
        &format!("POST /st HTTP/1.1\r\nHost: lb.example\r\nContent-Length: {length}\r\n{fields}\r\n{body}"),
    )?;
    check_eq!(response.status, 303);
    Ok(response.head.get("location").context("a location")?.to_owned())
}

/// Metrics by name: type, and the values by labels.
fn metrics(text: &str) -> BTreeMap<String, (String, BTreeMap<String, String>)> {
    let mut found: BTreeMap<String, (String, BTreeMap<String, String>)> = BTreeMap::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap_or((rest, ""));
            found.insert(name.to_owned(), (kind.to_owned(), BTreeMap::new()));
        } else if !line.starts_with('#') {
            let (sample, value) = line.rsplit_once(' ').unwrap_or((line, ""));
            let (name, labels) = sample.split_once('{').unwrap_or((sample, ""));
            if let Some((_, samples)) = found.get_mut(name) {
                samples.insert(labels.to_owned(), value.to_owned());
            }
        }
    }
    found
}

#[test]
fn metrics_have_the_names_types_and_labels_of_haproxy() {
    let Some((Ok(ours), Ok(theirs))) = both_texts() else { return };
    let (ours, theirs) = (metrics(&ours), metrics(&theirs));
    for (name, (kind, samples)) in &theirs {
        // It has no compression library to speak of.
        if name.contains("zlib") {
            continue;
        }
        let (own_kind, own_samples) = ours.get(name).unwrap_or_else(|| panic!("{name} is missing"));
        assert_eq!(own_kind, kind, "{name}");
        if !name.contains("build_info") {
            let (own, wanted): (Vec<_>, Vec<_>) = (own_samples.keys().collect(), samples.keys().collect());
            assert_eq!(own, wanted, "{name}");
        }
        let is_state = name.ends_with("_status") || name.ends_with("weight") || name.ends_with("servers");
        if is_state {
            assert_eq!(own_samples, samples, "{name}");
        }
    }
}

fn both_texts() -> Option<(Result<String>, Result<String>)> {
    let engines = Engine::both().unwrap();
    let [subject, oracle] = engines.as_slice() else { return None };
    let text = |engine: &Engine| {
        let origin = Origin::http("o1")?;
        Ok(get(&program(engine, &origin, "")?, "/metrics")?.text())
    };
    Some((text(subject), text(oracle)))
}

#[test]
fn scrapes_are_limited_by_their_parameters() {
    both(|engine| {
        let origin = Origin::http("o1")?;
        let program = program(engine, &origin, "")?;
        let scopes = |query: &str| -> Result<Vec<String>> {
            let text = get(&program, &format!("/metrics?{query}"))?.text();
            let mut scopes: Vec<String> =
                metrics(&text).keys().filter_map(|name| Some(name.split('_').nth(1)?.to_owned())).collect();
            scopes.dedup();
            // The system's name servers, where it has any.
            scopes.retain(|scope| scope != "resolver");
            Ok(scopes)
        };
        check_eq!(scopes("scope=server")?, ["server"]);
        check_eq!(scopes("scope=global&scope=backend")?, ["backend", "process"]);
        check_eq!(scopes("scope=")?, Vec::<String>::new());
        check_eq!(scopes("scope=*")?, ["backend", "frontend", "process", "server"]);
        check_eq!(get(&program, "/metrics?scope=foo")?.status, 400);
        let without = get(&program, "/metrics?no-maint&scope=server")?.text();
        check_eq!((without.contains("server=\"s1\""), without.contains("server=\"t1\"")), (true, false));
        if !engine.is_haproxy {
            let text = get(&program, "/metrics?metrics=haproxy_server_status,haproxy_process_jobs")?.text();
            check_eq!(metrics(&text).keys().collect::<Vec<_>>(), ["haproxy_process_jobs", "haproxy_server_status"]);
            let text = get(&program, "/metrics?scope=server&metrics=-haproxy_server_status")?.text();
            check_eq!((text.contains("server_status{"), text.contains("server_weight{")), (false, true));
            check_eq!(
                get(&program, "/metrics?extra-counters")?.text().contains("haproxy_frontend_h1_total_streams"),
                true
            );
        }
        Ok(())
    });
}

#[test]
fn the_table_behind_the_page_is_that_of_the_admin_socket() {
    both(|engine| {
        let origin = Origin::http("o1")?;
        let program = program(engine, &origin, "")?;
        let response = get(&program, "/st;csv;norefresh")?;
        check_eq!(response.status, 200);
        check_eq!(response.head.get("content-type").map(|kind| kind.starts_with("text/plain")), Some(true));
        let names = |text: &str| -> Vec<String> {
            text.lines().map(|line| line.split(',').take(2).collect::<Vec<_>>().join(",")).collect()
        };
        check_eq!(names(response.text().trim()), names(program.admin().ask("show stat")?.trim()));
        check_eq!(get(&program, "/st;json")?.text().starts_with("[["), true);
        check_eq!(get(&program, "/st;up;csv")?.text().contains("tcp,t1,"), false);
        let page = get(&program, "/st")?;
        check_eq!(page.head.get("content-type").map(|kind| kind.starts_with("text/html")), Some(true));
        check_eq!(page.text().contains("s1"), true);
        check_eq!(get(&program, "/elsewhere")?.text(), "o1\n");
        Ok(())
    });
}

#[test]
fn the_form_changes_servers_if_that_is_allowed() {
    both(|engine| {
        let origin = Origin::http("o1")?;
        let status = |program: &Program, server: &str| program.admin().stat("app", server, "status");
        let closed = program(engine, &origin, "")?;
        check_eq!(post(&closed, "", "s=s1&action=drain&b=app")?, "/st;st=DENY");
        check_eq!(status(&closed, "s1")?, "UP");

        let open = program(engine, &origin, "    stats admin if TRUE\n")?;
        let id = open.admin().stat("app", "BACKEND", "iid")?;
        check_eq!(post(&open, "", &format!("s=s1&action=drain&b=%23{id}"))?, "/st;st=DONE");
        check_eq!(status(&open, "s1")?, "DRAIN");
        check_eq!(post(&open, "", "s=s1&s=s2&action=maint&b=app")?, "/st;st=DONE");
        check_eq!((status(&open, "s1")?, status(&open, "s2")?), ("MAINT".to_owned(), "MAINT".to_owned()));
        check_eq!(post(&open, "", "action=ready&b=app")?, "/st;st=NONE");
        check_eq!(post(&open, "", "s=s1&action=ready&b=nope")?, "/st;st=ERRP");
        check_eq!(post(&open, "", "s=s1&s=s2&action=ready&b=app")?, "/st;st=DONE");
        if !engine.is_haproxy {
            // 2.6 obeys the pages of others.
            check_eq!(post(&open, "Origin: http://elsewhere\r\n", "s=s1&action=drain&b=app")?, "/st;st=DENY");
            check_eq!(post(&open, "Origin: http://lb.example\r\n", "s=s2&action=drain&b=app")?, "/st;st=DONE");
            check_eq!(post(&open, "", "s=s1;shutdown&action=drain&b=app")?, "/st;st=ERRP");
        }
        open.admin().await_stat("app", "s1", "status", "UP")?;
        Ok(())
    });
}

#[test]
fn the_form_answers_as_scripts_expect() {
    same(|engine| {
        let origin = Origin::http("o1")?;
        let program = program(engine, &origin, "    stats admin if TRUE\n    stats refresh 7s\n")?;
        let post = |path: &str, fields: &str, body: &str| -> Result<(u16, Option<String>)> {
            let head = format!("POST {path} HTTP/1.1\r\nHost: lb.example\r\n{fields}\r\n{body}");
            let response = ask(&program, &head)?;
            Ok((response.status, response.head.get("location").map(str::to_owned)))
        };
        let sized = |path: &str, body: &str| post(path, &format!("Content-Length: {}\r\n", body.len()), body);
        let mut told = Vec::new();
        let action = "s=s2&b=app&action=ready";
        for path in ["/st", "/st;norefresh", "/st;up;norefresh?scope=ap", "/st?scope=ap&x=1", "/st;st=NONE", "/st;csv"]
        {
            told.push((format!("{path} {action}"), sized(path, action)?));
        }
        for body in [
            "s=s2&b=app&action=bogus",
            "s=nope&b=app&action=ready",
            "s=s2&s=nope&b=app&action=ready",
            "s=s2&b=nope&action=ready",
            "s=s2&b=fe&action=ready",
            "b=app&action=ready",
            "s=s2&action=ready",
            "s=s2&b=app",
            "",
            "nonsense",
            "action=drain&b=app&s=s2",
            "b=app&action=ready&s=s1&s=s2",
            "foo=bar&s=s2&b=app&action=ready&x=y",
            "s=s2&b=app&action=",
            "s=&b=app&action=ready",
            "s=s1&b=app&action=dhlth",
            "s=s1&b=app&action=ehlth",
            "s=s2&b=app&action=dhlth",
            "s=s2&b=app&action=ehlth",
            "s=s1&b=app&action=eagent",
            "s=s1&b=app&action=dagent",
            "s=s1&b=app&action=arunn",
            "s=s1&b=app&action=adown",
            "s=s1&b=app&action=hnolb",
            "s=s1&b=app&action=hrunn",
            "s=s1&b=app&action=shutdown",
            "s=s1&b=app&action=stop",
            "s=s1&b=app&action=start",
            "s=s1&b=app&action=disable",
            "s=s1&b=app&action=enable",
            "s=%732&b=app&action=ready",
        ] {
            told.push((body.to_owned(), sized("/st", body)?));
        }
        let chunked = "Transfer-Encoding: chunked\r\n";
        let (first, rest) = action.split_at(5);
        let body = format!("5\r\n{first}\r\n{:x}\r\n{rest}\r\n0\r\n\r\n", rest.len());
        told.push(("in chunks".to_owned(), post("/st", chunked, &body)?));
        told.push(("too large".to_owned(), sized("/st", &"a".repeat(20_000))?));
        Ok(told)
    });
}

#[test]
fn forms_of_the_table_and_methods_are_those_of_haproxy() {
    same(|engine| {
        let origin = Origin::http("o1")?;
        let program = program(engine, &origin, "    stats refresh 7s\n")?;
        let mut told = Vec::new();
        for path in [
            "/st;csv",
            "/st;csv;norefresh",
            "/st;json",
            "/st;typed",
            "/st;json-schema",
            "/st;up;csv",
            "/st;no-maint;csv",
            "/st/;csv",
            "/st;csv;scope=ap",
            "/st?scope=ap;csv",
            "/st;csv?scope=ap",
            "/st?csv",
            "/stx",
        ] {
            let response = get(&program, path)?;
            let is_table = !response.head.get("content-type").is_some_and(|kind| kind.starts_with("text/html"));
            let text = response.text();
            let rows: Vec<String> = match path.contains("csv") && is_table {
                true => text.lines().skip(1).map(|row| row.split(',').take(2).collect::<Vec<_>>().join(",")).collect(),
                false => Vec::new(),
            };
            // A page renews itself.
            let head = if is_table { crate::support::canonical(&response.head) } else { Vec::new() };
            told.push((path.to_owned(), is_table, head, rows));
        }
        for method in ["PUT", "DELETE", "OPTIONS"] {
            let response = ask(&program, &format!("{method} /st HTTP/1.1\r\nHost: lb.example\r\n\r\n"))?;
            told.push((method.to_owned(), false, vec![response.text()], Vec::new()));
        }
        Ok(told)
    });
}

#[test]
fn a_password_is_asked_for() {
    both(|engine| {
        let origin = Origin::http("o1")?;
        let program = program(engine, &origin, "    stats auth ada:secret\n    stats realm Bridge\n")?;
        let response = get(&program, "/st")?;
        check_eq!(response.status, 401);
        check_eq!(response.head.get("www-authenticate"), Some("Basic realm=\"Bridge\""));
        let with = |credentials: &str| {
            ask(&program, &format!("GET /st;csv HTTP/1.1\r\nHost: t\r\nAuthorization: Basic {credentials}\r\n\r\n"))
        };
        // ada:wrong, ada:secret
        check_eq!(with("YWRhOndyb25n")?.status, 401);
        check_eq!(with("YWRhOnNlY3JldA==")?.status, 200);
        Ok(())
    });
}

#[test]
fn a_scope_hides_other_proxies() {
    both(|engine| {
        let origin = Origin::http("o1")?;
        let program = program(engine, &origin, "    stats scope app\n    stats scope .\n")?;
        let text = get(&program, "/st;csv")?.text();
        check_eq!((text.contains("\napp,s1,"), text.contains("\nfe,"), text.contains("\ntcp,")), (true, true, false));
        Ok(())
    });
}

#[test]
fn changes_come_as_events() {
    let engine = Engine::subject().unwrap();
    if engine.is_haproxy {
        return;
    }
    let origin = Origin::http("o1").unwrap();
    let program = program(&engine, &origin, "").unwrap();
    let mut client = Client::connect(program.address("fe")).unwrap();
    client.send("GET /st;events HTTP/1.1\r\nHost: t\r\n\r\n").unwrap();
    let head = client.head().unwrap();
    assert_eq!(head.get("content-type"), Some("text/event-stream"));
    client.read_through("data: tcp\tBACKEND\t").unwrap();
    program.admin().ask("set server app/s1 state maint").unwrap();
    let text = client.read_through("\tMAINT\t").unwrap();
    assert!(text.contains("\ndata: app\ts1\tmaint"), "{text}");
    let reason = client.read_through("\t").unwrap();
    assert!(reason.contains("it was put in maintenance") && reason.contains("'set server"), "{reason}");
}
