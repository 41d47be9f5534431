//! `tcp-check` and `http-check` rules.

use super::{CheckDraft, connect, constant, expect, expression, format, plain, version};
use crate::cx::Cx;
use crate::line::{Done, Fault, Line, fault};
use crate::proxy::ProxyDraft;
use lb_check::rules::{Payload, Request, Rule, Text, What, parse_hex};
use lb_sample::{VarVerb, VarWord};
use std::sync::Arc;

/// `tcp-check <rule> …`.
pub(crate) fn tcp_check(p: &mut ProxyDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    let rule = match line.word(1) {
        "comment" => comment(line)?,
        "connect" => {
            first_of_rules(&p.check.tcp.rules, line)?;
            connect::connect(p, cx, line)?
        }
        "send" | "send-lf" | "send-binary" | "send-binary-lf" => send(p, cx, line)?,
        "expect" => expect::expect(p, cx, line)?,
        word if is_variable(word) => variable(p, cx, line)?,
        other => {
            return Err(fault(
                1,
                format!(
                    "'tcp-check' only supports 'comment', 'connect', 'send', 'send-lf', 'send-binary', \
                     'send-binary-lf', 'expect', 'set-var-fmt(*)', 'set-var(*)', 'unset-var(*)'. but got '{other}'"
                ),
            ));
        }
    };
    p.check.tcp.own().push(rule);
    p.check.tcp.site.get_or_insert_with(|| line.site(1));
    Ok(())
}

/// `http-check <rule> …`.
pub(crate) fn http_check(p: &mut ProxyDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    let rule = match line.word(1) {
        "disable-on-404" => {
            line.ends_after(1, "http-check")?;
            p.check.disable_on_404 = true;
            None
        }
        "send-state" => {
            line.ends_after(1, "http-check")?;
            p.check.send_state = true;
            None
        }
        "comment" => Some(comment(line)?),
        "connect" => {
            first_of_rules(&p.check.http.rules, line)?;
            in_turn(&p.check, line, Turn::Connect)?;
            Some(connect::connect(p, cx, line)?)
        }
        "send" => {
            in_turn(&p.check, line, Turn::Send)?;
            Some(request(p, cx, line)?)
        }
        "expect" => {
            in_turn(&p.check, line, Turn::Expect)?;
            Some(expect::expect(p, cx, line)?)
        }
        word if is_variable(word) => Some(variable(p, cx, line)?),
        other => {
            return Err(fault(
                1,
                format!(
                    "'http-check' only supports 'disable-on-404', 'send-state', 'comment', 'connect', 'send', \
                     'expect', 'set-var-fmt(*)', 'set-var(*)', 'unset-var(*)'. but got '{other}'"
                ),
            ));
        }
    };
    if let Some(rule) = rule {
        p.check.http.own().push(rule);
    }
    p.check.http.site.get_or_insert_with(|| line.site(1));
    Ok(())
}

fn is_variable(word: &str) -> bool {
    word.starts_with("set-var") || word.starts_with("unset-var")
}

/// `set-var(name[,condition]…) <expr>`, `set-var-fmt(…) <format>`, `unset-var(name)`.
fn variable(p: &mut ProxyDraft, cx: &mut Cx<'_>, line: &Line) -> Result<Rule, Fault> {
    let outer = format!("'{} {}' : ", line.word(0), line.word(1));
    let parsed = cx.with_sources(|sources| VarWord::parse(line.word(1), sources.vars));
    let word = parsed.map_err(|e| Fault::of_sample(e, 1).within(&outer))?;
    let action = match word.verb {
        VarVerb::Set => word.with_expr(expression(p, cx, line, 2, &outer)?),
        VarVerb::SetFormat => word.with_format(Arc::new(format(p, cx, line, 2, &outer)?)),
        VarVerb::Unset => word.unset(),
    };
    Ok(Rule::new(What::Var(action), None))
}

/// `comment <text>`: belongs to what follows.
fn comment(line: &Line) -> Result<Rule, Fault> {
    let text = line.need(2, format!("'{} comment' : expects a string as argument.", line.word(0)))?;
    Ok(Rule::new(What::Comment, Some(text.to_owned())))
}

/// Checks that connect by a rule begin with one.
fn first_of_rules(rules: &[Rule], line: &Line) -> Done {
    match rules.iter().find(|rule| !matches!(rule.what, What::Comment | What::Var(_))) {
        Some(Rule { what: What::Send(_) | What::Request(_) | What::Expect(_), .. }) => Err(fault(
            1,
            format!(
                "'{} connect' : first step MUST also be a 'connect', optionally preceded by a 'set-var', an \
                 'unset-var' or a 'comment', when there is a 'connect' step in the tcp-check ruleset.",
                line.word(0)
            ),
        )),
        _ => Ok(()),
    }
}

/// What HTTP rules do in turn: connect, send a request, expect something of the answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    Connect,
    Send,
    Expect,
}

