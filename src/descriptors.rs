//! How many files this process may have open at once. Connections are files to the system, so this bounds them too.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The most that macOS gives a process, whatever its hard limit says (OPEN_MAX of sys/syslimits.h).
const MACOS_MAX: u64 = 10_240;

/// Raises the soft limit as far as the system lets us, which is the hard limit; gives the limit that holds then, `None` if
/// there is none. The soft one is low for programs that can handle no descriptor above 1023; this is not one.
pub fn raise() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = attainable();
    if raised == current {
        return current;
    }
    let new = Rlimit {
        current: raised,
        maximum,
    };
    match setrlimit(Resource::Nofile, new) {
        Ok(()) => raised,
        Err(error) => {
            tracing::debug!(error.type = "open_files", "cannot raise the limit of open files: {error}");
            current
        }
    }
}

/// What [`raise`] would give.
pub fn attainable() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if cfg!(target_os = "macos") {
        let capped = maximum.map_or(MACOS_MAX, |maximum| maximum.min(MACOS_MAX));
        return current.map(|current| current.max(capped));
    }
    maximum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_attainable_is_attained() {
        let attainable = attainable();

        assert_eq!(raise(), attainable);
        assert_eq!(getrlimit(Resource::Nofile).current, attainable);
    }
}
