//! Which commands a wrong one may have meant.
//!
//! The rule was found by feeding a running HAProxy some thousands of wrong commands:
//!
//! 1. The leading words that some command has too are taken as right; only commands that begin with
//!    them are candidates. If nothing follows those words, all candidates are shown.
//! 2. The words that follow are compared with those of each candidate by their *fingerprints*: the
//!    set of letters and of pairs of neighbouring letters, the borders of a word counting as one.
//!    The distance is the number of elements that only one of both has.
//! 3. A candidate too far for its length is dropped, and so is one more than two and a half times as
//!    far as the nearest. At most five remain. If none does, all candidates are shown.
//!
//! Ties among the last of the five are resolved by the order of the commands.

use std::collections::BTreeSet;

/// At most this many commands are suggested for a misspelt word.
const MOST: usize = 5;

/// The commands, by index and in ascending order, that `request` may have meant.
/// `commands` yields each command's words.
pub fn suggest<'c, W, S>(commands: &[W], request: &[S]) -> Vec<usize>
where
    W: AsRef<[&'c str]>,
    S: AsRef<str>,
{
    let request: Vec<&str> = request.iter().map(AsRef::as_ref).collect();
    let common = |words: &[&str]| words.iter().zip(&request).take_while(|(a, b)| a == b).count();
    let known = commands.iter().map(|c| common(c.as_ref())).max().unwrap_or(0);
    let candidates: Vec<(usize, &[&str])> = (commands.iter().enumerate())
        .filter(|(_, c)| common(c.as_ref()) == known)
        .map(|(index, c)| (index, c.as_ref().get(known..).unwrap_or_default()))
        .collect();
    let rest = request.get(known..).unwrap_or_default();
    let mut near = if rest.is_empty() { Vec::new() } else { nearest(&candidates, rest) };
    if near.is_empty() {
        near = candidates.into_iter().map(|(index, _)| index).collect();
    }
    near.sort_unstable();
    near
}

fn nearest(candidates: &[(usize, &[&str])], rest: &[&str]) -> Vec<usize> {
    let wanted = fingerprint(rest);
    let length = |words: &[&str]| words.iter().map(|word| word.len()).sum::<usize>();
    let mut near: Vec<(usize, usize)> = (candidates.iter())
        .map(|(index, words)| (distance(&wanted, &fingerprint(words)), length(words), *index))
        // With nothing in common the distance is about twice the letters of both; short words,
        // of which every letter weighs more, need something in common.
        .filter(|(distance, letters, _)| 5 * distance < 12 * (letters + length(rest)))
        .map(|(distance, _, index)| (distance, index))
        .collect();
    near.sort_unstable();
    let best = near.first().map_or(0, |(distance, _)| *distance);
    near.retain(|(distance, _)| 2 * distance <= 5 * best);
    near.into_iter().take(MOST).map(|(_, index)| index).collect()
}

/// An element of a fingerprint: a letter, or two neighbours, a word's border being zero.
type Element = (u8, u8);

fn fingerprint(words: &[&str]) -> BTreeSet<Element> {
    let mut elements = BTreeSet::new();
    // A hyphen joins words.
    for part in words.iter().flat_map(|word| word.split('-')).filter(|part| !part.is_empty()) {
        let mut previous = 0;
        for byte in part.bytes() {
            let letter = class(byte);
            elements.insert((letter, letter | 0x80));
            elements.insert((previous, letter));
            previous = letter;
        }
        elements.insert((previous, 0));
    }
    elements
}

/// Case does not matter, all digits are alike, and so is everything else.
fn class(byte: u8) -> u8 {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' => byte.to_ascii_lowercase(),
        b'0'..=b'9' => b'0',
        _ => b'?',
    }
}

fn distance(a: &BTreeSet<Element>, b: &BTreeSet<Element>) -> usize {
    a.symmetric_difference(b).count()
}
