//! What of a stored receipt, or of a request in quarantine, cannot be read: a byte that a disk or a machine has turned over in a
//! text, say. It is read all the same, and says so, so that it fails alone.

use std::str;

/// What of a row cannot be read, by columns.
#[derive(Debug, Default)]
pub struct Damage(Vec<&'static str>);

impl Damage {
    /// What was read of a column, or what stands for it where that failed.
    pub fn or<T, E>(&mut self, column: &'static str, read: Result<T, E>, instead: T) -> T {
        read.unwrap_or_else(|_| {
            self.0.push(column);
            instead
        })
    }

    /// The text of a column, with U+FFFD for what is none.
    pub fn text(&mut self, column: &'static str, bytes: &[u8]) -> String {
        let read = str::from_utf8(bytes).map(str::to_owned);
        if read.is_err() {
            self.0.push(column);
        }
        read.unwrap_or_else(|_| String::from_utf8_lossy(bytes).into_owned())
    }

    /// What cannot be read, in words for an operator; `None` if all can.
    pub fn said(self) -> Option<Box<str>> {
        let columns = self.0.join(", ");
        (!self.0.is_empty()).then(|| format!("what the inbox holds as its {columns} cannot be read").into())
    }
}
