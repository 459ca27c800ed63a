//! The seed of a test's random choices.

/// The seed of this run: the environment's `SEED`, and 1 where that is not set, so that every run of a test makes the
/// same choices. Prints it to standard error. `scripts/search` runs the tests with other seeds.
///
/// # Panics
/// Where `SEED` is not a whole number below 2⁶⁴.
#[allow(clippy::print_stderr, reason = "the reader of a failure needs the seed to repeat it")]
pub fn seed() -> u64 {
    let seed =
        std::env::var("SEED").map_or(1, |seed| seed.parse().expect("SEED is a whole number below 2^64"));
    eprintln!("SEED={seed}");
    seed
}
