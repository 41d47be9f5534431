//! nginx: `upstream`s become backends, `server`s and their `location`s the rules of a frontend for each address.

use super::nginx_location::{Place, locations};
use super::nginx_words::{Directive, read};
use super::plan::{Plan, Section, name_of, passive, quoted};
use super::{Include, Wishes};

/// Directives that change nothing of where requests go.
const HARMLESS: &[&str] = &[
    "sendfile",
    "tcp_nopush",
    "tcp_nodelay",
    "types_hash_max_size",
    "types_hash_bucket_size",
    "server_tokens",
    "default_type",
    "types",
    "server_names_hash_bucket_size",
    "server_names_hash_max_size",
    "variables_hash_max_size",
    "proxy_http_version",
    "proxy_buffering",
    "proxy_buffers",
    "proxy_buffer_size",
    "proxy_busy_buffers_size",
    "proxy_request_buffering",
    "keepalive_requests",
    "reset_timedout_connection",
    "multi_accept",
    "use",
    "worker_rlimit_nofile",
    "zone",
    "client_body_temp_path",
    "proxy_temp_path",
    "fastcgi_temp_path",
    "uwsgi_temp_path",
    "scgi_temp_path",
    "daemon",
    "proxy_redirect",
    "large_client_header_buffers",
    "client_header_buffer_size",
    "client_body_buffer_size",
];

/// The whole configuration, while it is read.
pub(super) struct Reading<'a> {
    pub(super) plan: Plan,
    pub(super) wishes: Wishes,
    pub(super) upstreams: Vec<&'a Directive>,
    pub(super) matches: Vec<&'a Directive>,
}

pub(super) fn convert(text: &str, wishes: Wishes, include: Include<'_>) -> Result<Plan, String> {
    let all = read(text, include)?;
    let mut plan = Plan::default();
    let empty = Directive { line: 0, name: String::new(), words: Vec::new(), block: Vec::new() };
    let http = all.iter().find(|directive| directive.name == "http").unwrap_or(&empty);
    let stream = all.iter().find(|directive| directive.name == "stream").unwrap_or(&empty);
    for directive in &all {
        match directive.name.as_str() {
            "http" | "stream" => {}
            "worker_processes" if directive.word(0).parse::<u32>().is_ok() => {
                plan.global.push(format!("nbthread {}", directive.word(0)));
            }
            "worker_processes" => {}
            "events" => {
                for inner in &directive.block {
                    match (inner.name.as_str(), inner.word(0).parse::<u32>()) {
                        ("worker_connections", Ok(n)) => plan.global.push(format!("maxconn {n}")),
                        (name, _) if HARMLESS.contains(&name) => {}
                        _ => plan.lost(inner.line, inner.shown(), "has no counterpart"),
                    }
                }
            }
            "user" => {
                plan.note(
                    directive.line,
                    directive.shown(),
                    "say 'user' and 'group' in 'global' if lbd starts as root",
                );
            }
            "pid" => plan.global.push(format!("pidfile {}", quoted(directive.word(0)))),
            "error_log" => plan.note(directive.line, directive.shown(), "say where to with 'log' in 'global'"),
            name if HARMLESS.contains(&name) => {}
            _ => plan.lost(directive.line, directive.shown(), "has no counterpart"),
        }
    }
    let time = |block: &Directive, name: &str, usual: &str| {
        block.one(name).map_or_else(|| usual.to_owned(), |directive| time(directive.word(0)))
    };
    plan.defaults.push("mode http".to_owned());
    plan.defaults.push(format!("timeout connect {}", time(http, "proxy_connect_timeout", "60s")));
    plan.defaults.push(format!("timeout client {}", time(http, "client_body_timeout", "60s")));
    plan.defaults.push(format!("timeout server {}", time(http, "proxy_read_timeout", "60s")));
    plan.defaults.push(format!("timeout http-request {}", time(http, "client_header_timeout", "60s")));
    plan.defaults.push(format!("timeout http-keep-alive {}", time(http, "keepalive_timeout", "75s")));
    let mut reading =
        Reading { plan, wishes, upstreams: http.all("upstream").collect(), matches: http.all("match").collect() };
    let known = [
        "proxy_connect_timeout",
        "client_body_timeout",
        "proxy_read_timeout",
        "client_header_timeout",
        "keepalive_timeout",
    ];
    for directive in &http.block {
        match directive.name.as_str() {
            "upstream" | "server" | "match" => {}
            "proxy_send_timeout" | "send_timeout" => reading.plan.note(
                directive.line,
                directive.shown(),
                "'timeout client' and 'timeout server' hold for both directions",
            ),
            "access_log" | "log_format" => {
                reading.plan.note(directive.line, directive.shown(), "say 'log' and 'option httplog', or 'log-format'");
            }
            // Locations look at what stands around them.
            "proxy_set_header" | "proxy_next_upstream" | "proxy_next_upstream_tries" => {}
            name if HARMLESS.contains(&name) || known.contains(&name) => {}
            _ => reading.plan.lost(directive.line, directive.shown(), "has no counterpart"),
        }
    }
    servers(&mut reading, http);
    streams(&mut reading, stream);
    if reading.plan.frontends.is_empty() {
        // Upstreams alone are worth having: whoever converts a fragment writes the frontend.
        for upstream in reading.upstreams.clone() {
            let section = upstream_section(&mut reading, upstream, None, false);
            reading.plan.backend(&name_of(upstream.word(0)), section);
        }
    }
    Ok(reading.plan)
}

