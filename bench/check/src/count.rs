//! Counts the instructions of a piece of work.

use std::{env, io, process::Command};

use crate::work::Work;

/// Which of the machine's abilities the C library may use. It picks its `memcpy` by what the processor can do, and the
/// number of its instructions differs: without these, numbers from one machine would say nothing on another. The
/// thresholds stand for what it else takes from the size of the caches.
const TUNABLES: &str = "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512BW,-AVX2,-AVX,-BMI2,-ERMS,-FSRM,-SSE4_2,-SSE4_1,\
                        -SSSE3,-Fast_Unaligned_Copy,-Fast_Unaligned_Load,-Fast_Copy_Backward,-Slow_BSF\
                        :glibc.cpu.x86_data_cache_size=32768:glibc.cpu.x86_shared_cache_size=1048576\
                        :glibc.cpu.x86_non_temporal_threshold=1048576:glibc.malloc.arena_max=1";

/// Why nothing was counted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("valgrind can't be run, is it installed? {0}")]
    NoValgrind(#[source] io::Error),
    #[error("{work} fails under valgrind:\n{said}")]
    Failed { work: &'static str, said: String },
    #[error("valgrind tells no total:\n{0}")]
    NoTotal(String),
}

/// The instructions of one round, without those of the program around it.
pub(crate) fn instructions(work: &Work) -> Result<f64, Error> {
    let once = total(work, work.rounds)?;
    let twice = total(work, work.rounds * 2)?;
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    Ok(twice.saturating_sub(once) as f64 / work.rounds as f64)
}

/// All instructions of a process that does so many rounds.
fn total(work: &Work, rounds: u64) -> Result<u64, Error> {
    let program = env::current_exe().map_err(Error::NoValgrind)?;
    let ran = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--"])
        .arg(program)
        .args(["work", work.name, &rounds.to_string()])
        // The stack begins behind the environment: one more variable, and buffers are aligned otherwise.
        .env_clear()
        .env("PATH", env::var_os("PATH").unwrap_or_default())
        .env("GLIBC_TUNABLES", TUNABLES)
        .output()
        .map_err(Error::NoValgrind)?;
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    if !ran.status.success() {
        return Err(Error::Failed {
            work: work.name,
            said,
        });
    }
    said.lines()
        .find_map(|line| line.split_once("Collected : "))
        .and_then(|(_, total)| total.trim().parse().ok())
        .ok_or(Error::NoTotal(said))
}
