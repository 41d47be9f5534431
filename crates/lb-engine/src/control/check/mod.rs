//! Running a check: what `lb_check` asks for is done with sockets, and what came of it is told to `lb_check`.

mod agent;
mod connect;
mod external;
mod http2;
mod world;

use super::schedule::Work;
use super::server::timeouts;
use super::{CheckTarget, Control};
use crate::activity::{self, task};
use crate::shared::{ServerState, Target};
use crate::stream::Stream;
use crate::trace::{Level, Source, Whom, event};
use connect::{Dial, Failure, Way};
use http2::Talk;
use lb_check::AgentReply;
use lb_check::probe::Verdict;
use lb_check::rules::{Run, Step, Trace};
use lb_check::schedule::CheckTimeouts;
use lb_config::model::CheckMethod;
use socket2::SockRef;
use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use world::CheckWorld;

/// How a check ended.
enum End {
    Verdict(Verdict, Trace),
    Agent(AgentReply),
    AgentFailed(Verdict),
    AgentIncomplete,
}

/// Starts a check unless it is switched off, paused or in progress.
pub(super) fn start(control: &Rc<Control>, proxy: usize, server: usize, work: Work) -> bool {
    let started = match work {
        Work::Agent => agent::prepare(control, proxy, server).map(Prepared::Agent),
        _ => prepare(control, proxy, server).map(Prepared::Check),
    };
    let Some(prepared) = started else { return false };
    traced(control, proxy, server, event::Check::START, format_args!("{work:?}"));
    let serial = control.serial_of(proxy, server);
    let control = Rc::clone(control);
    activity::spawn(task::Check, async move {
        let started = Instant::now();
        let end = match prepared {
            Prepared::Check(check) => check.run().await,
            Prepared::Agent(agent) => agent.run().await,
        };
        // A result is not for whoever has the place by then.
        if control.serial_of(proxy, server) == serial {
            finish(&control, proxy, server, work, end, started.elapsed());
        }
    });
    true
}

enum Prepared {
    Check(Check),
    Agent(agent::Agent),
}

/// A health check about to run.
struct Check {
    world: CheckWorld,
    method: CheckMethod,
    /// Where the server's own checks go.
    target: Target,
    limits: CheckTimeouts,
    trace: Trace,
    /// The server's own choice of where they go.
    to: CheckTarget,
    /// It shows in counters.
    counts: bool,
}

fn prepare(control: &Rc<Control>, proxy: usize, server: usize) -> Option<Check> {
    let trace = {
        let mut backends = control.backends.borrow_mut();
        let own = backends.get_mut(proxy)?.servers.get_mut(server)?;
        if !own.health.check().may_start() {
            return None;
        }
        own.health.check_started();
        std::mem::take(&mut own.trace)
    };
    Some(Check { trace, ..assemble(control, proxy, server)? })
}

/// A check as the server is now.
fn assemble(control: &Rc<Control>, proxy: usize, server: usize) -> Option<Check> {
    let backend = control.shared.proxies.get(proxy)?;
    let target = backend.servers.get(server)?;
    let backends = control.backends.borrow();
    let own = backends.get(proxy)?.servers.get(server)?;
    Some(Check {
        method: target.config().check_method.as_ref().unwrap_or(&backend.config.check).clone(),
        target: resolve(target, &own.check),
        limits: timeouts(&backend.config, own.health.params().inter),
        trace: Trace::default(),
        to: own.check.clone(),
        counts: true,
        world: CheckWorld {
            control: Rc::clone(control),
            backend,
            server: target,
            started: Instant::now(),
            addresses: Cell::new(None),
        },
    })
}

/// The longest that a check for an operator may take to connect, and to answer.
const PATIENCE: Duration = Duration::from_secs(10);

