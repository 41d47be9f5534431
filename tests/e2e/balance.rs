//! Which server gets a request.

use crate::check_eq;
use crate::support::{both, one_backend, same, start};
use anyhow::Result;
use lb_testkit::client::{Client, get};
use lb_testkit::{Engine, Origin, Program, until};
use std::collections::BTreeMap;

const NAMES: [&str; 3] = ["s1", "s2", "s3"];

/// A backend `app` of three servers with these options each.
fn farm(engine: &Engine, lines: &str, options: [&str; 3]) -> Result<(Program, Vec<Origin>)> {
    let origins: Vec<Origin> = NAMES.into_iter().map(Origin::http).collect::<Result<_>>()?;
    let mut body = lines.to_owned();
    for (name, options) in NAMES.iter().zip(options) {
        body.push_str(&format!("\n    server {name} {{{name}}} {options}"));
    }
    let named: Vec<(&str, &Origin)> = NAMES.into_iter().zip(&origins).collect();
    Ok((start(engine, &named, &one_backend(&body))?, origins))
}

/// Names of the servers that answered `count` requests, each on a connection of its own.
fn sequence(program: &Program, count: usize) -> Result<String> {
    let names: Vec<String> = (0..count)
        .map(|_| Ok(get(program.address("fe"), "/")?.get("x-origin").unwrap_or("-").to_owned()))
        .collect::<Result<_>>()?;
    Ok(names.join(" "))
}

#[test]
fn the_order_of_round_robin_is_haproxys() {
    same(|engine| {
        let mut seen = Vec::new();
        for algorithm in ["roundrobin", "static-rr"] {
            for weights in [["", "", ""], ["weight 1", "weight 2", "weight 3"], ["weight 10", "weight 1", "weight 100"]]
            {
                let (program, _origins) = farm(engine, &format!("    balance {algorithm}"), weights)?;
                seen.push((algorithm, weights, sequence(&program, 24)?));
            }
        }
        Ok(seen)
    });
}

#[test]
fn a_weight_set_at_run_time_counts_at_once() {
    both(|engine| {
        let (program, _origins) = farm(engine, "    balance roundrobin", ["weight 10", "weight 10", "weight 10"])?;
        check_eq!(program.admin().ask("set server app/s1 weight 0")?, "\n");
        check_eq!(sequence(&program, 6)?.contains("s1"), false);
        check_eq!(program.admin().ask("set server app/s1 weight 200%")?, "\n");
        let seen = sequence(&program, 40)?;
        check_eq!(seen.matches("s1").count(), 20, "{seen}");
        Ok(())
    });
}

#[test]
fn least_connections_go_to_the_idle_server() {
    both(|engine| {
        let (program, origins) = farm(engine, "    balance leastconn", ["", "", ""])?;
        let mut held = Vec::new();
        for _ in 0..2 {
            let mut client = Client::connect(program.address("fe"))?;
            client.send("GET /hang HTTP/1.1\r\nHost: t\r\n\r\n")?;
            held.push(client);
            let wanted = held.len();
            until("the hanging request", || {
                (origins.iter().map(|o| o.requests_for("/hang").len()).sum::<usize>() == wanted).then_some(())
            })?;
        }
        let busy: Vec<usize> = origins.iter().map(|o| o.requests_for("/hang").len()).collect();
        check_eq!(busy.iter().max(), Some(&1), "no server has two");
        let idle = NAMES[busy.iter().position(|n| *n == 0).unwrap_or(0)];
        check_eq!(sequence(&program, 3)?, [idle; 3].join(" "));
        Ok(())
    });
}

#[test]
fn first_fills_one_server_before_the_next() {
    both(|engine| {
        let (program, origins) = farm(engine, "    balance first", ["maxconn 1", "maxconn 1", "maxconn 1"])?;
        check_eq!(sequence(&program, 3)?, "s1 s1 s1");
        let mut client = Client::connect(program.address("fe"))?;
        client.send("GET /hang HTTP/1.1\r\nHost: t\r\n\r\n")?;
        until("the hanging request", || (origins[0].requests_for("/hang").len() == 1).then_some(()))?;
        check_eq!(sequence(&program, 3)?, "s2 s2 s2");
        Ok(())
    });
}

#[test]
fn the_source_address_chooses_as_in_haproxy() {
    same(|engine| {
        let mut seen = Vec::new();
        let (program, _origins) = farm(engine, "    balance source", ["", "", ""])?;
        for last in 1..=20 {
            seen.push((last, from(&program, [127, 0, 0, last])?));
        }
        Ok(seen)
    });
}

/// Which server answers a client that comes from `address`.
fn from(program: &Program, address: [u8; 4]) -> Result<String> {
    use std::io::{BufReader, Write};
    let mut stream = lb_testkit::client::connect_from(address.into(), program.address("fe"))?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")?;
    let response = lb_testkit::http::read_response(&mut BufReader::new(stream), false)?;
    Ok(response.and_then(|r| r.get("x-origin").map(ToOwned::to_owned)).unwrap_or_default())
}

