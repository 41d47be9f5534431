//! The books of one HTTP exchange: times, bytes, and how it ended.

use super::super::connect::Route;
use super::super::session::Session;
use super::super::stick::Stores;
use super::super::thread::ThreadCtx;
use super::super::view::View;
use super::captures::Captures;
use super::cookie::Persistence;
use crate::counters::Counters;
use crate::data::accept::Client;
use crate::data::tell::{self, Moment};
use crate::data::traced;
use crate::shared::ProxyState;
use crate::trace::Source;
use lb_config::model::{Coding, LogLevel, LogStep};
use lb_http::{RequestHead, ResponseHead};
use lb_model::{Severity, TermCause, TermPhase, Termination};
use lb_sample::{LogRecord, Vars};
use std::cell::{Cell, OnceCell};
use std::rc::Rc;

/// One exchange. Times are microseconds since the engine's start; 0 says that the moment was not reached.
#[derive(Debug, Default)]
pub struct Txn {
    /// Its number in the process.
    pub number: u64,
    /// When it could start: the accept, or the end of the exchange before.
    pub start_us: u64,
    /// First byte of the request.
    pub first_byte_us: u64,
    /// Request's head complete.
    pub request_us: u64,
    /// Response's head complete.
    pub response_us: u64,
    /// The backend, once chosen.
    pub backend: Option<&'static ProxyState>,
    /// The way to the server.
    pub route: Route,
    /// Bytes received from the client.
    pub bytes_in: u64,
    /// Bytes sent to the client.
    pub bytes_out: u64,
    /// Bytes sent to servers.
    pub server_bytes_out: u64,
    /// Bytes received from servers.
    pub server_bytes_in: u64,
    /// Status sent to the client; 0: none.
    pub status: u16,
    /// How it ended.
    pub termination: Termination,
    /// The server that a stick table names.
    pub stuck: Option<usize>,
    /// The server that a `use-server` rule names.
    pub used: Option<usize>,
    /// Keys for stick tables to learn.
    pub stores: Stores,
    /// Bytes that stick tables have counted: received, sent.
    pub counted: (u64, u64),
    /// Persistence cookie.
    pub persistence: Persistence,
    /// Request line, kept when logs want it.
    pub request_line: Option<Rc<[u8]>>,
    /// What stands in the log for a server that was never reached.
    pub no_server: Option<&'static str>,
    /// A page of the proxy answered.
    pub local: bool,
    /// The request is a HEAD: answers have no body.
    pub is_head: bool,
    /// Variables of the exchange and of its messages.
    pub vars: Vars,
    /// What is kept of the messages, where the frontend wants something.
    pub captures: Option<Box<Captures>>,
    /// The unique id, once somebody asked for it, and whether it is being made.
    pub unique: UniqueId,
    /// How the response may be pressed.
    pub press: Option<Coding>,
    /// Interim responses that go before the final one.
    pub early: Vec<u8>,
    /// What `set-log-level` said.
    pub log_level: Option<LogLevel>,
    /// Its line was written before the end (`option logasap`).
    pub logged: bool,
    /// No request was had of the client.
    pub no_request: bool,
}

/// The class of a status, 0 for 1xx to 4 for 5xx, 5 for others.
pub fn class(status: u16) -> usize {
    match status / 100 {
        n @ 1..=5 => usize::from(n) - 1,
        _ => 5,
    }
}

/// A unique id, made when it is first asked for (`unique-id-format`).
#[derive(Debug, Default)]
pub struct UniqueId {
    made: OnceCell<Box<str>>,
    busy: Cell<bool>,
}

impl UniqueId {
    /// The id. Its own format may not ask.
    pub fn get(&self, view: &View<'_>) -> Option<&str> {
        if self.made.get().is_none() {
            let format = view.frontend.config.get().unique_id.as_deref().filter(|_| !self.busy.replace(true))?;
            let mut id = Vec::new();
            format.render_value(view, &mut id);
            self.busy.set(false);
            return Some(self.made.get_or_init(|| String::from_utf8_lossy(&id).into()));
        }
        self.made.get().map(|id| &**id)
    }
}

impl Txn {
    /// Notes the end, unless an earlier one is noted.
    pub fn end(&mut self, cause: TermCause, phase: TermPhase) {
        if self.termination.cause == TermCause::Normal {
            self.termination = Termination::new(cause, phase);
        }
    }

