//! Changes that are a command line and nothing to compare beforehand: sent, judged by the answer, told.

use lb_client::{Client, Line};

use crate::acting::finish;
use crate::apply::Report;
use crate::context::Context;
use crate::exit::Exit;
use crate::fan;
use crate::fault::Fault;

/// What is told of a change.
pub struct Told<'a> {
    /// The thing.
    pub object: &'a str,
    /// The action's word in data formats.
    pub action: &'static str,
    /// What a dry run would do, after `would`.
    pub plan: &'a str,
    /// What it is afterwards.
    pub state: &'a str,
}

/// Sends a command, or tells it when nothing is to be changed; gives whether it was sent and accepted.
///
/// # Errors
/// When standard output cannot be written.
pub fn send(ctx: &Context, report: &mut Report, line: &Line, told: &Told<'_>) -> Result<bool, Fault> {
    if ctx.dry_run.is_some() {
        report.planned(ctx, told.object, told.action, told.plan, Some(line))?;
        return Ok(false);
    }
    match accepted(&ctx.client, line) {
        Ok(()) => report.done(ctx, told.object, told.action, "done", told.state, None).map(|()| true),
        Err(fault) => {
            report.failed(ctx, told.object, told.action, &fault);
            Ok(false)
        }
    }
}

/// Sends a command whose answer must not be a refusal.
///
/// # Errors
/// The refusal, and those of the exchange.
pub fn accepted(client: &Client, line: &Line) -> Result<(), Fault> {
    client.ask_ok(line)?;
    Ok(())
}

/// Does something on every node that is about no servers.
///
/// # Errors
/// Those of the work; [`Exit::Usage`] with `--all-or-nothing`, which is about servers.
pub fn on_nodes(ctx: &Context, work: impl Fn(&Context, &mut Report) -> Result<(), Fault> + Sync) -> Result<(), Fault> {
    if ctx.all_or_nothing {
        return Err(Fault::new(Exit::Usage, "--all-or-nothing is about servers only")
            .hint("'lbctl undo' puts back what was changed on some nodes"));
    }
    let done = fan::each(ctx, |one| {
        let mut report = Report::default();
        let outcome = work(one, &mut report);
        (report, outcome)
    });
    finish(ctx, done)
}
