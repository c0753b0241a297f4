//! What a value says, in whatever form it was written.

use toml::Value;

/// What is shown where something is not.
pub const HIDDEN: &str = "[hidden]";

/// A value as one text, or why it is none.
pub fn text(value: &Value) -> Result<String, String> {
    let text = match value {
        Value::String(text) => text.trim(),
        Value::Array(_) | Value::Table(_) => return Err(format!("it is {}", called(value))),
        other => return Ok(other.to_string()),
    };
    let mut quotes = [('"', '"'), ('\'', '\''), ('`', '`'), ('\u{201c}', '\u{201d}')].into_iter();
    let is_quoted = |(left, right)| text.len() > 1 && text.starts_with(left) && text.ends_with(right);
    match quotes.any(is_quoted) {
        true => Err("give it without the quotes".to_owned()),
        false => Ok(text.to_owned()),
    }
}

/// Why a text is no URL of which the parser would make one: it passes over ends of lines and tabs, so that two lines became one
/// URL.
pub fn control_character(text: &str) -> Option<String> {
    let control = text.chars().find(|character| character.is_control())?;
    Some(format!(
        "it has the control character {control:?} in it, as of a line's end: leave that out"
    ))
}

/// What a value is, for people.
pub fn called(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a text",
        Value::Integer(_) | Value::Float(_) => "a number",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a time",
        Value::Array(_) => "a list",
        Value::Table(_) => "a table",
    }
}

/// The items of a list as texts: of one in TOML, or of a text by [`listed`], or what is between its commas and line ends.
pub fn items(value: &Value) -> Result<Vec<String>, String> {
    match listed(value)? {
        Value::Array(items) => items.iter().map(text).collect(),
        value => {
            let whole = text(&value)?;
            let items = whole.split([',', '\n']).filter(|item| !item.trim().is_empty());
            let items: Vec<_> = items.map(|item| text(&item.into())).collect::<Result<_, _>>()?;
            match items.is_empty() {
                true => Err("there is nothing between its commas".to_owned()),
                false => Ok(items),
            }
        }
    }
}

/// A text that is a list in TOML or JSON as that list, anything else as it is. The error is why it is none, and quotes
/// nothing.
pub fn listed(value: &Value) -> Result<Value, String> {
    let text = value.as_str().unwrap_or_default().trim();
    if !text.starts_with('[') {
        return Ok(value.clone());
    }
    serde_json::from_str(text).or_else(|_| {
        text.parse().map_err(|error: toml::de::Error| {
            let start = error.span().map_or(0, |span| span.start);
            let line = 1 + text.bytes().take(start).filter(|byte| *byte == b'\n').count();
            format!("line {line}: {}", error.message())
        })
    })
}

/// Whether two values say the same, in whatever form. Only a list has items.
pub fn is_same(one: &Value, other: &Value, is_list: bool) -> bool {
    let plain = |value| listed(value).unwrap_or_else(|_| Value::clone(value));
    let has_same_items = || items(one).is_ok_and(|items| Ok(items) == self::items(other));
    one == other
        || plain(one) == plain(other)
        || rendered(one) == rendered(other)
        || (is_list && has_same_items())
}

/// A value as a text, also where it is not allowed.
pub fn rendered(value: &Value) -> String {
    match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Array(items) => items.iter().map(rendered).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

/// A path as it may be shown where no file can be read there, and what to say behind the reason: it may be a secret that was
/// given where the name of its file belongs.
pub fn shown_path(path: &str) -> (&str, &'static str) {
    match path.trim_start_matches(['"', '\'']).chars().next() {
        Some('/') => (path, ""),
        Some('.') => (
            path,
            "; it is relative to the folder where the receiver runs, and this is to run there too",
        ),
        _ => (
            HIDDEN,
            "; if that is the secret itself, give it without _FILE or _file, and if it is a path, begin it with / or ./",
        ),
    }
}
