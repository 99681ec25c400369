//! What is simulated: a customer to which deeds are done as time goes by.

use crate::canary::Canary;
use crate::shop::{Shop, calls, package, seats};
use crate::story::{Deed, When};
use std::borrow::Cow;
use stipend_core::catalog::{Catalog, FeatureTerms, TrialEnd};
use stipend_core::customer::{
    CancelTime, ConsumeRequest, CustomerCommand, CustomerRejection, Entry, FeatureQuantity,
    GrantKind, NewGrant, NewPromotion, PromotionPeriod, ProvisionRequest, Schedule,
    SubscriptionCommand, SubscriptionPatch, TrialRequest, UsageRequest, decide, roll_forward,
};
use stipend_core::{Amount, Customer, SubscriptionId, SubscriptionNo, Timestamp, examples};

/// What went wrong on purpose.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// How often the subject crashed.
    pub crashes: u64,
    /// How often it could not write.
    pub refused: u64,
}

/// A customer under simulation.
pub trait Subject {
    /// Lets time pass; gives the entries where they are known.
    ///
    /// # Errors
    /// What went wrong.
    fn advance(&mut self, now: Timestamp) -> Result<Vec<Entry>, String>;

    /// Does a deed; none where credits are lacking and that was to refuse it.
    ///
    /// # Errors
    /// What went wrong, any other refusal included.
    fn act(&mut self, now: Timestamp, deed: &Deed) -> Result<Option<Vec<Entry>>, String>;

    /// The customer as it is now.
    fn customer(&self) -> Cow<'_, Customer>;

    /// Ends the life, with a last look at everything.
    ///
    /// # Errors
    /// What is wrong.
    fn finish(&mut self) -> Result<Faults, String> {
        Ok(Faults::default())
    }
}

/// The pure core: decide, roll forward, fold.
pub struct Core {
    shop: Shop,
    catalog: Catalog,
    customer: Customer,
    canary: Option<Canary>,
}

impl Core {
    /// A customer of a shop.
    #[must_use]
    pub fn new(shop: &Shop, canary: Option<Canary>) -> Self {
        Self { shop: shop.clone(), catalog: shop.catalog(), customer: examples::customer(), canary }
    }

    fn fold(&mut self, entries: Vec<Entry>) -> Vec<Entry> {
        let entries = match self.canary {
            Some(canary) => canary.spoil(entries),
            None => entries,
        };
        entries.iter().for_each(|entry| self.customer.apply(entry));
        entries
    }
}

impl Subject for Core {
    fn advance(&mut self, now: Timestamp) -> Result<Vec<Entry>, String> {
        let now = self.canary.map_or(now, |canary| canary.looks_at(now));
        let mut all = Vec::new();
        while let Some(due) = self.customer.next_due.filter(|due| *due <= now) {
            let entries = roll_forward(&self.customer, &self.catalog, due);
            all.extend(self.fold(entries));
            if let Some(more) = self.canary.and_then(|canary| canary.add(&self.customer, &all)) {
                self.customer.apply(&more);
                all.push(more);
            }
        }
        Ok(all)
    }

    fn act(&mut self, now: Timestamp, deed: &Deed) -> Result<Option<Vec<Entry>>, String> {
        if let Deed::Publish { id, credits, .. } = deed {
            for command in self.shop.publication(id, *credits) {
                examples::change(&mut self.catalog, &command, now)
                    .map_err(|refusal| format!("refused: {refusal}"))?;
            }
        }
        let Some(command) = command(deed, &self.shop, &self.catalog, &self.customer) else {
            return Ok(Some(Vec::new()));
        };
        let command = self.canary.map_or(command.clone(), |canary| canary.bend(command));
        match decide(&self.customer, &self.catalog, &command, now) {
            Ok(decision) => {
                let mut entries = self.fold(decision.entries);
                let spoilt =
                    self.canary.and_then(|it| it.add_to_deed(deed, &self.customer, &entries));
                if let Some(more) = spoilt {
                    self.customer.apply(&more);
                    entries.push(more);
                }
                Ok(Some(entries))
            }
            Err(CustomerRejection::InsufficientCredits { .. }) => Ok(None),
            Err(refusal) => Err(format!("refused: {refusal}")),
        }
    }

    fn customer(&self) -> Cow<'_, Customer> {
        Cow::Borrowed(&self.customer)
    }
}

