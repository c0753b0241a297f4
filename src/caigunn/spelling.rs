//! Whether two URLs mean the same: a provider may write ours in a way of its own, and it is ours all the same.

use reqwest::Response;
use reqwest::header::LOCATION;
use url::Url;

use crate::accents::cut;
use crate::plain_path::plain;

/// How much of where a URL of somebody else's points to is shown, in characters: a name in the DNS has 253 at most.
const MAX_PLACE_CHARS: usize = 300;

/// What providers write for what they hide: so many of it, or more.
const MASKS: [&str; 4] = ["***", "...", "%E2%80%A2", "%E2%80%A6"];

/// How a URL that stands at CaiGunn is like one of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Likeness {
    /// It leads to the same place of the receiver.
    Same,
    /// It may: what can be seen of it is the same, and the rest is hidden.
    Masked,
    /// It leads elsewhere.
    Other,
}

/// Compares a URL that was read with one of ours, by what the receiver makes of it: `http` and `https` are one, since
/// proxies redirect from one to the other; so are the ports that go without saying, hosts in either case, paths with and
/// without a slash at the end or with two in a row, and unreserved characters that are encoded (RFC 3986, section
/// 6.2.2), and whatever is in a query. Posts to any of these spellings are taken. Of a URL that is hidden in part (`***`)
/// the rest decides.
pub fn likeness(theirs: &str, ours: &str) -> Likeness {
    let (Some(theirs), Some(ours)) = (meaning(theirs), meaning(ours)) else {
        return Likeness::Other;
    };
    if theirs == ours {
        return Likeness::Same;
    }
    let mut masked = theirs;
    for mask in MASKS {
        masked = masked.replace(mask, "\0");
    }
    // What is left of a longer mask.
    let mut is_masked = false;
    masked.retain(|letter| {
        let is_rest = is_masked && matches!(letter, '*' | '.' | '\0');
        is_masked = is_rest || letter == '\0';
        !is_rest
    });
    let mut pieces = masked.split('\0');
    let first = pieces.next().unwrap_or_default();
    let (Some(mut rest), Some(last)) = (ours.strip_prefix(first), pieces.next_back()) else {
        return Likeness::Other;
    };
    for piece in pieces {
        let Some((_, behind)) = rest.split_once(piece) else {
            return Likeness::Other;
        };
        rest = behind;
    }
    if rest.ends_with(last) {
        Likeness::Masked
    } else {
        Likeness::Other
    }
}

/// What there is of ours in a URL that is none of its spellings: a part, or all of it in other letters. Posts there are
/// refused.
pub fn remains(theirs: &str, ours: &str) -> Option<String> {
    let (kept, whole) = (theirs.len(), ours.len());
    let is_of_ours = |start: &str| start.eq_ignore_ascii_case(theirs);
    ours.get(..kept).filter(|start| is_of_ours(start))?;
    Some(match kept < whole {
        true => format!("only the first {kept} of its {whole} characters"),
        false => "it in other letters, capital or small".to_owned(),
    })
}

