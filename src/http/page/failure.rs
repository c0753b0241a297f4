//! What every answer of the page has: headers that let a browser do little with it, and problems as pages.

use axum::extract::Request;
use axum::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, HOST, REFERER, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};

use super::entry::{SIGN_IN, Viewer, own_path, path_with};
use super::{Section, layout, parts, see_other};
use crate::http::problem::{Problem, Written};
use crate::http::{Origin, text_of};

/// Nothing is taken from anywhere but here, nothing in the page itself is run, and no other page may hold this one.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// With `no-referrer` browsers would say `Origin: null` of our own forms, and nothing could be told from it. Other sites learn
/// as little from this one.
const REFERRER: &str = "same-origin";

/// Has somebody with a browser read as a page what else of this side is refused, or is not there. The JSON API stays as it is.
pub async fn dress_for_browsers(request: Request, next: Next) -> Response {
    let accepted = text_of(request.headers(), ACCEPT);
    let is_browser = accepted.is_some_and(|accepted| accepted.contains("text/html"));
    if !is_browser || request.uri().path().starts_with("/api/") {
        return next.run(request).await;
    }
    let list = (request.method() == Method::GET).then(|| list_of(request.uri().path()).to_owned());
    let response = dress(request, next).await;
    match list {
        Some(list) if response.status() == StatusCode::METHOD_NOT_ALLOWED => guarded(see_other(&list)),
        _ => response,
    }
}

/// The list that a form is of, by where it goes: that is no page, but whoever reloads what a form led to asks for it.
fn list_of(path: &str) -> &str {
    let end = path.get(1..).and_then(|rest| rest.find('/'));
    end.map_or("/", |end| &path[..=end])
}

pub(super) async fn dress(request: Request, next: Next) -> Response {
    let request_id = Origin::of(&request).request_id;
    let is_form = !request.method().is_safe();
    let page = page_of_form(request.headers()).filter(|_| is_form);
    let mut response = next.run(request).await;
    let is_written = response.extensions().get::<Written>().is_some();
    if let Some(problem) = response
        .extensions()
        .get::<Problem>()
        .filter(|_| !is_written)
        .cloned()
    {
        let viewer = response.extensions_mut().remove::<Viewer>().unwrap_or_default();
        let (status, title) = problem.title();
        let content = html! {
            p { (parts::whole(problem.detail())) }
            p.quiet { "Answered with " (status.as_u16()) " to request " code { (request_id) } "." }
            @if is_form { (back(status, page.as_deref())) }
            p { a href="/" { "To the overview" } }
        };
        let page = layout::page(&viewer, None, Section::Other, title, &content).into_response();
        let (parts, body) = page.into_parts();
        *response.body_mut() = body;
        response.headers_mut().remove(CONTENT_LENGTH);
        response.headers_mut().extend(parts.headers);
        // The log is to know of the problem all the same.
        response.extensions_mut().insert(Written);
    }
    guarded(response)
}

/// The page that a form stood on, by its `Referer`.
fn page_of_form(headers: &HeaderMap) -> Option<String> {
    let (_, url) = text_of(headers, REFERER)?.split_once("://")?;
    let path = url.strip_prefix(text_of(headers, HOST)?)?;
    own_path(path).map(str::to_owned)
}

/// Leads from a form that was not done to where one signs in, if that is why, or to its page as it is now: what a browser loads
/// again is the form.
fn back(status: StatusCode, page: Option<&str>) -> Markup {
    html! {
        @if status == StatusCode::UNAUTHORIZED {
            p { a href=(path_with(SIGN_IN, page.map(|page| ("then", page)))) { "Sign in" } }
        } @else if let Some(page) = page {
            p { a href=(page) { "Back to the page" } }
        }
    }
}

/// With the headers that every answer has.
fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value| headers.insert(name, HeaderValue::from_static(value));
    set(CONTENT_SECURITY_POLICY, POLICY);
    set(REFERRER_POLICY, REFERRER);
    set(X_CONTENT_TYPE_OPTIONS, "nosniff");
    let is_page = !headers.contains_key(CACHE_CONTROL);
    if is_page {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}
