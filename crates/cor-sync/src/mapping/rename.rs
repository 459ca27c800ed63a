//! `Column=field`, as options and interfaces say it.

use cor_http::{CreateField, Field};

use crate::text::listed;
use crate::{Advice, Reason};

/// `Column=field`: this column sets this field; no field means that the column is left out.
/// Serialises to `{"column", "field"}`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Rename {
    /// The column as the input calls it.
    pub column: String,
    /// What it is for; `None` leaves it out.
    pub field: Option<Target>,
}

/// What a column can be for. Serialises to the field's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A field of an update.
    Field(Field),
    /// A field that only a create takes.
    Create(CreateField),
}

impl Rename {
    /// Reads `Column=field`. The column may hold `=` itself, as no field does.
    ///
    /// # Errors
    /// The reason why it cannot be read.
    pub fn parse(text: &str) -> Result<Rename, Reason> {
        let Some((column, field)) = text.rsplit_once('=') else {
            return Err(Reason::new("has no `=`; write \"Column=field\""));
        };
        let field = match field {
            "" => None,
            "id" => {
                return Err(Reason::with("id is not a field", Advice::IdColumn(Some(column.to_owned()))));
            }
            name => {
                let spelt = name.replace('-', "_");
                match (spelt.parse::<Field>(), CreateField::from_name(&spelt)) {
                    (Ok(field), _) => Some(Target::Field(field)),
                    (_, Some(field)) => Some(Target::Create(field)),
                    (Err(unknown), None) => {
                        let near = match unknown.nearest {
                            Some(near) => format!("did you mean \"{column}={near}\"?"),
                            None => format!("fields are {}", field_names()),
                        };
                        return Err(Reason::new(format!("no field is called {name:?}; {near}")));
                    }
                }
            }
        };
        Ok(Rename { column: column.to_owned(), field })
    }
}

pub(super) fn field_names() -> String {
    listed(Field::ALL.iter().map(|field| field.name()))
}