    /// The exchange as expressions see it.
    pub fn view<'a>(
        &'a self,
        client: &'a Client,
        request: Option<(&'a [u8], &'a RequestHead)>,
        response: Option<(&'a [u8], &'a ResponseHead)>,
    ) -> View<'a> {
        View {
            ctx: client.ctx,
            session: &client.session,
            frontend: client.proxy,
            owner: self.backend.unwrap_or(client.proxy),
            backend: self.backend,
            server: self.route.server,
            request,
            response,
            request_line: self.request_line.as_deref(),
            record: LogRecord { status: i32::from(self.status), ..LogRecord::default() },
            back: self.route.back.as_deref().copied(),
            txn: Some(self),
            ended: false,
            vars: Some(&self.vars),
            captures: self.captures.as_deref(),
            looked: None,
            unique: Some(&self.unique).filter(|_| !self.no_request),
        }
    }

    /// The exchange's unique id, made when it is first asked for. Its own format may not ask.
    pub fn unique_id(&self, view: &View<'_>) -> Option<&str> {
        self.unique.get(view)
    }

    /// Adds the exchange to the counters and writes its log line.
    pub fn close(&mut self, client: &Client) {
        self.track_bytes(client);
        self.report(client);
        client.session.trackers.end_exchange();
        client.session.request_line.set(None);
        client.session.knobs.end_request(&client.session);
    }

    /// Lets stick tables count the bytes since the last time.
    pub fn track_bytes(&mut self, client: &Client) {
        if client.session.trackers.is_active() {
            let (received, sent) = std::mem::replace(&mut self.counted, (self.bytes_in, self.bytes_out));
            let (received, sent) = (self.bytes_in.saturating_sub(received), self.bytes_out.saturating_sub(sent));
            client.session.trackers.bytes(received, sent, client.ctx.now_ms());
        }
    }

    fn report(&self, client: &Client) {
        let ctx = client.ctx;
        let now_us = ctx.now_us();
        self.count(ctx, client, now_us);
        if ctx.shared.traces.is_on(Source::H1) {
            traced::done(client, self.status, self.bytes_in, self.bytes_out, self.termination);
        }
        if client.proxy.config.logs_sessions && !self.logged {
            self.log_end(client, now_us);
        }
    }

    /// The line at the end.
    fn log_end(&self, client: &Client, now_us: u64) {
        let config = client.proxy.config.get();
        if self.first_byte_us == 0 && config.options.dontlognull {
            return;
        }
        if self.no_request {
            self.tell(client, self.moment(client, LogStep::Error), now_us);
        } else if config.log_steps.is_empty() || tell::is_step(config, LogStep::Close) {
            if self.is_normal() && config.options.dontlog_normal {
                return;
            }
            self.tell(client, self.moment(client, LogStep::Close), now_us);
        }
    }

    /// The line as soon as the response's head is known (`option logasap`).
    pub fn log_early(&mut self, client: &Client) {
        let config = client.proxy.config.get();
        if !config.logs_sessions || !config.log_steps.is_empty() || (self.is_normal() && config.options.dontlog_normal)
        {
            return;
        }
        self.logged = true;
        self.tell(client, self.moment(client, LogStep::Response), client.ctx.now_us());
    }

    /// A line on the way, where `log-steps` asks for one. A first step knows nothing of the exchange.
    pub fn log_step(&self, client: &Client, step: LogStep) {
        if !tell::is_step(client.proxy.config.get(), step) {
            return;
        }
        if step == LogStep::Accept {
            let unknown = Self { start_us: self.start_us, ..Self::default() };
            return unknown.tell(client, Moment::usual(step), client.ctx.now_us());
        }
        self.tell(client, self.moment(client, step), client.ctx.now_us());
    }

    fn is_normal(&self) -> bool {
        self.termination.cause == TermCause::Normal
            && self.status < 500
            && self.route.retries == 0
            && !self.route.redispatched
    }

    fn moment(&self, client: &Client, step: LogStep) -> Moment<'static> {
        let separate = client.proxy.config.options.log_separate_errors;
        let usual = if self.is_normal() || !separate { Severity::Info } else { Severity::Err };
        let severity = match self.log_level {
            Some(LogLevel::Always(severity)) => severity,
            _ => usual,
        };
        Moment { severity, ..Moment::usual(step) }
    }

    fn tell(&self, client: &Client, moment: Moment<'_>, now_us: u64) {
        if self.log_level == Some(LogLevel::Silent) {
            return;
        }
        let mut view = self.view(client, None, None);
        view.owner = client.proxy;
        view.ended = true;
        view.record = self.record(client.ctx, &client.session, client.proxy, now_us);
        view.record.early = client.proxy.config.options.logasap;
        if moment.step == LogStep::Accept {
            view.record.status = 0;
        }
        tell::tell(view, moment);
    }

    fn count(&self, ctx: &'static ThreadCtx, client: &Client, now_us: u64) {
        let class = class(self.status);
        let front = ctx.front(client.proxy);
        self.count_bytes(front);
        // As observed, no answer counts as one of another class.
        front.responses.get(class).inspect(|c| c.inc());
        let own = client.listener.counters.of(ctx.index);
        self.count_bytes(own);
        ctx.totals().bytes_out.add(self.bytes_out);
        let Some(backend) = self.backend else { return };
        let ms = |from: u64, to: u64| to.saturating_sub(from) / 1_000;
        let server = self.route.server.and_then(|i| backend.servers.get(i)).map(|s| s.counters.of(ctx.index));
        for counters in std::iter::once(ctx.back(backend)).chain(server) {
            self.count_bytes(counters);
            if self.response_us > 0 || std::ptr::eq(counters, ctx.back(backend)) {
                counters.requests.inc();
            }
            if (self.status > 0 && !self.local) || std::ptr::eq(counters, ctx.back(backend)) {
                counters.responses.get(class).inspect(|c| c.inc());
            }
            if self.route.connected_us > 0 {
                counters.queue_time.add(ms(self.request_us, self.route.slot_us));
                counters.connect_time.add(ms(self.route.slot_us, self.route.connected_us));
            }
            if self.response_us > 0 {
                counters.response_time.add(ms(self.route.connected_us, self.response_us));
                counters.total_time.add(ms(self.first_byte_us, now_us));
            }
        }
    }

    fn count_bytes(&self, counters: &Counters) {
        counters.bytes_in.add(self.bytes_in);
        counters.bytes_out.add(self.bytes_out);
        counters.server_bytes_in.add(self.server_bytes_in);
        counters.server_bytes_out.add(self.server_bytes_out);
    }

    /// The exchange's numbers as of this moment.
    pub fn record(&self, ctx: &ThreadCtx, session: &Session, frontend: &ProxyState, now_us: u64) -> LogRecord {
        let ms = |from: u64, to: u64| {
            if from == 0 || to == 0 { -1 } else { (to.saturating_sub(from) / 1_000) as i64 }
        };
        let first_byte = if self.first_byte_us > 0 { self.first_byte_us } else { self.start_us };
        let clock = &ctx.shared.clock;
        let phase = self.termination.phase;
        LogRecord {
            accepted: clock.wall_at(session.accepted_us),
            requested: clock.wall_at(first_byte),
            handshake_ms: if session.requests.get() > 1 {
                0
            } else {
                ms(session.accepted_us.max(1), session.ready_us().max(1))
            },
            idle_ms: ms(self.start_us.max(1), first_byte.max(1)),
            // As observed: a held client is told the hold as a wait in a queue, and nothing else.
            request_ms: if phase == TermPhase::Tarpit { -1 } else { ms(first_byte, self.request_us) },
            queue_ms: ms(self.request_us, self.route.slot_us),
            connect_ms: ms(self.route.slot_us, self.route.connected_us),
            // An answer that was refused is as good as none.
            response_ms: if phase == TermPhase::Headers { -1 } else { ms(self.route.connected_us, self.response_us) },
            data_ms: ms(self.response_us, now_us),
            active_ms: ms(first_byte.max(1), now_us),
            total_ms: ms(self.start_us.max(1), now_us),
            user_ms: ms(first_byte.max(1), now_us),
            early: false,
            bytes_read: self.bytes_out,
            bytes_uploaded: self.bytes_in,
            status: if self.status > 0 { i32::from(self.status) } else { -1 },
            termination: self.termination,
            cookie: self.persistence.letters(),
            active_connections: ctx.shared.process.connections.get(),
            frontend_connections: frontend.front_sessions.get(),
            backend_connections: self.backend.map_or(0, |b| b.back_sessions.get()),
            server_connections: self
                .route
                .server
                .and_then(|i| self.backend?.servers.get(i))
                .map_or(0, |s| s.sessions.get()),
            retries: self.route.retries,
            redispatched: self.route.redispatched,
            server_queue: self.route.server_queue,
            backend_queue: self.route.backend_queue,
            request_counter: self.number,
            log_counter: frontend.log_count.get(),
            no_server: self.no_server.unwrap_or("<NOSRV>"),
            origin: "txn_close",
            front_error: 0,
        }
    }
}
