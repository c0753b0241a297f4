//! What SQS is sent, and what is made of everything it may answer.

mod keys;
mod queue;
mod server;

use serde_json::json;
use tokio::net::TcpListener;

use super::credentials::Source;
use super::*;
use crate::delivery::Kind;
use crate::delivery::send::sample;
use server::{Reply, Server};

const BODY: &str = r#"{"event":"crawling", "status":"initial", "event_id":"3fa85f64-5717-4562-b3fc-2c963f66afa6",
    "data":{"chatbot_id":"3fa85f64-5717-4562-b3fc-2c963f66afa6"}}"#;

/// Long enough for everything that should come.
const LONG: Duration = Duration::from_secs(20);

const SENT: &str = r#"{"MessageId":"5fea7756-0ea4-451a-a703-a558b933e274"}"#;

/// Keys that nothing may tell.
fn planted() -> Keys {
    Keys {
        access_key_id: "AKIAPLANTED".into(),
        secret_access_key: "planted-secret".into(),
        session_token: Some("planted-token".into()),
    }
}

fn settings(server: &Server, name: &str, source: Source) -> Settings {
    Settings {
        url: format!("http://{}/123456789012/{name}", server.address)
            .parse()
            .unwrap(),
        region: "eu-central-1".to_owned(),
        region_from: "the test",
        source,
        keys_from: "the settings of the test".to_owned(),
        proxy: true,
    }
}

fn sender_with(settings: &Settings, timeout: Duration) -> SqsSender {
    let destination = sample::destination(Kind::Sqs(settings.clone()), timeout);
    SqsSender::new(&destination, settings).unwrap()
}

fn sender(server: &Server, name: &str) -> SqsSender {
    sender_with(&settings(server, name, Source::Given(planted())), LONG)
}

fn reply(status: u16, body: &str) -> Reply {
    (status, body.to_owned(), Vec::new())
}

/// The report on an attempt that is answered so.
async fn report_on(reply: Reply) -> Report {
    let server = Server::start(move |_| reply.clone()).await;
    sender(&server, "notifications").send(sample::parcel(BODY)).await
}

#[tokio::test]
async fn a_fifo_queue_gets_body_headers_group_and_an_id_of_its_own_for_each_replay() {
    let server = Server::start(|_| reply(200, SENT)).await;
    let sender = sender(&server, "notifications.fifo");
    let mut replayed = sample::parcel(BODY);
    (replayed.attempt, replayed.replay_count) = (3, 2);

    let report = sender.send(sample::parcel(BODY)).await;
    let of_replay = sender.send(replayed).await;

    assert_eq!(
        (report.outcome, report.status, &*report.detail),
        (
            Outcome::Delivered,
            Some(200),
            "message 5fea7756-0ea4-451a-a703-a558b933e274"
        )
    );
    assert_eq!(of_replay.outcome, Outcome::Delivered);
    let [first, second] = &*server.requests() else {
        panic!("{:?}", server.lines());
    };
    assert_eq!(
        (
            &*first.line,
            first.header("x-amz-target"),
            first.header("content-type")
        ),
        ("POST /", "AmazonSQS.SendMessage", "application/x-amz-json-1.0")
    );
    assert_eq!(first.header("x-amz-security-token"), "planted-token");
    let authorization = first.header("authorization");
    assert!(
        authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKIAPLANTED/")
            && authorization.contains(
                "/eu-central-1/sqs/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, Signature="
            ),
        "{authorization}"
    );
    let mut sent = first.json();
    let timestamp = sent["MessageAttributes"]["webhook-timestamp"]["StringValue"].take();
    assert!(timestamp.as_str().unwrap().parse::<u64>().is_ok());
    let text = |value: &str| json!({"DataType": "String", "StringValue": value});
    let id = "01905c9b-0000-7000-8000-000000000001";
    assert_eq!(
        sent,
        json!({
            "QueueUrl": format!("http://{}/123456789012/notifications.fifo", server.address),
            "MessageBody": BODY,
            "MessageAttributes": {
                "webhook-id": text(id),
                "webhook-timestamp": {"DataType": "String", "StringValue": null},
                "content-type": text("application/json"),
                "caigunn-attempt": text("1"),
                "caigunn-event": text("crawling.initial"),
                "message-id": text(id),
            },
            "MessageGroupId": "3fa85f64-5717-4562-b3fc-2c963f66afa6",
            "MessageDeduplicationId": id,
        })
    );
    let second = second.json();
    assert_eq!(second["MessageDeduplicationId"], format!("{id}.2"));
    assert_eq!(second["MessageAttributes"]["webhook-id"], text(id));
    assert_eq!(
        second["MessageAttributes"]["message-id"],
        text(&format!("{id}.2"))
    );
}

