use uuid::Uuid;

use super::*;
use crate::caigunn::Credential;
use crate::clock::Timestamp;
use crate::event::ChatbotId;
use crate::fingerprint::Fingerprint;

impl Webhook {
    /// One of `hooks.example.com`, for tests beside the code.
    pub fn sample() -> Self {
        Self {
            webhook_url: "https://hooks.example.com/webhook/hunter2".into(),
            token: Some(Fingerprint::of(&"hunter2".into())),
            older_urls: vec!["https://hooks.example.com/webhook/hunter1".into()],
            retired_urls: Vec::new(),
            base_url: "https://hooks.example.com/webhook".to_owned(),
            shown_url: "https://hooks.example.com/webhook/[token]".to_owned(),
            public_url: "https://hooks.example.com".parse().unwrap(),
            probe: false,
            on_takeover: OnTakeover::Reclaim,
            max_reclaims_per_hour: 3,
            unsubscribe_on_exit: false,
            has_replicas: false,
        }
    }
}

const WATCHING: fn() -> Watching = || Watching {
    watch_interval: Duration::from_secs(300),
    retry: Backoff::new(Duration::from_secs(1), Duration::from_secs(300)).unwrap(),
    refused_retry: Duration::from_secs(3600),
};

#[test]
fn retry_after_lengthens_a_wait_and_never_shortens_it() {
    let wait = |retry_after: Option<u64>, failures| {
        let error = Error::TooManyRequests {
            retry_after: retry_after.map(Duration::from_secs),
            detail: String::new(),
        };
        WATCHING().wait_after(&error, failures).as_secs_f64()
    };

    assert_eq!(wait(Some(30), 1), 30.0);
    assert!((4.0..=8.0).contains(&wait(Some(0), 4)));
    assert!((0.5..=1.0).contains(&wait(None, 1)));
    // The wait after a refusal is its bound.
    assert_eq!(wait(Some(1_000_000), 1), 3600.0);
}

#[test]
fn a_failure_that_passes_is_tried_again_soon_and_any_other_waits_and_says_what_to_check() {
    let (status, detail, retry_after) = (400, String::new, None);
    let refused = |whose| Error::Refused {
        whose,
        status: 401,
        detail: detail(),
    };
    let id = ChatbotId::new(Uuid::nil());
    let cases = [
        (
            Error::TooManyRequests {
                retry_after,
                detail: detail(),
            },
            1.0,
            None,
        ),
        (
            Error::Unavailable {
                retry_after,
                detail: detail(),
            },
            1.0,
            None,
        ),
        (
            Error::NoApi {
                status,
                detail: detail(),
            },
            1.0,
            Some("CAIGUNN_API_URL"),
        ),
        (
            refused(Credential::AccessToken),
            3600.0,
            Some("CAIGUNN_ACCESS_TOKEN"),
        ),
        (
            refused(Credential::ApiKey(Fingerprint::of(&"key".into()))),
            3600.0,
            Some("CAIGUNN_API_KEY"),
        ),
        (refused(Credential::Chatbot(id)), 3600.0, Some("this chatbot")),
        (
            Error::Invalid {
                whose: Credential::ApiKey(Fingerprint::of(&"key".into())),
                status,
                detail: detail(),
            },
            3600.0,
            Some("CAIGUNN_PUBLIC_URL"),
        ),
        (
            Error::Invalid {
                whose: Credential::AccessToken,
                status,
                detail: detail(),
            },
            3600.0,
            Some("CAIGUNN_ACCESS_TOKEN"),
        ),
        (
            Error::Changed { remains: detail() },
            3600.0,
            Some("CAIGUNN_WEBHOOK_TOKEN"),
        ),
        (
            Error::Unexpected {
                status,
                detail: detail(),
            },
            1.0,
            Some("CAIGUNN_API_URL"),
        ),
    ];
    for (error, seconds, named) in cases {
        let wait = WATCHING().wait_after(&error, 1).as_secs_f64();
        assert!((seconds / 2.0..=seconds).contains(&wait), "{error}: {wait}");
        let advice = error.advice();
        assert_eq!(advice.is_some(), named.is_some(), "{error}");
        assert!(
            advice.unwrap_or_default().contains(named.unwrap_or_default()),
            "{error}"
        );
    }
}

