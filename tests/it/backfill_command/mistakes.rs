//! What cannot be done is told in words that say what to mend, and with the right exit code.

use tokio::net::TcpSocket;

use super::*;
use crate::harness::postgres::{self, fresh_database};

#[tokio::test]
async fn what_is_no_list_of_jobs_is_reported_and_nothing_is_done() {
    let stage = Stage::new().await;
    let path = stage.folder.path().join("jobs.txt");
    let name = path.to_str().unwrap();
    let job = stage.missed().event_id;
    let many: String = (0..12).map(|number| format!("job {number}\n")).collect();
    let cases = [
        (
            format!("{job}\ncrawling\n\n{job}7 # a note\n"),
            vec![
                format!("{name} has 2 lines that are no event_id:"),
                "line 2: expected a uuid, found \"crawling\"".to_owned(),
                format!("line 4: expected a uuid, found \"{job}7\""),
            ],
        ),
        (
            "crawling\n".to_owned(),
            vec![format!("{name} has 1 line that is no event_id:")],
        ),
        (
            "# nothing\n\n".to_owned(),
            vec![format!("{name} has no event_id")],
        ),
        (
            many,
            vec![
                format!("{name} has 12 lines that are no event_id:"),
                "line 10: ".to_owned(),
            ],
        ),
    ];
    for (text, expected) in cases {
        fs::write(&path, &text).expect("the folder takes files");

        let ended = stage.run(&["--file", name]).await;

        assert_eq!((ended.code, &*ended.output), (Some(1), ""), "{ended:?}");
        for line in expected {
            assert!(ended.errors.contains(&line), "{line:?} is not in {ended:?}");
        }
        assert!(!ended.errors.contains("line 11"), "{ended:?}");
    }
    fs::remove_file(&path).expect("it is there");
    let ended = stage.run(&["--file", name]).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.errors.contains(&format!("reading {name}")), "{ended:?}");
    let ended = stage.run(&["--file", "-"]).await;
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.errors.contains("standard input has no event_id"),
        "{ended:?}"
    );
    assert!(stage.provider.calls().is_empty());
}

#[tokio::test]
async fn wrong_usage_ends_with_64() {
    let stage = Stage::new().await;
    for arguments in [
        &["7"][..],
        &[],
        &["--chatbot", "7", "0191f0a0-0000-7000-8000-000000000001"],
        &["--format", "yaml", "0191f0a0-0000-7000-8000-000000000001"],
    ] {
        let ended = stage.run(arguments).await;
        assert_eq!(ended.code, Some(64), "{ended:?}");
    }
    assert!(stage.provider.calls().is_empty());
}

#[tokio::test]
async fn what_fails_is_told_of_its_job() {
    let planted = |status| Reply::Status(status, None, json!({"detail": "planted"}));
    let cases = [
        (
            planted(500),
            "cannot read CaiGunn's log: CaiGunn is unavailable: 500: planted",
        ),
        (
            planted(401),
            "cannot read CaiGunn's log: CaiGunn refused API key 9b346041… with 401: planted; check CAIGUNN_API_KEY: the \
             key must be of a chatbot of the access token's user that is not deleted",
        ),
    ];
    for is_beside_a_receiver in [false, true] {
        let mut stage = Stage::new().await;
        let process = if is_beside_a_receiver {
            Some(stage.receiver().await)
        } else {
            None
        };
        for (reply, problem) in &cases {
            stage.provider.reply_always(Route::EventLog, Some(reply.clone()));

            let (output, code) = stage.json(&Ids::fresh(), &[]).await;

            assert_eq!(code, Some(1));
            assert_eq!(output["failed_count"], 1);
            let found = output["jobs"][0]["problems"][0].as_str().expect("text");
            match &process {
                None => assert_eq!(found, *problem),
                Some(_) => assert!(found.ends_with(&format!(" answers 502: {problem}")), "{found}"),
            }
        }
    }
}

#[tokio::test]
async fn what_is_wrong_with_the_configuration_is_told() {
    let mut stage = Stage::new().await;
    stage
        .variables
        .retain(|(name, _)| *name != "CAIGUNN_ACCESS_TOKEN");
    let job = Ids::fresh().event_id.to_string();
    let ended = stage.run(&[&job]).await;
    assert_eq!(ended.code, Some(64));
    assert!(ended.errors.contains("set CAIGUNN_ACCESS_TOKEN"), "{ended:?}");

    stage
        .variables
        .push(("CAIGUNN_ACCESS_TOKEN", "expired".to_owned()));
    let ended = stage.run(&[&job]).await;
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.errors.contains("listing the account's chatbots"),
        "{ended:?}"
    );
    assert!(ended.errors.contains("CAIGUNN_ACCESS_TOKEN"), "{ended:?}");
}

