//! What lines mean.

use super::{Fake, good, good_in, shown};
use crate::model::*;
use lb_model::{Level, Mode, Severity};
use std::sync::Arc;
use std::time::Duration;

/// The only proxy of a `listen l` with these lines.
fn listen(lines: &str) -> Proxy {
    let config = good(&format!("listen l\n mode http\n {}\n", lines.replace(" / ", "\n ")));
    config.proxies.into_iter().next().unwrap()
}

fn server(line: &str) -> Server {
    Arc::unwrap_or_clone(listen(line).servers.pop().unwrap())
}

fn addresses(bind: &str) -> Vec<String> {
    let show = |address: &ListenAddress| match address {
        ListenAddress::Ip { ip, port } => format!("{ip} {port}"),
        ListenAddress::Unix(path) => path.display().to_string(),
        ListenAddress::Abstract(name) => format!("@{name}"),
        ListenAddress::Fd(fd) => format!("fd {fd}"),
        ListenAddress::Sockpair(fd) => format!("pair {fd}"),
    };
    listen(bind).binds.iter().map(|bind| show(&bind.address)).collect()
}

#[test]
fn bind_addresses() {
    for (line, expected) in [
        ("bind :80", &["0.0.0.0 80"][..]),
        ("bind *:80", &["0.0.0.0 80"]),
        ("bind 10.0.0.1:80", &["10.0.0.1 80"]),
        ("bind ipv4@:80", &["0.0.0.0 80"]),
        ("bind ipv6@:80", &[":: 80"]),
        ("bind ipv6@*:80", &[":: 80"]),
        ("bind :::80", &[":: 80"]),
        ("bind [::1]:80", &["::1 80"]),
        ("bind ::1:80", &["::1 80"]),
        ("bind tcp4@127.0.0.1:80", &["127.0.0.1 80"]),
        ("bind stream+ipv4@127.0.0.1:80", &["127.0.0.1 80"]),
        ("bind web.example:80", &["192.0.2.7 80"]),
        ("bind :80,10.0.0.1:81", &["0.0.0.0 80", "10.0.0.1 81"]),
        ("bind :80-82", &["0.0.0.0 80", "0.0.0.0 81", "0.0.0.0 82"]),
        ("bind /run/l.sock", &["/run/l.sock"]),
        ("bind unix@/run/l.sock", &["/run/l.sock"]),
        ("bind abns@name", &["@name"]),
        ("bind fd@5", &["fd 5"]),
        ("bind stream+fd@5", &["fd 5"]),
        ("bind sockpair@5", &["pair 5"]),
    ] {
        assert_eq!(addresses(line), expected, "{line}");
    }
}

#[test]
fn inherited_descriptors_by_variable() {
    let host = Fake { env: [("fe1", "7"), ("cli", "8")].into(), ..Fake::default() };
    let text = "global\n stats socket \"fd@${cli}\" level admin\nlisten a\n bind \"fd@${fe1}\"\n bind fd@${fe1}\n \
                bind fd@${none-9}\n";
    let config = good_in(text, &host);
    let binds: Vec<_> = config.proxies.iter().flat_map(|proxy| &proxy.binds).map(|bind| &bind.address).collect();
    assert_eq!(binds, [&ListenAddress::Fd(7), &ListenAddress::Fd(7), &ListenAddress::Fd(9)]);
    assert_eq!(config.global.stats_sockets[0].address, ListenAddress::Fd(8));
}

#[test]
fn bind_parameters() {
    let p = listen(
        "bind /s mode 660 user haproxy group haproxy name x id 9 maxconn 5 backlog 6 / \
         bind :::1 v6only defer-accept / bind :2",
    );
    let [unix, v6, plain] = p.binds.as_slice() else { panic!() };
    assert_eq!((unix.mode, unix.uid, unix.gid), (Some(0o660), Some(101), Some(102)));
    assert_eq!((unix.name.as_deref(), unix.maxconn, unix.backlog), (Some("x"), Some(5), Some(6)));
    assert!(v6.v6only && !plain.v6only);
    // The counter moves on at every listener, as seen.
    assert_eq!([unix.id, v6.id, plain.id], [9, 2, 3]);
}

