//! Tests of the optimizers and of mini-batches, against loops that are written out.

// The functions of f64 differ between platforms in their last bit, which does not matter here.
#![allow(clippy::disallowed_methods)]

use zero_init::Result;
use zero_init::prelude::*;

const ADAM: Optimizer = Optimizer::Adam { beta_1: 0.9, beta_2: 0.99, epsilon: 1e-3 };

fn start() -> Network {
    Network::new(&[2, 4, 3, 1], Activation::Tanh, Init::He { seed: 2 })
        .unwrap()
        .with_biases(Init::Constant(0.1))
        .unwrap()
}

/// All parameters as one list: the weights, then the biases.
fn parameters(network: &Network) -> Vec<f64> {
    let weights = network.each_layer().flat_map(|(_, w, _)| w.iter().copied());
    weights.chain(network.each_layer().flat_map(|(_, _, b)| b.iter().copied())).collect()
}

fn gradient(network: &Network, data: &Dataset) -> Vec<f64> {
    let gradients = network.gradients(data).unwrap();
    let dw = gradients.each_layer().flat_map(|(_, _, dw, _)| dw.iter().copied());
    dw.chain(gradients.each_layer().flat_map(|(_, _, _, db)| db.iter().copied())).collect()
}

/// The network with other parameters.
fn with(network: &Network, values: &[f64]) -> Network {
    let mut values = values.iter().copied();
    let mut like = |matrix: &Array2<f64>| Array2::from_shape_simple_fn(matrix.dim(), || values.next().unwrap());
    let weights = network.each_layer().map(|(_, w, _)| like(w)).collect();
    let biases = network.each_layer().map(|(_, _, b)| like(b)).collect();
    Network::from_parameters(weights, biases, network.activation()).unwrap()
}

fn trained(training: Training, data: &Dataset) -> Vec<f64> {
    let mut network = start();
    training.run(&mut network, data).unwrap();
    parameters(&network)
}

fn assert_near(ours: &[f64], theirs: &[f64]) {
    let apart = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(ours.len() == theirs.len() && apart < 1e-12, "{apart:e}");
}

#[test]
fn momentum_and_weight_decay_are_as_written_out() {
    let (data, rate, beta, lambda) = (circles_train(), 0.1, 0.8, 0.05);
    let mut values = parameters(&start());
    let weights = values.len() - (4 + 3 + 1);
    let mut velocity = vec![0.0; values.len()];
    for _ in 0..20 {
        let gradient = gradient(&with(&start(), &values), &data);
        for i in 0..values.len() {
            velocity[i] = beta * velocity[i] + gradient[i];
            let decay = if i < weights { lambda * values[i] } else { 0.0 };
            values[i] -= rate * (velocity[i] + decay);
        }
    }
    let training = Training::new(rate, 20).optimizer(Optimizer::Momentum { beta }).weight_decay(lambda);
    assert_near(&trained(training, &data), &values);
}

#[test]
fn adam_is_as_written_out() {
    let (data, rate) = (circles_train(), 0.05);
    let mut values = parameters(&start());
    let (mut first, mut second) = (vec![0.0; values.len()], vec![0.0; values.len()]);
    for step in 1..=20 {
        let gradient = gradient(&with(&start(), &values), &data);
        for i in 0..values.len() {
            first[i] = 0.9 * first[i] + 0.1 * gradient[i];
            second[i] = 0.99 * second[i] + 0.01 * gradient[i] * gradient[i];
            let unbiased = (first[i] / (1.0 - 0.9f64.powi(step)), second[i] / (1.0 - 0.99f64.powi(step)));
            values[i] -= rate * unbiased.0 / (unbiased.1.sqrt() + 1e-3);
        }
    }
    assert_near(&trained(Training::new(rate, 20).optimizer(ADAM), &data), &values);
}

/// The samples of a step show in its gradient: the data are far apart, and the network has one weight for each.
#[test]
fn each_sample_has_its_turn_before_any_comes_again() {
    let samples = 10;
    let data = Dataset::new(Array2::eye(samples), Array2::ones((1, samples))).unwrap();
    let start = Network::new(&[samples, 1], Activation::Identity, Init::Zeros).unwrap();
    let mut orders = vec![];
    for seed in 1..=2 {
        let training = Training::new(0.1, 10).batches(4, seed).record_snapshots(Steps::Every(1));
        let history = training.run(&mut start.clone(), &data).unwrap();
        let moved = |pair: &[(usize, Network)]| -> Vec<usize> {
            let (before, after) = (pair[0].1.weights(1).unwrap(), pair[1].1.weights(1).unwrap());
            (0..samples).filter(|&sample| before[[0, sample]] != after[[0, sample]]).collect()
        };
        let steps: Vec<Vec<usize>> = history.snapshots().windows(2).map(moved).collect();
        let mut turns: Vec<usize> = steps.concat();
        assert!(steps[0].len() == 4 && steps[1].len() == 4);
        assert!(turns.len() >= 36, "a sample is twice in a batch only where two rounds meet");
        let first_two: Vec<usize> = turns.drain(..8).collect();
        assert!((0..samples).filter(|sample| first_two.contains(sample)).count() == 8);
        for sample in 0..samples {
            let count = steps.iter().filter(|step| step.contains(&sample)).count();
            assert!((3..=4).contains(&count), "{count} turns in four rounds");
        }
        orders.push(steps);
    }
    assert_ne!(orders[0], orders[1]);
}

