//! Which column becomes which field, and one row's values on their way into an update.

use cor_http::{ExternalId, Field, Issue, IssueCode, ProjectUpdate, Source, Value};

use crate::{Content, NOTES, Problem, Unusable, nearest, plain};

/// What was asked for, before any column is known.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The system the projects were created from.
    pub source: Source,
    /// The column that holds the external id.
    pub id_column: String,
    /// What columns are called otherwise than the fields they set.
    pub renames: Vec<Rename>,
    /// The text that empties a field.
    pub clear: Option<String>,
}

/// `--map "Column=field"`; no field means that the column is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rename {
    /// The column as the input calls it.
    pub column: String,
    /// The field it sets.
    pub field: Option<Field>,
}

impl Rename {
    /// Reads `Column=field`. The column may hold `=` itself, as no field does.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn parse(text: &str) -> Result<Rename, String> {
        let Some((column, field)) = text.rsplit_once('=') else {
            return Err(format!("--map {text:?} has no `=`; write \"Column=field\""));
        };
        let field = match field {
            "" => None,
            "id" => {
                return Err(format!("--map {text:?}: the id is chosen with --id-column {column:?}"));
            }
            name => match name.replace('-', "_").parse::<Field>() {
                Ok(field) => Some(field),
                Err(unknown) => {
                    let near = match unknown.nearest {
                        Some(near) => format!("did you mean \"{column}={near}\"?"),
                        None => format!("fields are {}", field_names()),
                    };
                    return Err(format!("--map {text:?}: no field is called {name:?}; {near}"));
                }
            },
        };
        Ok(Rename { column: column.to_owned(), field })
    }
}

fn field_names() -> String {
    Field::ALL.iter().map(|field| field.name()).collect::<Vec<_>>().join(", ")
}

/// What one column is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    Id,
    Fields(Vec<Field>),
    /// One of ours, or left out on purpose.
    Ignored,
    Unknown,
}

impl Rules {
    /// What a column of this name is for.
    pub(crate) fn column(&self, name: &str) -> Use {
        let mut renames = self.renames.iter().filter(|rename| rename.column == name).peekable();
        let is_id = name == self.id_column;
        if renames.peek().is_some() {
            let fields: Vec<Field> = renames.filter_map(|rename| rename.field).collect();
            return if fields.is_empty() { Use::Ignored } else { Use::Fields(fields) };
        }
        match Field::from_name(name) {
            _ if is_id => Use::Id,
            Some(field) => Use::Fields(vec![field]),
            None if NOTES.contains(&name) => Use::Ignored,
            None => Use::Unknown,
        }
    }
}

/// What the columns of a table with a header are for.
#[derive(Debug)]
pub(crate) struct Columns {
    pub(crate) id: usize,
    pub(crate) fields: Vec<(usize, Field)>,
    pub(crate) unused: Vec<String>,
}

impl Columns {
    /// # Errors
    /// Every reason why this header and these rules do not fit together.
    pub(crate) fn new(rules: &Rules, header: &[String]) -> Result<Columns, Unusable> {
        let mut reasons = Vec::new();
        for (at, name) in header.iter().enumerate() {
            // Notes of several runs may stand side by side where somebody moved columns; they are ignored anyway.
            let matters = !name.is_empty() && !NOTES.contains(&name.as_str());
            if matters && header[..at].contains(name) {
                reasons.push(format!("two columns are called {name:?}; rename one"));
            }
        }
        let id = header.iter().position(|name| *name == rules.id_column);
        if id.is_none() {
            reasons.push(missing_id(rules, header));
        }
        for rename in rules.renames.iter().filter(|rename| !header.contains(&rename.column)) {
            let near = match nearest(&rename.column, header.iter().map(String::as_str)) {
                Some(near) => format!("did you mean {near:?}?"),
                None => format!("columns are {}", listed(header)),
            };
            reasons.push(format!(
                "--map names a column {:?} that the input does not have; {near}",
                rename.column
            ));
        }
        let (mut fields, mut unused): (Vec<(usize, Field)>, Vec<String>) = Default::default();
        for (at, name) in header.iter().enumerate() {
            match rules.column(name) {
                Use::Fields(targets) => fields.extend(targets.into_iter().map(|field| (at, field))),
                Use::Unknown => unused.push(if name.is_empty() {
                    format!("column {}, which has no name", at + 1)
                } else {
                    plain(name)
                }),
                Use::Id | Use::Ignored => {}
            }
        }
        fields.dedup();
        for (n, (at, field)) in fields.iter().enumerate() {
            if let Some((before, _)) = fields[..n].iter().find(|(before, same)| same == field && before != at)
            {
                let (before, column) = (&header[*before], &header[*at]);
                reasons.push(format!(
                    "the columns {before:?} and {column:?} would both set {field}; leave one out with --map {before:?}="
                ));
            }
        }
        if fields.is_empty() && reasons.is_empty() {
            reasons.push(format!(
                "no column is a field, so nothing would change; map some with --map \"Column=field\"; \
                 columns are {}; fields are {}",
                listed(header),
                field_names()
            ));
        }
        match id {
            Some(id) if reasons.is_empty() => Ok(Columns { id, fields, unused }),
            _ => Err(Unusable(reasons)),
        }
    }
}

