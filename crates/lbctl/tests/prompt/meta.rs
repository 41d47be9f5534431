//! Backslash commands of the prompt, hints and colours of the line, nodes that go and come back.

use crate::pty::Terminal;
use crate::support::Engine;

on_both! {
    rows_as_blocks,
    answers_go_to_files_and_programs,
    the_time_of_a_line,
    other_nodes,
    hints_and_colours,
    names_of_maps_and_columns,
    a_payload_and_a_search,
    an_engine_that_comes_back,
    an_interrupt_ends_a_stream,
}

fn rows_as_blocks(engine: &Engine) {
    let mut prompt = Terminal::open(engine, &["repl"]);
    prompt.at_prompt("\\x\r");
    prompt.expect("each row is a block");
    prompt.at_prompt("show servers app/web2\r");
    prompt.expect("-- 1 app/web2\r\nSERVER");
    prompt.expect("OF       50");
    prompt.at_prompt("show info Nbthread node\r");
    prompt.expect("Nbthread  1\r\n");
    prompt.at_prompt("\\x off\r");
    prompt.expect("rows are lines");
    prompt.at_prompt("\\x sideways\r");
    prompt.expect("error: \\x takes on, off or nothing");
    prompt.at_prompt("\\q\r");
    assert_eq!(prompt.exit(), Some(0));
}

fn answers_go_to_files_and_programs(engine: &Engine) {
    let kept = |name: &str| std::fs::read_to_string(engine.path(name)).unwrap_or_default();
    let mut prompt = Terminal::open(engine, &["repl"]);
    prompt.at_prompt("\\g\r");
    prompt.expect("error: no line was run before");
    prompt.at_prompt("show servers app/web1 \\g one.txt\r");
    prompt.at_prompt("show cli level \\g | tr a-z A-Z\r");
    prompt.expect("ADMIN");
    // The last line again, elsewhere.
    prompt.at_prompt("\\g two.txt\r");
    prompt.at_prompt("\\o rest.txt\r");
    prompt.at_prompt("show servers app/web2 -o name\r");
    prompt.at_prompt("show cli level\r");
    prompt.at_prompt("drain app/nope\r");
    prompt.expect("error: no server is named");
    prompt.at_prompt("show servers app/web3 -o name \\g | cat\r");
    prompt.expect("\napp/web3");
    prompt.at_prompt("\\o\r");
    prompt.at_prompt("show servers app/web6 -o name\r");
    prompt.expect("\napp/web6");
    // What changes something is not done again for its answer.
    prompt.at_prompt("weight app/web1 5\r");
    prompt.expect("weight 5 (configured: 1)");
    prompt.at_prompt("raw set weight app/web1 7\r");
    prompt.at_prompt("set weight app/web1 5\r");
    prompt.at_prompt("raw set weight app/web1 6\r");
    prompt.at_prompt("\\g | cat\r");
    prompt.expect("read-only");
    prompt.at_prompt("show info \\g | no-such-program-here\r");
    prompt.expect("error: there is no program 'no-such-program-here'");
    prompt.at_prompt("show info \\g /nowhere/at/all\r");
    prompt.expect("error: /nowhere/at/all: ");
    // A reader who has seen enough.
    prompt.at_prompt("show stat typed \\g | head -1\r");
    prompt.at_prompt("\\q\r");
    assert_eq!(prompt.exit(), Some(0));
    assert!(kept("one.txt").starts_with("SERVER "), "{}", kept("one.txt"));
    assert_eq!(kept("two.txt").trim_end(), "admin");
    assert_eq!(kept("rest.txt").trim_end(), "app/web2\nadmin");
}

fn the_time_of_a_line(engine: &Engine) {
    let mut prompt = Terminal::open(engine, &["repl"]);
    prompt.at_prompt("\\timing\r");
    prompt.expect("each line's time is told");
    prompt.at_prompt("show cli level\r");
    prompt.expect("time: ");
    prompt.expect(" ms\r\n");
    prompt.at_prompt("\\timing off\r");
    prompt.expect("times are not told");
    prompt.at_prompt("\\q\r");
    assert_eq!(prompt.exit(), Some(0));
}

fn other_nodes(engine: &Engine) {
    let (user, admin) = (engine.path("user.sock"), engine.path("admin.sock"));
    let pair = format!("context add pair one={} two={}", admin.display(), user.display());
    assert_eq!(engine.run(&pair), 0);
    let mut prompt = Terminal::open(engine, &["repl"]);
    prompt.expect("lb-test admin");
    prompt.at_prompt(&format!("\\use {}\r", user.display()));
    prompt.expect("lb-test user");
    prompt.at_prompt("\\use pai\t\r");
    // The least that all of them allow, and the servers out on each.
    prompt.expect("one+two user 2");
    prompt.at_prompt("show servers app/web4\r");
    prompt.expect("NODE");
    prompt.at_prompt("\\use nowhere\r");
    prompt.expect("error: there is no context 'nowhere'");
    prompt.at_prompt("\\use /nowhere.sock\r");
    prompt.expect("error: ");
    prompt.at_prompt("\\use\r");
    prompt.expect("error: \\use takes a context or a socket");
    // For one line only.
    prompt.at_prompt("show servers app/web4 -o name -s admin.sock\r");
    prompt.expect("app/web4");
    prompt.at_prompt("\\use admin.sock\r");
    prompt.expect("error: there is no context 'admin.sock'");
    prompt.at_prompt("\\use ./admin.sock\r");
    prompt.expect("lb-test admin");
    prompt.at_prompt("\\q\r");
    assert_eq!(prompt.exit(), Some(0));
}

