//! Values of JSON documents and of JSON web tokens.

use super::{Converter, base64, row};
use crate::Sample;
use crate::args::{Arg, ArgKind};
use crate::sample::Type;
use serde_json::Value;

pub(super) const ROWS: &[Converter] = &[
    row("json_query", Type::Str, Type::Str, |s, args, _| {
        s.with_text(|text| query(text, Arg::text(args, 0)?, Arg::text(args, 1) == Some("int")))
    })
    .args(&[ArgKind::Str, ArgKind::Str], 1),
    row("jwt_header_query", Type::Bin, Type::Str, |s, args, _| part(&s, 0, args))
        .args(&[ArgKind::Str, ArgKind::Str], 0),
    row("jwt_payload_query", Type::Bin, Type::Str, |s, args, _| part(&s, 1, args))
        .args(&[ArgKind::Str, ArgKind::Str], 0),
];

/// A part of a token: a value in it, or all of it.
fn part<'a>(token: &Sample<'_>, index: usize, args: &[Arg]) -> Option<Sample<'a>> {
    let decoded = token.with_bytes(|token| base64::decode_url(token.split(|b| *b == b'.').nth(index)?))?;
    match Arg::text(args, 0) {
        None => Some(Sample::owned(decoded)),
        Some(path) => query(&decoded, path, Arg::text(args, 1) == Some("int")),
    }
}

/// The value at a path such as `$.a.b[0]`.
fn query<'a>(text: &[u8], path: &str, as_int: bool) -> Option<Sample<'a>> {
    let document: Value = serde_json::from_slice(text).ok()?;
    let value = find(&document, path)?;
    Some(match value {
        Value::Number(number) if as_int => {
            Sample::Int(number.as_i64().or_else(|| number.as_f64().map(|float| float as i64))?)
        }
        _ if as_int => return None,
        Value::Bool(value) => Sample::Bool(*value),
        Value::String(text) => Sample::owned(text.clone().into_bytes()),
        Value::Number(_) | Value::Array(_) | Value::Object(_) => Sample::owned(value.to_string().into_bytes()),
        Value::Null => return None,
    })
}

fn find<'v>(document: &'v Value, path: &str) -> Option<&'v Value> {
    let mut rest = path.strip_prefix('$')?;
    let mut at = document;
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let (index, after) = inner.split_once(']')?;
            let name = index.trim_matches(['\'', '"']);
            at = match name.len() == index.len() {
                true => at.get(index.parse::<usize>().ok()?)?,
                false => at.get(name)?,
            };
            rest = after;
        } else {
            let inner = rest.strip_prefix('.')?;
            let end = inner.find(['.', '[']).unwrap_or(inner.len());
            let (name, after) = inner.split_at(end);
            at = at.get(name)?;
            rest = after;
        }
    }
    Some(at)
}