#[test]
fn ids_are_assigned_as_seen() {
    let config = good(
        "defaults\n mode http\nfrontend f\n bind :1\nbackend b\n id 2\n server s1 1.2.3.4:80\n \
         server s2 1.2.3.4:80 id 1\n server s3 1.2.3.4:80\nlisten l\n bind :2\nbackend c\nbackend d\n id 4\n",
    );
    assert_eq!(config.proxies.iter().map(|p| p.id).collect::<Vec<_>>(), [3, 2, 5, 6, 4]);
    assert_eq!(config.proxies[1].servers.iter().map(|s| s.id).collect::<Vec<_>>(), [2, 1, 4]);
}

#[test]
fn documented_defaults() {
    let p = good("backend b\n server s 1.2.3.4:80\n").proxies.remove(0);
    assert_eq!((p.mode, p.retries, p.redispatch, p.maxconn), (Mode::Tcp, 3, None, None));
    assert_eq!((p.balance, p.http_reuse), (Balance::Random(2), HttpReuse::Safe));
    assert!(!p.options.httpclose && !p.options.http_server_close && !p.options.abortonclose);
    let s = &p.servers[0];
    assert_eq!((s.weight, s.maxconn, s.error_limit, s.pool_max_conn), (1, 0, 10, -1));
    assert_eq!(s.health, HealthParams::default());
}

#[test]
fn server_addresses() {
    for (line, address, port, offset) in [
        ("server s 10.0.0.1:80", "10.0.0.1", 80, None),
        ("server s 10.0.0.1", "10.0.0.1", 0, None),
        ("server s 10.0.0.1:+10", "10.0.0.1", 0, Some(10)),
        ("server s 10.0.0.1:-10", "10.0.0.1", 0, Some(-10)),
        ("server s *", "0.0.0.0", 0, None),
        ("server s [::1]:80", "::1", 80, None),
        ("server s ipv6@[::1]:80", "::1", 80, None),
        ("server s web.example:80", "192.0.2.7", 80, None),
    ] {
        let s = server(line);
        assert_eq!(s.address, ConnectAddress::Ip(address.parse().unwrap()), "{line}");
        assert_eq!((s.port, s.port_offset), (port, offset), "{line}");
        assert_eq!(s.fqdn.is_some(), line.contains("web.example"), "{line}");
    }
    assert_eq!(server("server s /run/x").address, ConnectAddress::Unix("/run/x".into()));
    assert_eq!(server("server s sockpair@5").address, ConnectAddress::Sockpair(5));
    assert_eq!(server("server s abns@x").address, ConnectAddress::Abstract("x".into()));
}

#[test]
fn server_parameters() {
    let s = server(
        "server s 1.2.3.4:80 check inter 3s fastinter 1s downinter 500 rise 4 fall 5 port 81 addr 1.2.3.5 weight 20 \
         maxconn 30 maxqueue 7 backup disabled cookie c slowstart 10s observe layer7 error-limit 3 \
         on-error mark-down on-marked-down shutdown-sessions on-marked-up shutdown-backup-sessions init-state down \
         check-send-proxy check-via-socks4 socks4 10.0.0.8:1080 check-proto none pool-max-conn 9 pool-purge-delay 2s source 10.0.0.9:1024 \
         agent-check agent-port 9000 agent-inter 4s agent-addr 1.2.3.6 agent-send hi",
    );
    let ms = Duration::from_millis;
    assert!(s.check && s.backup && s.disabled && s.on_marked_down_shutdown && s.on_marked_up_shutdown_backup);
    assert_eq!(
        s.health,
        HealthParams {
            inter: ms(3000),
            fastinter: Some(ms(1000)),
            downinter: Some(ms(500)),
            rise: 4,
            fall: 5,
            port: Some(81),
            addr: Some("1.2.3.5".parse().unwrap()),
            send_proxy: true,
            via_socks4: true,
            http2: false,
        }
    );
    assert_eq!((s.weight, s.maxconn, s.maxqueue), (20, 30, 7));
    assert_eq!(s.cookie.as_deref(), Some("c"));
    assert_eq!((s.slowstart, s.observe, s.error_limit), (Some(ms(10_000)), Observe::Layer7, 3));
    assert_eq!((s.on_error, s.init_state), (OnError::MarkDown, InitState::Down));
    assert_eq!((s.pool_max_conn, s.pool_purge_delay), (9, ms(2000)));
    let source = s.source.as_ref().map(|source| (source.ip, source.ports));
    assert_eq!(source, Some(("10.0.0.9".parse().unwrap(), (1024, 1024))));
    assert_eq!(s.socks4, Some("10.0.0.8:1080".parse().unwrap()));
    let agent = s.agent.unwrap();
    assert_eq!((agent.port, agent.inter, agent.send.as_deref()), (9000, Some(ms(4000)), Some("hi")));
}

