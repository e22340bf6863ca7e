//! The v2 cgroup directory reeve may work in: finding it, and one group's files.

use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Where reeve itself goes, so that controllers may be enabled beside it.
const OWN_LEAF: &str = "supervisor";
const CONTROLLERS: [&str; 4] = ["memory", "pids", "cpu", "io"];

/// A delegated place for our groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    pub path: PathBuf,
    /// Controllers that can be used in groups below `path`.
    pub controllers: Vec<String>,
}

/// Our own v2 cgroup, or the one above it if we stepped into a leaf; only looks. `Err` says why it cannot be used.
pub fn locate() -> Result<PathBuf, String> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").map_err(|e| format!("/proc/self/mountinfo: {e}"))?;
    let mount = mounts
        .lines()
        .filter_map(|line| line.split_once(" - "))
        .find(|(_, right)| right.starts_with("cgroup2 "))
        .and_then(|(left, _)| left.split(' ').nth(4))
        .ok_or("no cgroup2 file system is mounted")?;
    let own = fs::read_to_string("/proc/self/cgroup").map_err(|e| format!("/proc/self/cgroup: {e}"))?;
    let own = own.lines().find_map(|line| line.strip_prefix("0::/")).ok_or("this process is in no v2 cgroup")?;
    let mut path = Path::new(mount).join(own);
    if path.file_name().is_some_and(|n| n == OWN_LEAF) {
        path.pop();
    }
    let procs = path.join("cgroup.procs");
    let writable = nix::unistd::access(&procs, nix::unistd::AccessFlags::W_OK);
    writable.map_err(|e| format!("{} is not writable: {}", procs.display(), e.desc()))?;
    Ok(path)
}

/// Controllers that a group could pass on.
pub fn available(path: &Path) -> Vec<String> {
    words(&path.join("cgroup.controllers")).into_iter().filter(|c| CONTROLLERS.contains(&c.as_str())).collect()
}

/// Proves by trying that groups can be made below our own and processes be placed in them.
pub fn find_base() -> Result<Base, String> {
    let path = locate()?;
    let trial = path.join(format!("reeve-trial-{}-{:?}", std::process::id(), std::thread::current().id()));
    fs::create_dir(&trial).map_err(|e| format!("cannot make a cgroup in {}: {e}", path.display()))?;
    fs::remove_dir(&trial).map_err(|e| format!("cannot remove a cgroup in {}: {e}", path.display()))?;
    let is_root = !path.join("cgroup.type").exists();
    let available = available(&path);
    if !available.is_empty() && !is_root {
        move_self_aside(&path);
    }
    let controllers = enable(&path, &available);
    Ok(Base { path, controllers })
}

fn words(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap_or_default().split_whitespace().map(str::to_owned).collect()
}

/// A group with processes in it cannot pass controllers on; when we are its only process, we step into a leaf.
fn move_self_aside(path: &Path) {
    let own = std::process::id().to_string();
    let procs = words(&path.join("cgroup.procs"));
    if procs.iter().any(|p| *p != own) || procs.is_empty() {
        return;
    }
    let leaf = path.join(OWN_LEAF);
    if fs::create_dir(&leaf).is_ok() || leaf.is_dir() {
        // Failure shows in the list of enabled controllers, which is what anybody asks for.
        let _moved = fs::write(leaf.join("cgroup.procs"), own);
    }
}

/// Passes controllers on to children of `path`; the answer is what is passed on now.
pub fn enable(path: &Path, wanted: &[String]) -> Vec<String> {
    let control = path.join("cgroup.subtree_control");
    for controller in CONTROLLERS.iter().filter(|c| wanted.iter().any(|w| w == *c)) {
        // One by one: a refused controller must not take the others with it. The read below is the answer.
        let _enabled = fs::write(&control, format!("+{controller}"));
    }
    words(&control)
}

/// One cgroup directory.
///
/// It is known by its path: every descriptor that is kept open is copied and closed again by each later start.
#[derive(Debug)]
pub struct Group {
    pub path: PathBuf,
    /// Open from the making of the group until something was started in it.
    dir: Mutex<Option<Arc<OwnedFd>>>,
}

