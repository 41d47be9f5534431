//! `expect`: what is looked for in what was received, and what is said of it.

use lb_model::CheckStatus;
use lb_sample::{Context, Expr, LogFormat, Sample};
use regex::bytes::Regex;

use super::hex::{parse_hex, to_hex};
use super::run::{State, World};
use crate::probe::response::Response;

/// Text of the configuration, constant or made when it is needed.
#[derive(Debug, Clone)]
pub enum Text {
    /// As it stands.
    Plain(Vec<u8>),
    /// A log format.
    Format(LogFormat),
}

impl Text {
    /// Text from a format; a constant one is evaluated once.
    pub fn of_format(format: LogFormat) -> Self {
        match format.as_constant() {
            Some(text) => Self::Plain(text.into_bytes()),
            None => Self::Format(format),
        }
    }

    pub(super) fn value(&self, world: &dyn World, state: &State) -> Vec<u8> {
        match self {
            Self::Plain(bytes) => bytes.clone(),
            Self::Format(format) => rendered(format, world, state),
        }
    }
}

pub(super) fn rendered(format: &LogFormat, world: &dyn World, state: &State) -> Vec<u8> {
    let mut out = Vec::new();
    world.with_context(state, &mut |ctx: &dyn Context| format.render_value(ctx, &mut out));
    out
}

/// How a header's name or value is compared.
#[derive(Debug, Clone)]
pub enum Method {
    /// `-m str`: equal.
    Equal(Text),
    /// `-m beg`.
    Begins(Text),
    /// `-m end`.
    Ends(Text),
    /// `-m sub`.
    Contains(Text),
    /// `-m reg`.
    Regex(Regex),
}

/// `hdr` and `fhdr`.
#[derive(Debug, Clone)]
pub struct HeaderMatch {
    /// `fhdr`: the whole value, commas included.
    pub full: bool,
    /// Of the name; letters' case does not matter.
    pub name: Method,
    /// Of the value; `None`: the header is there.
    pub value: Option<Method>,
}

/// What an `expect` looks for.
#[derive(Debug, Clone)]
pub enum Looks {
    /// `status 200,300-399`.
    Status(Vec<(u16, u16)>),
    /// `rstatus <regex>`.
    StatusRegex(Regex),
    /// `hdr`, `fhdr`.
    Header(Box<HeaderMatch>),
    /// `string`: in the body of a response, or in all that was received.
    Text(Vec<u8>),
    /// `rstring`.
    TextRegex(Regex),
    /// `string-lf`.
    TextFormat(LogFormat),
    /// `binary`.
    Binary(Vec<u8>),
    /// `rbinary`: the expression sees upper-case hexadecimal digits.
    BinaryRegex(Regex),
    /// `binary-lf`.
    BinaryFormat(LogFormat),
    /// An answer of a known protocol.
    Frame(Protocol),
}

impl Looks {
    pub(super) fn evaluates(&self) -> bool {
        matches!(self, Self::TextFormat(_) | Self::BinaryFormat(_) | Self::Header(_))
    }
}

/// Reads an answer of a known protocol. `None`: it is not whole, which at the end of the stream is a failure.
#[derive(Debug, Clone, Copy)]
pub struct Protocol(pub(super) fn(bytes: &[u8], ended: bool) -> Option<Judgement>);

/// An `expect`.
#[derive(Debug, Clone)]
pub struct Expect {
    /// `!`: it must not be found.
    pub negate: bool,
    /// What is looked for.
    pub looks: Looks,
    /// `min-recv`: from so many bytes on a look is conclusive. `None`: only the end of the stream makes a failure.
    pub min_recv: Option<usize>,
    /// `ok-status`.
    pub ok_status: Option<CheckStatus>,
    /// `error-status`.
    pub error_status: Option<CheckStatus>,
    /// `tout-status`.
    pub tout_status: Option<CheckStatus>,
    /// `on-success`.
    pub on_success: Option<LogFormat>,
    /// `on-error`.
    pub on_error: Option<LogFormat>,
    /// `status-code`.
    pub status_code: Option<Expr>,
}

impl Expect {
    /// A plain rule.
    pub const fn new(negate: bool, looks: Looks) -> Self {
        Self {
            negate,
            looks,
            min_recv: None,
            ok_status: None,
            error_status: None,
            tout_status: None,
            on_success: None,
            on_error: None,
            status_code: None,
        }
    }

