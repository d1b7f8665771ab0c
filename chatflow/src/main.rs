//! `cargo run`: the whole chat.

fn main() -> std::process::ExitCode {
    runtime::process::main::<chatflow::Settings>()
}
