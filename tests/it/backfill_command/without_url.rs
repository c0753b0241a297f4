//! Credentials alone backfill.

use super::*;

#[tokio::test]
async fn a_receiver_without_a_public_url_asks_what_was_missed_and_registers_nothing() {
    let mut stage = Stage::new().await;
    stage.variables.retain(|(name, _)| *name != "CAIGUNN_PUBLIC_URL");
    let ids = stage.missed();
    let variables = stage.variables.iter().map(|(name, value)| (*name, &**value));
    let variables: Vec<_> = variables.chain([("CAIGUNN_ADMIN_TOKEN", TOKEN)]).collect();
    let receiver = Process::start(stage.folder.path(), &variables).await;

    // As soon as the chatbots are known.
    let outcome = wait_for("the job to be backfilled", || async {
        let url = receiver.api(&format!("/jobs/{}/backfill", ids.event_id));
        let answer = client().post(url).bearer_auth(TOKEN).send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        if status == 200 { Ok(text) } else { Err(text) }
    })
    .await;

    assert!(outcome.contains("crawling.completed"), "{outcome}");
    assert!(stage.provider.calls_of(Route::PutWebhook).is_empty());
    assert!(receiver.log().contains(
        "nothing is registered with CaiGunn, only what was missed is asked for; set CAIGUNN_PUBLIC_URL"
    ));
}
