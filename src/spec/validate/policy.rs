//! Restart, stop, hooks, limits and logs of a service.

use super::super::error::suggest;
use super::super::file::{
    FullFile, HookFile, LimitsFile, LogsFile, RestartFile, RestartPolicyFile, RestartTable, ScopeFile, SignalFile,
    StopFile,
};
use super::super::policy::{BackoffSpec, RestartPolicy, RestartSpec, StopScope, StopSpec};
use super::super::service::{HookSpec, LimitsSpec, LogFull, LogSpec};
use super::super::units;
use super::values::{At, Context};

pub fn restart(cx: &mut Context<'_>, at: At<'_>, file: Option<&RestartFile>, oneshot: bool) -> RestartSpec {
    let empty = RestartTable::default();
    let (policy, table) = match file {
        None => (None, &empty),
        Some(RestartFile::Policy(policy)) => (Some(*policy), &empty),
        Some(RestartFile::Table(table)) => (table.policy, table),
    };
    let default = RestartSpec::default();
    let policy = match policy {
        Some(RestartPolicyFile::No) => RestartPolicy::No,
        Some(RestartPolicyFile::OnFailure) => RestartPolicy::OnFailure,
        Some(RestartPolicyFile::UnlessStopped) => {
            if oneshot {
                let hint = "use \"on-failure\" or \"no\", or remove oneshot".to_owned();
                cx.error(at.or_key(&["policy"]).place(), "a oneshot cannot be restarted unless stopped", Some(hint));
            }
            RestartPolicy::UnlessStopped
        }
        None if oneshot => RestartPolicy::No,
        None => default.policy,
    };
    let backoff = BackoffSpec::default();
    let crash = table.crash_loop.as_ref();
    let crash_at = at.key("crash_loop");
    let spec = RestartSpec {
        policy,
        backoff: BackoffSpec {
            first: cx.duration(at.key("first"), table.first.as_ref(), true).unwrap_or(backoff.first),
            factor_percent: table.factor.map_or(backoff.factor_percent, percent),
            cap: cx.duration(at.key("cap"), table.cap.as_ref(), true).unwrap_or(backoff.cap),
            jitter_percent: table.jitter.map_or(backoff.jitter_percent, percent),
        },
        stable_after: cx
            .duration(at.key("stable_after"), table.stable_after.as_ref(), true)
            .unwrap_or(default.stable_after),
        crash_loop_failures: crash.and_then(|table| table.failures).unwrap_or(default.crash_loop_failures),
        crash_loop_window: cx
            .duration(crash_at.key("window"), crash.and_then(|table| table.window.as_ref()), false)
            .unwrap_or(default.crash_loop_window),
        max_restarts: table.max_restarts,
        success_exit_codes: exit_codes(cx, at.key("success_exit_codes"), table.success_exit_codes.as_deref()),
    };
    if spec.backoff.first > spec.backoff.cap {
        let message = "the first delay is longer than the cap";
        cx.error(at.or_key(&["first", "cap"]).place(), message, Some("raise cap, or lower first".to_owned()));
    }
    spec
}

