//! Requests for the status page: who may see it, in which form, and what its form asks for.

use super::{Answer, Kind, decoded, deliver};
use crate::buffer::Buffer;
use crate::data::accept::Client;
use crate::data::http::Next;
use crate::data::http::txn::Txn;
use crate::orders::{Act, Page, Scope, StatusView};
use crate::shared::ProxyState;
use crate::stream::Stream;
use base64::Engine as _;
use lb_config::model::{StatsPage, StatsVerdict};
use lb_http::{BodyFraming, ChunkDecoder, ChunkError, ChunkStep, RequestHead, static_response};
use lb_model::{TermCause, TermPhase};
use lb_sample::Condition;

/// The status page of this proxy, if the request is for it: other methods than these are none of its business.
pub fn page_of(proxy: &'static ProxyState, buf: &[u8], head: &RequestHead) -> Option<&'static StatsPage> {
    let page = proxy.config.get().stats.as_ref()?;
    let is_for_it = head.target.get(buf).starts_with(page.uri.as_bytes())
        && matches!(head.method.get(buf), b"GET" | b"HEAD" | b"POST");
    is_for_it.then_some(page)
}

/// Answers with the status page, or acts as its form asks.
pub async fn status(
    client: &Client,
    stream: &mut Stream,
    buffer: &mut Buffer,
    txn: &mut Txn,
    head: &RequestHead,
    (proxy, page): (&'static ProxyState, &'static StatsPage),
) -> Next {
    txn.no_server = Some("<STATS>");
    // As observed, the page counts as a server that is there at once.
    let now_us = client.ctx.now_us();
    (txn.route.slot_us, txn.route.connected_us, txn.response_us) = (now_us, now_us, now_us);
    let mut read = None;
    let answer = match admission(client, txn, buffer, head, page) {
        Admission::Admitted => {
            let asked = Asked::new(client, txn, buffer, head, (proxy, page));
            if head.method.get(buffer.data()) == b"POST" {
                match body(client, stream, buffer, txn, head).await {
                    Ok(body) => {
                        read = body.as_ref().map(|body| body.raw);
                        posted(buffer, head, page, &asked, body.as_ref().map(|body| body.bytes.as_slice()))
                    }
                    Err(()) => return Next::Abort,
                }
            } else {
                shown(page, asked)
            }
        }
        Admission::Denied => Answer::Refused(403),
        Admission::Ask(realm) => {
            let challenge = format!("Basic realm=\"{}\"", realm.replace('"', ""));
            let fields: [(&str, &[u8]); 3] = [
                ("cache-control", b"no-cache"),
                ("content-type", b"text/html"),
                ("www-authenticate", challenge.as_bytes()),
            ];
            let text = b"<html><body><h1>401 Unauthorized</h1>\nYou need a valid user and password to access this content.\n</body></html>\n";
            Answer::Ready(401, static_response(401, &fields, text, false))
        }
    };
    deliver(client, stream, buffer, txn, (head, read), answer).await
}

/// Whether a viewer may see the page.
enum Admission {
    Admitted,
    Denied,
    /// A name and a password are asked for.
    Ask(String),
}

fn admission(client: &Client, txn: &Txn, buffer: &Buffer, head: &RequestHead, page: &StatsPage) -> Admission {
    for rule in &page.rules {
        if !rule.condition.as_ref().is_none_or(|condition| holds(client, txn, buffer, head, condition)) {
            continue;
        }
        return match &rule.verdict {
            StatsVerdict::Allow => Admission::Admitted,
            StatsVerdict::Deny => Admission::Denied,
            StatsVerdict::Auth(realm) => Admission::Ask(realm.clone().unwrap_or_else(|| page.realm.clone())),
        };
    }
    if page.users.is_empty() || is_known(page, buffer, head) {
        return Admission::Admitted;
    }
    Admission::Ask(page.realm.clone())
}

fn holds(client: &Client, txn: &Txn, buffer: &Buffer, head: &RequestHead, condition: &Condition) -> bool {
    condition.eval(&txn.view(client, Some((buffer.data(), head)), None))
}

/// Whether the request names one of the page's users with the right password.
fn is_known(page: &StatsPage, buffer: &Buffer, head: &RequestHead) -> bool {
    let credentials = head.headers.values(buffer.data(), "authorization").find_map(|value| {
        let (scheme, rest) = value.split_at_checked(6)?;
        let decoded = base64::engine::general_purpose::STANDARD.decode(rest.trim_ascii()).ok()?;
        scheme.eq_ignore_ascii_case(b"basic ").then_some(decoded)
    });
    let Some(given) = credentials else { return false };
    // Every user is compared, and every byte of each, whatever was found before.
    page.users.iter().fold(false, |known, (user, password)| {
        let wanted = [user.as_bytes(), b":", password.as_bytes()].concat();
        let differs = wanted.iter().zip(given.iter().chain(std::iter::repeat(&0))).fold(0, |sum, (a, b)| sum | (a ^ b));
        known | (differs == 0 && wanted.len() == given.len())
    })
}

fn is_admin(client: &Client, txn: &Txn, buffer: &Buffer, head: &RequestHead, page: &StatsPage) -> bool {
    page.admin.iter().any(|condition| holds(client, txn, buffer, head, condition))
}

fn own_scope(page: &StatsPage, proxy: &ProxyState) -> Scope {
    let name = |given: &String| if given == "." { proxy.config.name.to_string() } else { given.clone() };
    Scope { names: page.scope.iter().map(name).collect(), part: None }
}

/// What an address asks for beside the page: options follow the configured address, each after a semicolon.
struct Asked {
    view: StatusView,
    rest: String,
}

impl Asked {
    fn new(
        client: &Client,
        txn: &Txn,
        buffer: &Buffer,
        head: &RequestHead,
        (proxy, page): (&'static ProxyState, &'static StatsPage),
    ) -> Self {
        let target = String::from_utf8_lossy(head.target.get(buffer.data())).into_owned();
        let rest = target.get(page.uri.len()..).unwrap_or_default().to_owned();
        let mut asked = Self {
            view: StatusView {
                proxy: proxy.index,
                scope: own_scope(page, proxy),
                admin: is_admin(client, txn, buffer, head, page),
                still: false,
                up_only: false,
                no_maint: false,
                outcome: None,
            },
            rest,
        };
        asked.view.still = asked.has("norefresh");
        asked.view.up_only = asked.has("up");
        asked.view.no_maint = asked.has("no-maint");
        asked.view.scope.part = asked.named("scope", &[';', '?', '&']).map(decoded).filter(|part| !part.is_empty());
        asked.view.outcome = asked.named("st", &[';']).map(str::to_owned);
        asked
    }

    fn has(&self, wanted: &str) -> bool {
        // What stands before the first semicolon continues the configured address.
        self.rest.split(';').skip(1).any(|option| option.split(['?', '&']).next() == Some(wanted))
    }

    fn named(&self, name: &str, marks: &[char]) -> Option<&str> {
        let mut options = self.rest.split(marks).skip(1);
        options.find_map(|option| option.strip_prefix(name)?.strip_prefix('='))?.split([';', '?', '&']).next()
    }
}

/// The page in the form that the address asks for.
fn shown(page: &StatsPage, asked: Asked) -> Answer {
    let refresh = page.refresh.filter(|_| !asked.view.still);
    for (form, content_type) in [("csv", "text/plain"), ("typed", "text/plain"), ("json", "application/json")] {
        if asked.has(form) {
            let words =
                [form, "up", "no-maint"].into_iter().filter(|word| asked.has(word)).map(str::to_owned).collect();
            return Answer::Page(Page::Stat { words, scope: asked.view.scope }, Kind { content_type, refresh });
        }
    }
    if asked.has("json-schema") {
        return Answer::Page(Page::Schema, Kind { content_type: "application/json", refresh });
    }
    if asked.has("events") {
        return Answer::Page(Page::Changes(asked.view), Kind { content_type: "text/event-stream", refresh: None });
    }
    // The page renews itself by events; who runs no scripts has it renewed by a tag of its own.
    Answer::Page(Page::Status(asked.view), Kind { content_type: "text/html; charset=utf-8", refresh: None })
}

/// What a form that was sent asks for. Fields that are no part of it are ignored.
fn posted(buffer: &Buffer, head: &RequestHead, page: &'static StatsPage, asked: &Asked, body: Option<&[u8]>) -> Answer {
    let back = |outcome: &str| Answer::Ready(303, redirect(&told(page, &asked.view, outcome)));
    if !asked.view.admin || is_foreign(buffer, head) {
        return back("DENY");
    }
    let Some(body) = body else { return back("EXCD") };
    let mut act = Act { scope: Scope { part: None, ..asked.view.scope.clone() }, ..Act::default() };
    for (name, value) in String::from_utf8_lossy(body).split('&').filter_map(|pair| pair.split_once('=')) {
        let value = decoded(value);
        match name {
            "s" => act.servers.push(value),
            "b" => act.backend = Some(value),
            "action" => act.action = Some(value),
            _ => {}
        }
    }
    Answer::Act(act, asked.view.clone(), page)
}

/// Whether the request was made by a page of another site.
fn is_foreign(buffer: &Buffer, head: &RequestHead) -> bool {
    let first = |name| head.headers.values(buffer.data(), name).next();
    let host = first("host").unwrap_or_default();
    let site = |url: &[u8]| {
        let url = String::from_utf8_lossy(url).into_owned();
        url.split_once("://").map_or(String::new(), |(_, rest)| rest.split('/').next().unwrap_or_default().to_owned())
    };
    match first("origin").or_else(|| first("referer")) {
        Some(url) => !site(url).as_bytes().eq_ignore_ascii_case(host),
        None => false,
    }
}

/// The page's address with a word about what happened.
pub(super) fn told(page: &StatsPage, view: &StatusView, outcome: &str) -> String {
    view.address(&page.uri, Some(&format!("st={outcome}")))
}

/// The redirect to an address of the page.
pub(super) fn redirect(location: &str) -> Vec<u8> {
    let fields: [(&str, &[u8]); 3] =
        [("cache-control", b"no-cache"), ("content-type", b"text/plain"), ("location", location.as_bytes())];
    static_response(303, &fields, b"", false)
}

/// A request's body that came whole into the buffer.
struct Body {
    bytes: Vec<u8>,
    /// Its length in the buffer, with its framing.
    raw: usize,
}

impl Body {
    /// The body at the start of `data`. `Ok(None)`: more of it is to come; `Err`: its framing is wrong.
    fn read(framing: BodyFraming, data: &[u8]) -> Result<Option<Self>, ChunkError> {
        let whole = |n: usize| data.get(..n).map(|bytes| Self { bytes: bytes.to_vec(), raw: n });
        match framing {
            BodyFraming::None => Ok(whole(0)),
            BodyFraming::Length(length) => Ok(whole(usize::try_from(length).unwrap_or(usize::MAX))),
            BodyFraming::UntilClose => Ok(None),
            BodyFraming::Chunked => {
                let (mut decoder, mut bytes, mut at) = (ChunkDecoder::default(), Vec::new(), 0);
                loop {
                    let rest = data.get(at..).unwrap_or_default();
                    match decoder.step(rest)? {
                        ChunkStep::Framing(n) => at += n,
                        ChunkStep::Data(n) => {
                            bytes.extend_from_slice(rest.get(..n).unwrap_or_default());
                            at += n;
                        }
                        ChunkStep::End(n) => return Ok(Some(Self { bytes, raw: at + n })),
                        ChunkStep::NeedMore => return Ok(None),
                    }
                }
            }
        }
    }
}

/// The request's body, if it comes whole into the buffer. `Ok(None)`: it does not fit; `Err`: the client is gone.
async fn body(
    client: &Client,
    stream: &mut Stream,
    buffer: &mut Buffer,
    txn: &mut Txn,
    head: &RequestHead,
) -> Result<Option<Body>, ()> {
    let start = head.len as usize;
    client.ctx.set_deadline(&client.session, client.proxy.config.timeouts.client);
    loop {
        match Body::read(head.framing, buffer.data().get(start..).unwrap_or_default()) {
            Ok(Some(body)) => return Ok(Some(body)),
            Ok(None) => {}
            Err(_) => return Ok(None),
        }
        buffer.compact();
        let never_fits = match head.framing {
            BodyFraming::Length(length) => length > client.ctx.shared.limits.bufsize as u64,
            BodyFraming::None | BodyFraming::Chunked | BodyFraming::UntilClose => false,
        };
        if buffer.is_full() || never_fits {
            return Ok(None);
        }
        match client.ctx.wait(&client.session, |cx| stream.poll_fill(cx, buffer)).await {
            Ok(Ok(n)) if n > 0 => txn.bytes_in += n as u64,
            _ => {
                txn.end(TermCause::ClientAbort, TermPhase::Request);
                return Err(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_whole_or_awaited() {
        let read = |framing, data: &str| {
            Body::read(framing, data.as_bytes()).map(|body| body.map(|b| (String::from_utf8(b.bytes).unwrap(), b.raw)))
        };
        let got = |text: &str, raw| Ok(Some((text.to_owned(), raw)));
        assert_eq!(read(BodyFraming::Length(3), "a=bGET"), got("a=b", 3));
        assert_eq!(read(BodyFraming::Length(3), "a="), Ok(None));
        assert_eq!(read(BodyFraming::Chunked, "2\r\na=\r\n1\r\nb\r\n0\r\n\r\nGET"), got("a=b", 18));
        assert_eq!(read(BodyFraming::Chunked, "2\r\na=\r\n1\r\nb"), Ok(None));
        assert!(read(BodyFraming::Chunked, "zz\r\n").is_err());
    }
}
