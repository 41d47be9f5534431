//! Parameters about which connections a server gets: how it is hashed to, what its pool is asked for, what it speaks.

use super::{ServerDraft, number};
use crate::cx::Cx;
use crate::keywords;
use crate::model::NodeKey;
use lb_model::{TimeUnit, parse_time};
use lb_sample::{Expr, Place};
use std::sync::Arc;

type Read = Result<(), String>;

/// `hash-key id|id32|guid|addr|addr-port`.
pub(crate) fn hash_key(d: &mut ServerDraft, text: &str, _: &Cx<'_>) -> Read {
    d.server.node_key = match text {
        "id" => NodeKey::Id,
        "id32" => NodeKey::Id32,
        "guid" => NodeKey::Guid,
        "addr" => NodeKey::Address,
        "addr-port" => NodeKey::AddressAndPort,
        _ => return Err(format!("'hash-key' has to be 'id', 'id32', 'guid', 'addr', or 'addr-port' (got '{text}')")),
    };
    Ok(())
}

/// `pool-conn-name <expression>`.
pub(crate) fn pool_conn_name(d: &mut ServerDraft, text: &str, cx: &Cx<'_>) -> Read {
    if text.is_empty() {
        return Err("'pool-conn-name' : missing expression".to_owned());
    }
    let refused = |e: lb_sample::SampleError| format!("'pool-conn-name' : {}", e.message);
    let expression = cx.with_sources(|sources| Expr::parse(text, sources)).map_err(refused)?;
    expression.check(Place::BackendRequest).map_err(refused)?;
    d.server.pool_name = Some(Arc::new(expression));
    Ok(())
}

/// `strict-maxconn`.
pub(crate) fn strict_maxconn(d: &mut ServerDraft, _: &str, _: &Cx<'_>) -> Read {
    d.server.strict_maxconn = true;
    Ok(())
}

/// `ws auto|h1|h2`: connections to servers are HTTP/1, whichever is said.
pub(crate) fn ws(_: &mut ServerDraft, text: &str, _: &Cx<'_>) -> Read {
    match text {
        "auto" | "h1" | "h2" => Ok(()),
        _ => Err("'ws' has to be 'auto', 'h1' or 'h2'".to_owned()),
    }
}

/// `proto <name>`.
pub(crate) fn proto(_: &mut ServerDraft, text: &str, _: &Cx<'_>) -> Read {
    known_protocol(text)
}

/// Whether connections may be told to speak this, and speak it.
pub(crate) fn known_protocol(text: &str) -> Read {
    match text {
        "h1" | "none" => Ok(()),
        "" => Err("'proto' : missing value".to_owned()),
        "h2" | "fcgi" | "quic" | "qmux" | "spop" => Err(keywords::not_yet(&format!("proto {text}"))),
        _ => Err(format!("'proto' :  unknown MUX protocol '{text}'")),
    }
}

/// `shard <n>`: which part of a table's keys a peer is sent. Entries are not exchanged.
pub(crate) fn shard(_: &mut ServerDraft, text: &str, _: &Cx<'_>) -> Read {
    number::<u32>(text, "shard").map(drop)
}

/// `log-proto legacy|octet-count`: how a ring's server is written to; of no meaning for any other server.
pub(crate) fn log_proto(_: &mut ServerDraft, text: &str, _: &Cx<'_>) -> Read {
    match text {
        "legacy" | "octet-count" => Ok(()),
        "" => Err("'log-proto' expects one of 'legacy' or 'octet-count'".to_owned()),
        _ => Err(format!("'log-proto' expects one of 'legacy' or 'octet-count' but got '{text}'")),
    }
}

/// `log-bufsize <n>`: what a server of a log backend may be behind; of no meaning for any other server.
pub(crate) fn log_bufsize(_: &mut ServerDraft, text: &str, _: &Cx<'_>) -> Read {
    number::<u32>(text, "log-bufsize").map(drop)
}

/// `idle-ping <delay>`: idle HTTP/2 connections are asked whether they live. Those of HTTP/1 cannot be.
pub(crate) fn idle_ping(_: &mut ServerDraft, text: &str, _: &Cx<'_>) -> Read {
    let refused = |_| format!("'idle-ping' : expects a delay, not '{text}'");
    parse_time(text, TimeUnit::Millis).map(drop).map_err(refused)
}
