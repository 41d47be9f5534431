use expect_test::{Expect as Snapshot, expect};
use regex::bytes::Regex;

use super::http::{Expect, ExpectWhat, HttpRequest, HttpRules, Progress, ServerState, request};

fn rule(what: ExpectWhat) -> Expect {
    Expect { negate: false, what, comment: None }
}

fn text(s: &str) -> ExpectWhat {
    ExpectWhat::Text(s.into())
}

fn rules(expect: Vec<Expect>) -> HttpRules {
    HttpRules { expect, ..HttpRules::default() }
}

fn judge(rules: &HttpRules, received: &str, ended: bool) -> String {
    match rules.judge(received.as_bytes(), ended, false) {
        Progress::NeedMore => "more".into(),
        Progress::Done(v) => format!("{} {} {}", v.status.code(), v.code, v.info).trim_end().to_owned(),
    }
}

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
    let bytes = String::from_utf8(request(&r, Some(&state))).unwrap();
    expect!["OPTIONS / HTTP/1.0~x-a: b~x-haproxy-server-state: UP 1/3; address=127.0.0.1; port=8080; name=app/web1; node=vm; weight=10/30; scur=1/2; qcur=3~content-length: 2~~hi"].assert_eq(&bytes.replace("\r\n", "~"));
}

