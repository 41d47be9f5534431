//! ACLs, conditions, formats and the rules that use them.

use super::{Fake, good, good_in, parse, shown};
use crate::model::*;
use expect_test::expect;
use lb_sample::Sample;

const HEAD: &str = "defaults\n mode http\n timeout client 1s\n timeout server 1s\n timeout connect 1s\n log stdout local0\n\
                    backend b\n server s 1.2.3.4:80\nfrontend f\n bind :1\n ";

fn frontend(lines: &str) -> Proxy {
    good(&format!("{HEAD}{}\n", lines.replace(" / ", "\n "))).proxies.remove(1)
}

#[test]
fn switching_rules() {
    let p = frontend(
        "acl img path_beg /img / acl local src 10.0.0.0/8 / use_backend b if img !local / use_backend b unless img or local / \
         use_backend b if { hdr(host) -i a.example } / use_backend b",
    );
    assert_eq!((p.acls.len(), p.use_backend.len()), (2, 4));
    assert!(
        p.use_backend[..3].iter().all(|rule| rule.condition.is_some() && rule.backend.fixed() == Some(ProxyIdx(0)))
    );
    assert!(p.use_backend[3].condition.is_none());
}

#[test]
fn http_rules() {
    let p = frontend(
        "http-request allow if { path /q } / http-request deny status 429 if { path /a } / \
         http-request set-header X-Src %[src] / http-request add-header X-A \"a b\" / http-request del-header X-B / \
         http-request set-path /x%[path] / http-request redirect scheme https code 301 if { path /s } / \
         http-request return status 200 content-type text/plain string ok if { path /r } / redirect prefix /y if { path /t } / \
         http-response set-header X-Y z",
    );
    use HttpAction::*;
    let actions: Vec<&HttpAction> = p.http_request.iter().map(|rule| &rule.action).collect();
    let [
        Allow,
        Deny(denied),
        SetHeader(..),
        AddHeader(..),
        DelHeader(_),
        SetLine(_),
        Redirect(to),
        Return(answer),
        Redirect(last),
    ] = actions.as_slice()
    else {
        panic!("{actions:?}")
    };
    assert_eq!((to.kind, to.code), (RedirectKind::Scheme, 301));
    assert_eq!((denied.status, answer.status), (429, 200));
    assert!(matches!(&answer.content, ReplyContent::Static(kind, body) if kind == "text/plain" && **body == *b"ok"));
    assert_eq!(last.kind, RedirectKind::Prefix);
    assert_eq!(p.http_response.len(), 1);
}

#[test]
fn tcp_rules() {
    let p = frontend("tcp-request connection reject if { src 10.0.0.0/8 } / tcp-request content accept");
    let seen: Vec<_> = p.tcp_request.iter().map(|r| (r.stage, &r.action, r.condition.is_some())).collect();
    assert!(
        matches!(
            seen.as_slice(),
            [(TcpStage::Connection, TcpAction::Reject, true), (TcpStage::Content, TcpAction::Accept, false)]
        ),
        "{seen:?}"
    );
}

#[test]
fn variables_of_the_process_have_their_values_from_the_start() {
    let config = good("global\n set-var proc.n int(5),add(2)\n set-var-fmt proc.s \"x%[var(proc.n)]\"\n");
    assert_eq!(config.vars.get("n"), Some(Sample::Int(7)));
    assert_eq!(config.vars.get("s"), Some(Sample::text(b"x7")));
    assert_eq!(config.vars.get("t"), None);
}

