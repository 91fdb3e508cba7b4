//! Tests that a check can call functions of another process through a socket.
#![cfg(unix)]

use std::os::unix::net::UnixListener;

use exercise::{Reader, Value};
use ndarray::{Array2, array};

fn sent_and_received<T: Value>(value: &T) -> T {
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
        assert_eq!(sent_and_received(&number).to_bits(), number.to_bits());
    }
    assert_eq!(sent_and_received(&usize::MAX), usize::MAX);
    assert_eq!(sent_and_received(&"δ = ŷ - y".to_owned()), "δ = ŷ - y");
    assert_eq!(sent_and_received(&vec![(1_usize, true), (2, false)]), vec![(1, true), (2, false)]);
    let matrix = array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];
    assert_eq!(sent_and_received(&matrix), matrix);
    assert_eq!(sent_and_received(&matrix.t().to_owned()), matrix.t());
    assert_eq!(sent_and_received::<Result<f64, String>>(&Ok(0.5)), Ok(0.5));
    let refused: Result<f64, Box<dyn std::error::Error>> = Err("p: expected a probability".into());
    assert_eq!(sent_and_received(&refused).unwrap_err().to_string(), "p: expected a probability");
}

#[test]
fn bytes_that_do_not_represent_a_value_are_refused() {
    let mut long = Vec::new();
    u64::MAX.write(&mut long);
    assert_eq!(Vec::<f64>::read(&mut Reader::new(&long)), None);
    assert_eq!(String::read(&mut Reader::new(&long)), None);
    assert_eq!(bool::read(&mut Reader::new(&[2])), None);
    let mut bytes = Vec::new();
    ((2_usize, 2_usize), vec![1.0, 2.0, 3.0]).write(&mut bytes);
    assert_eq!(Array2::<f64>::read(&mut Reader::new(&bytes)), None);
}

mod student {
    use super::*;

    pub fn shapes(sizes: &[usize]) -> Vec<Array2<f64>> {
        sizes.windows(2).map(|pair| Array2::zeros((pair[1], pair[0]))).collect()
    }
    pub fn product(delta: &Array2<f64>, a: &Array2<f64>) -> Array2<f64> {
        delta.dot(&a.t())
    }
    pub fn refuse(p: f64) -> Result<f64, String> {
        Err(format!("p: expected a probability, got {p}"))
    }
    pub fn crash(_: usize) -> f64 {
        panic!("not done yet")
    }
}

mod grader {
    use super::*;

    exercise::ask!(
        fn shapes(sizes: &[usize]) -> Vec<Array2<f64>>,
        fn product(delta: &Array2<f64>, a: &Array2<f64>) -> Array2<f64>,
        fn refuse(p: f64) -> Result<f64, String>,
        fn crash(times: usize) -> f64,
        fn missing() -> f64,
    );
}

/// Runs this test program again as the grader's process; this process answers its calls.
#[test]
fn a_check_in_another_process_sees_what_the_functions_return() {
    let folder = std::env::temp_dir().join(format!("exercise-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("a.socket");
    let listener = UnixListener::bind(&path).unwrap();
    let outcome = |check: &str| {
        let socket = path.to_str().unwrap().to_owned();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                use student::{crash, product, refuse, shapes};
                exercise::answer!(
                    socket.as_str(),
                    fn shapes(sizes: &[usize]) -> Vec<Array2<f64>>,
                    fn product(delta: &Array2<f64>, a: &Array2<f64>) -> Array2<f64>,
                    fn refuse(p: f64) -> Result<f64, String>,
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
    assert!(outcome("refused").contains("p: expected a probability, got 2"));
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
        ("refused", || Ok(exercise::number("a refusal", grader::refuse(2.0)?, 0.0)?)),
    ]);
    println!("{code:?}");
}

#[test]
fn checks_say_what_they_expected() {
    let nan = exercise::number("x", f64::NAN, 1.0).unwrap_err();
    assert_eq!(nan.to_string(), "x: expected 1, got NaN");
    let close = exercise::number("x", 1.0 + 1e-8, 1.0).unwrap_err();
    assert_eq!(close.to_string(), "x: expected 1, got 1.00000001");
    let far = exercise::number("x", -1e300, 1e-300).unwrap_err();
    assert_eq!(far.to_string(), "x: expected 1e-300, got -1e300");
    let shapes = exercise::matrix("x", &array![[1.0], [2.0]], &array![[1.0, 2.0]]).unwrap_err();
    assert_eq!(shapes.to_string(), "x: expected a matrix of 1 × 2, got 2 × 1");
    assert!(exercise::matrix("x", &array![[1.0, f64::NAN]], &array![[1.0, 2.0]]).is_err());
}

#[test]
fn a_number_passes_only_near_the_expected_one() {
    const INFINITY: f64 = f64::INFINITY;
    for (got, expected, passes) in [
        (1.0 + 1e-10, 1.0, true),
        (1e12 + 1.0, 1e12, true),
        (0.0, -0.0, true),
        (INFINITY, INFINITY, true),
        (-INFINITY, -INFINITY, true),
        (1.0 + 1e-8, 1.0, false),
        (INFINITY, 1.0, false),
        (0.0, INFINITY, false),
        (f64::MAX, INFINITY, false),
        (INFINITY, -INFINITY, false),
        (f64::NAN, 1.0, false),
        (f64::NAN, INFINITY, false),
        (f64::NAN, f64::NAN, false),
        (1.0, f64::NAN, false),
    ] {
        assert_eq!(exercise::number("x", got, expected).is_ok(), passes, "expected {expected}, got {got}");
    }
}
