//! What a form has in it.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::FromRequestParts;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use tokio::time::timeout;

use super::Site;
use crate::clock::{Timestamp, typed};
use crate::http::problem::Problem;
use crate::http::text_of;

/// The longest form, in bytes.
const MAX_FORM_BYTES: usize = 64 << 10;

/// How long a form may take to arrive.
const FORM_TIMEOUT: Duration = Duration::from_secs(10);

/// The fields of a form that was posted. A handler that takes them is called only if the form is ours.
#[derive(Clone, Debug, Default)]
pub struct Fields(Arc<Vec<(String, String)>>);

impl Fields {
    /// What is in a field, without the blanks around it; `None` if that is nothing.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// What is in each field of that name.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = self.0.iter().filter(move |(found, _)| found == name);
        named
            .map(|(_, value)| value.trim())
            .filter(|value| !value.is_empty())
    }
}

impl FromRequestParts<Site> for Fields {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Site) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().cloned().unwrap_or_default())
    }
}

/// Reads a form, as browsers send it.
///
/// # Errors
/// It is none, too long, or too slow.
pub async fn read(parts: &Parts, body: Body) -> Result<Fields, Problem> {
    let content_type = text_of(&parts.headers, CONTENT_TYPE);
    let kind = content_type.and_then(|text| text.split(';').next());
    if !kind.is_some_and(|kind| {
        kind.trim()
            .eq_ignore_ascii_case("application/x-www-form-urlencoded")
    }) {
        return Err(Problem::forged_form());
    }
    let body = timeout(FORM_TIMEOUT, to_bytes(body, MAX_FORM_BYTES))
        .await
        .map_err(|_| Problem::body_timeout(FORM_TIMEOUT))?
        .map_err(|error| Problem::unread_body(&error, MAX_FORM_BYTES))?;
    let pairs = url::form_urlencoded::parse(&body).into_owned();
    Ok(Fields(Arc::new(pairs.map(with_whole_time).collect())))
}

/// A field with its time made whole, if it is one that people type.
pub fn with_whole_time((name, value): (String, String)) -> (String, String) {
    let is_whole = value.parse::<Timestamp>().is_ok();
    if is_whole || !matches!(&*name, "since" | "until") {
        return (name, value);
    }
    let typed = typed(&value, Timestamp::now()).map(|at| at.to_string());
    (name, typed.unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_made_whole_and_other_fields_left_alone() {
        let read = |name: &str, text: &str| with_whole_time((name.to_owned(), text.to_owned())).1;

        assert_eq!(read("since", "2026-11-28"), "2026-11-28T00:00:00.000000Z");
        let given = "2026-11-28T09:15:00+02:00";
        assert_eq!(read("until", given), given);
        assert_eq!(read("since", "yesterday"), "yesterday");
        assert_eq!(read("event", "2026-11-28"), "2026-11-28");
    }
}
