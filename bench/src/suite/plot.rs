//! Lines in a frame with logarithmic axes, as SVG.

use std::fmt::Write;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 170.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 54.0;

/// Told apart also by those who see few colours.
const COLOURS: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];

/// One line.
#[derive(Debug, Clone)]
pub(super) struct Series {
    pub(super) name: String,
    pub(super) points: Vec<(f64, f64)>,
}

/// A plot; empty where there is nothing to be drawn. All values are above zero.
pub(super) fn svg(title: &str, x_label: &str, y_label: &str, series: &[Series]) -> String {
    let points = || {
        series
            .iter()
            .flat_map(|line| &line.points)
            .filter(|(x, y)| *x > 0.0 && *y > 0.0)
    };
    let (Some(xs), Some(ys)) = (
        decades(points().map(|(x, _)| *x)),
        decades(points().map(|(_, y)| *y)),
    ) else {
        return String::new();
    };
    let x_at = |x: f64| LEFT + (x.log10() - xs.0) / (xs.1 - xs.0) * (WIDTH - LEFT - RIGHT);
    let y_at = |y: f64| HEIGHT - BOTTOM - (y.log10() - ys.0) / (ys.1 - ys.0) * (HEIGHT - TOP - BOTTOM);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\" role=\"img\" aria-label=\"{title}\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>\n<text x=\"{LEFT}\" y=\"24\" font-size=\"15\">{title}</text>\n"
    );
    for value in steps(xs) {
        let x = x_at(value);
        let (top, bottom) = (TOP, HEIGHT - BOTTOM);
        let _ = writeln!(
            out,
            "<path d=\"M{x:.1} {top}V{bottom}\" stroke=\"#ddd\"/><text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{value}</text>",
            bottom + 18.0
        );
    }
    for value in steps(ys) {
        let y = y_at(value);
        let _ = writeln!(
            out,
            "<path d=\"M{LEFT} {y:.1}H{}\" stroke=\"#ddd\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{value}</text>",
            WIDTH - RIGHT,
            LEFT - 8.0,
            y + 4.0
        );
    }
    let _ = writeln!(
        out,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{x_label}</text>",
        (LEFT + WIDTH - RIGHT) / 2.0,
        HEIGHT - 14.0
    );
    let middle = (TOP + HEIGHT - BOTTOM) / 2.0;
    let _ = writeln!(
        out,
        "<text transform=\"translate(18 {middle:.1}) rotate(-90)\" text-anchor=\"middle\">{y_label}</text>"
    );
    for (index, (line, colour)) in series.iter().zip(COLOURS.iter().cycle()).enumerate() {
        let path: Vec<String> = line
            .points
            .iter()
            .filter(|(x, y)| *x > 0.0 && *y > 0.0)
            .map(|(x, y)| format!("{:.1},{:.1}", x_at(*x), y_at(*y)))
            .collect();
        let _ = writeln!(
            out,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            path.join(" ")
        );
        for point in &path {
            let (x, y) = point.split_once(',').unwrap_or_default();
            let _ = writeln!(out, "<circle cx=\"{x}\" cy=\"{y}\" r=\"3\" fill=\"{colour}\"/>");
        }
        #[expect(clippy::cast_precision_loss, reason = "a handful of lines")]
        let y = TOP + 14.0 + 20.0 * index as f64;
        let x = WIDTH - RIGHT + 14.0;
        let _ = writeln!(
            out,
            "<rect x=\"{x}\" y=\"{:.1}\" width=\"12\" height=\"4\" fill=\"{colour}\"/><text x=\"{}\" y=\"{y:.1}\">{}</text>",
            y - 6.0,
            x + 18.0,
            line.name
        );
    }
    out + "</svg>\n"
}

/// The powers of ten around all values.
fn decades(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let (low, high) = values.fold((f64::INFINITY, 0.0_f64), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    let (low, high) = (low.is_finite()).then(|| (low.log10().floor(), high.log10().ceil()))?;
    Some((low, if high > low { high } else { low + 1.0 }))
}

/// The powers of ten of an axis; where they are few, with twice and five times each.
fn steps((low, high): (f64, f64)) -> impl Iterator<Item = f64> {
    let factors: &[f64] = if high - low > 2.0 {
        &[1.0]
    } else {
        &[1.0, 2.0, 5.0]
    };
    let mut exponent = low;
    let powers = std::iter::from_fn(move || {
        let value = (exponent <= high).then(|| 10_f64.powf(exponent));
        exponent += 1.0;
        value
    });
    powers
        .flat_map(|power| factors.iter().map(move |factor| power * factor))
        .map(|value| {
            if value < 1.0 {
                (value * 1e6).round() / 1e6
            } else {
                value.round()
            }
        })
        .take_while(move |value| value.log10() <= high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_is_within_the_frame() {
        let line = Series {
            name: "chatflow".into(),
            points: vec![(10.0, 0.5), (1000.0, 2.0)],
        };
        let plot = svg("title", "receivers", "µs", &[line]);
        assert_eq!(plot.matches("<circle").count(), 2);
        assert!(
            plot.contains("chatflow") && plot.contains(">1000</text>") && plot.contains(">0.1</text>"),
            "{plot}"
        );
        assert_eq!(svg("title", "x", "y", &[]), "");
        assert_eq!(steps((0.0, 1.0)).collect::<Vec<_>>(), [1.0, 2.0, 5.0, 10.0]);
        assert_eq!(steps((0.0, 3.0)).count(), 4);
    }
}
