//! `caigunn-webhook` receives the webhooks of the CaiGunn chatbot platform: every notification is validated,
//! recognised if it is a repeat, and on disk before it is answered.
//!
//! A notification takes one way through the program. [`http`] takes the request, checks its token, type and size,
//! and has [`event`] read the body as a [`event::Notification`]. It then goes through the [`inbox::Writer`]'s
//! queue into a batch, which the [`inbox::Inbox`] stores in one commit; after the commit the request is answered and
//! logged. From the inbox [`delivery`] takes it to the destinations, in the receiver that leads. Beside that way,
//! [`subscription`] keeps the receiver's URL registered with CaiGunn through [`caigunn`], [`backfill`] brings what the webhook
//! did not, through the same writer, and [`notice`] tells people where something begins to be wrong.
//!
//! The larger modules say at their tops what each of their parts is for.
//!
//! - [`event`]: what CaiGunn says, as types; the wire format; what makes two notifications the same.
//! - [`inbox`]: the store's contract, group commit, and the stores in SQLite and in PostgreSQL.
//! - [`http`]: both listeners, their routes, limits, answers and log lines.
//! - [`delivery`]: the way out: what is sent when, by whom, and what became of it. [`notice`]: who is told how it goes.
//! - [`caigunn`], [`subscription`], [`backfill`]: the provider's API, what is kept true there, and what is asked of it.
//! - [`config`]: from defaults, file, environment and flags to every module's settings.
//! - [`app`]: start and stop, in order. [`doctor`]: whether all that it depends on is well.
//! - `fuzzing`: targets for fuzzing, in tests and for `scripts/fuzz` alone.
//! - [`accents`], `backoff`, [`clock`], [`descriptors`], [`fingerprint`], `folder`, `http_time`, [`instance`], `json`, [`metrics`],
//!   `minutes`, [`outgoing`], `plain_path`, [`published`], [`rotating`], [`shutdown`], [`systemd`], [`telemetry`], [`term`], `trace`,
//!   [`words`]: leaves that know nothing of the rest.

pub mod accents;
pub mod app;
pub mod backfill;
mod backoff;
pub mod caigunn;
pub mod clock;
pub mod config;
pub mod delivery;
pub mod descriptors;
pub mod doctor;
pub mod event;
pub mod fingerprint;
mod folder;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod http;
mod http_time;
pub mod inbox;
pub mod instance;
mod json;
pub mod metrics;
mod minutes;
pub mod notice;
pub mod outgoing;
mod plain_path;
pub mod published;
pub mod rotating;
pub mod shutdown;
pub mod subscription;
pub mod systemd;
pub mod telemetry;
pub mod term;
mod trace;
pub mod words;
