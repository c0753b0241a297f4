//! Promise: a proxy and the trusted certificates are taken from the environment and named where they stand in the way,
//! and nothing on this machine needs either.

use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::application::{Application, Reply};
use crate::harness::process::{Ended, run};
use crate::harness::{Process, Provider, free_port, tls};

/// A command in a folder of its own, with these variables.
async fn command(arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
    let folder = TempDir::new().unwrap();
    let mut command: Command = Process::command(folder.path());
    command.args(arguments).envs(variables.iter().copied());
    run(command).await
}

#[tokio::test]
async fn a_proxy_that_does_not_answer_is_named_without_its_password_unless_the_host_is_excepted() {
    let proxy = format!("http://user:hunter2@127.0.0.1:{}", free_port());
    let shown = proxy.replace("user:hunter2@", "");
    // Of this machine and not called so: nobody listens there, and no resolver is asked.
    let api = format!("https://0.0.0.0:{}", free_port());
    let variables = [
        ("HTTPS_PROXY", proxy.as_str()),
        ("CAIGUNN_API_URL", api.as_str()),
        ("CAIGUNN_ACCESS_TOKEN", "access-token"),
        ("CAIGUNN_PUBLIC_URL", "https://hooks.invalid"),
    ];

    let through = command(&["subscription", "show"], &variables).await;
    let around = command(
        &["subscription", "show"],
        &[variables.as_slice(), &[("NO_PROXY", "0.0.0.0")]].concat(),
    )
    .await;

    assert!(
        through.errors.contains(&format!("(through the proxy {shown},")),
        "{through:?}"
    );
    assert!(!through.errors.contains("hunter2"), "{through:?}");
    assert!(!around.errors.contains("proxy"), "{around:?}");
    assert!(around.errors.contains("Connection refused"), "{around:?}");
}

#[tokio::test]
async fn a_proxy_in_quotes_starts_nothing_and_is_named_by_every_command() {
    let proxy = [("HTTPS_PROXY", "\"http://user:hunter2@proxy:3128\"")];
    for arguments in [&["config", "check"][..], &["doctor"], &["serve"]] {
        let ended = command(arguments, &proxy).await;

        assert_eq!(ended.code, Some(64), "{ended:?}");
        assert!(
            ended
                .errors
                .contains("HTTPS_PROXY (the environment): give it without the quotes"),
            "{ended:?}"
        );
        assert!(!ended.errors.contains("hunter2"), "{ended:?}");
    }
}

#[tokio::test]
async fn without_any_certificate_commands_of_this_machine_work_and_calls_to_others_say_what_is_missing() {
    let folder = TempDir::new().unwrap();
    let (file, certificates) = (folder.path().join("none.pem"), folder.path().join("none"));
    let variables = [
        ("SSL_CERT_FILE", file.to_str().unwrap()),
        ("SSL_CERT_DIR", certificates.to_str().unwrap()),
    ];
    let receiver = Process::start(folder.path(), &variables).await;
    let (public, admin) = (receiver.public.to_string(), receiver.admin.to_string());
    let beside = [
        ("CAIGUNN_LISTEN", public.as_str()),
        ("CAIGUNN_ADMIN_LISTEN", admin.as_str()),
    ];
    let beside = [variables.as_slice(), &beside].concat();

    let healthy = command(&["healthcheck"], &beside).await;
    let listed = command(&["receipts", "list"], &beside).await;
    let account = [
        ("CAIGUNN_ACCESS_TOKEN", "access-token"),
        ("CAIGUNN_API_URL", "https://192.0.2.1"),
    ];
    let refreshed = command(&["token", "refresh"], &[beside.as_slice(), &account].concat()).await;

    assert_eq!(healthy.code, Some(0), "{healthy:?}");
    assert_eq!(listed.code, Some(0), "{listed:?}");
    assert!(refreshed.errors.contains("SSL_CERT_FILE"), "{refreshed:?}");
}

#[tokio::test]
async fn a_variable_that_leads_to_no_certificate_is_not_passed_over_in_silence() {
    let folder = TempDir::new().unwrap();
    let (none, key) = (folder.path().join("none.pem"), folder.path().join("key.pem"));
    std::fs::write(
        &key,
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    )
    .unwrap();
    for (variable, value, cause) in [
        ("SSL_CERT_FILE", none.clone(), "No such file or directory"),
        ("SSL_CERT_FILE", key, "there is none in it"),
        ("SSL_CERT_DIR", none, "No such file or directory"),
    ] {
        let value = value.to_str().unwrap();
        let variables = [(variable, value)];

        let checked = command(&["config", "check"], &variables).await;
        let examined = command(&["doctor"], &variables).await;
        let inbox = TempDir::new().unwrap();
        let receiver = Process::start(inbox.path(), &variables).await;

        let expected = format!("no certificate comes from {variable}, which is {value}: ");
        assert_eq!(checked.code, Some(0), "{checked:?}");
        let said = [checked.output, examined.output, receiver.log()];
        for said in said {
            let found = said.split_once(&expected).map(|(_, rest)| rest);
            let found = found.and_then(|rest| rest.lines().next()).unwrap_or_default();
            assert!(found.contains(cause), "{said}");
        }
    }
}

