//! Public ids that are not chosen by callers.

use std::fmt::Write as _;
use stipend_core::catalog::{PackageKey, PackageKind, Target};
use stipend_core::{EnvId, Slot};
use stipend_engine::cipher::uuid_text;

/// Where randomness comes from.
pub trait Random: Send + Sync + std::fmt::Debug {
    /// So many random bytes.
    fn fill(&self, bytes: &mut [u8]);
}

/// The randomness of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the operating system gives random bytes");
    }
}

/// A random id, in the form of a UUID of version 4.
#[must_use]
pub fn random_id(random: &dyn Random) -> String {
    let mut bytes = [0; 16];
    random.fill(&mut bytes);
    uuid_text(bytes, 4)
}

/// A secret API key: 160 random bits behind a prefix that scanners recognise.
#[must_use]
pub fn secret_key(random: &dyn Random) -> String {
    let mut bytes = [0; 20];
    random.fill(&mut bytes);
    bytes.iter().fold("sk_stipend_".to_owned(), |mut key, byte| {
        // Writing to a string cannot fail.
        let _ = write!(key, "{byte:02x}");
        key
    })
}

/// The id of a package's entitlement: its own, and the same in every version, since a package
/// has at most one entitlement for each feature or credit type (`behaviour.md` §0.14).
#[must_use]
pub fn entitlement_id(env: EnvId, package: &PackageKey, target: &Target) -> String {
    let (kind, id) = match target {
        Target::Feature(feature) => ("feature", feature.as_str()),
        Target::Credit(currency) => ("credit", currency.as_str()),
    };
    derived(&["entitlement", &env.0.to_string(), kind_word(package), package.id.as_str(), kind, id])
}

/// The id of a row of a package version's pricing.
#[must_use]
pub fn charge_id(
    env: EnvId,
    package: &PackageKey,
    version: u32,
    is_overage: bool,
    index: usize,
) -> String {
    let list = if is_overage { "overage" } else { "base" };
    let (env, version, index) = (env.0.to_string(), version.to_string(), index.to_string());
    derived(&["charge", &env, kind_word(package), package.id.as_str(), &version, list, &index])
}

/// The id of a record of usage, by its position in the journal.
#[must_use]
pub fn usage_id(env: EnvId, seq: u64) -> String {
    derived(&["usage", &env.0.to_string(), &seq.to_string()])
}

/// The id of a promotional entitlement.
#[must_use]
pub fn promotion_id(env: EnvId, slot: Slot, number: u32) -> String {
    derived(&["promotion", &env.0.to_string(), &slot.0.to_string(), &number.to_string()])
}

fn kind_word(package: &PackageKey) -> &'static str {
    match package.kind {
        PackageKind::Plan => "plan",
        PackageKind::Addon => "addon",
    }
}

fn derived(parts: &[&str]) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    uuid_text(bytes, 8)
}
