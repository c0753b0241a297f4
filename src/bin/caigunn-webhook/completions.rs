//! `completions`

use clap::Command;
use clap_complete::{Shell, generate};

use crate::output;

/// Prints the completion script of `command` for a shell.
pub fn run(shell: Shell, command: &mut Command) -> anyhow::Result<()> {
    let mut script = Vec::new();
    generate(shell, command, "caigunn-webhook", &mut script);
    let script = String::from_utf8(script).expect("the script is made of the texts of the help");
    let script = match shell {
        // clap_complete 4.6.11 writes a name with a hyphen in two ways, so that no command's own flags are found.
        Shell::Bash => script.replace("caigunn__subcmd__webhook", "caigunn__webhook"),
        _ => script,
    };
    output::write(&script)
}
