//! Customer › Credits › use over time, by feature: a picture, and the same as a table.

use super::credits::Place;
use super::{Look, counted};
use crate::dashboard::failure::Failure;
use crate::dashboard::ui::{amount, grouped, table};
use maud::{Markup, html};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use stipend_core::{Amount, Timestamp};
use stipend_engine::limits::SERIES_ROWS_MAX;
use stipend_engine::series::{Series, SeriesKey, SeriesQuery, series};

const HOUR: i64 = 60 * 60;
const DAY: i64 = 24 * HOUR;
/// Series that have a colour of their own; the others are summed.
const SERIES_MAX: usize = 5;
/// The height of the picture in its own units.
const HEIGHT: i128 = 1_000;

/// A range of time that can be looked at.
struct Range {
    name: &'static str,
    text: &'static str,
    steps: i64,
    step: i64,
    each: &'static str,
}

const RANGES: [Range; 4] = [
    Range { name: "day", text: "24 hours", steps: 24, step: HOUR, each: "hour" },
    Range { name: "week", text: "7 days", steps: 7, step: DAY, each: "day" },
    Range { name: "month", text: "30 days", steps: 30, step: DAY, each: "day" },
    Range { name: "year", text: "A year", steps: 53, step: 7 * DAY, each: "week" },
];

/// One coloured line of the legend with its values, step by step.
struct Line {
    name: String,
    total: Amount,
    points: BTreeMap<Timestamp, Amount>,
}

/// The use of a pool over the range that the address names.
pub(super) async fn chart(look: &Look<'_>, place: &Place) -> Result<Markup, Failure> {
    let asked = look.visit.query().get("range");
    let range = RANGES.iter().find(|range| range.name == asked).unwrap_or(&RANGES[2]);
    let pool = look.customer().find_pool(&place.currency, place.resource.as_ref());
    let number = pool.map(|pool| usize::from(pool.id.number()));
    // What has happened just now belongs to it.
    let end = Timestamp::from_micros(look.now.micros() + 1);
    let first = step_of(look.now, range.step).plus_seconds(-(range.steps - 1) * range.step);
    let (engine, found) = (Arc::clone(look.visit.app.shared_engine()), Arc::clone(&look.found));
    let step = range.step;
    let read = move || {
        let chains = number.and_then(|number| found.chains.get(number)).into_iter().collect();
        let dimensions = Vec::new();
        let asked = SeriesQuery { chains, start: first, end, step, by_feature: true, dimensions };
        Ok(series(engine.reader(), &asked)?)
    };
    let found = look.visit.app.read(read).await?;
    let lines = found.map(|found| lines_of(look, found));
    Ok(html! {
        section {
            div.row {
                h2 #use { "Use" }
                (ranges(look, place, range))
            }
            @match &lines {
                None => p.notice {
                    "More than " (counted(SERIES_ROWS_MAX))
                    " entries are in this range. Choose a shorter one."
                },
                Some(lines) if lines.is_empty() => p.quiet { "Nothing was used in this range." },
                Some(lines) => (picture(lines, range, first)),
            }
        }
    })
}

/// The beginning of the step in which an instant lies, counted as the engine counts it.
fn step_of(at: Timestamp, step: i64) -> Timestamp {
    let micros = step * 1_000_000;
    Timestamp::from_micros(at.micros().div_euclid(micros) * micros)
}

fn ranges(look: &Look<'_>, place: &Place, here: &Range) -> Markup {
    html! {
        nav.pills aria-label="Range of time" {
            @for range in &RANGES {
                a href=(look.path(&format!("/credits?{}&range={}#use", place.query(), range.name)))
                    aria-current=[(range.name == here.name).then_some("true")] { (range.text) }
            }
        }
    }
}

