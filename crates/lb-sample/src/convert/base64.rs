//! Base 64, standard and for URLs.

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Encodes with padding.
pub(crate) fn encode(bytes: &[u8]) -> Vec<u8> {
    let mut out = digits(bytes, STANDARD);
    out.resize(out.len().next_multiple_of(4), b'=');
    out
}

/// Encodes with the alphabet for URLs and without padding.
pub(crate) fn encode_url(bytes: &[u8]) -> Vec<u8> {
    digits(bytes, URL)
}

/// Decodes padded text of the standard alphabet; nothing but complete groups of four.
pub(crate) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let padding = text.iter().rev().take(2).take_while(|b| **b == b'=').count();
    values(text.get(..text.len() - padding)?, STANDARD)
}

/// Decodes text of the alphabet for URLs, padded or not.
pub(crate) fn decode_url(text: &[u8]) -> Option<Vec<u8>> {
    let padding = text.iter().rev().take(2).take_while(|b| **b == b'=').count();
    let digits = text.get(..text.len() - padding)?;
    if digits.len() % 4 == 1 {
        return None;
    }
    values(digits, URL)
}

fn digits(bytes: &[u8], alphabet: &[u8; 64]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0u32, |n, b| (n << 8) | u32::from(*b)) << (8 * (3 - group.len()));
        for i in 0..=group.len() {
            let index = (bits >> (18 - 6 * i)) & 63;
            out.extend(alphabet.get(index as usize));
        }
    }
    out
}

fn values(text: &[u8], alphabet: &[u8; 64]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 2);
    let (mut bits, mut held) = (0u32, 0u32);
    for digit in text {
        let value = alphabet.iter().position(|b| b == digit)?;
        bits = (bits << 6) | u32::try_from(value).ok()?;
        held += 6;
        if held >= 8 {
            held -= 8;
            // The eight bits above the held ones; the rest is cut by the cast.
            out.push((bits >> held) as u8);
        }
    }
    Some(out)
}
