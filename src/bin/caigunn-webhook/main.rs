//! The command line: parses, calls the library, prints, and chooses the exit code.
//!
//! Exit codes: 0 done, 1 failed, 64 wrong usage or configuration (EX_USAGE of sysexits.h).

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
mod inbox;
mod listen;
mod moment;
mod output;
mod provider;
mod receipts;
mod serve;
mod subscription;
mod token;
mod trigger;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use configuration::ConfigurationArgs;

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
}

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
    #[command(subcommand)]
    Subscription(subscription::SubscriptionCommand),
    /// Look at what was received, follow it, or deliver it once more
    #[command(subcommand)]
    Receipts(receipts::ReceiptsCommand),
    /// Look at what became of deliveries, send them now, or call them off
    #[command(subcommand)]
    Deliveries(deliveries::DeliveriesCommand),
    /// Look at where notifications are delivered to; pause and resume
    #[command(subcommand)]
    Destinations(destinations::DestinationsCommand),
    /// Forward what the running receiver gets to a URL, while developing
    ///
    /// Each notification that is received from now on is posted once, one after the other, by this command itself.
    /// Nothing is kept or tried again: for that, configure a destination.
    Listen(listen::ListenArgs),
    /// Ask CaiGunn's log about jobs, and store what was missed of them
    Backfill(backfill::BackfillArgs),
    /// Back up the inbox, restore it, verify it, or copy it to PostgreSQL
    #[command(subcommand)]
    Inbox(inbox::InboxCommand),
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
    Completions(completions::CompletionsArgs),
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Report every mistake, or print every setting, where it came from, and warnings; secrets stay hidden
    Check,
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Nothing can be done if the terminal is gone.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { EX_USAGE } else { 0 });
        }
    };
    let command = cli.command.unwrap_or(Command::Serve);
    if let Command::Completions(args) = command {
        let written = completions::run(&args, &mut Cli::command());
        return written.map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS);
    }
    let loaded = match cli.configuration.load() {
        Ok(loaded) => loaded,
        Err(mistakes) => {
            eprint!("caigunn-webhook: the configuration has mistakes:\n{mistakes}");
            return ExitCode::from(EX_USAGE);
        }
    };
    let done = match command {
        Command::Serve => serve::run(loaded),
        Command::Trigger(args) => block_on(trigger::run(&args, &loaded.settings)),
        Command::Subscription(command) => block_on(subscription::run(&command, &loaded.settings)),
        Command::Receipts(command) => block_on(receipts::run(&command, &loaded.settings)),
        Command::Deliveries(command) => block_on(deliveries::run(&command, &loaded.settings)),
        Command::Destinations(command) => block_on(destinations::run(&command, &loaded.settings)),
        Command::Listen(args) => block_on(listen::run(&args, &loaded.settings)),
        Command::Backfill(args) => block_on(backfill::run(&args, &loaded.settings)),
        Command::Inbox(command) => block_on(inbox::run(&command, &loaded.settings)),
        Command::Token(command) => block_on(token::run(&command, &loaded.settings)),
        Command::Doctor(args) => block_on(doctor::run(&args, &loaded)),
        Command::Config(ConfigCommand::Check) => check::run(&loaded),
        Command::Healthcheck => healthcheck::run(&loaded.settings),
        Command::Completions(_) => unreachable!("handled above, since it needs no configuration"),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("caigunn-webhook: {error:#}");
            if error.is::<output::WrongUsage>() {
                ExitCode::from(EX_USAGE)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

/// Runs a command that waits for others.
fn block_on(command: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(command)
}
