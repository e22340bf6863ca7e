//! Commands in the text: those of reeve exist as they are written, and those of the original's documents all have their
//! counterpart, which is run.

use std::collections::BTreeMap;

use crate::support::Stack;
use crate::support::pages::{Kind, Page};

/// Every command of the documents that the original was described with: its deployment (Docker, Compose, scripts, PowerShell's
/// differences aside), its checks, its backups and its set-up calls.
const BEFORE: [&str; 36] = [
    "docker --version",
    "./setup.sh",
    "bin/prepare_environment.sh",
    "cp config/default_flows.json node-red-status/flows.json",
    "docker run --rm epicsoft/bcrypt",
    "docker compose up --wait",
    "docker exec status-backend npm run populate",
    "bin/initial_data.sh",
    "docker run --rm linuxserver/yq jq",
    "POST /api/v1/users/signIn",
    "POST /api/v1/grafana/serviceaccount",
    "POST /api/v1/grafana/serviceaccount/<id>/token",
    "docker compose -f docker-compose.dev.yml up",
    "docker compose -f docker-compose.prod.yml up",
    "docker ps",
    "docker logs <container_name>",
    "docker compose logs -f",
    "docker logs status-backend -f",
    "docker compose restart <service_name>",
    "docker compose up --build -d",
    "docker compose down",
    "docker compose down -v",
    "docker compose -f docker-compose.prod.yml pull",
    "docker compose -f docker-compose.prod.yml up -d",
    "docker compose -f docker-compose.dev.yml up --build -d",
    "docker run --rm -v postgres:/data -v $(pwd):/backup alpine tar czf /backup/postgres-backup.tar.gz /data",
    "docker run --rm -v postgres:/data -v $(pwd):/backup alpine tar xzf /backup/postgres-backup.tar.gz -C /",
    "wget -q --spider http://127.0.0.1:3001",
    "curl -sf http://127.0.0.1:80/",
    "curl -sf http://127.0.0.1:1880",
    "wget -q --spider http://127.0.0.1:80/info",
    "pg_isready",
    "mongosh ping",
    "redis-cli ping",
    "pg_dump",
    "Invoke-WebRequest",
];

/// Texts in backquotes.
fn spans(text: &str) -> Vec<String> {
    let span = regex::Regex::new(r"`([^`\n]+)`").expect("a valid pattern");
    span.captures_iter(text).map(|found| found[1].to_owned()).collect()
}

#[test]
fn every_command_of_the_original_has_its_counterpart() {
    let page = Page::read("docs/docker-compose.md");
    let there = spans(&page.text);
    let missing: Vec<&str> = BEFORE.into_iter().filter(|command| !there.iter().any(|span| span == command)).collect();
    assert!(missing.is_empty(), "not on the page: {missing:?}");

    let run = page.blocks.iter().filter(|block| matches!(block.kind, Kind::Plain | Kind::Interrupted | Kind::Ends(_)));
    let lines: Vec<&str> = run.flat_map(|block| block.script.lines()).map(str::trim).collect();
    let is_run = |command: &str| {
        lines.iter().any(|line| line.strip_prefix(command).is_some_and(|rest| rest.is_empty() || rest.starts_with(' ')))
    };
    let mut rows = 0;
    for section in page.text.split("\n| before | now |").skip(1) {
        for row in section.lines().skip(2).take_while(|line| line.starts_with('|')) {
            let now = row.split(" | ").nth(1).unwrap_or_default();
            let commands = spans(now).into_iter().filter(|span| span.contains(' '));
            let never: Vec<String> = commands.filter(|command| !is_run(command)).collect();
            assert!(never.is_empty(), "{never:?} is said and never run on the page: {row}");
            assert!(!now.trim().is_empty(), "nothing in place of it: {row}");
            rows += 1;
        }
    }
    assert!(rows >= 30, "{rows} rows");
}

/// What `reeve help` says of a command; nothing if there is none.
fn help(known: &mut BTreeMap<String, Option<String>>, verb: &str) -> Option<String> {
    let ask = || {
        let done = Stack::empty().reeve(&["help", verb]);
        (done.code == 0).then_some(done.stdout)
    };
    known.entry(verb.to_owned()).or_insert_with(ask).clone()
}

/// What is wrong with a command as it is written, if anything.
fn mistake(known: &mut BTreeMap<String, Option<String>>, command: &str) -> Option<String> {
    let plain = command.replace(['[', ']'], "");
    let all = Stack::empty().reeve(&["--help"]).stdout;
    let mut words = plain.split_whitespace().skip(1).peekable();
    // Options before the command, and what follows them.
    while let Some(word) = words.next_if(|word| word.starts_with('-')) {
        let name = word.split('=').next().unwrap_or(word);
        if !all.contains(&format!("{name} ")) && !all.contains(&format!("{name},")) {
            return Some(format!("no option {name} before the command"));
        }
        let takes = all.lines().any(|line| line.contains(&format!("{name} <")));
        if takes && !word.contains('=') {
            words.next();
        }
    }
    let verb = words.next()?;
    let verbs: Vec<&str> = verb.split('|').collect();
    for verb in &verbs {
        if *verb == "…" || verb.chars().all(|c| c.is_ascii_uppercase()) {
            return None;
        }
        if help(known, verb).is_none() {
            return Some(format!("no command {verb}"));
        }
    }
    let text = help(known, verbs[0])?;
    for word in words.take_while(|word| !["|", "&&", ">", "#", "--"].contains(word)) {
        let name = word.split('=').next().unwrap_or(word).trim_end_matches([',', ';', '…']);
        if name.starts_with('-')
            && name.len() > 1
            && !text.contains(&format!("{name} "))
            && !text.contains(&format!("{name},"))
            && !text.contains(&format!("{name}\n"))
        {
            return Some(format!("no option {name}"));
        }
    }
    None
}

#[test]
fn every_command_in_the_text_exists() {
    let mut known = BTreeMap::new();
    let mut wrong = Vec::new();
    for page in super::pages() {
        for span in spans(&page.text).iter().filter(|span| span.starts_with("reeve ")) {
            if let Some(what) = mistake(&mut known, span) {
                wrong.push(format!("{}: `{span}`: {what}", page.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    for (command, is_wrong) in [
        ("reeve up -d --wait", false),
        ("reeve -f x.toml ps --json", false),
        ("reeve logs [-f] [SERVICE…]", false),
        ("reeve …", false),
        ("reeve rise", true),
        ("reeve up --waits", true),
        ("reeve --wait up", true),
    ] {
        assert_eq!(mistake(&mut known, command).is_some(), is_wrong, "{command}: {:?}", mistake(&mut known, command));
    }
}
