//! The names that fields have in exports of other systems, in English and Spanish.

use std::collections::HashMap;
use std::sync::LazyLock;

use cor_http::{CreateField, Field};

/// What a column may be for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Role {
    /// The external id.
    Id,
    Field(Field),
    Create(CreateField),
}

/// How a column's name leads to its role: the smaller the better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum NameMatch {
    /// The field's own name, but for case, blanks and punctuation.
    Own,
    /// A usual name, by its place in the list.
    Usual(usize),
    /// A name that ends with a usual one: `Expected close date`.
    EndsWith(usize),
}

/// The usual names, the most certain first. Case, accents, blanks, punctuation, and the words of [`FILLERS`] do not count.
///
/// A column of names of clients is a guess for `name`: exports of deals often name a deal after its account. A column of names
/// of people is no guess for `pm_id`, which holds an id.
const USUAL: &[(Role, &[&str])] = &[
    (
        Role::Id,
        &[
            "external id",
            "opportunity id",
            "deal id",
            "project id",
            "record id",
            "issue key",
            "hs object id",
            "id deal",
            "opportunity number",
            "deal number",
            "project number",
            "project code",
            "opportunity code",
            "deal code",
            "id externo",
            "id oportunidad",
            "id proyecto",
            "id negocio",
            "id registro",
            "codigo proyecto",
            "numero proyecto",
            "numero oportunidad",
            "identificador",
            "codigo",
            "clave",
            "key",
            "code",
            "deal",
            "uuid",
        ],
    ),
    (
        Role::Field(Field::Name),
        &[
            "project name",
            "opportunity name",
            "deal name",
            "nombre proyecto",
            "nombre oportunidad",
            "nombre negocio",
            "nombre",
            "title",
            "titulo",
            "summary",
            "project",
            "proyecto",
            "opportunity",
            "oportunidad",
            "negocio",
            "account name",
            "nombre cuenta",
            "client name",
            "customer name",
            "nombre cliente",
            "company name",
            "organization name",
            "organization",
            "account",
            "cuenta",
            "client",
            "cliente",
            "customer",
            "company",
            "empresa",
        ],
    ),
    (
        Role::Field(Field::ClientId),
        &[
            "account id",
            "customer id",
            "company id",
            "associated company id",
            "associated company ids",
            "organization id",
            "account name id",
            "id cliente",
            "id cuenta",
            "id empresa",
            "codigo cliente",
            "client code",
            "customer number",
        ],
    ),
    (
        Role::Field(Field::Brief),
        &[
            "description",
            "project description",
            "descripcion",
            "descripcion proyecto",
            "details",
            "detalle",
            "notes",
            "notas",
        ],
    ),
    (
        Role::Field(Field::Start),
        &[
            "start date",
            "project start",
            "project start date",
            "begin date",
            "kickoff date",
            "fecha inicio",
            "inicio",
            "fecha comienzo",
            "comienzo",
            "created on",
            "created date",
            "create date",
            "created at",
            "creation date",
            "created",
            "fecha creacion",
            "creado",
        ],
    ),
    (
        Role::Field(Field::End),
        &[
            "end date",
            "close date",
            "closing date",
            "expected close date",
            "closed date",
            "project end",
            "project end date",
            "finish date",
            "due date",
            "deadline",
            "delivery date",
            "fecha fin",
            "fecha finalizacion",
            "fecha cierre",
            "fecha termino",
            "fecha entrega",
            "fecha vencimiento",
            "fin",
            "cierre",
            "vencimiento",
            "due",
            "closed on",
        ],
    ),
    (
        Role::Field(Field::PmId),
        &[
            "project manager id",
            "manager id",
            "owner id",
            "opportunity owner id",
            "deal owner id",
            "id responsable",
            "id gerente",
            "id jefe proyecto",
        ],
    ),
    (
        Role::Field(Field::EstimatedTime),
        &[
            "estimated hours",
            "hours",
            "budget hours",
            "budgeted hours",
            "planned hours",
            "total hours",
            "effort",
            "horas estimadas",
            "horas",
            "horas presupuestadas",
            "horas previstas",
            "tiempo estimado",
            "esfuerzo",
        ],
    ),
    (
        Role::Field(Field::Billable),
        &["is billable", "billable flag", "facturable", "es facturable", "chargeable", "cobrable"],
    ),
    (
        Role::Field(Field::Status),
        &[
            "stage",
            "deal stage",
            "opportunity stage",
            "sales stage",
            "stage name",
            "project status",
            "estado",
            "etapa",
            "estado proyecto",
            "etapa negocio",
            "fase",
            "estatus",
            "situacion",
            "phase",
            "state",
        ],
    ),
    (
        Role::Field(Field::CurrencyId),
        &["currency", "currency code", "currency iso code", "moneda", "divisa", "codigo moneda", "id moneda"],
    ),
    (
        Role::Field(Field::EvaluationDate),
        &["review date", "assessment date", "fecha evaluacion", "fecha revision"],
    ),
    (
        Role::Field(Field::Estimated),
        &[
            "amount",
            "budget",
            "total amount",
            "deal amount",
            "deal value",
            "close value",
            "opportunity amount",
            "contract value",
            "project budget",
            "estimated amount",
            "estimated value",
            "presupuesto",
            "importe",
            "monto",
            "importe total",
            "monto total",
            "valor",
            "value",
            "price",
            "precio",
            "expected revenue",
            "revenue",
            "ingresos",
        ],
    ),
    (Role::Field(Field::FeeId), &["fee", "id fee", "fee code", "id tarifa"]),
    (
        Role::Field(Field::ContractId),
        &["contract number", "contract code", "contract", "id contrato", "numero contrato", "contrato"],
    ),
    (Role::Field(Field::Deliverables), &["deliverable", "entregables", "entregable", "scope", "alcance"]),
    (
        Role::Field(Field::WorkOrder),
        &[
            "work order number",
            "orden trabajo",
            "numero orden trabajo",
            "purchase order",
            "po number",
            "orden compra",
            "ot",
        ],
    ),
    (
        Role::Field(Field::IncomeType),
        &["billing type", "revenue type", "tipo ingreso", "tipo facturacion", "billing method"],
    ),
    (Role::Field(Field::Archived), &["is archived", "archivado", "archivada"]),
];

