//! Tests that each verdict is given where it is true, and of its words.

use zero_init::prelude::*;

fn relu(weights: Vec<Array2<f64>>, biases: Vec<Array2<f64>>) -> Network {
    Network::from_parameters(weights, biases, Activation::Relu).unwrap()
}

fn row(network: &Network, data: &Dataset, layer: usize) -> LayerInspection {
    network.inspect(data).unwrap().layer(layer).unwrap().clone()
}

fn dw(network: &Network, data: &Dataset, layer: usize) -> (Verdict, String) {
    let row = row(network, data, layer);
    (row.dw_verdict, row.why_dw())
}

/// Two samples of one feature: the first has label 0, the second has label 1.
fn pair(x0: f64, x1: f64) -> Dataset {
    Dataset::new(array![[x0, x1]], array![[0.0, 1.0]]).unwrap()
}

#[test]
fn a_network_that_learns_is_alive() {
    let network = Network::new(&[2, 10, 5, 1], Activation::Tanh, Init::He { seed: 1 }).unwrap();
    for layer in 1..=3 {
        assert_eq!(dw(&network, &circles_train(), layer), (Verdict::Alive, "alive".to_string()));
        assert_eq!(row(&network, &circles_train(), layer).why_db(), "alive");
    }
}

#[test]
fn the_three_layers_of_the_zero_network_have_three_reasons() {
    let network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Zeros).unwrap();
    let reason = |layer| dw(&network, &circles_train(), layer).1;
    assert_eq!(reason(1), "zero since δ¹ = 0: nothing flows back, W²ᵀδ² = 0, and g′(z¹) = 0");
    assert_eq!(reason(2), "zero twice over: a¹ = 0, and δ² = 0: nothing flows back, W³ᵀδ³ = 0, and g′(z²) = 0");
    assert_eq!(reason(3), "zero since a² = 0");
    assert_eq!(row(&network, &circles_train(), 3).why_db(), "zero, cancelled: the samples push but their mean is 0");
    let dead: Vec<_> = (1..=3).map(|layer| row(&network, &circles_train(), layer).dead_units).collect();
    assert_eq!(dead, [Some(10), Some(5), None]);
}

#[test]
fn an_input_of_zero_is_called_x() {
    let network = relu(vec![array![[1.0]]], vec![array![[0.0]]]);
    assert_eq!(dw(&network, &pair(0.0, 0.0), 1), (Verdict::InputZero, "zero since x = 0".to_string()));
}

#[test]
fn a_zero_delta_names_its_factor() {
    let data = pair(1.0, 2.0);
    let nothing_flows_back = relu(vec![array![[1.0]], array![[0.0]]], vec![array![[0.0]], array![[0.0]]]);
    let expected = (Verdict::DeltaZero(NoDelta::NothingFlowsBack), "zero since δ¹ = 0: nothing flows back, W²ᵀδ² = 0");
    assert_eq!(dw(&nothing_flows_back, &data, 1), (expected.0, expected.1.to_string()));

    let no_slope = relu(vec![array![[-1.0]], array![[1.0]]], vec![array![[0.0]], array![[0.0]]]);
    let expected = (Verdict::DeltaZero(NoDelta::SlopeZero), "zero since δ¹ = 0: no slope, g′(z¹) = 0");
    assert_eq!(dw(&no_slope, &data, 1), (expected.0, expected.1.to_string()));

    // The unit to which something flows back is off; to the unit that is on, nothing flows back.
    let w1 = array![[1.0], [-1.0]];
    let never_together = relu(vec![w1, array![[0.0, 1.0]]], vec![array![[0.0], [0.0]], array![[0.0]]]);
    let expected =
        (Verdict::DeltaZero(NoDelta::NeverTogether), "zero since δ¹ = 0: wherever W²ᵀδ² is not 0, g′(z¹) is");
    assert_eq!(dw(&never_together, &data, 1), (expected.0, expected.1.to_string()));

    // With z = ±2000, every prediction equals its label to the last bit.
    let fitted = relu(vec![array![[2000.0]]], vec![array![[0.0]]]);
    let expected = (Verdict::DeltaZero(NoDelta::NoError), "zero since δ¹ = 0: every ŷ equals its y");
    assert_eq!(dw(&fitted, &pair(-1.0, 1.0), 1), (expected.0, expected.1.to_string()));
}

