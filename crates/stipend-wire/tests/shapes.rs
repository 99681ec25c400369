//! Every type has the keys of `wire.md`, and requires the starred ones.
//!
//! The tables were taken from the contract by a script; our own additions stand at the end of a
//! row. A starred key is always emitted (in responses) or demanded (in requests).

use std::collections::BTreeSet;

use stipend_wire::access::*;
use stipend_wire::auto_recharge::AutoRecharge;
use stipend_wire::billing::*;
use stipend_wire::charge::*;
use stipend_wire::consumption::*;
use stipend_wire::credit_usage::*;
use stipend_wire::currency::*;
use stipend_wire::customer::*;
use stipend_wire::decision::*;
use stipend_wire::entitlement::*;
use stipend_wire::envelope::Removed;
use stipend_wire::environment::*;
use stipend_wire::event::*;
use stipend_wire::feature::*;
use stipend_wire::grant::*;
use stipend_wire::ledger::*;
use stipend_wire::package::*;
use stipend_wire::preview::*;
use stipend_wire::product::*;
use stipend_wire::promotional::*;
use stipend_wire::query::*;
use stipend_wire::read::WireEnum;
use stipend_wire::reservation::*;
use stipend_wire::reversal::*;
use stipend_wire::subscription::*;
use stipend_wire::subscription_change::*;
use stipend_wire::task::*;
use stipend_wire::upcoming::*;
use stipend_wire::usage::*;
use utoipa::openapi::{RefOr, Required, Schema};
use utoipa::{IntoParams, PartialSchema};

