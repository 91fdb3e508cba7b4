//! Tests that the figures are well-formed, have the right size, and show the right things.

// The functions of f64 differ between platforms in their last bit, which does not matter here.
#![allow(clippy::disallowed_methods)]

use zero_init::figure::Film;
use zero_init::prelude::*;
use zero_init::{Error, Result};

const SIZES: [usize; 4] = [2, 10, 5, 1];

fn relu(init: Init) -> Network {
    Network::new(&SIZES, Activation::Relu, init).unwrap()
}

fn run(mut network: Network, training: Training) -> History {
    training.run(&mut network, &circles_train()).unwrap()
}

/// Asserts that tags are closed in the right order, that attributes are quoted, and that text has no unescaped `<` or
/// `&` and no control character.
fn assert_well_formed(svg: &str) {
    let mut open = Vec::new();
    let mut rest = svg;
    while let Some(start) = rest.find('<') {
        assert_escaped(&rest[..start]);
        let end = start + rest[start..].find('>').expect("a tag that ends");
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "closing tag");
            continue;
        }
        let (tag, closed) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        assert!(name.chars().all(|c| c.is_ascii_lowercase()), "{name}");
        let parts: Vec<&str> = attributes.split('"').collect();
        assert_eq!(parts.len() % 2, 1, "{tag}");
        for pair in parts.chunks_exact(2) {
            assert!(pair[0].ends_with('='), "{tag}");
            assert_escaped(pair[1]);
        }
        if !closed {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?} is left open");
    assert_eq!(rest.trim(), "");
}

fn assert_escaped(text: &str) {
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text}");
    for (start, _) in text.match_indices('&') {
        let entity = text[start..].split_inclusive(';').next().unwrap_or("");
        assert!(["&amp;", "&lt;", "&gt;", "&quot;", "&apos;"].contains(&entity), "{text}");
    }
}

/// Asserts what is true of every figure.
fn assert_figure(figure: &Figure, title: &str, size: (u32, u32)) {
    let svg = figure.svg();
    assert_well_formed(svg);
    assert!(svg.starts_with("<svg role=\"img\" "));
    assert!(svg.contains(&format!("width=\"{}\" height=\"{}\"", size.0, size.1)), "{}", &svg[..120]);
    assert_eq!(between(svg, "<title>", "</title>"), title);
    let description = between(svg, "<desc>", "</desc>").replace("&lt;", "<").replace("&gt;", ">");
    assert_eq!(description.replace("&amp;", "&"), figure.text());
    assert_eq!(figure.plain(), format!("Figure: {}", figure.text()));
    assert!(svg.contains("font-family=\"sans-serif\""));
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{}", figure.text());
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    text.split_once(start).unwrap().1.split_once(end).unwrap().0
}

/// The number of elements with this name whose tag or text contains `with`.
fn count(figure: &Figure, element: &str, with: &str) -> usize {
    figure.svg().split('<').filter(|tag| tag.starts_with(element) && tag.contains(with)).count()
}

/// The corners of the lines that have this style, in pixels.
fn lines(figure: &Figure, style: &str) -> Vec<Vec<(i32, i32)>> {
    let lines = figure.svg().split("<polyline").filter(|line| line.contains(style));
    let corner = |corner: &str| corner.split_once(',').map(|(x, y)| (x.parse().unwrap(), y.parse().unwrap())).unwrap();
    lines.map(|line| between(line, "points=\"", "\"").split_whitespace().map(corner).collect()).collect()
}

/// All texts in the drawing.
fn texts(figure: &Figure) -> Vec<&str> {
    figure.svg().split("<text").skip(1).map(|text| between(text, ">\n", "\n</text>")).collect()
}

fn message(result: Result<Figure>) -> String {
    let error: Error = result.unwrap_err();
    error.to_string()
}

const THICK: &str = "stroke=\"#1E1E1E\" stroke-width=\"2\"";
const BLUE_LINE: &str = "stroke=\"#0072B2\" stroke-width=\"2\"";
const FORWARD: &str = "stroke=\"#0072B2\" stroke-width=\"3\"";
const BACKWARD: &str = "stroke=\"#D55E00\" stroke-width=\"3\"";

/// The numbers of weights with a gradient, of forward ends and of backward ends, without those of the legend.
fn weights(figure: &Figure) -> [usize; 3] {
    [THICK, FORWARD, BACKWARD].map(|style| count(figure, "polyline", style) - 1)
}

/// The curve of label 1 falls, the curve of label 0 is its mirror image, and they meet at the dot, with opposite
/// slopes.
#[test]
fn losses_cross_in_the_middle_with_opposite_slopes() {
    let figure = figure::losses().unwrap();
    assert_figure(&figure, "Binary cross-entropy: the same loss at ŷ = 0.5, opposite slopes", (640, 420));
    for text in ["both losses are ln 2 = 0.693", "slope −2", "slope +2", "prediction ŷ", "loss ℓ (nats)"] {
        assert!(texts(&figure).contains(&text), "{text}");
    }
    let one = &lines(&figure, BLUE_LINE)[0];
    assert!(one.len() > 300 && one.is_sorted_by(|a, b| a.0 <= b.0 && a.1 <= b.1)); // it falls
    let dot = figure.svg().split("<circle").nth(1).unwrap();
    let place = ["cx=\"", "cy=\""].map(|name| between(dot, name, "\"").parse::<i32>().unwrap());
    assert!(one.iter().any(|&(x, y)| (x - place[0]).abs() <= 1 && (y - place[1]).abs() <= 1));
    let zero = lines(&figure, "stroke=\"#D55E00\" stroke-width=\"2\"").concat(); // the corners of its dashes
    let mirrored =
        |&(x, y): &(i32, i32)| one.iter().any(|&(u, v)| (2 * place[0] - x - u).abs() <= 2 && (y - v).abs() <= 3);
    assert!(zero.len() > 20 && zero.iter().all(mirrored));
    let tangents = lines(&figure, "stroke-width=\"7\"");
    let rises: Vec<i32> = tangents.iter().map(|ends| ends[0].1 - ends[1].1).collect();
    assert!(rises[0] == -rises[1] && rises[0] != 0, "{rises:?}");
}

