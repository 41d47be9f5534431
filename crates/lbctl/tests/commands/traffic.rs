//! What surprises about traffic when servers go and come back: each on both engines, with clients that see it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use expect_test::expect;
use lb_testkit::{Origin, until};

use crate::support::Engine;

/// How long an answer may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// On both engines, with these sections.
fn both(sections: &str, test: impl Fn(&Engine)) {
    let none = |_: &Path| ();
    for engine in [Engine::start_lbd_with(none, sections), Engine::start_haproxy_with(none, sections)] {
        engine.iter().for_each(&test);
    }
}

/// Sends a request with these headers to a frontend's socket.
fn request(engine: &Engine, socket: &str, headers: &str) -> UnixStream {
    let mut client = UnixStream::connect(engine.path(socket)).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    let text = format!("GET / HTTP/1.1\r\nHost: x\r\n{headers}Connection: close\r\n\r\n");
    client.write_all(text.as_bytes()).unwrap();
    client
}

/// The whole answer; what comes before a broken end counts.
fn rest(mut client: UnixStream) -> String {
    let mut answer = Vec::new();
    let _ = client.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("nothing")
}

/// The origin that answered.
fn origin(answer: &str) -> String {
    let lower = answer.to_ascii_lowercase();
    lower.lines().find_map(|line| line.strip_prefix("x-origin: ")).unwrap_or(answer).to_owned()
}

fn statuses(engine: &Engine, count: usize) -> Vec<String> {
    (0..count).map(|_| status(&rest(request(engine, "front.sock", ""))).to_owned()).collect()
}

