//! Changing several servers: resolve all, ask once, change one after the other, tell each result.

use std::io::{self, Write};

use lb_client::{Act, Acted, ServerState};
use lb_model::ParsedWeight;

use crate::context::Context;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::output::{Cell, Column, Sheet, Shown};
use crate::target::{Target, names, resolve};

/// One step on one server, as told.
#[derive(Debug, Clone)]
pub struct Step {
    server: String,
    action: &'static str,
    result: &'static str,
    state: String,
    note: Option<String>,
}

const COLUMNS: &[Column<Step>] = &[
    Column { key: "server", heading: "SERVER", shown: Shown::Always, value: |s| Cell::Text(s.server.clone()) },
    Column { key: "action", heading: "ACTION", shown: Shown::Always, value: |s| Cell::Text(s.action.to_owned()) },
    Column { key: "result", heading: "RESULT", shown: Shown::Always, value: |s| Cell::Text(s.result.to_owned()) },
    Column { key: "state", heading: "STATE", shown: Shown::Always, value: |s| Cell::text(Some(&s.state)) },
    Column { key: "note", heading: "NOTE", shown: Shown::Always, value: |s| Cell::text(s.note.as_deref()) },
];

/// Collects what was done. For people each step is told as it happens, for programs all at the end.
#[derive(Debug, Default)]
pub struct Report {
    steps: Vec<Step>,
    failures: Vec<Exit>,
}

impl Report {
    /// A step that went well: `state` is what the server is, `note` what else to know.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub fn done(
        &mut self,
        ctx: &Context,
        server: &str,
        action: &'static str,
        result: &'static str,
        state: &str,
        note: Option<String>,
    ) -> Result<(), Fault> {
        if !ctx.format.is_data() {
            let already = if result == "already" { " already" } else { "" };
            let more = note.as_ref().map(|n| format!(" ({n})")).unwrap_or_default();
            writeln!(io::stdout().lock(), "{server}: {state}{already}{more}")?;
        }
        self.steps.push(Step { server: server.to_owned(), action, result, state: state.to_owned(), note });
        Ok(())
    }

    /// A step that failed: told at once on standard error.
    pub fn failed(&mut self, ctx: &Context, server: &str, action: &'static str, fault: &Fault) {
        ctx.tell(fault);
        self.failures.push(fault.exit);
        let note = Some(fault.message.clone());
        self.steps.push(Step { server: server.to_owned(), action, result: "failed", state: String::new(), note });
    }

    /// Prints what programs read.
    ///
    /// # Errors
    /// The common exit status of all failures, or [`Exit::Partial`] when only some servers failed.
    pub fn finish(self, ctx: &Context) -> Result<(), Fault> {
        if ctx.format.is_data() {
            Sheet::of(ctx.format, COLUMNS, &self.steps).print(ctx)?;
        }
        match self.failures.first() {
            None => Ok(()),
            Some(_) if self.failures.len() < self.steps.len() => Err(Fault::told(Exit::Partial)),
            Some(exit) => Err(Fault::told(*exit)),
        }
    }
}

/// The servers to change, after asking.
///
/// # Errors
/// When a target means nothing, or the operator says no.
pub fn select(ctx: &Context, what: &str, targets: &[Target]) -> Result<Vec<ServerState>, Fault> {
    let servers = resolve(&ctx.client, targets)?;
    ctx.confirm(what, &names(&servers))?;
    Ok(servers)
}

/// Changes each server and gives those that are as wished, in their state afterwards. A failure on
/// one server does not keep the others from being changed, unless the node itself fails.
///
/// # Errors
/// When standard output cannot be written.
pub fn apply(
    ctx: &Context,
    report: &mut Report,
    act: &Act,
    servers: &[ServerState],
) -> Result<Vec<ServerState>, Fault> {
    let action = verb(act);
    let mut reached = Vec::new();
    for server in servers {
        let name = server.name.to_string();
        match ctx.client.act(act, server) {
            Ok(acted) => {
                let result = if matches!(acted, Acted::Already(_)) { "already" } else { "done" };
                let after = acted.server();
                report.done(ctx, &name, action, result, &describe(act, after), note(ctx, act, after))?;
                if let Some((warning, hint)) = lost_share(ctx, act, after) {
                    ctx.warn(&warning, &hint);
                }
                reached.push(after.clone());
            }
            Err(error) => {
                let mut fault = Fault::from(error);
                if fault.exit == Exit::Refused && fault.hint.is_none() {
                    fault.hint =
                        Some(format!("'{}' tells more of it", ctx.suggest(&format!("show servers {name} -o wide"))));
                }
                report.failed(ctx, &name, action, &fault);
                // What is denied or unreachable once is so for the rest as well.
                if fault.exit == Exit::Unreachable {
                    break;
                }
            }
        }
    }
    Ok(reached)
}

fn verb(act: &Act) -> &'static str {
    match act {
        Act::State(wish) => wish.as_str(),
        Act::Weight(_) => "weight",
        Act::Health(_) => "health",
    }
}

/// What the server is, in the words of the act.
fn describe(act: &Act, after: &ServerState) -> String {
    match act {
        Act::State(_) => after.words(),
        Act::Weight(_) => format!("weight {}", after.weight),
        Act::Health(wish) => format!("health {}", wish.as_str()),
    }
}

/// A share of a small weight rounds down to nothing, which nobody who asks for a share wants.
fn lost_share(ctx: &Context, act: &Act, after: &ServerState) -> Option<(String, String)> {
    let (Act::Weight(ParsedWeight::Percent(percent @ 1..)), 0, configured @ 1..) =
        (act, after.weight, after.initial_weight)
    else {
        return None;
    };
    let name = &after.name;
    Some((
        format!("{percent}% of the configured weight {configured} is 0: {name} gets no new clients"),
        format!(
            "weights are whole numbers: '{}' is the least that gets traffic; a larger 'weight' in the configuration, \
             such as 100, can be shared out",
            ctx.suggest(&format!("weight {name} 1")),
        ),
    ))
}

/// What else the operator should know.
fn note(ctx: &Context, act: &Act, after: &ServerState) -> Option<String> {
    use lb_client::{AdminWish, HealthWish};
    use lb_model::AdminState;
    match act {
        Act::State(AdminWish::Ready) if after.weight == 0 => {
            let cure = ctx.suggest(&format!("weight {} 100%", after.name));
            Some(format!("its weight is 0: '{cure}' gives it traffic"))
        }
        Act::State(AdminWish::Ready | AdminWish::Drain) if after.admin.intersects(AdminState::INHERITED_MAINT) => {
            Some("change the server it tracks".into())
        }
        Act::Weight(_) if after.weight != after.initial_weight => Some(format!("configured: {}", after.initial_weight)),
        Act::Health(HealthWish::Up) if after.is_out() => Some(after.words()),
        Act::Health(_) if after.checked => Some("until its next checks".into()),
        _ => None,
    }
}

/// The whole of a command that changes servers and waits for nothing.
///
/// # Errors
/// Those of [`select`], [`apply`] and [`Report::finish`].
pub fn run(ctx: &Context, what: &str, targets: &[Target], act: &Act) -> Result<(), Fault> {
    let servers = select(ctx, what, targets)?;
    let mut report = Report::default();
    apply(ctx, &mut report, act, &servers)?;
    report.finish(ctx)
}
