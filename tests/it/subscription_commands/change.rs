//! `subscription ensure` and `subscription remove`

use serde_json::{Value, json};

use super::{BOTH, ELSEWHERE, ONE_TOO_MANY, running_for_two, shown_url, with_two};
use crate::harness::Site;
use crate::harness::provider::{Reply, Route};
use crate::harness::site::TOKEN;

const ENSURE: [&str; 2] = ["subscription", "ensure"];
const REMOVE: [&str; 2] = ["subscription", "remove"];

/// How it begins what `ensure` says where no receiver runs.
fn nobody_there(site: &Site) -> String {
    format!("no receiver is seen at {}, nor at ", site.tunnel.url())
}

#[tokio::test]
async fn ensure_registers_where_another_url_stands_or_none_and_changes_nothing_the_second_time() {
    let (site, [first, second]) = with_two().await;
    site.provider.set_webhook_url(second, Some(ELSEWHERE));
    let ours = format!("{}/webhook/{TOKEN}", site.tunnel.url());

    let dry_run = site.run(&["subscription", "ensure", "--dry-run"], &BOTH).await;
    let calls_of_dry_run = site.provider.calls_of(Route::PutWebhook);
    let once = site.run(&ENSURE, &BOTH).await;
    let registered = [first, second].map(|id| site.provider.webhook_url(id));
    let calls_of_first = site.provider.calls_of(Route::PutWebhook);
    let again = site.run(&ENSURE, &BOTH).await;
    let calls_of_both = site.provider.calls_of(Route::PutWebhook);

    let before = |done: &str| {
        format!(
            "\
CHATBOT  ID                                    URL BEFORE                          DONE
First    {first}  -                                   {done}
Second   {second}  https://elsewhere.example/[hidden]  {done}
"
        )
    };
    assert_eq!(dry_run.output, before("would be registered"));
    assert!(calls_of_dry_run.is_empty(), "{calls_of_dry_run:?}");
    assert_eq!(once.output, before("registered"));
    assert_eq!(registered, [Some(ours.clone()), Some(ours)]);
    let shown = shown_url(&site);
    let expected = format!(
        "\
CHATBOT  ID                                    URL BEFORE                              DONE
First    {first}  {shown}  already registered
Second   {second}  {shown}  already registered
"
    );
    assert_eq!(again.output, expected);
    assert_eq!((calls_of_first.len(), calls_of_both.len()), (2, 2));
    let nobody = nobody_there(&site);
    for ended in [dry_run, once, again] {
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.errors.starts_with(&nobody), "{ended:?}");
        assert_eq!(ended.errors.lines().count(), 1, "{ended:?}");
    }
}

#[tokio::test]
async fn ensure_registers_what_it_can_and_names_the_rest() {
    let (site, [first, second]) = with_two().await;
    site.provider.reply(
        Route::PutWebhook,
        [Reply::Status(500, None, json!({"detail": "Oops"}))],
    );
    let one = [("CAIGUNN_API_KEY", "key-one")];

    let failed = site.run(&ENSURE, &one).await;
    let dry_run = site
        .run(&["subscription", "ensure", "--dry-run"], &ONE_TOO_MANY)
        .await;
    let ended = site
        .run(&["subscription", "ensure", "--format", "json"], &ONE_TOO_MANY)
        .await;

    let row = format!("First    {first}  -           failed: CaiGunn is unavailable: 500: Oops\n");
    assert!(failed.output.ends_with(&row), "{}", failed.output);
    let sum = |count| {
        format!(
            "caigunn-webhook: 1 of {count} could not be registered; `caigunn-webhook doctor` says what to do\n"
        )
    };
    let nobody = nobody_there(&site);
    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert!(
        failed.errors.starts_with(&nobody) && failed.errors.ends_with(&sum("1 chatbot")),
        "{failed:?}"
    );
    let row = "(API key 1f212100…)  -                                     -           would be tried, though its API key is \
               of no chatbot of this account that can be read\n";
    assert!(dry_run.output.ends_with(row), "{}", dry_run.output);
    assert_eq!(dry_run.code, Some(0), "{dry_run:?}");
    let result = |id, title, api_key: &str, done: &str, error| {
        json!({
            "chatbot_id": id,
            "title": title,
            "api_key": api_key,
            "before": null,
            "done": done,
            "error": error,
        })
    };
    let refused = "CaiGunn refused API key 1f212100… with 401: Invalid api key";
    let expected = json!([
        result(Some(first), Some("First"), "9b346041", "registered", None),
        result(Some(second), Some("Second"), "c8df5146", "registered", None),
        result(None, None, "1f212100", "failed", Some(refused)),
    ]);
    let printed: Value = serde_json::from_str(&ended.output).unwrap();
    assert_eq!(printed, json!({ "chatbots": expected }));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.errors.starts_with(&nobody) && ended.errors.ends_with(&sum("3 chatbots")),
        "{ended:?}"
    );
}

