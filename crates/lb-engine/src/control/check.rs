//! Running a check: connect, perhaps send and receive, judge. Verdicts are `lb_check`'s; here are the sockets.

use super::schedule::Work;
use super::server::{HttpProbe, timeouts};
use super::{CheckTarget, Control};
use crate::activity::{self, task};
use crate::shared::{ServerState, Target};
use crate::stream::Stream;
use crate::tls::{self, ServerSecurity};
use lb_check::AgentReply;
use lb_check::probe::http::{Progress, ServerState as ReportedState};
use lb_check::probe::{Verdict, connect, http};
use lb_check::schedule::CheckTimeouts;
use lb_model::{OpState, StatusWord};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::net::{TcpSocket, UnixStream};

/// The most bytes an agent's line may take.
const MAX_AGENT_LINE: usize = 4_096;

/// What a check does once connected.
enum Probe {
    Tcp,
    Http { probe: Rc<HttpProbe>, request: Option<Vec<u8>>, stopped: bool },
    Agent { send: Vec<u8> },
}

/// How a check ended.
enum End {
    Verdict(Verdict),
    Agent(AgentReply),
    AgentIncomplete,
}

/// Starts a check unless it is switched off, paused or in progress.
pub(super) fn start(control: &Rc<Control>, proxy: usize, server: usize, work: Work) -> bool {
    let state = control.shared.proxies.get(proxy).and_then(|p| p.servers.get(server));
    let (Some(state), Some(prepared)) = (state, prepare(control, proxy, server, work)) else { return false };
    let serial = control.serial_of(proxy, server);
    let (target, limits, probe, way) = prepared;
    let control = Rc::clone(control);
    activity::spawn(task::Check, async move {
        let started = Instant::now();
        let end = run(state, target, limits, probe, way).await;
        // A result is not for whoever has the place by then.
        if control.serial_of(proxy, server) == serial {
            finish(&control, proxy, server, work, end, started.elapsed());
        }
    });
    true
}

type Prepared = (Target, CheckTimeouts, Probe, Way);

/// What lies between a check's connection and its words.
#[derive(Default)]
struct Way {
    /// The PROXY header that precedes the check.
    header: Option<ProxyHeader>,
    /// How the connection is secured.
    tls: Option<Security>,
}

/// How a check's connection is secured.
struct Security {
    server: &'static ServerSecurity,
    /// The name asked for.
    sni: Option<String>,
    /// It follows from the request (`check-sni-auto`).
    guessed: bool,
}

/// The PROXY header that precedes a check.
#[derive(Clone, Copy)]
enum ProxyHeader {
    V1,
    V2,
}

fn prepare(control: &Control, proxy: usize, server: usize, work: Work) -> Option<Prepared> {
    let state = control.shared.proxies.get(proxy)?;
    let target = state.servers.get(server)?;
    let mut backends = control.backends.borrow_mut();
    let backend = backends.get_mut(proxy)?;
    let http = backend.http.clone();
    let own = backend.servers.get_mut(server)?;
    match work {
        Work::Agent => {
            if !own.health.agent().may_start() {
                return None;
            }
            own.health.agent_started();
            let limits = timeouts(&state.config, own.health.agent_interval());
            let to = CheckTarget { addr: own.agent.addr, port: Some(own.agent.port) };
            let send = own.agent.send.clone().into_bytes();
            Some((resolve(target, &to), limits, Probe::Agent { send }, Way::default()))
        }
        _ => {
            if !own.health.check().may_start() {
                return None;
            }
            own.health.check_started();
            let limits = timeouts(&state.config, own.health.params().inter);
            let to = resolve(target, &own.check);
            let stopped = own.health.op() == OpState::Stopped;
            let header = proxy_header(target, &own.check);
            let tls = security(target, http.as_deref());
            drop(backends);
            let probe = match http {
                None => Probe::Tcp,
                Some(probe) => {
                    let counters = state.back.control();
                    counters.h1_connections.inc();
                    counters.h1_streams.inc();
                    let request = probe.send_state.then(|| with_state(control, &probe, proxy, server)).flatten();
                    Probe::Http { probe, request, stopped }
                }
            };
            Some((to, limits, probe, Way { header, tls }))
        }
    }
}

/// Where a check connects: the server's target with the check's own address and port.
fn resolve(server: &ServerState, to: &CheckTarget) -> Target {
    let target = server.target();
    let (own_ip, own_port) = match &target {
        Target::Ip(address) => (Some(address.ip()), address.port()),
        _ => (None, 0),
    };
    match (to.addr.or(own_ip), to.port.unwrap_or(own_port)) {
        (Some(ip), port) => Target::Ip(SocketAddr::new(ip, port)),
        (None, _) => target,
    }
}