/// Whether `url` is `base` or has a token behind it, by its meaning.
pub fn is_below(url: &str, base: &str) -> bool {
    let (Some(url), Some(base)) = (meaning(url), meaning(base)) else {
        return false;
    };
    let rest = url.strip_prefix(&base);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether two URLs are of one host.
pub fn has_host_of(one: &str, other: &str) -> bool {
    let host = |text: &str| Some(text.parse::<Url>().ok()?.host_str()?.to_owned());
    host(one).is_some_and(|found| host(other) == Some(found))
}

/// A URL as all its spellings are: the host, a port that is not the usual one of its scheme, and the path.
fn meaning(url: &str) -> Option<String> {
    let url: Url = url.trim().parse().ok()?;
    let is_plain = url.username().is_empty() && url.password().is_none() && url.scheme().starts_with("http");
    let host = url.host_str().filter(|_| is_plain)?;
    let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
    let path = plain(url.path());
    Some(format!("{host}{port}{}", path.trim_end_matches('/')))
}

/// A URL of somebody else's as it may be shown: where it points to, and nothing that could be a secret.
pub fn shown(url: &str) -> String {
    match url.parse::<Url>() {
        Ok(url) if url.has_host() => {
            let origin = cut(&url.origin().ascii_serialization(), MAX_PLACE_CHARS);
            match (url.path(), url.query()) {
                ("/" | "", None) => origin,
                _ => format!("{origin}/[hidden]"),
            }
        }
        Ok(_) | Err(_) => "something that is no URL".to_owned(),
    }
}

/// Where a redirect leads, if it says so, as it may be shown: to an `http` URL where `https` is meant, say.
pub fn redirect(response: &Response) -> Option<String> {
    let location = response.headers().get(LOCATION)?;
    let location = location.to_str().ok().map(|text| response.url().join(text));
    Some(match location {
        Some(Ok(url)) => shown(url.as_str()),
        Some(Err(_)) | None => "nowhere".to_owned(),
    })
}

/// A text in which every URL stands as [`shown`] has it.
pub fn with_urls_shown(text: &str) -> String {
    const ENDS: [char; 6] = ['"', '\'', '<', '>', '`', '\\'];
    let (mut written, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(colon) = rest.find("://") {
        let scheme = |found: char| found.is_ascii_alphanumeric() || matches!(found, '+' | '-' | '.');
        let begin = rest[..colon].trim_end_matches(scheme).len();
        let length = rest[begin..].find(|found: char| found.is_whitespace() || ENDS.contains(&found));
        let end = length.map_or(rest.len(), |length| begin + length);
        // A sentence's own.
        let end = begin + rest[begin..end].trim_end_matches(['.', ',', ';', ':', ')']).len();
        written += &rest[..begin];
        written += &shown(&rest[begin..end]);
        rest = &rest[end..];
    }
    written + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_means_the_same_in_every_spelling() {
        const OURS: &str = "https://hooks.example.com/base/webhook/a~token-0";
        for (theirs, expected) in [
            (OURS, Likeness::Same),
            (
                " https://hooks.example.com/base/webhook/a~token-0\n",
                Likeness::Same,
            ),
            (
                "https://hooks.example.com/base/webhook/a~token-0/",
                Likeness::Same,
            ),
            (
                "https://hooks.example.com//base/webhook//a~token-0",
                Likeness::Same,
            ),
            (
                "https://hooks.example.com/base/webhook/a%7Etoken-0",
                Likeness::Same,
            ),
            (
                "https://hooks.example.com/%62ase/webhook/a%7etoken%2D0",
                Likeness::Same,
            ),
            ("http://hooks.example.com/base/webhook/a~token-0", Likeness::Same),
            (
                "http://hooks.example.com:80/base/webhook/a~token-0",
                Likeness::Same,
            ),
            (
                "HTTPS://Hooks.EXAMPLE.com:443/base/webhook/a~token-0",
                Likeness::Same,
            ),
            (
                "https://hooks.example.com/base/webhook/a~token-0?x=/y#z",
                Likeness::Same,
            ),
            ("https://hooks.example.com/base/webhook/***", Likeness::Masked),
            (
                "https://hooks.example.com/base/webhook/a~to*******",
                Likeness::Masked,
            ),
            ("https://hooks.example.com/base/webhook/***n-0", Likeness::Masked),
            ("https://hooks.example.com/base/webhook/a~…-0", Likeness::Masked),
            ("https://hooks.example.com/base/webhook/••••••", Likeness::Masked),
            (
                "https://hooks.example.com/base/webhook/a~to....",
                Likeness::Masked,
            ),
            ("https://hooks.example.com/***/webhook/***", Likeness::Masked),
            ("https://hooks.example.com/base/webhook/b***", Likeness::Other),
            ("https://hooks.example.com/base/webhook/***x", Likeness::Other),
            ("https://elsewhere.example/base/webhook/***", Likeness::Other),
            (
                "https://hooks.example.com/base/webhook/A~token-0",
                Likeness::Other,
            ),
            ("https://hooks.example.com/base/webhook", Likeness::Other),
            (
                "https://hooks.example.com:8443/base/webhook/a~token-0",
                Likeness::Other,
            ),
            (
                "https://hooks.example.com:80/base/webhook/a~token-0",
                Likeness::Other,
            ),
            ("ftp://hooks.example.com/base/webhook/a~token-0", Likeness::Other),
            (
                "https://user@hooks.example.com/base/webhook/a~token-0",
                Likeness::Other,
            ),
            ("hooks.example.com/base/webhook/a~token-0", Likeness::Other),
            ("***", Likeness::Other),
            ("", Likeness::Other),
        ] {
            assert_eq!(likeness(theirs, OURS), expected, "{theirs}");
        }
        // Nor is anybody kept waiting by one as long as an answer of CaiGunn may be.
        for mask in ["*", ".", "***x", "•"] {
            let long = format!("https://hooks.example.com/base/webhook/{}", mask.repeat(1 << 20));
            assert_eq!(
                likeness(&long, OURS) == Likeness::Masked,
                mask != "***x",
                "{mask}"
            );
        }
        let (bare, slash) = ("https://hooks.example.com", "https://hooks.example.com/");
        assert_eq!(likeness(bare, slash), Likeness::Same);
    }

    #[test]
    fn what_remains_of_ours_is_told_by_its_length_or_letters_alone() {
        const OURS: &str = "https://hooks.example.com/webhook/a~token";
        let part = |kept| Some(format!("only the first {kept} of its 41 characters"));
        for (theirs, expected) in [
            ("https://hooks.example.com/webhook/a~tok", part(39)),
            ("https://hooks.example.com/web", part(29)),
            ("HTTPS://HOOKS.EXAMPLE.COM/WEBHOOK/A~T", part(37)),
            (
                "https://hooks.example.com/WEBHOOK/A~TOKEN",
                Some("it in other letters, capital or small".to_owned()),
            ),
            ("https://hooks.example.com/webhook/a~tokens", None),
            ("https://hooks.example.com/webhook/b~tok", None),
            ("https://hooks.example.com/webhook/\u{e9}", None),
        ] {
            assert_eq!(remains(theirs, OURS), expected, "{theirs}");
        }
    }

    #[test]
    fn of_every_url_in_a_text_only_the_place_is_shown() {
        for (text, expected) in [
            ("no URL: a://", "no URL: something that is no URL"),
            (
                "set to \"https://a.example/webhook/t%6Fken\" (was HTTP://user:hunter2@b.example:81/x?y=z).",
                "set to \"https://a.example/[hidden]\" (was http://b.example:81/[hidden]).",
            ),
            (
                "https://a.example, https://a.example/b",
                "https://a.example, https://a.example/[hidden]",
            ),
            ("nothing of the kind: //", "nothing of the kind: //"),
            ("é://é \u{e9}", "ésomething that is no URL \u{e9}"),
        ] {
            assert_eq!(with_urls_shown(text), expected);
        }
    }

    #[test]
    fn of_a_url_of_somebody_elses_only_the_place_is_shown() {
        for (url, expected) in [
            (
                "https://elsewhere.example/hook?key=hunter2",
                "https://elsewhere.example/[hidden]",
            ),
            ("https://elsewhere.example:8443", "https://elsewhere.example:8443"),
            (
                "https://user:hunter2@elsewhere.example/",
                "https://elsewhere.example",
            ),
            (
                "https://elsewhere.example?hunter2",
                "https://elsewhere.example/[hidden]",
            ),
            (
                &format!("https://{}.example/", "x".repeat(1 << 20)),
                &format!("https://{}…", "x".repeat(292)),
            ),
            ("mailto:hunter2", "something that is no URL"),
            ("hunter2", "something that is no URL"),
        ] {
            assert_eq!(shown(url), expected);
        }
    }
}
