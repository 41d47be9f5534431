//! `tcp-check expect` and `http-check expect`.

use super::rules::hex;
use super::{expression, format};
use crate::cx::Cx;
use crate::line::{Fault, Line, fault};
use crate::proxy::ProxyDraft;
use lb_check::rules::{Expect, HeaderMatch, Looks, Method, Rule, Text, What};
use lb_model::CheckStatus;
use lb_sample::Expr;
use regex::bytes::Regex;

/// Reads the rule.
pub(super) fn expect(p: &mut ProxyDraft, cx: &mut Cx<'_>, line: &Line) -> Result<Rule, Fault> {
    let mut reader = Reader { p, cx, line, outer: format!("'{} expect' : ", line.word(0)), at: 2 };
    reader.read()
}

struct Reader<'a, 'h> {
    p: &'a mut ProxyDraft,
    cx: &'a mut Cx<'h>,
    line: &'a Line,
    outer: String,
    at: usize,
}

/// Statuses that a rule may ask for.
type Statuses = &'static [CheckStatus];
const OK: Statuses = &[CheckStatus::L4Ok, CheckStatus::L6Ok, CheckStatus::L7Ok, CheckStatus::L7OkConditionally];
const ERROR: Statuses = &[
    CheckStatus::L4Connection,
    CheckStatus::L6Response,
    CheckStatus::L7Response,
    CheckStatus::L7Status,
    CheckStatus::L7OkConditionally,
];
const TIMEOUT: Statuses = &[CheckStatus::L4Timeout, CheckStatus::L6Timeout, CheckStatus::L7Timeout];

