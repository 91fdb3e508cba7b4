//! Reads a question from standard input, and writes answers to standard output, one in a line, as JSON.

mod answer;
mod question;

use std::io::{self, Read, Write};

fn main() -> io::Result<()> {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    let mut out = io::stdout().lock();
    answer::answer(&text, |line| writeln!(out, "{line}"))
}
