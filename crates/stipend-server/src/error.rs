//! Refusals on their way to the wire. This is the one place where they become codes.

use crate::mapping::entitlement::reset_refused;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use stipend_core::catalog::{CatalogRejection, PackageKey, PackageKind};
use stipend_core::customer::CustomerRejection;
use stipend_engine::Refusal;
use stipend_store::StoreError;
use stipend_wire::{ErrorBody, ErrorCode, ItemError, WireError};

/// After how many seconds what was refused for the moment may be tried again.
pub(crate) const SOON: u64 = 1;

/// A refused request: what its caller is told.
#[derive(Clone, Debug)]
pub struct ApiError {
    error: WireError,
    items: Vec<ItemError>,
    /// Whether the same request again could have a second effect.
    is_final: bool,
    /// The record of how it was decided.
    decision: Option<String>,
}

impl ApiError {
    /// A refusal with a code and a sentence for people.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        WireError::new(code, message).into()
    }

    /// A refusal of a bulk request, by its items.
    #[must_use]
    pub fn batch(items: Vec<ItemError>) -> Self {
        let message = format!("{} of the items are refused, nothing was applied", items.len());
        let error = WireError::new(ErrorCode::BatchRefused, message);
        Self { error, items, is_final: false, decision: None }
    }

    /// What is asked for exists in the contract and is not built yet.
    #[must_use]
    pub fn not_supported(param: &str, what: &str) -> Self {
        let message = format!("`{param}`: {what} is not supported yet");
        WireError::new(ErrorCode::NotSupported, message).with_param(param).into()
    }

    /// The same refusal of a request whose outcome may be unknown and which nothing tells apart
    /// when it comes again.
    #[must_use]
    pub fn not_to_be_retried(mut self) -> Self {
        self.is_final = true;
        self
    }

    /// Its code.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.error.code
    }

    /// Its sentence for people.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.error.message
    }

    /// The refusal without its way of being answered.
    #[must_use]
    pub fn into_wire(self) -> WireError {
        self.error
    }

    /// The refusal with the id of the record of how it was decided.
    #[must_use]
    pub fn with_decision(mut self, id: String) -> Self {
        self.decision = Some(id);
        self
    }

    /// The refusal as an item of a bulk request.
    #[must_use]
    pub fn into_item(self, index: usize) -> ItemError {
        ItemError { decision_id: self.decision, ..ItemError::new(index, self.error) }
    }

    /// After how many seconds the request may be sent again; none where that would not help.
    pub(crate) fn retry_after(&self) -> Option<u64> {
        (matches!(self.error.code.status(), 429 | 503) && !self.is_final).then_some(SOON)
    }

    /// The answer, once the request has its id.
    #[must_use]
    pub fn render(self, request_id: &str) -> Response {
        let retry_after = self.retry_after();
        let Self { error, items, is_final, decision } = self;
        let code = error.code;
        let body = if items.is_empty() {
            ErrorBody::new(error, request_id)
        } else {
            ErrorBody::batch(items, request_id)
        };
        let body = match decision {
            Some(id) => body.with_decision(id),
            None => body,
        };
        let status = StatusCode::from_u16(code.status())
            .expect("the statuses of the contract are statuses of HTTP");
        let mut response = (status, axum::Json(body)).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        // The official clients send a 409 again unless told otherwise; ours are final.
        let is_final =
            is_final || status == StatusCode::CONFLICT && code != ErrorCode::RequestInFlight;
        if is_final {
            let name = HeaderName::from_static("x-should-retry");
            headers.insert(name, HeaderValue::from_static("false"));
        }
        response
    }
}

/// The body is written where the request's id is known: see `request_id`.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<WireError> for ApiError {
    fn from(error: WireError) -> Self {
        Self { error, items: Vec::new(), is_final: false, decision: None }
    }
}

