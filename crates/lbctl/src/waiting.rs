//! Waiting for servers: look, show progress, look again, until the goal, the deadline or Ctrl-C.
//!
//! A server is drained when its row counts no session and no queued request. Connections in use by
//! the pool say nothing about TCP sessions, and idle ones stay pooled during a drain.

use std::time::{Duration, Instant};

use lb_client::{Act, AdminWish, ServerState};
use lb_stats::StatField;

use crate::condition::{Base, Condition, ConditionError};
use crate::context::Context;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use crate::workers;

/// What to wait for.
#[derive(Debug, Clone, PartialEq)]
pub enum Goal {
    /// No session and no queued request, while draining or in maintenance.
    Drained,
    /// Serving, its checks passed.
    Up,
    /// In maintenance.
    Maint,
    /// A condition on its statistics.
    Condition(Condition),
}

impl std::str::FromStr for Goal {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "drained" => Self::Drained,
            "up" => Self::Up,
            "maint" => Self::Maint,
            other => match other.parse() {
                Ok(condition) => Self::Condition(condition),
                Err(ConditionError::Form(_)) => {
                    return Err("this is drained, up, maint or a condition such as 'scur<5'".to_owned());
                }
                Err(error) => return Err(error.to_string()),
            },
        })
    }
}

/// How to wait.
#[derive(Debug, Clone, Copy, Default)]
pub struct Patience {
    /// Longest time.
    pub deadline: Option<Duration>,
    /// Whether the sessions that old workers hold count.
    pub old_workers: bool,
    /// Whether progress tells who holds the servers.
    pub show_holders: bool,
    /// Whether progress is not told.
    pub quiet: bool,
}

impl Patience {
    /// Until a deadline, and nothing else.
    pub fn until(deadline: Option<Duration>) -> Self {
        Self { deadline, ..Self::default() }
    }
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
    /// Sessions that old workers hold on it.
    pub old: u64,
    /// Its status word.
    pub status: String,
    /// When the goal was reached, counted from the start.
    pub reached: Option<Duration>,
    /// Looks in a row that the engine did not answer.
    missed: u32,
    /// What its condition's column held at first.
    base: Option<Base>,
    /// What the condition compares.
    pub value: f64,
    /// It is not waited for any more: a look, or what was to follow, failed.
    failed: bool,
}

impl Watch {
    fn new(state: &ServerState) -> Self {
        Self {
            state: state.clone(),
            sessions: 0,
            queued: 0,
            old: 0,
            status: String::new(),
            reached: None,
            missed: 0,
            base: None,
            value: 0.0,
            failed: false,
        }
    }

    /// Sessions and requests left.
    pub fn left(&self) -> u64 {
        self.sessions + self.queued + self.old
    }

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
    goal: &Goal,
    servers: &[ServerState],
    patience: &Patience,
    mut told: impl FnMut(&Watch) -> Result<(), Fault>,
) -> Result<(Vec<Watch>, End), Fault> {
    let deadline = patience.deadline;
    let mut interrupt = Interrupt::new()?;
    let start = Instant::now();
    let mut progress = Progress::new(ctx, patience);
    let mut watches: Vec<Watch> = servers.iter().map(Watch::new).collect();
    let mut pause = FIRST_PAUSE;
    let mut first_fault = None;
    loop {
        for watch in watches.iter_mut().filter(|w| w.is_open()) {
            let step = look(ctx, goal, patience, watch).and_then(|there| {
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
        // What is waited for is told also where the first look took all the time there was.
        progress.show(ctx, &watches, goal, start.elapsed());
        let left = deadline.map(|d| d.saturating_sub(start.elapsed()));
        if left.is_some_and(|l| l.is_zero()) {
            progress.clear();
            return Ok((watches, End::Deadline));
        }
        if interrupt.sleep(left.map_or(pause, |l| l.min(pause))) {
            progress.clear();
            return Ok((watches, End::Interrupted));
        }
        pause = (pause * 3 / 2).min(LAST_PAUSE);
    }
}

/// Looks once; gives whether the goal is reached.
fn look(ctx: &Context, goal: &Goal, patience: &Patience, watch: &mut Watch) -> Result<bool, Fault> {
    let mut held = read_row(ctx, goal, watch)?;
    if held.is_none() {
        // Ids change when the engine reloads its configuration; the name finds the server again.
        watch.state = ctx.client.server_state(&watch.state.name)?;
        held = read_row(ctx, goal, watch)?;
    }
    let Some(held) = held else {
        return Err(Fault::new(Exit::NotFound, format!("{} has no statistics any more", watch.state.name))
            .hint("a stopping process answers this; is the socket the old process's?"));
    };
    let word = watch.status.split(' ').next().unwrap_or("");
    match goal {
        Goal::Drained => {
            if let (true, Some(master)) = (patience.old_workers, ctx.master()) {
                watch.old = workers::holding(master, &watch.state.name)?.len() as u64;
            }
            let empty = watch.left() == 0;
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
        Goal::Condition(_) => Ok(held),
    }
}

/// Reads the server's row, and gives whether the goal's condition holds; nothing when there is no row.
fn read_row(ctx: &Context, goal: &Goal, watch: &mut Watch) -> Result<Option<bool>, Fault> {
    let table = match ctx.client.stat_of(&watch.state) {
        // 3.x answers an id it does not know by a sentence, 2.6 by the header alone.
        Err(lb_client::Error::Refused { refusal, .. }) if refusal.kind() == lb_client::ErrorKind::NotFound => {
            return Ok(None);
        }
        other => other?,
    };
    let name = &watch.state.name;
    let Some(row) = table.rows().find(|r| r.proxy() == name.backend && r.name() == name.server) else {
        return Ok(None);
    };
    watch.sessions = row.number(StatField::Scur).unwrap_or(0);
    watch.queued = row.number(StatField::Qcur).unwrap_or(0);
    watch.status = row.get(StatField::Status).unwrap_or("").to_owned();
    let Goal::Condition(condition) = goal else { return Ok(Some(true)) };
    let base = watch.base.get_or_insert_with(|| condition.base(&row));
    let (holds, value) = condition.holds(&row, base);
    watch.value = value;
    Ok(Some(holds))
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
    let old = if watch.old == 0 { String::new() } else { format!(", {} on old workers", watch.old) };
    if watch.queued == 0 { format!("{sessions}{old}") } else { format!("{sessions}, {} queued{old}", watch.queued) }
}

/// `300ms`, `30s`, `5m0s`.
pub fn time_words(time: Duration) -> String {
    if time < Duration::from_secs(1) && !time.is_zero() {
        return format!("{}ms", time.as_millis());
    }
    lb_model::human_time(time)
}
