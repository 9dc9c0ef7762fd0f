//! The pictures of docs/performance.md: cost against attributes of a span, and against spans per second.
//!
//! Position: `samples` → **plot** → docs/pictures.

use std::fmt::Write as _;

use super::samples::Summary;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 190.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 48.0;

/// Whom the pictures show, in which colour.
const LINES: [(&str, &str, &str); 5] = [
    ("continuum", "CONTINUUM", "#7ee787"),
    ("otel", "opentelemetry_sdk", "#79c0ff"),
    ("tracing-otel", "tracing-opentelemetry", "#d2a8ff"),
    ("fastrace", "fastrace", "#ffa657"),
    ("tracing", "tracing, bare", "#8b949e"),
];

/// What one picture shows.
struct Plot {
    file: &'static str,
    title: &'static str,
    axis: &'static str,
    metric: &'static str,
    /// Scenarios and how the axis names them.
    points: &'static [(&'static str, &'static str)],
}

const PLOTS: [Plot; 2] = [
    Plot {
        file: "cost-by-attributes.svg",
        title: "What a span costs the traced thread, ns of CPU",
        axis: "attributes per span",
        metric: "caller",
        points: &[
            ("attributes-0", "0"),
            ("attributes-1", "1"),
            ("attributes-2", "2"),
            ("attributes-4", "4"),
            ("attributes-8", "8"),
            ("attributes-16", "16"),
            ("attributes-32", "32"),
        ],
    },
    Plot {
        file: "cost-by-rate.svg",
        title: "What a delivered span costs the whole process, ns of CPU",
        axis: "spans per second (default settings)",
        metric: "cpu_ns_per_delivered",
        points: &[
            ("rate-10000", "10k"),
            ("rate-25000", "25k"),
            ("rate-50000", "50k"),
            ("rate-100000", "100k"),
            ("rate-200000", "200k"),
            ("rate-400000", "400k"),
            ("flat-out", "flat out"),
        ],
    },
];

/// Names and contents of the files.
pub(super) fn pictures(summary: &Summary) -> Vec<(&'static str, String)> {
    PLOTS
        .iter()
        .map(|plot| (plot.file, plot.svg(summary)))
        .collect()
}

impl Plot {
    fn svg(&self, summary: &Summary) -> String {
        let series: Vec<_> = LINES
            .iter()
            .map(|(peer, name, colour)| (self.values(summary, peer), *name, *colour))
            .filter(|(values, ..)| !values.is_empty())
            .collect();
        let all = series
            .iter()
            .flat_map(|(values, ..)| values.iter().map(|(_, value)| *value));
        let scale = Scale::around(all);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
             font-family=\"system-ui, 'DejaVu Sans', sans-serif\" font-size=\"13\">\n\
             <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#16181d\"/>\n\
             <text x=\"16\" y=\"26\" fill=\"#d6dae2\" font-size=\"15\">{}</text>\n",
            self.title
        );
        self.axes(&mut svg, &scale);
        let mut labels = Vec::new();
        for (values, name, colour) in &series {
            self.line(&mut svg, values, &scale, colour);
            if let Some((_, last)) = values.last() {
                labels.push((scale.y(*last), *name, *colour));
            }
        }
        write_labels(&mut svg, labels);
        svg + "</svg>\n"
    }

    /// The points of a line: where on the axis, and the median.
    fn values(&self, summary: &Summary, peer: &str) -> Vec<(usize, f64)> {
        let points = self.points.iter().enumerate();
        let values = points.filter_map(|(number, (scenario, _))| {
            Some((number, summary.get(peer, scenario, self.metric)?.median))
        });
        // One that delivered nothing has no cost to show.
        values
            .filter(|(_, value)| value.is_finite() && *value > 0.0)
            .collect()
    }

    fn x(&self, number: usize) -> f64 {
        let steps = self.points.len().saturating_sub(1).max(1);
        LEFT + (WIDTH - LEFT - RIGHT) * number as f64 / steps as f64
    }

    fn axes(&self, svg: &mut String, scale: &Scale) {
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        for value in scale.ticks() {
            let y = scale.y(value);
            let _written = writeln!(
                svg,
                "<path d=\"M{LEFT} {y:.1}H{right}\" stroke=\"#30343c\"/>\
                 <text x=\"{:.0}\" y=\"{:.1}\" fill=\"#8b949e\" text-anchor=\"end\">{value}</text>",
                LEFT - 8.0,
                y + 4.0
            );
        }
        for (number, (_, name)) in self.points.iter().enumerate() {
            let _written = writeln!(
                svg,
                "<text x=\"{:.1}\" y=\"{:.0}\" fill=\"#8b949e\" text-anchor=\"middle\">{name}</text>",
                self.x(number),
                bottom + 18.0
            );
        }
        let _written = writeln!(
            svg,
            "<text x=\"{:.0}\" y=\"{:.0}\" fill=\"#8b949e\" text-anchor=\"middle\">{}</text>",
            f64::midpoint(LEFT, right),
            bottom + 38.0,
            self.axis
        );
    }

    fn line(&self, svg: &mut String, values: &[(usize, f64)], scale: &Scale, colour: &str) {
        let points: Vec<_> = values
            .iter()
            .map(|(number, value)| format!("{:.1},{:.1}", self.x(*number), scale.y(*value)))
            .collect();
        let _written = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            points.join(" ")
        );
        for point in points {
            let (x, y) = point.split_once(',').unwrap_or_default();
            let _written = writeln!(
                svg,
                "<circle cx=\"{x}\" cy=\"{y}\" r=\"3\" fill=\"{colour}\"/>"
            );
        }
    }
}

