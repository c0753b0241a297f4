//! Promise: the worst configurations that are known each end in words that a newcomer can act on. They come from
//! environments full of quotes, blanks and stale files, and each once opened a door or closed one in silence.

use super::*;

/// What is said of a configuration that is refused, and of one that is only unwise.
fn words(sources: &Sources) -> String {
    match load(sources) {
        Ok(loaded) => said(&loaded.warnings).join("\n"),
        Err(mistakes) => mistakes.to_string(),
    }
}

fn is_refused(sources: &Sources) -> bool {
    load(sources).is_err()
}

/// Variables of which each `_FILE` names a file with that content.
fn by_file(variable: &str, content: &str) -> Sources {
    let mut sources = environment(&[(variable, "/run/secret")]);
    sources.read_files(|_| Ok(content.to_owned()));
    sources
}

#[test]
fn one_a_token_with_a_comma_is_one_token_and_half_of_it_opens_nothing() {
    for key in ["CAIGUNN_ADMIN_TOKEN", "CAIGUNN_ACCESS_TOKEN"] {
        let loaded = load(&environment(&[(key, "s,Gx7-0123456789abcdef")])).unwrap();
        let settings = loaded.settings;
        let token = settings
            .http
            .admin_token
            .or(settings.api.map(|api| api.access_token));
        assert_eq!(token.unwrap().expose_secret(), "s,Gx7-0123456789abcdef", "{key}");
    }
    // In the URL a comma cannot be, so it separates two.
    let loaded = load(&environment(&[("CAIGUNN_WEBHOOK_TOKEN", "s,Gx7")])).unwrap();
    assert_eq!(exposed(&loaded.settings.http.tokens), ["s", "Gx7"]);
    assert!(said(&loaded.warnings)[0].contains("a webhook token of 1 characters can be guessed"));
}

#[test]
fn two_a_value_in_quotes_is_refused_and_blanks_around_it_are_not_its_own() {
    for (variable, quoted) in [
        ("CAIGUNN_LOG", "\"info\""),
        ("CAIGUNN_LISTEN", "'127.0.0.1:8080'"),
        ("CAIGUNN_ADMIN_TOKEN", "\"0123456789abcdef\""),
        ("CAIGUNN_WEBHOOK_TOKEN", "\"one,two\""),
        ("CAIGUNN_WEBHOOK_TOKEN", "one,'two'"),
        ("CAIGUNN_API_KEY", "\u{201c}key\u{201d}"),
        ("CAIGUNN_SUBSCRIPTION_PROBE", "\"true\""),
        ("CAIGUNN_INBOX_RETENTION_DAYS", "'30'"),
        ("CAIGUNN_INBOX_URL", "\"sqlite:data/inbox.db\""),
        ("CAIGUNN_DELIVERY_DESTINATION", "'[]'"),
    ] {
        let words = words(&environment(&[(variable, quoted)]));

        assert!(
            words.contains("without the quotes"),
            "{variable}={quoted}: {words}"
        );
    }
    let blanks = environment(&[
        ("CAIGUNN_LISTEN", " 127.0.0.1:1\r"),
        ("CAIGUNN_ADMIN_TOKEN", "\t0123456789abcdee\r\n"),
        (
            "CAIGUNN_WEBHOOK_TOKEN",
            " 0123456789abcdef \r, 0123456789abcdeg\r",
        ),
        ("CAIGUNN_LOG", " info , caigunn_webhook=debug\r"),
        ("CAIGUNN_INBOX_RETENTION_DAYS", " 30\r"),
        ("CAIGUNN_SUBSCRIPTION_PROBE", "false\r"),
        ("CAIGUNN_INBOX_URL", "sqlite:x.db\r"),
        ("CAIGUNN_PUBLIC_URL", "https://hooks.example.com\r"),
    ]);
    let settings = load(&blanks).unwrap().settings;
    assert_eq!(settings.listen.port(), 1);
    assert_eq!(exposed(&settings.http.admin_token), ["0123456789abcdee"]);
    assert_eq!(
        exposed(&settings.http.tokens),
        ["0123456789abcdef", "0123456789abcdeg"]
    );
    assert_eq!(
        settings.inbox_location,
        InboxLocation::Sqlite(PathBuf::from("x.db"))
    );
}

