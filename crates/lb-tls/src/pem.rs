//! Text with blocks between `-----BEGIN …-----` and `-----END …-----`.

/// A block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    /// What stands after `BEGIN`.
    pub label: String,
    /// Its bytes.
    pub der: Vec<u8>,
    /// The block is encrypted: its header fields say so.
    pub encrypted: bool,
    /// Line of its beginning, from 1.
    pub line: usize,
}

/// The blocks of a text; words between them are skipped.
///
/// # Errors
/// What is wrong with a block, and its line.
pub(crate) fn blocks(text: &[u8]) -> Result<Vec<Block>, String> {
    let mut found = Vec::new();
    let mut open: Option<(Block, Vec<u8>)> = None;
    for (number, line) in text.split(|b| *b == b'\n').enumerate() {
        let line = line.trim_ascii();
        if let Some(label) = marker(line, b"-----BEGIN ") {
            let block = Block { label, der: Vec::new(), encrypted: false, line: number + 1 };
            open = Some((block, Vec::new()));
            continue;
        }
        let Some((block, base64)) = &mut open else { continue };
        if marker(line, b"-----END ").is_some_and(|label| label == block.label) {
            let complaint = || format!("line {}: '{}' is not base64", block.line, block.label);
            block.der = if block.encrypted { Vec::new() } else { decode(base64).ok_or_else(complaint)? };
            found.extend(open.take().map(|(block, _)| block));
        } else if line.contains(&b':') {
            block.encrypted |= line.starts_with(b"Proc-Type:") && line.ends_with(b"ENCRYPTED");
        } else {
            base64.extend_from_slice(line);
        }
    }
    match open {
        Some((block, _)) => Err(format!("line {}: '{}' has no end", block.line, block.label)),
        None => Ok(found),
    }
}

fn marker(line: &[u8], begin: &[u8]) -> Option<String> {
    let label = line.strip_prefix(begin)?.strip_suffix(b"-----")?;
    Some(String::from_utf8_lossy(label).into_owned())
}

/// A block as text, in lines of 64.
pub fn encode(label: &str, der: &[u8]) -> String {
    let base64 = encode_base64(der);
    let mut out = format!("-----BEGIN {label}-----\n");
    for line in base64.as_bytes().chunks(64) {
        out.push_str(&String::from_utf8_lossy(line));
        out.push('\n');
    }
    out.push_str(&format!("-----END {label}-----\n"));
    out
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Bytes in base64, padded.
pub fn encode_base64(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let word = group.iter().fold(0_u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - group.len()));
        for i in 0..4 {
            let letter = ALPHABET.get((word >> (18 - 6 * i) & 63) as usize).copied().unwrap_or(b'=');
            out.push(if i <= group.len() { char::from(letter) } else { '=' });
        }
    }
    out
}

/// Bytes from base64; blanks are skipped, padding may lack.
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut word, mut bits) = (0_u32, 0);
    let mut padded = false;
    for byte in text.iter().filter(|b| !b.is_ascii_whitespace()) {
        if *byte == b'=' {
            padded = true;
            continue;
        }
        let value = ALPHABET.iter().position(|letter| letter == byte)?;
        if padded {
            return None;
        }
        word = word << 6 | value as u32;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push((word >> bits) as u8);
            word &= (1 << bits) - 1;
        }
    }
    (bits < 6).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_there_and_back() {
        for (plain, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")] {
            assert_eq!(encode_base64(plain.as_bytes()), coded);
            assert_eq!(decode(coded.as_bytes()).unwrap(), plain.as_bytes());
        }
        for wrong in ["a", "Zg=a", "Z!=="] {
            assert_eq!(decode(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn blocks_and_what_stands_between() {
        let text = format!("words\n{}\nmore\n{}", encode("A", b"one"), encode("B KEY", &[7; 100]));
        let found = blocks(text.as_bytes()).unwrap();
        let seen: Vec<_> = found.iter().map(|b| (b.label.as_str(), b.der.len(), b.line)).collect();
        assert_eq!(seen, [("A", 3, 2), ("B KEY", 100, 7)]);
        assert_eq!(blocks(b"-----BEGIN A-----\nZg==\n").unwrap_err(), "line 1: 'A' has no end");
        assert_eq!(blocks(b"\n-----BEGIN A-----\n!\n-----END A-----").unwrap_err(), "line 2: 'A' is not base64");
        let encrypted = b"-----BEGIN K-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES\n\nZg==\n-----END K-----\n";
        assert!(blocks(encrypted).unwrap()[0].encrypted);
    }
}
