//! `config check`

use std::io::Write;

use anyhow::Context;
use caigunn_webhook::config::Loaded;
use caigunn_webhook::descriptors;

/// Prints every setting with its origin, then warnings.
pub fn run(loaded: &Loaded) -> anyhow::Result<()> {
    let width =
        |text: fn(&caigunn_webhook::config::Shown) -> usize| loaded.shown.iter().map(text).max().unwrap_or(0);
    let (key_width, value_width) = (width(|shown| shown.key.len()), width(|shown| shown.value.len()));
    let mut output = String::new();
    for shown in &loaded.shown {
        let value = if shown.value.is_empty() {
            "(not set)"
        } else {
            &shown.value
        };
        output += &format!(
            "{:key_width$}  {value:value_width$}  {}\n",
            shown.key, shown.origin
        );
    }
    output += &match loaded.settings.shown_webhook_url() {
        Some(url) => format!("the URL to register is {url}\n"),
        None => "no URL is registered: CAIGUNN_PUBLIC_URL is not set\n".to_owned(),
    };
    for warning in &loaded.warnings {
        output += &format!("warning: {warning}\n");
    }
    // Of this process; a receiver that is started in the same way has the same limit.
    match loaded.settings.clone().fit_into(descriptors::attainable()) {
        Ok(None) => {}
        Ok(Some(warning)) => output += &format!("warning: {warning}\n"),
        Err(refusal) => output += &format!("warning: the receiver would not start: {refusal}\n"),
    }
    std::io::stdout()
        .write_all(output.as_bytes())
        .context("writing to standard output")
}
