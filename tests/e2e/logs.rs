//! Log lines, by format and by destination.

use crate::check_eq;
use crate::support::{HEAD, both, launch, same};
use anyhow::Result;
use lb_testkit::client::{Client, get};
use lb_testkit::origin::WEBSOCKET_REQUEST;
use lb_testkit::{Engine, Launch, Mode, Normaliser, Origin, Program, SyslogSink, free_port, until};

/// A frontend whose sessions are logged in one format to a sink.
struct Logged {
    program: Program,
    log: SyslogSink,
    origin: Origin,
}

fn logged(engine: &Engine, mode: &str, option: &str, origin: Origin, body: &str) -> Result<Logged> {
    let log = SyslogSink::udp()?;
    let head = HEAD
        .replace("    maxconn 500", "    maxconn 500\n    log {log} local0")
        .replace("mode http", &format!("mode {mode}\n    log global\n    {option}\n    retries 0"));
    let config =
        format!("{head}frontend fe\n    bind 127.0.0.1:{{port:fe}}\n    default_backend app\nbackend app\n{body}\n");
    let program =
        launch(engine, &[("o1", &origin)])?.set("log", log.address()).set("dead", free_port()).start(&config)?;
    Ok(Logged { program, log, origin })
}

impl Logged {
    /// Lines about sessions so far, addresses, times and ports hidden.
    fn sessions(&self) -> Vec<String> {
        let hide = Normaliser::standard()
            .rule(r"127\.0\.0\.1:\d+", "<client>")
            .rule(r" (-1|\d+)/(-1|\d+)/(-1|\d+)/(-1|\d+)/\+?\d+ ", " <times> ")
            // HAProxy counts the bytes of a head in an internal form, which the wire does not show.
            .rule(r"(<times> (?:\d{3}|-1)) \d+ ", "$1 <bytes> ")
            .rule(r" (-1|\d+)/(-1|\d+)/\+?\d+ (\d+) ", " <times> $3 ");
        self.log
            .messages()
            .iter()
            .filter(|m| m.contains(" fe") || m.starts_with("Connect"))
            .map(|m| hide.apply(m))
            .collect()
    }

    fn await_sessions(&self, count: usize) -> Result<Vec<String>> {
        until(&format!("{count} lines"), || {
            let lines = self.sessions();
            (lines.len() >= count).then_some(lines)
        })
        .map_err(|e| e.context(format!("log: {:#?}", self.log.messages())))
    }
}

#[test]
fn http_lines() {
    same(|engine| {
        let logged = logged(engine, "http", "option httplog", Origin::http("o1")?, "    server s1 {o1}")?;
        let fe = logged.program.address("fe");
        for path in ["/", "/size/1000", "/status/404", "/chunked/3x3?q=1", "/with%20escapes"] {
            get(fe, path)?;
        }
        logged.await_sessions(5)?;
        // One connection at a time, so that the order and the counts of connections are certain.
        check_eq!(get(fe, "/abort")?.status, 502);
        logged.await_sessions(6)?;
        Client::connect(fe)?.send("GARBAGE\r\n\r\n")?.response()?;
        logged.await_sessions(7)?;
        Client::connect(fe)?.send("HEAD / HTTP/1.0\r\n\r\n")?.head_response()?;
        logged.await_sessions(8)
    });
}

#[test]
fn tcp_lines() {
    same(|engine| {
        let logged = logged(engine, "tcp", "option tcplog", Origin::with(Mode::Echo)?, "    server s1 {o1}")?;
        let fe = logged.program.address("fe");
        let mut client = Client::connect(fe)?;
        client.send("hello")?.expect("hello")?.half_close()?;
        client.read_to_end()?;
        logged.await_sessions(1)?;
        logged.origin.refuse();
        Client::connect(fe)?.read_to_end()?;
        logged.await_sessions(2)
    });
}

#[test]
fn default_lines() {
    same(|engine| {
        let logged = logged(engine, "http", "", Origin::http("o1")?, "    server s1 {o1}")?;
        get(logged.program.address("fe"), "/")?;
        logged.await_sessions(1)
    });
}

#[test]
fn connections_without_data_are_logged_unless_told_otherwise() {
    both(|engine| {
        let silent = logged(
            engine,
            "http",
            "option httplog\n    option dontlognull",
            Origin::http("o1")?,
            "    server s1 {o1}",
        )?;
        drop(Client::connect(silent.program.address("fe"))?);
        get(silent.program.address("fe"), "/marker")?;
        let lines = silent.await_sessions(1)?;
        check_eq!((lines.len(), lines[0].contains("/marker")), (1, true));
        let telling = logged(engine, "http", "option httplog", Origin::http("o1")?, "    server s1 {o1}")?;
        drop(Client::connect(telling.program.address("fe"))?);
        check_eq!(telling.await_sessions(1)?[0].contains("<BADREQ>"), true);
        Ok(())
    });
}

/// Status and termination state of one session whose end is provoked by `act`.
fn ending(
    engine: &Engine,
    settings: &str,
    body: &str,
    act: impl FnOnce(&mut Client, &Logged) -> Result<()>,
) -> Result<String> {
    let logged = logged(engine, "http", &format!("option httplog\n    {settings}"), Origin::http("o1")?, body)?;
    let mut client = Client::connect(logged.program.address("fe"))?;
    act(&mut client, &logged)?;
    drop(client);
    let lines = logged.await_sessions(1)?;
    // Date, frontend, backend/server, timers, status, bytes, two cookies, state.
    let words: Vec<&str> = lines[0].split_whitespace().collect();
    let at = words.iter().position(|w| *w == "<times>").unwrap_or(0);
    Ok(format!(
        "{} {} {}",
        words.get(at - 1).unwrap_or(&"?"),
        words.get(at + 1).unwrap_or(&"?"),
        words.get(at + 5).unwrap_or(&"?")
    ))
}

