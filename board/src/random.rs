//! Chance that nobody can guess: the module makes secrets of it.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use crate::fault::Fault;

pub trait Random {
    /// Fills `bytes`, or answers `Fault::Missing` where there is no chance to be had.
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Fault>;
}

/// A board that has neither a generator of random numbers nor a seed.
pub struct NoRandom;

impl Random for NoRandom {
    fn fill(&mut self, _: &mut [u8]) -> Result<(), Fault> {
        Err(Fault::Missing)
    }
}

/// ChaCha20 from a seed that is secret and used once: for boards whose generator of random numbers is slow, or that are
/// given a seed at each start because they have none.
pub struct SeededRandom(ChaCha20Rng);

impl SeededRandom {
    pub const SEED_BYTES: usize = 32;

    pub fn new(seed: [u8; Self::SEED_BYTES]) -> Self {
        SeededRandom(ChaCha20Rng::from_seed(seed))
    }
}

impl Random for SeededRandom {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Fault> {
        self.0.fill_bytes(bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(seed: u8) -> [u8; 40] {
        let mut random = SeededRandom::new([seed; SeededRandom::SEED_BYTES]);
        let mut bytes = [0; 40];
        let (first, rest) = bytes.split_at_mut(7);
        random.fill(first).unwrap();
        random.fill(rest).unwrap();
        bytes
    }

    #[test]
    fn a_seed_gives_its_own_numbers_and_no_others() {
        assert_eq!(drawn(1), drawn(1));
        assert_ne!(drawn(1), drawn(2));
        assert!(drawn(1).windows(8).all(|bytes| bytes != [0; 8]));
    }

    #[test]
    fn without_a_seed_there_is_none() {
        let mut bytes = [5; 4];
        assert_eq!(NoRandom.fill(&mut bytes), Err(Fault::Missing));
        assert_eq!(bytes, [5; 4]);
    }
}
