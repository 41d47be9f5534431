//! `lbctl drain`: drain, wait until nobody is left, then go on as told.

use std::time::Duration;

use lb_client::{Act, AdminWish, Line, ServerState};
use lb_model::AdminState;

use super::Targets;
use super::wait::{arrived, deadline_words};
use crate::acting::Acting;
use crate::apply::{Report, apply};
use crate::cli::duration;
use crate::context::Context;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::guard::Guards;
use crate::holders::holders;
use crate::leases::{Lease, Leases};
use crate::target::undo;
use crate::waiting::{End, Goal, Patience, Watch, load_words, time_words, wait_for};
use crate::{runs, sticky, workers};

/// Arguments.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "A draining server takes no new clients, but those bound to it by a cookie or a stick table \
                        still come: --unstick sends them elsewhere. Ctrl-C while waiting leaves the state as it is and \
                        prints the command that undoes it.\n\nExamples:\n  lbctl drain app/web1\n  lbctl drain app/web1 \
                        --wait --deadline 30s --then maint\n  lbctl drain 'app/web*' --except app/web9 --deadline 5m \
                        --on-deadline restore --min-up 50% --yes\n  lbctl drain app/web1 --lease 30m -m 'deploy 4711'\n  \
                        lbctl drain app/web1 --deadline 1h --detach\n  lbctl drain --monitor 3")]
pub struct Args {
    /// Which servers.
    #[command(flatten)]
    pub targets: Targets,
    /// What must still hold.
    #[command(flatten)]
    pub guards: Guards,
    /// Wait until no session and no queued request is left
    #[arg(long)]
    pub wait: bool,
    /// Longest time to wait (implies --wait); for ever without
    #[arg(long, value_parser = duration, value_name = "TIME")]
    pub deadline: Option<Duration>,
    /// What to do with a server once it is drained (implies --wait)
    #[arg(long, value_enum, value_name = "STATE")]
    pub then: Option<Then>,
    /// What to do with servers still not drained at the deadline; the exit status is 5, but 0 when kill has emptied them
    #[arg(long, value_enum, value_name = "WHAT", requires = "deadline")]
    pub on_deadline: Option<OnDeadline>,
    /// Tell while waiting who holds the servers
    #[arg(long)]
    pub show_holders: bool,
    /// Sessions that a reload has left on old workers, where the master's socket is known: wait (as without this
    /// option), end them at once, or leave them out
    #[arg(long, value_enum, value_name = "WHAT")]
    pub old_workers: Option<OldWorkers>,
    /// The master's socket, to see old workers
    #[arg(long, value_name = "ADDRESS")]
    pub master: Option<lb_client::Address>,
    /// Release clients kept by the backend's stick table, and by cookies: the server goes on to maintenance at once and
    /// stays there
    #[arg(long)]
    pub unstick: bool,
    /// How long the servers are out: 'lbctl lease reap' brings them back afterwards
    #[arg(long, value_parser = duration, value_name = "TIME")]
    pub lease: Option<Duration>,
    /// Go on in the background; --monitor shows how it goes
    #[arg(long, conflicts_with = "monitor")]
    pub detach: bool,
    /// Watch a drain that was detached, and end as it ends
    #[arg(long, value_name = "ID")]
    pub monitor: Option<u64>,
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
    /// End its sessions, and go on
    Kill,
    /// Back to the state it was in before
    Restore,
}

/// What to do about sessions on old workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum OldWorkers {
    /// They count as sessions of the server
    Wait,
    /// End them at once
    Kill,
    /// They do not count
    Ignore,
}

/// How long ended sessions may take to go.
const KILL_PATIENCE: Duration = Duration::from_secs(5);

/// Runs it.
///
/// # Errors
/// When a server is not there, does not drain, or still holds sessions at the deadline.
pub fn run(args: &Args, ctx: &Context) -> Result<(), Fault> {
    if let Some(id) = args.monitor {
        return runs::monitor(id);
    }
    let selection = args.targets.selection()?;
    let acting = Acting { what: "Drain", selection: &selection, guards: args.guards };
    let ctx = with_master(args, ctx)?;
    if args.detach && ctx.dry_run.is_none() {
        acting.judge(&ctx)?;
        return runs::detach(&ctx);
    }
    acting.run(&ctx, |one, before, report| drain(args, one, report, before))
}

