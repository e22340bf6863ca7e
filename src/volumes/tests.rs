//! Volumes on a real disk, with real kills.

#![expect(clippy::print_stderr, clippy::print_stdout, reason = "a test that cannot run here says so")]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use super::*;

const FAULT: &str = "REEVE_TEST_VOLUME_FAULT";
const PLACE: &str = "REEVE_TEST_VOLUME_PLACE";

/// Ends the process as `kill -9` does, at the place that the environment names.
pub(super) fn fault(point: &str) {
    if std::env::var(FAULT).is_ok_and(|wanted| wanted == point) {
        let _ = nix::sys::signal::kill(nix::unistd::Pid::this(), nix::sys::signal::Signal::SIGKILL);
    }
}

fn request(dir: &Path) -> VolumeRequest {
    VolumeRequest {
        stack: "status".to_owned(),
        volume: "postgres".to_owned(),
        service: "postgres".to_owned(),
        preset: Some("postgresql".to_owned()),
        data_format: Some("17".to_owned()),
        part: Some(PartVersion { name: "postgresql".to_owned(), version: "17.10".to_owned() }),
        path: dir.join("volumes/postgres"),
        mode: 0o700,
        owner: None,
    }
}

/// A first start in small.
fn first_start(dir: &Path) -> Volume {
    match prepared(&request(dir)) {
        PreparedVolume::Ready(volume) => volume,
        PreparedVolume::Fresh(fresh) => {
            fs::write(fresh.dir().join("half"), "1").unwrap();
            fault("while-filling");
            fs::write(fresh.dir().join("whole"), "2").unwrap();
            fresh.commit().unwrap()
        }
    }
}

/// A process that another test is just starting has our descriptors until it runs its own program, and with them a lock that was
/// given up here.
fn prepared(request: &VolumeRequest) -> PreparedVolume {
    let begun = Instant::now();
    loop {
        match prepare(request) {
            Err(VolumeError::Locked { .. }) if begun.elapsed() < Duration::from_secs(10) => std::thread::yield_now(),
            done => return done.unwrap(),
        }
    }
}

fn ready(prepared: PreparedVolume) -> Volume {
    match prepared {
        PreparedVolume::Ready(volume) => volume,
        PreparedVolume::Fresh(_) => panic!("expected a volume that is there"),
    }
}

/// Runs a function of this test binary marked `ignored` in another process.
fn other_process(test: &str, dir: &Path, fault: &str) -> std::process::Output {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("volumes::tests::{test}"), "--ignored", "--nocapture", "--test-threads=1"])
        .env(FAULT, fault)
        .env(PLACE, dir)
        .output()
        .unwrap()
}

