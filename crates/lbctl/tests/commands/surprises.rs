//! More of what surprises in the Runtime API: severities, words that are cut or taken literally, payloads, names that
//! do not resolve, and what other clients insist on.

use expect_test::expect;

use crate::support::Engine;
use crate::support::objects::{SECTIONS, files, pem};

on_both! {
    severities_have_holes,
    words_are_taken_as_they_are,
    a_wait_tests_what_can_be_deleted,
    addresses_are_compared_and_words_are_not,
    the_process_is_told_in_lines,
    a_level_is_asked_for_first,
}

fn severities_have_holes(engine: &Engine) {
    let raw = |command: &str| {
        let told = engine.lbctl(&["raw", &format!("set severity-output number; {command}")]).output().unwrap();
        let text = String::from_utf8(told.stdout).unwrap();
        let first = text.lines().find(|line| !line.is_empty()).unwrap_or_default();
        let shown = first.split(['\'', ',', ':']).take(2).collect::<Vec<_>>().join(":");
        format!("{shown} -> {}\n", told.status.code().unwrap())
    };
    let commands = [
        "frobnicate",
        "show sess 0xdead",
        "shutdown session 0xdead",
        "get weight app/web2",
        "get weight app/nope",
        "disable frontend web",
        "disable frontend web; disable frontend web",
        "set server app/web1 addr 127.0.0.2",
        "set server app/web1 addr 127.0.0.2",
        "add server app/web9 127.0.0.1:1",
        "show stat no-such-proxy",
    ];
    // An unknown command is a notice and a failure; what changed nothing is an alert and none.
    expect![[r#"
        [6]: Unknown command -> 1
        Session not found. -> 4
        [3]: No such session (use  -> 4
        50 (initial 50) -> 0
        [3]: No such server. -> 4
         -> 0
        [5]: All sockets are already disabled. -> 0
        [4]: IP changed from  -> 0
        [4]: no need to change the addr by  -> 0
        [6]: New server registered. -> 0
        # pxname:svname -> 0
    "#]]
    .assert_eq(&commands.map(raw).concat());
}

fn words_are_taken_as_they_are(engine: &Engine) {
    // Quotes are letters.
    engine.check(
        "raw get weight \"app/web1\"",
        &expect![[r#"
        No such backend.

        --- exit 4
    "#]],
    );
    // A semicolon that is escaped is one.
    engine.check(
        "raw get weight app/web1\\;x",
        &expect![[r#"
        No such server.

        --- exit 4
    "#]],
    );
    engine.check(
        "raw get weight app/web1;get weight app/web2",
        &expect![[r#"
        1 (initial 1)

        50 (initial 50)

        --- exit 0
    "#]],
    );
    // Nothing at all is nothing to send: 2.6 would answer with its whole help.
    engine.check_stdin(
        "raw",
        "\n",
        &expect![[r#"
        --- exit 0
    "#]],
    );
}

fn a_wait_tests_what_can_be_deleted(engine: &Engine) {
    // The node's own word for waiting asks whether a server can be deleted; drained is asked of the sessions.
    let held = engine.hold();
    assert_eq!(engine.run("drain tcpb/db1"), 0);
    engine.check(
        "wait tcpb/db1 --for drained --deadline 100ms",
        &expect![[r#"
        --- stderr
        tcpb/db1: 1 session left, <t> of 100ms
        error: the deadline of 100ms passed
          tcpb/db1: DRAIN (1 session left)
        --- exit 5
    "#]],
    );
    engine.check_each(
        "raw wait 100ms srv-removable tcpb/db1",
        &expect![[r#"
        Failed. Only servers in maintenance mode can be deleted.

        --- exit 1
    "#]],
        &expect![[r#"
        Unknown command, but maybe one of the following ones is a better match:
          <suggestions>

        --- exit 1
    "#]],
    );
    drop(held);
    assert_eq!(engine.run("wait tcpb/db1 --for drained --deadline 60s"), 0);
}

fn addresses_are_compared_and_words_are_not(engine: &Engine) {
    engine.check(
        "server addr app/web1 127.0.0.2:81",
        &expect![[r#"
        app/web1: at 127.0.0.2:81
        --- exit 0
    "#]],
    );
    engine.check(
        "server addr app/web1 127.0.0.2:81",
        &expect![[r#"
        app/web1: at 127.0.0.2:81 already
        --- exit 0
    "#]],
    );
    // The words for the second time, which some clients take for a failure.
    let words = engine.ask("set server app/web1 addr 127.0.0.2 port 81");
    let words = String::from_utf8(words).unwrap();
    assert!(words.contains("no need to change") || words.contains("nothing changed"), "{words}");
    engine.check(
        "server addr app/web1 127.0.0.3",
        &expect![[r#"
        app/web1: at 127.0.0.3:81
        --- exit 0
    "#]],
    );
    engine.check(
        "show servers app/web1 --columns address -o csv",
        &expect![[r#"
        address
        127.0.0.3:81
        --- exit 0
    "#]],
    );
}

fn the_process_is_told_in_lines(engine: &Engine) {
    let text = String::from_utf8(engine.ask("show info")).unwrap();
    let lines: Vec<(&str, &str)> =
        text.lines().filter(|line| !line.is_empty()).map(|line| line.split_once(": ").unwrap_or((line, ""))).collect();
    let of = |key: &str| lines.iter().find(|(k, _)| *k == key).map(|(_, value)| *value).unwrap_or_default();
    assert_eq!(of("Name"), "HAProxy");
    // Digits and dots alone where clients look: a suffix makes Ansible's module skip drains in silence.
    let version: Vec<&str> = of("Version").split(['-', '+']).next().unwrap().split('.').collect();
    assert!(version.len() >= 2 && version.iter().all(|part| part.parse::<u32>().is_ok()), "{}", of("Version"));
    for (key, value) in &lines {
        assert!(!key.is_empty() && !value.contains(": "), "{key}: {value}");
    }
    // A change's success is one empty line, also for clients that end their lines as on a teletype.
    for command in
        ["set server app/web1 state ready", "set server app/web1 state drain\r", "set server app/web1 weight 1\r"]
    {
        assert_eq!(engine.ask(command), b"\n", "{command:?}");
    }
}

fn a_level_is_asked_for_first(engine: &Engine) {
    for (level, sessions, drain) in [("user", 3, 3), ("operator", 0, 3), ("admin", 0, 0)] {
        let socket = format!("-s {level}.sock");
        let shown = engine.lbctl(&["-s", &format!("{level}.sock"), "raw", "show cli level"]).output().unwrap();
        assert_eq!(String::from_utf8(shown.stdout).unwrap(), format!("{level}\n\n"));
        assert_eq!(engine.run(&format!("{socket} show servers")), 0);
        assert_eq!(engine.run(&format!("{socket} show sessions")), sessions, "{level}");
        assert_eq!(engine.run(&format!("{socket} drain app/web2")), drain, "{level}");
    }
    engine.check("-s user.sock doctor --area level", &expect![[r#"
        warning  level: user.sock: this socket has level user: it cannot drain or change servers, nor see sessions and errors
                 cure: lbctl -s $DIR/admin.sock doctor
        0 errors, 1 warning, 0 notes
        --- exit 0
    "#]]);
}

/// With a map, a list, a table and a certificate.
fn with_objects(test: impl Fn(&Engine)) {
    for engine in [Engine::start_lbd_with(files, SECTIONS), Engine::start_haproxy_with(files, SECTIONS)] {
        engine.iter().for_each(&test);
    }
}

#[test]
fn tables_add_empty_lines() {
    with_objects(|engine| {
        engine.ask("set table sticky key 192.0.2.7 data.gpc0 3");
        for command in ["show table sticky;show cli level", "show table;show table sticky;show servers conn tcpb"] {
            let output = engine.lbctl(&["raw", command]).output().unwrap();
            let lines = |bytes: &[u8]| String::from_utf8_lossy(bytes).lines().count();
            assert_eq!(lines(&output.stdout), lines(&engine.ask(command)), "{command}");
            assert_eq!(output.status.code(), Some(0), "{command}");
        }
        engine.check(
            "show tables sticky --columns key,gpc0 -o csv",
            &expect![[r#"
            key,gpc0
            192.0.2.7,3
            --- exit 0
        "#]],
        );
    });
}

#[test]
fn a_payload_with_empty_lines_arrives_whole() {
    with_objects(|engine| {
        // 2.6 ends a payload at the first empty line, whatever it was to end with, and runs the rest as commands.
        pem(&engine.path(""), "other");
        let text = std::fs::read_to_string(engine.path("other.pem")).unwrap();
        let apart = text.replace("-----END", "\n\n-----END").replace("-----BEGIN", "\n-----BEGIN");
        std::fs::write(engine.path("other.pem"), apart).unwrap();
        let site = engine.path("site.pem").display().to_string();
        assert_eq!(engine.run(&format!("cert set {site} other.pem")), 0);
        let shown = engine.lbctl(&["show", "certs", &site, "-o", "csv"]).output().unwrap();
        assert!(String::from_utf8(shown.stdout).unwrap().contains("/CN=other"));
        // Lists, too.
        let told = engine.told_of_stdin("map load hosts.map -", "a.example.com app\n\n\nshow info\n");
        assert_eq!(told, "$DIR/hosts.map: 2 entries\n--- exit 0\n");
        engine.check(
            "show maps hosts.map -o csv",
            &expect![[r#"
            key,value
            a.example.com,app
            show,info
            --- exit 0
        "#]],
        );
    });
}

const RESOLUTION: &str = "
resolvers nobody
  nameserver none 127.0.0.1:1
  resolve_retries 1
  timeout retry 100ms
  timeout resolve 100ms
backend names
  mode http
  server gone nowhere.invalid:80 resolvers nobody init-addr none
  server fixed 127.0.0.1:$PORT
";

#[test]
fn a_name_without_an_address_is_in_maintenance() {
    let none = |_: &std::path::Path| ();
    for engine in [Engine::start_lbd_with(none, RESOLUTION), Engine::start_haproxy_with(none, RESOLUTION)] {
        let Some(engine) = engine else { continue };
        let columns = "server,status,admin_state,out";
        engine.check(
            &format!("show servers names --columns {columns} -o csv"),
            &expect![[r#"
            server,status,admin_state,out
            names/gone,MAINT (resolution),32,true
            names/fixed,no check,0,false
            --- exit 0
        "#]],
        );
        // Whoever asks for ready gets none: the address is missing still.
        engine.check("ready names/gone", &expect![[r#"
            names/gone: in maintenance because its name does not resolve already (it serves once a name server, or 'lbctl server addr names/gone ADDRESS', gives it an address)
            --- exit 0
        "#]]);
        engine.check(
            "wait names/gone --for up --deadline 100ms",
            &expect![[r#"
            --- stderr
            names/gone: MAINT (resolution), <t> of 100ms
            error: the deadline of 100ms passed
              names/gone: MAINT (resolution)
            --- exit 5
        "#]],
        );
        // A name given at run time is another bit, which 2.6 sets with the next change.
        engine.ask("set server names/gone fqdn elsewhere.invalid");
        let state = String::from_utf8(engine.ask("show servers state names")).unwrap();
        let admin: u8 =
            state.lines().find(|l| l.contains(" gone ")).unwrap().split(' ').nth(6).unwrap().parse().unwrap();
        assert!(admin == (32 | 64) || engine.is_haproxy() && admin == 32, "{state}");
        engine.check(
            "explain names/gone -o name",
            &expect![[r#"
            names/gone
            --- exit 0
        "#]],
        );
    }
}
