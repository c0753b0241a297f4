//! Promise: notices are read as all else is: each mistake has its place, what is allowed, and nothing secret.

use super::*;
use crate::delivery::Kind as DestinationKind;
use crate::notice::{About, Form};

fn file(text: &str) -> Sources {
    Sources {
        file: Some(("own.toml".to_owned(), text.to_owned())),
        ..Sources::default()
    }
}

fn mistakes(text: &str) -> String {
    load(&file(text)).expect_err("it has mistakes").to_string()
}

#[test]
fn a_notice_has_defaults() {
    let loaded = load(&file(
        "[[notice]]\nname = \"ops\"\nurl = \"https://hooks.example.com/planted?planted\"",
    ))
    .unwrap();

    let notice = &loaded.settings.notices[0];
    assert_eq!((notice.name(), notice.form), ("ops", Form::Json));
    assert!(notice.is_about(About::Silence) && notice.silence.is_none());
    assert_eq!(notice.quiet, Duration::from_secs(1_800));
    assert_eq!((notice.free_percent, notice.log_bytes), (10, 256 << 20));
    let DestinationKind::Http(http) = &notice.destination.kind else {
        panic!("it is a URL")
    };
    assert_eq!(http.url.as_str(), "https://hooks.example.com/planted?planted");
    assert_eq!(
        shown(&loaded, "notice"),
        ("ops".to_owned(), "own.toml:1".to_owned())
    );
    assert!(!format!("{notice:?}").contains("planted"), "{notice:?}");
}

#[test]
fn all_can_be_set() {
    let loaded = load(&file(
        "[[notice]]\nname = \"ops\"\nurl = \"https://ntfy.sh/planted\"\nformat = \"ntfy\"\nabout = [\"inbox\", \"disk\", \"log\", \"silence\"]\n\
         proxy = false\nquiet_minutes = 0\nfree_percent = 5\nlog_bytes = 1048576\nsilence_hours = 12",
    ))
    .unwrap();

    let notice = &loaded.settings.notices[0];
    assert_eq!(notice.form, Form::Ntfy);
    assert!(notice.is_about(About::Inbox) && !notice.is_about(About::Destination));
    assert_eq!((notice.quiet, notice.free_percent), (Duration::ZERO, 5));
    assert_eq!(notice.silence, Some(Duration::from_secs(12 * 3_600)));
    assert_eq!(shown(&loaded, "notice").0, "ops (ntfy)");
}

#[test]
fn the_example_in_the_file_of_defaults_is_right_and_gives_the_defaults() {
    let (_, example) = DEFAULTS.split_once("\n# [[notice]]").unwrap();
    let (example, _) = example.split_once("[log]").unwrap();
    let example = format!("[[notice]]{}", example.replace("\n# ", "\n"));

    let notice = &load(&file(&example)).unwrap().settings.notices[0];

    let left_out = load(&file("[[notice]]\nname = \"ops\"\nurl = \"http://127.0.0.1:9/\"")).unwrap();
    let left_out = &left_out.settings.notices[0];
    assert_eq!((notice.form, &notice.about), (left_out.form, &left_out.about));
    assert_eq!(
        (notice.quiet, notice.free_percent),
        (left_out.quiet, left_out.free_percent)
    );
    assert_eq!(
        (notice.log_bytes, notice.silence),
        (left_out.log_bytes, Some(Duration::from_secs(86_400)))
    );
}

#[test]
fn the_url_can_be_in_a_file() {
    let mut sources = file("[[notice]]\nname = \"ops\"\nurl_file = \"/run/url\"");
    sources.read_files(|path| match path {
        "/run/url" => Ok("https://hooks.example.com/planted\n".to_owned()),
        _ => Err("is another one".to_owned()),
    });

    let notice = &load(&sources).unwrap().settings.notices[0];

    assert_eq!(notice.destination.kind.place(), "https://hooks.example.com");
    sources
        .files
        .insert("/run/url".to_owned(), Ok("planted".to_owned()));
    let words = load(&sources).unwrap_err().to_string();
    assert!(
        words.contains("notice[0].url_file (own.toml:1): /run/url: expected an absolute")
            && !words.contains("planted")
    );
}

