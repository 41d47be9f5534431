//! A running engine on temporary sockets, an origin that holds its connections, and snapshots of what
//! a command prints and how it ends.

pub mod objects;

use std::cell::RefCell;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;

use expect_test::Expect;

/// Makes each function a test against `lbd` and one against HAProxy, in modules of these names.
macro_rules! on_both {
    ($($name:ident,)*) => {
        mod lbd {
            $(#[test]
            fn $name() {
                if let Some(engine) = $crate::support::Engine::start_lbd() { super::$name(&engine) }
            })*
        }

        mod haproxy {
            $(#[test]
            fn $name() {
                if let Some(engine) = $crate::support::Engine::start_haproxy() { super::$name(&engine) }
            })*
        }
    };
}

/// As [`on_both`], with files made by a function in the engine's directory and further sections.
macro_rules! on_both_with {
    ($files:ident, $sections:ident; $($name:ident,)*) => {
        mod lbd {
            $(#[test]
            fn $name() {
                let engine = $crate::support::Engine::start_lbd_with(super::$files, super::$sections);
                if let Some(engine) = engine { super::$name(&engine) }
            })*
        }

        mod haproxy {
            $(#[test]
            fn $name() {
                let engine = $crate::support::Engine::start_haproxy_with(super::$files, super::$sections);
                if let Some(engine) = engine { super::$name(&engine) }
            })*
        }
    };
}

/// How long an answer may take before it is asked for again.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);

/// A running engine with sockets of every level and a TCP origin behind it.
pub struct Engine {
    dir: tempfile::TempDir,
    program: PathBuf,
    arguments: Vec<String>,
    child: RefCell<Child>,
    origin: u16,
    is_haproxy: bool,
}

impl Engine {
    /// Starts `lbd`, or what stands for it; `None`, and a loud word, where it is not built.
    pub fn start_lbd() -> Option<Self> {
        let subject = lb_testkit::Engine::subject();
        subject.map_or_else(|error| skip(&format!("{error:#}")), |program| Some(Self::start(&program)))
    }

    /// Starts HAProxy; `None`, and a loud word, where there is none.
    pub fn start_haproxy() -> Option<Self> {
        let oracle = lb_testkit::Engine::oracle();
        oracle.map_or_else(|| skip("haproxy is not installed"), |program| Some(Self::start(&program)))
    }

    /// Starts HAProxy with further sections; `prepare` makes the files they need in the engine's directory.
    pub fn start_haproxy_with(prepare: impl FnOnce(&Path), sections: &str) -> Option<Self> {
        let oracle = lb_testkit::Engine::oracle();
        oracle.map_or_else(|| skip("haproxy is not installed"), |p| Some(Self::start_with(&p, &[], prepare, sections)))
    }

    /// Starts `lbd`, or what stands for it, with further sections.
    pub fn start_lbd_with(prepare: impl FnOnce(&Path), sections: &str) -> Option<Self> {
        let subject = lb_testkit::Engine::subject();
        subject.map_or_else(|e| skip(&format!("{e:#}")), |p| Some(Self::start_with(&p, &[], prepare, sections)))
    }

    /// Starts HAProxy as master and worker, the master's socket at `master.sock`.
    pub fn start_haproxy_master() -> Option<Self> {
        let oracle = lb_testkit::Engine::oracle();
        let arguments = ["-W", "-S", "$DIR/master.sock"];
        let Some(oracle) = oracle else { return skip("haproxy is not installed") };
        let engine = Self::start_with(&oracle, &arguments, |_| (), "");
        // It executes itself anew once its worker serves, and whoever waits at its first socket is refused.
        let answers = || {
            let mut stream = UnixStream::connect(engine.path("master.sock")).ok()?;
            stream.set_read_timeout(Some(PATIENCE)).ok()?;
            stream.write_all(b"show proc\n").ok()?;
            // A master's socket stays open until its client closes the writing side.
            stream.shutdown(std::net::Shutdown::Write).ok()?;
            let mut text = String::new();
            stream.read_to_string(&mut text).ok()?;
            text.contains("# workers").then_some(())
        };
        lb_testkit::until("the master's answer", answers).unwrap();
        Some(engine)
    }

    fn start(program: &lb_testkit::Engine) -> Self {
        Self::start_with(program, &[], |_| (), "")
    }

