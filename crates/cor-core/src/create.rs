use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::field_table::field_table;
use crate::format::{as_text, unknown_word};
use crate::issue::{Invalid, Issue, IssueCode};
use crate::json_text::write_string;
use crate::{ExternalId, Field, Json, MangledId, Patch, Project, ProjectUpdate, Source};

/// A new project: its external id, the fields of an update, and those that only a create has.
///
/// ```
/// use cor_core::{ProjectCreate, ProjectUpdate};
/// let fields = ProjectUpdate::new("SALESFORCE").name("Website Redesign").estimated_time(200);
/// let create = ProjectCreate::new("SF-OPP-12345", fields).brand_id("SF-BRAND-1");
/// create.validate()?;
/// assert_eq!(
///     create.to_json(),
///     r#"{"metadata":{"source":"SALESFORCE"},"id":"SF-OPP-12345","name":"Website Redesign","estimated_time":200,"brand_id":"SF-BRAND-1"}"#,
/// );
/// # Ok::<(), cor_core::Invalid>(())
/// ```
///
/// # Serde
/// As [`ProjectUpdate`]: a create serialises to its request body and is read back from it, `brand_id` and `product_id` as
/// text, null as a field that is left out, unknown members as extras.
///
/// Source: COR's page "Create project", `POST /v2/integrations/projects`.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a create does nothing until a client sends it"]
pub struct ProjectCreate {
    id: String,
    fields: ProjectUpdate,
    /// The create-only fields that are set, in wire order.
    own: [Option<String>; CreateField::ALL.len()],
}

macro_rules! create_fields {
    (
        update { $($update:tt)* }
        create {
            $(
                #[doc = $description:literal]
                $(#[doc = $note:literal])*
                $variant:ident, $name:ident, $since:literal;
            )*
        }
    ) => {
        /// A field that a create takes and an update does not.
        ///
        /// Through serde it is its name in every format.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum CreateField { $(#[doc = $description] $variant,)* }

        impl CreateField {
            /// Every one, in wire order.
            pub const ALL: &'static [CreateField] = &[$(CreateField::$variant,)*];

            /// What the field holds, in one sentence.
            pub const fn description(self) -> &'static str {
                match self { $(CreateField::$variant => $description.trim_ascii(),)* }
            }

            /// The name on the wire.
            pub const fn name(self) -> &'static str {
                match self { $(CreateField::$variant => stringify!($name),)* }
            }

            /// The field of this name.
            pub fn from_name(name: &str) -> Option<CreateField> {
                match name { $(stringify!($name) => Some(CreateField::$variant),)* _ => None }
            }
        }

        impl ProjectCreate {
            $(
                #[doc = $description]
                $(#[doc = $note])*
                pub fn $name(self, value: impl Into<String>) -> Self {
                    self.set(CreateField::$variant, value)
                }
            )*
        }
    };
}
field_table!(create_fields);

as_text!(CreateField, "the name of a field that only a create has", |name| {
    CreateField::from_name(name)
        .ok_or_else(|| unknown_word(name, CreateField::ALL.iter().map(|field| field.name())))
});

impl fmt::Display for CreateField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl ProjectCreate {
    /// A new project of this external id, with the fields that `fields` sets. What it clears is left out: there is
    /// nothing to clear yet. Extras that are fields of a create become those. COR needs a name.
    pub fn new(id: impl Into<String>, fields: ProjectUpdate) -> ProjectCreate {
        let mut fields = fields.without_clears();
        let mut own: [Option<String>; CreateField::ALL.len()] = Default::default();
        for field in CreateField::ALL {
            own[*field as usize] = fields.take_text_extra(field.name());
        }
        ProjectCreate { id: id.into(), fields, own }
    }

    /// The create for a row of a table whose project COR does not know: [`new`](ProjectCreate::new), but `None` for an id
    /// that was [rewritten on its way or stands for no value](MangledId), unless `allow_mangled_id`: there is probably another
    /// project under the right id.
    pub fn of_row(id: &str, fields: ProjectUpdate, allow_mangled_id: bool) -> Option<ProjectCreate> {
        (allow_mangled_id || MangledId::of(id).is_none()).then(|| ProjectCreate::new(id, fields))
    }

    /// Sets a create-only field that is known by name.
    pub fn set(mut self, field: CreateField, value: impl Into<String>) -> Self {
        self.own[field as usize] = Some(value.into());
        self
    }

    /// The external id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The source.
    pub fn source(&self) -> &Source {
        self.fields.source()
    }

    /// The fields of its own that are set, in wire order.
    pub(crate) fn own(&self) -> impl Iterator<Item = (CreateField, &str)> {
        let fields = CreateField::ALL.iter().copied().zip(&self.own);
        fields.filter_map(|(field, value)| Some((field, value.as_deref()?)))
    }

    /// The fields that an update could set too.
    pub fn fields(&self) -> &ProjectUpdate {
        &self.fields
    }

    /// Validates the create without sending it.
    ///
    /// # Errors
    /// Every problem at once: those of the id, of the fields, and a name that is missing or empty.
    pub fn validate(&self) -> Result<(), Invalid> {
        self.validate_with(Vec::new())
    }