const RESPONSES: &str = "
    Addon: id* billingId* createdAt* dependencies* description* displayName* entitlements*
        isLatest* maxQuantity* metadata* pricingType* productId* status* updatedAt*
        versionNumber*
    Plan: id* billingId* compatibleAddonIds* createdAt* defaultTrialConfig* description*
        displayName* entitlements* isLatest* metadata* parentPlanId* pricingType* productId*
        status* updatedAt* versionNumber*
    Charge: id* billingCadence* billingModel* billingPeriod* createdAt* billingCountryCode
        blockSize creditGrantCadence creditRate featureId maxUnitQuantity minUnitQuantity
        price tiers tiersMode topUpCustomCurrencyId usedInSubscriptions creditEntitlement
        currencyId entitlement
    FeatureEntitlement: id* behavior* createdAt* description* displayNameOverride*
        enumValues* hasSoftLimit* hasUnlimitedUsage* hiddenFromWidgets* isCustom* isGranted*
        order* resetPeriod* resetPeriodConfiguration* type* updatedAt* usageLimit*
        featureId* enforcement
    CreditEntitlement: id* amount* behavior* cadence* createdAt* description*
        displayNameOverride* hasSoftLimit* hiddenFromWidgets* isCustom* isGranted* order*
        type* updatedAt* dependencyFeatureId currencyId* enforcement
    Product: id* createdAt* description* displayName* metadata* multipleSubscriptions*
        status* updatedAt* productSettings usageResetCutoffRule
    Feature: id* createdAt* description* displayName* enumConfiguration* featureStatus*
        featureType* featureUnits* featureUnitsPlural* metadata* meter meterType*
        unitTransformation* updatedAt*
    Currency: id* archivedAt* createdAt* description* displayName* metadata* symbol* units*
        updatedAt*
    Grant: id* amount* comment* consumedAmount* cost* createdAt* currencyId* customerId*
        displayName* effectiveAt* expireAt* grantType* invoiceId* latestInvoice* metadata*
        paymentCollection* priority* resourceId* sourceType* status* syncStates* updatedAt*
        voidedAt* originalAmount*
    Consumed: amount* currencyId* customerId* timestamp* credit resourceId decisionId
    Reservation: id* amount* consumedAmount expiresAt* status*
    ReservationReleased: credit reservation* decisionId
    ReservationExtended: reservation* credit decisionId
    ListedReservation: id* amount* consumedAmount* createdAt* currencyId* customerId* expiresAt*
        holds* metadata* releasedAt* resourceId* status*
    ReservationHold: amount* grantId*
    AutoRecharge: id* createdAt* currencyId* customerId* grantExpirationPeriod* isEnabled*
        maxSpendLimit* targetBalance* thresholdType* thresholdValue* updatedAt*
    LedgerEntry: amount* breakdown creditCurrencyId* creditGrantId* customerId* eventId*
        eventType* featureId* holdReturnedAmount metadata reservationId resourceId*
        timestamp* entryId decisionId reason reversalOf reversedBy
    EntryReversed: entryId* amount* entries* credit* reason* reversedAt*
    LedgerBreakdown: amount* creditCurrencyId* creditGrantId* customerId* eventId eventType*
        featureId reservationId resourceId timestamp*
    Customer: id* archivedAt* createdAt* updatedAt* billingCurrency billingId couponId
        defaultPaymentMethod email integrations language metadata name passthrough timezone
    EffectiveEntitlements: accessDeniedReason* entitlements*
    EffectiveFeature: accessDeniedReason* isGranted* type* currentUsage entitlementUpdatedAt
        feature hasUnlimitedUsage resetPeriod usageLimit usagePeriodAnchor usagePeriodEnd
        usagePeriodStart validUntil decisionId enumValues hasSoftLimit isEstimate
    EffectiveCredit: accessDeniedReason* currency* currentUsage* isGranted* type*
        usageLimit* usageUpdatedAt* entitlementUpdatedAt reservation reserved
        reservedOnExpiredGrants usagePeriodEnd validUntil decisionId forecast hasSoftLimit
        isEstimate
    FeatureReference: id* displayName* featureStatus* featureType*
    UsageReported: id* createdAt* customerId* featureId* timestamp* value* credit currentUsage
        nextResetDate resourceId usagePeriodEnd usagePeriodStart decisionId missingDimensions
    UsageCredit: consumed* currencyId* currentUsage* timestamp* usageLimit* usagePeriodEnd
        forfeited
    UsagesReported: usages* credits
    UsageReportedOfMany: id* createdAt* customerId* featureId* timestamp* value* credit
        currentUsage nextResetDate resourceId usagePeriodEnd usagePeriodStart decisionId
        missingDimensions
    UsageCreditOfMany: consumed* currencyId* forfeited
    PoolBalance: currencyId* currentUsage* customerId* resourceId timestamp* usageLimit*
        usagePeriodEnd
    UsageHistory: markers* series*
    UsageMarker: timestamp* type*
    UsageSeries: points* tags*
    UsagePoint: isResetPoint* timestamp* value*
    Tag: key* value*
    EventsAccepted: accepted* errors warnings
    EventWarning: index* missingDimensions*
    Estimate: estimates* warnings*
    CurrencyEstimate: balanceAfterEstimate* breakdown* currencyId* currentBalance*
        estimatedCost* wouldOverdraft*
    FeatureEstimate: cost* featureId* warningCode* missingDimensions
    CreditUsage: currency* pagination* series*
    CreditUsageCurrency: currencyId* displayName* plural* singular* symbol*
    CreditUsageSeries: eventCount* featureId* featureName* points* totalCredits* tags
    CreditUsagePoint: eventCount* timestamp* value*
    Forecast: runsOutAt* windows*
    WindowForecast: window* used* ratePerDay* runsOutAt* isGrantExpiryLimited*
    PromotionalEntitlement: id* createdAt* description* endDate* enumValues* environmentId*
        featureGroupIds* featureId* hasSoftLimit* hasUnlimitedUsage* isVisible* period*
        resetPeriod* resetPeriodConfiguration* startDate* status* updatedAt* usageLimit*
    Decision: decisionId* kind* outcome* at* customerId* resourceId* featureId* currencyId*
        requestedUsage* cost* accessDeniedReason* errorCode* subscription* mapping* draws*
        drawsLeftOut* overdraft* limitHit* reversedBy* by*
    DecisionActor: type* name* keyHint*
    DecisionSubscription: id* planId* version*
    DecisionMapping: packageId* packageType* version* rate* costFormula* inputs*
        isEstimate*
    DecisionDraw: grantId* grantName* amount* rule*
    LimitHit: type* limit* currentUsage* requested* enforcement*
    Subscription: id* billingId* createdAt* customerId* paymentCollection* planId*
        pricingType* startDate* status* addons billingCycleAnchor budget cancellationDate
        cancelReason contractId coupons currentBillingPeriodEnd currentBillingPeriodStart
        effectiveEndDate endDate futureUpdates latestInvoice metadata minimumSpend
        payingCustomerId paymentCollectionMethod prices resourceId subscriptionEntitlements
        trial trialEndDate
    Provisioned: id* entitlements* status* subscription* checkoutBillingId checkoutUrl
        isScheduled
    FutureUpdate: scheduledExecutionTime* scheduleStatus* subscriptionScheduleType* targetPackage
    TargetPackage: id*
    SubscriptionTrial: trialEndBehavior*
    Removed: id*
    SubscriptionPreview: immediateInvoice* billingPeriodRange freeItems hasScheduledUpdates
        isPlanDowngrade recurringInvoice credits* isScheduled* startsAt*
    PreviewInvoice: subTotal* total* billingPeriodRange currency discount discountDetails
        discounts lines tax
    PreviewPeriod: end* start*
    PreviewDiscountDetails: code fixedAmount percentage
    PreviewDiscount: amount* currency* description*
    PreviewInvoiceLine: currency* description* subTotal* unitPrice* quantity
    FreeItem: id* quantity*
    CreditPreview: currencyId* resourceId* currentBalance* balanceAfter* recurring*
    RecurringCreditPreview: packageId* packageType* amount* cadence* effectiveAt* expireAt*
    TaskStarted: taskId*
    Task: id* type* status* createdAt* finishedAt* processed* failures*
    TaskFailure: id* message*
    TestClock: now* frozen*
    Environment: id* name* type* timeZone* periodAlignment* creditProration* createdAt* apiKey
    UpcomingStep: at* atLocal* timeZone* changes* expires* grants*
    UpcomingExpiry: grantId* currencyId* resourceId* amount* packageId*
    UpcomingGrant: currencyId* resourceId* amount* packageId* cadence* expireAt*
    Invoice: contractExternalId* currency* customerExternalId* discount* dueDate*
        invoiceExternalId* invoiceId* invoiceNumber* issueDate* lineItems* paidDate* state*
        subtotal* tax* total*
    InvoiceLine: amount* description* productExternalId* quantity* unitPrice*
    Contract: id* activationEndDate* activationStartDate* billingId* billingState* contractId*
        createdAt* customerExternalId* externalId* latestInvoice* name* nextInvoice* poNumber*
        refId* state* subscriptions*
    ContractInvoice: billingId* createdAt* requiresAction* status* amountDue billingReason
        currency pdfUrl total
    ContractNextInvoice: amount* dueDate* invoiceId periodEnd* periodStart*
    ContractSubscription: planDisplayName* productDisplayName* subscriptionId*
