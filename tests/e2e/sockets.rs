//! What the kernel is told of sockets, where connections come from, and which kept ones they are.

use crate::check_eq;
use crate::support::{HEAD, both, one_backend, start, with_body};
use anyhow::{Context, Result, ensure};
use lb_testkit::client::{Client, connect_from, get};
use lb_testkit::{Engine, Origin, Program, without_trials};
use std::io::{Read, Write};
use std::process::{Command, Output};

/// Runs a tool of the system to its end; `None`: it is not installed.
fn tool(program: &str, arguments: &[&str]) -> Option<Output> {
    without_trials(|| Command::new(program).args(arguments).output()).ok()
}

/// Whether this process, and what it starts, may administer the network: root may, unless a container took that away.
fn may_administer() -> bool {
    const NET_ADMIN: u64 = 1 << 12;
    const NET_RAW: u64 = 1 << 13;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let held = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let held = held.and_then(|held| u64::from_str_radix(held.trim(), 16).ok()).unwrap_or(0);
    held & (NET_ADMIN | NET_RAW) == NET_ADMIN | NET_RAW
}

/// A frontend that tells where a connection comes from, behind `app`.
fn telling(engine: &Engine, server: &str) -> Result<(Program, Origin)> {
    let inner = "frontend inner\n    bind 127.0.0.1:{port:inner}\n    http-request return status 200 hdr x-src %[src]:%[src_port]";
    with_body(engine, &format!("    server s1 127.0.0.1:{{port:inner}} {server}\n{inner}"))
}

