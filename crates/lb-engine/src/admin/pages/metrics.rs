//! Metrics in Prometheus' text format: one metric of all objects of a kind after the other.

use super::super::dump::PIECE;
use super::super::stat_listener::ListenerRow;
use super::super::stat_values::{BackendRow, FrontendRow, ServerRow, Viewer};
use super::super::{info, resolvers};
use super::{Gone, Tray};
use crate::control::Control;
use crate::orders::{MetricsQuery, MetricsScope};
use lb_stats::{FAMILIES, Family, InfoSource, ObjectKind, PROCESS_FAMILIES, RESOLVER_FAMILIES, TABLE_FAMILIES, Tally};

/// Writes what the query asks for.
pub(super) async fn write(control: &Control, query: &MetricsQuery, tray: &mut Tray<'_>) -> Result<(), Gone> {
    let asked = |scope| query.scopes.as_ref().is_none_or(|scopes| scopes.contains(&scope));
    if asked(MetricsScope::Global) {
        process(control, query, &mut tray.batch);
    }
    for (scope, kind) in [
        (MetricsScope::Frontend, ObjectKind::Frontend),
        (MetricsScope::Listener, ObjectKind::Listener),
        (MetricsScope::Backend, ObjectKind::Backend),
        (MetricsScope::Server, ObjectKind::Server),
    ] {
        if !asked(scope) {
            continue;
        }
        let objects = objects(control, kind, query.no_maint);
        for family in FAMILIES.iter().filter(|family| family.is_of(kind)) {
            let wanted = query.shows(&|name| family.is_named(kind, name)) && (query.extra || !family.is_extra());
            if wanted {
                rows(control, kind, family, &objects, tray).await?;
            }
        }
    }
    if asked(MetricsScope::StickTable) {
        tables(control, query, &mut tray.batch);
    }
    if asked(MetricsScope::Resolver) {
        resolvers(control, query, &mut tray.batch);
    }
    Ok(())
}

fn tables(control: &Control, query: &MetricsQuery, out: &mut Vec<u8>) {
    let tables = control.shared.tables.list();
    for (index, family) in TABLE_FAMILIES.iter().enumerate() {
        if tables.is_empty() || !query.shows(&|name| family.is_named(name)) {
            continue;
        }
        family.write_head(out);
        for table in tables.iter().rev() {
            let spec = &table.config.spec;
            // Without peers nobody is told of updates: there are none to count.
            let values = [spec.size as u64, table.table.used() as u64, 0];
            let value = values.get(index).copied().unwrap_or_default();
            family.write([&table.config.name, spec.key.as_str()], value, out);
        }
    }
}

fn resolvers(control: &Control, query: &MetricsQuery, out: &mut Vec<u8>) {
    for (index, family) in RESOLVER_FAMILIES.iter().enumerate() {
        if !query.shows(&|name| family.is_named(name)) {
            continue;
        }
        let mut headed = false;
        for section in control.names.sections() {
            for (server, counts) in section.config.nameservers.iter().zip(&section.counts) {
                if !headed {
                    family.write_head(out);
                    headed = true;
                }
                let value = resolvers::columns(counts).get(index).map_or(0, |(_, count)| *count);
                family.write([&section.config.name, &server.name], value, out);
            }
        }
    }
}

impl MetricsQuery {
    /// Whether a metric is wanted, told by whether a name is its own.
    fn shows(&self, is_named: &dyn Fn(&str) -> bool) -> bool {
        (self.wanted.is_empty() || self.wanted.iter().any(|name| is_named(name)))
            && !self.unwanted.iter().any(|name| is_named(name))
    }
}

fn process(control: &Control, query: &MetricsQuery, out: &mut Vec<u8>) {
    let source = info::Source::new(control);
    for family in PROCESS_FAMILIES.iter().filter(|family| query.shows(&|name| family.is_named(name))) {
        let value = source.value(family.field);
        if !value.is_empty() {
            family.write(&value, out);
        }
    }
}

/// Indices of the objects of a kind: proxy, and server or listener if it is one.
fn objects(control: &Control, kind: ObjectKind, no_maint: bool) -> Vec<(usize, usize)> {
    let backends = control.backends();
    let viewer = Viewer::new(control, &backends, true);
    let proxies = control.shared.proxies.live().filter(|proxy| !proxy.config.disabled);
    let mut found = Vec::new();
    for proxy in proxies {
        match kind {
            ObjectKind::Frontend if proxy.config.kind.has_frontend() => found.push((proxy.index, 0)),
            ObjectKind::Listener if proxy.config.options.socket_stats => {
                found.extend((0..proxy.listeners.len()).map(|listener| (proxy.index, listener)));
            }
            ObjectKind::Backend if proxy.config.kind.has_backend() => found.push((proxy.index, 0)),
            ObjectKind::Server if proxy.config.kind.has_backend() => {
                let shown = |s: &usize| {
                    ServerRow::new(&viewer, proxy.index, *s)
                        .is_some_and(|row| !(no_maint && row.health().admin().in_maint()))
                };
                let servers = proxy.servers.live().map(|server| server.index).filter(shown);
                found.extend(servers.map(|server| (proxy.index, server)));
            }
            _ => {}
        }
    }
    found
}

/// One metric of all objects; objects that went away meanwhile are left out.
async fn rows(
    control: &Control,
    kind: ObjectKind,
    family: &Family,
    objects: &[(usize, usize)],
    tray: &mut Tray<'_>,
) -> Result<(), Gone> {
    let mut rest = objects.iter();
    let mut headed = false;
    let mut samples = Vec::with_capacity(PIECE * 2);
    while !rest.as_slice().is_empty() {
        samples.clear();
        {
            let backends = control.backends();
            let viewer = Viewer::new(control, &backends, true);
            for &(p, s) in rest.by_ref() {
                row(&viewer, kind, family, (p, s), &mut samples);
                if samples.len() > PIECE {
                    break;
                }
            }
        }
        if !headed && !samples.is_empty() {
            family.write_head(kind, &mut tray.batch);
            headed = true;
        }
        tray.batch.extend_from_slice(&samples);
        tray.step().await?;
    }
    Ok(())
}

fn row(viewer: &Viewer<'_>, kind: ObjectKind, family: &Family, (p, s): (usize, usize), out: &mut Vec<u8>) {
    let Some(proxy) = viewer.shared.proxies.get(p) else { return };
    match kind {
        ObjectKind::Frontend => family.write(&FrontendRow { viewer, proxy }, out),
        ObjectKind::Backend => {
            let Some(row) = BackendRow::new(viewer, p, false) else { return };
            if !family.is_tally() {
                return family.write(&row, out);
            }
            let mut tally = Tally::default();
            for server in proxy.servers.live().filter_map(|server| ServerRow::new(viewer, p, server.index)) {
                tally.add(&server);
            }
            if !tally.is_empty() {
                family.write_tally(&row, &tally, out);
            }
        }
        ObjectKind::Server => {
            if let Some(row) = ServerRow::new(viewer, p, s) {
                family.write(&row, out);
            }
        }
        ObjectKind::Listener => {
            if let Some(listener) = proxy.listeners.get(s) {
                family.write(&ListenerRow { viewer, proxy, listener }, out);
            }
        }
    }
}