/// The cause goes to the log; the caller learns that something is wrong, not what.
impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        tracing::error!(error = ?error, "reading failed");
        if matches!(error, StoreError::Unavailable(_)) {
            return Self::new(ErrorCode::Unavailable, "the store cannot be read now");
        }
        Self::new(ErrorCode::Internal, "something went wrong on the server")
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.to_string();
        let code = match refusal {
            Refusal::Items(items) => {
                let items = items
                    .into_iter()
                    .map(|(index, refusal)| Self::from(refusal).into_item(index))
                    .collect();
                return Self::batch(items);
            }
            Refusal::Catalog(CatalogRejection::ResetPeriod(period)) => {
                return reset_refused(period, "").into();
            }
            Refusal::Catalog(rejection) => catalog_code(&rejection),
            Refusal::Customer(rejection) => customer_code(&rejection),
            Refusal::CustomerNotFound(_) => ErrorCode::CustomerNotFound,
            Refusal::SubscriptionNotFound(_) => ErrorCode::SubscriptionNotFound,
            Refusal::GrantNotFound => ErrorCode::GrantNotFound,
            Refusal::OperatorNotFound | Refusal::ApiKeyNotFound => ErrorCode::NotFound,
            Refusal::AlreadyExists(_) | Refusal::ApiKeyExists | Refusal::AlreadySetUp => {
                ErrorCode::AlreadyExists
            }
            Refusal::ClockFixed => ErrorCode::NotASandbox,
            Refusal::ClockBackwards(_) | Refusal::ClockAhead(_) => ErrorCode::ClockBackwards,
            Refusal::ClockOutOfRange(_) => ErrorCode::ClockOutOfRange,
            Refusal::LimitReached { .. } => ErrorCode::LimitReached,
            Refusal::EnvironmentNameInvalid
            | Refusal::ApiKeyNameInvalid
            | Refusal::ApiKeyScopeTooNarrow => ErrorCode::InvalidValue,
            Refusal::KeyReused => ErrorCode::IdempotencyKeyReused,
            Refusal::Overloaded | Refusal::Moved => ErrorCode::Overloaded,
            Refusal::Unavailable | Refusal::Failed => ErrorCode::Unavailable,
        };
        Self::new(code, message)
    }
}

fn package_not_found(key: &PackageKey) -> ErrorCode {
    match key.kind {
        PackageKind::Plan => ErrorCode::PlanNotFound,
        PackageKind::Addon => ErrorCode::AddonNotFound,
    }
}

fn package_archived(key: &PackageKey) -> ErrorCode {
    match key.kind {
        PackageKind::Plan => ErrorCode::PlanArchived,
        PackageKind::Addon => ErrorCode::AddonArchived,
    }
}

fn catalog_code(rejection: &CatalogRejection) -> ErrorCode {
    match rejection {
        CatalogRejection::ProductNotFound(_) => ErrorCode::ProductNotFound,
        CatalogRejection::CurrencyNotFound(_) => ErrorCode::CurrencyNotFound,
        CatalogRejection::FeatureNotFound(_) => ErrorCode::FeatureNotFound,
        CatalogRejection::PackageNotFound(key) => package_not_found(key),
        CatalogRejection::EntitlementNotFound => ErrorCode::EntitlementNotFound,
        CatalogRejection::AlreadyExists(_) | CatalogRejection::EntitlementExists(_) => {
            ErrorCode::AlreadyExists
        }
        CatalogRejection::ProductArchived(_) => ErrorCode::ProductArchived,
        CatalogRejection::CurrencyArchived(_) => ErrorCode::CurrencyArchived,
        CatalogRejection::FeatureArchived(_) => ErrorCode::FeatureArchived,
        CatalogRejection::PackageArchived(key) => package_archived(key),
        CatalogRejection::ProductSubscribed(_) => ErrorCode::ProductInUse,
        CatalogRejection::CurrencyInUse { .. } => ErrorCode::CurrencyInUse,
        // No request of the API says what it has seen.
        CatalogRejection::Changed(_) => ErrorCode::PackageInUse,
        CatalogRejection::Immutable(_) => ErrorCode::ImmutableVersion,
        CatalogRejection::NoDraft(_) => ErrorCode::NoDraft,
        CatalogRejection::DraftExists(_) => ErrorCode::DraftExists,
        CatalogRejection::NotPublished(_) => ErrorCode::NotPublished,
        CatalogRejection::Empty(_) => ErrorCode::EmptyPackage,
        CatalogRejection::Cycle(_) => ErrorCode::DependencyCycle,
        CatalogRejection::ResetPeriod(_) => ErrorCode::ConflictingFields,
        CatalogRejection::EntitlementType | CatalogRejection::NoFreePlan(_) => {
            ErrorCode::InvalidValue
        }
        CatalogRejection::DependencyNotLimited(_) => ErrorCode::UnlimitedDependency,
        CatalogRejection::FeatureNotMetered(_) => ErrorCode::FeatureNotMetered,
        CatalogRejection::UnsupportedAggregation(_) => ErrorCode::UnsupportedAggregation,
    }
}

