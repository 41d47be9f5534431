//! `option httpchk` and `http-check`: what a health check sends and what it expects.

use crate::cx::Cx;
use crate::keywords;
use crate::line::{Done, Fault, Line, fault};
use crate::model::{CheckKind, ExpectWhat, HttpExpect};
use crate::options::OptionCx;
use crate::proxy::ProxyDraft;

/// `option tcp-check` without rules: a connect.
pub(crate) fn option_tcp_check(x: &mut OptionCx<'_, '_, '_>) -> Done {
    x.no_negation()?;
    x.line.ends_after(1, "option tcp-check")?;
    x.p.proxy.check = CheckKind::Tcp;
    Ok(())
}

/// `option httpchk [<uri> | <method> <uri> [<version> [<host>]]]`.
pub(crate) fn option_httpchk(x: &mut OptionCx<'_, '_, '_>) -> Done {
    x.no_negation()?;
    let line = x.line;
    x.line.ends_after(5, "option httpchk")?;
    let check = &mut x.p.proxy.http_check;
    check.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("host"));
    match (line.word(2), line.word(3)) {
        ("", _) => {}
        (uri, "") if uri.starts_with('/') || uri.starts_with('*') => check.uri = constant(line, 2)?,
        (_, "") => check.method = constant(line, 2)?,
        _ => {
            check.method = constant(line, 2)?;
            check.uri = constant(line, 3)?;
        }
    }
    if line.has(4) {
        check.version = version(line, 4)?;
    }
    if line.has(5) {
        check.headers.push(("Host".to_owned(), constant(line, 5)?));
    }
    x.p.proxy.check = CheckKind::Http;
    Ok(())
}

/// A word sent as it stands. HAProxy takes some as a log format: those with variables are refused here.
fn constant(line: &Line, at: usize) -> Result<String, Fault> {
    let word = line.word(at);
    match word.find('%') {
        Some(percent) if word.get(percent..).is_some_and(|rest| rest.starts_with("%[") || rest.starts_with("%{")) => {
            Err(fault(at, "an expression in a health check is not supported by lbd yet."))
        }
        _ if word.contains(['\r', '\n']) => Err(fault(at, "a line break is not permitted here.")),
        _ => Ok(word.to_owned()),
    }
}

fn version(line: &Line, at: usize) -> Result<String, Fault> {
    let word = line.word(at);
    if word.contains(['\r', '\n']) {
        return Err(fault(
            at,
            "'option httpchk' : hiding headers or body at the end of the version string is unsupported. \
             Use 'http-check send' directive instead.",
        ));
    }
    let numbers = word.strip_prefix("HTTP/").and_then(|v| v.split_once('.'));
    let digits = |s: &str| s.len() == 1 && s.bytes().all(|b| b.is_ascii_digit());
    match numbers {
        Some((major, minor)) if digits(major) && digits(minor) => Ok(word.to_owned()),
        _ => Err(fault(at, format!("'{word}' is no HTTP version.")).help("write HTTP/1.0 or HTTP/1.1")),
    }
}

/// `http-check <rule> …`.
pub(crate) fn http_check(p: &mut ProxyDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    match line.word(1) {
        "disable-on-404" => {
            line.ends_after(1, "http-check")?;
            p.proxy.http_check.disable_on_404 = true;
        }
        "send-state" => {
            line.ends_after(1, "http-check")?;
            p.proxy.http_check.send_state = true;
        }
        "send" => send(p, line)?,
        "expect" => expect(p, line)?,
        word if matches!(word, "comment" | "connect")
            || word.starts_with("set-var")
            || word.starts_with("unset-var") =>
        {
            return Err(fault(1, keywords::not_yet(&format!("http-check {word}"))));
        }
        other => {
            return Err(fault(
                1,
                format!(
                    "'http-check' only supports 'disable-on-404', 'send-state', 'comment', 'connect', 'send', \
                     'expect', 'set-var-fmt(*)', 'set-var(*)', 'unset-var(*)'. but got '{other}'"
                ),
            ));
        }
    }
    p.http_check_site = Some(line.site(1));
    Ok(())
}

