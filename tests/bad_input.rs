//! Tests that bad input gives an error that names the argument, never a panic, and changes nothing.

mod common;

use ndarray::Array2;
use proptest::prelude::*;
use zero_init::prelude::*;

fn assert_error<T: std::fmt::Debug>(result: zero_init::Result<T>, expected: &str) {
    assert_eq!(result.unwrap_err().to_string(), expected);
}

fn network() -> Network {
    Network::new(&[2, 3, 1], Activation::Relu, Init::He { seed: 1 }).unwrap()
}

#[test]
fn sizes_of_impossible_networks_are_refused() {
    let new = |sizes: &[usize]| Network::new(sizes, Activation::Relu, Init::Zeros);
    assert_error(new(&[]), "sizes: expected at least 2 (inputs and the output unit), got 0");
    assert_error(new(&[2]), "sizes: expected at least 2 (inputs and the output unit), got 1");
    assert_error(new(&[0, 1]), "sizes: expected at least 1 unit in every layer, got 0 in layer 0");
    assert_error(new(&[2, 3, 2]), "sizes: expected 1 unit in the last layer, got 2 units");
    assert_error(new(&[2, 1_000_000_000, 1]), "sizes: expected at most 100000000 parameters, got [2, 1000000000, 1]");
    assert!(new(&[usize::MAX, usize::MAX, 1]).is_err());
}

#[test]
fn parameters_that_are_not_finite_or_do_not_fit_together_are_refused() {
    let refused = |weights, biases| Network::from_parameters(weights, biases, Activation::Relu);
    assert_error(refused(vec![], vec![]), "weights: expected at least 1 layer, got none");
    let w = array![[1.0, 2.0]];
    assert_error(refused(vec![w.clone()], vec![]), "biases: expected 1 layers, got 0");
    assert_error(
        refused(vec![w.clone()], vec![array![[1.0, 2.0]]]),
        "biases: expected shape (1, 1) in layer 1, got (1, 2)",
    );
    let chain = refused(vec![array![[1.0, 2.0]], array![[1.0, 2.0]]], vec![array![[0.0]], array![[0.0]]]);
    assert_error(chain, "weights: expected shape (1, 1) in layer 2, got (1, 2)");
    let nan = refused(vec![array![[1.0, f64::NAN]]], vec![array![[0.0]]]);
    assert_error(nan, "weights: expected finite numbers, got NaN at row 0, column 1");
    let infinite = refused(vec![w], vec![array![[f64::INFINITY]]]);
    assert_error(infinite, "biases: expected finite numbers, got inf at row 0, column 0");
    let slope = Network::new(&[2, 1], Activation::LeakyRelu { slope: f64::NAN }, Init::Zeros);
    assert_error(slope, "hidden: expected an activation with a finite slope, got LeakyRelu { slope: NaN }");
    let scale = Network::new(&[2, 1], Activation::Relu, Init::Normal { scale: -1.0, seed: 1 });
    assert_error(scale, "init: expected a finite number of at least 0, got -1");
    let constant = Network::new(&[2, 1], Activation::Relu, Init::Constant(f64::INFINITY));
    assert_error(constant, "init: expected a finite constant, got inf");
    assert!(network().with_biases(Init::He { seed: 1 }).unwrap_err().to_string().starts_with("biases: expected"));
    let overflow = Network::new(&[2, 30, 1], Activation::Relu, Init::Normal { scale: 1e308, seed: 1 });
    assert!(overflow.unwrap_err().to_string().starts_with("init: expected finite numbers, got"));
    let huge = Network::new(&[2, 3, 1], Activation::Relu, Init::Constant(1e308)).unwrap();
    assert_error(huge.collapse(), "weights: expected finite numbers, got inf at row 0, column 0");
    assert!(network().with_biases(Init::Xavier { seed: 1 }).is_err());
}

