//! Request line and response line.

use super::headers::for_each_header;
use super::{Fetch, row};
use crate::args::{Arg, ArgKind};
use crate::place::Source;
use crate::sample::{Type, leading_int};
use crate::{Context, Sample, Side, StreamNumber};
use lb_model::hash::{avalanche, sdbm};
use std::borrow::Cow;
use std::net::IpAddr;
use std::ops::ControlFlow;

/// A fetch of request text that one function finds in the context.
macro_rules! text {
    ($name:literal, $source:ident, $function:expr) => {
        row($name, Type::Str, Source::$source, |ctx, _| $function(ctx).map(Sample::text))
    };
}

pub(super) const ROWS: &[Fetch] = &[
    row("method", Type::Method, Source::RequestMeta, |ctx, _| ctx.method().map(|m| Sample::Method(Cow::Borrowed(m)))),
    text!("path", RequestHeaders, path),
    text!("pathq", RequestHeaders, path_and_query),
    row("query", Type::Str, Source::RequestHeaders, |ctx, args| {
        let uri = ctx.uri()?;
        let mark = memchr::memchr(b'?', uri)?;
        // `with_qm` keeps the question mark, when something follows it.
        let keep = Arg::text(args, 0) == Some("with_qm") && mark + 1 < uri.len();
        uri.get(if keep { mark } else { mark + 1 }..).map(Sample::text)
    })
    .args(&[ArgKind::Str], 0),
    text!("url", RequestHeaders, uri),
    row("base", Type::Str, Source::RequestHeaders, |ctx, _| after_host(ctx, path(ctx)).map(Sample::owned)),
    row("baseq", Type::Str, Source::RequestHeaders, |ctx, _| after_host(ctx, path_and_query(ctx)).map(Sample::owned)),
    row("base32", Type::Int, Source::RequestHeaders, |ctx, _| Some(hashed(&after_host(ctx, path(ctx))?))),
    row("url32", Type::Int, Source::RequestHeaders, |ctx, _| Some(hashed(&after_host(ctx, ctx.uri())?))),
    row("base32+src", Type::Bin, Source::RequestHeaders, |ctx, _| with_src(ctx, &after_host(ctx, path(ctx))?)),
    row("url32+src", Type::Bin, Source::RequestHeaders, |ctx, _| with_src(ctx, &after_host(ctx, ctx.uri())?)),
    row("url_ip", Type::Ipv4, Source::RequestHeaders, |ctx, _| {
        let (host, _) = host_and_port(authority(ctx.uri()?)?);
        std::str::from_utf8(host).ok()?.parse().ok().map(Sample::Ip)
    }),
    row("url_port", Type::Int, Source::RequestHeaders, |ctx, _| {
        let (_, port) = host_and_port(authority(ctx.uri()?)?);
        Some(Sample::Int(port.map_or(80, leading_int)))
    }),
    parameter("urlp"),
    parameter("url_param"),
    row("urlp_val", Type::Int, Source::RequestHeaders, |ctx, args| {
        first_parameter(ctx, args).map(|v| Sample::Int(leading_int(v)))
    })
    .args(PARAMETER, 0)
    .each(|ctx, args, visit| each_parameter(ctx, args, &mut |v| visit(Sample::Int(leading_int(v))))),
    version("req.ver", Source::RequestMeta, |ctx, _| version_text(ctx, Side::Request)),
    version("req_ver", Source::RequestMeta, |ctx, _| version_text(ctx, Side::Request)),
    version("res.ver", Source::ResponseMeta, |ctx, _| version_text(ctx, Side::Response)),
    version("resp_ver", Source::ResponseMeta, |ctx, _| version_text(ctx, Side::Response)),
    row("req.proto_http", Type::Bool, Source::RequestMeta, is_http),
    row("req_proto_http", Type::Bool, Source::RequestMeta, is_http),
    row("http_first_req", Type::Bool, Source::RequestMeta, |ctx, _| {
        ctx.number(StreamNumber::RequestIndex).map(|n| Sample::Bool(n == 0))
    }),
    text!("capture.req.method", RequestMeta, method),
    text!("capture.req.uri", RequestMeta, path_and_query),
    row("capture.req.ver", Type::Str, Source::RequestMeta, |ctx, _| full_version(ctx, Side::Request)),
    row("capture.res.ver", Type::Str, Source::RequestMeta, |ctx, _| full_version(ctx, Side::Response)),
    row("status", Type::Int, Source::ResponseMeta, |ctx, _| ctx.status().map(|s| Sample::Int(i64::from(s)))),
    row("txn.status", Type::Int, Source::ResponseMeta, |ctx, _| ctx.status().map(|s| Sample::Int(i64::from(s)))),
    row("req.body", Type::Bin, Source::RequestHeaders, |ctx, _| ctx.request_body().map(Sample::Bin)),
    row("req.body_param", Type::Str, Source::RequestHeaders, |ctx, args| {
        let body = ctx.request_body()?;
        let mut found = None;
        let ignore_case = Arg::text(args, 1) == Some("i");
        each_pair(&body, b'&', Arg::text(args, 0), ignore_case, &mut |value: &[u8]| {
            found = Some(value.to_vec());
            ControlFlow::Break(())
        });
        found.map(Sample::owned)
    })
    .args(&[ArgKind::Str, ArgKind::Str], 0),
    row("req.body_len", Type::Int, Source::RequestHeaders, |ctx, _| {
        ctx.number(StreamNumber::RequestBodyLen).map(Sample::Int)
    }),
    row("req.body_size", Type::Int, Source::RequestHeaders, |ctx, _| {
        ctx.number(StreamNumber::RequestBodySize).map(Sample::Int)
    }),
];

