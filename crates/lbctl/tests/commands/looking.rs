//! Looking: rows chosen and ordered, every format, checks.

use expect_test::expect;

use crate::support::Engine;

on_both! {
    rows_and_columns,
    formats,
    watching,
    checks,
    explaining,
    checking_now,
}

fn rows_and_columns(engine: &Engine) {
    engine.check(
        "show servers --filter status=DOWN --columns server,status",
        &expect![[r#"
        SERVER  STATUS
        app/web3  DOWN
        app/web5  DOWN
        --- exit 0
    "#]],
    );
    engine.check(
        "show servers --filter server~web --filter status!=down --sort -weight,server --columns SERVER,WEIGHT",
        &expect![[r#"
        SERVER  WEIGHT
        app/web2  50
        app/web1  1
        app/web4  1
        app/web6  1
        --- exit 0
    "#]],
    );
    engine.check(
        "show servers app --filter initial_weight>1 -o name",
        &expect![[r#"
        app/web2
        --- exit 0
    "#]],
    );
    engine.check(
        "show servers --filter status=FLYING",
        &expect![[r#"
        SERVER  STATUS  WEIGHT  SESS  QUEUE  RATE  CHECK  SINCE  ADDRESS
        --- exit 0
    "#]],
    );
    engine.check(
        "show servers --filter statu=DOWN",
        &expect![[r#"
        --- stderr
        error: there is no column 'statu'
        hint: did you mean 'status'?
        --- exit 4
    "#]],
    );
    engine.check("show servers --filter status", &expect![[r#"
        --- stderr
        error: invalid value 'status' for '--filter <CONDITION>': 'status' is no condition: write COLUMN=VALUE, with =, !=, <, <=, >, >= or ~

        For more information, try '--help'.
        --- exit 2
    "#]]);
    engine.check(
        "show backends --sort -servers --columns backend,servers,algorithm -o csv",
        &expect![[r#"
        backend,servers,algorithm
        app,6,roundrobin
        tcpb,2,leastconn
        --- exit 0
    "#]],
    );
    engine.check(
        "show info --filter key=node -o json",
        &expect![[r#"
        {
          "node": "lb-test"
        }
        --- exit 0
    "#]],
    );
    engine.check(
        "-s admin.sock -s user.sock show servers tcpb --columns server,status --filter node~user",
        &expect![[r#"
        NODE  SERVER  STATUS
        user.sock  tcpb/db1  no check
        user.sock  tcpb/db2  no check
        --- exit 0
    "#]],
    );
    engine.check(
        "show servers --times 3",
        &expect![[r#"
        --- stderr
        error: --times is how often --watch looks
        hint: lbctl show servers --watch 1s --times 5
        --- exit 2
    "#]],
    );
}

fn formats(engine: &Engine) {
    engine.check(
        "show servers app/web4 tcpb/db2 --columns server,status,weight,check,out -o yaml",
        &expect![[r#"
        - server: app/web4
          status: MAINT
          weight: 1
          check: null
          out: true
        - server: tcpb/db2
          status: no check
          weight: 1
          check: null
          out: false
        --- exit 0
    "#]],
    );
    engine.check(
        "show servers app/web4 tcpb/db2 --columns server,status,weight -o jsonl",
        &expect![[r#"
        {"server":"app/web4","status":"MAINT","weight":1}
        {"server":"tcpb/db2","status":"no check","weight":1}
        --- exit 0
    "#]],
    );
    engine.check(
        "show info node Nbthread -o yaml",
        &expect![[r#"
        Nbthread: 1
        node: lb-test
        --- exit 0
    "#]],
    );
    engine.check(
        "-s admin.sock -s user.sock show info node Nbthread -o yaml",
        &expect![[r#"
        - node: admin.sock
          Nbthread: 1
          node: lb-test
        - node: user.sock
          Nbthread: 1
          node: lb-test
        --- exit 0
    "#]],
    );
    let raw = engine.lbctl(&["show", "servers", "-o", "raw"]).output().unwrap().stdout;
    assert!(String::from_utf8(raw).unwrap().starts_with("# pxname,svname,"));
    engine.check(
        "show tables -o raw",
        &expect![[r#"

        --- exit 0
    "#]],
    );
    engine.check(
        "show maps -o raw",
        &expect![[r#"
        # id (file) description

        --- exit 0
    "#]],
    );
}

fn watching(engine: &Engine) {
    engine.check(
        "show servers tcpb --columns server,status --watch 1ms --times 2",
        &expect![[r#"
        SERVER  STATUS
        tcpb/db1  no check
        tcpb/db2  no check
        SERVER  STATUS
        tcpb/db1  no check
        tcpb/db2  no check
        --- exit 0
    "#]],
    );
    let mut child = engine
        .lbctl(&["show", "servers", "tcpb/db1", "--columns", "server,status", "--watch", "10ms"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    let mut wait_for = |text: &str| while !lines.next().unwrap().unwrap().contains(text) {};
    wait_for("no check");
    assert_eq!(engine.run("maint tcpb/db1"), 0);
    wait_for("MAINT*");
    child.kill().unwrap();
    child.wait().unwrap();
}

fn checks(engine: &Engine) {
    engine.check(
        "show checks --columns server,status,result,code,agent",
        &expect![[r#"
        SERVER  STATUS  RESULT  CODE  AGENT
        app/web3  DOWN  L4CON  -  -
        app/web6  UP  L4OK  -  -
        --- exit 0
    "#]],
    );
    engine.check(
        "show checks app/web1 app/web3 --columns server,status,result,health,rise,fall -o json",
        &expect![[r#"
        [
          {
            "server": "app/web1",
            "status": "no check",
            "result": null,
            "health": null,
            "rise": null,
            "fall": null
          },
          {
            "server": "app/web3",
            "status": "DOWN",
            "result": "L4CON",
            "health": 0,
            "rise": 2,
            "fall": 1
          }
        ]
        --- exit 0
    "#]],
    );
    engine.check(
        "show checks app/nope",
        &expect![[r#"
        --- stderr
        error: no server matches 'app/nope' on $DIR/admin.sock
        hint: 'lbctl show servers -o name' lists what there is
        --- exit 4
    "#]],
    );
    engine.check(
        "show errors -o json",
        &expect![[r#"
        []
        --- exit 0
    "#]],
    );
    engine.check("-s user.sock show errors -o json", &expect![[r#"
        --- stderr
        error: 'show errors' was refused: Permission denied
        hint: 'show errors' needs level 'operator', and this socket has level 'user'; use one whose 'stats socket' line gives more
        --- exit 3
    "#]]);
    engine.check(
        "show certs",
        &expect![[r#"
        NAME  STATUS  NOT_AFTER  SUBJECT
        --- exit 0
    "#]],
    );
    engine.check(
        "show certs nope.pem",
        &expect![[r#"
        --- stderr
        error: no certificate is named 'nope.pem'
        hint: 'lbctl show certs -o name' lists what there is
        --- exit 4
    "#]],
    );
}

fn explaining(engine: &Engine) {
    // What lbd says in its own words is tested there: here are the tables' words, which both have.
    // The two engines word a refused connection differently, and a check takes its time.
    let told = engine.told(&engine.lbctl(&["explain", "app/web3", "app/web5", "-o", "json"]).output().unwrap());
    let told =
        regex::Regex::new("\"check\": \"(\\w+), .*\"").unwrap().replace_all(&told, "\"check\": \"$1…\"").into_owned();
    expect![[r#"
        [
          {
            "server": "app/web3",
            "status": "DOWN",
            "since_seconds": <t>,
            "because": "its checks fail",
            "check": "L4CON…",
            "traffic": "0 sessions, 0 queued",
            "would_change_it": "2 more checks in a row that pass (rise 2)"
          },
          {
            "server": "app/web5",
            "status": "DOWN",
            "since_seconds": <t>,
            "because": "app/web3, which it tracks, is down",
            "check": null,
            "traffic": "0 sessions, 0 queued",
            "would_change_it": "lbctl explain app/web3"
          }
        ]
        --- exit 0
    "#]]
    .assert_eq(&told);
    engine.check("explain app/web4 tcpb/db2 -o json", &expect![[r#"
        [
          {
            "server": "app/web4",
            "status": "MAINT",
            "since_seconds": <t>,
            "because": "the configuration says 'disabled', and nobody has made it ready since",
            "check": null,
            "traffic": "0 sessions, 0 queued",
            "would_change_it": "lbctl ready app/web4"
          },
          {
            "server": "tcpb/db2",
            "status": "no check",
            "since_seconds": <t>,
            "because": "nothing checks it: it counts as up whatever happens to it; it is a backup: it serves while no other server of its backend does",
            "check": null,
            "traffic": "0 sessions, 0 queued",
            "would_change_it": "lbctl drain tcpb/db2"
          }
        ]
        --- exit 0
    "#]]);
    engine.ask("set server app/web1 state drain");
    engine.ask("set weight app/web2 0");
    engine.check(
        "explain app/web1 app/web2 -o json",
        &expect![[r#"
        [
          {
            "server": "app/web1",
            "status": "DRAIN",
            "since_seconds": <t>,
            "because": "an operator drains it: no new clients, those it has may finish",
            "check": null,
            "traffic": "0 sessions, 0 queued",
            "would_change_it": "lbctl ready app/web1"
          },
          {
            "server": "app/web2",
            "status": "no check",
            "since_seconds": <t>,
            "because": "its weight is 0, and so it gets no new clients",
            "check": null,
            "traffic": "0 sessions, 0 queued",
            "would_change_it": "lbctl weight app/web2 50"
          }
        ]
        --- exit 0
    "#]],
    );
    engine.check(
        "explain app/nope",
        &expect![[r#"
        --- stderr
        error: no server is named 'app/nope' on $DIR/admin.sock
        hint: 'lbctl show servers -o name' lists what there is
        --- exit 4
    "#]],
    );
    engine.check(
        "explain",
        &expect![[r#"
        --- stderr
        error: no server is named
        hint: name servers as backend/server, 'backend/*' for all of a backend; or --addr ADDRESS
        --- exit 2
    "#]],
    );
    let told = engine.told(&engine.lbctl(&["explain", "app/web3", "tcpb/db1"]).output().unwrap());
    for words in ["app/web3 is DOWN", "because:", "check:", "tcpb/db1 is ", "would change it: ", "--- exit 0"] {
        assert!(told.contains(words), "{words} in {told}");
    }
    engine.check(
        "-s admin.sock -s user.sock explain app/nope",
        &expect![[r#"
        --- stderr
        error: admin.sock: no server is named 'app/nope' on admin.sock
        hint: 'lbctl show servers -o name' lists what there is
        error: user.sock: no server is named 'app/nope' on user.sock
        hint: 'lbctl show servers -o name' lists what there is
        --- exit 4
    "#]],
    );
}

fn checking_now(engine: &Engine) {
    engine.check(
        "check app/nope",
        &expect![[r#"
        --- stderr
        error: no server is named 'app/nope' on $DIR/admin.sock
        hint: 'lbctl show servers -o name' lists what there is
        --- exit 4
    "#]],
    );
    engine.check(
        "check app/web6 --except app/web1",
        &expect![[r#"
        --- stderr
        error: --except app/web1 leaves out none of the servers meant
        hint: 'lbctl show servers -o name' lists what there is
        --- exit 4
    "#]],
    );
    let output = engine.lbctl(&["check", "app/web6"]).output().unwrap();
    let told = engine.told(&output);
    assert!(
        told.contains("verdict: L4OK") && output.status.success() || told.contains("runs no checks on demand"),
        "{told}"
    );
    let output = engine.lbctl(&["check", "app/web3"]).output().unwrap();
    let told = engine.told(&output);
    assert!(told.contains("verdict: L4CON") || told.contains("runs no checks on demand"), "{told}");
    assert_eq!(output.status.code(), Some(1));
}
