//! TLS settings: files, defaults, contradictions.

use super::{Fake, good_in, shown_in};
use expect_test::{Expect, expect};

/// A world with a certificate and its key in one file, the certificate alone, and a file that is neither.
fn world() -> Fake {
    let made = rcgen::generate_simple_self_signed(vec!["a.example".to_owned()]).unwrap();
    let other = rcgen::generate_simple_self_signed(vec!["b.example".to_owned()]).unwrap();
    let leak = |text: String| -> &'static [u8] { Box::leak(text.into_bytes().into_boxed_slice()) };
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let files = [
        ("a.pem", leak(format!("{certificate}{key}"))),
        ("/certs/a.pem", leak(format!("{certificate}{key}"))),
        ("alone.pem", leak(certificate.clone())),
        ("pair.pem", leak(certificate.clone())),
        ("pair.pem.key", leak(key)),
        ("/ca/ca.pem", leak(certificate.clone())),
        ("mixed.pem", leak(format!("{certificate}{}", other.signing_key.serialize_pem()))),
        ("words.pem", &b"hello"[..]),
    ];
    Fake { files: files.into(), ..Fake::default() }
}

fn check(server: &str, expected: Expect) {
    let text = format!("backend b\n timeout connect 1s\n timeout server 1s\n server s 1.2.3.4:80 {server}\n");
    expected.assert_eq(&shown_in(&text, &world()));
}

#[test]
fn a_server_that_is_verified() {
    let text = "global\n ca-base /ca\n crt-base /certs\nbackend b\n timeout connect 1s\n timeout server 1s\n \
                default-server ssl ca-file ca.pem verify required\n server s 1.2.3.4:443 crt a.pem sni str(x) check\n \
                server plain 1.2.3.4:80 no-ssl check\n server other 1.2.3.4:443 check port 80 verifyhost h\n";
    let config = good_in(text, &world());
    let [secured, plain, other] = &config.proxies[0].servers[..] else { panic!() };
    let tls = secured.tls.as_ref().unwrap();
    assert!(tls.enabled && tls.verify && tls.check);
    assert_eq!(tls.ca_file.as_ref().unwrap().name, "/ca/ca.pem");
    assert_eq!(tls.crt.as_ref().unwrap().name, "/certs/a.pem");
    let plain = plain.tls.as_ref().unwrap();
    assert!(!plain.enabled && plain.prepared && !plain.check);
    // A check with a port of its own is secured only if it says so.
    let other = other.tls.as_ref().unwrap();
    assert!(other.enabled && !other.check);
    assert_eq!(config.tls.trusts.len(), 1);
}

#[test]
fn trust_by_default() {
    let text = "global\n ssl-server-verify none\nbackend b\n timeout connect 1s\n timeout server 1s\n \
                server s 1.2.3.4:443 ssl\n server p 1.2.3.4:80\n";
    let config = good_in(text, &world());
    assert!(!config.proxies[0].servers[0].tls.as_ref().unwrap().verify);
    assert!(config.proxies[0].servers[1].tls.is_none());
}