";

const BODIES: &str = "
    CreateAddon: id* displayName* productId* billingId description maxQuantity metadata
        pricingType status
    UpdateAddon: billingId charges dependencies description displayName maxQuantity metadata
        status
    CreatePlan: id* displayName* productId* billingId defaultTrialConfig description
        metadata parentPlanId pricingType status
    UpdatePlan: billingId charges compatibleAddonIds defaultTrialConfig description
        displayName metadata parentPlanId
    PublishPackage: migrationType*
    CreateProduct: id* displayName* description metadata multipleSubscriptions
    UpdateProduct: description displayName metadata multipleSubscriptions productSettings
        usageResetCutoffRule
    DuplicateProduct: targetId* description displayName
    CreateFeature: id* displayName* featureType* description enumConfiguration featureStatus
        featureUnits featureUnitsPlural metadata meter meterType unitTransformation
    UpdateFeature: description displayName enumConfiguration featureUnits featureUnitsPlural
        metadata meter unitTransformation
    CreateCurrency: id* displayName* description metadata symbol units
    UpdateCurrency: description displayName metadata symbol units
    CreateGrant: amount* currencyId* customerId* displayName* grantType*
        awaitPaymentConfirmation billingInformation comment cost effectiveAt expireAt
        metadata paymentCollectionMethod priority resourceId
    Consume: amount* currencyId* customerId* idempotencyKey* createdAt dimensions resourceId
        strict
    ConsumeBatch: consumptions*
    ReleaseReservation: consumedAmount* currencyId* customerId* resourceId
    ExtendReservation: currencyId* customerId* reservationExpiresAt reservationTtlSeconds
        reserveAmount resourceId
    ReverseEntry: idempotencyKey reason
    ReportUsages: usages*
    ReportUsage: customerId* featureId* value* createdAt dimensions idempotencyKey resourceId
        updateBehavior
    EstimateUsage: customerId* featureId* value* dimensions resourceId updateBehavior
    ReportEvents: events*
    ReportEvent: customerId* eventName* idempotencyKey* dimensions resourceId timestamp
    EstimateEvent: customerId* eventName* dimensions resourceId
    GrantPromotionals: promotionalEntitlements*
    PromotionalInput: customEndDate* enumValues* featureId* hasSoftLimit* hasUnlimitedUsage*
        isVisible* monthlyResetPeriodConfiguration* period* resetPeriod* usageLimit*
        weeklyResetPeriodConfiguration* yearlyResetPeriodConfiguration*
    CreateCustomer: id* billingCurrency billingId couponId defaultPaymentMethod email
        integrations language metadata name passthrough timezone
    UpdateCustomer: billingCurrency billingId couponId email integrations language metadata
        name passthrough timezone
    ProvisionSubscription: customerId* planId* id addons appliedCoupon
        awaitPaymentConfirmation billingCountryCode billingCycleAnchor billingId
        billingInformation billingPeriod budget cancellationDate charges checkoutOptions
        entitlements metadata minimumSpend payingCustomerId paymentCollectionMethod
        priceOverrides resourceId salesforceId scheduleStrategy startDate
        trialOverrideConfiguration unitQuantity
    UpdateSubscription: addons appliedCoupon awaitPaymentConfirmation billingCycleAnchor
        billingInformation billingPeriod budget cancellationDate charges entitlements
        metadata minimumSpend priceOverrides promotionCode salesforceId scheduleStrategy
        trialEndDate
    CancelSubscription: cancellationAction cancellationTime endDate prorate
    MigrateSubscription: subscriptionMigrationTime
    TransferSubscription: destinationResourceId*
    DelegateSubscription: targetCustomerId*
    PreviewSubscription: customerId* planId* addons appliedCoupon billableFeatures
        billingCountryCode billingCycleAnchor billingInformation billingPeriod charges
        payingCustomerId resourceId scheduleStrategy startDate trialOverrideConfiguration
        unitQuantity
    BillableFeatureInput: featureId* quantity*
    ImportSubscriptions: subscriptions* integrationId
    ImportedSubscription: id* customerId* planId* addons billingId billingPeriod charges
        endDate metadata resourceId startDate
    CreateEnvironment: name* type timeZone periodAlignment creditProration
    UpdateEnvironment: periodAlignment creditProration timeZone
    SetTestClock: now*
    CreateEntitlements: entitlements*
    ChargesInput: pricingType* billingId minimumSpend overageBillingPeriod
        overagePricingModels pricingModels
    OveragePricingModel: pricePeriods* creditEntitlement currencyId entitlement featureId
        billingModel billingCadence
    PricePeriod: billingPeriod* billingCountryCode blockSize creditGrantCadence creditRate
        price tiers
    OverageFeature: featureId* hasSoftLimit hasUnlimitedUsage
        monthlyResetPeriodConfiguration resetPeriod usageLimit
        weeklyResetPeriodConfiguration yearlyResetPeriodConfiguration
    PricingModel: billingModel* pricePeriods* billingCadence featureId maxUnitQuantity
        minUnitQuantity monthlyResetPeriodConfiguration resetPeriod tiersMode
        topUpCustomCurrencyId weeklyResetPeriodConfiguration yearlyResetPeriodConfiguration
    CreateFeatureEntitlement: id* type* behavior description displayNameOverride enumValues
        hasSoftLimit hasUnlimitedUsage hiddenFromWidgets isCustom isGranted
        monthlyResetPeriodConfiguration order resetPeriod usageLimit
        weeklyResetPeriodConfiguration yearlyResetPeriodConfiguration enforcement
    CreateCreditEntitlement: id* amount* cadence* type* behavior dependencyFeatureId
        description displayNameOverride hasSoftLimit hiddenFromWidgets isCustom isGranted
        order enforcement
    UpdateFeatureEntitlement: type* behavior description displayNameOverride enumValues
        hasSoftLimit hasUnlimitedUsage hiddenFromWidgets isCustom isGranted
        monthlyResetPeriodConfiguration order resetPeriod usageLimit
        weeklyResetPeriodConfiguration yearlyResetPeriodConfiguration enforcement
    UpdateCreditEntitlement: type* amount behavior cadence dependencyFeatureId description
        displayNameOverride hasSoftLimit hiddenFromWidgets isCustom isGranted order
        enforcement
    MeterInput: aggregation* filters*
    AggregationInput: function* field
    MeterFilter: conditions*
    MeterCondition: field* operation* value values
    UnitTransformationInput: divide* featureUnits featureUnitsPlural round
    EnumValueInput: displayName* value*
    CreditRateInput: amount* currencyId* costFormula
    SubscriptionFeatureInput: id* type* hasSoftLimit hasUnlimitedUsage
        monthlyResetPeriodConfiguration resetPeriod usageLimit
        weeklyResetPeriodConfiguration yearlyResetPeriodConfiguration
