//! The control socket's place in the file system: made so that nobody else could ever open it, moved when its path is too
//! long, taken over only from the dead.

use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use nix::sys::socket::{self, AddressFamily, Backlog, SockFlag, SockType, UnixAddr};
use nix::sys::stat::Mode;
use sha2::{Digest, Sha256};
use tokio::net::UnixListener;

/// Longest path that `sockaddr_un` holds with its closing zero.
pub const LONGEST: usize = 107;

#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    #[error("a running reeve already answers on {}", path.display())]
    Answered { path: PathBuf },
    #[error("{} is in the way and is no socket", path.display())]
    Foreign { path: PathBuf },
    #[error("{} belongs to user {owner}, not to us, or others can write to it", path.display())]
    Insecure { path: PathBuf, owner: u32 },
    #[error("cannot make the directory {}", path.display())]
    Directory {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot look at {}", path.display())]
    Look {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot remove the dead socket {}", path.display())]
    Remove {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot listen on {}", path.display())]
    Bind {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot write down the place of the socket in {}", path.display())]
    Record {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// A bound socket; the file is removed when this is dropped.
#[derive(Debug)]
pub struct Bound {
    pub listener: UnixListener,
    pub path: PathBuf,
    inode: (u64, u64),
}

impl Drop for Bound {
    fn drop(&mut self) {
        // Only our own: a successor may have taken the place.
        if inode(&self.path).is_ok_and(|inode| inode == self.inode) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Where the socket of a data directory is bound: in its `run/`, or elsewhere when that path is too long.
pub fn place(data_dir: &Path) -> PathBuf {
    let wished = data_dir.join("run/reeve.sock");
    if wished.as_os_str().len() <= LONGEST {
        return wished;
    }
    let name = short_name(data_dir);
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").filter(|dir| !dir.is_empty()).map(PathBuf::from);
    let in_runtime = runtime.map(|dir| dir.join("reeve").join(&name)).filter(|path| path.as_os_str().len() <= LONGEST);
    in_runtime.unwrap_or_else(|| PathBuf::from(format!("/tmp/reeve-{}", nix::unistd::geteuid())).join(name))
}

/// Where services ask: `wished`, or elsewhere when that path is too long.
pub fn services_place(wished: &Path) -> PathBuf {
    if wished.as_os_str().len() <= LONGEST {
        return wished.to_owned();
    }
    elsewhere().join(short_name(wished))
}

fn elsewhere() -> PathBuf {
    PathBuf::from(format!("/tmp/reeve-{}-services", nix::unistd::geteuid()))
}

fn short_name(path: &Path) -> String {
    let digest = Sha256::digest(path.as_os_str().as_encoded_bytes());
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect::<String>() + ".sock"
}

/// Where a running supervisor of this data directory listens, as it wrote it down.
pub fn find(data_dir: &Path) -> PathBuf {
    match std::fs::read_to_string(data_dir.join("run/socket")) {
        Ok(text) if !text.trim().is_empty() => PathBuf::from(text.trim_end_matches('\n')),
        _ => place(data_dir),
    }
}

/// Binds the socket of a data directory and writes its place to `run/socket`.
pub fn bind(data_dir: &Path) -> Result<Bound, SocketError> {
    bind_at(data_dir, place(data_dir))
}

pub(crate) fn bind_at(data_dir: &Path, path: PathBuf) -> Result<Bound, SocketError> {
    let run = data_dir.join("run");
    make_directory(&run, 0o700)?;
    if let Some(parent) = path.parent().filter(|parent| *parent != run) {
        make_directory(parent, 0o700)?;
        owned_by_us(parent)?;
    }
    let bound = listen(path, 0o600)?;
    let note = run.join("socket");
    std::fs::write(&note, format!("{}\n", bound.path.display()))
        .map_err(|source| SocketError::Record { path: note, source })?;
    Ok(bound)
}

/// Binds the socket that services ask. Where they have an account of their own, everybody can connect: who is served is
/// told by the kernel, not by the file's mode.
pub fn bind_services(path: &Path) -> Result<Bound, SocketError> {
    let separate = nix::unistd::geteuid().is_root();
    if let Some(parent) = path.parent().filter(|parent| *parent == elsewhere()) {
        make_directory(parent, if separate { 0o711 } else { 0o700 })?;
        owned_by_us(parent)?;
    }
    listen(path.to_owned(), if separate { 0o666 } else { 0o600 })
}

fn listen(path: PathBuf, mode: u32) -> Result<Bound, SocketError> {
    clear(&path)?;
    let listener = listener(&path, mode).map_err(|source| SocketError::Bind { path: path.clone(), source })?;
    let inode = inode(&path).map_err(|source| SocketError::Look { path: path.clone(), source })?;
    Ok(Bound { listener, path, inode })
}

/// From its first instant nobody else can connect: the mode of the file is that of the socket before it (unix(7)). The umask,
/// which would do the same, is the whole process's, and other threads make files.
fn listener(path: &Path, mode: u32) -> io::Result<UnixListener> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket = socket::socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    nix::sys::stat::fchmod(&socket, Mode::from_bits_truncate(mode))?;
    socket::bind(socket.as_raw_fd(), &UnixAddr::new(path)?)?;
    // What the umask took away; nobody is let in before `listen`.
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    socket::listen(&socket, Backlog::MAXCONN)?;
    UnixListener::from_std(std::os::unix::net::UnixListener::from(socket))
}

fn make_directory(path: &Path, mode: u32) -> Result<(), SocketError> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(path)
        .map_err(|source| SocketError::Directory { path: path.to_owned(), source })
}

/// A directory in a shared place may have been put there by anybody.
fn owned_by_us(path: &Path) -> Result<(), SocketError> {
    let data = std::fs::symlink_metadata(path).map_err(|source| SocketError::Look { path: path.to_owned(), source })?;
    let ours = data.uid() == nix::unistd::geteuid().as_raw();
    if ours && data.is_dir() && data.permissions().mode() & 0o022 == 0 {
        return Ok(());
    }
    Err(SocketError::Insecure { path: path.to_owned(), owner: data.uid() })
}

/// Removes what a dead supervisor left. Whoever still answers, keeps it.
fn clear(path: &Path) -> Result<(), SocketError> {
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(SocketError::Look { path: path.to_owned(), source }),
        Ok(data) if !data.file_type().is_socket() => return Err(SocketError::Foreign { path: path.to_owned() }),
        Ok(_) => {}
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path).map_err(|source| SocketError::Remove { path: path.to_owned(), source })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        // Also a full backlog: somebody holds it.
        _ => Err(SocketError::Answered { path: path.to_owned() }),
    }
}

fn inode(path: &Path) -> io::Result<(u64, u64)> {
    std::fs::symlink_metadata(path).map(|data| (data.dev(), data.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    // semantics case 67
    #[tokio::test]
    async fn nobody_else_can_open_it() {
        let dir = tempfile::tempdir().unwrap();
        let bound = bind(dir.path()).unwrap();
        let mode = std::fs::metadata(&bound.path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(find(dir.path()), bound.path);
        let path = bound.path.clone();
        drop(bound);
        assert!(!path.exists());
    }

    // semantics case 67
    #[tokio::test]
    async fn a_deep_path_is_moved_and_the_place_written_down() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("d".repeat(120));
        let moved = place(&deep);
        assert!(moved.as_os_str().len() <= LONGEST && !moved.starts_with(dir.path()));
        let bound = bind_at(&deep, dir.path().join("elsewhere/x.sock")).unwrap();
        assert_eq!(find(&deep), bound.path);
        let parent = std::fs::metadata(dir.path().join("elsewhere")).unwrap();
        assert_eq!(parent.permissions().mode() & 0o777, 0o700);
    }

    // semantics case 67
    #[tokio::test]
    async fn a_dead_socket_is_replaced_a_living_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let bound = bind(dir.path()).unwrap();
        assert!(matches!(bind(dir.path()), Err(SocketError::Answered { .. })));
        let path = bound.path.clone();
        drop(bound);
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        bind(dir.path()).unwrap();
    }

    #[tokio::test]
    async fn what_is_no_socket_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("run")).unwrap();
        std::fs::write(dir.path().join("run/reeve.sock"), "precious").unwrap();
        assert!(matches!(bind(dir.path()), Err(SocketError::Foreign { .. })));
    }

    #[tokio::test]
    async fn a_directory_that_others_can_write_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let shared = dir.path().join("shared");
        std::fs::create_dir(&shared).unwrap();
        std::fs::set_permissions(&shared, std::fs::Permissions::from_mode(0o777)).unwrap();
        let refused = bind_at(&dir.path().join("data"), shared.join("x.sock"));
        assert!(matches!(refused, Err(SocketError::Insecure { .. })));
    }
}
