//! Which URLs are taken, for what, and what is shown of them.

use proptest::prelude::*;
use tokio_postgres::config::{ChannelBinding, LoadBalanceHosts};

use super::*;

/// A password that nothing else resembles.
const PASSWORD: &str = "hunterhunter";

fn location(text: &str) -> Location {
    Location::parse(text).unwrap_or_else(|reason| panic!("{text}: {reason}"))
}

fn refusal(text: &str) -> String {
    match Location::parse(text) {
        Ok(location) => panic!("{text} is taken as {location}"),
        Err(reason) => reason,
    }
}

fn hosts(location: &Location) -> Vec<&str> {
    let hosts = location.config.get_hosts().iter();
    let names = hosts.map(|host| match host {
        Host::Tcp(name) => &**name,
        Host::Unix(folder) => folder.to_str().unwrap(),
    });
    names.collect()
}

#[test]
fn a_url_says_who_connects_where_to() {
    for scheme in ["postgres", "postgresql"] {
        let location = location(&format!("{scheme}://me:p%40ss@db.example.com:6543/in%20box"));

        let config = &location.config;
        assert_eq!(config.get_user(), Some("me"));
        assert_eq!(config.get_password(), Some(&b"p@ss"[..]));
        assert_eq!(hosts(&location), ["db.example.com"]);
        assert_eq!(config.get_ports(), [6543]);
        assert_eq!(config.get_dbname(), Some("in box"));
    }
}

#[test]
fn what_a_url_leaves_open_is_such_that_a_dead_server_is_noticed_and_one_that_only_reads_passed_over() {
    let location = location("postgres://db/inbox");

    let config = &location.config;
    assert_eq!(config.get_application_name(), Some("caigunn-webhook"));
    assert_eq!(config.get_connect_timeout(), Some(&Duration::from_secs(5)));
    assert!(config.get_keepalives());
    assert_eq!(config.get_keepalives_idle(), Duration::from_secs(10));
    assert_eq!(config.get_keepalives_interval(), Some(Duration::from_secs(5)));
    assert_eq!(config.get_keepalives_retries(), Some(3));
    assert_eq!(config.get_tcp_user_timeout(), Some(&Duration::from_secs(10)));
    assert!(location.must_write);
    assert_eq!(config.get_ports(), [5432]);
}

#[test]
fn what_a_url_says_wins_over_the_defaults() {
    let location = location(
        "postgres://db/inbox?connect_timeout=1&keepalives_idle=2&keepalives_interval=3&keepalives_retries=4&\
         tcp_user_timeout=5000&application_name=mine&target_session_attrs=any&channel_binding=require&\
         load_balance_hosts=random&options=-c%20search_path%3Dinbox",
    );

    let config = &location.config;
    assert_eq!(config.get_connect_timeout(), Some(&Duration::from_secs(1)));
    assert_eq!(config.get_keepalives_idle(), Duration::from_secs(2));
    assert_eq!(config.get_keepalives_interval(), Some(Duration::from_secs(3)));
    assert_eq!(config.get_keepalives_retries(), Some(4));
    // Milliseconds, as libpq has it.
    assert_eq!(config.get_tcp_user_timeout(), Some(&Duration::from_secs(5)));
    assert_eq!(config.get_application_name(), Some("mine"));
    assert!(!location.must_write);
    assert_eq!(config.get_channel_binding(), ChannelBinding::Require);
    assert_eq!(config.get_load_balance_hosts(), LoadBalanceHosts::Random);
    assert_eq!(config.get_options(), Some("-c search_path=inbox"));
    let off = self::location("postgres://db/inbox?tcp_user_timeout=0");
    assert_eq!(off.config.get_tcp_user_timeout(), None);
}

