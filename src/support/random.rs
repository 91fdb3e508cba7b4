//! Random numbers that are the same on every platform and in every later release of `rand`.
//!
//! The generator is ChaCha with 8 rounds (Bernstein 2008), a published algorithm; its key is the seed, then the number
//! of the stream, then zeros. How its 64-bit words become random numbers is written down here and not left to the
//! distributions of a library, which may change.

use rand::rngs::ChaCha8Rng;
use rand::{Rng, SeedableRng};

use super::elementary::ln;

/// The purpose of the numbers: the same seed gives unrelated numbers for different purposes.
#[derive(Clone, Copy)]
pub(crate) enum Stream {
    Weights,
    Biases,
    Data,
    Dropout,
    Batches,
}

pub(crate) struct Random(ChaCha8Rng);

impl Random {
    pub(crate) fn new(seed: u64, stream: Stream) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8] = stream as u8;
        Random(ChaCha8Rng::from_seed(key))
    }

    /// A number from 0 (included) to 1 (excluded), a multiple of 2^-53.
    pub(crate) fn uniform(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A standard normal number, by the ratio of uniforms (Kinderman & Monahan 1977).
    ///
    /// The result is a quotient, whose every bit IEEE 754 defines. A logarithm only decides which quotients are
    /// accepted.
    pub(crate) fn normal(&mut self) -> f64 {
        let bound = (2.0 / std::f64::consts::E).sqrt();
        loop {
            let u = 1.0 - self.uniform();
            let x = (2.0 * self.uniform() - 1.0) * bound / u;
            if x * x <= -4.0 * ln(u) {
                return x;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first words of ChaCha8 with an all-zero key, from draft-strombergson-chacha-test-vectors-01 (TC1, 8 rounds).
    #[test]
    fn the_generator_is_chacha8() {
        let expected: [u8; 16] =
            [0x3e, 0x00, 0xef, 0x2f, 0x89, 0x5f, 0x40, 0xd6, 0x7f, 0x5b, 0xb8, 0xe8, 0x1f, 0x09, 0xa5, 0xa1];
        let mut random = Random::new(0, Stream::Weights);
        let words = [random.0.next_u64(), random.0.next_u64()];
        assert_eq!(words[0].to_le_bytes(), expected[..8]);
        assert_eq!(words[1].to_le_bytes(), expected[8..]);
    }

    #[test]
    fn normal_numbers_have_mean_0_variance_1_and_normal_tails() {
        let mut random = Random::new(1, Stream::Weights);
        let n = 200_000;
        let numbers: Vec<f64> = (0..n).map(|_| random.normal()).collect();
        let mean = numbers.iter().sum::<f64>() / n as f64;
        let variance = numbers.iter().map(|x| x * x).sum::<f64>() / n as f64;
        let beyond_two = numbers.iter().filter(|x| x.abs() > 2.0).count() as f64 / n as f64;
        assert!(mean.abs() < 0.01, "mean {mean}");
        assert!((variance - 1.0).abs() < 0.015, "variance {variance}");
        assert!((beyond_two - 0.0455).abs() < 0.002, "P(|x| > 2) = {beyond_two}");
    }

    #[test]
    fn streams_differ() {
        let first = |stream| Random::new(7, stream).uniform();
        let all = [Stream::Weights, Stream::Biases, Stream::Data, Stream::Dropout].map(first);
        for (i, a) in all.iter().enumerate() {
            assert!(all[i + 1..].iter().all(|b| a != b));
        }
    }
}
