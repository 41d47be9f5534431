//! The usual reasons of "server is DOWN": each ends in HAProxy's code and log line, and in an explanation that names it.

use crate::support::{HEAD, same};
use crate::tls::certs::Authority;
use anyhow::{Context, Result, ensure};
use lb_testkit::origin::FullListener;
use lb_testkit::{Engine, Launch, Mode, Normaliser, Origin, SyslogSink, free_port, until};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A TLS server that ends with the case.
struct Secured {
    child: Child,
    port: u16,
}

impl Drop for Secured {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const OPENSSL: &str = "/usr/bin/openssl";

/// A real TLS server with this certificate and key in a file; `None` where there is no OpenSSL.
fn secured(bundle: &Path) -> Result<Option<Secured>> {
    if !Path::new(OPENSSL).is_file() {
        eprintln!("skipped: what takes openssl");
        return Ok(None);
    }
    let port = free_port();
    let child = Command::new(OPENSSL)
        .args(["s_server", "-quiet", "-www", "-accept", &format!("127.0.0.1:{port}"), "-cert"])
        .arg(bundle)
        .arg("-key")
        .arg(bundle)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("openssl")?;
    let server = Secured { child, port };
    until("openssl", || TcpStream::connect(("127.0.0.1", server.port)).ok())?;
    Ok(Some(server))
}

/// A backend that will be down.
struct Row {
    /// What is wrong, for people.
    what: &'static str,
    /// Lines of the backend.
    lines: &'static str,
    port: u16,
    /// Words of the server's line.
    words: &'static str,
    /// What the explanation says.
    told: &'static str,
}

#[test]
fn the_usual_reasons() {
    same(|engine| {
        let origin = Origin::http("o1")?;
        let empty = Origin::http("o2")?;
        empty.set_health(204);
        let crashing = Origin::http("o3")?;
        let silent = Origin::with(Mode::Hang)?;
        let plain = Origin::with(Mode::Bytes(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()))?;
        let other = Origin::with(Mode::Greet(b"SSH-2.0-Server\r\n".to_vec()))?;
        let (dropping, full) = (FullListener::new()?, FullListener::new()?);
        let files = tempfile::tempdir()?;
        let authority = Authority::new("ca");
        let bundle = files.path().join("web.pem");
        std::fs::write(&bundle, authority.issue("web.example").bundle())?;
        let tls = secured(&bundle)?;
        let http = "    option httpchk GET /health\n";
        let row = |what, lines, port, words, told| Row { what, lines, port, words, told };
        let mut rows = vec![
            row("wrong path", "    option httpchk GET /status/404\n", origin.address().port(), "", "status 404"),
            row(
                "204 where 200 was expected",
                "    option httpchk GET /health\n    http-check expect status 200\n",
                empty.address().port(),
                "",
                "rule 1 'expect status 200' did not match",
            ),
            row("wrong port", http, free_port(), "", "nothing listens there"),
            row("another service's port", http, other.address().port(), "", "it may be another service"),
            row("crash", http, crashing.address().port(), "", "nothing listens there"),
            row(
                "timeout too low",
                http,
                silent.address().port(),
                "",
                "it took the connection and did not answer in time",
            ),
            row("silent drop", http, dropping.address().port(), "", "something drops packets on the way"),
            row("exhausted backlog", "", full.address().port(), "", "queue of connections is full"),
            row("TLS to plain", http, plain.address().port(), "check-ssl verify none", "may not speak TLS"),
        ];
        if let Some(tls) = &tls {
            rows.extend([
                row("plain to TLS", http, tls.port, "", "TLS"),
                row(
                    "unknown CA",
                    http,
                    tls.port,
                    "check-ssl verify required ca-file {dir}/other.pem",
                    "not signed by an authority that 'ca-file' names",
                ),
                row(
                    "name mismatch",
                    http,
                    tls.port,
                    "check-ssl verify required ca-file {dir}/ca.pem verifyhost other.example check-sni other.example",
                    "its certificate is for another name",
                ),
            ]);
        }
        let seen = results(engine, &rows, &authority, &crashing)?;
        Ok(rows.iter().map(|row| row.what).zip(seen).collect::<Vec<_>>())
    });
}

fn results(engine: &Engine, rows: &[Row], authority: &Authority, crashing: &Origin) -> Result<Vec<[String; 3]>> {
    let log = SyslogSink::udp()?;
    let head = HEAD.replace("    maxconn 500", "    maxconn 500\n    log {log} local0");
    let backends: String = rows
        .iter()
        .enumerate()
        .map(|(n, row)| {
            format!(
                "backend b{n}\n{}    timeout check 300ms\n    server s1 127.0.0.1:{} check inter 300ms rise 1 fall 1 {}\n",
                row.lines, row.port, row.words
            )
        })
        .collect();
    let config = format!("{head}    log global\nlisten fe\n    bind 127.0.0.1:{{port:fe}}\n{backends}");
    let program = Launch::new(engine)?
        .file("ca.pem", &authority.pem())?
        .file("other.pem", &Authority::new("other").pem())?
        .set("log", log.address())
        .start(&config)?;
    let admin = program.admin();
    let crash = rows.iter().position(|row| row.what == "crash").context("the crash")?;
    admin.await_stat(&format!("b{crash}"), "s1", "check_status", "L7OK")?;
    crashing.refuse();
    let hide = Normaliser::new()
        .rule(r"check duration: \d+ms", "check duration: <ms>")
        .rule(r#"info: "[A-Z]+ returned by OS \((.*?)\)""#, "info: \"$1\"");
    let mut seen = Vec::new();
    for (n, row) in rows.iter().enumerate() {
        let backend = format!("b{n}");
        let line = log.await_message(&format!("Server {backend}/s1 is DOWN"))?;
        admin.await_stat(&backend, "s1", "status", "DOWN")?;
        let columns = until("the check's code", || {
            let status = admin.stat(&backend, "s1", "check_status").ok()?;
            (!status.starts_with('*')).then_some(status)
        })?;
        seen.push([columns, admin.stat(&backend, "s1", "check_code")?, hide.apply(&line)]);
        if !engine.is_haproxy {
            // While a check is in progress its predecessor's words are gone.
            let told = until("an explanation", || {
                let told = admin.ask(&format!("explain server {backend}/s1")).ok()?;
                (!told.contains("is in progress")).then_some(told)
            })?;
            ensure!(told.contains(row.told), "{}: {told}", row.what);
        }
    }
    Ok(seen)
}
