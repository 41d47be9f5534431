//! The inputs that mutation starts from: the seeds, and every input whose behaviour was not seen before.
//!
//! A target tells how it behaved by a number ([`Signature`]); without counters in the compiled code that is
//! the measure of what is worth keeping. What is kept is bounded.

use crate::random::Random;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// What a target did with an input, as a hash of what matters about it.
#[derive(Debug, Default)]
pub struct Signature(DefaultHasher);

impl Signature {
    /// Adds something that matters.
    pub fn add(&mut self, what: impl Hash) {
        what.hash(&mut self.0);
    }

    /// Adds a quantity, roughly: twice as much is different, one more is not.
    pub fn add_size(&mut self, size: usize) {
        self.add(usize::BITS - size.leading_zeros());
    }
}

const MOST_INPUTS: usize = 4096;
const MOST_BYTES: usize = 8 << 20;
const MOST_SIGNATURES: usize = 1 << 16;

/// The inputs kept.
#[derive(Debug, Default)]
pub struct Corpus {
    inputs: Vec<Vec<u8>>,
    bytes: usize,
    seen: HashSet<u64>,
}

impl Corpus {
    /// Takes an input if its behaviour is new.
    pub fn consider(&mut self, input: &[u8], signature: &Signature, random: &mut Random) {
        if self.seen.len() >= MOST_SIGNATURES || !self.seen.insert(signature.0.finish()) {
            return;
        }
        while self.inputs.len() >= MOST_INPUTS || (self.bytes + input.len() > MOST_BYTES && !self.inputs.is_empty()) {
            let gone = self.inputs.swap_remove(random.below(self.inputs.len()));
            self.bytes -= gone.len();
        }
        self.bytes += input.len();
        self.inputs.push(input.to_vec());
    }

    /// Some input; empty when there is none.
    pub fn pick(&self, random: &mut Random) -> &[u8] {
        // What was kept last is what the latest inputs led to.
        let recent = self.inputs.len().saturating_sub(64);
        let index = if random.one_in(3) { recent + random.below(64) } else { random.below(self.inputs.len()) };
        self.inputs.get(index).or(self.inputs.last()).map_or(&[], Vec::as_slice)
    }

    /// How many ways to behave were seen.
    pub fn kinds(&self) -> usize {
        self.seen.len()
    }
}
