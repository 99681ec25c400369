//! How customers and what happens to them are written. The numbers are frozen: see
//! [`crate::codec`].

use crate::{choice, record};
use stipend_core::Customer;
use stipend_core::customer::{
    AddonPin, Aggregate, BillingPeriod, Carried, CarriedConsumption, CarriedIn, Cause, Closed,
    Consumption, Cost, CreditOverride, DimensionValue, Draw, DrawRun, Effect, Ended, Entry,
    FeatureQuantity, FeatureUsage, Grant, GrantEnd, GrantKind, HeldDraw, Hold, HoldEnd, HoldEnded,
    HoldExtended, HoldPart, Issued, LaterChange, MeterOpened, MonthDraws, Moved, Opened, Overdraft,
    PlanPin, Pool, PoolBalance, PoolEntry, PoolOpened, Priced, Profile, Promotion, PromotionPeriod,
    ProvisionRequest, RecurringSource, Release, Resource, Reversal, Schedule, ScheduledChange,
    Settled, Subscription, SubscriptionEnd, SubscriptionEndReason, SubscriptionPatch,
    SubscriptionTerms, Trial, TrialRequest, UsageBehavior, UsageEntry, UsagePin, UsageResetReason,
    UsageRestart,
};

record!(Profile {
    1 => env,
    2 => id,
    3 => name,
    4 => email,
    5 => metadata,
    6 => extras,
    7 => archived_at,
    8 => created_at,
    9 => updated_at,
});
record!(Resource { 1 => id, 2 => created_at });

choice!(GrantKind { 1 => Recurring, 2 => Paid, 3 => Promotional });
record!(Cost { 1 => amount, 2 => currency });
record!(RecurringSource {
    1 => subscription,
    2 => package,
    3 => version,
    4 => unit_amount,
    5 => quantity,
    6 => behavior,
    7 => epoch,
    8 => cadence,
    9 => k,
    10 => part,
    11 => anchor,
    12 => units,
    13 => whole,
});
record!(MonthDraws { 1 => amount, 2 => until });
record!(Grant {
    1 => no,
    2 => kind,
    3 => amount,
    4 => original,
    5 => consumed,
    6 => priority,
    7 => effective_at,
    8 => expires_at,
    9 => created_at,
    10 => updated_at,
    11 => voided_at,
    12 => name,
    13 => comment,
    14 => metadata,
    15 => cost,
    16 => source,
    17 => this_month,
    18 => held or default,
});
record!(Overdraft { 1 => no, 2 => amount, 3 => created_at, 4 => metered or default });
record!(Hold {
    1 => id,
    2 => amount,
    3 => draws,
    4 => expires_at,
    5 => created_at,
    6 => metadata,
});
record!(Pool {
    1 => id,
    2 => currency,
    3 => resource,
    4 => seq,
    5 => at,
    6 => live,
    7 => scheduled,
    8 => overdraft,
    9 => granted,
    10 => used,
    11 => lapsed or default,
    12 => holds or default,
});

