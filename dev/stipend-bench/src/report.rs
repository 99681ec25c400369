//! Figures: as lines of JSON, as text for people, and as the table of the documentation.

use crate::chart;
use anyhow::{Context, Result};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::path::Path;

/// The results stand between these in the documentation.
const BEGIN: &str = "<!-- results: written by `stipend-bench … --write-docs` -->";
const END: &str = "<!-- end of results -->";

/// What one workload gave.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    pub(crate) workload: &'static str,
    /// The median of the rounds.
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    /// The range of the rounds, as a share of the median.
    pub(crate) spread: f64,
    pub(crate) rounds: usize,
    /// How many times what the other did in the same run, by its name.
    pub(crate) ratios: Vec<(&'static str, f64)>,
    pub(crate) sync_p50_ms: f64,
    pub(crate) sync_p99_ms: f64,
    pub(crate) customers: u32,
    /// What else was measured.
    pub(crate) details: Vec<(&'static str, f64)>,
}

impl Figure {
    pub(crate) fn new(workload: &'static str, unit: &'static str) -> Self {
        Self {
            workload,
            value: 0.0,
            unit,
            spread: 0.0,
            rounds: 0,
            ratios: Vec::new(),
            sync_p50_ms: 0.0,
            sync_p99_ms: 0.0,
            customers: 0,
            details: Vec::new(),
        }
    }

    pub(crate) fn ratio(&self, name: &str) -> Option<f64> {
        self.ratios.iter().find(|(known, _)| *known == name).map(|(_, ratio)| *ratio)
    }

    /// One line of JSON.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "workload": self.workload,
            "value": rounded(self.value),
            "unit": self.unit,
            "spread": rounded(self.spread),
            "rounds": self.rounds,
            "ratios": named(&self.ratios),
            "sync_p50_ms": rounded(self.sync_p50_ms),
            "sync_p99_ms": rounded(self.sync_p99_ms),
            "customers": self.customers,
            "details": named(&self.details),
        })
    }

    /// A line for people.
    pub(crate) fn to_text(&self) -> String {
        format!(
            "{:<10} {:>12} {:<14} ±{:.0} % of {} rounds | {} | sync {:.2}/{:.2} ms | {} customers\n\
             {:<10} {}",
            self.workload,
            shown(self.value),
            self.unit,
            self.spread * 50.0,
            self.rounds,
            listed(&self.ratios, "× "),
            self.sync_p50_ms,
            self.sync_p99_ms,
            self.customers,
            "",
            listed(&self.details, ""),
        )
    }

    fn to_table_row(&self) -> String {
        format!(
            "| {} | {} {} | {:.0} % | {} | {:.2} / {:.2} | {} | {} |",
            self.workload,
            shown(self.value),
            self.unit,
            self.spread * 100.0,
            listed(&self.ratios, "× "),
            self.sync_p50_ms,
            self.sync_p99_ms,
            self.customers,
            listed(&self.details, "").replace('_', " "),
        )
    }
}

/// Digits beyond these are noise.
fn rounded(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}

fn named(values: &[(&'static str, f64)]) -> Map<String, Value> {
    values.iter().map(|(name, value)| ((*name).to_owned(), json!(rounded(*value)))).collect()
}

fn shown(value: f64) -> String {
    if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

fn listed(values: &[(&'static str, f64)], times: &str) -> String {
    let texts: Vec<String> =
        values.iter().map(|(name, value)| format!("{} {times}{name}", shown(*value))).collect();
    texts.join(", ")
}

/// Writes the chart, and the table between its markers.
///
/// # Errors
/// Where the files cannot be read or written, or the markers are missing.
pub(crate) fn write_docs(docs: &Path, figures: &[Figure]) -> Result<()> {
    std::fs::write(docs.join("benchmarks.svg"), chart::draw(figures))?;
    let page = docs.join("benchmarks.md");
    let text = std::fs::read_to_string(&page).context("docs/benchmarks.md is missing")?;
    std::fs::write(&page, with_results(&text, figures)?)?;
    Ok(())
}

fn with_results(page: &str, figures: &[Figure]) -> Result<String> {
    let (head, rest) = page.split_once(BEGIN).context("the page has no place for results")?;
    let (_, tail) = rest.split_once(END).context("the place for results has no end")?;
    let mut table = "\n\n| workload | median | range | ratios | sync p50 / p99, ms | customers | \
                     also |\n|---|---|---|---|---|---|---|\n"
        .to_owned();
    for figure in figures {
        // Writing to a string cannot fail.
        let _ = writeln!(table, "{}", figure.to_table_row());
    }
    Ok(format!("{head}{BEGIN}{table}\n{END}{tail}"))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn figure() -> Figure {
        let mut figure = Figure::new("P1", "usages/s");
        figure.value = 12_345.678_91;
        figure.spread = 0.25;
        figure.rounds = 5;
        figure.ratios = vec![("redis_always", 2.5), ("floor", 0.5)];
        figure.sync_p50_ms = 1.5;
        figure.sync_p99_ms = 9.0;
        figure.customers = 1_000;
        figure.details = vec![("p99_ms", 20.0)];
        figure
    }

    #[test]
    fn a_line_of_json_has_the_keys_that_trends_are_made_from() {
        let expected = json!({
            "workload": "P1", "value": 12_345.678_9, "unit": "usages/s", "spread": 0.25,
            "rounds": 5, "ratios": { "redis_always": 2.5, "floor": 0.5 }, "sync_p50_ms": 1.5,
            "sync_p99_ms": 9.0, "customers": 1_000, "details": { "p99_ms": 20.0 },
        });
        assert_eq!(figure().to_json(), expected);
        assert!(!figure().to_json().to_string().contains('\n'));
    }

    #[test]
    fn a_peer_that_did_not_run_has_no_ratio() {
        assert_eq!(figure().ratio("redis_always"), Some(2.5));
        assert_eq!(figure().ratio("postgres"), None);
    }

    #[test]
    fn the_table_is_written_between_its_markers_and_nothing_else_changes() {
        let page = format!("# Head\n{BEGIN}\nold\n{END}\ntail\n");
        let once = with_results(&page, &[figure()]).expect("the markers are there");
        assert!(once.starts_with("# Head\n") && once.ends_with("\ntail\n"), "{once}");
        assert!(once.contains("| P1 | 12346 usages/s | 25 % |") && !once.contains("old"), "{once}");
        let twice = with_results(&once, &[figure()]).expect("the markers are still there");
        assert_eq!(once, twice);
        assert!(with_results("no markers", &[]).is_err());
    }
}
