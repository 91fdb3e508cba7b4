//! Draws the figures that pages show outside of notebooks: `make figures`.

use zero_init::prelude::*;

fn main() -> zero_init::Result<()> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/notebooks/figures");
    let network = Network::new(&[2, 10, 5, 1], Activation::Relu, Init::Zeros)?;
    figure::signal(&network, &circles_train())?.save(format!("{folder}/signal.svg"))
}
