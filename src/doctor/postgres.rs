//! Whether the inbox in PostgreSQL can be used, takes writes, and keeps what it is given. All of it is not read here:
//! `inbox check` does that, which may take minutes.

use std::net::SocketAddr;

use super::Finding;
use super::account::MAX_SKEW;
use super::network::State;
use super::soundness::{CHECK, CONNECTIONS_ADVICE, newer, opening_advice, reason_of};
use crate::clock::rounded;
use crate::inbox::postgres::{Location, Look, Tables, look, try_write};
use crate::inbox::{Error, NEWER_ADVICE, Settings};

pub async fn examine(
    location: &Location,
    settings: &Settings,
    listen: SocketAddr,
    receiver: State,
) -> Vec<Finding> {
    let shown = location.shown();
    let seen = match look(location, settings).await {
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
        let written = try_write(location, settings).await;
        findings.push(writing(written, &shown, listen, receiver));
    }
    findings.extend([
        durability(&seen),
        connections(&seen, settings.max_connections),
        encryption(&seen),
        clock(&seen),
    ]);
    findings
}

fn tables(seen: &Look, shown: &str) -> Finding {
    if let Some(unfit) = &seen.unfit {
        return Finding::failure(
            CHECK,
            format!("there can be no inbox at {shown}: {unfit}"),
            "set CAIGUNN_INBOX_URL to a database of a server of PostgreSQL 14 or newer that was made with ENCODING 'UTF8'",
        );
    }
    let place = format!("PostgreSQL {} at {shown}", seen.server_version);
    match seen.tables {
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
        Tables::Newer { version } => Finding::failure(CHECK, newer(shown, version), NEWER_ADVICE),
    }
}

fn writing(written: Result<(), Error>, shown: &str, listen: SocketAddr, receiver: State) -> Finding {
    const CHECK: &str = "writing";
    match (written, receiver) {
        // Whatever this process can do, that one cannot.
        (_, State::Unready(reason)) => Finding::failure(
            CHECK,
            format!("the receiver that runs at {listen} cannot store anything: {reason}"),
            "see that the server runs, has room and takes writes, and that the receiver can reach it",
        ),
        (Ok(()), State::Ready | State::Absent) => Finding::ok(CHECK, format!("{shown} takes writes")),
        (Err(error), State::Ready | State::Absent) => Finding::failure(
            CHECK,
            format!("{shown} does not take writes: {}", reason_of(error)),
            "see that the server is no standby and has room, and that the user in CAIGUNN_INBOX_URL may make the schema \
             caigunn_webhook, or owns it",
        ),
    }
}

fn durability(seen: &Look) -> Finding {
    const CHECK: &str = "durability";
    let off: Vec<_> = [
        ("fsync", seen.has_fsync),
        ("full_page_writes", seen.has_full_page_writes),
    ]
    .into_iter()
    .filter_map(|(name, is_on)| (!is_on).then_some(name))
    .collect();
    if !off.is_empty() {
        return Finding::failure(
            CHECK,
            format!(
                "the server has {} turned off: what was answered with 200 may be lost when it loses power",
                off.join(" and ")
            ),
            "turn it on in postgresql.conf; a disk that keeps its promises is no reason to have it off",
        );
    }
    let commit = match &*seen.synchronous_commit {
        "off" => "synchronous_commit is off there, and this program turns it on for itself".to_owned(),
        other => format!("synchronous_commit is {other}"),
    };
    Finding::ok(CHECK, format!("fsync and full_page_writes are on; {commit}"))
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
