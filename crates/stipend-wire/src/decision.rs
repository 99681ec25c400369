//! Decisions: how one check, consumption or refusal came about, kept for whoever asks why.
//!
//! It is an addition of this server (`GET /api/v1/decisions/{id}`).

use crate::access::AccessDeniedReason;
use crate::entitlement::Enforcement;
use crate::error::ErrorCode;
use crate::explain::PackageType;
use crate::number::Decimal;
use crate::opaque::Opaque;

wire_enum! {
    /// What was decided.
    pub enum DecisionKind {
        /// Whether something may be used.
        Check = "CHECK",
        /// What a use costs, and which grants give it.
        Consumption = "CONSUMPTION",
        /// That a use is not recorded.
        Refusal = "REFUSAL",
        /// Which grants hold what is reserved.
        Reservation = "RESERVATION",
    }

    /// How it was decided.
    pub enum DecisionOutcome {
        /// It may be used.
        Granted = "GRANTED",
        /// It may not be used.
        Denied = "DENIED",
        /// It was recorded, and paid for.
        Consumed = "CONSUMED",
        /// It was not recorded.
        Refused = "REFUSED",
        /// It is reserved.
        Reserved = "RESERVED",
    }

    /// What stood in the way.
    pub enum LimitType {
        /// The greatest usage of the feature.
        UsageLimit = "USAGE_LIMIT",
        /// The credits of the pool.
        Balance = "BALANCE",
        /// What the subscription may spend.
        Budget = "BUDGET",
    }

    /// What kind of actor had something done.
    pub enum ActorType {
        /// Whoever had an API key.
        ApiKey = "API_KEY",
        /// An operator of the dashboard.
        Operator = "OPERATOR",
        /// Nobody: time did what was due.
        System = "SYSTEM",
        /// Whoever runs the server: its settings, its command line.
        Host = "HOST",
    }
}

response! {
    /// How one check, consumption or refusal came about.
    pub struct Decision {
        /// The id.
        pub decision_id: String,
        /// What was decided.
        pub kind: DecisionKind,
        /// How it was decided.
        pub outcome: DecisionOutcome,
        /// When.
        pub at: String,
        /// The customer that was named, also where there is none.
        pub customer_id: String,
        /// The resource; `null` for the customer as a whole.
        pub resource_id: Option<String>,
        /// The feature; `null` where credits were named directly.
        pub feature_id: Option<String>,
        /// The credit type; `null` for a feature that costs none.
        pub currency_id: Option<String>,
        /// The usage that was asked for or reported; `null` where none was named.
        pub requested_usage: Option<Decimal>,
        /// What it costs in credits; `null` where it costs none.
        pub cost: Option<Decimal>,
        /// Why a check denied; `null` where it granted, and for everything else.
        pub access_denied_reason: Option<AccessDeniedReason>,
        /// The code of a refusal; `null` for everything else.
        pub error_code: Option<ErrorCode>,
        /// The subscription whose terms counted; `null` where none did.
        pub subscription: Option<DecisionSubscription>,
        /// What the feature costs by those terms; `null` where credits were named directly.
        pub mapping: Option<DecisionMapping>,
        /// What each grant gave, or would have given, in burn order.
        pub draws: Vec<DecisionDraw>,
        /// How many more grants there are than `draws` names: of what wrote nothing, the first 100
        /// are kept.
        pub draws_left_out: usize,
        /// What went, or would have gone, to the overdraft.
        pub overdraft: Decimal,
        /// The limit that was reached; `null` where none was. A soft one stood in nobody's way.
        pub limit_hit: Option<LimitHit>,
        /// The entry of the ledger that reverses it; `null` where none does.
        pub reversed_by: Option<String>,
        /// Who has done it; `null` where it wrote nothing, or where that was not recorded.
        pub by: Option<DecisionActor>,
    }

    /// Who had something done.
    #[derive(PartialEq, Eq)]
    pub struct DecisionActor {
        /// Which kind.
        pub r#type: ActorType,
        /// The name of the operator or the API key; `null` where there is none.
        pub name: Option<String>,
        /// The last characters of the API key; `null` for everybody else.
        pub key_hint: Option<String>,
    }

    /// The subscription whose terms counted.
    #[derive(PartialEq, Eq)]
    pub struct DecisionSubscription {
        /// The subscription.
        pub id: String,
        /// Its plan.
        pub plan_id: String,
        /// The version of the plan.
        pub version: u32,
    }

    /// What a feature costs, by a price of a package.
    pub struct DecisionMapping {
        /// The plan or add-on with the price.
        pub package_id: String,
        /// Which of both.
        pub package_type: PackageType,
        /// Its version.
        pub version: u32,
        /// Credits per unit.
        pub rate: Decimal,
        /// The formula for the cost of one event; `null` where the package has none.
        pub cost_formula: Option<String>,
        /// What rate or formula was applied to, by name: `usageBefore` and `usageAfter`, or the
        /// dimensions that the formula names, `null` for one that was not given and counts as 0.
        pub inputs: Opaque,
        /// Whether a check took each unit at the rate, because there is no event yet to which the
        /// formula could be applied.
        pub is_estimate: bool,
    }

    /// What one grant gave.
    pub struct DecisionDraw {
        /// The grant.
        pub grant_id: String,
        /// Its name; `null` where it ended too long ago to be looked for.
        pub grant_name: Option<String>,
        /// How many credits.
        pub amount: Decimal,
        /// Why it was its turn, in one sentence.
        pub rule: String,
    }

    /// The limit that was reached.
    pub struct LimitHit {
        /// Which one.
        pub r#type: LimitType,
        /// How high it is.
        pub limit: Decimal,
        /// How much of it was used before.
        pub current_usage: Decimal,
        /// How much was asked for.
        pub requested: Decimal,
        /// How it is enforced.
        pub enforcement: Enforcement,
    }
}
