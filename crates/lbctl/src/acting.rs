//! A command that changes servers, on every node: find them all, judge the guards, ask once, then act
//! on the nodes side by side; with `--all-or-nothing` put everything back when one of them failed.

use lb_client::{Act, AdminWish, ServerState};
use lb_model::ParsedWeight;

use crate::apply::{Report, apply};
use crate::cli::DryRun;
use crate::context::Context;
use crate::exit::Exit;
use crate::fan;
use crate::fault::Fault;
use crate::guard::Guards;
use crate::output::Sheet;
use crate::target::{Selection, names};

/// What is to be done, to what, and on what condition.
pub struct Acting<'a> {
    /// The question's beginning: `Drain`. Empty when nothing is changed, and so nothing asked.
    pub what: &'a str,
    /// The servers.
    pub selection: &'a Selection,
    /// What must hold before anything is changed.
    pub guards: Guards,
}

/// The servers of one node that are to be changed.
type Chosen = Vec<(Context, Result<Vec<ServerState>, Fault>)>;

/// What was done on one node, and how it ended.
pub type Done = (Report, Result<(), Fault>);

impl<'a> Acting<'a> {
    /// Without guards.
    pub fn new(what: &'a str, selection: &'a Selection) -> Self {
        Self { what, selection, guards: Guards::default() }
    }

    /// One act on each server, and nothing else.
    ///
    /// # Errors
    /// Those of [`Acting::run`].
    pub fn apply(&self, ctx: &Context, act: &Act) -> Result<(), Fault> {
        self.run(ctx, |one, servers, report| apply(one, report, act, servers).map(drop))
    }

    /// Finds the servers, judges the guards and asks; changes nothing.
    ///
    /// # Errors
    /// When nothing was found, or a guard or the operator refuses.
    pub fn judge(&self, ctx: &Context) -> Result<(), Fault> {
        self.choose(ctx).map(drop)
    }

    /// Does the work on each node's servers.
    ///
    /// # Errors
    /// When nothing was found, a guard or the operator refuses, or the work failed.
    pub fn run(
        &self,
        ctx: &Context,
        work: impl Fn(&Context, &[ServerState], &mut Report) -> Result<(), Fault> + Sync,
    ) -> Result<(), Fault> {
        let chosen = self.choose(ctx)?;
        let find = |one: &Context| chosen.iter().find(|(c, _)| c.node == one.node).map(|(_, found)| found);
        let done = fan::each(ctx, |one| {
            let mut report = Report::default();
            let outcome = match find(one) {
                Some(Ok(servers)) => work(one, servers, &mut report),
                Some(Err(fault)) => Err(Fault::told(fault.exit)),
                None => Ok(()),
            };
            (report, outcome)
        });
        self.end(ctx, &chosen, done)
    }

    /// What each node has of the servers, once the operator has agreed.
    fn choose(&self, ctx: &Context) -> Result<Chosen, Fault> {
        let chosen = self.find(ctx)?;
        let mut all: Vec<String> =
            chosen.iter().filter_map(|(_, found)| found.as_ref().ok()).flat_map(|s| names(s)).collect();
        all.sort_unstable();
        all.dedup();
        if !self.what.is_empty() {
            ctx.confirm(self.what, &all)?;
        }
        Ok(chosen)
    }

