//! The forms that a message is put in: what each receiver of notices reads.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use super::message::{Change, Message};
use crate::words::words;

/// How many bytes of UTF-8 go into an encoded word, which may have 75 characters with `=?UTF-8?B?` and `?=`
/// (RFC 2047, section 2).
const WORD_BYTES: usize = 45;

words!(
    /// Who gets it.
    pub enum Form {
        /// A program of the user's: JSON, as docs/notices.md describes it.
        Json = "json",
        /// An incoming webhook of Slack, or of whoever takes the same: `{"text": …}`
        /// (<https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/>).
        Slack = "slack",
        /// A workflow of Microsoft Teams: a message with an Adaptive Card
        /// (<https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook>).
        Teams = "teams",
        /// A topic of ntfy: a text, with the rest in headers (<https://docs.ntfy.sh/publish/>).
        Ntfy = "ntfy",
    }
);

/// Whose message it is.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The notice's name.
    pub notice: String,
    /// The receiver that sends it, as its host knows it; `None` of a command.
    pub receiver: Option<String>,
    /// The page's address, where it listens on one.
    pub page: Option<String>,
}

/// A body and its headers, names in small letters.
pub type Put = (Bytes, Vec<(&'static str, String)>);

const CONTENT_TYPE: &str = "content-type";
const JSON: &str = "application/json";

impl Form {
    /// A message in this form.
    pub fn put(self, message: &Message, origin: &Origin) -> Put {
        let document = |document: Value| {
            let headers = vec![(CONTENT_TYPE, JSON.to_owned())];
            (document.to_string().into(), headers)
        };
        match self {
            Self::Json => document(own(message, origin)),
            Self::Slack => document(slack(message, origin)),
            Self::Teams => document(teams(message, origin)),
            Self::Ntfy => ntfy(message, origin),
        }
    }
}

/// What is said below the title, a paragraph each.
fn paragraphs(message: &Message, origin: &Origin) -> Vec<String> {
    let advice = message
        .advice
        .as_ref()
        .map(|advice| format!("What to do: {advice}"));
    let receiver = origin
        .receiver
        .as_ref()
        .map(|receiver| format!("Receiver: {receiver}"));
    let page = origin.page.as_ref().map(|page| format!("Page: {page}"));
    [Some(message.text.clone()), advice, receiver, page]
        .into_iter()
        .flatten()
        .collect()
}

/// With the members that Standard Webhooks recommends (`type`, `timestamp`, `data`).
fn own(message: &Message, origin: &Origin) -> Value {
    json!({
        "type": format!("notice.{}", message.change.as_str()),
        "timestamp": message.at,
        "data": {
            "id": message.id,
            "notice": origin.notice,
            "about": message.about,
            "subjects": message.subjects,
            "count": message.count,
            "since": message.since,
            "title": message.title,
            "text": message.text,
            "advice": message.advice,
            "receiver": origin.receiver,
            "page": origin.page,
        },
    })
}

/// Slack reads `<` and `>` as links and commands, such as `<!channel>`, and wants these three characters written so, and no
/// others (<https://docs.slack.dev/messaging/formatting-message-text/>).
fn slack(message: &Message, origin: &Origin) -> Value {
    let escaped = |text: &str| {
        text.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
    };
    let mut lines = vec![format!("{} *{}*", mark(message), escaped(&message.title))];
    lines.extend(paragraphs(message, origin).iter().map(|line| escaped(line)));
    json!({ "text": lines.join("\n") })
}

/// In runs of text, where nothing is Markdown (<https://adaptivecards.io/explorer/TextRun.html>): a chatbot may be called
/// anything.
fn teams(message: &Message, origin: &Origin) -> Value {
    let block = |text: &str, weight: &str| {
        json!({
            "type": "RichTextBlock",
            "inlines": [{ "type": "TextRun", "text": text, "weight": weight }],
        })
    };
    let mut body = vec![block(&format!("{} {}", mark(message), message.title), "Bolder")];
    body.extend(
        paragraphs(message, origin)
            .iter()
            .map(|line| block(line, "Default")),
    );
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.2",
                "body": body,
            },
        }],
    })
}

/// A priority of 4 is one that makes a long vibration and a sound, 3 is the default.
fn ntfy(message: &Message, origin: &Origin) -> Put {
    let (priority, tag) = match message.change {
        Change::Began => ("4", "warning"),
        Change::Ended => ("3", "white_check_mark"),
        Change::Test => ("3", "test_tube"),
    };
    let headers = vec![
        (CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()),
        ("title", header(&message.title)),
        ("priority", priority.to_owned()),
        ("tags", tag.to_owned()),
    ];
    (paragraphs(message, origin).join("\n").into(), headers)
}

const fn mark(message: &Message) -> &'static str {
    match message.change {
        Change::Began => "\u{26a0}",
        Change::Ended => "\u{2705}",
        Change::Test => "\u{1f9ea}",
    }
}

