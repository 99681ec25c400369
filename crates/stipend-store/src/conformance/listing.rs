//! Lists of customers and subscriptions: every filter, both directions, compared with scans.

use super::Harness;
use super::fixture::{Dice, Subject, customer, subscription};
use crate::contract::{
    CreatedRange, CustomerFilter, CustomerRow, Page, Reader, SubscriptionFilter, SubscriptionRow,
};

/// More than any list of these cases holds.
const ALL: usize = 10_000;

fn in_env(env: u32) -> CustomerFilter {
    CustomerFilter { env, ..CustomerFilter::default() }
}

fn subscriptions_in(env: u32) -> SubscriptionFilter {
    SubscriptionFilter { env, ..SubscriptionFilter::default() }
}

fn customers(reader: &dyn Reader, filter: &CustomerFilter, page: Page<u32>) -> Vec<u32> {
    reader.list_customers(filter, page, ALL).expect("readable")
}

fn subscriptions(reader: &dyn Reader, filter: &SubscriptionFilter, page: Page<u64>) -> Vec<u64> {
    let found = reader.list_subscriptions(filter, page, ALL).expect("readable");
    found.iter().map(|found| found.sid).collect()
}

fn with_customers<'a>(harness: &'a mut dyn Harness, rows: &[CustomerRow]) -> Subject<'a> {
    let mut subject = Subject::new(harness);
    subject.append_with(|batch| batch.customers = rows.to_vec());
    subject
}

fn with_subscriptions<'a>(harness: &'a mut dyn Harness, rows: &[SubscriptionRow]) -> Subject<'a> {
    let mut subject = Subject::new(harness);
    subject.append_with(|batch| batch.subscriptions = rows.to_vec());
    subject
}

/// The order is that of making, whatever the instants say.
pub fn customers_come_newest_first(harness: &mut dyn Harness) {
    let rows =
        [2, 9, 5].map(|slot| CustomerRow { created: 100 - i64::from(slot), ..customer(slot) });
    let subject = with_customers(harness, &rows);
    assert_eq!(customers(&*subject.reader(), &in_env(1), Page::First), [9, 5, 2]);
    let two = subject.reader().list_customers(&in_env(1), Page::First, 2).expect("readable");
    assert_eq!(two, [9, 5]);
    let none = subject.reader().list_customers(&in_env(1), Page::First, 0).expect("readable");
    assert_eq!(none, []);
}

/// Nothing of one environment appears in another.
pub fn customers_are_listed_by_environment(harness: &mut dyn Harness) {
    let rows = [1, 2, 3, 4].map(|slot| CustomerRow { env: slot % 2, ..customer(slot) });
    let subject = with_customers(harness, &rows);
    let reader = subject.reader();
    assert_eq!(customers(&*reader, &in_env(0), Page::First), [4, 2]);
    assert_eq!(customers(&*reader, &in_env(1), Page::First), [3, 1]);
    assert_eq!(customers(&*reader, &in_env(2), Page::First), []);
}

/// The whole name counts, with its case.
pub fn customers_are_found_by_their_exact_name(harness: &mut dyn Harness) {
    let names = [Some("Ada"), Some("ada"), Some("Ada Lovelace"), None, Some(""), Some("Ada")];
    let rows: Vec<CustomerRow> = (1..)
        .zip(names)
        .map(|(slot, name)| CustomerRow { name: name.map(str::to_owned), ..customer(slot) })
        .collect();
    let subject = with_customers(harness, &rows);
    let named = |name: &str| CustomerFilter { name: Some(name.to_owned()), ..in_env(1) };
    let reader = subject.reader();
    assert_eq!(customers(&*reader, &named("Ada"), Page::First), [6, 1]);
    assert_eq!(customers(&*reader, &named("Ada%"), Page::First), []);
    assert_eq!(customers(&*reader, &named(""), Page::First), [5]);
    assert_eq!(customers(&*reader, &CustomerFilter { env: 2, ..named("Ada") }, Page::First), []);
}

