//! The system's wish that we stop.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGTERM and SIGINT, from the moment this is made: neither ends the process by itself any more.
#[derive(Debug)]
pub struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
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
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            _file_size: signal(SignalKind::from_raw(SIGXFSZ))?,
        })
    }

    /// Waits for the next one and gives its name.
    ///
    /// # Cancel safety
    /// A signal is not lost when the future is dropped.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
