//! Where clients of a sandbox keep their state: in a folder of the sandbox's own, so that a test touches no file of the user's.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Sandbox;

/// The sandboxes of this process that have such a folder, by their base addresses.
static PLACES: Mutex<Vec<(String, PathBuf)>> = Mutex::new(Vec::new());

fn places() -> MutexGuard<'static, Vec<(String, PathBuf)>> {
    PLACES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A temporary folder, which is removed with its content when this is dropped.
#[derive(Debug)]
pub(super) struct StatePlace {
    base_url: String,
    folder: PathBuf,
}

impl StatePlace {
    pub(super) fn create(base_url: String) -> io::Result<StatePlace> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        // A name that an earlier process left behind is passed over.
        for _ in 0..1000 {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let folder = std::env::temp_dir().join(format!("cor-sandbox-{}-{number}", std::process::id()));
            match make_private(&folder) {
                Ok(()) => {
                    let place = StatePlace { base_url, folder };
                    places().push((place.base_url.clone(), place.file()));
                    return Ok(place);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    pub(super) fn file(&self) -> PathBuf {
        self.folder.join("sync.db")
    }
}

impl Drop for StatePlace {
    fn drop(&mut self) {
        let file = self.file();
        places().retain(|(_, place)| *place != file);
        // A file that cannot be removed stays in the folder of temporary files, which the system clears.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn make_private(folder: &Path) -> io::Result<()> {
    #[cfg_attr(not(unix), allow(unused_mut, reason = "only Unix sets a mode"))]
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

impl Sandbox {
    /// A file of this sandbox's own in which its clients keep what it accepted (`cor_sync::SyncRunner::state`), instead of in
    /// the user's own state. Its temporary folder is made by the first call and removed when the sandbox stops.
    ///
    /// # Errors
    /// Where the folder for temporary files cannot be written, or the sandbox has stopped.
    pub fn state_path(&self) -> io::Result<PathBuf> {
        let mut place = self.state_place.lock().unwrap_or_else(PoisonError::into_inner);
        if *self.stop.borrow() {
            return Err(io::Error::other("the sandbox has stopped"));
        }
        match &*place {
            Some(place) => Ok(place.file()),
            None => Ok(place.insert(StatePlace::create(self.base_url())?).file()),
        }
    }

    /// The [`state_path`](Sandbox::state_path) of the sandbox of this process that is at `base_url` and has one.
    pub fn state_path_at(base_url: &str) -> Option<PathBuf> {
        let base_url = base_url.trim_end_matches('/');
        places().iter().find(|(place, _)| place == base_url).map(|(_, file)| file.clone())
    }
}
