//! Compares the numbers of this crate with figures from other programs; `reference/README.md` says which.

use ndarray::Array2;
use serde_json::Value;
use zero_init::prelude::*;

fn matrix(value: &Value) -> Array2<f64> {
    let rows = value.as_array().unwrap();
    let columns = rows[0].as_array().unwrap().len();
    let numbers = rows.iter().flat_map(|row| row.as_array().unwrap()).map(|v| v.as_f64().unwrap());
    Array2::from_shape_vec((rows.len(), columns), numbers.collect()).unwrap()
}

fn matrices(value: &Value) -> Vec<Array2<f64>> {
    value.as_array().unwrap().iter().map(matrix).collect()
}

fn activation(name: &str) -> Activation {
    match name {
        "identity" => Activation::Identity,
        "relu" => Activation::Relu,
        "leaky_relu_0.01" => Activation::LeakyRelu { slope: 0.01 },
        "tanh" => Activation::Tanh,
        "sigmoid" => Activation::Sigmoid,
        "softplus" => Activation::Softplus,
        "silu" => Activation::Silu,
        "gelu_erf" => Activation::Gelu,
        other => panic!("no activation {other}"),
    }
}

/// Asserts that the relative difference is at most 1e-12, and that our numbers are zero where the others are zero.
/// Where a sum nearly cancels, rounding alone makes a larger difference, so 1e-15 of the size of its terms is allowed
/// there.
fn assert_close(what: &str, ours: &Array2<f64>, theirs: &Array2<f64>, terms: f64) {
    assert_eq!(ours.dim(), theirs.dim(), "{what}");
    for (ours, theirs) in ours.iter().zip(theirs) {
        let error = (ours - theirs).abs();
        let close = if *theirs == 0.0 { *ours == 0.0 } else { error <= (1e-12 * theirs.abs()).max(1e-15 * terms) };
        assert!(close, "{what}: {ours} and {theirs}, relative error {}", error / theirs.abs());
    }
}

fn largest(matrix: &Array2<f64>) -> f64 {
    matrix.iter().fold(0.0, |largest, v| largest.max(v.abs()))
}

#[test]
fn fifteen_networks_give_the_reference_gradients() {
    let cases: Value = serde_json::from_str(include_str!("reference/gradients.json")).unwrap();
    let cases = cases.as_array().unwrap();
    assert_eq!(cases.len(), 15);
    for (number, case) in cases.iter().enumerate() {
        let hidden = activation(case["hidden_activation"].as_str().unwrap());
        let biases = case["biases"].as_array().unwrap().iter();
        let column = |b: &Value| {
            let numbers: Vec<f64> = b.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
            Array2::from_shape_vec((numbers.len(), 1), numbers).unwrap()
        };
        let network =
            Network::from_parameters(matrices(&case["weights"]), biases.map(column).collect(), hidden).unwrap();
        let data = Dataset::new(matrix(&case["x"]), matrix(&case["y"])).unwrap();
        let trace = network.forward(data.x()).unwrap();
        let gradients = network.backward(&trace, data.y()).unwrap();
        let cost = Array2::from_elem((1, 1), network.cost(&data).unwrap());
        let loss = Array2::from_elem((1, 1), case["loss"].as_f64().unwrap());
        assert_close(&format!("case {number}: loss"), &cost, &loss, 0.0);
        for layer in 1..=network.layers() {
            let name = |what: &str| format!("case {number}, {hidden:?}, layer {layer}: {what}");
            let (a, delta) = (trace.a(layer - 1).unwrap(), gradients.delta(layer).unwrap());
            let terms_of_delta = match network.weights(layer + 1) {
                Ok(w) => largest(w) * largest(gradients.delta(layer + 1).unwrap()),
                Err(_) => 0.0,
            };
            let delta_reference = matrix(&case["delta_per_sample"][layer - 1]);
            assert_close(&name("z"), trace.z(layer).unwrap(), &matrix(&case["z"][layer - 1]), 0.0);
            assert_close(&name("a"), trace.a(layer).unwrap(), &matrix(&case["a"][layer - 1]), 0.0);
            assert_close(&name("delta"), delta, &delta_reference, terms_of_delta);
            let (dw, db) = (gradients.dw(layer).unwrap(), gradients.db(layer).unwrap());
            assert_close(&name("dW"), dw, &matrix(&case["dW"][layer - 1]), largest(delta) * largest(a));
            assert_close(&name("db"), db, &column(&case["db"][layer - 1]), largest(delta));
        }
    }
}

