//! The program under test in a world of its own: a directory, a network without an outside, servers on UNIX
//! sockets. Whatever an administrator may tell it, nothing of this machine is reached.

use super::step::{PLACES, Step};
use crate::corpus::Signature;
use anyhow::{Context, Result, bail, ensure};
use lb_testkit::wait::until_within;
use lb_testkit::{Engine, LONG, Launch, Program, process};
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::Duration;

/// Names are those of the recorded probes, so that these find what they speak of.
const CONFIG: &str = "\
global
    stats socket {sock} mode 600 level admin
    stats timeout 2s
    stats maxconn 64
    maxconn 200
    nbthread 2
    server-state-base {dir}
defaults named
    mode http
    timeout connect 1s
    timeout client 1s
    timeout server 1s
    timeout check 1s
    timeout queue 1s
    load-server-state-from-file none
resolvers ns
    nameserver n1 127.0.0.1:53
    timeout retry 100ms
ring r1
    size 16384
frontend fe
    bind unix@{dir}/fe.sock
    guid fe
    acl denied hdr(x-deny) -f {dir}/deny.acl
    use_backend %[req.hdr(x-app),map({dir}/hosts.map)] if { req.hdr(x-app) -m found }
    http-request deny if denied
    http-request track-sc0 str(a) table app
    default_backend app
backend app
    balance roundrobin
    option httpchk GET /health
    cookie SRV insert indirect nocache
    dynamic-cookie-key key
    stick-table type ip size 1k expire 10m store conn_cur,http_req_rate(10s),gpc0,gpt0,server_id
    server web01 unix@{dir}/origin.sock check inter 200ms cookie w1 guid w1
    server web02 unix@{dir}/origin.sock check inter 200ms weight 50 cookie w2 agent-check agent-port 1 agent-inter 200ms
    server web03 127.0.0.1:1 check inter 200ms
    server web04 unix@{dir}/origin.sock backup
    server web05 unix@{dir}/origin.sock disabled
    server web06 unix@{dir}/origin.sock track app/web01
    server web07 unix@{dir}/origin.sock check inter 200ms observe layer7 max-fails 2 fail-timeout 1s slowstart 1s
backend tcpb
    mode tcp
    balance leastconn
    server db1 unix@{dir}/origin.sock check inter 200ms maxconn 5
backend fixed
    balance source
    server f1 unix@{dir}/origin.sock weight 3
    server f2 unix@{dir}/origin.sock
";

/// The most memory the program may use.
const MEMORY_LIMIT: u64 = 512 << 20;
/// The most descriptors it may hold when nobody is connected: sockets of its own, of traces, of servers.
const MOST_FILES: usize = 128;
/// How long an answer on a kept connection is waited for.
const MOMENT: Duration = Duration::from_millis(3);
/// Of an answer, what is read at most; what does not end by then is dropped with its connection.
const LONGEST: usize = 8 << 20;

/// Whether a program can be kept from the machine's network here.
pub fn can_isolate() -> bool {
    let attempt = std::process::Command::new("unshare").args(["--map-root-user", "--net", "true"]).output();
    attempt.is_ok_and(|output| output.status.success())
}

/// The program, and the connections kept to it.
pub struct Bench {
    program: Program,
    kept: [Option<UnixStream>; PLACES],
}

impl Bench {
    /// A fresh one.
    ///
    /// # Errors
    /// When the program does not start.
    pub fn start() -> Result<Self> {
        let launch = Launch::new(&Engine::subject()?)?
            .isolated()
            .file("deny.acl", "10.0.0.0/8\n192.168.0.0/16\n")?
            .file("hosts.map", "a.example.com app\nb.example.com tcpb\n")?;
        serve(&launch.dir().join("origin.sock"))?;
        Ok(Self { program: launch.start(CONFIG)?, kept: Default::default() })
    }

