//! `show sess`: sessions of all data threads, fetched from them page by page, and the admin connections.

use super::dump::{Dump, PIECE};
use super::resolve;
use super::socket::AdminConnection;
use crate::control::{Control, SessionInfo, SessionQuery};
use crate::data::session::Phase;
use crate::log::request_time;
use crate::shared::{ServerState, Target};
use lb_admin::{Anon, Reply, Request, text};
use lb_model::{Mode, TimeUnit, human_time, parse_time};
use std::borrow::Cow;
use std::io::Write as _;
use std::time::Duration;

const USAGE: &str = "\
Usage: show sess [<id> | all | help | susp] [<options>]*
Lists streams, one line each; with an id or 'all', in detail. Options choose which:
  backend <b>     those whose backend is <b>
  frontend <f>    those whose frontend is <f>
  server <b/s>    those on this server
  older <age>     those that are at least this old, in seconds or with a unit
  show-uri        with the line of the request under way
  susp            those that look stuck
";

/// A session's number as `show sess` prints it: hexadecimal after `0x`, or decimal.
pub(super) fn parse_id(text: &str) -> Option<u64> {
    let id = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    };
    id.filter(|&id| id > 0)
}

/// `show sess [<id>|all|help|susp] [<options>]`.
pub(super) fn show(control: &Control, request: &Request) -> Result<Dump, Reply> {
    let mut dump = SessDump {
        query: SessionQuery::default(),
        detail: false,
        suspicious: false,
        anon: request.anon,
        at: At::Admin,
        found: 0,
    };
    let mut words = request.args().iter().map(String::as_str).peekable();
    match words.peek() {
        Some(&"help") => return Err(Reply::info(USAGE)),
        Some(&"all") => {
            dump.detail = true;
            words.next();
        }
        Some(word) if word.starts_with(|c: char| c.is_ascii_digit()) => {
            dump.detail = true;
            dump.query.id = Some(parse_id(word).unwrap_or(u64::MAX));
            words.next();
        }
        _ => {}
    }
    while let Some(word) = words.next() {
        match word {
            "show-uri" => dump.query.with_line = true,
            "susp" => dump.suspicious = true,
            "backend" => {
                let found = resolve::backend(control, words.next().unwrap_or_default());
                dump.query.backend = Some(found.ok_or_else(|| Reply::err(text::NO_SUCH_BACKEND))?.index);
            }
            "frontend" => {
                let name = words.next().unwrap_or_default();
                let found = resolve::proxy(control, name, |p| p.config.kind.has_frontend());
                dump.query.frontend = Some(found.ok_or_else(|| Reply::err(text::NO_SUCH_FRONTEND))?.index);
            }
            "server" => dump.query.server = Some(server(control, words.next().unwrap_or_default())?),
            "older" => {
                let age = parse_time(words.next().unwrap_or_default(), TimeUnit::Secs);
                let age = age.map_err(|_| Reply::err("Invalid age."))?;
                let now_us = control.shared.clock.now_us();
                dump.query.accepted_before_us = Some(now_us.saturating_sub(age.as_micros() as u64));
            }
            other => {
                return Err(Reply::err(format!("Unsupported option '{other}', try 'help' for more info.")));
            }
        }
    }
    Ok(Dump::Sessions(dump))
}

fn server(control: &Control, text: &str) -> Result<(usize, usize), Reply> {
    let (backend, name) = text.split_once('/').ok_or_else(|| Reply::err(text::REQUIRE_BACKEND_SERVER))?;
    let proxy = resolve::backend(control, backend).ok_or_else(|| Reply::err(text::NO_SUCH_BACKEND))?;
    let server = proxy.servers.live().find(|s| *s.config().name == *name);
    server.map(|server| (proxy.index, server.index)).ok_or_else(|| Reply::err(text::NO_SUCH_SERVER))
}

/// Where a dump has come.
#[derive(Debug)]
enum At {
    /// The admin connections.
    Admin,
    /// A data thread's sessions above a number.
    Thread(usize, u64),
}

