//! The drawing of growth: time and memory of a fresh start against the number of identities, as an SVG.
//!
//! Both axes are logarithmic, so that what grows in proportion is a straight line; colours suit light and dark pages.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::figures::{Measurement, Name, count};
use super::scenario::{Scenario, Subject};
use super::table::grouped;

/// Size of the picture.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 320.0;
/// Size of one plot, and where it begins from above.
const SIDE: f64 = 270.0;
const TALL: f64 = 220.0;
const TOP: f64 = 50.0;

const STYLE: &str = "text{font:12px sans-serif;fill:#57606a}.grid{stroke:#8c959f;stroke-opacity:.35}\
.bare{stroke:#8250df;fill:#8250df}.operator{stroke:#1f6feb;fill:#1f6feb}polyline{fill:none!important;stroke-width:2}\
text.bare,text.operator{stroke:none}\
@media(prefers-color-scheme:dark){text{fill:#c9d1d9}.bare{stroke:#bc8cff;fill:#bc8cff}.operator{stroke:#58a6ff;fill:#58a6ff}}";

/// Values of one subject by number of identities.
type Line = BTreeMap<usize, f64>;

/// One plot.
struct Plot {
    left: f64,
    title: &'static str,
    lines: Vec<(&'static str, &'static str, Line)>,
}

/// The drawing of all fresh starts among these; nothing where there are fewer than two sizes.
pub fn svg(medians: &[Measurement]) -> Option<String> {
    let line = |subject, name| line(medians, subject, name);
    let time = Plot {
        left: 70.0,
        title: "time until all are issued, s",
        lines: vec![
            ("bare", "bare writer", line(Subject::Bare, Name::WallSeconds)),
            ("operator", "operator", line(Subject::Operator, Name::WallSeconds)),
        ],
    };
    let memory = Plot {
        left: 430.0,
        title: "resident memory of the operator, MiB",
        lines: vec![("operator", "operator", line(Subject::Operator, Name::ResidentMebibytes))],
    };
    let plots = [time.draw()?, memory.draw()?].concat();
    Some(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">\n\
         <title>Time and memory against the number of identities</title>\n<style>{STYLE}</style>\n{plots}</svg>\n"
    ))
}

fn line(medians: &[Measurement], subject: Subject, name: Name) -> Line {
    let of = |one: &&Measurement| one.scenario == Scenario::Fresh && one.subject == subject;
    medians.iter().filter(of).filter_map(|one| Some((one.identities, one.get(name)?))).collect()
}

/// A logarithmic axis, over whole powers of ten.
struct Axis {
    low: i32,
    high: i32,
    start: f64,
    length: f64,
}

impl Axis {
    fn over(values: impl Iterator<Item = f64> + Clone, start: f64, length: f64) -> Option<Self> {
        let low = values.clone().filter(|value| *value > 0.0).min_by(f64::total_cmp)?;
        let high = values.max_by(f64::total_cmp)?;
        let (low, high) = (exponent(low), exponent(high * 0.999_999) + 1);
        Some(Self { low, high, start, length })
    }

    fn at(&self, value: f64) -> f64 {
        let share = (value.log10() - f64::from(self.low)) / f64::from(self.high - self.low);
        self.start + self.length * share
    }

    fn ticks(&self) -> impl Iterator<Item = f64> {
        (self.low..=self.high).map(|power| 10_f64.powi(power))
    }
}

/// The power of ten that a value reaches.
fn exponent(value: f64) -> i32 {
    (-9..=9).rev().find(|power| value >= 10_f64.powi(*power)).unwrap_or(-9)
}

impl Plot {
    fn draw(&self) -> Option<String> {
        let points = || self.lines.iter().flat_map(|(_, _, line)| line.iter());
        let sizes = self.lines.iter().map(|(_, _, line)| line.len()).max()?;
        let x = Axis::over(points().map(|(size, _)| count(*size)), self.left, SIDE)?;
        let y = Axis::over(points().map(|(_, value)| *value), TOP + TALL, -TALL)?;
        let mut text = format!("<text x=\"{}\" y=\"{}\">{}</text>\n", self.left, TOP - 30.0, self.title);
        self.grid(&mut text, &x, &y);
        for (at, (class, label, line)) in self.lines.iter().enumerate() {
            draw_line(&mut text, class, line, (&x, &y));
            let (right, top) = (self.left + 90.0 * count(at), TOP - 12.0);
            let _ = writeln!(text, "<text class=\"{class}\" x=\"{right}\" y=\"{top}\">— {label}</text>");
        }
        (sizes > 1).then_some(text)
    }

