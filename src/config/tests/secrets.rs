//! Secrets: read from variables and files, bounded, and never shown.

use super::*;

#[test]
fn a_secret_can_come_from_a_file_without_its_last_line_end() {
    let mut sources = environment(&[
        ("CAIGUNN_API_KEY_FILE", "/run/key"),
        ("CAIGUNN_ACCESS_TOKEN_FILE", "/run/access"),
        ("CAIGUNN_WEBHOOK_TOKEN_FILE", "/run/token"),
        ("CAIGUNN_ADMIN_TOKEN_FILE", ""),
    ]);
    sources.read_files(|path| {
        Ok(match path {
            "/run/key" => "key-of-the-chatbot\n",
            "/run/access" => "access\r\n",
            "/run/token" => "one-long-enough-token,another-long-enough-one",
            other => panic!("{other} is read"),
        }
        .to_owned())
    });
    sources.environment.push((
        "CAIGUNN_PUBLIC_URL".to_owned(),
        "https://hooks.example.com".to_owned(),
    ));

    let loaded = load(&sources).unwrap();

    assert!(matches!(loaded.settings.registration, Registration::Wanted(_)));
    assert_eq!(keys(&loaded.settings.selection), ["key-of-the-chatbot"]);
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
    sources.read_files(|path| match path {
        "/run/key" => Err("the file cannot be read: permission denied".to_owned()),
        _ => Ok("another".to_owned()),
    });

    assert_eq!(
        mistakes(&sources),
        [
            "api.key (CAIGUNN_API_KEY_FILE=/run/key): the file cannot be read: permission denied",
            "admin.token: CAIGUNN_ADMIN_TOKEN and CAIGUNN_ADMIN_TOKEN_FILE are both set and differ",
        ]
    );
}

#[test]
fn an_empty_list_of_secrets_is_shown_as_not_set() {
    let loaded = load(&file("[api]\nkey = []\n")).unwrap();

    assert_eq!(shown(&loaded, "api.key").0, "");
}

#[test]
fn no_output_holds_a_secret() {
    let url_token = format!("{SECRET}-token");
    let read_only = format!("{SECRET}-read-only");
    let right = environment(&[
        ("CAIGUNN_API_KEY", SECRET),
        ("CAIGUNN_ACCESS_TOKEN", SECRET),
        ("CAIGUNN_WEBHOOK_TOKEN", &url_token),
        ("CAIGUNN_ADMIN_TOKEN", SECRET),
        ("CAIGUNN_ADMIN_READ_ONLY_TOKEN", &read_only),
        ("CAIGUNN_PUBLIC_URL", "http://hooks.example.com"),
        (
            "CAIGUNN_INBOX_URL",
            &format!("postgres://user:{SECRET}@database/inbox?password={SECRET}"),
        ),
    ]);

    let loaded = load(&right).unwrap();

    assert!(!format!("{loaded:?}").contains(SECRET));
    assert_eq!(
        shown(&loaded, "inbox.url").0,
        "postgres://user:***@database/inbox?password=***"
    );
    for key in [
        "api.key",
        "api.access_token",
        "webhook.token",
        "admin.token",
        "admin.read_only_token",
    ] {
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
fn a_secret_in_the_place_of_a_files_name_or_of_a_url_without_its_scheme_is_not_shown() {
    let mut sources = environment(&[
        ("CAIGUNN_ACCESS_TOKEN_FILE", SECRET),
        ("CAIGUNN_API_KEY_FILE", "/run/key"),
        ("CAIGUNN_ADMIN_TOKEN_FILE", "./token"),
        (
            "CAIGUNN_PUBLIC_URL",
            &format!("hooks.example.com/webhook/{SECRET}"),
        ),
        ("CAIGUNN_API_URL", &format!("user:{SECRET}@api.example.com")),
    ]);
    sources.file = Some((
        "own.toml".to_owned(),
        format!(
            "[[delivery.destination]]\nname = \"app\"\nkind = \"http\"\nurl = \"https://app.example.com\"\nsecrets_file = \"{SECRET}\"\n"
        ),
    ));
    sources.read_files(|_| Err("the file cannot be read: it is not there".to_owned()));

    let mistakes = mistakes(&sources).join("\n");

    for said in [
        "(CAIGUNN_ACCESS_TOKEN_FILE=[hidden]): the file cannot be read: it is not there; if that is the secret itself",
        "(CAIGUNN_API_KEY_FILE=/run/key): the file cannot be read: it is not there\n",
        "(CAIGUNN_ADMIN_TOKEN_FILE=./token): the file cannot be read: it is not there; it is relative to the folder where the \
         receiver runs",
        "found \"hooks.example.com/webhook/[hidden]\"",
        "secrets_file (own.toml:1): [hidden]: the file cannot be read",
    ] {
        assert!(mistakes.contains(said), "{said}: {mistakes}");
    }
    assert!(!mistakes.contains(SECRET), "{mistakes}");
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
            "CAIGUNN_API_URL",
            "https://user:pass@api.example.com"
        )])),
        [
            "api.url (CAIGUNN_API_URL): expected an absolute http or https URL without user, query or fragment, as in \
             https://hooks.example.com, found \"https://[hidden]@api.example.com\""
        ]
    );
}

