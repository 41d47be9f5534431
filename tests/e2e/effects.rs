//! Actions that change the session rather than the message, or hold rules up, beside the oracle.

use crate::check_eq;
use crate::support::{HEAD, both, canonical, launch, same};
use anyhow::Result;
use lb_testkit::client::Client;
use lb_testkit::{Engine, Mode, Origin, SyslogSink, until};
use std::time::{Duration, Instant};

const RULES: &str = "\
frontend fe
    bind 127.0.0.1:{port:fe}
    log-format \"%HP %ci:%cp %[src] %[dst_port] %ST %tsc %[cur_server_timeout] %[cur_tunnel_timeout]\"
    http-request set-src hdr_ip(x-ip) if { path_beg /src }
    http-request set-src-port int(77) if { path_beg /src/port }
    http-request set-src str(not.an.address) if { path /src/none }
    http-request set-dst ipv4(10.9.8.7) if { path_beg /dst }
    http-request set-dst-port hdr(x-port) if { path_beg /dst/port }
    http-request set-tos 16 if { path /tos }
    http-request set-mark 0 if { path /tos }
    http-request set-header x-seen %[src]:%[src_port]-%[dst]:%[dst_port]
    http-request del-header x-drop- -m beg
    http-request del-header -end -m end
    http-request del-header middle -m sub
    http-request del-header ^x-r[0-9]+$ -m reg
    http-request del-header x-str -m str
    http-response del-header x- -m beg if { status 404 }
    http-request wait-for-handshake
    default_backend app
frontend early
    bind 127.0.0.1:{port:early}
    tcp-request connection set-src ipv4(192.0.2.1)
    tcp-request connection set-src-port int(1234)
    tcp-request session set-dst ipv4(192.0.2.2)
    tcp-request session set-dst-port int(4321)
    tcp-request inspect-delay 5s
    tcp-request content capture req.hdr(host) len 3
    log-format \"%ci:%cp %[dst]:%[dst_port] %hr %[capture.req.hdr(0)]\"
    http-request set-header x-seen %[src]:%[src_port]-%[dst]:%[dst_port]
    default_backend app
backend app
    timeout tunnel 7s
    option forwardfor
    http-request set-timeout server 5s if { path_beg /timeout }
    http-request set-timeout tunnel req.hdr(x-ms) if { path_beg /timeout/expr }
    server s1 {o1}
";

#[test]
fn sessions_are_changed_as_on_the_oracle() {
    same(|engine| {
        let log = SyslogSink::udp()?;
        let origin = Origin::http("o1")?;
        let head = HEAD
            .replace("    maxconn 500", "    maxconn 500\n    log {log} local0")
            .replace("mode http", "mode http\n    log global");
        let program = launch(engine, &[("o1", &origin)])?.set("log", log.address()).start(&format!("{head}{RULES}"))?;
        let mut seen = Vec::new();
        let paths = [
            "/src",
            "/",
            "/src/port",
            "/src/none",
            "/dst",
            "/dst/port",
            "/timeout",
            "/timeout/expr",
            "/tos",
            "/status/404",
        ];
        // All on one connection: what one request changes does not last.
        let mut client = Client::connect(program.address("fe"))?;
        let own = client.local_addr()?.port().to_string();
        let hide = |text: &str| {
            let fe = program.address("fe").port().to_string();
            text.replace(&own, "OWN").replace(&fe, "FE").replace(&origin.address().to_string(), "o1")
        };
        for path in paths {
            let fields = "X-IP: 10.1.2.3\r\nX-Port: 99\r\nX-Ms: 1500\r\nX-Drop-A: 1\r\nA-End: 1\r\na-Middle-b: 1\r\n\
                          X-R12: 1\r\nX-R1a: 1\r\nX-Str: 1";
            client.send(format!("GET {path} HTTP/1.1\r\nHost: t\r\n{fields}\r\n\r\n"))?;
            let answer = canonical(&client.response()?.head);
            let request = origin.requests().pop().map(|request| canonical(&request.head)).unwrap_or_default();
            seen.push((
                path,
                answer.iter().map(|l| hide(l)).collect::<Vec<_>>(),
                request.iter().map(|l| hide(l)).collect::<Vec<_>>(),
            ));
        }
        let mut client = Client::connect(program.address("early"))?;
        check_eq!(client.get("/")?.status, 200);
        let request: Vec<String> = origin.requests().pop().map(|r| canonical(&r.head)).unwrap_or_default();
        seen.push(("early", Vec::new(), request.iter().map(|l| hide(l)).collect::<Vec<_>>()));
        let lines = until("the log", || {
            let lines: Vec<String> =
                log.lines().iter().filter_map(|line| Some(hide(line.split_once("]: ")?.1))).collect();
            (lines.len() > paths.len()).then_some(lines)
        })?;
        Ok((seen, lines))
    });
}

