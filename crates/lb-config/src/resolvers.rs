//! `resolvers` sections, and what servers say about the resolution of their names.

use crate::address::{self, Allow, Endpoint, Port};
use crate::cx::{Cx, reason};
use crate::diagnostic::{Severity, Site};
use crate::line::{Done, Fault, Line, fault};
use crate::model::Place;
use crate::server::ServerDraft;
use crate::suggest::{self, did_you_mean};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Name servers that are asked together.
#[derive(Debug, Clone)]
pub struct Resolvers {
    /// The section's name.
    pub name: String,
    /// Whom to ask.
    pub nameservers: Vec<Nameserver>,
    /// `resolve_retries`; default 3.
    pub retries: u32,
    /// `timeout resolve`: time between two resolutions of a name; default 1 s.
    pub resolve: Duration,
    /// `timeout retry`: how long an answer is awaited; default 1 s.
    pub retry: Duration,
    /// `hold`: how long ago a valid answer may be for a failure to be passed over.
    pub hold: Hold,
    /// `accepted_payload_size` in bytes; default 512.
    pub payload_size: u16,
    /// Where declared.
    pub place: Place,
}

/// `hold` times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    /// The name does not exist.
    pub nx: Duration,
    /// The question was refused.
    pub refused: Duration,
    /// Nobody answered.
    pub timeout: Duration,
    /// Anything else that is no answer.
    pub other: Duration,
    /// How long a valid answer is kept by rules that ask.
    pub valid: Duration,
    /// How long an address may be missing from answers.
    pub obsolete: Duration,
}

impl Default for Hold {
    fn default() -> Self {
        let long = Duration::from_secs(30);
        Self {
            nx: long,
            refused: long,
            timeout: long,
            other: long,
            valid: Duration::from_secs(10),
            obsolete: Duration::ZERO,
        }
    }
}

/// A name server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nameserver {
    /// Its name.
    pub name: String,
    /// Where it is asked.
    pub address: SocketAddr,
    /// Over TCP instead of UDP.
    pub tcp: bool,
}

/// How a server's name is resolved while traffic flows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    /// Index of the section.
    pub section: usize,
    /// `resolve-prefer ipv4`; otherwise IPv6 is preferred.
    pub prefers_v4: bool,
    /// `resolve-net`: networks whose addresses are preferred.
    pub nets: Vec<(IpAddr, u8)>,
    /// `resolve-opts allow-dup-ip`: servers of a backend may share an address.
    pub allow_duplicates: bool,
    /// `resolve-opts ignore-weight`.
    pub ignore_weight: bool,
    /// The name of the SRV records that the server stands for one of.
    pub srv: Option<String>,
}

/// A step of `init-addr`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InitAddr {
    /// What the state file says.
    Last,
    /// What the system's resolver says at start.
    Libc,
    /// Nothing: the server waits for an answer.
    None,
    /// This.
    Ip(IpAddr),
}

/// What a server's line says of its name, as written.
#[derive(Debug, Clone, Default)]
pub(crate) struct ResolutionDraft {
    pub section: Option<(String, Site)>,
    pub prefers_v4: bool,
    pub nets: Vec<(IpAddr, u8)>,
    pub allow_duplicates: bool,
    pub ignore_weight: bool,
    pub srv: Option<String>,
    pub init: Option<Vec<InitAddr>>,
}

/// How the name of a server is resolved, if it is.
pub(crate) fn settle(
    draft: &ServerDraft,
    backend: &str,
    sections: &[Resolvers],
    cx: &mut Cx<'_>,
) -> Option<Arc<Resolution>> {
    let own = &draft.resolution;
    let (name, site) = own.section.as_ref()?;
    let Some(section) = sections.iter().position(|section| section.name == *name) else {
        let near = suggest::nearest(name, sections.iter().map(|section| section.name.as_str()));
        let message =
            format!("backend '{backend}', server '{}': unable to find required resolvers '{name}'", draft.server.name);
        let help = near.map_or_else(
            || format!("declare them in a section 'resolvers {name}'"),
            |near| format!("did you mean '{near}'?"),
        );
        cx.sink.push(Severity::Alert, site, message, Some(help));
        return None;
    };
    // An address needs no resolution.
    if draft.server.fqdn.is_none() && own.srv.is_none() {
        return None;
    }
    Some(Arc::new(Resolution {
        section,
        prefers_v4: own.prefers_v4,
        nets: own.nets.clone(),
        allow_duplicates: own.allow_duplicates,
        ignore_weight: own.ignore_weight,
        srv: own.srv.clone(),
    }))
}

const DEFAULT_STEP: Duration = Duration::from_secs(1);

