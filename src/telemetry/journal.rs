//! How loud a line is, for the journal of systemd: `<4>` at its front, which the journal takes off (`SyslogLevelPrefix=`, sd-daemon(3)).
//! Without that all lines have the priority of information.

use std::borrow::Cow;
use std::io::{self, Write};
use std::os::fd::AsFd;

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

use super::escaped;
use super::output::Output;

/// Whether lines begin with their priorities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Priorities {
    are_told: bool,
}

impl Priorities {
    /// Those of lines that are written to `stream`. They are told if that is the one that systemd gives to the journal, which
    /// is what it names, as `DEVICE:INODE`, in `JOURNAL_STREAM`: who inherits the variable may write elsewhere.
    pub fn of(stream: impl AsFd, journal_stream: Option<&str>) -> Self {
        let is_named = |named: &str| {
            let file = rustix::fs::fstat(stream).ok()?;
            Some(named == format!("{}:{}", file.st_dev, file.st_ino))
        };
        Self {
            are_told: journal_stream.and_then(is_named).unwrap_or(false),
        }
    }

    /// What a line of that level begins with.
    pub fn beginning(self, level: Level) -> &'static str {
        match level {
            _ if !self.are_told => "",
            Level::ERROR => "<3>",
            Level::WARN => "<4>",
            Level::INFO => "<6>",
            _ => "<7>",
        }
    }

    /// The output for lines that are made one by one, as JSON or not.
    pub fn before(self, output: Output, is_json: bool) -> Told {
        Told {
            priorities: self,
            output,
            is_json,
        }
    }
}

/// An output whose lines begin with their priorities, if these are told.
pub struct Told {
    priorities: Priorities,
    output: Output,
    is_json: bool,
}

/// Where one line goes.
pub struct Line<'a> {
    beginning: &'static str,
    told: &'a Told,
}

impl Write for Line<'_> {
    /// Takes whole lines, as the makers of lines write them.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let Told { output, is_json, .. } = self.told;
        let shown = match is_json {
            true => escaped(line),
            false => Cow::Borrowed(line),
        };
        match self.beginning {
            "" => output.add(&shown, 1),
            beginning => output.add(&[beginning.as_bytes(), &shown].concat(), 1),
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Told {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line {
            beginning: self.priorities.beginning(Level::INFO),
            told: self,
        }
    }

    fn make_writer_for(&'a self, event: &Metadata<'_>) -> Line<'a> {
        Line {
            beginning: self.priorities.beginning(*event.level()),
            told: self,
        }
    }
}
