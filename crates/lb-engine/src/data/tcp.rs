//! TCP mode: one server connection per client connection.

use super::accept::Client;
use super::connect::{self, Ask, Failure, Route};
use super::http::txn::UniqueId;
use super::http::{Captures, Demand, put_into};
use super::pick::{self, NoServer};
use super::session::{Cut, Phase};
use super::stick::{self, Stores};
use super::tcp_rules::{Judged, Kept, accepted, judge};
use super::tell::{self, Moment};
use super::tunnel;
use super::view::{Looked, View};
use crate::buffer::Buffer;
use crate::counters::Counters;
use crate::shared::ProxyState;
use crate::stream::Stream;
use lb_config::model::{Balance, LogStep, TcpStage};
use lb_model::{Severity, TermCause, TermPhase, Termination};
use lb_sample::{CookieStatus, LogRecord, Side};
use std::time::Duration;

/// `tcp-request connection` and `tcp-request session` rules.
pub fn admitted(client: &Client, view: &View<'_>) -> bool {
    let config = &client.proxy.config;
    // Otherwise that was judged before its header was read.
    if !client.listener.announced && !accepted(config, view, TcpStage::Connection) {
        return false;
    }
    client.session.trackers.session_accepted(client.ctx.now_ms());
    accepted(config, view, TcpStage::Session)
}

/// `tcp-request connection` rules of a connection whose header is to be read.
pub fn connection_accepted(client: &Client) -> bool {
    let view = bare_view(client);
    let accepted = accepted(&client.proxy.config, &view, TcpStage::Connection);
    if !accepted {
        client.count(|c| &c.denied_connections);
    }
    accepted
}

/// The line logged for each connection of a proxy without a log format.
pub fn log_connect(client: &Client) {
    let config = client.proxy.config.get();
    if config.logs.is_empty() || config.logs_sessions {
        return;
    }
    let name = |address: Option<std::net::SocketAddr>| match address {
        Some(address) => format!("{}:{}", address.ip(), address.port()),
        None => format!("unix:{}", client.listener.config.id),
    };
    let line = format!(
        "Connect from {} to {} ({}/{})",
        name(client.session.source.get()),
        name(client.session.destination.get()),
        config.name,
        config.mode.as_str().to_ascii_uppercase()
    );
    client.ctx.shared.logger.send(&config.logs, Severity::Info, config.log_tag.as_deref(), line.as_bytes());
}

/// The books of a TCP session; times as in an HTTP exchange.
#[derive(Debug, Default)]
struct Books {
    backend: Option<&'static ProxyState>,
    route: Route,
    from_client: u64,
    to_client: u64,
    termination: Termination,
    /// Its line was written before the end (`option logasap`).
    logged: bool,
    /// Its number in the process.
    number: u64,
    unique: UniqueId,
    /// What rules keep for the log.
    captures: Option<Box<Captures>>,
}

/// Serves a client's connection to its end.
pub async fn serve(client: Client, mut stream: Stream) {
    if client.session.destination.get().is_none() {
        client.session.destination.set(stream.local());
    }
    let mut books = Books { number: client.ctx.next_number(), ..Books::default() };
    {
        let view = view_of(&client, &books, LogRecord::default());
        if !admitted(&client, &view) {
            client.count(|c| &c.denied_connections);
            return;
        }
        log_connect(&client);
    }
    Box::pin(session(&client, &mut stream, &mut books)).await;
    account(&client, &books);
}

/// A connection on which nothing was served.
pub fn bare_view(client: &Client) -> View<'_> {
    View {
        ctx: client.ctx,
        session: &client.session,
        frontend: client.proxy,
        owner: client.proxy,
        backend: None,
        server: None,
        request: None,
        response: None,
        request_line: None,
        txn: None,
        ended: false,
        record: LogRecord::default(),
        back: None,
        vars: Some(client.session.vars()),
        captures: None,
        looked: None,
        unique: None,
    }
}

fn view_of<'a>(client: &'a Client, books: &'a Books, record: LogRecord) -> View<'a> {
    View {
        ctx: client.ctx,
        session: &client.session,
        frontend: client.proxy,
        owner: books.backend.unwrap_or(client.proxy),
        backend: books.backend,
        server: books.route.server,
        request: None,
        response: None,
        request_line: None,
        txn: None,
        ended: false,
        record,
        back: books.route.back.as_deref().copied(),
        // One connection is one transaction.
        vars: Some(client.session.vars()),
        captures: books.captures.as_deref(),
        looked: None,
        unique: Some(&books.unique),
    }
}

