//! Waiting for servers: look, show progress, look again, until the goal, the deadline or Ctrl-C.
//!
//! A server is drained when its row counts no session and no queued request. Connections in use by
//! the pool say nothing about TCP sessions, and idle ones stay pooled during a drain.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use lb_client::{Act, AdminWish, ServerState};
use lb_stats::StatField;

use crate::context::Context;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::interrupt::Interrupt;

/// What to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Goal {
    /// No session and no queued request, while draining or in maintenance
    Drained,
    /// Serving, its checks passed
    Up,
    /// In maintenance
    Maint,
}

/// A server that is waited for.
#[derive(Debug, Clone)]
pub struct Watch {
    /// Its state when the waiting began, or after its ids changed.
    pub state: ServerState,
    /// Sessions on it.
    pub sessions: u64,
    /// Requests queued for it.
    pub queued: u64,
    /// Its status word.
    pub status: String,
    /// When the goal was reached, counted from the start.
    pub reached: Option<Duration>,
    /// Looks in a row that the engine did not answer.
    missed: u32,
    /// It is not waited for any more: a look, or what was to follow, failed.
    failed: bool,
}

impl Watch {
    fn is_open(&self) -> bool {
        self.reached.is_none() && !self.failed
    }
}

/// How the waiting ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Every server reached the goal.
    Reached,
    /// Time was up.
    Deadline,
    /// Ctrl-C.
    Interrupted,
}

/// Looks in a row that may go unanswered, as while an engine reloads.
const MISSES_BORNE: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LAST_PAUSE: Duration = Duration::from_millis(500);

/// Waits for all servers. `told` is called once for each as it reaches the goal. What goes wrong with one server does not
/// keep the others from theirs.
///
/// # Errors
/// The first failure, once no server is left to wait for: the client's; or that somebody took a server out of its drain
/// meanwhile.
pub fn wait_for(
    ctx: &Context,
    goal: Goal,
    servers: &[ServerState],
    deadline: Option<Duration>,
    mut told: impl FnMut(&Watch) -> Result<(), Fault>,
) -> Result<(Vec<Watch>, End), Fault> {
    let mut interrupt = Interrupt::new()?;
    let start = Instant::now();
    let mut progress = Progress::new(ctx, deadline);
    let mut watches: Vec<Watch> = servers
        .iter()
        .map(|s| Watch {
            state: s.clone(),
            sessions: 0,
            queued: 0,
            status: String::new(),
            reached: None,
            missed: 0,
            failed: false,
        })
        .collect();
    let mut pause = FIRST_PAUSE;
    let mut first_fault = None;
    loop {
        for watch in watches.iter_mut().filter(|w| w.is_open()) {
            let step = look(ctx, goal, watch).and_then(|there| {
                watch.missed = 0;
                if there {
                    watch.reached = Some(start.elapsed());
                    progress.clear();
                    told(watch)?;
                }
                Ok(())
            });
            let Err(fault) = step else { continue };
            watch.missed += 1;
            if fault.exit != Exit::Unreachable || watch.reached.is_some() || watch.missed > MISSES_BORNE {
                watch.failed = true;
                first_fault.get_or_insert(fault);
            }
        }
        if !watches.iter().any(Watch::is_open) {
            progress.clear();
            return first_fault.map_or(Ok((watches, End::Reached)), Err);
        }
        let left = deadline.map(|d| d.saturating_sub(start.elapsed()));
        if left.is_some_and(|l| l.is_zero()) {
            progress.clear();
            return Ok((watches, End::Deadline));
        }
        progress.show(&watches, goal, start.elapsed());
        if interrupt.sleep(left.map_or(pause, |l| l.min(pause))) {
            progress.clear();
            return Ok((watches, End::Interrupted));
        }
        pause = (pause * 3 / 2).min(LAST_PAUSE);
    }
}

/// Looks once; gives whether the goal is reached.
fn look(ctx: &Context, goal: Goal, watch: &mut Watch) -> Result<bool, Fault> {
    if !read_row(ctx, watch)? {
        // Ids change when the engine reloads its configuration; the name finds the server again.
        watch.state = ctx.client.server_state(&watch.state.name)?;
        if !read_row(ctx, watch)? {
            return Err(Fault::new(Exit::NotFound, format!("{} has no statistics any more", watch.state.name))
                .hint("a stopping process answers this; is the socket the old process's?"));
        }
    }
    let word = watch.status.split(' ').next().unwrap_or("");
    match goal {
        Goal::Drained => {
            let empty = watch.sessions + watch.queued == 0;
            // A drained server that is down says `DOWN`, as one that is merely down does: the state
            // tells them apart, and is asked when the word serves or when it matters.
            if empty || !matches!(word, "DRAIN" | "MAINT" | "DOWN") {
                still_out(ctx, watch)?;
            }
            Ok(empty)
        }
        // `UP 1/3` right after maintenance is optimism: no check has passed yet.
        Goal::Up => Ok(matches!(watch.status.as_str(), "UP" | "no check")),
        Goal::Maint => Ok(word == "MAINT"),
    }
}

