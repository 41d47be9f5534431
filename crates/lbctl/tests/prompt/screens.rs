//! Commands at a terminal: questions, tables, progress, the pager, colours.

use crate::pty::Terminal;
use crate::support::Engine;

on_both! {
    several_servers_are_asked_about,
    tables_are_drawn_on_a_terminal,
    a_terminal_without_a_size_has_80_columns,
    a_drain_rewrites_one_line,
    long_output_goes_through_the_pager,
    colours_by_wish,
}

fn several_servers_are_asked_about(engine: &Engine) {
    let mut terminal = Terminal::open(engine, &["drain", "app/web1", "app/web2"]);
    terminal.expect("Drain 2 servers: app/web1 app/web2. Go on? [y/N] ");
    terminal.keys("n\r");
    terminal.expect("error: nothing was changed");
    assert_eq!(terminal.exit(), Some(6));
    let mut terminal = Terminal::open(engine, &["drain", "app/web1", "app/web2"]);
    terminal.expect("[y/N] ");
    terminal.keys("y\r");
    terminal.expect("app/web2: draining");
    assert_eq!(terminal.exit(), Some(0));
    let mut terminal = Terminal::open(engine, &["ready", "app/web?", "--yes"]);
    terminal.expect("app/web2: ready and running");
    assert_eq!(terminal.exit(), Some(0));
}

fn tables_are_drawn_on_a_terminal(engine: &Engine) {
    let mut terminal = Terminal::open(engine, &["show", "servers", "app/web1"]);
    let drawn = terminal.expect("app/web1");
    assert!(drawn.contains('─'), "{drawn}");
    terminal.expect("no check");
    assert_eq!(terminal.exit(), Some(0));
}

fn a_terminal_without_a_size_has_80_columns(engine: &Engine) {
    // Some 118 columns wide: rules are drawn where they fit.
    for (size, fits) in [((40, 120), true), ((40, 80), false), ((0, 0), false)] {
        let mut terminal = Terminal::open_sized(engine, &["show", "servers", "app/web1", "-o", "wide"], size);
        let drawn = terminal.expect("no check");
        assert_eq!(drawn.contains('─') || drawn.contains('═'), fits, "{size:?}: {drawn}");
        assert_eq!(terminal.exit(), Some(0));
    }
    let mut terminal = Terminal::open_sized(engine, &["show", "backends"], (0, 0));
    assert!(terminal.expect("tcpb").contains('═'));
    assert_eq!(terminal.exit(), Some(0));
    let mut terminal = Terminal::open_sized(engine, &["repl"], (0, 0));
    terminal.at_prompt("show servers app/web1\r");
    terminal.expect("no check");
    terminal.at_prompt("\\q\r");
    assert_eq!(terminal.exit(), Some(0));
}

fn a_drain_rewrites_one_line(engine: &Engine) {
    let held = engine.hold();
    let mut terminal = Terminal::open(engine, &["drain", "tcpb/db1", "--wait", "--deadline", "10s"]);
    terminal.expect("\r\x1b[Ktcpb/db1: 1 session left, 0s of 10s");
    drop(held);
    terminal.expect("tcpb/db1: drained after");
    assert_eq!(terminal.exit(), Some(0));
}

fn long_output_goes_through_the_pager(engine: &Engine) {
    let show = |words: &[&str], pager: &str, size| {
        let mut command = engine.lbctl_under(&["setsid", "--ctty"], words);
        Terminal::run(command.env("TERM", "xterm").env("NO_COLOR", "1").env("LBCTL_PAGER", pager), size)
    };
    // A pager that says so.
    let mut long = show(&["show", "info"], "sed 's/^/paged: /'", (10, 80));
    long.expect("paged: ");
    long.expect("Nbthread");
    assert_eq!(long.exit(), Some(0));
    let mut short = show(&["show", "info", "Nbthread"], "sed 's/^/paged: /'", (10, 80));
    assert!(!short.expect("Nbthread").contains("paged"));
    assert_eq!(short.exit(), Some(0));
    // One that is not there, or none.
    for pager in ["no-such-pager-here", "cat", ""] {
        let mut long = show(&["show", "info"], pager, (10, 80));
        assert!(!long.expect("Nbthread").contains("paged"), "{pager}");
        assert_eq!(long.exit(), Some(0), "{pager}");
    }
    // A reader who leaves early.
    let left = show(&["show", "info"], "head -1", (10, 80));
    assert_eq!(left.exit(), Some(0));
}

fn colours_by_wish(engine: &Engine) {
    let piped = |name: &str, value: &str| {
        let output = engine.lbctl(&["show", "servers", "app/web3"]).env(name, value).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(!piped("TERM", "xterm").contains('\x1b'), "a pipe has no colours");
    assert!(piped("CLICOLOR_FORCE", "1").contains("\x1b[31mDOWN\x1b[0m"));
    assert!(!piped("CLICOLOR_FORCE", "0").contains('\x1b'));
    let on_terminal = |name: &str, value: &str, arguments: &[&str]| {
        let mut command = engine.lbctl_under(&["setsid", "--ctty"], arguments);
        let mut terminal = Terminal::run(command.env("TERM", "xterm").env(name, value), (40, 120));
        let shown = terminal.expect("127.0.0.1:1");
        assert_eq!(terminal.exit(), Some(0));
        // The word stands there with and without its colour.
        assert!(shown.contains("DOWN"), "{shown}");
        shown
    };
    let coloured = |text: &str| text.contains("[31m") || text.contains("[38;5;9m");
    assert!(coloured(&on_terminal("LANG", "C.UTF-8", &["show", "servers", "app/web3"])));
    assert!(!coloured(&on_terminal("NO_COLOR", "1", &["show", "servers", "app/web3"])));
    assert!(!coloured(&on_terminal("TERM", "dumb", &["show", "servers", "app/web3"])));
    assert!(!coloured(&on_terminal("LANG", "C.UTF-8", &["show", "servers", "app/web3", "--no-color"])));
}
