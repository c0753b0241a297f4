//! In which of two formats a page of metrics is shown, and the older one of them.
//!
//! The crate that encodes the page knows OpenMetrics only. Whoever does not ask for that gets Prometheus's text format
//! 0.0.4, which everything that reads metrics can read.

use std::fmt::Write;

/// The media type of OpenMetrics.
const OPEN_METRICS: &str = "application/openmetrics-text";

/// A format of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics 1.0.0.
    OpenMetrics,
    /// Prometheus's text format 0.0.4.
    Text,
}

impl Format {
    /// What the values of a request's `Accept` headers ask for (RFC 9110, section 12.5.1): OpenMetrics where it is named and
    /// not liked less than text, else text.
    ///
    /// Prometheus 2.42 sends `application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,
    /// text/plain;version=0.0.4;q=0.5,*/*;q=0.1`, 3.x the same with parameters for names beyond ASCII, curl and most others
    /// `*/*`.
    pub fn accepted<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let ranges: Vec<_> = values
            .into_iter()
            .flat_map(|value| value.split(','))
            .filter_map(Range::read)
            .collect();
        let best = |is_meant: &dyn Fn(&Range<'_>) -> bool| {
            let qualities = ranges
                .iter()
                .filter(|range| is_meant(range))
                .map(|range| range.quality);
            qualities.reduce(f32::max)
        };
        let open_metrics =
            best(&|range| range.is(OPEN_METRICS) && [None, Some("1.0.0")].contains(&range.version))
                .unwrap_or(0.0);
        // The most exact one counts.
        let text = best(&|range| range.is("text/plain") && [None, Some("0.0.4")].contains(&range.version))
            .or_else(|| best(&|range| range.is("text/*")))
            .or_else(|| best(&|range| range.is("*/*")))
            .unwrap_or(0.0);
        if open_metrics <= 0.0 || text > open_metrics {
            Self::Text
        } else {
            Self::OpenMetrics
        }
    }

    /// The content type of a page in this format.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// An element of `Accept`: a media type, perhaps with `*`, and how much it is liked, from 0 to 1.
struct Range<'a> {
    media_type: &'a str,
    version: Option<&'a str>,
    quality: f32,
}

impl<'a> Range<'a> {
    /// `None` if it is none.
    fn read(element: &'a str) -> Option<Self> {
        let mut parts = element.split(';').map(str::trim);
        let mut range = Self {
            media_type: parts.next()?,
            version: None,
            quality: 1.0,
        };
        for parameter in parts {
            match parameter.split_once('=') {
                Some((name, value)) if name.eq_ignore_ascii_case("q") => {
                    range.quality = value.parse().ok()?
                }
                Some((name, value)) if name.eq_ignore_ascii_case("version") => {
                    range.version = Some(value.trim_matches('"'));
                }
                _ => {}
            }
        }
        (0.0..=1.0).contains(&range.quality).then_some(range)
    }

    fn is(&self, media_type: &str) -> bool {
        self.media_type.eq_ignore_ascii_case(media_type)
    }
}

