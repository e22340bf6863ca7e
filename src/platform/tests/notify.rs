//! Notices from real processes over real sockets.

use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;

use super::super::notify::{Notice, NotifySocket, Systemd};
use super::*;

/// The sender: this program again, as a process of the tree.
#[test]
#[ignore = "run by other tests"]
fn inside_sender() {
    let Ok(path) = std::env::var("NOTIFY_SOCKET") else { return };
    let message = match std::env::var("LENGTH") {
        Ok(length) => format!("STATUS={}", "x".repeat(length.parse::<usize>().unwrap() - 7)),
        Err(_) => std::env::var("MESSAGE").unwrap(),
    };
    let socket = UnixDatagram::unbound().unwrap();
    let _too_long_for_the_buffer = socket.send_to(message.as_bytes(), path);
}

struct Fixture {
    containment: Containment,
    dir: tempfile::TempDir,
}

impl Fixture {
    fn new(rung: &Containment) -> Self {
        Self { containment: rung.clone(), dir: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> std::path::PathBuf {
        self.dir.path().join("notify.sock")
    }

    /// Runs the sender as a grandchild; `after` is what the leader does then.
    fn send(&self, tree: &Tree, variable: (&str, &str), after: &str) -> Child {
        let exe = std::env::current_exe().unwrap();
        let sender = "platform::tests::notify::inside_sender";
        let script = format!("(\"$0\" --exact {sender} --ignored; {after}) & wait");
        let mut plan = SpawnPlan::new("/bin/sh").args(["-c", &script]);
        plan.argv.push(exe.into());
        plan.env.push(("PATH".into(), "/usr/bin:/bin".into()));
        plan.env.push(("NOTIFY_SOCKET".into(), self.path().into()));
        plan.env.push((variable.0.into(), variable.1.into()));
        let (name, value) = tree.environment();
        plan.env.push((name.into(), value.into()));
        plan.cgroup = tree.placement();
        let child = spawn(&plan).unwrap();
        tree.set_leader(child.pid, child.start_time);
        child
    }
}

async fn heard(socket: &mut NotifySocket, tree: &Tree) -> Vec<Notice> {
    tokio::time::timeout(Duration::from_secs(10), socket.receive(tree)).await.expect("nothing was heard").unwrap()
}

#[tokio::test]
async fn everything_a_service_may_say() {
    // semantics case 47
    for containment in rungs("notify") {
        let fixture = Fixture::new(&containment);
        let mut socket = NotifySocket::bind(&fixture.path(), None).unwrap();
        let tree = containment.tree("svc", 1).unwrap();
        let message = "READY=1\nSTATUS=all \u{1b}fine\nMAINPID=1\nnonsense\nRELOADING=1\nSTOPPING=1\nWATCHDOG=1\n\
            WATCHDOG=trigger\nEXTEND_TIMEOUT_USEC=1500000\nEXTEND_TIMEOUT_USEC=many\nREADY=2\n";
        let mut child = fixture.send(&tree, ("MESSAGE", message), "sleep 300");
        let expected = vec![
            Notice::Ready,
            Notice::Status("all fine".into()),
            Notice::Reloading,
            Notice::Stopping,
            Notice::Watchdog,
            Notice::WatchdogTrigger,
            Notice::ExtendTimeout(Duration::from_millis(1500)),
        ];
        assert_eq!(heard(&mut socket, &tree).await, expected);
        tree.kill().unwrap();
        child.wait().await.unwrap();
        emptied(&tree).await;
        fixture.containment.close().unwrap();
    }
}

#[tokio::test]
async fn long_and_empty_datagrams_do_not_hide_the_next() {
    // semantics case 47
    let containment = Containment::forced("long", Rung::Subreaper).unwrap();
    let fixture = Fixture::new(&containment);
    let mut socket = NotifySocket::bind(&fixture.path(), None).unwrap();
    let own = UnixDatagram::unbound().unwrap();
    for bytes in [Vec::new(), vec![0xff; 10], vec![b'x'; (64 << 10) + 1], b"MAINPID=1".to_vec()] {
        own.send_to(&bytes, fixture.path()).unwrap();
    }
    let tree = containment.tree("svc", 1).unwrap();
    let mut child = fixture.send(&tree, ("LENGTH", &(64 << 10).to_string()), "sleep 300");
    let notices = heard(&mut socket, &tree).await;
    assert!(matches!(&notices[..], [Notice::Status(text)] if text.len() == 1000), "{notices:?}");
    tree.kill().unwrap();
    child.wait().await.unwrap();
    emptied(&tree).await;
}

#[tokio::test]
async fn strangers_are_not_heard_but_the_quick_are() {
    let containment = Containment::forced("stranger", Rung::Subreaper).unwrap();
    let fixture = Fixture::new(&containment);
    let mut socket = NotifySocket::bind(&fixture.path(), None).unwrap();
    // We live and are not in the tree.
    UnixDatagram::unbound().unwrap().send_to(b"READY=1", fixture.path()).unwrap();
    let tree = containment.tree("svc", 1).unwrap();
    let mut child = fixture.send(&tree, ("MESSAGE", "STATUS=quick"), "true");
    assert!(child.wait().await.unwrap().success());
    emptied(&tree).await;
    assert_eq!(heard(&mut socket, &tree).await, [Notice::Status("quick".into())], "gone when it is read");
}

#[tokio::test]
async fn a_barrier_is_passed_once_it_is_read() {
    let containment = Containment::forced("barrier", Rung::Subreaper).unwrap();
    let fixture = Fixture::new(&containment);
    let mut socket = NotifySocket::bind(&fixture.path(), None).unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    let own = UnixDatagram::unbound().unwrap();
    own.connect(fixture.path()).unwrap();
    let fds = [writer.as_raw_fd()];
    let message = [nix::sys::socket::ControlMessage::ScmRights(&fds)];
    let bytes = [std::io::IoSlice::new(b"BARRIER=1")];
    nix::sys::socket::sendmsg::<()>(own.as_raw_fd(), &bytes, &message, nix::sys::socket::MsgFlags::empty(), None)
        .unwrap();
    drop(writer);
    let tree = containment.tree("svc", 1).unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(200), socket.receive(&tree)).await.is_err());
    assert_eq!(text(reader), "");
}

