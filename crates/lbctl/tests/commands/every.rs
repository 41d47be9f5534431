//! What holds for all of them: everything shown in every form, every change as a dry run, on the wire and twice.

use std::path::Path;
use std::process::Output;

use crate::support::Engine;
use crate::support::objects::{SECTIONS, files};

/// What `lbctl show` shows.
const NOUNS: &[&str] = &[
    "servers",
    "backends",
    "frontends",
    "stat",
    "info",
    "sessions",
    "tables",
    "tables sticky",
    "maps",
    "maps hosts.map",
    "acls",
    "acls deny.acl",
    "certs",
    "checks",
    "errors",
];

/// On both engines, with maps, lists, a table and a certificate.
fn on_each(test: impl Fn(&Engine)) {
    let (files, sections) = (files as fn(&Path), SECTIONS);
    for engine in [Engine::start_lbd_with(files, sections), Engine::start_haproxy_with(files, sections)] {
        engine.iter().for_each(&test);
    }
}

fn run(engine: &Engine, words: &str) -> Output {
    engine.lbctl(&words.split(' ').collect::<Vec<_>>()).output().unwrap()
}

/// The output of a command that must succeed.
fn output(engine: &Engine, words: &str) -> String {
    let output = run(engine, words);
    assert!(output.status.success(), "{words}: {}", engine.told(&output));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn everything_is_shown_in_every_form() {
    on_each(|engine| {
        engine.ask("set table sticky key 192.0.2.7 data.gpc0 3");
        // Something invalid, so that there is an error to show.
        lb_testkit::until("an invalid request", || {
            use std::io::{Read, Write};
            let mut client = std::os::unix::net::UnixStream::connect(engine.path("web.sock")).ok()?;
            client.write_all(b"GET / HTTP/1.1\r\nBad Header\r\n\r\n").ok()?;
            let _ = client.read_to_end(&mut Vec::new());
            String::from_utf8_lossy(&engine.ask("show errors")).contains("frontend web").then_some(())
        })
        .unwrap();
        for noun in NOUNS {
            in_every_form(engine, noun);
        }
    });
}

fn in_every_form(engine: &Engine, noun: &str) {
    let show = |options: &str| output(engine, &format!("show {noun}{options}"));
    let mut reader = csv::ReaderBuilder::new().from_reader(std::io::Cursor::new(show(" -o csv")));
    let header: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().unwrap();
    let pairs = header == ["key", "value"] && *noun != *"maps hosts.map";
    assert!(!rows.is_empty() || noun == "sessions", "{noun}");

    let json: serde_json::Value = serde_json::from_str(&show(" -o json")).unwrap();
    let lines: Vec<serde_json::Value> = show(" -o jsonl").lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let names: Vec<String> = show(" -o name").lines().map(str::to_owned).collect();
    if pairs {
        assert_eq!(json.as_object().unwrap().len(), rows.len(), "{noun}");
        assert_eq!(lines.len(), 1, "{noun}");
    } else {
        assert_eq!(json.as_array().unwrap().len(), rows.len(), "{noun}");
        assert_eq!(lines.len(), rows.len(), "{noun}");
        let keys: Vec<&String> = lines.iter().take(1).flat_map(|l| l.as_object().unwrap().keys()).collect();
        assert!(rows.is_empty() || keys.len() == header.len(), "{noun}: {keys:?} {header:?}");
    }
    let named = |row: &csv::StringRecord| match noun {
        "stat" => format!("{}/{}", &row[0], &row[1]),
        _ => row[0].to_owned(),
    };
    let first: Vec<String> = rows.iter().map(named).collect();
    assert_eq!(names, first, "{noun}");
    let yaml = show(" -o yaml");
    let begins = yaml.lines().filter(|line| line.starts_with("- ")).count();
    assert!(pairs || begins == rows.len(), "{noun}: {yaml}");
    for form in ["table", "wide", "expanded", "raw"] {
        let text = show(&format!(" -o {form}"));
        assert!(!text.is_empty() || noun == "sessions", "{noun} -o {form}");
    }

    // Chosen, ordered, found.
    let key = &header[0];
    // Of statistics both parts of the name are always there.
    let columns = if noun == "stat" { "pxname,svname" } else { key.as_str() };
    let one = show(&format!(" --columns {columns} --sort -{key} -o csv"));
    let mut sorted: Vec<&str> = one.lines().skip(1).collect();
    assert_eq!(one.lines().next(), Some(columns), "{noun}");
    assert_eq!(sorted.len(), rows.len(), "{noun}");
    sorted.reverse();
    let found = show(&format!(" --filter {key}!=nothing-has-this --columns {key} --sort {key} -o csv"));
    let found: Vec<&str> = found.lines().skip(1).collect();
    assert_eq!(found.len(), sorted.len(), "{noun}");
    assert_eq!(show(&format!(" --filter {key}=nothing-has-this -o jsonl")), "", "{noun}");
    let twice = show(" --watch 10ms --times 2 -o name");
    assert!(twice.lines().count() >= 2 * names.len(), "{noun}: {twice}");
}

/// What is changed, and whether what it does can be seen done: the second time it is done already.
const CHANGES: &[(&str, bool)] = &[
    ("drain app/web1", true),
    ("maint app/web2", true),
    ("ready app/web4", true),
    ("weight app/web2 25", true),
    ("weight app/* 0%", true),
    ("health app/web6 disable", true),
    ("health app/web6 enable", true),
    // What a forced health does to a check does not show.
    ("health app/web1 down", false),
    ("server addr tcpb/db2 127.0.0.2:81", true),
    ("server add tcpb/db9 127.0.0.1:9", true),
    ("ready tcpb/db9", true),
    ("maint tcpb/db9", true),
    ("server del tcpb/db9", true),
    ("map set hosts.map c.example.com app", true),
    ("map del hosts.map c.example.com", true),
    ("acl add deny.acl 203.0.113.0/24", true),
    ("acl del deny.acl 203.0.113.0/24", true),
    ("table set sticky 192.0.2.9 gpc0=4", false),
    ("table clear sticky --key 192.0.2.9", false),
    ("kill-sessions app/web1", false),
    ("counters clear", false),
];

#[test]
fn changes_are_planned_sent_and_done_once() {
    on_each(|engine| {
        for (change, shows) in CHANGES {
            let state = || (engine.ask("show servers state"), output(engine, "show maps hosts.map -o csv"));
            let pick = |(servers, map): (Vec<u8>, String)| {
                // Times and checks go on by themselves.
                let text = String::from_utf8(servers).unwrap();
                let line = |l: &str| l.split(' ').take(9).map(str::to_owned).collect::<Vec<_>>();
                (
                    text.lines()
                        .filter(|l| !l.contains(" web3 ") && !l.contains(" web5 "))
                        .map(line)
                        .collect::<Vec<_>>(),
                    map,
                )
            };
            let before = pick(state());
            let plan = output(engine, &format!("{change} --dry-run"));
            assert!(plan.contains("would "), "{change}: {plan}");
            let wire = output(engine, &format!("{change} --dry-run=wire"));
            assert!(!wire.trim().is_empty(), "{change}");
            assert_eq!(pick(state()), before, "{change}: a dry run changes nothing");
            let refused = run(engine, &format!("{change} --read-only"));
            assert_eq!(refused.status.code(), Some(6), "{change}: {}", engine.told(&refused));
            assert_eq!(pick(state()), before, "{change}: nothing is changed where only looking is allowed");
            // The wire's lines, by a plain client, do what the command does.
            for line in wire.lines().filter(|line| !line.starts_with('#')) {
                let answer = String::from_utf8(engine.ask(line)).unwrap();
                assert!(!answer.contains("Unknown command"), "{change}: {line}: {answer}");
            }
            let again = output(engine, change);
            assert!(!shows || again.contains(" already"), "{change}: {again}");
            if *shows {
                let json = output(engine, &format!("{change} -o jsonl"));
                let results: Vec<serde_json::Value> = json.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
                assert!(results.iter().all(|r| r["result"] == "already"), "{change}: {json}");
            }
        }
    });
}
