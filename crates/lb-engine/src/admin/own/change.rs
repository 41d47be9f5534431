//! Commands that change servers: for one server or many, on terms, written down.
//!
//! Everything is resolved and checked before anything changes.

use super::terms::Terms;
use super::{Caller, failed};
use crate::admin::execute::{self, Outcome};
use crate::admin::resolve::{self, ServerTarget};
use crate::control::{Before, Control, Leased, MOST_LEASES, Settings};
use lb_admin::{CommandId, Reply, Request, Selector};
use lb_check::{AdminWord, Refused};
use lb_model::ParsedWeight;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// Servers that one command may name.
const MOST_SERVERS: usize = 10_000;

/// Whether a command's first argument is a server that it changes.
pub(super) fn is_about_servers(id: CommandId) -> bool {
    matches!(
        id,
        CommandId::DisableAgent
            | CommandId::DisableHealth
            | CommandId::DisableServer
            | CommandId::EnableAgent
            | CommandId::EnableHealth
            | CommandId::EnableServer
            | CommandId::SetMaxconnServer
            | CommandId::SetServer
            | CommandId::SetWeight
    )
}

/// Runs such a command.
pub(super) async fn run(control: &Rc<Control>, caller: &Caller, request: &Request) -> Outcome {
    let mut plain = request.clone();
    let prepared = Terms::cut(&mut plain).and_then(|terms| Ok((terms, selected(control, &plain)?)));
    let (terms, selected) = match prepared {
        Ok(prepared) => prepared,
        Err(refusal) => return refusal.into(),
    };
    let Some(targets) = selected else {
        // One server by its name. A name that is none is answered by the command itself.
        return match resolve::active_server(control, &plain) {
            Err(_) => execute::run(control, &plain).await,
            Ok(target) => apply(control, caller, request, &plain, terms, &[target]).await,
        };
    };
    if let Err(refusal) = possible_for_all(control, &plain, &targets) {
        return refusal.into();
    }
    apply(control, caller, request, &plain, terms, &targets).await
}

/// The servers that a selector selects; `None` when the word is a plain name.
fn selected(control: &Control, request: &Request) -> Result<Option<Vec<ServerTarget>>, Reply> {
    let Some(selector) = Selector::parse(request.arg(0)) else { return Ok(None) };
    let selector = selector.map_err(|error| Reply::err(error.to_string()))?;
    if !may_select(request) {
        return Err(Reply::err("A selector goes with state, weight, health and agent; name one server for the rest."));
    }
    if control.shared.process.stopping.load(Relaxed) {
        return Err(Reply::err("Proxy is disabled."));
    }
    let backends = control.shared.proxies.live().filter(|p| p.config.kind.has_backend() && !p.config.disabled);
    let all: Vec<ServerTarget> = backends
        .flat_map(|proxy| proxy.servers.live().map(move |server| ServerTarget { proxy, server, index: server.index }))
        .collect();
    let servers: Vec<Arc<str>> = all.iter().map(|t| Arc::clone(&t.server.config().name)).collect();
    let names: Vec<(&str, &str)> =
        all.iter().zip(&servers).map(|(t, server)| (&*t.proxy.config.get().name, &**server)).collect();
    if let Some(idle) = selector.idle(&names).first() {
        return Err(Reply::err(format!("No server is named by '{idle}'. Nothing was changed.")));
    }
    let fits = |(backend, server): &(&str, &str)| selector.matches(backend, server);
    let chosen: Vec<ServerTarget> =
        all.iter().zip(&names).filter(|(_, names)| fits(names)).map(|(target, _)| *target).collect();
    if chosen.len() > MOST_SERVERS {
        return Err(Reply::err(format!(
            "{} servers are named, more than the {MOST_SERVERS} that one command may change. Nothing was changed.",
            chosen.len()
        )));
    }
    Ok(Some(chosen))
}

