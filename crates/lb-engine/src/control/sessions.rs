//! Reaching the sessions of data threads: they are asked by their mailboxes and answer with copies.

use super::Control;
use crate::data::session::{Phase, Session};
use crate::data::upstream::Pool;
use crate::shared::Shared;
use lb_model::{Mode, TermCause};
use std::net::SocketAddr;
use std::rc::Rc;
use tokio::sync::oneshot;

/// A session at one moment.
#[derive(Debug, Clone)]
pub struct SessionInfo {
    /// Unique in the process.
    pub id: u64,
    /// Data thread that serves it.
    pub thread: usize,
    /// Index of its frontend.
    pub frontend: usize,
    /// Index of the listener in the frontend.
    pub listener: usize,
    /// Client.
    pub source: Option<SocketAddr>,
    /// Backend in use.
    pub backend: Option<usize>,
    /// Server in use: backend and server.
    pub server: Option<(usize, usize)>,
    /// Microseconds since the start at which it was accepted.
    pub accepted_us: u64,
    /// Milliseconds since the start at which the wait under way ends; `u64::MAX`: never.
    pub deadline_ms: u64,
    /// Where it is.
    pub phase: Phase,
    /// Client socket's descriptor.
    pub fd: i32,
    /// Server connection's descriptor; -1: none.
    pub server_fd: i32,
    /// Requests so far.
    pub requests: u32,
    /// The line of the request under way, if it was asked for and is kept.
    pub request_line: Option<String>,
}

/// Which sessions to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SessionQuery {
    /// Only this one.
    pub id: Option<u64>,
    /// Only of this frontend.
    pub frontend: Option<usize>,
    /// Only of this backend.
    pub backend: Option<usize>,
    /// Only on this server.
    pub server: Option<(usize, usize)>,
    /// Only those accepted at this moment or before, microseconds since the start.
    pub accepted_before_us: Option<u64>,
    /// Also connections that wait for a request.
    pub idle_too: bool,
    /// With the line of the request under way.
    pub with_line: bool,
}

impl SessionQuery {
    /// Whether to show a session. An HTTP connection without a whole request is no stream yet.
    fn matches(&self, session: &Session, shared: &Shared) -> bool {
        let is_http = shared.proxies.get(session.frontend).is_some_and(|p| p.config.mode == Mode::Http);
        let is_stream = self.idle_too || !is_http || !matches!(session.phase.get(), Phase::Idle | Phase::Request);
        is_stream
            && self.id.is_none_or(|id| session.id == id)
            && self.frontend.is_none_or(|frontend| session.frontend == frontend)
            && self.backend.is_none_or(|backend| session.backend.get() == Some(backend))
            && self.server.is_none_or(|server| session.server.get() == Some(server))
            && self.accepted_before_us.is_none_or(|limit| session.accepted_us <= limit)
    }
}

/// Sessions copied in one job, so that a data thread is never held up for long.
const PAGE: usize = 256;

impl Control {
    /// A page of a data thread's sessions with numbers above `after`; empty: no more. A thread that ended has none.
    pub async fn sessions(&self, thread: usize, after: u64, query: SessionQuery) -> (Vec<SessionInfo>, Option<u64>) {
        let Some(mailbox) = self.shared.mailboxes.get().and_then(|all| all.get(thread)) else {
            return (Vec::new(), None);
        };
        let (answer, page) = oneshot::channel();
        mailbox.post(Box::new(move |ctx| {
            if query.with_line {
                ctx.keep_lines.set(true);
            }
            let mut found = Vec::new();
            let mut looked_at = 0;
            let mut last = None;
            ctx.sessions.for_each_above(after, |session| {
                if query.matches(session, ctx.shared) {
                    found.push(copy(session, thread, query.with_line));
                }
                looked_at += 1;
                last = Some(session.id);
                looked_at < PAGE
            });
            let last = last.filter(|_| looked_at == PAGE);
            // Whoever asked may be gone.
            let _ = answer.send((found, last));
        }));
        page.await.unwrap_or_default()
    }

    /// Idle connections to servers, by thread, proxy and server.
    pub async fn idle_connections(&self) -> Vec<Vec<Vec<u32>>> {
        let mut answers = Vec::new();
        for mailbox in self.shared.mailboxes.get().into_iter().flatten() {
            let (answer, counts) = oneshot::channel();
            mailbox.post(Box::new(move |ctx| {
                let counts =
                    ctx.pools.live().map(|pools| pools.live().map(|pool| pool.len() as u32).collect()).collect();
                // Whoever asked may be gone.
                let _ = answer.send(counts);
            }));
            answers.push(counts);
        }
        let mut all = Vec::with_capacity(self.shared.threads);
        for counts in answers {
            // A thread that has ended keeps none.
            all.push(counts.await.unwrap_or_default());
        }
        all.resize_with(self.shared.threads, Vec::new);
        all
    }

    /// Descriptors of a data thread's idle connections to servers, with the indices of backend and server.
    pub async fn idle_descriptors(&self, thread: usize) -> Vec<(i32, usize, usize)> {
        let Some(mailbox) = self.shared.mailboxes.get().and_then(|all| all.get(thread)) else { return Vec::new() };
        let (answer, descriptors) = oneshot::channel();
        mailbox.post(Box::new(move |ctx| {
            let mut found = Vec::new();
            for p in 0..ctx.pools.len() {
                let Some(pools) = ctx.pools.get(p) else { continue };
                for s in 0..pools.len() {
                    let descriptors = pools.get(s).map(Pool::descriptors).unwrap_or_default();
                    found.extend(descriptors.into_iter().map(|fd| (fd, p, s)));
                }
            }
            // Whoever asked may be gone.
            let _ = answer.send(found);
        }));
        descriptors.await.unwrap_or_default()
    }

    /// Ends one session. Says whether it was there.
    pub async fn kill_session(&self, id: u64) -> bool {
        let mut answers = Vec::new();
        for mailbox in self.shared.mailboxes.get().into_iter().flatten() {
            let (answer, killed) = oneshot::channel();
            mailbox.post(Box::new(move |ctx| {
                let session = ctx.sessions.get(id);
                if let Some(session) = &session {
                    session.kill(TermCause::Killed);
                }
                let _ = answer.send(session.is_some());
            }));
            answers.push(killed);
        }
        for killed in answers {
            if killed.await.unwrap_or(false) {
                return true;
            }
        }
        false
    }

    /// Ends all sessions of a server.
    pub fn kill_server_sessions(&self, proxy: usize, server: usize, cause: TermCause) {
        for mailbox in self.shared.mailboxes.get().into_iter().flatten() {
            mailbox.post(Box::new(move |ctx| {
                ctx.sessions.for_each(|session| {
                    if session.server.get() == Some((proxy, server)) {
                        session.kill(cause);
                    }
                });
            }));
        }
    }
}

fn copy(session: &Rc<Session>, thread: usize, with_line: bool) -> SessionInfo {
    SessionInfo {
        id: session.id,
        thread,
        frontend: session.frontend,
        listener: session.listener,
        source: session.source.get(),
        backend: session.backend.get(),
        server: session.server.get(),
        accepted_us: session.accepted_us,
        deadline_ms: session.deadline_ms.get(),
        phase: session.phase.get(),
        fd: session.fd,
        server_fd: session.server_fd.get(),
        requests: session.requests.get(),
        request_line: if with_line { session.request_line.text() } else { None },
    }
}
