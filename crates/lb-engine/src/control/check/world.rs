//! What the rules of a check may ask: its server, its backend, what was received.

use crate::control::Control;
use crate::facts;
use crate::shared::{ProxyState, ServerState, Target};
use lb_check::probe::http::ServerState as ReportedState;
use lb_check::rules::{State, World};
use lb_model::{OpState, StatusWord};
use lb_sample::{
    BackendNumber, Context, LogRecord, Scope, ServerNumber, ServerRef, Side, StreamNumber, Vars, WallTime,
};
use std::borrow::Cow;
use std::cell::Cell;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::Instant;

/// The world outside a check of one server.
pub(super) struct CheckWorld {
    pub control: Rc<Control>,
    pub backend: &'static ProxyState,
    pub server: &'static ServerState,
    pub started: Instant,
    /// Own and peer address of the present connection.
    pub addresses: Cell<Option<(SocketAddr, SocketAddr)>>,
}

impl World for CheckWorld {
    fn with_context(&self, state: &State, then: &mut dyn FnMut(&dyn Context)) {
        then(&View { world: self, state });
    }

    fn server_state(&self) -> String {
        let backends = self.control.backends();
        let servers = backends.get(self.backend.index).map(|b| &b.servers);
        let Some(own) = servers.and_then(|s| s.get(self.server.index)).map(|s| &s.health) else { return String::new() };
        let mut inputs = own.status_inputs(None, None);
        inputs.admin = lb_model::AdminState::NONE;
        inputs.agent_enabled = false;
        let status = StatusWord::of(&inputs).to_string();
        let (address, port) = match self.server.target() {
            Target::Ip(address) => (address.ip().to_string(), address.port()),
            Target::Unix(path) => (format!("unix@{}", path.display()), 0),
            Target::Abstract(name) => (format!("abns@{name}"), 0),
            Target::Sockpair(fd) => (format!("sockpair@{fd}"), 0),
        };
        let views = servers.into_iter().flat_map(crate::control::Table::iter).map(|s| s.health.lb_view());
        let state = ReportedState {
            status: &status,
            address: &address,
            port,
            backend: &self.backend.config.name,
            server: &self.server.config().name,
            node: &self.control.shared.process.node,
            weight: own.effective_weight(),
            total_weight: views.filter(lb_check::LbView::usable).map(|v| v.weight).sum(),
            sessions: self.server.sessions.get() as usize,
            total_sessions: self.backend.back_sessions.get() as usize,
            queued: self.server.queued.get() as usize,
        };
        state.to_string()
    }

    fn is_stopped(&self) -> bool {
        let backends = self.control.backends();
        let own = backends.get(self.backend.index).and_then(|b| b.servers.get(self.server.index));
        own.is_some_and(|s| s.health.op() == OpState::Stopped)
    }

    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}

/// A check at one moment, as expressions see it: a stream without a client.
struct View<'a> {
    world: &'a CheckWorld,
    state: &'a State,
}

impl View<'_> {
    fn backend_named(&self, name: Option<&str>) -> Option<&'static ProxyState> {
        match name {
            None => Some(self.world.backend),
            Some(name) => facts::backend_named(self.world.control.shared, name),
        }
    }

    fn now_ms(&self) -> u64 {
        self.world.control.shared.clock.now_ms()
    }
}

impl Context for View<'_> {
    fn back_src(&self) -> Option<SocketAddr> {
        self.world.addresses.get().map(|(own, _)| own)
    }

    fn back_dst(&self) -> Option<SocketAddr> {
        self.world.addresses.get().map(|(_, peer)| peer)
    }

    fn current_side(&self) -> Side {
        Side::Response
    }

    fn version(&self, side: Side) -> Option<(u8, u8)> {
        if side == Side::Response { self.state.response()?.version() } else { None }
    }

    fn status(&self) -> Option<u16> {
        self.state.response().map(|r| r.status)
    }

    fn headers<'a>(&'a self, side: Side, visit: &mut dyn FnMut(&'a [u8], &'a [u8]) -> ControlFlow<()>) {
        if side == Side::Response
            && let Some(response) = self.state.response()
        {
            for (name, value) in response.headers() {
                if visit(name, value).is_break() {
                    return;
                }
            }
        }
    }

    fn response_buffer(&self) -> Option<&[u8]> {
        self.state.buffer()
    }

    fn response_body(&self) -> Option<Cow<'_, [u8]>> {
        self.state.response().map(|r| r.body)
    }

    fn backend_name(&self) -> Option<&str> {
        Some(&self.world.backend.config.name)
    }

    fn server_name(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Owned(self.world.server.config().name.as_ref().to_owned()))
    }

    fn hostname(&self) -> Option<&str> {
        Some(&self.world.control.shared.process.hostname)
    }

    fn now(&self) -> Option<WallTime> {
        let clock = &self.world.control.shared.clock;
        Some(clock.wall_at(clock.now_us()))
    }

    fn random(&self) -> Option<u32> {
        Some(self.world.control.random())
    }

    fn backend_number(&self, backend: Option<&str>, what: BackendNumber) -> Option<i64> {
        facts::backend_number(self.backend_named(backend)?, what, self.now_ms())
    }

    fn server_number(&self, server: Option<ServerRef<'_>>, what: ServerNumber) -> Option<i64> {
        let server = match server {
            None => self.world.server,
            Some(name) => {
                self.backend_named(name.backend)?.servers.live().find(|s| &*s.config().name == name.server)?
            }
        };
        Some(facts::server_number(server, what, self.now_ms()))
    }

    fn number(&self, what: StreamNumber) -> Option<i64> {
        let shared = self.world.control.shared;
        Some(match what {
            StreamNumber::Pid => i64::from(std::process::id()),
            StreamNumber::ThreadCount => shared.threads as i64,
            StreamNumber::ActiveConnections => i64::from(shared.process.connections.get()),
            StreamNumber::UptimeSecs => shared.clock.uptime().as_secs() as i64,
            StreamNumber::Stopping => i64::from(shared.process.is_leaving()),
            _ => return None,
        })
    }

    fn vars(&self, scope: Scope) -> Option<&Vars> {
        matches!(scope, Scope::Check | Scope::Session).then(|| self.state.vars())
    }

    fn log(&self) -> LogRecord {
        LogRecord::default()
    }
}