#[test]
fn default_server_applies_to_the_servers_below_it() {
    let p = listen(
        "server a 1.2.3.4:80 / default-server check inter 5s weight 9 / server b 1.2.3.4:80 no-check / \
         default-server weight 3 / server c 1.2.3.4:80 inter 1s",
    );
    let seen: Vec<_> = p.servers.iter().map(|s| (s.check, s.health.inter.as_secs(), s.weight)).collect();
    assert_eq!(seen, [(false, 2, 1), (false, 5, 9), (true, 1, 3)]);
}

#[test]
fn sections_inherit() {
    let config = good(
        "defaults\n mode http\n retries 7\n default-server check\n\
         backend a\n server s 1.2.3.4:80\n\
         defaults slow\n timeout server 9s\n\
         defaults slower from slow\n retries 1\n\
         backend b\n\
         backend c from slow\n",
    );
    let [a, b, c] = config.proxies.as_slice() else { panic!() };
    assert_eq!((a.mode, a.retries, a.servers[0].check), (Mode::Http, 7, true));
    assert_eq!((b.mode, b.retries, b.timeouts.server), (Mode::Tcp, 1, Some(Duration::from_secs(9))));
    assert_eq!((c.retries, c.timeouts.server), (3, Some(Duration::from_secs(9))));
}

#[test]
fn algorithms() {
    for (line, expected) in [
        ("balance", Balance::RoundRobin),
        ("balance roundrobin", Balance::RoundRobin),
        ("balance static-rr", Balance::StaticRr),
        ("balance leastconn", Balance::LeastConn),
        ("balance first", Balance::First),
        ("balance random", Balance::Random(2)),
        ("balance random(3)", Balance::Random(3)),
        ("balance source", Balance::Source),
        ("balance uri", Balance::Uri { whole: false, len: 0, depth: 0 }),
        ("balance uri whole len 10 depth 2", Balance::Uri { whole: true, len: 10, depth: 2 }),
        ("balance hdr(X-User)", Balance::Header("X-User".into())),
        ("balance url_param id", Balance::UrlParam("id".into())),
    ] {
        assert_eq!(listen(line).balance, expected, "{line}");
    }
    assert!(listen("hash-type consistent").consistent_hash);
}

#[test]
fn cookies() {
    let cookie = listen(
        "cookie SRV insert indirect nocache postonly preserve httponly secure domain .a domain .b attr SameSite=Lax",
    );
    let cookie = cookie.cookie.unwrap();
    assert_eq!((cookie.name.as_str(), cookie.mode), ("SRV", CookieMode::Insert));
    assert!(
        cookie.indirect && cookie.nocache && cookie.postonly && cookie.preserve && cookie.httponly && cookie.secure
    );
    assert_eq!((cookie.domains, cookie.attrs), (vec![".a".into(), ".b".into()], vec!["SameSite=Lax".into()]));
    assert_eq!(listen("cookie A").cookie.unwrap().mode, CookieMode::Passive);
}

#[test]
fn timeouts() {
    let t = listen(
        "timeout client 1m / timeout server 500 / timeout connect 0 / timeout check 2s / timeout queue 3s / \
         timeout tunnel 1h / timeout http-request 4s / timeout http-keep-alive 5s / timeout client-fin 6s / \
         timeout server-fin 7s",
    )
    .timeouts;
    let s = |n| Some(Duration::from_secs(n));
    assert_eq!((t.client, t.server, t.connect), (s(60), Some(Duration::from_millis(500)), None));
    assert_eq!((t.check, t.queue, t.tunnel, t.http_request), (s(2), s(3), s(3600), s(4)));
    assert_eq!((t.http_keep_alive, t.client_fin, t.server_fin), (s(5), s(6), s(7)));
}

