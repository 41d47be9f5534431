//! Any text may be refused, none may panic.

use lb_sample::{Acl, Condition, Context, Expr, LogFormat, Side, Sources};
use std::ops::ControlFlow;

/// A request made of the same random pieces.
struct Odd(Vec<u8>);

impl Context for Odd {
    fn method(&self) -> Option<&[u8]> {
        Some(&self.0)
    }
    fn uri(&self) -> Option<&[u8]> {
        Some(&self.0)
    }
    fn version(&self, _: Side) -> Option<(u8, u8)> {
        Some((9, 9))
    }
    fn headers<'a>(&'a self, _: Side, visit: &mut dyn FnMut(&'a [u8], &'a [u8]) -> ControlFlow<()>) {
        let _ = [&b"cookie"[..], b"host", b"x", b"authorization"].into_iter().try_for_each(|n| visit(n, &self.0));
    }
}

const PIECES: &[&str] = &[
    "path",
    "hdr",
    "req.hdr",
    "(x)",
    "(",
    ")",
    ",",
    "field",
    "word",
    "bytes",
    "regsub",
    "%",
    "[",
    "]",
    "{",
    "}",
    "+Q",
    "o",
    "ci",
    "str",
    "int",
    "src",
    "-m",
    "reg",
    "-i",
    "--",
    "if",
    "or",
    "!",
    " ",
    "\"",
    "'",
    "\\",
    "9223372036854775807",
    "-9223372036854775808",
    "0",
    "-1",
    "/",
    ":",
    ".",
    "=",
    ";",
    "&",
    "?",
    "cook",
    "urlp",
    "add",
    "div",
    "mod",
    "lower",
    "url_dec",
    "b64dec",
    "ub64dec",
    "json",
    "utf8",
    "é",
    "\u{1}",
    "ipmask",
    "127.0.0.1",
    "::1",
    "ltrim",
    "host_only",
    "http_auth_user",
    "Basic",
    "base32",
    "be2dec",
    "hex2i",
    "http_date",
    "us",
    "a",
    "%0a",
    "*",
    "[a",
    "(a|b)",
    "g",
];

#[test]
fn random_text() {
    let mut state = 1u64;
    let mut roll = |sides: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % sides
    };
    let sources = Sources::default();
    let mut parsed = 0;
    for _ in 0..2_000 {
        let mut text = String::new();
        for _ in 0..=roll(8) {
            text.push_str(PIECES[roll(PIECES.len())]);
        }
        let mut seen = String::new();
        for _ in 0..roll(12) {
            seen.push_str(PIECES[roll(PIECES.len())]);
        }
        let ctx = Odd(seen.into_bytes());
        let mut out = Vec::new();
        if let Ok(expr) = Expr::parse(&text, &sources) {
            parsed += usize::from(expr.eval(&ctx).is_some());
        }
        if let Ok(format) = LogFormat::parse(&text, &sources) {
            format.render(&ctx, &mut out);
            format.render_value(&ctx, &mut out);
        }
        let words: Vec<&str> = std::iter::once("a").chain(text.split(' ')).collect();
        let known: Vec<Acl> = Acl::parse(&words, &sources).into_iter().collect();
        let words: Vec<&str> = ["if", "a", "||", "{"].into_iter().chain(text.split(' ')).chain(["}"]).collect();
        if let Ok(condition) = Condition::parse(&words, &known, &sources) {
            condition.eval(&ctx);
        }
    }
    assert!(parsed > 10, "{parsed}");
}
