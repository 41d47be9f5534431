//! Session persistence by cookie: reading the client's, setting ours.

use crate::data::view::View;
use crate::shared::{ProxyState, ServerState};
use lb_config::model::{Cookie, CookieMode};
use lb_http::{HeadEdit, RequestHead, ResponseHead};
use lb_sample::CookieStatus;

/// What the request's cookies say.
#[derive(Debug, Default)]
pub struct Persistence {
    /// The server named by a valid cookie.
    pub server: Option<usize>,
    /// Letters for the log.
    pub status: CookieStatus,
    /// The cookie is only read: logs say nothing of it.
    pub passive: bool,
    /// A rule named the server: as observed, clients keep the cookie they have, or none.
    pub is_ruled: bool,
}

impl Persistence {
    /// What the log says of the cookie.
    pub fn letters(&self) -> CookieStatus {
        if self.passive { CookieStatus::default() } else { self.status }
    }

    /// A rule names the server, whatever the cookie says.
    pub fn passed_by(&mut self) {
        self.is_ruled = true;
        if self.status.client != 'N' {
            self.status.client = 'U';
        }
    }

    /// Another server than the cookie's was chosen after a failure: the cookie's counts as down.
    pub fn left(&mut self) {
        if self.status.client == 'V' {
            self.status.client = 'D';
        }
    }
}

/// What `force-persist` and `ignore-persist` say of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// Nothing.
    Usual,
    /// A server that is down is used all the same.
    Force,
    /// The request goes where load balancing sends it.
    Ignore,
}

impl Demand {
    /// What the first rule that applies says.
    pub fn of(backend: &ProxyState, view: &View<'_>) -> Self {
        match backend.config.persist_rules.iter().find(|rule| rule.condition.eval(view)) {
            None => Self::Usual,
            Some(rule) if rule.force => Self::Force,
            Some(_) => Self::Ignore,
        }
    }
}

/// One `name=value` of a `Cookie` field, with its place in the value.
struct Pair<'a> {
    name: &'a [u8],
    value: &'a [u8],
    start: usize,
    end: usize,
}

fn pairs(value: &[u8]) -> impl Iterator<Item = Pair<'_>> {
    let mut at = 0;
    value.split(|&b| b == b';').map(move |part| {
        let (start, end) = (at, at + part.len());
        at = end + 1;
        let trimmed = part.trim_ascii();
        let equals = trimmed.iter().position(|&b| b == b'=').unwrap_or(trimmed.len());
        let (name, rest) = trimmed.split_at(equals);
        Pair { name: name.trim_ascii_end(), value: rest.strip_prefix(b"=").unwrap_or(rest).trim_ascii(), start, end }
    })
}

/// Reads the persistence cookie, and edits the request as the mode asks (`indirect` hides it, `prefix` cuts it).
pub fn read_request(
    backend: &ProxyState,
    config: &Cookie,
    demand: Demand,
    (buf, head): (&[u8], &RequestHead),
    edit: &mut HeadEdit,
) -> Persistence {
    let mut found = Persistence {
        status: CookieStatus { client: 'N', server: 'N' },
        passive: config.mode == CookieMode::Passive,
        ..Persistence::default()
    };
    for (index, field) in head.headers.iter().enumerate() {
        if !field.name.get(buf).eq_ignore_ascii_case(b"cookie") {
            continue;
        }
        let value = field.value.get(buf);
        let Some(pair) = pairs(value).find(|p| p.name == config.name.as_bytes()) else { continue };
        let key = match config.mode {
            CookieMode::Prefix => pair.value.split(|&b| b == b'~').next().unwrap_or_default(),
            _ => pair.value.split(|&b| b == b'|').next().unwrap_or_default(),
        };
        if demand != Demand::Ignore {
            (found.server, found.status.client) = lookup(backend, key, demand);
        }
        if config.indirect || config.mode == CookieMode::Prefix {
            edit.remove(index);
            if let Some(rest) = without(value, &pair, config.mode) {
                edit.add(b"cookie", &rest);
            }
        }
        break;
    }
    found
}

/// The server a cookie value names, and the log's letter: valid, down, or invalid.
fn lookup(backend: &ProxyState, key: &[u8], demand: Demand) -> (Option<usize>, char) {
    let insists = backend.config.options.persist || demand == Demand::Force;
    match backend.servers.live().find(|server| server.has_cookie(key)) {
        None => (None, 'I'),
        Some(server) if server.is_persistent() => (Some(server.index), 'V'),
        Some(server) if insists => (Some(server.index), 'D'),
        Some(_) => (None, 'D'),
    }
}

