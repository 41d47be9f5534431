//! The node's own commands, and lines of both kinds.

use expect_test::expect;

use crate::support::Engine;

on_both! {
    raw_bytes_are_the_engines,
    lines_of_a_script,
}

fn raw_bytes_are_the_engines(engine: &Engine) {
    engine.check(
        "raw show backend",
        &expect![[r#"
        # name
        app
        tcpb

        --- exit 0
    "#]],
    );
    engine.check(
        "raw set server app/web1 state drain",
        &expect![[r#"

        --- exit 0
    "#]],
    );
    engine.check(
        "raw set server app/nope state drain",
        &expect![[r#"
        No such server.

        --- exit 4
    "#]],
    );
    engine.check_each(
        "raw show cli level; foo",
        &expect![[r#"
            admin

            Unknown command: 'foo', but maybe one of the following ones is a better match:
              <suggestions>

            --- exit 1
        "#]],
        &expect![[r#"
            admin

            Unknown command, but maybe one of the following ones is a better match:
              <suggestions>

            --- exit 1
        "#]],
    );
    engine.check(
        "-s user.sock raw set server app/web1 state drain",
        &expect![[r#"
        Permission denied

        --- exit 3
    "#]],
    );
    engine.check(
        "raw quit",
        &expect![[r#"
        --- exit 0
    "#]],
    );
    engine.check_stdin(
        "",
        "show cli level;show backend\n",
        &expect![[r#"
        admin

        # name
        app
        tcpb

        --- exit 0
    "#]],
    );
    engine.check_stdin(
        "",
        "show cli level\nshow servers state nope\nshow cli level\n",
        &expect![[r#"
            admin

            Can't find backend.

            admin

            --- exit 4
        "#]],
    );
    // The payload's lines are no commands, whether or not the engine has maps.
    let refused = engine.told_of_stdin("raw", "add map nope <<\na b\n\nshow cli level\n");
    assert!(refused.starts_with("Unknown ") && !refused.contains("'a'"), "{refused}");
    assert!(refused.contains("\n\nadmin\n\n--- exit "), "{refused}");
    assert!(!refused.ends_with("exit 0\n"), "{refused}");
    // Nothing uses this backend, and the answer tells no time: it is the same twice.
    let answer = engine.lbctl(&["raw", "show", "servers", "conn", "tcpb"]).output().unwrap().stdout;
    assert!(!answer.is_empty());
    assert_eq!(answer, engine.ask("show servers conn tcpb"));
}

fn lines_of_a_script(engine: &Engine) {
    let level = "show cli level\n";
    engine.check_stdin(
        "exec",
        level,
        &expect![[r#"
        admin

        --- exit 0
    "#]],
    );
    // A prompt without a terminal does what exec does.
    engine.check_stdin(
        "repl",
        level,
        &expect![[r#"
        admin

        --- exit 0
    "#]],
    );
    for command in ["repl", "exec"] {
        engine.check_stdin(
            command,
            "drain app/web1\nshow cli level\n\nshow servers app/web1 -o name\n",
            &expect![[r#"
                app/web1: draining
                admin

                app/web1
                --- exit 0
            "#]],
        );
        engine.check_stdin(
            command,
            "show cli level\nset server app/nope state ready\ndrain app/nope\nshow cli level\n",
            &expect![[r#"
                admin

                No such server.

                admin

                --- stderr
                error: line 2 failed: set server app/nope state ready
                error: no server is named 'app/nope' on $DIR/admin.sock
                  at line 3: drain app/nope
                hint: 'lbctl show servers -o name' lists what there is
                --- exit 4
            "#]],
        );
        engine.check_stdin(
            command,
            "weight app/web1\n\\y\n",
            &expect![[r#"
                --- stderr
                error: invalid value 'app/web1' for '<WEIGHT>': a weight is a whole number from 0 to 256, or a percentage of the configured one such as 50%

                For more information, try '--help'.
                  at line 1: weight app/web1
                error: there is no \y
                  at line 2: \y
                hint: \? lists what there is
                --- exit 2
            "#]],
        );
        // What a line sets holds for those that follow.
        engine.check_stdin(
            command,
            "\\x on\n\\o kept.txt\nshow servers tcpb/db1 --columns server,weight\n\\o\nshow info node \\g | tr a-z A-Z\nshow servers tcpb/db2 --columns server,weight\n\\q\nshow nothing\n",
            &expect![[r#"
                KEY  VALUE
                NODE  LB-TEST
                -- 1 tcpb/db2
                SERVER  tcpb/db2
                WEIGHT  1
                --- exit 0
            "#]],
        );
        let kept = std::fs::read_to_string(engine.path("kept.txt")).unwrap();
        assert_eq!(kept, "-- 1 tcpb/db1\nSERVER  tcpb/db1\nWEIGHT  1\n");
        assert_eq!(engine.run("ready app/web1"), 0);
    }
}
