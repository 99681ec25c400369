//! Answering a query: what is rolled up, and the rows that are not.

use crate::account::Chain;
use crate::ledger::{Walk, pool_entry, seek_position};
use crate::limits::{SERIES_CELLS_MAX, SERIES_ROWS_MAX};
use crate::series::cell::{QUARTER, Rolled, quarter_of, start_of};
use crate::series::fact::{Fact, Tally, fact_of};
use crate::series::nearby::Nearby;
use crate::series::roll::{heads_of, rolled_at};
use crate::series::{Series, SeriesKey, SeriesQuery, Steps, Told};
use crate::walk::{LifeWalk, Pages};
use std::collections::{BTreeMap, BTreeSet};
use stipend_core::PoolId;
use stipend_core::Timestamp;
use stipend_core::customer::PoolEntry;
use stipend_core::limits::EVENT_AGE_MAX_SECONDS;
use stipend_store::{Reader, RollHead, Rolls, Row, Seq, StoreError};

/// The series of a query. Where the roll-ups cannot be read, all rows are.
///
/// # Errors
/// What reading the journal fails with.
pub fn series(
    reader: &dyn Reader,
    rolls: &dyn Rolls,
    query: &SeriesQuery<'_>,
) -> Result<Told, StoreError> {
    let nearby = Nearby::new(reader);
    let mut build = Build {
        reader: &nearby,
        query,
        steps: Steps::new(&query.step),
        far: query.end.plus_seconds(EVENT_AGE_MAX_SECONDS),
        series: BTreeMap::new(),
        rows: 0,
        cells: 0,
        lacking: None,
    };
    for (pool, chain) in &query.pools {
        build.add(rolls, *pool, chain)?;
    }
    Ok(if build.has_room() {
        Told::All(build.series)
    } else {
        Told::TooMany { dimension: build.lacking }
    })
}

struct Build<'a> {
    reader: &'a dyn Reader,
    query: &'a SeriesQuery<'a>,
    steps: Steps<'a>,
    /// From here on no row tells of an event of the range: an event is told at most so much later
    /// than it happened, and never before. Only reversals come later still.
    far: Timestamp,
    series: BTreeMap<SeriesKey, Series>,
    rows: usize,
    cells: usize,
    lacking: Option<String>,
}

/// What of a pool's roll-ups a query takes.
#[derive(Default)]
struct Taken {
    /// The positions of the rows whose cells are taken: behind the one, up to the other.
    spans: Vec<(Seq, Seq)>,
    /// The rows of them that count in another quarter than they stand in, by that quarter.
    late: Vec<(i64, Seq)>,
}

