//! Two connections joined: bytes move both ways until both ends are done. Used for TCP mode and after a switch of
//! protocols.

use super::accept::Client;
use super::session::Cut;
use crate::buffer::Buffer;
use crate::shared::ProxyState;
use crate::stream::Stream;
use lb_config::model::TimeoutKind;
use lb_model::{TermCause, TermPhase, Termination};
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// How long a silence may last.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    client: Option<Duration>,
    server: Option<Duration>,
    client_fin: Option<Duration>,
    server_fin: Option<Duration>,
}

impl Timeouts {
    /// Of a tunnel between these: `timeout tunnel` replaces both sides'.
    pub fn of(client: &Client, backend: &ProxyState) -> Self {
        let (front, back) = (&client.proxy.config.timeouts, &backend.config.timeouts);
        let knobs = &client.session.knobs;
        let tunnel = knobs.timeout(TimeoutKind::Tunnel, back.tunnel);
        Self {
            client: tunnel.or(knobs.timeout(TimeoutKind::Client, front.client)),
            server: tunnel.or(knobs.timeout(TimeoutKind::Server, back.server)),
            client_fin: front.client_fin,
            server_fin: back.server_fin,
        }
    }

    /// Of a TCP session, in which `timeout tunnel` applies once both sides have spoken.
    fn silence(&self, ways: &[Way; 2]) -> (Option<Duration>, bool) {
        let client_done = ways[0].state != WayState::Open;
        let server_done = ways[1].state != WayState::Open;
        match (client_done, server_done) {
            // The side that has not ended yet is waited for.
            (true, false) => (self.server_fin.or(self.server), false),
            (false, true) => (self.client_fin.or(self.client), true),
            _ => match (self.client, self.server) {
                (Some(c), Some(s)) if s < c => (Some(s), false),
                (Some(c), _) => (Some(c), true),
                (None, s) => (s, false),
            },
        }
    }
}

/// Counts who ended a session before its time, on the backend and on the server if it has one.
pub fn count_end(client: &Client, backend: &'static ProxyState, server: Option<usize>, termination: Termination) {
    let ctx = client.ctx;
    let server = server.and_then(|index| backend.servers.get(index)).map(|server| server.counters.of(ctx.index));
    for counters in std::iter::once(ctx.back(backend)).chain(server) {
        match (termination.cause, termination.phase) {
            (TermCause::ClientAbort | TermCause::ClientTimeout, _) => counters.client_aborts.inc(),
            (TermCause::ServerTimeout, TermPhase::Data) => counters.server_aborts.inc(),
            (TermCause::ServerAbort, TermPhase::Data) => {
                counters.server_aborts.inc();
                // As observed, a connection that broke is an error of its own.
                counters.response_errors.inc();
            }
            _ => {}
        }
    }
}

/// How a tunnel ended.
#[derive(Debug)]
pub struct Ended {
    /// Bytes received from the client.
    pub from_client: u64,
    /// Bytes sent to the client.
    pub to_client: u64,
    /// What ended it.
    pub termination: Termination,
    /// Both sides ended in order.
    pub clean: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WayState {
    /// Bytes may come.
    Open,
    /// The source has ended; its last bytes and its end are to be passed on.
    Ending,
    /// All was passed on.
    Done,
}

/// One direction.
struct Way {
    buffer: Buffer,
    state: WayState,
    bytes: u64,
}

/// Which side broke.
enum Broken {
    Source,
    Target,
}

impl Way {
    /// Moves bytes until one side blocks. Ready when the direction is done. `moved` tells of any progress.
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut Stream,
        target: &mut Stream,
        moved: &mut bool,
    ) -> Poll<Result<(), Broken>> {
        loop {
            if !self.buffer.is_empty() {
                match ready!(target.poll_send(cx, self.buffer.data())) {
                    Ok(n) => {
                        self.buffer.consume(n);
                        self.bytes += n as u64;
                        *moved = true;
                    }
                    Err(_) => return Poll::Ready(Err(Broken::Target)),
                }
                continue;
            }
            match self.state {
                WayState::Done => return Poll::Ready(Ok(())),
                WayState::Ending => {
                    let _ = ready!(target.poll_end(cx));
                    self.state = WayState::Done;
                    *moved = true;
                }
                WayState::Open => match ready!(source.poll_fill(cx, &mut self.buffer)) {
                    Ok(0) => self.state = WayState::Ending,
                    Ok(_) => *moved = true,
                    Err(_) => return Poll::Ready(Err(Broken::Source)),
                },
            }
        }
    }
}

