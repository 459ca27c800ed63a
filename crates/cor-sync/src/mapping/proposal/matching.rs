//! Which column is proposed for which field.

use std::collections::{BTreeMap, BTreeSet};

use cor_http::{CreateField, Field};

use super::evidence::Fit;
use super::fit::{looks, looks_like_ids, shows_by_values};
use super::sample::{SampleColumn, TableSample};
use super::synonyms::{NameMatch, Role, role_of};
use super::trial::Trial;
use super::{
    Basis, BooleanWord, Decision, MappingProposal, NullWord, ProposalOptions, ProposedColumn, ProposedField,
    Setting, UnmappedColumn,
};
use crate::ConfigError;
use crate::mapping::columns::missing_id;
use crate::text::is_same_name;

/// A column that may be for a role by its name.
struct Candidate {
    at: usize,
    role: Role,
    name: NameMatch,
    fit: Fit,
}

/// A column that was chosen.
struct Chosen {
    at: usize,
    basis: Basis,
    fit: Fit,
    others: Vec<String>,
}

impl MappingProposal {
    /// Proposes a mapping for the table of which this is the beginning.
    ///
    /// # Errors
    /// Where the options name a column that the table does not have.
    pub(crate) fn of_sample(
        input: &str,
        sample: &TableSample,
        options: &ProposalOptions,
    ) -> Result<MappingProposal, ConfigError> {
        let trial = Trial::new(sample.style);
        let given = options.id_column.as_deref().map(|name| given_id(name, sample)).transpose()?;
        let mut refuted: BTreeMap<usize, String> = BTreeMap::new();
        let mut chosen = by_name(sample, &trial, given, &mut refuted);
        by_values(sample, &trial, &mut chosen);
        let id = chosen.remove(&RoleKey::Id).map(|id| proposed(sample, id));
        let keep = null_words(chosen.values().map(|chosen| &sample.columns[chosen.at]));
        let mut used: BTreeSet<&str> = id.iter().map(|id| id.column.as_str()).collect();
        used.extend(chosen.values().map(|chosen| sample.columns[chosen.at].name.as_str()));
        let unused =
            sample.columns.iter().enumerate().filter(|(_, column)| !used.contains(column.name.as_str()));
        let unused = unused.map(|(at, column)| UnmappedColumn {
            column: column.name.clone(),
            about: about(column, refuted.get(&at), &trial),
            is_ignored: can_be_ignored(&column.name, id.is_some()),
        });
        Ok(MappingProposal {
            input: input.to_owned(),
            source: options.source.clone(),
            notes: Vec::new(),
            is_whole: false,
            rows: sample.rows,
            columns: sample.width(),
            keep,
            unused: unused.collect(),
            fields: chosen
                .into_iter()
                .map(|(key, chosen)| ProposedField { field: key.name(), column: proposed(sample, chosen) })
                .collect(),
            id,
        })
    }
}

/// Roles in the order of the mapping file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum RoleKey {
    Id,
    Field(Field),
    Create(usize),
}

impl RoleKey {
    fn of(role: Role) -> RoleKey {
        match role {
            Role::Id => RoleKey::Id,
            Role::Field(field) => RoleKey::Field(field),
            Role::Create(field) => {
                let place = CreateField::ALL.iter().position(|known| *known == field);
                RoleKey::Create(place.unwrap_or_default())
            }
        }
    }

    fn name(self) -> &'static str {
        match self {
            RoleKey::Id => "id",
            RoleKey::Field(field) => field.name(),
            RoleKey::Create(place) => CreateField::ALL[place].name(),
        }
    }
}

fn given_id(name: &str, sample: &TableSample) -> Result<usize, ConfigError> {
    // A column without a name cannot be named in a mapping.
    let is_named = |column: &SampleColumn| column.can_be_named() && is_same_name(&column.name, name);
    let found = sample.columns.iter().position(is_named);
    found.ok_or_else(|| {
        let header: Vec<String> = sample.columns.iter().map(|column| column.name.clone()).collect();
        ConfigError(vec![missing_id(name, &header)])
    })
}

