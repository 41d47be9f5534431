//! A client connection's entry in its thread's table: what the timer, `show sess` and `shutdown session` need.

use super::knobs::Knobs;
use super::track::Trackers;
use crate::tls::Facts;
use lb_model::TermCause;
use lb_model::proxy_protocol::Header;
use lb_sample::Vars;
use lb_sample::secure::Secured;
use std::cell::{Cell, OnceCell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// Where a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Waiting for a request, nothing received.
    Idle,
    /// Receiving a request's head.
    Request,
    /// Waiting for a server's slot.
    Queue,
    /// Connecting to a server.
    Connect,
    /// Waiting for the response's head.
    Response,
    /// Transferring.
    Data,
}

/// Why a wait ended without what was waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The deadline passed.
    Timeout,
    /// Shut down: by an operator, or with its server.
    Killed(TermCause),
    /// The client left (`option abortonclose`).
    Gone,
}

/// An index that may be absent, in four bytes: there are as many sessions as idle connections.
#[derive(Debug)]
pub struct IndexCell(Cell<u32>);

impl IndexCell {
    const NONE: u32 = u32::MAX;

    /// The index.
    pub fn get(&self) -> Option<usize> {
        Some(self.0.get()).filter(|index| *index != Self::NONE).map(|index| index as usize)
    }

    /// Puts an index, or none. No list here is as long as to need more than 32 bits.
    pub fn set(&self, index: Option<usize>) {
        self.0.set(index.map_or(Self::NONE, |index| index as u32));
    }

    /// The index, which is absent from here on.
    pub fn take(&self) -> Option<usize> {
        let index = self.get();
        self.set(None);
        index
    }
}

impl Default for IndexCell {
    fn default() -> Self {
        Self(Cell::new(Self::NONE))
    }
}

/// A backend's and a server's index, which may be absent.
#[derive(Debug, Default)]
pub struct PlaceCell {
    backend: IndexCell,
    server: IndexCell,
}

impl PlaceCell {
    /// Both.
    pub fn get(&self) -> Option<(usize, usize)> {
        Some((self.backend.get()?, self.server.get()?))
    }

    /// Puts both, or none.
    pub fn set(&self, place: Option<(usize, usize)>) {
        self.backend.set(place.map(|(backend, _)| backend));
        self.server.set(place.map(|(_, server)| server));
    }

    /// Both, which are absent from here on.
    pub fn take(&self) -> Option<(usize, usize)> {
        let place = self.get();
        self.set(None);
        place
    }
}

/// A client connection.
#[derive(Debug)]
pub struct Session {
    /// Unique in the process.
    pub id: u64,
    /// Index of the frontend.
    pub frontend: usize,
    /// Index of the listener in the frontend.
    pub listener: usize,
    /// Client's address.
    pub source: Cell<Option<SocketAddr>>,
    /// Address connected to.
    pub destination: Cell<Option<SocketAddr>>,
    /// Client socket's descriptor.
    pub fd: i32,
    /// Microseconds since the engine's start.
    pub accepted_us: u64,
    /// Milliseconds since the engine's start at which the wait under way ends; `u64::MAX`: never.
    pub deadline_ms: Cell<u64>,
    /// Tick of the wheel's nearest entry; `u64::MAX`: none.
    pub armed_tick: Cell<u64>,
    /// Where it is.
    pub phase: Cell<Phase>,
    /// Backend in use.
    pub backend: IndexCell,
    /// Server in use: backend, server and its kill epoch when taken.
    pub server: PlaceCell,
    /// Descriptor of the server's connection.
    pub server_fd: Cell<i32>,
    /// Requests so far.
    pub requests: Cell<u32>,
    /// The backend and the server of the latest request, where they are preferred for the next one.
    pub last_server: PlaceCell,
    /// The line of the request under way, where it is kept.
    pub request_line: RequestLine,
    /// What rules change of it.
    pub knobs: Knobs,
    vars: OnceCell<Box<Vars>>,
    /// What stick tables count of it.
    pub trackers: Trackers,
    killed: Cell<Option<TermCause>>,
    waker: RefCell<Option<Waker>>,
    /// What its handshake settled.
    facts: OnceCell<Box<Facts>>,
    /// The PROXY header it began with.
    announced: OnceCell<Box<Header>>,
    header_expected: Cell<bool>,
}

/// The line of the request under way, where it is kept; shared with its exchange.
#[derive(Default)]
pub struct RequestLine(Cell<Option<Rc<[u8]>>>);

impl RequestLine {
    /// Notes the line of the request that begins, or that there is none any more.
    pub fn set(&self, line: Option<Rc<[u8]>>) {
        self.0.set(line);
    }