impl<'a> Reader<'a, '_> {
    fn read(&mut self) -> Result<Rule, Fault> {
        let (mut options, mut found, mut comment) = (Expect::any_success(), None, None);
        if !self.line.has(2) {
            return Err(self.fault(2, "expects at least a matching pattern as arguments."));
        }
        while self.line.has(self.at) {
            let at = self.at;
            match self.line.word(at) {
                "min-recv" => options.min_recv = self.min_recv()?,
                "comment" => comment = Some(self.argument("a string")?.to_owned()),
                "ok-status" => options.ok_status = Some(self.status(OK, "'L4OK', 'L6OK', 'L7OK' or 'L7OKC'")?),
                "error-status" => {
                    options.error_status = Some(self.status(ERROR, "'L4CON', 'L6RSP', 'L7RSP' or 'L7STS'")?);
                }
                "tout-status" => {
                    options.tout_status = Some(self.status(TIMEOUT, "'L4TOUT', 'L6TOUT' or 'L7TOUT'")?);
                }
                "on-success" => options.on_success = Some(self.format()?),
                "on-error" => options.on_error = Some(self.format()?),
                "status-code" => options.status_code = Some(self.expression()?),
                _ if found.is_some() => {
                    let word = self.line.word(at).trim_start_matches('!');
                    let message = match word.is_empty() || self.kinds().contains(&word) {
                        true => format!("{}only on pattern expected.", self.outer),
                        false => self.unknown(self.line.word(at)),
                    };
                    return Err(fault(at, message).help("a pattern with spaces stands between quotes"));
                }
                _ => found = Some(self.pattern()?),
            }
            self.at += 1;
        }
        let Some((negate, looks)) = found else { return Err(self.fault(self.at, "pattern not found.")) };
        Ok(Rule::new(What::Expect(Box::new(Expect { negate, looks, ..options })), comment))
    }

    fn fault(&self, at: usize, message: &str) -> Fault {
        fault(at, format!("{}{message}", self.outer))
    }

    fn is_http(&self) -> bool {
        self.line.word(0) == "http-check"
    }

    fn kinds(&self) -> &'static [&'static str] {
        if self.is_http() {
            &["status", "rstatus", "hdr", "fhdr", "string", "rstring", "string-lf"]
        } else {
            &["string", "rstring", "string-lf", "binary", "rbinary", "binary-lf"]
        }
    }

    fn unknown(&self, word: &str) -> String {
        let kinds: Vec<String> = self.kinds().iter().map(|kind| format!("'[!]{kind}'")).collect();
        format!("{}only supports min-recv, {} or comment but got '{word}' as argument.", self.outer, kinds.join(", "))
    }

    /// The word after the present one, which becomes the present one.
    fn argument(&mut self, what: &str) -> Result<&'a str, Fault> {
        let name = self.line.word(self.at);
        self.at += 1;
        self.line.need(self.at, format!("{}'{name}' expects {what} as argument.", self.outer))
    }

    fn min_recv(&mut self) -> Result<Option<usize>, Fault> {
        let text = self.argument("a integer")?;
        match text.parse::<i32>() {
            Ok(-1) => Ok(None),
            Ok(n) if n >= 0 => Ok(usize::try_from(n).ok()),
            _ => Err(self.fault(self.at, "'min-recv' expects -1 or an integer from 0 to INT_MAX.")),
        }
    }

    fn status(&mut self, known: Statuses, listed: &str) -> Result<CheckStatus, Fault> {
        let name = self.line.word(self.at);
        let text = self.argument("a string")?;
        known
            .iter()
            .copied()
            .find(|status| status.code() == text)
            .ok_or_else(|| self.fault(self.at, &format!("'{name}' only supports {listed} status (got '{text}').")))
    }

    fn format(&mut self) -> Result<lb_sample::LogFormat, Fault> {
        self.argument("a string")?;
        format(self.p, self.cx, self.line, self.at, &self.outer)
    }

    fn expression(&mut self) -> Result<Expr, Fault> {
        self.argument("an expression")?;
        let outer = format!("{}error detected while parsing status-code expression : ", self.outer);
        expression(self.p, self.cx, self.line, self.at, &outer)
    }

    /// `[!] <kind> <pattern>`.
    fn pattern(&mut self) -> Result<(bool, Looks), Fault> {
        let mut kind = self.line.word(self.at);
        let mut negate = false;
        if let Some(rest) = kind.strip_prefix('!') {
            negate = true;
            kind = rest;
            if kind.is_empty() {
                self.at += 1;
                kind = self.line.word(self.at);
            }
        }
        if !self.kinds().contains(&kind) {
            return Err(fault(self.at, self.unknown(kind)));
        }
        if matches!(kind, "hdr" | "fhdr") {
            return Ok((negate, Looks::Header(Box::new(self.header(kind)?))));
        }
        self.at += 1;
        let at = self.at;
        let pattern = self.line.need(at, format!("{}'{kind}' expects a <pattern> as argument.", self.outer))?;
        let looks = match kind {
            "status" => Looks::Status(self.statuses(pattern)?),
            "rstatus" => Looks::StatusRegex(self.regex(pattern)?),
            "string" => Looks::Text(pattern.as_bytes().to_vec()),
            "rstring" => Looks::TextRegex(self.regex(pattern)?),
            "binary" => Looks::Binary(hex(self.line, at, &self.outer)?),
            "rbinary" => Looks::BinaryRegex(self.regex(pattern)?),
            "string-lf" => Looks::TextFormat(format(self.p, self.cx, self.line, at, &self.outer)?),
            _ => Looks::BinaryFormat(format(self.p, self.cx, self.line, at, &self.outer)?),
        };
        Ok((negate, looks))
    }

    /// `hdr { name | name-lf } [-m <method>] <name> [{ value | value-lf } [-m <method>] <value>]`.
    fn header(&mut self, kind: &str) -> Result<HeaderMatch, Fault> {
        let full = kind == "fhdr";
        self.at += 1;
        let usage = format!("'{kind}' expects at the name keyword as first argument followed by a pattern.");
        let lf = match self.line.word(self.at) {
            "name" => false,
            "name-lf" => true,
            _ => return Err(self.fault(self.at, &usage)),
        };
        let name = self.method(kind, lf, &usage)?;
        let lf = match self.line.word(self.at + 1) {
            "value" => false,
            "value-lf" => true,
            _ => return Ok(HeaderMatch { full, name, value: None }),
        };
        self.at += 1;
        let value = self.method(kind, lf, &format!("'{kind}' expect a pattern with the value keyword."))?;
        Ok(HeaderMatch { full, name, value: Some(value) })
    }

    fn method(&mut self, kind: &str, lf: bool, missing: &str) -> Result<Method, Fault> {
        self.at += 1;
        let mut how = "str";
        if self.line.word(self.at) == "-m" {
            self.at += 1;
            let outer = format!("'{kind}' : '-m' ");
            how = self.line.word(self.at);
            match how {
                "str" | "beg" | "end" | "sub" | "reg" => {}
                "" => {
                    let message =
                        format!("{outer}expects at a matching pattern ('str', 'beg', 'end', 'sub' or 'reg').");
                    return Err(self.fault(self.at, &message));
                }
                other => {
                    let message = format!("{outer}only supports 'str', 'beg', 'end', 'sub' or 'reg' (got '{other}').");
                    return Err(self.fault(self.at, &message));
                }
            }
            self.at += 1;
        }
        let text = self.line.need(self.at, format!("{}{missing}", self.outer))?;
        if how == "reg" {
            if lf {
                let message = format!("'{kind}': log-format string is not supported with a regex matching method.");
                return Err(self.fault(self.at, &message));
            }
            return Ok(Method::Regex(self.regex(text)?));
        }
        let text = if lf {
            Text::of_format(format(self.p, self.cx, self.line, self.at, &self.outer)?)
        } else {
            Text::Plain(text.as_bytes().to_vec())
        };
        Ok(match how {
            "beg" => Method::Begins(text),
            "end" => Method::Ends(text),
            "sub" => Method::Contains(text),
            _ => Method::Equal(text),
        })
    }

    fn regex(&self, pattern: &str) -> Result<Regex, Fault> {
        Regex::new(pattern).map_err(|error| {
            // The library draws the pattern too; its last line says what is wrong.
            let why = error.to_string();
            let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            self.fault(self.at, &format!("regex '{pattern}' is invalid ({why})."))
        })
    }

    /// `200,300-399`.
    fn statuses(&self, text: &str) -> Result<Vec<(u16, u16)>, Fault> {
        if let Some(bad) = text.chars().find(|c| !(c.is_ascii_digit() || matches!(c, ',' | '-'))) {
            return Err(self.fault(self.at, &format!("invalid character '{bad}' in the list of status codes.")));
        }
        let range = |part: &str| {
            let (low, high) = part.split_once('-').unwrap_or((part, part));
            let (low, high) = (low.parse().ok()?, high.parse().ok()?);
            (low <= high && low >= 100 && high <= 999).then_some((low, high))
        };
        let read = |part| {
            range(part).ok_or_else(|| {
                self.fault(self.at, &format!("invalid status code or range '{part}'."))
                    .help("codes are from 100 to 999, as in 200,300-399")
            })
        };
        text.split(',').map(read).collect()
    }
}