#[test]
fn a_figure_that_cannot_be_saved_says_where_and_why() {
    let error = figure::losses().unwrap().save("no/such/folder/losses.svg").unwrap_err().to_string();
    assert!(error.starts_with("path: expected a file that can be written, got no/such/folder/losses.svg: "), "{error}");
}

#[test]
fn signal_of_the_zero_network_stops_after_x_and_at_the_output() {
    let figure = figure::signal(&relu(Init::Zeros), &circles_train()).unwrap();
    assert_figure(&figure, "Forward and backward signal in the network [2, 10, 5, 1]", (720, 604));
    assert_eq!(weights(&figure), [0, 20, 5]);
    // The left halves of x and ŷ and the right half of ŷ are filled. The legend has one of each.
    assert_eq!(count(&figure, "polygon", "#0072B2"), 2 + 1 + 1);
    assert_eq!(count(&figure, "polygon", "#D55E00"), 1 + 1);
    assert!(figure.text().contains(
        "Forward signal alive in layer 0, 3; backward signal in layer 3; dW ≠ 0 in no layer. a⁰ = x: a ≠ 0 in 2 of 2 \
         units. a¹: a ≠ 0 in 0 of 10 units, δ ≠ 0 in 0 of 10, dW¹ ≠ 0 for 0 of 20 weights."
    ));
    for text in ["dW¹ = 0", "dW² = 0", "dW³ = 0", "a = 0.5", "δ = 0", "δ ≠ 0"] {
        assert!(texts(&figure).contains(&text), "{text}");
    }
}

#[test]
fn signal_draws_exactly_the_weights_that_have_a_gradient() {
    let data = circles_train();
    for init in [Init::He { seed: 3 }, Init::He { seed: 1 }, Init::Constant(0.5), Init::Constant(-0.5)] {
        let network = relu(init);
        let gradients = network.gradients(&data).unwrap();
        let alive = (1..=3).map(|l| gradients.dw(l).unwrap().iter().filter(|&&v| v != 0.0).count()).sum::<usize>();
        assert_eq!(weights(&figure::signal(&network, &data).unwrap())[0], alive);
    }
    // Forward, the only path is x → unit 2 → unit 1; backward, only unit 3 of layer 2 is reached. One weight has both.
    let mut network = relu(Init::Zeros);
    for (layer, at) in [(1, (2, 0)), (2, (1, 2)), (3, (0, 3))] {
        network.set_weight(layer, at, 0.5).unwrap();
    }
    assert_eq!(weights(&figure::signal(&network, &data).unwrap()), [1, 20 + 5, 4]);
}

#[test]
fn signal_shortens_wide_layers_and_refuses_what_it_cannot_draw() {
    let data = circles_train();
    let wide = Network::new(&[2, 11, 1], Activation::Relu, Init::Zeros).unwrap();
    let figure = figure::signal(&wide, &data).unwrap();
    assert_eq!(texts(&figure).iter().filter(|&&text| text == "⋮").count(), 1);
    assert!(texts(&figure).contains(&"a¹ (11 units)"));
    assert_eq!(weights(&figure), [0, 16, 8]);
    let deep = Network::new(&[vec![2; 13], vec![1]].concat(), Activation::Relu, Init::Zeros).unwrap();
    assert_eq!(message(figure::signal(&deep, &data)), "network: expected at most 12 layers, got 13");
    let narrow = Network::new(&[3, 1], Activation::Relu, Init::Zeros).unwrap();
    assert!(message(figure::signal(&narrow, &data)).contains("expected 3 rows (features), got 2 rows"));
}

#[test]
fn places_are_where_the_picture_has_the_parameters() {
    let network = Network::new(&[2, 3, 2, 1], Activation::Relu, Init::Zeros).unwrap();
    let (figure, places) = figure::signal_with_places(&network, &circles_train()).unwrap();
    let parameters: Vec<Parameter> = places.iter().map(|place| place.parameter).collect();
    assert!(network.parameters().iter().all(|parameter| parameters.contains(parameter)) && parameters.len() == 20);
    for place in places {
        let ((x0, y0), (x1, y1)) = (place.from, place.to);
        let drawn = match place.parameter {
            Parameter::Weight { .. } => format!("{x0},{y0} {x1},{y1}"),
            Parameter::Bias { .. } => format!("{x1},{} ", y1 - 13), // the top of the unit
        };
        assert!(figure.svg().contains(&drawn), "{:?}: {drawn}", place.parameter);
    }
}

