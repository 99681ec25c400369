//! File descriptors: as many as the system gives, and never all of them to connections.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What the store, the listener and the logs may need at once.
const RESERVED: u64 = 256;

/// Asks for as many as may be asked for; answers how many there are then, none where there is no
/// limit.
pub(crate) fn raise_limit() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: maximum, maximum };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => maximum,
        // It stays as it is, which is enough for fewer connections.
        Err(_) => current,
    }
}

/// How many connections may be open: those that would take what the store needs wait instead.
pub(crate) fn connections(most: usize, descriptors: Option<u64>) -> usize {
    let Some(descriptors) = descriptors else { return most };
    // Where there are very few, half of them.
    let left = descriptors.saturating_sub(RESERVED).max(descriptors / 2);
    usize::try_from(left).map_or(most, |left| left.clamp(1, most.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_to_the_store() {
        for (descriptors, expected) in [
            (None, 10_000),
            (Some(1_048_576), 10_000),
            (Some(10_256), 10_000),
            (Some(1_024), 768),
            (Some(256), 128),
            (Some(1), 1),
        ] {
            assert_eq!(connections(10_000, descriptors), expected, "{descriptors:?}");
        }
    }
}
