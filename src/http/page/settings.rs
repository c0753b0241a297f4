//! `/settings`: every setting and where it is from, as `config check` prints them.

use axum::extract::State;
use axum::response::Response;
use maud::html;

use super::{Section, Site, Viewer, parts};

const COLUMNS: [&str; 3] = ["Setting", "Value", "From"];

pub(super) async fn settings(State(site): State<Site>, viewer: Viewer) -> Response {
    let rows: Vec<_> = site
        .shown
        .settings
        .iter()
        .map(|shown| {
            let value = if shown.value.is_empty() {
                "(not set)"
            } else {
                &shown.value
            };
            let cells = [
                html! { code { (shown.key) } },
                // As long as it is: whoever looks for a setting wants all of it.
                parts::whole(value),
                parts::text(&shown.origin),
            ];
            parts::row(&COLUMNS, &cells)
        })
        .collect();
    let content = html! {
        p { "As they were when this receiver was started. Of a secret it is only said that there is one." }
        @for warning in &site.shown.warnings {
            p.failure { (parts::whole(warning)) }
        }
        (parts::table("Settings", &COLUMNS, &rows, "This receiver was not told where its settings are from."))
    };
    site.page(&viewer, Section::Settings, "Settings", content).await
}
