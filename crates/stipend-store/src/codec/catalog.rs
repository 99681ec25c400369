//! How the catalog is written. The numbers are frozen: see [`crate::codec`].

use crate::{choice, newtype, record};
use stipend_core::Cadence;
use stipend_core::catalog::{
    AddonTerms, Aggregation, Alignment, Behavior, CancellationTime, Catalog, CatalogChange,
    ChargeRow, Charges, Comparison, Condition, CreditProration, CreditRate, CreditTerms,
    CreditType, Document, EndSetup, Enforcement, Entitlement, EntitlementTerms, EnumValue, Feature,
    FeatureStatus, FeatureTerms, FeatureType, Meter, MeterType, Package, PackageDetails,
    PackageKey, PackageKind, PackageVersion, PlanTerms, Pricing, Product, ProductSettings, Reset,
    ResetPeriod, RoundUnits, Settings, StartSetup, Target, TrialBudget, TrialConfig, TrialEnd,
    TrialUnit, UnitTransformation, Units, UsageReset, VersionStatus, Widget,
};

newtype!(Document(String));

choice!(Cadence { 1 => Month, 2 => Year });
choice!(UsageReset { 1 => Always, 2 => Never, 3 => BillingPeriodChange });
choice!(StartSetup { 1 => PlanSelection, 2 => TrialPeriod, 3 => FreePlan });
choice!(EndSetup { 1 => DowngradeToFree, 2 => CancelSubscription });
choice!(CancellationTime { 1 => EndOfBillingPeriod, 2 => Immediate, 3 => SpecificDate });
record!(ProductSettings {
    1 => cancellation_time,
    2 => end_setup,
    3 => start_setup,
    4 => downgrade_plan,
    5 => prorate_at_end,
    6 => start_plan,
});
record!(Product {
    1 => id,
    2 => name,
    3 => description,
    4 => metadata,
    5 => multiple_subscriptions,
    6 => archived_at,
    7 => settings,
    8 => usage_reset,
    9 => subscribed,
    10 => created_at,
    11 => updated_at,
});

record!(Units { 1 => singular, 2 => plural });
record!(CreditType {
    1 => id,
    2 => name,
    3 => description,
    4 => symbol,
    5 => units,
    6 => metadata,
    7 => archived_at,
    8 => created_at,
    9 => updated_at,
});

choice!(FeatureType { 1 => Boolean, 2 => Number, 3 => Enum });
choice!(MeterType { 1 => None, 2 => Fluctuating, 3 => Incremental });
choice!(FeatureStatus { 1 => New, 2 => Suspended, 3 => Active });
choice!(RoundUnits { 1 => Up, 2 => Down });
record!(EnumValue { 1 => value, 2 => name });
choice!(Aggregation {
    1 => Count,
    2 => Sum(String),
    3 => Max(String),
    4 => Min(String),
    5 => Avg(String),
    6 => Unique(String),
});
choice!(Comparison {
    1 => Equals,
    2 => NotEquals,
    3 => GreaterThan,
    4 => GreaterThanOrEqual,
    5 => LessThan,
    6 => LessThanOrEqual,
    7 => IsNull,
    8 => IsNotNull,
    9 => Contains,
    10 => StartsWith,
    11 => EndsWith,
    12 => In,
});
record!(Condition { 1 => field, 2 => comparison, 3 => values });
record!(Meter { 1 => aggregation, 2 => filters, 3 => document });
record!(UnitTransformation { 1 => divide, 2 => round, 3 => units, 4 => units_plural });
record!(Feature {
    1 => id,
    2 => name,
    3 => description,
    4 => feature_type,
    5 => meter_type,
    6 => status,
    7 => units,
    8 => units_plural,
    9 => enum_values,
    10 => unit_transformation,
    11 => meter,
    12 => metadata,
    13 => created_at,
    14 => updated_at,
});

choice!(PackageKind { 1 => Plan, 2 => Addon });
record!(PackageKey { 1 => kind, 2 => id });
choice!(Behavior { 1 => Increment, 2 => Override });
choice!(Widget { 1 => Paywall, 2 => CustomerPortal, 3 => Checkout });
choice!(ResetPeriod { 1 => Year, 2 => Month, 3 => Week, 4 => Day, 5 => Hour });
record!(Reset { 1 => period, 2 => according_to });
choice!(Target { 1 => Feature(stipend_core::FeatureId), 2 => Credit(stipend_core::CurrencyId) });
record!(FeatureTerms {
    1 => usage_limit,
    2 => unlimited,
    3 => soft_limit,
    4 => enum_values,
    5 => reset,
    6 => enforcement,
});
choice!(Enforcement { 1 => Soft, 2 => Hard, 3 => Strict });
record!(CreditTerms {
    1 => amount,
    2 => cadence,
    3 => soft_limit,
    4 => per_unit_of,
    5 => enforcement,
});
choice!(Alignment { 1 => SubscriptionStart, 2 => StartOfMonth });
choice!(CreditProration { 1 => Whole, 2 => Prorate });
record!(Settings { 1 => zone, 2 => alignment, 3 => proration });
choice!(EntitlementTerms { 1 => Feature(FeatureTerms), 2 => Credit(CreditTerms) });
record!(Entitlement {
    1 => target,
    2 => terms,
    3 => behavior,
    4 => granted,
    5 => custom,
    6 => description,
    7 => name_override,
    8 => hidden_from,
    9 => order,
    10 => created_at,
    11 => updated_at,
});
choice!(Pricing { 1 => Free, 2 => Paid, 3 => Custom });
record!(ChargeRow { 1 => created_at, 2 => row });
record!(Charges { 1 => rows, 2 => overage, 3 => rates });
record!(CreditRate {
    1 => feature,
    2 => billing_period,
    3 => currency,
    4 => amount,
    5 => formula,
});
choice!(TrialUnit { 1 => Day, 2 => Month });
choice!(TrialEnd { 1 => ConvertToPaid, 2 => CancelSubscription });
record!(TrialBudget { 1 => limit, 2 => soft_limit });
record!(TrialConfig { 1 => duration, 2 => units, 3 => budget, 4 => end });
record!(PlanTerms { 1 => parent, 2 => compatible_addons, 3 => trial });
record!(AddonTerms { 1 => max_quantity, 2 => dependencies });
choice!(PackageDetails { 1 => Plan(PlanTerms), 2 => Addon(AddonTerms) });
choice!(VersionStatus { 1 => Draft, 2 => Published });
record!(PackageVersion {
    1 => version,
    2 => status,
    3 => published_at,
    4 => name,
    5 => description,
    6 => billing_id,
    7 => pricing,
    8 => metadata,
    9 => entitlements,
    10 => charges,
    11 => details,
    12 => created_at,
    13 => updated_at,
});
record!(Package {
    1 => key,
    2 => product,
    3 => published,
    4 => draft,
    5 => archived_at,
    6 => subscribed_version,
    7 => created_at,
});

choice!(CatalogChange {
    1 => Product(Product),
    2 => CreditType(CreditType),
    3 => Feature(Feature),
    4 => Package(Package),
    5 => Settings(Settings),
});
record!(Catalog {
    1 => products,
    2 => credit_types,
    3 => features,
    4 => packages,
    5 => settings,
});