impl Group {
    /// Makes the directory (its parent must exist) or takes an existing one.
    pub fn create(path: PathBuf) -> io::Result<Self> {
        match fs::create_dir(&path) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
            _ => {}
        }
        let dir = Mutex::new(Some(Arc::new(File::open(&path)?.into())));
        Ok(Self { path, dir })
    }

    pub fn open(path: PathBuf) -> io::Result<Self> {
        fs::metadata(path.join("cgroup.events"))?;
        Ok(Self { path, dir: Mutex::default() })
    }

    /// The directory, to be born in.
    pub fn dir(&self) -> io::Result<Arc<OwnedFd>> {
        let mut dir = self.dir.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(dir) = &*dir {
            return Ok(Arc::clone(dir));
        }
        Ok(Arc::clone(dir.insert(Arc::new(File::open(&self.path)?.into()))))
    }

    /// The start is over.
    pub fn close_dir(&self) {
        *self.dir.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Whether no process, also in groups below, is alive.
    pub fn is_empty(&self) -> io::Result<bool> {
        match File::open(self.path.join("cgroup.events")) {
            Ok(events) => is_empty(&events),
            // The directory was removed, which only an empty one can be.
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(true),
            Err(e) => Err(e),
        }
    }

    /// Until `is_empty`, woken by the kernel.
    pub async fn wait_empty(&self) -> io::Result<()> {
        if self.is_empty()? {
            return Ok(());
        }
        // One file for the whole wait: the kernel remembers per open file what has been seen.
        let events = match File::open(self.path.join("cgroup.events")) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            events => events?,
        };
        // SAFETY: the registration owns the descriptor, which therefore stays open as long as it.
        let watch = unsafe { AsyncFd::register_with_interest(events, Interest::PRIORITY) }.map_err(io::Error::from)?;
        loop {
            if is_empty(watch.get_ref())? {
                return Ok(());
            }
            let mut guard = watch.ready(Interest::PRIORITY).await?;
            guard.clear_ready();
        }
    }

    /// Kills everything inside at once.
    pub fn kill(&self) -> io::Result<()> {
        match self.write("cgroup.kill", "1") {
            Err(e) if e.kind() == io::ErrorKind::NotFound => self.kill_one_by_one(),
            other => other,
        }
    }

    /// Before Linux 5.14: frozen, so that nobody forks away.
    fn kill_one_by_one(&self) -> io::Result<()> {
        let frozen = self.write("cgroup.freeze", "1");
        loop {
            let pids = self.pids();
            for pid in &pids {
                // SAFETY: signals a process that is in this group now.
                unsafe { libc::kill(*pid, libc::SIGKILL) };
            }
            let more = self.pids().into_iter().any(|pid| !pids.contains(&pid));
            if !more {
                break;
            }
        }
        if frozen.is_ok() { self.write("cgroup.freeze", "0") } else { Ok(()) }
    }

    pub fn write(&self, file: &str, text: &str) -> io::Result<()> {
        // Never made when missing: which files there are says what the kernel can do.
        let mut file = fs::OpenOptions::new().write(true).open(self.path.join(file))?;
        io::Write::write_all(&mut file, text.as_bytes())
    }

    /// All processes, also of groups that a service made below its own.
    pub fn pids(&self) -> Vec<i32> {
        let mut pids = Vec::new();
        collect(&self.path, &mut pids);
        pids
    }

    /// Removes the directory and groups below; fails while a process lives there.
    pub fn remove(&self) -> io::Result<()> {
        match fs::remove_dir(&self.path) {
            Err(e) if e.raw_os_error() == Some(libc::EBUSY) => remove_below(&self.path),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }
}

fn is_empty(events: &File) -> io::Result<bool> {
    let mut buffer = [0_u8; 128];
    match events.read_at(&mut buffer, 0) {
        Ok(read) => Ok(memchr::memmem::find(&buffer[..read], b"populated 0").is_some()),
        // Removed while the file was open.
        Err(e) if e.raw_os_error() == Some(libc::ENODEV) => Ok(true),
        Err(e) => Err(e),
    }
}

fn collect(path: &Path, pids: &mut Vec<i32>) {
    let text = fs::read_to_string(path.join("cgroup.procs")).unwrap_or_default();
    pids.extend(text.lines().filter_map(|l| l.parse::<i32>().ok()));
    for below in below(path) {
        collect(&below, pids);
    }
}

/// Groups directly inside this one.
pub fn below(path: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(path) else { return Vec::new() };
    entries.flatten().filter(|e| e.file_type().is_ok_and(|t| t.is_dir())).map(|e| e.path()).collect()
}

fn remove_below(path: &Path) -> io::Result<()> {
    for child in below(path) {
        remove_below(&child)?;
    }
    fs::remove_dir(path)
}
