//! Invoices and contracts: what a billing provider would tell of a customer.
//!
//! Without a provider there are none (`behaviour.md` §0.15), so these shapes are described and
//! never made.

use crate::money::Money;
use crate::number::Decimal;

wire_enum! {
    /// How an invoice stands.
    pub enum InvoiceState {
        /// It is to be paid.
        Open = "OPEN",
        /// It is not to be paid any more.
        Canceled = "CANCELED",
        /// It is paid.
        Paid = "PAID",
    }

    /// Why an invoice of a contract was made.
    pub enum InvoiceReason {
        /// A billing period began.
        BillingCycle = "BILLING_CYCLE",
        /// A subscription began.
        SubscriptionCreation = "SUBSCRIPTION_CREATION",
        /// A subscription changed.
        SubscriptionUpdate = "SUBSCRIPTION_UPDATE",
        /// Somebody made it.
        Manual = "MANUAL",
        /// What is to be paid reached the sum from which on there is an invoice.
        MinimumInvoiceAmountExceeded = "MINIMUM_INVOICE_AMOUNT_EXCEEDED",
        /// Another one.
        Other = "OTHER",
    }

    /// By what invoices are ordered.
    pub enum InvoiceOrder {
        /// When they were made.
        IssueDate = "issueDate",
        /// When they are to be paid.
        DueDate = "dueDate",
        /// Their sums.
        Total = "total",
    }

    /// Which way a list is ordered.
    pub enum OrderDirection {
        /// The least first.
        Ascending = "ASC",
        /// The greatest first.
        Descending = "DESC",
    }

    /// How a contract stands.
    pub enum ContractState {
        /// It is not in force yet.
        Draft = "DRAFT",
        /// It is in force.
        Active = "ACTIVE",
        /// It is over before its time.
        Canceled = "CANCELED",
        /// It is not billed any more.
        EndBilling = "END_BILLING",
    }
}

response! {
    /// An invoice.
    pub struct Invoice {
        /// The contract that it belongs to.
        pub contract_external_id: Option<String>,
        /// The lower-case code of the currency.
        pub currency: Option<String>,
        /// The customer.
        pub customer_external_id: Option<String>,
        /// What is taken off.
        pub discount: Option<Decimal>,
        /// When it is to be paid.
        pub due_date: Option<String>,
        /// The id outside.
        pub invoice_external_id: Option<String>,
        /// The id at the billing provider.
        pub invoice_id: String,
        /// Its number.
        pub invoice_number: Option<String>,
        /// When it was made.
        pub issue_date: Option<String>,
        /// What it is made of.
        pub line_items: Vec<InvoiceLine>,
        /// When it was paid.
        pub paid_date: Option<String>,
        /// How it stands.
        pub state: InvoiceState,
        /// The sum before discounts and tax.
        pub subtotal: Option<Decimal>,
        /// The tax.
        pub tax: Option<Decimal>,
        /// The sum to be paid.
        pub total: Option<Decimal>,
    }

    /// One line of an invoice.
    pub struct InvoiceLine {
        /// The sum of the line.
        pub amount: Option<Decimal>,
        /// What it is for.
        pub description: Option<String>,
        /// The product outside.
        pub product_external_id: Option<String>,
        /// How many units.
        pub quantity: Option<Decimal>,
        /// The price of one unit.
        pub unit_price: Option<Decimal>,
    }

    /// A contract: subscriptions that were agreed on together.
    pub struct Contract {
        /// The id at the billing provider.
        pub id: Option<String>,
        /// When it ends.
        pub activation_end_date: Option<String>,
        /// When it begins.
        pub activation_start_date: Option<String>,
        /// Another id at the billing provider.
        pub billing_id: Option<String>,
        /// How it stands at the billing provider.
        pub billing_state: Option<ContractState>,
        /// The id.
        pub contract_id: String,
        /// When it was made.
        pub created_at: Option<String>,
        /// The customer.
        pub customer_external_id: Option<String>,
        /// The id outside.
        pub external_id: String,
        /// The last invoice.
        pub latest_invoice: Option<ContractInvoice>,
        /// The name.
        pub name: Option<String>,
        /// The invoice that comes next.
        pub next_invoice: Option<ContractNextInvoice>,
        /// The number of the purchase order.
        pub po_number: Option<String>,
        /// The id, chosen by the caller.
        pub ref_id: Option<String>,
        /// How it stands.
        pub state: ContractState,
        /// What was agreed on.
        pub subscriptions: Vec<ContractSubscription>,
    }

    /// The last invoice of a contract.
    pub struct ContractInvoice {
        /// The id at the billing provider.
        pub billing_id: String,
        /// When it was made.
        pub created_at: String,
        /// Whether somebody has to do something before it can be paid.
        pub requires_action: bool,
        /// How it stands.
        pub status: InvoiceState,
    }
    optional {
        /// What is still to be paid.
        pub amount_due: Decimal,
        /// Why it was made.
        pub billing_reason: InvoiceReason,
        /// The lower-case code of the currency.
        pub currency: String,
        /// Where it can be read.
        pub pdf_url: String,
        /// The sum to be paid.
        pub total: Decimal,
    }

    /// The invoice of a contract that comes next.
    pub struct ContractNextInvoice {
        /// The sum to be paid.
        pub amount: Money,
        /// When it is to be paid.
        pub due_date: Option<String>,
        /// When the period ends that it is for.
        pub period_end: Option<String>,
        /// When the period begins that it is for.
        pub period_start: Option<String>,
    }
    optional {
        /// The id at the billing provider.
        pub invoice_id: String,
    }

    /// A subscription of a contract.
    pub struct ContractSubscription {
        /// The name of its plan.
        pub plan_display_name: Option<String>,
        /// The name of its product.
        pub product_display_name: Option<String>,
        /// The id.
        pub subscription_id: String,
    }
}