/// Names at the ends of the lines, pushed apart where they would touch.
fn write_labels(svg: &mut String, mut labels: Vec<(f64, &str, &str)>) {
    labels.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut free = TOP;
    for (y, name, colour) in labels {
        let y = (y + 4.0).max(free);
        free = y + 17.0;
        let x = WIDTH - RIGHT + 12.0;
        let _written = writeln!(
            svg,
            "<text x=\"{x:.0}\" y=\"{y:.1}\" fill=\"{colour}\">{name}</text>"
        );
    }
}

/// A logarithmic axis.
struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    fn around(values: impl Iterator<Item = f64> + Clone) -> Self {
        let low = values.clone().fold(f64::INFINITY, f64::min);
        let high = values.fold(0.0, f64::max);
        if low > high {
            return Self {
                low: 1.0,
                high: 10.0,
            };
        }
        Self {
            low: low * 0.8,
            high: high * 1.25,
        }
    }

    fn y(&self, value: f64) -> f64 {
        let share = (value / self.low).ln() / (self.high / self.low).ln();
        HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share
    }

    fn ticks(&self) -> Vec<f64> {
        let decades = (0..7).map(|power| 10_f64.powi(power));
        let ticks = decades.flat_map(|decade| [1.0, 2.0, 5.0].map(|step| step * decade));
        ticks
            .filter(|tick| (self.low..=self.high).contains(tick))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::Samples;
    use super::*;

    #[test]
    fn a_picture_has_a_line_for_each_peer_and_a_dot_for_each_value() {
        let mut samples = Samples::default();
        for (number, scenario) in ["attributes-0", "attributes-8", "attributes-32"]
            .iter()
            .enumerate()
        {
            samples.add("continuum", scenario, "caller", 40.0 * (number + 1) as f64);
            samples.add("otel", scenario, "caller", 300.0 * (number + 1) as f64);
        }
        let pictures = pictures(&samples.summary());
        let (name, svg) = &pictures[0];
        assert_eq!(*name, "cost-by-attributes.svg");
        assert_eq!(svg.matches("<polyline").count(), 2);
        assert_eq!(svg.matches("<circle").count(), 6);
        assert!(svg.contains(">opentelemetry_sdk</text>") && !svg.contains(">fastrace</text>"));
    }

    #[test]
    fn more_is_higher_and_nothing_leaves_the_frame() {
        let scale = Scale::around([30.0, 3000.0].into_iter());
        assert!(scale.y(3000.0) < scale.y(30.0));
        assert!(scale.y(3000.0) > TOP && scale.y(30.0) < HEIGHT - BOTTOM);
        assert_eq!(scale.ticks(), [50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0]);
    }
}
