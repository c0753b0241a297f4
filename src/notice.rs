//! Notices: tells people how it goes, by a post to a URL where something begins to be wrong and where that is over.
//!
//! - **Transitions only.** What lasts is said once when it begins, and once when it ends if its beginning was said. What
//!   begins again within the quiet time is said only if it still lasts when that is over.
//! - **Kept.** What was said, and what nobody has taken yet, is in the inbox before it is sent, so that a restart or
//!   another leader goes on with it. A notice may arrive twice, under the same id.
//! - **One receiver sends**: the one that leads. Where the inbox cannot be asked who does, the one that led last goes
//!   on from memory, for that the inbox takes no writes cannot be written into it.
//!
//! What is said is gathered from what the program shows anyway ([`sight`], which says what is wrong, as a disk that is nearly
//! full, and in `received`, when something came last); no other module knows of notices. What follows from it is decided in
//! [`book`], put into words in [`message`], into the form of who gets it in [`form`], and done in [`watch`].
//!
//! Not promised: an order between subjects, or a word on what begins and ends between two looks.

pub mod book;
pub mod form;
pub mod message;
mod metrics;
mod post;
mod received;
pub mod sight;
pub mod watch;

use std::time::Duration;

use crate::delivery::DestinationSettings;
use crate::inbox::Space;
use crate::words::words;

pub use book::{Books, Untold};
pub use form::Form;
pub use message::Message;
pub use post::Poster;
pub use watch::Watch;

/// The most notices that are configured at once: each has a book of its own, which is written as one.
pub const MAX_NOTICES: usize = 8;

/// How long nothing begins to be said of a subject anew, unless it is set. That what goes up and down began is then said twice an
/// hour at most, as often as that it is over, and who went to bed after the end is not called before he sleeps.
pub const DEFAULT_QUIET: Duration = Duration::from_secs(30 * 60);

/// Below how many hundredths of a volume's space a disk is nearly full, unless it is set.
pub const DEFAULT_FREE_PERCENT: u64 = 10;

/// Above this size an inbox's log is too large, unless it is set.
pub const DEFAULT_LOG_BYTES: u64 = Space::LARGE_LOG_BYTES;

/// What is to be known of one notice.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its name, where to post to, how long that may take, and what to sign with. What else a destination has is not used.
    pub destination: DestinationSettings,
    /// How it is put.
    pub form: Form,
    /// What it is about; all if empty.
    pub about: Vec<About>,
    /// How long nothing begins to be said of a subject anew: 0 to 7 days.
    pub quiet: Duration,
    /// Below how many hundredths of its volume's space the disk of an inbox is nearly full: 1 to 90.
    pub free_percent: u64,
    /// Above how many bytes the log of an inbox is large: 1 MiB to 1 TiB.
    pub log_bytes: u64,
    /// For how long at most nothing is received as a rule; `None`: nobody knows.
    pub silence: Option<Duration>,
}

impl Settings {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.destination.name
    }

    /// Whether it is about that.
    pub fn is_about(&self, about: About) -> bool {
        self.about.is_empty() || self.about.contains(&about)
    }
}

words!(
    /// What can be said something of.
    #[derive(PartialOrd, Ord)]
    pub enum About {
        /// A destination that fails throughout.
        Destination = "destination",
        /// A delivery that was given up.
        DeadLetter = "dead_letter",
        /// A chatbot with another URL than ours, or one that CaiGunn does not register.
        Chatbot = "chatbot",
        /// The account at CaiGunn, where its chatbots cannot be looked after: its access token is refused, say.
        Account = "account",
        /// The public URL, where it does not lead to a receiver.
        PublicUrl = "public_url",
        /// The inbox, where it takes no writes.
        Inbox = "inbox",
        /// The space on the volume of an inbox in a file.
        Disk = "disk",
        /// The size of the log of an inbox in a file.
        Log = "log",
        /// That nothing is received.
        Silence = "silence",
    }
);