fn with_master(args: &Args, ctx: &Context) -> Result<Context, Fault> {
    let mut ctx = ctx.clone();
    if let Some(address) = &args.master {
        let [node] = ctx.nodes.as_mut_slice() else {
            return Err(Fault::usage("--master is of one node").hint("in a context, each node names its 'master'"));
        };
        node.master = Some(node.client.at(address.clone()));
    }
    if args.old_workers.is_some_and(|w| w != OldWorkers::Ignore)
        && let Some(node) = ctx.nodes.iter().find(|node| node.master.is_none())
    {
        return Err(Fault::usage(format!("old workers are seen through the master, and {} names none", node.name))
            .hint("--master ADDRESS, or 'master' of the node in the configuration file"));
    }
    Ok(ctx)
}

fn drain(args: &Args, ctx: &Context, report: &mut Report, before: &[ServerState]) -> Result<(), Fault> {
    // A server in maintenance is past the drain that would lead there; draining it would bring
    // its persistent clients back.
    let leads_to_maint = args.then == Some(Then::Maint) || args.unstick;
    let (past, to_drain): (Vec<_>, Vec<_>) =
        before.iter().cloned().partition(|s| leads_to_maint && s.admin.intersects(AdminState::FORCED_MAINT));
    for server in &past {
        report.done(ctx, &server.name.to_string(), "drain", "already", &server.words(), None)?;
    }
    // A lease stands before the drain does: whatever fails or is killed then, nothing is out that nobody brings back.
    let taken = match args.lease {
        Some(lease) if ctx.dry_run.is_none() => take_leases(args, ctx, before, &to_drain, lease)?,
        _ => Vec::new(),
    };
    let draining = apply(ctx, report, &Act::State(AdminWish::Drain), &to_drain)?;
    if ctx.dry_run.is_some() {
        return plan(args, ctx, report, &to_drain);
    }
    for server in taken.iter().filter(|name| draining.iter().all(|d| d.name.to_string() != **name)) {
        Leases::of(ctx).end(ctx, server)?;
    }
    if args.old_workers == Some(OldWorkers::Kill) {
        kill_old(ctx, report, &draining)?;
    }
    let draining = if args.unstick { unstick(ctx, report, &draining)? } else { draining };
    if !(args.wait || args.then.is_some() || args.deadline.is_some()) || draining.is_empty() {
        return Ok(());
    }
    let patience = Patience {
        deadline: args.deadline,
        old_workers: args.old_workers.unwrap_or(OldWorkers::Wait) == OldWorkers::Wait,
        show_holders: args.show_holders,
        quiet: false,
    };
    let mut arrive = |watch: &Watch| {
        report.done(ctx, &watch.state.name.to_string(), "wait", "done", &arrived(&Goal::Drained, watch), None)?;
        match args.then {
            // At once, before a persistent client comes back.
            Some(Then::Maint) if !args.unstick => enter(ctx, report, AdminWish::Maint, std::slice::from_ref(watch)),
            _ => Ok(()),
        }
    };
    let (watches, end) = wait_for(ctx, &Goal::Drained, &draining, &patience, &mut arrive)?;
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
                OnDeadline::Kill => return kill(ctx, &patience, &left, &mut arrive),
            }
            Err(fault)
        }
    }
}

/// What a dry run tells beyond the drain itself.
fn plan(args: &Args, ctx: &Context, report: &mut Report, servers: &[ServerState]) -> Result<(), Fault> {
    for server in servers {
        let name = server.name.to_string();
        if args.wait || args.then.is_some() || args.deadline.is_some() {
            let deadline = args.deadline.map(|d| format!(", for {} at most", time_words(d))).unwrap_or_default();
            report.planned(ctx, &name, "wait", &format!("wait until it is drained{deadline}"), None)?;
        }
        if args.then.is_some() || args.unstick {
            let act = Act::State(AdminWish::Maint);
            report.planned(ctx, &name, "maint", "put it into maintenance", Some(&act.line(&server.name)?))?;
        }
    }
    Ok(())
}

