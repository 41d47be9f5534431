//! `add server`, `del server`, `set server … name`: servers that come, go and change their name.

use super::resolve::{self, ServerTarget};
use crate::control::{Control, StaysBecause, has_dynamic_weights};
use crate::shared::ProxyState;
use lb_admin::{Reply, Request, text};
use lb_config::dynamic::{self, Objects};
use lb_config::guid;
use lb_config::model::{CheckMethod, Proxy, ProxyIdx, Server, TlsFiles};
use lb_model::Compat;
use std::fmt::Write;
use std::rc::Rc;
use std::sync::Arc;

/// What the words of `add server` may refer to.
struct Existing<'a> {
    control: &'a Control,
    own: &'static ProxyState,
}

impl Existing<'_> {
    fn proxy(&self, name: Option<&str>) -> Option<&'static ProxyState> {
        name.map_or(Some(self.own), |name| resolve::backend(self.control, name))
    }
}

impl Objects for Existing<'_> {
    fn is_strict(&self) -> bool {
        is_strict(self.control)
    }

    fn tls_files(&self) -> &TlsFiles {
        &self.control.shared.config.tls
    }

    fn healthcheck(&self, name: &str) -> Option<&CheckMethod> {
        self.control.shared.config.healthchecks.get(name)
    }

    fn backend(&self, name: Option<&str>) -> Option<&Proxy> {
        Some(self.proxy(name)?.config.get())
    }

    fn numbered(&self, id: u32) -> Option<Arc<Server>> {
        self.own.servers.live().find(|s| s.config().id == id).map(|s| Arc::clone(&s.config()))
    }

    fn server(&self, backend: Option<&str>, name: &str) -> Option<Arc<Server>> {
        self.proxy(backend)?.servers.live().find(|s| *s.config().name == *name).map(|s| Arc::clone(&s.config()))
    }
}

/// `add server <backend>/<server> <address> [from <origin>] [<keyword> …]`, `add server help`.
pub(super) fn add(control: &Control, request: &Request) -> Result<Reply, Reply> {
    if request.arg(0) == "help" {
        return Ok(Reply::Raw(help(control).into_bytes()));
    }
    let (backend, name) = request.server()?;
    let proxy = resolve::backend(control, backend).ok_or_else(|| Reply::err(text::NO_SUCH_BACKEND))?;
    if !has_dynamic_weights(&proxy.config) {
        return Err(Reply::err(format!(
            "Backend does not support dynamic servers : backend '{}' uses a non dynamic load balancing method.",
            proxy.config.name
        )));
    }
    let words = request.args().get(1..).unwrap_or_default();
    let new =
        dynamic::server(&proxy.config.name, name, words, &Existing { control, own: proxy }).map_err(Reply::err)?;
    let mut server = new.server;
    if is_taken(proxy, name) {
        return Err(Reply::err("Already exists a server with the same name in backend."));
    }
    if let Some(other) = server.guid.as_deref().and_then(|guid| resolve::owner_of(control, guid)) {
        return Err(Reply::err(format!("{}.", guid::duplicate(&other))));
    }
    if let Some(path) = new.track {
        server.track = Some(tracked(control, proxy, &path)?);
    }
    if server.id == 0 {
        server.id = control.free_server_id(proxy);
    }
    if !control.add_server(proxy, server) {
        return Err(Reply::err("No room is left for another server in this backend."));
    }
    control.notice("New server registered.");
    Ok(Reply::info("New server registered."))
}

/// Whether a server or a set of parameters has that name.
fn is_taken(proxy: &ProxyState, name: &str) -> bool {
    proxy.servers.live().any(|known| *known.config().name == *name)
        || proxy.config.default_servers.names().any(|known| known == name)
}

/// Nothing is taken that no HAProxy knows.
fn is_strict(control: &Control) -> bool {
    control.shared.config.global.compat == Compat::Strict
}

fn help(control: &Control) -> String {
    let mut help = String::from("List of keywords supported for dynamic server:\n");
    for keyword in dynamic::server_keywords(is_strict(control)) {
        // Writing to a string cannot fail.
        let _ = writeln!(help, "{keyword}");
    }
    help
}

/// The server that `track` names: one of the configuration that is checked, or that tracks one.
fn tracked(control: &Control, own: &'static ProxyState, path: &str) -> Result<(ProxyIdx, usize), Reply> {
    let (backend, name) = path.split_once('/').map_or((None, path), |(backend, name)| (Some(backend), name));
    let proxy = backend.map_or(Some(own), |name| resolve::backend(control, name));
    let Some(proxy) = proxy else {
        let backend = backend.unwrap_or_default();
        return Err(Reply::err(format!("unable to find required proxy '{backend}' for tracking.")));
    };
    let Some(server) = proxy.servers.live().find(|s| *s.config().name == *name) else {
        return Err(Reply::err(format!("unable to find required server '{name}' for tracking.")));
    };
    let refuse = |why: &str| {
        Err(Reply::err(format!(
            "unable to use {}/{} for tracking as it {why}.",
            proxy.config.name,
            server.config().name
        )))
    };
    let backends = control.backends();
    let Some(known) = backends.get(proxy.index).and_then(|b| b.servers.get(server.index)) else {
        return Err(Reply::err(text::NO_SUCH_SERVER));
    };
    let params = known.health.params();
    match () {
        () if params.dynamic => refuse("is a dynamic server"),
        () if !params.check && params.agent.is_none() && !params.tracks => {
            refuse("does not have any check nor agent enabled")
        }
        () => Ok((ProxyIdx(proxy.index), server.index)),
    }
}

/// `del server <backend>/<server>`.
pub(super) async fn remove(control: &Rc<Control>, request: &Request) -> Result<Reply, Reply> {
    let ServerTarget { proxy, server, .. } = resolve::server(control, request)?;
    control.remove_server(proxy, server).await.map_err(|because| Reply::err(because.to_string()))?;
    control.notice("Server deleted.");
    Ok(Reply::info("Server deleted."))
}

/// Whether the server named so may be deleted, as `wait … srv-removable` asks.
pub(super) fn removable(control: &Control, path: &str) -> Result<(), StaysBecause> {
    let found = path.split_once('/').and_then(|(backend, name)| resolve::server_of(control, backend, name).ok());
    let target = found.ok_or(StaysBecause::NotThere)?;
    control.removable(target.proxy, target.server)
}

/// `set server <backend>/<server> name <name>`.
pub(super) fn rename(control: &Control, target: ServerTarget, name: &str) -> Result<Reply, Reply> {
    if name.is_empty() {
        return Err(Reply::err("set server <b>/<s> name requires a new name."));
    }
    control.renamable(target.proxy, target.server).map_err(|named| {
        Reply::err(match named {
            true => "Cannot rename: server's name is statically referenced (use-server, track, or sample argument).",
            false => "Server must be in maintenance mode to be renamed (set server <b>/<s> state maint).",
        })
    })?;
    if !lb_model::is_valid_name(name) {
        return Err(Reply::err("Server name contains invalid characters."));
    }
    if is_taken(target.proxy, name) {
        return Err(Reply::err("A server with the same name already exists in this backend."));
    }
    control.rename_server(target.proxy, target.server, name);
    Ok(Reply::notice("Server name updated."))
}
