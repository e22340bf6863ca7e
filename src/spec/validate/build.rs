//! Builds and watches.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::super::build::{BuildSpec, PathSet, WatchSpec};
use super::super::file::{BuildFile, BuildsFile, WatchFile};
use super::super::template::Template;
use super::steps;
use super::values::{At, Context};

/// Installing the dependencies of a web application over a slow line, or compiling a large program.
const TIMEOUT: Duration = Duration::from_secs(600);

/// A secret in it would end up in what is built, for everybody who gets that.
const NO_SECRETS: &str = "what is built can be read by everybody who gets it";

pub fn builds(cx: &mut Context<'_>, at: At<'_>, file: Option<&BuildsFile>) -> Vec<BuildSpec> {
    let mut names = BTreeSet::new();
    match file {
        None => Vec::new(),
        Some(BuildsFile::One(file)) => build(cx, at, file, "build", &mut names).into_iter().collect(),
        Some(BuildsFile::Many(files)) => {
            if files.is_empty() {
                cx.error(at.place(), "the list of builds is empty", Some("remove it, or add a build".to_owned()));
            }
            let numbered = files.iter().enumerate();
            numbered
                .filter_map(|(index, file)| {
                    build(cx, at.item(index), file, &format!("build-{}", index + 1), &mut names)
                })
                .collect()
        }
    }
}

fn build(
    cx: &mut Context<'_>,
    at: At<'_>,
    file: &BuildFile,
    unnamed: &str,
    names: &mut BTreeSet<String>,
) -> Option<BuildSpec> {
    let name = file.name.clone().unwrap_or_else(|| unnamed.to_owned());
    if name.trim().is_empty() {
        cx.error(at.key("name").place(), "the name of the build is empty", None);
    } else if !names.insert(name.clone()) {
        cx.error(at.key("name").place(), format!("another build of the service is named \"{name}\""), None);
    }
    let command = match &file.command {
        Some(words) => cx.command(at.key("command"), words),
        None => {
            if at.key("command").node().is_none() {
                let hint = "give command = [\"program\", \"argument\"]".to_owned();
                cx.error(at.name(), format!("the build \"{name}\" has no command"), Some(hint));
            }
            return None;
        }
    };
    let outputs = paths(cx, at.key("outputs"), file.outputs.as_deref());
    let mut inputs = path_set(cx, at.key("inputs"), file.inputs.as_deref());
    if inputs.include.is_empty() && at.key("inputs").items_are_fine() {
        let hint = "give inputs = [\"src\"]: what it is built from, so that a change is noticed".to_owned();
        cx.error(at.or_key(&["inputs"]).name(), format!("the build \"{name}\" has no inputs"), Some(hint));
    }
    // What it makes is not what it is made from.
    inputs.exclude.extend(outputs.iter().cloned());
    let env_at = at.key("env");
    let mut env = BTreeMap::new();
    for (name, value) in file.env.iter().flatten() {
        env.insert(name.clone(), guarded(cx, env_at.key(name), &value.to_string()));
    }
    Some(BuildSpec {
        command,
        cwd: cx.template_option(at.key("cwd"), file.cwd.as_ref()).map(steps::beside_stack),
        inputs,
        outputs,
        env,
        if_exists: file.if_exists.as_ref().and_then(|text| path(cx, at.key("if_exists"), text)),
        timeout: cx.duration(at.key("timeout"), file.timeout.as_ref(), false).unwrap_or(TIMEOUT),
        name,
    })
}

fn guarded(cx: &mut Context<'_>, at: At<'_>, text: &str) -> Template {
    let template = cx.template(at, text);
    cx.refuse_secret(at, &template, NO_SECRETS);
    template
}

pub fn watch(cx: &mut Context<'_>, at: At<'_>, file: Option<&WatchFile>) -> Option<WatchSpec> {
    let file = file?;
    let paths = path_set(cx, at.key("paths"), file.paths.as_deref());
    if paths.include.is_empty() && at.key("paths").items_are_fine() {
        let hint = "give paths = [\"src\"]: the files whose change restarts the service".to_owned();
        cx.error(at.or_key(&["paths"]).name(), "the watch has no paths", Some(hint));
    }
    Some(WatchSpec {
        paths,
        build: file.build.as_ref().map(|words| cx.command(at.key("build"), words)),
        timeout: cx.duration(at.key("timeout"), file.timeout.as_ref(), false).unwrap_or(TIMEOUT),
    })
}

fn path_set(cx: &mut Context<'_>, at: At<'_>, texts: Option<&[String]>) -> PathSet {
    let mut set = PathSet::default();
    for (index, text) in texts.unwrap_or_default().iter().enumerate() {
        let at = at.item(index);
        match text.strip_prefix('!') {
            Some(rest) => set.exclude.extend(path(cx, at, rest)),
            None => set.include.extend(path(cx, at, text)),
        }
    }
    set
}

fn paths(cx: &mut Context<'_>, at: At<'_>, texts: Option<&[String]>) -> Vec<String> {
    let texts = texts.unwrap_or_default().iter().enumerate();
    texts.filter_map(|(index, text)| path(cx, at.item(index), text)).collect()
}

/// A plain path beside `services.toml`, without a slash at its end.
fn path(cx: &mut Context<'_>, at: At<'_>, text: &str) -> Option<String> {
    let text = cx.plain(at, text)?;
    let plain = text.trim_end_matches('/').trim_start_matches("./");
    if plain.is_empty() || text.starts_with('/') || plain.split('/').any(|part| part == ".." || part.is_empty()) {
        let hint = "paths are beside services.toml, without \"..\"".to_owned();
        cx.error(at.place(), format!("\"{text}\" is no path below the directory of services.toml"), Some(hint));
        return None;
    }
    Some(plain.to_owned())
}
