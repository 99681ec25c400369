//! All rows of `bad-input.md`: where each is tested, or why it does not apply yet. A row that
//! stands in neither list, or names a test that is not there, fails.

use std::collections::BTreeSet;

/// The greatest row of the table; raise it with the table.
const ROWS: u8 = 91;

/// The files that the tests are in.
const FILES: &[(&str, &str)] = &[
    ("wire", include_str!("../../../stipend-wire/tests/bad_input.rs")),
    ("names", include_str!("../../../stipend-wire/tests/names.rs")),
    ("full_disk", include_str!("../../../stipend-store-sqlite/tests/it/full_disk.rs")),
    ("opening", include_str!("../../../stipend-store-sqlite/tests/it/opening.rs")),
    ("config", include_str!("../../../stipend/src/config.rs")),
    ("cli", include_str!("../../../../tests/e2e/test_cli.py")),
    ("auth", include_str!("auth.rs")),
    ("bad_input", include_str!("bad_input.rs")),
    ("bodies", include_str!("bad_input_bodies.rs")),
    ("queries", include_str!("bad_input_queries.rs")),
    ("scopes", include_str!("bad_input_scopes.rs")),
    ("sockets", include_str!("bad_input_sockets.rs")),
    ("texts", include_str!("bad_input_texts.rs")),
    ("dashboard", include_str!("dashboard.rs")),
    ("errors", include_str!("errors.rs")),
    ("failing_store", include_str!("failing_store.rs")),
    ("idempotency", include_str!("idempotency.rs")),
    ("overload", include_str!("overload.rs")),
    ("reservations", include_str!("reservations.rs")),
    ("key_scopes", include_str!("scopes.rs")),
    ("sign_in", include_str!("sign_in.rs")),
];