#[test]
fn a_zero_product_of_non_zero_factors_is_told_from_a_zero_mean() {
    // Sample 0 has x = 0. Sample 1 has x ≠ 0, but with z = 2000 its prediction equals its label to the last bit.
    let never_together = relu(vec![array![[2000.0]]], vec![array![[0.0]]]);
    let expected = (Verdict::NeverTogether, "zero since no sample has both x ≠ 0 and δ¹ ≠ 0".to_string());
    assert_eq!(dw(&never_together, &pair(0.0, 1.0), 1), expected);

    let cancelled = Network::new(&[2, 3, 1], Activation::Sigmoid, Init::Zeros).unwrap();
    let expected = (Verdict::Cancelled, "zero, cancelled: the samples push but their mean is 0".to_string());
    assert_eq!(dw(&cancelled, &circles_train(), 2), expected);
    assert_eq!(row(&cancelled, &circles_train(), 2).per_sample, 0.25);
    assert_eq!(dw(&cancelled, &circles_train().subset(50, 100).unwrap(), 2).0, Verdict::Alive);
}

#[test]
fn small_gradients_name_the_smallest_factor() {
    let cause = |network: &Network, data: &Dataset, layer| match dw(network, data, layer) {
        (Verdict::Small { threshold, cause }, why) => {
            assert_eq!(threshold, 1e-7);
            (cause, why)
        }
        other => panic!("{other:?}"),
    };
    let saturated = Network::from_parameters(
        vec![array![[1.0]], array![[1.0]]],
        vec![array![[20.0]], array![[0.0]]],
        Activation::Sigmoid,
    );
    let expected = (Factor::Slope, "small, below 1.0e-7: saturated, g′(z¹) is small".to_string());
    assert_eq!(cause(&saturated.unwrap(), &pair(1.0, 2.0), 1), expected);

    let vanishing = relu(vec![array![[1.0]], array![[1e-9]]], vec![array![[0.0]], array![[0.0]]]);
    let expected = (Factor::FlowBack, "small, below 1.0e-7: little flows back, W²ᵀδ² is small".to_string());
    assert_eq!(cause(&vanishing, &pair(1.0, 2.0), 1), expected);

    let small_activations = relu(vec![array![[1e-9]], array![[1.0]]], vec![array![[0.0]], array![[0.0]]]);
    let expected = (Factor::Input, "small, below 1.0e-7: a¹ is small".to_string());
    assert_eq!(cause(&small_activations, &pair(1.0, 2.0), 2), expected);

    // dW is δ = ½ times this x. A gradient exactly at the limit is not called small.
    let no_hidden = relu(vec![array![[0.0]]], vec![array![[0.0]]]);
    let of_x = |x: f64| row(&no_hidden, &Dataset::new(array![[x]], array![[0.0]]).unwrap(), 1).dw_verdict;
    assert_eq!(of_x(2e-7), Verdict::Alive);
    assert!(matches!(of_x(2e-7 * (1.0 - f64::EPSILON)), Verdict::Small { .. }));

    let nearly_cancelling = relu(vec![array![[0.0]]], vec![array![[0.0]]]);
    let expected = (Factor::Mean, "small, below 1.0e-7: the samples nearly cancel".to_string());
    assert_eq!(cause(&nearly_cancelling, &pair(1.0, 1.0 + 1e-9), 1), expected);
}

#[test]
fn dead_units_and_zero_entries_are_counted() {
    let network = relu(vec![array![[1.0], [-1.0]], array![[1.0, 1.0]]], vec![array![[0.0], [0.0]], array![[0.0]]]);
    let data = pair(1.0, 2.0);
    let first = row(&network, &data, 1);
    assert_eq!((first.units, first.dead_units), (2, Some(1)));
    assert_eq!((first.zeros_in_dw, first.entries_of_dw), (1, 2));
    assert_eq!(first.slope, Some(1.0));
    let second = row(&network, &data, 2);
    assert_eq!((second.dead_units, second.slope), (None, None));
    assert_eq!(second.input, 2.0);
    // The largest error is ŷ − y = σ(1) − 0 at the sample x = 1. Weights and slopes of 1 pass it on to layer 1 as it
    // is.
    let error = sigmoid(1.0);
    assert_eq!((second.flow_back, second.delta, second.per_sample), (error, error, error));
    assert_eq!((first.flow_back, first.delta, first.per_sample), (error, error, error));
}