fn documented(name: &str, place: Place) -> Resolvers {
    Resolvers {
        name: name.to_owned(),
        nameservers: Vec::new(),
        retries: 3,
        resolve: DEFAULT_STEP,
        retry: DEFAULT_STEP,
        hold: Hold::default(),
        payload_size: 512,
        place,
    }
}

/// Begins a section: `resolvers <name>`.
pub(crate) fn open(line: &Line, known: &[Resolvers]) -> Result<Resolvers, Fault> {
    let name = line.need(1, "missing name for resolvers section.")?;
    line.ends_after(1, "resolvers")?;
    if let Some(other) = known.iter().find(|other| other.name == name) {
        let Place { file, line } = &other.place;
        return Err(fault(
            1,
            format!("resolvers '{name}' has same name as another resolvers (declared at {file}:{line})."),
        ));
    }
    Ok(documented(name, line.place()))
}

/// The section that is there without being declared: the system's name servers, if they are known.
pub(crate) fn system(cx: &Cx<'_>) -> Resolvers {
    let mut section = documented("default", Place::default());
    section.nameservers = system_servers(cx).unwrap_or_default();
    section
}

const RESOLV_CONF: &str = "/etc/resolv.conf";

fn system_servers(cx: &Cx<'_>) -> std::io::Result<Vec<Nameserver>> {
    let text = cx.host.read_file(Path::new(RESOLV_CONF))?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let mut found: Vec<Nameserver> = Vec::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let (Some("nameserver"), Some(address)) = (words.next(), words.next()) else { continue };
        // An interface behind a percent sign matters to link-local addresses only, which are not asked.
        let Ok(ip) = address.parse::<IpAddr>() else { continue };
        if found.iter().all(|other| other.address.ip() != ip) {
            found.push(Nameserver { name: address.to_owned(), address: SocketAddr::new(ip, 53), tcp: false });
        }
    }
    Ok(found)
}

const WORDS: [&str; 6] =
    ["accepted_payload_size", "hold", "nameserver", "parse-resolv-conf", "resolve_retries", "timeout"];

/// A line of a section.
pub(crate) fn line(section: &mut Resolvers, cx: &mut Cx<'_>, line: &Line) -> Done {
    match line.word(0) {
        "nameserver" => nameserver(section, cx, line),
        "parse-resolv-conf" => {
            let servers =
                system_servers(cx).map_err(|e| fault(0, format!("failed to open {RESOLV_CONF}.")).help(reason(&e)))?;
            for server in servers {
                if section.nameservers.iter().all(|other| other.name != server.name) {
                    section.nameservers.push(server);
                }
            }
            line.ends_after(0, "parse-resolv-conf")
        }
        "hold" => hold(section, line),
        "timeout" => timeout(section, line),
        "resolve_retries" => {
            section.retries = line.integer(1, "'resolve_retries' expects <nb> as argument.")?;
            line.ends_after(1, "resolve_retries")
        }
        "accepted_payload_size" => {
            let usage = "'accepted_payload_size' expects <nb> as argument, between 512 and 65535.";
            section.payload_size = line.integer(1, usage)?;
            if section.payload_size < 512 {
                return Err(fault(
                    1,
                    format!(
                        "'accepted_payload_size' must be between 512 and 65535 inclusive (was {}).",
                        section.payload_size
                    ),
                ));
            }
            line.ends_after(1, "accepted_payload_size")
        }
        other => {
            Err(fault(0, format!("unknown keyword '{other}' in 'resolvers' section{}.", did_you_mean(other, WORDS))))
        }
    }
}

fn nameserver(section: &mut Resolvers, cx: &Cx<'_>, line: &Line) -> Done {
    let usage = "'nameserver' expects <name> and <addr>[:<port>] as arguments.";
    let name = line.need(1, usage)?;
    let text = line.need(2, usage)?;
    line.ends_after(2, "nameserver")?;
    let outer = format!("'nameserver {name}' : ");
    if section.nameservers.iter().any(|other| other.name == name) {
        return Err(fault(1, format!("nameserver '{name}' has same name as another nameserver of this section.")));
    }
    let (text, tcp) = match text.strip_prefix("tcp@") {
        Some(rest) => (rest, true),
        None => (text.strip_prefix("udp@").unwrap_or(text), false),
    };
    let allow = Allow { port_needed: true, datagram: !tcp, ..Allow::default() };
    let endpoint = address::parse(text, allow, cx)
        .map_err(|error| Fault { help: error.help, ..fault(2, format!("{outer}{}", error.message)) })?;
    match endpoint {
        Endpoint::Ip { ip, port: Port::Range(port, _), .. } => {
            section.nameservers.push(Nameserver { name: name.to_owned(), address: SocketAddr::new(ip, port), tcp });
            Ok(())
        }
        _ => Err(fault(2, format!("{outer}an IP address and a port are expected, not '{text}'"))),
    }
}