#[test]
fn options() {
    let on = listen("option forwardfor except 127.0.0.0/8 header X-Y if-none / option redispatch / option tcpka");
    let forwardfor = on.options.forwardfor.clone().unwrap();
    assert_eq!((forwardfor.except.unwrap().1, forwardfor.header.as_str(), forwardfor.if_none), (8, "X-Y", true));
    assert_eq!(on.redispatch, Some(-1));
    assert!(on.options.clitcpka && on.options.srvtcpka && on.options.abortonclose);
    let off = listen("option dontlognull / no option dontlognull / no option abortonclose / option redispatch 2");
    assert!(!off.options.dontlognull && !off.options.abortonclose);
    assert_eq!(off.redispatch, Some(2));
    let modes = |lines| {
        let o = listen(lines).options;
        (o.http_server_close, o.httpclose)
    };
    assert_eq!(modes("option http-server-close"), (true, false));
    assert_eq!(modes("option http-server-close / option httpclose"), (false, true));
    assert_eq!(modes("option httpclose / option http-keep-alive"), (false, false));
    assert_eq!(modes("option httpclose / no option httpclose"), (false, false));
    assert_eq!(modes("option httpclose / default option httpclose"), (false, false));
}

#[test]
fn log_lines() {
    let config = good(
        "global\n log /dev/log local0 info\n log 127.0.0.1 local1 notice err\n\
         listen l\n bind :1\n log global\n log stdout len 2000 format raw daemon\n log 10.0.0.1:1514 kern\n \
         log stderr format short user\n log fd@9 local7\n",
    );
    let p = &config.proxies[0];
    let sinks: Vec<_> = p.logs.iter().map(|l| (l.sink.clone(), l.facility, l.format)).collect();
    assert_eq!(
        sinks,
        [
            (LogSink::Unix("/dev/log".into()), 16, LogWire::Usual),
            (LogSink::Udp("127.0.0.1".parse().unwrap(), 514), 17, LogWire::Usual),
            (LogSink::Fd(1), 3, LogWire::Raw),
            (LogSink::Udp("10.0.0.1".parse().unwrap(), 1514), 0, LogWire::Usual),
            (LogSink::Fd(2), 1, LogWire::Short),
            (LogSink::Fd(9), 23, LogWire::Usual),
        ]
    );
    assert_eq!((p.logs[0].max_level, p.logs[0].max_len), (Severity::Info, 1024));
    assert_eq!((p.logs[1].max_level, p.logs[1].min_level), (Severity::Notice, Severity::Err));
    assert_eq!(p.logs[2].max_len, 2000);
    assert!(good("defaults\n log stdout local0\nlisten l\n bind :1\n no log\n").proxies[0].logs.is_empty());
}

#[test]
fn global_settings() {
    let g = good(
        "global\n maxconn 1000\n nbthread 2\n ulimit-n 5000\n daemon\n pidfile /p\n user haproxy\n group haproxy\n \
         chroot /c\n node n1\n description two words\n hard-stop-after 30s\n tune.bufsize 32k\n tune.maxrewrite 2048\n \
         tune.http.maxhdr 64\n spread-checks 5\n max-spread-checks 1s\n \
         log-tag t\n log-send-hostname\n stats timeout 2m\n stats maxconn 20\n quiet\n zero-warning\n",
    )
    .global;
    assert_eq!((g.maxconn, g.nbthread, g.ulimit_n), (Some(1000), Some(2), Some(5000)));
    assert_eq!((g.uid, g.gid, g.daemon, g.quiet, g.zero_warning), (Some(101), Some(102), true, true, true));
    assert_eq!((g.bufsize, g.maxrewrite, g.maxhdr), (Some(32_768), Some(2048), Some(64)));
    assert_eq!((g.spread_checks, g.max_spread_checks), (5, Some(Duration::from_secs(1))));
    assert_eq!((g.stats_timeout, g.stats_maxconn), (Some(Duration::from_secs(120)), Some(20)));
    assert_eq!((g.node.as_deref(), g.description.as_deref()), (Some("n1"), Some("two words")));
    assert_eq!((g.log_tag.as_deref(), g.log_send_hostname.as_deref()), (Some("t"), Some("")));
    assert_eq!(g.hard_stop_after, Some(Duration::from_secs(30)));
}

