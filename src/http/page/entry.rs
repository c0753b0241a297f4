//! Who may see the page, and which forms are done: the token rules of the API hold. Without a token whoever is on this machine
//! is let in, unless through a proxy. With one, whoever has signed in with it, which a cookie says.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::{ACCEPT, COOKIE, HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use url::form_urlencoded;

use super::sessions::Session;
use super::{Fields, Site, form, see_other};
use crate::clock::Timestamp;
use crate::fingerprint::is_same;
use crate::http::admin::{Rights, in_time, is_cross_site};
use crate::http::problem::Problem;
use crate::http::text_of;

/// The field that says that a form is ours.
pub const FORM_TOKEN: &str = "form_token";

/// The parameter of a path that leads to what is to be said of the last form.
pub const NOTICE: &str = "notice";

/// Where one signs in, and where that ends.
pub const SIGN_IN: &str = "/sign-in";
pub const SIGN_OUT: &str = "/sign-out";

/// Who looks at a page, and what they asked for.
#[derive(Clone, Debug, Default)]
pub struct Viewer {
    /// What they may do; `None` of who is to sign in.
    pub rights: Option<Rights>,
    /// What came of the form that led here.
    pub notice: Option<String>,
    /// What each form must hold.
    pub form_token: String,
    /// The session, of who has signed in.
    pub session: Option<Session>,
    path: String,
    /// What is asked for, without what is empty, and without the blanks around it.
    query: Vec<(String, String)>,
}

impl Viewer {
    /// Whether they may do more than look.
    pub fn can_change(&self) -> bool {
        self.rights == Some(Rights::All)
    }

    /// What the query says under a name.
    pub fn asked(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(found, _)| found == name);
        found.map(|(_, value)| &**value)
    }

    /// This page with another value under that name, or none.
    pub fn here_with(&self, name: &str, value: Option<&str>) -> String {
        let kept = self.query.iter().filter(|(found, _)| found != name);
        let kept = kept.map(|(name, value)| (&**name, &**value));
        path_with(&self.path, kept.chain(value.map(|value| (name, value))))
    }
}

impl FromRequestParts<Site> for Viewer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Site) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().cloned().unwrap_or_default())
    }
}

/// A path with a query.
pub fn path_with<'a>(path: &str, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in pairs {
        query.append_pair(name, value);
    }
    match &*query.finish() {
        "" => path.to_owned(),
        query => format!("{path}?{query}"),
    }
}

/// Lets a request in or not. Whoever is let in has their query without what is empty, which a form sends too, and
/// without the blanks around values, and the form that they posted read and found to be ours.
pub(super) async fn guard(State(site): State<Site>, mut request: Request, next: Next) -> Response {
    if request.uri().path().starts_with("/assets/") {
        return next.run(request).await;
    }
    let viewer = viewer(&site, &mut request);
    let is_reading = request.method().is_safe();
    let mut response = match let_in(&site, &viewer, request).await {
        Ok(request) if is_reading => in_time(next.run(request)).await,
        Ok(request) => next.run(request).await,
        Err(response) => response,
    };
    if response.extensions().get::<Problem>().is_some() {
        // For the page that says so.
        response.extensions_mut().insert(viewer);
    }
    response
}

fn viewer(site: &Site, request: &mut Request) -> Viewer {
    let cookie = cookie(request.headers());
    let session = cookie.and_then(|cookie| site.kept.sessions.find(&site.tokens, cookie, Timestamp::now()));
    let rights = match &session {
        Some(session) => Some(session.rights),
        None => site.tokens.rights_without(request).ok(),
    };
    let pairs = form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes());
    let pairs = pairs
        .map(|(name, value)| (name.into_owned(), value.trim().to_owned()))
        .filter(|(_, value)| !value.is_empty())
        .map(form::with_whole_time);
    let (notices, query): (Vec<_>, Vec<_>) = pairs.partition(|(name, _)| name == NOTICE);
    let path = request.uri().path().to_owned();
    let kept = path_with(&path, query.iter().map(|(name, value)| (&**name, &**value)));
    if let Ok(uri) = Uri::try_from(kept) {
        *request.uri_mut() = uri;
    }
    Viewer {
        rights,
        notice: notices.first().and_then(|(_, id)| site.kept.notices.find(id)),
        form_token: site.kept.sessions.form_token(session.as_ref()),
        session,
        path,
        query,
    }
}

