//! What answers at the addresses and at the public URL.

use std::path::{Path, PathBuf};
use std::process::Command;

use tokio::net::TcpSocket;

use super::{SET_TOKEN, assert_finds};
use crate::harness::tunnel::answering;
use crate::harness::{Site, free_port};

const NOT_FOUND: &str = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn an_address_that_another_program_has_is_named() {
    let site = Site::running().await;
    let other = Site::running().await;
    let other = other.receiver.as_ref().unwrap();
    let (web_server, ssh, silent) = (
        answering(NOT_FOUND).await,
        answering("SSH-2.0-OpenSSH_9.6\r\n").await,
        answering("").await,
    );
    let programs = [
        (web_server, "another program, which speaks HTTP"),
        (ssh, "a program that gives no answer to HTTP"),
        (silent, "a program that gives no answer to HTTP"),
    ];
    for (address, what) in programs {
        let address = address.to_string();
        let no_receiver = [
            ("CAIGUNN_LISTEN", &*address),
            ("CAIGUNN_ADMIN_LISTEN", "127.0.0.1:0"),
            ("CAIGUNN_INBOX_URL", "sqlite:elsewhere.db"),
        ];
        let ended = site.doctor(&no_receiver).await;

        let expected = format!(
            "\
FAILURE  public address: {address} is taken by {what}, so the receiver cannot listen there
         stop that program (`ss -ltnp` names it), or set CAIGUNN_LISTEN to a free port
warning  public URL: {}/: a receiver answers, but none runs at {address} here, so nobody can say whether it is this one
         run this where the receiver runs, with the same settings",
            site.tunnel.url()
        );
        assert_finds(&ended, &expected);
    }
    for (address, what) in [
        programs[0],
        programs[1],
        (other.admin, "another caigunn-webhook process"),
    ] {
        let address = address.to_string();
        let ended = site.doctor(&[("CAIGUNN_ADMIN_LISTEN", &address)]).await;

        let expected = format!(
            "\
FAILURE  admin address: {address} is taken by {what}, so the receiver cannot listen there
         stop that program (`ss -ltnp` names it), or set CAIGUNN_ADMIN_LISTEN to a free port"
        );
        assert_finds(&ended, &expected);
    }
}

#[tokio::test]
async fn the_admin_address_of_another_receiver_is_not_taken_for_this_ones() {
    let (site, other) = (Site::new().await, Site::running().await);
    let admin = other.receiver.as_ref().unwrap().admin.to_string();

    let ended = site.doctor(&[("CAIGUNN_ADMIN_LISTEN", &admin)]).await;

    let expected = format!(
        "\
FAILURE  public address: 127.0.0.1:0 is not that of the receiver whose admin side is at {admin}
         give this command its CAIGUNN_LISTEN (its log says where it listens); if it is another deployment's, set \
CAIGUNN_ADMIN_LISTEN to a free port
"
    );
    assert!(ended.output.contains(&expected), "{}", ended.output);
    // Only of this inbox's receiver is anything asked.
    assert!(!ended.output.contains(" admin token: "), "{}", ended.output);
    assert_eq!(ended.code, Some(1));
}

#[tokio::test]
async fn an_address_of_the_other_side_of_the_receiver_is_named() {
    let site = Site::running().await;
    let receiver = site.receiver.as_ref().unwrap();
    let (public, admin) = (receiver.public.to_string(), receiver.admin.to_string());

    let exchanged = [("CAIGUNN_LISTEN", &*admin), ("CAIGUNN_ADMIN_LISTEN", &*public)];
    let ended = site.doctor(&exchanged).await;

    let advice = "as it was when that receiver was started (its log says where it listens); may it have been exchanged with";
    let expected = format!(
        "\
FAILURE  public address: {admin} is the admin side of the receiver that runs here, not its public side
         set CAIGUNN_LISTEN {advice} CAIGUNN_ADMIN_LISTEN?
FAILURE  admin address: {public} is the public side of the receiver that runs here, not its admin side
         set CAIGUNN_ADMIN_LISTEN {advice} CAIGUNN_LISTEN?"
    );
    assert_finds(&ended, &expected);
}

#[tokio::test]
async fn an_address_that_is_not_this_machines_is_named() {
    let site = Site::running().await;
    // A group of machines: nothing can listen on it, and connecting to it is refused before anything is sent.
    let ended = site.doctor(&[("CAIGUNN_ADMIN_LISTEN", "[ff02::1]:1")]).await;

    let finding = ended
        .output
        .split_once("FAILURE  admin address: nothing can listen on [ff02::1]:1: ");
    let (_, reason_and_advice) = finding.unwrap_or_else(|| panic!("{}", ended.output));
    let advice = reason_and_advice.lines().nth(1);
    assert_eq!(
        advice,
        Some(
            "         set CAIGUNN_ADMIN_LISTEN to an address of this machine and a port that this user may use"
        )
    );
    assert_eq!(ended.code, Some(1));
}

