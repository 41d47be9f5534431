//! Actions that change sessions, `compression`, and what is wrong with them.

use super::{good, shown};
use crate::model::{Coding, Effect, HttpAction, TcpAction, TimeValue, TimeoutKind};
use lb_http::Normalizer;
use lb_model::hash::HashFunction;
use std::time::Duration;

#[test]
fn actions_of_sessions_are_read() {
    let config = good(
        "listen l\n mode http\n bind :1\n tcp-request connection set-src ipv4(1.2.3.4)\n\
         http-request set-timeout server 5s\n http-request normalize-uri path-strip-dotdot full if TRUE\n\
         http-request wait-for-body time 1s at-least 1k\n http-request wait-for-handshake\n",
    );
    let proxy = &config.proxies[0];
    assert!(matches!(&proxy.tcp_request[0].action, TcpAction::Effect(Effect::Address(..))));
    let [first, second, third] = proxy.http_request.as_slice() else { panic!("{:?}", proxy.http_request) };
    assert!(matches!(
        &first.action,
        HttpAction::Effect(Effect::Timeout(TimeoutKind::Server, TimeValue::Fixed(time))) if time.as_secs() == 5
    ));
    assert!(matches!(&second.action, HttpAction::Normalize(Normalizer::PathStripDotDot { full: true })));
    assert!(matches!(&third.action, HttpAction::WaitForBody(Duration { .. }, Some(1_024))));
}

#[test]
fn compression_is_read() {
    let config = good(
        "defaults\n mode http\n compression algo gzip\nfrontend f\n bind :1\n compression type text/html text/plain\n\
         compression offload\n filter compression\nbackend b\n hash-type consistent djb2 avalanche\n",
    );
    let found = &config.proxies[0].compression;
    assert_eq!((found.codings.as_slice(), found.offload), (&[Coding::Gzip][..], true));
    assert_eq!(found.types, ["text/html", "text/plain"]);
    assert_eq!(config.proxies[1].hash_function, Some((HashFunction::Djb2, true)));
}

#[test]
fn faults_of_them_are_told() {
    for (lines, expected) in [
        ("http-request set-timeout foo 5s", "expects one of 'client'"),
        ("http-request set-timeout server", "expects 2 arguments"),
        ("http-request set-timeout server 5x", "unexpected character 'x'"),
        ("http-request set-src foo", "unknown fetch method 'foo'"),
        ("http-request set-tos 300", "a type of service is below 256"),
        ("http-request normalize-uri foo", "unknown normalizer 'foo'"),
        ("http-request wait-for-body at-least 3", "expects 'time' with a time"),
        ("http-request del-header x -m foo", "-m flag expects"),
        ("http-request silent-drop rst-ttl 0", "between 1 and 255"),
        ("http-request return status 204 content-type text/plain string a", "No body expected for 204 responses"),
        ("http-request deny content-type a string b string c", "'string' already defined"),
        ("compression algo zip", "'zip' is not a supported algorithm"),
        ("compression", "expects 'algo', 'type'"),
        ("filter trace", "does not support yet"),
        ("use-server x if TRUE", "unable to find server 'x'"),
        ("option forwarded for_port", "a port needs 'for'"),
        ("option http-restrict-req-hdr-names foo", "expects 'preserve', 'delete' or 'reject'"),
        ("http-send-name-header Connection", "says how the request is sent"),
        ("errorfiles nope", "unknown http-errors section 'nope'"),
        ("srvtcpka-cnt 200", "between 1 and 127"),
    ] {
        let found = shown(&format!("listen l\n mode http\n bind :1\n {lines}\n"));
        assert!(found.contains(expected), "{lines}: {found}");
    }
}