/// How the checks of a server are secured: as it says of them, else as its traffic when they go where that goes.
fn security(server: &'static ServerState, http: Option<&HttpProbe>) -> Option<Security> {
    let own = server.tls.get().as_ref()?;
    if !own.secures_checks() {
        return None;
    }
    let sni = own.config.check_sni.clone();
    let guessed = sni.is_none();
    let host =
        http.and_then(|probe| lb_http::parse_request(&probe.bytes, 101).ok().flatten().map(|head| (probe, head)));
    let host = host.and_then(|(probe, head)| {
        let host = head.headers.values(&probe.bytes, "host").next()?.split(|b| *b == b':').next()?;
        Some(String::from_utf8_lossy(host).into_owned()).filter(|host| !host.is_empty())
    });
    Some(Security { server: own, sni: sni.or(host), guessed })
}

/// Checks that go where traffic goes announce themselves as traffic does.
fn proxy_header(server: &ServerState, to: &CheckTarget) -> Option<ProxyHeader> {
    let config = server.config.get();
    let wanted = config.health.send_proxy || (config.send_proxy > 0 && *to == CheckTarget::default());
    match config.send_proxy {
        _ if !wanted => None,
        2 => Some(ProxyHeader::V2),
        _ => Some(ProxyHeader::V1),
    }
}

/// The request of `http-check send-state`.
fn with_state(control: &Control, probe: &HttpProbe, proxy: usize, server: usize) -> Option<Vec<u8>> {
    let state = control.shared.proxies.get(proxy)?;
    let target = state.servers.get(server)?;
    let backends = control.backends.borrow();
    let servers = &backends.get(proxy)?.servers;
    let own = &servers.get(server)?.health;
    let mut inputs = own.status_inputs(None, None);
    inputs.admin = lb_model::AdminState::NONE;
    inputs.agent_enabled = false;
    let status = StatusWord::of(&inputs).to_string();
    let (address, port) = match target.target() {
        Target::Ip(address) => (address.ip().to_string(), address.port()),
        Target::Unix(path) => (format!("unix@{}", path.display()), 0),
        Target::Abstract(name) => (format!("abns@{name}"), 0),
    };
    let total = servers.iter().map(|s| s.health.lb_view()).filter(lb_check::LbView::usable).map(|v| v.weight).sum();
    Some(http::request(
        &probe.request,
        Some(&ReportedState {
            status: &status,
            address: &address,
            port,
            backend: &state.config.name,
            server: &target.config.name,
            node: &control.shared.process.node,
            weight: own.effective_weight(),
            total_weight: total,
            sessions: target.sessions.get() as usize,
            total_sessions: state.back_sessions.get() as usize,
            queued: target.queued.get() as usize,
        }),
    ))
}

async fn run(server: &'static ServerState, target: Target, limits: CheckTimeouts, probe: Probe, way: Way) -> End {
    let started = tokio::time::Instant::now();
    let talks = way.header.is_some() || way.tls.is_some() || !matches!(probe, Probe::Tcp);
    let mut stream = match tokio::time::timeout_at(started + limits.connect, open(server, target, talks)).await {
        Err(_) => return End::Verdict(connect::connect_timeout()),
        Ok(Err(Failure::Socket(e))) => return End::Verdict(connect::socket_failed(&e)),
        Ok(Err(Failure::Connect(e))) => return End::Verdict(connect::connect_failed(&e)),
        Ok(Ok(stream)) => stream,
    };
    if !talks {
        return End::Verdict(connect::connected());
    }
    if let Some(header) = way.header {
        let bytes = proxy_header_bytes(&stream, header);
        if let Err(e) = send(&mut stream, &bytes).await {
            return End::Verdict(connect::socket_failed(&e));
        }
    }
    let is_secured = way.tls.is_some();
    if let Some(security) = way.tls {
        let own_alpn = &security.server.config.check_alpn;
        let alpn = Some(own_alpn.as_slice()).filter(|alpn| !alpn.is_empty());
        let hello = tls::Hello { sni: security.sni.as_deref(), guessed: security.guessed, alpn };
        match tokio::time::timeout_at(started + limits.connect, tls::connect(stream, security.server, hello)).await {
            Err(_) => return End::Verdict(connect::handshake_timeout()),
            Ok(Err(error)) => return End::Verdict(connect::handshake_failed(error.as_str())),
            Ok(Ok(secured)) => stream = secured,
        }
    }
    if is_secured && matches!(probe, Probe::Tcp) {
        return End::Verdict(connect::secured());
    }
    let deadline = limits.read.map_or(started + limits.connect, |read| tokio::time::Instant::now() + read);
    match tokio::time::timeout_at(deadline, converse(&mut stream, probe)).await {
        Err(_) => End::Verdict(connect::answer_timeout()),
        Ok(Err(e)) => End::Verdict(connect::socket_failed(&e)),
        Ok(Ok(end)) => end,
    }
}

enum Failure {
    Socket(io::Error),
    Connect(io::Error),
}

