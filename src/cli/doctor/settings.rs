//! `.env` and what it gives or leaves out: who may read it, words that everybody knows, names that nothing takes, and what
//! is switched off for want of a key.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::Finding;
use crate::cli::stack::Stack;
use crate::cli::status_env::{known_words, variables};
use crate::spec::error::suggest;
use crate::spec::{env_file, interpolate};
use crate::supervisor::layout::Layout;
use crate::volumes::Secrets;

/// Keys of others: the variable, what does not work without it, and where it comes from.
const OPTIONAL: &[(&str, &str, &str)] = &[
    (
        "AI_API_KEY",
        "the assistants (OpenAI) do not answer",
        "make a key at platform.openai.com; AI_ORG_ID goes with it",
    ),
    ("GH_CLIENT_SECRET", "signing in with GitHub is off", "make an OAuth app at GitHub; GH_CLIENT_ID goes with it"),
];

pub fn findings(stack: &Stack) -> Vec<Finding> {
    let file = stack.file.with_file_name(".env");
    let mut findings = Vec::new();
    findings.extend(readable(&file));
    findings.extend(unknown(stack, &file));
    findings.extend(known(stack));
    findings.extend(late(stack));
    findings.extend(missing(stack));
    if !findings.iter().any(|finding| finding.about == "settings") {
        findings.push(Finding::good("settings", "nothing is missing, nothing is known to everybody"));
    }
    findings
}

fn readable(file: &Path) -> Option<Finding> {
    let mode = std::fs::metadata(file).ok()?.permissions().mode() & 0o777;
    let message = || format!("{} has mode {mode:o}: others can read the passwords in it", file.display());
    (mode & 0o077 != 0).then(|| Finding::bad("settings", message(), format!("chmod 600 {}", file.display())))
}

/// Names that neither the stack's file nor one of ours takes: a slip of the pen, most of the time.
fn unknown(stack: &Stack, file: &Path) -> Vec<Finding> {
    let (Ok(text), Ok(services)) = (std::fs::read_to_string(file), std::fs::read_to_string(&stack.file)) else {
        return Vec::new();
    };
    let own = variables().map(|variable| variable.name);
    let secrets = stack.spec.secrets.values().filter_map(|secret| secret.env.as_deref());
    let known: BTreeSet<&str> = own.chain(secrets).chain(referred(&services)).collect();
    let (entries, _) = env_file::parse(&text);
    let strange = entries.iter().filter(|entry| {
        let name = entry.name.as_str();
        // Another value of the file may be made of it.
        !known.contains(name) && !name.starts_with("REEVE_") && !referred(&text).any(|other| other == name)
    });
    let finding = |entry: &env_file::Entry| {
        let hint = suggest(&entry.name, known.iter().copied());
        let hint = hint.unwrap_or_else(|| "docs/env.md lists what is taken; remove the line".to_owned());
        Finding::weak("settings", format!("nothing takes {} of {}", entry.name, file.display()), hint)
    };
    strange.map(finding).collect()
}

/// Names of the environment in references.
fn referred(text: &str) -> impl Iterator<Item = &str> {
    text.split("${").skip(1).filter_map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        Some(&rest[..end]).filter(|name| interpolate::is_env_name(name))
    })
}

fn known(stack: &Stack) -> Vec<Finding> {
    let is_open = stack.spec.services.iter().any(|service| service.ports.iter().any(|port| !port.host.is_loopback()));
    let finding = |name: &str| {
        let message = format!("{name} has a value that everybody knows: the original ships it");
        let hint = format!("change {name} in .env, and where it has been set up already (docs/env.md)");
        if is_open { Finding::bad("settings", message, hint) } else { Finding::weak("settings", message, hint) }
    };
    known_words(&stack.spec, &stack.env).into_iter().map(finding).collect()
}

/// A value that was given after one had been generated: accounts were made with the generated one.
fn late(stack: &Stack) -> Vec<Finding> {
    let path = Layout::new(&stack.data_dir).secrets();
    // A broken file of secrets is told by everything that needs it.
    let Ok((kept, _)) = Secrets::read(&path, [], |_| None) else { return Vec::new() };
    let secrets = stack.spec.secrets.values().filter(|secret| secret.bcrypt_of.is_none());
    let late = secrets.filter_map(|secret| {
        let (name, before) = (secret.env.as_deref()?, kept.get(&secret.name)?);
        let differs = stack.env.get(name).is_some_and(|given| !given.is_empty() && given != before.expose());
        differs.then_some((name, &secret.name))
    });
    let finding = |(name, secret): (&str, &String)| {
        let message = format!("{name} is not the {secret} that was generated at the first start");
        let hint = format!("what was set up with the generated one keeps it: change it there, too, or remove {name}");
        Finding::weak("settings", message, hint)
    };
    late.map(finding).collect()
}

fn missing(stack: &Stack) -> Vec<Finding> {
    let takes = |name: &str| stack.spec.secrets.values().any(|secret| secret.env.as_deref() == Some(name));
    let is_empty = |name: &str| stack.env.get(name).is_none_or(String::is_empty);
    let missing = OPTIONAL.iter().filter(|(name, ..)| takes(name) && is_empty(name));
    let finding = |(name, off, remedy): &(&str, &str, &str)| {
        Finding::weak("settings", format!("{name} is not set: {off}"), format!("{remedy}; put it into .env"))
    };
    missing.map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_found_wherever_they_stand() {
        let text = "a = \"${A:-${B}}/${self.port}\"\nb = \"$$ ${C | url}\"";
        assert_eq!(referred(text).collect::<Vec<_>>(), ["A", "B", "self", "C"]);
    }
}
