//! What is read of a good answer, and how much.

use super::*;

/// Those whose good answer is read.
const READ_ROUTES: [Route; 4] = [
    Route::EventLog,
    Route::Chatbots,
    Route::Chatbot,
    Route::RefreshToken,
];

#[tokio::test]
async fn a_good_answer_that_is_not_the_documented_one_is_unexpected_and_its_place_is_named() {
    let any_route: [(&str, &str); 5] = [
        ("", "the body is not JSON from line 1, column 0 on"),
        (
            "<html>s3cr3t</html>",
            "the body is not JSON from line 1, column 1 on",
        ),
        (r#"{"s3cr3t":"#, "the body is not JSON from line 1, column 10 on"),
        (r#"[["s3cr3t"]]"#, "the body is not an object"),
        (r#""s3cr3t""#, "the body is not an object"),
    ];
    let of_one_route = [
        (Route::Chatbots, "{}", "/chatbots is missing"),
        (Route::Chatbots, r#"{"chatbots":null}"#, "/chatbots is missing"),
        (
            Route::Chatbots,
            r#"{"chatbots":{"0":"s3cr3t"}}"#,
            "/chatbots is not a list",
        ),
        (
            Route::Chatbots,
            r#"{"chatbots":[$FIRST,null]}"#,
            "/chatbots/1 is not an object",
        ),
        (
            Route::Chatbots,
            r#"{"chatbots":[$FIRST,["s3cr3t"]]}"#,
            "/chatbots/1 is not an object",
        ),
        (
            Route::Chatbots,
            r#"{"chatbots":[$FIRST,{"api_key":"s3cr3t"}]}"#,
            "/chatbots/1/id is missing",
        ),
        (
            Route::Chatbots,
            r#"{"chatbots":[$FIRST,{"id":"s3cr3t"}]}"#,
            "/chatbots/1/id is not a UUID",
        ),
        (
            Route::Chatbots,
            r#"{"chatbots":[$FIRST,{"id":7}]}"#,
            "/chatbots/1/id is not text",
        ),
        (
            Route::Chatbots,
            r#"{"chatbots":[$FIRST,{"id":$ID}]}"#,
            "/chatbots/1/api_key is missing",
        ),
        (
            Route::Chatbots,
            r#"{"chatbots":[$FIRST,{"id":$ID,"api_key":""}]}"#,
            "/chatbots/1/api_key is empty",
        ),
        (
            Route::Chatbots,
            r#"{"chatbots":[$FIRST,{"id":$ID,"api_key":["s3cr3t"]}]}"#,
            "/chatbots/1/api_key is not text",
        ),
        (
            Route::Chatbots,
            r#"{"chatbots":[$FIRST,{"id":$ID,"is_deleted":"s3cr3t"}]}"#,
            "/chatbots/1/is_deleted is not true or false",
        ),
        (Route::Chatbot, r#"{"title":"s3cr3t"}"#, "/id is missing"),
        (Route::Chatbot, r#"{"id":"s3cr3t"}"#, "/id is not a UUID"),
        (
            Route::Chatbot,
            r#"{"id":$ID,"webhook_url":["s3cr3t"]}"#,
            "/webhook_url is not text",
        ),
        (Route::Chatbot, r#"{"id":$ID,"title":1}"#, "/title is not text"),
        (
            Route::Chatbot,
            r#"{"id":$ID,"is_deleted":1}"#,
            "/is_deleted is not true or false",
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
    let of_any_route = READ_ROUTES
        .into_iter()
        .flat_map(|route| any_route.map(|(body, expected)| (route, body, expected)));
    let provider = Provider::start([]).await;
    let client = client(&provider.url());
    for (route, body, expected) in of_any_route.chain(of_one_route) {
        let body = body
            .replace("$FIRST", r#"{"id":$ID,"api_key":"s3cr3t"}"#)
            .replace("$ID", &json!(ID).to_string());
        provider.reply(route, [Reply::Text(200, body.clone().leak())]);

        let error = call(&client, route, "key-one").await.unwrap_err();

        assert_eq!(error, unexpected(200, expected), "{route:?} {body}");
    }
    // A status alone says that the URL was taken or forgotten.
    for route in [Route::PutWebhook, Route::DeleteWebhook] {
        for (body, quoted) in [("", "(no body)"), ("<html>", "<html>"), ("[7]", "[7]")] {
            provider.reply(route, [Reply::Text(200, body)]);

            assert_eq!(
                call(&client, route, "key-one").await.unwrap(),
                quoted,
                "{route:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_body_without_end_is_read_in_part() {
    // JSON that never ends, so that nothing but its length can be wrong.
    let address = answering(head(200, ""), &[b' '; 64 << 10], true).await;
    let failing = answering(head(500, ""), &[b'x'; 64 << 10], true).await;
    let good = client(&format!("http://{address}"));
    let bad = client(&format!("http://{failing}"));
    let bounds = [
        (Route::EventLog, 33_554_432),
        (Route::Chatbots, 4_194_304),
        (Route::Chatbot, 4_194_304),
        (Route::RefreshToken, 65_536),
    ];
    for (route, bound) in bounds {
        let error = call(&good, route, "key-one").await.unwrap_err();

        let detail = format!("the body has more than {bound} bytes");
        assert_eq!(error, unexpected(200, &detail), "{route:?}");
    }
    for route in [Route::PutWebhook, Route::DeleteWebhook] {
        let words = call(&good, route, "key-one").await.unwrap();

        assert_eq!(words, " ".repeat(300), "{route:?}");
    }
    for route in ROUTES {
        let error = call(&bad, route, "key-one").await.unwrap_err();

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
async fn no_webhook_url_is_told_in_three_ways() {
    let provider = Provider::start([]).await;
    let client = client(&provider.url());
    let cases = [
        json!({"id": ID}),
        json!({"id": ID, "title": null, "webhook_url": null, "is_deleted": null}),
        json!({"id": ID, "title": "", "webhook_url": "", "is_deleted": false}),
    ];
    for case in cases {
        provider.reply(Route::Chatbot, [text(&case)]);

        let details = client.chatbot(ChatbotId::new(ID)).await.unwrap();

        assert!(details.webhook_url.is_none(), "{case}");
        assert_eq!((&*details.title, details.is_deleted), ("", false), "{case}");
    }
}
