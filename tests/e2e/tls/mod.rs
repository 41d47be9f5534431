//! TLS with clients and with servers.

pub mod certs;
mod client;
mod runtime;
mod stores;

use crate::check_eq;
use crate::support::{HEAD, both, same};
use anyhow::Result;
use certs::{Authority, launch};
use client::Hello;
use lb_testkit::client::get;
use lb_testkit::{Mode, Origin};

/// A frontend with these words, in front of a plain backend with one origin.
fn secured(words: &str) -> String {
    format!(
        "{HEAD}frontend fe\n    bind 127.0.0.1:{{port:fe}} ssl {words}\n    default_backend app\n\
         backend app\n    server s1 {{o1}}\n"
    )
}

#[test]
fn a_client_gets_the_certificate_of_the_name_it_asks_for() {
    both(|engine| {
        let authority = Authority::new("ca");
        let texts = ["a.example", "b.example", "*.c.example"].map(|name| authority.issue(name).bundle());
        let files = [("1.pem", texts[0].as_str()), ("2.pem", &texts[1]), ("3.pem", &texts[2])];
        let origin = Origin::http("o1")?;
        let config = secured("crt {dir}/1.pem crt {dir}/2.pem crt {dir}/3.pem");
        let program = launch(engine, &files)?.set("o1", origin.address()).start(&config)?;
        for (asked, expected) in [
            (Some("b.example"), "b.example"),
            (Some("B.example"), "b.example"),
            (Some("x.c.example"), "*.c.example"),
            (Some("y.x.c.example"), "a.example"),
            (Some("c.example"), "a.example"),
            (None, "a.example"),
        ] {
            let hello = Hello { sni: asked, ..Hello::default() };
            check_eq!(hello.sees(program.address("fe"), expected)?, true, "{asked:?}");
        }
        let hello = Hello { tls12: true, ..Hello::default() };
        check_eq!(hello.get(program.address("fe"), "/")?.status, 200);
        Ok(())
    });
}

#[test]
fn unknown_names_are_refused_where_they_must_be_known() {
    both(|engine| {
        let bundle = Authority::new("ca").issue("a.example").bundle();
        let origin = Origin::http("o1")?;
        let config = secured("crt {dir}/1.pem strict-sni");
        let program = launch(engine, &[("1.pem", &bundle)])?.set("o1", origin.address()).start(&config)?;
        for (sni, answered) in [(Some("a.example"), true), (Some("b.example"), false), (None, false)] {
            check_eq!(Hello { sni, ..Hello::default() }.get(program.address("fe"), "/").is_ok(), answered, "{sni:?}");
        }
        // The client sees the end of a handshake before it is counted.
        program.admin().await_stat("fe", "FRONTEND", "ssl_failed_handshake", "2")?;
        program.admin().await_stat("fe", "FRONTEND", "stot", "1")?;
        Ok(())
    });
}

#[test]
fn lists_and_directories_of_certificates() {
    both(|engine| {
        let authority = Authority::new("ca");
        let texts = ["a.example", "b.example", "c.example"].map(|name| authority.issue(name).bundle());
        let list = "# names\n{dir}/1.pem\n{dir}/2.pem [ssl-min-ver TLSv1.3] *.x.example !no.x.example\n";
        let made = launch(engine, &[("1.pem", &texts[0]), ("2.pem", &texts[1])])?;
        let list = list.replace("{dir}", &made.dir().display().to_string());
        std::fs::create_dir(made.dir().join("certs"))?;
        let made = made.file("list.txt", &list)?.file("certs/3.pem", &texts[2])?;
        let origin = Origin::http("o1")?;
        let config = secured("crt-list {dir}/list.txt crt {dir}/certs");
        let program = made.set("o1", origin.address()).start(&config)?;
        for (asked, expected) in [
            ("a.example", "a.example"),
            ("b.example", "a.example"),
            ("y.x.example", "b.example"),
            ("no.x.example", "a.example"),
            ("c.example", "c.example"),
        ] {
            let hello = Hello { sni: Some(asked), ..Hello::default() };
            check_eq!(hello.sees(program.address("fe"), expected)?, true, "{asked}");
        }
        let old = Hello { sni: Some("y.x.example"), tls12: true, ..Hello::default() };
        check_eq!(old.connect(program.address("fe")).is_err(), true);
        Ok(())
    });
}

