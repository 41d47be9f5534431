//! What a secured connection tells of itself.

/// Which connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// The client's.
    Front,
    /// The server's.
    Back,
}

/// Whose certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// The client's (`ssl_c_…`).
    Client,
    /// Our own towards the client (`ssl_f_…`).
    Own,
    /// The server's (`ssl_s_…`).
    Server,
}

/// A secured connection, as far as fetches ask.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Secured {
    /// Name asked for by SNI.
    pub sni: Option<String>,
    /// `TLSv1.3`.
    pub protocol: &'static str,
    /// OpenSSL's name of the suite.
    pub cipher: &'static str,
    /// Bits of its key.
    pub bits: u16,
    /// Agreed protocol.
    pub alpn: Vec<u8>,
    /// An earlier session was taken up.
    pub resumed: bool,
    /// The file of our certificate.
    pub own_file: Option<String>,
    /// Our certificate.
    pub own: Option<Shown>,
    /// The peer's certificate.
    pub peer: Option<Shown>,
    /// OpenSSL's number for the verdict on the peer's.
    pub verdict: u32,
}

/// A certificate as fetches show it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    /// All of it.
    pub der: Vec<u8>,
    /// SHA-1 of it.
    pub sha1: Vec<u8>,
    /// Serial number.
    pub serial: Vec<u8>,
    /// Version.
    pub version: u8,
    /// Subject, most general part first.
    pub subject: Vec<(String, String)>,
    /// Issuer.
    pub issuer: Vec<(String, String)>,
    /// Beginning and end of its validity, as written.
    pub dates: (String, String),
    /// Algorithm of its key.
    pub key_algorithm: String,
    /// Algorithm of its signature.
    pub signature_algorithm: String,
    /// Alternative names, as one text.
    pub alternative_names: String,
}

impl Shown {
    /// A name as the `ssl_…_dn` fetches show it: all of it, or the `nth` value of one attribute; in RFC 2253's form or on
    /// one line.
    pub fn name(name: &[(String, String)], attribute: &str, nth: i64, rfc2253: bool) -> Option<Vec<u8>> {
        if attribute.is_empty() {
            let part = |(kind, text): &(String, String)| format!("{kind}={text}");
            let parts = name.iter().map(part);
            let text = match rfc2253 {
                true => parts.rev().collect::<Vec<_>>().join(","),
                false => parts.map(|part| format!("/{part}")).collect(),
            };
            return Some(text.into_bytes()).filter(|text| !text.is_empty());
        }
        let mut values = name.iter().filter(|(kind, _)| kind.eq_ignore_ascii_case(attribute)).map(|(_, text)| text);
        // From the first on, or from the last back.
        let found = match nth {
            n if n < 0 => values.rev().nth((n.unsigned_abs() - 1) as usize),
            n => values.nth((n.max(1) - 1) as usize),
        };
        found.map(|text| text.clone().into_bytes())
    }
}
