//! Header fields, cookies, credentials and captures.

use super::{Each, Fetch, One, row};
use crate::args::{Arg, ArgKind};
use crate::place::Source;
use crate::sample::{Type, leading_int};
use crate::{Context, Sample, Side};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::ControlFlow;

/// The fetches of one side's headers: functions made per side, because rows hold plain functions.
macro_rules! side {
    ($module:ident, $side:ident) => {
        mod $module {
            use super::*;

            pub(super) const VALUE: One = |ctx, args| select(ctx, Side::$side, args, true).map(Sample::text);
            pub(super) const VALUES: Each =
                |ctx, args, visit| visit_all(ctx, Side::$side, args, true, &mut |v| visit(Sample::text(v)));
            pub(super) const LINE: One = |ctx, args| select(ctx, Side::$side, args, false).map(Sample::text);
            pub(super) const LINES: Each =
                |ctx, args, visit| visit_all(ctx, Side::$side, args, false, &mut |v| visit(Sample::text(v)));
            pub(super) const COUNT: One = |ctx, args| Some(count(ctx, Side::$side, args, true));
            pub(super) const LINE_COUNT: One = |ctx, args| Some(count(ctx, Side::$side, args, false));
            pub(super) const INT: One =
                |ctx, args| select(ctx, Side::$side, args, true).map(|v| Sample::Int(leading_int(v)));
            pub(super) const INTS: Each = |ctx, args, visit| {
                visit_all(ctx, Side::$side, args, true, &mut |v| visit(Sample::Int(leading_int(v))));
            };
            pub(super) const IP: One =
                |ctx, args| select(ctx, Side::$side, args, true).and_then(address).map(Sample::Ip);
            pub(super) const IPS: Each = |ctx, args, visit| {
                visit_all(ctx, Side::$side, args, true, &mut |v| match address(v) {
                    Some(ip) => visit(Sample::Ip(ip)),
                    None => ControlFlow::Continue(()),
                });
            };
            pub(super) const NAMES: One = |ctx, args| Some(names(ctx, Side::$side, args));
            pub(super) const BLOCK: One = |ctx, _| Some(block(ctx, Side::$side));
            pub(super) const COOKIE: One = |ctx, args| cookie(ctx, Side::$side, args).map(Sample::text);
            pub(super) const COOKIES: Each =
                |ctx, args, visit| each_cookie(ctx, Side::$side, Arg::text(args, 0), &mut |v| visit(Sample::text(v)));
            pub(super) const COOKIE_INT: One =
                |ctx, args| cookie(ctx, Side::$side, args).map(|v| Sample::Int(leading_int(v)));
            pub(super) const COOKIE_INTS: Each = |ctx, args, visit| {
                each_cookie(ctx, Side::$side, Arg::text(args, 0), &mut |v| visit(Sample::Int(leading_int(v))));
            };
            pub(super) const COOKIE_COUNT: One = |ctx, args| Some(cookie_count(ctx, Side::$side, args));
            pub(super) const CAPTURED: One = |ctx, args| {
                let index = usize::try_from(Arg::int(args, 0)?).ok()?;
                ctx.captured_header(Side::$side, index).map(Sample::text)
            };
        }
    };
}

side!(req, Request);
side!(res, Response);

const NAME_OCC: &[ArgKind] = &[ArgKind::Str, ArgKind::Int];
const NAME: &[ArgKind] = &[ArgKind::Str];

const fn header(name: &'static str, output: Type, source: Source, one: One, each: Each) -> Fetch {
    row(name, output, source, one).args(NAME_OCC, 0).each(each)
}

const fn counter(name: &'static str, source: Source, one: One) -> Fetch {
    row(name, Type::Int, source, one).args(NAME, 0)
}

const fn cookies(name: &'static str, output: Type, source: Source, one: One, each: Each) -> Fetch {
    row(name, output, source, one).args(NAME, 0).each(each)
}

use Source::{RequestHeaders as Req, ResponseHeaders as Res};

