//! One run of a program: what it is told, what it says, and its end.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe::Receiver;
use tokio::process::{ChildStdin, Command};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::children::Child;
use super::processes;
use crate::inbox::outbox::MAX_ANSWER_BYTES;

/// How long a program's output is read after its end: another process that it started may hold the pipe open, and then
/// it never ends.
const OUTPUT_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a program that was killed may take to be gone. One that waits for a broken disk takes for ever.
const KILL_TIMEOUT: Duration = Duration::from_secs(1);

/// A program that runs. When dropped before its end it is killed, with all that it has started.
pub struct Run {
    /// Before the program itself, which is waited for when it is dropped: then its number may be another's.
    group: Group,
    child: Child,
    input: Option<ChildStdin>,
    output: Output,
}

/// How a program ended.
pub enum Ended {
    /// With this exit code.
    Exited(i32),
    /// By this signal.
    Killed(i32),
}

impl Run {
    /// Starts it in a process group of its own, and with one pipe for both its outputs, so that they keep their order.
    pub fn start(mut command: Command) -> io::Result<Self> {
        let (output, output_writer) = io::pipe()?;
        let output = Receiver::from_owned_fd(OwnedFd::from(output))?;
        command
            .stdin(Stdio::piped())
            .stdout(output_writer.try_clone()?)
            .stderr(output_writer)
            .process_group(0);
        let mut child = Child::start(&mut command)?;
        // It holds the writing ends, and the reading one ends only when they are all closed.
        drop(command);
        Ok(Self {
            input: child.take_input(),
            group: Group(child.id()),
            output: Output {
                pipe: output,
                beginning: Vec::new(),
            },
            child,
        })
    }

    /// Gives it its input, takes its output, and waits until it ends.
    ///
    /// # Cancel safety
    /// May be dropped: [`Run::kill`] or dropping the run then ends it.
    pub async fn exit(&mut self, input: &[u8]) -> io::Result<Ended> {
        let fed = feed(self.input.take(), input);
        let drained = self.output.drain();
        tokio::pin!(fed, drained);
        let (mut is_fed, mut is_drained) = (false, false);
        loop {
            tokio::select! {
                status = self.child.wait() => {
                    // From now on its number may be another's, and what it has left behind is let be.
                    self.group.let_go();
                    return Ok(ended(status?));
                }
                () = &mut fed, if !is_fed => is_fed = true,
                () = &mut drained, if !is_drained => is_drained = true,
            }
        }
    }

    /// The beginning of what a program that has ended has written. What it has started and left behind may write on: that
    /// is read to its end, as long as there are not too many such.
    pub async fn rest(mut self, left_behind: &Arc<Semaphore>) -> Bytes {
        if timeout(OUTPUT_TIMEOUT, self.output.drain()).await.is_ok() {
            return self.output.beginning.into();
        }
        let beginning = Bytes::copy_from_slice(&self.output.beginning);
        if let Ok(permit) = Arc::clone(left_behind).try_acquire_owned() {
            tokio::spawn(async move {
                self.output.drain().await;
                drop(permit);
            });
        }
        beginning
    }

    /// Kills it, with all that it has started, and waits until it is gone; gives the beginning of what it has written.
    pub async fn kill(mut self) -> Bytes {
        self.group.kill();
        // Otherwise it is waited for when this is dropped.
        let _ = timeout(KILL_TIMEOUT, self.child.wait()).await;
        self.output.beginning.into()
    }
}

/// Writes the input. A program need not read it, or not all of it: its exit code says whether that was right.
async fn feed(pipe: Option<ChildStdin>, input: &[u8]) {
    if let Some(mut pipe) = pipe {
        let _ = pipe.write_all(input).await;
    }
}

fn ended(status: ExitStatus) -> Ended {
    match (status.code(), status.signal()) {
        (Some(code), _) => Ended::Exited(code),
        (None, signal) => Ended::Killed(signal.unwrap_or_default()),
    }
}

/// What a program writes.
struct Output {
    pipe: Receiver,
    beginning: Vec<u8>,
}

impl Output {
    /// Reads until nobody can write any more, and keeps the beginning. The rest is read too: a program with a full pipe
    /// waits.
    async fn drain(&mut self) {
        let mut buffer = [0; MAX_ANSWER_BYTES];
        while let Ok(count @ 1..) = self.pipe.read(&mut buffer).await {
            let room = MAX_ANSWER_BYTES - self.beginning.len();
            self.beginning.extend_from_slice(&buffer[..count.min(room)]);
        }
    }
}

/// The process group of a program: itself, and all that it has started and that has not left it. Killed when dropped, with
/// what has left it and still descends from it.
///
/// Its number is not given away while the program has not been waited for. So a group that is let go by then can never be
/// another's.
struct Group(Option<Pid>);

impl Group {
    fn kill(&mut self) {
        if let Some(group) = self.0.take() {
            // Before: whoever loses its parent is nobody's any more.
            let others = processes::groups_below(group);
            for group in [group].into_iter().chain(others) {
                // It may be gone already.
                let _ = kill_process_group(group, Signal::KILL);
            }
        }
    }

    fn let_go(&mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}
