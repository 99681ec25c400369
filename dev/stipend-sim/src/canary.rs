//! Known bugs, planted in what the core decides: the auditor must find each.

use crate::story::Deed;
use std::fmt;
use stipend_core::customer::{
    Cause, CustomerCommand, Draw, Effect, Entry, Grant, GrantEnd, PoolEntry, RecurringSource,
};
use stipend_core::{Customer, Timestamp, period};

/// A bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Canary {
    /// A boundary is counted from the one before it, and not from the anchor: the 31st is lost.
    ChainedMonths,
    /// What ends at an instant is still there at that instant.
    ClosedInterval,
    /// A period is granted twice.
    RenewalTwice,
    /// A new grant comes before the old one has expired.
    SameInstantOrder,
    /// Consumption that found no room is forgotten.
    CarriedLost,
    /// Seats that are returned take their credits along at once.
    SeatsClawedBack,
    /// A new version grants its difference twice.
    VersionTwice,
    /// Periods are counted in UTC whatever the zone.
    ZoneForgotten,
    /// Who asked to be refused overdraws.
    StrictOverdraws,
    /// Overdraft is looked at before the new period has come, and so not settled by it.
    ExpiryBeforeSettlement,
}

impl Canary {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::ChainedMonths,
        Self::ClosedInterval,
        Self::RenewalTwice,
        Self::SameInstantOrder,
        Self::CarriedLost,
        Self::ExpiryBeforeSettlement,
        Self::SeatsClawedBack,
        Self::VersionTwice,
        Self::ZoneForgotten,
        Self::StrictOverdraws,
    ];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ChainedMonths => "chained-months",
            Self::ClosedInterval => "closed-interval",
            Self::RenewalTwice => "renewal-twice",
            Self::SameInstantOrder => "same-instant-order",
            Self::CarriedLost => "carried-lost",
            Self::ExpiryBeforeSettlement => "expiry-before-settlement",
            Self::SeatsClawedBack => "seats-clawed-back",
            Self::VersionTwice => "version-twice",
            Self::ZoneForgotten => "zone-forgotten",
            Self::StrictOverdraws => "strict-overdraws",
        }
    }

    /// The bug of that name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|canary| canary.name() == name)
    }

    /// Until when the subject does what is due.
    #[must_use]
    pub fn looks_at(self, now: Timestamp) -> Timestamp {
        match self {
            Self::ClosedInterval => Timestamp::from_micros(now.micros() - 1),
            _ => now,
        }
    }

    /// The entries with the bug in them.
    #[must_use]
    pub fn spoil(self, mut entries: Vec<Entry>) -> Vec<Entry> {
        for entry in &mut entries {
            if let Entry::Pool(entry) = entry {
                self.spoil_entry(entry);
            }
        }
        entries.retain(|entry| !matches!(entry, Entry::Pool(entry) if entry.effects.is_empty()));
        entries
    }

    fn spoil_entry(self, entry: &mut PoolEntry) {
        match self {
            Self::ChainedMonths => {
                for effect in &mut entry.effects {
                    if let Effect::Granted(grant) = effect {
                        chain(grant);
                    }
                }
            }
            Self::SameInstantOrder => {
                let is_expiry = |effect: &Effect| matches!(effect, Effect::Ended(ended) if ended.end == GrantEnd::Expired);
                entry.effects.sort_by_key(is_expiry);
            }
            Self::CarriedLost => {
                entry.effects.retain(|effect| !matches!(effect, Effect::Carried(_)));
            }
            Self::ExpiryBeforeSettlement => {
                let renews = entry.effects.iter().any(|effect| matches!(effect, Effect::Ended(_)));
                entry.effects.retain(|effect| {
                    let settles = matches!(effect, Effect::Settled(_) | Effect::OverdraftClosed(_));
                    !(renews && settles)
                });
            }
            Self::ZoneForgotten => {
                for effect in &mut entry.effects {
                    if let Effect::Granted(grant) = effect {
                        forget_zone(grant);
                    }
                }
            }
            Self::ClosedInterval
            | Self::RenewalTwice
            | Self::SeatsClawedBack
            | Self::VersionTwice
            | Self::StrictOverdraws => {}
        }
    }

    /// An entry that the bug adds after what was due.
    #[must_use]
    pub fn add(self, customer: &Customer, entries: &[Entry]) -> Option<Entry> {
        if self == Self::RenewalTwice { grant_again(customer, entries) } else { None }
    }

    /// The command with the bug in it.
    #[must_use]
    pub fn bend(self, mut command: CustomerCommand) -> CustomerCommand {
        if let CustomerCommand::Consume(request) = &mut command {
            request.strict &= self != Self::StrictOverdraws;
        }
        command
    }

    /// An entry that the bug adds to a deed.
    #[must_use]
    pub fn add_to_deed(self, deed: &Deed, customer: &Customer, entries: &[Entry]) -> Option<Entry> {
        match (self, deed) {
            (Self::VersionTwice, Deed::Publish { .. } | Deed::Migrate) => {
                grant_again(customer, entries)
            }
            (Self::SeatsClawedBack, Deed::SetSeats(0)) => claw_back(customer),
            _ => None,
        }
    }
}

/// The last recurring grant once more, as its next part.
fn grant_again(customer: &Customer, entries: &[Entry]) -> Option<Entry> {
    let Some(Entry::Pool(last)) = entries.last() else { return None };
    let grant = last.effects.iter().find_map(|effect| match effect {
        Effect::Granted(grant) if grant.source.is_some() => Some(grant),
        _ => None,
    })?;
    let source = grant.source.clone()?;
    let source = RecurringSource { part: source.part + 1, ..RecurringSource::clone(&source) };
    let source = Some(source.into());
    let again = Grant { no: customer.next_grant, source, ..grant.clone() };
    let effects = vec![Effect::Granted(again)];
    Some(Entry::Pool(PoolEntry { effects, ..last.clone() }))
}

/// Takes back what is unused of credits for seats.
fn claw_back(customer: &Customer) -> Option<Entry> {
    let pool = customer.pools.first()?;
    let grant = pool.live.iter().find(|grant| {
        let is_for_seats = grant.source.as_ref().is_some_and(|source| source.units.is_some());
        is_for_seats && grant.remaining().is_positive()
    })?;
    let source = grant.source.as_ref()?;
    let reduced = Effect::Reduced(Draw { grant: grant.no, amount: grant.remaining() });
    let cause = Cause::Subscription(source.subscription);
    let at = pool.at.max(customer.subscription(source.subscription)?.terms.updated_at);
    Some(Entry::Pool(PoolEntry { pool: pool.id, at, cause, effects: vec![reduced] }))
}

/// Ends the grant where its period would end in UTC.
fn forget_zone(grant: &mut Grant) {
    let Some(source) = &grant.source else { return };
    let in_utc = period::boundary(&source.anchor.at.into(), source.cadence, source.k + 1);
    let in_zone = period::boundary(&source.anchor, source.cadence, source.k + 1);
    if grant.expires_at == Some(in_zone) && in_utc > grant.effective_at {
        grant.expires_at = Some(in_utc);
    }
}

/// Ends the grant a period after it began, wherever the anchor is.
fn chain(grant: &mut Grant) {
    let Some(source) = &grant.source else { return };
    let chained = period::boundary(&grant.effective_at.into(), source.cadence, 1);
    if grant.effective_at == period::boundary(&source.anchor, source.cadence, source.k)
        && grant.expires_at.is_some_and(|end| chained < end)
    {
        grant.expires_at = Some(chained);
    }
}

impl fmt::Display for Canary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