#[test]
fn clients_show_certificates() {
    both(|engine| {
        let authority = Authority::new("ca");
        let (own, good) = (authority.issue("a.example"), authority.issue("client1"));
        let (foreign, old) = (Authority::new("other").issue("client2"), authority.issue_until("client3", 2002));
        let origin = Origin::http("o1")?;
        let config = format!(
            "{HEAD}frontend fe\n    bind 127.0.0.1:{{port:fe}} name must ssl crt {{dir}}/1.pem ca-file {{dir}}/ca.pem verify required\n    \
             bind 127.0.0.1:{{port:may}} ssl crt {{dir}}/1.pem ca-file {{dir}}/ca.pem verify optional crt-ignore-err 10\n    \
             http-request set-header x-used %[ssl_c_used]:%[ssl_c_verify]:%[ssl_c_s_dn(CN)]:%[ssl_fc_has_crt]\n    \
             default_backend app\nbackend app\n    server s1 {{o1}}\n"
        );
        let files = [("1.pem", own.bundle()), ("ca.pem", authority.pem())];
        let files = files.each_ref().map(|(name, text)| (*name, text.as_str()));
        let program = launch(engine, &files)?.set("o1", origin.address()).start(&config)?;
        let with = |shows, name: &str| -> Result<Option<String>> {
            // With TLS 1.3, a client learns of its refusal when it reads.
            let answered = Hello { shows, ..Hello::default() }.get(program.address(name), "/").is_ok();
            Ok(origin.requests().pop().filter(|_| answered).and_then(|r| r.head.get("x-used").map(str::to_owned)))
        };
        check_eq!(with(None, "fe")?, None);
        check_eq!(with(Some(&foreign), "fe")?, None);
        check_eq!(with(Some(&old), "fe")?, None);
        check_eq!(with(Some(&good), "fe")?.as_deref(), Some("1:0:client1:1"));
        check_eq!(with(None, "may")?.as_deref(), Some("0:0::0"));
        check_eq!(with(Some(&good), "may")?.as_deref(), Some("1:0:client1:1"));
        check_eq!(with(Some(&foreign), "may")?, None);
        check_eq!(with(Some(&old), "may")?.as_deref(), Some("1:10:client3:1"));
        Ok(())
    });
}

