//! The configuration of the property tests, which decides where their cases come from.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::OnceLock;

use proptest::test_runner::{Config, RngSeed};

/// The configuration of a property test with this number of cases.
///
/// The cases are the same in every run. In CI, where `ZERO_INIT_CI` is set, each run draws a new seed and so tries
/// other cases. A test that fails prints its seed, and `PROPTEST_RNG_SEED` with this seed tries the same cases again.
pub fn cases(cases: u32) -> Config {
    static NEW_SEED: OnceLock<u64> = OnceLock::new();
    let default = Config::default(); // its seed is random, unless PROPTEST_RNG_SEED is set
    let seed = match default.rng_seed {
        RngSeed::Fixed(seed) => seed,
        RngSeed::Random if std::env::var_os("ZERO_INIT_CI").is_none() => 1,
        RngSeed::Random => *NEW_SEED.get_or_init(|| RandomState::new().build_hasher().finish()),
    };
    println!("To try these cases again: PROPTEST_RNG_SEED={seed} cargo test");
    Config { cases, rng_seed: RngSeed::Fixed(seed), failure_persistence: None, ..default }
}
