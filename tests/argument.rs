//! Tests of what the notebooks say in their text, which includes the hints to edit and re-run a cell, and of training
//! from zero.

// The functions of f64 differ between platforms in their last bit, which does not matter here.
#![allow(clippy::disallowed_methods)]

use zero_init::prelude::*;

fn zeros(hidden: Activation) -> Network {
    Network::new(&[2, 10, 5, 1], hidden, Init::Zeros).unwrap()
}

fn verdicts(network: &Network, data: &Dataset) -> Vec<Verdict> {
    network.inspect(data).unwrap().layers().iter().map(|layer| layer.dw_verdict).collect()
}

fn alive(network: &Network, data: &Dataset) -> Vec<bool> {
    verdicts(network, data).into_iter().map(|verdict| verdict == Verdict::Alive).collect()
}

#[test]
fn one_other_label_moves_the_output_bias_and_no_weight() {
    let mut data = circles_train();
    data.set_label(0, 0.0).unwrap();
    assert_eq!(data.ones(), 149);
    assert_eq!(alive(&zeros(Activation::Relu), &data), [false; 3]);
    assert_eq!(zeros(Activation::Relu).inspect(&data).unwrap().layer(3).unwrap().db_verdict, Verdict::Alive);
}

#[test]
fn one_weight_frees_no_layer_and_two_free_the_output_layer() {
    let (mut network, data) = (zeros(Activation::Relu), circles_train());
    network.set_weight(1, (0, 0), 0.1).unwrap();
    assert_eq!(verdicts(&network, &data)[1], Verdict::DeltaZero(NoDelta::BothZero));
    assert_eq!(alive(&network, &data), [false; 3]);
    network.set_weight(2, (0, 0), 0.1).unwrap();
    assert_eq!(alive(&network, &data), [false, false, true]);
    network.set_weight(3, (0, 0), 0.1).unwrap();
    assert_eq!(alive(&network, &data), [true; 3]);
}

/// The picture in the README is the one that the code draws today.
#[test]
fn the_picture_in_the_readme_is_current() {
    let figure = figure::signal(&zeros(Activation::Relu), &circles_train()).unwrap();
    let hint = "to draw it again: make figures";
    assert!(include_str!("../notebooks/figures/signal.svg") == figure.svg(), "{hint}");
}

#[test]
fn tanh_is_stuck_with_one_reason_less_and_sigmoid_cancels() {
    let data = circles_train();
    let expected = [
        Verdict::DeltaZero(NoDelta::NothingFlowsBack),
        Verdict::InputAndDeltaZero(NoDelta::NothingFlowsBack),
        Verdict::InputZero,
    ];
    assert_eq!(verdicts(&zeros(Activation::Tanh), &data), expected);
    assert_eq!(verdicts(&zeros(Activation::Sigmoid), &data)[2], Verdict::Cancelled);
    let mut unbalanced = data.clone();
    unbalanced.set_label(0, 0.0).unwrap();
    assert_eq!(alive(&zeros(Activation::Sigmoid), &unbalanced), [false, false, true]);
}

/// The batch is unbalanced. The slope at 0 plays no part.
#[test]
fn weights_are_stuck_if_and_only_if_g_of_0_is_0() {
    let data = circles_train().subset(50, 100).unwrap();
    let with_other_slopes = [0.0, 0.5, 1.0].map(Activation::ReluWithSlopeAtZero);
    for hidden in Activation::ALL.into_iter().chain(with_other_slopes) {
        let mut network = zeros(hidden);
        Training::new(0.1, 50).run(&mut network, &data).unwrap();
        let stuck = (1..=3).all(|layer| all_zero(network.weights(layer).unwrap()));
        assert_eq!(stuck, hidden.value(0.0) == 0.0, "{hidden:?}");
    }
}

