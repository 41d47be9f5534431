//! The `location`s of an nginx server: which requests go where, and what is done to them on the way.

use super::nginx::{Reading, single, time, upstream_section};
use super::nginx_words::Directive;
use super::plan::{Section, name_of, quoted};

/// A server within the configuration, and the condition under which a request is its.
pub(super) struct Place<'a> {
    pub(super) http: &'a Directive,
    pub(super) server: &'a Directive,
    /// ACLs of a frontend; empty: every request.
    pub(super) condition: String,
}

/// Adds the rules of a server to the frontend of its address.
pub(super) fn locations(reading: &mut Reading<'_>, place: &Place<'_>, frontend: &mut Section) {
    let server = place.server;
    decisions(reading, server, &place.condition, frontend);
    let handled = [
        "location",
        "listen",
        "server_name",
        "ssl_certificate",
        "ssl_certificate_key",
        "return",
        "allow",
        "deny",
        "http2",
        "ssl",
        "proxy_set_header",
        "proxy_next_upstream",
        "proxy_connect_timeout",
        "proxy_read_timeout",
        "proxy_next_upstream_tries",
    ];
    for directive in server.block.iter().filter(|directive| !handled.contains(&directive.name.as_str())) {
        leftover(reading, directive);
    }
    let mut all: Vec<&Directive> = server.all("location").collect();
    let order = |location: &&Directive| {
        let path = location.words.last().map_or(0, String::len);
        // nginx: an exact path, prefixes that end the search, expressions in their order, the longest other prefix.
        match location.word(0) {
            "=" => (0, 0),
            "^~" => (1, usize::MAX - path),
            "~" | "~*" => (2, 0),
            _ => (3, usize::MAX - path),
        }
    };
    all.sort_by_key(order);
    for location in all {
        let (how, path) = match location.words.as_slice() {
            [path] => ("", path.as_str()),
            [how, path] => (how.as_str(), path.as_str()),
            _ => continue,
        };
        let matched = match how {
            _ if path.starts_with('@') => {
                reading.plan.lost(location.line, location.shown(), "named locations have no counterpart");
                continue;
            }
            "=" => format!("{{ path {} }}", quoted(path)),
            "~" => format!("{{ path -m reg {} }}", quoted(path)),
            "~*" => format!("{{ path -m reg -i {} }}", quoted(path)),
            _ if path == "/" => String::new(),
            _ => format!("{{ path -m beg {} }}", quoted(path)),
        };
        let condition = [place.condition.as_str(), &matched].join(" ").trim().to_owned();
        decisions(reading, location, &condition, frontend);
        if let Some(pass) = location.one("proxy_pass") {
            let backend = backend(reading, place, location, pass);
            frontend.lines.push(match condition.is_empty() {
                true => format!("default_backend {backend}"),
                false => format!("use_backend {backend} if {condition}"),
            });
        }
        rest(reading, location);
    }
}

/// What of a location is neither a decision nor a part of its backend.
fn rest(reading: &mut Reading<'_>, location: &Directive) {
    const OWN: &[&str] = &[
        "proxy_pass",
        "return",
        "allow",
        "deny",
        "health_check",
        "proxy_set_header",
        "proxy_next_upstream",
        "proxy_connect_timeout",
        "proxy_read_timeout",
        "proxy_next_upstream_tries",
        "proxy_hide_header",
        "add_header",
    ];
    let passes = location.one("proxy_pass").is_some();
    for directive in &location.block {
        let is_part = OWN.contains(&directive.name.as_str());
        if !is_part || !passes && matches!(directive.name.as_str(), "add_header" | "proxy_hide_header") {
            leftover(reading, directive);
        }
    }
    if !passes && location.one("return").is_none() {
        reading.plan.lost(
            location.line,
            location.shown(),
            "serves files or another protocol: lbd passes requests on to servers",
        );
    }
}