/// Rows, with the tests that hold them: `file: name`.
const TESTED: &[(&[u8], &[&str])] = &[
    (&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], &["wire: row_1_to_11_numbers_are_exact_or_refused"]),
    (
        &[12, 13, 14, 15, 16, 17, 19],
        &["bad_input: rows_12_to_19_the_document_itself_must_be_sound"],
    ),
    (
        &[18],
        &[
            "bad_input: rows_12_to_19_the_document_itself_must_be_sound",
            "sockets: row_18_a_length_that_is_too_great_is_refused_before_it_comes",
        ],
    ),
    (&[20, 21, 22, 23, 29], &["bad_input: rows_20_to_29_texts_and_ids_keep_to_their_kind"]),
    (&[24], &["bad_input: row_24_paths_lead_nowhere_but_to_ids"]),
    (
        &[25],
        &[
            "names: a_name_is_kept_in_the_composed_form",
            "texts: row_25_lookalikes_are_no_ids",
            "texts: row_25_names_may_look_like_anything_and_are_kept_composed",
        ],
    ),
    (
        &[26],
        &[
            "bad_input: row_26_ids_that_differ_in_case_are_two_customers",
            "texts: row_26_a_path_finds_the_id_in_its_own_letters_only",
        ],
    ),
    (
        &[27],
        &[
            "texts: row_27_texts_of_other_languages_are_stored_as_they_are",
            "texts: row_27_escapes_for_terminals_and_line_breaks_are_no_names",
        ],
    ),
    (&[28], &["texts: row_28_a_filter_is_compared_and_never_run"]),
    (&[30], &["texts: row_30_absurd_addresses_are_refused"]),
    (&[31, 33], &["bad_input: rows_31_and_33_only_plain_json_is_a_body"]),
    (&[32], &["texts: row_32_the_answer_is_json_whatever_is_accepted"]),
    (&[34], &["texts: row_34_no_encoding_of_a_body_is_undone"]),
    (&[35], &["sockets: row_35_a_head_is_bounded_however_it_arrives"]),
    (
        &[36],
        &[
            "bad_input: rows_36_and_76_to_78_queries_are_read_strictly",
            "sockets: row_36_an_address_of_64_kb_is_refused",
        ],
    ),
    (
        &[37],
        &[
            "sockets: row_37_a_head_that_dribbles_is_cut_off",
            "sockets: row_37_a_body_that_dribbles_is_cut_off",
            "sockets: row_37_who_never_reads_the_answers_is_cut_off",
            "sockets: row_37_sockets_that_do_nothing_do_not_stop_service",
        ],
    ),
    (&[38], &["sockets: row_38_the_end_of_a_body_is_never_a_matter_of_opinion"]),
    (&[39], &["sockets: row_39_other_protocols_and_methods_of_proxies"]),
    (&[40], &["sockets: row_40_a_flood_of_http_2_ends_at_its_beginning"]),
    (
        &[41],
        &[
            "bad_input: row_24_paths_lead_nowhere_but_to_ids",
            "errors: a_method_that_a_path_does_not_have_is_refused_with_those_it_has",
        ],
    ),
    (&[42, 53, 56, 75], &["bad_input: rows_42_to_56_what_a_consumption_must_say"]),
    (&[43], &["idempotency: row_43_another_body_under_the_same_key_has_no_effect"]),
    (&[44], &["idempotency: the_same_key_gives_the_first_answer_byte_by_byte"]),
    (
        &[45],
        &[
            "idempotency: row_45_the_same_key_on_another_path_is_another",
            "scopes: row_45_a_key_holds_in_its_environment_for_all_its_api_keys",
        ],
    ),
    (&[46], &["sockets: row_46_a_key_in_flight_is_waited_for"]),
    (
        &[47],
        &[
            "idempotency: row_47_a_key_must_be_a_short_text_that_is_sent_once",
            "scopes: row_47_a_key_in_a_body_may_have_any_letters",
        ],
    ),
    (
        &[48],
        &[
            "idempotency: row_48_what_was_refused_is_looked_at_anew",
            "scopes: row_48_a_consumption_that_was_refused_leaves_its_key_free",
        ],
    ),
    (&[49], &["idempotency: row_49_the_first_answer_stays_after_its_result_is_gone"]),
    (&[50], &["wire: row_50_batches_have_at_least_one_item_and_at_most_so_many"]),
    (&[51, 52], &["idempotency: rows_51_and_52_a_batch_is_whole_or_says_that_it_is_partial"]),
    (
        &[54],
        &[
            "scopes: row_54_usage_is_of_the_last_35_days",
            "scopes: row_54_a_grant_may_live_at_any_time",
        ],
    ),
    (&[55], &["bad_input: row_55_a_grant_must_have_a_time_to_live_in"]),
    (&[57, 58, 59, 60, 62], &["bad_input: rows_57_to_62_the_catalog_guards_itself"]),
    (&[61], &["errors: every_line_is_refused_with_its_code_and_changes_nothing"]),
    (&[63], &["scopes: row_63_credits_of_one_type_never_pay_for_another"]),
    (&[64], &["scopes: row_64_a_second_subscription_of_the_product_replaces_the_first_at_once"]),
    (
        &[65],
        &[
            "scopes: row_65_a_cancellation_that_is_asked_for_again_is_the_same",
            "scopes: row_65_a_subscription_that_ended_by_its_date_stays_ended",
        ],
    ),
    (
        &[66, 67],
        &[
            "bad_input: rows_65_to_67_what_is_ended_once_is_ended",
            "errors: every_story_ends_with_its_code",
        ],
    ),
    (
        &[68],
        &[
            "bad_input: rows_42_to_56_what_a_consumption_must_say",
            "bad_input: row_68_without_strict_the_shortfall_is_overdraft",
        ],
    ),
    (
        &[69],
        &[
            "reservations: a_release_charges_what_was_consumed_and_answers_the_same_again",
            "reservations: what_is_released_beyond_the_hold_and_after_the_end_is_consumed",
        ],
    ),
    (
        &[70, 71],
        &[
            "scopes: rows_70_and_71_what_lives_elsewhere_looks_like_what_lives_nowhere",
            "scopes: row_70_a_grant_of_another_environment_or_customer_is_not_found",
        ],
    ),
    (
        &[74],
        &[
            "scopes: row_74_a_key_that_reads_cannot_reserve_by_a_check_and_is_told_what_could",
            "key_scopes: every_route_is_refused_to_keys_whose_scope_does_not_allow_it_and_to_no_other",
        ],
    ),
    (
        &[72],
        &[
            "auth: every_operation_refuses_who_has_no_key",
            "scopes: row_72_a_key_in_the_query_is_refused_as_such",
            "scopes: row_72_a_key_is_read_from_its_own_header_only",
        ],
    ),
    (
        &[76],
        &[
            "bad_input: row_76_a_cursor_is_of_its_own_list",
            "scopes: row_76_a_cursor_of_another_environment_is_none",
        ],
    ),
    (&[77, 78], &["bad_input: rows_36_and_76_to_78_queries_are_read_strictly"]),
    (
        &[83],
        &[
            "sign_in: row_83_a_password_counts_to_its_last_byte",
            "sign_in: row_83_a_form_that_is_too_large_is_refused_as_such",
            "sign_in: a_wrong_name_is_answered_as_a_wrong_password_is",
            "sign_in: who_guesses_waits_longer_and_longer_and_the_right_password_waits_too",
        ],
    ),
    (
        &[84],
        &[
            "sign_in: row_84_a_session_that_is_made_up_is_none",
            "sign_in: a_new_password_ends_all_other_sessions",
            "dashboard: a_form_of_another_site_changes_nothing",
        ],
    ),
    (
        &[85],
        &[
            "bad_input: row_85_a_formula_is_refused_where_it_is_saved",
            "errors: every_story_ends_with_its_code",
        ],
    ),
    (
        &[86],
        &[
            "failing_store: while_the_store_cannot_write_changes_are_refused_and_reads_go_on",
            "full_disk: a_full_disk_refuses_whole_batches_until_there_is_room",
        ],
    ),
    (
        &[87],
        &[
            "failing_store: while_the_store_cannot_be_read_no_answer_says_why",
            "errors: every_story_ends_with_its_code",
        ],
    ),
    (
        // How long what was let in takes is measured, not tested.
        &[88],
        &[
            "overload: of_ten_times_what_may_be_under_way_nine_tenths_are_refused_at_once",
            "overload: large_bodies_share_a_room_and_small_ones_need_none",
        ],
    ),
    (&[89], &["sockets: row_89_a_client_that_is_gone_leaves_all_or_nothing"]),
    (
        &[90],
        &[
            "config: row_90_a_file_that_is_not_understood_is_refused_in_one_line",
            "cli: test_a_wrong_flag_is_a_usage_error",
            "cli: test_a_second_server_on_the_same_data_is_kept_out",
            "opening: a_newer_layout_is_refused",
        ],
    ),
];

