//! Proposals for tables in memory.

use cor_http::{FieldInput, Value};
use proptest::prelude::*;

use super::{MappingProposal, ProposalOptions, TableSample};
use crate::Rules;
use crate::mapping::{Columns, ValueStyle};

fn text(text: &str) -> FieldInput {
    match text {
        "" => FieldInput::Keep,
        text => FieldInput::Value(Value::Text(text.to_owned().into())),
    }
}

fn sample(header: &[&str], rows: &[&[&str]]) -> TableSample {
    let names = header.iter().map(|name| (*name).to_owned()).collect();
    let mut sample = TableSample::new(names, ValueStyle::CELLS);
    for row in rows {
        sample.next_row();
        header.iter().zip(*row).for_each(|(name, cell)| sample.add(name, text(cell)));
    }
    sample
}

fn known() -> ProposalOptions {
    ProposalOptions { source: Some("SAP".to_owned()), id_column: None }
}

fn propose(header: &[&str], rows: &[&[&str]]) -> MappingProposal {
    MappingProposal::of_sample("t.csv", &sample(header, rows), &known()).unwrap()
}

/// The mapping file, which has to be one.
fn toml(header: &[&str], rows: &[&[&str]]) -> String {
    let text = propose(header, rows).to_toml();
    Rules::from_toml(&text, "m").unwrap_or_else(|error| panic!("{error}\n{text}"));
    text
}

/// A column beside an id, as a mapping file.
fn of_column(name: &str, cells: &[&str]) -> String {
    let ids: Vec<String> = (0..cells.len()).map(|n| format!("P-{n}")).collect();
    let rows: Vec<[&str; 2]> = ids.iter().zip(cells).map(|(id, cell)| [id.as_str(), *cell]).collect();
    let rows: Vec<&[&str]> = rows.iter().map(|row| row.as_slice()).collect();
    toml(&["id", name], &rows)
}

#[track_caller]
fn assert_says(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.contains(line), "it does not say {line:?}:\n{text}");
    }
}

#[test]
fn leaves_out_field_that_could_be_misread_unnoticed() {
    let numbers = of_column("estimated", &["1.234", "18.000", "950"]);
    assert_says(
        &numbers,
        &[
            "\n# [fields.estimated]\n",
            "\n# column = \"estimated\"\n",
            "can be read in 2 ways; until you remove the # of its lines, the field is not set\n",
        ],
    );
    let owner = of_column("Owner ID", &["005A", "005B"]);
    assert_says(
        &owner,
        &[
            "\n# [fields.pm_id]\n",
            "# decide: set it only if the cells are the external ids that COR has for pm",
        ],
    );
    assert_says(&of_column("pm_id", &["005A", "005B"]), &["\n[fields.pm_id]\n"]);
}

#[test]
fn does_not_propose_emails_or_phones_as_ids() {
    for cells in [
        ["kim1@x.com", "lee2@x.com", "zoe3@x.com"],
        ["+34-600-1", "+34-600-2", "+34-600-3"],
        ["https://x/1", "https://x/2", "https://x/3"],
    ] {
        let rows: Vec<&[&str]> = cells.iter().map(std::slice::from_ref).collect();
        assert_eq!(propose(&["Contact"], &rows).id_column(), None, "{cells:?}");
    }
    let rows: Vec<&[&str]> = [["D-1"], ["D-2"], ["D-3"]].iter().map(|row| row.as_slice()).collect::<Vec<_>>();
    assert_eq!(propose(&["Contact"], &rows).id_column(), Some(("Contact", true)));
}

#[test]
fn marks_common_name_as_guess_and_field_name_not() {
    let proposal = propose(
        &["ID", "Name", "Fecha de cierre", "Owner"],
        &[&["A-1", "Pier", "2025-04-15", "Kim"], &["A-2", "Quay", "2025-04-16", ""]],
    );
    assert_eq!(
        (proposal.columns(), proposal.mapped(), proposal.guesses(), proposal.decisions()),
        (4, 2, 1, 0)
    );
    assert_eq!(proposal.id_column(), Some(("ID", false)));
    assert_eq!(
        proposal.to_toml().lines().skip(4).collect::<Vec<_>>().join("\n"),
        r#"source = "SAP"

# named after the field; 2 of 2 cells are ids, such as "A-1"; 2 of them are different
id = "ID"

# Columns that set no field.
ignore = [
  "Owner",  # such as "Kim"
]

[fields.name]
# named after the field; 2 of 2 cells are texts, such as "Pier"
column = "Name"

[fields.end]
# guess: by the name of the column; 2 of 2 cells are days, such as "2025-04-15"
column = "Fecha de cierre""#
    );
}

