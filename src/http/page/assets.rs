//! The stylesheet and the script, compiled in. Their addresses change with what is in them, so browsers keep them for good.

use std::sync::LazyLock;

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use crate::fingerprint::hex;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Where pages find the stylesheet.
pub static STYLE_PATH: LazyLock<String> = LazyLock::new(|| path("/assets/page.css", STYLE));

/// Where pages find the script.
pub static SCRIPT_PATH: LazyLock<String> = LazyLock::new(|| path("/assets/page.js", SCRIPT));

fn path(path: &str, content: &str) -> String {
    format!("{path}?v={}", hex(&Sha256::digest(content)[..6]))
}

pub(super) async fn style() -> Response {
    asset("text/css; charset=utf-8", STYLE)
}

pub(super) async fn script() -> Response {
    asset("text/javascript; charset=utf-8", SCRIPT)
}

fn asset(content_type: &'static str, content: &'static str) -> Response {
    let headers = [
        (CONTENT_TYPE, content_type),
        (CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    (headers, content).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_and_the_style_stay_small_enough_to_be_read() {
        let (script, style) = (SCRIPT.lines().count(), STYLE.lines().count());

        assert!(script <= 300, "{script} lines of script");
        assert!(style <= 400, "{style} lines of style");
        assert!(
            SCRIPT.len() + STYLE.len() < 30 << 10,
            "{} bytes",
            SCRIPT.len() + STYLE.len()
        );
    }
}
