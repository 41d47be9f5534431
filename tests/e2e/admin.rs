//! The admin socket in use: modes, levels, limits, and what commands do to traffic and states.

use crate::check_eq;
use crate::support::{HEAD, both, launch, one_backend, same, simple, start, with_body};
use anyhow::Result;
use lb_testkit::client::{Client, get};
use lb_testkit::{Engine, Mode, Origin, Program, SyslogSink, until};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::time::{Duration, Instant};

#[test]
fn a_prompt_session_goes_on_until_it_quits() {
    both(|engine| {
        let (program, _origin) = simple(engine)?;
        let mut session = program.admin().open()?;
        session.send("prompt\n")?;
        check_eq!(session.read_through("> ")?, "\n> ");
        for _ in 0..3 {
            session.send("show backend\n")?;
            check_eq!(session.read_through("> ")?, "# name\napp\n\n> ");
        }
        session.send("set server app/s1 state drain\n")?;
        check_eq!(session.read_through("> ")?, "\n> ");
        session.send("quit\n")?;
        check_eq!(session.read_until_quiet(lb_testkit::LONG)?, (String::new(), true));
        Ok(())
    });
}

#[test]
fn lines_may_end_in_crlf_and_clients_may_close_their_side() {
    both(|engine| {
        let (program, _origin) = simple(engine)?;
        check_eq!(program.admin().ask("show backend\r")?, "# name\napp\n\n");
        let mut session = program.admin().open()?;
        session.send("show backend\n")?;
        session.half_close()?;
        check_eq!(session.read_until_quiet(lb_testkit::LONG)?, ("# name\napp\n\n".to_owned(), true));
        // A client that closes without a word leaves nothing behind.
        for _ in 0..30 {
            drop(program.admin().open()?);
        }
        check_eq!(program.admin().ask("show backend")?, "# name\napp\n\n");
        Ok(())
    });
}

#[test]
fn idle_connections_end_at_the_timeout() {
    both(|engine| {
        let origin = Origin::http("o1")?;
        let config =
            one_backend("    server s1 {o1}").replace("    maxconn 500", "    stats timeout 400ms\n    maxconn 500");
        let program = start(engine, &[("o1", &origin)], &config)?;
        let begin = Instant::now();
        let mut session = program.admin().open()?;
        check_eq!(session.read_until_quiet(lb_testkit::LONG)?.1, true);
        check_eq!(begin.elapsed() >= Duration::from_millis(200), true);
        let mut session = program.admin().open()?;
        session.send("prompt\nset timeout cli 60\n")?;
        session.read_through("> ")?;
        session.read_through("> ")?;
        check_eq!(session.read_until_quiet(Duration::from_millis(1200))?.1, false, "the session's own limit holds");
        Ok(())
    });
}

#[test]
fn ten_connections_are_served_at_a_time() {
    both(|engine| {
        let (program, _origin) = simple(engine)?;
        let mut sessions = Vec::new();
        for _ in 0..10 {
            let mut session = program.admin().open()?;
            session.send("prompt\n")?;
            session.read_through("> ")?;
            sessions.push(session);
        }
        let mut eleventh = program.admin().open()?;
        eleventh.send("show backend\n")?;
        check_eq!(eleventh.read_until_quiet(Duration::from_millis(300))?, (String::new(), false));
        sessions.pop();
        check_eq!(eleventh.read_until_quiet(lb_testkit::LONG)?, ("# name\napp\n\n".to_owned(), true));
        Ok(())
    });
}

