//! Responses that are pressed for clients that take it (`compression`).
//!
//! Which way is settled when the request goes to a server; whether, when the response's head is there.

use super::txn::Txn;
use crate::data::accept::Client;
use crate::shared::ProxyState;
use flate2::Compression as Level;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use lb_config::model::{Coding, Compression};
use lb_http::{BodyFraming, ChunkDecoder, ChunkStep, HeadEdit, RequestHead, ResponseHead};
use std::io::Write;

/// The settings that hold: the backend's, else the frontend's.
fn settings(client: &Client, backend: &'static ProxyState) -> Option<(&'static Compression, &'static Compression)> {
    let (front, back) = (&client.proxy.config.get().compression, &backend.config.get().compression);
    if front.codings.is_empty() && back.codings.is_empty() {
        return None;
    }
    let codings = if back.codings.is_empty() { front } else { back };
    let types = if back.types.is_empty() { front } else { back };
    Some((codings, types))
}

/// Notes which way the client takes, before its request goes on; with `offload`, servers do not learn of it.
pub fn settle(
    client: &Client,
    txn: &mut Txn,
    backend: &'static ProxyState,
    (buf, head): (&[u8], &RequestHead),
    edit: &mut HeadEdit,
) {
    let Some((codings, _)) = settings(client, backend) else { return };
    if head.minor == 1 && !head.is_head && !head.is_connect && !is_old(buf, head) {
        txn.press = choose(&codings.codings, head.headers.values(buf, "accept-encoding"));
    }
    if (client.proxy.config.compression.offload || backend.config.compression.offload) && txn.press.is_some() {
        edit.remove_all(buf, &head.headers, "accept-encoding");
    }
}

/// The coding that the client likes best; of those it likes the same, the one it names first.
fn choose<'v>(known: &[Coding], accepted: impl Iterator<Item = &'v [u8]>) -> Option<Coding> {
    let mut best: Option<(u32, Coding)> = None;
    for word in accepted.flat_map(|value| value.split(|b| *b == b',')) {
        let mut parts = word.split(|b| *b == b';').map(<[u8]>::trim_ascii);
        let token = parts.next().unwrap_or_default();
        let quality = parts.find_map(|part| part.strip_prefix(b"q=")).map_or(1_000, thousandths);
        let coding = known
            .iter()
            .find(|coding| **coding != Coding::Identity && token.eq_ignore_ascii_case(coding.token().as_bytes()));
        if let Some(coding) = coding
            && quality > best.map_or(0, |(quality, _)| quality)
        {
            best = Some((quality, *coding));
        }
    }
    let identity = known.iter().find(|coding| **coding == Coding::Identity);
    best.map(|(_, coding)| coding).or(identity.copied())
}

/// A quality from 0 to 1 in thousandths.
fn thousandths(text: &[u8]) -> u32 {
    let mut digits = text.iter().filter(|b| **b != b'.');
    let mut value = 0;
    for _ in 0..4 {
        value = value * 10 + digits.next().filter(|b| b.is_ascii_digit()).map_or(0, |b| u32::from(*b - b'0'));
    }
    value.min(1_000)
}

/// Browsers that say that they take what they do not: Mozilla/4, but MSIE 6 of Windows XP SP2 and later ones.
fn is_old(buf: &[u8], head: &RequestHead) -> bool {
    let Some(agent) = head.headers.values(buf, "user-agent").next() else { return false };
    if !agent.starts_with(b"Mozilla/4") {
        return false;
    }
    let version = memchr::memmem::find(agent, b"MSIE ").and_then(|at| agent.get(at + 5));
    match version {
        Some(b'7'..=b'9' | b'1') => false,
        Some(b'6') => memchr::memmem::find(agent, b"SV1").is_none(),
        _ => true,
    }
}

/// Whether the response is pressed. As observed, what the server sent decides, whatever rules make of it.
pub fn fits(
    client: &Client,
    txn: &Txn,
    backend: &'static ProxyState,
    (buf, response): (&[u8], &ResponseHead),
) -> Option<Coding> {
    let coding = txn.press?;
    let (_, types) = settings(client, backend)?;
    let fields = &response.headers;
    let framed = matches!(response.framing, BodyFraming::Length(_) | BodyFraming::Chunked);
    let untouchable =
        |value: &[u8]| value.split(|b| *b == b',').any(|word| word.trim_ascii().eq_ignore_ascii_case(b"no-transform"));
    let fits = matches!(response.status, 200..=203)
        && response.minor == 1
        && framed
        && fields.values(buf, "content-encoding").next().is_none()
        && type_fits(types, fields.values(buf, "content-type"))
        && !fields.values(buf, "cache-control").any(untouchable)
        && tag(buf, response).is_ok();
    fits.then_some(coding)
}

