//! What requests tell servers of their way, and which server they are for, beside the oracle.

use crate::check_eq;
use crate::support::{HEAD, both, canonical, launch, same};
use anyhow::Result;
use lb_testkit::client::Client;
use lb_testkit::{Engine, Origin, Program};

const RULES: &str = "\
frontend fe
    bind 127.0.0.1:{port:fe}
    use_backend %[path,field(2,/)]
frontend original
    bind 127.0.0.1:{port:original}
    option originalto
    option http-restrict-req-hdr-names delete
    http-request set-header x-saw %[req.fhdr(a_b)]
    use_backend %[path,field(2,/)]
backend plain
    server s1 {o1}
backend to
    option originalto header X-Foo except 127.0.0.0/8
    option forwardfor if-none header X-Client
    server s1 {o1}
backend for
    option originalto header X-Foo except 10.0.0.0/8
    option forwardfor except 10.0.0.0/8
    server s1 {o1}
backend named
    http-send-name-header X-Server
    server s1 {o1}
backend host
    http-send-name-header Host
    option forwardfor
    server s2 {o1}
backend pretend
    option http-server-close
    option http-pretend-keepalive
    server s1 {o1}
backend close
    option httpclose
    option forwardfor
    server s1 {o1}
backend delete
    option http-restrict-req-hdr-names delete
    server s1 {o1}
backend reject
    option http-restrict-req-hdr-names reject
    http-request set-header x-reached 1
    server s1 {o1}
backend preserve
    option http-restrict-req-hdr-names preserve
    server s1 {o1}
";

#[test]
fn requests_tell_their_way_as_on_the_oracle() {
    same(|engine| {
        let origin = Origin::http("o1")?;
        let program = launch(engine, &[("o1", &origin)])?.start(&format!("{HEAD}{RULES}"))?;
        let mut seen = Vec::new();
        for frontend in ["fe", "original"] {
            for path in ["plain", "to", "for", "named", "host", "pretend", "close", "delete", "reject", "preserve"] {
                for fields in ["", "X-Client: t\r\nX-Forwarded-For: 9.9.9.9\r\nX-Server: mine\r\na_b: 1\r\nx.y: 2\r\n"]
                {
                    let mut client = Client::connect(program.address(frontend))?;
                    client.send(format!("GET /{path} HTTP/1.1\r\nHost: t\r\n{fields}\r\n"))?;
                    let status = client.response()?.status;
                    let request = origin.requests().pop().filter(|_| status == 200);
                    let mut head = request.map(|request| canonical(&request.head));
                    head.iter_mut()
                        .flatten()
                        .for_each(|line| *line = line.replace(&origin.address().to_string(), "o1"));
                    seen.push((frontend, path, fields, status, head));
                }
            }
        }
        Ok(seen)
    });
}

/// `option forwarded` is not in 2.6: what is sent is what 3.5's manual shows.
#[test]
fn the_forwarded_field_says_what_is_asked() {
    let engine = Engine::subject().unwrap();
    if engine.is_haproxy {
        return;
    }
    let case = |options: &str, expected: &str| -> Result<()> {
        let origin = Origin::http("o1")?;
        let body = format!(
            "frontend fe\n    bind 127.0.0.1:{{port:fe}}\n    default_backend app\n\
             backend app\n    option forwarded {options}\n    server s1 {{o1}}\n"
        );
        let program = launch(&engine, &[("o1", &origin)])?.start(&format!("{HEAD}{body}"))?;
        let mut client = Client::connect(program.address("fe"))?;
        client.send("GET / HTTP/1.1\r\nHost: haproxy.org\r\nX-V6: 2001:db8::1\r\n\r\n")?;
        check_eq!(client.response()?.status, 200);
        let request = origin.requests().remove(0);
        let expected = expected.replace("{port}", &program.address("fe").port().to_string());
        check_eq!(request.head.get("forwarded"), Some(expected.as_str()), "{options}");
        Ok(())
    };
    for (options, expected) in [
        ("", "proto=http;for=127.0.0.1"),
        ("host", "host=\"haproxy.org\""),
        ("by by_port", "by=\"127.0.0.1:{port}\""),
        (
            "host-expr str(host.com) by-expr str(_haproxy) for-expr src for_port-expr int(10)",
            "host=\"host.com\";by=_haproxy;for=\"127.0.0.1:10\"",
        ),
        ("for-expr req.hdr(x-v6)", "for=\"[2001:db8::1]\""),
        ("proto for-expr req.hdr(none) for_port-expr str(_p)", "proto=http;for=\"unknown:_p\""),
        ("for-expr str(what)", "for=unknown"),
    ] {
        case(options, expected).unwrap();
    }
}

