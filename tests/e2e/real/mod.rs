//! Health checks of real servers, started here on free loopback ports and stopped with the case.
//!
//! A row is a backend: its lines, the port that is checked, and how the first check ends, as HAProxy tells it.

mod databases;
mod directory;
mod mail;
mod tls;
mod web;

use crate::support::HEAD;
use anyhow::{Context, Result, bail};
use lb_testkit::{Engine, Launch, Normaliser, SyslogSink, until};
use nix::unistd::{Gid, Group, Uid, User, chown, geteuid};
use std::collections::BTreeMap;
use std::env;
use std::fs::File;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A program's path; says that its case is skipped when it is not there.
fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/bin", "/usr/sbin"].map(PathBuf::from);
    let found = env::split_paths(&path).chain(usual).map(|dir| dir.join(program)).find(|path| path.is_file());
    if found.is_none() {
        eprintln!("skipped: {program} is not installed");
    }
    found
}

/// A directory for a server's data, owned by whom the server runs as: servers of data refuse to run as root.
fn data_dir() -> Result<tempfile::TempDir> {
    let dir = tempfile::tempdir()?;
    if let Some((user, group)) = nobody()? {
        chown(dir.path(), Some(user), Some(group))?;
    }
    Ok(dir)
}

/// Who a server of data runs as; `None`: whoever runs the test.
fn nobody() -> Result<Option<(Uid, Gid)>> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    let user = User::from_name("nobody")?.context("no user 'nobody'")?;
    let group = Group::from_name("nogroup")?.map_or(user.gid, |group| group.gid);
    Ok(Some((user.uid, group)))
}

/// A command that runs without root's rights, its output in a file of `dir`.
fn unprivileged(program: impl AsRef<Path>, dir: &Path) -> Result<Command> {
    let mut command = Command::new(program.as_ref());
    if let Some((user, group)) = nobody()? {
        command.uid(user.as_raw()).gid(group.as_raw());
    }
    let output = File::options().create(true).append(true).open(dir.join("output"))?;
    command.current_dir(dir).stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    Ok(command)
}

/// Runs a command to its end.
fn finish(mut command: Command, dir: &Path) -> Result<()> {
    let status = lb_testkit::without_trials(|| command.spawn())?.wait()?;
    if !status.success() {
        bail!("{command:?} ended with {status}: {}", std::fs::read_to_string(dir.join("output"))?);
    }
    Ok(())
}

/// A server that ends with the case.
struct Real {
    child: Child,
    port: u16,
    dir: tempfile::TempDir,
}

impl Drop for Real {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Real {
    /// Starts a server and waits until it accepts connections at `port`.
    fn start(mut command: Command, port: u16, dir: tempfile::TempDir) -> Result<Self> {
        let child = lb_testkit::without_trials(|| command.spawn()).with_context(|| format!("{command:?}"))?;
        let mut real = Self { child, port, dir };
        let mut ended = None;
        until("a server that accepts connections", || {
            ended = real.child.try_wait().ok().flatten();
            (ended.is_some() || TcpStream::connect(real.address()).is_ok()).then_some(())
        })
        .with_context(|| format!("{command:?}: {}", real.output()))?;
        match ended {
            Some(status) => bail!("{command:?} ended with {status}: {}", real.output()),
            None => Ok(real),
        }
    }

    fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    fn output(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("output")).unwrap_or_default()
    }
}

/// A backend with one server.
struct Row<'a> {
    port: u16,
    lines: &'a [&'a str],
    /// Words of the server line.
    server: &'a str,
    /// Status and code in the statistics, then what the log says.
    expected: &'a str,
}

const fn row<'a>(port: u16, lines: &'a [&'a str], expected: &'a str) -> Row<'a> {
    Row { port, lines, server: "", expected }
}

/// Runs each row's first check and compares its end.
fn judge(engine: &Engine, launch: Launch, rows: &[Row<'_>]) -> Result<()> {
    let log = SyslogSink::udp()?;
    let head = HEAD.replace("    maxconn 500", "    maxconn 500\n    max-spread-checks 500ms\n    log {log} local0");
    let mut config =
        format!("{head}    log global\n    option log-health-checks\nlisten fe\n    bind 127.0.0.1:{{port:fe}}\n");
    for (index, row) in rows.iter().enumerate() {
        config += &format!("backend b{index}\n");
        for line in row.lines {
            config += &format!("    {line}\n");
        }
        config += &format!("    server s1 127.0.0.1:{} check inter 60s rise 1 fall 1 {}\n", row.port, row.server);
    }
    let program = launch.set("log", log.address()).start(&config)?;
    let hide = Normaliser::new()
        .rule(r", check duration: \d+ms, status: \d/\d (UP|DOWN)\.", "")
        .rule(r"[0-9.]+-[0-9.]+-MariaDB[^\x22]*", "<version>")
        // 3.x names the error before it describes it.
        .rule(r"[A-Z]+ returned by OS \((.*?)\)", "$1");
    let mut seen: BTreeMap<usize, String> = BTreeMap::new();
    until("the first check of every row", || {
        for message in log.messages() {
            let Some(rest) = message.strip_prefix("Health check for server b") else { continue };
            let Some((index, words)) = rest.split_once("/s1 ") else { continue };
            let Ok(index) = index.parse() else { continue };
            seen.entry(index).or_insert_with(|| hide.apply(words));
        }
        (seen.len() == rows.len()).then_some(())
    })
    .with_context(|| format!("{seen:?}"))?;
    let mut wrong = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let column = |name| program.admin().stat(&format!("b{index}"), "s1", name);
        let words = seen.get(&index).map_or("", String::as_str);
        let words = words.replace("succeeded, reason: ", "").replace("failed, reason: ", "");
        let told = format!("{} {} {}: {words}", column("status")?, column("check_status")?, column("check_code")?);
        if told != row.expected {
            wrong.push(format!("{:?} {}\n  expected {}\n  seen     {told}", row.lines, row.server, row.expected));
        }
    }
    if !wrong.is_empty() {
        bail!("on {}, {} of {} rows:\n{}", engine.name(), wrong.len(), rows.len(), wrong.join("\n"));
    }
    Ok(())
}
