//! Tests of what is true of every network, with random networks.

mod common;

use ndarray::{Array2, ArrayView1, Axis};
use proptest::prelude::*;
use zero_init::prelude::{Parameter, *};

/// Layer sizes with up to three hidden layers, some of them wide enough for the library's matrix product.
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
    let y = Array2::from_shape_fn((1, samples), |(_, sample)| f64::from(u8::from((sample as u64 + seed % 3) % 3 == 0)));
    Dataset::new(x, y).unwrap()
}

fn random_network(sizes: &[usize], hidden: Activation, seed: u64) -> Network {
    let network = Network::new(sizes, hidden, Init::Xavier { seed }).unwrap();
    network.with_biases(Init::Normal { scale: 0.5, seed }).unwrap()
}

/// The largest absolute value.
fn largest(matrix: &Array2<f64>) -> f64 {
    matrix.iter().fold(0.0, |largest, v| largest.max(v.abs()))
}

/// Whether each entry of one matrix is within 1e-12 of the same entry of the other. NaN is not close to any number.
fn close(a: &Array2<f64>, b: &Array2<f64>) -> bool {
    a.dim() == b.dim() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-12)
}

/// The network with parameters that `change` makes from the number, the weights and the biases of each layer.
fn rebuilt(
    network: &Network,
    change: impl Fn(usize, Array2<f64>, Array2<f64>) -> (Array2<f64>, Array2<f64>),
) -> Network {
    let layer = |l| change(l, network.weights(l).unwrap().clone(), network.biases(l).unwrap().clone());
    let (weights, biases) = (1..=network.layers()).map(layer).unzip();
    Network::from_parameters(weights, biases, network.activation()).unwrap()
}