pub(super) const ROWS: &[Fetch] = &[
    header("req.hdr", Type::Str, Req, req::VALUE, req::VALUES),
    header("hdr", Type::Str, Source::EitherHeaders, either_value, either_values),
    header("req.fhdr", Type::Str, Req, req::LINE, req::LINES),
    header("req.hdr_ip", Type::Ipv4, Req, req::IP, req::IPS),
    header("hdr_ip", Type::Ipv4, Req, req::IP, req::IPS),
    header("req.hdr_val", Type::Int, Req, req::INT, req::INTS),
    header("hdr_val", Type::Int, Req, req::INT, req::INTS),
    counter("req.hdr_cnt", Req, req::COUNT),
    counter("hdr_cnt", Req, req::COUNT),
    counter("req.fhdr_cnt", Req, req::LINE_COUNT),
    row("req.hdr_names", Type::Str, Req, req::NAMES).args(NAME, 0),
    row("req.hdrs", Type::Str, Req, req::BLOCK),
    header("res.hdr", Type::Str, Res, res::VALUE, res::VALUES),
    header("shdr", Type::Str, Res, res::VALUE, res::VALUES),
    header("res.fhdr", Type::Str, Res, res::LINE, res::LINES),
    header("res.hdr_ip", Type::Ipv4, Res, res::IP, res::IPS),
    header("shdr_ip", Type::Ipv4, Res, res::IP, res::IPS),
    header("res.hdr_val", Type::Int, Res, res::INT, res::INTS),
    header("shdr_val", Type::Int, Res, res::INT, res::INTS),
    counter("res.hdr_cnt", Res, res::COUNT),
    counter("shdr_cnt", Res, res::COUNT),
    counter("res.fhdr_cnt", Res, res::LINE_COUNT),
    row("res.hdr_names", Type::Str, Res, res::NAMES).args(NAME, 0),
    row("res.hdrs", Type::Str, Res, res::BLOCK),
    cookies("req.cook", Type::Str, Req, req::COOKIE, req::COOKIES),
    cookies("cook", Type::Str, Req, req::COOKIE, req::COOKIES),
    cookies("req.cook_val", Type::Int, Req, req::COOKIE_INT, req::COOKIE_INTS),
    cookies("cook_val", Type::Int, Req, req::COOKIE_INT, req::COOKIE_INTS),
    counter("req.cook_cnt", Req, req::COOKIE_COUNT),
    counter("cook_cnt", Req, req::COOKIE_COUNT),
    cookies("res.cook", Type::Str, Res, res::COOKIE, res::COOKIES),
    cookies("scook", Type::Str, Res, res::COOKIE, res::COOKIES),
    cookies("res.cook_val", Type::Int, Res, res::COOKIE_INT, res::COOKIE_INTS),
    cookies("scook_val", Type::Int, Res, res::COOKIE_INT, res::COOKIE_INTS),
    counter("res.cook_cnt", Res, res::COOKIE_COUNT),
    counter("scook_cnt", Res, res::COOKIE_COUNT),
    row("capture.req.hdr", Type::Str, Source::RequestMeta, req::CAPTURED).args(&[ArgKind::Int], 1),
    row("capture.res.hdr", Type::Str, Source::ResponseMeta, res::CAPTURED).args(&[ArgKind::Int], 1),
    row("http_auth", Type::Bool, Req, |ctx, args| {
        let list = Arg::users(args, 0)?;
        let (name, password) = basic(ctx)?;
        Some(Sample::Bool(list.admitted(&name, &password).is_some()))
    })
    .args(&[ArgKind::UserList], 1),
    // A value is the user's name; ACLs compare the user's groups.
    row("http_auth_group", Type::Str, Req, |ctx, args| {
        let list = Arg::users(args, 0)?;
        let (name, password) = basic(ctx)?;
        list.admitted(&name, &password).map(|_| Sample::owned(name))
    })
    .args(&[ArgKind::UserList], 1)
    .each(each_group),
    row("http_auth_type", Type::Str, Req, |ctx, _| authorization(ctx).map(|(scheme, _)| Sample::text(scheme))),
    row("http_auth_user", Type::Str, Req, |ctx, _| basic(ctx).map(|(user, _)| Sample::owned(user))),
    row("http_auth_pass", Type::Str, Req, |ctx, _| basic(ctx).map(|(_, password)| Sample::owned(password))),
    row("http_auth_bearer", Type::Str, Req, |ctx, args| {
        let line = last_line(ctx, Arg::text(args, 0).unwrap_or("authorization"))?;
        let (scheme, token) = split_once(line, b' ')?;
        scheme.eq_ignore_ascii_case(b"bearer").then(|| Sample::text(token.trim_ascii_start()))
    })
    .args(NAME, 0),
];

