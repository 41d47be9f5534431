//! `… ssl cert`.

use super::{describe, other, starred};
use crate::control::Control;
use crate::tls::store::{self, Kind};
use lb_admin::{Reply, Request};
use lb_tls::{Bundle, Part};
use std::fmt::Write;
use std::sync::Arc;

const SUFFIXES: [(&str, Part); 4] =
    [(".key", Part::Key), (".ocsp", Part::Ocsp), (".issuer", Part::Issuer), (".sctl", Part::Sctl)];

/// `show ssl cert [[*]file]`.
pub(in super::super) fn show(control: &Control, request: &Request) -> Result<Reply, Reply> {
    let store = control.tls.borrow();
    if request.arg(0).is_empty() {
        let mut text = String::new();
        if let Some((name, _)) = &store.certificate {
            let _ = write!(text, "# transaction\n*{name}\n");
        }
        let mut names: Vec<&String> = store.files.certificates.keys().chain(&store.empty.certificates).collect();
        names.sort();
        if names.is_empty() && text.is_empty() {
            return Ok(Reply::Empty);
        }
        text.push_str("# filename\n");
        for name in names {
            let _ = writeln!(text, "{name}");
        }
        return Ok(Reply::Raw(text.into_bytes()));
    }
    let (open, name) = starred(request.arg(0));
    let unknown = || Reply::err("Can't display the certificate: Not found or the certificate is a bundle!");
    let committed = store.files.certificates.get(name);
    let bundle: Option<&Bundle> = if open {
        Some(store.certificate.as_ref().filter(|(own, _)| own == name).map(|(_, bundle)| bundle).ok_or_else(unknown)?)
    } else if store.empty.certificates.iter().any(|own| own == name) {
        None
    } else {
        Some(committed.map(Arc::as_ref).ok_or_else(unknown)?)
    };
    let shown = if open { format!("*{name}") } else { name.to_owned() };
    let status = match bundle {
        None => "Empty",
        Some(_) if open => "Uncommitted",
        Some(_) if store::is_used(control.shared, Kind::Certificate, name) => "Used",
        Some(_) => "Unused",
    };
    let or_none = |there: bool, suffix: &str| if there { format!("{name}{suffix}") } else { String::new() };
    let has = |f: fn(&Bundle) -> bool| bundle.is_some_and(f);
    let mut text = format!(
        "Filename: {shown}\nCrt filename: {name}\nKey filename: {name}\nOCSP filename: {}\nSCTL filename: {}\n\
         Option: ocsp-update off\nOption: jwt off\nStatus: {status}\n",
        or_none(has(|b| b.ocsp.is_some()), ".ocsp"),
        or_none(has(|b| b.sctl.is_some()), ".sctl"),
    );
    if let Some((bundle, certificate)) = bundle.and_then(|bundle| Some((bundle, bundle.describe()?))) {
        let der = bundle.chain.first().map_or(&[][..], |der| der.as_ref());
        describe(&certificate, der, &mut text);
    }
    let key = bundle.and_then(|b| lb_tls::ocsp_id(b.ocsp.as_deref()?)).map(|id| super::hex(&id.der).to_lowercase());
    let _ = writeln!(text, "OCSP Response Key: {}", key.unwrap_or_default());
    Ok(Reply::Raw(text.into_bytes()))
}

/// `dump ssl cert [*]file`: key, certificate and chain as text.
pub(in super::super) fn dump(control: &Control, request: &Request) -> Result<Reply, Reply> {
    let store = control.tls.borrow();
    let (open, name) = starred(request.arg(0));
    let found = if open {
        store.certificate.as_ref().filter(|(own, _)| own == name).map(|(_, bundle)| bundle.to_pem())
    } else {
        store.files.certificates.get(name).map(|bundle| bundle.to_pem())
    };
    let text =
        found.ok_or_else(|| Reply::err("Can't dump the certificate: Not found or the certificate is a bundle!"))?;
    Ok(Reply::Raw(text.into_bytes()))
}

/// `new ssl cert file`.
pub(in super::super) fn new(control: &Control, request: &Request) -> Result<Reply, Reply> {
    let name = request.arg(0);
    if name.is_empty() {
        return Err(Reply::err("'new ssl cert' expects a filename"));
    }
    let mut store = control.tls.borrow_mut();
    if store.files.certificates.contains_key(name) || store.empty.certificates.iter().any(|own| own == name) {
        return Err(Reply::err(format!("Certificate '{name}' already exists!")));
    }
    store.empty.certificates.push(name.to_owned());
    Ok(Reply::notice(format!("New empty certificate store '{name}'!")))
}

