//! `lbctl lease`: servers that are out for a time.

use std::time::Duration;

use lb_client::{Act, Address, AdminWish, ServerName};

use crate::apply::{Report, apply};
use crate::cli::{Globals, duration};
use crate::context::{Context, Output};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::interrupt::Interrupt;
use crate::journal::{now, utc};
use crate::leases::{Lease, Leases};
use crate::output::{Cell, Column, Sheet, Shown};
use crate::settings::Settings;

/// What to do with leases.
#[derive(Debug, clap::Subcommand)]
#[command(
    after_help = "'lbctl drain --lease 30m' takes a lease; 'lbctl ready' ends it. A timer that runs 'lbctl lease \
                        reap' every minute brings back what was forgotten.\n\nExamples:\n  lbctl lease list\n  lbctl lease \
                        reap"
)]
pub enum What {
    /// List the leases of this host, or of all that share the context's etcd
    #[command(after_help = "Example:\n  lbctl lease list -o json")]
    List,
    /// Bring back the servers whose lease has expired, unless somebody changed them meanwhile
    #[command(after_help = "Examples:\n  lbctl lease reap\n  lbctl lease reap --watch 30s")]
    Reap {
        /// Again and again, until Ctrl-C
        #[arg(long, value_parser = duration, value_name = "TIME")]
        watch: Option<Duration>,
    },
}

const COLUMNS: &[Column<Lease>] = &[
    Column { key: "server", heading: "SERVER", shown: Shown::Always, value: |l| Cell::text(Some(&l.server)) },
    Column { key: "on", heading: "ON", shown: Shown::Always, value: |l| Cell::text(Some(&l.node)) },
    Column { key: "address", heading: "ADDRESS", shown: Shown::Data, value: |l| Cell::text(Some(&l.address)) },
    Column { key: "until", heading: "UNTIL", shown: Shown::Always, value: |l| Cell::Text(utc(l.until)) },
    Column {
        key: "left_seconds",
        heading: "LEFT",
        shown: Shown::Always,
        value: |l| Cell::Seconds(l.until.saturating_sub(now())),
    },
    Column { key: "then", heading: "THEN", shown: Shown::Always, value: |l| Cell::text(Some(&l.before)) },
    Column { key: "user", heading: "USER", shown: Shown::Always, value: |l| Cell::text(Some(&l.user)) },
    Column { key: "message", heading: "MESSAGE", shown: Shown::Always, value: |l| Cell::text(l.message.as_deref()) },
];

/// Runs it.
///
/// # Errors
/// When the leases cannot be read or a server cannot be brought back.
pub fn run(what: &What, globals: &Globals) -> Result<(), Fault> {
    let output = Output::of(globals, &Settings::load()?);
    // Without a node, as on a host whose engine is gone, this host's leases can be listed all the same.
    let shared = Context::new(globals).ok().filter(|ctx| ctx.etcd.is_some());
    match what {
        What::List => {
            let leases = shared.as_ref().map_or(Leases::Host, Leases::of);
            Sheet::of(output.format, COLUMNS, &leases.all()?).print_to(&output)
        }
        What::Reap { watch: None } => reap(globals, shared.as_ref()),
        What::Reap { watch: Some(every) } => {
            let mut interrupt = Interrupt::new()?;
            loop {
                reap(globals, shared.as_ref())?;
                if interrupt.sleep(*every) {
                    return Err(Fault::new(Exit::Interrupted, "interrupted"));
                }
            }
        }
    }
}

fn reap(globals: &Globals, shared: Option<&Context>) -> Result<(), Fault> {
    let leases = shared.map_or(Leases::Host, Leases::of);
    let expired: Vec<Lease> = leases.all()?.into_iter().filter(|l| l.until <= now()).collect();
    let mut exits = Vec::new();
    for lease in &expired {
        let result = node_of(globals, shared, lease).and_then(|ctx| bring_back(&ctx, leases, lease));
        exits.push(result.err().map(|fault| {
            crate::context::tell(&fault, crate::output::Palette::PLAIN, None);
            fault.exit
        }));
    }
    crate::fan::verdict(&exits)
}

fn bad(lease: &Lease, what: &str) -> Fault {
    Fault::new(Exit::Refused, format!("the lease on {}: {what}", lease.server))
}

/// The lease's node: by its address, or by its name in a context that machines share.
fn node_of(globals: &Globals, shared: Option<&Context>, lease: &Lease) -> Result<Context, Fault> {
    if let Some(ctx) = shared {
        let node = ctx.nodes.iter().find(|node| node.name == lease.node);
        return node.map(|node| ctx.on(node)).ok_or_else(|| {
            bad(lease, &format!("this context has no node '{}'", lease.node))
                .hint("'lbctl context list' lists what there is")
        });
    }
    let address: Address = lease.address.parse().map_err(|e: lb_client::AddressError| bad(lease, &e.to_string()))?;
    Context::of_address(globals, &lease.node, address)
}

fn bring_back(ctx: &Context, leases: Leases<'_>, lease: &Lease) -> Result<(), Fault> {
    let name: ServerName = lease.server.parse().map_err(|e: lb_client::NameError| bad(lease, &e.to_string()))?;
    let state = ctx.client.server_state(&name)?;
    let now = AdminWish::of(state.admin).as_str();
    if now != lease.before && !lease.ours.iter().any(|state| state == now) {
        ctx.warn(
            &format!("{}{name} is {} by now: its lease ends, and it stays so", ctx.prefix(), state.words()),
            "somebody changed it after the lease was taken; 'lbctl log' may tell who",
        );
        return if ctx.dry_run.is_none() { leases.end(ctx, &lease.server) } else { Ok(()) };
    }
    let mut report = Report::default();
    let act = match lease.before.as_str() {
        "drain" => Act::State(AdminWish::Drain),
        "maint" => Act::State(AdminWish::Maint),
        _ => Act::State(AdminWish::Ready),
    };
    apply(ctx, &mut report, &act, &[state])?;
    report.verdict()?;
    if ctx.dry_run.is_none() {
        leases.end(ctx, &lease.server)?;
    }
    Ok(())
}