async fn let_in(site: &Site, viewer: &Viewer, request: Request) -> Result<Request, Response> {
    let is_sign_in = viewer.path == SIGN_IN;
    // Where there is no token, nobody can sign in with one.
    if viewer.rights.is_none() && (!is_sign_in || !can_sign_in(site)) {
        return Err(refuse(site, viewer, &request));
    }
    let (mut parts, body) = request.into_parts();
    parts.extensions.insert(viewer.clone());
    if parts.method.is_safe() {
        return Ok(Request::from_parts(parts, body));
    }
    if !parts.headers.contains_key(ORIGIN) || is_cross_site(&parts.headers) {
        return Err(Problem::foreign_form().into_response());
    }
    let fields = form::read(&parts, body)
        .await
        .map_err(IntoResponse::into_response)?;
    let given = fields.get(FORM_TOKEN).unwrap_or_default();
    if is_sign_in && viewer.session.is_some() {
        // A form from before they signed in, on another tab.
        return Err(see_other(then(&fields)));
    }
    // The one to sign in may have been open since before a restart. It was asked for by nobody in particular, so what it holds
    // would tell nothing that its origin does not.
    if !is_sign_in && !is_same(given, &viewer.form_token) {
        return Err(Problem::forged_form().into_response());
    }
    if !viewer.can_change() && !is_sign_in && viewer.path != SIGN_OUT {
        return Err(Problem::read_only().into_response());
    }
    parts.extensions.insert(fields);
    Ok(Request::from_parts(parts, axum::body::Body::empty()))
}

fn can_sign_in(site: &Site) -> bool {
    site.tokens.full.get().is_some() || site.tokens.read_only.get().is_some()
}

/// What is answered to somebody who may not see this.
fn refuse(site: &Site, viewer: &Viewer, request: &Request) -> Response {
    if !can_sign_in(site) {
        let refused = site.tokens.rights_without(request).err();
        return refused.unwrap_or_else(Problem::signed_out).into_response();
    }
    if viewer.path == SIGN_OUT {
        // They are signed out already, on another tab or by the time.
        return see_other(SIGN_IN);
    }
    let accepted = text_of(request.headers(), ACCEPT);
    let is_for_people = !accepted.is_some_and(|accepted| accepted.starts_with("text/event-stream"));
    if *request.method() == Method::GET && is_for_people {
        let query = viewer.query.iter().map(|(name, value)| (&**name, &**value));
        let here = path_with(&viewer.path, query);
        return see_other(&path_with(SIGN_IN, (here != "/").then_some(("then", &*here))));
    }
    Problem::signed_out().into_response()
}

/// The name of the cookie. It has the port in it, since browsers give cookies to all ports of a host, and there may be several
/// receivers on one.
pub fn cookie_name(headers: &HeaderMap) -> String {
    let host = text_of(headers, HOST).unwrap_or_default();
    let port = host.rsplit_once(':').map(|(_, port)| port);
    let port = port.filter(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()));
    port.map_or("caigunn_webhook".to_owned(), |port| {
        format!("caigunn_webhook_{port}")
    })
}

/// The cookie that stands for the token that was shown.
pub fn cookie(headers: &HeaderMap) -> Option<&str> {
    let name = cookie_name(headers);
    let texts = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let mut cookies = texts
        .flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.split_once('='));
    cookies
        .find(|(found, _)| found.trim() == name)
        .map(|(_, value)| value.trim())
}

/// Where a form leads after a sign-in.
pub fn then(fields: &Fields) -> &str {
    fields.get("then").and_then(own_path).unwrap_or("/")
}

/// The path if it is one of ours: no other site can be reached by it.
pub fn own_path(path: &str) -> Option<&str> {
    let is_own = path.starts_with('/')
        && !path.starts_with("//")
        && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    is_own.then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stays_here_is_gone_to_after_a_sign_in() {
        for path in ["/", "/receipts?event=crawling", "/a//b"] {
            assert_eq!(own_path(path), Some(path));
        }
        for path in [
            "",
            "receipts",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/\t/evil.example",
        ] {
            assert_eq!(own_path(path), None, "{path}");
        }
    }

    #[test]
    fn receivers_on_one_host_have_a_cookie_each() {
        let name = |host: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, host.parse().unwrap());
            headers.insert(
                COOKIE,
                "caigunn_webhook=a; caigunn_webhook_9090=b".parse().unwrap(),
            );
            cookie(&headers).map(str::to_owned)
        };

        assert_eq!(name("localhost:9090").as_deref(), Some("b"));
        assert_eq!(name("[::1]:9090").as_deref(), Some("b"));
        assert_eq!(name("hooks.example.com").as_deref(), Some("a"));
        assert_eq!(name("[::1]").as_deref(), Some("a"));
        assert_eq!(name("localhost:9191"), None);
    }

    #[test]
    fn a_page_with_another_value_keeps_what_else_is_asked_for() {
        let viewer = Viewer {
            path: "/receipts".to_owned(),
            query: vec![
                ("event".to_owned(), "a&b".to_owned()),
                ("cursor".to_owned(), "7".to_owned()),
            ],
            ..Viewer::default()
        };

        assert_eq!(
            viewer.here_with("cursor", Some("5")),
            "/receipts?event=a%26b&cursor=5"
        );
        assert_eq!(viewer.here_with("cursor", None), "/receipts?event=a%26b");
        assert_eq!(viewer.here_with("event", None), "/receipts?cursor=7");
    }
}
