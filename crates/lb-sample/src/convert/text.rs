//! Text: case, parts, encodings.

use super::{Converter, base64, row};
use crate::args::{Arg, ArgKind};
use crate::sample::Type;
use crate::{Context, Sample};
use std::borrow::Cow;

/// A converter from bytes to text.
macro_rules! encoding {
    ($name:literal, $function:expr) => {
        row($name, Type::Bin, Type::Str, |s, _, _| Some(Sample::owned(s.with_bytes($function))))
    };
}

pub(super) const ROWS: &[Converter] = &[
    row("lower", Type::Str, Type::Str, |s, _, _| {
        Some(Sample::Str(case(s.into_text(), u8::is_ascii_uppercase, <[u8]>::make_ascii_lowercase)))
    }),
    row("upper", Type::Str, Type::Str, |s, _, _| {
        Some(Sample::Str(case(s.into_text(), u8::is_ascii_lowercase, <[u8]>::make_ascii_uppercase)))
    }),
    row("cut_crlf", Type::Str, Type::Str, |s, _, _| {
        Some(Sample::Str(slice(s.into_text(), |t| {
            (0, t.iter().position(|b| matches!(b, b'\r' | b'\n')).unwrap_or(t.len()))
        })))
    }),
    row("length", Type::Str, Type::Int, |s, _, _| s.with_text(|t| i64::try_from(t.len()).ok()).map(Sample::Int)),
    row("reverse", Type::Str, Type::Str, |s, _, _| {
        let mut out = s.into_text().into_owned();
        out.reverse();
        Some(Sample::owned(out))
    }),
    encoding!("hex", |b| b.iter().flat_map(|b| format!("{b:02X}").into_bytes()).collect()),
    encoding!("base64", base64::encode),
    encoding!("ub64enc", base64::encode_url),
    row("b64dec", Type::Str, Type::Bin, |s, _, _| s.with_text(base64::decode).map(|b| Sample::Bin(Cow::Owned(b)))),
    row("ub64dec", Type::Str, Type::Bin, |s, _, _| s.with_text(base64::decode_url).map(|b| Sample::Bin(Cow::Owned(b)))),
    row("hex2i", Type::Str, Type::Int, |s, _, _| {
        s.with_text(|t| {
            let text = std::str::from_utf8(t).ok()?;
            u64::from_str_radix(text, 16).ok().map(|n| Sample::Int(n as i64))
        })
    }),
    row("url_dec", Type::Str, Type::Str, |s, args, _| {
        url_decode(s.into_text(), Arg::int(args, 0).is_some_and(|n| n != 0)).map(Sample::Str)
    })
    .args(&[ArgKind::Int], 0),
    encoding!("url_enc", url_encode).args(&[ArgKind::Str], 0),
    row("json", Type::Str, Type::Str, |s, args, _| {
        s.with_text(|t| json(t, Arg::text(args, 0).unwrap_or("ascii"))).map(Sample::owned)
    })
    .args(&[ArgKind::Str], 0),
    row("bytes", Type::Bin, Type::Bin, |s, args, ctx| {
        let offset = usize::try_from(Arg::operand(args, 0, ctx)?).ok()?;
        let length = match args.get(1) {
            None | Some(Arg::None) => usize::MAX,
            Some(_) => usize::try_from(Arg::operand(args, 1, ctx)?).ok()?,
        };
        let bytes = s.into_bytes();
        // An offset past the end has no bytes; one at the end has an empty rest.
        (offset <= bytes.len())
            .then(|| Sample::Bin(slice(bytes, |b| (offset, offset.saturating_add(length).min(b.len())))))
    })
    .args(&[ArgKind::Operand, ArgKind::Operand], 1),
    row("field", Type::Str, Type::Str, |s, args, _| part(s, args, false)).args(PART, 2),
    row("word", Type::Str, Type::Str, |s, args, _| part(s, args, true)).args(PART, 2),
    row("ltrim", Type::Str, Type::Str, |s, args, _| {
        let set = Arg::text(args, 0).unwrap_or_default().as_bytes();
        Some(Sample::Str(slice(s.into_text(), |t| {
            (t.iter().position(|b| !set.contains(b)).unwrap_or(t.len()), t.len())
        })))
    })
    .args(&[ArgKind::Str], 1),
    row("rtrim", Type::Str, Type::Str, |s, args, _| {
        let set = Arg::text(args, 0).unwrap_or_default().as_bytes();
        Some(Sample::Str(slice(s.into_text(), |t| {
            (0, t.iter().rposition(|b| !set.contains(b)).map_or(0, |at| at + 1))
        })))
    })
    .args(&[ArgKind::Str], 1),
    row("concat", Type::Str, Type::Str, |s, args, ctx| {
        let mut out = s.into_text().into_owned();
        out.extend_from_slice(Arg::text(args, 0).unwrap_or_default().as_bytes());
        append_var(args, ctx, &mut out);
        out.extend_from_slice(Arg::text(args, 2).unwrap_or_default().as_bytes());
        Some(Sample::owned(out))
    })
    .args(AROUND_VAR, 0),
    row("add_item", Type::Str, Type::Str, |s, args, ctx| {
        let mut out = s.into_text().into_owned();
        let mut item = Vec::new();
        append_var(args, ctx, &mut item);
        item.extend_from_slice(Arg::text(args, 2).unwrap_or_default().as_bytes());
        if !out.is_empty() && !item.is_empty() {
            out.extend_from_slice(Arg::text(args, 0).unwrap_or_default().as_bytes());
        }
        out.extend_from_slice(&item);
        Some(Sample::owned(out))
    })
    .args(AROUND_VAR, 1),
    row("strcmp", Type::Str, Type::Int, |s, args, ctx| {
        let value = Arg::value(Arg::var(args, 0)?, ctx)?;
        let order = s.with_text(|left| value.with_text(|right| compare(left, right)));
        Some(Sample::Int(order))
    })
    .args(&[ArgKind::Var], 1),
    row("set-var", Type::Any, Type::Any, |s, args, ctx| {
        if let Some(Arg::VarTarget(target)) = args.first() {
            target.set(ctx, &s);
        }
        Some(s)
    })
    .args(SET_VAR, 1),
    row("unset-var", Type::Any, Type::Any, |s, args, ctx| {
        Arg::var(args, 0)?.put(ctx, None);
        Some(s)
    })
    .args(&[ArgKind::Var], 1),
    row("regsub", Type::Str, Type::Str, |s, args, _| regsub(s, args))
        .args(&[ArgKind::Regex, ArgKind::Str, ArgKind::Str], 1),
    row("param", Type::Str, Type::Str, |s, args, _| {
        let name = Arg::text(args, 0)?.as_bytes();
        let delimiter = Arg::text(args, 1).and_then(|d| d.bytes().next()).unwrap_or(b'&');
        s.with_text(|t| {
            t.split(|b| *b == delimiter).find_map(|pair| {
                let rest = pair.strip_prefix(name)?;
                match rest.split_first() {
                    None => Some(Vec::new()),
                    Some((b'=', value)) => Some(value.to_vec()),
                    Some(_) => None,
                }
            })
        })
        .map(Sample::owned)
    })
    .args(&[ArgKind::Str, ArgKind::Str], 1),
    row("host_only", Type::Str, Type::Str, |s, _, _| {
        let mut host = slice(s.into_text(), |t| (0, port_colon(t).unwrap_or(t.len()))).into_owned();
        host.make_ascii_lowercase();
        Some(Sample::owned(host))
    }),
    row("port_only", Type::Str, Type::Int, |s, _, _| {
        s.with_text(|t| {
            let port = port_colon(t).and_then(|at| t.get(at + 1..)).unwrap_or_default();
            Some(Sample::Int(crate::sample::leading_int(port)))
        })
    }),
    row("be2hex", Type::Bin, Type::Str, |s, args, _| {
        Some(Sample::owned(s.with_bytes(|b| {
            grouped(b, args, b.len().max(1), |chunk, out| {
                out.extend(chunk.iter().flat_map(|b| format!("{b:02X}").into_bytes()));
            })
        })))
    })
    .args(&[ArgKind::Str, ArgKind::Int, ArgKind::Int], 0),
    row("be2dec", Type::Bin, Type::Str, |s, args, _| {
        Some(Sample::owned(s.with_bytes(|b| {
            grouped(b, args, 8, |chunk, out| {
                let n = chunk.iter().fold(0u64, |n, b| (n << 8) | u64::from(*b));
                out.extend_from_slice(n.to_string().as_bytes());
            })
        })))
    })
    .args(&[ArgKind::Str, ArgKind::Int, ArgKind::Int], 2),
];

