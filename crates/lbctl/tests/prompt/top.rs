//! `lbctl top`: the live view and its keys.

use crate::pty::Terminal;
use crate::support::Engine;

on_both! {
    top_shows_and_changes,
}

fn top_shows_and_changes(engine: &Engine) {
    let weight = |wanted: &str| {
        let found = || {
            let state = String::from_utf8(engine.ask("get weight app/web1")).unwrap();
            state.starts_with(wanted).then_some(())
        };
        lb_testkit::until("the weight", found).unwrap();
    };
    let held = engine.hold();
    let mut top = Terminal::open(engine, &["top", "--every", "100ms"]);
    // Blanks are moves of the cursor.
    top.expect("servers");
    top.expect("app/web1");
    top.expect("tcpb/db1");
    top.expect("leave");
    top.keys("+");
    weight("2 ");
    // F8, F4: as hatop has them.
    top.keys("\x1b[19~");
    weight("12 ");
    top.keys("\x1bOS");
    weight("1 ");
    let state = |wanted: &str| {
        let found = || {
            let state = String::from_utf8(engine.ask("show servers state app")).unwrap();
            state.lines().any(|line| line.contains(&format!(" web1 127.0.0.1 2 {wanted} "))).then_some(())
        };
        lb_testkit::until("the state", found).unwrap();
    };
    top.keys("d");
    state("8");
    top.keys("r");
    state("0");
    top.keys("2");
    top.expect("FRONTEND");
    top.keys("3");
    top.expect("held");
    top.expect("nobody");
    top.keys("\x1b[F\x1b[A");
    top.expect("through");
    drop(held);
    top.keys("q");
    assert_eq!(top.exit(), Some(0));
    assert_eq!(engine.run("top"), 2, "without a terminal");
    let once = engine.lbctl(&["top", "--once", "-o", "name"]).output().unwrap();
    assert!(String::from_utf8(once.stdout).unwrap().starts_with("app/web1\napp/web2\n"));
    let log = engine.lbctl(&["log", "-o", "csv"]).output().unwrap();
    assert!(String::from_utf8(log.stdout).unwrap().contains("app/web1,weight,2,12"));
}
