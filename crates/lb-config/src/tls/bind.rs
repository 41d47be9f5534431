//! TLS words of `bind` lines, of lists of certificates, and their global defaults.

use super::Loader;
use crate::cx::{Cx, reason};
use crate::diagnostic::{Severity, Site};
use crate::model::{BindTls, CrtLine};
use lb_tls::{Offer, ServerSettings, Verify};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// A word and its argument, where it was read.
#[derive(Debug, Clone)]
pub(crate) struct Word {
    pub name: &'static str,
    pub argument: String,
    pub site: Site,
}

/// The words of a `bind` line, and the addresses they are for.
#[derive(Debug, Clone)]
pub(crate) struct BindWords {
    pub words: Vec<Word>,
    /// The line's place, for what no single word is to blame.
    pub site: Site,
    /// The addresses' text.
    pub address: String,
    /// Where in the list of binds its addresses are.
    pub binds: std::ops::Range<usize>,
}

/// What words have said so far.
#[derive(Debug, Clone, Default)]
struct Draft {
    settings: ServerSettings,
    ciphers: String,
    ciphersuites: String,
    secured: bool,
    strict_sni: bool,
    /// `alpn` or `no-alpn` was said.
    negotiates: bool,
    h2: bool,
}

/// `X509_V_ERR_…` by number, the usual ones.
const VERDICTS: &[(&str, u32)] = &[
    ("X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT", 2),
    ("X509_V_ERR_UNABLE_TO_GET_CRL", 3),
    ("X509_V_ERR_CERT_SIGNATURE_FAILURE", 7),
    ("X509_V_ERR_CERT_NOT_YET_VALID", 9),
    ("X509_V_ERR_CERT_HAS_EXPIRED", 10),
    ("X509_V_ERR_CRL_HAS_EXPIRED", 12),
    ("X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT", 18),
    ("X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN", 19),
    ("X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY", 20),
    ("X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE", 21),
    ("X509_V_ERR_CERT_REVOKED", 23),
    ("X509_V_ERR_INVALID_PURPOSE", 26),
];

fn verdicts(text: &str) -> Result<BTreeSet<u32>, String> {
    if text == "all" {
        return Ok((1..=100).collect());
    }
    let number = |word: &str| {
        let named = VERDICTS.iter().find(|(name, _)| *name == word).map(|(_, number)| *number);
        named.or_else(|| word.parse().ok()).ok_or_else(|| format!("'{word}' is neither a number nor a known name"))
    };
    text.split(',').map(number).collect()
}

impl Draft {
    /// Obeys a word about settings.
    fn obey(&mut self, name: &str, argument: &str, loader: &mut Loader, cx: &Cx<'_>) -> Result<(), String> {
        let needed = |complaint: &str| match argument {
            "" => Err(format!("'{name}' : {complaint}")),
            argument => Ok(argument.to_owned()),
        };
        match name {
            "ssl" => self.secured = true,
            "alpn" => {
                let protocols = super::protocols(argument)?;
                self.h2 = protocols.iter().any(|name| name == b"h2");
                self.settings.alpn = protocols;
                self.negotiates = true;
            }
            "no-alpn" => {
                self.settings.alpn.clear();
                self.negotiates = true;
            }
            "ca-file" | "ca-verify-file" => {
                let trust = loader.trust(&needed("missing CAfile path")?, cx)?;
                if name == "ca-file" || self.settings.trust.is_none() {
                    self.settings.trust = Some(trust);
                }
            }
            "crl-file" => self.settings.crl = Some(loader.crl(&needed("missing CRLfile path")?, cx)?),
            "verify" => {
                self.settings.verify = match argument {
                    "none" => Verify::None,
                    "optional" => Verify::Optional,
                    "required" => Verify::Required,
                    "" => return Err("'verify' : missing verify method".to_owned()),
                    _ => {
                        return Err(format!(
                            "'verify' : unknown verify method '{argument}', only 'none', 'optional', and 'required' \
                             are supported"
                        ));
                    }
                };
            }
            "ca-ignore-err" | "crt-ignore-err" => {
                let ignored =
                    verdicts(&needed("missing error IDs list")?).map_err(|why| format!("'{name}' : {why}"))?;
                self.settings.ignored_verdicts.extend(ignored);
            }
            "ciphers" => self.ciphers = needed("missing cipher suite")?,
            "ciphersuites" => self.ciphersuites = needed("missing cipher suite")?,
            "no-ca-names" => self.settings.no_ca_names = true,
            "no-tls-tickets" => self.settings.no_tickets = true,
            "tls-tickets" => self.settings.no_tickets = false,
            "prefer-client-ciphers" => self.settings.prefer_client_ciphers = true,
            "strict-sni" => self.strict_sni = true,
            "no-strict-sni" => self.strict_sni = false,
            "ocsp-update" if argument == "on" => {
                return Err(
                    "'ocsp-update' : responses are not fetched; put one beside the certificate, as '.ocsp', or \
                            set it with 'set ssl ocsp-response'"
                        .to_owned(),
                );
            }
            "ocsp-update" => {}
            _ => super::version(&mut self.settings.versions, name, argument)?,
        }
        Ok(())
    }

