//! Configurations as they are found, and bytes that are none.

use super::{Fake, good, good_in, parse};
use crate::{Severity, Source, tuning_notice};

/// What Debian installs.
const DEBIAN: &str = r#"global
	log /dev/log	local0
	log /dev/log	local1 notice
	chroot /var/lib/haproxy
	stats socket /run/haproxy/admin.sock mode 660 level admin
	stats timeout 30s
	user haproxy
	group haproxy
	daemon

	# Default SSL material locations
	ca-base /etc/ssl/certs
	crt-base /etc/ssl/private

        ssl-default-bind-ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256
        ssl-default-bind-ciphersuites TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384
        ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets

defaults
	log	global
	mode	http
	option	httplog
	option	dontlognull
        timeout connect 5000
        timeout client  50000
        timeout server  50000
	errorfile 400 /etc/haproxy/errors/400.http
	errorfile 504 /etc/haproxy/errors/504.http
"#;

fn debian() -> Fake {
    let page = &b"HTTP/1.0 400 Bad request\r\n\r\n<html>"[..];
    let files = [("/etc/haproxy/errors/400.http", page), ("/etc/haproxy/errors/504.http", page)];
    Fake { files: files.into(), ..Fake::default() }
}

#[test]
fn debians_default_file() {
    let config = good_in(DEBIAN, &debian());
    assert_eq!(config.global.stats_sockets.len(), 1);
    assert!(tuning_notice(&config).is_none());
}

#[test]
fn a_typical_file_on_top_of_it() {
    let text = format!(
        "{DEBIAN}
frontend www
    bind *:80
    bind \"${{EXTRA-:8080}}\" name extra
    maxconn 2000
    option forwardfor
    option http-server-close
    acl is_static path_beg /static /images
    acl is_admin  hdr(host) -i admin.example.com
    use_backend static if is_static
    use_backend admin if is_admin {{ src 10.0.0.0/8 }}
    default_backend app

backend app
    balance leastconn
    option httpchk GET /health HTTP/1.1
    http-check send hdr Host app.example.com
    http-check expect status 200
    cookie SRV insert indirect nocache
    option redispatch
    retries 2
    default-server inter 2s fastinter 500ms downinter 5s rise 2 fall 3 slowstart 30s maxconn 200
    server web01 10.0.0.11:8080 check cookie w1 weight 100
    server web02 10.0.0.12:8080 check cookie w2 weight 100
    server spare 10.0.0.13:8080 check backup

backend static
    balance uri
    hash-type consistent
    server s1 10.0.1.1:80 check
    server s2 10.0.1.2:80 check disabled

backend admin
    server a1 10.0.2.1:80

listen pg
    bind 127.0.0.1:5432
    mode tcp
    option tcplog
    balance first
    timeout client 30m
    timeout server 30m
    server db1 10.0.3.1:5432 check on-marked-down shutdown-sessions
    server db2 10.0.3.2:5432 check backup
"
    );
    let outcome = parse(&text, &debian());
    let found: Vec<&str> = outcome.diagnostics.iter().map(|d| d.message.as_str()).collect();
    assert!(found.is_empty(), "{found:?}");
    let config = outcome.config.unwrap();
    assert_eq!(config.proxies.len(), 5);
    assert_eq!(config.proxies[0].use_backend.len(), 2);
    assert_eq!(config.proxies[1].servers[2].slowstart.unwrap().as_secs(), 30);
}

