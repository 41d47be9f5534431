//! The rest of the ways in which commands fail: each with what it says, on both engines.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use expect_test::expect;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::Engine;
use crate::support::objects::{SECTIONS, files};

on_both_with! {
    files, SECTIONS;
    words_are_missing,
    nobody_is_there,
    it_is_refused,
    it_is_denied_or_not_there,
    it_is_interrupted,
    a_watch_is_interrupted,
    a_roll_is_interrupted,
}

fn words_are_missing(engine: &Engine) {
    engine.check_all(
        &[
            "acl clear",
            "acl del deny.acl",
            "map clear",
            "map del hosts.map",
            "map get",
            "map load hosts.map",
            "context use",
            "context discover --nonsense",
            "convert --from iis web.config",
            "raw add map hosts.map <<",
            "show acls --nonsense",
            "show backends --sort",
            "show certs --columns",
            "show checks --filter status",
            "show errors --watch soon",
            "show frontends --times x",
            "show maps a b",
            "show sessions app/",
            "show stat --times 3",
            "show tables -o xml",
            "snapshot --nonsense",
        ],
        &expect![[r#"
            $ lbctl acl clear
            --- stderr
            error: the following required arguments were not provided:
              <ACL>

            Usage: lbctl acl clear <ACL>

            For more information, try '--help'.
            --- exit 2
            $ lbctl acl del deny.acl
            --- stderr
            error: the following required arguments were not provided:
              <PATTERN>

            Usage: lbctl acl del <ACL> <PATTERN>

            For more information, try '--help'.
            --- exit 2
            $ lbctl map clear
            --- stderr
            error: the following required arguments were not provided:
              <MAP>

            Usage: lbctl map clear <MAP>

            For more information, try '--help'.
            --- exit 2
            $ lbctl map del hosts.map
            --- stderr
            error: the following required arguments were not provided:
              <KEY>

            Usage: lbctl map del <MAP> <KEY>

            For more information, try '--help'.
            --- exit 2
            $ lbctl map get
            --- stderr
            error: the following required arguments were not provided:
              <MAP>
              <KEY>

            Usage: lbctl map get <MAP> <KEY>

            For more information, try '--help'.
            --- exit 2
            $ lbctl map load hosts.map
            --- stderr
            error: the following required arguments were not provided:
              <FILE>

            Usage: lbctl map load <MAP> <FILE>

            For more information, try '--help'.
            --- exit 2
            $ lbctl context use
            --- stderr
            error: the following required arguments were not provided:
              <NAME>

            Usage: lbctl context use <NAME>

            For more information, try '--help'.
            --- exit 2
            $ lbctl context discover --nonsense
            --- stderr
            error: unexpected argument '--nonsense' found

            Usage: lbctl context discover [OPTIONS]

            For more information, try '--help'.
            --- exit 2
            $ lbctl convert --from iis web.config
            --- stderr
            error: invalid value 'iis' for '--from <SERVER>'
              [possible values: nginx, httpd]

            For more information, try '--help'.
            --- exit 2
            $ lbctl raw add map hosts.map <<
            --- stderr
            error: the payload does not end: expected an empty line
            --- exit 2
            $ lbctl show acls --nonsense
            --- stderr
            error: unexpected argument '--nonsense' found

              tip: to pass '--nonsense' as a value, use '-- --nonsense'

            Usage: lbctl show acls [OPTIONS] [ACL]

            For more information, try '--help'.
            --- exit 2
            $ lbctl show backends --sort
            --- stderr
            error: a value is required for '--sort <COLUMNS>' but none was supplied

            For more information, try '--help'.
            --- exit 2
            $ lbctl show certs --columns
            --- stderr
            error: a value is required for '--columns <NAMES>' but none was supplied

            For more information, try '--help'.
            --- exit 2
            $ lbctl show checks --filter status
            --- stderr
            error: invalid value 'status' for '--filter <CONDITION>': 'status' is no condition: write COLUMN=VALUE, with =, !=, <, <=, >, >= or ~

            For more information, try '--help'.
            --- exit 2
            $ lbctl show errors --watch soon
            --- stderr
            error: invalid value 'soon' for '--watch <TIME>': unexpected character 's', expected a number with an optional unit (us, ms, s, m, h, d)

            For more information, try '--help'.
            --- exit 2
            $ lbctl show frontends --times x
            --- stderr
            error: invalid value 'x' for '--times <N>': invalid digit found in string

            For more information, try '--help'.
            --- exit 2
            $ lbctl show maps a b
            --- stderr
            error: unexpected argument 'b' found

            Usage: lbctl show maps [OPTIONS] [MAP]

            For more information, try '--help'.
            --- exit 2
            $ lbctl show sessions app/
            --- stderr
            error: invalid value 'app/' for '[TARGET]...': 'app/' is not of the form backend/server

            For more information, try '--help'.
            --- exit 2
            $ lbctl show stat --times 3
            --- stderr
            error: --times is how often --watch looks
            hint: lbctl show servers --watch 1s --times 5
            --- exit 2
            $ lbctl show tables -o xml
            --- stderr
            error: invalid value 'xml' for '--output <FORMAT>'
              [possible values: table, wide, expanded, json, jsonl, csv, yaml, name, raw]

              tip: a similar value exists: 'yaml'

            For more information, try '--help'.
            --- exit 2
            $ lbctl snapshot --nonsense
            --- stderr
            error: unexpected argument '--nonsense' found

              tip: to pass '--nonsense' as a value, use '-- --nonsense'

            Usage: lbctl snapshot [OPTIONS] [FILE]

            For more information, try '--help'.
            --- exit 2
        "#]],
    );
}

fn nobody_is_there(engine: &Engine) {
    engine.check_all(
        &["-s gone.sock doctor", "-s gone.sock diff", "-s gone.sock map get hosts.map a.example.com"],
        &expect![[r#"
            $ lbctl -s gone.sock doctor
            $ lbctl -s gone.sock diff
            $ lbctl -s gone.sock map get hosts.map a.example.com
            --- stderr
            error: cannot connect to gone.sock: No such file or directory (os error 2)
            hint: there is no such file; is the engine running, and does its configuration have 'stats socket gone.sock'?
            --- exit 3
        "#]],
    );
}

fn it_is_refused(engine: &Engine) {
    engine.check_all(
        &["agent app/web1 enable", "cert new $DIR/site.pem site.pem", "roll app/web2 --exec false"],
        &expect![[r#"
            $ lbctl agent app/web1 enable
            --- stderr
            error: 'enable agent app/web1' was refused: Agent was not configured on this server, cannot enable.
            hint: 'agent-check' on the server line in the configuration gives it an agent
            --- exit 1
            $ lbctl cert new $DIR/site.pem site.pem
            --- stderr
            error: 'new ssl cert $DIR/site.pem' was refused: Certificate '$DIR/site.pem' already exists!
            hint: 'lbctl cert set' replaces what is there, 'lbctl cert del' takes it away
            --- exit 1
            $ lbctl roll app/web2 --exec false
            roll 1: 1 server, 1 at a time
            app/web2: draining
            app/web2: in maintenance
            app/web2: ready and running
            --- stderr
            error: the command of app/web2 ended with status 1: false
              0 of 1 servers are done
            hint: once the cause is gone: lbctl roll --resume 1
            --- exit 1
        "#]],
    );
}

fn it_is_denied_or_not_there(engine: &Engine) {
    engine.check_all(
        &[
            "-s user.sock ready app/web4",
            "-s user.sock roll app/web2 --exec true",
            "server del nope/web1",
            "cert del nope.pem",
        ],
        &expect![[r#"
            $ lbctl -s user.sock ready app/web4
            --- stderr
            error: 'set server app/web4 state ready' was refused: Permission denied
            hint: 'set server' needs level 'admin', and this socket has level 'user'; use one whose 'stats socket' line gives more
            --- exit 3
            $ lbctl -s user.sock roll app/web2 --exec true
            roll 1: 1 server, 1 at a time
            app/web2: ready and running already
            --- stderr
            error: 'set server app/web2 state drain' was refused: Permission denied
            hint: 'set server' needs level 'admin', and this socket has level 'user'; use one whose 'stats socket' line gives more
            error: a server could not be changed
              0 of 1 servers are done
            hint: once the cause is gone: lbctl roll --resume 1
            --- exit 3
            $ lbctl server del nope/web1
            --- stderr
            error: no backend named 'nope' on $DIR/admin.sock
            hint: 'lbctl show backends' lists what there is
            --- exit 4
            $ lbctl cert del nope.pem
            --- stderr
            error: 'del ssl cert nope.pem' was refused: Can't remove the certificate: certificate 'nope.pem' doesn't exist!
            hint: 'lbctl show certs' lists what there is
            --- exit 4
        "#]],
    );
    engine.check("cert set nope.pem site.pem", &expect![[r#"
        --- stderr
        error: 'set ssl cert nope.pem <<' was refused: Can't replace a certificate which is not referenced by the configuration!
        hint: 'lbctl show certs' lists what there is
        --- exit 4
    "#]]);
}

/// Interrupts a command as soon as it has said something, and gives what it said in all.
fn interrupted(engine: &Engine, words: &[&str]) -> String {
    let mut child = engine.lbctl(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    let mut told = String::new();
    // What is waited for is told once; then nothing changes.
    errors.read_line(&mut told).unwrap();
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGINT).unwrap();
    errors.read_to_string(&mut told).unwrap();
    let mut output = child.wait_with_output().unwrap();
    output.stderr = told.into_bytes();
    format!("$ lbctl {}\n{}", words.join(" "), engine.told(&output))
}

fn it_is_interrupted(engine: &Engine) {
    let _held = engine.hold();
    let lines: [&[&str]; 3] = [
        &["drain", "tcpb/db1", "--wait"],
        &["wait", "tcpb/db1", "--for", "drained"],
        &["ready", "app/web3", "--checked", "--wait"],
    ];
    assert_eq!(engine.run("maint app/web3"), 0);
    let told: String = lines.iter().map(|words| interrupted(engine, words)).collect();
    expect![[r#"
        $ lbctl drain tcpb/db1 --wait
        tcpb/db1: draining
        --- stderr
        tcpb/db1: 1 session left, <t>
        error: interrupted while waiting
          tcpb/db1 stays draining, 1 session left
        hint: to undo: lbctl ready tcpb/db1
        --- exit 130
        $ lbctl wait tcpb/db1 --for drained
        --- stderr
        tcpb/db1: 1 session left, <t>
        error: interrupted; the state stays as it is
          tcpb/db1: DRAIN (1 session left)
        --- exit 130
        $ lbctl ready app/web3 --checked --wait
        app/web3: ready and down
        --- stderr
        app/web3: DOWN, <t>
        error: interrupted; the state stays as it is
          app/web3: DOWN
        --- exit 130
    "#]]
    .assert_eq(&told);
}

fn a_watch_is_interrupted(engine: &Engine) {
    let words = ["show", "servers", "tcpb", "--watch", "1h", "-o", "name"];
    let mut child = engine.lbctl(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut shown = BufReader::new(child.stdout.take().unwrap());
    let mut text = String::new();
    while !text.contains("tcpb/db2\n") {
        shown.read_line(&mut text).unwrap();
    }
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGINT).unwrap();
    shown.read_to_string(&mut text).unwrap();
    let mut output = child.wait_with_output().unwrap();
    output.stdout = text.into_bytes();
    expect![[r#"
        $ lbctl show servers tcpb --watch 1h -o name
        tcpb/db1
        tcpb/db2
        --- stderr
        error: interrupted
        --- exit 130
    "#]]
    .assert_eq(&format!("$ lbctl {}\n{}", words.join(" "), engine.told(&output)));
}

fn a_roll_is_interrupted(engine: &Engine) {
    let words = ["roll", "app/web2", "--exec", "touch begun; while ! test -e go-on; do sleep 0.05; done"];
    let mut child = engine.lbctl(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    lb_testkit::until("the server's command", || engine.path("begun").exists().then_some(())).unwrap();
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGINT).unwrap();
    // Whoever interrupts a roll does not wait for the command, which may be on its way.
    let ended = lb_testkit::until("the end", || child.try_wait().unwrap());
    std::fs::write(engine.path("go-on"), "").unwrap();
    ended.unwrap();
    let output = child.wait_with_output().unwrap();
    expect![[r#"
        $ lbctl roll app/web2 --exec touch begun; while ! test -e go-on; do sleep 0.05; done
        roll 1: 1 server, 1 at a time
        app/web2: draining
        app/web2: in maintenance
        --- stderr
        error: interrupted; the command of app/web2 goes on
          app/web2 is out, or on its way
        hint: to go on: lbctl roll --resume 1; to bring them back: 'lbctl undo'
        --- exit 130
    "#]]
    .assert_eq(&format!("$ lbctl {}\n{}", words.join(" "), engine.told(&output)));
    engine.check(
        "roll --resume 1",
        &expect![[r#"
        roll 1: 1 of 1 servers left
        app/web2: ready and running
        --- exit 0
    "#]],
    );
}
