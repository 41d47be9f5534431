//! TCP mode: one server connection per client connection.

use super::accept::Client;
use super::pick::{self, NoServer, Wish};
use super::session::{Cut, Phase};
use super::tunnel;
use super::upstream::{self, Upstream};
use super::view::View;
use crate::queue;
use crate::shared::ProxyState;
use crate::stream::Stream;
use lb_check::TrafficEvent;
use lb_config::model::{Balance, Proxy};
use lb_model::{Severity, TermCause, TermPhase, Termination};
use lb_sample::{CookieStatus, LogRecord};
use std::time::Duration;

/// `tcp-request` rules of one kind: whether the connection is accepted.
pub fn accepted(config: &Proxy, view: &View<'_>, at_connection: bool) -> bool {
    config
        .tcp_request
        .iter()
        .filter(|rule| rule.at_connection == at_connection)
        .find(|rule| rule.condition.as_ref().is_none_or(|c| c.eval(view)))
        .is_none_or(|rule| rule.accept)
}

/// The line logged for each connection of a proxy without a log format.
pub fn log_connect(client: &Client) {
    let config = client.proxy.config;
    if config.logs.is_empty() || config.log_format.is_some() {
        return;
    }
    let name = |address: Option<std::net::SocketAddr>| match address {
        Some(address) => format!("{}:{}", address.ip(), address.port()),
        None => "unix:1".to_owned(),
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
    server: Option<usize>,
    slot_us: u64,
    connected_us: u64,
    retries: u32,
    redispatched: bool,
    from_client: u64,
    to_client: u64,
    termination: Termination,
}

/// Serves a client's connection to its end.
pub async fn serve(client: Client, mut stream: Stream) {
    client.session.destination.set(stream.local());
    let mut books = Books::default();
    {
        let view = view_of(&client, &books, LogRecord::default());
        let config = client.proxy.config;
        if !accepted(config, &view, true) || !accepted(config, &view, false) {
            client.ctx.front(client.proxy).denied_connections.inc();
            return;
        }
    }
    log_connect(&client);
    Box::pin(session(&client, &mut stream, &mut books)).await;
    account(&client, &books);
}

fn view_of<'a>(client: &'a Client, books: &Books, record: LogRecord) -> View<'a> {
    View {
        ctx: client.ctx,
        session: &client.session,
        frontend: client.proxy,
        backend: books.backend,
        server: books.server,
        request: None,
        response: None,
        request_line: None,
        record,
        back: None,
    }
}

fn choose_backend(client: &Client, books: &Books) -> Option<&'static ProxyState> {
    let config = client.proxy.config;
    let view = view_of(client, books, LogRecord::default());
    let by_rule = config.use_backend.iter().find(|rule| rule.condition.as_ref().is_none_or(|c| c.eval(&view)));
    let index = match by_rule {
        Some(rule) => Some(rule.backend.0),
        None => {
            config.default_backend.map(|b| b.0).or((!client.proxy.servers.is_empty()).then_some(client.proxy.index))
        }
    };
    index.map(|i| client.ctx.proxy(i))
}

async fn session(client: &Client, stream: &mut Stream, books: &mut Books) {
    let ctx = client.ctx;
    client.session.requests.set(1);
    let Some(backend) = choose_backend(client, books) else {
        books.termination = Termination::new(TermCause::ServerAbort, TermPhase::Connect);
        return;
    };
    books.backend = Some(backend);
    let config = backend.config;
    if backend.index != client.proxy.index
        && !config.tcp_request.is_empty()
        && !accepted(config, &view_of(client, books, LogRecord::default()), false)
    {
        ctx.back(backend).denied_requests.inc();
        books.backend = None;
        books.termination = Termination::new(TermCause::Proxy, TermPhase::Request);
        return;
    }
    client.session.backend.set(Some(backend.index));
    backend.back_sessions.inc();
    let back = ctx.back(backend);
    back.sessions.inc();
    back.session_rate.hit(client.session.accepted_us / 1_000);
    back.last_session_ms.set(client.session.accepted_us / 1_000 + 1);
    match connect(client, books, backend).await {
        Ok(upstream) => {
            client.session.phase.set(Phase::Data);
            client.session.server_fd.set(upstream.stream.fd());
            let timeouts = tunnel::Timeouts::of(client.proxy, backend);
            let (up, down) = (ctx.buffers.take(), ctx.buffers.take());
            let ended = tunnel::run(client, stream, upstream.stream, up, down, timeouts).await;
            books.from_client = ended.from_client;
            books.to_client = ended.to_client;
            books.termination = ended.termination;
            if !ended.clean {
                stream.reset_on_close();
            }
        }
        Err(termination) => books.termination = termination,
    }
}

