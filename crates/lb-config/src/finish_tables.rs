//! Which table each rule means, and whether it suits.

use crate::cx::Cx;
use crate::diagnostic::{Severity, Site};
use crate::model::{HttpAction, Place, Proxy, StickTable, TableIdx, TableRef, TcpAction};
use crate::peers::PeersDraft;
use crate::proxy::ProxyDraft;
use crate::suggest;
use crate::table::TableDraft;
use lb_table::{DataKind, Stored};
use std::collections::BTreeMap;
use std::sync::Arc;

/// All tables of a configuration, by name.
#[derive(Default)]
pub(crate) struct Tables {
    found: Vec<StickTable>,
    by_name: BTreeMap<Arc<str>, usize>,
}

impl Tables {
    /// Those that sections declare.
    pub fn of(proxies: &[ProxyDraft], peers: &[PeersDraft]) -> Self {
        let mut tables = Self::default();
        for (name, table) in peers.iter().flat_map(|section| &section.tables) {
            tables.add(Arc::clone(name), table);
        }
        for draft in proxies {
            if let Some(table) = &draft.table {
                tables.add(Arc::clone(&draft.proxy.name), table);
            }
        }
        tables
    }

    /// Checks what declarations name, and says what will not happen.
    pub fn check_peers(&self, proxies: &[ProxyDraft], peers: &[PeersDraft], cx: &mut Cx<'_>) {
        peers.iter().for_each(|section| section.warn(cx));
        let of_proxies = proxies.iter().filter_map(|draft| Some((&draft.proxy.name, draft.table.as_ref()?)));
        let of_peers = peers.iter().flat_map(|section| section.tables.iter().map(|(name, table)| (name, table)));
        for (owner, table) in of_proxies.chain(of_peers) {
            if let Some((name, site)) = &table.peers
                && !peers.iter().any(|section| *section.name == **name)
            {
                cx.sink.alert(site, format!("Proxy '{owner}': unable to find sync peers '{name}'."));
            }
            if let Some((name, site)) = &table.write_to {
                let message = format!("stick-table '{owner}': unable to find the table '{name}' of 'write-to'.");
                match self.find(name) {
                    None => self.missing(site, name, message, cx),
                    Some(_) => cx.warn(
                        site,
                        format!("stick-table '{owner}': nothing is learned that could be written to '{name}'."),
                    ),
                }
            }
        }
    }

    fn add(&mut self, name: Arc<str>, draft: &TableDraft) {
        self.by_name.entry(Arc::clone(&name)).or_insert(self.found.len());
        let place = Place { file: Arc::clone(&draft.site.file), line: draft.site.line };
        self.found.push(StickTable { name, spec: draft.spec.clone(), place });
    }

    /// The table of that name.
    pub fn find(&self, name: &str) -> Option<TableIdx> {
        self.by_name.get(name).map(|index| TableIdx(*index))
    }

    /// Help for a name that no table has.
    fn near(&self, name: &str) -> String {
        match suggest::nearest(name, self.by_name.keys().map(|name| &**name)) {
            Some(near) => format!("did you mean '{near}'?"),
            None => format!("declare it with a 'stick-table' line in section '{name}'"),
        }
    }

    /// Complains about a table that is not there.
    pub fn missing(&self, site: &Site, name: &str, message: String, cx: &mut Cx<'_>) {
        cx.sink.push(Severity::Alert, site, message, Some(self.near(name)));
    }

    /// Checks the tables that a section's rules need; those that bind keys to servers get what that takes.
    pub fn check(&mut self, draft: &ProxyDraft, cx: &mut Cx<'_>) {
        let title = draft.proxy.name.as_ref();
        for needed in &draft.table_uses {
            let name = needed.table.as_deref().unwrap_or(title);
            let Some(TableIdx(index)) = self.find(name) else {
                let message = match needed.sticks {
                    true => format!("Proxy '{title}': unable to find stick-table '{name}'."),
                    false => format!("Proxy '{title}': unable to find table '{name}' referenced by {}.", needed.rule),
                };
                self.missing(&needed.site, name, message, cx);
                continue;
            };
            let Some(table) = self.found.get_mut(index) else { continue };
            if !needed.key.fits(table.spec.key) {
                let message = format!(
                    "Proxy '{title}': stick-table '{name}' uses a type incompatible with the '{}' rule.",
                    needed.rule
                );
                cx.sink.alert(&needed.site, message);
            }
            if needed.sticks {
                for kind in [DataKind::ServerId, DataKind::ServerKey] {
                    table.spec.store(Stored { kind, elements: 1, period_ms: 0 });
                }
            }
        }
    }

    /// Tells each rule of a section which table it means.
    pub fn resolve(&self, proxy: &mut Proxy) {
        let own = self.find(&proxy.name);
        proxy.table = own;
        let settle = |table: &mut TableRef| {
            table.index = match &table.name {
                Some(name) => self.find(name),
                None => own,
            };
        };
        let responses = proxy.http_response.iter_mut().chain(&mut proxy.http_after_response);
        for rule in proxy.http_request.iter_mut().chain(responses) {
            if let HttpAction::Track(track) = &mut rule.action {
                settle(&mut track.table);
            }
        }
        for rule in &mut proxy.tcp_request {
            if let TcpAction::Track(track) = &mut rule.action {
                settle(&mut track.table);
            }
        }
        proxy.stick_rules.iter_mut().for_each(|rule| settle(&mut rule.table));
    }

    /// The tables, in the order of their declaration.
    pub fn into_list(self) -> Vec<StickTable> {
        self.found
    }
}
