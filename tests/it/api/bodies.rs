//! What is read of a good answer, and how much.

use super::*;

#[tokio::test]
async fn a_good_answer_that_is_not_the_documented_one_is_unexpected_and_its_place_is_named() {
    let no_json: [(&str, &str); 3] = [
        ("", "the body is not JSON from line 1, column 0 on"),
        (
            "<html>s3cr3t</html>",
            "the body is not JSON from line 1, column 1 on",
        ),
        (r#"{"s3cr3t":"#, "the body is not JSON from line 1, column 10 on"),
    ];
    let of_one_route = [
        (Route::Chatbots, r#"[["s3cr3t"]]"#, "the body is not an object"),
        (Route::Chatbot, r#""s3cr3t""#, "the body is not an object"),
        (Route::Chatbots, "{}", "/chatbots is missing"),
        (Route::Chatbots, r#"{"chatbots":null}"#, "/chatbots is missing"),
        (
            Route::Chatbots,
            r#"{"chatbots":{"0":"s3cr3t"}}"#,
            "/chatbots is not a list",
        ),
        (
            Route::EventLog,
            r#"{"detail":"s3cr3t"}"#,
            "/webhook_logs is missing",
        ),
        (
            Route::EventLog,
            r#"{"webhook_logs":"s3cr3t"}"#,
            "/webhook_logs is not a list",
        ),
        (Route::RefreshToken, r#"{"detail":"s3cr3t"}"#, "/token is missing"),
        (
            Route::RefreshToken,
            r#"{"token":{"s3cr3t":1}}"#,
            "/token is not text",
        ),
        (Route::RefreshToken, r#"{"token":""}"#, "/token is empty"),
    ];
    let provider = Provider::start([]).await;
    let error_of = async |route, body| {
        provider.reply(route, [Reply::Text(200, body)]);
        call(&client(&provider.url()), route, "key-one")
            .await
            .unwrap_err()
    };
    for (route, body, expected) in of_one_route {
        assert_eq!(
            error_of(route, body).await,
            unexpected(200, expected),
            "{route:?} {body}"
        );
    }
    // A page of a site that is maintained is no answer to any call.
    for route in ROUTES {
        for (body, expected) in no_json {
            // What has nothing to tell may say nothing.
            if body.is_empty() && matches!(route, Route::PutWebhook | Route::DeleteWebhook) {
                continue;
            }
            assert_eq!(
                error_of(route, body).await,
                no_api(200, expected),
                "{route:?} {body}"
            );
        }
    }
    // Whatever JSON it is says that the URL was taken or forgotten, and so does nothing at all.
    for route in [Route::PutWebhook, Route::DeleteWebhook] {
        for (status, body, quoted) in [
            (200, "[7]", "[7]"),
            (204, "", "(no body)"),
            (200, "", "(no body)"),
            (201, " \n", "(no body)"),
        ] {
            provider.reply(route, [Reply::Text(status, body)]);

            let said = call(&client(&provider.url()), route, "key-one").await.unwrap();

            assert_eq!(said, quoted, "{route:?}");
        }
    }
}

#[tokio::test]
async fn a_byte_order_mark_before_an_answer_is_passed_over() {
    const PUT: &str = "\u{feff}{\"detail\": \"taken\"}";
    let provider = Provider::start([]).await;
    let client = client(&provider.url());
    for (route, body) in [
        (Route::PutWebhook, PUT),
        (Route::Chatbots, "\u{feff}{\"chatbots\": []}"),
        (Route::EventLog, "\u{feff}{\"webhook_logs\": []}"),
        (Route::Chatbot, "\u{feff}{\"webhook_url\": null}"),
    ] {
        provider.reply(route, [Reply::Text(200, body)]);
        let answer = call(&client, route, "key-one").await;
        assert!(answer.is_ok(), "{route:?}: {answer:?}");
    }
    provider.reply(Route::PutWebhook, [Reply::Text(422, PUT)]);

    let refused = call(&client, Route::PutWebhook, "key-one").await;

    let expected = Error::Invalid {
        whose: whose(Route::PutWebhook, "key-one"),
        status: 422,
        detail: "taken".to_owned(),
    };
    assert_eq!(refused, Err(expected));
}

#[tokio::test]
async fn an_answer_that_is_compressed_although_nobody_asked_for_it_is_named_as_such() {
    for status in [200, 401] {
        let head = head(status, "content-encoding: gzip\r\n");
        let address = answering(head, b"\x1f\x8b\x08\x00", false).await;

        let error = call(&client(&format!("http://{address}")), Route::Chatbots, "").await;

        let detail = "the body is encoded (content-encoding: gzip), which was not asked for";
        assert_eq!(error, Err(no_api(status, detail)));
    }
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_hides_no_chatbot_and_is_named_by_what_is_wrong() {
    let provider = Provider::start([]).await;
    let key = |number: u128| json!({"id": Uuid::from_u128(number), "title": "A", "api_key": "key"});
    let with = |number: u128, name: &str, value: Value| {
        let mut entry = key(number);
        entry[name] = value;
        entry
    };
    let entries = vec![
        with(1, "title", json!(5)),
        with(2, "api_key", json!(null)),
        json!(null),
        with(3, "id", json!(17)),
        with(4, "is_deleted", json!(1)),
        with(5, "is_deleted", json!("false")),
        json!(["s3cr3t"]),
        json!({"api_key": "s3cr3t"}),
        with(6, "id", json!("s3cr3t")),
        with(7, "api_key", json!("")),
        with(8, "api_key", json!({"s3cr3t": 1})),
        with(9, "api_key", json!(4711)),
        with(10, "is_deleted", json!(null)),
        with(11, "title", json!({})),
    ];
    provider.reply(Route::Chatbots, [text(&json!({ "chatbots": entries }))]);

    let listing = client(&provider.url()).chatbots().await.unwrap();

    let found: Vec<_> = listing
        .chatbots
        .iter()
        .map(|chatbot| {
            (
                chatbot.id.uuid().as_u128(),
                &*chatbot.title,
                chatbot.api_key.expose_secret(),
            )
        })
        .filter(|(_, _, key)| *key != "key-one")
        .collect();
    let expected = [
        (1, "5", "key"),
        (5, "A", "key"),
        (9, "A", "4711"),
        (10, "A", "key"),
        (11, "", "key"),
    ];
    assert_eq!(found, expected);
    let id = |number| Uuid::from_u128(number);
    assert_eq!(
        listing.unreadable.named,
        [
            format!("/chatbots/1/api_key is missing (chatbot {})", id(2)),
            "/chatbots/2 is missing".to_owned(),
            "/chatbots/3/id is not a UUID".to_owned(),
            "/chatbots/6 is not an object".to_owned(),
            "/chatbots/7/id is missing".to_owned(),
            "/chatbots/8/id is not a UUID".to_owned(),
            format!("/chatbots/9/api_key is empty (chatbot {})", id(7)),
            format!("/chatbots/10/api_key is not text (chatbot {})", id(8)),
        ]
    );
}

#[tokio::test]
async fn of_many_entries_that_cannot_be_read_few_are_named_and_all_are_counted() {
    let provider = Provider::start([]).await;
    let pages = [0, 1].map(|page| {
        let entries: Vec<_> = (0..30).map(|number| json!({"id": page * 30 + number})).collect();
        text(&json!({ "chatbots": entries }))
    });
    provider.reply(Route::Chatbots, pages.clone());
    // From here on, whatever the offset.
    provider.reply(Route::Chatbots, [pages[1].clone()]);

    let listing = client(&provider.url()).chatbots().await.unwrap();

    assert_eq!(
        (listing.unreadable.count, listing.unreadable.named.len()),
        (60, 20)
    );
    assert_eq!(listing.unreadable.named[0], "/chatbots/0/id is not a UUID");
}

#[tokio::test]
async fn a_body_without_end_is_read_in_part() {
    // JSON that never ends, so that nothing but its length can be wrong.
    let address = answering(head(200, ""), &[b' '; 64 << 10], true).await;
    let failing = answering(head(500, ""), &[b'x'; 64 << 10], true).await;
    let good = client(&format!("http://{address}"));
    let bad = || client(&format!("http://{failing}"));
    let bounds = [
        (Route::EventLog, 33_554_432),
        (Route::Chatbots, 4_194_304),
        (Route::Chatbot, 4_194_304),
        (Route::RefreshToken, 65_536),
        (Route::PutWebhook, 65_536),
        (Route::DeleteWebhook, 65_536),
    ];
    for (route, bound) in bounds {
        let error = call(&good, route, "key-one").await.unwrap_err();

        let detail = format!("the body has more than {bound} bytes");
        assert_eq!(error, unexpected(200, &detail), "{route:?}");
    }
    for route in ROUTES {
        let error = call(&bad(), route, "key-one").await.unwrap_err();

        let detail = format!("500: {}", "x".repeat(300));
        assert_eq!(
            error,
            Error::Unavailable {
                retry_after: None,
                detail
            },
            "{route:?}"
        );
    }
}

#[tokio::test]
async fn a_log_with_tens_of_thousands_of_ids_is_read() {
    let provider = Provider::start([]).await;
    let ids = vec![ID; 200_000];
    let entry = json!({"event": "crawling", "status": "completed", "data": {"training_data_ids": ids}});
    provider.set_log(EventId::new(ID), vec![entry.clone(), entry.clone(), entry]);

    let log = client(&provider.url())
        .event_log(&"key-one".into(), EventId::new(ID))
        .await
        .unwrap();

    let bytes: usize = log
        .entries
        .iter()
        .map(|entry| entry.data.as_ref().unwrap().get().len())
        .sum();
    assert!(bytes > 3 * 39 * 200_000, "{bytes}");
}

#[tokio::test]
async fn what_is_said_of_a_chatbot_is_a_url_none_or_nothing_at_all() {
    let provider = Provider::start([]).await;
    let client = client(&provider.url());
    let cases = [
        (json!({"webhook_url": "https://a.example"}), "Url"),
        (
            json!({"webhook_url": "https://a.example", "id": 17, "title": 5, "is_deleted": 0}),
            "Url",
        ),
        (
            json!({"webhook_url": null, "title": null, "is_deleted": null}),
            "Nothing",
        ),
        (json!({"webhook_url": "", "is_deleted": false}), "Nothing"),
        (json!({}), "Unknown"),
        (json!({"webhook_url": ["https://a.example"]}), "Unknown"),
        (json!({"is_deleted": 1}), "Deleted"),
        (
            json!({"webhook_url": "https://a.example", "is_deleted": "true"}),
            "Deleted",
        ),
    ];
    for (case, expected) in cases {
        provider.reply(Route::Chatbot, [text(&case)]);

        let standing = client.chatbot(ChatbotId::new(ID)).await.unwrap();

        let name = format!("{standing:?}");
        assert!(name.starts_with(expected), "{case}: {name}");
    }
}