#[test]
fn a_path_names_the_zero_factors_of_each_weight() {
    let (data, units) = (circles_train(), [0, 3, 1, 0]);
    let mut network = relu(Init::Zeros);
    let drawn = |network: &Network| figure::path(network, &data, &units).unwrap();
    let figure = drawn(&network);
    assert_figure(&figure, "One path through the network [2, 10, 5, 1]", (720, 604));
    assert_eq!(count(&figure, "circle", "#1E1E1E"), 4);
    for text in ["w² = 0", "x 1.124", "g′¹ 0", "δ 0.5", "dw² gets x · w¹ · g′¹ · g′² · w³ · δ"] {
        assert!(texts(&figure).contains(&text), "{text}");
    }
    assert!(texts(&figure).contains(&"zero are w¹, g′¹, g′² and w³"));
    // A weight of its own is no factor of its gradient, and another weight is.
    for (layer, at) in [(1, (3, 0)), (2, (1, 3))] {
        network.set_weight(layer, at, 0.1).unwrap();
    }
    assert!(drawn(&network).text().contains("dw³ gets x · w¹ · g′¹ · w² · g′² · δ; none is zero."));
    assert!(drawn(&network).text().contains("dw² gets x · w¹ · g′¹ · g′² · w³ · δ; zero is w³."));
}

#[test]
fn what_is_no_path_is_not_drawn() {
    let data = circles_train();
    let drawn = |units: &[usize]| message(figure::path(&relu(Init::Zeros), &data, units));
    assert_eq!(drawn(&[0, 3, 0]), "units: expected 4 units, one for each of the layers [2, 10, 5, 1], got 3");
    assert_eq!(drawn(&[0, 3, 5, 0]), "units: expected for layer 2 one of 0, 1, 2, 3, 4, got 5");
    let wide = Network::new(&[2, 11, 1], Activation::Relu, Init::Zeros).unwrap();
    let expected = "units: expected for layer 1 one of 0, 1, 2, 3, 7, 8, 9, 10, got 5";
    assert_eq!(message(figure::path(&wide, &data, &[0, 5, 0])), expected);
}

#[test]
fn cost_curves_name_every_run_and_keep_a_huge_first_cost_off_the_axis() {
    let costs = || Training::new(0.01, 400).record_cost(Steps::Every(1));
    let zeros = run(relu(Init::Zeros), costs());
    let large =
        run(relu(Init::Normal { scale: 10.0, seed: 3 }), Training::new(0.01, 1500).record_cost(Steps::Every(100)));
    let figure = figure::cost_curves(&[("<zeros>", &zeros), ("large & random", &large)]).unwrap();
    assert_figure(&figure, "Cost while training", (640, 420));
    let first = zero_init::notebook::number(large.costs()[0].1);
    assert!(large.costs()[0].1 > 1000.0);
    assert!(figure.text().contains("<zeros>: 0.6931 at step 0, 0.6931 at step 400"));
    assert!(figure.text().contains(&format!("large & random: {first} at step 0")));
    let texts = texts(&figure);
    for text in ["&lt;zeros&gt;", "0.6931 → 0.6931", "ln 2 = 0.6931", "above the axis", "cost (nats)", "step"] {
        assert!(texts.contains(&text), "{text} in {texts:?}");
    }
    // The curve of the zero start lies on the line at ln 2; the other curve is above it.
    let (curve, level) = (&lines(&figure, BLUE_LINE)[0], lines(&figure, "stroke=\"#1E1E1E\" stroke-width=\"1\""));
    assert!(level.iter().any(|line| line.iter().all(|corner| corner.1 == curve[0].1)));
    assert!(curve.len() > 100 && curve.iter().all(|corner| corner.1 == curve[0].1));
    let large = lines(&figure, "#E69F00").concat();
    assert!(large.len() > 10 && large.iter().all(|corner| corner.1 < curve[0].1));
    let ticks: Vec<f64> = texts.iter().filter_map(|text| text.parse().ok()).collect();
    assert_eq!(ticks.iter().copied().fold(0.0, f64::max), 1500.0); // the last step; costs end far below
}

#[test]
fn cost_curves_refuse_what_they_cannot_draw() {
    assert_eq!(message(figure::cost_curves(&[])), "runs: expected 1 to 6 of them, got 0");
    let empty = History::default();
    let expected = "runs: expected at least 1 recorded cost (Training::record_cost), got none in \"a\"";
    assert_eq!(message(figure::cost_curves(&[("a", &empty)])), expected);
    let history = run(relu(Init::Zeros), Training::new(0.01, 1).record_cost(Steps::Every(1)));
    assert!(figure::cost_curves(&[("a", &history); 7]).is_err());
}

#[test]
fn decision_boundary_draws_every_sample_in_the_shape_of_its_label() {
    let mut network = relu(Init::He { seed: 1 });
    Training::new(0.1, 3000).run(&mut network, &circles_train()).unwrap();
    let data = circles_train().subset(40, 60).unwrap();
    let figure = figure::decision_boundary(&network, &data).unwrap();
    let right = (network.accuracy(&data).unwrap() * 100.0).round();
    let score = format!("{right} of 100 samples are right ({right} %)");
    assert_figure(&figure, &format!("Decision boundary: {score}"), (640, 476));
    assert_eq!(count(&figure, "circle", "#D55E00"), 40 + 1);
    assert_eq!(count(&figure, "polygon", "#00507D"), 60 + 1);
    assert!(count(&figure, "polyline", THICK) > 50); // the line where ŷ = 0.5
    assert!(figure.text().contains(&score));
    assert!(figure.text().contains("60 samples have label 1, 40 label 0"));
    assert!(figure::decision_boundary(&network, &circles_train()).unwrap().svg().len() < 150_000);
}

