//! Addresses: `host:port`, `[v6]:port`, `/path`, `family@…`.
//!
//! Only the text is judged here: whether a descriptor is open or a path may be bound shows at start.

use crate::cx::Cx;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

/// What an address means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Ip {
        ip: IpAddr,
        port: Port,
        /// The name the address was found by.
        name: Option<String>,
    },
    Unix(PathBuf),
    /// In the abstract namespace.
    Abstract(String),
    /// Inherited.
    Fd(i32),
    /// Inherited, and connected to whoever hands over or takes connections.
    Sockpair(i32),
}

/// What stands after the last colon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Port {
    /// Nothing.
    None,
    /// One port, or a range.
    Range(u16, u16),
    /// `+n`, `-n`: relative to the client's port.
    Offset(i32),
}

/// What the place where an address stands allows.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Allow {
    /// A port must be there, and not be 0.
    pub port_needed: bool,
    pub port_range: bool,
    pub port_offset: bool,
    pub descriptor: bool,
    /// A descriptor that connections are handed over on.
    pub sockpair: bool,
    /// Datagrams instead of streams.
    pub datagram: bool,
    /// A host name need not be resolved: the address then stays unspecified.
    pub unresolved: bool,
    /// Host names are not looked up.
    pub unasked: bool,
}

/// Why an address is refused, in HAProxy's words, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AddressError {
    pub message: String,
    pub help: Option<String>,
}

fn refuse<T>(message: String) -> Result<T, AddressError> {
    Err(AddressError { message, help: None })
}

#[derive(Clone, Copy, PartialEq)]
enum Family {
    Any,
    V4,
    V6,
    Unix,
    Abstract,
    Fd,
    Sockpair,
}

/// Prefixes: the family, and whether it implies datagrams (`None`: either).
const FAMILIES: &[(&str, Family, Option<bool>)] = &[
    ("ip@", Family::Any, None),
    ("ipv4@", Family::V4, None),
    ("ipv6@", Family::V6, None),
    ("tcp@", Family::Any, Some(false)),
    ("tcp4@", Family::V4, Some(false)),
    ("tcp6@", Family::V6, Some(false)),
    ("udp@", Family::Any, Some(true)),
    ("udp4@", Family::V4, Some(true)),
    ("udp6@", Family::V6, Some(true)),
    ("unix@", Family::Unix, None),
    ("uxst@", Family::Unix, Some(false)),
    ("uxdg@", Family::Unix, Some(true)),
    ("abns@", Family::Abstract, None),
    ("fd@", Family::Fd, None),
    ("sockpair@", Family::Sockpair, Some(false)),
];

/// Families that HAProxy has besides.
const NOT_YET: &[&str] =
    &["abnsz@", "backend@", "mptcp@", "mptcp4@", "mptcp6@", "quic@", "quic4@", "quic6@", "rhttp@", "ring@"];

/// Replaces `$NAME` and `${NAME-default}`, which addresses may hold even unquoted.
pub(crate) fn expand(text: &str, cx: &Cx<'_>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let (inner, next) = match after.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            Some(parts) => parts,
            None => {
                let end = after.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(after.len());
                after.split_at(end)
            }
        };
        let (name, default) = inner.split_once('-').map_or((inner, None), |(name, d)| (name, Some(d)));
        if name.is_empty() {
            out.push('$');
        } else {
            out.push_str(&cx.env(name).or_else(|| default.map(str::to_owned)).unwrap_or_default());
        }
        rest = next;
    }
    out.push_str(rest);
    out
}

/// Reads one address.
pub(crate) fn parse(text: &str, allow: Allow, cx: &Cx<'_>) -> Result<Endpoint, AddressError> {
    let expanded = expand(text, cx);
    let mut rest = expanded.as_str();
    let mut datagram = None;
    if let Some(after) = rest.strip_prefix("stream+") {
        (rest, datagram) = (after, Some(false));
    } else if let Some(after) = rest.strip_prefix("dgram+") {
        (rest, datagram) = (after, Some(true));
    }
    if let Some(family) = NOT_YET.iter().find(|family| rest.starts_with(**family)) {
        return refuse(format!("'{family}' is a HAProxy address family that lbd does not support yet, in '{text}'"));
    }
    let mut family = if rest.starts_with('/') { Family::Unix } else { Family::Any };
    if let Some((prefix, found, implied)) = FAMILIES.iter().find(|(prefix, ..)| rest.starts_with(prefix)) {
        rest = rest.get(prefix.len()..).unwrap_or_default();
        family = *found;
        datagram = implied.or(datagram);
    }
    if datagram == Some(!allow.datagram) && family != Family::Fd {
        let kind = if allow.datagram { "stream" } else { "dgram" };
        return refuse(format!("{kind}-type address not acceptable in '{text}'"));
    }
    match family {
        Family::Unix if rest.is_empty() => refuse(format!("missing path in '{text}'")),
        // The kernel's limit, with room for the suffixes of temporary names.
        Family::Unix | Family::Abstract if rest.len() > 97 => refuse(format!("socket path '{rest}' too long (max 97)")),
        Family::Unix => Ok(Endpoint::Unix(rest.into())),
        Family::Abstract => Ok(Endpoint::Abstract(rest.to_owned())),
        Family::Fd if !allow.descriptor => refuse(format!("a file descriptor is not acceptable here in '{text}'")),
        Family::Sockpair if !allow.sockpair => refuse(format!("a pair of sockets is not acceptable here in '{text}'")),
        Family::Fd => descriptor(rest, text).map(Endpoint::Fd),
        Family::Sockpair => descriptor(rest, text).map(Endpoint::Sockpair),
        Family::Any | Family::V4 | Family::V6 => ip(rest, family, text, allow, cx),
    }
}

