//! What a stream answers.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use memchr::memmem;
use serde::Deserialize;

use super::{DESTINATION, MESSAGE_ID};
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

/// The call that tells which streams have a subject.
pub const NAMES: &str = "$JS.API.STREAM.NAMES";

/// The answer to [`NAMES`].
#[derive(Deserialize)]
pub struct Names {
    pub streams: Option<Vec<String>>,
}

/// Whether an answer to [`NAMES`] has one, or says that it cannot be told now.
pub fn may_have_stream(answer: &[u8]) -> bool {
    match problem(answer) {
        Some(problem) => problem.has_no_leader(),
        None => {
            let names = serde_json::from_slice::<Names>(answer).ok();
            names
                .and_then(|names| names.streams)
                .is_some_and(|names| !names.is_empty())
        }
    }
}

/// Why a stream took nothing, or a call was not answered.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct Problem {
    /// As a status of HTTP: 429 and 503 of what may pass.
    code: u16,
    /// Which of all it is.
    #[serde(default)]
    err_code: u32,
    #[serde(default)]
    pub description: String,
}

/// It is longer than the stream takes, says `err_code`.
const TOO_LONG: u32 = 10_054;

/// The account has no JetStream, says `err_code`.
const NOT_FOR_ACCOUNT: u32 = 10_039;

/// The servers of a cluster have no leader who could answer, says `err_code`.
const NO_LEADER: u32 = 10_008;

/// Another attempt with the same id is under way there, says `err_code`: the stream's servers have not agreed on it yet.
const UNDER_WAY: u32 = 10_158;

impl Problem {
    /// Whether the cluster has no leader, which passes.
    pub fn has_no_leader(&self) -> bool {
        self.err_code == NO_LEADER
    }

    /// Whether the account has no JetStream, and so no call is for it.
    pub fn is_of_account(&self) -> bool {
        self.err_code == NOT_FOR_ACCOUNT
    }
}

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

/// Reads what came for a message of so many bytes to that subject.
///
/// # Errors
/// No stream has it; what is to be said of the attempt.
pub fn read(answer: &[u8], subject: &str, bytes: usize) -> Result<Ack, Report> {
    if let Some(problem) = problem(answer) {
        return Err(refused(&problem, subject, bytes));
    }
    serde_json::from_slice(answer).map_err(|_| {
        let detail = format!("what answers to subject {subject} is no stream");
        Report::new(Outcome::Refused, detail)
    })
}

fn refused(problem: &Problem, subject: &str, bytes: usize) -> Report {
    let Problem {
        code,
        err_code,
        description,
    } = problem;
    let because = match *err_code {
        // How long it may be, the answer does not say.
        TOO_LONG => format!("it has {bytes} bytes with its headers: "),
        UNDER_WAY => "it was sent that before, and its servers have not agreed on it yet, as where too few of them are there: ".to_owned(),
        _ => String::new(),
    };
    let detail = format!("the stream of {subject} did not take it: {because}{description} ({err_code})");
    let (outcome, wish) = match code {
        _ if *err_code == TOO_LONG => (Outcome::Refused, Wish::NeverThis),
        // It passes, and has nothing to do with what is sent.
        _ if *err_code == UNDER_WAY => (Outcome::Failed, Wish::WhenBack),
        // Full, without a leader, or sent more at once than it takes (10167): the server is there, and another subject may have a
        // stream with room.
        429 | 500.. => (Outcome::Refused, Wish::Less { pause: None }),
        _ => (Outcome::Refused, Wish::None),
    };
    Report::new(outcome, detail).asking(wish)
}

/// There is no message of that number, says `err_code`.
const NO_MESSAGE: u32 = 10_037;

/// Whether what a stream answered to a question for a message is ours, which has that subject and id and is that destination's.
/// The subject says it only of a message that names no destination: a stream may have ours under another one
/// (`subject_transform`), and what another destination published under the same.
///
/// # Errors
/// What it has of that id if not ours, in words.
pub fn known(answer: &[u8], subject: &str, id: &str, destination: &str) -> Result<(), String> {
    #[derive(Deserialize)]
    struct Held {
        subject: String,
        #[serde(default)]
        hdrs: String,
    }
    #[derive(Deserialize)]
    struct Answer {
        message: Held,
    }
    let message = match (problem(answer), serde_json::from_slice(answer)) {
        (Some(problem), _) if problem.err_code == NO_MESSAGE => {
            return Err(format!("it knew {id} of a message that is gone"));
        }
        (Some(problem), _) => return Err(unseen(id, &problem.description)),
        (None, Err(error)) => return Err(unseen(id, &error.to_string())),
        (None, Ok(Answer { message })) => message,
    };
    let headers = BASE64_STANDARD.decode(message.hdrs).unwrap_or_default();
    let has = |name: &str, value: &str| {
        let line = format!("\r\n{name}: {value}\r\n");
        memmem::find(&headers, line.as_bytes()).is_some()
    };
    let names_destination = memmem::find(&headers, format!("\r\n{DESTINATION}: ").as_bytes()).is_some();
    let is_of_us = match names_destination {
        true => has(DESTINATION, destination),
        false => message.subject == subject,
    };
    match has(MESSAGE_ID, id) && is_of_us {
        true => Ok(()),
        false => Err(format!("it knew {id} of another message")),
    }
}