const PART: &[ArgKind] = &[ArgKind::Int, ArgKind::Str, ArgKind::Int];
const AROUND_VAR: &[ArgKind] = &[ArgKind::Str, ArgKind::Var, ArgKind::Str];
const SET_VAR: &[ArgKind] =
    &[ArgKind::VarTarget, ArgKind::VarCondition, ArgKind::VarCondition, ArgKind::VarCondition, ArgKind::VarCondition];

/// Appends the text of the variable named by the second argument, if it has a value.
fn append_var(args: &[Arg], ctx: &dyn Context, out: &mut Vec<u8>) {
    if let Some(value) = Arg::var(args, 1).and_then(|name| Arg::value(name, ctx)) {
        value.with_text(|text| out.extend_from_slice(text));
    }
}

/// As strcmp(3): the difference of the first bytes that differ.
fn compare(left: &[u8], right: &[u8]) -> i64 {
    let first = left.iter().zip(right).find(|(l, r)| l != r);
    match first {
        Some((l, r)) => i64::from(*l) - i64::from(*r),
        None => {
            i64::from(left.get(right.len()).copied().unwrap_or(0))
                - i64::from(right.get(left.len()).copied().unwrap_or(0))
        }
    }
}

/// Changes case, copying only what has something to change.
fn case<'a>(text: Cow<'a, [u8]>, affected: fn(&u8) -> bool, change: fn(&mut [u8])) -> Cow<'a, [u8]> {
    if !text.iter().any(affected) {
        return text;
    }
    let mut owned = text.into_owned();
    change(&mut owned);
    Cow::Owned(owned)
}

