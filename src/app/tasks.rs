//! The running tasks, by name.

use tokio::task::JoinSet;

/// The running tasks, by name.
#[derive(Default)]
pub struct Tasks {
    running: JoinSet<()>,
    names: Vec<(tokio::task::Id, &'static str)>,
    /// The first that panicked while its end was waited for.
    panicked: Option<(&'static str, String)>,
}

/// How a task ended that did not panic.
const RETURNED: &str = "it returned";

impl Tasks {
    pub fn spawn(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let id = self.running.spawn(task).id();
        self.names.push((id, name));
    }

    /// Waits for a task to end; gives its name and how it ended. Pending if there are none.
    pub async fn next(&mut self) -> (&'static str, String) {
        let Some(ended) = self.running.join_next_with_id().await else {
            return std::future::pending().await;
        };
        let (id, reason) = match ended {
            Ok((id, ())) => (id, RETURNED.to_owned()),
            Err(error) => (error.id(), error.to_string()),
        };
        let index = self
            .names
            .iter()
            .position(|(named, _)| *named == id)
            .expect("every task is named");
        (self.names.swap_remove(index).1, reason)
    }

    pub async fn wait_for(&mut self, name: &str) {
        while self.names.iter().any(|(_, running)| *running == name) {
            self.wait().await;
        }
    }

    pub async fn wait_for_all(&mut self) {
        while !self.names.is_empty() {
            self.wait().await;
        }
    }

    async fn wait(&mut self) {
        let ended = self.next().await;
        if ended.1 != RETURNED {
            self.panicked.get_or_insert(ended);
        }
    }

    /// The first that panicked while its end was waited for, and how.
    pub fn panicked(&mut self) -> Option<(&'static str, String)> {
        self.panicked.take()
    }

    pub fn names(&self) -> Vec<&'static str> {
        self.names.iter().map(|(_, name)| *name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_panics_while_its_end_is_waited_for_is_named() {
        let mut tasks = Tasks::default();
        tasks.spawn("one that ends", async {});
        tasks.spawn("one that panics", async { panic!("as it is to") });

        tasks.wait_for("one that ends").await;
        tasks.wait_for_all().await;

        let (name, reason) = tasks.panicked().expect("one has");
        assert_eq!(name, "one that panics");
        assert!(reason.contains("panicked"), "{reason}");
    }
}
