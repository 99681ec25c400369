//! Goal: show that a torn tail and a damaged middle are told apart.
//! Method: WALs of a few frames, each written as a word: `f` is a frame within a commit and `c`
//! the last of one; behind it `!` damages the page, `?` the salts, `#` the stored checksum, `0`
//! makes all of it zeros, and `~` breaks the chain before it (a frame that an earlier, lost commit
//! has left behind); `s` is a frame of an older generation.

use std::io::Cursor;

use super::*;

const SALTS: [u8; 8] = *b"saltsalt";

fn header(order: Order) -> Vec<u8> {
    let magic = MAGIC | u32::from(matches!(order, Order::Big));
    let mut bytes = Vec::new();
    for word in [magic, VERSION, 4_096, 7] {
        bytes.extend(word.to_be_bytes());
    }
    bytes.extend(SALTS);
    let (first, second) = order.checksum((0, 0), &bytes);
    bytes.extend(first.to_be_bytes());
    bytes.extend(second.to_be_bytes());
    bytes
}

fn wal(order: Order, words: &str) -> Vec<u8> {
    let mut bytes = header(order);
    let mut seed = (be32(&bytes[24..28]), be32(&bytes[28..32]));
    for (number, word) in (1_u8..).zip(words.split_whitespace()) {
        if word.contains('~') {
            seed.0 ^= 1;
        }
        let mut head = Vec::new();
        head.extend(u32::from(number).to_be_bytes());
        head.extend(u32::from(word.starts_with('c')).to_be_bytes());
        let page = vec![number; PAGE];
        seed = order.checksum(order.checksum(seed, &head), &page);
        head.extend(if word.starts_with('s') { *b"oldsalts" } else { SALTS });
        head.extend(seed.0.to_be_bytes());
        head.extend(seed.1.to_be_bytes());
        let mut frame = [head, page].concat();
        for (sign, at) in [('!', 2_000), ('?', 9), ('#', 17)] {
            frame[at] ^= u8::from(word.contains(sign));
        }
        if word.contains('0') {
            frame.fill(0);
        }
        bytes.extend(frame);
    }
    bytes
}

/// The number of whole commits, and the frame (from 0) where a torn tail or damage begins.
fn check(words: &str, expected: &str) {
    for order in [Order::Little, Order::Big] {
        let found = scan(Cursor::new(wal(order, words))).unwrap();
        assert_eq!(describe(found), expected, "{words}");
    }
}

fn describe(found: Finding) -> String {
    let frame = |offset: u64| (offset - HEADER as u64) / FRAME as u64;
    match (found.torn, found.damaged) {
        (None, None) => format!("{} whole", found.commits),
        (Some(offset), None) => format!("{} torn {}", found.commits, frame(offset)),
        (_, Some(offset)) => format!("damaged {}", frame(offset)),
    }
}

#[test]
fn whole_commits_are_counted() {
    check("", "0 whole");
    check("c", "1 whole");
    check("f f c c f c", "3 whole");
}

#[test]
fn frames_of_an_older_generation_are_no_tail() {
    check("c c s s s", "2 whole");
    check("s s", "0 whole");
}

#[test]
fn an_unfinished_commit_is_a_torn_tail() {
    check("f", "0 torn 0");
    check("c f f", "1 torn 1");
    check("c f s s", "1 torn 1");
}

#[test]
fn a_last_commit_that_is_not_whole_is_a_torn_tail() {
    check("c c!", "1 torn 1");
    check("c f! c", "1 torn 1");
    check("c f0 f f c", "1 torn 1");
    check("c f? f c", "1 torn 1");
    check("c f f# c", "1 torn 1");
}

#[test]
fn a_whole_commit_behind_the_bad_one_is_damage() {
    check("c! c", "damaged 0");
    check("c f! c c", "damaged 1");
    check("c f f c! f f c", "damaged 3");
    check("f0 f c f c", "damaged 0");
    check("f? c c", "damaged 0");
    check("f# c c", "damaged 0");
    check("c# c c", "damaged 0");
    check("f f! f! c c s", "damaged 1");
    check("c! f! c f c", "damaged 0");
}

#[test]
fn what_lost_commits_have_left_behind_is_no_damage() {
    // The frames behind the last commit are those of a commit that a crash had torn before.
    check("c c ~f f c", "2 torn 2");
    // Another crash has torn the first of them again, with its header whole.
    check("c c! ~f f c", "1 torn 1");
    // Two crashes, each with a commit that was not finished.
    check("c f~ f c ~f f c", "1 torn 1");
}

#[test]
fn a_file_that_is_cut_off_is_a_torn_tail() {
    let whole = wal(Order::Little, "c c");
    for length in 0..whole.len() {
        let expected = match length {
            0 | HEADER => "0 whole",
            _ if length < HEADER + FRAME => "0 torn",
            _ if length == HEADER + FRAME => "1 whole",
            _ => "1 torn",
        };
        let found = scan(Cursor::new(&whole[..length])).unwrap();
        let (commits, tail) = (found.commits, if found.torn.is_some() { "torn" } else { "whole" });
        assert_eq!(format!("{commits} {tail}"), expected, "{length}");
        assert_eq!(found.damaged, None);
    }
}

#[test]
fn a_damaged_header_before_whole_commits_is_damage() {
    for (words, at) in
        ["c", "c c", "f c f c"].iter().flat_map(|words| (0..HEADER).map(move |at| (words, at)))
    {
        let mut bytes = wal(Order::Little, words);
        bytes[at] ^= 0x40;
        assert_eq!(scan(Cursor::new(bytes)).unwrap().damaged, Some(0), "{words} {at}");
    }
    let mut sector = wal(Order::Little, "f c f c");
    sector[..512].fill(0xaa);
    assert_eq!(scan(Cursor::new(sector)).unwrap().damaged, Some(0));
}

#[test]
fn a_header_of_zeros_before_nothing_is_a_torn_tail() {
    let expected = Finding { torn: Some(0), ..Finding::default() };
    assert_eq!(scan(Cursor::new([0; 32])).unwrap(), expected);
    assert_eq!(scan(Cursor::new(vec![0; HEADER + 3 * FRAME])).unwrap(), expected);
}
