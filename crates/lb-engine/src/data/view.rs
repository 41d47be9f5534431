//! A stream as expressions and log formats see it.

use super::http::Captures;
use super::http::txn::{Txn, UniqueId};
use super::session::Session;
use super::thread::ThreadCtx;
use super::track;
use crate::facts;
use crate::shared::ProxyState;
use lb_config::model::TimeoutKind;
use lb_http::{BodyFraming, HeaderList, RequestHead, ResponseHead};
use lb_model::Mode;
use lb_sample::secure::{Secured, Wire};
use lb_sample::{
    BackendNumber, Context, EntryQuery, FrontendNumber, LogRecord, Sample, Scope, ServerNumber, ServerRef, Side,
    StreamNumber, Subject, TableNumber, Vars, WallTime,
};
use std::borrow::Cow;
use std::cell::Cell;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::time::Duration;

/// A stream at one moment. Built where an expression is evaluated; borrows everything.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// The thread.
    pub ctx: &'static ThreadCtx,
    /// The session.
    pub session: &'a Session,
    /// The frontend.
    pub frontend: &'static ProxyState,
    /// The section whose rules run.
    pub owner: &'static ProxyState,
    /// The backend, once chosen.
    pub backend: Option<&'static ProxyState>,
    /// The server's index, once chosen.
    pub server: Option<usize>,
    /// The request's head and its bytes.
    pub request: Option<(&'a [u8], &'a RequestHead)>,
    /// The response's head and its bytes.
    pub response: Option<(&'a [u8], &'a ResponseHead)>,
    /// The request line for logs.
    pub request_line: Option<&'a [u8]>,
    /// Numbers for logs; of an exchange that goes on, only those of the moment.
    pub record: LogRecord,
    /// The exchange has ended: the numbers are final.
    pub ended: bool,
    /// The server's connection: own and peer address.
    pub back: Option<(Option<SocketAddr>, Option<SocketAddr>)>,
    /// The exchange, in HTTP.
    pub txn: Option<&'a Txn>,
    /// Variables of the exchange and of its messages.
    pub vars: Option<&'a Vars>,
    /// What is kept of messages for the log.
    pub captures: Option<&'a Captures>,
    /// Bytes that are looked at before they pass, in TCP.
    pub looked: Option<&'a Looked<'a>>,
    /// The unique id, where there can be one.
    pub unique: Option<&'a UniqueId>,
}

/// Bytes that wait to be passed on while rules look at them.
#[derive(Debug)]
pub struct Looked<'b> {
    /// Whose they are.
    pub side: Side,
    /// The bytes.
    pub bytes: &'b [u8],
    /// No others are waited for.
    pub all: bool,
    awaited: Cell<bool>,
}

impl<'b> Looked<'b> {
    /// These bytes; `all` says that no others are waited for.
    pub fn new(side: Side, bytes: &'b [u8], all: bool) -> Self {
        Self { side, bytes, all, awaited: Cell::new(false) }
    }
}

impl View<'_> {
    fn timeout(&self, kind: TimeoutKind, configured: Option<Duration>) -> Option<i64> {
        Some(self.session.knobs.timeout(kind, configured)?.as_millis() as i64)
    }

    fn find_backend(&self, name: Option<&str>) -> Option<&'static ProxyState> {
        match name {
            None => self.backend.or(Some(self.frontend)),
            Some(name) => facts::backend_named(self.ctx.shared, name),
        }
    }
}

fn visit_all<'a>(buf: &'a [u8], headers: &HeaderList, visit: &mut dyn FnMut(&'a [u8], &'a [u8]) -> ControlFlow<()>) {
    for field in headers.iter() {
        if visit(field.name.get(buf), field.value.get(buf)).is_break() {
            return;
        }
    }
}