#[test]
fn decision_boundary_lies_where_the_prediction_changes() {
    // With ŷ = σ(20 x₁), the line is vertical and in the middle, and the side of label 1 is to its right.
    let data = Dataset::new(array![[-1.0, 1.0], [-3.0, 3.0]], array![[0.0, 1.0]]).unwrap();
    let network = Network::from_parameters(vec![array![[20.0, 0.0]]], vec![array![[0.0]]], Activation::Relu).unwrap();
    let figure = figure::decision_boundary(&network, &data).unwrap();
    let line: Vec<(i32, i32)> = lines(&figure, THICK).into_iter().filter(|ends| ends[0].0 < 460).flatten().collect();
    let middle = line[0].0;
    assert!(line.len() > 100 && line.iter().all(|&(x, _)| x == middle), "{line:?}");
    let circle = figure.svg().split("<circle").nth(1).unwrap(); // the sample of label 0
    assert!(between(circle, "cx=\"", "\"").parse::<i32>().unwrap() < middle);
    let sure = figure.svg().split("<rect").find(|rect| rect.contains("fill=\"#80B9D9\"")).unwrap(); // ŷ > 0.9
    assert!(between(sure, "x=\"", "\"").parse::<i32>().unwrap() > middle);
}

#[test]
fn decision_boundary_of_the_zero_network_is_blank() {
    let figure = figure::decision_boundary(&relu(Init::Zeros), &circles_train()).unwrap();
    assert!(figure.text().contains("from 0.5 to 0.5, no line where ŷ = 0.5"));
    assert_eq!(count(&figure, "polyline", THICK), 1); // the one of the legend
}

#[test]
fn decision_boundary_refuses_what_it_cannot_draw() {
    let three = Dataset::new(array![[0.0], [0.0], [0.0]], array![[1.0]]).unwrap();
    let network = Network::new(&[3, 1], Activation::Relu, Init::Zeros).unwrap();
    assert_eq!(message(figure::decision_boundary(&network, &three)), "network: expected 2 features, got 3");
    assert_eq!(message(figure::decision_boundary(&relu(Init::Zeros), &three)), "data: expected 2 features, got 3");
    let far = Dataset::new(array![[1e308, -1e308], [0.0, 0.0]], array![[1.0, 0.0]]).unwrap();
    assert!(message(figure::decision_boundary(&relu(Init::Zeros), &far)).starts_with("data: expected features within"));
    let overflowing = relu(Init::Normal { scale: 1e150, seed: 1 });
    assert!(message(figure::decision_boundary(&overflowing, &circles_train())).starts_with("network: expected"));
    let point = Dataset::new(array![[7.0], [0.0]], array![[1.0]]).unwrap();
    assert_well_formed(figure::decision_boundary(&relu(Init::Zeros), &point).unwrap().svg());
}

#[test]
fn heat_map_writes_the_values_and_leaves_only_exact_zeros_white() {
    let figure = figure::heat_map("A & B", &array![[0.0, -0.25], [1e-9, 1.0]]).unwrap();
    let title = "A &amp; B";
    assert_eq!(between(figure.svg(), "<title>", "</title>"), title);
    assert_well_formed(figure.svg());
    for text in ["0", "-0.25", "1.0e-9", "1", "-1", "column", "row"] {
        assert!(texts(&figure).contains(&text), "{text}");
    }
    assert!(figure.text().contains("A matrix of 2 × 2 with values from -0.25 to 1; 1 of its 4 entries are exactly 0."));
    assert_eq!(count(&figure, "rect", "fill=\"#FFFFFF\""), 1 + 1); // the background and the zero
    let zeros = figure::heat_map("zeros", &Array2::zeros((2, 3))).unwrap();
    assert_eq!(count(&zeros, "rect", "fill=\"#FFFFFF\""), 1 + 6);
    assert!(texts(&zeros).contains(&"every entry is 0"));
}

#[test]
fn heat_map_shortens_large_matrices_and_refuses_empty_ones() {
    let figure = figure::heat_map("large", &Array2::from_shape_fn((17, 300), |(i, j)| (i * 1000 + j) as f64)).unwrap();
    assert_well_formed(figure.svg());
    for text in ["…", "⋮", "299", "16", "6299", "16299"] {
        assert!(texts(&figure).contains(&text), "{text}");
    }
    assert!(!texts(&figure).contains(&"7007"));
    let message_of = |matrix: Array2<f64>| message(figure::heat_map("t", &matrix));
    assert_eq!(message_of(Array2::zeros((0, 3))), "matrix: expected at least 1 row and 1 column, got 0 × 3");
    assert_eq!(message_of(array![[0.0, f64::NAN]]), "matrix: expected finite numbers, got NaN at row 0, column 1");
}

#[test]
fn norm_map_hatches_exact_zeros_and_nothing_else() {
    let norms = || Training::new(0.1, 12).record_norms(Steps::Every(1));
    let hatches = |figure: &Figure| count(figure, "polyline", "#A5A5A5");
    let first_zero = relu(Init::Zeros).with_biases(Init::Constant(0.5)).unwrap();
    let first_zero = run(first_zero, norms());
    assert_eq!(first_zero.norms()[0].1[..2], [0.0, 0.0]);
    let first_zero = figure::norm_map(&first_zero).unwrap();
    assert_figure(&first_zero, "Size of dW, layer by layer, while training", (640, 420));
    assert!(first_zero.text().contains("Layer 2: exactly 0 at 1 of 13 steps, otherwise from"), "{}", first_zero.text());
    let always_zero = figure::norm_map(&run(relu(Init::Zeros), norms())).unwrap();
    assert!(always_zero.text().contains("Layer 3: exactly 0 at 13 of 13 steps."));
    let never_zero = figure::norm_map(&run(relu(Init::He { seed: 1 }), norms())).unwrap();
    assert!(never_zero.text().contains("Layer 1: exactly 0 at 0 of 13 steps"));
    let legend = hatches(&never_zero);
    assert!(legend > 0 && legend < hatches(&first_zero) && hatches(&first_zero) < hatches(&always_zero));
    assert!(texts(&always_zero).contains(&"0 exactly"));
}