#[tokio::test]
async fn a_standard_queue_gets_neither_a_group_nor_an_id_to_leave_out_repeats_by() {
    let server = Server::start(|_| reply(200, SENT)).await;

    let report = sender(&server, "notifications").send(sample::parcel(BODY)).await;

    assert_eq!(report.outcome, Outcome::Delivered);
    let sent = server.requests()[0].json();
    assert!(sent.get("MessageGroupId").is_none() && sent.get("MessageDeduplicationId").is_none());
}

#[tokio::test]
async fn what_is_answered_is_said_in_words_and_some_of_it_is_never_tried_again() {
    let less = Wish::Less { pause: None };
    let refused = Outcome::Refused;
    let small = "Reason: Message must be shorter than 1024 bytes.";
    for (status, kind, message, outcome, detail, wish) in [
        (
            400,
            "com.amazonaws.sqs#QueueDoesNotExist",
            "",
            refused,
            "answered 400 QueueDoesNotExist: there is no such queue in this account and region",
            Wish::None,
        ),
        (
            400,
            "AWS.SimpleQueueService.NonExistentQueue",
            "",
            refused,
            "answered 400 NonExistentQueue: there is no such queue in this account and region",
            Wish::None,
        ),
        (
            403,
            "com.amazon.coral.service#AccessDeniedException",
            "",
            refused,
            "answered 403 AccessDenied: the policies of the queue and of these keys do not allow it",
            Wish::None,
        ),
        (
            403,
            "InvalidClientTokenId",
            "",
            refused,
            "answered 403 InvalidClientTokenId: nobody has this access key",
            Wish::None,
        ),
        (
            403,
            "UnrecognizedClientException",
            "",
            refused,
            "answered 403 UnrecognizedClient: nobody has this access key",
            Wish::None,
        ),
        (
            403,
            "SignatureDoesNotMatch",
            "",
            refused,
            "answered 403 SignatureDoesNotMatch: the secret access key is another one, or the region is",
            Wish::None,
        ),
        (
            403,
            "ExpiredTokenException",
            "",
            refused,
            "answered 403 ExpiredToken: the session token has expired",
            Wish::None,
        ),
        (
            400,
            "com.amazonaws.sqs#KmsAccessDenied",
            "",
            refused,
            "answered 400 KmsAccessDenied: these keys may not use the key with which the queue is encrypted",
            Wish::None,
        ),
        (
            400,
            "com.amazonaws.sqs#KmsInvalidState",
            "",
            refused,
            "answered 400 KmsInvalidState: the key with which the queue is encrypted cannot be used",
            Wish::None,
        ),
        (
            400,
            "com.amazonaws.sqs#KmsThrottled",
            "",
            refused,
            "answered 400 KmsThrottled: AWS KMS is asked more often for the key with which the queue is encrypted than it answers",
            less,
        ),
        (
            403,
            "com.amazonaws.sqs#InvalidSecurity",
            "",
            refused,
            "answered 403 InvalidSecurity: it does not take these keys",
            Wish::None,
        ),
        (
            403,
            "com.amazon.coral.service#InvalidSignatureException",
            "Signature expired: 20240101T000000Z is now earlier than",
            refused,
            "answered 403 InvalidSignature: this machine's clock and that of SQS differ",
            Wish::None,
        ),
        (
            400,
            "com.amazonaws.sqs#RequestThrottled",
            "",
            refused,
            "answered 400 RequestThrottled",
            less,
        ),
        (
            400,
            "ThrottlingException",
            "",
            refused,
            "answered 400 Throttling",
            less,
        ),
        (
            400,
            "com.amazonaws.sqs#InvalidMessageContents",
            "",
            refused,
            "answered 400 InvalidMessageContents: it has a character that SQS does not take (U+FFFE, U+FFFF)",
            Wish::NeverThis,
        ),
        (
            400,
            "com.amazonaws.sqs#InvalidParameterValue",
            small,
            refused,
            "too large: the message has SIZE bytes with its attributes, and the queue takes 1024 at most",
            Wish::NeverThis,
        ),
        (
            400,
            "InvalidParameterValue",
            "another",
            refused,
            "answered 400 InvalidParameterValue",
            Wish::None,
        ),
        (
            413,
            "",
            "",
            refused,
            "too large: the message has SIZE bytes with its attributes",
            Wish::NeverThis,
        ),
        (
            500,
            "InternalFailure",
            "",
            Outcome::Failed,
            "answered 500 InternalFailure",
            Wish::None,
        ),
        (
            503,
            "ServiceUnavailable",
            "",
            Outcome::Failed,
            "answered 503 ServiceUnavailable",
            less,
        ),
        (302, "", "", refused, "answered 302", Wish::None),
    ] {
        let report = report_on(reply(
            status,
            &json!({"__type": kind, "message": message, "Message": message}).to_string(),
        ))
        .await;

        let numbered = report.detail.split(' ').map(|word| match word.parse::<usize>() {
            Ok(number)
                if number > 200
                    && number < 1024
                    && report.wish == Wish::NeverThis
                    && status != number as u16 =>
            {
                "SIZE"
            }
            _ => word,
        });
        assert_eq!(numbered.collect::<Vec<_>>().join(" "), detail);
        assert_eq!((report.outcome, report.wish), (outcome, wish), "{detail}");
        assert_eq!(report.status, Some(status.into()));
    }
}