const PARAMETER: &[ArgKind] = &[ArgKind::Str, ArgKind::Str, ArgKind::Str];

const fn parameter(name: &'static str) -> Fetch {
    row(name, Type::Str, Source::RequestHeaders, |ctx, args| first_parameter(ctx, args).map(Sample::text))
        .args(PARAMETER, 0)
        .each(|ctx, args, visit| each_parameter(ctx, args, &mut |v| visit(Sample::text(v))))
}

const fn version(name: &'static str, source: Source, one: super::One) -> Fetch {
    row(name, Type::Str, source, one)
}

fn method(ctx: &dyn Context) -> Option<&[u8]> {
    ctx.method()
}

fn uri(ctx: &dyn Context) -> Option<&[u8]> {
    ctx.uri()
}

fn is_http<'a>(ctx: &'a dyn Context, _: &'a [Arg]) -> Option<Sample<'a>> {
    Some(Sample::Bool(ctx.version(Side::Request).is_some()))
}

/// The target from its first slash on, the authority of an absolute URI left out.
pub(crate) fn path_and_query(ctx: &dyn Context) -> Option<&[u8]> {
    let uri = ctx.uri()?;
    let rest = match memchr::memmem::find(uri, b"://") {
        // "://" inside a path or a query is not a scheme's.
        Some(at) if !uri.starts_with(b"/") => uri.get(at + 3..)?,
        _ => uri,
    };
    let slash = memchr::memchr(b'/', rest)?;
    rest.get(slash..)
}

/// The target's path, without query.
pub(crate) fn path(ctx: &dyn Context) -> Option<&[u8]> {
    let whole = path_and_query(ctx)?;
    let end = memchr::memchr2(b'?', b'#', whole).unwrap_or(whole.len());
    whole.get(..end)
}

