//! What is simulated: a customer to which deeds are done as time goes by.

use crate::canary::Canary;
use crate::shop::{Shop, package};
use crate::story::{Deed, When};
use stipend_core::catalog::{Catalog, TrialEnd};
use stipend_core::customer::{
    CancelTime, ConsumeRequest, CustomerCommand, Entry, GrantKind, NewGrant, ProvisionRequest,
    Schedule, SubscriptionCommand, SubscriptionPatch, TrialRequest, decide, roll_forward,
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

    /// Does a deed, which must be accepted.
    ///
    /// # Errors
    /// What went wrong.
    fn act(&mut self, now: Timestamp, deed: &Deed) -> Result<Vec<Entry>, String>;

    /// The customer as it is now.
    fn customer(&self) -> Customer;

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
    catalog: Catalog,
    customer: Customer,
    canary: Option<Canary>,
}

impl Core {
    /// A customer of a shop.
    #[must_use]
    pub fn new(shop: &Shop, canary: Option<Canary>) -> Self {
        Self { catalog: shop.catalog(), customer: examples::customer(), canary }
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

    fn act(&mut self, now: Timestamp, deed: &Deed) -> Result<Vec<Entry>, String> {
        let command = command(deed, &self.customer);
        let decision = decide(&self.customer, &self.catalog, &command, now);
        let decision = decision.map_err(|refusal| format!("refused: {refusal}"))?;
        Ok(self.fold(decision.entries))
    }

    fn customer(&self) -> Customer {
        self.customer.clone()
    }
}

/// The command that a deed is.
///
/// # Panics
/// Where the story names what cannot be.
#[must_use]
pub fn command(deed: &Deed, customer: &Customer) -> CustomerCommand {
    let live = customer.subscriptions.iter().rfind(|one| one.terms.is_active());
    let live = live.map_or(SubscriptionNo(0), |one| one.terms.number);
    match deed {
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
        Deed::ChangePlan { plan, at_period_end } => {
            let schedule = if *at_period_end { Schedule::PeriodEnd } else { Schedule::Now };
            provision(customer, plan, |request| ProvisionRequest { schedule, ..request })
        }
        Deed::SetAddons(addons) => {
            let addons = addons.iter().map(|(id, quantity)| (package(id), *quantity)).collect();
            let patch = SubscriptionPatch { addons: Some(addons), ..SubscriptionPatch::default() };
            CustomerCommand::Subscription(live, SubscriptionCommand::Update(Box::new(patch)))
        }
        Deed::Cancel(when) => {
            let time = match when {
                When::Now => CancelTime::Now,
                When::PeriodEnd => CancelTime::PeriodEnd,
                When::At(at) => CancelTime::At(*at),
            };
            CustomerCommand::Subscription(live, SubscriptionCommand::Cancel(time))
        }
        Deed::Use(amount) => CustomerCommand::Consume(ConsumeRequest {
            ..examples::consumption(Amount::from_nano(*amount))
        }),
        Deed::Grant { promotional, amount, priority, from, until } => {
            let kind = if *promotional { GrantKind::Promotional } else { GrantKind::Paid };
            CustomerCommand::Grant(Box::new(NewGrant {
                priority: *priority,
                effective_at: *from,
                expires_at: *until,
                ..examples::grant(kind, Amount::from_nano(*amount))
            }))
        }
    }
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
