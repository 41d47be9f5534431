//! Changing servers one after the other and telling each result; a dry run tells what would be.

use std::io::{self, Write};

use lb_client::{Act, Acted, AdminWish, HealthWish, Line, ServerState};
use lb_model::{AdminState, ParsedWeight};

use crate::cli::DryRun;
use crate::context::Context;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::journal::Change;
use crate::output::{Cell, Column, Sheet, Shown};

/// One step on one server, as told.
#[derive(Debug, Clone)]
struct Step {
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

/// Collects what was done on one node. For people each step is told as it happens, for programs all at the end.
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
            // In one piece: other nodes are told of at the same time.
            let line = format!("{}{server}: {state}{already}{more}\n", ctx.prefix());
            io::stdout().lock().write_all(line.as_bytes())?;
        }
        self.steps.push(Step { server: server.to_owned(), action, result, state: state.to_owned(), note });
        Ok(())
    }

    /// What a dry run would do: the plan's words, or the command itself.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub fn planned(
        &mut self,
        ctx: &Context,
        server: &str,
        action: &'static str,
        words: &str,
        line: Option<&Line>,
    ) -> Result<(), Fault> {
        if ctx.dry_run == Some(DryRun::Wire) {
            if let Some(line) = line {
                let text = format!("{}\n", ctx.client.wire(line));
                io::stdout().lock().write_all(text.as_bytes())?;
            }
            return Ok(());
        }
        if !ctx.format.is_data() {
            let text = format!("{}{server}: would {words}\n", ctx.prefix());
            io::stdout().lock().write_all(text.as_bytes())?;
        }
        let (state, note) = (String::new(), Some(words.to_owned()));
        self.steps.push(Step { server: server.to_owned(), action, result: "planned", state, note });
        Ok(())
    }

    /// A step that failed: told at once on standard error.
    pub fn failed(&mut self, ctx: &Context, server: &str, action: &'static str, fault: &Fault) {
        ctx.tell(fault);
        self.failures.push(fault.exit);
        let note = Some(fault.message.clone());
        self.steps.push(Step { server: server.to_owned(), action, result: "failed", state: String::new(), note });
    }

    /// Takes another's steps in.
    pub fn append(&mut self, other: Self) {
        self.steps.extend(other.steps);
        self.failures.extend(other.failures);
    }

    /// Whether every step went well.
    pub fn is_clean(&self) -> bool {
        self.failures.is_empty()
    }

    /// How the first step that failed ended.
    pub fn first_failure(&self) -> Option<Exit> {
        self.failures.first().copied()
    }

    /// What programs read of it.
    pub fn sheet(&self, ctx: &Context) -> Sheet {
        Sheet::of(ctx.format, COLUMNS, &self.steps)
    }

    /// What the node's end is.
    ///
    /// # Errors
    /// The common exit status of all failures, or [`Exit::Partial`] when only some servers failed.
    pub fn verdict(&self) -> Result<(), Fault> {
        match self.failures.first() {
            None => Ok(()),
            Some(_) if self.failures.len() < self.steps.len() => Err(Fault::told(Exit::Partial)),
            Some(exit) => Err(Fault::told(*exit)),
        }
    }
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
        if ctx.dry_run.is_some() {
            plan(ctx, report, act, server)?;
            continue;
        }
        match ctx.client.act(act, server) {
            Ok(acted) => {
                let result = if matches!(acted, Acted::Already(_)) { "already" } else { "done" };
                let after = acted.server();
                if result == "done" {
                    record(ctx, act, server, after);
                }
                if *act == Act::State(AdminWish::Ready) {
                    end_lease(ctx, &name);
                }
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
                if matches!(fault.exit, Exit::Unreachable | Exit::Guard) {
                    break;
                }
            }
        }
    }
    Ok(reached)
}

/// Tells and writes down that a server was brought back down, for its checks to decide.
///
/// # Errors
/// When standard output cannot be written.
pub fn brought_back(
    ctx: &Context,
    report: &mut Report,
    before: &ServerState,
    acted: &Acted,
    changed: bool,
) -> Result<(), Fault> {
    let act = Act::State(AdminWish::Ready);
    let (name, after) = (before.name.to_string(), acted.server());
    if changed {
        record(ctx, &act, before, after);
    }
    end_lease(ctx, &name);
    let result = if changed { "done" } else { "already" };
    report.done(ctx, &name, "ready", result, &describe(&act, after), note(ctx, &act, after))
}

fn plan(ctx: &Context, report: &mut Report, act: &Act, server: &ServerState) -> Result<(), Fault> {
    let name = server.name.to_string();
    if !act.needed(server) {
        if ctx.dry_run == Some(DryRun::Plan) {
            report.done(ctx, &name, verb(act), "already", &describe(act, server), None)?;
        }
        return Ok(());
    }
    let words = match act {
        Act::State(wish) => format!("{} it, which is {}", wish.as_str(), server.words()),
        Act::Weight(weight) => {
            format!("change its weight from {} to {}", server.weight, weight.resolve(server.initial_weight))
        }
        Act::Health(wish) => format!("force its health {}", wish.as_str()),
    };
    report.planned(ctx, &name, verb(act), &words, Some(&act.line(&server.name)?))
}

/// Writes a change to the journal; that it cannot be written is told and stops nothing.
fn record(ctx: &Context, act: &Act, before: &ServerState, after: &ServerState) {
    let (what, was, is) = match act {
        Act::State(_) => ("state", AdminWish::of(before.admin).as_str().to_owned(), {
            AdminWish::of(after.admin).as_str().to_owned()
        }),
        Act::Weight(_) => ("weight", before.weight.to_string(), after.weight.to_string()),
        Act::Health(wish) => ("health", String::new(), wish.as_str().to_owned()),
    };
    note_change(ctx, &before.name.to_string(), what, &was, &is);
}

/// Who is back needs no lease any more.
fn end_lease(ctx: &Context, name: &str) {
    if let Err(fault) = crate::leases::Leases::of(ctx).end(ctx, name) {
        ctx.warn(
            &format!("the lease on {name} was not ended: {}", fault.message),
            "'lbctl lease list' lists what there is",
        );
    }
}

/// Writes down what was changed on the node that is worked on; that it cannot be written is told and stops nothing.
pub fn note_change(ctx: &Context, object: &str, what: &str, before: &str, after: &str) {
    let change = Change {
        node: ctx.node_name(),
        address: ctx.address(),
        object: object.to_owned(),
        what: what.to_owned(),
        before: before.to_owned(),
        after: after.to_owned(),
    };
    if let Err(fault) = ctx.operation.record(change) {
        ctx.warn(
            &format!("this change is not in the journal: {}", fault.message),
            fault.hint.as_deref().unwrap_or("'lbctl undo' will not know it"),
        );
    }
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
    match act {
        Act::State(AdminWish::Ready) if after.weight == 0 => {
            let cure = ctx.suggest(&format!("weight {} 100%", after.name));
            Some(format!("its weight is 0: '{cure}' gives it traffic"))
        }
        Act::State(AdminWish::Ready) if after.admin.intersects(AdminState::RESOLUTION_MAINT) => {
            Some(format!("it serves once a name server, or '{}', gives it an address", {
                ctx.suggest(&format!("server addr {} ADDRESS", after.name))
            }))
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
