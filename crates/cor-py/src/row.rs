//! One row in Python's shapes as one row of a run.

use cor_core::{Draft, Field, Invalid, Issue, IssueCode, ProjectUpdate, Source, Value};
use cor_http::Row;
use pyo3::exceptions::PyException;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString, PyTuple, PyType};

use crate::convert::{self, Given, Texts};

/// What a key or column is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    Id,
    Source,
    Field(Field),
    Extra,
    Unknown,
}

/// Names as the rows spell them, and what each is for.
pub(crate) type Columns = Vec<(Py<PyString>, Column)>;

/// Reads rows: dicts and other mappings, `ProjectUpdate`s, dataclasses, pairs of id and any of these.
pub(crate) struct Reader {
    source: Source,
    id_column: String,
    texts: Texts,
    /// Keys seen so far. Rows of one origin share their keys' objects, so most are found by their address.
    keys: Vec<(Py<PyAny>, Column)>,
    /// The dataclass seen last, and its fields.
    dataclass: Option<(Py<PyType>, Columns)>,
}

/// More different keys than this are looked up by their text.
const MOST_KEYS: usize = 64;

/// A row while it is read.
struct Reading {
    draft: Draft,
    texts: Texts,
    id: Option<String>,
    id_seen: bool,
}

impl Reader {
    /// `source` is that of rows which name none.
    pub(crate) fn new(source: Option<&str>, id_column: String, texts: Texts) -> Reader {
        Reader {
            source: Source::new(source.unwrap_or_default()),
            id_column,
            texts,
            keys: Vec::new(),
            dataclass: None,
        }
    }

    pub(crate) fn id_column(&self) -> &str {
        &self.id_column
    }

    /// What the key or column of this name is for.
    pub(crate) fn column(&self, name: &str) -> Column {
        match Field::from_name(name) {
            _ if name == self.id_column => Column::Id,
            Some(field) => Column::Field(field),
            None if name == "source" => Column::Source,
            None if name == "extra" => Column::Extra,
            None => Column::Unknown,
        }
    }

    /// # Errors
    /// Only what must end the run, such as Ctrl-C. A row that is wrong is an invalid [`Row`].
    pub(crate) fn read(&mut self, row: &Bound<'_, PyAny>) -> PyResult<Row> {
        let (id, content) = match row.cast_exact::<PyTuple>() {
            Ok(pair) if pair.len() == 2 => (Some(pair.get_item(0)?), pair.get_item(1)?),
            _ => (None, row.clone()),
        };
        match self.read_content(id.as_ref(), &content) {
            Err(error) if error.is_instance_of::<PyException>(row.py()) => {
                let message = format!("the row could not be read: {}", error.value(row.py()));
                Ok(unreadable(message))
            }
            read => read,
        }
    }

    fn read_content(&mut self, id: Option<&Bound<'_, PyAny>>, row: &Bound<'_, PyAny>) -> PyResult<Row> {
        let py = row.py();
        if let Ok(items) = row.cast_exact::<PyDict>() {
            return self.read_dict(id, items);
        }
        if row.is_instance(update_class(py)?)? {
            return self.read_update(id, row);
        }
        if row.get_type().hasattr(intern!(py, "__dataclass_fields__"))? {
            return self.read_dataclass(id, row);
        }
        if row.hasattr(intern!(py, "keys"))? && row.hasattr(intern!(py, "__getitem__"))? {
            let items = py.get_type::<PyDict>().call1((row,))?.cast_into::<PyDict>()?;
            return self.read_dict(id, &items);
        }
        Ok(unreadable(format!(
            "a row is a dict, a ProjectUpdate, a dataclass, or a pair of an id and one of these; not {} of type {}",
            convert::shown(row),
            convert::type_name(row)
        )))
    }

    fn read_dict(&mut self, id: Option<&Bound<'_, PyAny>>, items: &Bound<'_, PyDict>) -> PyResult<Row> {
        let py = items.py();
        let source = items.get_item(intern!(py, "source"))?;
        let mut reading = self.begin(source.as_ref())?;
        for (key, value) in items {
            let column = self.key(&key);
            reading.take(column, &key, &value)?;
        }
        reading.finish(id, &self.id_column)
    }

    fn key(&mut self, key: &Bound<'_, PyAny>) -> Column {
        if let Some((_, column)) = self.keys.iter().find(|(known, _)| known.is(key)) {
            return *column;
        }
        let name = key.cast::<PyString>().ok().and_then(|name| name.to_cow().ok());
        let column = name.map_or(Column::Unknown, |name| self.column(&name));
        if self.keys.len() < MOST_KEYS {
            self.keys.push((key.clone().unbind(), column));
        }
        column
    }

    fn read_update(&mut self, id: Option<&Bound<'_, PyAny>>, update: &Bound<'_, PyAny>) -> PyResult<Row> {
        let own = update.getattr(intern!(update.py(), "_id"))?;
        let id = id.cloned().or_else(|| (!own.is_none()).then_some(own));
        self.begin_update(update)?.finish(id.as_ref(), "id")
    }

