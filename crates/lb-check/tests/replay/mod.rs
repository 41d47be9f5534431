//! Replays one recorded scenario and compares line by line.

pub mod answer;
mod backend;
mod setup;

use std::time::Duration;

use lb_check::{AgentReply, CheckReport, TrafficEvent, probe};
use lb_model::CheckStatus;

use backend::Backend;

/// Time a step takes; sleeps come on top.
const STEP: Duration = Duration::from_millis(50);

/// Runs a scenario: the number of its steps, and the first difference if there is one.
pub fn run(block: &str) -> (usize, Option<String>) {
    let name = block.lines().find_map(|l| l.strip_prefix("== ")).unwrap_or_default();
    let preamble: Vec<_> = block.lines().take_while(|l| !l.starts_with("> ")).collect();
    let mut backend = setup::backend(&preamble);
    let steps: Vec<_> = block.split("\n> ").skip(1).collect();
    for (n, step) in steps.iter().enumerate() {
        let mut lines = step.lines();
        let command = lines.next().unwrap_or_default();
        let expected: Vec<_> = lines.map(normalise).collect();
        let mut got = perform(&mut backend, command);
        got.extend(backend.show());
        let got: Vec<_> = got.iter().map(|l| normalise(l)).collect();
        if got != expected {
            let report = format!(
                "{name}, step {n}: > {command}\n--- recorded\n{}\n--- replayed\n{}",
                expected.join("\n"),
                got.join("\n")
            );
            return (steps.len(), Some(report));
        }
    }
    (steps.len(), None)
}

/// Recorded lines in the words of 3.x, without what cannot be replayed: ramped weights, the
/// client's answer.
fn normalise(line: &str) -> String {
    let line = line.trim();
    if line.starts_with("< HTTP/") {
        return "< HTTP".into();
    }
    let renamed = "ECONNRESET returned by OS (Connection reset by peer)";
    let mut line = if line.contains(renamed) { line.into() } else { line.replace("Connection reset by peer", renamed) };
    // Whether the failing request still counted as a session was a race.
    line = line.replace(" 1 sessions active", " 0 sessions active");
    if line.contains(" thr=") {
        line.truncate(line.find(" thr=").unwrap_or(line.len()));
        line.push_str(" thr");
    }
    line
}

fn perform(backend: &mut Backend, command: &str) -> Vec<String> {
    backend.now += STEP;
    let words: Vec<_> = command.splitn(3, ' ').collect();
    match words.as_slice() {
        ["start"] => backend.start_due_checks(),
        ["sleep", ms] => backend.sleep(Duration::from_millis(ms.parse().unwrap())),
        ["check", server, answer] => backend.check(server, &check_answer(answer)),
        ["agent", server, answer] => agent(backend, server, answer),
        ["req", server, answer] => {
            backend.log.push("  < HTTP".into());
            request(backend, server, answer);
        }
        ["cli", ..] => backend.cli(command.strip_prefix("cli ").unwrap()),
        _ => panic!("unknown step {command}"),
    }
    std::mem::take(&mut backend.log)
}

/// What a checked server does.
pub enum Answer {
    Bytes(Vec<u8>, bool),
    Reset,
}

fn check_answer(answer: &str) -> Answer {
    match answer {
        "close" => Answer::Bytes(Vec::new(), true),
        "reset" => Answer::Reset,
        _ => match (answer.strip_prefix("raw:"), answer.strip_prefix("rawopen:")) {
            (Some(raw), _) => Answer::Bytes(unescape(raw), true),
            (_, Some(raw)) => Answer::Bytes(unescape(raw), false),
            _ => {
                Answer::Bytes(unescape(&format!(r"HTTP/1.0 {answer} Some Reason\r\nContent-Length: 2\r\n\r\nok")), true)
            }
        },
    }
}

fn agent(backend: &mut Backend, server: &str, answer: &str) {
    let duration = Duration::ZERO;
    let reset = std::io::Error::from_raw_os_error(104);
    backend.with(server, |s, now, out| match answer {
        "close" => s.agent_failed(probe::connect::agent_empty().report(duration), out),
        "reset" => s.agent_failed(probe::connect::socket_failed(&reset).report(duration), out),
        line => match AgentReply::parse(&unescape(line)) {
            Some(reply) => s.agent_replied(&reply, duration, now, out),
            None => s.agent_incomplete(duration),
        },
    });
    backend.start_due_checks();
}

/// A client's request: it reaches the server only when that is usable.
fn request(backend: &mut Backend, server: &str, answer: &str) {
    if !backend.usable(server) {
        return;
    }
    let event = match answer {
        "refuse" => TrafficEvent::ConnectFailed,
        "close" => TrafficEvent::ResponseClosed,
        "reset" => TrafficEvent::ResponseReadError,
        "hang" => TrafficEvent::ResponseTimeout,
        raw if raw.starts_with("raw:") => TrafficEvent::ResponseInvalid,
        status => TrafficEvent::of_status(status.parse().unwrap()),
    };
    if event != TrafficEvent::ConnectFailed {
        backend.with(server, |s, now, out| s.traffic(TrafficEvent::Connected, now, out));
    }
    backend.with(server, |s, now, out| s.traffic(event, now, out));
}

/// `\r`, `\n`, `\t`, `\xHH` as in the recorder's scripts.
fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        match bytes.next() {
            Some(b'r') => out.push(b'\r'),
            Some(b'n') => out.push(b'\n'),
            Some(b't') => out.push(b'\t'),
            Some(b'x') => {
                let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                out.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
            }
            other => panic!("unknown escape {other:?}"),
        }
    }
    out
}

/// A report as an engine makes it.
pub fn socket_error() -> CheckReport {
    let report = probe::connect::socket_failed(&std::io::Error::from_raw_os_error(104)).report(Duration::ZERO);
    assert_eq!(report.status, CheckStatus::SocketError);
    report
}
