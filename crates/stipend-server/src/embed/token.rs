//! The token with which a browser sees the credits of one customer.
//!
//! It says everything itself: environment, customer, what of its credits is shown, until when, and
//! which key made it; behind that stands the signature of the store. So nothing is kept of it, and
//! it holds on every start of the same data. It ends by its time, by the customer's being archived,
//! and with the key that made it.

use crate::mapping::credit_balance::Scope;
use std::fmt::Write as _;
use stipend_core::{CurrencyId, EnvId, ResourceId, Slot, Timestamp};
use stipend_engine::{Engine, SIGNATURE_BYTES, Signer};

/// What a token begins with: what it is, and the version of its form. Scanners find it by that.
const PREFIX: &str = "cb1_stipend_";
/// The longest token: two ids of 255 bytes beside the rest.
const LENGTH_MAX: usize = PREFIX.len() + 2 * (24 + 2 * 256 + SIGNATURE_BYTES);
/// The bytes of a key's hash that name it.
const MAKER_BYTES: usize = 8;
/// What stands there in the tokens of previews, which somebody on the dashboard makes.
const DASHBOARD: [u8; MAKER_BYTES] = [0; MAKER_BYTES];

/// What a token allows to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pass {
    /// The environment.
    pub(crate) env: EnvId,
    /// The customer.
    pub(crate) customer: Slot,
    /// What of its credits.
    pub(crate) scope: Scope,
    /// The first instant at which it is not good any more, on the wall clock.
    pub(crate) expires_at: Timestamp,
    /// Who made it.
    pub(crate) maker: Maker,
}

/// Who made a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Maker([u8; MAKER_BYTES]);

impl Maker {
    /// Somebody on the dashboard.
    pub(crate) const DASHBOARD: Self = Self(DASHBOARD);

    /// The key with that hash.
    pub(crate) fn key(digest: &[u8; 32]) -> Self {
        let mut start = DASHBOARD;
        start.copy_from_slice(&digest[..MAKER_BYTES]);
        Self(start)
    }

    /// Whether what it made still holds.
    fn holds(self, engine: &Engine, env: EnvId) -> bool {
        self == Self::DASHBOARD || engine.has_key(env, &self.0)
    }
}

impl Pass {
    /// The token.
    pub(crate) fn seal(&self, signer: &Signer) -> String {
        let payload = self.to_bytes();
        let signature = signer.sign(&signed(&payload));
        payload.iter().chain(&signature).fold(PREFIX.to_owned(), |mut token, byte| {
            // Writing to a string cannot fail.
            let _ = write!(token, "{byte:02x}");
            token
        })
    }

    /// What a token allows, where this store made it. Whether it still does is for
    /// [`Pass::holds`] to say.
    pub(crate) fn open(signer: &Signer, token: &str) -> Option<Self> {
        let bytes = from_hex(token.strip_prefix(PREFIX).filter(|_| token.len() <= LENGTH_MAX)?)?;
        let (payload, signature) = bytes.split_last_chunk::<SIGNATURE_BYTES>()?;
        // Nothing of it is read before it is known to be ours.
        signer.verifies(&signed(payload), *signature).then(|| Self::from_bytes(payload)).flatten()
    }

    /// Whether it is good at that instant of the wall clock: up to its end and not at it.
    pub(crate) fn holds(&self, engine: &Engine, wall: Timestamp) -> bool {
        wall < self.expires_at && self.maker.holds(engine, self.env)
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(self.env.0.to_be_bytes());
        bytes.extend(self.customer.0.to_be_bytes());
        bytes.extend(self.expires_at.micros().to_be_bytes());
        bytes.extend(self.maker.0);
        let currency = self.scope.currency.as_ref().map_or("", CurrencyId::as_str);
        let resource = self.scope.resource.as_ref().map_or("", ResourceId::as_str);
        for id in [currency, resource] {
            let length = u8::try_from(id.len()).expect("ids have at most 255 bytes");
            bytes.push(length);
            bytes.extend(id.as_bytes());
        }
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (env, bytes) = bytes.split_first_chunk()?;
        let (customer, bytes) = bytes.split_first_chunk()?;
        let (expires_at, bytes) = bytes.split_first_chunk()?;
        let (maker, bytes) = bytes.split_first_chunk()?;
        let (currency, bytes) = split_text(bytes)?;
        let (resource, rest) = split_text(bytes)?;
        let scope = Scope {
            currency: some(currency).map(CurrencyId::parse).transpose().ok()?,
            resource: some(resource).map(ResourceId::parse).transpose().ok()?,
        };
        rest.is_empty().then(|| Self {
            env: EnvId(u32::from_be_bytes(*env)),
            customer: Slot(u32::from_be_bytes(*customer)),
            scope,
            expires_at: Timestamp::from_micros(i64::from_be_bytes(*expires_at)),
            maker: Maker(*maker),
        })
    }
}

