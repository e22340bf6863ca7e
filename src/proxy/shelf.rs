//! Files that were asked for lately, in memory: to serve one of them again touches no file.
//!
//! What changes below the directory is told by the kernel and empties the shelf, so nothing is asked again and again. As long as
//! nobody can tell of changes, nothing is kept. Whether it is still the same directory is looked at each time: it may have
//! been replaced by another, or be a link that leads elsewhere now.

use std::collections::HashMap;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use notify::{RecursiveMode, Watcher};

use super::found::Found;

/// In all; a web application has a few. What does not fit is read from the disk each time.
const MOST_BYTES: u64 = 16 * 1024 * 1024;
/// Names and forms; each costs a little beside its content.
const MOST_FILES: usize = 4096;

/// Which encodings the caller reads; each asks for another file.
pub type Forms = u8;

#[derive(Debug, Default)]
pub struct Shelf {
    inner: Arc<Inner>,
    watch: Mutex<Option<Watch>>,
}

#[derive(Debug, Default)]
struct Inner {
    /// How often it was emptied: what was read before does not come in afterwards.
    emptied: AtomicU64,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    /// The directory that the files are from; without one nothing is kept.
    root: Option<Identity>,
    files: HashMap<String, HashMap<Forms, Arc<Found>>>,
    count: usize,
    bytes: u64,
}

/// A directory, whatever its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
}

struct Watch {
    root: Identity,
    _watcher: notify::RecommendedWatcher,
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Watch").field("root", &self.root).finish_non_exhaustive()
    }
}

/// What there is of a file.
#[derive(Debug)]
pub enum Kept {
    Found(Arc<Found>),
    Unknown,
    /// Nor can there be.
    NoDirectory,
}

/// The right to put something in that was read from now on.
#[derive(Debug, Clone, Copy)]
pub struct Ticket {
    root: Identity,
    emptied: u64,
}

impl Shelf {
    pub fn take(&self, root: &Path, name: &str, forms: Forms) -> Kept {
        let now = match identity(root) {
            Ok(now) => now,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Kept::NoDirectory,
            Err(_) => return Kept::Unknown,
        };
        let held = self.inner.held();
        if held.root != Some(now) {
            return Kept::Unknown;
        }
        held.files.get(name).and_then(|forms_of| forms_of.get(&forms)).cloned().map_or(Kept::Unknown, Kept::Found)
    }

    /// Before a file is read. Nothing when it shall not be kept. May wait for the disk.
    pub fn ticket(&self, root: &Path) -> Option<Ticket> {
        let now = identity(root).ok()?;
        let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        let is_followed = watch.as_ref().is_some_and(|watch| watch.root == now) && self.inner.held().root == Some(now);
        if !is_followed {
            *watch = None;
            match follow(&self.inner, root) {
                Ok(watcher) => *watch = Some(Watch { root: now, _watcher: watcher }),
                Err(error) => {
                    tracing::debug!(%error, path = %root.display(), "changes cannot be heard of, nothing is kept");
                    return None;
                }
            }
            self.inner.empty(Some(now));
        }
        Some(Ticket { root: now, emptied: self.inner.emptied.load(Ordering::Acquire) })
    }

    pub fn put(&self, ticket: Ticket, name: String, forms: Forms, found: Arc<Found>) {
        let mut held = self.inner.held();
        let is_valid = held.root == Some(ticket.root) && self.inner.emptied.load(Ordering::Acquire) == ticket.emptied;
        if !is_valid || held.count >= MOST_FILES || held.bytes + found.length > MOST_BYTES {
            return;
        }
        let length = found.length;
        if held.files.entry(name).or_default().insert(forms, found).is_none() {
            held.count += 1;
            held.bytes += length;
        }
    }
}

impl Inner {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn empty(&self, root: Option<Identity>) {
        let mut held = self.held();
        self.emptied.fetch_add(1, Ordering::AcqRel);
        *held = Held { root, ..Held::default() };
    }
}

