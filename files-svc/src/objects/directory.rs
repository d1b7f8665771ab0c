//! Objects in a directory: written beside, synced, then renamed into place, so that an object is whole or not there.
//!
//! `unfinished/{key}` is on its way; `{last two digits of the key}/{key}` is an object.

use std::{
    io::{self, ErrorKind, SeekFrom},
    path::{Path, PathBuf},
    time::SystemTime,
};

use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture};
use tokio::{
    fs::{self, File},
    io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _},
};
use tokio_util::io::ReaderStream;

use super::{Error, Key, ObjectStore, ObjectWriter, Page, Pieces, Result, timed};

/// The folder of what is on its way, on the objects' own file system.
const UNFINISHED: &str = "unfinished";

/// How much is read at once, in bytes.
const PIECE: usize = 64 * 1024;

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::NotFound => Self::Missing,
            _ => Self::Unavailable(format!("the folder of files: {error}")),
        }
    }
}

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Directory {
    root: PathBuf,
}

impl Directory {
    /// Makes the folder where there is none.
    pub(super) fn open(root: &Path) -> Result<Self> {
        std::fs::create_dir_all(root.join(UNFINISHED))
            .map_err(|error| Error::Unavailable(format!("can't be made: {error}")))?;
        Ok(Self {
            root: root.to_owned(),
        })
    }

    fn unfinished(&self, key: Key) -> PathBuf {
        self.root.join(UNFINISHED).join(key.to_string())
    }

    fn folder(&self, key: Key) -> PathBuf {
        // The last digits are random, the first ones are the time.
        let name = key.to_string();
        self.root.join(&name[name.len() - 2..])
    }

    fn object(&self, key: Key) -> PathBuf {
        self.folder(key).join(key.to_string())
    }
}

impl ObjectStore for Directory {
    fn check(&self) -> BoxFuture<'_, Result<()>> {
        async move {
            let probe = self.root.join(UNFINISHED).join(format!("probe-{}", Key::make()));
            fs::create_dir_all(self.root.join(UNFINISHED)).await?;
            File::create_new(&probe).await?;
            Ok(fs::remove_file(&probe).await?)
        }
        .boxed()
    }

    fn write(&self, key: Key) -> Box<dyn ObjectWriter> {
        Box::new(Writer {
            directory: self.clone(),
            key,
            file: None,
        })
    }

    fn read(&self, key: Key, offset: u64, length: u64) -> BoxFuture<'_, Result<Pieces>> {
        timed("read", async move {
            let mut file = File::open(self.object(key)).await?;
            if file.metadata().await?.len() < offset.saturating_add(length) {
                return Err(Error::Missing);
            }
            file.seek(SeekFrom::Start(offset)).await?;
            let pieces = ReaderStream::with_capacity(file.take(length), PIECE);
            Ok(pieces.map(|piece| piece.map_err(Error::from)).boxed())
        })
        .boxed()
    }

    fn delete(&self, key: Key) -> BoxFuture<'_, Result<()>> {
        timed("delete", async move { removed(&self.object(key)).await }).boxed()
    }

    fn older_than(&self, before: SystemTime, from: Option<String>) -> BoxFuture<'_, Result<Page>> {
        timed("list", async move {
            // One folder is one page: 256 of them share the objects.
            let folder = from.as_deref().and_then(|from| u8::from_str_radix(from, 16).ok());
            let folder = folder.unwrap_or(0);
            Ok(Page {
                keys: old_names(&self.root.join(format!("{folder:02x}")), before)
                    .await?
                    .iter()
                    .filter_map(|name| Key::parse(name))
                    .collect(),
                next: folder.checked_add(1).map(|next| format!("{next:02x}")),
            })
        })
        .boxed()
    }

    fn remove_unfinished(&self, before: SystemTime) -> BoxFuture<'_, Result<usize>> {
        timed("remove_unfinished", async move {
            let folder = self.root.join(UNFINISHED);
            let names = old_names(&folder, before).await?;
            for name in &names {
                removed(&folder.join(name)).await?;
            }
            Ok(names.len())
        })
        .boxed()
    }
}

/// An object on its way into the directory.
struct Writer {
    directory: Directory,
    key: Key,
    file: Option<File>,
}

impl Writer {
    async fn file(&mut self) -> Result<&mut File> {
        if self.file.is_none() {
            fs::create_dir_all(self.directory.root.join(UNFINISHED)).await?;
            let path = self.directory.unfinished(self.key);
            self.file = Some(File::create_new(path).await?);
        }
        self.file.as_mut().ok_or(Error::Missing)
    }
}

impl ObjectWriter for Writer {
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<()>> {
        timed(
            "write",
            async move { Ok(self.file().await?.write_all(&bytes).await?) },
        )
        .boxed()
    }

    fn finish(&mut self) -> BoxFuture<'_, Result<()>> {
        timed("finish", async move {
            let file = self.file().await?;
            file.flush().await?;
            file.sync_all().await?;
            let folder = self.directory.folder(self.key);
            fs::create_dir_all(&folder).await?;
            fs::rename(
                self.directory.unfinished(self.key),
                self.directory.object(self.key),
            )
            .await?;
            // A name is durable once its folder is, and the folder's once the root is.
            File::open(&folder).await?.sync_all().await?;
            Ok(File::open(&self.directory.root).await?.sync_all().await?)
        })
        .boxed()
    }

    fn remove(&mut self) -> BoxFuture<'_, Result<()>> {
        timed("delete", async move {
            self.file = None;
            removed(&self.directory.unfinished(self.key)).await?;
            removed(&self.directory.object(self.key)).await
        })
        .boxed()
    }
}

/// Removes a file; one that is not there is removed.
async fn removed(path: &Path) -> Result<()> {
    match fs::remove_file(path).await {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// The names of the files in `folder` that were last changed before `before`; none where there is no such folder.
async fn old_names(folder: &Path, before: SystemTime) -> Result<Vec<String>> {
    let mut entries = match fs::read_dir(folder).await {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    while let Some(entry) = entries.next_entry().await? {
        // Another replica may have removed it meanwhile.
        let Ok(about) = entry.metadata().await else {
            continue;
        };
        if about.is_file() && about.modified()? < before {
            names.extend(entry.file_name().into_string());
        }
    }
    Ok(names)
}
