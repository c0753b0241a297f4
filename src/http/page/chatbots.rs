//! `/chatbots`: how the registration of each stands, what the last probe found, and which tokens are used.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};

use super::{Fields, Section, Site, Viewer, parts};
use crate::http::admin::subscription::{self, Chatbot, Subscription};
use crate::http::problem::Problem;
use crate::subscription::{Probe, Registration, Seen, State as RegistrationState};

const COLUMNS: [&str; 5] = [
    "Chatbot",
    "Registration",
    "What stands there, or what happened",
    "Last event",
    "Id",
];
const TOKEN_COLUMNS: [&str; 3] = ["Token", "At every chatbot", "Last used"];

pub(super) async fn chatbots(State(site): State<Site>, viewer: Viewer) -> Result<Response, Problem> {
    let seen = subscription::seen(&site.api, true).await?;
    let rows: Vec<_> = seen.chatbots.iter().map(|chatbot| row(chatbot, &seen)).collect();
    let tokens: Vec<_> = seen
        .tokens
        .iter()
        .map(|token| {
            let used = html! {
                @match token.last_used_at {
                    Some(at) => (parts::time(at)),
                    None => "not since this receiver was started",
                }
            };
            let is_registered = if token.is_registered { "yes" } else { "no" };
            let cells = [
                html! { code { (token.token) "…" } },
                html! { (is_registered) },
                used,
            ];
            parts::row(&TOKEN_COLUMNS, &cells)
        })
        .collect();
    let content = html! {
        (parts::facts(facts(&seen)))
        (parts::table("Chatbots", &COLUMNS, &rows, "No chatbot is looked after."))
        p { "The receiver that leads looks at each every few minutes and puts its URL where another stands." }
        @if site.ensure.is_some() {
            (parts::button(&viewer, "/chatbots/ensure", &[], "Look at each now"))
        }
        (parts::table("Tokens, by the start of their SHA-256", &TOKEN_COLUMNS, &tokens, "No token is set: anyone may post."))
    };
    Ok(site.page(&viewer, Section::Chatbots, "Chatbots", content).await)
}

pub(super) async fn ensure(State(site): State<Site>, _: Fields) -> Result<Response, Problem> {
    let ensure = site.ensure.as_ref().ok_or_else(Problem::not_registering)?;
    if let Err(reason) = ensure().await {
        return Ok(site.after("/chatbots", format!("Nothing was done: {reason}.")));
    }
    let standing = (site.api.subscription)(true).await;
    let notice = match standing.seen.left_alone_until {
        Some(until) => format!(
            "CaiGunn is left alone until {until}, as it asked for or since it is down. Each is looked at then, and the URL put where \
             another stands."
        ),
        None => "Each is looked at now, and the URL put where another stands: load this page again in some seconds, and it says what \
                 came of it."
            .to_owned(),
    };
    Ok(site.after("/chatbots", notice))
}

fn facts(seen: &Subscription) -> Vec<(&'static str, Markup)> {
    let url = match &seen.webhook_url {
        Some(url) => parts::text(url),
        None => html! { "none: set CAIGUNN_ACCESS_TOKEN and CAIGUNN_PUBLIC_URL" },
    };
    let mut facts = vec![("Kept registered", url)];
    if let Some(problem) = &seen.problem {
        facts.push(("Problem", parts::text(problem)));
    }
    if let Some(probe) = &seen.probe {
        facts.push((
            "Last probe",
            html! { (parts::text(&probe.detail)) ", " (parts::time_whole(probe.at)) },
        ));
    }
    let leader = seen.leader.name.as_deref().unwrap_or("not known now");
    facts.push((
        "Leader",
        html! { (parts::text(leader)) @if seen.leader.is_self { " (this receiver)" } },
    ));
    facts
}

fn row(chatbot: &Chatbot, seen: &Subscription) -> Markup {
    let registration = &chatbot.registration;
    let title = registration.title.as_deref().unwrap_or("not found yet");
    let id = registration.chatbot_id;
    let cells = [
        parts::text(title),
        parts::state(registration.state.name()),
        what(&registration.state, seen.webhook_url.as_deref()),
        html! { @match chatbot.last_received_at { Some(at) => (parts::time(at)), None => "none that is kept" } },
        html! { @if let Some(id) = id { a href=(format!("/receipts?chatbot_id={id}")) { code { (id) } } } },
    ];
    parts::row(&COLUMNS, &cells)
}

