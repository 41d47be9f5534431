//! Where log lines go: forms on the wire, streams through rings, and targets that do not take what they are sent.

use crate::check_eq;
use crate::support::{HEAD, both, launch, same};
use anyhow::Result;
use lb_testkit::client::{Client, get};
use lb_testkit::{Engine, Launch, Normaliser, SyslogSink, free_port, until};
use std::io::Read;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::sync::{Arc, Mutex, PoisonError};

const WIRES: &[&str] = &["rfc3164", "rfc5424", "local", "iso", "timed", "short", "priority", "raw"];

/// A receiver of one connection's bytes.
#[derive(Clone, Default)]
struct Received(Arc<Mutex<Vec<u8>>>);

impl Received {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    /// Reads a connection to its end, in a thread.
    fn from(accept: impl FnOnce() -> std::io::Result<Box<dyn Read>> + Send + 'static) -> Self {
        let received = Self::default();
        let sink = received.clone();
        std::thread::spawn(move || {
            let Ok(mut stream) = accept() else { return };
            let mut buffer = [0; 4_096];
            while let Ok(n @ 1..) = stream.read(&mut buffer) {
                sink.0
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .extend_from_slice(buffer.get(..n).unwrap_or_default());
            }
        });
        received
    }
}

fn hidden(text: &str, pid: u32) -> String {
    Normaliser::new()
        .rule(r"127\.0\.0\.1:\d+", "<client>")
        .rule(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+\d\d:\d\d", "<iso>")
        .rule(r"\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d\.\d{3}", "<date>")
        .rule(r">[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d ", "><bsd> ")
        .rule(&format!(r"\[{pid}\]|\b{pid}\b"), "<pid>")
        // The program's name is its tag.
        .rule(r"(haproxy|lbd)(<pid>| <pid>)", "<tag>$2")
        .apply(text)
}

#[test]
fn each_form_of_line_with_and_without_a_host_and_a_tag() {
    same(|engine| {
        let mut seen = Vec::new();
        for global in ["", "log-send-hostname", "log-send-hostname HOST", "log-tag TAG"] {
            let log = SyslogSink::udp()?;
            let mut targets = String::from("    log {log} local0\n");
            for wire in WIRES {
                targets.push_str(&format!("    log {{log}} format {wire} local0\n"));
            }
            let head = HEAD.replace("nbthread 1", &format!("nbthread 1\n    {global}"));
            let config = format!(
                "{head}{targets}frontend fe\n    bind 127.0.0.1:{{port:fe}}\n    log-format \"%HM %HU\"\n    \
                 http-request return status 200\nfrontend own\n    bind 127.0.0.1:{{port:own}}\n    \
                 log-format \"%HM %HU\"\n    log-tag OWN\n    http-request return status 200\n"
            );
            let program = launch(engine, &[])?.set("log", log.address()).start(&config)?;
            for name in ["fe", "own"] {
                let before = log.lines().len();
                get(program.address(name), "/x")?;
                let lines = until("a line in each form", || {
                    let lines = log.lines();
                    (lines.len() > before + WIRES.len()).then_some(lines)
                })?;
                seen.extend(lines.iter().skip(before).map(|line| hidden(line, program.pid())));
            }
        }
        Ok(seen)
    });
}

#[test]
fn lines_are_cut_to_their_length() {
    same(|engine| {
        let log = SyslogSink::udp()?;
        let targets = "    log {log} len 80 format raw local0\n    log {log} len 100 format priority local0\n";
        let config = format!(
            "{HEAD}{targets}frontend fe\n    bind 127.0.0.1:{{port:fe}}\n    log-format \"%HU\"\n    \
             http-request return status 200\n"
        );
        let program = launch(engine, &[])?.set("log", log.address()).start(&config)?;
        get(program.address("fe"), &format!("/{}", "a".repeat(300)))?;
        until("both lines", || Some(log.lines()).filter(|lines| lines.len() >= 2))
    });
}

/// What a stream target receives of two requests.
fn stream(engine: &Engine, launch: Launch, target: &str, ring: &str, received: &Received) -> Result<String> {
    let head = HEAD.replace("nbthread 1", &format!("nbthread 1\n    log {target} local0"));
    let config = format!(
        "{head}    log global\nfrontend fe\n    bind 127.0.0.1:{{port:fe}}\n    log-format \"%HM %HU\"\n    \
         http-request return status 200\n{ring}\n"
    );
    let program = launch.start(&config)?;
    for path in ["/one", "/two"] {
        get(program.address("fe"), path)?;
    }
    until("both lines", || received.text().contains("/two").then_some(()))
        .map_err(|e| e.context(format!("{}: {target} received {:?}", engine.name(), received.text())))?;
    let sinks = program.admin().ask("show events")?;
    let named = sinks.lines().filter(|line| line.contains("ring#") || line.contains("  r ")).map(str::trim);
    let place = Normaliser::new().rule(r"into '.*' at line \d+", "into <place>");
    let named: Vec<String> = named.map(|line| place.apply(line)).collect();
    Ok(format!("{}{named:?}", hidden(&received.text(), program.pid())))
}

#[test]
fn streams_get_lines_through_rings() {
    same(|engine| {
        let mut seen = Vec::new();
        for format in ["", " format rfc5424", " len 200 format raw"] {
            let listener = TcpListener::bind("127.0.0.1:0")?;
            let target = format!("tcp@{}{format}", listener.local_addr()?);
            let received = Received::from(move || Ok(Box::new(listener.accept()?.0)));
            seen.push(stream(engine, launch(engine, &[])?, &target, "", &received)?);
        }
        for prefix in ["uxst@", "stream+unix@"] {
            let launch = launch(engine, &[])?;
            let listener = UnixListener::bind(launch.dir().join("log"))?;
            let received = Received::from(move || Ok(Box::new(listener.accept()?.0)));
            seen.push(stream(engine, launch, &format!("{prefix}{{dir}}/log"), "", &received)?);
        }
        for words in ["", "log-proto legacy", "log-proto octet-count"] {
            let listener = TcpListener::bind("127.0.0.1:0")?;
            let ring = format!(
                "ring r\n    description \"to a server\"\n    format rfc3164\n    maxlen 300\n    size 32764\n    \
                 timeout connect 1s\n    timeout server 5s\n    server s1 {} {words}\n",
                listener.local_addr()?
            );
            let received = Received::from(move || Ok(Box::new(listener.accept()?.0)));
            // The length of a line that is counted depends on the process's number.
            let text = stream(engine, launch(engine, &[])?, "ring@r", &ring, &received)?;
            seen.push(Normaliser::new().rule(r"\d+ <134>", "<length> <134>").rule(r"\[.*\]$", "").apply(&text));
        }
        Ok(seen)
    });
}

/// The abstract namespace: datagrams without a prefix, streams with one.
#[test]
fn abstract_sockets_get_lines() {
    both(|engine| {
        // Such a name fills its room with NUL bytes.
        let padded = |name: &str| SocketAddr::from_abstract_name(format!("{name:\0<107}"));
        let name = format!("lbd-log-{}", free_port());
        let listener = UnixListener::bind_addr(&padded(&name)?)?;
        let received = Received::from(move || Ok(Box::new(listener.accept()?.0)));
        stream(engine, launch(engine, &[])?, &format!("stream+abns@{name}"), "", &received)?;
        let name = format!("lbd-log-{}", free_port());
        let socket = std::os::unix::net::UnixDatagram::bind_addr(&padded(&name)?)?;
        let received = Received::from(move || Ok(Box::new(Datagrams(socket))));
        stream(engine, launch(engine, &[])?, &format!("abns@{name}"), "", &received)?;
        Ok(())
    });
}

struct Datagrams(std::os::unix::net::UnixDatagram);

impl Read for Datagrams {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.recv(buffer)
    }
}

