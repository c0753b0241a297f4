//! `/`: is it well, and what to do where it is not; what came and went; and the newest of it.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};

use super::entry::path_with;
use super::health::Health;
use super::jobs::FAILED_OF_LATE;
use super::plot::{self, Line, Over};
use super::{DAY, Section, Site, Viewer, health, parts, receipts};
use crate::clock::Timestamp;
use crate::delivery::view::{ShownDestination, ShownState};
use crate::http::Standing;
use crate::http::problem::Problem;
use crate::inbox::jobs::{self, JobCounts, MAX_COUNTED, MAX_LISTED};
use crate::inbox::{PageRequest, Receipt, ReceiptFilter, Space};
use crate::subscription::{Registration, Seen, State as RegistrationState};

/// How many of the newest receipts are shown.
const NEWEST: usize = 10;

pub(super) async fn overview(State(site): State<Site>, viewer: Viewer) -> Result<Response, Problem> {
    let last = site.api.inbox.outbox().last_sequence().await?;
    let page = PageRequest::first(NEWEST);
    let newest = site
        .api
        .inbox
        .receipts(ReceiptFilter::default(), page)
        .await?
        .items;
    let standing = (site.api.subscription)(false).await;
    let destinations = site.api.deliveries.destinations().await?;
    let a_day_ago = Timestamp::now().minus(DAY);
    let counts = jobs::counts(&*site.api.inbox, site.api.stalled_before(), a_day_ago).await?;
    let health = health::health(&site).await;
    let rows: Vec<_> = newest.iter().map(receipts::row).collect();
    let content = html! {
        // The script asks for it again each ten seconds.
        div #overview data-again="10" {
        (how_it_goes(&health))
        (parts::facts(facts(&standing, &destinations, newest.first(), site.api.inbox.space())))
        h2 { "Jobs" }
        (jobs(&counts, a_day_ago))
        h2 { "What came and went" }
        (plots(&site))
        }
        (receipts::live(&[], last))
        (parts::table("The newest receipts", &receipts::COLUMNS, &rows, "Nothing was received yet."))
        p { a href="/receipts" { "All receipts" } }
    };
    Ok(site.page(&viewer, Section::Overview, "Overview", content).await)
}

fn how_it_goes(health: &Health) -> Markup {
    html! {
        // Also where it has nothing in it: so what follows keeps its place when the script renews it.
        div {
            @if !health.is_well {
                p { strong { "Not well." } " What to do:" }
                ul {
                    @for wrong in &health.wrong {
                        li { (parts::whole(&wrong.words)) " " a href=(wrong.path) { "Look" } }
                    }
                }
            }
        }
    }
}

fn facts(
    standing: &Standing,
    destinations: &[ShownDestination],
    newest: Option<&Receipt>,
    space: Option<Space>,
) -> Vec<(&'static str, Markup)> {
    let leader = match (&standing.leader.name, standing.leader.is_self) {
        (_, true) => "this receiver",
        (Some(name), false) => name,
        (None, false) => "not known now",
    };
    let mut facts = vec![
        (
            "Last event",
            html! { @match newest { Some(receipt) => (parts::time_whole(receipt.received_at)), None => "none yet" } },
        ),
        (
            "Registration",
            registration(&standing.seen, standing.leader.is_self),
        ),
        ("Destinations", where_to(destinations)),
        ("Leader", parts::text(leader)),
    ];
    if let Some(space) = space {
        if let Some(free) = space.free_bytes {
            facts.push(("Free space", html! { (free >> 20) " MiB" }));
        }
        facts.push(("Log of the inbox", html! { (space.log_bytes >> 10) " KiB" }));
    }
    facts
}

/// How many chatbots post here. Followers do not know.
fn registration(seen: &Seen, is_leader: bool) -> Markup {
    let is_registered =
        |chatbot: &&Registration| matches!(chatbot.state, RegistrationState::Registered { .. });
    let count = seen.chatbots.iter().filter(is_registered).count();
    html! {
        @if seen.webhook_url.is_none() {
            "none is kept"
        } @else if is_leader {
            a href="/chatbots" { (count) " of " (seen.chatbots.len()) " chatbots registered" }
        } @else {
            a href="/chatbots" { "looked after by the leader" }
        }
    }
}

