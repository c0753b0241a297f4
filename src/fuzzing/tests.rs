//! The short run of every target.

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use fastrand::Rng;

use super::*;

/// How many inputs are made of each corpus, and how long one may be.
const ROUNDS: [(&str, usize); 6] = [
    ("body", 20_000),
    ("sameness", 10_000),
    ("log", 10_000),
    ("edge", 1_500),
    ("queries", 10_000),
    ("settings", 150),
];
const MAX_BYTES: usize = 2048;

/// The files of a target's corpus, in the order of their names.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(name);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// An input that differs from one of these a little.
fn changed(corpus: &[Vec<u8>], random: &mut Rng) -> Vec<u8> {
    let mut input = random.choice(corpus).unwrap().clone();
    for _ in 0..random.usize(1..6) {
        let from = random.usize(..=input.len());
        let to = random.usize(from..=input.len().min(from + 16));
        let piece = match random.u8(..4) {
            0 => Vec::new(),
            1 => vec![random.u8(..); random.usize(1..3)],
            2 => input[from..to].repeat(2),
            _ => {
                let other = random.choice(corpus).unwrap();
                let start = random.usize(..=other.len());
                other[start..random.usize(start..=other.len().min(start + 64))].to_vec()
            }
        };
        input.splice(from..to, piece);
    }
    input.truncate(MAX_BYTES);
    input
}

fn short_run(name: &str) {
    let (_, run) = TARGETS.iter().find(|(of, _)| *of == name).unwrap();
    let (_, rounds) = ROUNDS.iter().find(|(of, _)| *of == name).unwrap();
    let corpus = corpus(name);
    // The same inputs each time: a test that fails now and then is no test.
    let mut random = Rng::with_seed(11);
    let inputs = corpus.iter().cloned();
    let inputs = inputs.chain((0..*rounds).map(|_| changed(&corpus, &mut random)));
    for input in inputs {
        if let Err(panic) = catch_unwind(|| run(&input)) {
            eprintln!("{name} breaks with b\"{}\"", input.escape_ascii());
            std::panic::resume_unwind(panic);
        }
    }
}

/// Makes a test of each target.
macro_rules! short_runs {
    ($($name:ident),*) => {$(
        #[test]
        fn $name() {
            super::short_run(stringify!($name));
        }
    )*};
}

mod whatever_comes {
    short_runs!(body, sameness, log, edge, queries, settings);
}
