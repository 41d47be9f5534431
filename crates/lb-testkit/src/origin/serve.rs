//! What an origin does with one connection.

use super::{Mode, Received, Shared, locked};
use crate::client::reset;
use crate::http::{self, Request};
use crate::sessions::FLOW_PIECE;
use std::io::{BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

/// Whether a connection goes on after a response.
#[derive(PartialEq)]
pub(super) enum After {
    Keep,
    Close,
}

pub(super) fn connection(shared: &Shared, stream: &TcpStream, id: usize) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let mode = locked(&shared.mode).clone();
    let mut writer = stream;
    match mode {
        Mode::Http => http_connection(shared, stream, id)?,
        Mode::Hang => wait_for_close(stream),
        Mode::Close => {}
        Mode::Reset => reset(stream)?,
        Mode::Bytes(bytes) => {
            let mut first = [0; 4096];
            let _ = writer.read(&mut first)?;
            writer.write_all(&bytes)?;
        }
        Mode::Greet(bytes) => {
            writer.write_all(&bytes)?;
            read_to_end(stream);
        }
        Mode::Script(script) => {
            let mut received = Received::default();
            let played = super::script::play(&script, id, stream, &mut received.bytes);
            let error = played.as_ref().err().and_then(|error| error.downcast_ref::<std::io::Error>());
            received.reset = error.is_some_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset);
            locked(&shared.received).push(received);
            played?;
        }
        Mode::Echo => echo(stream)?,
    }
    Ok(())
}

/// Watches a connection without reading it, until the peer is gone or the origin stops.
fn wait_for_close(stream: &TcpStream) {
    // POLLRDHUP, which nix does not name: the peer closed its writing side.
    let hang_up = nix::poll::PollFlags::from_bits_retain(0x2000);
    let mut polled = [nix::poll::PollFd::new(std::os::fd::AsFd::as_fd(stream), hang_up)];
    while matches!(nix::poll::poll(&mut polled, 1000_u16), Ok(0) | Err(nix::errno::Errno::EINTR)) {}
}

fn read_to_end(mut stream: &TcpStream) {
    let mut buffer = vec![0; 16 * 1024];
    while matches!(stream.read(&mut buffer), Ok(n) if n > 0) {}
}

fn echo(mut stream: &TcpStream) -> anyhow::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let n = stream.read(&mut buffer)?;
        if n == 0 {
            return Ok(stream.shutdown(Shutdown::Write)?);
        }
        stream.write_all(buffer.get(..n).unwrap_or_default())?;
    }
}

