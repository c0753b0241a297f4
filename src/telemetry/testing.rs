//! What is logged on a test's own thread, from INFO on.

use std::io;
use std::sync::{Arc, Once};

use parking_lot::Mutex;

/// Has somebody listen to everything from now on. Where nobody does, tracing turns a place in the code off when it is first
/// reached, and a test that begins to listen at that very moment would miss what is said there.
pub fn listen() {
    static LISTENING: Once = Once::new();
    LISTENING.call_once(|| {
        let nobody = tracing_subscriber::fmt().with_writer(io::sink).finish();
        // Another one that was there before would do as well.
        let _ = tracing::subscriber::set_global_default(nobody);
    });
}

/// Records until it is dropped.
pub struct Log {
    text: Text,
    _guard: tracing::subscriber::DefaultGuard,
}

/// What was written to it so far.
#[derive(Clone, Default)]
pub struct Text(Arc<Mutex<Vec<u8>>>);

impl Text {
    /// As text.
    pub fn read(&self) -> String {
        String::from_utf8(self.0.lock().clone()).unwrap()
    }
}

impl Log {
    /// Listens to this thread from now on.
    pub fn start() -> Self {
        listen();
        let text = Text::default();
        let writer = text.clone();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_writer(move || writer.clone())
            .finish();
        Self {
            text,
            _guard: tracing::subscriber::set_default(subscriber),
        }
    }

    /// Each line's level and message.
    pub fn lines(&self) -> Vec<String> {
        let text = self.text.read();
        let line = |line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let part = |name: &str| line[name].as_str().unwrap().to_owned();
            format!("{} {}", part("level"), part("message"))
        };
        text.lines().map(line).collect()
    }
}

impl io::Write for Text {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
