//! Random variants of known inputs.

/// A seeded generator (xorshift), so that a run can be repeated.
pub struct Random(u64);

impl Random {
    /// A generator; equal seeds yield equal sequences.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `limit`, which is not 0.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.number() % limit.max(1) as u64) as usize
    }

    /// A variant of one input of the corpus, sometimes spliced with another, sometimes made of nothing.
    pub fn variant(&mut self, corpus: &[Vec<u8>], words: &[&str], longest: usize) -> Vec<u8> {
        let mut input = match corpus.len() {
            0 => Vec::new(),
            _ if self.below(50) == 0 => (0..self.below(200)).map(|_| self.number() as u8).collect(),
            n => corpus[self.below(n)].clone(),
        };
        if corpus.len() > 1 && self.below(8) == 0 {
            let other = &corpus[self.below(corpus.len())];
            let from = self.below(other.len() + 1);
            input.truncate(self.below(input.len() + 1));
            input.extend_from_slice(&other[from..]);
        }
        for _ in 0..1 << self.below(4) {
            self.change(&mut input, words);
        }
        input.truncate(longest);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>, words: &[&str]) {
        const BYTES: &[u8] = b"\0\t\n\r \"#$%'(),-./0:;<=>?@[\\]^_{|}~\x7f\x80\xff9aZ";
        let at = self.below(input.len() + 1);
        let length = self.below(16) + 1;
        let end = (at + length).min(input.len());
        match self.below(9) {
            0 if at < input.len() => input[at] = self.number() as u8,
            1 if at < input.len() => input[at] ^= 1 << self.below(8),
            2 => input.insert(at, BYTES[self.below(BYTES.len())]),
            3 => drop(input.drain(at..end)),
            4 => {
                let piece = input[at..end].to_vec();
                let to = self.below(input.len() + 1);
                input.splice(to..to, piece);
            }
            5 => input.truncate(at),
            6 if !words.is_empty() => {
                let word = words[self.below(words.len())];
                input.splice(at..at, word.bytes());
            }
            7 if !words.is_empty() => {
                let word = words[self.below(words.len())];
                input.splice(at..end, word.bytes());
            }
            _ => {
                let digits = match self.below(4) {
                    0 => self.number().to_string(),
                    1 => format!("{:x}", self.number()),
                    2 => self.below(70_000).to_string(),
                    _ => format!("-{}", self.below(10)),
                };
                input.splice(at..at, digits.bytes());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn variants_are_repeatable_and_bounded() {
        let corpus = vec![b"GET / HTTP/1.1\r\n\r\n".to_vec(), b"x".repeat(500)];
        let run = |seed| {
            let mut random = Random::new(seed);
            (0..500).map(|_| random.variant(&corpus, &["Host"], 600)).collect::<Vec<_>>()
        };
        assert_eq!(run(3), run(3));
        assert_ne!(run(3), run(4));
        assert!(run(5).iter().all(|input| input.len() <= 600));
    }
}
