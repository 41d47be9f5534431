//! The interpreter: says what is to be done next, and at the end how the check went.

use std::borrow::Cow;
use std::io;
use std::time::Duration;

use lb_model::CheckStatus;
use lb_sample::{Context, Vars};

use super::expect::{Expect, Judgement, number, rendered};
use super::hex::parse_hex;
use super::steps::{Event, Trace};
use super::{Connect, Kind, Payload, Port, Request, Rule, RuleSet, What};
use crate::probe::http::{self, HttpRequest};
use crate::probe::response::{self, Parsed, Response};
use crate::probe::{Verdict, connect};

/// What expressions and rules may ask of the world outside the check.
pub trait World {
    /// Calls `then` with a context in which the check's server is the stream's, and `state` what was received.
    fn with_context(&self, state: &State, then: &mut dyn FnMut(&dyn Context));

    /// What `http-check send-state` tells the server of itself.
    fn server_state(&self) -> String;

    /// Whether the server is down: a 404 cannot ask for a soft stop then.
    fn is_stopped(&self) -> bool;

    /// Time since the check began, for its trace.
    fn elapsed(&self) -> Duration;
}

/// What is to be done next.
#[derive(Debug)]
pub enum Step<'r> {
    /// Close the connection if there is one and open another; then [`Run::connected`] or [`Run::connect_failed`].
    Connect(&'r Connect, Option<u16>),
    /// Send all of this; then [`Run::sent`] or [`Run::failed`].
    Send(Cow<'r, [u8]>),
    /// Append what arrives to [`Run::input`]; then [`Run::received`] or [`Run::failed`].
    Receive,
    /// The check is over.
    Done(Verdict),
}

/// What a check has received so far, as expressions see it.
#[derive(Debug, Default)]
pub struct State {
    input: Vec<u8>,
    ended: bool,
    http: bool,
    /// The last request's method was HEAD: no body follows.
    head_request: bool,
    vars: Vars,
}

impl State {
    /// Variables of the scopes `check` and `sess`.
    pub const fn vars(&self) -> &Vars {
        &self.vars
    }

    /// The bytes received since the last step that sends or connects.
    pub fn input(&self) -> &[u8] {
        &self.input
    }

    /// The same for expressions, unless it is an HTTP response.
    pub fn buffer(&self) -> Option<&[u8]> {
        (!self.http).then_some(self.input.as_slice())
    }

    /// Whether the peer ended the stream, or no more fits.
    pub(super) const fn ended(&self) -> bool {
        self.ended
    }

    /// The response of an HTTP check, once its head is there.
    pub fn response(&self) -> Option<Response<'_>> {
        match response::parse(&self.input, self.head_request) {
            Parsed::Response(response) if self.http => Some(response),
            _ => None,
        }
    }
}

/// A check in progress.
#[derive(Debug)]
pub struct Run<'r> {
    set: &'r RuleSet,
    at: usize,
    state: State,
    /// Bytes of a response that are looked at.
    limit: usize,
    /// How the last `expect` passed: what the check ends with when no other step follows.
    passed: Option<Verdict>,
    /// The present connection is.
    secured: bool,
    trace: Trace,
}

impl<'r> Run<'r> {
    /// Begins a check. `limit`: the most bytes of an answer that are looked at (`tune.bufsize`). `trace`: that of an
    /// earlier check, for its room.
    pub fn new(set: &'r RuleSet, limit: usize, mut trace: Trace) -> Self {
        trace.clear();
        let state = State { http: set.kind == Kind::Http, ..State::default() };
        Self { set, at: 0, state, limit, passed: None, secured: false, trace }
    }

