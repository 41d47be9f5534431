//! The drain's workflow: deadlines, holders, the background, coming back.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::Stdio;

use expect_test::expect;

use crate::support::Engine;

on_both! {
    sessions_end_at_the_deadline,
    in_the_background,
    coming_back,
    by_and_by,
    conditions,
}

fn sessions_end_at_the_deadline(engine: &Engine) {
    let _held = engine.hold();
    engine.check(
        "drain tcpb/db1 --deadline 100ms --on-deadline kill --then maint --show-holders",
        &expect![[r#"
        tcpb/db1: draining
        tcpb/db1: drained after <t>
        tcpb/db1: in maintenance
        --- stderr
        tcpb/db1: 1 session left; held by unix:<n> through tcp, for <t>, <t> of 100ms
        warning: tcpb/db1: the deadline passed, and its 1 session end now
        hint: --on-deadline kill asked for it; their clients see truncated answers
        --- exit 0
    "#]],
    );
}

fn in_the_background(engine: &Engine) {
    engine.check(
        "drain tcpb/nope --detach",
        &expect![[r#"
        --- stderr
        error: no server is named 'tcpb/nope' on $DIR/admin.sock
        hint: 'lbctl show servers -o name' lists what there is
        --- exit 4
    "#]],
    );
    let held = engine.hold();
    engine.check(
        "drain tcpb/db1 --wait --detach",
        &expect![[r#"
        1: goes on in the background; 'lbctl drain --monitor 1' shows how it goes
        --- exit 0
    "#]],
    );
    let mut watcher =
        engine.lbctl(&["drain", "--monitor", "1"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 18];
    watcher.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(&first, b"tcpb/db1: draining");
    drop(held);
    let ended = watcher.wait_with_output().unwrap();
    assert!(String::from_utf8_lossy(&ended.stdout).contains("drained after"), "{ended:?}");
    assert_eq!(ended.status.code(), Some(0));
    engine.check(
        "drain --monitor 7",
        &expect![[r#"
        --- stderr
        error: there is no run 7
        hint: --detach tells the number of the run it starts
        --- exit 4
    "#]],
    );
}

fn coming_back(engine: &Engine) {
    assert_eq!(engine.run("maint app/web1 app/web6"), 0);
    let line = ["ready", "app/web6", "--checked", "--wait", "30s", "--trace-wire"];
    let output = engine.lbctl(&line).output().unwrap();
    let (told, wire) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(told.contains("app/web6: UP after"), "{told}{wire}");
    // On one line: between two commands it would serve unchecked.
    assert!(wire.contains("> set server app/web6 state ready; set server app/web6 health down\n"), "{wire}");
    assert_eq!(output.status.code(), Some(0));
    engine.check(
        "ready app/web1 --checked",
        &expect![[r#"
        app/web1: ready and running
        --- stderr
        warning: app/web1 has no check: it serves at once
        hint: 'check' on its server line lets --checked wait for one
        --- exit 0
    "#]],
    );
    // A time after --wait, or the first target.
    engine.check(
        "ready --wait app/web1",
        &expect![[r#"
        app/web1: ready and running already
        app/web1: no check after <t>
        --- exit 0
    "#]],
    );
    engine.check(
        "ready app/web3 --wait 100ms",
        &expect![[r#"
        app/web3: ready and down already
        --- stderr
        app/web3: DOWN, <t> of 100ms
        error: the deadline of 100ms passed
          app/web3: DOWN
        --- exit 5
    "#]],
    );
}

fn by_and_by(engine: &Engine) {
    assert_eq!(engine.run("maint app/web2"), 0);
    engine.check(
        "ready app/web2 --ramp 10%,50%,100% --every 10ms --abort-if econ>5",
        &expect![[r#"
        app/web2: weight 5 (configured: 50)
        app/web2: ready and running
        app/web2: weight 25 (configured: 50)
        app/web2: weight 50
        --- exit 0
    "#]],
    );
    assert_eq!(engine.run("drain app/web2"), 0);
    engine.check(
        "ready app/web2 --ramp 10%,100% --every 10ms --abort-if weight<50",
        &expect![[r#"
        app/web2: weight 5 (configured: 50)
        app/web2: ready and running
        app/web2: draining
        app/web2: weight 50
        --- stderr
        error: app/web2: weight<50 (5.0), and every server was put back
        hint: nothing else was tried; look at the server's log before the next attempt
        --- exit 6
    "#]],
    );
    engine.check(
        "ready app/web2 --ramp 0%",
        &expect![[r#"
        --- stderr
        error: invalid value '0%' for '--ramp <%,%…>': a step is a percentage from 1% to 100%

        For more information, try '--help'.
        --- exit 2
    "#]],
    );
}

fn conditions(engine: &Engine) {
    engine.check(
        "wait tcpb/db1 --for scur<1",
        &expect![[r#"
        tcpb/db1: scur<1 holds after <t> (0)
        --- exit 0
    "#]],
    );
    engine.check(
        "wait tcpb/db1 --for scur>0 --deadline 100ms",
        &expect![[r#"
        --- stderr
        tcpb/db1: waiting for scur>0, <t> of 100ms
        error: the deadline of 100ms passed
          tcpb/db1: scur>0 does not hold (0)
        --- exit 5
    "#]],
    );
    engine.check("wait tcpb/db1 --for nope>0", &expect![[r#"
        --- stderr
        error: invalid value 'nope>0' for '--for <GOAL>': there is no column 'nope'; 'lbctl raw show stat' names them, and 4xx, 5xx, sessions and queue are known too

        For more information, try '--help'.
        --- exit 2
    "#]]);
    let mut client = UnixStream::connect(engine.path("tcp.sock")).unwrap();
    client.write_all(b"x").unwrap();
    client.read_exact(&mut [0]).unwrap();
    engine.check(
        "wait tcpb/db1 --for sessions>=1",
        &expect![[r#"
        tcpb/db1: sessions>=1 holds after <t> (1)
        --- exit 0
    "#]],
    );
}