#[tokio::test]
async fn a_receiver_that_cannot_be_asked_is_told_from_one_that_refuses() {
    let mut stage = Stage::new().await;
    stage.variables.push(("CAIGUNN_ADMIN_TOKEN", TOKEN.to_owned()));
    let process = stage.receiver().await;
    let (job, admin) = (Ids::fresh().event_id.to_string(), process.admin);
    let run_with = async |name: &str, value: &str| {
        let mut command = stage.command(&[&job]);
        command.env(name, value);
        run(command).await
    };
    // It refuses connections, for as long as the socket lives.
    let deaf = TcpSocket::new_v4().unwrap();
    deaf.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let deaf_address = deaf.local_addr().unwrap().to_string();
    let no_receiver = stage.provider.address.to_string();
    let cases = [
        (
            "CAIGUNN_ADMIN_TOKEN",
            "wrong-0123456789abcdef".to_owned(),
            "was started with another admin token: set CAIGUNN_ADMIN_TOKEN",
        ),
        (
            "CAIGUNN_ADMIN_LISTEN",
            deaf_address,
            ": check admin.listen, or see whether that receiver hangs",
        ),
        (
            "CAIGUNN_ADMIN_LISTEN",
            no_receiver,
            "no receiver answers at the admin address",
        ),
        (
            "CAIGUNN_ADMIN_LISTEN",
            process.public.to_string(),
            "has no such path, as on its public side",
        ),
    ];

    for (name, value, expected) in cases {
        let ended = run_with(name, &value).await;

        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(
            format!("{}{}", ended.output, ended.errors).contains(expected),
            "{expected:?} is not in {ended:?}"
        );
    }
    let ended = run_with("CAIGUNN_ADMIN_LISTEN", &admin.to_string()).await;
    assert!(ended.output.contains("CaiGunn has no log of it"), "{ended:?}");
}

#[tokio::test]
async fn in_a_folder_without_an_inbox_none_is_made() {
    let stage = Stage::new().await;
    let inbox = stage.folder.path().join("inbox.db");
    fs::remove_file(&inbox).expect("the inbox can be removed");

    let ended = stage.run(&[&Ids::fresh().event_id.to_string()]).await;

    assert_eq!(ended.code, Some(1));
    let expected = format!("there is no inbox at {}: run this in", inbox.display());
    assert!(ended.errors.contains(&expected), "{ended:?}");
    assert!(!inbox.exists());
    assert!(stage.provider.calls().is_empty());
}

#[tokio::test]
async fn where_the_chatbots_cannot_be_listed_every_given_key_is_tried() {
    let mut stage = Stage::new().await;
    stage.variables.push(("CAIGUNN_API_KEY", "key-one".to_owned()));
    let ids = stage.missed();
    stage
        .provider
        .reply_always(Route::Chatbots, Some(Reply::Text(500, "down")));

    let (output, code) = stage.json(&ids, &[]).await;

    assert_eq!(code, Some(0), "{output}");
    assert_eq!(output["missing_count"], 2);
}

#[tokio::test]
async fn a_database_without_an_inbox_is_said_to_have_none_and_left_so() {
    let Some(database) = fresh_database().await else {
        return;
    };
    let mut stage = Stage::new().await;
    let ids = stage.missed();
    stage
        .variables
        .push(("CAIGUNN_INBOX_URL", database.url().to_owned()));

    let ended = stage.run(&[&ids.event_id.to_string()]).await;

    assert_eq!((ended.code, &*ended.output), (Some(1), ""), "{ended:?}");
    assert!(
        ended
            .errors
            .starts_with("caigunn-webhook: there is no inbox at 127.0.0.1:"),
        "{ended:?}"
    );
    let schemas = "SELECT FROM pg_namespace WHERE nspname = 'caigunn_webhook'";
    assert_eq!(database.rows(schemas).await.len(), 0);
}

#[tokio::test]
async fn a_database_of_an_older_program_is_left_to_a_receiver() {
    let Some(database) = fresh_database().await else {
        return;
    };
    let mut stage = Stage::new().await;
    let ids = stage.missed();
    postgres::make_older(&database).await;
    stage
        .variables
        .push(("CAIGUNN_INBOX_URL", database.url().to_owned()));

    let ended = stage.run(&[&ids.event_id.to_string()]).await;

    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.errors.contains(postgres::OLDER), "{ended:?}");
}