/// The first network has equal losses and weights that move; the second one has unequal losses and stuck weights.
#[test]
fn equal_losses_are_neither_sufficient_nor_necessary_for_stuck_weights() {
    let data = circles_train();
    let logistic = Network::new(&[2, 1], Activation::Identity, Init::Zeros).unwrap();
    assert_eq!(alive(&logistic, &data), [true]);
    let mut unequal = zeros(Activation::Relu);
    unequal.set_bias(3, 0, logit(0.8).unwrap()).unwrap();
    let y_hat = unequal.probabilities(data.x()).unwrap()[[0, 0]];
    assert!((cross_entropy(y_hat, 1.0).unwrap() - 0.223).abs() < 1e-3);
    assert!((cross_entropy(y_hat, 0.0).unwrap() - 1.609).abs() < 1e-3);
    assert_eq!(alive(&unequal, &data), [false; 3]);
}

/// With labels in the ratio 1 : 2, b³ learns logit(⅔), the cost falls to the entropy of the labels, and every W stays
/// zero.
#[test]
fn the_output_bias_learns_the_base_rate() {
    let data = circles_train().subset(75, 150).unwrap();
    let mut network = zeros(Activation::Relu);
    Training::new(1.0, 500).run(&mut network, &data).unwrap();
    let rate: f64 = 2.0 / 3.0;
    assert!((network.biases(3).unwrap()[[0, 0]] - logit(rate).unwrap()).abs() < 1e-12);
    let entropy = -rate * rate.ln() - (1.0 - rate) * (1.0 - rate).ln();
    assert!((network.cost(&data).unwrap() - entropy).abs() < 1e-12);
    assert!((1..=3).all(|layer| all_zero(network.weights(layer).unwrap())));
}

/// With biases other than zero, in each step the weights of one more layer begin to move.
#[test]
fn layers_begin_to_move_one_after_the_other_from_the_output_backwards() {
    let mut network = zeros(Activation::Relu).with_biases(Init::Constant(0.1)).unwrap();
    let data = circles_train();
    for moved in 0..4 {
        let still: Vec<bool> = (1..=3).map(|layer| all_zero(network.weights(layer).unwrap())).collect();
        assert_eq!(still, [moved < 3, moved < 2, moved < 1], "after {moved} steps");
        Training::new(0.1, 1).run(&mut network, &data).unwrap();
    }
}

/// Changing one weight does not change the cost by a single bit. Changing all weights by ε changes it like ε³.
#[test]
fn the_zero_point_is_a_saddle_of_the_third_order() {
    let data = circles_train();
    assert_eq!(zeros(Activation::Relu).weights_that_matter(&data, 0.5).unwrap(), 0);
    let he = Network::new(&[2, 10, 5, 1], Activation::Tanh, Init::He { seed: 1 }).unwrap();
    assert_eq!(he.weights_that_matter(&data, 0.5).unwrap(), 75);
    let change = |epsilon: f64| {
        let network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Constant(epsilon)).unwrap();
        (network.cost(&data).unwrap() - std::f64::consts::LN_2) / epsilon.powi(3)
    };
    for (epsilon, expected) in [(0.2, 2.06), (0.1, 1.15), (0.05, 1.04)] {
        assert!((change(epsilon) - expected).abs() < 0.005, "{epsilon}: {}", change(epsilon));
    }
}

/// The rows of dW are equal. In a row of layer 1 the entries differ, because the features differ. From layer 2 on all
/// entries are equal.
#[test]
fn a_constant_start_has_equal_rows_and_in_layer_1_unequal_columns() {
    let network = Network::new(&[2, 10, 5, 1], Activation::Sigmoid, Init::Constant(0.5)).unwrap();
    let gradients = network.gradients(&circles_train()).unwrap();
    let first = gradients.dw(1).unwrap();
    assert!(first.rows().into_iter().all(|row| row == first.row(0)));
    assert_ne!(first[[0, 0]], first[[0, 1]]);
    for layer in 2..=3 {
        let dw = gradients.dw(layer).unwrap();
        assert!(dw.iter().all(|&v| v == dw[[0, 0]] && v != 0.0));
    }
}

