//! The keys of the journal's rows once more, in a file of their own: a start that has to know all
//! recent ones would read every row for them.
//!
//! They are collected where they are written, so many rows at a time, each time up to where a batch
//! begins, and a thread keeps them behind the commits; what was written earlier, it reads. The
//! header there chains a hash over all rows before it; so a piece whose last header stands in the
//! journal as it was gathered is of this journal, with all pieces before it. What does not fit,
//! after an older copy was put back for instance, is dropped, and what is dropped, damaged or not
//! gathered yet is read from the journal.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension};
use stipend_store::{Batch, Seq, StoreError};

use crate::aside::Aside;
use crate::error;
use crate::reader::{self, SqliteReader};
use crate::value::{Number, int};

/// Rows whose keys are gathered together.
pub(crate) const PIECE_ROWS: u64 = 100_000;

const KEYS: Aside = Aside {
    file: "keys.db",
    layout: 1,
    tables: "CREATE TABLE piece(
  until INTEGER PRIMARY KEY, first INTEGER NOT NULL, header BLOB NOT NULL, sum BLOB NOT NULL,
  pairs BLOB NOT NULL) STRICT",
};

/// A key and the distance of its row from the first one of the piece.
const PAIR: usize = 16 + 4;

/// Keys with the positions of their rows, in order.
pub(crate) type Keys = Vec<([u8; 16], Seq)>;

/// The keys of the rows from `first` up to before `until`, where a batch begins.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Piece {
    first: Seq,
    until: Seq,
    /// What the header at `until` says.
    header: Vec<u8>,
}

/// Pieces that follow one another without a gap, oldest first.
#[derive(Debug, Default)]
struct Chain {
    connection: Option<Connection>,
    pieces: Vec<Piece>,
    /// Whether what the file holds was looked at.
    is_read: bool,
}

/// What was gathered in a data directory.
#[derive(Debug)]
pub(crate) struct Gathered {
    directory: PathBuf,
    piece_rows: u64,
    chain: Mutex<Chain>,
    /// The first position that somebody wanted keys from; older ones are not needed any more.
    wanted: AtomicU64,
}

impl Gathered {
    pub(crate) fn new(directory: &Path) -> Self {
        Self::in_pieces(directory, PIECE_ROWS)
    }

    fn in_pieces(directory: &Path, piece_rows: u64) -> Self {
        let (chain, wanted) = (Mutex::default(), AtomicU64::new(Seq::MAX));
        Self { directory: directory.to_owned(), piece_rows, chain, wanted }
    }

    /// The keys of the rows from a position up to before another, and up to where they are all: what
    /// is behind has to be read from the journal.
    pub(crate) fn between(&self, reader: &SqliteReader, from: Seq, until: Seq) -> (Keys, Seq) {
        self.wanted.fetch_min(from, Ordering::Relaxed);
        let (mut keys, mut upto) = (Keys::new(), from);
        let pieces = match self.chain(reader) {
            Ok(chain) => chain.pieces.clone(),
            Err(error) => {
                tell(&error);
                return (keys, upto);
            }
        };
        let of_these = |piece: &&Piece| piece.until > from && piece.first < until;
        for piece in pieces.iter().filter(of_these) {
            // Before the first piece nothing is gathered.
            if piece.first > upto {
                break;
            }
            let Some(read) = self.read(piece) else { break };
            keys.extend(read.into_iter().filter(|(_, seq)| (from..until).contains(seq)));
            upto = piece.until.min(until);
        }
        (keys, upto)
    }

