//! Constants, internal states, connections.

use super::{Fetch, row};
use crate::args::{Arg, ArgKind};
use crate::place::Source;
use crate::sample::Type;
use crate::vars::Lookup;
use crate::{BackendNumber, Context, FrontendNumber, Sample, ServerNumber, ServerRef, StreamNumber, WallTime};
use lb_model::ConnectionError;
use lb_model::proxy_protocol::{kind, kind_of};
use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

/// A fetch of a backend's number, named or the stream's own.
macro_rules! backend {
    ($name:literal, $what:ident) => {
        row($name, Type::Int, Source::Internal, |ctx, args| {
            ctx.backend_number(proxy(args), BackendNumber::$what).map(Sample::Int)
        })
        .args(&[ArgKind::Backend], 0)
    };
}

/// A fetch of a frontend's number.
macro_rules! frontend {
    ($name:literal, $what:ident) => {
        row($name, Type::Int, Source::Internal, |ctx, args| {
            ctx.frontend_number(proxy(args), FrontendNumber::$what).map(Sample::Int)
        })
        .args(&[ArgKind::Frontend], 0)
    };
}

/// A fetch of a named server's number.
macro_rules! server {
    ($name:literal, $what:ident) => {
        row($name, Type::Int, Source::Internal, |ctx, args| {
            ctx.server_number(server(args), ServerNumber::$what).map(Sample::Int)
        })
        .args(&[ArgKind::Server], 1)
    };
}

/// A fetch of a number of the stream, always of the stream itself.
macro_rules! number {
    ($name:literal, $source:ident, $what:ident) => {
        row($name, Type::Int, Source::$source, |ctx, _| ctx.number(StreamNumber::$what).map(Sample::Int))
    };
}

/// The same as a boolean.
macro_rules! switch {
    ($name:literal, $source:ident, $what:ident) => {
        row($name, Type::Bool, Source::$source, |ctx, _| ctx.number(StreamNumber::$what).map(|n| Sample::Bool(n != 0)))
    };
}

/// An address.
macro_rules! address {
    ($name:literal, $source:ident, $method:ident) => {
        row($name, Type::Ipv4, Source::$source, |ctx, _| ctx.$method().map(|a| Sample::Ip(a.ip())))
    };
}

/// An address' port.
macro_rules! port {
    ($name:literal, $source:ident, $method:ident) => {
        row($name, Type::Int, Source::$source, |ctx, _| ctx.$method().map(|a| Sample::Int(i64::from(a.port()))))
    };
}

/// A name.
macro_rules! name {
    ($name:literal, $source:ident, $method:ident) => {
        row($name, Type::Str, Source::$source, |ctx, _| ctx.$method().map(|s| Sample::text(s.as_bytes())))
    };
}