/// A tag that is none, or several: it could not be told apart from that of the response as it was.
struct BadTag;

/// The weak form of the response's tag, where it has a strong one.
fn tag(buf: &[u8], response: &ResponseHead) -> Result<Option<Vec<u8>>, BadTag> {
    let mut tags = response.headers.values(buf, "etag");
    match (tags.next(), tags.next()) {
        (None, _) => Ok(None),
        (Some(tag), None) if tag.starts_with(b"W/\"") => Ok(None),
        (Some(tag), None) if tag.len() > 1 && tag.starts_with(b"\"") && tag.ends_with(b"\"") => {
            Ok(Some([b"W/", tag].concat()))
        }
        _ => Err(BadTag),
    }
}

/// Begins to press a response, and tells its head so.
pub fn begin(
    client: &Client,
    backend: &'static ProxyState,
    coding: Coding,
    (buf, response): (&[u8], &ResponseHead),
    edit: &mut HeadEdit,
) -> Box<Press> {
    let fields = &response.headers;
    edit.remove_all(buf, fields, "content-length");
    edit.remove_all(buf, fields, "transfer-encoding");
    if let Ok(Some(tag)) = tag(buf, response) {
        edit.remove_all(buf, fields, "etag");
        edit.add(b"etag", &tag);
    }
    edit.add(b"transfer-encoding", b"chunked");
    edit.add(b"vary", b"Accept-Encoding");
    if coding != Coding::Identity {
        edit.add(b"content-encoding", coding.token().as_bytes());
    }
    for counters in [client.ctx.front(client.proxy), client.ctx.back(backend)] {
        counters.compressed_responses.inc();
    }
    Box::new(Press::new(coding, response.framing))
}

/// Whether the content type begins as one of those that are pressed; without a list, all but those of several parts.
fn type_fits<'v>(types: &Compression, mut found: impl Iterator<Item = &'v [u8]>) -> bool {
    let begins = |kind: &[u8], with: &str| {
        kind.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with.as_bytes()))
    };
    match found.next() {
        None => types.types.is_empty(),
        Some(kind) if begins(kind, "multipart") => false,
        Some(kind) => types.types.is_empty() || types.types.iter().any(|wanted| begins(kind, wanted)),
    }
}

/// A body on its way through a press.
#[derive(Debug)]
pub struct Press {
    coder: Coder,
    /// Of a body in chunks.
    chunks: Option<ChunkDecoder>,
    out: Vec<u8>,
    sent: usize,
}

#[derive(Debug)]
enum Coder {
    Identity(Vec<u8>),
    Gzip(GzEncoder<Vec<u8>>),
    Deflate(ZlibEncoder<Vec<u8>>),
    Raw(DeflateEncoder<Vec<u8>>),
}

impl Press {
    fn new(coding: Coding, framing: BodyFraming) -> Self {
        // The least effort, as with HAProxy: most of what there is to gain is gained by it.
        let level = Level::fast();
        let coder = match coding {
            Coding::Identity => Coder::Identity(Vec::new()),
            Coding::Gzip => Coder::Gzip(GzEncoder::new(Vec::new(), level)),
            Coding::Deflate => Coder::Deflate(ZlibEncoder::new(Vec::new(), level)),
            Coding::RawDeflate => Coder::Raw(DeflateEncoder::new(Vec::new(), level)),
        };
        let chunks = (framing == BodyFraming::Chunked).then(ChunkDecoder::default);
        Self { coder, chunks, out: Vec::new(), sent: 0 }
    }

