//! The source `url`, against a server of the test's own.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use super::super::{Origin, PartError, Phase, install_all, resolve};
use super::server::{File, Server};
use super::support::{
    Entry, Phases, cache_entries, env, script, sha256, tarball, tool, tool_archive, url_source, with_lock, zip_of,
};
use crate::spec::{SourceSpec, Template};

const FINISHED: [&str; 1] = ["tool-1.2-x86_64"];

/// The cache holds the finished part and nothing else; the name says the machine's architecture.
fn assert_only_the_part(dir: &std::path::Path) {
    let finished = FINISHED.map(|name| name.replace("x86_64", std::env::consts::ARCH));
    assert_eq!(cache_entries(dir), finished);
}

#[tokio::test]
async fn a_good_download_is_installed_recorded_and_then_found_in_the_cache() {
    let (dir, server, bytes) = (tempfile::tempdir().unwrap(), Server::start().await, tool_archive());
    let url = server.put("/tool.tgz", File { bytes: bytes.clone(), ..File::default() });
    let part = tool(vec![url_source(&url, &bytes)]);
    let phases = Arc::new(Phases::default());
    let mut env = with_lock(env(dir.path()), dir.path());
    env.progress = phases.clone();
    let resolved = resolve(&part, &env).await.unwrap();
    assert_eq!(resolved.origin, Origin::Installed { source: url });
    let binary = resolved.bin_dir.join("reeve-test-tool");
    assert_eq!(std::fs::metadata(&binary).unwrap().permissions().mode() & 0o777, 0o755);
    let noise = resolved.dir.join("share/noise");
    assert_eq!(std::fs::metadata(noise).unwrap().permissions().mode() & 0o777, 0o644);
    assert_only_the_part(dir.path());
    let lock = std::fs::read_to_string(dir.path().join("parts.lock")).unwrap();
    assert!(lock.contains(&format!("sha256-{}", sha256(&bytes))), "{lock}");
    let seen: Vec<Phase> = phases.0.lock().unwrap().iter().map(|(_, phase)| *phase).collect();
    let expected = [Phase::Looking, Phase::Downloading, Phase::Unpacking, Phase::Checking, Phase::Done];
    assert_eq!(seen, expected);

    let again = resolve(&part, &env).await.unwrap();
    assert_eq!((again.origin, again.dir), (Origin::Cache, resolved.dir));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_wrong_checksum_names_both_sums_installs_nothing_and_tries_no_other_source() {
    let (dir, server, bytes) = (tempfile::tempdir().unwrap(), Server::start().await, tool_archive());
    let bad = server.put("/bad.tgz", File { bytes: b"something else".to_vec(), ..File::default() });
    let good = server.put("/good.tgz", File { bytes: bytes.clone(), ..File::default() });
    let part = tool(vec![url_source(&bad, &bytes), url_source(&good, &bytes)]);
    let error = resolve(&part, &env(dir.path())).await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, PartError::Checksum { .. }), "{text}");
    assert!(text.contains(&sha256(&bytes)) && text.contains(&sha256(b"something else")), "{text}");
    assert!(server.requests().iter().all(|request| request.path == "/bad.tgz"));
    assert_eq!(cache_entries(dir.path()), [] as [&str; 0]);
}

#[tokio::test]
async fn the_vendors_checksum_file_is_believed_and_a_sum_that_differs_is_not() {
    let (dir, server, bytes) = (tempfile::tempdir().unwrap(), Server::start().await, tool_archive());
    let url = server.put("/tool.tgz", File { bytes: bytes.clone(), ..File::default() });
    let published = |text: String| {
        let sums = server.put("/SHASUMS256.txt", File { bytes: text.into_bytes(), ..File::default() });
        let mut part = tool(vec![url_source(&url, &bytes)]);
        let SourceSpec::Url { sha256, sha256_url, .. } = &mut part.sources[0] else { panic!() };
        (*sha256, *sha256_url) = (None, Some(Template::literal(sums)));
        part
    };
    let wrong = published(format!("{}  tool.tgz\n", sha256(b"x")));
    assert!(matches!(resolve(&wrong, &env(dir.path())).await, Err(PartError::Checksum { .. })));
    let missing = published(format!("{}  other.tgz\n", sha256(&bytes)));
    let error = resolve(&missing, &env(dir.path())).await.unwrap_err();
    assert!(error.details()[0].contains("no line for tool.tgz"), "{:?}", error.details());
    let right = published(format!("{}  other.tgz\n{} *tool.tgz\n", sha256(b"x"), sha256(&bytes)));
    resolve(&right, &env(dir.path())).await.unwrap();
    assert_only_the_part(dir.path());
}

