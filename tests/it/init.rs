//! `reeve init`: where answers come from, what is written, and that nothing is half written.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use crate::support::{Done, Running, binary, eventually};

/// A directory without anything in it.
struct Empty(tempfile::TempDir);

impl Empty {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.current_dir(self.0.path()).args(args).env("NO_COLOR", "1").stdin(std::process::Stdio::null());
        command
    }

    fn init(&self, args: &[&str]) -> Done {
        self.command(&[&["init"], args].concat()).output().expect("reeve").into()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("a file");
    }

    /// The value of a variable as it stands in `.env`.
    #[track_caller]
    fn value(&self, name: &str) -> String {
        let text = self.read(".env");
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name}=")));
        line.unwrap_or_else(|| panic!("{name} in {text}")).to_owned()
    }

    fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).expect("the directory").flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

#[test]
fn the_defaults_are_written_with_a_password_that_is_shown_once() {
    let place = Empty::new();
    let done = place.init(&["--defaults"]).expect(0);
    assert_eq!(place.files(), [".env", "services.toml"]);
    let mode = std::fs::metadata(place.path(".env")).expect(".env").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let password = place.value("PASS_STATUS");
    assert!(password.len() >= 24 && done.stdout.trim() == password, "{}", done.stdout);
    assert!(!done.stderr.contains(&password), "{}", done.stderr);
    for (name, value) in
        [("USER_STATUS", "admin"), ("DB_NAME", "statusdb"), ("API_PREFIX", "/api/v1"), ("JWT_SECRET", "")]
    {
        assert_eq!(place.value(name), value, "{name}");
    }
    let (env, services) = (place.read(".env"), place.read("services.toml"));
    let again = place.init(&["--defaults"]).expect(0);
    assert!(again.stderr.contains("nothing to change") && again.stdout.is_empty(), "{again:?}");
    assert_eq!((place.read(".env"), place.read("services.toml")), (env, services));
    let checked: Done = place.command(&["config", "--check"]).output().expect("reeve").into();
    assert!(checked.expect(0).stderr.contains("mode production"));
}

#[test]
fn what_is_there_is_kept_and_a_change_is_shown_without_secrets() {
    let place = Empty::new();
    place.write("services.toml", "# mine\n");
    place.write(".env", "# mine, too\nDB_NAME=own\nPASS_STATUS=kept-by-me\nAPI_PREFIX=/v1\nOTHER=1\n");
    place.write("answers", "API_PREFIX=/v2\nDB_PASSWORD='a new one'\nREEVE_MODE=development\n");
    let done = place.init(&["--answers", "answers"]).expect(0);
    assert!(done.stderr.contains("- API_PREFIX=/v1") && done.stderr.contains("+ API_PREFIX=/v2"), "{}", done.stderr);
    assert!(done.stderr.contains("+ DB_PASSWORD=…") && !done.stderr.contains("a new one"), "{}", done.stderr);
    let env = place.read(".env");
    assert!(env.starts_with("# mine, too\nDB_NAME=own\nPASS_STATUS=kept-by-me\nAPI_PREFIX=/v2\nOTHER=1\n"), "{env}");
    assert!(env.contains("DB_PASSWORD='a new one'") && place.value("REEVE_MODE") == "development", "{env}");
    assert_eq!(place.read("services.toml"), "# mine\n");
    assert!(done.stdout.is_empty(), "no password was made: {}", done.stdout);
}

#[test]
fn the_mode_of_the_file_holds_until_another_is_asked_for() {
    let place = Empty::new();
    place.write("answers", "REEVE_MODE=development\nUSER_STATUS=ada\n");
    place.init(&["--answers", "answers"]).expect(0);
    let mode = |args: &[&str]| -> String {
        let done: Done = place.command(&[&["config", "--check"], args].concat()).output().expect("reeve").into();
        done.expect(0).stderr
    };
    assert!(mode(&[]).contains("mode development"));
    assert!(mode(&["--mode", "production"]).contains("mode production"));
}

#[test]
fn without_a_terminal_it_takes_a_word_to_go_on() {
    let place = Empty::new();
    let refused = place.init(&[]).expect(2);
    assert!(refused.stderr.contains("no USER_STATUS, no PASS_STATUS"), "{}", refused.stderr);
    assert!(refused.stderr.contains("--defaults"), "{}", refused.stderr);
    assert_eq!(place.files(), Vec::<String>::new());
    let mut command = place.command(&["init"]);
    command.env("USER_STATUS", "ada").env("PASS_STATUS", "all $from the environment").env("AI_API_KEY", "sk-1");
    let done: Done = command.output().expect("reeve").into();
    done.expect(0);
    assert_eq!((place.value("USER_STATUS"), place.value("AI_API_KEY")), ("ada".to_owned(), "sk-1".to_owned()));
    assert_eq!(place.value("PASS_STATUS"), "'all $from the environment'");
}

#[test]
fn a_bad_answer_is_named_and_nothing_is_written() {
    let place = Empty::new();
    for (answers, words) in [
        ("USER_STATUS=not-alphanumeric\n", "USER_STATUS: must be alphanumeric"),
        ("ADMIN_EMAIL=nobody\n", "ADMIN_EMAIL: must be a valid email address"),
        ("DB_USER=postgres\n", "DB_USER: this name is PostgreSQL's own"),
        ("REEVE_MODE=test\n", "REEVE_MODE: production or development"),
        ("DB_PASWORD=x\n", "did you mean \"DB_PASSWORD\""),
        ("no line\n", "answers line 1"),
    ] {
        place.write("answers", answers);
        let refused = place.init(&["--answers", "answers"]).expect(5);
        assert!(refused.stderr.contains(words), "{words} in {}", refused.stderr);
        assert_eq!(place.files(), ["answers"]);
    }
    place.write("answers", "PASS_STATUS=admin123\n");
    let warned = place.init(&["--answers", "answers"]).expect(0);
    assert!(warned.stderr.contains("a password that everybody knows"), "{}", warned.stderr);
}

