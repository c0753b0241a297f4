//! What a run begins with.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::server::Program;

/// The builds that are measured beside one another.
#[derive(clap::Args)]
pub struct Builds {
    /// An older build of the program as one more in all that is measured; a relative path begins in the package's folder.
    #[arg(long, value_name = "PATH", value_parser = program)]
    against: Option<PathBuf>,
}

impl Builds {
    /// The older build, if there is one, and this one, with their log lines in files of that folder or nowhere.
    pub fn programs(&self, log_folder: Option<&Path>) -> Vec<Program> {
        let this = PathBuf::from(env!("CARGO_BIN_EXE_caigunn-webhook"));
        let paths = [("old", self.against.clone()), ("new", Some(this))];
        let programs = paths.into_iter().filter_map(|(name, path)| {
            Some(Program {
                name,
                path: path?,
                log_folder: log_folder.map(Path::to_owned),
            })
        });
        programs.collect()
    }
}

/// The options of a command line, to which cargo adds one.
pub fn options<O: clap::Parser>() -> O {
    O::parse_from(std::env::args().filter(|word| word != "--bench"))
}

/// A folder for inboxes and logs.
pub fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the target folder takes files")
}

fn program(path: &str) -> Result<PathBuf, String> {
    std::fs::canonicalize(path).map_err(|error| error.to_string())
}