#[test]
fn bodies_both_ways_and_a_connection_that_lives_on() {
    both(|engine| {
        let bundle = Authority::new("ca").issue("a.example").bundle();
        let origin = Origin::with(Mode::Echo)?;
        let config = format!(
            "{HEAD}    option http-keep-alive\nfrontend fe\n    mode tcp\n    bind 127.0.0.1:{{port:fe}} ssl crt {{dir}}/1.pem\n    \
             default_backend app\nbackend app\n    mode tcp\n    server s1 127.0.0.1:{{port:again}} ssl verify none\n\
             frontend again\n    mode tcp\n    bind 127.0.0.1:{{port:again}} ssl crt {{dir}}/1.pem\n    default_backend echo\n\
             backend echo\n    mode tcp\n    server s1 {{o1}}\n"
        );
        let program = launch(engine, &[("1.pem", &bundle)])?.set("o1", origin.address()).start(&config)?;
        let mut client = Hello::default().connect(program.address("fe"))?;
        // More than all buffers on the way hold.
        let sent: Vec<u8> = (0..3_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let mut received = vec![0; sent.len()];
        for (out, back) in sent.chunks(150_000).zip(received.chunks_mut(150_000)) {
            client.send(out)?;
            client.read_exact(back)?;
        }
        check_eq!(sent == received, true);
        Ok(())
    });
}

#[test]
fn requests_and_bodies_over_http() {
    both(|engine| {
        let bundle = Authority::new("ca").issue("a.example").bundle();
        let origin = Origin::http("o1")?;
        let config = secured("crt {dir}/1.pem alpn http/1.1");
        let program = launch(engine, &[("1.pem", &bundle)])?.set("o1", origin.address()).start(&config)?;
        let mut client = Hello { alpn: &["x", "http/1.1"], ..Hello::default() }.connect(program.address("fe"))?;
        check_eq!(client.protocol().as_deref(), Some("http/1.1"));
        check_eq!(client.get("/")?.status, 200);
        let body = "0123456789abcdef".repeat(20_000);
        client.send(format!("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len()))?;
        check_eq!(client.response()?.status, 200);
        check_eq!(origin.requests_for("/p").pop().map(|r| r.body == body.as_bytes()), Some(true));
        client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")?;
        check_eq!(client.response()?.status, 200);
        check_eq!(client.ends_in_order()?, true);
        let without = Hello { alpn: &["unknown"], ..Hello::default() }.connect(program.address("fe"))?;
        check_eq!(without.protocol(), None);
        Ok(())
    });
}

/// Backends towards a TLS listener whose certificate is for `a.example`, and what becomes of a request to each.
#[test]
fn servers_are_believed_or_not() {
    same(|engine| {
        let (authority, other) = (Authority::new("ca"), Authority::new("other"));
        let files = [
            ("good.pem", authority.issue("a.example").bundle()),
            ("old.pem", authority.issue_until("a.example", 2002).bundle()),
            ("ca.pem", authority.pem()),
            ("other.pem", other.pem()),
        ];
        let files = files.each_ref().map(|(name, text)| (*name, text.as_str()));
        let origin = Origin::http("o1")?;
        let plain = Origin::with(Mode::Bytes(b"HTTP/1.0 400 Bad request\r\n\r\n".to_vec()))?;
        let cases = [
            ("unverified", "{good} ssl verify none"),
            ("known", "{good} ssl verify required ca-file {dir}/ca.pem"),
            ("named", "{good} ssl verify required ca-file {dir}/ca.pem verifyhost a.example"),
            ("asked", "{good} ssl verify required ca-file {dir}/ca.pem sni str(a.example)"),
            ("foreign", "{good} ssl verify required ca-file {dir}/other.pem"),
            ("misnamed", "{good} ssl verify required ca-file {dir}/ca.pem verifyhost b.example"),
            ("misasked", "{good} ssl verify required ca-file {dir}/ca.pem sni str(b.example)"),
            ("expired", "{old} ssl verify required ca-file {dir}/ca.pem"),
            ("later", "{old} ssl verify none ssl-min-ver TLSv1.3"),
            ("plain", "{plain} ssl verify none"),
            ("clear", "{good}"),
        ];
        let mut config = format!(
            "{HEAD}    retries 0\nfrontend good\n    bind 127.0.0.1:{{port:good}} ssl crt {{dir}}/good.pem\n    default_backend origin\n\
             frontend old\n    bind 127.0.0.1:{{port:old}} ssl crt {{dir}}/old.pem ssl-max-ver TLSv1.2\n    default_backend origin\n\
             backend origin\n    server s1 {{o1}}\n"
        );
        for (name, server) in cases {
            let server = server.replace("{good}", "127.0.0.1:{port:good}").replace("{old}", "127.0.0.1:{port:old}");
            // Without a check traffic meets the server in any case; the other backend has the check.
            let auto = if engine.name() == "haproxy" { "" } else { "no-sni-auto" };
            config += &format!(
                "listen {name}\n    bind 127.0.0.1:{{port:{name}}}\n    server s1 {server} {auto}\n\
                 backend {name}-checked\n    server s1 {server} check inter 3s fall 1 {auto}\n"
            );
        }
        let launch = launch(engine, &files)?.set("o1", origin.address()).set("plain", plain.address());
        let program = launch.start(&config)?;
        let admin = program.admin();
        let mut seen = Vec::new();
        for (name, _) in cases {
            let status = get(program.address(name), "/")?.status;
            let checked = format!("{name}-checked");
            lb_testkit::wait::until("the first check", || {
                let status = admin.stat(&checked, "s1", "check_status").ok()?;
                status.trim_start_matches("* ").starts_with('L').then_some(())
            })?;
            let check = admin.stat(&checked, "s1", "check_status")?.trim_start_matches("* ").to_owned();
            let why = admin.stat(&checked, "s1", "last_chk")?;
            let counted = admin.stat(name, "s1", "econ")?;
            seen.push((name, status, check, why, counted));
        }
        Ok(seen)
    });
}

#[test]
fn securing_is_switched_at_run_time() {
    both(|engine| {
        let bundle = Authority::new("ca").issue("a.example").bundle();
        let origin = Origin::http("o1")?;
        let config = format!(
            "{HEAD}frontend tls\n    bind 127.0.0.1:{{port:tls}} ssl crt {{dir}}/1.pem\n    default_backend origin\n\
             backend origin\n    server s1 {{o1}}\n\
             listen fe\n    bind 127.0.0.1:{{port:fe}}\n    retries 0\n    server s1 127.0.0.1:{{port:tls}} ssl verify none\n    \
             server plain 127.0.0.1:{{port:tls}} disabled\n"
        );
        let program = launch(engine, &[("1.pem", &bundle)])?.set("o1", origin.address()).start(&config)?;
        let admin = program.admin();
        check_eq!(get(program.address("fe"), "/")?.status, 200);
        check_eq!(admin.ask("set server fe/s1 ssl off")?.trim(), "server ssl setting updated.");
        check_eq!(get(program.address("fe"), "/")?.status, 502);
        check_eq!(admin.ask("set server fe/s1 ssl on")?.trim(), "server ssl setting updated.");
        check_eq!(get(program.address("fe"), "/")?.status, 200);
        let refused = "'set server <srv> ssl' cannot be set.  default-server should define ssl settings";
        check_eq!(admin.ask("set server fe/plain ssl on")?.trim(), refused);
        check_eq!(admin.ask("set server fe/s1 ssl maybe")?.trim(), "'set server <srv> ssl' expects 'on' or 'off'.");
        Ok(())
    });
}
