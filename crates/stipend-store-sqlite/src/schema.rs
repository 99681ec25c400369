//! The layout of the tables, its migrations, and who may open it.

use rusqlite::{Connection, OptionalExtension};
use stipend_store::StoreError;

use crate::error;
use crate::value::Number;

/// The layout this version writes, kept in `PRAGMA user_version`.
const LAYOUT: u32 = 1;

/// Each takes the layout from its index to the next.
const MIGRATIONS: [&str; LAYOUT as usize] = [include_str!("schema/0001.sql")];

/// The newest kinds of entries this version knows. Data names the lowest level that may open it
/// (`oldest_reader`), which rises when a newer version first writes something new.
const FEATURE_LEVEL: u32 = 6;

/// The oldest kinds of entries this version still reads: those before were never released.
const OLDEST_FEATURE_LEVEL: u32 = 6;

/// `STPD`, in the database's header.
const APPLICATION_ID: i64 = 0x5354_5044;

/// Looks whether this version may open the database, and gives the layout that is there: 0 for
/// an empty one. Changes nothing.
pub(crate) fn inspect(connection: &Connection) -> Result<u32, StoreError> {
    let found = layout(connection)?;
    if found > LAYOUT {
        return Err(StoreError::Newer { found, supported: LAYOUT });
    }
    if found > 0 {
        check_reader(connection)?;
    }
    Ok(found)
}

/// Brings the database from that layout to this version's.
pub(crate) fn migrate(
    connection: &mut Connection,
    found: u32,
    secret: &[u8; 32],
) -> Result<(), StoreError> {
    for (layout, script) in (1..).zip(MIGRATIONS).skip(found as usize) {
        step(connection, layout, script, secret).map_err(error::writing)?;
    }
    Ok(())
}

/// The layout that is there, 0 for an empty database.
fn layout(connection: &Connection) -> Result<u32, StoreError> {
    let number = |pragma: &str| {
        let value = connection.query_row(pragma, [], |row| row.get::<_, i64>(0));
        value.map_err(error::reading)
    };
    let layout = number("PRAGMA user_version")?;
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    if (layout, tables) == (0, 0) {
        return Ok(0);
    }
    if number("PRAGMA application_id")? != APPLICATION_ID {
        return Err(StoreError::Damaged("stipend.db is not a database of Stipend".to_owned()));
    }
    match u32::try_from(layout) {
        Ok(layout) if layout > 0 => Ok(layout),
        _ => Err(StoreError::Damaged(format!("stipend.db says it has the layout {layout}"))),
    }
}

fn check_reader(connection: &Connection) -> Result<(), StoreError> {
    let oldest = connection
        .query_row("SELECT v FROM meta WHERE k = 'oldest_reader'", [], |row| {
            row.get::<_, Number>(0)
        })
        .optional()
        .map_err(error::reading)?;
    let Some(Number(oldest)) = oldest else {
        return Err(StoreError::Damaged("the table meta does not say who may read it".to_owned()));
    };
    if oldest > u64::from(FEATURE_LEVEL) {
        let found = u32::try_from(oldest).unwrap_or(u32::MAX);
        return Err(StoreError::Newer { found, supported: FEATURE_LEVEL });
    }
    if oldest < u64::from(OLDEST_FEATURE_LEVEL) {
        let found = u32::try_from(oldest).unwrap_or_default();
        return Err(StoreError::Older { found, oldest: OLDEST_FEATURE_LEVEL });
    }
    Ok(())
}

/// One step, whole or not at all.
fn step(
    connection: &mut Connection,
    layout: u32,
    script: &str,
    secret: &[u8; 32],
) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(script)?;
    if layout == 1 {
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        let mut insert = transaction.prepare("INSERT INTO meta(k, v) VALUES (?, ?)")?;
        insert.execute(("feature_level", FEATURE_LEVEL))?;
        insert.execute(("oldest_reader", FEATURE_LEVEL))?;
        insert.execute(("secret", secret))?;
    }
    transaction.execute("INSERT OR REPLACE INTO meta(k, v) VALUES ('format', ?)", [layout])?;
    transaction.pragma_update(None, "user_version", layout)?;
    transaction.commit()
}
