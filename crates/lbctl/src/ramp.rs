//! Bringing servers back by and by: the weight goes up in steps, and a condition between two of them puts
//! everything back.

use std::str::FromStr;
use std::time::Duration;

use lb_client::{Act, ServerState};
use lb_model::ParsedWeight;
use lb_stats::StatTable;

use crate::acting::restore;
use crate::apply::{Report, apply};
use crate::condition::{Base, Condition};
use crate::context::Context;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::interrupt::Interrupt;

/// A step: a percentage of the configured weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share(u32);

impl FromStr for Share {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_suffix('%').unwrap_or(text);
        digits.parse().ok().filter(|p| (1..=100).contains(p)).map(Self).ok_or("a step is a percentage from 1% to 100%")
    }
}

/// The steps and what ends them.
pub struct Ramp<'a> {
    /// Percentages of the configured weight.
    pub steps: &'a [Share],
    /// Time between them.
    pub every: Duration,
    /// What puts everything back.
    pub abort_if: Option<&'a Condition>,
}

/// How often the condition is looked at.
const LOOK: Duration = Duration::from_millis(500);

impl Ramp<'_> {
    /// The weight of a step: at least 1, since a share that rounds to nothing would bring no traffic to judge by.
    fn weight(share: Share, server: &ServerState) -> u32 {
        if server.initial_weight == 0 { 0 } else { (server.initial_weight * share.0 / 100).max(1) }
    }

    /// Sets the first step's weight, before the servers come back.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub fn begin(&self, ctx: &Context, report: &mut Report, servers: &[ServerState]) -> Result<(), Fault> {
        let Some(first) = self.steps.first() else { return Ok(()) };
        step(ctx, report, servers, *first)
    }
}

fn step(ctx: &Context, report: &mut Report, servers: &[ServerState], share: Share) -> Result<(), Fault> {
    for server in servers {
        let act = Act::Weight(ParsedWeight::Absolute(Ramp::weight(share, server)));
        apply(ctx, report, &act, std::slice::from_ref(server))?;
    }
    if report.is_clean() {
        return Ok(());
    }
    Err(Fault::new(Exit::Refused, "the weight cannot be brought up in steps")
        .hint("static algorithms ('static-rr', map-based hashes) take only 0% and 100%: leave --ramp out"))
}

/// The further steps, once the servers are back.
///
/// # Errors
/// [`Exit::Guard`] when the condition held, after everything was put back; [`Exit::Interrupted`] by Ctrl-C, which leaves the
/// weights as they are.
pub fn ramp(
    ctx: &Context,
    report: &mut Report,
    before: &[ServerState],
    back: &[ServerState],
    ramp: &Ramp<'_>,
) -> Result<(), Fault> {
    let mut interrupt = Interrupt::new()?;
    for (at, share) in ramp.steps.iter().enumerate() {
        if at > 0 {
            let fresh: Result<Vec<_>, _> = back.iter().map(|s| ctx.client.server_state(&s.name)).collect();
            step(ctx, report, &fresh?, *share)?;
        }
        // After the last step there is nothing to wait for but the condition.
        if at + 1 == ramp.steps.len() && ramp.abort_if.is_none() {
            break;
        }
        match hold(ctx, back, ramp, &mut interrupt)? {
            Held::Quiet => {}
            Held::Aborted(why) => {
                restore(ctx, report, before)?;
                return Err(Fault::new(Exit::Guard, format!("{why}, and every server was put back"))
                    .hint("nothing else was tried; look at the server's log before the next attempt"));
            }
            Held::Interrupted => {
                let names: Vec<String> = back.iter().map(|s| s.name.to_string()).collect();
                let names = names.join(" ");
                let full = ctx.suggest(&format!("weight {names} 100%"));
                return Err(Fault::new(Exit::Interrupted, "interrupted; the weights stay as they are")
                    .hint(format!("to finish at once: {full}; to take it back: 'lbctl undo'")));
            }
        }
    }
    Ok(())
}

enum Held {
    Quiet,
    Aborted(String),
    Interrupted,
}

/// Waits until the next step, with an eye on the condition.
fn hold(ctx: &Context, servers: &[ServerState], ramp: &Ramp<'_>, interrupt: &mut Interrupt) -> Result<Held, Fault> {
    let start = std::time::Instant::now();
    let mut bases: Vec<Option<Base>> = vec![None; servers.len()];
    loop {
        if let Some(condition) = ramp.abort_if {
            let table = ctx.client.server_stat()?;
            for (server, base) in servers.iter().zip(&mut bases) {
                if let Some(why) = broken(&table, server, condition, base) {
                    return Ok(Held::Aborted(why));
                }
            }
        }
        let left = ramp.every.saturating_sub(start.elapsed());
        if left.is_zero() {
            return Ok(Held::Quiet);
        }
        if interrupt.sleep(left.min(LOOK)) {
            return Ok(Held::Interrupted);
        }
    }
}

fn broken(table: &StatTable, server: &ServerState, condition: &Condition, base: &mut Option<Base>) -> Option<String> {
    let row = table.rows().find(|r| r.proxy() == server.name.backend && r.name() == server.name.server)?;
    let base = base.get_or_insert_with(|| condition.base(&row));
    let (holds, value) = condition.holds(&row, base);
    holds.then(|| format!("{}: {condition} ({value:.1})", server.name))
}
