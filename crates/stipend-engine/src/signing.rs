//! What is signed by a store: texts that it hands out and takes back without keeping them.

use crate::engine::Engine;
use stipend_core::EnvId;

/// What the tokens of customers are signed for.
const TOKENS: &str = "stipend 2026 credit balance tokens";

/// The bytes of a signature.
pub const SIGNATURE_BYTES: usize = 32;

/// The secret of one store behind the tokens that it hands out. It is derived from the secret that
/// was made with the store, so it is kept where that one is, and a restored backup has it.
#[derive(Clone)]
pub struct Signer {
    key: [u8; 32],
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Signer(***)")
    }
}

impl Signer {
    /// The signer of a store with that secret, for one purpose: what was signed for another is not
    /// taken.
    #[must_use]
    pub fn new(secret: &[u8], purpose: &'static str) -> Self {
        Self { key: blake3::derive_key(purpose, secret) }
    }

    /// The signer of the tokens with which customers see their credits.
    pub(crate) fn of_tokens(secret: &[u8]) -> Self {
        Self::new(secret, TOKENS)
    }

    /// The signature of a message: BLAKE3 with the key, which is a MAC of 256 bits.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_BYTES] {
        *blake3::keyed_hash(&self.key, message).as_bytes()
    }

    /// Whether that is the signature of a message. How long it takes does not depend on where they
    /// differ.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: [u8; SIGNATURE_BYTES]) -> bool {
        // Hashes are compared in constant time.
        blake3::keyed_hash(&self.key, message) == blake3::Hash::from_bytes(signature)
    }
}

impl Engine {
    /// What signs the tokens with which customers see their credits.
    #[must_use]
    pub fn token_signer(&self) -> &Signer {
        &self.token_signer
    }

    /// Whether a key to an environment is in force whose hash begins like that: there is one, and it
    /// was not revoked.
    #[must_use]
    pub fn has_key(&self, env: EnvId, digest_start: &[u8]) -> bool {
        let keys = self.api_keys(env);
        keys.iter().any(|key| key.is_live() && key.digest.starts_with(digest_start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_for_its_message_its_purpose_and_its_store() {
        let signer = Signer::new(b"secret", "stipend test one");
        let signature = signer.sign(b"message");
        assert!(signer.verifies(b"message", signature));
        assert!(!signer.verifies(b"massage", signature));
        for other in
            [Signer::new(b"secret", "stipend test two"), Signer::new(b"other", "stipend test one")]
        {
            assert!(!other.verifies(b"message", signature));
        }
        for place in 0..SIGNATURE_BYTES {
            let mut changed = signature;
            changed[place] ^= 1;
            assert!(!signer.verifies(b"message", changed), "byte {place}");
        }
        assert_eq!(format!("{signer:?}"), "Signer(***)");
    }
}
