use crate::{Field, FieldType};

/// How a field of an update is compared with the same field of COR's main API.
///
/// Sources: COR's OpenAPI document of the main API (the members of a project in responses) and its page "Update project" of the
/// Integrations API (the members of an update).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FieldRule {
    /// As text, character by character.
    Text,
    /// As days: the main API writes a date with a time.
    Day,
    /// As numbers, however they are written.
    Number,
    /// As booleans, which COR also writes as 0 and 1.
    Boolean,
    /// As words of a list. Words that COR's documentation uses for one state in different places cannot be compared.
    Word,
    /// Not comparable: the update holds an external id, and the main API shows COR's internal id under the same name.
    ExternalId,
    /// Not comparable: the main API's schema does not show the field.
    NotShown,
}

impl Field {
    /// How the field is compared with COR's main API.
    pub const fn rule(self) -> FieldRule {
        match self {
            Field::ClientId | Field::PmId | Field::FeeId | Field::ContractId => FieldRule::ExternalId,
            // The schema has `total_estimated` and does not say whether it is `estimated`.
            Field::Estimated
            | Field::CurrencyId
            | Field::EvaluationDate
            | Field::Deliverables
            | Field::WorkOrder => FieldRule::NotShown,
            Field::Status | Field::IncomeType => FieldRule::Word,
            _ => match self.kind() {
                FieldType::Text => FieldRule::Text,
                FieldType::Date => FieldRule::Day,
                FieldType::Number => FieldRule::Number,
                FieldType::Boolean => FieldRule::Boolean,
                FieldType::IncomeType => FieldRule::Word,
            },
        }
    }
}

impl FieldRule {
    /// Whether fields of this rule can be compared at all.
    pub const fn is_comparable(self) -> bool {
        !matches!(self, FieldRule::ExternalId | FieldRule::NotShown)
    }

    /// How fields are compared, in one sentence.
    pub const fn description(self) -> &'static str {
        match self {
            FieldRule::Text => {
                "As text, character by character. A difference in white space, invisible characters or markup alone is not \
                 comparable."
            }
            FieldRule::Day => {
                "As days. COR writes a time behind the day. Where that time is not midnight, days are comparable if they \
                 are two or more apart, or the same and the time has no zone."
            }
            FieldRule::Number => {
                "As numbers: 250 and 250.00 are equal. Where COR's number may be the sent number, rounded to fewer decimal \
                 places or kept as a 32-bit float, it is not comparable."
            }
            FieldRule::Boolean => {
                "As booleans; COR also writes 0 and 1. Null and an empty text are not comparable."
            }
            FieldRule::Word => {
                "As words. COR's pages use `active`, `in_process` and `in_progress` for one state, so two different words of these \
                 are not comparable; nor is a word that COR does not document."
            }
            FieldRule::ExternalId => "An update holds an external id; the main API shows COR's internal id.",
            FieldRule::NotShown => "The main API does not show it.",
        }
    }
}

/// The state that a word for a status stands for, as COR's documentation uses it; `None` for an undocumented word.
///
/// Four lists disagree: the main API's schema has `active`, `finished`, `suspended`; its filter `in_process`, `finished`,
/// `suspended`; the Integrations API's example of an update `in_progress`, that of a create `active`.
pub(super) fn state_of(status: &str) -> Option<&'static str> {
    match status {
        "active" | "in_process" | "in_progress" => Some("active"),
        "finished" => Some("finished"),
        "suspended" => Some("suspended"),
        _ => None,
    }
}