    fn lock(&self) -> MutexGuard<'_, Chain> {
        // What is left when a thread panics with it is a chain, or is read again.
        self.chain.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The chain, of which everything is of this journal.
    fn chain(&self, reader: &SqliteReader) -> Result<MutexGuard<'_, Chain>, StoreError> {
        let mut chain = self.lock();
        if !chain.is_read {
            // Nothing is made before there is something to keep.
            if self.directory.join(KEYS.file).exists() {
                chain.read_all(KEYS.open(&self.directory)?, reader)?;
            }
            chain.is_read = true;
        }
        Ok(chain)
    }

    /// The keys of a piece; none where they are not those that were gathered, and then it is dropped
    /// with all behind it.
    fn read(&self, piece: &Piece) -> Option<Keys> {
        let mut chain = self.lock();
        let read = chain.connection.as_ref().map(|connection| {
            let mut select =
                connection.prepare_cached("SELECT sum, pairs FROM piece WHERE until = ?")?;
            let row = select.query_row([int(piece.until)], |row| {
                Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, Vec<u8>>(1)?))
            });
            row.optional()
        });
        let found = read.unwrap_or(Ok(None)).unwrap_or_else(|error| {
            tell(&error);
            None
        });
        let keys = found.and_then(|(sum, pairs)| {
            (sum == sum_of(piece, &pairs)).then(|| pairs_to_keys(piece.first, &pairs))
        });
        if keys.is_none() {
            tracing::warn!(
                from = piece.first,
                "gathered keys were unreadable; the journal is read"
            );
            let dropped = chain.drop_from(piece.first);
            dropped.unwrap_or_else(|error| tell(&error));
        }
        keys
    }

    /// Reads the keys of the next rows of the journal that stand before those handed over from
    /// `handed` on, where a batch begins; answers whether there were any. Where nothing was handed
    /// over, it reads whole pieces of what stood there before `begin`, where this process began to
    /// write.
    pub(crate) fn gather(
        &self,
        reader: &SqliteReader,
        begin: Seq,
        handed: Option<Seq>,
    ) -> Result<bool, StoreError> {
        let wanted = self.wanted.load(Ordering::Relaxed);
        let end = self.chain(reader)?.pieces.last().map(|piece| piece.until);
        let first = end.unwrap_or(begin.min(wanted)).max(1);
        let whole = first.saturating_add(self.piece_rows);
        let upto = handed.unwrap_or(begin);
        if upto <= first || (handed.is_none() && upto < whole) {
            return Ok(false);
        }
        // The journal is read without the chain's lock.
        let Some((until, header)) = reader.header_at_or_before(upto.min(whole))? else {
            return Ok(false);
        };
        if until <= first {
            return Ok(false);
        }
        let pairs = keys_to_pairs(first, &reader.journal_keys(first, until)?);
        self.keep(reader, Handed { piece: Piece { first, until, header }, pairs })?;
        Ok(true)
    }

    /// Keeps a piece that follows what there is; another is dropped.
    pub(crate) fn keep(&self, reader: &SqliteReader, handed: Handed) -> Result<(), StoreError> {
        let Handed { piece, pairs } = handed;
        let mut chain = self.chain(reader)?;
        if chain.pieces.last().is_some_and(|last| last.until != piece.first) {
            return Ok(());
        }
        if chain.connection.is_none() {
            chain.connection = Some(KEYS.open(&self.directory)?);
        }
        let wanted = self.wanted.load(Ordering::Relaxed);
        chain.add(piece, &pairs, wanted).map_err(error::writing)
    }
}

/// A piece as it was written, with its keys.
#[derive(Debug)]
pub(crate) struct Handed {
    piece: Piece,
    pairs: Vec<u8>,
}

impl Handed {
    /// Where its rows begin.
    pub(crate) fn first(&self) -> Seq {
        self.piece.first
    }
}

/// The keys of commits that follow one another: so nothing needs to be read again for them.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    /// 0 before the first commit.
    first: Seq,
    pairs: Vec<u8>,
}

impl Collected {
    /// Takes the keys of a commit; gives those before it, where their rows make a piece.
    pub(crate) fn take(&mut self, batch: &Batch, piece_rows: u64) -> Option<Handed> {
        let (begin, header) = (batch.after + 1, batch.rows.first()?);
        let full = self.first > 0 && begin - self.first >= piece_rows;
        let handed = full.then(|| {
            let header = reader::header_says(header.amount, &header.body);
            let room = Vec::with_capacity(self.pairs.len());
            let pairs = std::mem::replace(&mut self.pairs, room);
            Handed { piece: Piece { first: self.first, until: begin, header }, pairs }
        });
        if full || self.first == 0 {
            self.first = begin;
        }
        for row in &batch.rows {
            if let Some(key) = &row.key {
                push_pair(&mut self.pairs, key, row.seq - self.first);
            }
        }
        handed
    }
}

