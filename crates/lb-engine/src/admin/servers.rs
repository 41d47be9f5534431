//! `show servers state`, `show servers conn`.

use super::dump::{Dump, PIECE};
use super::resolve;
use super::stat_values::{connections_in_use, most_connections_in_use};
use crate::control::{Control, ServerCtl};
use crate::shared::{ProxyState, ServerState, Target};
use crate::slots::Cursor;
use lb_admin::{Anon, Reply, Request, text};
use lb_stats::{ConnRow, ServerStateRow, write_servers_conn_header, write_servers_state_header};
use std::borrow::Cow;
use std::net::IpAddr;

/// The backend asked for; `None`: all of them.
fn scope(control: &Control, request: &Request) -> Result<Option<usize>, Reply> {
    match request.arg(0) {
        "" => Ok(None),
        name => match resolve::backend(control, name) {
            Some(proxy) => Ok(Some(proxy.index)),
            None => Err(Reply::err(text::CANNOT_FIND_BACKEND)),
        },
    }
}

/// `show servers state`.
pub(super) fn state(control: &Control, request: &Request) -> Result<Dump, Reply> {
    Ok(Dump::ServersState(StateDump { at: Walk::new(scope(control, request)?), anon: request.anon }))
}

/// The whole answer to `show servers state`, as a file.
pub fn servers_state(control: &Control) -> Vec<u8> {
    let mut dump = StateDump { at: Walk::new(None), anon: Anon::OFF };
    let (mut all, mut piece) = (Vec::new(), Vec::new());
    while dump.next(control, &mut piece) {
        all.append(&mut piece);
    }
    all.append(&mut piece);
    all
}

/// `show servers conn`.
pub(super) fn conn(control: &Control, request: &Request) -> Result<Dump, Reply> {
    Ok(Dump::ServersConn(ConnDump { at: Walk::new(scope(control, request)?), idle: Vec::new() }))
}

/// A walk over the servers of one backend or of all.
#[derive(Debug)]
struct Walk {
    only: Option<usize>,
    /// The proxy that is walked through.
    proxy: Option<usize>,
    proxies: Cursor,
    servers: Cursor,
    begun: bool,
}

impl Walk {
    fn new(only: Option<usize>) -> Self {
        Self { only, proxy: only, proxies: Cursor::default(), servers: Cursor::default(), begun: false }
    }

    fn begin(&mut self) -> bool {
        !std::mem::replace(&mut self.begun, true)
    }

    fn next(&mut self, control: &Control) -> Option<(&'static ProxyState, usize, &'static ServerState)> {
        loop {
            if let Some(proxy) = self.proxy.and_then(|index| control.shared.proxies.get(index))
                && let Some(server) = proxy.servers.next(&mut self.servers)
            {
                return Some((proxy, server.index, server));
            }
            if self.only.is_some() {
                return None;
            }
            self.servers = Cursor::default();
            // At the end it stays there, however often it is asked.
            self.proxy = None;
            let next = control.shared.proxies.next(&mut self.proxies)?;
            self.proxy = next.config.kind.has_backend().then_some(next.index);
        }
    }
}

/// Where a server is, as the tables print it: address and port.
fn place(server: &ServerState) -> (Option<String>, u16) {
    match server.target() {
        Target::Ip(address) if server.is_unresolved() => (None, address.port()),
        Target::Ip(address) => (Some(ip_text(address.ip())), address.port()),
        Target::Unix(_) | Target::Abstract(_) | Target::Sockpair(_) => (None, 0),
    }
}

/// An address, written without the detours of formatting where there are many.
fn ip_text(ip: IpAddr) -> String {
    let IpAddr::V4(v4) = ip else { return ip.to_string() };
    let mut text = String::with_capacity(15);
    for (index, octet) in v4.octets().into_iter().enumerate() {
        if index > 0 {
            text.push('.');
        }
        text.push_str(itoa::Buffer::new().format(octet));
    }
    text
}

/// Rows of `show servers state` that are written in one go.
const ROWS: usize = 16;

/// `show servers state` in progress.
#[derive(Debug)]
pub(super) struct StateDump {
    at: Walk,
    anon: Anon,
}