/// A stream's server that comes late gets what the ring kept.
#[test]
fn a_stream_that_comes_back_gets_what_was_kept() {
    let engine = Engine::subject().unwrap();
    if engine.is_haproxy {
        return;
    }
    let mut launch = launch(&engine, &[]).unwrap();
    let port = launch.port("log");
    let head = HEAD.replace("nbthread 1", "nbthread 1\n    log tcp@127.0.0.1:{port:log} format raw local0");
    let config = format!(
        "{head}    log global\nfrontend fe\n    bind 127.0.0.1:{{port:fe}}\n    log-format \"%HU\"\n    http-request return \
         status 200\n"
    );
    let program = launch.start(&config).unwrap();
    get(program.address("fe"), "/before").unwrap();
    let listener = lb_testkit::ports::bind(|| TcpListener::bind(("127.0.0.1", port))).unwrap();
    let received = Received::from(move || Ok(Box::new(listener.accept()?.0)));
    until("what was kept", || received.text().contains("/before\n").then_some(())).unwrap();
    get(program.address("fe"), "/after").unwrap();
    until("what came", || received.text().ends_with("/before\n/after\n").then_some(())).unwrap();
}

fn dropped(program: &lb_testkit::Program) -> Result<u64> {
    let info = program.admin().ask("show info")?;
    let line = info.lines().find_map(|line| line.strip_prefix("DroppedLogs: ")).unwrap_or_default();
    Ok(line.parse()?)
}

