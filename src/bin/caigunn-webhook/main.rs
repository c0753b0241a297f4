//! The command line: parses, calls the library, prints, and chooses the exit code.
//!
//! Exit codes: 0 done, 1 failed, 64 wrong usage or configuration (EX_USAGE of sysexits.h).

#![warn(clippy::print_stdout, clippy::print_stderr)]

mod admin;
mod backfill;
mod check;
mod completions;
mod configuration;
mod deliveries;
mod destinations;
mod doctor;
mod follow;
mod healthcheck;
mod id;
mod inbox;
mod input;
mod jobs;
mod listen;
mod moment;
mod notices;
mod output;
mod provider;
mod quarantine;
mod receipts;
mod serve;
mod subscription;
mod table;
mod threads;
mod token;
mod trigger;
mod web;
mod which;

use std::io;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;
use url::Url;

use configuration::ConfigurationArgs;
use output::{Printing, WrongUsage, as_error, say, say_error, say_in_passing};

/// Memory is allocated on one thread and freed on another for every notification; this allocator minds that less. Its
/// huge pages are off (`no_thp`): they made 20 MiB of an idle receiver's 9.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Wrong usage or configuration.
const EX_USAGE: u8 = 64;

/// Receives the webhooks of the CaiGunn chatbot platform: validates each notification, recognises repeats, and has
/// it on disk before it answers 200.
#[derive(Parser)]
#[command(name = "caigunn-webhook", version, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    configuration: ConfigurationArgs,
    /// The receiver that commands ask, by its admin address: a host, with a port unless it is 9090, or
    /// a URL. Over plain http the admin token goes in the clear [default: the configured address]
    #[arg(long, global = true, value_name = "URL", help_heading = CONFIGURATION)]
    admin: Option<String>,
}

/// What flags are about that all commands share.
const CONFIGURATION: &str = "Configuration";

/// No line is longer than 80 columns, for clap breaks longer ones out of their column.
const AFTER_HELP: &str = "\
Settings come from defaults, then --config FILE, then the environment, then
flags. The ones most used:
  CAIGUNN_API_KEY        API key(s) of the chatbot(s), comma separated; without
                         any, all chatbots of the account are looked after
  CAIGUNN_ACCESS_TOKEN   the user's access token
  CAIGUNN_PUBLIC_URL     this receiver's public base URL, for instance
                         https://hooks.example.com
  CAIGUNN_WEBHOOK_TOKEN  secret(s) in the registered URL, comma separated: the
                         first is registered, all are accepted
  CAIGUNN_LISTEN         public address, 127.0.0.1:8080 by default
  CAIGUNN_ADMIN_LISTEN   admin address, 127.0.0.1:9090 by default
  CAIGUNN_INBOX_URL      where notifications are kept, sqlite:data/inbox.db by
                         default
A secret is also read from the file that the variable with _FILE behind its name
gives. `config check` shows every setting, its value and where it came from;
`doctor` says what is missing or wrong.";

#[derive(Subcommand)]
enum Command {
    /// Run the receiver (the default)
    Serve,
    /// Post a sample notification, or a whole job, to a receiver
    Trigger(trigger::TriggerArgs),
    /// Show, make or take away what is registered with CaiGunn
    Subscription(Printing<subscription::SubscriptionCommand>),
    /// Look at what was received, follow it, or deliver it once more
    Receipts(Printing<receipts::ReceiptsCommand>),
    /// Look at jobs: which run, which failed, and why
    Jobs(Printing<jobs::JobsCommand>),
    /// Look at what was refused and kept, and accept it after all
    Quarantine(Printing<quarantine::QuarantineCommand>),
    /// Look at what became of deliveries, send them now, or call them off
    Deliveries(Printing<deliveries::DeliveriesCommand>),
    /// Look at where notifications are delivered to; pause and resume
    Destinations(Printing<destinations::DestinationsCommand>),
    /// See whether those who are told how it goes would hear it
    Notices(Printing<notices::NoticesCommand>),
    /// Forward what the running receiver gets to a URL, while developing
    ///
    /// Each notification that is received from now on is posted once, one after the other, by this command itself.
    /// Nothing is kept or tried again: for that, configure a destination.
    Listen(listen::ListenArgs),
    /// Ask CaiGunn's log about jobs, and store what was missed of them
    Backfill(backfill::BackfillArgs),
    /// Back up the inbox, restore it, verify it, or copy it to PostgreSQL
    Inbox(Printing<inbox::InboxCommand>),
    /// Renew the access token
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Look at everything the receiver depends on, and say what to do about what is wrong
    Doctor(output::FormatArgs),
    /// Look at the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Ask the running receiver whether it is ready; for a container's health check
    Healthcheck,
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Report every mistake, or print every setting, where it came from, and warnings; secrets stay hidden
    Check,
}