fn leftover(reading: &mut Reading<'_>, directive: &Directive) {
    match directive.name.as_str() {
        "proxy_send_timeout" => {
            reading.plan.note(directive.line, directive.shown(), "'timeout server' holds for both directions");
        }
        "access_log" | "error_log" => {
            reading.plan.note(directive.line, directive.shown(), "logs are said by 'log' and 'option httplog'");
        }
        name if super::nginx::is_harmless(name) => {}
        _ => reading.plan.lost(directive.line, directive.shown(), "has no counterpart"),
    }
}

/// Answers and refusals, which need no server.
fn decisions(reading: &mut Reading<'_>, block: &Directive, condition: &str, frontend: &mut Section) {
    let mut push = |action: String, more: &str| {
        let all = [condition, more].join(" ").trim().to_owned();
        let when = if all.is_empty() { String::new() } else { format!(" if {all}") };
        frontend.lines.push(format!("http-request {action}{when}"));
    };
    let mut allowed = Vec::new();
    for directive in &block.block {
        match (directive.name.as_str(), directive.word(0)) {
            ("allow", "all") => break,
            ("allow", who) => allowed.push(who),
            ("deny", "all") => {
                let unless =
                    if allowed.is_empty() { String::new() } else { format!("!{{ src {} }}", allowed.join(" ")) };
                push("deny".to_owned(), &unless);
                break;
            }
            ("deny", who) => push("deny".to_owned(), &format!("{{ src {who} }}")),
            _ => {}
        }
    }
    let Some(answer) = block.one("return") else { return };
    let (code, text) = (answer.word(0), answer.word(1));
    match (code, text) {
        ("301" | "302" | "303" | "307" | "308", url) => {
            let scheme = ["https", "http"].into_iter().find(|s| {
                [format!("{s}://$host$request_uri"), format!("{s}://$http_host$request_uri")].contains(&url.to_owned())
            });
            match (scheme, format_of(url)) {
                (Some(scheme), _) => push(format!("redirect scheme {scheme} code {code}"), ""),
                (None, Some(url)) => push(format!("redirect location {} code {code}", quoted(&url)), ""),
                (None, None) => {
                    reading.plan.lost(answer.line, answer.shown(), "it has a variable without a counterpart");
                }
            }
        }
        (url, "") if url.contains("://") => push(format!("redirect location {} code 302", quoted(url)), ""),
        ("444", _) => push("silent-drop".to_owned(), ""),
        (code, "") => push(format!("return status {code}"), ""),
        (code, text) if !text.contains('$') => {
            push(format!("return status {code} content-type text/plain string {}", quoted(text)), "");
        }
        _ => reading.plan.lost(answer.line, answer.shown(), "it has variables"),
    }
}

/// A text with nginx's variables as a log format; `None`: a variable has no counterpart.
fn format_of(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest.get(..at)?.replace('%', "%%"));
        let tail = rest.get(at + 1..)?;
        let (name, after) = match tail.strip_prefix('{') {
            Some(braced) => braced.split_once('}')?,
            None => {
                let end = tail.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(tail.len());
                tail.split_at(end)
            }
        };
        let sample = match name {
            "host" => "req.hdr(host),field(1,:)".to_owned(),
            "http_host" => "req.hdr(host)".to_owned(),
            "request_uri" => "url".to_owned(),
            "uri" => "path".to_owned(),
            "args" | "query_string" => "query".to_owned(),
            "remote_addr" => "src".to_owned(),
            "remote_port" => "src_port".to_owned(),
            "server_addr" => "dst".to_owned(),
            "server_port" => "dst_port".to_owned(),
            "scheme" => "ssl_fc,iif(https,http)".to_owned(),
            "request_method" => "method".to_owned(),
            "request_id" => "unique-id".to_owned(),
            "ssl_protocol" => "ssl_fc_protocol".to_owned(),
            "ssl_cipher" => "ssl_fc_cipher".to_owned(),
            _ => match (name.strip_prefix("http_"), name.strip_prefix("arg_"), name.strip_prefix("cookie_")) {
                (Some(field), ..) => format!("req.hdr({})", field.replace('_', "-")),
                (_, Some(name), _) => format!("url_param({name})"),
                (.., Some(name)) => format!("req.cook({name})"),
                _ => return None,
            },
        };
        out.push_str(&format!("%[{sample}]"));
        rest = after;
    }
    out.push_str(&rest.replace('%', "%%"));
    Some(out)
}

