//! What there is, and in which form.

use expect_test::expect;

use crate::support::Engine;

on_both! {
    showing,
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
        "top --once -o name",
        &expect![[r#"
        app/web1
        app/web2
        app/web3
        app/web4
        app/web5
        app/web6
        tcpb/db1
        tcpb/db2
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
