//! Destinations that are queues.

use secrecy::ExposeSecret;

use super::*;

fn nats(members: &str) -> Sources {
    let usual = "name = \"q\"\nkind = \"nats\"\nurl = \"nats://n:4222\"\nsubject = \"a.{event}\"\n";
    destination(&format!("{usual}{members}"))
}

/// As [`nats`], with a password in a file.
fn nats_with_file(members: &str, content: &str) -> Sources {
    let mut sources = nats(&format!("password_file = \"/run/p\"\n{members}"));
    sources.files.insert("/run/p".to_owned(), Ok(content.to_owned()));
    sources
}

fn redis(url: &str, members: &str) -> Sources {
    destination(&format!(
        "name = \"q\"\nkind = \"redis\"\nurl = \"{url}\"\nstream = \"a:{{event}}\"\n{members}"
    ))
}

/// Of the only destination the user and the password.
fn login(sources: &Sources) -> (Option<String>, Option<String>) {
    let destination = only(sources);
    let login = destination.kind.login().expect("it has one");
    let password = login.password.get();
    let password = password.as_ref().as_ref();
    (
        login.user.clone(),
        password.map(|password| password.expose_secret().to_owned()),
    )
}

#[test]
fn a_queue_has_a_place_and_a_login() {
    assert_eq!(only(&nats("")).kind.place(), "n:4222 a.{event}");
    assert_eq!(only(&redis("rediss://r/3", "")).kind.place(), "r a:{event}");
    assert_eq!(login(&nats("")), (None, None));
    let given = "user = \"u\"\npassword = \"p\"";
    assert_eq!(login(&nats(given)), (Some("u".to_owned()), Some("p".to_owned())));
    assert_eq!(login(&nats("password = \"t\"")), (None, Some("t".to_owned())));
    let mut in_file = nats("user = \"u\"\npassword_file = \"/run/p\"\nsecrets_file = \"/run/s\"");
    in_file.read_files(|path| match path {
        "/run/p" => Ok(" p2\n".to_owned()),
        "/run/s" => Ok(SIGNING_SECRET.to_owned()),
        other => panic!("{other}"),
    });
    assert_eq!(login(&in_file), (Some("u".to_owned()), Some("p2".to_owned())));
}

#[test]
fn a_login_that_is_none_is_a_mistake_that_quotes_nothing() {
    let place = "delivery.destination[0]";
    for (sources, expected) in [
        (
            nats("password = \"hunter2 ö\""),
            ".password (own.toml:1): expected visible ASCII characters, found another text (hidden)",
        ),
        (
            nats("password_file = \"/run/p\""),
            ".password_file (own.toml:1): /run/p: the file was not read",
        ),
        (
            nats_with_file("password = \"p\"", "p"),
            ".password_file (own.toml:1): `password` is given too",
        ),
        (
            nats_with_file("", " \n"),
            ".password_file (own.toml:1): /run/p: expected visible ASCII characters, found nothing or another text (hidden)",
        ),
        (
            redis("redis://r", "user = \"u\""),
            ".user (own.toml:1): there is no password beside it",
        ),
    ] {
        assert_eq!(mistakes(&sources), [format!("{place}{expected}")]);
    }
}

#[test]
fn a_url_that_leads_to_no_queue_of_its_kind_is_refused() {
    for url in [
        "redis://u:hunter2@r",
        "redis://r/x",
        "redis://r/1/2",
        "redis://r?db=1",
        "nats://r",
        "redis://",
    ] {
        let found = mistakes(&redis(url, ""));
        assert_eq!(found.len(), 1, "{url} {found:?}");
        assert!(!found[0].contains("hunter2"), "{found:?}");
    }
    for url in [
        "nats://u:hunter2@n:4222",
        "nats://n/x",
        "nats://n?x",
        "redis://n",
        "ws://n",
        "nats://",
    ] {
        let mut sources = nats("");
        let file = &mut sources.file.as_mut().unwrap().1;
        *file = file.replace("nats://n:4222", url);
        let found = mistakes(&sources);
        assert_eq!(found.len(), 1, "{url} {found:?}");
        assert!(!found[0].contains("hunter2"), "{found:?}");
    }
}

