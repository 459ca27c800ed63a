//! The targets over the kept inputs and changes of these, the same ones in every run; SEED=n makes others. libFuzzer, which
//! learns from what an input reached, finds more: `make fuzz`.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use cor_fuzz::{TARGETS, Target};
use fastrand::Rng;

/// The changed inputs of each target.
const CHANGED: usize = 10_000;

/// The kept inputs of a target, by their names.
fn kept(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name);
    let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

/// Runs a target and names the input in a form that can be pasted into a test where it fails.
fn run(name: &str, target: Target, input: &[u8]) {
    let shown = || format!("{name} fails with b\"{}\"", input.escape_ascii());
    std::panic::catch_unwind(|| target(input)).unwrap_or_else(|_| panic!("{}", shown()));
}

/// Changes an input in one place.
fn change(input: &mut Vec<u8>, random: &mut Rng) {
    let at = random.usize(..=input.len());
    let end = (at + random.usize(1..=8)).min(input.len());
    match random.u8(..6) {
        0 => drop(input.drain(at..end)),
        1 => input.insert(at, random.u8(..)),
        2 => {
            let piece = input[at..end].to_vec();
            let to = random.usize(..=input.len());
            input.splice(to..to, piece);
        }
        3 => input[at..end].reverse(),
        4 if at < end => input[at] ^= 1 << random.u8(..8),
        _ => input[at..end].fill(*random.choice(b"\0\t\n\r \"',.;:-+/\\0129aZ[]{}\xc3\xff").unwrap_or(&0)),
    }
}

fn try_target(name: &str) {
    let (_, target) = *TARGETS.iter().find(|(found, _)| *found == name).expect("a target");
    let kept = kept(name);
    assert!(!kept.is_empty(), "{name} has no kept input");
    kept.iter().for_each(|input| run(name, target, input));
    let seed = std::env::var("SEED").map_or(1, |seed| seed.parse().expect("SEED is a number"));
    let mut random = Rng::with_seed(seed);
    for _ in 0..CHANGED {
        let mut input = kept[random.usize(..kept.len())].clone();
        if random.u8(..4) == 0 {
            // The beginning of one input and the end of another.
            let other = &kept[random.usize(..kept.len())];
            input.truncate(random.usize(..=input.len()));
            input.extend_from_slice(&other[random.usize(..=other.len())..]);
        }
        for _ in 0..random.usize(1..=6) {
            change(&mut input, &mut random);
        }
        run(name, target, &input);
    }
}

macro_rules! tests {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            try_target(stringify!($name));
        })*

        #[test]
        fn every_target_is_tried() {
            assert_eq!(TARGETS.map(|(name, _)| name).as_slice(), [$(stringify!($name)),*]);
        }
    };
}

tests! { answers dates http mappings numbers refusals retry_after tables updates }
