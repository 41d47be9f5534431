//! What is written in log lines: every tag with every flag, the formats of options, errors, structured data.

use crate::check_eq;
use crate::support::{HEAD, both, launch, same};
use anyhow::Result;
use lb_testkit::client::Client;
use lb_testkit::{Engine, Mode, Normaliser, Origin, Program, SyslogSink, free_port, until};

/// Tags that exist in both modes.
const ALWAYS: &[&str] = &[
    "H", "ID", "ST", "T", "Tc", "Td", "Th", "Tl", "Ts", "Tt", "Tu", "Tw", "ac", "b", "bc", "bi", "bp", "bq", "ci",
    "cp", "f", "fc", "fi", "fp", "ft", "lc", "ms", "pid", "rc", "rt", "s", "sc", "si", "sp", "sq", "sslc", "sslv", "t",
    "ts", "tsc", "hr", "hrl", "hs", "hsl", "B", "U",
];
/// Tags of HTTP.
const HTTP: &[&str] =
    &["CC", "CS", "HM", "HP", "HPO", "HQ", "HU", "HV", "Ta", "Ti", "TR", "Tq", "Tr", "r", "tr", "trg", "trl"];
const FLAGS: &[&str] = &["", "{+Q}", "{+X}", "{+E}", "{+Q,+X,+E}", "{-Q}"];

/// `tag=%{flags}tag^…`
fn all_tags(tags: &[&str], flags: &str) -> String {
    tags.iter().map(|tag| format!("{tag}=%{flags}{tag}")).collect::<Vec<_>>().join("^")
}

/// What differs between two runs of anything: dates, ports, process, times; and bytes, which HAProxy counts in a form that
/// the wire does not show.
fn hidden(line: &str, ports: &[(u16, &str)]) -> Vec<String> {
    let hide = Normaliser::new()
        .rule(r"^(T|Tl|trg|trl)=\d\d/\w+/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}$", "$1=<date>")
        .rule(r"^(t|tr)=\d\d/\w+/\d{4}:\d\d:\d\d:\d\d\.\d{3}$", "$1=<date>")
        .rule(r"^Ts=\d+$", "Ts=<secs>")
        .rule(r"^Ts=[0-9A-F]{8}$", "Ts=<hex secs>")
        .rule(r"^ms=(\d{3}|[0-9A-F]{1,3})$", "ms=<millis>")
        .rule(r"^pid=\d+$", "pid=<pid>")
        .rule(r"^pid=[0-9A-F]{4,}$", "pid=<pid>")
        .rule(r"^bp=\d+$", "bp=<port>")
        .rule(r"^bp=[0-9A-F]{4}$", "bp=<port>")
        .rule(r"^(T[acdhiqRrtuw])=(\+?)\d+$", "$1=$2<ms>")
        .rule(r"^([BU])=(\+?)\d+$", "$1=$2<bytes>");
    let field = |field: &str| {
        let mut field = field.to_owned();
        for (port, name) in ports {
            for text in [format!("p={port}"), format!("p={port:04X}")] {
                if field.ends_with(&text) {
                    field = field.replace(&text, &format!("p=<{name}>"));
                }
            }
        }
        hide.apply(&field)
    };
    line.split('^').map(field).collect()
}

struct Case {
    program: Program,
    log: SyslogSink,
    origin: Origin,
}

/// A program with one frontend for each set of flags, all of whose lines go to one sink as they are.
fn every_flag(engine: &Engine, mode: &str, tags: &[&str], more: &str, origin: Origin) -> Result<Case> {
    let log = SyslogSink::udp()?;
    let mut config =
        HEAD.replace("mode http", &format!("mode {mode}\n    log {{log}} format raw local0\n    retries 0"));
    for (i, flags) in FLAGS.iter().enumerate() {
        config.push_str(&format!(
            "frontend fe{i}\n    bind 127.0.0.1:{{port:fe{i}}}\n    unique-id-format id-%ci\n    log-format \"{}\"\n{more}\n    default_backend app\n",
            all_tags(tags, flags)
        ));
    }
    config.push_str("backend app\n    server s1 {o1}\n");
    let program = launch(engine, &[("o1", &origin)])?.set("log", log.address()).start(&config)?;
    Ok(Case { program, log, origin })
}