";

const QUERIES: &str = "
    PackagesQuery: after before createdAt limit productId status
    PageQuery: after before limit
    ProductsQuery: id after before createdAt limit status
    FeaturesQuery: id after before createdAt featureType limit meterType status
    CurrenciesQuery: after before limit status
    GrantsQuery: customerId* after before createdAt currencyId limit resourceId
    AutoRechargeQuery: currencyId* customerId*
    LedgerQuery: customerId* after before currencyId eventType limit reservationId
        resourceId
    CustomersQuery: after before createdAt email limit name
    EntitlementsQuery: resourceId
    CheckQuery: currencyId featureId requestedUsage requestedValues reservationExpiresAt
        reservationId reservationMetadata reservationTtlSeconds reserveAmount resourceId
        forecast
    ReservationsQuery: customerId* after before currencyId limit resourceId status
    UsageHistoryQuery: startDate* endDate groupBy resourceId
    CreditUsageQuery: customerId* after before currencyId endDate groupBy limit resourceId
        startDate timeRange
    PromotionalsQuery: after before createdAt limit status
    SubscriptionsQuery: after before createdAt customerId limit planId pricingType
        resourceId status
    UpcomingQuery: count
    InvoicesQuery: after before contractExternalId issuedAfter issuedBefore limit orderBy orderDir
        stateIn
