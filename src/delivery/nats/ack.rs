//! What a stream answers.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use memchr::memmem;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::MESSAGE_ID;
use crate::delivery::{Report, Wish};
use crate::inbox::outbox::Outcome;

/// What a stream says that it has a message by.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct Ack {
    /// The name of the stream.
    pub stream: String,
    /// The number of the message in it.
    #[serde(rename = "seq")]
    pub sequence: u64,
    /// Whether it had a message of that id, and took none.
    #[serde(default)]
    pub duplicate: bool,
    domain: Option<String>,
}

impl Ack {
    /// The subject of a call to whoever keeps the stream.
    pub fn api(&self, call: &str) -> String {
        match self.domain.as_deref() {
            None | Some("") => format!("$JS.API.{call}"),
            Some(domain) => format!("$JS.{domain}.API.{call}"),
        }
    }
}

/// Why a stream took nothing, or a call was not answered.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct Problem {
    /// As a status of HTTP: 503 of what may pass.
    code: u16,
    /// Which of all it is.
    #[serde(default)]
    err_code: u32,
    #[serde(default)]
    pub description: String,
}

/// It is longer than the stream takes, says `err_code`.
const TOO_LONG: u32 = 10_054;

#[derive(Deserialize)]
struct WithProblem {
    error: Problem,
}

/// The problem in an answer, if it has one.
pub fn problem(answer: &[u8]) -> Option<Problem> {
    serde_json::from_slice(answer)
        .ok()
        .map(|WithProblem { error }| error)
}

/// Reads what came for a message to that subject.
///
/// # Errors
/// No stream has it; what is to be said of the attempt.
pub fn read(answer: &[u8], subject: &str) -> Result<Ack, Report> {
    if let Some(problem) = problem(answer) {
        return Err(refused(&problem, subject));
    }
    serde_json::from_slice(answer).map_err(|_| {
        let detail = format!("what answers to subject {subject} is no stream");
        Report::unanswered(Outcome::Refused, detail)
    })
}

fn refused(problem: &Problem, subject: &str) -> Report {
    let Problem {
        code,
        err_code,
        description,
    } = problem;
    let detail = format!("the stream of {subject} did not take it: {description} ({err_code})");
    let (outcome, wish) = match code {
        _ if *err_code == TOO_LONG => (Outcome::Refused, Wish::NeverThis),
        // Full, or without a leader: the server is there, and another subject may have a stream with room.
        500.. => (Outcome::Refused, Wish::Less { pause: None }),
        _ => (Outcome::Refused, Wish::None),
    };
    Report {
        wish,
        ..Report::unanswered(outcome, detail)
    }
}

/// Whether what a stream answered to a question for a message is one of that subject under that id.
pub fn is_message(answer: &[u8], subject: &str, id: &str) -> bool {
    #[derive(Deserialize)]
    struct Held {
        subject: String,
        #[serde(default)]
        hdrs: String,
        /// The body, of which nothing is needed.
        #[serde(default, rename = "data")]
        _data: Option<IgnoredAny>,
    }
    #[derive(Deserialize)]
    struct Answer {
        message: Held,
    }
    let Ok(Answer { message }) = serde_json::from_slice(answer) else {
        return false;
    };
    let line = format!("\r\n{MESSAGE_ID}: {id}\r\n");
    let headers = BASE64_STANDARD.decode(message.hdrs).unwrap_or_default();
    message.subject == subject && memmem::find(&headers, line.as_bytes()).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_acknowledgement_names_its_stream_and_whether_it_took_anything() {
        let ack = read(br#"{"stream":"S","seq":7}"#, "a").unwrap();
        assert_eq!((&*ack.stream, ack.sequence, ack.duplicate), ("S", 7, false));
        assert_eq!(ack.api("X"), "$JS.API.X");

        let ack = read(br#"{"stream":"S","domain":"leaf","seq":7,"duplicate":true}"#, "a").unwrap();
        assert!(ack.duplicate);
        assert_eq!(ack.api("X"), "$JS.leaf.API.X");
    }

    #[test]
    fn what_a_stream_does_not_take_is_told_as_it_is() {
        let of = |code: u16, err_code: u32| {
            let answer = format!(
                r#"{{"type":"x","error":{{"code":{code},"err_code":{err_code},"description":"because"}},"stream":"S","seq":0}}"#
            );
            let report = read(answer.as_bytes(), "a").unwrap_err();
            assert_eq!(
                report.detail,
                format!("the stream of a did not take it: because ({err_code})")
            );
            (report.outcome, report.wish)
        };
        assert_eq!(of(503, 10_077), (Outcome::Refused, Wish::Less { pause: None }));
        assert_eq!(of(400, 10_054), (Outcome::Refused, Wish::NeverThis));
        assert_eq!(of(400, 10_109), (Outcome::Refused, Wish::None));
        for other in [&b"+OK"[..], b"", b"{}", br#"{"stream":"S"}"#] {
            let report = read(other, "a").unwrap_err();
            assert_eq!(report.detail, "what answers to subject a is no stream");
        }
    }

    #[test]
    fn a_message_is_ours_if_its_subject_and_its_id_are() {
        let held = |subject: &str, headers: &str| {
            let headers = BASE64_STANDARD.encode(headers);
            format!(r#"{{"message":{{"subject":"{subject}","seq":1,"hdrs":"{headers}","data":"e30="}}}}"#)
        };
        let ours = "NATS/1.0\r\nwebhook-id: 1\r\nNats-Msg-Id: 1.2\r\n\r\n";

        assert!(is_message(held("a", ours).as_bytes(), "a", "1.2"));
        assert!(!is_message(held("b", ours).as_bytes(), "a", "1.2"));
        assert!(!is_message(held("a", ours).as_bytes(), "a", "1"));
        assert!(!is_message(
            held("a", "NATS/1.0\r\nnats-msg-id: 1\r\n\r\n").as_bytes(),
            "a",
            "1"
        ));
        let gone = br#"{"error":{"code":404,"err_code":10037,"description":"no message found"}}"#;
        assert!(!is_message(gone, "a", "1"));
    }
}
