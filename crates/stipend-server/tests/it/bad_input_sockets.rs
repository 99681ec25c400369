//! The rows of `bad-input.md` that need a connection: heads, framing, slowness, and clients that
//! are gone. Bytes go to a real listener. Where hyper answers otherwise than the table by itself,
//! the line says so; its own refusals have no body.

use crate::support::{KEY, Listening, Server};
use crate::world::{self, usage};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;
use stipend_server::Limits;
use stipend_store::MemoryStore;

const CONSUME: &str = "/api/v1/credits/consumption";
/// After that a test that hangs fails; nothing waits for it.
const HANGING: Duration = Duration::from_secs(20);
/// A limit that a test runs into.
const SOON: Duration = Duration::from_millis(150);

pub(crate) fn connect(listening: &Listening) -> TcpStream {
    let stream = TcpStream::connect(listening.address).expect("the server accepts");
    stream.set_read_timeout(Some(HANGING)).expect("it is not zero");
    stream.set_write_timeout(Some(HANGING)).expect("it is not zero");
    stream
}

/// Everything until the server closes, or resets what it did not want to read.
pub(crate) fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("{error} after {}", String::from_utf8_lossy(&bytes)),
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The statuses of all answers to these bytes, sent in so many writes, until the server closes.
fn statuses(listening: &Listening, parts: &[&[u8]]) -> Vec<String> {
    let mut stream = connect(listening);
    for part in parts {
        // A server that has refused already may have closed.
        let _ = stream.write_all(part);
    }
    let text = rest(&mut stream);
    let lines = text.split("HTTP/1.").skip(1);
    lines.map(|line| line.chars().skip(2).take(3).collect()).collect()
}

#[track_caller]
fn check(listening: &Listening, row: u8, request: &str, expected: &[&str]) {
    let shown: String = request.chars().take(120).collect();
    let bytes = request.as_bytes();
    assert_eq!(statuses(listening, &[bytes]), expected, "row {row}: {shown:?}");
    // The server lives on.
    let get = b"GET /livez HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    assert_eq!(statuses(listening, &[get]), ["200"], "row {row}: after {shown:?}");
}

fn listening(server: &Server) -> Listening {
    server.listen(Limits::default())
}

/// A request that the server answers and then closes after.
pub(crate) fn get(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{headers}\r\n")
}

pub(crate) fn post(headers: &str, body: &str) -> String {
    format!(
        "POST {CONSUME} HTTP/1.1\r\nhost: a\r\nx-api-key: {KEY}\r\n\
         content-type: application/json\r\n{headers}\r\n{body}"
    )
}

pub(crate) fn consumption(key: &str) -> String {
    usage("acme", key, 1).to_string()
}

#[test]
fn row_18_a_length_that_is_too_great_is_refused_before_it_comes() {
    let server = world::example();
    let before = server.position();
    let listening = listening(&server);
    check(&listening, 18, &post("content-length: 10485760\r\n", "{"), &["413"]);
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    let chunks = post("transfer-encoding: chunked\r\n", &chunk.repeat(20));
    check(&listening, 18, &chunks, &["413"]);
    // Shorter than it said; the client is heard to have ended. hyper closes without an answer.
    let mut stream = connect(&listening);
    stream.write_all(post("content-length: 900\r\n", &consumption("k")).as_bytes()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let answer = rest(&mut stream);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "row 18: {answer}");
    assert_eq!(server.position(), before);
}

#[test]
fn row_35_a_head_is_bounded_however_it_arrives() {
    let server = world::example();
    let listening = listening(&server);
    let many = |count: usize| (0..count).map(|n| format!("x-{n}: 1\r\n")).collect::<String>();
    check(&listening, 35, &get("/livez", &many(98)), &["200"]);
    for headers in [
        many(99),
        format!("x-long: {}\r\n", "v".repeat(64 << 10)),
        (0..40).map(|n| format!("x-{n}: {}\r\n", "v".repeat(1_000))).collect(),
    ] {
        let request = get("/livez", &headers);
        check(&listening, 35, &request, &["431"]);
        let (first, second) = request.as_bytes().split_at(request.len() / 2);
        assert_eq!(statuses(&listening, &[first, second]), ["431"], "row 35: dribbled");
    }
}

/// The first line is a part of the head, whose bound it meets first: hyper answers 431, not 414.
#[test]
fn row_36_an_address_of_64_kb_is_refused() {
    let server = world::example();
    let path = format!("/api/v1/plans?after={}", "0".repeat(64 << 10));
    check(&listening(&server), 36, &get(&path, ""), &["431"]);
}

/// Sends one byte after the other, for as long as the server lets it; gives what it answered.
fn dribble(stream: &mut TcpStream, byte: &[u8]) -> String {
    stream.set_read_timeout(Some(Duration::from_millis(10))).expect("it is not zero");
    let mut answer = Vec::new();
    for _ in 0..2_000 {
        let mut buffer = [0; 4_096];
        let ended = stream.write_all(byte).is_err();
        match stream.read(&mut buffer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock && !ended => {}
            Ok(0) | Err(_) => return String::from_utf8_lossy(&answer).into_owned(),
            Ok(count) => answer.extend_from_slice(&buffer[..count]),
        }
    }
    panic!("the server never had enough of it");
}

