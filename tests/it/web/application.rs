//! `web/dist`: built when it is missing or older than what it is made of, and copied to where the services' account may read.

use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use super::root;

/// What the application is made of, in `web/`.
const SOURCES: &[&str] =
    &["src", "public", "scripts", "index.html", "package.json", "package-lock.json", "vite.config.ts"];

pub fn build() {
    let web = root().join("web");
    let (lock, installed) =
        (changed(&web.join("package-lock.json")), changed(&web.join("node_modules/.package-lock.json")));
    if installed < lock {
        npm(&web, &["ci", "--no-progress"]);
    }
    let newest = SOURCES.iter().filter_map(|name| changed(&web.join(name))).max();
    if changed(&web.join("dist/index.html")) < newest {
        npm(&web, &["run", "build"]);
    }
}

fn npm(web: &Path, args: &[&str]) {
    let output =
        Command::new("npm").args(args).current_dir(web).output().expect("npm, which builds the web application");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "npm {}:\n{}", args.join(" "), String::from_utf8_lossy(&said));
}

/// When a file, or the newest in a directory, was last written; nothing if it is not there.
fn changed(path: &Path) -> Option<SystemTime> {
    if !path.is_dir() {
        return std::fs::metadata(path).and_then(|meta| meta.modified()).ok();
    }
    let entries = std::fs::read_dir(path).expect("a directory").flatten();
    entries.filter_map(|entry| changed(&entry.path())).max()
}

pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory");
    for entry in std::fs::read_dir(from).expect("the built application").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).expect("a copy");
        }
    }
}
