//! `lbctl roll`.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use lb_client::{AdminWish, ServerState};

use crate::cli::{Globals, duration};
use crate::context::Context;
use crate::exit::Exit;
use crate::fan;
use crate::fault::Fault;
use crate::guard::Least;
use crate::journal;
use crate::roll::Roll;
use crate::roll::state::{Before, Item, NodeOf, Phase, Place, State};
use crate::settings::NodeSetting;
use crate::target::{Selection, Target};

/// Arguments.
#[derive(Debug, Clone, clap::Args)]
#[command(
    after_help = "Each batch is drained on every node, put into maintenance, its command run once for each server, and \
                        brought back; the next begins when it serves again. In the command {server}, {backend}, {name} \
                        (backend/server), {addr} and {port} stand for the server; LBCTL_SERVER, LBCTL_ADDR and LBCTL_PORT tell \
                        them too. The first failure puts its batch back and ends the roll. A roll that was killed, however, \
                        goes on with --resume, and no command runs twice.\n\nExamples:\n  lbctl roll app --batch 25% --exec \
                        './deploy {server} {addr}' --min-up 2 --checked\n  lbctl roll app --except app/web1 --exec 'ssh {addr} \
                        systemctl restart app'\n  lbctl roll --resume 3"
)]
pub struct Args {
    /// Backends, or servers as backend/server; * and ? on either side
    #[arg(
        required_unless_present = "resume",
        value_name = "TARGET",
        value_parser = Target::parse_loose,
        add = clap_complete::engine::ArgValueCompleter::new(crate::complete::targets)
    )]
    pub targets: Vec<Target>,
    /// Leave these servers alone (repeatable)
    #[arg(long, value_name = "TARGET")]
    pub except: Vec<Target>,
    /// How many servers at a time, or a share of them such as 25%
    #[arg(long, value_name = "N|%", default_value = "1")]
    pub batch: Least,
    /// The command for each server, run by /bin/sh while it is out
    #[arg(long, value_name = "COMMAND")]
    pub exec: Option<String>,
    /// Go on only while so many servers, or such a share, are up on every node
    #[arg(long, value_name = "N|%")]
    pub min_up: Option<Least>,
    /// Serve again only once the checks have passed
    #[arg(long)]
    pub checked: bool,
    /// Longest time for a server to empty
    #[arg(long, value_parser = duration, value_name = "TIME", default_value = "5m")]
    pub deadline: Duration,
    /// End the sessions that are left at the deadline, instead of stopping
    #[arg(long)]
    pub kill: bool,
    /// Longest time for a server to come up again
    #[arg(long, value_parser = duration, value_name = "TIME", default_value = "1m")]
    pub up_within: Duration,
    /// Go on with a roll that was stopped, on the nodes it began with
    #[arg(long, value_name = "ID", conflicts_with_all = ["targets", "except", "batch", "exec", "min_up", "checked", "kill"])]
    pub resume: Option<u64>,
}

/// Goes on with a roll, if the arguments say so.
pub fn resume(args: &Args, globals: &Globals) -> Option<Result<(), Fault>> {
    let id = args.resume?;
    Some((|| {
        let mut place = Place::open(id)?;
        let state = place.load()?;
        place.claim(&state)?;
        let parse = |text: &str| {
            text.parse().map_err(|e: lb_client::AddressError| Fault::new(Exit::Refused, format!("roll {id}: {e}")))
        };
        let mut nodes = Vec::new();
        for node in &state.nodes {
            let master = node.master.as_deref().map(parse).transpose()?;
            nodes.push(NodeSetting { name: node.name.clone(), socket: parse(&node.address)?, master });
        }
        let ctx = Context::of_nodes(globals, nodes)?;
        let left = state.items.iter().filter(|item| item.phase != Phase::Done).count();
        tell(&ctx, &format!("roll {id}: {left} of {} servers left", state.items.len()))?;
        Roll { ctx: &ctx, place: &place, state }.run()
    })())
}

