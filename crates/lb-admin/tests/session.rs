//! Whole connections: what HAProxy 3.5 was sent and what it answered, with a stand-in for the
//! commands that need a running proxy.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use expect_test::{Expect, expect};
use lb_admin::{CommandId, Reply, Request, Session, Settings, SeverityOutput, Step, help, text, unknown};
use lb_model::{Compat, Level};

/// A proxy with one backend `app` and one server `web1`.
fn engine(request: &Request) -> Reply {
    match request.id {
        CommandId::SetServer | CommandId::GetWeight => match request.server() {
            Err(reply) => reply,
            Ok(("app", "web1")) if request.id == CommandId::GetWeight => Reply::Raw(b"1 (initial 1)\n".to_vec()),
            Ok(("app", "web1")) => Reply::Empty,
            Ok(("app", _)) => Reply::err(text::NO_SUCH_SERVER),
            Ok(_) => Reply::err(text::NO_SUCH_BACKEND),
        },
        CommandId::ShowBackend => Reply::Raw(b"# name\napp\n".to_vec()),
        CommandId::DisableFrontend => Reply::notice("All sockets are already disabled."),
        CommandId::ShowVersion => Reply::info("3.5"),
        CommandId::ShowEnv => Reply::info(format!("{:?} {:?}", request.args(), request.payload)),
        _ => Reply::Empty,
    }
}

#[derive(Default)]
struct Talk {
    answer: String,
    timeouts: Vec<Duration>,
    closed: bool,
}

/// Sends the pieces one after the other and collects everything that comes back.
fn talk(settings: Settings, pieces: &[&[u8]], finish: bool) -> Talk {
    let uptime = Duration::from_secs(86_400 + 2 * 3_600 + 3 * 60 + 4);
    let mut session = Session::new(settings);
    let mut bytes = Vec::new();
    let mut talk = Talk::default();
    let mut pieces = pieces.iter();
    loop {
        match session.poll(uptime) {
            Step::Command(request) => {
                assert_eq!(session.poll(uptime), Step::Busy);
                session.complete(engine(&request), uptime);
            }
            Step::Reply(reply) => bytes.extend(reply),
            Step::SetIdleTimeout(timeout) => talk.timeouts.push(timeout),
            Step::Close => {
                talk.closed = true;
                break;
            }
            Step::NeedInput => match pieces.next() {
                Some(piece) => session.feed(piece),
                None if finish => session.finish(),
                None => break,
            },
            Step::Busy => unreachable!("nothing runs between two steps"),
        }
    }
    talk.answer = String::from_utf8(bytes).unwrap();
    talk
}

fn admin() -> Settings {
    Settings { level: Level::Admin, ..Settings::default() }
}

/// The same whether the input comes at once or byte by byte.
#[track_caller]
fn ask(settings: Settings, input: &str) -> Talk {
    let whole = talk(settings, &[input.as_bytes()], false);
    let bytes: Vec<&[u8]> = input.as_bytes().chunks(1).collect();
    let slow = talk(settings, &bytes, false);
    assert_eq!((&whole.answer, whole.closed), (&slow.answer, slow.closed), "{input:?}");
    whole
}

/// An answer after which the connection closes.
#[track_caller]
fn check_at(level: Level, input: &str, expected: &str) {
    let talk = ask(Settings { level, ..Settings::default() }, input);
    assert_eq!(talk.answer, expected, "{input:?}");
    assert!(talk.closed, "{input:?} leaves the connection open");
}

#[track_caller]
fn check(input: &str, expected: &str) {
    check_at(Level::Admin, input, expected);
}

fn unknown_line(line: &str) -> String {
    unknown(&line.split(' ').collect::<Vec<_>>(), Compat::Extended) + "\n"
}

#[test]
fn one_line_then_close() {
    check("show cli level\n", "admin\n\n");
    check_at(Level::Operator, "show cli level\n", "operator\n\n");
    check_at(Level::User, "show cli level\n", "user\n\n");
    check("  show   cli   level  \n", "admin\n\n");
    check("show cli level\r\n", "admin\n\n");
    check("show\tcli\tlevel and more\n", "admin\n\n");
    check("show cli level\nshow cli level\n", "admin\n\n");
    check("show backend\n", "# name\napp\n\n");
    check("quit\n", "");
    check("quit;show cli level\n", "");
}

#[test]
fn chains_and_empty_commands() {
    check("\n", "\n");
    check("\r\n", "\n");
    check("show cli level;show cli level\n", "admin\n\nadmin\n\n");
    check("show cli level; ;show cli level\n", "admin\n\n\nadmin\n\n");
    check(";show cli level\n", "\nadmin\n\n");
    check("show cli level;\n", "admin\n\n\n");
    check("echo hello world\n", "hello world\n\n");
    check("echo \"hello world\" foo\\\\ bar\n", "\"hello world\" foo\\ bar\n\n");
    check("echo a\\;b\\ c\n", "a;b c\n\n");
    check("get weight app/web\\1\n", "1 (initial 1)\n\n");
    check("get weight app/web1 \\\nfoo\n", "1 (initial 1)\n\n");
    check(
        "show cli level\\\\;foo\n",
        &(unknown(&["show", "cli", "level\\"], Compat::Extended) + "\n" + &unknown_line("foo")),
    );
}

