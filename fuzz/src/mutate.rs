//! Changes to an input, at the level of bytes, words, numbers and lines.

use crate::corpus::Corpus;
use crate::random::Random;

/// Bytes that mean something in one of the languages.
const SPECIAL: &[u8] = b" \t\r\n\0;:,.\\\"'<>(){}[]$%&|!?@#*/=+-_0179azAZ\x0b\x1b\x7f\x80\xc3\xff";

/// Numbers at whose edges programs err.
const NUMBERS: &[&str] = &[
    "0",
    "1",
    "-1",
    "00",
    "2",
    "7",
    "9",
    "15",
    "16",
    "100",
    "127",
    "128",
    "255",
    "256",
    "1024",
    "16383",
    "16384",
    "16385",
    "32767",
    "65535",
    "65536",
    "2147483647",
    "2147483648",
    "4294967295",
    "4294967296",
    "-2147483649",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "0x10",
    "1e9",
    "FFFFFFFF",
    "fffffffffffffff",
    "99999999999999999999999999",
    "1.5",
    "10ms",
    "24d",
    "25d",
    "64k",
    "4g",
    "%00",
];

/// Makes a new input of at most `most` bytes.
pub fn mutate(random: &mut Random, corpus: &Corpus, words: &[Vec<u8>], most: usize) -> Vec<u8> {
    let mut input = corpus.pick(random).to_vec();
    if random.one_in(64) {
        input = (0..random.below(512)).map(|_| random.next() as u8).collect();
    }
    let most_changes = if random.one_in(4) { 16 } else { 4 };
    for _ in 0..=random.below(most_changes) {
        change(random, corpus, words, &mut input);
        input.truncate(most);
    }
    input
}

fn change(random: &mut Random, corpus: &Corpus, words: &[Vec<u8>], input: &mut Vec<u8>) {
    let range = random.range(input.len());
    let at = range.start;
    match random.below(14) {
        0 if at < input.len() => input[at] ^= 1 << random.below(8),
        1 if at < input.len() => input[at] = *random.pick(SPECIAL),
        2 => input.insert(at, *random.pick(SPECIAL)),
        3 => drop(input.drain(range)),
        4 => {
            let piece = input[range].to_vec();
            let to = random.below(input.len() + 1);
            input.splice(to..to, piece);
        }
        5 if !words.is_empty() => drop(input.splice(at..at, random.pick(words).clone())),
        6 if !words.is_empty() => {
            let word = run_at(input, at, |b| !b.is_ascii_whitespace());
            input.splice(word, random.pick(words).clone());
        }
        7 => {
            let number = run_at(input, at, u8::is_ascii_digit);
            input.splice(number, random.pick(NUMBERS).bytes());
        }
        8 => {
            let other = corpus.pick(random);
            let piece = other[random.range(other.len())].to_vec();
            input.splice(range, piece);
        }
        9 => {
            // A piece many times over, sometimes very many: what is quadratic shows.
            let most = if random.one_in(16) { 12 } else { 4 };
            let times = 1 << random.below(most);
            let piece = input[range].repeat(if input.len() > 4096 { 2 } else { times });
            input.splice(at..at, piece);
        }
        10 => {
            let other = corpus.pick(random);
            let line = line_at(other, random.below(other.len() + 1));
            let here = line_at(input, at).end;
            input.splice(here..here, other[line].to_vec());
        }
        11 => drop(input.drain(line_at(input, at))),
        12 => {
            let line = input.drain(line_at(input, at)).collect::<Vec<u8>>();
            let random_place = random.below(input.len() + 1);
            let to = line_at(input, random_place).start;
            input.splice(to..to, line);
        }
        _ => input[range].iter_mut().for_each(|byte| {
            *byte = if byte.is_ascii_lowercase() { byte.to_ascii_uppercase() } else { byte.to_ascii_lowercase() };
        }),
    }
}

/// The run of bytes around `at` that all satisfy `is_part`.
fn run_at(input: &[u8], at: usize, is_part: impl Fn(&u8) -> bool) -> std::ops::Range<usize> {
    let (before, after) = input.split_at(at);
    let start = at - before.iter().rev().take_while(|b| is_part(b)).count();
    start..at + after.iter().take_while(|b| is_part(b)).count()
}

/// The line around `at`, its end included.
fn line_at(input: &[u8], at: usize) -> std::ops::Range<usize> {
    let line = run_at(input, at, |b| *b != b'\n');
    line.start..(line.end + 1).min(input.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::Signature;

    #[test]
    fn a_seed_makes_the_same_inputs_within_the_limit() {
        let inputs = || {
            let (mut random, mut corpus) = (Random(7), Corpus::default());
            corpus.consider(b"GET / HTTP/1.1\r\nA: 15\r\n\r\n", &Signature::default(), &mut random);
            let words = [b"Host".to_vec()];
            (0..2000).map(|_| mutate(&mut random, &corpus, &words, 500)).collect::<Vec<_>>()
        };
        assert_eq!(inputs(), inputs());
        assert!(inputs().iter().all(|input| input.len() <= 500));
    }
}