/// Each step draws new masks. The learning rate is so small that only the masks can change the cost.
#[test]
fn every_step_draws_new_masks() {
    let mut network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::He { seed: 1 }).unwrap();
    let training = Training::new(1e-300, 3).dropout(0.5, 1).record_cost(Steps::Every(1));
    let history = training.run(&mut network, &circles_train()).unwrap();
    let costs: Vec<f64> = history.costs().iter().map(|&(_, cost)| cost).collect();
    assert!((1..4).all(|step| !costs[..step].contains(&costs[step])), "{costs:?}");
}

/// Different masks make the twins of a constant start different, but not if the constant is zero and g is ReLU: then
/// there is nothing to drop.
#[test]
fn dropout_breaks_symmetry_but_not_from_zero() {
    let data = circles_train();
    let train = |init| {
        let mut network = Network::new(&[2, 10, 5, 1], Activation::Relu, init).unwrap();
        Training::new(0.1, 100).dropout(0.5, 1).run(&mut network, &data).unwrap();
        network
    };
    assert_eq!(train(Init::Constant(0.5)).symmetry(1, 0.0).unwrap().distinct(), 10);
    assert_eq!(train(Init::Zeros), zeros(Activation::Relu));
}

#[test]
fn a_run_records_what_is_asked_for_and_is_the_same_each_time() {
    let start = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::He { seed: 1 }).unwrap();
    let (mut recorded, mut silent) = (start.clone(), start.clone());
    let training = Training::new(0.05, 30);
    let history = training
        .clone()
        .record_cost(Steps::Every(10))
        .record_norms(Steps::At(vec![0, 7, 30]))
        .record_snapshots(Steps::At(vec![0, 29]))
        .run(&mut recorded, &circles_train())
        .unwrap();
    assert_eq!(training.run(&mut silent, &circles_train()), Ok(History::default()));
    assert_eq!(recorded, silent);
    let steps: Vec<usize> = history.costs().iter().map(|&(step, _)| step).collect();
    assert_eq!(steps, [0, 10, 20, 30]);
    let steps: Vec<usize> = history.norms().iter().map(|&(step, _)| step).collect();
    assert_eq!(steps, [0, 7, 30]);
    assert_eq!(history.costs()[3].1, recorded.cost(&circles_train()).unwrap());
    assert_eq!(history.norms()[2].1, recorded.gradients(&circles_train()).unwrap().norms());
    assert_eq!(history.snapshots().len(), 2);
    assert_eq!(history.snapshots()[0], (0, start));
    assert_eq!(history.snapshots()[1].0, 29);
    let mut last = history.snapshots()[1].1.clone();
    last.descend(&last.gradients(&circles_train()).unwrap(), 0.05).unwrap();
    assert_eq!(last, recorded);
    let norm = recorded.gradients(&circles_train()).unwrap().dw(2).unwrap().mapv(|v| v * v).sum().sqrt();
    assert!((history.norms()[2].1[1] - norm).abs() < 1e-15);
}

/// Random starts are the same on every platform and in every release: these are their first numbers.
#[test]
fn random_starts_are_pinned() {
    let weights = |init| Network::new(&[2, 3, 1], Activation::Relu, init).unwrap().weights(1).unwrap().clone();
    let normal = weights(Init::Normal { scale: 1.0, seed: 1 });
    assert_eq!(normal, weights(Init::He { seed: 1 }));
    let xavier = weights(Init::Xavier { seed: 1 });
    assert!((&xavier - &normal * (2.0f64 / 5.0).sqrt()).iter().all(|d| d.abs() < 1e-15));
    let first = array![
        [-0.5687984571379799, 1.8352591249878818],
        [-0.11719820381230893, 0.6659096918237312],
        [0.4313998720341405, 2.0098833659572155]
    ];
    assert_eq!(normal, first);
    let wide = Network::new(&[8, 1000, 1], Activation::Relu, Init::He { seed: 2 }).unwrap();
    let variance = wide.weights(1).unwrap().mapv(|w| w * w).mean().unwrap();
    assert!((variance - 2.0 / 8.0).abs() < 0.01, "{variance}");
}

