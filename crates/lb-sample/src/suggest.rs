//! Near misses.

/// The candidate nearest to `word`, when it is near enough to be what was meant.
pub(crate) fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let limit = ((word.len() + 1) / 3).clamp(1, 3);
    candidates.map(|c| (distance(word, c), c)).filter(|(d, _)| *d <= limit).min_by_key(|(d, _)| *d).map(|(_, c)| c)
}

/// Insertions, deletions and replacements between two words.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut above_left = i;
        let mut left = i + 1;
        for (cell, y) in row.iter_mut().skip(1).zip(&b) {
            let here = (above_left + usize::from(x != *y)).min(left + 1).min(*cell + 1);
            above_left = *cell;
            *cell = here;
            left = here;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_and_far() {
        let known = || ["path", "path_beg", "hdr", "hdr_beg", "src"].into_iter();
        assert_eq!(nearest("pathbeg", known()), Some("path_beg"));
        assert_eq!(nearest("hdrx", known()), Some("hdr"));
        assert_eq!(nearest("nothing", known()), None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