#[test]
fn three_an_empty_variable_takes_nothing_back_that_a_file_says() {
    let mut sources = file("[admin]\ntoken = \"0123456789abcdef\"\n[inbox]\nretention_days = 7\n");
    for key in KEYS {
        let empty = key.variables().map(|variable| (variable, " ".to_owned()));
        sources.environment.extend(empty);
        sources.flags.push((key.name.to_owned(), String::new()));
    }

    let loaded = load(&sources).unwrap();

    assert_eq!(exposed(&loaded.settings.http.admin_token), ["0123456789abcdef"]);
    assert_eq!(loaded.settings.retention, Duration::from_secs(7 * 86_400));
    assert_eq!(shown(&loaded, "inbox.retention_days").1, "own.toml:4");
    assert_eq!(loaded.settings.listen.to_string(), "127.0.0.1:8080");
}

#[test]
fn four_a_filter_of_the_log_that_would_silence_it_is_refused() {
    for filter in [
        "warning",
        "verbose",
        "none",
        "INFORMATION",
        "3",
        "info,caigun_webhook=debug",
        "info,caigunn_webhook=loud",
        "caigunn_webhook::notificatons=warn",
        "hyper",
        ",",
    ] {
        let words = words(&environment(&[("CAIGUNN_LOG", filter)]));

        let allowed = "log.filter (CAIGUNN_LOG): expected a level (error, warn, info, debug, trace, off) or target=level";
        assert!(words.contains(allowed), "{filter}: {words}");
    }
    for filter in [
        "info",
        "WARN",
        "off",
        "caigunn_webhook",
        "error,caigunn_webhook::delivery=debug",
        "info,caigunn_webhook::notification=warn",
        "info,deadpool=warn",
    ] {
        assert!(!is_refused(&environment(&[("CAIGUNN_LOG", filter)])), "{filter}");
    }
}

#[test]
fn five_a_file_of_a_secret_without_one_is_a_mistake_and_never_no_secret() {
    let files = KEYS.into_iter().filter(|key| key.kind != Kind::Plain);
    for variable in files.flat_map(Key::variables).map(|variable| variable + "_FILE") {
        let is_secret = Key::of_variable(&variable).is_some_and(|(key, _)| key.kind == Kind::Secret);
        let lists_of_none = ["[]", " [ ]\n"].into_iter().filter(|_| is_secret);
        for content in ["", "\n", " \r\n\t"].into_iter().chain(lists_of_none) {
            let words = words(&by_file(&variable, content));

            let expected =
                format!("({variable}=/run/secret): the file is empty; put the value into it, or take");
            assert!(words.contains(&expected), "{variable}: {words}");
        }
    }
    for key in ["CAIGUNN_WEBHOOK_TOKEN", "CAIGUNN_API_KEY"] {
        let only_commas = by_file(&format!("{key}_FILE"), ",\n,");
        assert!(words(&only_commas).contains("there is nothing between its commas"));
        assert!(is_refused(&environment(&[(key, " , ")])));
    }
    // As compose makes of a variable that is not there.
    assert!(!is_refused(&environment(&[("CAIGUNN_ADMIN_TOKEN_FILE", "")])));
    let short = environment(&[
        ("CAIGUNN_ADMIN_TOKEN", "short"),
        ("CAIGUNN_WEBHOOK_TOKEN", SECRET),
    ]);
    assert_eq!(
        words(&short),
        "an admin token of 5 characters can be guessed; take 32 random ones"
    );
}

#[test]
fn six_a_variable_with_a_port_is_no_link_of_kubernetes_unless_its_value_is_one() {
    for (variable, meant) in [
        ("CAIGUNN_PORT", "CAIGUNN_LISTEN"),
        ("CAIGUNN_ADMIN_PORT", "CAIGUNN_ADMIN_LISTEN"),
        ("CAIGUNN_LISTEN_PORT", "CAIGUNN_LISTEN"),
        ("CAIGUNN_SERVER_PORT", "CAIGUNN_LISTEN"),
        ("CAIGUNN_WEBHOOK_TOKENS", "CAIGUNN_WEBHOOK_TOKEN"),
        ("CAIGUNN_API_KEYS", "CAIGUNN_API_KEY"),
        ("CAIGUNN_PUBLIC_URI", "CAIGUNN_PUBLIC_URL"),
        ("CAIGUNN_SERVER_LISTEN_FILE", "CAIGUNN_SERVER_LISTEN"),
        ("CAIGUNN_CONFIG_FILE", "CAIGUNN_CONFIG"),
    ] {
        let words = words(&environment(&[(variable, "9000")]));

        let expected =
            format!("{variable} (the environment): there is no such setting; did you mean {meant}?");
        assert!(words.contains(&expected), "{words}");
    }
}