pub(super) const ROWS: &[Fetch] = &[
    row("always_false", Type::Bool, Source::Internal, |_, _| Some(Sample::Bool(false))),
    row("always_true", Type::Bool, Source::Internal, |_, _| Some(Sample::Bool(true))),
    row("bool", Type::Bool, Source::Internal, |_, args| Arg::int(args, 0).map(|n| Sample::Bool(n != 0)))
        .args(&[ArgKind::Bool], 1),
    row("int", Type::Int, Source::Internal, |_, args| Arg::int(args, 0).map(Sample::Int)).args(&[ArgKind::Int], 1),
    row("str", Type::Str, Source::Internal, |_, args| {
        Some(Sample::text(Arg::text(args, 0).unwrap_or_default().as_bytes()))
    })
    .args(&[ArgKind::Str], 0),
    row("meth", Type::Method, Source::Internal, |_, args| {
        Arg::text(args, 0).map(|s| Sample::Method(Cow::Borrowed(s.as_bytes())))
    })
    .args(&[ArgKind::Str], 1),
    row("bin", Type::Bin, Source::Internal, |_, args| match args.first() {
        Some(Arg::Bytes(b)) => Some(Sample::Bin(Cow::Borrowed(b))),
        _ => None,
    })
    .args(&[ArgKind::Hex], 1),
    row("ipv4", Type::Ipv4, Source::Internal, |_, args| match args.first() {
        Some(Arg::Ipv4(ip)) => Some(Sample::Ip(IpAddr::V4(*ip))),
        _ => None,
    })
    .args(&[ArgKind::Ipv4], 1),
    row("ipv6", Type::Ipv6, Source::Internal, |_, args| match args.first() {
        Some(Arg::Ipv6(ip)) => Some(Sample::Ip(IpAddr::V6(*ip))),
        _ => None,
    })
    .args(&[ArgKind::Ipv6], 1),
    row("var", Type::Any, Source::Internal, |ctx, args| match Arg::var(args, 0)?.get(ctx) {
        Lookup::Value(value) => Some(value),
        Lookup::Unset => Arg::text(args, 1).map(|default| Sample::text(default.as_bytes())),
        Lookup::OutOfScope => None,
    })
    .args(&[ArgKind::Var, ArgKind::Str], 1),
    row("env", Type::Str, Source::Internal, |_, args| Arg::text(args, 0).map(|s| Sample::text(s.as_bytes())))
        .args(&[ArgKind::Env], 1),
    row("date", Type::Int, Source::Internal, |ctx, args| {
        let now = ctx.now()?;
        Some(Sample::Int(in_unit(now, Arg::text(args, 1)).saturating_add(Arg::int(args, 0).unwrap_or(0))))
    })
    .args(&[ArgKind::Int, ArgKind::Str], 0),
    row("date_us", Type::Int, Source::Internal, |ctx, _| ctx.now().map(|t| Sample::Int(i64::from(t.micros)))),
    row("accept_date", Type::Int, Source::Client, |ctx, args| {
        Some(Sample::Int(in_unit(ctx.log().accepted, Arg::text(args, 0))))
    })
    .args(&[ArgKind::Str], 0),
    row("request_date", Type::Int, Source::RequestMeta, |ctx, args| {
        Some(Sample::Int(in_unit(ctx.log().requested, Arg::text(args, 0))))
    })
    .args(&[ArgKind::Str], 0),
    row("rand", Type::Int, Source::Internal, |ctx, args| {
        let random = i64::from(ctx.random()?);
        // With a range, the 32-bit number is scaled down to 0 ..= range - 1.
        Some(Sample::Int(match Arg::int(args, 0) {
            Some(range) if (1..=i64::from(u32::MAX)).contains(&range) => (random * range) >> 32,
            _ => random,
        }))
    })
    .args(&[ArgKind::Int], 0),
    row("uuid", Type::Str, Source::Internal, |ctx, args| uuid(ctx, Arg::int(args, 0).unwrap_or(4)))
        .args(&[ArgKind::Int], 0),
    name!("hostname", Internal, hostname),
    number!("pid", Internal, Pid),
    number!("act_conn", Internal, ActiveConnections),
    number!("uptime", Internal, UptimeSecs),
    number!("thread", Internal, Thread),
    // Processes are one since 2.5: both are constants kept for old configurations.
    row("nbproc", Type::Int, Source::Internal, |_, _| Some(Sample::Int(1))),
    row("proc", Type::Int, Source::Internal, |_, _| Some(Sample::Int(1))),
    switch!("stopping", Internal, Stopping),
    // The end of content inspection is reached whenever rules of this program run.
    row("wait_end", Type::Bool, Source::Internal, |ctx, _| (!ctx.awaits_more()).then_some(Sample::Bool(true))),
    backend!("avg_queue", AverageQueue),
    backend!("be_conn", Connections),
    backend!("be_conn_free", ConnectionsFree),
    backend!("be_sess_rate", SessionRate),
    backend!("connslots", ConnectionSlots),
    backend!("nbsrv", UsableServers),
    backend!("queue", Queue),
    frontend!("fe_conn", Connections),
    frontend!("fe_req_rate", RequestRate),
    frontend!("fe_sess_rate", SessionRate),
    server!("srv_conn", Connections),
    server!("srv_conn_free", ConnectionsFree),
    server!("srv_iweight", InitialWeight),
    server!("srv_queue", Queue),
    server!("srv_sess_rate", SessionRate),
    server!("srv_uweight", UserWeight),
    server!("srv_weight", Weight),
    row("srv_is_up", Type::Bool, Source::Internal, |ctx, args| {
        ctx.server_number(server(args), ServerNumber::IsUp).map(|n| Sample::Bool(n != 0))
    })
    .args(&[ArgKind::Server], 1),
    address!("src", Client, src),
    address!("dst", Client, dst),
    address!("fc_src", Client, front_src),
    address!("fc_dst", Client, front_dst),
    address!("bc_src", ServerAddress, back_src),
    address!("bc_dst", ServerAddress, back_dst),
    port!("src_port", Client, src),
    port!("dst_port", Client, dst),
    port!("fc_src_port", Client, front_src),
    port!("fc_dst_port", Client, front_dst),
    port!("bc_src_port", ServerAddress, back_src),
    port!("bc_dst_port", ServerAddress, back_dst),
    row("src_is_local", Type::Bool, Source::Client, |ctx, _| ctx.src().map(is_local)),
    row("dst_is_local", Type::Bool, Source::Client, |ctx, _| ctx.dst().map(is_local)),
    row("fc_src_is_local", Type::Bool, Source::Client, |ctx, _| ctx.front_src().map(is_local)),
    row("fc_dst_is_local", Type::Bool, Source::Client, |ctx, _| ctx.front_dst().map(is_local)),
    switch!("fc_rcvd_proxy", Client, ReceivedProxy),
    row("fc_pp_authority", Type::Str, Source::Client, |ctx, _| ctx.announced(kind::AUTHORITY).map(Sample::text)),
    row("fc_pp_unique_id", Type::Str, Source::Client, |ctx, _| ctx.announced(kind::UNIQUE_ID).map(Sample::text)),
    row("fc_pp_tlv", Type::Str, Source::Client, |ctx, args| {
        ctx.announced(kind_of(Arg::text(args, 0)?)?).map(Sample::text)
    })
    .args(&[ArgKind::Str], 1),
    row("fc_err", Type::Int, Source::Client, |ctx, _| Some(Sample::Int(i64::from(ctx.log().front_error)))),
    row("fc_err_name", Type::Str, Source::Client, |ctx, _| front_error(ctx)?.name.map(|s| Sample::text(s.as_bytes()))),
    row("fc_err_str", Type::Str, Source::Client, |ctx, _| {
        front_error(ctx).map(|error| Sample::text(error.text.as_bytes()))
    }),
    number!("fc_http_major", Client, FrontHttpMajor),
    number!("bc_http_major", ServerAddress, BackHttpMajor),
    switch!("bc_reused", ServerAddress, BackReused),
    switch!("ssl_fc", Client, FrontEncrypted),
    number!("dst_conn", Client, ListenerConnections),
    number!("so_id", Client, ListenerId),
    name!("so_name", Client, listener_name),
    name!("fe_name", Client, frontend_name),
    name!("fe_defbe", Client, default_backend_name),
    row("fe_id", Type::Int, Source::Client, |ctx, _| ctx.frontend_number(None, FrontendNumber::Id).map(Sample::Int)),
    row("fe_client_timeout", Type::Int, Source::Client, |ctx, _| {
        ctx.frontend_number(None, FrontendNumber::ClientTimeoutMs).map(Sample::Int)
    }),
    name!("be_name", Backend, backend_name),
    row("be_id", Type::Int, Source::Backend, |ctx, _| ctx.backend_number(None, BackendNumber::Id).map(Sample::Int)),
    row("be_server_timeout", Type::Int, Source::Backend, |ctx, _| {
        ctx.backend_number(None, BackendNumber::ServerTimeoutMs).map(Sample::Int)
    }),
    row("be_tunnel_timeout", Type::Int, Source::Backend, |ctx, _| {
        ctx.backend_number(None, BackendNumber::TunnelTimeoutMs).map(Sample::Int)
    }),
    number!("cur_client_timeout", Client, ClientTimeoutMs),
    number!("cur_server_timeout", Backend, ServerTimeoutMs),
    number!("cur_tunnel_timeout", Backend, TunnelTimeoutMs),
    row("srv_name", Type::Str, Source::Server, |ctx, _| {
        ctx.server_name().map(|name| Sample::owned(name.into_owned().into_bytes()))
    }),
    row("srv_id", Type::Int, Source::Server, |ctx, _| ctx.server_number(None, ServerNumber::Id).map(Sample::Int)),
    name!("unique-id", Internal, unique_id),
];

