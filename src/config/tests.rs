//! What may be configured, by whom, and what is said of a mistake.

use super::*;
use crate::subscription::Selection;

const DEFAULTS: &str = include_str!("../../config/caigunn-webhook.toml");

/// A text that no output may hold.
const SECRET: &str = "hunter2-hunter2-hunter2";

/// Keys or variables with their values.
type Given<'a> = &'a [(&'a str, &'a str)];

fn pairs(pairs: Given) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn environment(variables: Given) -> Sources {
    Sources {
        environment: pairs(variables),
        ..Sources::default()
    }
}

fn flags(flags: Given) -> Sources {
    Sources {
        flags: pairs(flags),
        ..Sources::default()
    }
}

fn file(content: &str) -> Sources {
    Sources {
        file: Some(("own.toml".to_owned(), content.to_owned())),
        ..Sources::default()
    }
}

fn mistakes(sources: &Sources) -> Vec<String> {
    let Mistakes(mistakes) = load(sources).expect_err("there is a mistake");
    mistakes.iter().map(Mistake::to_string).collect()
}

/// A value and where it came from.
fn shown(loaded: &Loaded, key: &str) -> (String, String) {
    let shown = loaded.shown.iter().find(|shown| shown.key == key).unwrap();
    (shown.value.clone(), shown.origin.clone())
}

fn exposed(secrets: &[SecretString]) -> Vec<&str> {
    secrets.iter().map(ExposeSecret::expose_secret).collect()
}

/// The API keys of a selection by keys.
fn keys(selection: &Selection) -> Vec<&str> {
    let Selection::Keys(keys) = selection else {
        panic!("expected keys, found {selection:?}")
    };
    exposed(keys)
}

/// The keys of the file of defaults in its order, each with the comment above it.
fn documented_keys() -> Vec<(String, String)> {
    let (mut section, mut comment, mut keys) = ("", String::new(), Vec::new());
    for line in DEFAULTS.lines() {
        if let Some(text) = line.strip_prefix('#') {
            comment += text;
        } else if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
        } else if let Some((key, _)) = line.split_once(" = ") {
            // Keys that follow one another share a comment.
            keys.push((format!("{section}.{key}"), comment.clone()));
        } else if line.is_empty() {
            comment.clear();
        }
    }
    keys
}

#[test]
fn the_file_of_defaults_has_exactly_the_keys_there_are_in_their_order() {
    let documented: Vec<_> = documented_keys().into_iter().map(|(key, _)| key).collect();

    assert_eq!(documented, KEYS.map(|key| key.name));
}

#[test]
fn the_file_of_defaults_says_of_every_key_what_it_is() {
    for ((name, comment), key) in documented_keys().iter().zip(KEYS) {
        assert!(comment.len() > 20, "{name} has no comment");
        assert_eq!(
            comment.trim_start().starts_with("Secret."),
            key.is_secret,
            "{name}: {comment}"
        );
        if let Some(variable) = key.short_variable {
            assert!(
                comment.contains(variable),
                "{name}: its comment does not name {variable}"
            );
        }
    }
}

#[test]
fn with_no_configuration_at_all_the_defaults_hold() {
    let loaded = load(&Sources::default()).unwrap();

    let settings = &loaded.settings;
    assert_eq!(settings.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.admin_listen.to_string(), "127.0.0.1:9090");
    assert_eq!(
        settings.inbox_location,
        InboxLocation::Sqlite(PathBuf::from("data/inbox.db"))
    );
    assert_eq!(settings.stop_timeout, Duration::from_secs(10));
    assert_eq!(settings.retention, Duration::from_secs(90 * 24 * 3600));
    assert!(settings.http.tokens.is_empty());
    assert!(settings.http.admin_token.is_none());
    let Registration::Missing(missing) = &settings.registration else {
        panic!("nothing to register with")
    };
    assert_eq!(missing, &["CAIGUNN_ACCESS_TOKEN", "CAIGUNN_PUBLIC_URL"]);
    assert_eq!(
        loaded.warnings,
        ["no token: anyone who finds the address may post notifications; set CAIGUNN_WEBHOOK_TOKEN"]
    );
    assert_eq!(
        loaded.shown.iter().map(|shown| shown.key).collect::<Vec<_>>(),
        KEYS.map(|key| key.name)
    );
    assert!(loaded.shown.iter().all(|shown| shown.origin == "default"));
}

