//! Whether a destination's program can be run, found out without running it.

use std::env;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::Settings;
use crate::delivery::look::Sight;
use rustix::fs::{Access, access};
use rustix::io::Errno;

/// Where the system looks when `PATH` is not set.
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// How much of a file the system reads to know what runs it.
const HEAD_BYTES: u64 = 256;

const NO_PROGRAM: &str =
    "it is no program for this machine, and has no first line that names its interpreter, such as #!/bin/sh";

const NO_LOADER: &str = "it is there, and what it needs to be loaded is not, as with a program that was built for another system \
                         (musl, glibc): `ldd` tells";

const MEND_SCRIPT: &str = "mend the file's first line, or install what it names where the receiver runs; `sed -i 's/\\r$//' FILE` \
                           takes carriage returns away";

/// What the operator of a program is to know.
pub fn look(settings: &Settings) -> Sight {
    let file = match find(&settings.program) {
        Ok(file) => file,
        Err(what) => {
            let is_relative = settings.program.contains('/') && !settings.program.starts_with('/');
            let advice = match is_relative {
                true => {
                    "run this in the receiver's folder, to which that path is relative; there, name a program that is there and \
                     that its user may run (`chmod +x`)"
                }
                false => {
                    "name a program that is there, where the receiver runs, and that its user may run (`chmod +x`)"
                }
            };
            return Sight::Bad { what, advice };
        }
    };
    match lack(&file) {
        None => Sight::Good(format!("{} can be run", file.display())),
        Some(lack) => Sight::Bad {
            what: format!("{} cannot be run: {lack}", file.display()),
            advice: MEND_SCRIPT,
        },
    }
}

/// Why a program was not started, in words for an operator: what its file lacks, where that is why, else what the system says.
pub fn explain(program: &str, error: &io::Error) -> String {
    let file = find(program).ok();
    let found = match Errno::from_io_error(error) {
        Some(Errno::NOENT) => file.map(|file| lack(&file).unwrap_or_else(|| NO_LOADER.to_owned())),
        Some(Errno::NOEXEC) => file.map(|file| lack(&file).unwrap_or_else(|| NO_PROGRAM.to_owned())),
        Some(Errno::ACCESS) => file.and_then(|file| lack(&file)),
        _ => None,
    };
    found.unwrap_or_else(|| error.to_string())
}

/// What keeps the system from running a file that may be run, as far as its beginning tells.
fn lack(file: &Path) -> Option<String> {
    let mut head = Vec::new();
    // One that may be run and not be read is no script.
    File::open(file)
        .ok()?
        .take(HEAD_BYTES)
        .read_to_end(&mut head)
        .ok()?;
    let Some(line) = head.strip_prefix(b"#!") else {
        // All that is loaded has zeros at its beginning, and no text has.
        return (!head.contains(&0)).then(|| NO_PROGRAM.to_owned());
    };
    let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let mut words = line.split([' ', '\t']).filter(|word| !word.is_empty());
    let interpreter = words.next()?;
    let mut found = first(&[interpreter.into()], format!("there is no {interpreter}"));
    // It looks for its own argument in turn, where that is the name of a program.
    if found.is_ok()
        && Path::new(interpreter).ends_with("env")
        && let Some(name) = words
            .next()
            .filter(|word| !word.starts_with('-') && !word.contains('='))
    {
        found = find(name);
    }
    let why = found.err()?.replace('\r', "\\r");
    let end = if line.ends_with('\r') {
        ", since the line ends with a carriage return"
    } else {
        ""
    };
    Some(format!(
        "its first line names an interpreter that cannot be run: {why}{end}"
    ))
}

/// The file that an attempt runs: the program itself if its name has a slash, else the first in `PATH` that may be run.
/// The error says why there is none, in words for an operator.
///
/// # Errors
/// There is no such file, or none that this user may run.
pub fn find(program: &str) -> Result<PathBuf, String> {
    if program.contains('/') {
        return first(&[program.into()], format!("there is no {program}"));
    }
    let path = env::var_os("PATH").unwrap_or_else(|| OsString::from(DEFAULT_PATH));
    let folders = env::split_paths(&path);
    let candidates: Vec<_> = folders.map(|folder| folder.join(program)).collect();
    first(
        &candidates,
        format!("there is no {program} in any folder of PATH"),
    )
}

/// The first of these that may be run. The error says why there is none: `absent` where not one is there.
fn first(candidates: &[PathBuf], absent: String) -> Result<PathBuf, String> {
    if let Some(found) = candidates.iter().find(|candidate| may_be_run(candidate)) {
        return Ok(found.clone());
    }
    let is_there = |candidate: &&PathBuf| candidate.exists();
    Err(match candidates.iter().find(is_there) {
        Some(found) if found.is_dir() => format!("{} is a folder", found.display()),
        Some(found) => format!("{} may not be run by this user", found.display()),
        None => absent,
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

    #[test]
    fn a_script_is_looked_at_with_what_is_to_run_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("script");
        let program = file.to_str().unwrap();
        let interpreter = "its first line names an interpreter that cannot be run";
        let carriage_return = "since the line ends with a carriage return";
        for (content, lack) in [
            ("#!/bin/sh\nexit 0\n", None),
            ("#! /bin/sh -e\n", None),
            ("#!/usr/bin/env sh\n", None),
            ("#!/usr/bin/env -S sh -e\n", None),
            // What no line ends.
            ("#!/bin/sh", None),
            ("#!/no/such", Some(format!("{interpreter}: there is no /no/such"))),
            (
                "#!/bin/sh\r\n",
                Some(format!(
                    "{interpreter}: there is no /bin/sh\\r, {carriage_return}"
                )),
            ),
            (
                "#!/etc/passwd\n",
                Some(format!("{interpreter}: /etc/passwd may not be run by this user")),
            ),
            // The system looks for it in the folder that the receiver runs in.
            ("#!sh\n", Some(format!("{interpreter}: there is no sh"))),
            (
                "#!/usr/bin/env sh\r\n",
                Some(format!(
                    "{interpreter}: there is no sh\\r in any folder of PATH, {carriage_return}"
                )),
            ),
            ("exit 0\n", Some(NO_PROGRAM.to_owned())),
            ("\u{feff}#!/bin/sh\n", Some(NO_PROGRAM.to_owned())),
            ("\u{7f}ELF\0", None),
        ] {
            fs::write(&file, content).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();

            let sight = look(&Settings {
                program: program.to_owned(),
                arguments: Vec::new(),
            });

            let expected = match lack {
                None => Sight::Good(format!("{program} can be run")),
                Some(lack) => Sight::Bad {
                    what: format!("{program} cannot be run: {lack}"),
                    advice: MEND_SCRIPT,
                },
            };
            assert_eq!(sight, expected, "{content:?}");
        }
    }
}
