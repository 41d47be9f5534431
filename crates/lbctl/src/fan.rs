//! Every node at once: the same work on each in a thread of its own, results in the nodes' order.

use std::thread;

use crate::context::Context;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::interrupt::Interrupt;
use crate::output::Sheet;

/// Does the work on every node.
pub fn each<T: Send>(ctx: &Context, work: impl Fn(&Context) -> T + Sync) -> Vec<(Context, T)> {
    let contexts: Vec<Context> = ctx.nodes.iter().map(|node| ctx.on(node)).collect();
    let done = match contexts.as_slice() {
        [one] => vec![work(one)],
        several => {
            // Held back before the threads are there, who inherit it: each of them waits for the signals itself.
            let _held = Interrupt::new();
            thread::scope(|scope| {
                let running: Vec<_> = several.iter().map(|one| scope.spawn(|| work(one))).collect();
                running
                    .into_iter()
                    .map(|thread| thread.join().unwrap_or_else(|p| std::panic::resume_unwind(p)))
                    .collect()
            })
        }
    };
    contexts.into_iter().zip(done).collect()
}

/// Shows what each node gives as one table with a column for the node.
///
/// # Errors
/// Of one node, its own; of several, those are told and the exit status says whether all failed or some.
pub fn show(ctx: &Context, sheet: impl Fn(&Context) -> Result<Sheet, Fault> + Sync) -> Result<(), Fault> {
    let (sheet, end) = gather(ctx, sheet);
    if let Some(sheet) = sheet {
        sheet.print(ctx)?;
    }
    end
}

/// What the nodes give, as one table with a column for the node where there are several, and the command's end:
/// of one node, its own failure; of several, those are told already.
pub fn gather(
    ctx: &Context,
    sheet: impl Fn(&Context) -> Result<Sheet, Fault> + Sync,
) -> (Option<Sheet>, Result<(), Fault>) {
    let mut sheets = Vec::new();
    let mut exits = Vec::new();
    for (one, result) in each(ctx, sheet) {
        match (result, one.node.clone()) {
            (Ok(sheet), Some(node)) => {
                sheets.push((node, sheet));
                exits.push(None);
            }
            (Ok(sheet), None) => return (Some(sheet), Ok(())),
            (Err(fault), None) => return (None, Err(fault)),
            (Err(fault), Some(_)) => {
                one.tell(&fault);
                exits.push(Some(fault.exit));
            }
        }
    }
    ((!sheets.is_empty()).then(|| Sheet::merge(sheets)), verdict(&exits))
}

/// What a command's end is, by the ends on its nodes.
///
/// # Errors
/// [`Exit::Partial`] when only some failed, the first failure's status when all did.
pub fn verdict(exits: &[Option<Exit>]) -> Result<(), Fault> {
    let failed = exits.iter().flatten().count();
    match exits.iter().flatten().next() {
        None => Ok(()),
        Some(exit) if failed == exits.len() => Err(Fault::told(*exit)),
        Some(_) => Err(Fault::told(Exit::Partial)),
    }
}