/// Assigns columns by their names, the best match first, where their cells do not contradict it.
fn by_name(
    sample: &TableSample,
    trial: &Trial,
    given: Option<usize>,
    refuted: &mut BTreeMap<usize, String>,
) -> BTreeMap<RoleKey, Chosen> {
    let mut chosen = BTreeMap::new();
    if let Some(at) = given {
        let fit = trial.id(&sample.columns[at]);
        chosen.insert(RoleKey::Id, Chosen { at, basis: Basis::Given, fit, others: Vec::new() });
    }
    let mut candidates = Vec::new();
    for (at, column) in sample.columns.iter().enumerate() {
        if !column.can_be_named() || given == Some(at) {
            continue;
        }
        let Some((role, name)) = role_of(&column.name) else { continue };
        let fit = match role {
            Role::Id => trial.id(column),
            Role::Field(field) => trial.field(field, column),
            Role::Create(field) => trial.create(field, column),
        };
        match fit.is_confirmed() {
            true => candidates.push(Candidate { at, role, name, fit }),
            false => {
                let role = RoleKey::of(role).name();
                refuted.insert(at, format!("named like {role}, but {}", fit.evidence()));
            }
        }
    }
    // A column without cells is better than none, and worse than any other.
    candidates.sort_by_key(|candidate| (candidate.fit.is_empty(), candidate.name, candidate.at));
    for Candidate { at, role, name, fit } in candidates {
        let column = sample.columns[at].name.clone();
        let key = RoleKey::of(role);
        match chosen.get_mut(&key) {
            Some(better) => better.others.push(column),
            None => {
                let basis = match name {
                    NameMatch::Own => Basis::FieldName,
                    NameMatch::Usual(_) => Basis::UsualName,
                    NameMatch::EndsWith(_) => Basis::NameEnding,
                };
                let mut fit = fit;
                if let (RoleKey::Field(field), true) = (key, basis.is_guess())
                    && let Some(of) = field.name().strip_suffix("_id")
                {
                    fit.decide(Decision::of_reference(of));
                }
                chosen.insert(key, Chosen { at, basis, fit, others: Vec::new() });
            }
        }
    }
    chosen
}

/// Assigns columns whose cells alone show what they are for.
fn by_values(sample: &TableSample, trial: &Trial, chosen: &mut BTreeMap<RoleKey, Chosen>) {
    let is_free = |at: usize, chosen: &BTreeMap<RoleKey, Chosen>| {
        sample.columns[at].can_be_named() && chosen.values().all(|other| other.at != at)
    };
    for key in [RoleKey::Id, RoleKey::Field(Field::Status), RoleKey::Field(Field::IncomeType)] {
        if chosen.contains_key(&key) {
            continue;
        }
        let shows = |at: usize| {
            let column = &sample.columns[at];
            match key {
                RoleKey::Field(field) => shows_by_values(field, column, trial),
                _ => looks_like_ids(column, sample.rows, trial),
            }
        };
        let mut found = (0..sample.columns.len()).filter(|at| is_free(*at, chosen) && shows(*at));
        let Some(at) = found.next() else { continue };
        let others = found.map(|at| sample.columns[at].name.clone()).collect();
        let column = &sample.columns[at];
        let fit = match key {
            RoleKey::Field(field) => trial.field(field, column),
            _ => trial.id(column),
        };
        chosen.insert(key, Chosen { at, basis: Basis::Values, fit, others });
    }
}

fn proposed(sample: &TableSample, chosen: Chosen) -> ProposedColumn {
    let Chosen { at, basis, fit, others } = chosen;
    let evidence = fit.evidence();
    let mut settings = fit.settings;
    if fit.trim && !settings.iter().any(|setting| setting.name == "trim") {
        settings.push(Setting::flag("trim", true));
    }
    ProposedColumn {
        column: sample.columns[at].name.clone(),
        basis,
        evidence,
        settings,
        values: fit.values.into_iter().map(|(word, value)| BooleanWord { word, value }).collect(),
        decisions: fit.decisions,
        others,
    }
}

/// The words that stand for no value in these columns.
fn null_words<'s>(columns: impl Iterator<Item = &'s SampleColumn>) -> Vec<NullWord> {
    let mut words: BTreeMap<&str, Vec<(String, u64)>> = BTreeMap::new();
    for column in columns {
        for (word, cells) in &column.null_words {
            words.entry(word).or_default().push((column.name.clone(), *cells));
        }
    }
    words.into_iter().map(|(word, columns)| NullWord { word: word.to_owned(), columns }).collect()
}

/// Why a column sets no field, or what its cells look like.
fn about(column: &SampleColumn, refuted: Option<&String>, trial: &Trial) -> String {
    match refuted {
        Some(why) => why.clone(),
        None if column.name.is_empty() => "it has no name, so that no mapping can name it".to_owned(),
        None if column.is_repeated => {
            "several columns have this name, but for case and blanks; rename them to use one".to_owned()
        }
        None => looks(column, trial),
    }
}

/// Without an id in the mapping the column `id` is the id's.
fn can_be_ignored(name: &str, has_id: bool) -> bool {
    !name.is_empty() && (has_id || !is_same_name(name, "id"))
}
