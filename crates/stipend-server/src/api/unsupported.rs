//! The operations of the contract that this server does not have.
//!
//! Each is refused with `not_supported` once its key is known, so that nobody takes it for a wrong
//! id. They are in no description of the API: only what is served is described.

use crate::app::App;
use crate::context::{By, ToCheck, WithQuery};
use crate::error::ApiError;
use axum::Router;
use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodFilter, on};
use stipend_engine::Access;
use stipend_wire::ErrorCode;

/// An operation that is refused.
#[derive(Debug)]
struct Missing {
    method: Method,
    path: &'static str,
    /// What a key would have to allow.
    access: Access,
    /// Why it is not there, or what there is instead.
    why: &'static str,
}

const COUPONS: &str = "this server has no coupons";
const CONTRACTS: &str =
    "this server has no contracts; subscriptions are provided with `POST /api/v1/subscriptions`";
const INTEGRATIONS: &str = "nothing acts on links to outside systems here; they are kept where they \
    are sent as `integrations` of the customer";
const PAYMENT_METHODS: &str = "there is no billing provider that could take payments";
const IMPORT: &str = "create the customers one by one with `POST /api/v1/customers`";
const PENDING_PAYMENT: &str = "there is no billing provider, so no update waits for a payment";
const INVOICES: &str = "there is no billing provider, so there are no invoices";
const BILLED_USAGE: &str = "there is no billing provider that usage could be charged with";
const GOVERNANCE: &str = "this server has no limits for the entities of a customer";
const GOVERNED_CHECK: &str = "this server has no limits for the entities of a customer; ask \
    `GET /api/v1/customers/{id}/entitlements/check`";
const DATA_EXPORT: &str =
    "this server exports to nowhere; the views of its database can be read with SQL";

/// Its path is that of a customer with this id, who may exist: it is looked for where that path has
/// no such method.
static CUSTOMER_IMPORT: Missing = manage(Method::POST, "/api/v1/customers/import", IMPORT);

/// All the others.
static MISSING: [Missing; 37] = [
    read("/api/v1/customers/{id}/integrations", INTEGRATIONS),
    manage(Method::POST, "/api/v1/customers/{id}/integrations", INTEGRATIONS),
    read("/api/v1/customers/{id}/integrations/{integrationId}", INTEGRATIONS),
    manage(Method::PATCH, "/api/v1/customers/{id}/integrations/{integrationId}", INTEGRATIONS),
    manage(Method::DELETE, "/api/v1/customers/{id}/integrations/{integrationId}", INTEGRATIONS),
    manage(Method::POST, "/api/v1/customers/{id}/payment-method", PAYMENT_METHODS),
    manage(Method::DELETE, "/api/v1/customers/{id}/payment-method", PAYMENT_METHODS),
    manage(
        Method::DELETE,
        "/api/v1/subscriptions/{id}/future-update/pending-payment",
        PENDING_PAYMENT,
    ),
    manage(Method::POST, "/api/v1/subscriptions/{id}/invoice/paid", INVOICES),
    manage(Method::POST, "/api/v1/subscriptions/{id}/usage/charge", BILLED_USAGE),
    manage(Method::POST, "/api/v1/subscriptions/{id}/usage/sync", BILLED_USAGE),
    read("/api/v1/coupons", COUPONS),
    manage(Method::POST, "/api/v1/coupons", COUPONS),
    read("/api/v1/coupons/{id}", COUPONS),
    manage(Method::PATCH, "/api/v1/coupons/{id}", COUPONS),
    manage(Method::POST, "/api/v1/coupons/{id}/archive", COUPONS),
    read("/api/v1/contracts", CONTRACTS),
    manage(Method::POST, "/api/v1/contracts", CONTRACTS),
    read("/api/v1/contracts/{id}", CONTRACTS),
    manage(Method::PATCH, "/api/v1/contracts/{id}", CONTRACTS),
    manage(Method::POST, "/api/v1/contracts/{id}/archive", CONTRACTS),
    read("/api/v1-beta/customers/{id}/assignments", GOVERNANCE),
    manage(Method::PUT, "/api/v1-beta/customers/{id}/assignments", GOVERNANCE),
    read("/api/v1-beta/customers/{id}/entities", GOVERNANCE),
    manage(Method::PUT, "/api/v1-beta/customers/{id}/entities", GOVERNANCE),
    manage(Method::POST, "/api/v1-beta/customers/{id}/entities/archive", GOVERNANCE),
    manage(Method::POST, "/api/v1-beta/customers/{id}/entities/unarchive", GOVERNANCE),
    read("/api/v1-beta/customers/{id}/entities/{entityId}", GOVERNANCE),
    check("/api/v1-beta/customers/{id}/entitlements/check", GOVERNED_CHECK),
    read("/api/v1-beta/customers/{id}/governance", GOVERNANCE),
    read("/api/v1-beta/entity-types", GOVERNANCE),
    manage(Method::PUT, "/api/v1-beta/entity-types", GOVERNANCE),
    manage(Method::POST, "/api/v1/data-export/destinations", DATA_EXPORT),
    manage(Method::PATCH, "/api/v1/data-export/destinations/{destinationId}", DATA_EXPORT),
    manage(Method::DELETE, "/api/v1/data-export/destinations/{destinationId}", DATA_EXPORT),
    read("/api/v1/data-export/models", DATA_EXPORT),
    manage(Method::POST, "/api/v1/data-export/sync", DATA_EXPORT),
];

const fn check(path: &'static str, why: &'static str) -> Missing {
    Missing { method: Method::GET, path, access: Access::Check, why }
}

const fn read(path: &'static str, why: &'static str) -> Missing {
    Missing { method: Method::GET, path, access: Access::Read, why }
}

const fn manage(method: Method, path: &'static str, why: &'static str) -> Missing {
    Missing { method, path, access: Access::Manage, why }
}

/// The routes of all that has a path of its own.
pub(crate) fn router() -> Router<App> {
    MISSING.iter().fold(Router::new(), |router, missing| {
        let method = MethodFilter::try_from(missing.method.clone());
        let method = method.expect("the methods of the contract are common ones");
        let handler = move |State(app): State<App>, request: Request| missing.refuse(app, request);
        router.route(missing.path, on(method, handler))
    })
}

/// What is answered where a path of the API has no such method.
pub(crate) async fn no_such_method(State(app): State<App>, request: Request) -> Response {
    let missing = &CUSTOMER_IMPORT;
    if *request.method() == missing.method && request.uri().path() == missing.path {
        return missing.refuse(app, request).await.into_response();
    }
    StatusCode::METHOD_NOT_ALLOWED.into_response()
}

impl Missing {
    /// The refusal. The body is not looked at: none would do.
    async fn refuse(&self, app: App, request: Request) -> ApiError {
        let (mut parts, _) = request.into_parts();
        // Whoever is known may check.
        let caller = By::<ToCheck, WithQuery>::from_request_parts(&mut parts, &app).await;
        if let Err(error) = caller.and_then(|caller| caller.check_access(self.access)) {
            return error;
        }
        let Self { method, path, why, .. } = self;
        ApiError::new(ErrorCode::NotSupported, format!("`{method} {path}` is not supported: {why}"))
    }
}
