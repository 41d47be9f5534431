//! The agent's line: words separated by blanks or commas, then an optional `#` comment.

use lb_model::{ParsedWeight, WeightError};

/// An administrative word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdminWord {
    /// `ready`.
    Ready,
    /// `drain`.
    Drain,
    /// `maint`.
    Maint,
}

/// A word about the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentVerdict {
    /// `up`; otherwise `down`, `fail` or `stopped`.
    pub up: bool,
    /// The word as sent, shown to the operator.
    pub word: String,
}

/// What an agent said. Where words contradict each other the last one counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AgentReply {
    /// The service's state.
    pub verdict: Option<AgentVerdict>,
    /// The administrative state asked for.
    pub admin: Option<AdminWord>,
    /// The weight asked for (`75%`, `weight:20`, `weight:50%`).
    pub weight: Option<Result<ParsedWeight, WeightError>>,
    /// The connection limit asked for (`maxconn:30`), or why the word is wrong.
    pub maxconn: Option<Result<u32, &'static str>>,
    /// The first word that means nothing.
    pub unknown: Option<String>,
    /// The text after `#`.
    pub comment: Option<String>,
}

impl AgentReply {
    /// Reads what arrived. `None`: no whole line yet; at the end of the stream that means
    /// [`AgentReply::INCOMPLETE`].
    pub fn parse(received: &[u8]) -> Option<Self> {
        let end = received.iter().position(|b| matches!(b, b'\r' | b'\n'))?;
        let line = String::from_utf8_lossy(received.get(..end).unwrap_or_default());
        Some(Self::parse_line(&line))
    }

    /// What `last_agt` says of a line without end.
    pub const INCOMPLETE: &'static str = "Ignoring incomplete line from agent";

    fn parse_line(line: &str) -> Self {
        let mut reply = Self::default();
        let mut rest = line;
        loop {
            rest = rest.trim_start_matches([' ', '\t', ',']);
            if rest.is_empty() {
                return reply;
            }
            if let Some(comment) = rest.strip_prefix('#') {
                let comment = comment.trim_start_matches([' ', '\t']);
                reply.comment = Some(comment.to_owned()).filter(|c| !c.is_empty());
                return reply;
            }
            let (word, tail) = rest.split_at(rest.find([' ', '\t', ',']).unwrap_or(rest.len()));
            reply.take(word);
            rest = tail;
        }
    }

    fn take(&mut self, word: &str) {
        let lower = word.to_ascii_lowercase();
        match lower.as_str() {
            "up" => self.verdict = Some(AgentVerdict { up: true, word: word.to_owned() }),
            "down" | "fail" | "stopped" => self.verdict = Some(AgentVerdict { up: false, word: word.to_owned() }),
            "ready" => self.admin = Some(AdminWord::Ready),
            "drain" => self.admin = Some(AdminWord::Drain),
            "maint" => self.admin = Some(AdminWord::Maint),
            _ => {
                if let Some(number) = lower.strip_prefix("maxconn:") {
                    self.maxconn = Some(parse_maxconn(number));
                } else if let Some(weight) = lower.strip_prefix("weight:") {
                    self.weight = Some(ParsedWeight::parse(weight));
                } else if word.contains('%') && word.starts_with(|c: char| c.is_ascii_digit()) {
                    self.weight = Some(ParsedWeight::parse(word));
                } else if self.unknown.is_none() {
                    self.unknown = Some(word.to_owned());
                }
            }
        }
    }

    /// What `last_agt` says, given the first thing that could not be applied.
    pub(crate) fn description(&self, warning: Option<&str>) -> String {
        if let Some(verdict) = &self.verdict {
            let detail = self.comment.as_deref().or(self.unknown.as_deref()).or(warning);
            return match detail {
                Some(detail) => format!("via agent : {} ({detail})", verdict.word),
                None => format!("via agent : {}", verdict.word),
            };
        }
        match (&self.unknown, warning) {
            (Some(unknown), _) => format!("agent reports an error : {unknown}"),
            (None, Some(warning)) => format!("agent warns : {warning}"),
            (None, None) => String::new(),
        }
    }
}