fn http_connection(shared: &Shared, stream: &TcpStream, id: usize) -> anyhow::Result<()> {
    let mut reader = BufReader::new(stream);
    while let Some(head) = http::read_head(&mut reader)? {
        let mut request = Request { head, body: Vec::new(), connection: id };
        if request.head.get("expect").is_some() && request.target().starts_with("/continue") {
            let mut writer = stream;
            writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let early = request.target().starts_with("/early");
        if !early {
            request.body = http::read_request_body(&mut reader, &request.head)?;
        }
        if shared.recording {
            locked(&shared.requests).push(request.clone());
        }
        let after = respond(shared, &request, stream)?;
        if after == After::Close || request.wants_close() {
            break;
        }
    }
    Ok(())
}

/// Answers one request, by its path:
///
/// | path | answer |
/// |---|---|
/// | `/health` | the status chosen with `set_health` |
/// | `/status/N` | status N, a short body where that status has one |
/// | `/size/N` | N bytes with a length |
/// | `/chunked/NxM` | N chunks of M bytes, a trailer at the end |
/// | `/until-close/N` | N bytes ended by the close |
/// | `/http10/N` | an HTTP/1.0 response of N bytes ended by the close |
/// | `/slow/MS` | the response after MS milliseconds |
/// | `/drip/NxMS` | N chunks of one byte, MS milliseconds apart |
/// | `/flow/NxMS` | N pieces of [`FLOW_PIECE`] bytes with their length, MS milliseconds apart |
/// | `/close` | a response with `Connection: close` |
/// | `/quiet-close` | a kept response, then a close without notice |
/// | `/abort` | a close without a response |
/// | `/reset` | a reset without a response |
/// | `/cut/N` | a length of N, half of the bytes, a close |
/// | `/cut-chunks` | a chunked body that ends within a chunk |
/// | `/half-head` | half of a head, a close |
/// | `/hang` | nothing, until the peer closes |
/// | `/garbage` | bytes that are not HTTP |
/// | `/raw/NAME` | one of the malformed or unusual responses in `raw_response` |
/// | `/continue…` | 100 before the body is read |
/// | `/early…` | 200 and a close before the body is read |
/// | `/echo` | the request's head and body as received |
/// | `/ws` | 101, then every byte back |
/// | anything else | 200 and the origin's name |
pub(super) fn respond(shared: &Shared, request: &Request, stream: &TcpStream) -> anyhow::Result<After> {
    let mut writer = stream;
    let path = request.target().split('?').next().unwrap_or_default();
    let mut parts = path.trim_start_matches('/').splitn(2, '/');
    let (word, argument) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let number = argument.parse::<usize>().unwrap_or(0);
    let pair = argument.split_once('x').and_then(|(n, m)| Some((n.parse().ok()?, m.parse().ok()?))).unwrap_or((0, 0));
    match word {
        "health" => sized(shared, request, writer, *locked(&shared.health), "", b"health\n")?,
        "status" => sized(shared, request, writer, number as u16, "", b"status\n")?,
        "size" => sized(shared, request, writer, 200, "", &filler(number))?,
        "slow" => {
            std::thread::sleep(Duration::from_millis(number as u64));
            sized(shared, request, writer, 200, "", b"slow\n")?;
        }
        "chunked" => {
            writer.write_all(&head(shared, 200, "Transfer-Encoding: chunked\r\n"))?;
            for _ in 0..pair.0 {
                writer.write_all(&chunk(&filler(pair.1)))?;
            }
            writer.write_all(b"0\r\nX-Trailer: end\r\n\r\n")?;
        }
        "drip" => {
            writer.write_all(&head(shared, 200, "Transfer-Encoding: chunked\r\n"))?;
            for _ in 0..pair.0 {
                std::thread::sleep(Duration::from_millis(pair.1 as u64));
                writer.write_all(&chunk(b"d"))?;
            }
            writer.write_all(b"0\r\n\r\n")?;
        }
        "flow" => {
            let piece = filler(FLOW_PIECE);
            writer.write_all(&head(shared, 200, &format!("Content-Length: {}\r\n", pair.0 * piece.len())))?;
            for _ in 0..pair.0 {
                std::thread::sleep(Duration::from_millis(pair.1 as u64));
                writer.write_all(&piece)?;
            }
        }
        "until-close" => {
            writer.write_all(&head(shared, 200, ""))?;
            writer.write_all(&filler(number))?;
            return Ok(After::Close);
        }
        "http10" => {
            writer.write_all(b"HTTP/1.0 200 OK\r\n\r\n")?;
            writer.write_all(&filler(number))?;
            return Ok(After::Close);
        }
        "close" | "early" => {
            sized(shared, request, writer, 200, "Connection: close\r\n", b"closing\n")?;
            return Ok(After::Close);
        }
        "quiet-close" => {
            sized(shared, request, writer, 200, "", b"kept?\n")?;
            return Ok(After::Close);
        }
        "abort" => return Ok(After::Close),
        "reset" => {
            reset(stream)?;
            return Ok(After::Close);
        }
        "cut" => {
            writer.write_all(&head(shared, 200, &format!("Content-Length: {number}\r\n")))?;
            writer.write_all(&filler(number / 2))?;
            return Ok(After::Close);
        }
        "cut-chunks" => {
            writer.write_all(&head(shared, 200, "Transfer-Encoding: chunked\r\n"))?;
            writer.write_all(b"5\r\nhello\r\n5\r\nhe")?;
            return Ok(After::Close);
        }
        "half-head" => {
            writer.write_all(b"HTTP/1.1 200 OK\r\nX-Half: ye")?;
            return Ok(After::Close);
        }
        "hang" => {
            read_to_end(stream);
            return Ok(After::Close);
        }
        "garbage" => {
            writer.write_all(b"\x00\x01\x02 this is not HTTP \xff\r\n\r\n")?;
            return Ok(After::Close);
        }
        "raw" => {
            writer.write_all(raw_response(argument))?;
            return Ok(After::Close);
        }
        "echo" | "continue" => {
            let mut body = request.head.start.clone().into_bytes();
            for (name, value) in &request.head.fields {
                body.extend(format!("\r\n{name}: {value}").bytes());
            }
            body.extend(b"\r\n\r\n");
            body.extend(&request.body);
            sized(shared, request, writer, 200, "", &body)?;
        }
        "ws" => {
            writer.write_all(WEBSOCKET_ACCEPTED)?;
            echo(stream)?;
            return Ok(After::Close);
        }
        _ => sized(shared, request, writer, 200, "", format!("{}\n", shared.name).as_bytes())?,
    }
    Ok(After::Keep)
}

fn head(shared: &Shared, status: u16, fields: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} {}\r\nX-Origin: {}\r\n{fields}\r\n", reason(status), shared.name).into_bytes()
}

