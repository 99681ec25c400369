//! The tables of the store in memory: the same rows and the same uniqueness as in SQL.

use std::collections::{BTreeMap, BTreeSet};

use crate::contract::{
    Batch, CatalogRow, CustomerRow, ImageRow, PoolRow, Row, Seq, StoreError, SubscriptionRow,
};

/// Everything that is stored.
#[derive(Debug, Default)]
pub(super) struct Tables {
    /// The row at position n stands at index n - 1.
    pub(super) journal: Vec<Row>,
    pub(super) customers: BTreeMap<u32, CustomerRow>,
    customer_names: Names,
    pub(super) subscriptions: BTreeMap<u64, SubscriptionRow>,
    subscription_names: Names,
    pools: BTreeMap<u64, PoolRow>,
    pool_names: BTreeSet<PoolName>,
    catalog: BTreeMap<(u32, u16, String, u32, i64), CatalogRow>,
    pub(super) once: BTreeMap<(u32, u16, Vec<u8>), Seq>,
    pub(super) images: BTreeMap<u32, ImageRow>,
}

type PoolName = (u32, String, String);

impl Tables {
    /// Appends the batch, or refuses it before anything has changed.
    pub(super) fn append(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let found = self.journal.len() as Seq;
        if found != batch.after {
            return Err(StoreError::Position { expected: batch.after, found });
        }
        let customers = self.customer_names.claim(
            "customer",
            batch.customers.iter().map(|row| (u64::from(row.slot), (row.env, row.id.clone()))),
        )?;
        let subscriptions = self.subscription_names.claim(
            "subscription",
            batch.subscriptions.iter().map(|row| (row.sid, (row.env, row.id.clone()))),
        )?;
        self.check_pools(&batch.pools)?;
        self.check_once(batch)?;

        self.customer_names.settle(customers);
        self.subscription_names.settle(subscriptions);
        self.insert(batch);
        Ok(())
    }

    fn insert(&mut self, batch: &Batch) {
        self.journal.extend_from_slice(&batch.rows);
        for row in &batch.customers {
            self.customers.insert(row.slot, row.clone());
        }
        for row in &batch.subscriptions {
            self.subscriptions.insert(row.sid, row.clone());
        }
        for row in &batch.pools {
            self.pool_names.insert(pool_name(row));
            self.pools.insert(row.id, row.clone());
        }
        for row in &batch.catalog {
            let key = (row.env, row.kind, row.id.clone(), row.version, row.holds_from);
            self.catalog.insert(key, row.clone());
        }
        for row in &batch.once {
            self.once.insert((row.env, row.scope, row.key.clone()), row.seq);
        }
        for row in &batch.images {
            self.images.insert(row.segment, row.clone());
        }
    }

    fn check_pools(&self, rows: &[PoolRow]) -> Result<(), StoreError> {
        let mut ids = BTreeSet::new();
        let mut names = BTreeSet::new();
        for row in rows {
            let name = pool_name(row);
            let taken = self.pools.contains_key(&row.id) || self.pool_names.contains(&name);
            if taken || !ids.insert(row.id) || !names.insert(name) {
                return Err(StoreError::Duplicate(format!("pool {} of slot {}", row.id, row.slot)));
            }
        }
        Ok(())
    }

    fn check_once(&self, batch: &Batch) -> Result<(), StoreError> {
        let mut keys = BTreeSet::new();
        for row in &batch.once {
            let key = (row.env, row.scope, row.key.clone());
            if self.once.contains_key(&key) || !keys.insert(key) {
                return Err(StoreError::Duplicate(format!("once, scope {}", row.scope)));
            }
        }
        Ok(())
    }
}

fn pool_name(row: &PoolRow) -> PoolName {
    (row.slot, row.currency.clone(), row.resource.clone())
}

/// A UNIQUE index over (environment, id), row by row like the one in SQL.
#[derive(Debug, Default)]
struct Names {
    by_name: BTreeMap<Name, u64>,
    by_number: BTreeMap<u64, Name>,
}

type Name = (u32, String);

/// What a batch changes of the names, checked but not yet valid.
#[derive(Debug, Default)]
struct Claims {
    by_name: BTreeMap<Name, Option<u64>>,
    by_number: BTreeMap<u64, Name>,
}

impl Names {
    fn claim(
        &self,
        table: &str,
        rows: impl Iterator<Item = (u64, Name)>,
    ) -> Result<Claims, StoreError> {
        let mut claims = Claims::default();
        for (number, name) in rows {
            let standing = || self.by_name.get(&name).copied();
            let holder = claims.by_name.get(&name).copied().unwrap_or_else(standing);
            if holder.is_some_and(|holder| holder != number) {
                return Err(StoreError::Duplicate(format!(
                    "{table} {} in environment {}",
                    name.1, name.0
                )));
            }
            let before = claims.by_number.insert(number, name.clone());
            if let Some(before) = before.or_else(|| self.by_number.get(&number).cloned()) {
                claims.by_name.insert(before, None);
            }
            claims.by_name.insert(name, Some(number));
        }
        Ok(claims)
    }

    fn settle(&mut self, claims: Claims) {
        for (name, holder) in claims.by_name {
            match holder {
                Some(number) => self.by_name.insert(name, number),
                None => self.by_name.remove(&name),
            };
        }
        self.by_number.extend(claims.by_number);
    }
}
