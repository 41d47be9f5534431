//! Forms of request targets that mean the same made one (RFC 3986, 6.2.2): one kind at a time.

/// What is made one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Normalizer {
    /// `#` becomes `%23`.
    FragmentEncode,
    /// A fragment goes.
    FragmentStrip,
    /// Slashes that follow each other become one.
    PathMergeSlashes,
    /// `/./` segments go.
    PathStripDot,
    /// `/../` segments go with the one before; with `full` also those that have none.
    PathStripDotDot {
        /// Those at the beginning go as well.
        full: bool,
    },
    /// Escapes of what needs none are undone.
    PercentDecodeUnreserved {
        /// An escape that is none makes the request a bad one.
        strict: bool,
    },
    /// Escapes are written in capitals.
    PercentToUppercase {
        /// An escape that is none makes the request a bad one.
        strict: bool,
    },
    /// Parameters are put in the order of their names.
    QuerySortByName,
}

/// An escape that is none, where that was to be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadEscape;

/// The target in its one form.
///
/// # Errors
/// [`BadEscape`] in strict ways only; in others the target stays as it is.
pub fn normalized(target: &[u8], how: Normalizer) -> Result<Vec<u8>, BadEscape> {
    let start = path_start(target);
    let (origin, rest) = target.split_at(start);
    let path_end = rest.iter().position(|b| matches!(b, b'?' | b'#')).unwrap_or(rest.len());
    let (path, tail) = rest.split_at(path_end);
    let with_path = |path: Vec<u8>| [origin, &path, tail].concat();
    Ok(match how {
        Normalizer::FragmentEncode => target.split(|b| *b == b'#').collect::<Vec<_>>().join(&b"%23"[..]),
        Normalizer::FragmentStrip => target.split(|b| *b == b'#').next().unwrap_or_default().to_vec(),
        Normalizer::PathMergeSlashes => with_path(merged(path)),
        Normalizer::PathStripDot => with_path(without_dots(path)),
        Normalizer::PathStripDotDot { full } => with_path(without_parents(path, full)),
        Normalizer::PercentDecodeUnreserved { strict } => unescaped(target, strict, |byte, _| {
            let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
            plain.then(|| vec![byte])
        })?,
        Normalizer::PercentToUppercase { strict } => {
            unescaped(target, strict, |_, digits| Some([b"%", &*digits.to_ascii_uppercase()].concat()))?
        }
        Normalizer::QuerySortByName => {
            let query_end = tail.iter().position(|b| *b == b'#').unwrap_or(tail.len());
            let (query, fragment) = tail.split_at(query_end);
            match query.strip_prefix(b"?") {
                None => target.to_vec(),
                Some(query) => {
                    let mut pairs: Vec<&[u8]> = query.split(|b| *b == b'&').collect();
                    pairs.sort_by_key(|pair| pair.split(|b| *b == b'=').next().unwrap_or_default());
                    [origin, path, b"?", &pairs.join(&b"&"[..]), fragment].concat()
                }
            }
        }
    })
}

/// Where the path begins: behind scheme and authority of an absolute target.
fn path_start(target: &[u8]) -> usize {
    let scheme = memchr::memmem::find(target, b"://").filter(|_| !target.starts_with(b"/"));
    scheme.map_or(0, |at| {
        let host = target.get(at + 3..).unwrap_or_default();
        at + 3 + host.iter().position(|b| matches!(b, b'/' | b'?' | b'#')).unwrap_or(host.len())
    })
}

fn merged(path: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::with_capacity(path.len());
    for byte in path {
        if !(*byte == b'/' && out.last() == Some(&b'/')) {
            out.push(*byte);
        }
    }
    out
}

fn without_dots(path: &[u8]) -> Vec<u8> {
    let count = path.split(|b| *b == b'/').count();
    let kept = path.split(|b| *b == b'/').enumerate().filter_map(|(index, segment)| match segment {
        // The slash before the last one stays.
        b"." if index + 1 == count => Some(&b""[..]),
        b"." => None,
        other => Some(other),
    });
    kept.collect::<Vec<_>>().join(&b'/')
}

