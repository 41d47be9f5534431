//! `stick` rules: keys that bind a client to a server.

use super::http::Demand;
use super::view::View;
use crate::shared::{ProxyState, ServerState, Target};
use crate::tables::StickTable;
use lb_config::model::StickRule;
use lb_table::{DataKind, Entry, Key, ServerKey};
use std::sync::Arc;

/// Most keys stored for one request, and for one response.
const MOST_STORES: usize = 8;

/// Keys to store once a server has been reached.
pub type Stores = Vec<(&'static StickTable, Key)>;

/// Runs the rules that look at requests: the server that the first known key names, if it may still be used; what is to
/// be stored is added to `stores`.
pub fn on_request(view: &View<'_>, backend: &'static ProxyState, demand: Demand, stores: &mut Stores) -> Option<usize> {
    let mut found = None;
    for rule in &backend.config.stick_rules {
        let lookup = rule.matches && demand != Demand::Ignore && found.is_none();
        if !(lookup || wants_store(rule, rule.stores, stores, view)) {
            continue;
        }
        let Some((table, key)) = key_of(rule, view) else { continue };
        if lookup && let Some(entry) = table.table.peek(&key, view.ctx.now_ms()) {
            entry.touch(view.ctx.now_ms());
            found = server_of(backend, demand, &entry);
        }
        if wants_store(rule, rule.stores, stores, view) {
            stores.push((table, key));
        }
    }
    found
}

/// Runs the rules that look at responses.
pub fn on_response(view: &View<'_>, backend: &'static ProxyState, stores: &mut Stores) {
    let mut own = Stores::new();
    for rule in &backend.config.stick_rules {
        if wants_store(rule, rule.stores_response, &own, view)
            && let Some(store) = key_of(rule, view)
        {
            own.push(store);
        }
    }
    stores.append(&mut own);
}

/// Each table learns one key of a message.
fn wants_store(rule: &StickRule, stores: bool, known: &Stores, view: &View<'_>) -> bool {
    stores
        && known.len() < MOST_STORES
        && view.ctx.shared.tables.of(&rule.table).is_some_and(|t| !known.iter().any(|(k, _)| std::ptr::eq(*k, t)))
}

fn key_of(rule: &StickRule, view: &View<'_>) -> Option<(&'static StickTable, Key)> {
    let table = view.ctx.shared.tables.of(&rule.table)?;
    if rule.condition.as_ref().is_some_and(|condition| !condition.eval(view)) {
        return None;
    }
    Some((table, rule.key.eval(view)?.to_key(table.config.spec.key)?))
}

/// The server an entry names: by name or address if that is kept, else by number.
fn server_of(backend: &ProxyState, demand: Demand, entry: &Entry) -> Option<usize> {
    let by_key = entry.name().and_then(|name| {
        backend.servers.live().find(|s| *s.config().name == *name || address(s).is_some_and(|a| *a == *name))
    });
    let by_id = || {
        let id = entry.value(DataKind::ServerId, 0, 0).filter(|id| *id > 0)?;
        backend.servers.live().find(|s| u64::from(s.config().id) == id)
    };
    let server = by_key.or_else(by_id)?;
    let insists = backend.config.options.persist || demand == Demand::Force;
    (server.is_persistent() || insists).then_some(server.index)
}

fn address(server: &ServerState) -> Option<Arc<str>> {
    match server.target() {
        Target::Ip(address) => Some(address.to_string().into()),
        Target::Unix(_) | Target::Abstract(_) | Target::Sockpair(_) => None,
    }
}

/// Stores keys with the server that was reached.
pub fn store(stores: &mut Stores, backend: &ProxyState, server: Option<usize>, now_ms: u64) {
    if stores.is_empty() {
        return;
    }
    let stores = std::mem::take(stores);
    let Some(server) = server.and_then(|index| backend.servers.get(index)).filter(|s| !s.config().non_stick) else {
        return;
    };
    for (table, key) in stores {
        let Some(entry) = table.table.hold(key, now_ms) else { continue };
        entry.set(DataKind::ServerId, 0, u64::from(server.config().id), now_ms);
        entry.set_name(match table.config.spec.server_key {
            ServerKey::Name => Some(Arc::from(&*server.config().name)),
            ServerKey::Addr => address(server),
        });
    }
}
