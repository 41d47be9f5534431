//! How connections to a server are opened and what they begin with.

use lb_sample::LogFormat;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// What a PROXY header tells a server of its client (`send-proxy` and its kin). A set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Announce(u16);

impl Announce {
    /// A header of version 1.
    pub const V1: Self = Self(1);
    /// A header of version 2; it has precedence.
    pub const V2: Self = Self(2);
    /// Facts of the client's TLS connection.
    pub const SSL: Self = Self(4);
    /// Common name of the client's certificate.
    pub const CERT_CN: Self = Self(8);
    /// Cipher suite.
    pub const CIPHER: Self = Self(16);
    /// Algorithm of the signature under the proxy's certificate.
    pub const CERT_SIG: Self = Self(32);
    /// Algorithm of the proxy's key.
    pub const CERT_KEY: Self = Self(64);
    /// Name that the client asked for.
    pub const AUTHORITY: Self = Self(128);
    /// Checksum of the header.
    pub const CRC32C: Self = Self(256);
    /// Unique id.
    pub const UNIQUE_ID: Self = Self(512);

    /// Both sets' members.
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The members that the other has not.
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether all of the other's members are here.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Version of the header; 0: there is none. As observed, options of version 2 alone yield a header of version 1.
    pub const fn version(self) -> u8 {
        match self.0 {
            0 => 0,
            _ if self.has(Self::V2) => 2,
            _ => 1,
        }
    }
}

/// What places a server on the ring of consistent hashing (`hash-key`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum NodeKey {
    /// Its id, of which 28 bits count.
    #[default]
    Id,
    /// Its id, whole.
    Id32,
    /// Its guid; its id if it has none.
    Guid,
    /// Its address; its id if it has none.
    Address,
    /// Its address and port; its id if it has none.
    AddressAndPort,
}

/// `source`: where connections to servers come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The address.
    pub ip: IpAddr,
    /// First and last port; 0: any.
    pub ports: (u16, u16),
    /// `interface`.
    pub interface: Option<String>,
    /// `usesrc`: the address that traffic shows instead.
    pub usesrc: Option<UseSrc>,
}

/// Whose address a server sees (`usesrc`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UseSrc {
    /// The client's, with its port.
    Client,
    /// The client's.
    ClientIp,
    /// This one; a port of 0: any.
    Address(IpAddr, u16),
    /// The one in a header's `n`-th value, counted from the last one if negative.
    Header(String, i32),
}

/// An extension of a PROXY header made for each connection (`set-proxy-v2-tlv-fmt`).
pub type Extension = (u8, Arc<LogFormat>);

/// What the kernel is told of a socket: a listening one and what it accepts, or one that connects to a server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SocketOptions {
    /// `tcp-ut`: a connection ends when sent data is not acknowledged for that long.
    pub user_timeout: Option<Duration>,
    /// `cc`: the congestion control algorithm.
    pub congestion: Option<String>,
    /// `tfo`: data in the first packet.
    pub fast_open: bool,
    /// `namespace`: the network namespace it belongs to.
    pub namespace: Option<Arc<str>>,
    /// `tcp-md5sig`: segments are signed with this (RFC 2385).
    pub md5_key: Option<String>,
    /// `mss`: the segment size announced; less than 0: how much smaller than the kernel's.
    pub max_segment: Option<i32>,
    /// `defer-accept`: connections are accepted when something was received.
    pub defer_accept: bool,
    /// `interface` of a listening socket.
    pub interface: Option<String>,
    /// `transparent`: addresses need not be those of this machine.
    pub transparent: bool,
}