/// Rows that nothing can show yet, with the reason.
const NOT_YET: &[(&[u8], &str)] = &[
    (&[73], "there are no publishable keys"),
    (&[79, 80, 81], "the server calls nobody: no webhook can be saved or sent"),
    (&[82], "there is no billing provider that would call"),
    (&[91], "there is no export and no import of data"),
];

/// Rows that are asked of every endpoint that reports, prices, checks, reserves, gives, reverses or
/// tells, in one loop over a table, with that loop.
const OF_EVERY_ENDPOINT: &[(&[u8], &str)] = &[
    (
        &[1, 2, 3, 4, 6, 7, 9, 10, 11, 20, 21, 22, 23, 25, 26, 27, 29, 42, 53, 54, 55, 56],
        "bodies: every_endpoint_refuses_what_a_field_of_its_kind_must_not_be",
    ),
    (&[12, 13, 16, 17, 18, 19], "bodies: every_endpoint_refuses_a_document_that_is_not_sound"),
    (&[14, 15, 75], "bodies: every_endpoint_refuses_keys_that_are_twice_or_not_of_the_contract"),
    (&[50], "bodies: every_list_has_at_least_one_item_and_no_more_than_it_may"),
    (&[31, 33, 34, 47, 70], "bodies: every_endpoint_takes_plain_json_only"),
    (&[5, 43, 44], "bodies: every_endpoint_takes_what_is_sound_and_does_it_once"),
    (&[49], "bodies: every_endpoint_without_a_key_of_its_own_is_done_once_by_its_header"),
    (&[24, 28], "queries: every_path_leads_nowhere_but_to_ids"),
    (&[77], "queries: every_query_refuses_what_a_parameter_of_its_kind_must_not_be"),
    (&[36, 78], "queries: every_query_refuses_parameters_that_it_does_not_have"),
    (&[76], "queries: every_list_refuses_the_cursor_of_another"),
    (&[72], "auth: every_operation_refuses_who_has_no_key"),
    (
        &[74],
        "key_scopes: every_route_is_refused_to_keys_whose_scope_does_not_allow_it_and_to_no_other",
    ),
];

