//! The log of what runs on a test's own thread, at every level.

use std::io;
use std::sync::{Arc, LazyLock, Mutex};

use serde_json::Value;
use tracing::Dispatch;
use tracing::subscriber::NoSubscriber;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Another one beside the recorders. While there is but one, `tracing` asks that of the thread which comes to a line first whether
/// the line is wanted: a thread without one, of another test, would answer no for all.
static ANOTHER: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(NoSubscriber::new()));

/// Records until it is dropped. Only for tests on one thread, which `#[tokio::test]` makes.
pub struct Recorder {
    text: Text,
    _guard: tracing::subscriber::DefaultGuard,
}

#[derive(Clone, Default)]
struct Text(Arc<Mutex<Vec<u8>>>);

impl Recorder {
    /// Begins to record.
    pub fn start() -> Self {
        LazyLock::force(&ANOTHER);
        let text = Text::default();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_max_level(LevelFilter::TRACE)
            .with_writer(text.clone())
            .finish();
        Self {
            text,
            _guard: tracing::subscriber::set_default(subscriber),
        }
    }

    /// Everything so far.
    pub fn text(&self) -> String {
        String::from_utf8(self.text.0.lock().unwrap().clone()).expect("the log is text")
    }

    /// The messages of one level so far.
    pub fn messages(&self, level: &str) -> Vec<String> {
        let text = self.text();
        let lines = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).expect("every line is JSON"));
        let lines = lines.filter(|line| line["level"] == level);
        lines
            .map(|line| line["message"].as_str().expect("a message").to_owned())
            .collect()
    }
}

impl<'a> MakeWriter<'a> for Text {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl io::Write for Text {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
