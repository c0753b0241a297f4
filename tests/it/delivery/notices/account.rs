//! Promise: what keeps chatbots from being registered is told, of one or of the account, and so is its end.

use super::*;
use crate::harness::processes;

#[tokio::test]
async fn a_chatbot_that_is_taken_over_and_a_refused_token_are_told() {
    let ops = Application::start().await;
    let notice = notice(&ops, "free_percent = 1");
    let variables = [
        ("CAIGUNN_NOTICE", notice.as_str()),
        ("CAIGUNN_SUBSCRIPTION_ON_TAKEOVER", "warn"),
        ("CAIGUNN_SUBSCRIPTION_WATCH_INTERVAL_SECONDS", "1"),
        ("CAIGUNN_SUBSCRIPTION_REFUSED_RETRY_SECONDS", "1"),
    ];
    let site = Site::running_with(&variables).await;
    let id = site.provider.chatbot_id("key-one");
    let ours = site.provider.webhook_url(id).expect("it is registered");
    site.receiver
        .as_ref()
        .unwrap()
        .wait_for_log("registered http", 1)
        .await;

    site.provider
        .set_webhook_url(id, Some("https://other.example.com/hook"));
    let arrivals = ops.wait_for_arrivals(1).await;
    let text = told(&arrivals[0])["data"]["text"].as_str().unwrap().to_owned();
    assert!(text.contains("https://other.example.com"), "{text}");
    site.provider.set_webhook_url(id, Some(&ours));
    ops.wait_for_arrivals(2).await;
    site.provider.set_access_token("another-one");
    ops.wait_for_arrivals(3).await;
    site.provider.set_access_token("access-token");

    let arrivals = ops.wait_for_arrivals(4).await;
    let name = format!("\"First\" ({id})");
    assert_eq!(
        titles(&arrivals),
        [
            &*format!("not registered here: chatbot {name}"),
            &*format!("registered here again: chatbot {name}"),
            "chatbots cannot be looked after",
            "chatbots can be looked after again",
        ]
    );
}

/// What is said of the account.
const ACCOUNT: [&str; 2] = [
    "chatbots cannot be looked after",
    "chatbots can be looked after again",
];

