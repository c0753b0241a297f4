//! JSON that says the same in other words, and JSON that says something else.

use fastrand::Rng;
use serde_json::{Number, Value};

/// A text of a document tree, in one of the many ways to write it.
pub fn text(tree: &Value, random: &mut Rng) -> String {
    let mut text = String::new();
    write(tree, random, &mut text);
    blank(random, &mut text);
    text
}

fn write(tree: &Value, random: &mut Rng, text: &mut String) {
    blank(random, text);
    match tree {
        Value::Null => text.push_str("null"),
        Value::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => write_number(number, random, text),
        Value::String(value) => write_string(value, random, text),
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                text.push_str(if index > 0 { "," } else { "" });
                write(item, random, text);
            }
            blank(random, text);
            text.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            random.shuffle(&mut members);
            text.push('{');
            for (index, (name, value)) in members.into_iter().enumerate() {
                text.push_str(if index > 0 { "," } else { "" });
                if random.u8(..) < 16 {
                    // Of a name that is repeated the last value counts.
                    write_string(name, random, text);
                    text.push_str(": [1, {\"\": null}],");
                }
                blank(random, text);
                write_string(name, random, text);
                blank(random, text);
                text.push(':');
                write(value, random, text);
            }
            blank(random, text);
            text.push('}');
        }
    }
}

fn blank(random: &mut Rng, text: &mut String) {
    if random.u8(..) < 64 {
        text.push_str(["  ", "\t", "\r\n", "\n"][random.usize(..4)]);
    }
}

fn write_number(number: &Number, random: &mut Rng, text: &mut String) {
    let plain = number.to_string();
    if number.is_f64() && !plain.contains('e') && random.bool() {
        let zeros = ["0", "00", "e0", "E+0", "e-0"][random.usize(..5)];
        text.push_str(&plain);
        text.push_str(zeros);
    } else if plain.contains('e') && random.bool() {
        text.push_str(&plain.replace('e', "E"));
    } else {
        text.push_str(&plain);
    }
}

fn write_string(value: &str, random: &mut Rng, text: &mut String) {
    let escapes_often = random.bool();
    text.push('"');
    for character in value.chars() {
        let must = matches!(character, '"' | '\\') || character < ' ';
        match character {
            '/' if random.bool() => text.push_str("\\/"),
            '\n' if random.bool() => text.push_str("\\n"),
            '"' | '\\' if random.bool() => text.extend(['\\', character]),
            _ if must || (escapes_often && random.u8(..) < 64) => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    let upper = random.bool();
                    let unit = if upper {
                        format!("\\u{unit:04X}")
                    } else {
                        format!("\\u{unit:04x}")
                    };
                    text.push_str(&unit);
                }
            }
            _ => text.push(character),
        }
    }
    text.push('"');
}

/// Makes something else of one value somewhere in a tree.
pub fn change(tree: &mut Value, random: &mut Rng) {
    match tree {
        Value::Array(items) if !items.is_empty() && random.u8(..) < 224 => {
            let (one, other) = (random.usize(..items.len()), random.usize(..items.len()));
            match random.u8(..4) {
                0 => items.swap(one, other),
                1 => drop(items.remove(one)),
                _ => change(&mut items[one], random),
            }
        }
        Value::Object(members) if !members.is_empty() && random.u8(..) < 224 => {
            let index = random.usize(..members.len());
            let name = members.keys().nth(index).expect("it is one of them").clone();
            match random.u8(..6) {
                0 => drop(members.remove(&name)),
                1 => {
                    let value = members.remove(&name).expect("it is there");
                    members.insert(name + "_", value);
                }
                _ => change(&mut members[&name], random),
            }
        }
        other => {
            *other = match other {
                Value::String(text) => Value::String(format!("{text}.")),
                Value::Null => Value::Bool(false),
                Value::Bool(value) => Value::Bool(!*value),
                Value::Number(number) if random.bool() => Value::String(number.to_string()),
                Value::Number(number) => number.as_i64().map_or(Value::Null, |number| (number ^ 1).into()),
                Value::Array(_) | Value::Object(_) => Value::Null,
            }
        }
    }
}