    /// The rule that stands where none is configured: 2xx and 3xx.
    pub fn any_success() -> Self {
        Self::new(false, Looks::Status(vec![(200, 399)]))
    }
}

/// What a look at the bytes so far gives.
pub(super) enum Judgement {
    /// More bytes, or the end of the stream, are needed.
    More,
    /// As expected; perhaps with a code and with words of its own.
    Fine(u16, Option<String>),
    /// Not as expected: the status, a code and the words for it.
    Wrong(CheckStatus, u16, String),
}

impl Expect {
    /// Judges raw bytes. `step` is the rule's number.
    pub(super) fn judge_bytes(&self, state: &State, world: &dyn World, step: usize) -> Judgement {
        let (bytes, ended) = (state.input(), state.ended());
        if bytes.is_empty() {
            let empty = || format!("TCPCHK got an empty response at step {step}");
            return if ended { Judgement::Wrong(CheckStatus::L7Response, 0, empty()) } else { Judgement::More };
        }
        if let Looks::Frame(Protocol(read)) = self.looks {
            return match read(bytes, ended) {
                Some(judgement) => judgement,
                None if ended => Judgement::Wrong(CheckStatus::L7Response, 0, String::new()),
                None => Judgement::More,
            };
        }
        let exact = match &self.looks {
            Looks::Text(text) | Looks::Binary(text) => text.len(),
            _ => 0,
        };
        if bytes.len() < self.min_recv.unwrap_or(0).max(exact) && !ended {
            return Judgement::More;
        }
        let found = match self.found_in(bytes, state, world) {
            Ok(found) => found,
            Err(why) => return Judgement::Wrong(CheckStatus::L7Response, 0, why.to_owned()),
        };
        if !found && self.min_recv.is_none() && !ended {
            return Judgement::More;
        }
        if found != self.negate {
            return Judgement::Fine(0, None);
        }
        let what = match &self.looks {
            Looks::Text(text) => format!("'{}'", String::from_utf8_lossy(text)),
            Looks::TextRegex(_) => "(regex)".to_owned(),
            Looks::TextFormat(_) => "(log-format string)".to_owned(),
            Looks::Binary(_) => "(binary)".to_owned(),
            Looks::BinaryRegex(_) => "(binary regex)".to_owned(),
            Looks::BinaryFormat(_) => "(log-format binary)".to_owned(),
            Looks::Status(_) | Looks::StatusRegex(_) | Looks::Header(_) | Looks::Frame(_) => String::new(),
        };
        let verb = if found { "matched unwanted content" } else { "did not match content" };
        Judgement::Wrong(CheckStatus::L7Response, 0, format!("TCPCHK {verb} {what} at step {step}"))
    }

    /// Judges an HTTP response.
    pub(super) fn judge_response(&self, response: &Response<'_>, state: &State, world: &dyn World) -> Judgement {
        let over = state.ended() || response.complete;
        let head = |found: bool| {
            if found != self.negate {
                Judgement::Fine(response.status, None)
            } else {
                Judgement::Wrong(
                    CheckStatus::L7Status,
                    response.status,
                    String::from_utf8_lossy(response.reason).into_owned(),
                )
            }
        };
        match &self.looks {
            Looks::Status(ranges) => return head(ranges.iter().any(|&(l, h)| (l..=h).contains(&response.status))),
            Looks::StatusRegex(regex) => return head(regex.is_match(response.status.to_string().as_bytes())),
            Looks::Header(header) => return head(header.is_in(response, state, world)),
            _ => {}
        }
        let wrong = |text: &str| Judgement::Wrong(CheckStatus::L7Response, 0, text.to_owned());
        if response.broken {
            return wrong("");
        }
        if response.body.is_empty() {
            return if over { wrong("HTTP content check could not find a response body") } else { Judgement::More };
        }
        if response.body.len() < self.min_recv.unwrap_or(0) && !over {
            return Judgement::More;
        }
        let found = match self.found_in(&response.body, state, world) {
            Ok(found) => found,
            Err(why) => return wrong(why),
        };
        match (found, self.negate) {
            (true, false) => Judgement::Fine(response.status, None),
            (true, true) => wrong("HTTP check matched unwanted content"),
            (false, _) if !over && self.min_recv.is_none() => Judgement::More,
            (false, true) => Judgement::Fine(response.status, None),
            (false, false) => wrong("HTTP content check did not match"),
        }
    }

