//! What must not be shown nor kept: private keys that go over the wire.

/// A text without its private keys.
pub fn hide(text: &str) -> String {
    let mut shown = String::new();
    let mut secret = false;
    for line in text.split_inclusive('\n') {
        let begins = line.starts_with("-----BEGIN ") && line.contains("PRIVATE KEY");
        if begins {
            shown.push_str("(a private key)\n");
        }
        secret |= begins;
        if !secret {
            shown.push_str(line);
        }
        secret &= !line.starts_with("-----END ");
    }
    shown
}

#[cfg(test)]
mod tests {
    #[test]
    fn keys() {
        let text = "set ssl cert a <<\n-----BEGIN CERTIFICATE-----\nc\n-----END CERTIFICATE-----\n\
                    -----BEGIN RSA PRIVATE KEY-----\nk\n-----END RSA PRIVATE KEY-----\nrest\n";
        let shown =
            "set ssl cert a <<\n-----BEGIN CERTIFICATE-----\nc\n-----END CERTIFICATE-----\n(a private key)\nrest\n";
        assert_eq!(super::hide(text), shown);
    }
}