#[tokio::test]
async fn a_missing_file_and_a_dead_host_fall_through_to_the_next_source() {
    let (dir, server, bytes) = (tempfile::tempdir().unwrap(), Server::start().await, tool_archive());
    let good = server.put("/tool.tgz", File { bytes: bytes.clone(), ..File::default() });
    let gone = format!("{}/gone.tgz", server.address);
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/tool.tgz", listener.local_addr().unwrap())
    };
    let part = tool(vec![url_source(&gone, &bytes), url_source(&closed, &bytes), url_source(&good, &bytes)]);
    let resolved = resolve(&part, &env(dir.path())).await.unwrap();
    assert_eq!(resolved.origin, Origin::Installed { source: good });

    let part = tool(vec![url_source(&gone, &bytes), url_source(&closed, &bytes), url_source(&closed, &bytes)]);
    let empty = tempfile::tempdir().unwrap();
    let error = resolve(&part, &env(empty.path())).await.unwrap_err();
    let details = error.details();
    assert!(details[0].contains("404") && details[1].contains("cannot reach"), "{details:?}");
    assert!(details[2].contains("could not be reached before"), "{details:?}");
    assert_eq!(error.hint().as_deref(), Some("ask a friend"));
}

#[tokio::test]
async fn a_cut_connection_is_continued_where_it_broke() {
    let (dir, server, bytes) = (tempfile::tempdir().unwrap(), Server::start().await, tool_archive());
    let file = File {
        bytes: bytes.clone(),
        ranges: true,
        etag: Some("\"one\"".into()),
        cut: Some((100_000, 1)),
        ..File::default()
    };
    let url = server.put("/tool.tgz", file);
    resolve(&tool(vec![url_source(&url, &bytes)]), &env(dir.path())).await.unwrap();
    let ranges: Vec<_> = server.requests().into_iter().map(|request| request.range).collect();
    assert_eq!(ranges, [None, Some(100_000)]);
    assert_only_the_part(dir.path());
}

#[tokio::test]
async fn what_came_is_kept_for_the_next_run_and_a_changed_file_is_fetched_anew() {
    let (dir, server, bytes) = (tempfile::tempdir().unwrap(), Server::start().await, tool_archive());
    let cut = |etag: &str, times| File {
        bytes: bytes.clone(),
        ranges: true,
        etag: Some(etag.into()),
        cut: Some((50_000, times)),
        ..File::default()
    };
    let url = server.put("/tool.tgz", cut("\"one\"", u32::MAX));
    let part = tool(vec![url_source(&url, &bytes)]);
    let error = resolve(&part, &env(dir.path())).await.unwrap_err();
    assert!(error.details()[0].contains("is kept"), "{:?}", error.details());
    let kept = server.requests().len() * 50_000;
    server.put("/tool.tgz", cut("\"one\"", 0));
    resolve(&part, &env(dir.path())).await.unwrap();
    assert_eq!(server.requests().last().unwrap().range, Some(kept));
    assert_only_the_part(dir.path());

    // The beginning of another file lies there: If-Range makes the server send the whole, and it is not appended.
    let other = tempfile::tempdir().unwrap();
    let old = File { bytes: vec![7; 400_000], ..cut("\"old\"", u32::MAX) };
    server.put("/tool.tgz", old);
    resolve(&part, &env(other.path())).await.unwrap_err();
    server.put("/tool.tgz", cut("\"new\"", 0));
    resolve(&part, &env(other.path())).await.unwrap();
    assert_only_the_part(other.path());
}

