//! `server` and `default-server` lines.

pub(crate) mod detour;
pub(crate) mod pool;
pub(crate) mod way;

use crate::address::{self, Allow, Endpoint, Port};
use crate::cx::Cx;
use crate::diagnostic::Site;
use crate::guid;
use crate::keywords::{self, OWN, SERVER, ServerRow, Status};
use crate::line::{Done, Fault, Line, TIME_HELP, fault, time_complaint};
use crate::model::{
    AgentParams, Announce, ConnectAddress, HealthParams, InitState, NodeKey, Observe, OnError, Place, Server, Source,
};
use crate::proxy::ProxyDraft;
use crate::resolvers::{InitAddr, ResolutionDraft};
use crate::suggest::did_you_mean;
use crate::tls::server::ServerTlsDraft;
use lb_model::{MAX_WEIGHT, TimeUnit, is_valid_name, parse_time};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// Reads one parameter; the text is its argument, if it has one. The error is what HAProxy says.
pub(crate) type ServerHandler = fn(&mut ServerDraft, &str, &Cx<'_>) -> Result<(), String>;

/// A server as it is read.
#[derive(Debug, Clone)]
pub(crate) struct ServerDraft {
    pub server: Server,
    /// `agent-…` settings, in force with `agent-check`.
    pub agent: AgentParams,
    pub agent_check: bool,
    /// Its name on its line.
    pub site: Site,
    /// The argument of `id`.
    pub id_site: Option<Site>,
    /// `track`, and where it stands.
    pub track: Option<(String, Site)>,
    /// `healthcheck`: the section whose check it uses.
    pub healthcheck: Option<String>,
    /// `on-error` was said.
    pub on_error: bool,
    /// `fail-timeout` was said.
    pub fail_timeout: bool,
    /// `init-state` was said.
    pub init_state: bool,
    /// A parameter was said.
    said: bool,
    /// The address could be read; if not, it was reported.
    pub placed: bool,
    /// What it says of the resolution of its name.
    pub resolution: ResolutionDraft,
    /// What it says of TLS.
    pub tls: ServerTlsDraft,
    /// `check-proto`.
    pub check_proto: Option<detour::CheckProto>,
    /// This is a `default-server` line.
    default: bool,
    /// The parameter being read, as it was written.
    pub keyword: String,
}

impl ServerDraft {
    /// A server with every parameter at its documented default.
    pub fn documented(site: &Site) -> Self {
        Self {
            server: Server {
                name: "".into(),
                id: 0,
                guid: None,
                forced_id: false,
                referenced: false,
                address: ConnectAddress::Ip(Ipv4Addr::UNSPECIFIED.into()),
                port: 0,
                port_offset: None,
                fqdn: None,
                resolution: None,
                weight: 1,
                maxconn: 0,
                minconn: 0,
                maxqueue: 0,
                backup: false,
                non_stick: false,
                disabled: false,
                cookie: None,
                check: false,
                health: HealthParams::default(),
                check_method: None,
                agent: None,
                track: None,
                slowstart: None,
                observe: Observe::None,
                error_limit: 10,
                on_error: OnError::FailCheck,
                max_fails: 0,
                fail_timeout: Duration::from_secs(10),
                on_marked_down_shutdown: false,
                on_marked_up_shutdown_backup: false,
                init_state: InitState::None,
                announce: Announce::default(),
                proxy_extensions: Vec::new(),
                pool_max_conn: -1,
                pool_purge_delay: Duration::from_secs(5),
                max_reuse: None,
                source: None,
                socks4: None,
                socket: None,
                node_key: NodeKey::Id,
                pool_name: None,
                strict_maxconn: false,
                redir: None,
                tls: None,
                place: Place::default(),
            },
            agent: AgentParams { port: 0, addr: None, inter: None, send: None },
            agent_check: false,
            site: site.clone(),
            id_site: None,
            track: None,
            healthcheck: None,
            on_error: false,
            fail_timeout: false,
            init_state: false,
            said: false,
            placed: false,
            resolution: ResolutionDraft::default(),
            tls: ServerTlsDraft::default(),
            check_proto: None,
            default: false,
            keyword: String::new(),
        }
    }

    /// Checks go where traffic does not: they are not what traffic is unless they are told to.
    pub fn checks_elsewhere(&self) -> bool {
        self.server.health.addr.is_some() || self.server.health.port.is_some()
    }

    /// A server with the parameters of another.
    pub fn like(server: &Server) -> Self {
        let agent = server.agent.clone();
        let base = Self::documented(&Site::nowhere());
        let own = Server { id: 0, guid: None, referenced: false, track: None, ..server.clone() };
        let init_state = own.init_state != InitState::None;
        let tls = own.tls.as_deref().map(ServerTlsDraft::like).unwrap_or_default();
        Self { agent_check: agent.is_some(), agent: agent.unwrap_or(base.agent), server: own, init_state, tls, ..base }
    }

    /// A server of that name begins with what is known so far.
    pub fn begin(&mut self, name: &str, place: Place) {
        self.default = false;
        self.server.name = name.into();
        self.server.place = place;
    }

    /// Whether any parameter was said.
    pub fn is_said(&self) -> bool {
        self.said
    }

    /// Whether it is checked and there is no port to check.
    pub fn lacks_check_port(&self) -> bool {
        let server = &self.server;
        let on_ip = matches!(server.address, ConnectAddress::Ip(_)) || server.health.addr.is_some();
        server.check && self.resolution.srv.is_none() && server.port == 0 && server.health.port.is_none() && on_ip
    }

    /// `agent-check` puts the `agent-…` settings in force.
    pub fn settle_agent(&mut self) {
        self.server.agent = self.agent_check.then(|| self.agent.clone());
    }

    /// What it says of its connections, in its final form; `source` is the backend's.
    pub fn settle_way(&mut self, source: Option<&Source>) {
        let server = &mut self.server;
        if server.source.is_none() {
            server.source = source.cloned();
        }
        // As observed, a lower limit that is not below the upper one takes its place.
        if server.minconn >= server.maxconn && server.minconn > 0 {
            server.maxconn = std::mem::take(&mut server.minconn);
        }
    }

    /// Reads the parameters from word `from` on, reporting every fault.
    fn parameters(&mut self, line: &Line, from: usize, outer: &str, cx: &mut Cx<'_>) {
        let mut at = from;
        self.said |= line.has(from);
        while line.has(at) {
            let name = line.word(at);
            let Some(row) = ServerRow::named(name) else {
                let near = did_you_mean(name, SERVER.iter().map(|row| row.name));
                let end = if near.is_empty() { "." } else { "" };
                let mut fault = fault(at, format!("{outer}unknown keyword '{name}'{near}{end}"));
                let mut next = at + 1;
                if let Some((help, words)) = of_the_backend(line, at) {
                    fault = Fault { message: format!("{outer}unknown keyword '{name}'."), ..fault }.help(help);
                    next = at + words;
                } else if self.default && at == from {
                    fault = fault.help("no address was expected for this server");
                }
                cx.report(line, fault);
                at = next;
                continue;
            };
            if OWN.contains(&row.name) {
                cx.own_words.push((row.name, line.site(at)));
            }
            let argument = if row.arguments == 0 { "" } else { line.word(at + 1) };
            let word = (at + row.arguments).min(line.len() - 1);
            match &row.status {
                Status::Supported(handler) => {
                    if row.tls {
                        self.tls.sites.insert(row.name, line.site(word));
                    }
                    if row.argued() {
                        name.clone_into(&mut self.keyword);
                    }
                    if let Err(message) = handler(self, argument, cx) {
                        let message = format!("{outer}{message}");
                        let fault = fault(word, message.clone());
                        let timed = message.contains("unexpected character");
                        cx.report(line, if timed { fault.help(TIME_HELP) } else { fault });
                    } else if name == "track" {
                        self.track = Some((argument.to_owned(), line.site(at + 1)));
                    } else if name == "id" {
                        self.id_site = Some(line.site(at + 1));
                    }
                }
                Status::Tuning => cx.ignore(&format!("server … {name}")),
                Status::NotYet => cx.report(line, fault(at, format!("{outer}{}", keywords::not_yet(name)))),
                Status::Gone(why) => cx.report(line, fault(at, format!("{outer}{why}"))),
            }
            at += 1 + row.arguments;
        }
    }
}

/// Words that articles put on server lines, and the lines of the backend that do what is meant; also how many words
/// belong to it.
fn of_the_backend(line: &Line, at: usize) -> Option<(String, usize)> {
    let (argument, words) = match line.word(at + 1) {
        "" => ("…", 1),
        word => (word, 2),
    };
    let quoted = |text: &str| if text.contains(' ') { format!("\"{text}\"") } else { text.to_owned() };
    let (lines, words) = match line.word(at) {
        "uri" | "url" | "path" | "check-uri" => {
            (format!("'option httpchk' and 'http-check send meth GET uri {}'", quoted(argument)), words)
        }
        "method" | "meth" => (format!("'option httpchk' and 'http-check send meth {} uri /'", quoted(argument)), words),
        "expect" => match argument {
            kind @ ("status" | "string" | "rstatus" | "rstring") => {
                let pattern = quoted(line.word(at + 2));
                (format!("'option httpchk' and 'http-check expect {kind} {pattern}'"), 3)
            }
            code if code.bytes().all(|b| b.is_ascii_digit()) => {
                (format!("'option httpchk' and 'http-check expect status {code}'"), words)
            }
            text => (format!("'option httpchk' and 'http-check expect string {}'", quoted(text)), words),
        },
        "timeout" => (format!("'timeout check {argument}'"), words),
        _ => return None,
    };
    Some((format!("what a check sends and expects is said in the backend, for all its servers: {lines}"), words))
}

/// `default-server [name <name>] [from <origin>] [parameters]`.
pub(crate) fn default_server(p: &mut ProxyDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    let named = line.word(1) == "name";
    let name = if named { line.need(2, "'default-server' : 'name' expects a name.")? } else { "" };
    if named && !is_valid_name(name) {
        return Err(fault(2, format!("'default-server' : invalid character in name '{name}'.")));
    }
    if let Some(server) = p.servers.iter().find(|server| named && *server.server.name == *name) {
        let line = server.site.line;
        return Err(fault(
            2,
            format!("'default-server' : a server named '{name}' was already defined at line {line}."),
        ));
    }
    let at = if named { 3 } else { 1 };
    let known = p.named_servers.iter().position(|(known, _)| named && known == name);
    let (mut draft, from) = match known.and_then(|known| p.named_servers.get(known)) {
        Some((_, set)) if line.word(at) != "from" => (set.clone(), at),
        _ => base(p, line, at)?,
    };
    draft.default = true;
    draft.parameters(line, from, "'default-server' : ", cx);
    if let Some(site) = draft.id_site.take() {
        cx.sink.alert(&site, "'id' option is not accepted in default-server sections");
        draft.server.id = 0;
    }
    if draft.server.guid.take().is_some() {
        cx.sink.alert(&line.site(0), "'guid' option is not accepted in default-server sections");
    }
    match known.and_then(|known| p.named_servers.get_mut(known)) {
        Some((_, set)) => *set = draft,
        None if named => p.named_servers.push((name.to_owned(), draft)),
        None => p.default_server = draft,
    }
    Ok(())
}

/// What a line begins with: what `from` at word `at` says, else the section's unnamed set. The word after it.
fn base(p: &ProxyDraft, line: &Line, at: usize) -> Result<(ServerDraft, usize), Fault> {
    if line.word(at) != "from" {
        return Ok((p.default_server.clone(), at));
    }
    let own = |name: &str| name.is_empty() || *p.proxy.name == *name;
    let elsewhere = |name: &str| {
        fault(at + 1, format!("from: unknown backend instance '{name}'."))
            .help("in a file, only the section's own sets and the servers above can be named")
    };
    let origin = line.word(at + 1);
    let draft = match (origin, origin.strip_prefix("be:"), origin.strip_prefix("srv:")) {
        ("none", ..) => ServerDraft::documented(&line.site(0)),
        (_, Some(name), _) if own(name) => p.default_server.clone(),
        (_, Some(name), _) => return Err(elsewhere(name)),
        (_, _, Some(path)) => {
            let (owner, name) = path.split_once('/').unwrap_or(("", path));
            if !own(owner) {
                return Err(elsewhere(owner));
            }
            let set = p.named_servers.iter().find(|(known, _)| known == name).map(|(_, set)| set);
            let server = p.servers.iter().find(|server| *server.server.name == *name);
            let Some(found) = set.or(server) else {
                let message = format!("from: unknown server '{name}' in backend '{}'.", p.proxy.name);
                return Err(fault(at + 1, message));
            };
            let mut draft = found.clone();
            // What names one server alone is not handed on.
            (draft.server.id, draft.id_site, draft.track) = (0, None, None);
            draft.server.guid = None;
            draft
        }
        _ => return Err(fault(at + 1, "'from' expects 'none', 'be:[<backend>]' or 'srv:[<backend>/]<name>'.")),
    };
    Ok((draft, at + 2))
}

/// `server <name> <address>[:<port>] [from <origin>] [parameters]`.
pub(crate) fn server(p: &mut ProxyDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    let usage = "'server' expects <name> and <addr>[:<port>] as arguments.";
    let name = line.need(1, usage)?;
    checked_name(name)?;
    line.need(2, usage)?;
    let outer = format!("'server {}/{name}' : ", p.proxy.name);
    if p.named_servers.iter().any(|(known, _)| known == name) {
        return Err(fault(1, format!("{outer}a default-server set has this name already.")));
    }
    let (mut draft, from) = base(p, line, 3)?;
    draft.begin(name, line.place());
    draft.site = line.site(1);
    draft.parameters(line, from, &outer, cx);
    let placed = draft.find_place(line, 2, &outer, cx);
    // The server is kept even when its address is wrong, so that what names it is not blamed as well.
    p.servers.push(draft);
    placed
}

fn checked_name(name: &str) -> Done {
    match name.chars().find(|c| !is_valid_name(c.encode_utf8(&mut [0; 4]))) {
        None => Ok(()),
        Some(bad) => Err(fault(1, format!("character '{bad}' is not permitted in server name '{name}'."))
            .help("names are made of letters, digits, '.', ':', '_' and '-'")),
    }
}

/// Most servers a template may make.
const MOST_OF_A_TEMPLATE: u32 = 4_096;

/// `server-template <prefix> <number | range> <name>[:<port>] [parameters]`: as many servers of the same kind.
pub(crate) fn server_template(p: &mut ProxyDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    let usage = "'server-template' expects <prefix> <nb | range> <addr>[:<port>] as arguments.";
    let prefix = line.need(1, usage)?;
    checked_name(prefix)?;
    let range = line.need(2, usage)?;
    line.need(3, usage)?;
    let (first, last) = range.split_once('-').unwrap_or(("1", range));
    let range = match (first.parse::<u32>(), last.parse::<u32>()) {
        (Ok(first), Ok(last)) if 0 < first && first <= last && last - first < MOST_OF_A_TEMPLATE => first..=last,
        _ => {
            return Err(fault(2, format!("Wrong server-template number or range arg '{range}'.")).help(format!(
                "'3' makes three servers, '2-5' those with these numbers; at most {MOST_OF_A_TEMPLATE}"
            )));
        }
    };
    let outer = format!("'server-template {}/{prefix}' : ", p.proxy.name);
    let mut draft = p.default_server.clone();
    draft.begin(prefix, line.place());
    draft.site = line.site(1);
    draft.parameters(line, 4, &outer, cx);
    if let Some(site) = draft.id_site.take() {
        cx.sink.alert(&site, "'id' option is not accepted in server-template lines: each server needs its own");
    }
    if draft.server.guid.take().is_some() {
        cx.sink.alert(&draft.site, "'guid' option is not accepted in server-template lines: each server needs its own");
    }
    let placed = draft.find_place(line, 3, &outer, cx);
    for number in range {
        let mut one = draft.clone();
        one.server.name = format!("{prefix}{number}").into();
        p.servers.push(one);
    }
    placed
}

impl ServerDraft {
    /// Sets the address from the word `at`: an address, or a name that is looked up as `init-addr` says.
    fn find_place(&mut self, line: &Line, at: usize, outer: &str, cx: &mut Cx<'_>) -> Done {
        let text = line.word(at);
        let allow = Allow { port_offset: true, sockpair: true, ..Allow::default() };
        let blamed =
            |error: address::AddressError| Fault { help: error.help, ..fault(at, format!("{outer}{}", error.message)) };
        let unasked = Allow { unresolved: true, unasked: true, ..allow };
        set_address(&mut self.server, text, unasked, cx).map_err(blamed)?;
        let Some(name) = self.server.fqdn.clone() else {
            self.placed = true;
            return Ok(());
        };
        if name.starts_with('_') {
            self.resolution.srv = self.server.fqdn.take();
            self.placed = true;
            return Ok(());
        }
        let steps = self.resolution.init.clone().unwrap_or_else(|| vec![InitAddr::Last, InitAddr::Libc]);
        let mut failure = None;
        for step in steps {
            match step {
                // What a state file says is applied once it is read.
                InitAddr::Last => continue,
                InitAddr::Libc => match set_address(&mut self.server, text, allow, cx) {
                    Ok(()) => {}
                    Err(error) => {
                        failure = Some(error);
                        continue;
                    }
                },
                InitAddr::None => {}
                InitAddr::Ip(ip) => self.server.address = ConnectAddress::Ip(ip),
            }
            self.placed = true;
            return Ok(());
        }
        if self.resolution.section.is_some() {
            cx.warn(&line.site(at), format!("{outer}could not resolve address '{name}', disabling server."));
            self.placed = true;
            return Ok(());
        }
        Err(blamed(failure.unwrap_or_else(|| address::AddressError {
            message: format!("could not resolve address '{name}'."),
            help: Some("'init-addr' names no other way to get one: add 'none' to start without".to_owned()),
        })))
    }
}

/// Sets the address; a name is kept as it is.
pub(crate) fn set_address_later(server: &mut Server, text: &str, cx: &Cx<'_>) -> Result<(), String> {
    let allow = Allow { port_offset: true, unresolved: true, ..Allow::default() };
    server.port = 0;
    server.port_offset = None;
    set_address(server, text, allow, cx).map_err(|error| error.message)
}

fn set_address(server: &mut Server, text: &str, allow: Allow, cx: &Cx<'_>) -> Result<(), address::AddressError> {
    match address::parse(text, allow, cx) {
        Ok(Endpoint::Ip { ip, port, name }) => {
            server.address = ConnectAddress::Ip(ip);
            server.fqdn = name;
            match port {
                Port::Range(port, _) => server.port = port,
                Port::Offset(offset) => server.port_offset = Some(offset),
                Port::None => {}
            }
        }
        Ok(Endpoint::Unix(path)) => server.address = ConnectAddress::Unix(path),
        Ok(Endpoint::Abstract(name)) => server.address = ConnectAddress::Abstract(name),
        Ok(Endpoint::Sockpair(fd)) => server.address = ConnectAddress::Sockpair(fd),
        Ok(Endpoint::Fd(_)) => {}
        Err(mut error) => {
            if let Some(rest) = error.message.strip_prefix("invalid address: '") {
                let host = rest.split('\'').next().unwrap_or_default().to_owned();
                error.message = format!("could not resolve address '{host}'.");
            }
            return Err(error);
        }
    }
    Ok(())
}

fn number<T: std::str::FromStr>(text: &str, name: &str) -> Result<T, String> {
    match text {
        "" => Err(format!("'{name}' expects an integer argument")),
        text => text.parse().map_err(|_| format!("'{name}' expects an integer argument (got '{text}')")),
    }
}

/// A duration that a server parameter holds.
fn delay(d: &ServerDraft, text: &str, name: &str) -> Result<Duration, String> {
    if text.is_empty() {
        return Err(format!("'{name}' expects a delay as argument."));
    }
    let server = if d.default { String::new() } else { format!(" of server {}", d.server.name) };
    let whose = format!("'{name}' argument{server}");
    parse_time(text, TimeUnit::Millis).map_err(|error| time_complaint(error, text, &whose))
}

/// The same, but not zero.
fn positive(d: &ServerDraft, text: &str, name: &str) -> Result<Duration, String> {
    match delay(d, text, name)? {
        Duration::ZERO => Err(format!("invalid value {text} for argument '{name}' of server {}.", d.server.name)),
        delay => Ok(delay),
    }
}

fn count(text: &str, name: &str) -> Result<u32, String> {
    match text {
        "" => Err(format!("'{name}' expects an integer argument.")),
        text => text.parse().ok().filter(|n| *n > 0).ok_or_else(|| format!("'{name}' has to be > 0.")),
    }
}

fn tcp_port(text: &str, name: &str) -> Result<u16, String> {
    match text.parse::<u16>() {
        Ok(port) if port > 0 => Ok(port),
        _ if text.is_empty() => Err(format!("'{name}' expects a port number as argument.")),
        _ => Err(format!("'{name}' : invalid port '{text}'")),
    }
}

fn check_address(text: &str, name: &str, cx: &Cx<'_>) -> Result<(IpAddr, Option<u16>), String> {
    if text.is_empty() {
        return Err(format!("'{name}' expects an address argument."));
    }
    match address::parse(text, Allow::default(), cx).map_err(|e| format!("'{name}' : {}", e.message))? {
        Endpoint::Ip { ip, port: Port::Range(port, _), .. } => Ok((ip, Some(port).filter(|p| *p > 0))),
        Endpoint::Ip { ip, .. } => Ok((ip, None)),
        _ => Err(format!("'{name}' : an IP address is expected, not '{text}'")),
    }
}

/// A handler that sets a field to a constant.
macro_rules! flags {
    ($( $name:ident: $($field:ident).+ = $value:expr; )*) => {
        $(
            pub(crate) fn $name(d: &mut ServerDraft, _: &str, _: &Cx<'_>) -> Result<(), String> {
                d.$($field).+ = $value;
                Ok(())
            }
        )*
    };
}

flags! {
    agent_check: agent_check = true;
    no_agent_check: agent_check = false;
    non_stick: server.non_stick = true;
    stick: server.non_stick = false;
    backup: server.backup = true;
    no_backup: server.backup = false;
    check: server.check = true;
    no_check: server.check = false;
    check_send_proxy: server.health.send_proxy = true;
    no_check_send_proxy: server.health.send_proxy = false;
    disabled: server.disabled = true;
    enabled: server.disabled = false;
}

/// A handler that reads its argument into a field; `d`, `text` and `cx` may be used.
macro_rules! values {
    ($( $name:ident($d:ident, $text:ident, $cx:ident) $body:block )*) => {
        $(
            pub(crate) fn $name($d: &mut ServerDraft, $text: &str, $cx: &Cx<'_>) -> Result<(), String> {
                $body
                Ok(())
            }
        )*
    };
}

values! {
    weight(d, text, _cx) {
        let weight: u32 = number(text, "weight")?;
        if weight > MAX_WEIGHT {
            return Err(format!("weight of server {} is not within 0 and 256 ({weight}).", d.server.name));
        }
        d.server.weight = weight;
    }
    maxconn(d, text, _cx) { d.server.maxconn = number(text, "maxconn")?; }
    maxqueue(d, text, _cx) { d.server.maxqueue = number(text, "maxqueue")?; }
    inter(d, text, _cx) { d.server.health.inter = positive(d, text, "inter")?; }
    fastinter(d, text, _cx) { d.server.health.fastinter = Some(positive(d, text, "fastinter")?); }
    downinter(d, text, _cx) { d.server.health.downinter = Some(positive(d, text, "downinter")?); }
    agent_inter(d, text, _cx) { d.agent.inter = Some(positive(d, text, "agent-inter")?); }
    rise(d, text, _cx) { d.server.health.rise = count(text, "rise")?; }
    fall(d, text, _cx) { d.server.health.fall = count(text, "fall")?; }
    port(d, text, _cx) { d.server.health.port = Some(tcp_port(text, "port")?); }
    agent_port(d, text, _cx) { d.agent.port = tcp_port(text, "agent-port")?; }
    agent_addr(d, text, cx) { d.agent.addr = Some(check_address(text, "agent-addr", cx)?.0); }
    agent_send(d, text, _cx) {
        if text.is_empty() {
            return Err("'agent-send' expects a string argument.".to_owned());
        }
        d.agent.send = Some(text.to_owned());
    }
    addr(d, text, cx) {
        let (ip, port) = check_address(text, "addr", cx)?;
        d.server.health.addr = Some(ip);
        d.agent.addr = Some(ip);
        d.server.health.port = port.or(d.server.health.port);
    }
    healthcheck(d, text, _cx) {
        if text.is_empty() {
            return Err("'healthcheck' expects the name of a healthcheck section as argument.".to_owned());
        }
        d.healthcheck = Some(text.to_owned());
    }
    cookie(d, text, _cx) {
        if text.is_empty() {
            return Err("'cookie' expects <value> as argument.".to_owned());
        }
        d.server.cookie = Some(text.to_owned());
    }
    slowstart(d, text, _cx) { d.server.slowstart = Some(delay(d, text, "slowstart")?).filter(|s| !s.is_zero()); }
    error_limit(d, text, _cx) {
        d.server.error_limit = count(text, "error-limit").map_err(|_| "error-limit has to be > 0.".to_owned())?;
    }
    max_fails(d, text, _cx) {
        let most = "'max-fails' expects a number of failures from 0 (none puts the server out) to 10000";
        d.server.max_fails =
            text.parse().ok().filter(|fails| *fails <= 10_000).ok_or_else(|| format!("{most}, not '{text}'."))?;
    }
    fail_timeout(d, text, _cx) {
        d.server.fail_timeout = positive(d, text, "fail-timeout")?;
        d.fail_timeout = true;
    }
    pool_max_conn(d, text, _cx) {
        let most: i32 = number(text, "pool-max-conn")?;
        if most < -1 {
            return Err("'pool-max-conn' must be >= -1".to_owned());
        }
        d.server.pool_max_conn = most;
    }
    pool_purge_delay(d, text, _cx) { d.server.pool_purge_delay = delay(d, text, "pool-purge-delay")?; }
    id(d, text, _cx) {
        let complaint = "'id' : custom id has to be > 0";
        d.server.id = text.parse().ok().filter(|id| *id > 0).ok_or(complaint)?;
    }
    guid(d, text, _cx) {
        guid::check(text).map_err(|why| format!("'guid' : {why}"))?;
        d.server.guid = Some(text.into());
    }
    track(_d, text, _cx) {
        if text.is_empty() {
            return Err("'track' expects [<proxy>/]<server> as argument.".to_owned());
        }
    }
    observe(d, text, _cx) {
        d.server.observe = match text {
            "none" => Observe::None,
            "layer4" => Observe::Layer4,
            "layer7" => Observe::Layer7,
            _ => return Err(format!("'observe' expects one of 'none', 'layer4', 'layer7' but got '{text}'")),
        };
    }
    on_error(d, text, _cx) {
        d.server.on_error = match text {
            "fastinter" => OnError::Fastinter,
            "fail-check" => OnError::FailCheck,
            "sudden-death" => OnError::SuddenDeath,
            "mark-down" => OnError::MarkDown,
            _ => {
                return Err(format!(
                    "'on-error' expects one of 'fastinter', 'fail-check', 'sudden-death' or 'mark-down' but got '{text}'"
                ));
            }
        };
        d.on_error = true;
    }
    on_marked_down(d, text, _cx) {
        if text != "shutdown-sessions" {
            return Err(format!("'on-marked-down' expects 'shutdown-sessions' but got '{text}'"));
        }
        d.server.on_marked_down_shutdown = true;
    }
    on_marked_up(d, text, _cx) {
        if text != "shutdown-backup-sessions" {
            return Err(format!("'on-marked-up' expects 'shutdown-backup-sessions' but got '{text}'"));
        }
        d.server.on_marked_up_shutdown_backup = true;
    }
    init_state(d, text, _cx) {
        d.server.init_state = match text {
            "none" => InitState::None,
            "fully-up" => InitState::FullyUp,
            "up" => InitState::Up,
            "down" => InitState::Down,
            "fully-down" => InitState::FullyDown,
            _ => {
                return Err(format!(
                    "'init-state' expects one of 'fully-up', 'up', 'down', 'fully-down' or 'none' but got '{text}'"
                ));
            }
        };
        d.init_state = true;
    }
}
