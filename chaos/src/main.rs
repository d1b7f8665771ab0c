//! Faults under load: see `chaos --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    chaos::cli::run()
}
