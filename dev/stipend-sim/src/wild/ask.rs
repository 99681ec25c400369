//! What is asked in wild lives: any command with any argument.

use super::{ADDONS, DAY, Life, PLANS};
use crate::prng::Prng;
use crate::shop::{calls, package, seats};
use stipend_core::catalog::{FeatureTerms, TrialEnd};
use stipend_core::customer::{
    BillingPeriod, CancelTime, CreditOverride, CustomerCommand, Entry, ExtendRequest,
    FeatureQuantity, GrantKind, HoldTerm, NewGrant, NewPromotion, PoolEntry, PromotionPeriod,
    ProvisionRequest, ReleaseRequest, ReserveRequest, ReverseRequest, Schedule,
    SubscriptionCommand, SubscriptionPatch, TrialRequest, UsageRequest,
};
use stipend_core::{
    Amount, Cadence, GrantNo, ReservationId, ResourceId, SubscriptionId, SubscriptionNo, Timestamp,
    examples,
};

pub(super) fn command(prng: &mut Prng, life: &Life) -> CustomerCommand {
    let count = life.customer.subscriptions.len().max(1) as u64;
    let number = SubscriptionNo(u32::try_from(prng.below(count)).unwrap_or(0));
    if life.customer.subscriptions.is_empty() {
        return provision(prng, life);
    }
    match prng.below(28) {
        0..=4 => CustomerCommand::Consume(examples::consumption(Amount::whole(
            i64::try_from(1 + prng.below(80)).unwrap_or(1),
        ))),
        5 | 6 => grant(prng, life),
        7..=10 => provision(prng, life),
        11..=14 => {
            let patch = Box::new(patch(prng, life));
            CustomerCommand::Subscription(number, SubscriptionCommand::Update(patch))
        }
        15 => {
            let at = instant(prng, life);
            let times = [CancelTime::Now, CancelTime::PeriodEnd, CancelTime::At(at)];
            let time = prng.pick(&times);
            let command = if prng.chance(25) {
                SubscriptionCommand::Revoke(time)
            } else {
                SubscriptionCommand::Cancel(time)
            };
            CustomerCommand::Subscription(number, command)
        }
        16 => CustomerCommand::Subscription(number, SubscriptionCommand::Unschedule),
        17 => {
            let when = schedule(prng);
            CustomerCommand::Subscription(number, SubscriptionCommand::Migrate(when))
        }
        18 => {
            let to = resource(prng);
            CustomerCommand::Subscription(number, SubscriptionCommand::Transfer(to))
        }
        19 | 20 => usage(prng),
        21 => reserve(prng, life),
        22 => release(prng, life),
        23 => extend(prng, life),
        24 => promote(prng, life),
        25 | 26 => reverse(prng, life),
        _ => match life.customer.pools.first() {
            Some(pool) => {
                let no = GrantNo(u32::try_from(1 + prng.below(60)).unwrap_or(1));
                CustomerCommand::VoidGrant(pool.id, no)
            }
            None => CustomerCommand::Unarchive,
        },
    }
}

fn schedule(prng: &mut Prng) -> Schedule {
    prng.pick(&[Schedule::Now, Schedule::Now, Schedule::PeriodEnd, Schedule::MonthEnd])
}

fn resource(prng: &mut Prng) -> ResourceId {
    ResourceId::parse(prng.pick(&["site", "shop"])).expect("it is an id")
}

/// Something around now, mostly ahead.
fn instant(prng: &mut Prng, life: &Life) -> Timestamp {
    let days = i64::try_from(prng.below(100)).unwrap_or(0) - 20;
    life.now.plus_seconds(days * DAY)
}

fn addons(prng: &mut Prng) -> Vec<(stipend_core::PackageId, u32)> {
    let chosen = ADDONS.into_iter().filter(|_| prng.chance(35)).collect::<Vec<_>>();
    let quantity = |prng: &mut Prng| u32::try_from(1 + prng.below(3)).unwrap_or(1);
    chosen.into_iter().map(|id| (package(id), quantity(prng))).collect()
}

