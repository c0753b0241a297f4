//! What concerns CaiGunn: what is registered, for whom, or why nothing is.

use super::*;

#[test]
fn of_several_tokens_the_first_is_registered_and_all_are_accepted() {
    let given = "first-long-enough-token , second-long-enough-token,,";
    let as_list = "[webhook]\ntoken = [\"first-long-enough-token\", \"second-long-enough-token\"]\n";
    for sources in [environment(&[("CAIGUNN_WEBHOOK_TOKEN", given)]), file(as_list)] {
        let mut sources = sources;
        sources.flags = pairs(&[
            ("api.key", "one,two"),
            ("api.access_token", "access"),
            ("server.public_url", "https://hooks.example.com"),
        ]);

        let loaded = load(&sources).unwrap();

        assert_eq!(
            exposed(&loaded.settings.http.tokens),
            ["first-long-enough-token", "second-long-enough-token"]
        );
        let Registration::Wanted(wanted) = &loaded.settings.registration else {
            panic!("all is there")
        };
        assert_eq!(keys(&loaded.settings.selection), ["one", "two"]);
        assert_eq!(
            wanted.webhook_url.expose_secret(),
            "https://hooks.example.com/webhook/first-long-enough-token"
        );
        assert_eq!(
            exposed(&wanted.older_urls),
            ["https://hooks.example.com/webhook/second-long-enough-token"]
        );
        assert_eq!(wanted.base_url, "https://hooks.example.com/webhook");
        assert_eq!(wanted.shown_url, "https://hooks.example.com/webhook/[token]");
        assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    }
}

#[test]
fn the_registered_url_is_the_base_with_webhook_and_the_token_behind_it() {
    let cases = [
        (
            "https://hooks.example.com",
            "",
            "https://hooks.example.com/webhook",
        ),
        (
            "https://hooks.example.com/",
            "",
            "https://hooks.example.com/webhook",
        ),
        (
            "https://hooks.example.com",
            "t",
            "https://hooks.example.com/webhook/t",
        ),
        (
            "https://hooks.example.com:8443/",
            "t",
            "https://hooks.example.com:8443/webhook/t",
        ),
        (
            "https://example.com/hooks/caigunn",
            "t",
            "https://example.com/hooks/caigunn/webhook/t",
        ),
        (
            "https://example.com/hooks/caigunn/",
            "t",
            "https://example.com/hooks/caigunn/webhook/t",
        ),
        ("HTTPS://Example.COM:443", "t", "https://example.com/webhook/t"),
    ];
    for (base, token, expected) in cases {
        let sources = flags(&[
            ("server.public_url", base),
            ("webhook.token", token),
            ("api.key", "key"),
            ("api.access_token", "access"),
        ]);

        let Registration::Wanted(wanted) = load(&sources).unwrap().settings.registration else {
            panic!("all is there")
        };

        assert_eq!(wanted.webhook_url.expose_secret(), expected);
    }
}

#[test]
fn what_is_missing_for_a_registration_is_named() {
    let all = [
        ("api.key", "key", "CAIGUNN_API_KEY"),
        ("api.access_token", "access", "CAIGUNN_ACCESS_TOKEN"),
        (
            "server.public_url",
            "https://hooks.example.com",
            "CAIGUNN_PUBLIC_URL",
        ),
    ];
    // Every choice of some that are given; a key is needed only where chatbots are not found by themselves.
    for (discover, given) in (0..16).map(|bits| (bits >> 3 == 1, bits & 7)) {
        let is_given = |index: usize| given >> index & 1 == 1;
        let (present, absent): (Vec<_>, Vec<_>) = (0..3).partition(|index| is_given(*index));
        let mut keys: Vec<_> = present
            .iter()
            .map(|index| (all[*index].0, all[*index].1))
            .collect();
        keys.push(("subscription.discover", if discover { "true" } else { "false" }));

        let registration = load(&flags(&keys)).unwrap().settings.registration;

        let expected: Vec<_> = absent
            .iter()
            .map(|index| all[*index].2)
            .filter(|name| !(discover && *name == "CAIGUNN_API_KEY"))
            .collect();
        match registration {
            Registration::Missing(missing) => assert_eq!(missing, expected),
            Registration::Wanted(_) => assert!(expected.is_empty(), "{keys:?}"),
        }
    }
}

