//! What an operator is told of a queue.

use super::*;
use crate::delivery::look::Sight;

async fn look_at(answer: Reply, name: &str) -> Vec<String> {
    let server = Server::start(move |_| answer.clone()).await;
    let settings = settings(&server, name, Source::Given(planted()));
    let mut sights = look(&settings).await.unwrap();
    assert_eq!(
        server.requests()[0].header("x-amz-target"),
        "AmazonSQS.GetQueueAttributes"
    );
    let whence =
        "its keys are to come from the settings of the test; its region, eu-central-1, is that of the test";
    assert_eq!(sights.remove(0), Sight::Good(whence.to_owned()));
    let shown = sights.into_iter().map(|sight| match sight {
        Sight::Good(what) => format!("good: {what}"),
        Sight::Doubtful { what, .. } => format!("doubtful: {what}"),
        Sight::Bad { what, .. } => format!("bad: {what}"),
    });
    shown.collect()
}

fn attributes(retention_seconds: u64) -> Reply {
    let attributes =
        json!({"MaximumMessageSize": "262144", "MessageRetentionPeriod": retention_seconds.to_string()});
    reply(200, &json!({"Attributes": attributes}).to_string())
}

#[tokio::test]
async fn a_queue_is_there_or_not_or_forgets_soon() {
    let there = "queue is there and takes messages of 262144 bytes at most, which is the queue's to set up to 1048576";
    for (answer, name, expected) in [
        (attributes(345_600), "notifications.fifo", vec![format!("good: the FIFO {there}")]),
        (
            attributes(3_600),
            "notifications",
            vec![
                format!("good: the standard {there}"),
                "doubtful: the queue drops what nobody has taken for 60 min".to_owned(),
            ],
        ),
        (
            reply(400, r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist"}"#),
            "notifications",
            vec!["bad: answered 400 QueueDoesNotExist: there is no such queue in this account and region".to_owned()],
        ),
        (
            reply(403, r#"{"__type":"InvalidClientTokenId"}"#),
            "notifications",
            vec!["bad: answered 403 InvalidClientTokenId: nobody has this access key".to_owned()],
        ),
        (
            reply(403, r#"{"__type":"AccessDeniedException"}"#),
            "notifications",
            vec![
                "doubtful: answered 403 AccessDenied: the policies of the queue and of these keys do not allow it; whether \
                 messages can be sent is not known"
                    .to_owned(),
            ],
        ),
        (reply(200, "<html>"), "notifications", vec!["bad: what answers there is no SQS".to_owned()]),
    ] {
        assert_eq!(look_at(answer, name).await, expected);
    }
}

#[tokio::test]
async fn what_is_to_be_done_is_told_by_what_is_at_fault() {
    for (status, kind, message, part) in [
        (400, "QueueDoesNotExist", "", "make the queue"),
        (403, "InvalidClientTokenId", "", "access key is there"),
        (403, "ExpiredToken", "", "access key is there"),
        (403, "SignatureDoesNotMatch", "", "secret_access_key belongs"),
        (403, "SignatureDoesNotMatch", "Signature expired: 2024", "clock"),
        (403, "RequestTimeTooSkewed", "", "clock"),
        (400, "KmsDisabled", "", "AWS KMS is enabled"),
        (400, "KmsThrottled", "", "nothing, unless"),
        (400, "RequestThrottled", "", "nothing, unless"),
        (503, "ServiceUnavailable", "", "nothing, unless"),
        (500, "InternalFailure", "", "nothing, unless"),
        (400, "InvalidAddress", "", "see that the URL, the region"),
    ] {
        let body = json!({"__type": kind, "message": message}).to_string();
        let server = Server::start(move |_| reply(status, &body)).await;
        let settings = settings(&server, "notifications", Source::Given(planted()));

        let sight = look(&settings).await.unwrap().remove(1);

        assert!(
            matches!(sight, Sight::Bad { advice, .. } if advice.contains(part)),
            "{kind}: {sight:?}"
        );
    }
}