/// `show sess` in progress.
#[derive(Debug)]
pub(super) struct SessDump {
    query: SessionQuery,
    detail: bool,
    suspicious: bool,
    anon: Anon,
    at: At,
    found: usize,
}

impl SessDump {
    pub(super) async fn next(&mut self, control: &Control, out: &mut Vec<u8>) -> bool {
        while out.len() < PIECE {
            match self.at {
                At::Admin => {
                    self.write_admin(control, out);
                    self.at = At::Thread(0, 0);
                }
                At::Thread(thread, _) if thread >= control.shared.threads => {
                    if self.query.id.is_some() && self.found == 0 {
                        out.extend_from_slice(b"Session not found.\n");
                    }
                    return false;
                }
                At::Thread(thread, after) => {
                    let (sessions, last) = control.sessions(thread, after, self.query).await;
                    for session in sessions.iter().filter(|s| !self.suspicious || is_suspicious(control, s)) {
                        self.found += 1;
                        if self.detail {
                            write_detail(control, self.anon, session, out);
                        } else {
                            write_line(control, self.anon, session, out);
                        }
                    }
                    self.at = last.map_or(At::Thread(thread + 1, 0), |last| At::Thread(thread, last));
                }
            }
        }
        true
    }

    /// Admin connections have no backend and no server, and belong to no frontend of the configuration.
    fn write_admin(&mut self, control: &Control, out: &mut Vec<u8>) {
        let SessionQuery { id, frontend, backend, server, accepted_before_us, .. } = self.query;
        if self.suspicious || frontend.is_some() || backend.is_some() || server.is_some() {
            return;
        }
        let now_us = control.shared.clock.now_us();
        for (number, connection) in control.admin.connections.borrow().iter() {
            let own_id = ADMIN_IDS + (number << 4);
            if id.is_some_and(|id| id != own_id) || accepted_before_us.is_some_and(|us| connection.accepted_us > us) {
                continue;
            }
            self.found += 1;
            write_admin(own_id, self.anon, self.detail, connection, now_us, out);
        }
    }
}

/// Numbers of admin connections begin here, below those of sessions.
pub(super) const ADMIN_IDS: u64 = 0x7e00_0000_0000;

fn write_admin(id: u64, anon: Anon, detail: bool, connection: &AdminConnection, now_us: u64, out: &mut Vec<u8>) {
    let AdminConnection { fd, protocol, source, accepted_us, commands } = connection;
    let age = human_time(Duration::from_micros(now_us.saturating_sub(*accepted_us)));
    let source = if source.starts_with("unix:") { source.as_str().into() } else { anon.address(source) };
    if detail {
        // Writing to a vector cannot fail.
        let _ = write!(
            out,
            "{id:#x}: proto={protocol} source={source}\n  \
             frontend=GLOBAL (id=1 mode=tcp), listener=? (id=1)\n  \
             backend=<NONE> (id=-1 mode=-)\n  server=<NONE> (id=-1)\n  \
             task=(nil) (state=0x00 nice=0 calls={commands} rate=0 exp=<NEVER> tid=1(1/1) age={age})\n  \
             phase=Cli requests={commands}\n  \
             scf=(nil) flags=0x00000200 state=EST mux=PASS fd={fd}\n  \
             scb=(nil) flags=0x00000001 state=8 mux=<NONE> fd=-1\n"
        );
        return;
    }
    // Writing to a vector cannot fail.
    let _ = writeln!(
        out,
        "{id:#x}: proto={protocol} src={source} fe=GLOBAL be=<NONE> srv=<none> ts=00 epoch=0 age={age} \
         calls={commands} rate=0 cpu=0 lat=0 rq[f=c08000h,i=0,an=00h,ax=] rp[f=80008000h,i=0,an=00h,ax=] \
         scf=[8,200h,fd=1/{fd},rex=,wex=] scb=[8,1h,fd=-1,rex=,wex=] exp= rc=0 c_exp="
    );
}

/// A session whose deadline passed and that is still there.
fn is_suspicious(control: &Control, session: &SessionInfo) -> bool {
    session.deadline_ms != u64::MAX && session.deadline_ms + 1_000 < control.shared.clock.now_ms()
}