/// `hdr` follows the message at hand: the response once there is one.
fn either_value<'a>(ctx: &'a dyn Context, args: &'a [Arg]) -> Option<Sample<'a>> {
    select(ctx, ctx.current_side(), args, true).map(Sample::text)
}

fn either_values<'a>(ctx: &'a dyn Context, args: &'a [Arg], visit: &mut dyn FnMut(Sample<'a>) -> ControlFlow<()>) {
    visit_all(ctx, ctx.current_side(), args, true, &mut |v| visit(Sample::text(v)));
}

/// Visits values of the lines named `name`, of all lines without a name.
pub(super) fn for_each_header<'a>(
    ctx: &'a dyn Context,
    side: Side,
    name: Option<&str>,
    visit: &mut dyn FnMut(&'a [u8]) -> ControlFlow<()>,
) {
    ctx.headers(side, &mut |line_name, value| {
        if name.is_none_or(|name| line_name.eq_ignore_ascii_case(name.as_bytes())) {
            visit(value)
        } else {
            ControlFlow::Continue(())
        }
    });
}

/// Visits values, comma-separated ones one by one when `split`; quoted commas do not separate.
fn each_value<'a>(
    ctx: &'a dyn Context,
    side: Side,
    name: Option<&str>,
    split: bool,
    visit: &mut dyn FnMut(&'a [u8]) -> ControlFlow<()>,
) {
    for_each_header(ctx, side, name, &mut |value| {
        if !split {
            return visit(value);
        }
        let mut rest = value;
        loop {
            let end = end_of_item(rest, b',');
            let (item, after) = rest.split_at(end);
            visit(item.trim_ascii())?;
            match after.split_first() {
                Some((_, after)) => rest = after,
                None => return ControlFlow::Continue(()),
            }
        }
    });
}

/// Where an item ends: at `separator` outside of double quotes.
fn end_of_item(text: &[u8], separator: u8) -> usize {
    let mut quoted = false;
    let mut escaped = false;
    for (i, &b) in text.iter().enumerate() {
        match b {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if b == separator && !quoted => return i,
            _ => {}
        }
    }
    text.len()
}

/// The occurrence asked by the second argument; the last without one.
fn select<'a>(ctx: &'a dyn Context, side: Side, args: &[Arg], split: bool) -> Option<&'a [u8]> {
    let name = Arg::text(args, 0);
    let occurrence = Arg::int(args, 1).unwrap_or(-1);
    let wanted = if occurrence > 0 {
        usize::try_from(occurrence).ok()?
    } else {
        let mut total = 0usize;
        each_value(ctx, side, name, split, &mut |_| {
            total += 1;
            ControlFlow::Continue(())
        });
        // 0 means the last one, as -1 does.
        let back = usize::try_from(occurrence.unsigned_abs()).ok()?.max(1);
        (total + 1).checked_sub(back).filter(|n| *n > 0)?
    };
    let mut seen = 0usize;
    let mut found = None;
    each_value(ctx, side, name, split, &mut |value| {
        seen += 1;
        if seen == wanted {
            found = Some(value);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    });
    found
}

/// All values for an ACL, or the one occurrence it asks for.
fn visit_all<'a>(
    ctx: &'a dyn Context,
    side: Side,
    args: &[Arg],
    split: bool,
    visit: &mut dyn FnMut(&'a [u8]) -> ControlFlow<()>,
) {
    if Arg::int(args, 1).is_some_and(|n| n != 0) {
        if let Some(value) = select(ctx, side, args, split) {
            // The only value: whether the visitor wants more does not matter.
            let _ = visit(value);
        }
        return;
    }
    each_value(ctx, side, Arg::text(args, 0), split, visit);
}

fn count<'a>(ctx: &dyn Context, side: Side, args: &[Arg], split: bool) -> Sample<'a> {
    let mut total = 0;
    each_value(ctx, side, Arg::text(args, 0), split, &mut |_| {
        total += 1;
        ControlFlow::Continue(())
    });
    Sample::Int(total)
}

