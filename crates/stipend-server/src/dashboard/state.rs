//! What the dashboard keeps between requests.

use super::session::{self, Sessions};
use crate::ids::Random;
use std::sync::Mutex;
use stipend_core::Timestamp;

/// How long a link that signs in is good, in seconds.
const LINK_SECONDS_MAX: i64 = 3_600;
/// Links that are good at once; one more ends the oldest.
const LINKS_MAX: usize = 16;

/// Sessions, and links that begin one.
#[derive(Debug, Default)]
pub(crate) struct Dashboard {
    pub(super) sessions: Sessions,
    links: Mutex<Vec<Link>>,
}

#[derive(Debug)]
struct Link {
    digest: [u8; 32],
    until: Timestamp,
}

impl Dashboard {
    /// Makes a secret that signs in once.
    pub(crate) fn make_link(&self, random: &dyn Random, now: Timestamp) -> String {
        let secret = session::secret(random);
        let link =
            Link { digest: session::digest(&secret), until: now.plus_seconds(LINK_SECONDS_MAX) };
        let mut links = self.links.lock().expect("nobody panics with it");
        if links.len() >= LINKS_MAX {
            links.remove(0);
        }
        links.push(link);
        secret
    }

    /// Takes a secret that signs in; false where it was taken before or is too old.
    pub(super) fn take_link(&self, secret: &str, now: Timestamp) -> bool {
        let digest = session::digest(secret);
        let mut links = self.links.lock().expect("nobody panics with it");
        links.retain(|link| now < link.until);
        let before = links.len();
        links.retain(|link| link.digest != digest);
        links.len() < before
    }
}
