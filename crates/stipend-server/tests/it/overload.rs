//! More than the server can do: what is over is refused at once and says when to come again, what
//! was let in is done, and nothing that is bounded keeps out what is not.
//!
//! The store is paused, so that "at once" needs no clock: an answer that comes while nothing can be
//! written has not waited for anything.

use crate::bad_input_sockets::{connect, consumption, get, paused, post, rest, send};
use crate::support::{KEY, Listening};
use crate::world::{self, usage};
use serde_json::{Value, json};
use std::io::Write as _;
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;
use stipend_server::Limits;

const CHECK: &str = "/api/v1/customers/acme/entitlements/check?currencyId=api-credits";
const LEDGER: &str = "/api/v1/credits/ledger?customerId=acme";
/// After that a test that hangs fails; nothing waits for it.
const HANGING: Duration = Duration::from_secs(20);

/// The answers on these connections with their numbers, in the order in which they come.
fn answers(streams: Vec<TcpStream>) -> Receiver<(usize, String)> {
    let (sender, answers) = mpsc::channel();
    for (number, mut stream) in streams.into_iter().enumerate() {
        let sender = sender.clone();
        thread::spawn(move || {
            // The test may have failed already.
            let _ = sender.send((number, rest(&mut stream)));
        });
    }
    answers
}

fn numbered(answers: &Receiver<(usize, String)>) -> (usize, String) {
    answers.recv_timeout(HANGING).expect("an answer comes")
}

fn next(answers: &Receiver<(usize, String)>) -> String {
    numbered(answers).1
}

fn ask(listening: &Listening, path: &str) -> String {
    let mut stream = connect(listening);
    let request = get(path, &format!("x-api-key: {KEY}\r\n"));
    stream.write_all(request.as_bytes()).expect("the server reads");
    rest(&mut stream)
}

fn consume(listening: &Listening, key: &str) -> TcpStream {
    send(listening, "", &consumption(key))
}

fn bulk(items: usize) -> Value {
    let items: Vec<Value> = (0..items).map(|n| usage("acme", &format!("b{n}"), 1)).collect();
    json!({ "consumptions": items })
}

#[track_caller]
fn check_status(answer: &str, status: &str) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
}

#[track_caller]
fn check_put_off(answer: &str) {
    check_status(answer, "429");
    assert!(answer.contains("\r\nretry-after: 1\r\n"), "{answer}");
    assert!(answer.contains("\"overloaded\""), "{answer}");
}

#[test]
fn of_ten_times_what_may_be_under_way_nine_tenths_are_refused_at_once() {
    let (server, control) = paused();
    let listening = server.listen(Limits { commands_max: 8, ..Limits::default() });
    let streams = (0..80).map(|n| consume(&listening, &format!("k{n}"))).collect();
    let answers = answers(streams);
    for _ in 0..72 {
        check_put_off(&next(&answers));
    }
    // All places are taken, and what needs none goes on.
    check_put_off(&rest(&mut consume(&listening, "late")));
    for path in [CHECK, LEDGER, "/api/v1/products", "/metrics"] {
        check_status(&ask(&listening, path), "200");
    }
    assert_eq!(server.balance("acme"), (80_000, 0), "nothing is done yet");
    control.release();
    for _ in 0..8 {
        check_status(&next(&answers), "200");
    }
    assert_eq!(server.balance("acme"), (80_000, 8), "what was refused had no effect");
    check_status(&rest(&mut consume(&listening, "after")), "200");
}

#[test]
fn a_bulk_request_takes_more_room_and_the_greatest_is_still_let_in() {
    let (server, control) = paused();
    let listening = server.listen(Limits { commands_max: 4, ..Limits::default() });
    let send_bulk = |items: usize| {
        let mut stream = connect(&listening);
        let body = bulk(items).to_string();
        let request =
            post(&format!("connection: close\r\ncontent-length: {}\r\n", body.len()), &body);
        let request = request.replace("credits/consumption ", "credits/consumption/async ");
        stream.write_all(request.as_bytes()).expect("the server reads");
        stream
    };
    let waiting = answers(vec![send_bulk(33)]);
    control.wait_until_held(1);
    check_put_off(&rest(&mut send_bulk(17)));
    let one = answers(vec![consume(&listening, "one")]);
    control.release();
    check_status(&next(&waiting), "200");
    check_status(&next(&one), "200");
    check_status(&rest(&mut send_bulk(1_000)), "200");
    // The greatest holds the keys of the others too, which count once.
    assert_eq!(server.balance("acme"), (80_000, 1_001));
}

