//! `show fd`: the process's descriptors, what each is, and whose.

use crate::admin::dump::{Dump, PIECE};
use crate::admin::sess::ADMIN_IDS;
use crate::control::{Control, SessionQuery};
use crate::shared::FrontendState;
use lb_admin::{Reply, Request};
use lb_config::model::ListenAddress;
use lb_model::Mode;
use socket2::{SockAddr, Socket};
use std::collections::BTreeMap;
use std::io::Write as _;

/// What a connection's descriptor belongs to.
#[derive(Debug)]
enum Owner {
    /// A client's: session, thread and frontend.
    Client { session: u64, thread: usize, frontend: usize },
    /// A server's: session (0: idle), thread, backend and server.
    Server { session: u64, thread: usize, backend: usize, server: usize },
    /// An operator's.
    Admin { id: u64 },
}

/// Which kinds of descriptors are shown.
#[derive(Debug, Clone, Copy)]
struct Kinds {
    pipes: bool,
    listeners: bool,
    frontend: bool,
    backend: bool,
}

impl Kinds {
    const ALL: Self = Self { pipes: true, listeners: true, frontend: true, backend: true };
    const NONE: Self = Self { pipes: false, listeners: false, frontend: false, backend: false };

    /// `plcfbs`, and `-` or `!` before what is not to be shown.
    fn parse(word: &str) -> Option<Self> {
        let mut kinds = if word.starts_with(['-', '!']) { Self::ALL } else { Self::NONE };
        let mut shown = true;
        for letter in word.chars() {
            match letter {
                '-' | '!' => shown = false,
                'p' => kinds.pipes = shown,
                'l' => kinds.listeners = shown,
                'c' => (kinds.frontend, kinds.backend) = (shown, shown),
                'f' => kinds.frontend = shown,
                'b' | 's' => kinds.backend = shown,
                _ => return None,
            }
        }
        Some(kinds)
    }
}

/// `show fd [-!plcfbs]* [[<group>]/[<fd>] | <fd>]`.
pub(in crate::admin) async fn show(control: &Control, request: &Request) -> Result<Dump, Reply> {
    let (mut kinds, mut only) = (Kinds::ALL, None);
    for word in request.args() {
        let number = word.split_once('/').map_or(word.as_str(), |(_, number)| number);
        if word.starts_with(|c: char| c.is_ascii_digit()) || word.contains('/') {
            only = number.parse::<i32>().ok();
        } else {
            kinds = Kinds::parse(word).ok_or_else(|| Reply::err("Invalid FD type"))?;
        }
    }
    let mut descriptors: Vec<i32> = std::fs::read_dir("/proc/self/fd")
        .map(|entries| entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect())
        .unwrap_or_default();
    descriptors.retain(|fd| only.is_none_or(|only| only == *fd));
    descriptors.sort_unstable();
    Ok(Dump::Descriptors(FdDump { rest: descriptors.into_iter(), owners: owners(control).await, kinds }))
}

async fn owners(control: &Control) -> BTreeMap<i32, Owner> {
    let mut owners = BTreeMap::new();
    for thread in 0..control.shared.threads {
        for (fd, backend, server) in control.idle_descriptors(thread).await {
            owners.insert(fd, Owner::Server { session: 0, thread, backend, server });
        }
        let mut after = Some(0);
        while let Some(from) = after {
            let query = SessionQuery { idle_too: true, ..SessionQuery::default() };
            let (sessions, last) = control.sessions(thread, from, query).await;
            for found in sessions {
                let session = found.id;
                owners.insert(found.fd, Owner::Client { session, thread, frontend: found.frontend });
                if let Some((backend, server)) = found.server.filter(|_| found.server_fd >= 0) {
                    owners.insert(found.server_fd, Owner::Server { session, thread, backend, server });
                }
            }
            after = last;
        }
    }
    for (number, connection) in control.admin.connections.borrow().iter() {
        owners.insert(connection.fd, Owner::Admin { id: ADMIN_IDS + (number << 4) });
    }
    owners
}

/// `show fd` in progress.
#[derive(Debug)]
pub(in crate::admin) struct FdDump {
    rest: std::vec::IntoIter<i32>,
    owners: BTreeMap<i32, Owner>,
    kinds: Kinds,
}

impl FdDump {
    pub(in crate::admin) fn next(&mut self, control: &Control, out: &mut Vec<u8>) -> bool {
        while out.len() < PIECE {
            let Some(fd) = self.rest.next() else { return false };
            let Some(line) = self.describe(control, fd) else { continue };
            // Writing to a vector cannot fail.
            let _ = writeln!(out, "{fd:>7} : {line}");
        }
        true
    }

