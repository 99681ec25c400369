//! Errors as callers see them: one closed list of codes, and the body that carries one.

use std::borrow::Cow;
use std::fmt;

use serde::{Serialize, Serializer};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::{PartialSchema, ToSchema};

macro_rules! error_codes {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal $status:literal,)*) => {
        /// Why a request was refused: the `code` of an error body.
        ///
        /// The list is closed and append-only. A code never changes its spelling, its meaning
        /// or its status, so that programs can branch on it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ErrorCode {
            $($(#[doc = $doc])* $name,)*
        }

        impl ErrorCode {
            /// Every code, in the order of the reference.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The spelling on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The HTTP status that goes with it, always the same.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// What it means and what to do, for the reference.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),*).trim_ascii(),)* }
            }
        }
    };
}

error_codes! {
    // The document.
    /// The body is not one JSON object: empty, not JSON, not UTF-8, nested too deeply, or more than one document.
    MalformedJson = "malformed_json" 400,
    /// An object of the body names a key twice.
    DuplicateKey = "duplicate_key" 400,
    /// The body is larger than the route takes.
    PayloadTooLarge = "payload_too_large" 413,
    /// The body is not sent as plain `application/json`.
    UnsupportedMediaType = "unsupported_media_type" 415,
    // Fields.
    /// The body has a key that the contract does not know here.
    UnknownField = "unknown_field" 422,
    /// A required key is not there.
    MissingField = "missing_field" 422,
    /// A value is of another JSON type than the contract says.
    InvalidType = "invalid_type" 422,
    /// A value is of the right type but not one that is allowed.
    InvalidValue = "invalid_value" 422,
    /// A string is blank where a name is due, or has control characters.
    InvalidString = "invalid_string" 422,
    /// A string, or a key of a map, is longer than allowed.
    TooLong = "too_long" 422,
    /// An id is not 1 to 255 characters of the allowed set.
    InvalidId = "invalid_id" 422,
    /// A number is not a decimal number of at most 40 characters.
    InvalidNumber = "invalid_number" 422,
    /// A date-time is not RFC 3339 with an offset, between 1970 and 9999.
    InvalidTimestamp = "invalid_timestamp" 422,
    /// A number is zero or negative (or rounds to zero) where it must be positive.
    MustBePositive = "must_be_positive" 422,
    /// A number is negative where it must not be.
    MustNotBeNegative = "must_not_be_negative" 422,
    /// An amount has more than 9 decimal places where it is taken exactly.
    TooManyDecimals = "too_many_decimals" 422,
    /// An amount is above the greatest one that the server holds.
    AmountTooLarge = "amount_too_large" 422,
    /// A list or map has more items than allowed.
    TooManyItems = "too_many_items" 422,
    /// A list has fewer items than it needs.
    TooFewItems = "too_few_items" 422,
    /// A list names the same thing twice.
    DuplicateItem = "duplicate_item" 422,
    /// Two fields contradict each other, or exactly one of several is needed.
    ConflictingFields = "conflicting_fields" 422,
    // Query.
    /// A query parameter has a value that cannot be read.
    InvalidParameter = "invalid_parameter" 400,
    /// `limit` is not a whole number from 1 to 100.
    InvalidLimit = "invalid_limit" 400,
    /// The cursor is not one that this list gave out.
    InvalidCursor = "invalid_cursor" 400,
    /// The query has a parameter that this operation does not know.
    UnknownParameter = "unknown_parameter" 400,
    /// A query parameter is given twice.
    DuplicateParameter = "duplicate_parameter" 400,
    /// A required query parameter is not there.
    MissingParameter = "missing_parameter" 400,
    /// A header has a value that cannot be read.
    InvalidHeader = "invalid_header" 400,
    // Who asks.
    /// The API key, or the token of a customer's credits, is missing or not valid.
    Unauthenticated = "unauthenticated" 401,
    /// The API key is valid but may not do this.
    Forbidden = "forbidden" 403,
    /// The scope of the API key does not allow this; the message names the scopes that do.
    InsufficientScope = "insufficient_scope" 403,
    // What is asked for.
    /// There is nothing at this address.
    NotFound = "not_found" 404,
    /// There is no such customer.
    CustomerNotFound = "customer_not_found" 404,
    /// There is no such credit type (custom currency).
    CurrencyNotFound = "currency_not_found" 404,
    /// There is no such product.
    ProductNotFound = "product_not_found" 404,
    /// There is no such plan.
    PlanNotFound = "plan_not_found" 404,
    /// There is no such add-on.
    AddonNotFound = "addon_not_found" 404,
    /// There is no such feature.
    FeatureNotFound = "feature_not_found" 404,
    /// The plan or add-on has no such entitlement.
    EntitlementNotFound = "entitlement_not_found" 404,
    /// There is no such subscription.
    SubscriptionNotFound = "subscription_not_found" 404,
    /// There is no such grant.
    GrantNotFound = "grant_not_found" 404,
    /// The customer has no such resource.
    ResourceNotFound = "resource_not_found" 404,
    /// There is no such reservation.
    ReservationNotFound = "reservation_not_found" 404,
    /// The address exists, but not with this method.
    MethodNotAllowed = "method_not_allowed" 405,
    // Catalog.
    /// Something with this id exists already.
    AlreadyExists = "already_exists" 409,
    /// The plan or add-on has no published version yet.
    NotPublished = "not_published" 409,
    /// The plan is archived.
    PlanArchived = "plan_archived" 409,
    /// The add-on is archived.
    AddonArchived = "addon_archived" 409,
    /// The product is archived.
    ProductArchived = "product_archived" 409,
    /// The credit type is archived.
    CurrencyArchived = "currency_archived" 409,
    /// The feature is archived.
    FeatureArchived = "feature_archived" 409,
    /// A published version cannot be edited; open a draft first.
    ImmutableVersion = "immutable_version" 409,
    /// There is no draft to publish or to drop.
    NoDraft = "no_draft" 409,
    /// There is a draft already.
    DraftExists = "draft_exists" 409,
    /// A package without entitlement and without charge cannot be published.
    EmptyPackage = "empty_package" 422,
    /// Add-ons depend on one another in a circle, or plans inherit in one.
    DependencyCycle = "dependency_cycle" 422,
    /// A plan and its parent, or packages named together, belong to different products.
    ProductMismatch = "product_mismatch" 422,
    /// The credit type is still in use; the message says by how many.
    CurrencyInUse = "currency_in_use" 409,
    /// The feature is still in use; the message says by how many.
    FeatureInUse = "feature_in_use" 409,
    /// The plan or add-on is still in use; the message says by what.
    PackageInUse = "package_in_use" 409,
    /// The product's setting cannot change while it has subscriptions.
    ProductInUse = "product_in_use" 409,
    // Customers and subscriptions.
    /// The customer is archived.
    CustomerArchived = "customer_archived" 409,
    /// The plan does not list the add-on as compatible.
    AddonIncompatible = "addon_incompatible" 409,
    /// An add-on needs another one that the subscription does not have; the message names it.
    AddonDependencyMissing = "addon_dependency_missing" 409,
    /// More of an add-on than its `maxQuantity`.
    AddonQuantityExceeded = "addon_quantity_exceeded" 409,
    /// The same add-on is named twice.
    DuplicateAddon = "duplicate_addon" 422,
    /// A custom plan leaves the credit amount open and the subscription does not supply it.
    AmountRequired = "amount_required" 422,
    /// The customer has a live subscription where only one is allowed.
    SubscriptionExists = "subscription_exists" 409,
    /// The subscription is over.
    SubscriptionEnded = "subscription_ended" 409,
    // Credits.
    /// The grant is expired or the overdraft record and cannot be voided.
    GrantNotVoidable = "grant_not_voidable" 409,
    /// A grant would expire before it is effective, or has expired already.
    InvalidPeriod = "invalid_period" 422,
    /// The balance does not cover a strict consumption; nothing was consumed.
    InsufficientCredits = "insufficient_credits" 402,
    /// The reservation was settled before with another amount.
    ReservationReleased = "reservation_released" 409,
    /// The reservation id was used with other parameters.
    ReservationConflict = "reservation_conflict" 409,
    /// The event is older than the accepted window.
    EventTooOld = "event_too_old" 422,
    /// The event lies more than five minutes in the future.
    EventInFuture = "event_in_future" 422,
    // Idempotency.
    /// The idempotency key was used for another request; nothing was done.
    IdempotencyKeyReused = "idempotency_key_reused" 422,
    /// The idempotency key is empty, longer than 255 characters, not ASCII, or sent twice.
    IdempotencyKeyInvalid = "idempotency_key_invalid" 400,
    /// The first request with this idempotency key is still being worked on.
    RequestInFlight = "request_in_flight" 409,
    // The service.
    /// A limit of the environment is reached; the message says which.
    LimitReached = "limit_reached" 409,
    /// The request asks for something that this server does not do.
    NotSupported = "not_supported" 422,
    /// Some items of the batch are refused, see `errors`; nothing was applied.
    BatchRefused = "batch_refused" 422,
    /// Too many requests at once; try again after the time in `retry-after`.
    Overloaded = "overloaded" 429,
    /// The server failed; the request id finds it in the log.
    Internal = "internal" 500,
    /// The server cannot take the request now; try again.
    Unavailable = "unavailable" 503,
    // Environments, clocks and schedules.
    /// The API key lacks the right that this takes; the message names it.
    MissingRight = "missing_right" 403,
    /// The environment is not a sandbox, so it has no test clock.
    NotASandbox = "not_a_sandbox" 403,
    /// A test clock only moves forward.
    ClockBackwards = "clock_backwards" 409,
    /// A test clock cannot be set that far; the message says how far it can.
    ClockOutOfRange = "clock_out_of_range" 422,
    /// The time zone is not one of the IANA database, such as `Europe/Berlin`.
    UnknownTimeZone = "unknown_time_zone" 422,
    /// There is no such task.
    TaskNotFound = "task_not_found" 404,
    /// A start, an end or the end of a trial lies where it cannot; the message says why.
    InvalidSchedule = "invalid_schedule" 422,
    /// The feature that multiplies an entitlement's credits is unlimited there, or missing.
    UnlimitedDependency = "unlimited_dependency" 422,
    // Usage.
    /// The feature is not used up (its `meterType` is `None`), so no usage of it can be reported.
    FeatureNotMetered = "feature_not_metered" 422,
    /// The usage would go past a limit whose enforcement is STRICT; nothing was recorded.
    UsageLimitExceeded = "usage_limit_exceeded" 402,
    /// A meter that takes the least value or the mean cannot be mapped to credits.
    UnsupportedAggregation = "unsupported_aggregation" 422,
    /// A formula cannot be read; `param` points to it and the message says at which character.
    InvalidFormula = "invalid_formula" 422,
    /// A formula has no result for this event: it divides by zero, or the cost is negative or too large.
    FormulaFailed = "formula_failed" 422,
    // Reservations, reversals and decisions.
    /// The reservation is settled or has expired, so it cannot be extended.
    ReservationClosed = "reservation_closed" 409,
    /// The ledger has no such entry.
    EntryNotFound = "entry_not_found" 404,
    /// Only what was consumed can be reversed, and this entry consumed nothing.
    EntryNotReversible = "entry_not_reversible" 409,
    /// The consumption was reversed before, under another idempotency key.
    AlreadyReversed = "already_reversed" 409,
    /// There is no such decision.
    DecisionNotFound = "decision_not_found" 404,
    /// The decision was made, but its record is not kept any more.
    DecisionGone = "decision_gone" 404,
    // Promotional entitlements.
    /// The customer has no promotional entitlement for the feature.
    PromotionalEntitlementNotFound = "promotional_entitlement_not_found" 404,
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl PartialSchema for ErrorCode {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::String))
            .description(Some("Why the request was refused. The list only ever grows."))
            .enum_values(Some(Self::ALL.iter().map(|code| code.as_str())))
            .into()
    }
}

