//! What is wrong with a node: each finding with its place and its cure.

use expect_test::{Expect, expect};

use crate::support::Engine;

on_both! {
    the_whole_picture,
    what_operators_left,
    nobody_serves,
    below_admin,
    full_servers,
}

/// Without the ok lines, whose numbers vary.
#[track_caller]
fn check(engine: &Engine, areas: &str, expected: &Expect) {
    let areas: String = areas.split(' ').map(|area| format!(" --area {area}")).collect();
    engine.check(&format!("doctor --min note{areas}"), expected);
}

fn the_whole_picture(engine: &Engine) {
    // Connections are counted as they are at that moment.
    engine.check(
        "doctor --area level --area sockets --area workers --area columns --area configuration --area frontends \
         --area state-file --area backends",
        &expect![[r#"
            ok  level: this socket has level admin: it can look and act
            ok  sockets: 3 admin sockets, none of them open to everybody
            ok  workers: no process of before a reload is left
            ok  state-file: there is none, and nothing that a reload would forget
            ok  configuration: $DIR/haproxy.cfg is the one that runs; 4 sections were read
            ok  columns: 'show stat' and 'show servers state' agree on 8 servers
            ok  backends: 2 backends, each with a server that takes traffic
            ok  frontends: 2 frontends, none of them closed
            0 errors, 0 warnings, 0 notes
            --- exit 0
        "#]],
    );
    check(
        engine,
        "timeouts checks servers",
        &expect![[r#"
        note  timeouts: web: no 'timeout http-request': a client may take the client timeout for each piece of a request's head
                 cure: 'timeout http-request TIME' in 'frontend web' ($DIR/haproxy.cfg:14), then a reload
        note  checks: app: nothing checks 2 of its 6 servers: they count as up whatever happens to them
                 cure: 'check' on their 'server' lines, then a reload
        note  checks: tcpb: nothing checks 2 of its 2 servers: they count as up whatever happens to them
                 cure: 'check' on their 'server' lines, then a reload
        note  servers: app/web4: 'disabled' in the configuration keeps it out
                 cure: lbctl ready app/web4
        warning  servers: app/web3: it is DOWN
                 cure: lbctl explain app/web3
        warning  servers: app/web5: it is DOWN
                 cure: lbctl explain app/web5
        0 errors, 2 warnings, 4 notes
        --- exit 0
    "#]],
    );
    engine.check("doctor --area checks -o csv", &expect![[r#"
        severity,area,where,what,cure
        note,checks,app,nothing checks 2 of its 6 servers: they count as up whatever happens to them,"'check' on their 'server' lines, then a reload"
        note,checks,tcpb,nothing checks 2 of its 2 servers: they count as up whatever happens to them,"'check' on their 'server' lines, then a reload"
        --- exit 0
    "#]]);
    engine.check(
        "doctor --area columns -o json",
        &expect![[r#"
        [
          {
            "severity": "ok",
            "area": "columns",
            "where": null,
            "what": "'show stat' and 'show servers state' agree on 8 servers",
            "cure": null
          }
        ]
        --- exit 0
    "#]],
    );
    engine.check("doctor --area slotz", &expect![[r#"
        --- stderr
        error: there is no area 'slotz'
        hint: did you mean 'slots'? there are level, sockets, slots, timeouts, startup, workers, state-file, columns, checks, servers, backends, frontends, configuration, nodes
        --- exit 2
    "#]]);
}

fn what_operators_left(engine: &Engine) {
    assert_eq!(engine.run("weight app/web2 0"), 0);
    assert_eq!(engine.run("drain app/web1"), 0);
    assert_eq!(engine.run("health app/web6 disable"), 0);
    assert_eq!(engine.run("ready app/web4"), 0);
    assert_eq!(engine.run("maint tcpb/db2"), 0);
    check(
        engine,
        "servers checks state-file columns",
        &expect![[r#"
        note  checks: app: nothing checks 3 of its 6 servers: they count as up whatever happens to them
                 cure: 'check' on their 'server' lines, then a reload
        note  checks: tcpb: nothing checks 1 of its 2 servers: they count as up whatever happens to them
                 cure: 'check' on their 'server' lines, then a reload
        note  servers: app/web1: an operator drains it
                 cure: lbctl ready app/web1
        note  servers: tcpb/db2: an operator put it into maintenance
                 cure: lbctl ready tcpb/db2
        warning  state-file: 4 servers are not as configured, and a reload forgets it: there is no state file
                 cure: 'server-state-file' and 'load-server-state-from-file global', and 'show servers state' written there before a reload
        warning  checks: app/web6: its check is disabled: it stays ready and running whatever happens to it
                 cure: lbctl health app/web6 enable
        warning  servers: app/web2: its weight is 0: it gets no new clients and yet is not drained, and 'ready' does not bring it back
                 cure: lbctl weight app/web2 50
        warning  servers: app/web3: it is DOWN
                 cure: lbctl explain app/web3
        warning  servers: app/web4: it serves although the configuration says 'disabled': a reload takes it out again
                 cure: take 'disabled' off its 'server' line
        warning  servers: app/web5: it is DOWN
                 cure: lbctl explain app/web5
        0 errors, 6 warnings, 4 notes
        --- exit 0
    "#]],
    );
}

fn nobody_serves(engine: &Engine) {
    assert_eq!(engine.run("maint tcpb/db1"), 0);
    check(
        engine,
        "backends",
        &expect![[r#"
        warning  backends: tcpb: only backups serve (1); every other server is out or down
                 cure: lbctl explain 'tcpb/*'
        0 errors, 1 warning, 0 notes
        --- exit 0
    "#]],
    );
    assert_eq!(engine.run("maint tcpb/db2"), 0);
    check(
        engine,
        "backends",
        &expect![[r#"
        error  backends: tcpb: none of its 2 servers takes traffic: new clients get an error
                 cure: lbctl explain 'tcpb/*'
        1 error, 0 warnings, 0 notes
        --- exit 1
    "#]],
    );
    assert_eq!(engine.run("raw disable frontend tcp"), 0);
    check(
        engine,
        "frontends",
        &expect![[r#"
        warning  frontends: tcp: it is disabled and takes nobody
                 cure: lbctl raw 'enable frontend tcp'
        0 errors, 1 warning, 0 notes
        --- exit 0
    "#]],
    );
}

fn below_admin(engine: &Engine) {
    engine.check("-s user.sock doctor --area level --area startup", &expect![[r#"
        unknown  startup: not looked at: 'show startup-logs' was refused: Permission denied
        warning  level: user.sock: this socket has level user: it cannot drain or change servers, nor see sessions and errors
                 cure: lbctl -s $DIR/admin.sock doctor
        0 errors, 1 warning, 0 notes
        --- exit 0
    "#]]);
    engine.check(
        "--read-only doctor --area level",
        &expect![[r#"
        note  level: $DIR/admin.sock: the socket has level admin, and read-only settings keep lbctl from using it
                 cure: leave out --read-only, or 'read-only' in the settings
        0 errors, 0 warnings, 1 note
        --- exit 0
    "#]],
    );
}

fn full_servers(engine: &Engine) {
    assert_eq!(engine.run("maint tcpb/db2"), 0);
    assert_eq!(engine.run("raw set maxconn server tcpb/db1 1"), 0);
    let _held = engine.hold();
    let _waits = std::os::unix::net::UnixStream::connect(engine.path("tcp.sock")).unwrap();
    lb_testkit::until("a request that waits", || {
        let shown = engine.lbctl(&["show", "backends", "tcpb", "--filter", "queued=1", "-o", "name"]).output().unwrap();
        (!shown.stdout.is_empty()).then_some(())
    })
    .unwrap();
    // How idle the process is depends on the machine.
    let told = engine.lbctl(&["doctor", "--area", "slots", "--min", "warning", "-o", "jsonl"]).output().unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    let of_it: Vec<&str> = told.lines().filter(|line| line.contains("tcpb")).collect();
    expect![[r#"{"severity":"warning","area":"slots","where":"tcpb","what":"1 request waiting: every server that is up has as many as it may","cure":"lbctl show servers tcpb"}"#]].assert_eq(&of_it.join("\n"));
}

/// Sections that keep states, each in its way.
const STATES: &str = "global
  server-state-file $DIR/states
  stats timeout 1s
backend kept
  load-server-state-from-file global
  server a 127.0.0.1:$PORT
backend forgotten
  server a 127.0.0.1:$PORT
backend own
  load-server-state-from-file local
  server a 127.0.0.1:$PORT
backend silent
  timeout connect 1s
  timeout server 0
  server a 127.0.0.1:$PORT
";

fn states(engine: &Engine) {
    check(
        engine,
        "state-file timeouts",
        &expect![[r#"
        note  timeouts: web: no 'timeout http-request': a client may take the client timeout for each piece of a request's head
                 cure: 'timeout http-request TIME' in 'frontend web' ($DIR/haproxy.cfg:14), then a reload
        note  state-file: app tcpb forgotten silent: a reload forgets their states, while it keeps others'
                 cure: 'load-server-state-from-file global' there too
        warning  timeouts: silent: no 'timeout server': who is silent stays for ever
                 cure: 'timeout server TIME' in 'backend silent' ($DIR/haproxy.cfg:45) or its defaults section, then a reload
        warning  timeouts: stats timeout: an admin connection is closed after 1000 ms: a prompt does not last
                 cure: 'stats timeout 1m' in the global section, then a reload
        warning  state-file: $DIR/states: it is not there: the next reload forgets what operators have set
                 cure: lbctl raw 'show servers state' > $DIR/states, before each reload
        0 errors, 3 warnings, 2 notes
        --- exit 0
    "#]],
    );
    // A file that is there and current holds nothing against.
    std::fs::write(engine.path("states"), engine.ask("show servers state")).unwrap();
    check(
        engine,
        "state-file",
        &expect![[r#"
        note  state-file: app tcpb forgotten silent: a reload forgets their states, while it keeps others'
                 cure: 'load-server-state-from-file global' there too
        0 errors, 0 warnings, 1 note
        --- exit 0
    "#]],
    );
    // The file is edited: what runs is another.
    let path = engine.path("haproxy.cfg");
    let mut text = std::fs::read_to_string(&path).unwrap();
    text.push_str("backend unknown\n  unheard-of word\n");
    std::fs::write(&path, text).unwrap();
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(60);
    std::fs::File::options().append(true).open(&path).unwrap().set_modified(later).unwrap();
    engine.check("doctor --area configuration", &expect![[r#"
        unknown  configuration: $DIR/haproxy.cfg:50: lbctl cannot read this line and looks past it: unknown keyword 'unheard-of' in 'backend' section
        note  configuration: $DIR/haproxy.cfg: it was edited after this process started: what runs is the former one, until a reload
                 cure: lbctl diff
        0 errors, 0 warnings, 1 note
        --- exit 0
    "#]]);
}

#[test]
fn states_on_lbd() {
    if let Some(engine) = Engine::start_lbd_with(|_| (), STATES) {
        states(&engine);
    }
}

#[test]
fn states_on_haproxy() {
    if let Some(engine) = Engine::start_haproxy_with(|_| (), STATES) {
        states(&engine);
    }
}

#[test]
fn nodes_that_differ() {
    let (Some(one), Some(two)) = (Engine::start_lbd(), Engine::start_haproxy()) else { return };
    let sockets = [one.path("admin.sock").display().to_string(), two.path("admin.sock").display().to_string()];
    let doctor = || {
        let words = ["-s", &sockets[0], "-s", &sockets[1], "doctor", "--area", "nodes", "-o", "csv"];
        two.normal(&one.told(&one.lbctl(&words).output().unwrap()))
    };
    expect![[r#"
        node,severity,area,where,what,cure
        all,ok,nodes,,all nodes have the same servers in the same states,
        --- exit 0
    "#]]
    .assert_eq(&doctor());
    assert_eq!(two.run("drain app/web1"), 0);
    expect![[r#"
        node,severity,area,where,what,cure
        all,warning,nodes,app/web1,"ready and running on $DIR/admin.sock, draining on $DIR/admin.sock",lbctl -s $DIR/admin.sock -s $DIR/admin.sock explain app/web1
        --- exit 0
    "#]].assert_eq(&doctor());
}
