//! `ring` sections and the log lines that name them.

use super::{good, shown};
use crate::model::{ConnectAddress, LogSink, LogStep, LogWire};
use std::time::Duration;

#[test]
fn a_ring_and_its_use() {
    let config = good(
        "global\n log ring@events local0\nring events\n description \"what happens\"\n format rfc5424\n maxlen 200\n \
         size 32764\nring other\n",
    );
    let [ring, other] = config.rings.as_slice() else { panic!("two rings: {:?}", config.rings) };
    assert_eq!((ring.name.as_str(), ring.description.as_str()), ("events", "what happens"));
    assert_eq!((ring.format, ring.max_len, ring.size), (LogWire::Rfc5424, 200, 32_764));
    assert_eq!((other.description.as_str(), other.format, other.size), ("other", LogWire::Usual, 16_384));
    assert_eq!(config.global.logs[0].sink, LogSink::Ring("events".into()));
}

/// Messages as seen on a running HAProxy, but for what is named here alone.
#[test]
fn faults() {
    let first = |text: &str| shown(text).lines().next().unwrap_or_default().to_owned();
    for (text, message) in [
        ("ring\n", "missing ring name."),
        ("ring a\nring a\n", "sink named 'a' already exists."),
        ("ring buf0\n", "sink named 'buf0' already exists."),
        ("ring a!\n", "invalid ring name 'a!' (character '!' is not permitted)."),
        ("ring a\n size x\n", "invalid size 'x' for new sink buffer."),
        ("ring a\n maxlen 0\n", "invalid size '0' for new sink buffer."),
        ("ring a\n size 10\n", "ignoring new size '10' that is smaller than current size '16384' for ring 'a'."),
        ("ring a\n format foo\n", "unknown format 'foo'."),
        ("ring a\n description\n", "missing ring description text."),
        ("ring a\n foo\n", "unknown statement 'foo'."),
        ("global\n log ring@evnts local0\nring events\n", "log : there is no ring 'evnts'"),
    ] {
        let found = first(text);
        assert!(found.contains(message), "{text:?}: {found}");
    }
    assert_eq!(first("global\n log ring@buf0 local0\n"), "");
}

#[test]
fn streams_make_rings_of_their_own() {
    let config = good(
        "global\n log tcp@10.0.0.1:1514 len 200 format rfc5424 local0\n log uxst@/run/log local1\nring r\n \
         timeout connect 1s\n timeout server 2s\n server a 10.0.0.2:6514 log-proto octet-count\n server b unix@/run/b\n",
    );
    let [r, first, second] = config.rings.as_slice() else { panic!("three rings: {:?}", config.rings) };
    assert_eq!((first.name.as_str(), first.format, first.max_len), ("ring#1", LogWire::Rfc5424, 200));
    assert_eq!((&first.servers[0].address, first.servers[0].port), (&ConnectAddress::Ip([10, 0, 0, 1].into()), 1514));
    assert_eq!(second.servers[0].address, ConnectAddress::Unix("/run/log".into()));
    assert_eq!(config.global.logs[0].sink, LogSink::Ring("ring#1".into()));
    assert_eq!(config.global.logs[1].sink, LogSink::Ring("ring#2".into()));
    assert_eq!((r.connect_timeout, r.server_timeout), (Some(Duration::from_secs(1)), Some(Duration::from_secs(2))));
    assert_eq!(r.servers.iter().map(|server| server.octet_count).collect::<Vec<_>>(), [true, false]);
    for (text, message) in [
        ("ring r\n server a\n", "'server' expects <name> and <addr>[:<port>] as arguments."),
        ("ring r\n server a 10.0.0.1\n", "missing port specification"),
        ("ring r\n server a 10.0.0.1:1 log-proto x\n", "'log-proto' expects 'legacy' or 'octet-count', got 'x'"),
        (
            "ring r\n server a 10.0.0.1:1 ssl\n",
            "'ssl' of a ring's 'server' is a HAProxy keyword that lbd does not support yet",
        ),
        ("ring r\n timeout queue 1s\n", "'timeout' supports 'connect' and 'server' (got 'queue')."),
    ] {
        let found = shown(text);
        assert!(found.contains(message), "{text:?}: {found}");
    }
}

#[test]
fn profiles_and_steps() {
    let config = good(
        "log-profile p\n log-tag T\n on close drop\n on any format \"%ci\" sd \"[a]\"\nfrontend f\n bind :1\n \
         log 127.0.0.1 profile p local0\n log-steps accept,close\n option logasap\n log-format \"%ci\"\n \
         error-log-format \"%cp\"\n log-format-sd \"[x]\"\n tcp-request content do-log profile p\n",
    );
    let frontend = &config.proxies[0];
    let profile = frontend.logs[0].profile.as_ref().and_then(|profile| profile.get()).unwrap();
    assert_eq!((profile.name.as_str(), profile.tag.as_deref()), ("p", Some("T")));
    assert!(profile.at(LogStep::Close).unwrap().drop);
    assert!(profile.at(LogStep::Connect).unwrap().sd.is_some());
    assert!(frontend.log_steps.has(LogStep::Accept) && !frontend.log_steps.has(LogStep::Request));
    assert!(frontend.options.logasap && frontend.logs_sessions);
    assert!(frontend.error_log_format.is_some() && frontend.log_format_sd.is_some());
    for (text, message) in [
        (
            "frontend f\n log-steps foo\n",
            "invalid log step name (foo). Expected values are: accept, request, connect, response, close, http-req, http-res, \
             http-after-res, tcp-req-conn, tcp-req-sess, tcp-req-cont, tcp-res-cont",
        ),
        ("log-profile\n", "missing log-profile name."),
        ("log-profile p\nlog-profile p\n", "log-profile section 'p' already exists."),
        ("log-profile p\n on foo drop\n", "'on' : unknown log step 'foo'"),
        (
            "log-profile p\n on close drp\n",
            "'on close' expects 'drop', 'format' or 'sd', got 'drp'; did you mean 'drop'",
        ),
        ("log-profile p\n on close format %zz\n", "failed to parse 'on close' format : no such format alias 'zz'"),
        ("log-profile p\n foo\n", "unknown keyword 'foo' in 'log-profile' section"),
        ("frontend f\n bind :1\n log 127.0.0.1 profile q local0\nlog-profile p\n", "there is no log-profile 'q'"),
        ("frontend f\n bind :1\n log 127.0.0.1 profile\n", "log : 'profile' expects the name of a log-profile section"),
        ("frontend f\n error-log-format\n", "error-log-format expects an argument."),
    ] {
        let found = shown(text);
        assert!(found.contains(message), "{text:?}: {found}");
    }
}
