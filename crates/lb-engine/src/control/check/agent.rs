//! Agent checks: a line asked for, a line read.

use super::connect::{Dial, Failure, Way, open};
use super::{End, receive, resolve, send};
use crate::control::server::timeouts;
use crate::control::{CheckTarget, Control};
use crate::shared::{ServerState, Target};
use lb_check::AgentReply;
use lb_check::probe::connect;
use lb_check::schedule::CheckTimeouts;
use std::io;
use tokio::time::{Instant, timeout_at};

/// The most bytes an agent's line may take.
const MAX_LINE: usize = 4_096;

/// An agent check about to run.
pub(super) struct Agent {
    server: &'static ServerState,
    target: Target,
    limits: CheckTimeouts,
    send: Vec<u8>,
}

pub(super) fn prepare(control: &Control, proxy: usize, server: usize) -> Option<Agent> {
    let backend = control.shared.proxies.get(proxy)?;
    let target = backend.servers.get(server)?;
    let mut backends = control.backends.borrow_mut();
    let own = backends.get_mut(proxy)?.servers.get_mut(server)?;
    if !own.health.agent().may_start() {
        return None;
    }
    own.health.agent_started();
    let to = CheckTarget { addr: own.agent.addr, port: Some(own.agent.port) };
    Some(Agent {
        server: target,
        target: resolve(target, &to),
        limits: timeouts(&backend.config, own.health.agent_interval()),
        send: own.agent.send.clone().into_bytes(),
    })
}

impl Agent {
    pub(super) async fn run(self) -> End {
        let started = Instant::now();
        let dial = Dial { target: self.target, talks: true, linger: false };
        let mut stream = match open(self.server, dial, Way::default(), started + self.limits.connect).await {
            Err(Failure::Socket(e)) => return End::AgentFailed(connect::socket_failed(&e)),
            Err(Failure::Connect(e)) => return End::AgentFailed(connect::connect_failed(&e)),
            Err(Failure::Handshake(_) | Failure::Detour) => return End::AgentFailed(connect::handshake_timeout()),
            Ok(None) => return End::AgentFailed(connect::socket_failed(&io::ErrorKind::NotConnected.into())),
            Ok(Some(stream)) => stream,
        };
        let read = |read| Instant::now() + read;
        let deadline = self.limits.read.map_or(started + self.limits.connect, read);
        let talk = async {
            if !self.send.is_empty() {
                send(&mut stream, &self.send).await?;
            }
            let mut received = Vec::new();
            io::Result::Ok(loop {
                let ended = receive(&mut stream, &mut received).await?;
                if let Some(reply) = AgentReply::parse(&received) {
                    break End::Agent(reply);
                }
                if ended && received.is_empty() {
                    break End::AgentFailed(connect::agent_empty());
                }
                if ended || received.len() >= MAX_LINE {
                    break End::AgentIncomplete;
                }
            })
        };
        match timeout_at(deadline, talk).await {
            Err(_) => End::AgentFailed(connect::answer_timeout()),
            Ok(Err(e)) => End::AgentFailed(connect::socket_failed(&e)),
            Ok(Ok(end)) => end,
        }
    }
}