#[test]
fn chatbots_are_chosen_by_key_id_or_title() {
    let chatbot = |number: u128, title: &str, api_key: &str| Chatbot {
        id: ChatbotId::new(Uuid::from_u128(number)),
        title: title.to_owned(),
        api_key: api_key.into(),
    };
    let all = [chatbot(1, "Shop", "one"), chatbot(2, "Help", "two")];
    let taken = |selection: Selection| {
        let taken = all.iter().filter(|chatbot| selection.takes(chatbot));
        taken.map(|chatbot| chatbot.title.clone()).collect::<Vec<_>>()
    };
    let discovered = |include: &[&str], exclude: &[&str]| {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        taken(Selection::Discovered {
            include: owned(include),
            exclude: owned(exclude),
        })
    };
    let first_id = "00000000-0000-0000-0000-000000000001";

    assert_eq!(taken(Selection::Keys(vec!["two".into()])), ["Help"]);
    assert_eq!(discovered(&[], &[]), ["Shop", "Help"]);
    assert_eq!(discovered(&["Help"], &[]), ["Help"]);
    assert_eq!(discovered(&[first_id], &[]), ["Shop"]);
    assert_eq!(discovered(&[], &["Shop"]), ["Help"]);
    assert_eq!(discovered(&["Shop", "Help"], &[first_id]), ["Help"]);
    assert_eq!(discovered(&["shop"], &[]), [""; 0]);
}

#[test]
fn a_url_that_leads_elsewhere_in_several_ways_by_turns_does_so_since_the_first() {
    let view = View::of(None, None, Duration::ZERO);
    let since = |kind, seconds: i64| {
        let finding = probe::Finding {
            kind,
            seen: String::new(),
        };
        view.show_probe(
            &finding,
            kind == Ours,
            Timestamp::from_micros(seconds * 1_000_000),
        );
        view.seen().probe.unwrap().since.as_micros() / 1_000_000
    };
    use probe::Kind::{BrokenProxy, NoReceiver, OtherReceiver, Ours};

    assert_eq!(since(Ours, 1), 1);
    assert_eq!(since(BrokenProxy, 2), 2);
    assert_eq!(since(NoReceiver, 3), 2);
    assert_eq!(since(BrokenProxy, 4), 2);
    assert_eq!(since(Ours, 5), 5);
    assert_eq!(since(OtherReceiver, 6), 6);
    assert_eq!(since(NoReceiver, 7), 6);
}

#[test]
fn what_was_not_seen_to_be_registered_in_six_looks_is_counted() {
    let view = View::of(None, None, Duration::from_secs(300));
    let now = Timestamp::now();
    let registered = |seconds_ago| State::Registered {
        since: Timestamp::from_micros(0),
        confirmed_at: now.minus(Duration::from_secs(seconds_ago)),
    };
    let states = [
        registered(1_000),
        registered(1_801),
        registered(9_000),
        State::Pending,
    ];
    let target = visit::Target::of_key("key".into());
    view.look().chatbots = states.map(|state| Registration::of(&target, state)).into();

    assert_eq!(view.seen().unseen_count, 2);
}

#[test]
fn no_token_is_shown() {
    let webhook = Webhook::sample();
    let view = View::of(Some(webhook.shown_url.clone()), None, Duration::ZERO);
    let ours = probe::Finding {
        kind: probe::Kind::Ours,
        seen: "it leads to this receiver".to_owned(),
    };
    view.show_probe(&ours, true, Timestamp::from_micros(0));

    assert_eq!(
        serde_json::to_value(view.seen()).unwrap(),
        serde_json::json!({
            "webhook_url": "https://hooks.example.com/webhook/[token]",
            "token": null,
            "problem": null,
            "list_error": null,
            "is_listed": false,
            "left_alone_until": null,
            "probe": {
                "finding": "ours",
                "detail": "it leads to this receiver",
                "is_well": true,
                "since": "1970-01-01T00:00:00.000000Z",
                "at": "1970-01-01T00:00:00.000000Z",
            },
            "chatbots": [],
            "unseen_count": 0,
        })
    );
    assert!(!format!("{webhook:?} {view:?}").contains("hunter"));
}
