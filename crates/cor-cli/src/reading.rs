//! `cor projects get` and `cor projects list`: projects as COR's main API has them.

use anstyle::Style;
use cor_http::{Date, Error, Issue, IssueCode, Project, ProjectFilter};
use cor_sync::{grouped, plain};

use crate::args::{FilterArgs, GetArgs, ListArgs};
use crate::failure::Failure;
use crate::output::{ErrorMessage, Output};
use crate::signals::{Signals, runtime};
use crate::single::{self, no_runtime};
use crate::status;
use crate::table::{self, Cell, Column};

/// Projects whose columns line up; those after them begin a table of their own.
const LINED_UP: usize = 50;

/// `cor projects get`.
pub(crate) fn get(args: &GetArgs, output: &mut Output) -> Result<u8, Failure> {
    output.set_json(args.json);
    let client = args.connection.client()?;
    let project = until_signal(client.projects().get(args.cor_id).into_future())?;
    single::show(output, args.json, &format!("Project {}", args.cor_id), &project);
    Ok(status::DONE)
}

/// `cor projects list`.
pub(crate) fn list(args: &ListArgs, output: &mut Output) -> Result<u8, Failure> {
    output.set_json(args.json);
    let filter = filter(&args.filter)?;
    let is_filtered = !filter.is_empty();
    let client = args.connection.client()?;
    let mut pages = client.projects().list(filter).start();
    let mut projects = 0;
    until_signal(async {
        while let Some(page) = pages.next().await {
            let page = page?.projects;
            let is_first = projects == 0;
            projects += page.len() as u64;
            match output.is_json() {
                true => page.iter().for_each(|project| {
                    output.bytes(format!("{}\n", project.json()).as_bytes());
                }),
                false => page.chunks(LINED_UP).for_each(|page| show(page, is_first, output)),
            }
        }
        Ok(())
    })?;
    match (output.is_json(), projects) {
        (true, _) => {}
        (false, 0) if is_filtered => output.line("no project passes the filters"),
        (false, 0) => output.line("COR lists no project"),
        (false, 1) => output.line("1 project"),
        (false, projects) => output.line(&format!("{} projects", grouped(projects))),
    }
    Ok(status::DONE)
}

/// Waits for the result. A signal ends it at once: reading changes nothing.
fn until_signal<T>(reading: impl Future<Output = Result<T, Error>>) -> Result<T, Failure> {
    let runtime = runtime().map_err(no_runtime)?;
    let result = runtime.block_on(async {
        let mut signals = Signals::install().map_err(no_runtime)?;
        tokio::select! {
            result = reading => result.map_err(Failure::from),
            signal = signals.next() => {
                let text = format!("ended by {}; nothing was changed", signal.name);
                Err(Failure::interrupted(signal.status, "not_applied", ErrorMessage { text, hint: None }))
            }
        }
    });
    // A name that is still being resolved is not waited for.
    runtime.shutdown_background();
    result
}

fn filter(args: &FilterArgs) -> Result<ProjectFilter, Failure> {
    let mut issues = Vec::new();
    let mut day = |name: &str, text: &Option<String>| {
        let text = text.as_ref()?;
        let day = text.parse::<Date>().ok();
        if day.is_none() {
            let message = format!("{text:?} is not a day; write it as 2025-04-30");
            issues.push(Issue::new(name, IssueCode::WrongType, message));
        }
        day
    };
    let filter = ProjectFilter {
        date_start: day("date_start", &args.date_start),
        date_end: day("date_end", &args.date_end),
        client_id: args.client_id,
        team_id: args.team_id,
        user_id: args.user_id,
        brand_id: args.brand_id,
        product_id: args.product_id,
        status: args.status.clone(),
        health: args.health,
        archived: args.archived,
    };
    let flag = |name: &str| format!("--{}", name.replace('_', "-"));
    if issues.is_empty() { Ok(filter) } else { Err(Failure::invalid(issues, flag)) }
}

/// Projects, one a line.
fn show(projects: &[Project], with_head: bool, output: &mut Output) {
    let column = |title, right, most| Column { title, right, most };
    let columns = [
        column("COR's internal id", true, 17),
        column("Name", false, 48),
        column("Status", false, 12),
        column("Start", false, 10),
        column("End", false, 10),
        column("Archived", false, 8),
    ];
    let text = |project: &Project, name: &str| -> String {
        match project.get_json(name).and_then(|json| serde_json::from_str(json).ok()) {
            None | Some(serde_json::Value::Null) => String::new(),
            Some(serde_json::Value::String(text)) => plain(&text),
            Some(other) => plain(&other.to_string()),
        }
    };
    let day = |project: &Project, name: &str| text(project, name).chars().take(10).collect::<String>();
    let rows: Vec<Vec<Cell>> = projects
        .iter()
        .map(|project| {
            let cells = [
                project.id().map(|id| id.to_string()).unwrap_or_default(),
                text(project, "name"),
                text(project, "status"),
                day(project, "start"),
                day(project, "end"),
                text(project, "archived"),
            ];
            cells.map(|text| Cell { text, style: Style::new() }).to_vec()
        })
        .collect();
    let head = if with_head { 0 } else { 2 };
    for line in table::lines(&columns, &rows).into_iter().skip(head) {
        output.line(&line);
    }
}
