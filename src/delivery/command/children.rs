//! The children of this process: the programs that it runs, and, where it is process 1, as in a container without an init,
//! whatever they leave behind. That becomes its child, and stays in the table of processes until somebody waits for it.
//!
//! The runtime waits for each program that it has started, and would not learn how one has ended that somebody else has
//! waited for. So it is written down which those are, from before they can end until they have been waited for.

use std::io;
use std::process::ExitStatus;

use parking_lot::Mutex;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use tokio::process::{ChildStdin, Command};
use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};

use super::processes;

/// The numbers of the programs that are not waited for yet. It is one for the process, as its children are. A number is
/// in it twice where one was waited for and another has got its number.
static PROGRAMS: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

/// A program that was started. Dropped before it was waited for, it is killed.
pub struct Child(Option<tokio::process::Child>);

impl Child {
    pub fn start(command: &mut Command) -> io::Result<Self> {
        // Nobody looks at it before it is written down.
        let mut programs = PROGRAMS.lock();
        let child = command.kill_on_drop(true).spawn()?;
        programs.extend(number(&child));
        Ok(Self(Some(child)))
    }

    /// Its number, until it has been waited for.
    pub fn id(&self) -> Option<Pid> {
        self.0.as_ref().and_then(number)
    }

    pub fn take_input(&mut self) -> Option<ChildStdin> {
        self.0.as_mut()?.stdin.take()
    }

    /// Waits until it ends.
    ///
    /// # Cancel safety
    /// May be dropped, and waited for again.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        let child = self.0.as_mut().expect("it is there until it is dropped");
        wait(child).await
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let Some(mut child) = self.0.take().filter(|child| child.id().is_some()) else {
            return;
        };
        // It may be gone already.
        let _ = child.start_kill();
        // Without a runtime this process is about to end.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                let _ = wait(&mut child).await;
            });
        }
    }
}

async fn wait(child: &mut tokio::process::Child) -> io::Result<ExitStatus> {
    let number = number(child);
    let status = child.wait().await;
    if let Some(number) = number {
        let mut programs = PROGRAMS.lock();
        if let Some(place) = programs.iter().position(|known| *known == number) {
            programs.swap_remove(place);
        }
    }
    status
}

fn number(child: &tokio::process::Child) -> Option<Pid> {
    let id = child.id().and_then(|id| i32::try_from(id).ok());
    id.and_then(Pid::from_raw)
}

/// Where this is process 1, waits for all that has ended and whose parent is gone, for ever; otherwise somebody else does.
pub async fn collect_orphans() {
    let ended = (std::process::id() == 1).then(|| signal(SignalKind::child()));
    match ended {
        None => {}
        Some(Err(error)) => tracing::warn!(
            error.type = "orphans",
            "cannot learn what commands leave behind, which stays in the table of processes: {error}"
        ),
        Some(Ok(mut ended)) => loop {
            collect();
            // One signal may stand for many.
            if ended.recv().await.is_none() {
                break;
            }
        },
    }
    std::future::pending().await
}

/// Waits for those that have ended already and are no programs.
fn collect() {
    let programs = PROGRAMS.lock();
    let ended = processes::all().into_iter();
    for child in ended.filter(|process| process.has_ended && process.parent == 1) {
        if !programs.contains(&child.number) {
            // One that is no child of this process is refused by the system.
            let _ = waitid(
                WaitId::Pid(child.number),
                WaitIdOptions::EXITED | WaitIdOptions::NOHANG,
            );
        }
    }
}