#[test]
fn the_socket_is_its_owners_alone_and_replaces_only_sockets() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notify.sock");
    let _stale = NotifySocket::bind(&path, None).unwrap();
    let owner = account::is_root().then_some((54321, 54322));
    let _socket = NotifySocket::bind(&path, owner).unwrap();
    let data = std::fs::symlink_metadata(&path).unwrap();
    assert!(data.file_type().is_socket());
    assert_eq!(data.permissions().mode() & 0o777, 0o600);
    if let Some((uid, gid)) = owner {
        use std::os::unix::fs::MetadataExt;
        assert_eq!((data.uid(), data.gid()), (uid, gid));
    }
    let file = dir.path().join("file");
    durable::write(&file, b"", 0o600).unwrap();
    assert!(NotifySocket::bind(&file, None).is_err());
    let long = dir.path().join("x".repeat(108));
    assert_eq!(NotifySocket::bind(&long, None).unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
}

#[test]
fn a_manager_above_us_hears_us() {
    // semantics case 72: under systemd, Type=notify
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("manager");
    let name = format!("reeve-test-{}", std::process::id());
    let by_path = SocketAddr::from_pathname(&path).unwrap();
    let by_name = SocketAddr::from_abstract_name(&name).unwrap();
    for (address, variable) in [(by_path, path.to_str().unwrap().to_owned()), (by_name, format!("@{name}"))] {
        let manager = UnixDatagram::bind_addr(&address).unwrap();
        manager.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let systemd = Systemd::new(Some(&variable), Some(Duration::from_secs(3)));
        systemd.ready();
        systemd.status("two\nlines");
        systemd.watchdog();
        systemd.stopping();
        for expected in ["READY=1", "STATUS=two lines", "WATCHDOG=1", "STOPPING=1"] {
            let mut buffer = [0; 100];
            let read = manager.recv(&mut buffer).unwrap();
            assert_eq!(std::str::from_utf8(&buffer[..read]).unwrap(), expected);
        }
        assert_eq!(systemd.watchdog_period(), Some(Duration::from_secs(3)));
    }
    let nobody = Systemd::new(None, Some(Duration::from_secs(3)));
    nobody.ready();
    assert_eq!(nobody.watchdog_period(), None);
    // Nobody listens: said once in the log, and nothing else happens.
    Systemd::new(Some(Path::new("/nonexistent/x").to_str().unwrap()), None).ready();
}

#[test]
fn a_watchdog_for_another_process_is_not_ours() {
    use super::super::notify::watchdog;
    let own = std::process::id().to_string();
    let three = Some(Duration::from_secs(3));
    assert_eq!(watchdog(Some("3000000"), Some(&own)), three);
    assert_eq!(watchdog(Some("3000000"), None), three);
    assert_eq!(watchdog(Some("3000000"), Some("1")), None);
    assert_eq!(watchdog(Some("0"), None), None);
    assert_eq!(watchdog(Some("soon"), None), None);
}
