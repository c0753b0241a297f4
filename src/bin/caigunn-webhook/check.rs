//! `config check`

use caigunn_webhook::config::Loaded;
use caigunn_webhook::descriptors;

use crate::output;

/// Prints every setting with its origin, then warnings.
pub fn run(loaded: &Loaded) -> anyhow::Result<()> {
    let width = |length: fn(&caigunn_webhook::config::Shown) -> usize| {
        loaded.shown.iter().map(length).max().unwrap_or(0)
    };
    let (key_width, value_width) = (width(|shown| shown.key.len()), width(|shown| shown.value.len()));
    let mut text = String::new();
    for shown in &loaded.shown {
        let value = if shown.value.is_empty() {
            "(not set)"
        } else {
            &shown.value
        };
        text += &format!(
            "{:key_width$}  {value:value_width$}  {}\n",
            shown.key, shown.origin
        );
    }
    text += &match loaded.settings.shown_webhook_url() {
        Some(url) => format!("the URL to register is {url}\n"),
        None => "no URL is registered: CAIGUNN_PUBLIC_URL is not set\n".to_owned(),
    };
    for warning in &loaded.warnings {
        text += &format!("warning: {warning}\n");
    }
    // Of this process; a receiver that is started in the same way has the same limit.
    match loaded.settings.clone().fit_into(descriptors::attainable()) {
        Ok(None) => {}
        Ok(Some(warning)) => text += &format!("warning: {warning}\n"),
        Err(refusal) => text += &format!("warning: the receiver would not start: {refusal}\n"),
    }
    output::write(&text)
}
