//! API keys: what opens an environment, and what it may be used for.

use crate::actor::Actor;
use crate::realm::PRODUCTION;
use stipend_core::{EnvId, Timestamp};
use stipend_store::codec::{CodecError, Decode, Encode, Reader, Writer};
use stipend_store::{choice, newtype, record};

/// The number of a key, from 1 in the order in which keys were made. It is no secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyNo(pub u32);

/// What a key may be used for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// Everything in its environment: a key of a server that one trusts.
    #[default]
    Full,
    /// Checks and everything else that reads; it changes nothing.
    Read,
    /// Checks, reservations and the reporting of usage: a key of what is gated and metered.
    Usage,
}

/// What a request does, as far as keys are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It asks what a customer may do.
    Check,
    /// It reads.
    Read,
    /// It reserves, or reports what was used.
    Usage,
    /// It changes anything else.
    Manage,
}

impl Scope {
    /// All scopes, the one with most access first.
    pub const ALL: [Self; 3] = [Self::Full, Self::Read, Self::Usage];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Read => "read",
            Self::Usage => "usage",
        }
    }

    /// The scope of that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text)
    }

    /// Whether a key of the scope may be used for that.
    #[must_use]
    pub const fn allows(self, access: Access) -> bool {
        match self {
            Self::Full => true,
            Self::Read => matches!(access, Access::Check | Access::Read),
            Self::Usage => matches!(access, Access::Check | Access::Usage),
        }
    }
}

/// What a key may do besides using its environment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// List and make environments, and make keys to them.
    pub manages_environments: bool,
}

/// Keys that were made before there were rights were all first keys of the production
/// environment, which have them.
impl Encode for Rights {
    fn encode(&self, writer: &mut Writer) {
        self.manages_environments.encode(writer);
    }
}

impl Decode for Rights {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self { manages_environments: bool::decode(reader)? })
    }

    fn omitted() -> Option<Self> {
        Some(Self { manages_environments: true })
    }
}

/// A secret API key, known by its hash only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// The hash of the key.
    pub digest: [u8; 32],
    /// The environment that it opens.
    pub env: EnvId,
    /// Its last characters, for people.
    pub hint: String,
    /// When it was made, on the wall clock.
    pub created_at: Timestamp,
    /// What it may do besides using its environment.
    pub rights: Rights,
    /// What it may be used for.
    pub scope: Scope,
    /// What people call it; empty where it has no name.
    pub name: String,
    /// Its number.
    pub number: KeyNo,
    /// Who made it.
    pub created_by: Option<Actor>,
    /// When it was revoked, on the wall clock: since then it opens nothing.
    pub revoked_at: Option<Timestamp>,
    /// Who revoked it.
    pub revoked_by: Option<Actor>,
}

/// What a request may do whose key was recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The environment that the key opens.
    pub env: EnvId,
    /// The number of the key.
    pub number: KeyNo,
    /// What it may be used for.
    pub scope: Scope,
    /// What it may do besides using its environment.
    pub rights: Rights,
}

newtype!(KeyNo(u32));
choice!(Scope { 1 => Full, 2 => Read, 3 => Usage });
record!(ApiKey {
    1 => digest, 2 => env, 3 => hint, 4 => created_at, 5 => rights, 6 => scope or default,
    7 => name or default, 8 => number or default, 9 => created_by, 10 => revoked_at,
    11 => revoked_by
});

impl ApiKey {
    /// The hash under which a key is known.
    #[must_use]
    pub fn digest_of(key: &str) -> [u8; 32] {
        blake3::derive_key("stipend 2026 api key", key.as_bytes())
    }

    /// A key to make. Its environment, its number, the time, who makes it and where needed its
    /// rights are set when the command that makes it is decided.
    #[must_use]
    pub fn new(key: &str) -> Self {
        let last = key.char_indices().rev().nth(3).map_or(0, |(place, _)| place);
        Self {
            digest: Self::digest_of(key),
            env: PRODUCTION,
            hint: key[last..].to_owned(),
            created_at: Timestamp::EPOCH,
            rights: Rights::default(),
            scope: Scope::default(),
            name: String::new(),
            number: KeyNo::default(),
            created_by: None,
            revoked_at: None,
            revoked_by: None,
        }
    }

    /// Whether it opens its environment.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        self.revoked_at.is_none()
    }

    /// What a request with it may do.
    #[must_use]
    pub const fn credentials(&self) -> Credentials {
        let Self { env, number, scope, rights, .. } = self;
        Credentials { env: *env, number: *number, scope: *scope, rights: *rights }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stipend_store::codec::{from_bytes, to_bytes};

    #[derive(Debug)]
    struct OldKey {
        digest: [u8; 32],
        env: EnvId,
        hint: String,
        created_at: Timestamp,
    }

    record!(OldKey { 1 => digest, 2 => env, 3 => hint, 4 => created_at });

    #[test]
    fn a_key_without_rights_is_an_old_first_key_and_may_do_everything() {
        let ApiKey { digest, env, hint, created_at, .. } = ApiKey::new("sk_old_1234");
        let bytes = to_bytes(&OldKey { digest, env, hint, created_at });
        let key: ApiKey = from_bytes(&bytes).expect("old keys can be read");
        assert!(key.rights.manages_environments);
        assert_eq!((key.scope, key.is_live(), key.created_by), (Scope::Full, true, None));
        assert_eq!(key.hint, "1234");
        assert_eq!(ApiKey::new("añb").hint, "añb");
    }

    #[test]
    fn scopes_allow_what_their_names_say() {
        let allowed = |scope: Scope| {
            let all = [Access::Check, Access::Read, Access::Usage, Access::Manage];
            all.map(|access| scope.allows(access))
        };
        assert_eq!(allowed(Scope::Full), [true; 4]);
        assert_eq!(allowed(Scope::Read), [true, true, false, false]);
        assert_eq!(allowed(Scope::Usage), [true, false, true, false]);
        for scope in Scope::ALL {
            assert_eq!(Scope::parse(scope.as_str()), Some(scope));
        }
        assert_eq!(Scope::parse("admin"), None);
    }
}