    /// A `ProjectUpdate` by itself. An id it carries is judged, one it lacks is none of its problems.
    pub(crate) fn read_without_id(
        &mut self,
        update: &Bound<'_, PyAny>,
    ) -> PyResult<Result<ProjectUpdate, Invalid>> {
        let mut reading = self.begin_update(update)?;
        let own = update.getattr(intern!(update.py(), "_id"))?;
        if !own.is_none() {
            reading.take_id(&own)?;
        }
        Ok(reading.draft.finish(reading.id.as_deref()))
    }

    fn begin_update(&mut self, update: &Bound<'_, PyAny>) -> PyResult<Reading> {
        let py = update.py();
        let source = update.getattr(intern!(py, "_source"))?;
        let mut reading = self.begin(Some(&source))?;
        // Whoever made it has said what the values are.
        reading.texts = Texts::Plain;
        for (key, value) in update.getattr(intern!(py, "_fields"))?.cast::<PyDict>()? {
            // An id among the fields would be a second one; there is an attribute for it.
            let column = match self.key(&key) {
                Column::Field(field) => Column::Field(field),
                _ => Column::Unknown,
            };
            reading.take(column, &key, &value)?;
        }
        reading.take_extra(&update.getattr(intern!(py, "_extra"))?)?;
        Ok(reading)
    }

    fn read_dataclass(&mut self, id: Option<&Bound<'_, PyAny>>, row: &Bound<'_, PyAny>) -> PyResult<Row> {
        let py = row.py();
        let class = row.get_type();
        if !self.dataclass.as_ref().is_some_and(|(known, _)| known.is(&class)) {
            let mut columns = Vec::new();
            // What is no field of an instance, such as a ClassVar, is left out.
            for field in py.import("dataclasses")?.call_method1("fields", (row,))?.try_iter()? {
                let name = field?.getattr("name")?.cast_into::<PyString>()?;
                columns.push((name.clone().unbind(), self.column(&name.to_cow()?)));
            }
            self.dataclass = Some((class.unbind(), columns));
        }
        let Some((_, columns)) = &self.dataclass else { return Ok(unreadable(String::new())) };
        let source = match columns.iter().find(|(_, column)| *column == Column::Source) {
            Some((name, _)) => Some(row.getattr(name)?),
            None => None,
        };
        let mut reading = self.begin(source.as_ref())?;
        for (name, column) in columns {
            reading.take(*column, name.bind(py), &row.getattr(name)?)?;
        }
        reading.finish(id, &self.id_column)
    }

    /// A row of a table whose columns are known.
    pub(crate) fn read_cells(
        &self,
        columns: &[(Py<PyString>, Column)],
        cells: &Bound<'_, PyTuple>,
    ) -> PyResult<Row> {
        let py = cells.py();
        let at = columns.iter().position(|(_, column)| *column == Column::Source);
        let source = at.map(|at| cells.get_item(at)).transpose()?;
        let mut reading = self.begin(source.as_ref())?;
        for ((name, column), cell) in columns.iter().zip(cells) {
            reading.take(*column, name.bind(py), &cell)?;
        }
        reading.finish(None, &self.id_column)
    }

    /// A row of a table that is no Python object.
    pub(crate) fn read_values<'a>(&self, cells: impl Iterator<Item = (&'a str, Column, Given)>) -> Row {
        let mut cells: Vec<_> = cells.collect();
        let at = cells.iter().position(|(_, column, _)| *column == Column::Source);
        let source = at.map(|at| std::mem::replace(&mut cells[at].2, Given::Keep));
        let mut reading = self.begin_under(source);
        for (name, column, given) in cells {
            match column {
                Column::Field(field) => given.set(&mut reading.draft, field, reading.texts),
                Column::Id => reading.take_id_given(given, None),
                Column::Source => {}
                Column::Extra | Column::Unknown => reading.draft.reject(Issue::unknown_field(name)),
            }
        }
        reading.finish_row(&self.id_column)
    }

    /// A draft under the row's own source, or that of the run.
    fn begin(&self, source: Option<&Bound<'_, PyAny>>) -> PyResult<Reading> {
        Ok(self.begin_under(source.map(convert::read).transpose()?))
    }

    fn begin_under(&self, source: Option<Given>) -> Reading {
        let mut refused = None;
        let source = match source {
            None | Some(Given::Keep) => self.source.clone(),
            Some(Given::Value(Value::Text(name))) if name.is_empty() && self.texts == Texts::Cells => {
                self.source.clone()
            }
            Some(Given::Value(Value::Text(name))) => Source::new(&name),
            Some(_) => {
                let message =
                    "is no text; name the system the project was created from, for example SALESFORCE";
                refused = Some(Issue::new("metadata.source", IssueCode::WrongType, message));
                self.source.clone()
            }
        };
        let mut draft = Draft::new(source);
        refused.into_iter().for_each(|issue| draft.reject(issue));
        Reading { draft, texts: self.texts, id: None, id_seen: false }
    }
}

