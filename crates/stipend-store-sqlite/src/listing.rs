//! Lists of customers and subscriptions: the filter as conditions, the page as a range of the
//! primary key.

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use stipend_store::{CreatedRange, CustomerFilter, Page, SubscriptionFilter, SubscriptionRef};

use crate::value::{self, Number, bound};

/// A query that grows by conditions, each with its value.
struct Query {
    sql: String,
    values: Vec<Value>,
}

impl Query {
    fn new(select: &str, env: u32) -> Self {
        Self { sql: format!("{select} WHERE env = ?"), values: vec![i64::from(env).into()] }
    }

    fn and(&mut self, condition: &str, value: impl Into<Value>) {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
        self.values.push(value.into());
    }

    fn and_some<T: Into<Value> + Clone>(&mut self, condition: &str, value: Option<&T>) {
        if let Some(value) = value {
            self.and(condition, value.clone());
        }
    }

    /// Any of several values, or no condition where there are none.
    fn and_any(&mut self, column: &str, values: &[String]) {
        if let Some(more) = values.len().checked_sub(1) {
            self.sql.push_str(&format!(" AND {column} IN (?{})", ",?".repeat(more)));
            self.values.extend(values.iter().cloned().map(Value::from));
        }
    }

    fn created(&mut self, range: CreatedRange) {
        self.and_some("created >= ?", range.from.as_ref());
        self.and_some("created < ?", range.until.as_ref());
    }

    /// The page's rows, newest first. Rows before a cursor are read from it upwards, so that the
    /// nearest are taken, and turned around.
    fn run<T>(
        mut self,
        connection: &Connection,
        key: &str,
        page: Page<i64>,
        limit: usize,
        read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Vec<T>> {
        let order = match page {
            Page::First => "DESC",
            Page::After(cursor) => {
                self.and(&format!("{key} < ?"), cursor);
                "DESC"
            }
            Page::Before(cursor) => {
                self.and(&format!("{key} > ?"), cursor);
                "ASC"
            }
        };
        self.sql.push_str(&format!(" ORDER BY {key} {order} LIMIT ?"));
        self.values.push(value::limit(limit).into());
        let mut select = connection.prepare_cached(&self.sql)?;
        let rows = select.query_map(params_from_iter(self.values), read)?;
        let mut rows = rows.collect::<rusqlite::Result<Vec<T>>>()?;
        if let Page::Before(_) = page {
            rows.reverse();
        }
        Ok(rows)
    }
}

fn cursor<T>(page: Page<T>, key: impl FnOnce(T) -> i64) -> Page<i64> {
    match page {
        Page::First => Page::First,
        Page::After(cursor) => Page::After(key(cursor)),
        Page::Before(cursor) => Page::Before(key(cursor)),
    }
}

/// Slots of the customers that match.
pub(crate) fn customers(
    connection: &Connection,
    filter: &CustomerFilter,
    page: Page<u32>,
    limit: usize,
) -> rusqlite::Result<Vec<u32>> {
    let mut query = Query::new("SELECT slot FROM customer", filter.env);
    query.sql.push_str(" AND archived IS NULL");
    query.created(filter.created);
    query.and_some("name = ?", filter.name.as_ref());
    query.and_some("email = ?", filter.email.as_ref());
    query.run(connection, "slot", cursor(page, i64::from), limit, |row| row.get(0))
}

/// The subscriptions that match.
pub(crate) fn subscriptions(
    connection: &Connection,
    filter: &SubscriptionFilter,
    page: Page<u64>,
    limit: usize,
) -> rusqlite::Result<Vec<SubscriptionRef>> {
    let mut query = Query::new("SELECT sid, slot, number FROM subscription", filter.env);
    query.created(filter.created);
    query.and_some("slot = ?", filter.slot.as_ref());
    query.and_some("plan = ?", filter.plan.as_ref());
    query.and_some("resource = ?", filter.resource.as_ref());
    query.and_any("pricing", &filter.pricing);
    query.and_any("status", &filter.status);
    query.run(connection, "sid", cursor(page, bound), limit, |row| {
        let sid = row.get::<_, Number>(0)?.0;
        Ok(SubscriptionRef { sid, slot: row.get(1)?, number: row.get(2)? })
    })
}