/// Examples of the manual that stay within the keywords supported.
const MANUAL: &[&str] = &[
    "global#this is the global section\n daemon#daemonize\n frontend         foo\n mode             http   # or tcp\n",
    "global\n daemon\n maxconn 256\ndefaults\n mode http\n timeout connect 5000ms\n timeout client 50000ms\n \
     timeout server 50000ms\nfrontend http-in\n bind *:80\n default_backend servers\nbackend servers\n \
     server server1 127.0.0.1:8000 maxconn 32\n",
    "global\n daemon\n maxconn 256\ndefaults\n mode http\n timeout connect 5000ms\n timeout client 50000ms\n \
     timeout server 50000ms\nlisten http-in\n bind *:80\n server server1 127.0.0.1:8000 maxconn 32\n",
    "listen http_proxy\n bind :80,:443\n bind 10.0.0.1:10080,10.0.0.1:10443\n bind /var/run/ssl-frontend.sock user haproxy \
     mode 600\n",
    "backend b\n mode http\n cookie JSESSIONID prefix\n server s 1.2.3.4:80 cookie x\n",
    "backend b\n mode http\n cookie SRV insert indirect nocache\n cookie SRV insert postonly indirect\n",
    "defaults\n default-server inter 1000 weight 13\n",
    "backend dynamic\n fullconn 10000\n server srv1 1.2.3.4:80 maxconn 1000\n",
    "listen site1\n bind :80\n mode http\n option httpchk OPTIONS * HTTP/1.1\n http-check send hdr Host www.example.com\n \
     server apache1 192.168.1.1:443 check port 80\n",
    "backend https_relay\n mode tcp\n option httpchk OPTIONS * HTTP/1.1\n http-check send hdr Host www\n \
     server apache1 192.168.1.1:443 check port 80\n",
    "frontend www\n mode http\n bind :80\n option forwardfor except 127.0.0.1\n",
    "backend www\n mode http\n option forwardfor header X-Client\n",
    "backend b\n mode http\n balance url_param userid\n",
    "backend b\n mode http\n balance hdr(User-Agent)\n balance hdr(host)\n balance hdr(Host)\n",
    "frontend f\n bind :1\n log global\n log stdout format short daemon\n log 127.0.0.1:514 local0 notice\n",
    "backend b\n http-check expect status 200,201,300-310\n http-check expect ! string SQL\\ Error\n \
     http-check expect ! rstatus ^5\n http-check expect rstring <!--tag:[0-9a-f]*--></html>\n option httpchk\n",
    "backend b\n server first  10.1.1.1:1080 cookie first  check inter 1000\n \
     server second 10.1.1.2:1080 cookie second check inter 1000\n server backup \"${SRV_BACKUP-127.0.0.1}:1080\" backup\n \
     server www1_dc1 10.1.1.3:80 weight 10\n",
    "backend b\n errorfile 503 /dev/null\n errorloc 503 http://x/\n errorloc302 502 /y\n",
    "defaults\n timeout client 5s\n timeout http-request 5s\n timeout queue 30s\n timeout tunnel 1h\n",
];

#[test]
fn examples_of_the_manual() {
    for text in MANUAL {
        good(text);
    }
}

#[test]
fn garbage_is_refused_and_never_panics() {
    // A small generator, so that the bytes are the same every time.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let words: Vec<&str> = DEBIAN
        .split_whitespace()
        .chain([
            "frontend",
            "backend",
            "listen",
            "f",
            "from",
            "bind",
            ":80",
            "server",
            "s",
            "1.2.3.4:80",
            "check",
            "\"${X",
            "'",
            "\\x",
            "if",
            "{",
            "}",
            "acl",
            "path",
            "-m",
            "track",
            "f/s",
            "weight",
            "-1",
            ".if",
            ".endif",
            "(",
            "no",
            "\"\"",
            "use_backend",
            "http-request",
            "set-header",
            "%[",
            "option",
            "httpchk",
            "balance",
            "random(",
            "uri",
            "len",
            "99999999999",
            "http-check",
            "expect",
            "status",
            "log-format",
            "%{",
            "cookie",
            "timeout",
            "client",
            "[::",
            "fd@",
            "10-",
            "inter",
        ])
        .collect();
    for round in 0..3_000 {
        let mut text = Vec::new();
        for _ in 0..next() % 60 {
            if round % 3 == 0 {
                text.extend_from_slice(&next().to_le_bytes());
            } else if let Some(word) = words.get((next() % words.len() as u64) as usize) {
                text.extend_from_slice(word.as_bytes());
            }
            text.push(if next() % 5 == 0 { b'\n' } else { b' ' });
        }
        let outcome = crate::parse(&[Source { name: "g".into(), text }], &debian());
        let refused = outcome.diagnostics.iter().any(|d| d.severity == Severity::Alert);
        assert_eq!(outcome.config.is_none(), refused);
        for diagnostic in &outcome.diagnostics {
            crate::render(diagnostic, 1, true);
        }
    }
}

#[test]
fn ten_thousand_servers() {
    use std::fmt::Write as _;
    let mut text = "backend b\n default-server inter 5s\n".to_owned();
    for i in 0..10_000 {
        let _ = writeln!(text, " server s{i} 10.{}.{}.1:80 check weight 10", i / 250, i % 250);
    }
    assert_eq!(good(&text).proxies[0].servers.len(), 10_000);
}