#[test]
fn a_secret_of_too_many_digits_without_quotes_is_refused_and_not_shown() {
    let mistakes = mistakes(&file("[admin]\ntoken = 99999999999999999999123\n"));

    assert_eq!(
        mistakes,
        ["admin.token (own.toml:2): expected a text, in quotes, or a number of 18 digits at most"]
    );
}

#[test]
fn a_key_that_is_there_twice_is_named_and_nothing_else_of_its_line() {
    for (content, expected) in [
        (
            format!("[webhook]\ntoken = \"a\"\ntoken = \"{SECRET}\"\n"),
            "own.toml:3: duplicate key, token",
        ),
        (
            format!("[webhook]\ntoken = \"a\"\n[webhook]\nx = \"{SECRET}\"\n"),
            "own.toml:3: duplicate key, webhook",
        ),
    ] {
        assert_eq!(mistakes(&file(&content)), [expected]);
    }
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
            mistakes[0].starts_with(&format!("own.toml:{line}: ")),
            "{content}{mistakes:?}"
        );
        assert!(!mistakes[0].contains(SECRET), "{mistakes:?}");
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
        said(&loaded.warnings),
        ["a webhook token of 15 characters can be guessed; take 32 random ones"]
    );
}

#[test]
fn a_token_to_look_with_that_is_the_admin_token_is_refused() {
    let mistakes = mistakes(&environment(&[
        ("CAIGUNN_ADMIN_TOKEN", SECRET),
        ("CAIGUNN_ADMIN_READ_ONLY_TOKEN", SECRET),
    ]));

    assert_eq!(
        mistakes,
        [
            "admin.read_only_token (CAIGUNN_ADMIN_READ_ONLY_TOKEN): expected another token than admin.token, found another text \
             (hidden): who has it could change everything"
        ]
    );
}

#[test]
fn a_token_of_the_admin_side_is_none_that_is_in_the_registered_url() {
    for (variable, key) in [
        ("CAIGUNN_ADMIN_TOKEN", "admin.token"),
        ("CAIGUNN_ADMIN_READ_ONLY_TOKEN", "admin.read_only_token"),
    ] {
        let two = format!("{SECRET},0123456789abcdef");
        let mut sources = environment(&[("CAIGUNN_WEBHOOK_TOKEN", &two), (variable, "0123456789abcdef")]);

        assert_eq!(
            mistakes(&sources),
            [format!(
                "{key} ({variable}): expected another token than those of webhook.token, found another text (hidden): \
                 whoever sees the registered URL could use it"
            )]
        );
        sources.environment[1].1 += "-another";
        load(&sources).unwrap();
    }
}