#[test]
fn norm_map_draws_long_histories_small_and_refuses_empty_ones() {
    let expected = "history: expected at least 1 step with norms (Training::record_norms), got none";
    assert_eq!(message(figure::norm_map(&History::default())), expected);
    let long = run(relu(Init::He { seed: 1 }), Training::new(0.01, 2000).record_norms(Steps::Every(1)));
    let figure = figure::norm_map(&long).unwrap();
    assert!(figure.svg().len() < 60_000);
    assert!(texts(&figure).contains(&"step (1 in 21 of the recorded ones)"));
    let single = run(relu(Init::He { seed: 1 }), Training::new(0.01, 0).record_norms(Steps::Every(1)));
    assert_well_formed(figure::norm_map(&single).unwrap().svg());
}

#[test]
fn log_log_fits_powers() {
    let power = |p: i32| -> Vec<(f64, f64)> { (1..20).map(|x| (f64::from(x), f64::from(x).powi(p))).collect() };
    for p in [-2, 0, 1, 3] {
        assert!((figure::fitted_slope(&power(p)).unwrap() - f64::from(p)).abs() < 1e-12);
    }
    // The line does not simply join the first and the last point: (0, 0), (1, 1), (2, 0) in log10 have slope 0.
    assert!(figure::fitted_slope(&[(1.0, 1.0), (10.0, 10.0), (100.0, 1.0)]).unwrap().abs() < 1e-12);
    let (square, flat) = (power(-2), power(0));
    let figure = figure::log_log("T", "width n", "cost", &[("square", &square), ("flat", &flat)]).unwrap();
    assert_figure(&figure, "T", (640, 420));
    for text in ["square", "slope −2.00", "flat", "slope 0.00", "width n", "cost"] {
        assert!(texts(&figure).contains(&text), "{text}");
    }
    assert!(figure.text().contains("square: 19 points, slope −2.00. flat: 19 points, slope 0.00."));
    assert_eq!(count(&figure, "circle", "#0072B2"), 19 + 1);
    // The fitted line goes from the first point to the last.
    let circles = figure.svg().split("<circle").skip(1).filter(|circle| circle.contains("#0072B2"));
    let at = |circle, name| between(circle, name, "\"").parse::<i32>().unwrap();
    let places: Vec<(i32, i32)> = circles.map(|circle| (at(circle, "cx=\""), at(circle, "cy=\""))).collect();
    assert_eq!(lines(&figure, BLUE_LINE)[0], [places[0], places[18]]);
}

#[test]
fn log_log_refuses_what_has_no_logarithm_or_no_slope() {
    for (points, expected) in [
        (vec![], "points: expected at least 2 different x, got 0 points with 1 or none"),
        (vec![(2.0, 1.0), (2.0, 3.0)], "points: expected at least 2 different x, got 2 points with 1 or none"),
        (vec![(1.0, 1.0), (0.0, 1.0)], "points: expected finite numbers above 0, got (0.0, 1.0)"),
        (vec![(1.0, f64::NAN)], "points: expected finite numbers above 0, got (1.0, NaN)"),
    ] {
        assert_eq!(figure::fitted_slope(&points).unwrap_err().to_string(), expected);
        let error = message(figure::log_log("t", "x", "y", &[("a", &points)]));
        assert_eq!(error, expected.replacen("points", "series", 1));
    }
    assert_eq!(message(figure::log_log("t", "x", "y", &[])), "series: expected 1 to 6 of them, got 0");
    let far = [(1e-300, 1.0), (1e300, 1.0)];
    let close = [(3.0, 4.0), (3.0000001, 4.0)];
    for points in [far, close] {
        assert_well_formed(figure::log_log("t\u{0}", "x", "y", &[("a", &points)]).unwrap().svg());
    }
}

#[test]
fn lines_go_through_their_points_and_end_in_a_mark() {
    let (up, down) = ([(0.0, 0.0), (1.0, 1.0), (2.0, 4.0)], [(0.0, 4.0), (2.0, 0.0)]);
    let figure = figure::lines("T", "w", "cost", &[("up", &up), ("down", &down)]).unwrap();
    assert_figure(&figure, "T", (640, 420));
    for text in ["up", "ends at 4", "down", "ends at 0", "w", "cost"] {
        assert!(texts(&figure).contains(&text), "{text}");
    }
    assert!(figure.text().ends_with("up: 0 at 0, 4 at 2, between 0 and 4. down: 4 at 0, 0 at 2, between 0 and 4."));
    let drawn = &lines(&figure, BLUE_LINE)[0];
    assert_eq!(drawn.len(), 3);
    // In pixels, y grows downwards. The second of the three points is a quarter of the way up.
    let (bottom, top) = (drawn[0].1, drawn[2].1);
    assert!((2 * drawn[1].0 - drawn[0].0 - drawn[2].0).abs() <= 1);
    assert!((4 * (bottom - drawn[1].1) - (bottom - top)).abs() <= 4);
    assert!(figure.svg().contains(&format!("cx=\"{}\" cy=\"{}\"", drawn[2].0, drawn[2].1)));
}