impl Reading {
    fn take(&mut self, column: Column, name: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        match column {
            Column::Field(field) => {
                convert::read(value)?.set(&mut self.draft, field, self.texts);
                Ok(())
            }
            Column::Id => self.take_id(value),
            Column::Source => Ok(()),
            Column::Extra => self.take_extra(value),
            Column::Unknown => {
                let issue = match name.cast::<PyString>() {
                    Ok(name) => Issue::unknown_field(&name.to_string_lossy()),
                    Err(_) => {
                        let message = format!("{} is no field's name; keys are text", convert::shown(name));
                        Issue::new("row", IssueCode::UnknownField, message)
                    }
                };
                self.draft.reject(issue);
                Ok(())
            }
        }
    }

    fn take_id(&mut self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let given = convert::read(value)?;
        self.take_id_given(given, Some(value));
        Ok(())
    }

    /// `value` is the Python object, where there is one, for the message.
    fn take_id_given(&mut self, given: Given, value: Option<&Bound<'_, PyAny>>) {
        self.id_seen = true;
        let (code, message) = match given {
            Given::Value(Value::Text(text)) => {
                self.id = Some(text.into_owned());
                return;
            }
            Given::Keep => (
                IssueCode::Required,
                "is missing in this row; give the id the project has in its source".to_owned(),
            ),
            Given::Refused(code, message) => (code, message),
            Given::Value(other) => (IssueCode::WrongType, not_an_id(&other, value)),
        };
        self.draft.reject(Issue::new("id", code, message));
    }

    /// Fields this library does not know: a mapping of names to what stands for JSON.
    fn take_extra(&mut self, extra: &Bound<'_, PyAny>) -> PyResult<()> {
        static JSON_TEXT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let py = extra.py();
        if extra.is_none() {
            return Ok(());
        }
        let json_text = JSON_TEXT.import(py, "projectcor._update", "json_text")?;
        let items = py.get_type::<PyDict>().call1((extra,))?.cast_into::<PyDict>()?;
        for (name, value) in items {
            let name = name.str()?.to_string_lossy().into_owned();
            match json_text.call1((value,)).and_then(|text| text.extract::<String>()) {
                Ok(text) => self.draft.extra(&name, &text),
                Err(error) if error.is_instance_of::<PyException>(py) => {
                    self.draft.reject(Issue::new(name, IssueCode::NotAllowed, error.value(py).to_string()));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn finish(mut self, id: Option<&Bound<'_, PyAny>>, id_column: &str) -> PyResult<Row> {
        if let Some(id) = id {
            self.take_id(id)?;
        }
        Ok(self.finish_row(id_column))
    }

    fn finish_row(mut self, id_column: &str) -> Row {
        if !self.id_seen {
            let message = match id_column {
                "id" => "the row has no `id`; add it, or name the key that holds it as id_column".to_owned(),
                other => format!("the row has no {other:?}, which id_column names"),
            };
            self.draft.reject(Issue::new("id", IssueCode::Required, message));
        }
        let update = self.draft.finish(self.id.as_deref());
        Row { id: self.id.unwrap_or_default(), update }
    }
}

fn not_an_id(given: &Value<'_>, value: Option<&Bound<'_, PyAny>>) -> String {
    let shown = match (value, given) {
        (Some(value), _) => format!("{} of type {}", convert::shown(value), convert::type_name(value)),
        (None, Value::Number(number)) => format!("the number {number}"),
        (None, _) => "the value".to_owned(),
    };
    let fix = match given {
        Value::Number(number) if number.as_i64().is_none() => {
            "a column of floats has lost how its ids are spelled; read it as text, as with read_csv(…, dtype={\"id\": str})"
        }
        Value::Number(_) => {
            "007 and 7 are different ids; read the column as text, or give str(id) where it is the exact spelling"
        }
        _ => "give the exact text the project was created with",
    };
    format!("{shown} is no id, which is text: {fix}")
}

fn unreadable(message: String) -> Row {
    let issue = Issue::new("row", IssueCode::WrongType, message);
    match Invalid::from_issues(vec![issue]) {
        Some(invalid) => Row::invalid("", invalid),
        // One issue is not none.
        None => Row { id: String::new(), update: Ok(ProjectUpdate::new("")) },
    }
}

pub(crate) fn update_class(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static UPDATE: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    UPDATE.import(py, "projectcor._update", "ProjectUpdate")
}

/// One update from keyword arguments, or from a `ProjectUpdate`.
pub(crate) fn single(
    id: &Bound<'_, PyAny>,
    update: Option<&Bound<'_, PyAny>>,
    source: Option<&str>,
    fields: &Bound<'_, PyDict>,
    extra: Option<&Bound<'_, PyAny>>,
) -> PyResult<Row> {
    let mut reader = Reader::new(source, "id".to_owned(), Texts::Plain);
    if let Some(update) = update {
        return reader.read_content(Some(id), update);
    }
    let mut reading = reader.begin(None)?;
    for (name, value) in fields {
        let column = match reader.key(&name) {
            Column::Field(field) => Column::Field(field),
            _ => Column::Unknown,
        };
        reading.take(column, &name, &value)?;
    }
    if let Some(extra) = extra {
        reading.take_extra(extra)?;
    }
    reading.finish(Some(id), "id")
}
