//! The committed numbers, for each kind of processor: instructions of one kind say nothing about another's.

use std::{
    collections::BTreeMap,
    env::{self, consts::ARCH},
    fs, io,
    path::Path,
    process::Command,
};

use serde::{Deserialize, Serialize};

/// What the file holds.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Committed(BTreeMap<String, Numbers>);

#[derive(Debug, Default, Serialize, Deserialize)]
struct Numbers {
    /// The compiler that they were counted with.
    rustc: String,
    /// The instructions of one round of each piece of work.
    instructions: BTreeMap<String, f64>,
}

impl Committed {
    /// Reads the file; one that does not exist holds nothing.
    pub(crate) fn read(file: &Path) -> io::Result<Self> {
        match fs::read(file) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(io::Error::from),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    /// Writes the file.
    pub(crate) fn write(&self, file: &Path) -> io::Result<()> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        fs::write(file, bytes)
    }

    /// The instructions of a piece of work on this kind of processor.
    pub(crate) fn instructions(&self, work: &str) -> Option<f64> {
        self.0.get(ARCH)?.instructions.get(work).copied()
    }

    /// The compiler of the numbers for this kind of processor.
    pub(crate) fn rustc(&self) -> Option<&str> {
        self.0.get(ARCH).map(|numbers| &*numbers.rustc)
    }

    /// Takes what was counted here and now.
    pub(crate) fn take(&mut self, counted: &[(&str, f64)]) {
        let numbers = self.0.entry(ARCH.to_owned()).or_default();
        numbers.rustc = rustc();
        for &(work, instructions) in counted {
            numbers.instructions.insert(work.to_owned(), instructions);
        }
    }
}

/// The compiler that is at hand, as it calls itself.
pub(crate) fn rustc() -> String {
    let program = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let told = Command::new(program).arg("--version").output();
    told.map(|told| String::from_utf8_lossy(&told.stdout).trim().to_owned())
        .unwrap_or_default()
}
