//! Who guesses passwords waits longer and longer.
//!
//! Attempts that failed are counted three times: of a name at an address, of an address whatever the
//! name, and of a name wherever it is tried. The first count is strict, so that a person is slowed by
//! their own mistakes alone; the two others are lax, and there for guesses that are spread over names
//! or over addresses. The last one does not count for an address from which that name has got in:
//! who guesses elsewhere keeps nobody out who was here before. At an address that is new, the right
//! password waits as the guesses do.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Mutex;
use stipend_core::Timestamp;

/// After so long without an attempt a count is forgotten, in seconds.
const MEMORY_SECONDS: i64 = 3_600;
/// Counts that are kept; one more drops the one that has rested the longest.
const COUNTS_MAX: usize = 30_000;
/// Names at addresses that have got in; when there are more they are all forgotten.
const KNOWN_MAX: usize = 10_000;

/// The address that a request came from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// A name, by its hash: it is as long as somebody likes.
type Name = [u8; 32];

/// What attempts are counted of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Of {
    NameAt(Name, Option<IpAddr>),
    Address(Option<IpAddr>),
    Name(Name),
}

impl Of {
    /// Attempts that cost nothing, and the longest wait behind them, in seconds.
    const fn limits(self) -> (u32, i64) {
        match self {
            Self::NameAt(..) => (4, 300),
            Self::Address(_) => (50, 60),
            Self::Name(_) => (100, 60),
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Attempts {
    failed: u32,
    last: Timestamp,
}

impl Attempts {
    /// From when on the next attempt is looked at.
    fn next(&self, of: Of) -> Timestamp {
        let (free, most) = of.limits();
        let extra = self.failed.saturating_sub(free).min(16);
        let wait = if extra == 0 { 0 } else { (1_i64 << extra).min(most) };
        self.last.plus_seconds(wait)
    }
}

#[derive(Debug, Default)]
struct Counts {
    failed: BTreeMap<Of, Attempts>,
    known: BTreeSet<(Name, Option<IpAddr>)>,
}

impl Counts {
    fn of(&self, name: Name, peer: Option<IpAddr>) -> Vec<Of> {
        let of_name = (!self.known.contains(&(name, peer))).then_some(Of::Name(name));
        [Of::NameAt(name, peer), Of::Address(peer)].into_iter().chain(of_name).collect()
    }

    fn find(&self, of: Of, now: Timestamp) -> Attempts {
        let found = self.failed.get(&of).copied();
        let found = found.filter(|it| now < it.last.plus_seconds(MEMORY_SECONDS));
        found.unwrap_or(Attempts { failed: 0, last: now })
    }

    fn count(&mut self, of: Of, now: Timestamp) {
        let failed = self.find(of, now).failed.saturating_add(1);
        if self.failed.len() >= COUNTS_MAX && !self.failed.contains_key(&of) {
            let stalest = self.failed.iter().min_by_key(|(_, it)| it.last).map(|(of, _)| *of);
            stalest.map(|of| self.failed.remove(&of));
        }
        self.failed.insert(of, Attempts { failed, last: now });
    }
}

/// Attempts that failed.
#[derive(Debug, Default)]
pub(super) struct Throttle(Mutex<Counts>);

impl Throttle {
    /// Counts an attempt as failed before it is looked at, so that many at once are many; answers
    /// the seconds to wait where it is not looked at.
    pub(super) fn begin(
        &self,
        name: &str,
        peer: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<(), i64> {
        let (name, peer) = (hash(name), peer.map(network));
        let mut counts = self.lock();
        let all = counts.of(name, peer);
        let next = all.iter().map(|of| counts.find(*of, now).next(*of)).max().unwrap_or(now);
        if now < next {
            let wait = next.micros() - now.micros();
            return Err((wait - 1).div_euclid(1_000_000) + 1);
        }
        all.into_iter().for_each(|of| counts.count(of, now));
        Ok(())
    }

    /// Takes an attempt back that got in. What failed before under that name at that address is
    /// forgotten; what else failed is not, or an account of one's own would be a way around it.
    pub(super) fn got_in(&self, name: &str, peer: Option<IpAddr>) {
        let (name, peer) = (hash(name), peer.map(network));
        let mut counts = self.lock();
        for of in counts.of(name, peer) {
            if let Some(attempts) = counts.failed.get_mut(&of) {
                attempts.failed = attempts.failed.saturating_sub(1);
            }
        }
        counts.failed.remove(&Of::NameAt(name, peer));
        if counts.known.len() >= KNOWN_MAX {
            counts.known.clear();
        }
        counts.known.insert((name, peer));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Counts> {
        self.0.lock().expect("nobody panics with it")
    }
}

fn hash(name: &str) -> Name {
    *blake3::hash(name.as_bytes()).as_bytes()
}

/// The part of an address that one subscriber has to themselves.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(six) => IpAddr::V6(Ipv6Addr::from_bits(six.to_bits() & !u128::from(u64::MAX))),
        four @ IpAddr::V4(_) => four,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stipend_core::Timestamp;

    const NOW: Timestamp = Timestamp::EPOCH;

    fn four(number: u32) -> Option<IpAddr> {
        Some(IpAddr::V4(number.into()))
    }

    /// Fails so often as it is looked at; answers the wait that follows.
    fn failed(throttle: &Throttle, times: u32, name: &str, peer: Option<IpAddr>) -> i64 {
        for _ in 0..times {
            throttle.begin(name, peer, NOW).expect("it is looked at");
        }
        throttle.begin(name, peer, NOW).expect_err("it waits now")
    }

    #[test]
    fn who_guesses_at_one_name_keeps_out_neither_others_there_nor_it_elsewhere() {
        let throttle = Throttle::default();
        failed(&throttle, 5, "maria", four(1));
        throttle.begin("tom", four(1), NOW).expect("another name at that address");
        throttle.begin("maria", four(2), NOW).expect("that name at another address");
        assert!(throttle.begin("maria", four(1), NOW).is_err());
    }

    #[test]
    fn guesses_that_are_spread_over_names_wait_at_their_address() {
        let throttle = Throttle::default();
        for number in 0..51 {
            throttle.begin(&format!("name-{number}"), four(1), NOW).expect("it is looked at");
        }
        assert!(throttle.begin("another", four(1), NOW).is_err());
        throttle.begin("another", four(2), NOW).expect("elsewhere nobody has guessed");
    }

    #[test]
    fn guesses_that_are_spread_over_addresses_wait_except_where_the_name_has_got_in() {
        let throttle = Throttle::default();
        throttle.begin("maria", four(0), NOW).expect("it is looked at");
        throttle.got_in("maria", four(0));
        for number in 1..102 {
            throttle.begin("maria", four(number), NOW).expect("it is looked at");
        }
        assert!(throttle.begin("maria", four(200), NOW).is_err());
        throttle.begin("maria", four(0), NOW).expect("that one has been here");
        throttle.begin("tom", four(200), NOW).expect("nobody guesses at that one");
    }

    #[test]
    fn waits_grow_to_the_longest_and_are_forgotten_after_an_hour() {
        let throttle = Throttle::default();
        let mut now = NOW;
        let mut waits = Vec::new();
        for _ in 0..14 {
            if let Err(wait) = throttle.begin("maria", four(1), now) {
                let a_moment_on = Timestamp::from_micros(now.micros() + 1);
                let left = throttle.begin("maria", four(1), a_moment_on);
                assert_eq!(left, Err(wait), "a second that has begun is told whole");
                waits.push(wait);
                now = now.plus_seconds(wait);
                throttle.begin("maria", four(1), now).expect("it has waited");
            }
        }
        assert_eq!(waits, [2, 4, 8, 16, 32, 64, 128, 256, 300]);
        let later = now.plus_seconds(MEMORY_SECONDS);
        for _ in 0..5 {
            throttle.begin("maria", four(1), later).expect("it is forgotten");
        }
    }

    #[test]
    fn of_too_many_counts_the_stalest_is_dropped_and_nobody_refused() {
        let throttle = Throttle::default();
        let six = |number: u128| Some(IpAddr::V6(Ipv6Addr::from_bits(number << 64)));
        failed(&throttle, 5, "maria", four(1));
        let later = NOW.plus_seconds(1);
        let names = u128::try_from(COUNTS_MAX).expect("it is small") / 3 + 2;
        for number in 1..names {
            let found = throttle.begin(&format!("name-{number}"), six(number), later);
            assert_eq!(found, Ok(()), "{number}");
        }
        assert_eq!(throttle.lock().failed.len(), COUNTS_MAX);
        throttle.begin("maria", four(1), later).expect("its count has rested the longest");
    }
}
