//! What surprises in the Runtime API, and what lbctl makes of it. Each function is one surprise, seen on a running engine;
//! that of old workers is in `workers`, that of lists and payloads in `objects`.

use std::os::unix::net::UnixStream;
use std::process::Stdio;

use expect_test::expect;

use crate::support::Engine;

on_both! {
    a_failure_is_prose,
    words_are_no_failure,
    severities_hide_no_refusal,
    answers_come_whole,
    each_line_has_its_connection,
    a_long_line_breaks_the_connection,
    a_wait_is_not_interrupted,
    the_eleventh_connection_hangs,
    a_drained_server_that_is_down_is_draining,
    a_disabled_server_that_is_ready_keeps_a_mark,
    a_tracking_server_is_not_its_own,
    a_server_back_from_maintenance_has_passed_no_check,
    nobody_is_left_when_all_drain,
    sessions_count_and_connections_do_not,
    levels_deny,
}

fn a_failure_is_prose(engine: &Engine) {
    engine.check(
        "raw set server app/nope state ready",
        &expect![[r#"
        No such server.

        --- exit 4
    "#]],
    );
    engine.check(
        "raw set server nope/web1 state ready",
        &expect![[r#"
        No such backend.

        --- exit 4
    "#]],
    );
    engine.check(
        "raw set server app state ready",
        &expect![[r#"
        Require 'backend/server'.

        --- exit 1
    "#]],
    );
    // Words after a complete command are taken in silence: success all the same.
    engine.check(
        "raw set server app/web1 state ready extra junk",
        &expect![[r#"

        --- exit 0
    "#]],
    );
}

fn words_are_no_failure(engine: &Engine) {
    let told = |words: &str| engine.told_of_stdin("", words);
    assert!(told("set server app/web1 addr 127.0.0.2\n").ends_with("exit 0\n"));
    assert!(told("set server app/web1 addr 127.0.0.2\n").ends_with("exit 0\n"), "nothing to change is no failure");
    assert!(told("set server app/web1 addr nonsense\n").ends_with("exit 1\n"));
}

fn severities_hide_no_refusal(engine: &Engine) {
    engine.check(
        "raw set severity-output number; set server app/nope state ready",
        &expect![[r#"

        [3]: No such server.

        --- exit 4
    "#]],
    );
    engine.check(
        "raw set severity-output string; set server app/web1 state ready",
        &expect![[r#"


        --- exit 0
    "#]],
    );
}

fn answers_come_whole(engine: &Engine) {
    // Some answers hold empty lines of their own, and more follows.
    for command in ["show info;show backend", "show servers conn tcpb;show cli level;show backend"] {
        let output = engine.lbctl(&["raw", command]).output().unwrap();
        let count = |bytes: &[u8]| bytes.iter().filter(|b| **b == b'\n').count();
        assert_eq!(count(&output.stdout), count(&engine.ask(command)), "{command}");
        assert_eq!(output.status.code(), Some(0));
    }
}

fn each_line_has_its_connection(engine: &Engine) {
    // On one connection 3.x runs the first line only, and says nothing.
    engine.check_stdin(
        "",
        "show cli level\nshow backend\n",
        &expect![[r#"
        admin

        # name
        app
        tcpb

        --- exit 0
    "#]],
    );
    // A prompt ends with its connection.
    let told = engine.told_of_stdin("", "prompt\nshow cli level\n");
    assert!(told.contains("admin\n"), "{told}");
}

fn a_long_line_breaks_the_connection(engine: &Engine) {
    let line = format!("show servers state {}", "x".repeat(40_000));
    let output = engine.lbctl(&["raw", &line]).output().unwrap();
    // Told in words, or by closing: never taken for done.
    assert!(matches!(output.status.code(), Some(1 | 3 | 4)), "{}", engine.told(&output));
}

fn a_wait_is_not_interrupted(engine: &Engine) {
    // 2.6 has no such command; where it is, it must not take us for gone.
    let told = engine.told(&engine.lbctl(&["raw", "wait", "10ms"]).output().unwrap());
    assert!(!told.contains("Interrupted"), "{told}");
}

fn the_eleventh_connection_hangs(engine: &Engine) {
    let taken: Vec<UnixStream> = (0..10).map(|_| UnixStream::connect(engine.path("user.sock")).unwrap()).collect();
    // All are accepted before the eleventh comes.
    lb_testkit::until("no more to be served", || {
        let output = engine.lbctl(&["-s", "user.sock", "--timeout", "300ms", "show", "info"]).output().unwrap();
        (output.status.code() == Some(3)).then_some(())
    })
    .unwrap();
    engine.check("-s user.sock --timeout 300ms show info", &expect![[r#"
        --- stderr
        error: no answer from user.sock to 'show info' within 300 ms (0 bytes received)
        hint: the engine may be busy, or all of its admin connections are taken (10 by default; 'maxconn' on the 'stats socket' line)
        --- exit 3
    "#]]);
    drop(taken);
}

fn a_drained_server_that_is_down_is_draining(engine: &Engine) {
    engine.check(
        "drain app/web3",
        &expect![[r#"
        app/web3: draining
        --- exit 0
    "#]],
    );
    engine.check(
        "show stat app/web3 --columns status -o csv",
        &expect![[r#"
        pxname,svname,status
        app,web3,DOWN
        --- exit 0
    "#]],
    );
    engine.check(
        "drain app/web3 --wait",
        &expect![[r#"
        app/web3: draining already
        app/web3: drained after <t>
        --- exit 0
    "#]],
    );
}

fn a_disabled_server_that_is_ready_keeps_a_mark(engine: &Engine) {
    assert_eq!(engine.run("ready app/web4"), 0);
    let state = String::from_utf8(engine.ask("show servers state app")).unwrap();
    let web4 = state.lines().find(|l| l.contains(" web4 ")).unwrap();
    assert_eq!(web4.split(' ').nth(6), Some("4"), "{web4}");
    engine.check(
        "ready app/web4",
        &expect![[r#"
        app/web4: ready and running already
        --- exit 0
    "#]],
    );
}

fn a_tracking_server_is_not_its_own(engine: &Engine) {
    assert_eq!(engine.run("drain app/web3"), 0);
    // The drain is the tracked server's: asking for ready changes nothing, and says so.
    engine.check(
        "ready app/web5",
        &expect![[r#"
        app/web5: draining as the server it tracks already
        --- exit 0
    "#]],
    );
    engine.check(
        "health app/web5 up",
        &expect![[r#"
        --- stderr
        error: 'set server app/web5 health up' was refused: cannot change health on a tracking server.
        hint: 'lbctl show servers app/web5 -o wide' tells more of it
        --- exit 1
    "#]],
    );
}

fn a_server_back_from_maintenance_has_passed_no_check(engine: &Engine) {
    // Its check fails: without --checked it would serve until the check had found that out.
    assert_eq!(engine.run("maint app/web3"), 0);
    engine.check(
        "ready app/web3 --checked",
        &expect![[r#"
        app/web3: ready and down
        --- exit 0
    "#]],
    );
    engine.check(
        "wait app/web3 --for up --deadline 50ms -o name",
        &expect![[r#"
        --- stderr
        app/web3: DOWN, <t> of 50ms
        error: the deadline of 50ms passed
          app/web3: DOWN
        --- exit 5
    "#]],
    );
}

fn nobody_is_left_when_all_drain(engine: &Engine) {
    engine.check(
        "drain tcpb/* --min-up 1 --yes",
        &expect![[r#"
        --- stderr
        error: 0 of 1 servers of tcpb would stay up, and --min-up asks for 1
        hint: nothing was changed; bring others back first, or take fewer out at a time
        --- exit 6
    "#]],
    );
    assert_eq!(engine.run("drain tcpb/* --yes"), 0);
    engine.check(
        "show backends tcpb -o csv",
        &expect![[r#"
        backend,status,mode,algorithm,servers,servers_up,weight,sessions,queued,rate,sessions_total
        tcpb,DOWN,tcp,leastconn,2,0,0,0,0,0,0
        --- exit 0
    "#]],
    );
}

fn sessions_count_and_connections_do_not(engine: &Engine) {
    // A live TCP session is in no column of used connections.
    let _held = engine.hold();
    let mut drain = engine.lbctl(&["drain", "tcpb/db1", "--deadline", "200ms"]);
    drain.stderr(Stdio::null()).stdout(Stdio::null());
    assert_eq!(drain.status().unwrap().code(), Some(5));
}

fn levels_deny(engine: &Engine) {
    engine.check("-s operator.sock drain app/web1", &expect![[r#"
        --- stderr
        error: 'set server app/web1 state drain' was refused: Permission denied
        hint: 'set server' needs level 'admin', and this socket has level 'operator'; use one whose 'stats socket' line gives more
        --- exit 3
    "#]]);
    engine.check("-s user.sock drain app/web1 --show-holders --deadline 1s", &expect![[r#"
        --- stderr
        error: 'set server app/web1 state drain' was refused: Permission denied
        hint: 'set server' needs level 'admin', and this socket has level 'user'; use one whose 'stats socket' line gives more
        --- exit 3
    "#]]);
}

const SECTIONS: &str = "
backend fixed
  balance static-rr
  server s1 127.0.0.1:$PORT weight 10
backend 4
  server s1 127.0.0.1:$PORT
";

fn on_each(test: impl Fn(&Engine)) {
    for engine in [Engine::start_lbd_with(|_| (), SECTIONS), Engine::start_haproxy_with(|_| (), SECTIONS)] {
        engine.iter().for_each(&test);
    }
}

#[test]
fn static_algorithms_take_all_or_nothing() {
    on_each(static_algorithms);
}

fn static_algorithms(engine: &Engine) {
    engine.check("weight fixed/s1 50%", &expect![[r#"
        --- stderr
        error: 'set server fixed/s1 weight 50%' was refused: Backend is using a static LB algorithm and only accepts weights '0%' and '100%'.
        hint: 'lbctl show servers fixed/s1 -o wide' tells more of it
        --- exit 1
    "#]]);
    engine.check("ready fixed/s1 --ramp 50%,100%", &expect![[r#"
        --- stderr
        error: 'set server fixed/s1 weight 5' was refused: Backend is using a static LB algorithm and only accepts weights '0%' and '100%'.
        hint: 'lbctl show servers fixed/s1 -o wide' tells more of it
        error: the weight cannot be brought up in steps
        hint: static algorithms ('static-rr', map-based hashes) take only 0% and 100%: leave --ramp out
        --- exit 1
    "#]]);
    engine.check(
        "weight fixed/s1 0%",
        &expect![[r#"
        fixed/s1: weight 0 (configured: 10)
        --- exit 0
    "#]],
    );
}

#[test]
fn a_number_is_a_name() {
    on_each(numbers);
}

fn numbers(engine: &Engine) {
    engine.check(
        "drain 4/s1 --wait",
        &expect![[r#"
        4/s1: draining
        4/s1: drained after <t>
        --- exit 0
    "#]],
    );
    engine.check(
        "show servers 4 -o name",
        &expect![[r#"
        4/s1
        --- exit 0
    "#]],
    );
    engine.check("drain app/#1", &expect![[r#"
        --- stderr
        error: invalid value 'app/#1' for '[TARGET]...': 'app/#1' uses an id, which may be another server after a reload; name the server: backend/server

        For more information, try '--help'.
        --- exit 2
    "#]]);
}