#[test]
fn lines_refuse_points_that_cannot_be_drawn() {
    for (points, expected) in [
        (vec![(1.0, 2.0)], "series: expected at least 2 points for each line, got 1 in \"a\""),
        (vec![(1.0, 2.0), (f64::NAN, 2.0)], "series: expected numbers within ±1e100, got (NaN, 2.0) in \"a\""),
        (vec![(1.0, 2.0), (1.0, -1e101)], "series: expected numbers within ±1e100, got (1.0, -1e101) in \"a\""),
    ] {
        let error = message(figure::lines("t", "x", "y", &[("a", &points)]));
        assert_eq!(error, expected);
    }
    assert_eq!(message(figure::lines("t", "x", "y", &[])), "series: expected 1 to 6 of them, got 0");
    let (flat, far, near) = ([(0.0, 0.0); 2], [(-1e100, 1e100), (1e100, -1e100)], [(0.0, 0.0), (1.0, 1e-323)]);
    for points in [flat, far, near] {
        assert_well_formed(figure::lines("t", "x", "y", &[("flat", &points)]).unwrap().svg());
    }
}

#[test]
fn spread_draws_every_value_and_the_medians() {
    let groups = [(0.1, vec![3.0, 1.0, 2.0]), (1.0, vec![5.0]), (10.0, vec![4.0, 8.0])];
    let figure = figure::spread("T", "scale", "accuracy (%)", &groups).unwrap();
    assert_figure(&figure, "T", (640, 420));
    assert!(figure.text().ends_with("at 0.1: 2 (1 to 3); at 1: 5 (5 to 5); at 10: 6 (4 to 8)."), "{}", figure.text());
    assert_eq!(count(&figure, "circle", "#0072B2"), 6 + 1);
    for text in ["one run", "median", "scale", "accuracy (%)"] {
        assert!(texts(&figure).contains(&text), "{text}");
    }
    // The three medians are 2, 5 and 6, at equal distances.
    let median = lines(&figure, "#1E1E1E\" stroke-width=\"2\"").into_iter().find(|line| line.len() == 3).unwrap();
    assert!((2 * median[1].0 - median[0].0 - median[2].0).abs() <= 1);
    assert!((4 * (median[0].1 - median[1].1) - 3 * (median[0].1 - median[2].1)).abs() <= 4, "{median:?}");
}

#[test]
fn spread_refuses_empty_groups_and_places_without_a_logarithm() {
    for (groups, expected) in [
        (vec![], "groups: expected at least 1, got 0"),
        (vec![(1.0, vec![])], "groups: expected at least 1 value in each group, got 0 at 1"),
        (vec![(0.0, vec![1.0])], "groups: expected finite places above 0, got 0"),
        (vec![(1.0, vec![f64::INFINITY])], "groups: expected values within ±1e100, got inf at 1"),
    ] {
        assert_eq!(message(figure::spread("t", "x", "y", &groups)), expected);
    }
    assert_well_formed(figure::spread("t", "x", "y", &[(1e-300, vec![0.0])]).unwrap().svg());
}

fn recorded_run(init: Init) -> History {
    let every = || Steps::Every(500);
    run(relu(init), Training::new(0.1, 2000).record_cost(every()).record_norms(every()).record_snapshots(every()))
}

/// The start tag and the content of each frame.
fn frames(film: &Film) -> Vec<(&str, &str)> {
    let frames = film.still().svg().split("<g display=").filter(|group| between(group, "", ">").contains("data-step"));
    frames.map(|frame| frame.split_once('>').unwrap()).collect()
}

fn attribute<'a>(tag: &'a str, name: &str) -> &'a str {
    between(tag, &format!("{name}=\""), "\"")
}

/// The place in pixels of a point that is given in the coordinates of a group, which is moved and scaled.
fn in_pixels(group: &str, across: f64, down: f64) -> (f64, f64) {
    let numbers = |name: &str| -> Vec<f64> {
        between(group, name, ")").split(' ').map(|number| number.parse().unwrap()).collect()
    };
    let (corner, scale) = (numbers("translate("), numbers("scale("));
    (corner[0] + across * scale[0], corner[1] + down * scale[1])
}

#[test]
fn a_film_has_a_frame_for_each_network_and_shows_the_last() {
    let data = circles_train();
    let history = recorded_run(Init::He { seed: 3 });
    let film = figure::boundary_film(&history, &data).unwrap();
    assert_eq!(film.frames(), 5);
    assert_well_formed(film.still().svg());
    let frames = frames(&film);
    let steps: Vec<&str> = frames.iter().map(|(tag, _)| attribute(tag, "data-step")).collect();
    assert_eq!(steps, ["0", "500", "1000", "1500", "2000"]);
    let visible: Vec<bool> = frames.iter().map(|(tag, _)| tag.starts_with("\"inline\"")).collect();
    assert_eq!(visible, [false, false, false, false, true]);
    for ((tag, _), (step, network)) in frames.iter().zip(history.snapshots()) {
        let (cost, right) = (network.cost(&data).unwrap(), 300.0 * network.accuracy(&data).unwrap());
        let expected = format!(
            "Step {step}: cost {} nats, {right:.0} of 300 samples are right",
            zero_init::notebook::number(cost)
        );
        assert!(attribute(tag, "data-text").starts_with(&expected), "{tag}");
    }
}

