//! Looking through the WAL before SQLite does.
//!
//! SQLite reads the WAL up to the first frame whose checksum is wrong and forgets the rest. That
//! is right for the tail that a crash has torn, and silently loses commits where the frame was
//! damaged later. The two are told apart by what stands behind the bad frame: a commit is synced
//! before the next one begins, so a whole commit behind the bad frame's own one proves that the
//! bad frame had been durable.
//!
//! The frames' checksums form a chain, which a bad frame breaks; but each frame carries the value
//! of the chain, so the next one can be verified against what the bad frame says it was.

use std::io::{self, Read, Seek, SeekFrom};

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
const PAGE: usize = 4_096;
const FRAME: usize = FRAME_HEADER + PAGE;

/// The header's first bytes; the last bit says in which order the checksums take the bytes.
const MAGIC: u32 = 0x377f_0682;
const VERSION: u32 = 3_007_000;

type Checksum = (u32, u32);

/// What the WAL holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Finding {
    /// How many whole commits SQLite will find.
    pub(crate) commits: u64,
    /// The offset from which on an unfinished commit stands.
    pub(crate) torn: Option<u64>,
    /// The offset of a bad frame with whole commits behind it.
    pub(crate) damaged: Option<u64>,
}

/// Reads the whole file.
pub(crate) fn scan(mut file: impl Read + Seek) -> io::Result<Finding> {
    let mut header = [0; HEADER];
    let length = fill(&mut file, &mut header)?;
    if length < HEADER {
        return Ok(Finding { torn: (length > 0).then_some(0), ..Finding::default() });
    }
    match chain(&header) {
        Some((order, seed, salts)) => read(&mut file, Scan::new(order, seed, salts)),
        None => scan_headless(&mut file, &header),
    }
}

/// The chain's beginning, where the header is whole.
fn chain(header: &[u8; HEADER]) -> Option<(Order, Checksum, [u8; 8])> {
    let word = |at: usize| be32(&header[at..at + 4]);
    let order = if word(0) & 1 == 0 { Order::Little } else { Order::Big };
    let seed = order.checksum((0, 0), &header[..24]);
    let sound = word(0) & !1 == MAGIC
        && word(4) == VERSION
        && word(8) as usize == PAGE
        && seed == (word(24), word(28));
    sound.then(|| (order, seed, eight(&header[16..24])))
}

/// A header that is not whole makes SQLite forget all frames. Where frames verify by any of the
/// values that the header may have had, that would be a loss.
fn scan_headless(file: &mut (impl Read + Seek), header: &[u8; HEADER]) -> io::Result<Finding> {
    let stored = (be32(&header[24..28]), be32(&header[28..32]));
    for order in [Order::Little, Order::Big] {
        let seeds = [stored, order.checksum((0, 0), &header[..24])];
        // The salts are those of the frames; the first frame may share the header's damage.
        for frame in 0..2 {
            let mut salts = [0; 8];
            file.seek(SeekFrom::Start((HEADER + frame * FRAME + 8) as u64))?;
            if fill(file, &mut salts)? < salts.len() {
                continue;
            }
            for seed in seeds {
                file.seek(SeekFrom::Start(HEADER as u64))?;
                let finding = read(file, Scan::new(order, seed, salts))?;
                if finding.commits > 0 || finding.damaged.is_some() {
                    return Ok(Finding { damaged: Some(0), ..Finding::default() });
                }
            }
        }
    }
    Ok(Finding { torn: Some(0), ..Finding::default() })
}

fn read(file: &mut impl Read, mut scan: Scan) -> io::Result<Finding> {
    let mut file = io::BufReader::with_capacity(FRAME * 64, file);
    let mut frame = vec![0; FRAME];
    let mut offset = HEADER as u64;
    loop {
        let length = fill(&mut file, &mut frame)?;
        if length < FRAME {
            scan.rest(length);
            return Ok(scan.finish());
        }
        scan.frame(offset, &frame);
        if scan.damaged.is_some() {
            return Ok(scan.finish());
        }
        offset += FRAME as u64;
    }
}

/// The walk over the frames of one generation; those of older ones lie behind, with other salts.
struct Scan {
    order: Order,
    salts: [u8; 8],
    /// The chain's value after the frame before, as that frame says.
    seed: Checksum,
    commits: u64,
    /// Where the last whole commit ends.
    end: u64,
    /// Something of this generation stands behind that.
    tail: bool,
    bad: Option<u64>,
    /// Behind a bad frame: the end of a commit was seen, and all frames since then are whole.
    whole_since_commit: bool,
    damaged: Option<u64>,
}

impl Scan {
    fn new(order: Order, seed: Checksum, salts: [u8; 8]) -> Self {
        let (commits, end, tail) = (0, HEADER as u64, false);
        let (bad, whole_since_commit, damaged) = (None, false, None);
        Self { order, salts, seed, commits, end, tail, bad, whole_since_commit, damaged }
    }

    fn frame(&mut self, offset: u64, frame: &[u8]) {
        let (header, page) = frame.split_at(FRAME_HEADER);
        let current = header[8..16] == self.salts;
        let commits = current && be32(&header[4..8]) != 0;
        let stored = (be32(&header[16..20]), be32(&header[20..24]));
        let computed = self.order.checksum(self.order.checksum(self.seed, &header[..8]), page);
        let whole = current && stored == computed;
        self.seed = stored;
        self.tail |= current;

        if self.bad.is_none() && whole {
            if commits {
                self.commits += 1;
                self.end = offset + FRAME as u64;
                self.tail = false;
            }
            return;
        }
        let first_bad = *self.bad.get_or_insert(offset);
        if whole && commits && self.whole_since_commit {
            self.damaged = Some(first_bad);
        }
        // The end of a commit counts also where the frame's page is damaged: a torn frame has
        // its header whole or not at all, since both lie in few sectors.
        self.whole_since_commit = commits || (self.whole_since_commit && whole);
    }

    /// Bytes at the file's end that are less than a frame.
    fn rest(&mut self, length: usize) {
        self.tail |= length > 0 && self.bad.is_none();
    }

    fn finish(self) -> Finding {
        let torn = (self.tail && self.damaged.is_none()).then_some(self.end);
        Finding { commits: self.commits, torn, damaged: self.damaged }
    }
}

/// In which order the checksums take the bytes of a word.
#[derive(Clone, Copy)]
enum Order {
    Little,
    Big,
}

impl Order {
    /// SQLite's checksum, continued; the length is a multiple of eight.
    fn checksum(self, seed: Checksum, bytes: &[u8]) -> Checksum {
        let (pairs, _) = bytes.as_chunks::<8>();
        pairs.iter().fold(seed, |(first, second), pair| {
            let [a, b, c, d, e, f, g, h] = *pair;
            let (left, right) = match self {
                Self::Little => {
                    (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]))
                }
                Self::Big => (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h])),
            };
            let first = first.wrapping_add(left).wrapping_add(second);
            (first, second.wrapping_add(right).wrapping_add(first))
        })
    }
}

fn be32(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |word, byte| word << 8 | u32::from(*byte))
}

fn eight(bytes: &[u8]) -> [u8; 8] {
    let mut copy = [0; 8];
    copy.copy_from_slice(bytes);
    copy
}

/// Reads until the buffer is full or the file ends.
fn fill(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests;