/// A part of the text, still borrowed when the whole was.
fn slice<'a>(text: Cow<'a, [u8]>, range: impl FnOnce(&[u8]) -> (usize, usize)) -> Cow<'a, [u8]> {
    let (start, end) = range(&text);
    match text {
        Cow::Borrowed(t) => Cow::Borrowed(t.get(start..end).unwrap_or_default()),
        Cow::Owned(mut t) => {
            t.truncate(end);
            t.drain(..start.min(end));
            Cow::Owned(t)
        }
    }
}

/// `field` and `word`: `count` parts from the `index`-th on, backwards when it is negative. Words
/// are never empty: delimiters in a row count as one, those at the ends as none.
fn part<'a>(s: Sample<'a>, args: &[Arg], words: bool) -> Option<Sample<'a>> {
    let index = Arg::int(args, 0)?;
    let delimiters = Arg::text(args, 1).unwrap_or_default().as_bytes();
    let count = Arg::int(args, 2).unwrap_or(1);
    let text = s.into_text();
    let mut spans: Vec<(usize, usize)> = Vec::new();
    let mut start = 0;
    for end in text.iter().enumerate().filter(|(_, b)| delimiters.contains(b)).map(|(i, _)| i).chain([text.len()]) {
        if !words || end > start {
            spans.push((start, end));
        }
        start = end + 1;
    }
    let at = usize::try_from(index.unsigned_abs()).ok()?.checked_sub(1)?;
    let (first, last) = if index > 0 {
        let last =
            if count <= 0 { spans.len().checked_sub(1)? } else { at.saturating_add(usize::try_from(count).ok()? - 1) };
        (at, last.min(spans.len().checked_sub(1)?))
    } else {
        let last = spans.len().checked_sub(at + 1)?;
        let first = if count <= 0 { 0 } else { last.saturating_sub(usize::try_from(count).ok()? - 1) };
        (first, last)
    };
    let (from, to) = (spans.get(first)?.0, spans.get(last)?.1);
    Some(Sample::Str(slice(text, |_| (from, to))))
}

/// Where the port's colon of a Host header is.
fn port_colon(host: &[u8]) -> Option<usize> {
    let at = memchr::memrchr(b':', host)?;
    // Inside brackets colons belong to the address.
    let in_brackets = host.starts_with(b"[") && memchr::memrchr(b']', host).is_none_or(|end| end > at);
    (!in_brackets).then_some(at)
}

