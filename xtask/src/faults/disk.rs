//! A disk that keeps only what was synced: made from a trace, and cut off where the power fails.
//!
//! What was written to a file before a sync of it began is durable once that sync has ended; of
//! everything later any part may be there, in any order, and the last write may be torn. The names
//! of files become durable with a sync of the directory, in their order.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::shim::Op;
use super::trace::{Event, Record};
use crate::prng::Prng;

/// Writes are torn between these.
const SECTOR: usize = 512;

/// What the power failure leaves of what was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaves {
    Nothing,
    Everything,
    /// Any part of it, one write of each file torn.
    Something,
}

#[derive(Clone, Debug)]
enum Change {
    Write(usize, Vec<u8>),
    Length(usize),
}

/// The content of a file, whatever its name is.
#[derive(Clone, Debug, Default)]
struct Content {
    durable: Vec<u8>,
    pending: Vec<Change>,
    /// How many of the pending changes each sync that is on its way makes durable.
    syncing: VecDeque<usize>,
    /// The thread that wrote last.
    writer: u64,
}

#[derive(Debug, Default)]
pub(super) struct Disk {
    contents: Vec<Content>,
    /// The names as a process sees them.
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    /// Changes of names in their order: to which content, or to none.
    pending_names: Vec<(String, Option<usize>)>,
    syncing_names: VecDeque<usize>,
}

impl Disk {
    /// A disk with the files of a directory, all of them durable.
    pub(super) fn of(directory: &Path) -> Result<Self> {
        let mut disk = Self::default();
        for entry in fs::read_dir(directory).context("cannot list the data")? {
            let entry = entry?;
            let durable = fs::read(entry.path()).context("cannot read the data")?;
            let name = entry.file_name().to_string_lossy().into_owned();
            disk.names.insert(name.clone(), disk.contents.len());
            disk.durable_names.insert(name, disk.contents.len());
            disk.contents.push(Content { durable, ..Content::default() });
        }
        Ok(disk)
    }

    /// Does what the record tells of.
    pub(super) fn apply(&mut self, record: &Record) {
        let name = record.name.as_str();
        if is_rebuilt(name) {
            return;
        }
        let offset = usize::try_from(record.offset).unwrap_or(usize::MAX);
        match record.event {
            Event::Write => self.change(name, Change::Write(offset, record.data.clone())),
            Event::Truncate => self.change(name, Change::Length(offset)),
            Event::SyncBegins if name == "." => {
                self.syncing_names.push_back(self.pending_names.len());
            }
            Event::SyncEnds if name == "." => self.names_synced(),
            Event::SyncBegins => {
                let content = self.content(name);
                content.syncing.push_back(content.pending.len());
            }
            Event::SyncEnds => self.content(name).synced(),
            Event::Unlink => {
                self.names.remove(name);
                self.pending_names.push((name.to_owned(), None));
            }
            Event::Rename => {
                let target = String::from_utf8_lossy(&record.data).into_owned();
                if let Some(content) = self.names.remove(name) {
                    self.names.insert(target.clone(), content);
                    self.pending_names.push((target, Some(content)));
                    self.pending_names.push((name.to_owned(), None));
                }
            }
            Event::Asked(Op::Write) => {
                if let Some(index) = self.names.get(name) {
                    self.contents[*index].writer = record.offset;
                }
            }
            // The kernel takes what it could not write for written, and drops it. Who else has
            // written is told by a sync of its own.
            Event::Failed if record.is_failed_sync() && name != "." => {
                let content = self.content(name);
                if content.writer == record.offset {
                    content.pending.clear();
                }
            }
            Event::Asked(_) | Event::Failed | Event::Answer => {}
        }
    }

    fn change(&mut self, name: &str, change: Change) {
        self.content(name).pending.push(change);
    }

    /// The content behind a name, which comes to be where it is missing.
    fn content(&mut self, name: &str) -> &mut Content {
        let next = self.contents.len();
        let index = *self.names.entry(name.to_owned()).or_insert(next);
        if index == next {
            self.contents.push(Content::default());
            self.pending_names.push((name.to_owned(), Some(next)));
        }
        &mut self.contents[index]
    }

    fn names_synced(&mut self) {
        let count = self.syncing_names.pop_front().unwrap_or_default();
        for later in &mut self.syncing_names {
            *later = later.saturating_sub(count);
        }
        let synced: Vec<_> = self.pending_names.drain(..count).collect();
        for (name, content) in synced {
            rename(&mut self.durable_names, name, content);
        }
    }

    /// The files that are there when the power has come back.
    pub(super) fn after_power_failure(
        &self,
        leaves: Leaves,
        prng: &mut Prng,
    ) -> BTreeMap<String, Vec<u8>> {
        let kept = match leaves {
            Leaves::Nothing => 0,
            Leaves::Everything => self.pending_names.len(),
            Leaves::Something => prng.index(self.pending_names.len() + 1),
        };
        let mut names = self.durable_names.clone();
        for (name, content) in &self.pending_names[..kept] {
            rename(&mut names, name.clone(), *content);
        }
        let bytes = |index: usize, prng: &mut Prng| self.contents[index].left(leaves, prng);
        names.into_iter().map(|(name, index)| (name, bytes(index, prng))).collect()
    }
}

/// Shared memory between processes, which begins anew with the first of them.
fn is_rebuilt(name: &str) -> bool {
    name.ends_with("-shm")
}

