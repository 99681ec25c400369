//! Goal: show that the audit finds damage of every kind and names its place, and that it counts
//! rightly where there is none (architecture rule 12).
//! Method: a journal is copied, one thing in the copy is changed, and the copy is audited. Where
//! hashes alone would find it, the copy is sealed again, as someone would who wants to hide it:
//! then only what the rows say can give it away.

use crate::support::{ACME, Bench, Random, grant, instant, new_customer, new_grant, provision};
use stipend_core::customer::Entry;
use stipend_core::{Amount, examples};
use stipend_engine::Command;
use stipend_engine::fsck::verify;
use stipend_engine::record::{Header, KIND_HEADER, Record};
use stipend_store::codec::to_bytes;
use stipend_store::{
    CustomerFilter, ImageRow, Page, Reader, Row, Seq, StoreError, SubscriptionFilter,
    SubscriptionRef,
};

/// A copy of a journal with its images.
#[derive(Clone, Debug)]
struct Copy {
    rows: Vec<Row>,
    images: Vec<ImageRow>,
}

impl Reader for Copy {
    fn last(&self) -> Result<Seq, StoreError> {
        Ok(self.rows.last().map_or(0, |row| row.seq))
    }

    fn rows(&self, from: Seq, limit: usize) -> Result<Vec<Row>, StoreError> {
        let rows = self.rows.iter().skip_while(|row| row.seq < from);
        Ok(rows.take(limit).cloned().collect())
    }

    fn row(&self, seq: Seq) -> Result<Option<Row>, StoreError> {
        Ok(self.rows.iter().find(|row| row.seq == seq).cloned())
    }

    fn last_header(&self) -> Result<Seq, StoreError> {
        Ok(self.rows.iter().rfind(|row| row.kind == KIND_HEADER).map_or(0, |row| row.seq))
    }

    fn image_ends(&self) -> Result<Vec<(u32, Seq)>, StoreError> {
        Ok(self.images.iter().map(|image| (image.segment, image.as_of)).collect())
    }

    fn images_from(&self, segment: u32, limit: usize) -> Result<Vec<ImageRow>, StoreError> {
        let images = self.images.iter().filter(|image| image.segment >= segment);
        Ok(images.take(limit).cloned().collect())
    }

    fn find_once(&self, _: u32, _: u16, _: &[u8]) -> Result<Option<Seq>, StoreError> {
        unreachable!("the audit does not ask for it")
    }

    fn recorded_since(&self, _: i64) -> Result<Option<Seq>, StoreError> {
        unreachable!("the audit does not ask for it")
    }

    fn keys_between(&self, _: Seq, _: Seq) -> Result<Vec<([u8; 16], Seq)>, StoreError> {
        unreachable!("the audit does not ask for it")
    }

    fn list_customers(
        &self,
        _: &CustomerFilter,
        _: Page<u32>,
        _: usize,
    ) -> Result<Vec<u32>, StoreError> {
        unreachable!("the audit does not ask for it")
    }

    fn list_subscriptions(
        &self,
        _: &SubscriptionFilter,
        _: Page<u64>,
        _: usize,
    ) -> Result<Vec<SubscriptionRef>, StoreError> {
        unreachable!("the audit does not ask for it")
    }

    fn meta(&self, _: &str) -> Result<Option<Vec<u8>>, StoreError> {
        unreachable!("the audit does not ask for it")
    }
}

impl Copy {
    /// A journal with every kind of row, two segments of customers, and a month that has ended.
    fn of_a_ledger() -> (Self, Bench) {
        let bench = Bench::seeded();
        for n in 0..70 {
            bench.create_customer(&format!("c{n}"));
        }
        bench.done(provision("c69", "sub-69", 1));
        for n in 0..20 {
            bench.consume(ACME, &format!("k{n}"), 100 + n).expect("it overdraws");
            bench.consume("c69", &format!("k{n}"), 5_000).expect("it overdraws");
        }
        bench.done(grant("c69", new_grant(&examples::credits(), 45_000)));
        bench.clock.set(instant("2026-04-01T00:00:00Z"));
        for n in 20..30 {
            bench.consume(ACME, &format!("k{n}"), 100 + n).expect("it overdraws");
        }
        bench.done(Command::CreateCustomer(new_customer("last")));
        let images = bench.engine().reader().images().expect("memory can be read");
        (Self { rows: bench.rows(), images }, bench)
    }