/// Even if the losses differ hugely, the cost neither overflows nor is negative; the mean of equal losses is exact.
#[test]
fn the_cost_is_the_mean_loss() {
    let network = Network::from_parameters(vec![array![[1.0]]], vec![array![[0.0]]], Activation::Relu).unwrap();
    let cost = |x: Array2<f64>| network.cost(&Dataset::new(x.clone(), Array2::zeros(x.dim())).unwrap()).unwrap();
    assert_eq!(cost(array![[1e308, -1e308, -1e308, -1e308]]), 2.5e307);
    let losses = [3.0, 1.0, -900.0].map(|z| cross_entropy_at_z(z, 0.0).unwrap());
    assert!((cost(array![[3.0, 1.0, -900.0]]) - losses.iter().sum::<f64>() / 3.0).abs() < 1e-15);
    assert_eq!(cost(Array2::from_elem((1, 7), 0.3)), cost(array![[0.3]]));
}

/// A prediction ŷ of exactly ½ counts as label 0, as in the course.
#[test]
fn an_undecided_prediction_is_label_0() {
    assert!(all_zero(&zeros(Activation::Relu).predictions(circles_train().x()).unwrap()));
    assert_eq!(cross_entropy_slope(-0.0, 1.0), Ok(f64::NEG_INFINITY));
}

#[test]
fn generated_data_has_the_size_balance_and_shape_that_were_asked_for() {
    let sampling = Sampling { zeros: 400, ones: 200, noise: 0.05, seed: 3 };
    for data in [circles(sampling), two_blobs(sampling), xor(sampling)].map(Result::unwrap) {
        assert_eq!((data.features(), data.samples(), data.ones()), (2, 600, 200));
    }
    assert_eq!(circles(sampling), circles(sampling));
    assert_ne!(circles(sampling), circles(Sampling { seed: 4, ..sampling }));
    let data = circles(sampling).unwrap();
    for (label, expected) in [(0.0, 1.0), (1.0, 0.8)] {
        let samples = data.x().columns().into_iter().zip(data.y()).filter(|&(_, &y)| y == label);
        let radii: Vec<f64> = samples.map(|(x, _)| x.dot(&x).sqrt()).collect();
        let mean = radii.iter().sum::<f64>() / radii.len() as f64;
        assert!((mean - expected).abs() < 0.02, "label {label}: {mean}");
        assert!(radii.iter().all(|radius| (radius - expected).abs() < 0.3), "label {label}: {radii:?}");
    }
    let center = data.x().mean_axis(ndarray::Axis(1)).unwrap();
    assert!(center.iter().all(|c| c.abs() < 0.02), "{center}");
    let corners = xor(Sampling { noise: 0.0, ..sampling }).unwrap();
    for (x, y) in corners.x().columns().into_iter().zip(corners.y()) {
        assert_eq!(x[0] * x[1] < 0.0, *y == 1.0);
    }
}

/// A subset takes the first samples of each label, in their order. The subset of all samples is the whole data set.
#[test]
fn a_subset_has_the_first_samples_of_each_label() {
    let data = circles_train();
    assert_eq!(data.subset(150, 150).unwrap(), data);
    let ones = data.subset(0, 2).unwrap();
    assert_eq!((ones.samples(), ones.ones()), (2, 2));
    let first: Vec<usize> = (0..300).filter(|&sample| data.y()[[0, sample]] == 1.0).take(2).collect();
    assert_eq!(ones.x(), data.x().select(ndarray::Axis(1), &first));
    assert_eq!(data.subset(2, 0).unwrap().ones(), 0);
}

/// The noise is added to the place of a sample. These numbers are pinned, like those of the random starts.
#[test]
fn generated_data_is_pinned() {
    let data = two_blobs(Sampling { zeros: 1, ones: 1, noise: 0.5, seed: 1 }).unwrap();
    assert_eq!(
        data.x().clone(),
        array![[-1.2860055440063325, 0.675803724189442], [-1.428163093518708, 0.8159183816571854]]
    );
}

