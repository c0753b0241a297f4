//! A target: what the admin API is asked for.

use std::collections::BTreeMap;

use axum::extract::Query;
use axum::http::Uri;
use url::form_urlencoded;
use uuid::Uuid;

use super::super::path::make_plain;
use super::super::problem::Problem;
use super::cursor_text;
use super::deliveries::{self, DeliveriesQuery};
use super::receipts::{self, After, Asking, ReceiptsQuery};
use crate::clock::Timestamp;
use crate::event::{ChatbotId, EventId, Name, Wire};
use crate::inbox::{Origin, PageRequest, Receipt, ReceiptFilter, ReceiptId, Span};

/// The members of a query, decoded; `None` where a name is there twice.
type Members = BTreeMap<String, String>;

/// A path with a query. What is asked for is what the query says, or is refused by the rules that the documents name, and
/// neither depends on how it is spelled.
pub fn queries(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    is_one_moment(text);
    let Ok(uri) = format!("/{text}").parse::<Uri>() else {
        return;
    };
    is_plain_once(&uri);
    let pairs: Vec<_> = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).collect();
    let mut members = Members::new();
    let is_single = pairs
        .iter()
        .all(|(name, value)| members.insert(name.to_string(), value.to_string()).is_none());
    let members = is_single.then_some(members);
    for uri in [&uri, &respelled(&pairs)] {
        let asked = Query::<ReceiptsQuery>::try_from_uri(uri).ok();
        receipts_are_those(asked.map(|Query(query)| receipts::read(query)), members.as_ref());
        let asked = Query::<DeliveriesQuery>::try_from_uri(uri).ok();
        deliveries_are_those(
            asked.map(|Query(query)| deliveries::read(query)),
            members.as_ref(),
        );
    }
}

/// Whether a time, if it is one, is the same once it was printed.
fn is_one_moment(text: &str) {
    if let Ok(moment) = text.parse::<Timestamp>() {
        assert!((Timestamp::MIN..=Timestamp::MAX).contains(&moment));
        assert_eq!(moment.to_string().parse().ok(), Some(moment));
    }
}

/// Whether a plain path is as plain as it gets, and its query untouched.
fn is_plain_once(uri: &Uri) {
    let mut plain = uri.clone();
    make_plain(&mut plain);
    let mut again = plain.clone();
    make_plain(&mut again);
    assert_eq!(again, plain);
    assert_eq!(plain.query(), uri.query());
}

/// The same query with every byte encoded.
fn respelled(pairs: &[(std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)]) -> Uri {
    let encoded = |text: &str| {
        text.bytes()
            .map(|byte| format!("%{byte:02x}"))
            .collect::<String>()
    };
    let pairs = pairs
        .iter()
        .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
    let query = pairs.collect::<Vec<_>>().join("&");
    // What is longer than a URI may be is asked for by nobody.
    format!("/?{query}").parse().unwrap_or_default()
}

fn receipts_are_those(asked: Option<Result<Asking, Problem>>, members: Option<&Members>) {
    let known = [
        "event",
        "event_id",
        "chatbot_id",
        "since",
        "until",
        "cursor",
        "after",
        "limit",
    ];
    let allowed = members.filter(|members| {
        members.keys().all(|name| known.contains(&&**name))
            && is_allowed(members)
            && !(members.contains_key("after") && members.contains_key("cursor"))
            && members
                .get("after")
                .is_none_or(|text| text == "newest" || number(text).is_some())
            && is_stretch(members)
    });
    let Some((Asking { wanted, page, after }, members)) = agreed(asked, allowed) else {
        return;
    };
    is_page(page, members);
    is_filter(&wanted.filter, members);
    let expected = members
        .get("after")
        .map(|text| number(text).map_or(After::Newest, After::Sequence));
    assert_eq!(after, expected);
    is_span(wanted.span, members);
}

/// Whether a span has the times that were asked for, the first of them in it and the second not.
fn is_span(span: Span, members: &Members) {
    let time = |name: &str| members.get(name).and_then(|text| text.parse::<Timestamp>().ok());
    let (since, until) = (time("since"), time("until"));
    assert_eq!((span.since, span.until), (since, until));
    for at in [since, until].into_iter().flatten() {
        let is_in_time = since.is_none_or(|since| at >= since) && until.is_none_or(|until| at < until);
        assert_eq!(span.contains(at), is_in_time);
    }
}

fn deliveries_are_those(
    asked: Option<Result<(crate::delivery::view::Query, PageRequest), Problem>>,
    members: Option<&Members>,
) {
    let known = [
        "destination",
        "state",
        "event",
        "event_id",
        "chatbot_id",
        "since",
        "until",
        "cursor",
        "limit",
    ];
    let states = ["pending", "delivered", "dead", "cancelled", "removed"];
    let allowed = members.filter(|members| {
        members.keys().all(|name| known.contains(&&**name))
            && is_allowed(members)
            && is_stretch(members)
            && members
                .get("state")
                .is_none_or(|state| states.contains(&&**state))
    });
    let Some(((wanted, page), members)) = agreed(asked, allowed) else {
        return;
    };
    is_page(page, members);
    is_filter(&wanted.receipts, members);
    is_span(wanted.span, members);
    assert_eq!(wanted.destination.as_ref(), members.get("destination"));
    assert_eq!(
        wanted.state.map(|state| state.as_str()),
        members.get("state").map(|state| &**state)
    );
}