    /// Does one step, and tells what was special about its answer.
    ///
    /// # Errors
    /// When the program does not do what it must: accept, answer, close.
    pub fn play(&mut self, step: &Step, signature: &mut Signature) -> Result<()> {
        match step {
            Step::Alone(bytes) => {
                let mut stream = self.connect("admin.sock")?;
                let bytes = self.filled_in(bytes);
                // What is not read may be refused.
                let _ = stream.write_all(&bytes);
                let _ = stream.shutdown(Shutdown::Write);
                let (answer, end) = read(&mut stream, LONG)?;
                ensure!(end != End::Silence, "the admin socket was not closed after {}", bytes.escape_ascii());
                note(&answer, signature);
            }
            Step::Talk(place, bytes) | Step::Mute(place, bytes) => {
                let bytes = self.filled_in(bytes);
                let mut stream = match self.kept.get_mut(*place).and_then(Option::take) {
                    Some(stream) => stream,
                    None => self.open(*place)?,
                };
                stream.set_nonblocking(true)?;
                // A peer that does not read is not read from for ever.
                let sent = stream.write(&bytes);
                stream.set_nonblocking(false)?;
                let mut open = sent.is_ok() || sent.is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
                if open && matches!(step, Step::Talk(..)) {
                    let (answer, end) = read(&mut stream, MOMENT)?;
                    note(&answer, signature);
                    open = end == End::Silence;
                }
                if let (true, Some(kept)) = (open, self.kept.get_mut(*place)) {
                    *kept = Some(stream);
                }
            }
            Step::Leave(place) => drop(self.kept.get_mut(*place).and_then(Option::take)),
            Step::Traffic(bytes) => {
                // A frontend that was shut down has no socket.
                if let Ok(mut stream) = UnixStream::connect(self.program.dir().join("fe.sock")) {
                    let _ = stream.write_all(bytes);
                    let (answer, _) = read(&mut stream, MOMENT)?;
                    signature.add(answer.get(..16));
                }
            }
        }
        Ok(())
    }

    /// Whether the program still is what it must be: alive, of sound mind, not swollen.
    ///
    /// # Errors
    /// Names what is wrong.
    pub fn check(&mut self) -> Result<()> {
        self.program.check_alive()?;
        // A dump under way on another connection may change what two answers say of the same servers.
        let mut fault = String::new();
        until_within(LONG, "the tables to be sound", || match self.tables() {
            Ok(()) => Some(()),
            Err(error) => {
                fault = format!("{error:#}");
                None
            }
        })
        .with_context(|| fault.clone())?;
        let info = self.program.admin().ask("show info")?;
        ensure!(info.contains("\nUptime_sec: "), "`show info` answers {info:?}");
        let size = process::rss_bytes(self.program.pid())?;
        ensure!(size < MEMORY_LIMIT, "lbd has grown to {} MiB", size >> 20);
        self.program.check_alive()
    }

    /// `show stat` and `show servers state` have whole rows, and agree.
    fn tables(&self) -> Result<()> {
        let admin = self.program.admin();
        let (stat, state) = (admin.ask("show stat")?, admin.ask("show servers state")?);
        let header = stat.lines().next().unwrap_or_default();
        let columns: Vec<&str> = header.trim_start_matches("# ").split(',').collect();
        let Some(status) = columns.iter().position(|name| *name == "status") else { bail!("no status in {header}") };
        let mut rows = Vec::new();
        for line in stat.lines().skip(1).filter(|line| !line.is_empty()) {
            let cells: Vec<&str> = line.split(',').collect();
            ensure!(cells.len() == columns.len(), "{} cells instead of {}: {line}", cells.len(), columns.len());
            rows.push(cells);
        }
        let mut lines = state.lines().skip(1);
        let names = lines.next().unwrap_or_default().split(' ').count() - 1;
        for line in lines.filter(|line| !line.is_empty()) {
            let cells: Vec<&str> = line.split(' ').collect();
            ensure!(cells.len() == names, "{} cells instead of {names}: {line}", cells.len());
            let field = |at: usize| cells.get(at).copied().unwrap_or_default();
            let of_server = |row: &&Vec<&str>| row.first() == Some(&field(1)) && row.get(1) == Some(&field(3));
            let Some(row) = rows.iter().find(of_server) else { bail!("no row of `show stat` for {line}") };
            let told = row.get(status).copied().unwrap_or_default();
            let admin_state: u32 = field(6).parse().with_context(|| line.to_owned())?;
            // Bits 0, 1 and 5 are the ways of maintenance.
            let in_maintenance = admin_state & 0b10_0011 != 0;
            ensure!(in_maintenance == told.starts_with("MAINT"), "{told} in `show stat`, and {line}");
        }
        Ok(())
    }