/// How each destination is that is not removed, and what waits for it.
fn where_to(destinations: &[ShownDestination]) -> Markup {
    let destinations: Vec<_> = destinations
        .iter()
        .filter(|destination| destination.state != ShownState::Removed)
        .collect();
    html! {
        @if destinations.is_empty() { "none" }
        @for (number, destination) in destinations.iter().enumerate() {
            @if number > 0 { ", " }
            a href=(path_with("/deliveries", [("destination", &*destination.name)])) { (destination.name) }
            " " (parts::state(destination.state.as_str())) " " (destination.pending_count) " pending"
        }
    }
}

/// How many jobs stand how, as counts that lead to them.
fn jobs(counts: &JobCounts, asked_since: Timestamp) -> Markup {
    let is_all = counts.failed_since <= asked_since;
    // Counting ends there.
    let open = at_least(counts.open >= MAX_COUNTED);
    let stalled = at_least(counts.stalled >= MAX_COUNTED);
    let failed = at_least(!is_all || counts.failed >= MAX_LISTED as u64);
    html! {
        ul.counts {
            li { a href="/jobs?state=running" { (open) (counts.open.saturating_sub(counts.stalled)) " running" } }
            li { a href="/jobs?state=stalled" { (stalled) (counts.stalled) " stalled" } }
            li {
                a href=(FAILED_OF_LATE) { (failed) (counts.failed) " failed" }
                " since " (parts::time(if is_all { asked_since } else { counts.failed_since }))
                @if !is_all { ", which is as far as was looked" }
            }
        }
    }
}

const fn at_least(is_more: bool) -> &'static str {
    if is_more { "at least " } else { "" }
}

fn plots(site: &Site) -> Markup {
    let now = Timestamp::now();
    let all = [
        ("Received", &site.traffic.received),
        ("Rejected", &site.traffic.rejected),
        ("Delivered", &site.traffic.delivered),
    ];
    html! {
        @for over in [Over::Hour, Over::Day] {
            div.plots {
                @for (name, minutes) in all {
                    (plot::counts(&Line { name, minutes: &minutes.last(now, over.minutes()) }, over, now))
                }
            }
        }
        p.quiet { "Of this receiver, since it was started: a bar is a minute in the plots of an hour, and 24 in those of a day." }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_destination_that_is_removed_is_none_of_those_that_are_told_of() {
        let sample = |state| ShownDestination::sample(state, 2, None, None);
        let removed = sample(ShownState::Removed);

        assert_eq!(where_to(std::slice::from_ref(&removed)).into_string(), "none");
        let told = where_to(&[removed, sample(ShownState::Active)]).into_string();
        assert!(told.starts_with("<a") && told.ends_with(" 2 pending"), "{told}");
    }

    #[test]
    fn of_what_failed_the_least_is_said_where_not_all_of_the_day_was_looked_at() {
        let day = |hours: u64| Timestamp::from_micros(0).plus(Duration::from_secs(3600 * hours));
        let counts = |failed_since| JobCounts {
            open: 3,
            stalled: 1,
            failed: 2,
            failed_since,
        };

        let all = jobs(&counts(day(0)), day(0)).into_string();
        let some = jobs(&counts(day(5)), day(0)).into_string();

        assert!(
            all.contains("2 failed</a> since ") && !all.contains("at least"),
            "{all}"
        );
        assert!(
            some.contains("at least 2 failed</a> since ") && some.contains("1970-01-01 05:00:00 UTC"),
            "{some}"
        );
        // The list goes on from there by itself.
        assert!(some.contains("/jobs?state=failed&amp;since=24h"), "{some}");
    }

    #[test]
    fn of_what_is_more_than_is_counted_the_least_is_said() {
        let day = Timestamp::from_micros(0);
        let said = |open, stalled, failed| {
            let counts = JobCounts {
                open,
                stalled,
                failed,
                failed_since: day,
            };
            jobs(&counts, day).into_string()
        };

        let exact = said(MAX_COUNTED - 1, 3, 499);
        let most = said(MAX_COUNTED, MAX_COUNTED, 500);

        assert!(!exact.contains("at least"), "{exact}");
        for words in [
            ">at least 0 running<",
            ">at least 100000 stalled<",
            ">at least 500 failed<",
        ] {
            assert!(most.contains(words), "{words}: {most}");
        }
        // All of the day was looked at.
        assert!(!most.contains("which is as far"), "{most}");
        let open = said(MAX_COUNTED, 1, 0);
        assert!(
            open.contains(">at least 99999 running<") && open.contains(">1 stalled<"),
            "{open}"
        );
    }
}
