//! `ring` sections: memory that keeps the latest log lines and trace events.

use crate::address::{self, AddressError, Allow, Endpoint, Port};
use crate::cx::Cx;
use crate::diagnostic::Severity;
use crate::keywords;
use crate::line::{Fault, Line, fault};
use crate::log::wire;
use crate::model::{ConnectAddress, Ring, RingServer};
use crate::suggest::did_you_mean;

/// The ring that is always there.
pub(crate) const ALWAYS: &str = "buf0";

/// Keywords of the section.
const KEYWORDS: [&str; 6] = ["description", "format", "maxlen", "server", "size", "timeout"];

/// Opens a section.
pub(crate) fn open(line: &Line, others: &[Ring], cx: &mut Cx<'_>) -> Result<Ring, Fault> {
    let name = line.need(1, "missing ring name.")?;
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '.' | '-');
    if let Some(bad) = name.chars().find(|&c| !is_allowed(c)) {
        return Err(fault(1, format!("invalid ring name '{name}' (character '{bad}' is not permitted).")));
    }
    let reserved = ["stdout", "stderr", ALWAYS].contains(&name);
    if reserved || others.iter().any(|ring| ring.name == name) {
        return Err(fault(1, format!("sink named '{name}' already exists.")));
    }
    line.ends_after(1, "ring").or_else(|extra| {
        cx.sink.push(Severity::Warning, &line.site_of(&extra), "words after the ring's name are ignored.", None);
        Ok::<(), Fault>(())
    })?;
    Ok(Ring::named(name))
}

/// Reads a line of the section.
pub(crate) fn line(ring: &mut Ring, line: &Line, cx: &mut Cx<'_>) -> Result<(), Fault> {
    match line.word(0) {
        "description" => {
            line.need(1, "missing ring description text.")?;
            ring.description = line.from(1).join(" ");
        }
        "format" => {
            let word = line.need(1, "missing format.")?;
            ring.format = wire(word).ok_or_else(|| fault(1, format!("unknown format '{word}'.")))?;
        }
        "maxlen" => ring.max_len = size(line)?,
        "size" => {
            let size = size(line)?;
            if size < ring.size {
                let message = format!(
                    "ignoring new size '{size}' that is smaller than current size '{}' for ring '{}'.",
                    ring.size, ring.name
                );
                cx.sink.push(Severity::Warning, &line.site(1), message, None);
            } else {
                ring.size = size;
            }
        }
        "server" => ring.servers.push(server(line, cx)?),
        "timeout" => {
            let slot = match line.word(1) {
                "connect" => &mut ring.connect_timeout,
                "server" => &mut ring.server_timeout,
                other => {
                    let near = did_you_mean(other, ["connect", "server"]);
                    return Err(fault(1, format!("'timeout' supports 'connect' and 'server' (got '{other}'){near}.")));
                }
            };
            *slot = line.delay(2, &format!("timeout {}", line.word(1)))?;
            line.ends_after(2, "timeout")?;
        }
        word @ "backing-file" => return Err(fault(0, keywords::not_yet(word))),
        word => {
            let near = did_you_mean(word, KEYWORDS);
            return Err(fault(0, format!("unknown statement '{word}'{near}.")));
        }
    }
    Ok(())
}

/// `server <name> <address> [log-proto legacy|octet-count]`.
fn server(line: &Line, cx: &Cx<'_>) -> Result<RingServer, Fault> {
    let usage = "'server' expects <name> and <addr>[:<port>] as arguments.";
    let (name, text) = (line.need(1, usage)?, line.need(2, usage)?);
    let outer = format!("'server {name}' : ");
    let allow = Allow { port_needed: true, ..Allow::default() };
    let refused = |e: AddressError| Fault { help: e.help, ..fault(2, format!("{outer}{}", e.message)) };
    let (address, port) = match address::parse(text, allow, cx).map_err(refused)? {
        Endpoint::Ip { ip, port: Port::Range(port, _), .. } => (ConnectAddress::Ip(ip), port),
        Endpoint::Unix(path) => (ConnectAddress::Unix(path), 0),
        Endpoint::Abstract(name) => (ConnectAddress::Abstract(name), 0),
        Endpoint::Ip { .. } | Endpoint::Fd(_) | Endpoint::Sockpair(_) => {
            return Err(fault(2, format!("{outer}expects an address and a port.")));
        }
    };
    let mut octet_count = false;
    let mut at = 3;
    while line.has(at) {
        match line.word(at) {
            "log-proto" => {
                octet_count = match line.word(at + 1) {
                    "octet-count" => true,
                    "legacy" => false,
                    other => {
                        let near = did_you_mean(other, ["legacy", "octet-count"]);
                        let message =
                            format!("{outer}'log-proto' expects 'legacy' or 'octet-count', got '{other}'{near}.");
                        return Err(fault(at + 1, message));
                    }
                };
            }
            // Who feeds a ring's server opens one connection and keeps it.
            other => {
                return Err(fault(
                    at,
                    format!("{outer}{}", keywords::not_yet(&format!("{other}' of a ring's 'server"))),
                ));
            }
        }
        at += 2;
    }
    Ok(RingServer { name: name.to_owned(), address, port, octet_count })
}

fn size(line: &Line) -> Result<usize, Fault> {
    let word = line.word(1);
    let complaint = || fault(1, format!("invalid size '{word}' for new sink buffer."));
    word.parse().ok().filter(|&size| size > 0 && size <= 1 << 30).ok_or_else(complaint)
}

/// Warns of log targets that name no ring: 3.5 lets them pass, and what is sent there is lost.
pub(crate) fn check_uses(rings: &[Ring], cx: &mut Cx<'_>) {
    for (name, site) in std::mem::take(&mut cx.ring_uses) {
        if name != ALWAYS && rings.iter().all(|ring| ring.name != name) {
            let names = rings.iter().map(|ring| ring.name.as_str()).chain([ALWAYS]);
            let near = did_you_mean(&name, names);
            let message = format!("log : there is no ring '{name}'{near}: what is logged to it is lost.");
            cx.sink.push(Severity::Warning, &site, message, None);
        }
    }
}
