//! A check calls functions that live on the other side of a socket.
#![cfg(unix)]

use std::os::unix::net::UnixListener;

use ndarray::{Array2, array};
use zero_init::exercise::{self, Reader, Value};
use zero_init::prelude::*;
use zero_init::{Error, Result};

fn travelled<T: Value>(value: &T) -> T {
    let mut bytes = Vec::new();
    value.write(&mut bytes);
    let mut reader = Reader::new(&bytes);
    let back = T::read(&mut reader).expect("what was written can be read");
    assert!(reader.is_at_end());
    for length in 0..bytes.len() {
        assert!(T::read(&mut Reader::new(&bytes[..length])).is_none(), "cut to {length} of {}", bytes.len());
    }
    back
}

#[test]
fn every_value_arrives_with_every_bit() {
    for number in [0.0, -0.0, 1.0 / 3.0, f64::MIN_POSITIVE / 8.0, f64::INFINITY, f64::from_bits(0x7ff8_0000_dead_beef)]
    {
        assert_eq!(travelled(&number).to_bits(), number.to_bits());
    }
    assert_eq!(travelled(&usize::MAX), usize::MAX);
    assert_eq!(travelled(&"δ = ŷ - y".to_owned()), "δ = ŷ - y");
    assert_eq!(travelled(&vec![(1_usize, true), (2, false)]), vec![(1, true), (2, false)]);
    let matrix = array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];
    assert_eq!(travelled(&matrix), matrix);
    assert_eq!(travelled(&matrix.t().to_owned()), matrix.t());
    for activation in Activation::ALL.into_iter().chain([Activation::ReluWithSlopeAtZero(0.25)]) {
        assert_eq!(travelled(&activation), activation);
        let network = Network::new(&[2, 3, 1], activation, Init::He { seed: 1 }).unwrap();
        assert_eq!(travelled(&network), network);
    }
    let starts = [Init::Zeros, Init::Constant(0.5), Init::Normal { scale: 10.0, seed: 1 }, Init::Xavier { seed: 2 }];
    for init in starts.into_iter().chain([Init::He { seed: 3 }]) {
        assert_eq!(travelled(&init), init);
    }
    assert_eq!(travelled::<Result<f64>>(&Ok(0.5)), Ok(0.5));
    let refused: Result<f64> = cross_entropy(2.0, 1.0);
    assert_eq!(travelled(&refused).unwrap_err().to_string(), refused.unwrap_err().to_string());
}

#[test]
fn bytes_that_are_no_value_are_refused() {
    let mut long = Vec::new();
    u64::MAX.write(&mut long);
    assert_eq!(Vec::<f64>::read(&mut Reader::new(&long)), None);
    assert_eq!(String::read(&mut Reader::new(&long)), None);
    assert_eq!(bool::read(&mut Reader::new(&[2])), None);
    let mut bytes = Vec::new();
    ((2_usize, 2_usize), vec![1.0, 2.0, 3.0]).write(&mut bytes);
    assert_eq!(Array2::<f64>::read(&mut Reader::new(&bytes)), None);
    let mut bytes = Vec::new();
    (vec![array![[f64::NAN]]], vec![array![[0.0]]], Activation::Relu).write(&mut bytes);
    assert_eq!(Network::read(&mut Reader::new(&bytes)), None);
}

mod student {
    use super::*;

    pub fn shapes(sizes: &[usize]) -> Vec<Array2<f64>> {
        sizes.windows(2).map(|pair| Array2::zeros((pair[1], pair[0]))).collect()
    }
    pub fn product(delta: &Array2<f64>, a: &Array2<f64>) -> Array2<f64> {
        delta.dot(&a.t())
    }
    pub fn refuse(z: f64) -> Result<f64> {
        logit(z)
    }
    pub fn crash(_: usize) -> f64 {
        panic!("not done yet")
    }
}

mod grader {
    use super::*;

