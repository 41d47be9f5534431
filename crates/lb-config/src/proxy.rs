//! Proxies and `defaults` as they are read: names unresolved, inheritance applied by copying.

use crate::captures::Captures;
use crate::checks::CheckDraft;
use crate::cx::Cx;
use crate::diagnostic::Site;
use crate::dynamic::DefaultServers;
use crate::errors;
use crate::guid;
use crate::keywords::{self, PROXY, Scope, Status};
use crate::line::{Done, Fault, Line, fault};
use crate::log::{self, LogLine};
use crate::log_format::LogDraft;
use crate::mailers::EmailDraft;
use crate::model::{
    Balance, CheckMethod, Compression, HttpReuse, HttpRule, KeepAlive, LoadState, LogSteps, Options, Place, Proxy,
    Timeouts,
};
use crate::retry_on::RetryOn;
use crate::server::ServerDraft;
use crate::suggest::did_you_mean;
use crate::table::{TableDraft, TableUse};
use crate::tls::bind::BindWords;
use lb_model::{Mode, ProxyKind, is_valid_name};
use lb_sample::{Condition, Reference, Side};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Reads a line of a proxy or of a `defaults` section.
pub(crate) type ProxyHandler = fn(&mut ProxyDraft, &mut Cx<'_>, &Line) -> Done;

/// A `use_backend` or `use-server` rule whose backend or server may stand further down.
#[derive(Debug, Clone)]
pub(crate) struct Switch {
    /// The name.
    pub backend: String,
    /// The name is made for each stream.
    pub computed: Option<Arc<lb_sample::LogFormat>>,
    pub site: Site,
    pub condition: Option<Condition>,
}

/// A section being read.
#[derive(Debug, Clone)]
pub(crate) struct ProxyDraft {
    /// What is already known for good.
    pub proxy: Proxy,
    /// `None` in a `defaults` section.
    pub kind: Option<ProxyKind>,
    /// A `defaults` section with a name.
    named_defaults: bool,
    /// `mode` was said.
    pub mode_said: bool,
    /// Its name, or its keyword when it has none.
    pub site: Site,
    /// The argument of `id`.
    pub id_site: Option<Site>,
    pub default_server: ServerDraft,
    /// Sets of parameters with a name, which `from` finds.
    pub named_servers: Vec<(String, ServerDraft)>,
    /// What `bind` lines say of TLS.
    pub bind_words: Vec<BindWords>,
    pub servers: Vec<ServerDraft>,
    pub switches: Vec<Switch>,
    pub default_backend: Option<(String, Site)>,
    /// `use-server` rules, whose servers may stand further down.
    pub used_servers: Vec<Switch>,
    pub logs: Vec<LogLine>,
    pub log: LogDraft,
    /// `redirect` lines: run after all `http-request` rules, wherever they stand.
    pub redirects: Vec<HttpRule>,
    /// ACLs that could not be read: rules that use them are not blamed as well.
    pub bad_acls: BTreeSet<String>,
    /// Objects that expressions name.
    pub references: Vec<(Reference, Site)>,
    /// The table the section declares.
    pub table: Option<TableDraft>,
    /// Rules that need tables.
    pub table_uses: Vec<TableUse>,
    /// `option abortonclose`, when said.
    pub abortonclose: Option<bool>,
    /// Slots that `capture` actions name: their side, their number, the rules they are of.
    pub capture_uses: Vec<(Side, usize, &'static str, Site)>,
    /// Lines to blame when their mode or their partner is missing.
    pub cookie_site: Option<Site>,
    pub balance_site: Option<Site>,
    pub forwardfor_site: Option<Site>,
    pub http_rules_site: Option<Site>,
    pub check: CheckDraft,
    /// `email-alert`.
    pub email: EmailDraft,
    pub log_site: Option<Site>,
    /// What it says of error pages.
    pub errors: Vec<errors::Said>,
    /// `http-errors` sections that rules answer with, their statuses and where they are named.
    pub error_uses: Vec<(Arc<str>, u16, Site)>,
}

/// A `defaults` section.
#[derive(Debug, Clone)]
pub(crate) struct Defaults {
    pub name: Option<String>,
    pub draft: ProxyDraft,
}

impl Defaults {
    /// Begins a section: `defaults [<name>] [from <name>]`.
    pub fn open(line: &Line, known: &[Self], cx: &mut Cx<'_>) -> Result<Self, Fault> {
        let named = line.has(1) && line.word(1) != "from";
        let name = named.then(|| line.word(1).to_owned());
        let at = if named { 2 } else { 1 };
        let mut draft = ProxyDraft::documented(line.site(if named { 1 } else { 0 }));
        if line.word(at) == "from" {
            let owner = format!("defaults '{}'", line.word(1));
            if let Some(base) = inherited(line, at + 1, known, &owner, cx)? {
                draft = ProxyDraft { site: draft.site, ..base.draft.clone() };
            }
            line.ends_after(at + 1, "defaults")?;
        } else {
            line.ends_after(at - 1, "defaults")?;
        }
        draft.named_defaults = named;
        draft.proxy.place = line.place();
        Ok(Self { name, draft })
    }
}

/// The section named at word `at`.
fn inherited<'d>(
    line: &Line,
    at: usize,
    known: &'d [Defaults],
    owner: &str,
    cx: &mut Cx<'_>,
) -> Result<Option<&'d Defaults>, Fault> {
    let wanted = line.need(at, "'from' expects the name of a defaults section.")?;
    let mut found = known.iter().filter(|d| d.name.as_deref() == Some(wanted));
    let Some(first) = found.next() else {
        let names = known.iter().filter_map(|d| d.name.as_deref());
        let near = did_you_mean(wanted, names);
        return Err(fault(at, format!("defaults section '{wanted}' not found for {owner}{near}.")));
    };
    if let Some(second) = found.next_back() {
        let (a, b) = (&first.draft.proxy.place, &second.draft.proxy.place);
        let message = format!(
            "ambiguous defaults section name '{wanted}' referenced by {owner} exists at least at {}:{} and {}:{}.",
            a.file, a.line, b.file, b.line
        );
        cx.report(line, fault(at, message).help("give each named defaults section its own name"));
    }
    Ok(Some(first))
}

