use std::collections::BTreeSet;

use super::super::problem::Problem;
use super::*;

/// The reasons with which a metric is shown, and how often each happened.
fn reasons(registry: &Registry, metric: &str) -> Vec<(String, String)> {
    let page = registry.encode();
    let start = format!("caigunn_webhook_{metric}_total{{reason=\"");
    let shown = page
        .lines()
        .filter_map(|line| line.strip_prefix(&start)?.split_once("\"} "));
    let mut shown: Vec<_> = shown
        .map(|(reason, count)| (reason.to_owned(), count.to_owned()))
        .collect();
    shown.sort();
    shown
}

fn at_zero(reasons: &BTreeSet<&str>) -> Vec<(String, String)> {
    reasons
        .iter()
        .map(|reason| ((*reason).to_owned(), "0".to_owned()))
        .collect()
}

#[test]
fn every_reason_is_shown_before_it_has_happened() {
    let mut registry = Registry::default();
    let _metrics = Metrics::register(&mut registry);

    let mut refusals = Kind::names(Kind::refuses_posts);
    assert!(refusals.contains("stopping"));
    refusals.insert("no-route");
    assert_eq!(reasons(&registry, "rejections"), at_zero(&refusals));
    let quarantined = Kind::names(Kind::is_quarantined);
    assert!(quarantined.is_subset(&refusals));
    assert_eq!(reasons(&registry, "quarantined"), at_zero(&quarantined));
    let unreadable = BTreeSet::from(["head-too-large", "malformed"]);
    assert_eq!(reasons(&registry, "unreadable_requests"), at_zero(&unreadable));
}

#[test]
#[should_panic(expected = "method-not-allowed is not among the reasons that are shown")]
fn a_reason_that_is_not_shown_from_the_start_is_noticed() {
    let metrics = Metrics::register(&mut Registry::default());

    metrics.count_rejected(Problem::method_not_allowed().name(), Duration::ZERO);
}
