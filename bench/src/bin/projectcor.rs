//! This client at the job, with the transport `--mode reqwest` or `--mode direct`.

use std::time::{Duration, Instant};

use cor_bench::{Clock, Options, Row, TOKEN, row};
use cor_http::{Client, Date, Field, IncomeType, ProjectUpdate, Source, Value};

fn update(row: &Row) -> ProjectUpdate {
    let mut update = ProjectUpdate::new(Source::SALESFORCE)
        .name(row.name.as_str())
        .end(row.end.parse::<Date>().unwrap())
        .estimated_time(row.hours)
        .status(row.status)
        .estimated(row.money);
    if let Some(start) = row.start {
        update.set(Field::Start, Value::Cell(start)).unwrap();
    }
    match row.income_type {
        Some(kind) => update.income_type(IncomeType::known(kind).unwrap()),
        None => update,
    }
}

fn main() {
    let options = Options::from_args();
    let mut builder = Client::builder().base_url(&options.url).token(TOKEN).concurrency(options.c);
    builder = builder.transport_kind(options.mode.parse().unwrap());
    if let Some(ca) = &options.ca {
        builder = builder.ca_file(ca);
    }
    let client = builder.build().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let clock = Clock::start();
    let (errors, latencies) = match options.latencies {
        true => runtime.block_on(one_by_one(&client, options.n)),
        false => (runtime.block_on(many(&client, options.n)), Vec::new()),
    };
    clock.report(options.n, errors, latencies);
}

async fn many(client: &Client, n: u64) -> u64 {
    let rows = (0..n).map(|i| {
        let row = row(i);
        let update = update(&row);
        (row.id, update)
    });
    let mut results = client.projects().update_many(rows).start();
    let mut errors = 0;
    while let Some(item) = results.next().await {
        let good = item.result.is_ok_and(|project| project.is_some_and(|project| {
            project.id().is_some_and(|id| id > 0) && project.name() == Some(row(item.index).name.as_str())
        }));
        errors += u64::from(!good);
    }
    errors
}

async fn one_by_one(client: &Client, n: u64) -> (u64, Vec<Duration>) {
    let (mut errors, mut latencies) = (0, Vec::new());
    for i in 0..n {
        let begun = Instant::now();
        let row = row(i);
        let good = match client.projects().update(&row.id, &update(&row)).await {
            Ok(project) => project.name() == Some(row.name.as_str()),
            Err(_) => false,
        };
        errors += u64::from(!good);
        latencies.push(begun.elapsed());
    }
    (errors, latencies)
}
