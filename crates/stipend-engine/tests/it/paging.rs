//! Goal: show that a page of the ledger is what a scan of the whole journal gives, that pages
//! neither repeat nor miss an event while others append, and that a page reads few rows (E9).
//! Method: random histories of several pools; the scan decodes every row and sorts.

use crate::support::{
    ACME, Bench, Random, consume, customer_id, grant, instant, item_of, new_grant, outcome,
};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use stipend_core::catalog::CatalogCommand;
use stipend_core::customer::{
    ConsumeRequest, CustomerCommand, Entry, NewGrant, ReleaseRequest, ReserveRequest,
};
use stipend_core::{Amount, CurrencyId, GrantNo, PoolId, examples};
use stipend_engine::ledger::{
    Cursor, EventType, LedgerEvent, LedgerPage, LedgerQuery, ended_reservations, events_of,
    ledger_page_within, reservations_ended_after,
};
use stipend_engine::limits::LEDGER_ROWS_MAX;
use stipend_engine::past::{EndedRecord, ended_records, find_ended};
use stipend_engine::record::Record;
use stipend_engine::{Account, Command, PRODUCTION, Refusal};
use stipend_store::{
    CustomerFilter, ImageRow, Page, Reader, Row, Seq, StoreError, SubscriptionFilter,
    SubscriptionRef,
};

const TYPES: [EventType; 9] = [
    EventType::Granted,
    EventType::Expired,
    EventType::Consumed,
    EventType::Voided,
    EventType::TransferSource,
    EventType::TransferTarget,
    EventType::Reserved,
    EventType::ReservationReleased,
    EventType::ReservationExpired,
];
const POOLS: usize = 4;

struct History {
    bench: Bench,
    random: Random,
    keys: usize,
    day: i64,
}

fn currency(pool: usize) -> CurrencyId {
    if pool == 0 { examples::credits() } else { crate::support::currency_id(&format!("t{pool}")) }
}

fn customer(command: CustomerCommand) -> Command {
    Command::Customer(customer_id(ACME), command)
}

impl History {
    /// A history of about so many rows; the first pool is the subscription's.
    fn new(seed: u64, rows: usize) -> Self {
        let bench = Bench::seeded();
        for pool in 1..POOLS {
            let credit_type = examples::new_credit_type(currency(pool));
            bench.done(Command::Catalog(CatalogCommand::CreateCreditType(credit_type)));
        }
        let mut history = Self { bench, random: Random::new(seed), keys: 0, day: 0 };
        let end = history.bench.engine().last_position() + rows as u64;
        while history.bench.engine().last_position() < end {
            history.append(24);
        }
        history
    }

    /// Appends the effects of so many random commands, and sometimes lets days go by.
    fn append(&mut self, commands: usize) {
        if self.random.below(4) == 0 {
            self.day += 1 + i64::try_from(self.random.below(9)).expect("small");
            self.bench.clock.set(examples::START.plus_seconds(self.day * 86_400));
        }
        let waiting: Vec<_> = (0..commands)
            .map(|_| {
                let command = self.command();
                self.bench.submit(command)
            })
            .collect();
        for waiting in waiting {
            // A grant may have ended before it is voided.
            let answer = outcome(waiting);
            // Reservations may find too little, or have ended.
            let is_expected =
                matches!(answer, Ok(_) | Err(Refusal::GrantNotFound | Refusal::Customer(_)));
            assert!(is_expected, "{answer:?}");
        }
    }