impl Build<'_> {
    fn add(&mut self, rolls: &dyn Rolls, pool: PoolId, chain: &Chain) -> Result<(), StoreError> {
        let as_of = self.query.as_of;
        let Some(top) = seek_position(self.reader, chain, as_of)? else { return Ok(()) };
        let (_, entry) = pool_entry(self.reader, top.seq)?;
        let life = if entry.is_usage() { top.life } else { top.seq };
        let chain = Chain { last: top.seq, life, ..Chain::default() };
        let mut heads = heads_of(self.reader, rolls, pool).unwrap_or_else(|error| {
            tracing::warn!(%error, "the roll-ups cannot be read; the rows are");
            Vec::new()
        });
        heads.retain(|head| head.upto <= top.seq);
        let rolled = heads.last().map_or(0, |head| head.upto);
        self.walk_unrolled(&chain, rolled)?;
        heads.retain(|head| self.is_touched(head));
        let mut taken = Taken::default();
        for head in &heads {
            if !self.has_room() {
                return Ok(());
            }
            match rolled_at(rolls, head).unwrap_or_default() {
                Some(found) if found.lacks(&self.query.dimensions).is_none() => {
                    self.take_cells(&found, entry.at);
                    taken.spans.push((head.after, head.upto));
                    taken.late.extend(found.late);
                }
                found => {
                    let lacking = found.as_ref().and_then(|it| it.lacks(&self.query.dimensions));
                    self.lacking = lacking.cloned().or(self.lacking.take());
                    self.walk_rolled(head)?;
                }
            }
        }
        for quarter in self.cut_quarters(entry.at) {
            self.walk_quarter(&chain, quarter, &taken)?;
        }
        Ok(())
    }

    /// Whether a roll-up has anything in the range.
    fn is_touched(&self, head: &RollHead) -> bool {
        let (first, last) = (quarter_of(self.query.start), quarter_of(self.query.end));
        head.first <= last && head.last >= first
    }

    /// The quarters that the range has a part of; `newest` is the instant behind which nothing
    /// counts.
    fn cut_quarters(&self, newest: Timestamp) -> BTreeSet<i64> {
        let is_cut = |at: &Timestamp| at.micros().rem_euclid(QUARTER) != 0;
        let end = Some(self.query.end).filter(|end| *end <= newest);
        let ends = [Some(self.query.start), end];
        ends.into_iter().flatten().filter(is_cut).map(quarter_of).collect()
    }

    /// The rows that are not rolled up. Skip pointers find the far end of the range.
    fn walk_unrolled(&mut self, chain: &Chain, rolled: Seq) -> Result<(), StoreError> {
        let mut life = LifeWalk::new(self.reader, chain);
        while self.has_room()
            && let Some((row, entry)) = life.step()?
        {
            if entry.at < self.far || row.seq <= rolled {
                break;
            }
            self.take(&row, &entry, None)?;
        }
        let mut pages = Pages::before(self.reader, chain, self.far)?;
        while self.has_room()
            && let Some((row, entry)) = pages.step()?
        {
            if entry.at < self.query.start || row.seq <= rolled {
                break;
            }
            self.take(&row, &entry, None)?;
        }
        Ok(())
    }

    /// The rows of a roll-up whose cells cannot be taken.
    fn walk_rolled(&mut self, head: &RollHead) -> Result<(), StoreError> {
        let mut walk = Walk { reader: self.reader, next: head.upto, skips_usage: false };
        while self.has_room()
            && walk.next > head.after
            && let Some((row, entry)) = walk.step()?
        {
            if entry.at < self.query.start {
                break;
            }
            self.take(&row, &entry, None)?;
        }
        Ok(())
    }

    /// The rows of a quarter that the range cuts, of those whose cells were taken.
    fn walk_quarter(
        &mut self,
        chain: &Chain,
        quarter: i64,
        taken: &Taken,
    ) -> Result<(), StoreError> {
        for (_, seq) in taken.late.iter().filter(|(late, _)| *late == quarter) {
            if !self.has_room() {
                return Ok(());
            }
            let (row, entry) = pool_entry(self.reader, *seq)?;
            self.take(&row, &entry, None)?;
        }
        let mut pages = Pages::before(self.reader, chain, start_of(quarter + 1))?;
        while self.has_room()
            && let Some((row, entry)) = pages.step()?
        {
            if entry.at < start_of(quarter) {
                break;
            }
            if taken.spans.iter().any(|(after, upto)| (after + 1..=*upto).contains(&row.seq)) {
                self.take(&row, &entry, Some(quarter))?;
            }
        }
        Ok(())
    }

    fn has_room(&self) -> bool {
        self.rows <= SERIES_ROWS_MAX && self.cells <= SERIES_CELLS_MAX
    }

    /// The cells of the quarters that lie in the range as a whole.
    fn take_cells(&mut self, rolled: &Rolled, newest: Timestamp) {
        let cut = self.cut_quarters(newest);
        let (start, end) = (self.query.start, self.query.end);
        for cell in &rolled.cells {
            let begin = start_of(cell.quarter);
            self.cells += 1;
            let is_whole = begin >= start && begin < end && !cut.contains(&cell.quarter);
            if let Some(fact) = is_whole.then(|| rolled.fact(cell)).flatten() {
                self.note(fact);
            }
        }
    }

    /// Counts what a row says, where that lies in the range and, where one is given, in that
    /// quarter.
    fn take(
        &mut self,
        row: &Row,
        entry: &PoolEntry,
        quarter: Option<i64>,
    ) -> Result<(), StoreError> {
        self.rows += 1;
        let Some(fact) = fact_of(self.reader, row, entry)? else { return Ok(()) };
        let is_in_range = fact.at >= self.query.start && fact.at < self.query.end;
        if is_in_range && quarter.is_none_or(|quarter| quarter_of(fact.at) == quarter) {
            self.note(fact);
        }
        Ok(())
    }

    fn note(&mut self, fact: Fact) {
        let Fact { at, feature, dimensions, tally } = fact;
        let mut said = dimensions;
        let tags = self.query.dimensions.iter().filter_map(|name| {
            let place = said.iter().position(|(said, _)| said == name)?;
            Some(said.swap_remove(place))
        });
        let tags = tags.collect();
        let events = self.events_of(&tally);
        let key = SeriesKey { feature: feature.filter(|_| self.query.by_feature), tags };
        let series = self.series.entry(key).or_default();
        let point = series.points.entry(self.steps.beginning(at)).or_default();
        for used_in in [&mut series.total, point] {
            used_in.amount += tally.used;
            used_in.events += events;
        }
    }

    /// How many events a tally adds to a series.
    fn events_of(&self, tally: &Tally) -> u64 {
        match (self.query.pools.len() == 1, self.query.by_feature) {
            (true, true) => tally.by_both,
            (true, false) => tally.by_pool,
            (false, true) => tally.by_feature,
            (false, false) => tally.events,
        }
    }
}
