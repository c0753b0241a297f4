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
}