#[test]
fn samples_and_labels_that_do_not_fit_are_refused() {
    let (network, data) = (network(), circles_train());
    assert_error(network.forward(&Array2::zeros((3, 4))), "x: expected 2 rows (features), got 3 rows");
    assert_error(network.forward(&Array2::zeros((2, 0))), "x: expected at least 1 column (sample), got none");
    assert_error(network.forward(&array![[1.0], [f64::NAN]]), "x: expected finite numbers, got NaN at row 1, column 0");
    let trace = network.forward(data.x()).unwrap();
    assert_error(network.backward(&trace, &array![[0.0]]), "y: expected shape (1, 300), got (1, 1)");
    let half = Array2::from_elem((1, 300), 0.5);
    assert_error(network.backward(&trace, &half), "y: expected the labels 0 and 1, got 0.5");
    let other = Network::new(&[2, 4, 1], Activation::Relu, Init::Zeros).unwrap();
    assert_error(other.backward(&trace, data.y()), "trace: expected shape (4, 300) in layer 1, got (3, 300)");
    let deeper = Network::new(&[2, 3, 3, 1], Activation::Relu, Init::Zeros).unwrap();
    assert_error(deeper.backward(&trace, data.y()), "trace: expected 3 layers, got 2");
    assert_error(Dataset::new(Array2::zeros((0, 1)), array![[1.0]]), "x: expected at least 1 row (feature), got none");
    assert_error(
        Dataset::new(Array2::zeros((1, 0)), Array2::zeros((1, 0))),
        "x: expected at least 1 column (sample), got none",
    );
    assert_error(
        Dataset::new(array![[f64::INFINITY]], array![[1.0]]),
        "x: expected finite numbers, got inf at row 0, column 0",
    );
    assert_error(Dataset::new(array![[1.0]], array![[2.0]]), "y: expected the labels 0 and 1, got 2");
    assert_error(Dataset::new(array![[1.0]], array![[1.0, 0.0]]), "y: expected shape (1, 1), got (1, 2)");
    let wide = Network::new(&[1, 9_000_000, 1], Activation::Relu, Init::Zeros).unwrap();
    let error = wide.forward(&Array2::zeros((1, 200))).unwrap_err().to_string();
    assert_eq!(error, "x: expected at most 27 samples for 9000002 units, got 200");
}

#[test]
fn changes_and_subsets_of_a_data_set_beyond_its_bounds_are_refused() {
    let mut data = circles_train();
    assert_error(data.set_label(0, 0.5), "y: expected the labels 0 and 1, got 0.5");
    assert_error(data.set_label(300, 1.0), "sample: expected a number below 300, got 300");
    assert_eq!(data, circles_train());
    assert_error(data.subset(0, 0), "zeros, ones: expected at least 1 sample, got 0 and 0");
    assert_error(data.subset(151, 1), "zeros, ones: expected at most 150 and 150, got 151 and 1");
    assert_error(data.subset(1, 151), "zeros, ones: expected at most 150 and 150, got 1 and 151");
    let sampling = |zeros, ones, noise| two_blobs(Sampling { zeros, ones, noise, seed: 1 });
    assert_error(sampling(0, 0, 0.1), "zeros, ones: expected at least 1 sample, got 0 and 0");
    assert_error(sampling(1, 1, f64::NAN), "noise: expected a finite number of at least 0, got NaN");
    assert_error(sampling(1, 1, -0.1), "noise: expected a finite number of at least 0, got -0.1");
    assert!(sampling(usize::MAX, usize::MAX, 0.1).is_err());
    assert!(sampling(1_000_000_000, 0, 0.1).is_err());
}

#[test]
fn what_does_not_exist_is_refused_and_nothing_changes() {
    let mut changed = network();
    assert_error(changed.weights(0), "layer: expected a number from 1 to 2, got 0");
    assert_error(changed.biases(3), "layer: expected a number from 1 to 2, got 3");
    assert_error(
        changed.set_weight(1, (3, 0), 1.0),
        "row, column: expected a row below 3 and a column below 2, got (3, 0)",
    );
    assert_error(changed.set_weight(1, (0, 0), f64::NAN), "value: expected a finite number, got NaN");
    assert_error(changed.set_bias(2, 1, 1.0), "row, column: expected a row below 1 and a column below 1, got (1, 0)");
    assert_eq!(changed, network());
    let trace = network().forward(circles_train().x()).unwrap();
    assert!(trace.a(0).is_ok() && trace.a(3).is_err() && trace.z(0).is_err());
    let gradients = network().gradients(&circles_train()).unwrap();
    assert!(gradients.delta(0).is_err() && gradients.dw(3).is_err() && gradients.db(0).is_err());
    assert!(network().inspect(&circles_train()).unwrap().layer(3).is_err());
    assert_error(network().symmetry(1, -1.0), "tolerance: expected a finite number of at least 0, got -1");
    assert!(network().symmetry(3, 0.0).is_err());
    let missing = Parameter::Weight { layer: 1, row: 9, column: 0 };
    assert!(network().cost_change(&circles_train(), missing, 0.1).is_err());
    assert_error(
        network().cost_change(&circles_train(), missing, 0.0),
        "h: expected a finite number other than 0, got 0",
    );
    assert_error(
        network().cost_change(&circles_train(), missing, f64::NAN),
        "h: expected a finite number other than 0, got NaN",
    );
    assert!(network().weights_that_matter(&circles_train(), 0.0).is_err());
    let without_effect = network().check_gradients(&circles_train(), 1e-30).unwrap_err().to_string();
    assert!(without_effect.starts_with("h: expected a step that changes a parameter of"), "{without_effect}");
    assert_error(network().check_gradients(&circles_train(), 0.0), "h: expected a finite number above 0, got 0");
    assert!(cross_entropy(1.1, 0.0).is_err() && cross_entropy(f64::NAN, 0.0).is_err());
    assert!(cross_entropy(0.5, 0.5).is_err() && cross_entropy_slope(-0.1, 0.0).is_err());
    assert!(cross_entropy_at_z(f64::NAN, 1.0).is_err() && delta_at_z(0.0, 2.0).is_err());
    assert!(logit(1.5).is_err() && logit(f64::NAN).is_err());
}