fn send(p: &mut ProxyDraft, line: &Line) -> Done {
    let check = &mut p.proxy.http_check;
    let mut at = 2;
    while line.has(at) {
        let word = line.word(at);
        let string = || format!("'http-check send' : '{word}' expects a string as argument.");
        match word {
            "meth" => check.method = line.need(at + 1, string()).and_then(|_| constant(line, at + 1))?,
            "uri" => check.uri = line.need(at + 1, string()).and_then(|_| constant(line, at + 1))?,
            "ver" => check.version = line.need(at + 1, string()).and_then(|_| version(line, at + 1))?,
            "body" => check.body = line.need(at + 1, string())?.as_bytes().to_vec(),
            "comment" => {
                line.need(at + 1, string())?;
            }
            "hdr" => {
                line.need(at + 2, "'http-check send' : 'hdr' expects <name> and <value> as arguments.")?;
                let name = constant(line, at + 1)?;
                let value = constant(line, at + 2)?;
                check.headers.retain(|(known, _)| !(known == "Host" && name.eq_ignore_ascii_case("host")));
                check.headers.push((name, value));
                at += 1;
            }
            "uri-lf" | "body-lf" => return Err(fault(at, keywords::not_yet(&format!("http-check send {word}")))),
            other => {
                return Err(fault(
                    at,
                    format!(
                        "'http-check send' : expects 'comment', 'meth', 'uri', 'uri-lf', 'ver', 'hdr', 'body' or \
                         'body-lf' but got '{other}' as argument."
                    ),
                ));
            }
        }
        at += 2;
    }
    Ok(())
}

fn expect(p: &mut ProxyDraft, line: &Line) -> Done {
    let outer = "'http-check expect' : ";
    let mut at = 2;
    let mut negate = false;
    if !line.has(2) {
        return Err(fault(2, format!("{outer}expects at least a matching pattern as arguments.")));
    }
    if line.word(at) == "!" {
        negate = true;
        at += 1;
    }
    let mut kind = line.word(at);
    if let Some(rest) = kind.strip_prefix('!') {
        negate = true;
        kind = rest;
    }
    let what = match kind {
        "status" | "rstatus" | "string" | "rstring" => {
            let pattern = line.need(at + 1, format!("{outer}'{kind}' expects a <pattern> as argument."))?;
            if kind.starts_with('r') {
                regex(pattern, at + 1)?;
            }
            match kind {
                "status" => ExpectWhat::Status(statuses(pattern, at + 1)?),
                "rstatus" => ExpectWhat::StatusRegex(pattern.to_owned()),
                "string" => ExpectWhat::String(pattern.to_owned()),
                _ => ExpectWhat::StringRegex(pattern.to_owned()),
            }
        }
        "min-recv" | "hdr" | "fhdr" | "string-lf" | "comment" | "ok-status" | "error-status" | "tout-status"
        | "on-success" | "on-error" | "status-code" => {
            return Err(fault(at, keywords::not_yet(&format!("http-check expect {kind}"))));
        }
        other => return Err(fault(at, expected(other))),
    };
    if let Some(extra) = line.words.get(at + 2) {
        return Err(fault(at + 2, expected(&extra.text)).help("a pattern with spaces stands between quotes"));
    }
    p.proxy.http_check.expect.push(HttpExpect { negate, what });
    Ok(())
}

fn expected(got: &str) -> String {
    format!(
        "'http-check expect' : only supports min-recv, '[!]string', '[!]rstring', '[!]string-lf', '[!]status', \
         '[!]rstatus', [!]hdr, [!]fhdr or comment but got '{got}' as argument."
    )
}

/// Refuses what is no regular expression.
fn regex(pattern: &str, at: usize) -> Done {
    match regex::bytes::Regex::new(pattern) {
        Ok(_) => Ok(()),
        Err(error) => {
            // The library draws the pattern too; its last line says what is wrong.
            let why = error.to_string();
            let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            Err(fault(at, format!("'http-check expect' : regex '{pattern}' is invalid ({why}).")))
        }
    }
}

/// `200,300-399`.
fn statuses(text: &str, at: usize) -> Result<Vec<(u16, u16)>, Fault> {
    if let Some(bad) = text.chars().find(|c| !(c.is_ascii_digit() || matches!(c, ',' | '-'))) {
        let message = format!("'http-check expect' : invalid character '{bad}' in the list of status codes.");
        return Err(fault(at, message));
    }
    let range = |part: &str| {
        let (low, high) = part.split_once('-').unwrap_or((part, part));
        let (low, high) = (low.parse().ok()?, high.parse().ok()?);
        (low <= high && low >= 100 && high <= 999).then_some((low, high))
    };
    text.split(',')
        .map(|part| {
            range(part).ok_or_else(|| {
                fault(at, format!("'http-check expect' : invalid status code or range '{part}'."))
                    .help("codes are from 100 to 999, as in 200,300-399")
            })
        })
        .collect()
}
