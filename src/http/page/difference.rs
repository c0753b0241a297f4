//! How two bodies differ, value by value, each as it stands in its text.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// How deep values are taken apart; what is deeper is compared whole.
const MAX_DEPTH: usize = 32;

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

/// Where two bodies differ, in the order of the places, at most [`MAX_COUNT`]. What is no JSON differs as a whole.
pub fn differences(one: &str, other: &str) -> Vec<Difference> {
    let (one, other) = (taken_apart(one), taken_apart(other));
    let places = one
        .keys()
        .chain(other.keys().filter(|place| !one.contains_key(*place)));
    let mut places: Vec<_> = places
        .filter(|place| one.get(*place) != other.get(*place))
        .collect();
    places.sort_unstable();
    places.truncate(MAX_COUNT);
    let difference = |pointer: &String| Difference {
        pointer: pointer.clone(),
        one: one.get(pointer).map(|text| (*text).to_owned()),
        other: other.get(pointer).map(|text| (*text).to_owned()),
    };
    places.into_iter().map(difference).collect()
}

/// Every value that has no others in it, by its place.
fn taken_apart(body: &str) -> BTreeMap<String, &str> {
    let mut values = BTreeMap::new();
    take_apart(body, String::new(), 0, &mut values);
    values
}

fn take_apart<'a>(text: &'a str, pointer: String, depth: usize, values: &mut BTreeMap<String, &'a str>) {
    let text = text.trim();
    if depth < MAX_DEPTH && text.starts_with('{') {
        if let Ok(members) = serde_json::from_str::<BTreeMap<String, &RawValue>>(text)
            && !members.is_empty()
        {
            for (name, value) in members {
                let name = name.replace('~', "~0").replace('/', "~1");
                take_apart(value.get(), format!("{pointer}/{name}"), depth + 1, values);
            }
            return;
        }
    } else if depth < MAX_DEPTH
        && text.starts_with('[')
        && let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(text)
        && !items.is_empty()
    {
        for (index, value) in items.into_iter().enumerate() {
            take_apart(value.get(), format!("{pointer}/{index}"), depth + 1, values);
        }
        return;
    }
    values.insert(pointer, text);
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
        assert_eq!(found("[", "x"), [(String::new(), some("["), some("x"))]);
    }

    #[test]
    fn whatever_is_compared_it_ends() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));

        assert_eq!(found(&deep, &deep), []);
        // What is nested so deep in the one, and the whole other.
        assert_eq!(found(&deep, "1").len(), 2);
        let many = format!("[{}1]", "1,".repeat(5000));
        assert_eq!(found(&many, "[]").len(), MAX_COUNT);
    }
}