/// Answers and verdicts as observed; the second column is after the end of the stream.
#[test]
fn default_rule() {
    let r = rules(Vec::new());
    for (received, open, ended) in [
        ("", "more", "L7RSP 0"),
        ("HTTP/1.1 2", "more", "L7RSP 0"),
        ("HTTP/1.1 200 OK\r\n", "more", "L7RSP 0"),
        ("HTTP/1.1 200 OK\r\n\r\n", "L7OK 200", "L7OK 200"),
        ("HTTP/1.0 200 OK\n\n", "L7OK 200", "L7OK 200"),
        ("HTTP/1.1 200\r\n\r\n", "L7OK 200", "L7OK 200"),
        ("HTTP/1.1  200 OK\r\n\r\n", "L7OK 200", "L7OK 200"),
        ("\r\nHTTP/1.1 200 OK\r\n\r\n", "L7OK 200", "L7OK 200"),
        ("HTTP/3.0 204 OK\r\n\r\n", "L7OK 204", "L7OK 204"),
        ("RTSP/1.0 200 OK\r\n\r\n", "L7OK 200", "L7OK 200"),
        ("HTTP/1.1 500\r\n\r\n", "L7STS 500", "L7STS 500"),
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 100\r\n\r\nabc", "L7STS 404 Not Found", "L7STS 404 Not Found"),
        ("HTTP/1.1 99 OK\r\n\r\n", "L7STS 99 OK", "L7STS 99 OK"),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "L7STS 100 Continue", "L7STS 100 Continue"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nabc", "L7OK 200", "L7OK 200"),
        ("HTTP/1.1 301 Moved\r\nFoo\r\n\r\n", "L7RSP 0", "L7RSP 0"),
        ("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "L7RSP 0", "L7RSP 0"),
        ("http/1.1 200 OK\r\n\r\n", "L7RSP 0", "L7RSP 0"),
        ("SSH-2.0-OpenSSH\r\n", "L7RSP 0", "L7RSP 0"),
        ("x", "L7RSP 0", "L7RSP 0"),
    ] {
        assert_eq!(
            (judge(&r, received, false), judge(&r, received, true)),
            (open.into(), ended.into()),
            "{received:?}"
        );
    }
}

#[test]
fn body_rules() {
    let wanted = rules(vec![rule(text("okay"))]);
    let unwanted = rules(vec![Expect { negate: true, ..rule(text("okay")) }]);
    let head = "HTTP/1.1 200 OK\r\n\r\n";
    let long = "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n";
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let none = "L7RSP 0 HTTP content check could not find a response body";
    let differs = "L7RSP 0 HTTP content check did not match";
    let matched = "L7RSP 0 HTTP check matched unwanted content";
    for (rules, response, open, ended) in [
        (&wanted, format!("{head}all okay here"), "L7OK 200", "L7OK 200"),
        (&wanted, format!("{head}all not here"), "more", differs),
        (&wanted, head.to_owned(), "more", none),
        (&wanted, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnope".to_owned(), differs, differs),
        (&wanted, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnookay".to_owned(), differs, differs),
        (&wanted, "HTTP/1.1 204 No\r\n\r\nokay".to_owned(), none, none),
        (&wanted, "HTTP/1.1 200 OK\r\nX: okay\r\n\r\n".to_owned(), "more", none),
        (&wanted, format!("{long}all okay here"), "L7OK 200", "L7OK 200"),
        (&wanted, format!("{long}all not here"), "more", differs),
        (&wanted, format!("{chunked}2\r\nok\r\n2\r\nay\r\n0\r\n\r\n"), "L7OK 200", "L7OK 200"),
        (&wanted, format!("{chunked}2\r\nno\r\n"), "more", differs),
        (&wanted, format!("{chunked}zz\r\nno\r\n"), "L7RSP 0", "L7RSP 0"),
        (&unwanted, format!("{head}all okay here"), matched, matched),
        (&unwanted, format!("{head}all not here"), "more", "L7OK 200"),
        (&unwanted, head.to_owned(), "more", none),
    ] {
        assert_eq!(
            (judge(rules, &response, false), judge(rules, &response, true)),
            (open.into(), ended.into()),
            "{response:?}"
        );
    }
    let head_request = HttpRules { head_request: true, ..wanted };
    assert_eq!(judge(&head_request, long, false), none);
}

#[test]
fn status_rules() {
    let only = rules(vec![rule(ExpectWhat::Status(vec![(200, 200), (300, 302)]))]);
    let regex = rules(vec![Expect { negate: true, ..rule(ExpectWhat::StatusRegex(Regex::new("^5").unwrap())) }]);
    let both = rules(vec![
        rule(ExpectWhat::Status(vec![(200, 200)])),
        rule(ExpectWhat::TextRegex(Regex::new("o[kp]").unwrap())),
    ]);
    let comment = rules(vec![Expect { comment: Some("my comment".into()), ..Expect::any_success() }]);
    let answer = |status| format!("HTTP/1.1 {status} Reason\r\nContent-Length: 2\r\n\r\nok");
    assert_eq!(judge(&only, &answer(301), false), "L7OK 301");
    assert_eq!(judge(&only, &answer(303), false), "L7STS 303 Reason");
    assert_eq!(judge(&regex, &answer(404), false), "L7OK 404");
    assert_eq!(judge(&regex, &answer(503), false), "L7STS 503 Reason");
    assert_eq!(judge(&both, &answer(200), false), "L7OK 200");
    assert_eq!(judge(&both, &answer(500), false), "L7STS 500 Reason");
    assert_eq!(judge(&comment, &answer(500), false), "L7STS 500 Reason comment: my comment");
}

#[test]
fn disable_on_404() {
    let r = HttpRules { disable_on_404: true, ..rules(vec![rule(text("ok"))]) };
    let answer = b"HTTP/1.1 404 Gone\r\nContent-Length: 2\r\n\r\nno";
    let code = |stopped| match r.judge(answer, false, stopped) {
        Progress::Done(v) => v.status.code(),
        Progress::NeedMore => "more",
    };
    assert_eq!((code(false), code(true)), ("L7OKC", "L7RSP"));
}

/// Whatever arrives, in whatever pieces, is judged without panic and within the limit.
#[test]
fn any_bytes() {
    let r = HttpRules { max_bytes: 64, ..rules(vec![rule(text("zz"))]) };
    let seeds = ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", "", "\r\n\r\n"];
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..20_000_usize {
        let mut bytes = seeds[round % seeds.len()].as_bytes().to_vec();
        for _ in 0..round % 80 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let byte = (random >> 33) as u8;
            bytes.push(if byte & 1 == 0 { b"0123456789aF\r\n; :"[usize::from(byte >> 1) % 17] } else { byte });
        }
        assert_ne!(r.judge(&bytes, true, false), Progress::NeedMore);
        if bytes.len() >= 64 {
            assert_ne!(r.judge(&bytes, false, false), Progress::NeedMore);
        }
    }
}