#[test]
fn the_file_of_defaults_is_itself_a_configuration() {
    assert!(load(&file(DEFAULTS)).is_ok());
}

#[test]
fn every_number_has_the_bounds_that_are_documented() {
    let max = (usize::MAX >> 4).to_string();
    let bounds = [
        ("server.body_limit_bytes", "1024", "67108864"),
        ("server.bodies_in_flight_bytes", "8388608", &*max),
        ("server.max_connections", "1", "65536"),
        ("server.header_timeout_seconds", "1", "600"),
        ("server.body_timeout_seconds", "1", "600"),
        ("server.write_timeout_seconds", "1", "600"),
        ("server.stop_timeout_seconds", "1", "600"),
        ("inbox.retention_days", "1", "36500"),
        ("inbox.queue_count", "1", "65536"),
        ("inbox.append_timeout_seconds", "1", "600"),
        ("inbox.duplicate_window_seconds", "0", "86400"),
        ("inbox.quarantine_max_count", "1", "100000"),
        ("inbox.quarantine_max_bytes", "8388608", &*max),
        ("api.timeout_seconds", "1", "600"),
        ("subscription.retry_min_seconds", "1", "300"),
        ("subscription.retry_max_seconds", "1", "86400"),
        ("subscription.refused_retry_seconds", "1", "86400"),
        ("subscription.watch_interval_seconds", "1", "86400"),
        ("subscription.max_reclaims_per_hour", "0", "60"),
        ("backfill.after_seconds", "1", "86400"),
        ("backfill.interval_seconds", "1", "86400"),
        ("backfill.concurrency", "1", "64"),
        ("backfill.max_calls_per_minute", "1", "6000"),
        ("backfill.give_up_after_days", "1", "365"),
    ];
    for (key, least, most) in bounds {
        let more: usize = most.parse().unwrap();
        let less = least.parse::<i64>().unwrap() - 1;
        for text in [least, most] {
            assert!(load(&flags(&[(key, text)])).is_ok(), "{key} = {text}");
        }
        for text in [
            less.to_string(),
            (more + 1).to_string(),
            "1.5".to_owned(),
            "10s".to_owned(),
            String::new(),
        ] {
            assert!(load(&flags(&[(key, &text)])).is_err(), "{key} = {text}");
        }
    }
}

#[test]
fn every_mistake_is_reported_at_once_with_key_origin_value_and_what_is_allowed() {
    let sources = Sources {
        file: Some((
            "own.toml".to_owned(),
            "[server]\nmax_connections = 0\nbody_timeout_seconds = true\nport = 1\n[sever]\nlisten = 1\n"
                .to_owned(),
        )),
        environment: pairs(&[
            ("CAIGUNN_LISTEN", "localhost"),
            ("CAIGUNN_LISTENS", "127.0.0.1:1"),
            ("HOME", "/"),
        ]),
        flags: pairs(&[
            ("log.format", "xml"),
            ("inbox.url", "postgres://inbox"),
            ("log.colour", "red"),
        ]),
        ..Sources::default()
    };

    let mut mistakes = mistakes(&sources);

    mistakes.sort();
    assert_eq!(
        mistakes,
        [
            "CAIGUNN_LISTENS (the environment): there is no such setting",
            "inbox.url (the command line): expected sqlite: and a path, found \"postgres://inbox\"",
            "log.colour (the command line): there is no such key",
            "log.format (the command line): expected auto, json or pretty, found \"xml\"",
            "server.body_timeout_seconds (own.toml): expected whole seconds from 1 to 600, found \"true\"",
            "server.listen (CAIGUNN_LISTEN): expected an IP address and a port, as in 127.0.0.1:8080, \
             found \"localhost\"",
            "server.max_connections (own.toml): expected a whole number from 1 to 65536, found \"0\"",
            "server.port (own.toml): there is no such key; there is in [server] only listen, public_url, \
             body_limit_bytes, bodies_in_flight_bytes, max_connections, header_timeout_seconds, \
             body_timeout_seconds, write_timeout_seconds, stop_timeout_seconds",
            "sever.listen (own.toml): there is no such key; there is no section sever",
        ]
    );
}

