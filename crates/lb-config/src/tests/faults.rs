//! Faults, as they are shown.

use super::{Fake, parse, shown, shown_in};
use crate::{Severity, Source};
use expect_test::{Expect, expect};

#[track_caller]
fn check(text: &str, expected: Expect) {
    expected.assert_eq(&shown(text));
}

#[test]
fn ten_faults_are_ten_reports() {
    let text = "\
global
    maxcon 100
    stats socket /run/a level root
defaults
    mode http
    timeout client 10x
    option httplogg
frontend web
    bind 127.0.0.1
    bindd :81
    default_backend ap
backend app
    balance rounrobin
    server s1 10.0.0.1:80 chek
    server s2 10.0.0.2:80 weight 300
    server s2 10.0.0.3:80
";
    let outcome = parse(text, &Fake::default());
    assert!(outcome.config.is_none());
    let alerts = outcome.diagnostics.iter().filter(|d| d.severity == Severity::Alert).count();
    assert_eq!(alerts, 11);
    check(
        text,
        expect![[r#"
            [ALERT]    (1) : config : parsing [a.cfg:2] : unknown keyword 'maxcon' in 'global' section; did you mean 'maxconn' maybe ?
               |   maxcon 100
               |   ^^^^^^
            [ALERT]    (1) : config : parsing [a.cfg:3] : 'stats socket' : 'level' : only supports 'user', 'operator', and 'admin' (got 'root')
               |   stats socket /run/a level root
               |                             ^^^^
            [ALERT]    (1) : config : parsing [a.cfg:6] : unexpected character 'x' in 'timeout client'
               |   timeout client 10x
               |                  ^^^
               | help: a duration is an integer and a unit: us, ms (the default), s, m, h or d
            [ALERT]    (1) : config : parsing [a.cfg:7] : unknown option 'httplogg'; did you mean 'httplog' maybe ?
               |   option httplogg
               |          ^^^^^^^^
            [ALERT]    (1) : config : parsing [a.cfg:9] : 'bind' : missing port specification in '127.0.0.1'
               |   bind 127.0.0.1
               |        ^^^^^^^^^
               | help: write the port after a colon, as in '127.0.0.1:80'; a path begins with '/'
            [ALERT]    (1) : config : parsing [a.cfg:10] : unknown keyword 'bindd' in 'frontend' section; did you mean 'bind' maybe ?
               |   bindd :81
               |   ^^^^^
            [ALERT]    (1) : config : parsing [a.cfg:13] : balance only supports 'roundrobin', 'static-rr', 'leastconn', 'source', 'uri', 'url_param', 'hdr(name)' and 'rdp-cookie(name)' options; did you mean 'roundrobin' maybe ?
               |   balance rounrobin
               |           ^^^^^^^^^
               | help: 'first' and 'random[(draws)]' are supported as well
            [ALERT]    (1) : config : parsing [a.cfg:14] : 'server app/s1' : unknown keyword 'chek'; did you mean 'check' maybe ?
               |   server s1 10.0.0.1:80 chek
               |                         ^^^^
            [ALERT]    (1) : config : parsing [a.cfg:15] : 'server app/s2' : weight of server s2 is not within 0 and 256 (300).
               |   server s2 10.0.0.2:80 weight 300
               |                                ^^^
            [ALERT]    (1) : config : parsing [a.cfg:16] : proxy 'app', another server named 's2' was already defined at line 15, please use distinct names.
               |   server s2 10.0.0.3:80
               |          ^^
            [ALERT]    (1) : config : parsing [a.cfg:11] : Proxy 'web': unable to find required default_backend: 'ap'.
               |   default_backend ap
               |                   ^^
               | help: did you mean 'app'?
        "#]],
    );
}

#[test]
fn ahead_of_any_section() {
    check(
        "foo bar\nfrontnd x\n",
        expect![[r#"
            [ALERT]    (1) : config : parsing [a.cfg:1] : unknown keyword 'foo' out of section.
               |   foo bar
               |   ^^^
               | help: a file begins with a section: global, defaults, frontend, backend or listen
            [ALERT]    (1) : config : parsing [a.cfg:2] : unknown keyword 'frontnd' out of section.
               |   frontnd x
               |   ^^^^^^^
               | help: did you mean 'frontend'?
        "#]],
    );
}

#[test]
fn quotes_variables_and_empty_words() {
    check(
        "backend b\n description \"abc\n description \"${1x}\"\n description a\\x4z\n server s 1.2.3.4:80 \"${NOPE}\" check\n",
        expect![[r#"
            [ALERT]    (1) : config : parsing [a.cfg:2] : unmatched quote at position 14.
               |   description "abc
               |               ^
               | help: close the quote, or put a backslash before it if it is part of the text
            [ALERT]    (1) : config : parsing [a.cfg:3] : forbidden first char in environment variable name at position 17.
               |   description "${1x}"
               |                  ^
               | help: a name is made of letters, digits and '_' and begins with no digit; only .FILE, .LINE and .SECTION begin with a dot; a dollar sign is written \$
            [ALERT]    (1) : config : parsing [a.cfg:4] : truncated or invalid hexadecimal sequence at position 15.
               |   description a\x4z
               |                ^
               | help: two hexadecimal digits follow \x, as in \x0a
            [ALERT]    (1) : config : parsing [a.cfg:5] : argument number 3 at position 21 is empty and marks the end of the argument list.
               |   server s 1.2.3.4:80 "${NOPE}" check
               |                       ^^^^^^^^^
               | help: an empty argument would hide all that follow it; if it comes from a variable, give the variable a default ("${NAME-value}") or let it vanish ("${NAME[*]}")
        "#]],
    );
}

#[test]
fn blocks() {
    check(
        ".endif\n.if foo(1) && defined(X)\nbackend a\n.else x\n.else\nbackend b\n.endif\n.if streq(a)\n.nope\n",
        expect![[r#"
            [ALERT]    (1) : config : parsing [a.cfg:1] : lone '.endif' with no matching '.if'.
               |   .endif
               |   ^^^^^^
            [ALERT]    (1) : config : parsing [a.cfg:2] : unparsable conditional expression 'foo(1) && defined(X)' in '.if' at position 1.
               |   .if foo(1) && defined(X)
               |       ^
            [ALERT]    (1) : config : parsing [a.cfg:4] : Unexpected argument 'x' for '.else'.
               |   .else x
               |         ^
            [ALERT]    (1) : config : parsing [a.cfg:8] : missing arguments (got 1/2), type 'string' expected in argument 1 of predicate 'streq' used in conditional expression in '.if' at position 6.
               |   .if streq(a)
               |            ^
               | help: 'streq' takes 2 argument(s) in parentheses
            [ALERT]    (1) : config : parsing [a.cfg:8] : non-terminated '.if' block.
               |   .if streq(a)
               |   ^^^
               | help: close it with '.endif' in the same file
        "#]],
    );
}

#[test]
fn a_keyword_out_of_place() {
    check(
        "defaults\n bind :80\n http-request deny\n\
         backend b\n bind :80\n maxconn 3\n timeout client 3s\n chroot /x\n nbthread 3\n\
         global\n option httplog\n nbthread 2\n",
        expect![[r#"
            [ALERT]    (1) : config : parsing [a.cfg:2] : 'bind' not allowed in 'defaults' section.
               |   bind :80
               |   ^^^^
            [ALERT]    (1) : config : parsing [a.cfg:3] : 'http-request' not allowed in anonymous 'defaults' section.
               |   http-request deny
               |   ^^^^^^^^^^^^
               | help: give the section a name, as in 'defaults web'
            [WARNING]  (1) : config : parsing [a.cfg:5] : 'bind' ignored because backend 'b' has no frontend capability.
               |   bind :80
               |   ^^^^
            [WARNING]  (1) : config : parsing [a.cfg:6] : 'maxconn' ignored because backend 'b' has no frontend capability. Maybe you want 'fullconn' instead ?
               |   maxconn 3
               |   ^^^^^^^
            [WARNING]  (1) : config : parsing [a.cfg:7] : 'timeout client' will be ignored because backend 'b' has no frontend capability
               |   timeout client 3s
               |           ^^^^^^
            [ALERT]    (1) : config : parsing [a.cfg:8] : unknown keyword 'chroot' in 'backend' section
               |   chroot /x
               |   ^^^^^^
               | help: 'chroot' belongs into the global section
            [ALERT]    (1) : config : parsing [a.cfg:9] : unknown keyword 'nbthread' in 'backend' section
               |   nbthread 3
               |   ^^^^^^^^
               | help: 'nbthread' belongs into the global section
            [ALERT]    (1) : config : parsing [a.cfg:11] : unknown keyword 'option' in 'global' section
               |   option httplog
               |   ^^^^^^
               | help: 'option' belongs into a defaults, frontend, listen or backend section
            [ALERT]    (1) : config : parsing [a.cfg:12] : 'nbthread' not allowed if a non-global section was previously defined. This parameter must be declared in the first global section
               |   nbthread 2
               |   ^^^^^^^^
        "#]],
    );
}

#[test]
fn what_haproxy_has_and_lbd_has_not() {
    check(
        "global\n lua-load /x\nfrontend f\n bind :443 ssl crt /c alpn h2\n option accept-invalid-http-request\n \
         http-request send-spoe-group a b\n tcp-request inspect-delay 5s\n filter trace\nfcgi-app p\n docroot /x\n\
         backend b\n server s 1.2.3.4:80 ssl verify none sni str(x) resolvers r\n reqadd X\n",
        expect![[r#"
            [ALERT]    (1) : config : parsing [a.cfg:2] : 'lua-load' is a HAProxy keyword that lbd does not support yet.
               |   lua-load /x
               |   ^^^^^^^^
            [ALERT]    (1) : config : parsing [a.cfg:5] : 'option accept-invalid-http-request' is a HAProxy keyword that lbd does not support yet.
               |   option accept-invalid-http-request
               |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^
            [ALERT]    (1) : config : parsing [a.cfg:6] : 'http-request send-spoe-group' is a HAProxy keyword that lbd does not support yet.
               |   http-request send-spoe-group a b
               |                ^^^^^^^^^^^^^^^
            [ALERT]    (1) : config : parsing [a.cfg:8] : 'filter trace' is a HAProxy keyword that lbd does not support yet.
               |   filter trace
               |          ^^^^^
            [ALERT]    (1) : config : parsing [a.cfg:9] : 'fcgi-app' is a HAProxy section that lbd does not support yet.
               |   fcgi-app p
               |   ^^^^^^^^
               | help: its lines were passed over
            [ALERT]    (1) : config : parsing [a.cfg:13] : The 'reqadd' directive is not supported anymore since HAProxy 2.1. Use 'http-request add-header' instead.
               |   reqadd X
               |   ^^^^^^
            [ALERT]    (1) : config : parsing [a.cfg:4] : 'bind :443' in section 'frontend' : unable to stat SSL certificate from file '/c' : No such file or directory.
               |   bind :443 ssl crt /c alpn h2
               |                     ^^
            [ALERT]    (1) : config : parsing [a.cfg:12] : backend 'b', server 's': unable to find required resolvers 'r'
               |   server s 1.2.3.4:80 ssl verify none sni str(x) resolvers r
               |          ^
               | help: declare them in a section 'resolvers r'
        "#]],
    );
}

#[test]
fn names_that_do_not_resolve() {
    check(
        "defaults\n mode http\n timeout client 1s\n timeout server 1s\n timeout connect 1s\n\
         frontend f\n bind :1\n default_backend aap\n\
         frontend g\n bind :2\n default_backend f\n\
         backend app\n server a 1.2.3.4:80 track nope/x\n server b 1.2.3.4:80 track c\n server c 1.2.3.4:80 track b\n \
         server d 1.2.3.4:80 track e\n server e 1.2.3.4:80\n server f 1.2.3.4:80 check track e\n\
         backend tcp\n mode tcp\n\
         frontend h\n bind :3\n default_backend tcp\n\
         backend app\n\
         listen f\n bind :4\n",
        expect![[r#"
            [ALERT]    (1) : config : parsing [a.cfg:18] : 'server app/f' : unable to enable checks and tracking at the same time!
               |   server f 1.2.3.4:80 check track e
               |          ^
            [ALERT]    (1) : config : parsing [a.cfg:24] : backend 'app' has the same name as backend 'app' declared at a.cfg:12.
               |   backend app
               |           ^^^
            [ALERT]    (1) : config : parsing [a.cfg:25] : listen 'f' has the same name as frontend 'f' declared at a.cfg:6. This is no longer supported as of 3.3. Please rename one or the other.
               |   listen f
               |          ^
            [ALERT]    (1) : config : parsing [a.cfg:8] : Proxy 'f': unable to find required default_backend: 'aap'.
               |   default_backend aap
               |                   ^^^
               | help: did you mean 'app'?
            [ALERT]    (1) : config : parsing [a.cfg:11] : Proxy 'g': unable to find required default_backend: 'f'.
               |   default_backend f
               |                   ^
               | help: 'f' is a frontend
            [ALERT]    (1) : config : parsing [a.cfg:13] : 'server app/a' : unable to find required proxy 'nope' for tracking.
               |   server a 1.2.3.4:80 track nope/x
               |                             ^^^^^^
            [ALERT]    (1) : config : parsing [a.cfg:14] : 'server app/b' : unable to track app/c as it belongs to a tracking chain looping back to app/b.
               |   server b 1.2.3.4:80 track c
               |                             ^
            [ALERT]    (1) : config : parsing [a.cfg:15] : 'server app/c' : unable to track app/b as it belongs to a tracking chain looping back to app/c.
               |   server c 1.2.3.4:80 track b
               |                             ^
            [ALERT]    (1) : config : parsing [a.cfg:16] : 'server app/d' : unable to use app/e for tracking as it does not have any check nor agent enabled.
               |   server d 1.2.3.4:80 track e
               |                             ^
               | help: add 'check' to server 'e'
            [ALERT]    (1) : config : parsing [a.cfg:18] : 'server app/f' : unable to use app/e for tracking as it does not have any check nor agent enabled.
               |   server f 1.2.3.4:80 check track e
               |                                   ^
               | help: add 'check' to server 'e'
            [ALERT]    (1) : config : parsing [a.cfg:23] : http frontend 'h' (a.cfg:21) tries to use incompatible tcp backend 'tcp' (a.cfg:19) as its default backend (see 'mode').
               |   default_backend tcp
               |                   ^^^
        "#]],
    );
}

#[test]
fn hardly_meant() {
    check(
        "listen l\n mode tcp\n option forwardfor\n cookie A insert\n balance uri\n http-check expect status 200\n \
         server s 1.2.3.4:80\n",
        expect![[r#"
            [WARNING]  (1) : config : parsing [a.cfg:4] : cookie will be ignored for proxy 'l' (needs 'mode http').
               |   cookie A insert
               |   ^^^^^^
            [WARNING]  (1) : config : parsing [a.cfg:5] : Layer 7 hash not possible for proxy 'l' (needs 'mode http'). Falling back to round robin.
               |   balance uri
               |           ^^^
            [WARNING]  (1) : config : parsing [a.cfg:3] : 'option forwardfor' ignored for proxy 'l' as it requires HTTP mode.
               |   option forwardfor
               |          ^^^^^^^^^^
            [WARNING]  (1) : config : parsing [a.cfg:1] : proxy 'l' has no 'bind' directive. Please declare it as a backend if this was intended.
               |   listen l
               |          ^
            [WARNING]  (1) : config : parsing [a.cfg:1] : missing timeouts for proxy 'l'.
               | While not properly invalid, you will certainly encounter various problems
               | with such a configuration. To fix this, please ensure that all following
               | timeouts are set to a non-zero value: 'client', 'connect', 'server'.
               |   listen l
               |          ^
            [WARNING]  (1) : config : parsing [a.cfg:6] : proxy 'l' uses http-check rules without 'option httpchk', so the rules are ignored.
               |   http-check expect status 200
               |              ^^^^^^
        "#]],
    );
}

#[test]
fn files_that_cannot_be_read() {
    check(
        "backend b\n errorfile 503 /nope\n errorfile 999 /dev/null\n",
        expect![[r#"
        [ALERT]    (1) : config : parsing [a.cfg:2] : errorfile : error opening file '/nope'.
           |   errorfile 503 /nope
           |                 ^^^^^
           | help: No such file or directory
        [ALERT]    (1) : config : parsing [a.cfg:3] : errorfile : status code '999' not handled.
           |   errorfile 999 /dev/null
           |             ^^^
           | help: pages exist for 200, 400, 401, 403, 404, 405, 407, 408, 410, 413, 414, 422, 425, 429, 431, 500, 501, 502, 503, 504
    "#]],
    );
    let host = Fake { files: [("/e", &b"not a response"[..])].into(), ..Fake::default() };
    expect![[r#"
        [ALERT]    (1) : config : parsing [a.cfg:2] : errorfile : '/e': unable to parse headers (error offset: 0).
           |   errorfile 503 /e
           |                 ^^
           | help: the file holds a whole response: status line, headers, an empty line, the body
    "#]]
    .assert_eq(&shown_in("backend b\n errorfile 503 /e\n", &host));
}

#[test]
fn ends_and_odd_bytes() {
    check(
        "backend b",
        expect![[r#"
        [ALERT]    (1) : config : parsing [a.cfg:1] : Missing LF on last line, file might have been truncated at position 10.
           |   backend b
           |            ^
           | help: if the file is complete, end its last line
    "#]],
    );
    check(
        "backend a\0b\nfoo\n",
        expect![[r#"
        [ALERT]    (1) : config : parsing [a.cfg:1] : Stray NUL character at position 10.
           |   backend a b
           |            ^
           | help: this is no text file, or it is damaged: nothing after this line was read
    "#]],
    );
    let latin = Source { name: "l.cfg".into(), text: b"backend b\r\n description caf\xe9 # \xff\r\n".to_vec() };
    let outcome = crate::parse(&[latin], &Fake::default());
    assert!(outcome.config.is_some());
    assert_eq!(outcome.diagnostics.len(), 1, "{:?}", outcome.diagnostics);
}

#[test]
fn every_file_begins_with_a_section() {
    let source = |name: &str, text: &str| Source { name: name.into(), text: text.as_bytes().to_vec() };
    let files = [source("1.cfg", "backend b\n.if 1\n"), source("2.cfg", " server s 1.2.3.4:80\nbackend b\n")];
    let outcome = crate::parse(&files, &Fake::default());
    let found: Vec<String> = outcome
        .diagnostics
        .iter()
        .map(|d| format!("{}:{} {}", d.file.as_deref().unwrap(), d.line, d.message))
        .collect();
    assert_eq!(
        found,
        [
            "1.cfg:2 non-terminated '.if' block.",
            "2.cfg:1 unknown keyword 'server' out of section.",
            "2.cfg:2 backend 'b' has the same name as backend 'b' declared at 1.cfg:1.",
        ]
    );
}

#[test]
fn a_line_of_many_words_and_a_very_long_one() {
    let words = format!("backend b\n description {}\n", "a ".repeat(100));
    assert!(shown(&words).contains("too many words, truncating after word 64"));
    let long = format!("backend b\n description {}\n", "a".repeat(1_000_000));
    assert!(parse(&long, &Fake::default()).config.is_some());
}

#[test]
fn messages_of_the_file_itself() {
    check(
        ".notice \"a b\"\n.warning x\n.diag z\n.notice a b\n.alert \"${.FILE}:${.LINE}\"\n",
        expect![[r#"
        [NOTICE]   (1) : config : parsing [a.cfg:1] : 'a b'.
        [WARNING]  (1) : config : parsing [a.cfg:2] : 'x'.
        [DIAG]     (1) : config : parsing [a.cfg:3] : 'z'.
        [ALERT]    (1) : config : parsing [a.cfg:4] : Unexpected argument 'b' for '.notice'. Use quotes if the message should contain spaces.
           |   .notice a b
           |             ^
        [ALERT]    (1) : config : parsing [a.cfg:5] : 'a.cfg:5'.
    "#]],
    );
}

#[test]
fn origins_that_are_not_there() {
    check(
        "backend b\n default-server name set weight 2\n server a 127.0.0.1:1 from srv:nope\n server c 127.0.0.1:1 from \
         be:other\n server d 127.0.0.1:1 from what\n server set 127.0.0.1:1\n default-server name\n",
        expect![[r#"
            [ALERT]    (1) : config : parsing [a.cfg:3] : from: unknown server 'nope' in backend 'b'.
               |   server a 127.0.0.1:1 from srv:nope
               |                             ^^^^^^^^
            [ALERT]    (1) : config : parsing [a.cfg:4] : from: unknown backend instance 'other'.
               |   server c 127.0.0.1:1 from be:other
               |                             ^^^^^^^^
               | help: in a file, only the section's own sets and the servers above can be named
            [ALERT]    (1) : config : parsing [a.cfg:5] : 'from' expects 'none', 'be:[<backend>]' or 'srv:[<backend>/]<name>'.
               |   server d 127.0.0.1:1 from what
               |                             ^^^^
            [ALERT]    (1) : config : parsing [a.cfg:6] : 'server b/set' : a default-server set has this name already.
               |   server set 127.0.0.1:1
               |          ^^^
            [ALERT]    (1) : config : parsing [a.cfg:7] : 'default-server' : 'name' expects a name.
               |   default-server name
               |                      ^
        "#]],
    );
}

#[test]
fn failures_that_traffic_counts() {
    let lines = "backend b\n default-server max-fails 2\n server a 127.0.0.1:1 fail-timeout 5s\nbackend c\n server \
                 a 127.0.0.1:1 fail-timeout 5s\n server b 127.0.0.1:1 max-fails 10001 fail-timeout 0\n";
    check(
        lines,
        expect![[r#"
        [ALERT]    (1) : config : parsing [a.cfg:6] : 'server c/b' : 'max-fails' expects a number of failures from 0 (none puts the server out) to 10000, not '10001'.
           |   server b 127.0.0.1:1 max-fails 10001 fail-timeout 0
           |                                  ^^^^^
        [ALERT]    (1) : config : parsing [a.cfg:6] : 'server c/b' : invalid value 0 for argument 'fail-timeout' of server b.
           |   server b 127.0.0.1:1 max-fails 10001 fail-timeout 0
           |                                                     ^
        [WARNING]  (1) : config : parsing [a.cfg:5] : 'server c/a' : 'fail-timeout' has no effect without 'max-fails'.
           |   server a 127.0.0.1:1 fail-timeout 5s
           |          ^
           | help: add 'max-fails <n>'; nginx's default is 1
    "#]],
    );
    check(
        &format!("global\n compat strict\n{}", lines.split("backend c").next().unwrap_or_default()),
        expect![[r#"
            [ALERT]    (1) : config : parsing [a.cfg:4] : 'max-fails' is unknown to HAProxy, and refused under 'compat strict'.
               |   default-server max-fails 2
               |                  ^^^^^^^^^
               | help: 'observe layer7 error-limit <n> on-error mark-down' with 'check' comes close
            [ALERT]    (1) : config : parsing [a.cfg:5] : 'fail-timeout' is unknown to HAProxy, and refused under 'compat strict'.
               |   server a 127.0.0.1:1 fail-timeout 5s
               |                        ^^^^^^^^^^^^
               | help: 'observe layer7 error-limit <n> on-error mark-down' with 'check' comes close
            [WARNING]  (1) : config : parsing [a.cfg:3] : missing timeouts for backend 'b'.
               | While not properly invalid, you will certainly encounter various problems
               | with such a configuration. To fix this, please ensure that all following
               | timeouts are set to a non-zero value: 'client', 'connect', 'server'.
               |   backend b
               |           ^
        "#]],
    );
}
