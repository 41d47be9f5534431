//! Lines typed at the prompt.

use crate::pty::Terminal;
use crate::support::Engine;

on_both! {
    both_languages_at_the_prompt,
    the_tab_key_completes_names_and_words,
    pasted_lines_run_one_after_the_other,
    history_is_kept_without_secrets,
    an_interrupt_ends_the_command_and_not_the_prompt,
}

fn both_languages_at_the_prompt(engine: &Engine) {
    let mut prompt = Terminal::open(engine, &["repl"]);
    // web4 is disabled in the configuration.
    prompt.expect("lb-test admin 1");
    prompt.at_prompt("drain app/web1\r");
    prompt.expect("app/web1: draining\r\n");
    prompt.expect("lb-test admin 2");
    prompt.at_prompt("show cli level\r");
    prompt.expect("\nadmin\r\n");
    prompt.at_prompt("set server app/nope state drain\r");
    prompt.expect("No such server.\r\n");
    prompt.at_prompt("drain app/nope\r");
    prompt.expect("error: no server is named 'app/nope'");
    prompt.expect("hint: ");
    prompt.at_prompt("ready app/web1\r");
    prompt.expect("app/web1: ready and running\r\n");
    prompt.at_prompt("\\?\r");
    prompt.expect("\\watch [TIME] LINE");
    prompt.at_prompt("\\q\r");
    assert_eq!(prompt.exit(), Some(0));
}

fn the_tab_key_completes_names_and_words(engine: &Engine) {
    let mut prompt = Terminal::open(engine, &["repl"]);
    prompt.at_prompt("drai\ttcpb/db1\r");
    prompt.expect("tcpb/db1: draining\r\n");
    prompt.at_prompt("set server tcp\t1 sta\tread\t\r");
    prompt.expect("set server tcpb/db1 state ready");
    prompt.at_prompt("enable agent app/w\t\t\x15set server app/web1 a\t\t");
    prompt.expect("agent-send");
    prompt.keys("\x15weight tcpb/db1 7\r");
    prompt.expect("weight 7 (configured: 1)");
    prompt.at_prompt("ready tcpb/db\t\t");
    prompt.expect("tcpb/db1");
    prompt.expect("tcpb/db2");
    prompt.keys("\x15\x04");
    assert_eq!(prompt.exit(), Some(0));
}

fn pasted_lines_run_one_after_the_other(engine: &Engine) {
    let mut prompt = Terminal::open(engine, &["repl"]);
    prompt.at_prompt("\x1b[200~weight app/web1 3\nweight app/web2 4\x1b[201~\r");
    prompt.expect("app/web1: weight 3 (configured: 1)\r\n");
    prompt.expect("app/web2: weight 4 (configured: 50)\r\n");
    prompt.at_prompt("\x04");
    assert_eq!(prompt.exit(), Some(0));
}

fn history_is_kept_without_secrets(engine: &Engine) {
    let mut prompt = Terminal::open(engine, &[]);
    prompt.at_prompt("show cli level\r");
    prompt.expect("admin\r\n");
    prompt.at_prompt("set dynamic-cookie-key backend app hunter2\r");
    prompt.at_prompt("exit\r");
    assert_eq!(prompt.exit(), Some(0));
    let kept = std::fs::read_to_string(engine.path(".local/state/lbctl/history")).unwrap();
    assert!(kept.contains("show cli level") && !kept.contains("hunter2"), "{kept}");
}

fn an_interrupt_ends_the_command_and_not_the_prompt(engine: &Engine) {
    let _held = engine.hold();
    let mut prompt = Terminal::open(engine, &["repl"]);
    prompt.at_prompt("\x03");
    prompt.at_prompt("drain tcpb/db1 --wait\r");
    prompt.expect("1 session left");
    prompt.keys("\x03");
    prompt.expect("error: interrupted while waiting");
    prompt.expect("hint: to undo: lbctl ready tcpb/db1");
    prompt.at_prompt("ready tcpb/db1\r");
    prompt.expect("tcpb/db1: ready and running");
    prompt.at_prompt("\\q\r");
    assert_eq!(prompt.exit(), Some(0));
}