/// The backend that a `proxy_pass` leads to, with what is said around it.
fn backend(reading: &mut Reading<'_>, place: &Place<'_>, location: &Directive, pass: &Directive) -> String {
    let (scheme, rest) = pass.word(0).split_once("://").unwrap_or(("http", pass.word(0)));
    let (target, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let upstream = reading.upstreams.iter().find(|upstream| upstream.word(0) == target).copied();
    if target.contains('$') {
        reading.plan.lost(pass.line, pass.shown(), "a server that is named by a variable has no counterpart");
    }
    let alone = single(pass.line, target);
    let mut section =
        upstream_section(reading, upstream.unwrap_or(&alone), location.one("health_check"), scheme == "https");
    let mut before = Vec::new();
    let around = [location, place.server, place.http];
    for (name, keyword) in [("proxy_connect_timeout", "connect"), ("proxy_read_timeout", "server")] {
        // Those of `http` are the defaults already.
        if let Some(own) = [location, place.server].iter().find_map(|block| block.one(name)) {
            before.push(format!("timeout {keyword} {}", time(own.word(0))));
        }
    }
    if let Some(next) = around.iter().find_map(|block| block.one("proxy_next_upstream")) {
        retries(reading, next, &mut section);
    }
    // nginx inherits fields only where a block sets none of its own.
    let fields: Vec<&Directive> = around
        .iter()
        .map(|block| block.all("proxy_set_header").collect::<Vec<_>>())
        .find(|fields| !fields.is_empty())
        .unwrap_or_default();
    if !fields.iter().any(|field| field.word(0).eq_ignore_ascii_case("host")) {
        before.push(format!("http-request set-header Host {}", quoted(target)));
    }
    for field in fields {
        header(reading, field, &mut before);
    }
    let prefix = location.words.last().map_or("", String::as_str);
    if !path.is_empty() && path != prefix {
        match location.word(0) {
            "~" | "~*" => reading.plan.lost(pass.line, pass.shown(), "a path cannot replace an expression"),
            _ => {
                let pattern = quoted(&format!("^{}(.*)", regex_escaped(prefix)));
                before.push(format!("http-request replace-path {pattern} {}", quoted(&format!("{path}\\1"))));
            }
        }
    }
    for field in location.all("add_header") {
        match format_of(field.word(1)) {
            Some(value) => before.push(format!("http-response add-header {} {}", field.word(0), quoted(&value))),
            None => reading.plan.lost(field.line, field.shown(), "it has a variable without a counterpart"),
        }
    }
    for field in location.all("proxy_hide_header") {
        before.push(format!("http-response del-header {}", field.word(0)));
    }
    let servers = section.lines.iter().position(|line| line.starts_with("server ")).unwrap_or(section.lines.len());
    section.lines.splice(servers..servers, before);
    reading.plan.backend(&name_of(target), section)
}

fn header(reading: &mut Reading<'_>, field: &Directive, lines: &mut Vec<String>) {
    let (name, value) = (field.word(0), field.word(1));
    match (name.to_ascii_lowercase().as_str(), value) {
        // What HAProxy does by itself.
        ("host", "$host" | "$http_host") | ("connection" | "upgrade", _) => {}
        (_, "$proxy_add_x_forwarded_for") => lines.push(format!("option forwardfor header {name}")),
        (_, "") => lines.push(format!("http-request del-header {name}")),
        (_, "$proxy_host") => reading.plan.lost(field.line, field.shown(), "it has a variable without a counterpart"),
        _ => match format_of(value) {
            Some(value) => lines.push(format!("http-request set-header {name} {}", quoted(&value))),
            None => reading.plan.lost(field.line, field.shown(), "it has a variable without a counterpart"),
        },
    }
}

fn retries(reading: &mut Reading<'_>, next: &Directive, section: &mut Section) {
    let mut words = Vec::new();
    for word in &next.words {
        match word.as_str() {
            "off" => {
                section.lines.retain(|line| !line.starts_with("retr") && !line.starts_with("option redispatch"));
                section.lines.insert(1, "retries 0".to_owned());
                return;
            }
            "error" => words.extend(["conn-failure", "empty-response"]),
            "timeout" => words.push("response-timeout"),
            "invalid_header" => words.push("junk-response"),
            "non_idempotent" => {
                reading.plan.note(
                    next.line,
                    next.shown(),
                    "requests with bodies are sent again if they fit the buffer",
                );
            }
            word => match word
                .strip_prefix("http_")
                .filter(|code| ["403", "404", "500", "502", "503", "504"].contains(code))
            {
                Some(code) => words.push(code),
                None => reading.plan.lost(next.line, next.shown(), format!("'{word}' has no counterpart")),
            },
        }
    }
    for line in section.lines.iter_mut().filter(|line| line.starts_with("retry-on ")) {
        *line = format!("retry-on {}", words.join(" "));
    }
}

/// `health_check` as lines of a backend and words of its servers.
pub(super) fn health_check(reading: &mut Reading<'_>, check: &Directive, lines: &mut Vec<String>) -> String {
    let value = |name: &str| check.value(name);
    let is_tcp = value("type") == Some("tcp");
    if !is_tcp {
        lines.push("option httpchk".to_owned());
        lines.push(format!(
            "http-check send meth GET uri {} ver HTTP/1.1 hdr Host localhost",
            quoted(value("uri").unwrap_or("/"))
        ));
    }
    if let Some(name) = value("match") {
        match reading.matches.iter().find(|found| found.word(0) == name).copied() {
            Some(found) => expectations(reading, found, lines),
            None => reading.plan.lost(check.line, check.shown(), format!("there is no 'match {name}'")),
        }
    }
    for word in &check.words {
        let name = word.split('=').next().unwrap_or_default();
        if !["uri", "interval", "fails", "passes", "port", "match", "type", "mandatory", "persistent", "jitter"]
            .contains(&name)
        {
            reading.plan.lost(check.line, check.shown(), format!("'{word}' has no counterpart"));
        }
    }
    let number = |name: &str| value(name).unwrap_or("1").to_owned();
    let mut words = format!(
        " check inter {} fall {} rise {}",
        time(value("interval").unwrap_or("5s")),
        number("fails"),
        number("passes")
    );
    if let Some(port) = value("port") {
        words.push_str(&format!(" port {port}"));
    }
    if check.words.iter().any(|word| word == "mandatory") {
        reading.plan.note(
            check.line,
            check.shown(),
            "servers count as up until their first check ends; lbd knows 'init-state down'",
        );
    }
    words
}

/// The conditions of a `match`.
fn expectations(reading: &mut Reading<'_>, found: &Directive, lines: &mut Vec<String>) {
    for condition in &found.block {
        let words: Vec<&str> = condition.words.iter().map(String::as_str).collect();
        let expect = match (condition.name.as_str(), words.as_slice()) {
            ("status", ["!", codes @ ..]) => Some(format!("! status {}", codes.join(","))),
            ("status", codes) => Some(format!("status {}", codes.join(","))),
            ("body", ["~", pattern]) => Some(format!("rstring {}", quoted(pattern))),
            ("body", ["!~", pattern]) => Some(format!("! rstring {}", quoted(pattern))),
            ("header", ["!", name]) => Some(format!("! hdr name {name}")),
            ("header", [name]) => Some(format!("hdr name {name}")),
            ("header", [name, "=", value]) => Some(format!("hdr name {name} value -m str {}", quoted(value))),
            ("header", [name, "!=", value]) => Some(format!("! hdr name {name} value -m str {}", quoted(value))),
            ("header", [name, "~", value]) => Some(format!("hdr name {name} value -m reg {}", quoted(value))),
            ("header", [name, "!~", value]) => Some(format!("! hdr name {name} value -m reg {}", quoted(value))),
            _ => None,
        };
        match expect {
            Some(expect) => lines.push(format!("http-check expect {expect}")),
            None => reading.plan.lost(condition.line, condition.shown(), "has no counterpart"),
        }
    }
}

fn regex_escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if "\\.+*?()|[]{}^$".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
