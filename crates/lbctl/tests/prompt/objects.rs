//! Names of maps, lists, tables and certificates, completed at the prompt.

use crate::pty::Terminal;
use crate::support::Engine;
use crate::support::objects::{SECTIONS, files};

on_both_with! {
    files, SECTIONS;
    names_of_objects,
}

fn names_of_objects(engine: &Engine) {
    let mut prompt = Terminal::open(engine, &["repl"]);
    prompt.at_prompt("map get ho\ta.example.com -o csv\r");
    prompt.expect("\na.example.com,app\r\n");
    // Their keys, patterns and entries, too.
    prompt.at_prompt("map get hosts.map b\t -o csv\r");
    prompt.expect("\nb.example.com,tcpb\r\n");
    engine.ask("set table sticky key 192.0.2.7 data.gpc0 3");
    prompt.at_prompt("table clear sticky --key 192\t\r");
    prompt.expect("\nsticky: without the entry 192.0.2.7\r\n");
    prompt.at_prompt("acl del deny.acl 192\t\r");
    prompt.expect("\n192.168.0.0/16: gone\r\n");
    prompt.at_prompt("acl del den\t10.0.0.0/8\r");
    prompt.expect("\n10.0.0.0/8: gone\r\n");
    prompt.at_prompt("table clear st\t --all\r");
    prompt.expect("\nsticky: without every entry\r\n");
    let path = engine.path("site.pem").display().to_string();
    prompt.at_prompt("show certs /\t --columns value -o csv\r");
    prompt.expect("CN=site");
    // The node's own commands take whole names.
    prompt.at_prompt(&format!("get map {}\t b.example.com\r", engine.path("ho").display()));
    prompt.expect("found=yes");
    prompt.at_prompt(&format!("show ssl cert {path}\r"));
    prompt.expect("Status: Used");
    prompt.at_prompt("\\q\r");
    assert_eq!(prompt.exit(), Some(0));
}
