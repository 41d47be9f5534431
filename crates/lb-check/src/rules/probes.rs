//! Protocol probes: `option redis-check` and its kin as rule sets, and how their answers are read.
//!
//! What is sent, and the words said of the answers, are those observed of a running proxy.

use lb_model::CheckStatus;

use super::expect::{Judgement, Protocol};
use super::{Connect, Expect, Kind, Looks, Payload, Rule, RuleSet, What};

type Frame = fn(&[u8], bool) -> Option<Judgement>;

fn send(bytes: impl Into<Vec<u8>>) -> Rule {
    Rule::new(What::Send(Payload::Bytes(bytes.into())), None)
}

fn expect(frame: Frame) -> Rule {
    Rule::new(What::Expect(Box::new(Expect::new(false, Looks::Frame(Protocol(frame))))), None)
}

/// With another status than `L7RSP` for an answer that does not come.
fn or_status(frame: Frame) -> Rule {
    let expect =
        Expect { error_status: Some(CheckStatus::L7Status), ..Expect::new(false, Looks::Frame(Protocol(frame))) };
    Rule::new(What::Expect(Box::new(expect)), None)
}

/// A probe whose steps are counted from its connect, and that takes leave in order, as observed.
fn polite(steps: impl IntoIterator<Item = Rule>) -> RuleSet {
    let connect = Connect { default: true, linger: true, ..Connect::default() };
    let connect = Rule::new(What::Connect(connect), None);
    RuleSet::of(Kind::Probe, std::iter::once(connect).chain(steps).collect())
}

/// A probe whose steps are counted from what it sends.
fn question(bytes: impl Into<Vec<u8>>, answer: Rule) -> RuleSet {
    let mut rules = vec![send(bytes), answer];
    super::add_connect(&mut rules);
    RuleSet::of(Kind::Probe, rules)
}

impl RuleSet {
    /// `option redis-check`.
    pub fn redis() -> Self {
        question("*1\r\n$4\r\nPING\r\n", or_status(redis_pong))
    }

    /// `option smtpchk [<HELO|EHLO> <domain>]`; `greeting` is those two words.
    pub fn smtp(greeting: &str) -> Self {
        polite([
            expect(smtp_banner),
            or_status(smtp_ready),
            send(format!("{greeting}\r\n")),
            or_status(smtp_greeted),
            send("QUIT\r\n"),
            or_status(smtp_bye),
        ])
    }

    /// `option pgsql-check user <user>`.
    pub fn pgsql(user: &str) -> Self {
        let mut body = b"\0\x03\0\0user\0".to_vec();
        body.extend_from_slice(user.as_bytes());
        body.extend_from_slice(b"\0\0");
        let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
        let mut bytes = length.to_be_bytes().to_vec();
        bytes.append(&mut body);
        polite([send(bytes), expect(pgsql_error), or_status(pgsql_authentication)])
    }

    /// `option ldap-check`: an anonymous simple bind.
    pub fn ldap() -> Self {
        question(*b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00", expect(ldap_bound))
    }

    /// `option ssl-hello-chk`: an SSL 3.0 hello, which any TLS server answers, be it with an alert.
    pub fn ssl_hello() -> Self {
        let ciphers: Vec<u8> = (0x01..=0x1b).chain(0x2f..=0x3a).flat_map(|low| [0, low]).collect();
        let mut hello = b"\x03\x00".to_vec();
        hello.extend_from_slice(b"lbd health check: no session");
        hello.extend_from_slice(b"\0\0\0\0\0");
        hello.extend_from_slice(&[0, ciphers.len() as u8]);
        hello.extend_from_slice(&ciphers);
        hello.extend_from_slice(b"\x01\x00");
        let mut record = vec![0x16, 3, 0, 0, hello.len() as u8 + 4, 1, 0, 0, hello.len() as u8];
        record.append(&mut hello);
        let answer = Expect {
            ok_status: Some(CheckStatus::L6Ok),
            error_status: Some(CheckStatus::L6Response),
            tout_status: Some(CheckStatus::L6Timeout),
            ..Expect::new(false, Looks::Frame(Protocol(tls_record)))
        };
        question(record, Rule::new(What::Expect(Box::new(answer)), None))
    }

    /// `option mysql-check`; with a user it also logs in, and does not wait for the greeting to do so.
    pub fn mysql(user: Option<(&str, MysqlClient)>) -> Self {
        match user {
            None => polite([expect(mysql_handshake)]),
            Some((user, client)) => {
                let mut turns = packet(1, &client.login(user));
                turns.extend(packet(0, b"\x01"));
                polite([send(turns), expect(mysql_any), expect(mysql_login)])
            }
        }
    }

    /// `option spop-check`.
    pub fn spop() -> Self {
        let mut frame = b"\x01\0\0\0\x01\0\0".to_vec();
        for (key, value) in [
            (&b"supported-versions"[..], &b"\x08\x032.0"[..]),
            (b"max-frame-size", b"\x03\xfc\xf0\x06"),
            (b"capabilities", b"\x08\x00"),
            (b"healthcheck", b"\x11"),
        ] {
            frame.push(key.len() as u8);
            frame.extend_from_slice(key);
            frame.extend_from_slice(value);
        }
        let mut bytes = (frame.len() as u32).to_be_bytes().to_vec();
        bytes.append(&mut frame);
        question(bytes, expect(spop_hello))
    }
}

/// What a MySQL check says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MysqlClient {
    /// `pre-41`.
    Before41,
    /// `post-41`, the default.
    Since41,
    /// `post-80`.
    Since80,
}