fn lines_of(look: &Look<'_>, found: BTreeMap<SeriesKey, Series>) -> Vec<Line> {
    let mut lines: Vec<Line> = found
        .into_iter()
        .map(|(key, series)| {
            let feature = key.feature.as_ref();
            let known = feature.and_then(|feature| look.catalog.features.get(feature));
            let name = match (known, feature) {
                (Some(known), _) => known.name.clone(),
                (None, Some(feature)) => feature.to_string(),
                (None, None) => "Consumed directly".to_owned(),
            };
            let points = series.points.iter().map(|(at, used)| (*at, used.amount)).collect();
            Line { name, total: series.total.amount, points }
        })
        .collect();
    lines.sort_by(|one, other| other.total.cmp(&one.total).then_with(|| one.name.cmp(&other.name)));
    if lines.len() > SERIES_MAX {
        let mut rest = Line {
            name: "Everything else".to_owned(),
            total: Amount::ZERO,
            points: BTreeMap::new(),
        };
        for line in lines.drain(SERIES_MAX..) {
            rest.total += line.total;
            for (at, used) in line.points {
                let sum = rest.points.entry(at).or_insert(Amount::ZERO);
                *sum += used;
            }
        }
        lines.push(rest);
    }
    lines
}

fn picture(lines: &[Line], range: &Range, first: Timestamp) -> Markup {
    let steps: Vec<Timestamp> =
        (0..range.steps).map(|number| first.plus_seconds(number * range.step)).collect();
    let used = |line: &Line, at: &Timestamp| line.points.get(at).copied().unwrap_or(Amount::ZERO);
    let shown = |amount: Amount| if amount.is_negative() { Amount::ZERO } else { amount };
    let sum = |at: &Timestamp| lines.iter().map(|line| shown(used(line, at))).sum::<Amount>();
    let most = steps.iter().map(sum).max().unwrap_or(Amount::ZERO);
    let total: Amount = lines.iter().map(|line| line.total).sum();
    let title = format!("{} credits used, by feature, each {}", grouped(total), range.each);
    html! {
        figure.chart {
            p.most { (amount(most)) }
            svg viewBox=(format!("0 0 {} {HEIGHT}", range.steps * 10)) preserveAspectRatio="none"
                role="img" aria-label=(title) {
                title { (title) }
                @for (column, at) in (0_i64..).zip(&steps) {
                    (column_of(lines, column, at, most))
                }
            }
            div.ends { span { (day(steps.first(), range)) } span { (day(steps.last(), range)) } }
            ul.legend {
                @for (number, line) in lines.iter().enumerate() {
                    li data-series=(number) { (line.name) " " span.quiet { (amount(line.total)) } }
                }
            }
        }
        (as_table(lines, range))
    }
}

/// One stacked column: each part begins where the one before it ends.
fn column_of(lines: &[Line], column: i64, at: &Timestamp, most: Amount) -> Markup {
    let mut until = Amount::ZERO;
    let parts = lines.iter().enumerate().filter_map(|(number, line)| {
        let used = line.points.get(at).copied().filter(|used| used.is_positive())?;
        let from = until;
        until += used;
        Some((number, line, used, reach(from, most), reach(until, most)))
    });
    let parts: Vec<_> = parts.collect();
    let when = at.to_string().get(..16).unwrap_or_default().replace('T', " ");
    html! {
        @for (number, line, used, from, until) in parts {
            rect data-series=(number) x=(column * 10 + 1) width="8" y=(HEIGHT - until)
                height=((until - from).max(2)) {
                title { (when) " " (line.name) ": " (grouped(used)) }
            }
        }
    }
}

fn reach(amount: Amount, most: Amount) -> i128 {
    if most.is_positive() { amount.nano() * HEIGHT / most.nano() } else { 0 }
}

fn day(at: Option<&Timestamp>, range: &Range) -> String {
    let text = at.map(ToString::to_string).unwrap_or_default();
    let length = if range.step < DAY { 16 } else { 10 };
    text.get(..length).unwrap_or_default().replace('T', " ")
}

fn as_table(lines: &[Line], range: &Range) -> Markup {
    let steps: BTreeSet<Timestamp> =
        lines.iter().flat_map(|line| line.points.keys().copied()).collect();
    let head = html! {
        th scope="col" { (if range.step < DAY { "Hour" } else { "From" }) }
        @for line in lines { th.num scope="col" { (line.name) } }
    };
    let rows = html! {
        @for at in steps.iter().rev() {
            tr {
                th scope="row" { (day(Some(at), range)) }
                @for line in lines {
                    td.num { (amount(line.points.get(at).copied().unwrap_or(Amount::ZERO))) }
                }
            }
        }
    };
    html! {
        details.more {
            summary { "As a table" }
            (table("Use by feature", &head, &rows))
        }
    }
}