#[test]
fn a_batch_of_all_samples_is_the_full_batch_but_for_the_order_of_the_sums() {
    let data = circles_train();
    assert_near(&trained(Training::new(0.1, 30).batches(300, 1), &data), &trained(Training::new(0.1, 30), &data));
}

#[test]
fn a_batch_may_have_several_blocks() {
    let data = circles(Sampling { zeros: 700, ones: 800, noise: 0.1, seed: 1 }).unwrap();
    assert_near(&trained(Training::new(0.1, 5).batches(1500, 3), &data), &trained(Training::new(0.1, 5), &data));
}

#[test]
fn the_cost_of_a_step_is_that_of_its_batch() {
    let data = Dataset::new(array![[1.0, -3.0]], array![[0.0, 0.0]]).unwrap();
    let network = Network::new(&[1, 1], Activation::Identity, Init::Constant(1.0)).unwrap();
    let history =
        Training::new(1e-14, 3).batches(1, 1).record_cost(Steps::Every(1)).run(&mut network.clone(), &data).unwrap();
    let mut costs: Vec<f64> = history.costs()[..2].iter().map(|(_, cost)| *cost).collect();
    costs.sort_by(f64::total_cmp);
    let losses = [-3.0, 1.0].map(|z| cross_entropy_at_z(z, 0.0).unwrap());
    assert_near(&costs, &losses);
    assert!(costs[1] - costs[0] > 1.0);
}

#[test]
fn what_makes_no_sense_is_named_and_changes_nothing() {
    let data = circles_train();
    let message = |training: Training| {
        let mut network = start();
        let run: Result<History> = training.run(&mut network, &data);
        assert_eq!(network, start());
        run.unwrap_err().to_string()
    };
    let usual = || Training::new(0.1, 3);
    let adam = |beta_1, beta_2, epsilon| Optimizer::Adam { beta_1, beta_2, epsilon };
    let range = "expected a number from 0 up to but not including 1, got";
    for (training, expected) in [
        (usual().batches(0, 1), "size: expected a batch of 1 to 300 samples, got 0".to_string()),
        (usual().batches(301, 1), "size: expected a batch of 1 to 300 samples, got 301".to_string()),
        (usual().optimizer(Optimizer::Momentum { beta: 1.0 }), format!("beta: {range} 1")),
        (usual().optimizer(Optimizer::Momentum { beta: f64::NAN }), format!("beta: {range} NaN")),
        (usual().optimizer(adam(-0.1, 0.9, 1e-8)), format!("beta_1: {range} -0.1")),
        (usual().optimizer(adam(0.9, 1.5, 1e-8)), format!("beta_2: {range} 1.5")),
        (usual().optimizer(adam(0.9, 0.9, 0.0)), "epsilon: expected a finite number above 0, got 0".to_string()),
        (usual().weight_decay(-1.0), "lambda: expected a finite number of at least 0, got -1".to_string()),
        (usual().weight_decay(f64::INFINITY), "lambda: expected a finite number of at least 0, got inf".to_string()),
    ] {
        assert_eq!(message(training), expected);
    }
    assert!(message(Training::new(0.1, 1000).weight_decay(1e10)).contains("after step"));
}

/// A gradient of exactly zero is a step of exactly zero.
#[test]
fn no_optimizer_moves_what_has_no_gradient() {
    let data = circles_train();
    for hidden in [Activation::Relu, Activation::Tanh] {
        let zeros = Network::new(&[2, 10, 5, 1], hidden, Init::Zeros).unwrap();
        for optimizer in [Optimizer::GradientDescent, Optimizer::Momentum { beta: 0.9 }, ADAM] {
            let mut network = zeros.clone();
            Training::new(0.1, 50).optimizer(optimizer).weight_decay(0.1).run(&mut network, &data).unwrap();
            assert_eq!(network, zeros);
        }
    }
}