/// The same, with the bytes that wait.
fn looking<'a>(client: &'a Client, books: &'a Books, looked: &'a Looked<'a>) -> View<'a> {
    View { looked: Some(looked), ..view_of(client, books, LogRecord::default()) }
}

/// What came from the client before a server was there. A buffer is taken when rules wait for bytes.
#[derive(Default)]
struct Early {
    buffer: Option<Buffer>,
}

impl Early {
    fn bytes(&self) -> &[u8] {
        self.buffer.as_ref().map_or(&[], Buffer::data)
    }
}

/// Lets the `content` rules of a proxy look at what the client sends, as long as they wait for more and its
/// `inspect-delay` lasts. Whether the connection is accepted.
async fn inspect(
    client: &Client,
    stream: &mut Stream,
    books: &mut Books,
    proxy: &'static ProxyState,
    early: &mut Early,
) -> bool {
    let config = proxy.config.get();
    if !config.tcp_request.iter().any(|rule| rule.stage == TcpStage::Content) {
        return true;
    }
    let until_ms = config.inspect_delay.map(|delay| client.ctx.now_ms() + delay.as_millis() as u64);
    let (mut from, mut all) = (0, until_ms.is_none());
    loop {
        let full = early.buffer.as_ref().is_some_and(Buffer::is_full);
        let looked = Looked::new(Side::Request, early.bytes(), all || full);
        let mut kept = Kept::new();
        let judged = {
            let view = View { looked: Some(&looked), owner: proxy, ..view_of(client, books, LogRecord::default()) };
            judge(&config.tcp_request, &view, TcpStage::Content, from, &mut kept)
        };
        for (side, slot, value) in kept {
            put_into(client, &mut books.captures, side, slot, value);
        }
        match judged {
            Judged::Accepted => return true,
            Judged::Rejected => {
                client.count(|c| &c.denied_requests);
                books.termination = Termination::new(TermCause::Proxy, TermPhase::Request);
                return false;
            }
            Judged::Waits(rule) => from = rule,
        }
        let left = until_ms.map_or(0, |until| until.saturating_sub(client.ctx.now_ms()));
        client.ctx.set_deadline(&client.session, Some(Duration::from_millis(left.max(1))));
        let buffer = early.buffer.get_or_insert_with(|| client.ctx.buffers.take());
        match client.ctx.wait(&client.session, |cx| stream.poll_fill(cx, buffer)).await {
            Ok(Ok(n)) if n > 0 => {}
            Ok(_) | Err(Cut::Timeout) => all = true,
            Err(cut) => {
                books.termination = Termination::new(cause(cut), TermPhase::Request);
                return false;
            }
        }
    }
}

async fn session(client: &Client, stream: &mut Stream, books: &mut Books) {
    let mut early = Early::default();
    early_session(client, stream, books, &mut early).await;
    if let Some(buffer) = early.buffer {
        client.ctx.buffers.give(buffer);
    }
}