#[test]
fn termination_states_say_who_ended_a_session_and_when() {
    const BODY: &str = "    server s1 {o1}";
    same(|engine| {
        let get = |path: &'static str| {
            move |client: &mut Client, _: &Logged| {
                client
                    .send(format!("GET {path} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"))?
                    .read_to_end()
                    .map(|_| ())
            }
        };
        let mut seen = vec![
            ("normal", ending(engine, "", BODY, get("/"))?),
            ("server aborts before its head", ending(engine, "", BODY, get("/abort"))?),
            ("server sends half a head", ending(engine, "", BODY, get("/half-head"))?),
            ("server sends garbage", ending(engine, "", BODY, get("/garbage"))?),
            ("server cuts its body", ending(engine, "", BODY, get("/cut/1000"))?),
            ("server is silent", ending(engine, "timeout server 300ms", BODY, get("/hang"))?),
            ("server stops within its body", ending(engine, "timeout server 300ms", BODY, get("/drip/3x2000"))?),
            ("server refuses", ending(engine, "", "    server s1 127.0.0.1:{dead}", get("/"))?),
            ("no server", ending(engine, "", "    server s1 {o1} disabled", get("/"))?),
        ];
        seen.push((
            "client is silent",
            ending(engine, "timeout http-request 300ms", BODY, |client, _| {
                client.send("GET /")?.read_to_end().map(|_| ())
            })?,
        ));
        seen.push((
            "client resets within the response",
            ending(engine, "", BODY, |client, logged| {
                client.send("GET /drip/1000x20 HTTP/1.1\r\nHost: t\r\n\r\n")?;
                until("the request at the origin", || (!logged.origin.requests().is_empty()).then_some(()))?;
                client.head()?;
                Ok(())
            })?,
        ));
        seen.push((
            "upgraded and ended by the client",
            ending(engine, "", BODY, |client, _| {
                client.send(WEBSOCKET_REQUEST)?;
                client.head()?;
                client.half_close()?.read_to_end().map(|_| ())
            })?,
        ));
        Ok(seen)
    });
}

#[test]
fn a_syslog_datagram_has_priority_date_tag_and_pid() {
    both(|engine| {
        let logged = logged(engine, "http", "option httplog", Origin::http("o1")?, "    server s1 {o1}")?;
        get(logged.program.address("fe"), "/")?;
        let line = until("a session line", || logged.log.lines().into_iter().find(|l| l.contains("GET /")))?;
        let shape = Normaliser::new()
            .rule(r"^<\d+>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d ", "<PRI>DATE ")
            .rule(&format!(r"\[{}\]", logged.program.pid()), "[PID]");
        let shaped = shape.apply(&line);
        let tag = if engine.is_haproxy {
            "haproxy"
        } else {
            shaped.trim_start_matches("<PRI>DATE ").split('[').next().unwrap_or_default()
        };
        check_eq!(shaped.starts_with(&format!("<PRI>DATE {tag}[PID]: 127.0.0.1:")), true, "{line:?}");
        // local0 is 16: severity info (6).
        check_eq!(line.starts_with("<134>"), true, "{line:?}");
        Ok(())
    });
}

#[test]
fn logs_go_to_standard_streams_and_unix_sockets() {
    both(|engine| {
        let origin = Origin::http("o1")?;
        for (target, on_stdout) in [("stdout", true), ("stderr", false)] {
            let head = HEAD
                .replace("mode http", &format!("mode http\n    option httplog\n    log {target} format raw local0"));
            let config = format!("{head}listen fe\n    bind 127.0.0.1:{{port:fe}}\n    server s1 {{o1}}\n");
            let program = launch(engine, &[("o1", &origin)])?.start(&config)?;
            get(program.address("fe"), "/to-a-stream")?;
            until(&format!("a line on {target}"), || {
                let text = if on_stdout { program.stdout() } else { program.stderr() };
                text.lines().any(|l| l.starts_with("127.0.0.1:") && l.contains("/to-a-stream")).then_some(())
            })?;
        }
        let launch = Launch::new(engine)?.set("o1", origin.address());
        let sink = SyslogSink::unix(&launch.dir().join("log.sock"))?;
        let head = HEAD.replace(
            "mode http",
            "mode http\n    option httplog\n    log {dir}/log.sock local1 notice\n    log {dir}/log.sock local2",
        );
        let program =
            launch.start(&format!("{head}listen fe\n    bind 127.0.0.1:{{port:fe}}\n    server s1 {{o1}}\n"))?;
        get(program.address("fe"), "/to-a-socket")?;
        sink.await_message("/to-a-socket")?;
        let session: Vec<_> = sink.lines().into_iter().filter(|l| l.contains("/to-a-socket")).collect();
        check_eq!((session.len(), session[0].starts_with("<150>")), (1, true), "the level of one line keeps info out");
        Ok(())
    });
}

#[test]
fn a_dead_log_server_stops_no_traffic() {
    both(|engine| {
        let origin = Origin::http("o1")?;
        let head = HEAD.replace(
            "mode http",
            &format!(
                "mode http\n    option httplog\n    log 127.0.0.1:{} local0\n    log /nonexistent/log local0",
                free_port()
            ),
        );
        let config = format!("{head}listen fe\n    bind 127.0.0.1:{{port:fe}}\n    server s1 {{o1}}\n");
        let program = launch(engine, &[("o1", &origin)])?.start(&config)?;
        let mut client = Client::connect(program.address("fe"))?;
        for _ in 0..50 {
            check_eq!(client.get("/")?.status, 200);
        }
        Ok(())
    });
}
