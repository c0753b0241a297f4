//! What keeps a receiver from starting on a database, or from storing there, is a failure here too.

use url::Url;

use super::assert_finds;
use super::postgres::{INBOX, assert_says, shown};
use crate::harness::Site;
use crate::harness::postgres::{PgBouncer, fresh_database};

#[tokio::test]
async fn a_pooler_that_mixes_sessions_up_is_a_failure_also_beside_receivers() {
    let Some(database) = fresh_database().await else {
        return;
    };
    let site = Site::running_with(&[(INBOX, database.url())]).await;
    for pool_mode in ["transaction", "statement"] {
        let Some(pooler) = PgBouncer::start(database.url(), pool_mode).await else {
            return;
        };

        let ended = site.doctor(&[(INBOX, pooler.url())]).await;
        let checked = site.run(&["inbox", "check"], &[(INBOX, pooler.url())]).await;

        let shown = shown(pooler.url());
        let found = format!("{shown} is a pooler that gives one session to several clients");
        let advice = "name the server itself in CAIGUNN_INBOX_URL, or have the pooler give each client a session of its own";
        assert_says(
            &ended,
            &format!("FAILURE  inbox: PostgreSQL at {shown} does not open: {found}"),
            advice,
        );
        assert_eq!(checked.code, Some(1), "{checked:?}");
        assert!(checked.errors.contains(&found), "{checked:?}");
        assert!(checked.errors.contains(&format!("\n{advice}")), "{checked:?}");
    }
    let Some(pooler) = PgBouncer::start(database.url(), "session").await else {
        return;
    };
    assert_finds(&site.doctor(&[(INBOX, pooler.url())]).await, "");
}

#[tokio::test]
async fn a_user_who_lacks_a_right_to_the_tables_is_a_failure_until_it_is_given() {
    let Some(database) = fresh_database().await else {
        return;
    };
    let mut site = Site::running_with(&[(INBOX, database.url())]).await;
    site.stop().await;
    let mut url = Url::parse(database.url()).expect("a URL");
    let role = url.path().trim_start_matches('/').to_owned();
    database
        .execute(&format!(
            "CREATE ROLE {role} LOGIN PASSWORD 'one-of-its-own';
             GRANT USAGE ON SCHEMA caigunn_webhook TO {role};
             GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA caigunn_webhook TO {role}"
        ))
        .await;
    url.set_username(&role).expect("a URL with a host");
    url.set_password(Some("one-of-its-own"))
        .expect("a URL with a host");

    let lacking = site.doctor(&[(INBOX, url.as_str())]).await;

    let shown = shown(database.url());
    assert_says(
        &lacking,
        &format!(
            "FAILURE  writing: {shown} does not take all that a receiver writes: the user in CAIGUNN_INBOX_URL has no right to \
             DELETE on the table "
        ),
        "name the owner of the tables in CAIGUNN_INBOX_URL; or, where they are up to date, GRANT SELECT, INSERT, UPDATE, \
         DELETE ON ALL TABLES IN SCHEMA caigunn_webhook to that user",
    );
    database
        .execute(&format!(
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA caigunn_webhook TO {role}"
        ))
        .await;
    site.start(&[(INBOX, url.as_str())]).await;
    assert_finds(&site.doctor(&[(INBOX, url.as_str())]).await, "");
    site.stop().await;
    database
        .execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}"))
        .await;
}

#[tokio::test]
async fn a_table_that_is_missing_is_named() {
    let Some(database) = fresh_database().await else {
        return;
    };
    let site = Site::running_with(&[(INBOX, database.url())]).await;
    database.execute("DROP TABLE caigunn_webhook.notices").await;

    let ended = site.doctor(&[(INBOX, database.url())]).await;
    let checked = site.run(&["inbox", "check"], &[(INBOX, database.url())]).await;

    assert!(!ended.output.contains("is not the inbox of"), "{}", ended.output);
    let line = ended
        .output
        .lines()
        .find(|line| line.starts_with("FAILURE  inbox: PostgreSQL "));
    let line = line.unwrap_or_default();
    assert!(
        line.ends_with(" that are not whole: there is no table notices"),
        "{}",
        ended.output
    );
    assert_says(
        &ended,
        line,
        "stop the receivers and put the whole schema caigunn_webhook back from a backup",
    );
    assert!(
        checked.errors.contains("is damaged: there is no table notices"),
        "{checked:?}"
    );
}
