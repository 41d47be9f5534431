//! What comes at run time: servers (`add server`) and backends (`add backend`), read with the tables of the file.
//!
//! Unlike a file's, the words of a command are refused at their first fault, in the sentence HAProxy answers. Names of
//! other objects are left to the caller, who knows which ones there are at the moment.

use crate::Host;
use crate::cx::Cx;
use crate::diagnostic::{Severity, Site};
use crate::errors::{self, ErrorsSection};
use crate::finish::settle_modes;
use crate::guid;
use crate::keywords::{self, DYNAMIC_SERVER, OWN, SERVER, ServerRow, Status};
use crate::log_format;
use crate::mailers;
use crate::model::{CheckMethod, LogTarget, Place, Proxy, Server, TlsFiles};
use crate::proxy::{Defaults, ProxyDraft};
use crate::server::{ServerDraft, set_address_later};
use crate::suggest::did_you_mean;
use crate::tls::{self, Loader};
use lb_model::{Mode, ProxyKind, is_valid_name};
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

/// The sets of server parameters that a proxy's `default-server` lines make up.
#[derive(Debug, Clone, Default)]
pub struct DefaultServers {
    unnamed: Option<Box<ServerDraft>>,
    named: Vec<(String, ServerDraft)>,
}

impl DefaultServers {
    pub(crate) fn of(draft: &ProxyDraft) -> Self {
        let unnamed = draft.default_server.is_said().then(|| Box::new(draft.default_server.clone()));
        Self { unnamed, named: draft.named_servers.clone() }
    }

    /// The names of the others.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.named.iter().map(|(name, _)| name.as_str())
    }

    /// Whether there is a set without a name.
    pub fn has_unnamed(&self) -> bool {
        self.unnamed.is_some()
    }
}

/// A `defaults` section with a name.
#[derive(Debug, Clone)]
pub struct NamedDefaults {
    /// Its name.
    pub name: String,
    draft: ProxyDraft,
    logs: Vec<LogTarget>,
}

impl NamedDefaults {
    pub(crate) fn of(
        defaults: &Defaults,
        (logs, mailers, errors): (&[LogTarget], &mailers::Sections, &[ErrorsSection]),
    ) -> Option<Self> {
        let mut draft = defaults.draft.clone();
        draft.proxy.error_pages = errors::settle(&draft, errors, |_, _, _, _| {});
        draft.proxy.email_alert = mailers.resolve(&draft.email).map(|(_, alert)| alert);
        draft.proxy.acls.clear();
        Some(Self { name: defaults.name.clone()?, draft, logs: log_format::targets(&defaults.draft, logs) })
    }
}

/// What `add server` finds among the objects of the moment.
pub trait Objects {
    /// Whether words that no HAProxy knows are refused (`compat strict`).
    fn is_strict(&self) -> bool;
    /// The files that TLS settings may name: no others are read.
    fn tls_files(&self) -> &TlsFiles;
    /// A backend by name; `None`: the new server's own.
    fn backend(&self, name: Option<&str>) -> Option<&Proxy>;
    /// The server of the new server's backend that has that number.
    fn numbered(&self, id: u32) -> Option<Arc<Server>>;
    /// The check of a `healthcheck` section.
    fn healthcheck(&self, name: &str) -> Option<&CheckMethod>;
    /// A server of that backend.
    fn server(&self, backend: Option<&str>, name: &str) -> Option<Arc<Server>>;
}

/// A server that `add server` describes.
#[derive(Debug)]
pub struct NewServer {
    /// All but its id, unless it was given one, and what it tracks.
    pub server: Server,
    /// The argument of `track`.
    pub track: Option<String>,
}

/// The world outside is not asked at run time: names stay unresolved, files unread.
struct Nobody;

impl Host for Nobody {
    fn env(&self, _: &str) -> Option<String> {
        None
    }
    fn resolve(&self, _: &str) -> Option<IpAddr> {
        None
    }
    fn user_id(&self, _: &str) -> Option<u32> {
        None
    }
    fn group_id(&self, _: &str) -> Option<u32> {
        None
    }
    fn read_file(&self, _: &Path) -> std::io::Result<Vec<u8>> {
        Err(std::io::ErrorKind::Unsupported.into())
    }
    fn hostname(&self) -> String {
        String::new()
    }
}

const SERVER_USAGE: &str = "'server' expects <name> and <addr>[:<port>] as arguments.";

/// The parameters that `add server` takes, in the order of `add server help`.
pub fn server_keywords(strict: bool) -> impl Iterator<Item = &'static str> {
    let works = |name: &&str| {
        SERVER.iter().any(|row| row.name == *name && matches!(row.status, Status::Supported(_) | Status::Tuning))
    };
    let own = OWN.iter().copied().filter(move |_| !strict);
    DYNAMIC_SERVER.iter().copied().filter(works).chain(own)
}