impl MysqlClient {
    /// The login packet's body.
    fn login(self, user: &str) -> Vec<u8> {
        let (head, tail): (&[u8], &[u8]) = match self {
            Self::Before41 => (b"\x00\x80\x00\x00\x01", b"\0\0"),
            Self::Since41 => (b"\x00\x82\x00\x00\x00\x80\x00\x01\x21", b"\0\0"),
            // Also the client's plugin: CLIENT_PLUGIN_AUTH is set.
            Self::Since80 => (b"\x00\x82\x08\x00\x00\x80\x00\x01\x21", b"\0\0mysql_native_password\0"),
        };
        let mut body = head.to_vec();
        if self != Self::Before41 {
            body.extend_from_slice(&[0; 23]);
        }
        body.extend_from_slice(user.as_bytes());
        body.extend_from_slice(tail);
        body
    }
}

fn packet(sequence: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes();
    let mut bytes = vec![length[0], length[1], length[2], sequence];
    bytes.extend_from_slice(body);
    bytes
}

fn wrong(status: CheckStatus, code: u16, text: impl Into<String>) -> Option<Judgement> {
    Some(Judgement::Wrong(status, code, text.into()))
}

fn fine(text: Option<&str>) -> Option<Judgement> {
    Some(Judgement::Fine(0, text.map(str::to_owned)))
}

