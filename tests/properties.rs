//! Properties of every network, tried on random ones.

use ndarray::{Array2, Axis};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use zero_init::prelude::{Parameter, *};

/// Layer sizes: up to three hidden layers, some of them wide enough for the packing matrix multiply.
fn sizes() -> impl Strategy<Value = Vec<usize>> {
    let width = prop_oneof![4 => 1usize..6, 1 => 16usize..20];
    (1usize..4, prop::collection::vec(width, 0..4))
        .prop_map(|(features, hidden)| std::iter::once(features).chain(hidden).chain([1]).collect())
}

fn smooth() -> impl Strategy<Value = Activation> {
    use Activation::*;
    prop::sample::select(vec![Identity, Tanh, Sigmoid, Softplus, Silu, Gelu])
}

fn any_activation() -> impl Strategy<Value = Activation> {
    prop::sample::select(Activation::ALL.to_vec())
}

fn data(features: usize, samples: usize, seed: u64) -> Dataset {
    let noise = Init::Normal { scale: 1.0, seed };
    let x = Network::new(&[samples, features, 1], Activation::Relu, noise).unwrap().weights(1).unwrap().clone();
    let y = Array2::from_shape_fn((1, samples), |(_, sample)| {
        f64::from(u8::from((sample as u64 + seed % 3).is_multiple_of(3)))
    });
    Dataset::new(x, y).unwrap()
}

fn random_network(sizes: &[usize], hidden: Activation, seed: u64) -> Network {
    let network = Network::new(sizes, hidden, Init::Xavier { seed }).unwrap();
    network.with_biases(Init::Normal { scale: 0.5, seed }).unwrap()
}

fn largest(matrix: &Array2<f64>) -> f64 {
    matrix.iter().fold(0.0, |largest, v| largest.max(v.abs()))
}