#[test]
fn a_tcp_socket_serves_as_well() {
    both(|engine| {
        let origin = Origin::http("o1")?;
        let config = one_backend("    server s1 {o1}")
            .replace("    maxconn 500", "    stats socket ipv4@127.0.0.1:{port:adm} level operator\n    maxconn 500");
        let program = start(engine, &[("o1", &origin)], &config)?;
        let ask = |line: &str| -> Result<String> {
            let mut stream = TcpStream::connect(program.address("adm"))?;
            stream.set_read_timeout(Some(lb_testkit::LONG))?;
            stream.write_all(line.as_bytes())?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        check_eq!(ask("show cli level\n")?, "operator\n\n");
        check_eq!(ask("set server app/s1 state drain\n")?, "Permission denied\n\n");
        check_eq!(ask("user;show cli level\n")?, "\nuser\n\n");
        check_eq!(ask("show errors\n")?.starts_with("Total events captured on ["), true);
        Ok(())
    });
}

/// Command chains and the state of `app/s1` after them: status word, operational and administrative state, weight.
const CHAINS: &[&str] = &[
    "",
    "set server app/s1 state drain",
    "set server app/s1 state maint",
    "set server app/s1 state drain;set server app/s1 state maint",
    "set server app/s1 state maint;set server app/s1 state drain",
    "set server app/s1 state drain;set server app/s1 state ready",
    "set server app/s1 state maint;set server app/s1 state ready",
    "set server app/s1 state maint extra words",
    "disable server app/s1",
    "disable server app/s1;enable server app/s1",
    "enable server app/s4",
    "set server app/s4 state ready",
    "set server app/s4 state drain",
    "set server app/s4 state drain;set server app/s4 state ready",
    "set server app/s1 weight 0",
    "set server app/s1 weight 50%",
    "set server app/s1 weight 0%;set server app/s1 state ready",
    "set server app/s1 weight 7;set server app/s1 state drain;set server app/s1 weight 100%",
    "set server app/s3 state drain",
    "set server app/s3 state ready",
    "set server app/s3 health down",
    "set server app/s1 state drain;set server app/s3 state ready",
    "set server app/s1 state maint;set server app/s3 state ready",
    "set server app/s2 health down",
    "set server app/s2 health stopping",
    "set server app/s2 health stopping;set server app/s2 health up",
    "set server app/s2 health down;set server app/s2 state drain",
    "set server app/s2 health down;set server app/s2 state maint;set server app/s2 state ready",
    "disable health app/s2",
    "disable health app/s2;enable health app/s2",
    "set server app/s1 health down",
    "set server app/#1 state drain",
    "set server #3/s1 state drain",
    "set maxconn server app/s1 3",
    "set server app/s1 addr 127.0.0.9 port 99",
    "set server app/s1 addr 127.0.0.1",
    "set server app/s1 addr ::1",
    "shutdown sessions server app/s1",
    "enable agent app/s1",
    "set server app/s1 agent up",
    "set server app/s1 state bogus",
    "set server app/s1 weight 257",
    "set server app/s1 weight x",
    "set server app/nobody state ready",
];

/// Columns of `show servers state` that commands change.
fn states(program: &Program) -> Result<Vec<String>> {
    let admin = program.admin();
    let text = admin.ask("show servers state app")?;
    let mut rows = Vec::new();
    for line in text.lines().filter(|l| !l.starts_with('#') && l.contains(' ')) {
        let cells: Vec<&str> = line.split(' ').collect();
        let name = cells[3];
        let status = admin.stat("app", name, "status")?;
        let weight = admin.stat("app", name, "weight")?;
        rows.push(format!(
            "{name} {} op={} admin={} uweight={} shown {status} {weight}",
            cells[4], cells[5], cells[6], cells[7]
        ));
    }
    let backend = ["status", "weight", "act", "bck"].map(|c| admin.stat("app", "BACKEND", c).unwrap_or_default());
    rows.push(format!("BACKEND {}", backend.join(" ")));
    Ok(rows)
}

#[test]
fn states_after_commands_are_haproxys() {
    same(|engine| {
        let origin = Origin::http("o1")?;
        // Checks start again late enough for a forced state to stay to be seen.
        let body = "    balance roundrobin
    server s1 {o1} weight 10 check inter 2s
    server s2 {o1} check inter 2s
    server s3 {o1} track app/s1
    server s4 {o1} disabled
    server s5 {o1} backup";
        let seen = Mutex::new(BTreeMap::new());
        let failure = Mutex::new(Ok(()));
        std::thread::scope(|scope| {
            let (seen, failure, origin) = (&seen, &failure, &origin);
            for part in CHAINS.chunks(CHAINS.len().div_ceil(6)) {
                scope.spawn(move || {
                    for chain in part {
                        match after(engine, origin, body, chain) {
                            Ok(states) => drop(seen.lock().unwrap().insert(*chain, states)),
                            Err(error) => *failure.lock().unwrap() = Err(error.context(*chain)),
                        }
                    }
                });
            }
        });
        failure.into_inner().unwrap()?;
        let mut seen = seen.into_inner().unwrap();
        // 2.6 ends this one sentence without the blank line that follows every other refusal.
        if let Some((answer, _)) = seen.get_mut("set server app/s1 weight x") {
            answer.truncate(answer.trim_end().len());
        }
        Ok(seen)
    });
}

/// The answer to a chain of commands, and the states after it.
fn after(engine: &Engine, origin: &Origin, body: &str, chain: &str) -> Result<(String, Vec<String>)> {
    let program = start(engine, &[("o1", origin)], &one_backend(body))?;
    for server in ["s1", "s2"] {
        program.admin().await_stat("app", server, "check_status", "L4OK")?;
    }
    let answer = if chain.is_empty() { String::new() } else { program.admin().ask(chain)? };
    Ok((answer.replace(&origin.address().port().to_string(), "<port>"), states(&program)?))
}

#[test]
fn counters_after_the_same_traffic_are_the_same() {
    const COLUMNS: [&str; 23] = [
        "scur",
        "stot",
        "dreq",
        "ereq",
        "econ",
        "eresp",
        "wretr",
        "wredis",
        "hrsp_1xx",
        "hrsp_2xx",
        "hrsp_3xx",
        "hrsp_4xx",
        "hrsp_5xx",
        "hrsp_other",
        "req_tot",
        "cli_abrt",
        "srv_abrt",
        "conn_tot",
        "lbtot",
        "connect",
        "reuse",
        "intercepted",
        "eint",
    ];
    same(|engine| {
        let (program, _origin) = with_body(engine, "    retries 0\n    http-reuse always\n    server s1 {o1}")?;
        let fe = program.address("fe");
        // The abort comes first: on a reused connection lbd would send the request again.
        for path in ["/abort", "/", "/status/404", "/status/500", "/status/304", "/size/10", "/chunked/2x5"] {
            get(fe, path)?;
        }
        Client::connect(fe)?.send("BAD\r\n\r\n")?.response()?;
        let mut client = Client::connect(fe)?;
        client.get("/")?;
        client.get("/")?;
        drop(client);
        let admin = program.admin();
        admin.await_stat("fe", "FRONTEND", "scur", "0")?;
        let mut seen = Vec::new();
        for (proxy, object) in [("fe", "FRONTEND"), ("app", "s1"), ("app", "BACKEND")] {
            for column in COLUMNS {
                seen.push(format!("{proxy}/{object} {column}={}", admin.stat(proxy, object, column)?));
            }
        }
        Ok(seen)
    });
}

#[test]
fn byte_counters_match_the_messages() {
    both(|engine| {
        let (program, _origin) = simple(engine)?;
        let mut client = Client::connect(program.address("fe"))?;
        let request =
            "POST /size/5000 HTTP/1.1\r\nHost: t\r\nContent-Length: 1000\r\n\r\n".to_owned() + &"b".repeat(1000);
        client.send(&request)?;
        let response = client.response()?;
        check_eq!(response.body.len(), 5000);
        drop(client);
        program.admin().await_stat("fe", "FRONTEND", "scur", "0")?;
        let number = |object: &str, column: &str| -> Result<i64> {
            Ok(program.admin().stat(if object == "FRONTEND" { "fe" } else { "app" }, object, column)?.parse()?)
        };
        for object in ["FRONTEND", "s1", "BACKEND"] {
            // Heads are counted in an implementation's own form: within a few dozen bytes of the wire's.
            let (received, sent) = (number(object, "bin")?, number(object, "bout")?);
            check_eq!((1000..=1100).contains(&received), true, "{object} bin {received}");
            check_eq!((5000..=5150).contains(&sent), true, "{object} bout {sent}");
        }
        check_eq!(program.admin().ask("clear counters all")?, "\n");
        check_eq!(number("s1", "bin")?, 0);
        check_eq!(program.admin().stat("fe", "FRONTEND", "stot")?, "0");
        Ok(())
    });
}

#[test]
fn sessions_are_listed_and_shut_by_their_pointer() {
    both(|engine| {
        let origin = Origin::with(Mode::Echo)?;
        let config =
            HEAD.replace("mode http", "mode tcp") + "listen fe\n    bind 127.0.0.1:{port:fe}\n    server s1 {o1}\n";
        let program = start(engine, &[("o1", &origin)], &config)?;
        let mut client = Client::connect(program.address("fe"))?;
        client.send("x")?.expect("x")?;
        let list = program.admin().ask("show sess")?;
        let line = list.lines().find(|l| l.contains(" fe=fe ")).unwrap_or_default().to_owned();
        check_eq!(line.contains(&format!("src={}", client.local_addr()?)), true, "{list}");
        check_eq!(
            (line.contains(" be=fe ") || line.contains(" be=<NONE> "), line.contains("srv=s1")),
            (true, true),
            "{line}"
        );
        let pointer = line.split(':').next().unwrap_or_default();
        check_eq!(program.admin().ask(&format!("show sess {pointer}"))?.contains(pointer), true);
        check_eq!(program.admin().ask(&format!("shutdown session {pointer}"))?, "\n");
        check_eq!(client.read_to_end()?, b"");
        Ok(())
    });
}

#[test]
fn the_last_bad_request_is_kept_for_show_errors() {
    both(|engine| {
        let (program, _origin) = simple(engine)?;
        Client::connect(program.address("fe"))?.send("GET /x\x01y HTTP/1.1\r\nHost: t\r\n\r\n")?.response()?;
        let text = program.admin().ask("show errors")?;
        for words in [
            "Total events captured on [",
            "] : 1\n",
            "frontend fe (#2): invalid request",
            "GET /x\\x01y HTTP/1.1\\r\\n",
            "Host: t\\r\\n",
        ] {
            check_eq!(text.contains(words), true, "{words:?} in {text}");
        }
        check_eq!(get(program.address("fe"), "/garbage")?.status, 502);
        let text = program.admin().ask("show errors app response")?;
        check_eq!(text.contains("backend app (#3): invalid response"), true, "{text}");
        Ok(())
    });
}

#[test]
fn frontends_are_disabled_enabled_and_shut() {
    both(|engine| {
        let (program, _origin) = simple(engine)?;
        let admin = program.admin();
        check_eq!(get(program.address("fe"), "/")?.status, 200);
        let mut kept = Client::connect(program.address("fe"))?;
        check_eq!(kept.get("/")?.status, 200);
        check_eq!(admin.ask("disable frontend fe")?, "\n");
        admin.await_stat("fe", "FRONTEND", "status", "PAUSED")?;
        check_eq!(kept.get("/")?.status, 200, "what is open stays open");
        check_eq!(admin.ask("enable frontend fe")?, "\n");
        admin.await_stat("fe", "FRONTEND", "status", "OPEN")?;
        check_eq!(get(program.address("fe"), "/")?.status, 200);
        check_eq!(admin.ask("shutdown frontend fe")?, "\n");
        until("a refused connection", || Client::connect(program.address("fe")).is_err().then_some(()))?;
        Ok(())
    });
}

#[test]
fn drain_lets_a_session_end_and_shutdown_cuts_it() {
    both(|engine| {
        let origin = Origin::with(Mode::Echo)?;
        let config = HEAD.replace("mode http", "mode tcp")
            + "listen fe\n    bind 127.0.0.1:{port:fe}\n    server s1 {o1}\n    server s2 {o1}\n";
        let program = start(engine, &[("o1", &origin)], &config)?;
        let admin = program.admin();
        let mut client = Client::connect(program.address("fe"))?;
        client.send("x")?.expect("x")?;
        admin.await_stat("fe", "s1", "scur", "1")?;
        for state in ["drain", "maint"] {
            check_eq!(admin.ask(&format!("set server fe/s1 state {state}"))?, "\n");
            client.send("still here")?.expect("still here")?;
            check_eq!(admin.stat("fe", "s1", "scur")?, "1");
        }
        let mut other = Client::connect(program.address("fe"))?;
        other.send("y")?.expect("y")?;
        check_eq!(admin.stat("fe", "s2", "scur")?, "1", "new clients go elsewhere");
        check_eq!(admin.ask("shutdown sessions server fe/s1")?, "\n");
        check_eq!(client.read_to_end()?, b"");
        other.send("z")?.expect("z")?;
        Ok(())
    });
}

#[test]
fn an_address_set_at_run_time_is_used_and_logged() {
    both(|engine| {
        let (first, second) = (Origin::http("first")?, Origin::http("second")?);
        let log = SyslogSink::udp()?;
        let config = one_backend("    server s1 {first}")
            .replace("    maxconn 500", "    maxconn 500\n    log {log} local0")
            .replace("mode http", "mode http\n    log global");
        let program = launch(engine, &[("first", &first)])?.set("log", log.address()).start(&config)?;
        check_eq!(get(program.address("fe"), "/")?.get("x-origin"), Some("first"));
        let port = second.address().port();
        let answer = program.admin().ask(&format!("set server app/s1 addr 127.0.0.1 port {port}"))?;
        check_eq!(
            answer.contains(&format!("port changed from '{}' to '{port}'", first.address().port())),
            true,
            "{answer}"
        );
        check_eq!(get(program.address("fe"), "/")?.get("x-origin"), Some("second"));
        Ok(())
    });
}

#[test]
fn limits_are_set_at_run_time() {
    both(|engine: &Engine| {
        let (program, _origin) = simple(engine)?;
        let admin = program.admin();
        check_eq!(admin.ask("set maxconn frontend fe 7;set maxconn server app/s1 3;set maxconn global 77")?, "\n\n\n");
        check_eq!(admin.stat("fe", "FRONTEND", "slim")?, "7");
        check_eq!(admin.stat("app", "s1", "slim")?, "3");
        check_eq!(admin.info("Maxconn")?, "77");
        Ok(())
    });
}

#[test]
fn the_process_s_rates_are_limited_at_run_time() {
    both(|engine| {
        for what in ["connections", "sessions"] {
            let (program, _origin) = simple(engine)?;
            let admin = program.admin();
            check_eq!(admin.ask(&format!("set rate-limit {what} global 2"))?, "\n");
            let begin = Instant::now();
            for _ in 0..5 {
                check_eq!(get(program.address("fe"), "/")?.status, 200);
            }
            check_eq!(begin.elapsed() >= Duration::from_millis(900), true, "{what}: {:?}", begin.elapsed());
            check_eq!(admin.ask(&format!("set rate-limit {what} global 0"))?, "\n");
            check_eq!(get(program.address("fe"), "/")?.status, 200);
        }
        Ok(())
    });
}

#[test]
fn a_thousand_connections_are_served_at_once() {
    let engine = Engine::subject().unwrap();
    let origin = Origin::http("o1").unwrap();
    let config =
        one_backend("    server s1 {o1}").replace("    maxconn 500", "    stats maxconn 1000\n    maxconn 500");
    let program = start(&engine, &[("o1", &origin)], &config).unwrap();
    // This process runs other tests, too: it may not have descriptors for all.
    let descriptors = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE).unwrap().0;
    let count = (descriptors / 2).min(1_000);
    let mut sessions: Vec<_> = (0..count)
        .map(|_| {
            let mut session = program.admin().open().unwrap();
            session.send("prompt\n").unwrap();
            session.read_through("> ").unwrap();
            session
        })
        .collect();
    for session in &mut sessions {
        session.send("show backend\n").unwrap();
    }
    for session in &mut sessions {
        assert_eq!(session.read_through("> ").unwrap(), "# name\napp\n\n> ");
    }
    // Traffic goes on meanwhile.
    assert_eq!(get(program.address("fe"), "/").unwrap().status, 200);
}