/// So does the whole address.
pub fn customers_are_found_by_their_exact_email(harness: &mut dyn Harness) {
    let emails = [Some("a@b.c"), None, Some("a@b.cd"), Some("a@b.c")];
    let rows: Vec<CustomerRow> = (1..)
        .zip(emails)
        .map(|(slot, email)| CustomerRow { email: email.map(str::to_owned), ..customer(slot) })
        .collect();
    let subject = with_customers(harness, &rows);
    let with_email = CustomerFilter { email: Some("a@b.c".to_owned()), ..in_env(1) };
    assert_eq!(customers(&*subject.reader(), &with_email, Page::First), [4, 1]);
    let with_name = CustomerFilter { name: Some("x".to_owned()), ..with_email };
    assert_eq!(customers(&*subject.reader(), &with_name, Page::First), []);
}

/// The range contains its beginning and not its end.
pub fn customers_are_found_by_when_they_were_made(harness: &mut dyn Harness) {
    let subject = with_customers(harness, &[1, 2, 3, 4].map(customer));
    let reader = subject.reader();
    let made = |from, until| {
        let filter = CustomerFilter { created: CreatedRange { from, until }, ..in_env(1) };
        customers(&*reader, &filter, Page::First)
    };
    assert_eq!(made(Some(2), Some(4)), [3, 2]);
    assert_eq!(made(Some(3), None), [4, 3]);
    assert_eq!(made(None, Some(2)), [1]);
    assert_eq!(made(Some(2), Some(2)), []);
    assert_eq!(made(Some(4), Some(1)), []);
    assert_eq!(made(Some(i64::MIN), Some(i64::MAX)), [4, 3, 2, 1]);
}

/// An archived customer is in no list, with any filter.
pub fn archived_customers_are_left_out(harness: &mut dyn Harness) {
    let archived = CustomerRow { archived: Some(0), name: Some("n".to_owned()), ..customer(2) };
    let subject = with_customers(harness, &[customer(1), archived, customer(3)]);
    let reader = subject.reader();
    assert_eq!(customers(&*reader, &in_env(1), Page::First), [3, 1]);
    let named = CustomerFilter { name: Some("n".to_owned()), ..in_env(1) };
    assert_eq!(customers(&*reader, &named, Page::First), []);
}

/// A list shows the last row of a slot, not one before.
pub fn a_replaced_customer_is_listed_as_it_is_now(harness: &mut dyn Harness) {
    let old = CustomerRow { name: Some("old".to_owned()), ..customer(1) };
    let mut subject = with_customers(harness, &[old.clone(), customer(2)]);
    let new = CustomerRow { name: Some("new".to_owned()), ..old.clone() };
    subject.append_with(|batch| batch.customers = vec![new]);
    let named = |name: &str| CustomerFilter { name: Some(name.to_owned()), ..in_env(1) };
    assert_eq!(customers(&*subject.reader(), &named("old"), Page::First), []);
    assert_eq!(customers(&*subject.reader(), &named("new"), Page::First), [1]);
    let archived = CustomerRow { archived: Some(9), ..old.clone() };
    subject.append_with(|batch| batch.customers = vec![archived]);
    assert_eq!(customers(&*subject.reader(), &in_env(1), Page::First), [2]);
    subject.append_with(|batch| batch.customers = vec![old]);
    assert_eq!(customers(&*subject.reader(), &in_env(1), Page::First), [2, 1]);
}

/// Texts are data: quotes, wildcards and every script come through.
pub fn names_of_any_text_are_found(harness: &mut dyn Harness) {
    let names =
        ["O'Neil", "\"; DROP TABLE customer; --", "%_", "Żółć 漢字 🦀", "a\nb", "é", "e\u{301}"];
    let rows: Vec<CustomerRow> = (1..)
        .zip(names)
        .map(|(slot, name)| CustomerRow { name: Some(name.to_owned()), ..customer(slot) })
        .collect();
    let subject = with_customers(harness, &rows);
    for row in &rows {
        let filter = CustomerFilter { name: row.name.clone(), ..in_env(1) };
        assert_eq!(customers(&*subject.reader(), &filter, Page::First), [row.slot], "{row:?}");
    }
}

/// Paging goes on from a customer that has been archived meanwhile.
pub fn a_cursor_need_not_be_listed_itself(harness: &mut dyn Harness) {
    let archived = CustomerRow { archived: Some(0), ..customer(4) };
    let subject = with_customers(harness, &[customer(2), archived, customer(6)]);
    let reader = subject.reader();
    assert_eq!(customers(&*reader, &in_env(1), Page::After(4)), [2]);
    assert_eq!(customers(&*reader, &in_env(1), Page::Before(4)), [6]);
    assert_eq!(customers(&*reader, &in_env(1), Page::After(100)), [6, 2]);
    assert_eq!(customers(&*reader, &in_env(1), Page::Before(0)), [6, 2]);
    assert_eq!(customers(&*reader, &in_env(1), Page::After(0)), []);
    assert_eq!(customers(&*reader, &in_env(1), Page::Before(u32::MAX)), []);
}