#[tokio::test]
async fn a_server_without_ranges_is_asked_for_the_whole_again() {
    let (dir, server, bytes) = (tempfile::tempdir().unwrap(), Server::start().await, tool_archive());
    let file = File { bytes: bytes.clone(), cut: Some((70_000, 1)), ..File::default() };
    let url = server.put("/tool.tgz", file);
    resolve(&tool(vec![url_source(&url, &bytes)]), &env(dir.path())).await.unwrap();
    assert_eq!(server.requests().len(), 2);
    assert_only_the_part(dir.path());
}

#[tokio::test]
async fn redirects_are_followed_but_not_to_plain_http_elsewhere() {
    let (dir, server, bytes) = (tempfile::tempdir().unwrap(), Server::start().await, tool_archive());
    server.put("/real.tgz", File { bytes: bytes.clone(), ..File::default() });
    let near = server.put("/near", File { redirect: Some("/real.tgz".into()), ..File::default() });
    let far = server.put("/far", File { redirect: Some("http://192.0.2.1/real.tgz".into()), ..File::default() });
    let error = resolve(&tool(vec![url_source(&far, &bytes)]), &env(dir.path())).await.unwrap_err();
    assert!(error.details()[0].contains("neither https nor http on loopback"), "{:?}", error.details());
    let plain = tool(vec![url_source("http://192.0.2.1/real.tgz", &bytes)]);
    let error = resolve(&plain, &env(dir.path())).await.unwrap_err();
    assert!(error.details()[0].contains("not allowed"), "{:?}", error.details());
    resolve(&tool(vec![url_source(&near, &bytes)]), &env(dir.path())).await.unwrap();
}

#[tokio::test]
async fn wicked_archives_are_refused_and_write_nothing_outside() {
    let outside = tempfile::tempdir().unwrap();
    let absolute = outside.path().join("planted").display().to_string();
    let script = script("1.2");
    let good = Entry::File("t/bin/reeve-test-tool", script.as_bytes());
    for (name, wicked) in [
        ("upwards", vec![Entry::File("t/../../planted", b"x")]),
        ("absolute", vec![Entry::File(&absolute, b"x")]),
        ("link upwards", vec![Entry::Link("t/out", "../../..")]),
        ("link to an absolute place", vec![Entry::Link("t/out", "/etc")]),
        ("link chain", vec![Entry::Link("t/a/b/top", "../.."), Entry::Link("t/out", "a/b/top/../..")]),
        ("link through a link", vec![Entry::Link("t/a/b/top", "../.."), Entry::Link("t/a/b/top/../../e", "x")]),
        ("hard link to an absolute place", vec![Entry::HardLink("t/out", "/etc/passwd")]),
        ("hard link upwards", vec![Entry::HardLink("t/out", "t/../../x")]),
        ("hard link to nothing", vec![Entry::HardLink("t/out", "t/gone")]),
    ] {
        let (dir, server) = (tempfile::tempdir().unwrap(), Server::start().await);
        let mut entries = vec![Entry::File("t/bin/reeve-test-tool", script.as_bytes())];
        entries.extend(wicked);
        let bytes = tarball(&entries);
        let url = server.put("/tool.tgz", File { bytes: bytes.clone(), ..File::default() });
        let error = resolve(&tool(vec![url_source(&url, &bytes)]), &env(dir.path())).await.unwrap_err();
        assert!(error.details()[0].contains("is refused"), "{name}: {:?}", error.details());
        let left = cache_entries(dir.path());
        assert!(left.iter().all(|entry| entry.starts_with(".partial-")), "{name}: {left:?}");
        assert!(!dir.path().join("planted").exists() && !std::path::Path::new(&absolute).exists(), "{name}");
    }
    // Writing through a link of the archive: the link is made last, so the file wins its place inside the tree.
    let (dir, server) = (tempfile::tempdir().unwrap(), Server::start().await);
    let target = outside.path().display().to_string();
    let bytes = tarball(&[good, Entry::Link("t/out", &target), Entry::File("t/out/planted", b"x")]);
    let url = server.put("/tool.tgz", File { bytes: bytes.clone(), ..File::default() });
    resolve(&tool(vec![url_source(&url, &bytes)]), &env(dir.path())).await.unwrap_err();
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);

    let bytes = zip_of(&[("t/../../planted", b"x")]);
    let url = server.put("/tool.zip", File { bytes: bytes.clone(), ..File::default() });
    let error = resolve(&tool(vec![url_source(&url, &bytes)]), &env(dir.path())).await.unwrap_err();
    assert!(error.details()[0].contains("is refused"), "{:?}", error.details());
}

