//! The PROXY protocol, both versions: the header that tells a server whose connection it is, and reading one.
//!
//! Formats are those of the protocol's specification (`proxy-protocol.txt`); the order of the extensions and what
//! is said where nothing is known are as a running HAProxy 2.6 sends them. Nothing is sent or received here.

mod read;
mod write;

pub use read::{Header, LONGEST_V1, LONGEST_V2, Refusal, read};
pub use write::{Extensions, SslFacts, v1, v2};

/// What every header of version 2 begins with.
pub const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// Types of extensions.
pub mod kind {
    /// Agreed protocol of the client's TLS connection.
    pub const ALPN: u8 = 0x01;
    /// Name that the client asked for.
    pub const AUTHORITY: u8 = 0x02;
    /// Checksum of the header.
    pub const CRC32C: u8 = 0x03;
    /// Padding.
    pub const NOOP: u8 = 0x04;
    /// Unique id of the connection.
    pub const UNIQUE_ID: u8 = 0x05;
    /// Facts of the client's TLS connection.
    pub const SSL: u8 = 0x20;
    /// Version of TLS, within [`SSL`].
    pub const SSL_VERSION: u8 = 0x21;
    /// Common name of the client's certificate.
    pub const SSL_CN: u8 = 0x22;
    /// Cipher suite.
    pub const SSL_CIPHER: u8 = 0x23;
    /// Algorithm of the proxy's certificate's signature.
    pub const SSL_SIG_ALG: u8 = 0x24;
    /// Algorithm of the proxy's certificate's key.
    pub const SSL_KEY_ALG: u8 = 0x25;
    /// Network namespace.
    pub const NETNS: u8 = 0x30;
}

/// An extension's type by the name that configurations use: its number, or a word (`UNIQUE_ID`).
pub fn kind_of(name: &str) -> Option<u8> {
    let known = match name {
        "ALPN" => kind::ALPN,
        "AUTHORITY" => kind::AUTHORITY,
        "CRC32C" => kind::CRC32C,
        "NOOP" => kind::NOOP,
        "UNIQUE_ID" => kind::UNIQUE_ID,
        "SSL" => kind::SSL,
        "SSL_VERSION" => kind::SSL_VERSION,
        "SSL_CN" => kind::SSL_CN,
        "SSL_CIPHER" => kind::SSL_CIPHER,
        "SSL_SIG_ALG" => kind::SSL_SIG_ALG,
        "SSL_KEY_ALG" => kind::SSL_KEY_ALG,
        "NETNS" => kind::NETNS,
        _ => return number(name),
    };
    Some(known)
}

fn number(text: &str) -> Option<u8> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u8::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// CRC-32C (Castagnoli) of bytes.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ if crc & 1 == 1 { 0x82f6_3b78 } else { 0 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_published_one() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn kinds_have_names_and_numbers() {
        assert_eq!((kind_of("AUTHORITY"), kind_of("0xE0"), kind_of("224")), (Some(2), Some(0xe0), Some(0xe0)));
        assert_eq!((kind_of("256"), kind_of("authority"), kind_of("")), (None, None, None));
    }
}
