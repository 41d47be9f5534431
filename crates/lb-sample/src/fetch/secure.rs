//! Secured connections and their certificates.

use super::{Fetch, row};
use crate::args::{Arg, ArgKind};
use crate::place::Source;
use crate::sample::Type;
use crate::secure::{Holder, Secured, Shown, Wire};
use crate::{Context, Sample};
use std::borrow::Cow;

fn text(text: &str) -> Option<Sample<'_>> {
    Some(Sample::text(text.as_bytes())).filter(|_| !text.is_empty())
}

fn binary(bytes: &[u8]) -> Option<Sample<'_>> {
    Some(Sample::Bin(Cow::Borrowed(bytes))).filter(|_| !bytes.is_empty())
}

fn shown(ctx: &dyn Context, holder: Holder) -> Option<&Shown> {
    match holder {
        Holder::Client => ctx.secured(Wire::Front)?.peer.as_ref(),
        Holder::Own => ctx.secured(Wire::Front)?.own.as_ref(),
        Holder::Server => ctx.secured(Wire::Back)?.peer.as_ref(),
    }
}

fn distinguished<'a>(name: &[(String, String)], args: &[Arg]) -> Option<Sample<'a>> {
    let rfc2253 = Arg::text(args, 2).is_some_and(|format| format == "rfc2253");
    let nth = Arg::int(args, 1).unwrap_or(1);
    Shown::name(name, Arg::text(args, 0).unwrap_or_default(), nth, rfc2253).map(Sample::owned)
}

/// A fact of a connection.
macro_rules! fact {
    ($name:literal, $type:ident, $source:ident, $wire:ident, |$s:ident| $value:expr) => {
        row($name, Type::$type, Source::$source, |ctx, _| {
            let $s: &Secured = ctx.secured(Wire::$wire)?;
            $value
        })
    };
}

/// A switch, also of plain connections.
macro_rules! switch {
    ($name:literal, $source:ident, $wire:ident, |$s:ident| $value:expr) => {
        row($name, Type::Bool, Source::$source, |ctx, _| {
            Some(Sample::Bool(ctx.secured(Wire::$wire).is_some_and(|$s: &Secured| $value)))
        })
    };
}

/// What a certificate says.
macro_rules! says {
    ($name:literal, $type:ident, $source:ident, $holder:ident, |$c:ident| $value:expr) => {
        row($name, Type::$type, Source::$source, |ctx, _| {
            let $c = shown(ctx, Holder::$holder)?;
            $value
        })
    };
}

/// A distinguished name of a certificate.
macro_rules! dn {
    ($name:literal, $source:ident, $holder:ident, $field:ident) => {
        row($name, Type::Str, Source::$source, |ctx, args| distinguished(&shown(ctx, Holder::$holder)?.$field, args))
            .args(&[ArgKind::Str, ArgKind::Int, ArgKind::Str], 0)
    };
}

pub(super) const ROWS: &[Fetch] = &[
    fact!("ssl_fc_sni", Str, Client, Front, |s| text(s.sni.as_deref()?)),
    fact!("ssl_fc_protocol", Str, Client, Front, |s| text(s.protocol)),
    fact!("ssl_fc_cipher", Str, Client, Front, |s| text(s.cipher)),
    fact!("ssl_fc_alpn", Str, Client, Front, |s| Some(Sample::text(&s.alpn)).filter(|_| !s.alpn.is_empty())),
    fact!("ssl_fc_use_keysize", Int, Client, Front, |s| Some(Sample::Int(i64::from(s.bits)))),
    fact!("ssl_fc_alg_keysize", Int, Client, Front, |s| Some(Sample::Int(i64::from(s.bits)))),
    fact!("ssl_fc_crtname", Str, Client, Front, |s| text(s.own_file.as_deref()?)),
    switch!("ssl_fc_has_sni", Client, Front, |s| s.sni.is_some()),
    switch!("ssl_fc_has_crt", Client, Front, |s| s.peer.is_some()),
    switch!("ssl_fc_has_early", Client, Front, |s| {
        let _ = s;
        false
    }),
    switch!("ssl_fc_is_resumed", Client, Front, |s| s.resumed),
    switch!("ssl_c_used", Client, Front, |s| s.peer.is_some()),
    fact!("ssl_c_verify", Int, Client, Front, |s| Some(Sample::Int(i64::from(s.verdict)))),
    // The library has no numbers for what goes wrong: a connection that is secured has had no error.
    fact!("ssl_fc_err", Int, Client, Front, |s| {
        let _ = s;
        Some(Sample::Int(0))
    }),
    fact!("ssl_c_err", Int, Client, Front, |s| Some(Sample::Int(i64::from(s.verdict)))),
    fact!("ssl_c_ca_err", Int, Client, Front, |s| {
        let _ = s;
        Some(Sample::Int(0))
    }),
    fact!("ssl_c_ca_err_depth", Int, Client, Front, |s| {
        let _ = s;
        Some(Sample::Int(0))
    }),
    dn!("ssl_c_s_dn", Client, Client, subject),
    dn!("ssl_c_i_dn", Client, Client, issuer),
    says!("ssl_c_der", Bin, Client, Client, |c| binary(&c.der)),
    says!("ssl_c_sha1", Bin, Client, Client, |c| binary(&c.sha1)),
    says!("ssl_c_serial", Bin, Client, Client, |c| binary(&c.serial)),
    says!("ssl_c_version", Int, Client, Client, |c| Some(Sample::Int(i64::from(c.version)))),
    says!("ssl_c_notbefore", Str, Client, Client, |c| text(&c.dates.0)),
    says!("ssl_c_notafter", Str, Client, Client, |c| text(&c.dates.1)),
    says!("ssl_c_key_alg", Str, Client, Client, |c| text(&c.key_algorithm)),
    says!("ssl_c_sig_alg", Str, Client, Client, |c| text(&c.signature_algorithm)),
    says!("ssl_c_san", Str, Client, Client, |c| text(&c.alternative_names)),
    dn!("ssl_f_s_dn", Client, Own, subject),
    dn!("ssl_f_i_dn", Client, Own, issuer),
    says!("ssl_f_der", Bin, Client, Own, |c| binary(&c.der)),
    says!("ssl_f_sha1", Bin, Client, Own, |c| binary(&c.sha1)),
    says!("ssl_f_serial", Bin, Client, Own, |c| binary(&c.serial)),
    says!("ssl_f_version", Int, Client, Own, |c| Some(Sample::Int(i64::from(c.version)))),
    says!("ssl_f_notbefore", Str, Client, Own, |c| text(&c.dates.0)),
    says!("ssl_f_notafter", Str, Client, Own, |c| text(&c.dates.1)),
    says!("ssl_f_key_alg", Str, Client, Own, |c| text(&c.key_algorithm)),
    says!("ssl_f_sig_alg", Str, Client, Own, |c| text(&c.signature_algorithm)),
];