/// The other rows, with the reason why no such endpoint has to be asked by itself.
const NOT_OF_EVERY_ENDPOINT: &[(&[u8], &str)] = &[
    (&[8], "what amounts keep is a matter of their type, which all endpoints share"),
    (&[30], "none takes an address of mail or of a site"),
    (&[32, 41], "the router answers them before it comes to an endpoint"),
    (&[35, 37, 38, 39, 40, 89], "they end at the connection, whatever was asked for"),
    (&[45, 46, 48], "keys are remembered in one place for all; asked of a consumption"),
    (&[51, 52], "a batch is judged in one place for all; asked of `idempotency.rs` and `usage.rs`"),
    (&[57, 58, 59, 60, 61, 62, 64, 65, 85], "they are about the catalog and subscriptions"),
    (&[63, 66, 67, 68, 69], "each is a story of its own endpoint"),
    (&[71], "none has an id in a nested field, and metadata refers to nothing"),
    (&[83, 84], "they are about the dashboard, which has no endpoint of the API"),
    (&[86, 87, 88], "they are about the store and the load, whatever was asked for"),
    (&[90], "it is about how the server starts"),
];

#[test]
fn every_row_is_asked_of_every_endpoint_or_says_why_not() {
    let asked = OF_EVERY_ENDPOINT.iter().flat_map(|line| line.0);
    let others = NOT_OF_EVERY_ENDPOINT.iter().chain(NOT_YET).flat_map(|line| line.0);
    let all: Vec<u8> = asked.chain(others).copied().collect();
    let distinct: BTreeSet<u8> = all.iter().copied().collect();
    assert_eq!(all.len(), distinct.len(), "a row stands in two lists, or twice in one");
    let missing: Vec<u8> = (1..=ROWS).filter(|row| !distinct.contains(row)).collect();
    assert!(missing.is_empty(), "rows {missing:?} are neither asked nor left out for a reason");
}

#[test]
fn every_row_stands_in_exactly_one_list() {
    let tested = TESTED.iter().flat_map(|line| line.0);
    let all: Vec<u8> = tested.chain(NOT_YET.iter().flat_map(|line| line.0)).copied().collect();
    let distinct: BTreeSet<u8> = all.iter().copied().collect();
    assert_eq!(all.len(), distinct.len(), "a row stands in both lists, or twice in one");
    let missing: Vec<u8> = (1..=ROWS).filter(|row| !distinct.contains(row)).collect();
    assert!(missing.is_empty(), "rows {missing:?} have no test and no reason");
    assert_eq!(distinct.last(), Some(&ROWS));
    assert!(NOT_YET.iter().all(|(_, reason)| !reason.is_empty()));
}

#[test]
fn every_test_of_a_row_is_there() {
    let of_every = OF_EVERY_ENDPOINT.iter().map(|(rows, test)| (*rows, std::slice::from_ref(test)));
    for (rows, tests) in TESTED.iter().copied().chain(of_every) {
        assert!(!tests.is_empty(), "{rows:?}");
        for test in tests {
            let (file, name) = test.split_once(": ").expect("a test is named by file and name");
            let found = FILES.iter().find(|(short, _)| *short == file);
            let (_, text) = found.unwrap_or_else(|| panic!("{file} is no file of tests"));
            let is_there = [format!("fn {name}()"), format!("def {name}(")];
            assert!(is_there.iter().any(|head| text.contains(head)), "{rows:?}: {test} is gone");
        }
    }
}
