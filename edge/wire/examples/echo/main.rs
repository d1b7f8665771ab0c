//! A WebSocket server that says everything back, on exactly the frame code of the edge: what conformance suites talk to.
//!
//! `echo [ADDRESS [MESSAGE_BYTES]]`: listens on `ADDRESS` (127.0.0.1:9001; port 0 is any free one), tells where on its
//! first line, and takes messages of up to `MESSAGE_BYTES` (64 MiB).

mod server;

use std::{
    env,
    error::Error,
    io::{Write as _, stdout},
    net::TcpListener,
};

use wire::Limits;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:9001".to_owned());
    let message_bytes = match arguments.next() {
        Some(bytes) => bytes.parse()?,
        None => 64 * 1024 * 1024,
    };
    let listener = TcpListener::bind(address)?;
    writeln!(stdout(), "{}", listener.local_addr()?)?;
    server::serve(&listener, Limits { message_bytes });
    Ok(())
}