";

fn type_name<T>() -> &'static str {
    std::any::type_name::<T>().rsplit("::").next().expect("a path has a last part")
}

fn expected(table: &str, name: &str) -> BTreeSet<String> {
    let mut words = table.split_whitespace().skip_while(|word| *word != format!("{name}:"));
    assert!(words.next().is_some(), "{name} is not in the table");
    words.take_while(|word| !word.ends_with(':')).map(str::to_owned).collect()
}

fn check<T: PartialSchema>(table: &str) {
    let name = type_name::<T>();
    let RefOr::T(Schema::Object(object)) = T::schema() else { panic!("{name} is no object") };
    let star = |key: &String| if object.required.contains(key) { "*" } else { "" };
    let found = object.properties.keys().map(|key| format!("{key}{}", star(key))).collect();
    assert_eq!(expected(table, name), found, "{name}");
}

fn check_query<T: IntoParams>() {
    let name = type_name::<T>();
    let star = |required: &Required| if *required == Required::True { "*" } else { "" };
    let parameters = T::into_params(|| None);
    let found = parameters.iter().map(|p| format!("{}{}", p.name, star(&p.required))).collect();
    assert_eq!(expected(QUERIES, name), found, "{name}");
}

macro_rules! check_all {
    ($table:ident: $($name:ident)*) => { $(check::<$name>($table);)* };
}

