//! Rules: `acl`, `use_backend`, `http-request`, `http-response`, `tcp-request`, `redirect`.

pub(crate) mod effects;
pub(crate) mod patterns;
pub(crate) mod reply;
pub(crate) mod rewrite;
pub(crate) mod servers;
pub(crate) mod vars;

use crate::cx::Cx;
use crate::keywords::{
    self, ActionRow, HTTP_AFTER_RESPONSE, HTTP_REQUEST, HTTP_RESPONSE, Status, TCP_CONNECTION, TCP_CONTENT, TCP_SESSION,
};
use crate::line::{Done, Fault, Line, fault};
use crate::model::{
    Count, Effect, FieldName, HttpAction, HttpRule, PersistRule, Redirect, RedirectCookie, RedirectKind, TcpAction,
    TcpRule, TcpStage, Track,
};
use crate::proxy::{ProxyDraft, Switch};
use crate::suggest;
use lb_model::is_valid_name;
use lb_sample::{Acl, Condition, Expr, LogFormat, Place, Rewrite, VarAction};
use std::sync::Arc;

/// Reads an action's arguments, the first of which is word 2; sets `next` to the word after them.
pub(crate) type ActionHandler = fn(&mut ActionCx<'_, '_, '_>) -> Result<Action, Fault>;

/// What an action's handler may touch.
pub(crate) struct ActionCx<'a, 'b, 'h> {
    pub p: &'a mut ProxyDraft,
    pub cx: &'b mut Cx<'h>,
    pub line: &'a Line,
    /// The word to read next.
    pub next: usize,
    /// Which rules these are, and so what their expressions can see.
    pub place: Place,
}

/// What an action is.
pub(crate) enum Action {
    Http(HttpAction),
    /// Of `tcp-request`.
    Tcp(TcpAction),
    /// Of variables: the same in every rule set.
    Var(VarAction),
    /// Of stick tables, likewise.
    Track(Track),
    /// Of stick counters, likewise.
    Count(Count),
    /// The connection ends without a word, likewise.
    SilentDrop,
    /// Of the session, likewise.
    Effect(Effect),
    /// What is always so.
    Nothing,
}

impl Action {
    fn http(self) -> Option<HttpAction> {
        match self {
            Self::Http(action) => Some(action),
            Self::Var(action) => Some(HttpAction::Var(action)),
            Self::Track(track) => Some(HttpAction::Track(track)),
            Self::Count(count) => Some(HttpAction::Count(count)),
            Self::SilentDrop => Some(HttpAction::SilentDrop),
            Self::Effect(effect) => Some(HttpAction::Effect(effect)),
            Self::Tcp(_) | Self::Nothing => None,
        }
    }

    fn tcp(self) -> Option<TcpAction> {
        match self {
            Self::Tcp(action) => Some(action),
            Self::Var(action) => Some(TcpAction::Var(action)),
            Self::Track(track) => Some(TcpAction::Track(track)),
            Self::Count(count) => Some(TcpAction::Count(count)),
            Self::SilentDrop => Some(TcpAction::SilentDrop),
            Self::Effect(effect) => Some(TcpAction::Effect(effect)),
            Self::Http(HttpAction::Capture(capture)) => Some(TcpAction::Capture(capture)),
            Self::Http(_) | Self::Nothing => None,
        }
    }
}

impl ActionCx<'_, '_, '_> {
    /// Steps over a word, or complains.
    pub fn take(&mut self, complaint: &str) -> Result<&str, Fault> {
        let at = self.next;
        self.next += 1;
        self.line.need(at, complaint)
    }

    /// The next word as a format.
    pub fn format(&mut self, complaint: &str) -> Result<Arc<LogFormat>, Fault> {
        let at = self.next;
        self.take(complaint)?;
        let line = self.line;
        self.format_of(line.word(at), at)
    }

    /// A text as a format; word `at` is blamed.
    pub fn format_of(&mut self, text: &str, at: usize) -> Result<Arc<LogFormat>, Fault> {
        let place = self.place;
        let format = self
            .cx
            .with_sources(|s| LogFormat::parse(text, s))
            .and_then(|format| format.check(place).map(|()| format))
            .map_err(|error| Fault::of_sample(error, at))?;
        let site = self.line.site(at);
        self.p.references.extend(format.references().map(|r| (r.clone(), site.clone())));
        Ok(Arc::new(format))
    }

    /// The next word as an expression that has a value here. `keyword` names the action in messages.
    pub fn expression(&mut self, keyword: &str) -> Result<Expr, Fault> {
        let at = self.next;
        self.take("missing fetch method.")?;
        let text = self.line.word(at);
        let expr = self.cx.with_sources(|s| Expr::parse(text, s)).map_err(|error| Fault::of_sample(error, at))?;
        if !expr.source().is_available(self.place) {
            let source = expr.source().as_str();
            let message = format!(
                "fetch method '{keyword}' extracts information from '{source}', none of which is available here."
            );
            return Err(fault(at, message));
        }
        let site = self.line.site(at);
        self.p.references.extend(expr.references().iter().map(|r| (r.clone(), site.clone())));
        Ok(expr)
    }

    /// Whether the next word begins the condition, or nothing follows.
    fn at_condition(&self) -> bool {
        matches!(self.line.word(self.next), "" | "if" | "unless")
    }
}