/// A page of OpenMetrics in Prometheus's text format 0.0.4: a counter is described by the name of its samples, an info is a
/// gauge, and there are no units and no mark of the end. Help and samples are written alike in both, as long as they have no
/// exemplars, and help neither `\`, `"` nor line breaks, as is so here.
pub fn to_text(open_metrics: &str) -> String {
    let mut text = String::with_capacity(open_metrics.len());
    let mut help = "";
    for line in open_metrics.lines() {
        let Some(comment) = line.strip_prefix("# ") else {
            text += line;
            text.push('\n');
            continue;
        };
        let mut words = comment.splitn(3, ' ');
        match (words.next(), words.next(), words.next()) {
            // It stands before the type, on which its name depends.
            (Some("HELP"), _, Some(words)) => help = words,
            (Some("TYPE"), Some(name), Some(kind)) => {
                let (suffix, kind) = match kind {
                    "counter" => ("_total", kind),
                    "info" => ("_info", "gauge"),
                    "unknown" => ("", "untyped"),
                    _ => ("", kind),
                };
                let described = write!(
                    text,
                    "# HELP {name}{suffix} {help}\n# TYPE {name}{suffix} {kind}\n"
                );
                described.expect("writing to a String does not fail");
            }
            _ => {}
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_metrics_is_for_those_who_ask_for_it_and_text_for_all_others() {
        use Format::{OpenMetrics, Text};
        let cases: [(&[&str], Format); 27] = [
            // curl, browsers, nothing at all.
            (&[], Text),
            (&[""], Text),
            (&["*/*"], Text),
            (
                &["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"],
                Text,
            ),
            (&["application/json"], Text),
            (&["text/plain"], Text),
            (&["text/plain;version=0.0.4"], Text),
            (&["application/*"], Text),
            // Prometheus 2.42.0, 2.30.0, 3.3.0 and later 3.x.
            (
                &[
                    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                   text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                ],
                OpenMetrics,
            ),
            (
                &["application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"],
                Text,
            ),
            (
                &[
                    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                   application/openmetrics-text;version=0.0.1;escaping=allow-utf-8;q=0.5,\
                   text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
                   text/plain;version=0.0.4;escaping=allow-utf-8;q=0.3,*/*;q=0.2",
                ],
                OpenMetrics,
            ),
            (
                &[
                    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,\
                   application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                   application/openmetrics-text;version=0.0.1;q=0.5,\
                   text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                ],
                OpenMetrics,
            ),
            // Prometheus with `scrape_protocols: [PrometheusText0.0.4]`.
            (&["text/plain;version=0.0.4;q=0.5,*/*;q=0.4"], Text),
            (&["application/openmetrics-text"], OpenMetrics),
            (
                &["Application/OpenMetrics-Text; Version=\"1.0.0\"; Q=0.1"],
                OpenMetrics,
            ),
            (&["application/openmetrics-text;version=0.0.1"], Text),
            (&["application/openmetrics-text;version=2.0.0"], Text),
            (&["application/openmetrics-text;q=0"], Text),
            (&["application/openmetrics-text;q=0.000"], Text),
            (&["application/openmetrics-text;q=much"], Text),
            (&["application/openmetrics-text;q=2"], Text),
            (&["text/plain, application/openmetrics-text;q=0.9"], Text),
            (&["text/plain, application/openmetrics-text"], OpenMetrics),
            (
                &["text/plain;q=0.1, */*, application/openmetrics-text;q=0.5"],
                OpenMetrics,
            ),
            (&["text/*;q=0.4, application/openmetrics-text;q=0.5"], OpenMetrics),
            (&["*/*, application/openmetrics-text;q=0.5"], Text),
            (&["text/plain;q=0.5", "application/openmetrics-text"], OpenMetrics),
        ];
        for (values, expected) in cases {
            assert_eq!(Format::accepted(values.iter().copied()), expected, "{values:?}");
        }
    }

    #[test]
    fn the_older_format_has_the_same_samples_with_its_own_descriptions() {
        let page = "# HELP a_build Which.\n\
                    # TYPE a_build info\n\
                    a_build_info{version=\"0.1.0\"} 1\n\
                    # HELP a_posts Posts to # here.\n\
                    # TYPE a_posts counter\n\
                    a_posts_total{reason=\"x\"} 2\n\
                    a_posts_total{reason=\"y\"} 0\n\
                    # HELP a_wait_seconds Wait.\n\
                    # TYPE a_wait_seconds histogram\n\
                    # UNIT a_wait_seconds seconds\n\
                    a_wait_seconds_sum 0.5\n\
                    a_wait_seconds_count 1\n\
                    a_wait_seconds_bucket{le=\"+Inf\"} 1\n\
                    # HELP a_depth Depth.\n\
                    # TYPE a_depth gauge\n\
                    a_depth 3.0\n\
                    # HELP a_thing Thing.\n\
                    # TYPE a_thing unknown\n\
                    a_thing 4\n\
                    # EOF\n";

        assert_eq!(
            to_text(page),
            "# HELP a_build_info Which.\n\
             # TYPE a_build_info gauge\n\
             a_build_info{version=\"0.1.0\"} 1\n\
             # HELP a_posts_total Posts to # here.\n\
             # TYPE a_posts_total counter\n\
             a_posts_total{reason=\"x\"} 2\n\
             a_posts_total{reason=\"y\"} 0\n\
             # HELP a_wait_seconds Wait.\n\
             # TYPE a_wait_seconds histogram\n\
             a_wait_seconds_sum 0.5\n\
             a_wait_seconds_count 1\n\
             a_wait_seconds_bucket{le=\"+Inf\"} 1\n\
             # HELP a_depth Depth.\n\
             # TYPE a_depth gauge\n\
             a_depth 3.0\n\
             # HELP a_thing Thing.\n\
             # TYPE a_thing untyped\n\
             a_thing 4\n"
        );
    }
}
