//! Drains that are waited for: to the end, past the deadline, interrupted.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;

use expect_test::expect;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::Engine;

on_both! {
    draining_to_the_end,
    the_deadline_passes,
    somebody_else_ends_the_drain,
    interrupting_leaves_the_state,
}

fn draining_to_the_end(engine: &Engine) {
    engine.check(
        "drain app/web1 --wait --deadline 5s --then maint",
        &expect![[r#"
        app/web1: draining
        app/web1: drained after <t>
        app/web1: in maintenance
        --- exit 0
    "#]],
    );
    engine.check(
        "drain app/web1 --wait --deadline 5s --then maint",
        &expect![[r#"
        app/web1: in maintenance already
        --- exit 0
    "#]],
    );
    engine.check(
        "ready app/web1 app/web6 --wait --deadline 5s",
        &expect![[r#"
        app/web1: ready and running
        app/web6: ready and running already
        app/web1: no check after <t>
        app/web6: UP after <t>
        --- exit 0
    "#]],
    );
    let held = engine.hold();
    let child = engine
        .lbctl(&["drain", "tcpb/db1", "--wait", "--deadline", "10s"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(300));
    drop(held);
    expect![[r#"
        tcpb/db1: draining
        tcpb/db1: drained after <t>
        --- stderr
        tcpb/db1: 1 session left, <t> of 10s
        --- exit 0
    "#]]
    .assert_eq(&engine.told(&child.wait_with_output().unwrap()));
}

fn the_deadline_passes(engine: &Engine) {
    let _held = engine.hold();
    engine.check("drain tcpb/db1 tcpb/db2 --wait --deadline 300ms --then maint", &expect![[r#"
        tcpb/db1: draining
        tcpb/db2: draining
        tcpb/db2: drained after <t>
        tcpb/db2: in maintenance
        --- stderr
        tcpb/db1: 1 session left, <t> of 300ms
        error: the deadline of 300ms passed
          tcpb/db1 still has 1 session
            unix:<n> through tcp, for <t>
        hint: it stays draining; to keep its persistent clients away: lbctl maint tcpb/db1; to end the sessions: lbctl kill-sessions tcpb/db1; to undo: lbctl ready tcpb/db1
        --- exit 5
    "#]]);
    engine.check(
        "wait tcpb/db1 --for drained --deadline 100ms",
        &expect![[r#"
            --- stderr
            tcpb/db1: 1 session left, <t> of 100ms
            error: the deadline of 100ms passed
              tcpb/db1: DRAIN (1 session left)
            --- exit 5
        "#]],
    );
    assert_eq!(engine.run("ready tcpb/*"), 0);
    engine.check(
        "drain tcpb/db1 --deadline 100ms --on-deadline restore",
        &expect![[r#"
            tcpb/db1: draining
            tcpb/db1: ready and running
            --- stderr
            tcpb/db1: 1 session left, <t> of 100ms
            error: the deadline of 100ms passed
              tcpb/db1 still has 1 session
                unix:<n> through tcp, for <t>
            --- exit 5
        "#]],
    );
    engine.check(
        "-s operator.sock wait app/web3 --for up --deadline 100ms",
        &expect![[r#"
            --- stderr
            app/web3: DOWN, <t> of 100ms
            error: the deadline of 100ms passed
              app/web3: DOWN
            --- exit 5
        "#]],
    );
    engine.check(
        "drain tcpb/db1 --deadline 100ms --on-deadline maint",
        &expect![[r#"
            tcpb/db1: draining
            tcpb/db1: in maintenance
            --- stderr
            tcpb/db1: 1 session left, <t> of 100ms
            error: the deadline of 100ms passed
              tcpb/db1 still has 1 session
                unix:<n> through tcp, for <t>
            hint: to end the sessions: lbctl kill-sessions tcpb/db1
            --- exit 5
        "#]],
    );
    engine.check(
        "show stat tcpb --columns status,scur -o csv",
        &expect![[r#"
            pxname,svname,status,scur
            tcpb,db1,MAINT,1
            tcpb,db2,no check,0
            tcpb,BACKEND,UP,1
            --- exit 0
        "#]],
    );
}

fn somebody_else_ends_the_drain(engine: &Engine) {
    let _held = engine.hold();
    let child =
        engine.lbctl(&["drain", "tcpb/db1", "--wait"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(engine.run("ready tcpb/db1"), 0);
    expect![[r#"
        tcpb/db1: draining
        --- stderr
        tcpb/db1: 1 session left, <t>
        error: tcpb/db1 is not draining: it is ready and running
        hint: another operator, or a reload without a state file, put it back
        --- exit 1
    "#]]
    .assert_eq(&engine.told(&child.wait_with_output().unwrap()));
}

fn interrupting_leaves_the_state(engine: &Engine) {
    let _held = engine.hold();
    let mut child =
        engine.lbctl(&["drain", "tcpb/db1", "--wait"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    let mut told = String::new();
    errors.read_line(&mut told).unwrap();
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGINT).unwrap();
    while errors.read_line(&mut told).unwrap() > 0 {}
    expect![[r#"
        tcpb/db1: 1 session left, <t>
        error: interrupted while waiting
          tcpb/db1 stays draining, 1 session left
        hint: to undo: lbctl ready tcpb/db1
    "#]]
    .assert_eq(&engine.normal(&told));
    assert_eq!(child.wait().unwrap().code(), Some(130));
    engine.check(
        "show stat tcpb/db1 --columns status,scur -o csv",
        &expect![[r#"
        pxname,svname,status,scur
        tcpb,db1,DRAIN,1
        --- exit 0
    "#]],
    );
}