/// A proxy with every setting at its documented default.
fn documented_proxy() -> Proxy {
    Proxy {
        name: "".into(),
        id: 0,
        guid: None,
        forced_id: false,
        referenced: false,
        kind: ProxyKind::Backend,
        mode: Mode::Tcp,
        disabled: false,
        unpublished: false,
        description: None,
        binds: Vec::new(),
        maxconn: None,
        source: None,
        fullconn: None,
        backlog: None,
        rate_limit_sessions: 0,
        acls: Vec::new(),
        force_switch: Vec::new(),
        use_server: Vec::new(),
        name_header: None,
        max_keep_alive_queue: None,
        client_probes: KeepAlive::default(),
        server_probes: KeepAlive::default(),
        use_backend: Vec::new(),
        default_backend: None,
        stats: None,
        http_request: Vec::new(),
        http_response: Vec::new(),
        http_after_response: Vec::new(),
        tcp_request: Vec::new(),
        inspect_delay: None,
        table: None,
        stick_rules: Vec::new(),
        balance: Balance::Random(2),
        servers: Vec::new(),
        default_servers: DefaultServers::default(),
        cookie: None,
        dynamic_cookie_key: None,
        persist_rules: Vec::new(),
        timeouts: Timeouts::default(),
        retry_on: RetryOn::CONN_FAILURE,
        retries: 3,
        redispatch: None,
        http_reuse: HttpReuse::Safe,
        consistent_hash: false,
        hash_function: None,
        check: CheckMethod::default(),
        options: Options::default(),
        compression: Compression::default(),
        error_pages: Vec::new(),
        makes_pages: false,
        logs: Vec::new(),
        log_format: None,
        log_format_sd: None,
        error_log_format: None,
        log_steps: LogSteps::default(),
        logs_sessions: false,
        logs_back_address: false,
        log_tag: None,
        captures: Captures::default(),
        email_alert: None,
        monitor_uri: None,
        monitor_fail: Vec::new(),
        unique_id: None,
        unique_id_header: None,
        load_state: LoadState::None,
        state_file: None,
        place: Place::default(),
    }
}

