//! How a value is sent from one process to another: as bytes that keep every bit of it.

use std::fmt::Display;

use ndarray::Array2;

/// The largest number of entries of a list or matrix that is read from a message.
const LARGEST: usize = 10_000_000;

/// Bytes that are read from the first to the last.
///
/// ```
/// use exercise::{Reader, Value};
///
/// let mut bytes = Vec::new();
/// vec![(1.5, true)].write(&mut bytes);
/// let mut reader = Reader::new(&bytes);
/// assert_eq!(Value::read(&mut reader), Some(vec![(1.5, true)]));
/// assert!(reader.is_at_end());
/// assert_eq!(Vec::<(f64, bool)>::read(&mut Reader::new(&bytes[..bytes.len() - 1])), None);
/// ```
#[derive(Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader that begins at the first of these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader { rest: bytes }
    }

    /// Whether no byte is left.
    pub fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    /// The next length, if the bytes that are left can hold this number of entries of at least one byte each.
    fn length(&mut self) -> Option<usize> {
        usize::read(self).filter(|&length| length <= LARGEST.min(self.rest.len()))
    }
}

/// A type that a function of an exercise can return. If it is also [`Clone`], a function can take a reference to it;
/// what a function can take by value, [`Argument`] says.
///
/// There are implementations for `f64`, `usize`, `u64`, `bool`, `()`, `String` and matrices, with the feature
/// `zero-init` also for `Network`, `Init` and `Activation`, and for lists, pairs, triples and [`Result`]s of these.
/// Floating-point numbers keep every bit. The error of a `Result` can be a `String` or a `Box<dyn std::error::Error>`.
pub trait Value: Sized {
    /// Appends the value to the bytes.
    fn write(&self, bytes: &mut Vec<u8>);
    /// Reads the next bytes as a value, or returns `None` if they do not represent one.
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

/// An error is sent as its message.
impl<T: Value, E: Display + From<String>> Value for Result<T, E> {
    fn write(&self, bytes: &mut Vec<u8>) {
        self.is_ok().write(bytes);
        match self {
            Ok(value) => value.write(bytes),
            Err(error) => error.to_string().write(bytes),
        }
    }
    fn read(reader: &mut Reader) -> Option<Self> {
        Some(if bool::read(reader)? { Ok(T::read(reader)?) } else { Err(String::read(reader)?.into()) })
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

/// A type that a function of an exercise can take.
///
/// There are implementations for references to values that are [`Clone`], for `&str` and for slices of such values. By
/// value a function can take `f64`, `u64`, `usize`, `bool`, `String`, `Array2<f64>` and lists of `f64`, `usize` or
/// `Array2<f64>`, with the feature `zero-init` also `Network`, `Init` and `Activation`, and no other [`Value`] unless
/// there is an implementation for it:
///
/// ```
/// use exercise::{Argument, Reader, Value};
///
/// #[derive(Clone, Debug, PartialEq)]
/// struct Seed(u64);
///
/// impl Value for Seed {
///     fn write(&self, bytes: &mut Vec<u8>) {
///         self.0.write(bytes);
///     }
///     fn read(reader: &mut Reader) -> Option<Self> {
///         Value::read(reader).map(Seed)
///     }
/// }
///
/// exercise::ask!(fn next(seed: &Seed, all: &[Seed]) -> Seed);
///
/// impl<'a> Argument<'a> for Seed {
///     type Owned = Seed;
///     fn owned(self) -> Seed {
///         self
///     }
///     fn borrowed(owned: &'a Seed) -> Seed {
///         owned.clone()
///     }
/// }
///
/// exercise::ask!(fn drawn(seed: Seed) -> f64);
///
/// let owned = <&[Seed]>::owned(&[Seed(2), Seed(1)]);
/// assert_eq!(<&[Seed]>::borrowed(&owned), &[Seed(2), Seed(1)]);
/// ```
pub trait Argument<'a>: Sized {
    /// The type of the value that is sent.
    type Owned: Value + 'a;
    /// The value that is sent for this argument.
    fn owned(self) -> Self::Owned;
    /// The argument, from the value that was received.
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

// One implementation for every `T: Value` would overlap with the one above, for references: so there is one for each
// type.
macro_rules! by_value {
    ($($type:ty),+) => {
        $(impl<'a> $crate::Argument<'a> for $type {
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

#[cfg(feature = "zero-init")]
pub(crate) use by_value;

by_value!(f64, u64, usize, bool, String, Array2<f64>, Vec<f64>, Vec<usize>, Vec<Array2<f64>>);