#[test]
fn there_may_be_several_hosts() {
    let cases: [(&str, &[&str], &[u16]); 4] = [
        (
            "postgres://me@a:5433,b,[::1]:5434/inbox?sslmode=require",
            &["a", "b", "::1"],
            &[5433, 5432, 5434],
        ),
        ("postgres:///inbox?host=a,b&port=1,2", &["a", "b"], &[1, 2]),
        ("postgres:///inbox?host=a&host=b&port=5433", &["a", "b"], &[5433]),
        (
            "postgres:///inbox?host=/run/postgresql",
            &["/run/postgresql"],
            &[],
        ),
    ];
    for (text, expected, ports) in cases {
        let location = location(text);

        assert_eq!(hosts(&location), expected, "{text}");
        assert_eq!(location.config.get_ports(), ports, "{text}");
    }
}

#[test]
fn sslmode_and_sslrootcert_mean_what_they_mean_to_libpq() {
    let file = || Roots::File(PathBuf::from("/etc/ca.pem"));
    let cases = [
        ("", SslMode::Prefer, Trust::Anyone),
        ("sslmode=disable", SslMode::Disable, Trust::Anyone),
        ("sslmode=prefer", SslMode::Prefer, Trust::Anyone),
        ("sslmode=require", SslMode::Require, Trust::Anyone),
        ("sslmode=require&sslrootcert=", SslMode::Require, Trust::Anyone),
        (
            "sslmode=require&sslrootcert=/etc/ca.pem",
            SslMode::Require,
            Trust::Chain(file()),
        ),
        (
            "sslrootcert=%2Fetc%2Fca.pem&sslmode=verify-ca",
            SslMode::Require,
            Trust::Chain(file()),
        ),
        ("sslmode=verify-ca", SslMode::Require, Trust::Chain(Roots::System)),
        (
            "sslmode=verify-full",
            SslMode::Require,
            Trust::ChainAndName(Roots::System),
        ),
        (
            "sslmode=verify-full&sslrootcert=/etc/ca.pem",
            SslMode::Require,
            Trust::ChainAndName(file()),
        ),
        (
            "sslrootcert=system",
            SslMode::Require,
            Trust::ChainAndName(Roots::System),
        ),
        (
            "ssl%6Dode=disable&sslmode=verify%2Dfull",
            SslMode::Require,
            Trust::ChainAndName(Roots::System),
        ),
    ];
    for (query, mode, trust) in cases {
        let location = location(&format!("postgres://db/inbox?{query}"));

        assert_eq!(location.config.get_ssl_mode(), mode, "{query}");
        assert_eq!(location.trust, trust, "{query}");
    }
}

#[test]
fn a_unix_socket_is_not_asked_for_tls() {
    for host in [
        "%2Frun%2Fpostgresql/inbox?sslmode=verify-full",
        "/inbox?host=/run&sslmode=require",
    ] {
        let location = location(&format!("postgres://{host}"));

        assert_eq!(location.config.get_ssl_mode(), SslMode::Disable);
        assert_eq!(location.trust, Trust::Anyone);
    }
}