#[test]
fn what_is_wrong_with_the_url_of_a_queue_is_told() {
    for (url, expected) in [
        (
            "nats://u:hunter2@n:4222",
            "give the user in `user`, and the password in `password` or `password_file`",
        ),
        (
            "nats://n/x",
            "leave out what is behind host and port: the subject is in `subject`",
        ),
        ("nats://n?x", "leave out what begins with ? or #"),
        (
            "redis://:hunter2@r",
            "give the user in `user`, and the password in `password` or `password_file`",
        ),
        ("redis://r?db=1", "leave out what begins with ? or #"),
        (
            "redis://r/x",
            "behind host and port stands nothing, or / and the number of a database; the stream is in `stream`",
        ),
    ] {
        let mut sources = redis(url, "");
        if url.starts_with("nats") {
            sources = nats("");
            let file = &mut sources.file.as_mut().unwrap().1;
            *file = file.replace("nats://n:4222", url);
        }

        let found = mistakes(&sources);

        assert!(
            found.len() == 1 && found[0].ends_with(&format!(": {expected}")),
            "{found:?}"
        );
    }
}

#[test]
fn of_several_servers_it_is_told_that_one_is_to_be_given() {
    for (url, advice) in [
        (
            "nats://a:4222,nats://b:4222",
            "or a name that leads to several: they are tried through",
        ),
        (
            "nats://a:4222,b:4222",
            "or a name that leads to several: they are tried through",
        ),
        (
            "nats://a,b:4222",
            "or a name that leads to several: they are tried through",
        ),
        ("redis://a,b:6379", "the master, or a name that leads to it"),
    ] {
        let mut sources = nats("");
        let file = &mut sources.file.as_mut().unwrap().1;
        *file = file.replace("nats://n:4222", url);
        if url.starts_with("redis") {
            sources = redis(url, "");
        }

        let found = mistakes(&sources);

        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].contains("give one server") && found[0].ends_with(advice),
            "{found:?}"
        );
    }
}

