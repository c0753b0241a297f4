//! Where commits wait for a standby that is not there, whoever waits for them is told so; and what a server that is gone
//! needs, the page says.

use reqwest::Client;

use super::Replica;
use crate::harness::application::Application;
use crate::harness::postgres::{Server, fresh_database};
use crate::harness::process::run;
use crate::harness::{Process, client, json, sample, wait_for};

/// What an answer says, if it is a refusal.
async fn refusal(client: &Client, url: &str, body: Option<String>) -> Result<String, String> {
    let request = client.post(url).header("content-type", "application/json");
    let request = match body {
        Some(body) => request.body(body),
        None => request,
    };
    let response = request.send().await.expect("the receiver answers");
    let (status, text) = (response.status(), response.text().await.unwrap_or_default());
    if status == 503 { Ok(text) } else { Err(text) }
}

/// Sets `synchronous_standby_names`.
async fn wait_for_standbys(server: &Server, names: &str) {
    server
        .execute(&format!("ALTER SYSTEM SET synchronous_standby_names = '{names}'"))
        .await;
    server.execute("SELECT pg_reload_conf()").await;
}

#[tokio::test]
async fn a_standby_that_is_not_there_is_named_to_all_who_wait_for_it() {
    let Some(mut server) = Server::start().await else {
        return;
    };
    let application = Application::start().await;
    let destination = format!(
        "[{{name = \"app\", kind = \"http\", url = \"{}\"}}]",
        application.url()
    );
    let replica = Replica::start(server.url(), &[("CAIGUNN_DELIVERY_DESTINATION", &destination)]).await;
    let (client, process) = (client(), &replica.process);
    let admin = |path: &str| format!("http://{}{path}", process.admin);
    let get = async |path: &str| {
        let response = client
            .get(admin(path))
            .send()
            .await
            .expect("the receiver answers");
        response.text().await.expect("it is text")
    };
    wait_for("the destination to be there", || async {
        let listed = get("/api/v1/destinations").await;
        listed.contains("\"active\"").then_some(()).ok_or(listed)
    })
    .await;
    wait_for_standbys(&server, "nobody").await;

    wait_for("a post to be refused for it", || async {
        let body = json(&sample("crawling.completed")).to_string();
        let said = refusal(&client, &process.url("/webhook"), Some(body)).await?;
        let names_it = said.contains("commits there wait for a standby of synchronous_standby_names");
        names_it.then_some(()).ok_or(said)
    })
    .await;
    let paused = refusal(&client, &admin("/api/v1/destinations/app/pause"), None).await;
    let folder = tempfile::tempdir().expect("the system has a folder for temporary files");
    let mut command = Process::command(folder.path());
    command.env("CAIGUNN_INBOX_URL", server.url()).arg("doctor");
    let doctor = run(command).await.output;

    let paused = paused.expect("it is not known to be paused");
    assert!(
        paused.contains("and may do all the same what it was told"),
        "{paused}"
    );
    let durability = "FAILURE  durability: commits wait for a standby that does not confirm them: synchronous_standby_names is \
                      \"nobody\"\n         see in pg_stat_replication whether the standby follows";
    assert!(doctor.contains(durability), "{doctor}");
    let lines: Vec<_> = doctor.lines().collect();
    let writing = lines
        .iter()
        .position(|line| line.starts_with("FAILURE  writing: "));
    let writing = writing.unwrap_or_else(|| panic!("{doctor}"));
    assert!(
        lines[writing + 1].starts_with("         see in pg_stat_replication"),
        "{doctor}"
    );

    wait_for_standbys(&server, "").await;
    wait_for("what was told to be done", || async {
        let listed = get("/api/v1/destinations").await;
        listed.contains("\"paused\"").then_some(()).ok_or(listed)
    })
    .await;
    server.stop_fast().await;
    wait_for("the page to say that the database is gone", || async {
        let line = get("/health").await;
        let is_said = line.contains("see that the database runs") && !line.contains("volume");
        is_said.then_some(()).ok_or(line)
    })
    .await;
}

#[tokio::test]
async fn a_server_without_fsync_whose_commits_wait_for_a_standby_is_no_failure() {
    let Some(server) = Server::start().await else {
        return;
    };
    let standby = server.standby().await;
    server.wait_for_standby(&standby).await;
    server.execute("ALTER SYSTEM SET fsync = off").await;
    wait_for_standbys(&server, "*").await;
    let folder = tempfile::tempdir().expect("the system has a folder for temporary files");

    wait_for("doctor to say that it rests on the standby", || async {
        let mut command = Process::command(folder.path());
        command.env("CAIGUNN_INBOX_URL", server.url()).arg("doctor");
        let doctor = run(command).await.output;
        let is_said = doctor.contains(
            "warning  durability: the server has fsync turned off: what was answered with 200 rests on \"*\", for which \
             commits wait, alone",
        );
        is_said.then_some(()).ok_or(doctor)
    })
    .await;
}

#[tokio::test]
async fn what_was_told_is_said_to_come_where_what_became_of_it_cannot_be_read() {
    let Some(database) = fresh_database().await else {
        return;
    };
    let destination = r#"[{name = "app", kind = "http", url = "http://127.0.0.1:1"}]"#;
    let replica = Replica::start(database.url(), &[("CAIGUNN_DELIVERY_DESTINATION", destination)]).await;
    database
        .execute(
            "SET search_path = caigunn_webhook;
             ALTER TABLE instruction ALTER COLUMN progress DROP NOT NULL;
             CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN NEW.progress := NULL; RETURN NEW; END $$;
             CREATE TRIGGER loses BEFORE INSERT ON instruction FOR EACH ROW EXECUTE FUNCTION lose()",
        )
        .await;

    let url = format!("http://{}/api/v1/destinations/app/pause", replica.process.admin);
    let response = client().post(url).send().await.expect("the receiver answers");

    let (status, text) = (response.status(), response.text().await.unwrap_or_default());
    let rows = database
        .rows("SELECT id::text FROM caigunn_webhook.instruction")
        .await;
    let id: String = rows[0].get(0);
    assert_eq!(status, 202, "{text}");
    assert!(text.contains(&id), "{text}");
}