#[test]
fn training_refuses_what_makes_no_sense_and_stops_where_it_diverges() {
    let run = |training: Training| {
        let mut trained = network();
        let result = training.run(&mut trained, &circles_train());
        assert_eq!(trained, network(), "a failed run must leave the network as it was");
        result
    };
    assert_error(run(Training::new(0.0, 10)), "learning_rate: expected a finite number above 0, got 0");
    assert_error(run(Training::new(f64::NAN, 10)), "learning_rate: expected a finite number above 0, got NaN");
    assert_error(
        run(Training::new(0.1, 10).record_cost(Steps::Every(0))),
        "record_cost: expected an interval of at least 1 step, got Every(0)",
    );
    assert_error(
        run(Training::new(0.1, 10).record_norms(Steps::At(vec![2, 1]))),
        "record_norms: expected steps in rising order, got [2, 1]",
    );
    assert_error(
        run(Training::new(0.1, 10).record_snapshots(Steps::At(vec![11]))),
        "record_snapshots: expected steps up to 10, got 11",
    );
    let records = Training::new(0.1, usize::MAX).record_cost(Steps::Every(1));
    assert!(run(records).unwrap_err().to_string().starts_with("record_cost: expected at most 10000000 records"));
    let norms = run(Training::new(0.1, 5_000_000).record_norms(Steps::Every(1)));
    assert_error(norms, "record_norms: expected at most 5000000 records, got 5000001");
    let snapshots = run(Training::new(0.1, 100_000_000).record_snapshots(Steps::Every(1)));
    assert_error(snapshots, "record_snapshots: expected at most 7692307 records, got 100000001");
    let keep = "keep: expected a probability above 0 and at most 1, got ";
    for (probability, came) in [(0.0, "0"), (1.1, "1.1"), (f64::NAN, "NaN")] {
        assert_error(run(Training::new(0.1, 1).dropout(probability, 1)), &format!("{keep}{came}"));
    }
    for record in [Training::record_cost, Training::record_norms] {
        let overflowing = Network::new(&[2, 3, 1], Activation::Identity, Init::Normal { scale: 1e200, seed: 1 });
        let training = record(Training::new(0.1, 0), Steps::Every(1));
        let diverged = training.run(&mut overflowing.unwrap(), &circles_train());
        assert_eq!(diverged, Err(zero_init::Error::Diverged { step: 0, learning_rate: 0.1 }));
    }
    let late = run(Training::new(1e200, 10).record_cost(Steps::Every(1)));
    assert_eq!(late, Err(zero_init::Error::Diverged { step: 1, learning_rate: 1e200 }));
    let diverged = run(Training::new(1e300, 10)).unwrap_err();
    assert!(matches!(diverged, zero_init::Error::Diverged { step, .. } if (1..=10).contains(&step)), "{diverged}");
    let mut descending = network();
    let gradients = descending.gradients(&circles_train()).unwrap();
    assert!(descending.descend(&gradients, f64::INFINITY).is_err());
    let steep = Dataset::new(array![[1e10, 1e10], [1e10, 1e10]], array![[0.0, 1.0]]).unwrap();
    let diverged = descending.descend(&descending.gradients(&steep).unwrap(), 1e308).unwrap_err().to_string();
    let expected = "training: expected finite numbers, got an infinite or NaN one after step 1 (learning rate 1";
    assert!(diverged.starts_with(expected), "{diverged}");
    let other = Network::new(&[2, 4, 1], Activation::Relu, Init::Zeros).unwrap();
    let of_other = other.gradients(&circles_train()).unwrap();
    assert_error(descending.descend(&of_other, 0.1), "gradients: expected shape (3, 2) in layer 1, got (4, 2)");
    let logistic = Network::new(&[2, 1], Activation::Relu, Init::Zeros).unwrap();
    assert!(descending.descend(&logistic.gradients(&circles_train()).unwrap(), 0.1).is_err());
    assert_eq!(descending, network());
}

