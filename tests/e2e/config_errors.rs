//! Faulty configurations: every fault is found in one run, at its place.

use crate::check_eq;
use crate::support::both;
use anyhow::Result;
use lb_testkit::{Engine, Launch};
use std::collections::BTreeSet;
use std::process::Output;

const VALID: &str = "\
defaults
    mode http
    timeout connect 1s
    timeout client 1s
    timeout server 1s
listen a
    bind 127.0.0.1:{port:a}
    server s1 127.0.0.1:1
";

/// Ten lines, each with a fault of its own kind.
const FAULTS: &str = "\
global
    nbthread x
defaults
    mode http
    timeout connect 1s
    timeout client 5x
    timeout server 1s
frontend fe
    bind 127.0.0.1:{port:a}
    bindd :81
    use_backend b if unknown_acl
    acl broken no_such_fetch x
backend b
    balance foo
    server s1 127.0.0.1:1 wieght 3
    server s2 127.0.0.1:99999
    cookie
    option httpchkk
    mode ftp
";
const FAULT_LINES: [u32; 11] = [2, 6, 10, 11, 12, 14, 15, 16, 17, 18, 19];

fn check(engine: &Engine, config: &str) -> Result<Output> {
    let mut launch = Launch::new(engine)?.file("test.cfg", config)?;
    launch.run(&["-c", "-f", "{dir}/test.cfg"])
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Line numbers in the `[ALERT]` lines.
fn alert_lines(text: &str) -> BTreeSet<u32> {
    text.lines()
        .filter(|line| line.starts_with("[ALERT]"))
        .filter_map(|line| line.split_once("test.cfg:")?.1.split(']').next()?.parse().ok())
        .collect()
}

#[test]
fn a_valid_file_is_called_valid() {
    both(|engine| {
        let output = check(engine, VALID)?;
        check_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()));
        check_eq!(String::from_utf8_lossy(&output.stdout), "Configuration file is valid\n");
        let mut launch = Launch::new(engine)?.file("test.cfg", VALID)?;
        let quiet = launch.run(&["-c", "-q", "-f", "{dir}/test.cfg"])?;
        check_eq!((quiet.status.code(), quiet.stdout.len()), (Some(0), 0));
        Ok(())
    });
}

#[test]
fn all_faults_are_reported_in_one_run() {
    both(|engine| {
        let output = check(engine, FAULTS)?;
        let text = stderr(&output);
        check_eq!(output.status.code(), Some(1), "{text}");
        let missing: Vec<u32> = FAULT_LINES.into_iter().filter(|line| !alert_lines(&text).contains(line)).collect();
        check_eq!(missing, Vec::<u32>::new(), "{text}");
        check_eq!(text.contains("bind' maybe"), true, "a suggestion for bindd in {text}");
        check_eq!(text.contains("weight' maybe"), true, "a suggestion for wieght in {text}");
        Ok(())
    });
}

#[test]
fn the_faulty_token_is_underlined() {
    let subject = Engine::subject().unwrap();
    if subject.is_haproxy {
        return;
    }
    let text = stderr(&check(&subject, FAULTS).unwrap());
    for token in ["bindd", "unknown_acl", "wieght", "ftp"] {
        let underlined = text.lines().zip(text.lines().skip(1)).any(|(source, marks)| {
            let at = source.find(token);
            at.is_some_and(|at| marks.get(at..at + token.len()).is_some_and(|m| m.chars().all(|c| c == '^')))
        });
        assert!(underlined, "{token} in\n{text}");
    }
}

/// Single faults: a line to add (in a proxy, or a whole section), found at that line by both programs.
const SINGLE: &[&str] = &[
    "    bogus",
    "    timeout client",
    "    timeout bogus 1s",
    "    timeout client 1s extra",
    "    server s2",
    "    server s2 127.0.0.1:1 check inter",
    "    server s2 127.0.0.1:1 weight 300",
    "    server s2 127.0.0.1:1 check inter 0x",
    "    mode",
    "    option bogus",
    "    option",
    "    acl",
    "    acl a",
    "    use_backend x if { path_beg /x",
    "    bind",
    "    bind 127.0.0.1:70000",
    "    bind 127.0.0.1:1 bogus",
    "    bind nohost.invalid:80",
    "    cookie",
    "    log",
    "    log 127.0.0.1 badfacility",
    "    server s2 \"127.0.0.1:1",
    "    server s2 'x",
    "backend",
    "backend bad!name",
    "bogus",
];

#[test]
fn single_faults_fail_the_check_at_their_line() {
    both(|engine| {
        let mut unfound = Vec::new();
        for line in SINGLE {
            let config = format!("{VALID}{line}\n");
            let output = check(engine, &config)?;
            let text = stderr(&output);
            let wanted = config.lines().count() as u32;
            if output.status.code() != Some(1) || !alert_lines(&text).contains(&wanted) {
                unfound.push(format!("{line:?} at {wanted}: {:?} {text}", output.status.code()));
            }
        }
        check_eq!(unfound, Vec::<String>::new());
        Ok(())
    });
}

#[test]
fn faults_that_only_the_whole_shows_are_found() {
    const WHOLE: [&str; 6] = [
        "    default_backend nowhere\n",
        "    use_backend nowhere if { path /x }\n",
        "    server s1 127.0.0.1:2\n",
        "    server s2 127.0.0.1:1 track s9\n",
        "    server s2 127.0.0.1:1 track nowhere/s9\n",
        "listen a\n    bind 127.0.0.1:{port:b}\n",
    ];
    both(|engine| {
        for lines in WHOLE {
            let output = check(engine, &format!("{VALID}{lines}"))?;
            check_eq!(output.status.code(), Some(1), "{lines:?}: {}", stderr(&output));
            check_eq!(stderr(&output).contains("[ALERT]"), true, "{lines:?}");
        }
        Ok(())
    });
}

#[test]
fn a_faulty_file_starts_nothing() {
    both(|engine| {
        let mut launch = Launch::new(engine)?.file("test.cfg", FAULTS)?;
        let output = launch.run(&["-db", "-f", "{dir}/test.cfg"])?;
        check_eq!(output.status.code(), Some(1));
        let output = launch.run(&["-db", "-f", "{dir}/missing.cfg"])?;
        check_eq!((output.status.code(), stderr(&output).contains("missing.cfg")), (Some(1), true));
        Ok(())
    });
}

#[test]
fn tuning_words_are_accepted() {
    both(|engine| {
        let config = format!(
            "global\n    tune.bufsize 16384\n    tune.maxaccept 100\n    tune.maxpollevents 100\n    nbthread 1\n    ulimit-n 1000\n    tune.rcvbuf.client 65536\n{VALID}"
        );
        let output = check(engine, &config)?;
        check_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        Ok(())
    });
}
