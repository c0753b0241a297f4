//! `config check`

use caigunn_webhook::config::Loaded;
use caigunn_webhook::delivery::{Filter, Kind};
use caigunn_webhook::descriptors;

use crate::{configuration, output, table};

/// Prints every setting with its origin, then warnings.
pub fn run(loaded: &Loaded) -> anyhow::Result<()> {
    let rows = loaded.shown.iter().map(|shown| {
        let is_set = !shown.value.is_empty();
        let value = if is_set { &shown.value } else { "(not set)" };
        [shown.key, value, &shown.origin].map(str::to_owned)
    });
    let mut text = table::plain([], rows);
    text += &match loaded.settings.shown_webhook_url() {
        Some(url) => format!("the URL to register is {url}\n"),
        None => "no URL is registered: CAIGUNN_PUBLIC_URL is not set\n".to_owned(),
    };
    for destination in &loaded.settings.delivery.destinations {
        if let Kind::Sqs(queue) = &destination.kind {
            text += &format!(
                "destination {}: its keys come from {}; its region, {}, from {}\n",
                destination.name, queue.keys_from, queue.region, queue.region_from
            );
        }
    }
    for warning in &loaded.warnings {
        text += &format!("warning: {warning}\n");
    }
    if let Err(what) = configuration::registered(&loaded.settings) {
        text += &format!("warning: {what}\n");
    }
    for destination in &loaded.settings.delivery.destinations {
        for pattern in destination.filter.unheard_of() {
            text += &format!(
                "warning: {}\n",
                Filter::gets_nothing_by(&destination.name, pattern)
            );
        }
    }
    // Of this process; a receiver that is started in the same way has the same limit.
    match loaded.settings.clone().fit_into(descriptors::attainable()) {
        Ok(None) => {}
        Ok(Some(warning)) => text += &format!("warning: {warning}\n"),
        Err(refusal) => text += &format!("warning: the receiver would not start: {refusal}\n"),
    }
    output::write(&text)
}
