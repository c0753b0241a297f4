//! `/sign-in` and `/sign-out`: a form takes the token once, and a cookie stands for it from then on.

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::{RETRY_AFTER, SET_COOKIE};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};

use super::entry::{SIGN_IN, Viewer, cookie_name, own_path, then};
use super::slowing::Client;
use super::{Fields, Section, Site, layout, parts, see_other, sessions};
use crate::clock::Timestamp;
use crate::http::problem::{Problem, Written};
use crate::http::{Origin, text_of};

pub(super) async fn show(viewer: Viewer) -> Response {
    let then = viewer.asked("then").and_then(own_path).unwrap_or("/");
    if viewer.rights.is_some() {
        return see_other(then);
    }
    form(&viewer, then, None).into_response()
}

fn form(viewer: &Viewer, then: &str, problem: Option<&Problem>) -> layout::Page {
    let form = html! {
        @if let Some(problem) = problem {
            p.failure role="alert" { (problem.detail()) }
        }
        (parts::post_form(viewer, SIGN_IN, &[("then", then)], fields()))
        // A browser that is led here by a link of another site keeps the cookie to itself.
        p.quiet { "Signed in already, and led here by a link? " a href=(then) { "Go on" } "." }
    };
    layout::page(viewer, None, Section::Other, "Sign in", &form)
}

fn fields() -> Markup {
    html! {
        // So that what keeps passwords knows what to keep this one under.
        input type="text" name="username" value="admin" autocomplete="username" hidden;
        p {
            label for="token" { "Admin token, or the read-only one" }
            input #token type="password" name="token" autocomplete="current-password" required autofocus;
        }
        p { button { "Sign in" } }
    }
}

pub(super) async fn sign_in(
    State(site): State<Site>,
    viewer: Viewer,
    fields: Fields,
    request: Request,
) -> Response {
    let then = then(&fields);
    let peer = Origin::of(&request).peer.ip();
    let client = Client::of(peer, request.headers());
    if let Some(wait) = site.kept.slowing.wait(&client) {
        let mut response = refused(&viewer, then, Problem::too_many_tries(wait));
        let seconds = (wait.as_secs() + 1).into();
        response.headers_mut().insert(RETRY_AFTER, seconds);
        return response;
    }
    let rights = site.tokens.rights_of(fields.get("token").unwrap_or_default());
    site.kept.slowing.note(&client, rights.is_some());
    let begun = rights.and_then(|rights| site.kept.sessions.begin(&site.tokens, rights, Timestamp::now()));
    let Some(cookie) = begun else {
        tracing::warn!(
            error.type = "sign_in",
            client.address = %peer,
            client.forwarded_address = client.forwarded().map(tracing::field::display),
            "somebody tried to sign in to the page with a wrong token"
        );
        return refused(&viewer, then, Problem::wrong_token());
    };
    let lasts = sessions::LASTS.as_secs();
    with_cookie(see_other(then), request.headers(), &cookie, lasts)
}

/// The form again, with what was wrong.
fn refused(viewer: &Viewer, then: &str, problem: Problem) -> Response {
    let (status, _) = problem.title();
    let mut response = (status, form(viewer, then, Some(&problem))).into_response();
    response.extensions_mut().insert(problem);
    response.extensions_mut().insert(Written);
    response
}

pub(super) async fn sign_out(State(site): State<Site>, viewer: Viewer, headers: HeaderMap) -> Response {
    if let Some(session) = &viewer.session {
        site.kept.sessions.end(session, Timestamp::now());
    }
    with_cookie(see_other(SIGN_IN), &headers, "", 0)
}

fn with_cookie(mut response: Response, headers: &HeaderMap, value: &str, lasts: u64) -> Response {
    let name = cookie_name(headers);
    let secure = if is_https(headers) { "; Secure" } else { "" };
    let cookie = format!("{name}={value}; Path=/; Max-Age={lasts}; HttpOnly; SameSite=Strict{secure}");
    let cookie = cookie.try_into().expect("letters, digits and signs of ASCII");
    response.headers_mut().insert(SET_COOKIE, cookie);
    response
}

/// Whether the proxy in front was asked by https.
fn is_https(headers: &HeaderMap) -> bool {
    let text = |name: &str| text_of(headers, name).unwrap_or_default();
    let is_forwarded = text("x-forwarded-proto")
        .split(',')
        .any(|proto| proto.trim().eq_ignore_ascii_case("https"));
    is_forwarded
        || text("forwarded").to_ascii_lowercase().contains("proto=https")
        || text("origin").starts_with("https:")
}
