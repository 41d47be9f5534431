//! Certificates, and what TLS connections are made of.
//!
//! Texts of files become [`Bundle`]s and [`Trust`]; these and a line's settings become what rustls needs to make
//! connections. The crate reads no file and owns no socket; the cryptography, and the clock and randomness it needs, are
//! those of rustls with `ring`.

mod bundle;
mod client;
mod crl;
mod der;
mod name;
mod ocsp;
mod pem;
mod provider;
mod server;
mod settings;
mod trust;
mod verify;
mod x509;

pub use bundle::sha1;
pub use bundle::{Bundle, BundleError, Part};
pub use client::{Client, ClientSettings};
pub use crl::Crl;
pub use name::matches as name_matches;
pub use ocsp::{OcspId, ocsp_id};
pub use pem::{decode as decode_base64, encode as encode_pem, encode_base64};
pub use provider::{Ciphers, cipher_name, cipher_suites, ciphers, strength};
pub use server::{Offer, ServerSettings, Site, Sites, Verify};
pub use settings::{Named, Version, Versions};
pub use trust::Trust;
pub use verify::openssl_code;
pub use x509::{Attribute, Certificate, KeyKind, date_text, one_line, rfc2253};
