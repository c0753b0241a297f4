//! The running tasks, by name.

use tokio::task::JoinSet;

/// The running tasks, by name.
#[derive(Default)]
pub struct Tasks {
    running: JoinSet<()>,
    names: Vec<(tokio::task::Id, &'static str)>,
}

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
            Ok((id, ())) => (id, "it returned".to_owned()),
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
            self.next().await;
        }
    }

    pub async fn wait_for_all(&mut self) {
        while !self.names.is_empty() {
            self.next().await;
        }
    }

    pub fn names(&self) -> Vec<&'static str> {
        self.names.iter().map(|(_, name)| *name).collect()
    }
}
