//! Rolls: batches, commands, stopping, going on.

use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use expect_test::expect;

use crate::support::Engine;

on_both! {
    rolling,
    a_failing_command,
    what_cannot_be_rolled,
    one_roll_at_a_time,
}

fn rolling(engine: &Engine) {
    engine.check(
        "roll app/web1 app/web2 tcpb --batch 2 --exec ./deploy --dry-run",
        &expect![[r#"
        batch 1: would take out app/web1 app/web2
          app/web1: would run ./deploy
          app/web2: would run ./deploy
          would bring back app/web1 app/web2
        batch 2: would take out tcpb/db1 tcpb/db2
          tcpb/db1: would run ./deploy
          tcpb/db2: would run ./deploy
          would bring back tcpb/db1 tcpb/db2
        --- exit 0
    "#]],
    );
    std::fs::write(engine.path("deploy"), "#!/bin/sh\necho deploy \"$@\" >> \"$HOME/deployed\"\n").unwrap();
    std::fs::set_permissions(engine.path("deploy"), std::fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(engine.run("maint app/web2"), 0);
    let words = [
        "roll",
        "app/web1",
        "app/web2",
        "app/web6",
        "--batch",
        "34%",
        "--exec",
        "./deploy {name} {addr}",
        "--checked",
        "--min-up",
        "1",
    ];
    let output = engine.lbctl(&words).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    // A check may find the server before it is looked at.
    let told = engine.normal(&String::from_utf8_lossy(&output.stdout));
    let told = told.replace("app/web6: ready and running", "app/web6: ready and down");
    expect![[r#"
        roll 1: 3 servers, 2 at a time
        app/web1: draining
        app/web1: in maintenance
        app/web2: in maintenance already
        app/web1: ready and running
        app/web2: in maintenance already
        app/web6: draining
        app/web6: in maintenance
        app/web6: ready and down
    "#]]
    .assert_eq(&told);
    // Those of one batch run at the same time.
    let deployed = std::fs::read_to_string(engine.path("deployed")).unwrap();
    let mut deployed: Vec<&str> = deployed.split_inclusive('\n').collect();
    deployed.sort_unstable();
    let deployed = deployed.concat();
    expect![[r#"
        deploy app/web1 127.0.0.1
        deploy app/web2 127.0.0.1
        deploy app/web6 127.0.0.1
    "#]]
    .assert_eq(&deployed);
    // Nothing is left to do, and nothing is done twice.
    engine.check(
        "roll --resume 1",
        &expect![[r#"
        roll 1: 0 of 3 servers left
        --- exit 0
    "#]],
    );
    engine.check(
        "show servers app/web1 app/web2 -o json",
        &expect![[r#"
        [
          {
            "server": "app/web1",
            "status": "no check",
            "role": "active",
            "weight": 1,
            "initial_weight": 1,
            "sessions": 0,
            "queued": 0,
            "rate": 0,
            "sessions_total": 0,
            "errors_connect": 0,
            "errors_response": 0,
            "check": null,
            "check_says": null,
            "since_seconds": <t>,
            "address": "127.0.0.1:<port>",
            "tracks": null,
            "admin_state": 0,
            "op_state": 2,
            "out": false
          },
          {
            "server": "app/web2",
            "status": "MAINT",
            "role": "active",
            "weight": 50,
            "initial_weight": 50,
            "sessions": 0,
            "queued": 0,
            "rate": 0,
            "sessions_total": 0,
            "errors_connect": 0,
            "errors_response": 0,
            "check": null,
            "check_says": null,
            "since_seconds": <t>,
            "address": "127.0.0.1:<port>",
            "tracks": null,
            "admin_state": 1,
            "op_state": 0,
            "out": true
          }
        ]
        --- exit 0
    "#]],
    );
}

fn a_failing_command(engine: &Engine) {
    let run = |words: &[&str]| engine.told(&engine.lbctl(words).output().unwrap());
    let words = ["roll", "app/web1", "app/web2", "--exec", "test {server} = web1 || test -e \"$HOME/go\""];
    expect![[r#"
        roll 1: 2 servers, 1 at a time
        app/web1: draining
        app/web1: in maintenance
        app/web1: ready and running
        app/web2: draining
        app/web2: in maintenance
        app/web2: ready and running
        --- stderr
        error: the command of app/web2 ended with status 1: test web2 = web1 || test -e "$HOME/go"
          1 of 2 servers are done
        hint: once the cause is gone: lbctl roll --resume 1
        --- exit 1
    "#]]
    .assert_eq(&run(&words));
    engine.check(
        "show stat app --columns status -o csv",
        &expect![[r#"
        pxname,svname,status
        app,web1,no check
        app,web2,no check
        app,web3,DOWN
        app,web4,MAINT
        app,web5,DOWN
        app,web6,UP
        app,BACKEND,UP
        --- exit 0
    "#]],
    );
    std::fs::write(engine.path("go"), "").unwrap();
    engine.check(
        "roll --resume 1",
        &expect![[r#"
        roll 1: 1 of 2 servers left
        app/web2: draining
        app/web2: in maintenance
        app/web2: ready and running
        --- exit 0
    "#]],
    );
}

fn what_cannot_be_rolled(engine: &Engine) {
    engine.check(
        "roll --resume 9",
        &expect![[r#"
        --- stderr
        error: there is no roll 9 to resume
        hint: its number was told when it began; it belongs to the host and the state directory it began in
        --- exit 4
    "#]],
    );
    engine.check(
        "roll nope",
        &expect![[r#"
        --- stderr
        error: no backend named 'nope' on $DIR/admin.sock
        hint: 'lbctl show backends' lists what there is
        --- exit 4
    "#]],
    );
    engine.check(
        "roll",
        &expect![[r#"
        --- stderr
        error: the following required arguments were not provided:
          <TARGET>...

        Usage: lbctl roll <TARGET>...

        For more information, try '--help'.
        --- exit 2
    "#]],
    );
    engine.check(
        "roll app/web1 --min-up 100% --up-within 100ms",
        &expect![[r#"
        roll 1: 1 server, 1 at a time
        --- stderr
        error: 2 of 6 servers of app would stay up, and --min-up asks for 100%
          0 of 1 servers are done
        hint: once the cause is gone: lbctl roll --resume 1
        --- exit 6
    "#]],
    );
    let _held = engine.hold();
    engine.check(
        "roll tcpb/db1 --deadline 100ms",
        &expect![[r#"
        roll 2: 1 server, 1 at a time
        tcpb/db1: draining
        tcpb/db1: ready and running
        --- stderr
        tcpb/db1: 1 session left, <t> of 100ms
        error: a server was not empty in time
          tcpb/db1 still has 1 session
          0 of 1 servers are done
        hint: once the cause is gone: lbctl roll --resume 2
        --- exit 5
    "#]],
    );
    engine.check(
        "roll tcpb/db1 --deadline 100ms --kill",
        &expect![[r#"
        roll 3: 1 server, 1 at a time
        tcpb/db1: draining
        tcpb/db1: in maintenance
        tcpb/db1: ready and running
        --- stderr
        tcpb/db1: 1 session left, <t> of 100ms
        warning: tcpb/db1: the deadline passed, and its 1 session end now
        hint: --on-deadline kill asked for it; their clients see truncated answers
        --- exit 0
    "#]],
    );
}

fn one_roll_at_a_time(engine: &Engine) {
    let exec = "touch \"$HOME/begun\"; while [ ! -e \"$HOME/go\" ]; do sleep 0.05; done";
    let mut first = engine.lbctl(&["roll", "app/web1", "--exec", exec]);
    let first = first.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    lb_testkit::until("the first to be at work", || engine.path("begun").exists().then_some(())).unwrap();
    engine.check(
        "roll app/web2",
        &expect![[r#"
            --- stderr
            error: another roll is working on app
            hint: nothing was changed; afterwards: lbctl roll --resume 2
            --- exit 6
        "#]],
    );
    engine.check(
        "roll --resume 1",
        &expect![[r#"
            --- stderr
            error: roll 1 is being worked on by another process
            hint: nothing was changed; wait for it, or end it first
            --- exit 6
        "#]],
    );
    std::fs::write(engine.path("go"), "").unwrap();
    assert_eq!(first.unwrap().wait().unwrap().code(), Some(0));
    assert_eq!(engine.run("roll --resume 2"), 0);
}