fn read_row(ctx: &Context, watch: &mut Watch) -> Result<bool, Fault> {
    let table = match ctx.client.stat_of(&watch.state) {
        // 3.x answers an id it does not know by a sentence, 2.6 by the header alone.
        Err(lb_client::Error::Refused { refusal, .. }) if refusal.kind() == lb_client::ErrorKind::NotFound => {
            return Ok(false);
        }
        other => other?,
    };
    let name = &watch.state.name;
    let Some(row) = table.rows().find(|r| r.proxy() == name.backend && r.name() == name.server) else {
        return Ok(false);
    };
    watch.sessions = row.number(StatField::Scur).unwrap_or(0);
    watch.queued = row.number(StatField::Qcur).unwrap_or(0);
    watch.status = row.get(StatField::Status).unwrap_or("").to_owned();
    Ok(true)
}

/// Fails when somebody has put the server back into service.
fn still_out(ctx: &Context, watch: &Watch) -> Result<(), Fault> {
    let state = ctx.client.server_state(&watch.state.name)?;
    if Act::State(AdminWish::Drain).holds(&state) || state.is_out() {
        return Ok(());
    }
    Err(Fault::new(Exit::Refused, format!("{} is not draining: it is {}", state.name, state.words()))
        .hint("another operator, or a reload without a state file, put it back"))
}

/// `3 sessions, 1 queued`.
pub fn load_words(watch: &Watch) -> String {
    let sessions = if watch.sessions == 1 { "1 session".into() } else { format!("{} sessions", watch.sessions) };
    if watch.queued == 0 { sessions } else { format!("{sessions}, {} queued", watch.queued) }
}

/// `300ms`, `30s`, `5m0s`.
pub fn time_words(time: Duration) -> String {
    if time < Duration::from_secs(1) && !time.is_zero() {
        return format!("{}ms", time.as_millis());
    }
    lb_model::human_time(time)
}

/// One line rewritten on a terminal; elsewhere a line whenever the numbers change, at most one a second.
struct Progress {
    live: bool,
    deadline: Option<Duration>,
    shown: bool,
    last: Option<(Instant, String)>,
}

impl Progress {
    fn new(ctx: &Context, deadline: Option<Duration>) -> Self {
        Self { live: ctx.live, deadline, shown: false, last: None }
    }

    fn show(&mut self, watches: &[Watch], goal: Goal, elapsed: Duration) {
        let what = describe(watches, goal);
        // Progress that cannot be shown stops nothing.
        let mut err = io::stderr().lock();
        if self.live {
            let _ = write!(err, "\r\x1b[K{what}, {}", self.clock(elapsed));
            let _ = err.flush();
            self.shown = true;
        } else if self.last.as_ref().is_none_or(|(at, said)| *said != what && at.elapsed() >= Duration::from_secs(1)) {
            let _ = writeln!(err, "{what}, {}", self.clock(elapsed));
            self.last = Some((Instant::now(), what));
        }
    }

    fn clock(&self, elapsed: Duration) -> String {
        let so_far = lb_model::human_time(elapsed);
        match self.deadline {
            Some(deadline) => format!("{so_far} of {}", time_words(deadline)),
            None => so_far,
        }
    }

    fn clear(&mut self) {
        if self.shown {
            let _ = write!(io::stderr().lock(), "\r\x1b[K");
            self.shown = false;
        }
    }
}

fn describe(watches: &[Watch], goal: Goal) -> String {
    let pending: Vec<&Watch> = watches.iter().filter(|w| w.reached.is_none()).collect();
    match (pending.as_slice(), goal) {
        ([one], Goal::Drained) => format!("{}: {} left", one.state.name, load_words(one)),
        ([one], _) => format!("{}: {}", one.state.name, one.status),
        (several, Goal::Drained) => {
            let sessions: u64 = several.iter().map(|w| w.sessions + w.queued).sum();
            format!("{} of {} servers still drain, {sessions} sessions left", several.len(), watches.len())
        }
        (several, _) => format!("waiting for {} of {} servers", several.len(), watches.len()),
    }
}