#[test]
fn a_mistake_says_what_is_wrong_and_what_is_allowed() {
    let needs_encoding = "an @, / or ? within user or password, and an @ behind the hosts, must be percent-encoded: \
                          %40, %2F, %3F";
    let no_question_mark = "parameters begin with a ?; an & or = before it must be percent-encoded";
    let no_host = "it names no host, or an empty one";
    let hidden_prefer = "sslrootcert asks for what sslmode=disable and sslmode=prefer, the default, do not do, which \
                         is to verify the server; set sslmode=verify-full";
    let modes = "sslmode must be disable, allow, prefer, require, verify-ca or verify-full";
    let cases = [
        (
            "mysql://db/inbox",
            "it does not begin with postgres:// or postgresql://",
        ),
        (
            "host=db dbname=inbox",
            "it does not begin with postgres:// or postgresql://",
        ),
        (
            "postgres://db/in box",
            "a blank or control character must be percent-encoded, as in %20",
        ),
        ("postgres://me:p@ss@db/inbox", needs_encoding),
        ("postgres://me:p/ss@db/inbox", needs_encoding),
        ("postgres://me:p?ss@db/inbox", needs_encoding),
        ("postgres://db/inbox?application_name=me@here", needs_encoding),
        ("postgres://db/inbox&sslmode=require", no_question_mark),
        ("postgres://db&password=p/inbox", no_question_mark),
        ("postgres:///inbox", no_host),
        ("postgres://me:pass@/inbox", no_host),
        ("postgres://a,,b/inbox", no_host),
        ("postgres://db", "it names no database"),
        ("postgres://db/", "it names no database"),
        ("postgres://db/?dbname=", "it names no database"),
        ("postgres://db:x/inbox", "invalid value for option `port`"),
        ("postgres://db:65536/inbox", "invalid value for option `port`"),
        ("postgres://db/inbox?schema=public", "unknown option `schema`"),
        (
            "postgres://db/inbox?password=pa&ss=word",
            "a parameter, a port or a name is not allowed",
        ),
        ("postgres://db/inbox?sslmode", "a parameter has no = and value"),
        (
            "postgres://db/inbox?ssl-mode=require",
            "a parameter's name has other characters than a to z and _",
        ),
        (
            "postgres://db/inbox?application_name=%ff",
            "invalid utf-8 sequence of 1 bytes from index 0",
        ),
        ("postgres://db/inbox?sslmode=%ff", "a parameter is no UTF-8"),
        ("postgres://db/inbox?sslmode=maybe", modes),
        ("postgres://db/inbox?sslmode=", modes),
        ("postgres://db/inbox?sslrootcert=/etc/ca.pem", hidden_prefer),
        (
            "postgres://db/inbox?sslmode=disable&sslrootcert=system",
            hidden_prefer,
        ),
        (
            "postgres://db/inbox?tcp_user_timeout=5s",
            "tcp_user_timeout must be milliseconds, a whole number",
        ),
        (
            "postgres://a,b/inbox?hostaddr=127.0.0.1",
            "there must be one hostaddr for each host, or none",
        ),
        (
            "postgres://a,b/inbox?port=5433",
            "there must be one port for each host, or one for all",
        ),
        (
            "postgres://db/inbox?target_session_attrs=read-only",
            "target_session_attrs must be read-write (the default), primary or any, for an inbox is written to",
        ),
        (
            "postgres://db/inbox?sslnegotiation=direct",
            "sslnegotiation=direct needs sslmode require, verify-ca or verify-full",
        ),
    ];
    for (text, reason) in cases {
        assert_eq!(refusal(text), reason, "{text}");
    }
}

#[test]
fn it_is_shown_as_it_was_given_but_for_the_password() {
    let cases = [
        (
            format!("postgres://me:{PASSWORD}@a:5433,b/inbox?sslmode=require"),
            "postgres://me:***@a:5433,b/inbox?sslmode=require",
        ),
        (
            format!(
                "postgresql://db/inbox?user=me&password={PASSWORD}&p%61ssword={PASSWORD}&sslmode=disable"
            ),
            "postgresql://db/inbox?user=me&password=***&password=***&sslmode=disable",
        ),
        ("postgres://me@db/inbox".to_owned(), "postgres://me@db/inbox"),
        (
            "postgres://me:@db/inbox?".to_owned(),
            "postgres://me:***@db/inbox",
        ),
    ];
    for (text, shown) in cases {
        let location = location(&text);

        assert_eq!(location.to_string(), shown);
        assert_eq!(format!("{location:?}"), format!("Location({shown})"));
    }
}

#[test]
fn messages_name_hosts_ports_and_database() {
    let cases = [
        ("postgres://me:pass@db/inbox", "db:5432/inbox"),
        ("postgres://a:5433,[::1]/inbox", "a:5433,[::1]:5432/inbox"),
        ("postgres:///inbox?host=a&host=b&port=5433", "a:5433,b:5433/inbox"),
        ("postgres://%2Frun/inbox", "/run:5432/inbox"),
        ("postgres://db/in%1b[2Jbox", "db:5432/in\\u{1b}[2Jbox"),
    ];
    for (text, shown) in cases {
        assert_eq!(location(text).shown(), shown);
    }
}

