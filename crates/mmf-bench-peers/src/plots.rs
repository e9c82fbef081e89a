//! Two plots: what an operation costs, system by system, and how a get's cost grows.

use std::path::Path;

use mmf_bench::curves::Curve;
use mmf_bench::{Error, Result};
use plotters::coord::Shift;
use plotters::coord::combinators::LogCoord;
use plotters::coord::ranged1d::{IntoSegmentedCoord, SegmentValue, SegmentedCoord};
use plotters::coord::types::RangedCoordi32;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::report::PeerReport;

const FONT: &str = "Helvetica, Arial, sans-serif";
const INK: RGBColor = RGBColor(40, 40, 40);
const GREY: RGBColor = RGBColor(120, 120, 120);
const FAINT: RGBColor = RGBColor(225, 225, 225);
const ACCENT: RGBColor = RGBColor(200, 30, 45);
/// Behind the line of mmf.
const BAND: RGBColor = RGBColor(255, 240, 228);
/// Of the operations of the first plot. Told apart in print and by those who see few colours.
const OPERATIONS: [(&str, RGBColor); 4] = [
    ("get hot", RGBColor(0, 114, 178)),
    ("set hot", RGBColor(230, 130, 0)),
    ("get random of 1M", RGBColor(0, 158, 115)),
    ("set random of 1M", RGBColor(204, 101, 160)),
];
/// Of the systems of the second plot, one after another.
const LINES: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(230, 130, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 101, 160),
    RGBColor(120, 94, 50),
    RGBColor(86, 180, 233),
    RGBColor(90, 60, 160),
];

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

fn failed(error: impl std::fmt::Display) -> Error {
    format!("drawing a plot: {error}").into()
}

/// A duration in nanoseconds, as short as can be.
fn duration(nanoseconds: &f64) -> String {
    let (number, unit) = match *nanoseconds {
        time if time >= 1e9 => (time / 1e9, "s"),
        time if time >= 1e6 => (time / 1e6, "ms"),
        time if time >= 1e3 => (time / 1e3, "µs"),
        time => (time, "ns"),
    };
    format!("{number} {unit}")
}

fn text(size: f64) -> TextStyle<'static> {
    (FONT, size).into_font().color(&INK)
}

fn title(area: &Area<'_>, head: &str, below: &str) -> Result<()> {
    area.fill(&WHITE).map_err(failed)?;
    area.draw(&Text::new(head.to_owned(), (24, 18), text(22.0))).map_err(failed)?;
    area.draw(&Text::new(below.to_owned(), (24, 46), text(14.0))).map_err(failed)
}

/// Bounds of an axis of durations: whole powers of ten around all of them.
fn bounds(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let least = values.clone().fold(f64::INFINITY, f64::min).max(0.1);
    let greatest = values.fold(1.0, f64::max);
    (10_f64.powf(least.log10().floor()), 10_f64.powf((greatest * 1.05).log10().ceil()))
}

/// One operation of one system.
struct Dot {
    operation: usize,
    median: f64,
    is_of_fewer: bool,
}

fn is_subject(label: &str) -> bool {
    label == "mmf" || label.starts_with("mmf ")
}

/// Draws what a get and a set cost in each system.
///
/// # Errors
///
/// When the file cannot be written.
pub fn cost(path: &Path, reports: &[PeerReport]) -> Result<()> {
    let mut systems = dots_of(reports);
    // The first system at the top.
    systems.reverse();
    if systems.is_empty() {
        return Err("there is nothing to plot".into());
    }
    let size = (1000, 150 + 34 * systems.len() as u32);
    let area = SVGBackend::new(path, size).into_drawing_area();
    let below = "by names of 16 bytes; values of 16 bytes (hot) and 64 bytes (random); medians; \
                 hollow: of fewer than a million";
    title(&area, "Cost of an operation", below)?;
    legend(&area)?;
    let (least, greatest) =
        bounds(systems.iter().flat_map(|(_, medians)| medians.iter().map(|dot| dot.median)));
    let (_, body) = area.split_vertically(96);
    let mut chart = ChartBuilder::on(&body)
        .margin_right(30)
        .set_label_area_size(LabelAreaPosition::Left, 240)
        .set_label_area_size(LabelAreaPosition::Bottom, 40)
        .build_cartesian_2d(
            (least..greatest).log_scale(),
            (0..systems.len() as i32 - 1).into_segmented(),
        )
        .map_err(failed)?;
    let label = |place: &SegmentValue<i32>| match place {
        SegmentValue::CenterOf(place) => {
            systems.get(*place as usize).map_or_else(String::new, |system| system.0.to_owned())
        }
        _ => String::new(),
    };
    chart
        .configure_mesh()
        .disable_y_mesh()
        .bold_line_style(FAINT)
        .light_line_style(TRANSPARENT)
        .axis_style(FAINT)
        .y_labels(systems.len())
        .y_label_formatter(&label)
        .x_labels(10)
        .x_label_formatter(&duration)
        .label_style(text(15.0))
        .draw()
        .map_err(failed)?;
    for (place, (system, medians)) in systems.iter().enumerate() {
        draw_system(&mut chart, place as i32, (system, medians), (least, greatest))?;
    }
    area.present().map_err(failed)
}