    /// Sends these bytes first, as they are.
    pub fn head(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// Takes bytes of the body as they came; `last` are the last ones. Returns how many bytes of content went in and how
    /// many came out.
    pub fn feed(&mut self, raw: &[u8], last: bool) -> (u64, u64) {
        let mut taken = 0;
        match self.chunks.take() {
            None => {
                taken += raw.len() as u64;
                self.write(raw);
            }
            Some(mut chunks) => {
                let mut rest = raw;
                while let Ok(step) = chunks.step(rest) {
                    let passed = match step {
                        ChunkStep::Framing(n) => n,
                        ChunkStep::Data(n) => {
                            taken += n as u64;
                            self.write(rest.get(..n).unwrap_or_default());
                            n
                        }
                        ChunkStep::End(_) | ChunkStep::NeedMore => break,
                    };
                    rest = rest.get(passed..).unwrap_or_default();
                }
                self.chunks = Some(chunks);
            }
        }
        if taken == 0 && !last {
            return (0, 0);
        }
        let pressed = self.pressed(last);
        if !pressed.is_empty() {
            self.out.extend_from_slice(format!("{:X}\r\n", pressed.len()).as_bytes());
            self.out.extend_from_slice(&pressed);
            self.out.extend_from_slice(b"\r\n");
        }
        if last {
            self.out.extend_from_slice(b"0\r\n\r\n");
        }
        (taken, pressed.len() as u64)
    }

    /// Writing into memory does not fail.
    fn write(&mut self, content: &[u8]) {
        let _ = match &mut self.coder {
            Coder::Identity(out) => out.write_all(content),
            Coder::Gzip(coder) => coder.write_all(content),
            Coder::Deflate(coder) => coder.write_all(content),
            Coder::Raw(coder) => coder.write_all(content),
        };
    }

    /// What came out. Nothing is held back: whoever waits for it may not know of more.
    fn pressed(&mut self, last: bool) -> Vec<u8> {
        let _ = match &mut self.coder {
            Coder::Identity(_) => Ok(()),
            Coder::Gzip(coder) => {
                if last {
                    coder.try_finish()
                } else {
                    coder.flush()
                }
            }
            Coder::Deflate(coder) => {
                if last {
                    coder.try_finish()
                } else {
                    coder.flush()
                }
            }
            Coder::Raw(coder) => {
                if last {
                    coder.try_finish()
                } else {
                    coder.flush()
                }
            }
        };
        std::mem::take(match &mut self.coder {
            Coder::Identity(out) => out,
            Coder::Gzip(coder) => coder.get_mut(),
            Coder::Deflate(coder) => coder.get_mut(),
            Coder::Raw(coder) => coder.get_mut(),
        })
    }

    /// Bytes to be sent.
    pub fn ready(&self) -> &[u8] {
        self.out.get(self.sent..).unwrap_or_default()
    }

    /// Some of them were.
    pub fn sent(&mut self, n: usize) {
        self.sent += n;
        if self.sent >= self.out.len() {
            self.out.clear();
            self.sent = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn the_client_chooses() {
        use Coding::{Deflate, Gzip, Identity};
        for (known, accepted, expected) in [
            (&[Gzip, Deflate][..], "gzip", Some(Gzip)),
            (&[Gzip, Deflate], "br, gzip;q=0.5, deflate", Some(Deflate)),
            (&[Gzip, Deflate], "deflate, gzip", Some(Deflate)),
            (&[Gzip], "GZIP", Some(Gzip)),
            (&[Gzip], "gzip;q=0", None),
            (&[Gzip], "x-gzip", None),
            (&[Gzip], "", None),
            (&[Identity, Gzip], "br", Some(Identity)),
            (&[Gzip], "gzip; q=0.001", Some(Gzip)),
        ] {
            assert_eq!(choose(known, [accepted.as_bytes()].into_iter()), expected, "{accepted}");
        }
    }

    #[test]
    fn what_went_in_comes_out() {
        let mut press = Press::new(Coding::Gzip, BodyFraming::Chunked);
        press.head(b"HEAD");
        let (taken, _) = press.feed(b"3\r\nabc\r\n5\r\nde", false);
        assert_eq!(taken, 5);
        press.feed(b"fgh\r\n0\r\n\r\n", true);
        let mut rest = press.ready().strip_prefix(b"HEAD").unwrap();
        let mut pressed = Vec::new();
        loop {
            let end = memchr::memmem::find(rest, b"\r\n").unwrap();
            let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
            if size == 0 {
                break;
            }
            pressed.extend_from_slice(&rest[end + 2..end + 2 + size]);
            rest = &rest[end + 4 + size..];
        }
        let mut text = String::new();
        flate2::read::GzDecoder::new(&pressed[..]).read_to_string(&mut text).unwrap();
        assert_eq!(text, "abcdefgh");
        let n = press.ready().len();
        press.sent(n);
        assert!(press.ready().is_empty());
    }
}
