//! A client of HTTP/1.1 that does no more than measuring needs.

use crate::load::{Caller, Wire};
use anyhow::{Context, Result, ensure};
use std::io::Write as _;

/// A connection that sends what `write` gives it, again and again.
pub(crate) struct HttpCaller<W> {
    wire: Wire,
    request: Vec<u8>,
    write: W,
}

impl<W: FnMut(&mut Vec<u8>) + 'static> HttpCaller<W> {
    pub(crate) async fn connect(port: u16, write: W) -> Result<Self> {
        Ok(Self { wire: Wire::connect(port).await?, request: Vec::new(), write })
    }

    /// Sends one request and gives the body of its answer.
    pub(crate) async fn exchange(&mut self) -> Result<&[u8]> {
        self.request.clear();
        (self.write)(&mut self.request);
        self.wire.send(&self.request).await?;
        let answer = self.wire.receive(end_of_answer).await?;
        let body = body_start(answer).unwrap_or(answer.len());
        ensure!(
            answer.starts_with(b"HTTP/1.1 200"),
            "refused: {}",
            String::from_utf8_lossy(answer)
        );
        Ok(&answer[body..])
    }
}

impl<W: FnMut(&mut Vec<u8>) + 'static> Caller for HttpCaller<W> {
    async fn call(&mut self) -> Result<()> {
        self.exchange().await.map(|_| ())
    }
}

/// Writes a GET.
pub(crate) fn write_get(into: &mut Vec<u8>, path: std::fmt::Arguments<'_>, key: &str) {
    let head = format_args!("GET {path} HTTP/1.1\r\nhost: localhost\r\nx-api-key: {key}\r\n\r\n");
    into.write_fmt(head).expect("writing to memory cannot fail");
}

/// Writes a POST of JSON.
pub(crate) fn write_post(into: &mut Vec<u8>, path: &str, key: &str, body: &[u8]) {
    write!(
        into,
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nx-api-key: {key}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .expect("writing to memory cannot fail");
    into.extend_from_slice(body);
}

fn body_start(answer: &[u8]) -> Option<usize> {
    answer.windows(4).position(|window| window == b"\r\n\r\n").map(|place| place + 4)
}

fn end_of_answer(answer: &[u8]) -> Result<Option<usize>> {
    let Some(start) = body_start(answer) else { return Ok(None) };
    let head = std::str::from_utf8(&answer[..start]).context("the head is no text")?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>())
    });
    let length = length.context("an answer without its length")??;
    Ok((answer.len() >= start + length).then_some(start + length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_where_its_length_says() {
        let check = |text: &str, expected: Option<usize>| {
            assert_eq!(end_of_answer(text.as_bytes()).expect("it is sound"), expected, "{text:?}");
        };
        check("HTTP/1.1 200 OK\r\ncontent-le", None);
        check("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{", None);
        check("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", Some(40));
        check("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1", Some(40));
        assert!(end_of_answer(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