fn main() -> ExitCode {
    match parsed() {
        Ok(cli) => {
            let is_receiver = matches!(cli.command, None | Some(Command::Serve));
            let say_last = if is_receiver { say_in_passing } else { say };
            exit_code(run(cli), say_last)
        }
        Err(mut error) => {
            // Whoever looks for the form of a result is not to be sent to that of the log.
            if error.get(ContextKind::InvalidArg) == Some(&ContextValue::String("--format".to_owned())) {
                const TIP: &str =
                    "it stands behind a command that prints results, as in 'jobs list --format json'";
                error.remove(ContextKind::SuggestedArg);
                error.remove(ContextKind::Usage);
                error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![TIP.into()]));
            }
            // Of what `trigger` posts, where nobody says what.
            let event = "<EVENT>".to_owned();
            if error.get(ContextKind::InvalidArg) == Some(&ContextValue::Strings(vec![event])) {
                let both = vec!["<EVENT>, or --file <FILE>".to_owned()];
                error.insert(ContextKind::InvalidArg, ContextValue::Strings(both));
            }
            match error.print() {
                _ if error.use_stderr() => ExitCode::from(EX_USAGE),
                Err(lost) if lost.kind() != io::ErrorKind::BrokenPipe => {
                    say_error(format_args!(
                        "caigunn-webhook: writing to standard output: {lost}"
                    ));
                    ExitCode::FAILURE
                }
                _ => ExitCode::SUCCESS,
            }
        }
    }
}

/// The command line. Flags that all commands share are in the help of the program and not in that of each command, which
/// they would push off the screen.
fn parsed() -> Result<Cli, clap::Error> {
    // Before it is built: once built, a command that had a long help is long for good.
    let mut command = Cli::command().mut_subcommands(with_the_rest_last);
    // So that they have been handed down.
    command.build();
    let matches = command.mut_subcommands(without_shared_flags).try_get_matches()?;
    Cli::from_arg_matches(&matches)
}

/// What there is to say of a command beside its first line comes last, for clap would put an empty line behind every flag of
/// one that has more.
fn with_the_rest_last(command: clap::Command) -> clap::Command {
    let about = command.get_long_about().map(ToString::to_string);
    let rest = about.as_deref().and_then(|about| about.split_once("\n\n"));
    let command = command.long_about(None).mut_subcommands(with_the_rest_last);
    match rest {
        Some((_, rest)) => command.after_help(rest.to_owned()),
        None => command,
    }
}

fn without_shared_flags(command: clap::Command) -> clap::Command {
    const SHARED: &str = "Flags of the configuration, such as --config: caigunn-webhook --help";
    let is_shared = |argument: &clap::Arg| argument.get_help_heading() == Some(CONFIGURATION);
    let rest = command.get_after_help();
    let after = rest.map_or(SHARED.to_owned(), |rest| format!("{rest}\n\n{SHARED}"));
    command
        .mut_args(|argument| {
            let is_hidden = is_shared(&argument) || argument.is_hide_set();
            argument.hide(is_hidden)
        })
        .mut_subcommands(without_shared_flags)
        .after_help(after)
}

