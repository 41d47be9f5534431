//! The client against peers that behave badly: closing early, slow, endless, silent.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use expect_test::{Expect, expect};
use lb_client::{Act, Address, AdminWish, Client, Error, Line, ServerName};

struct Peer {
    _dir: tempfile::TempDir,
    path: PathBuf,
}

impl Peer {
    /// Serves each connection with `script`, for as long as the test lives.
    fn new(script: impl Fn(UnixStream) + Send + 'static) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        thread::spawn(move || listener.incoming().flatten().for_each(&script));
        Self { _dir: dir, path }
    }

    fn client(&self) -> Client {
        Client::new(Address::Unix(self.path.clone())).with_timeout(Duration::from_secs(20))
    }

    fn check(&self, client: &Client, command: &str, expected: &Expect) {
        let told = match client.ask_ok(&Line::raw(command).unwrap()) {
            Ok(answer) => format!("ok {:?}", answer.text().chars().take(60).collect::<String>()),
            Err(e) => {
                let text = format!("{:?}: {e}\nhint: {}", e.kind(), e.hint().unwrap_or_default());
                text.replace(&self.path.display().to_string(), "$SOCK")
            }
        };
        expected.assert_eq(&told);
    }
}

fn request(stream: &mut UnixStream) -> String {
    let mut text = String::new();
    let _ = stream.read_to_string(&mut text);
    text
}

