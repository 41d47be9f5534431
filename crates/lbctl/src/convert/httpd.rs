//! Apache httpd: `balancer://`s become backends, virtual hosts and their `ProxyPass`es the rules of a frontend for each
//! address.

use super::Wishes;
use super::httpd_words::{Directive, read};
use super::nginx::time;
use super::plan::{Plan, Section, name_of, passive, quoted};
use std::collections::BTreeMap;

/// Directives that change nothing of where requests go.
const HARMLESS: &[&str] = &[
    "loadmodule",
    "pidfile",
    "defaultruntimedir",
    "serverroot",
    "serveradmin",
    "documentroot",
    "directoryindex",
    "addtype",
    "addencoding",
    "typesconfig",
    "serversignature",
    "servertokens",
    "traceenable",
    "hostnamelookups",
    "proxyrequests",
    "proxystatus",
    "mpm_event_module",
    "startservers",
    "minsparethreads",
    "maxsparethreads",
    "threadsperchild",
    "maxconnectionsperchild",
    "serverlimit",
    "mutex",
    "define",
    "proxypassreverse",
    "proxypassreversecookiedomain",
    "proxypassreversecookiepath",
    "maxkeepaliverequests",
    "proxyviafull",
    "proxyvia",
    "usecanonicalname",
    "accessfilename",
];

/// What is known of the whole while hosts are read.
struct Reading<'a> {
    plan: Plan,
    wishes: Wishes,
    /// By name.
    balancers: BTreeMap<String, Vec<&'a Directive>>,
    expressions: BTreeMap<String, &'a Directive>,
    templates: BTreeMap<String, BTreeMap<String, String>>,
}

pub(super) fn convert(text: &str, wishes: Wishes) -> Result<Plan, String> {
    let root = read(text)?;
    let mut reading = Reading {
        plan: Plan::default(),
        wishes,
        balancers: BTreeMap::new(),
        expressions: BTreeMap::new(),
        templates: BTreeMap::new(),
    };
    let timeout = root.one("timeout").map_or("60s".to_owned(), |timeout| time(timeout.word(0)));
    let server = root.one("proxytimeout").map_or(timeout.clone(), |timeout| time(timeout.word(0)));
    let idle = root.one("keepalivetimeout").map_or("5s".to_owned(), |timeout| time(timeout.word(0)));
    reading.plan.defaults = vec![
        "mode http".to_owned(),
        format!("timeout connect {server}"),
        format!("timeout client {timeout}"),
        format!("timeout server {server}"),
        format!("timeout http-keep-alive {idle}"),
    ];
    let hosts: Vec<&Directive> = root.all("virtualhost").collect();
    for block in hosts.iter().copied().chain([&root]) {
        gather(&mut reading, block);
    }
    let mut frontends: Vec<(String, Section, Vec<&Directive>)> = Vec::new();
    let listens: Vec<&str> = root.all("listen").map(|listen| listen.word(0)).collect();
    for host in &hosts {
        for word in &host.words {
            add(&mut frontends, &address(word, &listens), host);
        }
    }
    let passes = |block: &Directive| block.one("proxypass").is_some() || block.one("location").is_some();
    if passes(&root) || hosts.is_empty() && !listens.is_empty() {
        for listen in &listens {
            add(&mut frontends, &address(listen, &listens), &root);
        }
    }
    for (name, mut section, mut blocks) in frontends {
        // The first host of an address answers whoever no other one claims.
        blocks.rotate_left(1);
        let mut others = Vec::new();
        let count = blocks.len();
        for (index, block) in blocks.into_iter().enumerate() {
            let condition = match index + 1 == count {
                true => others.join(" "),
                false => host_acl(block, &mut section.lines),
            };
            others.push(format!("!{condition}"));
            tls(&mut reading.plan, block, &mut section.lines);
            host(&mut reading, &root, block, condition.trim_start_matches("! ").trim(), &mut section);
        }
        section.lines.sort_by_key(|line| match line.split(' ').next().unwrap_or_default() {
            "bind" => 0,
            "acl" => 1,
            "use_backend" => 3,
            "default_backend" => 4,
            _ => 2,
        });
        reading.plan.frontends.push((name, section));
    }
    if reading.plan.frontends.is_empty() {
        for name in reading.balancers.keys().cloned().collect::<Vec<_>>() {
            let section = balancer(&mut reading, &root, &name);
            reading.plan.backend(&name_of(&name), section);
        }
    }
    leftovers(&mut reading.plan, &root);
    Ok(reading.plan)
}