/// `host:port` of an absolute URI.
fn authority(uri: &[u8]) -> Option<&[u8]> {
    let start = memchr::memmem::find(uri, b"://")? + 3;
    let rest = uri.get(start..)?;
    let end = rest.iter().position(|b| matches!(b, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    rest.get(..end)
}

/// Splits at the port's colon; an IPv6 address loses its brackets.
fn host_and_port(authority: &[u8]) -> (&[u8], Option<&[u8]>) {
    if let Some(rest) = authority.strip_prefix(b"[")
        && let Some(end) = memchr::memchr(b']', rest)
    {
        let (host, after) = rest.split_at(end);
        return (host, after.strip_prefix(b"]:"));
    }
    match memchr::memrchr(b':', authority) {
        Some(at) => (authority.get(..at).unwrap_or_default(), authority.get(at + 1..)),
        None => (authority, None),
    }
}

/// The Host header followed by `rest`.
fn after_host(ctx: &dyn Context, rest: Option<&[u8]>) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    for_each_header(ctx, Side::Request, Some("host"), &mut |value| {
        out.extend_from_slice(value);
        ControlFlow::Break(())
    });
    if let Some(rest) = rest {
        out.extend_from_slice(rest);
    }
    (!out.is_empty()).then_some(out)
}

fn hashed<'a>(text: &[u8]) -> Sample<'a> {
    Sample::Int(i64::from(avalanche(sdbm(text))))
}

fn with_src<'a>(ctx: &dyn Context, text: &[u8]) -> Option<Sample<'a>> {
    let mut out = avalanche(sdbm(text)).to_be_bytes().to_vec();
    match ctx.src()?.ip() {
        IpAddr::V4(ip) => out.extend(ip.octets()),
        IpAddr::V6(ip) => out.extend(ip.octets()),
    }
    Some(Sample::Bin(Cow::Owned(out)))
}

fn version_text<'a>(ctx: &'a dyn Context, side: Side) -> Option<Sample<'a>> {
    Some(match ctx.version(side)? {
        (1, 1) => Sample::text(b"1.1"),
        (1, 0) => Sample::text(b"1.0"),
        (2, 0) => Sample::text(b"2.0"),
        (major, minor) => Sample::owned(format!("{major}.{minor}").into_bytes()),
    })
}

fn full_version<'a>(ctx: &'a dyn Context, side: Side) -> Option<Sample<'a>> {
    Some(Sample::text(match ctx.version(side)? {
        (1, 0) => b"HTTP/1.0",
        (2, _) => b"HTTP/2.0",
        (3, _) => b"HTTP/3.0",
        _ => b"HTTP/1.1",
    }))
}

fn first_parameter<'a>(ctx: &'a dyn Context, args: &'a [Arg]) -> Option<&'a [u8]> {
    let mut found = None;
    each_parameter(ctx, args, &mut |value| {
        found = Some(value);
        ControlFlow::Break(())
    });
    found
}

/// Visits values of the parameter named by the first argument, of all without a name. The query
/// starts after `?` or the delimiter of the second argument; `i` as third argument ignores case.
fn each_parameter<'a>(ctx: &'a dyn Context, args: &'a [Arg], visit: &mut dyn FnMut(&'a [u8]) -> ControlFlow<()>) {
    let delimiter = Arg::text(args, 1).and_then(|d| d.bytes().next()).unwrap_or(b'?');
    let Some(uri) = ctx.uri() else { return };
    let Some(query) = memchr::memchr2(b'?', delimiter, uri).and_then(|at| uri.get(at + 1..)) else { return };
    each_pair(query, delimiter, Arg::text(args, 0), Arg::text(args, 2) == Some("i"), visit);
}

fn each_pair<'a>(
    query: &'a [u8],
    delimiter: u8,
    name: Option<&str>,
    ignore_case: bool,
    visit: &mut dyn FnMut(&'a [u8]) -> ControlFlow<()>,
) {
    for pair in query.split(|b| matches!(b, b'&' | b';') || *b == delimiter) {
        let Some(equal) = memchr::memchr(b'=', pair) else { continue };
        let (key, value) = pair.split_at(equal);
        let wanted = name.is_none_or(|name| {
            if ignore_case { key.eq_ignore_ascii_case(name.as_bytes()) } else { key == name.as_bytes() }
        });
        if wanted && visit(value.get(1..).unwrap_or_default()).is_break() {
            return;
        }
    }
}
