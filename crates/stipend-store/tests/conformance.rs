//! The store in memory passes the suite, and the suite runs every case it has.

use stipend_store::conformance::Harness;
use stipend_store::{MemoryStore, Store, StoreError};

#[derive(Default)]
struct Memory(Option<MemoryStore>);

impl Harness for Memory {
    fn open(&mut self) -> Result<Box<dyn Store>, StoreError> {
        Ok(Box::new(self.0.get_or_insert_default().reopen()))
    }
}

stipend_store::conformance_suite!(Memory::default());

#[test]
fn every_case_is_called_by_the_suite() {
    let sources = [
        include_str!("../src/conformance/crash.rs"),
        include_str!("../src/conformance/journal.rs"),
        include_str!("../src/conformance/listing.rs"),
        include_str!("../src/conformance/reading.rs"),
        include_str!("../src/conformance/unique.rs"),
    ];
    let suite = include_str!("../src/conformance.rs");
    let cases = sources
        .iter()
        .flat_map(|source| source.lines())
        .filter_map(|line| line.strip_prefix("pub fn ")?.split_once('(').map(|(name, _)| name));
    let missing: Vec<&str> = cases.filter(|case| !suite.contains(&format!("{case},"))).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

#[test]
fn roll_ups_are_chains_of_their_pools() {
    let rolls = stipend_store::MemoryRolls::default();
    stipend_store::conformance::rolls::roll_ups_are_chains_of_their_pools(&rolls);
}