impl Case {
    /// The fields of the only line that the client's session makes.
    fn line_of(&self, fe: usize, act: impl FnOnce(&mut Client) -> Result<()>) -> Result<Vec<String>> {
        let front = self.program.address(&format!("fe{fe}"));
        let before = self.log.lines().len();
        let mut client = Client::connect(front)?;
        let own = client.local_addr()?.port();
        act(&mut client)?;
        drop(client);
        let line = until("a line", || self.log.lines().get(before).cloned())?;
        let ports = [(own, "client"), (front.port(), "front"), (self.origin.address().port(), "server")];
        Ok(hidden(line.trim_end(), &ports))
    }
}

#[test]
fn every_tag_of_http_with_every_flag() {
    same(|engine| {
        let tags: Vec<&str> = ALWAYS.iter().chain(HTTP).copied().collect();
        let captures = "    capture request header X-A len 20\n    capture request header X-None len 9\n    \
                        capture response header Content-Type len 10\n    capture cookie CK len 10";
        let case = every_flag(engine, "http", &tags, captures, Origin::http("o1")?)?;
        let mut seen = Vec::new();
        let request =
            "GET /size/10?q=\"1 HTTP/1.1\r\nHost: h\r\nX-A: v]\"x{|\\#\r\nCookie: CK=val\r\nConnection: close\r\n\r\n";
        for fe in 0..FLAGS.len() {
            seen.push(case.line_of(fe, |client| client.send(request)?.read_to_end().map(drop))?);
            seen.push(case.line_of(fe, |client| client.send("GARBAGE\r\n\r\n")?.read_to_end().map(drop))?);
        }
        case.origin.refuse();
        for fe in 0..FLAGS.len() {
            let mut line = case.line_of(fe, |client| client.send("GET / HTTP/1.0\r\n\r\n")?.read_to_end().map(drop))?;
            // HAProxy tells the own address of a connection that never was.
            line.retain(|field| !field.starts_with("bi=") && !field.starts_with("bp="));
            seen.push(line);
        }
        Ok(seen)
    });
}

#[test]
fn every_tag_of_tcp_with_every_flag() {
    same(|engine| {
        let case = every_flag(engine, "tcp", ALWAYS, "", Origin::with(Mode::Echo)?)?;
        let mut seen = Vec::new();
        for fe in 0..FLAGS.len() {
            seen.push(case.line_of(fe, |client| {
                client.send("hello")?.expect("hello")?.half_close()?;
                client.read_to_end().map(drop)
            })?);
        }
        Ok(seen)
    });
}