    zero_init::ask!(
        fn shapes(sizes: &[usize]) -> Vec<Array2<f64>>,
        fn product(delta: &Array2<f64>, a: &Array2<f64>) -> Array2<f64>,
        fn refuse(z: f64) -> Result<f64>,
        fn crash(times: usize) -> f64,
        fn missing() -> f64,
    );
}

/// Runs this test program again as a judge, with the answering side here.
#[test]
fn a_check_in_another_process_sees_what_the_functions_return() {
    let folder = std::env::temp_dir().join(format!("zero-init-exercise-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("a.socket");
    let listener = UnixListener::bind(&path).unwrap();
    let outcome = |check: &str| {
        let socket = path.to_str().unwrap().to_owned();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                use student::{crash, product, refuse, shapes};
                zero_init::answer!(
                    socket.as_str(),
                    fn shapes(sizes: &[usize]) -> Vec<Array2<f64>>,
                    fn product(delta: &Array2<f64>, a: &Array2<f64>) -> Array2<f64>,
                    fn refuse(z: f64) -> Result<f64>,
                    fn crash(times: usize) -> f64,
                );
            });
            let (stream, _) = listener.accept().unwrap();
            let output = std::process::Command::new(std::env::current_exe().unwrap())
                .args([check, "--exact", "--ignored", "--nocapture", "judge"])
                .stdin(std::os::fd::OwnedFd::from(stream))
                .output()
                .unwrap();
            String::from_utf8(output.stdout).unwrap()
        })
    };
    assert!(outcome("good").contains("\npassed\n"));
    assert!(outcome("wrong").contains("the first entry: expected 4, got 3"));
    assert!(outcome("crash").contains("`crash`: not done yet"));
    assert!(outcome("missing").contains("`missing`: the arguments could not be read"));
    assert!(outcome("refused").contains("p: expected"));
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
#[ignore = "the other process of the test above"]
fn judge() {
    let code = exercise::judge(&[
        ("good", || {
            exercise::equal("the number of layers", grader::shapes(&[2, 10, 5, 1]).len(), 3)?;
            let (delta, a) = (array![[0.5, -0.5]], array![[1.0, 2.0]]);
            Ok(exercise::matrix("dW", &grader::product(&delta, &a), &array![[-0.5]])?)
        }),
        ("wrong", || {
            let (delta, a) = (array![[1.0, 1.0]], array![[1.0, 2.0]]);
            Ok(exercise::number("the first entry", grader::product(&delta, &a)[[0, 0]], 4.0)?)
        }),
        ("crash", || Ok(exercise::number("a crash", grader::crash(1), 0.0)?)),
        ("missing", || Ok(exercise::number("nothing", grader::missing(), 0.0)?)),
        ("refused", || Ok(exercise::number("logit", grader::refuse(2.0)?, 0.0)?)),
    ]);
    println!("{code:?}");
}

#[test]
fn checks_say_what_they_expected() {
    let nan = exercise::number("x", f64::NAN, 1.0).unwrap_err();
    assert_eq!(nan, Error::Exercise { message: "x: expected 1, got NaN".to_owned() });
    assert!(exercise::number("x", f64::NAN, f64::NAN).is_err());
    assert!(exercise::number("x", f64::INFINITY, f64::INFINITY).is_ok());
    assert!(exercise::number("x", f64::INFINITY, 1.0).is_err());
    assert!(exercise::number("x", 1.0 + 1e-10, 1.0).is_ok());
    let close = exercise::number("x", 1.0 + 1e-8, 1.0).unwrap_err();
    assert_eq!(close.to_string(), "x: expected 1, got 1.00000001");
    assert!(exercise::matrix("x", &array![[1.0], [2.0]], &array![[1.0, 2.0]]).is_err());
    assert!(exercise::matrix("x", &array![[1.0, f64::NAN]], &array![[1.0, 2.0]]).is_err());
}