#[test]
fn faults_in_actions_on_variables_are_named() {
    let faults = |rule: &str| shown(&format!("{HEAD}{rule}\n")).lines().take(1).collect::<String>();
    let begin = "[ALERT]    (1) : config : parsing [a.cfg:11] : error detected in frontend 'f' while parsing";
    let scopes = "A variable name must be start by its scope. The scope can be 'proc', 'sess', 'txn', 'req', 'res' or \
                  'check'.";
    for (rule, complaint) in [
        ("set-var(foo) int(1)", &*format!("invalid variable name 'foo'. {scopes}")),
        ("set-var(xx.foo) int(1)", &format!("invalid variable name 'xx.foo'. {scopes}")),
        (
            "set-var(txn.a int(1)",
            "incomplete argument after action 'set-var(txn.a'. Expects 'set-var(<var-name>)', \
                                  'set-var-fmt(<var-name>)' or 'unset-var(<var-name>)'.",
        ),
        ("set-var(txn.a)", "missing fetch method."),
        ("set-var(txn.a,foo) int(1)", "unknown condition \"foo\"."),
        (
            "set-var(txn.a) res.hdr(a)",
            "fetch method 'set-var(txn.a)' extracts information from 'HTTP response headers', \
                                       none of which is available here.",
        ),
    ] {
        let word = rule.split(' ').next().unwrap();
        assert_eq!(
            faults(&format!("http-request {rule}")),
            format!("{begin} 'http-request {word}' rule : {complaint}"),
        );
    }
    let global = |line: &str| shown(&format!("global\n {line}\n")).lines().take(1).collect::<String>();
    assert_eq!(
        global("set-var sess.a int(1)"),
        "[ALERT]    (1) : config : parsing [a.cfg:2] : 'set-var': cannot set variable 'sess.a', only scope 'proc' is \
         permitted in the global section."
    );
    assert!(global("set-var proc.a src").contains("extracts information from 'client connection'"));
}

#[test]
fn rules_of_a_named_defaults_section_are_inherited() {
    let config = good(
        "defaults web\n mode http\n acl bad path_beg /bad\n http-request deny if bad\n\
         frontend f\n bind :1\n http-request allow\nbackend b\n",
    );
    assert_eq!(config.proxies[0].http_request.len(), 2);
    assert!(config.proxies[0].acls.is_empty());
    let text = shown("defaults web\n mode http\n http-request deny\nlisten l\n bind :1\n");
    assert!(
        text.contains("a listen section cannot inherit from a defaults section defining TCP/HTTP rules."),
        "{text}"
    );
}

#[test]
fn log_formats() {
    for lines in
        ["option httplog", "option httplog clf", "option tcplog", "log-format \"%ci %ST\"", "log-format '%[src]'"]
    {
        assert!(frontend(lines).log_format.is_some(), "{lines}");
    }
    assert!(frontend("option dontlognull").log_format.is_none());
    let p = good("defaults\n mode tcp\n log stdout local0\nfrontend f\n bind :1\n option httplog\n").proxies.remove(0);
    assert!(p.log_format.is_some());
    let p = good(&format!("{HEAD}log-format \"${{HAPROXY_HTTP_LOG_FMT}} %ID\"\n"));
    assert!(p.proxies[1].log_format.is_some());
}

#[test]
fn pattern_files_are_read_through_the_host() {
    let host = Fake { files: [("/ips", &b"10.0.0.0/8\n192.168.0.0/16\n"[..])].into(), ..Fake::default() };
    let config = good_in("frontend f\n mode tcp\n bind :1\n tcp-request connection reject if { src -f /ips }\n", &host);
    assert_eq!(config.proxies[0].tcp_request.len(), 1);
}

