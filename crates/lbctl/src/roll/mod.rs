//! Rolling through servers: take some out, run a command for each, bring them back, go on.
//!
//! A batch is out only while the guard holds on every node, and the next begins when the last one serves again. The first
//! failure puts its batch back and ends it; what was rolled stays rolled.

pub mod exec;
pub mod state;

use std::time::{Duration, Instant};

use lb_client::{Act, AdminWish, ServerName, ServerState};
use lb_model::ParsedWeight;

use crate::acting::{Done, finish};
use crate::apply::{Report, apply};
use crate::commands::ready::bring_back;
use crate::context::Context;
use crate::exit::Exit;
use crate::fan;
use crate::fault::Fault;
use crate::guard::Guards;
use crate::interrupt::Interrupt;
use crate::waiting::{End, Goal, Patience, load_words, wait_for};
use state::{Before, Item, Phase, Place, State};

/// How often a guard that does not hold is judged again.
const GUARD_LOOK: Duration = Duration::from_millis(200);

/// A roll at work.
pub struct Roll<'a> {
    /// All its nodes.
    pub ctx: &'a Context,
    /// Where its state is.
    pub place: &'a Place,
    /// The state.
    pub state: State,
}

impl Roll<'_> {
    /// Rolls what is not done yet.
    ///
    /// # Errors
    /// The first failure, after its batch was put back.
    pub fn run(mut self) -> Result<(), Fault> {
        let mut reports: Vec<Report> = self.ctx.nodes.iter().map(|_| Report::default()).collect();
        let outcome = self.batches(&mut reports);
        let done = self.ctx.nodes.iter().map(|node| self.ctx.on(node)).zip(reports);
        let done: Vec<(Context, Done)> = done.map(|(one, report)| (one, (report, Ok(())))).collect();
        // What failed is told by the outcome.
        let printed = finish(self.ctx, done);
        outcome.and(printed)
    }

    fn batches(&mut self, reports: &mut [Report]) -> Result<(), Fault> {
        loop {
            let batch = self.next_batch();
            if batch.is_empty() {
                return Ok(());
            }
            if self.place.is_lost() {
                let resume = format!("lbctl roll --resume {}", self.place.id);
                return Err(Fault::new(Exit::Guard, "the claim in etcd has expired: others may be at work")
                    .hint(format!("the batches so far are done; to go on: {resume}")));
            }
            if let Err(fault) = self.roll_batch(&batch, reports) {
                return Err(self.stopped(&batch, fault, reports));
            }
        }
    }

    /// What was begun first, then as many of the rest as go together.
    fn next_batch(&self) -> Vec<usize> {
        let having = |wanted: &dyn Fn(Phase) -> bool| {
            let all = self.state.items.iter().enumerate().filter(|(_, item)| wanted(item.phase));
            all.map(|(at, _)| at).collect::<Vec<_>>()
        };
        let begun = having(&|phase| !matches!(phase, Phase::Pending | Phase::Done));
        if !begun.is_empty() {
            return begun;
        }
        having(&|phase| phase == Phase::Pending).into_iter().take(self.state.batch.max(1)).collect()
    }

    fn roll_batch(&mut self, batch: &[usize], reports: &mut [Report]) -> Result<(), Fault> {
        self.guard(batch)?;
        self.mark(batch, Phase::Pending, Phase::Taking)?;
        self.take_out(&self.names(batch, &[Phase::Taking]), reports)?;
        self.mark(batch, Phase::Taking, Phase::Executing)?;
        self.execute(batch)?;
        self.mark(batch, Phase::Executing, Phase::Returning)?;
        self.bring_back(&self.names(batch, &[Phase::Returning]), reports)?;
        self.mark(batch, Phase::Returning, Phase::Done)
    }

    /// Moves the batch's items that are in one phase to the next, for good.
    fn mark(&mut self, batch: &[usize], from: Phase, to: Phase) -> Result<(), Fault> {
        for at in batch {
            if let Some(item) = self.state.items.get_mut(*at).filter(|item| item.phase == from) {
                item.phase = to;
            }
        }
        self.place.save(&self.state)
    }

    fn names(&self, batch: &[usize], phases: &[Phase]) -> Vec<String> {
        let items = batch.iter().filter_map(|at| self.state.items.get(*at));
        items.filter(|item| phases.contains(&item.phase)).map(|item| item.server.clone()).collect()
    }

    /// Waits until the guard would hold with the batch out: a server that is slow to come up may still do so.
    fn guard(&self, batch: &[usize]) -> Result<(), Fault> {
        let Some(least) = self.state.min_up.as_ref().and_then(|text| text.parse().ok()) else { return Ok(()) };
        let guards = Guards { min_up: Some(least), max_peer_load: None };
        let names = self.names(batch, &[Phase::Pending, Phase::Taking]);
        let mut interrupt = Interrupt::new()?;
        let start = Instant::now();
        loop {
            let judged = fan::each(self.ctx, |one| {
                let servers = servers_of(one, &names)?;
                guards.check(one, &servers)
            });
            let refused = judged.into_iter().find_map(|(one, result)| result.err().map(|fault| (one, fault)));
            let Some((one, mut fault)) = refused else { return Ok(()) };
            if fault.exit != Exit::Guard || start.elapsed() >= self.up_within() {
                fault.message = format!("{}{}", one.prefix(), fault.message);
                return Err(fault);
            }
            if interrupt.sleep(GUARD_LOOK) {
                return Err(Fault::new(Exit::Interrupted, "interrupted while waiting for the guard"));
            }
        }
    }

    fn up_within(&self) -> Duration {
        Duration::from_millis(self.state.up_within_ms)
    }

    /// Drains servers on every node, waits until they are empty, and puts them into maintenance: persistent clients and idle
    /// connections must not meet a server that is being restarted.
    fn take_out(&self, names: &[String], reports: &mut [Report]) -> Result<(), Fault> {
        let patience = Patience {
            deadline: Some(Duration::from_millis(self.state.deadline_ms)),
            old_workers: true,
            ..Patience::default()
        };
        self.on_each(reports, |one, report| {
            let servers = servers_of(one, names)?;
            // Who is in maintenance already is past the drain, which would bring persistent clients back.
            let (past, to_drain): (Vec<_>, Vec<_>) =
                servers.into_iter().partition(|s| Act::State(AdminWish::Maint).holds(s));
            let mut out = apply(one, report, &Act::State(AdminWish::Drain), &to_drain)?;
            failed(report)?;
            out.extend(past);
            let mut told = |_: &crate::waiting::Watch| Ok(());
            let (watches, end) = wait_for(one, &Goal::Drained, &out, &patience, &mut told)?;
            let left: Vec<_> = watches.into_iter().filter(|w| w.reached.is_none()).collect();
            match end {
                End::Reached => {}
                End::Interrupted => return Err(Fault::new(Exit::Interrupted, "interrupted while draining")),
                End::Deadline if self.state.kill => {
                    crate::commands::drain::kill(one, &patience, &left, &mut told)?;
                }
                End::Deadline => {
                    let details = left.iter().map(|w| format!("{} still has {}", w.state.name, load_words(w)));
                    return Err(Fault::new(Exit::Deadline, "a server was not empty in time").details(details));
                }
            }
            let fresh: Vec<ServerState> = servers_of(one, names)?;
            apply(one, report, &Act::State(AdminWish::Maint), &fresh)?;
            failed(report)
        })
    }

    /// Runs the command of each server of the batch that is out, all at once.
    fn execute(&self, batch: &[usize]) -> Result<(), Fault> {
        let Some(template) = &self.state.exec else { return Ok(()) };
        let items: Vec<&Item> = batch.iter().filter_map(|at| self.state.items.get(*at)).collect();
        let items: Vec<&Item> = items.into_iter().filter(|item| item.phase == Phase::Executing).collect();
        let _held = Interrupt::new();
        let ends: Vec<(&Item, Result<i32, Fault>)> = std::thread::scope(|scope| {
            let run = |item: &Item| exec::run(&self.place.exec_dir(&item.server), template, item);
            let running: Vec<_> = items.iter().map(|item| (*item, scope.spawn(move || run(item)))).collect();
            let joined = running
                .into_iter()
                .map(|(item, thread)| (item, thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))));
            joined.collect()
        });
        for (item, end) in ends {
            match end? {
                0 => {}
                status => {
                    return Err(Fault::new(
                        Exit::Refused,
                        format!(
                            "the command of {} ended with status {status}: {}",
                            item.server,
                            exec::fill(template, item)
                        ),
                    ));
                }
            }
        }
        Ok(())
    }

    /// Brings servers back on every node to what they were, and waits until those that served do so again.
    fn bring_back(&self, names: &[String], reports: &mut [Report]) -> Result<(), Fault> {
        let patience = Patience::until(Some(self.up_within()));
        self.on_each(reports, |one, report| {
            let mut serving = Vec::new();
            for server in servers_of(one, names)? {
                let Some(before) = self.before(one, &server.name) else { continue };
                match before.state.as_str() {
                    "ready" => serving.extend(bring_back(self.state.checked, one, &[server], report)?),
                    _ => self.restore_one(one, report, &server, before)?,
                }
            }
            failed(report)?;
            let (watches, end) = wait_for(one, &Goal::Up, &serving, &patience, |_| Ok(()))?;
            let down =
                watches.iter().filter(|w| w.reached.is_none()).map(|w| format!("{} is {}", w.state.name, w.status));
            match end {
                End::Reached => Ok(()),
                End::Interrupted => Err(Fault::new(Exit::Interrupted, "interrupted while servers come up")),
                End::Deadline => Err(Fault::new(Exit::Deadline, "a server did not come up in time").details(down)),
            }
        })
    }

    fn before(&self, one: &Context, name: &ServerName) -> Option<&Before> {
        let name = name.to_string();
        self.state.items.iter().find(|item| item.server == name)?.before.get(&one.node_name())
    }

    fn restore_one(
        &self,
        one: &Context,
        report: &mut Report,
        server: &ServerState,
        before: &Before,
    ) -> Result<(), Fault> {
        let wish = match before.state.as_str() {
            "drain" => AdminWish::Drain,
            "maint" => AdminWish::Maint,
            _ => AdminWish::Ready,
        };
        apply(one, report, &Act::State(wish), std::slice::from_ref(server))?;
        if server.weight != before.weight {
            let act = Act::Weight(ParsedWeight::Absolute(before.weight));
            apply(one, report, &act, &[one.client.server_state(&server.name)?])?;
        }
        Ok(())
    }

    /// Puts the batch of a failure back, and says how to go on.
    fn stopped(&mut self, batch: &[usize], fault: Fault, reports: &mut [Report]) -> Fault {
        let resume = format!("lbctl roll --resume {}", self.place.id);
        if fault.exit == Exit::Interrupted {
            let names = self.names(batch, &[Phase::Taking, Phase::Executing, Phase::Returning]);
            let out = names.iter().map(|name| format!("{name} is out, or on its way"));
            return fault
                .details(out.collect::<Vec<_>>())
                .hint(format!("to go on: {resume}; to bring them back: 'lbctl undo'"));
        }
        // Who came back after its command stays back, up or not: the command is not undone.
        let names = self.names(batch, &[Phase::Taking, Phase::Executing]);
        let restored = self.on_each(reports, |one, report| {
            for server in servers_of(one, &names)? {
                if let Some(before) = self.before(one, &server.name) {
                    self.restore_one(one, report, &server, before)?;
                }
            }
            failed(report)
        });
        let forgotten = names.iter().try_for_each(|name| exec::forget_failed(&self.place.exec_dir(name)));
        let marked = [Phase::Taking, Phase::Executing].iter().try_for_each(|p| self.mark(batch, *p, Phase::Pending));
        let put_back = restored.and(forgotten).and(marked);
        let done = self.state.items.iter().filter(|item| item.phase == Phase::Done).count();
        let mut details = vec![format!("{done} of {} servers are done", self.state.items.len())];
        details.extend(put_back.err().map(|e| format!("its servers could not be put back: {}", e.message)));
        fault.details(details).hint(format!("once the cause is gone: {resume}"))
    }

    /// The same on every node; the first failure is the outcome, named by its node.
    fn on_each(
        &self,
        reports: &mut [Report],
        work: impl Fn(&Context, &mut Report) -> Result<(), Fault> + Sync,
    ) -> Result<(), Fault> {
        let done = fan::each(self.ctx, |one| {
            let mut report = Report::default();
            let outcome = work(one, &mut report);
            (report, outcome)
        });
        let mut first = Ok(());
        for ((one, (report, outcome)), all) in done.into_iter().zip(reports) {
            all.append(report);
            let outcome =
                outcome.map_err(|fault| Fault { message: format!("{}{}", one.prefix(), fault.message), ..fault });
            first = first.and(outcome);
        }
        first
    }
}

/// A failure that was told already, as the node's outcome.
fn failed(report: &Report) -> Result<(), Fault> {
    report.first_failure().map_or(Ok(()), |exit| Err(Fault::new(exit, "a server could not be changed")))
}

/// The servers of these names that a node has, in their state at this moment.
///
/// # Errors
/// Those of the exchange.
pub fn servers_of(ctx: &Context, names: &[String]) -> Result<Vec<ServerState>, Fault> {
    let all = ctx.client.servers_state(None)?;
    Ok(all.into_iter().filter(|s| names.contains(&s.name.to_string())).collect())
}