fn exit_codes(cx: &mut Context<'_>, at: At<'_>, codes: Option<&[i64]>) -> Vec<i32> {
    let mut list = vec![0];
    for (index, code) in codes.unwrap_or_default().iter().enumerate() {
        match i32::try_from(*code) {
            Ok(code) if (0..=255).contains(&code) => {
                if !list.contains(&code) {
                    list.push(code);
                }
            }
            _ => cx.error(at.item(index).place(), format!("the exit code {code} is not from 0 to 255"), None),
        }
    }
    list
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the schema bounds it to 0..=10000")]
fn percent(factor: f64) -> u32 {
    (factor * 100.0).round().clamp(0.0, 1_000_000.0) as u32
}

pub fn stop(cx: &mut Context<'_>, at: At<'_>, file: Option<&StopFile>) -> StopSpec {
    let default = StopSpec::default();
    let Some(file) = file else { return default };
    StopSpec {
        signal: file
            .signal
            .as_ref()
            .and_then(|signal| stop_signal(cx, at.key("signal"), signal))
            .unwrap_or(default.signal),
        scope: match file.scope {
            Some(ScopeFile::Group) => StopScope::Group,
            Some(ScopeFile::Leader) | None => StopScope::Leader,
        },
        grace: cx.duration(at.key("grace"), file.grace.as_ref(), false).unwrap_or(default.grace),
    }
}

fn stop_signal(cx: &mut Context<'_>, at: At<'_>, signal: &SignalFile) -> Option<i32> {
    let number = match signal {
        SignalFile::Number(number) => i32::try_from(*number).ok().filter(|number| (1..=64).contains(number)),
        SignalFile::Name(name) => units::signal(name),
    };
    match (number, signal) {
        (Some(number), _) if number == libc::SIGSTOP || number == libc::SIGCONT => {
            cx.error(at.place(), "this signal does not end a process", Some("use TERM, INT, QUIT or HUP".to_owned()));
            None
        }
        (Some(number), _) => Some(number),
        (None, SignalFile::Number(number)) => {
            cx.error(
                at.place(),
                format!("{number} is no signal"),
                Some("signals are numbered from 1 to 64".to_owned()),
            );
            None
        }
        (None, SignalFile::Name(name)) => {
            let upper = name.to_ascii_uppercase();
            let bare = upper.strip_prefix("SIG").unwrap_or(&upper);
            let hint = suggest(bare, units::signal_names()).unwrap_or_else(|| "such as TERM, INT or QUIT".to_owned());
            cx.error(at.place(), format!("unknown signal \"{name}\""), Some(hint));
            None
        }
    }
}

pub fn hook(cx: &mut Context<'_>, at: At<'_>, file: Option<&HookFile>) -> Option<HookSpec> {
    const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(10);
    match file? {
        HookFile::Command(words) => Some(HookSpec { command: cx.command(at, words), timeout: TIMEOUT }),
        HookFile::Table(table) => {
            let timeout = cx.duration(at.key("timeout"), table.timeout.as_ref(), false).unwrap_or(TIMEOUT);
            match &table.command {
                Some(words) => Some(HookSpec { command: cx.command(at.key("command"), words), timeout }),
                None => {
                    cx.error(at.name(), "the hook has no command", None);
                    None
                }
            }
        }
    }
}

pub fn limits(cx: &mut Context<'_>, at: At<'_>, file: Option<&LimitsFile>) -> LimitsSpec {
    let Some(file) = file else { return LimitsSpec::default() };
    LimitsSpec {
        memory_bytes: cx.size(at.key("memory"), file.memory.as_ref(), false),
        cpu_percent: file.cpu.map(percent),
        processes: file.processes,
        open_files: file.open_files,
        core_bytes: cx.size(at.key("core"), file.core.as_ref(), true),
        nice: file.nice,
        oom_score_adj: file.oom_score_adj,
    }
}

pub fn logs(cx: &mut Context<'_>, at: At<'_>, file: Option<&LogsFile>) -> LogSpec {
    let default = LogSpec::default();
    let Some(file) = file else { return default };
    let spec = LogSpec {
        max_bytes: cx.size(at.key("max_size"), file.max_size.as_ref(), false).unwrap_or(default.max_bytes),
        max_files: file.max_files.unwrap_or(default.max_files),
        max_line_bytes: cx.small_size(at.key("max_line"), file.max_line.as_ref()).unwrap_or(default.max_line_bytes),
        ring_bytes: cx.small_size(at.key("ring"), file.ring.as_ref()).unwrap_or(default.ring_bytes),
        on_full: match file.on_full {
            Some(FullFile::Drop) => LogFull::Drop,
            Some(FullFile::Block) | None => default.on_full,
        },
    };
    if u64::from(spec.max_line_bytes) > spec.max_bytes {
        cx.error(
            at.or_key(&["max_line", "max_size"]).place(),
            "the longest line is larger than a whole log file",
            None,
        );
    }
    spec
}
