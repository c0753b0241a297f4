//! Keys that are not given: where they are asked for, and when again.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::server::Request;
use super::*;
use crate::delivery::sqs::credentials::Authorization;

/// As ECS, EKS and EC2 answer, with keys that end then and bear a number.
fn keys(number: usize, expiration: &str) -> String {
    json!({
        "Code": "Success",
        "AccessKeyId": format!("AKIA{number}"),
        "SecretAccessKey": "planted-secret",
        "Token": format!("planted-token-{number}"),
        "Expiration": expiration,
    })
    .to_string()
}

const FAR: &str = "2999-01-01T00:00:00Z";

/// The numbers of the keys that messages were sent with.
fn used(service: &Server) -> Vec<String> {
    let requests = service.requests().into_iter();
    let all = requests.map(|request| request.header("x-amz-security-token").to_owned());
    all.map(|token| token.replace("planted-token-", "")).collect()
}

async fn container(expiration: &'static str) -> Server {
    let count = Arc::new(AtomicUsize::new(0));
    Server::start(move |_| reply(200, &keys(count.fetch_add(1, Ordering::SeqCst), expiration))).await
}

fn of_container(address: &Server, authorization: Authorization) -> Source {
    let url = format!("http://{}/v1/credentials", address.address)
        .parse()
        .unwrap();
    Source::Container(url, authorization)
}

#[tokio::test]
async fn a_containers_keys_are_asked_for_once_with_the_token_in_its_file() {
    let (service, address) = (Server::start(|_| reply(200, SENT)).await, container(FAR).await);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "shown\n").unwrap();
    let source = of_container(&address, Authorization::File(file));
    let sender = sender_with(&settings(&service, "notifications", source), LONG);

    for _ in 0..2 {
        assert_eq!(
            sender.send(sample::parcel(BODY)).await.outcome,
            Outcome::Delivered
        );
    }

    assert_eq!(address.lines(), ["GET /v1/credentials"]);
    assert_eq!(address.requests()[0].header("authorization"), "shown");
    assert_eq!(used(&service), ["0", "0"]);
}

#[tokio::test]
async fn what_waited_for_its_keys_in_vain_was_not_sent() {
    let service = Server::start(|_| reply(200, SENT)).await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let source = Source::Container(url.parse().unwrap(), Authorization::None);
    let sender = sender_with(
        &settings(&service, "notifications", source),
        Duration::from_secs(1),
    );

    let report = sender.send(sample::parcel(BODY)).await;

    assert_eq!(report.outcome, Outcome::Ours);
    assert_eq!(
        report.detail,
        "no keys from the settings of the test: none came within 0.9 s"
    );
    assert!(service.requests().is_empty());
}

#[tokio::test]
async fn an_address_whose_keys_have_ended_is_not_asked_for_each_message() {
    let service = Server::start(|_| reply(200, SENT)).await;
    let address = container("2024-07-30T09:15:00Z").await;
    let source = of_container(&address, Authorization::Token("shown".into()));
    let sender = sender_with(&settings(&service, "notifications", source), LONG);

    for _ in 0..3 {
        assert_eq!(
            sender.send(sample::parcel(BODY)).await.outcome,
            Outcome::Delivered
        );
    }

    assert_eq!(used(&service), ["0", "0", "0"]);
}

#[tokio::test]
async fn who_waits_for_keys_gets_the_one_answer_that_there_are_none() {
    let service = Server::start(|_| reply(200, SENT)).await;
    let address = Server::start(|_| reply(500, "")).await;
    let source = of_container(&address, Authorization::None);
    let sender = sender_with(&settings(&service, "notifications", source), LONG);

    let attempts = (0..4).map(|_| sender.send(sample::parcel(BODY)));
    let reports = futures_util::future::join_all(attempts).await;

    for report in reports {
        assert_eq!(report.outcome, Outcome::Ours, "{report:?}");
        assert!(report.detail.contains("no keys"), "{report:?}");
    }
    assert_eq!(address.lines().len(), 1);
    assert!(service.requests().is_empty());
}

