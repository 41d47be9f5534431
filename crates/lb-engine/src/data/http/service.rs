//! Pages that the engine serves itself: metrics and the status page. They are ordered from the control thread and passed
//! on piece by piece.

use super::super::session::Cut;
use super::txn::Txn;
use super::{Next, respond};
use crate::buffer::Buffer;
use crate::data::accept::Client;
use crate::orders::{Act, MetricsQuery, MetricsScope, Order, PIECES, Page, Scope, StatusView};
use crate::shared::ProxyState;
use crate::stream::Stream;
use base64::Engine as _;
use lb_config::model::{StatsPage, StatsVerdict};
use lb_http::{BodyFraming, RequestHead, static_response};
use lb_model::{TermCause, TermPhase};
use lb_sample::Condition;
use tokio::sync::mpsc;

/// What a request gets.
enum Answer {
    /// A page, under this content type.
    Page(Page, &'static str),
    /// The outcome of an action: a redirect to the page that tells it.
    Act(Act),
    /// A response that is there already.
    Ready(u16, Vec<u8>),
    /// An error page.
    Refused(u16),
}

/// The status page of this proxy, if the request is for it.
pub fn page_of(proxy: &'static ProxyState, buf: &[u8], head: &RequestHead) -> Option<&'static StatsPage> {
    let page = proxy.config.get().stats.as_ref()?;
    head.target.get(buf).starts_with(page.uri.as_bytes()).then_some(page)
}

/// Answers with metrics.
pub async fn metrics(
    client: &Client,
    stream: &mut Stream,
    buffer: &mut Buffer,
    txn: &mut Txn,
    head: &RequestHead,
) -> Next {
    let target = String::from_utf8_lossy(head.target.get(buffer.data())).into_owned();
    let answer = match metrics_query(&target) {
        Some(query) => Answer::Page(Page::Metrics(query), "text/plain; version=0.0.4"),
        None => Answer::Refused(400),
    };
    deliver(client, stream, buffer, txn, head, answer).await
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
    let answer = match admission(client, txn, buffer, head, page) {
        Admission::Admitted => {
            if head.method.get(buffer.data()) == b"POST" {
                match body(client, stream, buffer, txn, head).await {
                    Ok(body) => posted(client, txn, buffer, head, (proxy, page), body.as_deref()),
                    Err(()) => return Next::Abort,
                }
            } else {
                shown(client, txn, buffer, head, (proxy, page))
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
    deliver(client, stream, buffer, txn, head, answer).await
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

/// The page in the form that the address asks for: options follow the configured address, apart by semicolons.
fn shown(
    client: &Client,
    txn: &Txn,
    buffer: &Buffer,
    head: &RequestHead,
    (proxy, page): (&'static ProxyState, &'static StatsPage),
) -> Answer {
    let target = String::from_utf8_lossy(head.target.get(buffer.data())).into_owned();
    let rest = target.get(page.uri.len()..).unwrap_or_default();
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    // Browsers put the form's fields behind a question mark, scripts write everything behind semicolons.
    let options: Vec<&str> = path.split(';').chain(query.split([';', '&'])).collect();
    let has = |wanted: &str| options.contains(&wanted);
    let named = |name: &str| options.iter().find_map(|option| option.strip_prefix(name)?.strip_prefix('='));
    let mut scope = own_scope(page, proxy);
    scope.part = named("scope").map(decoded).filter(|part| !part.is_empty());
    for (form, content_type) in [("csv", "text/plain"), ("typed", "text/plain"), ("json", "application/json")] {
        if has(form) {
            let words = [form, "up", "no-maint"].into_iter().filter(|word| has(word)).map(str::to_owned).collect();
            return Answer::Page(Page::Stat { words, scope }, content_type);
        }
    }
    if has("json-schema") {
        return Answer::Page(Page::Schema, "application/json");
    }
    if has("events") {
        return Answer::Page(Page::Changes(scope), "text/event-stream");
    }
    let view = StatusView {
        proxy: proxy.index,
        scope,
        admin: is_admin(client, txn, buffer, head, page),
        still: has("norefresh"),
        up_only: has("up"),
        no_maint: has("no-maint"),
        outcome: named("st").map(str::to_owned),
    };
    Answer::Page(Page::Status(view), "text/html; charset=utf-8")
}

/// What a form that was sent asks for.
fn posted(
    client: &Client,
    txn: &Txn,
    buffer: &Buffer,
    head: &RequestHead,
    (proxy, page): (&'static ProxyState, &'static StatsPage),
    body: Option<&[u8]>,
) -> Answer {
    if !is_admin(client, txn, buffer, head, page) || is_foreign(buffer, head) {
        return back(page, "DENY");
    }
    let Some(body) = body else { return back(page, "EXCD") };
    let mut act = Act { scope: own_scope(page, proxy), ..Act::default() };
    for (name, value) in String::from_utf8_lossy(body).split('&').filter_map(|pair| pair.split_once('=')) {
        let value = decoded(value);
        match name {
            "s" => act.servers.push(value),
            "b" => act.backend = value,
            "action" => act.action = value,
            _ => return back(page, "ERRP"),
        }
    }
    Answer::Act(act)
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

/// Back to the page, with a word about what happened.
fn back(page: &StatsPage, outcome: &str) -> Answer {
    Answer::Ready(303, redirect(&page.uri, outcome))
}

/// The redirect to a page's address with a word about what happened.
fn redirect(page: &str, outcome: &str) -> Vec<u8> {
    let location = format!("{page};st={outcome}");
    let fields: [(&str, &[u8]); 3] =
        [("cache-control", b"no-cache"), ("content-type", b"text/plain"), ("location", location.as_bytes())];
    static_response(303, &fields, b"", false)
}

/// Text of a form: `+` is a blank, `%xx` a byte.
fn decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let escaped = tail.get(..2).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match (first, escaped) {
            (b'%', Some(byte)) => {
                out.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            (b'+', _) => {
                out.push(b' ');
                rest = tail;
            }
            _ => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// What a scrape's address asks for. `None`: it is not understood.
fn metrics_query(target: &str) -> Option<MetricsQuery> {
    let mut query = MetricsQuery::default();
    let parameters = target.split_once('?').map_or("", |(_, query)| query);
    for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        match name {
            "scope" => {
                let scopes = query.scopes.get_or_insert_default();
                match decoded(value).as_str() {
                    "" => scopes.clear(),
                    "*" => scopes.extend(MetricsScope::ALL),
                    word => scopes.push(MetricsScope::from_word(word)?),
                }
            }
            "no-maint" => query.no_maint = true,
            "extra-counters" => query.extra = true,
            "metrics" => {
                for metric in decoded(value).split(',').filter(|metric| !metric.is_empty()) {
                    match metric.strip_prefix('-') {
                        Some(name) => query.unwanted.push(name.to_owned()),
                        None => query.wanted.push(metric.trim_start_matches('+').to_owned()),
                    }
                }
            }
            _ => {}
        }
    }
    Some(query)
}

/// The request's body, if it comes whole into the buffer. `Ok(None)`: it does not fit; `Err`: the client is gone.
async fn body(
    client: &Client,
    stream: &mut Stream,
    buffer: &mut Buffer,
    txn: &mut Txn,
    head: &RequestHead,
) -> Result<Option<Vec<u8>>, ()> {
    let length = match head.framing {
        BodyFraming::None => return Ok(Some(Vec::new())),
        BodyFraming::Length(length) => usize::try_from(length).unwrap_or(usize::MAX),
        BodyFraming::Chunked | BodyFraming::UntilClose => return Ok(None),
    };
    let start = head.len as usize;
    let end = start.saturating_add(length);
    client.ctx.set_deadline(&client.session, client.proxy.config.timeouts.client);
    loop {
        if let Some(body) = buffer.data().get(start..end) {
            return Ok(Some(body.to_vec()));
        }
        buffer.compact();
        if buffer.is_full() || length > client.ctx.shared.limits.bufsize {
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

/// Sends the answer.
async fn deliver(
    client: &Client,
    stream: &mut Stream,
    buffer: &mut Buffer,
    txn: &mut Txn,
    head: &RequestHead,
    answer: Answer,
) -> Next {
    txn.end(TermCause::Local, TermPhase::Request);
    client.ctx.front(client.proxy).intercepted.inc();
    let body = match head.framing {
        BodyFraming::None => Some(0),
        // A body that was read is behind us; another one cannot be told from a next request.
        BodyFraming::Length(n) => usize::try_from(n).ok().filter(|n| buffer.len() >= head.len as usize + n),
        BodyFraming::Chunked | BodyFraming::UntilClose => None,
    };
    let keep = head.keep_alive && head.minor == 1 && body.is_some();
    let next = match answer {
        Answer::Refused(status) => respond::after_failure(client, stream, txn, status, keep).await,
        Answer::Ready(status, bytes) => ready(client, stream, txn, keep, (status, bytes)).await,
        Answer::Act(act) => {
            let outcome = acted(client, act).await;
            let location = String::from_utf8_lossy(head.target.get(buffer.data())).into_owned();
            let base = location.split(";st=").next().unwrap_or_default();
            ready(client, stream, txn, keep, (303, redirect(base, &outcome))).await
        }
        Answer::Page(page, content_type) => {
            let form = Form { keep, chunked: head.minor == 1, content_type };
            pieces(client, stream, txn, form, page).await
        }
    };
    if next == Next::KeepAlive {
        buffer.consume(head.len as usize + body.unwrap_or(0));
    }
    next
}

async fn ready(
    client: &Client,
    stream: &mut Stream,
    txn: &mut Txn,
    keep: bool,
    (status, bytes): (u16, Vec<u8>),
) -> Next {
    txn.status = status;
    txn.local = true;
    let bytes = if keep { bytes } else { super::request::with_close(bytes) };
    let shown = if txn.is_head { respond::head_of(&bytes) } else { &bytes };
    match respond::send(client, stream, txn, shown).await {
        Ok(true) if keep => Next::KeepAlive,
        Ok(true) => Next::Linger,
        Ok(false) | Err(_) => Next::Abort,
    }
}

/// Places an order. `None`: there are too many.
fn order(client: &Client, page: Page) -> Option<mpsc::Receiver<Vec<u8>>> {
    let (pieces, receiver) = mpsc::channel(PIECES);
    client.ctx.shared.orders.get()?.try_send(Order { page, pieces }).ok()?;
    Some(receiver)
}

async fn acted(client: &Client, act: Act) -> String {
    let Some(mut pieces) = order(client, Page::Act(act)) else { return "NONE".to_owned() };
    let outcome = pieces.recv().await.unwrap_or_default();
    String::from_utf8_lossy(&outcome).into_owned()
}

/// How a page is sent.
struct Form {
    keep: bool,
    /// The client understands chunks; otherwise the connection's end is the page's end.
    chunked: bool,
    content_type: &'static str,
}

async fn pieces(client: &Client, stream: &mut Stream, txn: &mut Txn, form: Form, page: Page) -> Next {
    let Some(mut pieces) = order(client, page) else {
        return respond::after_failure(client, stream, txn, 503, form.keep).await;
    };
    txn.status = 200;
    txn.local = true;
    let keep = form.keep && form.chunked;
    let mut head = format!(
        "HTTP/1.1 200 OK\r\ncache-control: no-cache\r\ncontent-type: {}\r\nx-content-type-options: nosniff\r\n\
         content-security-policy: default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
         connect-src 'self'; img-src data:; form-action 'self'; frame-ancestors 'none'\r\n",
        form.content_type
    );
    if form.chunked {
        head.push_str("transfer-encoding: chunked\r\n");
    }
    if !keep {
        head.push_str("connection: close\r\n");
    }
    head.push_str("\r\n");
    if !matches!(respond::send(client, stream, txn, head.as_bytes()).await, Ok(true)) {
        return Next::Abort;
    }
    if txn.is_head {
        return if keep { Next::KeepAlive } else { Next::Close };
    }
    loop {
        // The page's maker takes its time, or waits for something to tell: that is not the client's silence.
        client.ctx.set_deadline(&client.session, None);
        let piece = match client.ctx.wait(&client.session, |cx| pieces.poll_recv(cx)).await {
            Ok(piece) => piece,
            Err(Cut::Timeout | Cut::Killed(_) | Cut::Gone) => return Next::Abort,
        };
        let Some(mut piece) = piece else { break };
        if form.chunked {
            let mut chunk = format!("{:x}\r\n", piece.len()).into_bytes();
            chunk.append(&mut piece);
            chunk.extend_from_slice(b"\r\n");
            piece = chunk;
        }
        if !matches!(respond::send(client, stream, txn, &piece).await, Ok(true)) {
            txn.end(TermCause::ClientAbort, TermPhase::Data);
            return Next::Abort;
        }
    }
    if form.chunked && !matches!(respond::send(client, stream, txn, b"0\r\n\r\n").await, Ok(true)) {
        return Next::Abort;
    }
    if keep { Next::KeepAlive } else { Next::Linger }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_decoded() {
        assert_eq!(decoded("a+b%2Fc%zz%4"), "a b/c%zz%4");
        assert_eq!(decoded("%23app"), "#app");
    }

    #[test]
    fn scrapes_are_read() {
        let query =
            metrics_query("/metrics?scope=server&scope=global&no-maint&metrics=a,-b&extra-counters&x=1").unwrap();
        assert_eq!(query.scopes, Some(vec![MetricsScope::Server, MetricsScope::Global]));
        assert!(query.no_maint && query.extra);
        assert_eq!((query.wanted, query.unwanted), (vec!["a".to_owned()], vec!["b".to_owned()]));
        assert_eq!(metrics_query("/metrics?scope=").unwrap().scopes, Some(Vec::new()));
        assert_eq!(metrics_query("/metrics").unwrap().scopes, None);
        assert!(metrics_query("/metrics?scope=foo").is_none());
    }
}
