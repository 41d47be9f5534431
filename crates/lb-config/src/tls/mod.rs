//! TLS settings: the words of lines, and the files they name.
//!
//! Words are read where they stand; files are read once all is known, each once, and judged with the
//! place that named them.

pub(crate) mod bind;
mod files;
pub(crate) mod server;
pub(crate) mod store;

pub(crate) use files::Loader;

use lb_tls::{Ciphers, Version, Versions};

/// Words about protocol versions, the same on all lines.
pub(crate) fn version(versions: &mut Versions, word: &str, argument: &str) -> Result<(), String> {
    let named = || Version::parse(argument).ok_or_else(|| format!("'{argument}' : unknown ssl/tls version"));
    match word {
        "ssl-min-ver" => versions.min = Some(named()?),
        "ssl-max-ver" => versions.max = Some(named()?),
        "force-sslv3" => versions.force(Version::Ssl3),
        "force-tlsv10" => versions.force(Version::Tls10),
        "force-tlsv11" => versions.force(Version::Tls11),
        "force-tlsv12" => versions.force(Version::Tls12),
        "force-tlsv13" => versions.force(Version::Tls13),
        "no-tlsv12" => versions.no_tls12 = true,
        "no-tlsv13" => versions.no_tls13 = true,
        // Older ones are never spoken.
        _ => {}
    }
    Ok(())
}

/// The protocols of an `alpn` list.
pub(crate) fn protocols(text: &str) -> Result<Vec<Vec<u8>>, String> {
    if text.is_empty() {
        return Err("'alpn' : missing the comma-delimited ALPN protocol suite".to_owned());
    }
    let names: Vec<Vec<u8>> = text.split(',').map(|name| name.as_bytes().to_vec()).collect();
    if names.iter().any(|name| name.is_empty() || name.len() > 255) {
        return Err("'alpn' : one ALPN name is empty or longer than 255 bytes".to_owned());
    }
    Ok(names)
}

/// What becomes of `ciphers` and `ciphersuites`; the names that no suite has here are returned.
pub(crate) fn suites(ciphers: &str, suites: &str) -> Result<(Ciphers, Vec<String>), (&'static str, String)> {
    let mut found = Ciphers::default();
    let mut unknown = Vec::new();
    if !ciphers.is_empty() {
        let (ids, left) = lb_tls::ciphers(ciphers).map_err(|why| ("ciphers", why))?;
        found.tls12 = Some(ids);
        unknown.extend(left);
    }
    if !suites.is_empty() {
        let (ids, left) = lb_tls::cipher_suites(suites).map_err(|why| ("ciphersuites", why))?;
        found.tls13 = Some(ids);
        unknown.extend(left);
    }
    Ok((found, unknown))
}
