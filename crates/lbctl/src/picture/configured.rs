//! The picture that a configuration would give right after a start.

use std::path::Path;

use lb_config::model::{Balance, Config, ConnectAddress, Proxy, Server};
use serde_json::Value;

use super::{ACLS, BACKENDS, Extra, FRONTENDS, MAPS, Object, Picture, SERVERS, Settings};

/// Makes it. Files of maps and lists are read where `extras` asks for them and `seen`, the node's picture, names them.
///
/// # Errors
/// When such a file cannot be read.
pub fn configured(config: &Config, seen: &Picture, extras: &[Extra]) -> std::io::Result<Picture> {
    let mut picture = Picture::default();
    for kind in [SERVERS, FRONTENDS, BACKENDS] {
        picture.looked_at(kind);
    }
    for proxy in config.proxies.iter().filter(|proxy| !proxy.disabled) {
        if proxy.kind.has_frontend() {
            picture.add(FRONTENDS, &*proxy.name, object(frontend(proxy)));
        }
        if !proxy.kind.has_backend() {
            continue;
        }
        picture.add(BACKENDS, &*proxy.name, object(backend(proxy)));
        for one in &proxy.servers {
            picture.add(SERVERS, format!("{}/{}", proxy.name, one.name), object(server(config, one)));
        }
    }
    for (extra, kind) in [(Extra::Maps, MAPS), (Extra::Acls, ACLS)] {
        if extras.contains(&extra) {
            picture.looked_at(kind);
            for name in seen.kinds.get(kind).into_iter().flatten().map(|(name, _)| name) {
                // A name that no file has (`virt@`, or `opt@` and not there) begins empty.
                let text = match std::fs::read_to_string(file_of(name)) {
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
                    other => other?,
                };
                let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
                let pairs = lines.map(|line| match line.split_once([' ', '\t']).filter(|_| kind == MAPS) {
                    Some((key, value)) => (key.to_owned(), value.trim().to_owned()),
                    None => (line.to_owned(), String::new()),
                });
                picture.add(kind, name, object(entries(pairs)));
            }
        }
    }
    Ok(picture)
}

/// A pattern file's name may begin with how it is to be taken.
fn file_of(name: &str) -> &Path {
    let bare = ["opt@", "file@"].iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name);
    Path::new(bare)
}

fn object(settings: Settings) -> Object {
    Object { settings, ..Object::default() }
}

/// Entries as settings: a key that is there more than once has all its values.
pub(super) fn entries(pairs: impl IntoIterator<Item = (String, String)>) -> Settings {
    let mut settings = Settings::new();
    for (key, value) in pairs {
        match settings.get_mut(&key) {
            None => drop(settings.insert(key, value.into())),
            Some(Value::Array(values)) => values.push(value.into()),
            Some(first) => *first = Value::Array(vec![first.take(), value.into()]),
        }
    }
    settings
}

fn pairs<const N: usize>(pairs: [(&str, Option<Value>); N]) -> Settings {
    pairs.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}

fn frontend(proxy: &Proxy) -> Settings {
    pairs([
        // Without a limit of its own it shows one of the process.
        ("maxconn", proxy.maxconn.map(Value::from)),
        ("mode", Some(proxy.mode.as_str().into())),
        ("status", Some("OPEN".into())),
    ])
}

fn backend(proxy: &Proxy) -> Settings {
    // What is taken when nothing is said differs between versions, and that is what `random` may mean here.
    let named = !matches!(proxy.balance, Balance::Random(_)) && !proxy.servers.is_empty();
    pairs([("algorithm", named.then(|| proxy.balance.shown().into())), ("mode", Some(proxy.mode.as_str().into()))])
}

fn server(config: &Config, server: &Server) -> Settings {
    let or_null = |value: Option<Value>| Some(value.unwrap_or(Value::Null));
    let tracked = server.track.and_then(|(proxy, index)| {
        let proxy = config.proxies.get(proxy.0)?;
        Some(Value::from(format!("{}/{}", proxy.name, proxy.servers.get(index)?.name)))
    });
    let address = match (&server.address, &server.fqdn) {
        (ConnectAddress::Ip(ip), None) => Some(ip.to_string().into()),
        _ => None,
    };
    let port = (server.port != 0 && server.port_offset.is_none()).then(|| server.port.into());
    let word = |yes: bool| Some(if yes { "on" } else { "none" }.into());
    pairs([
        ("address", address),
        ("agent", word(server.agent.is_some())),
        ("backup", Some(server.backup.into())),
        ("checks", word(server.check)),
        ("cookie", or_null(server.cookie.clone().map(Value::from))),
        ("host_name", or_null(server.fqdn.clone().map(Value::from))),
        ("maxconn", or_null((server.maxconn > 0).then(|| server.maxconn.into()))),
        ("port", port),
        ("state", Some(if server.disabled { "maint" } else { "ready" }.into())),
        ("tracks", or_null(tracked)),
        ("weight", Some(server.weight.into())),
    ])
}
