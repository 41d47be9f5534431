//! Scripts: lines with their statuses.

use expect_test::expect;

use crate::support::Engine;

on_both! {
    lines_with_their_statuses,
    agents_and_counters,
    an_engine_that_is_gone,
}

fn lines_with_their_statuses(engine: &Engine) {
    engine.check_stdin(
        "exec",
        "show cli level\n# a remark\nset server app/nope state ready\ndrain app/web1\n",
        &expect![[r#"
            admin

            No such server.

            app/web1: draining
            --- stderr
            error: line 3 failed: set server app/nope state ready
            --- exit 4
        "#]],
    );
    engine.check_stdin(
        "exec --stop-on-error",
        "show cli level\nset server app/nope state ready\ndrain app/web1\n",
        &expect![[r#"
            admin

            No such server.

            --- stderr
            error: line 2 failed: set server app/nope state ready
            --- exit 4
        "#]],
    );
    engine.check_stdin(
        "exec --jsonl",
        "show cli level\nset server app/nope state ready\nready app/web1 -o name\n\\watch\n",
        &expect![[r#"
            {"line":1,"command":"show cli level","node":"$DIR/admin.sock","exit":0,"answer":"admin\n\n","error":null}
            {"line":2,"command":"set server app/nope state ready","node":"$DIR/admin.sock","exit":4,"answer":"No such server.\n\n","error":"No such server."}
            {"line":3,"command":"ready app/web1 -o name","node":null,"exit":0,"answer":"app/web1\n","error":null}
            {"line":4,"command":"\\watch","node":null,"exit":2,"answer":"","error":"'\\watch' is for the prompt"}
            --- exit 4
        "#]],
    );
    engine.check_stdin("exec --jsonl --stop-on-error", "drain app/nope\nshow cli level\n", &expect![[r#"
        {"line":1,"command":"drain app/nope","node":null,"exit":4,"answer":"","error":"error: no server is named 'app/nope' on $DIR/admin.sock\nhint: 'lbctl show servers -o name' lists what there is\n"}
        --- exit 4
    "#]]);
    engine.check_stdin(
        "-s admin.sock -s user.sock raw show cli level",
        "",
        &expect![[r#"
        ==> admin.sock <==
        admin

        ==> user.sock <==
        user

        --- exit 0
    "#]],
    );
}

fn agents_and_counters(engine: &Engine) {
    engine.check(
        "counters clear",
        &expect![[r#"
        counters: maxima cleared
        --- exit 0
    "#]],
    );
    engine.check("-s user.sock counters clear --all", &expect![[r#"
        --- stderr
        error: 'clear counters all' was refused: Permission denied
        hint: 'clear counters all' needs level 'admin', and this socket has level 'user'; use one whose 'stats socket' line gives more
        --- exit 3
    "#]]);
    engine.check(
        "agent app/web1 disable",
        &expect![[r#"
        app/web1: agent disabled
        --- exit 0
    "#]],
    );
    engine.check(
        "agent app/web1 up --dry-run=wire",
        &expect![[r#"
        set server app/web1 agent up
        --- exit 0
    "#]],
    );
    engine.check(
        "health app/web6 enable",
        &expect![[r#"
        app/web6: checks enabled already
        --- exit 0
    "#]],
    );
    engine.check(
        "health app/web6 disable",
        &expect![[r#"
        app/web6: checks disabled
        --- exit 0
    "#]],
    );
    engine.check(
        "health app/web6 disable",
        &expect![[r#"
        app/web6: checks disabled already
        --- exit 0
    "#]],
    );
    engine.check(
        "server addr app/web1 127.0.0.2",
        &expect![[r#"
        app/web1: at 127.0.0.2:<port>
        --- exit 0
    "#]],
    );
    engine.check(
        "server addr app/web1 127.0.0.2",
        &expect![[r#"
        app/web1: at 127.0.0.2:<port> already
        --- exit 0
    "#]],
    );
    engine.check(
        "undo",
        &expect![[r#"
        app/web1: at 127.0.0.1:<port>
        --- exit 0
    "#]],
    );
    engine.check(
        "server addr app/nope 127.0.0.2",
        &expect![[r#"
        --- stderr
        error: no server named 'app/nope' on $DIR/admin.sock
        hint: 'lbctl show servers -o name' lists what there is
        --- exit 4
    "#]],
    );
    engine.check(
        "kill-sessions app/web1",
        &expect![[r#"
        app/web1: sessions ended
        --- exit 0
    "#]],
    );
    engine.check(
        "kill-sessions app/web1 --dry-run",
        &expect![[r#"
        app/web1: would end its sessions
        --- exit 0
    "#]],
    );
}

fn an_engine_that_is_gone(engine: &Engine) {
    engine.kill();
    engine.check(
        "show info",
        &expect![[r#"
        --- stderr
        error: cannot connect to $DIR/admin.sock: Connection refused (os error 111)
        hint: the file is there but nothing listens on it: the engine has stopped, or this is no socket
        --- exit 3
    "#]],
    );
    engine.check_stdin(
        "exec --stop-on-error",
        "drain app/web1\n",
        &expect![[r#"
        --- stderr
        error: cannot connect to $DIR/admin.sock: Connection refused (os error 111)
          at line 1: drain app/web1
        hint: the file is there but nothing listens on it: the engine has stopped, or this is no socket
        --- exit 3
    "#]],
    );
    engine.check_stdin(
        "",
        "show info\nshow stat\n",
        &expect![[r#"
        --- stderr
        error: cannot connect to $DIR/admin.sock: Connection refused (os error 111)
        hint: the file is there but nothing listens on it: the engine has stopped, or this is no socket
        --- exit 3
    "#]],
    );
    engine.start_again();
    assert_eq!(engine.run("show info Nbthread"), 0);
}
