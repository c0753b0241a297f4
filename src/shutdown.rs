//! The system's wish that we stop.

use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::Instant;

/// Signals that come within this time of the first are the same wish: whoever stops a process may tell it twice, itself
/// and with its group, as `timeout` of GNU coreutils does, or by more than one signal, as a terminal that is closed may.
const ONE_WISH: Duration = Duration::from_secs(1);

/// SIGTERM, SIGINT and SIGHUP, from the moment this is made: none of them ends the process by itself any more.
#[derive(Debug)]
pub struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
    /// `None` where whoever started the process had it ignored, as `nohup` does, so that it outlives its terminal.
    hang_up: Option<Signal>,
    /// Never read: that it is handled at all makes a write beyond a file size limit fail like one to a full disk,
    /// where by default it would end the process.
    _file_size: Signal,
}

/// SIGXFSZ, which tokio has no name for.
const SIGXFSZ: i32 = 25;

impl StopSignals {
    /// Begins to listen.
    ///
    /// # Errors
    /// The system refuses the handler.
    pub fn listen() -> io::Result<Self> {
        let hang_up = if ignores_hang_up() {
            None
        } else {
            Some(signal(SignalKind::hangup())?)
        };
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up,
            _file_size: signal(SignalKind::from_raw(SIGXFSZ))?,
        })
    }

    /// Waits for the next one and gives its name.
    ///
    /// # Cancel safety
    /// A signal is not lost when the future is dropped.
    pub async fn next(&mut self) -> &'static str {
        let hang_up = async {
            match &mut self.hang_up {
                Some(hang_up) => hang_up.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
            _ = hang_up => "SIGHUP",
        }
    }

    /// Waits for one that is another wish than the one of `first`, and gives its name.
    ///
    /// # Cancel safety
    /// As of [`StopSignals::next`].
    pub async fn another(&mut self, first: Instant) -> &'static str {
        loop {
            let signal = self.next().await;
            if is_another_wish(first.elapsed()) {
                return signal;
            }
        }
    }
}

/// Whether a signal that comes so long after the first is another wish. It counts from the first, so that someone who goes
/// on and on is heard.
fn is_another_wish(since_first: Duration) -> bool {
    since_first > ONE_WISH
}

/// Whether this process was started with SIGHUP ignored. Only Linux tells; elsewhere it is taken for a wish to stop.
fn ignores_hang_up() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| is_ignored(&status, 1))
}

/// Whether a `/proc/PID/status` (proc_pid_status(5)) says that the signal of that number is ignored: bit `number - 1` of
/// `SigIgn`.
fn is_ignored(status: &str, number: u32) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| (mask >> (number - 1)) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_within_a_second_of_the_first_are_one_wish_and_a_later_one_is_another() {
        for (milliseconds, is_another) in [
            (0, false),
            (3, false),
            (1_000, false),
            (1_001, true),
            (60_000, true),
        ] {
            let since_first = Duration::from_millis(milliseconds);

            assert_eq!(is_another_wish(since_first), is_another, "{since_first:?}");
        }
    }

    #[test]
    fn an_ignored_signal_is_told_by_its_bit() {
        let status =
            |mask: &str| format!("Name:\tcat\nSigBlk:\t0000000000000001\nSigIgn:\t{mask}\nSigCgt:\t0\n");

        assert!(is_ignored(&status("0000000000000001"), 1));
        assert!(is_ignored(&status("0000000000001001"), 1));
        assert!(!is_ignored(&status("0000000000001000"), 1));
        assert!(is_ignored(&status("0000000000004000"), 15));
        for unreadable in [status("none"), String::new()] {
            assert!(!is_ignored(&unreadable, 1));
        }
    }
}