#[test]
fn unfit_cells_overrule_column_name() {
    let text = of_column("Close date", &["45778", "soon"]);
    assert!(!text.contains("[fields.end]"), "{text}");
    assert_says(
        &text,
        &[
            r#""Close date",  # named like end, but 0 of 2 cells are days; the others are not, such as "45778""#,
        ],
    );
    let many: Vec<String> = (0..200).map(|n| format!("Springfield {n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_says(&of_column("State", &many), &["named like status, but 200 different texts are too many"]);
    let text = toml(&["Deal", "Name"], &[&["North", "a"], &["North", "b"], &["North", "c"]]);
    assert_says(&text, &["\"Deal\",  # named like id, but only 1 of 3 cells are different", "# id = "]);
}

#[test]
fn few_unfit_cells_do_not_overrule_column_name() {
    let text = of_column("Hours", &["5", "7.5", "tbd"]);
    assert_says(
        &text,
        &[
            "2 of 3 cells are numbers, such as \"5\"; the others are not, such as \"tbd\"",
            "column = \"Hours\"",
        ],
    );
}

#[test]
fn better_name_wins_and_competitors_are_named() {
    let text = toml(
        &["id", "Expected close date", "Created", "Start date", "Close date"],
        &[&["1", "2025-01-01", "2025-01-02", "", "2025-01-04"]],
    );
    assert_says(
        &text,
        &[
            "column = \"Close date\"",
            "# other columns for it: \"Expected close date\"",
            // A better name does not help a column without cells.
            "column = \"Created\"",
            "# other columns for it: \"Start date\"",
            "\"Expected close date\",  # days, such as \"2025-01-01\"",
        ],
    );
}

#[test]
fn sets_certain_format_and_leaves_others_to_decide() {
    for (column, cells, says) in [
        ("start", &["15/04/2025", "03/04/2025"][..], &["date = \"%d/%m/%Y\"\n"][..]),
        (
            "start",
            &["03/03/2025", "03/04/2025"],
            &[
                "# decide: days like \"03/04/2025\" (2 cells) can be read in 2 formats\n",
                "\n# date = \"%d/%m/%Y\"  # \"03/04/2025\" is 2025-04-03\n",
                "\n# date = \"%m/%d/%Y\"  # \"03/04/2025\" is 2025-03-04\n",
            ],
        ),
        ("start", &["15/04/2025", "04/15/2025"], &["# decide: the days are written in several ways"]),
        (
            "start",
            &["15/04/2025", "2025-04-15"],
            &["# decide: days like \"15/04/2025\" (1 of 2 cells) stand beside"],
        ),
        ("start", &["2025-04-30T23:30:00"], &["day_in = \"as_written\"\n", "(1 cell) is not sent"]),
        (
            "start",
            &["2025-04-30T23:30:00Z"],
            &["zone's day counts?\n", "\n# day_in = \"UTC\"", "\n# day_in = \"as_written\""],
        ),
        ("start", &[" 2025-04-30"], &["\ntrim = true\n"]),
        ("estimated", &["1.234,50", "7"], &["\ndecimal = \",\"\nthousands = \".\"\n"]),
        ("estimated", &["1 234", "7"], &["\nthousands = \" \"\n"]),
        (
            "estimated",
            &["1,234"],
            &[
                "\n# decimal = \",\"  # \"1,234\" is 1.234\n",
                "\n# decimal = \".\"  # \"1,234\" is 1234\n# thousands = \",\"  # with the line above\n",
            ],
        ),
        (
            "estimated",
            &["1.234", "12.500"],
            &["# decimal = \".\"  # \"1.234\" is 1.234\n", "# decimal = \",\"  # \"1.234\" is 1234\n"],
        ),
        ("estimated", &["1.50,0", "1,234.5"], &["\"1,234.5\""]),
        (
            "billable",
            &["Sí", "no"],
            &[
                "unlisted = \"as_is\"\n# guess: what these texts stand for\n[fields.billable.values]\n\"Sí\" = true\n\"no\" = false\n",
            ],
        ),
    ] {
        assert_says(&of_column(column, cells), says);
    }
    for cells in [&["1.234", "12.5"][..], &["18000.10"], &["250"]] {
        let text = of_column("estimated", cells);
        assert!(!text.contains("decimal"), "{text}");
    }
}

#[test]
fn uncommented_decision_is_setting() {
    let text = of_column("start", &["03/04/2025"]);
    let decided = text.replace("# date = \"%m", "date = \"%m");
    assert_ne!(decided, text);
    Rules::from_toml(&decided, "m").unwrap();
    let text = of_column("status", &["Won", "Won", "active"]);
    assert_says(&text, &["\n# [fields.status.values]\n# \"Won\" =   # 2 cells\n"]);
    assert!(!text.contains("# \"active\""), "{text}");
    let used = text
        .replace("# unlisted", "unlisted")
        .replace("# [fields", "[fields")
        .replace("# \"Won\" =   #", "\"Won\" = \"finished\"  #");
    Rules::from_toml(&used, "m").unwrap();
    // As long as nothing is filled in, it is a mistake that is found.
    let empty = text.replace("# \"Won\" =", "\"Won\" =");
    assert!(Rules::from_toml(&empty, "m").is_err());
}

#[test]
fn lists_only_unknown_income_types() {
    let text = of_column("Billing type", &["Retainer", "hourly_rate", "Retainer"]);
    assert_says(&text, &["[fields.income_type]", "# \"Retainer\" =   # 2 cells\n"]);
    assert!(!text.contains("# \"hourly_rate\""), "{text}");
    assert!(!of_column("Billing type", &["fee"]).contains("income_type.values"));
}

#[test]
fn cells_alone_may_show_id_and_status() {
    let rows: [&[&str]; 3] =
        [&["North", "AB-1", "active"], &["North", "AB-2", "finished"], &["South", "AB-3", "active"]];
    let proposal = propose(&["Region", "Reference", "Where it is"], &rows);
    assert_eq!(proposal.id_column(), Some(("Reference", true)));
    assert_says(
        &proposal.to_toml(),
        &[
            "# guess: by the cells alone; 3 of 3 cells are ids, such as \"AB-1\"; 3 of them are different\nid = \"Reference\"",
            "[fields.status]\n# guess: by the cells alone; 3 of 3 cells are texts, such as \"active\"\ncolumn = \"Where it is\"",
        ],
    );
}

#[test]
fn counts_null_texts_and_keeps_fields() {
    let text =
        toml(&["id", "name", "end"], &[&["1", "N/A", "-"], &["2", "a", "-"], &["3", "n/a", "2025-01-01"]]);
    assert_says(
        &text,
        &[
            "# guess: these texts stand for an empty cell",
            "  \"-\",  # 2 cells of \"end\"\n",
            "  \"N/A\",  # 1 cell of \"name\"\n",
            "  \"n/a\",  # 1 cell of \"name\"\n",
            "1 of 1 cells are days",
        ],
    );
}

#[test]
fn user_settings_are_not_guesses() {
    let sample = sample(&["Nummer", "name"], &[&["7", "a"], &["8", "b"]]);
    let options = ProposalOptions { source: None, id_column: Some("nummer".to_owned()) };
    let proposal = MappingProposal::of_sample("t.csv", &sample, &options).unwrap();
    assert_eq!((proposal.id_column(), proposal.decisions()), (Some(("Nummer", false)), 1));
    assert_says(&proposal.to_toml(), &["\n# source = \"SALESFORCE\"\n"]);
    let options = ProposalOptions { id_column: Some("Numer".to_owned()), ..options };
    let error = MappingProposal::of_sample("t.csv", &sample, &options).unwrap_err();
    assert!(error.to_string().contains("no column is called \"Numer\"; did you mean \"Nummer\"?"), "{error}");
}

#[test]
fn names_mangled_ids() {
    let text = toml(&["id", "name"], &[&[" A-1", "a"], &["A-2 ", "b"]]);
    assert_says(&text, &["\n# ids have blanks around them", "\ntrim = true\n"]);
    let text = toml(&["id", "name"], &[&["1001.0", "a"], &["9.91214E+15", "b"]]);
    assert_says(&text, &["a spreadsheet or a data frame has rewritten 2 of them: export the column as text"]);
}

#[test]
fn fields_that_only_create_takes_have_their_column() {
    let text = toml(&["id", "name", "Brand ID", "product_id"], &[&["1", "a", "B", "P"]]);
    assert_says(&text, &["[fields]\n", "\nbrand_id = \"Brand ID\"\n", "\nproduct_id = \"product_id\"\n"]);
}

#[test]
fn does_not_map_unnamed_or_repeated_columns() {
    let header = ["id", "Name", "name ", "", "end", ""];
    let text = toml(&header, &[&["1", "a", "b", "c", "2025-01-01", "d"]]);
    assert!(!text.contains("[fields.name]"), "{text}");
    assert_says(
        &text,
        &["\"Name\",  # several columns have this name", "# Not used: the column \"\"; it has no name"],
    );
    let rules = Rules::from_toml(&text, "m").unwrap();
    let names = header.map(str::to_owned);
    assert_eq!(Columns::new(&rules, &names).unwrap().unused.len(), 2, "those without a name");
}

#[test]
fn header_may_hold_any_text() {
    let long = "x".repeat(1_000_000);
    for name in [
        long.as_str(),
        "a\"b\\c\n[fields]\n# x",
        "\u{202e}emoji \u{1f600}",
        "''' \"\"\"",
        "\0",
        "end\r\n",
        "=",
    ] {
        let text = toml(&["id", "name", name], &[&["1", "a", "line one\nline two"]]);
        assert_says(&text, &["[fields.name]"]);
        let rules = Rules::from_toml(&text, "m").unwrap();
        let columns = Columns::new(&rules, &["id", "name", name].map(str::to_owned)).unwrap();
        assert_eq!(columns.unused, [], "{text}");
    }
}

#[test]
fn example_shows_40_characters_of_cell() {
    let secret = format!("{}{}", "a".repeat(40), "SECRET");
    let text = of_column("Notes", &[&secret]);
    assert_says(&text, &[&format!("\"{}\"…", "a".repeat(40))]);
    assert!(!text.contains("SECRET"), "{text}");
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "id",
            "ID",
            "name",
            "Name ",
            "Close date",
            "close_date",
            "end",
            "Amount",
            "brand_id",
            "Stage",
            "_line",
            "_sheet",
            "",
            "Billable",
            "Start",
            "income_type",
            "Opportunity ID",
            "trim",
            "fields",
        ])
        .prop_map(str::to_owned),
        ".{0,12}",
        "(?s).{0,6}",
    ]
}