#[test]
fn admin_sockets() {
    let g = good(
        "global\n stats socket /run/a mode 660 level admin user haproxy group haproxy expose-fd listeners\n \
         stats socket ipv4@127.0.0.1:9999 severity-output number name cli\n",
    )
    .global;
    let [unix, tcp] = g.stats_sockets.as_slice() else { panic!() };
    assert_eq!(unix.address, ListenAddress::Unix("/run/a".into()));
    assert_eq!((unix.level, unix.mode, unix.uid, unix.gid), (Level::Admin, Some(0o660), Some(101), Some(102)));
    assert!(unix.expose_fd_listeners);
    assert_eq!((tcp.level, tcp.severity_output), (Level::Operator, SeverityOutput::Number));
    assert_eq!(tcp.name.as_deref(), Some("cli"));
}

#[test]
fn the_environment_can_be_changed_on_the_way() {
    let host = Fake { env: [("KEEP", "1"), ("GO", "2")].into(), ..Fake::default() };
    let config = good_in(
        "global\n setenv A 10\n presetenv KEEP x\n presetenv NEW 3\n unsetenv GO\n\
         listen l\n bind \":80${A}\"\n .if !defined(GO) && streq(\"$KEEP\",1)\n bind \":80${NEW}1\"\n .endif\n",
        &host,
    );
    let ports: Vec<_> = config.proxies[0].binds.iter().map(|b| b.address.clone()).collect();
    let any = "0.0.0.0".parse().unwrap();
    assert_eq!(ports, [ListenAddress::Ip { ip: any, port: 8010 }, ListenAddress::Ip { ip: any, port: 8031 }]);
    let changes: Vec<_> = config.global.environment.iter().map(|(n, v)| (n.as_str(), v.as_deref())).collect();
    assert_eq!(changes, [("A", Some("10")), ("NEW", Some("3")), ("GO", None)]);
}

#[test]
fn conditional_blocks() {
    let names = |text: &str| good(text).proxies.iter().map(|p| p.name.to_string()).collect::<Vec<_>>().join(" ");
    for (text, expected) in [
        (".if 1\nbackend a\n.else\nbackend b\n.endif\n", "a"),
        (".if 0\nbackend a\n.else\nbackend b\n.endif\n", "b"),
        (".if 0\nbackend a\n.elif 1\nbackend b\n.elif 1\nbackend c\n.else\nbackend d\n.endif\n", "b"),
        (".if 0\n.if 1\nbackend a\n.else\nbackend b\n.endif\n.elif 1\nbackend c\n.endif\n", "c"),
        (".if 1\n.if 0\nbackend a\n.else\nbackend b\n.endif\nbackend c\n.endif\n", "b c"),
        (".if version_atleast(3.0) && !feature(OPENSSL)\nbackend a\n.endif\n", "a"),
        (".if 0\n unknown words \"\" here\n.unknown\n.endif\nbackend a\n", "a"),
        (".if 1\nbackend a\n.elif nonsense\n.endif\n", "a"),
    ] {
        assert_eq!(names(text), expected, "{text}");
    }
}

#[test]
fn error_pages() {
    let host = Fake { files: [("/e/503", &b"HTTP/1.0 503 x\r\n\r\nbye"[..])].into(), ..Fake::default() };
    let text = "http-errors site\n errorfile 404 /e/503\n errorfile 503 /e/503\n\
                defaults d\n http-error status 429 content-type text/plain string slow\n errorfile 404 /e/503\n\
                backend b from d\n mode http\n errorfile 503 /e/503\n errorloc303 502 http://x/y\n\
                http-error status 404 default-errorfiles\n\
                backend c from d\n mode http\n errorfiles site 503\n\
                http-request deny deny_status 503 errorfiles site if TRUE\n";
    let config = good_in(text, &host);
    let pages = |index: usize| {
        let shown = |page: &ErrorPage| match page {
            ErrorPage::Whole(page) => String::from_utf8_lossy(page).into_owned(),
            ErrorPage::Made(reply) => format!("{:?}", reply.content),
        };
        config.proxies[index].error_pages.iter().map(|(status, page)| (*status, shown(page))).collect::<Vec<_>>()
    };
    let file = "HTTP/1.0 503 x\r\n\r\nbye".to_owned();
    let redirect =
        "HTTP/1.1 303 See Other\r\ncache-control: no-cache\r\ncontent-length: 0\r\nlocation: http://x/y\r\n\r\n";
    let slow = pages(0).remove(0);
    assert!(slow.0 == 429 && slow.1.starts_with("Static"), "{slow:?}");
    assert_eq!(pages(0), [slow.clone(), (503, file.clone()), (502, redirect.to_owned())]);
    assert_eq!(pages(1), [slow, (404, file.clone()), (503, file)]);
    let HttpAction::Deny(reply) = &config.proxies[1].http_request[0].action else { panic!("no deny") };
    assert!(matches!(&reply.content, ReplyContent::Whole(page) if page.ends_with(b"bye")));
}

