//! The samples of a training step, worked through in blocks.
//!
//! A forward and a backward pass over many samples at once would write every z, a and δ to memory and read it back. In
//! a block of samples, those of a small network stay in the processor's cache, so that a sample costs the same in a
//! small and in a large batch. dW and db are always added up in the order of the blocks, whichever thread has computed
//! them. So the number of threads changes no bit of the result.

use std::ops::Range;
use std::thread;

use ndarray::{Array2, Axis};

use super::data::Dataset;
use super::dropout::Dropout;
use crate::argument::gradients::Gradients;
use crate::argument::loss::mean_loss;
use crate::argument::network::{Network, Trace};
use crate::support::error::{Error, Result};
use crate::support::matrix::{Layers, blocks};
use crate::support::random::{Random, Stream};

/// At most this number of blocks can have sums that wait to be added up in order.
const MOST_SUMS: usize = 256;

/// At most this number of numbers can wait, in the sums of all these blocks together.
const MOST_NUMBERS: usize = 16_000_000;

/// A thread gets at least this number of blocks: to start it takes about as long as one block of a small network.
const LEAST_BLOCKS: usize = 8;

/// The samples of a step, and everything that the passes over them need and compute.
pub(crate) struct Batch {
    blocks: Vec<Block>,
    workers: Vec<Worker>,
    /// dW and db of single blocks, which wait to be added up. One worker alone adds them up itself and needs none of
    /// these.
    block_sums: Vec<Gradients>,
    total: Gradients,
}

/// Samples that are worked through at once.
struct Block {
    x: Array2<f64>,
    y: Array2<f64>,
    /// z of the output unit in the last pass.
    z: Array2<f64>,
}

impl Batch {
    /// The first `size` samples of a data set; [`load`](Batch::load) puts others in their place. Errors if the samples
    /// do not fit the network.
    pub(crate) fn new(network: &Network, data: &Dataset, size: usize, dropout: Option<Dropout>) -> Result<Self> {
        Batch::with_threads(network, data, size, dropout, thread::available_parallelism().map_or(1, usize::from))
    }

    fn with_threads(
        network: &Network,
        data: &Dataset,
        size: usize,
        dropout: Option<Dropout>,
        threads: usize,
    ) -> Result<Self> {
        network.check_samples(data.x())?;
        let blocks: Vec<Block> = blocks(size).map(|samples| Block::new(data, samples)).collect();
        let waiting = (MOST_NUMBERS / network.parameter_count()).min(MOST_SUMS).min(blocks.len());
        // With dropout there is one thread, since the random masks are drawn one block after the other.
        let threads = if dropout.is_some() { 1 } else { threads.min(waiting / LEAST_BLOCKS).max(1) };
        let mut workers: Vec<Worker> = (0..threads).map(|_| Worker::new(network, &blocks)).collect();
        workers[0].dropout = dropout;
        let sums = || Gradients::zeros(network, 0);
        let block_sums = if threads == 1 { vec![] } else { (0..waiting).map(|_| sums()).collect() };
        Ok(Batch { blocks, workers, block_sums, total: sums() })
    }

    /// Takes other samples of the data set.
    pub(crate) fn load(&mut self, data: &Dataset, order: &mut Order) {
        for block in &mut self.blocks {
            for (mut x, y) in block.x.columns_mut().into_iter().zip(&mut block.y) {
                let sample = order.next();
                x.assign(&data.x().column(sample));
                *y = data.y()[[0, sample]];
            }
        }
    }

    /// A forward and a backward pass over all samples.
    pub(crate) fn forward_and_backward(&mut self, network: &Network) {
        let Batch { blocks, workers, block_sums, total } = self;
        set_to_zero(total);
        if let [worker] = &mut workers[..] {
            blocks.iter_mut().for_each(|block| worker.add(network, block, total));
        } else {
            for round in blocks.chunks_mut(block_sums.len()) {
                let share = round.len().div_ceil(workers.len());
                thread::scope(|scope| {
                    let shares = round.chunks_mut(share).zip(block_sums.chunks_mut(share));
                    for (worker, (my_blocks, my_sums)) in workers.iter_mut().zip(shares) {
                        scope.spawn(|| {
                            for (block, sums) in my_blocks.iter_mut().zip(my_sums) {
                                set_to_zero(sums);
                                worker.add(network, block, sums);
                            }
                        });
                    }
                });
                block_sums[..round.len()].iter().for_each(|sums| add_sums(total, sums));
            }
        }
        total.divide_by(blocks.iter().map(|block| block.y.len()).sum());
    }

    /// dW and db of the cost, from the last passes. δ is not kept.
    pub(crate) fn gradients(&self) -> &Gradients {
        &self.total
    }

    /// The cost in the last passes.
    pub(crate) fn cost(&self) -> f64 {
        let row = |of: fn(&Block) -> &Array2<f64>| {
            let numbers: Vec<f64> = self.blocks.iter().flat_map(|block| of(block).iter().copied()).collect();
            Array2::from_shape_vec((1, numbers.len()), numbers).expect("one row")
        };
        mean_loss(&row(|block| &block.z), &row(|block| &block.y))
    }
}

