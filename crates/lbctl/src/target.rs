//! Targets: `backend/server`, with `*` and `?` on either side.

use std::str::FromStr;

use lb_client::{Client, ServerName, ServerState};

use crate::exit::Exit;
use crate::fault::Fault;

/// A pattern over servers' names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    backend: String,
    server: String,
}

/// Why a text is no target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// `#1`.
    #[error("'{0}' uses an id, which may be another server after a reload; name the server: backend/server")]
    Id(String),
    /// No slash.
    #[error("'{0}' names no server; write backend/server, or '{0}/*' for all servers of a backend")]
    NoServer(String),
    /// An empty side, or two slashes.
    #[error("'{0}' is not of the form backend/server")]
    Form(String),
    /// A character that no name has.
    #[error("'{text}' holds '{bad}', which names do not have")]
    Character {
        /// The whole text.
        text: String,
        /// The character.
        bad: char,
    },
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        if text.starts_with('#') || text.contains("/#") {
            return Err(TargetError::Id(text.to_owned()));
        }
        let (backend, server) = text.split_once('/').ok_or_else(|| TargetError::NoServer(text.to_owned()))?;
        if backend.is_empty() || server.is_empty() || server.contains('/') {
            return Err(TargetError::Form(text.to_owned()));
        }
        check_characters(text)?;
        Ok(Self { backend: backend.to_owned(), server: server.to_owned() })
    }
}

fn check_characters(text: &str) -> Result<(), TargetError> {
    let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':' | '-' | '*' | '?' | '/');
    match text.chars().find(|c| !named(*c)) {
        Some(bad) => Err(TargetError::Character { text: text.to_owned(), bad }),
        None => Ok(()),
    }
}

impl Target {
    /// As [`Target::from_str`], and a backend alone means all its servers: for commands that only look.
    ///
    /// # Errors
    /// [`TargetError`] when it is neither.
    pub fn parse_loose(text: &str) -> Result<Self, TargetError> {
        match text.parse() {
            Err(TargetError::NoServer(_)) => {
                check_characters(text)?;
                Ok(Self { backend: text.to_owned(), server: "*".to_owned() })
            }
            other => other,
        }
    }

    /// Whether a server is meant.
    pub fn matches(&self, backend: &str, server: &str) -> bool {
        glob(&self.backend, backend) && glob(&self.server, server)
    }

    fn one_backend(&self) -> Option<&str> {
        (!self.backend.contains(['*', '?'])).then_some(self.backend.as_str())
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.backend, self.server)
    }
}

/// Whether `name` matches a pattern of `*` and `?`. Names are ASCII.
pub fn glob(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let (mut p, mut n) = (0, 0);
    // Where to come back to: the last star, and how much of the name it has taken.
    let mut star = None;
    while let Some(&c) = name.get(n) {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(&want) if want == b'?' || want == c => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    p = at + 1;
                    n = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).is_none_or(|rest| rest.iter().all(|&c| c == b'*'))
}

/// Which servers a command is about: those of the targets, less some, at some addresses.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Patterns; none means every server, which only `--addr` may.
    pub targets: Vec<Target>,
    /// Patterns of those left alone.
    pub except: Vec<Target>,
    /// Addresses, with or without a port; none means any.
    pub addresses: Vec<String>,
}

impl Selection {
    /// The servers meant on one node, in the node's order, each once.
    ///
    /// # Errors
    /// [`Exit::NotFound`] when a target or an exception means no server, or none is left; and the client's errors.
    pub fn resolve(&self, client: &Client) -> Result<Vec<ServerState>, Fault> {
        let every = [Target { backend: "*".into(), server: "*".into() }];
        let targets = if self.targets.is_empty() { &every[..] } else { &self.targets };
        let servers = resolve(client, targets)?;
        let hits = |t: &Target, s: &ServerState| t.matches(&s.name.backend, &s.name.server);
        // An exception that is misspelled would let through what was to be spared.
        if let Some(idle) = self.except.iter().find(|t| !servers.iter().any(|s| hits(t, s))) {
            return Err(Fault::new(Exit::NotFound, format!("--except {idle} leaves out none of the servers meant"))
                .hint("'lbctl show servers -o name' lists what there is"));
        }
        let left: Vec<ServerState> = servers
            .into_iter()
            .filter(|s| !self.except.iter().any(|t| hits(t, s)))
            .filter(|s| self.addresses.is_empty() || self.addresses.iter().any(|a| is_at(s, a)))
            .collect();
        if left.is_empty() {
            let what = match self.addresses.as_slice() {
                [] => "--except leaves out every server meant".to_owned(),
                addresses => format!("no server meant has the address {}", addresses.join(" or ")),
            };
            return Err(
                Fault::new(Exit::NotFound, what).hint("'lbctl show servers' lists the servers with their addresses")
            );
        }
        Ok(left)
    }
}