/// Walking the pages down and up again passes every row once each way.
fn walk<K: Copy>(limit: usize, mut list: impl FnMut(Page<K>) -> Vec<K>) -> (Vec<K>, Vec<K>) {
    let mut down = Vec::new();
    let mut page = Page::First;
    loop {
        let rows = list(page);
        assert!(rows.len() <= limit);
        down.extend_from_slice(&rows);
        match rows.last() {
            Some(last) => page = Page::After(*last),
            None => break,
        }
    }
    let mut up = Vec::from_iter(down.last().copied());
    while let Some(first) = up.first() {
        let mut rows = list(Page::Before(*first));
        if rows.is_empty() {
            break;
        }
        rows.append(&mut up);
        up = rows;
    }
    (down, up)
}

/// Pages of customers overlap nowhere and leave nothing out.
pub fn customer_pages_meet_in_both_directions(harness: &mut dyn Harness) {
    let rows: Vec<CustomerRow> = (1..=23).map(customer).collect();
    let subject = with_customers(harness, &rows);
    let reader = subject.reader();
    for limit in [1, 2, 7, 22, 23, 24] {
        let list = |page| reader.list_customers(&in_env(1), page, limit).expect("readable");
        let expected: Vec<u32> = (1..=23).rev().collect();
        assert_eq!(walk(limit, list), (expected.clone(), expected), "{limit}");
    }
}

/// Any page with any filter over any customers is what a scan gives.
pub fn customers_agree_with_a_scan(harness: &mut dyn Harness) {
    let mut dice = Dice(11);
    let names = [None, Some("a".to_owned()), Some("b".to_owned())];
    let mut rows: Vec<CustomerRow> = (1..=200)
        .map(|slot| CustomerRow {
            env: dice.below(2),
            name: dice.pick(&names),
            email: dice.pick(&names),
            created: i64::from(dice.below(50)),
            archived: dice.one_in(5).then_some(1),
            ..customer(slot)
        })
        .collect();
    let subject = with_customers(harness, &rows);
    rows.reverse();
    for _ in 0..300 {
        let filter = CustomerFilter {
            env: dice.below(3),
            created: created(&mut dice),
            name: dice.pick(&names),
            email: dice.pick(&names),
        };
        let matching: Vec<u32> = rows
            .iter()
            .filter(|row| row.archived.is_none() && row.env == filter.env)
            .filter(|row| filter.created.from.is_none_or(|from| from <= row.created))
            .filter(|row| filter.created.until.is_none_or(|until| row.created < until))
            .filter(|row| filter.name.is_none() || row.name == filter.name)
            .filter(|row| filter.email.is_none() || row.email == filter.email)
            .map(|row| row.slot)
            .collect();
        let page = page(&mut dice, 210);
        let limit = dice.below(12) as usize;
        let found = subject.reader().list_customers(&filter, page, limit).expect("readable");
        assert_eq!(found, cut(&matching, page, limit), "{filter:?} {page:?} {limit}");
    }
}

fn created(dice: &mut Dice) -> CreatedRange {
    let mut edge = || dice.one_in(2).then(|| i64::from(dice.below(60)) - 5);
    CreatedRange { from: edge(), until: edge() }
}

fn page(dice: &mut Dice, end: u32) -> Page<u32> {
    match dice.below(3) {
        0 => Page::First,
        1 => Page::After(dice.below(end)),
        _ => Page::Before(dice.below(end)),
    }
}

/// The page of a list that comes newest first.
fn cut<K: Copy + Ord>(matching: &[K], page: Page<K>, limit: usize) -> Vec<K> {
    match page {
        Page::First => matching.iter().copied().take(limit).collect(),
        Page::After(key) => matching.iter().copied().filter(|row| *row < key).take(limit).collect(),
        Page::Before(key) => {
            let newer: Vec<K> = matching.iter().copied().filter(|row| *row > key).collect();
            newer[newer.len().saturating_sub(limit)..].to_vec()
        }
    }
}

