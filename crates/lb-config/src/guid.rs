//! Identifiers that are the same in every process, by which counters are handed on: `guid` of proxies and servers,
//! `guid-prefix` of `bind` lines. One belongs to one object, whatever its kind.

use crate::cx::Cx;
use crate::diagnostic::Site;
use crate::model::{Proxy, Server};
use crate::proxy::ProxyDraft;
use lb_model::is_valid_name;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Longest identifier, in bytes.
const LONGEST: usize = 127;

/// Whether that may be an identifier.
///
/// # Errors
/// Why it may not.
pub fn check(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("missing identifier".to_owned());
    }
    if let Some(bad) = text.chars().find(|c| !is_valid_name(c.encode_utf8(&mut [0; 4]))) {
        return Err(format!("character '{bad}' is not permitted in GUID '{text}'"));
    }
    match text.len() {
        0..=LONGEST => Ok(()),
        length => Err(format!("a GUID has at most {LONGEST} characters, this one has {length}")),
    }
}

/// What is said when an identifier is another object's, without a period at its end.
pub fn duplicate(other: &str) -> String {
    format!("GUID insertion : duplicate entry with {other}")
}

/// A server as the message names it.
pub fn server_title(proxy: &Proxy, server: &Server) -> String {
    format!("server {}/{}", proxy.name, server.name)
}

/// The identifiers of a proxy and its listeners, and what the message calls their owners.
pub fn of_proxy(proxy: &Proxy) -> impl Iterator<Item = (&Arc<str>, String)> {
    let own = proxy.guid.iter().map(|guid| (guid, format!("{} {}", proxy.kind.as_str(), proxy.name)));
    let listeners = proxy.binds.iter().filter_map(|bind| {
        let name = bind.name.clone().unwrap_or_else(|| format!("sock-{}", bind.id));
        Some((bind.guid.as_ref()?, format!("listener {}/{name}", proxy.name)))
    });
    own.chain(listeners)
}

/// Complains about identifiers that two objects have.
pub(crate) fn unique(drafts: &[ProxyDraft], cx: &mut Cx<'_>) {
    let mut known: BTreeMap<&str, String> = BTreeMap::new();
    let mut add = |guid, title: String, site: &Site| {
        if let Err(why) = check(guid) {
            cx.sink.alert(site, format!("{title} : {why}."));
        }
        match known.get(guid) {
            Some(other) => cx.sink.alert(site, format!("{title} : {}.", duplicate(other))),
            None => {
                known.insert(guid, title);
            }
        }
    };
    for draft in drafts {
        for (guid, title) in of_proxy(&draft.proxy) {
            add(guid, title, &draft.site);
        }
        for server in &draft.servers {
            if let Some(guid) = &server.server.guid {
                add(guid, server_title(&draft.proxy, &server.server), &server.site);
            }
        }
    }
}