    fn found_in(&self, bytes: &[u8], state: &State, world: &dyn World) -> Result<bool, &'static str> {
        Ok(match &self.looks {
            Looks::Text(text) | Looks::Binary(text) => contains(bytes, text),
            Looks::TextRegex(regex) => regex.is_match(bytes),
            Looks::BinaryRegex(regex) => regex.is_match(&to_hex(bytes)),
            Looks::TextFormat(format) => contains(bytes, &not_empty(rendered(format, world, state))?),
            Looks::BinaryFormat(format) => {
                let digits = not_empty(rendered(format, world, state))?;
                let wanted = parse_hex(&digits);
                contains(bytes, &wanted.ok_or("Failed to parse hexastring resulting of eval of a log-format string")?)
            }
            Looks::Status(_) | Looks::StatusRegex(_) | Looks::Header(_) | Looks::Frame(_) => false,
        })
    }

    /// The text that replaces the usual one, if one is configured.
    pub(super) fn own_text(&self, success: bool, state: &State, world: &dyn World) -> Option<String> {
        let format = if success { self.on_success.as_ref() } else { self.on_error.as_ref() };
        format.map(|format| String::from_utf8_lossy(&rendered(format, world, state)).into_owned())
    }

    /// The code that replaces the usual one, if one is configured and has a value.
    pub(super) fn own_code(&self, state: &State, world: &dyn World) -> Option<u16> {
        let expr = self.status_code.as_ref()?;
        number(expr, world, state)
    }
}

/// A small number that an expression yields; bytes are read as digits.
pub(super) fn number(expr: &Expr, world: &dyn World, state: &State) -> Option<u16> {
    let mut value = None;
    world.with_context(state, &mut |ctx: &dyn Context| {
        let sample = expr.eval(ctx);
        value = sample.and_then(|s| s.to_int().or_else(|| Sample::Str(s.into_text()).to_int()));
    });
    value.and_then(|n| u16::try_from(n).ok())
}

fn not_empty(text: Vec<u8>) -> Result<Vec<u8>, &'static str> {
    if text.is_empty() { Err("log-format string evaluated to an empty string") } else { Ok(text) }
}

impl HeaderMatch {
    fn is_in(&self, response: &Response<'_>, state: &State, world: &dyn World) -> bool {
        response.headers().any(|(name, value)| {
            self.name.matches(name, true, state, world)
                && self.value.as_ref().is_none_or(|method| {
                    if self.full {
                        method.matches(value, false, state, world)
                    } else {
                        value.split(|&b| b == b',').any(|part| method.matches(part.trim_ascii(), false, state, world))
                    }
                })
        })
    }
}

impl Method {
    fn matches(&self, given: &[u8], ignore_case: bool, state: &State, world: &dyn World) -> bool {
        let fold = |bytes: &[u8]| if ignore_case { bytes.to_ascii_lowercase() } else { bytes.to_vec() };
        let given = fold(given);
        let wanted = |text: &Text| fold(&text.value(world, state));
        match self {
            Self::Equal(text) => given == wanted(text),
            Self::Begins(text) => given.starts_with(&wanted(text)),
            Self::Ends(text) => given.ends_with(&wanted(text)),
            Self::Contains(text) => contains(&given, &wanted(text)),
            Self::Regex(regex) => regex.is_match(&given),
        }
    }
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    needle.is_empty() || haystack.windows(needle.len()).any(|window| window == needle)
}

impl Expect {
    /// The rule as configured, in short.
    pub(super) fn words(&self) -> String {
        let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
        let what = match &self.looks {
            Looks::Status(ranges) => {
                let range = |&(l, h): &(u16, u16)| if l == h { l.to_string() } else { format!("{l}-{h}") };
                format!("status {}", ranges.iter().map(range).collect::<Vec<_>>().join(","))
            }
            Looks::StatusRegex(regex) => format!("rstatus {regex}"),
            Looks::Header(header) => if header.full { "fhdr" } else { "hdr" }.to_owned(),
            Looks::Text(wanted) => format!("string {}", text(wanted)),
            Looks::TextRegex(regex) => format!("rstring {regex}"),
            Looks::TextFormat(_) => "string-lf".to_owned(),
            Looks::Binary(wanted) => format!("binary {}", text(&to_hex(wanted))),
            Looks::BinaryRegex(regex) => format!("rbinary {regex}"),
            Looks::BinaryFormat(_) => "binary-lf".to_owned(),
            Looks::Frame(_) => "the protocol's answer".to_owned(),
        };
        format!("expect {}{what}", if self.negate { "! " } else { "" })
    }
}