/// Connects. A check that `talks` sends what it has at once.
async fn open(server: &ServerState, target: Target, talks: bool) -> Result<Stream, Failure> {
    match target {
        Target::Ip(_) if server.is_unresolved() => Err(Failure::Socket(io::ErrorKind::AddrNotAvailable.into())),
        Target::Ip(address) => {
            let socket = prepare_tcp(server, address, talks).map_err(Failure::Socket)?;
            socket.connect(address).await.map(Stream::Tcp).map_err(Failure::Connect)
        }
        Target::Unix(path) => UnixStream::connect(path).await.map(Stream::Unix).map_err(Failure::Connect),
        // A leading NUL is how an abstract name is written.
        Target::Abstract(name) => {
            UnixStream::connect(format!("\0{name}")).await.map(Stream::Unix).map_err(Failure::Connect)
        }
    }
}

fn prepare_tcp(server: &ServerState, address: SocketAddr, talks: bool) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Checks are many and short: a reset instead of an orderly close leaves nothing in TIME_WAIT on this side.
    socket.set_zero_linger()?;
    if talks {
        socket.set_nodelay(true)?;
    } else {
        // The acknowledgement of a mere connect is held back: the reset that follows takes its place, and the server's
        // program never sees the connection.
        let _ = socket2::SockRef::from(&socket).set_tcp_quickack(false);
    }
    match server.config.source {
        // A fixed source port is for traffic: checks would find it in use.
        Some((ip, _)) if ip.is_ipv4() == address.is_ipv4() => socket.bind(SocketAddr::new(ip, 0))?,
        _ => {}
    }
    Ok(socket)
}

async fn converse(stream: &mut Stream, probe: Probe) -> io::Result<End> {
    match probe {
        Probe::Tcp => Ok(End::Verdict(connect::connected())),
        Probe::Http { probe, request, stopped } => {
            send(stream, request.as_deref().unwrap_or(&probe.bytes)).await?;
            let mut received = Vec::new();
            loop {
                let ended = receive(stream, &mut received).await?;
                if let Progress::Done(verdict) = probe.rules.judge(&received, ended, stopped) {
                    return Ok(End::Verdict(verdict));
                }
                if ended {
                    return Ok(End::Verdict(Verdict::bare(lb_model::CheckStatus::L7Response)));
                }
            }
        }
        Probe::Agent { send: words } => {
            if !words.is_empty() {
                send(stream, &words).await?;
            }
            let mut received = Vec::new();
            loop {
                let ended = receive(stream, &mut received).await?;
                if let Some(reply) = AgentReply::parse(&received) {
                    return Ok(End::Agent(reply));
                }
                if ended && received.is_empty() {
                    return Ok(End::Verdict(connect::agent_empty()));
                }
                if ended || received.len() >= MAX_AGENT_LINE {
                    return Ok(End::AgentIncomplete);
                }
            }
        }
    }
}

/// The header's bytes, as observed: the first version tells the check's own addresses, the second that the connection
/// is the proxy's own.
fn proxy_header_bytes(stream: &Stream, header: ProxyHeader) -> Vec<u8> {
    match header {
        ProxyHeader::V2 => b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0".to_vec(),
        ProxyHeader::V1 => match (stream.local(), stream.peer()) {
            (Some(own), Some(peer)) => {
                let family = if own.is_ipv4() { "TCP4" } else { "TCP6" };
                let (own_ip, peer_ip) = (own.ip(), peer.ip());
                format!("PROXY {family} {own_ip} {peer_ip} {} {}\r\n", own.port(), peer.port()).into_bytes()
            }
            _ => b"PROXY UNKNOWN\r\n".to_vec(),
        },
    }
}

async fn send(stream: &mut Stream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let sent = stream.write(bytes).await?;
        if sent == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        bytes = bytes.get(sent..).unwrap_or_default();
    }
    Ok(())
}

/// Appends what arrived; says whether the stream ended.
async fn receive(stream: &mut Stream, into: &mut Vec<u8>) -> io::Result<bool> {
    let mut bytes = [0; 1_024];
    let received = stream.read(&mut bytes).await?;
    into.extend_from_slice(bytes.get(..received).unwrap_or_default());
    Ok(received == 0)
}

fn finish(control: &Control, proxy: usize, server: usize, work: Work, end: End, took: Duration) {
    control.change(proxy, server, |state, now, actions| match (work, end) {
        (Work::Agent, End::Agent(reply)) => state.health.agent_replied(&reply, took, now, actions),
        (Work::Agent, End::AgentIncomplete) => state.health.agent_incomplete(took),
        (Work::Agent, End::Verdict(verdict)) => state.health.agent_failed(verdict.report(took), actions),
        (_, End::Verdict(verdict)) => state.health.check_finished(verdict.report(took), now, actions),
        // Only agent checks end so.
        (_, End::Agent(_) | End::AgentIncomplete) => {}
    });
    control.plan_next(proxy, server, work);
}