fn place() -> PathBuf {
    PathBuf::from(std::env::var(PLACE).unwrap())
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
#[ignore = "runs in the process that a_first_start_killed_anywhere_begins_again starts"]
fn child_first_start() {
    first_start(&place());
}

#[test]
#[ignore = "runs in the process that a_volume_in_use_names_its_holder starts"]
fn child_second_writer() {
    let error = prepare(&request(&place())).unwrap_err();
    println!("{error} ({:?})", error.retry());
}

/// semantics case 64, the volume's part: killed at any moment, the next start has a whole volume and nothing else.
#[test]
fn a_first_start_killed_anywhere_begins_again() {
    for point in prepare::FAULTS.into_iter().chain(["while-filling"]) {
        let dir = tempfile::tempdir().unwrap();
        let output = other_process("child_first_start", dir.path(), point);
        assert_eq!(
            std::os::unix::process::ExitStatusExt::signal(&output.status),
            Some(9),
            "{point}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let place = dir.path().join("volumes/postgres");
        assert_eq!(place.exists(), point == "after-rename", "{point}: half a volume must not be in its place");

        let volume = first_start(dir.path());
        assert_eq!(volume.manifest().state, VolumeState::Ready, "{point}");
        assert_eq!(fs::read_to_string(place.join("whole")).unwrap(), "2", "{point}");
        assert_eq!(names(&dir.path().join("volumes")), [".postgres.lock", "postgres"], "{point}: left-overs");
    }
}

#[test]
fn a_volume_in_use_names_its_holder() {
    let dir = tempfile::tempdir().unwrap();
    let volume = first_start(dir.path());
    let output = other_process("child_second_writer", dir.path(), "");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}");
    assert!(said.contains(&format!("in use by process {}", std::process::id())), "{said}");
    assert!(said.contains("Permanent"), "{said}");

    drop(volume);
    ready(prepared(&request(dir.path())));
}

#[test]
fn a_new_volume_has_mode_owner_and_manifest() {
    let dir = tempfile::tempdir().unwrap();
    let root = nix::unistd::geteuid().is_root();
    let mut wanted = request(dir.path());
    wanted.mode = 0o750;
    wanted.owner = root.then_some(Owner { uid: 12345, gid: 54321 });
    let PreparedVolume::Fresh(fresh) = prepare(&wanted).unwrap() else { panic!("it was not there") };
    let volume = fresh.commit().unwrap();
    let metadata = fs::metadata(volume.path()).unwrap();
    assert_eq!(metadata.mode() & 0o7777, 0o750);
    if root {
        assert_eq!((metadata.uid(), metadata.gid()), (12345, 54321));
    }
    let manifest = VolumeManifest::read(volume.path()).unwrap().unwrap();
    assert_eq!(manifest, volume.manifest());
    assert_eq!(manifest.data_format.as_deref(), Some("17"));
    drop(volume);

    if root {
        wanted.owner = Some(Owner { uid: 54321, gid: 54321 });
        let error = prepare(&wanted).unwrap_err();
        assert!(matches!(error, VolumeError::OtherOwner { found: 12345, wanted: 54321, .. }), "{error}");
    }
}

#[test]
fn a_directory_with_other_data_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let wanted = request(dir.path());
    fs::create_dir_all(&wanted.path).unwrap();
    fs::write(wanted.path.join("theirs"), "precious").unwrap();
    let error = prepare(&wanted).unwrap_err();
    assert!(matches!(error, VolumeError::NotOurs { .. }), "{error}");
    assert_eq!(error.retry(), Retry::Permanent);
    assert!(error.hint().unwrap().contains("path"));
    assert_eq!(names(&wanted.path), ["theirs"]);
}

#[test]
fn an_empty_directory_of_the_operator_is_filled() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("volumes/postgres")).unwrap();
    let volume = first_start(dir.path());
    assert!(volume.path().join("whole").exists());
}

#[test]
fn data_of_another_version_software_or_stack_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(first_start(dir.path()));
    let mut newer = request(dir.path());
    newer.data_format = Some("18".to_owned());
    let error = prepare(&newer).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("version 17 (made by postgresql 17.10)") && text.contains("of version 18 now"), "{text}");
    assert!(error.hint().unwrap().contains("export"), "{error:?}");
    assert_eq!(error.retry(), Retry::Permanent);

    let mut other = request(dir.path());
    other.preset = Some("mongodb".to_owned());
    assert!(matches!(prepare(&other).unwrap_err(), VolumeError::OtherSoftware { .. }));
    let mut other = request(dir.path());
    other.stack = "else".to_owned();
    assert!(matches!(prepare(&other).unwrap_err(), VolumeError::OtherStack { .. }));
    ready(prepared(&request(dir.path())));
}