#[test]
fn what_must_fit_together_is_checked_against_what_else_was_set() {
    let cases: [(Given, &[&str]); 4] = [
        (
            &[("server.body_limit_bytes", "134217728")],
            &[
                "server.bodies_in_flight_bytes (default): expected 134217728 (server.body_limit_bytes) or more, \
                 found \"67108864\"",
                "inbox.quarantine_max_bytes (default): expected 134217728 (server.body_limit_bytes) or more, \
                 found \"67108864\"",
            ],
        ),
        (
            &[("server.bodies_in_flight_bytes", "8388607")],
            &[
                "server.bodies_in_flight_bytes (the command line): expected 8388608 (server.body_limit_bytes) or more, \
               found \"8388607\"",
            ],
        ),
        (
            &[("inbox.quarantine_max_bytes", "1024")],
            &[
                "inbox.quarantine_max_bytes (the command line): expected 8388608 (server.body_limit_bytes) or more, \
               found \"1024\"",
            ],
        ),
        (
            &[("subscription.retry_min_seconds", "301")],
            &[
                "subscription.retry_max_seconds (default): expected 301 (subscription.retry_min_seconds) or more, \
               found \"300\"",
            ],
        ),
    ];
    for (given, expected) in cases {
        assert_eq!(mistakes(&flags(given)), expected);
    }
}

#[test]
fn the_longest_body_may_have_256_mib_where_there_is_room_for_it() {
    let with_limit = |limit| {
        let room = [
            ("server.bodies_in_flight_bytes", "268435457"),
            ("inbox.quarantine_max_bytes", "268435457"),
        ];
        flags(&[&room[..], &[("server.body_limit_bytes", limit)]].concat())
    };

    assert!(load(&with_limit("268435456")).is_ok());
    assert_eq!(
        mistakes(&with_limit("268435457")),
        [
            "server.body_limit_bytes (the command line): expected a whole number from 1024 to 268435456, \
          found \"268435457\""
        ]
    );
}

#[test]
fn a_section_must_be_one() {
    assert_eq!(
        mistakes(&file("server = 1\nlisten = \"127.0.0.1:1\"")),
        [
            "listen (own.toml): there is no such section",
            "server (own.toml): there is no such section",
        ]
    );
}

#[test]
fn variables_that_kubernetes_and_docker_set_for_a_service_of_that_name_are_ignored() {
    for variable in [
        "CAIGUNN_WEBHOOK_SERVICE_HOST",
        "CAIGUNN_WEBHOOK_SERVICE_PORT",
        "CAIGUNN_WEBHOOK_SERVICE_PORT_HTTP",
        "CAIGUNN_WEBHOOK_PORT",
        "CAIGUNN_WEBHOOK_PORT_8080_TCP",
        "CAIGUNN_WEBHOOK_PORT_8080_TCP_ADDR",
        "CAIGUNN_WEBHOOK_PORT_8080_TCP_PORT",
        "CAIGUNN_WEBHOOK_PORT_8080_TCP_PROTO",
        "CAIGUNN_WEBHOOK_PORT_53_UDP_ADDR",
        "CAIGUNN_SERVICE_HOST",
        "CAIGUNN_HTTP_PORT_PORT_80_TCP_ADDR",
    ] {
        assert!(
            load(&environment(&[(variable, "tcp://10.0.0.1:8080")])).is_ok(),
            "{variable}"
        );
    }
    for variable in [
        "CAIGUNN_WEBHOOK_TOKENS",
        "CAIGUNN_WEBHOOK_PORTS",
        "CAIGUNN_WEBHOOK_PORT_HTTP",
        "CAIGUNN_WEBHOOK_PORT_8080",
        "CAIGUNN_SERVER_LISTEN_FILE",
        "CAIGUNN_",
    ] {
        let expected = format!("{variable} (the environment): there is no such setting");
        assert_eq!(mistakes(&environment(&[(variable, "1")])), [expected]);
    }
}

#[test]
fn variables_of_others_are_not_looked_at() {
    assert!(
        load(&environment(&[
            ("CAIGUN_LISTEN", "x"),
            ("caigunn_listen", "x"),
            ("PATH", "x")
        ]))
        .is_ok()
    );
}

