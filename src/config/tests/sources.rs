//! Where values come from, and which of them wins.

use super::*;

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
    assert_eq!(origin("log.format"), "json from own.toml:3");
    assert_eq!(origin("admin.listen"), "127.0.0.1:9090 from default");
    assert_eq!(loaded.settings.listen.port(), 3);
}

#[test]
fn every_key_can_be_set_by_its_variables() {
    for key in KEYS {
        let loaded = load(&Sources::default()).unwrap();
        let (default, origin) = shown(&loaded, key.name);
        for variable in key.variables() {
            let loaded = load(&environment(&[(&variable, &default)])).unwrap();

            let origin = if default.is_empty() {
                origin.clone()
            } else {
                variable
            };
            assert_eq!(shown(&loaded, key.name), (default.clone(), origin));
        }
    }
}

#[test]
fn a_list_says_the_same_in_whatever_form() {
    let forms = ["k1, k2", "k1\nk2\n", "[\"k1\", \"k2\"]", "['k1','k2']"];
    for one in forms {
        for other in forms {
            let mut sources = environment(&[("CAIGUNN_API_KEY", one), ("CAIGUNN_API_KEY_FILE", "/run/key")]);
            sources.read_files(|_| Ok(other.to_owned()));
            load(&sources).unwrap();
        }
    }
    let in_file = Sources {
        environment: pairs(&[("CAIGUNN_API_KEY", "k1, k2")]),
        ..file("[api]\nkey = [\"k1\", \"k2\"]\n")
    };
    let warnings = said(&load(&in_file).unwrap().warnings);
    assert!(
        !warnings.iter().any(|warning| warning.contains("overrides")),
        "{warnings:?}"
    );
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

/// As Kubernetes sets them for a service with two ports, and Docker for a link.
const LINKS: Given = &[
    ("CAIGUNN_WEBHOOK_SERVICE_HOST", "10.0.0.1"),
    ("CAIGUNN_WEBHOOK_SERVICE_PORT", "8080"),
    ("CAIGUNN_WEBHOOK_SERVICE_PORT_HTTP", "8080"),
    ("CAIGUNN_WEBHOOK_SERVICE_PORT_ADMIN", "9090"),
    ("CAIGUNN_WEBHOOK_PORT", "tcp://10.0.0.1:8080"),
    ("CAIGUNN_WEBHOOK_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
    ("CAIGUNN_WEBHOOK_PORT_8080_TCP_PROTO", "tcp"),
    ("CAIGUNN_WEBHOOK_PORT_8080_TCP_PORT", "8080"),
    ("CAIGUNN_WEBHOOK_PORT_8080_TCP_ADDR", "10.0.0.1"),
    ("CAIGUNN_WEBHOOK_PORT_9090_UDP", "udp://10.0.0.1:9090"),
    ("CAIGUNN_WEBHOOK_PORT_9090_UDP_ADDR", "10.0.0.1"),
    // Docker's, besides, for a container that is linked by the name `caigunn-webhook`.
    ("CAIGUNN_WEBHOOK_NAME", "/app/caigunn-webhook"),
    ("CAIGUNN_WEBHOOK_ENV_PORT", "anything"),
    ("CAIGUNN_WEBHOOK_ENV_CAIGUNN_WEBHOOK_TOKEN", "anything"),
    // A service named so that its own name ends like a link.
    ("CAIGUNN_HTTP_PORT_PORT", "tcp://[fd00::7]:80"),
    ("CAIGUNN_HTTP_PORT_SERVICE_HOST", "fd00::7"),
    ("CAIGUNN_HTTP_PORT_PORT_80_TCP", "tcp://[fd00::7]:80"),
    ("CAIGUNN_HTTP_PORT_PORT_80_TCP_ADDR", "fd00::7"),
];

#[test]
fn variables_that_kubernetes_and_docker_set_for_a_service_of_that_name_are_passed_over() {
    assert!(load(&environment(LINKS)).is_ok());
    assert_eq!(
        shown(&load(&environment(LINKS)).unwrap(), "server.listen").1,
        "default"
    );
}

#[test]
fn a_variable_that_only_looks_like_a_link_is_a_mistake() {
    for (index, (variable, value)) in LINKS.iter().enumerate() {
        for other in ["9000", "10.9.9.9", "tcp://10.9.9.9:1", "x"] {
            // Any address is one of a service, and any port may have a name.
            let is_link = variable.ends_with("_PORT") && other.contains("://");
            let has_name = variable.contains("_SERVICE_PORT_") && other == "9000";
            if other == *value || is_link || has_name || variable.contains("_ENV_") {
                continue;
            }
            let mut links = LINKS.to_vec();
            links[index].1 = other;
            assert!(load(&environment(&links)).is_err(), "{variable}={other}");
        }
        if !variable.ends_with("_PORT") || variable.ends_with("_SERVICE_PORT") {
            assert!(
                load(&environment(&[(variable, value)])).is_err(),
                "{variable} alone"
            );
        }
    }
}

#[test]
fn the_port_that_a_platform_gives_is_the_lowest_source_of_the_public_port() {
    let port = ("PORT", "10000");
    let listen = |sources: &Sources| shown(&load(sources).unwrap(), "server.listen");
    assert_eq!(
        listen(&environment(&[port])),
        ("127.0.0.1:10000".to_owned(), "PORT".to_owned())
    );
    let image = Sources {
        defaults: Some(("image.toml".to_owned(), IMAGE.to_owned())),
        ..environment(&[port])
    };
    assert_eq!(listen(&image), ("0.0.0.0:10000".to_owned(), "PORT".to_owned()));
    let own = Sources {
        file: Some((
            "own.toml".to_owned(),
            "[server]\nlisten = \"127.0.0.1:1\"".to_owned(),
        )),
        ..image
    };
    assert_eq!(listen(&own), ("127.0.0.1:1".to_owned(), "own.toml:2".to_owned()));
    assert_eq!(
        listen(&environment(&[port, ("CAIGUNN_LISTEN", "127.0.0.1:2")])).1,
        "CAIGUNN_LISTEN"
    );
    assert_eq!(listen(&environment(&[("PORT", " ")])).1, "default");
    for wrong in ["http", "\"9000\"", "tcp://10.0.0.1:80", "70000"] {
        let expected = format!(
            "PORT (the environment): expected the public side's port, a number without quotes, found {wrong:?}"
        );
        assert_eq!(mistakes(&environment(&[("PORT", wrong)])), [expected]);
    }
}

#[test]
fn whoever_says_another_port_than_the_platform_is_warned() {
    let warnings = |port: &'static str, listen: &str| {
        let sources = Sources {
            file: Some(("own.toml".to_owned(), format!("[server]\nlisten = \"{listen}\""))),
            ..environment(&[("PORT", port), ("CAIGUNN_WEBHOOK_TOKEN", "sixteen--letters")])
        };
        let warnings = load(&sources).unwrap().warnings;
        warnings
            .into_iter()
            .map(|warning| warning.found)
            .collect::<Vec<_>>()
    };

    assert_eq!(
        warnings("10000", "127.0.0.1:1"),
        ["server.listen of own.toml:2 overrides PORT, which says 10000"]
    );
    // On which address is another matter.
    assert_eq!(warnings("10000", "[::]:10000"), Vec::<String>::new());
    assert_eq!(warnings(" ", "127.0.0.1:1"), Vec::<String>::new());
    let by_variable = environment(&[("PORT", "10000"), ("CAIGUNN_LISTEN", "127.0.0.1:2")]);
    let found = load(&by_variable).unwrap().warnings.remove(0).found;
    assert_eq!(
        found,
        "server.listen of CAIGUNN_LISTEN overrides PORT, which says 10000"
    );
    // On the command line it is meant.
    let by_flag = Sources {
        flags: vec![("server.listen".to_owned(), "127.0.0.1:3".to_owned())],
        ..by_variable
    };
    let found = load(&by_flag).unwrap().warnings;
    assert!(
        !found.iter().any(|warning| warning.found.contains("PORT")),
        "{found:?}"
    );
}

#[test]
fn an_address_may_be_localhost_and_another_form_is_answered_with_the_right_one() {
    let refused = |text| mistakes(&environment(&[("CAIGUNN_LISTEN", text)])).remove(0);
    let localhost = load(&environment(&[("CAIGUNN_LISTEN", "localhost:8081")])).unwrap();
    assert_eq!(localhost.settings.listen.to_string(), "127.0.0.1:8081");
    for text in [
        ":8080",
        "8080",
        "*:8080",
        "receiver:8080",
        "http://0.0.0.0:8080",
        "127.0.0.1:8080:8080",
    ] {
        let right = "write 0.0.0.0:8080 for all addresses of this machine, 127.0.0.1:8080 for itself alone";
        assert!(refused(text).ends_with(right), "{text}");
    }
    for text in ["::1:8080", "::1", "[::1]", "fe80::1%eth0:8080", "::"] {
        let right = "the address stands in brackets, with the port behind, as in [::1]:PORT";
        assert!(refused(text).ends_with(right), "{text}");
    }
}

#[test]
fn the_defaults_of_an_image_rank_below_everything_and_are_nobodys_word() {
    let image = Sources {
        defaults: Some(("image.toml".to_owned(), IMAGE.to_owned())),
        ..file("[inbox]\nurl = \"postgres://localhost/inbox\"")
    };

    let loaded = load(&image).unwrap();

    assert!(loaded.settings.inbox_location.is_shared());
    assert_eq!(loaded.settings.listen.to_string(), "0.0.0.0:8080");
    let listen = loaded
        .shown
        .iter()
        .find(|shown| shown.key == "server.listen")
        .unwrap();
    assert_eq!((&*listen.origin, listen.is_said), ("image.toml:4", false));
    let by_variable = Sources {
        environment: pairs(&[
            ("CAIGUNN_LISTEN", "0.0.0.0:1"),
            ("CAIGUNN_WEBHOOK_TOKEN", SECRET),
            ("CAIGUNN_ADMIN_TOKEN", "16-other-letters"),
        ]),
        ..image
    };
    assert!(load(&by_variable).unwrap().warnings.is_empty());
}

#[test]
fn the_image_sets_no_variable_but_the_one_that_names_its_defaults() {
    let dockerfile = include_str!("../../../Dockerfile");
    let set: Vec<_> = dockerfile
        .lines()
        .filter(|line| line.contains("CAIGUNN_"))
        .collect();

    assert_eq!(set, ["ENV CAIGUNN_DEFAULTS=/etc/caigunn-webhook/image.toml"]);
    assert!(dockerfile.contains("COPY config/image.toml /etc/caigunn-webhook/image.toml"));
}

#[test]
fn of_a_text_without_quotes_in_a_file_it_is_said_that_it_needs_them() {
    for value in ["127.0.0.1:8080", "localhost:8080", ":8080", "10.0.0.1 # inside"] {
        let said = mistakes(&file(&format!("[server]\nlisten = {value}\n")));

        assert!(said[0].starts_with("own.toml:2: "), "{said:?}");
        assert!(said[0].ends_with("; a text must stand in quotes"), "{said:?}");
        assert!(!said[0].contains(value), "{said:?}");
    }
    let said = mistakes(&file("[server]\nlisten = \"127.0.0.1:8080\nx = 1\n"));
    assert!(!said[0].contains("must stand in quotes"), "{said:?}");
}