    fn command(&mut self) -> Command {
        // Low numbers are likelier, so that the pools differ in length.
        let pool = self.random.below(POOLS).min(self.random.below(POOLS));
        let credits = Amount::whole(1 + i64::try_from(self.random.below(40)).expect("small"));
        match self.random.below(10) {
            0 => {
                let days = 1 + i64::try_from(self.random.below(20)).expect("small");
                let now = examples::START.plus_seconds(self.day * 86_400);
                let expires_at =
                    (self.random.below(2) == 0).then(|| now.plus_seconds(days * 86_400));
                let new = NewGrant { amount: credits, expires_at, ..new_grant(&currency(pool), 1) };
                grant(ACME, new)
            }
            1 => {
                let account = self.account();
                let grants = account.customer.pools.iter().flat_map(|pool| &pool.live);
                let mut numbers: Vec<_> = grants.map(|grant| grant.no).collect();
                numbers.push(GrantNo(1));
                Command::VoidGrant(account.customer.slot, self.random.pick(&numbers))
            }
            2 => {
                self.keys += 1;
                let request = examples::reservation(&format!("r{}", self.keys), credits);
                let request = ReserveRequest { currency: currency(pool), ..request };
                customer(CustomerCommand::Reserve(request))
            }
            3 => {
                let pools = self.account().customer.pools.clone();
                let holds = pools.iter().flat_map(|pool| pool.holds.iter().map(move |h| (pool, h)));
                let holds: Vec<_> = holds.collect();
                let Some((pool, hold)) = holds.get(self.random.below(holds.len().max(1))) else {
                    return consume(ACME, "none", 1);
                };
                customer(CustomerCommand::Release(ReleaseRequest {
                    currency: pool.currency.clone(),
                    resource: None,
                    id: hold.id.clone(),
                    consumed: credits,
                    is_known: false,
                }))
            }
            _ => {
                self.keys += 1;
                let request = examples::consumption(credits);
                let request = ConsumeRequest { currency: currency(pool), ..request };
                Command::Consume(vec![item_of(ACME, &format!("k{}", self.keys), request)])
            }
        }
    }

    fn account(&self) -> Arc<Account> {
        let found = self.bench.engine().find_customer(PRODUCTION, &customer_id(ACME));
        found.expect("it exists")
    }

    /// All events of the pools that are of the types, newest first, by decoding every row.
    fn scan(&self, pools: &[PoolId], types: Option<&BTreeSet<EventType>>) -> Vec<LedgerEvent> {
        let mut events = Vec::new();
        for row in self.bench.rows() {
            let decoded = Record::decode_signed(&row);
            let Ok((Record::Customer(Entry::Pool(entry)), by)) = decoded else { continue };
            let of_row = events_of(row.seq, &entry).into_iter();
            let of_row: Vec<_> =
                of_row.map(|event| LedgerEvent { by: by.clone(), ..event }).collect();
            let sum: Amount = of_row.iter().map(|event| event.amount).sum();
            assert_eq!(sum.nano(), row.amount, "the events of a row add up to it");
            if pools.contains(&entry.pool) {
                events.extend(of_row);
            }
        }
        events.retain(|event| types.is_none_or(|types| types.contains(&event.event_type)));
        events.sort_by_key(|event| std::cmp::Reverse(event.cursor));
        events
    }

    fn page(&self, ask: &Ask, page: Page<Cursor>, limit: usize) -> (LedgerPage, usize) {
        self.page_within(ask, page, limit, LEDGER_ROWS_MAX)
    }

    fn page_within(
        &self,
        ask: &Ask,
        page: Page<Cursor>,
        limit: usize,
        rows_max: usize,
    ) -> (LedgerPage, usize) {
        let account = self.account();
        let reader = Counting { inner: self.bench.engine().reader(), rows: AtomicUsize::new(0) };
        let all = account.customer.pools.iter().map(|pool| pool.id).zip(&account.chains);
        let pools = all.filter(|(pool, _)| ask.pools.contains(pool)).collect();
        let query = LedgerQuery {
            pools,
            types: ask.types.clone(),
            reservation: None,
            not_before: 0,
            page,
            limit,
        };
        let page = ledger_page_within(&reader, &query, rows_max).expect("memory can be read");
        assert!(page.events.len() <= limit);
        (page, reader.rows.into_inner())
    }