const TARGETS: &[(&str, &[&str])] = &[
    ("path-merge-slashes", &["/ms//a///b?x=//y", "/a//", "//"]),
    ("path-strip-dot", &["/./a/./b/.", "/a/.b/c."]),
    ("path-strip-dotdot full", &["/../../x", "/a/..", "//../a", "/a/b/../../../c?q=/../"]),
    ("percent-decode-unreserved strict", &["/%41%zz", "/%41%5f%2f"]),
    ("percent-to-uppercase strict", &["/%zz", "/%2f%ab?x=%3c"]),
    ("query-sort-by-name", &["/?b=1&a=2&c&a=1&=x", "/?", "/x"]),
];

#[test]
fn targets_are_made_one_as_on_the_oracle() {
    same(|engine| {
        let origin = Origin::http("o1")?;
        let mut text = HEAD.replace("    nbthread 1", "    nbthread 1\n    expose-experimental-directives");
        for (number, (how, _)) in TARGETS.iter().enumerate() {
            text.push_str(&format!(
                "frontend fe{number}\n    bind 127.0.0.1:{{port:fe{number}}}\n    http-request normalize-uri {how}\n    \
                 default_backend app\n"
            ));
        }
        text.push_str("backend app\n    server s1 {o1}\n");
        let program = launch(engine, &[("o1", &origin)])?.start(&text)?;
        let mut seen = Vec::new();
        for (number, (how, targets)) in TARGETS.iter().enumerate() {
            for target in *targets {
                let mut client = Client::connect(program.address(&format!("fe{number}")))?;
                client.send(format!("GET {target} HTTP/1.1\r\nHost: t\r\n\r\n"))?;
                let status = client.response()?.status;
                let start = origin.requests().pop().map(|request| request.head.start.clone()).filter(|_| status == 200);
                seen.push((how, target, status, start));
            }
        }
        Ok(seen)
    });
}

const BODIES: &str = "\
frontend fe
    bind 127.0.0.1:{port:fe}
    timeout http-request 700ms
    http-request wait-for-body time 5s if { path_beg /wait }
    http-request wait-for-body time 5s at-least 3 if { path /least }
    http-request wait-for-body time 50ms if { path /never }
    http-request deny deny_status 403 if { req.body -m sub evil }
    http-request set-header x-body %[req.body]
    http-request set-header x-len %[req.body_len]/%[req.body_size]
    http-request set-header x-user %[req.body_param(user)]
    default_backend app
listen buffered
    bind 127.0.0.1:{port:buffered}
    option http-buffer-request
    timeout http-request 700ms
    http-request deny deny_status 403 if { req.body -m sub evil }
    http-request set-header x-body %[req.body]
    server s1 {o1}
backend app
    server s1 {o1}
";

