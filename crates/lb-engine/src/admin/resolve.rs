//! Names to objects. What is not found has its answer here, word for word as clients match it.

use crate::control::Control;
use crate::shared::{ProxyState, ServerState};
use lb_admin::{Reply, Request, text};
use lb_config::guid;
use std::sync::atomic::Ordering::Relaxed;

/// A server that a command names.
#[derive(Debug, Clone, Copy)]
pub(super) struct ServerTarget {
    /// Its backend.
    pub proxy: &'static ProxyState,
    /// Its state.
    pub server: &'static ServerState,
    /// Its index in the backend.
    pub index: usize,
}

/// A proxy by name, or by id after a `#`.
pub(super) fn proxy(
    control: &Control,
    name: &str,
    wanted: impl Fn(&ProxyState) -> bool,
) -> Option<&'static ProxyState> {
    let id = name.strip_prefix('#').and_then(|id| id.parse::<u32>().ok());
    let matches = |p: &&ProxyState| match id {
        Some(id) => p.config.id == id,
        None => *p.config.name == *name,
    };
    control.shared.proxies.live().filter(|p| wanted(p)).find(matches)
}

/// A backend by name or `#id`.
pub(super) fn backend(control: &Control, name: &str) -> Option<&'static ProxyState> {
    proxy(control, name, |p| p.config.kind.has_backend())
}

/// The object that has a GUID, as messages name it.
pub(super) fn owner_of(control: &Control, guid: &str) -> Option<String> {
    control.shared.proxies.live().find_map(|proxy| {
        let config = proxy.config.get();
        let named = guid::of_proxy(config).find(|(known, _)| ***known == *guid).map(|(_, title)| title);
        let has = |server: &&ServerState| server.config().guid.as_deref() == Some(guid);
        let server = || proxy.servers.live().find(has).map(|server| guid::server_title(config, &server.config()));
        named.or_else(server)
    })
}

/// The server that a command's first argument names as `backend/server`.
pub(super) fn server(control: &Control, request: &Request) -> Result<ServerTarget, Reply> {
    let (backend_name, name) = request.server()?;
    server_of(control, backend_name, name)
}

/// A server by its backend's name and its own, or by their `#id`.
pub(super) fn server_of(control: &Control, backend_name: &str, name: &str) -> Result<ServerTarget, Reply> {
    let proxy = backend(control, backend_name).ok_or_else(|| Reply::err(text::NO_SUCH_BACKEND))?;
    let id = name.strip_prefix('#').and_then(|id| id.parse::<u32>().ok());
    let found = proxy.servers.live().find(|s| match id {
        Some(id) => s.config().id == id,
        None => *s.config().name == *name,
    });
    match found {
        Some(server) => Ok(ServerTarget { proxy, server, index: server.index }),
        None => Err(Reply::err(text::NO_SUCH_SERVER)),
    }
}

/// Like [`server`], for commands that change it: a disabled or stopped proxy's servers are left alone.
pub(super) fn active_server(control: &Control, request: &Request) -> Result<ServerTarget, Reply> {
    let target = server(control, request)?;
    if target.proxy.config.disabled || control.shared.process.stopping.load(Relaxed) {
        return Err(Reply::err("Proxy is disabled."));
    }
    Ok(target)
}

/// The frontend that a command's first argument names.
pub(super) fn frontend(control: &Control, request: &Request) -> Result<&'static ProxyState, Reply> {
    let name = request.arg(0);
    if name.is_empty() {
        return Err(Reply::err(text::FRONTEND_EXPECTED));
    }
    proxy(control, name, |p| p.config.kind.has_frontend()).ok_or_else(|| Reply::err(text::NO_SUCH_FRONTEND))
}

/// An integer as C programs read it: what follows the digits is ignored, no digits are zero.
pub(super) fn loose_integer(text: &str) -> i64 {
    let text = text.trim_start();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = digits.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(digits.len());
    match digits.get(..end) {
        None | Some("") => 0,
        Some(digits) => sign * digits.parse::<i64>().unwrap_or(i64::from(i32::MAX)).min(i64::from(i32::MAX)),
    }
}

#[cfg(test)]
mod tests {
    use super::loose_integer;

    #[test]
    fn integers() {
        let read = ["12", "12x", "-1", "+7", "", "x", "-", "99999999999999999999"].map(loose_integer);
        assert_eq!(read, [12, 12, -1, 7, 0, 0, 0, i64::from(i32::MAX)]);
    }
}