/// The order is that of making, and each comes with its place in memory.
pub fn subscriptions_come_newest_first(harness: &mut dyn Harness) {
    let rows = [(3, 8), (1, 9), (2, 7)]
        .map(|(sid, slot)| SubscriptionRow { number: slot + 100, ..subscription(sid, slot) });
    let subject = with_subscriptions(harness, &rows);
    let found = subject.reader().list_subscriptions(&subscriptions_in(1), Page::First, ALL);
    let found = found.expect("readable");
    let places: Vec<(u64, u32, u32)> =
        found.iter().map(|found| (found.sid, found.slot, found.number)).collect();
    assert_eq!(places, [(3, 8, 108), (2, 7, 107), (1, 9, 109)]);
}

/// A customer's subscriptions are its own.
pub fn subscriptions_are_found_by_their_customer(harness: &mut dyn Harness) {
    let rows = [(1, 8), (2, 9), (3, 8)].map(|(sid, slot)| subscription(sid, slot));
    let subject = with_subscriptions(harness, &rows);
    let of = |slot| SubscriptionFilter { slot: Some(slot), ..subscriptions_in(1) };
    assert_eq!(subscriptions(&*subject.reader(), &of(8), Page::First), [3, 1]);
    assert_eq!(subscriptions(&*subject.reader(), &of(10), Page::First), []);
    let elsewhere = SubscriptionFilter { env: 2, ..of(8) };
    assert_eq!(subscriptions(&*subject.reader(), &elsewhere, Page::First), []);
}

/// Plan and resource restrict together.
pub fn subscriptions_are_found_by_plan_and_resource(harness: &mut dyn Harness) {
    let places = [("basic", None), ("pro", Some("r1")), ("pro", None), ("pro", Some("r2"))];
    let rows: Vec<SubscriptionRow> = (1..)
        .zip(places)
        .map(|(sid, (plan, resource))| SubscriptionRow {
            plan: plan.to_owned(),
            resource: resource.map(str::to_owned),
            ..subscription(sid, 1)
        })
        .collect();
    let subject = with_subscriptions(harness, &rows);
    let pro = SubscriptionFilter { plan: Some("pro".to_owned()), ..subscriptions_in(1) };
    assert_eq!(subscriptions(&*subject.reader(), &pro, Page::First), [4, 3, 2]);
    let one = SubscriptionFilter { resource: Some("r1".to_owned()), ..pro };
    assert_eq!(subscriptions(&*subject.reader(), &one, Page::First), [2]);
    let other = SubscriptionFilter { plan: Some("basic".to_owned()), ..one };
    assert_eq!(subscriptions(&*subject.reader(), &other, Page::First), []);
}

/// A list of values means any of them, an empty one all.
pub fn subscriptions_are_found_by_any_of_several_statuses(harness: &mut dyn Harness) {
    let states = [("FREE", "ACTIVE"), ("PAID", "CANCELED"), ("PAID", "ACTIVE"), ("CUSTOM", "X")];
    let rows: Vec<SubscriptionRow> = (1..)
        .zip(states)
        .map(|(sid, (pricing, status))| SubscriptionRow {
            pricing: pricing.to_owned(),
            status: status.to_owned(),
            ..subscription(sid, 1)
        })
        .collect();
    let subject = with_subscriptions(harness, &rows);
    let reader = subject.reader();
    let found = |pricing: &[&str], status: &[&str]| {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        let (pricing, status) = (texts(pricing), texts(status));
        let filter = SubscriptionFilter { pricing, status, ..subscriptions_in(1) };
        subscriptions(&*reader, &filter, Page::First)
    };
    assert_eq!(found(&[], &["ACTIVE", "X"]), [4, 3, 1]);
    assert_eq!(found(&["PAID", "FREE"], &["ACTIVE"]), [3, 1]);
    assert_eq!(found(&["PAID"], &[]), [3, 2]);
    assert_eq!(found(&["paid"], &[]), []);
    assert_eq!(found(&["PAID", "PAID"], &["ACTIVE", "ACTIVE"]), [3]);
}