fn parse_maxconn(text: &str) -> Result<u32, &'static str> {
    if text.is_empty() {
        return Err("Require <maxconn>.");
    }
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    match text.split_at(digits) {
        ("", _) => Err("maxconn string empty or preceded by garbage"),
        (number, "") => Ok(number.parse().unwrap_or(u32::MAX)),
        _ => Err("Trailing garbage in maxconn string"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn describe(line: &str) -> String {
        let Some(reply) = AgentReply::parse(line.as_bytes()) else { return "incomplete".into() };
        let warning = match (&reply.weight, &reply.maxconn) {
            (Some(Err(e)), _) => Some(e.to_string()),
            (_, Some(Err(e))) => Some((*e).to_owned()),
            _ => None,
        };
        reply.description(warning.as_deref())
    }

    /// Lines and the texts observed for them.
    #[test]
    fn descriptions() {
        for (line, text) in [
            ("up\n", "via agent : up"),
            ("UP\rjunk", "via agent : UP"),
            ("up", "incomplete"),
            ("75%\n", ""),
            ("75\n", "agent reports an error : 75"),
            ("75.5%\n", "agent warns : Trailing garbage in weight string"),
            ("%\n", "agent reports an error : %"),
            ("+5%\n", "agent reports an error : +5%"),
            ("-5%\n", "agent reports an error : -5%"),
            ("7%%\n", "agent warns : Trailing garbage in weight string"),
            ("50% 300x%\n", "agent warns : Absolute weight can only be between 0 and 256 inclusive."),
            ("100%x up\n", "via agent : up (Trailing garbage in weight string)"),
            ("weight:300\n", "agent warns : Absolute weight can only be between 0 and 256 inclusive."),
            ("up weight:0\n", "via agent : up"),
            ("maxconn:30\n", ""),
            ("MaxConn:5\n", ""),
            ("maxconn:\n", "agent warns : Require <maxconn>."),
            ("maxconn:x\n", "agent warns : maxconn string empty or preceded by garbage"),
            ("maxconn:30%\n", "agent warns : Trailing garbage in maxconn string"),
            ("maxconn:x up\n", "via agent : up (maxconn string empty or preceded by garbage)"),
            ("down#maintenance window\n", "agent reports an error : down#maintenance"),
            ("fail # a b c\n", "via agent : fail (a b c)"),
            ("fail foo # bar\n", "via agent : fail (bar)"),
            ("failed\n", "agent reports an error : failed"),
            ("stopped# x\n", "agent reports an error : stopped#"),
            ("stopped\r\n", "via agent : stopped"),
            ("up bogus\n", "via agent : up (bogus)"),
            ("up 50\n", "via agent : up (50)"),
            ("up extra words here\n", "via agent : up (extra)"),
            ("down extra,words\there\n", "via agent : down (extra)"),
            ("down #comment here\n", "via agent : down (comment here)"),
            ("up # comment # more\n", "via agent : up (comment # more)"),
            ("up # \n", "via agent : up"),
            ("up #\n", "via agent : up"),
            ("#x up\n", ""),
            ("foo bar baz\n", "agent reports an error : foo"),
            ("foo # bar baz\n", "agent reports an error : foo"),
            ("drain foo\n", "agent reports an error : foo"),
            ("ready #x\n", ""),
            (",,\t up\n", "via agent : up"),
            (",,\t \n", ""),
            ("\n", ""),
            ("up down\n", "via agent : down"),
            ("down up\n", "via agent : up"),
        ] {
            assert_eq!(describe(line), text, "{line:?}");
        }
    }

    #[test]
    fn last_word_counts() {
        let reply = AgentReply::parse(b"50%,up\tready, down drain 20%\n").unwrap();
        assert_eq!(reply.weight, Some(Ok(ParsedWeight::Percent(20))));
        assert_eq!(reply.admin, Some(AdminWord::Drain));
        assert!(!reply.verdict.unwrap().up);
        assert_eq!(AgentReply::parse(b"maxconn:30\n").unwrap().maxconn, Some(Ok(30)));
    }
}
