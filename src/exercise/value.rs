//! How a value travels from one process to another: as bytes, and back with every bit.

use ndarray::Array2;

use crate::{Activation, Error, Init, Network, Result};

/// The entries of a list or matrix that a message may announce.
const LARGEST: usize = 10_000_000;

/// Bytes that are read from the front.
///
/// ```
/// use zero_init::exercise::{Reader, Value};
///
/// let mut bytes = Vec::new();
/// (1.5, true).write(&mut bytes);
/// let back: (f64, bool) = Value::read(&mut Reader::new(&bytes)).unwrap();
/// assert_eq!(back, (1.5, true));
/// ```
#[derive(Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader of all these bytes.
    ///
    /// ```
    /// assert!(zero_init::exercise::Reader::new(&[]).is_at_end());
    /// ```
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader { rest: bytes }
    }

    /// Whether no byte is left.
    ///
    /// ```
    /// assert!(!zero_init::exercise::Reader::new(&[1]).is_at_end());
    /// ```
    pub fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    /// A length that the bytes at hand can hold, at one byte an entry or more.
    fn length(&mut self) -> Option<usize> {
        usize::read(self).filter(|&length| length <= LARGEST.min(self.rest.len()))
    }
}

/// A type that a function of an exercise can take or return.
///
/// There are implementations for `f64`, `usize`, `u64`, `bool`, `String`, matrices, [`Network`], [`Init`] and
/// [`Activation`], and for lists, pairs, triples and [`Result`]s of these. Floating-point numbers keep every bit.
///
/// ```
/// use zero_init::exercise::{Reader, Value};
///
/// let mut bytes = Vec::new();
/// vec![2_usize, 10].write(&mut bytes);
/// assert_eq!(Vec::<usize>::read(&mut Reader::new(&bytes)), Some(vec![2, 10]));
/// assert_eq!(Vec::<usize>::read(&mut Reader::new(&bytes[1..])), None);
/// ```
pub trait Value: Sized {
    /// Appends the value to the bytes.
    fn write(&self, bytes: &mut Vec<u8>);
    /// The value that the next bytes are, or `None` if they are none.
    fn read(reader: &mut Reader) -> Option<Self>;
}

impl Value for u64 {
    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.to_le_bytes());
    }
    fn read(reader: &mut Reader) -> Option<Self> {
        Some(u64::from_le_bytes(reader.take(8)?.try_into().ok()?))
    }
}

impl Value for usize {
    fn write(&self, bytes: &mut Vec<u8>) {
        (*self as u64).write(bytes);
    }
    fn read(reader: &mut Reader) -> Option<Self> {
        u64::read(reader)?.try_into().ok()
    }
}

impl Value for f64 {
    fn write(&self, bytes: &mut Vec<u8>) {
        self.to_bits().write(bytes);
    }
    fn read(reader: &mut Reader) -> Option<Self> {
        u64::read(reader).map(f64::from_bits)
    }
}

impl Value for bool {
    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.push(u8::from(*self));
    }
    fn read(reader: &mut Reader) -> Option<Self> {
        match reader.take(1)? {
            [0] => Some(false),
            [1] => Some(true),
            _ => None,
        }
    }
}

impl Value for () {
    fn write(&self, _: &mut Vec<u8>) {}
    fn read(_: &mut Reader) -> Option<Self> {
        Some(())
    }
}

impl Value for String {
    fn write(&self, bytes: &mut Vec<u8>) {
        self.len().write(bytes);
        bytes.extend(self.as_bytes());
    }
    fn read(reader: &mut Reader) -> Option<Self> {
        let length = reader.length()?;
        String::from_utf8(reader.take(length)?.to_vec()).ok()
    }
}

impl<T: Value> Value for Vec<T> {
    fn write(&self, bytes: &mut Vec<u8>) {
        self.len().write(bytes);
        for item in self {
            item.write(bytes);
        }
    }
    fn read(reader: &mut Reader) -> Option<Self> {
        let length = reader.length()?;
        (0..length).map(|_| T::read(reader)).collect()
    }
}

impl<A: Value, B: Value> Value for (A, B) {
    fn write(&self, bytes: &mut Vec<u8>) {
        self.0.write(bytes);
        self.1.write(bytes);
    }
    fn read(reader: &mut Reader) -> Option<Self> {
        Some((A::read(reader)?, B::read(reader)?))
    }
}

impl<A: Value, B: Value, C: Value> Value for (A, B, C) {
    fn write(&self, bytes: &mut Vec<u8>) {
        self.0.write(bytes);
        self.1.write(bytes);
        self.2.write(bytes);
    }
    fn read(reader: &mut Reader) -> Option<Self> {
        Some((A::read(reader)?, B::read(reader)?, C::read(reader)?))
    }
}

/// What went wrong arrives as its message.
impl<T: Value> Value for Result<T> {
    fn write(&self, bytes: &mut Vec<u8>) {
        self.is_ok().write(bytes);
        match self {
            Ok(value) => value.write(bytes),
            Err(error) => error.to_string().write(bytes),
        }
    }
    fn read(reader: &mut Reader) -> Option<Self> {
        Some(if bool::read(reader)? {
            Ok(T::read(reader)?)
        } else {
            Err(Error::Exercise { message: String::read(reader)? })
        })
    }
}

impl Value for Array2<f64> {
    fn write(&self, bytes: &mut Vec<u8>) {
        self.dim().write(bytes);
        self.iter().copied().collect::<Vec<f64>>().write(bytes);
    }
    fn read(reader: &mut Reader) -> Option<Self> {
        let (shape, entries) = Value::read(reader)?;
        Array2::from_shape_vec::<(usize, usize)>(shape, entries).ok()
    }
}

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
        (self.weights.clone(), self.biases.clone(), self.hidden).write(bytes);
    }
    fn read(reader: &mut Reader) -> Option<Self> {
        let (weights, biases, hidden) = Value::read(reader)?;
        Network::from_parameters(weights, biases, hidden).ok()
    }
}

/// A type that a function of an exercise can take: a [`Value`], or a reference to one.
///
/// ```
/// use zero_init::exercise::Argument;
///
/// let owned: Vec<usize> = <&[usize]>::owned(&[2, 1]);
/// assert_eq!(<&[usize]>::borrowed(&owned), &[2, 1]);
/// ```
pub trait Argument<'a>: Sized {
    /// What travels.
    type Owned: Value + 'a;
    /// The argument, as it travels.
    fn owned(self) -> Self::Owned;
    /// The argument, from what travelled.
    fn borrowed(owned: &'a Self::Owned) -> Self;
}

impl<'a, T: ToOwned + ?Sized> Argument<'a> for &'a T
where
    T::Owned: Value + 'a,
{
    type Owned = T::Owned;
    fn owned(self) -> T::Owned {
        self.to_owned()
    }
    fn borrowed(owned: &'a T::Owned) -> Self {
        std::borrow::Borrow::borrow(owned)
    }
}

// One by one, since a type of another crate could make an implementation for every `T: Value` ambiguous.
macro_rules! by_value {
    ($($type:ty),+) => {
        $(impl<'a> Argument<'a> for $type {
            type Owned = $type;
            fn owned(self) -> $type {
                self
            }
            fn borrowed(owned: &'a $type) -> $type {
                owned.clone()
            }
        })+
    };
}

by_value!(
    f64,
    u64,
    usize,
    bool,
    String,
    Array2<f64>,
    Vec<f64>,
    Vec<usize>,
    Vec<Array2<f64>>,
    Activation,
    Init,
    Network
);
