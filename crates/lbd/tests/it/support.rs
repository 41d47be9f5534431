//! Runs the program in a directory of its own, and HAProxy beside it where that is installed.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Longest wait for anything.
pub const LIMIT: Duration = Duration::from_secs(10);

/// HAProxy as Debian installs it; `None` when it is missing.
pub fn oracle() -> Option<PathBuf> {
    Some(PathBuf::from("/usr/sbin/haproxy")).filter(|path| path.exists())
}

/// A directory with configurations, and a free port.
pub struct Bench {
    dir: TempDir,
    pub port: u16,
}

impl Bench {
    pub fn new() -> Bench {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let bench = Bench { dir: tempfile::tempdir().unwrap(), port: socket.local_addr().unwrap().port() };
        bench.write("good.cfg", &bench.good());
        bench.write("bad.cfg", "frontend fe\n    bind 127.0.0.1:1\n    foo bar\n");
        bench
    }

    pub fn good(&self) -> String {
        format!(
            "global\n    maxconn 100\ndefaults\n    mode http\n    timeout client 5s\n    timeout server 5s\n    \
             timeout connect 5s\nfrontend fe\n    bind 127.0.0.1:{}\n    http-request deny deny_status 404\n",
            self.port
        )
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub fn command(&self, program: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(args).current_dir(self.dir.path()).env("HOST", "h").stdin(Stdio::null());
        command
    }

    pub fn output(&self, program: &Path, args: &[&str]) -> Output {
        self.command(program, args).output().unwrap()
    }

    /// Starts the program with its output piped.
    pub fn start(&self, args: &[&str]) -> Running {
        self.start_with(args, &[])
    }

    /// The same, with more in its environment.
    pub fn start_with(&self, args: &[&str], environment: &[(&str, &Path)]) -> Running {
        let mut command = self.command(lbd(), args);
        command.envs(environment.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Running { child: command.spawn().unwrap() }
    }

    /// Waits until something listens on the port.
    pub fn wait_listening(&self) {
        wait_for("a listener", || self.connects());
    }

    pub fn connects(&self) -> bool {
        TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], self.port))).is_ok()
    }

    /// The pid in a file, once it is there.
    pub fn wait_pid(&self, name: &str) -> i32 {
        let mut pid = 0;
        wait_for("a pid file", || {
            pid = std::fs::read_to_string(self.path(name)).ok().and_then(|t| t.trim().parse().ok()).unwrap_or(0);
            pid > 0
        });
        pid
    }

    /// Sends a request and returns the first line of the answer.
    pub fn request(&self) -> String {
        let mut stream = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], self.port))).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text.lines().next().unwrap_or_default().to_owned()
    }
}

impl Drop for Bench {
    /// Ends a daemon that a failed test has left.
    fn drop(&mut self) {
        let pid = std::fs::read_to_string(self.path("pid")).ok().and_then(|text| text.trim().parse::<i32>().ok());
        if let Some(pid) = pid
            && std::fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == lbd())
        {
            let _ = Command::new("kill").arg(pid.to_string()).status();
        }
    }
}

/// A started program, ended when dropped.
pub struct Running {
    child: Child,
}

impl Running {
    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    pub fn signal(&self, name: &str) {
        signal(self.pid(), name);
    }

    /// Waits for the end, and for all writers of its output.
    pub fn finish(mut self) -> (i32, String) {
        let mut status = None;
        wait_for("the end of the program", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        let status = status.unwrap();
        let mut text = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
        use std::os::unix::process::ExitStatusExt;
        (status.code().unwrap_or_else(|| -status.signal().unwrap_or(0)), text)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A master asked to end takes its worker and its private sockets along.
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            let _ = Command::new("kill").arg(self.pid().to_string()).status();
        }
        let deadline = Instant::now() + Duration::from_secs(2);
        while !matches!(self.child.try_wait(), Ok(Some(_))) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn lbd() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_lbd"))
}

pub fn signal(pid: i32, name: &str) {
    let status = Command::new("kill").args(["-s", name, &pid.to_string()]).status().unwrap();
    assert!(status.success(), "kill -s {name} {pid}");
}

pub fn alive(pid: i32) -> bool {
    // A zombie waits for its parent; it does nothing any more.
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(") ").next().unwrap_or_default().starts_with('Z'))
}

/// Processes whose parent is `pid`.
pub fn children(pid: i32) -> Vec<i32> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

pub fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !done() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Output with what varies replaced.
pub fn normalise(output: &Output) -> String {
    let text = format!(
        "exit {}\n{}{}",
        output.status.code().unwrap_or(-1),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.contains(" version is ") || line.contains(" path to executable is ") {
            continue;
        }
        // `[ALERT]    (42) : …`: the id varies.
        match (line.find(" ("), line.find(") : ")) {
            (Some(open), Some(close)) if line.starts_with('[') && open < close => {
                lines.push(format!("{} (PID{}", &line[..open], &line[close..]));
            }
            _ => lines.push(line.to_owned()),
        }
    }
    lines.join("\n")
}
