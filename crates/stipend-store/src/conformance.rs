//! The suite that every store passes: what the contract says, as tests.
//!
//! A store crate says how it opens its data and calls [`conformance_suite!`](crate::conformance_suite)
//! once; each case becomes a test of its own, on data of its own.
//!
//! ```
//! use stipend_store::{MemoryStore, Store, StoreError, conformance::Harness};
//!
//! #[derive(Default)]
//! struct Memory(Option<MemoryStore>);
//!
//! impl Harness for Memory {
//!     fn open(&mut self) -> Result<Box<dyn Store>, StoreError> {
//!         let store = self.0.get_or_insert_default().reopen();
//!         Ok(Box::new(store))
//!     }
//! }
//!
//! stipend_store::conformance_suite!(Memory::default());
//! # fn main() {}
//! ```
//!
//! A case panics where the store does not do what the contract says.

pub mod crash;
pub mod journal;
pub mod listing;
pub mod reading;
pub mod rolls;
pub mod unique;

mod fixture;

use crate::contract::{Store, StoreError};

/// How a store is opened for a case.
pub trait Harness {
    /// Opens the store over the harness's data: the first time over none, later over what the
    /// stores before it have left. All of these, and their readers, have been dropped.
    ///
    /// # Errors
    /// What the opening gives; the case fails then.
    fn open(&mut self) -> Result<Box<dyn Store>, StoreError>;
}

/// Makes a test of every case; the argument is an expression that gives a fresh
/// [`Harness`].
#[macro_export]
macro_rules! conformance_suite {
    ($harness:expr) => {
        $crate::conformance_suite! { @cases $harness;
            journal {
                an_empty_store_answers_nothing,
                the_first_batch_stands_at_position_one,
                every_column_reads_back,
                amounts_of_any_size_read_back,
                instants_of_any_size_read_back,
                the_greatest_numbers_read_back,
                bodies_of_any_bytes_read_back,
                a_body_of_a_megabyte_reads_back,
                keys_of_any_bytes_read_back,
                positions_are_gapless_over_many_batches,
                batches_of_every_size_read_back,
                a_batch_of_four_thousand_rows_reads_back,
                rows_are_paged_from_any_position,
                rows_behind_the_end_are_none,
                a_limit_of_zero_gives_no_rows,
                a_row_is_found_by_its_position,
                the_last_header_is_found_behind_its_rows,
                a_batch_without_rows_moves_the_last_header,
            }
            unique {
                an_append_at_a_taken_position_is_refused,
                an_append_beyond_the_end_is_refused,
                a_refused_position_leaves_no_trace,
                a_customer_id_is_unique_in_its_environment,
                a_customer_id_can_live_in_two_environments,
                a_customer_can_give_its_id_up,
                two_customers_cannot_swap_their_ids_in_one_batch,
                a_subscription_id_is_unique_in_its_environment,
                a_subscription_id_can_live_in_two_environments,
                a_pool_number_is_unique,
                a_pool_is_unique_by_slot_currency_and_resource,
                a_once_key_is_unique,
                once_keys_differ_by_environment_scope_and_bytes,
                a_duplicate_within_one_batch_is_refused,
                a_duplicate_leaves_no_trace_in_any_table,
                a_catalog_row_of_the_same_instant_is_replaced,
                names_that_differ_in_case_are_different,
            }
            reading {
                images_come_by_segment,
                an_image_is_replaced_by_its_segment,
                an_image_of_a_megabyte_reads_back,
                a_once_key_is_found_with_the_position_of_its_effect,
                an_unknown_once_key_is_not_found,
                keys_since_begins_with_the_first_batch_recorded_then,
                keys_since_does_not_look_at_the_rows_own_instants,
                keys_since_agrees_with_a_scan,
                the_secret_stays_the_same,
                an_unknown_meta_value_is_none,
                a_reader_sees_an_append_at_once,
                readers_on_many_threads_see_whole_batches_only,
                readers_list_while_customers_are_appended,
            }
            listing {
                customers_come_newest_first,
                customers_are_listed_by_environment,
                customers_are_found_by_their_exact_name,
                customers_are_found_by_their_exact_email,
                customers_are_found_by_when_they_were_made,
                archived_customers_are_left_out,
                a_replaced_customer_is_listed_as_it_is_now,
                names_of_any_text_are_found,
                a_cursor_need_not_be_listed_itself,
                customer_pages_meet_in_both_directions,
                customers_agree_with_a_scan,
                subscriptions_come_newest_first,
                subscriptions_are_found_by_their_customer,
                subscriptions_are_found_by_plan_and_resource,
                subscriptions_are_found_by_any_of_several_statuses,
                a_replaced_subscription_is_listed_as_it_is_now,
                subscription_pages_meet_in_both_directions,
                subscriptions_agree_with_a_scan,
            }
            crash {
                reopening_shows_what_was_acknowledged_after_every_step,
                a_refused_batch_does_not_appear_after_reopening,
                every_table_reads_back_after_reopening,
                the_secret_survives_reopening,
                positions_go_on_after_reopening,
                uniqueness_holds_after_reopening,
                an_empty_store_reopens_empty,
            }
        }
    };
    (@cases $harness:expr; $($module:ident { $($case:ident),+ $(,)? })+) => {
        $(mod $module {
            use super::*;

            $(#[test]
            fn $case() {
                $crate::conformance::$module::$case(&mut $harness);
            })+
        })+
    };
}
