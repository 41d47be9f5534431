//! Maps and ACLs: `add`, `clear`, `commit`, `del`, `get`, `prepare`, `set` and `show` for `acl` and `map`.

use super::dump::{Dump, PIECE};
use super::execute::Outcome;
use crate::control::Control;
use lb_admin::{Reply, Request};
use lb_sample::{Answer, Discarded, Entry, PatternError, PatternSet, Target, split_entry};

/// Which of the two a command speaks of. Both are sets of patterns; a map's have values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `… acl`.
    Acl,
    /// `… map`.
    Map,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Acl => "acl",
            Self::Map => "map",
        }
    }

    /// As sentences name it.
    fn noun(self) -> &'static str {
        match self {
            Self::Acl => "ACL",
            Self::Map => "map",
        }
    }

    fn has(self, set: &PatternSet) -> bool {
        match self {
            Self::Acl => set.is_acl(),
            Self::Map => set.is_map(),
        }
    }

    fn find(self, control: &Control, name: &str) -> Result<PatternSet, Reply> {
        let found = control.shared.config.patterns.find(name).filter(|set| self.has(set));
        found.ok_or_else(|| Reply::err(format!("Unknown {} identifier. Please use #<id> or <file>.", self.noun())))
    }
}

/// The version asked for by `@<ver>` and the words behind it.
fn version(request: &Request) -> Result<(Option<u32>, &[String]), Reply> {
    let words = request.args();
    let Some((version, rest)) = words.split_first().and_then(|(first, rest)| Some((first.strip_prefix('@')?, rest)))
    else {
        return Ok((None, words));
    };
    match version.parse() {
        Ok(version) => Ok((Some(version), rest)),
        Err(_) => Err(failed(PatternError::VersionOutOfRange)),
    }
}

fn word(words: &[String], at: usize) -> &str {
    words.get(at).map_or("", String::as_str)
}

fn failed(error: PatternError) -> Reply {
    Reply::err(error.to_string())
}

/// `add acl [@<ver>] <acl> <pattern>`, `add map [@<ver>] <map> <key> <value>`, or a payload in place of the pattern.
pub(super) fn add(control: &Control, request: &Request, kind: Kind) -> Result<Reply, Reply> {
    let (version, words) = version(request)?;
    let payload = request.payload.as_deref().filter(|_| kind == Kind::Map);
    let complete = match kind {
        Kind::Acl => !word(words, 1).is_empty(),
        Kind::Map => !word(words, 0).is_empty() && (payload.is_some() || !word(words, 2).is_empty()),
    };
    if !complete {
        return Err(Reply::err(match kind {
            Kind::Acl => "'add acl' expects two parameters: ACL identifier and pattern.",
            Kind::Map => {
                "'add map' expects three parameters (map identifier, key and value) or one parameter (map identifier) \
                 and a payload"
            }
        }));
    }
    let set = kind.find(control, word(words, 0))?;
    let entries = match payload {
        Some(payload) => entries_of(payload)?,
        None => vec![(word(words, 1).as_bytes(), word(words, 2).as_bytes())],
    };
    set.add(kind.word(), version, &entries).map_err(failed)?;
    Ok(Reply::Empty)
}

/// A payload's lines: key and value each.
fn entries_of(payload: &[u8]) -> Result<Vec<Entry<'_>>, Reply> {
    let lines = payload.split(|b| *b == b'\n').map(split_entry).filter(|(key, _)| !key.is_empty());
    lines
        .map(|(key, value)| match value {
            b"" => Err(Reply::err(format!("Missing value for key '{}'.", String::from_utf8_lossy(key)))),
            _ => Ok((key, value)),
        })
        .collect()
}

/// `clear acl|map [@<ver>] <set>`.
pub(super) fn clear(control: &Control, request: &Request, kind: Kind) -> Result<Reply, Reply> {
    let (version, words) = version(request)?;
    if word(words, 0).is_empty() {
        return Err(Reply::err(format!("Missing {} identifier.", kind.noun())));
    }
    forget(kind.find(control, word(words, 0))?.clear(version));
    Ok(Reply::Empty)
}

/// `commit acl|map @<ver> <set>`.
pub(super) fn commit(control: &Control, request: &Request, kind: Kind) -> Result<Reply, Reply> {
    let (Some(version), words) = version(request)? else {
        return Err(Reply::err("Missing version number."));
    };
    forget(kind.find(control, word(words, 0))?.commit(version).map_err(failed)?);
    Ok(Reply::Empty)
}

