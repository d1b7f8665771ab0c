//! `make compose-test`: see the library.

#[tokio::main]
async fn main() -> std::process::ExitCode {
    compose_verify::run::run().await
}