/// The field's value without our pair, or with our prefix cut off. `None`: nothing is left.
fn without(value: &[u8], pair: &Pair<'_>, mode: CookieMode) -> Option<Vec<u8>> {
    if mode == CookieMode::Prefix {
        let tilde = pair.value.iter().position(|&b| b == b'~')?;
        let mut out = value.get(..pair.start)?.to_vec();
        if pair.start > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(pair.name);
        out.push(b'=');
        out.extend_from_slice(pair.value.get(tilde + 1..)?);
        out.extend_from_slice(value.get(pair.end..)?);
        return Some(out);
    }
    let before = value.get(..pair.start)?.trim_ascii_end().strip_suffix(b";").unwrap_or(value.get(..pair.start)?);
    let after = value.get(pair.end..)?.strip_prefix(b";").unwrap_or_default().trim_ascii_start();
    let mut out = before.trim_ascii().to_vec();
    if !out.is_empty() && !after.is_empty() {
        out.extend_from_slice(b"; ");
    }
    out.extend_from_slice(after);
    (!out.is_empty()).then_some(out)
}

/// Edits the response: sets, rewrites or prefixes the cookie of the server that answered.
pub fn write_response(
    backend: &ProxyState,
    config: &Cookie,
    server: usize,
    request: &mut Persistence,
    is_post: bool,
    response: (&[u8], &ResponseHead),
    edit: &mut HeadEdit,
) {
    let (buf, head) = response;
    let value = backend.servers.get(server).and_then(ServerState::cookie);
    let Some(value) = value.as_deref() else {
        if config.mode == CookieMode::Insert && !request.is_ruled {
            forget_cookie(config, edit);
        }
        return;
    };
    let own = head.headers.iter().position(|field| {
        field.name.get(buf).eq_ignore_ascii_case(b"set-cookie")
            && pairs(field.value.get(buf)).next().is_some_and(|p| p.name == config.name.as_bytes())
    });
    if own.is_some() {
        request.status.server = 'P';
    }
    match config.mode {
        CookieMode::Passive => {}
        CookieMode::Insert => {
            if own.is_some() && config.preserve {
                return;
            }
            if let Some(index) = own.filter(|_| config.indirect) {
                edit.remove(index);
                request.status.server = 'D';
            }
            let known = request.server == Some(server) || request.is_ruled;
            if known || (config.postonly && !is_post) {
                return;
            }
            edit.add(b"set-cookie", &set_cookie(config, value));
            if config.nocache && is_cacheable(buf, head) {
                edit.add(b"cache-control", b"private");
            }
            request.status.server = 'I';
        }
        CookieMode::Rewrite | CookieMode::Prefix => {
            let Some(index) = own else { return };
            let Some(field) = head.headers.iter().nth(index) else { return };
            let text = field.value.get(buf);
            let Some(pair) = pairs(text).next() else { return };
            let mut out = config.name.clone().into_bytes();
            out.push(b'=');
            out.extend_from_slice(value.as_bytes());
            if config.mode == CookieMode::Prefix {
                out.push(b'~');
                out.extend_from_slice(pair.value);
            }
            out.extend_from_slice(text.get(pair.end..).unwrap_or_default());
            edit.remove(index);
            edit.add(b"set-cookie", &out);
            request.status.server = 'R';
        }
    }
}

/// Whether a cache may keep the response, by what it says of itself. As observed: an expiry date or an age makes it
/// so, unless a word forbids it; silence does not.
fn is_cacheable(buf: &[u8], head: &ResponseHead) -> bool {
    let says = |word: &str| {
        head.headers.values(buf, "cache-control").any(|value| {
            let mut words = value.split(|&b| matches!(b, b',' | b'=')).map(<[u8]>::trim_ascii);
            words.any(|w| w.eq_ignore_ascii_case(word.as_bytes()))
        })
    };
    let expires = head.headers.values(buf, "expires").next().is_some();
    (expires || says("max-age") || says("s-maxage")) && !["private", "no-cache", "no-store"].into_iter().any(says)
}

/// Takes the cookie away from a client whose server has none, as observed whether the client sent one or not.
fn forget_cookie(config: &Cookie, edit: &mut HeadEdit) {
    edit.add(b"set-cookie", &set_cookie(config, "; Expires=Thu, 01-Jan-1970 00:00:01 GMT"));
}

fn set_cookie(config: &Cookie, value: &str) -> Vec<u8> {
    let mut out = format!("{}={value}; path=/", config.name);
    for domain in &config.domains {
        out.push_str("; domain=");
        out.push_str(domain);
    }
    if config.httponly {
        out.push_str("; HttpOnly");
    }
    if config.secure {
        out.push_str("; Secure");
    }
    for attr in &config.attrs {
        out.push_str("; ");
        out.push_str(attr);
    }
    out.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hiding_a_pair_keeps_the_others() {
        for (value, expected) in [
            ("SRV=w1", None),
            ("SRV=w1; a=b", Some("a=b")),
            ("a=b; SRV=w1", Some("a=b")),
            ("a=b; SRV=w1; c=d", Some("a=b; c=d")),
        ] {
            let pair = pairs(value.as_bytes()).find(|p| p.name == b"SRV").unwrap();
            let got = without(value.as_bytes(), &pair, CookieMode::Insert);
            assert_eq!(got.as_deref(), expected.map(str::as_bytes), "{value}");
        }
    }
}