impl Context for View<'_> {
    fn src(&self) -> Option<SocketAddr> {
        self.session.source.get()
    }

    fn dst(&self) -> Option<SocketAddr> {
        self.session
            .destination
            .get()
            .or_else(|| self.frontend.listeners.get(self.session.listener)?.bound.get().copied())
    }

    fn back_src(&self) -> Option<SocketAddr> {
        self.back?.0
    }

    fn back_dst(&self) -> Option<SocketAddr> {
        self.back?.1
    }

    fn method(&self) -> Option<&[u8]> {
        match self.request {
            Some((buf, head)) => Some(head.method.get(buf)),
            None => self.request_line?.split(|&b| b == b' ').next(),
        }
    }

    fn uri(&self) -> Option<&[u8]> {
        match self.request {
            Some((buf, head)) => Some(head.target.get(buf)),
            None => self.request_line?.split(|&b| b == b' ').nth(1),
        }
    }

    fn version(&self, side: Side) -> Option<(u8, u8)> {
        match side {
            Side::Request => match self.request {
                Some((_, head)) => Some((1, head.minor)),
                None => Some((1, u8::from(self.request_line?.ends_with(b"1.1")))),
            },
            Side::Response => self.response.map(|(_, head)| (1, head.minor)),
        }
    }

    fn status(&self) -> Option<u16> {
        match self.response {
            Some((_, head)) => Some(head.status),
            None => u16::try_from(self.record.status).ok(),
        }
    }

    fn current_side(&self) -> Side {
        if let Some(looked) = self.looked {
            return looked.side;
        }
        if self.response.is_some() { Side::Response } else { Side::Request }
    }

    fn headers<'a>(&'a self, side: Side, visit: &mut dyn FnMut(&'a [u8], &'a [u8]) -> ControlFlow<()>) {
        match side {
            Side::Request => {
                if let Some((buf, head)) = self.request {
                    visit_all(buf, &head.headers, visit);
                }
            }
            Side::Response => {
                if let Some((buf, head)) = self.response {
                    visit_all(buf, &head.headers, visit);
                }
            }
        }
    }

    fn request_body(&self) -> Option<Cow<'_, [u8]>> {
        let (buf, head) = self.request?;
        Some(lb_http::content(head.framing, buf.get(head.len as usize..)?))
    }

    fn request_buffer(&self) -> Option<&[u8]> {
        match self.looked {
            Some(looked) => (looked.side == Side::Request).then_some(looked.bytes),
            None => self.request.map(|(buf, _)| buf),
        }
    }

    fn response_buffer(&self) -> Option<&[u8]> {
        match self.looked {
            Some(looked) => (looked.side == Side::Response).then_some(looked.bytes),
            None => self.response.map(|(buf, _)| buf),
        }
    }

    fn awaits_more(&self) -> bool {
        let Some(looked) = self.looked.filter(|looked| !looked.all) else { return false };
        looked.awaited.set(true);
        true
    }

    fn take_awaited(&self) -> bool {
        self.looked.is_some_and(|looked| looked.awaited.take())
    }

    fn frontend_name(&self) -> Option<&str> {
        Some(&self.frontend.config.name)
    }

    fn backend_name(&self) -> Option<&str> {
        self.backend.map(|b| &*b.config.name)
    }

    fn server_name(&self) -> Option<Cow<'_, str>> {
        let server = self.backend?.servers.get(self.server?)?;
        Some(Cow::Owned(server.config().name.as_ref().to_owned()))
    }

    fn listener_name(&self) -> Option<&str> {
        self.frontend.listeners.get(self.session.listener)?.config.name.as_deref()
    }

    fn hostname(&self) -> Option<&str> {
        Some(&self.ctx.shared.process.hostname)
    }

    fn now(&self) -> Option<WallTime> {
        Some(self.ctx.shared.clock.wall_at(self.ctx.now_us()))
    }

    fn random(&self) -> Option<u32> {
        Some((self.ctx.random() >> 16) as u32)
    }

    fn backend_number(&self, backend: Option<&str>, what: BackendNumber) -> Option<i64> {
        facts::backend_number(self.find_backend(backend)?, what, self.ctx.now_ms())
    }

    fn frontend_number(&self, frontend: Option<&str>, what: FrontendNumber) -> Option<i64> {
        let proxy = match frontend {
            None => self.frontend,
            Some(name) => {
                self.ctx.shared.proxies.live().find(|p| &*p.config.name == name && p.config.kind.has_frontend())?
            }
        };
        let now_ms = self.ctx.now_ms();
        Some(match what {
            FrontendNumber::Connections => i64::from(proxy.front_sessions.get()),
            FrontendNumber::RequestRate => proxy.front.sum(|c| c.request_rate.per_second(now_ms)) as i64,
            FrontendNumber::SessionRate => proxy.front.sum(|c| c.session_rate.per_second(now_ms)) as i64,
            FrontendNumber::Id => i64::from(proxy.config.id),
            FrontendNumber::ClientTimeoutMs => proxy.config.timeouts.client?.as_millis() as i64,
        })
    }

    fn server_number(&self, server: Option<ServerRef<'_>>, what: ServerNumber) -> Option<i64> {
        let (proxy, index) = match server {
            None => (self.backend?, self.server?),
            Some(name) => {
                let proxy = self.find_backend(name.backend)?;
                (proxy, proxy.servers.live().find(|s| &*s.config().name == name.server)?.index)
            }
        };
        Some(facts::server_number(proxy.servers.get(index)?, what, self.ctx.now_ms()))
    }

    fn number(&self, what: StreamNumber) -> Option<i64> {
        let process = &self.ctx.shared.process;
        Some(match what {
            StreamNumber::Pid => i64::from(std::process::id()),
            StreamNumber::Thread => self.ctx.index as i64,
            StreamNumber::ThreadCount => self.ctx.shared.threads as i64,
            StreamNumber::ActiveConnections => i64::from(process.connections.get()),
            StreamNumber::UptimeSecs => self.ctx.shared.clock.uptime().as_secs() as i64,
            StreamNumber::Stopping => i64::from(process.is_leaving()),
            StreamNumber::ListenerId => i64::from(self.frontend.listeners.get(self.session.listener)?.config.id),
            StreamNumber::ListenerConnections => {
                i64::from(self.frontend.listeners.get(self.session.listener)?.sessions.get())
            }
            StreamNumber::FrontHttpMajor | StreamNumber::BackHttpMajor => 1,
            StreamNumber::FrontEncrypted => i64::from(self.session.secured().is_some()),
            StreamNumber::ClientTimeoutMs => self.timeout(TimeoutKind::Client, self.frontend.config.timeouts.client)?,
            StreamNumber::ServerTimeoutMs => self.timeout(TimeoutKind::Server, self.backend?.config.timeouts.server)?,
            StreamNumber::TunnelTimeoutMs => self.timeout(TimeoutKind::Tunnel, self.backend?.config.timeouts.tunnel)?,
            StreamNumber::RequestIndex => i64::from(self.session.requests.get().saturating_sub(1)),
            StreamNumber::ReceivedProxy => i64::from(self.session.announced().is_some()),
            StreamNumber::RequestBodyLen => self.request_body()?.len() as i64,
            StreamNumber::RequestBodySize => match self.request?.1.framing {
                BodyFraming::Length(n) => i64::try_from(n).unwrap_or(i64::MAX),
                _ => self.request_body()?.len() as i64,
            },
            StreamNumber::BackReused => return None,
        })
    }

    fn vars(&self, scope: Scope) -> Option<&Vars> {
        // Once the request is forwarded, its own variables are gone, and those of the response begin.
        let in_request = self.request.is_some() || self.frontend.config.mode == Mode::Tcp;
        match scope {
            Scope::Session => Some(self.session.vars()),
            Scope::Transaction => self.vars,
            Scope::Request => self.vars.filter(|_| in_request),
            Scope::Response => self.vars.filter(|_| !in_request),
            Scope::Process | Scope::Check => None,
        }
    }

    fn entry_number(&self, table: Option<&str>, subject: Subject<'_>, query: EntryQuery) -> Option<i64> {
        track::entry_number(self, table, subject, query)
    }

    fn table_number(&self, table: Option<&str>, what: TableNumber) -> Option<i64> {
        track::table_number(self, table, what)
    }

    fn tracked_key(&self, counter: usize) -> Option<Sample<'static>> {
        track::tracked_key(self, counter)
    }

    fn announced(&self, kind: u8) -> Option<&[u8]> {
        self.session.announced()?.extension(kind)
    }

    fn secured(&self, wire: Wire) -> Option<&Secured> {
        match wire {
            Wire::Front => self.session.secured(),
            Wire::Back => None,
        }
    }

    fn logged_request(&self) -> Option<&[u8]> {
        self.request_line
    }

    fn captured_header(&self, side: Side, index: usize) -> Option<&[u8]> {
        self.captures?.header(side, index)
    }

    fn captured_header_count(&self, side: Side) -> usize {
        self.captures.map_or(0, |captures| captures.count(side))
    }

    fn captured_cookie(&self, side: Side) -> Option<&[u8]> {
        self.captures?.cookie(side)
    }

    fn unique_id(&self) -> Option<&str> {
        self.unique?.get(self)
    }

    fn log(&self) -> LogRecord {
        match self.txn {
            Some(txn) if !self.ended => txn.record(self.ctx, self.session, self.frontend, self.ctx.now_us()),
            _ => self.record,
        }
    }
}