    /// What each node has of the servers. With one node, or when it is all or nothing, a failure ends it.
    fn find(&self, ctx: &Context) -> Result<Chosen, Fault> {
        let found = fan::each(ctx, |one| {
            let servers = self.selection.resolve(&one.client)?;
            self.guards.check(one, &servers)?;
            Ok(servers)
        });
        let failures: Vec<&(Context, Result<Vec<ServerState>, Fault>)> =
            found.iter().filter(|(_, r)| r.is_err()).collect();
        let guarded = failures.iter().any(|(_, r)| matches!(r, Err(f) if f.exit == Exit::Guard));
        if failures.is_empty() {
            return Ok(found);
        }
        if ctx.nodes.len() == 1 {
            return found.into_iter().map(|(c, r)| r.map(|servers| (c, Ok(servers)))).collect();
        }
        for (one, result) in &failures {
            if let Err(fault) = result {
                one.tell(fault);
            }
        }
        if guarded {
            return Err(Fault::new(Exit::Guard, "nothing was changed on any node"));
        }
        if failures.len() == found.len() {
            let exit = found.iter().find_map(|(_, r)| r.as_ref().err().map(|f| f.exit));
            return Err(Fault::told(exit.unwrap_or(Exit::Refused)));
        }
        if ctx.all_or_nothing {
            return Err(Fault::new(Exit::Guard, "not every node can be changed, and so nothing was changed")
                .hint("without --all-or-nothing the other nodes are changed all the same"));
        }
        Ok(found)
    }

    fn end(&self, ctx: &Context, chosen: &Chosen, mut done: Vec<(Context, Done)>) -> Result<(), Fault> {
        let failed = |(report, outcome): &Done| outcome.is_err() || !report.is_clean();
        let put_back =
            ctx.all_or_nothing && !self.what.is_empty() && ctx.dry_run.is_none() && done.iter().any(|(_, d)| failed(d));
        if put_back {
            for ((one, (report, _)), (_, servers)) in done.iter_mut().zip(chosen) {
                if let Ok(servers) = servers {
                    restore(one, report, servers)?;
                }
            }
        }
        if put_back {
            let failed = done.iter().find(|(_, d)| failed(d)).map(|(_, (_, outcome))| outcome.as_ref().err());
            let exit = failed.flatten().map_or(Exit::Refused, |f| f.exit);
            let end = finish(ctx, done);
            return end.and(Ok(())).map_err(|_| Fault::new(exit, "a node failed, and every node was put back"));
        }
        finish(ctx, done)
    }
}

/// Prints what programs read of every node, and gives the command's end.
///
/// # Errors
/// Of one node, its own; of several, those are told and the exit status says whether all failed or some.
pub fn finish(ctx: &Context, mut done: Vec<(Context, Done)>) -> Result<(), Fault> {
    if ctx.format.is_data() && ctx.dry_run != Some(DryRun::Wire) {
        let sheets: Vec<_> = done.iter().map(|(one, (report, _))| (one.node.clone(), report.sheet(one))).collect();
        match sheets.into_iter().map(|(node, sheet)| node.map(|n| (n, sheet))).collect::<Option<Vec<_>>>() {
            Some(several) => Sheet::merge(several).print(ctx)?,
            None => {
                if let Some((one, (report, _))) = done.first() {
                    report.sheet(one).print(ctx)?;
                }
            }
        }
    }
    if ctx.nodes.len() == 1 {
        return done.pop().map_or(Ok(()), |(_, (report, outcome))| outcome.and(report.verdict()));
    }
    let mut exits = Vec::new();
    for (one, (report, outcome)) in done {
        if let Err(fault) = &outcome {
            one.tell(fault);
        }
        exits.push(outcome.and(report.verdict()).err().map(|f| f.exit));
    }
    fan::verdict(&exits)
}

/// Puts servers back to what they were.
///
/// # Errors
/// When standard output cannot be written.
pub fn restore(ctx: &Context, report: &mut Report, before: &[ServerState]) -> Result<(), Fault> {
    for was in before {
        let fresh = match ctx.client.server_state(&was.name) {
            Ok(fresh) => fresh,
            Err(error) => {
                report.failed(ctx, &was.name.to_string(), "restore", &error.into());
                continue;
            }
        };
        let wish = AdminWish::of(was.admin);
        if AdminWish::of(fresh.admin) != wish {
            apply(ctx, report, &Act::State(wish), std::slice::from_ref(&fresh))?;
        }
        if fresh.weight != was.weight {
            apply(ctx, report, &Act::Weight(ParsedWeight::Absolute(was.weight)), &[fresh])?;
        }
    }
    Ok(())
}
