//! Why a child could not be started, in words an operator can act on.

use std::fmt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

/// The step that failed between the decision to start and the program's first instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Stage {
    /// Checking the plan: a NUL byte, a relative path.
    Plan = 1,
    Clone,
    Cgroup,
    Session,
    Nice,
    OomScore,
    Rlimit,
    Credentials,
    Directory,
    NoNewPrivileges,
    Descriptors,
    Exec,
}

impl Stage {
    pub(super) fn from_number(number: u32) -> Option<Self> {
        use Stage::{
            Cgroup, Clone, Credentials, Descriptors, Directory, Exec, Nice, NoNewPrivileges, OomScore, Plan, Rlimit,
            Session,
        };
        [
            Plan,
            Clone,
            Cgroup,
            Session,
            Nice,
            OomScore,
            Rlimit,
            Credentials,
            Directory,
            NoNewPrivileges,
            Descriptors,
            Exec,
        ]
        .into_iter()
        .find(|stage| *stage as u32 == number)
    }
}

/// A start that did not happen. `Display` is complete: step, path and reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct SpawnError {
    pub stage: Stage,
    pub path: PathBuf,
    pub errno: i32,
    /// The interpreter (of a script, or the loader of a binary) that is missing, when that is the reason.
    pub interpreter: Option<PathBuf>,
}

impl SpawnError {
    pub(super) fn new(stage: Stage, path: &Path, errno: i32) -> Self {
        let interpreter = (stage == Stage::Exec && errno == libc::ENOENT).then(|| missing_interpreter(path)).flatten();
        Self { stage, path: path.to_owned(), errno, interpreter }
    }

    /// Whether the machine was short of something, so that trying again later can help (semantics case 16).
    pub fn is_transient(&self) -> bool {
        matches!(self.errno, libc::EAGAIN | libc::EMFILE | libc::ENFILE | libc::ENOMEM | libc::ETXTBSY)
    }
}

impl fmt::Display for SpawnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        let reason = Errno::from_raw(self.errno).desc();
        if let Some(interpreter) = &self.interpreter {
            return write!(f, "cannot run {path}: its interpreter {} does not exist", interpreter.display());
        }
        match self.stage {
            Stage::Plan => write!(f, "cannot run {path}: not an absolute path, or a NUL byte in an argument"),
            Stage::Clone => write!(f, "cannot start a process for {path}: {reason}"),
            Stage::Cgroup => write!(f, "cannot place {path} in its cgroup: {reason}"),
            Stage::Session => write!(f, "cannot give {path} its own session: {reason}"),
            Stage::Nice => write!(f, "cannot set the priority of {path}: {reason}"),
            Stage::OomScore => write!(f, "cannot set oom_score_adj of {path}: {reason}"),
            Stage::Rlimit => write!(f, "cannot set a resource limit of {path}: {reason}"),
            Stage::Credentials => write!(f, "cannot change to the service's account for {path}: {reason}"),
            Stage::Directory => write!(f, "cannot change to directory {path}: {reason}"),
            Stage::NoNewPrivileges => write!(f, "cannot set no_new_privs for {path}: {reason}"),
            Stage::Descriptors => write!(f, "cannot arrange the file descriptors of {path}: {reason}"),
            Stage::Exec => write!(f, "cannot run {path}: {reason}"),
        }
    }
}

/// ENOENT for a program that exists means the file it names in its first line, or its loader, does not.
fn missing_interpreter(path: &Path) -> Option<PathBuf> {
    let mut head = Vec::new();
    let file = std::fs::File::open(path).ok()?;
    std::io::Read::read_to_end(&mut std::io::Read::take(file, 8192), &mut head).ok()?;
    if let Some(line) = head.strip_prefix(b"#!") {
        let line = line.split(|b| *b == b'\n').next()?;
        let text = String::from_utf8_lossy(line);
        // "\r" is kept visible: a script with Windows line ends asks for "sh\r".
        let word = text.trim_matches([' ', '\t']).split([' ', '\t']).next()?;
        return Some(PathBuf::from(word.replace('\r', "\\r")));
    }
    if head.starts_with(b"\x7fELF") {
        // The loader's path is among the first bytes of every dynamic executable.
        let start = memchr::memmem::find_iter(&head, b"/").find(|at| {
            head[*at..].starts_with(b"/lib") || head[*at..].starts_with(b"/nix") || head[*at..].starts_with(b"/usr")
        })?;
        let end = memchr::memchr(0, &head[start..])?;
        return Some(PathBuf::from(String::from_utf8_lossy(&head[start..start + end]).into_owned()));
    }
    None
}