/// Reads `if|unless …` at word `at` for rules of this place; nothing there means always.
pub(crate) fn condition(
    p: &mut ProxyDraft,
    cx: &mut Cx<'_>,
    line: &Line,
    at: usize,
    place: Place,
) -> Result<Option<Condition>, Fault> {
    if !line.has(at) {
        return Ok(None);
    }
    let words = line.from(at);
    match cx.with_sources(|sources| Condition::parse(&words, &p.proxy.acls, sources)) {
        Ok(condition) => {
            let site = line.site(at);
            for acl in condition.acls() {
                p.references.extend(acl.references().iter().map(|r| (r.clone(), site.clone())));
                // Those of a named ACL were said at its own line.
                let own = acl.warnings().iter().filter(|_| acl.name().is_empty()).cloned();
                for warning in own.chain(acl.never_matches_at(place)) {
                    cx.warn(&site, warning);
                }
            }
            Ok(Some(condition))
        }
        Err(error) => {
            let blamed = words.get(error.word).map_or("", |word| word.trim_start_matches('!'));
            if p.bad_acls.contains(blamed) {
                // That ACL was already reported; the rule without its condition is never used, since the
                // configuration is refused.
                return Ok(None);
            }
            let mut fault = Fault::of_sample(error, at);
            if fault.message.starts_with("no such ACL") && fault.help.is_none() {
                let known = p.proxy.acls.iter().map(Acl::name);
                fault.help = suggest::nearest(blamed, known).map(|near| format!("did you mean '{near}'?"));
            }
            Err(fault)
        }
    }
}

/// `acl <name> <criterion> …`.
pub(crate) fn acl(p: &mut ProxyDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    let name = line.need(1, "'acl' expects a name and a criterion.")?;
    if let Some(bad) = name.chars().find(|c| !is_valid_name(c.encode_utf8(&mut [0; 4]))) {
        return Err(fault(1, format!("character '{bad}' is not permitted in acl name '{name}'.")));
    }
    if name == "or" {
        return Err(fault(
            1,
            "acl name 'or' will never match. 'or' is used to express a logical disjunction within a condition.",
        ));
    }
    match cx.with_sources(|sources| Acl::parse(&line.from(1), sources)) {
        Ok(acl) => {
            let site = line.site(2);
            p.references.extend(acl.references().iter().map(|r| (r.clone(), site.clone())));
            for warning in acl.warnings() {
                cx.warn(&site, warning.clone());
            }
            p.proxy.acls.push(acl);
            Ok(())
        }
        Err(error) => {
            p.bad_acls.insert(name.to_owned());
            Err(Fault::of_sample(error, 1))
        }
    }
}

/// `use_backend <name> [if|unless <condition>]`.
pub(crate) fn use_backend(p: &mut ProxyDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    let name = line.need(1, "'use_backend' expects a backend name.")?;
    if line.has(2) && !matches!(line.word(2), "if" | "unless") {
        let message =
            format!("unexpected keyword '{}' after switching rule, only 'if' and 'unless' are allowed.", line.word(2));
        return Err(fault(2, message));
    }
    // The rule is kept when only its condition is wrong: the backend's name is checked all the same.
    let computed = match name.contains('%') {
        true => Some(ActionCx { p, cx, line, next: 1, place: Place::UseBackend }.format("expects a backend.")?),
        false => None,
    };
    let condition = condition(p, cx, line, 2, Place::UseBackend);
    let (condition, failed) = match condition {
        Ok(condition) => (condition, Ok(())),
        Err(fault) => (None, Err(fault.within("error detected while parsing switching rule : "))),
    };
    p.switches.push(Switch { backend: name.to_owned(), computed, site: line.site(1), condition });
    failed
}

