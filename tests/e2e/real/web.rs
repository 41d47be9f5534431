//! nginx.

use super::{Real, find, judge, row};
use crate::support::both;
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
