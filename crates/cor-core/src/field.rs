use std::fmt;
use std::str::FromStr;

use crate::field_table::field_table;
use crate::format::{as_text, shown, unknown_word};

/// The kind of value a field takes.
///
/// Through serde it is its name ([`as_str`](FieldType::as_str)) in every format; the list is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FieldType {
    /// Any text, external ids of other entities included.
    Text,
    /// A day, `YYYY-MM-DD`.
    Date,
    /// An exact number: hours or money.
    Number,
    /// `true` or `false`.
    Boolean,
    /// `fee`, `one_time`, `hourly_rate` or `contract`.
    IncomeType,
}

impl FieldType {
    const ALL: [FieldType; 5] =
        [FieldType::Text, FieldType::Date, FieldType::Number, FieldType::Boolean, FieldType::IncomeType];

    /// The stable name: `text`, `date`, `number`, `boolean`, `income_type`.
    pub const fn as_str(self) -> &'static str {
        match self {
            FieldType::Text => "text",
            FieldType::Date => "date",
            FieldType::Number => "number",
            FieldType::Boolean => "boolean",
            FieldType::IncomeType => "income_type",
        }
    }
}

impl fmt::Display for FieldType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

as_text!(FieldType, "the type of a field", |word| {
    let known = FieldType::ALL.into_iter();
    known
        .clone()
        .find(|kind| kind.as_str() == word)
        .ok_or_else(|| unknown_word(word, known.map(FieldType::as_str)))
});

macro_rules! fields {
    (
        update {
            $(
                #[doc = $description:literal]
                $(#[doc = $note:literal])*
                $variant:ident = $number:literal, $name:ident: $kind:ident, $since:literal;
            )*
        }
        $($create:tt)*
    ) => {
        /// The optional fields of a project update, in the order of COR's page.
        ///
        /// Through serde it is its name in every format; a name that is no field is an error with the nearest one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Field { $(#[doc = $description] $variant,)* }

        impl Field {
            /// Every field, in the order of COR's page, which is also the order on the wire.
            pub const ALL: &'static [Field] = &[$(Field::$variant,)*];

            /// The name on the wire, in tables, in Python and in C.
            pub const fn name(self) -> &'static str {
                match self { $(Field::$variant => stringify!($name),)* }
            }

            /// What the field holds, in one sentence. COR's terms and names of fields are between backticks.
            pub const fn description(self) -> &'static str {
                match self { $(Field::$variant => $description.trim_ascii(),)* }
            }

            /// What kind of value the field takes.
            pub const fn kind(self) -> FieldType {
                match self { $(Field::$variant => FieldType::$kind,)* }
            }

            /// The field of this exact name.
            pub fn from_name(name: &str) -> Option<Field> {
                match name { $(stringify!($name) => Some(Field::$variant),)* _ => None }
            }
        }
    };
}
field_table!(fields);

impl Field {
    /// The known name nearest to `name`, where one is near enough to be a misspelling of it.
    pub fn nearest(name: &str) -> Option<Field> {
        let folded = name.trim().replace(['-', ' '], "_").to_lowercase();
        let score = |field: &Field| strsim::jaro_winkler(&folded, field.name());
        let best = Field::ALL.iter().copied().max_by(|a, b| score(a).total_cmp(&score(b)))?;
        (score(&best) >= 0.8).then_some(best)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

as_text!(Field, "the name of a field", |name| name.parse::<Field>());

/// A name that is no field of a project update.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", sentence(name, *nearest))]
pub struct UnknownField {
    /// The name that was given.
    pub name: String,
    /// The known field that looks most like it.
    pub nearest: Option<Field>,
}

impl UnknownField {
    pub(crate) fn new(name: &str) -> UnknownField {
        UnknownField { name: name.to_owned(), nearest: Field::nearest(name) }
    }
}

fn sentence(name: &str, nearest: Option<Field>) -> String {
    match nearest {
        Some(near) => format!("no field is called {}; did you mean `{near}`?", shown(name)),
        None => format!(
            "no field is called {}; leave it out, or send it as an extra field if COR accepts it",
            shown(name)
        ),
    }
}

impl FromStr for Field {
    type Err = UnknownField;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Field::from_name(name).ok_or_else(|| UnknownField::new(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_names_are_unique_and_parse_back() {
        for field in Field::ALL {
            assert_eq!(field.name().parse::<Field>().as_ref(), Ok(field));
        }
    }

    #[test]
    fn unknown_field_suggests_nearest_name() {
        for (typo, meant) in [
            ("nmae", "name"),
            ("end_date", "end"),
            ("Start", "start"),
            ("client-id", "client_id"),
            ("estimated_tme", "estimated_time"),
            ("incometype", "income_type"),
            ("archive", "archived"),
        ] {
            assert_eq!(Field::nearest(typo).map(Field::name), Some(meant), "{typo}");
        }
        assert_eq!(Field::nearest("zzz"), None);
    }
}