impl Block {
    fn new(data: &Dataset, samples: Range<usize>) -> Self {
        let columns = |matrix: &Array2<f64>| matrix.slice_axis(Axis(1), samples.clone().into()).to_owned();
        Block { x: columns(data.x()), y: columns(data.y()), z: Array2::zeros((1, samples.len())) }
    }
}

/// The order in which mini-batches take the samples: at random, and each once before any comes again.
pub(crate) struct Order {
    samples: Vec<usize>,
    taken: usize,
    random: Random,
}

impl Order {
    /// Errors if the batches are empty or larger than the data set.
    pub(crate) fn new(samples: usize, size: usize, seed: u64) -> Result<Self> {
        if !(1..=samples).contains(&size) {
            return Err(Error::value("size", format!("a batch of 1 to {samples} samples"), size.to_string()));
        }
        let samples: Vec<usize> = (0..samples).collect();
        Ok(Order { taken: samples.len(), samples, random: Random::new(seed, Stream::Batches) })
    }

    fn next(&mut self) -> usize {
        if self.taken == self.samples.len() {
            self.taken = 0;
            for last in (1..self.samples.len()).rev() {
                let other = (self.random.uniform() * (last + 1) as f64) as usize; // Fisher and Yates
                self.samples.swap(last, other);
            }
        }
        self.taken += 1;
        self.samples[self.taken - 1]
    }
}

/// What one thread needs: space for a block of the full size, and space for the last block if that is shorter.
struct Worker {
    full: Space,
    last: Option<Space>,
    dropout: Option<Dropout>,
}

/// z, a and δ of a block.
struct Space {
    trace: Trace,
    delta: Layers<Array2<f64>>,
}

impl Worker {
    fn new(network: &Network, blocks: &[Block]) -> Self {
        let space = |block: &Block| {
            let delta = Gradients::zeros(network, block.y.len()).delta;
            Space { trace: Trace::new(network, &block.x), delta }
        };
        let (first, last) = (&blocks[0], &blocks[blocks.len() - 1]);
        let last = (last.x.dim() != first.x.dim()).then(|| space(last));
        Worker { full: space(first), last, dropout: None }
    }

    /// A forward and a backward pass over a block. Its dW and db, which are not yet divided by m, are added to those given.
    fn add(&mut self, network: &Network, block: &mut Block, Gradients { dw, db, .. }: &mut Gradients) {
        let Space { trace, delta } = match &mut self.last {
            Some(last) if last.trace.a[0].dim() == block.x.dim() => last,
            _ => &mut self.full,
        };
        trace.a[0].assign(&block.x);
        if let Some(dropout) = &mut self.dropout {
            trace.masks = dropout.draw(&trace.z);
        }
        network.forward_pass(trace);
        network.backward_pass(trace, &block.y, delta, dw, db);
        block.z.assign(&trace.z[network.layers()]);
    }
}

fn set_to_zero(Gradients { dw, db, .. }: &mut Gradients) {
    dw.0.iter_mut().chain(&mut db.0).for_each(|sum| sum.fill(0.0));
}

fn add_sums(total: &mut Gradients, block_sum: &Gradients) {
    let sums = total.dw.0.iter_mut().chain(&mut total.db.0);
    sums.zip(block_sum.dw.iter().chain(block_sum.db.iter())).for_each(|(sum, block_sum)| *sum += block_sum);
}

#[cfg(test)]
#[cfg(not(target_family = "wasm"))] // there are no threads
mod tests {
    use super::*;
    use crate::argument::activation::Activation;
    use crate::argument::init::Init;
    use crate::study::data::{Sampling, circles};

    /// There are small layers, layers that use the library's matrix product, and up to three rounds of waiting blocks.
    #[test]
    fn threads_change_no_bit_and_agree_with_one_pass_over_all_samples() {
        for (sizes, samples) in [(vec![2, 10, 5, 1], 300), (vec![2, 10, 5, 1], 300_001), (vec![2, 20, 20, 1], 20_000)] {
            let sampling = Sampling { zeros: samples / 3, ones: samples - samples / 3, noise: 0.1, seed: 1 };
            let data = circles(sampling).unwrap();
            let network = Network::new(&sizes, Activation::Tanh, Init::He { seed: 1 }).unwrap();
            let at_once = network.gradients(&data).unwrap();
            for threads in [1, 2, 3, 7] {
                let mut batch = Batch::with_threads(&network, &data, samples, None, threads).unwrap();
                assert_eq!(batch.workers.len() > 1, threads > 1 && samples > 300);
                for _ in 0..2 {
                    batch.forward_and_backward(&network);
                    let Gradients { dw, db, .. } = batch.gradients();
                    assert_eq!((dw, db), (&at_once.dw, &at_once.db), "{threads} threads");
                    assert_eq!(batch.cost(), network.cost(&data).unwrap());
                }
            }
        }
    }

    #[test]
    fn dropout_has_one_thread() {
        let data = circles(Sampling { zeros: 10_000, ones: 10_000, noise: 0.1, seed: 1 }).unwrap();
        let network = Network::new(&[2, 3, 1], Activation::Relu, Init::He { seed: 1 }).unwrap();
        let batch =
            Batch::with_threads(&network, &data, data.samples(), Some(Dropout::new(0.5, 1).unwrap()), 7).unwrap();
        assert_eq!(batch.workers.len(), 1);
    }
}
