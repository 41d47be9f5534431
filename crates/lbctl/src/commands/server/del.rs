//! `lbctl server del`.

use std::time::{Duration, Instant};

use lb_client::{Act, AdminWish, Error, Line, ServerName};

use super::add::find;
use crate::apply::{Report, apply, note_change};
use crate::cli::duration;
use crate::context::Context;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::interrupt::Interrupt;
use crate::lines::{accepted, on_nodes};

/// Arguments.
#[derive(Debug, Clone, clap::Args)]
#[command(
    after_help = "The server goes into maintenance, and is removed once no session and no connection is left on \
                        it.\n\nExamples:\n  lbctl server del app/web9\n  lbctl server del app/web9 --deadline 1m --kill"
)]
pub struct Args {
    /// The server: backend/server
    #[arg(add = clap_complete::engine::ArgValueCompleter::new(crate::complete::targets))]
    pub name: ServerName,
    /// Longest time to wait for its sessions
    #[arg(long, value_parser = duration, default_value = "30s", value_name = "TIME")]
    pub deadline: Duration,
    /// End its sessions instead of waiting for them
    #[arg(long)]
    pub kill: bool,
}

/// How often the removal is tried again.
const PAUSE: Duration = Duration::from_millis(100);

/// Runs it.
///
/// # Errors
/// When the node refuses, or sessions are left at the deadline.
pub fn run(args: &Args, ctx: &Context) -> Result<(), Fault> {
    on_nodes(ctx, |one, report| remove(args, one, report))
}

fn remove(args: &Args, ctx: &Context, report: &mut Report) -> Result<(), Fault> {
    let name = args.name.to_string();
    let Some(server) = find(&ctx.client, &args.name)? else {
        return report.done(ctx, &name, "del", "already", "gone", None);
    };
    let del = Line::words(["del", "server", &name]).map_err(Error::from)?;
    let kill = Line::words(["shutdown", "sessions", "server", &name]).map_err(Error::from)?;
    apply(ctx, report, &Act::State(AdminWish::Maint), std::slice::from_ref(&server))?;
    if ctx.dry_run.is_some() {
        if args.kill {
            report.planned(ctx, &name, "kill-sessions", "end its sessions", Some(&kill))?;
        }
        return report.planned(ctx, &name, "del", "remove it", Some(&del));
    }
    if !report.is_clean() {
        return Ok(());
    }
    if args.kill {
        accepted(&ctx.client, &kill)?;
    }
    let mut interrupt = Interrupt::new()?;
    let start = Instant::now();
    loop {
        let refusal = match accepted(&ctx.client, &del) {
            Ok(()) => break,
            Err(fault) => fault,
        };
        // What is refused without a session is refused for another reason, such as that the configuration has it.
        if refusal.exit != Exit::Refused || !is_busy(&refusal) {
            let tip = "the server is in maintenance; 'ready' brings it back";
            return Err(if refusal.hint.is_none() { refusal.hint(tip) } else { refusal });
        }
        if start.elapsed() >= args.deadline {
            return Err(Fault::new(Exit::Deadline, format!("{name} still has connections: {}", refusal.message)).hint(
                format!("it is in maintenance; to end them: {}", ctx.suggest(&format!("server del {name} --kill"))),
            ));
        }
        if interrupt.sleep(PAUSE) {
            return Err(Fault::new(Exit::Interrupted, format!("interrupted; {name} stays in maintenance")));
        }
    }
    note_change(ctx, &name, "server", "there", "removed");
    report.done(ctx, &name, "del", "done", "removed", None)
}

/// Whether a refusal speaks of connections, which go with time.
fn is_busy(refusal: &Fault) -> bool {
    refusal.message.contains("connections") || refusal.message.contains("active")
}