impl Control {
    /// Runs a server's health check once, for an operator: it counts for nothing. What it did, line by line.
    pub async fn try_check(self: &Rc<Self>, proxy: usize, server: usize) -> Option<Vec<String>> {
        let mut check = Check { counts: false, ..assemble(self, proxy, server)? };
        check.limits = CheckTimeouts {
            connect: check.limits.connect.min(PATIENCE),
            read: check.limits.read.map(|read| read.min(PATIENCE)),
        };
        let mut lines = vec![format!("to {}", super::settings::target_text(&check.target))];
        let method = check.method.clone();
        let started = Instant::now();
        let End::Verdict(verdict, trace) = check.run().await else { return None };
        match &method {
            CheckMethod::Rules(set) => lines.extend(trace.lines(set)),
            CheckMethod::External(_) => lines.push("by a program of its own".to_owned()),
        }
        let Verdict { status, code, info } = verdict;
        let mut text = format!("{} ({})", status.code(), status.description());
        if status.has_code() && code > 0 {
            text += &format!(", code {code}");
        }
        if !info.is_empty() {
            text += &format!(", \"{}\"", info.escape_debug());
        }
        lines.push(format!("verdict: {text}, after {} ms; nothing was counted", started.elapsed().as_millis()));
        Some(lines)
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

impl Check {
    async fn run(self) -> End {
        let Self { world, method, target, limits, trace, to, counts } = self;
        let set = match &method {
            CheckMethod::Rules(set) => set,
            CheckMethod::External(program) => {
                return End::Verdict(Box::pin(external::run(program, &world, limits)).await, trace);
            }
        };
        let mut run = Run::new(set, world.control.shared.limits.bufsize, trace);
        if counts && set.is_http() {
            let counters = world.backend.back.control();
            counters.h1_connections.inc();
            counters.h1_streams.inc();
        }
        let mut deadline = Instant::now() + limits.connect;
        let mut line = Line::None;
        let verdict = loop {
            match run.step(&world) {
                Step::Done(verdict) => break verdict,
                Step::Connect(options, port) => {
                    drop(std::mem::replace(&mut line, Line::None));
                    if limits.read.is_some() {
                        deadline = Instant::now() + limits.connect;
                    }
                    let way = Way::of_rule(options, world.server, &to, set);
                    let (is_secured, is_bare) = (way.tls.is_some(), way.header.is_none() && way.tls.is_none());
                    let target = connect::directed(&target, options, port);
                    let talks = set.talks() || set.evaluates() || !is_bare;
                    let dial = Dial { target, talks, linger: options.linger };
                    match connect::open(world.server, dial, way, deadline).await {
                        Err(Failure::Socket(e)) => break run.failed(&e, &world),
                        Err(Failure::Detour) => break run.detour_timed_out(&world),
                        Err(Failure::Connect(e)) if e.kind() == io::ErrorKind::TimedOut => break run.timed_out(&world),
                        Err(Failure::Connect(e)) => break run.connect_failed(&e, &world),
                        Err(Failure::Handshake(e)) => {
                            break run.handshake_failed(e.as_ref().map(|e| (e.as_str(), e.detail())), &world);
                        }
                        Ok(connected) => {
                            if set.evaluates() {
                                let ends = |stream: &Stream| stream.local().zip(stream.peer());
                                world.addresses.set(connected.as_ref().and_then(ends));
                            }
                            let asked = options.http2 || (options.default && world.server.config().health.http2);
                            run.connected(is_secured, &world);
                            line = match connected {
                                Some(stream) if set.is_http() && (asked || stream.negotiated_http2()) => {
                                    match timeout_at(deadline, Box::pin(Talk::begin(stream))).await {
                                        Err(_) => break run.timed_out(&world),
                                        Ok(Err(e)) => break run.failed(&e, &world),
                                        Ok(Ok(talk)) => Line::Http2(Box::new(talk)),
                                    }
                                }
                                Some(stream) => Line::Plain(stream),
                                None => Line::None,
                            };
                            if let Some(read) = limits.read {
                                deadline = Instant::now() + read;
                            }
                        }
                    }
                }
                Step::Send(bytes) => match timeout_at(deadline, line.send(&bytes)).await {
                    Err(_) => break run.timed_out(&world),
                    Ok(Err(e)) => break run.failed(&e, &world),
                    Ok(Ok(())) => run.sent(bytes.len(), &world),
                },
                Step::Receive => match timeout_at(deadline, line.receive(run.input())).await {
                    Err(_) => break run.timed_out(&world),
                    Ok(Err(e)) => break run.failed(&e, &world),
                    Ok(Ok(ended)) => run.received(ended, &world),
                },
            }
        };
        End::Verdict(verdict, run.into_trace())
    }
}

/// What a check speaks over.
enum Line {
    None,
    Plain(Stream),
    Http2(Box<Talk>),
}

impl Line {
    async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::None => Err(io::ErrorKind::NotConnected.into()),
            Self::Plain(stream) => send(stream, bytes).await,
            // Most checks need not have room for this.
            Self::Http2(talk) => Box::pin(talk.send(bytes)).await,
        }
    }

