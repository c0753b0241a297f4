//! What keeps the program from starting, or from ending as it should.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use crate::{delivery, inbox};

/// Why the program could not start or did not end as it should.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The inbox cannot be opened.
    #[error("cannot open the inbox")]
    Inbox(#[source] inbox::Error),
    /// The inbox cannot be closed as it should be.
    #[error("cannot close the inbox")]
    Close(#[source] inbox::Error),
    /// A listener cannot be opened.
    #[error(
        "cannot listen on {address}, the {side} address ({}){}",
        setting(side),
        hint(source)
    )]
    Bind {
        /// `public` or `admin`.
        side: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A socket that was handed over cannot be used.
    #[error("cannot use the socket that was handed over for the {side} address")]
    Socket {
        /// `public` or `admin`.
        side: &'static str,
        /// What is wrong with it.
        #[source]
        source: io::Error,
    },
    /// A destination cannot be sent to.
    #[error("cannot prepare sending to {destination}")]
    Sender {
        /// Its name.
        destination: String,
        /// Why.
        #[source]
        source: delivery::Error,
    },
    /// The client of CaiGunn's API cannot be made.
    #[error(
        "cannot prepare calls to CaiGunn; where this machine has no certificates, install ca-certificates or name a file in SSL_CERT_FILE"
    )]
    Client(#[source] reqwest::Error),
    /// A part of the program ended although nobody asked it to.
    #[error("{name} ended by itself: {reason}")]
    TaskEnded {
        /// Its name.
        name: &'static str,
        /// What is known of it.
        reason: String,
    },
    /// The stop took too long.
    #[error("stopped after {} s with work left: {}", .after.as_secs(), .left.join(", "))]
    StopTimeout {
        /// The deadline.
        after: Duration,
        /// The names of the parts that had not ended.
        left: Vec<&'static str>,
    },
}

/// With what to look for whoever has the address.
fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "; `ss -ltnp` shows who does",
        _ => "",
    }
}

/// What says where a side listens.
const fn setting(side: &str) -> &'static str {
    match side.as_bytes() {
        b"admin" => "CAIGUNN_ADMIN_LISTEN",
        _ => "CAIGUNN_LISTEN",
    }
}