/// What is to be said where the message of that id could not be looked at.
pub fn unseen(id: &str, why: &str) -> String {
    format!("it knew {id}, and whether of this message could not be looked at ({why})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_acknowledgement_names_its_stream_and_whether_it_took_anything() {
        let ack = read(br#"{"stream":"S","seq":7}"#, "a", 9).unwrap();
        assert_eq!((&*ack.stream, ack.sequence, ack.duplicate), ("S", 7, false));
        assert_eq!(ack.api("X"), "$JS.API.X");
        let ack = read(br#"{"stream":"S","seq":7,"domain":""}"#, "a", 9).unwrap();
        assert_eq!(ack.api("X"), "$JS.API.X");

        let ack = read(
            br#"{"stream":"S","domain":"leaf","seq":7,"duplicate":true}"#,
            "a",
            9,
        )
        .unwrap();
        assert!(ack.duplicate);
        assert_eq!(ack.api("X"), "$JS.leaf.API.X");
    }

    #[test]
    fn what_a_stream_does_not_take_is_told_as_it_is() {
        let of = |code: u16, err_code: u32| {
            let answer = format!(
                r#"{{"type":"x","error":{{"code":{code},"err_code":{err_code},"description":"because"}},"stream":"S","seq":0}}"#
            );
            let report = read(answer.as_bytes(), "a", 9).unwrap_err();
            let because = match err_code {
                TOO_LONG => "it has 9 bytes with its headers: ",
                UNDER_WAY => {
                    "it was sent that before, and its servers have not agreed on it yet, as where too few of them are there: "
                }
                _ => "",
            };
            assert_eq!(
                report.detail,
                format!("the stream of a did not take it: {because}because ({err_code})")
            );
            (report.outcome, report.wish)
        };
        assert_eq!(of(503, 10_077), (Outcome::Refused, Wish::Less { pause: None }));
        assert_eq!(of(429, 10_167), (Outcome::Refused, Wish::Less { pause: None }));
        assert_eq!(of(400, 10_054), (Outcome::Refused, Wish::NeverThis));
        assert_eq!(of(409, 10_158), (Outcome::Failed, Wish::WhenBack));
        assert_eq!(of(400, 10_109), (Outcome::Refused, Wish::None));
        for other in [&b"+OK"[..], b"", b"{}", br#"{"stream":"S"}"#] {
            let report = read(other, "a", 9).unwrap_err();
            assert_eq!(report.detail, "what answers to subject a is no stream");
        }
    }

    #[test]
    fn a_message_is_ours_by_its_id_and_its_subject_or_its_destination() {
        let held = |subject: &str, headers: &str| {
            let headers = BASE64_STANDARD.encode(headers);
            let answer = format!(
                r#"{{"message":{{"subject":"{subject}","seq":1,"hdrs":"{headers}","data":"e30="}}}}"#
            );
            known(answer.as_bytes(), "a", "1.2", "app")
        };
        let plain = "NATS/1.0\r\nwebhook-id: 1\r\nNats-Msg-Id: 1.2\r\n\r\n";
        let named = plain.replace("NATS/1.0\r\n", "NATS/1.0\r\ncaigunn-destination: app\r\n");
        let another = Err("it knew 1.2 of another message".to_owned());

        assert_eq!(held("a", plain), Ok(()));
        assert_eq!(held("b", plain), another);
        assert_eq!(held("b", &named), Ok(()));
        for subject in ["a", "b"] {
            assert_eq!(held(subject, &named.replace("app", "apple")), another);
        }
        for other in [
            named.replace("1.2", "1"),
            named.replace("Nats-Msg-Id", "nats-msg-id"),
        ] {
            assert_eq!(held("a", &other), another, "{other}");
        }
    }

    #[test]
    fn a_stream_may_be_there_by_its_name_or_where_nobody_can_say() {
        for (answer, expected) in [
            (r#"{"total":1,"streams":["S"]}"#, true),
            (r#"{"total":0,"streams":null}"#, false),
            (
                r#"{"error":{"code":503,"err_code":10008,"description":"JetStream system temporarily unavailable"}}"#,
                true,
            ),
            (
                r#"{"error":{"code":503,"err_code":10039,"description":"JetStream not enabled for account"}}"#,
                false,
            ),
            ("+OK", false),
        ] {
            assert_eq!(may_have_stream(answer.as_bytes()), expected, "{answer}");
        }
    }

    #[test]
    fn what_could_not_be_looked_at_is_told_from_what_is_gone() {
        let of = |answer: &str| known(answer.as_bytes(), "a", "1", "app");
        let problem =
            |code: u32| format!(r#"{{"error":{{"code":404,"err_code":{code},"description":"because"}}}}"#);

        let gone = "it knew 1 of a message that is gone".to_owned();
        assert_eq!(of(&problem(NO_MESSAGE)), Err(gone));
        assert_eq!(of(&problem(10_039)), Err(unseen("1", "because")));
        assert!(of("{}").is_err_and(|why| why.contains("could not be looked at")));
    }
}