#[test]
fn a_connection_over_a_network_is_weak_unless_the_server_is_verified() {
    let strong = [
        "db/inbox?sslmode=verify-full",
        "db/inbox?sslrootcert=system",
        "db/inbox?sslmode=verify-ca&sslrootcert=/etc/ca.pem",
        "db/inbox?sslmode=require&sslrootcert=/etc/ca.pem",
        "localhost/inbox",
        "db.localhost/inbox",
        "127.1.2.3,[::1]/inbox?sslmode=disable",
        "db/inbox?hostaddr=127.0.0.1",
        "%2Frun%2Fpostgresql/inbox",
        "/inbox?host=/run/postgresql",
    ];
    for text in strong {
        assert_eq!(location(&format!("postgres://{text}")).weakness(), None, "{text}");
    }
    let weak = [
        (
            "me:pass@db/inbox",
            "is not verified: whoever is on the way can read and change what is stored",
        ),
        (
            "db/inbox?sslmode=require",
            "is not verified: whoever is on the way can read and change what is stored",
        ),
        (
            "db/inbox?sslmode=disable",
            "is not encrypted: whoever is on the way can read and change what is stored",
        ),
        (
            "db/inbox?sslmode=verify-ca",
            "is not verified by name: anyone with a certificate of a public authority can answer in its place",
        ),
    ];
    for (text, weakness) in weak {
        assert_eq!(
            location(&format!("postgres://{text}")).weakness(),
            Some(format!(
                "the connection to PostgreSQL at db:5432/inbox {weakness}"
            ))
        );
    }
    for text in [
        "localhost,db/inbox",
        "localhost/inbox?hostaddr=10.0.0.1",
        "10.0.0.1/inbox",
    ] {
        assert!(
            location(&format!("postgres://{text}")).weakness().is_some(),
            "{text}"
        );
    }
}

#[test]
fn locations_are_the_same_if_they_lead_to_the_same_in_the_same_way() {
    let text = "postgres://me:pass@db/inbox?sslmode=verify-full";

    assert_eq!(location(text), location(text));
    assert_ne!(location(text), location(&text.replace("pass", "other")));
    assert_ne!(location(text), location(&text.replace("full", "ca")));
}

proptest! {
    #[test]
    fn no_password_is_shown_however_it_is_spelt_and_whatever_else_is_wrong(
        before in "([ -~]{0,6}|[@/?&:%=])",
        after in "([ -~]{0,6}|[@/?&:%=])",
        rest in "(@|@db|@db:5432|@db:port|@a,b)(/|/inbox)?(\\?[a-z_]{0,8}(=[a-z]{0,4})?)?",
    ) {
        for text in [
            format!("postgres://me:{before}{PASSWORD}{after}{rest}"),
            format!("postgres://me{rest}&password={PASSWORD}{after}"),
            format!("postgres://db/inbox?password={before}{PASSWORD}{after}"),
        ] {
            let said = match Location::parse(&text) {
                Ok(location) => format!("{location} {location:?} {} {:?}", location.shown(), location.weakness()),
                Err(reason) => reason,
            };
            prop_assert!(!said.contains(PASSWORD), "{} says {}", text, said);
        }
    }
}

#[test]
fn parameters_of_libpq_that_say_the_same_are_taken() {
    let location = location(
        "postgres://me@db/inbox?sslmode=allow&gssencmode=prefer&target_session_attrs=primary&client_encoding=UTF8&\
         keepalives_count=7&fallback_application_name=mine&sslcert=/c.pem&sslkey=/k.pem",
    );

    let config = &location.config;
    assert_eq!(config.get_ssl_mode(), SslMode::Prefer);
    assert!(location.must_write);
    assert_eq!(config.get_keepalives_retries(), Some(7));
    // Any name that is given wins over the one to fall back on.
    assert_eq!(config.get_application_name(), Some("mine"));
    let expected = Certificate {
        chain: PathBuf::from("/c.pem"),
        key: PathBuf::from("/k.pem"),
    };
    assert_eq!(location.certificate, Some(expected));
    for (query, reason) in [
        (
            "gssencmode=require",
            "gssencmode must be disable or prefer: this program speaks TLS, and no GSSAPI",
        ),
        ("client_encoding=LATIN1", "client_encoding must be UTF8"),
        ("sslcert=/c.pem", "sslcert and sslkey must be given together"),
    ] {
        assert_eq!(refusal(&format!("postgres://db/inbox?{query}")), reason);
    }
}

