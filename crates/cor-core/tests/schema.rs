//! The committed JSON Schemas are the ones that this library makes. `make schema` writes them anew.
#![allow(clippy::unwrap_used)] // helpers of tests may panic

use cor_core::{CreateField, Field, Schema};
use serde_json::Value;

#[test]
fn committed_schemas_are_up_to_date() {
    for schema in Schema::ALL {
        let path = format!("{}/../../schema/{schema}.json", env!("CARGO_MANIFEST_DIR"));
        if std::env::var_os("COR_WRITE_SCHEMA").is_some() {
            std::fs::write(&path, schema.to_json()).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == schema.to_json(),
            "schema/{schema}.json is out of date; write it with: make schema"
        );
    }
}

#[test]
fn schemas_hold_every_field_in_order_of_table() {
    let properties = |schema: Schema| {
        let parsed: Value = serde_json::from_str(&schema.to_json()).unwrap();
        parsed["properties"].as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    let mut update: Vec<_> = Field::ALL.iter().map(|field| field.name().to_owned()).collect();
    update.push("metadata".to_owned());
    let mut create = update.clone();
    create.extend(CreateField::ALL.iter().map(|field| field.name().to_owned()));
    create.push("id".to_owned());
    for (schema, mut expected) in [(Schema::Update, update), (Schema::Create, create)] {
        let mut found = properties(schema);
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{schema}");
    }
    let text = Schema::Update.to_json();
    let places: Vec<_> =
        Field::ALL.iter().map(|field| text.find(&format!("    \"{field}\": {{")).unwrap()).collect();
    assert!(places.is_sorted());
}

#[test]
fn schemas_name_their_page_and_undocumented_points() {
    for schema in Schema::ALL {
        let parsed: Value = serde_json::from_str(&schema.to_json()).unwrap();
        let description = parsed["description"].as_str().unwrap();
        assert!(description.contains("page") && description.contains(" document"), "{schema}: {description}");
        assert_eq!(parsed["$schema"], "https://json-schema.org/draft/2020-12/schema");
    }
}
