//! Each command against a real HAProxy: what it prints, and how it ends.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[macro_use]
mod support;

#[path = "commands/diffs.rs"]
mod diffs;
#[path = "commands/doctor.rs"]
mod doctor;
#[path = "commands/drains.rs"]
mod drains;
#[path = "commands/etcd.rs"]
mod etcd;
#[path = "commands/journal.rs"]
mod journal;
#[path = "commands/kills.rs"]
mod kills;
#[path = "commands/looking.rs"]
mod looking;
#[path = "commands/nodes.rs"]
mod nodes;
#[path = "commands/objects.rs"]
mod objects;
#[path = "commands/pair.rs"]
mod pair;
#[path = "commands/rolls.rs"]
mod rolls;
#[path = "commands/scripts.rs"]
mod scripts;
#[path = "commands/settings.rs"]
mod settings;
#[path = "commands/traps.rs"]
mod traps;
#[path = "commands/workers.rs"]
mod workers;

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;

use expect_test::expect;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::Engine;

on_both! {
    showing,
    changing,
    failing,
    raw_bytes_are_the_engines,
    draining_to_the_end,
    the_deadline_passes,
    somebody_else_ends_the_drain,
    interrupting_leaves_the_state,
    help_needs_no_node,
    lines_of_a_script,
    names_complete_in_bash,
}