proptest! {
    #![proptest_config(common::cases(60))]

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
        // The cost of the first step, without the units that this seed leaves out. A step with learning rate 1 shows
        // dW.
        let training = Training::new(1.0, 1).dropout(0.7, seed).record_cost(Steps::At(vec![0]));
        let cost = |network: &Network| training.run(&mut network.clone(), &data).unwrap().costs()[0].1;
        let mut after = network.clone();
        training.run(&mut after, &data).unwrap();
        for at in network.parameters() {
            let Parameter::Weight { layer, row, column } = at else { continue };
            let moved = |h| {
                let mut moved = network.clone();
                let value = network.weights(layer).unwrap()[[row, column]] + h;
                moved.set_weight(layer, (row, column), value).unwrap();
                cost(&moved)
            };
            let difference = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            let dw = network.weights(layer).unwrap()[[row, column]] - after.weights(layer).unwrap()[[row, column]];
            prop_assert!((difference - dw).abs() < 1e-7);
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
        prop_assert!(close(&before.dw(1).unwrap().select(Axis(0), &order), after.dw(1).unwrap()));
        prop_assert!(close(&before.db(1).unwrap().select(Axis(0), &order), after.db(1).unwrap()));
        prop_assert!(close(&before.dw(2).unwrap().select(Axis(1), &order), after.dw(2).unwrap()));
        prop_assert!(close(before.dw(3).unwrap(), after.dw(3).unwrap()));
    }

    /// With ReLU and zero biases, doubling W¹ exactly doubles z of every layer.
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

    #[test]
    fn collapsing_keeps_the_function(hidden in any_activation(), value in -1.0f64..1.0, width in 1usize..8, seed: u64) {
        let mut wide = Network::new(&[2, width, 3, 1], hidden, Init::Constant(value)).unwrap();
        wide = wide.with_biases(Init::Constant(value)).unwrap();
        let narrow = wide.collapse().unwrap();
        prop_assert_eq!(narrow.sizes(), vec![2, 1, 1, 1]);
        let data = data(2, 11, seed);
        let (of_wide, of_narrow) = (wide.forward(data.x()).unwrap(), narrow.forward(data.x()).unwrap());
        prop_assert!(close(of_wide.z(3).unwrap(), of_narrow.z(3).unwrap()));
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

    /// For z beyond ±15, ŷ is so close to 0 or 1 that few digits of 1 − ŷ are right.
    #[test]
    fn the_loss_of_y_hat_and_the_loss_of_z_agree(z in -15.0f64..15.0, label in any::<bool>()) {
        let y = f64::from(u8::from(label));
        let (of_z, of_y_hat) = (cross_entropy_at_z(z, y).unwrap(), cross_entropy(sigmoid(z), y).unwrap());
        prop_assert!((of_z - of_y_hat).abs() <= 1e-8 * of_z);
        let chain = cross_entropy_slope(sigmoid(z), y).unwrap() * Activation::Sigmoid.derivative(z);
        prop_assert!((chain - delta_at_z(z, y).unwrap()).abs() < 1e-8);
        prop_assert!((delta_at_z(z, y).unwrap() - (sigmoid(z) - y)).abs() < 1e-15);
        prop_assert!((logit(sigmoid(z.clamp(-5.0, 5.0))).unwrap() - z.clamp(-5.0, 5.0)).abs() < 1e-12);
    }
}

proptest! {
    // There are many cases, because some verdicts are rare.
    #![proptest_config(common::cases(2000))]

    /// The numbers and verdicts of the inspection agree with those that this test computes itself.
    #[test]
    fn the_inspection_agrees_with_the_numbers(
        sizes in sizes(), hidden in any_activation(), seed: u64, samples in 1usize..20,
        factors in prop::collection::vec(prop::sample::select(vec![0.0, 1.0, 1.0, 1e-5, 30.0]), 5),
    ) {
        let scaled = |layer: usize, w, b| (w * factors[layer % 5], b * factors[layer % 5]);
        let network = rebuilt(&random_network(&sizes, hidden, seed), scaled);
        let data = data(sizes[0], samples, seed);
        let trace = network.forward(data.x()).unwrap();
        let gradients = network.backward(&trace, data.y()).unwrap();
        let inspection = network.inspect(&data).unwrap();
        for row in inspection.layers() {
            let (a, delta) = (trace.a(row.layer - 1).unwrap(), gradients.delta(row.layer).unwrap());
            let (dw, db) = (gradients.dw(row.layer).unwrap(), gradients.db(row.layer).unwrap());
            let of_samples = || delta.axis_iter(Axis(1)).zip(a.axis_iter(Axis(1)));
            let size = |column: ArrayView1<f64>| column.iter().fold(0.0, |size: f64, v| size.max(v.abs()));
            let per_sample = of_samples().map(|(delta, a)| size(delta) * size(a)).fold(0.0, f64::max);
            prop_assert_eq!((row.input, row.delta, row.per_sample), (largest(a), largest(delta), per_sample));
            prop_assert_eq!((row.dw, row.db), (largest(dw), largest(db)));
            let zeros = dw.iter().filter(|&&v| v == 0.0).count();
            prop_assert_eq!((row.zeros_in_dw, row.entries_of_dw), (zeros, dw.len()));

            // The two factors of δ. At the output layer δ = ŷ − y has only one factor, so the slope counts as 1.
            let (mut above, mut slope, mut no_delta) = (delta.clone(), Array2::ones(delta.dim()), NoDelta::NoError);
            let mut terms_above = 0.0; // the size of the terms of what flows back: where they cancel, rounding shows
            if row.layer < network.layers() {
                above = network.weights(row.layer + 1).unwrap().t().dot(gradients.delta(row.layer + 1).unwrap());
                terms_above = largest(network.weights(row.layer + 1).unwrap())
                    * largest(gradients.delta(row.layer + 1).unwrap());
                slope = trace.z(row.layer).unwrap().mapv(|z| hidden.derivative(z));
                let a = trace.a(row.layer).unwrap();
                let off = |unit: usize| size(a.row(unit)) == 0.0 && size(slope.row(unit)) == 0.0;
                prop_assert_eq!(row.dead_units, Some((0..row.units).filter(|&unit| off(unit)).count()));
                prop_assert_eq!(row.slope, Some(largest(&slope)));
                no_delta = match (all_zero(&above), all_zero(&slope)) {
                    (true, true) => NoDelta::BothZero,
                    (true, false) => NoDelta::NothingFlowsBack,
                    (false, true) => NoDelta::SlopeZero,
                    (false, false) if above.iter().zip(&slope).all(|(&above, &slope)| above == 0.0 || slope == 0.0) => {
                        NoDelta::NeverTogether
                    }
                    (false, false) => NoDelta::Underflow,
                };
            } else {
                prop_assert_eq!((row.dead_units, row.slope), (None, None));
            }
            let (above, slope) = (largest(&above), largest(&slope));
            prop_assert!((row.flow_back - above).abs() <= 1e-12 * above.max(terms_above));

            let never_together = of_samples().all(|(delta, a)| size(delta) == 0.0 || size(a) == 0.0);
            let dw_and_db = [
                (row.dw_verdict, dw, row.input, per_sample, never_together),
                (row.db_verdict, db, 1.0, row.delta, row.delta == 0.0),
            ];
            for (found, gradient, input, terms, never_together) in dw_and_db {
                let expected = match (input == 0.0, row.delta == 0.0) {
                    _ if largest(gradient) >= 1e-7 => Verdict::Alive,
                    _ if !all_zero(gradient) => {
                        let Verdict::Small { cause, .. } = found else { panic!("{found:?}, and dW or db is small") };
                        // The gradient is the product of five factors. The cause is the smallest of them.
                        let (of_delta, of_terms) = (row.delta / (above * slope), terms / (row.delta * input));
                        let factor = |cause| match cause {
                            Factor::Input => input,
                            Factor::FlowBack => above,
                            Factor::Slope => slope,
                            Factor::Coincidence => of_delta * of_terms,
                            Factor::Mean => largest(gradient) / terms,
                            other => panic!("{other:?} is no factor that this test knows"),
                        };
                        let all = [Factor::Input, Factor::FlowBack, Factor::Slope, Factor::Coincidence, Factor::Mean];
                        let smallest = all.map(factor).into_iter().fold(f64::INFINITY, f64::min);
                        prop_assert!(factor(cause) <= smallest * (1.0 + 1e-9), "{cause:?} of {:?}", all.map(factor));
                        Verdict::Small { threshold: 1e-7, cause }
                    }
                    (true, true) => Verdict::InputAndDeltaZero(no_delta),
                    (true, false) => Verdict::InputZero,
                    (false, true) => Verdict::DeltaZero(no_delta),
                    (false, false) if never_together => Verdict::NeverTogether,
                    (false, false) if terms < f64::MIN_POSITIVE => Verdict::Underflow,
                    (false, false) => Verdict::Cancelled,
                };
                prop_assert_eq!(found, expected);
            }
        }
    }
}

/// Units that are equal stay equal to the last bit for 1000 steps, with every width and activation.
#[test]
fn identical_units_stay_identical() {
    for width in [2, 7, 16, 33] {
        for hidden in [Activation::Sigmoid, Activation::Tanh, Activation::Relu] {
            let mut network = Network::new(&[2, width, 5, 1], hidden, Init::Constant(0.1)).unwrap();
            network.set_weight(1, (1, 0), 0.3).unwrap(); // one unit differs, all others are equal
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