choice!(BillingPeriod { 1 => Monthly, 2 => Annually });
record!(PlanPin { 1 => plan, 2 => version, 3 => ancestors });
record!(AddonPin { 1 => addon, 2 => version, 3 => quantity });
record!(CreditOverride { 1 => currency, 2 => amount, 3 => cadence, 4 => soft_limit });
choice!(SubscriptionEndReason {
    1 => Immediate,
    2 => CustomerArchived,
    3 => Scheduled,
    4 => PlanChanged,
    5 => TrialEnded,
    6 => TrialConverted,
    7 => Revoked,
});
record!(SubscriptionEnd { 1 => at, 2 => reason });
record!(FeatureQuantity { 1 => feature, 2 => quantity });
record!(Trial { 1 => ends_at, 2 => end, 3 => is_over });
choice!(Schedule { 1 => Now, 2 => PeriodEnd, 3 => MonthEnd, 4 => At(stipend_core::Timestamp) });
record!(SubscriptionPatch {
    1 => addons,
    2 => overrides,
    3 => quantities,
    4 => billing_period,
    5 => ends,
    6 => trial_ends,
    7 => schedule,
    8 => new_anchor,
    9 => metadata,
    10 => extras,
});
choice!(TrialRequest { 1 => AsPlanned, 2 => Without, 3 => With { 1 => ends_at, 2 => end } });
record!(ProvisionRequest {
    1 => id,
    2 => plan,
    3 => addons,
    4 => overrides,
    5 => quantities,
    6 => resource,
    7 => paying_customer,
    8 => billing_period,
    9 => start,
    10 => ends,
    11 => trial,
    12 => schedule,
    13 => new_anchor,
    14 => metadata,
    15 => extras,
});
choice!(LaterChange { 1 => Update(Box<SubscriptionPatch>), 2 => Migrate });
record!(ScheduledChange { 1 => at, 2 => change, 3 => failed });
record!(SubscriptionTerms {
    1 => number,
    2 => id,
    3 => product,
    4 => plan,
    5 => pricing,
    6 => addons,
    7 => overrides,
    8 => resource,
    9 => paying_customer,
    10 => billing_period,
    11 => anchor,
    12 => epoch,
    13 => started_at,
    14 => ended,
    15 => metadata,
    16 => extras,
    17 => created_at,
    18 => updated_at,
    19 => quantities,
    20 => epoch_start,
    21 => has_begun,
    22 => new_anchor,
    23 => continues,
    24 => trial,
    25 => ends,
    26 => scheduled,
});
record!(Issued {
    1 => package,
    2 => currency,
    3 => epoch,
    4 => cadence,
    5 => k,
    6 => next_part,
    7 => level,
    8 => behavior,
});
record!(CarriedConsumption {
    1 => cadence,
    2 => amount,
    3 => until,
    4 => lent,
    5 => lent_until,
});
record!(CarriedIn { 1 => currency, 2 => carried, 3 => voided_of or default });
record!(Subscription { 1 => terms, 2 => issued, 3 => carried });
choice!(PromotionPeriod {
    1 => OneWeek,
    2 => OneMonth,
    3 => SixMonths,
    4 => OneYear,
    5 => Lifetime,
    6 => Custom,
});
record!(Promotion {
    1 => number,
    2 => feature,
    3 => terms,
    4 => is_visible,
    5 => period,
    6 => anchor,
    7 => ends_at,
    8 => revoked_at,
    9 => updated_at,
});
record!(Customer {
    1 => slot,
    2 => profile,
    3 => resources,
    4 => subscriptions,
    5 => pools,
    6 => next_grant,
    7 => next_due,
    8 => promotions or default,
    9 => usages or default,
});

