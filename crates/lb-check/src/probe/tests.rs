use expect_test::{Expect as Snapshot, expect};

use super::http::{HttpRequest, ServerState, request};

fn check_request(edit: impl FnOnce(&mut HttpRequest), expected: Snapshot) {
    let mut r = HttpRequest::default();
    edit(&mut r);
    expected.assert_eq(&String::from_utf8(request(&r, None)).unwrap().replace("\r\n", "~"));
}

fn headers(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|&(n, v)| (n.to_owned(), v.to_owned())).collect()
}

/// Requests as a running proxy sent them.
#[test]
fn requests() {
    check_request(|_| (), expect!["OPTIONS / HTTP/1.0~~"]);
    check_request(
        |r| (r.method, r.uri, r.version) = ("HEAD".into(), "/x".into(), "HTTP/1.1".into()),
        expect!["HEAD /x HTTP/1.1~connection: close~~"],
    );
    check_request(
        |r| {
            r.version = "HTTP/1.1".into();
            r.headers = headers(&[("Host", "www.example.com"), ("X-A", "b")]);
        },
        expect!["OPTIONS / HTTP/1.1~host: www.example.com~x-a: b~connection: close~~"],
    );
    check_request(|r| r.headers = headers(&[("host", "h")]), expect!["OPTIONS / HTTP/1.0~host: h~~"]);
    check_request(
        |r| {
            r.version = "HTTP/1.1".into();
            r.headers = headers(&[("Connection", "keep-alive")]);
        },
        expect!["OPTIONS / HTTP/1.1~~"],
    );
    check_request(
        |r| {
            r.version = "HTTP/1.1".into();
            r.headers = headers(&[("Content-Length", "3"), ("Transfer-Encoding", "chunked"), ("Connection", "close")]);
            r.body = b"abcdef".to_vec();
        },
        expect!["OPTIONS / HTTP/1.1~content-length: 6~connection: close~~abcdef"],
    );
    check_request(
        |r| {
            r.uri = "http://h.example/x".into();
            r.headers = headers(&[("Host", "other")]);
        },
        expect!["OPTIONS http://other/x HTTP/1.0~host: other~~"],
    );
    check_request(|r| r.headers = headers(&[("X-A", "b\r\nevil: 1")]), expect!["OPTIONS / HTTP/1.0~x-a: b  evil: 1~~"]);
}

#[test]
fn state_header() {
    let state = ServerState {
        status: "UP 1/3",
        address: "127.0.0.1",
        port: 8080,
        backend: "app",
        server: "web1",
        node: "vm",
        weight: 10,
        total_weight: 30,
        sessions: 1,
        total_sessions: 2,
        queued: 3,
    };
    let r = HttpRequest { headers: headers(&[("X-A", "b")]), body: b"hi".to_vec(), ..HttpRequest::default() };
    let bytes = String::from_utf8(request(&r, Some(&state.to_string()))).unwrap();
    expect!["OPTIONS / HTTP/1.0~x-a: b~x-haproxy-server-state: UP 1/3; address=127.0.0.1; port=8080; name=app/web1; node=vm; weight=10/30; scur=1/2; qcur=3~content-length: 2~~hi"].assert_eq(&bytes.replace("\r\n", "~"));
}
