//! A client's connection from its accept to the end of its handshake.

use super::accept::{self, Client};
use super::session::Cut;
use super::tcp;
use super::tell::{self, Moment};
use crate::stream::Stream;
use crate::tls::{AcceptError, Handshake, ListenerSecurity};
use lb_config::model::LogStep;
use lb_model::{ConnectionError, Severity, TermCause, TermPhase, Termination};
use lb_sample::LogRecord;
use std::sync::atomic::Ordering::Relaxed;

/// Shakes hands with a client, then serves it.
pub async fn serve(client: Client, stream: Stream, security: &'static ListenerSecurity) {
    let shared = client.ctx.shared;
    let current = shared.process.ssl_connections.inc();
    let _counted = Counted(&shared.process.ssl_connections);
    if current > shared.process.max_ssl_connections.load(Relaxed) {
        return;
    }
    match Box::pin(shake(&client, stream, security)).await {
        Ok(stream) => {
            let now_ms = client.ctx.now_ms();
            let own = client.listener.counters.of(client.ctx.index);
            let resumed = client.session.secured().is_some_and(|secured| secured.resumed);
            for counters in [client.ctx.front(client.proxy), own, client.ctx.totals()] {
                counters.ssl_sessions.inc();
                if resumed {
                    counters.ssl_resumed.inc();
                }
            }
            if !resumed {
                client.ctx.handshakes().front_keys.hit(now_ms);
            }
            accept::count_session(&client);
            accept::run_session(client, stream).await;
        }
        Err(error) => failed(&client, error),
    }
}

struct Counted(&'static crate::counters::Gauge);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

async fn shake(client: &Client, stream: Stream, security: &ListenerSecurity) -> Result<Stream, AcceptError> {
    let ctx = client.ctx;
    let timeouts = &client.proxy.config.timeouts;
    ctx.set_deadline(&client.session, timeouts.client_hs.or(timeouts.client));
    ctx.handshakes().begun.hit(ctx.now_ms());
    ctx.handshakes().connections.inc();
    let mut handshake = Handshake::new(stream, security);
    match ctx.wait(&client.session, |cx| handshake.poll(cx)).await {
        Ok(Ok((stream, mut facts))) => {
            facts.done_us = ctx.now_us();
            client.session.set_facts(facts);
            Ok(Stream::Tls(stream))
        }
        Ok(Err(error)) => Err(error),
        Err(Cut::Timeout) => Err(AcceptError::Timeout),
        Err(Cut::Killed(_) | Cut::Gone) => Err(AcceptError::Closed),
    }
}

/// Counts and logs a handshake that failed.
fn failed(client: &Client, error: AcceptError) {
    let ctx = client.ctx;
    let own = client.listener.counters.of(ctx.index);
    // As observed, a client that says nothing has not failed.
    if error != AcceptError::Timeout {
        for counters in [ctx.front(client.proxy), own] {
            counters.ssl_failed.inc();
        }
    }
    let config = client.proxy.config.get();
    if config.options.dontlognull && error != AcceptError::Untrusted {
        return;
    }
    log_failure(client, error.as_str());
}

/// The line that tells why a connection never became a session.
pub fn log_failure(client: &Client, why: &str) {
    let ctx = client.ctx;
    let config = client.proxy.config.get();
    if config.logs.is_empty() {
        return;
    }
    let source = match client.session.source.get() {
        Some(address) => format!("{}:{}", address.ip(), address.port()),
        None => format!("unix:{}", client.listener.config.id),
    };
    let mut line = format!("{source} [").into_bytes();
    lb_sample::local_millis(ctx.shared.clock.wall_at(client.session.accepted_us), &mut line);
    let bind = client.listener.config;
    let name = bind.name.clone().unwrap_or_else(|| bind.id.to_string());
    line.extend_from_slice(format!("] {}/{name}: {}", config.name, why).as_bytes());
    let severity = if config.options.log_separate_errors { Severity::Err } else { Severity::Info };
    let mut view = tcp::bare_view(client);
    view.record = LogRecord {
        front_error: ConnectionError::number_of(why),
        termination: Termination::new(TermCause::Proxy, TermPhase::Request),
        ..tell::record_of(&view)
    };
    tell::tell(view, Moment { severity, plain: Some(&line), ..Moment::usual(LogStep::Error) });
}
