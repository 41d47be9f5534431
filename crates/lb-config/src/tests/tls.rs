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

#[test]
fn servers_begin_with_the_global_defaults() {
    let text = "global\n ssl-default-server-ciphers ECDHE-RSA-AES128-GCM-SHA256\n ssl-default-server-options ssl-min-ver TLSv1.3 \
                no-tls-tickets\n ssl-default-server-ciphersuites TLS_AES_128_GCM_SHA256\nbackend b\n timeout connect 1s\n \
                timeout server 1s\n server a 1.2.3.4:443 ssl verify none\n server b 1.2.3.4:443 ssl verify none ssl-min-ver \
                TLSv1.2 ciphersuites TLS_AES_256_GCM_SHA384\n server c 1.2.3.4:80\n";
    let config = good_in(text, &world());
    let [a, b, c] = &config.proxies[0].servers[..] else { panic!("three servers") };
    let (a, b) = (a.tls.as_ref().unwrap(), b.tls.as_ref().unwrap());
    assert_eq!(a.versions.min, Some(lb_tls::Version::Tls13));
    assert_eq!(b.versions.min, Some(lb_tls::Version::Tls12));
    assert_eq!(a.ciphers.tls12, b.ciphers.tls12);
    assert_eq!(a.ciphers.tls12.as_ref().map(Vec::len), Some(1));
    assert_ne!(a.ciphers.tls13, b.ciphers.tls13);
    assert!(c.tls.is_none());
    for (line, message) in [
        ("ssl-default-server-options", "expects an option as an argument."),
        ("ssl-default-server-options foo", "unknown option 'foo' on global statement 'ssl-default-server-options'."),
        ("ssl-default-server-options verify", "unknown option 'verify' on global"),
        ("ssl-default-server-options ssl-min-ver", "'ssl-min-ver' : missing the ssl/tls version on global statement"),
        ("ssl-default-server-options ssl-min-ver zz", "'zz' : unknown ssl/tls version on global statement"),
        ("ssl-default-server-ciphers", "expects a cipher suite as an argument."),
    ] {
        let told = shown_in(&format!("global\n {line}\n"), &world());
        assert!(told.contains(message), "{line}: {told}");
    }
}

#[test]
fn certificates_of_stores() {
    let text = "crt-store\n load crt a.pem\n load crt alone.pem key pair.pem.key alias two\ncrt-store web\n crt-base /certs\n \
                load crt a.pem alias site ocsp-update off\nlisten l\n mode tcp\n timeout client 1s\n timeout connect 1s\n \
                timeout server 1s\n bind :1 ssl crt @web/site crt @/two\n server s 1.2.3.4:443 ssl verify none crt @/a.pem\n";
    let config = good_in(text, &world());
    let names: Vec<&str> = config.tls.certificates.keys().map(String::as_str).collect();
    assert_eq!(names, ["@/a.pem", "@/two", "@web/site"]);
    let offers = &config.proxies[0].binds[0].tls.as_ref().unwrap().offers;
    assert_eq!(offers.iter().map(|offer| offer.file.name.as_str()).collect::<Vec<_>>(), ["@web/site", "@/two"]);
    for (text, message) in [
        ("crt-store\n load key a.pem\n", "'load' expects 'crt <file>'."),
        ("crt-store\n load crt none.pem\n", "'load' : unable to load 'none.pem'"),
        ("crt-store\n load crt alone.pem\n", "'load' : No Private Key found in 'alone.pem' nor in 'alone.pem.key'."),
        ("crt-store\n load crt mixed.pem\n", "inconsistencies between private key and certificate loaded 'mixed.pem'."),
        ("crt-store\n load crt a.pem\n load crt a.pem\n", "'@/a.pem' is there already."),
        ("crt-store\n load crt a.pem ocsp-update on\n", "responses are not fetched."),
        ("crt-store\n load crt a.pem jwt on\n", "does not support yet."),
        ("crt-store\n load crt a.pem foo x\n", "'load' : unknown keyword 'foo'"),
        ("crt-store a\ncrt-store a\n", "crt-store 'a' is there already."),
        ("crt-store\n lod crt a.pem\n", "unknown keyword 'lod' in 'crt-store' section; did you mean 'load' maybe ?"),
        (
            "backend b\n server s 1.2.3.4:443 ssl verify none crt @/none\n",
            "unable to find the certificate '@/none' in a crt-store.",
        ),
    ] {
        let told = shown_in(text, &world());
        assert!(told.contains(message), "{text:?}: {told}");
    }
}