/// Whether a server has an address, with its port if one is given.
fn is_at(server: &ServerState, wanted: &str) -> bool {
    let Some(address) = server.address.as_deref() else { return false };
    let bare = wanted.trim_start_matches('[').trim_end_matches(']');
    address == bare
        || wanted == format!("{address}:{}", server.port)
        || wanted == format!("[{address}]:{}", server.port)
}

/// The servers that the targets mean, in the node's order, each once.
///
/// # Errors
/// [`Exit::NotFound`] when a target means no server, and the client's errors.
pub fn resolve(client: &Client, targets: &[Target]) -> Result<Vec<ServerState>, Fault> {
    // One backend's servers are a shorter answer than everybody's.
    let backend = match targets {
        [first, rest @ ..] => first.one_backend().filter(|b| rest.iter().all(|t| t.one_backend() == Some(*b))),
        [] => None,
    };
    let all = match client.servers_state(backend) {
        Err(lb_client::Error::NotFound { name, .. }) => return Err(missing_backend(client, &name)),
        other => other?,
    };
    for target in targets {
        if !all.iter().any(|s| target.matches(&s.name.backend, &s.name.server)) {
            return Err(missing(client, target, &all));
        }
    }
    Ok(all.into_iter().filter(|s| targets.iter().any(|t| t.matches(&s.name.backend, &s.name.server))).collect())
}

fn missing_backend(client: &Client, name: &str) -> Fault {
    let servers = client.servers_state(None).unwrap_or_default();
    let mut backends: Vec<&str> = servers.iter().map(|s| s.name.backend.as_str()).collect();
    backends.dedup();
    let near = nearest(name, backends.into_iter()).map(|n| format!("did you mean '{n}'? ")).unwrap_or_default();
    Fault::new(Exit::NotFound, format!("no backend named '{name}' on {}", client.address()))
        .hint(format!("{near}'lbctl show backends' lists what there is"))
}

fn missing(client: &Client, target: &Target, all: &[ServerState]) -> Fault {
    let wanted = target.to_string();
    let names: Vec<String> = all.iter().map(|s| s.name.to_string()).collect();
    let near = nearest(&wanted, names.iter().map(String::as_str));
    let near = near.map(|n| format!("did you mean {n}? ")).unwrap_or_default();
    let what = if wanted.contains(['*', '?']) { "matches" } else { "is named" };
    Fault::new(Exit::NotFound, format!("no server {what} '{wanted}' on {}", client.address()))
        .hint(format!("{near}'lbctl show servers -o name' lists what there is"))
}

/// The candidate closest to `wanted`, if it is close enough to be a slip.
pub fn nearest<'a>(wanted: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let best = candidates.map(|c| (distance(wanted, c), c)).min_by_key(|(d, _)| *d)?;
    (best.0 <= 1 + wanted.len() / 4).then_some(best.1)
}

/// Edits between two words.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, cb) in row.iter_mut().skip(1).zip(&b) {
            let above = *cell;
            left = (diagonal + usize::from(ca != *cb)).min(above + 1).min(left + 1);
            diagonal = above;
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

/// Names as words for people and scripts.
pub fn names(servers: &[ServerState]) -> Vec<String> {
    servers.iter().map(|s| s.name.to_string()).collect()
}

/// The command that undoes a change: back to the state that was read before it.
pub fn undo(name: &ServerName, before: lb_model::AdminState) -> String {
    format!("{} {name}", lb_client::AdminWish::of(before).as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, server: &str, expected: bool) {
        let (b, s) = server.split_once('/').unwrap();
        assert_eq!(pattern.parse::<Target>().unwrap().matches(b, s), expected, "{pattern} {server}");
    }

    #[test]
    fn globs() {
        check("app/web1", "app/web1", true);
        check("app/web1", "app/web10", false);
        check("app/web*", "app/web10", true);
        check("app/*1", "app/web11", true);
        check("app/w*b*1", "app/wabcb21", true);
        check("app/w*b*1", "app/wabcb2", false);
        check("*/web1", "app/web1", true);
        check("*/web1", "app/web2", false);
        check("app/web?", "app/web1", true);
        check("app/web?", "app/web", false);
        check("app/**", "app/x", true);
    }

    #[test]
    fn what_is_no_target() {
        let told = |t: &str| t.parse::<Target>().unwrap_err().to_string();
        assert!(told("#3/web1").contains("uses an id"));
        assert!(told("app/#1").contains("uses an id"));
        assert!(told("app").contains("'app/*' for all servers"));
        assert!(told("app/").contains("not of the form"));
        assert!(told("app/a;b").contains("';'"));
        assert_eq!(Target::parse_loose("app").unwrap().to_string(), "app/*");
    }

    #[test]
    fn slips() {
        let names = ["app/web1", "app/web2", "tcp/db1"];
        assert_eq!(nearest("app/wbe1", names.into_iter()), Some("app/web1"));
        assert_eq!(nearest("tcp/db9", names.into_iter()), Some("tcp/db1"));
        assert_eq!(nearest("zzzzzzzz", names.into_iter()), None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