/// Sends a response with its length, in one write; a HEAD gets the head alone.
fn sized(
    shared: &Shared,
    request: &Request,
    mut writer: &TcpStream,
    status: u16,
    fields: &str,
    body: &[u8],
) -> std::io::Result<()> {
    let bodyless = matches!(status, 100..=199 | 204 | 304);
    let length = if bodyless { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    let mut bytes = head(shared, status, &format!("{length}{fields}"));
    if !bodyless && request.method() != "HEAD" {
        bytes.extend(body);
    }
    writer.write_all(&bytes)
}

/// Accepts the key that RFC 6455 takes as its example, [`WEBSOCKET_REQUEST`]'s.
const WEBSOCKET_ACCEPTED: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// A WebSocket opening request for `/ws`.
pub const WEBSOCKET_REQUEST: &str = "GET /ws HTTP/1.1\r\nHost: t\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// Printable bytes that differ along the way, so that a shifted or repeated block shows.
pub fn filler(length: usize) -> Vec<u8> {
    (0..length).map(|i| b'a' + ((i / 251 + i) % 26) as u8).collect()
}

fn chunk(data: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{:x}\r\n", data.len()).into_bytes();
    bytes.extend(data);
    bytes.extend(b"\r\n");
    bytes
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        304 => "Not Modified",
        404 => "Not Found",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Status",
    }
}

/// Responses whose head a proxy must judge.
fn raw_response(name: &str) -> &'static [u8] {
    match name {
        "two-lengths" => b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
        "same-lengths" => b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab",
        "length-and-chunked" => {
            b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"
        }
        "negative-length" => b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nab",
        "bad-version" => b"HTTP/x.y 200 OK\r\nContent-Length: 2\r\n\r\nab",
        "bad-status" => b"HTTP/1.1 2xx OK\r\nContent-Length: 2\r\n\r\nab",
        "space-before-colon" => b"HTTP/1.1 200 OK\r\nX-A : b\r\nContent-Length: 2\r\n\r\nab",
        "no-colon" => b"HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 2\r\n\r\nab",
        "nul-in-value" => b"HTTP/1.1 200 OK\r\nX-A: b\0c\r\nContent-Length: 2\r\n\r\nab",
        "folded" => b"HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 2\r\n\r\nab",
        "no-reason" => b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nab",
        "bare-lf" => b"HTTP/1.1 200 OK\nContent-Length: 2\n\nab",
        "early-hints" => {
            b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab"
        }
        "bad-chunk" => b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n0\r\n\r\n",
        "after-204" => b"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nab",
        _ => b"HTTP/1.1 500 Unknown\r\nContent-Length: 0\r\n\r\n",
    }
}
