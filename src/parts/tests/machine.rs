//! What the machine already has: the operator's path, the search path, the well-known places.

use super::super::{Origin, PartError, resolve};
use super::support::{env, fake_program, path_of, script, tool};
use crate::spec::SourceSpec;

#[tokio::test]
async fn a_copy_on_the_search_path_is_taken_when_its_version_will_do() {
    let dir = tempfile::tempdir().unwrap();
    let (old, broken, new) = (dir.path().join("old"), dir.path().join("broken"), dir.path().join("new/bin"));
    fake_program(&old, "reeve-test-tool", &script("0.9"));
    fake_program(&broken, "reeve-test-tool", "#!/bin/sh\nexit 127\n");
    fake_program(&new, "reeve-test-tool", &script("1.7"));
    let system = std::path::Path::new("/bin");
    let mut env = env(dir.path());
    env.path_env = path_of(&[&old, &broken, &new, system]);
    let part = tool(vec![SourceSpec::System { package: "tool".into() }]);
    let resolved = resolve(&part, &env).await.unwrap();
    assert_eq!((resolved.origin, resolved.version.as_str()), (Origin::System, "1.7"));
    assert_eq!((resolved.bin_dir, resolved.dir), (new, dir.path().join("new")));

    env.path_env = path_of(&[&old, &broken, system]);
    let error = resolve(&part, &env).await.unwrap_err();
    let details = error.details();
    assert!(details[0].contains("the version found is 0.9, wanted is >=1"), "{details:?}");
    assert!(details[1].contains("cannot run"), "{details:?}");
    assert!(details[2].contains("no package tool is installed"), "{details:?}");
}

#[tokio::test]
async fn well_known_places_are_looked_at_from_the_newest_down() {
    let dir = tempfile::tempdir().unwrap();
    for version in ["9", "17", "15"] {
        fake_program(&dir.path().join(version).join("bin"), "reeve-test-tool", &script(version));
    }
    let mut part = tool(Vec::new());
    part.well_known = vec![format!("{}/*/bin", dir.path().display())];
    let found = resolve(&part, &env(dir.path())).await.unwrap();
    assert_eq!(found.bin_dir, dir.path().join("17/bin"));
    part.requires = Some("<17".into());
    assert_eq!(resolve(&part, &env(dir.path())).await.unwrap().bin_dir, dir.path().join("15/bin"));
}

#[tokio::test]
async fn the_operators_path_wins_and_is_never_replaced_by_something_else() {
    let dir = tempfile::tempdir().unwrap();
    fake_program(&dir.path().join("mine/bin"), "reeve-test-tool", &script("3.3"));
    let mut part = tool(Vec::new());
    for path in ["mine", "mine/bin"] {
        part.path = Some(dir.path().join(path));
        let resolved = resolve(&part, &env(dir.path())).await.unwrap();
        assert_eq!((resolved.origin, resolved.bin_dir), (Origin::Path, dir.path().join("mine/bin")));
    }
    part.path = Some(dir.path().join("nowhere"));
    let error = resolve(&part, &env(dir.path())).await.unwrap_err();
    assert!(matches!(error, PartError::Path { .. }) && error.hint().is_some(), "{error}");
}

#[tokio::test]
async fn a_missing_client_is_named_with_the_package_that_brings_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut env = env(dir.path());
    env.path_env = path_of(&[dir.path()]);
    let npm = SourceSpec::Npm {
        package: "x".into(),
        version: "1".into(),
        subdir: String::new(),
        symlinks: None,
        integrity: None,
        provides: None,
    };
    let wheel = SourceSpec::Pypi {
        package: "x".into(),
        version: "1".into(),
        sha256: String::new(),
        subdir: String::new(),
        provides: None,
    };
    let error = resolve(&tool(vec![npm, wheel]), &env).await.unwrap_err();
    let details = error.details();
    assert!(details[0].contains("apt install npm") && details[1].contains("apt install python3-pip"), "{details:?}");
}
