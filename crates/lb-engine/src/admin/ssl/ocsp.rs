//! Stapled OCSP responses. They come from files and from commands; none is fetched.

use super::hex;
use crate::control::Control;
use crate::tls::store::{self, Kind};
use lb_admin::{Reply, Request};
use lb_tls::{Bundle, Part, decode_base64, encode_base64, ocsp_id};
use std::fmt::Write;
use std::sync::Arc;

/// `set ssl ocsp-response <base64|payload>`: for every certificate that has a response for the same one.
pub(in super::super) fn set(control: &Control, request: &Request) -> Result<Reply, Reply> {
    let given = request.payload.as_deref().unwrap_or(request.arg(0).as_bytes());
    if given.is_empty() {
        return Err(Reply::err("'set ssl ocsp-response' expects response in base64 encoding."));
    }
    let der = decode_base64(given)
        .ok_or_else(|| Reply::err("'set ssl ocsp-response' received invalid base64 encoded response."))?;
    let id = ocsp_id(&der).ok_or_else(|| Reply::err("Unable to parse OCSP response."))?;
    let mut store = control.tls.borrow_mut();
    let mut files = store.files.clone();
    let same = |bundle: &Bundle| {
        let stapled = bundle.ocsp.as_deref().and_then(ocsp_id).is_some_and(|own| own.der == id.der);
        stapled || bundle.describe().is_some_and(|certificate| bundle.ocsp.is_some() && certificate.serial == id.serial)
    };
    let names: Vec<String> =
        files.certificates.iter().filter(|(_, bundle)| same(bundle)).map(|(name, _)| name.clone()).collect();
    if names.is_empty() {
        return Err(Reply::err("OCSP single response: Certificate ID does not match any certificate or issuer."));
    }
    let mut ready = Vec::new();
    for name in &names {
        let mut bundle = files.certificates.get(name).map(|held| Bundle::clone(held)).unwrap_or_default();
        bundle.add(Part::Ocsp, &der).map_err(|why| Reply::err(why.to_string()))?;
        files.certificates.insert(name.clone(), Arc::new(bundle));
        ready.push(store::prepare(control.shared, Kind::Certificate, name, &files).map_err(Reply::err)?);
    }
    // A listener with several of them is made anew once more, from all.
    ready.into_iter().for_each(store::Prepared::apply);
    store.files = files;
    Ok(Reply::info("OCSP Response updated!"))
}

/// `show ssl ocsp-response [[text|base64] id]`.
pub(in super::super) fn show(control: &Control, request: &Request) -> Result<Reply, Reply> {
    let store = control.tls.borrow();
    let stapled = || {
        let with = |(name, bundle): (&'_ String, &'_ Arc<Bundle>)| {
            let der = bundle.ocsp.clone()?;
            Some((name.clone(), ocsp_id(&der)?, der))
        };
        store.files.certificates.iter().filter_map(with)
    };
    let wanted = match request.arg(0) {
        "text" | "base64" => request.arg(1),
        id => id,
    };
    if wanted.is_empty() {
        let mut text = String::new();
        for (name, id, _) in stapled() {
            let key = hex(&id.der).to_lowercase();
            let _ = write!(
                text,
                "Certificate ID key : {key}\nCertificate path : {name}\n Certificate ID:\n   Serial Number: {}\n",
                hex(&id.serial)
            );
        }
        return Ok(if text.is_empty() { Reply::Empty } else { Reply::Raw(text.into_bytes()) });
    }
    let is_it =
        |(name, id, _): &(String, lb_tls::OcspId, Vec<u8>)| name == wanted || hex(&id.der).eq_ignore_ascii_case(wanted);
    let (_, id, der) =
        stapled().find(is_it).ok_or_else(|| Reply::err("Certificate ID does not match any certificate."))?;
    if request.arg(0) == "base64" {
        return Ok(Reply::Raw(format!("{}\n", encode_base64(&der)).into_bytes()));
    }
    Ok(Reply::Raw(format!("OCSP Response Data:\n    Serial Number: {}\n", hex(&id.serial)).into_bytes()))
}

/// `show ssl ocsp-updates`: no response is fetched, so the list is empty.
pub(in super::super) fn updates() -> Reply {
    let heading = "OCSP Certid | Path | Next Update | Last Update | Successes | Failures | Last Update Status | \
                   Last Update Status (str)\n";
    Reply::Raw(heading.as_bytes().to_vec())
}
