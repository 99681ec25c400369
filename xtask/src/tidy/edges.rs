//! Which crate may depend on which, and that the domain stays free of serialization.

use serde_json::Value;

use super::Violation;

/// Allowed edges inside the workspace: arrows point inward only.
const ALLOWED: &[(&str, &[&str])] = &[
    ("stipend-core", &[]),
    ("stipend-store", &["stipend-core"]),
    ("stipend-store-sqlite", &["stipend-store", "stipend-core"]),
    ("stipend-engine", &["stipend-core", "stipend-store"]),
    ("stipend-wire", &["stipend-core"]),
    ("stipend-server", &["stipend-core", "stipend-store", "stipend-engine", "stipend-wire"]),
    (
        "stipend",
        &[
            "stipend-server",
            "stipend-engine",
            "stipend-store-sqlite",
            "stipend-store",
            "stipend-core",
            "stipend-wire",
        ],
    ),
    (
        "stipend-bench",
        &[
            "stipend-server",
            "stipend-engine",
            "stipend-store-sqlite",
            "stipend-store",
            "stipend-core",
        ],
    ),
    ("stipend-faults", &[]),
    ("stipend-sim", &["stipend-core", "stipend-store", "stipend-engine"]),
    ("xtask", &[]),
];

/// What tests may use on top, so that they can run against the real engine and store.
const ALLOWED_IN_TESTS: [&str; 2] = ["stipend-store-sqlite", "stipend-engine"];

/// Crates that must not know how they are serialized. The engine is not among them: it writes the
/// JSON documents of listing rows, which people's SQL reads and nothing else.
const WITHOUT_SERDE: [&str; 2] = ["stipend-core", "stipend-store"];

pub(super) fn check(metadata: &Value) -> Vec<Violation> {
    let packages = metadata["packages"].as_array().map_or(&[][..], Vec::as_slice);
    let members: Vec<&str> =
        packages.iter().filter_map(|package| package["name"].as_str()).collect();
    let mut violations = Vec::new();
    for package in packages {
        let Some(name) = package["name"].as_str() else { continue };
        let place = format!("crate {name}");
        let Some((_, allowed)) = ALLOWED.iter().find(|(known, _)| *known == name) else {
            let message =
                "has no row in the table of allowed dependencies (xtask/src/tidy/edges.rs)";
            violations.push(Violation::in_file(&place, message));
            continue;
        };
        for dependency in package["dependencies"].as_array().map_or(&[][..], Vec::as_slice) {
            let Some(target) = dependency["name"].as_str() else { continue };
            let for_tests = dependency["kind"].as_str() == Some("dev");
            if WITHOUT_SERDE.contains(&name) && target.starts_with("serde") {
                violations.push(Violation::in_file(&place, format!("must not know {target}")));
            }
            // A crate may name itself, to switch on a feature for its own tests.
            let fine = !members.contains(&target)
                || target == name
                || allowed.contains(&target)
                || for_tests && name != "stipend-core" && ALLOWED_IN_TESTS.contains(&target);
            if !fine {
                violations.push(Violation::in_file(&place, format!("must not depend on {target}")));
            }
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn metadata(crate_name: &str, target: &str, kind: Option<&str>) -> Value {
        let others = ["stipend-core", "stipend-engine", "stipend-store-sqlite", "stipend-server"];
        let mut packages = vec![json!({
            "name": crate_name,
            "dependencies": [{ "name": target, "kind": kind }, { "name": "jiff", "kind": null }],
        })];
        let rest = others.iter().filter(|other| **other != crate_name);
        packages.extend(rest.map(|other| json!({ "name": other, "dependencies": [] })));
        json!({ "packages": packages })
    }

    fn messages(crate_name: &str, target: &str, kind: Option<&str>) -> Vec<String> {
        check(&metadata(crate_name, target, kind)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_inward_edge_is_fine() {
        assert!(messages("stipend-engine", "stipend-core", None).is_empty());
    }

    #[test]
    fn an_outward_edge_bites() {
        let expected = ["crate stipend-core: must not depend on stipend-engine"];
        assert_eq!(messages("stipend-core", "stipend-engine", None), expected);
        assert_eq!(messages("stipend-core", "stipend-engine", Some("dev")), expected);
    }

    #[test]
    fn tests_may_use_the_real_store_but_the_product_may_not() {
        assert!(messages("stipend-engine", "stipend-store-sqlite", Some("dev")).is_empty());
        assert_eq!(messages("stipend-engine", "stipend-store-sqlite", None).len(), 1);
        assert_eq!(messages("stipend-engine", "stipend-server", Some("dev")).len(), 1);
    }

    #[test]
    fn serde_in_the_domain_bites() {
        let expected = ["crate stipend-core: must not know serde_json"];
        assert_eq!(messages("stipend-core", "serde_json", None), expected);
        assert!(messages("stipend-server", "serde_json", None).is_empty());
    }

    #[test]
    fn a_crate_without_a_row_bites() {
        assert_eq!(messages("stipend-new", "jiff", None).len(), 1);
    }
}
