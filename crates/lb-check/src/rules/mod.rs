//! What a health check does, step by step: connect, send, expect, set a variable.
//!
//! Every check that talks is a [`RuleSet`], also `option httpchk` without rules and the protocol probes
//! (`option redis-check` and its kin). [`Run`] interprets it: it says what to do next ([`Step`]), is told how that
//! went, and ends with a [`Verdict`](crate::probe::Verdict). It owns no socket and reads no clock.

mod expect;
mod hex;
mod probes;
mod run;
mod steps;

pub use expect::{Expect, HeaderMatch, Looks, Method, Protocol, Text};
pub use hex::parse_hex;
pub use probes::MysqlClient;
pub use run::{Run, State, Step, World};
pub use steps::{Event, Trace};

use std::net::IpAddr;

use lb_sample::{Expr, LogFormat, VarAction};

use crate::probe::http::HttpRequest;

/// Steps in order, ready to run: [`RuleSet::tcp`] and [`RuleSet::http`] add those that may be left out.
#[derive(Debug, Clone)]
pub struct RuleSet {
    pub(crate) kind: Kind,
    pub(crate) rules: Vec<Rule>,
    /// `http-check disable-on-404`.
    pub(crate) disable_on_404: bool,
    /// `http-check send-state`.
    pub(crate) send_state: bool,
    evaluates: bool,
}

/// How a check speaks and is spoken of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A connect, no more.
    Connect,
    /// `option tcp-check`: failures name the step.
    Tcp,
    /// `option httpchk`: what is received is an HTTP response.
    Http,
    /// A protocol probe.
    Probe,
}

/// One step.
#[derive(Debug, Clone)]
pub struct Rule {
    /// What is done.
    pub what: What,
    /// `comment`, told when the step fails.
    pub comment: Option<String>,
    /// The configuration does not say it, so it has no number.
    pub(crate) implied: bool,
}

impl Rule {
    /// A step as the configuration says it.
    pub const fn new(what: What, comment: Option<String>) -> Self {
        Self { what, comment, implied: false }
    }

    pub(crate) const fn implied(what: What) -> Self {
        Self { what, comment: None, implied: true }
    }

    fn evaluates(&self) -> bool {
        match &self.what {
            What::Comment | What::Send(Payload::Bytes(_)) => false,
            What::Connect(connect) => matches!(connect.port, Some(Port::Expr(_))),
            What::Send(Payload::Format(_) | Payload::HexFormat(_)) | What::Var(_) => true,
            What::Request(request) => request.bytes.is_none(),
            What::Expect(e) => {
                e.on_success.is_some() || e.on_error.is_some() || e.status_code.is_some() || e.looks.evaluates()
            }
        }
    }
}

/// What a step does.
#[derive(Debug, Clone)]
pub enum What {
    /// `comment`: belongs to the step that follows.
    Comment,
    /// `connect`.
    Connect(Connect),
    /// `tcp-check send…`.
    Send(Payload),
    /// `http-check send`.
    Request(Box<Request>),
    /// `expect`.
    Expect(Box<Expect>),
    /// `set-var`, `set-var-fmt`, `unset-var`.
    Var(VarAction),
}

/// Where and how a `connect` goes.
#[derive(Debug, Clone, Default)]
pub struct Connect {
    /// `default`: what is not said here is as the server line says.
    pub default: bool,
    /// `port`.
    pub port: Option<Port>,
    /// `addr`.
    pub addr: Option<IpAddr>,
    /// `send-proxy`.
    pub send_proxy: bool,
    /// `via-socks4`: through the server's SOCKS proxy, if it has one.
    pub via_socks4: bool,
    /// `linger`: an orderly close instead of a reset.
    pub linger: bool,
    /// `proto h2`.
    pub http2: bool,
    /// `ssl`.
    pub ssl: bool,
    /// `sni`.
    pub sni: Option<String>,
    /// `alpn`.
    pub alpn: Vec<Vec<u8>>,
}

/// A port, perhaps known only when the check runs.
#[derive(Debug, Clone)]
pub enum Port {
    /// A number.
    Fixed(u16),
    /// An expression; without a usable value it is as if no port was said.
    Expr(Expr),
}

/// What `tcp-check send…` sends.
#[derive(Debug, Clone)]
pub enum Payload {
    /// `send`, `send-binary`.
    Bytes(Vec<u8>),
    /// `send-lf`.
    Format(LogFormat),
    /// `send-binary-lf`: hexadecimal digits.
    HexFormat(LogFormat),
}

/// What `http-check send` sends.
#[derive(Debug, Clone)]
pub struct Request {
    /// Method.
    pub method: String,
    /// `uri` or `uri-lf`.
    pub uri: Text,
    /// `HTTP/1.0` or `HTTP/1.1`.
    pub version: String,
    /// `hdr` in order.
    pub headers: Vec<(String, Text)>,
    /// `body` or `body-lf`.
    pub body: Text,
    /// The bytes on the wire, when they are always the same.
    pub(crate) bytes: Option<Vec<u8>>,
}

impl Default for Request {
    fn default() -> Self {
        let r = HttpRequest::default();
        Self {
            method: r.method,
            uri: Text::Plain(r.uri.into_bytes()),
            version: r.version,
            headers: Vec::new(),
            body: Text::Plain(r.body),
            bytes: None,
        }
    }
}