/// An address that servers share: its `bind` words, and the servers.
struct Listen<'a> {
    address: String,
    bind: String,
    servers: Vec<(&'a Directive, bool)>,
}

fn servers(reading: &mut Reading<'_>, http: &Directive) {
    let mut listens: Vec<Listen<'_>> = Vec::new();
    for server in http.all("server") {
        let fallback =
            Directive { line: server.line, name: "listen".to_owned(), words: vec!["80".to_owned()], block: Vec::new() };
        let own: Vec<&Directive> = server.all("listen").collect();
        let own = if own.is_empty() { vec![&fallback] } else { own };
        for listen in own {
            let address = address(listen.word(0));
            let is_default = listen.words.iter().any(|word| word == "default_server" || word == "default");
            let bind = bind(&mut reading.plan, listen, &address, server);
            match listens.iter_mut().find(|known| known.address == address) {
                Some(known) => {
                    known.servers.push((server, is_default));
                    // Each server brings its certificate to the address.
                    for word in bind.split(" crt ").skip(1) {
                        let crt = format!(" crt {}", word.split(' ').next().unwrap_or_default());
                        if !known.bind.contains(&crt) {
                            known.bind.push_str(&crt);
                        }
                    }
                }
                None => listens.push(Listen { address, bind, servers: vec![(server, is_default)] }),
            }
        }
    }
    for mut listen in listens {
        // The default server answers whoever no other one claims: it comes last, and asks for no name.
        let default = listen.servers.iter().position(|(_, is_default)| *is_default).unwrap_or(0);
        let (default, _) = listen.servers.remove(default);
        let mut section = Section { tcp: false, lines: vec![listen.bind.clone()] };
        let frontend = name_of(&format!("on-{}", listen.address.replace("*:", "")));
        for (server, _) in &listen.servers {
            let condition = names(&mut reading.plan, server, &mut section.lines);
            let place = Place { http, server, condition };
            locations(reading, &place, &mut section);
        }
        // Its own rules must not touch what others claim.
        let others: Vec<String> = acl_names(&section.lines);
        let condition = others.iter().map(|name| format!("!{name}")).collect::<Vec<_>>().join(" ");
        locations(reading, &Place { http, server: default, condition }, &mut section);
        // Rules that decide stand before those that choose a backend, as HAProxy runs them in this order anyway.
        let rank = |line: &String| match line.split(' ').next().unwrap_or_default() {
            "bind" => 0,
            "timeout" => 0,
            "acl" => 1,
            "use_backend" => 3,
            "default_backend" => 4,
            _ => 2,
        };
        section.lines.sort_by_key(rank);
        reading.plan.frontends.push((frontend, section));
    }
}