#[test]
fn a_flag_wins_over_a_variable_over_the_file_over_the_default() {
    let content = "[log]\nfilter = \"error\"\nformat = \"json\"\n[server]\nlisten = \"127.0.0.1:1\"\n";
    let sources = Sources {
        environment: pairs(&[("CAIGUNN_LISTEN", "127.0.0.1:2"), ("CAIGUNN_LOG", "warn")]),
        flags: pairs(&[("server.listen", "127.0.0.1:3")]),
        ..file(content)
    };

    let loaded = load(&sources).unwrap();

    let origin = |key| {
        let (value, origin) = shown(&loaded, key);
        format!("{value} from {origin}")
    };
    assert_eq!(origin("server.listen"), "127.0.0.1:3 from the command line");
    assert_eq!(origin("log.filter"), "warn from CAIGUNN_LOG");
    assert_eq!(origin("log.format"), "json from own.toml");
    assert_eq!(origin("admin.listen"), "127.0.0.1:9090 from default");
    assert_eq!(loaded.settings.listen.port(), 3);
}

#[test]
fn every_key_can_be_set_by_its_variables() {
    for key in KEYS {
        let loaded = load(&Sources::default()).unwrap();
        let (default, _) = shown(&loaded, key.name);
        for variable in key.variables() {
            let loaded = load(&environment(&[(&variable, &default)])).unwrap();

            assert_eq!(shown(&loaded, key.name), (default.clone(), variable));
        }
    }
}

#[test]
fn the_two_variables_of_one_key_must_not_differ() {
    let twice = |short, long| {
        environment(&[
            ("CAIGUNN_ACCESS_TOKEN", short),
            ("CAIGUNN_API_ACCESS_TOKEN", long),
        ])
    };

    assert!(load(&twice(SECRET, SECRET)).is_ok());
    assert_eq!(
        mistakes(&twice(SECRET, "another")),
        ["api.access_token: CAIGUNN_ACCESS_TOKEN and CAIGUNN_API_ACCESS_TOKEN are both set and differ"]
    );
}

#[test]
fn a_secret_can_come_from_a_file_without_its_last_line_end() {
    let mut sources = environment(&[
        ("CAIGUNN_API_KEY_FILE", "/run/key"),
        ("CAIGUNN_ACCESS_TOKEN_FILE", "/run/access"),
        ("CAIGUNN_WEBHOOK_TOKEN_FILE", "/run/token"),
        ("CAIGUNN_ADMIN_TOKEN_FILE", ""),
    ]);
    assert_eq!(
        sources.secret_file_variables(),
        pairs(&[
            ("CAIGUNN_API_KEY_FILE", "/run/key"),
            ("CAIGUNN_ACCESS_TOKEN_FILE", "/run/access"),
            ("CAIGUNN_WEBHOOK_TOKEN_FILE", "/run/token"),
        ])
    );
    let content = |text: &str| Ok(text.to_owned());
    sources.secret_files = [
        ("CAIGUNN_API_KEY_FILE".to_owned(), content("key-of-the-chatbot\n")),
        ("CAIGUNN_ACCESS_TOKEN_FILE".to_owned(), content("access\r\n")),
        (
            "CAIGUNN_WEBHOOK_TOKEN_FILE".to_owned(),
            content("one-long-enough-token,another-long-enough-one"),
        ),
    ]
    .into();
    sources.environment.push((
        "CAIGUNN_PUBLIC_URL".to_owned(),
        "https://hooks.example.com".to_owned(),
    ));

    let loaded = load(&sources).unwrap();

    let Registration::Wanted(wanted) = &loaded.settings.registration else {
        panic!("all is there")
    };
    assert_eq!(keys(&wanted.selection), ["key-of-the-chatbot"]);
    let api = loaded.settings.api.as_ref().expect("there is an access token");
    assert_eq!(api.access_token.expose_secret(), "access");
    assert_eq!(
        exposed(&loaded.settings.http.tokens),
        ["one-long-enough-token", "another-long-enough-one"]
    );
    assert!(loaded.settings.http.admin_token.is_none());
    assert_eq!(
        shown(&loaded, "api.key"),
        ("[hidden]".to_owned(), "CAIGUNN_API_KEY_FILE".to_owned())
    );
}

