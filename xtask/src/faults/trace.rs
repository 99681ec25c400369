//! The trace that the preloaded library writes.

use std::path::Path;

use anyhow::{Context, Result, bail};

use super::shim::Op;

/// What a record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// An operation was asked for.
    Asked(Op),
    /// An operation was made to fail.
    Failed,
    Write,
    SyncBegins,
    SyncEnds,
    Truncate,
    Rename,
    Unlink,
    /// An answer is about to be sent; the data is its head.
    Answer,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) event: Event,
    /// Of the file, `.` for the directory.
    pub(super) name: String,
    /// In the file; the thread, of what was asked for or failed.
    pub(super) offset: u64,
    pub(super) data: Vec<u8>,
}

/// The head of an answer, as far as it matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) request_id: String,
}

impl Record {
    /// Whether it tells of a sync that failed.
    pub(super) fn is_failed_sync(&self) -> bool {
        self.event == Event::Failed && self.data == *b"s"
    }

    pub(super) fn head(&self) -> Option<Head> {
        if self.event != Event::Answer {
            return None;
        }
        let text = String::from_utf8_lossy(&self.data);
        let mut lines = text.lines();
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let id = lines.find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("x-request-id").then(|| value.trim().to_owned())
        });
        Some(Head { status, request_id: id.unwrap_or_default() })
    }
}

pub(super) fn read(path: &Path) -> Result<Vec<Record>> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error).context("cannot read the trace"),
    };
    parse(&bytes)
}

/// Reads the records. The last one may be cut off where its writer was killed.
fn parse(mut rest: &[u8]) -> Result<Vec<Record>> {
    let mut records = Vec::new();
    while let Some((head, after)) = rest.split_first_chunk::<15>() {
        let event = event_of(head[0])?;
        let name_length = usize::from(u16::from_le_bytes([head[1], head[2]]));
        let data_length = u32::from_le_bytes([head[3], head[4], head[5], head[6]]) as usize;
        let mut offset = [0; 8];
        offset.copy_from_slice(&head[7..]);
        let Some((name, after)) = after.split_at_checked(name_length) else { break };
        let Some((data, after)) = after.split_at_checked(data_length) else { break };
        records.push(Record {
            event,
            name: String::from_utf8_lossy(name).into_owned(),
            offset: u64::from_le_bytes(offset),
            data: data.to_vec(),
        });
        rest = after;
    }
    Ok(records)
}

fn event_of(code: u8) -> Result<Event> {
    Ok(match code {
        b'o' => Event::Asked(Op::Open),
        b'r' => Event::Asked(Op::Read),
        b'm' => Event::Asked(Op::Rename),
        b's' => Event::Asked(Op::Sync),
        b't' => Event::Asked(Op::Truncate),
        b'u' => Event::Asked(Op::Unlink),
        b'w' => Event::Asked(Op::Write),
        b'!' => Event::Failed,
        b'W' => Event::Write,
        b'B' => Event::SyncBegins,
        b'S' => Event::SyncEnds,
        b'T' => Event::Truncate,
        b'M' => Event::Rename,
        b'U' => Event::Unlink,
        b'A' => Event::Answer,
        other => bail!("the trace has a record of the kind {other}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(code: u8, name: &str, offset: u64, data: &[u8]) -> Vec<u8> {
        let mut bytes = vec![code];
        bytes.extend_from_slice(&u16::try_from(name.len()).unwrap().to_le_bytes());
        bytes.extend_from_slice(&u32::try_from(data.len()).unwrap().to_le_bytes());
        bytes.extend_from_slice(&offset.to_le_bytes());
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(data);
        bytes
    }

    #[test]
    fn records_are_read_in_their_order_and_a_cut_one_is_left_out() {
        let mut trace = bytes(b'W', "MARK", 7, b"abc");
        trace.extend(bytes(b'S', ".", 0, b""));
        let whole = trace.len();
        trace.extend(bytes(b'W', "MARK", 8, b"def"));
        for length in [whole, whole + 3, trace.len() - 1] {
            let records = parse(&trace[..length]).unwrap();
            assert_eq!(records.len(), 2, "{length}");
            assert_eq!(records[0].event, Event::Write);
            assert_eq!((records[0].offset, records[0].data.as_slice()), (7, b"abc".as_slice()));
            assert_eq!((records[1].event, records[1].name.as_str()), (Event::SyncEnds, "."));
        }
        assert!(parse(&bytes(b'?', "", 0, b"")).is_err());
    }

    #[test]
    fn the_head_of_an_answer_names_its_request() {
        let text = b"HTTP/1.1 200 OK\r\nX-Request-Id: op-7\r\n\r\n{}";
        let record = parse(&bytes(b'A', "", 0, text)).unwrap().remove(0);
        let expected = Head { status: 200, request_id: "op-7".to_owned() };
        assert_eq!(record.head(), Some(expected));
        let other = Record { event: Event::Write, ..record };
        assert_eq!(other.head(), None);
    }
}