/// Numbers that stand for a phase: request and response flags, analysers, and states of both ends.
struct Flags {
    request: (&'static str, &'static str),
    response: (&'static str, &'static str),
    server_state: u8,
}

fn flags(phase: Phase) -> Flags {
    let (request, response, server_state) = match phase {
        Phase::Idle | Phase::Request => (("808000", "8000"), ("80000000", "00"), 0),
        Phase::Queue => (("848000", "8000"), ("80000000", "00"), 2),
        Phase::Connect => (("848000", "8000"), ("80000000", "00"), 5),
        Phase::Response => (("848000", "8000"), ("80000000", "1400000"), 8),
        Phase::Data => (("49c40000", "8000"), ("80400000", "1400000"), 8),
    };
    Flags { request, response, server_state }
}

fn proxy_name(control: &Control, anon: Anon, index: Option<usize>) -> (Cow<'static, str>, i64, &'static str) {
    match index.and_then(|index| control.shared.proxies.get(index)) {
        Some(proxy) => (anon.name(&proxy.config.name), i64::from(proxy.config.id), proxy.config.mode.as_str()),
        None => (Cow::Borrowed("<NONE>"), -1, "-"),
    }
}

fn protocol(session: &SessionInfo) -> &'static str {
    match session.source {
        None => "unix_stream",
        Some(source) if source.is_ipv4() => "tcpv4",
        Some(_) => "tcpv6",
    }
}

fn source(anon: Anon, session: &SessionInfo) -> String {
    match session.source {
        None => format!("unix:{}", session.listener + 1),
        Some(source) => anon.address(&source.to_string()).into_owned(),
    }
}

/// Time until the wait under way ends, as `7s`; nothing when it has no end.
fn expiry(control: &Control, session: &SessionInfo) -> String {
    match session.deadline_ms {
        u64::MAX => String::new(),
        at => human_time(Duration::from_millis(at.saturating_sub(control.shared.clock.now_ms()))),
    }
}

fn server_fd(session: &SessionInfo) -> String {
    match session.server_fd {
        fd if fd >= 0 => format!("{}/{fd}", session.thread + 1),
        _ => "-1".to_owned(),
    }
}

fn write_line(control: &Control, anon: Anon, session: &SessionInfo, out: &mut Vec<u8>) {
    let server = session.server.and_then(|(p, s)| control.shared.proxies.get(p)?.servers.get(s));
    let server = server.map(ServerState::config);
    let server = server.as_ref().map_or(Cow::Borrowed("<none>"), |server| anon.name(&server.name));
    let now_us = control.shared.clock.now_us();
    let age = human_time(Duration::from_micros(now_us.saturating_sub(session.accepted_us)));
    let Flags { request, response, server_state } = flags(session.phase);
    let exp = expiry(control, session);
    // The wait that ends belongs to the side that is waited for.
    let (client_exp, server_exp) = match session.phase {
        Phase::Response | Phase::Data => ("", exp.as_str()),
        _ => (exp.as_str(), ""),
    };
    // Writing to a vector cannot fail.
    let _ = writeln!(
        out,
        "{:#x}: proto={} src={} fe={} be={} srv={server} ts=00 epoch=0 age={age} calls={} rate=0 cpu=0 lat=0 \
         rq[f={}h,i=0,an={}h,ax=] rp[f={}h,i=0,an={}h,ax=] scf=[8,402h,fd={}/{},rex={client_exp},wex=] \
         scb=[{server_state},1411h,fd={},rex={server_exp},wex=] exp={exp} rc=0 c_exp={}",
        session.id,
        protocol(session),
        source(anon, session),
        proxy_name(control, anon, Some(session.frontend)).0,
        proxy_name(control, anon, session.backend).0,
        session.requests,
        request.0,
        request.1,
        response.0,
        response.1,
        session.thread + 1,
        session.fd,
        server_fd(session),
        request_line(anon, session),
    );
}