/// At the kink of a ReLU, backpropagation gives 0 and central differences give half the slope above. The check finds
/// this.
#[test]
fn the_gradient_check_finds_the_worst_parameter() {
    let kinked = |w2: f64| {
        let weights = vec![array![[1.0]], array![[w2]]];
        Network::from_parameters(weights, vec![array![[0.0]], array![[0.0]]], Activation::Relu).unwrap()
    };
    let data = Dataset::new(array![[0.0]], array![[0.0]]).unwrap();
    let check = kinked(4e-3).check_gradients(&data, 1e-3).unwrap();
    assert_eq!((check.at, check.backpropagation), (Parameter::Bias { layer: 1, row: 0 }, 0.0));
    assert!((check.difference - 4e-3 * 0.5 * 0.5).abs() < 1e-8, "{check:?}");
    assert_eq!(check.worst, 1.0);
    // A difference far below the largest gradient is measured relative to a thousandth of that gradient.
    let with_small_difference = kinked(4e-6).check_gradients(&data, 1e-3).unwrap();
    let expected = 4e-6 * 0.5 * 0.5 / (1e-3 * 0.5);
    assert!((with_small_difference.worst - expected).abs() < 1e-4, "{with_small_difference:?}");
    // If every gradient is zero, nothing can disagree, and the check names the first parameter.
    let fitted = Network::from_parameters(vec![array![[0.0]]], vec![array![[-2000.0]]], Activation::Relu).unwrap();
    let without_gradients = fitted.check_gradients(&data, 1e-3).unwrap();
    assert_eq!(
        (without_gradients.worst, without_gradients.at),
        (0.0, Parameter::Weight { layer: 1, row: 0, column: 0 })
    );
}

/// At a kink the direction of the change matters: up switches the unit on, down leaves it off.
#[test]
fn a_weight_changes_in_the_given_direction() {
    let weights = vec![array![[0.0]], array![[1.0]]];
    let kinked = Network::from_parameters(weights, vec![array![[0.0]], array![[0.0]]], Activation::Relu).unwrap();
    let data = Dataset::new(array![[1.0]], array![[0.0]]).unwrap();
    assert_eq!(kinked.weights_that_matter(&data, 0.1), Ok(1));
    assert_eq!(kinked.weights_that_matter(&data, -0.1), Ok(0));
}

/// A notebook shows these values as text, because they have no table.
#[test]
fn values_without_a_table_are_described_in_a_line() {
    let mut network = zeros(Activation::Relu);
    assert_eq!(network.plain(), "layers 2 → 10 → 5 → 1, hidden Relu, 91 parameters");
    let history = Training::new(0.01, 4).record_cost(Steps::Every(2)).run(&mut network, &circles_train()).unwrap();
    assert_eq!(history.plain(), "3 costs, from 0.6931 at step 0 to 0.6931 at step 4; 0 norms, 0 snapshots");
    assert_eq!(History::default().plain(), "0 costs, 0 norms, 0 snapshots");
    let check = Network::new(&[2, 1], Activation::Relu, Init::Zeros).unwrap().check_gradients(&circles_train(), 1e-5);
    assert!(check.unwrap().plain().starts_with("worst relative error "));
    let symmetry = Network::new(&[2, 3, 1], Activation::Tanh, Init::Constant(0.5)).unwrap().symmetry(1, 0.0).unwrap();
    assert_eq!(
        (symmetry.plain().as_str(), symmetry.groups()),
        ("layer 1: 3 units, 1 distinct: [0, 1, 2]", &[vec![0, 1, 2]][..])
    );
}

#[test]
fn a_cost_change_is_measured_from_the_present_value_of_the_parameter() {
    let (network, data) = (Network::new(&[2, 3, 1], Activation::Tanh, Init::He { seed: 1 }).unwrap(), circles_train());
    let mut moved = network.clone();
    moved.set_weight(1, (2, 1), network.weights(1).unwrap()[[2, 1]] + 0.25).unwrap();
    let at = Parameter::Weight { layer: 1, row: 2, column: 1 };
    let expected = moved.cost(&data).unwrap() - network.cost(&data).unwrap();
    assert_eq!(network.cost_change(&data, at, 0.25), Ok(expected));
    assert_ne!(expected, 0.0);
    assert_eq!(zeros(Activation::Relu).gradients(&data).unwrap().norms(), [0.0; 3]);
}