    /// A descriptor's line; `None` when it is not to be shown, or was closed meanwhile.
    fn describe(&self, control: &Control, fd: i32) -> Option<String> {
        let link = std::fs::read_link(format!("/proc/self/fd/{fd}")).ok()?;
        let link = link.to_string_lossy();
        let control_thread = control.shared.threads;
        if let Some(owner) = self.owners.get(&fd) {
            return self.connection(control, fd, owner);
        }
        if !link.starts_with("socket:") {
            let what = link.strip_prefix("anon_inode:").unwrap_or(&link);
            let line = state(0, "heopi W:sra R:sra", control_thread, 0, what);
            return self.kinds.pipes.then_some(line);
        }
        // A second descriptor, closed again at once: asking for addresses needs one that cannot vanish meanwhile.
        let socket = Socket::from(crate::sys::duplicate_inherited(fd).ok()?);
        let local = socket.local_addr().ok();
        if !socket.is_listener().unwrap_or(false) {
            let line = state(0, "heopi W:sra R:sra", control_thread, 0, "socket");
            return self.kinds.pipes.then(|| format!("{line} {}", addresses(local.as_ref(), None)));
        }
        if !self.kinds.listeners {
            return None;
        }
        let (name, open) = listener(control, local.as_ref());
        let ready = if open { "RDY" } else { "LIM" };
        let line = state(0x2_0023, "heopi W:sRa R:sRA", control_thread, 0, "accept::run");
        Some(format!("{line} l.st={ready} fe={name} {}", addresses(local.as_ref(), None)))
    }

    fn connection(&self, control: &Control, fd: i32, owner: &Owner) -> Option<String> {
        let shared = control.shared;
        let (is_server, shown) = match owner {
            Owner::Server { .. } => (true, self.kinds.backend),
            _ => (false, self.kinds.frontend),
        };
        if !shown {
            return None;
        }
        let socket = Socket::from(crate::sys::duplicate_inherited(fd).ok()?);
        let addresses = addresses(socket.local_addr().ok().as_ref(), socket.peer_addr().ok().as_ref());
        let (session, thread, mode, function, whose) = match owner {
            Owner::Client { session, thread, frontend } => {
                let config = &shared.proxies.get(*frontend)?.config;
                (*session, *thread, config.mode, serve(config.mode), format!("fe={}", config.name))
            }
            Owner::Server { session, thread, backend, server } => {
                let proxy = shared.proxies.get(*backend)?;
                let server = &proxy.servers.get(*server)?.config().name;
                let function = if *session == 0 { "Pool" } else { serve(proxy.config.mode) };
                (*session, *thread, proxy.config.mode, function, format!("sv={}/{server}", proxy.config.name))
            }
            Owner::Admin { id } => (*id, shared.threads, Mode::Tcp, "connection::serve", "fe=GLOBAL".to_owned()),
        };
        let mux = if mode == Mode::Http { "H1" } else { "PASS" };
        let line = state(0x21, "heopi W:sRa R:srA", thread, session, function);
        Some(format!(
            "{line} back={} cflg=0x00000300 cerr=0 {addresses} {whose} mux={mux} ctx={session:#x} xprt=RAW",
            u8::from(is_server)
        ))
    }
}

fn serve(mode: Mode) -> &'static str {
    match mode {
        Mode::Http => "http::serve",
        Mode::Tcp => "tcp::serve",
    }
}

/// What every line begins with. Threads are told as HAProxy does, in groups of 64.
fn state(bits: u32, words: &str, thread: usize, owner: u64, function: &str) -> String {
    let (group, mask) = (thread / 64 + 1, 1_u64 << (thread % 64));
    let cloned = if bits & 0x2_0000 != 0 { "Cl" } else { "cl" };
    format!(
        "st={bits:#08x}({cloned} {words}) ref=0 gid={group} tmask={mask:#x} umask=0x0 prmsk={mask:#x} pwmsk=0x0 \
         owner={owner:#x} iocb=0x0({function})"
    )
}

fn addresses(local: Option<&SockAddr>, peer: Option<&SockAddr>) -> String {
    let Some(local) = local else { return "fam=unknown".to_owned() };
    match local.as_socket() {
        Some(address) => {
            let family = if address.is_ipv4() { "ipv4" } else { "ipv6" };
            let peer = peer.and_then(SockAddr::as_socket).map(|peer| format!(" rport={}", peer.port()));
            format!("fam={family} lport={}{}", address.port(), peer.unwrap_or_default())
        }
        None if local.is_unix() => "fam=unix".to_owned(),
        None => "fam=unknown".to_owned(),
    }
}

/// The frontend that listens on an address, and whether it accepts.
fn listener(control: &Control, local: Option<&SockAddr>) -> (String, bool) {
    let ip = local.and_then(SockAddr::as_socket);
    let path = local.and_then(SockAddr::as_pathname);
    for proxy in control.shared.proxies.live() {
        for listener in &proxy.listeners {
            let same = match &listener.config.address {
                ListenAddress::Unix(own) => path == Some(own.as_path()),
                _ => ip.is_some() && listener.bound.get().copied() == ip,
            };
            if same {
                return (proxy.config.name.to_string(), proxy.frontend_state() == FrontendState::Open);
            }
        }
    }
    ("GLOBAL".to_owned(), true)
}

#[cfg(test)]
mod tests {
    use super::Kinds;

    #[test]
    fn kinds() {
        let shown = |word| Kinds::parse(word).map(|k| [k.pipes, k.listeners, k.frontend, k.backend]);
        assert_eq!(shown("l"), Some([false, true, false, false]));
        assert_eq!(shown("c"), Some([false, false, true, true]));
        assert_eq!(shown("-l"), Some([true, false, true, true]));
        assert_eq!(shown("!fs"), Some([true, true, false, false]));
        assert_eq!(shown("c!f"), Some([false, false, false, true]));
        assert_eq!(shown("z"), None);
    }
}
