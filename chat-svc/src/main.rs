//! The process `chat-svc`.

fn main() -> std::process::ExitCode {
    runtime::process::main::<chat_svc::Settings>()
}
