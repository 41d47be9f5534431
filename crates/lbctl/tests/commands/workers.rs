//! The master's socket, and workers that a reload has left behind, on HAProxy.

use expect_test::expect;

use crate::support::Engine;

#[test]
fn old_workers_hold_a_server() {
    let Some(engine) = Engine::start_haproxy_master() else { return };
    let held = engine.hold();
    engine.check(
        "-s master.sock@1 show sessions tcpb/db1 -o csv",
        &expect![[r#"
        id,source,frontend,backend,server,age,proto
        <ptr>,unix:<n>,tcp,tcpb,db1,<t>,<proto>
        --- exit 0
    "#]],
    );
    // In a chain each command needs the worker's name.
    engine.check(
        "-s master.sock@1 raw show cli level; show cli level",
        &expect![[r#"
        admin

        admin

        --- exit 0
    "#]],
    );
    // A master loses severities: refusals are known by their words all the same.
    engine.check(
        "-s master.sock@1 raw set severity-output number; set server app/nope state ready",
        &expect![[r#"

        No such server.

        --- exit 4
    "#]],
    );
    assert_eq!(engine.run("-s master.sock raw reload"), 3, "2.6 closes without an answer");
    lb_testkit::until("the old worker to be one", || {
        let shown = engine.lbctl(&["-s", "master.sock", "raw", "show", "proc"]).output().unwrap().stdout;
        let shown = String::from_utf8(shown).unwrap();
        shown.split_once("# old workers\n").and_then(|(_, old)| old.contains(" worker ").then_some(()))
    })
    .unwrap();
    // Its process's command line tells where the master's socket is.
    engine.check("doctor --area workers", &expect![[r#"
        warning  workers: $DIR/master.sock@!<pid>: a worker of before a reload still has 1 session
                 cure: lbctl -s '$DIR/master.sock@!<pid>' show sessions; they end it, or 'hard-stop-after' in the global section
        0 errors, 1 warning, 0 notes
        --- exit 0
    "#]]);
    // The new worker knows nothing of the session; the old one answers about it.
    engine.check(
        "wait tcpb/db1 --for scur<1",
        &expect![[r#"
        tcpb/db1: scur<1 holds after <t> (0)
        --- exit 0
    "#]],
    );
    engine.check("-s master.sock@1 drain tcpb/db1 --deadline 100ms", &expect![[r#"
        tcpb/db1: draining
        --- stderr
        tcpb/db1: 0 sessions, 1 on old workers left, <t> of 100ms
        error: the deadline of 100ms passed
          tcpb/db1 still has 0 sessions, 1 on old workers
            unix:<n> through tcp, for <t>, on an old worker
        hint: it stays draining; to keep its persistent clients away: lbctl -s master.sock@1 maint tcpb/db1; to end the sessions: lbctl -s master.sock@1 kill-sessions tcpb/db1; to undo: lbctl -s master.sock@1 ready tcpb/db1
        --- exit 5
    "#]]);
    engine.check("drain tcpb/db1 --deadline 100ms --master master.sock", &expect![[r#"
        tcpb/db1: draining already
        --- stderr
        tcpb/db1: 0 sessions, 1 on old workers left, <t> of 100ms
        error: the deadline of 100ms passed
          tcpb/db1 still has 0 sessions, 1 on old workers
            unix:<n> through tcp, for <t>, on an old worker
        hint: it stays draining; to keep its persistent clients away: lbctl maint tcpb/db1; to end the sessions: lbctl kill-sessions tcpb/db1; to undo: lbctl ready tcpb/db1
        --- exit 5
    "#]]);
    engine.check(
        "-s master.sock@1 drain tcpb/db1 --deadline 10s --old-workers ignore",
        &expect![[r#"
        tcpb/db1: draining already
        tcpb/db1: drained after <t>
        --- exit 0
    "#]],
    );
    engine.check(
        "drain tcpb/db1 --deadline 100ms --old-workers wait",
        &expect![[r#"
        --- stderr
        error: old workers are seen through the master, and $DIR/admin.sock names none
        hint: --master ADDRESS, or 'master' of the node in the configuration file
        --- exit 2
    "#]],
    );
    engine.check(
        "-s master.sock@1 drain tcpb/db1 --deadline 30s --old-workers kill",
        &expect![[r#"
        tcpb/db1: draining already
        tcpb/db1: 1 session of old workers ended
        tcpb/db1: drained after <t>
        --- exit 0
    "#]],
    );
    drop(held);
}