/// The command to the customer that a deed is, where it is one.
///
/// # Panics
/// Where the story names what cannot be.
#[must_use]
pub fn command(
    deed: &Deed,
    shop: &Shop,
    catalog: &Catalog,
    customer: &Customer,
) -> Option<CustomerCommand> {
    let live = customer.subscriptions.iter().rfind(|one| one.terms.is_active());
    let live = live.map_or(SubscriptionNo(0), |one| one.terms.number);
    let to_live = |command| CustomerCommand::Subscription(live, command);
    let command = match deed {
        Deed::Subscribe { plan, start, trial } => {
            let trial = trial.map_or(TrialRequest::Without, |trial| TrialRequest::With {
                ends_at: Some(trial.ends_at),
                end: Some(if trial.cancels {
                    TrialEnd::CancelSubscription
                } else {
                    TrialEnd::ConvertToPaid
                }),
            });
            provision(customer, plan, |request| ProvisionRequest {
                start: *start,
                trial,
                ..request
            })
        }
        Deed::ChangePlan { plan, at_period_end, new_periods } => {
            let schedule = if *at_period_end { Schedule::PeriodEnd } else { Schedule::Now };
            provision(customer, plan, |request| ProvisionRequest {
                schedule,
                new_anchor: *new_periods,
                ..request
            })
        }
        Deed::SetAddons(_) | Deed::SetSeats(_) | Deed::MoveTrial(_) | Deed::TakeBack => {
            to_live(SubscriptionCommand::Update(Box::new(patch(deed))))
        }
        Deed::Migrate => to_live(SubscriptionCommand::Migrate(Schedule::Now)),
        Deed::Publish { everyone: false, .. } => return None,
        Deed::Publish { id, .. } => {
            let key = shop.key(id);
            let version = catalog.packages[&key].latest().map_or(0, |latest| latest.version);
            CustomerCommand::MigrateTo(key, version)
        }
        Deed::Void(number) => void(customer, *number),
        Deed::Cancel(when) => {
            let time = match when {
                When::Now => CancelTime::Now,
                When::PeriodEnd => CancelTime::PeriodEnd,
                When::At(at) => CancelTime::At(*at),
            };
            to_live(SubscriptionCommand::Cancel(time))
        }
        Deed::Use { amount, strict } => CustomerCommand::Consume(ConsumeRequest {
            strict: *strict,
            ..examples::consumption(Amount::from_nano(*amount))
        }),
        Deed::Report(calls) => report(*calls),
        Deed::Promote(true) => promote(),
        Deed::Promote(false) => CustomerCommand::RevokePromotion(calls()),
        Deed::Grant { .. } => grant(deed),
    };
    Some(command)
}

/// The change of the live subscription that a deed is.
fn patch(deed: &Deed) -> SubscriptionPatch {
    let none = SubscriptionPatch::default();
    match deed {
        Deed::SetAddons(addons) => {
            let addons = addons.iter().map(|(id, quantity)| (package(id), *quantity)).collect();
            SubscriptionPatch { addons: Some(addons), ..none }
        }
        Deed::SetSeats(quantity) => {
            let bought = FeatureQuantity { feature: seats(), quantity: *quantity };
            SubscriptionPatch { quantities: Some(vec![bought]), ..none }
        }
        Deed::MoveTrial(end) => SubscriptionPatch { trial_ends: Some(*end), ..none },
        Deed::TakeBack => SubscriptionPatch { ends: Some(None), ..none },
        _ => none,
    }
}

fn report(units: u32) -> CustomerCommand {
    CustomerCommand::Usage(UsageRequest {
        feature: calls(),
        resource: None,
        value: Amount::whole(i64::from(units)),
        is_set: false,
        event_id: None,
        reported_at: None,
        dimensions: Vec::new(),
    })
}

fn promote() -> CustomerCommand {
    let usage_limit = Some(Amount::whole(10));
    CustomerCommand::GrantPromotions(vec![NewPromotion {
        feature: calls(),
        terms: FeatureTerms { usage_limit, ..FeatureTerms::default() },
        is_visible: true,
        period: PromotionPeriod::OneMonth,
        ends_at: None,
    }])
}

fn grant(deed: &Deed) -> CustomerCommand {
    let Deed::Grant { number, promotional, amount, priority, from, until } = deed else {
        unreachable!("it is asked of grants")
    };
    let kind = if *promotional { GrantKind::Promotional } else { GrantKind::Paid };
    CustomerCommand::Grant(Box::new(NewGrant {
        name: gift_name(*number),
        priority: *priority,
        effective_at: *from,
        expires_at: *until,
        ..examples::grant(kind, Amount::from_nano(*amount))
    }))
}

fn void(customer: &Customer, number: usize) -> CustomerCommand {
    let grants = customer
        .pools
        .iter()
        .flat_map(|pool| pool.live.iter().chain(&pool.scheduled).map(|grant| (pool.id, grant)));
    let mut named = grants.filter(|(_, grant)| *grant.name == gift_name(number));
    let (pool, grant) = named.next().expect("stories void what is there");
    CustomerCommand::VoidGrant(pool, grant.no)
}

/// The name of a grant by hand, by its number among them.
fn gift_name(number: usize) -> String {
    format!("gift {number}")
}

fn provision(
    customer: &Customer,
    plan: &str,
    change: impl FnOnce(ProvisionRequest) -> ProvisionRequest,
) -> CustomerCommand {
    let id = format!("sub-{}", customer.subscriptions.len());
    let request = ProvisionRequest {
        id: SubscriptionId::parse(&id).expect("it is an id"),
        plan: package(plan),
        trial: TrialRequest::Without,
        ..examples::provision(Vec::new())
    };
    CustomerCommand::Provision(Box::new(change(request)))
}
