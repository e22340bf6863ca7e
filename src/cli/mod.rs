//! Command line.

pub mod progress;

pub fn main() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