/// Gives memory back, elsewhere when that takes time.
fn forget(discarded: Discarded) {
    const SOON: usize = 10_000;
    if discarded.len() > SOON {
        tokio::task::spawn_blocking(move || drop(discarded));
    }
}

/// `del acl|map <set> [<key>|#<ref>]`.
pub(super) fn delete(control: &Control, request: &Request, kind: Kind) -> Result<Reply, Reply> {
    let key = request.arg(1);
    if key.is_empty() {
        return Err(Reply::err(format!("This command expects two parameters: {} identifier and key.", kind.noun())));
    }
    let set = kind.find(control, request.arg(0))?;
    set.delete(Target::parse(key)).map_err(|_| Reply::err("Key not found."))?;
    Ok(Reply::Empty)
}

/// `get acl|map <set> <value>`.
pub(super) fn get(control: &Control, request: &Request, kind: Kind) -> Result<Reply, Reply> {
    let value = request.arg(1);
    if value.is_empty() {
        return Err(Reply::err(format!("Missing {} identifier and/or key.", kind.noun())));
    }
    let set = kind.find(control, request.arg(0))?;
    let mut out = Vec::new();
    for answer in set.ask(value) {
        write_answer(&answer, kind, &mut out);
    }
    Ok(Reply::Raw(out))
}

fn write_answer(answer: &Answer, kind: Kind, out: &mut Vec<u8>) {
    let case = if answer.ignore_case { "insensitive" } else { "sensitive" };
    let (verdict, name) = match kind {
        Kind::Acl => ("match", "pattern"),
        Kind::Map => ("found", "key"),
    };
    let yes = if answer.key.is_some() { "yes" } else { "no" };
    out.extend_from_slice(format!("type={}, case={case}, {verdict}={yes}", answer.method).as_bytes());
    if let Some(key) = &answer.key {
        out.extend_from_slice(format!(", idx={}, {name}=\"", answer.kept_as).as_bytes());
        out.extend_from_slice(key);
        out.push(b'"');
        match &answer.value {
            Some((value, value_type)) if kind == Kind::Map => {
                out.extend_from_slice(b", value=\"");
                out.extend_from_slice(value);
                out.extend_from_slice(format!("\", type=\"{value_type}\"").as_bytes());
            }
            None if kind == Kind::Map => out.extend_from_slice(b", value=none"),
            _ => {}
        }
    }
    out.push(b'\n');
}

/// `prepare acl|map <set>`.
pub(super) fn prepare(control: &Control, request: &Request, kind: Kind) -> Result<Reply, Reply> {
    let version = kind.find(control, request.arg(0))?.prepare();
    Ok(Reply::info(format!("New version created: {version}")))
}

/// `set map <map> [<key>|#<ref>] <value>`.
pub(super) fn set(control: &Control, request: &Request) -> Result<Reply, Reply> {
    if request.arg(2).is_empty() {
        return Err(Reply::err("'set map' expects three parameters: map identifier, key and value."));
    }
    let set = Kind::Map.find(control, request.arg(0))?;
    set.set(Target::parse(request.arg(1)), request.arg(2).as_bytes()).map_err(failed)?;
    Ok(Reply::Empty)
}

/// `show acl|map [[@<ver>] <set>]`.
pub(super) fn show(control: &Control, request: &Request, kind: Kind) -> Result<Outcome, Reply> {
    let (version, words) = version(request)?;
    if word(words, 0).is_empty() {
        let mut text = String::from("# id (file) description\n");
        for set in control.shared.config.patterns.all().iter().filter(|set| kind.has(set)) {
            text.push_str(&format!("{} {}\n", set.id(), set.description()));
        }
        return Ok(Reply::Raw(text.into_bytes()).into());
    }
    let set = kind.find(control, word(words, 0))?;
    Ok(Dump::Patterns(PatternDump { set, version, after: 0 }).into())
}

/// `show acl|map <set>` in progress.
#[derive(Debug)]
pub(super) struct PatternDump {
    set: PatternSet,
    version: Option<u32>,
    after: u64,
}

impl PatternDump {
    pub(super) fn next(&mut self, out: &mut Vec<u8>) -> bool {
        match self.set.write_page(self.version, self.after, out.len() + PIECE, out) {
            Some(after) => {
                self.after = after;
                true
            }
            None => false,
        }
    }
}
