//! nginx.

use super::{Real, Row, find, judge, row};
use crate::support::both;
use crate::tls::certs::Authority;
use anyhow::Result;
use lb_testkit::{Launch, free_port};
use std::path::Path;
use std::process::{Command, Stdio};

fn nginx(program: &Path) -> Result<Real> {
    let (dir, port) = (tempfile::tempdir()?, free_port());
    let place = dir.path().display();
    let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary: String = kinds.iter().map(|kind| format!("{kind}_temp_path {place}/{kind};\n")).collect();
    let settings = format!(
        "daemon off; master_process off; worker_processes 1; pid {place}/pid; error_log {place}/log;\n\
         events {{ worker_connections 64; }}\nhttp {{ access_log off; {temporary} server {{ listen 127.0.0.1:{port};\n\
         location /health {{ return 204; }} location /text {{ return 200 \"all is well\"; }}\n\
         location /busy {{ return 503; }} location /moved {{ return 302 /text; }} location /gone {{ return 404; }}\n\
         location /cut {{ return 444; }} location /named {{ if ($host = a.example) {{ return 200; }} return 421; }} }} }}\n"
    );
    std::fs::write(dir.path().join("nginx.conf"), settings)?;
    let mut command = Command::new(program);
    command.arg("-c").arg(dir.path().join("nginx.conf")).arg("-e").arg(dir.path().join("log"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Real::start(command, port, dir)
}

#[test]
fn a_web_server_is_checked() {
    let Some(program) = find("nginx") else { return };
    let server = nginx(&program).unwrap();
    let port = server.port;
    both(|engine| {
        let rows = [
            row(port, &["option httpchk GET /health"], "UP L7OK 204: Layer7 check passed, code: 204"),
            row(port, &["option httpchk HEAD /text"], "UP L7OK 200: Layer7 check passed, code: 200"),
            row(port, &["option httpchk GET /moved"], "UP L7OK 302: Layer7 check passed, code: 302"),
            row(
                port,
                &["option httpchk GET /busy"],
                "DOWN L7STS 503: Layer7 wrong status, code: 503, info: \"Service Temporarily Unavailable\"",
            ),
            row(
                port,
                &["option httpchk GET /gone"],
                "DOWN L7STS 404: Layer7 wrong status, code: 404, info: \"Not Found\"",
            ),
            row(port, &["option httpchk GET /cut"], "DOWN L7RSP : Layer7 invalid response"),
            row(
                port,
                &["option httpchk GET /gone", "http-check disable-on-404"],
                "NOLB L7OKC 404: conditionally Layer7 check conditionally passed, code: 404",
            ),
            row(
                port,
                &["option httpchk GET /health", "http-check expect status 200"],
                "DOWN L7STS 204: Layer7 wrong status, code: 204, info: \"No Content\"",
            ),
            row(
                port,
                &["option httpchk GET /health", "http-check expect status 200-204"],
                "UP L7OK 204: Layer7 check passed, code: 204",
            ),
            row(
                port,
                &["option httpchk GET /text", "http-check expect string well"],
                "UP L7OK 200: Layer7 check passed, code: 200",
            ),
            row(
                port,
                &["option httpchk GET /text", "http-check expect string ill"],
                "DOWN L7RSP : Layer7 invalid response, info: \"HTTP content check did not match\"",
            ),
            row(
                port,
                &["option httpchk GET /text", "http-check expect ! string ill"],
                "UP L7OK 200: Layer7 check passed, code: 200",
            ),
            row(
                port,
                &["option httpchk GET /text", "http-check expect hdr name server value -m beg nginx"],
                "UP L7OK 200: Layer7 check passed, code: 200",
            ),
            row(
                port,
                &["option httpchk", "http-check send meth GET uri /named ver HTTP/1.1 hdr Host a.example"],
                "UP L7OK 200: Layer7 check passed, code: 200",
            ),
            row(
                port,
                &["option httpchk", "http-check send meth GET uri /named ver HTTP/1.1 hdr Host b.example"],
                "DOWN L7STS 421: Layer7 wrong status, code: 421, info: \"Misdirected Request\"",
            ),
            row(
                port,
                &["timeout check 2s", "option redis-check"],
                "DOWN L7STS 0: Layer7 wrong status, code: 0, info: \"HTTP/1.1 400 Bad Request\"",
            ),
            row(port, &["timeout check 400ms", "option smtpchk"], "DOWN L7TOUT : Layer7 timeout"),
            row(port, &["option ssl-hello-chk"], "DOWN L6RSP : Layer6 invalid response"),
        ];
        judge(engine, Launch::new(engine)?, &rows)
    });
}

/// A web server that speaks HTTP/2, also without TLS, at its port, and over TLS at another.
fn nginx_of_http2(program: &Path) -> Result<(Real, u16)> {
    let (dir, port, secured) = (tempfile::tempdir()?, free_port(), free_port());
    let place = dir.path().display();
    std::fs::write(dir.path().join("web.pem"), Authority::new("ca").issue("a.example").bundle())?;
    let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary: String = kinds.iter().map(|kind| format!("{kind}_temp_path {place}/{kind};\n")).collect();
    let settings = format!(
        "daemon off; master_process off; worker_processes 1; pid {place}/pid; error_log {place}/log;\n\
         events {{ worker_connections 64; }}\nhttp {{ access_log off; {temporary} server {{ listen 127.0.0.1:{port} http2;\n\
         listen 127.0.0.1:{secured} ssl http2; ssl_certificate {place}/web.pem; ssl_certificate_key {place}/web.pem;\n\
         location /health {{ return 204; }} location /text {{ return 200 \"all is well\"; }}\n\
         location /busy {{ return 503; }} location /gone {{ return 404; }} location /cut {{ return 444; }}\n\
         location /named {{ if ($host = a.example) {{ return 200; }} return 421; }}\n\
         location /posted {{ if ($request_method = POST) {{ return 200 $http_x_a; }} return 405; }}\n\
         location /version {{ return 200 $server_protocol; }} }} }}\n"
    );
    std::fs::write(dir.path().join("nginx.conf"), settings)?;
    let mut command = Command::new(program);
    command.arg("-c").arg(dir.path().join("nginx.conf")).arg("-e").arg(dir.path().join("log"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Ok((Real::start(command, port, dir)?, secured))
}

const GOOD: &str = "UP L7OK 200: Layer7 check passed, code: 200";
const OPTION: &str = "option httpchk";
const H2: &str = "http-check connect proto h2";
const TWO: &str = "http-check expect string HTTP/2.0";
const HEALTH: &str = "http-check send meth GET uri /health hdr Host a.example";
const BUSY: &str = "http-check send meth GET uri /busy hdr Host a.example";
const GONE: &str = "http-check send meth GET uri /gone hdr Host a.example";
const CUT: &str = "http-check send meth GET uri /cut hdr Host a.example";
const NAMED: &str = "http-check send meth GET uri /named hdr Host a.example";
const TEXT: &str = "http-check send meth GET uri /text hdr Host a.example";
const VERSION: &str = "http-check send meth GET uri /version hdr Host a.example";

#[test]
fn a_web_server_is_checked_over_http2() {
    let Some(program) = find("nginx") else { return };
    let (server, secured) = nginx_of_http2(&program).unwrap();
    let port = server.port;
    both(|engine| {
        let at = |port, lines, server, expected| Row { port, lines, server, expected };
        let rows = [
            row(port, &[OPTION, H2, HEALTH], "UP L7OK 204: Layer7 check passed, code: 204"),
            row(port, &[OPTION, H2, BUSY], "DOWN L7STS 503: Layer7 wrong status, code: 503"),
            row(port, &[OPTION, H2, GONE], "DOWN L7STS 404: Layer7 wrong status, code: 404"),
            row(
                port,
                &[OPTION, H2, GONE, "http-check disable-on-404"],
                "NOLB L7OKC 404: conditionally Layer7 check conditionally passed, code: 404",
            ),
            row(
                port,
                &[OPTION, H2, HEALTH, "http-check expect status 200"],
                "DOWN L7STS 204: Layer7 wrong status, code: 204",
            ),
            row(port, &[OPTION, H2, TEXT, "http-check expect string well"], GOOD),
            row(
                port,
                &[OPTION, H2, TEXT, "http-check expect string ill"],
                "DOWN L7RSP : Layer7 invalid response, info: \"HTTP content check did not match\"",
            ),
            row(port, &[OPTION, H2, TEXT, "http-check expect hdr name server value -m beg nginx"], GOOD),
            row(port, &[OPTION, H2, NAMED], GOOD),
            row(
                port,
                &[
                    OPTION,
                    H2,
                    "http-check send meth POST uri /posted hdr Host a.example hdr X-A yes body abc",
                    "http-check expect string yes",
                ],
                GOOD,
            ),
            row(
                port,
                &[OPTION, H2, "http-check send meth GET uri /text"],
                "DOWN L7STS 400: Layer7 wrong status, code: 400",
            ),
            row(port, &[OPTION, H2, CUT], "DOWN SOCKERR : Socket error"),
            at(port, &[OPTION, VERSION, TWO], "check-proto h2", GOOD),
            row(port, &[OPTION, VERSION], "DOWN L7RSP : Layer7 invalid response"),
            at(secured, &[OPTION, VERSION, TWO], "check-ssl verify none check-alpn h2,http/1.1", GOOD),
            at(secured, &[OPTION, "http-check connect ssl alpn h2", VERSION, TWO], "ssl verify none", GOOD),
            at(secured, &[OPTION, VERSION, "http-check expect string HTTP/1.0"], "check-ssl verify none", GOOD),
            at(
                secured,
                &[OPTION, "http-check connect ssl proto h2", VERSION],
                "ssl verify none",
                "DOWN SOCKERR : Socket error",
            ),
        ];
        judge(engine, Launch::new(engine)?, &rows)
    });
}