#[test]
fn responses_have_every_key_of_the_contract_and_always_emit_the_starred_ones() {
    check_all! { RESPONSES: Addon Plan Charge FeatureEntitlement CreditEntitlement Product Feature Currency Grant Consumed ReservationReleased AutoRecharge LedgerEntry LedgerBreakdown Customer EffectiveEntitlements EffectiveFeature EffectiveCredit Subscription Provisioned FutureUpdate TargetPackage SubscriptionTrial Removed SubscriptionPreview PreviewInvoice PreviewPeriod PreviewDiscountDetails PreviewDiscount PreviewInvoiceLine FreeItem CreditPreview RecurringCreditPreview TaskStarted Task TaskFailure TestClock Environment UpcomingStep UpcomingExpiry UpcomingGrant Reservation ReservationExtended ListedReservation ReservationHold EntryReversed FeatureReference UsageReported UsageCredit UsagesReported UsageReportedOfMany UsageCreditOfMany PoolBalance UsageHistory UsageMarker UsageSeries UsagePoint Tag EventsAccepted Estimate CurrencyEstimate FeatureEstimate CreditUsage CreditUsageCurrency CreditUsageSeries CreditUsagePoint Forecast WindowForecast PromotionalEntitlement Decision DecisionActor DecisionSubscription DecisionMapping DecisionDraw LimitHit Invoice InvoiceLine Contract ContractInvoice ContractNextInvoice ContractSubscription }
}

#[test]
fn bodies_take_every_key_of_the_contract_and_demand_the_starred_ones() {
    check_all! { BODIES: CreateAddon UpdateAddon CreatePlan UpdatePlan PublishPackage CreateProduct UpdateProduct DuplicateProduct CreateFeature UpdateFeature CreateCurrency UpdateCurrency CreateGrant Consume ConsumeBatch ReleaseReservation CreateCustomer UpdateCustomer ProvisionSubscription UpdateSubscription CancelSubscription CreateEntitlements ChargesInput OveragePricingModel PricePeriod OverageFeature PricingModel CreateFeatureEntitlement CreateCreditEntitlement UpdateFeatureEntitlement UpdateCreditEntitlement MeterInput SubscriptionFeatureInput MigrateSubscription TransferSubscription DelegateSubscription PreviewSubscription BillableFeatureInput ImportSubscriptions ImportedSubscription CreateEnvironment UpdateEnvironment SetTestClock ExtendReservation ReverseEntry ReportUsages ReportUsage EstimateUsage ReportEvents ReportEvent EstimateEvent GrantPromotionals PromotionalInput AggregationInput MeterFilter MeterCondition UnitTransformationInput EnumValueInput CreditRateInput }
}

fn texts<T: WireEnum>() -> String {
    T::TEXTS.join("|")
}

#[test]
fn enums_have_the_spellings_of_the_contract() {
    assert_eq!(texts::<SubscriptionMigrationTime>(), "END_OF_BILLING_PERIOD|IMMEDIATE");
    assert_eq!(texts::<ScheduleStatus>(), "PENDING_PAYMENT|SCHEDULED|CANCELED|DONE|FAILED");
    assert_eq!(
        texts::<SubscriptionScheduleType>(),
        "DOWNGRADE|PLAN|BILLING_PERIOD|UNIT_AMOUNT|RECURRING_CREDITS|PRICE_OVERRIDE|ADDON|COUPON|\
         MIGRATE_TO_LATEST|ADDITIONAL_META_DATA|BILLING_INFO_METADATA"
    );
    assert_eq!(texts::<TaskType>(), "MIGRATE_SUBSCRIPTIONS|IMPORT_SUBSCRIPTIONS");
    assert_eq!(texts::<TaskStatus>(), "IN_PROGRESS|COMPLETED|COMPLETED_WITH_ERRORS");
    assert_eq!(texts::<EnvironmentType>(), "PRODUCTION|SANDBOX");
    assert_eq!(texts::<PeriodAlignment>(), "SUBSCRIPTION_START|START_OF_MONTH");
    assert_eq!(texts::<CreditProration>(), "NONE|PRORATE");
    assert_eq!(texts::<UpcomingChange>(), "STARTS|TRIAL_ENDS|UPDATES|RENEWS|ENDS");
}

