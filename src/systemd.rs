//! What systemd, or whoever speaks as it does, hands to a service and hears from it: sockets that listen already
//! (sd_listen_fds(3)), and how the service is (sd_notify(3), sd_watchdog_enabled(3)).

use std::ffi::{OsStr, OsString};
use std::io;
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::time::Duration;

/// How long a message may wait for room in the manager's queue.
const SEND_TIMEOUT: Duration = Duration::from_secs(1);

/// Sockets that listen already. What is handed over is used in place of an address of the settings.
#[derive(Debug, Default)]
pub struct Sockets {
    /// For the public side: the first that was handed over.
    pub public: Option<TcpListener>,
    /// For the admin side: the second.
    pub admin: Option<TcpListener>,
}

/// Who started this process, and wants to hear how it is: systemd with `Type=notify`, or nobody.
#[derive(Clone, Debug, Default)]
pub struct Manager {
    socket: Option<Arc<UnixDatagram>>,
    watchdog: Option<Duration>,
}

impl Manager {
    /// The one that the variables of this process name: `NOTIFY_SOCKET`, and `WATCHDOG_USEC` with `WATCHDOG_PID`, for how long
    /// it puts up with silence. `process_id` is ours: what is meant for another process is passed over.
    ///
    /// # Errors
    /// The socket that is named is not there, or is not to be reached.
    pub fn named(variable: impl Fn(&str) -> Option<OsString>, process_id: u32) -> io::Result<Self> {
        let Some(path) = variable("NOTIFY_SOCKET").filter(|path| !path.is_empty()) else {
            return Ok(Self::default());
        };
        let number = |name| variable(name)?.to_str()?.parse::<u64>().ok();
        let is_ours = number("WATCHDOG_PID").is_none_or(|id| id == u64::from(process_id));
        let micros = number("WATCHDOG_USEC").filter(|micros| is_ours && *micros > 0);
        Ok(Self {
            socket: Some(Arc::new(connect(&path)?)),
            watchdog: micros.map(Duration::from_micros),
        })
    }

    /// Says that requests are served.
    pub fn ready(&self) {
        self.say("READY=1");
    }

    /// Says that a stop has begun.
    pub fn stopping(&self) {
        self.say("STOPPING=1");
    }

    /// Says again and again, twice in the time that the manager puts up with silence, that this process lives: as long as its
    /// runtime runs tasks and knows the time. Ends at once if nobody waits for it.
    ///
    /// # Cancel safety
    /// When the future is dropped, nothing more is said.
    pub async fn keep_alive(self) {
        let Some(patience) = self.watchdog else { return };
        loop {
            self.say("WATCHDOG=1");
            tokio::time::sleep(patience / 2).await;
        }
    }

    fn say(&self, state: &str) {
        let Some(socket) = &self.socket else { return };
        if let Err(error) = socket.send(state.as_bytes()) {
            tracing::warn!(error.type = "notify", "cannot tell the service manager {state}: {error}");
        }
    }
}

/// A way to the manager's socket: a path, or behind `@` a name of Linux that is in no folder.
fn connect(path: &OsStr) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    match path.as_bytes().strip_prefix(b"@") {
        #[cfg(target_os = "linux")]
        Some(name) => {
            use std::os::linux::net::SocketAddrExt;
            socket.connect_addr(&std::os::unix::net::SocketAddr::from_abstract_name(name)?)?;
        }
        _ => socket.connect(path)?,
    }
    socket.set_write_timeout(Some(SEND_TIMEOUT))?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manager(variables: &[(&str, &str)]) -> io::Result<Manager> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        };
        Manager::named(variable, 7)
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_socket_in_no_folder_is_spoken_to() {
        use std::os::linux::net::SocketAddrExt;
        let name = format!("caigunn-webhook-{}", uuid::Uuid::new_v4());
        let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
        let heard = UnixDatagram::bind_addr(&address).unwrap();

        manager(&[("NOTIFY_SOCKET", &format!("@{name}"))])
            .unwrap()
            .ready();

        let mut message = [0; 64];
        let length = heard.recv(&mut message).unwrap();
        assert_eq!(&message[..length], b"READY=1");
    }

    #[test]
    fn a_watchdog_counts_that_is_meant_for_this_process() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let _heard = UnixDatagram::bind(&path).unwrap();
        let path = path.to_str().unwrap();
        for (usec, id, expected) in [
            ("1500000", Some("7"), Some(Duration::from_millis(1500))),
            ("1500000", None, Some(Duration::from_millis(1500))),
            ("1500000", Some("8"), None),
            ("0", Some("7"), None),
            ("soon", Some("7"), None),
        ] {
            let mut variables = vec![("NOTIFY_SOCKET", path), ("WATCHDOG_USEC", usec)];
            variables.extend(id.map(|id| ("WATCHDOG_PID", id)));

            assert_eq!(manager(&variables).unwrap().watchdog, expected, "{usec} {id:?}");
        }
    }

    #[test]
    fn where_nobody_is_named_nobody_is_told_and_a_socket_that_is_not_there_is_an_error() {
        assert!(manager(&[]).unwrap().socket.is_none());
        assert!(manager(&[("NOTIFY_SOCKET", "")]).unwrap().socket.is_none());
        assert!(manager(&[("NOTIFY_SOCKET", "/nowhere/at/all")]).is_err());
    }
}
