//! Measures the time of training.
//!
//! With the argument `course`, the program prints the seconds that the course's run takes. With `step SAMPLES WIDTH`,
//! it prints the seconds that one step of the network [2, WIDTH, WIDTH, 1] takes, and the number of its floating-point
//! operations; if WIDTH is 0 or missing, the network is [2, 10, 5, 1]. Without arguments, as in `make bench`, it starts
//! `bench.py`, which calls this program, compares it with NumPy and JAX, and prints tables.

use std::time::Instant;

use zero_init::prelude::*;

fn main() -> zero_init::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let number = |n: usize| arguments.get(n).and_then(|a| a.parse().ok()).unwrap_or(0);
    match arguments.first().map(String::as_str) {
        Some("step") => step(number(1), number(2)),
        Some("course") => course(),
        _ => compare(),
    }
}

fn compare() -> zero_init::Result<()> {
    let program = std::env::current_exe().expect("the path of this program");
    let python = std::env::var("BENCH_PYTHON").unwrap_or_else(|_| "python3".to_string());
    let status = std::process::Command::new(python).arg("benches/bench.py").arg(program).status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "bench.py needs a Python with NumPy and JAX: use `make bench`"
    );
    Ok(())
}

fn course() -> zero_init::Result<()> {
    let data = circles_train();
    let mut network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::He { seed: 1 })?;
    println!("{}", seconds(15_000, &mut network, &data)?);
    Ok(())
}

fn step(samples: usize, width: usize) -> zero_init::Result<()> {
    let data = circles(Sampling { zeros: samples / 2, ones: samples / 2, noise: 0.05, seed: 1 })?;
    let sizes = if width == 0 { vec![2, 10, 5, 1] } else { vec![2, width, width, 1] };
    let mut network = Network::new(&sizes, Activation::Relu, Init::He { seed: 1 })?;
    let weights: usize = sizes.windows(2).map(|n| n[0] * n[1]).sum();
    // W a, dW and, in all layers but the first, Wᵀδ: each takes a multiplication and an addition for a weight and a
    // sample.
    let operations = 2 * samples * (3 * weights - sizes[0] * sizes[1]);
    let once = seconds(1, &mut network, &data)?;
    let steps = ((0.3 / once) as usize).clamp(1, 10_000);
    let best = (0..5).map(|_| seconds(steps, &mut network, &data)).collect::<zero_init::Result<Vec<f64>>>()?;
    let best = best.into_iter().fold(f64::INFINITY, f64::min) / steps as f64;
    println!("{best:e} {operations}");
    Ok(())
}

fn seconds(steps: usize, network: &mut Network, data: &Dataset) -> zero_init::Result<f64> {
    let start = Instant::now();
    Training::new(0.001, steps).run(network, data)?;
    Ok(start.elapsed().as_secs_f64())
}
