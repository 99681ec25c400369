//! Writing a batch's rows, inside the transaction of its append.

use std::fmt::Write;
use std::sync::LazyLock;

use rusqlite::{Connection, Statement, ToSql};
use stipend_store::{Batch, CustomerRow, Row, SubscriptionRow};

use crate::value::{Nano, int};

/// Rows of the journal per statement: larger ones gain nothing more, smaller ones take the rest.
const GROUPS: [usize; 3] = [32, 8, 1];

const COLUMNS: &str =
    "seq, part, kind, at, slot, pool, pool_seq, prev, jump, life, amount, balance_after, key, body";

/// How many columns a row of the journal has.
const WIDTH: usize = 14;

static JOURNAL: LazyLock<[String; GROUPS.len()]> = LazyLock::new(|| {
    GROUPS.map(|rows| {
        let row = format!("(?{})", ",?".repeat(WIDTH - 1));
        let mut statement = format!("INSERT INTO journal({COLUMNS}) VALUES {row}");
        for _ in 1..rows {
            // Writing to a String cannot fail.
            let _ = write!(statement, ",{row}");
        }
        statement
    })
});

const CUSTOMER: &str = "INSERT INTO customer(slot, env, id, name, email, doc, created, archived)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT(slot) DO UPDATE SET env = excluded.env, id = excluded.id, name = excluded.name,
  email = excluded.email, doc = excluded.doc, created = excluded.created,
  archived = excluded.archived";

const SUBSCRIPTION: &str = "INSERT INTO subscription(sid, env, id, slot, number, plan, version,
  parent_version, resource, pricing, status, starts, trial_ends, ends, created, doc)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT(sid) DO UPDATE SET env = excluded.env, id = excluded.id, slot = excluded.slot,
  number = excluded.number, plan = excluded.plan, version = excluded.version,
  parent_version = excluded.parent_version, resource = excluded.resource,
  pricing = excluded.pricing, status = excluded.status, starts = excluded.starts,
  trial_ends = excluded.trial_ends, ends = excluded.ends, created = excluded.created,
  doc = excluded.doc";

const POOL: &str = "INSERT INTO pool(id, slot, currency, resource) VALUES (?, ?, ?, ?)";

const CATALOG: &str = "INSERT INTO catalog(env, kind, id, version, holds_from, doc)
  VALUES (?, ?, ?, ?, ?, ?)
  ON CONFLICT(env, kind, id, version, holds_from) DO UPDATE SET doc = excluded.doc";

const ONCE: &str = "INSERT INTO once(env, scope, key, seq) VALUES (?, ?, ?, ?)";

const IMAGE: &str = "INSERT INTO image(seg, as_of, body) VALUES (?, ?, ?)
  ON CONFLICT(seg) DO UPDATE SET as_of = excluded.as_of, body = excluded.body";

/// Writes everything that the batch holds.
pub(crate) fn batch(connection: &Connection, batch: &Batch) -> rusqlite::Result<()> {
    journal(connection, &batch.rows)?;
    customers(connection, &batch.customers)?;
    subscriptions(connection, &batch.subscriptions)?;
    // Each statement is looked up only where there is something to write: most batches are
    // consumptions and hold nothing but rows.
    if !batch.pools.is_empty() {
        let mut insert = connection.prepare_cached(POOL)?;
        for row in &batch.pools {
            insert.execute((int(row.id), row.slot, &row.currency, &row.resource))?;
        }
    }
    if !batch.catalog.is_empty() {
        let mut insert = connection.prepare_cached(CATALOG)?;
        for row in &batch.catalog {
            let key = (row.env, row.kind, &row.id, row.version, row.holds_from);
            insert.execute((key.0, key.1, key.2, key.3, key.4, &row.doc))?;
        }
    }
    if !batch.once.is_empty() {
        let mut insert = connection.prepare_cached(ONCE)?;
        for row in &batch.once {
            insert.execute((row.env, row.scope, &row.key, int(row.seq)))?;
        }
    }
    if !batch.images.is_empty() {
        let mut insert = connection.prepare_cached(IMAGE)?;
        for row in &batch.images {
            insert.execute((row.segment, int(row.as_of), &row.body))?;
        }
    }
    Ok(())
}

fn journal(connection: &Connection, mut rows: &[Row]) -> rusqlite::Result<()> {
    for (group, sql) in GROUPS.into_iter().zip(JOURNAL.iter()) {
        if rows.len() < group {
            continue;
        }
        let mut insert = connection.prepare_cached(sql)?;
        while let Some((head, rest)) = rows.split_at_checked(group) {
            let mut binder = Binder { statement: &mut insert, bound: 0 };
            for row in head {
                binder.row(row)?;
            }
            insert.raw_execute()?;
            rows = rest;
            if rows.is_empty() {
                break;
            }
        }
    }
    Ok(())
}

/// Binds values one after the other, without collecting them first.
struct Binder<'a, 'c> {
    statement: &'a mut Statement<'c>,
    bound: usize,
}

impl Binder<'_, '_> {
    fn bind(&mut self, value: impl ToSql) -> rusqlite::Result<()> {
        self.bound += 1;
        self.statement.raw_bind_parameter(self.bound, value)
    }

    fn row(&mut self, row: &Row) -> rusqlite::Result<()> {
        self.bind(int(row.seq))?;
        self.bind(row.part)?;
        self.bind(row.kind)?;
        self.bind(row.at)?;
        self.bind(row.slot)?;
        self.bind(int(row.pool))?;
        self.bind(int(row.pool_seq))?;
        self.bind(int(row.prev))?;
        self.bind(int(row.jump))?;
        self.bind(int(row.life))?;
        self.bind(Nano(row.amount))?;
        self.bind(Nano(row.balance_after))?;
        self.bind(row.key.as_ref().map(<[u8; 16]>::as_slice))?;
        self.bind(row.body.as_slice())
    }
}

fn customers(connection: &Connection, rows: &[CustomerRow]) -> rusqlite::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut insert = connection.prepare_cached(CUSTOMER)?;
    for row in rows {
        let mut binder = Binder { statement: &mut insert, bound: 0 };
        binder.bind(row.slot)?;
        binder.bind(row.env)?;
        binder.bind(&row.id)?;
        binder.bind(&row.name)?;
        binder.bind(&row.email)?;
        binder.bind(&row.doc)?;
        binder.bind(row.created)?;
        binder.bind(row.archived)?;
        insert.raw_execute()?;
    }
    Ok(())
}

fn subscriptions(connection: &Connection, rows: &[SubscriptionRow]) -> rusqlite::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut insert = connection.prepare_cached(SUBSCRIPTION)?;
    for row in rows {
        let mut binder = Binder { statement: &mut insert, bound: 0 };
        binder.bind(int(row.sid))?;
        binder.bind(row.env)?;
        binder.bind(&row.id)?;
        binder.bind(row.slot)?;
        binder.bind(row.number)?;
        binder.bind(&row.plan)?;
        binder.bind(row.version)?;
        binder.bind(row.parent_version)?;
        binder.bind(&row.resource)?;
        binder.bind(&row.pricing)?;
        binder.bind(&row.status)?;
        binder.bind(row.starts)?;
        binder.bind(row.trial_ends)?;
        binder.bind(row.ends)?;
        binder.bind(row.created)?;
        binder.bind(&row.doc)?;
        insert.raw_execute()?;
    }
    Ok(())
}