fn add<'a>(frontends: &mut Vec<(String, Section, Vec<&'a Directive>)>, address: &str, block: &'a Directive) {
    let name = name_of(&format!("on-{}", address.replace("*:", "")));
    match frontends.iter_mut().find(|(known, ..)| *known == name) {
        Some((.., blocks)) => blocks.push(block),
        None => {
            let section = Section { tcp: false, lines: vec![format!("bind {address}")] };
            frontends.push((name, section, vec![block]));
        }
    }
}

fn address(word: &str, listens: &[&str]) -> String {
    match word {
        port if port.bytes().all(|b| b.is_ascii_digit()) => format!("*:{port}"),
        "*" | "_default_" => format!("*:{}", listens.first().map_or("80", |l| l.rsplit(':').next().unwrap_or("80"))),
        host if host.ends_with(":*") => format!("{}:80", host.trim_end_matches(":*")),
        host if !host.contains(':') => format!("{host}:80"),
        address => address.replace("_default_", "*"),
    }
}

fn host_acl(block: &Directive, lines: &mut Vec<String>) -> String {
    let plain = |word: &str| word.split(':').next().unwrap_or_default().to_lowercase();
    let named = block.all("servername").chain(block.all("serveralias"));
    let all: Vec<String> = named.flat_map(|directive| directive.words.iter().map(|word| plain(word))).collect();
    let name = name_of(&format!("for-{}", all.first().map_or("nobody", String::as_str)));
    let (wild, exact): (Vec<&String>, Vec<&String>) = all.iter().partition(|name| name.contains('*'));
    let joined = |names: &[&String], cut: char| {
        names.iter().map(|name| name.trim_matches(cut).to_owned()).collect::<Vec<_>>().join(" ")
    };
    if !exact.is_empty() || wild.is_empty() {
        lines.push(
            format!("acl {name} req.hdr(host),field(1,:),lower -m str {}", joined(&exact, ' ')).trim_end().to_owned(),
        );
    }
    if !wild.is_empty() {
        lines.push(format!("acl {name} req.hdr(host),field(1,:),lower -m end {}", joined(&wild, '*')));
    }
    name
}

fn tls(plan: &mut Plan, block: &Directive, lines: &mut [String]) {
    if !block.one("sslengine").is_some_and(|engine| engine.word(0).eq_ignore_ascii_case("on")) {
        return;
    }
    let Some(bind) = lines.iter_mut().find(|line| line.starts_with("bind ")) else { return };
    if !bind.contains(" ssl") {
        bind.push_str(" ssl");
    }
    let certificate = block.one("sslcertificatefile").map_or("", |file| file.word(0));
    if !certificate.is_empty() {
        bind.push_str(&format!(" crt {}", quoted(certificate)));
    }
    if let Some(key) = block.one("sslcertificatekeyfile")
        && key.word(0) != format!("{certificate}.key")
    {
        let why = format!("the key must stand in {certificate} itself, or in {certificate}.key");
        plan.note(key.line, key.text.clone(), why);
    }
}

/// Balancers, expressions and templates of a block.
fn gather<'a>(reading: &mut Reading<'a>, block: &'a Directive) {
    for directive in &block.block {
        match directive.name.as_str() {
            "proxy" if directive.word(0).starts_with("balancer://") => {
                let name = directive.word(0).trim_start_matches("balancer://").to_owned();
                reading.balancers.entry(name).or_default().extend(&directive.block);
            }
            "balancermember" => {
                let name = directive.word(0).trim_start_matches("balancer://").to_owned();
                reading.balancers.entry(name).or_default().push(directive);
            }
            "proxyhcexpr" => {
                reading.expressions.insert(directive.word(0).to_owned(), directive);
            }
            "proxyhctemplate" => {
                let settings = pairs(directive.words.iter().skip(1));
                reading.templates.insert(directive.word(0).to_owned(), settings);
            }
            _ => {}
        }
    }
}

fn pairs<'a>(words: impl Iterator<Item = &'a String>) -> BTreeMap<String, String> {
    words.filter_map(|word| word.split_once('=')).map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect()
}