impl ProxyDraft {
    pub fn documented(site: Site) -> Self {
        Self {
            proxy: documented_proxy(),
            kind: None,
            named_defaults: false,
            mode_said: false,
            default_server: ServerDraft::documented(&site),
            named_servers: Vec::new(),
            bind_words: Vec::new(),
            site,
            id_site: None,
            servers: Vec::new(),
            switches: Vec::new(),
            default_backend: None,
            used_servers: Vec::new(),
            logs: Vec::new(),
            log: LogDraft::default(),
            redirects: Vec::new(),
            bad_acls: BTreeSet::new(),
            references: Vec::new(),
            table: None,
            table_uses: Vec::new(),
            abortonclose: None,
            capture_uses: Vec::new(),
            cookie_site: None,
            balance_site: None,
            forwardfor_site: None,
            http_rules_site: None,
            check: CheckDraft::default(),
            email: EmailDraft::default(),
            log_site: None,
            errors: Vec::new(),
            error_uses: Vec::new(),
        }
    }

    /// Begins a section: `frontend|backend|listen <name> [from <defaults>]`.
    pub fn open(line: &Line, kind: ProxyKind, known: &[Defaults], cx: &mut Cx<'_>) -> Result<Self, Fault> {
        let word = kind.as_str();
        let name = line.need(1, format!("'{word}' expects an <id> argument"))?;
        if !is_valid_name(name) {
            let bad = name.chars().find(|c| !is_valid_name(c.encode_utf8(&mut [0; 4]))).unwrap_or('?');
            return Err(fault(1, format!("character '{bad}' is not permitted in '{word}' name '{name}'."))
                .help("names are made of letters, digits, '.', ':', '_' and '-'"));
        }
        let mut base = known.last();
        if line.word(2) == "from" {
            match inherited(line, 3, known, &format!("{word} '{name}'"), cx) {
                Ok(found) => base = found,
                // The section is still read, so that its own faults show.
                Err(fault) => cx.report(line, fault),
            }
            line.ends_after(3, word)?;
        } else if line.has(2) {
            return Err(fault(2, "please use the 'bind' keyword for listening addresses."));
        }
        let mut draft = base.map_or_else(|| Self::documented(line.site(1)), |base| base.draft.clone());
        if kind == ProxyKind::Listen && draft.has_rules() {
            return Err(fault(0, "a listen section cannot inherit from a defaults section defining TCP/HTTP rules."));
        }
        draft.site = line.site(1);
        draft.kind = Some(kind);
        draft.proxy.kind = kind;
        draft.proxy.name = name.into();
        draft.proxy.place = line.place();
        // ACLs of a defaults section belong to its own rules, which hold them already.
        draft.proxy.acls.clear();
        draft.bad_acls.clear();
        draft.check.inherit();
        Ok(draft)
    }

    fn has_rules(&self) -> bool {
        let p = &self.proxy;
        !(p.http_request.is_empty()
            && p.http_response.is_empty()
            && p.http_after_response.is_empty()
            && p.tcp_request.is_empty())
    }

