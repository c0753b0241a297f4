//! How many files this process may have open at once. Connections are files to the system, so this bounds them too.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The most that macOS gives a process, whatever its hard limit says (OPEN_MAX of sys/syslimits.h).
const MACOS_MAX: u64 = 10_240;

/// To what the soft limit is raised where the hard one allows it, though fewer files are needed: there are always some that nobody
/// has counted. No more than that, since the programs that destinations are inherit it, and some close as many
/// descriptors as there may be when they begin.
const ENOUGH: u64 = 8192;

/// Raises the soft limit for so many files, as far as the system lets us, which is the hard limit; gives the limit that holds
/// then, `None` if there is none. The soft one is low for programs that can handle no descriptor above 1023; this is not one.
pub fn raise(needed: u64) -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = needed.max(ENOUGH);
    let raised = attainable().map_or(wanted, |attainable| attainable.min(wanted));
    if current.is_none_or(|current| raised <= current) {
        return current;
    }
    let new = Rlimit {
        current: Some(raised),
        maximum,
    };
    match setrlimit(Resource::Nofile, new) {
        Ok(()) => Some(raised),
        Err(error) => {
            tracing::debug!(error.type = "open_files", "cannot raise the limit of open files: {error}");
            current
        }
    }
}

/// The most that [`raise`] can give.
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
    fn the_limit_is_raised_as_far_as_is_needed_and_can_be() {
        let (before, most) = (getrlimit(Resource::Nofile).current, attainable());
        let at_least =
            |limit: u64| before.map(|before| before.max(most.map_or(limit, |most| most.min(limit))));

        assert_eq!(raise(1), at_least(ENOUGH));
        assert_eq!(raise(ENOUGH + 1), at_least(ENOUGH + 1));
        assert_eq!(getrlimit(Resource::Nofile).current, at_least(ENOUGH + 1));
        // Never lowered.
        assert_eq!(raise(1), at_least(ENOUGH + 1));
    }
}