/// Whose URL stands there, or why that is not known.
fn what(state: &RegistrationState, ours: Option<&str>) -> Markup {
    html! {
        @match state {
            RegistrationState::Pending => "nothing was answered yet",
            RegistrationState::Registered { confirmed_at, .. } => {
                "ours, " (parts::text(ours.unwrap_or_default())) ", seen " (parts::time(*confirmed_at))
            }
            RegistrationState::Retrying { failure_count, next_at, error, .. } => {
                (parts::text(error)) "; failed " (failure_count) " times, tried again " (parts::time(*next_at))
            }
            RegistrationState::Refused { next_at, error, .. } => {
                (parts::text(error)) "; somebody must act; tried again " (parts::time(*next_at))
            }
            RegistrationState::TakenOver { since, by } => {
                "another one, " (parts::text(by)) ", since " (parts::time(*since)) "; subscription.on_takeover leaves it there"
            }
            RegistrationState::Contested { since, by } if by.is_empty() => {
                "CaiGunn takes our URL and has none there afterwards, since " (parts::time(*since))
            }
            RegistrationState::Contested { since, by } => {
                "another one, " (parts::text(by)) ", since " (parts::time(*since)) ": whoever put it takes it back each time"
            }
            RegistrationState::Superseded { since } => {
                "that of a newer deployment of this receiver, since " (parts::time(*since))
            }
            RegistrationState::Deleted => "CaiGunn says that it is deleted",
        }
    }
}

/// What is wrong with the registration and what to do, in words, a sentence each.
pub fn wrong(seen: &Seen) -> Vec<String> {
    let mut wrong: Vec<_> = seen.trouble().map(str::to_owned).into_iter().collect();
    if let Some(Probe {
        is_well: false,
        detail,
        ..
    }) = &seen.probe
    {
        wrong.push(format!(
            "the public URL does not lead here: {}",
            parts::brief(detail)
        ));
    }
    let is_wrong = |chatbot: &&Registration| {
        !matches!(
            chatbot.state,
            RegistrationState::Registered { .. } | RegistrationState::Pending
        )
    };
    let count = seen.chatbots.iter().filter(is_wrong).count();
    if count > 0 {
        wrong.push(format!(
            "{count} of {} chatbots are not registered: see each",
            seen.chatbots.len()
        ));
    }
    // Where CaiGunn cannot be asked, that is said.
    if seen.unseen_count > 0 && seen.trouble().is_none() {
        wrong.push(format!(
            "that {} of {} chatbots are registered was not seen in the last six looks: see each",
            seen.unseen_count,
            seen.chatbots.len()
        ));
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::subscription::ProbeKind;

    #[test]
    fn each_word_for_how_a_chatbot_or_a_destination_stands_has_a_color() {
        let css = include_str!("page.css");

        for word in [
            "pending",
            "registered",
            "retrying",
            "refused",
            "taken_over",
            "contested",
            "superseded",
            "deleted",
            "active",
            "down",
            "paused",
            "unconfigured",
        ] {
            let is_colored = css.contains(&format!(".{word},")) || css.contains(&format!(".{word})"));
            assert!(is_colored, "{word}");
        }
    }

    #[test]
    fn what_needs_somebody_is_said_and_a_probe_that_is_well_or_a_doubt_that_the_account_explains_is_not() {
        let probe = |is_well| Probe {
            finding: ProbeKind::OtherReceiver,
            detail: "another process".to_owned(),
            is_well,
            since: Timestamp::from_micros(0),
            at: Timestamp::from_micros(0),
        };
        let seen = |is_well, unseen_count, problem: Option<&str>| Seen {
            probe: Some(probe(is_well)),
            unseen_count,
            problem: problem.map(str::to_owned),
            ..Seen::default()
        };

        assert_eq!(wrong(&seen(true, 0, None)), [""; 0]);
        assert_eq!(
            wrong(&seen(false, 2, None)),
            [
                "the public URL does not lead here: another process",
                "that 2 of 0 chatbots are registered was not seen in the last six looks: see each"
            ]
        );
        assert_eq!(wrong(&seen(true, 2, Some("it is down"))), ["it is down"]);
    }

    #[test]
    fn where_caigunn_keeps_no_url_none_is_said_to_stand_there() {
        let contested = |by: &str| {
            let since = Timestamp::from_micros(0);
            let by = by.to_owned();
            what(&RegistrationState::Contested { since, by }, None).into_string()
        };

        let (none, other) = (contested(""), contested("https://other.example.com"));

        assert!(
            none.starts_with("CaiGunn takes our URL and has none there afterwards, since <time"),
            "{none}"
        );
        assert!(other.starts_with("another one, <bdi"), "{other}");
    }
}
