//! `token refresh`

use std::time::Duration;

use caigunn_webhook::clock::Timestamp;
use serde_json::json;

use super::subscription;
use crate::harness::process::{Ended, run};
use crate::harness::provider::{Reply, Route};
use crate::harness::{Process, Site};

/// Runs `token refresh`, which alone may print a token: the one that the fake makes.
async fn refresh(site: &Site, arguments: &[&str]) -> Ended {
    let mut command = Process::command(&site.path(""));
    site.configure(&mut command);
    // It is nobody's business where the receiver is.
    command.env("CAIGUNN_PUBLIC_URL", "");
    command.args(["token", "refresh"]).args(arguments);
    let ended = run(command).await;
    assert!(!ended.errors.contains("access-token"), "{}", ended.errors);
    ended
}

#[tokio::test]
async fn the_new_token_and_nothing_else_goes_to_standard_output() {
    let site = Site::new().await;

    let ended = refresh(&site, &["--expires", "2999-12-31"]).await;

    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.output, "access-token-until-2999-12-31\n");
    assert_eq!(
        ended.errors,
        "A new access token, asked to last until 2999-12-31. Put it into the file that CAIGUNN_ACCESS_TOKEN_FILE names, \
         which a running receiver reads anew, or where CAIGUNN_ACCESS_TOKEN comes from, and restart the receiver. Whether the old \
         one still works is not documented.\n"
    );
    let calls = site.provider.calls();
    assert_eq!(calls.len(), 1, "{calls:?}");
    assert_eq!(
        calls[0].path,
        "/api/external/user/token/refresh?expired_date=2999-12-31"
    );
    assert_eq!(calls[0].headers["caigunn-access-token"], "access-token");
}

#[tokio::test]
async fn a_token_lasts_a_year_unless_said_otherwise() {
    let site = Site::new().await;
    let in_a_year = || {
        let end = Timestamp::now().plus(Duration::from_secs(365 * 86_400));
        format!("access-token-until-{}\n", end.date())
    };

    let before = in_a_year();
    let ended = refresh(&site, &[]).await;
    let after = in_a_year();

    // Midnight may have passed.
    assert!([before, after].contains(&ended.output), "{ended:?}");
}

#[tokio::test]
async fn a_date_is_a_day_to_come_in_the_form_that_is_sent() {
    let site = Site::new().await;
    let no_date = "expected a date as in 2027-01-31";
    let passed = "expected a day to come: a token that ends at once is of no use";
    let yesterday = Timestamp::now()
        .minus(Duration::from_secs(86_400))
        .date()
        .to_string();
    let cases = [
        ("soon", no_date),
        ("", no_date),
        ("2999-02-30", no_date),
        ("2999-13-01", no_date),
        ("2999-1-1", no_date),
        ("29991231", no_date),
        ("2999-W05-3", no_date),
        ("2999-12-31T00:00:00Z", no_date),
        ("31.12.2999", no_date),
        ("2024-02-29", passed),
        (&yesterday, passed),
    ];
    for (date, expected) in cases {
        let ended = refresh(&site, &["--expires", date]).await;

        assert_eq!((ended.code, &*ended.output), (Some(64), ""), "{date} {ended:?}");
        assert!(ended.errors.contains(expected), "{date} {}", ended.errors);
    }
    assert!(site.provider.calls().is_empty());
}

#[tokio::test]
async fn where_caigunn_gives_no_token_nothing_goes_to_standard_output() {
    let site = Site::new().await;
    let cases = [
        (
            Reply::Status(500, None, json!({"detail": "Oops"})),
            "CaiGunn is unavailable: 500: Oops",
        ),
        (
            Reply::Status(422, None, json!({"detail": "No such date"})),
            "CaiGunn did not accept the request, with 422: No such date; give another day by --expires (it is sent as in \
             2027-01-31: CaiGunn documents neither the form nor the latest day that it takes), and check CAIGUNN_API_URL",
        ),
        (
            Reply::Status(200, None, json!({"detail": "Later"})),
            "CaiGunn answered unexpectedly with 200: ",
        ),
        (
            Reply::Status(200, None, json!({"token": ""})),
            "CaiGunn answered unexpectedly with 200: ",
        ),
        (
            Reply::Text(200, "<html>"),
            "CaiGunn answered with 200 and no JSON, as while it is maintained: ",
        ),
    ];
    for (reply, expected) in cases {
        site.provider.reply(Route::RefreshToken, [reply]);
        let ended = refresh(&site, &[]).await;

        assert_eq!((ended.code, &*ended.output), (Some(1), ""), "{ended:?}");
        let expected = format!("caigunn-webhook: refreshing the access token: {expected}");
        assert!(ended.errors.starts_with(&expected), "{}", ended.errors);
        assert_eq!(ended.errors.lines().count(), 1, "{}", ended.errors);
    }
}

#[tokio::test]
async fn no_other_command_and_no_receiver_renews_a_token() {
    let mut site = Site::new().await;
    let refused = Reply::Status(401, None, json!({"detail": "Token expired"}));
    site.provider.reply_always(Route::Chatbots, Some(refused));

    let retry = ("CAIGUNN_SUBSCRIPTION_REFUSED_RETRY_SECONDS", "1");
    site.start(&[retry]).await;
    subscription(&site, "the refusal", |seen| !seen["problem"].is_null()).await;
    site.provider.wait_for_calls_of(Route::Chatbots, 2).await;
    for command in [
        &["subscription", "show"] as &[&str],
        &["subscription", "ensure"],
        &["doctor"],
    ] {
        site.run(command, &[]).await;
    }

    assert!(site.provider.calls_of(Route::RefreshToken).is_empty());
    let log = site.receiver.as_ref().unwrap().log();
    assert!(log.contains("`caigunn-webhook token refresh`"), "{log}");
    assert!(!log.contains("access-token"), "{log}");
}
