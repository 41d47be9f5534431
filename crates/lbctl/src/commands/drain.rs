//! `lbctl drain`: drain, wait until nobody is left, then go on as told.

use std::time::Duration;

use lb_client::{Act, AdminWish, ServerState};
use lb_model::AdminState;

use super::Targets;
use super::wait::{arrived, deadline_words};
use crate::apply::{Report, apply, select};
use crate::cli::duration;
use crate::context::Context;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::target::undo;
use crate::waiting::{End, Goal, Watch, load_words, wait_for};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "A draining server takes no new clients, but those bound to it by a cookie or a stick table \
                        still come. Ctrl-C while waiting leaves the state as it is and prints the command that undoes \
                        it.\n\nExamples:\n  lbctl drain app/web1\n  lbctl drain app/web1 --wait --deadline 30s --then \
                        maint\n  lbctl drain 'app/web*' --deadline 5m --on-deadline restore --yes")]
pub struct Args {
    /// Which servers.
    #[command(flatten)]
    pub targets: Targets,
    /// Wait until no session and no queued request is left
    #[arg(long)]
    pub wait: bool,
    /// Longest time to wait (implies --wait); for ever without
    #[arg(long, value_parser = duration, value_name = "TIME")]
    pub deadline: Option<Duration>,
    /// What to do with a server once it is drained (implies --wait)
    #[arg(long, value_enum, value_name = "STATE")]
    pub then: Option<Then>,
    /// What to do with servers still not drained at the deadline; the exit status is 5 in any case
    #[arg(long, value_enum, value_name = "WHAT", requires = "deadline")]
    pub on_deadline: Option<OnDeadline>,
}

/// What follows a drain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Then {
    /// Put it into maintenance
    Maint,
}

/// What follows a missed deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum OnDeadline {
    /// Leave it draining
    Fail,
    /// Put it into maintenance; its sessions may finish
    Maint,
    /// Back to the state it was in before
    Restore,
}

/// How many of the sessions that hold a server are told.
const HOLDERS_TOLD: usize = 5;

/// Runs it.
///
/// # Errors
/// When a server is not there, does not drain, or still holds sessions at the deadline.
pub fn run(args: &Args, ctx: &Context) -> Result<(), Fault> {
    let before = select(ctx, "Drain", &args.targets.targets)?;
    let mut report = Report::default();
    let outcome = drain(args, ctx, &mut report, &before);
    let finished = report.finish(ctx);
    outcome.and(finished)
}

fn drain(args: &Args, ctx: &Context, report: &mut Report, before: &[ServerState]) -> Result<(), Fault> {
    // A server in maintenance is past the drain that would lead there; draining it would bring
    // its persistent clients back.
    let (past, to_drain): (Vec<_>, Vec<_>) = before
        .iter()
        .cloned()
        .partition(|s| args.then == Some(Then::Maint) && s.admin.intersects(AdminState::FORCED_MAINT));
    for server in &past {
        report.done(ctx, &server.name.to_string(), "drain", "already", &server.words(), None)?;
    }
    let draining = apply(ctx, report, &Act::State(AdminWish::Drain), &to_drain)?;
    if !(args.wait || args.then.is_some() || args.deadline.is_some()) || draining.is_empty() {
        return Ok(());
    }
    let (watches, end) = wait_for(ctx, Goal::Drained, &draining, args.deadline, |watch| {
        report.done(ctx, &watch.state.name.to_string(), "wait", "done", &arrived(Goal::Drained, watch), None)?;
        match args.then {
            // At once, before a persistent client comes back.
            Some(Then::Maint) => enter(ctx, report, AdminWish::Maint, std::slice::from_ref(watch)),
            None => Ok(()),
        }
    })?;
    let left: Vec<_> = watches.into_iter().filter(|w| w.reached.is_none()).collect();
    match end {
        End::Reached => Ok(()),
        End::Interrupted => Err(interrupted(ctx, before, &left)),
        End::Deadline => {
            let fault = deadline_passed(args, ctx, &left);
            match args.on_deadline.unwrap_or(OnDeadline::Fail) {
                OnDeadline::Fail => {}
                OnDeadline::Maint => enter(ctx, report, AdminWish::Maint, &left)?,
                OnDeadline::Restore => restore(ctx, report, before, &left)?,
            }
            Err(fault)
        }
    }
}

