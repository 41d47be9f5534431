//! Text: whole, at an end, inside, between delimiters.

/// What separates directories.
pub(super) const DIRECTORY: &[u8] = b"/?";
/// What separates the parts of a host name or a URL.
pub(super) const DOMAIN: &[u8] = b"/?.:";

/// Whether two texts are the same.
pub(super) fn same(a: &[u8], b: &[u8], ignore_case: bool) -> bool {
    if ignore_case { a.eq_ignore_ascii_case(b) } else { a == b }
}

pub(super) fn begins(text: &[u8], pattern: &[u8], ignore_case: bool) -> bool {
    text.get(..pattern.len()).is_some_and(|start| same(start, pattern, ignore_case))
}

pub(super) fn ends(text: &[u8], pattern: &[u8], ignore_case: bool) -> bool {
    let start = text.len().checked_sub(pattern.len());
    start.and_then(|start| text.get(start..)).is_some_and(|end| same(end, pattern, ignore_case))
}

pub(super) fn contains(text: &[u8], pattern: &[u8], ignore_case: bool) -> bool {
    if ignore_case {
        pattern.is_empty() || text.windows(pattern.len()).any(|w| w.eq_ignore_ascii_case(pattern))
    } else {
        memchr::memmem::find(text, pattern).is_some()
    }
}

/// Whether the pattern, without delimiters at its ends, stands in the text with a delimiter or an end on both sides.
pub(super) fn contains_part(text: &[u8], pattern: &[u8], ignore_case: bool, delimiters: &[u8]) -> bool {
    let pattern = trim_delimiters(pattern, delimiters);
    if pattern.is_empty() {
        return false;
    }
    let delimited = |index: Option<usize>| match index.and_then(|i| text.get(i)) {
        Some(b) => delimiters.contains(b),
        None => true,
    };
    text.windows(pattern.len()).enumerate().any(|(start, window)| {
        same(window, pattern, ignore_case) && delimited(start.checked_sub(1)) && delimited(Some(start + pattern.len()))
    })
}

/// The pattern without delimiters at its ends.
fn trim_delimiters<'a>(pattern: &'a [u8], delimiters: &[u8]) -> &'a [u8] {
    let start = pattern.iter().position(|b| !delimiters.contains(b)).unwrap_or(pattern.len());
    let end = pattern.iter().rposition(|b| !delimiters.contains(b)).map_or(start, |at| at + 1);
    pattern.get(start..end).unwrap_or_default()
}