/// A list shows the last row of a subscription, not one before.
pub fn a_replaced_subscription_is_listed_as_it_is_now(harness: &mut dyn Harness) {
    let mut subject = with_subscriptions(harness, &[subscription(1, 1), subscription(2, 1)]);
    let canceled = SubscriptionRow { status: "CANCELED".to_owned(), ..subscription(1, 1) };
    subject.append_with(|batch| batch.subscriptions = vec![canceled]);
    let with = |status: &str| SubscriptionFilter {
        status: vec![status.to_owned()],
        ..subscriptions_in(1)
    };
    assert_eq!(subscriptions(&*subject.reader(), &with("ACTIVE"), Page::First), [2]);
    assert_eq!(subscriptions(&*subject.reader(), &with("CANCELED"), Page::First), [1]);
}

fn in_environment((sid, env): (u64, u32)) -> SubscriptionRow {
    SubscriptionRow { env, ..subscription(sid, 1) }
}

/// Pages of subscriptions overlap nowhere and leave nothing out.
pub fn subscription_pages_meet_in_both_directions(harness: &mut dyn Harness) {
    let rows: Vec<SubscriptionRow> =
        (1..=40).zip([1, 0].into_iter().cycle()).map(in_environment).collect();
    let subject = with_subscriptions(harness, &rows);
    let reader = subject.reader();
    for limit in [1, 3, 19, 20, 21] {
        let list = |page| {
            let found = reader.list_subscriptions(&subscriptions_in(1), page, limit);
            found.expect("readable").iter().map(|found| found.sid).collect()
        };
        let expected: Vec<u64> = (1..=40).rev().filter(|sid| sid % 2 == 1).collect();
        assert_eq!(walk(limit, list), (expected.clone(), expected), "{limit}");
    }
}

/// Any page with any filter over any subscriptions is what a scan gives.
pub fn subscriptions_agree_with_a_scan(harness: &mut dyn Harness) {
    let mut dice = Dice(13);
    let texts = ["a", "b", "c"].map(str::to_owned);
    let resources = [None, Some("a".to_owned()), Some("b".to_owned())];
    let mut rows: Vec<SubscriptionRow> = (1..=200)
        .map(|sid| SubscriptionRow {
            env: dice.below(2),
            plan: dice.pick(&texts),
            resource: dice.pick(&resources),
            pricing: dice.pick(&texts),
            status: dice.pick(&texts),
            created: i64::from(dice.below(50)),
            ..subscription(sid, dice.below(4))
        })
        .collect();
    let subject = with_subscriptions(harness, &rows);
    rows.reverse();
    for _ in 0..300 {
        let filter = random_filter(&mut dice, &texts, &resources);
        let matching: Vec<u64> =
            rows.iter().filter(|row| matches(row, &filter)).map(|row| row.sid).collect();
        let page = match page(&mut dice, 210) {
            Page::First => Page::First,
            Page::After(key) => Page::After(u64::from(key)),
            Page::Before(key) => Page::Before(u64::from(key)),
        };
        let limit = dice.below(12) as usize;
        let found = subject.reader().list_subscriptions(&filter, page, limit).expect("readable");
        let found: Vec<u64> = found.iter().map(|found| found.sid).collect();
        assert_eq!(found, cut(&matching, page, limit), "{filter:?} {page:?} {limit}");
    }
}

fn random_filter(
    dice: &mut Dice,
    texts: &[String],
    resources: &[Option<String>],
) -> SubscriptionFilter {
    let some = |dice: &mut Dice| (0..dice.below(3)).map(|_| dice.pick(texts)).collect();
    SubscriptionFilter {
        env: dice.below(2),
        created: created(dice),
        slot: dice.one_in(2).then(|| dice.below(4)),
        plan: dice.one_in(2).then(|| dice.pick(texts)),
        resource: dice.pick(resources),
        pricing: some(dice),
        status: some(dice),
    }
}

fn matches(row: &SubscriptionRow, filter: &SubscriptionFilter) -> bool {
    let listed = |list: &[String], text| list.is_empty() || list.contains(text);
    row.env == filter.env
        && filter.created.from.is_none_or(|from| from <= row.created)
        && filter.created.until.is_none_or(|until| row.created < until)
        && filter.slot.is_none_or(|slot| slot == row.slot)
        && filter.plan.as_ref().is_none_or(|plan| *plan == row.plan)
        && (filter.resource.is_none() || filter.resource == row.resource)
        && listed(&filter.pricing, &row.pricing)
        && listed(&filter.status, &row.status)
}
