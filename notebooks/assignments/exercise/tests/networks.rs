//! Tests that networks, initializations and activations arrive as they were sent, and that invalid bytes are refused.

use exercise::{Argument, Reader, Value};
use ndarray::array;
use zero_init::{Activation, Init, Network};

fn sent_and_received<T: Value>(value: &T) -> T {
    let mut bytes = Vec::new();
    value.write(&mut bytes);
    T::read(&mut Reader::new(&bytes)).expect("what was written can be read")
}

#[test]
fn networks_and_what_they_are_made_of_arrive_with_every_bit() {
    for activation in Activation::ALL.into_iter().chain([Activation::ReluWithSlopeAtZero(0.25)]) {
        assert_eq!(sent_and_received(&activation), activation);
        let network = Network::new(&[2, 3, 1], activation, Init::He { seed: 1 }).unwrap();
        assert_eq!(sent_and_received(&network), network);
        assert_eq!(Network::borrowed(&<&Network>::owned(&network)), network);
    }
    let starts = [Init::Zeros, Init::Constant(0.5), Init::Normal { scale: 10.0, seed: 1 }, Init::Xavier { seed: 2 }];
    for init in starts.into_iter().chain([Init::He { seed: 3 }]) {
        assert_eq!(sent_and_received(&init), init);
    }
}

#[test]
fn bytes_that_do_not_represent_a_network_are_refused() {
    let mut bytes = Vec::new();
    (vec![array![[f64::NAN]]], vec![array![[0.0]]], Activation::Relu).write(&mut bytes);
    assert_eq!(Network::read(&mut Reader::new(&bytes)), None);
}
