//! One run of a program: what it is told, what it says, and its end.

use std::io;
use std::os::fd::OwnedFd;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes};
use futures_util::FutureExt;
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

/// How often it is looked for what descends from a program that is killed. Two or three are enough where nothing does its best
/// to get away.
const MAX_LOOKS: usize = 10;

/// A program that runs. When dropped before its end it is killed, with all that it has started.
pub struct Run {
    /// Before the program itself, which is waited for when it is dropped: then its number may be another's.
    group: Group,
    child: Child,
    input: Input,
    output: Output,
}

impl Run {
    /// Starts it in a process group of its own, to be given that input, and with one pipe for both its outputs, so that they
    /// keep their order.
    pub fn start(mut command: Command, input: Bytes) -> io::Result<Self> {
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
            input: Input {
                pipe: child.take_input(),
                left: input,
            },
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
    pub async fn exit(&mut self) -> io::Result<ExitStatus> {
        let fed = self.input.feed();
        let drained = self.output.drain();
        tokio::pin!(fed, drained);
        let (mut is_fed, mut is_drained) = (false, false);
        loop {
            tokio::select! {
                status = self.child.wait() => {
                    // From now on its number may be another's, and what it has left behind is let be.
                    self.group.let_go();
                    return status;
                }
                () = &mut fed, if !is_fed => is_fed = true,
                () = &mut drained, if !is_drained => is_drained = true,
            }
        }
    }

    /// The beginning of what a program that has ended has written. What it has started and left behind may write on, and
    /// read: that is read to its end, and given all of the input, as long as there are not too many such.
    pub async fn rest(self, left_behind: &Arc<Semaphore>) -> Bytes {
        let Self {
            mut input,
            mut output,
            ..
        } = self;
        // What fits into the pipe, or fails since nobody can read it.
        let _ = input.feed().now_or_never();
        let is_drained = timeout(OUTPUT_TIMEOUT, output.drain()).await.is_ok();
        let beginning = Bytes::copy_from_slice(&output.beginning);
        if is_drained && input.pipe.is_none() {
            return beginning;
        }
        if let Ok(permit) = Arc::clone(left_behind).try_acquire_owned() {
            tokio::spawn(async move {
                // Of what nobody can read any more, or write, the end comes at once.
                tokio::join!(input.feed(), output.drain());
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

/// What a program reads.
struct Input {
    /// Until all is written, or nobody can read it any more.
    pipe: Option<ChildStdin>,
    left: Bytes,
}

impl Input {
    /// Writes what is left of it, and closes the pipe. A program need not read it, or not all of it: its exit code says
    /// whether that was right.
    ///
    /// # Cancel safety
    /// May be dropped: the next one goes on from there.
    async fn feed(&mut self) {
        while let Some(pipe) = &mut self.pipe {
            match pipe.write(&self.left).await {
                Ok(count @ 1..) => self.left.advance(count),
                Ok(0) | Err(_) => self.pipe = None,
            }
        }
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
        let Some(group) = self.0.take() else { return };
        let mut groups = vec![group];
        // It may be gone already.
        let signal = |group, signal| _ = kill_process_group(group, signal);
        // Whoever is stopped starts nothing more, and keeps its children: one whose parent is gone is nobody's any more.
        signal(group, Signal::STOP);
        for _ in 0..MAX_LOOKS {
            let known = groups.len();
            groups.extend(processes::groups_below(group, &groups));
            if groups.len() == known {
                break;
            }
            groups[known..]
                .iter()
                .for_each(|group| signal(*group, Signal::STOP));
        }
        groups.iter().for_each(|group| signal(*group, Signal::KILL));
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