#[tokio::test]
async fn what_caigunn_changes_in_our_url_is_said_by_every_command_and_is_no_registration() {
    let (site, [first, _]) = with_two().await;
    site.provider.spell(|url| url[..url.len() - 9].to_owned());
    let one = [("CAIGUNN_API_KEY", "key-one")];

    let ensured = site.run(&ENSURE, &one).await;
    let shown = site.run(&["subscription", "show"], &one).await;
    let examined = site.run(&["doctor"], &one).await;

    let whole = site.tunnel.url().len() + "/webhook/".len() + TOKEN.len();
    let said = format!(
        "CaiGunn changes the webhook URL: it has only the first {} of its {whole} characters, where posts are refused",
        whole - 9
    );
    for ended in [&ensured, &shown] {
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.output.contains(&said), "{ended:?}");
    }
    let finding = format!("FAILURE  registration: chatbot \"First\" ({first}): {said}\n");
    assert!(examined.output.contains(&finding), "{examined:?}");
    assert!(
        examined.output.contains("take a CAIGUNN_WEBHOOK_TOKEN"),
        "{examined:?}"
    );
}

#[tokio::test]
async fn ensure_finds_every_chatbot_of_the_account_over_pages() {
    let (site, _) = with_two().await;
    for number in 2..70 {
        site.provider
            .add_chatbot(&format!("Chatbot {number}"), &format!("key-of-{number}"));
    }

    let ended = site.run(&ENSURE, &[("CAIGUNN_API_KEY", "")]).await;

    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(
        ended.output.matches("  registered\n").count(),
        70,
        "{}",
        ended.output
    );
    assert_eq!(site.provider.calls_of(Route::PutWebhook).len(), 70);
}

#[tokio::test]
async fn remove_takes_ours_away_and_leaves_anothers_alone() {
    let (mut site, [first, second], _) = running_for_two().await;
    site.stop().await;
    site.provider.set_webhook_url(second, Some(ELSEWHERE));

    let dry_run = site.run(&["subscription", "remove", "--dry-run"], &BOTH).await;
    let calls_of_dry_run = site.provider.calls_of(Route::DeleteWebhook);
    let once = site.run(&REMOVE, &BOTH).await;
    let calls = site.provider.calls_of(Route::DeleteWebhook);
    let again = site
        .run(&["subscription", "remove", "--format", "json"], &BOTH)
        .await;

    let shown = shown_url(&site);
    let before = |done: &str| {
        format!(
            "\
CHATBOT  ID                                    URL BEFORE                              DONE
First    {first}  {shown}  {done}
Second   {second}  https://elsewhere.example/[hidden]      left alone: not ours
"
        )
    };
    assert_eq!(dry_run.output, before("would be removed"));
    assert!(calls_of_dry_run.is_empty(), "{calls_of_dry_run:?}");
    assert_eq!(once.output, before("removed"));
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].headers["api-key"], "key-one");
    assert_eq!(site.provider.webhook_url(first), None);
    assert_eq!(site.provider.webhook_url(second).as_deref(), Some(ELSEWHERE));
    let result = |id, title: &str, api_key: &str, before: Option<&str>, done: &str| {
        json!({
            "chatbot_id": id,
            "title": title,
            "api_key": api_key,
            "before": before,
            "done": done,
            "error": null,
        })
    };
    let elsewhere = Some("https://elsewhere.example/[hidden]");
    let expected = json!([
        result(first, "First", "9b346041", None, "nothing to remove"),
        result(second, "Second", "c8df5146", elsewhere, "left alone: not ours"),
    ]);
    let printed: Value = serde_json::from_str(&again.output).unwrap();
    assert_eq!(printed, json!({ "chatbots": expected }));
    assert_eq!(site.provider.calls_of(Route::DeleteWebhook).len(), 1);
    for ended in [dry_run, once, again] {
        assert_eq!((ended.code, &*ended.errors), (Some(0), ""));
    }
}

