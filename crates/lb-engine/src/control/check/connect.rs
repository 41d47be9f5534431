//! Connections of checks.

use super::send;
use crate::control::CheckTarget;
use crate::data::upstream::{connect_abstract, source};
use crate::shared::{ServerState, Target};
use crate::sockets;
use crate::sockpair;
use crate::socks4;
use crate::stream::Stream;
use crate::tls::{self, HandshakeError, ServerSecurity};
use lb_check::rules::{Connect, RuleSet};
use lb_config::model::SocketOptions;
use lb_model::proxy_protocol::{self, Extensions};
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, timeout_at};

/// The PROXY header that precedes a check.
#[derive(Debug, Clone, Copy)]
pub(super) enum ProxyHeader {
    V1,
    V2,
}

/// Where and how to connect.
pub(super) struct Dial {
    pub target: Target,
    /// Something is sent at once.
    pub talks: bool,
    /// Closed in order instead of by a reset.
    pub linger: bool,
}

/// How a connection begins before the check speaks.
#[derive(Default)]
pub(super) struct Way {
    /// The PROXY header that precedes everything.
    pub header: Option<ProxyHeader>,
    /// How it is secured.
    pub tls: Option<Security>,
    /// The SOCKS proxy that is asked for it.
    socks4: Option<SocketAddr>,
    /// It is to be secured, and a server made at run time has no settings for that.
    unsecurable: bool,
}

/// How a check's connection is secured.
pub(super) struct Security {
    server: Arc<ServerSecurity>,
    /// The name asked for.
    sni: Option<String>,
    /// It follows from the request (`check-sni-auto`).
    guessed: bool,
    /// Protocols offered; none: the server's own.
    alpn: Vec<Vec<u8>>,
}

/// Which step failed.
pub(super) enum Failure {
    Socket(io::Error),
    Connect(io::Error),
    /// The proxy on the way took too long.
    Detour,
    /// `None`: it took too long.
    Handshake(Option<HandshakeError>),
}

impl Way {
    /// As the server line says: checks that go where traffic goes announce themselves as traffic does, and are secured
    /// as it is, unless the line says otherwise.
    pub fn of_server(server: &ServerState, to: &CheckTarget, rules: &RuleSet) -> Self {
        let config = server.config();
        let wanted = config.health.send_proxy || (config.announce.version() > 0 && *to == CheckTarget::default());
        let header = match config.announce.version() {
            _ if !wanted => None,
            2 => Some(ProxyHeader::V2),
            _ => Some(ProxyHeader::V1),
        };
        let tls = server.tls().as_ref().filter(|own| own.secures_checks()).map(|own| {
            let sni = own.config.check_sni.clone();
            let guessed = sni.is_none();
            let alpn = own.config.check_alpn.clone();
            Security { server: Arc::clone(own), sni: sni.or_else(|| rules.host()), guessed, alpn }
        });
        let socks4 = config.socks4.filter(|_| config.health.via_socks4);
        Self { header, tls, socks4, unsecurable: false }
    }

    /// As a rule says; what it does not say is as the server line says when it asks for that.
    pub fn of_rule(options: &Connect, server: &ServerState, to: &CheckTarget, rules: &RuleSet) -> Self {
        let own = if options.default { Self::of_server(server, to, rules) } else { Self::default() };
        let header = if options.send_proxy { Some(ProxyHeader::V1) } else { own.header };
        let mut tls = own.tls;
        if options.ssl && tls.is_none() {
            let server = server.tls().as_ref().map(Arc::clone);
            tls = server.map(|server| Security { server, sni: None, guessed: true, alpn: Vec::new() });
        }
        if let Some(tls) = &mut tls {
            if options.sni.is_some() {
                tls.sni.clone_from(&options.sni);
                tls.guessed = false;
            }
            if !options.alpn.is_empty() {
                tls.alpn.clone_from(&options.alpn);
            }
        }
        let unsecurable = options.ssl && tls.is_none();
        let socks4 = if options.via_socks4 { server.config().socks4 } else { own.socks4 };
        Self { header, tls, socks4, unsecurable }
    }
}

/// The server's target with the rule's own address and port.
pub(super) fn directed(target: &Target, options: &Connect, port: Option<u16>) -> Target {
    match (target, options.addr) {
        (Target::Ip(own), addr) => Target::Ip(SocketAddr::new(addr.unwrap_or(own.ip()), port.unwrap_or(own.port()))),
        (_, Some(addr)) => Target::Ip(SocketAddr::new(addr, port.unwrap_or(0))),
        (other, None) => other.clone(),
    }
}

/// Connects, asks the proxy on the way, sends the header, secures the connection. A connection that is not to talk may be
/// closed again: then there is none.
pub(super) async fn open(
    server: &ServerState,
    dial: Dial,
    way: Way,
    deadline: Instant,
) -> Result<Option<Stream>, Failure> {
    if way.unsecurable {
        return Err(Failure::Socket(io::Error::other("the server has no settings for TLS")));
    }
    let to = match dial.target {
        Target::Ip(address) => Some(address),
        _ => None,
    };
    let connected = match way.socks4.zip(to) {
        Some((proxy, to)) => Box::pin(through(server, dial, proxy, to, way.tls.is_some(), deadline)).await?,
        None => connect_in_time(server, dial, deadline).await?,
    };
    let Some(mut stream) = connected else { return Ok(None) };
    if let Some(header) = way.header {
        let bytes = header_bytes(stream.local().zip(to), header);
        send(&mut stream, &bytes).await.map_err(Failure::Socket)?;
    }
    // Most checks are in the clear: theirs need not have room for a handshake.
    let Some(security) = way.tls else { return Ok(Some(stream)) };
    let alpn = Some(security.alpn.as_slice()).filter(|alpn| !alpn.is_empty());
    let hello = tls::Hello { sni: security.sni.as_deref(), guessed: security.guessed, alpn };
    match timeout_at(deadline, Box::pin(tls::connect(stream, &security.server, hello))).await {
        Err(_) => Err(Failure::Handshake(None)),
        Ok(secured) => secured.map(Some).map_err(|error| Failure::Handshake(Some(error))),
    }
}

