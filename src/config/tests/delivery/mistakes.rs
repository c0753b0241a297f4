//! What a destination may not be, and what is said of one that is wrong.

use super::*;

#[test]
fn an_item_of_a_list_is_what_it_must_be() {
    for content in [
        "[delivery]\nretry_schedule_seconds = [1, \"soon\"]",
        "[delivery]\nretry_schedule_seconds = [1.5]",
        "[api]\nkey = [[\"a\"]]",
        "[api]\nkey = [\"a\", \"\"]",
    ] {
        assert_eq!(mistakes(&file(content)).len(), 1, "{content}");
    }
}

#[test]
fn a_file_of_secrets_without_a_legal_one_is_a_mistake() {
    let place = "delivery.destination[0].secrets_file (own.toml:1): /run/signing: ";
    for (content, expected) in [
        (Err("the file cannot be read: no"), "the file cannot be read: no"),
        (Ok(" \n"), "there is no secret in the file"),
        (
            Ok(SECRET),
            "expected whsec_ and 24 to 64 bytes in base64 in each line (`echo whsec_$(openssl rand -base64 32)` makes one), found another text (hidden)",
        ),
    ] {
        assert_eq!(mistakes(&signing_file(content)), [format!("{place}{expected}")]);
    }
    assert_eq!(
        mistakes(&app("secrets_file = \"/run/signing\"")),
        [format!("{place}the file was not read")]
    );
    let mut beside_none = signing_file(Ok(SIGNING_SECRET));
    beside_none.file.as_mut().unwrap().1 += "\nsecrets = []";
    assert_eq!(exposed(only(&beside_none).secrets.get().iter()), [SIGNING_SECRET]);
    let mut both = signing_file(Ok(SIGNING_SECRET));
    both.file.as_mut().unwrap().1 += &format!("\nsecrets = [\"{SIGNING_SECRET}\"]");
    assert_eq!(
        mistakes(&both),
        ["delivery.destination[0].secrets_file (own.toml:1): secrets are given by `secrets` too"]
    );
}

