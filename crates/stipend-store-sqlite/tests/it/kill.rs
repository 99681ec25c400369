//! Goal: show that what was acknowledged survives the process, killed at any moment.
//! Method: this test starts itself as a child that appends and writes the number of each batch to
//! its output once it is acknowledged, kills it after some of them, and opens what is left.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::data::{batch, last_batch, open};
use stipend_store::Store;

const NAME: &str = "kill::a_killed_process_loses_nothing_that_it_acknowledged";
const DIRECTORY: &str = "STIPEND_TEST_DIRECTORY";
const ROUNDS: usize = 12;

fn append_for_ever(path: &Path) -> ! {
    let (mut store, _) = open(path).unwrap();
    let mut output = std::io::stdout();
    let sizes = (0..20_000).step_by(977).cycle();
    for (number, size) in (last_batch(&store) + 1..).zip(sizes) {
        store.append(&batch(number, &vec![2; size])).unwrap();
        writeln!(output, "durable: {number}").unwrap();
    }
    unreachable!("the parent ends this")
}

/// Lets the child acknowledge so many batches, kills it, and gives the last number it said.
fn run_and_kill(path: &Path, count: usize) -> u64 {
    let mut child = Command::new(env::current_exe().unwrap())
        .args([NAME, "--exact", "--nocapture"])
        .env(DIRECTORY, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let lines = output.lines().map(Result::unwrap);
    // The test harness writes lines of its own, and not always ends them.
    let mut numbers = lines.filter_map(|line| line.split_once("durable: ")?.1.parse::<u64>().ok());
    let counted = numbers.by_ref().take(count).last().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    // What it said between the count and its end is acknowledged too.
    numbers.last().unwrap_or(counted)
}

#[test]
fn a_killed_process_loses_nothing_that_it_acknowledged() {
    if let Some(path) = env::var_os(DIRECTORY) {
        append_for_ever(Path::new(&path));
    }
    let directory = tempfile::tempdir().unwrap();
    for round in 0..ROUNDS {
        let acknowledged = run_and_kill(directory.path(), 2 + round * 3);
        let (store, _) = open(directory.path()).unwrap();
        let found = last_batch(&store);
        assert!((acknowledged..=acknowledged + 1).contains(&found), "{acknowledged} {found}");
    }
}