#[test]
fn row_37_a_head_that_dribbles_is_cut_off() {
    let server = world::example();
    let listening = server.listen(Limits { header_timeout: SOON, ..Limits::default() });
    let mut stream = connect(&listening);
    stream.write_all(b"GET /livez HTTP/1.1\r\nx-slow: ").unwrap();
    assert_eq!(dribble(&mut stream, b"v"), "", "closed without an answer");
    let mut silent = connect(&listening);
    assert_eq!(rest(&mut silent), "", "as is who says nothing at all");
}

/// What has arrived of it is answered with 400 before the connection ends.
#[test]
fn row_37_a_body_that_dribbles_is_cut_off() {
    let server = world::example();
    let before = server.position();
    let listening = server.listen(Limits { body_timeout: SOON, ..Limits::default() });
    let mut stream = connect(&listening);
    stream.write_all(post("content-length: 100000\r\n", "{").as_bytes()).unwrap();
    let answer = rest(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert!(answer.contains("took too long"), "{answer}");
    assert_eq!(server.position(), before);
}

#[test]
fn row_37_who_never_reads_the_answers_is_cut_off() {
    let server = world::example();
    let listening = server.listen(Limits { write_timeout: SOON, ..Limits::default() });
    let mut stream = connect(&listening);
    let request = b"GET /openapi.json HTTP/1.1\r\nhost: a\r\n\r\n";
    let ended = loop {
        if let Err(error) = stream.write_all(request) {
            break error.kind();
        }
    };
    assert!(matches!(ended, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{ended:?}");
    check(&listening, 37, &get("/livez", ""), &["200"]);
}

#[test]
fn row_37_sockets_that_do_nothing_do_not_stop_service() {
    let server = world::example();
    let listening = listening(&server);
    let mut idle: Vec<TcpStream> = (0..200).map(|_| connect(&listening)).collect();
    for stream in idle.iter_mut().step_by(2) {
        stream.write_all(b"GET /livez HT").unwrap();
    }
    check(&listening, 37, &get("/livez", ""), &["200"]);
    drop(idle);
    // Where all places are taken, the next is served when the idle ones run out of time.
    let limits = Limits { connections_max: 4, header_timeout: SOON, ..Limits::default() };
    let few = server.listen(limits);
    let idle: Vec<TcpStream> = (0..8).map(|_| connect(&few)).collect();
    check(&few, 37, &get("/livez", ""), &["200"]);
    drop(idle);
}

#[test]
fn a_stop_is_heard_while_every_place_is_taken() {
    let server = world::example();
    let mut full = server.listen(Limits { connections_max: 1, ..Limits::default() });
    let mut slow = connect(&full);
    let body = usage("acme", "1", 1).to_string();
    let expecting = format!("content-length: {}\r\nexpect: 100-continue\r\n", body.len());
    slow.write_all(post(&expecting, "").as_bytes()).unwrap();
    let mut taken = [0; 12];
    slow.read_exact(&mut taken).unwrap();
    assert_eq!(&taken, b"HTTP/1.1 100");
    let mut waiting = connect(&full);
    full.stop();
    // The one that waits for a place is sent away while the other still sends.
    assert_eq!(rest(&mut waiting), "");
    let refused = TcpStream::connect(full.address).map(drop).map_err(|error| error.kind());
    assert_eq!(refused, Err(ErrorKind::ConnectionRefused));
    slow.write_all(body.as_bytes()).unwrap();
    assert!(rest(&mut slow).contains("HTTP/1.1 200"), "what has begun ends");
}

#[test]
fn row_38_the_end_of_a_body_is_never_a_matter_of_opinion() {
    let server = world::example();
    let before = server.position();
    let listening = listening(&server);
    let smuggled = get("/livez", "");
    let chunked = format!("0\r\n\r\n{smuggled}");
    for (headers, body, expected) in [
        // hyper takes the chunks and closes after them, as RFC 9112 allows: what stands behind
        // is never taken for a request. (The empty body is refused by itself.)
        ("content-length: 4\r\ntransfer-encoding: chunked\r\n", &chunked, "400"),
        ("transfer-encoding: chunked\r\ncontent-length: 4\r\n", &chunked, "400"),
        ("content-length: 1\r\ncontent-length: 2\r\n", &smuggled, "400"),
        ("content-length: 1, 2\r\n", &smuggled, "400"),
        ("content-length: +1\r\n", &smuggled, "400"),
        ("content-length: -1\r\n", &smuggled, "400"),
        ("transfer-encoding: xchunked\r\n", &chunked, "400"),
        ("transfer-encoding: chunked, identity\r\n", &chunked, "400"),
        ("transfer-encoding : chunked\r\n", &chunked, "400"),
        ("x-folded: a\r\n b\r\n", &smuggled, "400"),
        ("x-null: a\0b\r\n", &smuggled, "400"),
        ("no-colon\r\n", &smuggled, "400"),
    ] {
        check(&listening, 38, &post(headers, body), &[expected]);
    }
    // hyper takes a bare line feed for the end of a line, as RFC 9112 allows.
    check(&listening, 38, "GET /livez HTTP/1.1\nhost: a\nconnection: close\n\n", &["200"]);
    assert_eq!(server.position(), before);
}

#[test]
fn row_39_other_protocols_and_methods_of_proxies() {
    let server = world::example();
    let listening = listening(&server);
    for (request, expected) in [
        ("GET /livez HTTP/1.0\r\n\r\n".to_owned(), &["200"][..]),
        ("GET /livez\r\n\r\n".to_owned(), &["400"]),
        ("GET /livez HTTP/2.0\r\n\r\n".to_owned(), &["400"]),
        // The beginning of HTTP/2 itself gets no answer.
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), &[]),
        (get("/livez", "connection: upgrade\r\nupgrade: h2c\r\nhttp2-settings: AA\r\n"), &["200"]),
        (get("/livez", "upgrade: websocket\r\n"), &["200"]),
        (get("a.example:443", "").replace("GET", "CONNECT"), &["405"]),
        (get("/livez", "").replace("GET", "CONNECT"), &["405"]),
        (get("/livez", "").replace("GET", "TRACE"), &["405"]),
    ] {
        check(&listening, 39, &request, expected);
    }
}

/// There is no HTTP/2, so there are no streams to reset and no headers to continue: all of a flood
/// is cut off at its first bytes.
#[test]
fn row_40_a_flood_of_http_2_ends_at_its_beginning() {
    let server = world::example();
    let listening = listening(&server);
    let frame = |kind: u8, stream: u32, payload: &[u8]| {
        let length = u32::try_from(payload.len()).expect("it is short").to_be_bytes();
        let mut frame = length[1..].to_vec();
        frame.extend([kind, 0]);
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        frame
    };
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let reset = |n: u32| [frame(1, 2 * n + 1, b"\x82"), frame(3, 2 * n + 1, &[0; 4])].concat();
    let streams: Vec<u8> = (0..10_000).flat_map(reset).collect();
    let continued: Vec<u8> = (0..10_000).flat_map(|_| frame(9, 1, &[0; 64])).collect();
    for flood in [streams, continued] {
        let settings = frame(4, 0, b"");
        let found = statuses(&listening, &[preface, &settings, &flood]);
        assert!(found.is_empty(), "row 40: {found:?}");
        check(&listening, 40, &get("/livez", ""), &["200"]);
    }
}

pub(crate) fn paused() -> (Server, stipend_store::memory::Control) {
    let store = MemoryStore::new();
    let control = store.control();
    let server = Server::in_memory(store);
    world::build_example(&server);
    control.pause();
    (server, control)
}

pub(crate) fn send(listening: &Listening, headers: &str, body: &str) -> TcpStream {
    let mut stream = connect(listening);
    let length = format!("connection: close\r\ncontent-length: {}\r\n{headers}", body.len());
    stream.write_all(post(&length, body).as_bytes()).expect("the server reads");
    stream
}

/// Ours waits for the outcome of the first request and gives both the same answer: who asked
/// again learns more than from a 409, and need not ask a third time.
#[test]
fn row_46_a_key_in_flight_is_waited_for() {
    let (server, control) = paused();
    let listening = listening(&server);
    let mut first = send(&listening, "", &consumption("k"));
    control.wait_until_held(1);
    let mut second = send(&listening, "", &consumption("k"));
    let mut other = send(&listening, "", &usage("acme", "k", 2).to_string());
    control.release();
    let (first, second) = (rest(&mut first), rest(&mut second));
    let body = |answer: &str| answer.split("\r\n\r\n").nth(1).map(str::to_owned);
    assert!(first.starts_with("HTTP/1.1 200"), "{first}");
    assert_eq!(body(&first), body(&second));
    let other = rest(&mut other);
    assert!(other.contains("idempotency_key_reused"), "{other}");
    assert_eq!(server.balance("acme"), (80_000, 1));
}

#[test]
fn row_89_a_client_that_is_gone_leaves_all_or_nothing() {
    let (server, control) = paused();
    let listening = listening(&server);
    // Gone while its body was on the way: nothing.
    let before = server.position();
    let mut partial = connect(&listening);
    partial.write_all(post("content-length: 900\r\n", &consumption("half")).as_bytes()).unwrap();
    drop(partial);
    // Gone while its commit was on the way: everything, and a retry by the key says so.
    let whole = send(&listening, "", &consumption("whole"));
    control.wait_until_held(1);
    drop(whole);
    assert_eq!(server.position(), before, "nothing is acknowledged before it is durable");
    control.release();
    let retry = |key: &str| server.call("POST", CONSUME, &usage("acme", key, 1));
    assert_eq!(retry("whole").verdict(), "ok");
    assert_eq!(server.balance("acme"), (80_000, 1));
    assert_eq!(retry("half").verdict(), "ok");
    assert_eq!(server.balance("acme"), (80_000, 2));
    let ledger = server.get("/api/v1/credits/ledger?customerId=acme&eventType=CREDITS_CONSUMED");
    assert_eq!(ledger.as_array().map(Vec::len), Some(2), "{ledger}");
}