    fn ask(&mut self) -> Ask {
        let account = self.account();
        let mut pools: Vec<PoolId> = account.customer.pools.iter().map(|pool| pool.id).collect();
        if self.random.below(3) > 0 {
            let kept = self.random.pick(&pools);
            pools.retain(|pool| *pool == kept || self.random.below(2) == 0);
        }
        let mut types: BTreeSet<EventType> = BTreeSet::new();
        for event_type in TYPES {
            if self.random.below(3) == 0 {
                types.insert(event_type);
            }
        }
        Ask { pools, types: Some(types).filter(|types| !types.is_empty()) }
    }
}

/// What is asked for, apart from the page.
struct Ask {
    pools: Vec<PoolId>,
    types: Option<BTreeSet<EventType>>,
}

/// A reader that counts the rows it is asked for.
#[derive(Debug)]
struct Counting<'a> {
    inner: &'a dyn Reader,
    rows: AtomicUsize,
}

impl Reader for Counting<'_> {
    fn row(&self, seq: Seq) -> Result<Option<Row>, StoreError> {
        self.rows.fetch_add(1, Ordering::Relaxed);
        self.inner.row(seq)
    }

    fn rows(&self, from: Seq, limit: usize) -> Result<Vec<Row>, StoreError> {
        let rows = self.inner.rows(from, limit)?;
        self.rows.fetch_add(rows.len(), Ordering::Relaxed);
        Ok(rows)
    }

    fn last(&self) -> Result<Seq, StoreError> {
        self.inner.last()
    }

    fn last_header(&self) -> Result<Seq, StoreError> {
        self.inner.last_header()
    }

    fn image_ends(&self) -> Result<Vec<(u32, Seq)>, StoreError> {
        self.inner.image_ends()
    }

    fn images_from(&self, segment: u32, limit: usize) -> Result<Vec<ImageRow>, StoreError> {
        self.inner.images_from(segment, limit)
    }

    fn find_once(&self, env: u32, scope: u16, key: &[u8]) -> Result<Option<Seq>, StoreError> {
        self.inner.find_once(env, scope, key)
    }

    fn recorded_since(&self, at: i64) -> Result<Option<Seq>, StoreError> {
        self.inner.recorded_since(at)
    }

    fn keys_between(&self, from: Seq, until: Seq) -> Result<Vec<([u8; 16], Seq)>, StoreError> {
        self.inner.keys_between(from, until)
    }

    fn list_customers(
        &self,
        filter: &CustomerFilter,
        page: Page<u32>,
        limit: usize,
    ) -> Result<Vec<u32>, StoreError> {
        self.inner.list_customers(filter, page, limit)
    }

    fn list_subscriptions(
        &self,
        filter: &SubscriptionFilter,
        page: Page<u64>,
        limit: usize,
    ) -> Result<Vec<SubscriptionRef>, StoreError> {
        self.inner.list_subscriptions(filter, page, limit)
    }

    fn meta(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.meta(name)
    }
}

/// Checks the pages that begin at that place of the scan, in both directions.
fn check_around(history: &History, ask: &Ask, scan: &[LedgerEvent], place: usize, limit: usize) {
    let cursor = scan[place].cursor;
    let (page, _) = history.page(ask, Page::After(cursor), limit);
    let older = &scan[place + 1..];
    assert_eq!(page.events, older[..limit.min(older.len())], "after {cursor:?}");
    assert_eq!((page.has_older, page.has_newer), (older.len() > limit, true));
    let (page, _) = history.page(ask, Page::Before(cursor), limit);
    assert_eq!(page.events, scan[place.saturating_sub(limit)..place], "before {cursor:?}");
    assert_eq!((page.has_older, page.has_newer), (true, place > limit));
}

#[test]
fn any_page_is_what_a_scan_gives() {
    for (seed, rows) in [(1, 0), (2, 40), (3, 400), (4, 2_000)] {
        let mut history = History::new(seed, rows);
        for _ in 0..25 {
            let ask = history.ask();
            let limit = 1 + history.random.below(7);
            let scan = history.scan(&ask.pools, ask.types.as_ref());
            let (first, _) = history.page(&ask, Page::First, limit);
            assert_eq!(first.events, scan[..limit.min(scan.len())]);
            assert_eq!((first.has_older, first.has_newer), (scan.len() > limit, false));
            for _ in 0..6.min(scan.len()) {
                let place = history.random.below(scan.len());
                check_around(&history, &ask, &scan, place, limit);
            }
            if let Some(last) = scan.len().checked_sub(1) {
                check_around(&history, &ask, &scan, last, limit);
            }
        }
    }
}