/// Names of the ACLs among these lines, each once.
fn acl_names(lines: &[String]) -> Vec<String> {
    let mut names: Vec<String> =
        lines.iter().filter_map(|line| Some(line.strip_prefix("acl ")?.split(' ').next()?.to_owned())).collect();
    names.retain(|name| name.starts_with("for-"));
    names.dedup();
    names
}

/// The condition that a request is for one of a server's names.
fn names(plan: &mut Plan, server: &Directive, lines: &mut Vec<String>) -> String {
    let (mut plain, mut ends, mut begins, mut patterns) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for names in server.all("server_name") {
        for name in &names.words {
            if let Some(pattern) = name.strip_prefix('~') {
                patterns.push(quoted(pattern));
            } else if let Some(end) = name.strip_prefix('*') {
                ends.push(end.to_lowercase());
            } else if let Some(end) = name.strip_prefix('.') {
                plain.push(end.to_lowercase());
                ends.push(name.to_lowercase());
            } else if let Some(begin) = name.strip_suffix('*') {
                begins.push(begin.to_lowercase());
            } else if name == "_" || name.is_empty() {
                plan.note(
                    names.line,
                    names.shown(),
                    "nobody asks for that name; the server is reached as the default of its address only",
                );
            } else {
                plain.push(name.to_lowercase());
            }
        }
    }
    let name = name_of(&format!("for-{}", server.one("server_name").map_or("nobody", |names| names.word(0))));
    let kinds = [("str", plain), ("end", ends), ("beg", begins), ("reg", patterns)];
    for (how, values) in kinds.into_iter().filter(|(_, values)| !values.is_empty()) {
        lines.push(format!("acl {name} req.hdr(host),field(1,:),lower -m {how} {}", values.join(" ")));
    }
    name
}

fn address(word: &str) -> String {
    match word {
        port if port.bytes().all(|b| b.is_ascii_digit()) => format!("*:{port}"),
        path if path.starts_with("unix:") => path.trim_start_matches("unix:").to_owned(),
        host if host.ends_with(']') || !host.contains(':') => format!("{host}:80"),
        address => address.to_owned(),
    }
}

fn bind(plan: &mut Plan, listen: &Directive, address: &str, server: &Directive) -> String {
    let has = |word: &str| listen.words.iter().any(|own| own == word);
    let mut line = format!("bind {address}");
    if has("proxy_protocol") {
        line.push_str(" accept-proxy");
    }
    if has("ssl") || server.one("ssl").is_some_and(|ssl| ssl.word(0) == "on") {
        line.push_str(" ssl");
        for certificate in server.all("ssl_certificate") {
            line.push_str(&format!(" crt {}", quoted(certificate.word(0))));
        }
        if has("http2") || server.one("http2").is_some_and(|http2| http2.word(0) == "on") {
            line.push_str(" alpn h2,http/1.1");
        }
        if let Some(key) = server.one("ssl_certificate_key") {
            let certificate = server.one("ssl_certificate").map_or("", |certificate| certificate.word(0));
            if key.word(0) != format!("{certificate}.key") {
                let why = format!("the key must stand in {certificate} itself, or in {certificate}.key");
                plan.note(key.line, key.shown(), why);
            }
        }
    }
    for word in listen.words.iter().skip(1) {
        let name = word.split('=').next().unwrap_or_default();
        let known =
            ["ssl", "http2", "proxy_protocol", "default_server", "default", "reuseport", "so_keepalive", "quic"];
        match (name, word.split_once('=')) {
            ("backlog", Some((_, value))) => line.push_str(&format!(" backlog {value}")),
            ("ipv6only", Some((_, "off"))) => line.push_str(" v4v6"),
            ("ipv6only", _) => line.push_str(" v6only"),
            ("quic", _) => plan.lost(listen.line, listen.shown(), "HTTP/3 is not served"),
            _ if known.contains(&name) => {}
            _ => plan.lost(listen.line, listen.shown(), format!("'{word}' has no counterpart")),
        }
    }
    line
}