    /// A copy of the line.
    pub fn text(&self) -> Option<String> {
        let line = self.0.take();
        let text = line.as_deref().map(|line| String::from_utf8_lossy(line).into_owned());
        self.0.set(line);
        text
    }
}

impl std::fmt::Debug for RequestLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("RequestLine").field(&self.text()).finish()
    }
}

impl Session {
    /// A session accepted at `accepted_us`.
    pub fn new(accepted_us: u64, id: u64, frontend: usize, listener: usize, fd: i32) -> Self {
        Self {
            id,
            frontend,
            listener,
            source: Cell::new(None),
            destination: Cell::new(None),
            fd,
            accepted_us,
            deadline_ms: Cell::new(u64::MAX),
            armed_tick: Cell::new(u64::MAX),
            phase: Cell::new(Phase::Idle),
            backend: IndexCell::default(),
            server: PlaceCell::default(),
            server_fd: Cell::new(-1),
            requests: Cell::new(0),
            last_server: PlaceCell::default(),
            request_line: RequestLine::default(),
            knobs: Knobs::default(),
            vars: OnceCell::new(),
            trackers: Trackers::default(),
            killed: Cell::new(None),
            waker: RefCell::new(None),
            facts: OnceCell::new(),
            announced: OnceCell::new(),
            header_expected: Cell::new(false),
        }
    }

    /// Variables of the session. Made when first asked for.
    pub fn vars(&self) -> &Vars {
        self.vars.get_or_init(Box::default)
    }

    /// Notes what the handshake settled.
    pub fn set_facts(&self, facts: Box<Facts>) {
        let _ = self.facts.set(facts);
    }

    /// Notes the PROXY header it began with.
    pub fn set_announced(&self, header: Box<Header>) {
        let _ = self.announced.set(header);
    }

    /// The PROXY header it began with.
    pub fn announced(&self) -> Option<&Header> {
        self.announced.get().map(|header| &**header)
    }

    /// A rule says that it begins with a PROXY header.
    pub fn expect_header(&self) {
        self.header_expected.set(true);
    }

    /// Whether a rule says so.
    pub fn is_header_expected(&self) -> bool {
        self.header_expected.get()
    }

    /// The client's connection's security; `None`: it is plain.
    pub fn secured(&self) -> Option<&Secured> {
        self.facts.get().map(|facts| &facts.secured)
    }

    /// When the connection was ready for its first request, microseconds since the engine's start.
    pub fn ready_us(&self) -> u64 {
        self.facts.get().map_or(self.accepted_us, |facts| facts.done_us)
    }

    /// Wakes the task that serves the session.
    pub fn wake(&self) {
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }

    /// Ends the session at its next wait.
    pub fn kill(&self, cause: TermCause) {
        self.killed.set(Some(cause));
        self.wake();
    }

    /// Lets a session that was ended tell its client so.
    pub fn revive(&self) {
        self.killed.set(None);
    }

    /// Whether the session must end now; remembers the task otherwise.
    pub fn poll_cut(&self, now_ms: impl FnOnce() -> u64, cx: &mut Context<'_>) -> Poll<Cut> {
        if let Some(cause) = self.killed.get() {
            return Poll::Ready(Cut::Killed(cause));
        }
        let mut waker = self.waker.borrow_mut();
        if waker.is_none() {
            // The waker was taken by the timer, or this is the session's first wait.
            if self.deadline_ms.get() != u64::MAX && self.deadline_ms.get() <= now_ms() {
                return Poll::Ready(Cut::Timeout);
            }
            *waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }
}

/// The sessions of one thread.
#[derive(Debug, Default)]
pub struct SessionTable {
    entries: RefCell<std::collections::BTreeMap<u64, Rc<Session>>>,
}

impl SessionTable {
    /// Adds a session.
    pub fn insert(&self, session: &Rc<Session>) {
        self.entries.borrow_mut().insert(session.id, Rc::clone(session));
    }

    /// Removes a session.
    pub fn remove(&self, id: u64) {
        self.entries.borrow_mut().remove(&id);
    }

    /// Calls `f` for each session.
    pub fn for_each(&self, mut f: impl FnMut(&Rc<Session>)) {
        self.entries.borrow().values().for_each(&mut f);
    }

    /// Calls `f` for each session with a number above `after`, in order, until it says no.
    pub fn for_each_above(&self, after: u64, mut f: impl FnMut(&Rc<Session>) -> bool) {
        let entries = self.entries.borrow();
        let mut above = entries.range((std::ops::Bound::Excluded(after), std::ops::Bound::Unbounded));
        while above.next().is_some_and(|(_, session)| f(session)) {}
    }

    /// The session of that id.
    pub fn get(&self, id: u64) -> Option<Rc<Session>> {
        self.entries.borrow().get(&id).cloned()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.borrow().is_empty()
    }
}