#[tokio::test]
async fn honest_links_zips_and_single_files_are_unpacked() {
    let (dir, server) = (tempfile::tempdir().unwrap(), Server::start().await);
    let script = script("1.2");
    let linked = tarball(&[
        Entry::File("t/lib/real", script.as_bytes()),
        Entry::HardLink("t/lib/twin", "t/lib/real"),
        Entry::Link("t/bin/reeve-test-tool", "../lib/twin"),
        Entry::Link("t/lib/dangling", "nowhere"),
    ]);
    let url = server.put("/linked.tgz", File { bytes: linked.clone(), ..File::default() });
    let resolved = resolve(&tool(vec![url_source(&url, &linked)]), &env(dir.path())).await.unwrap();
    assert!(resolved.dir.join("lib/twin").is_file());
    assert!(resolved.dir.join("lib/dangling").symlink_metadata().is_err());

    for (path, bytes) in [
        ("/tool.zip", zip_of(&[("t/bin/reeve-test-tool", script.as_bytes())])),
        ("/tool", script.clone().into_bytes()),
        ("/tool.tgz", tarball(&[Entry::File("tool-x86_64", script.as_bytes())])),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let url = server.put(path, File { bytes: bytes.clone(), ..File::default() });
        let mut part = tool(vec![url_source(&url, &bytes)]);
        if path != "/tool.zip" {
            let SourceSpec::Url { file, strip, .. } = &mut part.sources[0] else { panic!() };
            (*file, *strip) = (Some("reeve-test-tool".into()), 0);
            part.binaries = vec!["reeve-test-tool".into()];
            part.bin_dir = ".".into();
        }
        let resolved = resolve(&part, &env(dir.path())).await.unwrap();
        assert!(resolved.bin_dir.join("reeve-test-tool").is_file(), "{path}");
    }
}

#[tokio::test]
async fn a_binary_that_cannot_run_here_gives_way_to_the_next_source() {
    let (dir, server) = (tempfile::tempdir().unwrap(), Server::start().await);
    let broken = "#!/bin/sh\necho \"libc.so.6: version GLIBC_2.39 not found\" >&2\nexit 1\n";
    let broken = tarball(&[Entry::File("t/bin/reeve-test-tool", broken.as_bytes())]);
    let good = tool_archive();
    let first = server.put("/broken.tgz", File { bytes: broken.clone(), ..File::default() });
    let second = server.put("/good.tgz", File { bytes: good.clone(), ..File::default() });
    let mut part = tool(vec![url_source(&first, &broken), url_source(&second, &good)]);
    let SourceSpec::Url { provides, .. } = &mut part.sources[1] else { panic!() };
    *provides = Some("1.1".into());
    let resolved = resolve(&part, &env(dir.path())).await.unwrap();
    assert_eq!(resolved.version, "1.1", "the version is the one that the second source brings");
    let only = tool(vec![url_source(&first, &broken)]);
    let other = tempfile::tempdir().unwrap();
    let error = resolve(&only, &env(other.path())).await.unwrap_err();
    assert!(error.to_string().contains("GLIBC_2.39"), "{error}");
}

#[tokio::test]
async fn offline_asks_no_server_and_says_what_would_bring_the_part() {
    let (dir, server, bytes) = (tempfile::tempdir().unwrap(), Server::start().await, tool_archive());
    let url = server.put("/tool.tgz", File { bytes: bytes.clone(), ..File::default() });
    let part = tool(vec![url_source(&url, &bytes)]);
    let mut offline = env(dir.path());
    offline.offline = true;
    let error = resolve(&part, &offline).await.unwrap_err();
    assert!(matches!(error, PartError::Offline { .. }) && error.to_string().contains("`tool` 1.2"), "{error}");
    assert_eq!(error.hint().as_deref(), Some("run `reeve install` with network access, or ask a friend"));
    assert!(server.requests().is_empty());
    resolve(&part, &env(dir.path())).await.unwrap();
    assert_eq!(resolve(&part, &offline).await.unwrap().origin, Origin::Cache);
}

