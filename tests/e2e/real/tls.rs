//! Secured servers: `openssl s_server` with certificates that are good, expired, of another name, of nobody.

use super::{Real, Row, find, judge};
use crate::support::both;
use crate::tls::certs::{Authority, Issued, launch};
use anyhow::Result;
use lb_testkit::free_port;
use std::path::Path;
use std::process::{Command, Stdio};

/// A server that answers HTTP requests with its state.
fn s_server(program: &Path, issued: &Issued, options: &[&str]) -> Result<Real> {
    let (dir, port) = (tempfile::tempdir()?, free_port());
    std::fs::write(dir.path().join("crt.pem"), issued.bundle())?;
    let mut command = Command::new(program);
    command.args(["s_server", "-quiet", "-www", "-accept", &format!("127.0.0.1:{port}"), "-cert"]);
    command.arg(dir.path().join("crt.pem")).arg("-key").arg(dir.path().join("crt.pem")).args(options);
    command.current_dir(dir.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Real::start(command, port, dir)
}

#[test]
fn secured_servers_are_checked() {
    let Some(program) = find("openssl") else { return };
    let (authority, other) = (Authority::new("ca"), Authority::new("other"));
    let start = |issued: &Issued, options: &[&str]| s_server(&program, issued, options).unwrap();
    let good = start(&authority.issue("a.example"), &[]);
    let own = Authority::self_signed("a.example");
    let alone = start(&own, &[]);
    let old = start(&authority.issue_until("a.example", 2002), &[]);
    let twelve = start(&authority.issue("a.example"), &["-tls1_2"]);
    let thirteen = start(&authority.issue("a.example"), &["-tls1_3"]);
    let picky = start(&authority.issue("a.example"), &["-alpn", "http/1.1"]);
    let client = authority.issue("client");
    std::fs::write(good.dir.path().join("ca.pem"), authority.pem()).unwrap();
    let ca = good.dir.path().join("ca.pem").display().to_string();
    let asking = start(&authority.issue("a.example"), &["-Verify", "1", "-verify_return_error", "-CAfile", &ca]);
    let second = authority.issue("b.example").bundle();
    std::fs::write(good.dir.path().join("b.pem"), second).unwrap();
    let b = good.dir.path().join("b.pem").display().to_string();
    let naming = start(
        &authority.issue("a.example"),
        &["-servername", "b.example", "-servername_fatal", "-cert2", &b, "-key2", &b],
    );
    let files = [
        ("ca.pem", authority.pem()),
        ("other.pem", other.pem()),
        ("own.pem", own.certificate.clone()),
        ("client.pem", client.bundle()),
    ];
    let files = files.each_ref().map(|(name, text)| (*name, text.as_str()));
    let web: &[&str] = &["option httpchk GET /"];
    let mere: &[&str] = &["mode tcp"];
    let hello: &[&str] = &["mode tcp", "option ssl-hello-chk"];
    // Connections of rules, the last one after one to another server.
    let by_rule: &[&str] = &[
        "option tcp-check",
        "tcp-check connect ssl",
        "tcp-check send GET\\ /\\ HTTP/1.0\\r\\n\\r\\n",
        "tcp-check expect string HTTP/1.0",
    ];
    let named: &[&str] = &["option tcp-check", "tcp-check connect ssl sni b.example"];
    let misnamed: &[&str] = &["option tcp-check", "tcp-check connect ssl sni c.example"];
    let agreed: &[&str] = &["option tcp-check", "tcp-check connect ssl alpn http/1.1"];
    let disagreed: &[&str] = &["option tcp-check", "tcp-check connect ssl alpn h2"];
    let as_server: &[&str] = &["option tcp-check", "tcp-check connect default"];
    let not_as_server: &[&str] = &["option tcp-check", "tcp-check connect"];
    let over_http: &[&str] = &[
        "option httpchk",
        "http-check connect ssl sni b.example",
        "http-check send meth GET uri /",
        "http-check expect rstring CIPHER|Cipher",
    ];
    let to_twelve = format!("tcp-check connect port {} ssl", twelve.port);
    let two: &[&str] = &["option tcp-check", "tcp-check connect", &to_twelve, "tcp-check connect ssl"];
    let cases: &[(&Real, &[&str], &str, &str)] = &[
        (&good, web, "check-ssl verify none", "UP L7OK 200: Layer7 check passed, code: 200"),
        (&good, mere, "check-ssl verify none", "UP L6OK : Layer6 check passed"),
        (&good, mere, "ssl verify none", "UP L6OK : Layer6 check passed"),
        (&good, mere, "ssl verify required ca-file {dir}/ca.pem", "UP L6OK : Layer6 check passed"),
        (
            &good,
            web,
            "ssl verify required ca-file {dir}/ca.pem verifyhost a.example",
            "UP L7OK 200: Layer7 check passed, code: 200",
        ),
        (
            &good,
            web,
            "ssl verify required ca-file {dir}/ca.pem verifyhost b.example",
            "DOWN L6RSP : Layer6 invalid response, info: \"Server presented an SSL certificate different from the configured one\"",
        ),
        (
            &good,
            web,
            "ssl verify required ca-file {dir}/other.pem",
            "DOWN L6RSP : Layer6 invalid response, info: \"SSL handshake failure\"",
        ),
        (
            &good,
            web,
            "ssl verify required ca-file {dir}/ca.pem check-sni a.example",
            "UP L7OK 200: Layer7 check passed, code: 200",
        ),
        (
            &good,
            web,
            "ssl verify required ca-file {dir}/ca.pem check-sni b.example",
            "DOWN L6RSP : Layer6 invalid response, info: \"Server presented an SSL certificate different from the expected one\"",
        ),
        (&alone, web, "ssl verify none", "UP L7OK 200: Layer7 check passed, code: 200"),
        (
            &alone,
            web,
            "ssl verify required ca-file {dir}/ca.pem",
            "DOWN L6RSP : Layer6 invalid response, info: \"SSL handshake failure\"",
        ),
        (&alone, web, "ssl verify required ca-file {dir}/own.pem", "UP L7OK 200: Layer7 check passed, code: 200"),
        (&old, web, "ssl verify none", "UP L7OK 200: Layer7 check passed, code: 200"),
        (
            &old,
            web,
            "ssl verify required ca-file {dir}/ca.pem",
            "DOWN L6RSP : Layer6 invalid response, info: \"SSL handshake failure\"",
        ),
        (&twelve, web, "ssl verify none", "UP L7OK 200: Layer7 check passed, code: 200"),
        (
            &twelve,
            web,
            "ssl verify none ssl-min-ver TLSv1.3",
            "DOWN L6RSP : Layer6 invalid response, info: \"SSL handshake failure\"",
        ),
        (&twelve, web, "ssl verify none ssl-max-ver TLSv1.2", "UP L7OK 200: Layer7 check passed, code: 200"),
        (
            &thirteen,
            web,
            "ssl verify none ssl-max-ver TLSv1.2",
            "DOWN L6RSP : Layer6 invalid response, info: \"SSL handshake failure\"",
        ),
        (&thirteen, web, "ssl verify none ssl-min-ver TLSv1.3", "UP L7OK 200: Layer7 check passed, code: 200"),
        (&picky, web, "ssl verify none check-alpn http/1.1", "UP L7OK 200: Layer7 check passed, code: 200"),
        (
            &picky,
            web,
            "ssl verify none check-alpn h2",
            "DOWN L6RSP : Layer6 invalid response, info: \"SSL handshake failure\"",
        ),
        (&asking, web, "ssl verify none", "DOWN SOCKERR : Socket error, info: \"SSL fatal error\""),
        (&asking, web, "ssl verify none crt {dir}/client.pem", "UP L7OK 200: Layer7 check passed, code: 200"),
        (
            &naming,
            web,
            "ssl verify required ca-file {dir}/ca.pem check-sni b.example verifyhost b.example",
            "UP L7OK 200: Layer7 check passed, code: 200",
        ),
        (
            &naming,
            web,
            "ssl verify none check-sni c.example",
            "DOWN L6RSP : Layer6 invalid response, info: \"SSL handshake failure\"",
        ),
        (&good, web, "", "DOWN L7RSP : Layer7 invalid response"),
        (&good, web, "check-ssl verify none no-check-ssl", "DOWN L7RSP : Layer7 invalid response"),
        (&good, web, "ssl verify none no-check-ssl", "DOWN L7RSP : Layer7 invalid response"),
        (&good, web, "ssl verify none sni str(c.example)", "UP L7OK 200: Layer7 check passed, code: 200"),
        (&naming, web, "ssl verify none sni str(c.example)", "UP L7OK 200: Layer7 check passed, code: 200"),
        (&good, web, "ssl verify none alpn h2", "UP L7OK 200: Layer7 check passed, code: 200"),
        (
            &picky,
            web,
            "ssl verify none alpn h2",
            "DOWN L6RSP : Layer6 invalid response, info: \"SSL handshake failure\"",
        ),
        (&good, by_rule, "verify none", "UP L7OK 0: Layer7 check passed, code: 0, info: \"(tcp-check)\""),
        (
            &good,
            by_rule,
            "verify required ca-file {dir}/ca.pem",
            "UP L7OK 0: Layer7 check passed, code: 0, info: \"(tcp-check)\"",
        ),
        (
            &good,
            by_rule,
            "verify required ca-file {dir}/other.pem",
            "DOWN L6RSP : Layer6 invalid response, info: \"SSL handshake failure at step 1 of tcp-check (connect)\"",
        ),
        (&naming, named, "verify none", "UP L6OK : Layer6 check passed, info: \"(tcp-check)\""),
        (
            &naming,
            misnamed,
            "verify none",
            "DOWN L6RSP : Layer6 invalid response, info: \"SSL handshake failure at step 1 of tcp-check (connect)\"",
        ),
        (&picky, agreed, "verify none", "UP L6OK : Layer6 check passed, info: \"(tcp-check)\""),
        (
            &picky,
            disagreed,
            "verify none",
            "DOWN L6RSP : Layer6 invalid response, info: \"SSL handshake failure at step 1 of tcp-check (connect)\"",
        ),
        (
            &naming,
            as_server,
            "ssl verify none check-sni b.example",
            "UP L6OK : Layer6 check passed, info: \"(tcp-check)\"",
        ),
        (
            &naming,
            as_server,
            "ssl verify none check-sni c.example",
            "DOWN L6RSP : Layer6 invalid response, info: \"SSL handshake failure at step 1 of tcp-check (connect)\"",
        ),
        (
            &naming,
            not_as_server,
            "ssl verify none check-sni c.example",
            "UP L4OK : Layer4 check passed, info: \"(tcp-check)\"",
        ),
        (&naming, over_http, "verify none", "UP L7OK 200: Layer7 check passed, code: 200"),
        (&good, two, "verify none", "UP L6OK : Layer6 check passed, info: \"(tcp-check)\""),
        (&good, hello, "", "UP L6OK : Layer6 check passed"),
    ];
    both(|engine| {
        let rows: Vec<Row<'_>> = cases
            .iter()
            .map(|&(real, lines, server, expected)| Row { port: real.port, lines, server, expected })
            .collect();
        judge(engine, launch(engine, &files)?, &rows)
    });
}
