//! What every success is wrapped in.

use serde::Serialize;
use utoipa::ToSchema;

use crate::error::ItemError;

/// A success: `{"data": …}`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Data<T> {
    /// The resource, or the list of them.
    pub data: T,
}

/// A success of a batch whose answer is a list: `{"data": […], "errors": […]}`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BatchData<T> {
    /// What became of the items that were applied, in their order.
    pub data: T,
    /// The items that were refused, where the caller asked for the good ones to be applied.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub errors: Vec<ItemError>,
}

/// One page of a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// The items, in the list's order.
    pub data: Vec<T>,
    /// Where the neighbouring pages are.
    pub pagination: Pagination,
}

response! {
    /// The cursors of the neighbouring pages; opaque, to be sent back as `after` and `before`.
    #[derive(Default, PartialEq, Eq)]
    pub struct Pagination {
        /// The cursor of the next page, or `null` at the end.
        pub next: Option<String>,
        /// The cursor of the page before, or `null` at the beginning.
        pub prev: Option<String>,
    }

    /// The id of what was removed.
    pub struct Removed {
        /// The id.
        pub id: String,
    }
}
