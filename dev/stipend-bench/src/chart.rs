//! The chart: what Stipend and the others did, workload by workload, on a logarithmic scale.

use crate::report::Figure;
use crate::stats::ratio;
use std::fmt::Write as _;

const WIDTH: u32 = 720;
const LABEL_WIDTH: f64 = 210.0;
const BAR_WIDTH: f64 = 400.0;
const ROW: u32 = 20;

/// One bar.
struct Bar {
    label: String,
    value: f64,
    is_ours: bool,
}

/// Draws the workloads that are rates; the others have no peers to stand beside.
pub(crate) fn draw(figures: &[Figure]) -> String {
    let bars: Vec<Bar> =
        figures.iter().filter(|figure| figure.unit.ends_with("/s")).flat_map(bars_of).collect();
    let most = bars.iter().map(|bar| bar.value).fold(10.0, f64::max);
    let rows = u32::try_from(bars.len()).unwrap_or(0);
    let height = 40 + rows * ROW;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"12\" \
         role=\"img\">\n<title>Operations a second, logarithmic scale</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text x=\"8\" y=\"20\" font-weight=\"bold\">Operations a second (logarithmic)</text>\n"
    );
    for (bar, place) in bars.iter().zip(0..) {
        let top = 32 + place * ROW;
        let share = ratio(bar.value.max(1.0).log10(), most.log10());
        let colour = if bar.is_ours { "#2563eb" } else { "#9ca3af" };
        let (length, base) = (share * BAR_WIDTH, top + 13);
        // Writing to a string cannot fail.
        let _ = writeln!(
            svg,
            "<text x=\"8\" y=\"{base}\">{}</text><rect x=\"{LABEL_WIDTH}\" y=\"{}\" \
             width=\"{length:.1}\" height=\"14\" fill=\"{colour}\"/>\
             <text x=\"{:.1}\" y=\"{base}\">{:.0}</text>",
            bar.label,
            top + 2,
            LABEL_WIDTH + length + 6.0,
            bar.value,
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// Ours, and what each other did by its ratio.
fn bars_of(figure: &Figure) -> Vec<Bar> {
    let label = format!("{} stipend", figure.workload);
    let mut bars = vec![Bar { label, value: figure.value, is_ours: true }];
    // A workload's ratio to another may be of another unit; peers do the same work.
    for (name, times) in figure.ratios.iter().filter(|(name, _)| !name.starts_with('P')) {
        let label = format!("{} {}", figure.workload, name.replace('_', " "));
        bars.push(Bar { label, value: ratio(figure.value, *times), is_ours: false });
    }
    bars
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::figure;

    #[test]
    fn the_chart_has_a_bar_for_each_rate_and_each_peer() {
        let mut other = figure();
        other.unit = "bytes/customer";
        let mut nested = figure();
        nested.ratios = vec![("P1", 2.0)];
        let svg = draw(&[figure(), other, nested]);
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        assert_eq!(svg.matches("height=\"14\"").count(), 4, "{svg}");
        assert_eq!(svg.matches("#2563eb").count(), 2, "{svg}");
        assert!(svg.contains("P1 redis always") && svg.contains(">4938<"), "{svg}");
    }

    #[test]
    fn a_chart_of_nothing_is_still_a_picture() {
        assert!(draw(&[]).ends_with("</svg>\n"));
    }
}
