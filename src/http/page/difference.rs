//! How two bodies differ, value by value, each as it stands in its text.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::value::RawValue;

/// How deep values are taken apart; what is deeper is compared whole.
const MAX_DEPTH: usize = 32;

/// How long the place of a value that is taken apart may be, in bytes: every value in it is looked at by its place, which has
/// the names of all above it.
const MAX_POINTER_BYTES: usize = 256;

/// How many differences are shown.
pub const MAX_COUNT: usize = 100;

/// A place where two bodies differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// A JSON pointer; empty for the whole body.
    pub pointer: String,
    /// What stands there in the one, if anything does.
    pub one: Option<String>,
    /// What stands there in the other.
    pub other: Option<String>,
}

/// Where two bodies differ, in the order of the places, at most [`MAX_COUNT`]. What is no JSON differs as a whole, and so does
/// what only one of them has.
pub fn differences(one: &str, other: &str) -> Vec<Difference> {
    let mut differences = Vec::new();
    compare(Some(one), Some(other), String::new(), 0, &mut differences);
    differences
}

fn compare(
    one: Option<&str>,
    other: Option<&str>,
    pointer: String,
    depth: usize,
    differences: &mut Vec<Difference>,
) {
    let (one, other) = (one.map(str::trim), other.map(str::trim));
    if one == other || differences.len() == MAX_COUNT {
        return;
    }
    if depth < MAX_DEPTH
        && pointer.len() <= MAX_POINTER_BYTES
        && let (Some(one), Some(other)) = (one, other)
    {
        if let (Some(one), Some(other)) = (members(one), members(other)) {
            let names: BTreeSet<_> = one.keys().chain(other.keys()).collect();
            for name in names {
                let (one, other) = (one.get(name), other.get(name));
                let (one, other) = (one.map(|value| value.get()), other.map(|value| value.get()));
                let place = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
                compare(one, other, place, depth + 1, differences);
            }
            return;
        }
        if let (Some(one), Some(other)) = (items(one), items(other)) {
            for index in 0..one.len().max(other.len()) {
                let (one, other) = (one.get(index), other.get(index));
                let (one, other) = (one.map(|value| value.get()), other.map(|value| value.get()));
                compare(one, other, format!("{pointer}/{index}"), depth + 1, differences);
            }
            return;
        }
    }
    differences.push(Difference {
        pointer,
        one: one.map(str::to_owned),
        other: other.map(str::to_owned),
    });
}

fn members(text: &str) -> Option<BTreeMap<String, &RawValue>> {
    serde_json::from_str(text).ok()
}

fn items(text: &str) -> Option<Vec<&RawValue>> {
    serde_json::from_str(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(one: &str, other: &str) -> Vec<(String, Option<String>, Option<String>)> {
        let found = differences(one, other).into_iter();
        found.map(|it| (it.pointer, it.one, it.other)).collect()
    }

    #[test]
    fn two_bodies_differ_where_a_value_is_another_or_missing() {
        let some = |text: &str| Some(text.to_owned());

        assert_eq!(found(r#"{"a": 1, "b": [1, 2]}"#, r#"{"b":[1,2],"a":1}"#), []);
        assert_eq!(
            found(
                r#"{"a": 1.10, "b": [1, 2], "c/d": {}}"#,
                r#"{"a": 1.1, "b": [1], "e": null}"#
            ),
            [
                ("/a".to_owned(), some("1.10"), some("1.1")),
                ("/b/1".to_owned(), some("2"), None),
                ("/c~1d".to_owned(), some("{}"), None),
                ("/e".to_owned(), None, some("null")),
            ]
        );
        // What the other has not is shown whole.
        assert_eq!(
            found(r#"{"a": {"b": 1, "c": 2}}"#, "{}"),
            [("/a".to_owned(), some(r#"{"b": 1, "c": 2}"#), None)]
        );
        assert_eq!(found("[", "x"), [(String::new(), some("["), some("x"))]);
    }

    #[test]
    fn whatever_is_compared_it_ends() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));

        assert_eq!(found(&deep, &deep), []);
        assert_eq!(found(&deep, "1").len(), 1);
        let many = format!("[{}1]", "1,".repeat(5000));
        assert_eq!(found(&many, "[]").len(), MAX_COUNT);
        // Of a name as long as half a page's body no value below it has a copy.
        let name = "n".repeat(128 << 10);
        let [one, other] = ["1", "2"].map(|last| format!(r#"{{"{name}":[{}{last}]}}"#, "1,".repeat(60_000)));
        let found = found(&one, &other);
        assert_eq!(found.len(), 1);
        assert!(
            found[0].0.len() == name.len() + 1,
            "{}",
            &found[0].0[name.len()..]
        );
    }
}
