//! Whether the inbox in PostgreSQL can be used, takes writes, and keeps what it is given. All of it is not read here:
//! `inbox check` does that, which may take minutes.

use super::Finding;
use super::account::MAX_SKEW;
use super::network::{Receiver, State};
use super::refused::refused;
use super::soundness::{CHECK, CONNECTIONS_ADVICE, UNFIT_ADVICE, newer, opening_advice, reason_of, unfit};
use crate::clock::rounded;
use crate::config::Settings;
use crate::inbox::acceptance::Refused;
use crate::inbox::postgres::{Location, Look, Tables, look, newest_quarantined, try_write};
use crate::inbox::{Error, NEWER_ADVICE};

pub async fn examine(location: &Location, settings: &Settings, receiver: &Receiver) -> Vec<Finding> {
    let shown = location.shown();
    let seen = match look(location, &settings.inbox).await {
        Ok(seen) => seen,
        Err(error) => {
            let advice = opening_advice(&error);
            let found = format!("PostgreSQL at {shown} does not open: {}", reason_of(error));
            return vec![Finding::failure(CHECK, found, advice)];
        }
    };
    let tables = tables(&seen, &shown);
    let mut findings = vec![tables];
    // What a newer program keeps there is its own affair, and where no inbox can be nothing is to be tried.
    if seen.unfit.is_none() && !matches!(seen.tables, Tables::Newer { .. }) {
        let written = try_write(location, &settings.inbox).await;
        findings.push(writing(written, &seen, &shown, receiver));
    }
    if matches!(seen.tables, Tables::Ours { .. }) && seen.missing_right.is_none() {
        let newest = newest_quarantined(location, &settings.inbox, Refused::PAGE).await;
        findings.extend(refused(newest.ok()));
    }
    findings.extend(of_another_inbox(&seen, &shown, settings, receiver).await);
    findings.extend([
        durability(&seen),
        connections(&seen, settings.inbox.max_connections),
        encryption(&seen),
        clock(&seen),
    ]);
    findings
}

/// That the receiver which runs here leads, and not on this inbox, if that is so: it stores elsewhere.
async fn of_another_inbox(
    seen: &Look,
    shown: &str,
    settings: &Settings,
    receiver: &Receiver,
) -> Option<Finding> {
    // Who leads cannot be read of what is not whole, or by whom lacks a right.
    if !matches!(seen.tables, Tables::Missing | Tables::Ours { .. }) || seen.missing_right.is_some() {
        return None;
    }
    let subscription = receiver.ask(settings, "/subscription").await?.ok()?;
    let leader = &subscription["leader"];
    let is_here = leader["is_self"] != true || leader["name"].as_str() == seen.leader.as_deref();
    (!is_here).then(|| {
        Finding::warning(
            "writing",
            format!("{shown} is not the inbox of the receiver that runs at {}", receiver.place),
            "run this with the receiver's own settings; if it is to use this inbox, restart it: it has read its settings when \
             it started",
        )
    })
}

fn tables(seen: &Look, shown: &str) -> Finding {
    if let Some(reason) = &seen.unfit {
        return Finding::failure(CHECK, unfit(shown, reason), UNFIT_ADVICE);
    }
    let place = format!("PostgreSQL {} at {shown}", seen.server_version);
    match &seen.tables {
        Tables::Missing => Finding::ok(
            CHECK,
            format!("{place} has no tables yet; the first start makes them"),
        ),
        Tables::Ours { version } => Finding::ok(
            CHECK,
            format!(
                "{place} has tables of version {version}; what is in them `caigunn-webhook inbox check` verifies"
            ),
        ),
        Tables::Incomplete { version, missing } => Finding::failure(
            CHECK,
            format!(
                "{place} has tables of version {version} that are not whole: there is no table {missing}"
            ),
            "stop the receivers and put the whole schema caigunn_webhook back from a backup, as docs/scaling.md says",
        ),
        Tables::Newer { version } => Finding::failure(CHECK, newer(shown, *version), NEWER_ADVICE),
    }
}