    fn start_with(
        program: &lb_testkit::Engine,
        arguments: &[&str],
        prepare: impl FnOnce(&Path),
        sections: &str,
    ) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let origin = holding_origin();
        let path = dir.path().join("haproxy.cfg");
        prepare(dir.path());
        let sections =
            sections.replace("$DIR", &dir.path().display().to_string()).replace("$PORT", &origin.to_string());
        std::fs::write(&path, configuration(dir.path(), origin) + &sections).unwrap();
        let config = path.display().to_string();
        let more = arguments.iter().map(|a| a.replace("$DIR", &dir.path().display().to_string()));
        let arguments: Vec<String> = ["-db".to_owned(), "-f".to_owned(), config].into_iter().chain(more).collect();
        let child = RefCell::new(spawn(&program.path, &arguments, dir.path()));
        let program_path = program.path.clone();
        let engine = Self { dir, program: program_path, arguments, child, origin, is_haproxy: program.is_haproxy };
        engine.wait();
        engine
    }

    /// Waits until it has judged its servers.
    fn wait(&self) {
        lb_testkit::until("the first checks of the failing and of the passing server", || {
            let stat = String::from_utf8_lossy(&self.ask("show stat")).into_owned();
            (stat.contains(",L4CON,") && stat.contains(",L4OK,")).then_some(())
        })
        .unwrap();
    }

    /// Kills it.
    pub fn kill(&self) {
        let mut child = self.child.borrow_mut();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Starts it anew after [`Engine::kill`].
    pub fn start_again(&self) {
        *self.child.borrow_mut() = spawn(&self.program, &self.arguments, self.dir.path());
        self.wait();
    }

    /// Whether it is HAProxy, where the two rightly differ.
    pub fn is_haproxy(&self) -> bool {
        self.is_haproxy
    }

    /// A file of the engine's directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// What a plain client gets; nothing while nobody listens.
    pub fn ask(&self, command: &str) -> Vec<u8> {
        let mut answer = Vec::new();
        let Ok(mut stream) = UnixStream::connect(self.path("admin.sock")) else { return answer };
        // A process that is starting may take a connection that nobody serves: who waits asks again.
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let asked = stream.write_all(format!("{command}\n").as_bytes());
        let closed = asked.and_then(|()| stream.shutdown(std::net::Shutdown::Write));
        let _ = closed.and_then(|()| stream.read_to_end(&mut answer));
        answer
    }

    /// Opens a session that the origin holds until it is dropped.
    pub fn hold(&self) -> UnixStream {
        lb_testkit::until("a session on the origin", || {
            let mut client = UnixStream::connect(self.path("tcp.sock")).ok()?;
            client.set_read_timeout(Some(PATIENCE)).ok()?;
            client.write_all(b"x").ok()?;
            // The origin greets: the session is on the server by then.
            client.read_exact(&mut [0]).ok()?;
            Some(client)
        })
        .unwrap()
    }

    /// `lbctl` on the engine's admin socket, without the surroundings' influence.
    pub fn lbctl(&self, arguments: &[&str]) -> Command {
        self.lbctl_under(&[], arguments)
    }

    /// The same, started by another program.
    pub fn lbctl_under(&self, starter: &[&str], arguments: &[&str]) -> Command {
        let mut words = starter.iter().chain(&[env!("CARGO_BIN_EXE_lbctl")]).chain(arguments);
        let mut command = Command::new(words.next().unwrap());
        command
            .args(words)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.dir.path())
            .env("LBCTL_SOCKET", self.path("admin.sock"))
            .current_dir(self.dir.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs a command line and compares everything it says.
    #[track_caller]
    pub fn check(&self, line: &str, expected: &Expect) {
        let arguments: Vec<&str> = line.split(' ').collect();
        expected.assert_eq(&self.told(&self.lbctl(&arguments).output().unwrap()));
    }

    /// Runs several command lines and compares everything they say; those that say the same stand together.
    #[track_caller]
    pub fn check_all(&self, lines: &[&str], expected: &Expect) {
        let mut text = String::new();
        let mut last = String::new();
        for line in lines {
            let line = line.replace("$DIR", &self.dir.path().display().to_string());
            let arguments: Vec<&str> = line.split(' ').collect();
            let told = self.told(&self.lbctl(&arguments).output().unwrap());
            if told == last {
                text.truncate(text.len() - told.len());
            }
            text.push_str(&format!("$ lbctl {}\n{told}", self.normal(&line)));
            last = told;
        }
        expected.assert_eq(&text);
    }

    /// As [`Engine::check_all`], where the two engines rightly answer differently.
    #[track_caller]
    pub fn check_all_each(&self, lines: &[&str], lbd: &Expect, haproxy: &Expect) {
        self.check_all(lines, if self.is_haproxy { haproxy } else { lbd });
    }

    /// As [`Engine::check`], where the two engines rightly answer differently.
    #[track_caller]
    pub fn check_each(&self, line: &str, lbd: &Expect, haproxy: &Expect) {
        self.check(line, if self.is_haproxy { haproxy } else { lbd });
    }

    /// Runs a command line and gives its exit status.
    #[track_caller]
    pub fn run(&self, line: &str) -> i32 {
        let arguments: Vec<&str> = line.split(' ').collect();
        self.lbctl(&arguments).output().unwrap().status.code().unwrap()
    }

    /// Runs a command line with text on standard input.
    #[track_caller]
    pub fn check_stdin(&self, line: &str, input: &str, expected: &Expect) {
        expected.assert_eq(&self.told_of_stdin(line, input));
    }

    /// What a command line with text on standard input tells.
    pub fn told_of_stdin(&self, line: &str, input: &str) -> String {
        let arguments: Vec<&str> = line.split_whitespace().collect();
        let mut child =
            self.lbctl(&arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        self.told(&child.wait_with_output().unwrap())
    }

    /// Output, error output and exit status as one text, with what varies left out.
    pub fn told(&self, output: &Output) -> String {
        let mut text = String::new();
        text.push_str(&self.normal(&String::from_utf8_lossy(&output.stdout)));
        let errors = self.normal(&String::from_utf8_lossy(&output.stderr));
        if !errors.is_empty() {
            text.push_str("--- stderr\n");
            text.push_str(&errors);
        }
        text.push_str(&format!("--- exit {}\n", output.status.code().map_or("signal".into(), |c| c.to_string())));
        text
    }

    /// With the directory, ports, times and pointers of this run replaced.
    pub fn normal(&self, text: &str) -> String {
        let text = text.replace(&self.dir.path().display().to_string(), "$DIR");
        let text = text.replace(&self.origin.to_string(), "<port>");
        let mut text = text;
        for (pattern, with) in [
            // Which commands come near grows with the commands.
            (r"(better match:\n)(  .*\n)+", "$1  <suggestions>\n"),
            // Each version has more of them.
            (r"hint: there are pxname .*", "hint: <columns>"),
            // Columns are as wide as what varies; their alignment has its own test.
            (r"(\S) {2,}", "$1  "),
            (r#""since_seconds": \d+"#, r#""since_seconds": <t>"#),
            (r"after \d+\.\d+s", "after <t>"),
            (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ,\d+,", "<date>,<n>,"),
            (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", "<date>"),
            (r"(<date>,|,maint,|,ready,)\w+,", "$1<user>,"),
            (r"for \d+s", "for <t>"),
            (r",\d+,127\.0\.0\.1", ",<t>,127.0.0.1"),
            (r",\d+s,tcpv4|,\d+s,unix_stream", ",<t>,<proto>"),
            (r"\d+s of (\d+m?s)", "<t> of $1"),
            (r"left, \d+s", "left, <t>"),
            (r"(: DOWN), \d+s", "$1, <t>"),
            (r"0x[0-9a-f]+", "<ptr>"),
            (r"unix:\d+", "unix:<n>"),
            (r"in \d+ms", "in <t>"),
            (r"@!\d+", "@!<pid>"),
            // A check that is on its way marks the former one's end.
            (r"\* (L[4-7])", "$1"),
            (r"exp=\d+", "exp=<t>"),
            // 2.6 has none.
            (r" shard=\d+", ""),
            (r" +\d+s  ", "  <t>  "),
            (r"Version  \S+", "Version  <version>"),
        ] {
            text = regex::Regex::new(pattern).unwrap().replace_all(&text, with).into_owned();
        }
        text
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // A master takes its workers with it only when it is asked.
        let mut child = self.child.borrow_mut();
        let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        let gone = lb_testkit::until("the engine to end", || child.try_wait().ok().flatten());
        if gone.is_ok() {
            return;
        }
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn spawn(program: &Path, arguments: &[String], dir: &Path) -> Child {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(dir).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

/// Says so past the test harness, which keeps the output of tests that pass.
fn skip(why: &str) -> Option<Engine> {
    let _ = writeln!(std::io::stderr(), "SKIPPED: {why}; nothing was tested against it");
    None
}

fn configuration(dir: &Path, origin: u16) -> String {
    let dir = dir.display();
    format!(
        "global
  nbthread 1
  maxconn 200
  node lb-test
  stats socket {dir}/admin.sock level admin
  stats socket {dir}/operator.sock level operator
  stats socket {dir}/user.sock level user
  stats timeout 10s
defaults
  mode http
  timeout client 60s
  timeout server 60s
  timeout connect 2s
frontend web
  bind unix@{dir}/web.sock
  default_backend app
frontend tcp
  mode tcp
  bind unix@{dir}/tcp.sock
  default_backend tcpb
backend app
  balance roundrobin
  server web1 127.0.0.1:{origin}
  server web2 127.0.0.1:{origin} weight 50
  server web3 127.0.0.1:1 check inter 100ms fall 1 rise 2
  server web4 127.0.0.1:{origin} disabled
  server web5 127.0.0.1:{origin} track app/web3
  server web6 127.0.0.1:{origin} check inter 50ms fall 20 rise 2
backend tcpb
  mode tcp
  balance leastconn
  server db1 127.0.0.1:{origin}
  server db2 127.0.0.1:{origin} backup
"
    )
}

/// Accepts, greets, and holds every connection for as long as its client does.
fn holding_origin() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut byte = [0];
                while matches!(stream.read(&mut byte), Ok(1)) {
                    let _ = stream.write_all(b"x");
                }
            });
        }
    });
    port
}
