//! Where the inbox is, and what its store is told.

use super::*;

fn location(text: &str) -> InboxLocation {
    let loaded = load(&flags(&[("inbox.url", text)]));
    loaded.unwrap().settings.inbox_location
}

/// What is said of a URL with a mistake, after what is said of each.
fn refused(text: &str) -> String {
    let mistakes = mistakes(&environment(&[("CAIGUNN_INBOX_URL", text)]));
    let each = "inbox.url (CAIGUNN_INBOX_URL): expected sqlite:PATH or postgres://USER:PASSWORD@HOST:PORT/DATABASE, ";
    assert_eq!(mistakes.len(), 1, "{mistakes:?}");
    mistakes[0].strip_prefix(each).unwrap_or(&mistakes[0]).to_owned()
}

#[test]
fn an_inbox_in_a_file_is_named_by_its_path() {
    for (text, path) in [
        ("sqlite:data/inbox.db", "data/inbox.db"),
        ("sqlite:/var/lib/inbox.db", "/var/lib/inbox.db"),
        ("sqlite:data/my inbox.db", "data/my inbox.db"),
    ] {
        let location = location(text);

        assert_eq!(location, InboxLocation::Sqlite(PathBuf::from(path)));
        assert_eq!(location.to_string(), text);
        assert!(!location.is_shared());
    }
}

#[test]
fn an_inbox_in_postgresql_is_named_by_its_url_and_may_be_shared() {
    for scheme in ["postgres", "postgresql"] {
        let text = format!("{scheme}://me:{SECRET}@a:5433,b/inbox?sslmode=verify-full");

        let location = location(&text);

        assert_eq!(
            location,
            InboxLocation::Postgres(postgres::Location::parse(&text).unwrap())
        );
        assert_eq!(location.to_string(), text.replace(SECRET, "***"));
        assert!(location.is_shared());
    }
}

#[test]
fn a_mistake_in_a_location_says_what_is_wrong_and_shows_no_password() {
    let cases = [
        ("sqlite:", "found \"sqlite:\": it names no file"),
        (
            "sqlite:~/inbox.db",
            "found \"sqlite:~/inbox.db\": ~ is not replaced here: write the whole path, as in sqlite:/home/me/inbox.db",
        ),
        ("data/inbox.db", "found \"data/inbox.db\": it begins otherwise"),
        ("SQLITE:x", "found \"SQLITE:x\": it begins otherwise"),
        (
            "postgres://me:hunter2@db",
            "found \"postgres://[hidden]\": it names no database",
        ),
        (
            "postgresql://me:hunter2/db",
            "found \"postgresql://[hidden]\": invalid value for option `port`",
        ),
        (
            "mysql://me:hunter2@db/inbox",
            "found \"mysql://[hidden]\": it begins otherwise",
        ),
        (
            "host=db password=hunter2",
            "found another text (hidden): it begins otherwise",
        ),
        (
            "me:hunter2@db/inbox",
            "found another text (hidden): it begins otherwise",
        ),
        (
            "postgres:me:hunter2",
            "found another text (hidden): it does not begin with postgres:// or postgresql://",
        ),
    ];
    for (text, said) in cases {
        assert_eq!(refused(text), said, "{text}");
    }
}

#[test]
fn a_location_can_come_from_a_file_as_secrets_can() {
    let mut sources = environment(&[
        // As an image may set it and a deployment takes it back.
        ("CAIGUNN_INBOX_URL", ""),
        ("CAIGUNN_INBOX_URL_FILE", "/run/inbox_url"),
    ]);
    sources.read_files(|path| {
        assert_eq!(path, "/run/inbox_url");
        Ok(format!("postgres://me:{SECRET}@db/inbox\n"))
    });

    let loaded = load(&sources).unwrap();

    assert!(loaded.settings.inbox_location.is_shared());
    assert_eq!(
        shown(&loaded, "inbox.url"),
        (
            "postgres://me:***@db/inbox".to_owned(),
            "CAIGUNN_INBOX_URL_FILE".to_owned()
        )
    );
}

#[test]
fn a_connection_that_is_not_verified_is_warned_of() {
    let warnings = |url: &str| {
        let given = [("inbox.url", url), ("webhook.token", SECRET)];
        said(&load(&flags(&given)).unwrap().warnings)
    };

    assert_eq!(
        warnings(&format!("postgres://me:{SECRET}@db/inbox")),
        [
            "the connection to PostgreSQL at db:5432/inbox is not verified: whoever is on the way can read and change \
             what is stored; set sslmode=verify-full in CAIGUNN_INBOX_URL, and sslrootcert=PATH where your own \
             authority signs"
        ]
    );
    for url in [
        "sqlite:data/inbox.db",
        "postgres://db/inbox?sslmode=verify-full",
        "postgres://localhost/inbox",
    ] {
        assert!(warnings(url).is_empty(), "{url}");
    }
}

#[test]
fn the_store_and_those_who_wait_for_it_have_the_same_time() {
    let settings = load(&flags(&[
        ("inbox.append_timeout_seconds", "8"),
        ("inbox.max_connections", "5"),
    ]))
    .unwrap()
    .settings;

    // The store gives up a little sooner, to say where it waited.
    assert_eq!(settings.inbox.timeout, Duration::from_millis(7_500));
    assert_eq!(settings.writer.timeout, Duration::from_secs(8));
    assert_eq!(settings.inbox.max_connections, 5);
    let defaults = load(&Sources::default()).unwrap().settings;
    assert_eq!(defaults.inbox.timeout, Duration::from_millis(3_750));
    assert_eq!(defaults.inbox.max_connections, 8);
}
