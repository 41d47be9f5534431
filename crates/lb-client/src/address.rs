//! Where an admin socket is: a path, `unix://path`, `tcp://host:port` or a bare `host:port`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// The address of an admin socket.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// A UNIX stream socket.
    Unix(PathBuf),
    /// A TCP socket; the host may be a name, an IPv4 address or an IPv6 address without brackets.
    Tcp {
        /// Name or address.
        host: String,
        /// Port, never 0.
        port: u16,
    },
}

/// Why a text is not an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing given.
    #[error("the address is empty")]
    Empty,
    /// `tcp://` without a usable port.
    #[error("'{0}' has no port between 1 and 65535")]
    Port(String),
    /// `tcp://` without a host.
    #[error("'{0}' names no host")]
    Host(String),
    /// Another scheme.
    #[error("'{0}' has an unknown scheme; known are unix:// and tcp://")]
    Scheme(String),
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        // HAProxy's own address prefixes are accepted beside URLs: they are what configurations hold.
        for prefix in ["unix://", "unix@", "unix:"] {
            if let Some(path) = text.strip_prefix(prefix) {
                return if path.is_empty() { Err(AddressError::Empty) } else { Ok(Self::Unix(path.into())) };
            }
        }
        for prefix in ["tcp://", "tcp@", "tcp:", "ipv4@", "ipv6@"] {
            if let Some(rest) = text.strip_prefix(prefix) {
                return parse_host_port(rest.trim_end_matches('/'), text);
            }
        }
        if text.contains("://") {
            return Err(AddressError::Scheme(text.to_owned()));
        }
        // A path may hold a colon; a host name may not hold a slash.
        if text.contains('/') || !text.contains(':') {
            return Ok(Self::Unix(text.into()));
        }
        match parse_host_port(text, text) {
            Ok(address) => Ok(address),
            Err(_) => Ok(Self::Unix(text.into())),
        }
    }
}

fn parse_host_port(rest: &str, whole: &str) -> Result<Address, AddressError> {
    let Some((host, port)) = rest.rsplit_once(':') else { return Err(AddressError::Port(whole.to_owned())) };
    let port = match port.parse::<u16>() {
        Ok(port) if port != 0 => port,
        _ => return Err(AddressError::Port(whole.to_owned())),
    };
    let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    if host.is_empty() {
        return Err(AddressError::Host(whole.to_owned()));
    }
    Ok(Address::Tcp { host: host.to_owned(), port })
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "{}", path.display()),
            Self::Tcp { host, port } if host.contains(':') => write!(f, "tcp://[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "tcp://{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let got = match text.parse::<Address>() {
            Ok(Address::Unix(p)) => format!("unix {}", p.display()),
            Ok(Address::Tcp { host, port }) => format!("tcp {host} {port}"),
            Err(e) => format!("error: {e}"),
        };
        assert_eq!(got, expected, "{text}");
    }

    #[test]
    fn forms() {
        check("/run/haproxy/admin.sock", "unix /run/haproxy/admin.sock");
        check("admin.sock", "unix admin.sock");
        check("./a:1", "unix ./a:1");
        check("unix:///run/a", "unix /run/a");
        check("unix@/run/a", "unix /run/a");
        check("tcp://127.0.0.1:9999", "tcp 127.0.0.1 9999");
        check("tcp://[::1]:9999/", "tcp ::1 9999");
        check("ipv4@127.0.0.1:9999", "tcp 127.0.0.1 9999");
        check("localhost:9999", "tcp localhost 9999");
        check("localhost:", "unix localhost:");
        check("tcp://localhost", "error: 'tcp://localhost' has no port between 1 and 65535");
        check("tcp://localhost:0", "error: 'tcp://localhost:0' has no port between 1 and 65535");
        check("tcp://:9999", "error: 'tcp://:9999' names no host");
        check("http://x", "error: 'http://x' has an unknown scheme; known are unix:// and tcp://");
        check("", "error: the address is empty");
        check("unix://", "error: the address is empty");
    }

    #[test]
    fn prints_back() {
        for text in ["/run/a.sock", "tcp://localhost:9999", "tcp://[::1]:9999"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
    }
}