#[test]
fn a_client_that_leaves_keeps_its_place_until_its_command_is_done() {
    let (server, control) = paused();
    let listening = server.listen(Limits { commands_max: 1, ..Limits::default() });
    let left = consume(&listening, "left");
    control.wait_until_held(1);
    left.shutdown(Shutdown::Both).expect("it is connected");
    drop(left);
    check_put_off(&rest(&mut consume(&listening, "next")));
    control.release();
    // The place is free a moment after the commit; nobody is told when.
    let done = (0..10_000).map(|_| rest(&mut consume(&listening, "next")));
    let done = done.into_iter().find(|answer| !answer.starts_with("HTTP/1.1 429"));
    check_status(&done.expect("the place is free in the end"), "200");
    assert_eq!(server.balance("acme"), (80_000, 2));
}

#[test]
fn reading_is_bounded_apart_from_changing_and_checking() {
    let server = world::example();
    let listening = server.listen(Limits { reads_max: 0, ..Limits::default() });
    for path in [LEDGER, "/api/v1/customers", "/api/v1/subscriptions"] {
        check_put_off(&ask(&listening, path));
    }
    check_status(&ask(&listening, CHECK), "200");
    check_status(&rest(&mut consume(&listening, "k")), "200");
}

/// A request for a new customer whose body has so many bytes, of which none has come yet.
fn announce(listening: &Listening, headers: &str) -> TcpStream {
    let mut stream = connect(listening);
    let head = format!(
        "POST /api/v1/customers HTTP/1.1\r\nhost: a\r\nx-api-key: {KEY}\r\nconnection: close\r\n\
         content-type: application/json\r\n{headers}\r\n"
    );
    stream.write_all(head.as_bytes()).expect("the server reads");
    stream
}

#[test]
fn large_bodies_share_a_room_and_small_ones_need_none() {
    let server = world::example();
    let room = Limits { body_bytes_max: 100 << 10, ..Limits::default() };
    let listening = server.listen(room);
    let large = "content-length: 60000\r\n";
    let mut streams: Vec<TcpStream> = (0..3).map(|_| announce(&listening, large)).collect();
    let copies = streams.iter().map(|stream| stream.try_clone().expect("there are descriptors"));
    let answers = answers(copies.collect());
    let refused: Vec<usize> = (0..2)
        .map(|_| {
            let (number, answer) = numbered(&answers);
            check_put_off(&answer);
            number
        })
        .collect();
    check_put_off(&rest(&mut announce(&listening, "transfer-encoding: chunked\r\n")));
    check_status(&rest(&mut consume(&listening, "small")), "200");

    // The one that has the room comes to its end, and its room is free.
    let holder = (0..3).find(|number| !refused.contains(number)).expect("one is left");
    let body = format!("{:<60000}", json!({ "id": "large" }).to_string());
    streams[holder].write_all(body.as_bytes()).expect("the server reads");
    check_status(&next(&answers), "200");
    let mut later = announce(&listening, large);
    let body = format!("{:<60000}", json!({ "id": "later" }).to_string());
    later.write_all(body.as_bytes()).expect("the server reads");
    check_status(&rest(&mut later), "200");
}

#[test]
fn clients_that_are_slow_or_half_gone_keep_nobody_out() {
    let server = world::example();
    let listening = server.listen(Limits { commands_max: 4, ..Limits::default() });
    let mut slow: Vec<TcpStream> = Vec::new();
    for number in 0..60 {
        let mut stream = connect(&listening);
        let body = consumption(&format!("slow{number}"));
        let whole = post(&format!("content-length: {}\r\n", body.len()), &body);
        // In the middle of the head, at its end, in the middle of the body.
        let cut = [40, whole.len() - body.len(), whole.len() - 5][number % 3];
        stream.write_all(&whole.as_bytes()[..cut]).expect("the server reads");
        slow.push(stream);
    }
    check_status(&rest(&mut consume(&listening, "k")), "200");
    // Half open: the client has ended and will never read.
    for stream in slow.iter().step_by(2) {
        stream.shutdown(Shutdown::Write).expect("it is connected");
    }
    check_status(&rest(&mut consume(&listening, "half")), "200");
    drop(slow);
    check_status(&rest(&mut consume(&listening, "last")), "200");
    assert_eq!(server.balance("acme"), (80_000, 3));
}
