//! `show stat`: which objects are shown, in which form.

use super::dump::{Dump, PIECE};
use super::resolve::{self, loose_integer};
use super::stat_listener::ListenerRow;
use super::stat_values::{BackendRow, FrontendRow, ServerRow, Viewer};
use crate::control::Control;
use crate::orders::Scope;
use crate::shared::{ProxyState, ServerState};
use crate::slots::Cursor;
use lb_admin::{Reply, Request, text};
use lb_model::{Level, OpState};
use lb_stats::{ObjectKind, StatFormat, StatWriter};
use std::sync::atomic::Ordering::Relaxed;

/// Which objects are shown.
#[derive(Debug, Clone)]
struct Filter {
    /// Proxy's id; `None`: all.
    proxy: Option<i64>,
    /// Mask of [`ObjectKind::selector_bit`].
    kinds: i64,
    /// Server's id; `None`: all.
    server: Option<i64>,
    up_only: bool,
    no_maint: bool,
    /// Names of proxies.
    scope: Scope,
}

/// `show stat [domain <d>] [{<iid>|<proxy>} <type> <sid>] [typed|json] [desc] [up|no-maint]`.
pub(super) fn show(control: &Control, request: &Request) -> Result<Dump, Reply> {
    let mut words = request.args();
    if words.first().is_some_and(|word| word == "domain") {
        match words.get(1).map(String::as_str) {
            Some("proxy") => words = words.get(2..).unwrap_or_default(),
            Some("resolvers") => return Err(super::resolvers::table(control)),
            _ => return Err(Reply::err("Invalid statistics domain.")),
        }
    }
    let has = |wanted: &str| words.iter().any(|word| word == wanted);
    let mut filter = Filter {
        proxy: None,
        kinds: -1,
        server: None,
        up_only: has("up"),
        no_maint: has("no-maint"),
        scope: Scope::default(),
    };
    // Three words select objects; fewer are taken for words about the form.
    if let [proxy, kinds, server, ..] = words {
        filter.proxy = match loose_integer(proxy) {
            0 => match resolve::proxy(control, proxy, |_| true) {
                Some(proxy) => Some(i64::from(proxy.config.id)),
                None => return Err(Reply::err(text::NO_SUCH_PROXY)),
            },
            -1 => None,
            id => Some(id),
        };
        filter.kinds = loose_integer(kinds);
        filter.server = Some(loose_integer(server)).filter(|&id| id != -1);
    }
    Ok(Dump::Stat(StatDump::new(filter, words, request.level >= Level::Operator)))
}

/// The table for a page: `words` choose the form and which servers are left out.
pub(super) fn page(words: &[String], scope: Scope) -> StatDump {
    let has = |wanted: &str| words.iter().any(|word| word == wanted);
    let filter = Filter { proxy: None, kinds: -1, server: None, up_only: has("up"), no_maint: has("no-maint"), scope };
    StatDump::new(filter, words, true)
}

/// Where a dump has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Begin,
    /// The next proxy.
    Proxy,
    /// The next server of this one.
    Server(usize),
    Backend(usize),
    End,
}

/// `show stat` in progress.
#[derive(Debug)]
pub(super) struct StatDump {
    filter: Filter,
    writer: StatWriter,
    /// The viewer may see addresses.
    detailed: bool,
    at: At,
    proxies: Cursor,
    servers: Cursor,
}

impl StatDump {
    fn new(filter: Filter, words: &[String], detailed: bool) -> Self {
        let writer = StatWriter::new(StatFormat::from_words(words));
        Self { filter, writer, detailed, at: At::Begin, proxies: Cursor::default(), servers: Cursor::default() }
    }

    pub(super) fn next(&mut self, control: &Control, out: &mut Vec<u8>) -> bool {
        let backends = control.backends();
        let viewer = Viewer::new(control, &backends, self.detailed);
        while out.len() < PIECE {
            match self.at {
                At::Begin => {
                    self.writer.begin(out);
                    // A process that stops has handed its listeners over: what it still counts is nobody's business.
                    let stopping = control.shared.process.stopping.load(Relaxed);
                    self.at = if stopping { At::End } else { At::Proxy };
                }
                At::Proxy => match control.shared.proxies.next(&mut self.proxies) {
                    Some(proxy) => self.at = self.frontend(&viewer, proxy, out),
                    None => self.at = At::End,
                },
                At::Server(p) => {
                    let servers = control.shared.proxies.get(p).map(|proxy| &proxy.servers);
                    match servers.and_then(|servers| servers.next(&mut self.servers)) {
                        Some(server) => self.server(&viewer, p, server, out),
                        None => self.at = At::Backend(p),
                    }
                }
                At::Backend(p) => {
                    self.backend(&viewer, p, out);
                    self.at = At::Proxy;
                }
                At::End => {
                    self.writer.end(out);
                    return false;
                }
            }
        }
        true
    }

    fn shows(&self, kind: ObjectKind) -> bool {
        self.filter.kinds & i64::from(kind.selector_bit()) != 0
    }

    fn frontend(&mut self, viewer: &Viewer<'_>, proxy: &'static ProxyState, out: &mut Vec<u8>) -> At {
        let config = proxy.config.get();
        let other = self.filter.proxy.is_some_and(|id| id != i64::from(config.id));
        if config.disabled || other || !self.filter.scope.shows(&config.name) {
            return At::Proxy;
        }
        if config.kind.has_frontend() && self.shows(ObjectKind::Frontend) {
            self.writer.row(&FrontendRow { viewer, proxy }, out);
        }
        if config.options.socket_stats && self.shows(ObjectKind::Listener) {
            let wanted = |id: u32| self.filter.server.is_none_or(|wanted| wanted == i64::from(id));
            for listener in proxy.listeners.iter().filter(|listener| wanted(listener.config.id)) {
                self.writer.row(&ListenerRow { viewer, proxy, listener }, out);
            }
        }
        self.servers = Cursor::default();
        match config.kind.has_backend() {
            true if self.shows(ObjectKind::Server) => At::Server(proxy.index),
            true => At::Backend(proxy.index),
            false => At::Proxy,
        }
    }

    fn server(&mut self, viewer: &Viewer<'_>, p: usize, server: &ServerState, out: &mut Vec<u8>) {
        let Some(row) = ServerRow::new(viewer, p, server.index) else { return };
        let health = row.health();
        let is_up = health.op() != OpState::Stopped;
        let hidden = self.filter.server.is_some_and(|id| id != i64::from(row.id()))
            || self.filter.no_maint && health.admin().in_maint()
            || self.filter.up_only && !is_up;
        if !hidden {
            server.counters.fetch();
            self.writer.row(&row, out);
        }
    }

    fn backend(&mut self, viewer: &Viewer<'_>, p: usize, out: &mut Vec<u8>) {
        if self.shows(ObjectKind::Backend) {
            let counted = self.filter.up_only || self.filter.no_maint;
            if let Some(row) = BackendRow::new(viewer, p, counted) {
                self.writer.row(&row, out);
            }
        }
    }
}
