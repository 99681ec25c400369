//! The views are what people's SQL reads: exact amounts, instants as text, names instead of
//! numbers.

use crate::data::{open, row};
use rusqlite::Connection;
use rusqlite::types::Value;
use stipend_store::{Batch, CustomerRow, PoolRow, Row, Store, SubscriptionRow};

/// A store with one customer, one subscription, one pool, and a row for each amount.
fn filled(amounts: &[i128]) -> (tempfile::TempDir, Connection) {
    let directory = tempfile::tempdir().unwrap();
    let (mut store, _) = open(directory.path()).unwrap();
    let entry = |(amount, seq): (&i128, u64)| Row {
        at: 1_769_817_600_000_001,
        slot: 3,
        pool: 9,
        pool_seq: seq - 1,
        amount: *amount,
        balance_after: amount.wrapping_neg(),
        ..row(seq, 2)
    };
    let header = Row { amount: 1, ..row(1, 0) };
    let rows = std::iter::once(header).chain(amounts.iter().zip(2..).map(entry)).collect();
    let customer = CustomerRow {
        slot: 3,
        env: 1,
        id: "acme".to_owned(),
        name: Some("Acme".to_owned()),
        email: None,
        doc: "{\"a\":1}".to_owned(),
        created: 1_000_000,
        archived: None,
    };
    let subscription = SubscriptionRow {
        sid: 1,
        env: 1,
        id: "sub".to_owned(),
        slot: 3,
        number: 1,
        plan: "basic".to_owned(),
        version: 2,
        parent_version: None,
        resource: Some("site".to_owned()),
        pricing: "PAID".to_owned(),
        status: "ACTIVE".to_owned(),
        starts: 0,
        trial_ends: None,
        ends: Some(86_400_000_000),
        created: 2,
        doc: "{}".to_owned(),
    };
    let pool = PoolRow { id: 9, slot: 3, currency: "tokens".to_owned(), resource: String::new() };
    let batch = Batch {
        number: 1,
        rows,
        customers: vec![customer],
        subscriptions: vec![subscription],
        pools: vec![pool],
        ..Batch::default()
    };
    store.append(&batch).unwrap();
    drop(store);
    let connection = Connection::open(directory.path().join("stipend.db")).unwrap();
    (directory, connection)
}

/// The first row of the answer, with a separator between its values.
fn ask(connection: &Connection, sql: &str) -> String {
    let mut select = connection.prepare(sql).unwrap();
    let width = select.column_count();
    let text = |row: &rusqlite::Row<'_>, index| match row.get_unwrap(index) {
        Value::Null => "-".to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Text(text) => text,
        other => format!("{other:?}"),
    };
    let line = |row: &rusqlite::Row<'_>| {
        Ok((0..width).map(|index| text(row, index)).collect::<Vec<String>>().join(" | "))
    };
    select.query_row([], line).unwrap()
}

#[test]
fn amounts_are_exact_decimals_of_any_size() {
    let table = [
        (0, "0", "0"),
        (1, "0.000000001", "-0.000000001"),
        (-500_000_000, "-0.5", "0.5"),
        (100_000_000_000, "100", "-100"),
        (-1_234_567_890_123, "-1234.567890123", "1234.567890123"),
        (i64::MAX.into(), "9223372036.854775807", "-9223372036.854775807"),
        (i64::MIN.into(), "-9223372036.854775808", "9223372036.854775808"),
        (10_i128.pow(24), "1000000000000000", "-1000000000000000"),
        (
            -(10_i128.pow(37)) - 10,
            "-10000000000000000000000000000.00000001",
            "10000000000000000000000000000.00000001",
        ),
    ];
    let (_directory, connection) = filled(&table.map(|(nano, _, _)| nano));
    for ((_, amount, balance), pool_seq) in table.iter().zip(1..) {
        let sql = format!(
            "SELECT amount, balance_after, typeof(amount) FROM v_ledger WHERE pool_seq = {pool_seq}"
        );
        assert_eq!(ask(&connection, &sql), format!("{amount} | {balance} | text"));
    }
}

#[test]
fn the_ledger_names_customer_and_currency() {
    let (_directory, connection) = filled(&[5]);
    let sql = "SELECT env, customer, currency, resource, pool_seq, kind, at, count(*) OVER ()
      FROM v_ledger";
    let expected = "1 | acme | tokens | - | 1 | 2 | 2026-01-31T00:00:00.000001Z | 1";
    assert_eq!(ask(&connection, sql), expected);
}

#[test]
fn customers_and_subscriptions_are_readable() {
    let (_directory, connection) = filled(&[]);
    let customer =
        "SELECT env, id, name, email, created_at, archived_at, doc ->> 'a' FROM v_customer";
    let expected = "1 | acme | Acme | - | 1970-01-01T00:00:01.000000Z | - | 1";
    assert_eq!(ask(&connection, customer), expected);
    let subscription = "SELECT id, customer, resource, plan, version, status, starts_at,
      trial_ends_at, ends_at FROM v_subscription";
    let expected = "sub | acme | site | basic | 2 | ACTIVE | 1970-01-01T00:00:00.000000Z | - | \
      1970-01-02T00:00:00.000000Z";
    assert_eq!(ask(&connection, subscription), expected);
}

#[test]
fn the_layout_is_the_one_that_was_decided() {
    let (_directory, connection) = filled(&[]);
    let pragmas = "SELECT (SELECT page_size FROM pragma_page_size),
      (SELECT journal_mode FROM pragma_journal_mode),
      (SELECT user_version FROM pragma_user_version)";
    assert_eq!(ask(&connection, pragmas), "4096 | wal | 1");
    let strict = "SELECT count(*), sum(strict) FROM pragma_table_list
      WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%'";
    assert_eq!(ask(&connection, strict), "12 | 12");
}
