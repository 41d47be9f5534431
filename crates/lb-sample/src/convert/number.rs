//! Numbers, booleans, addresses, dates.

use super::{Converter, row};
use crate::args::{Arg, ArgKind};
use crate::date;
use crate::sample::{Type, embedded_ipv4};
use crate::{BackendNumber, Sample};
use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An operation on the number and the first argument.
macro_rules! operation {
    ($name:literal, $function:expr) => {
        row($name, Type::Int, Type::Int, |s, args, ctx| {
            let function: fn(i64, i64) -> i64 = $function;
            Some(Sample::Int(function(s.to_int()?, Arg::operand(args, 0, ctx)?)))
        })
        .args(&[ArgKind::Operand], 1)
    };
}

/// A question to the number.
macro_rules! test {
    ($name:literal, $function:expr) => {
        row($name, Type::Int, Type::Bool, |s, _, _| {
            let function: fn(i64) -> bool = $function;
            Some(Sample::Bool(function(s.to_int()?)))
        })
    };
}

pub(super) const ROWS: &[Converter] = &[
    operation!("add", i64::saturating_add),
    operation!("sub", i64::saturating_sub),
    operation!("mul", i64::saturating_mul),
    // A division by zero gives the largest number, its remainder 0.
    operation!("div", |a, b| if b == 0 { i64::MAX } else { a.saturating_div(b) }),
    operation!("mod", |a, b| if b == 0 { 0 } else { a.wrapping_rem(b) }),
    operation!("and", |a, b| a & b),
    operation!("or", |a, b| a | b),
    operation!("xor", |a, b| a ^ b),
    row("neg", Type::Int, Type::Int, |s, _, _| Some(Sample::Int(s.to_int()?.saturating_neg()))),
    row("cpl", Type::Int, Type::Int, |s, _, _| Some(Sample::Int(!s.to_int()?))),
    test!("bool", |n| n != 0),
    test!("not", |n| n == 0),
    test!("odd", |n| n & 1 == 1),
    test!("even", |n| n & 1 == 0),
    row("iif", Type::Bool, Type::Str, |s, args, _| {
        let index = if s.to_bool()? { 0 } else { 1 };
        Some(Sample::text(Arg::text(args, index).unwrap_or_default().as_bytes()))
    })
    .args(&[ArgKind::Str, ArgKind::Str], 2),
    row("htonl", Type::Int, Type::Bin, |s, _, _| {
        // The low 32 bits, as HAProxy casts.
        Some(Sample::Bin(Cow::Owned((s.to_int()? as u32).to_be_bytes().to_vec())))
    }),
    row("ipmask", Type::Addr, Type::Addr, |s, args, _| {
        let mask6 = match args.get(1) {
            Some(Arg::Ipv6(mask)) => Some(*mask),
            _ => None,
        };
        match (s.to_ip()?, args.first()) {
            (IpAddr::V4(ip), Some(Arg::Ipv4(mask))) => Some(Sample::Ip(IpAddr::V4(mask4(ip, *mask)))),
            // Without a mask for IPv6 only an embedded IPv4 address can be masked.
            (IpAddr::V6(ip), Some(Arg::Ipv4(mask))) => match mask6 {
                Some(mask6) => Some(Sample::Ip(IpAddr::V6(Ipv6Addr::from(u128::from(ip) & u128::from(mask6))))),
                None => embedded_ipv4(ip).map(|ip| Sample::Ip(IpAddr::V4(mask4(ip, *mask)))),
            },
            _ => None,
        }
    })
    .args(&[ArgKind::Mask4, ArgKind::Mask6], 1),
    row("http_date", Type::Int, Type::Str, |s, args, _| {
        let time = s.to_int()?.saturating_add(Arg::int(args, 0).unwrap_or(0));
        Some(Sample::owned(match Arg::text(args, 1) {
            Some("ms") => date::http(time.div_euclid(1000), Some((time.rem_euclid(1000), 3))),
            Some("us") => date::http(time.div_euclid(1_000_000), Some((time.rem_euclid(1_000_000), 6))),
            _ => date::http(time, None),
        }))
    })
    .args(&[ArgKind::Int, ArgKind::Str], 0),
    row("nbsrv", Type::Str, Type::Int, |s, _, ctx| {
        let name = s.into_text();
        let name = std::str::from_utf8(&name).ok()?;
        ctx.backend_number(Some(name), BackendNumber::UsableServers).map(Sample::Int)
    }),
];

fn mask4(ip: Ipv4Addr, mask: Ipv4Addr) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(ip) & u32::from(mask))
}