    fn verify(&self) -> Result<(), String> {
        match verify(self, |_| {}) {
            Ok(_) => Ok(()),
            Err(StoreError::Damaged(what)) => Err(what),
            Err(other) => Err(format!("not damaged but {other:?}")),
        }
    }

    /// The place of the n-th row that the test accepts.
    fn place(&self, n: usize, accepts: impl Fn(&Row) -> bool) -> usize {
        let found = self.rows.iter().enumerate().filter(|(_, row)| accepts(row)).nth(n);
        found.expect("the ledger has such rows").0
    }

    /// A consumption in the middle of a chain, which has a pointer of each sort.
    fn consumption(&self) -> usize {
        self.place(3, |row| row.kind == 20 && row.jump > 0 && row.prev != row.life)
    }

    fn number_of(&self, place: usize) -> Seq {
        self.rows[place].seq
    }

    /// Makes numbers and hashes of all batches right again.
    fn seal_again(&mut self) {
        let mut before = [0; 32];
        let mut place = 0;
        while place < self.rows.len() {
            let mut header = header_of(&self.rows[place]);
            let end = place + 1 + header.rows as usize;
            header.before = before;
            header.hash = header.hash_over(&self.rows[place + 1..end]);
            before = header.hash;
            self.rows[place].body = to_bytes(&header);
            place = end;
        }
    }
}

fn header_of(row: &Row) -> Header {
    match Record::decode(row) {
        Ok(Record::Header(header)) => header,
        other => panic!("no header: {other:?}"),
    }
}

/// Damages a copy and checks that the audit says so, with words that name the place.
fn check(what: &str, damage: impl Fn(&mut Copy) -> String) {
    let (mut copy, _bench) = Copy::of_a_ledger();
    let expected = damage(&mut copy);
    let found = copy.verify().expect_err(what);
    assert!(found.contains(&expected), "{what}: expected {expected:?}, found {found:?}");
}

/// The same, with hashes that fit.
fn check_sealed(what: &str, damage: impl Fn(&mut Copy) -> String) {
    check(what, |copy| {
        let expected = damage(copy);
        copy.seal_again();
        expected
    });
}

fn batch_of(copy: &Copy, place: usize) -> String {
    let header = copy.rows[..=place].iter().rfind(|row| row.kind == KIND_HEADER);
    format!("batch {}", header_of(header.expect("batches begin with one")).number)
}

#[test]
fn a_sound_journal_is_counted() {
    let (copy, bench) = Copy::of_a_ledger();
    let mut reports = 0;
    let audit = verify(&copy, |_| reports += 1).expect("it is sound");
    assert_eq!(audit, bench.verify());
    let batches = copy.rows.iter().filter(|row| row.kind == KIND_HEADER).count();
    assert_eq!((audit.batches, reports), (batches as u64, batches));
    assert_eq!((audit.rows, audit.customers, audit.pools), (copy.rows.len() as u64, 72, 2));
    let mut sealed = copy.clone();
    sealed.seal_again();
    assert_eq!(sealed.rows, copy.rows, "the test seals as the engine does");
}

#[test]
fn changed_columns_are_found_by_the_hash_of_their_batch() {
    type Change = fn(&mut Row);
    let changes: [(&str, Change); 12] = [
        ("amount", |row| row.amount += 1),
        ("balance_after", |row| row.balance_after += 1),
        ("prev", |row| row.prev -= 1),
        ("jump", |row| row.jump -= 1),
        ("life", |row| row.life -= 1),
        ("pool_seq", |row| row.pool_seq += 1),
        ("pool", |row| row.pool += 1),
        ("at", |row| row.at += 1),
        ("slot", |row| row.slot += 1),
        ("kind", |row| row.kind = 21),
        ("part", |row| row.part = 1),
        ("key", |row| row.key = Some([1; 16])),
    ];
    for (what, change) in changes {
        check(what, |copy| {
            let place = copy.consumption();
            change(&mut copy.rows[place]);
            format!("{} does not match its hash", batch_of(copy, place))
        });
    }
}