/// Gives the slot back and forgets the server.
fn release(client: &Client, books: &Books, backend: &'static ProxyState) {
    if let (Some(_), Some(index)) = (client.session.server.take(), books.server) {
        queue::give_back(backend, index);
    }
}

async fn connect(client: &Client, books: &mut Books, backend: &'static ProxyState) -> Result<Upstream, Termination> {
    let ctx = client.ctx;
    let source = client.session.source.get().filter(|_| backend.config.balance == Balance::Source);
    let key = source.map(|address| pick::key_hash(backend).address(address.ip()));
    let mut avoid = None;
    let mut held = None;
    loop {
        let index = match held {
            Some(index) => index,
            None => {
                let index = pick::acquire(client, None, backend, Wish { persistent: None, avoid, key })
                    .await
                    .map_err(|failure| no_server(books, failure))?;
                books.slot_us = ctx.now_us();
                books.server = Some(index);
                client.session.server.set(Some((backend.index, index)));
                index
            }
        };
        let Some(server) = backend.servers.get(index) else {
            return Err(Termination::new(TermCause::Internal, TermPhase::Connect));
        };
        let counters = server.counters.of(ctx.index);
        pick::count_attempt(counters, ctx.now_ms());
        client.session.phase.set(Phase::Connect);
        ctx.set_deadline(&client.session, backend.config.timeouts.connect);
        let port = client.session.destination.get().map(|a| a.port());
        let mut connecting = Box::pin(upstream::connect(server, port, backend.config.options.srvtcpka));
        let cause = match ctx.wait(&client.session, |cx| upstream::poll_connect(connecting.as_mut(), cx)).await {
            Ok(Ok(upstream)) => {
                counters.connects.inc();
                ctx.back(backend).connects.inc();
                books.connected_us = ctx.now_us();
                ctx.shared.report(backend.index, index, TrafficEvent::Connected);
                return Ok(upstream);
            }
            Ok(Err(_)) => TermCause::ServerAbort,
            Err(Cut::Timeout) => TermCause::ServerTimeout,
            Err(Cut::Killed(cause)) => return Err(Termination::new(cause, TermPhase::Connect)),
            Err(Cut::Gone) => return Err(Termination::new(TermCause::ClientAbort, TermPhase::Connect)),
        };
        ctx.shared.report(backend.index, index, TrafficEvent::ConnectFailed);
        if books.retries >= backend.config.retries {
            counters.connect_errors.inc();
            ctx.back(backend).connect_errors.inc();
            return Err(Termination::new(cause, TermPhase::Connect));
        }
        books.retries += 1;
        if pick::redispatches(backend, books.retries, false) {
            counters.redispatches.inc();
            ctx.back(backend).redispatches.inc();
            books.redispatched = true;
            release(client, books, backend);
            (avoid, held) = (Some(index), None);
            continue;
        }
        counters.retries.inc();
        ctx.back(backend).retries.inc();
        held = Some(index);
        let wait = backend.config.timeouts.connect.unwrap_or(Duration::MAX).min(Duration::from_secs(1));
        ctx.set_deadline(&client.session, Some(wait));
        if let Err(Cut::Killed(cause)) = ctx.wait(&client.session, |_| std::task::Poll::<()>::Pending).await {
            return Err(Termination::new(cause, TermPhase::Connect));
        }
        if !server.is_persistent() {
            release(client, books, backend);
            held = None;
        }
    }
}

fn no_server(books: &mut Books, failure: NoServer) -> Termination {
    books.server = None;
    match failure {
        NoServer::Unavailable => Termination::new(TermCause::ServerAbort, TermPhase::Connect),
        NoServer::QueueTimeout => Termination::new(TermCause::ServerTimeout, TermPhase::Queue),
        NoServer::QueueFull => Termination::new(TermCause::ServerAbort, TermPhase::Queue),
        NoServer::Ended(Cut::Killed(cause)) => Termination::new(cause, TermPhase::Queue),
        NoServer::Ended(Cut::Gone) => Termination::new(TermCause::ClientAbort, TermPhase::Queue),
        NoServer::Ended(Cut::Timeout) => Termination::new(TermCause::ClientTimeout, TermPhase::Queue),
    }
}