#[test]
fn the_uri_chooses_as_in_haproxy() {
    same(|engine| {
        let mut seen = Vec::new();
        for lines in ["    balance uri", "    balance hdr(host)", "    balance url_param id"] {
            let (program, _origins) = farm(engine, lines, ["", "weight 2", ""])?;
            let mut client = Client::connect(program.address("fe"))?;
            let mut names = Vec::new();
            for n in 0..30 {
                client.send(format!("GET /path/{n}?id=u{n} HTTP/1.1\r\nHost: h{n}\r\n\r\n"))?;
                names.push(client.response()?.get("x-origin").unwrap_or("-").to_owned());
            }
            seen.push((lines, names.join(" ")));
        }
        Ok(seen)
    });
}

#[test]
fn a_consistent_hash_spreads_and_moves_only_what_it_must() {
    both(|engine| {
        let (program, _origins) = farm(engine, "    balance uri\n    hash-type consistent", ["", "", ""])?;
        let mut client = Client::connect(program.address("fe"))?;
        let mut map = || -> Result<BTreeMap<usize, String>> {
            (0..60)
                .map(|n| Ok((n, client.get(&format!("/path/{n}"))?.get("x-origin").unwrap_or("-").to_owned())))
                .collect()
        };
        let full = map()?;
        for name in NAMES {
            let share = full.values().filter(|v| *v == name).count();
            check_eq!((6..=40).contains(&share), true, "{name} gets {share} of 60");
        }
        program.admin().ask("set server app/s2 state maint")?;
        let without = map()?;
        for (n, name) in &full {
            check_eq!(name == "s2" || without[n] == *name, true, "/path/{n} left {name}");
        }
        program.admin().ask("set server app/s2 state ready")?;
        check_eq!(map()? == full, true, "all return");
        Ok(())
    });
}

#[test]
fn random_reaches_every_server() {
    both(|engine| {
        let (program, _origins) = farm(engine, "    balance random", ["", "", ""])?;
        let seen = sequence(&program, 60)?;
        for name in NAMES {
            check_eq!(seen.contains(name), true, "{seen}");
        }
        Ok(())
    });
}

#[test]
fn backups_serve_when_no_other_does() {
    both(|engine| {
        let (program, _origins) = farm(engine, "    balance roundrobin", ["", "backup", "backup"])?;
        check_eq!(sequence(&program, 3)?, "s1 s1 s1");
        check_eq!(program.admin().ask("disable server app/s1")?, "\n");
        check_eq!(sequence(&program, 3)?, "s2 s2 s2", "the first backup alone");
        check_eq!(program.admin().ask("disable server app/s2;disable server app/s3")?, "\n\n");
        check_eq!(get(program.address("fe"), "/")?.status, 503);
        check_eq!(program.admin().ask("enable server app/s1")?, "\n");
        check_eq!(sequence(&program, 3)?, "s1 s1 s1");
        let (program, _origins) =
            farm(engine, "    balance roundrobin\n    option allbackups", ["disabled", "backup", "backup"])?;
        check_eq!(sequence(&program, 4)?, "s2 s3 s2 s3");
        Ok(())
    });
}

#[test]
fn frontends_choose_a_backend_by_rules() {
    both(|engine| {
        let origins: Vec<Origin> = NAMES.into_iter().map(Origin::http).collect::<Result<_>>()?;
        let named: Vec<(&str, &Origin)> = NAMES.into_iter().zip(&origins).collect();
        let config = format!(
            "{}frontend fe
    bind 127.0.0.1:{{port:fe}}
    acl is_api path_beg /api/ /v2/
    acl is_exact path /exact
    acl host_b hdr(host) -i b.example
    acl local src 127.0.0.0/8
    use_backend b2 if is_api !host_b
    use_backend b3 if is_exact or host_b
    use_backend b3 unless local
    default_backend b1
backend b1
    server s1 {{s1}}
backend b2
    server s2 {{s2}}
backend b3
    server s3 {{s3}}
",
            crate::support::HEAD
        );
        let program = start(engine, &named, &config)?;
        for (path, host, wanted) in [
            ("/", "a.example", "s1"),
            ("/api/x", "a.example", "s2"),
            ("/v2/x", "a.example", "s2"),
            ("/api/x", "B.Example", "s3"),
            ("/exact", "a.example", "s3"),
            ("/exact?q=1", "a.example", "s3"),
            ("/exactly", "a.example", "s1"),
            ("/API/x", "a.example", "s1"),
        ] {
            let mut client = Client::connect(program.address("fe"))?;
            client.send(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"))?;
            check_eq!(client.response()?.get("x-origin"), Some(wanted), "{path} {host}");
        }
        Ok(())
    });
}