#[tokio::test]
async fn a_destination_may_do_without_the_proxy() {
    let proxy = format!("http://127.0.0.1:{}", free_port());
    for (setting, is_named) in [("", true), (", \"proxy\": false", false)] {
        let destination =
            format!("[{{\"name\": \"app\", \"kind\": \"http\", \"url\": \"http://app.invalid\"{setting}}}]");
        let variables = [
            ("HTTP_PROXY", proxy.as_str()),
            ("CAIGUNN_DELIVERY_DESTINATION", destination.as_str()),
        ];

        let examined = command(&["doctor"], &variables).await;

        assert!(examined.output.contains("app.invalid"), "{examined:?}");
        assert_eq!(
            examined.output.contains(&format!("through the proxy {proxy}")),
            is_named,
            "{examined:?}"
        );
    }
}

#[tokio::test]
async fn doctor_says_of_a_host_behind_a_proxy_that_reads_no_more_than_that_the_proxy_is_there() {
    let proxy = Application::start().await;
    let named = format!("http://user:hunter2@{}", proxy.address);
    let destination = r#"[{"name": "app", "kind": "http", "url": "http://app.invalid:8080/hook"}]"#;
    let variables = [
        ("HTTP_PROXY", named.as_str()),
        ("CAIGUNN_DELIVERY_DESTINATION", destination),
    ];

    let examined = command(&["doctor"], &variables).await;

    let found = format!(
        "ok       destination: app: the proxy http://{} takes connections; whether app.invalid:8080 does, only a request tells\n",
        proxy.address
    );
    assert!(examined.output.contains(&found), "{examined:?}");
    assert!(!examined.output.contains("hunter2"), "{examined:?}");
    assert!(proxy.arrivals().is_empty());
}

#[tokio::test]
async fn a_refusal_that_may_be_the_proxy_s_names_it_and_one_of_the_application_does_not() {
    for (status, is_named) in [(407, true), (503, true), (422, false)] {
        let proxy = Application::answering(move |_| Reply::Status(status)).await;
        let named = format!("http://{}", proxy.address);
        let destination = r#"[{"name": "app", "kind": "http", "url": "http://app.invalid/hook"}]"#;
        let folder = TempDir::new().unwrap();
        let variables = [
            ("HTTP_PROXY", named.as_str()),
            ("CAIGUNN_DELIVERY_DESTINATION", destination),
        ];
        let receiver = Process::start(folder.path(), &variables).await;
        let address = receiver.public.to_string();
        let posted = command(
            &["trigger", "crawling.completed"],
            &[("CAIGUNN_LISTEN", &address)],
        )
        .await;
        assert_eq!(posted.code, Some(0), "{posted:?}");

        let is_attempt = |line: &Value| !line["caigunn.attempt.status"].is_null();
        let line = receiver.wait_for_lines(1, is_attempt).await.remove(0);

        let message = line["message"].as_str().unwrap();
        assert!(message.contains(&format!("answered {status}")), "{message}");
        assert_eq!(
            message.contains(&format!("(through the proxy {named},")),
            is_named,
            "{message}"
        );
    }
}

#[tokio::test]
async fn an_authority_that_is_added_to_what_is_trusted_counts_for_calls_to_caigunn_while_the_receiver_runs() {
    let folder = TempDir::new().unwrap();
    let [bundle, added] = ["bundle.pem", "added.pem"].map(|name| folder.path().join(name));
    // Of an authority that has nothing to do with it.
    let _ = tls::acceptor(&bundle);
    let provider = Provider::start([]).await;
    let address = tls::before(provider.address, &added).await;
    let api = format!("https://{address}");
    let variables = [
        ("SSL_CERT_FILE", bundle.to_str().unwrap()),
        ("CAIGUNN_API_URL", &api),
        ("CAIGUNN_ACCESS_TOKEN", "access-token"),
        ("CAIGUNN_PUBLIC_URL", "https://hooks.example.com"),
        ("CAIGUNN_SUBSCRIPTION_PROBE", "false"),
        ("CAIGUNN_SUBSCRIPTION_RETRY_MAX_SECONDS", "1"),
    ];
    let receiver = Process::start(folder.path(), &variables).await;
    receiver.wait_for_log("invalid peer certificate", 1).await;
    assert!(provider.calls().is_empty());

    let both = [&bundle, &added].map(|path| std::fs::read_to_string(path).unwrap());
    std::fs::write(&bundle, both.concat()).unwrap();

    receiver.wait_for_log("registered https", 1).await;
}
