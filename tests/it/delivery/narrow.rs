//! A line to the store on which not all that may be sent at once comes in time: it comes in parts.

use caigunn_webhook::event::sample::Ids;
use url::Url;

use super::{Store, destinations, wait_for_state};
use crate::harness::application::{Application, Reply};
use crate::harness::distance::narrow_to;
use crate::harness::{client, spawn_app_with};

/// 4 MB/s: eight bodies of 2 MB take four seconds, and the store has two for an answer.
const BYTES_PER_SECOND: u32 = 4_000_000;
const BODY_BYTES: usize = 2_000_000;
const COUNT: usize = 8;

fn large() -> String {
    let (event_id, chatbot_id) = (Ids::fresh().event_id, Ids::fresh().chatbot_id);
    let padding = "x".repeat(BODY_BYTES);
    format!(
        r#"{{"event":"crawling","status":"initial","event_id":"{event_id}","data":{{"chatbot_id":"{chatbot_id}"}},"x":"{padding}"}}"#
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_do_not_come_in_time_all_at_once_are_delivered_some_at_a_time() {
    let Some(store) = Store::postgres().await else {
        return;
    };
    let near = spawn_app_with(&[("inbox.url", &store.url())]).await;
    for _ in 0..COUNT {
        let url = format!("http://{}/webhook", near.public);
        let request = client().post(url).header("content-type", "application/json");
        let response = request.body(large()).send().await.expect("the receiver answers");
        assert_eq!(response.status(), 200);
    }
    near.stop().await;
    let application = Application::answering(|_| Reply::Status(200)).await;
    let all = destinations(&[("app", &application.url(), r#"since = "2020-01-01T00:00:00Z""#)]);
    let mut url = Url::parse(&store.url()).expect("a URL");
    let address = (
        url.host_str().expect("a host").to_owned(),
        url.port().unwrap_or(5432),
    );
    let mut addresses = tokio::net::lookup_host(address).await.expect("a known host");
    let line = narrow_to(addresses.next().expect("an address"), BYTES_PER_SECOND).await;
    url.set_ip_host(line.ip()).expect("a URL with a host");
    url.set_port(Some(line.port())).expect("a URL with a host");

    let far = spawn_app_with(&[("inbox.url", url.as_str()), ("delivery.destination", &all)]).await;

    wait_for_state(far.admin, "app", "delivered", COUNT).await;
    assert_eq!(application.arrivals().len(), COUNT);
    far.stop().await;
}