#[test]
fn tracking_and_backends_are_resolved() {
    let config = good(
        "frontend f\n bind :1\n default_backend b\nbackend a\n server s 1.2.3.4:80 track b/y\n\
         backend b\n server x 1.2.3.4:80\n server y 1.2.3.4:80 check\n\
         listen l\n bind :2\n server own 1.2.3.4:80\nlisten m\n bind :3\n",
    );
    assert_eq!(config.proxies[0].default_backend, Some(ProxyIdx(2)));
    assert_eq!(config.proxies[1].servers[0].track, Some((ProxyIdx(2), 1)));
    assert_eq!(config.proxies[3].default_backend, Some(ProxyIdx(3)));
    assert_eq!(config.proxies[4].default_backend, None);
    assert!(config.has_listener());
}

#[test]
fn words_that_change_nothing_are_named_or_refused() {
    let config = good(
        "global\n stats socket /run/a expose-fd listeners name cli level admin\ndefaults\n timeout tarpit 5s\n\
         option splice-auto\n option tcp-smart-accept\n option tcp-smart-connect\n option independent-streams\n\
         load-server-state-from-file none\nlisten l\n bind :1 nice 3 level admin name x\n no option checkcache\n\
         server s 1.2.3.4:80 no-send-proxy\n",
    );
    assert_eq!(
        config.ignored_tuning.join(", "),
        "stats socket … name, option splice-auto, option tcp-smart-accept, \
         option tcp-smart-connect, option independent-streams, bind … nice, bind … level"
    );
    for line in
        ["bind :1 accept-netscaler-cip 1", "server s 1.2.3.4:80 proto h2", "bind :1 nbconn 3", "option checkcache"]
    {
        assert!(shown(&format!("listen l\n {line}\n")).contains("does not support yet."), "{line}");
    }
    assert!(shown("global\n stats socket ipv6@::1:9 v6only\n").contains("does not support yet."));
}

