//! Passwords: what is taken as one, and how it is kept.

use super::common_passwords::is_common;
use super::form::Trouble;
use crate::app::App;
use crate::ids::Random;
use argon2::{Algorithm, Argon2, Params, Version};
use std::sync::Arc;
use stipend_engine::PasswordHash;
use stipend_wire::text::composed;
use tokio::sync::Semaphore;

/// The fewest characters.
pub(super) const LENGTH_MIN: usize = 8;
/// The most bytes: enough for any sentence, and no work for nothing.
const BYTES_MAX: usize = 1_024;
/// The memory that hashing takes, as OWASP has it.
const MEMORY_KIB: u32 = 19 * 1_024;
/// How often it passes the memory.
const PASSES: u32 = 2;
/// How many lanes it has.
const LANES: u32 = 1;
/// Passwords that are hashed at once, so that signing in takes no processor from the API.
const HASHING_MAX: usize = 2;
/// Passwords that are hashed or wait for it; more are refused.
const WAITING_MAX: usize = 16;

/// Where passwords are hashed: few at once, few in the queue.
#[derive(Clone, Debug)]
pub(super) struct Hashing {
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Default for Hashing {
    fn default() -> Self {
        Self {
            running: Arc::new(Semaphore::new(HASHING_MAX)),
            waiting: Arc::new(Semaphore::new(WAITING_MAX)),
        }
    }
}

impl Hashing {
    /// Runs it off the threads that serve requests; nothing where too many wait.
    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let _waiting = Arc::clone(&self.waiting).try_acquire_owned().ok()?;
        let running = Arc::clone(&self.running).acquire_owned().await.ok()?;
        let task = tokio::task::spawn_blocking(move || {
            // Held here, so that a client that goes away does not let another one in early.
            let _running = running;
            work()
        });
        task.await.ok()
    }
}

/// Makes sure that it can be a password.
///
/// # Errors
/// What is wrong with it.
pub(super) fn check(password: &str, again: &str, name: &str) -> Result<(), Trouble> {
    let refuse = |message: &str| Err(Trouble::at("password", message));
    if password.chars().count() < LENGTH_MIN {
        return refuse("A password has at least 8 characters. A short sentence is a good one.");
    }
    if password.len() > BYTES_MAX {
        return refuse("This password is too long.");
    }
    if is_common(password, name) {
        return refuse("Too many people use this or something like it. Take another one.");
    }
    if password != again {
        return Err(Trouble::at("again", "The two are not the same."));
    }
    Ok(())
}

/// The hash of a new password for somebody of that name, made at once: for a program that serves
/// nobody.
///
/// # Errors
/// What is wrong with it, as a sentence.
pub fn new_password(
    random: &dyn Random,
    name: &str,
    password: &str,
) -> Result<PasswordHash, String> {
    check(password, password, name).map_err(|trouble| trouble.message)?;
    let blank = blank(random);
    let hash = compute(&blank, &composed(password));
    let hash = hash.ok_or_else(|| "It cannot be hashed here.".to_owned())?;
    Ok(PasswordHash { hash, ..blank })
}

/// What a new hash is made with.
fn blank(random: &dyn Random) -> PasswordHash {
    let mut salt = [0; 16];
    random.fill(&mut salt);
    PasswordHash { memory_kib: MEMORY_KIB, passes: PASSES, lanes: LANES, salt, hash: [0; 32] }
}

/// Hashes a new password; nothing where too many wait for it.
pub(super) async fn hash(app: &App, password: &str) -> Option<PasswordHash> {
    let blank = blank(app.random());
    let password = composed(password).into_owned();
    let hashing = app.dashboard().hashing.clone();
    hashing
        .run(move || {
            let hash = compute(&blank, &password)?;
            Some(PasswordHash { hash, ..blank })
        })
        .await
        .flatten()
}

/// Whether it is the password; nothing where too many wait for it. Somebody who is not known takes
/// as long as somebody who is.
pub(super) async fn verify(app: &App, known: Option<PasswordHash>, password: &str) -> Option<bool> {
    let is_known = known.is_some();
    let known = known.unwrap_or(PasswordHash {
        memory_kib: MEMORY_KIB,
        passes: PASSES,
        lanes: LANES,
        salt: [0; 16],
        hash: [0; 32],
    });
    let fits = password.len() <= BYTES_MAX;
    let password = if fits { composed(password).into_owned() } else { String::new() };
    let hashing = app.dashboard().hashing.clone();
    let is_same = hashing
        .run(move || {
            let found = compute(&known, &password);
            // Hashes of the hashes are compared in constant time.
            found.is_some_and(|found| blake3::hash(&found) == blake3::hash(&known.hash))
        })
        .await?;
    Some(is_same && is_known && fits)
}

/// The hash with these costs and salt; nothing where they are none.
fn compute(like: &PasswordHash, password: &str) -> Option<[u8; 32]> {
    let params = Params::new(like.memory_kib, like.passes, like.lanes, Some(32)).ok()?;
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut hash = [0; 32];
    argon.hash_password_into(password.as_bytes(), &like.salt, &mut hash).ok()?;
    Some(hash)
}