/// Reads the words after `add server <backend>/<name>`.
///
/// # Errors
/// HAProxy's sentence about the first fault.
pub fn server(owner: &str, name: &str, words: &[String], objects: &dyn Objects) -> Result<NewServer, String> {
    let mut cx = Cx::new(&Nobody);
    let word = |at: usize| words.get(at).map_or("", String::as_str);
    if word(0).is_empty() {
        return Err(SERVER_USAGE.to_owned());
    }
    if let Some(bad) = name.chars().find(|c| !is_valid_name(c.encode_utf8(&mut [0; 4]))) {
        return Err(format!("character '{bad}' is not permitted in server name '{name}'."));
    }
    let (mut draft, mut at) = match word(1) {
        "from" => (base(word(2), objects)?, 3),
        _ => (ServerDraft::documented(&Site::nowhere()), 1),
    };
    draft.begin(name, Place::default());
    set_address_later(&mut draft.server, word(0), &cx)?;
    while at < words.len() {
        let name = word(at);
        if OWN.contains(&name) && objects.is_strict() {
            return Err(format!("'{name}' is unknown to HAProxy, and refused under 'compat strict'."));
        }
        at += 1 + parameter(&mut draft, name, word(at + 1), &cx)?;
        if name == "id" {
            free_id(draft.server.id, objects)?;
        }
    }
    draft.settle_way(objects.backend(None).and_then(|backend| backend.source.as_ref()));
    settle(&mut draft, owner)?;
    if let Some(name) = &draft.healthcheck {
        let found = objects.healthcheck(name);
        let missing = || format!("healthcheck section '{name}' not found for server '{}'.", draft.server.name);
        draft.server.check_method = Some(found.ok_or_else(missing)?.clone());
    }
    let mut loader = Loader { files: objects.tls_files().clone(), ..Loader::default() };
    draft.server.tls = tls::server::settle(&draft, owner, false, &mut loader, &mut cx);
    if let Some(fault) = cx.sink.found.into_iter().find(|finding| finding.severity == Severity::Alert) {
        return Err(fault.message);
    }
    draft.server.forced_id = draft.server.id > 0;
    Ok(NewServer { track: draft.track.map(|(path, _)| path), server: draft.server })
}

/// Reads one parameter; how many words follow it.
fn parameter(draft: &mut ServerDraft, name: &str, argument: &str, cx: &Cx<'_>) -> Result<usize, String> {
    // `from` stands right behind the address, or is no keyword.
    let Some(row) = ServerRow::named(name).filter(|_| name != "from") else {
        let near = did_you_mean(name, DYNAMIC_SERVER.iter().copied());
        let end = if near.is_empty() { "." } else { "" };
        return Err(format!("unknown keyword '{name}'{near}{end}"));
    };
    // A part of `source`.
    if !DYNAMIC_SERVER.contains(&row.name) && !OWN.contains(&name) && name != "interface" {
        return Err(format!("'{name}' option is not accepted for dynamic server"));
    }
    match &row.status {
        Status::Supported(handler) => {
            let argument = if row.arguments == 0 { "" } else { argument };
            if row.argued() {
                name.clone_into(&mut draft.keyword);
            }
            handler(draft, argument, cx).map_err(|message| format!("{message}."))?;
            if name == "track" {
                draft.track = Some((argument.to_owned(), Site::nowhere()));
            }
        }
        Status::Tuning => {}
        Status::NotYet => return Err(keywords::not_yet(name)),
        Status::Gone(why) => return Err((*why).to_owned()),
    }
    Ok(row.arguments)
}

/// Refuses a number that a server has.
fn free_id(id: u32, objects: &dyn Objects) -> Result<(), String> {
    let Some(known) = objects.numbered(id) else { return Ok(()) };
    let (place, name) = (&known.place, &known.name);
    let file = if place.line > 0 { &*place.file } else { "(null)" };
    Err(format!("'id' : custom id {id} already used at {file}:{} ('server {name}').", place.line))
}

