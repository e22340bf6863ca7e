//! The Debian package of the program under test, through its life in a clean root: scripts/check-deb.sh says what is proved and
//! what is not.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{Done, binary, skip};

#[test]
fn the_debian_package_is_installed_upgraded_removed_and_purged() {
    let found = |tool: &str| {
        Command::new(tool)
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|end| end.success())
    };
    if !found("dpkg-deb") {
        return skip("this system has no dpkg-deb");
    }
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/check-deb.sh"));
    let done: Done = command.arg(binary()).stdin(Stdio::null()).output().expect("the script").into();
    for line in done.stdout.lines().filter_map(|line| line.strip_prefix("-- skipped: ")) {
        skip(line);
    }
    let done = done.expect(0);
    let root = nix::unistd::geteuid().is_root();
    assert!(!root || done.stdout.contains("deb: ok"), "{done:?}");
}