fn follow(inner: &Arc<Inner>, root: &Path) -> notify::Result<notify::RecommendedWatcher> {
    let root = root.canonicalize().map_err(notify::Error::io)?;
    let (shelf, itself) = (Arc::downgrade(inner), root.clone());
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let Some(shelf) = shelf.upgrade() else { return };
        let is_over = match &event {
            Ok(event) if event.kind.is_access() => return,
            // Lost events, or something about the directory itself: begin again.
            Ok(event) => event.need_rescan() || event.paths.contains(&itself),
            Err(_) => true,
        };
        let root = if is_over { None } else { shelf.held().root };
        shelf.empty(root);
    })?;
    watcher.watch(&root, RecursiveMode::Recursive)?;
    Ok(watcher)
}

fn identity(path: &Path) -> io::Result<Identity> {
    let metadata = std::fs::metadata(path)?;
    Ok(Identity { device: metadata.dev(), inode: metadata.ino() })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn found(text: &'static str) -> Arc<Found> {
        Arc::new(Found::of_bytes("a.txt".into(), text.as_bytes().into()))
    }

    fn has(shelf: &Shelf, root: &Path, name: &str, forms: Forms) -> bool {
        matches!(shelf.take(root, name, forms), Kept::Found(_))
    }

    /// Until the kernel has told.
    #[track_caller]
    fn eventually(mut holds: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !holds() {
            assert!(begun.elapsed() < Duration::from_secs(10), "not in time");
            std::thread::yield_now();
        }
    }

    fn put(shelf: &Shelf, root: &Path) {
        let ticket = shelf.ticket(root).unwrap();
        shelf.put(ticket, "a.txt".to_owned(), 0, found("one"));
    }

    #[test]
    fn what_was_read_is_kept_until_something_changes() {
        let dir = tempfile::tempdir().unwrap();
        let (shelf, root) = (Shelf::default(), dir.path().join("web"));
        assert!(shelf.ticket(&root).is_none(), "nothing to be kept of");
        std::fs::create_dir_all(root.join("deep")).unwrap();
        put(&shelf, &root);
        assert!(has(&shelf, &root, "a.txt", 0));
        assert!(!has(&shelf, &root, "a.txt", 1), "another form");
        std::fs::write(root.join("deep/b.txt"), "x").unwrap();
        eventually(|| !has(&shelf, &root, "a.txt", 0));
        put(&shelf, &root);
        assert!(has(&shelf, &root, "a.txt", 0));
    }

    #[test]
    fn what_was_read_before_a_change_does_not_come_in_after_it() {
        let dir = tempfile::tempdir().unwrap();
        let shelf = Shelf::default();
        let ticket = shelf.ticket(dir.path()).unwrap();
        shelf.inner.empty(Some(identity(dir.path()).unwrap()));
        shelf.put(ticket, "a.txt".to_owned(), 0, found("old"));
        assert!(!has(&shelf, dir.path(), "a.txt", 0));
    }

    #[test]
    fn another_directory_at_the_same_path_has_nothing_of_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let (shelf, root) = (Shelf::default(), dir.path().join("web"));
        for name in ["one", "two"] {
            std::fs::create_dir(dir.path().join(name)).unwrap();
        }
        std::os::unix::fs::symlink("one", &root).unwrap();
        put(&shelf, &root);
        std::os::unix::fs::symlink("two", dir.path().join("next")).unwrap();
        std::fs::rename(dir.path().join("next"), &root).unwrap();
        assert!(!has(&shelf, &root, "a.txt", 0));
        put(&shelf, &root);
        assert!(has(&shelf, &root, "a.txt", 0));
        std::fs::remove_dir(dir.path().join("two")).unwrap();
        assert!(!has(&shelf, &root, "a.txt", 0));
    }

    #[test]
    fn what_does_not_fit_is_not_kept() {
        let dir = tempfile::tempdir().unwrap();
        let shelf = Shelf::default();
        let ticket = shelf.ticket(dir.path()).unwrap();
        let large = Arc::new(Found::of_bytes("b".into(), vec![0; MOST_BYTES as usize].into()));
        shelf.put(ticket, "b".to_owned(), 0, Arc::clone(&large));
        shelf.put(ticket, "a.txt".to_owned(), 0, found("one"));
        assert!(has(&shelf, dir.path(), "b", 0) && !has(&shelf, dir.path(), "a.txt", 0));
    }
}
