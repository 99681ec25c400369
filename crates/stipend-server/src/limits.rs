//! What a connection may cost, and for how long; how much may be under way at once.

use std::time::Duration;
use stipend_engine::limits::LEDGER_ROWS_MAX;

/// The limits of connections and requests; a test makes them small where it would wait otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long a client may take to send the head of a request, and rest between two.
    pub header_timeout: Duration,
    /// How long a body may take to arrive.
    pub body_timeout: Duration,
    /// How long a client may take none of an answer.
    pub write_timeout: Duration,
    /// Connections that are served at once; more wait to be accepted.
    pub connections_max: usize,
    /// Commands that are under way at once, from the request to the answer; more are refused. Sixteen
    /// items of a bulk request count as one.
    pub commands_max: usize,
    /// Requests that read from the store at once; more are refused.
    pub reads_max: usize,
    /// Rows that are read at once for a page of a ledger.
    pub page_rows_max: usize,
    /// How often so many are read for one page, where nothing of what is asked for was among them.
    pub page_reads_max: usize,
    /// Requests that go on reading at once, over all requests; others wait for their turn.
    pub long_reads_max: usize,
    /// Requests that wait for their turn to go on reading; more are refused.
    pub long_reads_waiting_max: usize,
    /// Bytes of bodies that are large, over all requests; more are refused.
    pub body_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            connections_max: 10_000,
            commands_max: 2_048,
            reads_max: 1_024,
            page_rows_max: LEDGER_ROWS_MAX,
            page_reads_max: 20,
            long_reads_max: 2,
            long_reads_waiting_max: 64,
            body_bytes_max: 64 << 20,
        }
    }
}
