//! Faults of servers and clients, each on both programs: what the client gets, how the session ends in the log, and which counters
//! moved.

use crate::support::{HEAD, launch, same};
use anyhow::{Context, Result};
use lb_testkit::client::Client;
use lb_testkit::origin::{FullListener, WEBSOCKET_REQUEST};
use lb_testkit::{Engine, Mode, Origin, SyslogSink, free_port, until};
use std::net::SocketAddr;

/// What the client does, one after the other; then it closes.
enum Do {
    Send(&'static str),
    /// Another client sends this and stays.
    Other(&'static str),
    /// Waits until the origin has the request.
    Reached,
    /// Reads up to and with this.
    Through(&'static str),
    /// Closes its writing side.
    HalfClose,
    /// Reads until the end.
    End,
    Reset,
    /// Waits until the session is over.
    Logged,
}

use Do::{End, HalfClose, Logged, Other, Reached, Reset, Send, Through};

struct Row {
    what: &'static str,
    /// Lines of the proxy. `{o}`: the origin; `{dead}`: nobody listens; `{full}`: nobody answers; `{good}`: well.
    lines: &'static str,
    origin: Mode,
    acts: Vec<Do>,
}

fn get(path: &'static str) -> Vec<Do> {
    let request = match path {
        "/" => "GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n",
        "/abort" => "GET /abort HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n",
        "/reset" => "GET /reset HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n",
        "/half-head" => "GET /half-head HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n",
        "/garbage" => "GET /garbage HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n",
        "/hang" => "GET /hang HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n",
        "/cut" => "GET /cut/1000 HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n",
        "/cut-chunks" => "GET /cut-chunks HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n",
        "/status/500" => "GET /status/500 HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n",
        "/status/503" => "GET /status/503 HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n",
        _ => "GET /status/404 HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n",
    };
    vec![Send(request), End]
}

/// A server that is observed; errors change nothing but counters.
const WATCHED: &str = "check port {good} inter 10s fastinter 10s on-error fastinter error-limit 1 observe";

fn rows() -> Vec<Row> {
    let http = |what, lines, path| Row { what, lines, origin: Mode::Http, acts: get(path) };
    let bytes = |what, bytes: &str| Row { what, lines: "", origin: Mode::Script(bytes.into()), acts: get("/") };
    let tcp = |what, lines, origin, acts| Row { what, lines, origin, acts };
    let close = "GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n";
    let switched = |then: &str| {
        Mode::Script(format!(
            "await \\r\\n\\r\\n ; send HTTP/1.1 101 Switching\\r\\nUpgrade: websocket\\r\\nConnection: upgrade\\r\\n\
             Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\\r\\n\\r\\n ; await abc ; {then}"
        ))
    };
    let hang = "GET /hang HTTP/1.1\r\nHost: t\r\n\r\n";
    let retried = |first: &str| {
        Mode::Script(format!(
            "await \\r\\n\\r\\n ; {first} | await \\r\\n\\r\\n ; send HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n ; close"
        ))
    };
    vec![
        http("well", "", "/"),
        http("404", "", "/status/404"),
        http("500", "", "/status/500"),
        http("refused", "server s1 {dead} {watched} layer7", "/"),
        http("refused, at layer 4", "server s1 {dead} {watched} layer4", "/"),
        http("refused three times", "retries 2\n    server s1 {dead} {watched} layer7", "/"),
        http(
            "refused without retry-on",
            "retries 2\n    retry-on empty-response\n    server s1 {dead} {watched} layer7",
            "/",
        ),
        http("connect timeout", "server s1 {full} {watched} layer7", "/"),
        http("connect timeout twice", "retries 1\n    server s1 {full} {watched} layer7", "/"),
        http("redispatch to another", "retries 2\n    option redispatch\n    server s1 {dead}\n    server s2 {o}", "/"),
        http("redispatch to nobody", "retries 2\n    option redispatch\n    server s1 {dead} {watched} layer7", "/"),
        http(
            "redispatch at each retry",
            "retries 3\n    option redispatch 1\n    server s1 {dead}\n    server s2 {dead}",
            "/",
        ),
        http(
            "redispatch at each second",
            "retries 3\n    option redispatch 2\n    server s1 {dead}\n    server s2 {dead}",
            "/",
        ),
        http(
            "redispatch at the last",
            "retries 3\n    option redispatch -1\n    server s1 {dead}\n    server s2 {dead}",
            "/",
        ),
        http("no redispatch", "retries 3\n    no option redispatch\n    server s1 {dead}\n    server s2 {dead}", "/"),
        http("no server", "server s1 {o} disabled", "/"),
        http("closed instead of an answer", "", "/abort"),
        http("reset instead of an answer", "", "/reset"),
        http("half a head", "", "/half-head"),
        http("garbage", "", "/garbage"),
        http("answer too late", "timeout server 200ms\n    server s1 {o} {watched} layer7", "/hang"),
        http("half a body", "", "/cut"),
        http("half of the chunks", "", "/cut-chunks"),
        bytes("reset in a head", "await \\r\\n\\r\\n ; send HTTP/1.1 200 ; pause ; pause ; pause ; reset"),
        bytes(
            "reset in a body",
            "await \\r\\n\\r\\n ; send HTTP/1.1 200 OK\\r\\nContent-Length: 9\\r\\n\\r\\nabc ; pause ; pause ; pause ; reset",
        ),
        bytes(
            "reset where the close is the end",
            "await \\r\\n\\r\\n ; send HTTP/1.1 200 OK\\r\\n\\r\\nabc ; pause ; pause ; pause ; reset",
        ),
        bytes("no HTTP", "send SSH-2.0-Server\\r\\n ; hang"),
        bytes(
            "a bad chunk",
            "await \\r\\n\\r\\n ; send HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\nxyz\\r\\n ; hang",
        ),
        bytes(
            "two lengths",
            "await \\r\\n\\r\\n ; send HTTP/1.1 200 OK\\r\\nContent-Length: 1\\r\\nContent-Length: 2\\r\\n\\r\\nab ; hang",
        ),
        Row {
            what: "body stops",
            lines: "timeout server 200ms\n    server s1 {o} {watched} layer7",
            origin: Mode::Script(
                "await \\r\\n\\r\\n ; send HTTP/1.1 200 OK\\r\\nContent-Length: 9\\r\\n\\r\\nabc ; hang".into(),
            ),
            acts: get("/"),
        },
        Row {
            what: "retry after nothing",
            lines: "retries 2\n    retry-on empty-response\n    server s1 {o} {watched} layer7",
            origin: retried("close"),
            acts: get("/"),
        },
        Row {
            what: "retry after a reset",
            lines: "retries 2\n    retry-on empty-response\n    server s1 {o} {watched} layer7",
            origin: retried("reset"),
            acts: get("/"),
        },
        Row {
            what: "retry after garbage",
            lines: "retries 2\n    retry-on junk-response\n    server s1 {o} {watched} layer7",
            origin: retried("send x\\r\\n\\r\\n ; close"),
            acts: get("/"),
        },
        Row {
            what: "retry after 503",
            lines: "retries 2\n    retry-on 503\n    server s1 {o} {watched} layer7",
            origin: retried("send HTTP/1.1 503 No\\r\\nContent-Length: 0\\r\\n\\r\\n ; close"),
            acts: get("/"),
        },
        Row {
            what: "retry after 425, and no more",
            lines: "retries 1\n    retry-on 425\n    server s1 {o} {watched} layer7",
            origin: Mode::Script(
                "await \\r\\n\\r\\n ; send HTTP/1.1 425 Early\\r\\nContent-Length: 0\\r\\n\\r\\n ; close".into(),
            ),
            acts: get("/"),
        },
        Row {
            what: "retry after silence",
            lines: "retries 1\n    retry-on response-timeout\n    timeout server 200ms\n    server s1 {o} {watched} layer7",
            origin: Mode::Hang,
            acts: get("/"),
        },
        Row {
            what: "client leaves while it waits",
            lines: "option abortonclose\n    server s1 {o} {watched} layer7",
            origin: Mode::Http,
            acts: vec![Send(hang), Reached],
        },
        Row {
            what: "client resets while it waits",
            lines: "option abortonclose\n    server s1 {o} {watched} layer7",
            origin: Mode::Http,
            acts: vec![Send(hang), Reached, Reset],
        },
        Row {
            what: "client closes half of its connection while it waits",
            lines: "option abortonclose\n    server s1 {o} {watched} layer7",
            origin: Mode::Http,
            acts: vec![Send(hang), Reached, HalfClose, End],
        },
        Row {
            what: "queue too long",
            lines: "option abortonclose\n    timeout queue 100ms\n    server s1 {o} {watched} layer7 maxconn 1",
            origin: Mode::Http,
            acts: vec![Other(hang), Reached, Send(close), End],
        },
        Row {
            what: "client takes nothing",
            lines: "timeout client 300ms\n    server s1 {o} {watched} layer7",
            origin: Mode::Http,
            acts: vec![Send("GET /size/30000000 HTTP/1.1\r\nHost: t\r\n\r\n"), Through("\r\n\r\n"), Logged, Reset],
        },
        Row {
            what: "client leaves an answer",
            lines: "",
            origin: Mode::Http,
            acts: vec![Send("GET /size/30000000 HTTP/1.1\r\nHost: t\r\n\r\n"), Through("\r\n\r\n"), Reset],
        },
        tcp(
            "tunnel: server resets",
            "",
            switched("reset"),
            vec![Send(WEBSOCKET_REQUEST), Through("\r\n\r\n"), Send("abc"), End],
        ),
        tcp(
            "tunnel: client resets",
            "",
            switched("send d ; hang"),
            vec![Send(WEBSOCKET_REQUEST), Through("\r\n\r\n"), Send("abc"), Through("d"), Reset],
        ),
        tcp(
            "tunnel: silence",
            "timeout tunnel 200ms\n    server s1 {o} {watched} layer7",
            switched("send d ; hang"),
            vec![Send(WEBSOCKET_REQUEST), Through("\r\n\r\n"), Send("abc"), Through("d"), End],
        ),
        tcp("tcp: well", "", Mode::Echo, vec![Send("abc"), Through("abc"), HalfClose, End]),
        tcp("tcp: refused", "server s1 {dead} {watched} layer4", Mode::Echo, vec![End]),
        tcp("tcp: refused twice", "retries 1\n    server s1 {dead} {watched} layer4", Mode::Echo, vec![End]),
        tcp(
            "tcp: redispatch",
            "retries 1\n    option redispatch\n    server s1 {dead}\n    server s2 {o}",
            Mode::Echo,
            vec![Send("abc"), Through("abc"), HalfClose, End],
        ),
        tcp("tcp: connect timeout", "server s1 {full} {watched} layer4", Mode::Echo, vec![End]),
        tcp("tcp: no server", "server s1 {o} disabled", Mode::Echo, vec![End]),
        tcp("tcp: server closes", "", Mode::Close, vec![End]),
        tcp("tcp: server resets", "", Mode::Script("await abc ; reset".into()), vec![Send("abc"), End]),
        tcp("tcp: server is silent", "timeout server 200ms\n    server s1 {o} {watched} layer4", Mode::Hang, vec![End]),
        tcp("tcp: client is silent", "timeout client 200ms\n    server s1 {o} {watched} layer4", Mode::Hang, vec![End]),
        tcp(
            "tcp: client takes nothing",
            "timeout client 300ms\n    server s1 {o} {watched} layer4",
            Mode::Http,
            vec![Send("GET /size/30000000 HTTP/1.1\r\nHost: t\r\n\r\n"), Logged, Reset],
        ),
        tcp("tcp: client resets", "", Mode::Echo, vec![Send("abc"), Through("abc"), Reset]),
    ]
}

/// The counters that are compared, of the server `s1`, the backend and the frontend.
const COUNTERS: [&str; 9] =
    ["econ", "eresp", "wretr", "wredis", "cli_abrt", "srv_abrt", "hanafail", "hrsp_4xx", "hrsp_5xx"];

#[test]
fn faults_are_counted_and_logged_alike() {
    same(|engine| {
        let rows = rows();
        assert!(rows.len() >= 50, "{} rows", rows.len());
        play(engine, &rows)
    });
}

fn play(engine: &Engine, rows: &[Row]) -> Result<Vec<String>> {
    let (good, full, log) = (Origin::with(Mode::Hang)?, FullListener::new()?, SyslogSink::udp()?);
    let origins = rows.iter().map(|row| Origin::with(row.origin.clone())).collect::<Result<Vec<_>>>()?;
    let mut config = HEAD.replace("    maxconn 500", "    maxconn 500\n    log {log} local0");
    config += "    log global\n    timeout connect 300ms\n    balance roundrobin\n    retries 0\n";
    for (n, (row, origin)) in rows.iter().zip(&origins).enumerate() {
        let (mode, status, layer) = if row.what.starts_with("tcp") { ("tcp", "", 4) } else { ("http", "%ST ", 7) };
        let own = format!("server s1 {{o}} {{watched}} layer{layer}");
        let servers = if row.lines.contains("server s1") { "" } else { own.as_str() };
        let lines = format!("    {}\n    {servers}\n", row.lines)
            .replace("{watched}", WATCHED)
            .replace("{o}", &origin.address().to_string())
            .replace("{dead}", &format!("127.0.0.1:{}", free_port()))
            .replace("{full}", &full.address().to_string())
            .replace("{good}", &good.address().port().to_string());
        config += &format!(
            "listen row{n}\n    bind 127.0.0.1:{{port:row{n}}}\n    mode {mode}\n    log-format \"end of %f: {status}%ts %rc %s\"\n{lines}"
        );
    }
    let program = launch(engine, &[])?.set("log", log.address()).start(&config)?;
    let admin = program.admin();
    let mut seen = Vec::new();
    for (n, (row, origin)) in rows.iter().zip(&origins).enumerate() {
        let name = format!("row{n}");
        let over = || log.await_message(&format!("end of {name}: "));
        let got = act(program.address(&name), row, origin, over).with_context(|| row.what)?;
        let line = over().with_context(|| row.what)?;
        let ended = line.split_once(": ").map_or("", |(_, ended)| ended);
        let counted = |object: &str| -> Result<String> {
            let mut parts = Vec::new();
            for column in COUNTERS {
                let value = admin.stat(&name, object, column)?;
                if !matches!(value.as_str(), "" | "0") {
                    parts.push(format!("{column} {value}"));
                }
            }
            Ok(parts.join(" "))
        };
        until("the session's end", || (admin.stat(&name, "FRONTEND", "scur").ok()? == "0").then_some(()))?;
        let (server, backend) = (counted("s1")?, counted("BACKEND")?);
        seen.push(format!("{}: {got} | {ended} | s1: {server} | backend: {backend}", row.what));
    }
    Ok(seen)
}

/// Plays the client; yields the status line of what it was answered.
fn act(address: SocketAddr, row: &Row, origin: &Origin, over: impl Fn() -> Result<String>) -> Result<String> {
    let (mut client, mut others) = (Client::connect(address)?, Vec::new());
    let mut got = Vec::new();
    for act in &row.acts {
        match act {
            Send(bytes) => _ = client.send(bytes)?,
            Other(bytes) => {
                let mut other = Client::connect(address)?;
                other.send(bytes)?;
                others.push(other);
            }
            Logged => _ = over()?,
            Reached => until("the request", || (!origin.requests().is_empty()).then_some(()))?,
            Through(mark) => got.extend(client.read_through(mark)?.into_bytes()),
            HalfClose => _ = client.half_close()?,
            End => got.extend(client.read_to_end()?),
            Reset => {
                client.reset()?;
                break;
            }
        }
    }
    let text = String::from_utf8_lossy(&got);
    Ok(text.lines().next().unwrap_or_default().get(..12).unwrap_or_default().to_owned())
}