#[test]
fn no_secret_is_sent_to_another_setting_than_it_is_for() {
    let of_api = "api.access_token, which CaiGunn takes for the account, or api.key, which CaiGunn takes for a chatbot";
    let of_webhook = "webhook.token, which is in the URL that CaiGunn posts to";
    let of_admin = "admin.token, which may do everything, or admin.read_only_token, which may only look";
    let of_account = "api.access_token, which CaiGunn takes for the account";
    for (given, meant) in [
        ("api.token", of_api),
        ("inbox.path", "inbox.url"),
        ("webhook.secret", of_webhook),
        ("log.level", "log.filter"),
        ("admin.ro_token", of_admin),
        (
            "admin.access_token",
            &format!("{}, or {of_account}", of_admin.replace(", or", ",")),
        ),
        ("webhook.access_token", &format!("{of_webhook}, or {of_account}")),
    ] {
        let (section, key) = given.split_once('.').unwrap();

        let words = words(&file(&format!("[{section}]\n{key} = \"{SECRET}\"")));

        assert!(words.contains(&format!("did you mean {meant}?")), "{words}");
    }
    let of_api = "CAIGUNN_API_ACCESS_TOKEN, which CaiGunn takes for the account, or CAIGUNN_API_KEY, which CaiGunn takes for a \
                  chatbot";
    let of_admin =
        "CAIGUNN_ADMIN_TOKEN, which may do everything, or CAIGUNN_ADMIN_READ_ONLY_TOKEN, which may only look";
    for (variable, meant) in [
        ("CAIGUNN_API_TOKEN", of_api),
        ("CAIGUNN_API_TOKEN_FILE", of_api),
        ("CAIGUNN_ACCESS_KEY", of_api),
        ("CAIGUNN_ACCES_TOKEN", "CAIGUNN_ACCESS_TOKEN"),
        ("CAIGUNN_ADMIN_TOKENS", "CAIGUNN_ADMIN_TOKEN"),
        ("CAIGUNN_ADMIN_READONLY_TOKEN", "CAIGUNN_ADMIN_READ_ONLY_TOKEN"),
        ("CAIGUNN_ADMIN_READ_TOKEN", of_admin),
        ("CAIGUNN_ADMIN_RO_TOKEN", of_admin),
        ("CAIGUNN_ADMIN_VIEW_TOKEN", of_admin),
        ("CAIGUNN_ADMIN_READ_WRITE_TOKEN", of_admin),
        ("CAIGUNN_LOG_LEVEL", "CAIGUNN_LOG_FILTER"),
        ("CAIGUNN_RETENTION_DAYS", "CAIGUNN_INBOX_RETENTION_DAYS"),
        ("CAIGUNN_DESTINATION", "CAIGUNN_DELIVERY_DESTINATION"),
        ("CAIGUNN_DESTINATIONS", "CAIGUNN_DELIVERY_DESTINATION"),
        (
            "CAIGUNN_WEBHOOK_SECRET",
            "CAIGUNN_WEBHOOK_TOKEN, which is in the URL that CaiGunn posts to",
        ),
        ("CAIGUNN_DATABASE_URL", "CAIGUNN_INBOX_URL"),
    ] {
        let words = words(&environment(&[(variable, SECRET)]));

        assert!(words.contains(&format!("did you mean {meant}?")), "{words}");
    }
    let destination =
        format!("[[delivery.destination]]\nname = \"q\"\nkind = \"sqs\"\naccess_key = \"{SECRET}\"");
    let words_of_member = words(&file(&destination));
    assert!(
        words_of_member.contains(
            "did you mean access_key_id, which names a key of AWS and is no secret, or secret_access_key, which is the secret of \
             that key?"
        ),
        "{words_of_member}"
    );
    // Nobody can tell which of them.
    for variable in ["CAIGUNN_TOKEN", "CAIGUNN_URL"] {
        let words = words(&environment(&[(variable, SECRET)]));

        assert!(words.contains("docs/configuration.md lists all"), "{words}");
    }
}

