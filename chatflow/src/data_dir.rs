//! The folder of everything that is kept, locked for one process at a time.

use std::{
    fs::{self, File, TryLockError},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use runtime::Fatal;
use sql::DatabaseUrl;

/// The folder; unlocked when this is dropped.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Makes the folder where it is missing, and locks it.
    ///
    /// # Errors
    /// Exit code 69: it can't be made, or another process uses it.
    pub(crate) fn open(path: &Path) -> Result<Self, Fatal> {
        let unfit =
            |error: std::io::Error| Fatal::unavailable(format!("the folder {}: {error}", path.display()));
        // It holds password hashes and everything that was said: nobody else's to read.
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(unfit)?;
        let path = path.canonicalize().map_err(unfit)?;
        let lock = File::create(path.join(".lock")).map_err(unfit)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(Fatal::unavailable(format!(
                "the folder {} is in use by another chatflow: stop it, or choose another folder with --data-dir",
                path.display()
            ))),
            Err(TryLockError::Error(error)) => Err(unfit(error)),
        }
    }

    /// Where it is, in full.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A database in it.
    pub(crate) fn database(&self, file: &str) -> DatabaseUrl {
        DatabaseUrl::Sqlite(self.path.join(file))
    }

    /// The folder of the files' bytes.
    pub(crate) fn objects(&self) -> PathBuf {
        self.path.join("files")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        let held = DataDir::open(&path).unwrap();
        let refused = DataDir::open(&path).unwrap_err();
        assert_eq!(refused.code(), 69);
        assert!(refused.to_string().contains("in use"), "{refused}");
        drop(held);
        DataDir::open(&path).unwrap();
    }
}
