//! Probes the public URL again and again: shows each finding, and says what is news.

use url::Url;

use super::probe::{self, Kind};
use super::view::View;
use crate::clock::Timestamp;
use crate::instance::Instance;

/// Finds out whether the public URL leads here.
pub struct Prober {
    pub client: reqwest::Client,
    pub public_url: Url,
    /// Whether other receivers have the same public URL.
    pub has_replicas: bool,
    pub instance: Instance,
    pub view: View,
}

impl Prober {
    /// Probes once: shows what was found, and says so if it is news.
    pub async fn probe(&self) {
        let (url, client) = (&self.public_url, &self.client);
        let finding = probe::probe(client, url, &self.instance).await;
        let is_well = is_well(finding.kind, self.has_replicas);
        let before = self.view.show_probe(&finding, is_well, Timestamp::now());
        if !is_news(before, finding.kind, self.has_replicas) {
            return;
        }
        if is_well {
            tracing::info!("probed {url}: {finding}");
        } else {
            tracing::warn!(error.type = "probe", "probed {url}: {finding}");
        }
    }
}

/// Whether a finding is of another kind than the one before, but not that of two that are well.
fn is_news(before: Option<Kind>, kind: Kind, has_replicas: bool) -> bool {
    let is_well = |kind| is_well(kind, has_replicas);
    before != Some(kind) && !(is_well(kind) && before.is_some_and(is_well))
}

/// Whether a finding needs nobody. A balancer that has replicas behind it leads to one of them, then to another.
fn is_well(kind: Kind, has_replicas: bool) -> bool {
    kind == Kind::Ours || has_replicas && kind == Kind::OtherReceiver
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_receiver_is_news_and_a_warning_unless_there_are_replicas() {
        use Kind::{NoAnswer, OtherReceiver, Ours};
        // Before, now, and whether that is news without and with replicas.
        let cases = [
            (None, Ours, true, true),
            (None, OtherReceiver, true, true),
            (Some(Ours), Ours, false, false),
            (Some(Ours), OtherReceiver, true, false),
            (Some(OtherReceiver), Ours, true, false),
            (Some(NoAnswer), OtherReceiver, true, true),
            (Some(OtherReceiver), NoAnswer, true, true),
            (Some(NoAnswer), NoAnswer, false, false),
        ];
        for (before, kind, alone, with_replicas) in cases {
            assert_eq!(is_news(before, kind, false), alone, "{before:?} {kind:?}");
            assert_eq!(is_news(before, kind, true), with_replicas, "{before:?} {kind:?}");
        }
        let well = |has_replicas| [Ours, OtherReceiver, NoAnswer].map(|kind| is_well(kind, has_replicas));
        assert_eq!(well(false), [true, false, false]);
        assert_eq!(well(true), [true, true, false]);
    }
}
