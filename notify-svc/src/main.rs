//! The process `notify-svc`.

fn main() -> std::process::ExitCode {
    runtime::process::main::<notify_svc::Settings>()
}