/// The lines of a backend that is this upstream; `check`: its `health_check`.
pub(super) fn upstream_section(
    reading: &mut Reading<'_>,
    upstream: &Directive,
    check: Option<&Directive>,
    tls: bool,
) -> Section {
    let mut lines = Vec::new();
    let servers: Vec<&Directive> = upstream.all("server").collect();
    let mut balance = "balance roundrobin".to_owned();
    let mut cookie = false;
    for directive in &upstream.block {
        match directive.name.as_str() {
            "server" | "keepalive_timeout" | "keepalive_time" | "ntlm" => {}
            "least_conn" => "balance leastconn".clone_into(&mut balance),
            "ip_hash" => "balance source".clone_into(&mut balance),
            "random" => "balance random(2)".clone_into(&mut balance),
            "hash" => {
                balance = match hashed(directive.word(0)) {
                    Some(what) => format!("balance {what}"),
                    None => {
                        reading.plan.lost(directive.line, directive.shown(), "what is hashed has no counterpart");
                        balance
                    }
                };
                if directive.words.iter().any(|word| word == "consistent") {
                    lines.push("hash-type consistent".to_owned());
                }
            }
            "keepalive" => lines.push("http-reuse safe".to_owned()),
            "sticky" if directive.word(0) == "cookie" => {
                cookie = true;
                let domain = directive.value("domain").map(|domain| format!(" domain {domain}")).unwrap_or_default();
                lines.push(format!("cookie {} insert indirect nocache{domain}", directive.word(1)));
            }
            "queue" => {
                let timeout = directive.value("timeout").unwrap_or("60s");
                lines.push(format!("timeout queue {}", time(timeout)));
            }
            name if HARMLESS.contains(&name) => {}
            _ => reading.plan.lost(directive.line, directive.shown(), "has no counterpart"),
        }
    }
    lines.insert(0, balance);
    if servers.len() > 1 {
        lines.push(format!("retries {}", servers.len() - 1));
        lines.push("option redispatch 1".to_owned());
        lines.push("retry-on conn-failure empty-response response-timeout".to_owned());
    }
    let mut checked = String::new();
    if let Some(check) = check {
        checked = super::nginx_location::health_check(reading, check, &mut lines);
    }
    for (index, server) in servers.iter().enumerate() {
        lines.push(one_server(reading, server, index, (servers.len(), &checked), tls, cookie));
    }
    Section { tcp: false, lines }
}

fn one_server(
    reading: &mut Reading<'_>,
    server: &Directive,
    index: usize,
    (count, checked): (usize, &str),
    tls: bool,
    cookie: bool,
) -> String {
    let name = format!("s{}", index + 1);
    let address = server.word(0).strip_prefix("unix:").map(str::to_owned).unwrap_or_else(|| {
        let port = if tls { "443" } else { "80" };
        let has_port = server.word(0).rsplit_once(':').is_some_and(|(_, p)| p.bytes().all(|b| b.is_ascii_digit()));
        if has_port { server.word(0).to_owned() } else { format!("{}:{port}", server.word(0)) }
    });
    let mut line = format!("server {name} {address}");
    if tls {
        line.push_str(" ssl verify none");
    }
    let (mut fails, mut rest) = (1, "10s".to_owned());
    for word in server.words.iter().skip(1) {
        match word.split_once('=').unwrap_or((word, "")) {
            ("weight", weight) => line.push_str(&format!(" weight {weight}")),
            ("max_conns", n) => line.push_str(&format!(" maxconn {n}")),
            ("max_fails", n) => fails = n.parse().unwrap_or(1),
            ("fail_timeout", t) => rest = time(t),
            ("slow_start", t) => line.push_str(&format!(" slowstart {}", time(t))),
            ("route", value) => line.push_str(&format!(" cookie {value}")),
            ("backup", _) => line.push_str(" backup"),
            ("down", _) => line.push_str(" disabled"),
            ("resolve", _) => {
                reading.plan.note(
                    server.line,
                    server.shown(),
                    "add a 'resolvers' section, and 'resolvers NAME init-addr last,libc,none' here",
                );
            }
            _ => reading.plan.lost(server.line, server.shown(), format!("'{word}' has no counterpart")),
        }
    }
    if cookie && !line.contains(" cookie ") {
        line.push_str(&format!(" cookie {name}"));
    }
    if !checked.is_empty() {
        line.push_str(checked);
    } else if fails > 0 && count > 1 {
        // A server alone is never put out by nginx.
        line.push_str(&passive(reading.wishes.own_words, fails, &rest));
    }
    line
}

