//! What is said about wrong configuration: the word is underlined, the cure follows.
#![expect(clippy::unwrap_used, reason = "a test stops at what it does not expect")]

use expect_test::{Expect, expect};
use lb_sample::{Acl, Condition, LogFormat, Place, SampleError, Sources};

fn sources() -> Sources<'static> {
    Sources {
        read_file: &|path| match path {
            "good.acl" => Ok(b"# comment\n10.0.0.0/8\n\n  192.168.0.0/16\r\n".to_vec()),
            "bad.acl" => Ok(b"10.0.0.0/8\nnope\n".to_vec()),
            _ => Err("No such file or directory".to_owned()),
        },
        env: &|_| None,
        ..Sources::default()
    }
}

fn show(words: &[&str], result: Result<Vec<String>, SampleError>) -> String {
    match result {
        Ok(warnings) if warnings.is_empty() => "ok\n".to_owned(),
        Ok(warnings) => format!("warning: {}\n", warnings.join("\nwarning: ")),
        Err(e) => {
            let before: usize = words.iter().take(e.word).map(|w| w.chars().count() + 1).sum();
            let width = words.get(e.word).map_or(1, |w| w.chars().count().max(1));
            let help = e.help.map(|h| format!("help: {h}\n")).unwrap_or_default();
            format!("{}\n{}{}\n{}\n{help}", words.join(" "), " ".repeat(before), "^".repeat(width), e.message)
        }
    }
}

#[track_caller]
fn acl(line: &str, expected: Expect) {
    let words: Vec<&str> = line.split(' ').collect();
    expected.assert_eq(&show(&words, Acl::parse(&words, &sources()).map(|a| a.warnings().to_vec())));
}

#[track_caller]
fn condition(line: &str, expected: Expect) {
    let known = [Acl::parse(&["is_static", "path_beg", "/static"], &sources()).unwrap()];
    let words: Vec<&str> = line.split(' ').collect();
    let place = Place::UseBackend;
    let result = Condition::parse(&words, &known, &sources());
    expected.assert_eq(&show(&words, result.map(|c| c.acls().filter_map(|a| a.never_matches_at(place)).collect())));
}

#[track_caller]
fn format(text: &str, expected: Expect) {
    let result = LogFormat::parse(text, &sources()).and_then(|f| f.check(Place::Log));
    let shown = match result {
        Ok(()) => "ok\n".to_owned(),
        Err(e) => format!(
            "{text}\n{}^\n{}\n{}",
            " ".repeat(e.offset),
            e.message,
            e.help.map(|h| format!("help: {h}\n")).unwrap_or_default()
        ),
    };
    expected.assert_eq(&shown);
}

