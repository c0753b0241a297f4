//! `GET /api/v1/openapi.json`: what the routes say of themselves, as OpenAPI 3.1. docs/openapi.json is that document: made of
//! the routes and types by a test, which fails where they say something else.

#[cfg(test)]
mod made;

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

const DOCUMENT: &str = include_str!("../../docs/openapi.json");

/// `GET /api/v1/openapi.json`.
pub async fn openapi() -> Response {
    ([(CONTENT_TYPE, "application/json")], DOCUMENT).into_response()
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::{env, fs};

    use super::super::{admin, health, metrics, receive};
    use super::*;

    /// By setting this variable the document in the repository is renewed.
    const RENEW: &str = "CAIGUNN_TEST_RENEW_OPENAPI";

    #[test]
    fn the_document_is_what_the_routes_say() {
        let described = [
            receive::routes().described,
            health::routes().described,
            metrics::routes().described,
            admin::routes().described,
        ];
        let made = made::document(described.iter().flatten());
        if env::var_os(RENEW).is_some() {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
            return fs::write(path, made).unwrap();
        }
        let line = made
            .lines()
            .zip(DOCUMENT.lines())
            .position(|(one, other)| one != other);
        assert!(
            made == DOCUMENT,
            "docs/openapi.json is not what the routes say, from line {:?} on; if that is meant, renew it: \
             {RENEW}=1 cargo test --locked --lib openapi",
            line.map(|line| line + 1)
        );
    }
}
