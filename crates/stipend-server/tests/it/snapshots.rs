//! Status and body of each operation that succeeds, as they were looked at once.

use crate::coverage::operation_of;
use crate::requests::LINES;
use crate::support::{Answer, Server};
use serde_json::Value;
use std::collections::BTreeMap;

/// Whether the text has the form of a UUID.
fn is_uuid(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && text.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
}

/// Names the made-up ids in the order in which they come up, so that it stays visible which are
/// the same.
fn redact(value: &mut Value, seen: &mut BTreeMap<String, usize>) {
    match value {
        Value::String(text) if is_uuid(text) => {
            let next = seen.len() + 1;
            *text = format!("[id {}]", seen.entry(text.clone()).or_insert(next));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| redact(item, seen)),
        Value::Object(fields) => fields.values_mut().for_each(|field| redact(field, seen)),
        _ => {}
    }
}

fn shown(answer: &Answer) -> String {
    let mut body = answer.json();
    redact(&mut body, &mut BTreeMap::new());
    let body = serde_json::to_string_pretty(&body).expect("it is plain JSON");
    format!("{}\n{body}", answer.status)
}

#[test]
fn every_operation_answers_as_it_was_looked_at() {
    let server = Server::new();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let (mut grant, mut entry, mut decision) = (String::new(), String::new(), String::new());
    let mut token = String::new();
    for line in LINES {
        let path = line.path.replace("{grant}", &grant).replace("{entry}", &entry);
        let path = path.replace("{decision}", &decision);
        let ask = if line.in_sandbox { Server::in_sandbox } else { Server::request };
        let call = ask(&server, line.method, &path);
        let call = call.header("authorization", &format!("Bearer {token}"));
        let call = if line.body.is_empty() { call } else { call.raw(line.body) };
        let answer = call.send();
        assert_eq!(answer.status, 200, "{} {path}: {}", line.method, answer.text());
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert!(answer.header("x-request-id").is_some_and(is_uuid));
        let operation = operation_of(line.method, line.path).id;
        if operation == "create_grant" {
            grant = answer.json()["data"]["id"].as_str().unwrap().to_owned();
        }
        let told = answer.json()["data"].clone();
        if let Some(made) = told["token"].as_str() {
            token = made.to_owned();
        }
        if let Some(id) = told[0]["entryId"].as_str() {
            entry = id.to_owned();
        }
        if let Some(id) = told["decisionId"].as_str().or(told[0]["decisionId"].as_str()) {
            decision = id.to_owned();
        }
        let count = counts.entry(operation.clone()).or_default();
        *count += 1;
        let name = if *count == 1 { operation } else { format!("{operation}_{count}") };
        insta::with_settings!({
            description => format!("{} {}\n{}", line.method, line.path, line.body),
            omit_expression => true,
        }, {
            insta::assert_snapshot!(name, shown(&answer));
        });
    }
}
