//! Checks over HTTP/2: what a check says in HTTP/1 is asked in HTTP/2, and what is answered is told in HTTP/1, so that
//! rules know one form.

use crate::stream::Stream;
use bytes::Bytes;
use h2::client::{self, Connection, ResponseFuture, SendRequest};
use h2::{FlowControl, RecvStream};
use http::header::{HeaderName, HeaderValue};
use http::{Request, Response, Uri, Version};
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Fields that belong to HTTP/1's connections.
const OF_CONNECTIONS: [&str; 6] =
    ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "http2-settings"];

/// A connection that speaks HTTP/2, for one request.
pub(super) struct Talk {
    connection: Connection<Socket>,
    requests: SendRequest<Bytes>,
    scheme: &'static str,
    asked: Option<ResponseFuture>,
    body: Option<RecvStream>,
}

impl Talk {
    /// Begins to speak on a connected stream.
    pub(super) async fn begin(stream: Stream) -> io::Result<Talk> {
        let scheme = if matches!(stream, Stream::Tls(_)) { "https" } else { "http" };
        let (requests, connection) = client::handshake(Socket(stream)).await.map_err(broken)?;
        Ok(Talk { connection, requests, scheme, asked: None, body: None })
    }

    /// Asks what these bytes of HTTP/1 ask.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let (request, body) = request_of(bytes, self.scheme).ok_or(io::ErrorKind::InvalidInput)?;
        let (asked, mut stream) = self.requests.send_request(request, body.is_empty()).map_err(broken)?;
        if !body.is_empty() {
            stream.send_data(Bytes::copy_from_slice(body), true).map_err(broken)?;
        }
        self.asked = Some(asked);
        Ok(())
    }

    /// Appends what was answered; says whether that was all.
    pub(super) async fn receive(&mut self, into: &mut Vec<u8>) -> io::Result<bool> {
        poll_fn(|cx| self.poll_receive(cx, into)).await
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>, into: &mut Vec<u8>) -> Poll<io::Result<bool>> {
        // What is asked and answered moves as the connection does; its end is seen by both.
        let ended = Pin::new(&mut self.connection).poll(cx);
        if let Some(body) = &mut self.body {
            return match body.poll_data(cx) {
                Poll::Ready(Some(Ok(data))) => {
                    into.extend_from_slice(&data);
                    let flow: &mut FlowControl = body.flow_control();
                    flow.release_capacity(data.len()).map_err(broken)?;
                    Poll::Ready(Ok(body.is_end_stream()))
                }
                Poll::Ready(Some(Err(error))) => Poll::Ready(Err(broken(error))),
                Poll::Ready(None) => Poll::Ready(Ok(true)),
                Poll::Pending => Poll::Pending,
            };
        }
        let Some(asked) = &mut self.asked else {
            // Nothing was asked: the server may only end.
            return ended.map(|_| Ok(true));
        };
        let response = ready!(Pin::new(asked).poll(cx)).map_err(broken)?;
        self.asked = None;
        head_of(&response, into);
        let body = response.into_body();
        let is_all = body.is_end_stream();
        self.body = Some(body);
        Poll::Ready(Ok(is_all))
    }
}

/// As observed, nothing is told of what went wrong.
fn broken(_: h2::Error) -> io::Error {
    io::Error::other("")
}

/// A request's head in HTTP/1, and what follows it. As observed, a request without `Host` has no authority.
fn request_of<'b>(bytes: &'b [u8], scheme: &str) -> Option<(Request<()>, &'b [u8])> {
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n")?;
    let body = bytes.get(end + 4..)?;
    let head = String::from_utf8_lossy(bytes.get(..end)?);
    let mut lines = head.split("\r\n");
    let mut words = lines.next()?.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    let mut request = Request::builder().method(method);
    let mut authority = None;
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let (name, value) = (name.to_ascii_lowercase(), value.trim());
        match name.as_str() {
            "host" => authority = Some(value.to_owned()),
            name if OF_CONNECTIONS.contains(&name) => {}
            name => {
                let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
                request = request.header(name, HeaderValue::from_str(value).ok()?);
            }
        }
    }
    request = match authority {
        Some(authority) => {
            let uri = Uri::builder().scheme(scheme).authority(authority).path_and_query(target).build().ok()?;
            request.uri(uri).version(Version::HTTP_2)
        }
        None => request.uri(target).version(Version::HTTP_11),
    };
    Some((request.body(()).ok()?, body))
}

/// An answer's head in HTTP/1. There are no reasons in HTTP/2.
fn head_of<T>(response: &Response<T>, into: &mut Vec<u8>) {
    into.extend_from_slice(format!("HTTP/2.0 {} \r\n", response.status().as_u16()).as_bytes());
    for (name, value) in response.headers() {
        into.extend_from_slice(name.as_str().as_bytes());
        into.extend_from_slice(b": ");
        into.extend_from_slice(value.as_bytes());
        into.extend_from_slice(b"\r\n");
    }
    into.extend_from_slice(b"\r\n");
}

/// A stream as the library wants it.
struct Socket(Stream);

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let received = ready!(self.0.poll_read_bytes(cx, into.initialize_unfilled()))?;
        into.advance(received);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.poll_send(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_end(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(head: &str) -> Option<String> {
        let (request, body) = request_of(head.as_bytes(), "https")?;
        let body = String::from_utf8_lossy(body).into_owned();
        Some(format!("{} {} {:?} {body}", request.method(), request.uri(), request.headers()))
    }

    #[test]
    fn requests() {
        assert_eq!(read("GET /a?b HTTP/1.0\r\n\r\n").unwrap(), "GET /a?b {} ");
        assert_eq!(
            read("POST / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\nX-A: b\r\n\r\nbody").unwrap(),
            "POST https://a.example/ {\"x-a\": \"b\"} body"
        );
        assert_eq!((read("GET / HTTP/1.0\r\n"), read("GET /\r\nX Y: z\r\n\r\n")), (None, None));
    }

    #[test]
    fn answers() {
        let response = Response::builder().status(404).header("X-A", "b").body(()).unwrap();
        let mut head = Vec::new();
        head_of(&response, &mut head);
        assert_eq!(head, b"HTTP/2.0 404 \r\nx-a: b\r\n\r\n");
    }
}
