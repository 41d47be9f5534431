//! Actions of rules that change the session rather than the message.

use lb_sample::Expr;
use std::time::Duration;

/// Such an action.
#[derive(Debug, Clone)]
pub enum Effect {
    /// `set-src`, `set-src-port`, `set-dst`, `set-dst-port`.
    Address(AddressPart, Expr),
    /// `set-priority-class`: requests of lower classes leave queues first.
    PriorityClass(Expr),
    /// `set-priority-offset`: milliseconds that are added to the time of waiting.
    PriorityOffset(Expr),
    /// `set-timeout`; a time of zero is none.
    Timeout(TimeoutKind, TimeValue),
    /// `set-tos`, `set-fc-tos`: the field of packets to the client.
    Tos(NumberValue),
    /// `set-mark`, `set-fc-mark`: the kernel's mark on packets to the client.
    Mark(NumberValue),
}

/// Part of the addresses of a client's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressPart {
    /// `set-src`.
    Source,
    /// `set-src-port`.
    SourcePort,
    /// `set-dst`.
    Destination,
    /// `set-dst-port`.
    DestinationPort,
}

/// A timeout that rules may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeoutKind {
    /// Of the client.
    Client,
    /// Of connecting.
    Connect,
    /// Of waiting in a queue.
    Queue,
    /// Of the server.
    Server,
    /// Of a tarpit.
    Tarpit,
    /// Of a tunnel.
    Tunnel,
}

impl TimeoutKind {
    /// All of them, with their words.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::Client, "client"),
        (Self::Connect, "connect"),
        (Self::Queue, "queue"),
        (Self::Server, "server"),
        (Self::Tarpit, "tarpit"),
        (Self::Tunnel, "tunnel"),
    ];
}

/// A time that is written or computed, in milliseconds.
#[derive(Debug, Clone)]
pub enum TimeValue {
    /// Always this.
    Fixed(Duration),
    /// Made for each request.
    Expr(Expr),
}

/// A number that is written or computed.
#[derive(Debug, Clone)]
pub enum NumberValue {
    /// Always this.
    Fixed(u32),
    /// Made for each request.
    Expr(Expr),
}