/// Counts the session and writes its log line, then gives the slot back.
fn account(client: &Client, books: &Books) {
    let ctx = client.ctx;
    let now_us = ctx.now_us();
    let front = ctx.front(client.proxy);
    front.bytes_in.add(books.from_client);
    front.bytes_out.add(books.to_client);
    let own = client.listener.counters.of(ctx.index);
    own.bytes_in.add(books.from_client);
    own.bytes_out.add(books.to_client);
    ctx.totals().bytes_out.add(books.to_client);
    ctx.totals().requests.inc();
    let ms = |from: u64, to: u64| if from == 0 || to == 0 { -1 } else { (to.saturating_sub(from) / 1_000) as i64 };
    if let Some(backend) = books.backend {
        let server = books.server.and_then(|i| backend.servers.get(i)).map(|s| s.counters.of(ctx.index));
        for counters in std::iter::once(ctx.back(backend)).chain(server) {
            counters.bytes_in.add(books.from_client);
            counters.bytes_out.add(books.to_client);
            if books.connected_us > 0 {
                counters.queue_time.add(ms(client.session.accepted_us.max(1), books.slot_us).max(0) as u64);
                counters.connect_time.add(ms(books.slot_us, books.connected_us).max(0) as u64);
                counters.total_time.add(ms(client.session.accepted_us.max(1), now_us).max(0) as u64);
            }
            match books.termination.cause {
                TermCause::ClientAbort => counters.client_aborts.inc(),
                TermCause::ServerAbort if books.connected_us > 0 => counters.server_aborts.inc(),
                _ => {}
            }
        }
    }
    log_end(client, books, now_us);
    if let Some(backend) = books.backend {
        release(client, books, backend);
        backend.back_sessions.dec();
        client.session.backend.set(None);
    }
}

fn log_end(client: &Client, books: &Books, now_us: u64) {
    let config = client.proxy.config;
    let Some(format) = config.log_format.as_deref().filter(|_| !config.logs.is_empty()) else { return };
    let normal = books.termination.cause == TermCause::Normal;
    if (config.options.dontlognull && books.from_client == 0 && books.to_client == 0)
        || (normal && config.options.dontlog_normal)
    {
        return;
    }
    let ms = |from: u64, to: u64| if from == 0 || to == 0 { -1 } else { (to.saturating_sub(from) / 1_000) as i64 };
    let ctx = client.ctx;
    let accepted_us = client.session.accepted_us.max(1);
    let record = LogRecord {
        accepted: ctx.shared.clock.wall_at(accepted_us),
        requested: ctx.shared.clock.wall_at(accepted_us),
        idle_ms: 0,
        request_ms: 0,
        queue_ms: ms(accepted_us, books.slot_us),
        connect_ms: ms(books.slot_us, books.connected_us),
        response_ms: -1,
        data_ms: ms(books.connected_us, now_us),
        active_ms: ms(accepted_us, now_us),
        total_ms: ms(accepted_us, now_us),
        user_ms: ms(accepted_us, now_us),
        bytes_read: books.to_client,
        bytes_uploaded: books.from_client,
        status: 0,
        termination: books.termination,
        cookie: CookieStatus::default(),
        active_connections: ctx.shared.process.connections.get(),
        frontend_connections: client.proxy.front_sessions.get(),
        backend_connections: books.backend.map_or(0, |b| b.back_sessions.get().saturating_sub(1)),
        server_connections: books
            .server
            .and_then(|i| books.backend?.servers.get(i))
            .map_or(0, |s| s.sessions.get().saturating_sub(1)),
        retries: books.retries,
        redispatched: books.redispatched,
        request_counter: ctx.totals().requests.get(),
        log_counter: client.proxy.log_count.get(),
        ..LogRecord::default()
    };
    let severity = if normal || !config.options.log_separate_errors { Severity::Info } else { Severity::Err };
    let mut line = Vec::with_capacity(192);
    format.render(&view_of(client, books, record), &mut line);
    client.proxy.log_count.inc();
    ctx.shared.logger.send(&config.logs, severity, config.log_tag.as_deref(), &line);
}
