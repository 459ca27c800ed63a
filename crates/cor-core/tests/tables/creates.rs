//! Creating a project: what is written, and what is missing or in the wrong place.

use cor_core::{CreateField, Field, Issue, IssueCode, ProjectCreate, ProjectUpdate, Source};

fn named() -> ProjectUpdate {
    ProjectUpdate::new("SAP").name("N")
}

#[test]
fn create_is_written_in_order_of_page() {
    for (create, json) in [
        (ProjectCreate::new("007", named()), r#"{"metadata":{"source":"SAP"},"id":"007","name":"N"}"#),
        (
            ProjectCreate::new("a\"b", named().estimated_time(5).extra("x", 1)).product_id("P").brand_id("B"),
            r#"{"metadata":{"source":"SAP"},"id":"a\"b","name":"N","estimated_time":5,"brand_id":"B","product_id":"P","x":1}"#,
        ),
        (
            ProjectCreate::new("1", named()).set(CreateField::ProductId, "P").set(CreateField::ProductId, ""),
            r#"{"metadata":{"source":"SAP"},"id":"1","name":"N","product_id":""}"#,
        ),
        // Nothing to clear yet; text extras of a create's own names are its fields.
        (
            ProjectCreate::new(
                "1",
                named()
                    .clear(Field::Brief)
                    .extra("y", false)
                    .extra("brand_id", "B")
                    .extra("z", serde_json::Value::Null),
            ),
            r#"{"metadata":{"source":"SAP"},"id":"1","name":"N","brand_id":"B","y":false}"#,
        ),
    ] {
        assert_eq!(create.to_json(), json);
        let mut out = b"before".to_vec();
        create.write_json(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), format!("before{json}"));
        assert_eq!(create.validate(), Ok(()), "{json}");
    }
}

#[test]
fn create_returns_its_id_and_update() {
    let create = ProjectCreate::new("A/1", named().clear(Field::Brief));
    assert_eq!((create.id(), create.source(), create.fields()), ("A/1", &Source::SAP, &named()));
}

#[test]
fn problems_of_create_are_named_in_full() {
    let missing = "name: is required to create a project";
    for (create, problems) in [
        (ProjectCreate::new("1", ProjectUpdate::new("SAP")), &[missing][..]),
        (ProjectCreate::new("1", ProjectUpdate::new("SAP").name("")), &[missing]),
        (ProjectCreate::new("1", ProjectUpdate::new("SAP").clear(Field::Name)), &[missing]),
        (ProjectCreate::new("1", ProjectUpdate::new("SAP").name(" ")), &[]),
        (
            ProjectCreate::new("", named().extra("id", "2").extra("brand_id", 7)),
            &[
                "id: is empty; pass the id that the project has in its source",
                "id: `id` is a field of this client; set it as a field, not as an extra field",
                "brand_id: `brand_id` is a field of this client; set it as a field, not as an extra field",
            ],
        ),
    ] {
        let found = create.validate().map_or_else(cor_core::Invalid::into_issues, |()| Vec::new());
        let found: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, problems, "{create:?}");
    }
}

#[test]
fn refused_field_has_one_problem() {
    let refused = |field: &str| Issue::new(field, IssueCode::WrongType, "m");
    for (given, found) in [
        (vec![], &["name required"][..]),
        (vec![refused("name")], &["name wrong_type"]),
        (vec![refused("brief")], &["brief wrong_type", "name required"]),
    ] {
        let create = ProjectCreate::new("1", ProjectUpdate::new("SAP"));
        let invalid = create.validate_with(given).unwrap_err();
        let words: Vec<_> = invalid.issues().iter().map(|i| format!("{} {}", i.field, i.code)).collect();
        assert_eq!(words, found);
    }
    assert_eq!(ProjectCreate::new("1", named()).validate_with(Vec::new()), Ok(()));
}
