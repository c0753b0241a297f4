//! Destinations and notices as they were written: lists of tables of which nothing has been judged yet.

use toml::{Table, Value};

use super::value::{called, listed, text};

/// What of that value may be shown: `app (http), log (command)`, by the kind or the format of each.
pub fn summary(value: &Value) -> String {
    let tables = tables(value).unwrap_or_default();
    let texts = tables.iter().map(|table| {
        let text = |key| table.get(key).and_then(Value::as_str).unwrap_or_default();
        match [text("kind"), text("format")]
            .into_iter()
            .find(|what| !what.is_empty())
        {
            Some(what) => format!("{} ({what})", text("name")),
            None => text("name").to_owned(),
        }
    });
    texts.collect::<Vec<_>>().join(", ")
}

/// The keys that name a file with something secret.
const FILE_KEYS: [&str; 4] = [
    "secrets_file",
    "password_file",
    "secret_access_key_file",
    "url_file",
];

/// The paths in that value of files with something secret.
pub fn secret_file_paths(value: &Value) -> Vec<String> {
    let tables = tables(value).unwrap_or_default().into_iter();
    let named = tables.flat_map(|table| FILE_KEYS.map(|key| table.get(key).map(text)));
    let paths = named.flatten().filter_map(Result::ok);
    paths.filter(|path| !path.is_empty()).collect()
}

/// The tables in a list. The error is why there are none, and quotes nothing.
pub fn tables(value: &Value) -> Result<Vec<Table>, String> {
    let table = |item| match item {
        Value::Table(table) => Ok(table),
        other => Err(format!("there is {} in it", called(&other))),
    };
    match listed(value)? {
        Value::Array(items) => items.into_iter().map(table).collect(),
        other => Err(text(&other).err().unwrap_or_else(|| "it is no list".to_owned())),
    }
}
