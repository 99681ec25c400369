//! Grants of credits.

use stipend_core::{CurrencyId, CustomerId, ResourceId, Timestamp};

use crate::entitlement::MetadataMap;
use crate::error::{ErrorCode, WireError};
use crate::money::{Money, MoneyCurrency};
use crate::number::{Decimal, ExactAmount, PositiveAmount, Priority};
use crate::opaque::{Opaque, OpaqueObject};
use crate::text::{FreeText, Metadata, Name};

wire_enum! {
    /// The kind of grant that can be made by hand.
    pub enum NewGrantType {
        /// It was paid for.
        Paid = "PAID",
        /// It was a gift.
        Promotional = "PROMOTIONAL",
    }

    /// The kind of a grant.
    pub enum GrantType {
        /// It was paid for.
        Paid = "PAID",
        /// It was a gift.
        Promotional = "PROMOTIONAL",
        /// It came from a plan or an add-on.
        Recurring = "RECURRING",
        /// It is the record of what was used beyond all grants.
        Overdraft = "OVERDRAFT",
    }

    /// The state of a grant, as of now.
    pub enum GrantStatus {
        /// It waits for its payment.
        PaymentPending = "PAYMENT_PENDING",
        /// It can be used.
        Active = "ACTIVE",
        /// Its time is over.
        Expired = "EXPIRED",
        /// It was taken back.
        Voided = "VOIDED",
        /// Its time has not come.
        Scheduled = "SCHEDULED",
    }

    /// What a recurring grant came from.
    pub enum GrantSource {
        /// A price.
        Price = "PRICE",
        /// A plan.
        PlanEntitlement = "PLAN_ENTITLEMENT",
        /// An add-on.
        AddonEntitlement = "ADDON_ENTITLEMENT",
    }

    /// How a payment stands.
    pub enum PaymentCollection {
        /// Nothing is to be paid here.
        NotRequired = "NOT_REQUIRED",
        /// It is on its way.
        Processing = "PROCESSING",
        /// It failed.
        Failed = "FAILED",
        /// The customer has to do something.
        ActionRequired = "ACTION_REQUIRED",
    }

    /// How a payment is asked for.
    pub enum PaymentCollectionMethod {
        /// The payment method is charged.
        Charge = "CHARGE",
        /// An invoice is sent.
        Invoice = "INVOICE",
        /// Not at all.
        None = "NONE",
    }
}

request! {
    /// Credits to give to a customer.
    pub struct CreateGrant {
        /// How many; above zero, and taken exactly.
        pub amount: PositiveAmount,
        /// The credit type.
        pub currency_id: CurrencyId,
        /// The customer.
        pub customer_id: CustomerId,
        /// A name for the grant.
        pub display_name: Name,
        /// The kind of grant.
        pub grant_type: NewGrantType,
        /// Whether the answer waits for the payment. Accepted and not kept: there is no billing
        /// provider, so there is nothing to wait for.
        pub await_payment_confirmation: Option<bool>,
        /// What the billing provider needs to know. Accepted and not kept.
        pub billing_information: Option<OpaqueObject>,
        /// A remark.
        pub comment: Option<FreeText>,
        /// What the whole grant costs; nothing where it is `PROMOTIONAL`. Kept and returned, not
        /// charged.
        pub cost: Option<CostInput>,
        /// When it can be used from; at once where this is not given.
        pub effective_at: Option<Timestamp>,
        /// When it ends; never where this is not given.
        pub expire_at: Option<Timestamp>,
        /// Texts of your own.
        pub metadata: Option<Metadata>,
        /// How its cost is paid. Accepted and not kept.
        pub payment_collection_method: Option<PaymentCollectionMethod>,
        /// 0 to 100, lower is drawn first; 50 where this is not given.
        pub priority: Option<Priority>,
        /// The resource it is for; the customer as a whole where this is not given.
        pub resource_id: Option<ResourceId>,
    }
    checked by check_cost;

    /// What something costs.
    pub struct CostInput {
        /// How much, in whole units of the currency.
        pub amount: ExactAmount,
        /// The currency.
        pub currency: MoneyCurrency,
    }
}

fn check_cost(body: &CreateGrant) -> Result<(), WireError> {
    let cost = body.cost.as_ref().map(|cost| cost.amount.0).unwrap_or_default();
    if body.grant_type == NewGrantType::Promotional && !cost.is_zero() {
        let message = "must be 0 where `grantType` is `PROMOTIONAL`: a gift has no price";
        let error = WireError::here(ErrorCode::ConflictingFields, message);
        return Err(error.under("amount").under("cost"));
    }
    Ok(())
}

response! {
    /// A grant of credits. `amount − consumedAmount` is what remains of it.
    pub struct Grant {
        /// The id.
        pub id: String,
        /// How many credits it holds; a void in part lowers it.
        pub amount: Decimal,
        /// A remark.
        pub comment: Option<String>,
        /// How many were used.
        pub consumed_amount: Decimal,
        /// What the whole grant costs; zero for gifts.
        pub cost: Money,
        /// When it was made.
        pub created_at: String,
        /// The credit type.
        pub currency_id: String,
        /// The customer.
        pub customer_id: String,
        /// Its name.
        pub display_name: String,
        /// When it can be used from.
        pub effective_at: String,
        /// When it ends, the instant itself excluded; `null` for never.
        pub expire_at: Option<String>,
        /// The kind of grant.
        pub grant_type: GrantType,
        /// The invoice for it.
        pub invoice_id: Option<String>,
        /// The last invoice for it.
        pub latest_invoice: Option<Opaque>,
        /// Texts of your own.
        pub metadata: MetadataMap,
        /// How many credits were granted at first (an addition of this server).
        pub original_amount: Decimal,
        /// How its payment stands.
        pub payment_collection: PaymentCollection,
        /// 0 to 100, lower is drawn first.
        pub priority: u8,
        /// The resource it is for.
        pub resource_id: Option<String>,
        /// What it came from.
        pub source_type: Option<GrantSource>,
        /// Its state as of now.
        pub status: GrantStatus,
        /// How outside systems know it.
        pub sync_states: Option<Vec<Opaque>>,
        /// When it was last changed.
        pub updated_at: String,
        /// When it was taken back.
        pub voided_at: Option<String>,
    }
}
