//! Backends that come, go, and are led to: `add backend`, `del backend`, `publish backend`, `unpublish backend`, and what
//! they are made from: `show defaults`, `show default-server`.

use super::resolve;
use crate::control::{BackendStays, Control};
use crate::shared::ProxyState;
use lb_admin::{Reply, Request, text};
use lb_config::{dynamic, guid};
use std::fmt::Write;
use std::sync::atomic::Ordering::Relaxed;

fn named(control: &Control, request: &Request) -> Result<&'static ProxyState, Reply> {
    resolve::backend(control, request.arg(0)).ok_or_else(|| Reply::err(text::NO_SUCH_BACKEND))
}

/// `add backend <name> from <defaults> [mode tcp|http] [id <id>] [guid <guid>]`.
pub(super) fn add(control: &Control, request: &Request) -> Result<Reply, Reply> {
    let name = request.arg(0);
    let words = request.args().get(1..).unwrap_or_default();
    let proxy = dynamic::backend(name, words, &control.shared.config.defaults).map_err(Reply::err)?;
    let refuse = |why: String| Err(Reply::err(format!("Error during backend creation : {why}.")));
    let known = || control.shared.proxies.live().map(|known| known.config.get());
    if let Some(other) = known().find(|other| *other.name == *proxy.name) {
        return refuse(format!("name is already used by other proxy '{} {}'", other.kind.as_str(), other.name));
    }
    if let Some(other) = known().find(|other| proxy.id > 0 && other.id == proxy.id) {
        return refuse(format!("id is already used by other proxy '{} {}'", other.kind.as_str(), other.name));
    }
    if let Some(other) = proxy.guid.as_deref().and_then(|guid| resolve::owner_of(control, guid)) {
        return refuse(guid::duplicate(&other));
    }
    if !control.add_backend(proxy) {
        return refuse("no room is left for another proxy".to_owned());
    }
    control.notice("CLI : New backend registered.");
    Ok(Reply::info("New backend registered."))
}

/// `del backend <backend>`.
pub(super) async fn remove(control: &Control, request: &Request) -> Result<Reply, Reply> {
    let proxy = named(control, request)?;
    control.remove_backend(proxy).await.map_err(|because| Reply::err(because.to_string()))?;
    control.notice("CLI : Backend deleted.");
    Ok(Reply::info("Backend deleted."))
}

/// Whether the backend named so may be deleted, as `wait … be-removable` asks.
pub(super) fn removable(control: &Control, name: &str) -> Result<(), BackendStays> {
    control.backend_removable(resolve::backend(control, name).ok_or(BackendStays::NotThere)?)
}

/// `publish backend <backend>`: rules lead there.
pub(super) fn publish(control: &Control, request: &Request) -> Result<Reply, Reply> {
    named(control, request)?.published.store(true, Relaxed);
    control.notice("CLI : Backend published.");
    Ok(Reply::info("Backend published."))
}

/// `unpublish backend <backend>`: rules pass it by. What it serves, it goes on serving.
pub(super) fn unpublish(control: &Control, request: &Request) -> Result<Reply, Reply> {
    named(control, request)?.published.store(false, Relaxed);
    control.notice("CLI : Backend unpublished.");
    Ok(Reply::info("Backend unpublished."))
}

/// `show defaults`: the sections with a name.
pub(super) fn defaults(control: &Control) -> Reply {
    let mut out = String::new();
    for section in &control.shared.config.defaults {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{}", section.name);
    }
    Reply::Raw(out.into_bytes())
}

/// `show default-server [<backend>]`: the sets of parameters that `from` finds.
pub(super) fn default_servers(control: &Control, request: &Request) -> Result<Reply, Reply> {
    let only = match request.arg(0) {
        "" => None,
        name => Some(resolve::backend(control, name).ok_or_else(|| Reply::err(text::CANNOT_FIND_BACKEND))?.index),
    };
    let mut out = String::new();
    let wanted = |proxy: &&ProxyState| only.is_none_or(|index| index == proxy.index) && proxy.config.kind.has_backend();
    for proxy in control.shared.proxies.live().filter(wanted) {
        let (config, sets) = (proxy.config.get(), &proxy.config.get().default_servers);
        // Writing to a string cannot fail.
        if sets.has_unnamed() {
            let _ = writeln!(out, "* {}", config.name);
        }
        for name in sets.names() {
            let _ = writeln!(out, "  {}/{name}", config.name);
        }
    }
    Ok(Reply::Raw(out.into_bytes()))
}
