//! Rings, `show events` and traces.

use crate::check_eq;
use crate::support::{HEAD, both, start};
use anyhow::Result;
use lb_testkit::client::{Client, get};
use lb_testkit::{Engine, Origin, Program, until};

const RINGS: &str = "
ring small
    description \"a small one\"
    format short
    maxlen 120
    size 16384
ring plain
    format raw
frontend fe
    bind 127.0.0.1:{port:fe}
    log ring@small local0
    log ring@plain format rfc5424 local0
    log-format \"%HM %HU %ST\"
    default_backend app
backend app
    server s1 {o1}
";

fn with_rings(engine: &Engine) -> Result<(Program, Origin)> {
    let origin = Origin::http("o1")?;
    let program = start(engine, &[("o1", &origin)], &format!("{HEAD}{RINGS}"))?;
    Ok((program, origin))
}

#[test]
fn rings_keep_log_lines() {
    both(|engine| {
        let (program, _origin) = with_rings(engine)?;
        for path in ["/a", "/b"] {
            check_eq!(get(program.address("fe"), path)?.status, 200);
        }
        let lines = "<6>GET /a 200\n<6>GET /b 200\n\n";
        until("the lines", || (program.admin().ask("show events small").ok()? == lines).then_some(()))?;
        // A ring's own form counts, not the one of the line that logs to it.
        check_eq!(program.admin().ask("show events plain")?, "GET /a 200\nGET /b 200\n\n");
        check_eq!(program.admin().ask("show events small -n")?, "\n");
        let list = program.admin().ask("show events")?;
        for line in [
            "    stdout     : type=fd, 0 dropped, standard output (fd#1)\n",
            "    buf0       : type=buffer, 0 dropped, in-memory ring buffer\n",
            "    small      : type=buffer, 0 dropped, a small one\n",
            "    plain      : type=buffer, 0 dropped, plain\n",
        ] {
            check_eq!(list.contains(line), true, "{list}");
        }
        for (what, answer) in [
            ("nope", "No such event sink"),
            ("small -z", "unknown option"),
            ("stdout", "Nothing to report for this sink"),
        ] {
            check_eq!(program.admin().ask(&format!("show events {what}"))?.trim_end(), answer);
        }
        Ok(())
    });
}

#[test]
fn rings_forget_the_oldest_lines() {
    both(|engine| {
        let (program, _origin) = with_rings(engine)?;
        let long = "x".repeat(1_000);
        for number in 0..40 {
            get(program.address("fe"), &format!("/{number}/{long}"))?;
        }
        until("the last line", || program.admin().ask("show events plain").ok()?.contains("GET /39/").then_some(()))?;
        let answer = program.admin().ask("show events plain")?;
        check_eq!(answer.contains("GET /0/"), false);
        check_eq!(answer.len() < 17_000, true, "{}", answer.len());
        // Lines are cut at the ring's own length.
        let answer = program.admin().ask("show events small")?;
        check_eq!(answer.lines().all(|line| line.len() <= 120), true);
        Ok(())
    });
}

#[test]
fn events_can_be_followed() {
    both(|engine| {
        let (program, _origin) = with_rings(engine)?;
        get(program.address("fe"), "/before")?;
        until("the line", || program.admin().ask("show events plain").ok()?.contains("/before").then_some(()))?;
        let mut follower = program.admin().open()?;
        follower.send("show events plain -w\n")?;
        check_eq!(follower.read_through("/before 200\n")?, "GET /before 200\n");
        get(program.address("fe"), "/after")?;
        check_eq!(follower.read_through("/after 200\n")?, "GET /after 200\n");
        // A client that sends no more does not wait.
        let mut closed = program.admin().open()?;
        closed.send("show events plain -w -n\n")?;
        closed.half_close()?;
        check_eq!(closed.read_until_quiet(lb_testkit::LONG)?, ("\n".to_owned(), true));
        Ok(())
    });
}

#[test]
fn any_key_ends_following_and_lines_may_end_in_nul() {
    let engine = Engine::subject().unwrap();
    if engine.name() != "lbd" {
        return;
    }
    let (program, _origin) = with_rings(&engine).unwrap();
    get(program.address("fe"), "/x").unwrap();
    until("the line", || (program.admin().ask("show events plain -0").ok()? == "GET /x 200\0\n").then_some(()))
        .unwrap();
    let mut follower = program.admin().open().unwrap();
    follower.send("prompt\n").unwrap();
    follower.read_through("> ").unwrap();
    follower.send("show events plain -w\n").unwrap();
    follower.read_through("/x 200\n").unwrap();
    follower.send("\n").unwrap();
    assert_eq!(follower.read_through("> ").unwrap(), "\n> ");
}

