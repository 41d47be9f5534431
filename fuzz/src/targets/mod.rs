//! What is fed with random inputs.
//!
//! A target runs one input and panics when a promise is broken. It tells by its signature what was special
//! about the input.

mod admin;
mod config;
mod http;
pub mod live;
pub mod session;

use crate::corpus::Signature;

/// A parser and what it is fed with.
pub struct Target {
    /// What it is called.
    pub name: &'static str,
    /// The longest input.
    pub most_bytes: usize,
    seeds: fn() -> Vec<Vec<u8>>,
    /// Runs one input.
    pub run: fn(&[u8], &mut Signature),
}

impl Target {
    /// The inputs to begin with.
    pub fn seeds(&self) -> Vec<Vec<u8>> {
        (self.seeds)()
    }

    /// Words of the target's language: those of the seeds.
    pub fn words(&self) -> Vec<Vec<u8>> {
        let seeds = self.seeds();
        let words = seeds.iter().flat_map(|seed| seed.split(|b| b.is_ascii_whitespace() || matches!(b, b';' | b',')));
        let mut words: Vec<Vec<u8>> = words.filter(|w| (1..=24).contains(&w.len())).map(<[u8]>::to_vec).collect();
        words.sort();
        words.dedup();
        words
    }
}

/// The target that is no function but a running program: traffic, and an admin socket at level user.
pub const LIVE: &str = "live";
/// The target that is a running program's admin socket at level admin.
pub const SESSION: &str = "session";

const TARGETS: &[Target] = &[
    Target { name: "http", most_bytes: 64 << 10, seeds: http::seeds, run: http::run },
    Target { name: "admin", most_bytes: 20 << 10, seeds: admin::seeds, run: admin::run },
    Target { name: "config", most_bytes: 16 << 10, seeds: config::seeds, run: config::run },
];

/// All names.
pub fn names() -> impl Iterator<Item = &'static str> {
    TARGETS.iter().map(|target| target.name).chain([SESSION, LIVE])
}

/// The target of this name.
pub fn find(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_passes() {
        for target in TARGETS {
            let seeds = target.seeds();
            assert!(seeds.len() > 20, "{} has {} seeds", target.name, seeds.len());
            for seed in seeds {
                (target.run)(&seed, &mut Signature::default());
            }
        }
    }
}
