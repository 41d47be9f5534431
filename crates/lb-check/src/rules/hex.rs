//! Bytes written as hexadecimal digits.

/// Reads an even number of hexadecimal digits.
pub fn parse_hex(digits: &[u8]) -> Option<Vec<u8>> {
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let value = |digit: u8| char::from(digit).to_digit(16);
    digits
        .chunks(2)
        .map(|pair| {
            let &[high, low] = pair else { return None };
            u8::try_from(value(high)? * 16 + value(low)?).ok()
        })
        .collect()
}

/// Bytes as upper-case digits, as `rbinary` sees them.
pub(super) fn to_hex(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |n: u8| DIGITS.get(usize::from(n)).copied().unwrap_or(b'0');
    bytes.iter().flat_map(|b| [digit(b >> 4), digit(b & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        assert_eq!(parse_hex(b"2b504F4e47"), Some(b"+PONG".to_vec()));
        assert_eq!(to_hex(b"+PONG\x0a"), b"2B504F4E470A");
        assert_eq!((parse_hex(b"2"), parse_hex(b"2g"), parse_hex(b"")), (None, None, Some(Vec::new())));
    }
}