fn descriptor(number: &str, text: &str) -> Result<i32, AddressError> {
    number.parse::<i32>().ok().filter(|fd| *fd >= 0).ok_or_else(|| AddressError {
        message: format!("file descriptor '{number}' is not a valid integer in '{text}'"),
        help: text.contains('$').then(|| "the variable is unset or holds no number".to_owned()),
    })
}

fn ip(rest: &str, family: Family, text: &str, allow: Allow, cx: &Cx<'_>) -> Result<Endpoint, AddressError> {
    let bracketed = rest.starts_with('[') && rest.ends_with(']');
    // A bare IPv6 address ends in its port when it has one: "::1:80" is port 80 of ::1.
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !bracketed => (host, Some(port)),
        _ => (rest, None),
    };
    let port = port.map_or(Ok(Port::None), |port| read_port(port, text, allow))?;
    if allow.port_needed && port == Port::None {
        return Err(AddressError {
            message: format!("missing port specification in '{text}'"),
            help: Some(format!("write the port after a colon, as in '{rest}:80'; a path begins with '/'")),
        });
    }
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    if matches!(bare, "" | "*") {
        let ip = if family == Family::V6 { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
        return Ok(Endpoint::Ip { ip, port, name: None });
    }
    let fits = |ip: &IpAddr| match family {
        Family::V4 => ip.is_ipv4(),
        Family::V6 => ip.is_ipv6(),
        _ => true,
    };
    if let Ok(ip) = bare.parse::<IpAddr>() {
        if fits(&ip) {
            return Ok(Endpoint::Ip { ip, port, name: None });
        }
    } else if bare.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
        && bare.bytes().any(|b| b.is_ascii_alphabetic())
        && !allow.unasked
        && let Some(ip) = cx.host.resolve(bare).filter(fits)
    {
        return Ok(Endpoint::Ip { ip, port, name: Some(bare.to_owned()) });
    } else if allow.unresolved {
        return Ok(Endpoint::Ip { ip: Ipv4Addr::UNSPECIFIED.into(), port, name: Some(bare.to_owned()) });
    }
    refuse(format!("invalid address: '{host}' in '{text}'"))
}

fn read_port(port: &str, text: &str, allow: Allow) -> Result<Port, AddressError> {
    if port.is_empty() {
        return if allow.port_needed {
            refuse(format!("missing port specification in '{text}'"))
        } else {
            Ok(Port::None)
        };
    }
    let number = |digits: &str| -> Result<u16, AddressError> {
        if let Some(bad) = digits.chars().find(|c| !c.is_ascii_digit()) {
            return refuse(format!("invalid character '{bad}' in port number '{port}' in '{text}'"));
        }
        match digits.parse::<u16>() {
            Ok(0) if allow.port_needed => refuse(format!("invalid port '{port}'")),
            Ok(number) => Ok(number),
            Err(_) => refuse(format!("invalid port '{port}'")),
        }
    };
    if let Some(digits) = port.strip_prefix('+').or_else(|| port.strip_prefix('-')) {
        if !allow.port_offset {
            return refuse(format!("port offset not permitted here in '{text}'"));
        }
        let offset = i32::from(number(digits)?);
        return Ok(Port::Offset(if port.starts_with('-') { -offset } else { offset }));
    }
    match port.split_once('-') {
        None => number(port).map(|port| Port::Range(port, port)),
        Some(_) if !allow.port_range => refuse(format!("port range not permitted here in '{text}'")),
        Some((low, high)) => match (number(low)?, number(high)?) {
            (low, high) if low <= high => Ok(Port::Range(low, high)),
            _ => refuse(format!("invalid port range '{port}'")),
        },
    }
}