    /// The section's keyword.
    pub fn section_name(&self) -> &'static str {
        self.kind.map_or("defaults", ProxyKind::as_str)
    }

    /// The section as messages name it: `frontend 'f'`, `proxy 'l'` for a `listen`.
    pub fn title(&self) -> String {
        match self.kind {
            Some(ProxyKind::Listen) => format!("proxy '{}'", self.proxy.name),
            _ => format!("{} '{}'", self.section_name(), self.proxy.name),
        }
    }

    pub fn has_frontend(&self) -> bool {
        self.kind.is_some_and(ProxyKind::has_frontend)
    }

    pub fn has_backend(&self) -> bool {
        self.kind.is_some_and(ProxyKind::has_backend)
    }

    /// Where `http-request` and `redirect` rules of this section run.
    pub fn request_place(&self) -> lb_sample::Place {
        if self.has_backend() { lb_sample::Place::BackendRequest } else { lb_sample::Place::FrontendRequest }
    }

    /// Reads a line.
    pub fn line(&mut self, line: &Line, cx: &mut Cx<'_>) -> Done {
        let name = line.word(0);
        let Some(row) = PROXY.iter().find(|row| row.name == name) else {
            let near = did_you_mean(name, keywords::offered(PROXY));
            let message = format!("unknown keyword '{name}' in '{}' section{near}", self.section_name());
            let mut fault = fault(0, message);
            if keywords::GLOBAL.iter().any(|row| row.name == name) {
                fault = fault.help(format!("'{name}' belongs into the global section"));
            }
            return Err(fault);
        };
        let placed = !matches!(row.status, Status::Gone(_));
        if placed && !self.allows(row.scope, name, line, cx)? {
            return Ok(());
        }
        match &row.status {
            Status::Supported(handler) => handler(self, cx, line),
            Status::Tuning => {
                cx.ignore(name);
                Ok(())
            }
            Status::NotYet => Err(fault(0, keywords::not_yet(name))),
            Status::Gone(why) => Err(fault(0, *why)),
        }
    }

    /// Whether a keyword may stand in this section. A misplaced one is reported, most as a warning.
    pub fn allows(&self, scope: Scope, name: &str, line: &Line, cx: &mut Cx<'_>) -> Result<bool, Fault> {
        if self.kind.is_none() {
            return match () {
                () if scope.has(Scope::D) => Ok(true),
                () if scope.has(Scope::N) && self.named_defaults => Ok(true),
                () if scope.has(Scope::N) => {
                    Err(fault(0, format!("'{name}' not allowed in anonymous 'defaults' section."))
                        .help("give the section a name, as in 'defaults web'"))
                }
                () => Err(fault(0, format!("'{name}' not allowed in 'defaults' section."))),
            };
        }
        if (scope.has(Scope::F) && self.has_frontend()) || (scope.has(Scope::B) && self.has_backend()) {
            return Ok(true);
        }
        let missing = if scope.has(Scope::F) { "frontend" } else { "backend" };
        let title = self.title();
        if scope.has(Scope::STRICT) {
            return Err(fault(0, format!("'{name}' not allowed because {title} has no {missing} capability.")));
        }
        let instead = match name {
            "maxconn" => " Maybe you want 'fullconn' instead ?",
            "fullconn" => " Maybe you want 'maxconn' instead ?",
            _ => "",
        };
        cx.warn(&line.site(0), format!("'{name}' ignored because {title} has no {missing} capability.{instead}"));
        Ok(false)
    }
}

/// One integer argument and nothing more.
fn integer(line: &Line) -> Result<u32, Fault> {
    let name = line.word(0);
    let value = line.integer(1, format!("'{name}' expects an integer argument."))?;
    line.ends_after(1, name)?;
    Ok(value)
}

pub(crate) fn mode(p: &mut ProxyDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    p.proxy.mode = match line.word(1) {
        "http" => Mode::Http,
        "tcp" => Mode::Tcp,
        mode @ ("log" | "spop" | "haterm") => return Err(fault(1, keywords::not_yet(&format!("mode {mode}")))),
        "health" => {
            return Err(fault(
                1,
                "'mode health' doesn't exist anymore. Please use 'http-request return status 200' instead.",
            ));
        }
        other => {
            return Err(fault(1, format!("unknown proxy mode '{other}'.")).help("modes are http and tcp"));
        }
    };
    p.mode_said = true;
    line.ends_after(1, "mode")
}

/// `be-unpublished`: rules pass it by until it is published at run time.
pub(crate) fn unpublished(p: &mut ProxyDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    if !p.has_backend() {
        return Err(fault(0, "'be-unpublished' only available in backend or listen section."));
    }
    p.proxy.unpublished = true;
    line.ends_after(0, "be-unpublished")
}

pub(crate) fn disabled(p: &mut ProxyDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    p.proxy.disabled = true;
    line.ends_after(0, "disabled")
}

pub(crate) fn enabled(p: &mut ProxyDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    p.proxy.disabled = false;
    line.ends_after(0, "enabled")
}