#[test]
fn with_the_access_token_alone_all_chatbots_are_looked_after_but_those_left_out() {
    let selection = |given: &[(&str, &str)]| load(&flags(given)).unwrap().settings.selection;

    let Selection::Discovered { include, exclude } = selection(&[
        (
            "subscription.include",
            "Shop, 0191f0a0-0000-7000-8000-000000000001",
        ),
        ("subscription.exclude", " Old bot ,"),
    ]) else {
        panic!("there is no key")
    };
    assert_eq!(include, ["Shop", "0191f0a0-0000-7000-8000-000000000001"]);
    assert_eq!(exclude, ["Old bot"]);

    assert_eq!(keys(&selection(&[("api.key", "one")])), ["one"]);
    assert!(keys(&selection(&[("subscription.discover", "false")])).is_empty());
}

#[test]
fn a_choice_of_words_is_one_of_them() {
    for (key, text, allowed) in [
        ("subscription.discover", "yes", "true or false"),
        ("subscription.on_takeover", "fight", "reclaim or warn"),
        ("subscription.unsubscribe_on_exit", "never", "true or false"),
        ("subscription.probe", "1", "true or false"),
    ] {
        assert_eq!(
            mistakes(&flags(&[(key, text)])),
            [format!(
                "{key} (the command line): expected {allowed}, found {text:?}"
            )]
        );
    }
    let as_booleans = "[subscription]\nprobe = false\nunsubscribe_on_exit = true\n";
    let loaded = load(&file(as_booleans)).unwrap();
    assert_eq!(shown(&loaded, "subscription.probe").0, "false");
    assert_eq!(shown(&loaded, "subscription.unsubscribe_on_exit").0, "true");
}

#[test]
fn with_an_inbox_of_several_receivers_a_stop_may_not_unsubscribe() {
    let refused = |value, is_shared| {
        let mut reader = Reader::new(&flags(&[("subscription.unsubscribe_on_exit", value)]));
        let unsubscribes = super::super::provider::unsubscribe_on_exit(&mut reader, is_shared);
        assert_eq!(unsubscribes.to_string(), value);
        let mistakes = reader.mistakes.iter().map(Mistake::to_string);
        mistakes.collect::<String>()
    };

    assert_eq!(refused("true", false), "");
    assert_eq!(refused("false", true), "");
    assert_eq!(
        refused("true", true),
        "subscription.unsubscribe_on_exit (the command line): expected false, or an inbox of one receiver (inbox.url = \
         sqlite:…), since others go on with the registrations, found \"true\""
    );
    let alone = load(&flags(&[("subscription.unsubscribe_on_exit", "true")]));
    assert!(!alone.unwrap().settings.inbox_location.is_shared());
}

#[test]
fn a_public_url_in_the_clear_is_warned_of() {
    let warnings = |url| {
        let sources = flags(&[("server.public_url", url), ("webhook.token", "sixteen--letters")]);
        said(&load(&sources).unwrap().warnings)
    };

    assert!(warnings("https://hooks.example.com").is_empty());
    for url in ["http://hooks.example.com/", "http://localhost.example.com/"] {
        assert_eq!(
            warnings(url),
            [format!(
                "CAIGUNN_PUBLIC_URL is {url}, not https: notifications and the token travel in the clear; use an https \
                 URL, with a proxy in front that ends TLS"
            )]
        );
    }
}

#[test]
fn a_url_must_be_a_plain_base() {
    for key in ["server.public_url", "api.url"] {
        for url in [
            "hooks.example.com",
            "ftp://hooks.example.com",
            "https://",
            "https://user@hooks.example.com",
            "https://user:password@hooks.example.com",
            "https://:password@hooks.example.com",
            "https://hooks.example.com?a=b",
            "https://hooks.example.com/?",
            "https://hooks.example.com/#a",
            "unix:/run/socket",
        ] {
            let found = mistakes(&flags(&[(key, url)]));

            let expected =
                format!("{key} (the command line): expected an absolute http or https URL without user, ");
            assert!(
                found.len() == 1 && found[0].starts_with(&expected),
                "{url}: {found:?}"
            );
            let is_bare = !url.contains("://");
            assert_eq!(
                found[0].ends_with(": begin it with https://"),
                is_bare,
                "{found:?}"
            );
        }
    }
}
