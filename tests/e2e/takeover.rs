//! One process takes the listening sockets over from another: `-x` with `expose-fd listeners`, in both directions
//! between lbd and HAProxy too, since the way of speaking is the same.

use crate::check_eq;
use crate::support::{HEAD, both, launch, one_backend};
use anyhow::{Context, Result};
use lb_testkit::client::{Client, get};
use lb_testkit::{Engine, Launch, Origin, Program, process, until};
use std::collections::BTreeSet;

/// A `defaults` section.
const TIMES: &str = "defaults\n    mode http\n    timeout connect 5s\n    timeout client 20s\n    timeout server 20s\n";

/// Inodes of the sockets that listen on a port.
fn listeners(port: u16) -> BTreeSet<String> {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let rows = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    let wanted = format!(":{port:04X}");
    rows.filter(|row| row[1].ends_with(&wanted) && row[3] == "0A").map(|row| row[9].to_owned()).collect()
}

fn config(level: &str, port: &str) -> String {
    format!(
        "global\n    stats socket {{sock}} mode 600 level {level} expose-fd listeners\n    nbthread 2\n{TIMES}\
         frontend fe\n    bind 127.0.0.1:{port}\n    bind unix@{{path}}\n    bind abns@{{name}}\n    default_backend app\n\
         backend app\n    server s1 {{o1}}\n"
    )
}

/// A successor of `old`, told where its sockets are.
fn successor(engine: &Engine, old: &Program, origin: &Origin, signal: &str) -> Result<Program> {
    let (path, name) = names(old);
    launch(engine, &[("o1", origin)])?
        .set("port", old.address("fe").port())
        .set("path", path)
        .set("name", name)
        .argument("-x")
        .argument(&old.dir().join("admin.sock").display().to_string())
        .argument(signal)
        .argument(&old.pid().to_string())
        .start(&config("admin", "{port}"))
}

/// The path and the abstract name that a program and its successors listen on.
fn names(first: &Program) -> (String, String) {
    let port = first.address("fe").port();
    (format!("{}/lb-takeover-{port}.sock", std::env::temp_dir().display()), format!("lb-takeover-{port}"))
}

fn first(engine: &Engine, origin: &Origin, level: &str) -> Result<Program> {
    let mut launch = launch(engine, &[("o1", origin)])?;
    let port = launch.port("fe");
    let launch = launch
        .set("path", format!("{}/lb-takeover-{port}.sock", std::env::temp_dir().display()))
        .set("name", format!("lb-takeover-{port}"));
    launch.start(&config(level, "{port:fe}"))
}

/// Removes a path when the test is over.
struct Removed(String);