/// The rules of a host in the frontend of its address.
fn host(reading: &mut Reading<'_>, root: &Directive, block: &Directive, condition: &str, frontend: &mut Section) {
    let when = |more: &str| {
        let all = [condition, more].join(" ").trim().to_owned();
        if all.is_empty() { String::new() } else { format!(" if {all}") }
    };
    // ProxyPass and Location are looked at in their order; the first ProxyPass that fits is taken.
    let mut passes: Vec<(String, &Directive, &str)> = Vec::new();
    for directive in &block.block {
        match directive.name.as_str() {
            "proxypass" => passes.push((beginning(directive.word(0)), directive, directive.word(1))),
            "proxypassmatch" => {
                passes.push((format!("{{ path -m reg {} }}", quoted(directive.word(0))), directive, directive.word(1)));
            }
            "location" => {
                for pass in directive.all("proxypass") {
                    passes.push((beginning(directive.word(0)), pass, pass.word(0)));
                }
            }
            "redirect" | "redirectpermanent" | "redirecttemp" => redirect(reading, directive, &when, frontend),
            _ => {}
        }
    }
    let mut spared = Vec::new();
    for (matched, pass, target) in passes {
        if target == "!" {
            spared.push(format!("!{matched}"));
            reading.plan.lost(pass.line, pass.text.clone(), "files are not served: those requests get 503");
            continue;
        }
        let all = [spared.join(" "), matched].join(" ").trim().to_owned();
        let backend = backend(reading, root, block, pass, target);
        let rule = when(&all);
        frontend.lines.push(match rule.is_empty() {
            true => format!("default_backend {backend}"),
            false => format!("use_backend {backend}{rule}"),
        });
    }
    if block.name == "virtualhost" {
        leftovers(&mut reading.plan, block);
    }
}

fn beginning(path: &str) -> String {
    if path == "/" { String::new() } else { format!("{{ path -m beg {} }}", quoted(path)) }
}

fn redirect(reading: &mut Reading<'_>, directive: &Directive, when: &dyn Fn(&str) -> String, frontend: &mut Section) {
    let (status, path, url) = match (directive.name.as_str(), directive.words.as_slice()) {
        ("redirectpermanent", [path, url]) => ("301", path, url),
        (_, [path, url]) => ("302", path, url),
        (_, [status, path, url]) => match status.as_str() {
            "permanent" | "301" => ("301", path, url),
            "temp" | "302" => ("302", path, url),
            "seeother" | "303" => ("303", path, url),
            "307" => ("307", path, url),
            "308" => ("308", path, url),
            _ => return reading.plan.lost(directive.line, directive.text.clone(), "that status has no counterpart"),
        },
        _ => return reading.plan.lost(directive.line, directive.text.clone(), "has no counterpart"),
    };
    let prefix = url.trim_end_matches('/');
    let rule = match path.as_str() {
        // What follows the path is kept.
        "/" => format!("http-request redirect prefix {} code {status}{}", quoted(prefix), when("")),
        path => {
            let place = quoted(&format!("{prefix}%[url,regsub(^{path},)]"));
            format!("http-request redirect location {place} code {status}{}", when(&beginning(path)))
        }
    };
    frontend.lines.push(rule);
}

