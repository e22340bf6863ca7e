//! The folder of task files: every read sees what is there now, every write is whole and on disk before it is answered.
//!
//! One file per task, `<id>.json`. People and scripts edit the files too, so nothing is believed without a look: a parsed
//! file is kept only as long as its inode, size and times are the same. All of it blocks; callers use a thread for that.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::task::{Refused, Task, check_id};
use crate::platform::{durable, identity};
use crate::telemetry::wall_clock;

const SUFFIX: &[u8] = b".json";

/// A request carries no more than 100 kB; a larger file came from elsewhere, and this is still far from hurting.
const LARGEST: u64 = 4 << 20;

/// A file that was changed within this time before it was read may be changed again without a trace: times of files
/// advance with the kernel's tick, which is at most 10 ms.
const RACY_NS: i128 = 30_000_000;

/// Of a new file. Others may read it, as with the original.
const MODE: u32 = 0o644;

#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    #[error("the folder of tasks {} cannot be made", .0.display())]
    Make(PathBuf, #[source] io::Error),
    #[error("the folder of tasks {} cannot be read", .0.display())]
    List(PathBuf, #[source] io::Error),
    #[error("the task's file {} cannot be written", .0.display())]
    Write(PathBuf, #[source] io::Error),
    #[error("the task's file {} cannot be removed", .0.display())]
    Remove(PathBuf, #[source] io::Error),
    #[error(transparent)]
    Refused(#[from] Refused),
}

/// One task and the file that holds it.
#[derive(Debug)]
pub struct Stored {
    pub file: OsString,
    pub task: Task,
    /// The task's JSON text, as answers carry it.
    pub text: String,
}

/// What a file was when it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Look {
    device: u64,
    inode: u64,
    size: u64,
    modified: i128,
    changed: i128,
}

impl Look {
    fn of(metadata: &Metadata) -> Self {
        let time = |seconds: i64, nanoseconds: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds);
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: time(metadata.mtime(), metadata.mtime_nsec()),
            changed: time(metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Whether a later change would show.
    fn is_settled(&self) -> bool {
        wall_clock().as_nanosecond() - self.changed.max(self.modified) > RACY_NS
    }
}

#[derive(Debug)]
struct Kept {
    look: Look,
    is_settled: bool,
    /// `None`: it holds no task, which was said.
    stored: Option<Arc<Stored>>,
}

#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Readers never see a change half done; changes come one after the other.
    turn: RwLock<()>,
    kept: Mutex<HashMap<OsString, Kept>>,
}

/// What became of the creation of a task.
#[derive(Debug)]
pub enum Created {
    Stored(Arc<Stored>),
    /// One with all these members is there already.
    Exists,
}

impl Folder {
    /// Makes the folder if it is missing, and removes what writers that were killed left half written.
    pub fn open(path: PathBuf) -> Result<Self, FolderError> {
        fs::create_dir_all(&path).map_err(|source| FolderError::Make(path.clone(), source))?;
        let folder = Self { path, turn: RwLock::default(), kept: Mutex::default() };
        folder.clear()?;
        Ok(folder)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All tasks, in the byte order of their files' names.
    pub fn read(&self) -> Result<Vec<Arc<Stored>>, FolderError> {
        let _turn = self.reading();
        self.list()
    }

    /// The first task with this id.
    pub fn find(&self, id: &str) -> Result<Option<Arc<Stored>>, FolderError> {
        Ok(self.read()?.into_iter().find(|stored| stored.task.id().as_deref() == Some(id)))
    }

    /// The same, when the file is known that held it a moment ago: one look instead of one per task.
    pub fn find_in(&self, file: &OsStr, id: &str) -> Result<Option<Arc<Stored>>, FolderError> {
        let found = {
            let _turn = self.reading();
            self.load(file)
        };
        match found.filter(|stored| stored.task.id().as_deref() == Some(id)) {
            Some(stored) => Ok(Some(stored)),
            None => self.find(id),
        }
    }

    /// Stores a new task unless there is one with all of its members. Without an id it gets a random one.
    pub fn create(&self, mut task: Task) -> Result<Created, FolderError> {
        let id = task.file_id()?;
        let _turn = self.writing();
        if self.list()?.iter().any(|stored| stored.task.has_all_of(&task)) {
            return Ok(Created::Exists);
        }
        let id = id.unwrap_or_else(|| {
            let id = uuid::Uuid::new_v4().to_string();
            task.set_id(&id);
            id
        });
        self.write(&file_name(&id), task).map(Created::Stored)
    }

    /// Puts `task` in the place of the one with this id; an id of its own renames it. `false`: there is none.
    ///
    /// The old file gets the new text first and then its new name, so that at no moment there is none or both.
    pub fn replace(&self, id: &str, mut task: Task) -> Result<bool, FolderError> {
        let _turn = self.writing();
        let Some(old) = self.first(id)? else { return Ok(false) };
        let new_id = task.file_id()?;
        let new_id = match new_id {
            Some(new_id) => new_id,
            None => {
                task.set_id(id);
                check_id(id)?;
                id.to_owned()
            }
        };
        self.write(&old.file, task)?;
        let name = file_name(&new_id);
        if name != old.file {
            let target = self.path.join(&name);
            let renamed = fs::rename(self.path.join(&old.file), &target)
                .and_then(|()| durable::sync_directory(&self.path))
                .map_err(|source| FolderError::Write(target, source));
            self.kept().remove(&old.file);
            renamed?;
        }
        Ok(true)
    }

    /// Changes the task with this id where it is. `Ok(None)`: there is none. `change` may refuse.
    pub fn change<E>(
        &self,
        id: &str,
        change: impl FnOnce(&mut Task) -> Result<(), E>,
    ) -> Result<Option<Result<Arc<Stored>, E>>, FolderError> {
        let _turn = self.writing();
        let Some(old) = self.first(id)? else { return Ok(None) };
        let mut task = old.task.clone();
        if let Err(refused) = change(&mut task) {
            return Ok(Some(Err(refused)));
        }
        self.write(&old.file, task).map(|stored| Some(Ok(stored)))
    }

    /// Removes the first task with this id, if `wanted` says so. `false`: there is none.
    pub fn remove(&self, id: &str, wanted: impl FnOnce(&Task) -> bool) -> Result<bool, FolderError> {
        let _turn = self.writing();
        let Some(stored) = self.first(id)?.filter(|stored| wanted(&stored.task)) else { return Ok(false) };
        let path = self.path.join(&stored.file);
        let removed = match fs::remove_file(&path) {
            // Somebody else was faster.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.and_then(|()| durable::sync_directory(&self.path)),
        };
        removed.map_err(|source| FolderError::Remove(path, source))?;
        self.kept().remove(&stored.file);
        Ok(true)
    }

    fn first(&self, id: &str) -> Result<Option<Arc<Stored>>, FolderError> {
        Ok(self.list()?.into_iter().find(|stored| stored.task.id().as_deref() == Some(id)))
    }

    fn write(&self, file: &OsStr, task: Task) -> Result<Arc<Stored>, FolderError> {
        let path = self.path.join(file);
        let mode = fs::metadata(&path).map_or(MODE, |metadata| metadata.permissions().mode() & 0o777);
        durable::write(&path, task.pretty().as_bytes(), mode).map_err(|source| FolderError::Write(path, source))?;
        // The next reader looks for itself: between our write and a look of ours somebody may have been.
        self.kept().remove(file);
        Ok(Arc::new(Stored { file: file.to_owned(), text: task.text(), task }))
    }

    fn list(&self) -> Result<Vec<Arc<Stored>>, FolderError> {
        let failed = |source| FolderError::List(self.path.clone(), source);
        let mut names = Vec::new();
        let entries = match fs::read_dir(&self.path) {
            // Removed by somebody; it is made again.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(&self.path).map_err(|source| FolderError::Make(self.path.clone(), source))?;
                tracing::warn!(folder = %self.path.display(), "the folder of tasks was gone, made it again");
                fs::read_dir(&self.path)
            }
            entries => entries,
        };
        for entry in entries.map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            if name.as_bytes().ends_with(SUFFIX) {
                names.push(name);
            }
        }
        names.sort_unstable_by(|one, other| one.as_bytes().cmp(other.as_bytes()));
        let stored = names.iter().filter_map(|name| self.load(name)).collect();
        if self.kept().len() > names.len() {
            self.kept().retain(|name, _| names.binary_search(name).is_ok());
        }
        Ok(stored)
    }

    /// The task in a file. What is no task is said once for as long as the file stays as it is.
    fn load(&self, name: &OsStr) -> Option<Arc<Stored>> {
        let path = self.path.join(name);
        let metadata = match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => metadata,
            // Gone since the listing, or a folder with that name.
            _ => {
                self.kept().remove(name);
                return None;
            }
        };
        let look = Look::of(&metadata);
        let known = {
            let kept = self.kept();
            let known = kept.get(name).filter(|kept| kept.look == look && kept.is_settled);
            known.map(|kept| kept.stored.clone())
        };
        if let Some(stored) = known {
            return stored;
        }
        // Asked before the text is read: what comes later has a later time.
        let is_settled = look.is_settled();
        let (stored, reason) = match read(&path) {
            Ok(task) => (Some(Arc::new(Stored { file: name.to_owned(), text: task.text(), task })), String::new()),
            Err(reason) => (None, reason),
        };
        let kept = Kept { look: look.clone(), is_settled, stored: stored.clone() };
        let before = self.kept().insert(name.to_owned(), kept);
        let was_told = before.is_some_and(|before| before.look == look && before.stored.is_none());
        if stored.is_none() && !was_told {
            tracing::warn!(file = %path.display(), reason, "not a task; repair or remove this file");
        }
        stored
    }

    /// Removes temporary files of processes that are gone.
    fn clear(&self) -> Result<(), FolderError> {
        let entries = fs::read_dir(&self.path).map_err(|source| FolderError::List(self.path.clone(), source))?;
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(pid) = name.to_str().and_then(writer_of) else { continue };
            if identity::stat(pid).is_some() && pid != std::process::id() as i32 {
                continue;
            }
            if let Err(error) = fs::remove_file(entry.path()) {
                tracing::warn!(%error, file = %entry.path().display(), "cannot remove what a killed writer left");
            }
        }
        Ok(())
    }

    fn reading(&self) -> RwLockReadGuard<'_, ()> {
        self.turn.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn writing(&self) -> RwLockWriteGuard<'_, ()> {
        self.turn.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<OsString, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn file_name(id: &str) -> OsString {
    OsString::from(format!("{id}.json"))
}

/// The process that made this temporary file, if it is one of `durable`: `.<id>.json.<pid>.<n>.tmp`.
fn writer_of(name: &str) -> Option<i32> {
    let (rest, number) = name.strip_prefix('.')?.strip_suffix(".tmp")?.rsplit_once('.')?;
    let (target, pid) = rest.rsplit_once('.')?;
    number.parse::<u64>().ok()?;
    target.ends_with(".json").then(|| pid.parse().ok()).flatten()
}

fn read(path: &Path) -> Result<Task, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > LARGEST {
        return Err(format!("larger than {LARGEST} bytes"));
    }
    let value = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
    Task::new(value).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn task(value: serde_json::Value) -> Task {
        Task::new(value).unwrap()
    }

    fn open() -> (tempfile::TempDir, Folder) {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path().join("tasks")).unwrap();
        (dir, folder)
    }

    fn texts(folder: &Folder) -> Vec<String> {
        folder.read().unwrap().iter().map(|stored| stored.text.clone()).collect()
    }

    fn names(folder: &Folder) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn files_come_in_the_order_of_their_bytes_and_others_are_left_alone() {
        let (_dir, folder) = open();
        for name in ["b.json", "B.json", "é.json", "10.json", "9.json"] {
            fs::write(folder.path().join(name), format!(r#"{{"id":"{name}"}}"#)).unwrap();
        }
        fs::write(folder.path().join(".keep"), "").unwrap();
        fs::write(folder.path().join("x.JSON"), "{}").unwrap();
        fs::create_dir(folder.path().join("folder.json")).unwrap();
        let ids: Vec<_> = folder.read().unwrap().iter().map(|stored| stored.task.id().unwrap()).collect();
        assert_eq!(ids, ["10.json", "9.json", "B.json", "b.json", "é.json"]);
    }

    #[test]
    fn an_edit_is_seen_at_once_also_of_the_same_size() {
        let (_dir, folder) = open();
        let path = folder.path().join("a.json");
        for turn in 0..200 {
            let text = format!(r#"{{"id":"a","n":{}}}"#, turn % 10);
            fs::write(&path, &text).unwrap();
            assert_eq!(texts(&folder), [text]);
        }
    }

    #[test]
    fn what_is_no_task_is_left_out() {
        let (_dir, folder) = open();
        for (name, text) in [("a", "{"), ("b", "[1]"), ("c", ""), ("d", "{\"id\":\"d\"}"), ("e", "\u{0}")] {
            fs::write(folder.path().join(format!("{name}.json")), text).unwrap();
        }
        fs::write(folder.path().join("big.json"), vec![b' '; LARGEST as usize + 1]).unwrap();
        assert_eq!(texts(&folder), [r#"{"id":"d"}"#]);
    }

    #[test]
    fn a_task_is_made_once_and_renamed_in_one_step() {
        let (_dir, folder) = open();
        let made = folder.create(task(json!({ "id": "a", "n": 1 }))).unwrap();
        assert!(matches!(made, Created::Stored(stored) if stored.text == r#"{"id":"a","n":1}"#));
        assert!(matches!(folder.create(task(json!({ "n": 1 }))).unwrap(), Created::Exists));
        assert!(matches!(folder.create(task(json!({ "id": "../a" }))), Err(FolderError::Refused(_))));
        assert_eq!(fs::read_to_string(folder.path().join("a.json")).unwrap(), "{\n  \"id\": \"a\",\n  \"n\": 1\n}");
        assert!(folder.replace("a", task(json!({ "id": "b", "n": 2 }))).unwrap());
        assert!(!folder.replace("a", task(json!({ "n": 2 }))).unwrap());
        assert!(folder.replace("b", task(json!({ "n": 3 }))).unwrap());
        assert_eq!(
            (names(&folder), texts(&folder)),
            (vec!["b.json".to_owned()], vec![r#"{"n":3,"id":"b"}"#.to_owned()])
        );
        assert!(folder.remove("b", |_| true).unwrap() && !folder.remove("b", |_| true).unwrap());
        assert!(names(&folder).is_empty());
    }

    #[test]
    fn the_id_inside_counts_and_the_first_file_wins() {
        let (_dir, folder) = open();
        fs::write(folder.path().join("z.json"), r#"{"id":"a","n":1}"#).unwrap();
        fs::write(folder.path().join("b.json"), r#"{"id":"a","n":2}"#).unwrap();
        assert_eq!(folder.find("a").unwrap().unwrap().file, "b.json");
        assert_eq!(folder.find_in(OsStr::new("z.json"), "a").unwrap().unwrap().file, "z.json");
        assert!(folder.find("z").unwrap().is_none());
        let changed = folder.change("a", |task| {
            task.set_running(true);
            Ok::<_, ()>(())
        });
        assert_eq!(changed.unwrap().unwrap().unwrap().text, r#"{"id":"a","n":2,"running":true}"#);
        assert_eq!(names(&folder), ["b.json", "z.json"]);
    }

    #[test]
    fn what_a_killed_writer_left_is_removed_and_nothing_else() {
        let (dir, folder) = open();
        let living = format!(".a.json.{}.0.tmp", nix::unistd::getppid());
        for name in [".a.json.999999999.3.tmp", ".keep", "b.json", ".other.tmp", &living] {
            fs::write(folder.path().join(name), "{}").unwrap();
        }
        let folder = Folder::open(dir.path().join("tasks")).unwrap();
        let mut left = vec![".keep".to_owned(), ".other.tmp".to_owned(), living, "b.json".to_owned()];
        left.sort();
        assert_eq!(names(&folder), left);
    }
}
