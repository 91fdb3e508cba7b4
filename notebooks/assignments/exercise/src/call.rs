//! A call from one process to another: the name of a function and its arguments are sent, and a value, or the reason
//! why there is none, comes back.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use crate::value::{Reader, Value};

/// The largest number of bytes in a message.
const LARGEST: u64 = 100_000_000;

/// The result of a check: nothing, or the reason why it is not passed.
pub type Outcome = std::result::Result<(), Box<dyn std::error::Error>>;

/// A check with its name.
pub type Check<'a> = (&'a str, fn() -> Outcome);

fn send(stream: &mut UnixStream, bytes: &[u8]) -> std::io::Result<()> {
    stream.write_all(&(bytes.len() as u64).to_le_bytes())?;
    stream.write_all(bytes)
}

/// The next message, or `None` if there are no more messages.
fn receive(stream: &mut UnixStream) -> Option<Vec<u8>> {
    let mut length = [0; 8];
    stream.read_exact(&mut length).ok()?;
    let length = u64::from_le_bytes(length);
    let mut bytes = Vec::new();
    // The memory grows with the bytes that arrive, not with the length that is announced.
    (length <= LARGEST && stream.take(length).read_to_end(&mut bytes).ok()? as u64 == length).then_some(bytes)
}

/// The message of a panic.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without a message".to_owned())
}

/// Answers the calls that come through the socket until the other side closes it; [`answer!`](crate::answer) calls it.
#[doc(hidden)]
pub fn serve(socket: &str, call: impl Fn(&mut Reader) -> Option<Vec<u8>>) {
    let mut stream = UnixStream::connect(socket).unwrap_or_else(|error| panic!("socket: {socket}: {error}"));
    while let Some(request) = receive(&mut stream) {
        let mut reply = Vec::new();
        match catch_unwind(AssertUnwindSafe(|| call(&mut Reader::new(&request)))) {
            Ok(Some(value)) => {
                true.write(&mut reply);
                reply.extend(value);
            }
            Ok(None) => (false, "the arguments could not be read".to_owned()).write(&mut reply),
            Err(panic) => (false, message(&*panic)).write(&mut reply),
        }
        if send(&mut stream, &reply).is_err() {
            return;
        }
    }
}

thread_local! {
    /// The socket to the process that has the functions.
    static STREAM: RefCell<Option<UnixStream>> = const { RefCell::new(None) };

    /// Whether the part of the check that runs is one that students do not see.
    static HIDDEN: Cell<bool> = const { Cell::new(false) };
}

/// Says that a hidden part of a check begins, or ends. The judge has such calls where the source has the words for it.
#[doc(hidden)]
pub fn hidden(begins: bool) {
    HIDDEN.set(begins);
}

/// Calls a function of the other process; [`ask!`](crate::ask) calls it. Panics with the reason if no value comes back.
#[doc(hidden)]
pub fn ask<T: Value>(function: &str, arguments: &[u8]) -> T {
    let reply = STREAM.with_borrow_mut(|stream| {
        let stream = stream.as_mut()?;
        send(stream, arguments).ok()?;
        receive(stream)
    });
    let Some(reply) = reply else { panic!("the program ended while `{function}` ran") };
    let mut reader = Reader::new(&reply);
    let value = match bool::read(&mut reader) {
        Some(true) => T::read(&mut reader),
        Some(false) => match String::read(&mut reader) {
            Some(reason) => panic!("`{function}`: {reason}"),
            None => None,
        },
        None => None,
    };
    match value {
        Some(value) if reader.is_at_end() => value,
        _ => panic!("what `{function}` returned could not be read"),
    }
}

/// Runs the check that is named on the command line. Its standard input must be a socket; the process at the other end
/// answers the check's calls.
///
/// It prints `passed` and returns success only if the check ran to its end. Otherwise it prints the reason, below a line
/// `hidden` if a hidden part of the check gave it, and returns failure.
pub fn judge(checks: &[Check]) -> ExitCode {
    std::panic::set_hook(Box::new(|_| {}));
    let wanted = std::env::args().nth(1).unwrap_or_default();
    let Some((_, check)) = checks.iter().find(|(name, _)| *name == wanted) else {
        println!("there is no check `{wanted}`");
        return ExitCode::FAILURE;
    };
    let stream = std::io::stdin().as_fd().try_clone_to_owned().map(UnixStream::from).ok();
    STREAM.set(stream);
    let why_not = match catch_unwind(check) {
        Ok(Ok(())) => {
            println!("passed");
            return ExitCode::SUCCESS;
        }
        Ok(Err(error)) => error.to_string(),
        Err(panic) => message(&*panic),
    };
    let line = if HIDDEN.get() { "hidden\n" } else { "" };
    println!("{line}{why_not}");
    ExitCode::FAILURE
}

/// A number that only this course's judge knows, from the variable `ZERO_INIT_SECRET`; 0 without it.
///
/// A hidden test that draws its arguments from it has other arguments in each course, even if its source is public.
pub fn secret() -> u64 {
    let text = std::env::var("ZERO_INIT_SECRET").unwrap_or_default();
    // FNV-1a: another number for another text.
    text.bytes().fold(if text.is_empty() { 0 } else { 0xcbf2_9ce4_8422_2325 }, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Answers the calls of functions that come through the socket at the given path, until the caller closes it.
#[macro_export]
macro_rules! answer {
    ($socket:expr, $(fn $name:ident($($argument:ident : $type:ty),* $(,)?) -> $result:ty),+ $(,)?) => {
        $crate::serve($socket, |reader| {
            let function = <::std::string::String as $crate::Value>::read(reader)?;
            let mut bytes = ::std::vec::Vec::new();
            match function.as_str() {
                $(::std::stringify!($name) => {
                    $(let $argument = <<$type as $crate::Argument>::Owned as $crate::Value>::read(reader)?;)*
                    let result: $result = $name($(<$type as $crate::Argument>::borrowed(&$argument)),*);
                    $crate::Value::write(&result, &mut bytes);
                })+
                _ => return ::std::option::Option::None,
            }
            ::std::option::Option::Some(bytes)
        })
    };
}

/// Defines stand-ins for functions of another process, with the same signatures. A call of a stand-in is sent to that
/// process, which answers it.
///
/// A stand-in panics, with the reason, if the function panics, if the other process ends, or if what comes back does
/// not have the right type.
#[macro_export]
macro_rules! ask {
    ($(fn $name:ident($($argument:ident : $type:ty),* $(,)?) -> $result:ty),+ $(,)?) => {
        $(pub fn $name($($argument: $type),*) -> $result {
            let mut bytes = Vec::new();
            $crate::Value::write(&stringify!($name).to_owned(), &mut bytes);
            $($crate::Value::write(&$crate::Argument::owned($argument), &mut bytes);)*
            $crate::ask(stringify!($name), &bytes)
        })+
    };
}
