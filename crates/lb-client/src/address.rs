//! Where an admin socket is: a path, `unix://path`, `tcp://host:port`, a bare `host:port` or
//! `ssh://user@host/path`; with `@1` or `@!PID` after it, a worker behind a master's socket.

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
    /// A UNIX socket of another host, reached through the system's `ssh`.
    Ssh(Box<Remote>),
    /// A worker, reached through its master's socket.
    Worker {
        /// The master's socket.
        master: Box<Address>,
        /// Which worker.
        worker: Worker,
    },
}

/// A UNIX socket of another host.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Remote {
    /// `host` or `user@host`; never begins with a dash, which `ssh` would take for an option.
    pub destination: String,
    /// Port of the secure shell, where it is not the usual one.
    pub port: Option<u16>,
    /// The socket's absolute path on that host; without a colon.
    pub path: String,
}

/// A worker as the master names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Worker {
    /// `@1`: the present worker.
    Rank(u32),
    /// `@!4242`: the worker of this process id, also one that is leaving.
    Pid(u32),
}

impl fmt::Display for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rank(rank) => write!(f, "@{rank}"),
            Self::Pid(pid) => write!(f, "@!{pid}"),
        }
    }
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
    #[error("'{0}' has an unknown scheme; known are unix://, tcp:// and ssh://")]
    Scheme(String),
    /// `ssh://` without an absolute path, or with a path that cannot be forwarded.
    #[error("'{0}' is not of the form ssh://user@host/path, with a path without colons")]
    Ssh(String),
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        if let Some((master, worker)) = split_worker(text) {
            return Ok(Self::Worker { master: Box::new(master.parse()?), worker });
        }
        if let Some(rest) = text.strip_prefix("ssh://") {
            return parse_ssh(rest, text);
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

impl Address {
    /// The socket to connect to: the master's for a worker.
    pub fn socket(&self) -> &Self {
        match self {
            Self::Worker { master, .. } => master.socket(),
            other => other,
        }
    }

    /// Another worker behind the same socket.
    #[must_use]
    pub fn worker(&self, worker: Worker) -> Self {
        Self::Worker { master: Box::new(self.socket().clone()), worker }
    }
}

/// `/run/master.sock@1`: what stands before the last `@`, and the worker after it.
fn split_worker(text: &str) -> Option<(&str, Worker)> {
    let (master, worker) = text.rsplit_once('@')?;
    let number = |digits: &str| digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten();
    let worker = match worker.strip_prefix('!') {
        Some(pid) => Worker::Pid(number(pid)?),
        None => Worker::Rank(number(worker)?),
    };
    // `unix@1` is a path with HAProxy's prefix.
    (!master.is_empty() && master != "unix").then_some((master, worker))
}

fn parse_ssh(rest: &str, whole: &str) -> Result<Address, AddressError> {
    let bad = || AddressError::Ssh(whole.to_owned());
    let (host, path) = rest.split_once('/').ok_or_else(bad)?;
    let (destination, port) = match host.rsplit_once(':') {
        Some((before, port)) if !before.ends_with(':') && !port.ends_with(']') => {
            let port = port.parse::<u16>().ok().filter(|p| *p != 0).ok_or_else(|| AddressError::Port(whole.into()))?;
            (before, Some(port))
        }
        _ => (host, None),
    };
    let shell_safe = |c: char| !c.is_control() && !c.is_whitespace();
    let host_name = destination.rsplit('@').next().unwrap_or("");
    if host_name.is_empty() || destination.starts_with('-') || host_name.starts_with('-') {
        return Err(bad());
    }
    if path.is_empty() || path.contains(':') || !whole.chars().all(shell_safe) {
        return Err(bad());
    }
    Ok(Address::Ssh(Box::new(Remote { destination: destination.to_owned(), port, path: format!("/{path}") })))
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
            Self::Ssh(remote) => {
                let port = remote.port.map(|p| format!(":{p}")).unwrap_or_default();
                write!(f, "ssh://{}{port}{}", remote.destination, remote.path)
            }
            Self::Worker { master, worker } => write!(f, "{master}{worker}"),
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
            Ok(Address::Ssh(r)) => format!("ssh {} {:?} {}", r.destination, r.port, r.path),
            Ok(Address::Worker { master, worker }) => format!("worker {worker} of {master}"),
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
        check("http://x", "error: 'http://x' has an unknown scheme; known are unix://, tcp:// and ssh://");
        check("ssh://op@lb1/run/a.sock", "ssh op@lb1 None /run/a.sock");
        check("ssh://lb1:2222/run/a.sock", "ssh lb1 Some(2222) /run/a.sock");
        check("ssh://10.0.0.1/run/a.sock@1", "worker @1 of ssh://10.0.0.1/run/a.sock");
        check("/run/master.sock@!4242", "worker @!4242 of /run/master.sock");
        check("unix@1", "unix 1");
        let form = "is not of the form ssh://user@host/path, with a path without colons";
        for text in ["ssh://lb1", "ssh:///run/a", "ssh://-oProxyCommand=x/run/a", "ssh://lb1/a:b", "ssh://lb1/"] {
            check(text, &format!("error: '{text}' {form}"));
        }
        check("", "error: the address is empty");
        check("unix://", "error: the address is empty");
    }

    #[test]
    fn prints_back() {
        for text in [
            "/run/a.sock",
            "tcp://localhost:9999",
            "tcp://[::1]:9999",
            "ssh://op@lb1:22/run/a",
            "/run/m@1",
            "/run/m@!7",
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
    }
}