#[test]
fn acls() {
    acl(
        "a path_beg /x",
        expect![[r#"
        ok
    "#]],
    );
    acl(
        "a",
        expect![[r#"
        a
          ^
        error detected while parsing ACL 'a' : missing fetch method in ACL expression ''
    "#]],
    );
    acl(
        "a@b path /x",
        expect![[r#"
        a@b path /x
        ^^^
        character '@' is not permitted in acl name 'a@b'
        help: use letters, digits, '-', '_', '.' and ':'
    "#]],
    );
    acl(
        "a pathbeg /x",
        expect![[r#"
        a pathbeg /x
          ^^^^^^^
        error detected while parsing ACL 'a' : unknown fetch method 'pathbeg' in ACL expression 'pathbeg'
        help: did you mean 'path_beg'?
    "#]],
    );
    acl(
        "a hdr( /x",
        expect![[r#"
        a hdr( /x
          ^^^^
        error detected while parsing ACL 'a' : ACL keyword 'hdr' : expected ')'
        help: close the arguments with ')'
    "#]],
    );
    acl(
        "a hdr(host)x /x",
        expect![[r#"
        a hdr(host)x /x
          ^^^^^^^^^^
        error detected while parsing ACL 'a' : ACL keyword 'hdr' : missing comma after fetch keyword
    "#]],
    );
    acl(
        "a hdr(host),loewr /x",
        expect![[r#"
            a hdr(host),loewr /x
              ^^^^^^^^^^^^^^^
            error detected while parsing ACL 'a' : ACL keyword 'hdr' : unknown converter 'loewr'
            help: did you mean 'lower'?
        "#]],
    );
    acl(
        "a hdr(host),field(1) /x",
        expect![[r#"
            a hdr(host),field(1) /x
              ^^^^^^^^^^^^^^^^^^
            error detected while parsing ACL 'a' : ACL keyword 'hdr' : invalid arg 2 in converter 'field' : missing arguments (got 1/2), type 'string' expected
        "#]],
    );
    acl(
        "a hdr(host,a) /x",
        expect![[r#"
        a hdr(host,a) /x
          ^^^^^^^^^^^
        error detected while parsing ACL 'a' : ACL keyword 'hdr' : failed to parse 'a' as type 'integer' at position 2
    "#]],
    );
    acl(
        "a hdr(host,1,2) /x",
        expect![[r#"
        a hdr(host,1,2) /x
          ^^^^^^^^^^^^^
        error detected while parsing ACL 'a' : ACL keyword 'hdr' : expected ')' before ',2)'
        help: it takes at most 2 arguments, '2' is one too many
    "#]],
    );
    acl(
        "a hdr(host),lower(1) /x",
        expect![[r#"
        a hdr(host),lower(1) /x
          ^^^^^^^^^^^^^^^^^^
        error detected while parsing ACL 'a' : ACL keyword 'hdr' : invalid arg 1 in converter 'lower' : expected ')' before '1)'
        help: it takes no argument
    "#]],
    );
    acl(
        "a always_true,ipmask(24) x",
        expect![[r#"
        a always_true,ipmask(24) x
          ^^^^^^^^^^^^^^^^^^^^^^
        error detected while parsing ACL 'a' : converter 'ipmask' cannot be applied in ACL expression 'always_true,ipmask(24)'
        help: it does not take the output of what stands before it in 'always_true,ipmask(24)'
    "#]],
    );
    acl(
        "a bool(maybe)",
        expect![[r#"
        a bool(maybe)
          ^^^^^^^^^^^
        error detected while parsing ACL 'a' : invalid args in fetch method 'bool' : Expects 'true', 'false', '0' or '1' in ACL expression 'bool(maybe)'
    "#]],
    );
    acl(
        "a int(x) 5",
        expect![[r#"
        a int(x) 5
          ^^^^^^
        error detected while parsing ACL 'a' : fetch method 'int' : failed to parse 'x' as type 'integer' at position 1 in ACL expression 'int(x)'
    "#]],
    );
    acl(
        "a int(5),add(x) 5",
        expect![[r#"
        a int(5),add(x) 5
          ^^^^^^^^^^^^^
        error detected while parsing ACL 'a' : invalid args in converter 'add' : expects an integer or a variable name in ACL expression 'int(5),add(x)'
    "#]],
    );
    acl(
        "a int(5),add(txn.x) 5",
        expect![[r#"
            ok
        "#]],
    );
    acl(
        "a src 10.0.0.0/8 1.2.3.4/33",
        expect![[r#"
        a src 10.0.0.0/8 1.2.3.4/33
                         ^^^^^^^^^^
        error detected while parsing ACL 'a' : '1.2.3.4/33' is not a valid IPv4 or IPv6 address
    "#]],
    );
    acl(
        "a src www.example.com",
        expect![[r#"
        a src www.example.com
              ^^^^^^^^^^^^^^^
        error detected while parsing ACL 'a' : 'www.example.com' is not a valid IPv4 or IPv6 address
        help: host names are not resolved here: write the address
    "#]],
    );
    acl(
        "a dst_port 80 90:80",
        expect![[r#"
        a dst_port 80 90:80
                      ^^^^^
        error detected while parsing ACL 'a' : '90:80' is not a valid number range
    "#]],
    );
    acl(
        "a dst_port gg 5",
        expect![[r#"
        a dst_port gg 5
                   ^^
        error detected while parsing ACL 'a' : 'gg' is not a number
    "#]],
    );
    acl(
        "a path -m foo x",
        expect![[r#"
        a path -m foo x
                  ^^^
        error detected while parsing ACL 'a' : unknown matching method 'foo' when parsing ACL expression
        help: one of found, bool, int, ip, bin, len, str, sub, reg, beg, end, dir, dom
    "#]],
    );
    acl(
        "a path -m beg -m end x",
        expect![[r#"
        a path -m beg -m end x
                         ^^^
        error detected while parsing ACL 'a' : only one explicit matching method can be defined with '-m' parameter
    "#]],
    );
    acl(
        "a path_reg /ok (x",
        expect![[r#"
        a path_reg /ok (x
                       ^^
        error detected while parsing ACL 'a' : regex '(x' is invalid (error=unclosed group)
    "#]],
    );
    acl(
        "a path_reg (?=x)y",
        expect![[r#"
        a path_reg (?=x)y
                   ^^^^^^
        error detected while parsing ACL 'a' : regex '(?=x)y' is invalid (error=look-around, including look-ahead and look-behind, is not supported)
        help: write it without look-around and back-references, which are not supported
    "#]],
    );
    acl(
        "a src -f good.acl",
        expect![[r#"
        ok
    "#]],
    );
    acl(
        "a src -f bad.acl",
        expect![[r#"
            a src -f bad.acl
                     ^^^^^^^
            error detected while parsing ACL 'a' : 'nope' is not a valid IPv4 or IPv6 address at line 2 of file 'bad.acl'
            help: host names are not resolved here: write the address
        "#]],
    );
    acl(
        "a src -f missing.acl",
        expect![[r#"
        a src -f missing.acl
                 ^^^^^^^^^^^
        error detected while parsing ACL 'a' : failed to open pattern file <missing.acl>
        help: No such file or directory
    "#]],
    );
    acl(
        "a path -z /x",
        expect![[r#"
        a path -z /x
               ^^
        error detected while parsing ACL 'a' : '-z' is not a valid ACL option. Please use '--' before any pattern beginning with a '-'
    "#]],
    );
    acl(
        "a req.body x",
        expect![[r#"
        a req.body x
                   ^
        error detected while parsing ACL 'a' : matching method must be specified first (using '-m') when using a sample fetch of this type ('req.body')
    "#]],
    );
    acl(
        "a path",
        expect![[r#"
        warning: parsing acl keyword 'path' :
          no pattern to match against were provided, so this ACL will never match.
          If this is what you intended, please add '--' to get rid of this warning.
          If you intended to match only for existence, please use '-m found'.
          If you wanted to force an int to match as a bool, please use '-m bool'.
    "#]],
    );
    acl(
        "a path --",
        expect![[r#"
        ok
    "#]],
    );
    acl(
        "a path_beg -m end x",
        expect![[r#"
        warning: original matching method 'path_beg' was overwritten and will not be applied as expected
    "#]],
    );
    acl(
        "a srv_is_up",
        expect![[r#"
        a srv_is_up
          ^^^^^^^^^
        error detected while parsing ACL 'a' : fetch method 'srv_is_up' : missing server name in arg 1 in ACL expression 'srv_is_up'
        help: name it as backend/server
    "#]],
    );
    acl(
        "a ssl_bc_sni x",
        expect![[r#"
        a ssl_bc_sni x
          ^^^^^^^^^^
        error detected while parsing ACL 'a' : fetch method 'ssl_bc_sni' is not supported yet in ACL expression 'ssl_bc_sni'
    "#]],
    );
    acl(
        "a path,map(x) y",
        expect![[r#"
            a path,map(x) y
              ^^^^^^^^^^^
            error detected while parsing ACL 'a' : ACL keyword 'path' : invalid args in converter 'map' : failed to open pattern file <x>
            help: No such file or directory
        "#]],
    );
    acl(
        "a path -m bin 0a0",
        expect![[r#"
        a path -m bin 0a0
                      ^^^
        error detected while parsing ACL 'a' : an even number of hex digit is expected
    "#]],
    );
}

#[test]
fn conditions() {
    condition(
        "if is_static",
        expect![[r#"
        ok
    "#]],
    );
    condition(
        "when is_static",
        expect![[r#"
        when is_static
        ^^^^
        expects either 'if' or 'unless' followed by a condition but found 'when'
    "#]],
    );
    condition(
        "if is_sttic",
        expect![[r#"
        if is_sttic
           ^^^^^^^^
        no such ACL : 'is_sttic'
        help: did you mean 'is_static'?
    "#]],
    );
    condition(
        "if is_static and METH_GET",
        expect![[r#"
        if is_static and METH_GET
                     ^^^
        no such ACL : 'and'
        help: ACLs written one after the other must all match; there is no word for it
    "#]],
    );
    condition(
        "if !is_static { path /x",
        expect![[r#"
        if !is_static { path /x
                      ^
        missing closing '}' in condition
        help: put ' }' behind the last value
    "#]],
    );
    condition(
        "if {path /x}",
        expect![[r#"
        if {path /x}
           ^^^^^
        no such ACL : '{path'
        help: braces need spaces around them
    "#]],
    );
    condition(
        "unless METH_GET { src 1.2.3.4.5 } or TRUE",
        expect![[r#"
        unless METH_GET { src 1.2.3.4.5 } or TRUE
                              ^^^^^^^^^
        '1.2.3.4.5' is not a valid IPv4 or IPv6 address
    "#]],
    );
    condition(
        "if { status 200 }",
        expect![[r#"
        warning: anonymous acl will never match because it uses keyword 'status' which is incompatible with 'frontend use-backend rule'
    "#]],
    );
    condition(
        "if { }",
        expect![[r#"
        if { }
             ^
        missing fetch method in ACL expression ''
    "#]],
    );
}

#[test]
fn formats() {
    format(
        "%ci %{+Q}r %[src]",
        expect![[r#"
        ok
    "#]],
    );
    format(
        "%ci %xx",
        expect![[r#"
        %ci %xx
            ^
        no such format alias 'xx'. If you wanted to emit the '%' character verbatim, you need to use '%%'
    "#]],
    );
    format(
        "%cix",
        expect![[r#"
        %cix
        ^
        no such format alias 'cix'. If you wanted to emit the '%' character verbatim, you need to use '%%'
        help: did you mean '%ci'?
    "#]],
    );
    format(
        "100%",
        expect![[r#"
        100%
           ^
        truncated line after '%'
        help: write '%%' for a percent sign
    "#]],
    );
    format(
        "%{+Q ci",
        expect![[r#"
        %{+Q ci
        ^
        truncated line after '+Q ci'
        help: close it with '}'
    "#]],
    );
    format(
        "%{+Q}",
        expect![[r#"
        %{+Q}
        ^
        parse argument modifier without variable name near '%{+Q}'
    "#]],
    );
    format(
        "%{+Z}ci",
        expect![[r#"
            %{+Z}ci
            ^
            unknown log-format flag '+Z'
            help: flags are Q (quotes), X (hexadecimal), E (escaping), json, cbor and bin, each after '+' or '-'
        "#]],
    );
    format(
        "%{+json}o %(ip:text)ci",
        expect![[r#"
            %{+json}o %(ip:text)ci
                      ^
            unknown output type 'text' in '(ip:text)'
            help: types are str, sint and bool
        "#]],
    );
    format(
        "x %[scr]",
        expect![[r#"
        x %[scr]
          ^
        failed to parse sample expression <scr> : unknown fetch method 'scr'
        help: did you mean 'str'?
    "#]],
    );
    format(
        "%[hdr(host]",
        expect![[r#"
        %[hdr(host]
        ^
        failed to parse sample expression <hdr(host> : fetch method 'hdr' : expected ')'
        help: close the arguments with ')'
    "#]],
    );
    format(
        "%[src",
        expect![[r#"
        %[src
        ^
        expected ']' after 'src'
        help: close it with ']'
    "#]],
    );
    format(
        "%[path]",
        expect![[r#"
        %[path]
        ^
        sample fetch <path> may not be reliably used here because it needs 'HTTP request headers' which is not available here
    "#]],
    );
    format(
        "%[]",
        expect![[r#"
        %[]
        ^
        failed to parse sample expression <> : missing fetch method
    "#]],
    );
}