    fn grid(&self, text: &mut String, x: &Axis, y: &Axis) {
        let (right, bottom) = (self.left + SIDE, TOP + TALL);
        for tick in x.ticks() {
            let at = x.at(tick);
            let _ = writeln!(text, "<path class=\"grid\" d=\"M{at:.1} {TOP}V{bottom}\"/>");
            let (label, below) = (shown(tick), bottom + 16.0);
            let _ = writeln!(text, "<text x=\"{at:.1}\" y=\"{below}\" text-anchor=\"middle\">{label}</text>");
        }
        for tick in y.ticks() {
            let at = y.at(tick);
            let _ = writeln!(text, "<path class=\"grid\" d=\"M{} {at:.1}H{right}\"/>", self.left);
            let (label, before, middle) = (shown(tick), self.left - 6.0, at + 4.0);
            let _ =
                writeln!(text, "<text x=\"{before}\" y=\"{middle:.1}\" text-anchor=\"end\">{label}</text>");
        }
        let (middle, below) = (self.left + SIDE / 2.0, bottom + 34.0);
        let _ = writeln!(text, "<text x=\"{middle}\" y=\"{below}\" text-anchor=\"middle\">identities</text>");
    }
}

fn draw_line(text: &mut String, class: &str, line: &Line, (x, y): (&Axis, &Axis)) {
    let points: Vec<(f64, f64)> =
        line.iter().map(|(size, value)| (x.at(count(*size)), y.at(*value))).collect();
    let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let _ = writeln!(text, "<polyline class=\"{class}\" points=\"{}\"/>", path.join(" "));
    for (x, y) in points {
        let _ = writeln!(text, "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>");
    }
}

fn shown(tick: f64) -> String {
    let text = format!("{tick}");
    text.parse().map_or(text, grouped)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh(subject: Subject, identities: usize, seconds: f64) -> Measurement {
        Measurement::new(Scenario::Fresh, subject, identities)
            .with(Name::WallSeconds, seconds)
            .with(Name::ResidentMebibytes, 16.0 + seconds)
    }

    fn drawn() -> String {
        let of = |subject| [(1000, 4.0), (10_000, 40.0), (100_000, 400.0)].map(|(n, s)| fresh(subject, n, s));
        svg(&[of(Subject::Bare), of(Subject::Operator)].concat()).unwrap()
    }

    #[test]
    fn what_grows_in_proportion_is_a_straight_line() {
        let svg = drawn();
        let line = svg.lines().find(|line| line.starts_with("<polyline class=\"bare\"")).unwrap();
        let points: Vec<f64> = line
            .split(|c: char| !c.is_ascii_digit() && c != '.')
            .filter_map(|number| number.parse().ok())
            .collect();
        let [x1, y1, x2, y2, x3, y3] = points[..] else { panic!("{line}") };
        assert!(((x2 - x1) - (x3 - x2)).abs() < 0.2 && ((y2 - y1) - (y3 - y2)).abs() < 0.2, "{line}");
        assert!(x3 > x1 && y3 < y1, "more is to the right and above: {line}");
    }

    #[test]
    fn it_is_whole_by_itself_has_axes_with_units_and_suits_a_dark_page() {
        let svg = drawn();
        assert!(!svg.contains("href") && !svg.contains("@import") && !svg.contains("url("), "{svg}");
        for part in ["<title>", "prefers-color-scheme:dark", ">10,000<", ">identities<", ", s<", ", MiB<"] {
            assert!(svg.contains(part), "{part} is missing");
        }
        assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count());
    }

    #[test]
    fn one_size_is_no_growth() {
        assert_eq!(svg(&[fresh(Subject::Operator, 1000, 4.0)]), None);
        assert_eq!(svg(&[]), None);
    }
}
