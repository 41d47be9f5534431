//! What a running HAProxy 2.6 says of single lines in a `listen l` section, and this parser too. Full
//! stops and colons at the end, and suggestions, are left out: the nearest word need not be the same.

use super::{Fake, parse};

const BEFORE: &str = "defaults\n timeout client 1s\n timeout server 1s\n timeout connect 1s\n\
                      listen l\n bind 127.0.0.1:18099\n ";

#[rustfmt::skip]
const SEEN: &[(&str, &[&str])] = &[
    ("retries", &["[ALERT] 'retries' expects an integer argument (dispatch counts for one)"]),
    ("retries 3 4", &["[ALERT] 'retries' cannot handle unexpected argument '4'"]),
    ("mode foo", &["[ALERT] unknown proxy mode 'foo'"]),
    ("mode", &["[ALERT] unknown proxy mode ''"]),
    ("mode http x", &["[ALERT] 'mode' cannot handle unexpected argument 'x'"]),
    ("balance rr", &["[ALERT] balance only supports 'roundrobin', 'static-rr', 'leastconn', 'source', 'uri', 'url_param', 'hdr(name)' and 'rdp-cookie(name)' options"]),
    ("balance", &[]),
    ("balance random(0)", &["[ALERT] balance random : number of draws must be at least 1"]),
    ("balance random(x)", &["[ALERT] balance random : unexpected character 'x' after argument"]),
    ("balance uri foo", &["[ALERT] balance uri only accepts parameters 'len', 'depth', 'path-only', and 'whole' (got 'foo')"]),
    ("balance uri len", &["[ALERT] balance uri : 'len' expects a positive integer (got '')"]),
    ("balance hdr", &["[ALERT] balance only supports 'roundrobin', 'static-rr', 'leastconn', 'source', 'uri', 'url_param', 'hdr(name)' and 'rdp-cookie(name)' options"]),
    ("balance hdr(", &["[ALERT] balance hdr requires an http header field name"]),
    ("balance url_param", &["[ALERT] balance url_param requires an URL parameter name"]),
    ("server", &["[ALERT] 'server' expects <name> and <addr>[:<port>] as arguments"]),
    ("server s2", &["[ALERT] 'server' expects <name> and <addr>[:<port>] as arguments"]),
    ("server s4 1.2.3.4:80 weight 500", &["[ALERT] 'server l/s4' : weight of server s4 is not within 0 and 256 (500)"]),
    ("server s4 1.2.3.4:80 track a/b", &["[ALERT] 'server l/s4' : unable to find required proxy 'a' for tracking"]),
    ("server s4 1.2.3.4:80 track l/b", &["[ALERT] 'server l/s4' : unable to find required server 'b' for tracking"]),
    ("server s4 1.2.3.4:80 track b", &["[ALERT] 'server l/s4' : unable to find required server 'b' for tracking"]),
    ("server s5 1.2.3.4:80 inter", &["[ALERT] 'server l/s5' : 'inter' expects a delay as argument"]),
    ("server s5 1.2.3.4:80 inter 0", &["[ALERT] 'server l/s5' : invalid value 0 for argument 'inter' of server s5"]),
    ("server s5 1.2.3.4:80 chek", &["[ALERT] 'server l/s5' : unknown keyword 'chek'"]),
    ("server s5 1.2.3.4:99999", &["[ALERT] 'server l/s5' : invalid port '99999'"]),
    ("server s5 :80", &[]),
    ("server s5 *:80", &[]),
    ("server s5 1.2.3.4:80-90", &["[ALERT] 'server l/s5' : port range not permitted here in '1.2.3.4:80-90'"]),
    ("server s! 1.2.3.4:80", &["[ALERT] character '!' is not permitted in server name 's!'"]),
    ("server s5 1.2.3.4:80 rise 0", &["[ALERT] 'server l/s5' : 'rise' has to be > 0"]),
    ("server s5 1.2.3.4:80 fall x", &["[ALERT] 'server l/s5' : 'fall' has to be > 0"]),
    ("server s5 1.2.3.4:80 id 0", &["[ALERT] 'server l/s5' : 'id' : custom id has to be > 0"]),
    ("server s5 1.2.3.4:80 id x", &["[ALERT] 'server l/s5' : 'id' : custom id has to be > 0"]),
    ("server s5 1.2.3.4:80 id 3 id 4\n server s6 1.2.3.4:80 id 4", &["[ALERT] 'server l/s6' : 'id' : custom id 4 already used at a.cfg:7 ('server s5')"]),
    ("server s5 1.2.3.4:80 cookie", &["[ALERT] 'server l/s5' : 'cookie' expects <value> as argument"]),
    ("server s5 1.2.3.4:80 observe foo", &["[ALERT] 'server l/s5' : 'observe' expects one of 'none', 'layer4', 'layer7' but got 'foo'"]),
    ("server s5 1.2.3.4:80 on-error foo", &["[ALERT] 'server l/s5' : 'on-error' expects one of 'fastinter', 'fail-check', 'sudden-death' or 'mark-down' but got 'foo'"]),
    ("server s5 1.2.3.4:80 on-marked-down foo", &["[ALERT] 'server l/s5' : 'on-marked-down' expects 'shutdown-sessions' but got 'foo'"]),
    ("server s5 1.2.3.4:80 on-marked-up foo", &["[ALERT] 'server l/s5' : 'on-marked-up' expects 'shutdown-backup-sessions' but got 'foo'"]),
    ("server s5 1.2.3.4:80 slowstart 10y", &["[ALERT] 'server l/s5' : unexpected character 'y' in 'slowstart' argument of server s5"]),
    ("server s5 1.2.3.4:80 agent-check", &["[ALERT] 'server l/s5' : server s5 does not have agent port. Agent check has been disabled"]),
    ("server s5 1.2.3.4:80 addr foo:bar", &["[ALERT] 'server l/s5' : 'addr' : invalid character 'b' in port number 'bar' in 'foo:bar'"]),
    ("server s5 1.2.3.4:80 error-limit 0", &["[ALERT] 'server l/s5' : error-limit has to be > 0"]),
    ("server s5 1.2.3.4:80 pool-max-conn -2", &["[ALERT] 'server l/s5' : 'pool-max-conn' must be >= -1"]),
    ("server s5 1.2.3.4:80 source", &["[ALERT] 'server l/s5' : 'source' expects <addr>[:<port>[-<port>]], and optionally 'usesrc' <addr>, and 'interface' <name> as argument"]),
    ("server s1 1.2.3.4:80\n server s1 1.2.3.5:80", &["[ALERT] proxy 'l', another server named 's1' was already defined at line 7, please use distinct names"]),
    ("default-server", &[]),
    ("default-server track a/b", &[]),
    ("server s /tmp/x", &[]),
    ("server s unix@/tmp/x", &[]),
    ("server s abns@x", &[]),
    ("server s fd@3", &["[ALERT] 'server l/s' : a file descriptor is not acceptable here in 'fd@3'"]),
    ("server s [::1]:80", &[]),
    ("server s ::1:80", &[]),
    ("server s 1.2.3.4:0", &[]),
    ("server s udp@1.2.3.4:80", &["[ALERT] 'server l/s' : dgram-type address not acceptable in 'udp@1.2.3.4:80'"]),
    ("server s 1.2.3.4:http", &["[ALERT] 'server l/s' : invalid character 'h' in port number 'http' in '1.2.3.4:http'"]),
    ("bind", &["[ALERT] 'bind' expects {<path>|[addr1]:port1[-end1]}{,[addr]:port[-end]}... as arguments"]),
    ("bind :0", &["[ALERT] 'bind' : invalid port '0'"]),
    ("bind 127.0.0.1", &["[ALERT] 'bind' : missing port specification in '127.0.0.1'"]),
    ("bind 127.0.0.1:99999", &["[ALERT] 'bind' : invalid port '99999'"]),
    ("bind 127.0.0.1:+80", &["[ALERT] 'bind' : port offset not permitted here in '127.0.0.1:+80'"]),
    ("bind 127.0.0.1:18001-18003", &[]),
    ("bind 127.0.0.1:18003-18001", &["[ALERT] 'bind' : invalid port range '18003-18001'"]),
    ("bind nosuch.invalid:80", &["[ALERT] 'bind' : invalid address: 'nosuch.invalid' in 'nosuch.invalid:80'"]),
    ("bind fd@x", &["[ALERT] 'bind' : file descriptor 'x' is not a valid integer in 'fd@x'"]),
    ("bind \"fd@${NOPE}\"", &["[ALERT] 'bind' : file descriptor '' is not a valid integer in 'fd@'"]),
    ("bind fd@${NOPE}", &["[ALERT] 'bind' : file descriptor '' is not a valid integer in 'fd@${NOPE}'"]),
    ("bind abns@", &[]),
    ("bind /tmp/x mode 999", &["[ALERT] 'bind /tmp/x' in section 'listen' : 'mode' : missing or invalid mode '999' (octal integer expected)"]),
    ("bind /tmp/x user nosuch", &["[ALERT] 'bind /tmp/x' in section 'listen' : 'user' : unknown user name 'nosuch'"]),
    ("bind /tmp/x group nosuch", &["[ALERT] 'bind /tmp/x' in section 'listen' : 'group' : unknown group name 'nosuch'"]),
    ("bind 127.0.0.1:18001 maxconn", &["[ALERT] 'bind 127.0.0.1:18001' in section 'listen' : 'maxconn' : missing value"]),
    ("bind 127.0.0.1:18001 id x", &["[ALERT] 'bind 127.0.0.1:18001' in section 'listen' : 'id' : expects an integer argument, found 'x'"]),
    ("bind 127.0.0.1:18001 name", &["[ALERT] 'bind 127.0.0.1:18001' in section 'listen' : 'name' : missing name"]),
    ("bind 127.0.0.1:18001 level admin", &[]),
    ("bind 127.0.0.1:18001 acept-proxy", &["[ALERT] 'bind 127.0.0.1:18001' in section 'listen': unknown keyword 'acept-proxy'"]),
    ("bind 127.0.0.1:18001,127.0.0.1:18002 name x", &[]),
    ("bind 127.0.0.1:18099", &[]),
    ("bind ipv4@[::1]:80", &["[ALERT] 'bind' : invalid address: '[::1]' in 'ipv4@[::1]:80'"]),
    ("bind udp@127.0.0.1:18001", &["[ALERT] 'bind' : dgram-type address not acceptable in 'udp@127.0.0.1:18001'"]),
    ("bind foo@127.0.0.1:18001", &["[ALERT] 'bind' : invalid address: 'foo@127.0.0.1' in 'foo@127.0.0.1:18001'"]),
    ("bind 300.1.1.1:80", &["[ALERT] 'bind' : invalid address: '300.1.1.1' in '300.1.1.1:80'"]),
    ("bind 127.0.0.1:18001 defer-accept x", &["[ALERT] 'bind 127.0.0.1:18001' in section 'listen': unknown keyword 'x'"]),
    ("maxconn", &["[ALERT] 'maxconn' expects an integer argument"]),
    ("fullconn", &["[ALERT] 'fullconn' expects an integer argument"]),
    ("rate-limit foo 3", &["[ALERT] 'rate-limit' only supports 'sessions' (got 'foo')"]),
    ("timeout", &["[ALERT] 'timeout' supports 'client', 'server', 'connect', 'check', 'queue', 'http-keep-alive', 'http-request', 'tunnel', 'tarpit', 'client-fin' and 'server-fin' (got '')"]),
    ("timeout client", &["[ALERT] 'timeout client' expects an integer value (in milliseconds)"]),
    ("timeout client 10x", &["[ALERT] unexpected character 'x' in 'timeout client'"]),
    ("timeout client 1s 2s", &["[ALERT] 'timeout client' : unexpected extra argument '2s' after value '1s'"]),
    ("timeout client 100d", &["[ALERT] timer overflow in argument '100d' to 'timeout client' (maximum value is 2147483647 ms or ~24.8 days)"]),
    ("timeout queu 3s", &["[ALERT] 'timeout' supports 'client', 'server', 'connect', 'check', 'queue', 'http-keep-alive', 'http-request', 'tunnel', 'tarpit', 'client-fin' and 'server-fin' (got 'queu')"]),
    ("timeout client -1", &["[ALERT] unexpected character '-' in 'timeout client'"]),
    ("timeout client 1.5s", &["[ALERT] unexpected character '.' in 'timeout client'"]),
    ("option", &["[ALERT] 'option' expects an option name"]),
    ("option foo", &["[ALERT] unknown option 'foo'"]),
    ("option redispatch 0", &[]),
    ("no option redispatch", &[]),
    ("no option httpchk", &["[ALERT] negation/default is not supported for option 'httpchk'"]),
    ("no option forwardfor", &["[ALERT] negation/default is not supported for option 'forwardfor'"]),
    ("option forwardfor except", &["[ALERT] 'option forwardfor except' expects <address>[/mask] as argument"]),
    ("option forwardfor except x", &["[ALERT] 'option forwardfor except' expects <address>[/mask] as argument"]),
    ("option forwardfor foo", &["[ALERT] 'option forwardfor' only supports optional values: 'except', 'header' and 'if-none'"]),
    ("option forwardfor header", &["[ALERT] 'option forwardfor header' expects <header_name> as argument"]),
    ("option httplog foo", &["[ALERT] keyword 'httplog' only supports option 'clf'"]),
    ("option dontlognull x", &["[ALERT] 'option dontlognull' cannot handle unexpected argument 'x'"]),
    ("option httpclose", &[]),
    ("option http-server-close\n option httpclose", &[]),
    ("http-reuse foo", &["[ALERT] 'http-reuse' only supports 'never', 'safe', 'aggressive', 'always'"]),
    ("http-reuse", &["[ALERT] 'http-reuse' only supports 'never', 'safe', 'aggressive', 'always'"]),
    ("cookie", &["[ALERT] 'cookie' expects <cookie_name> as argument"]),
    ("cookie A foo", &["[ALERT] 'cookie' supports 'rewrite', 'insert', 'prefix', 'indirect', 'nocache', 'postonly', 'domain', 'maxidle', 'dynamic', 'maxlife' and 'attr' options"]),
    ("cookie A insert prefix", &["[ALERT] cookie 'rewrite', 'insert' and 'prefix' modes are incompatible"]),
    ("cookie A rewrite insert", &["[ALERT] cookie 'rewrite', 'insert' and 'prefix' modes are incompatible"]),
    ("cookie A domain", &["[ALERT] 'domain' expects <domain> as argument"]),
    ("cookie A domain x.com", &["[WARNING] cookie will be ignored for proxy 'l' (needs 'mode http')"]),
    ("cookie A attr", &["[ALERT] 'attr' expects <value> as argument"]),
    ("hash-type foo", &["[ALERT] 'hash-type' only supports 'consistent' and 'map-based'"]),
    ("id x", &["[ALERT] custom id has to be > 0"]),
    ("id 0", &["[ALERT] custom id has to be > 0"]),
    ("id 5 6", &["[ALERT] 'id' cannot handle unexpected argument '6'"]),
    ("description a b", &[]),
    ("disabled x", &["[ALERT] 'disabled' cannot handle unexpected argument 'x'"]),
    ("log", &["[ALERT] log : expects <address> and <facility> or global as arguments"]),
    ("log global x", &["[ALERT] log : unknown log facility 'x'"]),
    ("no log", &[]),
    ("log 1.2.3.4 local0 foo", &["[ALERT] log : unknown optional log level 'foo'"]),
    ("log 1.2.3.4 local0 info foo", &["[ALERT] log : unknown optional minimum log level 'foo'"]),
    ("log 1.2.3.4 len x local0", &["[ALERT] log : invalid log length 'x', must be between 80 and 65535"]),
    ("log 1.2.3.4 format foo local0", &["[ALERT] log : unknown log format 'foo'"]),
    ("log 1.2.3.4:99999 local0", &["[ALERT] log : invalid port '99999'"]),
    ("log stdout local0", &[]),
    ("log foo@bar local0", &["[ALERT] log : invalid address: 'foo@bar' in 'foo@bar'"]),
    ("log /tmp/x local0 info notice debug", &["[ALERT] log : cannot handle unexpected argument 'debug'"]),
    ("log 1.2.3.4", &["[ALERT] log : expects <address> and <facility> or global as arguments"]),
    ("log-tag", &["[ALERT] 'log-tag' expects a tag for use in syslog"]),
    ("errorfile 400", &["[ALERT] errorfile : expects <status_code> and <file> as arguments"]),
    ("errorfile 400 /nonexist", &["[ALERT] errorfile : error opening file '/nonexist'"]),
    ("errorfile 999 /dev/null", &["[ALERT] errorfile : status code '999' not handled"]),
    ("errorloc 400 http://x", &[]),
    ("load-server-state-from-file foo", &["[ALERT] 'load-server-state-from-file' expects 'global', 'local' or 'none'. Got 'foo'"]),
    ("load-server-state-from-file", &["[ALERT] 'load-server-state-from-file' expects 'global', 'local' or 'none'. Got ''"]),
];

/// A message without what may differ.
fn core(message: &str) -> &str {
    let first = message.lines().next().unwrap_or_default();
    first.split("; did you mean").next().unwrap_or_default().trim_end_matches(['.', ' ', ':'])
}

#[test]
fn lines_are_judged_as_haproxy_judges_them() {
    let mut wrong = Vec::new();
    for (line, expected) in SEEN {
        let outcome = parse(&format!("{BEFORE}{line}\n"), &Fake::default());
        let found: Vec<String> = outcome
            .diagnostics
            .iter()
            .map(|d| format!("{}{}", d.severity.label().trim_end(), format_args!(" {}", core(&d.message))))
            .filter(|message| !message.contains("log address"))
            .collect();
        if found != *expected {
            wrong.push(format!("{line}\n  HAProxy: {expected:?}\n  found:   {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