/// `force-persist if|unless <condition>`, `ignore-persist if|unless <condition>`.
pub(crate) fn persist(p: &mut ProxyDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    let word = line.word(0);
    if !matches!(line.word(1), "if" | "unless") {
        return Err(fault(1, format!("'{word}' requires either 'if' or 'unless' followed by a condition.")));
    }
    let outer = format!("error detected while parsing a '{word}' rule : ");
    let condition = condition(p, cx, line, 1, Place::BackendContent).map_err(|fault| fault.within(&outer))?;
    // Without a condition, it was wrong and has been reported.
    p.proxy.persist_rules.extend(condition.map(|condition| PersistRule { force: word == "force-persist", condition }));
    Ok(())
}

/// The rule set's table row for an action. `set-var(x)` finds `set-var*`.
fn find<'t>(table: &'t [ActionRow], word: &str) -> Option<&'t ActionRow> {
    table.iter().find(|row| match row.name.strip_suffix('*') {
        None => row.name == word,
        Some(stem) => word.strip_prefix(stem).is_some_and(|rest| {
            rest.starts_with('(') || (!rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
        }),
    })
}

/// The actions of a rule set that may be used here, as messages list them.
fn expected(table: &[ActionRow]) -> String {
    let usable = table.iter().filter(|row| matches!(row.status, Status::Supported(_)));
    usable.map(|row| format!("'{}'", row.name)).collect::<Vec<_>>().join(", ")
}

/// Reads the action at word `at` with its condition.
fn rule(
    p: &mut ProxyDraft,
    cx: &mut Cx<'_>,
    line: &Line,
    at: usize,
    (set, table): (&str, &[ActionRow]),
    place: Place,
) -> Result<(Action, Option<Condition>), Fault> {
    let word = line.word(at);
    let Some(row) = find(table, word) else {
        let near = suggest::nearest(word, table.iter().map(|row| row.name.trim_end_matches('*')));
        let near = near.map(|near| format!(" Did you mean '{near}' maybe ?")).unwrap_or_default();
        let missing = if word.is_empty() { " (missing argument)" } else { "" };
        let all = expected(table);
        return Err(fault(at, format!("'{set}' expects {all}, but got '{word}'{missing}.{near}")));
    };
    let handler = match &row.status {
        Status::Supported(handler) => handler,
        _ => return Err(fault(at, keywords::not_yet(&format!("{set} {word}")))),
    };
    let mut action_cx = ActionCx { p, cx, line, next: at + 1, place };
    let outer = format!("error detected in {} while parsing '{set} {word}' rule : ", action_cx.p.title());
    let action = handler(&mut action_cx).map_err(|fault| fault.within(&outer))?;
    let next = action_cx.next;
    if !action_cx.at_condition() {
        let found = line.word(next);
        let message =
            format!("'{set} {word}' expects either 'if' or 'unless' followed by a condition but found '{found}'.");
        return Err(fault(next, message));
    }
    let outer = format!("error detected while parsing an '{set} {word}' condition : ");
    let condition = condition(p, cx, line, next, place).map_err(|fault| fault.within(&outer))?;
    Ok((action, condition))
}

/// `http-request <action> …`.
pub(crate) fn http_request(p: &mut ProxyDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    let place = p.request_place();
    let (action, condition) = rule(p, cx, line, 1, ("http-request", HTTP_REQUEST), place)?;
    if let Some(action) = action.http() {
        warn_of_order(p, "http-request", cx, line);
        warn_of_final(&p.proxy.http_request, "http-request", cx, line);
        p.proxy.http_request.push(HttpRule { action, condition });
        p.http_rules_site = Some(line.site(0));
    }
    Ok(())
}

/// `http-response <action> …`.
pub(crate) fn http_response(p: &mut ProxyDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    let place = if p.has_backend() { Place::BackendResponse } else { Place::FrontendResponse };
    let (action, condition) = rule(p, cx, line, 1, ("http-response", HTTP_RESPONSE), place)?;
    if let Some(action) = action.http() {
        warn_of_final(&p.proxy.http_response, "http-response", cx, line);
        p.proxy.http_response.push(HttpRule { action, condition });
        p.http_rules_site = Some(line.site(0));
    }
    Ok(())
}