#[test]
fn changed_columns_contradict_their_entry_even_under_fitting_hashes() {
    type Change = fn(&mut Row);
    let changes: [(&str, Change); 8] = [
        ("amount", |row| row.amount += 1),
        ("balance_after", |row| row.balance_after += 1),
        ("prev", |row| row.prev -= 1),
        ("jump", |row| row.jump -= 1),
        ("life", |row| row.life -= 1),
        ("pool_seq", |row| row.pool_seq += 1),
        ("pool", |row| row.pool += 1),
        ("at", |row| row.at += 1),
    ];
    for (what, change) in changes {
        check_sealed(what, |copy| {
            let place = copy.consumption();
            change(&mut copy.rows[place]);
            format!("row {}: its columns contradict its entry", copy.number_of(place))
        });
    }
    check_sealed("kind", |copy| {
        let place = copy.consumption();
        copy.rows[place].kind = 21;
        format!("row {}: it has kind 21 and says something else", copy.number_of(place))
    });
    check_sealed("slot", |copy| {
        let place = copy.consumption();
        copy.rows[place].slot = 9_999;
        format!("row {}: no customer", copy.number_of(place))
    });
}

#[test]
fn any_flipped_byte_of_any_row_is_found() {
    let (copy, _bench) = Copy::of_a_ledger();
    let mut random = Random::new(1);
    for _ in 0..150 {
        let mut copy = copy.clone();
        let place = random.below(copy.rows.len());
        let byte = random.below(copy.rows[place].body.len());
        let bit = 1_u8 << random.below(8);
        copy.rows[place].body[byte] ^= bit;
        let row = copy.number_of(place);
        let found = copy.verify().expect_err("a flipped byte");
        let names_place = found.contains("batch ") || found.contains(&format!("row {row}"));
        assert!(names_place, "bit {bit} of byte {byte} of row {row}: {found}");
    }
}

#[test]
fn a_consumption_that_says_something_else_contradicts_the_images() {
    check_sealed("event id", |copy| {
        let place = copy.place(2, |row| row.kind == 20 && row.slot == 64);
        let Ok(Record::Customer(Entry::Pool(mut entry))) = Record::decode(&copy.rows[place]) else {
            panic!("it is a consumption")
        };
        let stipend_core::customer::Cause::Consumption(consumption) = &mut entry.cause else {
            panic!("it is a consumption")
        };
        consumption.event_id = Some("other".to_owned());
        copy.rows[place].body = to_bytes(&Entry::Pool(entry));
        "the image of customer acme differs from its journal".to_owned()
    });
}

#[test]
fn an_entry_that_breaks_an_invariant_is_named() {
    check_sealed("overdrawn grant", |copy| {
        let place = copy.place(2, |row| row.kind == 20 && row.slot == 64);
        let Ok(Record::Customer(Entry::Pool(mut entry))) = Record::decode(&copy.rows[place]) else {
            panic!("it is a consumption")
        };
        for effect in &mut entry.effects {
            if let stipend_core::customer::Effect::Drawn(draw) = effect {
                draw.amount = Amount::whole(90_000);
            }
        }
        copy.rows[place].body = to_bytes(&Entry::Pool(entry));
        "an entry contradicts an invariant".to_owned()
    });
}

#[test]
fn missing_and_moved_rows_are_found() {
    check("a row is gone", |copy| {
        let place = copy.consumption();
        let row = copy.rows.remove(place);
        format!("row {} is missing", row.seq)
    });
    check("a header is gone", |copy| {
        let place = copy.place(10, |row| row.kind == KIND_HEADER);
        let row = copy.rows.remove(place);
        format!("row {} is missing", row.seq)
    });
    check("the first row is gone", |copy| {
        copy.rows.remove(0);
        "row 1 is missing".to_owned()
    });
    check("two rows have changed places", |copy| {
        let (one, other) = (copy.consumption(), copy.consumption() + 2);
        copy.rows.swap(one, other);
        let seq = copy.rows[one].seq;
        copy.rows[one].seq = copy.rows[other].seq;
        copy.rows[other].seq = seq;
        format!("{} does not match its hash", batch_of(copy, one))
    });
    check_sealed("two rows of a pool have changed places", |copy| {
        let (one, other) = (copy.consumption(), copy.consumption() + 4);
        assert_eq!(copy.rows[one].pool, copy.rows[other].pool);
        copy.rows.swap(one, other);
        let seq = copy.rows[one].seq;
        copy.rows[one].seq = copy.rows[other].seq;
        copy.rows[other].seq = seq;
        format!("row {}", copy.number_of(one))
    });
    check("the last batch is cut", |copy| {
        let header = copy.place(40, |row| row.kind == KIND_HEADER);
        assert!(header_of(&copy.rows[header]).rows > 0);
        copy.rows.truncate(header + 1);
        copy.images.clear();
        format!("{} is cut", batch_of(copy, header))
    });
}

