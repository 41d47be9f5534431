//! `lbctl top`: the live view, its keys and its command line.

use std::collections::BTreeSet;

use expect_test::expect;

use crate::pty::Terminal;
use crate::support::Engine;

on_both! {
    every_key_does_what_the_help_says,
    views_and_what_is_shown,
    the_command_line,
    only_looking,
    some_rows_of_it,
    once_for_scripts,
}

/// What is seen of a key.
enum Seen {
    /// The name that Space takes to the command line.
    Row(&'static str),
    /// Text on the screen. Only what changes is sent, so that blanks are moves of the cursor.
    Text(&'static str),
    /// The weight of `app/web1`, as the engine has it.
    Weight(&'static str),
    /// Its administrative state.
    State(&'static str),
    /// The program's end, in a view of its own.
    End,
}
use Seen::{End, Row, State, Text, Weight};

/// Keys in an order in which each has something to do: the name in the help, what the terminal sends, what is seen of it.
/// Rows: `web` and `tcp`, six servers of `app` and itself, two of `tcpb` and itself. The first server is marked.
const PRESSED: &[(&str, &str, Seen)] = &[
    ("Space", "", Row("app/web1")),
    ("home", "\x1b[H", Row("web")),
    ("down", "\x1b[B", Row("tcp")),
    ("j", "j", Row("app/web1")),
    ("up", "\x1b[A", Row("tcp")),
    ("k", "k", Row("web")),
    ("page-down", "\x1b[6~", Row("tcpb/db2")),
    ("page-up", "\x1b[5~", Row("web")),
    ("end", "\x1b[F", Row("tcpb")),
    ("d", "d", Text("first")),
    ("home", "\x1b[Hjj", Row("app/web1")),
    ("+", "+", Weight("2 (initial 1)")),
    ("F8", "\x1b[19~", Weight("12 (initial 1)")),
    ("F7", "\x1b[18~", Weight("13 (initial 1)")),
    ("-", "-", Weight("12 (initial 1)")),
    ("F6", "\x1b[17~", Weight("11 (initial 1)")),
    ("F5", "\x1b[15~", Weight("1 (initial 1)")),
    ("w", "w7\r\t", Weight("7 (initial 1)")),
    ("F4", "\x1bOS", Weight("1 (initial 1)")),
    ("d", "d", State("8")),
    ("r", "r", State("0")),
    ("m", "m", State("1")),
    ("F9", "\x1b[20~", State("0")),
    ("F10", "\x1b[21~", State("1")),
    // The menu: the second of its lines makes ready; what is left by Esc is not done.
    ("Enter", "\r", Text("maintenance")),
    ("Enter", "\x1b[B\r", State("0")),
    ("Enter", "\rm", State("1")),
    ("r", "r", State("0")),
    ("2", "2", Text("LIMIT")),
    ("3", "3", Text("REQUESTS")),
    ("4", "4", Text("DOWNTIME")),
    ("1", "1", Text("TOTAL")),
    ("6", "6", Text("nobody")),
    ("Tab", "\t\t", Text("LIMIT")),
    ("Esc", "\x1b", Text("CHECK")),
    ("5", "5", Text("Enter sends")),
    // From the command line Tab goes back.
    ("?", "\t?", Text("restores")),
    ("h", "xh", Text("restores")),
    ("F1", "x\x1bOP", Text("restores")),
    // Whatever closes the help does nothing else.
    ("q", "q", Row("app/web1")),
    ("q", "q", End),
    ("Ctrl-C", "\x03", End),
];

fn every_key_does_what_the_help_says(engine: &Engine) {
    let open = || {
        // High enough for the command line to stand where nothing else was.
        let mut top = Terminal::open_sized(engine, &["top", "--every", "100ms"], (60, 120));
        top.expect("app/web1");
        top.expect("tcpb/BACKEND");
        top
    };
    let mut top = Some(open());
    for (name, keys, seen) in PRESSED {
        let screen = top.get_or_insert_with(open);
        screen.keys(keys);
        match seen {
            Row(row) => {
                screen.keys(" ");
                screen.expect(&format!("{row}_"));
                screen.keys("\x15\t");
            }
            Text(text) => drop(screen.expect(text)),
            Weight(weight) => until(name, || {
                let answer = String::from_utf8(engine.ask("get weight app/web1")).unwrap();
                (answer.trim() == *weight).then_some(())
            }),
            State(state) => until(name, || {
                let answer = String::from_utf8(engine.ask("show servers state app")).unwrap();
                let line = answer.lines().find(|line| line.contains(" web1 "))?;
                (line.split(' ').nth(6)? == *state).then_some(())
            }),
            End => assert_eq!(top.take().unwrap().exit(), Some(0), "{name}"),
        }
    }
    // None of the keys that the help names is left out.
    let help = String::from_utf8(engine.lbctl(&["top", "--help"]).output().unwrap().stdout).unwrap();
    let keys = help.split_once("Keys:\n").unwrap().1.split_once("\n\n").unwrap().0;
    let named: BTreeSet<&str> = keys.lines().flat_map(|line| line.get(..13).unwrap().split_whitespace()).collect();
    let pressed: BTreeSet<&str> = PRESSED.iter().map(|(name, ..)| *name).collect();
    assert_eq!(named, pressed);
    // What was changed is in the journal.
    let log = String::from_utf8(engine.lbctl(&["log", "-o", "csv"]).output().unwrap().stdout).unwrap();
    for change in ["app/web1,weight,2,12", "app/web1,weight,11,1", "app/web1,state,ready,drain"] {
        assert!(log.contains(change), "{change}: {log}");
    }
}

#[track_caller]
fn until(what: &str, holds: impl FnMut() -> Option<()>) {
    lb_testkit::until(what, holds).unwrap();
}

fn views_and_what_is_shown(engine: &Engine) {
    let held = engine.hold();
    let mut top = Terminal::open(engine, &["top", "--every", "100ms"]);
    // Blanks are moves of the cursor.
    top.expect("servers");
    top.expect("STATUS");
    top.expect("web/FRONTEND");
    top.expect("tcpb/db1");
    top.keys("6");
    top.expect("held");
    top.expect("nobody");
    // The last row but two is the server that is held.
    top.keys("\x1b[F\x1b[A\x1b[A");
    top.expect("through");
    drop(held);
    top.expect("nobody");
    // What comes from the engine is seen without a key.
    top.keys("1");
    engine.ask("set server app/web2 state maint");
    top.expect("MAINT");
    top.keys("q");
    assert_eq!(top.exit(), Some(0));
}

fn the_command_line(engine: &Engine) {
    let mut top = Terminal::open(engine, &["top", "--every", "100ms"]);
    top.expect("tcpb/BACKEND");
    top.keys("5show cli levexl\x7f\x7fl\r");
    top.expect("admin");
    // The last line again, and a word behind it.
    top.keys("\x1b[A; show cli sockets\r");
    top.expect("admin.sock");
    // The marked row's name is taken along; letters are letters here.
    top.keys("\t set\x15get weight \t \r");
    top.expect("(initial");
    top.keys("set server app/nope state ready\r");
    top.expect("such");
    top.keys("\x03");
    assert_eq!(top.exit(), Some(0));
}

fn only_looking(engine: &Engine) {
    let mut top = Terminal::open(engine, &["top", "--read-only", "--every", "100ms"]);
    top.expect("tcpb/BACKEND");
    top.keys("d");
    top.expect("looking");
    top.keys("5set server app/web1 state drain\r");
    top.expect("looking");
    top.keys("\tq");
    assert_eq!(top.exit(), Some(0));
    assert!(String::from_utf8(engine.ask("get weight app/web1")).unwrap().starts_with("1 "));
}

fn some_rows_of_it(engine: &Engine) {
    let mut top = Terminal::open(engine, &["top", "tcpb", "--every", "100ms"]);
    let shown = top.expect("tcpb/BACKEND");
    assert!(!shown.contains("app/"), "{shown}");
    top.keys("q");
    assert_eq!(top.exit(), Some(0));
    let mut top = Terminal::open(engine, &["top", "nope*"]);
    top.expect("error: nothing matches 'nope*/*'");
    assert_eq!(top.exit(), Some(4));
}

fn once_for_scripts(engine: &Engine) {
    engine.check(
        "top",
        &expect![[r#"
        --- stderr
        error: top needs a terminal
        hint: 'lbctl top --once -o json' is for scripts
        --- exit 2
    "#]],
    );
    engine.check(
        "top --once app -o name",
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
        "top --once app/web1 -o json",
        &expect![[r#"
        [
          {
            "server": "app/web1",
            "status": "no check",
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
            "admin_state": 0,
            "op_state": 2,
            "out": false
          }
        ]
        --- exit 0
    "#]],
    );
    engine.check(
        "top --once nope/web1",
        &expect![[r#"
        --- stderr
        error: no server matches 'nope/web1' on $DIR/admin.sock
        hint: 'lbctl show servers -o name' lists what there is
        --- exit 4
    "#]],
    );
    engine.check("top --every soon", &expect![[r#"
        --- stderr
        error: invalid value 'soon' for '--every <TIME>': unexpected character 's', expected a number with an optional unit (us, ms, s, m, h, d)

        For more information, try '--help'.
        --- exit 2
    "#]]);
    engine.check(
        "-s nothing.sock top --once",
        &expect![[r#"
        --- stderr
        error: cannot connect to nothing.sock: No such file or directory (os error 2)
        hint: there is no such file; is the engine running, and does its configuration have 'stats socket nothing.sock'?
        --- exit 3
    "#]],
    );
    let all = engine.lbctl(&["top", "--once", "-o", "json"]).output().unwrap();
    let servers: Vec<serde_json::Value> = serde_json::from_slice(&all.stdout).unwrap();
    assert_eq!(servers.len(), 8);
    assert!(servers.iter().all(|server| server["status"].is_string() && server["sessions"].is_u64()));
}
