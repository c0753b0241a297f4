//! Promise: docs/configuration.md has a table of each setting, made of the keys there are and of the file of defaults.

use super::*;

const DOCUMENT: &str = include_str!("../../../docs/configuration.md");

/// The lines of the table, without its head.
fn table() -> String {
    let values = load(&Sources::default()).unwrap().shown;
    let row = |(key, (_, comment)): (Key, &(String, String))| {
        let variables: Vec<_> = key.variables().map(|variable| format!("`{variable}`")).collect();
        let default = values.iter().find(|shown| shown.key == key.name);
        let default = match default.map(|shown| &*shown.value) {
            None | Some("") => "not set".to_owned(),
            Some(value) => format!("`{}`", value.replace(',', ", ")),
        };
        let list = if matches!(key.form, Form::List(_)) {
            "list: "
        } else {
            ""
        };
        let file = if key.kind == Kind::Plain {
            ""
        } else {
            "; also `_FILE`"
        };
        let comment = comment.trim().trim_start_matches("Secret. ");
        let meaning = comment.split_inclusive(". ").next().unwrap_or_default().trim();
        format!(
            "| `{}` | {}{file} | {list}{} | {default} | {meaning} |\n",
            key.name,
            variables.join(", "),
            key.allowed(),
        )
    };
    KEYS.into_iter().zip(&documented_keys()).map(row).collect()
}

#[test]
fn the_document_has_the_table_of_all_settings() {
    let table = table();

    assert!(
        DOCUMENT.contains(&table),
        "docs/configuration.md must have these lines:\n{table}"
    );
}

#[test]
fn the_document_and_the_file_of_defaults_name_every_key_of_a_destination() {
    let example = DEFAULTS.split_once("# [[delivery.destination]]").unwrap().1;
    for key in DESTINATION_KEYS {
        let name = key.name.rsplit('.').next().unwrap();
        assert!(
            example.contains(&format!("# {name} = ")) || name.ends_with("_file"),
            "{name}"
        );
        let row = format!("| `{name}` | {} |", key.allowed());
        assert!(DOCUMENT.contains(&row), "{row}");
    }
}