/// The systems that have any of the operations, in the order of the reports.
fn dots_of(reports: &[PeerReport]) -> Vec<(&str, Vec<Dot>)> {
    let mut systems: Vec<(&str, Vec<Dot>)> = Vec::new();
    for report in reports {
        let figure = |name: &str| report.report.rows.iter().find(|row| row.name == name);
        let medians = OPERATIONS.iter().enumerate().filter_map(|(operation, (name, _))| {
            figure(name).map(|row| Dot {
                operation,
                median: row.subject.median,
                is_of_fewer: row.note.contains("of "),
            })
        });
        let medians: Vec<_> = medians.collect();
        if !medians.is_empty() {
            systems.push((&report.report.subject, medians));
        }
    }
    systems
}

type CostChart<'a, 'b> =
    ChartContext<'a, SVGBackend<'b>, Cartesian2d<LogCoord<f64>, SegmentedCoord<RangedCoordi32>>>;

fn draw_system(
    chart: &mut CostChart<'_, '_>,
    place: i32,
    (system, medians): (&str, &[Dot]),
    (least, greatest): (f64, f64),
) -> Result<()> {
    if is_subject(system) {
        let corners =
            [(least, SegmentValue::Exact(place)), (greatest, SegmentValue::Exact(place + 1))];
        chart.draw_series([Rectangle::new(corners, BAND.filled())]).map_err(failed)?;
    }
    let line = SegmentValue::CenterOf(place);
    let extremes = |fold: fn(f64, f64) -> f64| medians.iter().map(|dot| dot.median).reduce(fold);
    if let Some((from, to)) = extremes(f64::min).zip(extremes(f64::max)) {
        let points = [(from, line.clone()), (to, line.clone())];
        chart
            .draw_series([PathElement::new(points, RGBColor(190, 190, 190).stroke_width(2))])
            .map_err(failed)?;
    }
    for dot in medians {
        let (color, at) = (OPERATIONS[dot.operation].1, (dot.median, line.clone()));
        let inside = if dot.is_of_fewer { WHITE } else { color };
        chart.draw_series([Circle::new(at.clone(), 6, inside.filled())]).map_err(failed)?;
        chart.draw_series([Circle::new(at, 6, color.stroke_width(2))]).map_err(failed)?;
    }
    Ok(())
}

fn legend(area: &Area<'_>) -> Result<()> {
    for (place, (name, color)) in OPERATIONS.iter().enumerate() {
        let left = 264 + 165 * place as i32;
        area.draw(&Circle::new((left, 82), 6, color.filled())).map_err(failed)?;
        area.draw(&Text::new((*name).to_owned(), (left + 12, 75), text(14.0))).map_err(failed)?;
    }
    Ok(())
}

/// One line of the second plot.
struct Growing<'a> {
    label: &'a str,
    points: Vec<(f64, f64)>,
    color: RGBColor,
    /// What its dots are filled with; white tells two lines of one colour apart.
    inside: RGBColor,
    width: u32,
}