const SERVERS: &str = "\
frontend fe
    bind 127.0.0.1:{port:fe}
    log-format \"%HP %b/%s %tsc %ST\"
    use_backend persist if { path_beg /persist }
    default_backend app
backend app
    cookie S insert
    use-server s1 if { path /one }
    use-server s%[path,field(3,/)] if { path_beg /is/ }
    use-server s3 if { path /down }
    use-server s2 if { path /down }
    server s1 {o1} cookie a
    server s2 {o2} cookie b
    server s3 {o2} disabled cookie c
    server s4 {o2} weight 0
backend persist
    option persist
    retries 0
    timeout connect 300ms
    use-server s3 if { path /persist/down }
    server s1 {o1}
    server s3 127.0.0.1:{gone} disabled
";

#[test]
fn rules_choose_servers_as_on_the_oracle() {
    same(|engine| {
        let (first, second) = (Origin::http("o1")?, Origin::http("o2")?);
        let log = lb_testkit::SyslogSink::udp()?;
        let head = HEAD
            .replace("    maxconn 500", "    maxconn 500\n    log {log} local0")
            .replace("mode http", "mode http\n    log global\n    balance roundrobin");
        let program = launch(engine, &[("o1", &first), ("o2", &second)])?
            .set("log", log.address())
            .set("gone", lb_testkit::free_port())
            .start(&format!("{head}{SERVERS}"))?;
        let paths = ["/one", "/is/2", "/is/4", "/is/9", "/down", "/", "/persist/down", "/persist"];
        let mut heads = Vec::new();
        for path in paths {
            for cookie in ["", "Cookie: S=b\r\n", "Cookie: S=zz\r\n"] {
                let mut client = Client::connect(program.address("fe"))?;
                client.send(format!("GET {path} HTTP/1.1\r\nHost: t\r\n{cookie}\r\n"))?;
                let response = client.response()?;
                let cookies: Vec<String> = response.head.all("set-cookie").into_iter().map(ToOwned::to_owned).collect();
                // Where no rule decides, the balancer does.
                let free = path == "/is/9" && cookie != "Cookie: S=b\r\n";
                heads.push((path, cookie, response.status, if free { Vec::new() } else { cookies }));
            }
        }
        let lines = lb_testkit::until("the log", || {
            let lines: Vec<String> =
                log.lines().iter().filter_map(|line| Some(line.split_once("]: ")?.1.to_owned())).collect();
            (lines.len() >= 3 * paths.len()).then_some(lines)
        })?;
        let hide =
            |line: String| if line.starts_with("/is/9") || line.starts_with("/ ") { String::new() } else { line };
        Ok((heads, lines.into_iter().map(hide).collect::<Vec<_>>()))
    });
}

/// A client's next request goes to the server of its last one.
#[test]
fn the_last_server_is_preferred() {
    both(|engine| {
        let (first, second) = (Origin::http("o1")?, Origin::http("o2")?);
        let body = "frontend fe\n    bind 127.0.0.1:{port:fe}\n    default_backend app\n\
                    backend app\n    balance roundrobin\n    option prefer-last-server\n    max-keep-alive-queue 5\n    \
                    server s1 {o1}\n    server s2 {o2}\n";
        let program: Program = launch(engine, &[("o1", &first), ("o2", &second)])?.start(&format!("{HEAD}{body}"))?;
        for _ in 0..2 {
            let mut client = Client::connect(program.address("fe"))?;
            for _ in 0..4 {
                check_eq!(client.get("/")?.status, 200);
            }
        }
        check_eq!((first.requests().len(), second.requests().len()), (4, 4));
        Ok(())
    });
}
