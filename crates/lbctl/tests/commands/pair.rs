//! One command for two nodes, an lbd and a HAProxy.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use expect_test::{Expect, expect};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::Engine;

/// The two, in a context of the first one's home.
fn pair() -> Option<(Engine, Engine)> {
    let (lbd, haproxy) = (Engine::start_lbd()?, Engine::start_haproxy()?);
    let node = |name: &str, engine: &Engine| format!("{name}={}", engine.path("admin.sock").display());
    assert_eq!(lbd.run(&format!("context add both {} {}", node("one", &lbd), node("two", &haproxy))), 0);
    Some((lbd, haproxy))
}

/// What a command on both tells, its lines of output in order: the nodes work side by side.
fn check(engine: &Engine, line: &str, expected: &Expect) {
    let mut words = vec!["--context", "both"];
    words.extend(line.split(' '));
    let told = engine.told(&engine.lbctl(&words).output().unwrap());
    let (output, rest) = told.split_at(told.find("--- ").unwrap());
    let mut lines: Vec<&str> = output.lines().collect();
    lines.sort_unstable();
    expected.assert_eq(&format!("{}\n{rest}", lines.join("\n")));
}

#[test]
fn one_table() {
    let Some((lbd, _haproxy)) = pair() else { return };
    let csv = |words: &str| lbd.told(&lbd.lbctl(&words.split(' ').collect::<Vec<_>>()).output().unwrap());
    expect![[r#"
        node,pxname,svname,status,scur
        one,tcpb,db1,no check,0
        one,tcpb,db2,no check,0
        one,tcpb,BACKEND,UP,0
        two,tcpb,db1,no check,0
        two,tcpb,db2,no check,0
        two,tcpb,BACKEND,UP,0
        --- exit 0
    "#]]
    .assert_eq(&csv("--context both show stat tcpb --columns status,scur -o csv"));
    expect![[r#"
        node,server,action,result,state,note
        one,app/web2,weight,done,weight 25,configured: 50
        two,app/web2,weight,done,weight 25,configured: 50
        --- exit 0
    "#]]
    .assert_eq(&csv("--context both weight app/web2 50% -o csv"));
    expect![[r#"
        tcpb/db1
        tcpb/db2
        --- exit 0
    "#]]
    .assert_eq(&csv("--context both show servers tcpb -o name"));
    check(
        &lbd,
        "maint app/web1",
        &expect![[r#"
        one: app/web1: in maintenance
        two: app/web1: in maintenance
        --- exit 0
    "#]],
    );
    check(
        &lbd,
        "undo",
        &expect![[r#"
        one: app/web1: ready and running
        two: app/web1: ready and running
        --- exit 0
    "#]],
    );
}

#[test]
fn all_or_nothing() {
    let Some((lbd, haproxy)) = pair() else { return };
    let _held = haproxy.hold();
    check(
        &lbd,
        "drain tcpb/db1 --deadline 300ms --all-or-nothing",
        &expect![[r#"
        one: tcpb/db1: drained after <t>
        one: tcpb/db1: draining
        one: tcpb/db1: ready and running
        two: tcpb/db1: draining
        two: tcpb/db1: ready and running
        --- stderr
        two: tcpb/db1: 1 session left, <t> of 300ms
        error: two: the deadline of 300ms passed
          tcpb/db1 still has 1 session
            unix:<n> through tcp, for <t>
        error: a node failed, and every node was put back
        --- exit 5
    "#]],
    );
    for engine in [&lbd, &haproxy] {
        engine.check(
            "show stat tcpb/db1 --columns status -o csv",
            &expect![[r#"
            pxname,svname,status
            tcpb,db1,no check
            --- exit 0
        "#]],
        );
    }
    // Without it, the node that could is drained, and the status says that not all did.
    check(
        &lbd,
        "drain tcpb/db1 --deadline 300ms",
        &expect![[r#"
        one: tcpb/db1: drained after <t>
        one: tcpb/db1: draining
        two: tcpb/db1: draining
        --- stderr
        two: tcpb/db1: 1 session left, <t> of 300ms
        error: two: the deadline of 300ms passed
          tcpb/db1 still has 1 session
            unix:<n> through tcp, for <t>
        hint: it stays draining; to keep its persistent clients away: lbctl --context both maint tcpb/db1; to end the sessions: lbctl --context both kill-sessions tcpb/db1; to undo: lbctl --context both ready tcpb/db1
        --- exit 7
    "#]],
    );
    check(
        &lbd,
        "map set x y z --all-or-nothing",
        &expect![[r#"

        --- stderr
        error: --all-or-nothing is about servers only
        hint: 'lbctl undo' puts back what was changed on some nodes
        --- exit 2
    "#]],
    );
}

#[test]
fn an_interrupt_is_for_every_node() {
    let Some((lbd, haproxy)) = pair() else { return };
    let _held = (lbd.hold(), haproxy.hold());
    let words = ["--context", "both", "drain", "tcpb/db1", "--wait"];
    let mut child = lbd.lbctl(&words).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    // Each of the two waits by now.
    let mut told = String::new();
    while !(told.contains("one: tcpb/db1: 1 session left") && told.contains("two: tcpb/db1: 1 session left")) {
        assert!(errors.read_line(&mut told).unwrap() > 0, "{told}");
    }
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGINT).unwrap();
    while errors.read_line(&mut told).unwrap() > 0 {}
    assert_eq!(told.matches("interrupted while waiting").count(), 2, "{told}");
    assert_eq!(child.wait().unwrap().code(), Some(130));
}