/// Words of a name that carry no meaning of their own.
const FILLERS: [&str; 11] = ["de", "del", "la", "el", "los", "las", "al", "of", "the", "in", "en"];

/// What other systems call the record that is a project in COR: some write it in front of every column, as in `Deal - Status`.
const RECORDS: [&str; 6] = ["deal", "opportunity", "project", "negocio", "oportunidad", "proyecto"];

/// Usual names of one word that say too little at the end of a longer name: `Product code`, `Payment state`.
const TOO_SHORT: [&str; 18] = [
    "key", "code", "deal", "account", "client", "customer", "company", "project", "title", "value", "state",
    "created", "due", "fin", "ot", "fee", "price", "valor",
];

/// Names of columns are shorter. A header that is none may have names of any length.
const LONGEST_NAME: usize = 200;

static ROLES: LazyLock<HashMap<String, (Role, NameMatch)>> = LazyLock::new(|| {
    let mut roles = HashMap::new();
    for (role, names) in USUAL {
        for (place, name) in names.iter().enumerate() {
            roles.insert(joined(&words(name)), (*role, NameMatch::Usual(place)));
        }
    }
    for field in Field::ALL {
        roles.insert(joined(&words(field.name())), (Role::Field(*field), NameMatch::Own));
    }
    for field in CreateField::ALL {
        roles.insert(joined(&words(field.name())), (Role::Create(*field), NameMatch::Own));
    }
    roles.insert("id".to_owned(), (Role::Id, NameMatch::Own));
    roles
});

/// The role that the name of a column suggests, and how.
pub(super) fn role_of(name: &str) -> Option<(Role, NameMatch)> {
    if name.len() > LONGEST_NAME {
        return None;
    }
    let words = words(name);
    if let Some(found) = ROLES.get(&joined(&words)) {
        return Some(*found);
    }
    (1..words.len()).find_map(|from| {
        let end = joined(&words[from..]);
        let (role, known) = ROLES.get(&end)?;
        let is_of_record = words[..from].iter().all(|word| RECORDS.contains(&word.as_str()));
        let says_enough = is_of_record || words.len() - from > 1 || !TOO_SHORT.contains(&end.as_str());
        match known {
            NameMatch::Own if is_of_record => Some((*role, NameMatch::EndsWith(0))),
            NameMatch::Usual(place) if says_enough => Some((*role, NameMatch::EndsWith(*place))),
            _ => None,
        }
    })
}

