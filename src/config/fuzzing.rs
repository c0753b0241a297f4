//! A target: settings, by [`super::load`] alone.

use super::{KEYS, Key, Kind, Sources, load};

/// What is nobody's setting.
const NONSENSE: &str = "no=thing";

/// What is no secret, and nobody's to read where it stands for one.
const SECRET: &str = "hunter2 hunter2";

/// A file, and behind zero bytes variables with their values: settings, or all mistakes in them, each by its name and without
/// a secret.
pub fn settings(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut parts = text.split('\0');
    let file = parts.next().unwrap_or_default().to_owned();
    let environment = parts.filter_map(|part| part.split_once('='));
    let mut sources = Sources {
        file: Some(("own.toml".to_owned(), file)),
        environment: environment
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        ..Sources::default()
    };
    let before = match load(&sources) {
        Ok(loaded) => {
            assert_eq!(loaded.shown.len(), KEYS.len());
            assert!(
                loaded
                    .warnings
                    .iter()
                    .all(|warning| !warning.to_string().is_empty())
            );
            None
        }
        Err(mistakes) => {
            assert!(
                !mistakes.0.is_empty() && mistakes.0.iter().all(|mistake| !mistake.to_string().is_empty())
            );
            Some(mistakes)
        }
    };
    // Two more mistakes, over all that was said before.
    let at = input
        .iter()
        .fold(0, |sum: usize, byte| sum.wrapping_mul(31) + usize::from(*byte));
    let wrong: Vec<_> = (0..2).map(|step| KEYS[(at + step * 7) % KEYS.len()]).collect();
    let is_hidden = |key: &Key| matches!(key.kind, Kind::Secret | Kind::Tables);
    let nonsense = |key: &Key| if is_hidden(key) { SECRET } else { NONSENSE };
    let flags = wrong
        .iter()
        .map(|key| (key.name.to_owned(), nonsense(key).to_owned()));
    sources.flags = flags.collect();
    let all = load(&sources);
    let named = all.as_ref().err().map(ToString::to_string).unwrap_or_default();
    assert!(!named.contains(SECRET), "{named}");
    for key in wrong {
        // These may name anything.
        let is_any = ["subscription.include", "subscription.exclude"].contains(&key.name);
        assert!(is_any || named.contains(key.name), "{} in {named}", key.name);
    }
    if before.is_some() {
        assert!(all.is_err(), "a mistake stays one beside others");
    }
}