#[test]
fn unknown_commands_and_help() {
    for line in ["foo", "show", "show foo", "set", "set maxconn", "show servers", "shutdown foo", "# show stat", "prom"]
    {
        check(&format!("{line}\n"), &unknown_line(line));
    }
    check("help\n", &(help::<&str>(&[], Compat::Extended) + "\n"));
    check("help set server\n", &(help(&["set", "server"], Compat::Extended) + "\n"));
    let expected = expect![[r#"
        The following commands are valid at this level:
          set server <bk>/<srv> [opts]            : change a server's state, health, weight, address or checks
          help [<command>]                        : list all commands, or those like the given one
          prompt [help | n | i | p | timed ]*     : choose whether this connection stays open and prompts
          quit                                    : close this connection
    "#]];
    expected.assert_eq(&help(&["set", "server"], Compat::Extended));
    let expected: Expect = expect![[r#"
        Unknown command: 'show', but maybe one of the following ones is a better match:
          show cli level                          : tell the level of this connection
          show cli sockets                        : list the admin sockets with their levels
          help [<command>]                        : list all commands, or those like the given one
          prompt [help | n | i | p | timed ]*     : choose whether this connection stays open and prompts
          quit                                    : close this connection
    "#]];
    expected.assert_eq(&unknown(&["show", "cli"], Compat::Extended));
    // A usage as wide as its column leaves no blank.
    assert!(
        help(&["set", "severity-output"], Compat::Extended)
            .contains("  set severity-output [none|number|string]: choose")
    );
}

#[test]
fn levels() {
    check_at(Level::User, "set server app/web1 state drain\n", "Permission denied\n\n");
    check_at(Level::User, "set server\n", "Permission denied\n\n");
    check_at(Level::Operator, "clear counters all\n", "Permission denied\n\n");
    check_at(Level::Operator, "clear counters\n", "\n");
    check_at(Level::User, "show env\n", "Permission denied\n\n");
    check_at(Level::User, "operator;show cli level\n", "Permission denied\n\nuser\n\n");
    check("user;show cli level\n", "\nuser\n\n");
    check("operator -;show cli level\n", "operator\n\n");
    check("user;operator;show cli level\n", "\nPermission denied\n\nuser\n\n");
    check("clear counters foo\n", "\n");
    check("set server\n", "Require 'backend/server'.\n\n");
    check("set server app/\n", "Require 'backend/server'.\n\n");
    check("set server app/nope state drain\n", "No such server.\n\n");
    check("set server nope/web1 state drain\n", "No such backend.\n\n");
    check("set server app/web1 state drain extra junk\n", "\n");
}

#[test]
fn hidden_switches() {
    check("expert-mode on;show cli level\n", "\nadmin\n\n");
    check("expert-mode\n", "expert-mode is OFF\n\n");
    check(
        "expert-mode on;expert-mode;expert-mode foo;expert-mode\n",
        "\nexpert-mode is ON\n\n\nexpert-mode is OFF\n\n",
    );
    check("expert-mode on -;show cli level\n", "admin\n\n");
    check("experimental-mode on;experimental-mode\n", "\nexperimental-mode is ON\n\n");
    check_at(Level::Operator, "expert-mode on\n", "Permission denied\n\n");
}

#[test]
fn severities() {
    check("set severity-output number;set server app/nope state drain\n", "\n[3]: No such server.\n\n");
    check("set severity-output string;set server app/nope state drain\n", "\n[err]: No such server.\n\n");
    check("set severity-output number;set server app/web1 state drain\n", "\n\n");
    check("set severity-output foo\n", "one of 'none', 'number', 'string' is a required argument\n\n");
    check("set severity-output number;show cli level\n", "\n[6]: admin\n\n");
    check("set severity-output number;disable frontend fe\n", "\n[5]: All sockets are already disabled.\n\n");
    check("set severity-output number;get weight app/web1\n", "\n1 (initial 1)\n\n");
    check("set severity-output number;user;set server a/b\n", "\n\n[3]: Permission denied\n\n");
    check("set severity-output number;foo\n", &format!("\n[6]: {}", unknown_line("foo")));
    check("set severity-output string;set severity-output none;show cli level\n", "\n\nadmin\n\n");
    let settings = Settings { severity_output: SeverityOutput::Number, ..admin() };
    assert_eq!(ask(settings, "show cli level\n").answer, "[6]: admin\n\n");
}

#[test]
fn prompt_modes() {
    check("prompt\nshow cli level\nquit\n", "\n> admin\n\n> ");
    check("prompt p\r\nshow cli level\r\nquit\r\n", "\n> admin\n\n> ");
    check("prompt\n\nquit\n", "\n> \n> ");
    check("prompt i\nshow cli level\nquit\n", "\nadmin\n\n");
    check("prompt timed\nquit\n", "\n[1:02:03:04]> ");
    check("prompt i timed p timed\nquit\n", "\n> ");
    check("prompt\nprompt\nshow cli level\n", "\n> \n");
    check("prompt i;prompt n\n", "\n\n");
    check("show version;prompt i\nshow cli level\nquit\n", "3.5\n\n\nadmin\n\n");
    check("prompt\nshow cli level;show cli level\nquit\n", "\n> admin\n\n> admin\n\n> ");
    let usage = ask(admin(), "prompt foo\n");
    assert!(usage.closed && usage.answer.starts_with("Usage: prompt [help | n | i | p | timed]*\n"));
    assert!(usage.answer.ends_with(".\n\n"));
    assert!(!ask(admin(), "prompt\nshow cli level\n").closed);
}

#[test]
fn idle_timeouts() {
    for (line, seconds) in [("set timeout cli 60", 60), ("set timeout cli 2m x", 120)] {
        let talk = ask(admin(), &format!("{line}\n"));
        assert_eq!((talk.answer.as_str(), talk.timeouts), ("\n", vec![Duration::from_secs(seconds)]));
    }
    check("set timeout cli\n", "Expects an integer value.\n\n");
    check("set timeout cli foo\n", "Invalid timeout value.\n\n");
    check("set timeout cli 0\n", "Invalid timeout value.\n\n");
    check("set timeout cli -1\n", "Invalid timeout value.\n\n");
    check("set timeout foo 1\n", "'set timeout' only supports 'cli'.\n\n");
    check("set timeout\n", "'set timeout' only supports 'cli'.\n\n");
}

#[test]
fn payloads() {
    check("show env x <<\na b\nc d\n\n", "[\"x\"] Some([97, 32, 98, 10, 99, 32, 100, 10])\n\n");
    check("show env <<\r\na\r\n\r\n", "[] Some([97, 10])\n\n");
    check("show env <<%EOF%\n\n%EOF\n%EOF%\nignored\n", "[] Some([10, 37, 69, 79, 70, 10])\n\n");
    check("show cli level;show env <<\n\n", "admin\n\n[] Some([])\n\n");
    check("show env << x\n", "[\"<<\", \"x\"] None\n\n");
    check("foo <<\na\n\n", &unknown_line("foo"));
    check("<<\na\n\n", "\n");
    check("prompt\nshow env <<\na\nb\n\nquit\n", "\n> + + + [] Some([97, 10, 98, 10])\n\n> ");
}

#[test]
fn end_of_input() {
    let end = |input: &str| {
        let talk = talk(admin(), &[input.as_bytes()], true);
        assert!(talk.closed);
        talk.answer
    };
    assert_eq!(end(""), "");
    assert_eq!(end("show cli level"), "");
    assert_eq!(end("show cli level\n"), "admin\n\n");
    assert_eq!(end("prompt\nshow cli level"), "\n> ");
    assert_eq!(end("prompt i\nshow cli level\nshow cli"), "\nadmin\n\n");
    assert_eq!(end("show env <<\na\n"), "");
    let open = talk(admin(), &[b"show cli level"], false);
    assert_eq!((open.answer.as_str(), open.closed), ("", false));
}

#[test]
fn limits() {
    let small = Settings { max_line: 32, max_payload: 16, ..admin() };
    let fits = format!("echo {}\n", "x".repeat(26));
    assert_eq!(fits.len(), 32);
    assert_eq!(ask(small, &fits).answer, format!("{}\n\n", "x".repeat(26)));
    let line_too_big = format!("{}\n\n", text::LINE_TOO_BIG);
    check_limit(small, &format!("echo {}\n", "x".repeat(27)), &line_too_big);
    check_limit(small, &"x".repeat(32), &line_too_big);
    assert!(ask(small, "show env <<\n0123456789abcd\n\n").answer.starts_with("[] Some("));
    let payload_too_big = format!("{}\n\n", text::PAYLOAD_TOO_BIG);
    check_limit(small, "show env <<\n0123456789\n0123456789\n\n", &payload_too_big);
    check_limit(small, &format!("show env <<\n{}", "x".repeat(17)), &payload_too_big);
}

#[track_caller]
fn check_limit(settings: Settings, input: &str, expected: &str) {
    let talk = ask(settings, input);
    assert_eq!((talk.answer.as_str(), talk.closed), (expected, true));
}

/// Bytes from a small generator, mostly those that mean something.
#[test]
fn any_bytes_are_survived() {
    let alphabet = b"show stat prompt\\;< \n\r\t\0\xff";
    let mut seed = 1_u32;
    for _ in 0..2_000 {
        let mut input = Vec::new();
        for _ in 0..60 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            input.push(alphabet[(seed >> 16) as usize % alphabet.len()]);
        }
        let bytes: Vec<&[u8]> = input.chunks(1).collect();
        let (whole, slow) = (talk(admin(), &[&input], true), talk(admin(), &bytes, true));
        assert_eq!(whole.answer, slow.answer, "{input:?}");
        assert!(whole.closed && slow.closed);
    }
}