#[test]
fn a_cursor_of_an_event_that_the_filter_hides_works_too() {
    let mut history = History::new(5, 300);
    for _ in 0..60 {
        let ask = history.ask();
        let limit = 1 + history.random.below(7);
        let scan = history.scan(&ask.pools, ask.types.as_ref());
        let everything = history
            .scan(&history.account().customer.pools.iter().map(|p| p.id).collect::<Vec<_>>(), None);
        let cursor = everything[history.random.below(everything.len())].cursor;
        let older: Vec<_> = scan.iter().filter(|event| event.cursor < cursor).take(limit).collect();
        let (page, _) = history.page(&ask, Page::After(cursor), limit);
        assert_eq!(page.events.iter().collect::<Vec<_>>(), older, "after {cursor:?}");
        let newer = scan.iter().rev().filter(|event| event.cursor > cursor).take(limit);
        let mut newer: Vec<_> = newer.collect();
        newer.reverse();
        let (page, _) = history.page(&ask, Page::Before(cursor), limit);
        assert_eq!(page.events.iter().collect::<Vec<_>>(), newer, "before {cursor:?}");
    }
}

#[test]
fn pages_neither_repeat_nor_miss_an_event_while_others_append() {
    let mut in_sight = 0;
    for seed in 20..24 {
        let mut history = History::new(seed, 120);
        let ask = history.ask();
        let limit = 1 + history.random.below(7);
        let before = history.scan(&ask.pools, ask.types.as_ref());
        let mut seen = Vec::new();
        let mut page = Page::First;
        loop {
            let (found, _) = history.page(&ask, page, limit);
            seen.extend(found.events);
            let Some(last) = seen.last().filter(|_| found.has_older) else { break };
            page = Page::After(last.cursor);
            history.append(2);
        }
        assert_eq!(seen, before, "towards older ones, seed {seed}");

        let Some(oldest) = seen.last().cloned() else { continue };
        let mut back = vec![oldest];
        for _ in 0..200 {
            let newest = back.last().expect("it begins with one").cursor;
            let (found, _) = history.page(&ask, Page::Before(newest), limit);
            back.extend(found.events.into_iter().rev());
            if history.random.below(3) == 0 {
                history.append(1);
            }
        }
        back.reverse();
        let all = history.scan(&ask.pools, ask.types.as_ref());
        let reached = all.len() - back.len();
        assert_eq!(back, all[reached..], "towards newer ones, seed {seed}");
        in_sight += usize::from(back.len() > before.len());
    }
    assert!(in_sight > 1, "new ones came into sight");
}

/// What a page may read of each pool: the rows that it may show, again where a window had to be
/// widened, and three ways by skip pointers, each at most twice the logarithm of the pool's rows
/// and a little.
fn rows_bound(limit: usize, lengths: &[u64]) -> usize {
    let ways = lengths.iter().map(|length| {
        let bits = length.max(&1).ilog2() as usize + 1;
        4 * (limit + 1) + 3 * (2 * bits + 3)
    });
    ways.sum::<usize>()
}

