use super::*;

fn converted(dialect: Dialect, text: &str) -> (String, Vec<String>) {
    let include = |name: &str| match name {
        "more.conf" => Some(vec![(name.to_owned(), "upstream more { server 10.0.0.9; }".to_owned())]),
        "loop.conf" => Some(vec![(name.to_owned(), "include loop.conf;".to_owned())]),
        _ => None,
    };
    let plan = convert(dialect, text, Wishes::default(), &include).unwrap();
    let lost = plan.findings.iter().filter(|f| f.lost).map(|f| format!("{}: {}: {}", f.line, f.what, f.why)).collect();
    (plan.text("a test"), lost)
}

/// The lines of a converted upstream or balancer.
fn backend(dialect: Dialect, text: &str, name: &str) -> Vec<String> {
    let (result, _) = converted(dialect, text);
    let lines = result.lines().skip_while(|line| *line != format!("backend {name}")).skip(1);
    lines.take_while(|line| !line.is_empty()).map(|line| line.trim().to_owned()).collect()
}

#[test]
fn upstreams_become_backends() {
    let text = "http { upstream a { ip_hash; server 10.0.0.1:80 weight=2 max_fails=3 fail_timeout=1m30s max_conns=9 slow_start=5s;\n\
                server 10.0.0.2 max_fails=0 down; server unix:/run/x.sock backup; } }";
    assert_eq!(
        backend(Dialect::Nginx, text, "a"),
        [
            "balance source",
            "retries 2",
            "option redispatch 1",
            "retry-on conn-failure empty-response response-timeout",
            "server s1 10.0.0.1:80 weight 2 maxconn 9 slowstart 5s check inter 90s fastinter 90s downinter 90s rise 1 fall 3 observe layer4 error-limit 3 on-error mark-down",
            "server s2 10.0.0.2:80 disabled",
            "server s3 /run/x.sock backup check inter 10s fastinter 10s downinter 10s rise 1 fall 1 observe layer4 error-limit 1 on-error mark-down",
        ]
    );
}

#[test]
fn own_words_say_it_shorter() {
    let text = "http { upstream a { server 10.0.0.1 max_fails=2; server 10.0.0.2; } }";
    let plan = convert(Dialect::Nginx, text, Wishes { own_words: true }, &|_| None).unwrap().text("a test");
    assert!(plan.contains("server s1 10.0.0.1:80 max-fails 2 fail-timeout 10s\n"), "{plan}");
}

#[test]
fn checks_and_matches_are_kept() {
    let text = "http { upstream a { server 10.0.0.1; } match ok { status ! 500 502; header X = y; body !~ \"down\"; }\n\
                server { location / { proxy_pass http://a; proxy_set_header Host $host;\n\
                health_check uri=/h interval=500ms fails=2 passes=3 port=81 match=ok; } } }";
    assert_eq!(
        backend(Dialect::Nginx, text, "a"),
        [
            "balance roundrobin",
            "option httpchk",
            "http-check send meth GET uri /h ver HTTP/1.1 hdr Host localhost",
            "http-check expect ! status 500,502",
            "http-check expect hdr name X value -m str y",
            "http-check expect ! rstring down",
            "server s1 10.0.0.1:80 check inter 500ms fall 2 rise 3 port 81",
        ]
    );
}

#[test]
fn what_is_lost_is_named_with_its_line() {
    let (_, lost) = converted(
        Dialect::Nginx,
        "http {\n  lua_code_cache on;\n  server {\n    listen 81 ssl http3;\n    location /a { root /x; }\n  }\n}",
    );
    assert_eq!(
        lost,
        [
            "2: lua_code_cache on: has no counterpart",
            "4: listen 81 ssl http3: 'http3' has no counterpart",
            "5: root /x: has no counterpart",
            "5: location /a: serves files or another protocol: lbd passes requests on to servers",
        ]
    );
    let (_, lost) = converted(Dialect::Httpd, "Listen 80\nRewriteEngine On\nProxyPass / ajp://10.0.0.1:8009/\n");
    assert_eq!(
        lost,
        ["3: ProxyPass / ajp://10.0.0.1:8009/: 'ajp' is not spoken", "2: RewriteEngine On: has no counterpart",]
    );
}

