//! The operations of the contract, as the document says them, and that the table has them all.

use crate::requests::LINES;
use crate::world;
use serde_json::Value;
use std::sync::LazyLock;

const OPENAPI: &str = "the document is one of OpenAPI";

/// An operation of the document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) method: String,
    pub(crate) template: String,
    pub(crate) has_query: bool,
}

impl Operation {
    /// Its path with that text in the place of every id.
    pub(crate) fn path(&self, id: &str) -> String {
        let steps = self.template.split('/').map(|step| if is_id(step) { id } else { step });
        steps.collect::<Vec<_>>().join("/")
    }

    fn matches(&self, method: &str, path: &str) -> bool {
        let path = path.split('?').next().unwrap_or_default();
        let (mut steps, mut template) = (path.split('/'), self.template.split('/'));
        let same = template
            .all(|expected| steps.next().is_some_and(|step| is_id(expected) || step == expected));
        same && steps.next().is_none() && self.method == method
    }
}

fn is_id(step: &str) -> bool {
    step.starts_with('{') && step.ends_with('}')
}

/// Every operation of the document.
pub(crate) fn operations() -> Vec<Operation> {
    static OPERATIONS: LazyLock<Vec<Operation>> = LazyLock::new(read_document);
    OPERATIONS.clone()
}

fn read_document() -> Vec<Operation> {
    let document = stipend_server::openapi::document();
    let document: Value = serde_json::from_str(&document).expect(OPENAPI);
    let paths = document["paths"].as_object().expect(OPENAPI);
    let operations = paths.iter().flat_map(|(template, methods)| {
        let methods = methods.as_object().expect(OPENAPI).iter();
        methods.filter(|(_, operation)| operation["operationId"].is_string()).map(
            |(method, operation)| Operation {
                id: operation["operationId"].as_str().expect(OPENAPI).to_owned(),
                method: method.to_uppercase(),
                template: template.clone(),
                has_query: operation["parameters"]
                    .as_array()
                    .is_some_and(|all| all.iter().any(|one| one["in"] == "query")),
            },
        )
    });
    operations.collect()
}

/// The operation that a request is for; a fixed path goes before one with an id.
pub(crate) fn operation_of(method: &str, path: &str) -> Operation {
    let mut found: Vec<Operation> = operations();
    found.retain(|operation| operation.matches(method, path));
    found.sort_by_key(|operation| operation.template.matches('{').count());
    assert!(!found.is_empty(), "the document has no operation {method} {path}");
    found.remove(0)
}

#[test]
fn every_operation_of_the_document_has_a_line_in_the_table() {
    let mut missing = operations();
    assert!(missing.len() >= 61, "the document lost operations: {}", missing.len());
    for line in LINES {
        let operation = operation_of(line.method, line.path);
        missing.retain(|other| other.id != operation.id);
    }
    assert!(missing.is_empty(), "add lines to requests.rs for: {missing:#?}");
}

#[test]
fn operation_ids_are_unique() {
    let mut ids: Vec<String> = operations().into_iter().map(|operation| operation.id).collect();
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

/// What the document leaves out on purpose: what machines ask, without a key. What a browser asks
/// with a token is in it.
#[test]
fn the_document_describes_the_api_and_nothing_else() {
    for operation in operations() {
        let is_embedded = operation.template == "/embed/credit-balance.json";
        assert!(is_embedded || operation.template.starts_with("/api/v"), "{operation:?}");
    }
}

/// A parameter that an operation does not have is one that its caller relies on in vain.
#[test]
fn row_78_an_operation_without_a_query_refuses_every_parameter() {
    let server = world::full();
    let position = server.position();
    let mut faults = Vec::new();
    // What a browser asks with a token has tests of its own.
    let is_it =
        |operation: &&Operation| !operation.has_query && operation.template.starts_with("/api/");
    for operation in operations().iter().filter(is_it) {
        for (query, expected) in [
            ("limit=1", "400 unknown_parameter limit"),
            ("dryRun=true", "400 unknown_parameter dryRun"),
            ("limit=1&limit=2", "400 unknown_parameter limit"),
            ("a=%ff", "400 invalid_parameter"),
        ] {
            let path = format!("{}?{query}", operation.path("acme"));
            let found = server.request(&operation.method, &path).raw("{}").send().verdict();
            if found != expected {
                faults.push(format!("{} {path}: {found}, not {expected}", operation.method));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(server.position(), position, "nothing was done");
}