impl ToSchema for ErrorCode {
    fn name() -> Cow<'static, str> {
        "ErrorCode".into()
    }
}

/// One refusal of a request, before it has a request id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct WireError {
    /// The code.
    pub code: ErrorCode,
    /// One sentence for a human, which may be shown to the caller.
    pub message: String,
    /// Where: the JSON pointer into the body (`/addons/0/quantity`), or the parameter's name.
    pub param: Option<String>,
}

impl WireError {
    /// A refusal without a place.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), param: None }
    }

    /// A refusal at the value that is being read; [`WireError::under`] builds its pointer.
    pub(crate) fn here(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), param: Some(String::new()) }
    }

    /// The same refusal for the named parameter or pointer.
    #[must_use]
    pub fn with_param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// Puts one more step in front of the pointer, if there is one.
    #[must_use]
    pub(crate) fn under(mut self, step: impl fmt::Display) -> Self {
        if let Some(param) = &mut self.param {
            let step = step.to_string().replace('~', "~0").replace('/', "~1");
            *param = format!("/{step}{param}");
        }
        self
    }
}

/// The body of every refusal.
///
/// `message` stands twice, because one of the official clients shows only the outer one.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorBody {
    /// The refusal.
    pub error: ErrorDetail,
    /// The same message again.
    pub message: String,
    /// In a batch: which items are refused, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub errors: Vec<ItemError>,
}

