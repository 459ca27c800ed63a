//! What every row of a long run goes through, as often as the second argument says, for tests/instructions to count the instructions.
//!
//! `hot_paths PATH N`; the paths are those of `main`. Without arguments each path runs a few times, as a test.
#![allow(clippy::unwrap_used)] // a program for measuring

use std::hint::black_box;

use cor_http::testing::MemoryTransport;
use cor_http::{Answer, Client, Date, IncomeType, ProjectUpdate, Source};
use cor_sync::{Content, Input, Rules, Table};

const RESPONSE: &str = r#"{"id":155693,"name":"Website Redesign Project - Phase 2","client_id":25855,
"brief":"Complete website overhaul including new branding","start":"2025-01-15 00:00:00","end":"2025-04-30 00:00:00",
"pm_id":8546,"estimated_time":250,"billable":true,"status":"in_progress","estimated":18000,"company_id":1234,
"created_at":"2025-01-10T14:30:00Z","updated_at":"2025-01-15T10:00:00Z"}"#;

type Path = (&'static str, fn(u64));

const PATHS: [Path; 4] = [
    ("update_built", update_built),
    ("response_read", response_read),
    ("csv_row_mapped", csv_row_mapped),
    ("bulk_row", bulk_row),
];

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.as_slice() {
        [path, n] if PATHS.iter().any(|(name, _)| name == path) => {
            let n = n.parse().unwrap();
            PATHS.iter().filter(|(name, _)| name == path).for_each(|(_, run)| run(n));
        }
        // The options of a test program, such as --nocapture.
        _ => PATHS.iter().for_each(|(_, run)| run(3)),
    }
}

fn update(i: u64) -> ProjectUpdate {
    ProjectUpdate::new(Source::SALESFORCE)
        .name(format!("Website Redesign Project - Phase {i}"))
        .start("2025-01-15".parse::<Date>().unwrap())
        .end("2025-04-30".parse::<Date>().unwrap())
        .estimated_time(250.5)
        .status("in_progress")
        .estimated(18000.25)
        .income_type(IncomeType::known("fee").unwrap())
}

/// An update is built and its body written.
fn update_built(n: u64) {
    for i in 0..n {
        black_box(update(i).to_json());
    }
}

/// A response is read and its fields taken.
fn response_read(n: u64) {
    for _ in 0..n {
        let Answer::Project(project) = Answer::read(200, black_box(RESPONSE.as_bytes())) else {
            panic!("it is a project")
        };
        black_box((project.id(), project.name(), project.start(), project.estimated()));
    }
}

/// A row of CSV is read, mapped and checked.
fn csv_row_mapped(n: u64) {
    let mut text = "id,name,start,end,estimated_time,status,estimated,income_type\n".to_owned();
    for i in 0..n {
        text += &format!(
            "006Dn{i:010},Website Redesign - Phase {i},2025-01-15,2025-04-30,250.5,in_progress,18000.25,fee\n"
        );
    }
    let mut rows = Table::new().open_input(Input::embedded(text.leak()), Rules::new("SALESFORCE")).unwrap();
    while let Some(row) = rows.next().unwrap() {
        assert!(matches!(black_box(row).content, Content::Update(..)));
    }
}

/// A row goes through the bulk engine: admission, one attempt over a transport in memory, the response read.
fn bulk_row(n: u64) {
    let transport = MemoryTransport::json(200, RESPONSE);
    let client = Client::builder().token("a-token").concurrency(8).transport(transport).build().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let rows = (0..n).map(|i| (format!("006Dn{i:010}"), update(i)));
        let mut results = client.projects().update_many(rows).start();
        while let Some(item) = results.next().await {
            assert!(item.result.is_ok());
        }
    });
}
