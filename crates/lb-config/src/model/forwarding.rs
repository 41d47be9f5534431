//! What requests tell servers of their way, and which server they are for.

use lb_sample::{Condition, Expr, LogFormat};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// `option forwardfor`, `option originalto`.
#[derive(Debug, Clone)]
pub struct ForwardFor {
    /// `except` networks: address and prefix length.
    pub except: Option<(IpAddr, u8)>,
    /// Header name; default `X-Forwarded-For` and `X-Original-To`.
    pub header: String,
    /// `if-none`.
    pub if_none: bool,
}

/// `option forwarded`: what the field of RFC 7239 says.
#[derive(Debug, Clone, Default)]
pub struct Forwarded {
    /// `proto`.
    pub proto: bool,
    /// `host`, `host-expr`.
    pub host: Option<Option<Expr>>,
    /// `by`, `by-expr`.
    pub by: Option<Node>,
    /// `for`, `for-expr`.
    pub client: Option<Node>,
}

/// An end of a connection as the field names it.
#[derive(Debug, Clone, Default)]
pub struct Node {
    /// What stands for its name; `None`: its address.
    pub name: Option<Expr>,
    /// Its port; `None`: it is not told.
    pub port: Option<NodePort>,
}

/// A port as the field names it.
#[derive(Debug, Clone)]
pub enum NodePort {
    /// The connection's.
    Own,
    /// What an expression yields.
    Expr(Expr),
}

/// `option http-restrict-req-hdr-names`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HeaderNames {
    /// All pass.
    #[default]
    Preserve,
    /// Fields whose name holds other characters than letters, digits and `-` are dropped.
    Delete,
    /// Requests with such fields are refused.
    Reject,
}

/// How TCP asks whether a silent peer is there; `None`: as the system does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeepAlive {
    /// Questions without an answer before the connection is given up.
    pub count: Option<u32>,
    /// The silence before the first.
    pub idle: Option<Duration>,
    /// The time between two.
    pub interval: Option<Duration>,
}

/// A `use-server` rule.
#[derive(Debug, Clone)]
pub struct UseServer {
    /// The server.
    pub server: UsedServer,
    /// When; `None`: always.
    pub condition: Option<Condition>,
}

/// How a `use-server` rule names its server.
#[derive(Debug, Clone)]
pub enum UsedServer {
    /// By its place in the backend.
    Named(usize),
    /// By a format that yields the name. A name that no server has is as no rule.
    Computed(Arc<LogFormat>),
}
