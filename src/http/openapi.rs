//! `GET /api/v1/openapi.json`: what the routes say of themselves, as OpenAPI 3.1. docs/openapi.json is that document: made of
//! the routes and types by a test, which fails where they say something else.

#[cfg(test)]
mod flat;
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

    use serde_json::Value;

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

    /// Clients are made of it, by generators that take it at its word.
    #[test]
    fn nothing_in_it_makes_a_client_that_does_not_work() {
        let document: Value = serde_json::from_str(DOCUMENT).unwrap();
        let mut faults = Vec::new();

        find_faults("", &document, &mut faults);

        assert_eq!(faults, [""; 0]);
    }

    #[test]
    fn each_kind_of_fault_is_found() {
        for part in [
            // A client that sends the default, though it is told to send nothing, is refused.
            r#"{"type": "array", "minItems": 1, "default": []}"#,
            r#"{"type": "string", "default": null}"#,
            r##"{"allOf": [{"$ref": "#/components/schemas/Instruction"}, {"type": "object"}]}"##,
            r#"{"description": "Within [`REPLAY_RATES`]."}"#,
            r#"{"description": "At most [that](super::super::MAX)."}"#,
            r#"{"description": "`None` if there is none."}"#,
        ] {
            let part = serde_json::from_str(part).unwrap();
            let mut faults = Vec::new();

            find_faults("", &part, &mut faults);

            assert_eq!(faults.len(), 1, "{part}");
        }
    }

    /// Generators make a type of each, and who reads the document looks for where it is used.
    #[test]
    fn each_type_in_it_is_referred_to() {
        let document: Value = serde_json::from_str(DOCUMENT).unwrap();
        let schemas = document["components"]["schemas"].as_object().unwrap();

        let is_unused = |name: &&String| !DOCUMENT.contains(&format!("\"#/components/schemas/{name}\""));
        let unused: Vec<_> = schemas.keys().filter(is_unused).collect();

        assert_eq!(unused, [""; 0]);
    }

    #[test]
    fn what_headers_an_answer_has_is_in_it() {
        let document: Value = serde_json::from_str(DOCUMENT).unwrap();
        let headers = |path: &str, method: &str, status: &str| {
            let answer = &document["paths"][path][method]["responses"][status];
            let headers = answer["headers"].as_object().into_iter().flatten();
            headers.map(|(name, _)| name.clone()).collect::<Vec<_>>()
        };

        // All have that.
        assert!(
            document["info"]["description"]
                .as_str()
                .unwrap()
                .contains("the header x-request-id")
        );
        assert_eq!(headers("/api/v1/jobs", "get", "400"), [""; 0]);
        assert_eq!(headers("/api/v1/jobs", "get", "401"), ["www-authenticate"]);
        assert_eq!(headers("/webhook", "post", "503"), ["retry-after"]);
    }

    /// Adds where a part of the document has what breaks clients or means nothing to their authors.
    fn find_faults(place: &str, part: &Value, faults: &mut Vec<String>) {
        let of_rust = |text: &str| ["[`", "::", "`None`"].iter().any(|it| text.contains(it));
        match part {
            Value::Object(members) => {
                for (name, value) in members {
                    let place = format!("{place}/{name}");
                    if ["default", "allOf"].contains(&&**name)
                        && !place.ends_with(&format!("/properties/{name}"))
                    {
                        faults.push(place.clone());
                    }
                    find_faults(&place, value, faults);
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    find_faults(&format!("{place}/{index}"), item, faults);
                }
            }
            Value::String(text) if of_rust(text) => faults.push(format!("{place}: {text}")),
            _ => {}
        }
    }
}