#[test]
fn servers_see_the_address_that_usesrc_names_where_root_runs_the_tests() {
    if !may_administer() {
        eprintln!("skipped: only root may use addresses of others");
        return;
    }
    both(|engine| {
        for (usesrc, seen) in
            [("127.0.0.44", "127.0.0.44:"), ("clientip", "127.0.0.55:"), ("hdr_ip(x-from)", "127.0.0.66:")]
        {
            let (program, _origin) = telling(engine, &format!("source 0.0.0.0 usesrc {usesrc}"))?;
            let mut stream = connect_from("127.0.0.55".parse()?, program.address("fe"))?;
            stream.write_all(b"GET / HTTP/1.1\r\nHost: t\r\nX-From: 127.0.0.66\r\nConnection: close\r\n\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            check_eq!(answer.contains(&format!("x-src: {seen}")), true, "{usesrc}: {answer}");
        }
        let (program, _origin) = telling(engine, "source 0.0.0.0 usesrc client")?;
        let mut stream = connect_from("127.0.0.55".parse()?, program.address("fe"))?;
        let own = stream.local_addr()?;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        check_eq!(answer.contains(&format!("x-src: {own}")), true, "{answer}");
        Ok(())
    });
}

#[test]
fn connections_leave_by_the_interface_that_source_names_where_root_runs_the_tests() {
    if !may_administer() {
        eprintln!("skipped: only root may bind to an interface");
        return;
    }
    both(|engine| {
        let (program, _origin) = telling(engine, "source 127.0.0.9 interface lo")?;
        let answer = get(program.address("fe"), "/")?;
        check_eq!(answer.get("x-src").is_some_and(|from| from.starts_with("127.0.0.9:")), true, "{answer:?}");
        let (program, _origin) = telling(engine, "source 0.0.0.0 interface nosuch0")?;
        check_eq!(get(program.address("fe"), "/")?.status, 200, "one that is not there is no obstacle");
        Ok(())
    });
}

/// A network namespace with a name, gone at the end.
struct Namespace(String);

impl Namespace {
    fn new() -> Option<Self> {
        let name = format!("lbtest{}", std::process::id());
        let added = tool("ip", &["netns", "add", &name])?.status.success();
        let namespace = added.then_some(Self(name))?;
        let up = tool("ip", &["netns", "exec", &namespace.0, "ip", "link", "set", "lo", "up"])?;
        up.status.success().then_some(namespace)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        tool("ip", &["netns", "del", &self.0]);
    }
}

#[test]
fn namespaces_hold_listeners_and_servers_apart() {
    let Some(Namespace(name)) = &Namespace::new() else {
        eprintln!("skipped: no network namespace can be made here (ip netns)");
        return;
    };
    both(|engine| {
        // The address is spelled so that nobody waits for it in this namespace.
        let inner = format!(
            "frontend inner\n    bind 127.0.0.1:8080-8080 namespace {name}\n    http-request return status 200 hdr x-in ns"
        );
        let reached = |server: &str| -> Result<u16> {
            let body = format!("    retries 0\n    server s1 127.0.0.1:8080 {server}\n{inner}");
            let (program, _origin) = with_body(engine, &body)?;
            Ok(get(program.address("fe"), "/")?.status)
        };
        check_eq!(reached(&format!("namespace {name}"))?, 200);
        check_eq!(reached("")?, 503, "nobody listens there outside of the namespace");
        // Checks go where traffic does.
        let body = format!("    server s1 127.0.0.1:8080 namespace {name} check inter 100ms\n{inner}");
        let (program, _origin) = with_body(engine, &body)?;
        program.admin().await_stat("app", "s1", "check_status", "L4OK")?;
        Ok(())
    });
    both(|engine| {
        let refused = with_body(engine, "    server s1 127.0.0.1:1 namespace nosuchnamespace");
        let message = format!("{:#}", refused.err().context("a namespace that is not there")?);
        check_eq!(message.contains("Cannot open namespace 'nosuchnamespace'"), true, "{message}");
        Ok(())
    });
}

#[test]
fn the_congestion_control_of_both_sides_is_chosen() -> Result<()> {
    let engine = Engine::subject()?;
    if engine.is_haproxy || tool("ss", &["-V"]).is_none() {
        eprintln!("skipped: 2.6 has no such keyword, or there is no ss");
        return Ok(());
    }
    let origin = Origin::http("o1")?;
    let config = one_backend("    server s1 {o1} cc reno tcp-ut 5s tfo")
        .replace("{port:fe}\n", "{port:fe} cc reno tcp-ut 5s tfo defer-accept mss 1200\n");
    let program = start(&engine, &[("o1", &origin)], &config)?;
    let mut client = Client::connect(program.address("fe"))?;
    check_eq!(client.get("/")?.status, 200);
    for (filter, port) in [("sport", program.address("fe").port()), ("dport", origin.address().port())] {
        let output = tool("ss", &["-Htni", "state", "established", filter, "=", &format!(":{port}")]).context("ss")?;
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        check_eq!(told.split_whitespace().any(|word| word == "reno"), true, "{filter}: {told}");
    }
    Ok(())
}

#[test]
fn signed_segments_reach_who_has_the_key() -> Result<()> {
    let engine = Engine::subject()?;
    if engine.is_haproxy {
        return Ok(());
    }
    let reached = |key: &str| -> Result<u16> {
        let inner =
            "frontend inner\n    bind 127.0.0.1:{port:inner} tcp-md5sig secret\n    http-request return status 200";
        let body = format!(
            "    retries 0\n    timeout connect 300ms\n    server s1 127.0.0.1:{{port:inner}} tcp-md5sig {key}\n{inner}"
        );
        let (program, _origin) = with_body(&engine, &body)?;
        Ok(get(program.address("fe"), "/")?.status)
    };
    match reached("secret") {
        Ok(status) => check_eq!(status, 200),
        Err(error) => {
            let message = format!("{error:#}");
            ensure!(message.contains("Protocol not available"), "{message}");
            eprintln!("skipped: this kernel signs no segments");
            return Ok(());
        }
    }
    check_eq!(reached("wrong")?, 503);
    Ok(())
}

#[test]
fn kept_connections_are_taken_by_their_name_and_count_when_the_limit_is_strict() -> Result<()> {
    let engine = Engine::subject()?;
    if engine.is_haproxy {
        return Ok(());
    }
    let opened = |words: &str, names: &[&str], idle: &str| -> Result<usize> {
        let body = format!("    http-reuse always\n    server s1 {{o1}} {words}");
        let (program, origin) = with_body(&engine, &body)?;
        for name in names {
            let mut client = Client::connect(program.address("fe"))?;
            client.send(format!("GET / HTTP/1.1\r\nHost: t\r\nX-Name: {name}\r\n\r\n"))?;
            check_eq!(client.response()?.status, 200);
            program.admin().await_stat("app", "s1", "scur", "0")?;
        }
        program.admin().await_stat("app", "s1", "srv_icur", idle)?;
        Ok(origin.connections())
    };
    let two = ["a", "b", "a", "b"];
    check_eq!(opened("", &two, "1")?, 1);
    check_eq!(opened("pool-conn-name req.hdr(x-name)", &two, "2")?, 2);
    check_eq!(opened("maxconn 1 pool-conn-name req.hdr(x-name)", &two, "2")?, 2);
    check_eq!(opened("maxconn 1 strict-maxconn pool-conn-name req.hdr(x-name)", &two, "1")?, 4);
    Ok(())
}

#[test]
fn hashing_by_address_does_not_depend_on_the_order_of_servers() -> Result<()> {
    let engine = Engine::subject()?;
    if engine.is_haproxy {
        return Ok(());
    }
    let origins = [Origin::http("o0")?, Origin::http("o1")?, Origin::http("o2")?];
    let named: Vec<(&str, &Origin)> = ["o0", "o1", "o2"].into_iter().zip(&origins).collect();
    let choices = |key: &str, order: [usize; 3]| -> Result<Vec<String>> {
        let servers: String = order.map(|n| format!("    server s{n} {{o{n}}} hash-key {key} guid g{n}\n")).concat();
        let config = format!(
            "{HEAD}frontend fe\n    bind 127.0.0.1:{{port:fe}}\n    default_backend app\nbackend app\n    balance uri\n    \
             hash-type consistent\n    http-response set-header x-server %s\n{servers}"
        );
        let program = start(&engine, &named, &config)?;
        let mut client = Client::connect(program.address("fe"))?;
        (0..24)
            .map(|n| Ok(client.get(&format!("/{n}"))?.get("x-server").unwrap_or_default().to_owned()))
            .collect::<Result<Vec<String>>>()
    };
    for key in ["addr-port", "guid"] {
        let one = choices(key, [0, 1, 2])?;
        check_eq!(one.contains(&"s0".to_owned()) && one.contains(&"s2".to_owned()), true, "{one:?}");
        check_eq!(choices(key, [2, 0, 1])?, one);
    }
    check_eq!(choices("id", [2, 0, 1])? == choices("id", [0, 1, 2])?, false);
    Ok(())
}
