//! `lbctl wait`.

use std::time::Duration;

use lb_client::ServerState;

use super::Targets;
use crate::acting::Acting;
use crate::apply::Report;
use crate::cli::duration;
use crate::context::Context;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::waiting::{End, Goal, Patience, Watch, load_words, time_words, wait_for};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Nothing is changed. drained: no session and no queued request, \
                        while draining or in maintenance; up: serving, its checks passed. In a condition, a counter is what \
                        it grew since the wait began.\n\nExamples:\n  lbctl wait app/web1 --for drained --deadline 5m\n  \
                        lbctl wait 'app/*' --for 'scur<5'")]
pub struct Args {
    /// Which servers.
    #[command(flatten)]
    pub targets: Targets,
    /// What to wait for: drained, up, maint, or a condition on a column of 'show stat' such as 'scur<5'
    #[arg(long = "for", value_name = "GOAL")]
    pub goal: Goal,
    /// Longest time to wait; for ever without
    #[arg(long, value_parser = duration, value_name = "TIME")]
    pub deadline: Option<Duration>,
}

/// Runs it.
///
/// # Errors
/// When a server is not there or the goal is not reached in time.
pub fn run(args: &Args, ctx: &Context) -> Result<(), Fault> {
    Acting::new("", &args.targets.selection()?)
        .run(ctx, |one, servers, report| wait_and_tell(one, report, &args.goal, servers, args.deadline))
}

/// Waits and tells each server that arrives.
///
/// # Errors
/// [`Exit::Deadline`], [`Exit::Interrupted`] and those of [`wait_for`].
pub fn wait_and_tell(
    ctx: &Context,
    report: &mut Report,
    goal: &Goal,
    servers: &[ServerState],
    deadline: Option<Duration>,
) -> Result<(), Fault> {
    let (watches, end) = wait_for(ctx, goal, servers, &Patience::until(deadline), |watch| {
        report.done(ctx, &watch.state.name.to_string(), "wait", "done", &arrived(goal, watch), None)
    })?;
    let left: Vec<&Watch> = watches.iter().filter(|w| w.reached.is_none()).collect();
    let details = left.iter().map(|w| match goal {
        Goal::Drained => format!("{}: {} ({} left)", w.state.name, w.status, load_words(w)),
        Goal::Up | Goal::Maint => format!("{}: {}", w.state.name, w.status),
        Goal::Condition(condition) => format!("{}: {condition} does not hold ({})", w.state.name, w.value),
    });
    match end {
        End::Reached => Ok(()),
        End::Deadline => Err(Fault::new(Exit::Deadline, deadline_words(deadline)).details(details)),
        End::Interrupted => {
            Err(Fault::new(Exit::Interrupted, "interrupted; the state stays as it is").details(details))
        }
    }
}

/// `the deadline of 30s passed`.
pub fn deadline_words(deadline: Option<Duration>) -> String {
    format!("the deadline of {} passed", time_words(deadline.unwrap_or_default()))
}

/// What a server is that has reached the goal.
pub fn arrived(goal: &Goal, watch: &Watch) -> String {
    let after = watch.reached.unwrap_or_default().as_secs_f64();
    match goal {
        Goal::Drained => format!("drained after {after:.1}s"),
        Goal::Up => format!("{} after {after:.1}s", watch.status),
        Goal::Maint => "in maintenance".to_owned(),
        Goal::Condition(condition) => format!("{condition} holds after {after:.1}s ({})", watch.value),
    }
}
