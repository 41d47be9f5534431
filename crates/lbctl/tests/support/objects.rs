//! What an engine has beside servers: a map, a list of patterns, a stick table, a certificate.

use std::path::Path;
use std::process::{Command, Stdio};

/// The configuration's further sections.
pub const SECTIONS: &str = "
frontend objects
  mode http
  bind unix@$DIR/objects.sock ssl crt $DIR/site.pem
  acl denied src -f $DIR/deny.acl
  http-request deny if denied
  use_backend %[req.hdr(host),map($DIR/hosts.map,app)]
  default_backend sticky
backend sticky
  stick-table type ip size 1k expire 10m store server_id,gpc0
  stick on src
  server s1 127.0.0.1:$PORT
";

/// The files they name.
pub fn files(dir: &Path) {
    std::fs::write(dir.join("deny.acl"), "10.0.0.0/8\n192.168.0.0/16\n").unwrap();
    std::fs::write(dir.join("hosts.map"), "a.example.com app\nb.example.com tcpb\n").unwrap();
    pem(dir, "site");
}

/// A key and a certificate, signed by itself.
pub fn pem(dir: &Path, name: &str) {
    let (key, certificate) = (dir.join("key"), dir.join("crt"));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "30",
            "-subj",
        ])
        .arg(format!("/CN={name}"))
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .stderr(Stdio::null())
        .status();
    assert!(made.unwrap().success());
    let both = std::fs::read_to_string(&key).unwrap() + &std::fs::read_to_string(&certificate).unwrap();
    std::fs::write(dir.join(format!("{name}.pem")), both).unwrap();
}
