//! `ring` sections and the log lines that name them.

use super::{good, shown};
use crate::model::{LogSink, LogWire};

#[test]
fn a_ring_and_its_use() {
    let config = good(
        "global\n log ring@events local0\nring events\n description \"what happens\"\n format rfc5424\n maxlen 200\n \
         size 32764\nring other\n",
    );
    let [ring, other] = config.rings.as_slice() else { panic!("two rings: {:?}", config.rings) };
    assert_eq!((ring.name.as_str(), ring.description.as_str()), ("events", "what happens"));
    assert_eq!((ring.format, ring.max_len, ring.size), (LogWire::Rfc5424, 200, 32_764));
    assert_eq!((other.description.as_str(), other.format, other.size), ("other", LogWire::Local, 16_384));
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
        ("ring a\n server s 127.0.0.1:1\n", "'server'"),
        ("global\n log ring@evnts local0\nring events\n", "log : there is no ring 'evnts'"),
    ] {
        let found = first(text);
        assert!(found.contains(message), "{text:?}: {found}");
    }
    assert_eq!(first("global\n log ring@buf0 local0\n"), "");
}