    /// As [`validate`](ProjectCreate::validate), together with what was refused before it got here.
    ///
    /// # Errors
    /// Every problem at once. Of a field that was refused nothing else is said, such as that it is missing.
    pub fn validate_with(&self, refused: Vec<Issue>) -> Result<(), Invalid> {
        let mut issues = refused;
        let known = |field: &str| issues.iter().any(|issue| issue.field == field);
        let more: Vec<Issue> = self.issues().into_iter().filter(|issue| !known(&issue.field)).collect();
        issues.extend(more);
        Invalid::from_issues(issues).map_or(Ok(()), Err)
    }

    fn issues(&self) -> Vec<Issue> {
        let mut issues: Vec<Issue> = ExternalId::problem(&self.id).into_iter().collect();
        let mut fields = Vec::new();
        self.fields.collect_issues(&mut fields);
        // Without any field it is the name that is missed.
        issues.extend(fields.into_iter().filter(|issue| issue.code != IssueCode::NothingToChange));
        let unnamed: Json = "".into();
        if matches!(self.fields.field(Field::Name), Patch::Keep)
            || self.fields.field(Field::Name) == Patch::Set(unnamed)
        {
            let message = "is required to create a project";
            issues.push(Issue::new(Field::Name.name(), IssueCode::Required, message));
        }
        let reserved = |name: &str| name == "id" || CreateField::from_name(name).is_some();
        for (name, _) in self.fields.extras().filter(|(name, _)| reserved(name)) {
            let message =
                format!("`{name}` is a field of this client; set it as a field, not as an extra field");
            issues.push(Issue::new(name, IssueCode::Reserved, message));
        }
        issues
    }

    /// The request body.
    pub fn to_json(&self) -> String {
        let mut out = Vec::with_capacity(256);
        self.write_json(&mut out);
        // Only text and JSON escapes were written.
        String::from_utf8(out).unwrap_or_default()
    }

    /// Appends the request body to `out`: `metadata`, the id, the fields in the order of COR's update page, then those
    /// of a create, then extras.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        self.fields.write_metadata(out);
        let text = |out: &mut Vec<u8>, name: &str, value: &str| {
            out.extend_from_slice(format!(",\"{name}\":").as_bytes());
            write_string(out, value);
        };
        text(out, "id", &self.id);
        self.fields.write_changes(out);
        for (field, value) in self.own() {
            text(out, field.name(), value);
        }
        self.fields.write_extras(out);
        out.push(b'}');
    }
}

/// COR's response to a delete. Through serde it is what COR wrote, as for [`Project`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Deleted(Project);

impl Deleted {
    /// COR's internal id of the deleted project.
    pub fn cor_id(&self) -> Option<i64> {
        self.0.get("cor_id")?.as_i64()
    }

    /// COR's sentence.
    pub fn message(&self) -> Option<String> {
        Some(self.0.get("message")?.as_str()?.to_owned())
    }

    /// The response as COR wrote it; empty where there was none: a repeated request found no project, or
    /// COR had nothing to say.
    pub fn json(&self) -> Cow<'_, str> {
        self.0.json()
    }
}

impl From<Project> for Deleted {
    /// Answers of all operations are read alike, as a bag of fields.
    fn from(answer: Project) -> Deleted {
        Deleted(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(create: &ProjectCreate) -> Vec<(String, &'static str)> {
        let issues = create.validate().map_or_else(Invalid::into_issues, |()| Vec::new());
        issues.into_iter().map(|issue| (issue.field, issue.code.as_str())).collect()
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        let fields = ProjectUpdate::new("").estimated(f64::NAN).extra("brand_id", 7).extra("id", "x");
        let found = problems(&ProjectCreate::new(".", fields));
        let found: Vec<_> = found.iter().map(|(field, code)| (field.as_str(), *code)).collect();
        assert_eq!(
            found,
            [
                ("id", "not_addressable"),
                ("metadata.source", "required"),
                ("estimated", "not_finite"),
                ("name", "required"),
                ("brand_id", "reserved"),
                ("id", "reserved"),
            ]
        );
        let empty = ProjectCreate::new("P", ProjectUpdate::new("SAP").name(""));
        assert_eq!(problems(&empty), [("name".to_owned(), "required")]);
    }

    #[test]
    fn refused_field_is_not_also_reported_as_missing() {
        let create = ProjectCreate::new("", ProjectUpdate::new("SAP"));
        let refused = vec![Issue::new("name", IssueCode::WrongType, "is no text")];
        let issues = create.validate_with(refused).unwrap_err().into_issues();
        let found: Vec<_> = issues.iter().map(|issue| (issue.field.as_str(), issue.code.as_str())).collect();
        assert_eq!(found, [("name", "wrong_type"), ("id", "required")]);
    }

    #[test]
    fn create_reads_extras_named_like_fields() {
        let fields =
            ProjectUpdate::new("SAP").name("N").extra("product_id", "P").extra("x", 1).extra("brand_id", "B");
        let create = ProjectCreate::new("7", fields);
        assert_eq!(create, ProjectCreate::new("7", create.fields().clone()).brand_id("B").product_id("P"));
        assert_eq!(problems(&create), []);
    }

    #[test]
    fn create_leaves_out_cleared_fields() {
        let fields = ProjectUpdate::new("SAP").name("N").clear(Field::Brief).extra("x", 1);
        let create = ProjectCreate::new("007", fields).product_id("P/1");
        assert_eq!(problems(&create), []);
        assert_eq!(
            create.to_json(),
            r#"{"metadata":{"source":"SAP"},"id":"007","name":"N","product_id":"P/1","x":1}"#
        );
    }
}
