//! What surprises about connections: those of the admin socket, and those to servers.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::time::Duration;

use expect_test::expect;
use lb_client::{Address, Client};
use lb_testkit::{Origin, until};

use crate::support::Engine;

on_both! {
    idle_connections_close_without_a_word,
    empty_lines_and_ends_of_lines,
    a_prompt_for_each_line,
}

/// Connects and waits until the engine has had enough of it.
fn outwait(engine: &Engine) -> UnixStream {
    let mut idle = UnixStream::connect(engine.path("admin.sock")).unwrap();
    idle.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    assert_eq!(idle.read(&mut [0; 64]).unwrap(), 0, "a bare end of file, and no word");
    idle
}

fn idle_connections_close_without_a_word(engine: &Engine) {
    // Their time is ten seconds in this configuration; whoever has an own connection for each command never waits.
    let mut child =
        engine.lbctl(&["exec"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut commands = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut ask = |line: &[u8]| {
        commands.write_all(line).unwrap();
        answers.find(|line| line.as_ref().is_ok_and(|text| !text.is_empty())).unwrap().unwrap()
    };
    assert_eq!(ask(b"show cli level\n"), "admin");
    let mut idle = outwait(engine);
    until("a write to fail", || idle.write_all(b"show cli level\n").err()).unwrap();
    assert_eq!(ask(b"get weight app/web2\n"), "50 (initial 50)");
    drop(commands);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

fn empty_lines_and_ends_of_lines(engine: &Engine) {
    // An empty line gives the whole help on 2.6.
    engine.check_stdin(
        "",
        "\n\nshow cli level\n\n",
        &expect![[r#"
        admin

        --- exit 0
    "#]],
    );
    engine.check_stdin(
        "",
        "show cli level\r\n",
        &expect![[r#"
        admin

        --- exit 0
    "#]],
    );
    // A chain that ends in a semicolon ends in an unknown command on 2.6.
    let told = engine.told(&engine.lbctl(&["raw", "show cli level;"]).output().unwrap());
    let refused = told.contains("Unknown command");
    assert!(told.starts_with("admin\n") && told.ends_with(if refused { "exit 1\n" } else { "exit 0\n" }), "{told}");
}

fn a_prompt_for_each_line(engine: &Engine) {
    // A second prompt would close the connection on 2.6.
    let told = engine.told_of_stdin("exec", "prompt\nprompt\nshow cli level\n");
    assert!(told.contains("admin\n") && told.ends_with("exit 0\n"), "{told}");
}

/// A backend whose server keeps connections.
fn pooled(start: impl FnOnce(&str) -> Option<Engine>) -> Option<(Engine, Origin, Client)> {
    let origin = Origin::http("pooled").unwrap();
    let sections = format!(
        "
frontend pooling
  mode http
  bind unix@$DIR/pooling.sock
  default_backend pooled
backend pooled
  mode http
  http-reuse always
  server p1 {} pool-purge-delay 10m
",
        origin.address()
    );
    let engine = start(&sections)?;
    let client = Client::new(Address::Unix(engine.path("admin.sock")));
    Some((engine, origin, client))
}

/// Idle connections, by the header's names.
fn connections(client: &Client) -> Vec<(String, u32)> {
    let rows = client.servers_conn(Some("pooled")).unwrap();
    rows.iter().map(|row| (format!("{}/{}", row.backend, row.server), row.idle_cur)).collect()
}

fn a_pool_is_no_session(made: Option<(Engine, Origin, Client)>) {
    let Some((engine, origin, client)) = made else { return };
    let mut visitor = UnixStream::connect(engine.path("pooling.sock")).unwrap();
    visitor.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    visitor.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut answer = [0; 4096];
    assert!(visitor.read(&mut answer).unwrap() > 0);
    let idle = |wanted: u32| {
        until("the pool", || (connections(&client).first()?.1 == wanted).then_some(())).unwrap();
    };
    idle(1);
    // Nobody is served, so that the drain is over; the pool stays all the same.
    engine.check(
        "drain pooled/p1 --wait",
        &expect![[r#"
        pooled/p1: draining
        pooled/p1: drained after <t>
        --- exit 0
    "#]],
    );
    idle(1);
    assert_eq!(origin.open_connections(), 1);
    // Maintenance closes it.
    engine.check(
        "maint pooled/p1",
        &expect![[r#"
        pooled/p1: in maintenance
        --- exit 0
    "#]],
    );
    idle(0);
    // Versions have other columns, and servers made at run time may lack some: names count, not places.
    assert_eq!(engine.run("server add pooled/p9 127.0.0.1:1"), 0);
    let names: Vec<String> = connections(&client).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["pooled/p1", "pooled/p9"]);
    // A session that is held is none of the connections that are counted there.
    let _held = engine.hold();
    let used = client.servers_conn(Some("tcpb")).unwrap();
    assert_eq!(used.iter().map(|row| row.used_cur).sum::<u32>(), 0);
    engine.check(
        "show servers tcpb/db1 --columns sessions -o csv",
        &expect![[r#"
        sessions
        1
        --- exit 0
    "#]],
    );
}

#[test]
fn a_pool_of_lbd_is_no_session() {
    a_pool_is_no_session(pooled(|sections| Engine::start_lbd_with(|_| (), sections)));
}

#[test]
fn a_pool_of_haproxy_is_no_session() {
    a_pool_is_no_session(pooled(|sections| Engine::start_haproxy_with(|_| (), sections)));
}