/// A text as a header may have it: as it is, or where it is not plain ASCII in encoded words (RFC 2047), which ntfy reads.
fn header(text: &str) -> String {
    if text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) && !text.contains("=?") {
        return text.to_owned();
    }
    let mut words = vec![String::new()];
    for letter in text.chars() {
        let word = words.last_mut().expect("there is always one");
        if word.len() + letter.len_utf8() > WORD_BYTES {
            words.push(letter.to_string());
        } else {
            word.push(letter);
        }
    }
    let encoded = words
        .iter()
        .map(|word| format!("=?UTF-8?B?{}?=", STANDARD.encode(word)));
    encoded.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::notice::About;

    fn origin() -> Origin {
        Origin {
            notice: "ops".to_owned(),
            receiver: Some("hooks-1 (process 12)".to_owned()),
            page: Some("http://10.0.0.7:9090/".to_owned()),
        }
    }

    /// That a destination is down, with a detail of somebody else's.
    fn message(detail: &str) -> Message {
        let since = Timestamp::from_micros(1_700_000_000_000_000);
        Message::began(About::Destination, &["app"], (since, detail), since)
    }

    fn body(form: Form, message: &Message) -> Value {
        let (body, headers) = form.put(message, &origin());
        assert_eq!(headers, [("content-type", "application/json".to_owned())]);
        serde_json::from_slice(&body).unwrap()
    }

    #[test]
    fn a_program_gets_members_with_their_names() {
        let message = message("answered 503");

        let put = body(Form::Json, &message);

        assert_eq!(
            put,
            json!({
                "type": "notice.began",
                "timestamp": "2023-11-14T22:13:20.000000Z",
                "data": {
                    "id": message.id,
                    "notice": "ops",
                    "about": "destination",
                    "subjects": ["app"],
                    "count": 1,
                    "since": "2023-11-14T22:13:20.000000Z",
                    "title": "destination app is down",
                    "text": "since 2023-11-14T22:13:20.000000Z: answered 503",
                    "advice": "mend what that says; what is new, and what failed since, is sent as soon as it takes something",
                    "receiver": "hooks-1 (process 12)",
                    "page": "http://10.0.0.7:9090/",
                },
            })
        );
    }

    #[test]
    fn slack_is_given_no_link_and_no_command_of_others() {
        let put = body(
            Form::Slack,
            &message("<!channel> & <https://evil.example.com|mend it>"),
        );

        assert_eq!(
            put["text"],
            "\u{26a0} *destination app is down*\n\
             since 2023-11-14T22:13:20.000000Z: &lt;!channel&gt; &amp; &lt;https://evil.example.com|mend it&gt;\n\
             What to do: mend what that says; what is new, and what failed since, is sent as soon as it takes something\n\
             Receiver: hooks-1 (process 12)\nPage: http://10.0.0.7:9090/"
        );
    }

    #[test]
    fn teams_is_given_a_card_without_markdown() {
        let put = body(Form::Teams, &message("[mend it](https://evil.example.com)"));

        assert_eq!(put["type"], "message");
        let attachment = &put["attachments"][0];
        assert_eq!(
            attachment["contentType"],
            "application/vnd.microsoft.card.adaptive"
        );
        let blocks = attachment["content"]["body"].as_array().unwrap();
        assert_eq!(blocks.len(), 5);
        assert!(blocks.iter().all(|block| block["type"] == "RichTextBlock"));
        assert_eq!(
            blocks[0]["inlines"][0]["text"],
            "\u{26a0} destination app is down"
        );
    }

    #[test]
    fn ntfy_is_given_a_text_and_headers() {
        let (body, headers) = Form::Ntfy.put(&message("answered 503"), &origin());

        assert!(body.starts_with(b"since 2023-11-14T22:13:20.000000Z: answered 503\nWhat to do: "));
        let of = |name: &str| {
            headers
                .iter()
                .find(|(known, _)| *known == name)
                .unwrap()
                .1
                .clone()
        };
        assert_eq!(of("title"), "destination app is down");
        assert_eq!((&*of("priority"), &*of("tags")), ("4", "warning"));
    }

    #[test]
    fn a_header_that_is_not_plain_is_written_in_encoded_words() {
        // As Python's email.header reads them.
        assert_eq!(header("Café"), "=?UTF-8?B?Q2Fmw6k=?=");
        assert_eq!(header("=?UTF-8?B?eA==?="), "=?UTF-8?B?PT9VVEYtOD9CP2VBPT0/PQ==?=");
        let long = header(&"網".repeat(40));
        assert!(long.split(' ').all(|word| word.len() <= 75), "{long}");
        let decoded = long.split(' ').flat_map(|word| {
            let inner = word
                .strip_prefix("=?UTF-8?B?")
                .unwrap()
                .strip_suffix("?=")
                .unwrap();
            STANDARD.decode(inner).unwrap()
        });
        assert_eq!(String::from_utf8(decoded.collect()).unwrap(), "網".repeat(40));
    }
}
