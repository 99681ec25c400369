//! Customer › Credits › use over time, by feature: a picture, and the same as a table.

use super::credits::Place;
use super::{Look, counted};
use crate::dashboard::failure::Failure;
use crate::dashboard::ui::{amount, grouped, isolated, table};
use maud::{Markup, html};
use std::collections::BTreeMap;
use std::sync::Arc;
use stipend_core::{Amount, Timestamp, Zone};
use stipend_engine::limits::SERIES_ROWS_MAX;
use stipend_engine::series::{Series, SeriesKey, SeriesQuery, Step, Told, series};

const HOUR: i64 = 60 * 60;
const DAY: i64 = 24 * HOUR;
/// Series that have a colour of their own; the others are summed.
const SERIES_MAX: usize = 5;
/// The height of the picture in its own units.
const HEIGHT: i128 = 1_000;

/// A range of time that can be looked at: so many columns of so many hours or days.
struct Range {
    name: &'static str,
    text: &'static str,
    columns: usize,
    steps: usize,
    is_hourly: bool,
    each: &'static str,
}

const fn range(
    name: &'static str,
    text: &'static str,
    columns: usize,
    steps: usize,
    each: &'static str,
) -> Range {
    Range { name, text, columns, steps, is_hourly: false, each }
}

const RANGES: [Range; 4] = [
    Range { is_hourly: true, ..range("day", "24 hours", 24, 1, "hour") },
    range("week", "7 days", 7, 1, "day"),
    range("month", "30 days", 30, 1, "day"),
    range("year", "A year", 53, 7, "week"),
];

/// One coloured line of the legend with its values, column by column.
struct Line {
    name: String,
    total: Amount,
    columns: Vec<Amount>,
}

/// The beginnings of the columns, the last of which has `now` in it.
fn beginnings(range: &Range, zone: Option<&Zone>, now: Timestamp) -> Vec<Timestamp> {
    let floor = |at: Timestamp, seconds: i64| {
        let micros = seconds * 1_000_000;
        Timestamp::from_micros(at.micros().div_euclid(micros) * micros)
    };
    let beginning = |at: Timestamp| match zone {
        _ if range.is_hourly => floor(at, HOUR),
        Some(zone) => zone.day_of(at).0,
        None => floor(at, DAY),
    };
    let mut at = beginning(now);
    let mut all = vec![at];
    for _ in 1..range.columns * range.steps {
        at = beginning(Timestamp::from_micros(at.micros() - 1));
        all.push(at);
    }
    all.reverse();
    all.into_iter().step_by(range.steps).collect()
}

/// The use of a pool over the range that the address names.
pub(super) async fn chart(look: &Look<'_>, place: &Place) -> Result<Markup, Failure> {
    let asked = look.visit.query().get("range");
    let range = RANGES.iter().find(|range| range.name == asked).unwrap_or(&RANGES[2]);
    let pool = look.customer().find_pool(&place.currency, place.resource.as_ref());
    // What has happened just now belongs to it.
    let end = Timestamp::from_micros(look.now.micros() + 1);
    let zone = look.catalog.settings.zone.clone();
    let columns = beginnings(range, zone.as_ref(), look.now);
    let start = columns.first().copied().unwrap_or(look.now);
    let step = if range.is_hourly { Step::Hour } else { Step::Day(zone.clone()) };
    let (engine, found) = (Arc::clone(look.visit.app.shared_engine()), Arc::clone(&look.found));
    let rolls = Arc::clone(look.visit.app.rolls());
    let pool = pool.map(|pool| pool.id);
    let read = move || {
        let chain =
            pool.and_then(|pool| Some((pool, found.chains.get(usize::from(pool.number()))?)));
        let (pools, as_of) = (chain.into_iter().collect(), engine.last_position());
        let asked = SeriesQuery {
            pools,
            as_of,
            start,
            end,
            step,
            by_feature: true,
            dimensions: Vec::new(),
        };
        Ok(series(engine.reader(), rolls.as_ref(), &asked)?)
    };
    let lines = match look.visit.app.read(read).await? {
        Told::All(all) => Some(lines_of(look, all, &columns)),
        Told::TooMany { .. } => None,
    };
    let labels: Vec<String> = columns.iter().map(|at| label(*at, range, zone.as_ref())).collect();
    Ok(html! {
        section {
            div.row {
                h2 #use { "Use" }
                (ranges(look, place, range))
            }
            @match &lines {
                None => p.notice {
                    "More than " (counted(SERIES_ROWS_MAX))
                    " entries of this range are not summed up yet. Choose a shorter one, or \
                    come again."
                },
                Some(lines) if lines.is_empty() => p.quiet { "Nothing was used in this range." },
                Some(lines) => (picture(lines, range, &labels)),
            }
        }
    })
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

fn lines_of(
    look: &Look<'_>,
    found: BTreeMap<SeriesKey, Series>,
    beginnings: &[Timestamp],
) -> Vec<Line> {
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
            let mut columns = vec![Amount::ZERO; beginnings.len()];
            for (at, used) in &series.points {
                let column = beginnings.partition_point(|beginning| beginning <= at);
                columns[column.saturating_sub(1)] += used.amount;
            }
            Line { name, total: series.total.amount, columns }
        })
        .collect();
    lines.sort_by(|one, other| other.total.cmp(&one.total).then_with(|| one.name.cmp(&other.name)));
    if lines.len() > SERIES_MAX {
        let columns = vec![Amount::ZERO; beginnings.len()];
        let mut rest = Line { name: "Everything else".to_owned(), total: Amount::ZERO, columns };
        for line in lines.drain(SERIES_MAX..) {
            rest.total += line.total;
            for (sum, used) in rest.columns.iter_mut().zip(line.columns) {
                *sum += used;
            }
        }
        lines.push(rest);
    }
    lines
}