/// What keeps `connect` from reaching any machine but this one, and notes where to it was tried.
fn connects_library(folder: &Path) -> PathBuf {
    let library = folder.join("connects.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/doctor/connects.c");
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o"])
        .arg(&library)
        .arg(source)
        .output();
    let compiled = compiled.expect("there is a C compiler, as the build needs one");
    assert!(compiled.status.success(), "{compiled:?}");
    library
}

#[tokio::test]
async fn nothing_is_sent_to_an_address_that_is_not_this_machines() {
    let site = Site::new().await;
    let library = connects_library(&site.path(""));
    let noted = site.path("connects.txt");
    // Of no machine, for documents (RFC 5737).
    let variables = [
        ("CAIGUNN_LISTEN", "198.51.100.1:8080"),
        ("CAIGUNN_ADMIN_LISTEN", "203.0.113.1:9090"),
        ("LD_PRELOAD", library.to_str().unwrap()),
        ("CONNECTS", noted.to_str().unwrap()),
    ];
    let ended = site.doctor(&variables).await;
    let elsewhere = site
        .doctor(&[&variables[..], &[("CAIGUNN_PUBLIC_URL", "http://203.0.113.2")]].concat())
        .await;

    for (check, variable, address) in [
        ("public address", "CAIGUNN_LISTEN", "198.51.100.1:8080"),
        ("admin address", "CAIGUNN_ADMIN_LISTEN", "203.0.113.1:9090"),
    ] {
        let expected = format!(
            "FAILURE  {check}: nothing can listen on {address}: Cannot assign requested address (os error 99)\n         set \
             {variable} to an address of this machine and a port that this user may use\n"
        );
        assert!(ended.output.contains(&expected), "{}", ended.output);
    }
    assert_eq!(ended.code, Some(1));
    // That it is noted at all shows in what is asked on purpose.
    assert_eq!(elsewhere.code, Some(1));
    assert_eq!(
        std::fs::read_to_string(noted).unwrap_or_default(),
        "203.0.113.2\n"
    );
}

#[tokio::test]
async fn an_admin_address_that_others_reach_wants_a_token() {
    let site = Site::new().await;
    let open = ("CAIGUNN_ADMIN_LISTEN", "0.0.0.0:0");

    let guarded = site.doctor(&[open]).await;
    let unguarded = site.doctor(&[open, ("CAIGUNN_ADMIN_TOKEN", "")]).await;

    let expected = "\
warning  settings: admin.listen is 0.0.0.0:0, which can be reached from other machines, and no admin token is set
         set CAIGUNN_ADMIN_TOKEN, or listen on 127.0.0.1; without a token the API serves this machine only
";
    assert!(
        !guarded.output.contains("can be reached from other machines"),
        "{guarded:?}"
    );
    assert!(unguarded.output.contains(expected), "{}", unguarded.output);
}

#[tokio::test]
async fn another_admin_address_than_the_running_receivers_is_named() {
    let site = Site::running().await;
    let free = format!("127.0.0.1:{}", free_port());

    let ended = site.doctor(&[("CAIGUNN_ADMIN_LISTEN", &free)]).await;

    let expected = format!(
        "\
FAILURE  admin address: nothing listens on {free}: the receiver that runs at {} has another admin address
         set CAIGUNN_ADMIN_LISTEN as it was when that receiver was started (its log says where it listens), or start it again \
with this one; until then no command can ask it",
        site.receiver.as_ref().unwrap().public,
    );
    assert_finds(&ended, &expected);
}

#[tokio::test]
async fn an_admin_token_that_is_missing_or_wrong_is_named() {
    let (guarded, open) = (
        Site::running().await,
        Site::running_with(&[("CAIGUNN_ADMIN_TOKEN", "")]).await,
    );

    let missing = guarded.doctor(&[("CAIGUNN_ADMIN_TOKEN", "")]).await;
    let wrong = guarded
        .doctor(&[("CAIGUNN_ADMIN_TOKEN", "another-0123456789abcdef")])
        .await;
    let missing_there = open.doctor(&[]).await;
    let none = open.doctor(&[("CAIGUNN_ADMIN_TOKEN", "")]).await;

    let finding = |found: &str| {
        format!("FAILURE  admin token: the receiver that runs here {found}\n         {SET_TOKEN}")
    };
    assert_finds(&missing, &finding("demands one, and none is set"));
    assert_finds(&wrong, &finding("has another one"));
    assert_finds(
        &missing_there,
        "\
warning  admin token: one is set, but the receiver that runs here was started without it, and lets in everybody on this machine
         start it again with CAIGUNN_ADMIN_TOKEN set",
    );
    assert_finds(&none, "");
}

