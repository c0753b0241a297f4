//! What is trusted, where that changes while a receiver runs.

use std::fs;

use super::{Receiver, certify};
use crate::delivery::{post_jobs, wait_for_state};
use crate::harness::application::Application;
use crate::harness::{closed_folder, tls};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_authority_that_is_added_to_what_is_trusted_counts_while_the_receiver_runs() {
    let folder = closed_folder();
    certify(folder.path());
    let [bundle, added] = ["certificate.pem", "added.pem"].map(|name| folder.path().join(name));
    let application = Application::start().await;
    let address = tls::before(application.address, &added).await;
    let destinations = [
        format!(r#"name = "app", kind = "http", url = "https://{address}/hook""#),
        format!(
            r#"name = "queue", kind = "sqs", url = "https://{address}/1/q", region = "eu-central-1", access_key_id = "key",
               secret_access_key = "planted-secret""#
        ),
    ];
    let trusted = [("SSL_CERT_FILE", bundle.to_str().unwrap())];
    let receiver = Receiver::start_with(&destinations, &trusted).await;
    post_jobs(receiver.public(), 1).await;
    for name in ["app", "queue"] {
        receiver.wait_for_failure(name, "invalid peer certificate").await;
    }

    let both = [&bundle, &added].map(|path| fs::read_to_string(path).unwrap());
    fs::write(&bundle, both.concat()).unwrap();

    wait_for_state(receiver.admin(), "app", "delivered", 2).await;
    receiver
        .wait_for_failure("queue", "without a message id, so it is no SQS")
        .await;
}
