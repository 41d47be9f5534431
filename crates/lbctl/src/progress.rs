//! Progress of a wait: one line rewritten on a terminal; elsewhere a line whenever the numbers change, at
//! most one a second.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use crate::context::Context;
use crate::holders::holders;
use crate::waiting::{Goal, Patience, Watch, load_words, time_words};

/// The time over which a rate is told.
const WINDOW: Duration = Duration::from_secs(10);
/// How long must pass before there is a rate.
const ENOUGH: Duration = Duration::from_secs(1);
/// How old the list of holders may be.
const HOLDERS_FRESH: Duration = Duration::from_secs(2);

/// What was told, and what is needed to tell how fast it goes.
pub struct Progress {
    live: bool,
    patience: Patience,
    shown: bool,
    last: Option<(Instant, String)>,
    seen: VecDeque<(Duration, u64)>,
    holders: Option<(Instant, String)>,
    prefix: String,
}

impl Progress {
    /// Nothing is told yet.
    pub fn new(ctx: &Context, patience: &Patience) -> Self {
        Self {
            // Lines of several nodes would be written over each other.
            live: ctx.live && ctx.node.is_none(),
            patience: *patience,
            shown: false,
            last: None,
            seen: VecDeque::new(),
            holders: None,
            prefix: ctx.prefix(),
        }
    }

    /// Tells how it stands.
    pub fn show(&mut self, ctx: &Context, watches: &[Watch], goal: &Goal, elapsed: Duration) {
        if self.patience.quiet {
            return;
        }
        let mut what = format!("{}{}", self.prefix, describe(watches, goal));
        if *goal == Goal::Drained {
            let left = watches.iter().filter(|w| w.reached.is_none()).map(Watch::left).sum();
            what.push_str(&self.estimate(elapsed, left));
            if self.patience.show_holders {
                what.push_str(&self.held_by(ctx, watches));
            }
        }
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

    /// `, 1.5/s, about 8s more`, once it is known.
    fn estimate(&mut self, elapsed: Duration, left: u64) -> String {
        self.seen.push_back((elapsed, left));
        while self.seen.front().is_some_and(|(at, _)| elapsed.saturating_sub(*at) > WINDOW) {
            self.seen.pop_front();
        }
        let Some((at, before)) = self.seen.front().copied() else { return String::new() };
        let time = elapsed.saturating_sub(at);
        if time < ENOUGH || before <= left {
            return String::new();
        }
        let rate = (before - left) as f64 / time.as_secs_f64();
        let more = Duration::from_secs((left as f64 / rate).ceil() as u64);
        format!(", {rate:.1}/s, about {} more", time_words(more))
    }

    fn held_by(&mut self, ctx: &Context, watches: &[Watch]) -> String {
        if self.holders.as_ref().is_none_or(|(at, _)| at.elapsed() > HOLDERS_FRESH) {
            let held: Vec<String> = watches
                .iter()
                .filter(|w| w.reached.is_none() && w.left() > 0)
                .flat_map(|w| holders(ctx, &w.state.name))
                .map(|line| line.trim().to_owned())
                .collect();
            let text = if held.is_empty() { String::new() } else { format!("; held by {}", held.join("; ")) };
            self.holders = Some((Instant::now(), text));
        }
        self.holders.as_ref().map(|(_, text)| text.clone()).unwrap_or_default()
    }

    fn clock(&self, elapsed: Duration) -> String {
        let so_far = lb_model::human_time(elapsed);
        match self.patience.deadline {
            Some(deadline) => format!("{so_far} of {}", time_words(deadline)),
            None => so_far,
        }
    }

    /// Takes the line away, before something else is told.
    pub fn clear(&mut self) {
        if self.shown {
            let _ = write!(io::stderr().lock(), "\r\x1b[K");
            self.shown = false;
        }
    }
}

fn describe(watches: &[Watch], goal: &Goal) -> String {
    let pending: Vec<&Watch> = watches.iter().filter(|w| w.reached.is_none()).collect();
    match (pending.as_slice(), goal) {
        ([one], Goal::Drained) => format!("{}: {} left", one.state.name, load_words(one)),
        ([one], Goal::Condition(condition)) => format!("{}: waiting for {condition}", one.state.name),
        ([one], _) => format!("{}: {}", one.state.name, one.status),
        (several, Goal::Drained) => {
            let sessions: u64 = several.iter().map(|w| w.left()).sum();
            format!("{} of {} servers still drain, {sessions} sessions left", several.len(), watches.len())
        }
        (several, _) => format!("waiting for {} of {} servers", several.len(), watches.len()),
    }
}