/// Joins two connections. The buffers may already hold bytes to pass on; they go back to the pool.
pub async fn run(
    client: &Client,
    front: &mut Stream,
    mut back: Stream,
    request: Buffer,
    response: Buffer,
    timeouts: Timeouts,
) -> Ended {
    let ctx = client.ctx;
    let way = |buffer| Way { buffer, state: WayState::Open, bytes: 0 };
    let mut ways = [way(request), way(response)];
    let mut counted = (0, 0);
    let termination = loop {
        let (silence, on_client) = timeouts.silence(&ways);
        ctx.set_deadline(&client.session, silence);
        let step = ctx.wait(&client.session, |cx| poll_both(cx, &mut ways, front, &mut back)).await;
        match step {
            Ok(Step::Moved) if client.session.trackers.is_active() => {
                let [up, down] = &ways;
                client.session.trackers.bytes(up.bytes - counted.0, down.bytes - counted.1, ctx.now_ms());
                counted = (up.bytes, down.bytes);
            }
            Ok(Step::Moved) => {}
            Ok(Step::Finished(termination)) => break termination,
            Err(Cut::Timeout) => {
                let cause = if on_client { TermCause::ClientTimeout } else { TermCause::ServerTimeout };
                break Termination::new(cause, TermPhase::Data);
            }
            Err(Cut::Killed(cause)) => break Termination::new(cause, TermPhase::Normal),
            Err(Cut::Gone) => break Termination::new(TermCause::ClientAbort, TermPhase::Data),
        }
    };
    let [up, down] = ways;
    if client.session.trackers.is_active() {
        client.session.trackers.bytes(up.bytes - counted.0, down.bytes - counted.1, ctx.now_ms());
    }
    let ended = Ended {
        from_client: up.bytes,
        to_client: down.bytes,
        termination,
        clean: termination == Termination::default(),
    };
    ctx.buffers.give(up.buffer);
    ctx.buffers.give(down.buffer);
    if !ended.clean {
        back.reset_on_close();
    }
    ended
}

enum Step {
    /// Bytes moved: the silence starts again.
    Moved,
    Finished(Termination),
}

fn poll_both(cx: &mut Context<'_>, ways: &mut [Way; 2], front: &mut Stream, back: &mut Stream) -> Poll<Step> {
    let mut moved = false;
    let [up, down] = ways;
    let sent = up.poll(cx, front, back, &mut moved);
    let received = down.poll(cx, back, front, &mut moved);
    let broken = |cause| Poll::Ready(Step::Finished(Termination::new(cause, TermPhase::Data)));
    match (&sent, &received) {
        (Poll::Ready(Err(Broken::Source)), _) | (_, Poll::Ready(Err(Broken::Target))) => {
            return broken(TermCause::ClientAbort);
        }
        (Poll::Ready(Err(Broken::Target)), _) | (_, Poll::Ready(Err(Broken::Source))) => {
            return broken(TermCause::ServerAbort);
        }
        (Poll::Ready(Ok(())), Poll::Ready(Ok(()))) => return Poll::Ready(Step::Finished(Termination::default())),
        _ => {}
    }
    if moved { Poll::Ready(Step::Moved) } else { Poll::Pending }
}