#[test]
fn the_table_has_a_row_a_layer_and_every_number() {
    let network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Zeros).unwrap();
    let inspection = network.inspect(&circles_train()).unwrap();
    let (mime, html) = inspection.rich().unwrap();
    assert_eq!(mime, "text/html");
    assert_eq!(html.matches("<tr>").count(), 4);
    assert_eq!(html.matches("<th ").count(), 10);
    assert_eq!(html.matches("<td ").count(), 30);
    assert!(html.contains(">zero since a² = 0</td>") && html.contains("10 of 10 in layer 1, 5 of 5 in layer 2"));
    let plain = inspection.plain();
    let lines: Vec<&str> = plain.lines().collect();
    assert_eq!(lines.len(), 12);
    assert_eq!(lines[0], "layer 1: dW¹ is zero since δ¹ = 0: nothing flows back, W²ᵀδ² = 0, and g′(z¹) = 0");
    assert_eq!(lines[1], "  a⁰ 1.124   W²ᵀδ² 0   g′(z¹) 0   δ¹ 0   δ¹·a⁰ 0   dW¹ 0   db¹ 0");
    assert_eq!(lines[3], "  10 of 10 units are dead: a = 0 and g′(z) = 0 for every sample");
    assert_eq!(lines[8], "layer 3: dW³ is zero since a² = 0");
    assert_eq!(lines[9], "  a² 0   δ³ 0.5   δ³·a² 0   dW³ 0   db³ 0");
    assert_eq!(lines[10], "  db³ is zero, cancelled: the samples push but their mean is 0");
    let alive = Network::new(&[2, 10, 5, 1], Activation::Tanh, Init::He { seed: 1 }).unwrap();
    assert!(!alive.inspect(&circles_train()).unwrap().plain().contains("dead"));
    assert!(alive.inspect(&circles_train()).unwrap().rich().unwrap().1.contains("0 of 10 in layer 1"));
    let logistic = Network::new(&[2, 1], Activation::Relu, Init::Zeros).unwrap();
    let (_, html) = logistic.inspect(&circles_train()).unwrap().rich().unwrap();
    assert!(!html.contains("Dead units"));
}

/// One factor is large at one unit, the other factor at another unit. So neither is small, but their product is.
#[test]
fn factors_that_are_never_large_together_are_not_called_small() {
    let weights = vec![array![[0.0], [12.0]], array![[1e-9, 4.0]]];
    let biases = vec![array![[0.0], [0.0]], array![[-4.0]]];
    let network = Network::from_parameters(weights, biases, Activation::Tanh).unwrap();
    let data = Dataset::new(array![[1.0]], array![[0.0]]).unwrap();
    let row = row(&network, &data, 1);
    let expected = Verdict::Small { threshold: 1e-7, cause: Factor::Coincidence };
    assert_eq!((row.dw_verdict, row.db_verdict), (expected, expected));
    assert_eq!(row.why_dw(), "small, below 1.0e-7: where one factor is large, another is small");
}

/// A tanh unit at zero has slope 1, so it is not dead.
#[test]
fn a_unit_at_zero_with_a_slope_is_not_dead() {
    let mut network = Network::new(&[2, 10, 1], Activation::Tanh, Init::Zeros).unwrap();
    network.set_weight(2, (0, 3), 0.5).unwrap();
    let row = row(&network, &circles_train(), 1);
    assert_eq!(row.dead_units, Some(0));
    assert_eq!(row.why_dw(), "alive, 18 of 20 entries 0");
}