/// Decodes `%XX`; `+` is a space after a `?`, or everywhere when `form`. A wrong `%` fails.
fn url_decode(text: Cow<'_, [u8]>, form: bool) -> Option<Cow<'_, [u8]>> {
    if !text.iter().any(|b| matches!(b, b'%' | b'+')) {
        return Some(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut in_query = form;
    let mut bytes = text.iter().copied();
    while let Some(b) = bytes.next() {
        match b {
            b'%' => {
                let mut digit = || bytes.next().and_then(|d| char::from(d).to_digit(16));
                let (high, low) = (digit()?, digit()?);
                // Two hexadecimal digits fit a byte.
                out.push((high * 16 + low) as u8);
            }
            b'+' if in_query => out.push(b' '),
            _ => {
                in_query |= b == b'?';
                out.push(b);
            }
        }
    }
    Some(Cow::Owned(out))
}

/// Encodes everything but RFC 3986's unreserved characters.
fn url_encode(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for b in text {
        match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(*b),
            _ => out.extend_from_slice(format!("%{b:02X}").as_bytes()),
        }
    }
    out
}

/// Escapes for a JSON string. `ascii` takes bytes for code points; the `utf8…` forms decode: `s`
/// drops what is wrong, without it the first error fails the whole.
fn json(text: &[u8], code: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    if code == "ascii" {
        text.iter().for_each(|b| json_char(char::from(*b), &mut out));
        return Some(out);
    }
    let forgiving = code.ends_with('s');
    for chunk in text.utf8_chunks() {
        // Only four digits fit the escape, so characters beyond count as errors.
        for c in chunk.valid().chars() {
            match u32::from(c) {
                0x1_0000.. if forgiving => {}
                0x1_0000.. => return None,
                _ => json_char(c, &mut out),
            }
        }
        if !chunk.invalid().is_empty() && !forgiving {
            return None;
        }
    }
    Some(out)
}

fn json_char(c: char, out: &mut Vec<u8>) {
    let escaped = match c {
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        '/' => "\\/".to_owned(),
        '\u{8}' => "\\b".to_owned(),
        '\u{c}' => "\\f".to_owned(),
        '\r' => "\\r".to_owned(),
        '\n' => "\\n".to_owned(),
        '\t' => "\\t".to_owned(),
        ' '..='~' => c.to_string(),
        _ => format!("\\u{:04x}", u32::from(c)),
    };
    out.extend_from_slice(escaped.as_bytes());
}

/// Replaces what a regular expression matches: once, or everywhere with the flag `g`.
fn regsub<'a>(s: Sample<'a>, args: &'a [Arg]) -> Option<Sample<'a>> {
    let Some(Arg::Regex(regex)) = args.first() else { return None };
    let replacement = Arg::text(args, 1).unwrap_or_default().as_bytes();
    let all = Arg::text(args, 2).unwrap_or_default().contains('g');
    let text = s.into_text();
    let mut out = Vec::new();
    let mut copied = 0;
    for groups in regex.captures_iter(&text) {
        let Some(whole) = groups.get(0) else { continue };
        out.extend_from_slice(text.get(copied..whole.start()).unwrap_or_default());
        expand(replacement, &groups, &mut out);
        copied = whole.end();
        if !all {
            break;
        }
    }
    if copied == 0 && out.is_empty() {
        return Some(Sample::Str(text));
    }
    out.extend_from_slice(text.get(copied..).unwrap_or_default());
    Some(Sample::owned(out))
}

/// Puts groups in place of `\0` to `\9`.
pub(crate) fn expand(replacement: &[u8], groups: &regex::bytes::Captures<'_>, out: &mut Vec<u8>) {
    let mut bytes = replacement.iter().copied().peekable();
    while let Some(b) = bytes.next() {
        match (b, bytes.peek().copied()) {
            (b'\\', Some(digit @ b'0'..=b'9')) => {
                bytes.next();
                let group = groups.get(usize::from(digit - b'0'));
                out.extend_from_slice(group.map(|g| g.as_bytes()).unwrap_or_default());
            }
            (b'\\', Some(other)) => {
                bytes.next();
                out.push(other);
            }
            _ => out.push(b),
        }
    }
}

/// `be2hex` and `be2dec`: separator, chunk size, whether an incomplete last chunk is dropped.
fn grouped(bytes: &[u8], args: &[Arg], default: usize, write: impl Fn(&[u8], &mut Vec<u8>)) -> Vec<u8> {
    let separator = Arg::text(args, 0).unwrap_or_default().as_bytes();
    let size = Arg::int(args, 1).and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0).unwrap_or(default);
    let complete_only = Arg::int(args, 2).is_some_and(|n| n != 0);
    let mut out = Vec::new();
    for (i, chunk) in bytes.chunks(size).enumerate() {
        if complete_only && chunk.len() < size {
            break;
        }
        if i > 0 {
            out.extend_from_slice(separator);
        }
        write(chunk, &mut out);
    }
    out
}