#[test]
fn variables_and_paths_are_carried_over() {
    let text = "http { server { listen 80; location /api/ { proxy_pass http://10.0.0.1/v1/; proxy_set_header Host $host;\n\
                proxy_set_header X-Real-IP $remote_addr; proxy_set_header X-Proto \"$scheme 100%\"; } } }";
    let lines = backend(Dialect::Nginx, text, "10.0.0.1");
    assert!(lines.contains(&"http-request replace-path ^/api/(.*) '/v1/\\1'".to_owned()), "{lines:?}");
    assert!(lines.contains(&"http-request set-header X-Real-IP %[src]".to_owned()), "{lines:?}");
    assert!(
        lines.contains(&"http-request set-header X-Proto '%[ssl_fc,iif(https,http)] 100%%'".to_owned()),
        "{lines:?}"
    );
}

#[test]
fn balancers_become_backends() {
    let text = "ProxyHCExpr ok {%{REQUEST_STATUS} =~ /^[23]/}\n<Proxy balancer://b>\n\
                BalancerMember http://10.0.0.1:81 loadfactor=1.5 hcmethod=HEAD hcexpr=ok hcuri=/h hcinterval=5 \\\n  hcfails=2 hcpasses=3 route=r1\n\
                BalancerMember http://10.0.0.2 status=+H retry=7\nProxySet lbmethod=bybusyness stickysession=SID\n</Proxy>\n";
    assert_eq!(
        backend(Dialect::Httpd, text, "b"),
        [
            "balance leastconn",
            "cookie SID prefix nocache",
            "retries 1",
            "option redispatch 1",
            "option httpchk",
            "http-check send meth HEAD uri /h",
            "http-check expect rstatus ^[23]",
            "server s1 10.0.0.1:81 weight 15 cookie r1 check inter 5s fall 2 rise 3",
            "server s2 10.0.0.2:80 weight 10 backup check inter 7s fastinter 7s downinter 7s rise 1 fall 1 observe layer4 error-limit 1 on-error mark-down",
        ]
    );
}

#[test]
fn texts_that_cannot_be_read_are_told_where() {
    let fault = |dialect, text| convert(dialect, text, Wishes::default(), &|_| None).map(|_| ()).unwrap_err();
    assert_eq!(fault(Dialect::Nginx, "http {\n a \"b"), "line 2: a quote is not closed");
    assert_eq!(fault(Dialect::Nginx, "a;\n}"), "line 2: '}' closes no block");
    assert_eq!(fault(Dialect::Nginx, "http {"), "a block is not closed at the end");
    assert_eq!(fault(Dialect::Nginx, "a b"), "line 1: 'a' is not ended by ';' or a block");
    assert_eq!(fault(Dialect::Httpd, "<Proxy x>\n"), "line 1: <proxy> is not closed");
    assert_eq!(fault(Dialect::Httpd, "</Proxy>"), "line 1: </proxy> closes no section");
    let deep = "a {".repeat(100_000);
    assert_eq!(fault(Dialect::Nginx, &deep), "blocks are nested too deeply");
}

#[test]
fn files_are_included_and_loops_end() {
    assert!(converted(Dialect::Nginx, "http { include more.conf; }").0.contains("backend more\n"));
    assert_eq!(converted(Dialect::Nginx, "include loop.conf;").1, ["1: include loop.conf: has no counterpart"]);
}

#[test]
fn dialects_are_told_apart() {
    assert_eq!(Dialect::of("http {\n  upstream a { server b; }\n}\n"), Dialect::Nginx);
    assert_eq!(Dialect::of("Listen 80\n<Proxy balancer://a>\n</Proxy>\n"), Dialect::Httpd);
}