impl Chain {
    /// Takes what a file holds of this journal, and drops the rest.
    fn read_all(
        &mut self,
        connection: Connection,
        reader: &SqliteReader,
    ) -> Result<(), StoreError> {
        let mut pieces = pieces_of(&connection).map_err(error::reading)?;
        let end = |piece: &Piece| piece.until;
        let held = pieces.last().map_or(0, end);
        // Where a piece does not follow the one before, it begins a chain of its own.
        let gap = pieces.windows(2).position(|pair| pair[0].until != pair[1].first);
        pieces.truncate(gap.map_or(pieces.len(), |place| place + 1));
        while let Some(last) = pieces.last()
            && reader.header_at(last.until)?.as_ref() != Some(&last.header)
        {
            pieces.pop();
        }
        self.connection = Some(connection);
        self.pieces = pieces;
        let kept = self.pieces.last().map_or(0, end);
        if kept < held {
            tracing::warn!(kept, held, "gathered keys are not of this journal and are dropped");
            self.drop_from(kept).map_err(error::writing)?;
        }
        Ok(())
    }

    /// Drops the pieces that begin at a position or behind it.
    fn drop_from(&mut self, first: Seq) -> rusqlite::Result<()> {
        self.pieces.retain(|piece| piece.first < first);
        let Some(connection) = &self.connection else { return Ok(()) };
        connection.execute("DELETE FROM piece WHERE first >= ?", [int(first)]).map(drop)
    }

    /// Adds a piece behind the last, and drops what ends before what is wanted.
    fn add(&mut self, piece: Piece, pairs: &[u8], wanted: Seq) -> rusqlite::Result<()> {
        let Some(connection) = &mut self.connection else { return Ok(()) };
        let transaction = connection.transaction()?;
        let old = if wanted == Seq::MAX { 0 } else { wanted };
        transaction.execute("DELETE FROM piece WHERE until <= ?", [int(old)])?;
        transaction.execute(
            "INSERT INTO piece(until, first, header, sum, pairs) VALUES (?, ?, ?, ?, ?)",
            (int(piece.until), int(piece.first), &piece.header, sum_of(&piece, pairs), pairs),
        )?;
        transaction.commit()?;
        self.pieces.retain(|piece| piece.until > old);
        self.pieces.push(piece);
        Ok(())
    }
}

fn pieces_of(connection: &Connection) -> rusqlite::Result<Vec<Piece>> {
    let mut select = connection.prepare("SELECT first, until, header FROM piece ORDER BY until")?;
    let piece = |row: &rusqlite::Row<'_>| {
        let number = |index: usize| row.get::<_, Number>(index).map(|number| number.0);
        Ok(Piece { first: number(0)?, until: number(1)?, header: row.get(2)? })
    };
    select.query_map([], piece)?.collect()
}

fn tell(error: &impl std::fmt::Display) {
    tracing::warn!(%error, "keys that were gathered cannot be used; the journal is read instead");
}

fn keys_to_pairs(first: Seq, keys: &Keys) -> Vec<u8> {
    let mut pairs = Vec::with_capacity(keys.len() * PAIR);
    keys.iter().for_each(|(key, seq)| push_pair(&mut pairs, key, seq - first));
    pairs
}

fn push_pair(pairs: &mut Vec<u8>, key: &[u8; 16], distance: u64) {
    let distance = u32::try_from(distance).expect("a piece has few rows");
    pairs.extend_from_slice(key);
    pairs.extend_from_slice(&distance.to_le_bytes());
}

fn pairs_to_keys(first: Seq, pairs: &[u8]) -> Keys {
    let (pairs, _) = pairs.as_chunks::<PAIR>();
    let key = |pair: &[u8; PAIR]| {
        let (mut key, mut distance) = ([0; 16], [0; 4]);
        key.copy_from_slice(&pair[..16]);
        distance.copy_from_slice(&pair[16..]);
        (key, first + u64::from(u32::from_le_bytes(distance)))
    };
    pairs.iter().map(key).collect()
}

/// As FNV-1a, but over words, and turned so that high bits matter to low ones.
fn sum_of(piece: &Piece, pairs: &[u8]) -> [u8; 8] {
    let Piece { first, until, header } = piece;
    let mut sum = 0xcbf2_9ce4_8422_2325_u64;
    let mut take = |word: u64| sum = (sum ^ word).wrapping_mul(0x0100_0000_01b3).rotate_left(29);
    for word in [*first, *until, header.len() as u64, pairs.len() as u64] {
        take(word);
    }
    for bytes in [header, pairs] {
        let (words, rest) = bytes.as_chunks::<8>();
        words.iter().for_each(|word| take(u64::from_le_bytes(*word)));
        rest.iter().for_each(|byte| take(u64::from(*byte)));
    }
    sum.to_le_bytes()
}

#[cfg(test)]
mod tests;