/// The backend that a ProxyPass leads to.
fn backend(reading: &mut Reading<'_>, root: &Directive, block: &Directive, pass: &Directive, target: &str) -> String {
    let (scheme, rest) = target.split_once("://").unwrap_or(("http", target));
    let (name, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let mut section = match scheme {
        "balancer" => balancer(reading, root, name),
        _ => {
            let skip = if pass.word(0) == target { 1 } else { 2 };
            let settings = pairs(pass.words.iter().skip(skip));
            let mut section = Section { tcp: false, lines: Vec::new() };
            let line = member(reading, pass, target, &settings, (1, 1, false), &mut section.lines);
            section.lines.push(line);
            section
        }
    };
    let mut before = Vec::new();
    if scheme == "balancer" && !reading.balancers.contains_key(name) {
        reading.plan.lost(pass.line, pass.text.clone(), format!("there is no balancer '{name}'"));
    }
    let keeps_host = [block, root].iter().find_map(|b| b.one("proxypreservehost"));
    if !keeps_host.is_some_and(|keeps| keeps.word(0).eq_ignore_ascii_case("on")) && scheme != "balancer" {
        before.push(format!("http-request set-header Host {}", quoted(name)));
    } else if keeps_host.is_none() {
        reading.plan.note(
            pass.line,
            pass.text.clone(),
            "httpd names the server in Host unless ProxyPreserveHost is on; here Host is what the client sent",
        );
    }
    // httpd adds it by itself.
    before.push("option forwardfor".to_owned());
    let from =
        if pass.words.len() > 1 && pass.name == "proxypass" && pass.word(0) != target { pass.word(0) } else { "" };
    let path = if path.is_empty() && from.ends_with('/') { "/" } else { path };
    if !from.is_empty() && from != path && !(from == "/" && path.is_empty()) {
        before.push(format!(
            "http-request replace-path {} {}",
            quoted(&format!("^{from}(.*)")),
            quoted(&format!("{path}\\1"))
        ));
    }
    for header in block.all("requestheader") {
        request_header(reading, header, &mut before);
    }
    let servers = section.lines.iter().position(|line| line.starts_with("server ")).unwrap_or(section.lines.len());
    section.lines.splice(servers..servers, before);
    reading.plan.backend(&name_of(name), section)
}

fn request_header(reading: &mut Reading<'_>, header: &Directive, lines: &mut Vec<String>) {
    let (verb, name, value) = (header.word(0).to_lowercase(), header.word(1), header.word(2));
    let value = match value {
        "expr=%{REQUEST_SCHEME}" | "%{REQUEST_SCHEME}s" => "%[ssl_fc,iif(https,http)]".to_owned(),
        value => value.to_owned(),
    };
    let known = !value.contains("%{") && header.words.len() <= 3;
    match verb.as_str() {
        "set" | "setifempty" if known => lines.push(format!("http-request set-header {name} {}", quoted(&value))),
        "add" | "append" if known => lines.push(format!("http-request add-header {name} {}", quoted(&value))),
        "unset" => lines.push(format!("http-request del-header {name}")),
        _ => reading.plan.lost(header.line, header.text.clone(), "has no counterpart"),
    }
}

/// The lines of a backend that is this balancer.
fn balancer(reading: &mut Reading<'_>, root: &Directive, name: &str) -> Section {
    let directives = reading.balancers.get(name).cloned().unwrap_or_default();
    let mut lines = vec!["balance roundrobin".to_owned()];
    let mut sticky = false;
    for set in directives.iter().filter(|directive| directive.name == "proxyset") {
        for (key, value) in pairs(set.words.iter()) {
            match (key.as_str(), value.as_str()) {
                ("lbmethod", "byrequests") => {}
                ("lbmethod", "bybusyness") => "balance leastconn".clone_into(&mut lines[0]),
                ("lbmethod", other) => {
                    reading.plan.lost(
                        set.line,
                        set.text.clone(),
                        format!("'{other}' has no counterpart; requests take turns"),
                    );
                }
                ("stickysession", cookie) => {
                    sticky = true;
                    let cookie = cookie.split('|').next().unwrap_or_default();
                    let sets = root.block.iter().chain(root.all("virtualhost").flat_map(|host| &host.block));
                    let inserts = sets
                        .filter(|header| header.name == "header")
                        .any(|header| header.text.contains("BALANCER_WORKER_ROUTE") && header.text.contains(cookie));
                    // Without httpd's own cookie the servers' session cookies end with the route.
                    lines.push(match inserts {
                        true => format!("cookie {cookie} insert indirect nocache"),
                        false => format!("cookie {cookie} prefix nocache"),
                    });
                    if !inserts {
                        reading.plan.note(
                            set.line,
                            set.text.clone(),
                            "the route is put before the session's value, not behind it",
                        );
                    }
                }
                ("timeout", seconds) => lines.push(format!("timeout queue {}", time(seconds))),
                ("maxattempts", n) => lines.push(format!("retries {n}")),
                ("failonstatus", codes) => {
                    reading.plan.lost(
                        set.line,
                        set.text.clone(),
                        format!("answers {codes} do not put a server out; 'observe layer7' counts 5xx"),
                    );
                }
                ("nofailover", _) => {}
                _ => reading.plan.lost(set.line, set.text.clone(), format!("'{key}' has no counterpart")),
            }
        }
    }
    let members: Vec<&Directive> = directives.iter().copied().filter(|d| d.name == "balancermember").collect();
    if members.len() > 1 && !lines.iter().any(|line| line.starts_with("retries")) {
        lines.push(format!("retries {}", members.len() - 1));
    }
    if members.len() > 1 {
        lines.push("option redispatch 1".to_owned());
    }
    let skip = |member: &Directive| usize::from(member.word(0).starts_with("balancer://"));
    let all: Vec<_> = members.iter().map(|member| pairs(member.words.iter().skip(skip(member) + 1))).collect();
    let factor = |settings: &BTreeMap<String, String>| -> f64 {
        settings.get("loadfactor").and_then(|f| f.parse().ok()).unwrap_or(1.0)
    };
    // httpd's factors may have fractions: then all are taken ten times.
    let has_fractions = all.iter().any(|settings| factor(settings).fract() != 0.0);
    for (index, (directive, mut settings)) in members.iter().zip(all).enumerate() {
        if has_fractions {
            settings.insert("loadfactor".to_owned(), (factor(&settings) * 10.0).to_string());
        }
        let url = directive.word(skip(directive)).to_owned();
        let line = member(reading, directive, &url, &settings, (index + 1, members.len(), sticky), &mut lines);
        lines.push(line);
    }
    Section { tcp: false, lines }
}

/// A server: its line; lines about checks go to the backend.
fn member(
    reading: &mut Reading<'_>,
    directive: &Directive,
    url: &str,
    own: &BTreeMap<String, String>,
    (number, count, sticky): (usize, usize, bool),
    lines: &mut Vec<String>,
) -> String {
    let template = own.get("hctemplate").and_then(|name| reading.templates.get(name)).cloned().unwrap_or_default();
    let mut settings = template;
    settings.extend(own.clone());
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let host = rest.split('/').next().unwrap_or_default();
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
    let port = if scheme == "https" { 443 } else { 80 };
    let mut line = format!("server s{number} {}", if has_port { host.to_owned() } else { format!("{host}:{port}") });
    match scheme {
        "http" => {}
        "https" => line.push_str(" ssl verify none"),
        "h2" | "h2c" => reading.plan.lost(directive.line, directive.text.clone(), "servers are spoken to in HTTP/1.1"),
        _ => reading.plan.lost(directive.line, directive.text.clone(), format!("'{scheme}' is not spoken")),
    }
    let get = |name: &str| settings.get(name).map(String::as_str);
    let (mut fails, mut rise) = ("1", "1");
    for (key, value) in &settings {
        match key.as_str() {
            "loadfactor" => line.push_str(&format!(" weight {}", weight(value))),
            "route" if sticky => line.push_str(&format!(" cookie {value}")),
            "max" => line.push_str(&format!(" maxconn {value}")),
            "status" => match value.trim_start_matches('+') {
                "H" => line.push_str(" backup"),
                "D" | "S" => line.push_str(" disabled"),
                "N" => line.push_str(" weight 0"),
                _ => reading.plan.lost(
                    directive.line,
                    directive.text.clone(),
                    format!("status '{value}' has no counterpart"),
                ),
            },
            "hcfails" => fails = value,
            "hcpasses" => rise = value,
            "timeout" => set_once(lines, format!("timeout server {}", time(value))),
            "connectiontimeout" => set_once(lines, format!("timeout connect {}", time(value))),
            "retry" | "hcmethod" | "hcuri" | "hcexpr" | "hcinterval" | "hctemplate" | "route" | "keepalive"
            | "ping" | "min" | "smax" | "acquire" | "nocanon" | "enablereuse" | "disablereuse" | "ttl" | "upgrade" => {}
            _ => reading.plan.lost(directive.line, directive.text.clone(), format!("'{key}' has no counterpart")),
        }
    }
    let interval = time(get("hcinterval").unwrap_or("30"));
    match get("hcmethod").unwrap_or("NONE").to_uppercase().as_str() {
        "NONE" => {
            if count > 1 {
                line.push_str(&passive(reading.wishes.own_words, 1, &time(get("retry").unwrap_or("60"))));
            }
        }
        "TCP" => line.push_str(&format!(" check inter {interval} fall {fails} rise {rise}")),
        method @ ("GET" | "HEAD" | "OPTIONS" | "GET11" | "HEAD11" | "OPTIONS11") => {
            let meth = method.trim_end_matches("11");
            let version = if method.ends_with("11") { " ver HTTP/1.1 hdr Host localhost" } else { "" };
            set_once(lines, "option httpchk".to_owned());
            set_once(
                lines,
                format!("http-check send meth {meth} uri {}{version}", quoted(get("hcuri").unwrap_or("/"))),
            );
            if let Some(name) = get("hcexpr") {
                expression(reading, directive, name, lines);
            }
            line.push_str(&format!(" check inter {interval} fall {fails} rise {rise}"));
        }
        other => reading.plan.lost(
            directive.line,
            directive.text.clone(),
            format!("checks by '{other}' have no counterpart"),
        ),
    }
    line
}

fn set_once(lines: &mut Vec<String>, line: String) {
    if !lines.contains(&line) {
        lines.push(line);
    }
}

/// Weights are whole numbers up to 256.
fn weight(factor: &str) -> u32 {
    factor.parse::<f64>().map_or(1, |factor| factor.round().clamp(0.0, 256.0) as u32)
}

/// An expression that judges an answer to a check.
fn expression(reading: &mut Reading<'_>, member: &Directive, name: &str, lines: &mut Vec<String>) {
    let Some(directive) = reading.expressions.get(name).copied() else {
        return reading.plan.lost(member.line, member.text.clone(), format!("there is no expression '{name}'"));
    };
    let text = directive.words.get(1..).unwrap_or_default().join(" ");
    let text = text.trim().trim_start_matches('{').trim_end_matches('}').trim();
    let pattern =
        |rest: &str| rest.trim().strip_prefix('/').and_then(|rest| rest.rsplit_once('/')).map(|(p, _)| p.to_owned());
    let compared = [("=~", ""), ("!~", "! ")].into_iter().find_map(|(operator, not)| {
        let (what, rest) = text.split_once(operator)?;
        Some((what.trim().to_owned(), not, pattern(rest)?))
    });
    let line = match &compared {
        Some((what, not, pattern)) if what == "%{REQUEST_STATUS}" => {
            Some(format!("http-check expect {not}rstatus {}", quoted(pattern)))
        }
        Some((what, not, pattern)) if what.replace('"', "'") == "hc('body')" => {
            Some(format!("http-check expect {not}rstring {}", quoted(pattern)))
        }
        _ => text
            .strip_prefix("%{REQUEST_STATUS}")
            .and_then(|rest| rest.trim().strip_prefix("-eq").or_else(|| rest.trim().strip_prefix("==")))
            .map(|code| format!("http-check expect status {}", code.trim().trim_matches('\''))),
    };
    match line {
        Some(line) => set_once(lines, line),
        None => reading.plan.lost(directive.line, directive.text.clone(), "that expression has no counterpart"),
    }
}

/// Names what of a block was not read.
fn leftovers(plan: &mut Plan, block: &Directive) {
    const READ: &[&str] = &[
        "listen",
        "virtualhost",
        "servername",
        "serveralias",
        "proxypass",
        "proxypassmatch",
        "proxy",
        "balancermember",
        "proxyhcexpr",
        "proxyhctemplate",
        "proxypreservehost",
        "requestheader",
        "redirect",
        "redirectpermanent",
        "redirecttemp",
        "sslengine",
        "sslcertificatefile",
        "sslcertificatekeyfile",
        "timeout",
        "proxytimeout",
        "keepalivetimeout",
        "keepalive",
    ];
    for directive in &block.block {
        let name = directive.name.as_str();
        match name {
            "header" if directive.text.contains("BALANCER_WORKER_ROUTE") => {}
            "location" => {
                for inner in directive
                    .block
                    .iter()
                    .filter(|inner| !READ.contains(&inner.name.as_str()) && !HARMLESS.contains(&inner.name.as_str()))
                {
                    plan.lost(inner.line, inner.text.clone(), "has no counterpart");
                }
            }
            "errorlog" | "customlog" | "loglevel" | "logformat" => {
                plan.note(directive.line, directive.text.clone(), "say 'log' and 'option httplog', or 'log-format'");
            }
            "user" | "group" => {
                plan.note(directive.line, directive.text.clone(), "say it in 'global' if lbd starts as root");
            }
            _ if READ.contains(&name) || HARMLESS.contains(&name) => {}
            _ => plan.lost(directive.line, directive.text.clone(), "has no counterpart"),
        }
    }
}