#[test]
fn an_admin_side_that_others_reach_without_a_token_is_warned_of() {
    let open = ("CAIGUNN_ADMIN_LISTEN", "0.0.0.0:9090");
    let token = ("CAIGUNN_WEBHOOK_TOKEN", SECRET);
    const ADMIN: &str = "16-other-letters";

    assert!(
        words(&environment(&[open, token])).contains(
            "admin.listen is 0.0.0.0:9090, which can be reached from other machines, and no admin token is set; set"
        )
    );
    assert_eq!(
        words(&environment(&[open, token, ("CAIGUNN_ADMIN_TOKEN", ADMIN)])),
        ""
    );
}

#[test]
fn seven_a_variable_that_beats_the_file_is_named_with_the_line_that_it_beats() {
    let content = "[inbox]\nurl = \"postgres://localhost/inbox\"\nretention_days = 30\n[webhook]\ntoken = [\"sixteen--letters\"]\n";
    let sources = Sources {
        environment: pairs(&[
            ("CAIGUNN_INBOX_URL", "sqlite:/data/inbox.db"),
            ("CAIGUNN_INBOX_RETENTION_DAYS", "30"),
            ("CAIGUNN_WEBHOOK_TOKEN", " sixteen--letters"),
            ("CAIGUNN_LOG", "debug"),
        ]),
        ..file(content)
    };

    assert_eq!(
        words(&sources),
        "CAIGUNN_INBOX_URL overrides inbox.url of own.toml:2, which says otherwise; take one of the two away"
    );
}

#[test]
fn eight_one_address_for_both_sides_is_refused() {
    for (public, admin) in [
        ("127.0.0.1:9000", "127.0.0.1:9000"),
        ("0.0.0.0:9000", "127.0.0.1:9000"),
        ("127.0.0.1:9000", "[::]:9000"),
        ("localhost:9000", "127.0.0.1:9000"),
    ] {
        let words = words(&environment(&[
            ("CAIGUNN_LISTEN", public),
            ("CAIGUNN_ADMIN_LISTEN", admin),
        ]));

        assert!(
            words.contains("admin.listen (CAIGUNN_ADMIN_LISTEN): expected another port"),
            "{words}"
        );
        assert!(words.contains("the two sides cannot share a port"), "{words}");
    }
    for (public, admin) in [
        ("127.0.0.1:0", "127.0.0.1:0"),
        ("127.0.0.1:9000", "127.0.0.2:9000"),
        ("0.0.0.0:9000", "0.0.0.0:9001"),
    ] {
        assert!(!is_refused(&environment(&[
            ("CAIGUNN_LISTEN", public),
            ("CAIGUNN_ADMIN_LISTEN", admin)
        ])));
    }
    // Nobody said 9090 for the public side but the platform.
    let platform = words(&environment(&[("PORT", "9090")]));
    assert!(
        platform.contains("server.listen (PORT) is 127.0.0.1:9090"),
        "{platform}"
    );
}

#[test]
fn nine_a_public_url_that_leads_nowhere_or_says_too_much() {
    let token = ("CAIGUNN_WEBHOOK_TOKEN", SECRET);
    let words_on = |url| words(&environment(&[("CAIGUNN_PUBLIC_URL", url), token]));
    let whole = format!("https://hooks.example.com/webhook/{SECRET}");
    for url in [
        "https://hooks.example.com/webhook",
        "https://hooks.example.com/webhook/",
        &*whole,
        "https://hooks.example.com/base/webhook/of-another-time",
    ] {
        let words = words_on(url);

        assert!(
            words.contains("leave /webhook and what is behind it away"),
            "{url}: {words}"
        );
        assert!(
            !words.contains(SECRET) && !words.contains("of-another-time"),
            "{words}"
        );
    }
    for url in [
        "http://localhost:8080",
        "https://127.0.0.1",
        "http://[::1]:8080",
        "http://0.0.0.0:8080",
        "https://192.168.1.7",
        "http://10.0.0.1",
        "https://receiver",
        "https://receiver.local",
    ] {
        assert!(words_on(url).contains("which CaiGunn cannot reach"), "{url}");
    }
    // While developing, both are here.
    let together = [
        ("CAIGUNN_PUBLIC_URL", "http://localhost:8080"),
        ("CAIGUNN_API_URL", "http://127.0.0.1:9"),
        token,
    ];
    assert!(load(&environment(&together)).unwrap().warnings.is_empty());
    let in_the_clear = environment(&[("CAIGUNN_API_URL", "http://api.example.com"), token]);
    assert!(words(&in_the_clear).contains("API keys and the access token travel in the clear"));
}

