//! Configurations as the world writes them: what HAProxy accepts is accepted, and nothing of it is passed over.

use crate::check_eq;
use anyhow::{Context, Result};
use lb_testkit::{Engine, Launch};
use std::path::Path;
use std::process::{Command, Output};

/// Files that the configurations name, beside certificates.
const FILES: &[(&str, &str)] = &[
    ("whitelist.lst", "10.1.0.0/16\n"),
    ("agents.lst", "sqlmap\n"),
    ("hosts.map", "example.com blue\n"),
    ("switch.map", "on off\n"),
    ("sni.map", "example.org web\n"),
    ("https.map", "example.com yes\n"),
    ("geo.map", "192.0.2.0/24 DE\n"),
    ("redirects.map", "/a /b\n"),
    ("maintenance.html", "<p>later\n"),
    ("crt-list.txt", "{dir}/site.pem *.example.com\n"),
];

/// Notices of what cannot be so here: Diffie-Hellman of that kind and HTTP/2 are not spoken, and tables are not exchanged
/// with peers.
const ADMITTED: &[&str] =
    &["tune.ssl.default-dh-param", "alpn h2", "tune.h2.", "tune.ssl.cachesize", "stick tables are not exchanged"];

fn check(engine: &Engine, text: &str) -> Result<Output> {
    let mut launch = Launch::new(engine)?;
    for (name, text) in FILES {
        launch = launch.file(name, text)?;
    }
    for status in [400, 403, 404, 408, 500, 502, 503, 504] {
        let page =
            format!("HTTP/1.0 {status} Custom\r\nCache-Control: no-cache\r\nConnection: close\r\n\r\n<p>{status}\n");
        launch = launch.file(&format!("{status}.http"), &page)?;
    }
    certificate(launch.dir())?;
    launch.file("test.cfg", text)?.run(&["-c", "-f", "{dir}/test.cfg"])
}

fn certificate(dir: &Path) -> Result<()> {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3"])
        .args(["-subj", "/CN=www.example.com", "-keyout", "key.pem", "-out", "ca.pem"])
        .current_dir(dir)
        .output()
        .context("openssl")?;
    check_eq!(made.status.success(), true, "{}", String::from_utf8_lossy(&made.stderr));
    let both = [std::fs::read(dir.join("ca.pem"))?, std::fs::read(dir.join("key.pem"))?].concat();
    Ok(std::fs::write(dir.join("site.pem"), both)?)
}

#[test]
fn configurations_of_the_world_are_accepted() -> Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/corpus");
    let mut files: Vec<_> = std::fs::read_dir(&corpus)?.collect::<Result<Vec<_>, _>>()?;
    files.sort_by_key(std::fs::DirEntry::file_name);
    assert!(files.len() >= 24, "{} configurations", files.len());
    let mut wrong = Vec::new();
    for file in &files {
        let name = file.file_name().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(file.path())?;
        for engine in Engine::both()? {
            let output = check(&engine, &text)?;
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            if !output.status.success() {
                wrong.push(format!("{name} on {}: {said}", engine.name()));
            } else if !engine.is_haproxy {
                let passed_over =
                    |line: &&str| line.contains("accepted without effect") || line.contains("not supported");
                let admitted = |line: &&str| {
                    let words = line.rsplit(": ").next().unwrap_or_default();
                    words.split(", ").all(|word| ADMITTED.iter().any(|known| word.contains(known)))
                };
                wrong.extend(
                    said.lines().filter(passed_over).filter(|line| !admitted(line)).map(|l| format!("{name}: {l}")),
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}