fn showing(engine: &Engine) {
    engine.check(
        "show servers",
        &expect![[r#"
            SERVER  STATUS  WEIGHT  SESS  QUEUE  RATE  CHECK  SINCE  ADDRESS
            app/web1  no check  1  0  0  0  -  <t>  127.0.0.1:<port>
            app/web2  no check  50  0  0  0  -  <t>  127.0.0.1:<port>
            app/web3  DOWN  1  0  0  0  L4CON in <t>  <t>  127.0.0.1:1
            app/web4  MAINT  1  0  0  0  -  <t>  127.0.0.1:<port>
            app/web5  DOWN  1  0  0  0  -  <t>  127.0.0.1:<port>
            app/web6  UP  1  0  0  0  L4OK in <t>  <t>  127.0.0.1:<port>
            tcpb/db1  no check  1  0  0  0  -  <t>  127.0.0.1:<port>
            tcpb/db2  no check  1  0  0  0  -  <t>  127.0.0.1:<port>
            --- exit 0
        "#]],
    );
    engine.check(
        "show servers app/web1 tcpb -o wide",
        &expect![[r#"
        SERVER  STATUS  ROLE  WEIGHT  OF  SESS  QUEUE  RATE  TOTAL  ECON  ERESP  CHECK  SINCE  ADDRESS  TRACKS
        app/web1  no check  active  1  1  0  0  0  0  0  0  -  <t>  127.0.0.1:<port>  -
        tcpb/db1  no check  active  1  1  0  0  0  0  0  0  -  <t>  127.0.0.1:<port>  -
        tcpb/db2  no check  backup  1  1  0  0  0  0  0  0  -  <t>  127.0.0.1:<port>  -
        --- exit 0
    "#]],
    );
    engine.check(
        "show servers app/web4 -o json",
        &expect![[r#"
            [
              {
                "server": "app/web4",
                "status": "MAINT",
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
                "admin_state": 5,
                "op_state": 0,
                "out": true
              }
            ]
            --- exit 0
        "#]],
    );
    engine.check(
        "show servers app/web[12] -o csv",
        &expect![[r#"
        --- stderr
        error: invalid value 'app/web[12]' for '[TARGET]...': 'app/web[12]' holds '[', which names do not have

        For more information, try '--help'.
        --- exit 2
    "#]],
    );
    engine.check(
        "show servers app/web? -o name",
        &expect![[r#"
        app/web1
        app/web2
        app/web3
        app/web4
        app/web5
        app/web6
        --- exit 0
    "#]],
    );
    engine.check(
        "show servers app/nope",
        &expect![[r#"
        --- stderr
        error: no server matches 'app/nope' on $DIR/admin.sock
        hint: 'lbctl show servers -o name' lists what there is
        --- exit 4
    "#]],
    );
    engine.check(
        "show backends",
        &expect![[r#"
            BACKEND  STATUS  MODE  SERVERS  UP  SESS  QUEUE  RATE  TOTAL
            app  UP  http  6  3  0  0  0  0
            tcpb  UP  tcp  2  2  0  0  0  0
            --- exit 0
        "#]],
    );
    engine.check(
        "show backends nope",
        &expect![[r#"
        --- stderr
        error: no backend is named 'nope'
        hint: 'lbctl show backends -o name' lists what there is
        --- exit 4
    "#]],
    );
    engine.check("show frontends -o jsonl", &expect![[r#"
        {"frontend":"web","status":"OPEN","mode":"http","sessions":0,"sessions_limit":200,"rate":0,"sessions_total":0,"bytes_in":0,"bytes_out":0,"requests_denied":0,"requests_bad":0}
        {"frontend":"tcp","status":"OPEN","mode":"tcp","sessions":0,"sessions_limit":200,"rate":0,"sessions_total":0,"bytes_in":0,"bytes_out":0,"requests_denied":0,"requests_bad":0}
        --- exit 0
    "#]]);
    engine.check(
        "show stat tcpb",
        &expect![[r#"
            PXNAME  SVNAME  STATUS  WEIGHT  SCUR  SMAX  QCUR  RATE  STOT  BIN  BOUT  ECON  ERESP
            tcpb  db1  no check  1  0  0  0  0  0  0  0  0  0
            tcpb  db2  no check  1  0  0  0  0  0  0  0  0  0
            tcpb  BACKEND  UP  1  0  0  0  0  0  0  0  0  0
            --- exit 0
        "#]],
    );
    engine.check(
        "show stat app/BACKEND --columns status,act -o csv",
        &expect![[r#"
        pxname,svname,status,act
        app,BACKEND,UP,3
        --- exit 0
    "#]],
    );
    engine.check(
        "show stat --columns unthinkable",
        &expect![[r#"
        --- stderr
        error: there is no column 'unthinkable'
        hint: <columns>
        --- exit 4
    "#]],
    );
    engine.check(
        "show info Name Version node",
        &expect![[r#"
            KEY  VALUE
            Name  HAProxy
            Version  <version>
            node  lb-test
            --- exit 0
        "#]],
    );
    engine.check(
        "show info Nbthread node -o json",
        &expect![[r#"
        {
          "Nbthread": 1,
          "node": "lb-test"
        }
        --- exit 0
    "#]],
    );
    engine.check(
        "show info nope",
        &expect![[r#"
        --- stderr
        error: the process tells nothing called 'nope'
        hint: 'lbctl show info -o name' lists what there is
        --- exit 4
    "#]],
    );
    engine.check(
        "-s user.sock show sessions",
        &expect![[r#"
            --- stderr
            error: 'show sess' was refused: Permission denied
            hint: 'show sess' needs level 'operator', and this socket has level 'user'; use one whose 'stats socket' line gives more
            --- exit 3
        "#]],
    );
    let _held = engine.hold();
    engine.check(
        "show sessions tcpb/db1 -o csv",
        &expect![[r#"
            id,source,frontend,backend,server,age,proto
            <ptr>,unix:<n>,tcp,tcpb,db1,<t>,<proto>
            --- exit 0
        "#]],
    );
    engine.check(
        "show sessions app",
        &expect![[r#"
        ID  CLIENT  FRONTEND  BACKEND  SERVER  AGE
        --- exit 0
    "#]],
    );
    engine.check(
        "-s user.sock show servers app/web1",
        &expect![[r#"
            SERVER  STATUS  WEIGHT  SESS  QUEUE  RATE  CHECK  SINCE  ADDRESS
            app/web1  no check  1  0  0  0  -  <t>  127.0.0.1:<port>
            --- exit 0
        "#]],
    );
}

fn changing(engine: &Engine) {
    engine.check(
        "drain app/web1",
        &expect![[r#"
        app/web1: draining
        --- exit 0
    "#]],
    );
    engine.check(
        "drain app/web1",
        &expect![[r#"
        app/web1: draining already
        --- exit 0
    "#]],
    );
    engine.check(
        "maint app/web1 app/web2",
        &expect![[r#"
        app/web1: in maintenance
        app/web2: in maintenance
        --- exit 0
    "#]],
    );
    engine.check(
        "ready app/web1 app/web2 app/web4 -o json",
        &expect![[r#"
        [
          {
            "server": "app/web1",
            "action": "ready",
            "result": "done",
            "state": "ready and running",
            "note": null
          },
          {
            "server": "app/web2",
            "action": "ready",
            "result": "done",
            "state": "ready and running",
            "note": null
          },
          {
            "server": "app/web4",
            "action": "ready",
            "result": "done",
            "state": "ready and running",
            "note": null
          }
        ]
        --- exit 0
    "#]],
    );
    engine.check(
        "ready app/web4",
        &expect![[r#"
        app/web4: ready and running already
        --- exit 0
    "#]],
    );
    engine.check(
        "weight app/web2 50%",
        &expect![[r#"
        app/web2: weight 25 (configured: 50)
        --- exit 0
    "#]],
    );
    engine.check("weight app/web1 50%", &expect![[r#"
        app/web1: weight 0 (configured: 1)
        --- stderr
        warning: 50% of the configured weight 1 is 0: app/web1 gets no new clients
        hint: weights are whole numbers: 'lbctl weight app/web1 1' is the least that gets traffic; a larger 'weight' in the configuration, such as 100, can be shared out
        --- exit 0
    "#]]);
    engine.check("weight app/web1 app/web2 1% -o name", &expect![[r#"
        app/web1
        app/web2
        --- stderr
        warning: 1% of the configured weight 1 is 0: app/web1 gets no new clients
        hint: weights are whole numbers: 'lbctl weight app/web1 1' is the least that gets traffic; a larger 'weight' in the configuration, such as 100, can be shared out
        warning: 1% of the configured weight 50 is 0: app/web2 gets no new clients
        hint: weights are whole numbers: 'lbctl weight app/web2 1' is the least that gets traffic; a larger 'weight' in the configuration, such as 100, can be shared out
        --- exit 0
    "#]]);
    engine.check("-s ./admin.sock weight app/web1 50%", &expect![[r#"
        app/web1: weight 0 already (configured: 1)
        --- stderr
        warning: 50% of the configured weight 1 is 0: app/web1 gets no new clients
        hint: weights are whole numbers: 'lbctl -s ./admin.sock weight app/web1 1' is the least that gets traffic; a larger 'weight' in the configuration, such as 100, can be shared out
        --- exit 0
    "#]]);
    engine.check("weight app/web1 app/web2 50%", &expect![[r#"
        app/web1: weight 0 already (configured: 1)
        app/web2: weight 25 (configured: 50)
        --- stderr
        warning: 50% of the configured weight 1 is 0: app/web1 gets no new clients
        hint: weights are whole numbers: 'lbctl weight app/web1 1' is the least that gets traffic; a larger 'weight' in the configuration, such as 100, can be shared out
        --- exit 0
    "#]]);
    engine.check(
        "weight app/web1 100%",
        &expect![[r#"
        app/web1: weight 1
        --- exit 0
    "#]],
    );
    engine.check(
        "weight app/web2 25",
        &expect![[r#"
        app/web2: weight 25 already (configured: 50)
        --- exit 0
    "#]],
    );
    engine.check(
        "weight app/web2 100%",
        &expect![[r#"
        app/web2: weight 50
        --- exit 0
    "#]],
    );
    engine.check(
        "health app/web1 stopping",
        &expect![[r#"
        app/web1: health stopping
        --- exit 0
    "#]],
    );
    engine.check(
        "health app/web1 up",
        &expect![[r#"
        app/web1: health up
        --- exit 0
    "#]],
    );
    engine.check(
        "weight app/web1 0",
        &expect![[r#"
        app/web1: weight 0 (configured: 1)
        --- exit 0
    "#]],
    );
    engine.check(
        "ready app/web1",
        &expect![[r#"
        app/web1: ready and running already (its weight is 0: 'lbctl weight app/web1 100%' gives it traffic)
        --- exit 0
    "#]],
    );
}

fn failing(engine: &Engine) {
    engine.check(
        "drain app/wbe1",
        &expect![[r#"
        --- stderr
        error: no server is named 'app/wbe1' on $DIR/admin.sock
        hint: did you mean app/web1? 'lbctl show servers -o name' lists what there is
        --- exit 4
    "#]],
    );
    engine.check(
        "drain ap/web1",
        &expect![[r#"
        --- stderr
        error: no backend named 'ap' on $DIR/admin.sock
        hint: did you mean 'app'? 'lbctl show backends' lists what there is
        --- exit 4
    "#]],
    );
    engine.check(
        "drain app/web1 */nope*",
        &expect![[r#"
        --- stderr
        error: no server matches '*/nope*' on $DIR/admin.sock
        hint: 'lbctl show servers -o name' lists what there is
        --- exit 4
    "#]],
    );
    engine.check(
        "show servers app/web1 --columns x",
        &expect![[r#"
        --- stderr
        error: there is no column 'x'
        hint: there are server status role weight initial_weight sessions queued rate sessions_total errors_connect errors_response check check_says since_seconds address tracks admin_state op_state out
        --- exit 4
    "#]],
    );
    engine.check("drain app", &expect![[r#"
        --- stderr
        error: invalid value 'app' for '[TARGET]...': 'app' names no server; write backend/server, or 'app/*' for all servers of a backend

        For more information, try '--help'.
        --- exit 2
    "#]]);
    engine.check("drain app/#1", &expect![[r#"
        --- stderr
        error: invalid value 'app/#1' for '[TARGET]...': 'app/#1' uses an id, which may be another server after a reload; name the server: backend/server

        For more information, try '--help'.
        --- exit 2
    "#]]);
    engine.check("drain #3/web1", &expect![[r#"
        --- stderr
        error: invalid value '#3/web1' for '[TARGET]...': '#3/web1' uses an id, which may be another server after a reload; name the server: backend/server

        For more information, try '--help'.
        --- exit 2
    "#]]);
    engine.check(
        "weight app/web1 300",
        &expect![[r#"
            --- stderr
            error: invalid value '300' for '<WEIGHT>': a weight is a whole number from 0 to 256, or a percentage of the configured one such as 50%

            For more information, try '--help'.
            --- exit 2
        "#]],
    );
    engine.check(
        "weight app/web1 -1",
        &expect![[r#"
        --- stderr
        error: unexpected argument '-1' found

          tip: to pass '-1' as a value, use '-- -1'

        Usage: lbctl weight [OPTIONS] <TARGET>... <WEIGHT>

        For more information, try '--help'.
        --- exit 2
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
    engine.check(
        "health app/web1 app/web5 up",
        &expect![[r#"
        app/web1: health up
        --- stderr
        error: 'set server app/web5 health up' was refused: cannot change health on a tracking server.
        hint: 'lbctl show servers app/web5 -o wide' tells more of it
        --- exit 7
    "#]],
    );
    engine.check(
        "health app/web4 up",
        &expect![[r#"
            --- stderr
            error: 'set server app/web4 health up' was accepted, yet app/web4 is in maintenance
            hint: a server in maintenance has no health of its own: bring it back first
            --- exit 1
        "#]],
    );
    engine.check(
        "-s user.sock drain app/web1",
        &expect![[r#"
            --- stderr
            error: 'set server app/web1 state drain' was refused: Permission denied
            hint: 'set server' needs level 'admin', and this socket has level 'user'; use one whose 'stats socket' line gives more
            --- exit 3
        "#]],
    );
    engine.check("-s operator.sock drain app/web1 app/web2", &expect![[r#"
        --- stderr
        error: 'set server app/web1 state drain' was refused: Permission denied
        hint: 'set server' needs level 'admin', and this socket has level 'operator'; use one whose 'stats socket' line gives more
        --- exit 3
    "#]]);
    engine.check(
        "-s nowhere.sock drain app/web1",
        &expect![[r#"
        --- stderr
        error: cannot connect to nowhere.sock: No such file or directory (os error 2)
        hint: there is no such file; is the engine running, and does its configuration have 'stats socket nowhere.sock'?
        --- exit 3
    "#]],
    );
    engine.check(
        "-s haproxy.cfg drain app/web1",
        &expect![[r#"
        --- stderr
        error: cannot connect to haproxy.cfg: Connection refused (os error 111)
        hint: the file is there but nothing listens on it: the engine has stopped, or this is no socket
        --- exit 3
    "#]],
    );
    engine.check(
        "-s tcp://127.0.0.1:1 show info",
        &expect![[r#"
        --- stderr
        error: cannot connect to tcp://127.0.0.1:1: Connection refused (os error 111)
        hint: nothing listens there; is there a 'stats socket ipv4@127.0.0.1:1' line?
        --- exit 3
    "#]],
    );
    engine.check("-s http://x show info", &expect![[r#"
        --- stderr
        error: invalid value 'http://x' for '--socket <ADDRESS>': 'http://x' has an unknown scheme; known are unix://, tcp:// and ssh://

        For more information, try '--help'.
        --- exit 2
    "#]]);
    engine.check(
        "-s web.sock show info",
        &expect![[r#"
            --- stderr
            error: web.sock answered 'show info' with something else than the Runtime API does: the lines 'Name' and 'Version' are missing
            hint: is this an admin socket ('stats socket') of lbd or HAProxy?
            --- exit 3
        "#]],
    );
    engine.check(
        "drain app/web1 --on-deadline maint",
        &expect![[r#"
            --- stderr
            error: the following required arguments were not provided:
              --deadline <TIME>

            Usage: lbctl drain --deadline <TIME> --on-deadline <WHAT> <TARGET>...

            For more information, try '--help'.
            --- exit 2
        "#]],
    );
}

fn raw_bytes_are_the_engines(engine: &Engine) {
    engine.check(
        "raw show backend",
        &expect![[r#"
        # name
        app
        tcpb

        --- exit 0
    "#]],
    );
    engine.check(
        "raw set server app/web1 state drain",
        &expect![[r#"

        --- exit 0
    "#]],
    );
    engine.check(
        "raw set server app/nope state drain",
        &expect![[r#"
        No such server.

        --- exit 4
    "#]],
    );
    engine.check_each(
        "raw show cli level; foo",
        &expect![[r#"
            admin

            Unknown command: 'foo', but maybe one of the following ones is a better match:
              <suggestions>

            --- exit 1
        "#]],
        &expect![[r#"
            admin

            Unknown command, but maybe one of the following ones is a better match:
              <suggestions>

            --- exit 1
        "#]],
    );
    engine.check(
        "-s user.sock raw set server app/web1 state drain",
        &expect![[r#"
        Permission denied

        --- exit 3
    "#]],
    );
    engine.check(
        "raw quit",
        &expect![[r#"
        --- exit 0
    "#]],
    );
    engine.check_stdin(
        "",
        "show cli level;show backend\n",
        &expect![[r#"
        admin

        # name
        app
        tcpb

        --- exit 0
    "#]],
    );
    engine.check_stdin(
        "",
        "show cli level\nshow servers state nope\nshow cli level\n",
        &expect![[r#"
            admin

            Can't find backend.

            admin

            --- exit 4
        "#]],
    );
    // The payload's lines are no commands, whether or not the engine has maps.
    let refused = engine.told_of_stdin("raw", "add map nope <<\na b\n\nshow cli level\n");
    assert!(refused.starts_with("Unknown ") && !refused.contains("'a'"), "{refused}");
    assert!(refused.contains("\n\nadmin\n\n--- exit "), "{refused}");
    assert!(!refused.ends_with("exit 0\n"), "{refused}");
    // Nothing uses this backend, and the answer tells no time: it is the same twice.
    let answer = engine.lbctl(&["raw", "show", "servers", "conn", "tcpb"]).output().unwrap().stdout;
    assert!(!answer.is_empty());
    assert_eq!(answer, engine.ask("show servers conn tcpb"));
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

fn help_needs_no_node(engine: &Engine) {
    engine.check(
        "help exit-codes",
        &expect![[r#"
                0  done, or already so
                1  the engine refused, or the state read afterwards disagrees; doctor found an error, diff a difference
                2  the command line is wrong; nothing was sent
                3  the engine could not be reached, did not answer, or denies it at this socket's level
                4  no such backend, server or object; nothing was changed
                5  the deadline passed before the goal was reached
                6  a guard or the operator refused; nothing was changed
                7  some servers or nodes were changed or answered and some were not
              130  interrupted; the state stays as it is
            --- exit 0
        "#]],
    );
    engine.check(
        "help nope",
        &expect![[r#"
        --- stderr
        error: no help on 'nope'
        hint: 'lbctl help' lists the commands; 'lbctl help exit-codes' explains the exit statuses
        --- exit 2
    "#]],
    );
    engine.check(
        "--version",
        &expect![[r#"
        lbctl 0.1.0
        --- exit 0
    "#]],
    );
    engine.check(
        "nope",
        &expect![[r#"
            --- stderr
            error: unrecognized subcommand 'nope'

              tip: a similar subcommand exists: 'top'

            Usage: lbctl [OPTIONS] [COMMAND]

            For more information, try '--help'.
            --- exit 2
        "#]],
    );
}

fn lines_of_a_script(engine: &Engine) {
    // A prompt without a terminal does what exec does.
    for command in ["repl", "exec"] {
        engine.check_stdin(
            command,
            "drain app/web1\nshow cli level\n\nshow servers app/web1 -o name\n",
            &expect![[r#"
                app/web1: draining
                admin

                app/web1
                --- exit 0
            "#]],
        );
        engine.check_stdin(
            command,
            "show cli level\nset server app/nope state ready\ndrain app/nope\nshow cli level\n",
            &expect![[r#"
                admin

                No such server.

                admin

                --- stderr
                error: line 2 failed: set server app/nope state ready
                error: no server is named 'app/nope' on $DIR/admin.sock
                  at line 3: drain app/nope
                hint: 'lbctl show servers -o name' lists what there is
                --- exit 4
            "#]],
        );
        engine.check_stdin(
            command,
            "weight app/web1\n\\y\n",
            &expect![[r#"
                --- stderr
                error: invalid value 'app/web1' for '<WEIGHT>': a weight is a whole number from 0 to 256, or a percentage of the configured one such as 50%

                For more information, try '--help'.
                  at line 1: weight app/web1
                error: there is no \y
                  at line 2: \y
                hint: \? lists what there is
                --- exit 2
            "#]],
        );
        // What a line sets holds for those that follow.
        engine.check_stdin(
            command,
            "\\x on\n\\o kept.txt\nshow servers tcpb/db1 --columns server,weight\n\\o\nshow info node \\g | tr a-z A-Z\nshow servers tcpb/db2 --columns server,weight\n\\q\nshow nothing\n",
            &expect![[r#"
                KEY  VALUE
                NODE  LB-TEST
                -- 1 tcpb/db2
                SERVER  tcpb/db2
                WEIGHT  1
                --- exit 0
            "#]],
        );
        let kept = std::fs::read_to_string(engine.path("kept.txt")).unwrap();
        assert_eq!(kept, "-- 1 tcpb/db1\nSERVER  tcpb/db1\nWEIGHT  1\n");
        assert_eq!(engine.run("ready app/web1"), 0);
    }
}

fn names_complete_in_bash(engine: &Engine) {
    let script = "source <(lbctl completion bash); COMP_WORDS=(lbctl drain tcpb/); COMP_CWORD=2; COMP_LINE='lbctl drain \
                  tcpb/'; COMP_POINT=17; COMP_TYPE=9; _clap_complete_lbctl lbctl tcpb/ drain; printf '%s\\n' \"${COMPREPLY[@]}\"";
    let bin = std::path::Path::new(env!("CARGO_BIN_EXE_lbctl")).parent().unwrap();
    let output = std::process::Command::new("bash")
        .args(["--norc", "-c", script])
        .env("PATH", format!("{}:/usr/bin:/bin", bin.display()))
        .env("LBCTL_SOCKET", engine.path("admin.sock"))
        .output()
        .unwrap();
    expect![[r#"
        tcpb/db1
        tcpb/db2
        --- exit 0
    "#]]
    .assert_eq(&engine.told(&output));
}
