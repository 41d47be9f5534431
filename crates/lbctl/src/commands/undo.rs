//! `lbctl undo`: puts back what an operation changed, unless somebody changed it since.

use lb_client::{Act, Address, AdminWish, ServerName};
use lb_model::ParsedWeight;

use crate::apply::{Report, apply, note_change};
use crate::cli::Globals;
use crate::commands::server::{move_server, place};
use crate::context::Context;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::journal::{self, Change, Entry, Operation};
use crate::lines::{Told, send};
use crate::output::Sheet;
use crate::patterns::{Kind, Patterns};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "What is not any more as the operation left it is somebody else's by now: then nothing is put \
                        back.\n\nExamples:\n  lbctl undo\n  lbctl undo 17\n  lbctl undo 17 --dry-run")]
pub struct Args {
    /// The operation's number in 'lbctl log'; the last one that is not undone without
    pub id: Option<u64>,
}

/// A change with the node it was made on.
struct Step {
    ctx: Context,
    change: Change,
}

/// Runs it.
///
/// # Errors
/// When there is no such operation, something changed since, or it cannot be put back.
pub fn run(args: &Args, globals: &Globals) -> Result<(), Fault> {
    let entries = journal::entries()?;
    let entry = find(&entries, args.id)?;
    let operation = std::sync::Arc::new(Operation::new(globals.message.clone()).undoing(entry.id));
    let mut steps = Vec::new();
    for change in net(&entry.changes) {
        let address: Address =
            change.address.parse().map_err(|e| Fault::new(Exit::Refused, format!("operation {}: {e}", entry.id)))?;
        let mut ctx = Context::of_address(globals, &change.node, address)?;
        ctx.operation = std::sync::Arc::clone(&operation);
        if entry.changes.iter().any(|c| c.node != change.node) {
            ctx.node = Some(change.node.clone());
        }
        steps.push(Step { ctx, change });
    }
    let Some(shown) = steps.first().map(|s| s.ctx.clone()) else { return Ok(()) };
    // All are looked at before any is put back.
    let mut changed = Vec::new();
    for Step { ctx, change } in &steps {
        let now = present(ctx, change)?;
        if now != change.after && now != change.before {
            changed.push(format!(
                "{}{}: {} was set to {}, and is {now}",
                ctx.prefix(),
                change.object,
                change.what,
                told(&change.after)
            ));
        }
    }
    if !changed.is_empty() {
        return Err(Fault::new(
            Exit::Guard,
            format!("operation {} cannot be undone: something changed since", entry.id),
        )
        .details(changed)
        .hint("nothing was put back; 'lbctl log' shows who changed it, if it was done with lbctl here"));
    }
    let mut report = Report::default();
    let outcome = steps.iter().rev().try_for_each(|step| put_back(step, &mut report));
    if shown.format.is_data() {
        Sheet::print(&report.sheet(&shown), &shown)?;
    }
    outcome.and(report.verdict())
}

fn find(entries: &[Entry], id: Option<u64>) -> Result<&Entry, Fault> {
    let list = "'lbctl log' lists what there is";
    if let Some(id) = id {
        return entries
            .iter()
            .find(|e| e.id == id)
            .ok_or_else(|| Fault::new(Exit::NotFound, format!("there is no operation {id}")).hint(list));
    }
    let undone = |id: u64| entries.iter().any(|e| e.head.undoes == Some(id));
    let open = |e: &&Entry| e.head.undoes.is_none() && !undone(e.id) && !e.changes.is_empty();
    entries.iter().rev().find(open).ok_or_else(|| Fault::new(Exit::NotFound, "there is nothing to undo").hint(list))
}

