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

/// At most this many commands are suggested for a misspelt word.
const MOST: usize = 5;

/// Commands with the fingerprints of their words, made once: a wrong command costs a few bit operations for each.
#[derive(Debug)]
pub(crate) struct Suggester<'c> {
    commands: Vec<Vec<(&'c str, Fingerprint)>>,
}

impl<'c> Suggester<'c> {
    /// For these commands, each given by its words.
    pub(crate) fn new<W: AsRef<[&'c str]>>(commands: impl IntoIterator<Item = W>) -> Self {
        let marked = |words: W| words.as_ref().iter().map(|word| (*word, Fingerprint::of(word))).collect();
        Self { commands: commands.into_iter().map(marked).collect() }
    }

    /// The commands, by index and in ascending order, that `request` may have meant.
    pub(crate) fn suggest<S: AsRef<str>>(&self, request: &[S]) -> Vec<usize> {
        let common = |words: &[(&str, Fingerprint)]| {
            words.iter().zip(request).take_while(|((word, _), given)| *word == given.as_ref()).count()
        };
        let known = self.commands.iter().map(|words| common(words)).max().unwrap_or(0);
        let candidates: Vec<Candidate<'_, 'c>> = (self.commands.iter().enumerate())
            .filter(|(_, words)| common(words) == known)
            .map(|(index, words)| (index, words.get(known..).unwrap_or_default()))
            .collect();
        let rest = request.get(known..).unwrap_or_default();
        let mut near = if rest.is_empty() { Vec::new() } else { nearest(&candidates, rest) };
        if near.is_empty() {
            near = candidates.into_iter().map(|(index, _)| index).collect();
        }
        near.sort_unstable();
        near
    }
}

/// The commands, by index and in ascending order, that `request` may have meant.
/// `commands` yields each command's words.
pub fn suggest<'c, W, S>(commands: &[W], request: &[S]) -> Vec<usize>
where
    W: AsRef<[&'c str]>,
    S: AsRef<str>,
{
    Suggester::new(commands).suggest(request)
}

/// A command's index and those of its words that are to be compared.
type Candidate<'s, 'c> = (usize, &'s [(&'c str, Fingerprint)]);

fn nearest<S: AsRef<str>>(candidates: &[Candidate<'_, '_>], rest: &[S]) -> Vec<usize> {
    let mut wanted = Fingerprint::default();
    rest.iter().for_each(|word| wanted.add(word.as_ref()));
    let wanted_letters: usize = rest.iter().map(|word| word.as_ref().len()).sum();
    let mut near: Vec<(u32, usize)> = (candidates.iter())
        .map(|(index, words)| {
            let mut own = Fingerprint::default();
            words.iter().for_each(|(_, print)| own.join(print));
            let letters: usize = words.iter().map(|(word, _)| word.len()).sum();
            (wanted.distance(&own), letters, *index)
        })
        // With nothing in common the distance is about twice the letters of both; short words,
        // of which every letter weighs more, need something in common.
        .filter(|(distance, letters, _)| 5 * (*distance as usize) < 12 * (letters + wanted_letters))
        .map(|(distance, _, index)| (distance, index))
        .collect();
    near.sort_unstable();
    let best = near.first().map_or(0, |(distance, _)| *distance);
    near.retain(|(distance, _)| 2 * distance <= 5 * best);
    near.into_iter().take(MOST).map(|(_, index)| index).collect()
}

/// Classes of bytes: a word's border, the letters, digits, everything else.
const CLASSES: usize = 29;
/// Bits of a fingerprint: pairs of neighbours, then single letters.
const BITS: usize = CLASSES * CLASSES + CLASSES;

/// The set of letters and of pairs of neighbours, a word's border being one, as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fingerprint([u64; BITS.div_ceil(64)]);

impl Default for Fingerprint {
    fn default() -> Self {
        Self([0; BITS.div_ceil(64)])
    }
}

impl Fingerprint {
    fn of(word: &str) -> Self {
        let mut print = Self::default();
        print.add(word);
        print
    }

    fn add(&mut self, word: &str) {
        // A hyphen joins words.
        for part in word.split('-').filter(|part| !part.is_empty()) {
            let mut previous = 0;
            for byte in part.bytes() {
                let letter = class(byte);
                self.set(CLASSES * CLASSES + letter);
                self.set(previous * CLASSES + letter);
                previous = letter;
            }
            self.set(previous * CLASSES);
        }
    }

    fn set(&mut self, bit: usize) {
        if let Some(word) = self.0.get_mut(bit / 64) {
            *word |= 1 << (bit % 64);
        }
    }

    fn join(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(own, other)| *own |= other);
    }

    /// How many elements only one of both has.
    fn distance(&self, other: &Self) -> u32 {
        self.0.iter().zip(&other.0).map(|(a, b)| (a ^ b).count_ones()).sum()
    }
}

/// Case does not matter, all digits are alike, and so is everything else.
fn class(byte: u8) -> usize {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' => usize::from(byte.to_ascii_lowercase() - b'a') + 1,
        b'0'..=b'9' => 27,
        _ => 28,
    }
}