/// Whether the name of a column suggests what it is for.
pub(crate) fn names_a_field(name: &str) -> bool {
    role_of(name).is_some()
}

/// The words of a name in small letters without accents: without what stands in brackets, without the ending of a custom
/// field of Salesforce, and without fillers.
fn words(name: &str) -> Vec<String> {
    let mut depth = 0_usize;
    let outside = name.chars().filter(|c| {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            _ => return depth == 0,
        }
        false
    });
    let text: String = outside.flat_map(char::to_lowercase).map(without_accent).collect();
    let text = text.trim().trim_end_matches("__c");
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.filter(|word| !FILLERS.contains(word)).map(str::to_owned).collect()
}

/// Without blanks, so that `closedate` and `close date` are one name.
fn joined(words: &[String]) -> String {
    words.concat()
}

fn without_accent(c: char) -> char {
    match c {
        'á' | 'à' | 'â' | 'ä' | 'ã' => 'a',
        'é' | 'è' | 'ê' | 'ë' => 'e',
        'í' | 'ì' | 'î' | 'ï' => 'i',
        'ó' | 'ò' | 'ô' | 'ö' | 'õ' => 'o',
        'ú' | 'ù' | 'û' | 'ü' => 'u',
        'ñ' => 'n',
        'ç' => 'c',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_names_of_other_systems_map_to_fields() {
        let field = |field| Some(Role::Field(field));
        for (name, expected) in [
            ("Opportunity Name", field(Field::Name)),
            ("Deal name", field(Field::Name)),
            ("Nombre del proyecto", field(Field::Name)),
            ("  CLOSE_DATE ", field(Field::End)),
            ("closedate", field(Field::End)),
            ("properties.closedate", field(Field::End)),
            ("Opportunity: Close Date", field(Field::End)),
            ("Expected close date", field(Field::End)),
            ("Fecha de inicio", field(Field::Start)),
            ("FECHA CREACIÓN", field(Field::Start)),
            ("Amount (converted)", field(Field::Estimated)),
            ("Budget__c", field(Field::Estimated)),
            ("Presupuesto [EUR]", field(Field::Estimated)),
            ("Estimated Time", field(Field::EstimatedTime)),
            ("estimated", field(Field::Estimated)),
            ("Etapa del negocio", field(Field::Status)),
            ("Record ID", Some(Role::Id)),
            ("opportunity_id", Some(Role::Id)),
            ("Id", Some(Role::Id)),
            ("Brand ID", Some(Role::Create(CreateField::BrandId))),
            ("Deal - Title", field(Field::Name)),
            ("Deal - Status", field(Field::Status)),
            ("Deal - Deal created", field(Field::Start)),
            ("Deal - Owner", None),
            ("Payment status", None),
            ("Owner", None),
            ("Product code", None),
            ("Valid", None),
            ("", None),
            ("(amount)", None),
            ("\u{1f600}", None),
        ] {
            assert_eq!(role_of(name).map(|(role, _)| role), expected, "{name:?}");
        }
        assert_eq!(role_of(&"close date ".repeat(100_000)), None);
    }

    #[test]
    fn prefers_own_name_to_common_name_to_ending() {
        let rank = |name| role_of(name).unwrap().1;
        assert!(rank("end") < rank("End date"));
        assert!(rank("Close date") < rank("Due date"));
        assert!(rank("Due date") < rank("Agreed close date"));
    }

    #[test]
    fn common_names_belong_to_one_role() {
        let mut known: HashMap<String, Role> = HashMap::new();
        for (role, names) in USUAL {
            for name in *names {
                let before = known.insert(joined(&words(name)), *role);
                assert_eq!(before, None, "{name:?} is listed twice");
                assert_eq!(role_of(name).unwrap().0, *role, "{name:?} is the own name of another field");
            }
        }
        for field in Field::ALL {
            assert_eq!(role_of(field.name()), Some((Role::Field(*field), NameMatch::Own)));
        }
    }
}