#[test]
fn a_key_that_was_used_twice_is_found() {
    for is_same_meaning in [true, false] {
        check_sealed("duplicate key", |copy| {
            let first = copy.consumption();
            let second = copy.place(9, |row| row.kind == 20 && row.jump > 0);
            assert!(first < second);
            let mut key = copy.rows[first].key;
            if !is_same_meaning {
                key = key.map(|mut key| {
                    key[15] ^= 1;
                    key
                });
            }
            copy.rows[second].key = key;
            format!("row {}: its idempotency key was used", copy.number_of(second))
        });
    }
}

#[test]
fn changed_headers_are_found() {
    type Change = fn(&mut Row, &mut Header);
    let changes: [(&str, Change, &str); 9] = [
        ("hash", |_, header| header.hash[0] ^= 1, "does not match its hash"),
        ("hash before", |_, header| header.before[0] ^= 1, "does not match its hash"),
        ("number", |_, header| header.number += 1, "stands where"),
        ("number in the column", |row, _| row.amount += 1, "stands where"),
        ("fewer rows", |_, header| header.rows -= 1, "does not match its hash"),
        ("instant", |_, header| header.now += 1, "its columns contradict its header"),
        ("instant in the column", |row, _| row.at += 1, "its columns contradict its header"),
        ("both", |row, header| (row.at, header.now) = (7, 7), "does not match its hash"),
        ("replay", |_, header| header.replay_after -= 1, "does not match its hash"),
    ];
    for (what, change, expected) in changes {
        check(what, |copy| {
            let place = copy.place(20, |row| row.kind == KIND_HEADER);
            let mut header = header_of(&copy.rows[place]);
            change(&mut copy.rows[place], &mut header);
            copy.rows[place].body = to_bytes(&header);
            expected.to_owned()
        });
    }
    check_sealed("an instant before the last", |copy| {
        let place = copy.place(20, |row| row.kind == KIND_HEADER);
        let mut header = header_of(&copy.rows[place]);
        header.now -= 86_400_000_000;
        copy.rows[place] = header.to_row(copy.number_of(place));
        format!("{} runs back in time", batch_of(copy, place))
    });
}

#[test]
fn the_last_header_leads_to_the_whole_tail() {
    check_sealed("the tail is said to be shorter than it is", |copy| {
        let place = copy.place(0, |row| row.seq == copy.last_header().expect("it reads memory"));
        let mut header = header_of(&copy.rows[place]);
        header.replay_after = copy.number_of(copy.rows.len() - 1);
        copy.rows[place].body = to_bytes(&header);
        // Images that lag are what such a header would hide.
        copy.images.retain(|image| image.segment != 2);
        "differs from its journal".to_owned()
    });
    check_sealed("the tail is said to begin behind the end", |copy| {
        let place = copy.place(0, |row| row.seq == copy.last_header().expect("it reads memory"));
        let mut header = header_of(&copy.rows[place]);
        header.replay_after = u64::MAX;
        copy.rows[place].body = to_bytes(&header);
        format!("the tail of {} is ahead of the journal", batch_of(copy, place))
    });
}

#[test]
fn images_that_are_not_what_the_journal_folds_to_are_found() {
    check("an image that cannot be read", |copy| {
        copy.images[1].body[0] = 99;
        format!("image of segment {}", copy.images[1].segment)
    });
    check("an image ahead of the journal", |copy| {
        copy.images[1].as_of = copy.number_of(copy.rows.len() - 1) + 1;
        format!("the image of segment {} is ahead of the journal", copy.images[1].segment)
    });
    check("an image of another segment's realm", |copy| {
        copy.images[0].body = to_bytes(&stipend_engine::Realm::default());
        "the image of the realm differs from its journal".to_owned()
    });
    check("an image without its customers", |copy| {
        copy.images[1].body = to_bytes(&Vec::<stipend_engine::Account>::new());
        String::new()
    });
    let (copy, _bench) = Copy::of_a_ledger();
    let mut random = Random::new(2);
    for _ in 0..60 {
        let mut copy = copy.clone();
        let image = random.below(copy.images.len());
        let byte = random.below(copy.images[image].body.len());
        copy.images[image].body[byte] ^= 1 << random.below(8);
        assert!(copy.verify().is_err(), "byte {byte} of image {image}");
    }
}