fn front_error(ctx: &dyn Context) -> Option<&'static ConnectionError> {
    ConnectionError::of_number(ctx.log().front_error)
}

fn proxy(args: &[Arg]) -> Option<&str> {
    match args.first() {
        Some(Arg::Proxy(name)) => name.as_deref(),
        _ => None,
    }
}

fn server(args: &[Arg]) -> Option<ServerRef<'_>> {
    match args.first() {
        Some(Arg::Server { backend, server }) => Some(ServerRef { backend: backend.as_deref(), server }),
        _ => None,
    }
}

fn in_unit(time: WallTime, unit: Option<&str>) -> i64 {
    match unit {
        Some("ms") => time.unix_secs * 1000 + i64::from(time.micros / 1000),
        Some("us") => time.unix_secs * 1_000_000 + i64::from(time.micros),
        _ => time.unix_secs,
    }
}

/// Loopback is the one address that is local on every machine; others would need the system.
fn is_local<'a>(address: SocketAddr) -> Sample<'a> {
    Sample::Bool(address.ip().is_loopback())
}

/// RFC 9562, version 4 (random) or 7 (time first).
fn uuid<'a>(ctx: &dyn Context, version: i64) -> Option<Sample<'a>> {
    let mut bits = 0u128;
    for _ in 0..4 {
        bits = (bits << 32) | u128::from(ctx.random()?);
    }
    if version == 7 {
        let ms = in_unit(ctx.now()?, Some("ms")) as u128;
        bits = (bits & (u128::MAX >> 48)) | (ms << 80);
    } else if version != 4 {
        return None;
    }
    bits = (bits & !(0xf << 76)) | ((version as u128) << 76);
    bits = (bits & !(0x3 << 62)) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    let part = |range: std::ops::Range<usize>| hex.get(range).unwrap_or_default();
    let text = [part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)].join("-");
    Some(Sample::owned(text.into_bytes()))
}
