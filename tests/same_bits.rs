//! Tests that the results have the same bits on every machine. Each fingerprint is a hash of all bits of many results.
//!
//! A change of the crate that is meant to change bits needs new fingerprints here. A failed test prints them.

use ndarray::Array2;
use zero_init::prelude::*;

/// The FNV-1a hash, 64 bits wide, of all bits of the numbers.
fn fingerprint<'a>(numbers: impl IntoIterator<Item = &'a f64>) -> u64 {
    let bytes = numbers.into_iter().flat_map(|number| number.to_bits().to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

#[track_caller]
fn assert_fingerprint(what: &str, found: u64, expected: u64) {
    assert!(
        found == expected,
        "{what}: the bits have changed; the fingerprint is {found:#018x} instead of {expected:#018x}"
    );
}

/// The fingerprint of the parameters after the course's training. It starts with the course's normal numbers times a
/// factor for each layer.
fn parameters_after_the_course(factor: impl Fn(usize) -> f64) -> u64 {
    let weights: Vec<Array2<f64>> = course_normals().iter().map(|w| w * factor(w.ncols())).collect();
    let biases = weights.iter().map(|w| Array2::zeros((w.nrows(), 1))).collect();
    let mut network = Network::from_parameters(weights, biases, Activation::Relu).unwrap();
    Training::new(0.01, 15_000).run(&mut network, &circles_train()).unwrap();
    let layers = 1..=network.layers();
    fingerprint(layers.flat_map(|l| network.weights(l).unwrap().iter().chain(network.biases(l).unwrap())))
}

#[test]
fn training_from_zeros() {
    assert_fingerprint("zeros", parameters_after_the_course(|_| 0.0), 0xae74_642b_3e6c_cd85);
}

#[test]
fn training_from_large_random_weights() {
    assert_fingerprint("large random", parameters_after_the_course(|_| 10.0), 0x3576_0370_0d33_a94d);
}

#[test]
fn training_from_he_s_weights() {
    let he = |inputs: usize| (2.0 / inputs as f64).sqrt();
    assert_fingerprint("He", parameters_after_the_course(he), 0x7e47_ac27_68ff_baba);
}

/// This covers all elementary functions, except the logarithm of the random numbers and the sines and cosines of the
/// circles.
/// There are several blocks of samples. The last one has whole groups of lanes, groups of 4, and single samples.
#[test]
fn training_on_several_blocks() {
    let data = circles(Sampling { zeros: 700, ones: 787, noise: 0.1, seed: 1 }).unwrap(); // 3 · 480 + 47
    let mut network = Network::new(&[2, 10, 5, 1], Activation::Tanh, Init::He { seed: 1 }).unwrap();
    Training::new(0.1, 100).run(&mut network, &data).unwrap();
    let found = fingerprint(network.each_layer().flat_map(|(_, w, b)| w.iter().chain(b)));
    assert_fingerprint("several blocks", found, 0xce2c_5a6a_6968_42c1);
}

#[test]
fn activations_and_losses() {
    let zs = || (-4000..=4000).map(|step| f64::from(step) / 100.0);
    let mut numbers = Vec::new();
    for g in Activation::ALL {
        numbers.extend(zs().flat_map(|z| [g.value(z), g.derivative(z)]));
    }
    for y in [0.0, 1.0] {
        numbers.extend(zs().flat_map(|z| [cross_entropy_at_z(z, y).unwrap(), delta_at_z(z, y).unwrap()]));
        numbers.extend(zs().map(|z| cross_entropy(sigmoid(z), y).unwrap()));
    }
    numbers.extend(zs().map(|z| logit(sigmoid(z)).unwrap()));
    assert_fingerprint("activations and losses", fingerprint(&numbers), 0xfdac_be18_9090_d82b);
}

#[test]
fn random_weights_and_data() {
    let start = Network::new(&[50, 40, 1], Activation::Relu, Init::He { seed: 1 }).unwrap();
    let data = circles(Sampling { zeros: 500, ones: 500, noise: 0.1, seed: 1 }).unwrap();
    let numbers = start.weights(1).unwrap().iter().chain(start.weights(2).unwrap()).chain(data.x());
    assert_fingerprint("random weights and data", fingerprint(numbers), 0x38b4_ea87_2cc0_b53f);
}
