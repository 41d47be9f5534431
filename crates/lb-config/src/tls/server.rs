//! TLS words of `server` lines.

use super::Loader;
use crate::cx::Cx;
use crate::diagnostic::{Severity, Site};
use crate::model::ServerTls;
use crate::server::ServerDraft;
use lb_sample::{Expr, Place};
use lb_tls::Versions;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a line says of TLS.
#[derive(Debug, Clone, Default)]
pub(crate) struct ServerTlsDraft {
    /// What can be known from the line alone.
    pub tls: ServerTls,
    ca_file: Option<String>,
    crl_file: Option<String>,
    crt: Option<String>,
    /// `verify`: whether it is required; `None`: the default.
    verify: Option<bool>,
    ciphers: String,
    ciphersuites: String,
    /// `no-check-ssl` or `check-ssl`; `None`: as the traffic.
    check_ssl: Option<bool>,
    /// Where words stand, by name.
    pub sites: BTreeMap<&'static str, Site>,
}

impl ServerTlsDraft {
    /// The settings of another server.
    pub fn like(tls: &ServerTls) -> Self {
        Self {
            tls: tls.clone(),
            ca_file: tls.ca_file.as_ref().map(|file| file.name.clone()),
            crl_file: tls.crl_file.as_ref().map(|file| file.name.clone()),
            crt: tls.crt.as_ref().map(|file| file.name.clone()),
            verify: Some(tls.verify),
            check_ssl: Some(tls.check),
            ..Self::default()
        }
    }
}

type Read = Result<(), String>;

macro_rules! words {
    ($( $name:ident($d:ident, $text:ident, $cx:ident) $body:block )*) => {
        $(
            pub(crate) fn $name($d: &mut ServerDraft, $text: &str, $cx: &Cx<'_>) -> Read {
                $body
                Ok(())
            }
        )*
    };
}

fn needed<'t>(text: &'t str, complaint: &str) -> Result<&'t str, String> {
    if text.is_empty() { Err(complaint.to_owned()) } else { Ok(text) }
}

words! {
    ssl(d, _text, _cx) {
        d.tls.tls.enabled = true;
        d.tls.tls.prepared = true;
    }
    no_ssl(d, _text, _cx) { d.tls.tls.enabled = false; }
    check_ssl(d, _text, _cx) {
        d.tls.check_ssl = Some(true);
        d.tls.tls.prepared = true;
    }
    no_check_ssl(d, _text, _cx) { d.tls.check_ssl = Some(false); }
    check_sni(d, text, _cx) { d.tls.tls.check_sni = Some(needed(text, "'check-sni' : missing SNI")?.to_owned()); }
    check_alpn(d, text, _cx) { d.tls.tls.check_alpn = super::protocols(text)?; }
    alpn(d, text, _cx) { d.tls.tls.alpn = super::protocols(text)?; }
    ca_file(d, text, _cx) {
        d.tls.ca_file = Some(needed(text, "'ca-file' : missing CAfile path")?.to_owned());
    }
    crl_file(d, text, _cx) {
        d.tls.crl_file = Some(needed(text, "'crl-file' : missing CRLfile path")?.to_owned());
    }
    crt(d, text, _cx) {
        d.tls.crt = Some(needed(text, "'crt' : missing certificate file path")?.to_owned());
    }
    ciphers(d, text, _cx) { d.tls.ciphers = needed(text, "'ciphers' : missing cipher suite")?.to_owned(); }
    ciphersuites(d, text, _cx) {
        d.tls.ciphersuites = needed(text, "'ciphersuites' : missing cipher suite")?.to_owned();
    }
    verifyhost(d, text, _cx) {
        d.tls.tls.verifyhost = Some(needed(text, "'verifyhost' : missing hostname to verify against")?.to_owned());
    }
    verify(d, text, _cx) {
        d.tls.verify = Some(match text {
            "none" => false,
            "required" => true,
            "" => return Err("'verify' : missing verify method".to_owned()),
            _ => {
                // Its absence is not to be blamed as well.
                d.tls.verify = Some(false);
                return Err(format!(
                    "'verify' : unknown verify method '{text}', only 'none' and 'required' are supported."
                ));
            }
        });
    }
    sni(d, text, cx) {
        let text = needed(text, "'sni' : missing sni expression")?;
        let parsed = cx.with_sources(|sources| Expr::parse(text, sources));
        let refused = |e: lb_sample::SampleError| format!("error detected while parsing sni expression : {}", e.message);
        let expression = parsed.map_err(refused)?;
        expression.check(Place::BackendRequest).map_err(refused)?;
        d.tls.tls.sni = Some(expression);
    }
    sni_auto(d, _text, _cx) { d.tls.tls.no_sni_auto = false; }
    no_sni_auto(d, _text, _cx) { d.tls.tls.no_sni_auto = true; }
    check_sni_auto(d, _text, _cx) { d.tls.tls.no_check_sni_auto = false; }
    no_check_sni_auto(d, _text, _cx) { d.tls.tls.no_check_sni_auto = true; }
    ssl_reuse(d, _text, _cx) { d.tls.tls.no_reuse = false; }
    no_ssl_reuse(d, _text, _cx) { d.tls.tls.no_reuse = true; }
    ssl_min_ver(d, text, _cx) { super::version(&mut d.tls.tls.versions, "ssl-min-ver", text)?; }
    ssl_max_ver(d, text, _cx) { super::version(&mut d.tls.tls.versions, "ssl-max-ver", text)?; }
    force_sslv3(d, text, _cx) { super::version(&mut d.tls.tls.versions, "force-sslv3", text)?; }
    force_tlsv10(d, text, _cx) { super::version(&mut d.tls.tls.versions, "force-tlsv10", text)?; }
    force_tlsv11(d, text, _cx) { super::version(&mut d.tls.tls.versions, "force-tlsv11", text)?; }
    force_tlsv12(d, text, _cx) { super::version(&mut d.tls.tls.versions, "force-tlsv12", text)?; }
    force_tlsv13(d, text, _cx) { super::version(&mut d.tls.tls.versions, "force-tlsv13", text)?; }
    no_tlsv12(d, text, _cx) { super::version(&mut d.tls.tls.versions, "no-tlsv12", text)?; }
    no_tlsv13(d, text, _cx) { super::version(&mut d.tls.tls.versions, "no-tlsv13", text)?; }
}