/// The line in the film is the line in the figure, and its shades cover the cells that they should according to ŷ.
#[test]
fn the_frames_of_a_film_are_the_figure_of_the_boundary() {
    let data = circles_train();
    let history = recorded_run(Init::He { seed: 3 });
    let film = figure::boundary_film(&history, &data).unwrap();
    let (mut all_pieces, mut all_shaded) = (0, 0);
    for ((_, frame), (_, network)) in frames(&film).into_iter().zip(history.snapshots()) {
        let figure = figure::decision_boundary(network, &data).unwrap();
        let expected: Vec<(i32, i32)> =
            lines(&figure, THICK).into_iter().filter(|line| line.len() == 2).flatten().collect();
        let line = between(frame.split("scale(.1)").nth(1).unwrap(), " d=\"", "\"");
        let pieces: Vec<&str> = line.split('M').skip(1).collect();
        all_pieces += pieces.len();
        assert_eq!(2 * (pieces.len() + 1), expected.len()); // one more in the legend
        for piece in pieces {
            let tenths: Vec<f64> = piece.split(['l', ' ']).map(|tenths| tenths.parse().unwrap()).collect();
            let to = [tenths[0] + tenths[2], tenths[1] + tenths[3]];
            for end in [[tenths[0], tenths[1]], to] {
                let (x, y) = in_pixels(frame, end[0] / 10.0, end[1] / 10.0);
                let near = |&(u, v): &(i32, i32)| (x - f64::from(u)).abs() < 2.0 && (y - f64::from(v)).abs() < 2.0;
                assert!(expected.iter().any(near), "{x}, {y}");
            }
        }
        let [(left, right), (bottom, top)] = [0, 1].map(|feature| padded(&data, feature));
        let x = Array2::from_shape_fn((2, 64 * 64), |(feature, cell)| match feature {
            0 => left + (right - left) * ((cell % 64) as f64 + 0.5) / 64.0,
            _ => top - (top - bottom) * ((cell / 64) as f64 + 0.5) / 64.0,
        });
        let y_hat = network.probabilities(&x).unwrap();
        let mut shaded = 0;
        for path in frame.split("crispEdges").skip(1) {
            for run in between(path, " d=\"", "\"").split('M').skip(1) {
                let numbers: Vec<usize> = run.split([' ', 'h']).map(|number| number.parse().unwrap()).collect();
                let cells = &y_hat.as_slice().unwrap()[64 * numbers[1] + numbers[0]..][..numbers[2]];
                assert!(cells.iter().all(|y_hat| !(0.4 + 1e-9..0.6 - 1e-9).contains(y_hat)), "{run}");
                shaded += cells.len();
            }
        }
        let decided = y_hat.iter().filter(|&&y_hat| !(0.4..=0.6).contains(&y_hat)).count();
        assert!(shaded.abs_diff(decided) <= 2, "{shaded}, {decided}"); // ŷ of a cell may be just at 0.4 or 0.6
        all_shaded += shaded;
    }
    assert!(all_pieces > 100 && all_shaded > 1000, "{all_pieces} pieces of line, {all_shaded} shaded cells");
}

/// The lowest and the highest value of a feature, with 8 % of the distance added at both ends.
fn padded(data: &Dataset, feature: usize) -> (f64, f64) {
    let row = data.x().row(feature).to_vec();
    let (low, high) = row.iter().fold((f64::MAX, f64::MIN), |(low, high), &v| (low.min(v), high.max(v)));
    (low - 0.08 * (high - low), high + 0.08 * (high - low))
}