#[test]
fn a_secret_file_that_cannot_be_read_is_a_mistake_and_so_is_one_that_says_otherwise_than_its_variable() {
    let mut sources = environment(&[
        ("CAIGUNN_API_KEY_FILE", "/run/key"),
        ("CAIGUNN_ADMIN_TOKEN", SECRET),
        ("CAIGUNN_ADMIN_TOKEN_FILE", "/run/admin"),
    ]);
    sources.secret_files = [
        (
            "CAIGUNN_API_KEY_FILE".to_owned(),
            Err("the file cannot be read: permission denied".to_owned()),
        ),
        ("CAIGUNN_ADMIN_TOKEN_FILE".to_owned(), Ok("another".to_owned())),
    ]
    .into();

    assert_eq!(
        mistakes(&sources),
        [
            "api.key (CAIGUNN_API_KEY_FILE=/run/key): the file cannot be read: permission denied",
            "admin.token: CAIGUNN_ADMIN_TOKEN and CAIGUNN_ADMIN_TOKEN_FILE are both set and differ",
        ]
    );
}

#[test]
fn no_output_holds_a_secret() {
    let url_token = format!("{SECRET}-token");
    let right = environment(&[
        ("CAIGUNN_API_KEY", SECRET),
        ("CAIGUNN_ACCESS_TOKEN", SECRET),
        ("CAIGUNN_WEBHOOK_TOKEN", &url_token),
        ("CAIGUNN_ADMIN_TOKEN", SECRET),
        ("CAIGUNN_PUBLIC_URL", "http://hooks.example.com"),
    ]);

    let loaded = load(&right).unwrap();

    assert!(!format!("{loaded:?}").contains(SECRET));
    for key in ["api.key", "api.access_token", "webhook.token", "admin.token"] {
        assert_eq!(shown(&loaded, key).0, "[hidden]");
    }
    let spoilt = format!("{SECRET} \u{e9}");
    let wrong = [
        environment(&[
            ("CAIGUNN_API_KEY", &spoilt),
            ("CAIGUNN_ACCESS_TOKEN", &spoilt),
            ("CAIGUNN_WEBHOOK_TOKEN", &spoilt),
            ("CAIGUNN_ADMIN_TOKEN", &spoilt),
            (
                "CAIGUNN_PUBLIC_URL",
                &format!("https://user:{SECRET}@hooks.example.com"),
            ),
            (
                "CAIGUNN_API_URL",
                &format!("https://{SECRET}@hooks.example.com/{SECRET}@x"),
            ),
            (
                "CAIGUNN_INBOX_URL",
                &format!("postgres://user:pass/{SECRET}@database/inbox"),
            ),
        ]),
        file(&format!(
            "[webhook]\ntoken = [[\"{SECRET}\"]]\n[api]\nkey = {{ a = \"{SECRET}\" }}\n"
        )),
    ];
    for (sources, count) in wrong.iter().zip([7, 2]) {
        let mistakes = load(sources).unwrap_err();

        assert_eq!(mistakes.0.len(), count, "{mistakes}");
        assert!(!mistakes.to_string().contains(SECRET), "{mistakes}");
        assert!(!format!("{mistakes:?}").contains(SECRET), "{mistakes:?}");
    }
}

#[test]
fn a_mistake_in_a_secret_says_which_and_what_is_allowed() {
    assert_eq!(
        mistakes(&environment(&[
            ("CAIGUNN_WEBHOOK_TOKEN", "with/slash"),
            ("CAIGUNN_API_KEY", "with space")
        ])),
        [
            "webhook.token (CAIGUNN_WEBHOOK_TOKEN): expected letters, digits and - . _ ~, 1 to 128 of them, \
             found another text (hidden)",
            "api.key (CAIGUNN_API_KEY): expected visible ASCII characters, found another text (hidden)",
        ]
    );
}

#[test]
fn a_url_of_a_mistake_is_shown_without_its_user() {
    assert_eq!(
        mistakes(&environment(&[(
            "CAIGUNN_INBOX_URL",
            "postgres://user:pass@database/inbox"
        )])),
        [
            "inbox.url (CAIGUNN_INBOX_URL): expected sqlite: and a path, found \"postgres://[hidden]@database/inbox\""
        ]
    );
}

