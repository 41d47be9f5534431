//! Words about proxies.

use std::fmt;

/// What a proxy understands of its traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Mode {
    /// A byte stream.
    #[default]
    Tcp,
    /// HTTP messages.
    Http,
}

impl Mode {
    /// The configuration's word, also the `mode` column of `show stat`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Http => "http",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The section that declared a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProxyKind {
    /// Accepts connections.
    Frontend,
    /// Owns servers.
    Backend,
    /// Both at once.
    Listen,
}

impl ProxyKind {
    /// The section's keyword.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Frontend => "frontend",
            Self::Backend => "backend",
            Self::Listen => "listen",
        }
    }

    /// Whether the proxy accepts connections.
    pub const fn has_frontend(self) -> bool {
        matches!(self, Self::Frontend | Self::Listen)
    }

    /// Whether the proxy owns servers.
    pub const fn has_backend(self) -> bool {
        matches!(self, Self::Backend | Self::Listen)
    }
}

/// Whether `name` may name a proxy, a server or an ACL: `[A-Za-z0-9_.:-]+`.
pub fn is_valid_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b':' | b'-'))
}