#[tokio::test]
async fn keys_that_sqs_refuses_are_replaced_within_the_attempt_though_they_have_not_ended() {
    for kind in [
        "com.amazon.coral.service#ExpiredTokenException",
        "com.amazon.coral.service#UnrecognizedClientException",
        "com.amazonaws.sqs#InvalidSecurity",
        "InvalidClientTokenId",
    ] {
        let refused = json!({"__type": kind}).to_string();
        let answer = move |request: &Request| match request.header("x-amz-security-token") {
            "planted-token-0" => reply(403, &refused),
            _ => reply(200, SENT),
        };
        let (service, address) = (Server::start(answer).await, container(FAR).await);
        let source = of_container(&address, Authorization::None);
        let sender = sender_with(&settings(&service, "notifications", source), LONG);

        let report = sender.send(sample::parcel(BODY)).await;

        assert_eq!(report.outcome, Outcome::Delivered, "{report:?}");
        assert_eq!(used(&service), ["0", "1"]);
    }
}

#[tokio::test]
async fn keys_that_are_refused_and_come_again_are_not_shown_twice_in_an_attempt() {
    let refused = json!({"__type": "InvalidClientTokenId"}).to_string();
    let service = Server::start(move |_| reply(403, &refused)).await;
    let address = Server::start(|_| reply(200, &keys(0, FAR))).await;
    let source = of_container(&address, Authorization::None);
    let sender = sender_with(&settings(&service, "notifications", source), LONG);

    let report = sender.send(sample::parcel(BODY)).await;

    assert_eq!(
        (report.outcome, &*report.detail),
        (
            Outcome::Refused,
            "answered 403 InvalidClientTokenId: nobody has this access key"
        )
    );
    assert_eq!(used(&service), ["0"]);
    assert_eq!(address.lines().len(), 2);
}

#[tokio::test]
async fn a_machines_keys_are_those_of_its_role_for_whoever_has_a_token() {
    let service = Server::start(|_| reply(200, SENT)).await;
    let answer = |request: &Request| {
        let is_shown = request
            .headers
            .get("x-aws-ec2-metadata-token")
            .is_some_and(|token| token == "shown");
        match &*request.line {
            "PUT /latest/api/token" if request.header("x-aws-ec2-metadata-token-ttl-seconds") == "60" => {
                reply(200, "shown")
            }
            "GET /latest/meta-data/iam/security-credentials/" if is_shown => reply(200, "receiver\n"),
            "GET /latest/meta-data/iam/security-credentials/receiver" if is_shown => {
                reply(200, &keys(7, FAR))
            }
            _ => reply(401, ""),
        }
    };
    let machine = Server::start(answer).await;
    let source = Source::Instance(format!("http://{}/", machine.address).parse().unwrap());

    let report = sender_with(&settings(&service, "notifications", source), LONG)
        .send(sample::parcel(BODY))
        .await;

    assert_eq!(
        report.outcome,
        Outcome::Delivered,
        "{report:?} {:?}",
        machine.lines()
    );
    assert_eq!(used(&service), ["7"]);
}

#[tokio::test]
async fn without_keys_nothing_is_sent_and_the_reason_holds_no_secret() {
    let service = Server::start(|_| reply(200, SENT)).await;
    for (answer, reason) in [
        (reply(404, "planted"), "answered 404: there is no role for this"),
        (
            reply(403, "planted"),
            "answered 403: it does not take what it was shown",
        ),
        (
            reply(200, r#"{"SecretAccessKey":"planted"}"#),
            "what the credentials address answered has none",
        ),
    ] {
        let address = Server::start(move |_| answer.clone()).await;
        let source = of_container(&address, Authorization::Token("planted".into()));
        let sender = sender_with(&settings(&service, "notifications", source), LONG);

        let report = sender.send(sample::parcel(BODY)).await;

        assert_eq!(report.outcome, Outcome::Ours);
        assert!(
            report
                .detail
                .starts_with("no keys from the settings of the test: ")
                && report.detail.ends_with(reason),
            "{}",
            report.detail
        );
        assert!(!format!("{report:?}").contains("planted"), "{report:?}");
    }
    assert_eq!(service.lines(), Vec::<String>::new());
}