fn may_select(request: &Request) -> bool {
    request.id != CommandId::SetServer || matches!(request.arg(1), "state" | "weight" | "health" | "agent")
}

/// Checks a command on copies of all servers.
fn possible_for_all(control: &Control, request: &Request, targets: &[ServerTarget]) -> Result<(), Reply> {
    for target in targets {
        if let Err(refused) = possible(control, request, *target) {
            let name = control.server_name(target.proxy.index, target.index).unwrap_or_default();
            return Err(Reply::err(format!("{name}: {refused} Nothing was changed.")));
        }
    }
    Ok(())
}

/// Whether a server takes this command. A word that no server takes is answered by the command itself.
fn possible(control: &Control, request: &Request, target: ServerTarget) -> Result<(), Refused> {
    let backends = control.backends();
    let Some(own) = backends.get(target.proxy.index).and_then(|b| b.servers.get(target.index)) else { return Ok(()) };
    let mut health = own.health.clone();
    match (request.id, request.arg(1)) {
        (CommandId::EnableHealth, _) => health.enable_check(true),
        (CommandId::EnableAgent, _) => health.enable_agent(true),
        (CommandId::SetServer, "weight") => health.set_weight(ParsedWeight::parse(request.arg(2)), &mut Vec::new()),
        (CommandId::SetWeight, weight) => health.set_weight(ParsedWeight::parse(weight), &mut Vec::new()),
        (CommandId::SetServer, "health") if target.server.config().track.is_some() => Err(Refused::Tracking),
        (CommandId::SetServer, "agent") if !health.agent().is_enabled() => Err(Refused::AgentDisabled),
        _ => Ok(()),
    }
}

/// Runs a command on servers that were resolved.
async fn apply(
    control: &Rc<Control>,
    caller: &Caller,
    asked: &Request,
    plain: &Request,
    terms: Terms,
    targets: &[ServerTarget],
) -> Outcome {
    let places = || targets.iter().map(|target| (target.proxy.index, target.index));
    if let Err(refusal) = terms.revision.map_or(Ok(()), |revision| unchanged(control, revision, places())) {
        return refusal.into();
    }
    let before: Vec<Before> = places().filter_map(|(proxy, server)| control.before(proxy, server)).collect();
    let lent = match terms.time.map(|_| leases(control, plain, &before)).transpose() {
        Ok(lent) => lent,
        Err(refusal) => return refusal.into(),
    };
    let mut outcome = Outcome::Reply(Reply::Empty);
    for target in targets {
        outcome = match targets {
            [_] => execute::run(control, plain).await,
            _ => execute::run(control, &named(plain, *target)).await,
        };
        // All were checked: what fails is a word that no server takes, and fails on the first.
        if failed(&outcome) {
            return outcome;
        }
    }
    settle(control, caller, plain, terms.time, lent, places());
    let forced = plain.id == CommandId::SetServer && matches!(plain.arg(1), "health" | "agent");
    let what = asked.words.join(" ");
    let told = control.enter(caller.who(), &what, before, forced);
    control.audit(caller.who(), &what, &told);
    outcome
}

/// The command with one server in place of the selector.
fn named(request: &Request, target: ServerTarget) -> Request {
    let mut own = request.clone();
    let name = format!("{}/{}", target.proxy.config.name, target.server.config().name);
    if let Some(word) = own.words.get_mut(request.id.command().word_count()) {
        *word = name;
    }
    own
}

/// Refuses when a server changed since a revision.
fn unchanged(control: &Control, revision: u64, places: impl Iterator<Item = (usize, usize)>) -> Result<(), Reply> {
    for (proxy, server) in places {
        let now = control.revision(proxy, server);
        if now <= revision {
            continue;
        }
        let name = control.server_name(proxy, server).unwrap_or_default();
        let how = control
            .last_change(proxy, server)
            .map_or_else(|| "the process was started since".to_owned(), |change| control.change_text(&change));
        return Err(Reply::err(format!(
            "{name} changed since revision {revision}: {how}. Its revision is {now}. Nothing was changed."
        )));
    }
    let last = control.ledger.borrow().last();
    if revision > last {
        return Err(Reply::err(format!(
            "There is no revision {revision} yet: the last one is {last}. Nothing was changed."
        )));
    }
    Ok(())
}