fn hold(section: &mut Resolvers, line: &Line) -> Done {
    let usage = "'hold' expects an <event> and a <time> in ms as arguments.";
    let which = line
        .need(1, format!("{usage} <event> can be either 'valid', 'nx', 'refused', 'timeout', 'other' or 'obsolete'"))?;
    let time = line.delay(2, "hold")?.unwrap_or(Duration::ZERO);
    let hold = &mut section.hold;
    *match which {
        "nx" => &mut hold.nx,
        "refused" => &mut hold.refused,
        "timeout" => &mut hold.timeout,
        "other" => &mut hold.other,
        "valid" => &mut hold.valid,
        "obsolete" => &mut hold.obsolete,
        _ => {
            let known = ["nx", "refused", "timeout", "other", "valid", "obsolete"];
            return Err(fault(
                1,
                format!(
                    "'hold' unknown <event>: '{which}', expects either 'nx', 'timeout', 'refused', 'valid', 'obsolete' or 'other'{}.",
                    did_you_mean(which, known)
                ),
            ));
        }
    } = time;
    line.ends_after(2, "hold")
}

fn timeout(section: &mut Resolvers, line: &Line) -> Done {
    let which = line.need(1, "'timeout' expects 'retry' or 'resolve' and <time> as arguments.")?;
    let time = line.delay(2, "timeout")?.unwrap_or(Duration::from_millis(1));
    match which {
        "resolve" => section.resolve = time,
        "retry" => section.retry = time,
        _ => {
            return Err(fault(
                1,
                format!("'timeout' expects 'retry' or 'resolve' and <time> as arguments got '{which}'."),
            ));
        }
    }
    line.ends_after(2, "timeout")
}

pub(crate) fn resolvers(d: &mut ServerDraft, text: &str, _: &Cx<'_>) -> Result<(), String> {
    if text.is_empty() {
        return Err("'resolvers' expects the name of a resolvers section.".to_owned());
    }
    d.resolution.section = Some((text.to_owned(), d.site.clone()));
    Ok(())
}

pub(crate) fn resolve_prefer(d: &mut ServerDraft, text: &str, _: &Cx<'_>) -> Result<(), String> {
    d.resolution.prefers_v4 = match text {
        "ipv4" => true,
        "ipv6" => false,
        _ => return Err("'resolve-prefer' expects either ipv4 or ipv6 as argument.".to_owned()),
    };
    Ok(())
}

pub(crate) fn resolve_net(d: &mut ServerDraft, text: &str, _: &Cx<'_>) -> Result<(), String> {
    let network = |text: &str| {
        let (ip, bits) = text.split_once('/').map_or((text, None), |(ip, bits)| (ip, Some(bits)));
        let ip: IpAddr = ip.parse().ok()?;
        let most = if ip.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(most), |bits| bits.parse().ok()).filter(|bits| *bits <= most)?;
        Some((ip, bits))
    };
    if text.is_empty() {
        return Err("'resolve-net' expects a list of networks.".to_owned());
    }
    for one in text.split(',') {
        d.resolution.nets.push(network(one).ok_or_else(|| format!("'resolve-net' invalid network '{one}'."))?);
    }
    Ok(())
}

pub(crate) fn resolve_opts(d: &mut ServerDraft, text: &str, _: &Cx<'_>) -> Result<(), String> {
    for option in text.split(',') {
        match option {
            "allow-dup-ip" => d.resolution.allow_duplicates = true,
            "prevent-dup-ip" => d.resolution.allow_duplicates = false,
            "ignore-weight" => d.resolution.ignore_weight = true,
            _ => {
                return Err(format!(
                    "'resolve-opts' : unknown resolve-opts option '{option}', supported methods are 'allow-dup-ip', \
                     'ignore-weight', and 'prevent-dup-ip'."
                ));
            }
        }
    }
    Ok(())
}

pub(crate) fn init_addr(d: &mut ServerDraft, text: &str, _: &Cx<'_>) -> Result<(), String> {
    let step = |word: &str| match word {
        "last" => Ok(InitAddr::Last),
        "libc" => Ok(InitAddr::Libc),
        "none" => Ok(InitAddr::None),
        ip => ip.parse().map(InitAddr::Ip).map_err(|_| {
            format!("'init-addr' : unknown init-addr method '{word}', supported methods are 'libc', 'last', 'none'.")
        }),
    };
    if text.is_empty() {
        return Err("'init-addr' expects a list of methods.".to_owned());
    }
    d.resolution.init = Some(text.split(',').map(step).collect::<Result<_, _>>()?);
    Ok(())
}