#[test]
fn every_mistake_of_every_destination_is_reported_with_its_place() {
    let sources = file(
        r#"
[[delivery.destination]]
name = "App"
kind = "http"
url = "ftp://user:hunter2@app.example.com/hunter2?hunter2"
secrets = ["whsec_AAAA", 7]
headers = { Host = "x", "bad name" = "x", x-a = "a\nb", x-b = 1 }
format = "xml"
events = ["a b", "crawling.*"]
chatbots = "all"
timeout_seconds = 0
max_in_flight = "many"
max_per_second = 0
since = "2024-07-30T09:15:00"
retries = 7
[[delivery.destination]]
kind = "command"
url = "https://app.example.com"
command = []
[[delivery.destination]]
name = "third"
kind = "mail"
url = "x"
[[delivery.destination]]
name = "third"
kind = "command"
command = "rm -rf"
"#,
    );

    assert_eq!(
        mistakes(&sources),
        [
            "delivery.destination[0].retries (own.toml:2): there is no such key; docs/configuration.md lists all",
            "delivery.destination[0].name (own.toml:2): expected 1 to 40 of a-z, 0-9, - and _, found \"App\"",
            "delivery.destination[0].url (own.toml:2): expected an absolute URL without user and fragment: http or \
             https (nats: nats or tls; redis: redis or rediss; kafka: kafka or kafka+ssl, and several servers), found \"ftp://[hidden]@app.example.com/[hidden]\"",
            "delivery.destination[0].headers.Host (own.toml:2): expected a header that neither the connection nor this program \
             sets, found another (hidden)",
            "delivery.destination[0].headers.bad name (own.toml:2): expected a header's name, of letters, digits and -, found \
             another (hidden)",
            "delivery.destination[0].headers.x-a (own.toml:2): expected a text of ASCII without ends of lines, found another \
             (hidden)",
            "delivery.destination[0].headers.x-b (own.toml:2): expected its text, in quotes, found another (hidden)",
            "delivery.destination[0].secrets (own.toml:2): expected whsec_ and 24 to 64 bytes in base64 (`echo whsec_$(openssl rand -base64 32)` makes one), \
             found another text (hidden)",
            "delivery.destination[0].events (own.toml:2): expected event names, in which * stands for anything, as in \
             crawling.*, found \"a b,crawling.*\"",
            "delivery.destination[0].chatbots (own.toml:2): expected ids of chatbots, found \"all\"",
            "delivery.destination[0].max_per_second (own.toml:2): expected a number from 0.001 to 10000, found \"0\"",
            "delivery.destination[0].max_in_flight (own.toml:2): expected a whole number from 1 to 256, found \"many\"",
            "delivery.destination[0].since (own.toml:2): expected a time with an offset, as in 2024-07-30T09:15:00Z, \
             found \"2024-07-30T09:15:00\"",
            "delivery.destination[0].timeout_seconds (own.toml:2): expected whole seconds from 1 to 600, found \"0\"",
            "delivery.destination[0].format (own.toml:2): expected raw or cloudevents, found \"xml\"",
            "delivery.destination[1].name (own.toml:16): expected 1 to 40 of a-z, 0-9, - and _, found nothing",
            "delivery.destination[1].url (own.toml:16): only one of kind http or nats or redis or sqs or kafka has this key",
            "delivery.destination[1].command (own.toml:16): expected a list of texts without NUL: a program, and what it is \
             given, as in [\"/bin/echo\", \"hi\"], found another text (hidden)",
            "delivery.destination[2].kind (own.toml:20): expected http, command, nats, redis, sqs or kafka, found \"mail\"",
            "delivery.destination[2].url (own.toml:20): expected an absolute URL without user and fragment: http or \
             https (nats: nats or tls; redis: redis or rediss; kafka: kafka or kafka+ssl, and several servers), found another text (hidden): begin it with https://",
            "delivery.destination[3].name (own.toml:24): another destination has this name, \"third\"",
            "delivery.destination[3].command (own.toml:24): expected a list of texts without NUL: a program, and what it is \
             given, as in [\"/bin/echo\", \"hi\"], found another text (hidden)",
        ]
    );
}

#[test]
fn of_a_destination_of_no_kind_that_there_is_all_else_is_read() {
    let members = "name = \"app\"\nkind = \"htp\"\nurl = \"https://app.example.com\"\nheaders = {Host = \"x\"}\ncommand = []";
    let found: Vec<_> = mistakes(&destination(members));

    assert_eq!(found.len(), 3, "{found:?}");
    for (mistake, key) in found.iter().zip(["kind", "headers.Host", "command"]) {
        let start = format!("delivery.destination[0].{key} (own.toml:1): expected ");
        assert!(mistake.starts_with(&start), "{mistake}");
    }
    // Without a key of any kind, nobody can tell which is missing.
    assert_eq!(mistakes(&destination("name = \"app\"\nkind = \"htp\"")).len(), 1);
    let signed = format!("name = \"app\"\nsecrets = [\"{SIGNING_SECRET}\"]");
    assert_eq!(mistakes(&destination(&signed)).len(), 2);
}

#[test]
fn a_url_has_neither_user_nor_fragment() {
    for url in ["http://a", "https://a:8443/b?c=d", "http://[::1]:3000/"] {
        let members = format!("name = \"a\"\nkind = \"http\"\nurl = \"{url}\"");
        assert!(load(&destination(&members)).is_ok(), "{url}");
    }
    for url in [
        "",
        "a",
        "/a",
        "http://",
        "http://a#b",
        "http://u@a",
        "https://u:p@a",
        "file:///a",
    ] {
        let members = format!("name = \"a\"\nkind = \"http\"\nurl = \"{url}\"");
        assert_eq!(mistakes(&destination(&members)).len(), 1, "{url}");
    }
}