/// What `from` names.
fn base(origin: &str, objects: &dyn Objects) -> Result<ServerDraft, String> {
    let documented = || ServerDraft::documented(&Site::nowhere());
    let backend = |name: &str| Some(name.to_owned()).filter(|name| !name.is_empty());
    if origin == "none" {
        return Ok(documented());
    }
    if let Some(name) = origin.strip_prefix("be:") {
        let proxy = objects.backend(backend(name).as_deref());
        let proxy = proxy.ok_or_else(|| format!("from: unknown backend instance '{name}'."))?;
        return Ok(proxy.default_servers.unnamed.as_deref().cloned().unwrap_or_else(documented));
    }
    let Some(path) = origin.strip_prefix("srv:") else {
        return Err(format!(
            "from: unknown origin '{origin}', expects 'none', 'be:[<backend>]' or 'srv:[<backend>/]<name>'."
        ));
    };
    let (owner, name) = path.split_once('/').map_or((None, path), |(owner, name)| (backend(owner), name));
    let Some(proxy) = objects.backend(owner.as_deref()) else {
        return Err(format!("from: unknown backend instance '{}'.", owner.unwrap_or_default()));
    };
    let set = proxy.default_servers.named.iter().find(|(known, _)| known == name).map(|(_, set)| set.clone());
    match set.or_else(|| objects.server(owner.as_deref(), name).as_deref().map(ServerDraft::like)) {
        Some(draft) => Ok(draft),
        None => Err(format!("from: unknown server '{name}' in backend '{}'.", proxy.name)),
    }
}

/// What shows only when all words were read.
fn settle(draft: &mut ServerDraft, owner: &str) -> Result<(), String> {
    let name = &draft.server.name;
    if draft.track.is_some() && draft.server.check {
        return Err("unable to enable checks and tracking at the same time!".to_owned());
    }
    if draft.track.is_some() && draft.init_state {
        return Err("unable to set init-state and tracking at the same time!".to_owned());
    }
    if draft.lacks_check_port() {
        return Err(format!(
            "config: backend '{owner}': server '{name}' has neither service port nor check port nor tcp_check rule \
             'connect' with port information."
        ));
    }
    if draft.agent_check && draft.agent.port == 0 {
        return Err(format!("server {name} does not have agent port. Agent check has been disabled."));
    }
    draft.settle_agent();
    Ok(())
}

/// Reads the words after `add backend <name>`: `from <defaults> [mode tcp|http] [id <id>] [guid <guid>]`. The id is 0
/// unless it was given.
///
/// # Errors
/// HAProxy's sentence about the first fault.
pub fn backend(name: &str, words: &[String], defaults: &[NamedDefaults]) -> Result<Proxy, String> {
    let word = |at: usize| words.get(at).map_or("", String::as_str);
    if name.is_empty() {
        return Err("Require backend name.".to_owned());
    }
    if let Some(bad) = name.chars().find(|c| !is_valid_name(c.encode_utf8(&mut [0; 4]))) {
        return Err(format!("Invalid character '{bad}' in backend name."));
    }
    if word(0) != "from" || word(1).is_empty() {
        return Err("Usage: add backend <name> from <defproxy>.".to_owned());
    }
    let mut mode = None;
    let mut id = 0;
    let mut guid = None;
    for pair in words.get(2..).unwrap_or_default().chunks(2) {
        match (pair.first().map(String::as_str), pair.get(1).map(String::as_str)) {
            (Some("mode"), Some(value)) => mode = Some(value),
            (Some("guid"), Some(value)) => guid = Some(value),
            (Some("id"), Some(value)) => {
                id = value.parse().ok().filter(|id| *id > 0).ok_or("custom id has to be > 0.")?;
            }
            _ => return Err("Usage: add backend <name> from <defproxy> [mode <px_mode>] [guid <val>].".to_owned()),
        }
    }
    let section = word(1);
    let Some(base) = defaults.iter().find(|known| known.name == section) else {
        return Err(format!("Cannot find default proxy '{section}'."));
    };
    let mode = match mode {
        Some("tcp") => Mode::Tcp,
        Some("http") => Mode::Http,
        Some(_) => return Err("Dynamic backends are compatible with only TCP or HTTP mode.".to_owned()),
        None if base.draft.mode_said => base.draft.proxy.mode,
        None => return Err(format!("Mode is required as '{section}' default proxy does not explicitly defines it.")),
    };
    if let Some(guid) = guid {
        guid::check(guid).map_err(|why| format!("Error during backend creation : GUID insertion : {why}."))?;
    }
    let mut draft = base.draft.clone();
    draft.kind = Some(ProxyKind::Backend);
    draft.proxy.mode = mode;
    // What the mode makes meaningless goes without a word, as nobody wrote it for this backend.
    settle_modes(&mut draft, &mut Cx::new(&Nobody));
    let default_servers = DefaultServers::of(&draft);
    Ok(Proxy {
        name: Arc::from(name),
        id,
        guid: guid.map(Arc::from),
        forced_id: id > 0,
        kind: ProxyKind::Backend,
        unpublished: true,
        logs: base.logs.clone(),
        default_servers,
        place: Place::default(),
        ..draft.proxy
    })
}