fn rename(names: &mut BTreeMap<String, usize>, name: String, content: Option<usize>) {
    match content {
        Some(content) => names.insert(name, content),
        None => names.remove(&name),
    };
}

impl Content {
    fn synced(&mut self) {
        let count = self.syncing.pop_front().unwrap_or_default();
        for later in &mut self.syncing {
            *later = later.saturating_sub(count);
        }
        for change in self.pending.drain(..count) {
            change.apply(&mut self.durable);
        }
    }

    fn left(&self, leaves: Leaves, prng: &mut Prng) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        let torn = prng.index(self.pending.len().max(1));
        for (index, change) in self.pending.iter().enumerate() {
            match leaves {
                Leaves::Nothing => {}
                Leaves::Everything => change.apply(&mut bytes),
                Leaves::Something if index == torn => change.tear(&mut bytes, prng),
                Leaves::Something => {
                    if prng.one_in(2) {
                        change.apply(&mut bytes);
                    }
                }
            }
        }
        bytes
    }
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Length(length) => bytes.resize(*length, 0),
            Self::Write(offset, data) => put(bytes, *offset, data),
        }
    }

    /// Some of the sectors of a write.
    fn tear(&self, bytes: &mut Vec<u8>, prng: &mut Prng) {
        let Self::Write(offset, data) = self else { return };
        let mut at = 0;
        while at < data.len() {
            let end = (at + SECTOR - (offset + at) % SECTOR).min(data.len());
            if prng.one_in(2) {
                put(bytes, offset + at, &data[at..end]);
            }
            at = end;
        }
    }
}

fn put(bytes: &mut Vec<u8>, offset: usize, data: &[u8]) {
    let end = offset + data.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[offset..end].copy_from_slice(data);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(event: Event, name: &str, offset: u64, data: &[u8]) -> Record {
        Record { event, name: name.to_owned(), offset, data: data.to_vec() }
    }

    fn disk(records: &[Record]) -> Disk {
        let mut disk = Disk::default();
        for record in records {
            disk.apply(record);
        }
        disk
    }

    fn files(disk: &Disk, leaves: Leaves) -> BTreeMap<String, Vec<u8>> {
        disk.after_power_failure(leaves, &mut Prng::new(1))
    }

    #[test]
    fn what_was_written_before_a_sync_began_is_durable_when_it_ends() {
        let records = [
            record(Event::Write, "a", 0, b"one"),
            record(Event::SyncBegins, ".", 0, b""),
            record(Event::SyncEnds, ".", 0, b""),
            record(Event::SyncBegins, "a", 0, b""),
            record(Event::Write, "a", 3, b"two"),
            record(Event::SyncEnds, "a", 0, b""),
        ];
        let left = |count: usize| files(&disk(&records[..count]), Leaves::Nothing).remove("a");
        assert_eq!(left(5).as_deref(), Some(&b""[..]));
        assert_eq!(left(6).as_deref(), Some(&b"one"[..]));
        let all = files(&disk(&records), Leaves::Everything);
        assert_eq!(all["a"], b"onetwo");
    }

    #[test]
    fn what_a_failed_sync_should_have_made_durable_is_lost() {
        let records = [
            record(Event::Write, "a", 0, b"one"),
            record(Event::SyncBegins, ".", 0, b""),
            record(Event::SyncEnds, ".", 0, b""),
            record(Event::Asked(Op::Write), "a", 7, b""),
            record(Event::Failed, "a", 8, b"s"),
            record(Event::Failed, "a", 7, b"s"),
            record(Event::SyncBegins, "a", 0, b""),
            record(Event::SyncEnds, "a", 0, b""),
        ];
        assert_eq!(files(&disk(&records[..5]), Leaves::Everything)["a"], b"one");
        assert_eq!(files(&disk(&records), Leaves::Everything)["a"], b"");
    }

    #[test]
    fn a_name_is_durable_when_the_directory_is_synced() {
        let mut records = vec![
            record(Event::Write, "a", 0, b"one"),
            record(Event::SyncBegins, "a", 0, b""),
            record(Event::SyncEnds, "a", 0, b""),
        ];
        assert!(files(&disk(&records), Leaves::Nothing).is_empty());
        records.push(record(Event::SyncBegins, ".", 0, b""));
        records.push(record(Event::SyncEnds, ".", 0, b""));
        records.push(record(Event::Unlink, "a", 0, b""));
        assert_eq!(files(&disk(&records), Leaves::Nothing)["a"], b"one");
        assert!(files(&disk(&records), Leaves::Everything).is_empty());
        records.push(record(Event::Write, "a", 0, b"new"));
        assert_eq!(files(&disk(&records), Leaves::Nothing)["a"], b"one");
        assert_eq!(files(&disk(&records), Leaves::Everything)["a"], b"new");
    }

    #[test]
    fn a_torn_write_leaves_whole_sectors() {
        let records = [
            record(Event::Write, "a", 100, &[7; 1_000]),
            record(Event::SyncBegins, ".", 0, b""),
            record(Event::SyncEnds, ".", 0, b""),
        ];
        let disk = disk(&records);
        let mut lengths: Vec<usize> = (0..50)
            .map(|seed| {
                let mut left = disk.after_power_failure(Leaves::Something, &mut Prng::new(seed));
                left.remove("a").unwrap_or_default().len()
            })
            .collect();
        lengths.sort_unstable();
        lengths.dedup();
        assert_eq!(lengths, [0, 512, 1_024, 1_100]);
    }
}