#[test]
fn a_broken_or_newer_manifest_is_refused_and_the_former_one_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let volume = first_start(dir.path());
    volume.done("step", "abc").unwrap();
    let path = volume.path().to_owned();
    drop(volume);
    let manifest = path.join(MANIFEST_NAME);
    for (text, newer) in [("", false), ("{\"format\": 1", false), ("[]", false), ("{\"format\": 2, \"x\": 1}", true)] {
        fs::write(&manifest, text).unwrap();
        let error = prepare(&request(dir.path())).unwrap_err();
        assert_eq!(matches!(error, VolumeError::NewerManifest { format: 2, .. }), newer, "{error}");
        assert_eq!(matches!(error, VolumeError::BrokenManifest { .. }), !newer, "{error}");
        assert_eq!(error.retry(), Retry::Permanent);
    }
    fs::copy(path.join(format!("{MANIFEST_NAME}.bak")), &manifest).unwrap();
    ready(prepared(&request(dir.path())));
    assert!(path.join("whole").exists());
}

#[test]
fn a_manifest_of_format_1_keeps_loading() {
    let dir = tempfile::tempdir().unwrap();
    let wanted = request(dir.path());
    fs::create_dir_all(&wanted.path).unwrap();
    let text = r#"{"format":1,"state":"ready","stack":"status","volume":"postgres","service":"postgres",
        "preset":"postgresql","data_format":"17","part":{"name":"postgresql","version":"17.2"},
        "created":"2026-01-01T00:00:00Z","steps":{"init-sql/init.sql":{"sha256":"aa","at":"2026-01-01T00:00:01Z"}}}"#;
    fs::write(wanted.path.join(MANIFEST_NAME), text).unwrap();
    let volume = ready(prepare(&wanted).unwrap());
    assert!(volume.is_done("init-sql/init.sql", "aa"));
    assert!(!volume.is_done("init-sql/init.sql", "bb"));
}

#[test]
fn steps_are_remembered_over_runs() {
    let dir = tempfile::tempdir().unwrap();
    let volume = first_start(dir.path());
    volume.done("roles", "1").unwrap();
    volume.done("roles", "2").unwrap();
    drop(volume);
    let volume = ready(prepared(&request(dir.path())));
    assert!(volume.is_done("roles", "2"));
    assert!(!volume.is_done("roles", "1"));
}

#[test]
fn a_fresh_volume_that_is_given_up_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let PreparedVolume::Fresh(fresh) = prepare(&request(dir.path())).unwrap() else { panic!("it was not there") };
    fs::write(fresh.dir().join("half"), "1").unwrap();
    drop(fresh);
    assert_eq!(names(&dir.path().join("volumes")), [".postgres.lock"]);
}

#[test]
fn a_look_alike_of_a_side_directory_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let theirs = dir.path().join("volumes/.postgres.init-1-theirs");
    fs::create_dir_all(&theirs).unwrap();
    fs::write(theirs.join("data"), "precious").unwrap();
    drop(first_start(dir.path()));
    assert!(theirs.join("data").exists());
}

#[test]
fn only_what_is_ours_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    drop(first_start(dir.path()));
    let volumes = dir.path().join("volumes");
    let mut other = request(dir.path());
    (other.stack, other.path) = ("else".to_owned(), volumes.join("other"));
    let PreparedVolume::Fresh(fresh) = prepare(&other).unwrap() else { panic!("it was not there") };
    drop(fresh.commit().unwrap());
    let mut busy = request(dir.path());
    busy.path = volumes.join("busy");
    let PreparedVolume::Fresh(fresh) = prepare(&busy).unwrap() else { panic!("it was not there") };
    let busy = fresh.commit().unwrap();
    fs::create_dir(volumes.join("theirs")).unwrap();
    fs::write(volumes.join("theirs/data"), "precious").unwrap();

    let removal = remove_all(dir.path(), &[], "status").unwrap();
    assert_eq!(removal.removed, [volumes.join("postgres")]);
    let kept: Vec<_> = removal.kept.iter().map(|kept| kept.path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(kept, ["busy", "other", "theirs"]);
    assert!(removal.kept[0].why.contains("in use by process"), "{:?}", removal.kept);
    assert!(removal.kept[1].why.contains("\"else\""), "{:?}", removal.kept);
    assert!(volumes.join("theirs/data").exists());
    assert!(!volumes.join("postgres").exists());

    drop(busy);
    fs::remove_dir_all(volumes.join("theirs")).unwrap();
    remove_all(dir.path(), &[], "status").unwrap();
    remove_all(dir.path(), &[], "else").unwrap();
    assert_eq!(names(dir.path()), Vec::<String>::new());
}