fn run(cli: Cli) -> anyhow::Result<()> {
    let command = cli.command.unwrap_or(Command::Serve);
    if let Command::Completions { shell } = command {
        return completions::run(shell, &mut Cli::command());
    }
    let admin_url = cli.admin.map(|text| named(&text, &command)).transpose();
    let admin_url = admin_url.map_err(|mistake| WrongUsage(format!("--admin: {mistake}")))?;
    let (mut loaded, sources) = cli.configuration.load().map_err(|mistakes| {
        let text = format!("the configuration has mistakes:\n{mistakes}");
        WrongUsage(text.trim_end().to_owned())
    })?;
    loaded.settings.admin_url = admin_url;
    if !matches!(command, Command::Serve | Command::Config(_)) {
        configuration::look_beside(&mut loaded);
    }
    if matches!(command, Command::Serve | Command::Config(_) | Command::Doctor(_)) {
        configuration::look_at_trust(&mut loaded);
    }
    match command {
        Command::Serve => serve::run(loaded, sources),
        Command::Trigger(args) => on_one_thread(trigger::run(&args, &loaded.settings)),
        Command::Subscription(args) => block_on(subscription::run(&args, &loaded.settings)),
        Command::Receipts(args) => block_on(receipts::run(&args, &loaded.settings)),
        Command::Jobs(args) => block_on(jobs::run(&args, &loaded.settings)),
        Command::Quarantine(args) => block_on(quarantine::run(&args, &loaded.settings)),
        Command::Deliveries(args) => block_on(deliveries::run(&args, &loaded.settings)),
        Command::Destinations(args) => block_on(destinations::run(&args, &loaded.settings)),
        Command::Notices(args) => block_on(notices::run(&args, &loaded.settings)),
        Command::Listen(args) => block_on(listen::run(&args, &loaded.settings)),
        Command::Backfill(args) => block_on(backfill::run(&args, &loaded.settings)),
        Command::Inbox(args) => block_on(inbox::run(&args, &loaded.settings)),
        Command::Token(command) => block_on(token::run(&command, &loaded.settings)),
        Command::Doctor(args) => block_on(doctor::run(&args, &loaded)),
        Command::Config(ConfigCommand::Check) => check::run(&loaded),
        Command::Healthcheck => on_one_thread(healthcheck::run(&loaded.settings)),
        Command::Completions { .. } => unreachable!("handled above, since it needs no configuration"),
    }
}

/// The receiver that a command is to ask. A mistake does not show the text, which may hold a password.
fn named(text: &str, command: &Command) -> Result<Url, String> {
    use Command::{Config, Doctor, Healthcheck, Inbox, Notices, Serve, Token, Trigger};
    match command {
        Serve | Inbox(_) | Token(_) | Doctor(_) | Notices(_) | Config(_) | Healthcheck => Err(
            "this command asks no receiver elsewhere, but goes by the settings here: CAIGUNN_LISTEN and \
             CAIGUNN_ADMIN_LISTEN say where this machine's receiver listens"
                .into(),
        ),
        Trigger(_) => {
            Err("this command posts to a receiver's public side: say where that is with --to".into())
        }
        _ => admin::admin_url(text),
    }
}

/// Says what went wrong, if something did.
fn exit_code(done: anyhow::Result<()>, say_last: fn(String)) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<output::ReaderGone>() => ExitCode::SUCCESS,
        Err(error) => {
            say_last(as_error(format_args!("caigunn-webhook: {error:#}")));
            let is_usage = error.is::<WrongUsage>();
            ExitCode::from(if is_usage { EX_USAGE } else { 1 })
        }
    }
}

/// Runs a command that waits for others, on threads for what may block: files, and looking up a name.
fn block_on(command: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    threads::attain(threads::OF_COMMAND)?;
    on_one_thread(command)
}

/// As [`block_on`], of what asks this machine alone: where threads are short, a receiver that runs is well all the same.
fn on_one_thread(command: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let done = runtime.block_on(command);
    // Looking up a name cannot be called off, and may take longer than anybody waits for it. All else that is done on threads
    // of its own was waited for, or leaves nothing behind, as the end of a client of Kafka's.
    runtime.shutdown_background();
    done
}
