//! `doctor`

use anyhow::{Context, bail};
use caigunn_webhook::config::Loaded;
use caigunn_webhook::doctor::{self, Finding, Verdict};
use serde_json::json;

use crate::output::{self, FormatArgs, counted};

pub async fn run(args: &FormatArgs, loaded: &Loaded) -> anyhow::Result<()> {
    let findings = doctor::examine(loaded)
        .await
        .context("preparing calls over the network")?;
    let of = |verdict| findings.iter().filter(move |finding| finding.verdict == verdict);
    let (failure_count, warning_count) = (of(Verdict::Failure).count(), of(Verdict::Warning).count());
    let result = json!({
        "findings": findings,
        "failure_count": failure_count,
        "warning_count": warning_count,
    });
    args.chosen()
        .print(&result, || findings.iter().map(line).collect())?;
    if failure_count > 0 {
        bail!(
            "found {} and {}",
            counted(failure_count, "failure"),
            counted(warning_count, "warning")
        );
    }
    Ok(())
}

/// A finding for people: what was seen, and below it what to do.
fn line(finding: &Finding) -> String {
    let verdict = match finding.verdict {
        Verdict::Ok => "ok",
        Verdict::Warning => "warning",
        Verdict::Failure => "FAILURE",
    };
    let found = output::printable(&finding.found);
    let advice = finding.advice.iter();
    let advice = advice.map(|advice| format!("{:9}{}\n", "", output::printable(advice)));
    format!("{verdict:8} {}: {found}\n", finding.check) + &advice.collect::<String>()
}