    /// What is to be done next. Call it again once that is done.
    pub fn step(&mut self, world: &dyn World) -> Step<'r> {
        let set = self.set;
        while let Some(rule) = set.rules.get(self.at) {
            match &rule.what {
                What::Comment => self.at += 1,
                What::Var(action) => {
                    world.with_context(&self.state, &mut |ctx: &dyn Context| action.run(ctx));
                    self.passed = None;
                    self.at += 1;
                }
                What::Connect(connect) => {
                    self.state.input.clear();
                    self.state.ended = false;
                    return Step::Connect(connect, self.port(connect, world));
                }
                What::Send(payload) => {
                    self.state.input.clear();
                    match self.payload(payload, world) {
                        Some(bytes) => return Step::Send(bytes),
                        None => return Step::Done(self.unsendable(rule)),
                    }
                }
                What::Request(request) => {
                    self.state.input.clear();
                    self.state.head_request = request.method == "HEAD";
                    return Step::Send(self.request(request, world));
                }
                What::Expect(expect) => match self.judge(expect, rule, world) {
                    None => return Step::Receive,
                    Some(Ok(passed)) => {
                        self.trace.add(world.elapsed(), self.at, Event::Matched);
                        self.passed = Some(passed);
                        self.at += 1;
                        continue;
                    }
                    Some(Err(verdict)) => {
                        self.trace.add(world.elapsed(), self.at, Event::Failed);
                        return Step::Done(verdict);
                    }
                },
            }
        }
        Step::Done(self.success())
    }

    /// The connection is established, and secured if it is to be.
    pub fn connected(&mut self, secured: bool, world: &dyn World) {
        self.trace.add(world.elapsed(), self.at, if secured { Event::Secured } else { Event::Connected });
        self.secured = secured;
        self.passed = None;
        self.at += 1;
    }

    /// All bytes of the step were sent.
    pub fn sent(&mut self, bytes: usize, world: &dyn World) {
        self.trace.add(world.elapsed(), self.at, Event::Sent(bytes));
        self.passed = None;
        self.at += 1;
    }

    /// Where received bytes are appended.
    pub const fn input(&mut self) -> &mut Vec<u8> {
        &mut self.state.input
    }

    /// Bytes arrived, or with `ended` the stream ended.
    pub fn received(&mut self, ended: bool, world: &dyn World) {
        self.state.input.truncate(self.limit);
        self.state.ended = ended || self.state.input.len() >= self.limit;
        self.trace.received(world.elapsed(), self.at, &self.state.input, ended);
    }

    /// The connection could not be established.
    pub fn connect_failed(&mut self, error: &io::Error, world: &dyn World) -> Verdict {
        self.trace.add(world.elapsed(), self.at, Event::Broken);
        self.told(connect::connect_failed(error))
    }

    /// Securing the connection failed: why in HAProxy's words, and in the library's. `None`: it took too long.
    pub fn handshake_failed(&mut self, why: Option<(&str, &str)>, world: &dyn World) -> Verdict {
        match why {
            Some((_, detail)) => self.trace.not_secured(world.elapsed(), self.at, detail),
            None => self.trace.add(world.elapsed(), self.at, Event::TimedOut),
        }
        self.told(why.map_or_else(connect::handshake_timeout, |(why, _)| connect::handshake_failed(why)))
    }

    /// The proxy on the way did not answer in time.
    pub fn detour_timed_out(&mut self, world: &dyn World) -> Verdict {
        self.trace.add(world.elapsed(), self.at, Event::TimedOut);
        self.told(connect::answer_timeout())
    }

    /// No socket could be made, or sending or receiving failed.
    pub fn failed(&mut self, error: &io::Error, world: &dyn World) -> Verdict {
        self.trace.add(world.elapsed(), self.at, Event::Broken);
        self.told(connect::socket_failed(error))
    }

    /// Time is up.
    pub fn timed_out(&mut self, world: &dyn World) -> Verdict {
        self.trace.add(world.elapsed(), self.at, Event::TimedOut);
        let status = match self.rule().map(|rule| &rule.what) {
            Some(What::Connect(_)) => CheckStatus::L4Timeout,
            Some(What::Expect(expect)) => expect.tout_status.unwrap_or(CheckStatus::L7Timeout),
            _ => CheckStatus::L7Timeout,
        };
        self.told(Verdict::bare(status))
    }

    /// What happened so far.
    pub fn into_trace(self) -> Trace {
        self.trace
    }

    fn rule(&self) -> Option<&'r Rule> {
        self.set.rules.get(self.at)
    }

    fn port(&self, connect: &Connect, world: &dyn World) -> Option<u16> {
        match &connect.port {
            None => None,
            Some(Port::Fixed(port)) => Some(*port),
            Some(Port::Expr(expr)) => number(expr, world, &self.state).filter(|port| *port > 0),
        }
    }

    fn payload(&self, payload: &'r Payload, world: &dyn World) -> Option<Cow<'r, [u8]>> {
        match payload {
            Payload::Bytes(bytes) => Some(Cow::Borrowed(bytes)),
            Payload::Format(format) => Some(Cow::Owned(rendered(format, world, &self.state))),
            Payload::HexFormat(format) => parse_hex(&rendered(format, world, &self.state)).map(Cow::Owned),
        }
    }

    fn unsendable(&self, rule: &Rule) -> Verdict {
        let step = self.set.number(self.at);
        let text = format!("tcp-check send : failed to build log-format string at step {step}");
        Verdict { status: CheckStatus::L7Response, code: 0, info: with_comment(text, rule) }
    }

    fn request(&self, request: &'r Request, world: &dyn World) -> Cow<'r, [u8]> {
        if let Some(bytes) = &request.bytes {
            return Cow::Borrowed(bytes);
        }
        let text = |t: &super::Text| String::from_utf8_lossy(&t.value(world, &self.state)).into_owned();
        let whole = HttpRequest {
            method: request.method.clone(),
            uri: text(&request.uri),
            version: request.version.clone(),
            headers: request.headers.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
            body: request.body.value(world, &self.state),
        };
        let state = self.set.send_state.then(|| world.server_state());
        Cow::Owned(http::request(&whole, state.as_deref()))
    }

    /// `None`: more must be received. Else how the rule passed, or the check's end.
    fn judge(&self, expect: &Expect, rule: &Rule, world: &dyn World) -> Option<Result<Verdict, Verdict>> {
        let judgement = if self.set.kind == Kind::Http {
            let response = match response::parse(&self.state.input, self.state.head_request) {
                Parsed::Partial if !self.state.ended => return None,
                Parsed::Partial | Parsed::Invalid => return Some(Err(Verdict::bare(CheckStatus::L7Response))),
                Parsed::Response(response) => response,
            };
            let code = response.status;
            if self.set.disable_on_404 && code == 404 && !world.is_stopped() {
                return Some(Ok(Verdict {
                    status: CheckStatus::L7OkConditionally,
                    code: code.into(),
                    info: String::new(),
                }));
            }
            expect.judge_response(&response, &self.state, world)
        } else {
            expect.judge_bytes(&self.state, world, self.set.number(self.at))
        };
        match judgement {
            Judgement::More => None,
            Judgement::Fine(code, own) => {
                let status = expect.ok_status.unwrap_or(CheckStatus::L7Ok);
                let code = expect.own_code(&self.state, world).unwrap_or(code);
                let info = own.or_else(|| expect.own_text(true, &self.state, world));
                Some(Ok(Verdict { status, code: code.into(), info: info.unwrap_or_else(|| self.usual_text()) }))
            }
            Judgement::Wrong(status, code, text) => {
                let status = expect.error_status.unwrap_or(status);
                if self.state.input.is_empty() {
                    return Some(Err(Verdict {
                        status,
                        code: code.into(),
                        info: text + &super::steps::quoted_comment(rule),
                    }));
                }
                let code = expect.own_code(&self.state, world).unwrap_or(code);
                let text = expect.own_text(false, &self.state, world).unwrap_or(text);
                Some(Err(Verdict { status, code: code.into(), info: with_comment(text, rule) }))
            }
        }
    }

    /// All steps went well.
    fn success(&mut self) -> Verdict {
        if let Some(passed) = self.passed.take() {
            return passed;
        }
        let last = self.set.rules.iter().rev().find(|rule| !matches!(rule.what, What::Comment));
        match last.map(|rule| &rule.what) {
            Some(What::Connect(_)) => {
                let info = if last.is_some_and(|rule| rule.implied) { String::new() } else { self.usual_text() };
                let status = if self.secured { CheckStatus::L6Ok } else { CheckStatus::L4Ok };
                Verdict { status, code: 0, info }
            }
            _ => Verdict { status: CheckStatus::L7Ok, code: 0, info: self.usual_text() },
        }
    }

    fn usual_text(&self) -> String {
        if self.set.kind == Kind::Tcp { "(tcp-check)".to_owned() } else { String::new() }
    }

    /// A verdict with the step at which it happened.
    fn told(&self, mut verdict: Verdict) -> Verdict {
        if self.set.kind == Kind::Tcp
            && let Some(rule) = self.rule()
        {
            verdict.info.push_str(&super::steps::place(self.set, self.at, rule));
        }
        verdict
    }
}

fn with_comment(text: String, rule: &Rule) -> String {
    match &rule.comment {
        Some(comment) => format!("{text} comment: {comment}"),
        None => text,
    }
}