/// Takes a lease on each server, and gives the names of those that had none.
fn take_leases(
    args: &Args,
    ctx: &Context,
    before: &[ServerState],
    servers: &[ServerState],
    lease: Duration,
) -> Result<Vec<String>, Fault> {
    let known = Leases::of(ctx).all()?;
    let until = crate::journal::now() + lease.as_secs().max(1);
    let leads_to_maint = args.then.is_some() || args.unstick || args.on_deadline == Some(OnDeadline::Maint);
    let ours: &[AdminWish] = if leads_to_maint { &[AdminWish::Drain, AdminWish::Maint] } else { &[AdminWish::Drain] };
    let mut taken = Vec::new();
    for server in servers {
        let name = server.name.to_string();
        let was = before.iter().find(|s| s.name == server.name).map_or(AdminWish::Ready, |s| AdminWish::of(s.admin));
        if let Err(fault) = Leases::of(ctx).take(ctx, &name, was, ours, until) {
            // Those that were taken are given back, as far as that works: reaping finds nothing to do for the others.
            taken.iter().for_each(|name: &String| drop(Leases::of(ctx).end(ctx, name)));
            return Err(fault);
        }
        let mine = |l: &Lease| l.server == name && (l.node == ctx.node_name() || l.address == ctx.address());
        if !known.iter().any(mine) {
            taken.push(name);
        }
    }
    Ok(taken)
}

fn kill_old(ctx: &Context, report: &mut Report, servers: &[ServerState]) -> Result<(), Fault> {
    let Some(master) = ctx.master() else { return Ok(()) };
    for server in servers {
        let ended = workers::kill(master, &server.name)?;
        let sessions = if ended == 1 { "session" } else { "sessions" };
        let told = format!("{ended} {sessions} of old workers ended");
        report.done(ctx, &server.name.to_string(), "kill", "done", &told, None)?;
    }
    Ok(())
}

/// Releases persistent clients: the table forgets them, and maintenance sends those with a cookie elsewhere.
fn unstick(ctx: &Context, report: &mut Report, servers: &[ServerState]) -> Result<Vec<ServerState>, Fault> {
    let fresh = apply(ctx, report, &Act::State(AdminWish::Maint), servers)?;
    for server in &fresh {
        // After the maintenance has begun: until then a client may come and renew its entry.
        sticky::forget(&ctx.client, server)?;
    }
    Ok(fresh)
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
        Leases::of(ctx).end(ctx, &watch.state.name.to_string())?;
    }
    Ok(())
}

/// Ends the sessions that are left and waits until they have gone.
///
/// # Errors
/// When the node refuses, or sessions do not end.
pub fn kill(
    ctx: &Context,
    patience: &Patience,
    left: &[Watch],
    arrive: &mut dyn FnMut(&Watch) -> Result<(), Fault>,
) -> Result<(), Fault> {
    for watch in left {
        let name = watch.state.name.to_string();
        let words = load_words(watch);
        ctx.warn(
            &format!("{}{name}: the deadline passed, and its {words} end now", ctx.prefix()),
            "--on-deadline kill asked for it; their clients see truncated answers",
        );
        ctx.client.change(&Line::words(["shutdown", "sessions", "server", &name]).map_err(lb_client::Error::from)?)?;
        if let (true, Some(master)) = (patience.old_workers, ctx.master()) {
            workers::kill(master, &watch.state.name)?;
        }
    }
    let servers: Vec<ServerState> = left.iter().map(|w| w.state.clone()).collect();
    let patience = Patience { deadline: Some(KILL_PATIENCE), quiet: true, ..*patience };
    let (watches, end) = wait_for(ctx, &Goal::Drained, &servers, &patience, arrive)?;
    if end == End::Reached {
        return Ok(());
    }
    let held = watches.iter().filter(|w| w.reached.is_none());
    let details = held.map(|w| format!("{} still has {}", w.state.name, load_words(w)));
    Err(Fault::new(Exit::Deadline, "sessions were told to end, and did not").details(details))
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
        details.extend(holders(ctx, &watch.state.name));
    }
    let names: Vec<String> = left.iter().map(|w| w.state.name.to_string()).collect();
    let all = names.join(" ");
    let kill = ctx.suggest(&format!("kill-sessions {all}"));
    let fault = Fault::new(Exit::Deadline, deadline_words(args.deadline)).details(details);
    match args.on_deadline.unwrap_or(OnDeadline::Fail) {
        // Every node is put back.
        _ if ctx.all_or_nothing => fault,
        OnDeadline::Restore | OnDeadline::Kill => fault,
        OnDeadline::Maint => fault.hint(format!("to end the sessions: {kill}")),
        OnDeadline::Fail => fault.hint(format!(
            "it stays draining; to keep its persistent clients away: {}; to end the sessions: {kill}; to undo: {}",
            ctx.suggest(&format!("maint {all}")),
            ctx.suggest(&format!("ready {all}")),
        )),
    }
}
