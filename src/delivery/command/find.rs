//! Whether a destination's program can be run, found out without running it.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::Settings;
use crate::delivery::look::Sight;
use rustix::fs::{Access, access};

/// Where the system looks when `PATH` is not set.
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// What the operator of a program is to know.
pub fn look(settings: &Settings) -> Sight {
    match find(&settings.program) {
        Ok(file) => Sight::Good(format!("{} can be run", file.display())),
        Err(what) => Sight::Bad {
            what,
            advice: "name a program that is there, where the receiver runs, and that its user may run (`chmod +x`)",
        },
    }
}

/// The file that an attempt runs: the program itself if its name has a slash, else the first in `PATH` that may be run.
/// The error says why there is none, in words for an operator.
///
/// # Errors
/// There is no such file, or none that this user may run.
pub fn find(program: &str) -> Result<PathBuf, String> {
    let path = env::var_os("PATH").unwrap_or_else(|| OsString::from(DEFAULT_PATH));
    let candidates: Vec<PathBuf> = if program.contains('/') {
        vec![program.into()]
    } else {
        env::split_paths(&path)
            .map(|folder| folder.join(program))
            .collect()
    };
    if let Some(found) = candidates.iter().find(|candidate| may_be_run(candidate)) {
        return Ok(found.clone());
    }
    let is_there = |candidate: &&PathBuf| candidate.exists();
    Err(match candidates.iter().find(is_there) {
        Some(found) if found.is_dir() => format!("{} is a folder", found.display()),
        Some(found) => format!("{} may not be run by this user", found.display()),
        None if program.contains('/') => format!("there is no {program}"),
        None => format!("there is no {program} in any folder of PATH"),
    })
}

fn may_be_run(file: &Path) -> bool {
    file.is_file() && access(file, Access::EXEC_OK).is_ok()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_name_is_looked_for_in_path() {
        let found = find("sh").unwrap();

        assert!(found.is_absolute() && found.ends_with("sh"), "{found:?}");
        assert_eq!(
            find("no-such-program"),
            Err("there is no no-such-program in any folder of PATH".to_owned())
        );
    }

    #[test]
    fn a_path_is_taken_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("program");
        let program = file.to_str().unwrap();
        assert_eq!(find(program), Err(format!("there is no {program}")));

        fs::write(&file, "").unwrap();
        assert_eq!(
            find(program),
            Err(format!("{program} may not be run by this user"))
        );

        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(find(program), Ok(file));
        let folder = folder.path().to_str().unwrap();
        assert_eq!(find(folder), Err(format!("{folder} is a folder")));
    }
}
