//! What is wrong with the variables of the log is told before a service begins.

use std::process::Command;

use crate::support::binary;

#[test]
fn a_wrong_log_setting_ends_the_start_and_names_the_variable_but_not_the_password() {
    for role in ["registry", "director"] {
        let mut command = Command::new(binary());
        command.args(["serve", role]).env("NO_COLOR", "1").env("GOV_LOG_LEVEL", "loud");
        command.env("GOV_LOG_MONGODB_ENABLED", "true").env("GOV_LOG_MONGODB_URI", "mongo//root:hidden@nowhere");
        let output = command.output().expect("reeve runs");
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(5), "{role}: {text}");
        assert!(text.contains("GOV_LOG_LEVEL") && text.contains("GOV_LOG_MONGODB_URI"), "{role}: {text}");
        assert!(!text.contains("hidden"), "{role}: {text}");
    }
}
