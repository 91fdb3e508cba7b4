use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::signal::{ABOVE, Picture, RADIUS};
use super::{Area, BLUE, CHARACTER, Figure, GREY, INK, PALE, VERMILION, drawing, text_at};
use crate::argument::network::Network;
use crate::study::data::Dataset;
use crate::support::error::{Error, Result};
use crate::support::matrix::largest;
use crate::support::text::{number, superscript};

/// The height of a line of text, in pixels.
const LINE: i32 = 24;

/// One path through the network, from an input to the output, and what each weight on it gets from it.
///
/// A weight's gradient is the mean over the samples of a sum over all paths from an input to the output that go
/// through the weight. What a path adds to it is a product: the input x, the slope g′ of each hidden unit on the path,
/// δ of the output, and all weights of the path but the one whose gradient it is. (For networks of identity, ReLU or
/// leaky ReLU units whose biases are zero this is exact. For others it is exact for what lies behind the weight, and
/// what comes in through the weight is a.)
///
/// `units` has the path's unit in each layer, counted from 0: an input, a unit of each hidden layer, and 0 for the
/// output. The figure has the value of each weight on the path, the largest absolute values over the samples of x, g′
/// and δ, and for each weight the factors that are zero for every sample. Errors if `units` is not such a path, if one
/// of its units is not drawn (of more than 10 units, the first 4 and the last 4 are), if the network has more than 12
/// layers, or if the data has another number of features.
///
/// ```
/// use zero_init::prelude::*;
///
/// let network = Network::new(&[2, 10, 5, 1], Activation::Tanh, Init::Zeros)?;
/// let figure = figure::path(&network, &circles_train(), &[0, 3, 1, 0])?;
/// assert!(figure.text().contains("dw³ gets x · w¹ · g′¹ · w² · g′² · δ; zero are w¹ and w²."));
/// # Ok::<(), zero_init::Error>(())
/// ```
pub fn path(network: &Network, data: &Dataset, units: &[usize]) -> Result<Figure> {
    let picture = Picture::new(network, data)?;
    let places = places(network, &picture, units)?;
    let factors = factors(network, data, units)?;
    let shares: Vec<[String; 2]> = (1..=network.layers()).map(|layer| share(&factors, layer)).collect();
    let names: Vec<String> = units.iter().map(usize::to_string).collect();
    let title = format!("One path through the network {:?}", network.sizes());
    let values: Vec<String> =
        factors.iter().map(|factor| format!("{} {}", factor.name, number(factor.value))).collect();
    let sentences: Vec<String> = shares.iter().map(|[gets, zero]| format!("{gets}; {zero}.")).collect();
    let text = format!(
        "{title}: through the units {}. On it: {}. {}",
        names.join(", "),
        values.join(", "),
        sentences.join(" ")
    );
    let foot = ABOVE + picture.height + 22;
    let size = (picture.width as u32, (34 + foot + (4 + shares.len() as i32) * LINE) as u32);
    Figure::draw(&title, text, size, |area| {
        draw_network(area, &picture, network.layers())?;
        for (layer, pair) in places.windows(2).enumerate() {
            draw_weight(area, [pair[0], pair[1]], &factors[2 * layer + 1])?;
        }
        for &place in &places {
            area.draw(&Circle::new(place, RADIUS, INK.filled())).map_err(drawing)?;
        }
        for (column, factor) in factors.iter().step_by(2).enumerate() {
            let color = if column == network.layers() { VERMILION } else { BLUE };
            let text = format!("{} {}", factor.name, number(factor.value));
            area.draw(&text_at(text, (picture.x(column), foot), HPos::Center, color)).map_err(drawing)?;
        }
        let left = picture.x(0) - RADIUS;
        let heading = "What each weight's gradient gets from this path: the product of the other factors on it";
        let wide = (shares.iter().map(|[gets, _]| gets.chars().count()).max().unwrap_or(0) as u32 * CHARACTER) as i32;
        area.draw(&text_at(heading, (left, foot + 2 * LINE), HPos::Left, INK)).map_err(drawing)?;
        for ([gets, zero], line) in shares.iter().zip(3..) {
            let y = foot + line * LINE;
            area.draw(&text_at(gets, (left, y), HPos::Left, INK)).map_err(drawing)?;
            area.draw(&text_at(zero, (left + wide, y), HPos::Left, VERMILION)).map_err(drawing)?;
        }
        let y = foot + (3 + shares.len() as i32) * LINE;
        let legend = "Of x, g′ and δ: the largest absolute value over all samples";
        area.draw(&text_at(legend, (left, y), HPos::Left, INK)).map_err(drawing)
    })
}

