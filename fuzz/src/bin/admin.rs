//! Sessions on the admin socket: any bytes, cut anywhere, must end in the same answers.

use fuzz::{Target, fingerprint};
use lb_admin::{Reply, Session, Settings, Step, complete, split_line};
use std::process::ExitCode;
use std::time::Duration;

/// Small limits, so that they are reached.
const SETTINGS: fn() -> Settings = || Settings { max_line: 512, max_payload: 1024, ..Settings::default() };

/// Commands of one line are bounded by its length, and each is one step or two.
const MAX_STEPS: usize = 100_000;

fn main() -> ExitCode {
    fuzz::main(&Target {
        name: "admin",
        words: &[
            "show stat",
            "show info",
            "typed",
            "json",
            "desc",
            "show servers state",
            "show servers conn",
            "show sess",
            "set server app/s1 state drain",
            "set server ",
            "weight 50%",
            "addr 1.2.3.4 port 80",
            "get weight app/s1",
            "set severity-output number",
            "prompt",
            "prompt i",
            "prompt timed p",
            "quit",
            "help",
            "user",
            "operator",
            "experimental-mode on",
            "expert-mode on",
            "set timeout cli 10",
            "clear counters all",
            " <<",
            " <<%END%\n",
            "%END%\n",
            ";",
            "\\;",
            "\\ ",
            "\\\\",
            "\n",
            "\r\n",
            "\n\n",
            "#1",
            "app/#1",
            "-1 4 -1",
            "show errors",
            "shutdown session 0x1",
        ],
        run,
    })
}

fn run(input: &[u8]) -> u64 {
    let whole = talk(&[input]);
    let middle = input.len() / 2;
    assert_eq!(whole, talk(&[&input[..middle], &input[middle..]]), "cut in the middle");
    let bytes: Vec<&[u8]> = input.chunks(1).collect();
    if bytes.len() <= 120 {
        assert_eq!(whole, talk(&bytes), "byte by byte");
    }
    for line in input.split(|byte| *byte == b'\n').take(4) {
        split_line(line);
        if let Ok(text) = std::str::from_utf8(line) {
            complete(text, &FewNames);
        }
    }
    fingerprint(&whole.kinds)
}

/// What a session did.
#[derive(Debug, PartialEq)]
struct Talk {
    replies: Vec<u8>,
    /// Commands by name, refusals by their first words.
    kinds: Vec<String>,
    closed: bool,
}

fn talk(pieces: &[&[u8]]) -> Talk {
    let mut session = Session::new(SETTINGS());
    let mut talk = Talk { replies: Vec::new(), kinds: Vec::new(), closed: false };
    for piece in pieces {
        session.feed(piece);
        follow(&mut session, &mut talk);
    }
    session.finish();
    follow(&mut session, &mut talk);
    talk
}

fn follow(session: &mut Session, talk: &mut Talk) {
    let uptime = Duration::from_secs(90_061);
    for _ in 0..MAX_STEPS {
        match session.poll(uptime) {
            Step::Command(request) => {
                talk.kinds.push(format!("{:?}", request.id));
                session.complete(Reply::err("No such server."), uptime);
            }
            Step::Reply(bytes) => {
                let first = String::from_utf8_lossy(&bytes).split_whitespace().take(2).collect::<Vec<_>>().join(" ");
                if !first.contains('\'') {
                    talk.kinds.push(first);
                }
                talk.replies.extend(bytes);
            }
            Step::SetIdleTimeout(_) => {}
            Step::Close => {
                talk.closed = true;
                return;
            }
            Step::NeedInput => return,
            Step::Busy => panic!("busy without a running command"),
        }
    }
    panic!("a session without end");
}

/// A few live names to complete, some needing escapes.
struct FewNames;

impl lb_admin::Names for FewNames {
    fn backends(&self) -> Vec<String> {
        vec!["app".to_owned(), "b two".to_owned()]
    }

    fn frontends(&self) -> Vec<String> {
        vec!["fe".to_owned()]
    }

    fn servers(&self, _backend: &str) -> Vec<String> {
        vec!["s1".to_owned(), "s;2".to_owned()]
    }
}
