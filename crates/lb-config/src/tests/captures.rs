//! `capture` and its kin, `unique-id-…`, `set-log-level`.

use super::{good, shown};
use lb_sample::Side;

const FRONTEND: &str = "defaults\n mode http\n timeout client 1s\nfrontend f\n bind 127.0.0.1:1\n";

#[test]
fn slots_are_numbered_as_they_are_declared() {
    let text = " declare capture request len 3\n capture request header a len 5\n http-request capture path len 7\n \
                capture response header b len 9\n capture cookie SID= len 4\n";
    let config = good(&format!("{FRONTEND}{text}"));
    let captures = &config.proxies[0].captures;
    let slots = |side| captures.slots(side).iter().map(|s| (s.header.as_deref(), s.len)).collect::<Vec<_>>();
    assert_eq!(slots(Side::Request), [(None, 3), (Some("a"), 5), (None, 7)]);
    assert_eq!(slots(Side::Response), [(Some("b"), 9)]);
    assert_eq!(captures.cookie, Some(("SID=".to_owned(), 4)));
}

/// Messages as seen on a running HAProxy, which lets lengths pass that are no numbers.
#[test]
fn faults() {
    for (line, message) in [
        ("capture", "'capture' expects 'cookie' or 'request header' or 'response header'."),
        ("capture request", "'capture' expects 'cookie' or 'request header' or 'response header'."),
        ("capture request header a", "'capture request' expects 'header' <header_name> 'len' <len>."),
        ("capture response header a len", "'capture response' expects 'header' <header_name> 'len' <len>."),
        ("capture request header a len x", "'len' expects a number of bytes from 1 to 65535, not 'x'."),
        ("capture request header a len 5 x", "'capture request' cannot handle unexpected argument 'x'."),
        ("capture cookie a", "'capture' expects 'cookie' <cookie_name> 'len' <len>."),
        ("declare", "'declare' needs a second keyword that specify the type of declaration ('capture')"),
        ("declare capture foo len 5", "'declare capture' requires a direction ('request' or 'response')"),
        ("declare capture request", "'declare capture' requires a capture length ('len')"),
        ("http-request capture path", "expects <expression> [ 'len' <length> | id <idx> ]."),
        ("http-request capture path len 0", "length must be > 0."),
        ("http-request capture path foo 3", "expects 'len' or 'id', found 'foo'."),
        (
            "http-request capture path id 4",
            "Proxy 'f': unable to find capture id '4' referenced by http-request capture rule.",
        ),
        ("http-response capture res.hdr(a) len 5", "expects 'id', found 'len'."),
        (
            "http-response capture res.hdr(a) id 0",
            "Proxy 'f': unable to find capture id '0' referenced by http-response capture rule.",
        ),
        ("http-response capture", "expects <expression> id <idx>."),
        ("unique-id-format", "unique-id-format expects an argument."),
        ("unique-id-format a b", "unique-id-format expects only one argument, don't forget to escape spaces!"),
        ("unique-id-format %foo", "failed to parse unique-id : no such format alias 'foo'"),
        ("unique-id-format %[res.hdr(a)]", "it needs 'HTTP response headers' which is not available here"),
        ("unique-id-header", "unique-id-header expects an argument."),
        ("http-request set-log-level", "expects exactly 1 argument (log level name or 'silent')."),
        ("http-request set-log-level foo", "expects exactly 1 argument (log level name or 'silent')."),
    ] {
        let found = shown(&format!("{FRONTEND} {line}\n"));
        assert!(found.contains(message), "{line:?}: {found}");
    }
    let backend = |line: &str| shown(&format!("{FRONTEND}backend b\n {line}\n"));
    let found = backend("http-request capture path len 4");
    assert!(found.contains("proxy 'b' has no frontend capability."), "{found}");
    assert_eq!(backend("http-request capture path id 4"), "");
}
