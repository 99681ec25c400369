//! The ledger as a file: all entries that match, newest first, in pages that are sent as they are read.

use super::{Asked, Past};
use crate::api::ledger::to_wire;
use crate::app::App;
use crate::dashboard::customer::Look;
use crate::dashboard::failure::Failure;
use crate::dashboard::visit::Visit;
use crate::dashboard::who::said;
use crate::error::ApiError;
use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use hyper::body::Frame;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use stipend_engine::ledger::{Cursor, LedgerEvent};
use stipend_engine::{Engine, Found};
use stipend_store::{Page, StoreError};
use stipend_wire::ledger::LedgerEntry;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Entries that are read at once.
const READ_MAX: usize = 1_000;

/// Pages of the file on their way. The connection takes them one after the other; while it takes
/// none nothing is read.
struct Pages(Receiver<Result<Bytes, Broken>>);

/// The file cannot be read to its end, so the connection ends in its midst.
#[derive(Debug)]
struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("the ledger could not be read to its end")
    }
}

impl std::error::Error for Broken {}

impl hyper::body::Body for Pages {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        self.0.poll_recv(context).map(|page| page.map(|page| page.map(Frame::data)))
    }
}

/// What is left of a file.
struct Rest {
    app: App,
    asked: Arc<Asked>,
    found: Found,
    next: Option<Page<Cursor>>,
}

/// The entries that match up to now, as a file.
pub(super) async fn file(visit: Visit) -> Result<Response, Failure> {
    let look = Look::caught_up(&visit).await?;
    let asked = Arc::new(Asked::new(&look)?);
    let found = Found::clone(&look.found);
    let mut rest = Rest { app: visit.app.clone(), asked, found, next: Some(Page::First) };
    // What fails at once is told; the rest is read while the file is on its way.
    let first = format!("{COLUMNS}\r\n{}", rest.read().await?);
    let (pages, sent) = channel(1);
    tokio::spawn(rest.send(first, pages));
    let name: String = look.customer().profile.id.as_str().chars().map(plain).collect();
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"ledger-{name}.csv\"")),
    ];
    Ok((headers, Body::new(Pages(sent))).into_response())
}

impl Rest {
    /// Reads a page.
    async fn read(&mut self) -> Result<String, ApiError> {
        let Some(page) = self.next else { return Ok(String::new()) };
        let rows_max = self.app.limits().page_rows_max;
        let (asked, found) = (Arc::clone(&self.asked), Found::clone(&self.found));
        let engine = Arc::clone(self.app.shared_engine());
        let read = move || Ok(written(&asked, &engine, &found, page, rows_max)?);
        let (text, next) = self.app.read_on(read).await?;
        self.next = next.map(Page::After);
        Ok(text)
    }

    /// Sends page by page, until nobody takes them any more.
    async fn send(mut self, first: String, pages: Sender<Result<Bytes, Broken>>) {
        let mut page = Ok(first);
        loop {
            let page_of_file = page.map(Bytes::from).map_err(|error: ApiError| {
                tracing::warn!(error = error.message(), "a ledger was not exported to its end");
                Broken
            });
            let is_last = page_of_file.is_err() || self.next.is_none();
            if pages.send(page_of_file).await.is_err() || is_last {
                return;
            }
            page = self.read().await;
        }
    }
}

/// A character that every file system takes.
fn plain(character: char) -> char {
    if character.is_ascii_alphanumeric() || "-_.@".contains(character) { character } else { '_' }
}

const COLUMNS: &str = "time,event,amount,creditType,resource,grant,feature,eventId,reservation,\
                       reason,entry,decision,who,grantName";

/// A page of the file, and where the next one begins.
fn written(
    asked: &Asked,
    engine: &Engine,
    found: &Found,
    page: Page<Cursor>,
    rows_max: usize,
) -> Result<(String, Option<Cursor>), StoreError> {
    let (read, past) = asked.read_shown(engine, found, page, (READ_MAX, rows_max))?;
    let mut text = String::new();
    for event in &read.events {
        let entry = to_wire(found, engine.cipher(), event);
        let who = event.by.as_ref().map(|by| said(engine, by)).unwrap_or_default();
        line(&mut text, &entry, [&who, &plain_name(found, event, &past)]);
    }
    let last = read.events.last().map(|event| event.cursor);
    Ok((text, read.stopped_at.or(last).filter(|_| read.has_older)))
}

fn line(text: &mut String, entry: &LedgerEntry, [who, grant_name]: [&str; 2]) {
    let optional = |text: &Option<String>| text.clone().unwrap_or_default();
    let cells = [
        cell(&entry.timestamp),
        cell(entry.event_type.as_str()),
        // A number stays a number, with its sign.
        entry.amount.0.to_string(),
        cell(&entry.credit_currency_id),
        cell(&optional(&entry.resource_id)),
        cell(&entry.credit_grant_id),
        cell(&optional(&entry.feature_id)),
        cell(&optional(&entry.event_id)),
        cell(&optional(&entry.reservation_id)),
        cell(&optional(&entry.reason)),
        cell(&optional(&entry.entry_id)),
        cell(&optional(&entry.decision_id)),
        cell(who),
        cell(grant_name),
    ];
    text.push_str(&cells.join(","));
    text.push_str("\r\n");
}

/// The name of an event's grant in a file.
fn plain_name(found: &Found, event: &LedgerEvent, past: &Past) -> String {
    if event.is_of_overdraft {
        return "Overdraft".to_owned();
    }
    let pool = found.customer.pool(event.pool);
    let grant = pool.and_then(|pool| pool.find_present(event.grant));
    let grant = grant.or_else(|| past.get(&event.grant));
    grant.map(|grant| grant.name.to_string()).unwrap_or_default()
}

/// A text in a file: spreadsheets would run what begins like a formula, so it gets a mark before.
fn cell(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    let guarded = if is_formula { format!("'{text}") } else { text.to_owned() };
    if guarded.contains(['"', ',', '\n', '\r', ';', '\'']) {
        return format!("\"{}\"", guarded.replace('"', "\"\""));
    }
    guarded
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn a_text_that_begins_like_a_formula_is_marked() {
        let check = |text: &str, expected: &str| assert_eq!(cell(text), expected, "{text:?}");
        check("plain", "plain");
        check("", "");
        check("=1+1", "\"'=1+1\"");
        check("+1", "\"'+1\"");
        check("-1", "\"'-1\"");
        check("@SUM(A1)", "\"'@SUM(A1)\"");
        check("\t=1", "\"'\t=1\"");
        check("a,b", "\"a,b\"");
        check("say \"hi\"", "\"say \"\"hi\"\"\"");
        check("two\r\nlines", "\"two\r\nlines\"");
        check("a=1", "a=1");
    }
}