#[tokio::test]
async fn that_caigunn_cannot_be_reached_any_more_is_told_and_its_return() {
    let ops = Application::start().await;
    let notice = notice(&ops, r#"about = ["account"]"#);
    let variables = [
        ("CAIGUNN_NOTICE", notice.as_str()),
        ("CAIGUNN_SUBSCRIPTION_WATCH_INTERVAL_SECONDS", "1"),
        ("CAIGUNN_SUBSCRIPTION_RETRY_MAX_SECONDS", "1"),
    ];
    let site = Site::running_with(&variables).await;
    let routes = [Route::Chatbots, Route::Chatbot, Route::PutWebhook];
    let answer_always = |reply: Option<provider::Reply>| {
        for route in routes {
            site.provider.reply_always(route, reply.clone());
        }
    };

    answer_always(Some(provider::Reply::Status(503, None, Value::Null)));
    ops.wait_for_arrivals(1).await;
    answer_always(None);

    let arrivals = ops.wait_for_arrivals(2).await;
    assert_eq!(titles(&arrivals), ACCOUNT);
    let text = told(&arrivals[0])["data"]["text"].as_str().unwrap().to_owned();
    assert!(text.contains("503"), "{text}");
}

#[tokio::test]
async fn that_chatbots_cannot_be_listed_is_told_and_over_only_once_they_are_also_over_a_restart() {
    let ops = Application::start().await;
    let notice = notice(&ops, r#"about = ["account"]"#);
    let variables = [
        ("CAIGUNN_NOTICE", notice.as_str()),
        ("CAIGUNN_SUBSCRIPTION_WATCH_INTERVAL_SECONDS", "1"),
        ("CAIGUNN_SUBSCRIPTION_RETRY_MAX_SECONDS", "1"),
        ("CAIGUNN_SUBSCRIPTION_REFUSED_RETRY_SECONDS", "1"),
    ];
    let mut site = Site::running_with(&variables).await;
    let list_answers = |site: &Site, reply| site.provider.reply_always(Route::Chatbots, reply);

    // No token that is refused as such, and no server that is down.
    list_answers(&site, Some(provider::Reply::Status(403, None, Value::Null)));
    ops.wait_for_arrivals(1).await;
    site.stop().await;
    list_answers(&site, Some(provider::Reply::Held));
    let put_count = site.provider.calls_of(Route::PutWebhook).len();
    site.start(&variables).await;
    // The chatbot whose key is given is registered without the list, which hangs.
    site.provider
        .wait_for_calls_of(Route::PutWebhook, put_count + 1)
        .await;
    site.receiver
        .as_ref()
        .unwrap()
        .wait_for_log("cannot list", 1)
        .await;
    assert_eq!(titles(&distinct(ops.arrivals())), ACCOUNT[..1]);
    list_answers(&site, None);

    let arrivals = wait_for_messages(&ops, 2).await;
    assert_eq!(titles(&arrivals), ACCOUNT);
}

#[tokio::test]
async fn who_leads_no_more_tells_nothing_that_the_next_one_has_told() {
    let Some(store) = Store::postgres().await else {
        return;
    };
    let ops = Application::answering(|_| Reply::Status(503)).await;
    let notice = notice(&ops, r#"about = ["chatbot"], quiet_minutes = 0"#);
    let url = store.url();
    let variables = [
        ("CAIGUNN_INBOX_URL", url.as_str()),
        ("CAIGUNN_NOTICE", notice.as_str()),
        ("CAIGUNN_SUBSCRIPTION_ON_TAKEOVER", "warn"),
        ("CAIGUNN_SUBSCRIPTION_WATCH_INTERVAL_SECONDS", "1"),
        // Due again when it is thawed, and long not before it is frozen.
        (SCHEDULE.0, "0,5,5,5,5,5,5,5,5,5"),
    ];
    let site = Site::running_with(&variables).await;
    let first = site.receiver.as_ref().expect("it runs");
    first.wait_for_log("registered http", 1).await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Process::command(folder.path());
    site.configure(&mut command);
    command.envs(variables);
    command
        .env("CAIGUNN_LISTEN", "127.0.0.1:0")
        .env("CAIGUNN_ADMIN_LISTEN", "127.0.0.1:0");
    let second = Process::spawn(folder.path(), command).await;
    let id = site.provider.chatbot_id("key-one");
    let ours = site.provider.webhook_url(id).expect("it is registered");
    let register = |url| site.provider.set_webhook_url(id, Some(url));

    register("https://other.example.com/hook");
    // An attempt that is under way ends later as what it is.
    first.wait_for_log("cannot tell by notice ops", 1).await;
    processes::freeze(&[first.id()]);
    ops.answer(|_| Reply::Status(200));
    wait_for_taken(&ops, 1).await;
    register(&ours);
    wait_for_taken(&ops, 2).await;
    processes::thaw(&[first.id()]);
    first.wait_for_log("this receiver leads no more", 1).await;
    register("https://other.example.com/hook");

    let taken = wait_for_taken(&ops, 3).await;
    let began = format!("not registered here: chatbot \"First\" ({id})");
    let ended = format!("registered here again: chatbot \"First\" ({id})");
    assert_eq!(titles(&taken), [&*began, &*ended, &*began]);
    let ids: Vec<_> = taken.iter().map(|message| &message.webhook_id).collect();
    assert_ne!(ids[0], ids[2], "{}", first.log());
    drop(second);
}

/// Waits until so many messages have been taken.
async fn wait_for_taken(ops: &Application, count: usize) -> Vec<Arrival> {
    wait_for(&format!("{count} messages to be taken"), || async {
        let taken = ops.taken();
        if taken.len() >= count {
            Ok(taken)
        } else {
            Err(format!("{:?}", titles(&taken)))
        }
    })
    .await
}

#[tokio::test]
async fn a_refused_token_is_told_and_its_end_also_where_nothing_is_registered() {
    let ops = Application::start().await;
    let notice = notice(&ops, r#"about = ["account"]"#);
    let provider = Provider::start([]).await;
    provider.set_access_token("another-one");
    let folder = tempfile::tempdir().expect("a folder");
    let url = provider.url();
    let variables = [
        ("CAIGUNN_API_URL", url.as_str()),
        ("CAIGUNN_ACCESS_TOKEN", "access-token"),
        ("CAIGUNN_NOTICE", &notice),
        ("CAIGUNN_SUBSCRIPTION_WATCH_INTERVAL_SECONDS", "1"),
        ("CAIGUNN_SUBSCRIPTION_REFUSED_RETRY_SECONDS", "1"),
    ];
    let _process = Process::start(folder.path(), &variables).await;

    ops.wait_for_arrivals(1).await;
    provider.set_access_token("access-token");

    let arrivals = ops.wait_for_arrivals(2).await;
    assert_eq!(titles(&arrivals), ACCOUNT);
}