/// Sends requests to one frontend and gives the lines logged, what varies being hidden.
fn lines(engine: &Engine, mode: &str, settings: &str, body: &str, requests: &[&str]) -> Result<Vec<String>> {
    let log = SyslogSink::udp()?;
    let head = HEAD.replace("mode http", &format!("mode {mode}\n    log {{log}} {{form}} local0\n    retries 0"));
    let origin = Origin::http("o1")?;
    let form = if settings.contains("-sd") { "format rfc5424" } else { "format priority" };
    let config = format!(
        "{head}frontend fe\n    bind 127.0.0.1:{{port:fe}} name b1\n    {settings}\n    default_backend app\nbackend app\n{body}\n"
    );
    let program = launch(engine, &[("o1", &origin)])?
        .set("log", log.address())
        .set("form", form)
        .set("dead", free_port())
        .start(&config)?;
    for (done, request) in requests.iter().enumerate() {
        Client::connect(program.address("fe"))?.offer(request).read_to_end().map(drop)?;
        until("its line", || (log.lines().len() > done).then_some(()))?;
    }
    let hide = Normaliser::new()
        .rule(r"127\.0\.0\.1:\d+", "<client>")
        .rule(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+\d\d:\d\d", "<time>")
        .rule(r"\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d(\.\d{3}| \+\d{4})", "<date>")
        .rule(r"> \w+ \d+ - ", "> <tag> <pid> - ")
        .rule(r"> - (haproxy|lbd) \d+ - ", "> - <tag> <pid> - ")
        // Whether the server has closed by then is chance.
        .rule(r" 1/1/1/[01]/0 ", " 1/1/1/<sc>/0 ");
    Ok(log.lines().iter().map(|line| without_times(&hide.apply(line.trim_end()))).collect())
}

/// A line without what its timers and bytes are; which timers are -1, and the signs, stay.
fn without_times(line: &str) -> String {
    let is_timers = |word: &str| word.matches('/').count() >= 2 && word.chars().all(|c| "-+/0123456789".contains(c));
    let hidden = |number: &str, name: &str| match number.strip_prefix('+') {
        _ if number == "-1" => number.to_owned(),
        Some(_) => format!("+<{name}>"),
        None => format!("<{name}>"),
    };
    let words: Vec<&str> = line.split(' ').collect();
    let Some(at) = words.iter().position(|word| is_timers(word)) else { return line.to_owned() };
    // In HTTP the status stands between timers and bytes.
    let bytes = at + if words[at].matches('/').count() == 4 { 2 } else { 1 };
    let shown = words.iter().enumerate().map(|(i, word)| match i {
        i if i == at => word.split('/').map(|number| hidden(number, "ms")).collect::<Vec<_>>().join("/"),
        i if i == bytes => hidden(word, "bytes"),
        _ => (*word).to_owned(),
    });
    shown.collect::<Vec<_>>().join(" ")
}

const REQUEST: &str = "GET /size/10 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";

#[test]
fn option_logasap_tells_before_the_end() {
    same(|engine| {
        let good = "    server s1 {o1}";
        let dead = "    server s1 127.0.0.1:{dead}";
        let cut = "GET /cut/1000 HTTP/1.1\r\nHost: h\r\n\r\n";
        let mut seen = Vec::new();
        for (mode, settings, body, request) in [
            ("http", "option httplog", good, REQUEST),
            ("http", "option httplog\n    http-request deny", good, REQUEST),
            ("http", "option httplog\n    http-request redirect location /x", good, REQUEST),
            ("http", "option httplog\n    http-response set-status 404", good, REQUEST),
            ("http", "option httplog", dead, REQUEST),
            ("http", "option httplog", good, cut),
            ("http", "option httplog\n    option dontlog-normal", good, cut),
            ("tcp", "option tcplog", good, REQUEST),
            ("tcp", "option tcplog", dead, ""),
        ] {
            let settings = format!("{settings}\n    option logasap");
            seen.push((mode, settings.clone(), lines(engine, mode, &settings, body, &[request])?));
        }
        Ok(seen)
    });
}

#[test]
fn a_normal_session_is_one_without_retries() {
    same(|engine| {
        let body = "    retries 1\n    option redispatch\n    balance roundrobin\n    server s1 127.0.0.1:{dead}\n    server s2 {o1}";
        let settings = "option httplog\n    option dontlog-normal\n    option log-separate-errors";
        lines(engine, "http", settings, body, &[REQUEST])
    });
}

#[test]
fn errors_have_a_format_of_their_own() {
    same(|engine| {
        let settings = "option httplog\n    error-log-format \"ERR %ci %ft %ST %ts %b/%s %[fc_err] %[fc_err_str] %r\"\n    \
                        timeout http-request 300ms";
        lines(engine, "http", settings, "    server s1 {o1}", &["GARBAGE\r\n\r\n", "GET / HT", REQUEST])
    });
}

#[test]
fn what_is_no_proxy_header_is_told_in_both_formats() {
    same(|engine| {
        let mut seen = Vec::new();
        for settings in [
            "option httplog",
            "option httplog\n    option log-separate-errors",
            "option httplog\n    error-log-format \"ERR %ci %ft %[fc_err] %[fc_err_str] %ac %ST %ts %b %s %B\"",
        ] {
            let log = SyslogSink::udp()?;
            let head = HEAD.replace("mode http", "mode http\n    log {log} format priority local0");
            let config =
                format!("{head}frontend fe\n    bind 127.0.0.1:{{port:fe}} name b1 accept-proxy\n    {settings}\n");
            let program = launch(engine, &[])?.set("log", log.address()).start(&config)?;
            let mut client = Client::connect(program.address("fe"))?;
            let _ = client.offer("GET / HTTP/1.0\r\n\r\n").read_to_end();
            let line = until("a line", || log.lines().first().cloned())?;
            let hide = Normaliser::new().rule(r"127\.0\.0\.1:\d+ \[.*?\]", "<client> [<date>]");
            seen.push(hide.apply(line.trim_end()));
        }
        Ok(seen)
    });
}

#[test]
fn structured_data_stands_in_its_place() {
    same(|engine| {
        let settings = "option httplog\n    log-format-sd \"%{+Q,+E}o [ex@1 h=%[src] st=%ST u=%HU e=%CC]\"";
        lines(engine, "http", settings, "    server s1 {o1}", &[REQUEST])
    });
}

#[test]
fn httpslog_of_a_plain_connection() {
    same(|engine| {
        let plain = lines(engine, "http", "option httpslog", "    server s1 {o1}", &[REQUEST])?;
        let tcp = lines(engine, "tcp", "option httpslog", "    server s1 {o1}", &[REQUEST])?;
        Ok((plain, tcp))
    });
}

/// HAProxy 2.6 has no encodings; the values are those of 3.5.
#[test]
fn named_items_make_an_object() {
    let engine = Engine::subject().unwrap();
    if engine.is_haproxy {
        return;
    }
    let case =
        |format: &str| lines(&engine, "http", &format!("log-format \"{format}\""), "    server s1 {o1}", &[REQUEST]);
    let json = case("%{+json}o dropped %(req)r %(st:sint)ST %(ip)ci %(hs)hs %(none)[var(txn.none)] %(yes)[always_true] %ST %(text:str)ST").unwrap();
    assert_eq!(
        json,
        [concat!(
            r#"<134>{"req": "GET /size/10 HTTP/1.1", "st": 200, "ip": "127.0.0.1", "hs": null, "none": null, "#,
            r#""yes": true, "text": "200"}"#
        )]
    );
    let cbor = case("%{+cbor}o %(st:sint)ST %(ip)ci %(m)HM").unwrap();
    assert_eq!(cbor, ["<134>BF62737418C8626970693132372E302E302E31616D7F63474554FFFF"]);
    let single = case("a %{+json}ci b").unwrap();
    assert_eq!(single, [r#"<134>a "127.0.0.1" b"#]);
}

#[test]
fn sampling_and_levels_choose_the_lines() {
    both(|engine| {
        let (log, few) = (SyslogSink::udp()?, SyslogSink::udp()?);
        let head = HEAD.replace("mode http", "mode http\n    log {log} local3 warning err\n    log {few} local4 alert");
        let mut config = format!("{head}frontend fe\n    bind 127.0.0.1:{{port:fe}}\n    option httplog\n");
        let levels = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug", "silent"];
        for level in levels {
            config.push_str(&format!("    http-request set-log-level {level} if {{ path /{level} }}\n"));
        }
        config.push_str("    http-request return status 200\n");
        let program = launch(engine, &[])?.set("log", log.address()).set("few", few.address()).start(&config)?;
        let mut client = Client::connect(program.address("fe"))?;
        for level in levels {
            check_eq!(client.get(&format!("/{level}"))?.status, 200);
        }
        let told = |sink: &SyslogSink| -> Vec<(String, String)> {
            let lines = sink.lines();
            let session = lines.iter().filter(|line| line.contains("GET /"));
            session
                .filter_map(|line| {
                    let path = line.split("GET /").nth(1)?.split(' ').next()?;
                    Some((line.split('>').next()?.trim_start_matches('<').to_owned(), path.to_owned()))
                })
                .collect()
        };
        let pairs =
            |all: &[(u32, &str)]| all.iter().map(|(n, path)| (n.to_string(), (*path).to_owned())).collect::<Vec<_>>();
        // local3 is 19, err is 3, warning 4: what is more severe than err is told as err.
        let expected = pairs(&[(155, "emerg"), (155, "alert"), (155, "crit"), (155, "err"), (156, "warning")]);
        until("the lines", || (told(&log).len() >= 5).then_some(()))?;
        check_eq!(told(&log), expected);
        check_eq!(told(&few), pairs(&[(160, "emerg"), (161, "alert")]));
        Ok(())
    });
}
