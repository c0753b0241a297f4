//! The body of a notification from its parts, in the newer wire generation: for those that CaiGunn's log has and its
//! webhook did not bring.

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;

use super::{ChatbotId, EventId};
use crate::json::with_member;

#[derive(Serialize)]
struct Body<'a> {
    event: &'a str,
    status: &'a str,
    event_id: EventId,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a RawValue>,
}

/// What CaiGunn would have posted. `data` keeps its text, but that a `chatbot_id` that is missing or null is put into it.
///
/// The result is no more valid than its parts: [`super::parse`] decides.
pub fn compose(
    event: &str,
    status: &str,
    event_id: EventId,
    chatbot_id: Option<ChatbotId>,
    data: Option<&RawValue>,
) -> Bytes {
    let completed = chatbot_id.and_then(|id| with_member(data, "chatbot_id", &format!("\"{id}\"")));
    let body = Body {
        event,
        status,
        event_id,
        data: completed.as_deref().or(data),
    };
    serde_json::to_vec(&body)
        .expect("texts, ids and JSON have a JSON form")
        .into()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn composed(data: Option<&str>) -> String {
        let data = data.map(|data| RawValue::from_string(data.to_owned()).unwrap());
        let (event_id, chatbot_id) = (EventId::new(Uuid::nil()), ChatbotId::new(Uuid::max()));
        let body = compose("crawling", "initial", event_id, Some(chatbot_id), data.as_deref());
        let body = String::from_utf8(body.to_vec()).unwrap();
        let start =
            r#"{"event":"crawling","status":"initial","event_id":"00000000-0000-0000-0000-000000000000""#;
        body.strip_prefix(start).unwrap().to_owned()
    }

    #[test]
    fn data_keeps_its_text_and_gains_what_it_lacks() {
        let added = r#""chatbot_id":"ffffffff-ffff-ffff-ffff-ffffffffffff""#;
        for (data, expected) in [
            (None, format!(r#","data":{{{added}}}}}"#)),
            (Some("null"), format!(r#","data":{{{added}}}}}"#)),
            (Some("{ }"), format!(r#","data":{{{added}}}}}"#)),
            (
                Some(r#" { "n" : 1.0e2 }"#),
                format!(r#","data":{{{added},"n" : 1.0e2 }}}}"#),
            ),
            (
                Some(r#"{"n":null, "chatbot_id" : null }"#),
                format!(r#","data":{{"n":null, {} }}}}"#, added.replace(':', " : ")),
            ),
            (
                Some(r#"{"chatbot_id":7}"#),
                r#","data":{"chatbot_id":7}}"#.to_owned(),
            ),
            (Some("[1 ]"), r#","data":[1 ]}"#.to_owned()),
            (
                Some(r#"{"detail":"\ud800"}"#),
                format!(r#","data":{{{added},"detail":"\ud800"}}}}"#),
            ),
        ] {
            assert_eq!(composed(data), expected, "{data:?}");
        }
    }
}
