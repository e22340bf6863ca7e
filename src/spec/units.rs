//! Durations, sizes, permission bits and signal names as people write them.

use std::time::Duration;

/// `10s`, `250ms`, `1m30s`, `1.5h`; units `us`, `ms`, `s`, `m`, `h`, `d`, largest first.
pub fn duration(text: &str) -> Result<Duration, String> {
    const HELP: &str = "write it as \"10s\", \"250ms\", \"1m30s\" or \"1h\"";
    let text = text.trim();
    if text.is_empty() {
        return Err(format!("is empty; {HELP}"));
    }
    if text.starts_with('-') {
        return Err(format!("is negative; {HELP}"));
    }
    let (mut rest, mut total, mut last) = (text, 0u128, u128::MAX);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let letters = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let nanos: u128 = match unit {
            "us" | "µs" => 1_000,
            "ms" => 1_000_000,
            "s" | "sec" => 1_000_000_000,
            "m" | "min" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            "d" => 86_400_000_000_000,
            "" => return Err(format!("has no unit; {HELP}")),
            _ => return Err(format!("has the unknown unit \"{unit}\"; units are ms, s, m, h, d")),
        };
        if nanos >= last {
            return Err(format!("has its units out of order; {HELP}"));
        }
        total = fixed_point(number, nanos)
            .and_then(|value| total.checked_add(value))
            .ok_or_else(|| format!("is not a duration; {HELP}"))?;
        (rest, last) = (tail, nanos);
    }
    let nanos = u64::try_from(total).map_err(|_| "is longer than 584 years".to_owned())?;
    Ok(Duration::from_nanos(nanos))
}

/// `400MB` (decimal), `400MiB` (binary), `4096` (bytes).
pub fn size(text: &str) -> Result<u64, String> {
    const HELP: &str = "write it as \"400MB\" (decimal) or \"400MiB\" (binary)";
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim();
    let factor: u128 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "t" | "tb" => 1_000_000_000_000,
        "ki" | "kib" => 1 << 10,
        "mi" | "mib" => 1 << 20,
        "gi" | "gib" => 1 << 30,
        "ti" | "tib" => 1 << 40,
        _ if number.is_empty() => return Err(format!("is not a size; {HELP}")),
        _ => return Err(format!("has the unknown unit \"{unit}\"; {HELP}")),
    };
    let bytes = fixed_point(number, factor).ok_or_else(|| format!("is not a size; {HELP}"))?;
    u64::try_from(bytes).map_err(|_| "is larger than this machine can count".to_owned())
}

/// `number × scale` without floating point; `None` when it is no plain decimal number.
fn fixed_point(number: &str, scale: u128) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || whole.len() > 24 || fraction.len() > 12 || (number.contains('.') && fraction.is_empty()) {
        return None;
    }
    let mut value = whole.parse::<u128>().ok()?.checked_mul(scale)?;
    if !fraction.is_empty() {
        let places = u32::try_from(fraction.len()).ok()?;
        value = value.checked_add(fraction.parse::<u128>().ok()?.checked_mul(scale)? / 10u128.pow(places))?;
    }
    Some(value)
}

/// `0700`, `0o700`, `700`: always octal.
pub fn mode(text: &str) -> Result<u32, String> {
    let digits = text.strip_prefix("0o").unwrap_or(text);
    let valid = !digits.is_empty() && digits.len() <= 5 && digits.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
    match u32::from_str_radix(digits, 8) {
        Ok(mode) if valid && mode <= 0o7777 => Ok(mode),
        _ => Err("is no permission mode; write it in octal, as \"0700\"".to_owned()),
    }
}

const SIGNALS: &[(&str, i32)] = &[
    ("HUP", libc::SIGHUP),
    ("INT", libc::SIGINT),
    ("QUIT", libc::SIGQUIT),
    ("ILL", libc::SIGILL),
    ("TRAP", libc::SIGTRAP),
    ("ABRT", libc::SIGABRT),
    ("BUS", libc::SIGBUS),
    ("FPE", libc::SIGFPE),
    ("KILL", libc::SIGKILL),
    ("USR1", libc::SIGUSR1),
    ("SEGV", libc::SIGSEGV),
    ("USR2", libc::SIGUSR2),
    ("PIPE", libc::SIGPIPE),
    ("ALRM", libc::SIGALRM),
    ("TERM", libc::SIGTERM),
    ("CHLD", libc::SIGCHLD),
    ("CONT", libc::SIGCONT),
    ("TSTP", libc::SIGTSTP),
    ("TTIN", libc::SIGTTIN),
    ("TTOU", libc::SIGTTOU),
    ("URG", libc::SIGURG),
    ("XCPU", libc::SIGXCPU),
    ("XFSZ", libc::SIGXFSZ),
    ("VTALRM", libc::SIGVTALRM),
    ("PROF", libc::SIGPROF),
    ("WINCH", libc::SIGWINCH),
    ("IO", libc::SIGIO),
    ("SYS", libc::SIGSYS),
];

/// `TERM`, `SIGTERM`, `15`.
pub fn signal(text: &str) -> Option<i32> {
    let name = text.trim().to_ascii_uppercase();
    let name = name.strip_prefix("SIG").unwrap_or(&name);
    SIGNALS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, number)| *number)
        .or_else(|| name.parse().ok().filter(|number| (1..=64).contains(number)))
}

pub fn signal_names() -> impl Iterator<Item = &'static str> + Clone {
    SIGNALS.iter().map(|(name, _)| *name)
}

/// The name of a signal without `SIG`, or its number.
pub fn signal_name(number: i32) -> String {
    SIGNALS
        .iter()
        .find(|(_, known)| *known == number)
        .map_or_else(|| number.to_string(), |(name, _)| (*name).to_owned())
}

/// A duration as [`duration`] reads it.
pub fn duration_text(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    if nanos == 0 {
        return "0s".to_owned();
    }
    let units =
        [("h", 3_600_000_000_000), ("m", 60_000_000_000), ("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000)];
    let mut rest = nanos;
    let mut text = String::new();
    for (unit, size) in units {
        if rest >= size {
            text.push_str(&format!("{}{unit}", rest / size));
            rest %= size;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_with_units_largest_first() {
        for (text, millis) in
            [("10s", 10_000), ("250ms", 250), ("1m30s", 90_000), ("1h", 3_600_000), ("1.5s", 1_500), ("0s", 0)]
        {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "10", "s", "10x", "30s1m", "-1s", "1e3s", "99999999999999999999d", "1..5s", "5 s"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_survive_a_round_trip() {
        for millis in [0, 1, 999, 1_000, 61_001, 3_600_000] {
            let value = Duration::from_millis(millis);
            assert_eq!(duration(&duration_text(value)), Ok(value));
        }
    }

    #[test]
    fn sizes_tell_decimal_from_binary() {
        for (text, bytes) in
            [("400MB", 400_000_000), ("400MiB", 400 << 20), ("4096", 4096), ("1.5GiB", 3 << 29), ("10 kB", 10_000)]
        {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "MB", "4XB", "-1", "99999999999999TB", "1.MB"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn modes_are_octal() {
        assert_eq!(mode("0700"), Ok(0o700));
        assert_eq!(mode("0o640"), Ok(0o640));
        assert!(mode("0800").is_err());
        assert!(mode("rwx").is_err());
    }

    #[test]
    fn signals_have_names_and_numbers() {
        assert_eq!(signal("TERM"), Some(15));
        assert_eq!(signal("SIGINT"), Some(2));
        assert_eq!(signal("10"), Some(10));
        assert_eq!(signal("65"), None);
        assert_eq!(signal("FOO"), None);
    }
}
