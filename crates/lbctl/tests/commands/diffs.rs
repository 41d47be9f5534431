//! What a node has, written down; what differs from its configuration, from then, or between two times.

use std::path::Path;

use expect_test::expect;

use crate::support::Engine;

on_both! {
    from_the_configuration,
    from_a_snapshot,
    what_a_snapshot_holds,
    files_that_are_none,
}

fn from_the_configuration(engine: &Engine) {
    engine.check(
        "diff",
        &expect![[r#"
        nothing differs
        --- exit 0
    "#]],
    );
    engine.check(
        "diff -o json",
        &expect![[r#"
        []
        --- exit 0
    "#]],
    );
    for change in [
        "weight app/web2 25",
        "drain app/web1",
        "ready app/web4",
        "health app/web6 disable",
        "server addr tcpb/db2 127.0.0.2:81",
        "raw set maxconn server tcpb/db1 7",
        "raw disable frontend web",
    ] {
        assert_eq!(engine.run(change), 0, "{change}");
    }
    engine.check(
        "diff",
        &expect![[r#"
            OBJECT  KIND  WHAT  BEFORE  AFTER  TO UNDO
            web  frontends  status  OPEN  PAUSED  -
            app/web1  servers  state  ready  drain  lbctl ready app/web1
            app/web2  servers  weight  50  25  lbctl weight app/web2 50
            app/web4  servers  state  maint  ready  lbctl maint app/web4
            app/web6  servers  checks  on  off  lbctl health app/web6 enable
            tcpb/db1  servers  maxconn  none  7  lbctl raw 'set maxconn server tcpb/db1 0'
            tcpb/db2  servers  address  127.0.0.1  127.0.0.2  lbctl server addr tcpb/db2 127.0.0.1:<port>
            tcpb/db2  servers  port  <port>  81  lbctl server addr tcpb/db2 127.0.0.1:<port>
            --- exit 1
        "#]],
    );
    engine.check(
        "diff --config haproxy.cfg -o csv",
        &expect![[r#"
            object,kind,what,before,after,cure
            web,frontends,status,OPEN,PAUSED,
            app/web1,servers,state,ready,<user>,lbctl ready app/web1
            app/web2,servers,weight,50,25,lbctl weight app/web2 50
            app/web4,servers,state,maint,<user>,lbctl maint app/web4
            app/web6,servers,checks,on,off,lbctl health app/web6 enable
            tcpb/db1,servers,maxconn,none,7,lbctl raw 'set maxconn server tcpb/db1 0'
            tcpb/db2,servers,address,127.0.0.1,127.0.0.2,lbctl server addr tcpb/db2 127.0.0.1:<port>
            tcpb/db2,servers,port,<port>,81,lbctl server addr tcpb/db2 127.0.0.1:<port>
            --- exit 1
        "#]],
    );
    // What it tells brings everything back but what no command can.
    for line in engine.lbctl(&["diff", "-o", "jsonl"]).output().unwrap().stdout.split(|b| *b == b'\n') {
        let Ok(row) = serde_json::from_slice::<serde_json::Value>(line) else { continue };
        let Some(cure) = row["cure"].as_str() else { continue };
        let words: Vec<String> = cure.split(' ').skip(1).map(|word| word.replace('\'', "")).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        assert!(engine.lbctl(&words).output().unwrap().status.success(), "{cure}");
    }
    engine.check(
        "diff",
        &expect![[r#"
            OBJECT  KIND  WHAT  BEFORE  AFTER  TO UNDO
            web  frontends  status  OPEN  PAUSED  -
            --- exit 1
        "#]],
    );
    // Below operator level addresses and cookies are hidden: they are not compared.
    engine.check(
        "-s user.sock diff",
        &expect![[r#"
            OBJECT  KIND  WHAT  BEFORE  AFTER  TO UNDO
            web  frontends  status  OPEN  PAUSED  -
            --- exit 1
        "#]],
    );
}

fn from_a_snapshot(engine: &Engine) {
    assert_eq!(engine.run("snapshot before.json"), 0);
    engine.check(
        "diff before.json",
        &expect![[r#"
        nothing differs
        --- exit 0
    "#]],
    );
    assert_eq!(engine.run("drain app/web1"), 0);
    engine.check(
        "diff before.json -o csv",
        &expect![[r#"
        object,kind,what,before,after,cure
        app/web1,servers,state,ready,<user>,
        app/web1,servers,status,no check,DRAIN,
        --- exit 1
    "#]],
    );
    assert_eq!(engine.run("snapshot after.json"), 0);
    assert_eq!(engine.run("ready app/web1"), 0);
    engine.check(
        "diff before.json after.json",
        &expect![[r#"
        OBJECT  KIND  WHAT  BEFORE  AFTER  TO UNDO
        app/web1  servers  state  ready  drain  -
        app/web1  servers  status  no check  DRAIN  -
        --- exit 1
    "#]],
    );
    engine.check(
        "-s nowhere.sock diff before.json after.json -o jsonl",
        &expect![[r#"
        {"object":"app/web1","kind":"servers","what":"state","before":"ready","after":"drain","cure":null}
        {"object":"app/web1","kind":"servers","what":"status","before":"no check","after":"DRAIN","cure":null}
        --- exit 1
    "#]],
    );
    engine.check(
        "-s nowhere.sock diff after.json after.json",
        &expect![[r#"
        nothing differs
        --- exit 0
    "#]],
    );
}

fn what_a_snapshot_holds(engine: &Engine) {
    let taken = engine.lbctl(&["snapshot", "--with", "tables"]).output().unwrap();
    assert!(taken.status.success());
    let snapshot: serde_json::Value = serde_json::from_slice(&taken.stdout).unwrap();
    let node = &snapshot["nodes"][0];
    assert_eq!(node["info"]["node"], "lb-test");
    assert_eq!(node["tables"], serde_json::json!({}));
    let names: Vec<&String> = node["servers"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["app/web1", "app/web2", "app/web3", "app/web4", "app/web5", "app/web6", "tcpb/db1", "tcpb/db2"]);
    let settings = serde_json::to_string_pretty(&node["servers"]["app/web5"]["settings"]).unwrap();
    expect![[r#"
        {
          "address": "127.0.0.1",
          "agent": "none",
          "backup": false,
          "checks": "none",
          "cookie": null,
          "host_name": null,
          "maxconn": null,
          "port": <port>,
          "state": "ready",
          "status": "DOWN",
          "tracks": "app/web3",
          "weight": 1
        }"#]]
    .assert_eq(&engine.normal(&settings));
    let settings = serde_json::to_string(&node["backends"]["tcpb"]["settings"]).unwrap();
    expect![[r#"{"algorithm":"leastconn","mode":"tcp","status":"UP"}"#]].assert_eq(&settings);
    let settings = serde_json::to_string(&node["frontends"]["web"]["settings"]).unwrap();
    expect![[r#"{"maxconn":200,"mode":"http","status":"OPEN"}"#]].assert_eq(&settings);
    assert_eq!(node["servers"]["app/web2"]["statistics"]["scur"], 0);
}

fn files_that_are_none(engine: &Engine) {
    std::fs::write(engine.path("odd.json"), "{\"form\": 9, \"taken\": \"\", \"nodes\": []}").unwrap();
    engine.check(
        "diff missing.json",
        &expect![[r#"
        --- stderr
        error: missing.json: No such file or directory (os error 2)
        hint: 'lbctl snapshot FILE' writes what is read here
        --- exit 2
    "#]],
    );
    engine.check(
        "diff haproxy.cfg",
        &expect![[r#"
        --- stderr
        error: haproxy.cfg: this is no snapshot: expected value at line 1 column 1
        hint: 'lbctl snapshot FILE' writes what is read here
        --- exit 2
    "#]],
    );
    engine.check(
        "diff odd.json",
        &expect![[r#"
        --- stderr
        error: odd.json: its form is 9, and this lbctl reads form 1
        hint: 'lbctl snapshot FILE' writes what is read here
        --- exit 2
    "#]],
    );
    engine.check(
        "snapshot nowhere/a.json",
        &expect![[r#"
        --- stderr
        error: nowhere/a.json: No such file or directory (os error 2)
        hint: nothing was written
        --- exit 1
    "#]],
    );
    engine.check(
        "-s nowhere.sock snapshot a.json",
        &expect![[r#"
        --- stderr
        error: cannot connect to nowhere.sock: No such file or directory (os error 2); nothing was written
        hint: there is no such file; is the engine running, and does its configuration have 'stats socket nowhere.sock'?
        --- exit 3
    "#]],
    );
    assert!(!engine.path("a.json").exists());
    // The configuration is another than what runs.
    let text = std::fs::read_to_string(engine.path("haproxy.cfg")).unwrap();
    std::fs::write(engine.path("odd.cfg"), text.clone() + "  unheard-of word\n").unwrap();
    engine.check(
        "diff --config odd.cfg",
        &expect![[r#"
        nothing differs
        --- stderr
        warning: odd.cfg:34: unknown keyword 'unheard-of' in 'backend' section
        hint: such lines were looked past; servers' were all read
        --- exit 0
    "#]],
    );
    std::fs::write(engine.path("odd.cfg"), text.clone() + "  server db3 127.0.0.1:80 unheard-of\n").unwrap();
    engine.check(
        "diff --config odd.cfg",
        &expect![[r#"
        --- stderr
        error: the configuration cannot be compared: odd.cfg:34: 'server tcpb/db3' : unknown keyword 'unheard-of'.
        hint: lbctl reads it as lbd does; 'lbctl snapshot' and 'lbctl diff BEFORE' compare without it
        --- exit 1
    "#]],
    );
    std::fs::write(engine.path("odd.cfg"), text.replace("server db2", "server db4")).unwrap();
    engine.check(
        "diff --config odd.cfg",
        &expect![[r#"
        OBJECT  KIND  WHAT  BEFORE  AFTER  TO UNDO
        tcpb/db2  servers  there  no  yes  lbctl server del tcpb/db2
        tcpb/db4  servers  there  yes  no  -
        --- exit 1
    "#]],
    );
}

/// A map and a list with files, and a server by its name.
const OBJECTS: &str = "frontend mapped
  bind unix@$DIR/mapped.sock
  use_backend %[path,map($DIR/hosts.map,app)]
  http-request deny if { src -f $DIR/deny.acl }
backend named
  timeout server 1s
  cookie SRV insert
  stick-table type ip size 1k expire 1m store gpc0
  server a localhost:81 cookie a1 maxconn 3
  server-template t 2 127.0.0.1:82 weight 7
";

fn files(dir: &Path) {
    std::fs::write(dir.join("hosts.map"), "# paths\n/a app\n/b tcpb\n").unwrap();
    std::fs::write(dir.join("deny.acl"), "10.0.0.0/8\n").unwrap();
}

fn maps_and_lists(engine: &Engine) {
    engine.check(
        "diff --with maps --with acls",
        &expect![[r#"
        nothing differs
        --- exit 0
    "#]],
    );
    assert_eq!(engine.run("map set hosts.map /a tcpb"), 0);
    assert_eq!(engine.run("map del hosts.map /b"), 0);
    assert_eq!(engine.run("acl add deny.acl 192.168.0.0/16"), 0);
    engine.check(
        "diff --with maps --with acls",
        &expect![[r#"
        OBJECT  KIND  WHAT  BEFORE  AFTER  TO UNDO
        $DIR/deny.acl  acls  192.168.0.0/16  none  lbctl acl del $DIR/deny.acl 192.168.0.0/16
        $DIR/hosts.map  maps  /a  app  tcpb  lbctl map set $DIR/hosts.map /a 'app'
        $DIR/hosts.map  maps  /b  tcpb  none  lbctl map set $DIR/hosts.map /b 'tcpb'
        --- exit 1
    "#]],
    );
    engine.check(
        "diff",
        &expect![[r#"
        nothing differs
        --- exit 0
    "#]],
    );
    let taken = engine.lbctl(&["snapshot", "--with", "maps", "--with", "tables"]).output().unwrap();
    let snapshot: serde_json::Value = serde_json::from_slice(&taken.stdout).unwrap();
    let node = &snapshot["nodes"][0];
    expect![[r#"
        {"$DIR/hosts.map":{"settings":{"/a":"tcpb"}}}
        {"settings":{"size":1024,"type":"ip"},"statistics":{"entries":[],"used":0}}"#]]
    .assert_eq(&engine.normal(&format!("{}\n{}", node["maps"], node["tables"]["named"])));
}

#[test]
fn maps_on_lbd() {
    if let Some(engine) = Engine::start_lbd_with(files, OBJECTS) {
        maps_and_lists(&engine);
    }
}

#[test]
fn maps_on_haproxy() {
    if let Some(engine) = Engine::start_haproxy_with(files, OBJECTS) {
        maps_and_lists(&engine);
    }
}