/// Long lines for a target that takes none of them: every request is served, and what is lost is counted.
fn flood(engine: &Engine, launch: Launch, target: &str) -> Result<lb_testkit::Program> {
    let head = HEAD.replace("mode http", &format!("mode http\n    log {target} local0"));
    let config = format!(
        "{head}frontend fe\n    bind 127.0.0.1:{{port:fe}}\n    log-format \"%HU {}\"\n    \
         http-request return status 200\n",
        "x".repeat(900)
    );
    let program = launch.start(&config)?;
    let mut client = Client::connect(program.address("fe"))?;
    for _ in 0..400 {
        check_eq!(client.get("/")?.status, 200, "{target} on {}", engine.name());
    }
    Ok(program)
}

#[test]
fn targets_that_take_nothing_delay_nobody_and_losses_are_counted() {
    both(|engine| {
        // A UDP port where nobody listens: the datagrams are sent, which is all that can be known.
        let udp = flood(engine, launch(engine, &[])?, &format!("127.0.0.1:{}", free_port()))?;
        drop(udp);
        // A datagram socket that is not read.
        let launched = launch(engine, &[])?;
        let _unread = std::os::unix::net::UnixDatagram::bind(launched.dir().join("log"))?;
        let program = flood(engine, launched, "{dir}/log")?;
        until("counted drops", || dropped(&program).ok().filter(|n| *n > 0))?;
        // A pipe that is full.
        let (reader, writer) = std::io::pipe()?;
        let launched = launch(engine, &[])?.inherit(writer);
        let program = flood(engine, launched, "fd@{fd:0}")?;
        until("counted drops", || dropped(&program).ok().filter(|n| *n > 0))?;
        drop(reader);
        Ok(())
    });
}

/// HAProxy does not count what a stream's server never got: the ring forgets it.
#[test]
fn a_stream_that_is_not_read_costs_counted_lines() {
    let engine = Engine::subject().unwrap();
    if engine.is_haproxy {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = format!("tcp@{}", listener.local_addr().unwrap());
    // The connection waits in the backlog and is never read; what the kernel takes is large, the ring is not.
    let program = flood(&engine, launch(&engine, &[]).unwrap(), &target).unwrap();
    let mut client = Client::connect(program.address("fe")).unwrap();
    until("counted drops", || {
        for _ in 0..400 {
            client.get("/").ok()?;
        }
        dropped(&program).ok().filter(|n| *n > 0)
    })
    .unwrap();
    let events = program.admin().ask("show events").unwrap();
    let ring = events.lines().find(|line| line.contains("ring#1")).unwrap_or_default();
    assert!(!ring.contains(" 0 dropped"), "{events}");
    // Nobody at all: what leaves the ring unread is lost as well.
    let dead = format!("tcp@127.0.0.1:{}", free_port());
    let program = flood(&engine, launch(&engine, &[]).unwrap(), &dead).unwrap();
    until("counted drops", || dropped(&program).ok().filter(|n| *n > 0)).unwrap();
}