/// Up to the first of these bytes.
fn until(bytes: &[u8], ends: &[u8]) -> String {
    let text = bytes.split(|b| ends.contains(b)).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

fn redis_pong(bytes: &[u8], ended: bool) -> Option<Judgement> {
    match bytes.windows(7).any(|w| w == b"+PONG\r\n") {
        true => fine(Some("Redis server is ok")),
        false if ended => wrong(CheckStatus::L7Status, 0, until(bytes, b"\r\n")),
        false => None,
    }
}

/// Three digits and what follows them, if a line begins so.
fn smtp_code(line: &[u8]) -> Option<(u16, u8)> {
    let [a @ b'0'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', next, ..] = *line else { return None };
    Some((u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0'), next))
}

fn smtp_wrong(bytes: &[u8]) -> Option<Judgement> {
    let digits = bytes.iter().take(3).take_while(|b| b.is_ascii_digit());
    let code = digits.fold(0, |n: u16, b| n * 10 + u16::from(b - b'0'));
    wrong(CheckStatus::L7Status, code, until(bytes.get(4..).unwrap_or_default(), b"\r\n"))
}

fn smtp_banner(bytes: &[u8], ended: bool) -> Option<Judgement> {
    match smtp_code(bytes) {
        Some((_, b' ' | b'\r')) => fine(None),
        None if bytes.len() < 4 && !ended => None,
        _ => wrong(CheckStatus::L7Response, 0, until(bytes, b"\r\n")),
    }
}

fn smtp_ready(bytes: &[u8], _: bool) -> Option<Judgement> {
    match smtp_code(bytes) {
        Some((200..=299, b' ' | b'\r')) => fine(None),
        _ => smtp_wrong(bytes),
    }
}

/// Lines `2xx-…`, then one `2xx …`.
fn smtp_greeted(bytes: &[u8], ended: bool) -> Option<Judgement> {
    let mut rest = bytes;
    loop {
        match smtp_code(rest) {
            Some((200..=299, b' ' | b'\r')) => return fine(None),
            Some((200..=299, b'-')) => match rest.windows(2).position(|w| w == b"\r\n") {
                Some(end) => rest = rest.get(end + 2..).unwrap_or_default(),
                None => break,
            },
            _ => break,
        }
    }
    if ended { smtp_wrong(bytes) } else { None }
}

fn smtp_bye(bytes: &[u8], ended: bool) -> Option<Judgement> {
    match smtp_code(bytes) {
        Some((code @ 200..=299, b' ' | b'-' | b'\r')) => {
            Some(Judgement::Fine(code, Some(until(bytes.get(4..).unwrap_or_default(), b"\r\n"))))
        }
        None if bytes.len() < 4 && !ended => None,
        _ => smtp_wrong(bytes),
    }
}

/// An error response names its severity first, as a string.
fn pgsql_error(bytes: &[u8], ended: bool) -> Option<Judgement> {
    match bytes {
        [b'E', ..] if bytes.len() >= 5 => {
            wrong(CheckStatus::L7Response, 0, until(bytes.get(6..).unwrap_or_default(), b"\0"))
        }
        _ if bytes.len() < 5 && !ended => None,
        _ => fine(None),
    }
}

/// A request for authentication, of whatever kind, is the mark of a server that works.
fn pgsql_authentication(bytes: &[u8], ended: bool) -> Option<Judgement> {
    match bytes {
        [b'R', _, _, _, _, 0, 0, 0, 0 | 2..=12, ..] => fine(Some("PostgreSQL server is ok")),
        _ if bytes.len() < 9 && !ended => None,
        _ => wrong(CheckStatus::L7Status, 0, "PostgreSQL unknown error"),
    }
}

fn tls_record(bytes: &[u8], ended: bool) -> Option<Judgement> {
    match bytes {
        [0x15 | 0x16, ..] if bytes.len() >= 5 => fine(None),
        [0x15 | 0x16, ..] if !ended => None,
        _ => wrong(CheckStatus::L6Response, 0, ""),
    }
}

/// The length of an element in BER, and what follows it.
fn ber_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    if first < 0x80 {
        return Some((usize::from(first), rest));
    }
    let count = usize::from(first & 0x7f);
    let (digits, rest) = (rest.get(..count)?, rest.get(count..)?);
    Some((digits.iter().fold(0usize, |n, b| n.wrapping_shl(8) | usize::from(*b)), rest))
}

fn ldap_bound(bytes: &[u8], _: bool) -> Option<Judgement> {
    let foreign = || wrong(CheckStatus::L7Response, 0, "Not LDAPv3 protocol");
    if bytes.first() != Some(&0x30) {
        return foreign();
    }
    let (length, rest) = ber_length(bytes.get(1..)?)?;
    let rest = rest.get(..length)?;
    // The message's number is the request's, then a bind response (application 1) with its result code.
    let Some(response) = rest.strip_prefix(b"\x02\x01\x01\x61") else { return foreign() };
    let Some((_, [0x0a, 0x01, code, ..])) = ber_length(response) else { return foreign() };
    match code {
        0 => fine(Some("Success")),
        code => {
            let text = "See RFC: http://tools.ietf.org/html/rfc4511#section-4.1.9";
            wrong(CheckStatus::L7Status, u16::from(*code), text)
        }
    }
}

/// The body of a MySQL packet, and what follows it.
fn mysql_packet(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let &[a, b, c, _, ref rest @ ..] = bytes else { return None };
    rest.split_at_checked(usize::from(a) | usize::from(b) << 8 | usize::from(c) << 16)
}

fn mysql_error(body: &[u8]) -> Option<Judgement> {
    let &[0xff, low, high, ref text @ ..] = body else { return None };
    wrong(CheckStatus::L7Status, u16::from_le_bytes([low, high]), until(text, b"\0"))
}

fn mysql_handshake(bytes: &[u8], _: bool) -> Option<Judgement> {
    let (body, _) = mysql_packet(bytes)?;
    mysql_error(body).or_else(|| fine(Some(&until(body.get(1..).unwrap_or_default(), b"\0"))))
}

/// Something greets: what it says is judged after the login.
fn mysql_any(bytes: &[u8], _: bool) -> Option<Judgement> {
    let (body, _) = mysql_packet(bytes)?;
    mysql_error(body).or_else(|| fine(None))
}

/// The greeting and the answer to the login.
fn mysql_login(bytes: &[u8], ended: bool) -> Option<Judgement> {
    let (_, answer) = mysql_packet(bytes)?;
    let (body, _) = mysql_packet(answer)?;
    mysql_error(body).or_else(|| mysql_handshake(bytes, ended))
}

/// Statuses of a disconnecting agent, as the protocol's description names them.
const SPOP_STATUSES: [(u64, &str); 15] = [
    (0, "normal"),
    (1, "I/O error"),
    (2, "a timeout occurred"),
    (3, "frame is too big"),
    (4, "invalid frame received"),
    (5, "version value not found"),
    (6, "max-frame-size value not found"),
    (7, "capabilities value not found"),
    (8, "unsupported version"),
    (9, "max-frame-size too big or too small"),
    (10, "payload fragmentation is not supported"),
    (11, "invalid interlaced frames"),
    (12, "frame-id not found (it does not match any referenced frame)"),
    (13, "resource allocation error"),
    (99, "an unknown error occurred"),
];

fn spop_hello(bytes: &[u8], ended: bool) -> Option<Judgement> {
    let invalid = || wrong(CheckStatus::L7Response, 0, "invalid frame received");
    let whole = bytes.split_at_checked(4).and_then(|(length, rest)| {
        let length = u32::from_be_bytes(length.try_into().ok()?);
        rest.get(..usize::try_from(length).ok()?)
    });
    let Some(frame) = whole else { return if ended { invalid() } else { None } };
    let Some(frame) = SpopFrame::read(frame) else { return invalid() };
    let said = |name: &[u8]| frame.items.iter().find(|(key, _)| *key == name).map(|(_, value)| value);
    let lacks = |what: &str| wrong(CheckStatus::L7Response, 0, what);
    match frame.kind {
        101 => match (said(b"version"), said(b"max-frame-size")) {
            (None, _) => lacks("version value not found"),
            (Some(SpopValue::Text(v)), _) if !v.trim_ascii().starts_with(b"2.") => lacks("unsupported version"),
            (_, None) => lacks("max-frame-size value not found"),
            _ => fine(Some("SPOA server is ok")),
        },
        102 => {
            let code = match said(b"status-code") {
                Some(SpopValue::Number(n)) => *n,
                _ => 0,
            };
            let text = SPOP_STATUSES.iter().find(|row| row.0 == code).map_or("an unknown error occurred", |row| row.1);
            lacks(text)
        }
        _ => invalid(),
    }
}

/// A frame of the stream processing offload protocol, as far as greetings need it.
struct SpopFrame<'a> {
    kind: u8,
    items: Vec<(&'a [u8], SpopValue<'a>)>,
}

enum SpopValue<'a> {
    Number(u64),
    Text(&'a [u8]),
    Other,
}

impl<'a> SpopFrame<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let (&kind, rest) = bytes.split_first()?;
        let (_stream, rest) = varint(rest.get(4..)?)?;
        let (_frame, mut rest) = varint(rest)?;
        let mut items = Vec::new();
        while !rest.is_empty() {
            let (key, after) = text(rest)?;
            let (&kind, after) = after.split_first()?;
            let (value, after) = match kind & 15 {
                0 | 1 => (SpopValue::Other, after),
                2..=5 => varint(after).map(|(n, rest)| (SpopValue::Number(n), rest))?,
                6 => (SpopValue::Other, after.get(4..)?),
                7 => (SpopValue::Other, after.get(16..)?),
                8 | 9 => text(after).map(|(text, rest)| (SpopValue::Text(text), rest))?,
                _ => return None,
            };
            items.push((key, value));
            rest = after;
        }
        Some(Self { kind, items })
    }
}

fn text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = varint(bytes)?;
    rest.split_at_checked(usize::try_from(length).ok()?)
}

/// A number in the protocol's own coding: below 240 one byte, else four bits, then seven at a time.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (&first, mut rest) = bytes.split_first()?;
    let mut value = u64::from(first);
    let mut shift = 4;
    if first >= 0xf0 {
        loop {
            let (&next, after) = rest.split_first()?;
            rest = after;
            value = value.checked_add(u64::from(next).checked_shl(shift)?)?;
            shift += 7;
            if next < 0x80 {
                break;
            }
        }
    }
    Some((value, rest))
}