/// `http-after-response <action> …`.
pub(crate) fn http_after_response(p: &mut ProxyDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    let place = if p.has_backend() { Place::BackendResponse } else { Place::FrontendResponse };
    let (action, condition) = rule(p, cx, line, 1, ("http-after-response", HTTP_AFTER_RESPONSE), place)?;
    if let Some(action) = action.http() {
        warn_of_final(&p.proxy.http_after_response, "http-after-response", cx, line);
        p.proxy.http_after_response.push(HttpRule { action, condition });
        p.http_rules_site = Some(line.site(0));
    }
    Ok(())
}

/// A rule set runs before another one wherever its lines stand.
fn warn_of_order(p: &ProxyDraft, set: &str, cx: &mut Cx<'_>, line: &Line) {
    if !p.switches.is_empty() {
        let message = format!("a '{set}' rule placed after a 'use_backend' rule will still be processed before.");
        cx.warn(&line.site(0), message);
    }
}

/// A rule after one that always ends the evaluation is never reached.
fn warn_of_final(rules: &[HttpRule], set: &str, cx: &mut Cx<'_>, line: &Line) {
    let ends = |action: &HttpAction| {
        matches!(
            action,
            HttpAction::Allow
                | HttpAction::Auth(_)
                | HttpAction::Deny(_)
                | HttpAction::Redirect(_)
                | HttpAction::Return(_)
                | HttpAction::Reject
                | HttpAction::SilentDrop
                | HttpAction::Tarpit(_)
        )
    };
    if rules.last().is_some_and(|last| last.condition.is_none() && ends(&last.action)) {
        let message =
            format!("previous '{set}' action is final and has no condition attached, further entries are NOOP.");
        cx.warn(&line.site(0), message);
    }
}

/// `redirect …`, the old spelling of `http-request redirect`, which runs after all of those.
pub(crate) fn redirect(p: &mut ProxyDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    let outer = format!("error detected in {} while parsing redirect rule : ", p.title());
    let place = p.request_place();
    let mut action_cx = ActionCx { p, cx, line, next: 1, place };
    let action = redirect_action(&mut action_cx).map_err(|fault| fault.within(&outer))?;
    let next = action_cx.next;
    let condition =
        condition(p, cx, line, next, place).map_err(|fault| fault.within(&format!("{outer}error in condition: ")))?;
    if let Some(action) = action.http() {
        warn_of_order(p, "redirect", cx, line);
        p.redirects.push(HttpRule { action, condition });
        p.http_rules_site = Some(line.site(0));
    }
    Ok(())
}

/// `tcp-request connection|session|content <action> …`.
pub(crate) fn tcp_request(p: &mut ProxyDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    let title = p.title();
    let (stage, set, table) = match line.word(1) {
        "connection" => (TcpStage::Connection, "tcp-request connection", TCP_CONNECTION),
        "session" => (TcpStage::Session, "tcp-request session", TCP_SESSION),
        "content" => (TcpStage::Content, "tcp-request content", TCP_CONTENT),
        "inspect-delay" => {
            p.proxy.inspect_delay = line.delay(2, "tcp-request inspect-delay")?;
            return line.ends_after(2, "tcp-request inspect-delay");
        }
        "" => return Err(fault(1, format!("missing argument for 'tcp-request' in {title}"))),
        other => {
            let message =
                format!("'tcp-request' expects 'inspect-delay', 'connection', or 'content' in {title} (got '{other}')");
            return Err(fault(1, message));
        }
    };
    if stage != TcpStage::Content && p.kind.is_some() && !p.has_frontend() {
        return Err(fault(1, format!("{set} is not allowed because {title} is not a frontend")));
    }
    let place = match (stage, p.has_backend()) {
        (TcpStage::Connection, _) => Place::FrontendConnection,
        (TcpStage::Session, _) => Place::FrontendSession,
        (TcpStage::Content, true) => Place::BackendContent,
        (TcpStage::Content, false) => Place::FrontendContent,
    };
    let (action, condition) = rule(p, cx, line, 2, (set, table), place)?;
    if let Some(action) = action.tcp() {
        p.proxy.tcp_request.push(TcpRule { stage, action, condition });
    }
    Ok(())
}

/// `accept`, `reject`.
pub(crate) fn tcp_verdict(x: &mut ActionCx<'_, '_, '_>) -> Result<Action, Fault> {
    let accepts = x.line.word(x.next - 1) == "accept";
    Ok(Action::Tcp(if accepts { TcpAction::Accept } else { TcpAction::Reject }))
}

