//! Which certificate an OCSP response is about. What it says of it is for clients to judge.

use crate::der::{Reader, tag};

/// Whom a response is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OcspId {
    /// Its identifier in DER: hashes of the issuer's name and key, and the serial number.
    pub der: Vec<u8>,
    /// The serial number, without a leading zero.
    pub serial: Vec<u8>,
}

/// The first certificate a response is about; `None`: it is no successful response.
pub fn ocsp_id(response: &[u8]) -> Option<OcspId> {
    let mut outer = Reader::new(response).tagged(tag::SEQUENCE)?.inside();
    outer.tagged(0x0a).filter(|status| status.body == [0])?;
    let mut bytes = outer.tagged(0xa0)?.inside().tagged(tag::SEQUENCE)?.inside();
    bytes.tagged(tag::OID)?;
    let basic = Reader::new(bytes.tagged(tag::OCTET_STRING)?.body).tagged(tag::SEQUENCE)?;
    let mut data = basic.inside().tagged(tag::SEQUENCE)?.inside();
    let responses = data.find(|field| field.tag == tag::SEQUENCE)?;
    let id = responses.inside().tagged(tag::SEQUENCE)?.inside().tagged(tag::SEQUENCE)?;
    let serial = id.inside().find(|field| field.tag == tag::INTEGER)?.body;
    let serial = serial.strip_prefix(&[0]).filter(|rest| !rest.is_empty()).unwrap_or(serial);
    Some(OcspId { der: id.whole.to_vec(), serial: serial.to_vec() })
}