impl Default for RuleSet {
    /// A connect: what `check` alone does.
    fn default() -> Self {
        Self::of(Kind::Connect, vec![Rule::implied(What::Connect(Connect { default: true, ..Connect::default() }))])
    }
}

impl RuleSet {
    fn of(kind: Kind, rules: Vec<Rule>) -> Self {
        let evaluates = rules.iter().any(Rule::evaluates);
        let mut set = Self { kind, rules, disable_on_404: false, send_state: false, evaluates };
        set.share_comments();
        set
    }

    /// `option tcp-check` and its rules.
    pub fn tcp(mut rules: Vec<Rule>) -> Self {
        add_connect(&mut rules);
        Self::of(Kind::Tcp, rules)
    }

    /// `option httpchk` and its rules. `request` is what the option's line says; it is sent unless a rule sends
    /// something else.
    pub fn http(mut rules: Vec<Rule>, request: Request, disable_on_404: bool, send_state: bool) -> Self {
        let sends = rules.iter().any(|r| matches!(r.what, What::Request(_)));
        if !sends {
            let before = rules.iter().position(|r| matches!(r.what, What::Expect(_))).unwrap_or(rules.len());
            rules.insert(before, Rule::implied(What::Request(Box::new(request))));
        }
        add_connect(&mut rules);
        let last = rules.iter().rev().find(|r| matches!(r.what, What::Connect(_) | What::Request(_) | What::Expect(_)));
        if last.is_some_and(|r| matches!(r.what, What::Request(_))) {
            rules.push(Rule::implied(What::Expect(Box::new(Expect::any_success()))));
        }
        for rule in &mut rules {
            if let What::Request(request) = &mut rule.what
                && !send_state
            {
                request.prepare();
            }
        }
        let set = Self::of(Kind::Http, rules);
        Self { disable_on_404, send_state, ..set }
    }

    /// Whether something is sent or read: a mere connect ends where it is established.
    pub fn talks(&self) -> bool {
        self.rules.iter().any(|rule| matches!(rule.what, What::Send(_) | What::Request(_) | What::Expect(_)))
    }

    /// Whether a rule asks for a secured connection.
    pub fn asks_tls(&self) -> bool {
        self.rules.iter().any(|rule| matches!(&rule.what, What::Connect(connect) if connect.ssl))
    }

    /// Whether the rules say themselves to which port the check goes.
    pub fn says_port(&self) -> bool {
        let first = self.rules.iter().find_map(|rule| match &rule.what {
            What::Connect(connect) => Some(connect),
            _ => None,
        });
        first.is_some_and(|connect| connect.port.is_some())
    }

    /// The name in the first request's `Host` field, when it is always the same.
    pub fn host(&self) -> Option<String> {
        let request = self.rules.iter().find_map(|rule| match &rule.what {
            What::Request(request) => Some(request),
            _ => None,
        })?;
        let (_, value) = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("host"))?;
        let Text::Plain(value) = value else { return None };
        let host = value.split(|b| *b == b':').next().filter(|host| !host.is_empty())?;
        Some(String::from_utf8_lossy(host).into_owned())
    }

    /// Whether expressions are evaluated, so that their context must be complete.
    pub const fn evaluates(&self) -> bool {
        self.evaluates
    }

    /// The steps.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Whether what is received is an HTTP response.
    pub fn is_http(&self) -> bool {
        self.kind == Kind::Http
    }

    /// The number of the step at `index` as operators count: what the configuration says, from 1.
    pub(crate) fn number(&self, index: usize) -> usize {
        self.rules.iter().take(index + 1).filter(|rule| !rule.implied).count()
    }

    /// A `comment` belongs to the step that follows, and to all of them when these are `expect`s in a row.
    fn share_comments(&mut self) {
        let mut pending: Option<String> = None;
        // What the configuration does not say has no comment either.
        for rule in self.rules.iter_mut().filter(|rule| !rule.implied) {
            match rule.what {
                What::Comment => pending.clone_from(&rule.comment),
                What::Expect(_) => rule.comment = rule.comment.take().or_else(|| pending.clone()),
                _ => {
                    let shared = pending.take();
                    rule.comment = rule.comment.take().or(shared);
                }
            }
        }
    }
}

impl Request {
    /// Makes the bytes once, if nothing in them depends on the moment.
    fn prepare(&mut self) {
        let plain = |text: &Text| match text {
            Text::Plain(bytes) => Some(bytes.clone()),
            Text::Format(_) => None,
        };
        let constant = || {
            let uri = String::from_utf8(plain(&self.uri)?).ok()?;
            let headers =
                self.headers.iter().map(|(name, value)| Some((name.clone(), String::from_utf8(plain(value)?).ok()?)));
            Some(HttpRequest {
                method: self.method.clone(),
                uri,
                version: self.version.clone(),
                headers: headers.collect::<Option<_>>()?,
                body: plain(&self.body)?,
            })
        };
        self.bytes = constant().map(|request| crate::probe::http::request(&request, None));
    }
}

/// A check begins with a connect; variables may be set before.
fn add_connect(rules: &mut Vec<Rule>) {
    let first = rules.iter().find(|r| !matches!(r.what, What::Comment | What::Var(_)));
    if !first.is_some_and(|r| matches!(r.what, What::Connect(_))) {
        let connect = Connect { default: true, ..Connect::default() };
        rules.insert(0, Rule::implied(What::Connect(connect)));
    }
}
