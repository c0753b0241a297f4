//! A path as its sender meant it: proxies and people add a slash, double one, or encode what needs no encoding.

use std::borrow::Cow;

use axum::http::Uri;
use axum::http::uri::PathAndQuery;

use crate::plain_path::plain;

/// Gives a URI the plain spelling of its path, which is all that routes and tokens are compared with: without empty
/// segments, so without a slash at the end, and with unreserved characters as they are (RFC 3986, section 6.2.2.2).
pub fn make_plain(uri: &mut Uri) {
    let Cow::Owned(path) = plain(uri.path()) else {
        return;
    };
    let path_and_query = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    let mut parts = std::mem::take(uri).into_parts();
    parts.path_and_query = PathAndQuery::try_from(path_and_query).ok();
    *uri = Uri::from_parts(parts).expect("nothing but the path of a valid URI was changed");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_means_the_same_in_every_spelling() {
        for (path, expected) in [
            ("/webhook/a-token", "/webhook/a-token"),
            ("/webhook/a-token/", "/webhook/a-token"),
            ("//webhook/a-token", "/webhook/a-token"),
            ("/webhook///a-token//", "/webhook/a-token"),
            ("/webhook/", "/webhook"),
            ("/webhook/%7Ea%7eb", "/webhook/~a~b"),
            ("/%77ebhook/a%2Dtoken", "/webhook/a-token"),
            ("/webhook/a%2Ftoken", "/webhook/a%2Ftoken"),
            ("/webhook/a%25", "/webhook/a%25"),
            ("/webhook/a%", "/webhook/a%"),
            ("/webhook/a%4", "/webhook/a%4"),
            ("/webhook/a%zz%41", "/webhook/a%zzA"),
            ("/webhook/a%+5", "/webhook/a%+5"),
            ("/webhook/%%341", "/webhook/%%341"),
            ("/webhook/%2%35", "/webhook/%2%35"),
            ("/webhook/%2%2Da", "/webhook/%2-a"),
            ("/", "/"),
            ("//", "/"),
            ("*", "*"),
        ] {
            let mut uri: Uri = path.replace("//", "/").parse().unwrap();
            assert_eq!(plain(path), expected, "{path}");

            make_plain(&mut uri);

            assert_eq!(uri.path(), expected, "{path}");
        }
    }

    #[test]
    fn what_stands_beside_the_path_is_kept() {
        for (uri, expected) in [
            ("/webhook/?a=b//c%41", "/webhook?a=b//c%41"),
            ("http://host:1//webhook/", "http://host:1/webhook"),
        ] {
            let mut uri: Uri = uri.parse().unwrap();

            make_plain(&mut uri);

            assert_eq!(uri.to_string(), expected);
        }
    }
}