#[tokio::test]
async fn what_is_no_sqs_has_taken_nothing() {
    for body in ["<html>Welcome</html>", "{}", r#"{"MessageId":""}"#, ""] {
        let report = report_on(reply(200, body)).await;

        assert_eq!(
            (report.outcome, &*report.detail),
            (
                Outcome::Failed,
                "answered 200 without a message id, so it is no SQS"
            )
        );
    }
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_named() {
    let body = json!({"__type": "SignatureDoesNotMatch", "message": "Signature expired"}).to_string();
    let date = "Tue, 30 Jul 2024 09:15:00 GMT".to_owned();

    let report = report_on((403, body, vec![("date", date)])).await;

    let start = "answered 403 SignatureDoesNotMatch: this machine's clock and that of SQS differ by ";
    assert!(report.detail.starts_with(start), "{}", report.detail);
}

#[tokio::test]
async fn a_pause_is_as_long_as_it_is_asked_for() {
    let report = report_on((503, "{}".to_owned(), vec![("retry-after", "7".to_owned())])).await;

    let pause = Some(Duration::from_secs(7));
    assert_eq!(report.wish, Wish::Less { pause });
}

#[tokio::test]
async fn a_message_over_the_limit_is_not_sent_and_never_tried_again() {
    let server = Server::start(|_| reply(200, SENT)).await;
    let sender = sender(&server, "notifications");
    let of = |length: usize| sample::parcel(&BODY.replacen('{', &format!("{{{}", " ".repeat(length)), 1));

    let report = sender.send(of(MAX_MESSAGE_BYTES)).await;
    let below = sender.send(of(MAX_MESSAGE_BYTES - 1024)).await;

    assert_eq!((report.outcome, report.wish), (Outcome::Ours, Wish::NeverThis));
    let end = "bytes with its attributes, and the queue takes 1048576 at most";
    assert!(
        report.detail.starts_with("too large: the message has 104") && report.detail.ends_with(end),
        "{}",
        report.detail
    );
    assert_eq!(below.outcome, Outcome::Delivered);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn what_is_no_text_is_not_sent_and_never_tried_again() {
    let server = Server::start(|_| reply(200, SENT)).await;
    let mut parcel = sample::parcel(BODY);
    parcel.body = bytes::Bytes::from_static(b"{\"event\":\"\xff\"}");

    let report = sender(&server, "notifications").send(parcel).await;

    assert_eq!((report.outcome, report.wish), (Outcome::Ours, Wish::NeverThis));
    assert_eq!(
        report.detail,
        "not sent: SQS takes text, and the body is not UTF-8"
    );
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn what_is_told_back_of_the_keys_is_left_out() {
    let body = json!({
        "__type": "SignatureDoesNotMatch",
        "message": "x-amz-security-token:planted-token AKIAPLANTED planted-secret",
    });

    let report = report_on(reply(403, &body.to_string())).await;

    let printed = format!("{report:?}");
    assert!(!printed.to_lowercase().contains("planted"), "{printed}");
    assert!(printed.contains("x-amz-security-token:[hidden]"), "{printed}");
    let named = report_on(reply(403, r#"{"__type": "Odd planted-secret"}"#)).await;
    assert_eq!(named.detail, "answered 403 Odd [hidden]");
}

#[tokio::test]
async fn nobody_there_and_no_answer_are_told_apart() {
    let gone = Server::start(|_| reply(200, SENT)).await;
    let settings = settings(&gone, "notifications", Source::Given(planted()));
    let place = gone.address;
    drop(gone);
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut of_silent = settings.clone();
    of_silent
        .url
        .set_port(Some(silent.local_addr().unwrap().port()))
        .unwrap();

    let unreachable = sender_with(&settings, LONG).send(sample::parcel(BODY)).await;
    let timeout = sender_with(&of_silent, Duration::from_secs(2))
        .send(sample::parcel(BODY))
        .await;

    assert_eq!(unreachable.outcome, Outcome::Unreachable);
    assert!(
        unreachable
            .detail
            .starts_with(&format!("cannot connect to {place}: ")),
        "{}",
        unreachable.detail
    );
    let silent = silent.local_addr().unwrap();
    assert_eq!(
        (timeout.outcome, timeout.detail),
        (Outcome::Timeout, format!("no answer from {silent} within 2 s"))
    );
}
