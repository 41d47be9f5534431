//! Files that TLS settings name: read once each, judged where they were named.

use super::store::Parts;
use crate::cx::{Cx, reason};
use crate::model::{Named, TlsFiles};
use lb_tls::{Bundle, Crl, Part, Trust};
use std::path::Path;
use std::sync::Arc;

/// Reads and keeps files.
#[derive(Default)]
pub(crate) struct Loader {
    /// `ca-base`.
    pub ca_base: Option<String>,
    /// `crt-base`.
    pub crt_base: Option<String>,
    /// `key-base`.
    pub key_base: Option<String>,
    /// What was read.
    pub files: TlsFiles,
}

/// Files that may stand beside a certificate, by what follows its name.
const BESIDE: &[(&str, Part)] =
    &[("key", Part::Key), ("ocsp", Part::Ocsp), ("issuer", Part::Issuer), ("sctl", Part::Sctl)];

/// Where systems keep the authorities they trust, most usual first.
const SYSTEM_AUTHORITIES: &[&str] =
    &["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// The name that stands for the authorities the system trusts.
pub(crate) const SYSTEM: &str = "@system-ca";

fn with_base(base: Option<&str>, path: &str) -> String {
    match base {
        Some(base) if !path.starts_with('/') && !path.starts_with('@') => format!("{base}/{path}"),
        _ => path.to_owned(),
    }
}

impl Loader {
    /// A `ca-file`, under the name it is known by.
    pub fn trust(&mut self, path: &str, cx: &Cx<'_>) -> Result<Named<Trust>, String> {
        let name = with_base(self.ca_base.as_deref(), path);
        if let Some(held) = self.files.trusts.get(&name) {
            return Ok(Named { name, held: Arc::clone(held) });
        }
        let text = match name.as_str() {
            SYSTEM => SYSTEM_AUTHORITIES.iter().find_map(|path| cx.host.read_file(Path::new(path)).ok()),
            _ => Some(self.read(&name, "ca-file", cx)?),
        };
        let trust = Trust::parse(&text.unwrap_or_default()).map_err(|why| unusable("ca-file", &name, &why))?;
        let held = Arc::new(trust);
        self.files.trusts.insert(name.clone(), Arc::clone(&held));
        Ok(Named { name, held })
    }

    /// A `crl-file`.
    pub fn crl(&mut self, path: &str, cx: &Cx<'_>) -> Result<Named<Crl>, String> {
        let name = with_base(self.ca_base.as_deref(), path);
        if let Some(held) = self.files.crls.get(&name) {
            return Ok(Named { name, held: Arc::clone(held) });
        }
        let text = self.read(&name, "crl-file", cx)?;
        let held = Arc::new(Crl::parse(&text).map_err(|why| unusable("crl-file", &name, &why))?);
        self.files.crls.insert(name.clone(), Arc::clone(&held));
        Ok(Named { name, held })
    }

    fn read(&self, name: &str, what: &str, cx: &Cx<'_>) -> Result<Vec<u8>, String> {
        cx.host.read_file(Path::new(name)).map_err(|e| unusable(what, name, &reason(&e)))
    }

    /// The files that `crt` names: itself, or the files of a directory in order, or those of a bundle.
    pub fn certificate_files(&self, path: &str, cx: &Cx<'_>) -> Result<Vec<String>, String> {
        let name = with_base(self.crt_base.as_deref(), path);
        if self.files.certificates.contains_key(&name) || path.starts_with('@') {
            return Ok(vec![path.to_owned()]);
        }
        if let Ok(mut found) = cx.host.list_dir(Path::new(&name)) {
            found.sort();
            let beside = |file: &String| BESIDE.iter().any(|(suffix, _)| file.ends_with(&format!(".{suffix}")));
            found.retain(|file| !file.starts_with('.') && !beside(file));
            return Ok(found.into_iter().map(|file| format!("{path}/{file}")).collect());
        }
        if cx.host.read_file(Path::new(&name)).is_err() {
            let of_bundle = |kind: &&str| cx.host.read_file(Path::new(&format!("{name}.{kind}"))).is_ok();
            let kinds: Vec<&str> = ["rsa", "ecdsa", "dsa"].into_iter().filter(of_bundle).collect();
            if !kinds.is_empty() {
                return Ok(kinds.into_iter().map(|kind| format!("{path}.{kind}")).collect());
            }
        }
        Ok(vec![path.to_owned()])
    }

    /// A certificate with its key, from its file and those beside it.
    pub fn certificate(&mut self, path: &str, cx: &Cx<'_>) -> Result<Named<Bundle>, String> {
        let name = with_base(self.crt_base.as_deref(), path);
        if let Some(held) = self.files.certificates.get(&name) {
            return Ok(Named { name, held: Arc::clone(held) });
        }
        if path.starts_with('@') {
            return Err(format!("unable to find the certificate '{path}' in a crt-store."));
        }
        let text = cx.host.read_file(Path::new(&name));
        let text = text.map_err(|e| format!("unable to stat SSL certificate from file '{name}' : {}.", reason(&e)))?;
        let mut bundle = Bundle::default();
        let refused = |why| format!("unable to load certificate from file '{name}': {why}.");
        bundle.add(Part::Certificate, &text).map_err(|why| refused(why.to_string()))?;
        for (suffix, part) in BESIDE {
            if *part == Part::Key && bundle.has_key() {
                continue;
            }
            let beside = format!("{name}.{suffix}");
            if let Ok(text) = cx.host.read_file(Path::new(&beside)) {
                bundle.add(*part, &text).map_err(|why| format!("unable to load '{beside}': {why}."))?;
            }
        }
        if !bundle.has_key() {
            return Err(format!("No Private Key found in '{name}.key'."));
        }
        self.keep(&name, &name, bundle)
    }

    /// A certificate of a `crt-store`, from the files that its line names.
    pub fn assemble(&mut self, name: &str, parts: &Parts, cx: &Cx<'_>) -> Result<Named<Bundle>, String> {
        let mut bundle = Bundle::default();
        let files = [
            (Some(&parts.crt), Part::Certificate),
            (parts.key.as_ref(), Part::Key),
            (parts.ocsp.as_ref(), Part::Ocsp),
            (parts.issuer.as_ref(), Part::Issuer),
            (parts.sctl.as_ref(), Part::Sctl),
        ];
        for (path, part) in files {
            let Some(path) = path else { continue };
            let text = cx.host.read_file(Path::new(path));
            let text = text.map_err(|e| format!("unable to load '{path}' ({}).", reason(&e)))?;
            bundle.add(part, &text).map_err(|why| format!("unable to load '{path}': {why}."))?;
        }
        if !bundle.has_key() {
            let beside = format!("{}.key", parts.crt);
            let text = cx.host.read_file(Path::new(&beside));
            let text = text.map_err(|_| format!("No Private Key found in '{}' nor in '{beside}'.", parts.crt))?;
            bundle.add(Part::Key, &text).map_err(|why| format!("unable to load '{beside}': {why}."))?;
        }
        self.keep(name, &parts.crt, bundle)
    }

    /// Keeps a certificate whose key is its own.
    fn keep(&mut self, name: &str, file: &str, bundle: Bundle) -> Result<Named<Bundle>, String> {
        bundle.certified().map_err(|why| match why {
            lb_tls::BundleError::Mismatch => {
                format!("inconsistencies between private key and certificate loaded '{file}'.")
            }
            why => format!("unable to load certificate from file '{file}': {why}."),
        })?;
        let held = Arc::new(bundle);
        self.files.certificates.insert(name.to_owned(), Arc::clone(&held));
        Ok(Named { name: name.to_owned(), held })
    }
}

fn unusable(what: &str, name: &str, why: &str) -> String {
    format!("'{what}' : unable to load '{name}' ({why})")
}
