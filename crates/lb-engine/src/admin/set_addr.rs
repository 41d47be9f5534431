//! Addresses and ports at run time: `set server … addr`, `check-addr`, `check-port`, `agent-addr`, `agent-port`,
//! `agent-send`. An address and a port given together change together or not at all.

use super::resolve::ServerTarget;
use crate::control::{Control, ServerCtl};
use crate::shared::Target;
use lb_admin::{Reply, Request};
use std::net::{IpAddr, SocketAddr};

const NOT_AN_INTEGER: &str = "provided port is not an integer";
const INVALID_PORT: &str = "provided port is invalid";
const NO_HEALTH_CHECK: &str = "health checks are not enabled on this server";
const NO_AGENT: &str = "agent checks are not enabled on this server";

/// `set server <b>/<s> addr <ip> [port <port>]`.
pub(super) fn addr(_: &Control, target: ServerTarget, request: &Request) -> Result<Reply, Reply> {
    let text = request.arg(2);
    if text.is_empty() {
        return Err(Reply::err("set server <b>/<s> addr requires an address and optionally a port."));
    }
    let ip: IpAddr = text.parse().map_err(|_| Reply::err(format!("Invalid addr '{text}'")))?;
    if target.server.is_unresolved() {
        return Err(Reply::err(
            "Update for the current server address family is only supported through configuration file by \
             'stats socket command'",
        ));
    }
    let old = target.server.target();
    let (old_ip, old_port) = match &old {
        Target::Ip(address) => (address.ip().to_string(), address.port()),
        Target::Unix(_) | Target::Abstract(_) | Target::Sockpair(_) => ("unix".to_owned(), 0),
    };
    let port = (request.arg(3) == "port").then(|| server_port(request.arg(4))).transpose().map_err(|problem| {
        // The address stays, too: half a change would send traffic to a place nobody asked for.
        Reply::err(format!("{problem} by 'stats socket command'"))
    })?;
    if port.is_none() && !matches!(old, Target::Ip(_)) {
        return Err(Reply::err(
            "set server <b>/<s> addr requires a port too: the server is on a UNIX socket and has none.",
        ));
    }
    let new = Target::Ip(SocketAddr::new(ip, port.unwrap_or(old_port)));
    let mut answer = match ip.to_string() {
        same if same == old_ip => "no need to change the addr".to_owned(),
        new_ip => format!("IP changed from '{old_ip}' to '{new_ip}'"),
    };
    match port {
        None => {}
        Some(port) if port == old_port => answer.push_str(", no need to change the port"),
        Some(port) => answer.push_str(&format!(", port changed from '{old_port}' to '{port}'")),
    }
    if new != old {
        target.server.set_target(new);
        target.proxy.moved(target.server);
    }
    answer.push_str(" by 'stats socket command'");
    Ok(Reply::warning(answer))
}

fn server_port(text: &str) -> Result<u16, String> {
    if text.starts_with(['+', '-']) {
        return Err("can't change <port> to port map because it is incompatible with current health check port \
                    configuration (use 'port' statement from the 'server' directive)."
            .to_owned());
    }
    text.parse().map_err(|_| format!("problem converting port '{text}' to an int"))
}

/// `set server <b>/<s> check-addr <ip> [port <port>]`.
pub(super) fn check_addr(control: &Control, target: ServerTarget, request: &Request) -> Result<Reply, Reply> {
    if request.arg(2).is_empty() {
        return Err(Reply::err("set server <b>/<s> check-addr requires an address and optionally a port."));
    }
    require(control, target, |s| s.health.check().is_enabled(), NO_HEALTH_CHECK)?;
    let (addr, port) = addr_and_port(request)?;
    control.change(target.proxy.index, target.index, |server, _, _| {
        server.check.addr = Some(addr);
        if let Some(port) = port {
            server.check.port = Some(port).filter(|&port| port > 0);
        }
    });
    Ok(Reply::Empty)
}

/// `set server <b>/<s> check-port <port>`. Zero: the server's.
pub(super) fn check_port(control: &Control, target: ServerTarget, value: &str) -> Result<Reply, Reply> {
    if value.is_empty() {
        return Err(Reply::err("set server <b>/<s> check-port requires a port."));
    }
    require(control, target, |s| s.health.check().is_enabled(), NO_HEALTH_CHECK)?;
    let port = any_port(value)?;
    control.change(target.proxy.index, target.index, |server, _, _| {
        server.check.port = Some(port).filter(|&port| port > 0);
    });
    Ok(Reply::Empty)
}

/// `set server <b>/<s> agent-addr <ip> [port <port>]`.
pub(super) fn agent_addr(control: &Control, target: ServerTarget, request: &Request) -> Result<Reply, Reply> {
    if request.arg(2).is_empty() {
        return Err(Reply::err("set server <b>/<s> agent-addr requires an address and optionally a port."));
    }
    require(control, target, |s| s.health.agent().is_enabled(), NO_AGENT)?;
    let (addr, port) = addr_and_port(request)?;
    control.change(target.proxy.index, target.index, |server, _, _| {
        server.agent.addr = Some(addr);
        server.agent.port = port.unwrap_or(server.agent.port);
    });
    Ok(Reply::Empty)
}

/// `set server <b>/<s> agent-port <port>`.
pub(super) fn agent_port(control: &Control, target: ServerTarget, value: &str) -> Result<Reply, Reply> {
    if value.is_empty() {
        return Err(Reply::err("set server <b>/<s> agent-port requires a port."));
    }
    require(control, target, |s| s.health.agent().is_enabled(), NO_AGENT)?;
    let port = any_port(value)?;
    control.change(target.proxy.index, target.index, |server, _, _| server.agent.port = port);
    Ok(Reply::Empty)
}

/// `set server <b>/<s> agent-send <text>`.
pub(super) fn agent_send(control: &Control, target: ServerTarget, value: &str) -> Result<Reply, Reply> {
    if !has_agent(control, target) {
        return Err(Reply::err(lb_check::Refused::AgentDisabled.to_string()));
    }
    control.change(target.proxy.index, target.index, |server, _, _| server.agent.send = value.to_owned());
    Ok(Reply::Empty)
}

/// Whether the server's agent check is switched on.
pub(super) fn has_agent(control: &Control, target: ServerTarget) -> bool {
    holds(control, target, |s| s.health.agent().is_enabled())
}

fn holds(control: &Control, target: ServerTarget, condition: impl Fn(&ServerCtl) -> bool) -> bool {
    let backends = control.backends();
    backends.get(target.proxy.index).and_then(|b| b.servers.get(target.index)).is_some_and(condition)
}

fn require(
    control: &Control,
    target: ServerTarget,
    condition: impl Fn(&ServerCtl) -> bool,
    otherwise: &str,
) -> Result<(), Reply> {
    if holds(control, target, condition) { Ok(()) } else { Err(Reply::err(otherwise)) }
}

fn addr_and_port(request: &Request) -> Result<(IpAddr, Option<u16>), Reply> {
    let text = request.arg(2);
    let addr = text.parse().map_err(|_| Reply::err(format!("invalid addr '{text}'")))?;
    let port = if request.arg(3) == "port" { Some(any_port(request.arg(4))?) } else { None };
    Ok((addr, port))
}

fn any_port(text: &str) -> Result<u16, Reply> {
    let number: i64 = text.parse().map_err(|_| Reply::err(NOT_AN_INTEGER))?;
    u16::try_from(number).map_err(|_| Reply::err(INVALID_PORT))
}
