//! The master's command line.

use crate::support::{Bench, LIMIT, Running, alive, children, oracle, wait_for};
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

/// A path is told from a host name by its slash.
fn socket(bench: &Bench) -> String {
    format!("{},mode,600", bench.path("m.sock").display())
}

fn start(bench: &Bench) -> Running {
    let master = bench.start(&["-W", "-S", &socket(bench), "-p", "pid", "-f", "good.cfg"]);
    bench.wait_pid("pid");
    master
}

/// Sends lines, closes the writing side, reads to the end.
fn ask(bench: &Bench, lines: &str) -> String {
    exchange(bench, lines).unwrap()
}

/// HAProxy executes itself anew once the worker serves: its first socket goes away with all who wait at it.
fn ask_oracle(bench: &Bench, lines: &str) -> String {
    let mut text = String::new();
    wait_for("the oracle's answer", || {
        text = exchange(bench, lines).unwrap_or_default();
        !text.is_empty()
    });
    text
}

fn exchange(bench: &Bench, lines: &str) -> io::Result<String> {
    let mut stream = None;
    wait_for("the socket", || {
        stream = UnixStream::connect(bench.path("m.sock")).ok();
        stream.is_some()
    });
    let mut stream = stream.unwrap();
    stream.set_read_timeout(Some(LIMIT))?;
    stream.write_all(lines.as_bytes())?;
    stream.shutdown(Shutdown::Write)?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}

#[test]
fn processes_are_shown_in_the_columns_of_haproxy() {
    let bench = Bench::new();
    let master = start(&bench);
    let text = ask(&bench, "show proc\n");
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[1].starts_with(&format!("{:<16}master          0 [failed: 0]   0d00h00m0", master.pid())), "{text}");
    assert_eq!(lines[2], "# workers");
    let worker = children(master.pid())[0];
    assert!(lines[3].starts_with(&format!("{worker:<16}worker          0               0d00h00m0")), "{text}");
    assert_eq!(lines[4..], [""]);

    let Some(haproxy) = oracle() else { return };
    let theirs = Bench::new();
    let mut process =
        theirs.command(&haproxy, &["-W", "-S", &socket(&theirs), "-p", "pid", "-f", "good.cfg"]).spawn().unwrap();
    theirs.wait_pid("pid");
    let their_text = ask_oracle(&theirs, "show proc\n");
    crate::support::signal(i32::try_from(process.id()).unwrap(), "TERM");
    process.wait().unwrap();
    assert_eq!(their_text.lines().next(), text.lines().next());
}

