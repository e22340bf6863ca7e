//! Init, bootstrap steps and rendered files.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::super::file::{ExecFile, FileFile, InitFile, StepFile};
use super::super::service::{BootstrapStep, FileSpec, InitServer, InitSpec, PortSpec, StepAction};
use super::super::template::{Piece, Template};
use super::values::{At, Context};
use super::{policy, probe};

const STEP_TIMEOUT: Duration = Duration::from_secs(60);
const SERVER_TIMEOUT: Duration = Duration::from_secs(60);
const FILE_MODE: u32 = 0o600;

pub fn init(cx: &mut Context<'_>, at: At<'_>, file: &InitFile, ports: &[PortSpec]) -> Option<InitSpec> {
    let roles = cx.own.as_ref().map(|own| own.roles.clone()).unwrap_or_default();
    let volume = match &file.volume {
        Some(role) if roles.contains(role) => role.clone(),
        Some(role) => {
            let hint = super::super::error::suggest(role, roles.iter().map(String::as_str))
                .unwrap_or_else(|| format!("add volumes = {{ {role} = \"NAME\" }} to the service"));
            cx.error(
                at.key("volume").place(),
                format!("init fills the volume in the role \"{role}\", which the service does not have"),
                Some(hint),
            );
            return None;
        }
        None => {
            cx.error(at.name(), "init does not say which volume it fills", Some("give volume = \"ROLE\"".to_owned()));
            return None;
        }
    };
    let mut seen = BTreeSet::new();
    let steps = steps(cx, at.key("steps"), file.steps.as_deref(), &mut seen);
    let server = file.server.as_ref().and_then(|server| {
        let at = at.key("server");
        let command = match &server.command {
            Some(words) => cx.command(at.key("command"), words),
            None => {
                cx.error(at.name(), "the server of init has no command", None);
                return None;
            }
        };
        let ready = match &server.ready {
            Some(file) => probe::action(cx, at.key("ready"), file, ports)?,
            None => {
                cx.error(at.name(), "the server of init has no ready probe", None);
                return None;
            }
        };
        Some(InitServer {
            command,
            ready,
            ready_timeout: cx
                .duration(at.key("ready_timeout"), server.ready_timeout.as_ref(), false)
                .unwrap_or(SERVER_TIMEOUT),
            steps: self::steps(cx, at.key("steps"), server.steps.as_deref(), &mut seen),
            stop: policy::stop(cx, at.key("stop"), server.stop.as_ref()),
        })
    });
    Some(InitSpec { volume, steps, server })
}

pub fn steps(
    cx: &mut Context<'_>,
    at: At<'_>,
    files: Option<&[StepFile]>,
    seen: &mut BTreeSet<String>,
) -> Vec<BootstrapStep> {
    let mut list = Vec::new();
    for (index, file) in files.unwrap_or_default().iter().enumerate() {
        let at = at.item(index);
        let name = match &file.name {
            Some(name) if name.trim().is_empty() => {
                cx.error(at.key("name").place(), "the name of the step is empty", None);
                continue;
            }
            Some(name) => name.clone(),
            None => {
                let hint = "a step is recorded under its name once it is done".to_owned();
                cx.error(at.place(), "the step has no name", Some(hint));
                continue;
            }
        };
        if !seen.insert(name.clone()) {
            cx.error(at.key("name").place(), format!("another step of the service is named \"{name}\""), None);
        }
        let timeout = cx.duration(at.key("timeout"), file.timeout.as_ref(), false).unwrap_or(STEP_TIMEOUT);
        if let Some(action) = action(cx, at, file) {
            list.push(BootstrapStep { name, action, timeout, always: file.always.unwrap_or(false) });
        }
    }
    list
}

