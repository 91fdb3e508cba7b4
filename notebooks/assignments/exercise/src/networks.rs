//! How networks, activations and initializations are sent to another process.

use ndarray::Array2;
use zero_init::{Activation, Init, Network};

use crate::value::{Reader, Value, by_value};

impl Value for Activation {
    fn write(&self, bytes: &mut Vec<u8>) {
        let (kind, parameter): (u64, f64) = match *self {
            Activation::Identity => (0, 0.0),
            Activation::Relu => (1, 0.0),
            Activation::ReluWithSlopeAtZero(slope) => (2, slope),
            Activation::LeakyRelu { slope } => (3, slope),
            Activation::Tanh => (4, 0.0),
            Activation::Sigmoid => (5, 0.0),
            Activation::Softplus => (6, 0.0),
            Activation::Silu => (7, 0.0),
            Activation::Gelu => (8, 0.0),
            other => panic!("{other:?} cannot be sent to another process yet"),
        };
        (kind, parameter).write(bytes);
    }
    fn read(reader: &mut Reader) -> Option<Self> {
        let (kind, parameter): (u64, f64) = Value::read(reader)?;
        Some(match kind {
            0 => Activation::Identity,
            1 => Activation::Relu,
            2 => Activation::ReluWithSlopeAtZero(parameter),
            3 => Activation::LeakyRelu { slope: parameter },
            4 => Activation::Tanh,
            5 => Activation::Sigmoid,
            6 => Activation::Softplus,
            7 => Activation::Silu,
            8 => Activation::Gelu,
            _ => return None,
        })
    }
}

impl Value for Init {
    fn write(&self, bytes: &mut Vec<u8>) {
        let (kind, parameter, seed): (u64, f64, u64) = match *self {
            Init::Zeros => (0, 0.0, 0),
            Init::Constant(value) => (1, value, 0),
            Init::Normal { scale, seed } => (2, scale, seed),
            Init::Xavier { seed } => (3, 0.0, seed),
            Init::He { seed } => (4, 0.0, seed),
            other => panic!("{other:?} cannot be sent to another process yet"),
        };
        (kind, parameter, seed).write(bytes);
    }
    fn read(reader: &mut Reader) -> Option<Self> {
        let (kind, parameter, seed): (u64, f64, u64) = Value::read(reader)?;
        Some(match kind {
            0 => Init::Zeros,
            1 => Init::Constant(parameter),
            2 => Init::Normal { scale: parameter, seed },
            3 => Init::Xavier { seed },
            4 => Init::He { seed },
            _ => return None,
        })
    }
}

impl Value for Network {
    fn write(&self, bytes: &mut Vec<u8>) {
        let layers = 1..=self.layers();
        let weights: Vec<Array2<f64>> = layers.clone().filter_map(|layer| self.weights(layer).ok().cloned()).collect();
        let biases: Vec<Array2<f64>> = layers.filter_map(|layer| self.biases(layer).ok().cloned()).collect();
        (weights, biases, self.activation()).write(bytes);
    }
    fn read(reader: &mut Reader) -> Option<Self> {
        let (weights, biases, hidden) = Value::read(reader)?;
        Network::from_parameters(weights, biases, hidden).ok()
    }
}

by_value!(Activation, Init, Network);