    /// The settings, with suites found; the names that no suite has here.
    fn finished(&self) -> Result<(ServerSettings, Vec<String>), (String, String)> {
        let mut settings = self.settings.clone();
        let (ciphers, unknown) = super::suites(&self.ciphers, &self.ciphersuites).map_err(|(word, why)| {
            let text = if word == "ciphers" { &self.ciphers } else { &self.ciphersuites };
            (format!("unable to set SSL cipher list to '{text}'"), why)
        })?;
        settings.ciphers = ciphers;
        Ok((settings, unknown))
    }
}

/// Settles the words of a line once everything was read. `http`: the listener speaks HTTP.
pub(crate) fn settle(
    line: &BindWords,
    defaults: &[Word],
    (proxy, section, http): (&str, &str, bool),
    loader: &mut Loader,
    cx: &mut Cx<'_>,
) -> Option<Arc<BindTls>> {
    let outer = format!("'bind {}' in section '{section}' : ", line.address);
    let mut draft = Draft::default();
    let mut sound = true;
    for word in defaults.iter().chain(&line.words).filter(|word| !chooses(word.name)) {
        if let Err(why) = draft.obey(word.name, &word.argument, loader, cx) {
            cx.sink.alert(&word.site, format!("{outer}{why}"));
            sound = false;
        }
    }
    if !draft.negotiates && http {
        draft.settings.alpn = vec![b"http/1.1".to_vec()];
    } else if draft.h2 && http {
        draft.settings.alpn.retain(|name| name != b"h2");
        cx.ignore("bind … alpn h2");
    }
    let place = format!("bind '{}' at [{}:{}]", line.address, line.site.file, line.site.line);
    let mut fault = |message: String, help: Option<String>, cx: &mut Cx<'_>| {
        cx.sink.push(Severity::Alert, &line.site, format!("Proxy '{proxy}': {message}"), help);
        sound = false;
    };
    let settings = match draft.finished() {
        Ok((settings, unknown)) => {
            if !unknown.is_empty() {
                match line.words.iter().rev().find(|word| word.name.starts_with("ciphers")) {
                    Some(word) => {
                        let (name, unknown) = (word.name, unknown.join(", "));
                        let message = format!("{outer}'{name}' : ignored, as the TLS library has them not: {unknown}.");
                        cx.warn(&word.site, message);
                    }
                    None => unknown.iter().for_each(|name| cx.ignore(&format!("ssl-default-bind-ciphers … {name}"))),
                }
            }
            settings
        }
        Err((message, why)) => {
            fault(format!("{message} for {place}."), Some(why), cx);
            draft.settings.clone()
        }
    };
    if settings.verify != Verify::None && settings.trust.is_none() {
        fault(format!("verify is enabled but no CA file specified for {place}."), None, cx);
    }
    if settings.versions.spoken().is_empty() {
        let help = Some("TLSv1.2 and TLSv1.3 can be spoken".to_owned());
        fault(format!("all SSL/TLS versions are disabled for {place}."), help, cx);
    }
    draft.settings = settings;
    let mut offers = Vec::new();
    for word in line.words.iter().filter(|word| chooses(word.name)) {
        let found = match word.name {
            "crt-list" => list(&word.argument, &draft, loader, cx),
            name => certificates(&word.argument, name == "default-crt", &draft, loader, cx),
        };
        match found {
            Ok(found) => offers.extend(found),
            Err(why) => {
                cx.sink.alert(&word.site, format!("{outer}{why}"));
                sound = false;
            }
        }
    }
    if !draft.secured {
        return None;
    }
    if sound && offers.is_empty() && !draft.strict_sni {
        let message = format!("Proxy '{proxy}': no SSL certificate specified for {place} (use 'crt').");
        cx.sink.alert(&line.site, message);
    }
    Some(Arc::new(BindTls { offers, strict_sni: draft.strict_sni, settings: Arc::new(draft.settings) }))
}

