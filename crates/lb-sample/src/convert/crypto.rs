//! Digests, codes of messages, and comparisons that tell nothing by the time they take.

use super::{Converter, base64, row};
use crate::Sample;
use crate::args::{Arg, ArgKind};
use crate::sample::Type;
use ring::{digest, hmac};
use std::borrow::Cow;

pub(super) const ROWS: &[Converter] = &[
    row("sha1", Type::Bin, Type::Bin, |s, _, _| Some(hashed(&digest::SHA1_FOR_LEGACY_USE_ONLY, &s))),
    row("sha2", Type::Bin, Type::Bin, |s, args, _| {
        Some(hashed(
            match Arg::int(args, 0) {
                None | Some(256) => &digest::SHA256,
                Some(384) => &digest::SHA384,
                Some(512) => &digest::SHA512,
                _ => return None,
            },
            &s,
        ))
    })
    .args(&[ArgKind::Int], 0),
    row("digest", Type::Bin, Type::Bin, |s, args, _| Some(hashed(algorithm(Arg::text(args, 0)?)?, &s)))
        .args(&[ArgKind::Str], 1),
    // The key is written in base64.
    row("hmac", Type::Bin, Type::Bin, |s, args, _| {
        let algorithm = match Arg::text(args, 0)?.to_ascii_lowercase().as_str() {
            "sha1" => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            "sha384" => hmac::HMAC_SHA384,
            "sha512" => hmac::HMAC_SHA512,
            _ => hmac::HMAC_SHA256,
        };
        let key = hmac::Key::new(algorithm, &base64::decode(Arg::text(args, 1)?.as_bytes())?);
        Some(Sample::Bin(Cow::Owned(s.with_bytes(|bytes| hmac::sign(&key, bytes)).as_ref().to_vec())))
    })
    .args(&[ArgKind::Str, ArgKind::Str], 2),
    row("secure_memcmp", Type::Bin, Type::Bool, |s, args, ctx| {
        let wanted = Arg::value(Arg::var(args, 0)?, ctx)?.into_bytes();
        Some(Sample::Bool(s.with_bytes(|bytes| same(bytes, &wanted))))
    })
    .args(&[ArgKind::Var], 1),
];

/// A digest by its name.
pub(crate) fn algorithm(name: &str) -> Option<&'static digest::Algorithm> {
    Some(match name.to_ascii_lowercase().as_str() {
        "sha1" => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        "sha256" => &digest::SHA256,
        "sha384" => &digest::SHA384,
        "sha512" => &digest::SHA512,
        _ => return None,
    })
}

fn hashed<'a>(algorithm: &'static digest::Algorithm, value: &Sample<'_>) -> Sample<'a> {
    Sample::Bin(Cow::Owned(value.with_bytes(|bytes| digest::digest(algorithm, bytes)).as_ref().to_vec()))
}

/// Whether two values are the same, in a time that depends on their lengths only.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use crate::{Expr, Nothing, Sources};

    /// As a running HAProxy answers.
    #[test]
    fn values_are_haproxys() {
        for (text, expected) in [
            ("str(abc),sha1,hex", "A9993E364706816ABA3E25717850C26C9CD0D89D"),
            ("str(abc),sha2,hex", "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"),
            ("str(abc),digest(sha1),hex", "A9993E364706816ABA3E25717850C26C9CD0D89D"),
            ("str(abc),hmac(sha256,c2VjcmV0),hex", "9946DAD4E00E913FC8BE8E5D3F7E110A4A9E832F83FB09C345285D78638D8A0E"),
            ("int(1700000000),utime(%Y-%m-%dT%H:%M:%S)", "2023-11-14T22:13:20"),
            ("int(1700000000),utime(%a_%b_%e_%j_%u_%y_%D_%T_%p_%I,60)", "Tue_Nov_14_318_2_23_11/14/23_22:14:20_PM_10"),
            ("int(1700000000),ltime(%F_%Z_%z)", "2023-11-14_UTC_+0000"),
            ("int(1700000000123),ms_utime(%s%%)", "1700000000%"),
            ("str('{\"a\":{\"b\":\"x y\"},\"n\":42,\"l\":[1,\"two\"]}'),json_query('$.a.b')", "x y"),
            ("str('{\"a\":{\"b\":\"x y\"},\"n\":42,\"l\":[1,\"two\"]}'),json_query('$.n','int'),add(1)", "43"),
            ("str('{\"l\":[1,\"two\"],\"t\":true}'),json_query('$.l[1]')", "two"),
            ("str('{\"l\":[1,\"two\"],\"t\":true}'),json_query('$.l')", "[1,\"two\"]"),
            ("str(eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJqb2UifQ.x),jwt_payload_query('$.sub')", "joe"),
            ("str(eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJqb2UifQ.x),jwt_header_query('$.alg')", "HS256"),
        ] {
            let expr = Expr::parse(text, &Sources::default()).unwrap_or_else(|e| panic!("{text}: {e:?}"));
            let value = expr.eval(&Nothing).map(|sample| String::from_utf8_lossy(&sample.into_text()).into_owned());
            assert_eq!(value.as_deref(), Some(expected), "{text}");
        }
        for (text, message) in [("str(a),digest(md9)", "'md9' is not supported"), ("str(a),hmac(sha1)", "missing")] {
            let error = Expr::parse(text, &Sources::default()).map(|_| ()).unwrap_err();
            assert!(error.message.contains(message), "{text}: {}", error.message);
        }
    }
}