/// `reeve init` on a terminal of the test's own.
struct Dialogue {
    reeve: Running,
    terminal: std::fs::File,
    seen: std::sync::Arc<std::sync::Mutex<String>>,
}

impl Dialogue {
    fn start(place: &Empty) -> Self {
        let pty = nix::pty::openpty(None, None).expect("a terminal");
        let mut command = place.command(&["init"]);
        command.stdin(pty.slave.try_clone().expect("a handle")).stderr(pty.slave);
        command.stdout(std::process::Stdio::null());
        let reeve = Running::start(command);
        let terminal = std::fs::File::from(pty.master);
        let seen: std::sync::Arc<std::sync::Mutex<String>> = std::sync::Arc::default();
        let (mut reader, writer) = (terminal.try_clone().expect("a handle"), seen.clone());
        // Ends with the terminal.
        std::thread::spawn(move || {
            let mut buffer = [0; 1024];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                writer.lock().expect("the text").push_str(&String::from_utf8_lossy(&buffer[..count]));
            }
        });
        Self { reeve, terminal, seen }
    }

    fn seen(&self) -> String {
        self.seen.lock().expect("the text").clone()
    }

    /// Waits for the question, and answers it.
    #[track_caller]
    fn answer(&mut self, question: &str, answer: &str) {
        eventually(question, || {
            let mut seen = self.seen.lock().expect("the text");
            match seen.rfind(question) {
                Some(at) => {
                    // Each question is answered once, also when it is asked again.
                    let end = at + question.len();
                    seen.replace_range(at..end, &"·".repeat(question.chars().count()));
                    Ok(())
                }
                None => Err(seen.clone()),
            }
        });
        self.terminal.write_all(answer.as_bytes()).expect("written");
    }
}

#[test]
fn a_dialogue_checks_every_answer_and_shows_no_password() {
    let place = Empty::new();
    let mut dialogue = Dialogue::start(&place);
    dialogue.answer("Mode (production or development)", "\n");
    dialogue.answer("Name of the administrator", "ada lovelace\n");
    dialogue.answer("must be alphanumeric", "");
    dialogue.answer("Name of the administrator", "ada\n");
    dialogue.answer("E-mail address", "nobody\n");
    dialogue.answer("E-mail address", "ada@example.com\n");
    dialogue.answer("OpenAI key", "\n");
    dialogue.answer("GitHub client id", "\n");
    dialogue.answer("Password of the administrator", "admin123\n");
    dialogue.answer("everybody knows this one", "");
    dialogue.answer("Password of the administrator", "only I know\n");
    dialogue.answer("The same again", "only you know\n");
    dialogue.answer("the two are not the same", "");
    dialogue.answer("Password of the administrator", "only I know\n");
    dialogue.answer("The same again", "only I know\n");
    assert_eq!(dialogue.reeve.end(), 0, "{}", dialogue.seen());
    assert!(!dialogue.seen().contains("know\n") && !dialogue.seen().contains("only I"), "{}", dialogue.seen());
    assert_eq!(
        (place.value("USER_STATUS"), place.value("ADMIN_EMAIL")),
        ("ada".to_owned(), "ada@example.com".to_owned())
    );
    assert_eq!(place.value("PASS_STATUS"), "'only I know'");
    assert_eq!(place.files(), [".env", "services.toml"]);
}

#[test]
fn a_dialogue_that_ends_early_writes_nothing() {
    for end in ["\u{3}", "closed"] {
        let place = Empty::new();
        let mut dialogue = Dialogue::start(&place);
        dialogue.answer("Mode (production or development)", "\n");
        dialogue.answer("Name of the administrator", "\n");
        dialogue.answer("E-mail address", "\n");
        dialogue.answer("OpenAI key", "\n");
        dialogue.answer("GitHub client id", "\n");
        dialogue.answer("Password of the administrator", if end == "closed" { "half" } else { end });
        if end == "closed" {
            // The terminal goes with both of its handles; the reader holds the other until it ends.
            crate::support::kill(dialogue.reeve.pid(), 1);
        }
        assert_ne!(dialogue.reeve.end(), 0);
        assert_eq!(place.files(), Vec::<String>::new());
    }
}

#[test]
fn the_doctor_looks_at_what_was_written() {
    let place = Empty::new();
    place.write("services.toml", "[stack]\nname = \"x\"\n[services.a]\ncommand = [\"sleep\", \"1000\"]\nenv = { A = \"${A:-}\" }\n[secrets.db]\nenv = \"DB_PASSWORD\"\n[secrets.key]\nenv = \"AI_API_KEY\"\ngenerate = false\n");
    place.write(".env", "A=1\nDB_PASWORD=x\nDB_PASSWORD=statuspass\n");
    std::fs::set_permissions(place.path(".env"), std::fs::Permissions::from_mode(0o644)).expect("permissions");
    let doctor: Done = place.command(&["doctor"]).output().expect("reeve").into();
    let doctor = doctor.stdout;
    for words in [
        "has mode 644: others can read the passwords in it",
        "nothing takes DB_PASWORD",
        "did you mean \"DB_PASSWORD\"",
        "DB_PASSWORD has a value that everybody knows",
        "AI_API_KEY is not set: the assistants (OpenAI) do not answer",
        "hint: chmod 600",
    ] {
        assert!(doctor.contains(words), "{words} in {doctor}");
    }
    assert!(!doctor.contains("statuspass"), "{doctor}");
}