/// What a command lends: by server, what it was and what it will be.
fn leases(control: &Control, request: &Request, before: &[Before]) -> Result<Vec<Leased>, Reply> {
    if control.ledger.borrow().leases.len() + before.len() > MOST_LEASES {
        return Err(Reply::err(format!("No more than {MOST_LEASES} leases run at a time. Nothing was changed.")));
    }
    before
        .iter()
        .map(|before| {
            let leased = lent(control, request, before)
                .ok_or_else(|| Reply::err("'set server <srv> state' expects 'ready', 'drain' and 'maint'."))?;
            // A lease in place of another returns to what was before both.
            let leased = match (control.lease_of(before.place(), leased), leased) {
                (Some(Leased::State(from, _)), Leased::State(_, to)) => Leased::State(from, to),
                (Some(Leased::Weight(from, _)), Leased::Weight(_, to)) => Leased::Weight(from, to),
                _ => leased,
            };
            match leased {
                Leased::State(from, to) if from == to => Err(()),
                Leased::Weight(from, to) if from == to => Err(()),
                leased => Ok(leased),
            }
            .map_err(|()| {
                Reply::err(format!(
                    "{} is so already, and without an end: a lease has nothing to return to. Nothing was changed.",
                    before.name()
                ))
            })
        })
        .collect()
}

fn lent(control: &Control, request: &Request, before: &Before) -> Option<Leased> {
    let Settings { state, weight, .. } = before.settings();
    let weight_to = |text: &str| {
        let (proxy, server) = before.place();
        let configured = control.backends().get(proxy)?.servers.get(server)?.health.configured_weight();
        Some(Leased::Weight(*weight, ParsedWeight::parse(text).ok()?.resolve(configured)))
    };
    match (request.id, request.arg(1)) {
        (CommandId::SetWeight, text) => weight_to(text).or(Some(Leased::Weight(*weight, u32::MAX))),
        // A weight that is none is answered by the command itself.
        (CommandId::SetServer, "weight") => weight_to(request.arg(2)).or(Some(Leased::Weight(*weight, u32::MAX))),
        _ => Some(Leased::State(*state, state_to(request)?)),
    }
}

/// The state a command gives.
fn state_to(request: &Request) -> Option<AdminWord> {
    match (request.id, request.arg(1), request.arg(2)) {
        (CommandId::EnableServer, ..) | (CommandId::SetServer, "state", "ready") => Some(AdminWord::Ready),
        (CommandId::SetServer, "state", "drain") => Some(AdminWord::Drain),
        (CommandId::DisableServer, ..) | (CommandId::SetServer, "state", "maint") => Some(AdminWord::Maint),
        _ => None,
    }
}

/// Ends the leases that the command replaces, and begins those it asks for.
fn settle(
    control: &Rc<Control>,
    caller: &Caller,
    request: &Request,
    time: Option<Duration>,
    lent: Option<Vec<Leased>>,
    places: impl Iterator<Item = (usize, usize)>,
) {
    let weight = request.id == CommandId::SetWeight || request.arg(1) == "weight";
    let about = match (weight, state_to(request)) {
        (true, _) => Leased::Weight(0, 0),
        (false, Some(state)) => Leased::State(state, state),
        (false, None) => return,
    };
    let mut lent = lent.into_iter().flatten();
    for place in places {
        control.drop_leases(place, about);
        if let (Some(time), Some(leased)) = (time, lent.next()) {
            control.lease(place, leased, time, caller.who());
        }
    }
}
