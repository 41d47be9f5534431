//! String literals of the repository's sources: its tests are the best seeds there are.

use std::path::Path;

/// All string and byte string literals of a Rust source file, unescaped.
pub fn of_source(text: &str) -> Vec<Vec<u8>> {
    let bytes = text.as_bytes();
    let (mut at, mut found) = (0, Vec::new());
    while at < bytes.len() {
        let rest = &bytes[at..];
        if rest.starts_with(b"//") {
            at += rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
        } else if rest.starts_with(b"'\"'") || rest.starts_with(b"'\\\"'") {
            at += 3;
        } else if rest[0] == b'r' && raw_hashes(&rest[1..]).is_some() {
            let hashes = raw_hashes(&rest[1..]).unwrap_or_default();
            let end = [&b"\""[..], &b"#".repeat(hashes)].concat();
            let body = &rest[hashes + 2..];
            let length = body.windows(end.len()).position(|w| w == end).unwrap_or(body.len());
            found.push(body[..length].to_vec());
            at += hashes + 2 + length + end.len();
        } else if rest[0] == b'"' {
            let (literal, length) = escaped(&rest[1..]);
            found.push(literal);
            at += length + 2;
        } else {
            at += 1;
        }
    }
    found
}

/// How many `#` stand before the quote that begins a raw literal's body.
fn raw_hashes(text: &[u8]) -> Option<usize> {
    let hashes = text.iter().take_while(|b| **b == b'#').count();
    (text.get(hashes) == Some(&b'"')).then_some(hashes)
}

/// A literal's value and its length in the source, its closing quote not counted.
fn escaped(body: &[u8]) -> (Vec<u8>, usize) {
    let (mut value, mut at) = (Vec::new(), 0);
    while at < body.len() && body[at] != b'"' {
        if body[at] != b'\\' {
            value.push(body[at]);
            at += 1;
            continue;
        }
        let digits = |from: usize, to: usize| {
            let text = body.get(from..to).and_then(|digits| std::str::from_utf8(digits).ok());
            text.and_then(|digits| u32::from_str_radix(digits, 16).ok())
        };
        at += 2;
        match body.get(at - 1) {
            Some(b'n') => value.push(b'\n'),
            Some(b'r') => value.push(b'\r'),
            Some(b't') => value.push(b'\t'),
            Some(b'0') => value.push(0),
            Some(b'x') => {
                value.extend(digits(at, at + 2).map(|code| code as u8));
                at += 2;
            }
            Some(b'u') => {
                let end = at + body[at..].iter().position(|b| *b == b'}').unwrap_or(0);
                let letter = digits(at + 1, end).and_then(char::from_u32);
                value.extend(letter.map(String::from).unwrap_or_default().bytes());
                at = end + 1;
            }
            Some(b'\n') => at += body[at..].iter().take_while(|b| b.is_ascii_whitespace()).count(),
            Some(other) => value.push(*other),
            None => {}
        }
    }
    (value, at)
}

/// Literals of all Rust files in a directory of the repository, or of one file; none when it is not there.
pub fn below(path: &str) -> Vec<Vec<u8>> {
    let path = repository().join(path);
    let mut files = vec![path.clone()];
    if let Ok(entries) = std::fs::read_dir(&path) {
        files = entries.flatten().map(|entry| entry.path()).collect();
        // The order of a directory is the machine's; that of the inputs must not be.
        files.sort();
    }
    let sources = files.iter().filter(|file| file.extension().is_some_and(|kind| kind == "rs"));
    sources.flat_map(|file| of_source(&std::fs::read_to_string(file).unwrap_or_default())).collect()
}

/// A text file of the repository; empty when it is not there.
pub fn text(path: &str) -> String {
    std::fs::read_to_string(repository().join(path)).unwrap_or_default()
}

/// The top of the repository.
pub fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_unescaped() {
        let source = r##"check("a\r\n\x41\u{e9}", r#"b"c"#); // "not this"
            let q = '"'; b"two \
               lines" "##;
        let texts: Vec<String> =
            of_source(source).into_iter().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect();
        assert_eq!(texts, ["a\r\nAé", "b\"c", "two lines"]);
    }
}