fn hashed(what: &str) -> Option<String> {
    Some(match what {
        "$request_uri" => "uri whole".to_owned(),
        "$uri" => "uri".to_owned(),
        "$remote_addr" | "$binary_remote_addr" => "source".to_owned(),
        "$host" | "$http_host" => "hdr(host)".to_owned(),
        _ => match (what.strip_prefix("$arg_"), what.strip_prefix("$http_")) {
            (Some(name), _) => format!("url_param {name}"),
            (_, Some(name)) => format!("hdr({})", name.replace('_', "-")),
            _ => return None,
        },
    })
}

/// nginx's times are seconds without a unit, and may be sums.
pub(super) fn time(text: &str) -> String {
    let mut total_ms: u64 = 0;
    let mut number = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c.is_ascii_digit() {
            number.push(c);
            continue;
        }
        let n: u64 = number.parse().unwrap_or(0);
        number.clear();
        let unit = match c {
            'm' if chars.peek() == Some(&'s') => {
                chars.next();
                1
            }
            'm' => 60_000,
            'h' => 3_600_000,
            'd' => 86_400_000,
            _ => 1_000,
        };
        total_ms = total_ms.saturating_add(n.saturating_mul(unit));
    }
    total_ms = total_ms.saturating_add(number.parse::<u64>().unwrap_or(0).saturating_mul(1_000));
    if total_ms.is_multiple_of(1_000) { format!("{}s", total_ms / 1_000) } else { format!("{total_ms}ms") }
}

fn streams(reading: &mut Reading<'_>, stream: &Directive) {
    for server in stream.all("server") {
        let Some(listen) = server.one("listen") else { continue };
        if listen.words.iter().any(|word| word == "udp") {
            reading.plan.lost(listen.line, listen.shown(), "UDP is not balanced");
            continue;
        }
        let address = address(listen.word(0));
        let mut section = Section { tcp: true, lines: vec![bind(&mut reading.plan, listen, &address, server)] };
        let mut more = Vec::new();
        let mut target = None;
        let mut check = None;
        for directive in &server.block {
            match directive.name.as_str() {
                "listen" | "ssl_certificate" | "ssl_certificate_key" => {}
                "proxy_pass" => target = Some(directive.word(0)),
                "health_check" => check = Some(directive),
                "proxy_connect_timeout" => more.push(format!("timeout connect {}", time(directive.word(0)))),
                "proxy_timeout" => {
                    section.lines.push(format!("timeout client {}", time(directive.word(0))));
                    more.push(format!("timeout server {}", time(directive.word(0))));
                }
                name if HARMLESS.contains(&name) => {}
                _ => reading.plan.lost(directive.line, directive.shown(), "has no counterpart"),
            }
        }
        let Some(target) = target else { continue };
        let upstream = stream.all("upstream").find(|upstream| upstream.word(0) == target);
        let single = single(server.line, target);
        let mut back = upstream_section(reading, upstream.unwrap_or(&single), None, false);
        back.lines.retain(|line| !line.starts_with("retry-on") && !line.starts_with("http-reuse"));
        if check.is_some() {
            for line in back.lines.iter_mut().filter(|line| line.starts_with("server ") && !line.contains(" check")) {
                line.push_str(" check");
            }
        }
        back.tcp = true;
        back.lines.extend(more);
        let name = reading.plan.backend(&name_of(target), back);
        section.lines.push(format!("default_backend {name}"));
        reading.plan.frontends.push((name_of(&format!("on-{}", address.replace("*:", ""))), section));
    }
}

/// An upstream of one server that `proxy_pass` names itself.
pub(super) fn single(line: usize, address: &str) -> Directive {
    let server = Directive { line, name: "server".to_owned(), words: vec![address.to_owned()], block: Vec::new() };
    Directive { line, name: "upstream".to_owned(), words: vec![address.to_owned()], block: vec![server] }
}

/// Whether a directive changes nothing of where requests go.
pub(super) fn is_harmless(name: &str) -> bool {
    HARMLESS.contains(&name)
}