fn missing_id(rules: &Rules, header: &[String]) -> String {
    let wanted = &rules.id_column;
    if let [only] = header
        && let Some(delimiter) = [';', '\t', '|', ','].into_iter().find(|delimiter| only.contains(*delimiter))
    {
        return format!(
            "no column is called {wanted:?}: the header is one column, {only:?}; if {delimiter:?} separates the \
             columns, say --delimiter {}",
            if delimiter == '\t' { "tab".to_owned() } else { format!("{:?}", delimiter.to_string()) }
        );
    }
    if header.is_empty() {
        return "the input is empty; a table needs a header line".to_owned();
    }
    format!(
        "no column is called {wanted:?}; say which one holds the external id with --id-column; columns are {}",
        listed(header)
    )
}

fn listed(header: &[String]) -> String {
    header.iter().map(|name| plain(name)).collect::<Vec<_>>().join(", ")
}

/// One row on its way: collects the update and everything that is wrong.
pub(crate) struct Draft<'a> {
    rules: &'a Rules,
    id: String,
    update: ProjectUpdate,
    problems: Vec<Problem>,
    /// Which column each field came from, for problems that show only in the end.
    origins: Vec<(Field, &'a str)>,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(rules: &'a Rules) -> Self {
        Draft {
            rules,
            id: String::new(),
            update: ProjectUpdate::new(rules.source.clone()),
            problems: Vec::new(),
            origins: Vec::new(),
        }
    }

    pub(crate) fn id(&mut self, id: &str) {
        self.id = id.to_owned();
    }

    pub(crate) fn set(&mut self, column: &'a str, field: Field, value: Value<'_>) {
        let value = match (&value, &self.rules.clear) {
            (Value::Cell(text), Some(clear)) if text == clear => Value::Clear,
            (Value::Text(text), Some(clear)) if text == clear => Value::Clear,
            _ => value,
        };
        if let Some((_, other)) = self.origins.iter().find(|(known, _)| *known == field) {
            let message = format!("{field} is already set by {other}; leave one of them out");
            return self.refuse(column, Issue::new(field.name(), IssueCode::Reserved, message));
        }
        self.origins.push((field, column));
        if let Err(issue) = self.update.set(field, value) {
            self.refuse(column, issue);
        }
    }

    pub(crate) fn refuse(&mut self, column: &str, issue: Issue) {
        self.problems.push(Problem::of_column(column, issue));
    }

    pub(crate) fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    pub(crate) fn finish(mut self) -> Content {
        // A missing id is the first thing to say, unless it was said already.
        let id_column = self.rules.id_column.as_str();
        if !self.problems.iter().any(|problem| problem.column.as_deref() == Some(id_column))
            && let Some(issue) = ExternalId::problem(&self.id)
        {
            self.problems.insert(0, Problem::of_column(id_column, issue));
        }
        if self.problems.is_empty() && self.update.is_empty() {
            return Content::Unchanged;
        }
        if !self.update.is_empty() {
            let mut issues = Vec::new();
            self.update.collect_issues(&mut issues);
            for issue in issues {
                let origin = self.origins.iter().find(|(field, _)| field.name() == issue.field);
                let column = origin.map_or(issue.field.clone(), |(_, column)| (*column).to_owned());
                self.problems.push(Problem::of_column(&column, issue));
            }
        }
        match self.problems.is_empty() {
            true => Content::Update(self.id, self.update),
            false => Content::Bad(self.id, self.problems),
        }
    }
}