#[test]
fn only_its_owner_may_connect() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new();
    let _master = start(&bench);
    assert_eq!(std::fs::metadata(bench.path("m.sock")).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn commands_are_passed_on_to_workers() {
    let bench = Bench::new();
    let master = start(&bench);
    let worker = children(master.pid())[0];
    assert!(ask(&bench, "@1 show info\n").contains(&format!("\nPid: {worker}\n")));
    assert!(ask(&bench, &format!("@!{worker} show info; show version\n")).contains(&format!("\nPid: {worker}\n")));
    assert!(ask(&bench, "@1\nshow info\n@master\nshow proc\n").contains("# workers\n"));
    assert_eq!(ask(&bench, "@9 show info\n"), "Can't find the target PID matching the prefix '@9'\n");
    assert_eq!(ask(&bench, "operator; @1 show cli level\n"), "operator\n\n");
    assert_eq!(ask(&bench, "@1 show cli level; show cli level\n"), "admin\n\nadmin\n\n");
    assert_eq!(ask(&bench, "@@1 show cli level; show cli level\n"), "admin\n\nadmin\n\n");
}

#[test]
fn a_reload_is_answered_when_it_is_done() {
    let bench = Bench::new();
    let master = start(&bench);
    let old = children(master.pid())[0];
    let text = ask(&bench, "reload\n");
    assert!(text.starts_with("Success=1\n--\n[NOTICE]") && text.ends_with("Loading success.\n"), "{text}");
    wait_for("the former worker's end", || !alive(old));

    bench.write("good.cfg", "frontend fe\n    foo\n");
    let text = ask(&bench, "reload\n");
    assert!(text.starts_with("Success=0\n--\n") && text.contains("unknown keyword 'foo'"), "{text}");
    assert!(ask(&bench, "show proc\n").contains("2 [failed: 1]"));
    assert!(ask(&bench, "show startup-logs\n").contains("unknown keyword 'foo'"));
    assert_eq!(ask(&bench, "user; reload\n"), "Permission denied\n\n");

    bench.write("good.cfg", &bench.good());
    let text = ask(&bench, "hard-reload\n");
    assert!(text.starts_with("Success=1\n"), "{text}");
    master.signal("TERM");
    let (code, text) = master.finish();
    assert!(code == 0 && text.contains("exited with code 143 (Terminated)"), "{text}");
}

#[test]
fn a_worker_that_cannot_be_started_is_a_failed_reload() {
    let bench = Bench::new();
    std::fs::create_dir(bench.path("tmp")).unwrap();
    let args = ["-W", "-S", &socket(&bench), "-p", "pid", "-f", "good.cfg"];
    let master = bench.start_with(&args, &[("TMPDIR", &bench.path("tmp"))]);
    bench.wait_pid("pid");
    let worker = children(master.pid())[0];
    // Its private socket is still served; the next one has no place.
    std::fs::rename(bench.path("tmp"), bench.path("gone")).unwrap();
    let text = ask(&bench, "reload\n");
    assert!(text.starts_with("Success=0\n--\n") && text.contains("Cannot make the worker's admin socket"), "{text}");
    assert_eq!(children(master.pid()), [worker]);
    assert!(bench.connects());
    std::fs::rename(bench.path("gone"), bench.path("tmp")).unwrap();
    assert!(ask(&bench, "reload\n").starts_with("Success=1\n"));
    assert!(ask(&bench, "show proc\n").contains("2 [failed: 1]"));
    master.signal("TERM");
    assert_eq!(master.finish().0, 0);
}

#[test]
fn a_prompt_says_who_is_asked() {
    let bench = Bench::new();
    let master = start(&bench);
    let worker = children(master.pid())[0];
    let text = ask(&bench, "prompt\n@1\nshow cli level\n@\nquit\n");
    assert_eq!(text, format!("master> {worker}> admin\n\n{worker}> master> "));
}

#[test]
fn a_former_worker_is_asked_until_its_end() {
    let bench = Bench::new();
    // Takes connections and never answers.
    let origin = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("    default_backend app\nbackend app\n    server s {}\n", origin.local_addr().unwrap());
    bench.write("good.cfg", &bench.good().replace("    http-request deny deny_status 404\n", &server));
    let master = start(&bench);
    let old = children(master.pid())[0];
    let mut client = std::net::TcpStream::connect(("127.0.0.1", bench.port)).unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    wait_for("a session", || ask(&bench, "@1 show sess\n").contains("fe=fe be=app"));
    assert!(ask(&bench, "reload\n").starts_with("Success=1\n"));
    let table = ask(&bench, "show proc\n");
    assert!(table.contains(&format!("# old workers\n{old:<16}worker          1 ")), "{table}");
    let sessions = ask(&bench, &format!("@!{old} show sess\n"));
    assert!(sessions.contains("fe=fe be=app"), "{sessions}");
    assert!(ask(&bench, &format!("@!{old} show info\n")).contains("\nStopping: 1\n"));
    let session = sessions.lines().find(|line| line.contains("fe=fe")).unwrap();
    let pointer = session.split(':').next().unwrap();
    assert_eq!(ask(&bench, &format!("@!{old} shutdown session {pointer}\n")), "\n");
    wait_for("the former worker's end", || children(master.pid()).len() == 1);
}

#[test]
fn a_worker_outlives_so_many_reloads() {
    let bench = Bench::new();
    let origin = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("    default_backend app\nbackend app\n    server s {}\n", origin.local_addr().unwrap());
    let text = bench.good().replace("    http-request deny deny_status 404\n", &server);
    let text = text.replace("timeout server 5s", "timeout server 1m").replace("timeout client 5s", "timeout client 1m");
    bench.write("good.cfg", &text.replace("global\n", "global\n    mworker-max-reloads 1\n"));
    let master = start(&bench);
    let old = children(master.pid())[0];
    let mut client = std::net::TcpStream::connect(("127.0.0.1", bench.port)).unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    wait_for("a session", || ask(&bench, "@1 show sess\n").contains("fe=fe be=app"));
    assert!(ask(&bench, "reload\n").starts_with("Success=1\n"));
    assert!(ask(&bench, &format!("@!{old} show sess\n")).contains("fe=fe be=app"), "it lives through one");
    assert!(ask(&bench, "reload\n").starts_with("Success=1\n"));
    wait_for("the former worker's end", || !alive(old));
}