#[test]
fn starts_are_compared_on_the_same_axes() {
    let runs = [
        recorded_run(Init::Zeros),
        recorded_run(Init::He { seed: 3 }),
        recorded_run(Init::Normal { scale: 10.0, seed: 3 }),
    ];
    let named = [("zero", &runs[0]), ("He & <\"co\">", &runs[1]), ("large", &runs[2])];
    let film = figure::compare_starts(&named, &circles_train()).unwrap();
    assert_well_formed(film.still().svg());
    assert_eq!((film.frames(), frames(&film).len()), (15, 15));
    // The visible frame is the last one of the run that ends with the lowest cost.
    let seen: Vec<&str> =
        frames(&film).into_iter().map(|(tag, _)| tag).filter(|tag| tag.starts_with("\"inline")).collect();
    assert_eq!(seen.len(), 1);
    assert_eq!(attribute(seen[0], "data-step"), "2000");
    assert_eq!(attribute(seen[0], "data-start"), "He &amp; &lt;&quot;co&quot;&gt;");
    // For the zero start, the cost is a horizontal line, and all three gradients lie on one line below the axis, at the
    // height of the "0".
    let zero = film
        .still()
        .svg()
        .split("<g display=")
        .find(|group| group.starts_with("\"none\" data-start=\"zero\">"))
        .unwrap();
    let heights = |line: &str| -> Vec<i32> {
        let points = attribute(line, "points").split(' ');
        points.map(|point| point.split_once(',').unwrap().1.parse().unwrap()).collect()
    };
    let lines: Vec<Vec<i32>> = zero.split("<polyline").skip(1).map(heights).collect();
    assert_eq!(lines.len(), 1 + 3);
    assert!(lines[0].iter().all(|height| *height == lines[0][0]));
    assert!(lines[1..].concat().iter().all(|height| *height == lines[1][0]) && lines[1][0] > lines[0][0]);
    // No other start has such a low gradient, a cost above the axis stays in its panel, and the marks are at their
    // steps.
    for (name, display) in [("He &amp; &lt;&quot;co&quot;&gt;", "inline"), ("large", "none")] {
        let start = format!("\"{display}\" data-start=\"{name}\">");
        let curves = film.still().svg().split("<g display=").find(|group| group.starts_with(&start)).unwrap();
        let curves = curves.split("</g>").next().unwrap();
        let norms: Vec<i32> = curves.split("<polyline").skip(2).flat_map(heights).collect();
        assert_eq!(norms.len(), 3 * 5, "{name}");
        assert!(norms.iter().all(|height| *height < lines[1][0]), "{name}");
        let cost = curves.split("<polyline").nth(1).unwrap();
        let across = |point: &str| point.split_once(',').unwrap().0.parse::<f64>().unwrap();
        let (first, last) = attribute(cost, "points").split_once(' ').unwrap();
        let ends = (across(first), across(last.rsplit_once(' ').unwrap().1));
        let of_start = frames(&film).into_iter().filter(|(tag, _)| attribute(tag, "data-start") == name);
        assert_eq!(of_start.clone().count(), 5, "{name}");
        for (tag, frame) in of_start {
            let step: f64 = attribute(tag, "data-step").parse().unwrap();
            let mark = between(frame.split("stroke-dasharray=\"3 3\"").nth(1).unwrap(), "d=\"M", "\"");
            let (x, rest) = mark.split_once(' ').unwrap();
            let expected = ends.0 + step / 2000.0 * (ends.1 - ends.0);
            assert!((x.parse::<f64>().unwrap() - expected).abs() <= 1.0, "{tag}: {x}, not {expected}");
            let top: i32 = rest.split_once('V').unwrap().0.parse().unwrap();
            assert!(heights(cost).into_iter().all(|height| height >= top), "{name}");
        }
    }
    let label = film.still().svg().split("<text").find(|text| {
        text.contains("\n0\n") && text.contains("\"end\"") && {
            (attribute(text, " y").parse::<i32>().unwrap() - lines[1][0]).abs() <= 1
        }
    });
    assert!(label.is_some());
    let of_zero: Vec<_> = frames(&film).into_iter().filter(|(tag, _)| attribute(tag, "data-start") == "zero").collect();
    assert_eq!(of_zero.len(), 5);
    for (tag, _) in of_zero {
        assert!(attribute(tag, "data-text").ends_with("‖dW‖ of layers 1 to 3: 0, 0, 0."), "{tag}");
    }
}

#[test]
fn a_film_is_an_image_with_its_words_and_a_script() {
    let film = figure::boundary_film(&recorded_run(Init::Zeros), &circles_train()).unwrap();
    let (mime, html) = film.rich().unwrap();
    assert_eq!(mime, "text/html");
    assert!(html.starts_with("<img class=\"zero-init-film\" ") && html.trim_end().ends_with("</script>"));
    assert!(
        between(&html, "alt=\"", "\"").contains("Step 2000: cost 0.6931 nats, 150 of 300 samples are right (50 %).")
    );
    assert!(!html.contains("http://") && !html.contains("https://"));
    assert_eq!(film.plain(), format!("Figure: {}", film.still().text()));
    assert_eq!(format!("{film:?}"), film.plain());
}

#[test]
fn a_film_that_cannot_be_drawn_says_what_is_missing() {
    let data = circles_train();
    let refused = |result: Result<Film>| result.unwrap_err().to_string();
    let training = || Training::new(0.1, 200);
    let nothing = run(relu(Init::Zeros), training());
    let expected = "history: expected at least 1 recorded network (Training::record_snapshots), got none";
    assert_eq!(refused(figure::boundary_film(&nothing, &data)), expected);
    let many = run(relu(Init::Zeros), training().record_snapshots(Steps::Every(1)));
    let expected = "history: expected 1 to 120 networks in all (Training::record_snapshots), got 201";
    assert_eq!(refused(figure::boundary_film(&many, &data)), expected);

    let compare = |history: &History| refused(figure::compare_starts(&[("a", history)], &data));
    let every = || Steps::Every(100);
    assert_eq!(refused(figure::compare_starts(&[], &data)), "runs: expected 1 to 6 of them, got 0");
    assert!(compare(&nothing).contains("at least 1 recorded cost (Training::record_cost), got none in \"a\""));
    let costs = run(relu(Init::Zeros), training().record_cost(every()));
    assert!(compare(&costs).contains("at least 1 recorded ‖dW‖ (Training::record_norms), got none in \"a\""));
    let norms = run(relu(Init::Zeros), training().record_cost(every()).record_norms(every()));
    assert!(compare(&norms).contains("at least 1 recorded network (Training::record_snapshots), got none in \"a\""));
    let other = Network::new(&[2, 1], Activation::Relu, Init::Zeros).unwrap();
    let other = run(other, training().record_cost(every()).record_norms(every()).record_snapshots(every()));
    let named = [("a", &recorded_run(Init::Zeros)), ("b", &other)];
    assert_eq!(
        refused(figure::compare_starts(&named, &data)),
        "runs: expected networks of 3 layers, as the first, got 1"
    );
    let twice = recorded_run(Init::Zeros);
    let expected = "runs: expected a different name for each run, got \"a\" twice";
    assert_eq!(refused(figure::compare_starts(&[("a", &twice), ("a", &twice)], &data)), expected);
    let wide = Dataset::new(Array2::zeros((3, 2)), array![[0.0, 1.0]]).unwrap();
    assert_eq!(
        refused(figure::compare_starts(&[("a", &recorded_run(Init::Zeros))], &wide)),
        "data: expected 2 features, got 3"
    );
}
