//! The edge as a process of its own.

/// Long-lived connections are many and small, and what each took to be let in is large and short-lived: glibc's allocator
/// leaves the former scattered over pages that the latter can't use again, 15 KB for each idle socket.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    runtime::process::main::<edge::config::Settings>()
}
