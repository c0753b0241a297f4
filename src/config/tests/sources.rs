//! Where values come from, and which of them wins.

use super::*;

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