fn unusual_number() -> impl Strategy<Value = f64> {
    prop_oneof![
        prop::sample::select(vec![
            0.0,
            -0.0,
            1.0,
            0.5,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            1e308,
            -1e308,
            1e-308
        ]),
        any::<f64>(),
    ]
}

/// A matrix, and labels for its columns. Most numbers are finite and most labels valid, so that many cases are
/// accepted.
fn unusual_samples() -> impl Strategy<Value = (Array2<f64>, Array2<f64>)> {
    let finite = prop::sample::select(vec![0.0, -0.0, 1.0, -2.5, 1e154, -1e308, 1e-308]);
    let label = prop_oneof![20 => prop::sample::select(vec![0.0, 1.0]), 1 => unusual_number()];
    (1usize..4, 1usize..4).prop_flat_map(move |(rows, columns)| {
        let number = prop_oneof![20 => finite.clone(), 1 => unusual_number()];
        let numbers = (prop::collection::vec(number, rows * columns), prop::collection::vec(label.clone(), columns));
        numbers.prop_map(move |(x, y)| {
            let matrix = |rows, numbers| Array2::from_shape_vec((rows, columns), numbers).unwrap();
            (matrix(rows, x), matrix(1, y))
        })
    })
}

fn unusual_matrix() -> impl Strategy<Value = Array2<f64>> {
    (0usize..4, 0usize..4).prop_flat_map(|(rows, columns)| {
        prop::collection::vec(unusual_number(), rows * columns)
            .prop_map(move |numbers| Array2::from_shape_vec((rows, columns), numbers).unwrap())
    })
}

proptest! {
    #![proptest_config(common::cases(256))]

    /// No input makes a function panic. Inputs that are accepted are passed on to all functions.
    #[test]
    fn nothing_panics(
        (x, y) in unusual_samples(), w in unusual_matrix(), b in unusual_matrix(), number in unusual_number(),
    ) {
        let first = Network::new(&[x.nrows(), w.nrows(), 1], Activation::Gelu, Init::Constant(number));
        let second = Network::new(&[x.nrows(), 2, 1], Activation::Tanh, Init::Normal { scale: 1e200, seed: 1 });
        let last = Array2::from_elem((1, w.nrows()), 1e300);
        let given = Network::from_parameters(vec![w.clone(), last], vec![b, array![[0.0]]], Activation::Silu);
        for network in first.into_iter().chain(second).chain(given) {
            if let Ok(trace) = network.forward(&x) {
                let _ = network.backward(&trace, &y);
            }
            if let Ok(data) = Dataset::new(x.clone(), y.clone()) {
                let _ = (network.inspect(&data).map(|i| i.plain()), network.cost(&data), network.accuracy(&data));
                let _ = network.check_gradients(&data, number);
                let training = Training::new(number, 3).record_cost(Steps::Every(1)).record_norms(Steps::Every(1));
                let _ = training.run(&mut network.clone(), &data);
                let _ = figure::signal(&network, &data).map(|figure| figure.plain());
                let _ = figure::path(&network, &data, &[0, 0, 0]).map(|figure| figure.plain());
                let _ = figure::decision_boundary(&network, &data);
            }
            let _ = (network.collapse(), network.symmetry(1, number).map(|s| s.plain()));
        }
        let _ = (w.plain(), w.rich(), figure::heat_map("w", &w));
        let _ = (cross_entropy(number, 1.0), cross_entropy_slope(number, 0.0), delta_at_z(number, 1.0), logit(number));
    }

    #[test]
    fn no_size_panics(
        sizes in prop::collection::vec(prop::sample::select(vec![0, 1, 2, 1000, 1_000_000_000, usize::MAX]), 0..5),
    ) {
        let network = Network::new(&sizes, Activation::Relu, Init::Zeros);
        let units_make_sense = sizes.iter().all(|units| (1..=1000).contains(units));
        let makes_sense = sizes.len() >= 2 && sizes.ends_with(&[1]) && units_make_sense;
        prop_assert_eq!(network.is_ok(), makes_sense);
    }
}