fn overrides(prng: &mut Prng) -> Vec<CreditOverride> {
    let agreed = CreditOverride {
        currency: examples::credits(),
        amount: Amount::whole(i64::try_from(prng.below(100)).unwrap_or(0)),
        cadence: prng.pick(&[Cadence::Month, Cadence::Year]),
        soft_limit: None,
    };
    if prng.chance(60) { vec![agreed] } else { Vec::new() }
}

fn quantities(prng: &mut Prng) -> Vec<FeatureQuantity> {
    vec![FeatureQuantity { feature: seats(), quantity: u32::try_from(prng.below(9)).unwrap_or(0) }]
}

fn provision(prng: &mut Prng, life: &Life) -> CustomerCommand {
    let id = format!("sub-{}", life.customer.subscriptions.len());
    let end = prng.pick(&[TrialEnd::ConvertToPaid, TrialEnd::CancelSubscription]);
    let with = TrialRequest::With { ends_at: Some(instant(prng, life)), end: Some(end) };
    let trials = [TrialRequest::AsPlanned, TrialRequest::Without, with];
    CustomerCommand::Provision(Box::new(ProvisionRequest {
        id: SubscriptionId::parse(&id).expect("it is an id"),
        plan: package(prng.pick(&PLANS)),
        addons: prng.chance(60).then(|| addons(prng)),
        overrides: prng.chance(20).then(|| overrides(prng)),
        quantities: prng.chance(30).then(|| quantities(prng)),
        resource: prng.chance(25).then(|| resource(prng)),
        billing_period: prng.chance(30).then_some(BillingPeriod::Annually),
        start: prng.chance(20).then(|| instant(prng, life)),
        ends: prng.chance(10).then(|| instant(prng, life)),
        trial: prng.pick(&trials),
        schedule: schedule(prng),
        new_anchor: prng.chance(15),
        ..examples::provision(Vec::new())
    }))
}

fn patch(prng: &mut Prng, life: &Life) -> SubscriptionPatch {
    SubscriptionPatch {
        addons: prng.chance(60).then(|| addons(prng)),
        overrides: prng.chance(20).then(|| overrides(prng)),
        quantities: prng.chance(30).then(|| quantities(prng)),
        billing_period: prng.chance(15).then_some(BillingPeriod::Monthly),
        ends: prng.chance(15).then(|| prng.chance(60).then(|| instant(prng, life))),
        trial_ends: prng.chance(10).then(|| instant(prng, life)),
        schedule: schedule(prng),
        new_anchor: prng.chance(10),
        ..SubscriptionPatch::default()
    }
}

fn grant(prng: &mut Prng, life: &Life) -> CustomerCommand {
    let kind = prng.pick(&[GrantKind::Paid, GrantKind::Promotional]);
    CustomerCommand::Grant(Box::new(NewGrant {
        priority: prng.pick(&[0, 50, 100]),
        effective_at: prng.chance(40).then(|| instant(prng, life)),
        expires_at: prng.chance(60).then(|| instant(prng, life)),
        ..examples::grant(kind, Amount::whole(25))
    }))
}

fn usage(prng: &mut Prng) -> CustomerCommand {
    let is_set = prng.chance(30);
    let value = i64::try_from(prng.below(40)).unwrap_or(0);
    let value = if is_set || prng.chance(70) { value } else { -value };
    CustomerCommand::Usage(UsageRequest {
        feature: if prng.chance(70) { calls() } else { seats() },
        resource: prng.chance(25).then(|| resource(prng)),
        value: Amount::whole(value),
        is_set,
        event_id: None,
        reported_at: None,
        dimensions: Vec::new(),
    })
}

