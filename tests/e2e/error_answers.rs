//! Answers in place of the default pages, from files, sections and formats: byte for byte those of the oracle.

use crate::support::{HEAD, launch, same};
use lb_testkit::client::Client;
use lb_testkit::{Origin, free_port};

/// Files: name and bytes.
const FILES: &[(&str, &str)] = &[
    (
        "400.http",
        "HTTP/1.0 400 Mine\r\nCache-Control: no-cache\r\nConnection: close\r\nContent-Type: text/html\r\n\r\n<p>bad\n",
    ),
    ("403.http", "HTTP/1.1 403 Mine\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno\n"),
    ("404.http", "HTTP/1.1 404 Lost\nX-A: b\n\nlost"),
    ("503.http", "HTTP/1.1 503 Away\r\nContent-Length: 5\r\nX-A: b\r\n\r\naway\n"),
    ("hop.http", "HTTP/1.1 500 Mine\r\nKeep-Alive: x\r\nProxy-Connection: close\r\n\r\nabc"),
    ("empty.http", ""),
    ("format.txt", "path %[path] from %[src]\n"),
];

const RULES: &str = "\
http-errors site1
    errorfile 400 {dir}/400.http
    errorfile 404 {dir}/404.http
    errorfile 503 {dir}/503.http
http-errors site2
    errorfile 404 {dir}/503.http
    errorfile 410 {dir}/400.http
defaults answers
    mode http
    timeout connect 300ms
    timeout client 20s
    timeout server 20s
    retries 0
    errorfile 405 {dir}/empty.http
    errorloc 429 http://x/y
    errorloc303 407 http://x/z
    http-error status 422 content-type text/plain string unprocessable
    http-error status 404 content-type text/plain string default
frontend fe from answers
    bind 127.0.0.1:{port:fe}
    errorfiles site1
    errorfiles site2 410
    http-error status 403 content-type text/plain string denied hdr x-h \"%[src]\" hdr x-k v
    http-error status 500 content-type text/plain lf-string \"path %[path] %[src]\"
    http-error status 413 errorfile {dir}/403.http
    http-error status 401
    http-error status 502 errorfiles site2
    http-after-response set-header x-after 1 if { status 404 }
    http-request set-var(txn.path) path
    http-request deny deny_status 400 if { path /400 }
    http-request deny if { path /403 }
    http-request deny deny_status 404 if { path /404 }
    http-request deny deny_status 405 if { path /405 }
    http-request deny deny_status 407 if { path /407 }
    http-request deny deny_status 410 if { path /410 }
    http-request deny deny_status 413 if { path /413 }
    http-request deny deny_status 422 if { path /422 }
    http-request deny deny_status 429 if { path /429 }
    http-request deny deny_status 500 if { path /500 }
    http-request auth if { path /401 }
    http-request return status 404 errorfiles site2 if { path /return/section }
    http-request return status 403 errorfiles site2 if { path /return/section/none }
    http-request deny deny_status 503 errorfiles site1 if { path /deny/section }
    http-request return status 404 default-errorfiles if { path /return/default }
    http-request return status 200 errorfile {dir}/hop.http if { path /return/file }
    http-request return status 200 errorfile {dir}/empty.http if { path /return/empty }
    http-request return status 200 content-type text/plain lf-file {dir}/format.txt if { path /return/format }
    http-request return status 200 content-type text/plain file {dir}/format.txt if { path /return/plain }
    http-request return status 200 content-type text/plain lf-string \"%[req.hdr(none)]\" if { path /return/nothing }
    http-request return status 304 hdr a b if { path /return/304 }
    http-request return status 204 hdr a b if { path /return/204 }
    http-request redirect location /new set-cookie A=1 if { path /cookie }
    http-request redirect location /new set-cookie \"A=1; secure\" code 301 if { path /cookie/301 }
    http-request redirect location /new clear-cookie A= if { path /cookie/clear }
    http-request redirect prefix /new drop-query append-slash set-cookie SEEN=1 if { path /cookie/prefix }
    use_backend own if { path_beg /own }
    default_backend dead
backend dead from answers
    server s1 127.0.0.1:{gone}
backend own from answers
    errorfile 413 {dir}/empty.http
    http-error status 404 default-errorfiles
    http-error status 503 content-type text/plain lf-string \"%[var(txn.path)] is away\"
    http-request deny deny_status 413 if { path /own/413 }
    http-request deny deny_status 404 if { path /own/404 }
    http-request deny deny_status 429 if { path /own/429 }
    server s1 127.0.0.1:{gone}
";

const PATHS: &[&str] = &[
    "/400",
    "/401",
    "/403",
    "/404",
    "/405",
    "/407",
    "/410",
    "/413",
    "/422",
    "/429",
    "/500",
    "/return/section",
    "/return/section/none",
    "/deny/section",
    "/return/default",
    "/return/file",
    "/return/empty",
    "/return/format",
    "/return/plain",
    "/return/nothing",
    "/return/304",
    "/return/204",
    "/cookie",
    "/cookie/301",
    "/cookie/clear",
    "/cookie/prefix?a=b",
    "/own/413",
    "/own/404",
    "/own/429",
    "/own/away",
    "/away",
];

#[test]
fn answers_are_the_oracles_to_the_byte() {
    same(|engine| {
        let origin = Origin::http("o1")?;
        let mut launch = launch(engine, &[("o1", &origin)])?.set("gone", free_port());
        for (name, bytes) in FILES {
            launch = launch.file(name, bytes)?;
        }
        let program = launch.start(&format!("{HEAD}{RULES}"))?;
        let mut seen = Vec::new();
        for path in PATHS {
            for request in [
                format!("GET {path} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"),
                format!("GET {path} HTTP/1.0\r\n\r\n"),
                // Kept where the answer tells its end.
                format!(
                    "GET {path} HTTP/1.1\r\nHost: t\r\n\r\nGET /403 HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"
                ),
            ] {
                let mut client = Client::connect(program.address("fe"))?;
                client.send(&request)?;
                seen.push((request, String::from_utf8(client.read_to_end()?)?));
            }
        }
        Ok(seen)
    });
}