fn names<'a>(ctx: &dyn Context, side: Side, args: &[Arg]) -> Sample<'a> {
    let delimiter = Arg::text(args, 0).and_then(|d| d.bytes().next()).unwrap_or(b',');
    let mut out = Vec::new();
    ctx.headers(side, &mut |name, _| {
        if !out.is_empty() {
            out.push(delimiter);
        }
        out.extend(name.iter().map(u8::to_ascii_lowercase));
        ControlFlow::Continue(())
    });
    Sample::owned(out)
}

fn block<'a>(ctx: &dyn Context, side: Side) -> Sample<'a> {
    let mut out = Vec::new();
    ctx.headers(side, &mut |name, value| {
        out.extend(name.iter().map(u8::to_ascii_lowercase));
        out.extend_from_slice(b": ");
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
        ControlFlow::Continue(())
    });
    out.extend_from_slice(b"\r\n");
    Sample::owned(out)
}

/// An address in a header: IPv4 with or without port, IPv6, IPv6 in brackets.
fn address(value: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(value).ok()?;
    if let Some(inner) = text.strip_prefix('[') {
        return inner.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    }
    if let Ok(ip) = text.parse() {
        return Some(ip);
    }
    let (ip, port) = text.split_once(':')?;
    port.parse::<u16>().ok()?;
    ip.parse::<Ipv4Addr>().ok().map(IpAddr::V4)
}

/// The last cookie of the name; without a name the first cookie.
fn cookie<'a>(ctx: &'a dyn Context, side: Side, args: &[Arg]) -> Option<&'a [u8]> {
    let name = Arg::text(args, 0);
    let mut found = None;
    each_cookie(ctx, side, name, &mut |value| {
        found = Some(value);
        if name.is_some() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    found
}

fn cookie_count<'a>(ctx: &dyn Context, side: Side, args: &[Arg]) -> Sample<'a> {
    let mut total = 0;
    each_cookie(ctx, side, Arg::text(args, 0), &mut |_| {
        total += 1;
        ControlFlow::Continue(())
    });
    Sample::Int(total)
}

/// Visits cookies' values. A `Set-Cookie` line holds one cookie and its attributes; names without
/// `=` are no cookies.
fn each_cookie<'a>(
    ctx: &'a dyn Context,
    side: Side,
    name: Option<&str>,
    visit: &mut dyn FnMut(&'a [u8]) -> ControlFlow<()>,
) {
    let (header, many) = match side {
        Side::Request => ("cookie", true),
        Side::Response => ("set-cookie", false),
    };
    for_each_header(ctx, side, Some(header), &mut |line| {
        let mut rest = line;
        loop {
            let (pair, after) = rest.split_at(end_of_item(rest, b';'));
            if let Some((key, value)) = split_once(pair, b'=')
                && name.is_none_or(|name| key.trim_ascii() == name.as_bytes())
            {
                visit(value.trim_ascii())?;
            }
            match after.split_first() {
                Some((_, after)) if many => rest = after,
                _ => return ControlFlow::Continue(()),
            }
        }
    });
}

fn split_once(text: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr(separator, text)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

fn last_line<'a>(ctx: &'a dyn Context, name: &str) -> Option<&'a [u8]> {
    let mut found = None;
    for_each_header(ctx, Side::Request, Some(name), &mut |value| {
        found = Some(value);
        ControlFlow::Continue(())
    });
    found
}

/// Scheme and credentials of the Authorization header.
fn authorization(ctx: &dyn Context) -> Option<(&[u8], &[u8])> {
    split_once(last_line(ctx, "authorization")?, b' ')
}

fn basic(ctx: &dyn Context) -> Option<(Vec<u8>, Vec<u8>)> {
    let (scheme, credentials) = authorization(ctx)?;
    if !scheme.eq_ignore_ascii_case(b"basic") {
        return None;
    }
    let decoded = crate::convert::base64::decode(credentials.trim_ascii())?;
    let (user, password) = split_once(&decoded, b':')?;
    Some((user.to_vec(), password.to_vec()))
}

/// Visits the groups of the request's user; nothing is visited for who is not admitted.
fn each_group<'a>(ctx: &'a dyn Context, args: &'a [Arg], visit: &mut dyn FnMut(Sample<'a>) -> ControlFlow<()>) {
    let Some((list, (name, password))) = Arg::users(args, 0).zip(basic(ctx)) else { return };
    let Some(user) = list.admitted(&name, &password) else { return };
    for group in &user.groups {
        if visit(Sample::text(group.as_bytes())).is_break() {
            return;
        }
    }
}
