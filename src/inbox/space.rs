//! The space that an inbox in a file has.

/// What is free, and what its log takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// Bytes that are free on its volume, if the system tells.
    pub free_bytes: Option<u64>,
    /// Bytes that its volume has in all, for whom its file system counts what is free, if the system tells.
    pub volume_bytes: Option<u64>,
    /// The size of its log, in bytes.
    pub log_bytes: u64,
}

impl Space {
    /// Below this much free space, in bytes, an operator should act soon.
    pub const LOW_FREE_BYTES: u64 = 256 << 20;

    /// What to do then.
    pub const LOW_ADVICE: &str = "make room on that volume, or put the inbox on a larger one (a lower inbox.retention_days gives nothing \
                                  back: it only keeps the file from growing); without room posts get 503";

    /// Above this many bytes its log is too large. docs/metrics.md and the rules for Prometheus have the same number.
    pub const LARGE_LOG_BYTES: u64 = 256 << 20;

    /// What to do then. Under a unit that hides other processes, as ours does, a receiver sees no names.
    pub const LARGE_LOG_ADVICE: &str = "some program reads the inbox and does not end, which keeps its log from beginning anew: end it; \
                                        the warning `long_log` in the receiver's log names it where it may see it, else `lslocks` \
                                        does, as root";
}
