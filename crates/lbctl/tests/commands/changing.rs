//! Commands that change servers, and what goes wrong.

use expect_test::expect;

use crate::support::Engine;

on_both! {
    changing,
    failing,
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
