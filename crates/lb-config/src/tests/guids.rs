//! Identifiers of objects.

use super::{good, shown};
use std::path::Path;

#[test]
fn objects_with_identifiers() {
    let config = good(
        "global\n stats-file /var/stats\nfrontend f\n guid fe:1\n bind :1,:2 guid-prefix in\n bind :3 guid-prefix other\n\
         default_backend b\nbackend b\n guid be\n server s1 192.0.2.1:80 guid s.1\n\
         server s2 192.0.2.1:80 from srv:s1\n",
    );
    assert_eq!(config.global.state.stats.as_deref(), Some(Path::new("/var/stats")));
    let [f, b] = [&config.proxies[0], &config.proxies[1]];
    assert_eq!((f.guid.as_deref(), b.guid.as_deref()), (Some("fe:1"), Some("be")));
    let listeners: Vec<_> = f.binds.iter().filter_map(|bind| bind.guid.as_deref()).collect();
    assert_eq!(listeners, ["in-0", "in-1", "other-0"]);
    assert_eq!((b.servers[0].guid.as_deref(), b.servers[1].guid.as_deref()), (Some("s.1"), None));
}

#[test]
fn faults() {
    let long = "x".repeat(128);
    for (text, words) in [
        ("backend b\n guid\n".to_owned(), "'guid' expects"),
        ("backend b\n guid a b\n".to_owned(), "'b'"),
        ("backend b\n guid a%b\n".to_owned(), "character '%' is not permitted in GUID 'a%b'"),
        (format!("backend b\n guid {long}\n"), "at most 127 characters, this one has 128"),
        (format!("frontend f\n bind :1 guid-prefix {}\n", &long[..126]), "at most 127 characters, this one has 128"),
        ("frontend f\n bind :1 guid-prefix\n".to_owned(), "missing identifier"),
        ("backend b\n server s 192.0.2.1:80 guid ä\n".to_owned(), "is not permitted in GUID"),
        ("backend b\n default-server guid a\n".to_owned(), "not accepted in default-server"),
        ("backend b\n server-template s 2 192.0.2.1:80 guid a\n".to_owned(), "not accepted in server-template"),
        ("defaults\n guid a\n".to_owned(), "guid"),
        (
            "backend a\n server s1 192.0.2.1:80 guid x\nbackend b\n guid x\n".to_owned(),
            "backend b : GUID insertion : duplicate entry with server a/s1.",
        ),
        (
            "frontend f\n bind :1 guid-prefix x\nbackend b\n server s 192.0.2.1:80 guid x-0\n".to_owned(),
            "server b/s : GUID insertion : duplicate entry with listener f/sock-1.",
        ),
        ("global\n stats-file\n".to_owned(), "expects one argument: a file path"),
    ] {
        let told = shown(&text);
        assert!(told.contains(words), "{text}: {told}");
    }
}