fn in_turn(check: &CheckDraft, line: &Line, turn: Turn) -> Done {
    let rules = if check.http.inherited { &[][..] } else { &check.http.rules };
    let last = rules.iter().rev().find_map(|rule| match rule.what {
        What::Connect(_) => Some(Turn::Connect),
        What::Request(_) => Some(Turn::Send),
        What::Expect(_) => Some(Turn::Expect),
        What::Send(_) | What::Comment | What::Var(_) => None,
    });
    let missing = match (last, turn) {
        (None, _) | (Some(Turn::Connect), Turn::Send) | (Some(Turn::Send | Turn::Expect), Turn::Expect) => {
            return Ok(());
        }
        (Some(Turn::Expect), Turn::Connect) => return Ok(()),
        (Some(Turn::Connect), Turn::Expect) => "send",
        (Some(Turn::Connect | Turn::Send), Turn::Connect) => "expect",
        (Some(Turn::Send | Turn::Expect), Turn::Send) => "connect",
    };
    let word = line.word(1);
    let step = rules.len() + 1;
    let message =
        format!("'http-check {word}' : unable to add http-check {word} rule at step {step} (missing {missing} rule).");
    Err(fault(1, message).help(match missing {
        "connect" => "all parts of one request stand on one 'http-check send' line; a second request needs a connection of its own",
        _ => "the order is connect, send, expect, for each connection",
    }))
}

/// `tcp-check send…`.
fn send(p: &mut ProxyDraft, cx: &mut Cx<'_>, line: &Line) -> Result<Rule, Fault> {
    let kind = line.word(1);
    let outer = format!("'tcp-check {kind}' : ");
    let what = if kind == "send-binary" { "binary string" } else { "string" };
    let text = line.need(2, format!("{outer}'{what}' expects a {kind} as argument."))?;
    let payload = match kind {
        "send" => Payload::Bytes(text.as_bytes().to_vec()),
        "send-binary" => Payload::Bytes(hex(line, 2, &format!("{outer}'{text}' "))?),
        "send-lf" => match Text::of_format(format(p, cx, line, 2, &outer)?) {
            Text::Plain(bytes) => Payload::Bytes(bytes),
            Text::Format(format) => Payload::Format(format),
        },
        _ => Payload::HexFormat(format(p, cx, line, 2, &outer)?),
    };
    let comment = match line.word(3) {
        "" => None,
        "comment" => Some(line.need(4, format!("{outer}'comment' expects a string as argument."))?.to_owned()),
        other => return Err(fault(3, format!("{outer}expects 'comment' but got '{other}' as argument."))),
    };
    line.ends_after(4, &format!("tcp-check {kind}"))?;
    Ok(Rule::new(What::Send(payload), comment))
}

/// Bytes written as hexadecimal digits.
pub(super) fn hex(line: &Line, at: usize, outer: &str) -> Result<Vec<u8>, Fault> {
    let text = line.word(at);
    parse_hex(text.as_bytes()).ok_or_else(|| {
        let why = match text.chars().find(|c| !c.is_ascii_hexdigit()) {
            Some(bad) => format!("an hex digit is expected (found '{bad}')"),
            None => "an even number of hex digit is expected".to_owned(),
        };
        fault(at, format!("{outer}invalid binary string ({why})."))
    })
}

/// `http-check send …`. The first one completes what `option httpchk` says.
fn request(p: &mut ProxyDraft, cx: &mut Cx<'_>, line: &Line) -> Result<Rule, Fault> {
    let outer = "'http-check send' : ";
    let is_first = !p.check.http.own().iter().any(|rule| matches!(rule.what, What::Request(_)));
    let mut request = if is_first { p.check.request.clone() } else { Request::default() };
    let (mut comment, mut host) = (None, None);
    let mut at = 2;
    while line.has(at) {
        let word = line.word(at);
        if word == "hdr" {
            line.need(at + 2, format!("{outer}'hdr' expects <name> and <value> as arguments."))?;
            let name = constant(line, at + 1)?;
            let value = Text::of_format(format(p, cx, line, at + 2, outer)?);
            if name.eq_ignore_ascii_case("host") {
                if let Some(first) = host {
                    let message = format!("{outer}'Host' header already defined (previous value is '{first}').");
                    return Err(fault(at + 1, message));
                }
                host = Some(line.word(at + 2));
            }
            request.headers.retain(|(known, _)| !(known == "Host" && name.eq_ignore_ascii_case("host")));
            request.headers.push((name, value));
            at += 3;
            continue;
        }
        if !matches!(word, "meth" | "uri" | "uri-lf" | "ver" | "body" | "body-lf" | "comment") {
            return Err(fault(
                at,
                format!(
                    "{outer}expects 'comment', 'meth', 'uri', 'uri-lf', 'ver', 'hdr', 'body' or 'body-lf' but got \
                     '{word}' as argument."
                ),
            ));
        }
        let value = line.need(at + 1, format!("{outer}'{word}' expects a string as argument."))?;
        match word {
            "meth" => request.method = constant(line, at + 1)?,
            "uri" => request.uri = plain(line, at + 1)?,
            "uri-lf" => request.uri = Text::of_format(format(p, cx, line, at + 1, outer)?),
            "ver" => request.version = version(line, at + 1)?,
            "body" => request.body = Text::Plain(value.as_bytes().to_vec()),
            "body-lf" => request.body = Text::of_format(format(p, cx, line, at + 1, outer)?),
            _ => comment = Some(value.to_owned()),
        }
        at += 2;
    }
    Ok(Rule::new(What::Request(Box::new(request)), comment))
}