#[test]
fn bodies_are_awaited_as_on_the_oracle() {
    same(|engine| {
        let origin = Origin::http("o1")?;
        let program = launch(engine, &[("o1", &origin)])?.start(&format!("{HEAD}{BODIES}"))?;
        let mut seen = Vec::new();
        let cases: &[(&str, &str, &[&str])] = &[
            ("fe", "POST /wait HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\n", &["user=", "a&b=2"]),
            ("fe", "POST /wait HTTP/1.1\r\nHost: t\r\nContent-Length: 8\r\n\r\n", &["ev", "il too"]),
            (
                "fe",
                "POST /wait HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n",
                &["3\r\nuse\r\n", "3\r\nr=x\r\n0\r\n\r\n"],
            ),
            ("fe", "POST /least HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\n", &["a", "bc"]),
            ("fe", "POST /never HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\n", &["a"]),
            ("fe", "GET /wait HTTP/1.1\r\nHost: t\r\n\r\n", &[]),
            ("buffered", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n\r\n", &["ab", "cd"]),
            ("buffered", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n\r\n", &["evil"]),
            ("buffered", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n\r\n", &["ab"]),
        ];
        for (frontend, head, pieces) in cases {
            let mut client = Client::connect(program.address(frontend))?;
            client.send(head)?;
            for piece in *pieces {
                std::thread::sleep(Duration::from_millis(20));
                client.offer(piece);
            }
            let status = client.response()?.status;
            let request = origin.requests().pop().filter(|_| status == 200);
            let request = request.map(|r| {
                let fields = ["x-body", "x-len", "x-user"].map(|name| r.head.get(name).map(ToOwned::to_owned));
                (fields, String::from_utf8_lossy(&r.body).into_owned())
            });
            seen.push((frontend.to_string(), head.to_string(), status, request));
        }
        // Who says that he waits for a word is given one.
        let mut client = Client::connect(program.address("buffered"))?;
        client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")?;
        check_eq!(client.head()?.start.contains(" 100 "), true);
        Ok((seen, client.send("ab")?.response()?.status))
    });
}

/// Those of a lower class leave the queue first, others in the order of their times.
#[test]
fn queues_are_left_by_priority() {
    both(|engine| {
        let origin = Origin::with(Mode::Http)?;
        let rules = "frontend fe\n    bind 127.0.0.1:{port:fe}\n    \
                     http-request set-priority-class req.hdr(x-class)\n    \
                     http-request set-priority-offset req.hdr(x-offset) if { req.hdr(x-offset) -m found }\n    \
                     default_backend app\nbackend app\n    timeout queue 15s\n    server s1 {o1} maxconn 1\n";
        let program = launch(engine, &[("o1", &origin)])?.start(&format!("{HEAD}{rules}"))?;
        let address = program.address("fe");
        let mut first = Client::connect(address)?;
        // It holds the only slot until its body is there.
        first.send("POST /first HTTP/1.1\r\nHost: t\r\nX-Class: 0\r\nContent-Length: 2\r\n\r\n")?;
        until("the first at the origin", || (origin.connections() == 1).then_some(()))?;
        let mut waiting = Vec::new();
        for (number, class, offset) in [(1, 5, 0), (2, 0, 0), (3, -5, 0), (4, 0, -60_000), (5, -5, 60_000)] {
            let mut client = Client::connect(address)?;
            client
                .send(format!("GET /{number} HTTP/1.1\r\nHost: t\r\nX-Class: {class}\r\nX-Offset: {offset}\r\n\r\n"))?;
            until("its place in the queue", || {
                let queued = program.admin().stat("app", "BACKEND", "qcur").ok()?;
                (queued == number.to_string()).then_some(())
            })?;
            waiting.push(client);
        }
        check_eq!(first.send("ab")?.response()?.status, 200);
        for client in &mut waiting {
            check_eq!(client.response()?.status, 200);
        }
        let order: Vec<String> = origin.requests().iter().skip(1).map(|request| request.head.start.clone()).collect();
        let expected = ["3", "5", "4", "2", "1"].map(|n| format!("GET /{n} HTTP/1.1"));
        check_eq!(order, expected);
        Ok(())
    });
}

/// Hints go before the answer; pauses last as long as is said.
#[test]
fn hints_go_ahead_and_rules_pause() -> Result<()> {
    let rules = "frontend fe\n    bind 127.0.0.1:{port:fe}\n    http-request early-hint Link \"<%[path]>\" if { path /hint }\n    \
                 http-request early-hint Link \"</b>\" if { path /hint }\n    {pause}\n    default_backend app\n\
                 backend app\n    server s1 {o1}\n";
    same(|engine| {
        let origin = Origin::http("o1")?;
        let program = launch(engine, &[("o1", &origin)])?.start(&format!("{HEAD}{}", rules.replace("{pause}", "")))?;
        let mut client = Client::connect(program.address("fe"))?;
        client.send("GET /hint HTTP/1.1\r\nHost: t\r\n\r\n")?;
        let early = [canonical(&client.head()?), canonical(&client.head()?)];
        Ok((early, client.response()?.status, client.get("/")?.status))
    });
    let engine = Engine::subject()?;
    if engine.is_haproxy {
        return Ok(());
    }
    let origin = Origin::http("o1")?;
    let rules = rules.replace("{pause}", "http-request pause req.hdr(x-ms) if { path /pause }");
    let program = launch(&engine, &[("o1", &origin)])?.start(&format!("{HEAD}{rules}"))?;
    let mut client = Client::connect(program.address("fe"))?;
    let begun = Instant::now();
    client.send("GET /pause HTTP/1.1\r\nHost: t\r\nX-Ms: 300\r\n\r\n")?;
    assert_eq!(client.response()?.status, 200);
    assert!(begun.elapsed() >= Duration::from_millis(300));
    Ok(())
}
