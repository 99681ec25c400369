//! Refusals by a customer's state: each is kept as a decision, so that it can be asked why.

use crate::app::App;
use crate::context::Caller;
use crate::error::ApiError;
use crate::mapping::decision::{Asked, Refused, of_refusal};
use stipend_core::customer::{
    CustomerRejection, Entry, ExtendRequest, ReserveRequest, refused_event, refused_usage,
};
use stipend_core::{Catalog, CurrencyId, Customer, CustomerId, ResourceId, Timestamp};
use stipend_engine::{ConsumeItem, Refusal, Report, ReportItem};

/// Something that can be refused, as it is told why.
pub(super) trait Refusable {
    /// Whom it is about.
    fn customer(&self) -> &CustomerId;

    /// What was asked.
    fn asked(&self) -> Asked;

    /// The resource whose pool was to give it.
    fn resource(&self) -> Option<&ResourceId>;

    /// The credit type, where it is named.
    fn currency(&self) -> Option<&CurrencyId>;

    /// What would have been recorded, where usage was to be paid for; and for which feature.
    fn entries(
        &self,
        _customer: &Customer,
        _catalog: &Catalog,
        _rejection: &CustomerRejection,
        _now: Timestamp,
    ) -> Option<(Option<String>, Vec<Entry>)> {
        None
    }
}

/// The refusal, with the id of its decision where the customer's state refuses.
pub(super) fn refuse(
    app: &App,
    caller: &Caller,
    what: &impl Refusable,
    refusal: Refusal,
) -> ApiError {
    let Refusal::Customer(rejection) = &refusal else { return refusal.into() };
    let now = app.engine().now(caller.env);
    let found = app.engine().find_current(caller.env, what.customer(), now);
    let found = found.unwrap_or_default();
    let catalog = app.engine().catalog(caller.env);
    let customer = found.as_ref().map(|account| &account.customer);
    let told = customer.and_then(|customer| what.entries(customer, &catalog, rejection, now));
    let (feature, entries) = told.unwrap_or_default();
    let mut asked = what.asked();
    asked.feature = asked.feature.or(feature);
    let counted = entries.iter().find_map(|entry| match entry {
        Entry::Usage(usage) => usage.currency.as_ref(),
        _ => None,
    });
    let currency = what.currency().or(counted);
    let pool = customer.and_then(|customer| customer.find_pool(currency?, what.resource()));
    let error = ApiError::from(refusal.clone());
    let refused = Refused { rejection, code: error.code(), customer, entries: &entries, pool };
    let decision = of_refusal(asked, &refused, now);
    error.with_decision(app.keep(caller.env, decision))
}

fn text(resource: Option<&ResourceId>) -> Option<String> {
    resource.map(ToString::to_string)
}

impl Refusable for ConsumeItem {
    fn customer(&self) -> &CustomerId {
        &self.customer
    }

    fn asked(&self) -> Asked {
        Asked {
            customer: self.customer.to_string(),
            resource: text(self.resource()),
            feature: None,
            currency: Some(self.request.currency.to_string()),
            requested: Some(self.request.amount),
        }
    }

    fn resource(&self) -> Option<&ResourceId> {
        self.request.resource.as_ref()
    }

    fn currency(&self) -> Option<&CurrencyId> {
        Some(&self.request.currency)
    }
}

impl Refusable for ReportItem {
    fn customer(&self) -> &CustomerId {
        &self.customer
    }

    fn asked(&self) -> Asked {
        let (feature, requested) = match &self.report {
            Report::Usage(request) => (Some(request.feature.to_string()), Some(request.value)),
            Report::Event(_) => (None, None),
        };
        Asked {
            customer: self.customer.to_string(),
            resource: text(self.resource()),
            feature,
            currency: None,
            requested,
        }
    }

    fn resource(&self) -> Option<&ResourceId> {
        match &self.report {
            Report::Usage(request) => request.resource.as_ref(),
            Report::Event(request) => request.resource.as_ref(),
        }
    }

    fn currency(&self) -> Option<&CurrencyId> {
        None
    }

    fn entries(
        &self,
        customer: &Customer,
        catalog: &Catalog,
        rejection: &CustomerRejection,
        now: Timestamp,
    ) -> Option<(Option<String>, Vec<Entry>)> {
        let is_limit = matches!(
            rejection,
            CustomerRejection::InsufficientCredits { .. }
                | CustomerRejection::UsageLimitExceeded { .. }
        );
        match &self.report {
            _ if !is_limit => None,
            Report::Usage(request) => {
                let entries = refused_usage(customer, catalog, request, now)?;
                Some((None, entries))
            }
            Report::Event(request) => {
                let (feature, entries) = refused_event(customer, catalog, request, rejection, now)?;
                Some((Some(feature.to_string()), entries))
            }
        }
    }
}

/// What is asked of a reservation, with its customer.
pub(super) struct OfReservation<'a, T>(pub(super) &'a CustomerId, pub(super) &'a T);

impl Refusable for OfReservation<'_, ReserveRequest> {
    fn customer(&self) -> &CustomerId {
        self.0
    }

    fn asked(&self) -> Asked {
        Asked {
            customer: self.0.to_string(),
            resource: text(self.resource()),
            feature: None,
            currency: Some(self.1.currency.to_string()),
            requested: Some(self.1.amount),
        }
    }

    fn resource(&self) -> Option<&ResourceId> {
        self.1.resource.as_ref()
    }

    fn currency(&self) -> Option<&CurrencyId> {
        Some(&self.1.currency)
    }
}

impl Refusable for OfReservation<'_, ExtendRequest> {
    fn customer(&self) -> &CustomerId {
        self.0
    }

    fn asked(&self) -> Asked {
        Asked {
            customer: self.0.to_string(),
            resource: text(self.resource()),
            feature: None,
            currency: Some(self.1.currency.to_string()),
            requested: self.1.amount,
        }
    }

    fn resource(&self) -> Option<&ResourceId> {
        self.1.resource.as_ref()
    }

    fn currency(&self) -> Option<&CurrencyId> {
        Some(&self.1.currency)
    }
}