#[tokio::test]
async fn an_install_that_was_dropped_or_killed_leaves_nothing_and_a_repeat_does_it() {
    let (dir, server, bytes) = (tempfile::tempdir().unwrap(), Server::start().await, tool_archive());
    let url = server.put("/tool.tgz", File { bytes: bytes.clone(), ranges: true, ..File::default() });
    let part = tool(vec![url_source(&url, &bytes)]);
    // Dropped as soon as the first byte is there.
    let (started, mut seen) = tokio::sync::watch::channel(false);
    struct Watch(tokio::sync::watch::Sender<bool>);
    impl super::super::Progress for Watch {
        fn event(&self, event: &super::super::Event<'_>) {
            if event.phase == Phase::Downloading && event.bytes > 0 {
                self.0.send_replace(true);
            }
        }
    }
    let mut watched = env(dir.path());
    watched.progress = Arc::new(Watch(started));
    tokio::select! {
        _ = resolve(&part, &watched) => panic!("the install was faster than its first report"),
        _ = seen.wait_for(|started| *started) => {}
    }
    assert!(cache_entries(dir.path()).iter().all(|entry| entry.starts_with(".partial-")));
    // Killed: a staging directory lies there and nobody holds its lock, nor that of another part.
    for name in ["tool", "other"] {
        let staging = dir.path().join(format!("cache/.staging-{name}-{}/tree/half", std::env::consts::ARCH));
        std::fs::create_dir_all(staging).unwrap();
    }
    let results = install_all([&part], &env(dir.path())).await;
    assert!(results[0].1.is_ok(), "{results:?}");
    assert_only_the_part(dir.path());
}

#[tokio::test]
async fn two_installs_at_once_download_once() {
    let (dir, server, bytes) = (tempfile::tempdir().unwrap(), Server::start().await, tool_archive());
    let url = server.put("/tool.tgz", File { bytes: bytes.clone(), ..File::default() });
    let part = tool(vec![url_source(&url, &bytes)]);
    let (one, two) = (env(dir.path()), env(dir.path()));
    let (first, second) = tokio::join!(resolve(&part, &one), resolve(&part, &two));
    let origins = [first.unwrap().origin, second.unwrap().origin];
    assert!(origins.contains(&Origin::Cache), "{origins:?}");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_part_that_differs_from_the_record_is_refused_with_both_sums() {
    let (dir, server, bytes) = (tempfile::tempdir().unwrap(), Server::start().await, tool_archive());
    let url = server.put("/tool.tgz", File { bytes: bytes.clone(), ..File::default() });
    let recorded = format!(
        "format = 1\n[[part]]\nname = \"tool\"\narch = \"{}\"\nsource = \"url\"\nversion = \"1.2\"\nsum = \"sha256-other\"\n",
        std::env::consts::ARCH
    );
    std::fs::write(dir.path().join("parts.lock"), &recorded).unwrap();
    let env = with_lock(env(dir.path()), dir.path());
    let error = resolve(&tool(vec![url_source(&url, &bytes)]), &env).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("sha256-other") && text.contains(&sha256(&bytes)), "{text}");
    assert!(cache_entries(dir.path()).iter().all(|entry| entry.starts_with(".partial-")));
    assert_eq!(std::fs::read_to_string(dir.path().join("parts.lock")).unwrap(), recorded);
}

#[tokio::test]
async fn a_cached_part_that_lost_a_file_is_brought_again() {
    let (dir, server, bytes) = (tempfile::tempdir().unwrap(), Server::start().await, tool_archive());
    let url = server.put("/tool.tgz", File { bytes: bytes.clone(), ..File::default() });
    let part = tool(vec![url_source(&url, &bytes)]);
    let resolved = resolve(&part, &env(dir.path())).await.unwrap();
    std::fs::remove_file(resolved.bin_dir.join("reeve-test-tool")).unwrap();
    let again = resolve(&part, &env(dir.path())).await.unwrap();
    assert!(matches!(again.origin, Origin::Installed { .. }) && again.bin_dir.join("reeve-test-tool").is_file());
    assert_only_the_part(dir.path());
}
