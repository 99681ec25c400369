//! Who guesses passwords waits longer and longer. Nobody is locked out: others are not slowed.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Mutex;
use stipend_core::Timestamp;

/// Attempts that cost nothing.
const FREE_ATTEMPTS: u32 = 4;
/// The longest wait, in seconds.
const WAIT_SECONDS_MAX: i64 = 300;
/// After so long without an attempt everything is forgotten, in seconds.
const MEMORY_SECONDS: i64 = 3_600;
/// Addresses that are remembered.
const ADDRESSES_MAX: usize = 10_000;

/// The address that a request came from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

#[derive(Clone, Copy, Debug)]
struct Attempts {
    failed: u32,
    last: Timestamp,
}

impl Attempts {
    /// From when on the next attempt is looked at.
    fn next(&self) -> Timestamp {
        let extra = self.failed.saturating_sub(FREE_ATTEMPTS).min(16);
        let wait = if extra == 0 { 0 } else { (1_i64 << extra).min(WAIT_SECONDS_MAX) };
        self.last.plus_seconds(wait)
    }
}

/// Attempts that failed, by address.
#[derive(Debug, Default)]
pub(super) struct Throttle(Mutex<BTreeMap<Option<IpAddr>, Attempts>>);

impl Throttle {
    /// Counts an attempt as failed before it is looked at, so that many at once are many; answers
    /// the seconds to wait where it is not looked at.
    pub(super) fn begin(&self, peer: Option<IpAddr>, now: Timestamp) -> Result<(), i64> {
        let peer = peer.map(network);
        let mut known = self.0.lock().expect("nobody panics with it");
        let attempts = known.get(&peer).copied();
        let attempts = attempts.filter(|it| now < it.last.plus_seconds(MEMORY_SECONDS));
        let attempts = attempts.unwrap_or(Attempts { failed: 0, last: now });
        if now < attempts.next() {
            let wait = attempts.next().micros() - now.micros();
            return Err(wait.div_euclid(1_000_000) + 1);
        }
        if known.len() >= ADDRESSES_MAX {
            known.retain(|_, it| now < it.last.plus_seconds(WAIT_SECONDS_MAX));
        }
        if known.len() >= ADDRESSES_MAX && !known.contains_key(&peer) {
            return Err(WAIT_SECONDS_MAX);
        }
        known.insert(peer, Attempts { failed: attempts.failed + 1, last: now });
        Ok(())
    }

    /// Forgets the attempts of an address that got in.
    pub(super) fn forget(&self, peer: Option<IpAddr>) {
        self.0.lock().expect("nobody panics with it").remove(&peer.map(network));
    }
}

/// The part of an address that one subscriber has to themselves.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(six) => six.to_ipv4_mapped().map_or_else(
            || IpAddr::V6(Ipv6Addr::from_bits(six.to_bits() & !u128::from(u64::MAX))),
            IpAddr::V4,
        ),
    }
}