async fn early_session(client: &Client, stream: &mut Stream, books: &mut Books, early: &mut Early) {
    let ctx = client.ctx;
    if !inspect(client, stream, books, client.proxy, early).await {
        return;
    }
    client.session.requests.set(1);
    log_step(client, books, LogStep::Accept);
    let chosen = {
        let looked = Looked::new(Side::Request, early.bytes(), true);
        let view = View { looked: Some(&looked), ..view_of(client, books, LogRecord::default()) };
        pick::backend(client, &view)
    };
    let Some(backend) = chosen else {
        books.termination = Termination::new(TermCause::ServerAbort, TermPhase::Connect);
        return;
    };
    books.backend = Some(backend);
    let config = backend.config.get();
    client.session.backend.set(Some(backend.index));
    backend.back_sessions.inc();
    let back = ctx.back(backend);
    back.sessions.inc();
    back.session_rate.hit(client.session.accepted_us / 1_000);
    back.last_session_ms.set(client.session.accepted_us / 1_000 + 1);
    if backend.index != client.proxy.index && !inspect(client, stream, books, backend, early).await {
        return;
    }
    let looked = Looked::new(Side::Request, early.bytes(), true);
    let source = client.session.source.get().filter(|_| backend.config.balance == Balance::Source);
    let key = source.map(|address| pick::key_hash(backend).address(address.ip()));
    let mut stores = Stores::new();
    let stuck = match config.stick_rules.is_empty() {
        true => None,
        false => stick::on_request(&looking(client, books, &looked), backend, Demand::Usual, &mut stores),
    };
    let used = match config.use_server.is_empty() {
        true => None,
        false => pick::used_server(&looking(client, books, &looked), backend, config.options.persist),
    };
    let ask = Ask {
        // Whoever ends before anything was said wants nothing; who said something may wait for the answer.
        watched: Some(stream),
        persistent: used.or(stuck),
        avoid: None,
        insists: config.options.persist,
        key,
        may_reuse: false,
        request: None,
        unique: Some(&books.unique),
        vars: None,
        replayed: None,
    };
    match connect::connect(client, backend, ask, &mut books.route).await {
        Ok(upstream) => {
            books.route.note_ends(client, &upstream);
            tell_connected(client, books);
            client.session.phase.set(Phase::Data);
            client.session.server_fd.set(upstream.stream.fd());
            stick::store(&mut stores, backend, books.route.server, ctx.now_ms());
            let timeouts = tunnel::Timeouts::of(client, backend);
            let up = early.buffer.take().unwrap_or_else(|| ctx.buffers.take());
            let down = ctx.buffers.take();
            let ended = tunnel::run(client, stream, upstream.stream, up, down, timeouts).await;
            books.from_client = ended.from_client;
            books.to_client = ended.to_client;
            books.termination = ended.termination;
            if !ended.clean {
                stream.reset_on_close();
            }
        }
        Err(failure) => books.termination = termination(failure),
    }
}

fn termination(failure: Failure) -> Termination {
    let (cause, phase) = match failure {
        Failure::NoServer(NoServer::Unavailable) | Failure::Redirected => (TermCause::ServerAbort, TermPhase::Connect),
        Failure::NoServer(NoServer::QueueTimeout) => (TermCause::ServerTimeout, TermPhase::Queue),
        Failure::NoServer(NoServer::QueueFull) => (TermCause::ServerAbort, TermPhase::Queue),
        Failure::Connect { timeout: true } => (TermCause::ServerTimeout, TermPhase::Connect),
        Failure::Connect { timeout: false } => (TermCause::ServerAbort, TermPhase::Connect),
        Failure::NoServer(NoServer::Ended(cut)) => (cause(cut), TermPhase::Queue),
        Failure::Ended(cut) => (cause(cut), TermPhase::Connect),
    };
    Termination::new(cause, phase)
}

fn cause(cut: Cut) -> TermCause {
    match cut {
        Cut::Killed(cause) => cause,
        Cut::Gone => TermCause::ClientAbort,
        Cut::Timeout => TermCause::ClientTimeout,
    }
}

/// What passes is passed on as it came, so that both sides count the same.
fn count_bytes(counters: &Counters, books: &Books) {
    counters.bytes_in.add(books.from_client);
    counters.bytes_out.add(books.to_client);
    if books.route.connected_us > 0 {
        counters.server_bytes_out.add(books.from_client);
        counters.server_bytes_in.add(books.to_client);
    }
}

/// Counts the session and writes its log line, then gives the slot back.
fn account(client: &Client, books: &Books) {
    let ctx = client.ctx;
    let now_us = ctx.now_us();
    let front = ctx.front(client.proxy);
    count_bytes(front, books);
    let own = client.listener.counters.of(ctx.index);
    count_bytes(own, books);
    ctx.totals().bytes_out.add(books.to_client);
    ctx.totals().requests.inc();
    let ms = |from: u64, to: u64| if from == 0 || to == 0 { -1 } else { (to.saturating_sub(from) / 1_000) as i64 };
    if let Some(backend) = books.backend {
        let server = books.route.server.and_then(|i| backend.servers.get(i)).map(|s| s.counters.of(ctx.index));
        for counters in std::iter::once(ctx.back(backend)).chain(server) {
            count_bytes(counters, books);
            if books.route.connected_us > 0 {
                counters.queue_time.add(ms(client.session.accepted_us.max(1), books.route.slot_us).max(0) as u64);
                counters.connect_time.add(ms(books.route.slot_us, books.route.connected_us).max(0) as u64);
                counters.total_time.add(ms(client.session.accepted_us.max(1), now_us).max(0) as u64);
            }
        }
        tunnel::count_end(client, backend, books.route.server, books.termination);
    }
    log_end(client, books, now_us);
    if let Some(backend) = books.backend {
        connect::release(client, backend, &books.route);
        backend.back_sessions.dec();
        client.session.backend.set(None);
    }
}