    async fn receive(&mut self, into: &mut Vec<u8>) -> io::Result<bool> {
        match self {
            Self::None => Err(io::ErrorKind::NotConnected.into()),
            Self::Plain(stream) => receive(stream, into).await,
            Self::Http2(talk) => Box::pin(talk.receive(into)).await,
        }
    }
}

async fn send(stream: &mut Stream, mut bytes: &[u8]) -> io::Result<()> {
    // A new connection has room, though the reactor has not seen it yet.
    if let Stream::Tcp(stream) = stream
        && let Ok(sent) = SockRef::from(&*stream).send(bytes)
    {
        bytes = bytes.get(sent..).unwrap_or_default();
    }
    while !bytes.is_empty() {
        let sent = stream.write(bytes).await?;
        if sent == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        bytes = bytes.get(sent..).unwrap_or_default();
    }
    Ok(())
}

/// Appends what arrived; says whether the stream ended. Its room is not a part of the task: most of a check's time is
/// spent waiting here.
async fn receive(stream: &mut Stream, into: &mut Vec<u8>) -> io::Result<bool> {
    poll_fn(|cx| {
        let mut bytes = [0; 1_024];
        stream.poll_read_bytes(cx, &mut bytes).map_ok(|received| {
            into.extend_from_slice(bytes.get(..received).unwrap_or_default());
            received == 0
        })
    })
    .await
}

/// Reports a check's beginning or end to traces.
fn traced(control: &Control, proxy: usize, server: usize, event: u32, text: std::fmt::Arguments<'_>) {
    let shared = control.shared;
    if !shared.traces.is_on(Source::Check) {
        return;
    }
    let Some(backend) = shared.proxies.get(proxy) else { return };
    let config = backend.servers.get(server).map(ServerState::config);
    let name = config.as_ref().map_or("?", |config| &config.name);
    shared.trace(
        (Source::Check, event, Level::User),
        || Whom { thread: shared.threads + 1, backend: Some(proxy), server: Some(server), ..Whom::default() },
        format_args!("{}/{name} {text}", backend.config.name),
    );
}

fn finish(control: &Control, proxy: usize, server: usize, work: Work, end: End, took: Duration) {
    traced(control, proxy, server, event::Check::END, format_args!("{work:?} took {took:?}"));
    control.change(proxy, server, |state, now, actions| match end {
        End::Agent(reply) => state.health.agent_replied(&reply, took, now, actions),
        End::AgentIncomplete => state.health.agent_incomplete(took),
        End::AgentFailed(verdict) => state.health.agent_failed(verdict.report(took), actions),
        End::Verdict(verdict, trace) => {
            state.trace = trace;
            state.health.check_finished(verdict.report(took), now, actions);
        }
    });
    control.plan_next(proxy, server, work);
}