fn hints_and_colours(engine: &Engine) {
    let mut command = engine.lbctl_under(&["setsid", "--ctty"], &["repl"]);
    let mut prompt = Terminal::run(command.env("TERM", "xterm"), (40, 120));
    prompt.at_prompt("weight app/web1 3\r");
    prompt.expect("weight 3 (");
    // What was typed before, taken with the right arrow.
    prompt.at_prompt("weig");
    prompt.expect("\x1b[2mht app/web1 3\x1b[0m");
    prompt.keys("\x1b[C\r");
    prompt.expect("weight 3 already");
    prompt.at_prompt("map set ");
    prompt.expect("\x1b[2m<MAP> <KEY> <VALUE>");
    prompt.keys("\x15set server app/web1 ");
    prompt.expect("addr|agent");
    prompt.keys("\x15nonsense ");
    prompt.expect("\x1b[31mnonsense\x1b[0m");
    prompt.keys("\x15drain ");
    prompt.expect("\x1b[1mdrain\x1b[0m");
    prompt.keys("\x15\x04");
    assert_eq!(prompt.exit(), Some(0));
    // Without colours a hint stands in brackets.
    let mut prompt = Terminal::open(engine, &["repl"]);
    prompt.at_prompt("weig");
    prompt.expect("(ht app/web1 3)");
    prompt.keys("\x15\x04");
    assert_eq!(prompt.exit(), Some(0));
}

fn names_of_maps_and_columns(engine: &Engine) {
    let mut prompt = Terminal::open(engine, &["repl"]);
    prompt.at_prompt("show servers --columns since\t -o csv\r");
    prompt.expect("\nsince_seconds\r\n");
    prompt.at_prompt("show stat --columns hrsp_5\t -o csv\r");
    prompt.expect("hrsp_5xx");
    prompt.at_prompt("show servers --columns server,st\t -o csv\r");
    prompt.expect("\nserver,status\r\n");
    prompt.at_prompt("show servers --filter status=MA\t -o name\r");
    prompt.expect("\napp/web4\r\n");
    prompt.at_prompt("show servers --sort -sessions_\t -o name\r");
    prompt.expect("\napp/web1\r\n");
    prompt.at_prompt("show backends tc\t -o name\r");
    prompt.expect("\ntcpb\r\n");
    prompt.at_prompt("drain --on-d\tf\t --unkn\x15\x04");
    assert_eq!(prompt.exit(), Some(0));
}

fn a_payload_and_a_search(engine: &Engine) {
    let mut prompt = Terminal::open(engine, &["repl"]);
    prompt.at_prompt("show cli level\r");
    prompt.expect("\nadmin");
    // Ctrl-R finds it again.
    prompt.at_prompt("\x12cli l");
    prompt.expect("show cli level");
    prompt.keys("\r");
    prompt.expect("\nadmin");
    prompt.at_prompt("set ssl cert nope.pem <<\r");
    prompt.at_prompt("-----BEGIN\r");
    // Given up in the middle: nothing is sent.
    prompt.at_prompt("\x03");
    prompt.expect("warning: the payload was given up");
    prompt.at_prompt("add map #999 <<\r");
    prompt.at_prompt("a b\r");
    prompt.at_prompt("\r");
    prompt.expect("nknown map");
    prompt.at_prompt("\\q\r");
    assert_eq!(prompt.exit(), Some(0));
}

fn an_engine_that_comes_back(engine: &Engine) {
    let mut prompt = Terminal::open(engine, &["repl"]);
    prompt.at_prompt("drain app/web1\r");
    prompt.expect("lb-test admin 2 out> ");
    engine.kill();
    prompt.at_prompt("show info\r");
    prompt.expect("error: ");
    prompt.expect(" unreachable> ");
    engine.start_again();
    prompt.at_prompt("show cli level\r");
    prompt.expect("\nadmin");
    // Another process: what was out is not.
    prompt.expect("lb-test admin 1 out> ");
    prompt.at_prompt("\\q\r");
    assert_eq!(prompt.exit(), Some(0));
}

fn an_interrupt_ends_a_stream(engine: &Engine) {
    let mut prompt = Terminal::open(engine, &["repl"]);
    prompt.at_prompt("\\watch 100ms show cli level\r");
    prompt.expect("\x1b[2Jadmin");
    prompt.expect("\x1b[2Jadmin");
    prompt.keys("\x03");
    prompt.at_prompt("show info node \\g | trap 'exit 0' INT; echo it runs; while :; do sleep 0.05; done\r");
    prompt.expect("\nit runs");
    // The program takes it; the prompt does not end by it.
    prompt.keys("\x03");
    prompt.at_prompt("drain app/web1 app/web2\r");
    prompt.expect("[y/N] ");
    prompt.keys("\x03");
    prompt.expect("error: nothing was changed");
    prompt.at_prompt("\\q\r");
    assert_eq!(prompt.exit(), Some(0));
}
