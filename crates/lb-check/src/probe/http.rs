//! The HTTP check: its request and the judgement of its answer.

use lb_model::CheckStatus;
use regex::bytes::Regex;

use super::Verdict;
use super::response::{self, Parsed, Response};

/// What `option httpchk` and `http-check send` ask to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// Method.
    pub method: String,
    /// Target.
    pub uri: String,
    /// `HTTP/1.0` or `HTTP/1.1`.
    pub version: String,
    /// Headers in order.
    pub headers: Vec<(String, String)>,
    /// Body, possibly empty.
    pub body: Vec<u8>,
}

impl Default for HttpRequest {
    fn default() -> Self {
        Self {
            method: "OPTIONS".into(),
            uri: "/".into(),
            version: "HTTP/1.0".into(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }
}

/// What `http-check send-state` tells the server of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerState<'a> {
    /// Operational status with progress, drain and maintenance aside: `UP`, `UP 1/3`, `NOLB`.
    pub status: &'a str,
    /// The server's address.
    pub address: &'a str,
    /// The server's port.
    pub port: u16,
    /// Backend's name.
    pub backend: &'a str,
    /// Server's name.
    pub server: &'a str,
    /// The node's name.
    pub node: &'a str,
    /// The server's weight.
    pub weight: u32,
    /// Weight of all usable servers.
    pub total_weight: u32,
    /// Sessions on the server.
    pub sessions: usize,
    /// Sessions on the backend.
    pub total_sessions: usize,
    /// Requests in the server's queue.
    pub queued: usize,
}

/// The bytes of a check's request, as observed on the wire: header names in lower case, the
/// length of a body added, `connection: close` with HTTP/1.1 unless the headers ask otherwise,
/// the authority of an absolute target replaced by `Host`. No `Host` is ever added.
pub fn request(request: &HttpRequest, state: Option<&ServerState<'_>>) -> Vec<u8> {
    let host = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("host"));
    let uri = match host {
        Some((_, host)) => with_authority(&request.uri, host),
        None => request.uri.clone(),
    };
    let mut out = format!("{} {uri} {}\r\n", request.method, request.version);
    let mut close = request.version != "HTTP/1.0";
    for (name, value) in &request.headers {
        let name = name.to_ascii_lowercase();
        match name.as_str() {
            // The body decides, not the configuration.
            "content-length" | "transfer-encoding" => (),
            "connection" => close &= value.to_ascii_lowercase().contains("close"),
            _ => push_header(&mut out, &name, value),
        }
    }
    if let Some(s) = state {
        let value = format!(
            "{}; address={}; port={}; name={}/{}; node={}; weight={}/{}; scur={}/{}; qcur={}",
            s.status,
            s.address,
            s.port,
            s.backend,
            s.server,
            s.node,
            s.weight,
            s.total_weight,
            s.sessions,
            s.total_sessions,
            s.queued
        );
        push_header(&mut out, "x-haproxy-server-state", &value);
    }
    if !request.body.is_empty() {
        push_header(&mut out, "content-length", &request.body.len().to_string());
    }
    if close {
        push_header(&mut out, "connection", "close");
    }
    out.push_str("\r\n");
    let mut bytes = out.into_bytes();
    bytes.extend_from_slice(&request.body);
    bytes
}

/// Adds a header; line ends in a value would start another one and become blanks.
fn push_header(out: &mut String, name: &str, value: &str) {
    out.push_str(name);
    out.push_str(": ");
    out.extend(value.chars().map(|c| if matches!(c, '\r' | '\n' | '\0') { ' ' } else { c }));
    out.push_str("\r\n");
}

/// `http://old/path` with another authority; other targets as they are.
fn with_authority(uri: &str, host: &str) -> String {
    let Some((scheme, rest)) = uri.split_once("://") else { return uri.to_owned() };
    let path = rest.find(['/', '?']).map_or("", |i| rest.split_at(i).1);
    format!("{scheme}://{host}{path}")
}

/// What an `http-check expect` looks at.
#[derive(Debug, Clone)]
pub enum ExpectWhat {
    /// `status 200,300-399`.
    Status(Vec<(u16, u16)>),
    /// `rstatus <regex>`.
    StatusRegex(Regex),
    /// `string <text>`, in the body.
    Text(Vec<u8>),
    /// `rstring <regex>`, in the body.
    TextRegex(Regex),
}

/// One `http-check expect`.
#[derive(Debug, Clone)]
pub struct Expect {
    /// `!`: the rule must not match.
    pub negate: bool,
    /// What is looked at.
    pub what: ExpectWhat,
    /// `comment`, told when the rule fails.
    pub comment: Option<String>,
}

