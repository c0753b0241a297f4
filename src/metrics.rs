//! Numbers for a monitoring system, shown as OpenMetrics or in Prometheus's older text format.
//!
//! [`Registry`] is what is shown. `app` makes one for each run, so nothing here is global. A module keeps clones of its
//! counters and histograms, which count without the registry; what can be read when somebody asks, such as the length
//! of a queue, is not kept up to date but read then, by [`Registry::gauge`].
//!
//! Values of labels are `&'static str`: whoever posts cannot make a series, and no secret can become part of one.

mod format;

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;

use crate::minutes::Traffic;
pub use format::Format;
pub use prometheus_client::metrics::counter::Counter;
pub use prometheus_client::metrics::family::Family;
pub use prometheus_client::metrics::histogram::Histogram;
pub use prometheus_client::registry::{Metric, Unit};

/// What every name begins with.
const PREFIX: &str = "caigunn_webhook";

/// The upper bounds of durations, in seconds. The steps of 1, 2.5 and 5 and the end at 10 s are the defaults of
/// Prometheus's own clients; they begin at 0.5 ms since half of all answers leave within 2 to 6 ms (ARCHITECTURE.md,
/// "What was measured"), which those defaults, from 5 ms on, could not tell apart.
const DURATION_BUCKETS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// Labels with their values.
pub type Labels<const N: usize> = [(&'static str, &'static str); N];

/// Counters that differ in the values of their labels.
pub type Counters<const N: usize> = Family<Labels<N>, Counter>;

/// Histograms that differ in the values of their labels.
pub type Histograms<const N: usize> = Family<Labels<N>, Histogram, fn() -> Histogram>;

/// Histograms of durations in seconds, from 0.5 ms to 10 s.
pub fn durations<const N: usize>() -> Histograms<N> {
    Family::new_with_constructor(|| Histogram::new(DURATION_BUCKETS))
}

/// Everything that is shown.
#[derive(Debug)]
pub struct Registry {
    metrics: prometheus_client::registry::Registry,
    notifications: Counters<2>,
    /// How long posts to `/webhook` took, by their outcome; one metric, whichever module measures.
    pub request_durations: Histograms<1>,
    /// What was put into quarantine, by the reason; one metric, whichever module counts.
    pub quarantined: Counters<1>,
    /// What came and went in each minute, for plots; whichever module counts.
    pub traffic: Traffic,
}

/// How many notifications came one way; cheap to clone.
#[derive(Clone, Debug)]
pub struct Notifications {
    /// Those that were new.
    pub accepted: Counter,
    /// Those that were known.
    pub duplicate: Counter,
}

impl Default for Registry {
    fn default() -> Self {
        let (notifications, quarantined) = (Counters::default(), Counters::default());
        let request_durations = durations();
        let mut registry = Self {
            metrics: prometheus_client::registry::Registry::with_prefix(PREFIX),
            notifications: notifications.clone(),
            request_durations: request_durations.clone(),
            quarantined: quarantined.clone(),
            traffic: Traffic::default(),
        };
        registry.add(
            "notifications",
            "Notifications stored or found to be known",
            None,
            notifications,
        );
        registry.add(
            "request_duration",
            "How long a post to /webhook took to answer",
            Some(Unit::Seconds),
            request_durations,
        );
        registry.add("quarantined", "Requests put into quarantine", None, quarantined);
        registry
    }
}

impl Registry {
    /// The counters of the notifications that come from `origin`, such as `webhook`. They are one metric for all
    /// origins, whichever module counts them.
    pub fn notifications(&self, origin: &'static str) -> Notifications {
        let counter = |outcome| {
            self.notifications
                .get_or_create_owned(&[("outcome", outcome), ("origin", origin)])
        };
        Notifications {
            accepted: counter("accepted"),
            duplicate: counter("duplicate"),
        }
    }

    /// Shows a metric. The name goes without the prefix, the unit and a counter's `_total`; the help without a full stop, and
    /// without what would have to be escaped.
    pub fn add(&mut self, name: &'static str, help: &'static str, unit: Option<Unit>, metric: impl Metric) {
        match unit {
            None => self.metrics.register(name, help, metric),
            Some(unit) => self.metrics.register_with_unit(name, help, unit, metric),
        }
    }

    /// Shows facts that do not change, under `{name}_info`.
    pub fn info<const N: usize>(&mut self, name: &'static str, help: &'static str, facts: Labels<N>) {
        self.add(name, help, None, Info::new(facts));
    }

    /// Shows a number that goes up and down, read whenever somebody asks: `read` must be quick and must not block.
    pub fn gauge(
        &mut self,
        name: &'static str,
        help: &'static str,
        unit: Option<Unit>,
        read: impl Fn() -> f64 + Send + Sync + 'static,
    ) {
        self.read_on_demand(name, help, unit, MetricType::Gauge, move |encoder| {
            ConstGauge::new(read()).encode(encoder)
        });
    }

    /// As [`Registry::gauge`], with a number for each value of some labels.
    pub fn gauges<const N: usize>(
        &mut self,
        name: &'static str,
        help: &'static str,
        unit: Option<Unit>,
        read: impl Fn() -> Vec<(Labels<N>, f64)> + Send + Sync + 'static,
    ) {
        self.read_on_demand(name, help, unit, MetricType::Gauge, move |mut encoder| {
            read().into_iter().try_for_each(|(labels, value)| {
                ConstGauge::new(value).encode(encoder.encode_family(&labels)?)
            })
        });
    }

