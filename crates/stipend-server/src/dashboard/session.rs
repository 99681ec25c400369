//! Who is signed in. Sessions live in memory: a restart signs everybody out.

use crate::ids::Random;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;
use stipend_core::Timestamp;
use stipend_wire::environment::ApiKey;

/// How long a session lasts that nobody uses, in seconds.
const IDLE_SECONDS_MAX: i64 = 8 * 3_600;
/// How long a session lasts at most, in seconds.
const AGE_SECONDS_MAX: i64 = 7 * 24 * 3_600;
/// Sessions that are kept; one more ends the one that was used least recently.
const SESSIONS_MAX: usize = 1_000;

/// A message for the next page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flash {
    /// What is said.
    pub(super) message: String,
    /// Whether it was refused, and not done.
    pub(super) is_refusal: bool,
    /// A key that was just made: the next page is the only one that shows it.
    pub(super) key: Option<ApiKey>,
}

/// What a page needs to know of its session.
#[derive(Clone, Debug)]
pub(super) struct Session {
    /// The hash of its id.
    pub(super) digest: [u8; 32],
    /// What every form of it carries.
    pub(super) token: String,
    /// Who is signed in.
    pub(super) name: String,
}

#[derive(Debug)]
struct Kept {
    token: String,
    name: String,
    is_secure: bool,
    began: Timestamp,
    used: Timestamp,
    flash: Option<Flash>,
}

impl Kept {
    fn lives(&self, now: Timestamp) -> bool {
        now < self.used.plus_seconds(IDLE_SECONDS_MAX)
            && now < self.began.plus_seconds(AGE_SECONDS_MAX)
    }
}

/// All sessions, by the hashes of their ids.
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<BTreeMap<[u8; 32], Kept>>);

/// So many random bits that they are never guessed, as text.
pub(super) fn secret(random: &dyn Random) -> String {
    let mut bytes = [0; 32];
    random.fill(&mut bytes);
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The hash under which a secret is kept.
pub(super) fn digest(secret: &str) -> [u8; 32] {
    blake3::derive_key("stipend 2026 dashboard session", secret.as_bytes())
}

impl Sessions {
    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<[u8; 32], Kept>> {
        self.0.lock().expect("nobody panics with it")
    }

    /// Begins a session; answers its id.
    pub(super) fn begin(
        &self,
        random: &dyn Random,
        name: &str,
        is_secure: bool,
        now: Timestamp,
    ) -> String {
        let id = secret(random);
        let kept = Kept {
            token: secret(random),
            name: name.to_owned(),
            is_secure,
            began: now,
            used: now,
            flash: None,
        };
        let mut sessions = self.lock();
        sessions.retain(|_, kept| kept.lives(now));
        if sessions.len() >= SESSIONS_MAX {
            let oldest = sessions.iter().min_by_key(|(_, kept)| kept.used);
            if let Some(oldest) = oldest.map(|(digest, _)| *digest) {
                sessions.remove(&oldest);
            }
        }
        sessions.insert(digest(&id), kept);
        id
    }

    /// The live session with that id, which counts as used now.
    pub(super) fn find(&self, id: &str, is_secure: bool, now: Timestamp) -> Option<Session> {
        let digest = digest(id);
        let mut sessions = self.lock();
        let kept = sessions.get_mut(&digest)?;
        if !kept.lives(now) {
            sessions.remove(&digest);
            return None;
        }
        if kept.is_secure != is_secure {
            return None;
        }
        kept.used = kept.used.max(now);
        Some(Session { digest, token: kept.token.clone(), name: kept.name.clone() })
    }

    /// Ends a session.
    pub(super) fn end(&self, digest: &[u8; 32]) {
        self.lock().remove(digest);
    }

    /// Ends all sessions of somebody.
    pub(super) fn end_all(&self, name: &str) {
        self.lock().retain(|_, kept| kept.name != name);
    }

    /// Leaves a message for the next page.
    pub(super) fn leave(&self, digest: &[u8; 32], flash: Flash) {
        if let Some(kept) = self.lock().get_mut(digest) {
            kept.flash = Some(flash);
        }
    }

    /// Leaves a message for the next page, unless one is there.
    pub(super) fn leave_unless_left(&self, digest: &[u8; 32], flash: Flash) {
        if let Some(kept) = self.lock().get_mut(digest) {
            kept.flash.get_or_insert(flash);
        }
    }

    /// Takes the message for this page.
    pub(super) fn take(&self, digest: &[u8; 32]) -> Option<Flash> {
        self.lock().get_mut(digest)?.flash.take()
    }
}
