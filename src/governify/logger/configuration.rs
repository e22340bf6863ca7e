//! The logger's configuration: read from the environment, shown to operators, changed by them.
//!
//! Pure. What is shown never carries the password of MongoDB, and what was shown can be sent back without losing it.

use mongodb::options::ConnectionString;
use serde_json::{Value, json};
use tracing::level_filters::LevelFilter;

use crate::serve::Secret;
use crate::serve::environment::Reader;

/// As in the original: where a development machine has it.
const URI: &str = "mongodb://localhost:27017/statuslogs";
/// Stands for a user, a password, or a value with one in it.
const MASK: &str = "***";

/// The originals' levels; their numbers are what operators see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Level {
    Debug = 1,
    #[default]
    Info = 2,
    Warn = 3,
    Error = 4,
    /// Nothing here is that bad: no event reaches this level.
    Fatal = 5,
}

impl Level {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Debug, "DEBUG"),
        (Self::Info, "INFO"),
        (Self::Warn, "WARN"),
        (Self::Error, "ERROR"),
        (Self::Fatal, "FATAL"),
    ];

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known)| known.eq_ignore_ascii_case(name)).map(|(level, _)| level)
    }

    fn numbered(number: &Value) -> Option<Self> {
        let number = number.as_f64()?;
        Self::ALL.into_iter().map(|(level, _)| level).find(|level| f64::from(*level as u8) == number)
    }

    /// What documents and lines call it.
    pub fn stored(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error | Self::Fatal => "error",
        }
    }

    /// In words of [`crate::telemetry`].
    pub fn console(self) -> &'static str {
        if self == Self::Fatal { "off" } else { self.stored() }
    }

    pub fn filter(self) -> LevelFilter {
        match self {
            Self::Debug => LevelFilter::DEBUG,
            Self::Info => LevelFilter::INFO,
            Self::Warn => LevelFilter::WARN,
            Self::Error => LevelFilter::ERROR,
            Self::Fatal => LevelFilter::OFF,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configuration {
    /// Parts of the originals' console line; kept and shown. The lines on stderr are reeve's own and do not change.
    pub parts: [bool; 4],
    /// Of stderr.
    pub level: Level,
    pub storage: Storage,
    pub mongodb: MongoDb,
}

/// Files in the working directory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Storage {
    pub active: bool,
    pub level: Level,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MongoDb {
    pub active: bool,
    pub uri: Secret,
    pub level: Level,
}

const PARTS: [&str; 4] = ["type", "tracing", "timestamp", "tags"];

impl Default for Configuration {
    fn default() -> Self {
        Self {
            parts: [true; 4],
            level: Level::Info,
            storage: Storage::default(),
            mongodb: MongoDb { active: false, uri: Secret::new(URI), level: Level::Info },
        }
    }
}

/// What an operator sent that cannot be. Values are not repeated: one may be a password.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ChangeError {
    #[error("the configuration must be a JSON object")]
    NoObject,
    #[error("{0} must be true or false")]
    Flag(&'static str),
    #[error("{0} must be a number from 1 (debug) to 5 (fatal)")]
    Level(&'static str),
    #[error("{0} must be an object")]
    Group(&'static str),
    #[error("mongodb.uri must be an address of MongoDB, such as mongodb://host:27017/statuslogs")]
    Uri,
}

impl Configuration {
    /// What is wrong stays with the reader.
    pub fn read(from: &mut Reader<'_>) -> Self {
        let level = level(from, "GOV_LOG_LEVEL", Level::Info);
        let mongodb = MongoDb {
            active: from.flag("GOV_LOG_MONGODB_ENABLED", false),
            uri: Secret::new(from.text("GOV_LOG_MONGODB_URI", URI)),
            level: self::level(from, "GOV_LOG_MONGODB_LEVEL", level),
        };
        if mongodb.active && ConnectionString::parse(mongodb.uri.expose()).is_err() {
            from.problem("GOV_LOG_MONGODB_URI", "is no address of MongoDB, such as mongodb://host:27017/statuslogs");
        }
        let storage = Storage {
            active: from.flag("GOV_LOG_STORAGE", false),
            level: self::level(from, "GOV_LOG_STORAGE_LEVEL", level),
        };
        Self { parts: [true; 4], level, storage, mongodb }
    }

    /// For an operator's eyes.
    pub fn shown(&self) -> Value {
        let [kind, tracing, timestamp, tags] = self.parts;
        json!({
            "type": kind,
            "tracing": tracing,
            "timestamp": timestamp,
            "tags": tags,
            "level": self.level as u8,
            "storage": { "active": self.storage.active, "level": self.storage.level as u8 },
            "mongodb": {
                "active": self.mongodb.active,
                "uri": masked(self.mongodb.uri.expose()),
                "level": self.mongodb.level as u8,
            },
        })
    }

    /// This one with what is wanted differently.
    pub fn changed(&self, wanted: &Value) -> Result<Self, ChangeError> {
        let mut changed = self.clone();
        if !wanted.is_object() {
            return Err(ChangeError::NoObject);
        }
        for (name, part) in PARTS.into_iter().zip(&mut changed.parts) {
            set_flag(part, wanted.get(name), name)?;
        }
        set_level(&mut changed.level, wanted.get("level"), "level")?;
        if let Some(storage) = group(wanted, "storage")? {
            set_flag(&mut changed.storage.active, storage.get("active"), "storage.active")?;
            set_level(&mut changed.storage.level, storage.get("level"), "storage.level")?;
        }
        if let Some(mongodb) = group(wanted, "mongodb")? {
            set_flag(&mut changed.mongodb.active, mongodb.get("active"), "mongodb.active")?;
            set_level(&mut changed.mongodb.level, mongodb.get("level"), "mongodb.level")?;
            if let Some(uri) = mongodb.get("uri") {
                let uri = uri.as_str().ok_or(ChangeError::Uri)?;
                // What was shown is not what was meant.
                if uri != masked(self.mongodb.uri.expose()) {
                    ConnectionString::parse(uri).map_err(|_| ChangeError::Uri)?;
                    changed.mongodb.uri = Secret::new(uri);
                }
            }
        }
        Ok(changed)
    }
}

fn level(from: &mut Reader<'_>, name: &str, default: Level) -> Level {
    let Some(value) = from.optional(name) else { return default };
    Level::named(value.trim()).unwrap_or_else(|| {
        from.problem(name, format!("{value:?} is not DEBUG, INFO, WARN, ERROR or FATAL"));
        default
    })
}

fn set_flag(flag: &mut bool, wanted: Option<&Value>, name: &'static str) -> Result<(), ChangeError> {
    if let Some(wanted) = wanted {
        *flag = wanted.as_bool().ok_or(ChangeError::Flag(name))?;
    }
    Ok(())
}

fn set_level(level: &mut Level, wanted: Option<&Value>, name: &'static str) -> Result<(), ChangeError> {
    if let Some(wanted) = wanted {
        *level = Level::numbered(wanted).ok_or(ChangeError::Level(name))?;
    }
    Ok(())
}

fn group<'a>(wanted: &'a Value, name: &'static str) -> Result<Option<&'a Value>, ChangeError> {
    match wanted.get(name) {
        Some(group) if !group.is_object() => Err(ChangeError::Group(name)),
        group => Ok(group),
    }
}

/// An address without user, password and options that may hold one.
fn masked(uri: &str) -> String {
    let (address, options) = uri.split_once('?').map_or((uri, None), |(address, options)| (address, Some(options)));
    let address = match address.split_once("://") {
        // A password may hold an unescaped `@` or `/`: the last one counts.
        Some((scheme, rest)) => match rest.rsplit_once('@') {
            Some((_, host)) => format!("{scheme}://{MASK}:{MASK}@{host}"),
            None => address.to_owned(),
        },
        // Not an address at all, so there is no telling what it is.
        None => MASK.to_owned(),
    };
    let Some(options) = options else { return address };
    let option = |option: &str| match option.split_once('=') {
        Some((name, _)) if is_secret(name) => format!("{name}={MASK}"),
        _ => option.to_owned(),
    };
    format!("{address}?{}", options.split('&').map(option).collect::<Vec<_>>().join("&"))
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.contains("password") || name == "authmechanismproperties"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(set: &[(&str, &str)]) -> Result<Configuration, String> {
        let lookup = |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        let mut reader = Reader::new(&lookup);
        let read = Configuration::read(&mut reader);
        reader.finish().map(|()| read).map_err(|problems| problems.to_string())
    }

    #[test]
    fn levels_follow_the_console_s_unless_they_are_set() {
        assert_eq!(read(&[]).unwrap(), Configuration::default());
        let read = read(&[
            ("GOV_LOG_LEVEL", "debug"),
            ("GOV_LOG_MONGODB_ENABLED", "true"),
            ("GOV_LOG_MONGODB_URI", "mongodb://root:root@mongo:27017/statuslogs?authSource=admin"),
            ("GOV_LOG_MONGODB_LEVEL", "Warn"),
        ])
        .unwrap();
        assert_eq!((read.level, read.mongodb.level, read.storage.level), (Level::Debug, Level::Warn, Level::Debug));
        assert!(read.mongodb.active && !read.storage.active);
    }

    #[test]
    fn what_is_wrong_is_told_without_the_password() {
        let text = read(&[
            ("GOV_LOG_LEVEL", "loud"),
            ("GOV_LOG_MONGODB_ENABLED", "true"),
            ("GOV_LOG_MONGODB_URI", "mongo://root:hidden@x"),
        ])
        .unwrap_err();
        assert!(text.contains("GOV_LOG_LEVEL") && text.contains("GOV_LOG_MONGODB_URI"), "{text}");
        assert!(!text.contains("hidden"), "{text}");
    }

    #[test]
    fn the_shown_object_is_the_original_s_without_the_password() {
        let mut configuration = Configuration::default();
        configuration.mongodb.uri = Secret::new("mongodb://root:p@ss/w@h1:1,h2:2/logs?authSource=admin&tlsPassword=x");
        assert_eq!(
            configuration.shown().to_string(),
            r#"{"type":true,"tracing":true,"timestamp":true,"tags":true,"level":2,"#.to_owned()
                + r#""storage":{"active":false,"level":2},"mongodb":{"active":false,"#
                + r#""uri":"mongodb://***:***@h1:1,h2:2/logs?authSource=admin&tlsPassword=***","level":2}}"#
        );
        assert_eq!(masked("mongodb://h/logs"), "mongodb://h/logs");
        assert_eq!(masked("root:secret"), "***");
    }

    #[test]
    fn a_change_keeps_what_it_does_not_name() {
        let mut before = Configuration::default();
        before.mongodb.uri = Secret::new("mongodb://root:root@h/logs");
        let after = before.changed(&json!({ "level": 4, "tags": false, "storage": { "active": true } })).unwrap();
        assert_eq!((after.level, after.parts, after.storage.active), (Level::Error, [true, true, true, false], true));
        assert_eq!(after.mongodb, before.mongodb);
        assert_eq!(before.changed(&before.shown()).unwrap(), before);
        let moved = before.changed(&json!({ "mongodb": { "uri": "mongodb://other/logs" } })).unwrap();
        assert_eq!(moved.mongodb.uri.expose(), "mongodb://other/logs");
    }

    #[test]
    fn a_change_that_cannot_be_is_refused() {
        let configuration = Configuration::default();
        for (wanted, error) in [
            (json!([]), ChangeError::NoObject),
            (json!({ "type": "yes" }), ChangeError::Flag("type")),
            (json!({ "level": 0 }), ChangeError::Level("level")),
            (json!({ "level": "info" }), ChangeError::Level("level")),
            (json!({ "storage": true }), ChangeError::Group("storage")),
            (json!({ "storage": { "active": null } }), ChangeError::Flag("storage.active")),
            (json!({ "mongodb": { "level": 6 } }), ChangeError::Level("mongodb.level")),
            (json!({ "mongodb": { "uri": "http://x" } }), ChangeError::Uri),
        ] {
            assert_eq!(configuration.changed(&wanted).unwrap_err(), error, "{wanted}");
        }
        assert!(configuration.changed(&json!({ "level": 5.0 })).is_ok());
    }
}