/// Draws what a get costs as the number of variables grows.
///
/// # Errors
///
/// When the file cannot be written, or there is nothing to draw.
pub fn growth(path: &Path, curve: &Curve) -> Result<()> {
    let mut lines: Vec<Growing<'_>> = Vec::new();
    for point in &curve.points {
        for figure in &point.figures {
            let at = (point.size as f64, figure.median);
            match lines.iter_mut().find(|line| line.label == figure.label) {
                Some(line) => line.points.push(at),
                None => lines.push(new_line(&figure.label, at)),
            }
        }
    }
    let is_set = |line: &&mut Growing<'_>| [ACCENT, INK, GREY].contains(&line.color);
    for (next, line) in lines.iter_mut().filter(|line| !is_set(line)).enumerate() {
        line.color = LINES[next % LINES.len()];
        line.inside = if next < LINES.len() { line.color } else { WHITE };
    }
    let values = lines.iter().flat_map(|line| line.points.iter().map(|point| point.1));
    if lines.is_empty() {
        return Err("there is nothing to plot".into());
    }
    let (least, greatest) = bounds(values);
    let area = SVGBackend::new(path, (1000, 620)).into_drawing_area();
    let below = "one get of a 64-byte value by its name, in an order without a pattern; medians";
    title(&area, "Cost of a get as the number of variables grows", below)?;
    let (_, body) = area.split_vertically(76);
    let (plot, side) = body.split_horizontally(740);
    let mut chart = ChartBuilder::on(&plot)
        .margin_right(10)
        .set_label_area_size(LabelAreaPosition::Left, 80)
        .set_label_area_size(LabelAreaPosition::Bottom, 50)
        .build_cartesian_2d((8.0..1.3e7).log_scale(), (least..greatest).log_scale())
        .map_err(failed)?;
    let count = |count: &f64| crate::report::grouped(*count as u64);
    chart
        .configure_mesh()
        .bold_line_style(FAINT)
        .light_line_style(TRANSPARENT)
        .axis_style(INK)
        .x_labels(8)
        .x_label_formatter(&count)
        .y_labels(10)
        .y_label_formatter(&duration)
        .x_desc("variables")
        .label_style(text(14.0))
        .draw()
        .map_err(failed)?;
    for line in &lines {
        let style = line.color.stroke_width(line.width);
        chart.draw_series(LineSeries::new(line.points.clone(), style)).map_err(failed)?;
        let (filled, rim) = (line.inside.filled(), line.color.stroke_width(2));
        let dots = line.points.iter().map(|point| Circle::new(*point, 4, filled));
        chart.draw_series(dots).map_err(failed)?;
        let rims = line.points.iter().map(|point| Circle::new(*point, 4, rim));
        chart.draw_series(rims).map_err(failed)?;
    }
    let ends: Vec<_> = lines
        .iter()
        .filter_map(|line| line.points.last().map(|end| (line, chart.backend_coord(end))))
        .collect();
    name_ends(&side, ends)?;
    area.present().map_err(failed)
}

fn new_line(label: &str, at: (f64, f64)) -> Growing<'_> {
    let (color, width) = match label {
        label if is_subject(label) => (ACCENT, 4),
        label if label.starts_with("floor: raw") => (INK, 2),
        label if label.starts_with("floor") => (GREY, 2),
        _ => (LINES[0], 2),
    };
    Growing { label, points: vec![at], color, inside: color, width }
}

/// Writes each line's name beside it where it ends, without two names on one another.
fn name_ends(side: &Area<'_>, mut ends: Vec<(&Growing<'_>, (i32, i32))>) -> Result<()> {
    const APART: i32 = 22;
    ends.sort_by_key(|(_, (_, height))| *height);
    let (_, top) = side.get_base_pixel();
    let floor = side.dim_in_pixel().1 as i32 - 60;
    let mut places: Vec<i32> = ends.iter().map(|(_, (_, height))| height - top).collect();
    for place in 1..places.len() {
        places[place] = places[place].max(places[place - 1] + APART);
    }
    // What was pushed out at the bottom pushes back.
    let mut limit = floor;
    for place in places.iter_mut().rev() {
        *place = (*place).min(limit);
        limit = *place - APART;
    }
    for ((line, _), height) in ends.iter().zip(places) {
        for style in [line.inside.filled(), line.color.stroke_width(2)] {
            side.draw(&Circle::new((10, height), 5, style)).map_err(failed)?;
        }
        let style = text(14.0).pos(Pos::new(HPos::Left, VPos::Center));
        side.draw(&Text::new(line.label.to_owned(), (22, height), style)).map_err(failed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use mmf_bench::curves::Point;
    use mmf_bench::report::{Figure, Unit};

    #[test]
    fn durations_have_the_unit_that_is_shortest() {
        let texts = [1.0, 10.0, 1e3, 1e5, 1e7, 1e9].map(|time| duration(&time));
        assert_eq!(texts, ["1 ns", "10 ns", "1 µs", "100 µs", "10 ms", "1 s"]);
    }

    #[test]
    fn an_axis_ends_at_powers_of_ten() {
        assert_eq!(bounds([3.0, 250.0].into_iter()), (1.0, 1000.0));
    }

    #[test]
    fn every_line_is_named_once() {
        let figure = |label: &str, median| Figure::new(label, 1, vec![median]);
        let points = [10, 100].map(|size| Point {
            size,
            figures: vec![figure("mmf 1", 30.0), figure("other", 31.0), figure("more", 30.5)],
        });
        let curve = Curve {
            name: "get".to_owned(),
            size: "variables".to_owned(),
            unit: Unit::Nanoseconds,
            points: points.to_vec(),
        };
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("growth.svg");
        growth(&path, &curve).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        for name in ["mmf 1", "other", "more"] {
            let shown = text.lines().filter(|line| line.trim() == name).count();
            assert_eq!(shown, 1, "{name}");
        }
    }
}
