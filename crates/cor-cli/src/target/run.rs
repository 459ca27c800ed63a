//! One run of `target-cor`: settings in, a sync of one stream, exit status out.

use std::time::Duration;

use cor_http::{Client, ClientBuilder, OptionNames, seconds};
use cor_sync::{Ending, Origin, SyncAction, SyncRunner, SyncSummary, TableOptions, grouped};

use super::args::TargetArgs;
use super::config::Config;
use super::settings::Settings;
use super::value::OnReject;
use crate::failure::Failure;
use crate::output::Output;
use crate::status;
use crate::sync::{self, Ended};

const NAMES: OptionNames = OptionNames::Settings;

/// Sends the records of the stream. Returns the exit status.
pub(super) fn run(config: &Config, args: &TargetArgs, output: &mut Output) -> Result<u8, Failure> {
    let settings = &config.settings;
    let client = client(settings)?;
    let runner = runner(config, args, client.source()?)?;
    runner.check_outputs().map_err(|error| sync::output_failed(error, NAMES))?;
    let Ended { summary, status } =
        sync::drive(runner, SyncAction::Sync(client.build()?), NAMES, None, output)?;
    if settings.on_reject != Some(OnReject::Ignore) || !only_refused(&summary) {
        return Ok(status);
    }
    let refused = summary.counts.not_applied();
    let were = if refused == 1 { "record was" } else { "records were" };
    output.note(&format!(
        "{} {were} refused; the exit status is 0, because on_reject is ignore",
        grouped(refused)
    ));
    Ok(status::DONE)
}

/// Whether every record that was not applied was refused for its own content, and all others were applied.
fn only_refused(summary: &SyncSummary) -> bool {
    summary.ending == Ending::NotAllApplied
        && summary.stopped.is_none()
        && !summary.holds_bookmarks
        && summary.to_correct == summary.counts.not_applied()
}

fn runner(config: &Config, args: &TargetArgs, default_source: Option<String>) -> Result<SyncRunner, Failure> {
    let settings = &config.settings;
    let options = TableOptions {
        source: settings.source.clone(),
        default_source,
        id_column: settings.id_column.clone(),
        key_as_id: true,
        mapping: settings.mapping.clone(),
        map: settings.map.as_ref().map(|map| map.renames()).unwrap_or_default(),
        clear_nulls: settings.clear_nulls.as_ref().map(|properties| properties.0.clone()).unwrap_or_default(),
        allow_mangled_ids: settings.allow_mangled_ids.unwrap_or(false),
        day_in: settings.day_in.clone(),
        format: Some("singer".to_owned()),
        stream: settings.stream.clone(),
        ..TableOptions::default()
    };
    let (table, rules) = options.read().map_err(|unusable| Failure::config(&unusable, NAMES))?;
    let origin = args.input.clone().map_or(Origin::Stdin, Origin::File);
    let mut runner = SyncRunner::table(origin, table, rules)
        .create_missing(settings.create_missing.unwrap_or(false))
        .max_failures(settings.max_failures)
        .outage_timeout(time("outage_timeout", settings.outage_timeout)?)
        .wait(time("wait", settings.wait)?)
        .rejects(settings.rejects.clone())
        .state(settings.state_path.clone());
    if settings.no_state == Some(true) {
        runner = runner.without_state();
    }
    for path in &config.files {
        runner = runner.protect("the configuration", path);
    }
    let files = [
        ("the CA file", &settings.ca_file),
        ("the client certificate", &settings.client_cert),
        ("the client key", &settings.client_key),
    ];
    for (what, path) in files {
        if let Some(path) = path {
            runner = runner.protect(what, path);
        }
    }
    Ok(runner)
}

/// The client that the settings, the environment and the profile describe.
fn client(settings: &Settings) -> Result<ClientBuilder, Failure> {
    let mut builder = Client::builder().from_env().option_names(NAMES);
    macro_rules! pass_on {
        ($($name:ident as $method:ident($value:ident => $given:expr)),* $(,)?) => {$(
            if let Some($value) = &settings.$name {
                builder = builder.$method($given);
            }
        )*};
    }
    macro_rules! times {
        ($($name:ident),*) => {$(
            if let Some(time) = time(stringify!($name), settings.$name)? {
                builder = builder.$name(time);
            }
        )*};
    }
    pass_on!(
        access_token as token(secret => secret.0.clone()),
        api_key as api_key(secret => secret.0.clone()),
        client_secret as client_secret(secret => secret.0.clone()),
        profile as profile(name => name.clone()),
        base_url as base_url(url => url.clone()),
        token_url as token_url(url => url.clone()),
        main_url as main_url(url => url.clone()),
        ca_file as ca_file(path => path.clone()),
        client_cert as client_cert(path => path.clone()),
        client_key as client_key(path => path.clone()),
        proxy as proxy(url => url.0.clone()),
        transport as transport_kind(kind => *kind),
        user_agent as user_agent(text => text.clone()),
        max_attempts as max_attempts(count => *count),
        retry_budget as retry_budget(count => *count),
        concurrency as concurrency(count => *count),
        rate as rate(rate => *rate),
    );
    times!(connect_timeout, attempt_timeout, deadline, backoff_base, backoff_cap);
    Ok(builder)
}

/// A time in seconds.
fn time(name: &str, given: Option<f64>) -> Result<Option<Duration>, Failure> {
    let time = given.map(|given| seconds(name, given)).transpose();
    Ok(time.map_err(|error| error.with_option_names(NAMES))?)
}
