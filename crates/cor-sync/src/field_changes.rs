//! Fields with their values as JSON text, exact as they are sent: `{"name":"N","estimated":18000.10}`.

use cor_http::{CreateField, Field};

use crate::Members;

/// The members of an object of fields. A state file holds nothing else, so anything else is damage.
fn members(json: &str) -> Option<Vec<(String, &str)>> {
    Some(Members::read(json).ok()?.0.into_iter().map(|(name, value)| (name, value.get())).collect())
}

fn write(fields: &[(String, &str)]) -> String {
    let mut json =
        String::with_capacity(fields.iter().map(|(name, value)| name.len() + value.len() + 4).sum());
    for (name, value) in fields {
        json.push(if json.is_empty() { '{' } else { ',' });
        json.push_str(&serde_json::Value::from(name.as_str()).to_string());
        json.push(':');
        json.push_str(value);
    }
    json.push_str(if json.is_empty() { "{}" } else { "}" });
    json
}

/// What is `wanted` and not `accepted` already; `None` where one of them is damaged.
pub(crate) fn changed(accepted: &str, wanted: &str) -> Option<Vec<FieldChange>> {
    if accepted == wanted {
        return Some(Vec::new());
    }
    let mut changes = all(accepted, wanted)?;
    changes.retain(|change| change.old.as_deref() != Some(&change.new));
    Some(changes)
}

/// Everything `wanted`, whether accepted already or not.
pub(crate) fn all(accepted: &str, wanted: &str) -> Option<Vec<FieldChange>> {
    let known = members(accepted)?;
    // What only a create says is no change.
    let wanted = members(wanted)?.into_iter().filter(|(name, _)| CreateField::from_name(name).is_none());
    let changes = wanted.map(|(name, value)| {
        let old = known.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        FieldChange { name, old, new: value.to_owned() }
    });
    Some(changes.collect())
}

/// Both, where the newer ones win.
pub(crate) fn merged(older: &str, newer: &str) -> Option<String> {
    let mut fields = members(older)?;
    for (name, value) in members(newer)? {
        match fields.iter_mut().find(|(known, _)| *known == name) {
            Some(field) => field.1 = value,
            None => fields.push((name, value)),
        }
    }
    // As an update writes them, so that the same fields are the same text.
    fields.sort_by_key(|(name, _)| Field::from_name(name).map_or((true, None), |field| (false, Some(field))));
    Some(write(&fields))
}

/// The fields without those of these names.
pub(crate) fn without(json: &str, names: &[String]) -> Option<String> {
    if names.is_empty() {
        return Some(json.to_owned());
    }
    let mut fields = members(json)?;
    fields.retain(|(name, _)| !names.contains(name));
    Some(write(&fields))
}

/// An object of these fields, each with its JSON.
pub(crate) fn of_values(fields: &[(String, String)]) -> String {
    write(&fields.iter().map(|(name, value)| (name.clone(), value.as_str())).collect::<Vec<_>>())
}

/// The accepted fields that stand whether or not COR has taken what was on its way: those it would not have changed.
pub(crate) fn certain(accepted: &str, pending: &str) -> Option<String> {
    let pending = members(pending)?;
    let mut fields = members(accepted)?;
    fields.retain(|(name, value)| !pending.iter().any(|(other, sent)| other == name && sent != value));
    Some(write(&fields))
}

/// A field with a value to send. Serialises to `{"field", "old", "new"}`; the values stand there as JSON with every digit,
/// and `old` is left out where it is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldChange {
    /// The field's name on the wire.
    pub name: String,
    /// The JSON that COR last accepted; `None` where that is not known.
    pub old: Option<String>,
    /// The JSON to send.
    pub new: String,
}

impl FieldChange {
    /// Whether COR accepted this value before, to the letter. Only a run with `full` sends such a value.
    pub fn is_sent_again(&self) -> bool {
        self.old.as_ref() == Some(&self.new)
    }
}

/// The changes as an object of fields.
pub(crate) fn of_changes(changes: &[FieldChange]) -> String {
    write(&changes.iter().map(|change| (change.name.clone(), change.new.as_str())).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use cor_http::ProjectUpdate;
    use proptest::prelude::*;

    fn names(changes: &[FieldChange]) -> Vec<(&str, Option<&str>, &str)> {
        changes.iter().map(|c| (c.name.as_str(), c.old.as_deref(), c.new.as_str())).collect()
    }

    #[test]
    fn only_exact_differences_are_changes() {
        let accepted = r#"{"name":"N","estimated":1.0,"archived":false,"brief":null}"#;
        let wanted = r#"{"name":"N","estimated":1.00,"brief":null,"end":"2025-01-01"}"#;
        let changes = changed(accepted, wanted).unwrap();
        assert_eq!(names(&changes), [("estimated", Some("1.0"), "1.00"), ("end", None, "\"2025-01-01\"")]);
        assert_eq!(of_changes(&changes), r#"{"estimated":1.00,"end":"2025-01-01"}"#);
        assert_eq!(changed(accepted, accepted), Some(Vec::new()));
        assert_eq!(changed("{", wanted), None);
        assert_eq!(changed("{}", r#"{"brand_id":"B","product_id":"P"}"#), Some(Vec::new()));
    }

    #[test]
    fn later_change_wins_in_order_of_update() {
        let merged = merged(r#"{"end":"2025-01-01","x":1}"#, r#"{"name":"é\"","end":null}"#);
        assert_eq!(merged.as_deref(), Some(r#"{"name":"é\"","end":null,"x":1}"#));
    }

    #[test]
    fn only_possibly_changed_fields_are_uncertain() {
        let accepted = r#"{"name":"N","brief":"b","end":null}"#;
        let after = certain(accepted, r#"{"name":"N","end":"2025-01-01","estimated":1}"#);
        assert_eq!(after.as_deref(), Some(r#"{"name":"N","brief":"b"}"#));
        assert_eq!(certain("{}", "{}").as_deref(), Some("{}"));
    }

    fn update() -> impl Strategy<Value = ProjectUpdate> {
        let name = proptest::option::of("[a-c\"\\\\é]{0,2}");
        (name, proptest::option::of(0i32..3), proptest::option::of(any::<bool>()), any::<bool>()).prop_map(
            |(name, hours, billable, clear)| {
                use cor_http::Patch;
                let update = ProjectUpdate::new("SAP")
                    .name(Patch::keep_if_none(name))
                    .estimated_time(Patch::keep_if_none(hours.map(cor_http::Number::from)))
                    .billable(Patch::keep_if_none(billable));
                if clear { update.clear(Field::Brief) } else { update }
            },
        )
    }

    proptest! {
        /// Sending what changed on top of what was accepted gives what is wanted, whatever the two are.
        #[test]
        fn applying_changes_gives_new_fields(old in update(), new in update()) {
            let (old, new) = (old.fields_json(), new.fields_json());
            let changes = changed(&old, &new).unwrap();
            let after = merged(&old, &of_changes(&changes)).unwrap();
            prop_assert_eq!(&after, &merged(&old, &new).unwrap());
            prop_assert_eq!(changed(&after, &new).unwrap(), vec![]);
            for change in &changes {
                prop_assert_ne!(change.old.as_deref(), Some(change.new.as_str()));
            }
        }
    }
}