#[test]
fn a_page_reads_few_rows_wherever_it_lies() {
    let mut history = History::new(7, 4_000);
    let account = history.account();
    let pools: Vec<(PoolId, u64)> =
        account.customer.pools.iter().map(|pool| (pool.id, pool.seq)).collect();
    let longest = *pools.iter().max_by_key(|(_, length)| *length).expect("there are pools");
    assert!(longest.1 > 1_000, "{longest:?}");
    for pools in [vec![longest], pools] {
        let (ids, lengths): (Vec<_>, Vec<_>) = pools.into_iter().unzip();
        let scan = history.scan(&ids, None);
        let ask = Ask { pools: ids, types: None };
        for _ in 0..300 {
            let limit = 1 + history.random.below(20);
            let cursor = scan[history.random.below(scan.len())].cursor;
            for page in [Page::First, Page::After(cursor), Page::Before(cursor)] {
                let (_, rows) = history.page(&ask, page, limit);
                let bound = rows_bound(limit, &lengths);
                assert!(rows <= bound, "{rows} rows for {limit} events of {lengths:?}, {page:?}");
            }
        }
    }
}

/// The newest page and all older ones, or the oldest and all newer ones, of at most `rows_max` rows
/// each; how many rows the longest way to one took is added to what may be read.
fn all_pages(
    history: &History,
    ask: &Ask,
    begin: Page<Cursor>,
    (limit, rows_max, ways): (usize, usize, usize),
) -> Vec<LedgerEvent> {
    let (mut all, mut page) = (Vec::new(), begin);
    loop {
        let (found, rows) = history.page_within(ask, page, limit, rows_max);
        assert!(rows <= rows_max + ways, "{rows} rows of {rows_max} and {ways}, {page:?}");
        let end = |event: Option<&LedgerEvent>| event.map(|event| event.cursor);
        let (has_more, next) = match page {
            Page::First | Page::After(_) => (found.has_older, end(found.events.last())),
            Page::Before(_) => (found.has_newer, end(found.events.first())),
        };
        let is_upwards = matches!(page, Page::Before(_));
        let events = found.events.into_iter();
        if is_upwards {
            all.extend(events.rev());
        } else {
            all.extend(events);
        }
        if !has_more {
            return all;
        }
        let next = found.stopped_at.or(next).expect("a page that is not the last leads on");
        page = if is_upwards { Page::Before(next) } else { Page::After(next) };
    }
}

#[test]
fn what_is_rare_is_found_in_pages_that_read_no_more_than_they_may() {
    for seed in 30..36 {
        let mut history = History::new(seed, 600);
        let mut ask = history.ask();
        ask.types = Some(BTreeSet::from([history.random.pick(&TYPES)]));
        let scan = history.scan(&ask.pools, ask.types.as_ref());
        let lengths = vec![1_000; ask.pools.len()];
        // The way to each pool, and what a window that did not fit had read of one more row.
        let ways = 2 * rows_bound(0, &lengths);
        for rows_max in [8, 40, 200] {
            let bounds = (1 + history.random.below(5), rows_max, ways);
            let all = all_pages(&history, &ask, Page::First, bounds);
            assert_eq!(all, scan, "towards older ones, seed {seed}, {rows_max} rows");
            let below = Cursor { seq: 0, index: 0 };
            let mut all = all_pages(&history, &ask, Page::Before(below), bounds);
            all.reverse();
            assert_eq!(all, scan, "towards newer ones, seed {seed}, {rows_max} rows");
        }
    }
}

#[test]
fn a_page_of_what_never_was_reads_a_part_of_the_pool_and_says_so() {
    let bench = Bench::seeded();
    let items = |batch: usize| {
        (0..500).map(move |n| crate::support::item(ACME, &format!("k{batch}-{n}"), 1)).collect()
    };
    for batch in 0..6 {
        bench.done(Command::Consume(items(batch)));
    }
    let history = History { bench, random: Random::new(0), keys: 0, day: 0 };
    let pools = vec![history.account().customer.pools[0].id];
    let types = Some(BTreeSet::from([EventType::Reserved]));
    let ask = Ask { pools, types };
    let (page, rows) = history.page_within(&ask, Page::First, 10, 500);
    assert_eq!((page.events.len(), page.has_older, rows), (0, true, 500));
    assert!(page.stopped_at.is_some(), "it does not say that there is nothing more");
    assert_eq!(all_pages(&history, &ask, Page::First, (10, 500, 30)), []);
    assert_eq!(all_pages(&history, &ask, Page::First, (10, 5_000, 30)), []);
}

