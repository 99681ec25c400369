//! The store on SQLite passes the suite.

use stipend_store::conformance::Harness;
use stipend_store::{Store, StoreError};
use stipend_store_sqlite::{Options, SqliteStore};
use tempfile::TempDir;

struct Sqlite(TempDir);

impl Sqlite {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("there is room for a directory"))
    }
}

impl Harness for Sqlite {
    fn open(&mut self) -> Result<Box<dyn Store>, StoreError> {
        let (store, _) = SqliteStore::open(self.0.path(), &Options::new([1; 32]))?;
        Ok(Box::new(store))
    }
}

stipend_store::conformance_suite!(Sqlite::new());
