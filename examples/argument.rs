//! The argument in a terminal. Run it with `cargo run --release --example argument`.

use zero_init::prelude::*;

fn main() -> zero_init::Result<()> {
    let data = circles_train();
    let network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Zeros)?;
    println!("Why does a network whose weights start at zero never learn?");
    println!("The course's circles, {}; layers {:?}, ReLU, every parameter 0.\n", data.plain(), network.sizes());

    println!("1. The loss at ŷ = 0.5 is the same for both labels, and its slope is not:");
    for y in [0.0, 1.0] {
        let (loss, slope) = (cross_entropy(0.5, y)?, cross_entropy_slope(0.5, y)?);
        println!("   y = {y}:  ℓ = {loss}, ∂ℓ/∂ŷ = {slope:+}");
    }

    let trace = network.forward(data.x())?;
    let gradients = network.backward(&trace, data.y())?;
    let pushed = |to: f64| gradients.delta(3).map(|delta| delta.iter().filter(|&&delta| delta == to).count());
    println!(
        "\n2. δ is not zero: of {} samples, {} have δ³ = -½, {} have δ³ = +½.",
        data.samples(),
        pushed(-0.5)?,
        pushed(0.5)?
    );

    println!("\n3. a is zero:");
    for layer in 0..=2 {
        println!("   a{layer}: all zero? {}", all_zero(trace.a(layer)?));
    }

    println!("\n4. So dW = δaᵀ/m is zero, each layer for a reason of its own:\n\n{}", network.inspect(&data)?);

    let mut trained = network.clone();
    Training::new(0.01, 15_000).run(&mut trained, &data)?;
    println!(
        "\nAfter 15000 steps of gradient descent: changed? {}. Cost: {}.",
        trained != network,
        trained.cost(&data)?
    );
    Ok(())
}