#[tokio::test]
async fn remove_of_one_chatbot_touches_no_other() {
    let (mut site, [first, second], _) = running_for_two().await;
    site.stop().await;
    let of_nobody = "0191f0a0-0000-7000-8000-000000000001";

    let ended = site
        .run(
            &["subscription", "remove", "--chatbot", &second.to_string()],
            &BOTH,
        )
        .await;
    let unknown = site
        .run(&["subscription", "remove", "--chatbot", of_nobody], &BOTH)
        .await;

    let expected = format!(
        "\
CHATBOT  ID                                    URL BEFORE                              DONE
Second   {second}  {}  removed
",
        shown_url(&site)
    );
    assert_eq!((ended.code, ended.output), (Some(0), expected));
    assert_eq!(site.provider.webhook_url(second), None);
    assert!(site.provider.webhook_url(first).is_some());
    let expected = format!("caigunn-webhook: {of_nobody} is none of the 2 chatbots to look after\n");
    assert_eq!((unknown.code, unknown.errors), (Some(1), expected));
}

#[tokio::test]
async fn remove_says_what_it_cannot_look_at() {
    let (mut site, [first, _], _) = running_for_two().await;
    site.stop().await;
    let of_nobody = [("CAIGUNN_API_KEY", "key-of-nobody")];

    let unplaced = site.run(&REMOVE, &of_nobody).await;
    let reply = Reply::Status(500, None, json!({"detail": "Oops"}));
    site.provider.reply_always(Route::Chatbot, Some(reply));
    let failed = site.run(&REMOVE, &[]).await;

    let row = "(API key 1f212100…)  -   -           failed: its API key is of no chatbot of this account that can be read, so nobody can say \
               whose URL stands there\n";
    assert!(unplaced.output.ends_with(row), "{}", unplaced.output);
    let row = format!("First    {first}  -           failed: CaiGunn is unavailable: 500: Oops\n");
    assert!(failed.output.ends_with(&row), "{}", failed.output);
    let sum = "caigunn-webhook: 1 of 1 chatbot could not be unsubscribed; `caigunn-webhook doctor` says what to do\n";
    for ended in [unplaced, failed] {
        assert_eq!((ended.code, &*ended.errors), (Some(1), sum));
    }
    assert!(site.provider.calls_of(Route::DeleteWebhook).is_empty());
}

#[tokio::test]
async fn remove_beside_a_running_receiver_says_that_it_will_not_last() {
    let (site, [_, second], _) = running_for_two().await;
    site.provider.set_webhook_url(second, Some(ELSEWHERE));
    let second = second.to_string();

    let nothing_removed = site
        .run(&["subscription", "remove", "--chatbot", &second], &BOTH)
        .await;
    // What the shell has set is not what the receiver goes by.
    let interval = ("CAIGUNN_SUBSCRIPTION_WATCH_INTERVAL_SECONDS", "7");
    let removed = site.run(&REMOVE, &[BOTH[0], interval]).await;

    assert_eq!((nothing_removed.code, &*nothing_removed.errors), (Some(0), ""));
    let expected = format!(
        "the receiver that runs here (admin address {}) registers its URL again when it next looks: stop it first\n",
        site.receiver.as_ref().unwrap().admin
    );
    assert_eq!((removed.code, removed.errors), (Some(0), expected));
}

#[tokio::test]
async fn a_choice_that_names_no_chatbot_is_warned_of_before_anything_is_registered() {
    let (site, [_, second]) = with_two().await;
    let variables = [
        ("CAIGUNN_API_KEY", ""),
        ("CAIGUNN_SUBSCRIPTION_EXCLUDE", "second"),
    ];
    for command in [
        &["subscription", "ensure", "--dry-run"][..],
        &["subscription", "show"],
        &["subscription", "ensure", "--format", "json"],
    ] {
        let ended = site.run(command, &variables).await;

        let expected = "subscription.include and subscription.exclude name what no listed chatbot has as its id or title: \
                        [\"second\"]\n";
        assert!(ended.errors.contains(expected), "{command:?} {ended:?}");
    }
    let chosen = [
        ("CAIGUNN_API_KEY", ""),
        ("CAIGUNN_SUBSCRIPTION_EXCLUDE", "Second"),
    ];
    let ended = site.run(&ENSURE, &chosen).await;
    assert!(!ended.errors.contains("name what no"), "{ended:?}");
    assert!(!ended.output.contains(&second.to_string()), "{ended:?}");
}