fn picture(lines: &[Line], range: &Range, labels: &[String]) -> Markup {
    let shown = |amount: Amount| if amount.is_negative() { Amount::ZERO } else { amount };
    let sum = |column: usize| lines.iter().map(|line| shown(line.columns[column])).sum::<Amount>();
    let most = (0..labels.len()).map(sum).max().unwrap_or(Amount::ZERO);
    let total: Amount = lines.iter().map(|line| line.total).sum();
    let title = format!("{} credits used, by feature, each {}", grouped(total), range.each);
    html! {
        figure.chart {
            p.most { (amount(most)) }
            svg viewBox=(format!("0 0 {} {HEIGHT}", labels.len() * 10)) preserveAspectRatio="none"
                role="img" aria-label=(title) {
                title { (title) }
                @for (column, label) in labels.iter().enumerate() {
                    (column_of(lines, column, label, most))
                }
            }
            div.ends {
                @for label in [labels.first(), labels.last()].into_iter().flatten() {
                    span { (label) }
                }
            }
            ul.legend {
                @for (number, line) in lines.iter().enumerate() {
                    li data-series=(number) { bdi { (line.name) } " " span.quiet { (amount(line.total)) } }
                }
            }
        }
        (as_table(lines, range, labels))
    }
}

/// One stacked column: each part begins where the one before it ends.
fn column_of(lines: &[Line], column: usize, label: &str, most: Amount) -> Markup {
    let mut until = Amount::ZERO;
    let parts = lines.iter().enumerate().filter_map(|(number, line)| {
        let used = Some(line.columns[column]).filter(|used| used.is_positive())?;
        let from = until;
        until += used;
        Some((number, line, used, reach(from, most), reach(until, most)))
    });
    let parts: Vec<_> = parts.collect();
    html! {
        @for (number, line, used, from, until) in parts {
            rect data-series=(number) x=(column * 10 + 1) width="8" y=(HEIGHT - until)
                height=((until - from).max(2)) {
                title { (label) " " (isolated(&line.name)) ": " (grouped(used)) }
            }
        }
    }
}

fn reach(amount: Amount, most: Amount) -> i128 {
    if most.is_positive() { amount.nano() * HEIGHT / most.nano() } else { 0 }
}

/// What a column is called: its first hour, or its first day by the environment's calendar.
fn label(at: Timestamp, range: &Range, zone: Option<&Zone>) -> String {
    let text = zone
        .filter(|_| !range.is_hourly)
        .map_or_else(|| at.to_string(), |zone| zone.local_text(at));
    let length = if range.is_hourly { 16 } else { 10 };
    text.get(..length).unwrap_or_default().replace('T', " ")
}

fn as_table(lines: &[Line], range: &Range, labels: &[String]) -> Markup {
    let head = html! {
        th scope="col" { @if range.is_hourly { "Hour" } @else if range.steps > 1 { "From" } @else { "Day" } }
        @for line in lines { th.num scope="col" { (line.name) } }
    };
    let is_used = |column: usize| lines.iter().any(|line| !line.columns[column].is_zero());
    let rows = html! {
        @for (column, label) in labels.iter().enumerate().rev() {
            @if is_used(column) {
                tr {
                    th scope="row" { (label) }
                    @for line in lines { td.num { (amount(line.columns[column])) } }
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
