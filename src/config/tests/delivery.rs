//! The way out: its schedule and its destinations.

#[cfg(feature = "kafka")]
mod kafka;
mod mistakes;
mod queues;
mod sqs;

use super::*;
use crate::clock::Timestamp;
use crate::delivery::{DestinationSettings, Format, Kind};

/// A secret to sign with that no output may hold.
const SIGNING_SECRET: &str = "whsec_aHVudGVyMi1odW50ZXIyLWh1bnRlcjItaHVudGVyMg==";

/// A file with one destination of these members.
fn destination(members: &str) -> Sources {
    file(&format!("[[delivery.destination]]\n{members}"))
}

/// A destination that is a URL, with these members besides.
fn app(members: &str) -> Sources {
    destination(&format!(
        "name = \"app\"\nkind = \"http\"\nurl = \"https://app.example.com/hooks\"\n{members}"
    ))
}

fn destinations(sources: &Sources) -> Vec<DestinationSettings> {
    load(sources).unwrap().settings.delivery.destinations
}

fn only(sources: &Sources) -> DestinationSettings {
    let mut destinations = destinations(sources);
    assert_eq!(destinations.len(), 1);
    destinations.remove(0)
}

fn http(destination: &DestinationSettings) -> &crate::delivery::http::Settings {
    match &destination.kind {
        Kind::Http(settings) => settings,
        other => panic!("{} is no URL", other.as_str()),
    }
}

fn signing_file(content: Result<&str, &str>) -> Sources {
    let mut sources = app("secrets_file = \"/run/signing\"");
    let content = content.map(str::to_owned).map_err(str::to_owned);
    sources.files.insert("/run/signing".to_owned(), content);
    sources
}

#[test]
fn without_destinations_there_is_only_the_schedule_of_standard_webhooks() {
    let loaded = load(&Sources::default()).unwrap();

    let schedule = &loaded.settings.delivery.schedule;
    let waits = (1..).map_while(|tries| schedule.next(tries, 0.5));
    assert_eq!(schedule.first(), Duration::ZERO);
    assert_eq!(
        waits.map(|wait| wait.as_secs()).collect::<Vec<_>>(),
        [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]
    );
    assert!(loaded.settings.delivery.destinations.is_empty());
    assert_eq!(shown(&loaded, "delivery.destination").0, "");
}

#[test]
fn a_schedule_is_numbers_in_a_file_and_comma_separated_in_a_variable() {
    let in_file = load(&file("[delivery]\nretry_schedule_seconds = [1, 60]")).unwrap();
    let in_variable = load(&environment(&[(
        "CAIGUNN_DELIVERY_RETRY_SCHEDULE_SECONDS",
        "1, 60",
    )]))
    .unwrap();

    for loaded in [in_file, in_variable] {
        let schedule = &loaded.settings.delivery.schedule;
        assert_eq!(schedule.first(), Duration::from_secs(1));
        assert_eq!(schedule.next(1, 0.5), Some(Duration::from_secs(60)));
        assert_eq!(schedule.next(2, 0.5), None);
    }
}

#[test]
fn a_schedule_has_bounds() {
    let most = ["604800"; 100].join(",");
    assert!(load(&flags(&[("delivery.retry_schedule_seconds", &most)])).is_ok());
    let too_many = ["0"; 101].join(",");
    for (text, reason) in [
        (",", ": there is nothing between its commas"),
        ("-1", ""),
        ("1.5", ""),
        ("604801", ""),
        ("soon", ""),
        (&too_many, ""),
    ] {
        assert_eq!(
            mistakes(&flags(&[("delivery.retry_schedule_seconds", text)])),
            [format!(
                "delivery.retry_schedule_seconds (the command line): expected 1 to 100 times whole seconds from 0 to \
                 604800, found {text:?}{reason}"
            )]
        );
    }
}

#[test]
fn a_destination_needs_little() {
    let destination = only(&app(""));

    assert_eq!(destination.name, "app");
    assert_eq!(destination.timeout, Duration::from_secs(15));
    assert_eq!(destination.max_in_flight, 16);
    assert_eq!(destination.max_per_second, None);
    assert_eq!(destination.since, None);
    assert_eq!(destination.format, Format::Raw);
    assert_eq!(destination.filter, crate::delivery::Filter::default());
    let http = http(&destination);
    assert_eq!(http.url.as_str(), "https://app.example.com/hooks");
    assert!(destination.secrets.get().is_empty() && http.headers.is_empty());
}

