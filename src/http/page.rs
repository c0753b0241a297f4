//! The page for people, on the admin address: what is there, how it goes, and buttons for what can be mended.
//!
//! HTML is made here, of the same functions and types that the JSON API answers with. Everything is a link or a form, so all
//! of it works without the script, which adds what moves. Each page is a file of its own below, and its routes are in one
//! [`table`].
//!
//! A handler takes [`Site`], the [`Viewer`], a query, and for a form its [`Fields`]; it gives [`Parts::page`], or after a form
//! [`Parts::after`], or a [`Problem`], which is shown as a page. That a form is ours and its sender
//! may change something has been seen to before it is called ([`entry`]).

mod assets;
mod begun;
mod body;
mod chatbots;
mod deliveries;
mod delivery;
mod destinations;
mod difference;
mod entry;
mod failure;
mod form;
mod health;
mod job;
mod jobs;
mod layout;
mod live;
mod notices;
mod overview;
mod parts;
mod plot;
mod quarantine;
mod receipt;
mod receipts;
mod replays;
mod search;
mod sessions;
mod settings;
mod sign_in;
mod slowing;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use maud::{Markup, html};

use super::admin::{AdminTokens, Api};
use super::problem::{Problem, Written};
use super::{Accepting, Ensure, ShownSettings, UntoldView};
use crate::clock::{A_TIME, TYPED};
use crate::event::Fault;
use crate::inbox::Writer;
use crate::minutes::Traffic;
use begun::Begun;
use entry::Viewer;
pub use failure::dress_for_browsers;
use form::Fields;
use health::KnownHealth;
use layout::Section;
use live::Live;
use notices::Notices;
use sessions::Sessions;
use slowing::Slowing;

/// How far back it is looked for jobs that failed.
const DAY: Duration = Duration::from_secs(86_400);

/// What the page is made of.
pub struct Parts {
    /// What the handlers of the JSON API have.
    pub api: Api,
    /// Who may do what.
    pub tokens: AdminTokens,
    /// Whether the inbox takes writes, and when something came.
    pub writer: Writer,
    /// Whether requests are wanted.
    pub accepting: Accepting,
    /// What came and went lately.
    pub traffic: Traffic,
    /// What notices could not tell.
    pub untold: UntoldView,
    /// How registrations are made sure of, if there is something to register.
    pub ensure: Option<Ensure>,
    /// The settings, as people are shown them.
    pub shown: ShownSettings,
    /// What it keeps by itself; at first nothing.
    pub kept: Kept,
}

/// What the handlers share.
pub type Site = Arc<Parts>;

/// What the page keeps by itself.
#[derive(Default)]
pub struct Kept {
    sessions: Sessions,
    slowing: Slowing,
    notices: Notices,
    begun: Begun,
    health: KnownHealth,
    live: Live,
}

impl Parts {
    /// A whole page: the content under a header with the sections, how it goes, and the notice of the last form.
    pub async fn page(&self, viewer: &Viewer, section: Section, title: &str, content: Markup) -> Response {
        let health = health::health(self).await;
        layout::page(viewer, Some(&health), section, title, &content).into_response()
    }

    /// A list that was asked for by what it cannot be filtered by: the problem, above the form with what was asked.
    async fn refused(
        &self,
        viewer: &Viewer,
        (section, title): (Section, &str),
        problem: Problem,
        form: Markup,
    ) -> Response {
        let content = html! {
            div.failure role="alert" { @for words in mistakes(&problem) { p { (parts::whole(&words)) } } }
            (form)
        };
        let mut response = self.page(viewer, section, title, content).await;
        *response.status_mut() = problem.title().0;
        response.extensions_mut().insert(problem);
        response.extensions_mut().insert(Written);
        response
    }

    /// The answer to a form: leads to where one sees what came of it, under a notice that says what was done.
    pub fn after(&self, path: &str, notice: impl Into<String>) -> Response {
        let (path, place) = path.split_once('#').unwrap_or((path, ""));
        let separator = if path.contains('?') { '&' } else { '?' };
        let place = if place.is_empty() {
            String::new()
        } else {
            format!("#{place}")
        };
        let id = self.kept.notices.keep(notice.into());
        see_other(&format!("{path}{separator}{}={id}{place}", entry::NOTICE))
    }
}

/// What is wrong with what was asked for, in the words of the form.
fn mistakes(problem: &Problem) -> Vec<String> {
    // The page takes more for a time than the API does.
    let said = |words: &str| words.replace(A_TIME, TYPED);
    let of_field = |fault: &Fault| {
        let label = replays::label(fault.pointer.trim_start_matches('/'));
        said(&format!(
            "{label}: expected {}, found {}",
            fault.expected, fault.found
        ))
    };
    match problem.faults() {
        [] => vec![said(problem.detail())],
        faults => faults.iter().map(of_field).collect(),
    }
}

/// Leads to a path of ours by GET.
fn see_other(path: &str) -> Response {
    (StatusCode::SEE_OTHER, [(LOCATION, path.to_owned())]).into_response()
}

/// The routes of the page: as the log names them, with what answers.
#[rustfmt::skip] // A line each, as in any table.
fn table() -> Vec<(&'static str, MethodRouter<Site>)> {
    vec![
        ("/", get(overview::overview)),
        ("/receipts", get(receipts::receipts)),
        ("/receipts/{id}", get(receipt::show)),
        ("/receipts/{id}/body", get(receipt::download)),
        ("/receipts/{id}/replay", post(receipt::replay)),
        ("/jobs", get(jobs::list)),
        ("/jobs/{event_id}", get(job::show)),
        ("/jobs/{event_id}/backfill", post(job::backfill)),
        ("/deliveries", get(deliveries::list)),
        ("/deliveries/all", post(deliveries::all)),
        ("/deliveries/{destination}/{receipt_id}", get(delivery::show)),
        ("/deliveries/{destination}/{receipt_id}/retry", post(delivery::retry)),
        ("/deliveries/{destination}/{receipt_id}/cancel", post(delivery::cancel)),
        ("/destinations", get(destinations::list)),
        ("/destinations/{name}/pause", post(destinations::pause)),
        ("/destinations/{name}/resume", post(destinations::resume)),
        ("/destinations/{name}/remove", post(destinations::remove)),
        ("/replays", get(replays::list).post(replays::begin)),
        ("/replays/{id}", get(replays::show)),
        ("/replays/{id}/end", post(replays::end)),
        ("/quarantine", get(quarantine::list)),
        ("/quarantine/{id}", get(quarantine::show)),
        ("/quarantine/{id}/accept", post(quarantine::accept)),
        ("/chatbots", get(chatbots::chatbots)),
        ("/chatbots/ensure", post(chatbots::ensure)),
        ("/settings", get(settings::settings)),
        ("/health", get(health::show)),
        ("/search", get(search::search)),
        ("/live", get(live::live)),
        (entry::SIGN_IN, get(sign_in::show).post(sign_in::sign_in)),
        (entry::SIGN_OUT, post(sign_in::sign_out)),
        ("/assets/page.css", get(assets::style)),
        ("/assets/page.js", get(assets::script)),
    ]
}

/// The paths of the page, as the log names them.
pub fn paths() -> impl Iterator<Item = &'static str> {
    table().into_iter().map(|(path, _)| path)
}

/// The page, guarded.
pub fn routes(parts: Parts) -> Router {
    let site = Arc::new(parts);
    let routes = table().into_iter();
    routes
        .fold(Router::new(), |router, (path, answer)| router.route(path, answer))
        .layer(from_fn_with_state(site.clone(), entry::guard))
        .layer(from_fn(failure::dress))
        .with_state(site)
}