/// A factor on a path: x, w¹, g′¹, w², …, δ.
struct Factor {
    name: String,
    /// The value of a weight; the largest absolute value of the others over the samples.
    value: f64,
}

/// The factors from the input to the output: every second one is a weight.
fn factors(network: &Network, data: &Dataset, units: &[usize]) -> Result<Vec<Factor>> {
    let trace = network.forward(data.x())?;
    let gradients = network.backward(&trace, data.y())?;
    let mut factors = vec![Factor { name: "x".to_string(), value: largest(data.x().row(units[0])) }];
    for layer in 1..=network.layers() {
        let l = superscript(layer);
        let weight = network.weights(layer)?[[units[layer], units[layer - 1]]];
        factors.push(Factor { name: format!("w{l}"), value: weight });
        factors.push(if layer < network.layers() {
            let slopes = trace.z(layer)?.row(units[layer]).mapv(|z| network.activation().derivative(z));
            Factor { name: format!("g′{l}"), value: largest(&slopes) }
        } else {
            Factor { name: "δ".to_string(), value: largest(gradients.delta(layer)?) }
        });
    }
    Ok(factors)
}

/// What the weight of a layer gets from the path, and which of these factors are zero.
fn share(factors: &[Factor], layer: usize) -> [String; 2] {
    let others = || factors.iter().enumerate().filter(|&(index, _)| index != 2 * layer - 1).map(|(_, factor)| factor);
    let product: Vec<&str> = others().map(|factor| factor.name.as_str()).collect();
    let zero: Vec<&str> = others().filter(|factor| factor.value == 0.0).map(|factor| factor.name.as_str()).collect();
    let zero = match zero.as_slice() {
        [] => "none is zero".to_string(),
        [one] => format!("zero is {one}"),
        [first @ .., last] => format!("zero are {} and {last}", first.join(", ")),
    };
    [format!("dw{} gets {}", superscript(layer), product.join(" · ")), zero]
}

/// Where the units of the path are. Errors if it is not a path, or if a unit is not drawn.
fn places(network: &Network, picture: &Picture, units: &[usize]) -> Result<Vec<(i32, i32)>> {
    let sizes = network.sizes();
    if units.len() != sizes.len() {
        let expected = format!("{} units, one for each of the layers {sizes:?}", sizes.len());
        return Err(Error::shape("units", expected, units.len().to_string()));
    }
    let place = |(column, &unit): (usize, &usize)| {
        let slot = picture.slots(column).find(|&(_, shown)| shown == Some(unit));
        slot.map(|(y, _)| (picture.x(column), y)).ok_or_else(|| {
            let drawn: Vec<String> = picture.slots(column).filter_map(|(_, unit)| Some(unit?.to_string())).collect();
            Error::value("units", format!("for layer {column} one of {}", drawn.join(", ")), unit.to_string())
        })
    };
    units.iter().enumerate().map(place).collect()
}

/// Draws all weights and units in grey.
fn draw_network(area: &Area, picture: &Picture, layers: usize) -> Result<()> {
    for right in 1..=layers {
        for (y0, from) in picture.slots(right - 1) {
            for (y1, to) in picture.slots(right) {
                if from.is_some() && to.is_some() {
                    let ends = [(picture.x(right - 1), y0), (picture.x(right), y1)];
                    area.draw(&PathElement::new(ends, PALE)).map_err(drawing)?;
                }
            }
        }
    }
    for column in 0..=layers {
        for (y, unit) in picture.slots(column) {
            let place = (picture.x(column), y);
            if unit.is_some() {
                area.draw(&Circle::new(place, RADIUS, WHITE.filled())).map_err(drawing)?;
                area.draw(&Circle::new(place, RADIUS, GREY)).map_err(drawing)?;
            } else {
                area.draw(&text_at("⋮", place, HPos::Center, INK)).map_err(drawing)?;
            }
        }
    }
    Ok(())
}

/// Draws a weight of the path with its name and value in the middle.
fn draw_weight(area: &Area, ends: [(i32, i32); 2], factor: &Factor) -> Result<()> {
    area.draw(&PathElement::new(ends, INK.stroke_width(3))).map_err(drawing)?;
    let text = format!("{} = {}", factor.name, number(factor.value));
    let middle = ((ends[0].0 + ends[1].0) / 2, (ends[0].1 + ends[1].1) / 2);
    let half = (text.chars().count() as u32 * CHARACTER / 2 + 2) as i32;
    let corners = [(middle.0 - half, middle.1 - 11), (middle.0 + half, middle.1 + 11)];
    area.draw(&Rectangle::new(corners, WHITE.filled())).map_err(drawing)?;
    area.draw(&Rectangle::new(corners, GREY)).map_err(drawing)?;
    area.draw(&text_at(text, middle, HPos::Center, INK)).map_err(drawing)
}
