//! Where a running receiver listens, for commands beside it that were not told: two lines in a small file beside its inbox,
//! which only those can write who can write the inbox. Nothing secret is in it.
//!
//! The receiver holds a lock on the file for as long as it lives, which the system frees however it ends. So what one left that
//! was killed is not believed.

mod machine;

use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

use crate::folder;

/// Who may read and write the file: the inbox's owner, as of all files beside it.
const FILE_MODE: u32 = 0o600;

/// Where both sides listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// The public side.
    pub public: SocketAddr,
    /// The admin side.
    pub admin: SocketAddr,
}

/// Addresses that are published until this is dropped.
#[derive(Debug)]
pub struct Published {
    path: PathBuf,
    /// The file, whose lock goes with it.
    file: File,
}

impl Addresses {
    /// Publishes them beside the inbox at that path.
    ///
    /// # Errors
    /// The file cannot be written or locked.
    pub fn publish(self, inbox: &Path) -> io::Result<Published> {
        let Self { public, admin } = self;
        // Whoever reads sees all of it or nothing.
        let path = path(inbox);
        let new = path.with_extension("addresses-new");
        let write = || -> io::Result<File> {
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(true).mode(FILE_MODE);
            let mut file = options.open(&new)?;
            file.lock()?;
            write!(file, "public {public}\nadmin {admin}\n")?;
            fs::rename(&new, &path)?;
            Ok(file)
        };
        // Of a full disk an empty one would be left.
        let file = write().inspect_err(|_| drop(fs::remove_file(&new)))?;
        Ok(Published { path, file })
    }

    /// Those that are published beside the inbox at that path, if any are, by a receiver that lives. Commands send it the admin
    /// token, so what another user has put there, or what leads to another machine, is not believed.
    pub fn read(inbox: &Path) -> Option<Self> {
        let file = File::open(path(inbox)).ok()?;
        let owner = |metadata: io::Result<Metadata>| metadata.map(|metadata| metadata.uid()).ok();
        if !is_ours(
            owner(file.metadata())?,
            // Of one that was deleted under its receiver the folder's, as a restore goes by it.
            owner(fs::metadata(inbox).or_else(|_| fs::metadata(folder::of(&found(inbox))))),
            geteuid().as_raw(),
        ) {
            return None;
        }
        let is_held = matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock));
        let content = is_held.then(|| io::read_to_string(file))?.ok()?;
        let address = |side| {
            let mut lines = content.lines().filter_map(|line| line.split_once(' '));
            lines.find(|(name, _)| *name == side)?.1.parse().ok()
        };
        let here = |side| address(side).filter(is_here);
        Some(Self {
            public: here("public")?,
            admin: here("admin")?,
        })
    }
}

/// Whether we believe what that user has written. Root may be who looks after the service of another, whose inbox it is.
fn is_ours(owner: u32, of_inbox: Option<u32>, us: u32) -> bool {
    const ROOT: u32 = 0;
    owner == us || us == ROOT && of_inbox == Some(owner)
}

/// Whether it is an address of this machine: only at those can one listen, unless the system is set to let one listen anywhere.
fn is_here(address: &SocketAddr) -> bool {
    let (ip, mut any_port) = (address.ip(), *address);
    any_port.set_port(0);
    let is_own = || UdpSocket::bind(any_port).is_ok() && machine::has(ip).unwrap_or(true);
    ip.is_unspecified() || ip.is_loopback() || is_own()
}

