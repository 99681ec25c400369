//! The use of credits over time, and how long they will last.

use crate::envelope::Pagination;
use crate::number::Decimal;
use crate::usage::Tag;

wire_enum! {
    /// How far back a report goes.
    pub enum TimeRange {
        /// A day.
        LastDay = "LAST_DAY",
        /// A week.
        LastWeek = "LAST_WEEK",
        /// A month.
        LastMonth = "LAST_MONTH",
        /// A year.
        LastYear = "LAST_YEAR",
    }

    /// What a forecast takes the pace of use from.
    pub enum ForecastWindow {
        /// The 24 hours before.
        LastDay = "LAST_DAY",
        /// The 7 days before.
        LastWeek = "LAST_WEEK",
    }
}

impl TimeRange {
    /// How far back a report goes without `timeRange` and `startDate`.
    pub const DEFAULT: Self = Self::LastMonth;
}

response! {
    /// The use of credits over time. Unlike other lists it has its pages inside.
    pub struct CreditUsage {
        /// The credit type; `null` where none was asked for, or where it does not exist.
        pub currency: Option<CreditUsageCurrency>,
        /// Where the neighbouring pages of series are.
        pub pagination: Pagination,
        /// One series for each feature or combination of dimensions.
        pub series: Vec<CreditUsageSeries>,
    }

    /// The credit type of a report.
    #[derive(PartialEq, Eq)]
    pub struct CreditUsageCurrency {
        /// The id.
        pub currency_id: String,
        /// The name.
        pub display_name: String,
        /// The name of several units.
        pub plural: Option<String>,
        /// The name of one unit.
        pub singular: Option<String>,
        /// The symbol.
        pub symbol: Option<String>,
    }

    /// The use of credits by one feature or combination of dimensions.
    pub struct CreditUsageSeries {
        /// How many different events there were; an event may count in several series.
        pub event_count: u64,
        /// The feature; `null` for direct use, and where only dimensions group.
        pub feature_id: Option<String>,
        /// Its name.
        pub feature_name: Option<String>,
        /// The points, in the order of their time.
        pub points: Vec<CreditUsagePoint>,
        /// All credits of the series.
        pub total_credits: Decimal,
    }
    optional {
        /// The combination of dimensions.
        pub tags: Vec<Tag>,
    }

    /// The use of credits in one step of time.
    pub struct CreditUsagePoint {
        /// How many different events there were.
        pub event_count: u64,
        /// When the step begins.
        pub timestamp: String,
        /// How many credits were used.
        pub value: Decimal,
    }

    /// How long the credits of a pool will last (an addition of this server).
    pub struct Forecast {
        /// When they run out: the earliest instant of the windows; `null` where none has one.
        pub runs_out_at: Option<String>,
        /// The same by the window that the pace is taken from.
        pub windows: Vec<WindowForecast>,
    }

    /// How long the credits of a pool will last at the pace of one window.
    pub struct WindowForecast {
        /// The window.
        pub window: ForecastWindow,
        /// How many credits were used in it.
        pub used: Decimal,
        /// The pace: credits in 24 hours.
        pub rate_per_day: Decimal,
        /// When they run out; `null` where nothing is used, or where the grants that are known to
        /// come keep up with it.
        pub runs_out_at: Option<String>,
        /// Whether they run out when a grant expires with credits left in it, and would last longer
        /// otherwise.
        pub is_grant_expiry_limited: bool,
    }
}