#[test]
fn ten_a_choice_of_chatbots_that_chooses_nothing_and_a_title_with_a_comma() {
    let excluded = |sources: &Sources| match load(sources).unwrap().settings.selection {
        Selection::Discovered { exclude, .. } => exclude,
        Selection::Keys(_) => panic!("they are found"),
    };
    let list = file("[subscription]\nexclude = [\"Shop, old\", \"Bot\"]\n");
    assert_eq!(excluded(&list), ["Shop, old", "Bot"]);
    for text in ["[\"Shop, old\", \"Bot\"]", " ['Shop, old', \"Bot\"]\r"] {
        assert_eq!(
            excluded(&environment(&[("CAIGUNN_SUBSCRIPTION_EXCLUDE", text)])),
            ["Shop, old", "Bot"]
        );
    }
    for text in ["Shop,Bot", "Shop\nBot\n"] {
        assert_eq!(
            excluded(&environment(&[("CAIGUNN_SUBSCRIPTION_EXCLUDE", text)])),
            ["Shop", "Bot"]
        );
    }

    let with_keys = environment(&[
        ("CAIGUNN_API_KEY", "key"),
        ("CAIGUNN_SUBSCRIPTION_EXCLUDE", "Bot"),
        ("CAIGUNN_WEBHOOK_TOKEN", SECRET),
    ]);
    assert!(words(&with_keys).contains("subscription.include and subscription.exclude choose nothing"));
}

#[test]
fn a_proxy_that_no_client_would_use_is_refused_and_not_shown() {
    for (variable, value, said) in [
        ("HTTPS_PROXY", "\"http://proxy:3128\"", "without the quotes"),
        ("https_proxy", "'proxy:3128'", "without the quotes"),
        ("NO_PROXY", "\"localhost,.example.com\"", "without the quotes"),
        ("SSL_CERT_FILE", "\"/etc/own.pem\"", "without the quotes"),
        ("SSL_CERT_DIR", "'/etc/own'", "without the quotes"),
        ("HTTPS_PROXY", "proxy:port:x", "http://HOST:PORT"),
        ("HTTP_PROXY", "http://user:hunter2@proxy:port", "http://HOST:PORT"),
        ("ALL_PROXY", "http://user:hunt er2@proxy:3128", "http://HOST:PORT"),
        ("all_proxy", " http://proxy:3128", "http://HOST:PORT"),
        (
            "http_proxy",
            "http://user:hunt@er2@proxy:3128",
            "http://HOST:PORT",
        ),
        // It would be spoken to as one that speaks HTTP.
        ("HTTPS_PROXY", "socks5://proxy:1080", "http://HOST:PORT"),
        ("HTTPS_PROXY", "/run/proxy", "http://HOST:PORT"),
    ] {
        let mistakes = mistakes(&environment(&[(variable, value)]));

        assert_eq!(mistakes.len(), 1, "{variable}={value}");
        let place = format!("{variable} (the environment): ");
        assert!(mistakes[0].starts_with(&place), "{mistakes:?}");
        assert!(mistakes[0].contains(said), "{mistakes:?}");
        for secret in ["hunt", "er2"] {
            assert!(!mistakes[0].contains(secret), "{mistakes:?}");
        }
    }
    for (variable, value) in [
        ("HTTPS_PROXY", "http://proxy:3128"),
        ("HTTPS_PROXY", "https://user:pass%40word@proxy.example.com/"),
        ("http_proxy", "proxy:3128"),
        ("ALL_PROXY", "http://[::1]:3128"),
        ("all_proxy", ""),
        ("ALL_PROXY", "socks://127.0.0.1:1080/"),
        ("all_proxy", "SOCKS5://127.0.0.1:1080/"),
        ("NO_PROXY", "*"),
        ("SSL_CERT_FILE", "/etc/none.pem"),
        ("FTP_PROXY", "\"x\""),
    ] {
        assert!(
            !is_refused(&environment(&[(variable, value)])),
            "{variable}={value}"
        );
    }
}