impl Drop for Removed {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A session of `old` outlives the hand-over, and the successor listens on the very same sockets.
fn take_over(from: &Engine, to: &Engine) -> Result<()> {
    let origin = Origin::http("o1")?;
    // Whoever may connect to the socket may have what it exposes, whatever its level.
    let mut old = first(from, &origin, "user")?;
    let address = old.address("fe");
    let (path, _) = names(&old);
    let _removed = Removed(path.clone());
    let before = listeners(address.port());
    check_eq!(before.is_empty(), false);
    let mut client = Client::connect(address)?;
    client.send("GET /slow/700 HTTP/1.1\r\nHost: t\r\n\r\n")?;
    until("the request at the origin", || (!origin.requests().is_empty()).then_some(()))?;
    let new = successor(to, &old, &origin, "-sf")?;
    check_eq!(client.response()?.text(), "slow\n", "the old process finishes");
    check_eq!(old.wait()?.code(), Some(0));
    let after = listeners(address.port());
    check_eq!(after.is_empty(), false);
    check_eq!(before.is_disjoint(&after), false, "{before:?} became {after:?}");
    // Each has its own idea of how many there should be.
    check_eq!(from != to || before == after, true, "{before:?} became {after:?}");
    check_eq!(get(address, "/")?.status, 200);
    let mut unix = std::os::unix::net::UnixStream::connect(&path)?;
    std::io::Write::write_all(&mut unix, b"GET / HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut unix, &mut answer)?;
    check_eq!(answer.starts_with("HTTP/1.") && answer.contains(" 200 "), true, "{answer}");
    check_eq!(process::is_running(new.pid()), true);
    Ok(())
}

#[test]
fn sockets_are_taken_over() {
    let subject = Engine::subject().expect("a built lbd");
    let mut pairs = vec![(subject.clone(), subject.clone())];
    if let Some(oracle) = Engine::oracle() {
        pairs.push((subject.clone(), oracle.clone()));
        pairs.push((oracle, subject));
    }
    for (from, to) in pairs {
        take_over(&from, &to).with_context(|| format!("from {} to {}", from.name(), to.name())).unwrap();
    }
}

#[test]
fn more_sockets_than_fit_into_one_message_are_taken_over() {
    let subject = Engine::subject().expect("a built lbd");
    let run = || -> Result<()> {
        let mut launch = Launch::new(&subject)?;
        let port = launch.port("first");
        let text = |bind: &str, more: usize| {
            let mut text = format!(
                "global\n    stats socket {{sock}} level admin expose-fd listeners\n    nbthread 1\n{TIMES}frontend fe\n    \
                 bind 127.0.0.1:{bind}\n"
            );
            for nth in 0..more {
                text += &format!("    bind abns@lb-many-{port}-{nth}\n");
            }
            text + "    http-request return status 200\n"
        };
        let mut old = launch.start(&text("{port:first}", 600))?;
        let before = listeners(port);
        let new = Launch::new(&subject)?
            .set("port", port)
            .argument("-x")
            .argument(&old.dir().join("admin.sock").display().to_string())
            .argument("-st")
            .argument(&old.pid().to_string())
            .start(&text("{port}", 600))?;
        old.wait()?;
        // An abstract name is free again only when its last socket is closed: none of them could be bound anew.
        check_eq!(listeners(port), before);
        check_eq!(get(([127, 0, 0, 1], port).into(), "/")?.status, 200);
        drop(new);
        Ok(())
    };
    run().unwrap();
}

#[test]
fn a_start_without_the_sockets_it_was_promised_fails() {
    both(|engine| {
        let origin = Origin::http("o1")?;
        // Nothing is exposed there.
        let old = launch(engine, &[("o1", &origin)])?.start(&one_backend("    server s1 {o1}"))?;
        for place in [old.dir().join("admin.sock"), old.dir().join("none.sock")] {
            let mut launch =
                launch(engine, &[("o1", &origin)])?.file("test.cfg", &one_backend("    server s1 {o1}"))?;
            let output = launch.run(&["-x", &place.display().to_string(), "-f", "{dir}/test.cfg"])?;
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            check_eq!(output.status.code(), Some(1), "{said}");
            check_eq!(said.contains("Failed to get the sockets from the old process!"), true, "{said}");
        }
        check_eq!(get(old.address("fe"), "/")?.status, 200);
        Ok(())
    });
}

#[test]
fn abstract_names_are_those_of_haproxy() {
    let subject = Engine::subject().expect("a built lbd");
    let Some(oracle) = Engine::oracle() else { return };
    for (front, back) in [(&subject, &oracle), (&oracle, &subject)] {
        let run = || -> Result<()> {
            let origin = Origin::http("o1")?;
            let name = format!("lb-abns-{}", lb_testkit::free_port());
            let start = |engine: &Engine, bind: &str, server: &str| {
                launch(engine, &[("o1", &origin)])?.set("name", &name).start(&format!(
                    "{}frontend fe\n    bind {bind}\n    default_backend app\nbackend app\n    server s1 {server}\n",
                    HEAD
                ))
            };
            let _back = start(back, "abns@{name}", "{o1}")?;
            let front = start(front, "127.0.0.1:{port:fe}", "abns@{name} check inter 100ms")?;
            front.admin().await_stat("app", "s1", "status", "UP")?;
            check_eq!(get(front.address("fe"), "/")?.status, 200);
            Ok(())
        };
        run().with_context(|| format!("{} to {}", front.name(), back.name())).unwrap();
    }
}