#[test]
fn faults() {
    let text = format!(
        "{HEAD}{}\n",
        [
            "acl img pth_beg /img",
            "acl ok path /x",
            "use_backend b if img",
            "use_backend b if okk",
            "use_backend nope if { path_beg /x",
            "http-request denyy",
            "http-request deny foo",
            "http-request deny status 999",
            "http-request set-header X",
            "http-request set-header X %[sr]",
            "http-request redirect location /x code 399",
            "http-request return status 200 string hello",
            "http-request send-spoe-group x",
            "tcp-request connection foo",
            "log-format \"%ci %foo\"",
        ]
        .join("\n ")
    );
    assert!(parse(&text, &Fake::default()).config.is_none());
    expect![[r#"
        [ALERT]    (1) : config : parsing [a.cfg:11] : error detected while parsing ACL 'img' : unknown fetch method 'pth_beg' in ACL expression 'pth_beg'.
           |   acl img pth_beg /img
           |           ^^^^^^^
           | help: did you mean 'path_beg'?
        [ALERT]    (1) : config : parsing [a.cfg:14] : error detected while parsing switching rule : no such ACL : 'okk'.
           |   use_backend b if okk
           |                    ^^^
           | help: did you mean 'ok'?
        [ALERT]    (1) : config : parsing [a.cfg:15] : error detected while parsing switching rule : missing closing '}' in condition.
           |   use_backend nope if { path_beg /x
           |                       ^
           | help: put ' }' behind the last value
        [ALERT]    (1) : config : parsing [a.cfg:16] : 'http-request' expects 'add-acl*', 'add-header', 'allow', 'auth', 'capture', 'del-acl*', 'del-header', 'del-map*', 'deny', 'do-log', 'early-hint', 'normalize-uri', 'pause', 'redirect', 'reject', 'replace-header', 'replace-path', 'replace-pathq', 'replace-uri', 'replace-value', 'return', 'sc-add-gpc*', 'sc-inc-gpc*', 'sc-inc-gpc0*', 'sc-inc-gpc1*', 'sc-set-gpt*', 'sc-set-gpt0*', 'set-dst', 'set-dst-port', 'set-fc-mark', 'set-fc-tos', 'set-header', 'set-log-level', 'set-map*', 'set-mark', 'set-method', 'set-nice', 'set-path', 'set-pathq', 'set-priority-class', 'set-priority-offset', 'set-query', 'set-src', 'set-src-port', 'set-timeout', 'set-tos', 'set-uri', 'set-var*', 'set-var-fmt*', 'silent-drop', 'strict-mode', 'tarpit', 'track-sc*', 'unset-var*', 'use-service', 'wait-for-body', 'wait-for-handshake', but got 'denyy'. Did you mean 'deny' maybe ?
           |   http-request denyy
           |                ^^^^^
        [ALERT]    (1) : config : parsing [a.cfg:17] : 'http-request deny' expects either 'if' or 'unless' followed by a condition but found 'foo'.
           |   http-request deny foo
           |                     ^^^
        [ALERT]    (1) : config : parsing [a.cfg:18] : error detected in frontend 'f' while parsing 'http-request deny' rule : Unexpected status code '999'.
           |   http-request deny status 999
           |                            ^^^
        [ALERT]    (1) : config : parsing [a.cfg:19] : error detected in frontend 'f' while parsing 'http-request set-header' rule : expects exactly 2 arguments.
           |   http-request set-header X
           |                            ^
        [ALERT]    (1) : config : parsing [a.cfg:20] : error detected in frontend 'f' while parsing 'http-request set-header' rule : failed to parse sample expression <sr> : unknown fetch method 'sr'.
           |   http-request set-header X %[sr]
           |                             ^^^^^
           | help: did you mean 'str'?
        [ALERT]    (1) : config : parsing [a.cfg:21] : error detected in frontend 'f' while parsing 'http-request redirect' rule : 'code': unsupported HTTP code '399' (must be one of 301, 302, 303, 307 or 308).
           |   http-request redirect location /x code 399
           |                                          ^^^
        [ALERT]    (1) : config : parsing [a.cfg:22] : error detected in frontend 'f' while parsing 'http-request return' rule : a content type must be defined when non-empty payload is configured.
           |   http-request return status 200 string hello
           |                       ^^^^^^
           | help: add 'content-type text/plain'
        [ALERT]    (1) : config : parsing [a.cfg:23] : 'http-request send-spoe-group' is a HAProxy keyword that lbd does not support yet.
           |   http-request send-spoe-group x
           |                ^^^^^^^^^^^^^^^
        [ALERT]    (1) : config : parsing [a.cfg:24] : 'tcp-request connection' expects 'accept', 'do-log', 'expect-proxy', 'reject', 'sc-add-gpc*', 'sc-inc-gpc*', 'sc-inc-gpc0*', 'sc-inc-gpc1*', 'sc-set-gpt*', 'sc-set-gpt0*', 'set-dst', 'set-dst-port', 'set-fc-mark', 'set-fc-tos', 'set-mark', 'set-src', 'set-src-port', 'set-tos', 'set-var*', 'set-var-fmt*', 'silent-drop', 'track-sc*', 'unset-var*', but got 'foo'.
           |   tcp-request connection foo
           |                          ^^^
        [ALERT]    (1) : config : parsing [a.cfg:15] : Proxy 'f': unable to find required use_backend: 'nope'.
           |   use_backend nope if { path_beg /x
           |               ^^^^
        [ALERT]    (1) : config : parsing [a.cfg:25] : failed to parse log-format : no such format alias 'foo'. If you wanted to emit the '%' character verbatim, you need to use '%%'.
           |   log-format "%ci %foo"
           |                   ^
           | help: did you mean '%f'?
    "#]].assert_eq(&shown(&text));
}
