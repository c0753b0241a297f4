//! What is around every page: the sections, how it goes, the search and the way out.

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};

use super::assets::{SCRIPT_PATH, STYLE_PATH};
use super::entry::{SIGN_OUT, Viewer};
use super::health::Health;
use super::parts::{self, READ_ONLY};
use crate::http::admin::Rights;

/// Where a page belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    Overview,
    Jobs,
    Receipts,
    Deliveries,
    Destinations,
    Quarantine,
    Chatbots,
    Settings,
    /// To none of those above.
    Other,
}

/// The sections in the order of the navigation, with where they are.
const SECTIONS: [(Section, &str, &str); 8] = [
    (Section::Overview, "Overview", "/"),
    (Section::Jobs, "Jobs", "/jobs"),
    (Section::Receipts, "Receipts", "/receipts"),
    (Section::Deliveries, "Deliveries", "/deliveries"),
    (Section::Destinations, "Destinations", "/destinations"),
    (Section::Quarantine, "Quarantine", "/quarantine"),
    (Section::Chatbots, "Chatbots", "/chatbots"),
    (Section::Settings, "Settings", "/settings"),
];

/// What the keys do, where there is a script.
const KEYS: [(&str, &str); 4] = [
    ("j", "the next row"),
    ("k", "the row before"),
    ("/", "to the search"),
    ("?", "these keys"),
];

/// How much can be searched for: a line of a log, in which there is an id. All of it is in the address, of which proxies take 8 KiB.
const MAX_SEARCHED: usize = 4000;

/// A page that is whole.
pub struct Page(Markup);

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        ([(CONTENT_TYPE, "text/html; charset=utf-8")], self.0.into_string()).into_response()
    }
}

/// Puts the content into its place. Who is not let in sees the content alone.
pub fn page(
    viewer: &Viewer,
    health: Option<&Health>,
    section: Section,
    title: &str,
    content: &Markup,
) -> Page {
    Page(html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (parts::visible(title)) " · caigunn-webhook" }
                link rel="icon" href="data:,";
                link rel="stylesheet" href=(*STYLE_PATH);
                script src=(*SCRIPT_PATH) defer {}
            }
            body {
                a.skip href="#content" { "To the content" }
                header { (header(viewer, health, section)) }
                main #content tabindex="-1" {
                    h1 { (parts::text(title)) }
                    @if let Some(notice) = &viewer.notice {
                        p.notice role="status" { (parts::whole(notice)) }
                    }
                    @if viewer.rights == Some(Rights::Reading) {
                        p #(READ_ONLY) .quiet {
                            "You are signed in to look, not to change: a button that changes something takes the admin token."
                        }
                    }
                    (content)
                }
                @if viewer.rights.is_some() {
                    footer { (footer(viewer)) }
                }
            }
        }
    })
}

fn header(viewer: &Viewer, health: Option<&Health>, section: Section) -> Markup {
    html! {
        a.name href="/" { "caigunn-webhook" }
        @if viewer.rights.is_some() {
            @if let Some(health) = health {
                (health.line())
            }
            form.search role="search" action="/search" {
                input #q type="search" name="q" placeholder="Find an id" aria-label="Find an id" autocomplete="off" maxlength=(MAX_SEARCHED);
                button { "Find" }
            }
            nav aria-label="Sections" {
                ul {
                    @for (place, name, path) in SECTIONS {
                        li {
                            a href=(path) aria-current=[(section == place).then_some("page")] { (name) }
                        }
                    }
                }
            }
        }
    }
}

fn footer(viewer: &Viewer) -> Markup {
    html! {
        p {
            "caigunn-webhook " (env!("CARGO_PKG_VERSION"))
            span.script hidden { " · " kbd { "?" } " shows the keys" }
        }
        @if viewer.session.is_some() {
            (parts::post_form(viewer, SIGN_OUT, &[], html! { button { "Sign out" } }))
        }
        dialog #keys aria-labelledby="keys-title" {
            h2 #keys-title { "Keys" }
            dl {
                @for (key, does) in KEYS {
                    div { dt { kbd { (key) } } dd { (does) } }
                }
            }
            form method="dialog" { button { "Close" } }
        }
    }
}
