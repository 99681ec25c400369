//! What every keeper of roll-ups does: see [`crate::rolls`].

use crate::rolls::{Roll, RollHead, Rolls};

fn roll(pool: u64, after: u64, upto: u64) -> Roll {
    let mark = [u8::try_from(upto % 251).unwrap_or(0); 32];
    let head = RollHead { pool, after, upto, number: upto / 2, mark, first: -3, last: 1 << 40 };
    Roll { head, body: vec![0, 255, mark[0]] }
}

/// Passes where the keeper, which has nothing yet, does what the contract says.
///
/// # Panics
/// Where it does not.
pub fn roll_ups_are_chains_of_their_pools(rolls: &dyn Rolls) {
    let heads = |pool| rolls.heads(pool).expect("they can be read");
    let add = |roll: &Roll| rolls.add(roll).expect("there is room");
    assert_eq!((heads(7), rolls.pools().expect("they can be read")), (Vec::new(), Vec::new()));
    let (first, second, other) = (roll(7, 0, 10), roll(7, 10, 25), roll(1 << 47, 0, 11));
    assert!(!add(&second), "it begins behind nothing");
    for whole in [&first, &second, &other] {
        assert!(add(whole));
        assert!(!add(whole), "it was added");
    }
    for misplaced in [roll(7, 0, 30), roll(7, 10, 30), roll(7, 24, 30), roll(7, 25, 25)] {
        assert!(!add(&misplaced), "{misplaced:?}");
    }
    assert_eq!(heads(7), [first.head.clone(), second.head.clone()]);
    assert_eq!(rolls.pools().expect("they can be read"), [7, 1 << 47]);
    for whole in [&first, &second, &other] {
        let body = rolls.body(whole.head.pool, whole.head.upto).expect("it can be read");
        assert_eq!(body.as_ref(), Some(&whole.body));
    }
    assert_eq!(rolls.body(7, 11).expect("it can be read"), None);
    rolls.forget(7).expect("it can be written");
    assert_eq!(heads(7), Vec::new());
    assert_eq!(rolls.pools().expect("they can be read"), [1 << 47]);
    assert!(add(&roll(7, 0, 5)), "a chain that was dropped begins anew");
}