fn without_parents(path: &[u8], full: bool) -> Vec<u8> {
    let Some(rest) = path.strip_prefix(b"/") else { return path.to_vec() };
    let segments: Vec<&[u8]> = rest.split(|b| *b == b'/').collect();
    let mut kept: Vec<&[u8]> = Vec::new();
    for (index, segment) in segments.iter().enumerate() {
        if *segment != b".." {
            kept.push(segment);
            continue;
        }
        let has_parent = kept.last().is_some_and(|last| *last != b"..");
        if has_parent {
            kept.pop();
        } else if !full {
            kept.push(segment);
            continue;
        }
        if index + 1 == segments.len() {
            kept.push(b"");
        }
    }
    let mut out = b"/".to_vec();
    out.extend(kept.join(&b'/'));
    out
}

/// The target with its escapes replaced, where `replace` says so.
fn unescaped(
    target: &[u8],
    strict: bool,
    replace: impl Fn(u8, &[u8]) -> Option<Vec<u8>>,
) -> Result<Vec<u8>, BadEscape> {
    let mut out = Vec::with_capacity(target.len());
    let mut rest = target;
    while let Some((first, tail)) = rest.split_first() {
        if *first != b'%' {
            out.push(*first);
            rest = tail;
            continue;
        }
        let digits = tail.get(..2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let byte = digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        let (Some(digits), Some(byte)) = (digits, byte) else {
            return if strict { Err(BadEscape) } else { Ok(target.to_vec()) };
        };
        match replace(byte, digits) {
            Some(text) => out.extend(text),
            None => {
                out.push(b'%');
                out.extend_from_slice(digits);
            }
        }
        rest = tail.get(2..).unwrap_or_default();
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_form_for_each() {
        use Normalizer::*;
        let (strip, full) = (PathStripDotDot { full: false }, PathStripDotDot { full: true });
        let (decode, upper) = (PercentDecodeUnreserved { strict: false }, PercentToUppercase { strict: true });
        for (how, target, expected) in [
            (FragmentEncode, "/#foo", "/%23foo"),
            (FragmentStrip, "/#foo", "/"),
            (PathMergeSlashes, "/ms//a///b?x=//y", "/ms/a/b?x=//y"),
            (PathMergeSlashes, "//", "/"),
            (PathMergeSlashes, "http://h//a", "http://h/a"),
            (PathStripDot, "/.", "/"),
            (PathStripDot, "/./bar/", "/bar/"),
            (PathStripDot, "/sd/./a/./b/.", "/sd/a/b/"),
            (PathStripDot, "/.well-known/c.", "/.well-known/c."),
            (strip, "/foo/../", "/"),
            (strip, "/foo/../bar/", "/bar/"),
            (strip, "/foo/bar/../", "/foo/"),
            (strip, "/../bar/", "/../bar/"),
            (strip, "/bar/../../", "/../"),
            (strip, "/foo//../", "/foo/"),
            (strip, "/foo/%2E%2E/", "/foo/%2E%2E/"),
            (strip, "/a/..?q=/../", "/?q=/../"),
            (full, "/../bar/", "/bar/"),
            (full, "/bar/../../", "/"),
            (full, "/df/a/..", "/df/"),
            (full, "/df//../a", "/df/a"),
            (decode, "/%41%7e%2f", "/A~%2f"),
            (decode, "/%41%zz", "/%41%zz"),
            (upper, "/%2f%ab?x=%3c", "/%2F%AB?x=%3C"),
            (QuerySortByName, "/qs/?b=1&a=2&c&a=1&=x", "/qs/?=x&a=2&a=1&b=1&c"),
            (QuerySortByName, "/qs/?", "/qs/?"),
            (QuerySortByName, "/qs/x", "/qs/x"),
        ] {
            let found = normalized(target.as_bytes(), how).map(|text| String::from_utf8(text).unwrap());
            assert_eq!(found.as_deref(), Ok(expected), "{how:?} {target}");
        }
        assert_eq!(normalized(b"/%zz", upper), Err(BadEscape));
        assert_eq!(normalized(b"/%4", PercentDecodeUnreserved { strict: true }), Err(BadEscape));
    }
}