/// A small file system, or `None` (said loudly) where it cannot be mounted.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        use nix::mount::{MsFlags, mount};
        let dir = tempfile::tempdir().unwrap();
        match mount(Some("none"), dir.path(), Some("tmpfs"), MsFlags::empty(), Some("size=64k")) {
            Ok(()) => Some(Self(dir)),
            Err(error) => {
                eprintln!("SKIPPED: a tmpfs cannot be mounted here ({error}); run as root with CAP_SYS_ADMIN");
                None
            }
        }
    }

    fn read_only(&self) {
        use nix::mount::{MsFlags, mount};
        mount(None::<&str>, self.0.path(), None::<&str>, MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY, None::<&str>)
            .unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = nix::mount::umount(self.0.path());
    }
}

/// semantics case 53, for volumes.
#[test]
fn a_full_disk_is_named_and_leaves_nothing_half_made() {
    let Some(disk) = SmallDisk::mount() else { return };
    let dir = disk.0.path();
    drop(first_start(dir));
    fs::write(dir.join("ballast"), vec![0; 1 << 20]).unwrap_err();
    let mut wanted = request(dir);
    wanted.path = dir.join("volumes/second");
    let error = prepare(&wanted).unwrap_err();
    assert_eq!(error.retry(), Retry::Lasting, "{error:?}");
    assert!(error.hint().unwrap().contains("no space is left"), "{error:?}");
    assert!(
        names(&dir.join("volumes")).iter().all(|name| !name.contains("init-")),
        "{:?}",
        names(&dir.join("volumes"))
    );

    fs::remove_file(dir.join("ballast")).unwrap();
    assert!(matches!(prepare(&wanted).unwrap(), PreparedVolume::Fresh(_)));
}

#[test]
fn a_read_only_disk_is_named() {
    let Some(disk) = SmallDisk::mount() else { return };
    drop(first_start(disk.0.path()));
    disk.read_only();
    let error = prepare(&request(disk.0.path())).unwrap_err();
    assert_eq!(error.retry(), Retry::Lasting, "{error:?}");
    assert!(error.hint().unwrap().contains("read-only"), "{error:?}");
}

#[test]
fn a_mount_point_is_refused_before_anything_is_made() {
    let Some(disk) = SmallDisk::mount() else { return };
    let mut wanted = request(disk.0.path());
    wanted.path = disk.0.path().to_owned();
    let error = prepare(&wanted).unwrap_err();
    assert!(matches!(error, VolumeError::MountPoint { .. }), "{error}");
    let _ = fs::remove_file(super::lock::lock_path(&wanted.path));
}

#[test]
fn two_starts_at_once_make_one_volume() {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let barrier = Arc::new(Barrier::new(8));
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let (dir, barrier) = (dir.clone(), barrier.clone());
            std::thread::spawn(move || {
                barrier.wait();
                match prepare(&request(dir.path())) {
                    Ok(PreparedVolume::Fresh(fresh)) => {
                        fs::write(fresh.dir().join("whole"), "2").unwrap();
                        fresh.commit().unwrap();
                        true
                    }
                    Ok(PreparedVolume::Ready(_)) | Err(VolumeError::Locked { .. }) => false,
                    Err(error) => panic!("{error}"),
                }
            })
        })
        .collect();
    let made = threads.into_iter().filter(|_| true).map(|thread| thread.join().unwrap()).filter(|made| *made).count();
    assert_eq!(made, 1);
}

#[test]
fn the_lock_file_is_private() {
    let dir = tempfile::tempdir().unwrap();
    let _volume = first_start(dir.path());
    let mode = fs::metadata(dir.path().join("volumes/.postgres.lock")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
