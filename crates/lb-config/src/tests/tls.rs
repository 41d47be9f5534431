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