/// Begins a roll.
///
/// # Errors
/// When a target means no server, or the first failure on the way.
pub fn run(args: &Args, ctx: &Context) -> Result<(), Fault> {
    let selection = Selection { targets: args.targets.clone(), except: args.except.clone(), addresses: Vec::new() };
    // Every node must answer: a roll that knew only some would restart servers under the others' clients.
    let mut found: Vec<(Context, Vec<ServerState>)> = Vec::new();
    for (one, result) in fan::each(ctx, |one| selection.resolve(&one.client)) {
        let servers = result.map_err(|f| Fault { message: format!("{}{}", one.prefix(), f.message), ..f })?;
        found.push((one, servers));
    }
    let items = items(&found);
    let names: Vec<String> = items.iter().map(|item| item.server.clone()).collect();
    let batch = usize::try_from(args.batch.of(names.len() as u64)).unwrap_or(1).max(1);
    if ctx.dry_run.is_some() {
        return plan(args, ctx, &items, batch);
    }
    ctx.confirm("Roll", &names)?;
    let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let nodes = found.iter().map(|(one, _)| NodeOf {
        name: one.node_name(),
        address: one.address(),
        master: one.master().map(|m| m.address().to_string()),
    });
    let state = State {
        user: journal::user(),
        at: journal::now(),
        message: ctx.operation.message().map(str::to_owned),
        nodes: nodes.collect(),
        etcd: ctx.etcd.clone(),
        batch,
        exec: args.exec.clone(),
        min_up: args.min_up.map(|least| least.to_string()),
        checked: args.checked,
        deadline_ms: milliseconds(args.deadline),
        kill: args.kill,
        up_within_ms: milliseconds(args.up_within),
        items,
    };
    let mut place = Place::create()?;
    place.save(&state)?;
    place.claim(&state)?;
    let servers = if state.items.len() == 1 { "server" } else { "servers" };
    tell(ctx, &format!("roll {}: {} {servers}, {batch} at a time", place.id, state.items.len()))?;
    Roll { ctx, place: &place, state }.run()
}

/// Each server once, with what it is on every node that has it.
fn items(found: &[(Context, Vec<ServerState>)]) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    for (one, servers) in found {
        for server in servers {
            let name = server.name.to_string();
            let before = Before { state: AdminWish::of(server.admin).as_str().to_owned(), weight: server.weight };
            match items.iter_mut().find(|item| item.server == name) {
                Some(known) => {
                    known.before.insert(one.node_name(), before);
                }
                None => items.push(Item {
                    server: name,
                    address: server.address.clone().unwrap_or_default(),
                    port: server.port,
                    phase: Phase::Pending,
                    before: BTreeMap::from([(one.node_name(), before)]),
                }),
            }
        }
    }
    items
}

fn plan(args: &Args, ctx: &Context, items: &[Item], batch: usize) -> Result<(), Fault> {
    let mut out = std::io::stdout().lock();
    for (number, batch) in items.chunks(batch).enumerate() {
        let names: Vec<&str> = batch.iter().map(|item| item.server.as_str()).collect();
        let names = names.join(" ");
        if ctx.dry_run == Some(crate::cli::DryRun::Wire) {
            for state in ["drain", "maint", "ready"] {
                for item in batch {
                    writeln!(out, "set server {} state {state}", item.server)?;
                }
            }
            continue;
        }
        writeln!(out, "batch {}: would take out {names}", number + 1)?;
        for item in batch {
            if let Some(template) = &args.exec {
                writeln!(out, "  {}: would run {}", item.server, crate::roll::exec::fill(template, item))?;
            }
        }
        writeln!(out, "  would bring back {names}")?;
    }
    Ok(())
}

/// What a person must know to go on later; programs read the end alone.
fn tell(ctx: &Context, text: &str) -> Result<(), Fault> {
    if !ctx.format.is_data() {
        writeln!(std::io::stdout().lock(), "{text}")?;
    }
    Ok(())
}