#[test]
fn a_file_that_is_no_toml_is_refused_with_the_line_and_without_quoting_it() {
    let broken = [
        (format!("[webhook]\ntoken = {SECRET}\n"), 2),
        (format!("[webhook]\ntoken = \"{SECRET}\n"), 2),
        (format!("[webhook]\ntoken = '{SECRET}\n[api]\n"), 2),
        (format!("[webhook]\ntoken = \"\\q{SECRET}\"\n"), 2),
        (format!("[webhook]\ntoken = \"{SECRET}\" \"{SECRET}\"\n"), 2),
        (format!("[webhook]\n\n# t\u{e9}st\n{SECRET}\n"), 4),
        (format!("[webhook]\n\n= \"{SECRET}\"\n"), 3),
        (format!("[webhook]\ntoken \"{SECRET}\"\n"), 2),
        (format!("[webhook]\r\n\r\ntoken = [\"{SECRET}\",\r\n"), 3),
        (format!("[webhook]\ntoken = \"a\"\ntoken = \"{SECRET}\"\n"), 3),
        (
            format!("[webhook]\ntoken = \"a\"\n[webhook]\nx = \"{SECRET}\"\n"),
            3,
        ),
        (format!("[webhook\ntoken = \"{SECRET}\"\n"), 1),
        (format!("[api]\nkey = 12{SECRET}\n"), 2),
        (format!("[api]\nkey = \u{201c}{SECRET}\u{201d}\n"), 2),
    ];
    for (content, line) in broken {
        let mistakes = mistakes(&file(&content));

        assert_eq!(mistakes.len(), 1, "{mistakes:?}");
        assert!(
            mistakes[0].starts_with(&format!("own.toml, line {line}: ")),
            "{content}{mistakes:?}"
        );
        assert!(!mistakes[0].contains(SECRET), "{mistakes:?}");
    }
}

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
        assert_eq!(keys(&wanted.selection), ["one", "two"]);
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
fn a_token_is_what_a_path_can_carry() {
    let long = "x".repeat(128);
    for token in ["a", "A-z_0.9~", "...", &long] {
        assert!(
            load(&environment(&[("CAIGUNN_WEBHOOK_TOKEN", token)])).is_ok(),
            "{token}"
        );
    }
    let too_long = "x".repeat(129);
    for token in [
        ".", "..", "a/b", "a b", "a%20b", "a?b", "a#b", "\u{e9}", "ok,a/b", &too_long,
    ] {
        assert_eq!(
            mistakes(&environment(&[("CAIGUNN_WEBHOOK_TOKEN", token)])).len(),
            1,
            "{token}"
        );
    }
}

#[test]
fn a_short_token_is_warned_of_without_being_named() {
    let loaded = load(&environment(&[(
        "CAIGUNN_WEBHOOK_TOKEN",
        "fifteen-letters,sixteen--letters",
    )]))
    .unwrap();

    assert_eq!(
        loaded.warnings,
        ["a webhook token of 15 characters can be guessed; take 32 random ones"]
    );
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
        ("subscription.unsubscribe_on_exit", "", "true or false"),
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
fn a_public_url_in_the_clear_is_warned_of_unless_it_stays_on_this_machine() {
    let warnings = |url| {
        let sources = flags(&[("server.public_url", url), ("webhook.token", "sixteen--letters")]);
        load(&sources).unwrap().warnings
    };

    for url in [
        "https://hooks.example.com",
        "http://localhost:8080",
        "http://hooks.localhost",
        "http://127.0.0.1:8080",
        "http://[::1]:8080",
    ] {
        assert!(warnings(url).is_empty(), "{url}");
    }
    for url in [
        "http://hooks.example.com/",
        "http://10.0.0.1/",
        "http://localhost.example.com/",
    ] {
        assert_eq!(
            warnings(url),
            [format!(
                "CAIGUNN_PUBLIC_URL is {url}, not https: notifications and the token travel in the clear"
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
        }
    }
}

#[test]
fn an_inbox_is_named_by_its_path() {
    for (text, path) in [
        ("sqlite:data/inbox.db", "data/inbox.db"),
        ("sqlite:/var/lib/inbox.db", "/var/lib/inbox.db"),
    ] {
        let location = load(&flags(&[("inbox.url", text)]))
            .unwrap()
            .settings
            .inbox_location;

        assert_eq!(location, InboxLocation::Sqlite(PathBuf::from(path)));
        assert_eq!(location.to_string(), text);
    }
    for text in ["", "sqlite:", "data/inbox.db", "SQLITE:x"] {
        assert_eq!(mistakes(&flags(&[("inbox.url", text)])).len(), 1, "{text}");
    }
}

#[test]
fn all_mistakes_are_printed_a_line_each() {
    let mistakes = Mistakes(vec![Mistake::new("one"), Mistake::new("two")]);

    assert_eq!(mistakes.to_string(), "  one\n  two\n");
}
