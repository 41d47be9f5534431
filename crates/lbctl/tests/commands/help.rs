//! Help, and completion as shells ask for it.

use expect_test::expect;

use crate::support::Engine;

on_both! {
    help_needs_no_node,
    names_complete_in_bash,
}

fn help_needs_no_node(engine: &Engine) {
    engine.check(
        "help exit-codes",
        &expect![[r#"
                0  done, or already so
                1  the engine refused, or the state read afterwards disagrees; doctor found an error, diff a difference
                2  the command line is wrong; nothing was sent
                3  the engine could not be reached, did not answer, or denies it at this socket's level
                4  no such backend, server or object; nothing was changed
                5  the deadline passed before the goal was reached
                6  a guard or the operator refused; nothing was changed
                7  some servers or nodes were changed or answered and some were not
              130  interrupted; the state stays as it is
            --- exit 0
        "#]],
    );
    engine.check(
        "help nope",
        &expect![[r#"
        --- stderr
        error: no help on 'nope'
        hint: 'lbctl help' lists the commands; 'lbctl help exit-codes' explains the exit statuses
        --- exit 2
    "#]],
    );
    engine.check(
        "--version",
        &expect![[r#"
        lbctl 0.1.0
        --- exit 0
    "#]],
    );
    engine.check(
        "nope",
        &expect![[r#"
            --- stderr
            error: unrecognized subcommand 'nope'

              tip: a similar subcommand exists: 'top'

            Usage: lbctl [OPTIONS] [COMMAND]

            For more information, try '--help'.
            --- exit 2
        "#]],
    );
}

fn names_complete_in_bash(engine: &Engine) {
    let script = "source <(lbctl completion bash); COMP_WORDS=(lbctl drain tcpb/); COMP_CWORD=2; COMP_LINE='lbctl drain \
                  tcpb/'; COMP_POINT=17; COMP_TYPE=9; _clap_complete_lbctl lbctl tcpb/ drain; printf '%s\\n' \"${COMPREPLY[@]}\"";
    let bin = std::path::Path::new(env!("CARGO_BIN_EXE_lbctl")).parent().unwrap();
    let output = std::process::Command::new("bash")
        .args(["--norc", "-c", script])
        .env("PATH", format!("{}:/usr/bin:/bin", bin.display()))
        .env("LBCTL_SOCKET", engine.path("admin.sock"))
        .output()
        .unwrap();
    expect![[r#"
        tcpb/db1
        tcpb/db2
        --- exit 0
    "#]]
    .assert_eq(&engine.told(&output));
}
