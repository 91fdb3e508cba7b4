//! Reads a question from standard input, and writes answers to standard output, one in a line, as JSON.

mod answer;
mod question;

use std::io::{self, Read, Write};

fn main() -> io::Result<()> {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    let mut out = io::stdout().lock();
    // In one piece, since each is a call out of the program, and the page takes each for an answer.
    answer::answer(&text, |line| out.write_all(format!("{line}\n").as_bytes()))
}