/// A network with the same parameters but for those that `change` gives another value.
fn rebuilt(
    network: &Network,
    change: impl Fn(usize, Array2<f64>, Array2<f64>) -> (Array2<f64>, Array2<f64>),
) -> Network {
    let layer = |l| change(l, network.weights(l).unwrap().clone(), network.biases(l).unwrap().clone());
    let (weights, biases) = (1..=network.layers()).map(layer).unzip();
    Network::from_parameters(weights, biases, network.activation()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn backward_agrees_with_central_differences(sizes in sizes(), hidden in smooth(), samples in 1usize..40, seed: u64) {
        let network = random_network(&sizes, hidden, seed);
        let check = network.check_gradients(&data(sizes[0], samples, seed), 1e-5).unwrap();
        prop_assert!(check.worst < 1e-4, "{check:?}");
    }

    #[test]
    fn backward_agrees_with_central_differences_under_dropout(hidden in smooth(), samples in 1usize..40, seed: u64) {
        let network = random_network(&[2, 4, 3, 1], hidden, seed);
        let data = data(2, samples, seed);
        let cost = |network: &Network| {
            let trace = network.forward_with_dropout(data.x(), 0.7, seed).unwrap();
            let losses = trace.z(3).unwrap().iter().zip(data.y()).map(|(&z, &y)| cross_entropy_at_z(z, y).unwrap());
            losses.sum::<f64>() / samples as f64
        };
        let trace = network.forward_with_dropout(data.x(), 0.7, seed).unwrap();
        let gradients = network.backward(&trace, data.y()).unwrap();
        for at in network.parameters() {
            let Parameter::Weight { layer, row, column } = at else { continue };
            let moved = |h| {
                let mut moved = network.clone();
                let value = network.weights(layer).unwrap()[[row, column]] + h;
                moved.set_weight(layer, (row, column), value).unwrap();
                cost(&moved)
            };
            let difference = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            prop_assert!((difference - gradients.dw(layer).unwrap()[[row, column]]).abs() < 1e-7);
        }
    }

    #[test]
    fn permuting_units_permutes_gradients(hidden in any_activation(), width in prop_oneof![2usize..6, Just(18)], seed: u64) {
        let network = random_network(&[2, width, 3, 1], hidden, seed);
        let order: Vec<usize> = (0..width).rev().collect();
        let permuted = rebuilt(&network, |layer, w, b| match layer {
            1 => (w.select(Axis(0), &order), b.select(Axis(0), &order)),
            2 => (w.select(Axis(1), &order), b),
            _ => (w, b),
        });
        let data = data(2, 37, seed);
        let (before, after) = (network.gradients(&data).unwrap(), permuted.gradients(&data).unwrap());
        let close = |a: Array2<f64>, b: &Array2<f64>| largest(&(a - b)) <= 1e-12;
        prop_assert!(close(before.dw(1).unwrap().select(Axis(0), &order), after.dw(1).unwrap()));
        prop_assert!(close(before.db(1).unwrap().select(Axis(0), &order), after.db(1).unwrap()));
        prop_assert!(close(before.dw(2).unwrap().select(Axis(1), &order), after.dw(2).unwrap()));
        prop_assert!(close(before.dw(3).unwrap().clone(), after.dw(3).unwrap()));
    }

    /// With biases of zero, doubling W¹ doubles z of every layer, exactly.
    #[test]
    fn scaling_relu_weights_scales_outputs(sizes in sizes(), seed: u64) {
        let network = Network::new(&sizes, Activation::Relu, Init::He { seed }).unwrap();
        let doubled = rebuilt(&network, |layer, w, b| (if layer == 1 { w * 2.0 } else { w }, b));
        let data = data(sizes[0], 9, seed);
        let (once, twice) = (network.forward(data.x()).unwrap(), doubled.forward(data.x()).unwrap());
        for layer in 1..=network.layers() {
            prop_assert_eq!(once.z(layer).unwrap() * 2.0, twice.z(layer).unwrap().clone());
        }
    }

    /// What the inspection says is what the numbers say, recomputed here.
    #[test]
    fn the_inspection_agrees_with_the_numbers(
        sizes in sizes(), hidden in any_activation(), seed: u64, samples in 1usize..20,
        factors in prop::collection::vec(prop::sample::select(vec![0.0, 1.0, 1.0, 1e-5, 30.0]), 5),
        threshold in prop::sample::select(vec![1e-7, 1e-2, 0.0]),
    ) {
        let scaled = |layer: usize, w, b| (w * factors[layer % 5], b * factors[layer % 5]);
        let network = rebuilt(&random_network(&sizes, hidden, seed), scaled);
        let data = data(sizes[0], samples, seed);
        let trace = network.forward(data.x()).unwrap();
        let gradients = network.backward(&trace, data.y()).unwrap();
        let inspection = network.inspect_with_threshold(&data, threshold).unwrap();
        for row in inspection.layers() {
            let (a, delta) = (trace.a(row.layer - 1).unwrap(), gradients.delta(row.layer).unwrap());
            let (dw, db) = (gradients.dw(row.layer).unwrap(), gradients.db(row.layer).unwrap());
            prop_assert_eq!((row.input, row.delta), (largest(a), largest(delta)));
            prop_assert_eq!((row.dw, row.db), (largest(dw), largest(db)));
            prop_assert_eq!(row.zeros_in_dw == row.entries_of_dw, all_zero(dw));
            let mut no_delta = NoDelta::NoError;
            if row.layer < network.layers() {
                let above = network.weights(row.layer + 1).unwrap().t().dot(gradients.delta(row.layer + 1).unwrap());
                let slope = trace.z(row.layer).unwrap().mapv(|z| hidden.derivative(z));
                prop_assert!((row.flow_back - largest(&above)).abs() <= 1e-12 * largest(&above).max(1e-3));
                prop_assert_eq!(row.slope, Some(largest(&slope)));
                let off = |unit: usize| {
                    let a = trace.a(row.layer).unwrap();
                    (0..samples).all(|sample| a[[unit, sample]] == 0.0 && slope[[unit, sample]] == 0.0)
                };
                prop_assert_eq!(row.dead_units, Some((0..row.units).filter(|&unit| off(unit)).count()));
                no_delta = match (all_zero(&above), all_zero(&slope)) {
                    (true, true) => NoDelta::BothZero,
                    (true, false) => NoDelta::NothingFlowsBack,
                    (false, true) => NoDelta::SlopeZero,
                    (false, false) => NoDelta::NeverTogether,
                };
            }
            let verdict = |input_is_zero, per_sample, gradient: &Array2<f64>| match (input_is_zero, all_zero(delta)) {
                _ if largest(gradient) >= threshold.max(5e-324) => Some(Verdict::Alive),
                _ if !all_zero(gradient) => None, // small, for a cause that is checked below
                (true, true) => Some(Verdict::InputAndDeltaZero(no_delta)),
                (true, false) => Some(Verdict::InputZero),
                (false, true) => Some(Verdict::DeltaZero(no_delta)),
                (false, false) if per_sample == 0.0 => Some(Verdict::NeverTogether),
                (false, false) => Some(Verdict::Cancelled),
            };
            for (found, expected) in
                [(row.dw_verdict, verdict(all_zero(a), row.per_sample, dw)), (row.db_verdict, verdict(false, row.delta, db))]
            {
                match (found, expected) {
                    (Verdict::Small { threshold: shown, cause }, None) => {
                        prop_assert_eq!(shown, threshold);
                        // What is called small is below 1 and no larger than any other factor.
                        let slope = row.slope.unwrap_or(1.0);
                        match cause {
                            Factor::Input => prop_assert!(row.input <= row.flow_back.min(slope)),
                            Factor::FlowBack => prop_assert!(row.flow_back <= slope),
                            Factor::Slope => prop_assert!(slope <= row.flow_back && slope < 1.0),
                            Factor::Coincidence | Factor::Mean => {}
                        }
                    }
                    (found, expected) => prop_assert_eq!(Some(found), expected),
                }
            }
        }
    }

    #[test]
    fn collapsing_keeps_the_function(hidden in any_activation(), value in -1.0f64..1.0, width in 1usize..8, seed: u64) {
        let mut wide = Network::new(&[2, width, 3, 1], hidden, Init::Constant(value)).unwrap();
        wide = wide.with_biases(Init::Constant(value)).unwrap();
        let narrow = wide.collapse().unwrap();
        prop_assert_eq!(narrow.sizes(), vec![2, 1, 1, 1]);
        let data = data(2, 11, seed);
        let difference = wide.forward(data.x()).unwrap().z(3).unwrap() - narrow.forward(data.x()).unwrap().z(3).unwrap();
        prop_assert!(largest(&difference) < 1e-12);
        let already_narrow = random_network(&[2, 3, 1], hidden, seed);
        prop_assert_eq!(already_narrow.collapse().unwrap(), already_narrow);
    }

    #[test]
    fn slopes_agree_with_differences_and_stay_finite(hidden in any_activation(), z in -30.0f64..30.0, far in -1e3f64..1e3) {
        prop_assume!(z.abs() > 1e-3);
        let difference = (hidden.value(z + 1e-5) - hidden.value(z - 1e-5)) / 2e-5;
        prop_assert!((difference - hidden.derivative(z)).abs() < 1e-7, "{difference} {}", hidden.derivative(z));
        prop_assert!(hidden.value(far).is_finite() && hidden.derivative(far).is_finite());
        let difference = (sigmoid(z + 1e-5) - sigmoid(z - 1e-5)) / 2e-5;
        prop_assert!((difference - Activation::Sigmoid.derivative(z)).abs() < 1e-9);
    }

    #[test]
    fn the_loss_of_y_hat_and_the_loss_of_z_agree(z in -30.0f64..30.0, label in any::<bool>()) {
        let y = f64::from(u8::from(label));
        let (of_z, of_y_hat) = (cross_entropy_at_z(z, y).unwrap(), cross_entropy(sigmoid(z), y).unwrap());
        prop_assert!((of_z - of_y_hat).abs() <= 1e-3 * of_z.max(1e-9));
        let chain = cross_entropy_slope(sigmoid(z), y).unwrap() * Activation::Sigmoid.derivative(z);
        prop_assert!((chain - delta_at_z(z, y).unwrap()).abs() < 1e-3);
        prop_assert!((delta_at_z(z, y).unwrap() - (sigmoid(z) - y)).abs() < 1e-15);
        prop_assert!((logit(sigmoid(z.clamp(-5.0, 5.0))).unwrap() - z.clamp(-5.0, 5.0)).abs() < 1e-12);
    }
}

/// Twins stay twins, to the last bit, through 1000 steps, whatever the width and the activation.
#[test]
fn identical_units_stay_identical() {
    for width in [2, 7, 16, 33] {
        for hidden in [Activation::Sigmoid, Activation::Tanh, Activation::Relu] {
            let mut network = Network::new(&[2, width, 5, 1], hidden, Init::Constant(0.1)).unwrap();
            network.set_weight(1, (1, 0), 0.3).unwrap(); // one unit differs, the others are twins
            let start = network.clone();
            Training::new(0.1, 1000).run(&mut network, &circles_train()).unwrap();
            assert_ne!(network, start);
            let first = network.weights(1).unwrap();
            for unit in (0..width).filter(|&unit| unit != 1) {
                assert_eq!(first.row(unit), first.row(0), "{hidden:?}, width {width}, unit {unit}");
            }
            assert_eq!(network.symmetry(1, 0.0).unwrap().distinct(), 2);
            assert_eq!(network.symmetry(2, 0.0).unwrap().distinct(), 1);
        }
    }
}