#[test]
fn each_host_is_connected_to_with_all_that_the_url_says() {
    let location = location(
        "postgres://me:secret@a:5433,b/inbox?application_name=mine&connect_timeout=3&options=-c%20a%3Db&\
         channel_binding=require&keepalives_idle=9",
    );

    let config = location.config_of(0, Some("192.0.2.7".parse().unwrap())).unwrap();
    assert_eq!(config.get_hosts(), [Host::Tcp("a".to_owned())]);
    assert_eq!(config.get_hostaddrs(), ["192.0.2.7".parse::<IpAddr>().unwrap()]);
    assert_eq!(config.get_ports(), [5433]);
    assert_eq!(config.get_user(), Some("me"));
    assert_eq!(config.get_password(), Some(&b"secret"[..]));
    assert_eq!(config.get_dbname(), Some("inbox"));
    assert_eq!(config.get_application_name(), Some("mine"));
    assert_eq!(config.get_options(), Some("-c a=b"));
    assert_eq!(config.get_connect_timeout(), Some(&Duration::from_secs(3)));
    assert_eq!(config.get_channel_binding(), ChannelBinding::Require);
    assert_eq!(config.get_keepalives_idle(), Duration::from_secs(9));
    assert_eq!(location.config_of(1, None).unwrap().get_ports(), [5432]);
    assert_eq!(location.shown_host(1), "b:5432/inbox");
}

#[test]
fn a_password_is_read_from_its_file_for_each_connection() {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pgpass");
    let location = location(&format!("postgres://me@db/inbox?passfile={}", file.display()));
    let password = || {
        let config = location.config_of(0, None).map_err(|error| error.to_string())?;
        Ok::<_, String>(String::from_utf8(config.get_password().unwrap().to_vec()).unwrap())
    };

    assert!(password().unwrap_err().contains("cannot be read"));
    fs::write(&file, "other:*:*:*:nothing\ndb:5432:inbox:me:first\n").unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
    assert!(password().unwrap_err().contains("chmod 600"));
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    assert_eq!(password().as_deref(), Ok("first"));
    fs::write(&file, "*:*:*:*:second\n").unwrap();
    assert_eq!(password().as_deref(), Ok("second"));
    fs::write(&file, "other:*:*:*:nothing\n").unwrap();
    let none = password().unwrap_err();
    assert!(none.contains("has no line for db:5432:inbox:me"), "{none}");
}

#[test]
fn without_a_user_in_the_url_the_systems_connects_and_its_password_is_read() {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pgpass");
    let me = whoami::username().expect("whoever runs the tests has a name");
    fs::write(&file, format!("db:5432:inbox:{me}:{PASSWORD}\n")).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();

    for user in ["", "@"] {
        let location = location(&format!("postgres://{user}db/inbox?passfile={}", file.display()));
        let config = location.config_of(0, None).unwrap();
        assert_eq!(config.get_user(), Some(&*me), "{user}");
        assert_eq!(config.get_password(), Some(PASSWORD.as_bytes()), "{user}");
    }
}

#[test]
fn where_nobody_says_who_connects_that_is_refused_with_what_to_do() {
    let named = || Err::<String, _>("Null record");

    let refused = location("postgres://db/inbox").user(named).unwrap_err();

    assert!(matches!(refused, Error::Refused { .. }), "{refused:?}");
    assert_eq!(
        refused.to_string(),
        "the inbox cannot be used: the URL of db:5432/inbox names no user, and the system has no name for the one who runs this (Null record): put \
         one before the host, as in postgres://USER@HOST"
    );
    assert_eq!(location("postgres://me@db/inbox").user(named).unwrap(), "me");
}