#[test]
fn answers_to_pipelined_commands_come_in_order() {
    both(|engine| {
        let (program, _origin) = simple(engine)?;
        let mut session = program.admin().open()?;
        session.send("prompt\n")?;
        session.read_through("> ")?;
        let mut sent = String::new();
        let mut wanted = String::new();
        for round in 1..=200 {
            sent.push_str(&format!("set server app/s1 weight {round}\nget weight app/s1\nshow backend\n"));
            wanted.push_str(&format!("\n> {round} (initial 1)\n\n> # name\napp\n\n> "));
        }
        session.send(&sent)?;
        let mut answer = String::new();
        while answer.len() < wanted.len() {
            answer.push_str(&session.read_through("> ")?);
        }
        check_eq!(answer, wanted);
        Ok(())
    });
}

#[test]
fn a_line_that_is_too_long_is_refused_in_words() {
    let engine = Engine::subject().unwrap();
    if engine.name() != "lbd" {
        // 2.6 resets the connection.
        return;
    }
    let (program, _origin) = simple(&engine).unwrap();
    for length in [16_384, 17_000, 40_000, 100_000] {
        let mut session = program.admin().open().unwrap();
        let line = format!("show stat {}\n", "x".repeat(length));
        // What the program does not want to read may be refused while it is written.
        let _ = session.send(&line);
        let (answer, closed) = session.read_until_quiet(lb_testkit::LONG).unwrap();
        assert!(answer.starts_with("The command line is too big for the buffer size."), "{length}: {answer}");
        assert!(closed);
    }
}