/// The parser of URLs passes over ends of lines and tabs.
#[test]
fn two_lines_are_not_taken_for_one_url() {
    let lines = "https://a.example.com/x\nhttps://b.example.com/y";
    let of_destination = |kind: &str, url: &str, more: &str| {
        let members = format!("name = \"a\"\nkind = \"{kind}\"\nurl = {url:?}\n{more}");
        mistakes(&destination(&members))
    };
    let mut found = vec![
        of_destination("http", lines, ""),
        of_destination("nats", "nats://n:42\n22", "subject = \"s\""),
        of_destination("redis", "redis://r\t/1", "stream = \"s\""),
        mistakes(&environment(&[("CAIGUNN_PUBLIC_URL", lines)])),
        mistakes(&environment(&[("CAIGUNN_API_URL", lines)])),
        mistakes(&file(&format!("[[notice]]\nname = \"ops\"\nurl = {lines:?}"))),
    ];
    for found in &found {
        assert!(found[0].contains("it has the control character '\\"), "{found:?}");
    }
    let mut in_file = file("[[notice]]\nname = \"ops\"\nurl_file = \"/run/u\"");
    in_file.files.insert("/run/u".to_owned(), Ok(lines.to_owned()));
    found.push(mistakes(&in_file));
    assert!(
        found[6][0].ends_with("/run/u: it has several lines: one URL is expected"),
        "{found:?}"
    );
    assert!(found.iter().all(|found| found.len() == 1), "{found:?}");
}

#[test]
fn headers_of_the_connection_and_our_own_cannot_be_set() {
    for name in [
        "Host",
        "Content-Length",
        "content-type",
        "Connection",
        "Transfer-Encoding",
        "TE",
        "Upgrade",
        "User-Agent",
        "Webhook-Id",
        "webhook-signature",
        "caigunn-attempt",
    ] {
        assert_eq!(
            mistakes(&app(&format!("headers = {{{name} = \"x\"}}"))).len(),
            1,
            "{name}"
        );
    }
    assert_eq!(
        mistakes(&app("headers = {x-a = \"x\", X-A = \"x\"}")),
        ["delivery.destination[0].headers.x-a (own.toml:1): this header is given twice"]
    );
}

#[test]
fn numbers_have_the_bounds_that_are_documented() {
    for right in [
        "timeout_seconds = 1",
        "timeout_seconds = 600",
        "max_in_flight = 1",
        "max_in_flight = 256",
        "max_per_second = 0.001",
        "max_per_second = 10000",
    ] {
        assert!(load(&app(right)).is_ok(), "{right}");
    }
    for wrong in [
        "timeout_seconds = 601",
        "timeout_seconds = 1.5",
        "timeout_seconds = -1",
        "timeout_seconds = 4294967297",
        "max_in_flight = 0",
        "max_in_flight = 257",
        "max_per_second = -1",
        "max_per_second = nan",
        "max_per_second = inf",
        "max_per_second = 10000.5",
    ] {
        assert_eq!(mistakes(&app(wrong)).len(), 1, "{wrong}");
    }
}

#[test]
fn a_secret_to_sign_with_has_24_to_64_bytes() {
    use base64::Engine;
    let secret = |count: usize| {
        format!(
            "whsec_{}",
            base64::prelude::BASE64_STANDARD.encode(vec![7; count])
        )
    };
    for right in [secret(24), secret(64)] {
        assert!(load(&app(&format!("secrets = [\"{right}\"]"))).is_ok(), "{right}");
    }
    for wrong in [
        secret(23),
        secret(65),
        secret(24).replace("whsec_", ""),
        "whsec_?".to_owned(),
    ] {
        assert_eq!(
            mistakes(&app(&format!("secrets = [\"{wrong}\"]"))).len(),
            1,
            "{wrong}"
        );
    }
}

