//! `set server …`, `set weight`, `get weight`.

use super::resolve::{self, ServerTarget};
use super::{dynamic, set_addr, switches};
use crate::control::Control;
use lb_admin::{Reply, Request, text};
use lb_check::{AdminWord, ForcedHealth};
use lb_model::ParsedWeight;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

const USAGE: &str = "usage: set server <backend>/<server> addr | agent | agent-addr | agent-port | agent-send | \
                     check-addr | check-port | fqdn | health | name | ssl | state | weight";

/// `set server <backend>/<server> <what> …`.
pub(super) fn run(control: &Rc<Control>, request: &Request) -> Result<Reply, Reply> {
    let target = resolve::active_server(control, request)?;
    let value = request.arg(2);
    match request.arg(1) {
        "state" => state(control, target, value),
        "health" => health(control, target, value),
        "agent" => agent(control, target, value),
        "weight" => weight(control, target, value),
        "addr" => set_addr::addr(control, target, request),
        "check-addr" => set_addr::check_addr(control, target, request),
        "check-port" => set_addr::check_port(control, target, value),
        "agent-addr" => set_addr::agent_addr(control, target, request),
        "agent-port" => set_addr::agent_port(control, target, value),
        "agent-send" => set_addr::agent_send(control, target, value),
        "fqdn" if value.is_empty() => Err(Reply::err("set server <b>/<s> fqdn requires a FQDN.")),
        "fqdn" => fqdn(control, target, value),
        "ssl" => ssl(target, value),
        "name" => dynamic::rename(control, target, value),
        _ => Err(Reply::err(USAGE)),
    }
}

/// Health checks go on as they did: it is about traffic.
fn ssl(target: ServerTarget, value: &str) -> Result<Reply, Reply> {
    let Some(security) = target.server.tls().as_ref().map(Arc::clone) else {
        return Err(Reply::err("'set server <srv> ssl' cannot be set.  default-server should define ssl settings"));
    };
    security.enable(match value {
        "on" => true,
        "off" => false,
        _ => return Err(Reply::err("'set server <srv> ssl' expects 'on' or 'off'.")),
    });
    // Idle connections are of the other kind.
    target.server.purge_epoch.fetch_add(1, Relaxed);
    Ok(Reply::warning("server ssl setting updated."))
}

fn state(control: &Control, target: ServerTarget, value: &str) -> Result<Reply, Reply> {
    let word = match value {
        "ready" => AdminWord::Ready,
        "drain" => AdminWord::Drain,
        "maint" => AdminWord::Maint,
        _ => return Err(Reply::err("'set server <srv> state' expects 'ready', 'drain' and 'maint'.")),
    };
    control.change(target.proxy.index, target.index, |server, now, actions| {
        server.health.set_state(word, now, actions);
    });
    Ok(Reply::Empty)
}

fn health(control: &Control, target: ServerTarget, value: &str) -> Result<Reply, Reply> {
    if target.server.config().track.is_some() {
        return Err(Reply::err(lb_check::Refused::Tracking.to_string()));
    }
    let forced = match value {
        "up" => ForcedHealth::Up,
        "stopping" => ForcedHealth::Stopping,
        "down" => ForcedHealth::Down,
        _ => return Err(Reply::err("'set server <srv> health' expects 'up', 'stopping', or 'down'.")),
    };
    switches::done(control.change(target.proxy.index, target.index, |server, now, actions| {
        server.health.force_health(forced, now, actions)
    }))
}

fn agent(control: &Control, target: ServerTarget, value: &str) -> Result<Reply, Reply> {
    if !set_addr::has_agent(control, target) {
        return Err(Reply::err(lb_check::Refused::AgentDisabled.to_string()));
    }
    let up = match value {
        "up" => true,
        "down" => false,
        _ => return Err(Reply::err("'set server <srv> agent' expects 'up' or 'down'.")),
    };
    switches::done(
        control.change(target.proxy.index, target.index, |server, now, actions| {
            server.health.force_agent(up, now, actions)
        }),
    )
}

fn weight(control: &Control, target: ServerTarget, value: &str) -> Result<Reply, Reply> {
    switches::done(control.change(target.proxy.index, target.index, |server, _, actions| {
        server.health.set_weight(ParsedWeight::parse(value), actions)
    }))
}

/// `set weight`.
pub(super) fn set_weight(control: &Control, request: &Request) -> Result<Reply, Reply> {
    let target = resolve::active_server(control, request)?;
    weight(control, target, request.arg(1))
}

/// `get weight`.
pub(super) fn get_weight(control: &Control, request: &Request) -> Result<Reply, Reply> {
    let target = resolve::server(control, request)?;
    let backends = control.backends();
    let Some(server) = backends.get(target.proxy.index).and_then(|b| b.servers.get(target.index)) else {
        return Err(Reply::err(text::NO_SUCH_SERVER));
    };
    let health = &server.health;
    Ok(Reply::Raw(format!("{} (initial {})\n", health.weight(), health.configured_weight()).into_bytes()))
}

/// `set server <b>/<s> fqdn <name>`.
fn fqdn(control: &Rc<Control>, target: ServerTarget, name: &str) -> Result<Reply, Reply> {
    let former = control.name_of((target.proxy.index, target.index));
    if former.as_deref() == Some(name) {
        return Ok(Reply::warning("no need to change the FDQN by 'stats socket command'"));
    }
    if control.rename_host(target.proxy, target.server, name).is_none() {
        return Err(Reply::err("set server <b>/<s> fqdn failed because no resolution is configured."));
    }
    let (proxy, server) = (&target.proxy.config.name, &target.server.config().name);
    let former = former.as_deref().unwrap_or("(null)");
    Ok(Reply::warning(format!("{proxy}/{server} changed its FQDN from {former} to {name} by 'stats socket command'")))
}
