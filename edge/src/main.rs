//! The edge as a process of its own.

fn main() -> std::process::ExitCode {
    runtime::process::main::<edge::config::Settings>()
}