/// The changes of an operation, each thing once: from what it was at first to what it was at last.
fn net(changes: &[Change]) -> Vec<Change> {
    let mut net: Vec<Change> = Vec::new();
    for change in changes {
        let same =
            |c: &&mut Change| (&c.address, &c.object, &c.what) == (&change.address, &change.object, &change.what);
        match net.iter_mut().find(same) {
            Some(known) => known.after.clone_from(&change.after),
            None => net.push(change.clone()),
        }
    }
    net.retain(|c| c.before != c.after);
    net
}

fn told(value: &str) -> &str {
    if value.is_empty() { "nothing" } else { value }
}

fn impossible(change: &Change) -> Fault {
    Fault::new(Exit::Refused, format!("{}: a change of its {} cannot be undone", change.object, change.what))
        .hint("nothing was put back; do the contrary by hand")
}

/// The value that a change is about, at this moment.
fn present(ctx: &Context, change: &Change) -> Result<String, Fault> {
    match change.what.as_str() {
        "state" => Ok(AdminWish::of(ctx.client.server_state(&name(change)?)?.admin).as_str().to_owned()),
        "weight" => Ok(ctx.client.server_state(&name(change)?)?.weight.to_string()),
        "address" => Ok(place(&ctx.client.server_state(&name(change)?)?)),
        "map" | "acl" => {
            let (patterns, key) = patterns(ctx, change)?;
            Ok(patterns.value(key)?.map_or(String::new(), |v| format!("={v}")))
        }
        _ => Err(impossible(change)),
    }
}

fn name(change: &Change) -> Result<ServerName, Fault> {
    change.object.parse().map_err(|_| impossible(change))
}

/// The map or list, and the key in it.
fn patterns<'a>(ctx: &'a Context, change: &'a Change) -> Result<(Patterns<'a>, &'a str), Fault> {
    let kind = if change.what == "map" { Kind::Map } else { Kind::Acl };
    let (name, key) = change.object.split_once(' ').ok_or_else(|| impossible(change))?;
    Ok((Patterns::find(&ctx.client, kind, name)?, key))
}

fn put_back(step: &Step, report: &mut Report) -> Result<(), Fault> {
    let Step { ctx, change } = step;
    let act = match change.what.as_str() {
        "state" => match change.before.as_str() {
            "maint" => Act::State(AdminWish::Maint),
            "drain" => Act::State(AdminWish::Drain),
            _ => Act::State(AdminWish::Ready),
        },
        "weight" => Act::Weight(ParsedWeight::Absolute(change.before.parse().map_err(|_| impossible(change))?)),
        "address" => {
            let server = ctx.client.server_state(&name(change)?)?;
            let (host, port) = change.before.split_once(' ').ok_or_else(|| impossible(change))?;
            let port = port.parse().map_err(|_| impossible(change))?;
            return move_server(ctx, report, &server, host, port);
        }
        "map" | "acl" => {
            let (patterns, key) = patterns(ctx, change)?;
            let before = change.before.strip_prefix('=');
            let now = patterns.value(key)?;
            let Some(line) = patterns.change(key, now.as_deref(), before)? else {
                return report.done(ctx, key, "undo", "already", before.unwrap_or("gone"), None);
            };
            let told = Told { object: key, action: "undo", plan: "put it back", state: "put back" };
            if send(ctx, report, &line, &told)? {
                note_change(ctx, &change.object, &change.what, &change.after, &change.before);
            }
            return Ok(());
        }
        _ => return Err(impossible(change)),
    };
    let server = ctx.client.server_state(&name(change)?)?;
    apply(ctx, report, &act, &[server]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_of_one_thing_are_one() {
        let change = |object: &str, before: &str, after: &str| Change {
            node: "a".into(),
            address: "/a".into(),
            object: object.into(),
            what: "state".into(),
            before: before.into(),
            after: after.into(),
        };
        let all = [
            change("x/1", "ready", "drain"),
            change("x/2", "ready", "drain"),
            change("x/1", "drain", "maint"),
            change("x/2", "drain", "ready"),
        ];
        assert_eq!(net(&all), [change("x/1", "ready", "maint")]);
    }
}