#[test]
fn files_and_words_that_are_refused() {
    check("ssl verify none crt pair.pem", expect![[""]]);
    check(
        "ssl",
        expect![[r#"
        [ALERT]    (1) : config : parsing [a.cfg:4] : 'server b/s' : verify is enabled by default but no CA file specified. If you're running on a LAN where you're certain to trust the server's certificate, please set an explicit 'verify none' statement on the 'server' line, or use 'ssl-server-verify none' in the global section to disable server-side verifications by default.
           |   server s 1.2.3.4:80 ssl
           |          ^
           | help: add 'ca-file <file>'
    "#]],
    );
    check(
        "ssl verify none crt alone.pem",
        expect![[r#"
        [ALERT]    (1) : config : parsing [a.cfg:4] : 'server b/s' : No Private Key found in 'alone.pem.key'.
           |   server s 1.2.3.4:80 ssl verify none crt alone.pem
           |                                           ^^^^^^^^^
    "#]],
    );
    check(
        "ssl verify none crt mixed.pem",
        expect![[r#"
        [ALERT]    (1) : config : parsing [a.cfg:4] : 'server b/s' : inconsistencies between private key and certificate loaded 'mixed.pem'.
           |   server s 1.2.3.4:80 ssl verify none crt mixed.pem
           |                                           ^^^^^^^^^
    "#]],
    );
    check(
        "ssl verify none crt words.pem",
        expect![[r#"
        [ALERT]    (1) : config : parsing [a.cfg:4] : 'server b/s' : unable to load certificate from file 'words.pem': no start line: there is no certificate in it.
           |   server s 1.2.3.4:80 ssl verify none crt words.pem
           |                                           ^^^^^^^^^
    "#]],
    );
    check(
        "ssl verify none crt none.pem",
        expect![[r#"
        [ALERT]    (1) : config : parsing [a.cfg:4] : 'server b/s' : unable to stat SSL certificate from file 'none.pem' : No such file or directory.
           |   server s 1.2.3.4:80 ssl verify none crt none.pem
           |                                           ^^^^^^^^
    "#]],
    );
    check(
        "ssl ca-file words.pem",
        expect![[r#"
        [ALERT]    (1) : config : parsing [a.cfg:4] : 'server b/s' : 'ca-file' : unable to load 'words.pem' (there is no certificate in it)
           |   server s 1.2.3.4:80 ssl ca-file words.pem
           |                                   ^^^^^^^^^
    "#]],
    );
    check(
        "ssl verify maybe",
        expect![[r#"
            [ALERT]    (1) : config : parsing [a.cfg:4] : 'server b/s' : 'verify' : unknown verify method 'maybe', only 'none' and 'required' are supported.
               |   server s 1.2.3.4:80 ssl verify maybe
               |                                  ^^^^^
        "#]],
    );
    check(
        "ssl verify none force-tlsv11",
        expect![[r#"
        [ALERT]    (1) : config : parsing [a.cfg:4] : 'server b/s' : all SSL/TLS versions are disabled.
           |   server s 1.2.3.4:80 ssl verify none force-tlsv11
           |          ^
           | help: TLSv1.2 and TLSv1.3 can be spoken
    "#]],
    );
    check(
        "ssl verify none ssl-min-ver TLSv9",
        expect![[r#"
        [ALERT]    (1) : config : parsing [a.cfg:4] : 'server b/s' : 'TLSv9' : unknown ssl/tls version
           |   server s 1.2.3.4:80 ssl verify none ssl-min-ver TLSv9
           |                                                   ^^^^^
    "#]],
    );
    check(
        "ssl verify none ciphers AES128-SHA",
        expect![[r#"
        [ALERT]    (1) : config : parsing [a.cfg:4] : 'server b/s' : unable to set SSL cipher list to 'AES128-SHA'.
           |   server s 1.2.3.4:80 ssl verify none ciphers AES128-SHA
           |                                               ^^^^^^^^^^
           | help: none of the suites of 'AES128-SHA' is known to the TLS library
    "#]],
    );
    check(
        "ssl verify none ciphers HIGH:AES128-SHA",
        expect![[r#"
        [WARNING]  (1) : config : parsing [a.cfg:4] : 'server b/s' : 'ciphers' : ignored, as the TLS library has them not: AES128-SHA.
           |   server s 1.2.3.4:80 ssl verify none ciphers HIGH:AES128-SHA
           |                                               ^^^^^^^^^^^^^^^
    "#]],
    );
    check(
        "ssl verify none sni nosuch",
        expect![[r#"
        [ALERT]    (1) : config : parsing [a.cfg:4] : 'server b/s' : error detected while parsing sni expression : unknown fetch method 'nosuch'
           |   server s 1.2.3.4:80 ssl verify none sni nosuch
           |                                           ^^^^^^
    "#]],
    );
    check(
        "ssl verify none alpn h2,,x",
        expect![[r#"
        [ALERT]    (1) : config : parsing [a.cfg:4] : 'server b/s' : 'alpn' : one ALPN name is empty or longer than 255 bytes
           |   server s 1.2.3.4:80 ssl verify none alpn h2,,x
           |                                            ^^^^^
    "#]],
    );
}

fn check_bind(words: &str, expected: Expect) {
    let text = format!("frontend f\n mode http\n timeout client 1s\n bind :443 {words}\n");
    expected.assert_eq(&shown_in(&text, &world()));
}

#[test]
fn a_listener_with_defaults_and_a_list() {
    let mut world = world();
    world.files.insert("list", b"# names\na.pem [alpn http/1.1 verify none] *.x.example !y.x.example\n\npair.pem\n");
    let text = "global\n ssl-default-bind-options ssl-min-ver TLSv1.3 no-tls-tickets\nfrontend f\n mode http\n timeout client 1s\n \
                bind :443,:444 ssl crt a.pem crt-list list alpn h2,http/1.1\n bind :80\n";
    let config = good_in(text, &world);
    let [first, second, plain] = &config.proxies[0].binds[..] else { panic!() };
    assert!(plain.tls.is_none() && second.tls.is_some());
    let tls = first.tls.as_ref().unwrap();
    let shown: Vec<_> =
        tls.offers.iter().map(|o| (o.file.name.as_str(), o.names(), o.excluded(), o.line.clone())).collect();
    let at = |n| Some(("list".to_owned(), n));
    assert_eq!(
        shown,
        [
            ("a.pem", vec!["a.example".to_owned(), "rcgen self signed cert".to_owned()], vec![], None),
            ("a.pem", vec!["*.x.example".to_owned()], vec!["y.x.example".to_owned()], at(2)),
            ("pair.pem", vec!["a.example".to_owned(), "rcgen self signed cert".to_owned()], vec![], at(4)),
        ]
    );
    // HTTP/2 cannot be agreed on.
    assert_eq!(tls.offers[0].settings.alpn, [b"http/1.1".to_vec()]);
    assert_eq!(config.ignored_tuning, ["bind … alpn h2"]);
    assert!(tls.offers[1].settings.no_tickets);
    assert_eq!(tls.offers[1].settings.versions.spoken().len(), 1);
    assert_eq!(config.tls.lists["list"].len(), 2);
}

#[test]
fn listeners_that_are_refused() {
    check_bind("ssl crt a.pem", expect![""]);
    check_bind("crt a.pem", expect![""]);
    check_bind(
        "ssl",
        expect![[r#"
            [ALERT]    (1) : config : parsing [a.cfg:4] : Proxy 'f': no SSL certificate specified for bind ':443' at [a.cfg:4] (use 'crt').
               |   bind :443 ssl
               |        ^^^^
        "#]],
    );
    check_bind(
        "ssl crt",
        expect![[r#"
            [ALERT]    (1) : config : parsing [a.cfg:4] : 'bind :443' in section 'frontend' : 'crt' : missing certificate location
               |   bind :443 ssl crt
               |                 ^^^
        "#]],
    );
    check_bind(
        "ssl crt none.pem",
        expect![[r#"
            [ALERT]    (1) : config : parsing [a.cfg:4] : 'bind :443' in section 'frontend' : unable to stat SSL certificate from file 'none.pem' : No such file or directory.
               |   bind :443 ssl crt none.pem
               |                     ^^^^^^^^
        "#]],
    );
    check_bind(
        "ssl crt a.pem verify required",
        expect![[r#"
            [ALERT]    (1) : config : parsing [a.cfg:4] : Proxy 'f': verify is enabled but no CA file specified for bind ':443' at [a.cfg:4].
               |   bind :443 ssl crt a.pem verify required
               |        ^^^^
        "#]],
    );
    check_bind(
        "ssl crt a.pem verify maybe",
        expect![[r#"
            [ALERT]    (1) : config : parsing [a.cfg:4] : 'bind :443' in section 'frontend' : 'verify' : unknown verify method 'maybe', only 'none', 'optional', and 'required' are supported
               |   bind :443 ssl crt a.pem verify maybe
               |                                  ^^^^^
        "#]],
    );
    check_bind(
        "ssl crt a.pem ca-ignore-err nonsense",
        expect![[r#"
            [ALERT]    (1) : config : parsing [a.cfg:4] : 'bind :443' in section 'frontend' : 'ca-ignore-err' : 'nonsense' is neither a number nor a known name
               |   bind :443 ssl crt a.pem ca-ignore-err nonsense
               |                                         ^^^^^^^^
        "#]],
    );
    check_bind(
        "ssl crt a.pem ssl-min-ver TLSv1.3 ssl-max-ver TLSv1.2",
        expect![[r#"
            [ALERT]    (1) : config : parsing [a.cfg:4] : Proxy 'f': all SSL/TLS versions are disabled for bind ':443' at [a.cfg:4].
               |   bind :443 ssl crt a.pem ssl-min-ver TLSv1.3 ssl-max-ver TLSv1.2
               |        ^^^^
               | help: TLSv1.2 and TLSv1.3 can be spoken
        "#]],
    );
    check_bind(
        "ssl crt a.pem ciphers FOO",
        expect![[r#"
            [ALERT]    (1) : config : parsing [a.cfg:4] : Proxy 'f': unable to set SSL cipher list to 'FOO' for bind ':443' at [a.cfg:4].
               |   bind :443 ssl crt a.pem ciphers FOO
               |        ^^^^
               | help: none of the suites of 'FOO' is known to the TLS library
        "#]],
    );
    check_bind(
        "ssl crt-list none",
        expect![[r#"
            [ALERT]    (1) : config : parsing [a.cfg:4] : 'bind :443' in section 'frontend' : 'crt-list' : cannot open file 'none' : No such file or directory
               |   bind :443 ssl crt-list none
               |                          ^^^^
        "#]],
    );
    check_bind(
        "ssl crt a.pem ocsp-update on",
        expect![[r#"
            [ALERT]    (1) : config : parsing [a.cfg:4] : 'bind :443' in section 'frontend' : 'ocsp-update' : responses are not fetched; put one beside the certificate, as '.ocsp', or set it with 'set ssl ocsp-response'
               |   bind :443 ssl crt a.pem ocsp-update on
               |                                       ^^
        "#]],
    );
}