/// The refusal in an error body.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorDetail {
    /// The code to branch on.
    pub code: ErrorCode,
    /// One sentence for a human.
    pub message: String,
    /// The record of how the refusal was decided, where one is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub decision_id: Option<String>,
    /// The JSON pointer into the body, or the name of the query parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub param: Option<String>,
    /// The id of the request, as in the response header and the server's log.
    pub request_id: String,
}

/// Why one item of a batch is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ItemError {
    /// The item's place in the request, from 0.
    pub index: usize,
    /// The code to branch on.
    pub code: ErrorCode,
    /// One sentence for a human.
    pub message: String,
    /// The record of how the refusal was decided, where one is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub decision_id: Option<String>,
    /// The JSON pointer inside the item.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub param: Option<String>,
}

impl ItemError {
    /// The refusal of the item at that place.
    #[must_use]
    pub fn new(index: usize, error: WireError) -> Self {
        let WireError { code, message, param } = error;
        Self { index, code, message, decision_id: None, param }
    }
}

impl ErrorBody {
    /// The body for a refusal of that request.
    #[must_use]
    pub fn new(error: WireError, request_id: impl Into<String>) -> Self {
        let WireError { code, message, param } = error;
        let detail = ErrorDetail {
            code,
            message: message.clone(),
            decision_id: None,
            param,
            request_id: request_id.into(),
        };
        Self { error: detail, message, errors: Vec::new() }
    }

    /// The same body with the record of how the refusal was decided.
    #[must_use]
    pub fn with_decision(mut self, id: impl Into<String>) -> Self {
        self.error.decision_id = Some(id.into());
        self
    }

    /// The body for a batch of which some items are refused.
    #[must_use]
    pub fn batch(errors: Vec<ItemError>, request_id: impl Into<String>) -> Self {
        let message = match errors.as_slice() {
            [only] => format!("item {} of the batch is refused: {}", only.index, only.message),
            _ => format!("{} items of the batch are refused; nothing was applied", errors.len()),
        };
        let error = WireError::new(ErrorCode::BatchRefused, message);
        Self { errors, ..Self::new(error, request_id) }
    }
}
