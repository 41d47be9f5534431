//! Every timeout ends what it names, not before its time.

use crate::check_eq;
use crate::support::{HEAD, both, one_backend, start};
use anyhow::Result;
use lb_testkit::client::{Client, get};
use lb_testkit::origin::{FullListener, WEBSOCKET_REQUEST};
use lb_testkit::{Engine, Mode, Origin, Program, until};
use std::time::{Duration, Instant};

const SHORT: Duration = Duration::from_millis(500);

/// A program where one timeout is short and all others long.
fn short(engine: &Engine, which: &str, origin: &Origin) -> Result<Program> {
    let config = one_backend("    retries 0\n    server s1 {o1} maxconn 1");
    let config = if config.contains(&format!("timeout {which} ")) {
        config
            .lines()
            .map(|l| {
                if l.trim().starts_with(&format!("timeout {which} ")) {
                    format!("    timeout {which} 500ms\n")
                } else {
                    format!("{l}\n")
                }
            })
            .collect()
    } else {
        config.replace("    timeout connect", &format!("    timeout {which} 500ms\n    timeout connect"))
    };
    start(engine, &[("o1", origin)], &config)
}

/// Runs `action`, which must take at least the short timeout.
fn timed<T>(action: impl FnOnce() -> Result<T>) -> Result<T> {
    let start = Instant::now();
    let value = action()?;
    let took = start.elapsed();
    // Half the time is tolerated: some timers count from an earlier event of the same connection.
    anyhow::ensure!(took >= SHORT / 2, "ended after {took:?} already");
    anyhow::ensure!(took < Duration::from_secs(10), "ended after {took:?} only");
    Ok(value)
}

#[test]
fn server() {
    both(|engine| {
        let origin = Origin::http("o1")?;
        let program = short(engine, "server", &origin)?;
        check_eq!(timed(|| get(program.address("fe"), "/hang"))?.status, 504);
        // Within a body it is the rest that is missing.
        check_eq!(timed(|| Ok(get(program.address("fe"), "/drip/3x1500").is_err()))?, true);
        // Activity restarts it.
        check_eq!(get(program.address("fe"), "/drip/10x100")?.body.len(), 10);
        Ok(())
    });
}

#[test]
fn http_request() {
    both(|engine| {
        let origin = Origin::http("o1")?;
        let program = short(engine, "http-request", &origin)?;
        let mut client = Client::connect(program.address("fe"))?;
        client.send("GET / HTTP/1.1\r\nHos")?;
        check_eq!(timed(|| client.response())?.status, 408);
        check_eq!(client.read_to_end()?, b"");
        // It covers the head, so trickling bytes do not help.
        let mut client = Client::connect(program.address("fe"))?;
        let start = Instant::now();
        let mut answered = false;
        for byte in "GET / HTTP/1.1\r\nHost: t\r\nX: 0123456789\r\n\r\n".bytes() {
            client.offer([byte]);
            if !client.is_quiet_for(Duration::from_millis(50)) {
                answered = true;
                break;
            }
        }
        check_eq!((answered, client.response()?.status), (true, 408), "after {:?}", start.elapsed());
        Ok(())
    });
}

#[test]
fn http_keep_alive() {
    both(|engine| {
        let origin = Origin::http("o1")?;
        let program = short(engine, "http-keep-alive", &origin)?;
        let mut client = Client::connect(program.address("fe"))?;
        check_eq!(client.get("/")?.status, 200);
        check_eq!(timed(|| client.read_to_end())?, b"", "an idle connection closes without a word");
        Ok(())
    });
}

#[test]
fn client() {
    both(|engine| {
        let origin = Origin::http("o1")?;
        let program = short(engine, "client", &origin)?;
        let mut client = Client::connect(program.address("fe"))?;
        client.send("GET / HTTP/1.1\r\nHo")?;
        check_eq!(timed(|| client.response())?.status, 408);
        Ok(())
    });
}

#[test]
fn connect() {
    both(|engine| {
        let full = FullListener::new()?;
        let config =
            one_backend("    retries 0\n    server s1 {full}").replace("timeout connect 5s", "timeout connect 500ms");
        let program = lb_testkit::Launch::new(engine)?.set("full", full.address()).start(&config)?;
        check_eq!(timed(|| get(program.address("fe"), "/"))?.status, 503);
        check_eq!(program.admin().stat("app", "s1", "econ")?, "1");
        Ok(())
    });
}

#[test]
fn queue() {
    both(|engine| {
        let origin = Origin::http("o1")?;
        let program = short(engine, "queue", &origin)?;
        let mut first = Client::connect(program.address("fe"))?;
        first.send("GET /hang HTTP/1.1\r\nHost: t\r\n\r\n")?;
        until("the only slot taken", || (origin.requests().len() == 1).then_some(()))?;
        check_eq!(timed(|| get(program.address("fe"), "/"))?.status, 503);
        check_eq!(origin.requests().len(), 1);
        Ok(())
    });
}

/// What a server does not take is not answered either, as the client is still sending: as seen on HAProxy, which on a
/// busy machine sometimes waits on.
#[test]
fn a_server_that_takes_nothing() {
    let engine = Engine::subject().unwrap();
    if engine.is_haproxy {
        return;
    }
    let case = || -> Result<()> {
        let origin = Origin::with(Mode::Hang)?;
        let program = short(&engine, "server", &origin)?;
        let mut client = Client::connect(program.address("fe"))?;
        client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 100000000\r\n\r\n")?;
        let megabyte = vec![b'x'; 1 << 20];
        // Its end breaks the sending.
        while client.send(&megabyte).is_ok() {}
        let admin = program.admin();
        for (proxy, object, column, count) in [
            ("app", "s1", "srv_abrt", "1"),
            ("app", "s1", "eresp", "0"),
            ("app", "s1", "cli_abrt", "0"),
            ("app", "BACKEND", "srv_abrt", "1"),
            ("app", "BACKEND", "hrsp_5xx", "0"),
            ("app", "BACKEND", "hrsp_other", "1"),
            ("fe", "FRONTEND", "hrsp_other", "1"),
        ] {
            admin.await_stat(proxy, object, column, count)?;
        }
        Ok(())
    };
    case().unwrap();
}

#[test]
fn tunnel() {
    both(|engine| {
        let origin = Origin::http("o1")?;
        let program = short(engine, "tunnel", &origin)?;
        let mut client = Client::connect(program.address("fe"))?;
        client.send(WEBSOCKET_REQUEST)?;
        check_eq!(client.head()?.start.contains("101"), true);
        client.send("ping")?.expect("ping")?;
        check_eq!(timed(|| client.read_to_end())?, b"");
        Ok(())
    });
}

#[test]
fn tcp_client_and_server() {
    both(|engine| {
        for which in ["client", "server"] {
            let origin = Origin::with(Mode::Echo)?;
            let long = if which == "client" { "server" } else { "client" };
            let config = HEAD
                .replace("mode http", "mode tcp")
                .replace(&format!("timeout {which} 20s"), &format!("timeout {which} 500ms"))
                + "listen fe\n    bind 127.0.0.1:{port:fe}\n    server s1 {o1}\n";
            check_eq!(config.contains(&format!("timeout {long} 20s")), true);
            let program = start(engine, &[("o1", &origin)], &config)?;
            let mut client = Client::connect(program.address("fe"))?;
            client.send("x")?.expect("x")?;
            check_eq!(timed(|| client.read_to_end())?, b"", "timeout {which}");
        }
        Ok(())
    });
}