#[test]
fn one_line_then_the_writing_side_closes() {
    let peer = Peer::new(|mut s| {
        let asked = request(&mut s);
        let _ = write!(s, "{asked:?}\n\n");
    });
    peer.check(&peer.client(), "show info;show stat", &expect![[r#"ok "\"show info;show stat\\n\"\n\n""#]]);
}

#[test]
fn waiting_keeps_the_writing_side_open() {
    let peer = Peer::new(|mut s| {
        let mut first = [0; 64];
        let n = s.read(&mut first).unwrap();
        s.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let open = s.read(&mut [0; 1]).is_err();
        let _ = write!(s, "{} open={open}\n\n", String::from_utf8_lossy(&first[..n]).trim());
    });
    peer.check(&peer.client(), "wait 10", &expect![[r#"ok "wait 10 open=true\n\n""#]]);
}

#[test]
fn a_bare_end_of_file_is_a_failure() {
    let peer = Peer::new(|mut s| {
        request(&mut s);
    });
    peer.check(
        &peer.client(),
        "set server a/b state drain",
        &expect![[r#"
            Unreachable: $SOCK closed the connection without answering 'set server a/b state drain'
            hint: the socket may speak another protocol, or the engine is stopping; whether the command was carried out is unknown: look at the state before repeating it"#]],
    );
}

#[test]
fn closing_before_reading() {
    let peer = Peer::new(drop);
    let long = format!("show {}", "x".repeat(4 << 20));
    let error = peer.client().ask(&Line::raw(&long).unwrap()).unwrap_err();
    assert!(matches!(error, Error::Broken { received: 0, .. }), "{error:?}");
}

#[test]
fn an_early_answer_to_a_long_command_is_read() {
    let peer = Peer::new(|mut s| {
        let _ = s.read(&mut [0; 10]);
        let _ = s.write_all(b"The command line is too big for the buffer size.\n\n");
        // Linux resets a UNIX connection closed with unread bytes; drain it slowly as a proxy would.
        let _ = request(&mut s);
    });
    peer.check(
        &peer.client(),
        &format!("show {}", "x".repeat(100)),
        &expect![[r#"
            Refused: 'show xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' was refused: The command line is too big for the buffer size.
            hint: "#]],
    );
}

#[test]
fn silence_times_out() {
    let peer = Peer::new(|mut s| {
        request(&mut s);
        thread::sleep(Duration::from_secs(60));
    });
    let start = Instant::now();
    peer.check(
        &peer.client().with_timeout(Duration::from_millis(200)),
        "show info",
        &expect![[r#"
            Unreachable: no answer from $SOCK to 'show info' within 200 ms (0 bytes received)
            hint: the engine may be busy, or all of its admin connections are taken (10 by default; 'maxconn' on the 'stats socket' line)"#]],
    );
    assert!(start.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_slow_answer_that_makes_progress_is_whole() {
    let peer = Peer::new(|mut s| {
        request(&mut s);
        for piece in ["Name: HAProxy\n", "Version: 3.0.0\n", "\n"] {
            thread::sleep(Duration::from_millis(400));
            let _ = s.write_all(piece.as_bytes());
        }
    });
    // Each piece has the limit to itself.
    let client = peer.client().with_timeout(Duration::from_secs(1));
    peer.check(&client, "show info", &expect![[r#"ok "Name: HAProxy\nVersion: 3.0.0\n\n""#]]);
}

#[test]
fn an_endless_answer_is_cut_at_the_bound() {
    let peer = Peer::new(|mut s| {
        request(&mut s);
        while s.write_all(&[b'x'; 4096]).is_ok() {}
    });
    let client = peer.client().with_max_answer(1 << 20);
    peer.check(
        &client,
        "show stat",
        &expect![[r#"
            Unreachable: the answer to 'show stat' is longer than 1048576 bytes
            hint: "#]],
    );
}

#[test]
fn nobody_there() {
    let peer = Peer::new(drop);
    let gone = Client::new(Address::Unix("/nonexistent/sock".into()));
    peer.check(
        &gone,
        "show info",
        &expect![[r#"
            Unreachable: cannot connect to /nonexistent/sock: No such file or directory (os error 2)
            hint: there is no such file; is the engine running, and does its configuration have 'stats socket /nonexistent/sock'?"#]],
    );
    let file = peer.path.with_extension("stale");
    drop(UnixListener::bind(&file).unwrap());
    let error = Client::new(Address::Unix(file)).ask(&Line::raw("show info").unwrap()).unwrap_err();
    assert!(error.hint().unwrap().starts_with("the file is there but nothing listens on it"), "{error}");
}

#[test]
fn a_full_backlog_times_out() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
    socket.bind(&socket2::SockAddr::unix(&path).unwrap()).unwrap();
    socket.listen(0).unwrap();
    let _first = UnixStream::connect(&path).unwrap();
    let client = Client::new(Address::Unix(path)).with_timeout(Duration::from_millis(100));
    let error = client.ask(&Line::raw("show info").unwrap()).unwrap_err();
    assert!(matches!(error, Error::Connect { .. }), "{error:?}");
    assert!(error.hint().unwrap().contains("10 by default"));
}

const STATE: &str = "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight \
                     srv_check_state srv_port\n3 app 1 web1 127.0.0.1 2 ADMIN 1 1 0 80\n\n";

fn act_against(answer: &'static str, admin_after: &'static str) -> String {
    let peer = Peer::new(move |mut s| {
        let reply = match request(&mut s).split(' ').next() {
            Some("set") => answer.to_owned(),
            _ => STATE.replace("ADMIN", admin_after),
        };
        let _ = s.write_all(reply.as_bytes());
    });
    let before = lb_client::ServerState::parse_all(&STATE.replace("ADMIN", "0")).unwrap().remove(0);
    match peer.client().act(&Act::State(AdminWish::Drain), &before) {
        Ok(acted) => format!("done: {}", acted.server().words()),
        Err(e) => format!("{:?}: {}", e.kind(), e.to_string().replace(&peer.path.display().to_string(), "$SOCK")),
    }
}

#[test]
fn a_change_is_believed_when_it_shows() {
    expect!["done: draining"].assert_eq(&act_against("\n", "8"));
    expect!["Refused: 'set server app/web1 state drain' was accepted, yet app/web1 is ready and running"]
        .assert_eq(&act_against("\n", "0"));
    expect!["Unreachable: $SOCK closed the connection without answering 'set server app/web1 state drain'"]
        .assert_eq(&act_against("", "8"));
    expect!["Refused: 'set server app/web1 state drain' was refused: Done."].assert_eq(&act_against("Done.\n\n", "8"));
    expect!["Denied: 'set server app/web1 state drain' was refused: Permission denied"]
        .assert_eq(&act_against("Permission denied\n\n", "0"));
}

#[test]
fn an_unknown_server_is_not_found() {
    let peer = Peer::new(|mut s| {
        request(&mut s);
        let _ = s.write_all(STATE.replace("ADMIN", "0").as_bytes());
    });
    let error = peer.client().server_state(&ServerName::new("app", "web9")).unwrap_err();
    assert_eq!(error.kind(), lb_client::ErrorKind::NotFound);
}
