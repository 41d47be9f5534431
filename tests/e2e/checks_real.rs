//! Health checks of real servers, started here on free loopback ports and stopped with the case.

use crate::check_eq;
use crate::support::{HEAD, same};
use anyhow::{Context, Result};
use lb_testkit::{Engine, Launch, free_port, until};
use std::env;
use std::net::TcpStream;
use std::path::PathBuf;
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

/// A server that ends with the case.
struct Real {
    child: Child,
    port: u16,
    _dir: tempfile::TempDir,
}

impl Drop for Real {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A Redis that keeps nothing, with these options.
fn redis(program: &PathBuf, options: &[&str]) -> Result<Real> {
    let (dir, port) = (tempfile::tempdir()?, free_port());
    let child = Command::new(program)
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir"])
        .arg(dir.path())
        .args(options)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("redis-server")?;
    let real = Real { child, port, _dir: dir };
    until("Redis", || TcpStream::connect(("127.0.0.1", port)).ok())?;
    Ok(real)
}

/// What a backend with these lines says of its server after the first check.
fn checked(engine: &Engine, port: u16, lines: &[&str]) -> Result<[String; 4]> {
    let lines: String = lines.iter().map(|line| format!("    {line}\n")).collect();
    let config = format!(
        "{HEAD}listen fe\n    bind 127.0.0.1:{{port:fe}}\nbackend b\n    mode tcp\n{lines}    \
         server s1 127.0.0.1:{port} check inter 500ms rise 1 fall 1\n"
    );
    let program = Launch::new(engine)?.start(&config)?;
    let admin = program.admin();
    until("a check's result", || {
        // While a check is in progress, the last one's words are not told.
        let seen =
            ["status", "check_status", "check_code", "last_chk"].map(|column| admin.stat("b", "s1", column).ok());
        let [Some(status), Some(check), Some(code), Some(text)] = seen else { return None };
        let settled = !check.starts_with('*') && check != "INI" && !text.is_empty();
        settled.then_some([status, check, code, text])
    })
}

#[test]
fn a_real_redis_is_checked() {
    let Some(program) = find("redis-server") else { return };
    same(|engine| {
        let real = redis(&program, &[])?;
        let plain = checked(engine, real.port, &["option redis-check"])?;
        check_eq!(plain, ["UP", "L7OK", "0", "Redis server is ok"].map(str::to_owned));
        let rules = [
            "option tcp-check",
            "tcp-check send PING\\r\\n",
            "tcp-check expect string +PONG",
            "tcp-check send info\\ replication\\r\\n",
            "tcp-check expect string role:master",
            "tcp-check send QUIT\\r\\n",
            "tcp-check expect string +OK",
        ];
        let role = checked(engine, real.port, &rules)?;
        check_eq!(role, ["UP", "L7OK", "0", "(tcp-check)"].map(str::to_owned));
        // It asks for a password: that is no answer to a PING, and waits for more until time is up.
        let closed = redis(&program, &["--requirepass", "secret"])?;
        let lines = [
            "timeout check 300ms",
            "option tcp-check",
            "tcp-check send PING\\r\\n",
            "tcp-check expect min-recv 5 string +PONG",
        ];
        let refused = checked(engine, closed.port, &lines)?;
        check_eq!(refused, ["DOWN", "L7RSP", "", "TCPCHK did not match content '+PONG' at step 2"].map(str::to_owned));
        Ok(())
    });
}
