//! The prompt, driven through a pseudo-terminal as a person would.
#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::panic, reason = "a test may panic")]

#[expect(dead_code, reason = "the other suites use the rest")]
#[macro_use]
mod support;

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::pty::{Winsize, openpty};
use support::Engine;

struct Prompt {
    keyboard: File,
    screen: Receiver<Vec<u8>>,
    seen: String,
    child: Child,
}

impl Prompt {
    fn open(engine: &Engine, arguments: &[&str]) -> Self {
        Self::open_sized(engine, arguments, (40, 120))
    }

    fn open_sized(engine: &Engine, arguments: &[&str], (ws_row, ws_col): (u16, u16)) -> Self {
        let size = Winsize { ws_row, ws_col, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(Some(&size), None).unwrap();
        let slave = File::from(pty.slave);
        // The terminal must be lbctl's own for Ctrl-C to become a signal.
        let child = engine
            .lbctl_under(&["setsid", "--ctty"], arguments)
            .env("TERM", "xterm")
            .env("NO_COLOR", "1")
            .stdin(Stdio::from(slave.try_clone().unwrap()))
            .stdout(Stdio::from(slave.try_clone().unwrap()))
            .stderr(Stdio::from(slave))
            .spawn()
            .unwrap();
        let keyboard = File::from(pty.master);
        let mut reader = keyboard.try_clone().unwrap();
        let (sender, screen) = channel();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            // The end of a pseudo-terminal is an error on Linux.
            while let Ok(n @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..n].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { keyboard, screen, seen: String::new(), child }
    }

    /// Waits until the screen shows `text` and gives what came up to its end.
    #[track_caller]
    fn expect(&mut self, text: &str) -> String {
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            if let Some(at) = self.seen.find(text) {
                let rest = self.seen.split_off(at + text.len());
                return std::mem::replace(&mut self.seen, rest);
            }
            match self.screen.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.seen.push_str(&String::from_utf8_lossy(&bytes)),
                Err(_) => panic!("'{text}' did not appear; the screen shows {:?}", self.seen),
            }
        }
    }

    fn keys(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).unwrap();
    }

    /// Types at the next prompt: what is typed while a command runs may be lost.
    #[track_caller]
    fn at_prompt(&mut self, text: &str) {
        self.expect(" out> ");
        self.keys(text);
    }

    #[track_caller]
    fn exit(mut self) -> Option<i32> {
        let end = Instant::now() + Duration::from_secs(10);
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            thread::sleep(Duration::from_millis(5));
        }
        self.child.kill().unwrap();
        panic!("it did not end; the screen shows {:?}", self.seen);
    }
}

on_both! {
    both_languages_at_the_prompt,
    the_tab_key_completes_names_and_words,
    pasted_lines_run_one_after_the_other,
    history_is_kept_without_secrets,
    several_servers_are_asked_about,
    tables_are_drawn_on_a_terminal,
    a_terminal_without_a_size_has_80_columns,
    a_drain_rewrites_one_line,
    an_interrupt_ends_the_command_and_not_the_prompt,
    top_shows_and_changes,
}

fn both_languages_at_the_prompt(engine: &Engine) {
    let mut prompt = Prompt::open(engine, &["repl"]);
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
    let mut prompt = Prompt::open(engine, &["repl"]);
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
    let mut prompt = Prompt::open(engine, &["repl"]);
    prompt.at_prompt("\x1b[200~weight app/web1 3\nweight app/web2 4\x1b[201~\r");
    prompt.expect("app/web1: weight 3 (configured: 1)\r\n");
    prompt.expect("app/web2: weight 4 (configured: 50)\r\n");
    prompt.at_prompt("\x04");
    assert_eq!(prompt.exit(), Some(0));
}

fn history_is_kept_without_secrets(engine: &Engine) {
    let mut prompt = Prompt::open(engine, &[]);
    prompt.at_prompt("show cli level\r");
    prompt.expect("admin\r\n");
    prompt.at_prompt("set dynamic-cookie-key backend app hunter2\r");
    prompt.at_prompt("exit\r");
    assert_eq!(prompt.exit(), Some(0));
    let kept = std::fs::read_to_string(engine.path(".local/state/lbctl/history")).unwrap();
    assert!(kept.contains("show cli level") && !kept.contains("hunter2"), "{kept}");
}

fn several_servers_are_asked_about(engine: &Engine) {
    let mut prompt = Prompt::open(engine, &["drain", "app/web1", "app/web2"]);
    prompt.expect("Drain 2 servers: app/web1 app/web2. Go on? [y/N] ");
    prompt.keys("n\r");
    prompt.expect("error: nothing was changed");
    assert_eq!(prompt.exit(), Some(6));
    let mut prompt = Prompt::open(engine, &["drain", "app/web1", "app/web2"]);
    prompt.expect("[y/N] ");
    prompt.keys("y\r");
    prompt.expect("app/web2: draining");
    assert_eq!(prompt.exit(), Some(0));
    let mut prompt = Prompt::open(engine, &["ready", "app/web?", "--yes"]);
    prompt.expect("app/web2: ready and running");
    assert_eq!(prompt.exit(), Some(0));
}

fn tables_are_drawn_on_a_terminal(engine: &Engine) {
    let mut prompt = Prompt::open(engine, &["show", "servers", "app/web1"]);
    let drawn = prompt.expect("app/web1");
    assert!(drawn.contains('─'), "{drawn}");
    prompt.expect("no check");
    assert_eq!(prompt.exit(), Some(0));
}

fn a_terminal_without_a_size_has_80_columns(engine: &Engine) {
    // Some 118 columns wide: rules are drawn where they fit.
    for (size, fits) in [((40, 120), true), ((40, 80), false), ((0, 0), false)] {
        let mut prompt = Prompt::open_sized(engine, &["show", "servers", "app/web1", "-o", "wide"], size);
        let drawn = prompt.expect("no check");
        assert_eq!(drawn.contains('─') || drawn.contains('═'), fits, "{size:?}: {drawn}");
        assert_eq!(prompt.exit(), Some(0));
    }
    let mut prompt = Prompt::open_sized(engine, &["show", "backends"], (0, 0));
    assert!(prompt.expect("tcpb").contains('═'));
    assert_eq!(prompt.exit(), Some(0));
    let mut prompt = Prompt::open_sized(engine, &["repl"], (0, 0));
    prompt.at_prompt("show servers app/web1\r");
    prompt.expect("no check");
    prompt.at_prompt("\\q\r");
    assert_eq!(prompt.exit(), Some(0));
}

fn a_drain_rewrites_one_line(engine: &Engine) {
    let held = engine.hold();
    let mut prompt = Prompt::open(engine, &["drain", "tcpb/db1", "--wait", "--deadline", "10s"]);
    prompt.expect("\r\x1b[Ktcpb/db1: 1 session left, 0s of 10s");
    drop(held);
    prompt.expect("tcpb/db1: drained after");
    assert_eq!(prompt.exit(), Some(0));
}

fn an_interrupt_ends_the_command_and_not_the_prompt(engine: &Engine) {
    let _held = engine.hold();
    let mut prompt = Prompt::open(engine, &["repl"]);
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

fn top_shows_and_changes(engine: &Engine) {
    let weight = |wanted: &str| {
        let found = || {
            let state = String::from_utf8(engine.ask("get weight app/web1")).unwrap();
            state.starts_with(wanted).then_some(())
        };
        lb_testkit::until("the weight", found).unwrap();
    };
    let held = engine.hold();
    let mut top = Prompt::open(engine, &["top", "--every", "100ms"]);
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
