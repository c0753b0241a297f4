//! What fails, sorted and told without secrets.

use tokio::net::TcpSocket;

use super::*;

/// What every secret here has in it.
const MARK: &str = "s3cr3t";

#[tokio::test]
async fn a_refusal_of_any_call_is_sorted_by_its_status() {
    let detail = |detail: &str| detail.to_owned();
    let said = |status, words: &str| Reply::Status(status, None, json!({ "detail": words }));
    let fault = json!({"loc": ["path", "id"], "msg": "value is not a valid uuid", "type": "type_error.uuid"});
    let cases = [
        (
            said(401, "Token expired"),
            Error::Refused {
                whose: Credential::AccessToken,
                status: 401,
                detail: detail("Token expired"),
            },
        ),
        (
            said(403, "Not yours"),
            Error::Refused {
                whose: Credential::AccessToken,
                status: 403,
                detail: detail("Not yours"),
            },
        ),
        (
            said(404, "Not Found"),
            Error::Invalid {
                whose: Credential::AccessToken,
                status: 404,
                detail: detail("Not Found"),
            },
        ),
        (
            said(422, "Wrong"),
            Error::Invalid {
                whose: Credential::AccessToken,
                status: 422,
                detail: detail("Wrong"),
            },
        ),
        (
            Reply::Status(422, None, json!({"detail": [fault]})),
            Error::Invalid {
                whose: Credential::AccessToken,
                status: 422,
                detail: detail("path.id: value is not a valid uuid"),
            },
        ),
        (
            Reply::Status(429, Some(7), json!({"detail": "Slow down"})),
            Error::TooManyRequests {
                retry_after: Some(Duration::from_secs(7)),
                detail: detail("Slow down"),
            },
        ),
        (
            Reply::Text(500, "Internal Server Error"),
            Error::Unavailable {
                retry_after: None,
                detail: detail("500: Internal Server Error"),
            },
        ),
        (
            Reply::Status(503, Some(60), json!({"detail": "Back soon"})),
            Error::Unavailable {
                retry_after: Some(Duration::from_secs(60)),
                detail: detail("503: Back soon"),
            },
        ),
        (Reply::Text(301, "<html>"), no_api(301, "<html>")),
        (Reply::Text(403, " <html>"), no_api(403, " <html>")),
    ];
    let provider = Provider::start([]).await;
    for (reply, expected) in cases {
        for route in ROUTES {
            let mut expected = expected.clone();
            if let Error::Refused { whose: refused, .. } | Error::Invalid { whose: refused, .. } =
                &mut expected
            {
                *refused = whose(route, "key-one");
            }
            // The path of a call for the user is always the same.
            if let Error::Invalid {
                whose: Credential::AccessToken,
                status: 404,
                detail,
            } = &expected
            {
                expected = unexpected(404, detail);
            }
            provider.reply(route, [reply.clone()]);

            // One of its own, that has not been asked for patience.
            let error = call(&client(&provider.url()), route, "key-one")
                .await
                .unwrap_err();

            assert_eq!(error, expected, "{route:?} {reply:?}");
        }
    }
}