/// What is signed: the prefix too, so that a later form of tokens cannot be taken for this one.
fn signed(payload: &[u8]) -> Vec<u8> {
    [PREFIX.as_bytes(), payload].concat()
}

fn some(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

fn split_text(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (length, bytes) = bytes.split_first()?;
    let (text, rest) = bytes.split_at_checked(usize::from(*length))?;
    Some((std::str::from_utf8(text).ok()?, rest))
}

/// The bytes of lower-case hexadecimal digits, in which bytes have one spelling.
fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer() -> Signer {
        Signer::new(b"secret", "stipend test tokens")
    }

    fn pass() -> Pass {
        Pass {
            env: EnvId(1),
            customer: Slot(64),
            scope: Scope {
                currency: CurrencyId::parse("api-credits").ok(),
                resource: ResourceId::parse("site-1").ok(),
            },
            expires_at: Timestamp::from_micros(1_000_000),
            maker: Maker::key(&[5; 32]),
        }
    }

    #[test]
    fn a_token_opens_to_what_was_sealed() {
        let long = "i".repeat(255);
        for scope in [
            Scope::default(),
            pass().scope,
            Scope { resource: None, ..pass().scope },
            Scope { currency: None, ..pass().scope },
            Scope {
                currency: CurrencyId::parse(&long).ok(),
                resource: ResourceId::parse(&long).ok(),
            },
        ] {
            let pass = Pass { scope, ..pass() };
            let token = pass.seal(&signer());
            assert!(token.starts_with("cb1_stipend_"), "{token}");
            assert_eq!(Pass::open(&signer(), &token), Some(pass), "{token}");
        }
    }

    #[test]
    fn a_token_with_any_letter_changed_added_or_lost_opens_nothing() {
        let token = pass().seal(&signer());
        for place in 0..token.len() {
            for other in [b'0', b'1', b'f', b'F', b'_', b'g', b' '] {
                let mut changed = token.clone().into_bytes();
                if changed[place] == other {
                    continue;
                }
                changed[place] = other;
                let changed = String::from_utf8(changed).expect("it stays ASCII");
                assert_eq!(Pass::open(&signer(), &changed), None, "{changed}");
            }
            assert_eq!(Pass::open(&signer(), &token[..place]), None, "cut at {place}");
        }
        for more in ["0", "00", "=", "\n", "é"] {
            assert_eq!(Pass::open(&signer(), &format!("{token}{more}")), None, "{more:?}");
        }
        assert_eq!(Pass::open(&signer(), &token.to_uppercase()), None);
        assert_eq!(Pass::open(&signer(), &token.replace("cb1_", "cb2_")), None);
        assert_eq!(Pass::open(&signer(), &"cb1_stipend_00".repeat(1_000)), None);
    }

    #[test]
    fn a_token_of_another_store_or_purpose_opens_nothing() {
        let token = pass().seal(&signer());
        assert_eq!(Pass::open(&Signer::new(b"other", "stipend test tokens"), &token), None);
        assert_eq!(Pass::open(&Signer::new(b"secret", "stipend test others"), &token), None);
    }

    /// What stands in a token is bound by its signature, so no two say the same.
    #[test]
    fn what_a_token_allows_is_in_what_is_signed() {
        let scope = |currency: Option<&str>, resource: Option<&str>| Scope {
            currency: currency.and_then(|id| CurrencyId::parse(id).ok()),
            resource: resource.and_then(|id| ResourceId::parse(id).ok()),
        };
        let others = [
            pass(),
            Pass { env: EnvId(2), ..pass() },
            Pass { customer: Slot(65), ..pass() },
            Pass { expires_at: Timestamp::from_micros(1_000_001), ..pass() },
            Pass { maker: Maker::DASHBOARD, ..pass() },
            Pass { scope: scope(None, None), ..pass() },
            Pass { scope: scope(Some("a"), Some("bc")), ..pass() },
            Pass { scope: scope(Some("ab"), Some("c")), ..pass() },
            Pass { scope: scope(Some("abc"), None), ..pass() },
            Pass { scope: scope(None, Some("abc")), ..pass() },
        ];
        let signatures: std::collections::BTreeSet<[u8; 32]> =
            others.iter().map(|pass| signer().sign(&signed(&pass.to_bytes()))).collect();
        assert_eq!(signatures.len(), others.len());
    }
}
