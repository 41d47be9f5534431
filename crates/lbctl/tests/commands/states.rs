//! Every word for a server's state, seen on running engines: which of them are out, and what is waited for.

use expect_test::expect;

use lb_testkit::{Mode, Origin, until};

use crate::support::Engine;

/// Servers in every state, and what their status begins with.
const WORDS: &[(&str, &str)] = &[
    ("up", "UP"),
    ("failing", "UP "),
    ("rising", "DOWN "),
    ("down", "DOWN"),
    ("a_down", "DOWN (agent)"),
    ("a_drain", "DRAIN (agent)"),
    ("drain", "DRAIN"),
    ("d_agent", "DRAIN"),
    ("d_fails", "DRAIN "),
    ("d_down", "DOWN"),
    ("nolb", "NOLB"),
    ("light", "UP"),
    ("off", "MAINT"),
    ("via", "MAINT (via states/off)"),
    ("back", "no check"),
];

fn states(start: impl FnOnce(&str) -> Option<Engine>) {
    let agents =
        [b"drain\n".as_slice(), b"down\n", b"up 100%\n"].map(|word| Origin::with(Mode::Greet(word.to_vec())).unwrap());
    let [drain, down, up] = agents.each_ref().map(|agent| agent.address().port());
    let origin = Origin::http("flaky").unwrap();
    let flaky = origin.address();
    let sections = format!(
        "
backend states
  mode http
  server up 127.0.0.1:$PORT check inter 100ms
  server failing {flaky} check inter 100ms fall 10000
  server rising 127.0.0.1:$PORT check inter 100ms rise 10000
  server down 127.0.0.1:1 check inter 100ms fall 1
  server a_down 127.0.0.1:$PORT agent-check agent-port {down} agent-inter 100ms
  server a_drain 127.0.0.1:$PORT agent-check agent-port {drain} agent-inter 100ms
  server drain 127.0.0.1:$PORT check inter 100ms
  server d_agent 127.0.0.1:$PORT agent-check agent-port {up} agent-inter 100ms
  server d_fails {flaky} check inter 100ms fall 10000
  server d_down 127.0.0.1:1 check inter 100ms fall 1
  server nolb 127.0.0.1:$PORT
  server light 127.0.0.1:$PORT check inter 100ms weight 0
  server off 127.0.0.1:$PORT check inter 100ms disabled
  server via 127.0.0.1:$PORT track states/off
  server back 127.0.0.1:$PORT disabled
"
    );
    let Some(engine) = start(&sections) else { return };
    assert_eq!(engine.run("health states/rising down"), 0);
    assert_eq!(engine.run("drain states/drain states/d_agent states/d_fails states/d_down"), 0);
    assert_eq!(engine.run("health states/nolb stopping"), 0);
    assert_eq!(engine.run("ready states/back"), 0);
    let becomes = |server: &str, column: &str, word: &str| {
        let words = ["show", "stat", &format!("states/{server}"), "--columns", column, "-o", "csv"];
        until(&format!("{server} to be {word}"), || {
            let told = String::from_utf8(engine.lbctl(&words).output().ok()?.stdout).ok()?;
            told.lines().nth(1)?.rsplit(',').next()?.trim_matches('"').starts_with(word).then_some(())
        })
        .unwrap();
    };
    // Passed once, these fail for long before they are down.
    becomes("failing", "check_status", "L4OK");
    becomes("d_fails", "check_status", "L4OK");
    origin.refuse();
    for (server, word) in WORDS {
        becomes(server, "status", word);
    }
    let line = "show servers states --columns server,status,weight,admin_state,op_state,out -o csv";
    let words: Vec<&str> = line.split(' ').collect();
    let told = engine.told(&engine.lbctl(&words).output().unwrap());
    let told = regex::Regex::new(r"(DOWN|DRAIN|UP) \d+/\d+").unwrap().replace_all(&told, "$1 <n>/<m>").into_owned();
    expect![[r#"
        server,status,weight,admin_state,op_state,out
        states/up,UP,1,0,2,false
        states/failing,UP <n>/<m>,1,0,2,false
        states/rising,DOWN <n>/<m>,1,0,0,false
        states/down,DOWN,1,0,0,false
        states/a_down,DOWN (agent),1,0,0,false
        states/a_drain,DRAIN (agent),1,8,2,true
        states/drain,DRAIN,1,8,2,true
        states/d_agent,DRAIN (agent),1,8,2,true
        states/d_fails,DRAIN <n>/<m>,1,8,2,true
        states/d_down,DOWN,1,8,0,true
        states/nolb,NOLB,1,0,3,false
        states/light,UP,0,0,2,false
        states/off,MAINT,1,5,0,true
        states/via,MAINT (via states/off),1,2,0,true
        states/back,no check,1,4,2,false
        --- exit 0
    "#]]
    .assert_eq(&told);
    // Who is out by an operator, an agent or a tracked server is out; who is down is down.
    engine.check(
        "show servers states --filter out=true -o name",
        &expect![[r#"
        states/a_drain
        states/drain
        states/d_agent
        states/d_fails
        states/d_down
        states/off
        states/via
        --- exit 0
    "#]],
    );
    // A drain is a drain, whoever asked for it and whatever the word is.
    for server in ["drain", "d_agent", "d_down", "d_fails"] {
        assert_eq!(engine.run(&format!("wait states/{server} --for drained --deadline 30s")), 0, "{server}");
    }
    assert_eq!(engine.run("wait states/off states/via --for maint --deadline 30s"), 0);
    assert_eq!(engine.run("wait states/up --for up --deadline 30s"), 0);
    let words = ["wait", "states/light", "states/failing", "states/down", "--for", "up", "--deadline", "100ms"];
    let told = engine.told(&engine.lbctl(&words).output().unwrap());
    let told = regex::Regex::new(r"UP \d+/\d+").unwrap().replace_all(&told, "UP <n>/<m>").into_owned();
    expect![[r#"
        states/light: UP after <t>
        --- stderr
        waiting for 2 of 3 servers, <t> of 100ms
        error: the deadline of 100ms passed
          states/failing: UP <n>/<m>
          states/down: DOWN
        --- exit 5
    "#]]
    .assert_eq(&told);
    // Ready brings back no weight, and says so.
    engine.check(
        "ready states/light",
        &expect![[r#"
        states/light: ready and running already (its weight is 0: 'lbctl weight states/light 100%' gives it traffic)
        --- exit 0
    "#]],
    );
    // Checks have the last word on a health that is forced.
    assert_eq!(engine.run("health states/up down"), 0);
    assert_eq!(engine.run("wait states/up --for up --deadline 60s"), 0);
    // Without checks it stays until it is forced again.
    assert_eq!(engine.run("health states/back down"), 0);
    engine.check(
        "ready states/back",
        &expect![[r#"
        states/back: ready and down already
        --- exit 0
    "#]],
    );
    engine.check(
        "health states/back up",
        &expect![[r#"
        states/back: health up
        --- exit 0
    "#]],
    );
}

#[test]
fn states_of_lbd() {
    states(|sections| Engine::start_lbd_with(|_| (), sections));
}

#[test]
fn states_of_haproxy() {
    states(|sections| Engine::start_haproxy_with(|_| (), sections));
}