fn action(cx: &mut Context<'_>, at: At<'_>, file: &StepFile) -> Option<StepAction> {
    let kinds = [
        ("exec", file.exec.is_some()),
        ("sql", file.sql.is_some()),
        ("sql_dir", file.sql_dir.is_some()),
        ("mongo", file.mongo.is_some()),
        ("http", file.http.is_some()),
        ("copy", file.copy.is_some()),
        ("render", file.render.is_some()),
    ];
    let given = kinds.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect::<Vec<_>>();
    match given.as_slice() {
        [] => {
            if !kinds.iter().any(|(name, _)| at.key(name).node().is_some()) {
                let list = kinds.map(|(name, _)| name).join(", ");
                cx.error(at.place(), "the step does nothing", Some(format!("give one of {list}")));
            }
            return None;
        }
        [_] => {}
        [first, second, ..] => {
            let message = format!("a step does one thing, but \"{first}\" and \"{second}\" are given");
            cx.error(at.key(second).name(), message, Some("make them two steps".to_owned()));
            return None;
        }
    }
    let at = at.key(given[0]);
    if let Some(exec) = &file.exec {
        return self::exec(cx, at, exec);
    }
    if let Some(table) = &file.sql {
        let url = required(cx, at, "url", table.url.as_ref());
        let statements = cx.text_or_file(at, ("statements", table.statements.as_ref()), table.template.as_ref());
        return Some(StepAction::Sql { url: url?, statements: statements? });
    }
    if let Some(table) = &file.sql_dir {
        let url = required(cx, at, "url", table.url.as_ref());
        let dir = required(cx, at, "dir", table.dir.as_ref());
        return Some(StepAction::SqlDir { url: url?, dir: beside_stack(dir?) });
    }
    if let Some(table) = &file.mongo {
        let url = required(cx, at, "url", table.url.as_ref());
        let command = cx.text_or_file(at, ("command", table.command.as_ref()), table.template.as_ref());
        let database = cx.template_option(at.key("database"), table.database.as_ref());
        let database = database.unwrap_or_else(|| Template::literal("admin"));
        return Some(StepAction::Mongo { url: url?, database, command: command? });
    }
    if let Some(table) = &file.http {
        let url = required(cx, at, "url", table.url.as_ref());
        let body = match (&table.body, &table.template) {
            (None, None) => None,
            _ => Some(cx.text_or_file(at, ("body", table.body.as_ref()), table.template.as_ref())?),
        };
        let method = table.method.clone().unwrap_or_else(|| "POST".to_owned());
        if !probe::is_method(&method) {
            cx.error(at.key("method").place(), format!("\"{method}\" is no HTTP method"), None);
        }
        let headers = probe::headers(cx, at.key("headers"), table.headers.as_ref());
        let status = cx.status(at.key("status"), table.status.as_ref());
        return Some(StepAction::Http { method, url: url?, headers, body, status });
    }
    if let Some(table) = &file.copy {
        let from = required(cx, at, "from", table.from.as_ref());
        let to = required(cx, at, "to", table.to.as_ref());
        return Some(StepAction::Copy { from: beside_stack(from?), to: to? });
    }
    let table = file.render.as_ref()?;
    let content = cx.text_or_file(at, ("content", table.content.as_ref()), table.template.as_ref());
    let to = required(cx, at, "to", table.to.as_ref());
    let mode = cx.mode(at.key("mode"), table.mode.as_ref()).unwrap_or(FILE_MODE);
    Some(StepAction::Render { content: content?, to: to?, mode })
}

fn exec(cx: &mut Context<'_>, at: At<'_>, file: &ExecFile) -> Option<StepAction> {
    match file {
        ExecFile::Command(words) => {
            Some(StepAction::Exec { command: cx.command(at, words), env: BTreeMap::new(), stdin: None })
        }
        ExecFile::Table(table) => {
            let Some(words) = &table.command else {
                cx.error(at.name(), "the step has no command", None);
                return None;
            };
            let command = cx.command(at.key("command"), words);
            let env_at = at.key("env");
            let mut env = BTreeMap::new();
            for (name, value) in table.env.iter().flatten() {
                env.insert(name.clone(), cx.template(env_at.key(name), &value.to_string()));
            }
            let stdin = cx.template_option(at.key("stdin"), table.stdin.as_ref());
            Some(StepAction::Exec { command, env, stdin })
        }
    }
}

fn required(cx: &mut Context<'_>, at: At<'_>, key: &str, text: Option<&String>) -> Option<Template> {
    match text {
        Some(text) => Some(cx.template(at.key(key), text)),
        None => {
            if at.key(key).node().is_none() {
                cx.error(at.name(), format!("\"{key}\" is missing"), None);
            }
            None
        }
    }
}

/// A relative path is meant beside `services.toml`.
pub fn beside_stack(path: Template) -> Template {
    match path.pieces().first() {
        Some(Piece::Literal(text)) if !text.starts_with('/') => {
            let mut pieces =
                vec![Piece::Fact { name: "stack.dir".to_owned(), filter: None }, Piece::Literal("/".to_owned())];
            pieces.extend(path.pieces().iter().cloned());
            Template::new(pieces)
        }
        _ => path,
    }
}

pub fn files(cx: &mut Context<'_>, at: At<'_>, files: Option<&[FileFile]>) -> Vec<FileSpec> {
    let mut list = Vec::new();
    for (index, file) in files.unwrap_or_default().iter().enumerate() {
        let at = at.item(index);
        let path = required(cx, at, "path", file.path.as_ref());
        let content = cx.text_or_file(at, ("content", file.content.as_ref()), file.template.as_ref());
        let mode = cx.mode(at.key("mode"), file.mode.as_ref()).unwrap_or(FILE_MODE);
        let (Some(path), Some(content)) = (path, content) else { continue };
        let owned = matches!(path.pieces().first(), Some(Piece::Fact { name, .. })
            if name == "self.run_dir" || name.starts_with("self.volume."));
        let climbs = path
            .pieces()
            .iter()
            .any(|piece| matches!(piece, Piece::Literal(text) if text.split('/').any(|part| part == "..")));
        if !owned || climbs {
            let hint = "begin it with ${self.run_dir} or ${self.volume.ROLE}".to_owned();
            cx.error(
                at.key("path").place(),
                "a file is written below the service's run directory or a volume of it",
                Some(hint),
            );
            continue;
        }
        list.push(FileSpec { path, content, mode, keep_existing: file.keep_existing.unwrap_or(false) });
    }
    list
}
