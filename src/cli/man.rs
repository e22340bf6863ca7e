//! `reeve man`: the manual page, made from the definition of the command line and the tables.

use clap::CommandFactory;
use clap_mangen::Man;

use super::args::Cli;
use super::exit::Exit;
use super::failure::Result;
use super::output::Output;
use crate::settings;

pub fn run(output: Output) -> Result {
    let page = page().map_err(|error| anyhow::Error::new(error).context("cannot write the manual page"))?;
    output.bytes(&page)?;
    Ok(Exit::Done)
}

fn page() -> std::io::Result<Vec<u8>> {
    let command = Cli::command();
    let man = Man::new(command.clone());
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    page.extend_from_slice(verbs(&command).as_bytes());
    page.extend_from_slice(tables().as_bytes());
    man.render_version_section(&mut page)?;
    Ok(page)
}

/// Every verb with its usage, so that one page is the whole manual.
fn verbs(command: &clap::Command) -> String {
    let mut text = ".SH COMMANDS\n".to_owned();
    for verb in command.get_subcommands() {
        let about = verb.get_about().map(ToString::to_string).unwrap_or_default();
        text.push_str(&format!(".TP\n\\fBreeve {}\\fR\n{}\n", verb.get_name(), escape(&about)));
        for argument in verb.get_arguments().filter(|argument| !argument.is_global_set() && !argument.is_hide_set()) {
            let Some(long) = argument.get_long() else { continue };
            let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
            text.push_str(&format!(".br\n\\fB\\-\\-{}\\fR: {}\n", escape(long), escape(&help)));
        }
    }
    text
}

fn tables() -> String {
    let mut text = ".SH \"EXIT STATUS\"\n".to_owned();
    for exit in Exit::ALL {
        text.push_str(&format!(".TP\n\\fB{}\\fR\n{}\n", exit.code(), escape(exit.meaning())));
    }
    text.push_str(".SH ENVIRONMENT\n");
    for setting in settings::ALL {
        text.push_str(&format!(".TP\n\\fB{}\\fR\n{}\n", setting.name, escape(setting.about)));
    }
    text.push_str(".TP\n\\fBNO_COLOR\\fR, \\fBCLICOLOR\\fR, \\fBCLICOLOR_FORCE\\fR\nwhether the output is coloured\n");
    text
}

fn escape(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text() -> String {
        String::from_utf8(page().unwrap()).unwrap()
    }

    // semantics case 69
    #[test]
    fn the_page_holds_exactly_the_exit_codes_there_are() {
        let text = text();
        let section = text.split(".SH \"EXIT STATUS\"\n").nth(1).unwrap().split(".SH").next().unwrap();
        let rows = section.split(".TP\n").skip(1).map(|row| row.split_once('\n').unwrap()).collect::<Vec<_>>();
        let published = rows
            .iter()
            .map(|(code, meaning)| {
                let code = code.trim_start_matches("\\fB").trim_end_matches("\\fR").parse::<u8>().unwrap();
                (code, meaning.trim().replace("\\-", "-"))
            })
            .collect::<Vec<_>>();
        let real = Exit::ALL.map(|exit| (exit.code(), exit.meaning().to_owned())).to_vec();
        assert_eq!(published, real);
    }

    #[test]
    fn every_verb_and_setting_is_in_it() {
        let text = text();
        for verb in Cli::command().get_subcommands() {
            assert!(text.contains(&format!("\\fBreeve {}\\fR", verb.get_name())), "{}", verb.get_name());
        }
        for setting in settings::ALL {
            assert!(text.contains(setting.name), "{}", setting.name);
        }
    }
}
