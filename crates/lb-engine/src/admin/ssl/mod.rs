//! Commands about certificates, authorities, revocations and lists of certificates.
//!
//! A change is kept aside until it is committed; a commit makes everything ready that uses the file, and only when
//! all of that succeeded is any of it put in force.

mod cert;
mod files;
mod list;
mod ocsp;

pub(super) use cert::{abort as abort_cert, commit as commit_cert, del as del_cert, dump as dump_cert};
pub(super) use cert::{new as new_cert, set as set_cert, show as show_cert};
pub(super) use files::{Family, abort, add_ca, commit, del, new, set, show};
pub(super) use list::{add as add_crt_list, del as del_crt_list, show as show_crt_list, sni as show_sni};
pub(super) use ocsp::{set as set_ocsp, show as show_ocsp, updates as show_ocsp_updates};

use lb_admin::{Reply, Request};
use lb_tls::{Certificate, date_text, one_line, sha1};
use std::fmt::Write;

/// `show ssl providers`: the one library there is.
pub(super) fn providers() -> Reply {
    Reply::Raw(b"Loaded providers : \n\t- ring\n".to_vec())
}

/// `show tls-keys [id|*]`: keys of tickets are made and changed by the library, and stand in no file.
pub(super) fn tls_keys(request: &Request) -> Reply {
    match request.arg(0) {
        "" => Reply::Raw(b"# id (file)\n".to_vec()),
        "*" => Reply::Raw(b"# id secret\n".to_vec()),
        _ => Reply::err("'show tls-keys' unable to locate referenced filename"),
    }
}

/// `set ssl tls-key`.
pub(super) fn set_tls_key(request: &Request) -> Reply {
    match (request.arg(0), request.arg(1)) {
        ("", _) | (_, "") => Reply::err("'set ssl tls-key' expects a filename and the new TLS key in base64 encoding."),
        _ => Reply::err("'set ssl tls-key' unable to locate referenced filename"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02X}");
        out
    })
}

/// A certificate's description, line by line.
fn describe(certificate: &Certificate, der: &[u8], out: &mut String) {
    let algorithm = &certificate.key;
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        "Serial: {}\nnotBefore: {}\nnotAfter: {}\nSubject Alternative Name: {}\nAlgorithm: {algorithm}\n\
         SHA1 FingerPrint: {}\nSubject: {}\nIssuer: {}\n",
        hex(&certificate.serial),
        date_text(certificate.not_before),
        date_text(certificate.not_after),
        certificate.alternative_names.join(", "),
        hex(&sha1(der)),
        one_line(&certificate.subject),
        one_line(&certificate.issuer),
    );
}

/// A name as commands give it: `*name` is the change under way, `\*name` a name that begins with a star.
fn starred(name: &str) -> (bool, &str) {
    match name.strip_prefix('*') {
        Some(rest) => (true, rest),
        None => (false, name.strip_prefix('\\').unwrap_or(name)),
    }
}

/// The refusal of a change while another one is under way.
fn other(open: &str, name: &str, what: &str) -> Reply {
    Reply::err(format!(
        "The ongoing transaction is about '{open}' but you are trying to set '{name}'\nCan't {what} {name}!\n"
    ))
}
