//! What the dashboard keeps between requests.

use super::password::Hashing;
use super::session::{self, Sessions};
use super::throttle::Throttle;
use crate::ids::Random;
use std::sync::Mutex;
use stipend_core::Timestamp;

/// How long a link is good, in seconds.
const LINK_SECONDS_MAX: i64 = 3_600;
/// Links that are good at once; one more ends the oldest.
const LINKS_MAX: usize = 16;

/// What a link does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkKind {
    /// It signs in.
    SignIn,
    /// It makes the owner.
    SetUp,
}

/// Sessions, links, and what slows down who guesses.
#[derive(Debug, Default)]
pub(crate) struct Dashboard {
    pub(super) sessions: Sessions,
    pub(super) hashing: Hashing,
    pub(super) throttle: Throttle,
    links: Mutex<Vec<Link>>,
}

#[derive(Debug)]
struct Link {
    kind: LinkKind,
    digest: [u8; 32],
    until: Timestamp,
}

impl Link {
    fn is(&self, kind: LinkKind, digest: &[u8; 32]) -> bool {
        self.kind == kind && self.digest == *digest
    }
}

impl Dashboard {
    /// Makes a secret that does something once.
    pub(crate) fn make_link(&self, kind: LinkKind, random: &dyn Random, now: Timestamp) -> String {
        let secret = session::secret(random);
        let (digest, until) = (session::digest(&secret), now.plus_seconds(LINK_SECONDS_MAX));
        let mut links = self.lock();
        if links.len() >= LINKS_MAX {
            links.remove(0);
        }
        links.push(Link { kind, digest, until });
        secret
    }

    /// Whether a secret would be taken.
    pub(super) fn has_link(&self, kind: LinkKind, secret: &str, now: Timestamp) -> bool {
        let digest = session::digest(secret);
        self.lock().iter().any(|link| link.is(kind, &digest) && now < link.until)
    }

    /// Takes a secret; false where it was taken before or is too old.
    pub(super) fn take_link(&self, kind: LinkKind, secret: &str, now: Timestamp) -> bool {
        let digest = session::digest(secret);
        let mut links = self.lock();
        links.retain(|link| now < link.until);
        let before = links.len();
        links.retain(|link| !link.is(kind, &digest));
        links.len() < before
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Link>> {
        self.links.lock().expect("nobody panics with it")
    }
}