/// Completes a server's settings once everything was read: files, defaults, what contradicts itself. `by_rule`: a rule of
/// its health check secures the connection.
pub(crate) fn settle(
    draft: &ServerDraft,
    owner: &str,
    by_rule: bool,
    loader: &mut Loader,
    cx: &mut Cx<'_>,
) -> Option<Arc<ServerTls>> {
    let own = &draft.tls;
    let by_rule = by_rule && draft.server.check;
    if !own.tls.prepared && own.sites.is_empty() && !by_rule {
        return None;
    }
    let mut tls = own.tls.clone();
    tls.prepared |= by_rule;
    let outer = format!("'server {owner}/{}' : ", draft.server.name);
    let at = |word: &str| own.sites.get(word).unwrap_or(&draft.site).clone();
    tls.ca_file = own.ca_file.as_deref().and_then(|path| told(loader.trust(path, cx), &outer, &at("ca-file"), cx));
    tls.crl_file = own.crl_file.as_deref().and_then(|path| told(loader.crl(path, cx), &outer, &at("crl-file"), cx));
    tls.crt = own.crt.as_deref().and_then(|path| told(loader.certificate(path, cx), &outer, &at("crt"), cx));
    let defaults = &loader.files.server_defaults;
    if tls.versions == Versions::default() {
        tls.versions = defaults.versions;
    }
    let said = |own: &str, default: &str| if own.is_empty() { default.to_owned() } else { own.to_owned() };
    let wanted = (said(&own.ciphers, &defaults.ciphers), said(&own.ciphersuites, &defaults.ciphersuites));
    match super::suites(&wanted.0, &wanted.1) {
        Ok((ciphers, unknown)) => {
            if !(wanted.0.is_empty() && wanted.1.is_empty()) {
                tls.ciphers = ciphers;
            }
            if !unknown.is_empty() {
                let word = if wanted.0.is_empty() { "ciphersuites" } else { "ciphers" };
                let message =
                    format!("{outer}'{word}' : ignored, as the TLS library has them not: {}.", unknown.join(", "));
                cx.warn(&at(word), message);
            }
        }
        Err((word, why)) => {
            let text = if word == "ciphers" { &wanted.0 } else { &wanted.1 };
            let message = format!("{outer}unable to set SSL cipher list to '{text}'.");
            cx.sink.push(Severity::Alert, &at(word), message, Some(why));
        }
    }
    tls.check = own.check_ssl.unwrap_or(tls.enabled && !draft.checks_elsewhere());
    tls.verify = own.verify.unwrap_or(!loader.files.trust_servers);
    if tls.prepared && tls.verify && own.ca_file.is_none() {
        let message = format!(
            "{outer}verify is enabled by default but no CA file specified. If you're running on a LAN where you're \
             certain to trust the server's certificate, please set an explicit 'verify none' statement on the \
             'server' line, or use 'ssl-server-verify none' in the global section to disable server-side \
             verifications by default."
        );
        cx.sink.push(Severity::Alert, &draft.site, message, Some("add 'ca-file <file>'".to_owned()));
    }
    if tls.prepared && tls.versions.spoken().is_empty() {
        let message = format!("{outer}all SSL/TLS versions are disabled.");
        let help = Some("TLSv1.2 and TLSv1.3 can be spoken".to_owned());
        cx.sink.push(Severity::Alert, &draft.site, message, help);
    }
    Some(Arc::new(tls))
}

/// What was found, or its fault at its place.
fn told<T>(found: Result<T, String>, outer: &str, site: &Site, cx: &mut Cx<'_>) -> Option<T> {
    found.map_err(|why| cx.sink.alert(site, format!("{outer}{why}"))).ok()
}