/// `silent-drop [rst-ttl <n>]`.
pub(crate) fn silent_drop(x: &mut ActionCx<'_, '_, '_>) -> Result<Action, Fault> {
    if x.line.word(x.next) == "rst-ttl" {
        x.next += 1;
        let at = x.next;
        let ttl = x.take("'rst-ttl' expects an integer value.")?;
        if !ttl.parse().is_ok_and(|ttl: u16| (1..=255).contains(&ttl)) {
            return Err(fault(at, format!("'rst-ttl' expects a value between 1 and 255 (got '{ttl}').")));
        }
        return Err(fault(at, keywords::not_yet("silent-drop rst-ttl")));
    }
    Ok(Action::SilentDrop)
}

/// `expect-proxy layer4`.
pub(crate) fn expect_proxy(x: &mut ActionCx<'_, '_, '_>) -> Result<Action, Fault> {
    let at = x.next;
    match x.take("missing layer: 'expect-proxy' expects 'layer4'.")? {
        "layer4" => Ok(Action::Tcp(TcpAction::ExpectProxy)),
        other => Err(fault(at, format!("'expect-proxy' only supports 'layer4' (got '{other}')."))),
    }
}

/// `strict-mode on|off`.
pub(crate) fn strict_mode(x: &mut ActionCx<'_, '_, '_>) -> Result<Action, Fault> {
    let at = x.next;
    match x.take("expects exactly 1 argument.")? {
        "on" => Ok(Action::Http(HttpAction::StrictMode(true))),
        "off" => Ok(Action::Http(HttpAction::StrictMode(false))),
        other => Err(fault(at, format!("unexpected value '{other}' for strict-mode, only supports 'on' or 'off'."))),
    }
}

/// `set-status <status> [reason <text>]`.
pub(crate) fn set_status(x: &mut ActionCx<'_, '_, '_>) -> Result<Action, Fault> {
    let at = x.next;
    let word = x.take("expects 1 argument: <status>; or 3 arguments: <status> reason <fmt>.")?;
    let status = word
        .parse()
        .ok()
        .filter(|status| (100..=999).contains(status))
        .ok_or_else(|| fault(at, format!("expects an integer status code between 100 and 999 (got '{word}').")))?;
    let mut reason = None;
    if x.line.word(x.next) == "reason" {
        x.next += 1;
        let at = x.next;
        let text = x.take("expects 1 argument: <status>; or 3 arguments: <status> reason <fmt>.")?;
        if text.bytes().any(|b| b.is_ascii_control()) {
            return Err(fault(at, "a reason must not hold control characters."));
        }
        reason = Some(Arc::from(text));
    }
    Ok(Action::Http(HttpAction::SetStatus(status, reason)))
}

/// `allow`.
pub(crate) fn allow(_: &mut ActionCx<'_, '_, '_>) -> Result<Action, Fault> {
    Ok(Action::Http(HttpAction::Allow))
}

/// `auth [realm <realm>]`.
pub(crate) fn auth(x: &mut ActionCx<'_, '_, '_>) -> Result<Action, Fault> {
    let mut realm = None;
    if x.line.word(x.next) == "realm" {
        x.next += 1;
        realm = Some(Arc::from(x.take("missing realm value.")?));
    }
    Ok(Action::Http(HttpAction::Auth(realm)))
}

fn status(x: &mut ActionCx<'_, '_, '_>, range: std::ops::RangeInclusive<u16>) -> Result<u16, Fault> {
    let at = x.next;
    let word = x.take("'status' expects <status_code> as argument.")?;
    let refused = || fault(at, format!("Unexpected status code '{word}'."));
    word.parse().ok().filter(|status| range.contains(status)).ok_or_else(refused)
}

/// Two arguments: a name and a format.
fn header(x: &mut ActionCx<'_, '_, '_>) -> Result<(String, Arc<LogFormat>), Fault> {
    let complaint = "expects exactly 2 arguments.";
    let name = x.take(complaint)?.to_owned();
    Ok((name, x.format(complaint)?))
}

/// `set-header <name> <format>`.
pub(crate) fn set_header(x: &mut ActionCx<'_, '_, '_>) -> Result<Action, Fault> {
    header(x).map(|(name, format)| Action::Http(HttpAction::SetHeader(name, format)))
}

/// `add-header <name> <format>`.
pub(crate) fn add_header(x: &mut ActionCx<'_, '_, '_>) -> Result<Action, Fault> {
    header(x).map(|(name, format)| Action::Http(HttpAction::AddHeader(name, format)))
}