#[test]
fn traces_go_to_a_ring_while_they_run() {
    let engine = Engine::subject().unwrap();
    if engine.name() != "lbd" {
        // The oracle's sources and events are its own.
        return;
    }
    let (program, _origin) = with_rings(&engine).unwrap();
    let ask = |line: &str| program.admin().ask(line).unwrap();
    assert_eq!(ask("trace h1 sink buf0 level proto verbosity clean start now"), "\n");
    assert!(ask("show trace").contains(" [R] h1         -> buf0 [drp 0]  [HTTP/1 exchanges]\n"));
    assert!(ask("show trace").contains(" [.] session    -> none [drp 0]  [client session management]\n"));
    get(program.address("fe"), "/traced").unwrap();
    let mut bad = Client::connect(program.address("fe")).unwrap();
    bad.send("GET / HTTP/1.1\r\nBad header\r\n\r\n").unwrap();
    bad.response().unwrap();
    for text in [
        "|h1|1|rx_req] a request's head was received : fe=fe src=127.0.0.1:",
        "\"GET /traced HTTP/1.1\"",
        "|h1|1|rx_rsp] ",
        "|h1|2|h1s_end] ",
        "|h1|0|req_err] a request was invalid : src=127.0.0.1:",
    ] {
        until(text, || ask("show events buf0").contains(text).then_some(())).unwrap();
    }
    // Only events that were asked for, and only until one stops it.
    assert_eq!(ask("trace h1 event none event rx_req stop rx_rsp"), "\n");
    let seen = ask("show events buf0").lines().count();
    get(program.address("fe"), "/once").unwrap();
    until("the stop", || ask("show trace").contains(" [.] h1 ").then_some(())).unwrap();
    get(program.address("fe"), "/never").unwrap();
    let answer = ask("show events buf0");
    assert_eq!(answer.lines().count(), seen + 1, "{answer}");
    assert!(answer.contains("GET /once "));
    // Other sources.
    ask("trace applet sink buf0 start now;trace server sink buf0 start now;trace session sink buf0 start now");
    ask("set server app/s1 state maint");
    get(program.address("fe"), "/").unwrap();
    for text in ["runs 'set server'", "|server|", "app/s1", "|session|1|sess_new] ", "|session|1|sess_end] "] {
        until(text, || ask("show events buf0").contains(text).then_some(())).unwrap();
    }
    assert_eq!(ask("trace 0"), "All traces now stopped\n\n");
    assert!(!ask("show trace").contains("[R]"));
}

#[test]
fn traces_begin_as_the_configuration_says_and_follow_one_another() {
    let engine = Engine::subject().unwrap();
    if engine.name() != "lbd" {
        return;
    }
    let origin = Origin::http("o1").unwrap();
    let lines = "global\n    maxconnrate 900\n    maxsessrate 800\n    anonkey 77\n    profiling.tasks on\n    \
                 tune.cli.max-payload-size 20\ntraces\n    trace quic sink buf0 start now\n    trace session sink buf0 lock session start now\n    \
                 trace h1 sink buf0 level proto start now\n    trace h1 follow session\n";
    let program = start(&engine, &[("o1", &origin)], &format!("{HEAD}{RINGS}{lines}")).unwrap();
    let ask = |line: &str| program.admin().ask(line).unwrap();
    assert!(program.stderr().contains(": No such trace source 'quic'."), "{}", program.stderr());
    let mut held = Client::connect(program.address("fe")).unwrap();
    assert_eq!(held.get("/held").unwrap().status, 200);
    get(program.address("fe"), "/other").unwrap();
    assert_eq!(held.get("/again").unwrap().status, 200);
    until("the second request", || ask("show events buf0").contains("GET /again ").then_some(())).unwrap();
    let seen = ask("show events buf0");
    assert!(seen.contains("GET /held ") && !seen.contains("GET /other "), "{seen}");
    assert!(ask("trace h1 follow").contains("  * session    : "));
    assert_eq!(ask("trace 0; trace h1 follow h1 start now"), "All traces now stopped\n\n\n");
    get(program.address("fe"), "/free").unwrap();
    until("a request that is followed no more", || ask("show events buf0").contains("GET /free ").then_some(()))
        .unwrap();

    let info = ask("show info");
    assert!(info.contains("\nConnRateLimit: 900\n") && info.contains("\nSessRateLimit: 800\n"), "{info}");
    assert_eq!(ask("set anon on; show anon"), "\nAnonymized mode enabled\nKey : 77\n\n");
    assert!(ask("show profiling status").contains("on  "));
    assert!(ask("set ssl cert x <<\n123456789012345678901234567890\n").starts_with("The payload is too big."));
}

#[test]
fn trace_words_are_checked_before_anything_changes() {
    let engine = Engine::subject().unwrap();
    if engine.name() != "lbd" {
        return;
    }
    let (program, _origin) = with_rings(&engine).unwrap();
    for (line, answer) in [
        ("trace zz", "No such trace source 'zz'"),
        ("trace h1 start now foo x", "Unknown trace keyword 'foo'"),
        ("trace h1 start now level high", "No such trace level"),
        ("trace h1 start now sink nope", "No such sink"),
        ("trace h1 start nope", "No such trace event"),
        ("trace all start now", "The source 'all' takes 'sink', 'level' and 'follow' only, not 'start'."),
    ] {
        assert_eq!(program.admin().ask(line).unwrap(), format!("{answer}\n\n"), "{line}");
    }
    let status = program.admin().ask("show trace").unwrap();
    assert!(!status.contains("[R]") && !status.contains("buf0"), "{status}");
    assert!(program.admin().ask("trace h1 level").unwrap().contains("  * user       : "));
    assert!(program.admin().ask("trace h1 event").unwrap().contains("  + rx_req     : "));
    assert!(
        program
            .admin()
            .ask("show trace h1")
            .unwrap()
            .contains("    rx_req       :        +        -        -       -\n")
    );
}