pub(crate) fn id(p: &mut ProxyDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    let value: u32 = line.integer(1, "custom id has to be > 0.")?;
    if value == 0 {
        return Err(fault(1, "custom id has to be > 0."));
    }
    line.ends_after(1, "id")?;
    p.proxy.id = value;
    p.id_site = Some(line.site(1));
    Ok(())
}

pub(crate) fn guid(p: &mut ProxyDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    let text = line.need(1, "'guid' expects an identifier as argument.")?;
    guid::check(text).map_err(|why| fault(1, format!("'guid' : {why}")))?;
    p.proxy.guid = Some(text.into());
    line.ends_after(1, "guid")
}

pub(crate) fn dynamic_cookie_key(p: &mut ProxyDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    let key = line.need(1, "'dynamic-cookie-key' expects <secret_key> as argument.")?;
    p.proxy.dynamic_cookie_key = Some(key.to_owned());
    line.ends_after(1, "dynamic-cookie-key")
}

pub(crate) fn description(p: &mut ProxyDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    line.need(1, "'description' expects a string argument.")?;
    p.proxy.description = Some(line.from(1).join(" "));
    Ok(())
}

pub(crate) fn maxconn(p: &mut ProxyDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    // Zero stands for the global limit.
    p.proxy.maxconn = Some(integer(line)?).filter(|n| *n > 0);
    Ok(())
}

pub(crate) fn fullconn(p: &mut ProxyDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    p.proxy.fullconn = Some(integer(line)?).filter(|n| *n > 0);
    Ok(())
}

pub(crate) fn backlog(p: &mut ProxyDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    p.proxy.backlog = Some(integer(line)?).filter(|n| *n > 0);
    Ok(())
}

pub(crate) fn rate_limit(p: &mut ProxyDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    if line.word(1) != "sessions" {
        return Err(fault(1, format!("'rate-limit' only supports 'sessions' (got '{}')", line.word(1))));
    }
    p.proxy.rate_limit_sessions =
        line.integer(2, "'rate-limit sessions' expects an integer value (in sessions/second)")?;
    line.ends_after(2, "rate-limit sessions")
}

pub(crate) fn retries(p: &mut ProxyDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    p.proxy.retries = line.integer(1, "'retries' expects an integer argument (dispatch counts for one).")?;
    line.ends_after(1, "retries")
}

pub(crate) fn http_reuse(p: &mut ProxyDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    p.proxy.http_reuse = match line.word(1) {
        "never" => HttpReuse::Never,
        "safe" => HttpReuse::Safe,
        "aggressive" => HttpReuse::Aggressive,
        "always" => HttpReuse::Always,
        other => {
            let near = did_you_mean(other, ["never", "safe", "aggressive", "always"]);
            let message = format!("'http-reuse' only supports 'never', 'safe', 'aggressive', 'always'{near}.");
            return Err(fault(1, message));
        }
    };
    line.ends_after(1, "http-reuse")
}

pub(crate) fn default_backend(p: &mut ProxyDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    let name = line.need(1, "'default_backend' expects a backend name.")?;
    line.ends_after(1, "default_backend")?;
    p.default_backend = Some((name.to_owned(), line.site(1)));
    Ok(())
}

pub(crate) fn log(p: &mut ProxyDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    match log::log(line, false, cx)? {
        LogLine::Clear => p.logs.clear(),
        LogLine::Global if p.logs.iter().any(|l| matches!(l, LogLine::Global)) => {}
        target => p.logs.push(target),
    }
    p.log_site = Some(line.site(0));
    Ok(())
}

pub(crate) fn log_tag(p: &mut ProxyDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    let tag = line.need(1, "'log-tag' expects a tag for use in syslog.")?;
    line.ends_after(1, "log-tag")?;
    p.proxy.log_tag = Some(tag.to_owned());
    Ok(())
}

/// `max-keep-alive-queue <n>`; -1: no limit.
pub(crate) fn max_keep_alive_queue(p: &mut ProxyDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    let most: i64 = line.integer(1, "'max-keep-alive-queue' expects an integer argument.")?;
    line.ends_after(1, "max-keep-alive-queue")?;
    p.proxy.max_keep_alive_queue = u32::try_from(most).ok();
    Ok(())
}