/// `del-header <name> [-m str|beg|end|sub|reg]`.
pub(crate) fn del_header(x: &mut ActionCx<'_, '_, '_>) -> Result<Action, Fault> {
    let at = x.next;
    let name = x.take("expects at least 1 argument.")?.to_owned();
    let mut means = FieldName::Is(name.clone());
    if x.line.word(x.next) == "-m" {
        x.next += 1;
        let method_at = x.next;
        means = match x.take("-m flag expects exactly 1 argument.")? {
            "str" => FieldName::Is(name),
            "beg" => FieldName::Begins(name),
            "end" => FieldName::Ends(name),
            "sub" => FieldName::Holds(name),
            "reg" => FieldName::Matches(Rewrite::parse(&name).map_err(|error| Fault::of_sample(error, at))?),
            other => {
                let message = format!("-m flag expects 'str', 'beg', 'end', 'sub' or 'reg' (got '{other}').");
                return Err(fault(method_at, message));
            }
        };
    }
    Ok(Action::Http(HttpAction::DelHeader(means)))
}

/// `redirect location|prefix|scheme <format> [code <n>] [option]…`.
pub(crate) fn redirect_action(x: &mut ActionCx<'_, '_, '_>) -> Result<Action, Fault> {
    let mut target = None;
    let mut redirect_code = 302;
    let (mut drop_query, mut append_slash, mut keep_query, mut ignore_empty) = (false, false, false, false);
    let mut cookie = None;
    while !x.at_condition() {
        let at = x.next;
        let word = x.line.word(at);
        x.next += 1;
        let kind = match word {
            "location" => Some(RedirectKind::Location),
            "prefix" => Some(RedirectKind::Prefix),
            "scheme" => Some(RedirectKind::Scheme),
            _ => None,
        };
        match (kind, word) {
            (Some(kind), _) => target = Some((kind, x.format(&format!("missing argument for '{word}'."))?)),
            (_, "code") => {
                let at = x.next;
                let code = x.take("missing argument for 'code'.")?;
                redirect_code =
                    code.parse().ok().filter(|c| [301, 302, 303, 307, 308].contains(c)).ok_or_else(|| {
                        let codes = "must be one of 301, 302, 303, 307 or 308";
                        fault(at, format!("'code': unsupported HTTP code '{code}' ({codes})."))
                    })?;
            }
            (_, "drop-query") => drop_query = true,
            (_, "append-slash") => append_slash = true,
            (_, "keep-query") => keep_query = true,
            (_, "ignore-empty") => ignore_empty = true,
            (_, "set-cookie") => {
                let value = x.take("missing argument for 'set-cookie'.")?;
                cookie = Some(RedirectCookie::Fixed(format!("{value}; path=/;").into()));
            }
            (_, "clear-cookie") => {
                let value = x.take("missing argument for 'clear-cookie'.")?;
                cookie = Some(RedirectCookie::Fixed(format!("{value}; path=/; Max-Age=0;").into()));
            }
            (_, "set-cookie-fmt") => {
                cookie = Some(RedirectCookie::Made(x.format("missing argument for 'set-cookie-fmt'.")?));
            }
            _ => {
                return Err(fault(
                    at,
                    format!(
                        "expects 'code', 'prefix', 'location', 'scheme', 'set-cookie', 'clear-cookie', 'drop-query', \
                         'keep-query', 'ignore-empty' or 'append-slash' (was '{word}')."
                    ),
                ));
            }
        }
    }
    if let Some((kind, _)) = &target
        && *kind != RedirectKind::Location
        && matches!(x.place, Place::BackendResponse | Place::FrontendResponse)
    {
        return Err(fault(x.next - 1, "response only supports redirect type 'location'."));
    }
    let complaint = "redirection type expected ('prefix', 'location', or 'scheme').";
    let (kind, target) = target.ok_or_else(|| fault(x.next, complaint))?;
    let code = redirect_code;
    let redirect = Redirect { kind, target, code, drop_query, append_slash, keep_query, ignore_empty, cookie };
    Ok(Action::Http(HttpAction::Redirect(redirect)))
}

/// `use-service prometheus-exporter`.
pub(crate) fn use_service(x: &mut ActionCx<'_, '_, '_>) -> Result<Action, Fault> {
    let at = x.next;
    match x.take("'use-service' expects a service name.")? {
        "prometheus-exporter" => Ok(Action::Http(HttpAction::Metrics)),
        other => Err(fault(at, format!("unknown service '{other}'."))
            .help("the service of this program is 'prometheus-exporter'")),
    }
}