fn course(start: &str) -> (Network, Vec<f64>, f64, f64) {
    let course: Value = serde_json::from_str(include_str!("reference/course.json")).unwrap();
    let run = &course["runs"][start];
    let weights = matrices(&run["initial_weights"]);
    let biases = weights.iter().map(|w| Array2::zeros((w.nrows(), 1))).collect();
    let costs = run["cost_every_1000_iterations"].as_array().unwrap();
    let costs = costs.iter().map(|cost| cost.as_f64().unwrap_or(f64::INFINITY)).collect();
    let accuracy = |set: &str| run[set].as_f64().unwrap();
    let network = Network::from_parameters(weights, biases, Activation::Relu).unwrap();
    (network, costs, accuracy("train_accuracy"), accuracy("test_accuracy"))
}

fn train(network: &mut Network) -> Vec<f64> {
    let training = Training::new(0.01, 15_000).record_cost(Steps::Every(1000));
    training.run(network, &circles_train()).unwrap().costs().iter().map(|&(_, cost)| cost).collect()
}

#[test]
fn the_he_start_follows_the_reference_costs() {
    let (mut network, expected, on_train, on_test) = course("he");
    let costs = train(&mut network);
    assert_eq!(costs.len(), expected.len() + 1);
    for (step, (cost, expected)) in costs.iter().zip(&expected).enumerate() {
        let error = (cost - expected).abs() / expected;
        assert!(error < 1e-10, "step {}: {cost}, expected {expected}, relative error {error}", 1000 * step);
    }
    assert_eq!(network.accuracy(&circles_train()).unwrap(), on_train);
    assert_eq!(network.accuracy(&circles_test()).unwrap(), on_test);
}

#[test]
fn the_zero_start_stays_at_zero_and_at_ln_2_to_the_last_bit() {
    let (mut network, _, on_train, on_test) = course("zeros");
    let costs = train(&mut network);
    assert!(costs.iter().all(|&cost| cost == std::f64::consts::LN_2), "{costs:?}");
    for layer in 1..=3 {
        assert!(all_zero(network.weights(layer).unwrap()));
        assert!(all_zero(network.biases(layer).unwrap()));
    }
    assert_eq!(network.accuracy(&circles_train()).unwrap(), on_train);
    assert_eq!(network.accuracy(&circles_test()).unwrap(), on_test);
}

#[test]
fn the_large_random_start_reaches_the_reference_accuracy() {
    let (mut network, expected, on_train, on_test) = course("large_random");
    let costs = train(&mut network);
    assert!(expected[0].is_infinite() && costs[0].is_finite());
    assert_eq!(network.accuracy(&circles_train()).unwrap(), on_train);
    assert_eq!(network.accuracy(&circles_test()).unwrap(), on_test);
}

/// The course's normal numbers, multiplied by a factor, are its starts to the last bit.
#[test]
fn the_normal_numbers_give_the_starts_of_the_course() {
    let he = |inputs: usize| (2.0 / inputs as f64).sqrt();
    for (start, factor) in [("he", &he as &dyn Fn(usize) -> f64), ("large_random", &|_| 10.0), ("zeros", &|_| 0.0)] {
        let (network, ..) = course(start);
        for (layer, normals) in (1..).zip(course_normals()) {
            assert_eq!(normals.mapv(|v| v * factor(normals.ncols())), network.weights(layer).unwrap(), "{start}");
        }
    }
}