/// Whether the ends of a span are times, and something can lie between them.
fn is_stretch(members: &Members) -> bool {
    let time = |name: &str| members.get(name).map(|text| text.parse::<Timestamp>());
    match (time("since"), time("until")) {
        (Some(Ok(since)), Some(Ok(until))) => since < until,
        (since, until) => [since, until].into_iter().flatten().all(|end| end.is_ok()),
    }
}

/// What was read, if it was to be; a refusal has words.
fn agreed<T>(asked: Option<Result<T, Problem>>, allowed: Option<&Members>) -> Option<(T, &Members)> {
    match asked {
        Some(Ok(asked)) => Some((asked, allowed.expect("what is not allowed is refused"))),
        Some(Err(problem)) => {
            assert_eq!(
                (problem.name(), problem.detail().is_empty()),
                ("invalid-query", false)
            );
            assert_eq!(allowed, None, "{}", problem.detail());
            None
        }
        None => {
            assert_eq!(allowed, None);
            None
        }
    }
}

/// Whether what both lists may be asked for is as the documents have it.
fn is_allowed(members: &Members) -> bool {
    let is = |name: &str, is_allowed: fn(&str) -> bool| members.get(name).is_none_or(|text| is_allowed(text));
    let is_event = |text: &str| {
        let name = text.strip_suffix(".*").unwrap_or(text);
        let has = |ends: [Option<char>; 2], is: fn(char) -> bool| ends.into_iter().flatten().any(is);
        let ends = [name.chars().next(), name.chars().next_back()];
        ends[0].is_some()
            && !has(ends, |end| end == '.' || end.is_whitespace())
            && !name.contains(|it: char| it == '*' || it.is_control())
    };
    is("event", is_event)
        && is("event_id", is_uuid)
        && is("chatbot_id", is_uuid)
        && is("cursor", |text| number(text).is_some())
        && is("limit", |text| {
            number(text).is_some_and(|number| (1..=500).contains(&number))
        })
}

/// A number up to the largest that a store has, in digits.
fn number(text: &str) -> Option<u64> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = digits.trim_start_matches('0').bytes();
    let value = digits
        .take(20)
        .fold(0, |value: u128, digit| value * 10 + u128::from(digit - b'0'));
    u64::try_from(value).ok().filter(|value| *value < 1 << 63)
}

/// Whether a text is a UUID in one of the forms that people paste.
fn is_uuid(text: &str) -> bool {
    let braced = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
    let inner = braced.or(text.strip_prefix("urn:uuid:")).unwrap_or(text);
    let is_hexadecimal = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let groups: Vec<_> = inner.split('-').map(str::len).collect();
    let has_form = groups == [8, 4, 4, 4, 12] || (inner == text && groups == [32]);
    has_form && is_hexadecimal(&inner.replace('-', ""))
}

fn is_page(page: PageRequest, members: &Members) {
    let limit = members.get("limit").map_or(Some(50), |text| number(text));
    assert_eq!(Some(page.limit as u64), limit);
    let cursor = page.cursor.map(cursor_text);
    let number = members
        .get("cursor")
        .map(|text| number(text).expect("it is allowed").to_string());
    assert_eq!(cursor, number);
    let again = super::page(cursor, None).expect("a cursor that was given is taken");
    assert_eq!(again.cursor, page.cursor);
}

/// Whether a filter matches what was asked for, and nothing that differs from it in one way.
fn is_filter(filter: &ReceiptFilter, members: &Members) {
    let matching = receipt_of(filter);
    assert!(filter.matches(&matching));
    assert_eq!(
        (
            filter.event.is_some(),
            filter.event_id.is_some(),
            filter.chatbot_id.is_some()
        ),
        (
            members.contains_key("event"),
            members.contains_key("event_id"),
            members.contains_key("chatbot_id")
        )
    );
    let other_event = Receipt {
        event: Name {
            event: format!("{}x", matching.event.event).into(),
            ..matching.event.clone()
        },
        ..matching.clone()
    };
    assert_eq!(filter.matches(&other_event), filter.event.is_none());
    let other_job = Receipt {
        event_id: None,
        ..matching.clone()
    };
    assert_eq!(filter.matches(&other_job), filter.event_id.is_none());
    let other_chatbot = Receipt {
        chatbot_id: None,
        ..matching
    };
    assert_eq!(filter.matches(&other_chatbot), filter.chatbot_id.is_none());
}

/// A receipt that a filter is to match.
fn receipt_of(filter: &ReceiptFilter) -> Receipt {
    let event = filter.event.clone().unwrap_or_default();
    Receipt {
        id: ReceiptId::new(Uuid::nil()),
        sequence: 1,
        received_at: Timestamp::MIN,
        event: Name {
            event: event.into(),
            status: "initial".into(),
        },
        event_id: filter.event_id.or(Some(EventId::new(Uuid::nil()))),
        chatbot_id: filter.chatbot_id.or(Some(ChatbotId::new(Uuid::nil()))),
        wire: Wire::V2024_07,
        origin: Origin::Webhook,
        body_bytes: 0,
        trace: None,
        damage: None,
    }
}