impl Drop for Published {
    fn drop(&mut self) {
        let id = |metadata: Metadata| (metadata.dev(), metadata.ino());
        let ours = self.file.metadata().map(id);
        // Another receiver may have come since, perhaps to the same ports.
        if ours.is_ok_and(|ours| fs::metadata(&self.path).map(id).ok() == Some(ours)) {
            // One that stays does no harm.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The inbox itself, also one that was deleted under its receiver: a command may name a link to it.
fn found(inbox: &Path) -> PathBuf {
    folder::resolve(inbox).unwrap_or_else(|_| inbox.to_owned())
}

/// It lies beside the inbox itself.
fn path(inbox: &Path) -> PathBuf {
    let mut path = found(inbox).into_os_string();
    path.push(".addresses");
    path.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(port: u16) -> Addresses {
        Addresses {
            public: ([0, 0, 0, 0], port).into(),
            admin: "[::1]:9090".parse().unwrap(),
        }
    }

    #[test]
    fn what_is_published_is_read_until_it_is_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let inbox = folder.path().join("inbox.db");
        assert_eq!(Addresses::read(&inbox), None);

        let published = addresses(1).publish(&inbox).unwrap();

        assert_eq!(Addresses::read(&inbox), Some(addresses(1)));
        drop(published);
        assert_eq!(Addresses::read(&inbox), None);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_is_published_is_found_by_every_name_of_the_inbox() {
        let folder = tempfile::tempdir().unwrap();
        let (inbox, link) = (folder.path().join("inbox.db"), folder.path().join("link.db"));
        fs::write(&inbox, "").unwrap();
        std::os::unix::fs::symlink(&inbox, &link).unwrap();
        for (name, other) in [(&inbox, &link), (&link, &inbox)] {
            let published = addresses(1).publish(name).unwrap();

            assert_eq!(Addresses::read(other), Some(addresses(1)));
            assert!(folder.path().join("inbox.db.addresses").exists());
            drop(published);
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        }
    }

    #[test]
    fn of_an_inbox_that_was_deleted_what_is_published_is_found_by_a_link_to_it_in_another_folder() {
        let folder = tempfile::tempdir().unwrap();
        let [inbox, link] = ["a/inbox.db", "b/link.db"].map(|name| folder.path().join(name));
        for path in [&inbox, &link] {
            fs::create_dir(path.parent().unwrap()).unwrap();
        }
        fs::write(&inbox, "").unwrap();
        std::os::unix::fs::symlink("../a/inbox.db", &link).unwrap();
        let _published = addresses(1).publish(&inbox).unwrap();

        fs::remove_file(&inbox).unwrap();

        assert_eq!(Addresses::read(&link), Some(addresses(1)));
    }

    #[test]
    fn what_cannot_be_published_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let inbox = folder.path().join("inbox.db");
        // Nothing can be renamed to it.
        fs::create_dir(path(&inbox)).unwrap();

        addresses(1).publish(&inbox).unwrap_err();

        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_successor_published_stays() {
        let folder = tempfile::tempdir().unwrap();
        let inbox = folder.path().join("inbox.db");
        let old = addresses(1).publish(&inbox).unwrap();
        let _new = addresses(1).publish(&inbox).unwrap();

        drop(old);

        assert_eq!(Addresses::read(&inbox), Some(addresses(1)));
    }

    #[test]
    fn what_nobody_stands_by_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let inbox = folder.path().join("inbox.db");
        fs::write(path(&inbox), "public 127.0.0.1:1\nadmin 127.0.0.1:2\n").unwrap();

        assert_eq!(Addresses::read(&inbox), None);
    }

    #[test]
    fn what_another_user_has_put_there_is_not_believed() {
        const ROOT: u32 = 0;
        for (owner, of_inbox, us, expected) in [
            (1000, Some(1000), 1000, true),
            (1000, None, 1000, true),
            (1001, Some(1001), 1000, false),
            (1001, Some(1000), 1000, false),
            (ROOT, Some(ROOT), 1000, false),
            (ROOT, Some(1000), ROOT, true),
            (1000, Some(1000), ROOT, true),
            (1001, Some(1000), ROOT, false),
            (1000, None, ROOT, false),
        ] {
            assert_eq!(
                is_ours(owner, of_inbox, us),
                expected,
                "{owner}, {of_inbox:?}, {us}"
            );
        }
    }

    #[test]
    fn what_leads_to_another_machine_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let inbox = folder.path().join("inbox.db");
        for (public, admin, is_believed) in [
            ("0.0.0.0:1", "127.0.0.1:2", true),
            ("[::]:1", "[::1]:2", true),
            ("127.0.0.1:1", "192.0.2.1:2", false),
            ("192.0.2.1:1", "127.0.0.1:2", false),
        ] {
            let [public, admin] = [public, admin].map(|address| address.parse().unwrap());
            let _published = Addresses { public, admin }.publish(&inbox).unwrap();

            assert_eq!(
                Addresses::read(&inbox).is_some(),
                is_believed,
                "{public}, {admin}"
            );
        }
    }

    #[test]
    fn what_is_no_such_file_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let inbox = folder.path().join("inbox.db");
        for content in ["", "public 127.0.0.1:1\n", "public x\nadmin y\n", "\0\u{ff}"] {
            let mut file = File::create(path(&inbox)).unwrap();
            file.lock().unwrap();
            file.write_all(content.as_bytes()).unwrap();

            assert_eq!(Addresses::read(&inbox), None, "{content:?}");
        }
    }
}
