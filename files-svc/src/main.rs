//! The files service as a process of its own.

fn main() -> std::process::ExitCode {
    runtime::process::main::<files_svc::Settings>()
}