fn cell() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "",
            " ",
            "N/A",
            "-",
            "03/04/2025",
            "2025-04-30",
            "15.04.25",
            "2025-04-30T10:00:00Z",
            "1,234",
            "1.234",
            "7",
            "yes",
            "Won",
            "active",
            "fee",
            "1001.0",
            "A-1",
            " x ",
        ])
        .prop_map(str::to_owned),
        "(?s).{0,50}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_proposal_is_valid_for_its_table(
        header in prop::collection::vec(name(), 1..8),
        rows in prop::collection::vec(prop::collection::vec(cell(), 8), 0..6),
    ) {
        let mut sample = TableSample::new(header.clone(), ValueStyle::CELLS);
        for row in &rows {
            sample.next_row();
            header.iter().zip(row).for_each(|(name, cell)| sample.add(name, text(cell)));
        }
        let proposal = MappingProposal::of_sample("t.csv", &sample, &known()).unwrap();
        let text = proposal.to_toml();
        let rules = match Rules::from_toml(&text, "m") {
            Ok(rules) => rules,
            Err(error) => return Err(TestCaseError::fail(format!("{error}\n{text}"))),
        };
        // Fields that only a create takes are no change by themselves.
        if text.lines().any(|line| line.starts_with("[fields.")) && proposal.id_column().is_some() {
            let columns = Columns::new(&rules.creating(true), &header);
            prop_assert!(columns.is_ok(), "{:?}\n{text}", columns);
            for column in columns.unwrap().unused {
                // A field that is held back is no column of the mapping yet.
                let waits = text.lines().any(|line| line == format!("# column = {:?}", column.name));
                let is_unnamed = column.name.contains("which has no name");
                prop_assert!(waits || is_unnamed || text.contains("# column = "), "{column}\n{text}");
            }
        }
        for line in text.lines() {
            prop_assert!(!line.contains(|c: char| c.is_control()), "{line:?}");
        }
    }
}