/// Connects to an address through a SOCKS proxy. What waits for it to answer and is to be secured waits for that.
async fn through(
    server: &ServerState,
    dial: Dial,
    proxy: SocketAddr,
    to: SocketAddr,
    secured: bool,
    deadline: Instant,
) -> Result<Option<Stream>, Failure> {
    let to = socks4::target(to).map_err(Failure::Connect)?;
    let dial = Dial { target: Target::Ip(proxy), talks: true, ..dial };
    let mut stream = connect_in_time(server, dial, deadline).await?;
    if let Some(Stream::Tcp(tcp)) = &mut stream {
        match timeout_at(deadline, socks4::ask(tcp, to)).await {
            Err(_) if secured => return Err(Failure::Handshake(None)),
            Err(_) => return Err(Failure::Detour),
            Ok(asked) => asked.map_err(Failure::Socket)?,
        }
    }
    Ok(stream)
}

async fn connect_in_time(server: &ServerState, dial: Dial, deadline: Instant) -> Result<Option<Stream>, Failure> {
    let connected = timeout_at(deadline, connect(server, dial)).await;
    connected.unwrap_or_else(|_| Err(Failure::Connect(io::ErrorKind::TimedOut.into())))
}

async fn connect(server: &ServerState, dial: Dial) -> Result<Option<Stream>, Failure> {
    let connected = match dial.target {
        Target::Ip(_) if server.is_unresolved() => {
            return Err(Failure::Socket(io::ErrorKind::AddrNotAvailable.into()));
        }
        Target::Ip(address) => {
            let socket = prepare_tcp(server, address, dial.talks, dial.linger).map_err(Failure::Socket)?;
            connect_tcp(socket, address, dial.talks).await
        }
        Target::Unix(path) => UnixStream::connect(path).await.map(Stream::Unix).map(Some),
        Target::Abstract(name) => connect_abstract(&name).await.map(Stream::Unix).map(Some),
        Target::Sockpair(fd) => sockpair::connect(fd).map(Stream::Unix).map(Some),
    };
    connected.map_err(Failure::Connect)
}

/// A socket that does not block, of the address's family.
fn prepare_tcp(server: &ServerState, address: SocketAddr, talks: bool, linger: bool) -> io::Result<Socket> {
    let socket = match &server.config().socket {
        // Data in the first packet is for requests: a check looks at the connection itself.
        Some(options) if !options.fast_open => sockets::outgoing(options, address)?,
        Some(options) => {
            sockets::outgoing(&SocketOptions { fast_open: false, ..SocketOptions::clone(options) }, address)?
        }
        None => Socket::new(Domain::for_address(address), Type::STREAM.nonblocking(), Some(Protocol::TCP))?,
    };
    if !linger {
        // Checks are many and short: a reset instead of an orderly close leaves nothing in TIME_WAIT on this side.
        socket.set_linger(Some(Duration::ZERO))?;
    }
    if talks {
        socket.set_tcp_nodelay(true)?;
    } else {
        // The acknowledgement of a mere connect is held back: the reset that follows takes its place, and the server's
        // program never sees the connection.
        let _ = socket.set_tcp_quickack(false);
    }
    if let Some(from) = &server.config().source {
        // A fixed source port is for traffic: checks would find it in use. So is somebody else's address.
        source::bind(&socket, from, SocketAddr::new(from.ip, 0), address, None)?;
    }
    Ok(socket)
}

/// Connects. To a server on this machine the connection is there before the call returns, though the call does not say
/// so: asking at once saves the way through the reactor, and all that comes after it where nothing is to be said.
async fn connect_tcp(socket: Socket, address: SocketAddr, talks: bool) -> io::Result<Option<Stream>> {
    match socket.connect(&address.into()) {
        Err(e) if e.raw_os_error() != Some(libc::EINPROGRESS) => return Err(e),
        _ => {}
    }
    let is_connected = socket.peer_addr().is_ok();
    if is_connected && !talks {
        return Ok(None);
    }
    let stream = TcpStream::from_std(socket.into())?;
    if !is_connected {
        stream.writable().await?;
        if let Some(error) = stream.take_error()? {
            return Err(error);
        }
    }
    Ok(Some(Stream::Tcp(stream)))
}

/// The header's bytes, as observed: the first version tells the check's own addresses, the second that the connection
/// is the proxy's own.
fn header_bytes(addresses: Option<(SocketAddr, SocketAddr)>, header: ProxyHeader) -> Vec<u8> {
    match header {
        ProxyHeader::V1 => proxy_protocol::v1(addresses),
        ProxyHeader::V2 => proxy_protocol::v2(None, &Extensions::default()),
    }
}