/// `set ssl cert file <payload>`.
pub(in super::super) fn set(control: &Control, request: &Request) -> Result<Reply, Reply> {
    let (given, Some(payload)) = (request.arg(0), &request.payload) else {
        return Err(Reply::err("'set ssl cert expects a filename and a certificate as a payload"));
    };
    if given.is_empty() {
        return Err(Reply::err("'set ssl cert expects a filename and a certificate as a payload"));
    }
    let mut store = control.tls.borrow_mut();
    let known = |name: &str| {
        store.files.certificates.contains_key(name) || store.empty.certificates.iter().any(|own| own == name)
    };
    let beside = SUFFIXES.iter().find_map(|(suffix, part)| Some((given.strip_suffix(suffix)?, *part)));
    let (name, part) = match beside.filter(|(base, _)| !known(given) && known(base)) {
        Some((base, part)) => (base.to_owned(), part),
        None => (given.to_owned(), Part::Certificate),
    };
    if let Some((open, _)) = store.certificate.as_ref().filter(|(open, _)| *open != name) {
        return Err(other(open, &name, "update"));
    }
    if !known(&name) {
        return Err(Reply::err(format!(
            "Can't replace a certificate which is not referenced by the configuration!\nCan't update {name}!\n"
        )));
    }
    let is_open = store.certificate.is_some();
    let mut bundle = match &store.certificate {
        Some((_, bundle)) => bundle.clone(),
        None => store.files.certificates.get(&name).map(|held| Bundle::clone(held)).unwrap_or_default(),
    };
    // A whole certificate takes its companions' place too.
    if part == Part::Certificate {
        bundle.ocsp = None;
    }
    bundle.add(part, payload).map_err(|why| {
        Reply::err(format!("unable to load certificate from file '{name}': {why}.\nCan't update {name}!\n"))
    })?;
    store.certificate = Some((name.clone(), bundle));
    let done = if is_open { "updated" } else { "created" };
    Ok(Reply::notice(format!("Transaction {done} for certificate {name}!")))
}

/// `abort ssl cert file`.
pub(in super::super) fn abort(control: &Control, request: &Request) -> Result<Reply, Reply> {
    let name = request.arg(0);
    if name.is_empty() {
        return Err(Reply::err("'abort ssl cert' expects a filename"));
    }
    let mut store = control.tls.borrow_mut();
    match &store.certificate {
        None => Err(Reply::err("No ongoing transaction!")),
        Some((open, _)) if open != name => Err(Reply::err(format!(
            "The ongoing transaction is about '{open}' but you are trying to abort a transaction for '{name}'"
        ))),
        Some(_) => {
            store.certificate = None;
            Ok(Reply::notice(format!("Transaction aborted for certificate '{name}'!")))
        }
    }
}

/// `commit ssl cert file`.
pub(in super::super) fn commit(control: &Control, request: &Request) -> Result<Reply, Reply> {
    let name = request.arg(0);
    if name.is_empty() {
        return Err(Reply::err("'commit ssl cert expects a filename"));
    }
    let mut store = control.tls.borrow_mut();
    let bundle = match &store.certificate {
        None => return Err(Reply::err(format!("No ongoing transaction! !\nCan't commit {name}!\n"))),
        Some((open, _)) if open != name => return Err(other(open, name, "commit")),
        Some((_, bundle)) => bundle.clone(),
    };
    let failed = |why: String| Reply::err(format!("{why}\nCan't commit {name}!\n"));
    bundle.certified().map_err(|why| failed(why.to_string()))?;
    let mut files = store.files.clone();
    files.certificates.insert(name.to_owned(), Arc::new(bundle));
    let prepared = store::prepare(control.shared, Kind::Certificate, name, &files).map_err(failed)?;
    let dots = ".".repeat(prepared.changes());
    prepared.apply();
    store.files = files;
    store.empty.certificates.retain(|own| own != name);
    store.certificate = None;
    Ok(Reply::Raw(format!("Committing {name}{dots}\nSuccess!\n").into_bytes()))
}

/// `del ssl cert file`.
pub(in super::super) fn del(control: &Control, request: &Request) -> Result<Reply, Reply> {
    let name = request.arg(0);
    if name.is_empty() {
        return Err(Reply::err("'del ssl cert' expects a certificate name"));
    }
    let mut store = control.tls.borrow_mut();
    let failed = |why: &str| Reply::err(format!("Can't remove the certificate: certificate '{name}' {why}!\n\n"));
    let made = store.empty.certificates.iter().position(|own| own == name);
    if made.is_none() && !store.files.certificates.contains_key(name) {
        return Err(failed("doesn't exist"));
    }
    if store::is_used(control.shared, Kind::Certificate, name) {
        return Err(failed("in use, can't be deleted"));
    }
    made.map(|at| store.empty.certificates.remove(at));
    store.files.certificates.remove(name);
    Ok(Reply::notice(format!("Certificate '{name}' deleted!")))
}
