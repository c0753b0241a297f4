//! Answers: the status decides, and the rest costs little.

use tokio::time::Instant;

use super::*;
use crate::inbox::outbox::MAX_ANSWER_BYTES;

fn answer(status: u16, more: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} Reason\r\n{more}content-length: 4\r\n\r\nsaid").into_bytes()
}

#[tokio::test]
async fn the_status_decides() {
    let less = Wish::Less { pause: None };
    for (status, outcome, wish) in [
        (200, Outcome::Delivered, Wish::None),
        (201, Outcome::Delivered, Wish::None),
        (299, Outcome::Delivered, Wish::None),
        (400, Outcome::Refused, Wish::None),
        (401, Outcome::Refused, Wish::None),
        (404, Outcome::Refused, Wish::None),
        (410, Outcome::Refused, Wish::Nothing),
        (429, Outcome::Refused, less),
        (500, Outcome::Failed, Wish::None),
        (502, Outcome::Failed, less),
        (503, Outcome::Failed, less),
        (504, Outcome::Failed, less),
        (505, Outcome::Failed, Wish::None),
        (519, Outcome::Failed, Wish::None),
        (520, Outcome::Failed, less),
        (530, Outcome::Failed, less),
        (531, Outcome::Failed, Wish::None),
        (599, Outcome::Failed, Wish::None),
        (999, Outcome::Failed, Wish::None),
    ] {
        assert_eq!(
            report_on(&answer(status, ""), Then::Keep, LONG).await,
            Report {
                outcome,
                status: Some(status.into()),
                detail: format!("answered {status}"),
                answer: "said".into(),
                wish,
            }
        );
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Server::start(OK, Then::Keep).await;
    let url = elsewhere.url("/moved?to=here").to_string();
    let there = format!("; this one leads to {}", elsewhere.url(""));
    let within = "; this one leads to another path there";
    for (status, location, why) in [
        (301, &*url, &*there),
        (302, "/sign-in", within),
        (
            303,
            "//user:pass@app.example/x",
            "; this one leads to http://app.example",
        ),
        (307, "http://[", ""),
        (308, "mailto:a@b.example", ""),
        // It leads nowhere.
        (304, &*url, ""),
    ] {
        let why = [": redirects are not followed", ""][usize::from(status == 304)].to_owned() + why;
        let location = format!("location: {location}\r\n");

        let report = report_on(&answer(status, &location), Then::Keep, LONG).await;

        assert_eq!(report.outcome, Outcome::Refused);
        assert_eq!(report.detail, format!("answered {status}{why}"));
    }
    assert_eq!(elsewhere.connection_count(), 0);
}

#[tokio::test]
async fn an_answer_that_changes_the_protocol_is_no_success() {
    let report = report_on(
        b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
        Then::Hang,
        SHORT,
    )
    .await;

    assert_ne!(report.outcome, Outcome::Delivered, "{report:?}");
}

#[tokio::test]
async fn a_destination_can_ask_for_a_pause_of_an_hour_at_most() {
    let at = |wait: Duration| {
        let at = jiff::Timestamp::from_microsecond(Timestamp::now().plus(wait).as_micros()).unwrap();
        jiff::fmt::rfc2822::DateTimePrinter::new()
            .timestamp_to_rfc9110_string(&at)
            .unwrap()
    };
    let hour = Duration::from_secs(3600);
    for (retry_after, least, most) in [
        ("7".to_owned(), Duration::from_secs(7), Duration::from_secs(7)),
        ("0".to_owned(), Duration::ZERO, Duration::ZERO),
        ("3601".to_owned(), hour, hour),
        (u64::MAX.to_string(), hour, hour),
        (
            at(Duration::from_secs(60)),
            Duration::from_secs(50),
            Duration::from_secs(60),
        ),
        (at(hour * 24), hour, hour),
        (
            "Fri, 31 Dec 1999 23:59:59 GMT".to_owned(),
            Duration::ZERO,
            Duration::ZERO,
        ),
    ] {
        let header = format!("retry-after: {retry_after}\r\n");

        for status in [429, 503] {
            let report = report_on(&answer(status, &header), Then::Keep, LONG).await;

            assert!(matches!(report.wish, Wish::Less { pause: Some(_) }), "{report:?}");
            let pause = report.wish.pause();
            assert!((least..=most).contains(&pause), "{retry_after}: {pause:?}");
        }
    }
    for garbage in ["soon", "-7", "7.5", ""] {
        let header = format!("retry-after: {garbage}\r\n");

        let report = report_on(&answer(503, &header), Then::Keep, LONG).await;

        assert_eq!(report.wish, Wish::Less { pause: None }, "{garbage}");
    }
}

#[tokio::test]
async fn of_an_endless_answer_the_beginning_is_kept_and_the_connection_ended() {
    for head in [
        "HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n",
    ] {
        let mut server = Server::start(head.as_bytes(), Then::Flood).await;
        let sender = sender(&server);
        let start = Instant::now();

        let report = sender.send(sample::parcel(BODY)).await;

        assert!(start.elapsed() < LONG, "{:?}", start.elapsed());
        assert_eq!(report.outcome, Outcome::Delivered);
        assert_eq!(report.answer, vec![b'x'; MAX_ANSWER_BYTES]);
        server.until_ended().await;
    }
}

#[tokio::test]
async fn an_answer_as_long_as_is_kept_lets_the_connection_be_used_again() {
    let body = "x".repeat(MAX_ANSWER_BYTES);
    let answer = format!(
        "HTTP/1.1 500 Broken\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let server = Server::start(answer.as_bytes(), Then::Keep).await;
    let sender = sender(&server);

    for _ in 0..2 {
        assert_eq!(sender.send(sample::parcel(BODY)).await.answer, body);
    }

    assert_eq!(server.connection_count(), 1);
}

#[tokio::test]
async fn the_status_stands_though_the_body_never_ends() {
    for (status, outcome) in [(200, Outcome::Delivered), (500, Outcome::Failed)] {
        let head = format!("HTTP/1.1 {status} Reason\r\ncontent-length: 9999\r\n\r\nsaid");
        for then in [Then::Close, Then::Hang, Then::Drip] {
            let start = Instant::now();

            let report = report_on(head.as_bytes(), then, SHORT).await;

            assert_eq!((report.outcome, report.status), (outcome, Some(status)));
            assert!(report.answer.starts_with(b"said"), "{report:?}");
            assert!(start.elapsed() < LONG, "{:?}", start.elapsed());
        }
    }
}

#[tokio::test]
async fn a_body_that_hangs_is_not_waited_for_as_long_as_the_timeout() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\nsaid";
    let start = Instant::now();

    let report = report_on(head, Then::Hang, LONG).await;

    assert_eq!(report.outcome, Outcome::Delivered);
    assert!(start.elapsed() < LONG / 2, "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_secret_that_is_told_back_is_hidden_though_it_is_cut() {
    let secret = "Bearer hunter2-hunter2";
    let echo = format!("{}{secret}", "-".repeat(MAX_ANSWER_BYTES - 10));
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{echo}", echo.len());
    let server = Server::start(answer.as_bytes(), Then::Keep).await;
    let sender = sender_with(
        &Settings {
            headers: HeaderMap::from_iter([header("authorization", secret).unwrap()]),
            proxy: true,
            ..settings(&server.url("/"))
        },
        LONG,
    );

    let report = sender.send(sample::parcel(BODY)).await;

    assert_eq!(report.answer, "-".repeat(MAX_ANSWER_BYTES - 10));
}

#[tokio::test]
async fn path_and_query_are_hidden_where_they_are_told_back() {
    let echo = "cannot POST /hooks/hunter2?key=hunter2: no /hooks/hunter2 here, with key=hunter2";
    let answer = format!(
        "HTTP/1.1 404 Not Found\r\ncontent-length: {}\r\n\r\n{echo}",
        echo.len()
    );
    let server = Server::start(answer.as_bytes(), Then::Keep).await;
    let sender = sender_with(&settings(&server.url("/hooks/hunter2?key=hunter2")), LONG);

    let report = sender.send(sample::parcel(BODY)).await;

    assert_eq!(
        report.answer,
        "cannot POST /[hidden]?[hidden]: no /[hidden] here, with [hidden]"
    );
}

#[tokio::test]
async fn what_is_told_back_otherwise_than_it_was_sent_is_hidden_too() {
    let echo =
        "no token hunter2-hunter2; no /hook/hunter2+more here; no hunter2%2Bsome, which is hunter2+some";
    let answer = format!("HTTP/1.1 401 No\r\ncontent-length: {}\r\n\r\n{echo}", echo.len());
    let server = Server::start(answer.as_bytes(), Then::Keep).await;
    let sender = sender_with(
        &Settings {
            headers: HeaderMap::from_iter([header("authorization", "Bearer hunter2-hunter2").unwrap()]),
            ..settings(&server.url("/hook/hunter2%2Bmore?a=1&key=hunter2%2Bsome"))
        },
        LONG,
    );

    let report = sender.send(sample::parcel(BODY)).await;

    assert_eq!(
        report.answer,
        "no token [hidden]; no /[hidden] here; no [hidden], which is [hidden]"
    );
}

#[tokio::test]
async fn a_user_and_a_password_are_hidden_as_they_are_read() {
    // In base64 with what fills it up, and without.
    for (sent, user) in [
        ("Basic YXBwOmh1bnRlcjI6aHVudGVyMg==", "app"),
        ("basic YTpodW50ZXIyOmh1bnRlcjI", "a"),
    ] {
        let echo = format!("{user}:hunter2:hunter2 is unknown, or hunter2:hunter2 is wrong");
        let answer = format!("HTTP/1.1 401 No\r\ncontent-length: {}\r\n\r\n{echo}", echo.len());
        let server = Server::start(answer.as_bytes(), Then::Keep).await;
        let sender = sender_with(
            &Settings {
                headers: HeaderMap::from_iter([header("authorization", sent).unwrap()]),
                ..settings(&server.url("/"))
            },
            LONG,
        );

        let report = sender.send(sample::parcel(BODY)).await;

        assert_eq!(
            report.answer, "[hidden] is unknown, or [hidden] is wrong",
            "{sent}"
        );
    }
}

#[tokio::test]
async fn what_is_told_back_in_json_is_hidden_too() {
    let header_values = [
        ("authorization", "Token token=\"hunter2-hunter2\""),
        ("x-sign", "k=\"hunter2/and+more\""),
        ("x-key", "hunter2/and+another"),
    ];
    let values = header_values.map(|(_, value)| value);
    let plain = serde_json::to_string(&values).unwrap();
    for (echo, expected) in [
        (plain.clone(), "[\"[hidden]\",\"[hidden]\",\"[hidden]\"]"),
        // PHP
        (
            plain.replace('/', "\\/"),
            "[\"[hidden]\",\"[hidden]\",\"[hidden]\"]",
        ),
        // .NET
        (
            plain.replace("\\\"", "\\u0022").replace('+', "\\u002B"),
            "[\"[hidden]\",\"[hidden]\",\"[hidden]\"]",
        ),
        (
            "no hunter2-hunter2, no hunter2/and+more".to_owned(),
            "no [hidden], no [hidden]",
        ),
    ] {
        let answer = format!("HTTP/1.1 401 No\r\ncontent-length: {}\r\n\r\n{echo}", echo.len());
        let server = Server::start(answer.as_bytes(), Then::Keep).await;
        let headers = header_values.map(|(name, value)| header(name, value).unwrap());
        let settings = Settings {
            headers: HeaderMap::from_iter(headers),
            ..settings(&server.url("/"))
        };

        let report = sender_with(&settings, LONG).send(sample::parcel(BODY)).await;

        assert_eq!(report.answer, expected, "{echo}");
    }
}

#[tokio::test]
async fn an_answer_with_headers_of_an_older_form_or_with_many_is_an_answer() {
    let many: String = (0..150)
        .map(|number| format!("x-{number}: {number}\r\n"))
        .collect();
    for headers in [&*many, "x-long: a\r\n b\r\n", "x-spaced : b\r\n"] {
        let answer = format!("HTTP/1.1 200 OK\r\n{headers}content-length: 2\r\n\r\nok");
        let server = Server::start(answer.as_bytes(), Then::Keep).await;

        let report = sender(&server).send(sample::parcel(BODY)).await;

        assert_eq!(
            (report.outcome, report.status),
            (Outcome::Delivered, Some(200)),
            "{report:?}"
        );
    }
}

#[tokio::test]
async fn a_line_that_is_no_header_makes_no_other_answer_of_a_200() {
    for (line, connection_count) in [
        ("x-broken: a\x01b", 1),
        ("no header", 1),
        (": nameless", 1),
        // Without its length the body goes on to the end of the connection, which no other request is sent on.
        ("content-length 2", 2),
        ("content-length: 2\x01", 2),
    ] {
        let length = ["content-length: 2\r\n", ""][usize::from(connection_count == 2)];
        let answer = format!("HTTP/1.1 200 OK\r\n{line}\r\n{length}\r\nok");
        let server = Server::start(answer.as_bytes(), Then::Keep).await;
        let sender = sender(&server);

        for _ in 0..2 {
            let report = sender.send(sample::parcel(BODY)).await;

            assert_eq!(report.outcome, Outcome::Delivered, "{line:?}: {report:?}");
            assert_eq!(report.answer, "ok");
        }

        assert_eq!(server.connection_count(), connection_count, "{line:?}");
    }
}