fn log_end(client: &Client, books: &Books, now_us: u64) {
    let config = client.proxy.config.get();
    if !config.logs_sessions
        || books.logged
        || (config.options.dontlognull && books.from_client == 0 && books.to_client == 0)
        || (books.is_normal() && config.options.dontlog_normal)
        || !(config.log_steps.is_empty() || tell::is_step(config, LogStep::Close))
    {
        return;
    }
    // The session still counts as one of its backend's here.
    let record = record(client, books, now_us, 1);
    tell_step(client, books, record, LogStep::Close);
}

/// The lines that are due once the server is reached.
fn tell_connected(client: &Client, books: &mut Books) {
    let config = client.proxy.config.get();
    let due = config.options.logasap && config.logs_sessions && config.log_steps.is_empty();
    if due && !config.options.dontlog_normal {
        books.logged = true;
        tell_step(client, books, record(client, books, client.ctx.now_us(), 0), LogStep::Connect);
    }
    log_step(client, books, LogStep::Connect);
}

/// A line on the way, where `log-steps` asks for one.
fn log_step(client: &Client, books: &Books, step: LogStep) {
    if tell::is_step(client.proxy.config.get(), step) {
        tell_step(client, books, record(client, books, client.ctx.now_us(), 0), step);
    }
}

fn tell_step(client: &Client, books: &Books, record: LogRecord, step: LogStep) {
    let separate = client.proxy.config.options.log_separate_errors;
    let severity = if books.is_normal() || !separate { Severity::Info } else { Severity::Err };
    tell::tell(view_of(client, books, record), Moment { severity, ..Moment::usual(step) });
}

impl Books {
    fn is_normal(&self) -> bool {
        self.termination.cause == TermCause::Normal && self.route.retries == 0 && !self.route.redispatched
    }
}

/// The session's numbers; of its backend's and server's connections, so many are left out.
fn record(client: &Client, books: &Books, now_us: u64, own: u32) -> LogRecord {
    let ms = |from: u64, to: u64| if from == 0 || to == 0 { -1 } else { (to.saturating_sub(from) / 1_000) as i64 };
    let ctx = client.ctx;
    let accepted_us = client.session.accepted_us.max(1);
    let server = books.route.server.and_then(|i| books.backend?.servers.get(i));
    LogRecord {
        accepted: ctx.shared.clock.wall_at(accepted_us),
        requested: ctx.shared.clock.wall_at(accepted_us),
        idle_ms: 0,
        request_ms: 0,
        queue_ms: ms(accepted_us, books.route.slot_us),
        connect_ms: ms(books.route.slot_us, books.route.connected_us),
        response_ms: -1,
        data_ms: ms(books.route.connected_us, now_us),
        active_ms: ms(accepted_us, now_us),
        total_ms: ms(accepted_us, now_us),
        user_ms: ms(accepted_us, now_us),
        early: client.proxy.config.options.logasap,
        bytes_read: books.to_client,
        bytes_uploaded: books.from_client,
        status: 0,
        termination: books.termination,
        cookie: CookieStatus::default(),
        active_connections: ctx.shared.process.connections.get(),
        frontend_connections: client.proxy.front_sessions.get(),
        backend_connections: books.backend.map_or(0, |b| b.back_sessions.get().saturating_sub(own)),
        server_connections: server.map_or(0, |s| s.sessions.get().saturating_sub(own)),
        retries: books.route.retries,
        redispatched: books.route.redispatched,
        server_queue: books.route.server_queue,
        backend_queue: books.route.backend_queue,
        request_counter: books.number,
        log_counter: client.proxy.log_count.get(),
        ..LogRecord::default()
    }
}