#[test]
fn sockets_and_pools() {
    let config = good(
        "listen l\n bind :1 tfo defer-accept transparent tcp-ut 3s cc reno mss -100 interface eth0 proto h1 idle-ping 5s\n\
         server s 1.2.3.4:80 tcp-ut 1500 cc bbr tcp-md5sig key tfo hash-key addr-port strict-maxconn ws h1 shard 3 \
         pool-conn-name req.hdr(host) log-proto octet-count log-bufsize 10 idle-ping 1s proto h1\n\
         server t 1.2.3.4:80 tfo no-tfo\n",
    );
    let (bind, servers) = (&config.proxies[0].binds[0], &config.proxies[0].servers);
    let expected = SocketOptions {
        user_timeout: Some(Duration::from_secs(3)),
        congestion: Some("reno".to_owned()),
        fast_open: true,
        max_segment: Some(-100),
        defer_accept: true,
        interface: Some("eth0".to_owned()),
        transparent: true,
        ..SocketOptions::default()
    };
    assert_eq!(bind.socket, expected);
    let expected = SocketOptions {
        user_timeout: Some(Duration::from_millis(1_500)),
        congestion: Some("bbr".to_owned()),
        md5_key: Some("key".to_owned()),
        fast_open: true,
        ..SocketOptions::default()
    };
    assert_eq!(servers[0].socket.as_deref(), Some(&expected));
    assert_eq!(servers[0].node_key, NodeKey::AddressAndPort);
    assert!(servers[0].strict_maxconn && servers[0].pool_name.is_some());
    assert_eq!(servers[1].socket.as_deref(), Some(&SocketOptions::default()));
    for (words, message) in [
        ("tcp-ut soon", "'tcp-ut' : expects a positive delay in milliseconds"),
        ("tcp-ut", "'tcp-ut' : missing TCP User Timeout value"),
        ("namespace none", "'server l/s' : Cannot open namespace 'none'"),
        ("namespace", "'namespace' : expects <name> as argument"),
        ("ws h3", "'ws' has to be 'auto', 'h1' or 'h2'"),
        ("proto zz", "'proto' :  unknown MUX protocol 'zz'"),
        ("log-proto zz", "'log-proto' expects one of 'legacy' or 'octet-count' but got 'zz'"),
        ("hash-key port", "'hash-key' has to be"),
        ("cc", "'cc' : expects the name of a TCP congestion control algorithm"),
        ("pool-conn-name nonsense", "'pool-conn-name' : "),
        ("shard x", "shard"),
    ] {
        let told = shown(&format!("listen l\n server s 1.2.3.4:80 {words}\n"));
        assert!(told.contains(message), "{words}: {told}");
    }
    for (words, message) in [
        ("mss 70000", "'mss' : expects an MSS with and absolute value between 1 and 65535"),
        ("namespace", "'namespace' : missing namespace id"),
        ("interface", "'interface' : missing interface name"),
        ("proto zz", "'proto' :  unknown MUX protocol 'zz'"),
    ] {
        let told = shown(&format!("listen l\n bind :1 {words}\n"));
        assert!(told.contains(message), "{words}: {told}");
    }
}

#[test]
fn servers_begin_with_what_from_says() {
    let lines = "default-server weight 7 maxconn 3 / default-server name big from none weight 200 / \
                 default-server name big maxqueue 5 / server a 127.0.0.1:1 / server b 127.0.0.1:1 from none / \
                 server c 127.0.0.1:1 from srv:big maxconn 9 / server d 127.0.0.1:2 from srv:l/c id 40 / \
                 server e 127.0.0.1:1 from be: weight 8 / default-server from none / server f 127.0.0.1:1";
    let proxy = listen(lines);
    let seen: Vec<_> = proxy.servers.iter().map(|s| (&*s.name, s.weight, s.maxconn, s.maxqueue, s.id)).collect();
    assert_eq!(
        seen,
        [
            ("a", 7, 3, 0, 1),
            ("b", 1, 0, 0, 2),
            ("c", 200, 9, 5, 3),
            ("d", 200, 9, 5, 40),
            ("e", 8, 3, 0, 5),
            ("f", 1, 0, 0, 6)
        ]
    );
    assert!(!proxy.default_servers.has_unnamed());
    assert_eq!(proxy.default_servers.names().collect::<Vec<_>>(), ["big"]);
}

#[test]
fn failures_that_are_retried() {
    let of = |line: &str| good(&format!("backend b\n {line}\n")).proxies[0].retry_on;
    assert_eq!(of("retries 1"), RetryOn::CONN_FAILURE);
    assert_eq!(of("retry-on none"), RetryOn::NONE);
    let all = of("retry-on all-retryable-errors");
    assert!(all.has(RetryOn::CONN_FAILURE) && all.has(RetryOn::JUNK_RESPONSE) && all.has(RetryOn::RESPONSE_TIMEOUT));
    assert_eq!([404, 500, 501, 503].map(|status| all.has_status(status)), [false, true, false, true]);
    let few = of("retry-on empty-response 404");
    assert!(few.has(RetryOn::EMPTY_RESPONSE) && few.has_status(404) && !few.has(RetryOn::CONN_FAILURE));
    assert!(few.reads_answers() && !of("retry-on empty-response response-timeout").reads_answers());
}

#[test]
fn failures_that_traffic_counts() {
    let config = good(
        "backend b\n server a 127.0.0.1:1\n server b 127.0.0.1:1 max-fails 1\n \
         server c 127.0.0.1:1 max-fails 3 fail-timeout 2m\n",
    );
    let said: Vec<_> = config.proxies[0].servers.iter().map(|s| (s.max_fails, s.fail_timeout.as_secs())).collect();
    assert_eq!(said, [(0, 10), (1, 10), (3, 120)]);
}