/// Words that name certificates.
fn chooses(word: &str) -> bool {
    matches!(word, "crt" | "crt-list" | "default-crt")
}

/// The certificates of `crt`: one file, a bundle of several, or all files of a directory.
fn certificates(
    path: &str,
    default: bool,
    draft: &Draft,
    loader: &mut Loader,
    cx: &Cx<'_>,
) -> Result<Vec<Offer>, String> {
    if path.is_empty() {
        return Err("'crt' : missing certificate location".to_owned());
    }
    let settings = Arc::new(draft.settings.clone());
    let files = loader.certificate_files(path, cx)?;
    let offer = |file: String| {
        let file = loader.certificate(&file, cx)?;
        Ok(Offer { file, settings: Arc::clone(&settings), filters: Vec::new(), line: None, default })
    };
    files.into_iter().map(offer).collect()
}

/// The certificates of a list.
fn list(path: &str, draft: &Draft, loader: &mut Loader, cx: &Cx<'_>) -> Result<Vec<Offer>, String> {
    if path.is_empty() {
        return Err("'crt-list' : missing certificate location".to_owned());
    }
    let text = cx.host.read_file(Path::new(path));
    let text = text.map_err(|e| format!("'crt-list' : cannot open file '{path}' : {}", reason(&e)))?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let mut offers = Vec::new();
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let placed = |why: String| format!("'crt-list' : [{path}:{number}] : {why}");
        let (read, found) = entry(line, number, path, draft, loader, cx).map_err(placed)?;
        lines.push(read);
        offers.extend(found);
    }
    loader.files.lists.entry(path.to_owned()).or_insert(lines);
    Ok(offers)
}

/// `file [options] filters…`.
fn entry(
    line: &str,
    number: u32,
    path: &str,
    draft: &Draft,
    loader: &mut Loader,
    cx: &Cx<'_>,
) -> Result<(CrtLine, Vec<Offer>), String> {
    let (file, rest) = line.split_once(char::is_whitespace).map_or((line, ""), |(file, rest)| (file, rest.trim()));
    let (options, filters) = match rest.strip_prefix('[') {
        None => ("", rest),
        Some(rest) => rest.split_once(']').ok_or("a '[' is not closed")?,
    };
    let mut own = draft.clone();
    let mut words = options.split_whitespace();
    while let Some(word) = words.next() {
        let row = crate::keywords::BIND.iter().find(|row| row.name == word && row.tls);
        let row = row.filter(|row| !chooses(row.name) && !matches!(row.name, "ssl" | "strict-sni"));
        let row = row.ok_or_else(|| format!("unknown ssl keyword '{word}'"))?;
        let argument = if row.arguments > 0 { words.next().unwrap_or_default() } else { "" };
        own.obey(word, argument, loader, cx)?;
    }
    let (settings, _) = own.finished().map_err(|(message, why)| format!("{message}: {why}"))?;
    if settings.verify != Verify::None && settings.trust.is_none() {
        return Err("verify is enabled but no CA file specified".to_owned());
    }
    let settings = Arc::new(settings);
    let filters: Vec<String> = filters.split_whitespace().map(str::to_owned).collect();
    let mut offers = Vec::new();
    for name in loader.certificate_files(file, cx)? {
        let file = loader.certificate(&name, cx)?;
        let line = Some((path.to_owned(), number));
        offers.push(Offer { file, settings: Arc::clone(&settings), filters: filters.clone(), line, default: false });
    }
    let file = offers.first().map_or_else(|| file.to_owned(), |offer| offer.file.name.clone());
    Ok((CrtLine { number, file, options: options.trim().to_owned(), filters }, offers))
}
