//! Plots: SVG made here, with the number of each bar under the pointer, and the same in a table for who cannot see it.

use std::time::Duration;

use maud::{Markup, html};

use super::parts;
use crate::clock::Timestamp;
use crate::minutes::DAY;

/// How many bars a plot has.
pub const BARS: usize = 60;

const WIDTH: usize = 600;
const HEIGHT: usize = 60;
const STEP: usize = WIDTH / BARS;

/// What a plot shows, over which time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// The last hour: a bar a minute.
    Hour,
    /// The last day: a bar for 24 minutes.
    Day,
}

impl Over {
    /// How many minutes it is.
    pub const fn minutes(self) -> usize {
        match self {
            Self::Hour => BARS,
            Self::Day => DAY,
        }
    }

    const fn step(self) -> usize {
        self.minutes() / BARS
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Hour => "in the last hour",
            Self::Day => "in the last day",
        }
    }
}

/// One thing that is plotted: what it is, and its number of each minute, oldest first.
pub struct Line<'a> {
    pub name: &'a str,
    pub minutes: &'a [u32],
}

/// The same with a bar for several minutes.
fn bars(minutes: &[u32], over: Over) -> Vec<u64> {
    let sum = |part: &[u32]| part.iter().copied().map(u64::from).sum();
    minutes.chunks(over.step()).map(sum).collect()
}

/// A plot of how often something happened. `now` is in its last bar.
pub fn counts(line: &Line<'_>, over: Over, now: Timestamp) -> Markup {
    let bars = bars(line.minutes, over);
    let total: u64 = bars.iter().sum();
    let summary = format!("{} {}: {total}", line.name, over.words());
    let said: Vec<_> = bars.iter().map(u64::to_string).collect();
    let heights: Vec<_> = bars.iter().map(|count| *count as f64).collect();
    figure(&summary, &heights, &said, over, now)
}

/// A plot of how long something took on average, in milliseconds: what it took together, and how often it happened.
pub fn averages(name: &str, sums: &[u32], counts: &[u32], over: Over, now: Timestamp) -> Markup {
    let (sums, counts) = (bars(sums, over), bars(counts, over));
    let average = |sum: u64, count: u64| {
        if count == 0 {
            0.0
        } else {
            sum as f64 / count as f64
        }
    };
    let heights: Vec<_> = sums
        .iter()
        .zip(&counts)
        .map(|(sum, count)| average(*sum, *count))
        .collect();
    let said: Vec<_> = heights
        .iter()
        .zip(&counts)
        .map(|(height, count)| {
            if *count == 0 {
                "none".to_owned()
            } else {
                format!("{height:.0} ms")
            }
        })
        .collect();
    let all = average(sums.iter().sum(), counts.iter().sum());
    let summary = format!("{name} {}: {all:.0} ms on average", over.words());
    figure(&summary, &heights, &said, over, now)
}

fn figure(summary: &str, heights: &[f64], said: &[String], over: Over, now: Timestamp) -> Markup {
    let most = heights.iter().copied().fold(1.0, f64::max);
    let begin = |bar: usize| {
        let back = ((heights.len() - bar) * over.step() - 1) * 60;
        let at = Timestamp::from_micros(now.as_micros() / 60_000_000 * 60_000_000);
        at.minus(Duration::from_secs(back as u64))
    };
    let clock = |bar: usize| begin(bar).to_string().get(11..16).unwrap_or_default().to_owned();
    html! {
        figure.plot {
            figcaption { (summary) }
            svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) width="100%" height=(HEIGHT) role="img" aria-label=(summary)
                preserveAspectRatio="none" {
                line x1="0" x2=(WIDTH) y1=(HEIGHT) y2=(HEIGHT) stroke="currentColor" {}
                // From below, and nothing for a bar of nothing: a page has hundreds of them.
                g stroke="currentColor" stroke-width=(STEP - 1) transform=(format!("matrix(1 0 0 -1 0 {HEIGHT})")) {
                    @for (bar, (height, said)) in heights.iter().zip(said).enumerate() {
                        @let tall = (height / most * (HEIGHT - 2) as f64).ceil();
                        @if tall > 0.0 {
                            path d=(format!("M{} 0v{tall}", bar * STEP + STEP / 2)) { title { (clock(bar)) " UTC: " (said) } }
                        }
                    }
                }
            }
            details {
                summary { "The numbers" }
                (parts::table(summary, &["From (UTC)", "Number"], &numbers(said, &clock), ""))
            }
        }
    }
}

/// The bars at which there was something, newest first.
fn numbers(said: &[String], clock: &dyn Fn(usize) -> String) -> Vec<Markup> {
    let some = said
        .iter()
        .enumerate()
        .rev()
        .filter(|(_, said)| !matches!(&***said, "0" | "none"));
    some.map(|(bar, said)| html! { tr { td { (clock(bar)) } td { (said) } } })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_has_each_number_for_the_pointer_and_in_its_table() {
        let mut minutes = [0; BARS];
        (minutes[0], minutes[59]) = (7, 12);
        let line = Line {
            name: "Received",
            minutes: &minutes,
        };

        let plot = counts(&line, Over::Hour, Timestamp::from_micros(3_600_000_000)).into_string();

        assert!(plot.contains("Received in the last hour: 19"), "{plot}");
        assert!(
            plot.contains("<title>01:00 UTC: 12</title>") && plot.contains("<title>00:01 UTC: 7</title>"),
            "{plot}"
        );
        assert_eq!(plot.matches("<tr>").count(), 3, "{plot}");
        assert!(!plot.contains("style="), "{plot}");
    }

    #[test]
    fn a_bar_of_a_day_stands_for_so_many_minutes_that_there_are_as_many_bars() {
        let minutes = [1; DAY];

        assert_eq!(bars(&minutes, Over::Day), [24; BARS]);
        let line = Line {
            name: "Received",
            minutes: &minutes,
        };
        let plot = counts(&line, Over::Day, Timestamp::from_micros(0)).into_string();
        // The last one began when this minute was the first of 24, and the first of them a day ago.
        for bar in ["<title>23:37 UTC: 24</title>", "<title>00:01 UTC: 24</title>"] {
            assert!(plot.contains(bar), "{plot}");
        }
    }

    #[test]
    fn an_average_is_of_what_happened() {
        let (mut sums, mut counts) = ([0; BARS], [0; BARS]);
        (sums[3], counts[3], sums[9], counts[9]) = (100, 2, 500, 1);

        let plot = averages(
            "An attempt took",
            &sums,
            &counts,
            Over::Hour,
            Timestamp::from_micros(0),
        )
        .into_string();

        assert!(
            plot.contains("An attempt took in the last hour: 200 ms on average"),
            "{plot}"
        );
        assert!(
            plot.contains("50 ms") && plot.contains("500 ms") && plot.matches("<path").count() == 2,
            "{plot}"
        );
    }

    #[test]
    fn six_plots_with_all_their_bars_leave_room_for_the_rest_of_the_page() {
        let minutes = [1000; DAY];
        let line = Line {
            name: "Received",
            minutes: &minutes,
        };
        let plot = counts(&line, Over::Day, Timestamp::from_micros(0)).into_string();

        assert!(6 * plot.len() < 40 << 10, "{} bytes", plot.len());
    }
}