fn writing(written: Result<(), Error>, seen: &Look, shown: &str, receiver: &Receiver) -> Finding {
    const CHECK: &str = "writing";
    let listen = receiver.place;
    let waits_for_standby =
        |reason: &str| seen.standbys.are_missing || reason.contains("synchronous_standby_names");
    match (written, receiver.state(), &seen.missing_right) {
        (_, State::Changing(change), _) => State::changing(change, listen),
        // Whatever this process can do, that one cannot.
        (_, State::Unready(reason), _) => Finding::failure(
            CHECK,
            format!("the receiver that runs at {listen} cannot store anything: {reason}"),
            if waits_for_standby(&reason) {
                STANDBY_ADVICE
            } else {
                "see that the server runs, has room and takes writes, and that the receiver can reach it"
            },
        ),
        (Ok(()), State::Ready | State::Absent, None) => Finding::ok(CHECK, format!("{shown} takes writes")),
        (Ok(()), State::Ready | State::Absent, Some(missing)) => Finding::failure(
            CHECK,
            format!(
                "{shown} does not take all that a receiver writes: the user in CAIGUNN_INBOX_URL {missing}"
            ),
            RIGHTS_ADVICE,
        ),
        (Err(error), State::Ready | State::Absent, missing_right) => {
            let reason = reason_of(error);
            let advice = if waits_for_standby(&reason) {
                STANDBY_ADVICE
            } else if missing_right.is_some() {
                RIGHTS_ADVICE
            } else {
                "see that the server is no standby and has room, and that the user in CAIGUNN_INBOX_URL may make the schema \
                 caigunn_webhook, or owns it"
            };
            Finding::failure(CHECK, format!("{shown} does not take writes: {reason}"), advice)
        }
    }
}

/// What to do where a user lacks a right to tables that are there.
const RIGHTS_ADVICE: &str = "name the owner of the tables in CAIGUNN_INBOX_URL; or, where they are up to date, GRANT SELECT, INSERT, UPDATE, \
                             DELETE ON ALL TABLES IN SCHEMA caigunn_webhook to that user";

/// What to do where commits wait in vain.
const STANDBY_ADVICE: &str = "see in pg_stat_replication whether the standby follows, and in its log why not; to go on without it, name \
                              another one in synchronous_standby_names, or none, and SELECT pg_reload_conf(); until then posts get 503";

fn durability(seen: &Look) -> Finding {
    const CHECK: &str = "durability";
    let off: Vec<_> = [
        ("fsync", seen.has_fsync),
        ("full_page_writes", seen.has_full_page_writes),
    ]
    .into_iter()
    .filter_map(|(name, is_on)| (!is_on).then_some(name))
    .collect();
    let names = &seen.standbys.names;
    let off = off.join(" and ");
    if !off.is_empty() && (names.is_empty() || seen.standbys.are_missing) {
        return Finding::failure(
            CHECK,
            format!(
                "the server has {off} turned off: what was answered with 200 may be lost when it loses power"
            ),
            "turn it on in postgresql.conf; a disk that keeps its promises is no reason to have it off",
        );
    }
    if seen.standbys.are_missing {
        return Finding::failure(
            CHECK,
            format!(
                "commits wait for a standby that does not confirm them: synchronous_standby_names is {names:?}"
            ),
            STANDBY_ADVICE,
        );
    }
    if !off.is_empty() {
        return Finding::warning(
            CHECK,
            format!(
                "the server has {off} turned off: what was answered with 200 rests on {names:?}, for which commits wait, alone"
            ),
            "turn it on in postgresql.conf, unless that is a service which keeps the log elsewhere, as Neon does",
        );
    }
    let mut found = match &*seen.synchronous_commit {
        "off" => "synchronous_commit is off there, and this program turns it on for itself".to_owned(),
        other => format!("synchronous_commit is {other}"),
    };
    if !names.is_empty() {
        found = format!("{found}, and commits wait for {names:?} in synchronous_standby_names");
    }
    Finding::ok(CHECK, format!("fsync and full_page_writes are on; {found}"))
}

fn connections(seen: &Look, wanted: usize) -> Finding {
    const CHECK: &str = "connections";
    let (free, max) = (seen.free_connections, seen.max_connections);
    let found =
        format!("of the server's {max} there are {free} free for this user; a receiver opens up to {wanted}");
    if usize::try_from(free).unwrap_or_default() < wanted {
        Finding::warning(CHECK, found, CONNECTIONS_ADVICE)
    } else {
        Finding::ok(CHECK, found)
    }
}

/// Times in the tables are the server's; what a receiver says of when, and waits for, goes by its own clock.
fn clock(seen: &Look) -> Finding {
    const CHECK: &str = "server's clock";
    if seen.clock_skew < MAX_SKEW {
        return Finding::ok(CHECK, "it agrees with this machine's");
    }
    Finding::warning(
        CHECK,
        format!("it is {} from this machine's", rounded(seen.clock_skew)),
        "have both machines keep their time by NTP; receipts are stamped and expire by the server's",
    )
}

/// That it should be encrypted where it goes over a network, the settings' own findings say.
fn encryption(seen: &Look) -> Finding {
    let found = match &seen.tls {
        Some(version) => format!("the connection to the server speaks {version}"),
        None => "the connection to the server is not encrypted".to_owned(),
    };
    Finding::ok("encryption", found)
}
