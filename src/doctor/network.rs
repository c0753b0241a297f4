//! The addresses to listen on, the admin token, and the public URL.

use std::net::SocketAddr;

use serde_json::Value;
use url::Url;

use super::receiver::{Access, At, HANGS};
use super::{Finding, no_certificates};
use crate::config::Settings;
use crate::subscription::probe::{Finding as Unreached, Kind};

pub use super::receiver::{Receiver, State};

/// What each address is called, and the variable that sets it.
const PUBLIC: (&str, &str) = ("public address", "CAIGUNN_LISTEN");
const ADMIN: (&str, &str) = ("admin address", "CAIGUNN_ADMIN_LISTEN");

/// Whether both addresses are a receiver's, or free for one, and whether these settings are let in.
pub fn addresses(settings: &Settings, receiver: &Receiver) -> Vec<Finding> {
    let public = elsewhere(settings, receiver)
        .unwrap_or_else(|| address(PUBLIC, settings.listen, &receiver.public, receiver));
    let mut findings = vec![public, admin_address(settings, receiver)];
    findings.extend(
        receiver
            .access
            .as_ref()
            .map(|access| admin_token(access, settings)),
    );
    findings
}

/// That the public address is not that of the receiver which the admin address is of.
fn elsewhere(settings: &Settings, receiver: &Receiver) -> Option<Finding> {
    let (listen, admin) = (settings.listen, settings.admin_listen);
    if receiver.public.proof().is_some() || matches!(receiver.public, At::Hung) {
        return None;
    }
    let is_absent = receiver.state() == State::Absent;
    let published = receiver.published.filter(|_| !is_absent);
    let (side, public) = match &receiver.admin {
        At::OtherSide(_) => ("public", Some(admin)),
        At::Receiver(_) | At::Hung => ("admin", published.map(|published| published.public)),
        At::Other | At::Silent | At::Free | At::Unusable(_) => return None,
    };
    let advice = match public {
        Some(public) => format!("give this command its {}={public}", PUBLIC.1),
        None => format!(
            "give this command its {} (its log says where it listens); if it is another deployment's, set {} to a free port",
            PUBLIC.1, ADMIN.1
        ),
    };
    Some(Finding::failure(
        PUBLIC.0,
        format!("{listen} is not that of the receiver whose {side} side is at {admin}"),
        advice,
    ))
}

fn admin_address(settings: &Settings, receiver: &Receiver) -> Finding {
    const CHECK: &str = ADMIN.0;
    const VARIABLE: &str = ADMIN.1;
    let (public, admin) = (settings.listen, settings.admin_listen);
    if clash(public, admin) {
        return Finding::failure(
            CHECK,
            format!(
                "the public address, {public}, has the same port, so the receiver cannot listen on {admin}"
            ),
            format!("set {VARIABLE} to another port"),
        );
    }
    match (&receiver.public, &receiver.admin) {
        (At::OtherSide(_), At::Free) => Finding::failure(
            CHECK,
            format!("nothing listens on {admin}: the receiver that runs here has its admin side at {public}"),
            format!("set {VARIABLE} to that; until then no command can ask it"),
        ),
        (At::Receiver(_) | At::Hung, At::Free) => Finding::failure(
            CHECK,
            format!(
                "nothing listens on {admin}: the receiver that runs at {public} has another admin address"
            ),
            format!(
                "set {VARIABLE} as it was when that receiver was started (its log says where it listens), or start it again \
                 with this one; until then no command can ask it"
            ),
        ),
        (_, at) => address(ADMIN, admin, at, receiver),
    }
}

/// Whether one program cannot listen on both addresses.
fn clash(one: SocketAddr, other: SocketAddr) -> bool {
    let covers = |one: SocketAddr, other: SocketAddr| {
        one.ip() == other.ip() || one.ip().is_unspecified() && (one.is_ipv6() || other.is_ipv4())
    };
    one.port() == other.port() && one.port() != 0 && (covers(one, other) || covers(other, one))
}