#[tokio::test]
async fn a_port_that_is_meant_for_both_sides_is_named() {
    let site = Site::new().await;
    let port = free_port();
    let (public, admin) = (format!("0.0.0.0:{port}"), format!("127.0.0.1:{port}"));
    let both = [("CAIGUNN_LISTEN", &*public), ("CAIGUNN_ADMIN_LISTEN", &*admin)];

    let ended = site.doctor(&both).await;

    assert!(ended.errors.contains("CAIGUNN_ADMIN_LISTEN"), "{}", ended.errors);
    assert!(ended.errors.contains(&port.to_string()), "{}", ended.errors);
    assert_eq!(ended.code, Some(64));
}

#[tokio::test]
async fn what_answers_at_the_public_url_instead_of_the_receiver_is_named() {
    let site = Site::running().await;
    let deaf = TcpSocket::new_v4().unwrap();
    deaf.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let deaf_address = deaf.local_addr().unwrap();
    let cases = [
        (
            answering(NOT_FOUND).await,
            "something that is no caigunn-webhook answers there, with 404",
            "check CAIGUNN_PUBLIC_URL, and that the proxy passes /healthz and /webhook on",
        ),
        (
            deaf_address,
            "nothing answers there: Connection refused (os error 111)",
            "check CAIGUNN_PUBLIC_URL, and that the tunnel or proxy runs; if this machine cannot reach its own public \
             address, ask from another one",
        ),
    ];
    for (address, found, advice) in cases {
        let url = format!("http://{address}");
        let ended = site.doctor(&[("CAIGUNN_PUBLIC_URL", &url)]).await;

        let expected = format!(
            "\
FAILURE  running receiver: the receiver that runs at {0} registers {1}/webhook/[token], not {url}/webhook/[token], so it would \
be cut off: use its settings
         run this with that receiver's settings before anything is registered
FAILURE  registration: {2} posts to {1}/[hidden], not here
         leave it to the receiver that runs: `subscription ensure` with these settings would cut it off; if another \
deployment means to have it, stop one of the two
FAILURE  public URL: {url}/: {found}
         {advice}",
            site.receiver.as_ref().unwrap().admin,
            site.tunnel.url(),
            site.first(),
        );
        assert_finds(&ended, &expected);
    }
}

#[tokio::test]
async fn a_tunnel_that_is_down_is_told_from_a_wrong_url() {
    let site = Site::running().await;
    site.tunnel.lead_nowhere();

    let ended = site.doctor(&[]).await;

    let expected = format!(
        "\
FAILURE  public URL: {}/: the proxy or tunnel there answers 502: it runs, but does not reach this receiver
         check the address and port that it passes requests on to",
        site.tunnel.url()
    );
    assert_finds(&ended, &expected);
}

#[tokio::test]
async fn a_public_url_that_this_machine_does_not_reach_is_a_warning_where_the_probe_is_off() {
    let deaf = TcpSocket::new_v4().unwrap();
    deaf.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", deaf.local_addr().unwrap());
    let variables = [
        ("CAIGUNN_PUBLIC_URL", &*url),
        ("CAIGUNN_SUBSCRIPTION_PROBE", "false"),
    ];
    let site = Site::running_with(&variables).await;

    let ended = site.doctor(&variables).await;

    let expected = format!(
        "\
warning  public URL: {url}/: nothing answers there: Connection refused (os error 111); the probe is off (subscription.probe = \
false), as where this machine cannot reach its own public address
         ask from a machine that can reach it"
    );
    assert_finds(&ended, &expected);
}

#[tokio::test]
async fn a_public_url_that_leads_to_another_receiver_is_named() {
    let (site, other) = (Site::running().await, Site::running().await);
    site.tunnel.lead_to(other.receiver.as_ref().unwrap().public);

    let ended = site.doctor(&[]).await;

    let expected = format!(
        "\
FAILURE  public URL: {}/ is answered by another caigunn-webhook process than the one at {}
         if it is no replica of this one, set CAIGUNN_PUBLIC_URL to this receiver's own URL, or stop the other",
        site.tunnel.url(),
        site.receiver.as_ref().unwrap().public,
    );
    assert_finds(&ended, &expected);
}

#[tokio::test]
async fn a_public_url_without_tls_is_warned_about() {
    let site = Site::running().await;
    // This machine, as no loopback address: so nothing leaves it, and it counts as a public one.
    let url = format!("http://0.0.0.0:{}", site.tunnel.address.port());

    let ended = site.doctor(&[("CAIGUNN_PUBLIC_URL", &url)]).await;

    let expected = format!(
        "\
warning  settings: CAIGUNN_PUBLIC_URL is {url}/, not https: notifications and the token travel in the clear
         use an https URL, with a proxy in front that ends TLS
"
    );
    assert!(ended.output.contains(&expected), "{}", ended.output);
    let leads_here = format!("ok       public URL: {url}/ leads to the receiver that runs here\n");
    assert!(ended.output.contains(&leads_here), "{}", ended.output);
}
