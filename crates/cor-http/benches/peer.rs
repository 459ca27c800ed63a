//! The client as one more peer of a comparison of HTTP clients: N partial updates, C at a time.
//!
//! ```text
//! cargo bench -p cor-http --bench peer -- --url http://127.0.0.1:PORT --n 50000 --c 32 [--ca FILE] [--transport direct] [--lat]
//! ```
//!
//! Prints one line of JSON: updates, wall and CPU seconds from the first to the last update, peak memory in KiB,
//! errors, and with `--lat` the latencies of one call at a time.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::time::{Duration, Instant};

use cor_http::{Client, Date, Field, IncomeType, ProjectUpdate, Source, TransportKind, Value};

const TOKEN: &str = "bench-token-0123456789abcdef";

/// A row as it would come out of a table: raw text and numbers.
struct Row {
    id: String,
    name: String,
    start: Option<&'static str>,
    end: String,
    hours: f64,
    money: f64,
    status: &'static str,
    income_type: Option<&'static str>,
}

fn row(i: u64) -> Row {
    let website =
        if i % 16 == 0 { "Überarbeitung Website – Phase" } else { "Website Redesign Project - Phase" };
    Row {
        id: format!("006Dn{i:010}"),
        name: format!("{website} {i}"),
        start: (i % 4 == 0).then_some("2025-01-15"),
        end: format!("2025-{:02}-{:02}", 4 + i % 9, 1 + i % 28),
        hours: 100.0 + (i % 400) as f64 * 0.5,
        money: 10_000.0 + (i % 10_000) as f64 * 0.25,
        status: ["in_progress", "finished", "suspended"][(i % 3) as usize],
        income_type: (i % 4 == 1).then_some(["fee", "one_time", "contract"][(i / 4 % 3) as usize]),
    }
}

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
    let mut options = Options::default();
    let mut args = std::env::args().skip(1);
    while let Some(name) = args.next() {
        let mut value = || args.next().unwrap();
        match name.as_str() {
            "--url" => options.url = value(),
            "--n" => options.n = value().parse().unwrap(),
            "--c" => options.c = value().parse().unwrap(),
            "--ca" => options.ca = Some(value()),
            "--transport" => options.transport = value().parse().unwrap(),
            "--lat" => options.lat = true,
            // What cargo itself passes.
            "--bench" => {}
            _ => panic!("unknown option {name}"),
        }
    }
    if options.url.is_empty() {
        println!("no --url: nothing to measure");
        return;
    }
    let mut builder = Client::builder().base_url(&options.url).token(TOKEN).concurrency(options.c);
    builder = builder.transport_kind(options.transport);
    if let Some(ca) = &options.ca {
        builder = builder.ca_file(ca);
    }
    let client = builder.build().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (wall, cpu) = (Instant::now(), process().0);
    let (errors, mut latencies) = match options.lat {
        true => runtime.block_on(one_by_one(&client, options.n)),
        false => (runtime.block_on(many(&client, options.n)), Vec::new()),
    };
    let (cpu_total, rss) = process();
    latencies.sort_unstable();
    let quantile = |q: f64| match latencies.len() {
        0 => "null".to_owned(),
        len => format!("{:.1}", latencies[((len as f64 * q) as usize).min(len - 1)].as_secs_f64() * 1e6),
    };
    println!(
        r#"{{"updates":{},"wall_s":{:.6},"cpu_s":{:.6},"cpu_total_s":{cpu_total:.6},"max_rss_kb":{rss},"errors":{errors},"p50_us":{},"p99_us":{}}}"#,
        options.n,
        wall.elapsed().as_secs_f64(),
        cpu_total - cpu,
        quantile(0.5),
        quantile(0.99),
    );
}

#[derive(Default)]
struct Options {
    url: String,
    n: u64,
    c: usize,
    ca: Option<String>,
    transport: TransportKind,
    lat: bool,
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
        let good = item.result.is_ok_and(|project| {
            project.id().is_some_and(|id| id > 0) && project.name() == Some(row(item.index).name.as_str())
        });
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

/// CPU seconds so far, user and system, and the peak memory in KiB, as Linux reports them.
fn process() -> (f64, u64) {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or_default();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find(|line| line.starts_with("VmHWM"));
    let peak = peak.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or_default();
    // Ticks are hundredths of a second on Linux.
    ((ticks(11) + ticks(12)) / 100.0, peak)
}