fn customer_code(rejection: &CustomerRejection) -> ErrorCode {
    match rejection {
        CustomerRejection::CustomerArchived => ErrorCode::CustomerArchived,
        CustomerRejection::CurrencyNotFound(_) => ErrorCode::CurrencyNotFound,
        CustomerRejection::ResourceNotFound(_) => ErrorCode::ResourceNotFound,
        CustomerRejection::PackageNotFound(key) => package_not_found(key),
        CustomerRejection::ProductArchived(_) => ErrorCode::ProductArchived,
        CustomerRejection::PackageArchived(key) => package_archived(key),
        CustomerRejection::NotPublished(_) => ErrorCode::NotPublished,
        CustomerRejection::DuplicateAddon(_) => ErrorCode::DuplicateAddon,
        CustomerRejection::AddonsIncompatible(_) => ErrorCode::AddonIncompatible,
        CustomerRejection::DependencyMissing { .. } => ErrorCode::AddonDependencyMissing,
        CustomerRejection::QuantityExceeded { .. } => ErrorCode::AddonQuantityExceeded,
        CustomerRejection::DuplicateOverride(_) => ErrorCode::DuplicateItem,
        CustomerRejection::AmountRequired(_) => ErrorCode::AmountRequired,
        CustomerRejection::SubscriptionExists(_) => ErrorCode::SubscriptionExists,
        CustomerRejection::SubscriptionEnded => ErrorCode::SubscriptionEnded,
        CustomerRejection::StartTooLate(_)
        | CustomerRejection::TrialWithoutEnd
        | CustomerRejection::InvalidTrialEnd
        | CustomerRejection::NotInTrial
        | CustomerRejection::InvalidEnd => ErrorCode::InvalidSchedule,
        CustomerRejection::FeatureNotFound(_) => ErrorCode::FeatureNotFound,
        CustomerRejection::DuplicateQuantity(_) => ErrorCode::DuplicateItem,
        CustomerRejection::CurrencyArchived(_) => ErrorCode::CurrencyArchived,
        CustomerRejection::EmptyWindow => ErrorCode::InvalidPeriod,
        CustomerRejection::GrantNotFound => ErrorCode::GrantNotFound,
        CustomerRejection::OverdraftNotVoidable => ErrorCode::GrantNotVoidable,
        CustomerRejection::EventTooOld => ErrorCode::EventTooOld,
        CustomerRejection::EventInFuture => ErrorCode::EventInFuture,
        CustomerRejection::ReservationNotFound(_) => ErrorCode::ReservationNotFound,
        CustomerRejection::ReservationEnded(_) => ErrorCode::ReservationClosed,
        CustomerRejection::InvalidReservationEnd => ErrorCode::InvalidPeriod,
        CustomerRejection::ReservationExists(_) => ErrorCode::ReservationConflict,
        CustomerRejection::InsufficientCredits { .. } => ErrorCode::InsufficientCredits,
        CustomerRejection::EntryNotReversible => ErrorCode::EntryNotReversible,
        CustomerRejection::AlreadyReversed => ErrorCode::AlreadyReversed,
        CustomerRejection::LimitReached { .. } => ErrorCode::LimitReached,
        CustomerRejection::FeatureNotMetered(_) => ErrorCode::FeatureNotMetered,
        CustomerRejection::UsageTooLarge | CustomerRejection::AmountTooLarge { .. } => {
            ErrorCode::AmountTooLarge
        }
        CustomerRejection::FormulaFailed { .. } => ErrorCode::FormulaFailed,
        CustomerRejection::UsageLimitExceeded { .. } => ErrorCode::UsageLimitExceeded,
        CustomerRejection::AmbiguousRate { .. } => ErrorCode::AddonIncompatible,
        CustomerRejection::FeatureArchived(_) => ErrorCode::FeatureArchived,
        CustomerRejection::InvalidPromotionEnd => ErrorCode::InvalidPeriod,
        CustomerRejection::PromotionMisfits { .. } => ErrorCode::InvalidValue,
        CustomerRejection::PromotionNotFound(_) => ErrorCode::PromotionalEntitlementNotFound,
    }
}