impl StateDump {
    pub(super) fn next(&mut self, control: &Control, out: &mut Vec<u8>) -> bool {
        if self.at.begin() {
            write_servers_state_header(out);
        }
        let now = control.now();
        let backends = control.backends();
        let mut rows = Vec::with_capacity(ROWS);
        while out.len() < PIECE {
            rows.clear();
            rows.extend(std::iter::from_fn(|| self.at.next(control)).take(ROWS).filter_map(
                |(proxy, index, server)| Some((proxy, server, backends.get(proxy.index)?.servers.get(index)?)),
            ));
            if rows.is_empty() {
                return false;
            }
            // The processor fetches all of them at once, where one row after the other would wait for each.
            let fetched = |(_, server, own): &(_, &'static ServerState, &ServerCtl)| {
                server.config().name.len() + own.health.weight() as usize + usize::from(own.check.port.is_some())
            };
            std::hint::black_box(rows.iter().map(fetched).sum::<usize>());
            for (proxy, server, own) in &rows {
                let (address, port) = place(server);
                let health = &own.health;
                ServerStateRow {
                    backend_id: proxy.config.id,
                    backend: self.anon.name(&proxy.config.get().name),
                    server_id: server.config().id,
                    server: self.anon.name(&server.config().name),
                    address: address.map(Cow::Owned),
                    op_state: health.op() as u8,
                    admin_state: health.admin().bits(),
                    user_weight: health.weight(),
                    initial_weight: health.configured_weight(),
                    since_last_change: health.since_last_change(now).as_secs(),
                    check_status: health.check().last().status as u32,
                    check_result: health.check().result() as u32,
                    check_health: health.check().health().value() as i32,
                    check_state: health.check_state_bits().into(),
                    agent_state: health.agent_state_bits().into(),
                    backend_forced_id: proxy.config.forced_id.into(),
                    server_forced_id: server.config().forced_id.into(),
                    fqdn: own.name.as_deref().map(|fqdn| self.anon.name(fqdn)),
                    port,
                    srv_record: server
                        .config()
                        .resolution
                        .as_ref()
                        .and_then(|rule| rule.srv.as_deref())
                        .map(Cow::Borrowed),
                    use_ssl: server.tls().as_ref().is_some_and(|security| security.is_enabled()).into(),
                    check_port: own.check.port.unwrap_or(0),
                    check_addr: own.check.addr.map(|addr| addr.to_string().into()),
                    agent_addr: own.agent.addr.map(|addr| addr.to_string().into()),
                    agent_port: own.agent.port,
                }
                .write(out);
            }
        }
        true
    }
}

/// `show servers conn` in progress.
#[derive(Debug)]
pub(super) struct ConnDump {
    at: Walk,
    /// Idle connections at the dump's begin, by thread, proxy and server.
    idle: Vec<Vec<Vec<u32>>>,
}

impl ConnDump {
    pub(super) async fn next(&mut self, control: &Control, out: &mut Vec<u8>) -> bool {
        if self.at.begin() {
            write_servers_conn_header(control.shared.threads, out);
            self.idle = control.idle_connections().await;
        }
        let idle = &self.idle;
        let backends = control.backends();
        while out.len() < PIECE {
            let Some((proxy, index, server)) = self.at.next(control) else { return false };
            let Some(own) = backends.get(proxy.index).and_then(|b| b.servers.get(index)) else { continue };
            let (address, port) = place(server);
            let used = connections_in_use(proxy, server, &own.health);
            let most = most_connections_in_use(proxy, server, &own.health);
            let idle_per_thread: Vec<u32> = idle
                .iter()
                .map(|counts| counts.get(proxy.index).and_then(|c| c.get(index)).copied().unwrap_or(0))
                .collect();
            let idle: u32 = idle_per_thread.iter().sum();
            ConnRow {
                backend: proxy.config.name.to_string(),
                server: server.config().name.to_string(),
                backend_id: proxy.config.id,
                server_id: server.config().id,
                address,
                port,
                purge_delay_ms: server.config().pool_purge_delay.as_millis() as u32,
                served: Some(server.sessions.get()),
                used_cur: used,
                used_max: most,
                need_est: most,
                idle_sess: Some(0),
                unsafe_nb: 0,
                safe_nb: idle,
                idle_limit: server.config().pool_max_conn,
                idle_cur: idle,
                idle_per_thread,
            }
            .write(out);
        }
        true
    }
}
