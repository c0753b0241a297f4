//! Promise: a stop takes no registration away unless it is told to, puts nothing, and waits for nobody.

use super::*;

const THEIRS: &str = "https://elsewhere.example/hook";

#[tokio::test]
async fn a_stop_leaves_the_registrations() {
    let provider = Provider::start([]).await;
    let app = spawn(&provider, &[]).await;
    wait_for_registered(&app, 1).await;

    app.stop().await;

    assert_eq!(provider.calls_of(Route::DeleteWebhook).len(), 0);
    let id = provider.chatbot_id("key-one");
    assert_eq!(provider.webhook_url(id).as_deref(), Some(OURS));
}

#[tokio::test]
async fn a_stop_that_is_to_unsubscribe_does_where_the_url_is_still_ours() {
    let provider = Provider::start([]).await;
    let first = provider.chatbot_id("key-one");
    let taken = provider.add_chatbot("Taken", "key-taken");
    let emptied = provider.add_chatbot("Emptied", "key-emptied");
    let app = spawn(&provider, &[("subscription.unsubscribe_on_exit", "true")]).await;
    wait_for_registered(&app, 3).await;

    provider.set_webhook_url(taken, Some(THEIRS));
    provider.set_webhook_url(emptied, None);
    app.stop().await;

    let deleted = provider.calls_of(Route::DeleteWebhook);
    assert_eq!(deleted.len(), 1);
    assert_eq!(deleted[0].headers["api-key"], "key-one");
    assert_eq!(provider.webhook_url(first), None);
    assert_eq!(provider.webhook_url(taken).as_deref(), Some(THEIRS));
}

#[tokio::test]
async fn what_the_next_process_of_a_deploy_has_put_with_another_of_the_tokens_is_not_unsubscribed() {
    let provider = Provider::start([]).await;
    let id = provider.chatbot_id("key-one");
    let keys = [
        (
            "webhook.token",
            "token-of-the-registered-url,token-of-the-next-process",
        ),
        ("subscription.unsubscribe_on_exit", "true"),
    ];
    let mut receiver = Stepped::new(&provider, &keys);
    receiver.round().await;
    assert_eq!(provider.webhook_url(id).as_deref(), Some(OURS));
    let next = "https://hooks.example.com/webhook/token-of-the-next-process";
    provider.set_webhook_url(id, Some(next));

    receiver.keeper.unsubscribe_if_wanted().await;

    assert_eq!(provider.webhook_url(id).as_deref(), Some(next));
}

#[tokio::test]
async fn what_cannot_be_read_is_not_unsubscribed() {
    let recorder = Recorder::start();
    let provider = Provider::start([]).await;
    provider.reply_always(Route::Chatbots, Some(failure(404)));
    let keys = [
        ("api.key", "key-one"),
        ("subscription.unsubscribe_on_exit", "true"),
    ];
    let mut receiver = Stepped::new(&provider, &keys);
    receiver.round().await;
    assert_eq!(receiver.chatbot()["state"], "registered");

    receiver.keeper.unsubscribe_if_wanted().await;

    assert_eq!(provider.calls_of(Route::DeleteWebhook).len(), 0);
    assert_eq!(
        recorder.messages("INFO").last().unwrap(),
        "did not unsubscribe the chatbot of API key 9b346041…: nobody can say whose URL it has"
    );
}

#[tokio::test]
async fn nothing_is_put_once_a_stop_has_begun() {
    for held in [Route::Chatbots, Route::Chatbot] {
        let provider = Provider::start([]).await;
        provider.reply_always(held, Some(Reply::Held));
        let app = spawn(&provider, &[("api.timeout_seconds", "600")]).await;
        provider.wait_for_calls_of(held, 1).await;

        // Fails unless all ended within the stop's ten seconds.
        app.stop().await;
        provider.release();
        // Whatever was under way has been answered when this is.
        let url = format!("{}/api/external/user/chatbot", provider.url());
        let later = client().get(url).header("caigunn-access-token", "access-token");
        assert_eq!(later.send().await.unwrap().status(), 200);

        assert_eq!(put_count(&provider), 0, "{held:?}");
    }
}

#[tokio::test]
async fn nothing_is_put_while_a_stop_lets_requests_come() {
    let provider = Provider::start([]).await;
    let keys = [
        ("subscription.watch_interval_seconds", "1"),
        ("server.drain_delay_seconds", "3"),
    ];
    let app = spawn(&provider, &keys).await;
    wait_for_registered(&app, 1).await;
    let readyz = app.url("/readyz");

    let stopping = tokio::spawn(app.stop());
    wait_for("the receiver not to be ready", || async {
        let status = client().get(&readyz).send().await.expect("an answer").status();
        if status == 503 {
            Ok(())
        } else {
            Err(status.to_string())
        }
    })
    .await;
    let id = provider.chatbot_id("key-one");
    provider.set_webhook_url(id, Some(THEIRS));
    stopping.await.unwrap();

    assert_eq!(provider.webhook_url(id).as_deref(), Some(THEIRS));
    assert_eq!(put_count(&provider), 1);
}
