//! Answers: what a reader sees of a network, at the step that the question says and, if asked, as it is trained on.

use std::io;

use serde_json::{Value, json};
use zero_init::prelude::*;

use crate::question::{Fault, MOST_STEPS, Question, whole};

/// At most twice this number of costs and norms is recorded, so that no picture gets too many points.
const RECORDS: usize = 200;

/// Answers a question, given as text. The first line is the question; a second line such as `to=15000&every=100` asks
/// to train on to that step, and for an answer at each step that is a multiple of `every`. A question that makes no
/// sense has one answer, which says why.
pub fn answer(text: &str, say: impl FnMut(Value) -> io::Result<()>) -> io::Result<()> {
    let mut say = say;
    match answers(text, &mut say) {
        Ok(result) => result,
        Err(fault) => say(json!({ "fault": fault })),
    }
}

fn answers(text: &str, mut say: impl FnMut(Value) -> io::Result<()>) -> Result<io::Result<()>, Fault> {
    let (first, second) = text.split_once('\n').unwrap_or((text, ""));
    let mut question: Question = first.parse()?;
    let (mut to, mut every) = (question.steps, usize::MAX);
    for (name, value) in form_urlencoded::parse(second.trim().as_bytes()) {
        match name.as_ref() {
            "to" => to = whole("to", &value, MOST_STEPS)?.max(question.steps),
            "every" => every = whole("every", &value, MOST_STEPS)?.max(1),
            _ => {}
        }
    }
    let (mut network, data) = (question.network()?, question.data()?);
    let from = question.steps;
    let shown = (from..=to).filter(|&step| step == from || step == to || step % every == 0).collect();
    let interval = (to / RECORDS).max(1);
    let training = question.training(to).record_cost(Steps::Every(interval));
    let training = training.record_norms(Steps::Every(interval));
    let mut said: Result<io::Result<()>, Fault> = Ok(Ok(()));
    let trained = training.watch(&mut network, &data, &Steps::At(shown), |step, network, history| {
        question.steps = step;
        if let Ok(Ok(())) = said {
            said = state(&question, network, &data, history).map(&mut say).map_err(|error| error.to_string());
        }
    });
    trained.map_err(|error| error.to_string())?;
    said
}

/// What is to be seen at a step.
fn state(question: &Question, network: &Network, data: &Dataset, history: &History) -> zero_init::Result<Value> {
    let inspection = network.inspect(data)?;
    let (signal, places) = figure::signal_with_places(network, data)?;
    let parameters: Vec<Value> = places
        .iter()
        .map(|place| {
            let (name, value) = match place.parameter {
                Parameter::Weight { layer, row, column } => {
                    (format!("w{layer}.{row}.{column}"), network.weights(layer)?[[row, column]])
                }
                Parameter::Bias { layer, row } => (format!("b{layer}.{row}"), network.biases(layer)?[[row, 0]]),
            };
            Ok(json!({ "name": name, "value": value, "from": place.from, "to": place.to }))
        })
        .collect::<zero_init::Result<_>>()?;
    let alive: Vec<bool> = inspection.layers().iter().map(|layer| layer.dw != 0.0).collect();
    let why: Vec<String> =
        inspection.layers().iter().map(|layer| format!("dW of layer {}: {}", layer.layer, layer.why_dw())).collect();
    let (cost, accuracy) = (network.cost(data)?, network.accuracy(data)?);
    Ok(json!({
        "question": question.to_string(),
        "step": question.steps,
        "cell": question.cell(),
        "said": format!("step {}: cost {cost:.4} nats, {:.1} % right", question.steps, 100.0 * accuracy),
        "alive": alive,
        "why": why,
        "table": inspection.rich().map(|(_, html)| html),
        "words": inspection.plain(),
        "signal": signal.svg(),
        "parameters": parameters,
        "boundary": figure::decision_boundary(network, data)?.svg(),
        "costs": figure::cost_curves(&[("this network", history)])?.svg(),
        "norms": figure::norm_map(history)?.svg(),
    }))
}