#[test]
fn enums_of_usage_and_checks_have_the_spellings_of_the_contract() {
    assert_eq!(
        texts::<AccessDeniedReason>(),
        "FeatureNotFound|CustomerNotFound|CustomerIsArchived|CustomerResourceNotFound|\
         NoActiveSubscription|NoFeatureEntitlementInSubscription|RequestedUsageExceedingLimit|\
         RequestedValuesMismatch|BudgetExceeded|Unknown|FeatureTypeMismatch|Revoked|\
         InsufficientCredits|EntitlementNotFound"
    );
    assert_eq!(texts::<UpdateBehavior>(), "DELTA|SET");
    assert_eq!(texts::<UsageMarkerType>(), "PERIODIC_RESET|SUBSCRIPTION_CHANGE_RESET");
    assert_eq!(
        texts::<EstimateWarning>(),
        "RESOURCE_SCOPED_SUBSCRIPTION_EXISTS|FEATURE_NOT_FOUND|FEATURE_NOT_CREDIT_BASED"
    );
    assert_eq!(texts::<EstimateWarningCode>(), "UNSUPPORTED_AGGREGATION");
    assert_eq!(texts::<PromotionalPeriod>(), "1 week|1 month|6 month|1 year|lifetime|custom");
    assert_eq!(texts::<PromotionalStatus>(), "Active|Expired|Paused");
    assert_eq!(texts::<TimeRange>(), "LAST_DAY|LAST_WEEK|LAST_MONTH|LAST_YEAR");
    assert_eq!(texts::<ReservationStatus>(), "ACTIVE|RELEASED");
    assert_eq!(texts::<ListedReservationStatus>(), "ACTIVE|RELEASED|EXPIRED");
    assert_eq!(texts::<ForecastWindow>(), "LAST_DAY|LAST_WEEK");
    assert_eq!(texts::<ActorType>(), "API_KEY|OPERATOR|SYSTEM|HOST");
    assert_eq!(texts::<DecisionKind>(), "CHECK|CONSUMPTION|REFUSAL|RESERVATION");
    assert_eq!(texts::<DecisionOutcome>(), "GRANTED|DENIED|CONSUMED|REFUSED|RESERVED");
    assert_eq!(texts::<LimitType>(), "USAGE_LIMIT|BALANCE|BUDGET");
    assert_eq!(texts::<Enforcement>(), "SOFT|HARD|STRICT");
    assert_eq!(texts::<AggregationFunction>(), "SUM|MAX|MIN|AVG|COUNT|UNIQUE");
    assert_eq!(
        texts::<ConditionOperation>(),
        "EQUALS|NOT_EQUALS|GREATER_THAN|GREATER_THAN_OR_EQUAL|LESS_THAN|LESS_THAN_OR_EQUAL|\
         IS_NULL|IS_NOT_NULL|CONTAINS|STARTS_WITH|ENDS_WITH|IN"
    );
}

#[test]
fn enums_of_billing_have_the_spellings_of_the_contract() {
    assert_eq!(texts::<InvoiceState>(), "OPEN|CANCELED|PAID");
    assert_eq!(
        texts::<InvoiceReason>(),
        "BILLING_CYCLE|SUBSCRIPTION_CREATION|SUBSCRIPTION_UPDATE|MANUAL|\
         MINIMUM_INVOICE_AMOUNT_EXCEEDED|OTHER"
    );
    assert_eq!(texts::<InvoiceOrder>(), "issueDate|dueDate|total");
    assert_eq!(texts::<OrderDirection>(), "ASC|DESC");
    assert_eq!(texts::<ContractState>(), "DRAFT|ACTIVE|CANCELED|END_BILLING");
}

#[test]
fn queries_take_every_parameter_of_the_contract() {
    check_query::<PackagesQuery>();
    check_query::<PageQuery>();
    check_query::<ProductsQuery>();
    check_query::<FeaturesQuery>();
    check_query::<CurrenciesQuery>();
    check_query::<GrantsQuery>();
    check_query::<AutoRechargeQuery>();
    check_query::<LedgerQuery>();
    check_query::<CustomersQuery>();
    check_query::<EntitlementsQuery>();
    check_query::<CheckQuery>();
    check_query::<SubscriptionsQuery>();
    check_query::<UpcomingQuery>();
    check_query::<ReservationsQuery>();
    check_query::<UsageHistoryQuery>();
    check_query::<CreditUsageQuery>();
    check_query::<PromotionalsQuery>();
    check_query::<InvoicesQuery>();
}
