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
    page.extend_from_slice(b".SH SYNOPSIS\n\\fBreeve\\fR [\\fIoptions\\fR] \\fIcommand\\fR [\\fIarguments\\fR]\n");
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
        let (options, operands): (Vec<_>, Vec<_>) = verb
            .get_arguments()
            .filter(|argument| !argument.is_global_set() && !argument.is_hide_set())
            .partition(|argument| argument.get_long().is_some());
        let operands = operands.into_iter().map(|operand| format!(" \\fI{}\\fR", escape(&operand.to_string())));
        let operands = operands.collect::<String>();
        text.push_str(&format!(".TP\n\\fBreeve {}\\fR{operands}\n{}\n", verb.get_name(), escape(&about)));
        for option in options {
            let help = option.get_help().map(ToString::to_string).unwrap_or_default();
            text.push_str(&format!(".br\n{}: {}\n", names(option), escape(&help)));
        }
    }
    text
}

/// `-f, --follow` or `--lines <N>`.
fn names(option: &clap::Arg) -> String {
    let short = option.get_short().map(|short| format!("\\fB\\-{short}\\fR, ")).unwrap_or_default();
    let long = option.get_long().unwrap_or_default();
    let value =
        match option.get_action().takes_values() && option.get_num_args().is_none_or(|count| count.takes_values()) {
            true => option.get_value_names().unwrap_or_default().first().map(|value| format!(" \\fI{value}\\fR")),
            false => None,
        };
    format!("{short}\\fB\\-\\-{}\\fR{}", escape(long), value.unwrap_or_default())
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
    let part = "directory that holds the part NAME, ahead of every other place";
    text.push_str(&format!(".TP\n\\fB{}\\fR\n{part}\n", settings::part("NAME")));
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
