//! How HTTP checks judge answers, byte by byte.

#[path = "replay/answer.rs"]
mod answer;

use answer::{judge as verdict, judge_within};
use lb_check::rules::{Expect, Looks, Request, Rule, RuleSet, What};
use regex::bytes::Regex;

fn rule(looks: Looks) -> Expect {
    Expect::new(false, looks)
}

fn text(s: &str) -> Looks {
    Looks::Text(s.into())
}

fn set(expect: Vec<Expect>, method: &str, disable_on_404: bool) -> RuleSet {
    let rules = expect.into_iter().map(|e| Rule::new(What::Expect(Box::new(e)), None)).collect();
    let mut request = Request::default();
    request.method = method.into();
    RuleSet::http(rules, request, disable_on_404, false)
}

fn rules(expect: Vec<Expect>) -> RuleSet {
    set(expect, "GET", false)
}

fn judge(rules: &RuleSet, received: &str, ended: bool) -> String {
    match verdict(rules, received.as_bytes(), ended, false) {
        None => "more".into(),
        Some(v) => format!("{} {} {}", v.status.code(), v.code, v.info).trim_end().to_owned(),
    }
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
    let head_request = set(vec![rule(text("okay"))], "HEAD", false);
    assert_eq!(judge(&head_request, long, false), none);
}

#[test]
fn status_rules() {
    let only = rules(vec![rule(Looks::Status(vec![(200, 200), (300, 302)]))]);
    let regex = rules(vec![Expect { negate: true, ..rule(Looks::StatusRegex(Regex::new("^5").unwrap())) }]);
    let both = rules(vec![rule(Looks::Status(vec![(200, 200)])), rule(Looks::TextRegex(Regex::new("o[kp]").unwrap()))]);
    let answer = |status| format!("HTTP/1.1 {status} Reason\r\nContent-Length: 2\r\n\r\nok");
    assert_eq!(judge(&only, &answer(301), false), "L7OK 301");
    assert_eq!(judge(&only, &answer(303), false), "L7STS 303 Reason");
    assert_eq!(judge(&regex, &answer(404), false), "L7OK 404");
    assert_eq!(judge(&regex, &answer(503), false), "L7STS 503 Reason");
    assert_eq!(judge(&both, &answer(200), false), "L7OK 200");
    assert_eq!(judge(&both, &answer(500), false), "L7STS 500 Reason");
}

#[test]
fn disable_on_404() {
    let r = set(vec![rule(text("ok"))], "GET", true);
    let answer = b"HTTP/1.1 404 Gone\r\nContent-Length: 2\r\n\r\nno";
    let code = |stopped| verdict(&r, answer, false, stopped).map_or("more", |v| v.status.code());
    assert_eq!((code(false), code(true)), ("L7OKC", "L7RSP"));
}

/// Whatever arrives, in whatever pieces, is judged without panic and within the limit.
#[test]
fn any_bytes() {
    let r = rules(vec![rule(text("zz"))]);
    let seeds = ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", "", "\r\n\r\n"];
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..20_000_usize {
        let mut bytes = seeds[round % seeds.len()].as_bytes().to_vec();
        for _ in 0..round % 80 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let byte = (random >> 33) as u8;
            bytes.push(if byte & 1 == 0 { b"0123456789aF\r\n; :"[usize::from(byte >> 1) % 17] } else { byte });
        }
        assert!(judge_within(&r, &bytes, true, false, 64).is_some());
        if bytes.len() >= 64 {
            assert!(judge_within(&r, &bytes, false, false, 64).is_some());
        }
    }
}