record!(UsagePin { 1 => subscription, 2 => epoch });
record!(DrawRun {
    1 => pool,
    2 => grant,
    3 => amount,
    4 => subscription,
    5 => expires_at,
    6 => is_overdraft or default,
});
record!(Aggregate { 1 => value, 2 => samples, 3 => sum, 4 => seen });
record!(FeatureUsage {
    1 => meter,
    2 => feature,
    3 => resource,
    4 => seq,
    5 => at,
    6 => period,
    7 => pin,
    8 => aggregate,
    9 => drawn,
    10 => since or default,
});
choice!(DimensionValue { 1 => Text(String), 2 => Number(stipend_core::Amount), 3 => Flag(bool) });
record!(Consumption {
    1 => amount,
    2 => event_id,
    3 => reported_at,
    4 => dimensions,
    5 => usage_limit,
    6 => current_usage,
    7 => period_end,
    8 => priced,
    9 => owed or default,
});
record!(Priced {
    1 => meter,
    2 => feature,
    3 => subscription,
    4 => package,
    5 => version,
    6 => units,
    7 => rate,
});
record!(Reversal {
    1 => of,
    2 => amount,
    3 => idempotency_key,
    4 => reason,
    5 => usage_limit,
    6 => current_usage,
    7 => period_end,
    8 => meter,
    9 => runs,
});
record!(Draw { 1 => grant, 2 => amount });
choice!(GrantEnd { 1 => Expired, 2 => Voided });
record!(Ended { 1 => grant, 2 => amount, 3 => end });
record!(Settled { 1 => overdraft, 2 => grant, 3 => amount, 4 => metered or default });
record!(Carried { 1 => subscription, 2 => carried, 3 => voided_of or default });
record!(Moved { 1 => grant, 2 => amount, 3 => is_recent });
record!(Closed { 1 => subscription, 2 => package, 3 => cadence });
record!(Opened {
    1 => subscription,
    2 => package,
    3 => cadence,
    4 => k,
    5 => level,
    6 => behavior,
});
record!(Release { 1 => reservation, 2 => consumed, 3 => owed or default });
record!(HeldDraw { 1 => reservation, 2 => draw });
record!(HoldExtended { 1 => reservation, 2 => expires_at, 3 => amount, 4 => draws });
choice!(HoldEnd { 1 => Released, 2 => Expired });
record!(HoldPart { 1 => grant, 2 => held, 3 => consumed, 4 => lapsed });
record!(HoldEnded { 1 => hold, 2 => how, 3 => parts });
choice!(Effect {
    1 => Granted(Grant),
    2 => Scheduled(Grant),
    3 => Activated(Draw),
    4 => Drawn(Draw),
    5 => Overdrawn(Draw),
    6 => Ended(Ended),
    7 => Reduced(Draw),
    8 => MovedOut(Draw),
    9 => MovedIn(Moved),
    10 => Settled(Settled),
    11 => OverdraftClosed(Overdraft),
    12 => Carried(Carried),
    13 => Closed(Closed),
    14 => Opened(Opened),
    15 => Reserved(Hold),
    16 => HoldExtended(HoldExtended),
    17 => HoldEnded(HoldEnded),
    18 => HoldMovedOut(HeldDraw),
    19 => HoldMovedIn(HeldDraw),
    20 => Refunded(Moved),
    21 => OverdraftRefunded(Draw),
});
choice!(Cause {
    1 => Consumption(Consumption),
    2 => Grant,
    3 => Void,
    4 => Due,
    5 => Subscription(stipend_core::SubscriptionNo),
    6 => Reservation,
    7 => Release(Release),
    8 => Extension,
    9 => Reversal(Reversal),
});
record!(PoolOpened { 1 => pool, 2 => currency, 3 => resource });
record!(PoolEntry { 1 => pool, 2 => at, 3 => cause, 4 => effects });
record!(MeterOpened { 1 => meter, 2 => feature, 3 => resource });
record!(PoolBalance { 1 => usage_limit, 2 => current_usage, 3 => period_end });
choice!(UsageBehavior { 1 => Delta, 2 => Set, 3 => Event });
choice!(UsageResetReason { 1 => Period, 2 => Subscription });
record!(UsageRestart { 1 => at, 2 => reason });
record!(UsageEntry {
    1 => meter,
    2 => at,
    3 => reported_at,
    4 => behavior,
    5 => reported,
    6 => before,
    7 => value,
    8 => samples or default,
    9 => sum or default,
    10 => seen,
    11 => forgets or default,
    12 => restart,
    13 => period,
    14 => pin,
    15 => event_name,
    16 => event_id,
    17 => dimensions,
    18 => currency,
    19 => returned or default,
    20 => forfeited or default,
    21 => balance,
    22 => missing_dimensions or default,
});
choice!(Entry {
    1 => Profile(Profile),
    2 => Resource(Resource),
    3 => Subscription(Box<SubscriptionTerms>),
    4 => PoolOpened(PoolOpened),
    5 => Pool(PoolEntry),
    6 => Promotion(Box<Promotion>),
    7 => MeterOpened(MeterOpened),
    8 => Usage(UsageEntry),
});
