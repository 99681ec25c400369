//! The mark: the number of the last acknowledged batch, in a file of its own.
//!
//! It is written after each commit and never synced, so it costs a microsecond. After the crash
//! of the process it is exact; after a power failure it may be behind, which only makes it say
//! less. It is never ahead of what was durable, so a journal that ends before it has lost
//! acknowledged batches, however well the database itself looks.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::directory::open_or_make;

const LENGTH: usize = 16;

/// The open file.
#[derive(Debug)]
pub(crate) struct Mark {
    file: File,
}

/// What the file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// No file, or an empty one: nothing was acknowledged here, or its name was not durable.
    Nothing,
    /// Not what was written, as after a power failure.
    Unreadable,
    /// The number of the last acknowledged batch.
    Batch(u64),
}

impl Mark {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { file: open_or_make(path)? })
    }

    pub(crate) fn read(path: &Path) -> io::Result<Found> {
        match std::fs::read(path) {
            Ok(bytes) => Ok(parse(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Found::Nothing),
            Err(error) => Err(error),
        }
    }

    /// Makes it durable, which only a mark that replaces another one needs.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    pub(crate) fn write(&self, batch: u64) -> io::Result<()> {
        self.file.write_all_at(&form(batch), 0)
    }
}

fn form(batch: u64) -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    bytes[..8].copy_from_slice(&batch.to_be_bytes());
    bytes[8..].copy_from_slice(&checksum(batch).to_be_bytes());
    bytes
}

fn parse(bytes: &[u8]) -> Found {
    if bytes.is_empty() {
        return Found::Nothing;
    }
    let number = bytes.first_chunk().map(|bytes| u64::from_be_bytes(*bytes));
    match number {
        Some(batch) if form(batch) == bytes => Found::Batch(batch),
        _ => Found::Unreadable,
    }
}

/// FNV-1a over the number's bytes: any single damaged byte shows.
fn checksum(batch: u64) -> u64 {
    batch.to_be_bytes().into_iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written() {
        for batch in [0, 1, 255, 256, u64::MAX] {
            assert_eq!(parse(&form(batch)), Found::Batch(batch));
        }
    }

    #[test]
    fn a_damaged_mark_is_not_believed() {
        assert_eq!(parse(&[]), Found::Nothing);
        assert_eq!(parse(&[0; LENGTH]), Found::Unreadable);
        for length in 1..LENGTH {
            assert_eq!(parse(&form(77)[..length]), Found::Unreadable);
        }
        for (index, bit) in (0..LENGTH).flat_map(|index| (0..8).map(move |bit| (index, bit))) {
            let mut bytes = form(77);
            bytes[index] ^= 1 << bit;
            assert_eq!(parse(&bytes), Found::Unreadable, "{index} {bit}");
        }
    }
}