#[test]
fn a_filter_without_consumption_does_not_read_it() {
    let bench = Bench::seeded();
    let rows = 3_000;
    let waiting: Vec<_> = (0..rows)
        .map(|n| bench.submit(crate::support::consume(ACME, &format!("k{n}"), 1)))
        .collect();
    for waiting in waiting {
        outcome(waiting).expect("there is enough");
    }
    bench.clock.set(instant("2026-04-01T00:00:00Z"));
    let slot = bench.engine().find_customer(PRODUCTION, &customer_id(ACME)).unwrap().customer.slot;
    bench.done(Command::CatchUp(slot));
    bench.consume(ACME, "last", 1).expect("there is enough");
    let history = History { bench, random: Random::new(0), keys: 0, day: 31 };
    let pools = vec![history.account().customer.pools[0].id];
    let types = Some(BTreeSet::from([EventType::Granted, EventType::Expired]));
    let ask = Ask { pools, types };
    let (page, rows) = history.page(&ask, Page::First, 10);
    assert_eq!(page.events.len(), 6, "two grants of March, their ends, two grants of April");
    assert!(rows <= 4, "{rows} rows were read");
}

fn number_of(record: &EndedRecord) -> GrantNo {
    match record {
        EndedRecord::Grant(grant) => grant.no,
        EndedRecord::Overdraft(overdraft, _) => overdraft.no,
    }
}

#[test]
fn ended_grants_are_looked_for_among_so_many_rows_and_it_is_said_from_where_on_that_is_all() {
    let history = History::new(9, 1_500);
    let account = history.account();
    let reader = history.bench.engine().reader();
    for chain in &account.chains {
        let (all, first) = ended_records(reader, chain, usize::MAX).expect("memory can be read");
        assert_eq!(first, None, "it was read to its end");
        for rows_max in [0, 1, 10, 60] {
            let counting = Counting { inner: reader, rows: AtomicUsize::new(0) };
            let (some, first) = ended_records(&counting, chain, rows_max).expect("it can be read");
            assert!(counting.rows.into_inner() <= rows_max);
            let Some(first) = first else {
                assert_eq!(some, all);
                continue;
            };
            let is_recent = |record: &&EndedRecord| number_of(record) >= first;
            let recent: Vec<_> = all.iter().filter(is_recent).collect();
            assert_eq!(some.iter().filter(is_recent).collect::<Vec<_>>(), recent);
        }
        for record in &all {
            let no = number_of(record);
            let mut rows = 10_000;
            let found = find_ended(reader, chain, no, &mut rows).expect("memory can be read");
            assert_eq!(found.as_ref(), Some(record));
            let read = 10_000 - rows;
            rows = read - 1;
            let found = find_ended(reader, chain, no, &mut rows).expect("memory can be read");
            assert_eq!((found, rows), (None, 0), "it stands in the row that was not read");
        }
    }
}

#[test]
fn reservations_that_have_ended_are_the_same_from_both_ends() {
    let history = History::new(12, 1_500);
    let account = history.account();
    let chains: Vec<_> = account.chains.iter().collect();
    let reader = history.bench.engine().reader();
    let everywhere = (0, Seq::MAX);
    let all = ended_reservations(reader, &chains, everywhere, usize::MAX, usize::MAX);
    let (mut all, _) = all.expect("memory can be read");
    all.reverse();
    assert!(all.len() > 20, "{}", all.len());
    for (wanted, rows) in [(1, 8), (3, 40), (7, 10_000)] {
        let (mut seen, mut after) = (Vec::new(), Some(0));
        while let Some(position) = after {
            let found = reservations_ended_after(reader, &chains, position, wanted, rows);
            let (found, reached) = found.expect("memory can be read");
            assert!(found.len() <= wanted && reached.is_none_or(|reached| reached > position));
            seen.extend(found);
            after = reached;
        }
        assert_eq!(seen, all, "{wanted} of {rows} rows");
    }
}