/// Puts servers into a state, from the state they are in at this moment.
fn enter(ctx: &Context, report: &mut Report, wish: AdminWish, watches: &[Watch]) -> Result<(), Fault> {
    for watch in watches {
        let fresh = ctx.client.server_state(&watch.state.name)?;
        apply(ctx, report, &Act::State(wish), &[fresh])?;
    }
    Ok(())
}

fn restore(ctx: &Context, report: &mut Report, before: &[ServerState], left: &[Watch]) -> Result<(), Fault> {
    for watch in left {
        let was = before.iter().find(|s| s.name == watch.state.name).map_or(AdminState::NONE, |s| s.admin);
        enter(ctx, report, AdminWish::of(was), std::slice::from_ref(watch))?;
    }
    Ok(())
}

fn interrupted(ctx: &Context, before: &[ServerState], left: &[Watch]) -> Fault {
    let details = left.iter().map(|w| format!("{} stays draining, {} left", w.state.name, load_words(w)));
    let undo: Vec<String> = before
        .iter()
        .filter(|s| !Act::State(AdminWish::Drain).holds(s))
        .map(|s| ctx.suggest(&undo(&s.name, s.admin)))
        .collect();
    let fault = Fault::new(Exit::Interrupted, "interrupted while waiting").details(details);
    if undo.is_empty() { fault } else { fault.hint(format!("to undo: {}", undo.join("; "))) }
}

fn deadline_passed(args: &Args, ctx: &Context, left: &[Watch]) -> Fault {
    let mut details = Vec::new();
    for watch in left {
        details.push(format!("{} still has {}", watch.state.name, load_words(watch)));
        details.extend(holders(ctx, watch));
    }
    let names: Vec<String> = left.iter().map(|w| w.state.name.to_string()).collect();
    let all = names.join(" ");
    let kill = || {
        let each = names.iter().map(|name| ctx.suggest(&format!("raw shutdown sessions server {name}")));
        each.collect::<Vec<_>>().join("; ")
    };
    let fault = Fault::new(Exit::Deadline, deadline_words(args.deadline)).details(details);
    match args.on_deadline.unwrap_or(OnDeadline::Fail) {
        OnDeadline::Restore => fault,
        OnDeadline::Maint => fault.hint(format!("to end the sessions: {}", kill())),
        OnDeadline::Fail => fault.hint(format!(
            "it stays draining; to keep its persistent clients away: {}; to end the sessions: {}; to undo: {}",
            ctx.suggest(&format!("maint {all}")),
            kill(),
            ctx.suggest(&format!("ready {all}")),
        )),
    }
}

/// Who holds a server, where the socket's level lets us see sessions.
fn holders(ctx: &Context, watch: &Watch) -> Vec<String> {
    let sessions = match ctx.client.sessions() {
        Ok(sessions) => sessions,
        Err(_) => return vec!["  (who holds it is shown to level operator and above)".to_owned()],
    };
    let name = &watch.state.name;
    let held: Vec<_> = sessions.iter().filter(|s| s.backend == name.backend && s.server == name.server).collect();
    let mut lines: Vec<String> = held
        .iter()
        .take(HOLDERS_TOLD)
        .map(|s| format!("  {} through {}, for {}", s.source, s.frontend, s.age))
        .collect();
    if held.len() > HOLDERS_TOLD {
        lines.push(format!("  and {} more", held.len() - HOLDERS_TOLD));
    }
    lines
}