#[test]
fn a_destination_can_be_told_everything() {
    let chatbot = "3fa85f64-5717-4562-b3fc-2c963f66afa6";
    let destination = only(&app(&format!(
        "secrets = [\"{SIGNING_SECRET}\", \"whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"]\n\
         headers = {{Authorization = \"Bearer {SECRET}\", x-tenant = \"7\"}}\n\
         format = \"cloudevents\"\nevents = [\"crawling.*\"]\nchatbots = [\"{chatbot}\"]\n\
         timeout_seconds = 600\nmax_in_flight = 256\nmax_per_second = 0.5\nsince = 2024-07-30T11:15:00+02:00"
    )));

    assert_eq!(destination.timeout, Duration::from_secs(600));
    assert_eq!(destination.max_in_flight, 256);
    assert_eq!(destination.max_per_second, Some(0.5));
    assert_eq!(
        destination.since.as_ref().map(Timestamp::to_string).as_deref(),
        Some("2024-07-30T09:15:00.000000Z")
    );
    assert_eq!(destination.format, Format::CloudEvents);
    assert_eq!(destination.filter.events, ["crawling.*".parse().unwrap()]);
    assert_eq!(destination.filter.chatbots, [chatbot.parse().unwrap()]);
    let http = http(&destination);
    assert_eq!(
        exposed(&*destination.secrets.get()),
        [SIGNING_SECRET, "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]
    );
    assert_eq!(http.headers["authorization"], format!("Bearer {SECRET}"));
    assert_eq!(http.headers["x-tenant"], "7");
}

#[test]
fn a_since_that_is_to_come_is_warned_of() {
    let warned = |since: &str| {
        let warnings = load(&app(&format!("since = {since}"))).unwrap().warnings;
        warnings.iter().any(|warning| {
            warning
                .to_string()
                .starts_with("the since of destination app is to come, 9024-07-30T09:15:00.000000Z")
        })
    };

    assert!(warned("9024-07-30T09:15:00Z"));
    assert!(!warned("2024-07-30T09:15:00Z"));
}

#[test]
fn a_program_is_a_list_and_needs_no_shell() {
    let destination = only(&destination(
        "name = \"script\"\nkind = \"command\"\ncommand = [\"/bin/handle it\", \"--flag\", \"\"]",
    ));

    let Kind::Command(command) = &destination.kind else {
        panic!("it is a program")
    };
    assert_eq!(command.program, "/bin/handle it");
    assert_eq!(command.arguments, ["--flag", ""]);
}

#[test]
fn destinations_can_be_in_a_variable_as_toml_or_json_and_in_a_file_of_secrets() {
    let toml =
        r#"[{name = "a", kind = "http", url = "http://a"}, {name = "b", kind = "http", url = "http://b"}]"#;
    let json = r#"[{"name": "a", "kind": "http", "url": "http://a"}, {"name": "b", "kind": "http", "url": "http://b"}]"#;
    let mut by_file = environment(&[("CAIGUNN_DELIVERY_DESTINATION_FILE", "/run/destinations")]);
    by_file.read_files(|path| {
        assert_eq!(path, "/run/destinations");
        Ok(format!("{toml}\n"))
    });
    for sources in [
        environment(&[("CAIGUNN_DELIVERY_DESTINATION", toml)]),
        environment(&[("CAIGUNN_DELIVERY_DESTINATION", json)]),
        by_file,
    ] {
        let loaded = load(&sources).unwrap();

        let names = loaded.settings.delivery.destinations.iter().map(|it| &*it.name);
        assert_eq!(names.collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(shown(&loaded, "delivery.destination").0, "a (http), b (http)");
    }
    for empty in ["", " ", "[]"] {
        assert!(destinations(&environment(&[("CAIGUNN_DELIVERY_DESTINATION", empty)])).is_empty());
    }
}

#[test]
fn secrets_to_sign_with_can_be_in_a_file_one_a_line() {
    let mut sources = app("secrets_file = \" /run/signing\"");
    sources.read_files(|path| {
        assert_eq!(path, "/run/signing");
        Ok(format!("{SIGNING_SECRET}\r\n\n whsec_{}\n", "A".repeat(32)))
    });

    let destination = only(&sources);

    assert_eq!(
        exposed(&*destination.secrets.get()),
        [SIGNING_SECRET, "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]
    );
}

#[test]
fn the_examples_in_the_file_of_defaults_are_right_and_give_the_defaults() {
    let start = DEFAULTS.find("# [[delivery.destination]]").unwrap();
    let end = DEFAULTS.find("# Who is told").unwrap();
    let examples = DEFAULTS[start..end].replace("\n# ", "\n");
    let examples = examples.trim_start_matches("# ");
    let (without_kafka, _) = examples.rsplit_once("[[delivery.destination]]").unwrap();
    let examples = if cfg!(feature = "kafka") {
        examples
    } else {
        without_kafka
    };

    let destinations = destinations(&file(&format!("{}\n{examples}", &DEFAULTS[..start])));

    let (written, script) = (&destinations[0], &destinations[1]);
    let left_out = only(&app(""));
    assert_eq!((&*written.name, &*script.name), ("app", "script"));
    let queues: Vec<_> = destinations[2..].iter().map(|queue| queue.kind.place()).collect();
    let places = [
        "nats.example.com:4222 caigunn.{event}.{status}",
        "redis.example.com:6379 caigunn:{event}",
        "https://sqs.eu-central-1.amazonaws.com/123456789012/notifications.fifo",
        "broker-1.example.com:9093,broker-2.example.com:9093 notifications",
    ];
    assert_eq!(queues, places[..queues.len()]);
    assert_eq!(queues.len(), if cfg!(feature = "kafka") { 4 } else { 3 });
    assert_eq!(written.timeout, left_out.timeout);
    assert_eq!(written.max_in_flight, left_out.max_in_flight);
    assert_eq!(written.format, left_out.format);
    assert_eq!(written.filter, left_out.filter);
    assert!(written.since.is_some() && written.max_per_second.is_some());
}