#[test]
fn a_product_that_underflows_is_not_called_disjoint_or_cancelled() {
    let data = |x, m| Dataset::new(Array2::from_elem((1, m), x), Array2::zeros((1, m))).unwrap();
    let tiny = relu(vec![array![[0.0]]], vec![array![[-460.0]]]); // δ = e^-460 = 1.6e-200
    let expected = (Verdict::Underflow, "zero since δ¹ times x underflows".to_string());
    assert_eq!(dw(&tiny, &data(1e-200, 1), 1), expected);
    let mut one_of_five = data(0.0, 5).x().clone();
    one_of_five[[0, 2]] = 1e-323; // the sum is 5e-324, its fifth is 0
    let one_of_five = Dataset::new(one_of_five, Array2::zeros((1, 5))).unwrap();
    let half = relu(vec![array![[0.0]]], vec![array![[0.0]]]);
    assert_eq!(dw(&half, &one_of_five, 1).0, Verdict::Underflow);
    let saturated = Network::from_parameters(
        vec![array![[0.0]], array![[1e-200]]],
        vec![array![[460.0]], array![[0.0]]],
        Activation::Sigmoid,
    );
    let (verdict, why) = dw(&saturated.unwrap(), &data(1.0, 1), 1);
    assert_eq!(verdict, Verdict::DeltaZero(NoDelta::Underflow));
    assert_eq!(why, "zero since δ¹ = 0: W²ᵀδ² times g′(z¹) underflows");
}

/// In dW, in db or in z, a product or a sum over the samples is beyond the largest floating-point number.
#[test]
fn overflowing_gradients_are_refused_not_called_zero() {
    let samples = |x| Dataset::new(Array2::from_elem((1, 8), x), Array2::zeros((1, 8))).unwrap();
    let refused = |network: &Network, x, what: &str| {
        let expected = format!("network: expected finite {what} on this data, got infinite or NaN in layer 1");
        assert_eq!(network.inspect(&samples(x)).unwrap_err().to_string(), expected);
        assert_eq!(network.gradients(&samples(x)).unwrap_err().to_string(), expected);
        assert!(network.check_gradients(&samples(x), 1e-5).is_err());
    };
    refused(&relu(vec![array![[0.0]]], vec![array![[0.0]]]), 1e308, "gradients");
    let deep = relu(vec![array![[0.0]], array![[1e308]]], vec![array![[1e-300]], array![[0.0]]]);
    refused(&deep, 0.0, "gradients");
    let huge_weights = Network::new(&[1, 3, 1], Activation::Identity, Init::Normal { scale: 1e200, seed: 1 }).unwrap();
    refused(&huge_weights, 1e200, "pre-activations");
    assert!(huge_weights.cost(&samples(1e200)).is_err() && huge_weights.accuracy(&samples(1e200)).is_err());
}

#[test]
fn changes_are_the_entries_that_are_no_longer_what_they_were() {
    let (data, relu) = (circles_train(), Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Zeros).unwrap());
    let before = relu.inspect(&data).unwrap();
    assert_eq!(before.changes_since(&before).unwrap().plain(), "Nothing in the table has changed.");
    let tanh = Network::new(&[2, 10, 5, 1], Activation::Tanh, Init::Zeros).unwrap().inspect(&data).unwrap();
    let changes = tanh.changes_since(&before).unwrap();
    let found: Vec<(usize, &str)> = changes.all().iter().map(|change| (change.layer, change.entry.as_str())).collect();
    let of_layer = |l: usize, digit: &str| {
        ["g′(z_)", "why dW_", "why db_", "dead units"].map(|entry| (l, entry.replace('_', digit)))
    };
    let expected = [of_layer(1, "¹"), of_layer(2, "²")].concat();
    assert_eq!(found, expected.iter().map(|(layer, entry)| (*layer, entry.as_str())).collect::<Vec<_>>());
    assert_eq!((changes.all()[0].before.as_str(), changes.all()[0].now.as_str()), ("0", "1"));
    let text = changes.plain();
    assert!(text.starts_with("layer 1: g′(z¹): 0 → 1\n") && text.ends_with("as they were."), "{text}");
    let (_, html) = changes.rich().unwrap();
    assert_eq!(html.matches("<tr>").count(), 1 + changes.all().len());
    let shallow = Network::new(&[2, 1], Activation::Relu, Init::Zeros).unwrap().inspect(&data).unwrap();
    let error = shallow.changes_since(&before).unwrap_err().to_string();
    assert_eq!(error, "before: expected 1 layers, got 3 layers");
}