#[test]
fn there_are_32_destinations_at_most() {
    let many = |count| {
        let tables = (0..count).map(|number| {
            format!("[[delivery.destination]]\nname = \"{number}\"\nkind = \"http\"\nurl = \"http://a\"\n")
        });
        file(&tables.collect::<String>())
    };

    assert_eq!(destinations(&many(32)).len(), 32);
    assert_eq!(
        mistakes(&many(33)),
        ["delivery.destination (own.toml:1): there are 33, and 32 is the most"]
    );
}

#[test]
fn what_is_no_list_of_tables_is_refused_without_being_quoted() {
    let expected = "expected a list as in [{name = \"app\", kind = \"http\", url = \"https://app.example.com\"}], or in the file \
                    of settings tables, each of which begins with [[delivery.destination]], found another text (hidden): ";
    for (text, reason) in [
        (SECRET.to_owned(), "it is no list"),
        (format!("[\n{{name = {SECRET}}}]"), "line 2: "),
        (format!("[{{\"name\": {SECRET}}}]"), "line 1: "),
        (format!("\"{SECRET}\""), "give it without the quotes"),
        (format!("[\"{SECRET}\"]"), "there is a text in it"),
        (
            format!("[[delivery.destination]]\nname = \"{SECRET}\""),
            "line 1: ",
        ),
    ] {
        let mistakes = mistakes(&environment(&[("CAIGUNN_DELIVERY_DESTINATION", &text)]));

        let start = format!("delivery.destination (CAIGUNN_DELIVERY_DESTINATION): {expected}{reason}");
        assert_eq!(mistakes.len(), 1, "{mistakes:?}");
        assert!(mistakes[0].starts_with(&start), "{mistakes:?}");
        assert!(!mistakes[0].contains(SECRET), "{mistakes:?}");
    }
    assert_eq!(
        mistakes(&file("[delivery.destination]\nname = \"app\"")),
        [format!(
            "delivery.destination (own.toml:1): {}write [[delivery.destination]], with two brackets",
            expected.replace("another text", "a table")
        )]
    );
}

#[test]
fn no_output_holds_a_secret_of_a_destination() {
    let members = format!(
        "url = \"https://app.example.com/{SECRET}?{SECRET}\"\nsecrets = [\"{SIGNING_SECRET}\"]\n\
         headers = {{authorization = \"Bearer {SECRET}\"}}"
    );
    let right = file(&format!(
        "[[delivery.destination]]\nname = \"app\"\nkind = \"http\"\n{members}\n\
         [[delivery.destination]]\nname = \"script\"\nkind = \"command\"\ncommand = [\"run\", \"{SECRET}\"]"
    ));

    let loaded = load(&right).unwrap();

    let printed = format!("{loaded:?}");
    assert!(!printed.contains(SECRET), "{printed}");
    assert!(!printed.contains(&SIGNING_SECRET[6..]), "{printed}");
    assert_eq!(
        shown(&loaded, "delivery.destination"),
        ("app (http), script (command)".to_owned(), "own.toml:1".to_owned())
    );
    let wrong = file(&format!(
        "[[delivery.destination]]\nname = \"app\"\nkind = \"http\"\nurl = \"https://{SECRET}@{SECRET}@a/{SECRET}#{SECRET}\"\n\
         secrets = [\"{SECRET}\"]\nheaders = {{authorization = \"\\u00e9\\u0000{SECRET}\"}}\ntoken = \"{SECRET}\"\n\
         [[delivery.destination]]\nname = \"script\"\nkind = \"command\"\ncommand = [\"run\", \"\\u0000{SECRET}\"]\n\
         [[delivery.destination]]\nname = \"other\"\nkind = \"http\"\nurl = \"{SECRET}\"\ncommand = [\"{SECRET}\"]"
    ));
    let mistakes = load(&wrong).unwrap_err();
    assert_eq!(mistakes.0.len(), 7, "{mistakes}");
    assert!(!mistakes.to_string().contains(SECRET), "{mistakes}");
}