/// The request under way, as a field of its own; nothing where its line is not kept.
fn request_line(anon: Anon, session: &SessionInfo) -> String {
    session.request_line.as_deref().map_or_else(String::new, |line| format!(" uri=\"{}\"", anon.name(line)))
}

fn write_detail(control: &Control, anon: Anon, session: &SessionInfo, out: &mut Vec<u8>) {
    let shared = control.shared;
    let server = session.server.and_then(|(p, s)| shared.proxies.get(p)?.servers.get(s));
    let config = server.map(ServerState::config);
    let (server_name, server_id) =
        config.as_ref().map_or((Cow::Borrowed("<NONE>"), -1), |server| (anon.name(&server.name), i64::from(server.id)));
    let server_address = match server.map(ServerState::target) {
        Some(Target::Ip(address)) => format!(" addr={}", anon.address(&address.to_string())),
        Some(Target::Unix(_) | Target::Abstract(_) | Target::Sockpair(_)) => " addr=unix".to_owned(),
        None => String::new(),
    };
    let listener = shared.proxies.get(session.frontend).and_then(|p| p.listeners.get(session.listener));
    let listener_name =
        listener.and_then(|l| l.config.name.as_deref()).map_or(Cow::Borrowed("?"), |name| anon.name(name));
    let listener_id = listener.map_or(0, |l| l.config.id);
    let listener_address = listener.map_or_else(String::new, |l| crate::shared::listen_text(&l.config.address));
    let listener_address = anon.address(&listener_address);
    let (frontend, frontend_id, frontend_mode) = proxy_name(control, anon, Some(session.frontend));
    let (backend, backend_id, backend_mode) = proxy_name(control, anon, session.backend);
    let when = request_time(&shared.clock.wall_at(session.accepted_us));
    let age = human_time(Duration::from_micros(shared.clock.now_us().saturating_sub(session.accepted_us)));
    let exp = match expiry(control, session) {
        exp if exp.is_empty() => "<NEVER>".to_owned(),
        exp => exp,
    };
    let Flags { request, response, server_state } = flags(session.phase);
    let mux = if frontend_mode == Mode::Http.as_str() { "H1" } else { "PASS" };
    // Writing to a vector cannot fail.
    let _ = write!(
        out,
        "{id:#x}: [{when}] id={number} proto={protocol} source={source}\n  \
         flags=0xc4a, conn_retries=0, conn_exp=<NEVER> conn_et=0x000 srv_conn=(nil), pend_pos=(nil) waiting=0 epoch=0\n  \
         frontend={frontend} (id={frontend_id} mode={frontend_mode}), listener={listener_name} (id={listener_id}) \
         addr={listener_address}\n  \
         backend={backend} (id={backend_id} mode={backend_mode})\n  \
         server={server_name} (id={server_id}){server_address}\n  \
         task=(nil) (state=0x00 nice=0 calls={calls} rate=0 exp={exp} tid={thread}(1/{thread}) age={age})\n  \
         phase={phase:?} requests={calls}{line}\n  \
         scf=(nil) flags=0x00000402 state=EST mux={mux} fd={fd}\n  \
         scb=(nil) flags=0x00001411 state={server_state} mux={mux} fd={server_fd}\n  \
         req=(nil) (f=0x{rqf} an=0x{rqa})\n  \
         res=(nil) (f=0x{rpf} an=0x{rpa})\n",
        id = session.id,
        number = session.id & 0xffff_ffff,
        protocol = protocol(session),
        source = source(anon, session),
        calls = session.requests,
        thread = session.thread + 1,
        phase = session.phase,
        fd = session.fd,
        server_fd = session.server_fd,
        rqf = request.0,
        rqa = request.1,
        rpf = response.0,
        rpa = response.1,
        line = request_line(anon, session),
    );
}

#[cfg(test)]
mod tests {
    use super::parse_id;

    #[test]
    fn ids() {
        assert_eq!(parse_id("0x7f00"), Some(0x7f00));
        assert_eq!(parse_id("12"), Some(12));
        assert_eq!(["", "0", "0x", "foo", "-1"].map(parse_id), [None; 5]);
    }
}
