//! The version of a data format, from the version of the part that writes it.

/// The data format a service declares, resolved: `NAME@major` and `NAME@major.minor` take that much of the version of
/// the part `NAME` that is installed (`mongodb@major.minor` of 8.2.6 is `8.2`); any other text stands for itself.
/// `None` when that part's version is not known.
pub fn data_format(declared: &str, version_of: impl Fn(&str) -> Option<String>) -> Option<String> {
    let (part, components) = match declared.split_once('@') {
        Some((part, "major")) => (part, 1),
        Some((part, "major.minor")) => (part, 2),
        _ => return Some(declared.to_owned()),
    };
    let version = version_of(part)?;
    let version = version.trim_start_matches('v');
    Some(version.split(['.', '-', '+']).take(components).collect::<Vec<_>>().join("."))
}

#[cfg(test)]
mod tests {
    use super::data_format;

    #[test]
    fn the_format_follows_the_installed_part() {
        let versions = |part: &str| match part {
            "mongodb" => Some("8.2.6".to_owned()),
            "postgresql" => Some("17.10.0-beta.17".to_owned()),
            _ => None,
        };
        assert_eq!(data_format("mongodb@major.minor", versions).as_deref(), Some("8.2"));
        assert_eq!(data_format("postgresql@major", versions).as_deref(), Some("17"));
        assert_eq!(data_format("rdb", versions).as_deref(), Some("rdb"));
        assert_eq!(data_format("other@major", versions), None);
    }
}