#[test]
fn mistakes_are_named_with_their_place_and_what_is_allowed() {
    let words = mistakes(
        "[[notice]]\nname = \"Ops\"\nurl = \"ftp://planted\"\nformat = \"slak\"\nquiet_minuts = 3\nabout = [\"planets\"]\n\
         [[notice]]\nname = \"two\"\nformat = \"slack\"\nsecrets = [\"whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD\"]\nfree_percent = 0\n\
         [[notice]]\nname = \"two\"\nurl = \"https://hooks.example.com\"\nurl_file = \"x\"",
    );

    for expected in [
        "notice[0].name (own.toml:1): expected 1 to 40 of a-z, 0-9, - and _, found \"Ops\"",
        "notice[0].url (own.toml:1): expected an absolute http or https URL without user and fragment, found \"ftp://planted\"",
        "notice[0].format (own.toml:1): expected json, slack, teams or ntfy, found \"slak\"",
        "notice[0].quiet_minuts (own.toml:1): there is no such key; did you mean quiet_minutes?",
        "notice[0].about (own.toml:1): expected destination, dead_letter, chatbot, account, public_url, inbox, disk, log or silence, found \"planets\"",
        "notice[1].url (own.toml:7): expected an absolute http or https URL without user and fragment, found nothing",
        "notice[1].secrets (own.toml:7): only one of format json is signed",
        "notice[1].free_percent (own.toml:7): expected a whole number from 1 to 90, found \"0\"",
        "notice[2].name (own.toml:12): another notice has this name, \"two\"",
        "notice[2].url_file (own.toml:12): the URL is given by `url` too",
    ] {
        assert!(words.contains(expected), "{expected}\nis not in\n{words}");
    }
}

#[test]
fn what_is_no_list_is_refused_and_nine_are_too_many() {
    let words = mistakes("[notice]\nname = \"ops\"\nurl = \"https://planted.example.com/planted\"");
    assert!(
        words.contains("notice (own.toml:1): expected a list as in [{name = \"ops\""),
        "{words}"
    );
    assert!(!words.contains("planted"), "{words}");
    let nine: String = (0..9)
        .map(|number| format!("[[notice]]\nname = \"n{number}\"\nurl = \"http://127.0.0.1:9/\"\n"))
        .collect();
    assert!(mistakes(&nine).contains("notice (own.toml:1): there are 9, and 8 is the most"));
}

#[test]
fn the_list_that_may_be_meant_is_told() {
    for (wrong, expected) in [
        (
            "[[notices]]",
            "notices (own.toml:1): there is no such section; did you mean [[notice]]?",
        ),
        (
            "[notices]",
            "notices (own.toml:1): there is no such section; did you mean [[notice]]?",
        ),
        (
            "[[destinations]]",
            "destinations (own.toml:1): there is no such section; did you mean [[delivery.destination]]?",
        ),
        (
            "[[delivery.destinations]]",
            "delivery.destinations (own.toml:1): there is no such key; did you mean delivery.destination?",
        ),
    ] {
        assert_eq!(
            mistakes(&format!("{wrong}\nname = \"ops\"")),
            format!("  {expected}\n")
        );
    }
}

#[test]
fn what_of_a_notice_could_do_nothing_is_refused() {
    let with = |more: &str| {
        load(&file(&format!(
            "[[notice]]\nname = \"ops\"\nurl = \"http://127.0.0.1:9/\"\n{more}"
        )))
        .map_err(|mistakes| mistakes.to_string())
    };

    for (more, expected) in [
        (
            "about = \"silence\"",
            "about (own.toml:1): of silence nothing is told unless `silence_hours` is set",
        ),
        (
            "about = [\"disk\", \"silence\"]",
            "about (own.toml:1): of silence nothing is told unless `silence_hours` is set",
        ),
        (
            "about = [\"disk\"]\nsilence_hours = 4",
            "silence_hours (own.toml:1): `about` does not name silence, so nothing follows from it",
        ),
        (
            "about = [\"log\"]\nfree_percent = 4",
            "free_percent (own.toml:1): `about` does not name disk, so nothing follows from it",
        ),
        (
            "about = [\"disk\"]\nlog_bytes = 1048576",
            "log_bytes (own.toml:1): `about` does not name log, so nothing follows from it",
        ),
    ] {
        let words = with(more).expect_err(more);
        assert_eq!(words, format!("  notice[0].{expected}\n"));
    }
    for more in [
        "silence_hours = 4",
        "about = [\"silence\"]\nsilence_hours = 4",
        "free_percent = 4",
    ] {
        assert!(with(more).is_ok(), "{more}");
    }
}

