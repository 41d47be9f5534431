//! HTTP heads and bodies: the parser's verdict must not depend on how the bytes arrive.

use fuzz::{Target, fingerprint};
use lb_http::{BodyTracker, RequestHead, ResponseHead, is_token, parse_request, parse_response};
use std::process::ExitCode;

const MAX_FIELDS: usize = 101;

fn main() -> ExitCode {
    fuzz::main(&Target {
        name: "http",
        words: &[
            "GET ",
            "POST ",
            "HEAD ",
            "CONNECT ",
            "OPTIONS *",
            " HTTP/1.1\r\n",
            " HTTP/1.0\r\n",
            "HTTP/1.1 200 OK\r\n",
            "HTTP/1.1 204 No Content\r\n",
            "Host: a\r\n",
            "Content-Length: 5\r\n",
            "Content-Length: ",
            "Transfer-Encoding: chunked\r\n",
            "Transfer-Encoding: ",
            "chunked",
            "gzip, ",
            "Connection: close\r\n",
            "Connection: upgrade\r\nUpgrade: websocket\r\n",
            "Expect: 100-continue\r\n",
            "\r\n",
            "\r\n\r\n",
            "\n",
            "\r\n ",
            "5\r\nhello\r\n",
            "0\r\n\r\n",
            "ffffffffffffffff\r\n",
            ";a=b",
            "http://a:80/",
            "Cookie: SRV=a; b=c\r\n",
        ],
        run,
    })
}

fn run(input: &[u8]) -> u64 {
    let request = parse_request(input, MAX_FIELDS);
    for cut in cuts(input) {
        match (parse_request(&input[..cut], MAX_FIELDS), &request) {
            (Ok(Some(early)), Ok(Some(whole))) => assert_eq!(early.len, whole.len, "a head that grew"),
            (Ok(Some(_)), _) => panic!("a head of {cut} bytes is lost when more comes"),
            (Err(_), Ok(Some(whole))) => panic!("a head of {} bytes is refused after {cut}", whole.len),
            _ => {}
        }
    }
    let mut seen = vec![match &request {
        Ok(Some(head)) => fingerprint(&check_request(input, head)),
        Ok(None) => 0,
        Err(error) => fingerprint(&format!("{error}")),
    }];
    for to_head in [false, true] {
        seen.push(match parse_response(input, MAX_FIELDS, to_head) {
            Ok(Some(head)) => fingerprint(&check_response(input, &head)),
            Ok(None) => 0,
            Err(error) => fingerprint(&format!("{error}")),
        });
    }
    fingerprint(&seen)
}

/// A few places to cut the input, as packets would.
fn cuts(input: &[u8]) -> impl Iterator<Item = usize> {
    let length = input.len();
    [length / 3, length / 2, length.saturating_sub(1), length.saturating_sub(2)].into_iter()
}

fn check_request(input: &[u8], head: &RequestHead) -> (String, u64) {
    let length = head.len as usize;
    assert!(length <= input.len() && input[..length].ends_with(b"\n"));
    assert!(is_token(head.method.get(input)));
    assert!(!head.target.get(input).iter().any(|byte| byte.is_ascii_control() || *byte == b' '));
    for field in head.headers.iter() {
        assert!(is_token(field.name.get(input)));
        let value = field.value.get(input);
        assert!(!value.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n')), "a value that ends a line: {value:?}");
    }
    let shape = format!("{:?} {} {} {}", head.framing, head.minor, head.keep_alive, head.upgrade);
    (shape.chars().filter(|c| !c.is_ascii_digit()).collect(), check_body(head.framing, &input[length..]))
}

fn check_response(input: &[u8], head: &ResponseHead) -> (String, u64) {
    let length = head.len as usize;
    assert!(length <= input.len() && input[..length].ends_with(b"\n"));
    assert!((100..=999).contains(&head.status), "status {}", head.status);
    let shape = format!("{:?} {} {} {}", head.framing, head.minor, head.keep_alive, head.status / 100);
    (shape.chars().filter(|c| !c.is_ascii_digit()).collect(), check_body(head.framing, &input[length..]))
}

/// Follows a body whole and byte by byte: both must end at the same place or fail alike.
fn check_body(framing: lb_http::BodyFraming, body: &[u8]) -> u64 {
    let mut whole = BodyTracker::new(framing);
    let at_once = whole.advance(body).map(|progress| {
        assert!(progress.consumed <= body.len());
        (progress.consumed, progress.done)
    });
    let mut tracker = BodyTracker::new(framing);
    let mut taken = 0;
    let piecewise = loop {
        if tracker.is_done() {
            break Ok((taken, true));
        }
        if taken == body.len() {
            break Ok((taken, false));
        }
        match tracker.advance(&body[taken..=taken]) {
            Ok(progress) if progress.consumed == 0 && !progress.done => break Ok((taken, false)),
            Ok(progress) => taken += progress.consumed,
            Err(error) => break Err(error),
        }
    };
    assert_eq!(at_once.is_ok(), piecewise.is_ok(), "{at_once:?} whole, {piecewise:?} byte by byte");
    if let (Ok(a), Ok(b)) = (&at_once, &piecewise) {
        assert_eq!(a, b, "whole and byte by byte");
    }
    fingerprint(&format!("{:?}", at_once.map(|(_, done)| done)))
}