impl Expect {
    /// The rule that stands where none is configured: 2xx and 3xx.
    pub fn any_success() -> Self {
        Self { negate: false, what: ExpectWhat::Status(vec![(200, 399)]), comment: None }
    }
}

/// How an HTTP check judges answers.
#[derive(Debug, Clone)]
pub struct HttpRules {
    /// Expectations, all of which must hold, in order. None: 2xx and 3xx.
    pub expect: Vec<Expect>,
    /// `http-check disable-on-404`.
    pub disable_on_404: bool,
    /// Whether the request's method is HEAD, so that no body follows.
    pub head_request: bool,
    /// Bytes of a response that are looked at (`tune.bufsize`).
    pub max_bytes: usize,
}

impl Default for HttpRules {
    fn default() -> Self {
        Self { expect: Vec::new(), disable_on_404: false, head_request: false, max_bytes: 16_384 }
    }
}

/// How far a check has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// More bytes, or the end of the stream, are needed.
    NeedMore,
    /// Over.
    Done(Verdict),
}

impl HttpRules {
    /// Judges what has been received so far. `ended`: nothing more will come. `stopped`: the
    /// server is down, so that a 404 cannot ask for a soft stop.
    pub fn judge(&self, received: &[u8], ended: bool, stopped: bool) -> Progress {
        let ended = ended || received.len() >= self.max_bytes;
        let received = received.get(..self.max_bytes).unwrap_or(received);
        let response = match response::parse(received, self.head_request) {
            Parsed::Partial if !ended => return Progress::NeedMore,
            Parsed::Partial | Parsed::Invalid => return Progress::Done(Verdict::bare(CheckStatus::L7Response)),
            Parsed::Response(response) => response,
        };
        if self.disable_on_404 && response.status == 404 && !stopped {
            let status = CheckStatus::L7OkConditionally;
            return Progress::Done(Verdict { status, code: 404, info: String::new() });
        }
        let over = ended || response.complete;
        let default = [Expect::any_success()];
        let rules = if self.expect.is_empty() { default.as_slice() } else { self.expect.as_slice() };
        for rule in rules {
            match rule.judge(&response, over) {
                Ok(true) => (),
                Ok(false) => return Progress::NeedMore,
                Err(verdict) => return Progress::Done(verdict),
            }
        }
        Progress::Done(Verdict { status: CheckStatus::L7Ok, code: response.status, info: String::new() })
    }
}

impl Expect {
    fn needs_body(&self) -> bool {
        matches!(self.what, ExpectWhat::Text(_) | ExpectWhat::TextRegex(_))
    }

    /// Whether the rule holds; `Ok(false)`: more of the body is needed to say.
    fn judge(&self, response: &Response<'_>, over: bool) -> Result<bool, Verdict> {
        let found = match &self.what {
            ExpectWhat::Status(ranges) => ranges.iter().any(|&(low, high)| (low..=high).contains(&response.status)),
            ExpectWhat::StatusRegex(regex) => regex.is_match(response.status.to_string().as_bytes()),
            ExpectWhat::Text(text) => contains(&response.body, text),
            ExpectWhat::TextRegex(regex) => regex.is_match(&response.body),
        };
        if !self.needs_body() {
            return if found != self.negate { Ok(true) } else { Err(self.wrong_status(response)) };
        }
        if response.broken {
            return Err(Verdict::bare(CheckStatus::L7Response));
        }
        if response.body.is_empty() {
            return if over {
                Err(self.wrong_body("HTTP content check could not find a response body"))
            } else {
                Ok(false)
            };
        }
        match (found, self.negate) {
            (true, false) => Ok(true),
            (true, true) => Err(self.wrong_body("HTTP check matched unwanted content")),
            (false, _) if !over => Ok(false),
            (false, true) => Ok(true),
            (false, false) => Err(self.wrong_body("HTTP content check did not match")),
        }
    }

    fn wrong_status(&self, response: &Response<'_>) -> Verdict {
        let info = self.with_comment(&String::from_utf8_lossy(response.reason));
        Verdict { status: CheckStatus::L7Status, code: response.status, info }
    }

    fn wrong_body(&self, text: &str) -> Verdict {
        Verdict { status: CheckStatus::L7Response, code: 0, info: self.with_comment(text) }
    }

    fn with_comment(&self, text: &str) -> String {
        match &self.comment {
            Some(comment) => format!("{text} comment: {comment}"),
            None => text.to_owned(),
        }
    }
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    needle.is_empty() || haystack.windows(needle.len()).any(|window| window == needle)
}