/// One of those that are open, or none that there ever was.
fn reservation(prng: &mut Prng, life: &Life) -> (ReservationId, Option<ResourceId>) {
    let pools = life.customer.pools.iter();
    let open = pools
        .flat_map(|pool| pool.holds.iter().map(|hold| (hold.id.clone(), pool.resource.clone())));
    let open: Vec<_> = open.collect();
    let place = usize::try_from(prng.below(open.len().max(1) as u64)).unwrap_or(0);
    let unknown = || (ReservationId::parse("unknown").expect("it is an id"), None);
    open.into_iter().nth(place).unwrap_or_else(unknown)
}

fn term(prng: &mut Prng) -> HoldTerm {
    HoldTerm::Seconds(u32::try_from(1 + prng.below(86_400)).unwrap_or(1))
}

fn reserve(prng: &mut Prng, life: &Life) -> CustomerCommand {
    let amount = Amount::whole(i64::try_from(1 + prng.below(50)).unwrap_or(1));
    let id = format!("job-{}", life.entries.len());
    CustomerCommand::Reserve(ReserveRequest {
        resource: prng.chance(25).then(|| resource(prng)),
        term: term(prng),
        ..examples::reservation(&id, amount)
    })
}

fn release(prng: &mut Prng, life: &Life) -> CustomerCommand {
    let (id, resource) = reservation(prng, life);
    CustomerCommand::Release(ReleaseRequest {
        currency: examples::credits(),
        resource,
        id,
        consumed: Amount::whole(i64::try_from(prng.below(70)).unwrap_or(0)),
        is_known: prng.chance(50),
    })
}

fn extend(prng: &mut Prng, life: &Life) -> CustomerCommand {
    let (id, resource) = reservation(prng, life);
    let amount = Amount::whole(i64::try_from(1 + prng.below(90)).unwrap_or(1));
    CustomerCommand::Extend(ExtendRequest {
        currency: examples::credits(),
        resource,
        id,
        term: prng.chance(60).then(|| term(prng)),
        amount: prng.chance(60).then_some(amount),
        is_known: false,
    })
}

fn promote(prng: &mut Prng, life: &Life) -> CustomerCommand {
    let feature = if prng.chance(50) { calls() } else { seats() };
    if prng.chance(30) {
        return CustomerCommand::RevokePromotion(feature);
    }
    let periods = [PromotionPeriod::OneWeek, PromotionPeriod::OneMonth, PromotionPeriod::Custom];
    let period = prng.pick(&periods);
    let limit = Amount::whole(i64::try_from(prng.below(20)).unwrap_or(0));
    CustomerCommand::GrantPromotions(vec![NewPromotion {
        feature,
        terms: FeatureTerms { usage_limit: Some(limit), ..FeatureTerms::default() },
        is_visible: true,
        period,
        ends_at: (period == PromotionPeriod::Custom).then(|| instant(prng, life)),
    }])
}

/// The reversal of a consumption of before, once or again.
fn reverse(prng: &mut Prng, life: &Life) -> CustomerCommand {
    let places = 0..life.entries.len();
    let entry = |place: usize| match &life.entries[place] {
        Entry::Pool(entry) => Some(entry),
        _ => None,
    };
    let places: Vec<usize> =
        places.filter(|place| entry(*place).is_some_and(PoolEntry::is_consumption)).collect();
    if places.is_empty() {
        return usage(prng);
    }
    let recent = places.len().saturating_sub(5);
    let first = if prng.chance(70) { recent } else { 0 };
    let place = prng.pick(&places[first..]);
    let consumed = entry(place).expect("it was just found").clone();
    let later = (place + 1..life.entries.len()).filter_map(entry);
    let later = later.filter(|later| later.pool == consumed.pool && !later.is_consumption());
    CustomerCommand::Reverse(Box::new(ReverseRequest {
        of: place as u64,
        since: later.cloned().collect(),
        consumed,
        idempotency_key: None,
        reason: None,
    }))
}