#[test]
fn two_destinations_that_are_one_queue_are_warned_of_unless_no_notification_is_for_both() {
    let of_sqs = |name: &str, queue: &str, more: &str| {
        format!(
            "[[delivery.destination]]\nname = \"{name}\"\nkind = \"sqs\"\nregion = \"eu-central-1\"\nurl = \
             \"https://sqs.eu-central-1.amazonaws.com/1/{queue}\"\n{more}\n"
        )
    };
    let of_redis = |name: &str, database: u8, more: &str| {
        format!(
            "[[delivery.destination]]\nname = \"{name}\"\nkind = \"redis\"\nurl = \"redis://r/{database}\"\nstream = \
             \"s\"\n{more}\n"
        )
    };
    let told = |one: String, other: String| -> Vec<String> {
        let warnings = load(&file(&format!("{one}{other}"))).unwrap().warnings;
        let warnings = warnings.iter().map(ToString::to_string);
        warnings.filter(|warning| warning.contains("one queue")).collect()
    };

    let fifo = told(
        of_sqs("a", "q.fifo", ""),
        of_sqs("b", "q.fifo", "format = \"cloudevents\""),
    );
    assert_eq!(
        fifo,
        [
            "destinations a and b are one queue, https://sqs.eu-central-1.amazonaws.com/1/q.fifo: of what is for both it keeps what \
             comes first, and drops the other as a repeat; give one of them a queue of its own, or `events` that the other has not"
        ]
    );
    let any = |name: &str, kind: &str, members: &str| {
        format!("[[delivery.destination]]\nname = \"{name}\"\nkind = \"{kind}\"\n{members}\n")
    };
    let of_nats = |name: &str, host: &str, more: &str| {
        any(
            name,
            "nats",
            &format!("url = \"nats://{host}\"\nsubject = \"s\"\n{more}"),
        )
    };
    let of_kafka = |name: &str, brokers: &str| {
        any(
            name,
            "kafka",
            &format!("url = \"kafka://{brokers}\"\ntopic = \"t\""),
        )
    };
    for (one, other) in [
        (of_sqs("a", "q", ""), of_sqs("b", "q", "")),
        (of_redis("a", 0, ""), of_redis("b", 0, "events = [\"crawling\"]")),
        (
            of_redis("a", 0, ""),
            of_redis("b", 0, "").replace("//r/", "//r:6379/"),
        ),
        (of_nats("a", "n", ""), of_nats("b", "n:4222", "")),
        (of_nats("a", "n", ""), of_nats("b", "N.", "")),
        (of_kafka("a", "k:1,l:1"), of_kafka("b", "L:1,k.:1")),
    ] {
        let told = told(one, other);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].contains("comes there twice with the same webhook-id"),
            "{told:?}"
        );
    }
    let of_two_users = told(
        of_nats("a", "n", "user = \"u\""),
        of_nats("b", "n", "user = \"v\""),
    );
    assert!(
        of_two_users[0].contains("one queue, n:4222 s (unless their users are of two accounts): "),
        "{of_two_users:?}"
    );
    for (one, other) in [
        (of_sqs("a", "q.fifo", ""), of_sqs("b", "r.fifo", "")),
        (of_redis("a", 0, ""), of_redis("b", 1, "")),
        (
            of_redis("a", 0, "events = [\"training\"]"),
            of_redis("b", 0, "events = [\"crawling\"]"),
        ),
    ] {
        assert_eq!(told(one, other), [""; 0]);
    }
}

#[test]
fn no_output_holds_the_password_of_a_queue() {
    let loaded = load(&nats(&format!("password = \"{SECRET}\""))).unwrap();
    assert!(!format!("{loaded:?}").contains(SECRET));
    let loaded = load(&redis("redis://r", &format!("password = \"{SECRET}\""))).unwrap();
    assert!(!format!("{loaded:?}").contains(SECRET));
}

#[test]
fn a_password_that_can_be_read_on_the_way_is_unwise() {
    let open = |sources: &Sources| -> Vec<String> {
        let warnings = load(sources).unwrap().warnings;
        let warnings = warnings.iter().map(ToString::to_string);
        warnings
            .filter(|warning| !warning.starts_with("no token"))
            .collect()
    };
    let password = "password = \"p\"";
    for (sources, advice) in [
        (nats(password), "take tls:// in `url`"),
        (redis("redis://r", password), "take rediss:// in `url`"),
    ] {
        let found = "destination q is shown its password over a way that is not encrypted";
        assert_eq!(open(&sources), [format!("{found}; {advice}")]);
    }
    for sources in [
        nats(""),
        redis("redis://r", ""),
        redis("rediss://r", password),
        redis("redis://127.0.0.1", password),
    ] {
        assert_eq!(open(&sources), [""; 0]);
    }
}

#[test]
fn a_host_is_looked_up_as_browsers_do_it() {
    let host_of = |url: &str| match only(&redis(url, "")).kind {
        Kind::Redis(settings) => settings.url.host_str().unwrap().to_owned(),
        other => panic!("{} is no stream", other.as_str()),
    };
    for (url, host) in [
        ("redis://größe.example", "xn--gre-6ka8i.example"),
        ("redis://my_redis.Example:6379/1", "my_redis.example"),
        ("rediss://[FD00::7]", "[fd00::7]"),
        ("redis://127.0.0.1", "127.0.0.1"),
    ] {
        assert_eq!(host_of(url), host, "{url}");
    }
    let refused = mistakes(&redis("redis://a%20b", ""));
    assert!(
        refused.len() == 1 && refused[0].contains(": its host is no name: "),
        "{refused:?}"
    );
}