/// Whether an address is of the receiver, or free for it.
fn address(side: (&'static str, &str), listen: SocketAddr, at: &At, receiver: &Receiver) -> Finding {
    let (check, variable) = side;
    let is_of_receiver = at.proof() == receiver.proof();
    let taken = |what: &str| {
        Finding::failure(
            check,
            format!("{listen} is taken by {what}, so the receiver cannot listen there"),
            format!("stop that program (`ss -ltnp` names it), or set {variable} to a free port"),
        )
    };
    match at {
        At::Receiver(_) if is_of_receiver => Finding::ok(check, format!("the receiver answers on {listen}")),
        At::OtherSide(_) if is_of_receiver => other_side(side, listen),
        At::Receiver(_) | At::OtherSide(_) => taken("another caigunn-webhook process"),
        At::Other => taken("another program, which speaks HTTP"),
        At::Hung => Finding::failure(
            check,
            format!("{listen} is the receiver's: {HANGS}"),
            "see what keeps it (its log; `ps` shows a stopped process as T), and start it again",
        ),
        At::Silent => taken("a program that gives no answer to HTTP"),
        At::Free => Finding::ok(check, format!("{listen} is free; no receiver runs there now")),
        At::Unusable(reason) => Finding::failure(
            check,
            format!("nothing can listen on {listen}: {reason}"),
            format!("set {variable} to an address of this machine and a port that this user may use"),
        ),
    }
}

/// That an address is the other side's of the receiver that runs here.
fn other_side(side: (&'static str, &str), listen: SocketAddr) -> Finding {
    let (found, others_variable) = match side {
        PUBLIC => (
            "the admin side of the receiver that runs here, not its public side",
            ADMIN.1,
        ),
        _ => (
            "the public side of the receiver that runs here, not its admin side",
            PUBLIC.1,
        ),
    };
    let (check, variable) = side;
    Finding::failure(
        check,
        format!("{listen} is {found}"),
        format!(
            "set {variable} as it was when that receiver was started (its log says where it listens); may it have been \
             exchanged with {others_variable}?"
        ),
    )
}

fn admin_token(access: &Access, settings: &Settings) -> Finding {
    const CHECK: &str = "admin token";
    const SET: &str = "set CAIGUNN_ADMIN_TOKEN, or CAIGUNN_ADMIN_TOKEN_FILE, as it was when the receiver was started, or start \
                       it again; until then no command can ask it";
    match access {
        Access::Granted => Finding::ok(CHECK, "the receiver that runs here takes it"),
        Access::Open => Finding::ok(
            CHECK,
            "there is none, so the receiver that runs here serves this machine only",
        ),
        Access::Unguarded => Finding::warning(
            CHECK,
            "one is set, but the receiver that runs here was started without it, and lets in everybody on this machine",
            "start it again with CAIGUNN_ADMIN_TOKEN set",
        ),
        Access::Missing => Finding::failure(
            CHECK,
            "the receiver that runs here demands one, and none is set",
            SET,
        ),
        Access::Wrong => Finding::failure(CHECK, "the receiver that runs here has another one", SET),
        Access::Unknown(reason) => Finding::warning(
            CHECK,
            format!(
                "the admin side at {} does not tell whether it takes it: {reason}",
                settings.admin_listen
            ),
            "look at the receiver's log",
        ),
    }
}

/// That the receiver which runs here does not know which one leads. Where it cannot use the inbox, that is why, and is said there.
pub async fn leader(settings: &Settings, receiver: &Receiver) -> Option<Finding> {
    if receiver.state() != State::Ready {
        return None;
    }
    no_leader(&receiver.ask(settings, "/subscription").await?.ok()?)
}

/// What it means that a receiver which says that of its subscription names no leader.
fn no_leader(seen: &Value) -> Option<Finding> {
    let is_known = seen.pointer("/leader/name").is_none_or(|name| !name.is_null());
    (!is_known).then(|| {
        Finding::warning(
            "leader",
            "the receiver that runs here does not know which one leads, and while none does nothing is delivered, registered or \
             asked for",
            "ask again in ten seconds, for one may just hand over to another; if it lasts, the warnings `leadership` in the \
             receivers' logs say why",
        )
    })
}

/// Whether the public URL leads to the receiver. Without probes, as where this machine does not reach it, no failure is made of
/// what else answers here.
pub fn public_url(settings: &Settings, receiver: &Receiver, is_probed: bool) -> Finding {
    const CHECK: &str = "public URL";
    let (Some(url), Some(asked)) = (&settings.public_url, &receiver.at_public_url) else {
        return Finding::warning(
            CHECK,
            "none is set, so nothing is registered with CaiGunn",
            "set CAIGUNN_PUBLIC_URL to the base URL under which CaiGunn reaches this receiver",
        );
    };
    let theirs = match asked {
        Err(error) => return no_certificates(error),
        Ok(Ok(proof)) => proof,
        Ok(Err(Unreached {
            kind: Kind::NoAnswer | Kind::BrokenProxy,
            ..
        })) if receiver.hangs() => {
            return Finding::failure(
                CHECK,
                format!("no receiver answers at {url}, and the one that runs here hangs"),
                "start that one again and ask again",
            );
        }
        Ok(Err(Unreached {
            kind: Kind::NoAnswer | Kind::BrokenProxy,
            ..
        })) if receiver.state() == State::Absent && receiver.proof().is_none() => {
            return Finding::warning(
                CHECK,
                format!("no receiver answers at {url}, and none runs here either"),
                "start the receiver and ask again",
            );
        }
        Ok(Err(finding)) if is_probed => return unreached(CHECK, url, finding),
        Ok(Err(finding)) => {
            return Finding::warning(
                CHECK,
                format!(
                    "{url}: {}; the probe is off (subscription.probe = false), as where this machine cannot reach its own public \
                     address",
                    finding.seen
                ),
                "ask from a machine that can reach it",
            );
        }
    };
    match receiver.state() {
        _ if receiver.proof() == Some(theirs) => {
            Finding::ok(CHECK, format!("{url} leads to the receiver that runs here"))
        }
        State::Ready | State::Unready(_) | State::Changing(_) => {
            another_process(CHECK, url, receiver.place, settings.inbox_location.is_shared())
        }
        State::Absent => Finding::warning(
            CHECK,
            format!(
                "{url}: a receiver answers, but none runs at {} here, so nobody can say whether it is this one",
                settings.listen
            ),
            "run this where the receiver runs, with the same settings",
        ),
    }
}

/// What it means that another receiver answers at the public URL than the one here.
fn another_process(check: &'static str, url: &Url, listen: SocketAddr, is_shared: bool) -> Finding {
    let found = format!("{url} is answered by another caigunn-webhook process than the one at {listen}");
    if is_shared {
        let advice =
            "if it is another receiver on this inbox, all is well: ask again, and this one may answer";
        return Finding::warning(check, found, advice);
    }
    let advice = "if it is no replica of this one, set CAIGUNN_PUBLIC_URL to this receiver's own URL, or stop the other";
    Finding::failure(check, found, advice)
}

/// What it means that no receiver answers at the public URL.
fn unreached(check: &'static str, url: &Url, finding: &Unreached) -> Finding {
    let mut advice = finding.advice().unwrap_or("check CAIGUNN_PUBLIC_URL").to_owned();
    if finding.kind == Kind::NoAnswer {
        advice += "; if this machine cannot reach its own public address, ask from another one";
    }
    Finding::failure(check, format!("{url}: {}", finding.seen), advice)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Verdict;
    use super::*;

    #[test]
    fn another_receiver_at_the_public_url_is_a_failure_unless_there_may_be_several() {
        let url = "https://hooks.example.com".parse().unwrap();
        let finding = |is_shared| another_process("", &url, ([127, 0, 0, 1], 1).into(), is_shared);

        assert_eq!(finding(false).verdict, Verdict::Failure);
        assert_eq!(finding(true).verdict, Verdict::Warning);
    }

    #[test]
    fn that_no_leader_is_known_is_warned_about() {
        let verdict = |leader| no_leader(&json!({"leader": leader})).map(|finding| finding.verdict);

        assert_eq!(verdict(json!({"name": "hooks-1", "is_self": false})), None);
        assert_eq!(
            verdict(json!({"name": null, "is_self": false})),
            Some(Verdict::Warning)
        );
    }

    #[test]
    fn two_addresses_clash_where_one_program_cannot_have_both() {
        for (one, other, expected) in [
            ("127.0.0.1:80", "127.0.0.1:80", true),
            ("0.0.0.0:80", "127.0.0.1:80", true),
            ("[::]:80", "127.0.0.1:80", true),
            ("[::]:80", "0.0.0.0:80", true),
            ("127.0.0.1:80", "127.0.0.1:81", false),
            ("127.0.0.1:80", "127.0.0.2:80", false),
            ("0.0.0.0:80", "[::1]:80", false),
            ("127.0.0.1:0", "127.0.0.1:0", false),
        ] {
            let (one, other) = (one.parse().unwrap(), other.parse().unwrap());

            assert_eq!(clash(one, other), expected, "{one} {other}");
            assert_eq!(clash(other, one), expected, "{other} {one}");
        }
    }
}