#[tokio::test]
async fn a_retry_after_may_be_a_date() {
    let cases = [
        ("Fri, 31 Dec 1999 23:59:59 GMT", Duration::ZERO..=Duration::ZERO),
        (
            "Tue, 31 Dec 2999 23:59:59 GMT",
            Duration::from_secs(1 << 34)..=Duration::MAX,
        ),
    ];
    for (date, expected) in cases {
        let headers = format!("retry-after: {date}\r\n");
        let address = answering(head(429, &headers), b"", false).await;
        for route in ROUTES {
            let client = client(&format!("http://{address}"));
            match call(&client, route, "key-one").await {
                Err(Error::TooManyRequests {
                    retry_after: Some(wait),
                    ..
                }) => {
                    assert!(expected.contains(&wait), "{route:?} {date}: {wait:?}");
                }
                other => panic!("{route:?} {date}: {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_by_any_call() {
    let elsewhere = Provider::start([]).await;
    let location = format!("location: {}/api/external/user/chatbot\r\n", elsewhere.url());
    let address = answering(head(307, &location), b"", false).await;
    for route in ROUTES {
        let client = client(&format!("http://{address}"));
        let error = call(&client, route, "key-one").await.unwrap_err();

        let detail = format!(
            "it redirects to {}/[hidden], which is not followed",
            elsewhere.url()
        );
        assert_eq!(error, no_api(307, &detail), "{route:?}");
    }
    assert_eq!(elsewhere.calls().len(), 0);
}

#[tokio::test]
async fn wrong_credentials_are_refused() {
    let provider = Provider::start([]).await;
    let without_token = client_with(&provider.url(), "wrong-token", PATIENCE);
    let client = client(&provider.url());
    let refused = |whose, detail: &str| Error::Refused {
        whose,
        status: 401,
        detail: detail.to_owned(),
    };
    // Whatever was asked for, the list says that it is the token.
    for route in ROUTES {
        let error = call(&without_token, route, "key-one").await.unwrap_err();
        assert_eq!(
            error,
            refused(Credential::AccessToken, "Invalid access token"),
            "{route:?}"
        );
        assert!(error.is_account_refused());
    }
    // And here that it is not.
    for route in [Route::PutWebhook, Route::DeleteWebhook, Route::EventLog] {
        let error = call(&client, route, "wrong-key").await.unwrap_err();
        assert_eq!(
            error,
            refused(whose(route, "wrong-key"), "Invalid api key"),
            "{route:?}"
        );
        assert!(!error.is_account_refused());
    }
    let unknown = Error::Invalid {
        whose: whose(Route::Chatbot, ""),
        status: 404,
        detail: "Chatbot not found".to_owned(),
    };
    assert_eq!(call(&client, Route::Chatbot, "").await.unwrap_err(), unknown);
    assert_eq!(provider.webhook_url(provider.chatbot_id("key-one")), None);
}

#[tokio::test]
async fn no_answer_at_all_is_unavailable_and_says_why() {
    // Bound, the port is ours; not listened on, it refuses connections.
    let deaf = TcpSocket::new_v4().unwrap();
    deaf.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let deaf = deaf.local_addr().map(|address| (address, deaf)).unwrap();
    let closing = answering(String::new(), b"", false).await;
    let breaking_off = answering(head(200, "content-length: 100\r\n"), b"{", false).await;
    let slow = Provider::start([]).await;
    for route in ROUTES {
        slow.reply_always(route, Some(Reply::Held));
    }
    let short = Duration::from_millis(200);
    let cases = [
        (client(&format!("http://{}", deaf.0)), "Connection refused"),
        (
            client(&format!("http://{closing}")),
            "connection closed before message completed",
        ),
        (
            client(&format!("http://{breaking_off}")),
            "end of file before message length reached",
        ),
        (
            client_with(&slow.url(), "access-token", short),
            "no answer in time",
        ),
    ];
    for (client, why, patience) in cases.map(|(client, why)| {
        (
            client,
            why,
            if why == "no answer in time" {
                short
            } else {
                PATIENCE
            },
        )
    }) {
        for route in ROUTES {
            // A clone would share what this one has learned.
            let client = client_with(client.url().as_str(), "access-token", patience);
            match call(&client, route, "key-one").await {
                Err(Error::Unavailable {
                    retry_after: None,
                    detail,
                }) => {
                    assert!(detail.contains(why), "{route:?}: {detail}");
                }
                other => panic!("{route:?}, {why}: {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn no_secret_is_in_an_error_even_if_caigunn_tells_it_back() {
    let provider = Provider::start([]).await;
    provider.set_access_token("s3cr3t-access-token");
    let api_key = "s3cr3t-api-key";
    let client = client_with(&provider.url(), "s3cr3t-access-token", PATIENCE);
    let mut shown = vec![format!("{client:?}")];
    for route in ROUTES {
        // What was sent in this call.
        let sent = match route {
            Route::PutWebhook => format!("s3cr3t-access-token {api_key} {WEBHOOK_URL} s3cr3t-url-token"),
            Route::DeleteWebhook | Route::EventLog => format!("s3cr3t-access-token {api_key}"),
            Route::Chatbots | Route::Chatbot | Route::RefreshToken => "s3cr3t-access-token".to_owned(),
        };
        let fault = json!({"loc": ["header", sent], "msg": sent, "input": sent});
        let bodies = [
            json!({ "detail": sent }),
            json!({ "detail": [fault] }),
            json!({ "detail": { "sent": sent } }),
            json!(format!("{}{sent}", "x".repeat(285))),
        ];
        for (body, status) in bodies
            .iter()
            .flat_map(|body| [302, 401, 422, 429, 500].map(|status| (body, status)))
        {
            provider.reply(route, [Reply::Status(status, None, body.clone())]);
            let fresh = client_with(&provider.url(), "s3cr3t-access-token", PATIENCE);
            let error = call(&fresh, route, api_key).await.unwrap_err();
            assert!(error.to_string().contains("[hid"), "{error}");
            shown.push(format!("{error} {error:?}"));
        }
    }
    let unsendable = client_with(&provider.url(), "s3cr3t\n", PATIENCE);
    for route in ROUTES {
        let error = call(&unsendable, route, api_key).await.unwrap_err();
        shown.push(format!("{error} {error:?}"));
    }
    // What may be printed of good answers.
    let chatbot = json!({"id": ID, "title": "", "api_key": api_key, "webhook_url": WEBHOOK_URL});
    provider.reply(
        Route::Chatbots,
        [
            text(&json!({"chatbots": [chatbot]})),
            text(&json!({"chatbots": []})),
        ],
    );
    provider.reply(Route::Chatbot, [text(&chatbot)]);
    provider.reply(Route::RefreshToken, [text(&json!({"token": "s3cr3t"}))]);
    for route in [Route::Chatbots, Route::Chatbot, Route::RefreshToken] {
        shown.push(call(&client, route, api_key).await.unwrap());
    }
    let leaks: Vec<_> = shown.iter().filter(|text| text.contains(MARK)).collect();
    assert!(leaks.is_empty(), "{leaks:#?}");
}
