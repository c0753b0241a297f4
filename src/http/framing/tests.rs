//! What a head must say.

use axum::body::Body;
use axum::http::HeaderMap;

use super::*;

type Headers = &'static [(&'static str, &'static str)];

/// A request with these headers, as it looks once it is parsed.
fn parsed(version: Version, headers: Headers) -> Request {
    let mut request = Request::new(Body::empty());
    *request.version_mut() = version;
    let headers = headers
        .iter()
        .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
    headers.for_each(|(name, value)| {
        HeaderMap::append::<axum::http::HeaderName>(request.headers_mut(), name, value);
    });
    request
}

#[test]
fn a_head_has_one_host_and_no_coding_but_chunked() {
    const HOST: (&str, &str) = ("host", "a");
    let cases: [(Version, Headers, Option<&str>); 13] = [
        (Version::HTTP_11, &[HOST], None),
        (Version::HTTP_11, &[("host", "")], None),
        (Version::HTTP_11, &[], Some("malformed-request")),
        (Version::HTTP_11, &[HOST, HOST], Some("malformed-request")),
        (Version::HTTP_10, &[], None),
        (Version::HTTP_10, &[HOST], None),
        (Version::HTTP_10, &[HOST, HOST], Some("malformed-request")),
        (Version::HTTP_11, &[HOST, ("transfer-encoding", "chunked")], None),
        (Version::HTTP_11, &[HOST, ("transfer-encoding", "Chunked")], None),
        (
            Version::HTTP_11,
            &[HOST, ("transfer-encoding", "gzip, chunked")],
            Some("unknown-transfer-coding"),
        ),
        (
            Version::HTTP_11,
            &[HOST, ("transfer-encoding", "chunked, chunked")],
            Some("unknown-transfer-coding"),
        ),
        (
            Version::HTTP_11,
            &[
                HOST,
                ("transfer-encoding", "gzip"),
                ("transfer-encoding", "chunked"),
            ],
            Some("unknown-transfer-coding"),
        ),
        (
            Version::HTTP_11,
            &[
                HOST,
                ("transfer-encoding", "chunked"),
                ("transfer-encoding", "chunked"),
            ],
            Some("unknown-transfer-coding"),
        ),
    ];
    for (version, headers, problem) in cases {
        let found = check_head(&parsed(version, headers)).err();

        assert_eq!(
            found.map(|problem| problem.name()),
            problem,
            "{version:?} {headers:?}"
        );
    }
}

#[test]
fn a_host_is_a_name_or_an_address_with_or_without_a_port() {
    for (host, is_one) in [
        ("", true),
        ("receiver", true),
        ("hooks.example.com:443", true),
        ("a_b-c.d~e:", true),
        ("127.0.0.1:8080", true),
        ("[::1]", true),
        ("[::ffff:127.0.0.1]:80", true),
        ("user@host", false),
        ("a b", false),
        ("[::1", false),
        ("[]", false),
        ("[::1]x", false),
        ("[::1]:8x", false),
        ("[host]", false),
        ("::1", false),
        ("host:port", false),
        ("host/path", false),
        ("host?query", false),
        ("a,b", true),
        ("h\u{f6}st", false),
    ] {
        assert_eq!(is_host(host.as_bytes()), is_one, "{host:?}");
    }
}

/// A proxy in front may have let it pass by the whole of its target, where hyper shows what is before the fragment.
#[test]
fn a_target_with_a_fragment_is_refused() {
    for (line, is_refused) in [
        ("GET /a HTTP/1.1", false),
        ("G#T /a?b HTTP/1.1", false),
        ("GET /a# HTTP/1.1", true),
        ("GET /a?b#c HTTP/1.1", true),
        ("GET http://a#b HTTP/1.1", true),
    ] {
        for end in ["\r\n", "\n"] {
            let head = format!("{line}{end}Host: a{end}X: #{end}{end}");

            let step = Framing::default().step(head.as_bytes(), head.len());

            let expected = if is_refused {
                Err(Refused::Head)
            } else {
                Ok(Step::HandOn(head.len()))
            };
            assert_eq!(step, expected, "{line}");
        }
    }
}