    /// Shows a number that only grows and that something else counts, read whenever somebody asks: `read` must be quick
    /// and must not block.
    pub fn counter(
        &mut self,
        name: &'static str,
        help: &'static str,
        read: impl Fn() -> u64 + Send + Sync + 'static,
    ) {
        self.read_on_demand(name, help, None, MetricType::Counter, move |encoder| {
            ConstCounter::new(read()).encode(encoder)
        });
    }

    fn read_on_demand(
        &mut self,
        name: &'static str,
        help: &'static str,
        unit: Option<Unit>,
        kind: MetricType,
        encode: impl Fn(MetricEncoder<'_>) -> fmt::Result + Send + Sync + 'static,
    ) {
        self.metrics.register_collector(Box::new(OnDemand {
            name,
            // As the registry does with the help of other metrics.
            help: format!("{help}."),
            unit,
            kind,
            encode,
        }));
    }

    /// Everything in that format.
    pub fn show(&self, format: Format) -> String {
        match format {
            Format::OpenMetrics => self.encode(),
            Format::Text => format::to_text(&self.encode()),
        }
    }

    /// Everything as OpenMetrics.
    pub fn encode(&self) -> String {
        let mut page = String::new();
        text::encode(&mut page, &self.metrics).expect("writing to a String does not fail");
        page
    }
}

/// A metric without a value of its own.
struct OnDemand<F> {
    name: &'static str,
    help: String,
    unit: Option<Unit>,
    kind: MetricType,
    encode: F,
}

impl<F> fmt::Debug for OnDemand<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("OnDemand").field(&self.name).finish()
    }
}

impl<F> Collector for OnDemand<F>
where
    F: Fn(MetricEncoder<'_>) -> fmt::Result + Send + Sync + 'static,
{
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let encoder = encoder.encode_descriptor(self.name, &self.help, self.unit.as_ref(), self.kind)?;
        (self.encode)(encoder)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// The page without what every registry has.
    fn shown(registry: &Registry) -> String {
        let page = registry.encode();
        let own = Registry::default().encode();
        let own = own.strip_suffix("# EOF\n").unwrap();
        page.strip_prefix(own).unwrap().to_owned()
    }

    #[test]
    fn a_number_on_demand_is_what_it_is_when_asked_for() {
        let value = Arc::new(AtomicU64::new(0));
        let mut registry = Registry::default();
        registry.gauge("last_event", "When it was", Some(Unit::Seconds), {
            let value = Arc::clone(&value);
            move || value.load(Ordering::Relaxed) as f64 / 2.0
        });
        registry.gauges("open_jobs", "Jobs", None, || {
            vec![([("event", "crawling")], 1.0), ([("event", "training")], 2.0)]
        });
        registry.counter("lines", "Lines", {
            let value = Arc::clone(&value);
            move || value.load(Ordering::Relaxed)
        });

        value.store(7, Ordering::Relaxed);

        assert_eq!(
            shown(&registry),
            "# HELP caigunn_webhook_last_event_seconds When it was.\n\
             # TYPE caigunn_webhook_last_event_seconds gauge\n\
             # UNIT caigunn_webhook_last_event_seconds seconds\n\
             caigunn_webhook_last_event_seconds 3.5\n\
             # HELP caigunn_webhook_open_jobs Jobs.\n\
             # TYPE caigunn_webhook_open_jobs gauge\n\
             caigunn_webhook_open_jobs{event=\"crawling\"} 1.0\n\
             caigunn_webhook_open_jobs{event=\"training\"} 2.0\n\
             # HELP caigunn_webhook_lines Lines.\n\
             # TYPE caigunn_webhook_lines counter\n\
             caigunn_webhook_lines_total 7\n\
             # EOF\n"
        );
    }

    #[test]
    fn notifications_of_one_origin_are_counted_together_and_those_of_two_apart() {
        let registry = Registry::default();

        registry.notifications("webhook").accepted.inc();
        registry.notifications("webhook").accepted.inc();
        registry.notifications("elsewhere").duplicate.inc();

        let page = registry.encode();
        for line in [
            "caigunn_webhook_notifications_total{outcome=\"accepted\",origin=\"webhook\"} 2",
            "caigunn_webhook_notifications_total{outcome=\"duplicate\",origin=\"webhook\"} 0",
            "caigunn_webhook_notifications_total{outcome=\"accepted\",origin=\"elsewhere\"} 0",
            "caigunn_webhook_notifications_total{outcome=\"duplicate\",origin=\"elsewhere\"} 1",
        ] {
            assert!(page.lines().any(|shown| shown == line), "{line} is not in {page}");
        }
    }

    #[test]
    fn two_registries_know_nothing_of_one_another() {
        let (one, other) = (Registry::default(), Registry::default());

        one.notifications("webhook").accepted.inc();
        other.notifications("webhook");

        assert!(one.encode().contains("origin=\"webhook\"} 1"));
        assert!(!other.encode().contains("origin=\"webhook\"} 1"));
    }
}