/// `clitcpka-cnt`, `clitcpka-idle`, `clitcpka-intvl` and the same of servers.
pub(crate) fn keep_alive(p: &mut ProxyDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    let name = line.word(0);
    let probes = if name.starts_with("cli") { &mut p.proxy.client_probes } else { &mut p.proxy.server_probes };
    if name.ends_with("-cnt") {
        let count: u32 = line.integer(1, format!("'{name}' expects an integer value."))?;
        if !(1..=127).contains(&count) {
            return Err(fault(1, format!("'{name}' expects a value between 1 and 127.")));
        }
        probes.count = Some(count);
        return line.ends_after(1, name);
    }
    let word = line.need(1, format!("'{name}' expects an integer value (in seconds)"))?;
    let time = lb_model::parse_time(word, lb_model::TimeUnit::Secs).map_err(|error| {
        fault(1, crate::line::time_complaint(error, word, &format!("'{name}'"))).help(crate::line::TIME_HELP)
    })?;
    match name.ends_with("-idle") {
        true => probes.idle = Some(time),
        false => probes.interval = Some(time),
    }
    line.ends_after(1, name)
}

/// Names of timeouts: whether a frontend or a backend uses them, and their slot; `None`: nothing waits for it.
type TimeoutSlot = fn(&mut Timeouts) -> &mut Option<std::time::Duration>;
pub(crate) const TIMEOUTS: &[(&str, Scope, Option<TimeoutSlot>)] = &[
    ("client", Scope::F, Some(|t| &mut t.client)),
    ("server", Scope::B, Some(|t| &mut t.server)),
    ("connect", Scope::B, Some(|t| &mut t.connect)),
    ("check", Scope::B, Some(|t| &mut t.check)),
    ("queue", Scope::B, Some(|t| &mut t.queue)),
    ("http-keep-alive", keywords::FB, Some(|t| &mut t.http_keep_alive)),
    ("http-request", keywords::FB, Some(|t| &mut t.http_request)),
    ("tunnel", Scope::B, Some(|t| &mut t.tunnel)),
    ("tarpit", keywords::FB, Some(|t| &mut t.tarpit)),
    ("client-hs", Scope::F, Some(|t| &mut t.client_hs)),
    ("client-fin", Scope::F, Some(|t| &mut t.client_fin)),
    ("server-fin", Scope::B, Some(|t| &mut t.server_fin)),
];

/// `timeout <name> <delay>`.
pub(crate) fn timeout(p: &mut ProxyDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    let name = line.word(1);
    let Some((_, scope, slot)) = TIMEOUTS.iter().find(|(known, ..)| *known == name) else {
        // Later than the message, which is that of 2.6 still.
        let listed = TIMEOUTS.iter().filter(|(known, ..)| *known != "client-hs");
        let names: Vec<String> = listed.map(|(known, ..)| format!("'{known}'")).collect();
        let (last, others) = names.split_last().map_or(("", [].as_slice()), |(last, others)| (last.as_str(), others));
        let near = did_you_mean(name, TIMEOUTS.iter().map(|(known, ..)| *known));
        let message = format!("'timeout' supports {} and {last} (got '{name}'){near}", others.join(", "));
        return Err(fault(1, message));
    };
    let spelled = format!("timeout {name}");
    let value = line.delay(2, &spelled)?;
    if let Some(extra) = line.words.get(3) {
        let message =
            format!("'{spelled}' : unexpected extra argument '{}' after value '{}'.", extra.text, line.word(2));
        return Err(fault(3, message));
    }
    let used =
        p.kind.is_none() || (scope.has(Scope::F) && p.has_frontend()) || (scope.has(Scope::B) && p.has_backend());
    if !used {
        let missing = if scope.has(Scope::F) { "frontend" } else { "backend" };
        let title = p.title();
        cx.warn(&line.site(1), format!("'{spelled}' will be ignored because {title} has no {missing} capability"));
        return Ok(());
    }
    match slot {
        Some(slot) => *slot(&mut p.proxy.timeouts) = value,
        None => cx.ignore(&spelled),
    }
    Ok(())
}