    /// Lets all connections go, and ends the program as an operator would.
    ///
    /// # Errors
    /// When descriptors stay behind or the program does not stop.
    pub fn finish(mut self) -> Result<()> {
        self.kept = Default::default();
        let pid = self.program.pid();
        until_within(LONG, "the program's sockets to be closed", || {
            (process::open_files(pid).ok()? < MOST_FILES).then_some(())
        })?;
        self.check()?;
        self.program.terminate()?;
        ensure!(!self.program.stderr().contains("panicked at"), "{}", self.program.stderr());
        Ok(())
    }

    /// A kept connection, in one of the modes that connections have.
    fn open(&self, place: usize) -> Result<UnixStream> {
        let mut stream = self.connect("admin.sock")?;
        let first: &[u8] = match place % 3 {
            0 => b"prompt i\n",
            1 => b"prompt timed\n",
            _ => b"",
        };
        stream.write_all(first)?;
        Ok(stream)
    }

    fn connect(&self, name: &str) -> Result<UnixStream> {
        let path = self.program.dir().join(name);
        let stream = until_within(LONG, "the admin socket", || UnixStream::connect(&path).ok())?;
        stream.set_write_timeout(Some(LONG))?;
        Ok(stream)
    }

    /// The bytes with the recorded placeholders' values.
    fn filled_in(&self, bytes: &[u8]) -> Vec<u8> {
        let directory = self.program.dir().display().to_string();
        let mut filled = bytes.to_vec();
        for (name, value) in [(&b"$DIR"[..], directory.as_bytes()), (b"<port0>", b"80"), (b"<port1>", b"81")] {
            while let Some(at) = filled.windows(name.len()).position(|window| window == name) {
                filled.splice(at..at + name.len(), value.iter().copied());
            }
        }
        filled
    }
}

/// How reading ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Closed,
    Silence,
}

fn read(stream: &mut UnixStream, patience: Duration) -> Result<(Vec<u8>, End)> {
    stream.set_read_timeout(Some(patience))?;
    let (mut all, mut buffer) = (Vec::new(), vec![0; 16 << 10]);
    while all.len() < LONGEST {
        match stream.read(&mut buffer) {
            Ok(0) => return Ok((all, End::Closed)),
            Ok(length) => all.extend(buffer.iter().take(length)),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return Ok((all, End::Silence));
            }
            Err(_) => return Ok((all, End::Closed)),
        }
    }
    Ok((all, End::Closed))
}

/// What an answer's lines begin with, without what they repeat of the input, and how long it is.
fn note(answer: &[u8], signature: &mut Signature) {
    signature.add_size(answer.len());
    for line in answer.split(|byte| *byte == b'\n').take(4) {
        let end = line.iter().position(|byte| matches!(byte, b'\'' | b'0'..=b'9')).unwrap_or(line.len());
        signature.add(&line[..end.min(24)]);
    }
}

/// An origin on a UNIX socket, answered by threads that end with their connections.
fn serve(path: &Path) -> Result<()> {
    let listener = UnixListener::bind(path)?;
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                while matches!(stream.read(&mut buffer), Ok(1..))
                    && stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").is_ok()
                {}
            });
        }
    });
    Ok(())
}