#[test]
fn ready_gives_a_dead_server_traffic_and_checked_does_not() {
    let alive = Origin::http("alive").unwrap();
    let sections = format!(
        "
global
  max-spread-checks 100
frontend front
  mode http
  bind unix@$DIR/front.sock
  default_backend trial
backend trial
  mode http
  balance roundrobin
  server dead 127.0.0.1:1 check inter 1h fall 1
  server alive {}
",
        alive.address()
    );
    both(&sections, |engine| {
        let shown = || {
            let answer = engine.lbctl(&["show", "servers", "trial/dead", "--columns", "status", "-o", "csv"]).output();
            String::from_utf8(answer.unwrap().stdout).unwrap().lines().nth(1).unwrap_or("").to_owned()
        };
        until("the first check; the next is far off", || (shown() == "DOWN").then_some(())).unwrap();
        assert_eq!(statuses(engine, 4), ["200"; 4]);
        // It is up before any check ran: every other client fails.
        assert_eq!(engine.run("maint trial/dead"), 0);
        engine.check(
            "ready trial/dead",
            &expect![[r#"
                trial/dead: ready and running
                --- exit 0
            "#]],
        );
        assert_eq!(shown(), "UP");
        assert_eq!(statuses(engine, 4).iter().filter(|status| *status == "503").count(), 2);
        // Both commands are one line: between them it would serve.
        assert_eq!(engine.run("maint trial/dead"), 0);
        engine.check(
            "ready trial/dead --checked --dry-run=wire",
            &expect![[r#"
                set server trial/dead state ready; set server trial/dead health down
                --- exit 0
            "#]],
        );
        engine.check(
            "ready trial/dead --checked --dry-run",
            &expect![[r#"
                trial/dead: would ready it, which is in maintenance, and leave it down until its checks pass
                --- exit 0
            "#]],
        );
        engine.check(
            "ready trial/dead --checked",
            &expect![[r#"
                trial/dead: ready and down
                --- exit 0
            "#]],
        );
        assert_eq!(shown(), "DOWN");
        assert_eq!(statuses(engine, 4), ["200"; 4]);
    });
}

#[test]
fn checked_waits_for_the_checks() {
    let flaky = Origin::http("flaky").unwrap();
    let sections = format!(
        "
frontend front
  mode http
  bind unix@$DIR/front.sock
  default_backend trial
backend trial
  mode http
  server flaky {} check inter 50ms fall 1 rise 2
",
        flaky.address()
    );
    both(&sections, |engine| {
        flaky.listen().unwrap_or_default();
        assert_eq!(engine.run("wait trial/flaky --for up --deadline 60s"), 0);
        assert_eq!(engine.run("maint trial/flaky"), 0);
        flaky.refuse();
        engine.check(
            "ready trial/flaky --checked --wait 300ms -o csv",
            &expect![[r#"
                server,action,result,state,note
                trial/flaky,ready,<user>,ready and down,
                --- stderr
                trial/flaky: DOWN, <t> of 300ms
                error: the deadline of 300ms passed
                  trial/flaky: DOWN
                --- exit 5
            "#]],
        );
        assert_eq!(statuses(engine, 1), ["503"]);
        flaky.listen().unwrap();
        assert_eq!(engine.run("ready trial/flaky --checked --wait 60s"), 0);
        assert_eq!(statuses(engine, 1), ["200"]);
    });
}

/// Two servers, and clients that keep theirs by a cookie or by a table.
fn sticky(a: SocketAddr, b: SocketAddr) -> String {
    format!(
        "
frontend front
  mode http
  bind unix@$DIR/front.sock
  use_backend tabled if {{ req.hdr(x-client) -m found }}
  default_backend cookies
backend cookies
  mode http
  cookie SRV insert indirect nocache
  option redispatch
  server a {a} cookie a
  server b {b} cookie b
backend tabled
  mode http
  stick-table type string len 16 size 1k expire 1h
  stick on req.hdr(x-client)
  option redispatch
  server a {a}
  server b {b}
"
    )
}

#[test]
fn a_drain_keeps_the_clients_of_cookies() {
    let [a, b] = ["a", "b"].map(|name| Origin::http(name).unwrap());
    both(&sticky(a.address(), b.address()), |engine| {
        let mine = || origin(&rest(request(engine, "front.sock", "Cookie: SRV=a\r\n")));
        let new = || origin(&rest(request(engine, "front.sock", "")));
        assert_eq!(mine(), "a");
        assert_eq!(engine.run("drain cookies/a --wait"), 0);
        assert_eq!((mine().as_str(), new().as_str(), new().as_str()), ("a", "b", "b"), "it never empties by itself");
        engine.check(
            "drain cookies/a --unstick --wait",
            &expect![[r#"
                cookies/a: draining already
                cookies/a: in maintenance
                cookies/a: drained after <t>
                --- exit 0
            "#]],
        );
        assert_eq!(mine(), "b");
        // Of all that drain, the backend is down to new clients and serves those of cookies.
        assert_eq!(engine.run("ready cookies/a"), 0);
        assert_eq!(engine.run("drain cookies/* --yes"), 0);
        engine.check(
            "show backends cookies --columns backend,status,servers_up -o csv",
            &expect![[r#"
                backend,status,servers_up
                cookies,DOWN,0
                --- exit 0
            "#]],
        );
        assert_eq!(status(&rest(request(engine, "front.sock", ""))), "503");
        assert_eq!(mine(), "a");
    });
}

#[test]
fn a_drain_keeps_the_clients_of_tables() {
    let [a, b] = ["a", "b"].map(|name| Origin::http(name).unwrap());
    both(&sticky(a.address(), b.address()), |engine| {
        let visit = || origin(&rest(request(engine, "front.sock", "X-Client: one\r\n")));
        let server = visit();
        assert_eq!(visit(), server);
        let drain = |more: &str| engine.run(format!("drain tabled/{server} --wait {more}").trim_end());
        assert_eq!(drain(""), 0);
        assert_eq!(visit(), server, "a drain alone keeps them");
        // Each visit makes the entry young again: it would last for ever.
        let left = || -> u64 {
            let answer = String::from_utf8(engine.ask("show table tabled")).unwrap();
            let entry = answer.lines().find(|line| line.contains("key=one")).unwrap_or_default();
            entry.split(' ').find_map(|word| word.strip_prefix("exp=")).and_then(|ms| ms.parse().ok()).unwrap_or(0)
        };
        until("the entry to have grown older", || (left() < 3_600_000 - 50).then_some(())).unwrap();
        until("a visit to make it younger", || {
            let old = left();
            visit();
            (left() > old).then_some(())
        })
        .unwrap();
        assert_eq!(drain("--unstick"), 0);
        assert_ne!(visit(), server);
    });
}

/// An origin that answers half, and the rest when it is told to.
struct Halting {
    address: SocketAddr,
    go_on: Sender<()>,
    asked: Receiver<()>,
}

impl Halting {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let ((go_on, told), (asks, asked)) = (channel(), channel());
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                if !matches!(stream.read(&mut [0; 4096]), Ok(1..)) {
                    continue;
                }
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\nfirst");
                if asks.send(()).is_err() || told.recv().is_err() {
                    return;
                }
                let _ = stream.write_all(b"other");
            }
        });
        Self { address, go_on, asked }
    }

    fn section(&self, settings: &str) -> String {
        format!(
            "
frontend front
  mode http
  bind unix@$DIR/front.sock
  default_backend slow
backend slow
  mode http
  timeout queue 60s
  server s1 {} {settings}
",
            self.address
        )
    }

    /// A client whose request is at the origin.
    fn client(&self, engine: &Engine) -> UnixStream {
        let client = request(engine, "front.sock", "");
        self.asked.recv_timeout(PATIENCE).unwrap();
        client
    }
}

#[test]
fn requests_survive_maintenance_and_end_by_a_kill() {
    let origin = Halting::new();
    both(&origin.section(""), |engine| {
        let client = origin.client(engine);
        assert_eq!(engine.run("maint slow/s1"), 0);
        // Others are turned away, and this one is served to its end.
        assert_eq!(status(&rest(request(engine, "front.sock", ""))), "503");
        engine.check(
            "show servers slow/s1 --columns status,sessions -o csv",
            &expect![[r#"
                status,sessions
                MAINT,1
                --- exit 0
            "#]],
        );
        origin.go_on.send(()).unwrap();
        assert!(rest(client).ends_with("firstother"));
        assert_eq!(engine.run("ready slow/s1"), 0);
        let client = origin.client(engine);
        engine.check(
            "kill-sessions slow/s1",
            &expect![[r#"
                slow/s1: sessions ended
                --- exit 0
            "#]],
        );
        let answer = rest(client);
        assert!(!answer.contains("other"), "cut short: {answer}");
        origin.go_on.send(()).unwrap();
    });
}

#[test]
fn what_waits_in_the_queue_stays_there() {
    let origin = Halting::new();
    both(&origin.section("maxconn 1"), |engine| {
        let first = origin.client(engine);
        let second = request(engine, "front.sock", "");
        let queued = |wanted: &str| {
            until("the queue", || {
                let words = ["show", "backends", "slow", "--columns", "queued", "-o", "csv"];
                let told = String::from_utf8(engine.lbctl(&words).output().ok()?.stdout).ok()?;
                (told.lines().nth(1)? == wanted).then_some(())
            })
            .unwrap();
        };
        queued("1");
        assert_eq!(engine.run("drain slow/s1"), 0);
        // New ones are refused, the one in the queue waits on.
        assert_eq!(status(&rest(request(engine, "front.sock", ""))), "503");
        queued("1");
        engine.check(
            "drain slow/s1 --wait --deadline 100ms",
            &expect![[r#"
                slow/s1: draining already
                --- stderr
                slow/s1: 1 session left, <t> of 100ms
                error: the deadline of 100ms passed
                  slow/s1 still has 1 session
                    unix:<n> through front, for <t>
                hint: it stays draining; to keep its persistent clients away: lbctl maint slow/s1; to end the sessions: lbctl kill-sessions slow/s1; to undo: lbctl ready slow/s1
                --- exit 5
            "#]],
        );
        origin.go_on.send(()).unwrap();
        assert!(rest(first).ends_with("firstother"));
        queued("1");
        assert_eq!(engine.run("ready slow/s1"), 0);
        if engine.is_haproxy() {
            // 2.6 leaves it there even then, until another request ends on the server.
            return queued("1");
        }
        origin.asked.recv_timeout(PATIENCE).unwrap();
        origin.go_on.send(()).unwrap();
        assert!(rest(second).ends_with("firstother"));
    });
}
