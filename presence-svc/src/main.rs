//! The presence service as a process of its own.

fn main() -> std::process::ExitCode {
    runtime::process::main::<presence_svc::Settings>()
}