#[test]
fn a_notice_about_what_is_never_told_with_these_settings_is_unwise() {
    const REGISTERING: &str = "server.public_url=https://hooks.example.com api.access_token=one api.key=two";
    const DESTINATION: &str =
        r#"delivery.destination=[{"name":"app","kind":"http","url":"http://127.0.0.1:9/"}]"#;
    let told = |about: &str, flags: &str| {
        let mut sources = file(&format!(
            "[[notice]]\nname = \"ops\"\nurl = \"http://127.0.0.1:9/\"\nabout = {about}"
        ));
        let flags = flags.split_whitespace().map(|flag| flag.split_once('=').unwrap());
        sources
            .flags
            .extend(flags.map(|(key, value)| (key.to_owned(), value.to_owned())));
        let warnings = said(&load(&sources).unwrap().warnings).into_iter();
        let warnings = warnings.filter(|warning| warning.starts_with("notice "));
        warnings.collect::<Vec<_>>().join("\n")
    };
    let unprobed = format!("{REGISTERING} subscription.probe=false");
    let ways = "[\"public_url\", \"chatbot\", \"account\"]";
    let database = "inbox.url=postgres://127.0.0.1/caigunn";

    for (about, flags, expected) in [
        (
            "[\"disk\", \"inbox\", \"log\"]",
            database,
            &["about disk and log, which only an inbox in a file has"][..],
        ),
        (
            "[\"destination\", \"dead_letter\"]",
            "",
            &["about destination and dead_letter, and there is no destination, so that is never told"],
        ),
        (
            ways,
            "",
            &[
                "about account, and there is no access token, so that is never told",
                "about chatbot and public_url, and nothing is registered, so that is never told",
            ],
        ),
        (
            ways,
            &unprobed,
            &["about public_url, and subscription.probe is false, so that is never told"],
        ),
        (ways, REGISTERING, &[]),
        ("[\"destination\", \"dead_letter\"]", DESTINATION, &[]),
        ("[\"disk\", \"log\", \"inbox\"]", "", &[]),
        ("[\"inbox\"]", database, &[]),
        // Of all that there is nobody has asked for each.
        ("[]", database, &[]),
    ] {
        let told = told(about, flags);
        assert_eq!(told.lines().count(), expected.len(), "{about} {flags}: {told}");
        for (line, expected) in told.lines().zip(expected) {
            assert!(
                line.starts_with(&format!("notice ops is {expected}; ")),
                "{about} {flags}: {line}"
            );
        }
    }
}

#[test]
fn an_empty_list_is_not_set() {
    load(&file(
        "[[notice]]\nname = \"ops\"\nurl = \"http://127.0.0.1:9/\"\nformat = \"slack\"\nsecrets = []\nabout = []",
    ))
    .unwrap();
}

#[test]
fn the_document_and_the_file_of_defaults_name_every_key_of_a_notice() {
    let example = DEFAULTS.split_once("# [[notice]]").unwrap().1;
    let document = include_str!("../../../docs/configuration.md");
    let (_, document) = document.split_once("Of each `[[notice]]`:").unwrap();
    for key in NOTICE_KEYS {
        let name = key.name.rsplit('.').next().unwrap();
        assert!(
            example.contains(&format!("# {name} = ")) || name.ends_with("_file"),
            "{name}"
        );
        let row = format!("| `{name}` | {} |", key.allowed());
        assert!(document.contains(&row), "{row}");
    }
}
